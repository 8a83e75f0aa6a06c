#include "client.h"

#include <curl/curl.h>

#include "base/json.h"
#include "base/panic.h"

enum { ANSWER_MAX = 256 * 1024 * 1024 };

bool client_from_port_file(struct client *c, const char *path, struct err *err)
{
	char text[1024];
	FILE *f = fopen(path, "r");
	if (!f) {
		err_set(err, ERR_NOT_FOUND, "%s: %m; is the sandbox running with --port-file?", path);
		return false;
	}
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	struct json_object *o = json_parse(sv_make(text, n), path, err);
	c->port = (int)json_i64(o, "salesforce", 0);
	json_object_put(o);
	if (c->port <= 0)
		err_set(err, ERR_BAD_INPUT, "%s: holds no port", path);
	return c->port > 0;
}

static size_t on_bytes(char *ptr, size_t size, size_t n, void *ctx)
{
	buf_add(ctx, sv_make(ptr, size * n));
	return size * n;
}

static int say_failure(CURLcode rc, const struct client *c)
{
	fprintf(stderr, "treaty-sandbox: no sandbox answers on 127.0.0.1:%d: %s\n", c->port, curl_easy_strerror(rc));
	return 1;
}

/* NULL body = GET. */
static int request(const struct client *c, struct sv path, struct json_object *body)
{
	struct buf answer, url;
	long status = 0;
	buf_init(&answer, ANSWER_MAX);
	buf_init(&url, 4096);
	buf_addf(&url, "http://127.0.0.1:%d/_sandbox/%.*s", c->port, SV_ARG(path));
	CURL *h = curl_easy_init();
	if (!h)
		panic("curl_easy_init");
	curl_easy_setopt(h, CURLOPT_URL, url.ptr);
	curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, &answer);
	if (body)
		curl_easy_setopt(h, CURLOPT_COPYPOSTFIELDS, json_object_to_json_string(body));
	CURLcode rc = curl_easy_perform(h);
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(h);
	int code = rc == CURLE_OK ? status >= 300 : say_failure(rc, c);
	if (rc == CURLE_OK)
		fprintf(status < 300 ? stdout : stderr, "%.*s\n", SV_ARG(buf_sv(&answer)));
	buf_finish(&answer);
	buf_finish(&url);
	return code;
}

static int post(const struct client *c, const char *verb, struct json_object *take)
{
	int code = request(c, sv_of(verb), take);
	json_object_put(take);
	return code;
}

static struct json_object *for_system(const char *system)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "system", sv_of(system));
	return o;
}

/* 'name=value'; an empty value is null. False when there is no '='. */
static bool put_pair(struct json_object *o, const char *pair)
{
	struct sv key, value;
	char name[128];
	if (!sv_cut(sv_of(pair), '=', &key, &value) || key.len >= sizeof(name)) {
		fprintf(stderr, "treaty-sandbox: '%s' is not NAME=VALUE\n", pair);
		return false;
	}
	snprintf(name, sizeof(name), "%.*s", SV_ARG(key));
	json_object_object_add(o, name, value.len ? json_from_sv(value) : NULL);
	return true;
}

/* Numbers and booleans as such: the control endpoints read them typed. */
static bool put_typed_pair(struct json_object *o, const char *pair)
{
	struct sv key, value;
	char name[128];
	int64_t n;
	if (!sv_cut(sv_of(pair), '=', &key, &value) || key.len >= sizeof(name))
		return put_pair(o, pair);
	snprintf(name, sizeof(name), "%.*s", SV_ARG(key));
	if (sv_eq(value, SV("true")) || sv_eq(value, SV("false")))
		json_put_bool(o, name, sv_eq(value, SV("true")));
	else if (sv_to_i64(value, &n))
		json_put_i64(o, name, n);
	else
		return put_pair(o, pair);
	return true;
}

/* SYSTEM OBJECT ID field=value ... */
static int run_edit(const struct client *c, int argc, char **argv)
{
	struct json_object *o = for_system(argv[1]), *fields = json_object_new_object();
	json_put_sv(o, "object", sv_of(argv[2]));
	json_put_sv(o, "id", sv_of(argv[3]));
	json_object_object_add(o, "fields", fields);
	for (int i = 4; i < argc; i++)
		if (!put_pair(fields, argv[i])) {
			json_object_put(o);
			return 2;
		}
	return post(c, "edit", o);
}

/* SYSTEM OBJECT field=value ... */
static int run_create(const struct client *c, int argc, char **argv)
{
	struct json_object *o = for_system(argv[1]), *fields = json_object_new_object();
	json_put_sv(o, "object", sv_of(argv[2]));
	json_object_object_add(o, "fields", fields);
	for (int i = 3; i < argc; i++)
		if (!put_pair(fields, argv[i])) {
			json_object_put(o);
			return 2;
		}
	return post(c, "create", o);
}

static int run_delete(const struct client *c, int argc, char **argv)
{
	struct json_object *o = for_system(argv[1]);
	json_put_sv(o, "object", sv_of(argv[2]));
	json_put_sv(o, "id", sv_of(argv[3]));
	return post(c, "delete", o);
}

/* SYSTEM KIND option=value ... */
static int run_fault(const struct client *c, int argc, char **argv)
{
	struct json_object *o = for_system(argv[1]);
	json_put_sv(o, "kind", sv_of(argv[2]));
	for (int i = 3; i < argc; i++)
		if (!put_typed_pair(o, argv[i])) {
			json_object_put(o);
			return 2;
		}
	/* Kinds such as 500 look like numbers but are names. */
	return post(c, "fault", o);
}

/* SYSTEM VERB option=value ... : any verb of the system's own. */
static int run_control(const struct client *c, int argc, char **argv)
{
	struct json_object *o = for_system(argv[1]);
	for (int i = 3; i < argc; i++)
		if (!put_typed_pair(o, argv[i])) {
			json_object_put(o);
			return 2;
		}
	return post(c, argv[2], o);
}

/* SYSTEM option=value ... : adds a rule, or 'clear=true'. */
static int run_automation(const struct client *c, int argc, char **argv)
{
	struct json_object *o = for_system(argv[1]);
	for (int i = 2; i < argc; i++)
		if (!(strncmp(argv[i], "clear=", 6) == 0 ? put_typed_pair : put_pair)(o, argv[i])) {
			json_object_put(o);
			return 2;
		}
	return post(c, "automation", o);
}

static int get(const struct client *c, const char *verb, const char *names[], char **values, int n)
{
	struct buf path;
	buf_init(&path, 2048);
	buf_addf(&path, "%s?", verb);
	for (int i = 0; i < n; i++) {
		buf_addf(&path, "&%s=", names[i]);
		buf_add_url(&path, sv_of(values[i]));
	}
	int code = request(c, buf_sv(&path), NULL);
	buf_finish(&path);
	return code;
}

static int run_calls(const struct client *c, int argc, char **argv)
{
	const char *names[] = { "system", "reset" };
	return get(c, "calls", names, argv + 1, argc - 1 < 2 ? argc - 1 : 2);
}

static int run_writes(const struct client *c, int argc, char **argv)
{
	const char *names[] = { "system", "object", "id" };
	return get(c, "writes", names, argv + 1, argc - 1 < 3 ? argc - 1 : 3);
}

static int run_show(const struct client *c, int argc, char **argv)
{
	const char *names[] = { "system", "object", "id" };
	return get(c, "dump", names, argv + 1, argc - 1 < 3 ? argc - 1 : 3);
}

static int run_status(const struct client *c, int argc, char **argv)
{
	return request(c, SV(""), NULL);
}

static int run_stop(const struct client *c, int argc, char **argv)
{
	return post(c, "shutdown", json_object_new_object());
}

int client_run(const struct client *c, int argc, char **argv)
{
	static const struct {
		const char *name;
		int least;
		int (*run)(const struct client *, int, char **);
		const char *usage;
	} verbs[] = {
		{ "edit", 4, run_edit, "edit SYSTEM OBJECT ID FIELD=VALUE..." },
		{ "create", 3, run_create, "create SYSTEM OBJECT FIELD=VALUE..." },
		{ "delete", 3, run_delete, "delete SYSTEM OBJECT ID" },
		{ "fault", 2, run_fault, "fault SYSTEM KIND [OPTION=VALUE...]" },
		{ "automation", 1, run_automation, "automation SYSTEM OPTION=VALUE..." },
		{ "control", 2, run_control, "control SYSTEM VERB [OPTION=VALUE...]" },
		{ "calls", 0, run_calls, "calls [SYSTEM]" },
		{ "writes", 1, run_writes, "writes SYSTEM [OBJECT [ID]]" },
		{ "show", 2, run_show, "show SYSTEM OBJECT [ID]" },
		{ "status", 0, run_status, "status" },
		{ "stop", 0, run_stop, "stop" },
	};
	for (size_t i = 0; i < countof(verbs); i++) {
		if (strcmp(verbs[i].name, argv[0]) != 0)
			continue;
		if (argc - 1 >= verbs[i].least)
			return verbs[i].run(c, argc, argv);
		fprintf(stderr, "usage: treaty-sandbox %s\n", verbs[i].usage);
		return 2;
	}
	fprintf(stderr, "treaty-sandbox: no command '%s'; see treaty-sandbox --help\n", argv[0]);
	return 2;
}

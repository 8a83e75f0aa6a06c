/* The description interpreter with connectors/bullhorn.yaml against the
 * sandbox's Bullhorn: real HTTP, real sessions, a queue that reading empties,
 * and trouble on demand.
 *
 *   test-rest-live TREATY-SANDBOX */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <microhttpd.h>

#include "../scratch_dir.h"
#include "systems/rest/rest.h"

/* A credential box that remembers, counts, and can break. */
struct memory_box {
	struct credential_box box; /* first */
	char name[200], text[200];
	int puts;
	bool broken;
};

static struct memory_box box;
static struct http_client *http;
static struct arena arena;
static struct deployment *deployment;
static struct connector *c;
static pid_t sandbox;
static int port;
static const char *sandbox_path;

static const char *const objects[] = { "Candidate", "JobOrder", "Placement" };

static bool box_get(struct credential_box *b, const char *name, struct buf *out, struct err *err)
{
	if (strcmp(box.name, name) == 0 && box.text[0]) {
		buf_add(out, sv_of(box.text));
		return true;
	}
	err_set(err, ERR_NOT_FOUND, "nothing kept");
	return false;
}

static bool box_put(struct credential_box *b, const char *name, struct sv text, struct err *err)
{
	if (box.broken) {
		err_set(err, ERR_STORE, "the disk is full");
		return false;
	}
	box.puts++;
	snprintf(box.name, sizeof(box.name), "%s", name);
	snprintf(box.text, sizeof(box.text), "%.*s", SV_ARG(text));
	return true;
}

/* ---- the sandbox ---- */

/* What the sandbox answers under /_sandbox/; the caller puts it. */
static struct json_object *control(const char *method, const char *verb, const char *body)
{
	struct err err = { 0 };
	struct http_call call = {
		.method = method,
		.url = arena_printf(&arena, "http://127.0.0.1:%d/_sandbox/%s", port, verb).ptr,
		.body = sv_of(body),
		.content_type = body ? "application/json" : NULL,
		.timeout_ms = 20000,
	};
	if (!http_perform(http, &call, &err))
		fail_msg("%s", err.what);
	struct json_object *o = json_parse(sv_trim(buf_sv(&call.body_out)), verb, &err);
	if (!o || call.status != 200)
		fail_msg("%s %s: %ld %s %s", method, verb, call.status, err.what,
			 call.body_out.ptr);
	http_call_finish(&call);
	return o;
}

static void tell(const char *verb, const char *body)
{
	json_object_put(control("POST", verb, body));
}

static int64_t calls_of(const char *endpoint)
{
	struct json_object *o = control("GET", "calls", NULL);
	int64_t n = json_i64(json_at(o, "endpoints"), endpoint, 0);
	json_object_put(o);
	return n;
}

static int64_t password_logins(void)
{
	struct json_object *o = control("POST", "sessions", "{}");
	int64_t n = json_i64(o, "logins", 0);
	json_object_put(o);
	return n;
}

/* As a recruiter would. */
static void edit(const char *object, const char *id, const char *fields)
{
	tell("edit", arena_printf(&arena, "{\"object\":\"%s\",\"id\":\"%s\",\"fields\":{%s}}",
				  object, id, fields).ptr);
}

static int read_ports(const char *file)
{
	struct err err = { 0 };
	char text[200];
	FILE *f = fopen(file, "r");
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;
	if (f)
		fclose(f);
	struct json_object *o = n ? json_parse(sv_trim(sv_make(text, n)), "ports", &err) : NULL;
	int p = (int)json_i64(o, "bullhorn", 0);
	json_object_put(o);
	return p;
}

static int start_sandbox(void **state)
{
	char dir[SCRATCH_DIR_MAX], file[SCRATCH_PATH_MAX];
	scratch_dir(dir);
	snprintf(file, sizeof(file), "%s/ports", dir);
	sandbox = fork();
	if (sandbox == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(sandbox_path, sandbox_path, "serve", "--seed", "1", "--size", "small",
		      "--salesforce-port", "0", "--bullhorn-port", "0", "--port-file", file,
		      (char *)NULL);
		_exit(127);
	}
	for (int waited_ms = 0; !port && waited_ms < 30000; waited_ms += 10) {
		poll(NULL, 0, 10);
		port = read_ports(file);
	}
	unlink(file);
	rmdir(dir);
	arena_init(&arena);
	http = http_client_create();
	setenv("TEST_REST_PASSWORD", "sandbox-password", 1);
	setenv("TEST_REST_SECRET", "sandbox-secret", 1);
	setenv("TEST_REST_STORE_KEY", "unused", 1);
	return port ? 0 : -1;
}

static int stop_sandbox(void **state)
{
	int status;
	http_client_destroy(http);
	arena_finish(&arena);
	kill(sandbox, SIGTERM);
	waitpid(sandbox, &status, 0);
	return 0;
}

/* ---- the connector ---- */

static void connect_to(int to)
{
	struct complaints said;
	struct err err = { 0 };
	struct sv text = arena_printf(
		&arena,
		"deployment: 1\ntreaty: t.yaml\n"
		"store: {path: x.db, key: \"env:TEST_REST_STORE_KEY\"}\n"
		"systems:\n"
		"  ats:\n"
		"    connector: bullhorn\n"
		"    url: http://127.0.0.1:%d/rest-services\n"
		"    login: {username: sandbox.api, password: \"env:TEST_REST_PASSWORD\",\n"
		"      client_id: sandbox-client, client_secret: \"env:TEST_REST_SECRET\"}\n"
		"    poll: 10ms\n"
		"    timeout: 20s\n"
		"  salesforce:\n"
		"    connector: salesforce\n"
		"    url: http://127.0.0.1:9\n"
		"    login: {username: a@b.example, key: \"env:TEST_REST_SECRET\", client_id: x,\n"
		"      audience: \"https://login.salesforce.com\"}\n", to);
	complaints_init(&said, "deployment.yaml");
	deployment = deployment_load_text(text, "deployment.yaml", &said);
	if (!deployment)
		fail_msg("%d: %.*s", said.list[0].place.line, SV_ARG(said.list[0].text));
	complaints_finish(&said);
	c = rest_open(CONNECTORS "/bullhorn.yaml", deployment, SIDE_ATS, &box.box, http,
		      clock_real(), objects, 3, &err);
	if (!c)
		fail_msg("%s", err.what);
}

static void disconnect(void)
{
	if (c)
		c->ops->close(c);
	deployment_destroy(deployment);
	c = NULL;
	deployment = NULL;
}

static void reconnect(void)
{
	disconnect();
	connect_to(port);
}

static int begin(void **state)
{
	box = (struct memory_box){ .box = { box_get, box_put } };
	tell("fault", "{\"kind\":\"none\"}");
	connect_to(port);
	return 0;
}

static int end(void **state)
{
	disconnect();
	return 0;
}

#define TYPE(k) { .kind = (k), .scale = -1, .link_record = -1 }

static const struct field_ref candidate_fields[] = {
	{ "firstName", TYPE(TYPE_TEXT) },  { "email", TYPE(TYPE_EMAIL) },
	{ "address.city", TYPE(TYPE_TEXT) }, { "skillList", TYPE(TYPE_SET) },
	{ "owner", TYPE(TYPE_LINK) },	   { "status", TYPE(TYPE_PICKLIST) },
};
static const struct object_ref candidate = { .object = "Candidate", .field = candidate_fields,
					     .field_n = countof(candidate_fields) };
static const struct field_ref placement_fields[] = { { "status", TYPE(TYPE_PICKLIST) },
						     { "candidate", TYPE(TYPE_LINK) },
						     { "dateBegin", TYPE(TYPE_DATE) } };
static const struct object_ref placement = { .object = "Placement", .field = placement_fields,
					     .field_n = countof(placement_fields) };

static void must(bool ok, const struct err *err)
{
	if (!ok)
		fail_msg("%s: %s", err_code_name(err->code), err->what);
}

#define assert_sv(a, text) assert_string_equal(arena_str(&arena, (a)), (text))

static struct rows fetch(const struct object_ref *o, const struct sv *id, int n)
{
	struct rows rows;
	struct err err = { 0 };
	must(c->ops->fetch(c, o, id, n, &arena, &rows, &err), &err);
	return rows;
}

static struct rows fetch_one(const struct object_ref *o, const char *id)
{
	struct sv sv = sv_of(id);
	return fetch(o, &sv, 1);
}

static enum write_outcome write_candidate(enum write_op op, const char *id,
					  const struct write_field *f, int n, struct write *w)
{
	struct err err = { 0 };
	*w = (struct write){ .op = op, .object = &candidate, .id = sv_of(id), .field = f,
			     .field_n = n };
	c->ops->write(c, w, 1, &arena, &err);
	return w->outcome;
}

static struct write_field text_field(const char *api, const char *text)
{
	return (struct write_field){ api, TYPE(TYPE_TEXT),
				     { text ? VALUE_TEXT : VALUE_NULL, sv_of(text) } };
}

/* ---- logging in ---- */

static void test_login(void **state)
{
	struct sv organisation;
	struct err err = { 0 };
	int64_t before = password_logins();
	must(c->ops->identify(c, &arena, &organisation, &err), &err);
	assert_sv(organisation, "sbx001");
	assert_int_equal(password_logins(), before + 1);
	/* the single-use token of the next login is kept */
	assert_int_equal(box.puts, 1);
	assert_string_equal(box.name, "bullhorn/sandbox-client/sandbox.api");
	/* discover, authorize, token, session */
	assert_int_equal(atomic_load(&c->usage.calls), 4);
	must(c->ops->identify(c, &arena, &organisation, &err), &err);
	assert_int_equal(atomic_load(&c->usage.calls), 4);
}

static void test_refresh_token_is_used_once(void **state)
{
	struct sv organisation;
	struct err err = { 0 };
	char first[200];
	must(c->ops->identify(c, &arena, &organisation, &err), &err);
	snprintf(first, sizeof(first), "%s", box.text);
	int64_t before = password_logins();
	reconnect();
	must(c->ops->identify(c, &arena, &organisation, &err), &err);
	assert_string_not_equal(box.text, first);
	assert_int_equal(box.puts, 2);
	assert_int_equal(password_logins(), before);

	/* a token that was used already: the password takes over */
	snprintf(box.text, sizeof(box.text), "%s", first);
	reconnect();
	must(c->ops->identify(c, &arena, &organisation, &err), &err);
	assert_int_equal(password_logins(), before + 1);
}

/* Nothing is done with an access token whose successor could not be kept. */
static void test_unkept_token_is_not_used(void **state)
{
	struct sv organisation;
	struct err err = { 0 };
	int64_t before = calls_of("POST login");
	box.broken = true;
	assert_false(c->ops->identify(c, &arena, &organisation, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_int_equal(calls_of("POST login"), before);
	box.broken = false;
	err_clear(&err);
	must(c->ops->identify(c, &arena, &organisation, &err), &err);
}

static void test_wrong_password_is_sent_once(void **state)
{
	struct sv organisation;
	struct err err = { 0 };
	setenv("TEST_REST_PASSWORD", "wrong", 1);
	int64_t before = calls_of("GET authorize");
	assert_false(c->ops->identify(c, &arena, &organisation, &err));
	assert_int_equal(err.code, ERR_AUTH);
	assert_null(strstr(err.what, "wrong"));
	err_clear(&err);
	assert_false(c->ops->identify(c, &arena, &organisation, &err));
	assert_int_equal(err.code, ERR_AUTH);
	assert_int_equal(calls_of("GET authorize"), before + 1);
	/* until somebody has changed it */
	setenv("TEST_REST_PASSWORD", "sandbox-password", 1);
	err_clear(&err);
	must(c->ops->identify(c, &arena, &organisation, &err), &err);
}

static void test_session_login_fails_now_and_then(void **state)
{
	struct sv organisation;
	struct err err = { 0 };
	tell("fault", "{\"kind\":\"500\",\"path\":\"/rest-services/login\",\"method\":\"POST\","
		      "\"count\":2}");
	must(c->ops->identify(c, &arena, &organisation, &err), &err);
}

static void test_system_away(void **state)
{
	struct sv organisation;
	struct err err = { 0 };
	struct write w;
	struct write_field f = text_field("firstName", "X");
	tell("fault", "{\"kind\":\"outage\"}");
	assert_false(c->ops->identify(c, &arena, &organisation, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
	/* no session, so surely not executed */
	assert_int_equal(write_candidate(WRITE_UPDATE, "1", &f, 1, &w), WRITE_NOT_SENT);
}

static void test_session_ends(void **state)
{
	struct write w;
	struct write_field f = text_field("occupation", "Welder");
	fetch_one(&candidate, "1");
	int puts = box.puts;
	tell("sessions", "{\"expire\":\"session\"}");
	struct rows rows = fetch_one(&candidate, "1");
	assert_int_equal(rows.row[0].existence, EXISTENCE_PRESENT);
	assert_int_equal(box.puts, puts + 1);
	tell("sessions", "{\"expire\":\"session\"}");
	assert_int_equal(write_candidate(WRITE_UPDATE, "1", &f, 1, &w), WRITE_DONE);
	/* and when it ends again and again: it was not executed, and no loop */
	tell("fault", "{\"kind\":\"session\",\"path\":\"/rest-services/sbx001/entity\",\"count\":9}");
	assert_int_equal(write_candidate(WRITE_UPDATE, "1", &f, 1, &w), WRITE_NOT_SENT);
	struct err err = { 0 };
	assert_false(c->ops->write(c, &w, 1, &arena, &err));
	assert_int_equal(err.code, ERR_UNREACHABLE);
}

struct worker {
	pthread_t thread;
	bool ok;
};

static void *fetch_in_thread(void *arg)
{
	struct worker *w = arg;
	struct arena a;
	struct rows rows;
	struct err err = { 0 };
	struct sv id = SV("2");
	arena_init(&a);
	w->ok = c->ops->fetch(c, &candidate, &id, 1, &a, &rows, &err) &&
		rows.row[0].existence == EXISTENCE_PRESENT;
	arena_finish(&a);
	return NULL;
}

static void test_one_login_for_all(void **state)
{
	struct worker workers[8];
	fetch_one(&candidate, "1");
	tell("sessions", "{\"expire\":\"session\"}");
	int64_t before = calls_of("POST login");
	for (size_t i = 0; i < countof(workers); i++)
		pthread_create(&workers[i].thread, NULL, fetch_in_thread, &workers[i]);
	for (size_t i = 0; i < countof(workers); i++) {
		pthread_join(workers[i].thread, NULL);
		assert_true(workers[i].ok);
	}
	assert_int_equal(calls_of("POST login"), before + 1);
}

/* Nor is it tried by everybody in turn when it fails. */
static void test_one_failed_login_for_all(void **state)
{
	struct worker workers[8];
	tell("fault", "{\"kind\":\"slow\",\"path\":\"/rest-services/loginInfo\",\"delay_ms\":500}");
	tell("fault", "{\"kind\":\"500\",\"path\":\"/oauth\"}");
	for (size_t i = 0; i < countof(workers); i++)
		pthread_create(&workers[i].thread, NULL, fetch_in_thread, &workers[i]);
	for (size_t i = 0; i < countof(workers); i++) {
		pthread_join(workers[i].thread, NULL);
		assert_false(workers[i].ok);
	}
	/* discover and authorize, once */
	assert_int_equal(atomic_load(&c->usage.calls), 2);
}

/* The wrong data centre: it says of itself where to log in, and answers all that
 * is asked of it there with 307, POST as well. */
struct front {
	int port;
	int posts;
};

static enum MHD_Result add_argument(void *query, enum MHD_ValueKind kind, const char *key,
				    const char *value)
{
	struct buf *b = query;
	buf_addc(b, b->len ? '&' : '?');
	buf_add_url(b, sv_of(key));
	buf_addc(b, '=');
	buf_add_url(b, sv_of(value));
	return MHD_YES;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status,
			      const char *location, const char *body)
{
	struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback(
		strlen(body), must_strdup(body), free);
	if (location)
		MHD_add_response_header(r, "Location", location);
	enum MHD_Result result = MHD_queue_response(connection, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result redirect(void *cls, struct MHD_Connection *connection, const char *url,
				const char *method, const char *version, const char *data,
				size_t *size, void **ctx)
{
	struct front *front = cls;
	char text[2048];
	struct buf query;
	if (!*ctx || *size) {
		*ctx = front;
		*size = 0;
		return MHD_YES;
	}
	front->posts += strcmp(method, "POST") == 0;
	if (strstr(url, "loginInfo")) {
		snprintf(text, sizeof(text),
			 "{\"oauthUrl\":\"http://127.0.0.1:%d/oauth\","
			 "\"restUrl\":\"http://127.0.0.1:%d/rest-services\"}",
			 front->port, front->port);
		return answer(connection, 200, NULL, text);
	}
	buf_init(&query, 1024);
	buf_add(&query, SV(""));
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_argument, &query);
	snprintf(text, sizeof(text), "http://127.0.0.1:%d%s%s", port, url, query.ptr);
	buf_finish(&query);
	return answer(connection, 307, text, "");
}

static void test_redirect(void **state)
{
	struct sv organisation;
	struct err err = { 0 };
	struct front front = { 0 };
	struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
						     redirect, &front, MHD_OPTION_END);
	assert_non_null(daemon);
	front.port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	disconnect();
	connect_to(front.port);
	must(c->ops->identify(c, &arena, &organisation, &err), &err);
	MHD_stop_daemon(daemon);
	assert_sv(organisation, "sbx001");
	assert_int_equal(front.posts, 2);
}

static void test_what_cannot_be_opened(void **state)
{
	static const char *const unknown[] = { "Candidate", "Spaceship" };
	struct setting *login = deployment->system[SIDE_ATS].login;
	struct err err = { 0 };
	assert_null(rest_open(CONNECTORS "/bullhorn.yaml", deployment, SIDE_ATS, &box.box, http,
			      clock_real(), unknown, 2, &err));
	assert_int_equal(err.code, ERR_BAD_INPUT);
	assert_non_null(strstr(err.what, "'Spaceship'"));

	const char *name = login[1].name;
	struct complaints said;
	struct buf text;
	complaints_init(&said, "deployment.yaml");
	login[1].name = "pasword";
	struct rest_description *d = rest_description_load(CONNECTORS "/bullhorn.yaml", &said);
	rest_check_login(d, &deployment->system[SIDE_ATS], &said);
	buf_init(&text, 10000);
	complaints_print(&said, &text);
	assert_non_null(strstr(text.ptr, "'login': 'password' is missing: Bullhorn needs it"));
	assert_non_null(strstr(text.ptr, "'pasword': Bullhorn has no such setting (did you mean "
					 "'password'?)"));
	buf_finish(&text);
	complaints_finish(&said);
	rest_description_destroy(d);
	err_clear(&err);
	assert_null(rest_open(CONNECTORS "/bullhorn.yaml", deployment, SIDE_ATS, &box.box, http,
			      clock_real(), objects, 3, &err));
	assert_string_equal(err.file, "deployment.yaml");
	assert_true(err.line > 0);
	login[1].name = name;
}

/* ---- reading ---- */

static void test_fetch(void **state)
{
	edit("Candidate", "3", "\"firstName\":\"Nora\",\"city\":\"Omaha\",\"skillList\":\"SQL;Java\"");
	struct sv ids[] = { SV("3"), SV("999999"), SV("2") };
	struct rows rows = fetch(&candidate, ids, 3);
	assert_int_equal(rows.n, 3);
	assert_sv(rows.row[0].id, "3");
	assert_int_equal(rows.row[0].existence, EXISTENCE_PRESENT);
	assert_true(rows.row[0].modified_ms > 0);
	assert_sv(rows.row[0].value[0].text, "Nora");
	assert_sv(rows.row[0].value[2].text, "Omaha");
	assert_int_equal(rows.row[0].value[3].kind, VALUE_SET);
	assert_sv(rows.row[0].value[3].text, "Java\nSQL\n");
	assert_int_equal(rows.row[0].value[4].kind, VALUE_REF);
	/* silently absent: unknown, and so are its values */
	assert_sv(rows.row[1].id, "999999");
	assert_int_equal(rows.row[1].existence, EXISTENCE_UNKNOWN);
	assert_int_equal(rows.row[1].value[0].kind, VALUE_UNKNOWN);
	assert_sv(rows.row[2].id, "2");
	assert_int_equal(rows.row[2].existence, EXISTENCE_PRESENT);

	/* none of them: 404 */
	rows = fetch_one(&candidate, "999999");
	assert_int_equal(rows.row[0].existence, EXISTENCE_UNKNOWN);
}

static void test_fetch_deleted(void **state)
{
	struct write w;
	struct write_field f[] = { text_field("firstName", "Del"), text_field("lastName", "Eted"),
				   text_field("name", "Del Eted") };
	assert_int_equal(write_candidate(WRITE_CREATE, NULL, f, 3, &w), WRITE_DONE);
	tell("delete", arena_printf(&arena, "{\"object\":\"Candidate\",\"id\":\"%.*s\"}",
				    SV_ARG(w.new_id)).ptr);
	struct rows rows = fetch(&candidate, &w.new_id, 1);
	assert_int_equal(rows.row[0].existence, EXISTENCE_DELETED);
}

static void test_fetch_many(void **state)
{
	struct sv ids[250];
	for (size_t i = 0; i < countof(ids); i++)
		ids[i] = arena_printf(&arena, "%zu", i + 1);
	struct rows rows = fetch(&candidate, ids, countof(ids));
	assert_int_equal(rows.n, 250);
	assert_int_equal(rows.row[59].existence, EXISTENCE_PRESENT);
	assert_int_equal(rows.row[249].existence, EXISTENCE_UNKNOWN);
}

static void test_unknown_field_is_named(void **state)
{
	static const struct field_ref fields[] = { { "firstName", TYPE(TYPE_TEXT) },
						   { "shoeSize", TYPE(TYPE_TEXT) } };
	static const struct object_ref o = { .object = "Candidate", .field = fields, .field_n = 2 };
	struct rows rows;
	struct err err = { 0 };
	struct sv id = SV("1");
	assert_false(c->ops->fetch(c, &o, &id, 1, &arena, &rows, &err));
	assert_int_equal(err.code, ERR_REJECTED);
	assert_int_equal(err.scope, SCOPE_FIELD);
	assert_non_null(strstr(err.what, "'shoeSize'"));
	err_clear(&err);
	assert_false(c->ops->list(c, &o, SV_NONE, &arena, &rows, &err));
	assert_non_null(strstr(err.what, "'shoeSize'"));
}

static void test_list(void **state)
{
	struct err err = { 0 };
	struct rows rows;
	struct sv page = SV_NONE;
	int64_t last = 0, id, n = 0;
	do {
		must(c->ops->list(c, &candidate, page, &arena, &rows, &err), &err);
		for (int i = 0; i < rows.n; i++) {
			assert_true(sv_to_i64(rows.row[i].id, &id) && id > last);
			assert_int_equal(rows.row[i].existence, EXISTENCE_PRESENT);
			last = id;
			n++;
		}
		page = rows.next;
	} while (page.len);
	assert_true(n >= 60);
}

/* The stamp that a page ends with belongs to what is asked for. */
static void test_since(void **state)
{
	struct err err = { 0 };
	struct rows rows;
	edit("Candidate", "5", "\"firstName\":\"Since\"");
	struct sv id = SV("5");
	must(c->ops->fetch(c, &candidate, &id, 1, &arena, &rows, &err), &err);
	int64_t stamp = rows.row[0].modified_ms, n = 0;
	bool seen = false;
	struct sv page = SV_NONE;
	assert_true(stamp > 0);
	do {
		must(c->ops->since(c, &candidate, stamp, page, &arena, &rows, &err), &err);
		for (int i = 0; i < rows.n; i++, n++) {
			assert_true(rows.row[i].modified_ms >= stamp);
			seen = seen || sv_eq(rows.row[i].id, id);
		}
		page = rows.next;
	} while (page.len);
	assert_true(seen && n < 60);
}

static void test_find(void **state)
{
	struct err err = { 0 };
	struct rows rows;
	edit("Candidate", "4", "\"firstName\":\"Sean\",\"lastName\":\"O'Brien\",\"phone\":"
			       "\"(312) 555-0142\"");
	struct write_field by[] = {
		text_field("firstName", "Sean"), text_field("lastName", "O'Brien"),
		{ "phone", { .kind = TYPE_PHONE, .scale = -1, .region = "US", .link_record = -1 },
		  { VALUE_TEXT, SV("+13125550142") } },
	};
	must(c->ops->find(c, &candidate, by, 3, &arena, &rows, &err), &err);
	assert_int_equal(rows.n, 1);
	assert_sv(rows.row[0].id, "4");
	assert_sv(rows.row[0].value[0].text, "Sean");
	by[2].value.text = SV("+13125550143");
	must(c->ops->find(c, &candidate, by, 3, &arena, &rows, &err), &err);
	assert_int_equal(rows.n, 0);

	/* a condition too long for a URL goes into the body of a POST */
	char *name = arena_alloc(&arena, 9001);
	memset(name, 'x', 9000);
	by[1] = text_field("lastName", name);
	int64_t before = calls_of("POST query/Candidate");
	must(c->ops->find(c, &candidate, by, 2, &arena, &rows, &err), &err);
	assert_int_equal(rows.n, 0);
	assert_int_equal(calls_of("POST query/Candidate"), before + 1);
}

static void test_describe(void **state)
{
	struct schema_object s;
	struct err err = { 0 };
	bool city = false, status = false;
	must(c->ops->describe(c, "Placement", &arena, &s, &err), &err);
	for (int i = 0; i < s.field_n; i++)
		if (strcmp(s.field[i].api, "status") == 0)
			status = s.field[i].kind == TYPE_PICKLIST && s.field[i].picklist_n > 5;
	must(c->ops->describe(c, "Candidate", &arena, &s, &err), &err);
	for (int i = 0; i < s.field_n; i++)
		city = city || strcmp(s.field[i].api, "address.city") == 0;
	assert_true(status && city);
	assert_false(c->ops->describe(c, "Spaceship", &arena, &s, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void test_bad_answers_to_reads(void **state)
{
	static const char *const kinds[] = { "503", "html", "truncated", "500" };
	struct rows rows;
	struct sv id = SV("1");
	fetch_one(&candidate, "1");
	for (size_t i = 0; i < countof(kinds); i++) {
		struct err err = { 0 };
		tell("fault", arena_printf(&arena, "{\"kind\":\"%s\",\"count\":1}", kinds[i]).ptr);
		if (c->ops->fetch(c, &candidate, &id, 1, &arena, &rows, &err))
			fail_msg("%s was taken for an answer", kinds[i]);
		assert_int_equal(err.code, ERR_SERVER);
	}
}

/* ---- writing ---- */

static void test_create_and_update(void **state)
{
	struct write w;
	struct write_field f[] = {
		text_field("firstName", "Ada"), text_field("lastName", "Byron"),
		text_field("name", "Ada Byron"), text_field("address.city", "London"),
		{ "owner", TYPE(TYPE_LINK), { VALUE_REF, SV("101") } },
		{ "skillList", TYPE(TYPE_SET), { VALUE_SET, SV("Java\nSQL\n") } },
	};
	struct rows seen = fetch_one(&candidate, "1");
	f[4].value.text = seen.row[0].value[4].text; /* an owner that is there */
	if (write_candidate(WRITE_CREATE, NULL, f, 6, &w) != WRITE_DONE)
		fail_msg("%s", w.err.what);
	assert_true(w.created);
	struct rows rows = fetch(&candidate, &w.new_id, 1);
	assert_sv(rows.row[0].value[0].text, "Ada");
	assert_sv(rows.row[0].value[2].text, "London");
	assert_sv(rows.row[0].value[3].text, "Java\nSQL\n");
	assert_true(value_eq(rows.row[0].value[4], f[4].value));
	struct write_field change[] = { text_field("firstName", "Augusta"),
					text_field("address.city", NULL) };
	const char *id = arena_str(&arena, w.new_id);
	assert_int_equal(write_candidate(WRITE_UPDATE, id, change, 2, &w), WRITE_DONE);
	rows = fetch_one(&candidate, id);
	assert_sv(rows.row[0].value[0].text, "Augusta");
	assert_int_equal(rows.row[0].value[2].kind, VALUE_NULL);
}

static void test_rejected_field_is_named(void **state)
{
	struct write w;
	struct write_field f[] = {
		text_field("firstName", "Ada"),
		text_field("address.city", "A city whose name is longer than forty characters"),
	};
	assert_int_equal(write_candidate(WRITE_UPDATE, "1", f, 2, &w), WRITE_REJECTED);
	assert_int_equal(w.bad_field_n, 1);
	assert_string_equal(w.bad_field[0], "address.city");
	assert_int_equal(w.err.code, ERR_REJECTED);
	struct write_field unknown = text_field("shoeSize", "44");
	assert_int_equal(write_candidate(WRITE_UPDATE, "1", &unknown, 1, &w), WRITE_REJECTED);
	assert_int_equal(w.bad_field_n, 1);
	assert_string_equal(w.bad_field[0], "shoeSize");
}

static void test_other_outcomes(void **state)
{
	struct write w;
	struct write_field f = text_field("firstName", "Ada");
	static const struct {
		const char *fault;
		enum write_outcome outcome;
	} cases[] = {
		{ "lost-answer", WRITE_LOST }, { "truncated", WRITE_LOST }, { "503", WRITE_LOST },
		{ "html", WRITE_LOST },	       { "500", WRITE_LOST },	    { "rate", WRITE_BUSY },
	};
	assert_int_equal(write_candidate(WRITE_UPDATE, "999999", &f, 1, &w), WRITE_GONE);
	for (size_t i = 0; i < countof(cases); i++) {
		tell("fault", arena_printf(&arena, "{\"kind\":\"%s\",\"path\":"
					   "\"/rest-services/sbx001/entity\",\"count\":1}",
					   cases[i].fault).ptr);
		enum write_outcome is = write_candidate(WRITE_UPDATE, "1", &f, 1, &w);
		if (is != cases[i].outcome)
			fail_msg("%s: outcome %d: %s", cases[i].fault, is, w.err.what);
	}
	/* after the limit nothing is sent for a second, then it goes on */
	int64_t from = clock_now(clock_real());
	assert_int_equal(write_candidate(WRITE_UPDATE, "1", &f, 1, &w), WRITE_DONE);
	assert_true(clock_now(clock_real()) - from > 500);
	/* not described: no other try would do better */
	assert_int_equal(write_candidate(WRITE_UPSERT, "1", &f, 1, &w), WRITE_REJECTED);
}

/* ---- the feed ---- */

static struct changes changes(struct sv cursor)
{
	struct changes got;
	struct err err = { 0 };
	must(c->ops->changes(c, cursor, 2000, &arena, &got, &err), &err);
	return got;
}

static void test_feed(void **state)
{
	struct write w;
	struct write_field f = text_field("firstName", "Own");
	struct changes got = changes(SV_NONE);
	assert_int_equal(got.n, 0);
	struct sv cursor = got.cursor;
	assert_int_equal(changes(cursor).n, 0); /* an empty body is an empty queue */

	edit("Candidate", "5", "\"firstName\":\"Foreign\"");
	assert_int_equal(write_candidate(WRITE_UPDATE, "6", &f, 1, &w), WRITE_DONE);
	got = changes(cursor);
	assert_int_equal(got.n, 2);
	assert_sv(got.change[0].object, "Candidate");
	assert_sv(got.change[0].id, "5");
	assert_int_equal(got.change[0].author, AUTHOR_FOREIGN);
	assert_true(got.change[0].at_ms > 0);
	assert_true(got.change[0].field_n >= 1); /* the full name follows */
	assert_string_equal(got.change[0].field[0], "firstName");
	assert_sv(got.change[1].id, "6");
	assert_int_equal(got.change[1].author, AUTHOR_OWN);
	assert_true(atomic_load(&c->usage.feed_calls) >= 3);

	/* the batch was not stored: the same again, from this process ... */
	edit("Candidate", "7", "\"firstName\":\"Later\"");
	struct changes again = changes(cursor);
	assert_int_equal(again.n, 2);
	assert_sv(again.change[0].id, "5");
	assert_true(sv_eq(again.cursor, got.cursor));
	/* ... and from the next */
	reconnect();
	again = changes(cursor);
	assert_int_equal(again.n, 2);
	assert_sv(again.change[1].id, "6");
	/* stored: the next batch */
	again = changes(again.cursor);
	assert_int_equal(again.n, 1);
	assert_sv(again.change[0].id, "7");
	/* two behind cannot be had any more */
	struct err err = { 0 };
	assert_false(c->ops->changes(c, cursor, 0, &arena, &again, &err));
	assert_int_equal(err.code, ERR_CURSOR);
}

static void test_feed_answer_is_lost(void **state)
{
	struct changes got = changes(SV_NONE);
	struct err err = { 0 };
	struct sv cursor = got.cursor;
	changes(cursor);
	edit("Candidate", "8", "\"firstName\":\"Lost\"");
	tell("fault", "{\"kind\":\"lost-answer\",\"path\":\"/rest-services/sbx001/event\","
		      "\"method\":\"GET\",\"count\":2}");
	assert_false(c->ops->changes(c, cursor, 2000, &arena, &got, &err));
	tell("fault", "{\"kind\":\"none\"}");
	got = changes(cursor);
	assert_int_equal(got.n, 1);
	assert_sv(got.change[0].id, "8");
	assert_int_equal(changes(got.cursor).n, 0);
}

static void test_feed_full_batch(void **state)
{
	struct changes got = changes(SV_NONE);
	tell("bulk-edit", "{\"object\":\"Candidate\",\"all\":true,\"limit\":60,"
			  "\"fields\":{\"occupation\":\"A{n}\"}}");
	tell("bulk-edit", "{\"object\":\"Candidate\",\"all\":true,\"limit\":60,"
			  "\"fields\":{\"occupation\":\"B{n}\"}}");
	got = changes(got.cursor);
	assert_int_equal(got.n, 100);
	assert_true(got.more);
	got = changes(got.cursor);
	assert_int_equal(got.n, 20);
	assert_false(got.more);
}

static void test_feed_is_lost(void **state)
{
	struct changes got = changes(SV_NONE), after;
	struct err err = { 0 };
	tell("queue", "{\"expire\":true}");
	assert_false(c->ops->changes(c, got.cursor, 2000, &arena, &after, &err));
	assert_int_equal(err.code, ERR_CURSOR);
	err_clear(&err);
	assert_false(c->ops->changes(c, SV("{}"), 0, &arena, &after, &err));
	assert_int_equal(err.code, ERR_CURSOR);
	/* begins anew */
	got = changes(SV_NONE);
	edit("Candidate", "9", "\"firstName\":\"Anew\"");
	assert_int_equal(changes(got.cursor).n, 1);
}

struct waiter {
	pthread_t thread;
	struct sv cursor;
	enum err_code code;
};

static void *wait_for_changes(void *arg)
{
	struct waiter *w = arg;
	struct arena a;
	struct changes got;
	struct err err = { 0 };
	arena_init(&a);
	if (!c->ops->changes(c, w->cursor, 600000, &a, &got, &err))
		w->code = err.code;
	arena_finish(&a);
	return NULL;
}

static void test_stop_ends_waiting(void **state)
{
	struct waiter w = { .cursor = changes(SV_NONE).cursor };
	deployment->system[SIDE_ATS].poll_ms = 600000;
	struct credential_box *same = &box.box;
	struct err err = { 0 };
	c->ops->close(c);
	c = rest_open(CONNECTORS "/bullhorn.yaml", deployment, SIDE_ATS, same, http, clock_real(),
		      objects, 3, &err);
	assert_non_null(c);
	changes(w.cursor); /* the next is due in ten minutes */
	pthread_create(&w.thread, NULL, wait_for_changes, &w);
	rest_stop(c);
	pthread_join(w.thread, NULL);
	assert_int_equal(w.code, ERR_STOPPED);
}

/* ---- history ---- */

static void test_history(void **state)
{
	struct history got;
	struct err err = { 0 };
	const struct field_ref *status = &placement_fields[0];
	edit("Placement", "1", "\"status\":\"Submitted\"");
	edit("Placement", "2", "\"status\":\"Submitted\"");
	must(c->ops->history(c, &placement, status, SV_NONE, &arena, &got, &err), &err);
	assert_int_equal(got.n, 0);
	struct sv cursor = got.cursor;
	edit("Placement", "1", "\"status\":\"Approved\"");
	edit("Placement", "1", "\"status\":\"Terminated\",\"comments\":\"x\"");
	edit("Placement", "2", "\"comments\":\"no status\"");
	edit("Placement", "1", "\"status\":\"Closed\"");
	must(c->ops->history(c, &placement, status, cursor, &arena, &got, &err), &err);
	assert_int_equal(got.n, 3);
	static const char *const steps[] = { "Approved", "Terminated", "Closed" };
	for (int i = 0; i < 3; i++) {
		assert_sv(got.step[i].value.text, steps[i]);
		assert_sv(got.step[i].record_id, "1");
		assert_true(got.step[i].at_ms > 0);
		assert_int_equal(got.step[i].author, AUTHOR_FOREIGN);
		assert_true(i == 0 || sv_cmp(got.step[i].step_id, got.step[i - 1].step_id) > 0);
	}
	/* read again within the overlap, delivered once */
	struct sv last = got.step[2].step_id;
	must(c->ops->history(c, &placement, status, got.cursor, &arena, &got, &err), &err);
	assert_int_equal(got.n, 0);
	edit("Placement", "2", "\"status\":\"Approved\"");
	must(c->ops->history(c, &placement, status, got.cursor, &arena, &got, &err), &err);
	assert_int_equal(got.n, 1);
	assert_true(sv_cmp(got.step[0].step_id, last) > 0);
	/* the same cursor gives the same steps under the same ids */
	must(c->ops->history(c, &placement, status, cursor, &arena, &got, &err), &err);
	assert_int_equal(got.n, 4);
	assert_true(sv_eq(got.step[2].step_id, last));
}

static void test_history_of_dates(void **state)
{
	struct history got;
	struct err err = { 0 };
	const struct field_ref *start = &placement_fields[2];
	must(c->ops->history(c, &placement, start, SV_NONE, &arena, &got, &err), &err);
	edit("Placement", "3", "\"dateBegin\":\"157766400000\"");
	edit("Placement", "3", "\"dateBegin\":null");
	must(c->ops->history(c, &placement, start, got.cursor, &arena, &got, &err), &err);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.step[0].value.kind, VALUE_DATE);
	assert_sv(got.step[0].value.text, "1975-01-01");
	assert_int_equal(got.step[1].value.kind, VALUE_NULL);
}

int main(int argc, char **argv)
{
#define LIVE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		LIVE(test_login),
		LIVE(test_refresh_token_is_used_once),
		LIVE(test_unkept_token_is_not_used),
		LIVE(test_wrong_password_is_sent_once),
		LIVE(test_session_login_fails_now_and_then),
		LIVE(test_system_away),
		LIVE(test_session_ends),
		LIVE(test_one_login_for_all),
		LIVE(test_one_failed_login_for_all),
		LIVE(test_redirect),
		LIVE(test_what_cannot_be_opened),
		LIVE(test_fetch),
		LIVE(test_fetch_deleted),
		LIVE(test_fetch_many),
		LIVE(test_unknown_field_is_named),
		LIVE(test_list),
		LIVE(test_since),
		LIVE(test_find),
		LIVE(test_describe),
		LIVE(test_bad_answers_to_reads),
		LIVE(test_create_and_update),
		LIVE(test_rejected_field_is_named),
		LIVE(test_other_outcomes),
		LIVE(test_feed),
		LIVE(test_feed_answer_is_lost),
		LIVE(test_feed_full_batch),
		LIVE(test_feed_is_lost),
		LIVE(test_stop_ends_waiting),
		LIVE(test_history),
		LIVE(test_history_of_dates),
	};
	if (argc != 2) {
		fprintf(stderr, "usage: test-rest-live TREATY-SANDBOX\n");
		return 2;
	}
	sandbox_path = argv[1];
	return cmocka_run_group_tests_name("rest-live", tests, start_sandbox, stop_sandbox);
}

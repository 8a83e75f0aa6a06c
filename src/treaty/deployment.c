#include "treaty/deployment.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>

#include "base/panic.h"
#include "treaty/deployment_parts.h"

enum { SECRET_MAX = 64 * 1024 };

bool is_reference(const char *text)
{
	struct sv s = sv_of(text);
	return (sv_starts(s, SV("env:")) && s.len > 4) || (sv_starts(s, SV("file:")) && s.len > 5);
}

/* ---- secrets ---- */

static const char *const secret_names[] = { "password", "client_secret", "key", "private_key",
					    "refresh_token" };

/* Also what only looks like one: 'pasword' must not slip through because it is
 * misspelt. */
bool is_secret_name(const char *name)
{
	static const char *const parts[] = { "password", "passwd", "secret", "token", "key" };
	for (size_t i = 0; i < countof(parts); i++)
		if (strcasestr(name, parts[i]))
			return true;
	for (size_t i = 0; i < countof(secret_names); i++)
		if (sv_distance(sv_of(name), sv_of(secret_names[i]), 2) <= 2)
			return true;
	return false;
}

/* Never quotes the text: it may be the secret that should not be here. */
static bool take_setting(struct doc *d, const char *name, bool secret, struct place place,
			 const struct yaml_node *value, struct setting *out)
{
	if (!doc_expect(d, value, YAML_SCALAR, name, place))
		return false;
	bool reference = is_reference(value->text);
	if (secret && !reference) {
		complaints_add(d->complaints, value->place,
			       "'%s': a secret does not belong in this file; say env:NAME or "
			       "file:PATH where it is kept", name);
		return false;
	}
	*out = (struct setting){ name, value->text, reference, place };
	return true;
}

void take_secret(const struct doc_at *at, void *member)
{
	take_setting(at->doc, at->key->name, true, at->place, at->value, member);
}

/* The settings of Salesforce's JWT bearer login. Another connector's are in its
 * description, and checked when that is read. */
static const char *const salesforce_login[] = { "client_id", "username", "key", "audience" };

static bool is_salesforce(const struct deployment_system *s)
{
	return s->connector && strcmp(s->connector, "salesforce") == 0;
}

static void check_login_name(struct doc *d, const struct deployment_system *s,
			     const struct yaml_pair *p)
{
	if (!is_salesforce(s))
		return;
	for (size_t i = 0; i < countof(salesforce_login); i++)
		if (strcmp(p->key, salesforce_login[i]) == 0)
			return;
	complaints_add(d->complaints, p->place,
		       "%s: a login to salesforce has client_id, username, key and audience%s",
		       doc_quote(d, p->key),
		       doc_suggest(d, p->key, salesforce_login, countof(salesforce_login)));
}

static void take_login(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct deployment_system *s = member;
	const struct yaml_pair **p =
		arena_array(d->arena, const struct yaml_pair *, (size_t)at->value->n);
	int n = doc_names(d, at->value, "setting", NULL, p);
	s->login = arena_array(d->arena, struct setting, (size_t)n);
	for (int i = 0; i < n; i++) {
		check_login_name(d, s, p[i]);
		if (take_setting(d, p[i]->key, is_secret_name(p[i]->key), p[i]->place, p[i]->value,
				 &s->login[s->login_n]))
			s->login_n++;
	}
}

/* One reference, or a list of them. */
static void take_secrets(const struct doc_at *at, void *member)
{
	struct deployment_system *s = member;
	bool list = at->value->kind == YAML_LIST;
	int n = list ? at->value->n : 1;
	s->webhook_secret = arena_array(at->doc->arena, struct setting, (size_t)n);
	for (int i = 0; i < n; i++) {
		const struct yaml_node *value = list ? at->value->item[i] : at->value;
		if (take_setting(at->doc, at->key->name, true, value->place, value,
				 &s->webhook_secret[s->webhook_secret_n]))
			s->webhook_secret_n++;
	}
	if (n == 0)
		complaints_add(at->doc->complaints, at->place, "'secret': an empty list");
}

/* ---- addresses ---- */

/* Only what cannot be another machine: a name like 127.0.0.1.example.com can. */
bool is_loopback(struct sv host)
{
	if (sv_eq_nocase(host, SV("localhost")) || sv_eq(host, SV("[::1]")))
		return true;
	struct sv part;
	int n = 0;
	for (bool more = true; more; n++) {
		int64_t number;
		more = sv_cut(host, '.', &part, &host);
		if (!sv_to_i64(part, &number) || number < 0 || number > 255 || part.len > 3 ||
		    (n == 0 && number != 127))
			return false;
	}
	return n == 4;
}

/* Host of 'host[:port]'; false when the port is none or the host is empty. */
bool split_host(struct sv authority, struct sv *host)
{
	const char *end = authority.len && authority.ptr[0] == '[' ?
				  memchr(authority.ptr, ']', authority.len) : NULL;
	size_t from = end ? (size_t)(end - authority.ptr) + 1 : 0;
	struct sv head, port;
	int64_t number;
	bool has_port = sv_cut(sv_make(authority.ptr + from, authority.len - from), ':', &head, &port);
	*host = sv_make(authority.ptr, from + head.len);
	if (has_port && (!sv_to_i64(port, &number) || number < 1 || number > 65535))
		return false;
	for (size_t i = 0; i < host->len; i++)
		if (!isalnum((unsigned char)host->ptr[i]) && !strchr("-._[]:", host->ptr[i]))
			return false;
	return host->len > 0 && (!end || head.len == 0);
}

const char *url_fault(struct sv url)
{
	bool tls = sv_starts(url, SV("https://"));
	if (!tls && !sv_starts(url, SV("http://")))
		return "an address begins with https://";
	size_t from = tls ? 8 : 7, to = from;
	while (to < url.len && !strchr("/?#", url.ptr[to]))
		to++;
	struct sv authority = sv_make(url.ptr + from, to - from), host;
	for (size_t i = 0; i < url.len; i++)
		if ((unsigned char)url.ptr[i] <= ' ' || (unsigned char)url.ptr[i] >= 0x7f)
			return "an address has no blanks or special characters";
	if (memchr(authority.ptr, '@', authority.len))
		return "no login belongs in an address; it goes under 'login'";
	if (!split_host(authority, &host))
		return "an address is https://HOST or https://HOST:PORT, and a path if need be";
	if (!tls && !is_loopback(host))
		return "http to another machine would send the login in the clear; use https";
	return NULL;
}

static void take_url(const struct doc_at *at, void *member)
{
	const char *fault = url_fault(sv_of(at->value->text));
	if (fault)
		complaints_add(at->doc->complaints, at->value->place, "'url': %s", fault);
	else
		*(const char **)member = at->value->text;
}

static void take_listen(const struct doc_at *at, void *member)
{
	struct deployment *d = at->doc->whole;
	struct sv text = sv_of(at->value->text), host, head, port;
	int64_t n;
	bool ok = split_host(text, &host);
	head = sv_make(text.ptr + host.len, ok ? text.len - host.len : 0);
	port = head.len ? sv_make(head.ptr + 1, head.len - 1) : SV_NONE;
	if (!ok || !sv_to_i64(port, &n))
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: 'address' is HOST:PORT, and HOST a number such as 127.0.0.1 or "
			       "[::1]", doc_quote(at->doc, at->value->text));
	else
		d->listen = at->value->text;
}

/* ---- paths ---- */

/* As seen from where the document lies. */
static const char *beside(struct arena *a, const char *document, const char *path)
{
	const char *slash = strrchr(document, '/');
	if (path[0] == '/' || !slash)
		return arena_str(a, sv_of(path));
	return arena_printf(a, "%.*s/%s", (int)(slash - document), document, path).ptr;
}

void take_path_beside(const struct doc_at *at, void *member)
{
	const struct deployment *d = at->doc->whole;
	if (at->value->text[0])
		*(const char **)member = beside(at->doc->arena, d->file, at->value->text);
	else
		complaints_add(at->doc->complaints, at->value->place, "'%s': an empty path",
			       at->key->name);
}

/* ---- the tables ---- */

static void take_format(const struct doc_at *at, void *member)
{
	if (strcmp(at->value->text, "1") != 0)
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: 'deployment' is the version of the language, and this program "
			       "reads 1", doc_quote(at->doc, at->value->text));
}

#define AT(member) offsetof(struct deployment_limits, member)
static const struct doc_key limit_keys[] = {
	{ "concurrent", YAML_SCALAR, false, take_count, AT(concurrent), .decides = "calls at once" },
	{ "per_second", YAML_SCALAR, false, take_int64, AT(per_second), .decides = "calls a second" },
	{ "per_minute", YAML_SCALAR, false, take_int64, AT(per_minute), .decides = "calls a minute" },
	{ "per_day", YAML_SCALAR, false, take_int64, AT(per_day), .decides = "calls a day" },
	{ "per_month", YAML_SCALAR, false, take_int64, AT(per_month), .decides = "calls a month" },
	{ "share", YAML_SCALAR, false, take_share, AT(share_percent),
	  .decides = "how much of each quota this program may use; default 80%" },
	{ 0 },
};
#undef AT
static const struct doc_level limit_level = { "'limits'", limit_keys, NULL };

static const struct doc_key webhook_keys[] = {
	{ "secret", YAML_SCALAR | YAML_LIST, true, take_secrets, 0,
	  .decides = "what its webhooks are signed with, as env:NAME or file:PATH; a list while one "
		     "secret replaces another" },
	{ 0 },
};
static const struct doc_level webhook_level = { "'webhook'", webhook_keys, NULL };

static const struct doc_key any_setting[] = {
	{ "*", YAML_SCALAR, false, NULL,
	  .decides = "a setting of the connector; secrets as env:NAME or file:PATH" },
	{ 0 },
};
static const struct doc_level login_level = { "'login'", any_setting, NULL };

#define AT(member) offsetof(struct deployment_system, member)
static const struct doc_key system_keys[] = {
	{ "connector", YAML_SCALAR, true, take_text, AT(connector),
	  .decides = "salesforce, or the name or path of a description, such as bullhorn" },
	{ "url", YAML_SCALAR, false, take_url, AT(url),
	  .decides = "where it is; a description may have an address of its own" },
	{ "login", YAML_MAP, true, take_login, 0, .level = &login_level,
	  .decides = "how to log in" },
	{ "webhook", YAML_MAP, false, take_level, 0, .level = &webhook_level,
	  .decides = "takes what the system sends by itself, at the address of 'listen'" },
	{ "poll", YAML_SCALAR, false, take_duration, AT(poll_ms),
	  .decides = "how often a polled feed is asked" },
	{ "timeout", YAML_SCALAR, false, take_duration, AT(timeout_ms),
	  .decides = "the longest time a request may run there" },
	{ "limits", YAML_MAP, false, take_level, AT(limits), .level = &limit_level,
	  .decides = "the quotas to stay within" },
	{ 0 },
};
#undef AT
static const struct doc_level system_level = { "a system", system_keys, NULL };

static void take_system(const struct doc_at *at, void *member)
{
	struct deployment_system *s = member;
	s->place = at->place;
	doc_walk(at->doc, &system_level, at->value, at->place, s);
	if (is_salesforce(s) && !yaml_find(at->value, "url"))
		complaints_add(at->doc->complaints, at->place,
			       "'url' is missing: the address of the Salesforce org");
}

static const struct doc_key systems_keys[] = {
	{ "ats", YAML_MAP, true, take_system, offsetof(struct deployment, system[SIDE_ATS]),
	  .level = &system_level, .decides = "where the applicant tracking system is" },
	{ "salesforce", YAML_MAP, true, take_system,
	  offsetof(struct deployment, system[SIDE_SALESFORCE]), .level = &system_level,
	  .decides = "where Salesforce is" },
	{ 0 },
};
static const struct doc_level systems_level = { "'systems'", systems_keys, NULL };

/* No secret, but read as one is. */
static void take_certificate(const struct doc_at *at, void *member)
{
	if (!at->value->text[0])
		complaints_add(at->doc->complaints, at->value->place, "'certificate': an empty path");
	else
		*(struct setting *)member = (struct setting){
			at->key->name, arena_printf(at->doc->arena, "file:%s", at->value->text).ptr,
			true, at->place
		};
}

static const struct doc_key tls_keys[] = {
	{ "certificate", YAML_SCALAR, true, take_certificate, offsetof(struct deployment, tls_certificate),
	  .decides = "the file with the certificate and those between it and its root, in PEM" },
	{ "key", YAML_SCALAR, true, take_secret, offsetof(struct deployment, tls_key),
	  .decides = "its private key in PEM, as file:PATH or env:NAME" },
	{ 0 },
};
static const struct doc_level tls_level = { "'tls'", tls_keys, NULL };

static const struct doc_key listen_keys[] = {
	{ "address", YAML_SCALAR, true, take_listen, 0,
	  .decides = "HOST:PORT; without 'tls' only an address of this machine itself" },
	{ "tls", YAML_MAP, false, take_level, 0, .level = &tls_level,
	  .decides = "answers by https; else something in front of it must" },
	{ 0 },
};
static const struct doc_level listen_level = { "'listen'", listen_keys, NULL };

/* What belongs together and does not stand in one mapping. */
static void check_listen(const struct deployment *d, const struct yaml_node *root,
			 struct complaints *c)
{
	const struct yaml_pair *listen = yaml_find(root, "listen");
	struct sv host;
	bool wants = false;
	for (int s = 0; s < SIDES; s++)
		wants = wants || d->system[s].webhook_secret_n > 0;
	if (wants && !listen)
		complaints_add(c, root->place,
			       "'listen' is missing: the address at which webhooks are taken");
	if (d->listen && !d->tls_key.text && split_host(sv_of(d->listen), &host) &&
	    !is_loopback(host))
		complaints_add(c, listen->place,
			       "'listen': %s can be reached from other machines: it needs 'tls', or "
			       "listen on 127.0.0.1 behind a proxy that has it", d->listen);
}

/* ---- sweep: {every: 7d, at: 02:00} ---- */

enum { SWEEP_DAYS = 7, SWEEP_HOUR = 2, HOUR_MS = 3600 * 1000, MINUTE_MS = 60 * 1000 };

static void take_every(const struct doc_at *at, void *member)
{
	if (strcmp(at->value->text, "never") == 0)
		*(int64_t *)member = 0;
	else
		take_duration(at, member);
}

static void take_time_of_day(const struct doc_at *at, void *member)
{
	struct sv hour, minute;
	int64_t h = -1, m = -1;
	bool ok = sv_cut(sv_of(at->value->text), ':', &hour, &minute) && hour.len == 2 &&
		  minute.len == 2 && sv_to_i64(hour, &h) && sv_to_i64(minute, &m);
	if (ok && h >= 0 && h < 24 && m >= 0 && m < 60)
		*(int64_t *)member = h * HOUR_MS + m * MINUTE_MS;
	else
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: 'at' is a time of the day in UTC, like 02:00",
			       doc_quote(at->doc, at->value->text));
}

static const struct doc_key sweep_keys[] = {
	{ "every", YAML_SCALAR, false, take_every, offsetof(struct deployment, sweep_every_ms),
	  .decides = "how often, or never; default 7d" },
	{ "at", YAML_SCALAR, false, take_time_of_day, offsetof(struct deployment, sweep_at_ms),
	  .decides = "the time of the day in UTC; default 02:00" },
	{ 0 },
};
static const struct doc_level sweep_level = { "'sweep'", sweep_keys, NULL };

#define AT(member) offsetof(struct deployment, member)
static const struct doc_key retention_keys[] = {
	{ "journal", YAML_SCALAR, false, take_duration, AT(keep_journal_ms),
	  .decides = "how long the history of decisions is kept; default: for ever" },
	{ "conflicts", YAML_SCALAR, false, take_duration, AT(keep_conflicts_ms),
	  .decides = "how long closed entries of the conflict log are kept; default: for ever" },
	{ "confidential", YAML_SCALAR, false, take_duration, AT(keep_confidential_ms),
	  .decides = "how long they keep values of confidential fields; default 30d" },
	{ 0 },
};
#undef AT
static const struct doc_level retention_level = { "'retention'", retention_keys, NULL };

static const struct doc_key deployment_keys[] = {
	{ "deployment", YAML_SCALAR, true, take_format, 0,
	  .decides = "the version of the language; say 1" },
	{ "treaty", YAML_SCALAR, true, take_path_beside, offsetof(struct deployment, treaty_path),
	  .decides = "the treaty that is carried out" },
	{ "store", YAML_MAP, true, take_store, 0, .level = &store_level,
	  .decides = "where the state is kept" },
	{ "systems", YAML_MAP, true, take_level, 0, .level = &systems_level,
	  .decides = "where the parties are and how to log in" },
	{ "retention", YAML_MAP, false, take_level, 0, .level = &retention_level,
	  .decides = "when history is forgotten" },
	{ "channels", YAML_MAP, false, take_channels, 0, .level = &channels_level,
	  .decides = "the ways on which people are told" },
	{ "people", YAML_MAP, false, take_people, 0, .level = &people_level,
	  .decides = "how each role of the treaty is reached" },
	{ "listen", YAML_MAP, false, take_level, 0, .level = &listen_level,
	  .decides = "where webhooks are taken" },
	{ "sweep", YAML_MAP, false, take_level, 0, .level = &sweep_level,
	  .decides = "when all records are compared, for what no feed told of" },
	{ 0 },
};
const struct doc_level deployment_level = { "a deployment", deployment_keys, NULL };

/* ---- loading ---- */

struct deployment *deployment_load_text(struct sv text, const char *path, struct complaints *c)
{
	int before = c->n;
	struct deployment *dep = must_zalloc(sizeof(*dep));
	arena_init(&dep->arena);
	dep->file = arena_str(&dep->arena, sv_of(path));
	for (int s = 0; s < SIDES; s++)
		dep->system[s].limits.share_percent = 80;
	dep->sweep_every_ms = SWEEP_DAYS * 24 * (int64_t)HOUR_MS;
	dep->sweep_at_ms = SWEEP_HOUR * HOUR_MS;
	dep->keep_confidential_ms = 30 * 24 * 3600 * (int64_t)1000;
	struct doc d = { &dep->arena, c, dep };
	struct yaml_node *root = yaml_parse(text, &dep->arena, c);
	if (root && doc_expect(&d, root, YAML_MAP, "deployment", root->place))
		doc_walk(&d, &deployment_level, root, root->place, dep);
	if (root && c->n == before)
		check_listen(dep, root, c);
	complaints_sort(c);
	if (c->n > before) {
		deployment_destroy(dep);
		return NULL;
	}
	return dep;
}

struct deployment *deployment_load(const char *path, struct complaints *c)
{
	struct buf text;
	struct deployment *d = NULL;
	buf_init(&text, YAML_MAX);
	if (yaml_read_file(path, &text, c))
		d = deployment_load_text(buf_sv(&text), path, c);
	buf_finish(&text);
	return d;
}

void deployment_destroy(struct deployment *d)
{
	if (!d)
		return;
	arena_finish(&d->arena);
	free(d);
}

const struct setting *deployment_login(const struct deployment_system *s, const char *name)
{
	for (int i = 0; i < s->login_n; i++)
		if (strcmp(s->login[i].name, name) == 0)
			return &s->login[i];
	return NULL;
}

/* ---- resolving ---- */

static bool refuse(const struct setting *s, const char *why, struct err *err)
{
	bool first = err && !err->code;
	err_set(err, ERR_BAD_INPUT, "'%s': %s %s", s->name, s->text, why);
	if (first)
		err->line = s->place.line, err->column = s->place.column;
	return false;
}

static bool resolve_file(const struct deployment *d, const struct setting *s, struct buf *out,
			 struct err *err)
{
	struct arena scratch;
	char chunk[4096];
	size_t n, total = 0;
	arena_init(&scratch);
	FILE *f = fopen(beside(&scratch, d->file, s->text + 5), "rbe");
	arena_finish(&scratch);
	if (!f)
		return refuse(s, strerrordesc_np(errno), err);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0 && (total += n) <= SECRET_MAX)
		buf_add(out, sv_make(chunk, n));
	bool ok = !ferror(f);
	fclose(f);
	explicit_bzero(chunk, sizeof(chunk));
	if (!ok)
		return refuse(s, "cannot be read", err);
	if (total > SECRET_MAX || out->full)
		return refuse(s, "is too long for a secret", err);
	/* editors end a file with a line end that is no part of the secret */
	size_t end = total && out->ptr[out->len - 1] == '\n';
	if (end && total > 1 && out->ptr[out->len - 2] == '\r')
		end = 2;
	out->len -= end;
	if (out->ptr)
		out->ptr[out->len] = '\0';
	return true;
}

bool setting_resolve(const struct deployment *d, const struct setting *s, struct buf *out,
		     struct err *err)
{
	if (s->secret && sv_starts(sv_of(s->text), SV("file:")))
		return resolve_file(d, s, out, err);
	const char *text = s->secret ? getenv(s->text + 4) : s->text;
	if (!text)
		return refuse(s, "is not set", err);
	buf_add(out, sv_of(text));
	return !out->full || refuse(s, "is too long for a secret", err);
}

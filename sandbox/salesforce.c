/* One request of the Salesforce side: who asks, what it costs, where it goes.
 * Also what the core asks of a system: edits by people, control verbs. */
#include "salesforce.h"

#include "base/panic.h"

/* ---- errors ---- */

struct json_object *sf_errors_json(const struct sf_error *e, const char *code_key)
{
	struct json_object *list = json_object_new_array(), *o = json_object_new_object();
	struct json_object *fields = json_object_new_array();
	json_put_sv(o, "message", e->message);
	json_put_sv(o, code_key, sv_of(e->code));
	for (size_t i = 0; i < e->fields_len; i++)
		json_object_array_add(fields, json_from_sv(e->fields[i]));
	json_object_object_add(o, "fields", fields);
	json_object_array_add(list, o);
	return list;
}

void sf_answer_error(struct sf_call *c, const struct sf_error *e)
{
	http_json(c->resp, e->http, sf_errors_json(e, "errorCode"));
}

/* An error that is about no field: the array shape without "fields". */
void sf_answer(struct sf_call *c, int http, const char *code, const char *message)
{
	struct json_object *list = json_object_new_array(), *o = json_object_new_object();
	json_put_sv(o, "message", sv_of(message));
	json_put_sv(o, "errorCode", sv_of(code));
	json_object_array_add(list, o);
	http_json(c->resp, http, list);
}

/* ---- below /services/data/vNN.0/ ---- */

static void handle_resources(struct sf_call *c)
{
	static const char *const names[] = { "sobjects", "query", "queryAll", "composite", "limits" };
	struct json_object *o = json_object_new_object();
	for (size_t i = 0; i < countof(names); i++)
		json_put_sv(o, names[i],
			    arena_printf(c->a, "/services/data/%.*s/%s", SV_ARG(c->version), names[i]));
	json_put_sv(o, "identity",
		    arena_printf(c->a, "%s/id/%.*s/%.*s", c->sf->box->base_url[SYSTEM_SALESFORCE],
				 SV_ARG(c->sf->org_id), SV_ARG(c->who->user)));
	http_json(c->resp, 200, o);
}

static void add_limit(struct json_object *o, const char *name, int64_t max, int64_t remaining)
{
	struct json_object *one = json_object_new_object();
	json_put_i64(one, "Max", max);
	json_put_i64(one, "Remaining", remaining > 0 ? remaining : 0);
	json_object_object_add(o, name, one);
}

static void handle_limits(struct sf_call *c)
{
	struct json_object *o = json_object_new_object();
	add_limit(o, "DailyApiRequests", c->sf->limit_max, c->sf->limit_max - c->sf->limit_used);
	add_limit(o, "DailyBulkApiBatches", 15000, 15000);
	add_limit(o, "DailyDeliveredPlatformEvents", 50000, 50000);
	add_limit(o, "DataStorageMB", 1024, 1000);
	add_limit(o, "StreamingApiConcurrentClients", 20, 20);
	http_json(c->resp, 200, o);
}

void sf_dispatch(struct sf_call *c)
{
	struct sv first, second, rest = c->rest;
	if (!http_segment(c->req, &rest, &first)) {
		handle_resources(c);
		return;
	}
	c->rest = rest;
	if (sv_eq(first, SV("sobjects"))) {
		if (rest.len)
			sf_handle_sobject(c);
		else
			sf_handle_describe_global(c);
	} else if (sv_eq(first, SV("query")) || sv_eq(first, SV("queryAll"))) {
		sf_handle_query(c, sv_eq(first, SV("queryAll")));
	} else if (sv_eq(first, SV("limits"))) {
		handle_limits(c);
	} else if (sv_eq(first, SV("composite"))) {
		if (!http_segment(c->req, &rest, &second)) {
			sf_handle_composite(c);
		} else if (sv_eq(second, SV("sobjects"))) {
			c->rest = rest;
			sf_handle_collections(c);
		} else {
			sf_answer(c, 404, "NOT_FOUND", "The requested resource does not exist");
		}
	} else {
		sf_answer(c, 404, "NOT_FOUND", "The requested resource does not exist");
	}
}

/* ---- one request ---- */

static void handle_versions(struct sf_call *c)
{
	struct json_object *list = json_object_new_array();
	for (int v = 45; v <= SF_NEWEST_VERSION; v++) {
		static const char *const seasons[] = { "Summer", "Winter", "Spring" };
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "label", arena_printf(c->a, "%s '%d", seasons[(v - 43) % 3], 18 + (v - 41) / 3));
		json_put_sv(o, "url", arena_printf(c->a, "/services/data/v%d.0", v));
		json_put_sv(o, "version", arena_printf(c->a, "%d.0", v));
		json_object_array_add(list, o);
	}
	http_json(c->resp, 200, list);
}

static bool good_version(struct sv version)
{
	int64_t n;
	return version.len >= 4 && version.ptr[0] == 'v' && sv_ends(version, SV(".0")) &&
	       sv_to_i64(sv_make(version.ptr + 1, version.len - 3), &n) && n >= 20 && n <= SF_NEWEST_VERSION;
}

static void add_limit_info(struct sf_call *c)
{
	http_add_header(c->resp, "Sforce-Limit-Info",
			arena_printf(c->a, "api-usage=%lld/%lld", (long long)c->sf->limit_used,
				     (long long)c->sf->limit_max));
}

/* Below /services/data: version, session, quota, then the resource. */
static void handle_data(struct sf_call *c, struct sv below)
{
	sv_cut(below, '/', &c->version, &c->rest);
	if (!c->version.len) {
		handle_versions(c);
		return;
	}
	if (!c->who) {
		sf_answer(c, 401, "INVALID_SESSION_ID", "Session expired or invalid");
		return;
	}
	if (!good_version(c->version)) {
		sf_answer(c, 404, "NOT_FOUND", "The requested resource does not exist");
		return;
	}
	if (c->sf->limit_used >= c->sf->limit_max) {
		add_limit_info(c);
		sf_answer(c, 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
		return;
	}
	c->sf->limit_used++;
	add_limit_info(c);
	sf_dispatch(c);
}

static void handle_oauth(struct sf_call *c, struct sv verb)
{
	if (sv_eq(verb, SV("token")) && http_is(c->req, "POST"))
		sf_handle_token(c);
	else if (!c->who)
		sf_answer(c, 401, "INVALID_SESSION_ID", "Session expired or invalid");
	else if (sv_eq(verb, SV("userinfo")))
		sf_handle_userinfo(c);
	else
		sf_answer(c, 404, "NOT_FOUND", "The requested resource does not exist");
}

static bool below(struct sv path, const char *prefix, struct sv *rest)
{
	struct sv head = sv_of(prefix);
	if (!sv_starts(path, head) || (path.len > head.len && path.ptr[head.len] != '/'))
		return false;
	*rest = sv_make(path.ptr + head.len, path.len - head.len);
	if (rest->len)
		rest->ptr++, rest->len--;
	return true;
}

static void route(struct sf_call *c)
{
	struct sv path = c->req->path, rest;
	if (c->req->head_len > SF_HEAD_MAX)
		http_text(c->resp, c->req->path.len + c->req->query.len > SF_HEAD_MAX ? 414 : 431, "text/html",
			  SV("<h1>Bad Message</h1><pre>reason: URI or headers too long</pre>"));
	else if (below(path, "/services/data", &rest))
		handle_data(c, rest);
	else if (below(path, "/services/oauth2", &rest))
		handle_oauth(c, rest);
	else if (below(path, "/cometd", &rest))
		sf_handle_cometd(c);
	else if (below(path, "/id", &rest) && c->who)
		sf_handle_identity(c);
	else if (below(path, "/id", &rest))
		http_text(c->resp, 403, "text/html", SV("Bad_OAuth_Token"));
	else
		sf_answer(c, 404, "NOT_FOUND", "The requested resource does not exist");
}

static bool wants_json(const struct http_request *req)
{
	return req->body.len && !req->form.len && !sv_starts(req->path, SV("/services/oauth2"));
}

static void handle(struct system *s, const struct http_request *req, struct http_response *resp)
{
	struct err err = { 0 };
	struct sf_call c = { .sf = s->own, .a = req->arena, .req = req, .resp = resp };
	/* Parsed before the lock is taken: bodies may be large. */
	if (wants_json(req))
		c.body = json_parse(req->body, "body", &err);
	sandbox_lock(s->box);
	c.who = sf_session_of(c.sf, req);
	if (s->box->stopping)
		resp->fate = HTTP_CLOSE;
	else if (err.code)
		sf_answer(&c, 400, "JSON_PARSER_ERROR", err.what);
	else
		route(&c);
	sandbox_unlock(s->box);
	json_object_put(c.body);
}

/* ---- what the core asks ---- */

static const char *endpoint(struct system *s, const struct http_request *req)
{
	struct sv path = req->path, rest, version, first = SV_NONE, second = SV_NONE;
	if (sv_starts(path, SV("/cometd")))
		return "cometd";
	if (sv_starts(path, SV("/services/oauth2/token")))
		return "token";
	if (!below(path, "/services/data", &rest))
		return "other";
	sv_cut(rest, '/', &version, &rest);
	sv_cut(rest, '/', &first, &rest);
	sv_cut(rest, '/', &second, &rest);
	if (sv_eq(first, SV("composite")) && second.len)
		return arena_str(req->arena, arena_printf(req->arena, "%.*s composite/%.*s%s", SV_ARG(req->method),
							  SV_ARG(second), rest.len ? "/X" : ""));
	return arena_str(req->arena, arena_printf(req->arena, "%.*s %.*s", SV_ARG(req->method),
						  first.len ? (int)first.len : 4, first.len ? first.ptr : "data"));
}

static void answer_fault(struct system *s, enum fault_kind kind, struct http_response *resp)
{
	struct sf_call c = { .sf = s->own, .a = resp->arena, .resp = resp };
	if (kind == FAULT_RATE)
		sf_answer(&c, 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
	else
		sf_answer(&c, 500, "UNKNOWN_EXCEPTION",
			  "An unexpected error occurred. Please include this ErrorId if you contact support: 1234567890-12345 (-1234567890)");
}

static void expire_session(struct system *s, const struct http_request *req)
{
	struct sf_session *who = sf_session_of(s->own, req);
	if (who)
		sf_session_end(s->own, who);
}

static struct sv human(struct system *s, unsigned nth)
{
	struct salesforce *sf = s->own;
	return sf->humans[nth % sf->humans_len];
}

/* A person at the screen: a transaction without an API client. */
static void person_begin(struct sf_txn *x, struct system *s, struct arena *a, const struct writer *w)
{
	sf_txn_begin(x, s->own, a);
	x->writer = *w;
	x->origin = SV("");
}

static struct json_object *json_of(const struct named_value *set, size_t n, struct arena *a)
{
	struct json_object *o = json_object_new_object();
	for (size_t i = 0; i < n; i++)
		json_object_object_add(o, arena_str(a, set[i].field),
				       set[i].value.ptr ? json_from_sv(set[i].value) : NULL);
	return o;
}

static bool person_done(struct sf_txn *x, bool ok, const struct sf_error *e, struct err *err)
{
	if (!ok)
		err_set(err, ERR_REJECTED, "%s: %.*s", e->code, SV_ARG(e->message));
	sf_txn_commit(x);
	return ok;
}

static struct table *object_of(struct system *s, struct sv object, struct err *err)
{
	struct table *t = tables_find(s->tables, object);
	if (!t)
		err_set(err, ERR_NOT_FOUND, "salesforce: no object '%.*s'", SV_ARG(object));
	return t;
}

static bool person_create(struct system *s, struct sv object, const struct named_value *set, size_t n,
			  const struct writer *w, char id_out[32], struct err *err)
{
	struct table *t = object_of(s, object, err);
	struct sf_error e = { 0 };
	struct sf_txn x;
	struct arena a;
	struct row *r;
	if (!t)
		return false;
	arena_init(&a);
	person_begin(&x, s, &a, w);
	struct json_object *fields = json_of(set, n, &a);
	bool ok = sf_create(&x, t, fields, &r, &e);
	if (ok)
		snprintf(id_out, 32, "%.*s", SV_ARG(r->id));
	ok = person_done(&x, ok, &e, err);
	json_object_put(fields);
	arena_finish(&a);
	return ok;
}

/* What edit and remove share; NULL 'set' removes. */
static bool person_change(struct system *s, struct sv object, struct sv id, const struct named_value *set,
			  size_t n, const struct writer *w, struct err *err)
{
	struct table *t = object_of(s, object, err);
	struct sf_error e = { 0 };
	struct sf_txn x;
	struct arena a;
	if (!t)
		return false;
	arena_init(&a);
	person_begin(&x, s, &a, w);
	struct json_object *fields = json_of(set, n, &a);
	struct row *r = sf_live_row(&a, t, id, &e);
	bool ok = r && (set ? sf_update(&x, r, fields, &e) : sf_delete(&x, r, &e));
	ok = person_done(&x, ok, &e, err);
	json_object_put(fields);
	arena_finish(&a);
	return ok;
}

static bool person_edit(struct system *s, struct sv object, struct sv id, const struct named_value *set,
			size_t n, const struct writer *w, struct err *err)
{
	static const struct named_value nothing;
	return person_change(s, object, id, set ? set : &nothing, n, w, err);
}

static bool person_remove(struct system *s, struct sv object, struct sv id, const struct writer *w,
			  struct err *err)
{
	return person_change(s, object, id, NULL, 0, w, err);
}

static void destroy(struct system *s)
{
	struct salesforce *sf = s->own;
	if (!sf)
		return;
	sf_clients_forget(sf);
	sf_cursors_close(sf);
	sf_rules_clear(sf);
	sf_bus_close(sf);
	sf_login_close(sf);
	if (s->tables)
		sf_schema_close(sf);
	free(sf);
	s->own = NULL;
}

bool salesforce_open(struct system *s, struct err *err)
{
	struct salesforce *sf = must_zalloc(sizeof(*sf));
	sf->system = s;
	sf->box = s->box;
	sf->rng.state = s->box->options.seed ^ 0x5a1e5f0c;
	sf->limit_max = s->box->options.salesforce_daily_limit;
	sf->next_serial = 1;
	s->own = sf;
	s->handle = handle;
	s->answer_fault = answer_fault;
	s->expire_session = expire_session;
	s->endpoint = endpoint;
	s->create = person_create;
	s->edit = person_edit;
	s->remove = person_remove;
	s->human = human;
	s->control = sf_control;
	s->destroy = destroy;
	sf_bus_open(sf);
	if (!sf_login_open(sf, err))
		return false;
	sf_schema_open(sf);
	sf_load(sf);
	return true;
}

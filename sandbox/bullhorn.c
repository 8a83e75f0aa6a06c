/* The Bullhorn system: routes, logins, sessions and limits. */
#include "bullhorn.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/panic.h"

/* --- refusals --- */

void bh_refuse(struct bh_refusal *why, int status, const char *key, const char *fmt, ...)
{
	va_list ap;
	if (why->status)
		return;
	why->status = status;
	why->key = key;
	va_start(ap, fmt);
	vsnprintf(why->message, sizeof(why->message), fmt, ap);
	va_end(ap);
}

void bh_answer_refusal(struct http_response *resp, const struct bh_refusal *why, const char *entity)
{
	struct json_object *o = json_object_new_object();
	struct sv message = http_utf8(resp->arena, sv_of(why->message));
	json_put_sv(o, "errorMessage", message);
	json_put_sv(o, "errorMessageKey", sv_of(why->key));
	json_put_i64(o, "errorCode", why->status);
	if (why->type) {
		struct json_object *list = json_object_new_array(), *one = json_object_new_object();
		json_put_sv(one, "detailMessage", message);
		json_put_sv(one, "propertyName", sv_of(why->property));
		json_put_sv(one, "severity", SV("ERROR"));
		json_put_sv(one, "type", sv_of(why->type));
		json_object_array_add(list, one);
		json_object_object_add(o, "errors", list);
	}
	if (entity)
		json_put_sv(o, "entityName", sv_of(entity));
	http_json(resp, why->status, o);
}

static void refuse(struct http_response *resp, int status, const char *key, const char *message)
{
	struct bh_refusal why = { 0 };
	bh_refuse(&why, status, key, "%s", message);
	bh_answer_refusal(resp, &why, NULL);
}

struct sv bh_rest_url(const struct bullhorn *b, struct arena *a)
{
	return arena_printf(a, "%s/rest-services/" BULLHORN_CORPORATION "/",
			    b->sys->box->base_url[SYSTEM_BULLHORN]);
}

/* --- from a password to a session --- */

static void login_info(struct bullhorn *b, struct http_response *resp)
{
	static const struct {
		const char *key, *path;
	} urls[] = { { "atsUrl", "/ats" },
		     { "oauthUrl", "/oauth" },
		     { "restUrl", "/rest-services" },
		     { "coreUrl", "/core" },
		     { "novoUrl", "/novo" } };
	struct json_object *o = json_object_new_object();
	for (size_t i = 0; i < countof(urls); i++)
		json_put_sv(o, urls[i].key,
			    arena_printf(resp->arena, "%s%s",
					 b->sys->box->base_url[SYSTEM_BULLHORN], urls[i].path));
	http_json(resp, 200, o);
}

static struct sv either(const struct http_request *req, const char *name)
{
	struct sv v = http_arg(req, name);
	return v.ptr ? v : http_form(req, name);
}

/* Wrong credentials get the login page again, with status 200. */
static void authorize(struct bullhorn *b, const struct http_request *req,
		      struct http_response *resp)
{
	char code[TOKEN_SIZE];
	struct sv redirect = either(req, "redirect_uri"), state = either(req, "state");
	struct buf to;
	bool good = sv_eq(either(req, "client_id"), SV(BULLHORN_CLIENT_ID)) &&
		    sv_eq(either(req, "response_type"), SV("code")) &&
		    sv_eq(either(req, "username"), SV(BULLHORN_USER)) &&
		    sv_eq(either(req, "password"), SV(BULLHORN_PASSWORD));
	if (!good) {
		http_text(
			resp, 200, "text/html;charset=UTF-8",
			SV("<!DOCTYPE html><html><head><title>Login</title></head><body><p class=\"error\">"
			   "The user name or password is not valid.</p><form method=\"post\">"
			   "<input name=\"username\"/><input name=\"password\" type=\"password\"/></form>"
			   "</body></html>\n"));
		return;
	}
	login_code(&b->login, sandbox_now(b->sys->box), code);
	buf_init(&to, 4096);
	buf_add(&to, redirect.len ? redirect : SV("http://www.bullhorn.com"));
	buf_addf(&to, "%scode=%s&client_id=" BULLHORN_CLIENT_ID,
		 redirect.len && memchr(redirect.ptr, '?', redirect.len) ? "&" : "?", code);
	if (state.len) {
		buf_add(&to, SV("&state="));
		buf_add_url(&to, state);
	}
	http_add_header(resp, "Location", arena_sv(resp->arena, buf_sv(&to)));
	buf_finish(&to);
	http_text(resp, 302, "text/html;charset=UTF-8", SV(""));
}

static void oauth_error(struct http_response *resp, int status, const char *error, const char *text)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "error", sv_of(error));
	json_put_sv(o, "error_description", sv_of(text));
	http_json(resp, status, o);
}

static void token(struct bullhorn *b, const struct http_request *req, struct http_response *resp)
{
	char access[TOKEN_SIZE], refresh[TOKEN_SIZE];
	struct err err = { 0 };
	struct sv grant = either(req, "grant_type");
	bool by_code = sv_eq(grant, SV("authorization_code"));
	if (!by_code && !sv_eq(grant, SV("refresh_token"))) {
		oauth_error(resp, 400, "unsupported_grant_type", "Unsupported grant type.");
		return;
	}
	if (!sv_eq(either(req, "client_id"), SV(BULLHORN_CLIENT_ID)) ||
	    !sv_eq(either(req, "client_secret"), SV(BULLHORN_CLIENT_SECRET))) {
		oauth_error(resp, 401, "invalid_client", "Client authentication failed.");
		return;
	}
	if (!login_redeem(&b->login, by_code ? TOKEN_CODE : TOKEN_REFRESH,
			  either(req, by_code ? "code" : "refresh_token"), sandbox_now(b->sys->box),
			  access, refresh, &err)) {
		oauth_error(resp, 400, "invalid_grant", err.what);
		return;
	}
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "access_token", sv_of(access));
	json_put_sv(o, "token_type", SV("Bearer"));
	json_put_i64(o, "expires_in", b->login.access_ms / 1000);
	json_put_sv(o, "refresh_token", sv_of(refresh));
	http_json(resp, 200, o);
}

static void rest_login(struct bullhorn *b, const struct http_request *req,
		       struct http_response *resp)
{
	char session[TOKEN_SIZE];
	struct err err = { 0 };
	int64_t ttl;
	if (!sv_to_i64(either(req, "ttl"), &ttl))
		ttl = 0;
	if (!login_open(&b->login, either(req, "access_token"), ttl, sandbox_now(b->sys->box),
			session, &err)) {
		if (err.code == ERR_LIMIT)
			refuse(resp, 429, "errors.sessionLimit", err.what);
		else
			refuse(resp, 400, "errors.authentication.invalidOAuthToken", err.what);
		return;
	}
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "BhRestToken", sv_of(session));
	json_put_sv(o, "restUrl", bh_rest_url(b, req->arena));
	http_json(resp, 200, o);
}

static struct sv session_of(const struct http_request *req)
{
	struct sv v = http_header(req, "BhRestToken");
	if (!v.len)
		v = http_arg(req, "BhRestToken");
	return v.len ? v : http_cookie(req, "BhRestToken");
}

static void ping(struct bullhorn *b, const struct http_request *req, struct http_response *resp)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "sessionExpires",
		     login_session(&b->login, session_of(req), sandbox_now(b->sys->box)));
	http_json(resp, 200, o);
}

static void logout(struct bullhorn *b, const struct http_request *req, struct http_response *resp)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "result",
		    login_close(&b->login, session_of(req)) ? SV("ok") : SV("no session"));
	http_json(resp, 200, o);
}

/* entitlements/{E}: what the API user may do. */
static void entitlements(struct bullhorn *b, const struct http_request *req, struct sv rest,
			 struct http_response *resp)
{
	struct json_object *list = json_object_new_array();
	struct sv name = SV_NONE;
	http_segment(req, &rest, &name);
	enum bh_entity e = bh_entity_named(name);
	unsigned traits = e == BH_ENTITIES ? BH_NO_WRITE | BH_NO_DELETE : bh_types[e].traits;
	if (e != BH_ENTITIES)
		json_object_array_add(list, json_object_new_string("READ"));
	if (!(traits & BH_NO_WRITE)) {
		json_object_array_add(list, json_object_new_string("CREATE"));
		json_object_array_add(list, json_object_new_string("UPDATE"));
	}
	if (!(traits & BH_NO_DELETE))
		json_object_array_add(list, json_object_new_string("DELETE"));
	http_json(resp, 200, list);
}

/* --- limits --- */

/* Nothing in the answer says when to come back (the documents: "wait one
 * second"). */
static void too_many(struct http_response *resp, const char *what)
{
	refuse(resp, 429, "errors.tooManyRequests", what);
}

static bool within_limits(struct bullhorn *b, struct http_response *resp)
{
	struct bh_limits *l = &b->limits;
	int64_t minute = sandbox_now(b->sys->box) / 60000;
	if (minute != l->minute) {
		l->minute = minute;
		l->used_in_minute = 0;
	}
	if (l->per_month && l->used_in_month >= l->per_month) {
		too_many(resp, "The monthly API call limit is reached.");
		return false;
	}
	if (l->per_minute && l->used_in_minute >= l->per_minute) {
		too_many(resp, "Too many requests.");
		return false;
	}
	l->used_in_minute++;
	l->used_in_month++;
	return true;
}

/* settings/userId,...: of those named, the ones that are known. */
static void settings(struct bullhorn *b, const struct http_request *req, struct sv rest,
		     struct http_response *resp)
{
	struct json_object *o = json_object_new_object();
	struct sv names = SV_NONE, one;
	int64_t id = 0;
	http_segment(req, &rest, &names);
	sv_to_i64(sv_of(b->api_user), &id);
	while (names.len) {
		sv_cut(names, ',', &one, &names);
		if (sv_eq(one, SV("userId")))
			json_put_i64(o, "userId", id);
		else if (sv_eq(one, SV("currencyFormat")))
			json_put_sv(o, "currencyFormat", SV("USD"));
	}
	http_json(resp, 200, o);
}

/* --- routes --- */

typedef void route_handler(struct bullhorn *, const struct http_request *, struct sv,
			   struct http_response *);

static const struct {
	const char *name;
	route_handler *handle;
} routes[] = {
	{ "entity", bh_entity_handle },		 { "query", bh_query_handle },
	{ "search", bh_search_handle },		 { "meta", bh_meta_handle },
	{ "options", bh_options_handle },	 { "event", bh_event_handle },
	{ "massUpdate", bh_mass_update_handle }, { "settings", settings },
	{ "entitlements", entitlements },
};

static void handle_session(struct bullhorn *b, const struct http_request *req, struct sv rest,
			   struct http_response *resp)
{
	struct sv name = SV_NONE, session = session_of(req);
	http_segment(req, &rest, &name);
	if (!session.len) {
		refuse(resp, 412, "errors.authentication.missingRestToken",
		       "Missing 'BhRestToken'.");
		return;
	}
	if (!login_session(&b->login, session, sandbox_now(b->sys->box))) {
		refuse(resp, 401, "errors.authentication.invalidRestToken",
		       "Bad 'BhRestToken' or timed-out.");
		return;
	}
	if (sv_eq(name, SV("ping"))) {
		ping(b, req, resp);
		return;
	}
	if (sv_eq(name, SV("logout"))) {
		logout(b, req, resp);
		return;
	}
	for (size_t i = 0; i < countof(routes); i++)
		if (sv_eq(name, sv_of(routes[i].name))) {
			routes[i].handle(b, req, rest, resp);
			return;
		}
	refuse(resp, 404, "errors.notFound", "There is no such resource.");
}

static void route(struct bullhorn *b, const struct http_request *req, struct http_response *resp)
{
	struct sv rest = req->path, root = SV_NONE, name = SV_NONE;
	http_segment(req, &rest, &root);
	http_segment(req, &rest, &name);
	bool oauth = sv_eq(root, SV("oauth")), services = sv_eq(root, SV("rest-services"));
	if (oauth && sv_eq(name, SV("authorize")))
		authorize(b, req, resp);
	else if (oauth && sv_eq(name, SV("token")))
		token(b, req, resp);
	else if (services && sv_eq(name, SV("loginInfo")))
		login_info(b, resp);
	else if (services && sv_eq(name, SV("login")))
		rest_login(b, req, resp);
	else if (services && sv_eq(name, SV(BULLHORN_CORPORATION)))
		handle_session(b, req, rest, resp);
	else
		refuse(resp, 404, "errors.notFound", "There is no such resource.");
}

static void handle(struct system *s, const struct http_request *req, struct http_response *resp)
{
	struct bullhorn *b = s->own;
	sandbox_lock(s->box);
	if (within_limits(b, resp))
		route(b, req, resp);
	sandbox_unlock(s->box);
}

/* --- what the sandbox asks of a system --- */

static void answer_fault(struct system *s, enum fault_kind kind, struct http_response *resp)
{
	if (kind == FAULT_RATE)
		too_many(resp, "Too many requests.");
	else
		refuse(resp, 500, "errors.internalServerError", "An unexpected error occurred.");
}

static void expire_session(struct system *s, const struct http_request *req)
{
	struct bullhorn *b = s->own;
	login_close(&b->login, session_of(req));
}

/* 'GET query/Candidate', 'POST login', 'GET event/subscription'. */
static const char *endpoint(struct system *s, const struct http_request *req)
{
	struct sv rest = req->path, root = SV_NONE, name = SV_NONE, what = SV_NONE;
	http_segment(req, &rest, &root);
	http_segment(req, &rest, &name);
	if (sv_eq(name, SV(BULLHORN_CORPORATION))) {
		http_segment(req, &rest, &name);
		http_segment(req, &rest, &what);
	}
	return arena_printf(req->arena, "%.*s %.*s%s%.*s", SV_ARG(req->method), SV_ARG(name),
			    what.len ? "/" : "", SV_ARG(what))
		.ptr;
}

static bool refused(const struct bh_refusal *why, struct err *err)
{
	if (!why->status)
		return false;
	err_set(err, ERR_REJECTED, "%s", why->message);
	err->http_status = why->status;
	return true;
}

static bool find_row(struct bullhorn *b, struct sv object, struct sv id, struct row **out,
		     struct bh_refusal *why)
{
	enum bh_entity e = bh_entity_named(object);
	*out = e == BH_ENTITIES ? NULL : table_row(b->tables[e], id);
	if (!*out || !bh_exists_at(b, *out, BH_FRESH))
		bh_refuse(why, 404, "errors.entityNotFound", "there is no %.*s %.*s",
			  SV_ARG(object), SV_ARG(id));
	return !why->status;
}

static bool system_create(struct system *s, struct sv object, const struct named_value *set,
			  size_t n, const struct writer *w, char id_out[32], struct err *err)
{
	struct bullhorn *b = s->own;
	struct bh_refusal why = { 0 };
	struct bh_transaction t = bh_begin(b, *w);
	enum bh_entity e = bh_entity_named(object);
	struct row *r;
	if (e == BH_ENTITIES)
		bh_refuse(&why, 404, "errors.unknownEntity", "there is no entity '%.*s'",
			  SV_ARG(object));
	else if (bh_create(b, e, set, n, &t, &r, &why))
		snprintf(id_out, 32, "%.*s", SV_ARG(r->id));
	return !refused(&why, err);
}

static bool system_edit(struct system *s, struct sv object, struct sv id,
			const struct named_value *set, size_t n, const struct writer *w,
			struct err *err)
{
	struct bullhorn *b = s->own;
	struct bh_refusal why = { 0 };
	struct bh_transaction t = bh_begin(b, *w);
	struct row *r;
	if (find_row(b, object, id, &r, &why))
		bh_update(b, r, set, n, &t, &why);
	return !refused(&why, err);
}

static bool system_remove(struct system *s, struct sv object, struct sv id, const struct writer *w,
			  struct err *err)
{
	struct bullhorn *b = s->own;
	struct bh_refusal why = { 0 };
	struct bh_transaction t = bh_begin(b, *w);
	struct row *r;
	if (find_row(b, object, id, &r, &why))
		bh_remove(b, r, &t, &why);
	return !refused(&why, err);
}

static struct sv human(struct system *s, unsigned nth)
{
	struct bullhorn *b = s->own;
	struct table *users = b->tables[BH_CORPORATE_USER];
	return users->rows[nth % (users->rows_len - 1)]->id; /* the last is the API's */
}

/* --- verbs under /_sandbox/ --- */

static void control_sessions(struct bullhorn *b, struct json_object *body, struct json_object *out)
{
	struct sv what = json_sv(body, "expire");
	if (sv_eq(what, SV("access")))
		login_expire(&b->login, TOKEN_ACCESS);
	else if (sv_eq(what, SV("refresh")))
		login_expire(&b->login, TOKEN_REFRESH);
	else if (what.len)
		login_expire(&b->login, TOKEN_SESSION);
	b->login.max_sessions = (size_t)json_i64(body, "max", (int64_t)b->login.max_sessions);
	json_put_i64(out, "logins", b->login.logins);
}

static void control_limits(struct bullhorn *b, struct json_object *body, struct json_object *out)
{
	b->limits.per_minute = json_i64(body, "per_minute", b->limits.per_minute);
	b->limits.per_month = json_i64(body, "per_month", b->limits.per_month);
	if (json_flag(body, "reset", false))
		b->limits.used_in_minute = b->limits.used_in_month = 0;
	json_put_i64(out, "per_minute", b->limits.per_minute);
	json_put_i64(out, "per_month", b->limits.per_month);
	json_put_i64(out, "used_in_minute", b->limits.used_in_minute);
	json_put_i64(out, "used_in_month", b->limits.used_in_month);
}

static void control_queue(struct bullhorn *b, struct json_object *body, struct json_object *out)
{
	struct queue *q = &b->queue;
	struct json_object *list = json_object_new_array();
	q->duplicate_percent = (unsigned)json_i64(body, "duplicate_percent", q->duplicate_percent);
	q->disorder_percent = (unsigned)json_i64(body, "disorder_percent", q->disorder_percent);
	q->expiry_ms = json_i64(body, "expiry_ms", q->expiry_ms);
	q->max = (size_t)json_i64(body, "max", (int64_t)q->max);
	if (json_flag(body, "expire", false))
		queue_drop_all(q);
	for (size_t i = 0; i < q->len; i++) {
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "subscriptionId", sv_of(q->items[i]->id));
		json_put_i64(o, "waiting", (int64_t)(q->items[i]->len - q->items[i]->taken));
		json_put_i64(o, "lastRequestId", q->items[i]->last_request);
		json_object_array_add(list, o);
	}
	json_put_i64(out, "posted", q->posted);
	json_object_object_add(out, "subscriptions", list);
}

static void control_index(struct bullhorn *b, struct json_object *body, struct json_object *out)
{
	b->index_lag_ms = json_i64(body, "lag_ms", b->index_lag_ms);
	json_put_i64(out, "lag_ms", b->index_lag_ms);
}

static void control_history(struct bullhorn *b, struct json_object *body, struct json_object *out)
{
	b->history_off = !json_flag(body, "keep", !b->history_off);
	json_put_bool(out, "keep", !b->history_off);
}

/* All answer what holds now:
 *   sessions {"expire":"session"|"access"|"refresh","max":50}
 *   limits   {"per_minute":1500,"per_month":0,"reset":true}
 *   queue    {"duplicate_percent","disorder_percent","expiry_ms","max","expire":true}
 *   index    {"lag_ms":1500}
 *   history  {"keep":true} */
static bool control(struct system *s, struct sv verb, struct json_object *body,
		    struct http_response *resp)
{
	static const struct {
		const char *verb;
		void (*run)(struct bullhorn *, struct json_object *, struct json_object *);
	} verbs[] = { { "sessions", control_sessions },
		      { "limits", control_limits },
		      { "queue", control_queue },
		      { "index", control_index },
		      { "history", control_history } };
	for (size_t i = 0; i < countof(verbs); i++)
		if (sv_eq(verb, sv_of(verbs[i].verb))) {
			struct json_object *out = json_object_new_object();
			verbs[i].run(s->own, body, out);
			http_json(resp, 200, out);
			return true;
		}
	return false;
}

static struct sv make_id(struct tables *all, struct table *t, uint64_t number, char out[32])
{
	return sv_make(out, (size_t)snprintf(out, 32, "%" PRIu64, number));
}

static void destroy(struct system *s)
{
	struct bullhorn *b = s->own;
	if (!b)
		return;
	login_finish(&b->login);
	queue_finish(&b->queue);
	history_finish(&b->history);
	free(b);
	s->own = NULL;
}

bool bullhorn_open(struct system *s, struct err *err)
{
	struct bullhorn *b = must_zalloc(sizeof(*b));
	b->sys = s;
	b->index_lag_ms = 1500;
	b->limits.per_minute = 1500;
	login_init(&b->login);
	queue_init(&b->queue, s->box->options.seed);
	s->own = b;
	s->tables = tables_create(s->box->clock, make_id);
	for (int e = 0; e < BH_ENTITIES; e++)
		b->tables[e] = tables_add(s->tables, &bh_types[e].def);
	s->handle = handle;
	s->answer_fault = answer_fault;
	s->expire_session = expire_session;
	s->endpoint = endpoint;
	s->create = system_create;
	s->edit = system_edit;
	s->remove = system_remove;
	s->human = human;
	s->control = control;
	s->destroy = destroy;
	bh_load(b);
	return true;
}

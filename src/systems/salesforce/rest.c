#include "systems/salesforce/sf.h"

enum { HEADERS = 6, URL_MAX = 16 * 1024 };

/* Every counted answer carries it; an odd one leaves what was known. */
static void note_usage(struct salesforce *sf, const struct http_call *http)
{
	int64_t used, limit;
	atomic_fetch_add(&sf->connector.usage.calls, 1);
	if (sf_limit_info(http_answer_header(http, "Sforce-Limit-Info"), &used, &limit)) {
		atomic_store(&sf->connector.usage.quota_used, used);
		atomic_store(&sf->connector.usage.quota_limit, limit);
	}
}

/* Maintenance pages and gateways answer in HTML, with any status. */
static bool read_body(struct sf_call *call, const struct http_call *http, struct err *err)
{
	struct sv type = http_answer_header(http, "Content-Type");
	struct sv body = sv_trim(buf_sv(&http->body_out));
	call->status = http->status;
	if (!body.len)
		return true;
	if (!sv_starts(type, SV("application/json"))) {
		err_set(err, ERR_SERVER, "%s: HTTP status %ld with a body of type '%.*s', not JSON",
			call->what, http->status, SV_ARG(type));
		return false;
	}
	call->json = json_parse(body, call->what, err);
	return call->json != NULL;
}

static bool judge(struct sf_call *call, struct err *err)
{
	if (call->status >= 200 && call->status < 300)
		return true;
	call->problem = sf_problem_of(call->json);
	sf_problem_class(&call->problem, (int)call->status, call->what, err);
	return false;
}

static bool attempt(struct salesforce *sf, struct sf_call *call, const struct sf_login *login,
		    struct arena *a, struct err *err)
{
	struct http_header header[HEADERS] = {
		{ "Authorization", arena_printf(a, "Bearer %.*s", SV_ARG(login->token)) },
		{ "Accept", SV("application/json") },
		/* shows as 'client=' in the changeOrigin of our own changes */
		{ "Sforce-Call-Options", SV("client=treaty") },
		/* else assignment rules may change the owner of what we write */
		{ "Sforce-Auto-Assign", SV("FALSE") },
	};
	int n = 4;
	if (call->header)
		header[n++] = (struct http_header){ call->header, call->header_value };
	struct http_call http = {
		.method = call->method,
		.url = arena_printf(a, "%.*s%.*s", SV_ARG(login->instance), SV_ARG(call->path)).ptr,
		.header = header,
		.header_n = n,
		.body = call->body,
		.content_type = call->body.len ? "application/json" : NULL,
		.timeout_ms = sf->system->timeout_ms,
		.repeatable = call->repeatable,
	};
	bool ok = http_perform(sf->http, &http, err);
	if (ok || http.status)
		note_usage(sf, &http);
	ok = ok && read_body(call, &http, err) && judge(call, err);
	if (!ok && err->code && !err->http_status)
		err->http_status = (int)http.status;
	http_call_finish(&http);
	return ok;
}

bool sf_call(struct salesforce *sf, struct sf_call *call, struct err *err)
{
	struct arena a;
	struct sf_login login;
	struct err why = { 0 };
	arena_init(&a);
	bool ok = false;
	/* The server refuses an ended session before it executes anything, so
	 * repeating is safe for writes too. A second refusal is not a session
	 * that aged; another login would only be refused again. */
	for (int try = 0; try < 2; try++) {
		why = (struct err){ 0 };
		sf_call_finish(call);
		ok = sf_session_get(sf, &a, &login, &why) && attempt(sf, call, &login, &a, &why);
		if (ok || why.code != ERR_SESSION)
			break;
		sf_session_ended(sf, login.number);
	}
	if (why.code == ERR_SESSION) {
		why.code = ERR_UNREACHABLE;
		why.retry = RETRY_LATER;
	}
	if (!ok && err && !err->code)
		*err = why;
	arena_finish(&a);
	return ok;
}

void sf_call_finish(struct sf_call *call)
{
	json_object_put(call->json);
	call->json = NULL;
	call->problem = (struct sf_problem){ 0 };
	call->status = 0;
}

/* Any request to the sandbox's two systems, by somebody who is logged in: paths,
 * arguments, SOQL, JPQL, Lucene, JSON bodies. Each is answered, and what is said
 * to be JSON is.
 *
 * The input: 'salesforce' or 'bullhorn', a method and a target on the first line,
 * headers, an empty line, the body. */
#include "fuzz.h"

#include "base/panic.h"
#include "bullhorn.h"
#include "salesforce.h"

/* What requests write is kept, so a new sandbox now and then. */
enum { REQUESTS_A_SANDBOX = 300, ANSWER_MAX = 64 << 20, HEADERS_MAX = 16 };

static struct sandbox box;
static int served;
static char session[SYSTEMS][160];

static struct sv next_line(struct sv *text)
{
	struct sv line;
	sv_cut(*text, '\n', &line, text);
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* True when a request could be made of the text. */
static bool read_request(struct sv text, struct arena *a, struct http_request *req, int *to)
{
	struct sv line = next_line(&text), system, rest, target;
	sv_cut(line, ' ', &system, &rest);
	sv_cut(rest, ' ', &req->method, &target);
	*to = sv_eq(system, SV("bullhorn")) ? SYSTEM_BULLHORN : SYSTEM_SALESFORCE;
	if (memchr(target.ptr ? target.ptr : "", 0, target.len))
		return false; /* no server hands that on */
	req->arena = a;
	http_take_target(req, target);
	req->headers.items = arena_array(a, struct http_pair, HEADERS_MAX + 1);
	while ((line = next_line(&text)).len) {
		struct sv name, value;
		if (sv_cut(line, ':', &name, &value) && req->headers.len < HEADERS_MAX)
			req->headers.items[req->headers.len++] =
				(struct http_pair){ name, sv_trim(value) };
	}
	req->body = text;
	req->came_ms = sandbox_now(&box);
	if (sv_starts(http_header(req, "Content-Type"), SV("application/x-www-form-urlencoded")))
		http_parse_pairs(a, req->body, &req->form);
	return true;
}

static void check_answer(const struct http_response *resp)
{
	struct err err = { 0 };
	if (resp->fate != HTTP_ANSWER)
		return;
	if (resp->status < 200 || resp->status > 599)
		panic("status %d", resp->status);
	if (!resp->content_type || !resp->body.len || resp->status == 204 || resp->status == 304 ||
	    !sv_starts(sv_of(resp->content_type), SV("application/json")))
		return;
	struct json_object *o = json_parse(buf_sv(&resp->body), "answer", &err);
	if (!o)
		panic("%s: %.*s", err.what, (int)(resp->body.len > 300 ? 300 : resp->body.len),
		      resp->body.ptr);
	json_object_put(o);
}

static void serve(struct system *s, struct http_request *req, struct http_response *resp)
{
	*resp = (struct http_response){ .arena = req->arena, .status = 200,
					.content_type = "application/json;charset=UTF-8" };
	buf_init(&resp->body, ANSWER_MAX);
	s->handle(s, req, resp);
	check_answer(resp);
}

static void log_in_salesforce(struct arena *a)
{
	struct http_request req = { 0 };
	struct http_response resp;
	struct err err = { 0 };
	int to;
	read_request(SV("salesforce POST /services/oauth2/token\n"
			"Content-Type: application/x-www-form-urlencoded\n\n"
			"grant_type=client_credentials&client_id=fuzz"
			"&client_secret=treaty-consumer-secret"),
		     a, &req, &to);
	serve(&box.systems[SYSTEM_SALESFORCE], &req, &resp);
	struct json_object *o = json_parse(buf_sv(&resp.body), "login", &err);
	struct sv token = json_string(json_at(o, "access_token"));
	if (!token.len)
		panic("no session: %.*s", (int)resp.body.len, resp.body.ptr);
	snprintf(session[SYSTEM_SALESFORCE], sizeof(session[0]), "Bearer %.*s", SV_ARG(token));
	json_object_put(o);
	buf_finish(&resp.body);
}

static void log_in_bullhorn(void)
{
	struct login *l = &((struct bullhorn *)box.systems[SYSTEM_BULLHORN].own)->login;
	char code[TOKEN_SIZE], access[TOKEN_SIZE], refresh[TOKEN_SIZE];
	struct err err = { 0 };
	int64_t now = sandbox_now(&box);
	login_code(l, now, code);
	if (!login_redeem(l, TOKEN_CODE, sv_of(code), now, access, refresh, &err) ||
	    !login_open(l, sv_of(access), 60, now, session[SYSTEM_BULLHORN], &err))
		panic("no session: %s", err.what);
}

static void begin(struct arena *a)
{
	struct err err = { 0 };
	struct sandbox_options o = { .seed = 1, .counts = { 8, 3, 4, 6, 8, 8 }, .client_id = "fuzz",
				     .user_name = "fuzz@acme.example",
				     .salesforce_daily_limit = 1000000, .cometd_hold_ms = 1,
				     .events_kept = 1000 };
	if (served)
		sandbox_stop(&box);
	if (!sandbox_start(&box, &o, &err))
		panic("%s", err.what);
	log_in_salesforce(a);
	log_in_bullhorn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const name[SYSTEMS] = { "Authorization", "BhRestToken" };
	struct http_request req = { 0 };
	struct http_response resp;
	int to;
	struct arena a;
	arena_init(&a);
	if (served++ % REQUESTS_A_SANDBOX == 0)
		begin(&a);
	if (read_request(sv_make(data, len), &a, &req, &to)) {
		req.headers.items[req.headers.len++] =
			(struct http_pair){ sv_of(name[to]), sv_of(session[to]) };
		serve(&box.systems[to], &req, &resp);
		buf_finish(&resp.body);
	}
	arena_finish(&a);
	return 0;
}

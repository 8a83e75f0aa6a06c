#include "systems/salesforce/cometd.h"

enum {
	ANSWER_MARGIN_MS = 15 * 1000, /* how much later than the hold an answer may come */
	CALL_TIMEOUT_MS = 60 * 1000,
	BODY_MAX_BYTES = 32 * 1024, /* more is refused with 413 */
};

/* ---- one request ---- */

static int cookie_place(const struct sf_feed *f, struct sv name)
{
	int i = 0;
	while (i < f->cookie_n && !(strncmp(f->cookie[i], name.ptr, name.len) == 0 &&
				    f->cookie[i][name.len] == '='))
		i++;
	return i;
}

/* Salesforce balances by cookie; without them the client is unknown there. */
static void keep_cookies(struct sf_feed *f, const struct http_call *http)
{
	struct sv rest = buf_sv(&http->headers_out), header, value, pair, name, tail;
	while (http_header_next(&rest, &header, &value)) {
		if (!sv_eq_nocase(header, SV("Set-Cookie")))
			continue;
		sv_cut(value, ';', &pair, &tail);
		if (!sv_cut(pair, '=', &name, &tail) || pair.len >= COMETD_COOKIE_SIZE)
			continue;
		int i = cookie_place(f, name);
		if (i == COMETD_COOKIES)
			continue;
		snprintf(f->cookie[i], COMETD_COOKIE_SIZE, "%.*s", SV_ARG(pair));
		if (i == f->cookie_n)
			f->cookie_n++;
	}
}

static struct sv cookie_header(const struct sf_feed *f, struct arena *a)
{
	struct sv all = SV_NONE;
	for (int i = 0; i < f->cookie_n; i++)
		all = arena_printf(a, "%.*s%s%s", SV_ARG(all), i ? "; " : "", f->cookie[i]);
	return all;
}

/* An error of REST is an array as well; messages name their channel. */
static bool are_messages(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) && json_object_array_length(list) > 0 &&
	       json_has(json_object_array_get_idx(list, 0), "channel");
}

static struct json_object *read_messages(const struct http_call *http, const char *what,
					 enum bayeux_verdict *verdict, struct err *err)
{
	struct err why = { 0 };
	struct json_object *list = json_parse(buf_sv(&http->body_out), what, &why);
	if (are_messages(list))
		return list;
	json_object_put(list);
	*verdict = http->status == 401 ? BAYEUX_LOGIN : BAYEUX_FAILED;
	if (*verdict == BAYEUX_FAILED)
		err_set(err, ERR_SERVER, "%s: HTTP status %ld without messages", what,
			http->status);
	return NULL;
}

/* Sends the messages; the answer's (json_object_put), or NULL with *verdict. */
static struct json_object *exchange(struct salesforce *sf, const struct buf *body,
				    const char *what, int64_t timeout_ms,
				    enum bayeux_verdict *verdict, struct err *err)
{
	struct sf_feed *f = sf->feed;
	struct json_object *list = NULL;
	struct sf_login login;
	struct arena a;
	arena_init(&a);
	*verdict = BAYEUX_FAILED;
	if (sf_session_get(sf, &a, &login, err)) {
		struct http_header header[] = {
			{ "Authorization", arena_printf(&a, "Bearer %.*s", SV_ARG(login.token)) },
			{ "Accept", SV("application/json") },
			{ "Cookie", cookie_header(f, &a) },
		};
		struct http_call http = {
			.method = "POST",
			.url = arena_printf(&a, "%.*s" SF_COMETD, SV_ARG(login.instance)).ptr,
			.header = header,
			.header_n = f->cookie_n ? 3 : 2,
			.body = buf_sv(body),
			.content_type = "application/json",
			.timeout_ms = timeout_ms,
		};
		f->login_number = login.number;
		atomic_fetch_add(&sf->connector.usage.feed_calls, 1);
		if (http_perform(sf->http, &http, err)) {
			keep_cookies(f, &http);
			list = read_messages(&http, what, verdict, err);
		}
		http_call_finish(&http);
	}
	arena_finish(&a);
	return list;
}

static void begin_message(struct sf_feed *f, struct buf *b, const char *channel)
{
	if (b->len)
		buf_addc(b, ',');
	buf_addf(b, "%s{\"channel\":\"%s\",\"id\":\"%llu\"", b->len ? "" : "[", channel,
		 (unsigned long long)++f->message_id);
	if (f->client_id.len)
		buf_addf(b, ",\"clientId\":\"%.*s\"", SV_ARG(f->client_id));
}

/* ---- handshake and subscriptions ---- */

struct json_object *cometd_reply(struct json_object *list, struct sv channel,
				 struct sv subscription)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *m = json_object_array_get_idx(list, i);
		if (sv_eq(json_sv(m, "channel"), channel) &&
		    (!subscription.len || sv_eq(json_sv(m, "subscription"), subscription)))
			return m;
	}
	return NULL;
}

enum bayeux_verdict cometd_handshake(struct salesforce *sf, struct err *err)
{
	struct sf_feed *f = sf->feed;
	enum bayeux_verdict verdict;
	struct buf body;
	buf_init(&body, BODY_MAX_BYTES);
	begin_message(f, &body, "/meta/handshake");
	buf_add(&body, SV(",\"version\":\"1.0\",\"minimumVersion\":\"1.0\","
			  "\"supportedConnectionTypes\":[\"long-polling\"],"
			  "\"ext\":{\"replay\":true}}]"));
	struct json_object *list = exchange(sf, &body, "salesforce feed: handshake",
					    CALL_TIMEOUT_MS, &verdict, err);
	if (list) {
		struct json_object *reply = cometd_reply(list, SV("/meta/handshake"), SV_NONE);
		verdict = bayeux_judge(reply, "salesforce feed: handshake", err);
		f->client_id = arena_sv(&f->arena, json_sv(reply, "clientId"));
		if (verdict == BAYEUX_OK && !f->client_id.len) {
			err_set(err, ERR_SERVER, "salesforce feed: handshake without a client id");
			verdict = BAYEUX_FAILED;
		}
		json_object_put(list);
	}
	buf_finish(&body);
	return verdict;
}

static enum bayeux_verdict judge_subscriptions(struct sf_feed *f, struct json_object *list,
					       struct err *err)
{
	for (int i = 0; i < f->channel_n; i++) {
		char what[320];
		snprintf(what, sizeof(what), "salesforce feed: subscribe to %.*s",
			 SV_ARG(f->channel[i].name));
		struct json_object *reply =
			cometd_reply(list, SV("/meta/subscribe"), f->channel[i].name);
		enum bayeux_verdict verdict = bayeux_judge(reply, what, err);
		if (verdict != BAYEUX_OK)
			return verdict;
	}
	return BAYEUX_OK;
}

/* The key of the replay map must equal the subscription to the letter, else
 * the server silently replays nothing. */
enum bayeux_verdict cometd_subscribe(struct salesforce *sf, struct err *err)
{
	struct sf_feed *f = sf->feed;
	enum bayeux_verdict verdict = BAYEUX_FAILED;
	struct buf body;
	buf_init(&body, BODY_MAX_BYTES);
	for (int i = 0; i < f->channel_n; i++) {
		struct channel *c = &f->channel[i];
		begin_message(f, &body, "/meta/subscribe");
		buf_addf(&body,
			 ",\"subscription\":\"%.*s\",\"ext\":{\"replay\":{\"%.*s\":%lld}}}",
			 SV_ARG(c->name), SV_ARG(c->name), (long long)c->subscribe);
	}
	buf_addc(&body, ']');
	if (body.full) {
		err_set(err, ERR_TOO_BIG, "salesforce feed: %d objects are too many", f->channel_n);
	} else {
		struct json_object *list = exchange(sf, &body, "salesforce feed: subscribe",
						    CALL_TIMEOUT_MS, &verdict, err);
		if (list)
			verdict = judge_subscriptions(f, list, err);
		json_object_put(list);
	}
	buf_finish(&body);
	return verdict;
}

/* ---- polling ---- */

/* The server is asked to answer after 'wait_ms'. One that does not heed it
 * holds the poll as long as it always does; giving up before would lose what
 * it sends. */
struct json_object *cometd_connect(struct salesforce *sf, int64_t wait_ms,
				   enum bayeux_verdict *verdict, struct err *err)
{
	struct sf_feed *f = sf->feed;
	struct buf body;
	buf_init(&body, BODY_MAX_BYTES);
	begin_message(f, &body, "/meta/connect");
	buf_addf(&body, ",\"connectionType\":\"long-polling\",\"advice\":{\"timeout\":%lld}}]",
		 (long long)wait_ms);
	int64_t hold_ms = wait_ms > f->hold_ms ? wait_ms : f->hold_ms;
	struct json_object *list = exchange(sf, &body, "salesforce feed: connect",
					    hold_ms + ANSWER_MARGIN_MS, verdict, err);
	buf_finish(&body);
	return list;
}

/* One request with a session around it, and what its answer means. */
#include "systems/rest/connection.h"

#include "base/log.h"
#include "base/panic.h"

static const enum err_code code_of[] = {
	[CLASS_SESSION] = ERR_UNREACHABLE, /* still no session after a new login */
	[CLASS_LIMIT] = ERR_LIMIT,	   [CLASS_REJECTED] = ERR_REJECTED,
	[CLASS_GONE] = ERR_NOT_FOUND,	   [CLASS_CURSOR] = ERR_CURSOR,
	[CLASS_SERVER] = ERR_SERVER,
};

/* {"where": "..."} */
static struct sv json_body(const struct rest_request *q, const struct vars *v, struct arena *a)
{
	struct json_object *o = json_object_new_object();
	struct buf text, all;
	buf_init(&text, 1 << 20);
	buf_init(&all, 2 << 20);
	for (int i = 0; i < q->json_n; i++) {
		buf_clear(&text);
		template_add(&text, &q->json[i].value, v, TEMPLATE_VERBATIM);
		json_put_sv(o, q->json[i].name, buf_sv(&text));
	}
	buf_add_json(&all, o);
	struct sv body = arena_sv(a, buf_sv(&all));
	buf_finish(&all);
	buf_finish(&text);
	json_object_put(o);
	return body;
}

/* After a limit the next request of anybody waits: the system gives no date,
 * only the description's fixed distance. */
static void close_gate(struct gate *g, int64_t wait_ms)
{
	int64_t until = monotonic_ms() + wait_ms;
	pthread_mutex_lock(&g->lock);
	if (until > g->closed_until_ms)
		g->closed_until_ms = until;
	pthread_mutex_unlock(&g->lock);
}

static bool pass_gate(struct rest *r, struct err *err)
{
	pthread_mutex_lock(&r->gate.lock);
	int64_t until = r->gate.closed_until_ms;
	pthread_mutex_unlock(&r->gate.lock);
	if (monotonic_ms() >= until || gate_wait(&r->gate, until))
		return true;
	err_set(err, ERR_STOPPED, "%s: stopped", r->d->name);
	return false;
}

static void read_answer(struct rest *r, const struct rest_ask *ask, const struct http_call *call,
			struct arena *a, struct rest_answer *out, struct err *err)
{
	const struct rest_error_class *rule;
	struct sv text = sv_trim(buf_sv(&call->body_out));
	struct err parse = { 0 };
	out->sent = true;
	out->status = call->status;
	out->body = text.len ? json_parse(text, ask->what, &parse) : NULL;
	out->class = rest_classify(r->d, ask->on, call->status, !text.len, out->body, &rule);
	if (out->class == CLASS_OK)
		return;
	struct sv why = out->body || call->status < 200 || call->status > 299 ?
				rest_error_text(r->d, out->body, call->status, a) :
				sv_of(parse.what);
	err_set(err, code_of[out->class], "%s: %s: %.*s", r->d->name, ask->what, SV_ARG(why));
	err->http_status = (int)call->status;
	if (rule && rule->wait_ms)
		close_gate(&r->gate, rule->wait_ms);
}

static bool send(struct rest *r, const struct rest_ask *ask, const struct session_use *session,
		 struct arena *a, struct rest_answer *out, struct err *err)
{
	const struct rest_request *q = ask->request;
	struct sv url = rest_url(session->base, q, ask->vars, a);
	if (ask->longer && ask->longer->method && (!url.len || url.len > (size_t)ask->url_max)) {
		q = ask->longer;
		url = rest_url(session->base, q, ask->vars, a);
	}
	if (!url.len) {
		err_set(err, ERR_TOO_BIG, "%s: %s: the URL is too long", r->d->name, ask->what);
		return false;
	}
	struct http_call call = {
		.method = q->method,
		.url = url.ptr,
		.header = session->header,
		.header_n = session->header_n,
		.body = ask->body.len ? ask->body : q->json_n ? json_body(q, ask->vars, a) : SV_NONE,
		.timeout_ms = r->connector.shape.longest_request_ms,
		/* the next batch of a queue is taken by asking: asked twice, the
		 * first one would be gone unseen */
		.once = ask->on == ON_FEED,
	};
	if (call.body.len)
		call.content_type = "application/json";
	if (ask->on == ON_FEED)
		atomic_fetch_add(&r->connector.usage.feed_calls, 1);
	struct err failed = { 0 };
	if (!rest_exchange(r, &call, a, &failed)) {
		/* too big an answer was an answer */
		out->sent = failed.code != ERR_UNREACHABLE && failed.code != ERR_STOPPED &&
			    failed.code != ERR_BAD_INPUT;
		err_set(err, failed.code, "%s: %s: %s", r->d->name, ask->what, failed.what);
		http_call_finish(&call);
		return false;
	}
	read_answer(r, ask, &call, a, out, err);
	http_call_finish(&call);
	return out->class == CLASS_OK;
}

bool rest_call(struct rest *r, const struct rest_ask *ask, struct arena *a,
	       struct rest_answer *out, struct err *err)
{
	int ended = 0;
	for (int tries = 1;; tries++) {
		struct session_use session;
		struct err failed = { 0 };
		*out = (struct rest_answer){ .class = CLASS_NONE };
		if (!pass_gate(r, err) || !session_get(r, ended, a, &session, err))
			return false;
		if (send(r, ask, &session, a, out, &failed))
			return true;
		if (out->class != CLASS_SESSION || tries == 2) {
			/* a session that ends at once was no session: nothing was done */
			out->sent = out->sent && out->class != CLASS_SESSION;
			*err = err->code ? *err : failed;
			return false;
		}
		log_info(r->d->name, "the session ended; logging in again");
		ended = session.generation;
		rest_answer_finish(out);
	}
}

void rest_answer_finish(struct rest_answer *answer)
{
	json_object_put(answer->body);
	answer->body = NULL;
}

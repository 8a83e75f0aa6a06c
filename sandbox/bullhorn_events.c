/* event/subscription/: the HTTP side of bullhorn_queue.h. */
#include "bullhorn.h"

enum { DEFAULT_EVENTS = 100 };

static void answer_result(struct http_response *resp, struct json_object *result)
{
	struct json_object *o = json_object_new_object();
	json_object_object_add(o, "result", result);
	http_json(resp, 200, o);
}

static void no_subscription(struct http_response *resp, struct sv id)
{
	struct bh_refusal why = { 0 };
	bh_refuse(&why, 404, "errors.subscriptionNotFound", "Subscription '%.*s' does not exist",
		  SV_ARG(id));
	bh_answer_refusal(resp, &why, NULL);
}

static void put(struct bullhorn *b, const struct http_request *req, struct sv id, int64_t now,
		struct http_response *resp)
{
	struct err err = { 0 };
	struct bh_refusal why = { 0 };
	if (!sv_eq(http_arg(req, "type"), SV("entity")))
		err_set(&err, ERR_BAD_INPUT, "only subscriptions of type 'entity' are kept");
	struct queue_subscription *s = err.code ? NULL
						: queue_subscribe(
							  &b->queue, id, http_arg(req, "names"),
							  http_arg(req, "eventTypes"),
							  BULLHORN_CORPORATION_ID, now, &err);
	if (!s) {
		bh_refuse(&why, 400, "errors.invalidSubscription", "%s", err.what);
		bh_answer_refusal(resp, &why, NULL);
		return;
	}
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "subscriptionId", sv_of(s->id));
	json_put_sv(o, "jmsSelector", sv_of(s->selector));
	json_put_i64(o, "lastRequestId", s->last_request);
	json_put_i64(o, "createdOn", s->created_ms);
	http_json(resp, 200, o);
}

/* An empty queue answers 200 with no body at all. */
static void get(struct bullhorn *b, const struct http_request *req, struct queue_subscription *s,
		int64_t now, struct http_response *resp)
{
	int64_t again, max;
	struct bh_refusal why = { 0 };
	if (!sv_to_i64(http_arg(req, "maxEvents"), &max) || max < 1 || max > QUEUE_MAX_BATCH)
		max = DEFAULT_EVENTS;
	if (!sv_to_i64(http_arg(req, "requestId"), &again)) {
		if (queue_take(&b->queue, s, (size_t)max, now))
			http_json(resp, 200, queue_batch_json(s));
		else
			http_text(resp, 200, "application/json;charset=UTF-8", SV(""));
		return;
	}
	if (again == s->last_request && again > 0) {
		s->read_ms = now;
		http_json(resp, 200, queue_batch_json(s));
		return;
	}
	bh_refuse(&why, 400, "errors.invalidRequestId",
		  "the events of requestId %lld are no longer kept", (long long)again);
	bh_answer_refusal(resp, &why, NULL);
}

void bh_event_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		     struct http_response *resp)
{
	struct sv word = SV_NONE, id = SV_NONE, last = SV_NONE;
	int64_t now = sandbox_now(b->sys->box);
	http_segment(req, &rest, &word);
	http_segment(req, &rest, &id);
	http_segment(req, &rest, &last);
	if (http_is(req, "PUT")) {
		put(b, req, id, now, resp);
		return;
	}
	struct queue_subscription *s = queue_find(&b->queue, id, now);
	if (!s || !sv_eq(word, SV("subscription")))
		no_subscription(resp, id);
	else if (http_is(req, "DELETE"))
		answer_result(resp, json_object_new_boolean(queue_drop(&b->queue, id)));
	else if (sv_eq(last, SV("lastRequestId")))
		answer_result(resp, json_object_new_int64(s->last_request));
	else
		get(b, req, s, now, resp);
}

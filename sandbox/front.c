/* What every request passes before its system sees it. */
#include "control.h"
#include "sandbox.h"

static const char html_down[] =
	"<html><head><title>Service Unavailable</title></head><body><h1>Down for maintenance</h1>"
	"<p>We are currently unavailable. Please try again later.</p></body></html>\n";

static void cut_body(struct http_response *resp)
{
	if (resp->body.len > 1) {
		resp->body.len /= 2;
		resp->body.ptr[resp->body.len] = '\0';
	}
}

/* Faults that keep the request from being executed. True = answered. */
static bool refuse(struct system *s, const struct fault *f, struct http_response *resp)
{
	switch (f->kind) {
	case FAULT_OUTAGE:
		resp->fate = HTTP_CLOSE;
		return true;
	case FAULT_RESET:
		resp->fate = HTTP_RESET;
		return true;
	case FAULT_UNAVAILABLE:
		http_text(resp, 503, "text/html; charset=UTF-8", SV(html_down));
		return true;
	case FAULT_HTML:
		http_text(resp, 200, "text/html; charset=UTF-8", SV(html_down));
		return true;
	case FAULT_ERROR_500:
	case FAULT_RATE:
		sandbox_lock(s->box);
		s->answer_fault(s, f->kind, resp);
		sandbox_unlock(s->box);
		return true;
	default:
		return false;
	}
}

static void spoil(struct sandbox *box, const struct fault *f, struct http_response *resp)
{
	if (f->kind == FAULT_LOST_ANSWER)
		resp->fate = HTTP_CLOSE;
	else if (f->kind == FAULT_TRUNCATED)
		cut_body(resp);
	else if (f->kind == FAULT_SLOW)
		sandbox_pause_ms(box, f->delay_ms);
}

/* An outage that began meanwhile takes the answer with it. */
static void cut_by_outage(struct system *s, const struct http_request *req, struct http_response *resp)
{
	sandbox_lock(s->box);
	if (faults_down(&s->faults, req->method, req->path, sandbox_now(s->box)))
		resp->fate = HTTP_CLOSE;
	sandbox_unlock(s->box);
}

/* What the answer showed is known to whoever asked, now that it is out whole. */
static void note_shown(struct system *s, const struct fault *f, const struct http_response *resp)
{
	if (!resp->shown_n || resp->fate != HTTP_ANSWER || resp->status != 200 ||
	    f->kind == FAULT_TRUNCATED)
		return;
	sandbox_lock(s->box);
	for (size_t i = 0; i < resp->shown_n; i++)
		s->tables->shown[resp->shown_first + i].answered_ms = sandbox_now(s->box);
	sandbox_unlock(s->box);
}

void front_handle(void *ctx, const struct http_request *req, struct http_response *resp)
{
	struct system *s = ctx;
	struct sandbox *box = s->box;
	if (control_handle(s, req, resp))
		return;
	sandbox_lock(box);
	if (box->stopping) {
		sandbox_unlock(box);
		resp->fate = HTTP_CLOSE;
		return;
	}
	const char *endpoint = s->endpoint(s, req);
	if (endpoint)
		calls_count(&s->calls, endpoint);
	struct fault *hit = faults_pick(&s->faults, req->method, req->path, sandbox_now(box), &box->rng);
	/* A copy: the list may change while this request waits. */
	struct fault f = hit ? *hit : (struct fault){ .kind = FAULT_NONE };
	if (f.kind == FAULT_SESSION)
		s->expire_session(s, req);
	sandbox_unlock(box);

	if (f.kind == FAULT_LATE)
		sandbox_pause_ms(box, f.delay_ms);
	if (!refuse(s, &f, resp)) {
		s->handle(s, req, resp);
		spoil(box, &f, resp);
		cut_by_outage(s, req, resp);
	}
	if (box->options.latency_ms > 0)
		sandbox_pause_ms(box, box->options.latency_ms);
	note_shown(s, &f, resp);
}

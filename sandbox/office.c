#include "office.h"

#include "base/panic.h"

enum { AT_REST_MS = 3600000, MAX_BURST = 64 };

/* The pace is kept on the steady clock; what could not be done in time (a slow
 * machine, a long request under the lock) is made up for, but only so much. */
static void *work(void *arg)
{
	struct office *o = arg;
	sandbox_lock(o->box);
	int64_t from = sandbox_steady_ms(), done = 0;
	double rate = o->rate;
	while (!o->stop) {
		int64_t now = sandbox_steady_ms();
		if (rate != o->rate) {
			rate = o->rate;
			from = now;
			done = 0;
		}
		if (rate <= 0) {
			sandbox_wait_until(o->box, now + AT_REST_MS);
			continue;
		}
		int64_t due = (int64_t)((double)(now - from) * rate / 1000.0);
		if (due - done > MAX_BURST)
			done = due - MAX_BURST;
		if (done < due) {
			office_edit(o);
			done++;
			/* Others get in between two edits of a burst. */
			sandbox_unlock(o->box);
			sandbox_lock(o->box);
			continue;
		}
		sandbox_wait_until(o->box,
				   from + (int64_t)((double)(done + 1) * 1000.0 / rate) + 1);
	}
	sandbox_unlock(o->box);
	return NULL;
}

struct office *office_start(struct sandbox *box, double edits_per_s)
{
	struct office *o = must_zalloc(sizeof(*o));
	o->box = box;
	o->rate = edits_per_s;
	o->rng.state = box->options.seed ^ 0x0ff1ce;
	if (pthread_create(&o->thread, NULL, work, o) != 0)
		panic("no thread for the office");
	return o;
}

void office_stop(struct office *o)
{
	if (!o)
		return;
	sandbox_lock(o->box);
	o->stop = true;
	sandbox_wake(o->box);
	sandbox_unlock(o->box);
	pthread_join(o->thread, NULL);
	free(o);
}

static struct json_object *report(const struct office *o)
{
	struct json_object *out = json_object_new_object(), *done = json_object_new_object();
	int64_t total = 0;
	for (int i = 0; i < WORK_KINDS; i++) {
		json_put_i64(done, office_work_names[i], o->done[i]);
		total += o->done[i];
	}
	json_object_object_add(out, "rate", json_object_new_double(o->rate));
	json_put_i64(out, "total", total);
	json_object_object_add(out, "done", done);
	json_put_i64(out, "refused", o->refused);
	if (o->refused)
		json_put_sv(out, "first_refusal", sv_of(o->first_refusal));
	return out;
}

static void set_rate(struct office *o, struct json_object *body)
{
	int64_t edits = json_i64(body, "edits", 0);
	struct json_object *rate = json_at(body, "rate");
	if (json_flag(body, "stop", false))
		o->rate = 0;
	else if (rate)
		o->rate = json_object_get_double(rate);
	for (int64_t i = 0; i < edits; i++)
		office_edit(o);
	sandbox_wake(o->box);
}

/* office   {"rate":2.5} | {"stop":true} | {"edits":100} at once | {} -> counters
 * scenario see office_scenes.c */
bool office_control(struct sandbox *box, struct sv verb, struct json_object *body,
		    struct http_response *resp)
{
	bool scene = sv_eq(verb, SV("scenario"));
	struct err err = { 0 };
	struct json_object *out;
	if (!box->office || (!scene && !sv_eq(verb, SV("office"))))
		return false;
	if (scene) {
		out = office_scene(box->office, body, &err);
	} else {
		set_rate(box->office, body);
		out = report(box->office);
	}
	if (!out) {
		out = json_object_new_object();
		json_put_sv(out, "error", sv_of(err.what));
		http_json(resp, 422, out);
		return true;
	}
	http_json(resp, 200, out);
	return true;
}

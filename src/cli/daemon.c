#include "cli/daemon.h"

#include <unistd.h>

#include "base/log.h"

/* Each report is a transaction with an fsync of its own. */
enum { TELL_MS = 3000 };

static struct json_object *intake_json(const struct intake *in, int64_t per_second)
{
	const struct intake_counts *n = intake_counts(in);
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "taken", n->taken);
	json_put_i64(o, "per_second", per_second);
	json_put_i64(o, "unknown", n->unknown);
	json_put_i64(o, "forged", n->forged);
	json_put_i64(o, "stale", n->stale);
	json_put_i64(o, "busy", n->busy);
	json_put_i64(o, "failed", n->failed);
	json_put_i64(o, "taken_ms", n->taken_ms);
	json_put_i64(o, "refused_ms", n->refused_ms);
	return o;
}

static struct json_object *report(const struct daemon *d, int64_t now_ms)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "pid", getpid());
	json_put_i64(o, "started_ms", d->started_ms);
	json_put_i64(o, "at_ms", now_ms);
	json_put_bool(o, "shadow", d->shadow);
	json_put_i64(o, "treaty", d->opened->treaty->version);
	for (int s = 0; s < SIDES; s++) {
		const struct connector_usage *u = &d->opened->system[s]->usage;
		struct json_object *side = json_object_new_object();
		json_put_i64(side, "calls", u->calls);
		json_put_i64(side, "feed_calls", u->feed_calls);
		json_put_i64(side, "feed_ms", d->feed_ms[s]);
		json_put_i64(side, "quota_used", u->quota_used);
		json_put_i64(side, "quota_limit", u->quota_limit);
		if (d->listening.intake[s])
			json_object_object_add(side, "intake", intake_json(d->listening.intake[s], d->per_second[s]));
		json_object_object_add(o, side_name[s], side);
	}
	return o;
}

static bool put(struct db *db, void *arg, struct err *err)
{
	struct buf *b = arg;
	meta_put(db, "run.status", buf_sv(b));
	return true;
}

static int64_t calls(const struct daemon *d)
{
	int64_t n = 0;
	for (int s = 0; s < SIDES; s++) {
		const struct connector_usage *u = &d->opened->system[s]->usage;
		n += u->calls + u->feed_calls + u->quota_used;
		if (d->listening.intake[s]) {
			const struct intake_counts *c = intake_counts(d->listening.intake[s]);
			n += c->taken + c->forged + c->stale + c->busy + c->failed;
		}
	}
	return n;
}

static void measure(struct daemon *d, int64_t since_ms)
{
	for (int s = 0; s < SIDES; s++) {
		const struct intake *in = d->listening.intake[s];
		int64_t taken = in ? intake_counts(in)->taken : 0;
		d->per_second[s] = since_ms > 0 ? (taken - d->told_taken[s]) * 1000 / since_ms : 0;
		d->told_taken[s] = taken;
	}
}

void daemon_tell(struct daemon *d)
{
	struct err err = { 0 };
	struct buf b;
	buf_init(&b, 64 * 1024);
	int64_t before_ms = d->told_ms;
	d->told_ms = clock_now(clock_real());
	measure(d, before_ms ? d->told_ms - before_ms : 0);
	d->told_calls = calls(d);
	struct json_object *o = report(d, d->told_ms);
	buf_add_json(&b, o);
	json_object_put(o);
	/* the engine's own transactions meet the same trouble, and act on it */
	if (!store_tx(d->opened->store, put, &b, &err))
		log_debug("run", "status: %s", err.what);
	buf_finish(&b);
}

void daemon_pulse(void *arg)
{
	struct daemon *d = arg;
	for (int s = 0; s < SIDES; s++) {
		int64_t n = d->opened->system[s]->usage.feed_calls;
		if (n != d->feed_calls[s])
			d->feed_ms[s] = clock_now(clock_real());
		d->feed_calls[s] = n;
	}
	bool busy = d->per_second[SIDE_ATS] || d->per_second[SIDE_SALESFORCE]; /* and is it still? */
	if ((busy || calls(d) != d->told_calls) && clock_now(clock_real()) - d->told_ms >= TELL_MS)
		daemon_tell(d);
}

#include "flow/intake.h"

#include <pthread.h>
#include <time.h>

#include "base/log.h"
#include "base/panic.h"
#include "flow/flow.h"

enum {
	WAITING_MAX = 1024,
	BATCH_MAX = 512, /* requests a transaction: others need the writer too */
	SPARE_MAX = 64,
	RETRY_BUSY_S = 5,
	RETRY_STORE_S = 60,
	SAY_AGAIN_MS = 60000,
};

/* A verified request whose marks are not durable yet. */
struct waiting {
	struct http_exchange *exchange;
	struct arena arena;
	struct webhook_news news;
	bool unknown;
	struct waiting *next;
};

struct intake {
	struct engine *e;
	enum side side;
	int waiting_max;
	struct intake_counts counts;
	_Atomic int waiting_n;
	_Atomic bool stopping;
	int64_t said_ms; /* the server's thread only */
	pthread_mutex_t mutex; /* guards the lists */
	pthread_cond_t arrived;
	struct waiting *first, **last;
	struct waiting *spare; /* their memory is used again */
	int spare_n;
};

struct intake *intake_create(struct engine *e, enum side side, int waiting_max)
{
	struct intake *in = must_zalloc(sizeof(*in));
	pthread_condattr_t monotonic;
	in->e = e;
	in->side = side;
	in->waiting_max = waiting_max ? waiting_max : WAITING_MAX;
	in->last = &in->first;
	pthread_mutex_init(&in->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&in->arrived, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return in;
}

void intake_destroy(struct intake *in)
{
	if (!in)
		return;
	if (in->first)
		panic("intake: destroyed while a request waits");
	for (struct waiting *w = in->spare, *next; w; w = next) {
		next = w->next;
		arena_finish(&w->arena);
		free(w);
	}
	pthread_mutex_destroy(&in->mutex);
	pthread_cond_destroy(&in->arrived);
	free(in);
}

const struct intake_counts *intake_counts(const struct intake *in)
{
	return &in->counts;
}

/* ------------------------------------------------------------------- arrival */

static struct waiting *waiting_take(struct intake *in)
{
	pthread_mutex_lock(&in->mutex);
	struct waiting *w = in->spare;
	if (w) {
		in->spare = w->next;
		in->spare_n--;
	}
	pthread_mutex_unlock(&in->mutex);
	if (!w) {
		w = must_zalloc(sizeof(*w));
		arena_init(&w->arena);
	}
	return w;
}

/* With the mutex held. */
static void waiting_give_back(struct intake *in, struct waiting *w)
{
	if (in->spare_n == SPARE_MAX) {
		arena_finish(&w->arena);
		free(w);
		return;
	}
	arena_reset(&w->arena);
	w->next = in->spare;
	in->spare = w;
	in->spare_n++;
}

static void refuse(struct intake *in, struct http_exchange *x, int status, int retry_s,
		   const char *why)
{
	in->counts.refused_ms = clock_now(in->e->clock);
	http_answer(x, &(struct http_reply){ .status = status, .text = sv_of(why),
					     .retry_after_s = retry_s });
}

int intake_admit(void *arg)
{
	struct intake *in = arg;
	if (!in->stopping && in->waiting_n < in->waiting_max)
		return 0;
	in->counts.busy++;
	in->counts.refused_ms = clock_now(in->e->clock);
	return 503;
}

static struct sv header_of(const struct webhook *w, const char *name)
{
	return http_request_header(w->arg, name);
}

/* Once a minute, however many come: anybody can send them. */
static void say_refused(struct intake *in, const char *why)
{
	int64_t now = clock_now(in->e->clock);
	if (now - in->said_ms < SAY_AGAIN_MS)
		return;
	in->said_ms = now;
	log_warn("intake", "%s webhook refused: %s", in->e->system[in->side]->name, why);
}

/* False when nobody commits any more. */
static bool wait_for_commit(struct intake *in, struct waiting *w)
{
	pthread_mutex_lock(&in->mutex);
	bool stopping = in->stopping;
	if (!stopping) {
		w->next = NULL;
		*in->last = w;
		in->last = &w->next;
		in->waiting_n++;
		pthread_cond_signal(&in->arrived);
	}
	pthread_mutex_unlock(&in->mutex);
	return !stopping;
}

void intake_request(void *arg, const struct http_request *r, struct http_exchange *x)
{
	struct intake *in = arg;
	struct connector *c = in->e->system[in->side];
	struct http_request head = *r;
	struct webhook hook = { header_of, r->body, clock_now(in->e->clock), &head };
	struct waiting *w = waiting_take(in);
	w->exchange = x;
	enum webhook_outcome outcome = c->ops->verify(c, &hook, &w->arena, &w->news);
	w->unknown = outcome == WEBHOOK_UNKNOWN;
	if ((outcome == WEBHOOK_TAKEN || outcome == WEBHOOK_UNKNOWN)) {
		http_forget_body(x);
		if (wait_for_commit(in, w))
			return;
	}
	pthread_mutex_lock(&in->mutex);
	waiting_give_back(in, w);
	pthread_mutex_unlock(&in->mutex);
	if (outcome == WEBHOOK_FORGED) {
		in->counts.forged++;
		say_refused(in, "no signature of ours; is the secret the same on both sides?");
		refuse(in, x, 401, 0, "the signature does not fit\n");
	} else if (outcome == WEBHOOK_STALE) {
		in->counts.stale++;
		say_refused(in, "its time is too far from ours");
		refuse(in, x, 403, 0, "signed too long ago\n");
	} else {
		in->counts.busy++;
		refuse(in, x, 503, RETRY_BUSY_S, "ending; come back\n");
	}
}

/* -------------------------------------------------------------------- commit */

struct batch {
	struct intake *in;
	struct waiting *first;
};

static void journal_unknown(struct intake *in, struct db *db, const struct waiting *w)
{
	struct json_object *o = json_object_new_object();
	struct sv event = sv_make(w->news.event.ptr, w->news.event.len > 100 ? 100 : w->news.event.len);
	json_put_sv(o, "system", sv_of(side_name[in->side]));
	json_put_sv(o, "event", event.len ? event : SV(""));
	json_put_sv(o, "why", sv_of(w->news.why));
	journal_add(in->e->store, db, 0, "webhook", o);
}

static bool store_batch(struct db *db, void *arg, struct err *err)
{
	struct batch *b = arg;
	struct arena a;
	int n = 0, k = 0;
	for (struct waiting *w = b->first; w; w = w->next)
		n += w->news.changes.n;
	arena_init(&a);
	struct change *all = arena_array(&a, struct change, (size_t)n + 1);
	for (struct waiting *w = b->first; w; w = w->next) {
		if (w->unknown)
			journal_unknown(b->in, db, w);
		for (int i = 0; i < w->news.changes.n; i++)
			all[k++] = w->news.changes.change[i];
	}
	mark_changes(b->in->e, db, b->in->side, all, n, "webhook", &a);
	if (n)
		silence_broken(b->in->e, db, b->in->side);
	arena_finish(&a);
	return true;
}

static struct timespec from_now(int64_t ms)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* The first BATCH_MAX who wait, or NULL. */
static struct waiting *take_batch(struct intake *in, int64_t wait_ms)
{
	struct timespec until = from_now(wait_ms);
	pthread_mutex_lock(&in->mutex);
	while (!in->first && !in->stopping && wait_ms > 0)
		if (pthread_cond_timedwait(&in->arrived, &in->mutex, &until) != 0)
			break;
	struct waiting *first = in->first, **end = &first;
	int n = 0;
	for (; *end && n < BATCH_MAX; n++)
		end = &(*end)->next;
	in->first = *end;
	*end = NULL;
	if (!in->first)
		in->last = &in->first;
	in->waiting_n -= n;
	pthread_mutex_unlock(&in->mutex);
	return first;
}

static void answer_one(struct intake *in, struct waiting *w, bool ok)
{
	if (!ok) {
		in->counts.failed++;
		refuse(in, w->exchange, 503, RETRY_STORE_S, "it could not be stored; come back\n");
		return;
	}
	in->counts.taken++;
	in->counts.unknown += w->unknown;
	http_answer(w->exchange, &(struct http_reply){ .status = 200 });
}

static void answer(struct intake *in, struct waiting *first, bool ok)
{
	if (ok && first)
		in->counts.taken_ms = clock_now(in->e->clock);
	for (struct waiting *w = first; w; w = w->next)
		answer_one(in, w, ok);
	pthread_mutex_lock(&in->mutex);
	for (struct waiting *w = first, *next; w; w = next) {
		next = w->next;
		waiting_give_back(in, w);
	}
	pthread_mutex_unlock(&in->mutex);
}

enum step_result intake_commit(struct intake *in, int64_t wait_ms, struct err *err)
{
	struct batch b = { in, take_batch(in, wait_ms) };
	if (!b.first)
		return STEP_IDLE;
	bool ok = store_tx(in->e->store, store_batch, &b, err);
	answer(in, b.first, ok);
	return ok ? STEP_WORKED : STEP_FAILED;
}

void intake_stop(struct intake *in)
{
	pthread_mutex_lock(&in->mutex);
	in->stopping = true;
	struct waiting *first = in->first;
	in->first = NULL;
	in->last = &in->first;
	in->waiting_n = 0;
	pthread_cond_broadcast(&in->arrived);
	pthread_mutex_unlock(&in->mutex);
	answer(in, first, false);
}

#include "flow/run.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/log.h"
#include "base/panic.h"

enum { WORKERS_MAX = 64, DELIVERY_MAX = 28, IDLE_MAX_MS = 50, PULSE_MS = 1000, KEEP_MS = 200, SAY_AGAIN_MS = 60000,
       INTAKE_WAIT_MS = 1000, LOOK_FOR_ROOM_MS = 500 };

struct worker {
	struct runner *r;
	const char *name;
	enum step_result (*step)(struct worker *w, struct err *err);
	enum side side;
	bool tireless; /* waits in its step, and goes on when the disk is full */
	pthread_t thread;
};

struct runner {
	struct engine *e;
	struct run_options o;
	_Atomic bool stop, full;
	pthread_mutex_t mutex;
	int resting, tiring_n; /* workers that rest for want of room; all that do then */
	struct err fatal; /* the first reason to end by ourselves */
	struct worker worker[WORKERS_MAX];
	int worker_n;
};

/* Threads look at 'stop' at least this often; a condition variable would save
 * a few wake-ups and could not be signalled from a signal handler. */
static void rest(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	nanosleep(&t, NULL);
}

static bool is_for_want_of_room(const struct err *err)
{
	return err->code == ERR_STORE && err->sys_errno == ENOSPC;
}

/* Errors that no waiting heals: the store, or a system that is not ours. */
static bool is_fatal(const struct err *err)
{
	return (err->code == ERR_STORE && !is_for_want_of_room(err)) ||
	       (err->code == ERR_CONFLICT && err->scope == SCOPE_PROCESS);
}

static void end_all(struct runner *r, const struct err *err)
{
	pthread_mutex_lock(&r->mutex);
	if (!r->fatal.code)
		r->fatal = *err;
	pthread_mutex_unlock(&r->mutex);
	log_error("run", "stopping: %s", err->what);
	run_ask_to_stop(r);
}

static void rest_all(struct runner *r, const struct err *why)
{
	pthread_mutex_lock(&r->mutex);
	bool first = !r->full;
	r->full = true;
	if (first)
		log_error("run", "%s", why->what);
	pthread_mutex_unlock(&r->mutex);
}

/* With the mutex held and nothing in flight, as at a start. */
static void begin_again(struct runner *r)
{
	struct err err = { 0 };
	if (!engine_room(r->e, &err)) {
		if (!is_for_want_of_room(&err)) {
			r->fatal = err;
			run_ask_to_stop(r);
		}
		return;
	}
	r->full = false;
	log_info("run", "there is room for the store again");
}

static void rest_for_room(struct runner *r)
{
	pthread_mutex_lock(&r->mutex);
	r->resting++;
	while (r->full && !r->stop) {
		if (r->resting == r->tiring_n)
			begin_again(r);
		pthread_mutex_unlock(&r->mutex);
		rest(LOOK_FOR_ROOM_MS);
		pthread_mutex_lock(&r->mutex);
	}
	r->resting--;
	pthread_mutex_unlock(&r->mutex);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct err last = { 0 };
	int64_t idle_ms = 1, said_ms = 0;
	while (!w->r->stop) {
		struct err err = { 0 };
		if (w->r->full && !w->tireless)
			rest_for_room(w->r);
		enum step_result result = w->step(w, &err);
		if (result == STEP_FAILED && is_fatal(&err)) {
			end_all(w->r, &err);
			break;
		}
		if (result == STEP_FAILED && is_for_want_of_room(&err)) {
			rest_all(w->r, &err);
			continue;
		}
		/* say it once a minute, not at every attempt; what a stop cut
		 * short is no trouble */
		int64_t now = clock_now(clock_real());
		if (result == STEP_FAILED && err.code && err.code != ERR_STOPPED && !w->r->stop &&
		    (strcmp(err.what, last.what) != 0 || now - said_ms > SAY_AGAIN_MS)) {
			log_warn(w->name, "%s", err.what);
			last = err;
			said_ms = now;
		}
		if (result == STEP_WORKED) {
			idle_ms = 1;
			continue;
		}
		if (w->tireless && result == STEP_IDLE)
			continue;
		rest(idle_ms);
		idle_ms = idle_ms * 2 < IDLE_MAX_MS ? idle_ms * 2 : IDLE_MAX_MS;
	}
	return NULL;
}

static enum step_result step_feed(struct worker *w, struct err *err)
{
	return engine_feed(w->r->e, w->side, w->r->o.feed_wait_ms, err);
}

static enum step_result step_settle(struct worker *w, struct err *err)
{
	return engine_settle(w->r->e, err);
}

static enum step_result step_deliver(struct worker *w, struct err *err)
{
	return engine_deliver(w->r->e, w->side, err);
}

static enum step_result step_alerts(struct worker *w, struct err *err)
{
	return engine_alerts(w->r->e, err);
}

static enum step_result step_intake(struct worker *w, struct err *err)
{
	return intake_commit(w->r->o.intake[w->side], INTAKE_WAIT_MS, err);
}

/* Nothing to sweep is the rule: looked for once a second. */
static enum step_result step_sweep(struct worker *w, struct err *err)
{
	enum step_result r = engine_sweep(w->r->e, err);
	for (int64_t waited = 0; r != STEP_WORKED && waited < PULSE_MS && !w->r->stop;
	     waited += IDLE_MAX_MS)
		rest(IDLE_MAX_MS);
	return r;
}

/* A check of all takes minutes, and leaves the machine to the others. */
static enum step_result step_keep(struct worker *w, struct err *err)
{
	enum step_result r = engine_keep(w->r->e, err);
	for (int64_t waited = 0; waited < KEEP_MS && !w->r->stop; waited += IDLE_MAX_MS)
		rest(IDLE_MAX_MS);
	return r;
}

static enum step_result step_watch(struct worker *w, struct err *err)
{
	enum step_result r = engine_tick(w->r->e, err);
	if (w->r->o.pulse)
		w->r->o.pulse(w->r->o.arg);
	for (int64_t waited = 0; waited < PULSE_MS && !w->r->stop; waited += IDLE_MAX_MS)
		rest(IDLE_MAX_MS);
	return r;
}

static void add(struct runner *r, const char *name,
		enum step_result (*step)(struct worker *, struct err *), enum side side)
{
	if (r->worker_n == WORKERS_MAX)
		panic("more than %d threads", WORKERS_MAX);
	r->worker[r->worker_n++] =
		(struct worker){ .r = r, .name = name, .step = step, .side = side };
}

/* The threads are many and mostly wait. With a heap each, every one of them
 * would keep what it once needed at its busiest; and large blocks are to go
 * back to the system when freed, whatever was freed before. */
static void keep_memory_small(void)
{
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	mallopt(M_TRIM_THRESHOLD, 128 * 1024);
#endif
}

struct runner *run_start(struct engine *e, const struct run_options *o)
{
	keep_memory_small();
	struct runner *r = must_zalloc(sizeof(*r));
	r->e = e;
	r->o = *o;
	if (r->o.feed_wait_ms <= 0)
		r->o.feed_wait_ms = 20000;
	pthread_mutex_init(&r->mutex, NULL);
	add(r, "settle", step_settle, SIDE_ATS);
	add(r, "watch", step_watch, SIDE_ATS);
	add(r, "alerts", step_alerts, SIDE_ATS);
	add(r, "sweep", step_sweep, SIDE_ATS);
	add(r, "keep", step_keep, SIDE_ATS);
	for (int s = 0; s < SIDES; s++) {
		add(r, s == SIDE_ATS ? "feed ats" : "feed salesforce", step_feed, s);
		/* one more than calls at once: it fills the next call while
		 * the others wait for their answers */
		if (o->intake[s]) {
			add(r, "intake", step_intake, s);
			r->worker[r->worker_n - 1].tireless = true;
		}
		int workers = o->workers[s] > 0 ? o->workers[s] : engine_concurrency(e, s) + 1;
		if (workers > DELIVERY_MAX)
			workers = DELIVERY_MAX;
		for (int i = 0; i < workers; i++)
			add(r, s == SIDE_ATS ? "deliver ats" : "deliver salesforce", step_deliver, s);
	}
	for (int i = 0; i < r->worker_n; i++)
		r->tiring_n += !r->worker[i].tireless;
	for (int i = 0; i < r->worker_n; i++)
		if (pthread_create(&r->worker[i].thread, NULL, worker_main, &r->worker[i]))
			panic("cannot start a thread");
	return r;
}

void run_ask_to_stop(struct runner *r)
{
	r->stop = true;
}

bool run_wait(struct runner *r, struct err *err)
{
	/* until asked: then whoever waits inside the engine is let go */
	while (!r->stop)
		rest(IDLE_MAX_MS);
	engine_stop(r->e);
	if (r->o.stopping)
		r->o.stopping(r->o.arg);
	for (int i = 0; i < r->worker_n; i++)
		pthread_join(r->worker[i].thread, NULL);
	bool ok = !r->fatal.code;
	if (!ok)
		*err = r->fatal;
	pthread_mutex_destroy(&r->mutex);
	free(r);
	return ok;
}

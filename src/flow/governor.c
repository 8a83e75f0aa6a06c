#include "flow/governor.h"

#include "base/panic.h"

enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 60 * 1000, DOWN_AFTER = 2 };
#define RETRY_PERSON_MS (15 * 60 * (int64_t)1000)

static const int64_t budget_length_ms[BUDGETS] = {
	1000, 60 * 1000, 24 * 3600 * (int64_t)1000, 30 * 24 * 3600 * (int64_t)1000,
};

void governor_init(struct governor *g, struct clock *clock, int window_max,
		   const struct deployment_limits *limits)
{
	*g = (struct governor){ .clock = clock };
	pthread_mutex_init(&g->mutex, NULL);
	pthread_cond_init(&g->freed, NULL);
	g->window_max = window_max > 0 ? window_max : 1;
	g->window = g->window_max;
	for (int i = 0; i < BUDGETS; i++)
		g->budget[i].length_ms = budget_length_ms[i];
	if (!limits)
		return;
	int64_t share = limits->share_percent > 0 ? limits->share_percent : 80;
	const int64_t limit[BUDGETS] = { limits->per_second, limits->per_minute, limits->per_day,
					 limits->per_month };
	for (int i = 0; i < BUDGETS; i++)
		if (limit[i] > 0)
			g->budget[i].limit = limit[i] * share / 100 > 0 ? limit[i] * share / 100 : 1;
}

void governor_finish(struct governor *g)
{
	pthread_mutex_destroy(&g->mutex);
	pthread_cond_destroy(&g->freed);
}

void governor_stop(struct governor *g)
{
	pthread_mutex_lock(&g->mutex);
	g->stopping = true;
	pthread_cond_broadcast(&g->freed);
	pthread_mutex_unlock(&g->mutex);
}

/* A clock that was set back begins a new window: waiting for it to come where
 * it was could take days. */
static bool in_window(const struct budget *b, int64_t now)
{
	return now >= b->start_ms && now < b->start_ms + b->length_ms;
}

int64_t governor_ready_ms(struct governor *g)
{
	pthread_mutex_lock(&g->mutex);
	int64_t now = clock_now(g->clock), ready = g->retry_ms;
	for (int i = 0; i < BUDGETS; i++) {
		struct budget *b = &g->budget[i];
		int64_t end = b->start_ms + b->length_ms;
		if (b->limit && in_window(b, now) && b->used >= b->limit && end > ready)
			ready = end;
	}
	pthread_mutex_unlock(&g->mutex);
	return ready;
}

bool governor_spares(struct governor *g, int percent)
{
	bool room = true;
	pthread_mutex_lock(&g->mutex);
	int64_t now = clock_now(g->clock);
	for (int i = 0; i < BUDGETS; i++) {
		const struct budget *b = &g->budget[i];
		if (b->limit && in_window(b, now) && b->used * 100 >= b->limit * percent)
			room = false;
	}
	pthread_mutex_unlock(&g->mutex);
	return room;
}

bool governor_is_down(struct governor *g, struct err *why, int64_t *since_ms)
{
	pthread_mutex_lock(&g->mutex);
	bool down = g->failures >= DOWN_AFTER;
	if (why)
		*why = g->why;
	if (since_ms)
		*since_ms = g->failing_since_ms;
	pthread_mutex_unlock(&g->mutex);
	return down;
}

void governor_presume_down(struct governor *g)
{
	pthread_mutex_lock(&g->mutex);
	g->failures = DOWN_AFTER;
	g->failing_since_ms = clock_now(g->clock);
	pthread_mutex_unlock(&g->mutex);
}

bool governor_enter(struct governor *g, struct err *err)
{
	pthread_mutex_lock(&g->mutex);
	while (g->in_flight >= (int)g->window && !g->stopping)
		pthread_cond_wait(&g->freed, &g->mutex);
	bool in = !g->stopping;
	g->in_flight += in;
	pthread_mutex_unlock(&g->mutex);
	if (!in)
		err_set(err, ERR_STOPPED, "governor: asked to stop: no more calls are made");
	return in;
}

static void spend(struct governor *g, int64_t now, int64_t calls)
{
	for (int i = 0; i < BUDGETS; i++) {
		struct budget *b = &g->budget[i];
		if (!in_window(b, now)) {
			b->start_ms = now;
			b->used = 0;
		}
		b->used += calls;
	}
}

/* Overload: fewer at once, but one cut for all calls of a round trip. */
static void shrink(struct governor *g, int64_t now)
{
	if (now - g->shrunk_ms < 1000)
		return;
	g->shrunk_ms = now;
	g->window = g->window / 2 > 1 ? g->window / 2 : 1;
}

static void failed(struct governor *g, const struct err *err, int64_t now)
{
	if (g->failures == 0)
		g->failing_since_ms = now;
	if (err->retry == RETRY_PERSON) {
		/* trying a wrong login again locks it */
		if (g->failures < DOWN_AFTER)
			g->failures = DOWN_AFTER;
		g->retry_ms = now + RETRY_PERSON_MS;
		g->why = *err;
		return;
	}
	/* calls that were in flight together fail together: one step of the
	 * back-off for all of them */
	if (now < g->retry_ms)
		return;
	int64_t wait = RETRY_FIRST_MS;
	for (int i = 0; i < g->failures && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	g->failures++;
	g->retry_ms = now + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
	g->why = *err;
}

static void went_well(struct governor *g, int64_t now)
{
	/* an answer to what was asked before a login failed proves nothing */
	if (g->why.retry == RETRY_PERSON && now < g->retry_ms)
		return;
	g->failures = 0;
	g->retry_ms = 0;
	err_clear(&g->why);
	if (g->window < g->window_max)
		g->window += 1 / g->window / 4;
}

static void note(struct governor *g, const struct err *err, int64_t calls)
{
	int64_t now = clock_now(g->clock);
	/* threads may come with their counts in another order than they read them */
	if (calls > g->calls_seen) {
		spend(g, now, calls - g->calls_seen);
		g->calls_seen = calls;
	}
	if (!err) {
		went_well(g, now);
	} else if (err->scope == SCOPE_SYSTEM) {
		shrink(g, now);
		failed(g, err, now);
	}
}

void governor_note(struct governor *g, const struct err *err, int64_t calls)
{
	pthread_mutex_lock(&g->mutex);
	note(g, err, calls);
	pthread_mutex_unlock(&g->mutex);
}

void governor_leave(struct governor *g, const struct err *err, int64_t calls)
{
	pthread_mutex_lock(&g->mutex);
	g->in_flight--;
	note(g, err, calls);
	pthread_cond_broadcast(&g->freed);
	pthread_mutex_unlock(&g->mutex);
}

void governor_save(struct governor *g, struct buf *out)
{
	pthread_mutex_lock(&g->mutex);
	for (int i = 0; i < BUDGETS; i++) {
		buf_add_varint(out, (uint64_t)g->budget[i].start_ms);
		buf_add_varint(out, (uint64_t)g->budget[i].used);
	}
	pthread_mutex_unlock(&g->mutex);
}

void governor_load(struct governor *g, struct sv saved)
{
	struct reader r = { .left = saved };
	struct budget b[BUDGETS];
	int64_t now = clock_now(g->clock);
	for (int i = 0; i < BUDGETS; i++) {
		b[i] = g->budget[i];
		b[i].start_ms = (int64_t)read_varint(&r);
		b[i].used = (int64_t)read_varint(&r);
		/* written under a clock that was wrong */
		if (b[i].start_ms < 0 || b[i].start_ms > now || b[i].used < 0)
			r.bad = true;
	}
	if (!r.bad)
		memcpy(g->budget, b, sizeof(b));
}

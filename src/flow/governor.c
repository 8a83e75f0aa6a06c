#include "flow/governor.h"

#include "base/panic.h"

enum { RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 60 * 1000, DOWN_AFTER = 2 };
#define RETRY_PERSON_MS (15 * 60 * (int64_t)1000)
enum { STEP_ASIDE_PERCENT = 95, QUOTA_AGAIN_MS = 5 * 60 * 1000 };
enum { PACE_MS = 10 * 60 * 1000, PACE_LEAST_MS = 60 * 1000 };

static const int64_t budget_length_ms[BUDGETS] = {
	1000, 60 * 1000, 24 * 3600 * (int64_t)1000, 30 * 24 * 3600 * (int64_t)1000,
};

/* Of a quota what is ours; never nothing at all. */
static int64_t share_of(const struct governor *g, int64_t limit)
{
	if (limit <= 0)
		return 0;
	int64_t ours = limit / 100 * g->share_percent + limit % 100 * g->share_percent / 100;
	return ours > 0 ? ours : 1;
}

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
	g->share_percent = limits && limits->share_percent > 0 ? limits->share_percent : 80;
	if (!limits)
		return;
	const int64_t limit[BUDGETS] = { limits->per_second, limits->per_minute, limits->per_day,
					 limits->per_month };
	for (int i = 0; i < BUDGETS; i++)
		g->budget[i].limit = share_of(g, limit[i]);
	g->per_day = g->budget[BUDGET_DAY].limit;
}

void governor_watch(struct governor *g, const struct connector_usage *usage)
{
	g->usage = usage;
	/* an engine before this one may have counted them */
	g->calls_seen = atomic_load(&usage->calls);
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

/* Compared without overflow, whatever a peer says. */
static int percent_of(int64_t used, int64_t limit)
{
	return limit <= 0 ? 0 : used >= limit ? 100 : (int)((double)used * 100 / (double)limit);
}

int64_t governor_ready_ms(struct governor *g)
{
	pthread_mutex_lock(&g->mutex);
	int64_t now = clock_now(g->clock), ready = g->retry_ms;
	int64_t again = g->quota.heard_ms + QUOTA_AGAIN_MS;
	if (percent_of(g->quota.used, g->quota.limit) >= STEP_ASIDE_PERCENT &&
	    now >= g->quota.heard_ms && again > ready)
		ready = again;
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

static void walk_on(struct pace *p, int64_t now, int64_t calls)
{
	if (now < p->start_ms || now >= p->start_ms + 2 * (int64_t)PACE_MS)
		*p = (struct pace){ .start_ms = now };
	if (now >= p->start_ms + PACE_MS)
		*p = (struct pace){ .start_ms = p->start_ms + PACE_MS, .before = p->calls,
				    .whole = true };
	p->calls += calls;
}

static void spend(struct governor *g, int64_t now, int64_t calls)
{
	walk_on(&g->pace, now, calls);
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

/* The smaller of what the deployment says and what the system tells. */
static void take_quota(struct governor *g, struct quota q)
{
	int64_t told = share_of(g, q.limit);
	g->quota = q;
	g->budget[BUDGET_DAY].limit = !g->per_day || told < g->per_day ? told : g->per_day;
}

static void hear_quota(struct governor *g, int64_t now)
{
	struct quota q = { .heard_ms = now };
	if (!g->usage)
		return;
	q.limit = atomic_load(&g->usage->quota_limit);
	q.used = atomic_load(&g->usage->quota_used);
	if (q.limit > 0 && q.used >= 0)
		take_quota(g, q);
}

static void note(struct governor *g, const struct err *err, int64_t calls)
{
	int64_t now = clock_now(g->clock);
	/* threads may come with their counts in another order than they read them */
	if (calls > g->calls_seen) {
		spend(g, now, calls - g->calls_seen);
		g->calls_seen = calls;
		hear_quota(g, now);
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

static int64_t runs_out_ms(struct governor *g, const struct budget *b, int64_t now)
{
	if (!b->limit || !in_window(b, now))
		return 0;
	if (b->used >= b->limit)
		return now;
	walk_on(&g->pace, now, 0);
	int64_t calls = g->pace.calls + g->pace.before;
	int64_t span = now - g->pace.start_ms + (g->pace.whole ? PACE_MS : 0);
	if (span < PACE_LEAST_MS)
		span = PACE_LEAST_MS;
	if (!calls)
		return 0;
	double left_ms = (double)(b->limit - b->used) * (double)span / (double)calls;
	return left_ms < (double)(b->start_ms + b->length_ms - now) ? now + (int64_t)left_ms : 0;
}

int64_t governor_runs_out_ms(struct governor *g, int budget)
{
	pthread_mutex_lock(&g->mutex);
	int64_t at = runs_out_ms(g, &g->budget[budget], clock_now(g->clock));
	pthread_mutex_unlock(&g->mutex);
	return at;
}

static int level_of(int percent, int told)
{
	if (percent >= 95 || (told >= 95 && percent >= 90))
		return 95;
	return percent >= 80 || (told >= 80 && percent >= 75) ? 80 : 0;
}

/* To the minute. */
static void say_budget(struct governor *g, int i, int64_t now, char why[STRAIN_WHY_SIZE])
{
	static const char *const name[BUDGETS] = { "second", "minute", "day", "month" };
	const struct budget *b = &g->budget[i];
	int64_t at = runs_out_ms(g, b, now);
	char next[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];
	time_format_ms(b->start_ms + b->length_ms, next);
	time_format_ms(at, last);
	int n = snprintf(why, STRAIN_WHY_SIZE, "%lld of our %lld calls a %s are used",
			 (long long)b->used, (long long)b->limit, name[i]);
	if (b->used >= b->limit)
		snprintf(why + n, STRAIN_WHY_SIZE - n, "; the next begin at %.16sZ", next);
	else if (at)
		snprintf(why + n, STRAIN_WHY_SIZE - n,
			 "; at the present pace they end at %.16sZ, and the next begin at %.16sZ", last,
			 next);
	else
		snprintf(why + n, STRAIN_WHY_SIZE - n,
			 "; at the present pace they last until the next begin at %.16sZ", next);
}

int governor_strain(struct governor *g, int told, char why[STRAIN_WHY_SIZE])
{
	pthread_mutex_lock(&g->mutex);
	int64_t now = clock_now(g->clock);
	int most = percent_of(g->quota.used, g->quota.limit);
	snprintf(why, STRAIN_WHY_SIZE,
		 "%lld of %lld calls a day are used by all its users together, as the system says",
		 (long long)g->quota.used, (long long)g->quota.limit);
	/* a minute's budget is there to be used up */
	for (int i = BUDGET_DAY; i < BUDGETS; i++) {
		const struct budget *b = &g->budget[i];
		int percent = in_window(b, now) ? percent_of(b->used, b->limit) : 0;
		if (percent <= most)
			continue;
		most = percent;
		say_budget(g, i, now, why);
	}
	pthread_mutex_unlock(&g->mutex);
	return level_of(most, told);
}

void governor_save(struct governor *g, struct buf *out)
{
	pthread_mutex_lock(&g->mutex);
	for (int i = 0; i < BUDGETS; i++) {
		buf_add_varint(out, (uint64_t)g->budget[i].start_ms);
		buf_add_varint(out, (uint64_t)g->budget[i].used);
	}
	const int64_t more[] = { g->quota.used, g->quota.limit, g->quota.heard_ms,
				 g->pace.start_ms, g->pace.calls, g->pace.before, g->pace.whole };
	for (size_t i = 0; i < countof(more); i++)
		buf_add_varint(out, (uint64_t)more[i]);
	pthread_mutex_unlock(&g->mutex);
}

void governor_load(struct governor *g, struct sv saved)
{
	struct reader r = { .left = saved };
	struct budget b[BUDGETS];
	struct quota q = { 0 };
	struct pace p = { 0 };
	int64_t now = clock_now(g->clock);
	for (int i = 0; i < BUDGETS; i++) {
		b[i] = g->budget[i];
		b[i].start_ms = (int64_t)read_varint(&r);
		b[i].used = (int64_t)read_varint(&r);
		/* written under a clock that was wrong */
		if (b[i].start_ms < 0 || b[i].start_ms > now || b[i].used < 0)
			r.bad = true;
	}
	/* an older store ends here */
	if (r.left.len) {
		q.used = (int64_t)read_varint(&r);
		q.limit = (int64_t)read_varint(&r);
		q.heard_ms = (int64_t)read_varint(&r);
		p.start_ms = (int64_t)read_varint(&r);
		p.calls = (int64_t)read_varint(&r);
		p.before = (int64_t)read_varint(&r);
		p.whole = read_varint(&r) != 0;
	}
	if (q.used < 0 || q.limit < 0 || q.heard_ms < 0 || p.start_ms < 0 || p.start_ms > now ||
	    p.calls < 0 || p.before < 0)
		r.bad = true;
	if (r.bad)
		return;
	memcpy(g->budget, b, sizeof(b));
	g->pace = p;
	if (q.limit && q.heard_ms <= now && now - q.heard_ms < budget_length_ms[BUDGET_DAY])
		take_quota(g, q);
}

/* governor.h - how much of a system we use: several budget windows at once,
 * an adaptive number of calls in flight, and 'down' told apart from 'slow'.
 *
 * Any thread. Blocking only in governor_enter. */
#ifndef TREATY_GOVERNOR_H
#define TREATY_GOVERNOR_H

#include <pthread.h>

#include "base/clock.h"
#include "systems/connector.h"
#include "treaty/deployment.h"

struct budget {
	int64_t length_ms;
	int64_t limit; /* calls a window that are ours; 0: none */
	int64_t start_ms, used;
};

enum { BUDGETS = 4, BUDGET_DAY = 2 }; /* second, minute, day, month (30 days) */

/* What the system says of a quota that all its users share; limit 0: nothing. */
struct quota {
	int64_t used, limit;
	int64_t heard_ms;
};

/* Our calls in the present stretch of ten minutes and the one before it. */
struct pace {
	int64_t start_ms, calls, before;
	bool whole; /* 'before' is of a whole stretch */
};

struct governor {
	pthread_mutex_t mutex;
	pthread_cond_t freed;
	struct clock *clock;
	int window_max;
	double window; /* calls in flight allowed now: 1 .. window_max */
	int in_flight;
	int64_t shrunk_ms; /* the window was last cut: once a round trip */
	int failures;	   /* in a row */
	int64_t failing_since_ms, retry_ms;
	struct err why; /* of the last failure */
	struct budget budget[BUDGETS];
	int64_t per_day; /* ours of what the deployment says; 0: nothing */
	int share_percent;
	const struct connector_usage *usage; /* or NULL */
	struct quota quota;
	struct pace pace;
	int64_t calls_seen; /* of the connector's counter */
	bool stopping;
};

void governor_init(struct governor *g, struct clock *clock, int window_max,
		   const struct deployment_limits *limits);
void governor_finish(struct governor *g);
/* Where the connector counts: calls from now on are ours to spend, and the
 * system's own count of its quota is read after each. Of a daily
 * quota that it tells, our share is a budget as if it stood in the deployment;
 * and when all users together have used 95 % of it, one call in five minutes is
 * made, which is how its end is noticed: people come first. */
void governor_watch(struct governor *g, const struct connector_usage *usage);
/* Lets go whoever waits in governor_enter; nobody enters any more. */
void governor_stop(struct governor *g);

/* The time from which calls may be made: in the past when now is fine. */
int64_t governor_ready_ms(struct governor *g);
/* Less than that part of every budget is used: there is room for what can wait. */
bool governor_spares(struct governor *g, int percent);
/* A system that fails for longer than a moment. */
bool governor_is_down(struct governor *g, struct err *why, int64_t *since_ms);

/* It was down when the last process ended: so it is until a call goes well,
 * which may be tried at once. */
void governor_presume_down(struct governor *g);

/* Waits for a place among the calls in flight. False with ERR_STOPPED, and no
 * place to leave, after governor_stop. */
bool governor_enter(struct governor *g, struct err *err);
/* The call is over. 'err' is NULL when it went well; 'calls' is the connector's
 * counter after it. */
void governor_leave(struct governor *g, const struct err *err, int64_t calls);
/* The same for a call that took no place (the feed's). */
void governor_note(struct governor *g, const struct err *err, int64_t calls);

/* When the calls of a budget's window will be used up at the present pace, or
 * are; 0: not before the window ends, or no pace is known. */
int64_t governor_runs_out_ms(struct governor *g, int budget);

/* How far the scarcest quota of a day or a month is used: 0, 80 or 95 (per cent
 * reached), with the reason in words. What was told before is taken back only
 * five points lower, so that it does not come and go. */
enum { STRAIN_WHY_SIZE = 200 };
int governor_strain(struct governor *g, int told, char why[STRAIN_WHY_SIZE]);

/* Used and limit of each budget, for display and to survive a restart. */
void governor_save(struct governor *g, struct buf *out);
void governor_load(struct governor *g, struct sv saved); /* ignores what is damaged */

#endif

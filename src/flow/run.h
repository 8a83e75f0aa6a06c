/* run.h - the engine's threads: a feed thread a system, one that settles, a
 * few delivery workers a system, one that watches the clock, one that commits
 * what webhooks bring. Each is a loop around a step of engine.h.
 *
 * When the disk is full all of them rest after their step but the intake, which
 * refuses what it cannot store. Once there is room the engine begins as after a
 * death: answers that could not be recorded are lost answers. */
#ifndef TREATY_RUN_H
#define TREATY_RUN_H

#include "flow/intake.h"

struct run_options {
	int workers[SIDES]; /* delivery threads; 0: one more than calls at once */
	int64_t feed_wait_ms; /* 0: 20000 */
	struct intake *intake[SIDES]; /* or NULL; stopped by the caller */
	/* Called about once a second from the watching thread; may be NULL. */
	void (*pulse)(void *arg);
	/* Called once by run_wait when the threads were asked to end, by whomever:
	 * lets go those that wait in a connector. May be NULL. */
	void (*stopping)(void *arg);
	void *arg;
};

struct runner;

/* Starts all threads; engine_start must have succeeded. */
struct runner *run_start(struct engine *e, const struct run_options *o);

/* Asks all threads to end after their present step. Async-signal-safe. */
void run_ask_to_stop(struct runner *r);

/* Waits until they ended: because asked, or because the store or the identity
 * of a system makes going on wrong; then false with err. Frees the runner. */
bool run_wait(struct runner *r, struct err *err);

#endif

/* daemon.h - what only the running daemon knows, left in the store for 'treaty
 * status': its calls, the systems' own quotas, when each feed last answered.
 *
 * In 'meta' as 'run.status', one JSON object:
 *   pid, started_ms, at_ms, shadow, treaty (version),
 *   ats, salesforce: {calls, feed_calls, feed_ms, quota_used, quota_limit,
 *     intake: {taken, per_second, unknown, forged, stale, busy, failed, taken_ms, refused_ms}}
 * feed_ms is when the feed was last asked; intake as in flow/intake.h, where
 * webhooks are taken; per_second since the report before. */
#ifndef TREATY_CLI_DAEMON_H
#define TREATY_CLI_DAEMON_H

#include "cli/listen.h"

struct daemon {
	struct opened *opened;
	struct listening listening;
	bool shadow;
	int64_t started_ms, told_ms;
	int64_t told_calls; /* sum of all counters when last told */
	int64_t feed_calls[SIDES], feed_ms[SIDES];
	/* webhooks taken, when last told, and since the report before it */
	int64_t told_taken[SIDES], per_second[SIDES];
};

/* From the engine's watching thread, about once a second: stores the report
 * when something changed, but not more often than every few seconds. */
void daemon_pulse(void *arg);
/* Now, whatever was told last. */
void daemon_tell(struct daemon *d);

#endif

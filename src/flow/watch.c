/* watch.c - the engine looks at itself: does work wait that could be done, does
 * the store add up. What it finds stands in the conflict log, as of a system,
 * so that people are told like of anything else. */
#include "base/log.h"
#include "flow/flow.h"
#include "store/audit.h"
#include "store/marks.h"
#include "store/mismatches.h"
#include "store/pauses.h"
#include "store/slots.h"

enum { EVERY_MS = 60 * 1000, SUMS_EVERY_MS = 10 * 60 * 1000 };
/* Between these an entry stays as it is: a queue at the limit is one trouble. */
enum { OLD_MS = 60 * 60 * 1000, FRESH_MS = 30 * 60 * 1000 };

/* Where changes of a side, or writes to it, have waited for longest; 0: none do. */
static int64_t oldest(struct db *db, enum side side)
{
	int64_t mark = marks_oldest_ms(db, side, PRIORITY_BACKFILL);
	int64_t slot = slots_oldest_ms(db, side, PRIORITY_BACKFILL);
	return !mark || (slot && slot < mark) ? slot : mark;
}

/* Not told of twice: what waits for a system that is away, or for a person who
 * pressed the stop button. */
static bool excused(struct engine *e, struct db *db)
{
	bool away = pause_any(db);
	for (int s = 0; s < SIDES; s++)
		away = away || e->down_told[s];
	return away;
}

static void watch_queue(struct engine *e, struct db *db, enum side side)
{
	char since[TIME_TEXT_SIZE], text[160];
	int64_t now = clock_now(e->clock), at = oldest(db, side);
	int64_t age = at && !excused(e, db) ? now - at : 0;
	bool open = mismatch_system_open(db, side, MISMATCH_BACKLOG);
	if (!open && age >= OLD_MS) {
		time_format_ms(at, since);
		snprintf(text, sizeof(text), "the oldest has waited since %s", since);
		mismatch_system(db, side, MISMATCH_BACKLOG, true, sv_of(text), now);
	} else if (open && age < FRESH_MS) {
		mismatch_system(db, side, MISMATCH_BACKLOG, false, SV_NONE, now);
	}
}

static void watch_sums(struct engine *e, struct db *db)
{
	struct audit a;
	audit_begin(db, &a);
	audit_sums(db, store_journal(e->store), &a);
	bool open = mismatch_own_open(db, MISMATCH_SELF_CHECK), wrong = a.trouble_total > 0;
	if (wrong && !open)
		log_error("watch", "the store does not add up: %s", a.trouble[0].text);
	if (wrong != open)
		mismatch_own(db, MISMATCH_SELF_CHECK, wrong,
			     wrong ? sv_of(a.trouble[0].text) : SV("it adds up again"),
			     clock_now(e->clock));
}

static bool watch(struct db *db, void *arg, struct err *err)
{
	struct engine *e = arg;
	int64_t now = clock_now(e->clock);
	for (int s = 0; s < SIDES; s++) {
		watch_queue(e, db, (enum side)s);
		silence_watch(e, db, (enum side)s);
	}
	if (now - e->summed_ms >= SUMS_EVERY_MS) {
		e->summed_ms = now;
		watch_sums(e, db);
	}
	return true;
}

bool watch_tick(struct engine *e, struct err *err)
{
	int64_t now = clock_now(e->clock);
	if (now - e->watched_ms < EVERY_MS)
		return true;
	e->watched_ms = now;
	return store_tx(e->store, watch, e, err);
}

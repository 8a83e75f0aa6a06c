/* working.h - business hours, and time counted in them.
 *
 * Pure: instants in, instants out. A struct working is immutable; NULL stands
 * for 'round the clock', where a span is a span. */
#ifndef TREATY_WORKING_H
#define TREATY_WORKING_H

#include "value/zone.h"

struct working {
	unsigned days; /* 1 << weekday, Sunday is 0 */
	int from_min, to_min; /* since midnight there; from < to <= 24 * 60 */
	const struct zone *zone;
	const int64_t *holiday; /* days since 1970-01-01, ascending */
	int holiday_n;
};

/* Further away than anybody plans: such a time never comes. */
#define WORKING_NEVER INT64_MAX

/* The instant at which span_ms of business time have passed since start_ms:
 * the earliest one. WORKING_NEVER when that is not within forty years. */
int64_t working_after(const struct working *w, int64_t start_ms, int64_t span_ms);

/* Business time between two instants; 0 when 'to' is not after 'from'. At most
 * forty years are looked at. */
int64_t working_between(const struct working *w, int64_t from_ms, int64_t to_ms);

/* 'Mon-Fri 08:00-18:00', in the one way that it is written. 'Mon-Fri' names
 * the first and the last of consecutive days, over the end of the week too
 * ('Sun-Thu'). Without zone and holidays. */
bool working_parse(struct sv days, struct sv times, struct working *out);
struct sv working_text(const struct working *w, struct arena *a);

#endif

/* zone.h - a time zone: how far its clocks are from UTC at an instant.
 *
 * From the bytes of a TZif file (RFC 8536, the compiled IANA data) and nothing
 * else: no environment, no global state, so that any thread may ask about any
 * number of zones at once. The C library can only be asked about the one zone
 * of the process. A zone is immutable after zone_parse; it and all it points to
 * are in the arena. */
#ifndef TREATY_ZONE_H
#define TREATY_ZONE_H

#include "base/arena.h"

/* One of the two changes of a year by the rule after the last listed one. */
struct zone_change {
	enum { ZONE_JULIAN, ZONE_DAY, ZONE_WEEK } form; /* 'Jn', 'n', 'Mm.w.d' */
	int month, week, day;
	int32_t time_s; /* local, since midnight; may be negative or beyond a day */
};

struct zone {
	const char *name; /* 'America/Chicago' */
	int n;
	const int64_t *at_s;	 /* changes, seconds since 1970 UTC, ascending */
	const int32_t *offset_s; /* from then on, east of UTC */
	int32_t before_s;	 /* before the first change */
	/* after the last one; without 'ruled' the last offset stays */
	bool ruled, saves;
	int32_t standard_s, saving_s;
	struct zone_change begin, end; /* of saving */
};

/* False for what is no such file, or a damaged one. */
bool zone_parse(struct sv bytes, const char *name, struct arena *a, struct zone *out);

/* Seconds east of UTC at an instant. */
int32_t zone_offset_s(const struct zone *z, int64_t utc_s);

/* The instant at which the zone's clocks show local_s (seconds since
 * 1970-01-01 00:00 there). Shown twice: the first; never (clocks jump over it):
 * the jump. Grows with local_s. */
int64_t zone_instant_s(const struct zone *z, int64_t local_s);

#endif

/* clock.h - time as a parameter.
 *
 * Everything that asks for the time takes a struct clock, so that a test can
 * turn it by hand. Times are milliseconds since 1970 UTC throughout. */
#ifndef TREATY_CLOCK_H
#define TREATY_CLOCK_H

#include "base/sv.h"

struct clock {
	int64_t (*now_ms)(struct clock *c);
};

/* The real time; shared, has no state. */
struct clock *clock_real(void);

/* A clock that stands still until moved. */
struct clock_manual {
	struct clock clock; /* first: pass &m.clock */
	int64_t ms;
};
void clock_manual_init(struct clock_manual *m, int64_t ms);

static inline int64_t clock_now(struct clock *c)
{
	return c->now_ms(c);
}

/* '2026-11-23T10:00:00.000Z' in UTC; 'out' holds at least 25 bytes. */
enum { TIME_TEXT_SIZE = 25 };
void time_format_ms(int64_t ms, char out[TIME_TEXT_SIZE]);
/* ISO 8601 with 'T' (or blank), optional fraction, and 'Z' or an offset with
 * or without colon (Salesforce writes '+0000'). False for anything else. */
bool time_parse(struct sv s, int64_t *ms);
/* Days since 1970-01-01 of a real calendar date, and back. */
bool date_to_days(int year, int month, int day, int64_t *days);
void date_from_days(int64_t days, int *year, int *month, int *day);

#endif

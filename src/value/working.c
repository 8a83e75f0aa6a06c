#include "value/working.h"

#include <stdio.h>

enum { DAY_S = 86400, DAYS_MAX = 40 * 366 };

static const char *const names[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

static bool is_holiday(const struct working *w, int64_t day)
{
	int low = 0, high = w->holiday_n;
	while (low < high) {
		int middle = low + (high - low) / 2;
		if (w->holiday[middle] < day)
			low = middle + 1;
		else
			high = middle;
	}
	return low < w->holiday_n && w->holiday[low] == day;
}

static bool works_on(const struct working *w, int64_t day)
{
	int weekday = (int)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
	return w->days >> weekday & 1 && !is_holiday(w, day);
}

/* The business hours of a day there, as instants. */
static void hours_of(const struct working *w, int64_t day, int64_t *from_ms, int64_t *to_ms)
{
	*from_ms = zone_instant_s(w->zone, day * DAY_S + w->from_min * 60) * 1000;
	*to_ms = zone_instant_s(w->zone, day * DAY_S + w->to_min * 60) * 1000;
}

/* The date there. */
static int64_t day_of(const struct working *w, int64_t ms)
{
	int64_t s = ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
	int64_t local = s + zone_offset_s(w->zone, s);
	return (local - (local % DAY_S + DAY_S) % DAY_S) / DAY_S;
}

int64_t working_after(const struct working *w, int64_t start_ms, int64_t span_ms)
{
	int64_t from, to;
	if (!w || span_ms <= 0)
		return __builtin_add_overflow(start_ms, span_ms, &to) ? WORKING_NEVER : to;
	int64_t first = day_of(w, start_ms);
	for (int64_t day = first; day < first + DAYS_MAX; day++) {
		if (!works_on(w, day))
			continue;
		hours_of(w, day, &from, &to);
		if (from < start_ms)
			from = start_ms;
		if (to - from >= span_ms)
			return from + span_ms;
		if (to > from)
			span_ms -= to - from;
	}
	return WORKING_NEVER;
}

int64_t working_between(const struct working *w, int64_t from_ms, int64_t to_ms)
{
	int64_t sum = 0, from, to;
	if (to_ms <= from_ms)
		return 0;
	if (!w)
		return to_ms - from_ms;
	int64_t first = day_of(w, from_ms);
	for (int64_t day = first; day < first + DAYS_MAX; day++) {
		hours_of(w, day, &from, &to);
		if (from >= to_ms)
			break;
		from = from < from_ms ? from_ms : from;
		to = to > to_ms ? to_ms : to;
		if (works_on(w, day) && to > from)
			sum += to - from;
	}
	return sum;
}

/* ---- in words ---- */

static int day_named(struct sv s)
{
	for (int i = 0; i < 7; i++)
		if (sv_eq(s, sv_of(names[i])))
			return i;
	return -1;
}

/* Minutes since midnight; -1 for what is no 'HH:MM'. */
static int minutes(struct sv s)
{
	struct sv h, m;
	int64_t hour, minute;
	if (s.len != 5 || !sv_cut(s, ':', &h, &m) || h.len != 2 || !sv_to_i64(h, &hour) ||
	    !sv_to_i64(m, &minute) || hour < 0 || hour > 24 || minute < 0 || minute > 59)
		return -1;
	return (int)(hour * 60 + minute);
}

bool working_parse(struct sv days, struct sv times, struct working *out)
{
	struct sv first, last, from, to;
	if (!sv_cut(days, '-', &first, &last))
		last = first;
	int a = day_named(first), b = day_named(last);
	if (a < 0 || b < 0 || !sv_cut(times, '-', &from, &to))
		return false;
	out->days = 1u << b;
	for (int i = a; i != b; i = (i + 1) % 7)
		out->days |= 1u << i;
	out->from_min = minutes(from);
	out->to_min = minutes(to);
	return out->from_min >= 0 && out->to_min > out->from_min && out->to_min <= 24 * 60;
}

/* The whole week has neither beginning nor end: it begins with Monday. */
struct sv working_text(const struct working *w, struct arena *a)
{
	int first = 1, last;
	while (w->days != 0x7f && !(w->days >> first & 1 && !(w->days >> (first + 6) % 7 & 1)))
		first = (first + 1) % 7;
	for (last = first; w->days >> (last + 1) % 7 & 1 && (last + 1) % 7 != first;)
		last = (last + 1) % 7;
	return arena_printf(a, "%s%s%s %02d:%02d-%02d:%02d", names[first], last == first ? "" : "-",
			    last == first ? "" : names[last], w->from_min / 60, w->from_min % 60,
			    w->to_min / 60, w->to_min % 60);
}

/* Zones against the C library's own reading of the same data; business time by
 * its laws over random hours, zones and holidays, and by days that were looked
 * up in a calendar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/panic.h"
#include "base/rng.h"
#include "value/working.h"

static const char *const zone_names[] = {
	"UTC",		    "America/Chicago",	"Europe/London",  "Australia/Lord_Howe",
	"America/Santiago", "Asia/Kolkata",	"Europe/Dublin",  "Africa/Casablanca",
	"Asia/Beirut",	    "America/Nuuk",	"Pacific/Apia",	  "America/Phoenix",
	"Asia/Kathmandu",   "America/St_Johns", "Africa/Cairo",   "Etc/GMT-14",
};

static struct arena arena;
static struct zone zone[countof(zone_names)];

static struct sv read_zone(const char *name, struct buf *b)
{
	char path[200], chunk[4096];
	size_t n;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	FILE *f = fopen(path, "rbe");
	assert_non_null(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(b, sv_make(chunk, n));
	fclose(f);
	return buf_sv(b);
}

static int begin(void **state)
{
	arena_init(&arena);
	for (size_t i = 0; i < countof(zone_names); i++) {
		struct buf b;
		buf_init(&b, 1 << 20);
		if (!zone_parse(read_zone(zone_names[i], &b), zone_names[i], &arena, &zone[i]))
			fail_msg("%s does not parse", zone_names[i]);
		buf_finish(&b);
	}
	return 0;
}

static int end(void **state)
{
	arena_finish(&arena);
	return 0;
}

static int64_t at(const char *text)
{
	int64_t ms;
	if (!time_parse(sv_of(text), &ms))
		fail_msg("%s is no time", text);
	return ms;
}

/* ---- zones ---- */

/* Every six hours of a century, and around every change. */
static void zones_agree_with_the_c_library(void **state)
{
	for (size_t i = 0; i < countof(zone_names); i++) {
		setenv("TZ", zone_names[i], 1); /* one thread, and a test's process */
		tzset();
		for (int64_t t = -2145916800; t < 4102444800; t += 6 * 3600 + 7) {
			struct tm tm;
			time_t then = (time_t)t;
			localtime_r(&then, &tm);
			if (tm.tm_gmtoff != zone_offset_s(&zone[i], t))
				fail_msg("%s at %lld: %d, not %ld", zone_names[i], (long long)t,
					 zone_offset_s(&zone[i], t), tm.tm_gmtoff);
		}
		for (int k = 0; k < zone[i].n; k++)
			for (int d = -1; d <= 0; d++) {
				struct tm tm;
				time_t then = (time_t)zone[i].at_s[k] + d;
				localtime_r(&then, &tm);
				assert_int_equal(tm.tm_gmtoff, zone_offset_s(&zone[i], then));
			}
	}
}

static void local_times_become_instants(void **state)
{
	const struct zone *chicago = &zone[1];
	static const struct {
		const char *local, *utc; /* both written as UTC */
	} cases[] = {
		{ "2026-07-01T08:00:00Z", "2026-07-01T13:00:00Z" },
		{ "2026-12-01T08:00:00Z", "2026-12-01T14:00:00Z" },
		/* 2:00 to 3:00 is jumped over on March 8 */
		{ "2026-03-08T01:59:59Z", "2026-03-08T07:59:59Z" },
		{ "2026-03-08T02:00:00Z", "2026-03-08T08:00:00Z" },
		{ "2026-03-08T02:30:00Z", "2026-03-08T08:00:00Z" },
		{ "2026-03-08T03:00:00Z", "2026-03-08T08:00:00Z" },
		{ "2026-03-08T03:00:01Z", "2026-03-08T08:00:01Z" },
		/* 1:00 to 2:00 comes twice on November 1 */
		{ "2026-11-01T00:59:59Z", "2026-11-01T05:59:59Z" },
		{ "2026-11-01T01:30:00Z", "2026-11-01T06:30:00Z" },
		{ "2026-11-01T02:00:00Z", "2026-11-01T08:00:00Z" },
		/* long after the last change that the file lists */
		{ "2060-07-01T08:00:00Z", "2060-07-01T13:00:00Z" },
	};
	for (size_t i = 0; i < countof(cases); i++)
		if (zone_instant_s(chicago, at(cases[i].local) / 1000) != at(cases[i].utc) / 1000)
			fail_msg("%s: %lld", cases[i].local,
				 (long long)zone_instant_s(chicago, at(cases[i].local) / 1000));
}

static void local_times_grow(void **state)
{
	for (size_t i = 0; i < countof(zone_names); i++) {
		int64_t last = INT64_MIN;
		for (int64_t local = 1735689600; local < 1861920000; local += 977) {
			int64_t now = zone_instant_s(&zone[i], local);
			assert_true(now >= last);
			last = now;
		}
	}
}

/* No damaged file is read beyond its end (under the sanitizers), and none
 * that is cut short is taken. */
static void damaged_zones_are_refused(void **state)
{
	struct buf b;
	struct rng r;
	struct zone z;
	r = (struct rng){ 7 };
	buf_init(&b, 1 << 20);
	struct sv whole = read_zone("America/Chicago", &b);
	for (size_t n = 0; n < whole.len; n++) {
		char *copy = must_zalloc(n + 1);
		memcpy(copy, whole.ptr, n);
		assert_false(zone_parse(sv_make(copy, n), "x", &arena, &z));
		free(copy);
	}
	for (int i = 0; i < 2000; i++) {
		char *copy = must_zalloc(whole.len);
		memcpy(copy, whole.ptr, whole.len);
		for (int k = 0; k < 3; k++)
			copy[rng_below(&r, whole.len)] = (char)rng_below(&r, 256);
		if (zone_parse(sv_make(copy, whole.len), "x", &arena, &z))
			zone_offset_s(&z, 1800000000);
		free(copy);
	}
	buf_finish(&b);
}

/* ---- business time ---- */

static const int64_t holidays[] = { 20782, 20813, 20819 }; /* 2026-11-25, 12-26, 2027-01-01 */

static const struct working chicago = { .days = 0x3e, .from_min = 8 * 60, .to_min = 18 * 60,
					.zone = &zone[1] };

static void business_time_by_the_calendar(void **state)
{
	static const int64_t thanksgiving[] = { 20783, 20784 }; /* Thu 26 and Fri 27 */
	struct working rests = chicago, weekend = chicago;
	rests.holiday = thanksgiving;
	rests.holiday_n = 2;
	weekend.days = 0x41; /* Saturday and Sunday: March 8 has 23 hours */
	weekend.from_min = 0;
	weekend.to_min = 24 * 60;
	const struct {
		const struct working *w;
		const char *start;
		int hours;
		const char *due;
	} cases[] = {
		/* Wednesday 9:00 there, in winter: within the day */
		{ &chicago, "2026-11-25T15:00:00Z", 4, "2026-11-25T19:00:00Z" },
		{ &chicago, "2026-11-25T15:00:00Z", 9, "2026-11-26T00:00:00Z" },
		{ &chicago, "2026-11-25T15:00:00Z", 10, "2026-11-26T15:00:00Z" },
		/* before the day begins, after it ended */
		{ &chicago, "2026-11-25T08:00:00Z", 1, "2026-11-25T15:00:00Z" },
		{ &chicago, "2026-11-26T02:00:00Z", 1, "2026-11-26T15:00:00Z" },
		/* Friday 17:00: over the weekend on which saving begins: 13:00 UTC */
		{ &chicago, "2026-03-06T23:00:00Z", 2, "2026-03-09T14:00:00Z" },
		/* and on which it ends */
		{ &chicago, "2026-10-30T22:00:00Z", 2, "2026-11-02T15:00:00Z" },
		/* holidays */
		{ &rests, "2026-11-25T23:00:00Z", 2, "2026-11-30T15:00:00Z" },
		{ &rests, "2026-11-26T15:00:00Z", 1, "2026-11-30T15:00:00Z" },
		/* days of 23 and of 25 hours */
		{ &weekend, "2026-03-08T06:00:00Z", 23, "2026-03-09T05:00:00Z" },
		{ &weekend, "2026-11-01T05:00:00Z", 25, "2026-11-02T06:00:00Z" },
		{ NULL, "2026-11-25T15:00:00Z", 24, "2026-11-26T15:00:00Z" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char got[TIME_TEXT_SIZE];
		int64_t due = working_after(cases[i].w, at(cases[i].start), cases[i].hours * 3600000LL);
		time_format_ms(due, got);
		if (due != at(cases[i].due))
			fail_msg("%s + %d h: %s, not %s", cases[i].start, cases[i].hours, got,
				 cases[i].due);
	}
}

static void no_business_time_ever(void **state)
{
	struct working minute = chicago;
	minute.to_min = minute.from_min + 1;
	assert_int_equal(working_after(&minute, at("2026-11-25T15:00:00Z"), 365 * 86400000LL),
			 WORKING_NEVER);
	assert_int_equal(working_after(NULL, at("2026-11-25T15:00:00Z"), INT64_MAX), WORKING_NEVER);
}

/* The laws: later starts and longer spans are never due earlier; two spans one
 * after the other are their sum; what is due after a span has that span of
 * business time before it; and a due time lies in business time. */
static void business_time_adds_up(void **state)
{
	struct rng r;
	r = (struct rng){ 20261125 };
	for (int i = 0; i < 20000; i++) {
		struct working w = { .days = 1 + (unsigned)rng_below(&r, 127),
				     .zone = &zone[rng_below(&r, countof(zone_names))],
				     .holiday = holidays, .holiday_n = (int)rng_below(&r, 4) };
		w.from_min = (int)rng_below(&r, 24 * 60);
		w.to_min = w.from_min + 1 + (int)rng_below(&r, (uint64_t)(24 * 60 - w.from_min));
		if (w.to_min - w.from_min < 30)
			continue;
		int64_t start = at("2026-01-01T00:00:00Z") + (int64_t)rng_below(&r, 900 * 86400000LL);
		int64_t later = start + (int64_t)rng_below(&r, 20 * 86400000LL);
		int64_t a = 1 + (int64_t)rng_below(&r, 40 * 3600000LL);
		int64_t b = 1 + (int64_t)rng_below(&r, 40 * 3600000LL);
		int64_t due = working_after(&w, start, a);
		assert_true(due > start);
		assert_true(working_after(&w, later, a) >= due);
		assert_true(working_after(&w, start, a + b) > due);
		assert_int_equal(working_after(&w, due, b), working_after(&w, start, a + b));
		assert_int_equal(working_between(&w, start, due), a);
		assert_int_equal(working_between(&w, due - 1, due), 1);
		assert_int_equal(working_between(&w, start, later) +
					 working_between(&w, later, later + a),
				 working_between(&w, start, later + a));
	}
}

static void hours_in_words(void **state)
{
	static const struct {
		const char *days, *times, *text;
	} cases[] = {
		{ "Mon-Fri", "08:00-18:00", "Mon-Fri 08:00-18:00" },
		{ "Sun-Thu", "07:30-16:00", "Sun-Thu 07:30-16:00" },
		{ "Sat-Mon", "00:00-24:00", "Sat-Mon 00:00-24:00" },
		{ "Wed", "09:00-12:00", "Wed 09:00-12:00" },
		{ "Wed-Wed", "09:00-12:00", "Wed 09:00-12:00" },
		{ "Mon-Sun", "09:00-12:00", "Mon-Sun 09:00-12:00" },
		{ "Thu-Wed", "09:00-12:00", "Mon-Sun 09:00-12:00" },
		{ "Mon-Fri", "18:00-08:00", NULL }, { "Mon-Fri", "08:00-24:01", NULL },
		{ "Mon-Fri", "8:00-18:00", NULL },  { "Monday", "08:00-18:00", NULL },
		{ "Mon-", "08:00-18:00", NULL },    { "Mon-Fri", "08:00", NULL },
		{ "Mon-Fri", "08:60-18:00", NULL }, { "Mon-Fri", "08:00-08:00", NULL },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct working w = { 0 };
		bool ok = working_parse(sv_of(cases[i].days), sv_of(cases[i].times), &w);
		assert_int_equal(ok, cases[i].text != NULL);
		if (ok)
			assert_string_equal(working_text(&w, &arena).ptr, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_agree_with_the_c_library),
		cmocka_unit_test(local_times_become_instants),
		cmocka_unit_test(local_times_grow),
		cmocka_unit_test(damaged_zones_are_refused),
		cmocka_unit_test(business_time_by_the_calendar),
		cmocka_unit_test(no_business_time_ever),
		cmocka_unit_test(business_time_adds_up),
		cmocka_unit_test(hours_in_words),
	};
	return cmocka_run_group_tests(tests, begin, end);
}

#include "value/zone.h"

#include <ctype.h>

#include "base/clock.h"

enum { DAY_S = 86400, HEADER = 44, TIMES_MAX = 20000 };

/* ---- the file ---- */

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static uint32_t big32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t big64(const char *p)
{
	return (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4));
}

/* Takes the header off; false unless it is one of version 2 or later. */
static bool take_header(struct sv *s, struct counts *c)
{
	if (s->len < HEADER || memcmp(s->ptr, "TZif", 4) != 0 || s->ptr[4] < '2')
		return false;
	uint32_t *n[] = { &c->isut, &c->isstd, &c->leap, &c->time, &c->type, &c->chars };
	for (size_t i = 0; i < 6; i++) {
		*n[i] = big32(s->ptr + 20 + 4 * i);
		if (*n[i] > TIMES_MAX)
			return false;
	}
	*s = sv_make(s->ptr + HEADER, s->len - HEADER);
	return c->type > 0;
}

static size_t block_len(const struct counts *c, size_t time_size)
{
	return c->time * (time_size + 1) + c->type * 6 + c->chars + c->leap * (time_size + 4) +
	       c->isstd + c->isut;
}

static bool take_block(struct sv s, const struct counts *c, struct arena *a, struct zone *out)
{
	const char *index = s.ptr + (size_t)c->time * 8, *type = index + c->time;
	int64_t *at = arena_array(a, int64_t, c->time + 1);
	int32_t *offset = arena_array(a, int32_t, c->time + 1);
	for (uint32_t i = 0; i < c->time; i++) {
		unsigned char k = (unsigned char)index[i];
		at[i] = big64(s.ptr + (size_t)i * 8);
		if (k >= c->type || (i && at[i] <= at[i - 1]))
			return false;
		offset[i] = (int32_t)big32(type + (size_t)k * 6);
	}
	out->n = (int)c->time;
	out->at_s = at;
	out->offset_s = offset;
	out->before_s = (int32_t)big32(type);
	return true;
}

/* ---- the rule behind the list: 'CST6CDT,M3.2.0,M11.1.0' ---- */

static bool take_char(struct sv *s, char c)
{
	if (!s->len || s->ptr[0] != c)
		return false;
	*s = sv_make(s->ptr + 1, s->len - 1);
	return true;
}

static bool take_number(struct sv *s, int most, int *out)
{
	size_t n = 0;
	int64_t v;
	while (n < s->len && n < 4 && isdigit((unsigned char)s->ptr[n]))
		n++;
	if (!sv_to_i64(sv_make(s->ptr, n), &v) || v > most)
		return false;
	*s = sv_make(s->ptr + n, s->len - n);
	*out = (int)v;
	return true;
}

/* 'CST' or '<+0330>' */
static bool take_name(struct sv *s)
{
	bool quoted = take_char(s, '<');
	size_t n = 0;
	while (n < s->len && (quoted ? s->ptr[n] != '>' : isalpha((unsigned char)s->ptr[n]) != 0))
		n++;
	*s = sv_make(s->ptr + n, s->len - n);
	return n > 0 && (!quoted || take_char(s, '>'));
}

/* '[+-]hh[:mm[:ss]]' in seconds */
static bool take_time(struct sv *s, int32_t *out)
{
	bool minus = take_char(s, '-');
	int h = 0, m = 0, sec = 0;
	if (!minus)
		take_char(s, '+');
	if (!take_number(s, 167, &h) || (take_char(s, ':') && !take_number(s, 59, &m)) ||
	    (take_char(s, ':') && !take_number(s, 59, &sec)))
		return false;
	*out = (h * 3600 + m * 60 + sec) * (minus ? -1 : 1);
	return true;
}

static bool take_change(struct sv *s, struct zone_change *c)
{
	c->time_s = 2 * 3600;
	bool ok;
	if (take_char(s, 'M')) {
		c->form = ZONE_WEEK;
		ok = take_number(s, 12, &c->month) && c->month && take_char(s, '.') &&
		     take_number(s, 5, &c->week) && c->week && take_char(s, '.') &&
		     take_number(s, 6, &c->day);
	} else {
		c->form = take_char(s, 'J') ? ZONE_JULIAN : ZONE_DAY;
		ok = take_number(s, 365, &c->day) && (c->form == ZONE_DAY || c->day);
	}
	return ok && (!take_char(s, '/') || take_time(s, &c->time_s));
}

static bool take_rule(struct sv s, struct zone *out)
{
	int32_t west;
	if (!s.len)
		return true;
	if (!take_name(&s) || !take_time(&s, &west))
		return false;
	out->ruled = true;
	out->standard_s = -west;
	out->saving_s = 3600 - west;
	if (!s.len)
		return true;
	out->saves = true;
	if (!take_name(&s))
		return false;
	if (s.len && s.ptr[0] != ',') {
		if (!take_time(&s, &west))
			return false;
		out->saving_s = -west;
	}
	return take_char(&s, ',') && take_change(&s, &out->begin) && take_char(&s, ',') &&
	       take_change(&s, &out->end) && !s.len;
}

bool zone_parse(struct sv s, const char *name, struct arena *a, struct zone *out)
{
	struct counts c;
	*out = (struct zone){ .name = name };
	if (!take_header(&s, &c) || s.len < block_len(&c, 4))
		return false;
	/* the first block is for readers that know 32 bits only */
	s = sv_make(s.ptr + block_len(&c, 4), s.len - block_len(&c, 4));
	if (!take_header(&s, &c) || s.len < block_len(&c, 8) || !take_block(s, &c, a, out))
		return false;
	s = sv_make(s.ptr + block_len(&c, 8), s.len - block_len(&c, 8));
	struct sv rule, rest;
	return take_char(&s, '\n') && sv_cut(s, '\n', &rule, &rest) && take_rule(rule, out);
}

/* ---- asking ---- */

static int64_t days_of(int year, int month, int day)
{
	int64_t days = 0;
	date_to_days(year, month, day, &days);
	return days;
}

/* 0: Sunday. 1970-01-01 was a Thursday. */
static int weekday(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

static int64_t change_day(const struct zone_change *c, int year)
{
	int64_t first = days_of(year, 1, 1), unused;
	if (c->form == ZONE_DAY)
		return first + c->day;
	if (c->form == ZONE_JULIAN) /* February 29 is never counted */
		return first + c->day - 1 + (c->day >= 60 && date_to_days(year, 2, 29, &unused));
	int64_t day = days_of(year, c->month, 1);
	int64_t next = c->month == 12 ? days_of(year, 12, 31) + 1 : days_of(year, c->month + 1, 1);
	day += (c->day - weekday(day) + 7) % 7 + 7 * (c->week - 1);
	while (day >= next)
		day -= 7;
	return day;
}

static int32_t by_rule(const struct zone *z, int64_t utc_s)
{
	int year, month, day;
	if (!z->saves)
		return z->standard_s;
	int64_t local = utc_s + z->standard_s;
	date_from_days((local - (local % DAY_S + DAY_S) % DAY_S) / DAY_S, &year, &month, &day);
	int64_t begin = change_day(&z->begin, year) * DAY_S + z->begin.time_s - z->standard_s;
	int64_t end = change_day(&z->end, year) * DAY_S + z->end.time_s - z->saving_s;
	/* in the south saving goes over the new year */
	bool saving = begin < end ? utc_s >= begin && utc_s < end : utc_s >= begin || utc_s < end;
	return saving ? z->saving_s : z->standard_s;
}

int32_t zone_offset_s(const struct zone *z, int64_t utc_s)
{
	if (z->n == 0 || utc_s < z->at_s[0])
		return z->n == 0 && z->ruled ? by_rule(z, utc_s) : z->before_s;
	if (z->ruled && utc_s >= z->at_s[z->n - 1])
		return by_rule(z, utc_s);
	int low = 0, high = z->n; /* at_s[low] <= utc_s < at_s[high] */
	while (high - low > 1) {
		int middle = low + (high - low) / 2;
		if (z->at_s[middle] <= utc_s)
			low = middle;
		else
			high = middle;
	}
	return z->offset_s[low];
}

int64_t zone_instant_s(const struct zone *z, int64_t local_s)
{
	int32_t before = zone_offset_s(z, local_s - DAY_S), after = zone_offset_s(z, local_s + DAY_S);
	if (zone_offset_s(z, local_s - before) == before)
		return local_s - before;
	if (zone_offset_s(z, local_s - after) == after)
		return local_s - after;
	/* jumped over: the jump lies between what the two offsets say */
	int64_t low = local_s - after, high = local_s - before;
	while (high - low > 1) {
		int64_t middle = low + (high - low) / 2;
		if (zone_offset_s(z, middle) == after)
			high = middle;
		else
			low = middle;
	}
	return high;
}

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t real_now_ms(struct clock *c)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct clock *clock_real(void)
{
	static struct clock real = { real_now_ms };
	return &real;
}

static int64_t manual_now_ms(struct clock *c)
{
	return ((struct clock_manual *)c)->ms;
}

void clock_manual_init(struct clock_manual *m, int64_t ms)
{
	m->clock.now_ms = manual_now_ms;
	m->ms = ms;
}

/* Days from civil and back: Howard Hinnant's public-domain algorithm, with the
 * year counted from March so that the leap day comes last. */
bool date_to_days(int year, int month, int day, int64_t *days)
{
	static const int length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > length[month - 1] + (month == 2 && leap))
		return false;
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	*days = era * 146097 + doe - 719468;
	return true;
}

void date_from_days(int64_t days, int *year, int *month, int *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

void time_format_ms(int64_t ms, char out[TIME_TEXT_SIZE])
{
	int64_t days = ms / 86400000, rest = ms % 86400000;
	if (rest < 0)
		rest += 86400000, days--;
	int y, mo, d;
	date_from_days(days, &y, &mo, &d);
	int s = (int)(rest / 1000);
	snprintf(out, TIME_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)y % 10000,
		 (unsigned)mo % 100, (unsigned)d % 100, (unsigned)s / 3600 % 100,
		 (unsigned)s / 60 % 60, (unsigned)s % 60, (unsigned)(rest % 1000));
}

/* 'n' digits at the front of *s; moves *s behind them. */
static bool digits(struct sv *s, size_t n, int *out)
{
	int64_t v;
	if (s->len < n || !sv_to_i64(sv_make(s->ptr, n), &v) || s->ptr[0] == '-')
		return false;
	s->ptr += n, s->len -= n;
	*out = (int)v;
	return true;
}

static bool one_of(struct sv *s, const char *set, char *out)
{
	if (!s->len || !strchr(set, s->ptr[0]) || !s->ptr[0])
		return false;
	*out = s->ptr[0];
	s->ptr++, s->len--;
	return true;
}

bool time_parse(struct sv s, int64_t *ms)
{
	int y, mo, d, h, mi, sec, fraction = 0, oh = 0, om = 0;
	char c, sign = '+';
	int64_t days;
	if (!digits(&s, 4, &y) || !one_of(&s, "-", &c) || !digits(&s, 2, &mo) ||
	    !one_of(&s, "-", &c) || !digits(&s, 2, &d) || !one_of(&s, "T ", &c) ||
	    !digits(&s, 2, &h) || !one_of(&s, ":", &c) || !digits(&s, 2, &mi) ||
	    !one_of(&s, ":", &c) || !digits(&s, 2, &sec))
		return false;
	if (one_of(&s, ".", &c)) {
		int scale = 100, digit, n = 0;
		while (digits(&s, 1, &digit)) {
			fraction += digit * scale;
			scale /= 10; /* below a millisecond: dropped */
			n++;
		}
		if (n == 0)
			return false;
	}
	if (!one_of(&s, "Z+-", &sign))
		return false;
	if (sign != 'Z') {
		if (!digits(&s, 2, &oh))
			return false;
		one_of(&s, ":", &c);
		if (!digits(&s, 2, &om) || oh > 15 || om > 59)
			return false;
	}
	if (s.len || h > 23 || mi > 59 || sec > 60 || !date_to_days(y, mo, d, &days))
		return false;
	int64_t offset_s = (oh * 3600 + om * 60) * (sign == '-' ? -1 : 1);
	*ms = ((days * 86400 + h * 3600 + mi * 60 + sec) - offset_s) * 1000 + fraction;
	return true;
}

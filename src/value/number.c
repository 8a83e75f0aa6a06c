#include <ctype.h>

#include "value/canon.h"

/* Salesforce holds 18 digits, a double at most 309 before the point. More is
 * noise or an attempt to make us write '1e999999999' out. */
enum { DIGITS_MAX = 400, TEXT_MAX = 1000 };

/* value = 0.d1 d2 ... dn * 10^point, without zeros at either end. */
struct decimal {
	bool negative;
	char digit[TEXT_MAX];
	int n;
	int point;
};

static bool is_digit(struct sv s)
{
	return s.len && isdigit((unsigned char)s.ptr[0]);
}

static char next(struct sv *s)
{
	char c = s->ptr[0];
	s->ptr++, s->len--;
	return c;
}

static bool take(struct sv *s, const char *either)
{
	if (!s->len || s->ptr[0] == '\0' || !strchr(either, s->ptr[0]))
		return false;
	next(s);
	return true;
}

/* The digits of '12.50e3' and where its point is; leading zeros only move it. */
static bool scan(struct sv s, struct decimal *d)
{
	bool any = false, fraction = false;
	*d = (struct decimal){ .negative = s.len && s.ptr[0] == '-' };
	take(&s, "+-");
	for (;;) {
		if (!fraction && take(&s, ".")) {
			fraction = true;
			continue;
		}
		if (!is_digit(s))
			break;
		any = true;
		char c = next(&s);
		if (c != '0' || d->n)
			d->digit[d->n++] = c;
		if (fraction ? d->n == 0 : d->n > 0)
			d->point += fraction ? -1 : 1;
	}
	if (!any)
		return false;
	if (take(&s, "eE")) {
		int64_t e;
		if (take(&s, "+") && !is_digit(s))
			return false;
		if (!sv_to_i64(s, &e) || e > 10 * TEXT_MAX || e < -10 * TEXT_MAX)
			return false;
		d->point += (int)e;
		s = SV_NONE;
	}
	return s.len == 0;
}

static void strip_zeros(struct decimal *d)
{
	while (d->n && d->digit[d->n - 1] == '0')
		d->n--;
	if (d->n == 0)
		d->point = 0, d->negative = false;
}

/* Half away from zero, as Salesforce and people with money do it. */
static void round_to(struct decimal *d, int scale)
{
	int keep = d->point + scale; /* digits that stay */
	if (keep >= d->n)
		return;
	if (keep < 0) {
		d->n = 0;
		return;
	}
	bool up = d->digit[keep] >= '5';
	d->n = keep;
	while (up && d->n && d->digit[d->n - 1] == '9')
		d->n--;
	if (up && d->n) {
		d->digit[d->n - 1]++;
	} else if (up) {
		d->digit[0] = '1';
		d->n = 1;
		d->point++;
	}
}

static struct sv spell(const struct decimal *d, struct arena *a)
{
	int whole = d->point > 0 ? d->point : 0;
	int zeros = d->point < 0 ? -d->point : 0; /* between point and digits */
	char *out = arena_alloc(a, (size_t)(whole + zeros + d->n) + 4), *p = out;
	if (d->negative)
		*p++ = '-';
	for (int i = 0; i < whole; i++)
		*p++ = i < d->n ? d->digit[i] : '0';
	if (!whole)
		*p++ = '0';
	if (d->n > d->point) {
		*p++ = '.';
		for (int i = 0; i < zeros; i++)
			*p++ = '0';
		for (int i = whole; i < d->n; i++)
			*p++ = d->digit[i];
	}
	return sv_make(out, (size_t)(p - out));
}

bool number_canonical(struct sv text, int scale, struct arena *a, struct sv *out)
{
	struct decimal d;
	text = sv_trim(text);
	if (text.len > TEXT_MAX || !scan(text, &d))
		return false;
	strip_zeros(&d);
	if (scale >= 0)
		round_to(&d, scale);
	strip_zeros(&d);
	if (d.point > DIGITS_MAX || d.n - d.point > DIGITS_MAX)
		return false;
	*out = spell(&d, a);
	return true;
}

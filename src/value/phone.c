#include <ctype.h>

#include "value/canon.h"

enum { E164_MIN = 7, E164_MAX = 15, EXTENSION_MAX = 7 };

/* How a number is written at home. 'trunk' is dialled before a national number
 * and is no part of it; where it is optional a number may come without.
 * Lengths are of the national number (ITU-T E.164 and national plans). */
struct region {
	const char *name;
	const char *code;
	char trunk; /* or '\0' */
	bool trunk_optional;
	int min, max;
};

static const struct region regions[] = {
	{ "US", "1", '1', true, 10, 10 },   { "CA", "1", '1', true, 10, 10 },
	{ "PR", "1", '1', true, 10, 10 },   { "MX", "52", '\0', true, 10, 10 },
	{ "GB", "44", '0', false, 9, 10 },  { "IE", "353", '0', false, 7, 9 },
	{ "AU", "61", '0', false, 9, 9 },   { "NZ", "64", '0', false, 8, 10 },
	{ "DE", "49", '0', false, 6, 12 },  { "FR", "33", '0', false, 9, 9 },
	{ "NL", "31", '0', false, 9, 9 },   { "ES", "34", '\0', true, 9, 9 },
	{ "IN", "91", '0', true, 10, 10 },
};

static const struct region *region_of(struct sv name)
{
	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
		if (sv_eq(name, sv_of(regions[i].name)))
			return &regions[i];
	return NULL;
}

bool phone_region_known(struct sv name)
{
	return region_of(name) != NULL;
}

struct number {
	char digit[E164_MAX + 8];
	int n;
	bool plus;
	struct sv extension; /* digits, or empty */
};

/* The digits behind 'x', 'ext.', 'ext ', '#' or ';ext=', which must end the
 * text. */
static bool extension(struct sv s, struct sv *out)
{
	static const char *const words[] = { ";ext=", "extension", "ext", "x", "#" };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct sv w = sv_of(words[i]);
		if (s.len <= w.len || !sv_eq_nocase(sv_make(s.ptr, w.len), w))
			continue;
		s.ptr += w.len, s.len -= w.len;
		while (s.len && strchr(" .:", s.ptr[0]))
			s.ptr++, s.len--;
		for (size_t k = 0; k < s.len; k++)
			if (!isdigit((unsigned char)s.ptr[k]))
				return false;
		*out = s;
		return s.len > 0 && s.len <= EXTENSION_MAX;
	}
	return false;
}

/* The digits of a number in any of the usual punctuations; false for text that
 * says more or other than one number. */
static bool scan(struct sv s, struct number *num)
{
	*num = (struct number){ 0 };
	for (; s.len; s.ptr++, s.len--) {
		char c = s.ptr[0];
		/* +44 (0)20 ...: the trunk digit, only for callers at home */
		if (num->plus && num->n && sv_starts(s, SV("(0)"))) {
			s.ptr += 2, s.len -= 2;
			continue;
		}
		if (isdigit((unsigned char)c)) {
			if (num->n == (int)sizeof(num->digit))
				return false;
			num->digit[num->n++] = c;
		} else if (c == '+' && !num->n && !num->plus) {
			num->plus = true;
		} else if (isspace((unsigned char)c) || (c && strchr("()-./", c))) {
			continue;
		} else {
			return extension(s, &num->extension);
		}
	}
	return true;
}

static struct sv digits_after(const struct number *num, int skip)
{
	return sv_make(num->digit + skip, (size_t)(num->n - skip));
}

/* North American numbers begin area code and exchange with 2 to 9. */
static bool nanp(struct sv national)
{
	return national.len == 10 && national.ptr[0] >= '2' && national.ptr[3] >= '2';
}

/* Country code and number, as they follow the '+'. */
static bool international(struct sv d)
{
	if (d.len < E164_MIN || d.len > E164_MAX || d.ptr[0] == '0')
		return false;
	return d.ptr[0] != '1' || nanp(sv_make(d.ptr + 1, d.len - 1));
}

/* The national number of digits that were dialled at home. */
static bool national(const struct region *r, struct sv d, struct sv *out)
{
	bool trunk = r->trunk && d.len && d.ptr[0] == r->trunk;
	if (!trunk && !r->trunk_optional)
		return false;
	*out = trunk ? sv_make(d.ptr + 1, d.len - 1) : d;
	if ((int)out->len < r->min || (int)out->len > r->max)
		return false;
	return r->code[0] != '1' || nanp(*out);
}

static bool e164(const struct number *num, const struct region *r, struct arena *a,
		 struct sv *out)
{
	struct sv all = digits_after(num, 0), d;
	const char *code = "";
	if (num->plus)
		d = all;
	else if (sv_starts(all, SV("00")))
		d = digits_after(num, 2);
	else if (r && r->code[0] == '1' && sv_starts(all, SV("011")))
		d = digits_after(num, 3);
	else if (r && national(r, all, &d))
		code = r->code;
	else
		return false;
	if (!code[0] && !international(d))
		return false;
	*out = num->extension.len
		       ? arena_printf(a, "+%s%.*s x%.*s", code, SV_ARG(d), SV_ARG(num->extension))
		       : arena_printf(a, "+%s%.*s", code, SV_ARG(d));
	return true;
}

/* Runs of blanks become one. */
static struct sv tidy(struct sv s, struct arena *a)
{
	char *out = arena_alloc(a, s.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		bool blank = isspace((unsigned char)s.ptr[i]);
		if (blank && n && out[n - 1] == ' ')
			continue;
		out[n++] = blank ? ' ' : s.ptr[i];
	}
	return sv_make(out, n);
}

struct sv phone_canonical(struct sv text, const char *region, struct arena *a)
{
	struct number num;
	struct sv out;
	const struct region *r = region ? region_of(sv_of(region)) : NULL;
	text = tidy(text, a);
	return scan(text, &num) && e164(&num, r, a, &out) ? out : text;
}

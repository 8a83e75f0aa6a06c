#include "base/sv.h"

#include <ctype.h>

int sv_cmp(struct sv a, struct sv b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
	if (c != 0)
		return c;
	return (a.len > b.len) - (a.len < b.len);
}

bool sv_eq_nocase(struct sv a, struct sv b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (tolower((unsigned char)a.ptr[i]) != tolower((unsigned char)b.ptr[i]))
			return false;
	return true;
}

bool sv_starts(struct sv s, struct sv prefix)
{
	return s.len >= prefix.len && sv_eq(sv_make(s.ptr, prefix.len), prefix);
}

bool sv_ends(struct sv s, struct sv suffix)
{
	return s.len >= suffix.len &&
	       sv_eq(sv_make(s.ptr + s.len - suffix.len, suffix.len), suffix);
}

struct sv sv_trim(struct sv s)
{
	while (s.len && isspace((unsigned char)s.ptr[0]))
		s.ptr++, s.len--;
	while (s.len && isspace((unsigned char)s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool sv_cut(struct sv s, char sep, struct sv *head, struct sv *tail)
{
	const char *p = s.len ? memchr(s.ptr, sep, s.len) : NULL;
	if (!p) {
		*head = s;
		*tail = SV_NONE;
		return false;
	}
	*head = sv_make(s.ptr, (size_t)(p - s.ptr));
	*tail = sv_make(p + 1, s.len - head->len - 1);
	return true;
}

bool sv_to_i64(struct sv s, int64_t *out)
{
	bool neg = s.len > 0 && s.ptr[0] == '-';
	if (neg)
		s.ptr++, s.len--;
	if (s.len == 0)
		return false;
	int64_t n = 0; /* kept negative: INT64_MIN has no positive twin */
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, s.ptr[i] - '0', &n))
			return false;
	}
	if (!neg && __builtin_sub_overflow((int64_t)0, n, &n))
		return false;
	*out = n;
	return true;
}

uint32_t sv_hash32(struct sv s)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * 16777619u;
	return h;
}

uint64_t sv_hash64(struct sv s)
{
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
	return h;
}

unsigned sv_distance(struct sv a, struct sv b, unsigned limit)
{
	enum { WORD_MAX_LEN = 63 };
	if (a.len > WORD_MAX_LEN || b.len > WORD_MAX_LEN)
		return limit + 1;
	unsigned row[WORD_MAX_LEN + 1];
	for (size_t j = 0; j <= b.len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			unsigned up = row[j];
			bool same = tolower((unsigned char)a.ptr[i - 1]) ==
				    tolower((unsigned char)b.ptr[j - 1]);
			unsigned best = diagonal + (same ? 0 : 1);
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (up + 1 < best)
				best = up + 1;
			row[j] = best;
			diagonal = up;
		}
	}
	return row[b.len] > limit ? limit + 1 : row[b.len];
}

#include "systems/salesforce/ids.h"

enum { SHORT_LEN = 15, LONG_LEN = 18 };

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_id_char(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static void checksum(const char *id, char out[3])
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
	for (int group = 0; group < 3; group++) {
		unsigned bits = 0;
		for (int i = 0; i < 5; i++)
			bits |= (unsigned)is_upper(id[group * 5 + i]) << i;
		out[group] = digit[bits];
	}
}

/* The key prefix of a real record is never 000. */
static bool is_stand_in(struct sv id)
{
	return sv_starts(id, SV("000"));
}

struct sv sf_id(struct sv id, struct arena *a)
{
	char sum[3];
	if ((id.len != SHORT_LEN && id.len != LONG_LEN) || is_stand_in(id))
		return SV_NONE;
	for (size_t i = 0; i < id.len; i++)
		if (!is_id_char(id.ptr[i]))
			return SV_NONE;
	checksum(id.ptr, sum);
	if (id.len == LONG_LEN && !sv_eq_nocase(sv_make(id.ptr + SHORT_LEN, 3), sv_make(sum, 3)))
		return SV_NONE;
	return arena_printf(a, "%.15s%.3s", id.ptr, sum);
}

#include "salesforce.h"

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void sf_id_checksum(const char id15[15], char out3[3])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
	for (int group = 0; group < 3; group++) {
		unsigned bits = 0;
		for (int i = 0; i < 5; i++) {
			char c = id15[group * 5 + i];
			if (c >= 'A' && c <= 'Z')
				bits |= 1u << i;
		}
		out3[group] = letters[bits];
	}
}

struct sv sf_make_id(struct tables *all, struct table *t, uint64_t number, char out[32])
{
	/* Prefix, a made-up instance, and the number; base 62 in ASCII order, so
	 * that ids sort as they were given. */
	memcpy(out, t->def->prefix, 3);
	memcpy(out + 3, "Hs00", 4);
	for (int i = 14; i >= 7; i--) {
		out[i] = base62[number % 62];
		number /= 62;
	}
	sf_id_checksum(out, out + 15);
	out[SF_ID_LEN] = '\0';
	return sv_make(out, SF_ID_LEN);
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* An 18-character id whose letters lost their case is put right by its
 * checksum, as the real service does. */
static void restore_case(char id[SF_ID_LEN])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
	for (int group = 0; group < 3; group++) {
		char c = id[15 + group];
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 32);
		const char *at = memchr(letters, c, 32);
		unsigned bits = at ? (unsigned)(at - letters) : 0;
		for (int i = 0; i < 5; i++) {
			char *p = &id[group * 5 + i];
			if (*p >= '0' && *p <= '9')
				continue;
			*p = (char)(bits & 1u << i ? *p & ~0x20 : *p | 0x20);
		}
	}
}

bool sf_id_normal(struct sv id, char out[SF_ID_LEN + 1])
{
	char sum[3];
	if (id.len != 15 && id.len != SF_ID_LEN)
		return false;
	for (size_t i = 0; i < id.len; i++)
		if (!is_alnum(id.ptr[i]))
			return false;
	memcpy(out, id.ptr, id.len);
	if (id.len == SF_ID_LEN)
		restore_case(out);
	sf_id_checksum(out, sum);
	if (id.len == SF_ID_LEN && !sv_eq_nocase(sv_make(out + 15, 3), sv_make(sum, 3)))
		return false;
	memcpy(out + 15, sum, 3);
	out[SF_ID_LEN] = '\0';
	return true;
}

struct row *sf_row(struct table *t, struct sv id)
{
	char full[SF_ID_LEN + 1];
	return sf_id_normal(id, full) ? table_row(t, sv_make(full, SF_ID_LEN)) : NULL;
}

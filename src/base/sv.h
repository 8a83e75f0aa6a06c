/* sv.h - string views: bytes that belong to someone else.
 *
 * A view never owns. It is valid as long as what it points into, and may hold
 * any bytes: nothing here assumes a terminating NUL. */
#ifndef TREATY_SV_H
#define TREATY_SV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sv {
	const char *ptr;
	size_t len;
};

#define SV(lit) ((struct sv){ (lit), sizeof(lit) - 1 })
#define SV_NONE ((struct sv){ NULL, 0 })
/* printf("%.*s", SV_ARG(v)) */
#define SV_ARG(v) (int)(v).len, (v).ptr ? (v).ptr : ""

static inline struct sv sv_of(const char *s)
{
	return (struct sv){ s, s ? strlen(s) : 0 };
}

static inline struct sv sv_make(const void *ptr, size_t len)
{
	return (struct sv){ ptr, len };
}

static inline bool sv_eq(struct sv a, struct sv b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Byte order, shorter first on a common prefix. */
int sv_cmp(struct sv a, struct sv b);
bool sv_eq_nocase(struct sv a, struct sv b); /* ASCII only */
bool sv_starts(struct sv s, struct sv prefix);
bool sv_ends(struct sv s, struct sv suffix);
struct sv sv_trim(struct sv s); /* ASCII white space at both ends */

/* Splits at the first 'sep': *head is before it, *tail after it. False, with
 * *head the whole and *tail empty, when there is none. */
bool sv_cut(struct sv s, char sep, struct sv *head, struct sv *tail);

/* The whole view must be a decimal number in range; no blanks, no plus. */
bool sv_to_i64(struct sv s, int64_t *out);

/* FNV-1a, for tables and stable keys; not against an adversary. */
uint32_t sv_hash32(struct sv s);
uint64_t sv_hash64(struct sv s);

/* How many single-character edits apart, or 'limit' + 1 when more than
 * 'limit': for 'did you mean'. Words over 63 bytes are never near. */
unsigned sv_distance(struct sv a, struct sv b, unsigned limit);

#endif

/* buf.h - growing byte buffers that are born with a maximum.
 *
 * The first addition that would pass the maximum sets 'full' and adds nothing;
 * later ones do nothing either, so a writer checks once at the end. */
#ifndef TREATY_BUF_H
#define TREATY_BUF_H

#include "base/sv.h"

struct buf {
	char *ptr; /* owned; always followed by a NUL that is not counted */
	size_t len;
	size_t cap;
	size_t max;
	bool full;
};

void buf_init(struct buf *b, size_t max);
void buf_finish(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory, forgets 'full' */

void buf_add(struct buf *b, struct sv s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Percent-encodes all but RFC 3986 unreserved characters. */
void buf_add_url(struct buf *b, struct sv s);
/* base64url without padding (RFC 4648 5), as JWS wants it. */
void buf_add_base64url(struct buf *b, const void *data, size_t len);

/* Little-endian base-128 integers and counted bytes, for compact rows. */
void buf_add_varint(struct buf *b, uint64_t n);
/* Two lower-case digits a byte; and the bytes of such a text, added to 'out'.
 * False when it is none. */
void buf_add_hex(struct buf *b, struct sv bytes);
bool buf_from_hex(struct buf *out, struct sv text);
void buf_add_counted(struct buf *b, struct sv s);

static inline struct sv buf_sv(const struct buf *b)
{
	return sv_make(b->ptr, b->len);
}

/* The reading side of the last two: 'bad' sticks at the first overrun, and
 * every later read then yields zero or nothing. */
struct reader {
	struct sv left;
	bool bad;
};

uint64_t read_varint(struct reader *r);
/* For enums: more than 'most' is bad as well. */
uint64_t read_varint_to(struct reader *r, uint64_t most);
struct sv read_counted(struct reader *r); /* a view into the input */

#endif

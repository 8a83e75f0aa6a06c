#include "base/buf.h"

#include <stdarg.h>

#include "base/panic.h"

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_finish(struct buf *b)
{
	free(b->ptr);
	*b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->full = false;
	if (b->ptr)
		b->ptr[0] = '\0';
}

/* Room for 'more' bytes and the NUL, or false with 'full' set. */
static bool reserve(struct buf *b, size_t more)
{
	if (b->full || more > b->max - b->len) {
		b->full = true;
		return false;
	}
	size_t need = b->len + more + 1;
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap : 256;
		while (cap < need)
			cap *= 2;
		b->ptr = must_realloc(b->ptr, cap);
		b->cap = cap;
	}
	return true;
}

void buf_add(struct buf *b, struct sv s)
{
	if (!reserve(b, s.len))
		return;
	if (s.len)
		memcpy(b->ptr + b->len, s.ptr, s.len);
	b->len += s.len;
	b->ptr[b->len] = '\0';
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, sv_make(&c, 1));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		panic("buf_addf: bad format '%s'", fmt);
	if (reserve(b, (size_t)n)) {
		vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void buf_add_url(struct buf *b, struct sv s)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     (c >= '0' && c <= '9') || c == '-' || c == '.' ||
			     c == '_' || c == '~';
		if (plain)
			buf_addc(b, (char)c);
		else
			buf_add(b, sv_make((char[]){ '%', hex[c >> 4], hex[c & 15] }, 3));
	}
}

void buf_add_base64url(struct buf *b, const void *data, size_t len)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *p = data;
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t group = (uint32_t)p[i] << 16;
		if (n > 1)
			group |= (uint32_t)p[i + 1] << 8;
		if (n > 2)
			group |= p[i + 2];
		for (size_t k = 0; k <= n; k++)
			buf_addc(b, digit[(group >> (18 - 6 * k)) & 63]);
	}
}

void buf_add_varint(struct buf *b, uint64_t n)
{
	char byte[10];
	size_t len = 0;
	for (; n >= 0x80; n >>= 7)
		byte[len++] = (char)(n | 0x80);
	byte[len++] = (char)n;
	buf_add(b, sv_make(byte, len));
}

void buf_add_counted(struct buf *b, struct sv s)
{
	buf_add_varint(b, s.len);
	buf_add(b, s);
}

uint64_t read_varint(struct reader *r)
{
	uint64_t n = 0;
	for (unsigned shift = 0; shift < 64 && r->left.len && !r->bad; shift += 7) {
		unsigned char c = (unsigned char)r->left.ptr[0];
		r->left.ptr++, r->left.len--;
		n |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return n;
	}
	r->bad = true;
	return 0;
}

uint64_t read_varint_to(struct reader *r, uint64_t most)
{
	uint64_t n = read_varint(r);
	if (n <= most)
		return n;
	r->bad = true;
	return 0;
}

struct sv read_counted(struct reader *r)
{
	uint64_t n = read_varint(r);
	if (r->bad || n > r->left.len) {
		r->bad = true;
		return SV_NONE;
	}
	struct sv s = sv_make(r->left.ptr, (size_t)n);
	r->left.ptr += n, r->left.len -= (size_t)n;
	return s;
}

void buf_add_hex(struct buf *b, struct sv bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		buf_addf(b, "%02x", (unsigned char)bytes.ptr[i]);
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool buf_from_hex(struct buf *out, struct sv text)
{
	for (size_t i = 0; i + 1 < text.len; i += 2) {
		int high = nibble(text.ptr[i]), low = nibble(text.ptr[i + 1]);
		if (high < 0 || low < 0)
			return false;
		buf_addc(out, (char)(high * 16 + low));
	}
	return text.len % 2 == 0;
}

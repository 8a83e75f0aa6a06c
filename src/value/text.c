#include <utf8proc.h>

#include "base/panic.h"
#include "value/canon.h"

/* Nearly every value is plain ASCII, which is NFC as it stands. */
static bool plain(struct sv s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] >= 0x80 || s.ptr[i] == '\0' || s.ptr[i] == '\r')
			return false;
	return true;
}

/* CRLF and CR become LF, in place. Systems disagree on line ends of long text
 * and some rewrite them, so none of the three may look like an edit. */
static size_t unify_line_ends(char *s, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\r' && i + 1 < len && s[i + 1] == '\n')
			continue;
		s[n++] = s[i] == '\r' ? '\n' : s[i];
	}
	return n;
}

/* The input as NFC in the arena. */
static bool compose(struct sv in, struct arena *a, struct sv *out)
{
	utf8proc_uint8_t *nfc = NULL;
	utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)in.ptr,
					  (utf8proc_ssize_t)in.len, &nfc,
					  UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	if (n == UTF8PROC_ERROR_NOMEM)
		panic("out of memory composing %zu bytes", in.len);
	if (n < 0)
		return false;
	*out = arena_sv(a, sv_make(nfc, (size_t)n));
	free(nfc);
	return true;
}

bool text_normalise(struct sv in, struct arena *a, struct sv *out, struct err *err)
{
	if (plain(in)) {
		*out = in;
		return true;
	}
	if (memchr(in.ptr, '\0', in.len))
		return value_refuse(err, SV_NONE, "text with a NUL cannot be kept");
	char *copy = arena_str(a, in);
	struct sv unified = sv_make(copy, unify_line_ends(copy, in.len));
	if (!compose(unified, a, out))
		return value_refuse(err, SV_NONE, "text is not UTF-8");
	return true;
}

bool text_canonical(struct sv in, struct arena *a, struct sv *out, struct err *err)
{
	if (!text_normalise(in, a, out, err))
		return false;
	*out = sv_trim(*out);
	return true;
}

struct sv text_lower(struct sv in, struct arena *a)
{
	/* A lower-case letter may need more bytes than its capital, at most
	 * twice as many plus one; four a byte is safely above. */
	char *low = arena_alloc(a, in.len * 4 + 4);
	size_t n = 0;
	while (in.len) {
		utf8proc_int32_t c;
		utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)in.ptr,
							 (utf8proc_ssize_t)in.len, &c);
		if (used <= 0)
			panic("text_lower: text is not canonical");
		n += (size_t)utf8proc_encode_char(utf8proc_tolower(c),
						  (utf8proc_uint8_t *)low + n);
		in.ptr += used, in.len -= (size_t)used;
	}
	/* Lowering can leave a pair that composes further. */
	struct sv out;
	if (plain(sv_make(low, n)))
		return sv_make(low, n);
	if (!compose(sv_make(low, n), a, &out))
		panic("text_lower: made text that is not UTF-8");
	return out;
}

static bool starts_char(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t text_chars(struct sv s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += starts_char(s.ptr[i]);
	return n;
}

struct sv text_first(struct sv s, size_t n)
{
	for (size_t i = 0; i < s.len; i++)
		if (starts_char(s.ptr[i]) && n-- == 0)
			return sv_make(s.ptr, i);
	return s;
}

/* Words that people type: quoting them, and guessing what they meant. */
#include "treaty/doc.h"

#include <ctype.h>

enum { QUOTE_MAX = 60 };

const char *doc_quote(struct doc *d, const char *text)
{
	size_t n = 0, len = strlen(text);
	while (n < len && n < QUOTE_MAX)
		n++;
	while (n < len && n && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--; /* not inside a character */
	return arena_printf(d->arena, "'%.*s%s'", (int)n, text, n < len ? "..." : "").ptr;
}

const char *doc_suggest(struct doc *d, const char *word, const char *const *names, int n)
{
	struct sv w = sv_of(word);
	/* short words are near to everything */
	unsigned best = w.len < 4 ? 1 : w.len < 8 ? 2 : 3;
	const char *nearest = NULL;
	for (int i = 0; i < n; i++) {
		unsigned distance = sv_distance(w, sv_of(names[i]), best);
		if (distance <= best && (!nearest || distance < best)) {
			best = distance;
			nearest = names[i];
		}
	}
	return nearest ? arena_printf(d->arena, " (did you mean '%s'?)", nearest).ptr : "";
}

bool doc_is_name(struct sv name)
{
	if (name.len == 0 || name.len > 63 || !isalpha((unsigned char)name.ptr[0]))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.ptr[i]) && name.ptr[i] != '_')
			return false;
	return true;
}

bool doc_is_wildcard(const char *text)
{
	static const char *const words[] = { "all", "all_fields", "any", "everything" };
	if (strpbrk(text, "*%?"))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (sv_eq_nocase(sv_of(text), sv_of(words[i])))
			return true;
	return false;
}

bool duration_parse(struct sv text, int64_t *ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 },	 { "s", 1000 },	     { "m", 60000 },
		      { "h", 3600000 }, { "d", 86400000 }, { "w", 604800000 } };
	size_t n = 0;
	int64_t count;
	while (n < text.len && isdigit((unsigned char)text.ptr[n]))
		n++;
	if (!sv_to_i64(sv_make(text.ptr, n), &count) || count == 0)
		return false;
	struct sv unit = sv_make(text.ptr + n, text.len - n);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (sv_eq(unit, sv_of(units[i].unit)))
			return !__builtin_mul_overflow(count, units[i].ms, ms);
	return false;
}

#include <stdarg.h>

#include "base/panic.h"
#include "treaty/load.h"

void complaints_init(struct complaints *c, const char *file)
{
	*c = (struct complaints){ .file = file };
	arena_init(&c->arena);
}

void complaints_finish(struct complaints *c)
{
	arena_finish(&c->arena);
	free(c->list);
	*c = (struct complaints){ 0 };
}

/* One line whatever a document quotes: control characters would let a name in
 * a document forge lines of ours on a terminal or in a log. */
static struct sv one_line(struct arena *a, const char *s)
{
	char *copy = arena_str(a, sv_of(s));
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return sv_of(copy);
}

void complaints_add(struct complaints *c, struct place at, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* capacity is the next power of two, so that adding stays cheap */
	if ((c->n & (c->n - 1)) == 0)
		c->list = must_realloc(c->list, sizeof(*c->list) * (size_t)(c->n ? c->n * 2 : 1));
	c->list[c->n++] = (struct complaint){ at, one_line(&c->arena, text) };
}

static int by_place(const void *x, const void *y)
{
	const struct complaint *a = x, *b = y;
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line ? -1 : 1;
	if (a->place.column != b->place.column)
		return a->place.column < b->place.column ? -1 : 1;
	return sv_cmp(a->text, b->text);
}

void complaints_sort(struct complaints *c)
{
	if (c->n > 1)
		qsort(c->list, (size_t)c->n, sizeof(*c->list), by_place);
}

void complaints_print(const struct complaints *c, struct buf *out)
{
	for (int i = 0; i < c->n; i++) {
		struct place at = c->list[i].place;
		buf_addf(out, "%s:", c->file);
		if (at.line)
			buf_addf(out, "%d:%d:", at.line, at.column);
		buf_addf(out, " %.*s\n", SV_ARG(c->list[i].text));
	}
}

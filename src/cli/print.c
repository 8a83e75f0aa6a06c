#include "cli/print.h"

#include <stdarg.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/panic.h"

/* -------------------------------------------------------------------- text */

/* The first byte of a character; the rest are 10xxxxxx. */
static bool begins(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

static size_t width(struct sv s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += begins(s.ptr[i]);
	return n;
}

/* C0, DEL, and C1 as UTF-8 spells it (0xc2 0x80..0x9f). */
static bool is_control(struct sv s, size_t i)
{
	unsigned char c = (unsigned char)s.ptr[i];
	return c < ' ' || c == 0x7f ||
	       (c == 0xc2 && i + 1 < s.len && ((unsigned char)s.ptr[i + 1] & 0xe0) == 0x80);
}

struct sv print_safe(struct sv text, size_t chars, struct arena *a)
{
	char *out = arena_alloc(a, text.len + 4);
	size_t n = 0, shown = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (begins(text.ptr[i]) && chars && shown++ == chars) {
			memcpy(out + n, "...", 3);
			return sv_make(out, n + 3);
		}
		if (!is_control(text, i)) {
			out[n++] = text.ptr[i];
			continue;
		}
		out[n++] = ' ';
		i += (unsigned char)text.ptr[i] == 0xc2;
	}
	return sv_make(out, n);
}

struct sv print_time(int64_t ms, int64_t now_ms, struct arena *a)
{
	time_t at = (time_t)(ms / 1000), now = (time_t)(now_ms / 1000);
	struct tm t, today;
	char text[40];
	localtime_r(&at, &t);
	localtime_r(&now, &today);
	strftime(text, sizeof(text), t.tm_year == today.tm_year ? "%b %d %H:%M:%S" : "%Y %b %d %H:%M:%S",
		 &t);
	return arena_sv(a, sv_of(text));
}

struct sv print_span(int64_t ms, struct arena *a)
{
	long long s = ms < 0 ? 0 : ms / 1000;
	if (s < 120)
		return arena_printf(a, "%lld s", s);
	if (s < 120 * 60)
		return arena_printf(a, "%lld min", s / 60);
	if (s < 48 * 3600)
		return arena_printf(a, "%lld h", s / 3600);
	return arena_printf(a, "%lld d", s / 86400);
}

struct sv print_number(int64_t n, struct arena *a)
{
	char digits[32], out[48];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n), k = 0;
	for (int i = 0; i < len; i++) {
		out[k++] = digits[i];
		if (digits[i] != '-' && i + 1 < len && (len - 1 - i) % 3 == 0)
			out[k++] = ',';
	}
	return arena_sv(a, sv_make(out, (size_t)k));
}

struct sv print_value(const struct treaty_field *f, struct value v, bool reveal, struct arena *a)
{
	if (f && f->confidential && !reveal && !value_blank(v) && v.kind != VALUE_UNKNOWN)
		return SV("(confidential)");
	return value_show(v, a);
}

/* ------------------------------------------------------------------ tables */

void table_init(struct table *t, const char *const *head, struct arena *a)
{
	*t = (struct table){ .a = a, .head = head };
	while (head[t->columns])
		t->columns++;
}

void table_add(struct table *t, struct sv cell)
{
	if (t->rows == t->cap) {
		struct sv *more = arena_array(t->a, struct sv, (size_t)t->cap * 2 + 64);
		if (t->rows)
			memcpy(more, t->cell, sizeof(*more) * (size_t)t->rows);
		t->cell = more;
		t->cap = t->cap * 2 + 64;
	}
	t->cell[t->rows++] = cell;
}

static void pad(size_t n, FILE *out)
{
	while (n--)
		fputc(' ', out);
}

static void put_row(const struct table *t, const struct sv *cell, const size_t *wide,
		    const char *indent, FILE *out)
{
	fputs(indent, out);
	for (int c = 0; c < t->columns; c++) {
		size_t gap = wide[c] - width(cell[c]);
		bool right = t->head[c][0] == '>', last = c == t->columns - 1;
		pad(c ? 2 : 0, out);
		if (right)
			pad(gap, out);
		fprintf(out, "%.*s", SV_ARG(cell[c]));
		if (!right && !last)
			pad(gap, out);
	}
	fputc('\n', out);
}

void table_print(struct table *t, const char *indent, FILE *out)
{
	size_t *wide = arena_array(t->a, size_t, t->columns);
	struct sv *head = arena_array(t->a, struct sv, t->columns);
	for (int c = 0; c < t->columns; c++) {
		head[c] = sv_of(t->head[c] + (t->head[c][0] == '>'));
		wide[c] = width(head[c]);
	}
	for (int i = 0; i < t->rows; i++) {
		size_t n = width(t->cell[i]);
		if (n > wide[i % t->columns])
			wide[i % t->columns] = n;
	}
	put_row(t, head, wide, indent, out);
	for (int i = 0; i + t->columns <= t->rows; i += t->columns)
		put_row(t, t->cell + i, wide, indent, out);
}

/* -------------------------------------------------------------------- JSON */

void print_json(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

void json_put_time(struct json_object *o, const char *key, int64_t ms)
{
	char text[TIME_TEXT_SIZE];
	if (ms)
		time_format_ms(ms, text);
	json_object_object_add(o, key, ms ? json_object_new_string(text) : NULL);
}

void json_put_text_or_null(struct json_object *o, const char *key, struct sv s)
{
	json_object_object_add(o, key, s.len ? json_from_sv(s) : NULL);
}

/* ---------------------------------------------------------------- progress */

enum { TERMINAL_MS = 100, SPARSE_MS = 5000 };

void progress_init(struct progress *p)
{
	*p = (struct progress){ .terminal = isatty(STDERR_FILENO) };
	p->last_ms = p->terminal ? 0 : clock_now(clock_real());
}

void progress_show(struct progress *p, const char *fmt, ...)
{
	int64_t now = clock_now(clock_real());
	char line[200];
	va_list ap;
	if (now - p->last_ms < (p->terminal ? TERMINAL_MS : SPARSE_MS))
		return;
	p->last_ms = now;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* back to the first column, and erase what was longer */
	fprintf(stderr, p->terminal ? "\r%s\033[K" : "%s\n", line);
	p->open = p->terminal;
}

void progress_end(struct progress *p)
{
	if (p->open)
		fputs("\r\033[K", stderr);
	p->open = false;
	p->last_ms = p->terminal ? 0 : p->last_ms;
}

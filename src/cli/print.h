/* print.h - results for people: lines, tables, times, one JSON value.
 *
 * Text from the systems never reaches a terminal as it is: control characters
 * in a record's value could repaint the screen of whoever reads it. */
#ifndef TREATY_CLI_PRINT_H
#define TREATY_CLI_PRINT_H

#include <stdio.h>

#include "base/arena.h"
#include "base/json.h"
#include "treaty/treaty.h"

/* One line, safe to print, at most 'chars' characters (0: all), the rest cut to
 * '...'. */
struct sv print_safe(struct sv text, size_t chars, struct arena *a);

/* 'Nov 23 14:02:11', local time; with the year when it is another one. */
struct sv print_time(int64_t ms, int64_t now_ms, struct arena *a);
/* '12 s', '5 min', '3 h', '4 d' */
struct sv print_span(int64_t ms, struct arena *a);
/* 1,234,567 */
struct sv print_number(int64_t n, struct arena *a);
/* A side for people: the treaty's system, 'bullhorn', when it differs. */
struct sv print_value(const struct treaty_field *f, struct value v, bool reveal, struct arena *a);

/* A table: columns as wide as what is in them, numbers to the right. Rows are
 * texts in the caller's arena. */
struct table {
	struct arena *a;
	const char *const *head; /* ends in NULL; a '>' before it: to the right */
	struct sv *cell;
	int columns, rows, cap;
};

void table_init(struct table *t, const char *const *head, struct arena *a);
void table_add(struct table *t, struct sv cell); /* row after row */
void table_print(struct table *t, const char *indent, FILE *out);

/* The result, one line, and frees it. */
void print_json(struct json_object *o);
/* 'null' for a time of 0; ISO 8601 in UTC. */
void json_put_time(struct json_object *o, const char *key, int64_t ms);
void json_put_text_or_null(struct json_object *o, const char *key, struct sv s);

/* One line of progress on stderr: rewritten in place on a terminal, else a
 * line every few seconds. */
struct progress {
	bool terminal, open;
	int64_t last_ms;
};

void progress_init(struct progress *p);
void progress_show(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void progress_end(struct progress *p);

#endif

/* rows.h - rows of a system's answers: which fields to ask for, and how their
 * values are read and written. Pure. */
#ifndef TREATY_REST_ROWS_H
#define TREATY_REST_ROWS_H

#include "base/json.h"
#include "systems/connector.h"
#include "systems/rest/description.h"

/* The 'fields' of a request: each name once, in order of first mention, parts
 * under their whole: 'id,address(city,state),candidate(id),skillList'. A set
 * with a part ('categories.name') is a to-many list: 'categories[10](name)'.
 * 'more' are plain paths (NULL ones are skipped) before the fields. */
struct sv rows_selector(const struct rest_description *d, const char *const *more, int more_n,
			const struct field_ref *field, int field_n, struct arena *a);

/* The value of a field in a row. Unknown where the row does not have it, where
 * a to-many list was cut short (fewer members than its total), and where it
 * does not fit the type. */
struct value rows_value(const struct rest_description *d, struct json_object *row,
			const struct field_ref *f, struct arena *a);

/* The rows of an answer, which may be an array, one object under the data
 * path, or the bare object itself: *n of them, the i-th by rows_at. False when
 * it is none of these. */
struct rows_list {
	struct json_object *array, *single;
	size_t n;
};
bool rows_list(const struct rest_description *d, struct json_object *body, struct rows_list *out);
struct json_object *rows_at(const struct rows_list *l, size_t i);

/* id, existence, stamp and values of one row. False when it has no id. */
bool rows_read(const struct rest_description *d, const struct rest_object *o,
	       struct json_object *json, const struct field_ref *field, int field_n,
	       struct arena *a, struct row *out);

/* The body of a write: {"status": "Placed", "address": {"city": ...}}. NULL
 * with *bad at the field that cannot be written this way. */
struct json_object *rows_body(const struct rest_description *d, const struct write_field *field,
			      int n, const char **bad, struct err *err);

/* One condition of a where text in JPQL: "email = 'a@example.com'". Text is
 * quoted with ' (doubled inside), times are numbers or quoted as the dialect
 * writes them, references compare their id. False with ERR_UNSUPPORTED for
 * sets and unknown values. */
bool jpql_equal(const struct rest_description *d, const struct write_field *f, struct buf *out,
		struct err *err);
/* FIELD >= the time, in the spelling of its system. */
void jpql_since(const struct rest_description *d, const char *api, int64_t since_ms,
		struct buf *out);
void jpql_text(struct buf *out, struct sv text);

#endif

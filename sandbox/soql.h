/* soql.h - the part of SOQL that integrations use: SELECT of fields (one
 * parent deep), COUNT(), WHERE with AND OR NOT, = != < <= > >= LIKE IN NOT IN
 * INCLUDES EXCLUDES, dates and date literals, ORDER BY, LIMIT, OFFSET.
 *
 * A parsed query lives in the arena it was parsed into and names fields by
 * number; it is good as long as the tables are. What a caller may not read
 * does not exist for it. Errors are as the service words them, with the place
 * (SOQL reference: comparison operators, date formats and literals). */
#ifndef SANDBOX_SOQL_H
#define SANDBOX_SOQL_H

#include "salesforce.h"

enum soql_op {
	SOQL_EQ, SOQL_NE, SOQL_LT, SOQL_LE, SOQL_GT, SOQL_GE,
	SOQL_LIKE, SOQL_IN, SOQL_NOT_IN, SOQL_INCLUDES, SOQL_EXCLUDES,
};

enum soql_kind { SOQL_NULL, SOQL_STRING, SOQL_NUMBER, SOQL_BOOL, SOQL_TIME };

struct soql_literal {
	enum soql_kind kind;
	struct sv text;		/* without quotes and escapes */
	int64_t from_ms, to_ms; /* SOQL_TIME: a range, [from, to) */
};

/* A field of the object, or through a lookup ('via') of its parent. */
struct soql_path {
	int via; /* -1 = the object's own */
	const struct table *table; /* that 'field' belongs to */
	int field;
};

enum soql_node_kind { SOQL_AND, SOQL_OR, SOQL_NOT, SOQL_COMPARE };

struct soql_node {
	enum soql_node_kind kind;
	struct soql_node *left, *right;
	struct soql_path path;
	enum soql_op op;
	struct soql_literal *values;
	size_t values_len;
};

struct soql_order {
	struct soql_path path;
	bool descending, nulls_last;
};

struct soql_query {
	struct table *table;
	bool count; /* COUNT() */
	bool count_id; /* COUNT(Id): one row with expr0 */
	struct soql_path *select;
	size_t select_len;
	struct soql_node *where; /* NULL = all */
	struct soql_order order[4];
	size_t order_len;
	int64_t limit; /* -1 = none */
	int64_t offset;
};

/* NULL with *e filled. 'who' may be NULL: sees everything. */
struct soql_query *soql_parse(struct salesforce *sf, struct arena *a, const struct sf_session *who,
			      struct sv text, struct sf_error *e);

/* The rows in order; deleted ones only when 'all'. The array is malloc'd. */
struct row **soql_run(struct arena *a, const struct soql_query *q, bool all, size_t *n);
bool soql_match(struct arena *a, const struct soql_node *where, const struct row *r);
/* LIKE: '%' any run, '_' any one character; ASCII case is ignored. */
bool soql_like(struct sv text, struct sv pattern);

#endif

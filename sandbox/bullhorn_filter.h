/* bullhorn_filter.h - which rows a 'where' or a 'query' asks for.
 *
 * Bullhorn has two languages for it: query/ takes a subset of JPQL and reads
 * the database, search/ takes Lucene 4 syntax and reads an index that lags
 * (rest-api-docs _query.md, _search.md). Both are parsed into one tree, which
 * knows nothing of how rows are kept: names are resolved once, at parse time,
 * and values are asked for through a function.
 *
 * A tree lives in the arena it was parsed into, together with the text it was
 * parsed from; it is read only afterwards and may be shared. Errors are
 * ERR_BAD_INPUT with a message fit for the API's error envelope. */
#ifndef SANDBOX_BULLHORN_FILTER_H
#define SANDBOX_BULLHORN_FILTER_H

#include "base/arena.h"
#include "base/err.h"

enum filter_kind { FILTER_NULL, FILTER_NUMBER, FILTER_BOOL, FILTER_TEXT };

/* Numbers are in ten-thousandths, so that rates such as 82.0000 compare
 * exactly; milliseconds since 1970 still fit. Booleans are 0 and 1. The text
 * of a multi-value field is its values, one a line. */
enum { FILTER_SCALE = 10000 };

struct filter_value {
	enum filter_kind kind;
	int64_t number;
	struct sv text;
};

/* A resolved name: the way through to-one fields to a plain one. What the
 * numbers mean is the resolver's business. */
enum { FILTER_MAX_HOPS = 4 };

struct filter_field {
	enum filter_kind kind; /* of every value it can have, besides null */
	uint8_t hops;	       /* before the last of them */
	bool is_id;	       /* the row's own id */
	int hop[FILTER_MAX_HOPS];
};

struct filter_schema {
	/* False: no such field. */
	bool (*resolve)(const struct filter_schema *s, struct sv path, struct filter_field *out);
};

struct filter_row {
	struct filter_value (*get)(const struct filter_row *row, const struct filter_field *f);
};

enum filter_op {
	FILTER_ALL,
	FILTER_AND,
	FILTER_OR,
	FILTER_NOT,
	FILTER_EQ,
	FILTER_NE,
	FILTER_LT,
	FILTER_LE,
	FILTER_GT,
	FILTER_GE,
	FILTER_IN,
	FILTER_LIKE,
	FILTER_IS_NULL,
	FILTER_WORDS,  /* the field's words hold these, in this order */
	FILTER_PREFIX, /* the same, and the last is the beginning of a word */
};

struct filter {
	enum filter_op op;
	bool null_is_no;	     /* a search index has no third truth value */
	struct filter *left, *right; /* AND, OR; NOT has only left */
	struct filter_field field;
	struct filter_value *values; /* one, or for IN sorted */
	size_t values_len;
};

enum { FILTER_MAX_TEXT = 1 << 20, FILTER_MAX_DEPTH = 64 };

struct filter *filter_parse_jpql(struct sv text, const struct filter_schema *schema,
				 struct arena *arena, struct err *err);
struct filter *filter_parse_lucene(struct sv text, const struct filter_schema *schema,
				   struct arena *arena, struct err *err);

/* In JPQL a comparison with null is neither true nor false, and so is NOT of
 * one; in Lucene it is false, and NOT of it true. */
bool filter_match(const struct filter *f, const struct filter_row *row);

/* What the filter says of the row's own id, to spare a scan: every match has
 * an id in 'ids' (when not NULL; ascending, unscaled, in the arena) and in
 * low..high. */
struct filter_ids {
	int64_t low, high;
	const int64_t *ids;
	size_t ids_len;
};
struct filter_ids filter_ids(const struct filter *f, struct arena *arena);

/* A plain decimal with at most four places after the point. */
bool filter_number(struct sv text, int64_t *scaled);

/* Orders nulls first, text without regard to ASCII case (as the collation of
 * the real database does). */
int filter_value_cmp(const struct filter_value *a, const struct filter_value *b);

#endif

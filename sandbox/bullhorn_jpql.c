/* The where clause of query/: a JPQL subset over one entity. */
#include <ctype.h>

#include "base/panic.h"
#include "bullhorn_filter.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_NUMBER, TOKEN_STRING, TOKEN_SIGN, TOKEN_BAD };

struct parser {
	struct sv left;
	enum token_kind kind;
	struct sv token; /* of a string: what it says */
	unsigned depth;
	const struct filter_schema *schema;
	struct arena *arena;
	struct err *err;
};

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* '' within quotes is one quote. */
static void scan_string(struct parser *p)
{
	char quote = p->left.ptr[0];
	char *out = arena_alloc(p->arena, p->left.len);
	size_t n = 0, i = 1;
	for (; i < p->left.len; i++) {
		if (p->left.ptr[i] == quote) {
			if (i + 1 == p->left.len || p->left.ptr[i + 1] != quote)
				break;
			i++;
		}
		out[n++] = p->left.ptr[i];
	}
	p->kind = i < p->left.len ? TOKEN_STRING : TOKEN_BAD;
	p->token = sv_make(out, n);
	if (p->kind == TOKEN_STRING)
		i++;
	p->left = sv_make(p->left.ptr + i, p->left.len - i);
}

static void take_bytes(struct parser *p, enum token_kind kind, size_t n)
{
	p->kind = kind;
	p->token = sv_make(p->left.ptr, n);
	p->left = sv_make(p->left.ptr + n, p->left.len - n);
}

static void next(struct parser *p)
{
	static const char *const signs[] = { "<>", "<=", ">=", "!=", "=", "<", ">", "(", ")", "," };
	while (p->left.len && isspace((unsigned char)p->left.ptr[0]))
		p->left = sv_make(p->left.ptr + 1, p->left.len - 1);
	if (p->left.len == 0) {
		take_bytes(p, TOKEN_END, 0);
		return;
	}
	char c = p->left.ptr[0];
	if (c == '\'' || c == '"') {
		scan_string(p);
		return;
	}
	size_t n = c == '-' ? 1 : 0;
	while (n < p->left.len && is_word_byte(p->left.ptr[n]))
		n++;
	if (n > (c == '-')) {
		bool number = c == '-' || isdigit((unsigned char)c);
		take_bytes(p, number ? TOKEN_NUMBER : TOKEN_WORD, n);
		return;
	}
	for (size_t i = 0; i < countof(signs); i++)
		if (sv_starts(p->left, sv_of(signs[i]))) {
			take_bytes(p, TOKEN_SIGN, strlen(signs[i]));
			return;
		}
	take_bytes(p, TOKEN_BAD, 1);
}

static bool at_word(const struct parser *p, const char *word)
{
	return p->kind == TOKEN_WORD && sv_eq_nocase(p->token, sv_of(word));
}

static bool at_sign(const struct parser *p, const char *sign)
{
	return p->kind == TOKEN_SIGN && sv_eq(p->token, sv_of(sign));
}

static bool accept_word(struct parser *p, const char *word)
{
	if (!at_word(p, word))
		return false;
	next(p);
	return true;
}

static struct filter *unexpected(struct parser *p, const char *wanted)
{
	if (p->kind == TOKEN_END)
		err_set(p->err, ERR_BAD_INPUT,
			"error parsing where clause: ends where %s is expected", wanted);
	else
		err_set(p->err, ERR_BAD_INPUT,
			"error parsing where clause: unexpected token '%.*s', expected %s",
			SV_ARG(p->token), wanted);
	return NULL;
}

static bool expect_sign(struct parser *p, const char *sign)
{
	if (!at_sign(p, sign)) {
		unexpected(p, sign);
		return false;
	}
	next(p);
	return true;
}

static struct filter *node(struct parser *p, enum filter_op op)
{
	struct filter *f = arena_new(p->arena, struct filter);
	f->op = op;
	return f;
}

/* A literal for the field; one of the wrong kind is an error, as a database
 * would say. */
static bool literal(struct parser *p, const struct filter_field *f, struct filter_value *out)
{
	*out = (struct filter_value){ .kind = f->kind, .text = p->token };
	bool good = false;
	switch (f->kind) {
	case FILTER_NUMBER:
		good = p->kind == TOKEN_NUMBER && filter_number(p->token, &out->number);
		break;
	case FILTER_BOOL:
		out->number = at_word(p, "true") ||
			      (p->kind == TOKEN_NUMBER && sv_eq(p->token, SV("1")));
		good = out->number || at_word(p, "false") ||
		       (p->kind == TOKEN_NUMBER && sv_eq(p->token, SV("0")));
		break;
	default:
		good = p->kind == TOKEN_STRING;
	}
	if (!good) {
		unexpected(p, f->kind == FILTER_NUMBER ? "a number"
			      : f->kind == FILTER_BOOL ? "true or false"
						       : "a string");
		return false;
	}
	next(p);
	return true;
}

static int by_value(const void *a, const void *b)
{
	return filter_value_cmp(a, b);
}

static struct filter *parse_in(struct parser *p, struct filter *f)
{
	size_t cap = 0;
	f->op = FILTER_IN;
	if (!expect_sign(p, "("))
		return NULL;
	do {
		if (f->values_len == cap) {
			size_t more = cap ? cap * 2 : 16;
			struct filter_value *grown = arena_array(p->arena, struct filter_value,
								 more);
			if (cap)
				memcpy(grown, f->values, cap * sizeof(*grown));
			f->values = grown;
			cap = more;
		}
		if (!literal(p, &f->field, &f->values[f->values_len]))
			return NULL;
		f->values_len++;
		if (!at_sign(p, ","))
			break;
		next(p);
	} while (true);
	qsort(f->values, f->values_len, sizeof(*f->values), by_value);
	return expect_sign(p, ")") ? f : NULL;
}

static struct filter *negate(struct parser *p, bool negated, struct filter *f)
{
	if (!negated || !f)
		return f;
	struct filter *n = node(p, FILTER_NOT);
	n->left = f;
	return n;
}

static struct filter *parse_comparison(struct parser *p, struct filter *f)
{
	static const struct {
		const char *sign;
		enum filter_op op;
	} ops[] = { { "=", FILTER_EQ }, { "<>", FILTER_NE }, { "!=", FILTER_NE },
		    { "<", FILTER_LT }, { "<=", FILTER_LE }, { ">", FILTER_GT },
		    { ">=", FILTER_GE } };
	size_t i = 0;
	while (i < countof(ops) && !at_sign(p, ops[i].sign))
		i++;
	if (i == countof(ops))
		return unexpected(p, "a comparison");
	next(p);
	f->op = ops[i].op;
	f->values = arena_new(p->arena, struct filter_value);
	f->values_len = 1;
	return literal(p, &f->field, f->values) ? f : NULL;
}

static struct filter *parse_predicate(struct parser *p)
{
	struct filter *f = node(p, FILTER_ALL);
	if (p->kind != TOKEN_WORD)
		return unexpected(p, "a field");
	if (!p->schema->resolve(p->schema, p->token, &f->field)) {
		err_set(p->err, ERR_BAD_INPUT, "error parsing where clause: unknown field '%.*s'",
			SV_ARG(p->token));
		return NULL;
	}
	next(p);
	if (accept_word(p, "is")) {
		bool negated = accept_word(p, "not");
		f->op = FILTER_IS_NULL;
		if (!accept_word(p, "null"))
			return unexpected(p, "NULL");
		return negate(p, negated, f);
	}
	bool negated = accept_word(p, "not");
	if (accept_word(p, "in"))
		return negate(p, negated, parse_in(p, f));
	if (accept_word(p, "like")) {
		if (f->field.kind != FILTER_TEXT)
			return unexpected(p, "a comparison that numbers have");
		f->op = FILTER_LIKE;
		f->values = arena_new(p->arena, struct filter_value);
		f->values_len = 1;
		return literal(p, &f->field, f->values) ? negate(p, negated, f) : NULL;
	}
	return negated ? unexpected(p, "IN or LIKE") : parse_comparison(p, f);
}

static struct filter *parse_or(struct parser *p);

static struct filter *parse_not(struct parser *p)
{
	struct filter *f;
	if (p->depth++ >= FILTER_MAX_DEPTH) {
		err_set(p->err, ERR_BAD_INPUT, "error parsing where clause: nested too deeply");
		return NULL;
	}
	if (accept_word(p, "not")) {
		f = negate(p, true, parse_not(p));
	} else if (at_sign(p, "(")) {
		next(p);
		f = parse_or(p);
		if (f && !expect_sign(p, ")"))
			f = NULL;
	} else {
		f = parse_predicate(p);
	}
	p->depth--;
	return f;
}

static struct filter *join(struct parser *p, enum filter_op op, struct filter *left,
			   struct filter *right)
{
	struct filter *f = node(p, op);
	f->left = left;
	f->right = right;
	return right ? f : NULL;
}

static struct filter *parse_and(struct parser *p)
{
	struct filter *f = parse_not(p);
	while (f && accept_word(p, "and"))
		f = join(p, FILTER_AND, f, parse_not(p));
	return f;
}

static struct filter *parse_or(struct parser *p)
{
	struct filter *f = parse_and(p);
	while (f && accept_word(p, "or"))
		f = join(p, FILTER_OR, f, parse_and(p));
	return f;
}

struct filter *filter_parse_jpql(struct sv text, const struct filter_schema *schema,
				 struct arena *arena, struct err *err)
{
	struct parser p = { .left = text, .schema = schema, .arena = arena, .err = err };
	if (text.len > FILTER_MAX_TEXT) {
		err_set(err, ERR_BAD_INPUT, "error parsing where clause: longer than %d bytes",
			FILTER_MAX_TEXT);
		return NULL;
	}
	next(&p);
	struct filter *f = parse_or(&p);
	if (f && p.kind != TOKEN_END)
		return unexpected(&p, "AND or OR");
	return f;
}

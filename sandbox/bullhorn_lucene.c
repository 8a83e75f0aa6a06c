/* The query of search/: the part of Lucene's classic syntax that clients of
 * Bullhorn write. AND binds tighter than OR, which is also what stands between
 * two clauses with nothing in between, unless one is marked '+' or '-'. */
#include <ctype.h>

#include "base/clock.h"
#include "bullhorn_filter.h"

struct parser {
	struct sv left;
	unsigned depth;
	bool has_field; /* a field is in force: status:(a OR b) */
	struct filter_field field;
	const struct filter_schema *schema;
	struct arena *arena;
	struct err *err;
};

static void skip(struct parser *p, size_t n)
{
	p->left = sv_make(p->left.ptr + n, p->left.len - n);
}

static char peek(struct parser *p)
{
	while (p->left.len && isspace((unsigned char)p->left.ptr[0]))
		skip(p, 1);
	return p->left.len ? p->left.ptr[0] : '\0';
}

static struct filter *bad(struct parser *p, const char *why)
{
	err_set(p->err, ERR_BAD_INPUT, "Cannot parse search query: %s at '%.*s'", why,
		(int)(p->left.len < 40 ? p->left.len : 40), p->left.len ? p->left.ptr : "");
	return NULL;
}

static struct filter *node(struct parser *p, enum filter_op op)
{
	struct filter *f = arena_new(p->arena, struct filter);
	f->op = op;
	f->field = p->field;
	f->null_is_no = true;
	return f;
}

static struct filter *join(struct parser *p, enum filter_op op, struct filter *left,
			   struct filter *right)
{
	if (!left || !right)
		return left ? left : right;
	struct filter *f = node(p, op);
	f->left = left;
	f->right = right;
	return f;
}

static struct filter *negate(struct parser *p, struct filter *of)
{
	struct filter *f = node(p, FILTER_NOT);
	f->left = of;
	return of ? f : NULL;
}

static bool ends_term(char c)
{
	return isspace((unsigned char)c) || strchr("()[]{}:\"", c) != NULL;
}

/* A bare term; a backslash makes the next byte ordinary. */
static struct sv term(struct parser *p)
{
	peek(p);
	char *out = arena_alloc(p->arena, p->left.len + 1);
	size_t n = 0, i = 0;
	while (i < p->left.len && !ends_term(p->left.ptr[i])) {
		if (p->left.ptr[i] == '\\' && i + 1 < p->left.len)
			i++;
		out[n++] = p->left.ptr[i++];
	}
	skip(p, i);
	return sv_make(out, n);
}

static bool quoted(struct parser *p, struct sv *out)
{
	char *text = arena_alloc(p->arena, p->left.len);
	size_t n = 0, i = 1;
	while (i < p->left.len && p->left.ptr[i] != '"') {
		if (p->left.ptr[i] == '\\' && i + 1 < p->left.len)
			i++;
		text[n++] = p->left.ptr[i++];
	}
	if (i >= p->left.len) {
		bad(p, "quote without an end");
		return false;
	}
	skip(p, i + 1);
	*out = sv_make(text, n);
	return true;
}

/* Dates are indexed by day and second: 20261123 and 20261123100000 mean UTC;
 * longer numbers are milliseconds. 'last' asks for the last one meant. */
static bool number_of(struct sv s, bool last, int64_t *scaled)
{
	int64_t n, day;
	if ((s.len != 8 && s.len != 14) || !sv_to_i64(s, &n) || s.ptr[0] == '-')
		return filter_number(s, scaled);
	int64_t date = s.len == 14 ? n / 1000000 : n, time = s.len == 14 ? n % 1000000 : 0;
	if (date < 19000101 ||
	    !date_to_days((int)(date / 10000), (int)(date / 100 % 100), (int)(date % 100), &day))
		return filter_number(s, scaled);
	int64_t ms = day * 86400000 +
		     (time / 10000 * 3600 + time / 100 % 100 * 60 + time % 100) * 1000;
	if (last)
		ms += (s.len == 14 ? 1000 : 86400000) - 1;
	*scaled = ms * FILTER_SCALE;
	return true;
}

static bool value_of(struct parser *p, struct sv s, bool last, struct filter_value *out)
{
	*out = (struct filter_value){ .kind = p->field.kind, .text = s };
	switch (p->field.kind) {
	case FILTER_NUMBER:
		if (number_of(s, last, &out->number))
			return true;
		break;
	case FILTER_BOOL:
		out->number = sv_eq(s, SV("1")) || sv_eq_nocase(s, SV("true"));
		if (out->number || sv_eq(s, SV("0")) || sv_eq_nocase(s, SV("false")))
			return true;
		break;
	default:
		return true;
	}
	err_set(p->err, ERR_BAD_INPUT, "Cannot parse search query: '%.*s' does not fit the field",
		SV_ARG(s));
	return false;
}

static struct filter *comparison(struct parser *p, enum filter_op op, struct sv s, bool last)
{
	struct filter *f = node(p, op);
	f->values = arena_new(p->arena, struct filter_value);
	f->values_len = 1;
	return value_of(p, s, last, f->values) ? f : NULL;
}

static bool is_star(struct sv s)
{
	return sv_eq(s, SV("*"));
}

/* [a TO b] with the ends, {a TO b} without, '*' for no end. */
static struct filter *parse_range(struct parser *p)
{
	bool with_low = peek(p) == '[';
	skip(p, 1);
	struct sv low = term(p), to = term(p), high = term(p);
	char end = peek(p);
	if (!low.len || !high.len || !sv_eq(to, SV("TO")) || (end != ']' && end != '}'))
		return bad(p, "range is not [a TO b]");
	skip(p, 1);
	struct filter *f = negate(p, node(p, FILTER_IS_NULL));
	if (!is_star(low)) {
		struct filter *c = comparison(p, with_low ? FILTER_GE : FILTER_GT, low, !with_low);
		if (!c)
			return NULL;
		f = join(p, FILTER_AND, f, c);
	}
	if (!is_star(high)) {
		struct filter *c = comparison(p, end == ']' ? FILTER_LE : FILTER_LT, high,
					      end == ']');
		if (!c)
			return NULL;
		f = join(p, FILTER_AND, f, c);
	}
	return f;
}

static struct filter *word_filter(struct parser *p, struct sv text, bool phrase)
{
	if (!phrase && is_star(text))
		return negate(p, node(p, FILTER_IS_NULL));
	if (p->field.kind != FILTER_TEXT)
		return comparison(p, FILTER_EQ, text, false);
	bool prefix = !phrase && text.len > 1 && text.ptr[text.len - 1] == '*';
	if (prefix)
		text.len--;
	if (memchr(text.ptr, '*', text.len) || memchr(text.ptr, '?', text.len))
		return bad(p, "wildcards are understood only at the end of a word");
	return comparison(p, prefix ? FILTER_PREFIX : FILTER_WORDS, text, false);
}

static struct filter *parse_or(struct parser *p);

static struct filter *parse_group(struct parser *p)
{
	skip(p, 1);
	struct filter *f = parse_or(p);
	if (f && peek(p) != ')')
		return bad(p, "')' is missing");
	if (f)
		skip(p, 1);
	return f;
}

static struct filter *parse_value(struct parser *p)
{
	struct sv text;
	switch (peek(p)) {
	case '(':
		return parse_group(p);
	case '[':
	case '{':
		return parse_range(p);
	case '"':
		return quoted(p, &text) ? word_filter(p, text, true) : NULL;
	default:
		text = term(p);
		return text.len ? word_filter(p, text, false) : bad(p, "value is missing");
	}
}

static struct filter *parse_fielded(struct parser *p, struct sv name)
{
	struct parser outer = *p;
	if (!p->schema->resolve(p->schema, name, &p->field)) {
		err_set(p->err, ERR_BAD_INPUT, "Cannot parse search query: unknown field '%.*s'",
			SV_ARG(name));
		return NULL;
	}
	p->has_field = true;
	struct filter *f = parse_value(p);
	p->has_field = outer.has_field;
	p->field = outer.field;
	return f;
}

static struct filter *parse_clause(struct parser *p)
{
	struct parser at = *p;
	char c = peek(p);
	if (c == '(')
		return parse_group(p);
	if (c != '"' && c != '[' && c != '{') {
		struct sv name = term(p);
		if (name.len && p->left.len && p->left.ptr[0] == ':') {
			skip(p, 1);
			return parse_fielded(p, name);
		}
		if (sv_eq(name, SV("*")) && !p->has_field)
			return node(p, FILTER_ALL);
		*p = at;
	}
	if (!p->has_field)
		return bad(p, "a term needs a field here");
	return parse_value(p);
}

static bool accept(struct parser *p, const char *word, const char *sign)
{
	size_t n = strlen(word), m = strlen(sign);
	peek(p);
	if (sv_starts(p->left, sv_of(word)) && (p->left.len == n || ends_term(p->left.ptr[n]))) {
		skip(p, n);
		return true;
	}
	if (m && sv_starts(p->left, sv_of(sign))) {
		skip(p, m);
		return true;
	}
	return false;
}

static struct filter *parse_not(struct parser *p)
{
	if (p->depth >= FILTER_MAX_DEPTH)
		return bad(p, "nested too deeply");
	p->depth++;
	struct filter *f = accept(p, "NOT", "!") ? negate(p, parse_not(p)) : parse_clause(p);
	p->depth--;
	return f;
}

static struct filter *parse_and(struct parser *p)
{
	struct filter *f = parse_not(p);
	while (f && accept(p, "AND", "&&")) {
		struct filter *right = parse_not(p);
		f = right ? join(p, FILTER_AND, f, right) : NULL;
	}
	return f;
}

static bool at_end(struct parser *p)
{
	char c = peek(p);
	return c == '\0' || c == ')';
}

/* '+' clauses must match, those with '-' or a lone NOT must not, and the rest
 * is a choice that counts only where nothing is required. */
static struct filter *parse_or(struct parser *p)
{
	struct filter *must = NULL, *must_not = NULL, *may = NULL;
	if (at_end(p))
		return bad(p, "nothing to search for");
	while (!at_end(p)) {
		if (accept(p, "OR", "||") && at_end(p))
			return bad(p, "OR without a right side");
		char mark = peek(p);
		if (mark == '+' || mark == '-')
			skip(p, 1);
		bool not = mark == '!' || sv_starts(p->left, SV("NOT "));
		struct filter *f = mark == '+' || mark == '-' ? parse_not(p) : parse_and(p);
		if (!f)
			return NULL;
		if (mark == '+')
			must = join(p, FILTER_AND, must, f);
		else if (mark == '-')
			must_not = join(p, FILTER_AND, must_not, negate(p, f));
		else if (not &&f->op == FILTER_NOT)
			must_not = join(p, FILTER_AND, must_not, f);
		else
			may = join(p, FILTER_OR, may, f);
	}
	return join(p, FILTER_AND, must ? must : may, must_not);
}

struct filter *filter_parse_lucene(struct sv text, const struct filter_schema *schema,
				   struct arena *arena, struct err *err)
{
	struct parser p = { .left = text, .schema = schema, .arena = arena, .err = err };
	if (text.len > FILTER_MAX_TEXT) {
		err_set(err, ERR_BAD_INPUT, "Cannot parse search query: longer than %d bytes",
			FILTER_MAX_TEXT);
		return NULL;
	}
	struct filter *f = parse_or(&p);
	if (f && p.left.len)
		return bad(&p, "')' without '('");
	return f;
}

#include "base/panic.h"
#include "soql.h"

enum { NAMES_MAX = 256, VALUES_MAX = 4000, DEPTH_MAX = 32, DAY_MS = 86400000 };

enum token_kind { TOKEN_END, TOKEN_NAME, TOKEN_VALUE, TOKEN_STRING, TOKEN_SIGN };

struct token {
	enum token_kind kind;
	struct sv text; /* of a string: with its quotes */
	size_t at;
};

struct parser {
	struct salesforce *sf;
	struct arena *a;
	const struct sf_session *who;
	struct sv text;
	size_t at; /* behind the current token */
	struct token now;
	struct soql_query *q;
	struct sf_error *e;
	int depth;
};

/* The service shows the line with a caret, then the place, then the words. */
static bool fail(struct parser *p, size_t at, const char *code, struct sv words)
{
	size_t from = at > 40 ? at - 40 : 0;
	size_t len = p->text.len - from < 80 ? p->text.len - from : 80;
	return sf_fail(p->a, p->e, 400, code, "\n%.*s\n%*s^\nERROR at Row:1:Column:%zu\n%.*s", (int)len,
		       p->text.ptr + from, (int)(at - from), "", at + 1, SV_ARG(words));
}

static bool unexpected(struct parser *p)
{
	struct sv t = p->now.kind == TOKEN_END ? SV("<EOF>") : p->now.text;
	return fail(p, p->now.at, "MALFORMED_QUERY", arena_printf(p->a, "unexpected token: '%.*s'", SV_ARG(t)));
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

static size_t string_end(struct sv text, size_t i)
{
	for (i++; i < text.len && text.ptr[i] != '\''; i++)
		if (text.ptr[i] == '\\')
			i++;
	return i < text.len ? i + 1 : text.len;
}

static void next(struct parser *p)
{
	struct sv t = p->text;
	size_t i = p->at;
	while (i < t.len && (t.ptr[i] == ' ' || t.ptr[i] == '\n' || t.ptr[i] == '\t' || t.ptr[i] == '\r'))
		i++;
	size_t start = i;
	p->now = (struct token){ .kind = TOKEN_END, .at = i };
	if (i == t.len) {
		p->at = i;
		return;
	}
	char c = t.ptr[i];
	if (c == '\'') {
		p->now.kind = TOKEN_STRING;
		i = string_end(t, i);
	} else if ((c >= '0' && c <= '9') || c == '-' || c == '+') {
		p->now.kind = TOKEN_VALUE;
		for (i++; i < t.len && (is_name_char(t.ptr[i]) || strchr("-+:", t.ptr[i])); i++)
			;
	} else if (is_name_char(c)) {
		p->now.kind = TOKEN_NAME;
		while (i < t.len && (is_name_char(t.ptr[i]) || t.ptr[i] == ':'))
			i++;
	} else {
		p->now.kind = TOKEN_SIGN;
		i++;
		if (i < t.len && (t.ptr[i] == '=' || (c == '<' && t.ptr[i] == '>')) && strchr("<>!", c))
			i++;
	}
	p->now.text = sv_make(t.ptr + start, i - start);
	p->at = i;
}

static bool is_word(const struct parser *p, const char *word)
{
	return p->now.kind == TOKEN_NAME && sv_eq_nocase(p->now.text, sv_of(word));
}

static bool is_sign(const struct parser *p, const char *sign)
{
	return p->now.kind == TOKEN_SIGN && sv_eq(p->now.text, sv_of(sign));
}

static bool take_word(struct parser *p, const char *word)
{
	if (!is_word(p, word))
		return false;
	next(p);
	return true;
}

static bool take_sign(struct parser *p, const char *sign)
{
	if (!is_sign(p, sign))
		return false;
	next(p);
	return true;
}

/* ---- names ---- */

static bool no_column(struct parser *p, struct token name, const struct table *t, struct sv column)
{
	return fail(p, name.at, "INVALID_FIELD",
		    arena_printf(p->a,
				 "No such column '%.*s' on entity '%s'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.",
				 SV_ARG(column), t->def->name));
}

static bool resolve(struct parser *p, struct token name, struct soql_path *out)
{
	struct sv head, tail, more;
	const struct table *t = p->q->table;
	*out = (struct soql_path){ .via = -1, .table = t };
	if (!sv_cut(name.text, '.', &head, &tail)) {
		tail = head;
	} else if (sv_eq_nocase(head, sv_of(t->def->name)) && !sv_cut(tail, '.', &head, &more)) {
		; /* Contact.Name FROM Contact */
	} else {
		for (size_t i = 0; i < t->def->fields_len && out->via < 0; i++) {
			const char *relationship = t->def->fields[i].relationship;
			if (relationship && sv_eq_nocase(sv_of(relationship), head) &&
			    sf_may_read(p->who, t, (int)i))
				out->via = (int)i;
		}
		if (out->via < 0)
			return fail(p, name.at, "INVALID_FIELD",
				    arena_printf(p->a,
						 "Didn't understand relationship '%.*s' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.",
						 SV_ARG(head)));
		out->table = tables_find(t->all, sv_of(t->def->fields[out->via].target));
	}
	out->field = table_field_any_case(out->table, tail);
	if (out->field < 0 || !sf_may_read(p->who, out->table, out->field))
		return no_column(p, name, out->table, tail);
	return true;
}

/* ---- SELECT ---- */

static bool parse_count(struct parser *p)
{
	next(p); /* ( */
	if (take_sign(p, ")")) {
		p->q->count = true;
		return true;
	}
	if (!is_word(p, "Id"))
		return unexpected(p);
	next(p);
	p->q->count_id = true;
	return take_sign(p, ")") || unexpected(p);
}

static bool parse_names(struct parser *p, struct token *names, size_t *n)
{
	do {
		if (p->now.kind != TOKEN_NAME)
			return unexpected(p);
		names[(*n)++] = p->now;
		next(p);
		if (*n == 1 && sv_eq_nocase(names[0].text, SV("COUNT")) && is_sign(p, "(")) {
			*n = 0;
			return parse_count(p);
		}
		if (*n == NAMES_MAX)
			return unexpected(p);
	} while (take_sign(p, ","));
	return true;
}

static bool parse_from(struct parser *p)
{
	if (!take_word(p, "FROM") || p->now.kind != TOKEN_NAME)
		return unexpected(p);
	p->q->table = sf_table(p->sf, p->now.text);
	if (!p->q->table)
		return fail(p, p->now.at, "INVALID_TYPE",
			    arena_printf(p->a,
					 "sObject type '%.*s' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
					 SV_ARG(p->now.text)));
	next(p);
	return true;
}

/* ---- literals ---- */

static struct sv unescape(struct arena *a, struct sv quoted)
{
	char *out = arena_alloc(a, quoted.len + 1);
	size_t n = 0;
	for (size_t i = 1; i + 1 < quoted.len; i++) {
		char c = quoted.ptr[i];
		if (c == '\\' && i + 2 < quoted.len) {
			c = quoted.ptr[++i];
			c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
		}
		out[n++] = c;
	}
	return sv_make(out, n);
}

static bool range_literal(struct parser *p, struct sv name, struct soql_literal *out)
{
	int64_t today = sandbox_now(p->sf->box) / DAY_MS * DAY_MS, n = 0;
	struct sv word, count;
	bool counted = sv_cut(name, ':', &word, &count);
	if (counted && !sv_to_i64(count, &n))
		return false;
	*out = (struct soql_literal){ .kind = SOQL_TIME, .text = name, .from_ms = today, .to_ms = today + DAY_MS };
	if (sv_eq_nocase(word, SV("TODAY")))
		return true;
	if (sv_eq_nocase(word, SV("YESTERDAY")))
		out->from_ms -= DAY_MS, out->to_ms -= DAY_MS;
	else if (sv_eq_nocase(word, SV("TOMORROW")))
		out->from_ms += DAY_MS, out->to_ms += DAY_MS;
	else if (counted && sv_eq_nocase(word, SV("LAST_N_DAYS")))
		out->from_ms -= n * DAY_MS;
	else if (counted && sv_eq_nocase(word, SV("NEXT_N_DAYS")))
		out->from_ms += DAY_MS, out->to_ms += n * DAY_MS;
	else
		return false;
	return true;
}

static bool parse_number_or_time(struct parser *p, struct soql_literal *out)
{
	struct sv t = p->now.text;
	int64_t ms;
	*out = (struct soql_literal){ .kind = SOQL_NUMBER, .text = t };
	if (t.len == 10 && t.ptr[4] == '-') {
		if (!time_parse(arena_printf(p->a, "%.*sT00:00:00Z", SV_ARG(t)), &ms))
			return unexpected(p);
		*out = (struct soql_literal){ SOQL_TIME, t, ms, ms + DAY_MS };
	} else if (memchr(t.ptr, 'T', t.len)) {
		if (!time_parse(t, &ms))
			return unexpected(p);
		*out = (struct soql_literal){ SOQL_TIME, t, ms, ms + 1 };
	} else {
		for (size_t i = 0; i < t.len; i++)
			if ((t.ptr[i] < '0' || t.ptr[i] > '9') && t.ptr[i] != '.' && !(i == 0 && strchr("+-", t.ptr[i])))
				return unexpected(p);
	}
	return true;
}

static bool parse_literal(struct parser *p, struct soql_literal *out)
{
	bool ok = true;
	if (p->now.kind == TOKEN_STRING) {
		if (p->now.text.len < 2 || p->now.text.ptr[p->now.text.len - 1] != '\'')
			return fail(p, p->now.at, "MALFORMED_QUERY", SV("expecting a colon, found an unterminated string"));
		*out = (struct soql_literal){ SOQL_STRING, unescape(p->a, p->now.text), 0, 0 };
	} else if (p->now.kind == TOKEN_VALUE) {
		ok = parse_number_or_time(p, out);
	} else if (is_word(p, "null")) {
		*out = (struct soql_literal){ .kind = SOQL_NULL };
	} else if (is_word(p, "true") || is_word(p, "false")) {
		*out = (struct soql_literal){ SOQL_BOOL, is_word(p, "true") ? SV("true") : SV("false"), 0, 0 };
	} else if (p->now.kind != TOKEN_NAME || !range_literal(p, p->now.text, out)) {
		return unexpected(p);
	}
	if (ok)
		next(p);
	return ok;
}

static bool parse_list(struct parser *p, struct soql_node *n)
{
	n->values = arena_array(p->a, struct soql_literal, 16);
	size_t cap = 16;
	if (!take_sign(p, "("))
		return unexpected(p);
	do {
		if (n->values_len == cap) {
			struct soql_literal *more = arena_array(p->a, struct soql_literal, cap * 2);
			memcpy(more, n->values, cap * sizeof(*more));
			n->values = more;
			cap *= 2;
		}
		if (n->values_len == VALUES_MAX || !parse_literal(p, &n->values[n->values_len++]))
			return p->e->code ? false : unexpected(p);
	} while (take_sign(p, ","));
	return take_sign(p, ")") || unexpected(p);
}

/* ---- WHERE ---- */

/* A literal that cannot be compared with the field's type is refused. */
static bool check_types(struct parser *p, struct token name, const struct soql_node *n)
{
	const struct field_def *f = &n->path.table->def->fields[n->path.field];
	for (size_t i = 0; i < n->values_len; i++) {
		enum soql_kind k = n->values[i].kind;
		bool number = f->type == FIELD_INT || f->type == FIELD_DOUBLE || f->type == FIELD_CURRENCY;
		bool time = f->type == FIELD_DATE || f->type == FIELD_DATETIME;
		bool boolean = f->type == FIELD_BOOL;
		bool fits = k == SOQL_NULL || (number && k == SOQL_NUMBER) || (time && k == SOQL_TIME) ||
			    (boolean && k == SOQL_BOOL) || (!number && !time && !boolean && k == SOQL_STRING);
		if (!fits)
			return fail(p, name.at, "INVALID_FIELD",
				    arena_printf(p->a,
						 "value of filter criterion for field '%s' must be of type %s and %s be enclosed in quotes",
						 f->name, sf_type_name(n->path.table, n->path.field),
						 number || time || boolean ? "should not" : "must"));
	}
	if (f->type == FIELD_COMPUTED || (f->type == FIELD_TEXTAREA && f->length > 255))
		return fail(p, name.at, "INVALID_FIELD",
			    arena_printf(p->a, "field '%s' can not be filtered in a query call", f->name));
	return true;
}

static bool parse_operator(struct parser *p, enum soql_op *op)
{
	static const struct {
		const char *text;
		enum soql_op op;
	} signs[] = { { "=", SOQL_EQ }, { "!=", SOQL_NE }, { "<>", SOQL_NE }, { "<", SOQL_LT },
		      { "<=", SOQL_LE }, { ">", SOQL_GT }, { ">=", SOQL_GE } };
	for (size_t i = 0; i < countof(signs); i++)
		if (is_sign(p, signs[i].text)) {
			*op = signs[i].op;
			next(p);
			return true;
		}
	if (take_word(p, "LIKE"))
		*op = SOQL_LIKE;
	else if (take_word(p, "IN"))
		*op = SOQL_IN;
	else if (take_word(p, "INCLUDES"))
		*op = SOQL_INCLUDES;
	else if (take_word(p, "EXCLUDES"))
		*op = SOQL_EXCLUDES;
	else if (take_word(p, "NOT") && take_word(p, "IN"))
		*op = SOQL_NOT_IN;
	else
		return unexpected(p);
	return true;
}

static struct soql_node *parse_compare(struct parser *p)
{
	struct soql_node *n = arena_new(p->a, struct soql_node);
	struct token name = p->now;
	n->kind = SOQL_COMPARE;
	if (name.kind != TOKEN_NAME) {
		unexpected(p);
		return NULL;
	}
	next(p);
	if (!resolve(p, name, &n->path) || !parse_operator(p, &n->op))
		return NULL;
	bool ok;
	if (n->op >= SOQL_IN) {
		ok = parse_list(p, n);
	} else {
		n->values = arena_new(p->a, struct soql_literal);
		n->values_len = 1;
		ok = parse_literal(p, n->values);
	}
	return ok && check_types(p, name, n) ? n : NULL;
}

static struct soql_node *parse_or(struct parser *p);

static struct soql_node *parse_unary(struct parser *p)
{
	struct soql_node *n = NULL;
	if (++p->depth > DEPTH_MAX) {
		unexpected(p);
	} else if (take_word(p, "NOT")) {
		n = arena_new(p->a, struct soql_node);
		n->kind = SOQL_NOT;
		n->left = parse_unary(p);
		n = n->left ? n : NULL;
	} else if (take_sign(p, "(")) {
		n = parse_or(p);
		if (n && !take_sign(p, ")")) {
			unexpected(p);
			n = NULL;
		}
	} else {
		n = parse_compare(p);
	}
	p->depth--;
	return n;
}

static struct soql_node *join(struct parser *p, enum soql_node_kind kind, struct soql_node *left,
			      struct soql_node *right)
{
	struct soql_node *n = arena_new(p->a, struct soql_node);
	*n = (struct soql_node){ .kind = kind, .left = left, .right = right };
	return right ? n : NULL;
}

/* SOQL gives AND and OR no order of their own: mixing them needs parentheses. */
static struct soql_node *parse_or(struct parser *p)
{
	struct soql_node *n = parse_unary(p);
	bool is_and = is_word(p, "AND");
	const char *word = is_and ? "AND" : "OR";
	while (n && take_word(p, word))
		n = join(p, is_and ? SOQL_AND : SOQL_OR, n, parse_unary(p));
	if (n && (is_word(p, "AND") || is_word(p, "OR"))) {
		unexpected(p);
		return NULL;
	}
	return n;
}

/* ---- the rest ---- */

static bool parse_order(struct parser *p)
{
	if (!take_word(p, "BY"))
		return unexpected(p);
	do {
		struct token name = p->now;
		if (name.kind != TOKEN_NAME || p->q->order_len == countof(p->q->order))
			return unexpected(p);
		next(p);
		struct soql_order *o = &p->q->order[p->q->order_len++];
		if (!resolve(p, name, &o->path))
			return false;
		o->descending = take_word(p, "DESC");
		if (!o->descending)
			take_word(p, "ASC");
		if (take_word(p, "NULLS")) {
			o->nulls_last = take_word(p, "LAST");
			if (!o->nulls_last && !take_word(p, "FIRST"))
				return unexpected(p);
		}
	} while (take_sign(p, ","));
	return true;
}

static bool parse_count_of(struct parser *p, int64_t *out)
{
	if (p->now.kind != TOKEN_VALUE || !sv_to_i64(p->now.text, out) || *out < 0)
		return unexpected(p);
	next(p);
	return true;
}

static bool parse_tail(struct parser *p)
{
	struct soql_query *q = p->q;
	if (take_word(p, "USING")) /* USING SCOPE everything */
		next(p), next(p);
	if (take_word(p, "WHERE") && !(q->where = parse_or(p)))
		return false;
	if (take_word(p, "ORDER") && !parse_order(p))
		return false;
	if (take_word(p, "LIMIT") && !parse_count_of(p, &q->limit))
		return false;
	if (take_word(p, "OFFSET") && !parse_count_of(p, &q->offset))
		return false;
	if (take_word(p, "ALL") && !take_word(p, "ROWS"))
		return unexpected(p);
	return p->now.kind == TOKEN_END || unexpected(p);
}

struct soql_query *soql_parse(struct salesforce *sf, struct arena *a, const struct sf_session *who,
			      struct sv text, struct sf_error *e)
{
	struct parser p = { .sf = sf, .a = a, .who = who, .text = text, .e = e };
	struct token *names = arena_array(a, struct token, NAMES_MAX);
	size_t n = 0;
	p.q = arena_new(a, struct soql_query);
	p.q->limit = -1;
	next(&p);
	if (!take_word(&p, "SELECT")) {
		unexpected(&p);
		return NULL;
	}
	if (!parse_names(&p, names, &n) || !parse_from(&p))
		return NULL;
	p.q->select = arena_array(a, struct soql_path, n + 1);
	for (size_t i = 0; i < n; i++)
		if (!resolve(&p, names[i], &p.q->select[p.q->select_len++]))
			return NULL;
	return parse_tail(&p) ? p.q : NULL;
}

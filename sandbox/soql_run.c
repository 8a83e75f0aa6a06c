#include "base/panic.h"
#include "soql.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static size_t char_len(struct sv s)
{
	size_t n = 1;
	while (n < s.len && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Backtracks to the last '%' only, so the time is bounded by len * len. */
bool soql_like(struct sv text, struct sv pattern)
{
	size_t t = 0, p = 0, star = SIZE_MAX, mark = 0;
	while (t < text.len) {
		struct sv rest = sv_make(text.ptr + t, text.len - t);
		if (p < pattern.len && pattern.ptr[p] == '%') {
			star = p++;
			mark = t;
		} else if (p < pattern.len && pattern.ptr[p] == '_') {
			p++;
			t += char_len(rest);
		} else if (p < pattern.len && lower(pattern.ptr[p]) == lower(text.ptr[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '%')
		p++;
	return p == pattern.len;
}

/* The row that a path leads to, or NULL when its lookup is empty. */
static const struct row *target_of(const struct soql_path *path, const struct row *r)
{
	if (path->via < 0)
		return r;
	struct arena none = { 0 };
	struct sv id = sf_value(&none, r, path->via); /* lookups need no room */
	return id.ptr ? table_row(tables_find(r->table->all, sv_of(path->table->def->name)), id) : NULL;
}

static struct sv value_at(struct arena *a, const struct soql_path *path, const struct row *r)
{
	const struct row *x = target_of(path, r);
	return x ? sf_value(a, x, path->field) : SV_NONE;
}

static int order_of(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_numbers(struct sv a, struct sv b)
{
	char x[64], y[64];
	snprintf(x, sizeof(x), "%.*s", SV_ARG(a));
	snprintf(y, sizeof(y), "%.*s", SV_ARG(b));
	/* Only for order: what is stored stays text. */
	double d = strtod(x, NULL), e = strtod(y, NULL);
	return d < e ? -1 : d > e;
}

static int compare_text(struct sv a, struct sv b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)lower(a.ptr[i]), y = (unsigned char)lower(b.ptr[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return order_of((int64_t)a.len, (int64_t)b.len);
}

static int64_t time_of(const struct field_def *f, struct sv v)
{
	int64_t ms = 0;
	char text[40];
	if (f->type == FIELD_DATETIME) {
		sv_to_i64(v, &ms);
	} else {
		snprintf(text, sizeof(text), "%.*sT00:00:00Z", SV_ARG(v));
		time_parse(sv_of(text), &ms);
	}
	return ms;
}

static int compare_time(const struct field_def *f, struct sv v, const struct soql_literal *x)
{
	int64_t ms = time_of(f, v);
	return ms < x->from_ms ? -1 : ms >= x->to_ms;
}

static bool same_id(struct sv a, struct sv b)
{
	char x[SF_ID_LEN + 1], y[SF_ID_LEN + 1];
	return sf_id_normal(a, x) && sf_id_normal(b, y) && memcmp(x, y, SF_ID_LEN) == 0;
}

/* -1, 0, 1 of a value that is not null against a literal that is not null. */
static int compare(const struct field_def *f, struct sv v, const struct soql_literal *x)
{
	switch (x->kind) {
	case SOQL_NUMBER:
		return compare_numbers(v, x->text);
	case SOQL_TIME:
		return compare_time(f, v, x);
	case SOQL_BOOL:
		return sv_cmp(v, x->text);
	default:
		break;
	}
	if (f->type == FIELD_ID || f->type == FIELD_REFERENCE)
		return same_id(v, x->text) ? 0 : sv_cmp(v, x->text) < 0 ? -1 : 1;
	return f->flags & FIELD_CASE_SENSITIVE ? sv_cmp(v, x->text) : compare_text(v, x->text);
}

static bool equal(const struct field_def *f, struct sv v, const struct soql_literal *x)
{
	if (x->kind == SOQL_NULL || !v.ptr)
		return x->kind == SOQL_NULL && !v.ptr;
	return compare(f, v, x) == 0;
}

static bool has_item(struct sv set, struct sv wanted)
{
	while (set.len) {
		struct sv one;
		sv_cut(set, ';', &one, &set);
		if (sv_eq_nocase(one, wanted))
			return true;
	}
	return false;
}

/* 'A;B' in the literal: both must be there. */
static bool includes(struct sv v, const struct soql_literal *x)
{
	struct sv all = x->text;
	while (all.len) {
		struct sv one;
		sv_cut(all, ';', &one, &all);
		if (!has_item(v, one))
			return false;
	}
	return true;
}

static bool match_compare(struct arena *a, const struct soql_node *n, const struct row *r)
{
	const struct field_def *f = &n->path.table->def->fields[n->path.field];
	const struct soql_literal *x = n->values;
	struct sv v = value_at(a, &n->path, r);
	bool any = false;
	switch (n->op) {
	case SOQL_EQ:
		return equal(f, v, x);
	case SOQL_NE:
		return !equal(f, v, x);
	case SOQL_LIKE:
		return v.ptr && soql_like(v, x->text);
	case SOQL_IN:
	case SOQL_NOT_IN:
		for (size_t i = 0; i < n->values_len && !any; i++)
			any = equal(f, v, &n->values[i]);
		return any == (n->op == SOQL_IN);
	case SOQL_INCLUDES:
	case SOQL_EXCLUDES:
		for (size_t i = 0; i < n->values_len && !any; i++)
			any = v.ptr && includes(v, &n->values[i]);
		return any == (n->op == SOQL_INCLUDES);
	default:
		break;
	}
	if (!v.ptr || x->kind == SOQL_NULL)
		return false;
	int d = compare(f, v, x);
	return n->op == SOQL_LT ? d < 0 : n->op == SOQL_LE ? d <= 0 : n->op == SOQL_GT ? d > 0 : d >= 0;
}

bool soql_match(struct arena *a, const struct soql_node *n, const struct row *r)
{
	if (!n)
		return true;
	switch (n->kind) {
	case SOQL_AND:
		return soql_match(a, n->left, r) && soql_match(a, n->right, r);
	case SOQL_OR:
		return soql_match(a, n->left, r) || soql_match(a, n->right, r);
	case SOQL_NOT:
		return !soql_match(a, n->left, r);
	case SOQL_COMPARE:
		return match_compare(a, n, r);
	}
	return false;
}

/* ---- finding rows ---- */

struct found {
	struct row **rows;
	size_t len, cap;
};

static void found_add(struct found *f, struct row *r)
{
	if (f->len == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		f->rows = must_realloc(f->rows, f->cap * sizeof(struct row *));
	}
	f->rows[f->len++] = r;
}

/* A comparison by '=' or IN, of the object's id or an indexed field, that all
 * results must pass: then only the rows it names need a look. */
static const struct soql_node *narrow(const struct soql_query *q, const struct soql_node *n)
{
	if (!n || n->kind == SOQL_OR || n->kind == SOQL_NOT)
		return NULL;
	if (n->kind == SOQL_AND) {
		const struct soql_node *left = narrow(q, n->left);
		return left ? left : narrow(q, n->right);
	}
	bool keyed = n->path.via < 0 && (q->table->indexes[n->path.field] ||
					 sf_field(q->table, n->path.field)->source == SF_ID);
	bool named = n->op == SOQL_EQ || n->op == SOQL_IN;
	for (size_t i = 0; i < n->values_len; i++)
		named = named && n->values[i].kind == SOQL_STRING;
	return keyed && named ? n : NULL;
}

static void find_by_key(struct arena *a, const struct soql_query *q, const struct soql_node *key,
			struct found *out)
{
	struct table *t = q->table;
	for (size_t i = 0; i < key->values_len; i++) {
		struct sv v = key->values[i].text;
		if (sf_field(t, key->path.field)->source == SF_ID) {
			struct row *r = sf_row(t, v);
			if (r)
				found_add(out, r);
			continue;
		}
		char full[SF_ID_LEN + 1];
		if (t->def->fields[key->path.field].type == FIELD_REFERENCE && sf_id_normal(v, full))
			v = arena_sv(a, sv_make(full, SF_ID_LEN));
		size_t n = table_lookup(t, key->path.field, v, NULL, 0);
		struct row **rows = arena_array(a, struct row *, n + 1);
		table_lookup(t, key->path.field, v, rows, n);
		for (size_t k = 0; k < n; k++)
			found_add(out, rows[k]);
	}
}

static int by_place(const void *x, const void *y)
{
	const struct row *const *a = x, *const *b = y;
	return order_of((int64_t)(*a)->place, (int64_t)(*b)->place);
}

/* In the order of ids, each once: IN may name a row twice. */
static void sort_unique(struct found *f)
{
	size_t n = 0;
	if (f->len)
		qsort(f->rows, f->len, sizeof(struct row *), by_place);
	for (size_t i = 0; i < f->len; i++)
		if (n == 0 || f->rows[n - 1] != f->rows[i])
			f->rows[n++] = f->rows[i];
	f->len = n;
}

struct order_context {
	struct arena *a;
	const struct soql_query *q;
};

static int compare_values(const struct field_def *f, struct sv x, struct sv y)
{
	if (f->type == FIELD_INT || f->type == FIELD_DOUBLE || f->type == FIELD_CURRENCY)
		return compare_numbers(x, y);
	if (f->type == FIELD_DATETIME)
		return order_of(time_of(f, x), time_of(f, y));
	if (f->type == FIELD_ID || f->type == FIELD_REFERENCE)
		return sv_cmp(x, y);
	return compare_text(x, y);
}

static int by_order(const void *x, const void *y, void *context)
{
	struct order_context *o = context;
	const struct row *a = *(struct row *const *)x, *b = *(struct row *const *)y;
	arena_reset(o->a); /* values made up for the last comparison */
	for (size_t i = 0; i < o->q->order_len; i++) {
		const struct soql_order *k = &o->q->order[i];
		const struct field_def *f = &k->path.table->def->fields[k->path.field];
		struct sv v = value_at(o->a, &k->path, a), w = value_at(o->a, &k->path, b);
		int d;
		if (!v.ptr || !w.ptr)
			d = (v.ptr != NULL) - (w.ptr != NULL), d = k->nulls_last ? -d : d;
		else
			d = compare_values(f, v, w), d = k->descending ? -d : d;
		if (d)
			return d;
	}
	return order_of((int64_t)a->place, (int64_t)b->place);
}

/* Values made up for a comparison are thrown away every so often. */
enum { SCRATCH_ROWS = 1024 };

struct row **soql_run(struct arena *a, const struct soql_query *q, bool all, size_t *n)
{
	const struct soql_node *key = all ? NULL : narrow(q, q->where);
	struct found candidates = { 0 }, out = { 0 };
	struct arena scratch;
	arena_init(&scratch);
	if (key)
		find_by_key(a, q, key, &candidates);
	sort_unique(&candidates);
	size_t len = key ? candidates.len : q->table->rows_len;
	struct row **rows = key ? candidates.rows : q->table->rows;
	for (size_t i = 0; i < len; i++) {
		if ((all || !rows[i]->deleted) && soql_match(&scratch, q->where, rows[i]))
			found_add(&out, rows[i]);
		if (i % SCRATCH_ROWS == 0)
			arena_reset(&scratch);
	}
	struct order_context o = { &scratch, q };
	if (q->order_len && out.len)
		qsort_r(out.rows, out.len, sizeof(struct row *), by_order, &o);
	arena_finish(&scratch);
	free(candidates.rows);
	size_t skip = (size_t)q->offset < out.len ? (size_t)q->offset : out.len;
	if (skip)
		memmove(out.rows, out.rows + skip, (out.len - skip) * sizeof(struct row *));
	out.len -= skip;
	*n = q->limit >= 0 && (size_t)q->limit < out.len ? (size_t)q->limit : out.len;
	return out.rows;
}

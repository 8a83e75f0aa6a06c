/* How rows are seen: at a moment, through 'fields', and by the filters. */
#include <ctype.h>
#include <inttypes.h>

#include "base/panic.h"
#include "bullhorn.h"

/* --- values at a moment --- */

/* The index shows a row as it was before every change that is too recent, and
 * each change knows what it replaced: undoing them in thought is the index. */
static bool undone(const struct change *c, int64_t as_of_ms)
{
	return c && c->at_ms > as_of_ms;
}

bool bh_deleted_at(const struct row *r, int64_t as_of_ms)
{
	bool deleted = r->deleted;
	for (const struct change *c = r->last; undone(c, as_of_ms); c = c->previous)
		if (c->kind == CHANGE_DELETE || c->kind == CHANGE_UNDELETE)
			deleted = c->kind == CHANGE_UNDELETE;
	return deleted;
}

bool bh_exists_at(const struct bullhorn *b, const struct row *r, int64_t as_of_ms)
{
	for (const struct change *c = r->last; undone(c, as_of_ms); c = c->previous)
		if (c->kind == CHANGE_INSERT)
			return false;
	bool soft = bh_types[bh_entity_of(b, r->table)].traits & BH_SOFT_DELETE;
	return soft || !bh_deleted_at(r, as_of_ms);
}

static int64_t modified_at(const struct row *r, int64_t as_of_ms)
{
	int64_t at = r->modified_ms;
	for (const struct change *c = r->last; undone(c, as_of_ms); c = c->previous)
		at = c->previous_modified_ms;
	return at;
}

static struct sv computed(const struct row *r, const char *name, int64_t as_of_ms, char scratch[32])
{
	if (strcmp(name, "isDeleted") == 0)
		return bh_deleted_at(r, as_of_ms) ? SV("true") : SV("false");
	int64_t at = strcmp(name, "dateAdded") == 0 ? r->created_ms : modified_at(r, as_of_ms);
	return sv_make(scratch, (size_t)snprintf(scratch, 32, "%" PRId64, at));
}

struct sv bh_value_at(const struct row *r, int field, int64_t as_of_ms, char scratch[32])
{
	const struct field_def *f = &r->table->def->fields[field];
	if (f->type == FIELD_ID)
		return r->id;
	if (f->type == FIELD_COMPUTED)
		return computed(r, f->name, as_of_ms, scratch);
	struct sv v = r->values[field];
	for (const struct change *c = r->last; undone(c, as_of_ms); c = c->previous)
		for (size_t i = 0; i < c->fields_len && c->kind == CHANGE_UPDATE; i++)
			if (c->fields[i].field == field)
				v = c->fields[i].old_value;
	return v;
}

/* --- the fields parameter --- */

struct fields_parser {
	struct arena *arena;
	struct sv left;
	struct bh_refusal *why;
};

static bool fields_bad(struct fields_parser *p, const char *what)
{
	bh_refuse(p->why, 400, "errors.invalidFields", "fields: %s at '%.*s'", what,
		  (int)(p->left.len < 40 ? p->left.len : 40), p->left.len ? p->left.ptr : "");
	return false;
}

static bool fields_take(struct fields_parser *p, char c)
{
	p->left = sv_trim(p->left);
	if (p->left.len == 0 || p->left.ptr[0] != c)
		return false;
	p->left = sv_make(p->left.ptr + 1, p->left.len - 1);
	return true;
}

/* What is between an opening sign, taken already, and its end. */
static bool fields_until(struct fields_parser *p, char end, struct sv *out)
{
	struct sv tail;
	if (!sv_cut(p->left, end, out, &tail))
		return fields_bad(p, "a bracket is not closed");
	p->left = tail;
	return true;
}

static bool fields_list(struct fields_parser *p, unsigned depth, struct bh_fields *out);

static bool fields_item(struct fields_parser *p, unsigned depth, struct bh_field *out)
{
	struct sv count;
	int64_t n;
	size_t len = 0;
	p->left = sv_trim(p->left);
	while (len < p->left.len &&
	       (isalnum((unsigned char)p->left.ptr[len]) || p->left.ptr[len] == '_'))
		len++;
	if (len == 0)
		return fields_bad(p, p->left.len && p->left.ptr[0] == '*'
					     ? "'*' is allowed only for meta"
					     : "a name is expected");
	*out = (struct bh_field){ .name = sv_make(p->left.ptr, len), .count = -1 };
	p->left = sv_make(p->left.ptr + len, p->left.len - len);
	if (fields_take(p, '[')) {
		if (!fields_until(p, ']', &count) || !sv_to_i64(sv_trim(count), &n) || n < 0 ||
		    n > 15)
			return fields_bad(p, "a count must be a number up to 15");
		out->count = (int)n;
	}
	if (fields_take(p, '(')) {
		if (depth == 0)
			return fields_bad(p, "nested too deeply");
		if (!fields_list(p, depth - 1, &out->sub))
			return false;
		if (!fields_take(p, ')'))
			return fields_bad(p, "')' is missing");
	}
	return !fields_take(p, '{') || fields_until(p, '}', &out->where);
}

static bool fields_list(struct fields_parser *p, unsigned depth, struct bh_fields *out)
{
	size_t cap = 0;
	*out = (struct bh_fields){ 0 };
	do {
		if (out->len == cap) {
			cap = cap ? cap * 2 : 16;
			struct bh_field *grown = arena_array(p->arena, struct bh_field, cap);
			if (out->len)
				memcpy(grown, out->items, out->len * sizeof(*grown));
			out->items = grown;
		}
		if (!fields_item(p, depth, &out->items[out->len]))
			return false;
		out->len++;
	} while (fields_take(p, ','));
	return true;
}

bool bh_fields_parse(struct arena *a, struct sv text, struct bh_fields *out, struct bh_refusal *why)
{
	struct fields_parser p = { a, text, why };
	*out = (struct bh_fields){ 0 };
	if (sv_trim(text).len == 0)
		return true;
	if (!fields_list(&p, 4, out))
		return false;
	return sv_trim(p.left).len == 0 || fields_bad(&p, "unexpected text");
}

/* --- rendering --- */

struct json_object *bh_json_value(const struct field_def *f, struct sv text)
{
	int64_t n;
	if (f->type == FIELD_MULTIPICKLIST) {
		struct json_object *list = json_object_new_array();
		struct sv one, left = text;
		while (left.len) {
			sv_cut(left, ';', &one, &left);
			json_object_array_add(list, json_from_sv(one));
		}
		return list;
	}
	if (!text.ptr)
		return NULL;
	switch (f->type) {
	case FIELD_ID:
	case FIELD_INT:
	case FIELD_DATETIME:
		return sv_to_i64(text, &n) ? json_object_new_int64(n) : NULL;
	case FIELD_COMPUTED:
		if (sv_to_i64(text, &n))
			return json_object_new_int64(n);
		return json_object_new_boolean(sv_eq(text, SV("true")));
	case FIELD_BOOL:
		return json_object_new_boolean(sv_eq(text, SV("true")));
	case FIELD_DOUBLE:
	case FIELD_CURRENCY: {
		/* Printed from the text: the double is never shown. */
		char copy[64];
		snprintf(copy, sizeof(copy), "%.*s", SV_ARG(text));
		return json_object_new_double_s(strtod(copy, NULL), copy);
	}
	default:
		return json_from_sv(text);
	}
}

struct renderer {
	struct bullhorn *b;
	struct arena *arena;
	int64_t as_of_ms;
	struct bh_refusal *why;
};

static const struct bh_many *many_named(const struct bh_type *t, struct sv name)
{
	for (size_t i = 0; i < t->many_len; i++)
		if (sv_eq(name, sv_of(t->many[i].name)))
			return &t->many[i];
	return NULL;
}

/* The plain or to-one field of that name; parts of an address have no name of
 * their own. */
static int own_field(const struct table *t, struct sv name)
{
	int f = table_field(t, name);
	return f >= 0 && t->def->fields[f].compound ? -1 : f;
}

static bool has_compound(const struct table *t, struct sv name)
{
	for (size_t i = 0; i < t->def->fields_len; i++)
		if (t->def->fields[i].compound && sv_eq(name, sv_of(t->def->fields[i].compound)))
			return true;
	return false;
}

static bool unknown_field(struct bh_refusal *why, const struct table *t, struct sv name)
{
	bh_refuse(why, 400, "errors.invalidFieldName", "Invalid field '%.*s' for entity %s",
		  SV_ARG(name), t->def->name);
	snprintf(why->property, sizeof(why->property), "%.*s", SV_ARG(name));
	return false;
}

static bool check_fields(struct bullhorn *b, struct table *t, const struct bh_fields *f, bool top,
			 struct bh_refusal *why)
{
	for (size_t i = 0; i < f->len; i++) {
		const struct bh_field *one = &f->items[i];
		const struct bh_many *many = many_named(&bh_types[bh_entity_of(b, t)], one->name);
		int field = own_field(t, one->name);
		if (many && top) {
			if (!check_fields(b, b->tables[many->child], &one->sub, false, why))
				return false;
		} else if (field >= 0) {
			const struct field_def *def = &t->def->fields[field];
			if (one->sub.len && def->type != FIELD_REFERENCE)
				return unknown_field(why, t, one->sub.items[0].name);
			if (one->sub.len &&
			    !check_fields(b, tables_find(t->all, sv_of(def->target)), &one->sub,
					  false, why))
				return false;
		} else if (!has_compound(t, one->name)) {
			return unknown_field(why, t, one->name);
		}
	}
	return true;
}

bool bh_fields_check(struct bullhorn *b, struct table *t, const struct bh_fields *f,
		     struct bh_refusal *why)
{
	return check_fields(b, t, f, true, why);
}

static struct json_object *render_row(struct renderer *r, const struct row *row,
				      const struct bh_fields *f);

static bool wants_part(const struct bh_fields *sub, const char *name)
{
	for (size_t i = 0; i < sub->len; i++)
		if (sv_eq(sub->items[i].name, sv_of(name)))
			return true;
	return sub->len == 0;
}

static struct json_object *render_compound(struct renderer *r, const struct row *row,
					   const struct bh_field *f)
{
	struct json_object *o = json_object_new_object();
	char scratch[32];
	bool in_us = false;
	for (size_t i = 0; i < row->table->def->fields_len; i++) {
		const struct field_def *d = &row->table->def->fields[i];
		if (!d->compound || !sv_eq(sv_of(d->compound), f->name))
			continue;
		struct sv v = bh_value_at(row, (int)i, r->as_of_ms, scratch);
		if (strcmp(d->name, "countryID") == 0)
			in_us = sv_eq(v, SV("1"));
		if (wants_part(&f->sub, d->name))
			json_object_object_add(o, d->name, bh_json_value(d, v));
	}
	/* Only ever read; the number is what is written. */
	if (wants_part(&f->sub, "countryName"))
		json_object_object_add(o, "countryName",
				       in_us ? json_object_new_string("United States") : NULL);
	if (wants_part(&f->sub, "countryCode"))
		json_object_object_add(o, "countryCode",
				       in_us ? json_object_new_string("US") : NULL);
	return o;
}

static struct json_object *render_one(struct renderer *r, const struct row *row, int field,
				      const struct bh_field *f)
{
	char scratch[32];
	const struct field_def *d = &row->table->def->fields[field];
	struct table *target = tables_find(row->table->all, sv_of(d->target));
	struct row *to = table_row(target, bh_value_at(row, field, r->as_of_ms, scratch));
	if (!to)
		return NULL;
	struct json_object *o = render_row(r, to, &f->sub);
	if (target == r->b->tables[BH_CORPORATE_USER])
		json_put_sv(o, "_subtype", SV("CorporateUser"));
	return o;
}

/* Soft-deleted members are left out; 'total' shows what did not fit. */
static struct json_object *render_many(struct renderer *r, const struct row *row,
				       const struct bh_many *m, const struct bh_field *f)
{
	enum { DEFAULT_COUNT = 5 };
	struct table *child = r->b->tables[m->child];
	int field = table_field(child, sv_of(m->field));
	size_t n = table_lookup(child, field, row->id, NULL, 0), total = 0;
	struct row **rows = arena_array(r->arena, struct row *, n + 1);
	struct filter *where = NULL;
	struct bh_schema schema = bh_schema_of(r->b, child);
	struct err err = { 0 };
	if (f->where.len && !(where = filter_parse_jpql(f->where, &schema.schema, r->arena, &err)))
		bh_refuse(r->why, 400, "errors.invalidQuery", "%s", err.what);
	table_lookup(child, field, row->id, rows, n);
	struct json_object *o = json_object_new_object(), *data = json_object_new_array();
	for (size_t i = 0; i < n; i++) {
		struct bh_filter_row view = bh_filter_row_of(r->b, rows[i], r->as_of_ms);
		if (where && !filter_match(where, &view.base))
			continue;
		if (total++ < (size_t)(f->count < 0 ? DEFAULT_COUNT : f->count))
			json_object_array_add(data, render_row(r, rows[i], &f->sub));
	}
	json_put_i64(o, "total", (int64_t)total);
	json_object_object_add(o, "data", data);
	return o;
}

/* The id is always there, asked for or not. */
static struct json_object *render_row(struct renderer *r, const struct row *row,
				      const struct bh_fields *f)
{
	struct json_object *o = json_object_new_object();
	const struct bh_type *type = &bh_types[bh_entity_of(r->b, row->table)];
	char name[64], scratch[32];
	int64_t id = 0;
	sv_to_i64(row->id, &id);
	json_put_i64(o, "id", id);
	for (size_t i = 0; i < f->len; i++) {
		const struct bh_field *one = &f->items[i];
		const struct bh_many *many = many_named(type, one->name);
		int field = own_field(row->table, one->name);
		struct json_object *v;
		if (field >= 0 && row->table->def->fields[field].type == FIELD_REFERENCE)
			v = render_one(r, row, field, one);
		else if (field >= 0)
			v = bh_json_value(&row->table->def->fields[field],
					  bh_value_at(row, field, r->as_of_ms, scratch));
		else if (many)
			v = render_many(r, row, many, one);
		else
			v = render_compound(r, row, one);
		snprintf(name, sizeof(name), "%.*s", SV_ARG(one->name));
		json_object_object_add(o, name, v);
	}
	return o;
}

struct json_object *bh_render(struct bullhorn *b, struct arena *a, const struct row *row,
			      const struct bh_fields *f, int64_t as_of_ms, struct bh_refusal *why)
{
	struct renderer r = { b, a, as_of_ms, why };
	if (!bh_fields_check(b, row->table, f, why))
		return NULL;
	struct json_object *o = render_row(&r, row, f);
	if (why->status) {
		json_object_put(o);
		return NULL;
	}
	return o;
}

/* --- names and values for the filters --- */

static enum filter_kind kind_of(const struct field_def *f)
{
	switch (f->type) {
	case FIELD_ID:
	case FIELD_INT:
	case FIELD_DATETIME:
	case FIELD_DOUBLE:
	case FIELD_CURRENCY:
	case FIELD_REFERENCE:
		return FILTER_NUMBER;
	case FIELD_COMPUTED:
		return strcmp(f->name, "isDeleted") == 0 ? FILTER_BOOL : FILTER_NUMBER;
	case FIELD_BOOL:
		return FILTER_BOOL;
	default:
		return FILTER_TEXT;
	}
}

static bool resolve(const struct filter_schema *base, struct sv path, struct filter_field *out)
{
	const struct bh_schema *s = (const struct bh_schema *)base;
	const struct table *t = s->table;
	struct sv head, tail;
	*out = (struct filter_field){ 0 };
	for (bool more = true; more; path = tail) {
		more = sv_cut(path, '.', &head, &tail);
		int f = own_field(t, head);
		if (f < 0 && more && has_compound(t, head)) {
			f = table_field(t, tail);
			more = false;
		}
		if (f < 0 || out->hops == FILTER_MAX_HOPS - 1)
			return false;
		const struct field_def *d = &t->def->fields[f];
		/* 'owner.id' is the reference itself. */
		if (more && d->type == FIELD_REFERENCE && sv_eq(tail, SV("id")))
			more = false;
		out->hop[out->hops] = f;
		out->kind = kind_of(d);
		out->is_id = out->hops == 0 && d->type == FIELD_ID;
		if (!more)
			return true;
		if (d->type != FIELD_REFERENCE)
			return false;
		out->hops++;
		t = tables_find(s->b->sys->tables, sv_of(d->target));
	}
	return true;
}

static struct filter_value filter_value_of(enum filter_kind kind, struct sv text)
{
	struct filter_value v = { .kind = kind };
	if (!text.ptr)
		v.kind = FILTER_NULL;
	else if (kind == FILTER_TEXT)
		v.text = text;
	else if (kind == FILTER_BOOL)
		v.number = sv_eq(text, SV("true"));
	else if (kind == FILTER_NUMBER && !filter_number(text, &v.number))
		v.kind = FILTER_NULL;
	return v;
}

static struct filter_value get(const struct filter_row *base, const struct filter_field *f)
{
	const struct bh_filter_row *v = (const struct bh_filter_row *)base;
	char scratch[32];
	const struct row *r = v->row;
	for (unsigned i = 0; i < f->hops; i++) {
		const struct field_def *d = &r->table->def->fields[f->hop[i]];
		struct table *target = tables_find(r->table->all, sv_of(d->target));
		r = table_row(target, bh_value_at(r, f->hop[i], v->as_of_ms, scratch));
		if (!r)
			return (struct filter_value){ .kind = FILTER_NULL };
	}
	return filter_value_of(f->kind, bh_value_at(r, f->hop[f->hops], v->as_of_ms, scratch));
}

struct bh_schema bh_schema_of(const struct bullhorn *b, const struct table *t)
{
	return (struct bh_schema){ .schema = { resolve }, .b = b, .table = t };
}

struct bh_filter_row bh_filter_row_of(const struct bullhorn *b, const struct row *r,
				      int64_t as_of_ms)
{
	return (struct bh_filter_row){ .base = { get }, .b = b, .row = r, .as_of_ms = as_of_ms };
}

#include "table.h"

#include "base/panic.h"

/* Keys of an index are folded to lower case, so that one index serves look-ups
 * that mind the case and those that do not; the former look again. */
struct index_entry {
	char *key;
	size_t key_len;
	struct row **rows; /* in the order of their places */
	size_t len, cap;
	UT_hash_handle hh;
};

struct table_index {
	struct index_entry *entries;
};

struct interned {
	char *text;
	size_t len;
	UT_hash_handle hh;
};

static struct sv value_dup(struct sv v)
{
	if (!v.ptr)
		return SV_NONE;
	char *copy = must_alloc(v.len + 1);
	if (v.len)
		memcpy(copy, v.ptr, v.len);
	copy[v.len] = '\0';
	return sv_make(copy, v.len);
}

static void value_free(struct sv *v)
{
	/* Values are only ever made by value_dup. */
	free((void *)(uintptr_t)v->ptr);
	*v = SV_NONE;
}

static bool value_eq(struct sv a, struct sv b)
{
	return !a.ptr == !b.ptr && sv_eq(a, b);
}

/* The text is kept in one block with its hash entry. */
struct sv tables_intern(struct tables *all, struct sv text)
{
	struct interned *it;
	if (!text.ptr)
		return SV_NONE;
	HASH_FIND(hh, all->names, text.ptr, text.len, it);
	if (!it) {
		it = must_zalloc(sizeof(*it) + text.len + 1);
		it->text = (char *)(it + 1);
		it->len = text.len;
		if (text.len)
			memcpy(it->text, text.ptr, text.len);
		HASH_ADD_KEYPTR(hh, all->names, it->text, it->len, it);
	}
	return sv_make(it->text, it->len);
}

static char *folded(struct sv v)
{
	char *key = must_alloc(v.len + 1);
	for (size_t i = 0; i < v.len; i++)
		key[i] = v.ptr[i] >= 'A' && v.ptr[i] <= 'Z' ? (char)(v.ptr[i] | 0x20) : v.ptr[i];
	key[v.len] = '\0';
	return key;
}

static struct index_entry *index_find(const struct table_index *ix, struct sv value)
{
	struct index_entry *e;
	char *key = folded(value);
	HASH_FIND(hh, ix->entries, key, value.len, e);
	free(key);
	return e;
}

static void index_add(struct table_index *ix, struct sv value, struct row *r)
{
	struct index_entry *e = index_find(ix, value);
	if (!e) {
		e = must_zalloc(sizeof(*e));
		e->key = folded(value);
		e->key_len = value.len;
		HASH_ADD_KEYPTR(hh, ix->entries, e->key, e->key_len, e);
	}
	if (e->len == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 1;
		e->rows = must_realloc(e->rows, e->cap * sizeof(*e->rows));
	}
	size_t at = e->len++;
	for (; at > 0 && e->rows[at - 1]->place > r->place; at--)
		e->rows[at] = e->rows[at - 1];
	e->rows[at] = r;
}

static void index_drop(struct table_index *ix, struct sv value, struct row *r)
{
	struct index_entry *e = index_find(ix, value);
	size_t at = 0;
	while (e && at < e->len && e->rows[at] != r)
		at++;
	if (!e || at == e->len)
		panic("row %.*s is not in the index", SV_ARG(r->id));
	memmove(e->rows + at, e->rows + at + 1, (e->len - at - 1) * sizeof(*e->rows));
	if (--e->len)
		return;
	HASH_DEL(ix->entries, e);
	free(e->rows);
	free(e->key);
	free(e);
}

static void index_free(struct table_index *ix)
{
	struct index_entry *e, *next;
	if (!ix)
		return;
	HASH_ITER(hh, ix->entries, e, next) {
		HASH_DEL(ix->entries, e);
		free(e->rows);
		free(e->key);
		free(e);
	}
	free(ix);
}

/* Deleted rows are in no index: their unique values are free again. */
static void row_index(struct row *r, bool in)
{
	for (size_t i = 0; i < r->table->def->fields_len; i++) {
		struct table_index *ix = r->table->indexes[i];
		if (ix && r->values[i].ptr)
			(in ? index_add : index_drop)(ix, r->values[i], r);
	}
}

static void row_assign(struct row *r, int field, struct sv value)
{
	struct table_index *ix = r->deleted ? NULL : r->table->indexes[field];
	if (ix && r->values[field].ptr)
		index_drop(ix, r->values[field], r);
	value_free(&r->values[field]);
	r->values[field] = value_dup(value);
	if (ix && r->values[field].ptr)
		index_add(ix, r->values[field], r);
}

struct tables *tables_create(struct clock *clock,
			     struct sv (*make_id)(struct tables *, struct table *, uint64_t, char[32]))
{
	struct tables *all = must_zalloc(sizeof(*all));
	all->clock = clock;
	all->make_id = make_id;
	all->next_seq = 1;
	return all;
}

static void change_free(struct change *c)
{
	for (size_t i = 0; i < c->fields_len; i++) {
		value_free(&c->fields[i].old_value);
		value_free(&c->fields[i].new_value);
	}
	free(c->fields);
	free(c);
}

static void row_free(struct row *r)
{
	for (size_t i = 0; i < r->table->def->fields_len; i++)
		value_free(&r->values[i]);
	value_free(&r->id);
	free(r->values);
	free(r);
}

static void table_free(struct table *t)
{
	HASH_CLEAR(by_id, t->by_id);
	for (size_t i = 0; i < t->rows_len; i++)
		row_free(t->rows[i]);
	for (size_t i = 0; i < t->def->fields_len; i++)
		index_free(t->indexes[i]);
	free(t->indexes);
	free(t->rows);
	free(t);
}

void tables_destroy(struct tables *all)
{
	struct interned *it, *next;
	if (!all)
		return;
	for (size_t i = 0; i < all->log_len; i++)
		change_free(all->log[i]);
	for (size_t i = 0; i < all->len; i++)
		table_free(all->items[i]);
	HASH_ITER(hh, all->names, it, next) {
		HASH_DEL(all->names, it);
		free(it);
	}
	free(all->log);
	free(all->shown);
	free(all->items);
	free(all);
}

struct table *tables_add(struct tables *all, const struct table_def *def)
{
	const unsigned indexed = FIELD_INDEXED | FIELD_UNIQUE | FIELD_EXTERNAL_ID;
	struct table *t = must_zalloc(sizeof(*t));
	t->def = def;
	t->all = all;
	t->next_number = 1;
	t->indexes = must_zalloc(def->fields_len * sizeof(struct table_index *));
	for (size_t i = 0; i < def->fields_len; i++)
		if (def->fields[i].flags & indexed)
			t->indexes[i] = must_zalloc(sizeof(struct table_index));
	all->items = must_realloc(all->items, (all->len + 1) * sizeof(struct table *));
	all->items[all->len++] = t;
	return t;
}

struct table *tables_find(struct tables *all, struct sv name)
{
	for (size_t i = 0; i < all->len; i++)
		if (sv_eq_nocase(sv_of(all->items[i]->def->name), name))
			return all->items[i];
	return NULL;
}

int table_field(const struct table *t, struct sv name)
{
	for (size_t i = 0; i < t->def->fields_len; i++)
		if (sv_eq(sv_of(t->def->fields[i].name), name))
			return (int)i;
	return -1;
}

int table_field_any_case(const struct table *t, struct sv name)
{
	for (size_t i = 0; i < t->def->fields_len; i++)
		if (sv_eq_nocase(sv_of(t->def->fields[i].name), name))
			return (int)i;
	return -1;
}

struct sv row_get(const struct row *r, const char *field)
{
	int i = table_field(r->table, sv_of(field));
	if (i < 0)
		panic("%s has no field %s", r->table->def->name, field);
	return r->values[i];
}

struct row *table_row(struct table *t, struct sv id)
{
	struct row *r = NULL;
	if (id.len)
		HASH_FIND(by_id, t->by_id, id.ptr, id.len, r);
	return r;
}

static bool same_key(const struct field_def *f, struct sv a, struct sv b)
{
	return f->flags & FIELD_CASE_SENSITIVE ? sv_eq(a, b) : sv_eq_nocase(a, b);
}

size_t table_lookup(struct table *t, int field, struct sv value, struct row **out, size_t max)
{
	const struct field_def *f = &t->def->fields[field];
	struct row **rows = t->rows;
	size_t len = t->rows_len, n = 0;
	if (!value.ptr)
		return 0;
	if (t->indexes[field]) {
		struct index_entry *e = index_find(t->indexes[field], value);
		rows = e ? e->rows : NULL;
		len = e ? e->len : 0;
	}
	for (size_t i = 0; i < len; i++) {
		struct row *r = rows[i];
		if (r->deleted || !r->values[field].ptr || !same_key(f, r->values[field], value))
			continue;
		if (n < max)
			out[n] = r;
		n++;
	}
	return n;
}

static void fill_initial(struct row *r, uint64_t number)
{
	for (size_t i = 0; i < r->table->def->fields_len; i++) {
		const struct field_def *f = &r->table->def->fields[i];
		char text[64];
		if (r->values[i].ptr || !f->initial)
			continue;
		if (f->flags & FIELD_AUTONUMBER)
			snprintf(text, sizeof(text), "%s%06llu", f->initial,
				 (unsigned long long)number);
		else
			snprintf(text, sizeof(text), "%s", f->initial);
		r->values[i] = value_dup(sv_of(text));
	}
}

static struct row *row_add(struct table *t, const struct assignment *set, size_t n, struct sv user,
			   int64_t at_ms)
{
	struct row *r = must_zalloc(sizeof(*r));
	uint64_t number = t->next_number++;
	char id[32];
	r->table = t;
	r->id = value_dup(t->all->make_id(t->all, t, number, id));
	r->values = must_zalloc(t->def->fields_len * sizeof(*r->values));
	r->created_ms = r->modified_ms = at_ms;
	r->created_by = r->modified_by = tables_intern(t->all, user);
	for (size_t i = 0; i < n; i++) {
		value_free(&r->values[set[i].field]);
		r->values[set[i].field] = value_dup(set[i].value);
	}
	fill_initial(r, number);
	if (t->rows_len == t->rows_cap) {
		t->rows_cap = t->rows_cap ? t->rows_cap * 2 : 64;
		t->rows = must_realloc(t->rows, t->rows_cap * sizeof(struct row *));
	}
	r->place = t->rows_len;
	t->rows[t->rows_len++] = r;
	HASH_ADD_KEYPTR(by_id, t->by_id, r->id.ptr, r->id.len, r);
	row_index(r, true);
	return r;
}

struct row *table_load(struct table *t, const struct assignment *set, size_t n, struct sv user, int64_t at_ms)
{
	return row_add(t, set, n, user, at_ms);
}

/* A new change of the row in the log, with the row stamped. */
static struct change *record(struct row *r, enum change_kind kind, const struct writer *w)
{
	struct tables *all = r->table->all;
	struct change *c = must_zalloc(sizeof(*c));
	c->seq = all->next_seq++;
	c->kind = kind;
	c->at_ms = clock_now(all->clock);
	c->asked_ms = w->asked_ms ? w->asked_ms : c->at_ms;
	c->table = r->table;
	c->row = r;
	c->user = tables_intern(all, w->user);
	c->channel = w->channel;
	c->client = tables_intern(all, w->client);
	c->previous_modified_ms = r->modified_ms;
	c->previous_modified_by = r->modified_by;
	c->previous = r->last;
	r->last = c;
	r->modified_ms = c->at_ms;
	r->modified_by = c->user;
	if (all->log_len == all->log_cap) {
		all->log_cap = all->log_cap ? all->log_cap * 2 : 256;
		all->log = must_realloc(all->log, all->log_cap * sizeof(struct change *));
	}
	all->log[all->log_len++] = c;
	return c;
}

struct change *table_insert(struct table *t, const struct assignment *set, size_t n, const struct writer *w)
{
	struct row *r = row_add(t, set, n, w->user, clock_now(t->all->clock));
	struct change *c = record(r, CHANGE_INSERT, w);
	c->fields = must_zalloc(t->def->fields_len * sizeof(*c->fields));
	for (size_t i = 0; i < t->def->fields_len; i++)
		if (r->values[i].ptr)
			c->fields[c->fields_len++] = (struct field_change){
				(int)i, SV_NONE, value_dup(r->values[i])
			};
	return c;
}

struct change *table_update(struct row *r, const struct assignment *set, size_t n, const struct writer *w)
{
	struct change *c = record(r, CHANGE_UPDATE, w);
	c->fields = must_zalloc((n ? n : 1) * sizeof(*c->fields));
	for (size_t i = 0; i < n; i++) {
		int f = set[i].field;
		if (value_eq(r->values[f], set[i].value))
			continue;
		c->fields[c->fields_len++] = (struct field_change){ f, value_dup(r->values[f]),
								    value_dup(set[i].value) };
		row_assign(r, f, set[i].value);
	}
	return c;
}

struct change *table_delete(struct row *r, const struct writer *w)
{
	struct change *c = record(r, CHANGE_DELETE, w);
	row_index(r, false);
	r->deleted = true;
	return c;
}

struct change *table_undelete(struct row *r, const struct writer *w)
{
	struct change *c = record(r, CHANGE_UNDELETE, w);
	r->deleted = false;
	row_index(r, true);
	return c;
}

static void row_remove_last(struct row *r)
{
	struct table *t = r->table;
	if (t->rows[t->rows_len - 1] != r)
		panic("undoing the insert of %.*s, which is not the last row", SV_ARG(r->id));
	row_index(r, false);
	HASH_DELETE(by_id, t->by_id, r);
	t->rows_len--;
	row_free(r);
}

void tables_undo(struct tables *all, struct change *c)
{
	struct row *r = c->row;
	if (!all->log_len || all->log[all->log_len - 1] != c)
		panic("undoing change %llu, which is not the newest", (unsigned long long)c->seq);
	all->log_len--;
	switch (c->kind) {
	case CHANGE_INSERT:
		row_remove_last(r);
		r = NULL;
		break;
	case CHANGE_UPDATE:
		for (size_t i = c->fields_len; i-- > 0;)
			row_assign(r, c->fields[i].field, c->fields[i].old_value);
		break;
	case CHANGE_DELETE:
		r->deleted = false;
		row_index(r, true);
		break;
	case CHANGE_UNDELETE:
		row_index(r, false);
		r->deleted = true;
		break;
	}
	if (r) {
		r->modified_ms = c->previous_modified_ms;
		r->modified_by = c->previous_modified_by;
		r->last = c->previous;
	}
	change_free(c);
}

void tables_note_read(struct tables *all, const struct row *r)
{
	if (!all->note_reads)
		return;
	if (all->shown_len == all->shown_cap) {
		all->shown_cap = all->shown_cap ? all->shown_cap * 2 : 256;
		all->shown = must_realloc(all->shown, all->shown_cap * sizeof(*all->shown));
	}
	all->shown[all->shown_len++] = (struct showing){ .seq = all->next_seq - 1, .row = r };
}

const char *channel_name(enum channel c)
{
	static const char *const names[] = { "api", "user", "office", "automation", "seed" };
	return names[c];
}

const char *change_kind_name(enum change_kind k)
{
	static const char *const names[] = { "insert", "update", "delete", "undelete" };
	return names[k];
}

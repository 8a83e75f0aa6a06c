/* Writing: the rules of a record, and the transaction around several. */
#include "base/panic.h"
#include "salesforce.h"

enum { SET_MAX = 64 };

/* The assignments that one record's JSON comes to. */
struct record_set {
	struct assignment items[SET_MAX];
	size_t len;
};

bool sf_fail(struct arena *a, struct sf_error *e, int http, const char *code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	e->http = http;
	e->code = code;
	e->message = http_utf8(a, sv_of(text));
	return false;
}

void sf_fail_field(struct sf_error *e, const char *field)
{
	if (e->fields_len < countof(e->fields))
		e->fields[e->fields_len++] = sv_of(field);
}

void sf_txn_begin(struct sf_txn *x, struct salesforce *sf, struct arena *a)
{
	*x = (struct sf_txn){ .sf = sf, .a = a };
}

/* 'client=NAME' of Sforce-Call-Options; change events carry it on. */
static struct sv client_tag(const struct http_request *req)
{
	struct sv all = http_header(req, "Sforce-Call-Options"), item, key, value;
	while (all.len) {
		sv_cut(all, ',', &item, &all);
		if (sv_cut(sv_trim(item), '=', &key, &value) && sv_eq_nocase(sv_trim(key), SV("client")))
			return sv_trim(value);
	}
	return SV_NONE;
}

struct sf_txn *sf_txn_of(struct sf_call *c, struct sf_txn *own)
{
	if (c->outer)
		return c->outer;
	struct sv client = client_tag(c->req);
	sf_txn_begin(own, c->sf, c->a);
	own->who = c->who;
	own->writer = (struct writer){ .user = c->who->user,
				       .channel = c->who->integration ? CHANNEL_API : CHANNEL_USER,
				       .client = client,
				       .asked_ms = c->req->came_ms };
	own->origin = arena_printf(c->a, "com/salesforce/api/rest/%.*s%s%.*s", (int)c->version.len - 1,
				   c->version.ptr + 1, client.len ? ";client=" : "", SV_ARG(client));
	return own;
}

void sf_txn_done(struct sf_call *c, struct sf_txn *x)
{
	if (x != c->outer)
		sf_txn_commit(x);
}

void sf_txn_commit(struct sf_txn *x)
{
	if (x->len)
		sf_events_of(x);
	free(x->changes);
	x->changes = NULL;
	x->len = x->cap = 0;
	sandbox_wake(x->sf->box);
}

void sf_txn_rollback(struct sf_txn *x, size_t keep)
{
	while (x->len > keep)
		tables_undo(x->sf->system->tables, x->changes[--x->len]);
}

static void txn_add(struct sf_txn *x, struct change *c)
{
	if (x->len == x->cap) {
		x->cap = x->cap ? x->cap * 2 : 16;
		x->changes = must_realloc(x->changes, x->cap * sizeof(struct change *));
	}
	x->changes[x->len++] = c;
}

struct row *sf_live_row(struct arena *a, struct table *t, struct sv id, struct sf_error *e)
{
	char full[SF_ID_LEN + 1];
	if (!sf_id_normal(id, full)) {
		sf_fail_field(e, "Id");
		sf_fail(a, e, 400, "MALFORMED_ID", "%s ID: id value of incorrect type: %.*s",
			t->def->label, SV_ARG(id));
		return NULL;
	}
	struct row *r = memcmp(full, t->def->prefix, 3) == 0 ? table_row(t, sv_make(full, SF_ID_LEN)) : NULL;
	if (!r)
		sf_fail(a, e, 404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id");
	else if (r->deleted)
		sf_fail(a, e, 404, "ENTITY_IS_DELETED", "entity is deleted");
	return r && !r->deleted ? r : NULL;
}

static bool unknown_column(struct sf_txn *x, struct table *t, const char *name, struct sf_error *e)
{
	return sf_fail(x->a, e, 400, "INVALID_FIELD", "No such column '%s' on sobject of type %s", name,
		       t->def->name);
}

static bool not_writable(struct sf_txn *x, const struct field_def *f, struct sf_error *e)
{
	sf_fail_field(e, f->name);
	return sf_fail(x->a, e, 400, "INVALID_FIELD_FOR_INSERT_UPDATE",
		       "Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.",
		       f->name);
}

/* Writes "Account":{"Bullhorn_Id__c":"7"} as the id of that account. */
static bool by_relationship(struct sf_txn *x, struct table *t, const char *name, struct json_object *value,
			    struct record_set *set, struct sf_error *e)
{
	for (size_t i = 0; i < t->def->fields_len; i++) {
		const struct field_def *f = &t->def->fields[i];
		if (!f->relationship || !sv_eq_nocase(sv_of(f->relationship), sv_of(name)) ||
		    !json_object_is_type(value, json_type_object))
			continue;
		struct table *target = tables_find(t->all, sv_of(f->target));
		json_object_object_foreach(value, key, inner) {
			int k = table_field_any_case(target, sv_of(key));
			struct row *found;
			if (sv_eq_nocase(sv_of(key), SV("attributes")))
				continue;
			if (set->len == SET_MAX)
				return sf_fail(x->a, e, 400, "LIMIT_EXCEEDED", "too many fields in one record");
			if (k < 0 || !(target->def->fields[k].flags & FIELD_ID_LOOKUP))
				return unknown_column(x, target, key, e);
			if (table_lookup(target, k, json_scalar_text(inner), &found, 1) != 1)
				return sf_fail(x->a, e, 400, "INVALID_FIELD",
					       "Foreign key external ID: %.*s not found for field %s in entity %s",
					       SV_ARG(json_scalar_text(inner)), target->def->fields[k].name,
					       target->def->name);
			set->items[set->len++] = (struct assignment){ (int)i, found->id };
		}
		return true;
	}
	return unknown_column(x, t, name, e);
}

/* The record's JSON as assignments. 'skip' is the key of an upsert by URL. */
static bool read_record(struct sf_txn *x, struct table *t, struct row *r, struct json_object *fields,
			struct record_set *set, struct sf_error *e)
{
	if (!json_object_is_type(fields, json_type_object))
		return sf_fail(x->a, e, 400, "JSON_PARSER_ERROR", "The HTTP entity body must be an object");
	json_object_object_foreach(fields, key, value) {
		if (set->len == SET_MAX)
			return sf_fail(x->a, e, 400, "LIMIT_EXCEEDED", "too many fields in one record");
		if (sv_eq(sv_of(key), SV("attributes")) || sv_eq_nocase(sv_of(key), SV("Id")))
			continue;
		int f = table_field_any_case(t, sv_of(key));
		if (f < 0 || !sf_may_read(x->who, t, f)) {
			if (!by_relationship(x, t, key, value, set, e))
				return false;
			continue;
		}
		unsigned no = r ? FIELD_NO_UPDATE : FIELD_NO_CREATE;
		if (t->def->fields[f].flags & no || !sf_may_edit(x->who, t, f))
			return not_writable(x, &t->def->fields[f], e);
		struct assignment *one = &set->items[set->len];
		one->field = f;
		if (!sf_accept(x->a, t, f, value, &one->value, e))
			return false;
		set->len++;
	}
	return true;
}

static bool say_problem(struct sf_txn *x, struct table *t, const struct assignment *as,
			const struct table_problem *why, struct sf_error *e)
{
	const struct field_def *f = &t->def->fields[why->field];
	struct arena *a = x->a;
	if (why->fault != TABLE_NO_TARGET)
		sf_fail_field(e, f->name);
	switch (why->fault) {
	case TABLE_REQUIRED:
		return sf_fail(a, e, 400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [%s]", f->name);
	case TABLE_TOO_LONG:
		return sf_fail(a, e, 400, "STRING_TOO_LONG", "%s: data value too large: %.*s (max length=%d)",
			       f->label, (int)(as->value.len < 200 ? as->value.len : 200), as->value.ptr,
			       f->length);
	case TABLE_BAD_PICKLIST:
		return sf_fail(a, e, 400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
			       "%s: bad value for restricted picklist field: %.*s", f->label, SV_ARG(as->value));
	case TABLE_READ_ONLY:
		e->fields_len--;
		return not_writable(x, f, e);
	case TABLE_DUPLICATE:
		e->fields_len = 0;
		return sf_fail(a, e, 400, "DUPLICATE_VALUE",
			       "duplicate value found: %s duplicates value on record with id: %.15s", f->name,
			       why->other->id.ptr);
	case TABLE_NO_TARGET: {
		struct row *r = sf_row(tables_find(t->all, sv_of(f->target)), as->value);
		if (r && r->deleted)
			return sf_fail(a, e, 400, "ENTITY_IS_DELETED", "entity is deleted");
		return sf_fail(a, e, 400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id");
	}
	case TABLE_BAD_EMAIL:
		return sf_fail(a, e, 400, "INVALID_EMAIL_ADDRESS", "%s: invalid email address: %.*s", f->label,
			       SV_ARG(as->value));
	case TABLE_BAD_TYPE:
	case TABLE_OK:
		break;
	}
	return sf_fail(a, e, 400, "INVALID_TYPE_ON_FIELD_IN_RECORD", "%s: value not of required type: %.*s",
		       f->label, SV_ARG(as->value));
}

static bool check_record(struct sf_txn *x, struct table *t, struct row *r, const struct record_set *set,
			 struct sf_error *e)
{
	struct table_problem why;
	for (size_t i = 0; i < set->len; i++)
		if (table_check_value(t, r, set->items[i].field, set->items[i].value, &why))
			return say_problem(x, t, &set->items[i], &why, e);
	return true;
}

/* All required fields that are missing, in one error. */
static bool check_required(struct sf_txn *x, struct table *t, const struct record_set *set, struct sf_error *e)
{
	struct buf names;
	int f = -1;
	bool ok = true;
	buf_init(&names, 512);
	while ((f = table_missing_required(t, set->items, set->len, f + 1)) >= 0) {
		const struct field_def *d = &t->def->fields[f];
		if (d->flags & FIELD_NO_CREATE)
			continue;
		buf_addf(&names, "%s%s", names.len ? ", " : "", d->name);
		sf_fail_field(e, d->name);
		ok = false;
	}
	if (!ok)
		sf_fail(x->a, e, 400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [%s]", names.ptr);
	buf_finish(&names);
	return ok;
}

bool sf_create(struct sf_txn *x, struct table *t, struct json_object *fields, struct row **out,
	       struct sf_error *e)
{
	struct record_set set = { .len = 0 };
	if (t == x->sf->user || t == x->sf->organization)
		return sf_fail(x->a, e, 403, "INSUFFICIENT_ACCESS_OR_READONLY",
			       "insufficient access rights on object");
	if (!read_record(x, t, NULL, fields, &set, e))
		return false;
	set.len = sf_rules_apply(x->sf, x->a, t, set.items, set.len, SET_MAX);
	if (!check_required(x, t, &set, e) || !check_record(x, t, NULL, &set, e))
		return false;
	struct change *c = table_insert(t, set.items, set.len, &x->writer);
	txn_add(x, c);
	*out = c->row;
	return true;
}

bool sf_update(struct sf_txn *x, struct row *r, struct json_object *fields, struct sf_error *e)
{
	struct record_set set = { .len = 0 };
	struct table *t = r->table;
	if (t == x->sf->user || t == x->sf->organization)
		return sf_fail(x->a, e, 403, "INSUFFICIENT_ACCESS_OR_READONLY",
			       "insufficient access rights on object id");
	if (x->sf->locked_rows > 0 && x->who && x->who->integration) {
		x->sf->locked_rows--;
		return sf_fail(x->a, e, 400, "UNABLE_TO_LOCK_ROW",
			       "unable to obtain exclusive access to this record or 1 records: %.*s", SV_ARG(r->id));
	}
	if (!read_record(x, t, r, fields, &set, e))
		return false;
	set.len = sf_rules_apply(x->sf, x->a, t, set.items, set.len, SET_MAX);
	if (!check_record(x, t, r, &set, e))
		return false;
	txn_add(x, table_update(r, set.items, set.len, &x->writer));
	return true;
}

bool sf_delete(struct sf_txn *x, struct row *r, struct sf_error *e)
{
	if (r->table == x->sf->user || r->table == x->sf->organization)
		return sf_fail(x->a, e, 403, "INSUFFICIENT_ACCESS_OR_READONLY",
			       "insufficient access rights on object id");
	txn_add(x, table_delete(r, &x->writer));
	return true;
}

void sf_undelete(struct sf_txn *x, struct row *r)
{
	txn_add(x, table_undelete(r, &x->writer));
}

static bool same_text(const struct field_def *f, struct sv a, struct sv b)
{
	return f->flags & FIELD_CASE_SENSITIVE ? sv_eq(a, b) : sv_eq_nocase(a, b);
}

/* 'fields' with the key added, as the new record needs it. The caller frees. */
static struct json_object *with_key(struct table *t, int key, struct sv value, struct json_object *fields)
{
	struct json_object *o = json_object_new_object();
	if (json_object_is_type(fields, json_type_object)) {
		json_object_object_foreach(fields, name, v)
			json_object_object_add(o, name, json_object_get(v));
	}
	json_put_sv(o, t->def->fields[key].name, value);
	return o;
}

bool sf_upsert(struct sf_txn *x, struct table *t, int key, struct sv value, struct json_object *fields,
	       bool update_only, struct row **out, bool *created, struct sf_error *e)
{
	struct row *found[2];
	const struct field_def *f = &t->def->fields[key];
	*created = false;
	if (!value.len)
		return sf_fail(x->a, e, 400, "MISSING_ARGUMENT", "%s not specified", f->name);
	size_t n = table_lookup(t, key, value, found, 2);
	if (n > 1)
		return sf_fail(x->a, e, 300, "DUPLICATE_EXTERNAL_ID",
			       "%s: more than one record found for external id field", f->name);
	if (n == 1) {
		*out = found[0];
		if (!same_text(f, found[0]->values[key], value))
			panic("look-up by %s found another value", f->name);
		return sf_update(x, found[0], fields, e);
	}
	if (update_only)
		return sf_fail(x->a, e, 404, "NOT_FOUND", "The requested resource does not exist");
	struct json_object *whole = with_key(t, key, value, fields);
	*created = true;
	bool ok = sf_create(x, t, whole, out, e);
	/* Texts taken from JSON were copied into the row; only errors may still
	 * point into it, and they hold copies too. */
	json_object_put(whole);
	return ok;
}

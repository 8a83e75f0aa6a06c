/* Whatever changes a record, through the API or by people, comes through here:
 * one set of rules, one edit history, one queue of events. */
#include <inttypes.h>

#include "base/panic.h"
#include "bullhorn.h"

enum { MAX_SET = 64 };

struct bh_transaction bh_begin(struct bullhorn *b, struct writer w)
{
	struct bh_transaction t = { .writer = w };
	token_make(t.id);
	return t;
}

static int64_t number_of(struct sv id)
{
	int64_t n = 0;
	sv_to_i64(id, &n);
	return n;
}

/* --- telling of a change --- */

/* Parts of a composite are told as the whole, once. */
static void add_property(struct queue_event *e, const char *name)
{
	for (size_t i = 0; i < e->properties_len; i++)
		if (strcmp(e->properties[i], name) == 0)
			return;
	if (e->properties_len < QUEUE_MAX_PROPERTIES)
		e->properties[e->properties_len++] = name;
}

static void announce(struct bullhorn *b, const struct change *c, enum event_kind kind,
		     const struct bh_transaction *t, const char *flag)
{
	const struct table_def *def = c->table->def;
	struct queue_event e = { .at_ms = c->at_ms,
				 .kind = kind,
				 .entity = def->name,
				 .entity_id = number_of(c->row->id),
				 .person = number_of(t->writer.user) };
	memcpy(e.transaction, t->id, sizeof(e.transaction));
	for (size_t i = 0; kind == EVENT_UPDATED && i < c->fields_len; i++) {
		const struct field_def *f = &def->fields[c->fields[i].field];
		add_property(&e, f->compound ? f->compound : f->name);
	}
	if (flag)
		add_property(&e, flag);
	queue_post(&b->queue, &e);
}

/* History spells dates like '1975-01-01 12:00:00.0'. */
static struct sv spell(const struct field_def *f, struct sv v, char out[40])
{
	int64_t ms;
	char iso[TIME_TEXT_SIZE];
	if (!v.ptr || f->type != FIELD_DATETIME || !sv_to_i64(v, &ms))
		return v;
	time_format_ms(ms, iso);
	return sv_make(out, (size_t)snprintf(out, 40, "%.10s %.8s.0", iso, iso + 11));
}

static void file_edit(struct bullhorn *b, const struct change *c, const struct bh_transaction *t,
		      const char *flag)
{
	enum history_kind k = bh_types[bh_entity_of(b, c->table)].history;
	if (k == HISTORY_NONE || b->history_off)
		return;
	history_edit(&b->history, k, number_of(c->row->id), number_of(t->writer.user), c->at_ms,
		     t->id);
	for (size_t i = 0; i < c->fields_len; i++) {
		const struct field_def *f = &c->table->def->fields[c->fields[i].field];
		char was[40], is[40];
		history_note(&b->history, k, f->name, spell(f, c->fields[i].old_value, was),
			     spell(f, c->fields[i].new_value, is));
	}
	if (flag)
		history_note(&b->history, k, flag, c->row->deleted ? SV("false") : SV("true"),
			     c->row->deleted ? SV("true") : SV("false"));
}

/* --- rules --- */

static void refuse_value(struct bh_refusal *why, const struct table *t,
			 const struct table_problem *bad)
{
	const struct field_def *f = &t->def->fields[bad->field];
	const char *name = f->name;
	switch (bad->fault) {
	case TABLE_REQUIRED:
		bh_refuse(why, 400, "errors.missingRequiredProperty",
			  "Required property '%s' of %s is missing", name, t->def->name);
		why->type = "MISSING_REQUIRED_PROPERTY";
		break;
	case TABLE_TOO_LONG:
		bh_refuse(why, 400, "errors.cannotPersistEntity",
			  "error persisting an entity of type: %s: "
			  "the value of '%s' is longer than %d characters",
			  t->def->name, name, f->length);
		why->type = "INVALID_FIELD_LENGTH";
		break;
	case TABLE_READ_ONLY:
		bh_refuse(why, 400, "errors.propertyNotUpdatable",
			  "Property '%s' of %s can not be changed", name, t->def->name);
		why->type = "PROPERTY_NOT_UPDATABLE";
		break;
	case TABLE_NO_TARGET:
		bh_refuse(why, 400, "errors.invalidAssociation",
			  "'%s' of %s refers to no existing %s", name, t->def->name, f->target);
		why->type = "INVALID_ASSOCIATION";
		break;
	default:
		bh_refuse(why, 400, "errors.invalidPropertyValue",
			  "The value of '%s' of %s does not fit its type", name, t->def->name);
		why->type = "INVALID_PROPERTY_VALUE";
	}
	snprintf(why->property, sizeof(why->property), "%s", name);
}

static int field_named(const struct table *t, struct sv name)
{
	struct sv head, tail;
	int f = table_field(t, name);
	if (f < 0 && sv_cut(name, '.', &head, &tail)) {
		f = table_field(t, tail);
		if (f >= 0 &&
		    !(t->def->fields[f].compound && sv_eq(head, sv_of(t->def->fields[f].compound))))
			f = -1;
	}
	return f;
}

/* What is written, ready for the table. isDeleted is not a value of the row
 * but its state, so it is kept apart. */
struct draft {
	struct assignment set[MAX_SET];
	size_t n;
	struct arena arena; /* of values made here */
	bool has_deleted, deleted;
};

static bool draft_add(struct draft *d, int field, struct sv value)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->set[i].field == field) {
			d->set[i].value = value;
			return true;
		}
	if (d->n == MAX_SET)
		return false;
	d->set[d->n++] = (struct assignment){ field, value };
	return true;
}

static struct sv draft_get(const struct draft *d, int field, bool *given)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->set[i].field == field) {
			*given = true;
			return d->set[i].value;
		}
	*given = false;
	return SV_NONE;
}

/* A decimal column has four places: what is written with more is rounded, and
 * whoever reads sees all four. Half goes away from zero. */
static struct sv four_places(struct arena *a, struct sv v)
{
	struct sv whole, places;
	int64_t n;
	sv_cut(v, '.', &whole, &places);
	bool up = places.len > 4 && places.ptr[4] >= '5';
	if (places.len > 4)
		v = sv_make(v.ptr, whole.len + 5);
	if (!filter_number(v, &n))
		return v;
	bool negative = v.ptr[0] == '-';
	uint64_t size = (uint64_t)(negative ? -n : n) + up;
	return arena_printf(a, "%s%" PRIu64 ".%04u", negative && size ? "-" : "",
			    size / FILTER_SCALE, (unsigned)(size % FILTER_SCALE));
}

static bool draft_fill(struct draft *d, struct table *t, const struct named_value *set, size_t n,
		       struct bh_refusal *why)
{
	for (size_t i = 0; i < n; i++) {
		int field = field_named(t, set[i].field);
		if (field < 0) {
			bh_refuse(why, 400, "errors.invalidPropertyName",
				  "Invalid field '%.*s' for entity %s", SV_ARG(set[i].field),
				  t->def->name);
			why->type = "INVALID_PROPERTY_NAME";
			snprintf(why->property, sizeof(why->property), "%.*s",
				 SV_ARG(set[i].field));
			return false;
		}
		const struct field_def *f = &t->def->fields[field];
		struct sv v = set[i].value;
		if (f->type == FIELD_COMPUTED && strcmp(f->name, "isDeleted") == 0) {
			d->has_deleted = true;
			d->deleted = sv_eq(v, SV("true"));
			continue;
		}
		if (f->type == FIELD_CURRENCY && v.ptr)
			v = four_places(&d->arena, v);
		if (!draft_add(d, field, v)) {
			bh_refuse(why, 400, "errors.tooManyFields", "more than %d fields", MAX_SET);
			return false;
		}
	}
	return true;
}

/* An immutable field may be written with what it holds already. */
static bool draft_check(struct draft *d, struct table *t, struct row *r, struct bh_refusal *why)
{
	struct table_problem bad;
	for (size_t i = 0; i < d->n; i++) {
		struct sv v = d->set[i].value;
		if (r && v.ptr && sv_eq(r->values[d->set[i].field], v))
			continue;
		if (table_check_value(t, r, d->set[i].field, v, &bad) != TABLE_OK) {
			refuse_value(why, t, &bad);
			return false;
		}
	}
	return true;
}

/* 'name' follows firstName and lastName unless it is written as well. */
static void keep_name(struct draft *d, struct table *t, const struct row *r)
{
	int first = table_field(t, SV("firstName")), last = table_field(t, SV("lastName"));
	int name = table_field(t, SV("name"));
	bool has_first, has_last, has_name;
	if (first < 0 || last < 0 || name < 0)
		return;
	struct sv f = draft_get(d, first, &has_first), l = draft_get(d, last, &has_last);
	draft_get(d, name, &has_name);
	if (has_name || (!has_first && !has_last))
		return;
	if (!has_first && r)
		f = r->values[first];
	if (!has_last && r)
		l = r->values[last];
	draft_add(d, name, sv_trim(arena_printf(&d->arena, "%.*s %.*s", SV_ARG(f), SV_ARG(l))));
}

/* --- the effects of one write on others --- */

static void set_status(struct bullhorn *b, struct row *r, const char *status,
		       const struct bh_transaction *t)
{
	int field = table_field(r->table, SV("status"));
	struct assignment set = { field, sv_of(status) };
	if (sv_eq(r->values[field], set.value))
		return;
	struct writer w = t->writer;
	struct change *c = table_update(r, &set, 1, &w);
	file_edit(b, c, t, NULL);
	announce(b, c, EVENT_UPDATED, t, NULL);
}

static void place_submissions(struct bullhorn *b, const struct row *placement,
			      const struct bh_transaction *t)
{
	struct table *subs = b->tables[BH_JOB_SUBMISSION];
	int candidate = table_field(subs, SV("candidate")), job = table_field(subs, SV("jobOrder"));
	struct row *rows[16];
	size_t n = table_lookup(subs, candidate, row_get(placement, "candidate"), rows,
				countof(rows));
	for (size_t i = 0; i < n && i < countof(rows); i++)
		if (sv_eq(rows[i]->values[job], row_get(placement, "jobOrder")))
			set_status(b, rows[i], "Placed", t);
}

/* Adding a placement places the candidate, the submission and the job, by the
 * same person in the same transaction (kb.bullhorn.com, hiring process). */
static void after_placement(struct bullhorn *b, const struct row *p, const struct bh_transaction *t)
{
	struct row *candidate = table_row(b->tables[BH_CANDIDATE], row_get(p, "candidate"));
	struct row *job = table_row(b->tables[BH_JOB_ORDER], row_get(p, "jobOrder"));
	if (candidate)
		set_status(b, candidate, "Placed", t);
	place_submissions(b, p, t);
	if (job)
		set_status(b, job, "Placed", t);
}

/* A new company gets a contact that nobody asked for (rest-api-docs
 * _entity.md): archived, and with an event of its own. */
static void after_company(struct bullhorn *b, const struct row *company,
			  const struct bh_transaction *t)
{
	const struct named_value set[] = { { SV("firstName"), SV("Default") },
					   { SV("lastName"), SV("Contact") },
					   { SV("status"), SV("Archive") },
					   { SV("clientCorporation"), company->id } };
	struct bh_refusal why = { 0 };
	if (!bh_create(b, BH_CLIENT_CONTACT, set, countof(set), t, NULL, &why))
		panic("default contact: %s", why.message);
}

/* --- the three writes --- */

static void own_by_writer(struct draft *d, struct table *t, const struct bh_transaction *by)
{
	static const char *const owners[] = { "owner", "sendingUser" };
	bool given;
	for (size_t i = 0; i < countof(owners); i++) {
		int f = table_field(t, sv_of(owners[i]));
		if (f >= 0 && (draft_get(d, f, &given), !given))
			draft_add(d, f, by->writer.user);
	}
}

static bool create(struct bullhorn *b, enum bh_entity e, struct draft *d,
		   const struct bh_transaction *t, struct row **out, struct bh_refusal *why)
{
	struct table *table = b->tables[e];
	int missing = table_missing_required(table, d->set, d->n, 0);
	if (missing >= 0) {
		refuse_value(why, table, &(struct table_problem){ TABLE_REQUIRED, missing, NULL });
		return false;
	}
	keep_name(d, table, NULL);
	own_by_writer(d, table, t);
	if (!draft_check(d, table, NULL, why))
		return false;
	struct writer w = t->writer;
	struct change *c = table_insert(table, d->set, d->n, &w);
	struct row *r = c->row;
	announce(b, c, EVENT_INSERTED, t, NULL);
	if (e == BH_PLACEMENT)
		after_placement(b, r, t);
	if (e == BH_CLIENT_CORPORATION)
		after_company(b, r, t);
	sandbox_wake(b->sys->box);
	if (out)
		*out = r;
	return true;
}

bool bh_create(struct bullhorn *b, enum bh_entity e, const struct named_value *set, size_t n,
	       const struct bh_transaction *t, struct row **out, struct bh_refusal *why)
{
	struct draft d = { .n = 0 };
	arena_init(&d.arena);
	bool ok = draft_fill(&d, b->tables[e], set, n, why) && create(b, e, &d, t, out, why);
	arena_finish(&d.arena);
	return ok;
}

static void change_deleted(struct bullhorn *b, struct row *r, bool deleted,
			   const struct bh_transaction *t)
{
	struct writer w = t->writer;
	if (r->deleted == deleted)
		return;
	struct change *c = deleted ? table_delete(r, &w) : table_undelete(r, &w);
	file_edit(b, c, t, "isDeleted");
	announce(b, c, EVENT_UPDATED, t, "isDeleted");
}

static bool update(struct bullhorn *b, struct row *r, struct draft *d,
		   const struct bh_transaction *t, struct bh_refusal *why)
{
	enum bh_entity e = bh_entity_of(b, r->table);
	if (d->has_deleted && !(bh_types[e].traits & BH_SOFT_DELETE)) {
		bh_refuse(why, 400, "errors.propertyNotUpdatable",
			  "Property 'isDeleted' of %s can not be changed", bh_types[e].def.name);
		return false;
	}
	keep_name(d, r->table, r);
	if (!draft_check(d, r->table, r, why))
		return false;
	struct writer w = t->writer;
	if (d->n > 0 || !d->has_deleted) {
		struct change *c = table_update(r, d->set, d->n, &w);
		if (c->fields_len > 0) {
			file_edit(b, c, t, NULL);
			announce(b, c, EVENT_UPDATED, t, NULL);
		}
	}
	if (d->has_deleted)
		change_deleted(b, r, d->deleted, t);
	sandbox_wake(b->sys->box);
	return true;
}

bool bh_update(struct bullhorn *b, struct row *r, const struct named_value *set, size_t n,
	       const struct bh_transaction *t, struct bh_refusal *why)
{
	struct draft d = { .n = 0 };
	arena_init(&d.arena);
	bool ok = draft_fill(&d, r->table, set, n, why) && update(b, r, &d, t, why);
	arena_finish(&d.arena);
	return ok;
}

bool bh_remove(struct bullhorn *b, struct row *r, const struct bh_transaction *t,
	       struct bh_refusal *why)
{
	enum bh_entity e = bh_entity_of(b, r->table);
	if (bh_types[e].traits & BH_NO_DELETE) {
		bh_refuse(why, 400, "errors.immutableEntity",
			  "%s is immutable and can not be deleted", bh_types[e].def.name);
		return false;
	}
	if (bh_types[e].traits & BH_SOFT_DELETE) {
		change_deleted(b, r, true, t);
	} else {
		struct writer w = t->writer;
		announce(b, table_delete(r, &w), EVENT_DELETED, t, NULL);
	}
	sandbox_wake(b->sys->box);
	return true;
}

/* --- bodies --- */

struct body {
	struct arena *arena;
	struct table *table;
	struct named_value *set;
	size_t n, cap;
	struct bh_refusal *why;
};

static bool body_bad(struct body *b, const char *name, const char *wanted)
{
	bh_refuse(b->why, 400, "errors.invalidPropertyValue", "The value of '%s' of %s must be %s",
		  name, b->table->def->name, wanted);
	b->why->type = "INVALID_PROPERTY_VALUE";
	snprintf(b->why->property, sizeof(b->why->property), "%s", name);
	return false;
}

static void body_add(struct body *b, const char *name, struct sv value)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 16;
		struct named_value *grown = arena_array(b->arena, struct named_value, b->cap);
		if (b->n)
			memcpy(grown, b->set, b->n * sizeof(*grown));
		b->set = grown;
	}
	b->set[b->n++] = (struct named_value){ arena_sv(b->arena, sv_of(name)), value };
}

static bool body_list(struct body *b, const char *name, struct json_object *v)
{
	if (!json_object_is_type(v, json_type_array))
		return body_bad(b, name, "a list of strings");
	size_t n = json_object_array_length(v), size = 1;
	for (size_t i = 0; i < n; i++)
		size += json_scalar_text(json_object_array_get_idx(v, i)).len + 1;
	char *text = arena_alloc(b->arena, size);
	size_t len = 0;
	for (size_t i = 0; i < n; i++) {
		struct sv one = json_scalar_text(json_object_array_get_idx(v, i));
		len += (size_t)snprintf(text + len, size - len, "%s%.*s", i ? ";" : "",
					SV_ARG(one));
	}
	body_add(b, name, n ? sv_make(text, len) : SV_NONE);
	return true;
}

/* Numbers stay numbers and booleans booleans: a timestamp given as a string is
 * refused, as the real one does. */
static bool body_value(struct body *b, const char *name, const struct field_def *f,
		       struct json_object *v)
{
	bool number = json_object_is_type(v, json_type_int) ||
		      json_object_is_type(v, json_type_double);
	if (!v) {
		body_add(b, name, SV_NONE);
		return true;
	}
	switch (f->type) {
	case FIELD_REFERENCE:
		if (!json_object_is_type(v, json_type_object) || !json_at(v, "id"))
			return body_bad(b, name, "an object with an id");
		v = json_at(v, "id");
		break;
	case FIELD_MULTIPICKLIST:
		if (!json_object_is_type(v, json_type_string))
			return body_list(b, name, v);
		break;
	case FIELD_DATETIME:
	case FIELD_INT:
		if (!json_object_is_type(v, json_type_int))
			return body_bad(b, name,
					f->type == FIELD_INT ? "a whole number"
							     : "a number of milliseconds");
		break;
	case FIELD_DOUBLE:
	case FIELD_CURRENCY:
		if (!number)
			return body_bad(b, name, "a number");
		break;
	case FIELD_BOOL:
		if (!json_object_is_type(v, json_type_boolean))
			return body_bad(b, name, "true or false");
		break;
	default:
		if (!json_object_is_type(v, json_type_string) && !number &&
		    !json_object_is_type(v, json_type_boolean))
			return body_bad(b, name, "a string");
	}
	body_add(b, name, arena_sv(b->arena, json_scalar_text(v)));
	return true;
}

/* Only the parts that are named change. */
static bool body_compound(struct body *b, const char *name, struct json_object *v)
{
	bool any = false;
	for (size_t i = 0; i < b->table->def->fields_len; i++) {
		const struct field_def *f = &b->table->def->fields[i];
		if (!f->compound || strcmp(f->compound, name) != 0)
			continue;
		any = true;
		if (!v)
			body_add(b, f->name, SV_NONE);
		else if (json_has(v, f->name) && !body_value(b, f->name, f, json_at(v, f->name)))
			return false;
	}
	if (!any)
		body_add(b, name, SV_NONE); /* refused by name when it is written */
	return true;
}

bool bh_from_json(struct bullhorn *b, enum bh_entity e, struct json_object *body, struct arena *a,
		  struct named_value **set, size_t *n, struct bh_refusal *why)
{
	struct body p = { .arena = a, .table = b->tables[e], .why = why };
	if (!json_object_is_type(body, json_type_object)) {
		bh_refuse(why, 400, "errors.invalidBody", "the body must be a JSON object");
		return false;
	}
	json_object_object_foreach(body, key, value)
	{
		int field = table_field(p.table, sv_of(key));
		bool ok;
		if (strcmp(key, "id") == 0)
			continue;
		if (field >= 0 && p.table->def->fields[field].compound)
			field = -1;
		ok = field < 0 ? body_compound(&p, key, value)
			       : body_value(&p, key, &p.table->def->fields[field], value);
		if (!ok)
			return false;
	}
	*set = p.set;
	*n = p.n;
	return true;
}

/* sObject Collections: up to 200 records a call, answered with 200 and an
 * array in the order of the request; an error says "statusCode" here. Records
 * are saved in chunks of neighbours of one type, ten at most. One call is one
 * transaction: its change events share a transactionKey. */
#include "base/panic.h"
#include "salesforce.h"

enum { CHUNKS_MAX = 10, RETRIEVE_MAX = 2000 };

struct outcome {
	bool ok, created, has_created;
	struct sv id;
	struct sf_error e;
};

/* Saves record i; the id on success. */
struct batch {
	struct sf_call *c;
	struct sf_txn *x;
	struct json_object *records;
	struct outcome *out;
	size_t n;
	struct table *table; /* of an upsert */
	int key;
};

static void add_outcome(struct buf *b, const struct outcome *o)
{
	if (!o->ok) {
		buf_add(b, SV("{\"success\":false,\"errors\":["));
		buf_addf(b, "{\"statusCode\":\"%s\",\"message\":", o->e.code);
		buf_add_json_text(b, o->e.message);
		buf_add(b, SV(",\"fields\":["));
		for (size_t i = 0; i < o->e.fields_len; i++)
			buf_addf(b, "%s\"%.*s\"", i ? "," : "", SV_ARG(o->e.fields[i]));
		buf_add(b, SV("]}]}"));
		return;
	}
	buf_addf(b, "{\"id\":\"%.*s\",\"success\":true,\"errors\":[]", SV_ARG(o->id));
	if (o->has_created)
		buf_addf(b, ",\"created\":%s", o->created ? "true" : "false");
	buf_addc(b, '}');
}

static void answer_outcomes(struct sf_call *c, const struct outcome *out, size_t n)
{
	struct buf *b = &c->resp->body;
	buf_addc(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(b, ',');
		add_outcome(b, &out[i]);
	}
	buf_addc(b, ']');
}

static void roll_back_all(struct sf_call *c, struct sf_txn *x, size_t keep, struct outcome *out, size_t n)
{
	sf_txn_rollback(x, keep);
	for (size_t i = 0; i < n; i++) {
		if (!out[i].ok)
			continue;
		out[i].ok = false;
		sf_fail(c->a, &out[i].e, 400, "ALL_OR_NONE_OPERATION_ROLLED_BACK",
			"Record rolled back because not all records were valid and the request was using AllOrNone header");
	}
}

static struct table *type_of(struct batch *b, struct json_object *record, struct sf_error *e)
{
	struct sv type = json_sv(json_at(record, "attributes"), "type");
	struct table *t = type.len ? sf_table(b->c->sf, type) : b->table;
	if (!t)
		sf_fail(b->c->a, e, 400, "INVALID_TYPE",
			"sObject type '%.*s' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
			SV_ARG(type));
	return t;
}

static struct sv id_of(struct json_object *record)
{
	struct sv id = json_sv(record, "id");
	return id.len ? id : json_sv(record, "Id");
}

static bool save_insert(struct batch *b, struct json_object *record, struct outcome *o)
{
	struct table *t = type_of(b, record, &o->e);
	struct row *r;
	if (!t || !sf_create(b->x, t, record, &r, &o->e))
		return false;
	o->id = r->id;
	return true;
}

static bool seen_before(struct batch *b, size_t at, struct sv id)
{
	for (size_t i = 0; i < at; i++)
		if (b->out[i].ok && sv_eq(b->out[i].id, id))
			return true;
	return false;
}

static bool save_update(struct batch *b, struct json_object *record, struct outcome *o)
{
	struct table *t = type_of(b, record, &o->e);
	struct sv id = id_of(record);
	if (!t)
		return false;
	if (!id.len)
		return sf_fail(b->c->a, &o->e, 400, "MISSING_ARGUMENT", "Id not specified in an update call");
	struct row *r = sf_live_row(b->c->a, t, id, &o->e);
	if (!r)
		return false;
	if (seen_before(b, (size_t)(o - b->out), r->id))
		return sf_fail(b->c->a, &o->e, 400, "DUPLICATE_VALUE", "duplicate id specified: %.*s", SV_ARG(r->id));
	o->id = r->id;
	return sf_update(b->x, r, record, &o->e);
}

static bool save_upsert(struct batch *b, struct json_object *record, struct outcome *o)
{
	const struct field_def *f = &b->table->def->fields[b->key];
	struct row *r;
	o->has_created = true;
	if (f->type == FIELD_ID) {
		o->created = !id_of(record).len;
		return o->created ? save_insert(b, record, o) : save_update(b, record, o);
	}
	struct sv value = sv_trim(json_scalar_text(json_at(record, f->name)));
	if (!sf_upsert(b->x, b->table, b->key, value, record, false, &r, &o->created, &o->e))
		return false;
	o->id = r->id;
	return true;
}

static size_t count_chunks(struct json_object *records, size_t n)
{
	struct sv last = SV_NONE;
	size_t chunks = 0;
	for (size_t i = 0; i < n; i++) {
		struct sv type = json_sv(json_at(json_object_array_get_idx(records, i), "attributes"), "type");
		if (i == 0 || !sv_eq_nocase(type, last))
			chunks++;
		last = type;
	}
	return chunks;
}

static void save_all(struct sf_call *c, struct batch *b,
		     bool (*save)(struct batch *, struct json_object *, struct outcome *))
{
	struct sf_txn own;
	bool all_or_none = json_flag(c->body, "allOrNone", false), failed = false;
	b->c = c;
	b->records = json_at(c->body, "records");
	b->n = json_object_is_type(b->records, json_type_array) ? json_object_array_length(b->records) : 0;
	if (!b->n) {
		sf_answer(c, 400, "INVALID_INPUT", "records must be an array of one record or more");
		return;
	}
	if (b->n > SF_COLLECTION_MAX) {
		sf_answer(c, 400, "EXCEEDED_ID_LIMIT",
			  "record limit reached. cannot submit more than 200 records into this call");
		return;
	}
	if (count_chunks(b->records, b->n) > CHUNKS_MAX) {
		sf_answer(c, 400, "LIMIT_EXCEEDED",
			  "Cannot have more than 10 chunks in a single operation. Please rearrange the data to reduce chunking.");
		return;
	}
	b->x = sf_txn_of(c, &own);
	b->out = arena_array(c->a, struct outcome, b->n);
	size_t keep = b->x->len;
	for (size_t i = 0; i < b->n; i++) {
		b->out[i].ok = save(b, json_object_array_get_idx(b->records, i), &b->out[i]);
		failed |= !b->out[i].ok;
	}
	if (failed && all_or_none)
		roll_back_all(c, b->x, keep, b->out, b->n);
	answer_outcomes(c, b->out, b->n);
	sf_txn_done(c, b->x);
}

static void delete_many(struct sf_call *c)
{
	struct sv ids = http_arg(c->req, "ids");
	bool all_or_none = sv_eq_nocase(http_arg(c->req, "allOrNone"), SV("true")), failed = false;
	struct outcome *out = arena_array(c->a, struct outcome, SF_COLLECTION_MAX);
	struct sf_txn own, *x = sf_txn_of(c, &own);
	size_t n = 0, keep = x->len;
	while (ids.len && n < SF_COLLECTION_MAX) {
		struct sv id;
		struct outcome *o = &out[n++];
		struct table *t = NULL;
		sv_cut(ids, ',', &id, &ids);
		id = sv_trim(id);
		for (size_t i = 0; id.len >= 3 && i < c->sf->system->tables->len; i++)
			if (memcmp(c->sf->system->tables->items[i]->def->prefix, id.ptr, 3) == 0)
				t = c->sf->system->tables->items[i];
		struct row *r = t ? sf_live_row(c->a, t, id, &o->e) : NULL;
		if (!t)
			sf_fail(c->a, &o->e, 400, "MALFORMED_ID", "malformed id %.*s", SV_ARG(id));
		o->ok = r && sf_delete(x, r, &o->e);
		o->id = r ? r->id : SV_NONE;
		failed |= !o->ok;
	}
	if (failed && all_or_none)
		roll_back_all(c, x, keep, out, n);
	answer_outcomes(c, out, n);
	sf_txn_done(c, x);
}

static bool wanted_fields(struct sf_call *c, struct table *t, struct json_object *list, int *fields, size_t *n)
{
	*n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	if (*n == 0 || *n > t->def->fields_len) {
		sf_answer(c, 400, "INVALID_INPUT", "fields must name one field or more, each once");
		return false;
	}
	for (size_t i = 0; i < *n; i++) {
		struct sv name = json_string(json_object_array_get_idx(list, i));
		fields[i] = table_field_any_case(t, name);
		if (fields[i] < 0 || !sf_may_read(c->who, t, fields[i])) {
			struct sf_error e = { 0 };
			sf_fail(c->a, &e, 400, "INVALID_FIELD", "No such column '%.*s' on sobject of type %s",
				SV_ARG(name), t->def->name);
			sf_answer_error(c, &e);
			return false;
		}
	}
	return true;
}

static void add_retrieved(struct sf_call *c, struct table *t, struct sv id, const int *fields, size_t n)
{
	struct buf *b = &c->resp->body;
	const struct row *r = sf_row(t, id);
	if (!r || r->deleted) {
		buf_add(b, SV("null"));
		return;
	}
	tables_note_read(t->all, r);
	buf_addc(b, '{');
	sf_render_attributes(b, c->version, r);
	for (size_t i = 0; i < n; i++) {
		buf_addf(b, ",\"%s\":", t->def->fields[fields[i]].name);
		sf_render_value(b, c->a, r, fields[i], SF_REST);
	}
	buf_addc(b, '}');
}

static void retrieve(struct sf_call *c, struct table *t)
{
	struct json_object *ids = json_at(c->body, "ids");
	size_t len = json_object_is_type(ids, json_type_array) ? json_object_array_length(ids) : 0, n;
	int *fields = arena_array(c->a, int, t->def->fields_len + 1);
	if (len == 0 || len > RETRIEVE_MAX) {
		sf_answer(c, 400, "EXCEEDED_ID_LIMIT", "ids must name 1 to 2000 records");
		return;
	}
	if (!wanted_fields(c, t, json_at(c->body, "fields"), fields, &n))
		return;
	c->resp->shown_first = t->all->shown_len;
	buf_addc(&c->resp->body, '[');
	for (size_t i = 0; i < len; i++) {
		if (i)
			buf_addc(&c->resp->body, ',');
		add_retrieved(c, t, json_string(json_object_array_get_idx(ids, i)), fields, n);
	}
	buf_addc(&c->resp->body, ']');
	c->resp->shown_n = t->all->shown_len - c->resp->shown_first;
}

static struct json_object *list_json(struct sv list)
{
	struct json_object *o = json_object_new_array();
	while (list.len) {
		struct sv one;
		sv_cut(list, ',', &one, &list);
		json_object_array_add(o, json_from_sv(sv_trim(one)));
	}
	return o;
}

/* GET .../sobjects/X?ids=&fields= is the same with the lists in the URL. */
static void retrieve_by_url(struct sf_call *c, struct table *t)
{
	struct json_object *body = json_object_new_object(), *before = c->body;
	json_object_object_add(body, "ids", list_json(http_arg(c->req, "ids")));
	json_object_object_add(body, "fields", list_json(http_arg(c->req, "fields")));
	c->body = body;
	retrieve(c, t);
	c->body = before;
	json_object_put(body);
}

static void upsert_many(struct sf_call *c, struct table *t, struct sv key)
{
	struct batch b = { .table = t, .key = table_field_any_case(t, key) };
	if (b.key < 0 || !sf_may_read(c->who, t, b.key) ||
	    !(t->def->fields[b.key].flags & (FIELD_EXTERNAL_ID | FIELD_ID_LOOKUP)))
		sf_answer(c, 404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible");
	else
		save_all(c, &b, save_upsert);
}

void sf_handle_collections(struct sf_call *c)
{
	struct sv rest = c->rest, name, key;
	struct batch b = { .table = NULL };
	if (!http_segment(c->req, &rest, &name)) {
		if (http_is(c->req, "POST"))
			save_all(c, &b, save_insert);
		else if (http_is(c->req, "PATCH"))
			save_all(c, &b, save_update);
		else if (http_is(c->req, "DELETE"))
			delete_many(c);
		else
			sf_answer(c, 405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed. Allowed are DELETE,PATCH,POST");
		return;
	}
	struct table *t = sf_table(c->sf, name);
	if (!t)
		sf_answer(c, 404, "NOT_FOUND", "The requested resource does not exist");
	else if (http_segment(c->req, &rest, &key) && http_is(c->req, "PATCH"))
		upsert_many(c, t, key);
	else if (http_is(c->req, "POST"))
		retrieve(c, t);
	else
		retrieve_by_url(c, t);
}

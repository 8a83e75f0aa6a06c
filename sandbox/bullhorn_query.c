/* query/ (the database, fresh), search/ (the index, late) and the edit history. */
#include "base/panic.h"
#include "bullhorn.h"

enum { DEFAULT_COUNT = 20, MAX_COUNT = 500, MAX_ORDER = 4 };

void bh_page(const struct http_request *req, int64_t *start, int64_t *count)
{
	if (!sv_to_i64(http_arg(req, "start"), start) || *start < 0)
		*start = 0;
	if (!sv_to_i64(http_arg(req, "count"), count) || *count < 0)
		*count = DEFAULT_COUNT;
	if (*count > MAX_COUNT)
		*count = MAX_COUNT;
}

/* --- order --- */

struct order {
	struct filter_field fields[MAX_ORDER];
	bool descending[MAX_ORDER];
	size_t len;
};

/* 'id', '-dateAdded,id', 'lastName DESC'. */
static bool order_parse(struct sv text, const struct filter_schema *schema, struct order *out,
			struct bh_refusal *why)
{
	struct sv one;
	*out = (struct order){ 0 };
	while (text.len && out->len < MAX_ORDER) {
		struct sv name, direction;
		sv_cut(text, ',', &one, &text);
		sv_cut(sv_trim(one), ' ', &name, &direction);
		bool descending = sv_eq_nocase(sv_trim(direction), SV("desc"));
		if (name.len && (name.ptr[0] == '-' || name.ptr[0] == '+')) {
			descending = name.ptr[0] == '-';
			name = sv_make(name.ptr + 1, name.len - 1);
		}
		if (!schema->resolve(schema, name, &out->fields[out->len])) {
			bh_refuse(why, 400, "errors.invalidOrderBy",
				  "orderBy: unknown field '%.*s'", SV_ARG(name));
			return false;
		}
		out->descending[out->len++] = descending;
	}
	return true;
}

/* A row that matched, with what it is sorted by. */
struct hit {
	const struct row *row;
	struct filter_value keys[MAX_ORDER];
	const struct order *order;
	size_t place; /* ties stay in the order of the ids */
};

static int by_keys(const void *pa, const void *pb)
{
	const struct hit *a = pa, *b = pb;
	for (size_t i = 0; i < a->order->len; i++) {
		int c = filter_value_cmp(&a->keys[i], &b->keys[i]);
		if (c != 0)
			return a->order->descending[i] ? -c : c;
	}
	return (a->place > b->place) - (a->place < b->place);
}

/* --- finding --- */

struct finding {
	struct bullhorn *b;
	struct arena *arena;
	struct table *table;
	const struct filter *filter;
	int64_t as_of_ms;
	struct order order;
	struct hit *hits; /* in the arena, which frees the ones outgrown too */
	size_t len, cap;
};

static void consider(struct finding *f, const struct row *r)
{
	struct bh_filter_row view = bh_filter_row_of(f->b, r, f->as_of_ms);
	if (!bh_exists_at(f->b, r, f->as_of_ms) || !filter_match(f->filter, &view.base))
		return;
	if (f->len == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 256;
		struct hit *grown = arena_array(f->arena, struct hit, f->cap);
		if (f->len)
			memcpy(grown, f->hits, f->len * sizeof(*grown));
		f->hits = grown;
	}
	struct hit *h = &f->hits[f->len];
	*h = (struct hit){ .row = r, .order = &f->order, .place = f->len };
	for (size_t i = 0; i < f->order.len; i++)
		h->keys[i] = view.base.get(&view.base, &f->order.fields[i]);
	f->len++;
}

/* Rows are in the order of their ids: the first at or above 'id'. */
static size_t first_at(const struct table *t, int64_t id)
{
	size_t low = 0, high = t->rows_len;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int64_t at = 0;
		sv_to_i64(t->rows[mid]->id, &at);
		if (at < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void find(struct finding *f)
{
	struct filter_ids ids = filter_ids(f->filter, f->arena);
	if (ids.ids) {
		char text[32];
		for (size_t i = 0; i < ids.ids_len; i++) {
			struct sv id = sv_make(text, (size_t)snprintf(text, sizeof(text), "%lld",
								      (long long)ids.ids[i]));
			struct row *r = i && ids.ids[i] == ids.ids[i - 1] ? NULL
									  : table_row(f->table, id);
			if (r)
				consider(f, r);
		}
	} else {
		for (size_t i = first_at(f->table, ids.low); i < f->table->rows_len; i++) {
			int64_t id = 0;
			sv_to_i64(f->table->rows[i]->id, &id);
			if (id > ids.high)
				break;
			consider(f, f->table->rows[i]);
		}
	}
	if (f->order.len && f->len)
		qsort(f->hits, f->len, sizeof(*f->hits), by_keys);
}

/* --- answers --- */

/* POST has the condition in a JSON body, or as form fields like the URL. */
static struct sv parameter(const struct http_request *req, struct json_object *body,
			   const char *name)
{
	struct sv v = http_arg(req, name);
	if (!v.ptr)
		v = http_form(req, name);
	if (!v.ptr)
		v = json_scalar_text(json_at(body, name));
	return v;
}

struct asked {
	struct json_object *body; /* owned; NULL when none */
	struct sv condition, fields, order;
	int64_t start, count;
	bool total_only, total;
};

static void ask(const struct http_request *req, const char *condition, const char *order,
		struct asked *q)
{
	struct err ignored = { 0 };
	*q = (struct asked){ 0 };
	if (req->body.len && req->form.len == 0)
		q->body = json_parse(req->body, "body", &ignored);
	q->condition = parameter(req, q->body, condition);
	q->fields = parameter(req, q->body, "fields");
	q->order = parameter(req, q->body, order);
	q->total_only = sv_eq(parameter(req, q->body, "totalOnly"), SV("true"));
	q->total = sv_eq(parameter(req, q->body, "showTotalMatched"), SV("true"));
	bh_page(req, &q->start, &q->count);
	int64_t n;
	if (sv_to_i64(parameter(req, q->body, "count"), &n) && n >= 0)
		q->count = n > MAX_COUNT ? MAX_COUNT : n;
	if (sv_to_i64(parameter(req, q->body, "start"), &n) && n >= 0)
		q->start = n;
}

/* 'total' below zero: not asked for. */
static struct json_object *page_of(int64_t total, int64_t start, struct json_object *data)
{
	struct json_object *o = json_object_new_object();
	if (total >= 0)
		json_put_i64(o, "total", total);
	json_put_i64(o, "start", start);
	json_put_i64(o, "count", (int64_t)json_object_array_length(data));
	json_object_object_add(o, "data", data);
	return o;
}

static struct json_object *total_of(int64_t total)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "total", total);
	return o;
}

static bool answer_query(struct bullhorn *b, const struct http_request *req, enum bh_entity e,
			 const struct asked *q, struct http_response *resp, struct bh_refusal *why)
{
	struct bh_schema schema = bh_schema_of(b, b->tables[e]);
	struct finding f = {
		.b = b, .arena = req->arena, .table = b->tables[e], .as_of_ms = BH_FRESH
	};
	struct bh_fields fields;
	struct err err = { 0 };
	if (!q->condition.len || (!q->fields.len && !q->total_only)) {
		bh_refuse(why, 400, "errors.missingParameter",
			  "the parameters 'where' and 'fields' are required");
		return false;
	}
	f.filter = filter_parse_jpql(q->condition, &schema.schema, req->arena, &err);
	if (!f.filter) {
		bh_refuse(why, 400, "errors.invalidQuery", "%s", err.what);
		return false;
	}
	if (!bh_fields_parse(req->arena, q->fields, &fields, why) ||
	    !bh_fields_check(b, f.table, &fields, why) ||
	    !order_parse(q->order, &schema.schema, &f.order, why))
		return false;
	find(&f);
	if (q->total_only) {
		http_json(resp, 200, total_of((int64_t)f.len));
		return true;
	}
	struct json_object *data = json_object_new_array();
	for (size_t i = (size_t)q->start;
	     i < f.len && (int64_t)i < q->start + q->count && !why->status; i++)
		json_object_array_add(
			data, bh_render(b, req->arena, f.hits[i].row, &fields, BH_FRESH, why));
	struct json_object *o = page_of(q->total ? (int64_t)f.len : -1, q->start, data);
	if (why->status)
		json_object_put(o);
	else
		http_json(resp, 200, o);
	return !why->status;
}

void bh_query_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		     struct http_response *resp)
{
	struct bh_refusal why = { 0 };
	struct sv name = SV_NONE;
	struct asked q;
	http_segment(req, &rest, &name);
	ask(req, "where", "orderBy", &q);
	enum bh_entity e = bh_entity_named(name);
	if (e != BH_ENTITIES) {
		if (!answer_query(b, req, e, &q, resp, &why))
			bh_answer_refusal(resp, &why, bh_types[e].def.name);
	} else if (!bh_history_query(b, req, name, q.condition, resp)) {
		bh_refuse(&why, 404, "errors.unknownEntity", "Unknown entity type '%.*s'",
			  SV_ARG(name));
		bh_answer_refusal(resp, &why, NULL);
	}
	json_object_put(q.body);
}

/* Without fields the data is the ids of all matches, whatever the count. */
static struct json_object *search_data(struct finding *f, const struct asked *q,
				       const struct bh_fields *fields, struct bh_refusal *why)
{
	struct json_object *data = json_object_new_array();
	int64_t id;
	for (size_t i = 0; i < f->len && !fields->len; i++)
		if (sv_to_i64(f->hits[i].row->id, &id))
			json_object_array_add(data, json_object_new_int64(id));
	for (size_t i = (size_t)q->start;
	     fields->len && i < f->len && (int64_t)i < q->start + q->count; i++) {
		struct json_object *o = bh_render(f->b, f->arena, f->hits[i].row, fields,
						  f->as_of_ms, why);
		if (!o)
			break;
		json_object_object_add(o, "_score", json_object_new_double_s(1.0, "1.0"));
		json_object_array_add(data, o);
	}
	return data;
}

static bool answer_search(struct bullhorn *b, const struct http_request *req, enum bh_entity e,
			  const struct asked *q, struct http_response *resp, struct bh_refusal *why)
{
	struct bh_schema schema = bh_schema_of(b, b->tables[e]);
	struct finding f = { .b = b,
			     .arena = req->arena,
			     .table = b->tables[e],
			     .as_of_ms = sandbox_now(b->sys->box) - b->index_lag_ms };
	struct bh_fields fields;
	struct err err = { 0 };
	f.filter = filter_parse_lucene(q->condition, &schema.schema, req->arena, &err);
	if (!f.filter) {
		bh_refuse(why, 400, "errors.invalidQuery", "%s", err.what);
		return false;
	}
	if (!bh_fields_parse(req->arena, q->fields, &fields, why) ||
	    !bh_fields_check(b, f.table, &fields, why) ||
	    !order_parse(q->order, &schema.schema, &f.order, why))
		return false;
	find(&f);
	struct json_object *o = page_of((int64_t)f.len, q->start, search_data(&f, q, &fields, why));
	if (why->status)
		json_object_put(o);
	else
		http_json(resp, 200, o);
	return !why->status;
}

void bh_search_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		      struct http_response *resp)
{
	struct bh_refusal why = { 0 };
	struct sv name = SV_NONE;
	struct asked q;
	http_segment(req, &rest, &name);
	ask(req, "query", "sort", &q);
	enum bh_entity e = bh_entity_named(name);
	if (e == BH_ENTITIES || !(bh_types[e].traits & BH_SEARCHABLE)) {
		bh_refuse(&why, 404, "errors.unknownEntity", "'%.*s' has no search index",
			  SV_ARG(name));
		bh_answer_refusal(resp, &why, NULL);
	} else if (!answer_search(b, req, e, &q, resp, &why)) {
		bh_answer_refusal(resp, &why, bh_types[e].def.name);
	}
	json_object_put(q.body);
}

/* --- edit history --- */

static struct json_object *reference(int64_t id, const char *subtype)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "id", id);
	if (subtype)
		json_put_sv(o, "_subtype", sv_of(subtype));
	return o;
}

static struct json_object *edit_json(const struct history_edit *e, const struct bh_fields *f,
				     struct bh_refusal *why)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "id", e->id);
	for (size_t i = 0; i < f->len; i++) {
		struct sv name = f->items[i].name;
		if (sv_eq(name, SV("id")))
			continue;
		if (sv_eq(name, SV("dateAdded")))
			json_put_i64(o, "dateAdded", e->at_ms);
		else if (sv_eq(name, SV("transactionID")))
			json_put_sv(o, "transactionID", sv_of(e->transaction));
		else if (sv_eq(name, SV("modifyingPerson")))
			json_object_object_add(o, "modifyingPerson",
					       reference(e->person, "CorporateUser"));
		else if (sv_eq(name, SV("targetEntity")))
			json_object_object_add(o, "targetEntity", reference(e->target, NULL));
		else if (sv_eq(name, SV("auditTrail")) || sv_eq(name, SV("migrateGUID")))
			json_object_object_add(
				o, sv_eq(name, SV("auditTrail")) ? "auditTrail" : "migrateGUID",
				NULL);
		else
			bh_refuse(why, 400, "errors.invalidFieldName", "Invalid field '%.*s'",
				  SV_ARG(name));
	}
	return o;
}

static struct json_object *change_json(const struct history_edit *e, const struct history_change *c,
				       const struct bh_fields *f, struct bh_refusal *why)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "id", c->id);
	for (size_t i = 0; i < f->len; i++) {
		struct sv name = f->items[i].name;
		if (sv_eq(name, SV("id")))
			continue;
		if (sv_eq(name, SV("columnName")))
			json_put_sv(o, "columnName", sv_of(c->column));
		else if (sv_eq(name, SV("display")))
			json_put_sv(o, "display", sv_of(c->column));
		else if (sv_eq(name, SV("oldValue")))
			json_put_sv(o, "oldValue", sv_of(c->old_value));
		else if (sv_eq(name, SV("newValue")))
			json_put_sv(o, "newValue", sv_of(c->new_value));
		else if (sv_eq(name, SV("editHistory")))
			json_object_object_add(o, "editHistory",
					       edit_json(e, &f->items[i].sub, why));
		else
			bh_refuse(why, 400, "errors.invalidFieldName", "Invalid field '%.*s'",
				  SV_ARG(name));
	}
	return o;
}

/* Ids are consecutive, so an id bound is a place. */
static size_t history_place(int64_t id, size_t len)
{
	if (id <= HISTORY_FIRST_ID)
		return 0;
	return (uint64_t)(id - HISTORY_FIRST_ID) < len ? (size_t)(id - HISTORY_FIRST_ID) : len;
}

static struct json_object *history_page(const struct history_log *l, bool changes,
					const struct filter *where, const struct filter_ids *ids,
					bool descending, const struct asked *q,
					const struct bh_fields *fields, struct bh_refusal *why)
{
	size_t len = changes ? l->changes_len : l->edits_len, seen = 0;
	size_t from = history_place(ids->low, len);
	struct json_object *data = json_object_new_array();
	for (size_t k = from; k < len && (int64_t)seen < q->start + q->count && !why->status; k++) {
		size_t i = descending ? len - 1 - (k - from) : k;
		const struct history_change *c = changes ? &l->changes[i] : NULL;
		const struct history_edit *e = c ? &l->edits[c->edit] : &l->edits[i];
		struct history_row row;
		history_row_init(&row, e, c);
		if (!filter_match(where, &row.base) || (int64_t)seen++ < q->start)
			continue;
		json_object_array_add(data, c ? change_json(e, c, fields, why)
					      : edit_json(e, fields, why));
	}
	return page_of(-1, q->start, data);
}

bool bh_history_query(struct bullhorn *b, const struct http_request *req, struct sv entity,
		      struct sv where, struct http_response *resp)
{
	bool changes = false;
	enum history_kind k = history_named(entity, &changes);
	const struct filter_schema *schema = changes ? &history_change_schema
						     : &history_edit_schema;
	struct bh_refusal why = { 0 };
	struct bh_fields fields = { 0 };
	struct err err = { 0 };
	struct order order = { 0 };
	struct asked q;
	if (k == HISTORY_NONE)
		return false;
	ask(req, "where", "orderBy", &q);
	struct filter *f = filter_parse_jpql(q.condition, schema, req->arena, &err);
	if (!f)
		bh_refuse(&why, 400, "errors.invalidQuery", "%s", err.what);
	else if (bh_fields_parse(req->arena, q.fields, &fields, &why) &&
		 order_parse(q.order, schema, &order, &why) && order.len && !order.fields[0].is_id)
		bh_refuse(&why, 400, "errors.invalidOrderBy",
			  "orderBy: only id orders the edit history");
	struct json_object *o = NULL;
	if (!why.status) {
		struct filter_ids ids = filter_ids(f, req->arena);
		o = history_page(&b->history.logs[k], changes, f, &ids,
				 order.len && order.descending[0], &q, &fields, &why);
	}
	json_object_put(q.body);
	if (why.status) {
		json_object_put(o);
		bh_answer_refusal(resp, &why, NULL);
	} else {
		http_json(resp, 200, o);
	}
	return true;
}

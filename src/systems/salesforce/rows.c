#include "base/log.h"
#include "systems/salesforce/ids.h"
#include "systems/salesforce/sf.h"

enum {
	/* URI and headers may have 16,384 bytes together (REST guide); the
	 * token and the rest take their share. */
	PATH_MAX_BYTES = 14 * 1024,
	BODY_MAX_BYTES = 1024 * 1024,
	GONE_CHUNK = 300, /* 27 bytes an id in a path */
	LIST_PAGE = 2000,
	FIND_LIMIT = 5,
	FIND_PHONE_LIMIT = 200, /* a pattern brings neighbours along */
};
/* The recycle bin keeps 15 days; a day for the clocks. */
#define BIN_MS (14 * 24 * 3600 * (int64_t)1000)

/* ---- which columns to ask for ---- */

struct columns {
	const char **name;
	int n;
};

static void columns_add(struct columns *c, const char *name)
{
	for (int i = 0; i < c->n; i++)
		if (sv_eq_nocase(sv_of(c->name[i]), sv_of(name)))
			return;
	c->name[c->n++] = name;
}

static struct columns columns_of(const struct object_ref *o, const struct write_field *by,
				 int by_n, struct arena *a)
{
	struct columns c = { arena_array(a, const char *, (size_t)(o->field_n + by_n + 4)), 0 };
	columns_add(&c, "Id");
	for (int i = 0; i < o->field_n; i++)
		columns_add(&c, o->field[i].api);
	for (int i = 0; i < by_n; i++)
		columns_add(&c, by[i].api);
	columns_add(&c, "LastModifiedById");
	columns_add(&c, "SystemModstamp");
	return c;
}

static bool is_described(const struct schema_object *schema, const char *name)
{
	for (int i = 0; i < schema->field_n; i++)
		if (sv_eq_nocase(sv_of(schema->field[i].api), sv_of(name)))
			return true;
	return false;
}

/* One column that we may not read fails the whole call. Then what describe
 * does not show is left out: those values stay unknown, the others go on.
 * False when that changes nothing. */
static bool columns_narrow(struct salesforce *sf, const char *object, struct columns *c,
			   struct arena *a)
{
	struct schema_object schema;
	struct err ignored = { 0 };
	int kept = 0;
	if (!sf_describe(&sf->connector, object, a, &schema, &ignored))
		return false;
	for (int i = 0; i < c->n; i++) {
		if (is_described(&schema, c->name[i]))
			c->name[kept++] = c->name[i];
		else
			log_debug("salesforce", "%s.%s cannot be read", object, c->name[i]);
	}
	bool narrowed = kept < c->n;
	c->n = kept;
	return narrowed && kept > 0;
}

/* ---- asking ---- */

struct question {
	struct salesforce *sf;
	const struct object_ref *object;
	struct columns columns;
	struct arena *arena;
	struct sf_call call; /* the answer; sf_call_finish */
	/* POST retrieve */
	const struct sv *id;
	int id_n;
	/* SOQL: what follows the columns, and "query" or "queryAll" */
	const char *resource;
	struct sv rest;
};

static bool send_retrieve(struct question *q, struct err *err)
{
	struct buf body, path;
	buf_init(&body, BODY_MAX_BYTES);
	buf_init(&path, PATH_MAX_BYTES);
	buf_addf(&path, SF_API "/composite/sobjects/%s", q->object->object);
	buf_add(&body, SV("{\"ids\":["));
	for (int i = 0; i < q->id_n; i++)
		buf_addf(&body, "%s\"%.*s\"", i ? "," : "", SV_ARG(q->id[i]));
	buf_add(&body, SV("],\"fields\":["));
	for (int i = 0; i < q->columns.n; i++)
		buf_addf(&body, "%s\"%s\"", i ? "," : "", q->columns.name[i]);
	buf_add(&body, SV("]}"));
	q->call.method = "POST";
	q->call.repeatable = true;
	q->call.path = buf_sv(&path);
	q->call.body = buf_sv(&body);
	bool ok = sf_call(q->sf, &q->call, err);
	buf_finish(&body);
	buf_finish(&path);
	return ok;
}

static bool query(struct salesforce *sf, const char *resource, const struct buf *soql,
		  struct sf_call *call, struct err *err)
{
	struct buf path;
	buf_init(&path, PATH_MAX_BYTES);
	buf_addf(&path, SF_API "/%s?q=", resource);
	buf_add_url(&path, buf_sv(soql));
	bool ok = !path.full && !soql->full;
	call->method = "GET";
	call->path = buf_sv(&path);
	if (!ok)
		err_set(err, ERR_TOO_BIG, "%s: the query is longer than %d bytes", call->what,
			PATH_MAX_BYTES);
	ok = ok && sf_call(sf, call, err);
	if (ok && !json_object_is_type(json_at(call->json, "records"), json_type_array)) {
		err_set(err, ERR_SERVER, "%s: the answer has no records", call->what);
		ok = false;
	}
	buf_finish(&path);
	return ok;
}

static bool send_query(struct question *q, struct err *err)
{
	struct buf soql;
	buf_init(&soql, PATH_MAX_BYTES);
	buf_add(&soql, SV("SELECT "));
	for (int i = 0; i < q->columns.n; i++)
		buf_addf(&soql, "%s%s", i ? "," : "", q->columns.name[i]);
	buf_addf(&soql, " FROM %s", q->object->object);
	buf_add(&soql, q->rest);
	bool ok = query(q->sf, q->resource, &soql, &q->call, err);
	buf_finish(&soql);
	return ok;
}

static bool ask(struct question *q, bool (*send)(struct question *, struct err *),
		struct err *err)
{
	struct err first = { 0 };
	if (send(q, &first))
		return true;
	if (sv_eq(q->call.problem.code, SV("INVALID_FIELD")) &&
	    columns_narrow(q->sf, q->object->object, &q->columns, q->arena))
		return send(q, err);
	if (err && !err->code)
		*err = first;
	return false;
}

/* ---- reading rows ---- */

/* Query text ignores case, so a mapping may spell a name in another one. */
static bool member(struct json_object *row, const char *name, struct json_object **out)
{
	if (json_object_object_get_ex(row, name, out))
		return true;
	json_object_object_foreach(row, key, val) {
		if (sv_eq_nocase(sv_of(key), sv_of(name))) {
			*out = val;
			return true;
		}
	}
	return false;
}

static struct value read_value(struct json_object *row, const char *api,
			       const struct value_type *type, struct arena *a)
{
	struct json_object *json;
	struct value v = { 0 };
	struct err err = { 0 };
	if (!member(row, api, &json))
		return v;
	if (type->kind == TYPE_LINK && json) {
		struct sv id = sf_id(json_string(json), a);
		return id.len ? (struct value){ VALUE_REF, id } : v;
	}
	if (!value_from_json(&sf_dialect, type, json, a, &v, &err))
		log_debug("salesforce", "%s: %s", api, err.what);
	return v;
}

static void read_row(struct salesforce *sf, const struct object_ref *o, struct json_object *json,
		     struct arena *a, struct row *row)
{
	row->id = sf_id(json_sv(json, "Id"), a);
	row->existence = EXISTENCE_PRESENT;
	if (!time_parse(json_sv(json, "SystemModstamp"), &row->modified_ms))
		row->modified_ms = 0;
	row->author = sf_author(sf, json_sv(json, "LastModifiedById"));
	for (int i = 0; i < o->field_n; i++)
		row->value[i] = read_value(json, o->field[i].api, &o->field[i].type, a);
}

static void rows_init(struct rows *out, int n, int field_n, struct arena *a)
{
	*out = (struct rows){ .row = arena_array(a, struct row, (size_t)n), .n = n };
	struct value *values = arena_array(a, struct value, (size_t)n * (size_t)field_n);
	for (int i = 0; i < n; i++)
		out->row[i].value = values + (size_t)i * (size_t)field_n;
}

/* ---- what is not there any more ---- */

static struct sf_object *object_of(struct salesforce *sf, const char *name)
{
	for (int i = 0; i < sf->object_n; i++)
		if (strcmp(sf->object[i].name, name) == 0)
			return &sf->object[i];
	return NULL;
}

static bool query_gone(struct salesforce *sf, const char *object, bool merges,
		       struct row *const *row, int n, struct sf_call *call, struct err *err)
{
	struct buf soql;
	buf_init(&soql, PATH_MAX_BYTES);
	buf_addf(&soql, "SELECT Id,IsDeleted%s FROM %s WHERE Id IN (",
		 merges ? ",MasterRecordId" : "", object);
	for (int i = 0; i < n; i++)
		buf_addf(&soql, "%s'%.*s'", i ? "," : "", SV_ARG(row[i]->id));
	buf_add(&soql, SV(")"));
	bool ok = query(sf, "queryAll", &soql, call, err);
	buf_finish(&soql);
	return ok;
}

static void note_gone(struct json_object *record, struct row *const *row, int n, struct arena *a)
{
	struct sv id = sf_id(json_sv(record, "Id"), a);
	for (int i = 0; i < n; i++) {
		if (!sv_eq(row[i]->id, id) || !json_flag(record, "IsDeleted", false))
			continue;
		row[i]->merged_into = sf_id(json_sv(record, "MasterRecordId"), a);
		row[i]->existence = row[i]->merged_into.len ? EXISTENCE_MERGED
							    : EXISTENCE_DELETED;
	}
}

/* The recycle bin knows deleted and merged records for 15 days. What it does
 * not know stays unknown: it may be out of our sight only. */
static bool look_in_bin(struct salesforce *sf, const char *object, struct row *const *row, int n,
			struct arena *a, struct err *err)
{
	struct sf_object *known = object_of(sf, object);
	bool merges = !known || atomic_load(&known->merges) != MERGES_NO;
	struct sf_call call = { .what = arena_printf(a, "queryAll %s", object).ptr };
	struct err why = { 0 };
	bool ok = query_gone(sf, object, merges, row, n, &call, &why);
	if (!ok && merges && sv_eq(call.problem.code, SV("INVALID_FIELD"))) {
		why = (struct err){ 0 };
		merges = false;
		ok = query_gone(sf, object, merges, row, n, &call, &why);
	}
	if (ok) {
		struct json_object *records = json_at(call.json, "records");
		for (size_t i = 0; i < json_object_array_length(records); i++)
			note_gone(json_object_array_get_idx(records, i), row, n, a);
		if (known)
			atomic_store(&known->merges, merges ? MERGES_YES : MERGES_NO);
	}
	sf_call_finish(&call);
	/* refused: an object without a bin; its missing rows stay unknown */
	if (!ok && why.code != ERR_REJECTED) {
		if (err && !err->code)
			*err = why;
		return false;
	}
	return true;
}

static bool look_for_missing(struct salesforce *sf, const char *object, struct row **missing,
			     int n, struct arena *a, struct err *err)
{
	for (int i = 0; i < n; i += GONE_CHUNK) {
		int part = n - i < GONE_CHUNK ? n - i : GONE_CHUNK;
		if (!look_in_bin(sf, object, missing + i, part, a, err))
			return false;
	}
	return true;
}

/* ---- the operations ---- */

/* Places of the answer are places of the request; what is deleted, never was
 * or may not be seen is null there. Adds those to 'missing'. */
static bool read_retrieved(struct question *q, struct row **asked, struct row **missing,
			   int *missing_n, struct err *err)
{
	struct json_object *list = q->call.json;
	if (!json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) != (size_t)q->id_n) {
		err_set(err, ERR_SERVER, "%s: asked for %d rows, got another number",
			q->call.what, q->id_n);
		return false;
	}
	for (int i = 0; i < q->id_n; i++) {
		struct json_object *json = json_object_array_get_idx(list, (size_t)i);
		struct sv id = sf_id(json_sv(json, "Id"), q->arena);
		if (sv_eq(id, q->id[i]))
			read_row(q->sf, q->object, json, q->arena, asked[i]);
		else
			missing[(*missing_n)++] = asked[i];
	}
	return true;
}

bool sf_fetch(struct connector *c, const struct object_ref *o, const struct sv *id, int n,
	      struct arena *a, struct rows *out, struct err *err)
{
	struct sv *asked_id = arena_array(a, struct sv, (size_t)n);
	struct row **asked = arena_array(a, struct row *, (size_t)n);
	struct row **missing = arena_array(a, struct row *, (size_t)n);
	int missing_n = 0;
	struct question q = {
		.sf = (struct salesforce *)c,
		.object = o,
		.columns = columns_of(o, NULL, 0, a),
		.arena = a,
		.call.what = arena_printf(a, "fetch %s", o->object).ptr,
		.id = asked_id,
	};
	rows_init(out, n, o->field_n, a);
	for (int i = 0; i < n; i++) {
		out->row[i].id = sf_id(id[i], a);
		if (!out->row[i].id.len) { /* one that is no id would fail the call */
			out->row[i].id = arena_sv(a, id[i]);
			continue;
		}
		asked_id[q.id_n] = out->row[i].id;
		asked[q.id_n++] = &out->row[i];
	}
	if (q.id_n == 0)
		return true;
	bool ok = ask(&q, send_retrieve, err) &&
		  read_retrieved(&q, asked, missing, &missing_n, err) &&
		  look_for_missing(q.sf, o->object, missing, missing_n, a, err);
	sf_call_finish(&q.call);
	return ok;
}

static void read_records(struct question *q, struct rows *out)
{
	struct json_object *records = json_at(q->call.json, "records");
	int n = (int)json_object_array_length(records);
	rows_init(out, n, q->object->field_n, q->arena);
	for (int i = 0; i < n; i++)
		read_row(q->sf, q->object, json_object_array_get_idx(records, (size_t)i),
			 q->arena, &out->row[i]);
}

/* By id rather than by the server's cursor: a page can be asked for again
 * after days, by another process. 'q' has its columns and resource. */
static bool ask_page(struct question *q, struct sv page, struct sv where, struct rows *out,
		     struct err *err)
{
	const char *object = q->object->object;
	struct sv last = page.len ? sf_id(page, q->arena) : SV_NONE;
	if (page.len && !last.len) {
		err_set(err, ERR_BAD_INPUT, "list %s: '%.*s' is no page", object, SV_ARG(page));
		return false;
	}
	struct sv after = last.len ? arena_printf(q->arena, "%sId > '%.*s'", where.len ? " AND " : "",
						  SV_ARG(last)) :
				     SV("");
	q->call.what = arena_printf(q->arena, "list %s", object).ptr;
	q->rest = arena_printf(q->arena, "%s%.*s%.*s ORDER BY Id LIMIT %d",
			       where.len || after.len ? " WHERE " : "", SV_ARG(where), SV_ARG(after),
			       LIST_PAGE);
	if (!ask(q, send_query, err))
		return false;
	read_records(q, out);
	/* a page may be shorter than asked for while 'done' is false */
	bool end = out->n < LIST_PAGE && json_flag(q->call.json, "done", true);
	out->next = end || out->n == 0 ? SV_NONE : out->row[out->n - 1].id;
	return true;
}

bool sf_list(struct connector *c, const struct object_ref *o, struct sv page, struct arena *a,
	     struct rows *out, struct err *err)
{
	struct question q = { .sf = (struct salesforce *)c, .object = o, .resource = "query",
			      .columns = columns_of(o, NULL, 0, a), .arena = a };
	bool ok = ask_page(&q, page, SV(""), out, err);
	sf_call_finish(&q.call);
	return ok;
}

/* queryAll shows deleted rows as long as the recycle bin keeps them. getUpdated
 * and getDeleted would tell ids only, and a read of each would follow. */
bool sf_since(struct connector *c, const struct object_ref *o, int64_t since_ms, struct sv page,
	      struct arena *a, struct rows *out, struct err *err)
{
	struct question q = { .sf = (struct salesforce *)c, .object = o, .resource = "queryAll",
			      .columns = columns_of(o, NULL, 0, a), .arena = a };
	if (since_ms < clock_now(q.sf->clock) - BIN_MS) {
		err_set(err, ERR_CURSOR, "list %s: what was deleted before the last 14 days is not known",
			o->object);
		return false;
	}
	char at[TIME_TEXT_SIZE];
	time_format_ms(since_ms, at);
	columns_add(&q.columns, "IsDeleted");
	bool ok = ask_page(&q, page, arena_printf(a, "SystemModstamp >= %.19sZ", at), out, err);
	struct json_object *records = ok ? json_at(q.call.json, "records") : NULL;
	for (int i = 0; ok && i < out->n; i++)
		if (json_flag(json_object_array_get_idx(records, (size_t)i), "IsDeleted", false))
			out->row[i].existence = EXISTENCE_DELETED;
	sf_call_finish(&q.call);
	return ok;
}

/* The server compares without case, and phones by pattern; the caller means
 * canonical values. */
static bool is_match(struct json_object *json, const struct write_field *by, int by_n,
		     struct arena *a)
{
	for (int i = 0; i < by_n; i++)
		if (!value_eq(read_value(json, by[i].api, &by[i].type, a), by[i].value))
			return false;
	return true;
}

static void keep_matches(struct question *q, const struct write_field *by, int by_n,
			 struct rows *out)
{
	struct json_object *records = json_at(q->call.json, "records");
	int kept = 0;
	for (int i = 0; i < out->n; i++)
		if (is_match(json_object_array_get_idx(records, (size_t)i), by, by_n, q->arena))
			out->row[kept++] = out->row[i];
	out->n = kept < FIND_LIMIT ? kept : FIND_LIMIT;
}

bool sf_find(struct connector *c, const struct object_ref *o, const struct write_field *by,
	     int by_n, struct arena *a, struct rows *out, struct err *err)
{
	struct buf where;
	bool phone = false;
	buf_init(&where, PATH_MAX_BYTES);
	for (int i = 0; i < by_n; i++) {
		buf_add(&where, i ? SV(" AND ") : SV(" WHERE "));
		soql_add_condition(&where, &by[i]);
		phone = phone || by[i].type.kind == TYPE_PHONE;
	}
	buf_addf(&where, " LIMIT %d", phone ? FIND_PHONE_LIMIT : FIND_LIMIT);
	struct question q = {
		.sf = (struct salesforce *)c,
		.object = o,
		.columns = columns_of(o, by, by_n, a),
		.arena = a,
		.call.what = arena_printf(a, "find %s", o->object).ptr,
		.resource = "query",
		.rest = buf_sv(&where),
	};
	bool ok = !where.full;
	if (!ok)
		err_set(err, ERR_TOO_BIG, "find %s: the values are too long to look for",
			o->object);
	ok = ok && ask(&q, send_query, err);
	if (ok) {
		read_records(&q, out);
		keep_matches(&q, by, by_n, out);
	}
	sf_call_finish(&q.call);
	buf_finish(&where);
	return ok;
}

/* Reading rows: by id, all by pages, and by the values of fields. */
#include "systems/rest/ops.h"

enum { FIND_ROWS_MAX = 2000, URL_BASE_ROOM = 512 };

const struct rest_object *rest_object(const struct rest *r, const char *name, struct err *err)
{
	const struct rest_object *o = rest_object_by_name(r->d, sv_of(name));
	if (!o)
		err_set(err, ERR_NOT_FOUND, "%s: no object '%s' is described", r->d->name, name);
	return o;
}

bool rest_blame_field(struct rest *r, const struct rest_answer *answer,
		      const struct field_ref *field, int n, struct err *err)
{
	const char **api, **bad;
	struct arena a;
	if ((answer->class != CLASS_REJECTED && answer->class != CLASS_GONE) || !answer->body)
		return false;
	arena_init(&a);
	api = arena_array(&a, const char *, (size_t)n + 1);
	bad = arena_array(&a, const char *, (size_t)n + 1);
	for (int i = 0; i < n; i++)
		api[i] = field[i].api;
	bool named = rest_error_fields(r->d, answer->body, api, n, bad) > 0;
	if (named) {
		struct err said = *err;
		err_clear(err);
		err_set(err, ERR_REJECTED, "field '%s': %.400s", bad[0], said.what);
		err->http_status = said.http_status;
		err->scope = SCOPE_FIELD;
	}
	arena_finish(&a);
	return named;
}

bool rest_query(struct rest *r, const struct rest_query *q, struct arena *a,
		struct rest_answer *answer, struct rows_list *rows, struct err *err)
{
	const struct var var[] = {
		{ "object", q->object },
		{ "where", q->where },
		{ "fields", q->fields },
		{ "order", q->order },
		{ "count", arena_printf(a, "%d", q->count) },
	};
	const struct vars vars = { var, (int)(sizeof(var) / sizeof(var[0])), NULL };
	if (!r->d->query.brief.method) {
		*answer = (struct rest_answer){ .class = CLASS_NONE };
		err_set(err, ERR_UNSUPPORTED,
			"%s: its description has no 'query': records can be read by id, not looked up",
			r->d->name);
		return false;
	}
	struct rest_ask ask = {
		.on = q->on,
		.what = arena_printf(a, "%s of %.*s", q->what, SV_ARG(q->object)).ptr,
		.request = &r->d->query.brief,
		.longer = &r->d->query.longer,
		.url_max = r->d->query.url_max,
		.vars = &vars,
	};
	if (!rest_call(r, &ask, a, answer, err))
		return false;
	if (rows_list(r->d, answer->body, rows))
		return true;
	err_set(err, ERR_SERVER, "%s: %s: no rows in the answer", r->d->name, ask.what);
	return false;
}

/* The ids from 'from' on that one URL holds; at least one. */
static struct sv join_ids(struct rest *r, const struct sv *id, int n, int from, size_t room,
			  struct arena *a, int *end)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	int i = from;
	for (; i < n && i - from < r->d->fetch.ids; i++) {
		if (i > from && b.len + id[i].len + 1 > room)
			break;
		if (i > from)
			buf_addc(&b, ',');
		buf_add(&b, id[i]);
	}
	*end = i;
	struct sv text = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	return text;
}

static bool fetch_some(struct rest *r, const struct object_ref *o, const struct rest_object *ro,
		       struct sv ids, struct sv fields, const struct sv *id, int n, struct arena *a,
		       struct row *out, struct err *err)
{
	const struct var var[] = {
		{ "object", sv_of(o->object) }, { "ids", ids }, { "fields", fields },
	};
	const struct vars vars = { var, 3, NULL };
	struct rest_ask ask = {
		.on = ON_FETCH,
		.what = arena_printf(a, "fetch of %s", o->object).ptr,
		.request = &r->d->fetch.request,
		.vars = &vars,
	};
	struct rest_answer answer;
	struct rows_list rows = { 0 };
	struct err failed = { 0 };
	bool ok = rest_call(r, &ask, a, &answer, &failed);
	bool named = !ok && rest_blame_field(r, &answer, o->field, o->field_n, &failed);
	if (!ok && answer.class == CLASS_GONE && !named) {
		ok = true; /* none of them is there */
	} else if (!ok) {
		*err = failed;
	} else if (!rows_list(r->d, answer.body, &rows)) {
		err_set(err, ERR_SERVER, "%s: %s: no rows in the answer", r->d->name, ask.what);
		ok = false;
	}
	for (size_t i = 0; ok && i < rows.n; i++) {
		struct row row;
		if (!rows_read(r->d, ro, rows_at(&rows, i), o->field, o->field_n, a, &row))
			continue;
		for (int k = 0; k < n; k++)
			if (sv_eq(id[k], row.id))
				out[k] = row;
	}
	rest_answer_finish(&answer);
	return ok;
}

static struct sv selector_for(struct rest *r, const struct object_ref *o,
			      const struct rest_object *ro, struct arena *a)
{
	const char *const own[] = { r->d->rows.id, ro->modified, ro->deleted };
	return rows_selector(r->d, own, 3, o->field, o->field_n, a);
}

/* An id that could leave its place in the URL is no id of theirs. */
static bool plain_id(struct sv id)
{
	for (size_t i = 0; i < id.len; i++)
		if (!(id.ptr[i] >= '0' && id.ptr[i] <= '9') &&
		    !(id.ptr[i] >= 'a' && id.ptr[i] <= 'z') &&
		    !(id.ptr[i] >= 'A' && id.ptr[i] <= 'Z') && id.ptr[i] != '-' && id.ptr[i] != '_')
			return false;
	return id.len > 0;
}

bool rest_fetch(struct connector *c, const struct object_ref *o, const struct sv *id, int n,
		struct arena *a, struct rows *out, struct err *err)
{
	struct rest *r = rest_of(c);
	const struct rest_object *ro = rest_object(r, o->object, err);
	if (!ro)
		return false;
	struct sv fields = selector_for(r, o, ro, a);
	struct buf encoded;
	buf_init(&encoded, 4 << 20);
	buf_add_url(&encoded, fields);
	size_t taken = encoded.len + URL_BASE_ROOM, max = (size_t)r->d->fetch.url_max;
	buf_finish(&encoded);
	*out = (struct rows){ arena_array(a, struct row, (size_t)n), n, SV_NONE };
	struct sv *asked = arena_array(a, struct sv, (size_t)n + 1);
	struct row *row = arena_array(a, struct row, (size_t)n + 1);
	int *of = arena_array(a, int, (size_t)n + 1), asked_n = 0;
	for (int i = 0; i < n; i++) {
		out->row[i].id = arena_sv(a, id[i]);
		out->row[i].value = arena_array(a, struct value, (size_t)o->field_n);
		if (!plain_id(id[i]))
			continue; /* whatever was typed there: no record of theirs */
		of[asked_n] = i;
		asked[asked_n] = id[i];
		row[asked_n++] = out->row[i];
	}
	for (int from = 0, end; from < asked_n; from = end) {
		struct sv ids = join_ids(r, asked, asked_n, from, max > taken ? max - taken : 0, a,
					 &end);
		if (!fetch_some(r, o, ro, ids, fields, asked + from, end - from, a, row + from, err))
			return false;
	}
	for (int i = 0; i < asked_n; i++)
		out->row[of[i]] = row[i];
	return true;
}

/* Rows of one query into the arena; 'last' becomes the id of the last one. */
static bool read_rows(struct rest *r, const struct rest_query *q, const struct rest_object *ro,
		      const struct field_ref *field, int field_n, struct arena *a,
		      struct rows *out, struct err *err)
{
	struct rest_answer answer;
	struct rows_list rows;
	struct err failed = { 0 };
	bool ok = rest_query(r, q, a, &answer, &rows, &failed);
	if (!ok)
		rest_blame_field(r, &answer, field, field_n, &failed);
	*out = (struct rows){ .row = ok ? arena_array(a, struct row, rows.n) : NULL };
	for (size_t i = 0; ok && i < rows.n; i++) {
		ok = rows_read(r->d, ro, rows_at(&rows, i), field, field_n, a, &out->row[out->n++]);
		if (!ok)
			err_set(&failed, ERR_SERVER, "%s: %s of %.*s: a row without %s",
				r->d->name, q->what, SV_ARG(q->object), r->d->rows.id);
	}
	rest_answer_finish(&answer);
	if (!ok)
		*err = failed;
	return ok;
}

static struct sv page_condition(struct rest *r, const struct rest_object *ro, struct sv after,
				struct sv also, bool deleted, struct arena *a)
{
	struct buf b;
	int64_t n;
	buf_init(&b, 1 << 20);
	buf_addf(&b, "%s > ", r->d->rows.id);
	if (sv_to_i64(after, &n))
		buf_add(&b, after);
	else
		jpql_text(&b, after);
	if (ro->deleted && !deleted)
		buf_addf(&b, " AND %s = false", ro->deleted);
	if (also.len)
		buf_addf(&b, " AND %.*s", SV_ARG(also));
	struct sv text = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	return text;
}

/* A page that does not lead on would be asked for ever. */
static bool advances(struct rest *r, struct sv from, const struct rows *rows, struct err *err)
{
	int64_t before, after;
	if (!rows->n || !sv_to_i64(from, &before) ||
	    !sv_to_i64(rows->row[rows->n - 1].id, &after) || after > before)
		return true;
	err_set(err, ERR_SERVER, "%s: pages do not advance: id %lld after %lld", r->d->name,
		(long long)after, (long long)before);
	return false;
}

/* Key-set paging: pages by offset shift when rows change meanwhile. The end is
 * an empty page, not a short one: a system may give fewer than asked. */
static bool list_page(struct rest *r, const struct object_ref *o, const struct rest_object *ro,
		      struct sv page, struct sv also, bool deleted, struct arena *a,
		      struct rows *out, struct err *err)
{
	struct sv after = page.len ? page : SV("0");
	struct rest_query q = {
		.on = ON_QUERY,
		.what = "list",
		.object = sv_of(o->object),
		.where = page_condition(r, ro, after, also, deleted, a),
		.fields = selector_for(r, o, ro, a),
		.order = sv_of(r->d->rows.id),
		.count = r->d->query.page,
	};
	if (!read_rows(r, &q, ro, o->field, o->field_n, a, out, err) ||
	    !advances(r, after, out, err))
		return false;
	if (out->n)
		out->next = out->row[out->n - 1].id;
	return true;
}

bool rest_list(struct connector *c, const struct object_ref *o, struct sv page, struct arena *a,
	       struct rows *out, struct err *err)
{
	struct rest *r = rest_of(c);
	const struct rest_object *ro = rest_object(r, o->object, err);
	return ro && list_page(r, o, ro, page, SV_NONE, false, a, out, err);
}

/* By the rows' own stamp, in the order of their ids: equal stamps at the edge
 * of a page lose nobody. What is deleted is told only where that is a flag of
 * the row; elsewhere everything has to be listed. */
bool rest_since(struct connector *c, const struct object_ref *o, int64_t since_ms, struct sv page,
		struct arena *a, struct rows *out, struct err *err)
{
	struct rest *r = rest_of(c);
	const struct rest_object *ro = rest_object(r, o->object, err);
	struct buf where;
	if (!ro)
		return false;
	if (!ro->modified || !ro->deleted) {
		err_set(err, ERR_CURSOR, "%s: %s does not tell what changed since a time", r->d->name,
			o->object);
		return false;
	}
	buf_init(&where, 1024);
	jpql_since(r->d, ro->modified, since_ms, &where);
	bool ok = list_page(r, o, ro, page, buf_sv(&where), true, a, out, err);
	buf_finish(&where);
	return ok;
}

/* Phone numbers are stored as people typed them: the system cannot compare
 * them, we can. */
static bool compared_here(const struct write_field *f)
{
	return f->type.kind == TYPE_PHONE && f->value.kind == VALUE_TEXT;
}

static bool find_condition(struct rest *r, const struct write_field *by, int by_n,
			   struct arena *a, struct sv *out, struct err *err)
{
	struct buf b;
	int there = 0;
	bool ok = true;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < by_n; i++)
		there += !compared_here(&by[i]);
	for (int i = 0; i < by_n && ok; i++) {
		/* with nothing else to go by, its plain spelling must do */
		if (there && compared_here(&by[i]))
			continue;
		if (b.len)
			buf_add(&b, SV(" AND "));
		ok = jpql_equal(r->d, &by[i], &b, err);
	}
	if (ok && b.full) {
		err_set(err, ERR_TOO_BIG, "%s: a look-up by more than 1 MiB", r->d->name);
		ok = false;
	}
	*out = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	return ok;
}

/* Keeps the rows whose values equal what was compared here; the values of 'by'
 * follow those of the object's fields. */
static void keep_equal(struct rows *rows, const struct write_field *by, int by_n, int field_n)
{
	int kept = 0;
	for (int i = 0; i < rows->n; i++) {
		bool equal = true;
		for (int k = 0; k < by_n; k++)
			if (compared_here(&by[k]))
				equal = equal && value_eq(rows->row[i].value[field_n + k], by[k].value);
		if (equal)
			rows->row[kept++] = rows->row[i];
	}
	rows->n = kept;
}

bool rest_find(struct connector *c, const struct object_ref *o, const struct write_field *by,
	       int by_n, struct arena *a, struct rows *out, struct err *err)
{
	struct rest *r = rest_of(c);
	const struct rest_object *ro = rest_object(r, o->object, err);
	struct sv equal, after = SV("0");
	if (!ro || !find_condition(r, by, by_n, a, &equal, err))
		return false;
	int field_n = o->field_n + by_n;
	struct field_ref *field = arena_array(a, struct field_ref, (size_t)field_n);
	for (int i = 0; i < field_n; i++)
		field[i] = i < o->field_n ? o->field[i] :
					    (struct field_ref){ by[i - o->field_n].api,
								by[i - o->field_n].type };
	const struct object_ref both = { .object = o->object, .field = field, .field_n = field_n };
	*out = (struct rows){ .row = arena_array(a, struct row, FIND_ROWS_MAX) };
	for (;;) {
		struct rows page;
		struct rest_query q = {
			.on = ON_QUERY,
			.what = "look-up",
			.object = sv_of(o->object),
			.where = page_condition(r, ro, after, equal, false, a),
			.fields = selector_for(r, &both, ro, a),
			.order = sv_of(r->d->rows.id),
			.count = r->d->query.page,
		};
		if (!read_rows(r, &q, ro, field, field_n, a, &page, err) ||
		    !advances(r, after, &page, err))
			return false;
		if (out->n + page.n > FIND_ROWS_MAX) {
			err_set(err, ERR_TOO_BIG, "%s: a look-up of %s fits more than %d records",
				r->d->name, o->object, FIND_ROWS_MAX);
			return false;
		}
		int n = page.n;
		if (n)
			after = page.row[n - 1].id;
		keep_equal(&page, by, by_n, o->field_n);
		memcpy(out->row + out->n, page.row, sizeof(struct row) * (size_t)page.n);
		out->n += page.n;
		/* A short page ends a look-up: it has a handful of rows, and one
		 * more call for each would double what creating costs. */
		if (n < r->d->query.page)
			return true;
	}
}

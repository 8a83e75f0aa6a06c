/* /query and /queryAll, in pages that a locator carries on. A cursor keeps the
 * rows it found; their values are those of the moment each page is read. */
#include "base/panic.h"
#include "soql.h"

enum { CURSORS_MAX = 200 };

struct sf_cursor {
	char id[32];
	char *text; /* the query, parsed again for each page */
	struct row **rows;
	size_t len;
	struct sf_cursor *older;
};

static void cursor_free(struct sf_cursor *k)
{
	free(k->text);
	free(k->rows);
	free(k);
}

void sf_cursors_close(struct salesforce *sf)
{
	while (sf->cursors) {
		struct sf_cursor *k = sf->cursors;
		sf->cursors = k->older;
		cursor_free(k);
	}
}

/* Takes the rows. The oldest cursors go when there are too many. */
static struct sf_cursor *cursor_new(struct salesforce *sf, struct sv text, struct row **rows, size_t n)
{
	struct sf_cursor *k = must_zalloc(sizeof(*k)), **p = &sf->cursors;
	size_t count = 0;
	snprintf(k->id, sizeof(k->id), "0r8Hs%010llu", (unsigned long long)sf->next_serial++);
	k->text = must_zalloc(text.len + 1);
	memcpy(k->text, text.ptr, text.len);
	k->rows = rows;
	k->len = n;
	k->older = sf->cursors;
	sf->cursors = k;
	while (*p && ++count <= CURSORS_MAX)
		p = &(*p)->older;
	while (*p) {
		struct sf_cursor *old = *p;
		*p = old->older;
		cursor_free(old);
	}
	return k;
}

static void add_parent(struct sf_call *c, const struct soql_query *q, size_t first, const struct row *r)
{
	struct buf *b = &c->resp->body;
	int via = q->select[first].via;
	struct sv id = sf_value(c->a, r, via);
	const struct field_def *f = &r->table->def->fields[via];
	const struct row *parent = id.ptr ? sf_row(tables_find(r->table->all, sv_of(f->target)), id) : NULL;
	buf_addf(b, ",\"%s\":", f->relationship);
	if (!parent) {
		buf_add(b, SV("null"));
		return;
	}
	buf_addc(b, '{');
	sf_render_attributes(b, c->version, parent);
	for (size_t i = first; i < q->select_len; i++) {
		if (q->select[i].via != via)
			continue;
		buf_addf(b, ",\"%s\":", parent->table->def->fields[q->select[i].field].name);
		sf_render_value(b, c->a, parent, q->select[i].field, SF_REST);
	}
	buf_addc(b, '}');
}

/* The fields of one parent come out as one object, where the first stood. */
static bool parent_done(const struct soql_query *q, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (q->select[i].via == q->select[at].via)
			return true;
	return false;
}

static void add_record(struct sf_call *c, const struct soql_query *q, const struct row *r)
{
	struct buf *b = &c->resp->body;
	buf_addc(b, '{');
	sf_render_attributes(b, c->version, r);
	for (size_t i = 0; i < q->select_len; i++) {
		const struct soql_path *s = &q->select[i];
		if (s->via >= 0) {
			if (!parent_done(q, i))
				add_parent(c, q, i, r);
			continue;
		}
		buf_addf(b, ",\"%s\":", r->table->def->fields[s->field].name);
		sf_render_value(b, c->a, r, s->field, SF_REST);
	}
	buf_addc(b, '}');
}

static size_t page_size(const struct sf_call *c)
{
	struct sv v = http_header(c->req, "Sforce-Query-Options"), key, number;
	int64_t n;
	if (sv_cut(v, '=', &key, &number) && sv_eq_nocase(sv_trim(key), SV("batchSize")) &&
	    sv_to_i64(sv_trim(number), &n) && n >= 200 && n <= SF_PAGE)
		return (size_t)n;
	return SF_PAGE;
}

static void answer_page(struct sf_call *c, const struct soql_query *q, struct row **rows, size_t total,
			size_t from, size_t to, const char *cursor)
{
	struct buf *b = &c->resp->body;
	buf_addf(b, "{\"totalSize\":%zu,\"done\":%s", total, to == total ? "true" : "false");
	if (to < total)
		buf_addf(b, ",\"nextRecordsUrl\":\"/services/data/%.*s/query/%s-%zu\"", SV_ARG(c->version),
			 cursor, to);
	buf_add(b, SV(",\"records\":["));
	for (size_t i = from; i < to; i++) {
		if (i > from)
			buf_addc(b, ',');
		add_record(c, q, rows[i]);
	}
	buf_add(b, SV("]}"));
}

static void run_query(struct sf_call *c, struct sv text, bool all)
{
	struct sf_error e = { 0 };
	struct buf *b = &c->resp->body;
	struct soql_query *q = soql_parse(c->sf, c->a, c->who, text, &e);
	size_t n, page = page_size(c);
	if (!q) {
		sf_answer_error(c, &e);
		return;
	}
	struct row **rows = soql_run(c->a, q, all, &n);
	if (q->count) {
		buf_addf(b, "{\"totalSize\":%zu,\"done\":true,\"records\":[]}", n);
	} else if (q->count_id) {
		buf_addf(b,
			 "{\"totalSize\":1,\"done\":true,\"records\":[{\"attributes\":{\"type\":\"AggregateResult\"},\"expr0\":%zu}]}",
			 n);
	} else if (n <= page) {
		answer_page(c, q, rows, n, 0, n, "");
	} else {
		struct sf_cursor *k = cursor_new(c->sf, text, rows, n);
		answer_page(c, q, rows, n, 0, page, k->id);
		return; /* the cursor has the rows */
	}
	free(rows);
}

static void next_page(struct sf_call *c, struct sv locator)
{
	struct sf_error e = { 0 };
	struct sf_cursor *k = c->sf->cursors;
	struct sv id, place;
	int64_t from = -1;
	sv_cut(locator, '-', &id, &place);
	while (k && !sv_eq(sv_of(k->id), id))
		k = k->older;
	if (!k || !sv_to_i64(place, &from) || from < 0 || (size_t)from > k->len) {
		sf_answer(c, 400, "INVALID_QUERY_LOCATOR", "invalid query locator");
		return;
	}
	struct soql_query *q = soql_parse(c->sf, c->a, c->who, sv_of(k->text), &e);
	if (!q) {
		sf_answer_error(c, &e); /* the permissions changed meanwhile */
		return;
	}
	size_t to = (size_t)from + page_size(c);
	answer_page(c, q, k->rows, k->len, (size_t)from, to < k->len ? to : k->len, k->id);
}

void sf_handle_query(struct sf_call *c, bool all)
{
	struct sv text = http_arg(c->req, "q"), locator, rest = c->rest;
	if (!http_is(c->req, "GET"))
		sf_answer(c, 405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed. Allowed are GET,HEAD");
	else if (http_segment(c->req, &rest, &locator))
		next_page(c, locator);
	else if (!text.len)
		sf_answer(c, 400, "MALFORMED_QUERY", "A query string has to be specified");
	else
		run_query(c, text, all);
}

/* Single rows by REST: /sobjects/X, /sobjects/X/ID, /sobjects/X/KEY/VALUE,
 * and the listings of what was changed and deleted. */
#include "salesforce.h"

static void answer_saved(struct sf_call *c, int status, const struct row *r, bool upsert, bool created)
{
	struct buf *b = &c->resp->body;
	buf_addf(b, "{\"id\":\"%.*s\",\"success\":true,\"errors\":[]", SV_ARG(r->id));
	if (upsert)
		buf_addf(b, ",\"created\":%s", created ? "true" : "false");
	buf_addc(b, '}');
	c->resp->status = status;
	if (status == 201)
		http_add_header(c->resp, "Location",
				arena_printf(c->a, "/services/data/%.*s/sobjects/%s/%.*s", SV_ARG(c->version),
					     r->table->def->name, SV_ARG(r->id)));
}

static void create_row(struct sf_call *c, struct table *t)
{
	struct sf_txn own, *x = sf_txn_of(c, &own);
	struct sf_error e = { 0 };
	struct row *r;
	if (sf_create(x, t, c->body, &r, &e))
		answer_saved(c, 201, r, false, true);
	else
		sf_answer_error(c, &e);
	sf_txn_done(c, x);
}

/* The rows that a comma-separated list names, or all that the caller may read. */
static bool read_fields(struct sf_call *c, struct table *t, struct sv list, int *out, size_t *n,
			struct sf_error *e)
{
	*n = 0;
	for (size_t i = 0; !list.len && i < t->def->fields_len; i++)
		if (sf_may_read(c->who, t, (int)i))
			out[(*n)++] = (int)i;
	while (list.len) {
		struct sv name;
		sv_cut(list, ',', &name, &list);
		name = sv_trim(name);
		int f = table_field_any_case(t, name);
		if (f < 0 || !sf_may_read(c->who, t, f))
			return sf_fail(c->a, e, 400, "INVALID_FIELD", "No such column '%.*s' on sobject of type %s",
				       SV_ARG(name), t->def->name);
		if (*n < t->def->fields_len)
			out[(*n)++] = f;
	}
	return true;
}

static void add_row(struct sf_call *c, const struct row *r, const int *fields, size_t n)
{
	struct buf *b = &c->resp->body;
	buf_addc(b, '{');
	sf_render_attributes(b, c->version, r);
	for (size_t i = 0; i < n; i++) {
		buf_addf(b, ",\"%s\":", r->table->def->fields[fields[i]].name);
		sf_render_value(b, c->a, r, fields[i], SF_REST);
	}
	buf_addc(b, '}');
}

/* HTTP dates have whole seconds: two writes in one second are not told apart. */
static bool condition(struct sf_call *c, const struct row *r, const char *header, int64_t *since_s)
{
	struct sv v = http_header(c->req, header);
	struct tm tm = { 0 };
	if (!v.len || !strptime(arena_str(c->a, v), "%a, %d %b %Y %H:%M:%S", &tm))
		return false;
	*since_s = timegm(&tm);
	return true;
}

static void get_row(struct sf_call *c, struct row *r)
{
	struct sf_error e = { 0 };
	int64_t since;
	size_t n;
	int *fields = arena_array(c->a, int, r->table->def->fields_len);
	if (condition(c, r, "If-Modified-Since", &since) && r->modified_ms / 1000 <= since)
		c->resp->status = 304;
	else if (read_fields(c, r->table, http_arg(c->req, "fields"), fields, &n, &e))
		add_row(c, r, fields, n);
	else
		sf_answer_error(c, &e);
}

static void update_row(struct sf_call *c, struct row *r)
{
	struct sf_error e = { 0 };
	int64_t since;
	if (condition(c, r, "If-Unmodified-Since", &since) && r->modified_ms / 1000 > since) {
		c->resp->status = 412;
		sf_answer(c, 412, "PRECONDITION_FAILED",
			  "The record has been modified since the time given in If-Unmodified-Since");
		return;
	}
	struct sf_txn own, *x = sf_txn_of(c, &own);
	if (json_at(c->body, "Id") || json_at(c->body, "id"))
		sf_answer(c, 400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.");
	else if (sf_update(x, r, c->body, &e))
		c->resp->status = 204;
	else
		sf_answer_error(c, &e);
	sf_txn_done(c, x);
}

static void delete_row(struct sf_call *c, struct row *r)
{
	struct sf_error e = { 0 };
	struct sf_txn own, *x = sf_txn_of(c, &own);
	if (sf_delete(x, r, &e))
		c->resp->status = 204;
	else
		sf_answer_error(c, &e);
	sf_txn_done(c, x);
}

static void one_row(struct sf_call *c, struct table *t, struct sv id)
{
	struct sf_error e = { 0 };
	char full[SF_ID_LEN + 1];
	if (!sf_id_normal(id, full)) {
		sf_answer(c, 404, "NOT_FOUND",
			  "Provided external ID field does not exist or is not accessible: Id");
		return;
	}
	struct row *r = sf_live_row(c->a, t, id, &e);
	if (!r) {
		if (!e.code || strcmp(e.code, "ENTITY_IS_DELETED") != 0)
			sf_answer(c, 404, "NOT_FOUND", "The requested resource does not exist");
		else
			sf_answer_error(c, &e);
	} else if (http_is(c->req, "GET")) {
		get_row(c, r);
	} else if (http_is(c->req, "PATCH")) {
		update_row(c, r);
	} else if (http_is(c->req, "DELETE")) {
		delete_row(c, r);
	} else {
		sf_answer(c, 405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed. Allowed are DELETE,GET,HEAD,PATCH");
	}
}

static void answer_several(struct sf_call *c, struct table *t, int key, struct sv value)
{
	struct row *found[16];
	size_t n = table_lookup(t, key, value, found, 16);
	struct buf *b = &c->resp->body;
	buf_addc(b, '[');
	for (size_t i = 0; i < n && i < 16; i++)
		buf_addf(b, "%s\"/services/data/%.*s/sobjects/%s/%.*s\"", i ? "," : "", SV_ARG(c->version),
			 t->def->name, SV_ARG(found[i]->id));
	buf_addc(b, ']');
	c->resp->status = 300;
}

static void upsert_row(struct sf_call *c, struct table *t, int key, struct sv value)
{
	struct sf_error e = { 0 };
	struct row *r;
	bool created;
	if (json_has(c->body, t->def->fields[key].name)) {
		sf_answer(c, 400, "INVALID_FIELD",
			  "The external ID field should not be specified in the sobject data.");
		return;
	}
	struct sf_txn own, *x = sf_txn_of(c, &own);
	bool update_only = sv_eq_nocase(http_arg(c->req, "updateOnly"), SV("true"));
	if (sf_upsert(x, t, key, value, c->body, update_only, &r, &created, &e))
		answer_saved(c, created ? 201 : 200, r, true, created);
	else if (e.http == 300)
		answer_several(c, t, key, value);
	else
		sf_answer_error(c, &e);
	sf_txn_done(c, x);
}

static void row_by_key(struct sf_call *c, struct table *t, struct sv name, struct sv value)
{
	struct row *found[1];
	int key = table_field_any_case(t, name);
	if (key < 0 || !(t->def->fields[key].flags & (FIELD_EXTERNAL_ID | FIELD_ID_LOOKUP)) ||
	    !sf_may_read(c->who, t, key)) {
		sf_answer(c, 404, "NOT_FOUND",
			  "Provided external ID field does not exist or is not accessible");
		return;
	}
	if (http_is(c->req, "PATCH")) {
		upsert_row(c, t, key, value);
		return;
	}
	size_t n = table_lookup(t, key, value, found, 1);
	if (n == 0)
		sf_answer(c, 404, "NOT_FOUND", "The requested resource does not exist");
	else if (n > 1)
		answer_several(c, t, key, value);
	else
		one_row(c, t, found[0]->id);
}

/* ---- updated and deleted ---- */

static bool span(struct sf_call *c, int64_t *start, int64_t *end)
{
	int64_t now = sandbox_now(c->sf->box);
	/* A client that left the '+' of an offset unencoded sent a blank. */
	if (!time_parse(http_arg(c->req, "start"), start) || !time_parse(http_arg(c->req, "end"), end)) {
		sf_answer(c, 400, "INVALID_REPLICATION_DATE", "startDate or endDate is not a valid date time");
		return false;
	}
	*start -= *start % 60000; /* seconds are ignored */
	*end -= *end % 60000;
	if (*end > now)
		*end = now - now % 60000 + 60000;
	if (*end - *start < 60000) {
		sf_answer(c, 400, "INVALID_REPLICATION_DATE", "endDate must be at least one minute greater than startDate");
		return false;
	}
	return true;
}

static struct sv rest_time(struct sf_call *c, int64_t ms)
{
	char at[TIME_TEXT_SIZE];
	time_format_ms(ms, at);
	return arena_printf(c->a, "%.19s.000+0000", at);
}

static void list_updated(struct sf_call *c, struct table *t)
{
	struct buf *b = &c->resp->body;
	int64_t start, end;
	bool first = true;
	if (!span(c, &start, &end))
		return;
	buf_add(b, SV("{\"ids\":["));
	for (size_t i = 0; i < t->rows_len; i++) {
		const struct row *r = t->rows[i];
		if (r->deleted || r->modified_ms < start || r->modified_ms >= end)
			continue;
		buf_addf(b, "%s\"%.*s\"", first ? "" : ",", SV_ARG(r->id));
		first = false;
	}
	buf_addf(b, "],\"latestDateCovered\":\"%.*s\"}", SV_ARG(rest_time(c, end)));
}

static void list_deleted(struct sf_call *c, struct table *t)
{
	struct buf *b = &c->resp->body;
	int64_t start, end;
	bool first = true;
	if (!span(c, &start, &end))
		return;
	buf_add(b, SV("{\"deletedRecords\":["));
	for (size_t i = 0; i < t->rows_len; i++) {
		const struct row *r = t->rows[i];
		if (!r->deleted || r->modified_ms < start || r->modified_ms >= end)
			continue;
		buf_addf(b, "%s{\"id\":\"%.*s\",\"deletedDate\":\"%.*s\"}", first ? "" : ",", SV_ARG(r->id),
			 SV_ARG(rest_time(c, r->modified_ms)));
		first = false;
	}
	buf_addf(b, "],\"earliestDateAvailable\":\"%.*s\",\"latestDateCovered\":\"%.*s\"}",
		 SV_ARG(rest_time(c, sandbox_now(c->sf->box) - INT64_C(15) * 86400000)), SV_ARG(rest_time(c, end)));
}

void sf_handle_sobject(struct sf_call *c)
{
	struct sv rest = c->rest, name, second, third;
	struct table *t = http_segment(c->req, &rest, &name) ? sf_table(c->sf, name) : NULL;
	if (!t) {
		sf_answer(c, 404, "NOT_FOUND", "The requested resource does not exist");
		return;
	}
	if (!http_segment(c->req, &rest, &second)) {
		if (http_is(c->req, "POST"))
			create_row(c, t);
		else
			sf_handle_basic(c, t);
	} else if (sv_eq(second, SV("describe"))) {
		sf_handle_describe(c, t);
	} else if (sv_eq(second, SV("updated"))) {
		list_updated(c, t);
	} else if (sv_eq(second, SV("deleted"))) {
		list_deleted(c, t);
	} else if (sv_eq(second, SV("Id")) && !rest.len && http_is(c->req, "POST")) {
		create_row(c, t);
	} else if (!rest.len) {
		one_row(c, t, second);
	} else if (http_segment(c->req, &rest, &third) && !rest.len) {
		/* More segments: a key whose '/' was not encoded hits nothing. */
		if (sv_eq_nocase(second, SV("Id")))
			one_row(c, t, third);
		else
			row_by_key(c, t, second, third);
	} else {
		sf_answer(c, 404, "NOT_FOUND", "The requested resource does not exist");
	}
}

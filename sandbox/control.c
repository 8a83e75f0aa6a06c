#include "control.h"

#include "base/panic.h"

static void answer_error(struct http_response *resp, int status, const struct err *err)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "error", sv_of(err->what));
	json_put_sv(o, "code", sv_of(err_code_name(err->code)));
	http_json(resp, status, o);
}

static void answer_bad(struct http_response *resp, const char *what)
{
	struct err err = { 0 };
	err_set(&err, ERR_BAD_INPUT, "%s", what);
	answer_error(resp, 400, &err);
}

static void answer_ok(struct http_response *resp)
{
	struct json_object *o = json_object_new_object();
	json_put_bool(o, "ok", true);
	http_json(resp, 200, o);
}

static struct system *system_named(struct system *called, struct sv name)
{
	if (!name.len)
		return called;
	for (int i = 0; i < SYSTEMS; i++)
		if (sv_eq(sv_of(called->box->systems[i].name), name))
			return &called->box->systems[i];
	return NULL;
}

/* The person in "user", or the first human. Writes count as a person's unless
 * "channel" says "office" or "automation". */
static struct writer writer_of(struct system *s, struct json_object *body)
{
	struct writer w = { .user = json_sv(body, "user"), .channel = CHANNEL_USER };
	struct sv channel = json_sv(body, "channel");
	if (!w.user.len)
		w.user = s->human(s, 0);
	if (sv_eq(channel, SV("office")))
		w.channel = CHANNEL_OFFICE;
	else if (sv_eq(channel, SV("automation")))
		w.channel = CHANNEL_AUTOMATION;
	return w;
}

enum { FIELDS_MAX = 64 };

/* The members of a "fields" object; "{n}" in a text becomes 'place'. */
static size_t fields_of(struct arena *a, struct json_object *fields, size_t place,
			struct named_value out[FIELDS_MAX])
{
	size_t n = 0;
	if (!json_object_is_type(fields, json_type_object))
		return 0;
	json_object_object_foreach(fields, key, value) {
		if (n == FIELDS_MAX)
			break;
		struct sv text = json_scalar_text(value);
		const char *hole = text.ptr ? memmem(text.ptr, text.len, "{n}", 3) : NULL;
		if (hole)
			text = arena_printf(a, "%.*s%zu%.*s", (int)(hole - text.ptr), text.ptr,
					    place, (int)(text.ptr + text.len - hole - 3), hole + 3);
		out[n++] = (struct named_value){ sv_of(key), text };
	}
	return n;
}

static void do_edit(struct system *s, struct json_object *body, struct arena *a,
		    struct http_response *resp)
{
	struct named_value set[FIELDS_MAX];
	size_t n = fields_of(a, json_at(body, "fields"), 0, set);
	struct writer w = writer_of(s, body);
	struct err err = { 0 };
	if (s->edit(s, json_sv(body, "object"), json_scalar_text(json_at(body, "id")), set, n, &w, &err))
		answer_ok(resp);
	else
		answer_error(resp, 422, &err);
}

static void do_create(struct system *s, struct json_object *body, struct arena *a,
		      struct http_response *resp)
{
	struct named_value set[FIELDS_MAX];
	size_t n = fields_of(a, json_at(body, "fields"), 0, set);
	struct writer w = writer_of(s, body);
	struct err err = { 0 };
	char id[32];
	if (!s->create(s, json_sv(body, "object"), set, n, &w, id, &err)) {
		answer_error(resp, 422, &err);
		return;
	}
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "id", sv_of(id));
	http_json(resp, 201, o);
}

static void do_delete(struct system *s, struct json_object *body, struct http_response *resp)
{
	struct writer w = writer_of(s, body);
	struct err err = { 0 };
	if (s->remove(s, json_sv(body, "object"), json_scalar_text(json_at(body, "id")), &w, &err))
		answer_ok(resp);
	else
		answer_error(resp, 422, &err);
}

struct bulk {
	struct system *s;
	struct arena *a;
	struct sv object;
	struct writer writer;
	int64_t done, failed;
	struct err first;
};

static void bulk_one(struct bulk *b, struct sv id, struct json_object *fields, size_t place)
{
	struct named_value set[FIELDS_MAX];
	size_t n = fields_of(b->a, fields, place, set);
	if (b->s->edit(b->s, b->object, id, set, n, &b->writer, &b->first))
		b->done++;
	else
		b->failed++;
}

static void bulk_all(struct bulk *b, struct json_object *body)
{
	struct table *t = tables_find(b->s->tables, b->object);
	int64_t limit = json_i64(body, "limit", INT64_MAX);
	for (size_t i = 0; t && i < t->rows_len && b->done + b->failed < limit; i++)
		if (!t->rows[i]->deleted)
			bulk_one(b, t->rows[i]->id, json_at(body, "fields"), i);
}

static void do_bulk_edit(struct system *s, struct json_object *body, struct arena *a,
			 struct http_response *resp)
{
	struct bulk b = { .s = s, .a = a, .object = json_sv(body, "object"),
			  .writer = writer_of(s, body) };
	struct json_object *edits = json_at(body, "edits");
	size_t n = json_object_is_type(edits, json_type_array) ? json_object_array_length(edits) : 0;
	if (json_flag(body, "all", false))
		bulk_all(&b, body);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(edits, i);
		bulk_one(&b, json_scalar_text(json_at(e, "id")), json_at(e, "fields"), i);
	}
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "edited", b.done);
	json_put_i64(o, "failed", b.failed);
	if (b.failed)
		json_put_sv(o, "first_error", sv_of(b.first.what));
	http_json(resp, 200, o);
}

static void do_fault(struct system *s, struct json_object *body, struct http_response *resp)
{
	struct err err = { 0 };
	if (faults_set(&s->faults, body, sandbox_now(s->box), &err)) {
		sandbox_wake(s->box); /* an outage ends what waits */
		answer_ok(resp);
	} else {
		answer_error(resp, 400, &err);
	}
}

static void show_calls(struct system *s, const struct http_request *req, struct http_response *resp)
{
	struct json_object *o = json_object_new_object(), *by = json_object_new_object();
	json_put_sv(o, "system", sv_of(s->name));
	json_put_i64(o, "total", s->calls.total);
	for (size_t i = 0; i < s->calls.len; i++)
		json_put_i64(by, s->calls.items[i].endpoint, s->calls.items[i].count);
	json_object_object_add(o, "endpoints", by);
	if (sv_eq(http_arg(req, "reset"), SV("true")))
		calls_reset(&s->calls);
	http_json(resp, 200, o);
}

static void add_value(struct buf *b, struct sv v)
{
	if (v.ptr)
		buf_add_json_text(b, v);
	else
		buf_add(b, SV("null"));
}

static void add_change(struct buf *b, const struct change *c)
{
	char at[TIME_TEXT_SIZE];
	time_format_ms(c->at_ms, at);
	buf_addf(b, "{\"seq\":%llu,\"kind\":\"%s\",\"at\":\"%s\",\"at_ms\":%lld,\"asked_ms\":%lld,\"object\":\"%s\",\"id\":",
		 (unsigned long long)c->seq, change_kind_name(c->kind), at, (long long)c->at_ms,
		 (long long)c->asked_ms, c->table->def->name);
	add_value(b, c->row->id);
	buf_add(b, SV(",\"user\":"));
	add_value(b, c->user);
	buf_addf(b, ",\"channel\":\"%s\",\"client\":", channel_name(c->channel));
	add_value(b, c->client);
	buf_add(b, SV(",\"fields\":{"));
	for (size_t i = 0; i < c->fields_len; i++) {
		buf_addf(b, "%s\"%s\":{\"old\":", i ? "," : "",
			 c->table->def->fields[c->fields[i].field].name);
		add_value(b, c->fields[i].old_value);
		buf_add(b, SV(",\"new\":"));
		add_value(b, c->fields[i].new_value);
		buf_addc(b, '}');
	}
	buf_add(b, SV("}}"));
}

static void show_writes(struct system *s, const struct http_request *req, struct http_response *resp)
{
	struct sv object = http_arg(req, "object"), id = http_arg(req, "id");
	struct sv channel = http_arg(req, "channel");
	int64_t since = 0;
	bool first = true;
	sv_to_i64(http_arg(req, "since"), &since);
	buf_add(&resp->body, SV("["));
	for (size_t i = 0; i < s->tables->log_len; i++) {
		const struct change *c = s->tables->log[i];
		if ((int64_t)c->seq <= since ||
		    (object.len && !sv_eq_nocase(sv_of(c->table->def->name), object)) ||
		    (id.len && !sv_starts(c->row->id, id)) || (id.len && id.len < 15 && !sv_eq(c->row->id, id)) ||
		    (channel.len && !sv_eq(sv_of(channel_name(c->channel)), channel)))
			continue;
		if (!first)
			buf_addc(&resp->body, ',');
		first = false;
		add_change(&resp->body, c);
	}
	buf_addc(&resp->body, ']');
}

static void show_reads(struct system *s, const struct http_request *req, struct http_response *resp)
{
	const struct tables *all = s->tables;
	struct buf *b = &resp->body;
	int64_t since = 0;
	sv_to_i64(http_arg(req, "since"), &since);
	buf_addf(b, "{\"next\":%zu,\"reads\":[", all->shown_len);
	for (size_t i = since > 0 ? (size_t)since : 0, n = 0; i < all->shown_len; i++, n++) {
		const struct showing *x = &all->shown[i];
		buf_addf(b, "%s[\"%s\",", n ? "," : "", x->row->table->def->name);
		add_value(b, x->row->id);
		buf_addf(b, ",%llu,%lld]", (unsigned long long)x->seq, (long long)x->answered_ms);
	}
	buf_add(b, SV("]}"));
}

/* The wanted fields of a table, or all stored ones. Returns how many. */
static size_t pick_fields(const struct table *t, struct sv wanted, int *out)
{
	size_t n = 0;
	for (size_t i = 0; !wanted.len && i < t->def->fields_len; i++)
		out[n++] = (int)i;
	while (wanted.len) {
		struct sv one;
		sv_cut(wanted, ',', &one, &wanted);
		int f = table_field_any_case(t, sv_trim(one));
		if (f >= 0 && n < t->def->fields_len)
			out[n++] = f;
	}
	return n;
}

static void add_row(struct buf *b, const struct row *r, const int *fields, size_t n)
{
	char at[TIME_TEXT_SIZE];
	buf_add(b, SV("{\"id\":"));
	add_value(b, r->id);
	time_format_ms(r->modified_ms, at);
	buf_addf(b, ",\"deleted\":%s,\"modified\":\"%s\",\"modified_by\":", r->deleted ? "true" : "false", at);
	add_value(b, r->modified_by);
	buf_add(b, SV(",\"fields\":{"));
	bool first = true;
	for (size_t k = 0; k < n; k++) {
		const struct field_def *f = &r->table->def->fields[fields[k]];
		if (f->type == FIELD_COMPUTED || f->type == FIELD_ID || f->flags & FIELD_VIRTUAL)
			continue;
		buf_addf(b, "%s\"%s\":", first ? "" : ",", f->name);
		add_value(b, r->values[fields[k]]);
		first = false;
	}
	buf_add(b, SV("}}"));
}

static void show_rows(struct system *s, const struct http_request *req, struct http_response *resp)
{
	struct table *t = tables_find(s->tables, http_arg(req, "object"));
	struct sv id = http_arg(req, "id");
	bool deleted = sv_eq(http_arg(req, "deleted"), SV("true")) || id.len, first = true;
	if (!t) {
		answer_bad(resp, "dump: no such object");
		return;
	}
	int *fields = arena_array(req->arena, int, t->def->fields_len);
	size_t n = pick_fields(t, http_arg(req, "fields"), fields);
	buf_addc(&resp->body, '[');
	for (size_t i = 0; i < t->rows_len; i++) {
		const struct row *r = t->rows[i];
		if ((r->deleted && !deleted) ||
		    (id.len && !(id.len == 15 ? sv_starts(r->id, id) : sv_eq(r->id, id))))
			continue;
		if (!first)
			buf_addc(&resp->body, ',');
		first = false;
		add_row(&resp->body, r, fields, n);
	}
	buf_addc(&resp->body, ']');
}

static void show_overview(struct sandbox *box, struct http_response *resp)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "version", SV(TREATY_VERSION));
	json_put_i64(o, "seed", (int64_t)box->options.seed);
	for (int i = 0; i < SYSTEMS; i++) {
		struct system *s = &box->systems[i];
		struct json_object *one = json_object_new_object(), *rows = json_object_new_object();
		json_put_sv(one, "url", sv_of(box->base_url[i]));
		json_put_i64(one, "port", s->port);
		json_put_i64(one, "calls", s->calls.total);
		json_put_i64(one, "writes", (int64_t)s->tables->log_len);
		for (size_t k = 0; k < s->tables->len; k++)
			json_put_i64(rows, s->tables->items[k]->def->name,
				     (int64_t)s->tables->items[k]->rows_len);
		json_object_object_add(one, "rows", rows);
		json_object_object_add(o, s->name, one);
	}
	http_json(resp, 200, o);
}

static void handle_get(struct system *called, struct sv verb, const struct http_request *req,
		       struct http_response *resp)
{
	struct system *s = system_named(called, http_arg(req, "system"));
	if (!s)
		answer_bad(resp, "system: 'salesforce' or 'bullhorn'");
	else if (!verb.len)
		show_overview(s->box, resp);
	else if (sv_eq(verb, SV("calls")))
		show_calls(s, req, resp);
	else if (sv_eq(verb, SV("writes")))
		show_writes(s, req, resp);
	else if (sv_eq(verb, SV("reads")))
		show_reads(s, req, resp);
	else if (sv_eq(verb, SV("dump")))
		show_rows(s, req, resp);
	else if (sv_eq(verb, SV("faults")))
		http_json(resp, 200, faults_list(&s->faults));
	else
		answer_bad(resp, "no such control endpoint");
}

static void handle_post(struct system *called, struct sv verb, struct json_object *body,
			struct arena *a, struct http_response *resp)
{
	struct system *s = system_named(called, json_sv(body, "system"));
	if (!s) {
		answer_bad(resp, "system: 'salesforce' or 'bullhorn'");
	} else if (sv_eq(verb, SV("fault"))) {
		do_fault(s, body, resp);
	} else if (sv_eq(verb, SV("edit"))) {
		do_edit(s, body, a, resp);
	} else if (sv_eq(verb, SV("create"))) {
		do_create(s, body, a, resp);
	} else if (sv_eq(verb, SV("delete"))) {
		do_delete(s, body, resp);
	} else if (sv_eq(verb, SV("note-reads"))) {
		s->tables->note_reads = json_flag(body, "on", true);
		answer_ok(resp);
	} else if (sv_eq(verb, SV("bulk-edit"))) {
		do_bulk_edit(s, body, a, resp);
	} else if (sv_eq(verb, SV("shutdown"))) {
		resp->last = true;
		answer_ok(resp);
	} else if (!office_control(s->box, verb, body, resp) && !s->control(s, verb, body, resp)) {
		answer_bad(resp, "no such control endpoint");
	}
}

bool control_handle(struct system *called, const struct http_request *req, struct http_response *resp)
{
	struct sv verb = req->path, head = SV("/_sandbox");
	struct json_object *body = NULL;
	struct err err = { 0 };
	if (!sv_starts(req->path, head))
		return false;
	verb = sv_make(verb.ptr + head.len, verb.len - head.len);
	if (verb.len && verb.ptr[0] == '/')
		verb = sv_make(verb.ptr + 1, verb.len - 1);
	if (req->body.len && !(body = json_parse(req->body, "control request", &err))) {
		answer_error(resp, 400, &err);
		return true;
	}
	sandbox_lock(called->box);
	if (called->box->stopping)
		resp->fate = HTTP_CLOSE;
	else if (http_is(req, "GET"))
		handle_get(called, verb, req, resp);
	else
		handle_post(called, verb, body, req->arena, resp);
	sandbox_unlock(called->box);
	json_object_put(body);
	return true;
}

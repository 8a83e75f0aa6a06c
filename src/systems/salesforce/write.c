#include "systems/salesforce/ids.h"
#include "systems/salesforce/sf.h"

enum { BODY_MAX_BYTES = 50 * 1024 * 1024, PATH_MAX_BYTES = 8 * 1024 };

/* A parser error fails a whole request and names only a line. So every record
 * and every field begins a line of its own, and this says whose it is. */
struct line {
	int write; /* place in batch.w */
	int field; /* or -1: the record itself */
};

struct batch {
	struct salesforce *sf;
	struct arena *arena;
	struct write **w; /* those that go out */
	int n;
	struct line *line;
	int line_n;
	struct buf body;
	bool conditional; /* one row by its own address */
	const char *what;
};

/* ---- what came of one record ---- */

static const char *sent_field(const struct write *w, struct sv name)
{
	for (int i = 0; i < w->field_n; i++)
		if (sv_eq_nocase(sv_of(w->field[i].api), name))
			return w->field[i].api;
	return NULL;
}

static void add_bad_field(struct write *w, struct sv name)
{
	const char *api = sent_field(w, name);
	for (int i = 0; i < w->bad_field_n; i++)
		if (w->bad_field[i] == api)
			return;
	if (api)
		w->bad_field[w->bad_field_n++] = api;
}

/* Only names that we sent: holding others would change nothing. */
static void name_bad_fields(struct write *w, const struct sf_problem *p)
{
	struct sv column;
	size_t errors = p->all ? json_object_array_length(p->all) : 0;
	for (size_t i = 0; i < errors; i++) {
		struct json_object *fields =
			json_at(json_object_array_get_idx(p->all, i), "fields");
		if (!json_object_is_type(fields, json_type_array))
			continue;
		for (size_t k = 0; k < json_object_array_length(fields); k++)
			add_bad_field(w, json_string(json_object_array_get_idx(fields, k)));
	}
	if (w->bad_field_n == 0 && sf_problem_column(p, &column))
		add_bad_field(w, column);
}

static bool has_reference(const struct write *w)
{
	for (int i = 0; i < w->field_n; i++)
		if (w->field[i].value.kind == VALUE_REF)
			return true;
	return false;
}

/* The same codes speak of the record and of one that it refers to. Only an
 * update can find its own record missing; an id that crosses objects is
 * surely its own only when it sends no other. */
static bool is_own_record_gone(const struct write *w, const struct sf_problem *p,
			       enum err_code class)
{
	if (w->op != WRITE_UPDATE)
		return false;
	return class == ERR_NOT_FOUND ||
	       (sv_eq(p->code, SV("INVALID_CROSS_REFERENCE_KEY")) && !has_reference(w));
}

static enum write_outcome outcome_of(const struct write *w, const struct sf_problem *p,
				     enum err_code class)
{
	if (sv_eq(p->code, SV("DUPLICATE_EXTERNAL_ID")) ||
	    sv_eq(p->code, SV("MULTIPLE_CHOICES")))
		return WRITE_AMBIGUOUS;
	if (sv_eq(p->code, SV("PROCESSING_HALTED")) ||
	    sv_eq(p->code, SV("ALL_OR_NONE_OPERATION_ROLLED_BACK")))
		return WRITE_NOT_SENT;
	if (is_own_record_gone(w, p, class))
		return WRITE_GONE;
	switch (class) {
	case ERR_CONFLICT:
	case ERR_LIMIT:
	case ERR_SERVER:
		return WRITE_BUSY; /* answered for this record, so rolled back */
	default:
		return WRITE_REJECTED;
	}
}

static void refuse(struct write *w, const struct sf_problem *p, int status, const char *what)
{
	w->err = (struct err){ 0 };
	sf_problem_class(p, status, what, &w->err);
	w->outcome = outcome_of(w, p, w->err.code);
	if (w->outcome != WRITE_REJECTED)
		return;
	if (w->err.code != ERR_REJECTED) /* a missing record that it refers to */
		w->err.code = ERR_REJECTED;
	w->err.retry = RETRY_PERSON;
	name_bad_fields(w, p);
	w->err.scope = w->bad_field_n ? SCOPE_FIELD : SCOPE_RECORD;
}

static void take_result(struct write *w, struct json_object *result, const char *what,
			struct arena *a)
{
	if (!json_flag(result, "success", false)) {
		struct sf_problem p = sf_problem_of(result);
		refuse(w, &p, 200, what);
		return;
	}
	w->outcome = WRITE_DONE;
	w->new_id = sf_id(json_sv(result, "id"), a);
	w->created = json_flag(result, "created", w->op == WRITE_CREATE);
}

/* ---- before sending ---- */

static void refuse_here(struct write *w, const char *api, struct sv value)
{
	w->outcome = WRITE_REJECTED;
	err_set(&w->err, ERR_REJECTED, "%s %s: '%.*s' is no record id", w->object->object,
		api ? api : "Id", SV_ARG(value));
	if (api) {
		w->bad_field[w->bad_field_n++] = api;
		w->err.scope = SCOPE_FIELD;
	}
}

/* One malformed id fails the request for all, so such a record stays out. */
static bool is_sendable(struct write *w, struct arena *a)
{
	if (w->op == WRITE_UPDATE && !sf_id(w->id, a).len) {
		refuse_here(w, NULL, w->id);
		return false;
	}
	for (int i = 0; i < w->field_n; i++) {
		const struct write_field *f = &w->field[i];
		if (f->value.kind == VALUE_REF && !sf_id(f->value.text, a).len) {
			refuse_here(w, f->api, f->value.text);
			return false;
		}
	}
	return true;
}

static void batch_init(struct batch *b, struct salesforce *sf, struct write *w, int n,
		       struct arena *a)
{
	size_t lines = 0;
	*b = (struct batch){ .sf = sf, .arena = a, .w = arena_array(a, struct write *, (size_t)n) };
	static const char *const verb[] = { "create", "update", "upsert" };
	b->what = arena_printf(a, "%s %s", verb[w->op], w->object->object).ptr;
	buf_init(&b->body, BODY_MAX_BYTES);
	for (int i = 0; i < n; i++) {
		w[i].outcome = WRITE_NOT_SENT;
		w[i].new_id = SV_NONE;
		w[i].created = false;
		w[i].bad_field = arena_array(a, const char *, (size_t)w[i].field_n);
		w[i].bad_field_n = 0;
		w[i].err = (struct err){ 0 };
		if (!is_sendable(&w[i], a))
			continue;
		b->w[b->n++] = &w[i];
		lines += (size_t)w[i].field_n + 2;
	}
	b->line = arena_array(a, struct line, lines);
}

static void begin_line(struct batch *b, int write, int field)
{
	buf_addc(&b->body, '\n');
	b->line[b->line_n++] = (struct line){ write, field };
}

static void add_member(struct buf *body, const char *name, const struct value_type *type,
		       struct value v)
{
	struct json_object *json = value_to_json(&sf_dialect, type, v);
	buf_add_json_text(body, sv_of(name));
	buf_addc(body, ':');
	buf_add_json(body, json);
	json_object_put(json);
}

static void add_key(struct batch *b, const struct write *w)
{
	struct value key;
	struct err err = { 0 };
	if (sent_field(w, sv_of(w->object->key)))
		return; /* among the fields */
	buf_addc(&b->body, ',');
	if (value_from_text(&w->object->key_type, w->key_value, b->arena, &key, &err)) {
		add_member(&b->body, w->object->key, &w->object->key_type, key);
		return;
	}
	buf_add_json_text(&b->body, sv_of(w->object->key));
	buf_addc(&b->body, ':');
	buf_add_json_text(&b->body, w->key_value);
}

static void add_record(struct batch *b, int place)
{
	const struct write *w = b->w[place];
	begin_line(b, place, -1);
	buf_addf(&b->body, "%s{\"attributes\":{\"type\":\"%s\"}", place ? "," : "",
		 w->object->object);
	if (w->op == WRITE_UPDATE)
		buf_addf(&b->body, ",\"id\":\"%.*s\"", SV_ARG(sf_id(w->id, b->arena)));
	if (w->op == WRITE_UPSERT)
		add_key(b, w);
	for (int i = 0; i < w->field_n; i++) {
		begin_line(b, place, i);
		buf_addc(&b->body, ',');
		add_member(&b->body, w->field[i].api, &w->field[i].type, w->field[i].value);
	}
	buf_addc(&b->body, '}');
}

/* ---- when the request as a whole failed ---- */

static void all_become(struct batch *b, enum write_outcome outcome, const struct err *why)
{
	for (int i = 0; i < b->n; i++) {
		b->w[i]->outcome = outcome;
		b->w[i]->err = *why;
	}
}

/* 'Cannot deserialize instance of date from ... at [line:3, column:21]' */
static const struct line *named_line(const struct batch *b, const struct sf_problem *p)
{
	struct sv number, rest;
	int64_t at;
	const char *mark = p->message.len ? memmem(p->message.ptr, p->message.len, "[line:", 6)
					  : NULL;
	if (!mark)
		return NULL;
	rest = sv_make(mark + 6, p->message.len - (size_t)(mark - p->message.ptr) - 6);
	sv_cut(rest, ',', &number, &rest);
	/* the first line is the frame's */
	if (!sv_to_i64(sv_trim(number), &at) || at < 2 || at - 2 >= b->line_n)
		return NULL;
	return &b->line[at - 2];
}

static void refuse_line(struct batch *b, const struct line *line)
{
	struct write *w = b->w[line->write];
	struct err why = w->err;
	for (int i = 0; i < b->n; i++)
		b->w[i]->outcome = b->w[i] == w ? WRITE_REJECTED : WRITE_NOT_SENT;
	if (line->field >= 0)
		add_bad_field(w, sv_of(w->field[line->field].api));
	why.scope = w->bad_field_n ? SCOPE_FIELD : SCOPE_RECORD;
	w->err = why;
}

/* Salesforce refused the request for one reason. Records that have no part in
 * it can go again as they are. */
static void refuse_request(struct batch *b, const struct sf_call *call)
{
	const struct line *line = named_line(b, &call->problem);
	bool named = false;
	for (int i = 0; i < b->n; i++) {
		refuse(b->w[i], &call->problem, (int)call->status, b->what);
		if (b->w[i]->outcome == WRITE_GONE && !b->conditional) {
			/* not of a record: the address itself is unknown */
			b->w[i]->outcome = WRITE_REJECTED;
			b->w[i]->err.code = ERR_REJECTED;
		}
		named = named || b->w[i]->bad_field_n > 0;
	}
	if (line && !named)
		refuse_line(b, line);
	for (int i = 0; named && i < b->n; i++)
		if (b->w[i]->bad_field_n == 0)
			b->w[i]->outcome = WRITE_NOT_SENT;
}

/* False when nothing was executed and the trouble is the system's. */
static bool take_failure(struct batch *b, const struct sf_call *call, const struct err *why,
			 struct err *err)
{
	bool executed = why->http_status >= 200 && why->http_status < 300;
	switch (why->code) {
	case ERR_LOST:
	case ERR_SERVER:
		all_become(b, WRITE_LOST, why);
		return true;
	case ERR_CONFLICT:
		all_become(b, WRITE_BUSY, why);
		return true;
	case ERR_TOO_BIG: /* our request (413, 414) or an answer without end */
		all_become(b, executed ? WRITE_LOST : WRITE_REJECTED, why);
		return true;
	case ERR_REJECTED:
	case ERR_NOT_FOUND:
		refuse_request(b, call);
		return true;
	default:
		all_become(b, WRITE_NOT_SENT, why);
		if (err && !err->code)
			*err = *why;
		return false;
	}
}

/* ---- sending ---- */

static bool take_results(struct batch *b, const struct sf_call *call, struct err *err)
{
	if (!json_object_is_type(call->json, json_type_array) ||
	    json_object_array_length(call->json) != (size_t)b->n) {
		err_set(err, ERR_SERVER, "%s: wrote %d records, got another number of answers",
			b->what, b->n);
		return false;
	}
	for (int i = 0; i < b->n; i++)
		take_result(b->w[i], json_object_array_get_idx(call->json, (size_t)i), b->what,
			    b->arena);
	return true;
}

/* The key is in every record, unlike in an upsert of one row by its path. */
static bool send_collection(struct batch *b, struct err *err)
{
	const struct write *first = b->w[0];
	struct buf path;
	struct err why = { 0 };
	buf_init(&path, PATH_MAX_BYTES);
	buf_add(&path, SV(SF_API "/composite/sobjects"));
	if (first->op == WRITE_UPSERT)
		buf_addf(&path, "/%s/%s", first->object->object, first->object->key);
	buf_add(&b->body, SV("{\"allOrNone\":false,\"records\":["));
	for (int i = 0; i < b->n; i++)
		add_record(b, i);
	buf_add(&b->body, SV("]}"));
	struct sf_call call = {
		.method = first->op == WRITE_CREATE ? "POST" : "PATCH",
		.path = buf_sv(&path),
		.body = buf_sv(&b->body),
		.what = b->what,
	};
	if (b->body.full)
		err_set(&why, ERR_TOO_BIG, "%s: more than %d bytes", b->what, BODY_MAX_BYTES);
	bool ok = !b->body.full && sf_call(b->sf, &call, &why) && take_results(b, &call, &why);
	ok = ok || take_failure(b, &call, &why, err);
	sf_call_finish(&call);
	buf_finish(&path);
	return ok;
}

/* RFC 9110 5.6.7; whole seconds, as LastModifiedDate has them. */
static struct sv http_date(int64_t ms, struct arena *a)
{
	static const char day[] = "SunMonTueWedThuFriSat";
	static const char month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t s = (time_t)(ms / 1000);
	struct tm t;
	gmtime_r(&s, &t);
	return arena_printf(a, "%.3s, %02d %.3s %d %02d:%02d:%02d GMT", day + t.tm_wday * 3,
			    t.tm_mday, month + t.tm_mon * 3, t.tm_year + 1900, t.tm_hour,
			    t.tm_min, t.tm_sec);
}

/* Conditions exist for single rows only, not within Collections (REST guide,
 * 'Conditional Request Headers'). */
static bool send_conditional(struct batch *b, struct err *err)
{
	struct write *w = b->w[0];
	struct buf path;
	struct err why = { 0 };
	buf_init(&path, PATH_MAX_BYTES);
	buf_addf(&path, SF_API "/sobjects/%s/%.*s", w->object->object,
		 SV_ARG(sf_id(w->id, b->arena)));
	buf_addc(&b->body, '{');
	for (int i = 0; i < w->field_n; i++) {
		begin_line(b, 0, i);
		if (i)
			buf_addc(&b->body, ',');
		add_member(&b->body, w->field[i].api, &w->field[i].type, w->field[i].value);
	}
	buf_addc(&b->body, '}');
	struct sf_call call = {
		.method = "PATCH",
		.path = buf_sv(&path),
		.body = buf_sv(&b->body),
		.header = "If-Unmodified-Since",
		.header_value = http_date(w->unmodified_since_ms, b->arena),
		.what = b->what,
	};
	bool ok = sf_call(b->sf, &call, &why);
	if (ok) {
		w->outcome = WRITE_DONE;
		w->new_id = sf_id(w->id, b->arena);
	} else if (call.status == 412) {
		w->outcome = WRITE_OVERTAKEN;
		w->err = why;
		ok = true;
	} else {
		ok = take_failure(b, &call, &why, err);
	}
	sf_call_finish(&call);
	buf_finish(&path);
	return ok;
}

bool sf_write(struct connector *c, struct write *w, int n, struct arena *a, struct err *err)
{
	struct batch b;
	if (n == 0)
		return true;
	batch_init(&b, (struct salesforce *)c, w, n, a);
	b.conditional = n == 1 && w->op == WRITE_UPDATE && w->unmodified_since_ms > 0;
	bool ok = b.n == 0 || (b.conditional ? send_conditional(&b, err) : send_collection(&b, err));
	buf_finish(&b.body);
	return ok;
}

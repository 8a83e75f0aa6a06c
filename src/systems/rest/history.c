/* Every step a field took, from the system's own edit history.
 *
 * Steps are read as a log in the order of their ids. An id is given before its
 * transaction commits, so a step can appear behind one with a higher id. So
 * the cursor is not the last id but a floor, with the ids above it that were
 * delivered already and when they were first seen; the floor passes an id only
 * 'overlap' after it was seen. A late step's step_id is '<highest>.<count>': it
 * sorts behind what was delivered before it and in front of what comes after.
 *
 * In bulk (a full page) the floor moves at once: reaching the end comes before
 * guarding its edge. */
#include "systems/rest/ops.h"

struct seen {
	int64_t id, at_ms;
};

struct log_position {
	int64_t floor, high;
	int64_t late; /* steps that came late behind 'high' */
	struct seen *seen;
	int seen_n;
};

/* ---- values ---- */

/* '1975-01-01 12:00:00.0', the way Java prints a time; taken for UTC, as the
 * system's other times are. */
static struct sv java_time(const struct value_type *type, struct sv text, struct arena *a)
{
	int64_t ms;
	struct sv zoned = arena_printf(a, "%.*sZ", SV_ARG(text));
	if (text.len < 19 || text.ptr[4] != '-' || !time_parse(zoned, &ms))
		return text;
	return type->kind == TYPE_DATE ? sv_make(text.ptr, 10) : zoned;
}

static bool all_digits(struct sv s)
{
	int64_t n;
	return sv_to_i64(s, &n);
}

struct value history_value(const struct rest_description *d, const struct value_type *type,
			   struct json_object *spelling, struct arena *a)
{
	struct value v = { 0 };
	struct err err = { 0 };
	struct sv text = json_string(spelling);
	bool time = type->kind == TYPE_DATE || type->kind == TYPE_INSTANT;
	if (d->history.blank && sv_eq(text, sv_of(d->history.blank)))
		return value_null();
	/* The history writes texts only, also where the record has another form. */
	if (!text.ptr || (time && all_digits(text)))
		return value_from_json(&d->values, type, spelling, a, &v, &err) ? v :
										  (struct value){ 0 };
	/* a name where an id belongs says nothing about the id */
	if (type->kind == TYPE_LINK && !all_digits(text))
		return v;
	if (time)
		text = java_time(type, text, a);
	return value_from_text(type, text, a, &v, &err) ? v : (struct value){ 0 };
}

/* ---- the cursor ---- */

static struct sv write_cursor(const struct log_position *p, struct arena *a)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	struct buf b;
	buf_init(&b, 1 << 20);
	json_put_i64(o, "floor", p->floor);
	json_put_i64(o, "high", p->high);
	json_put_i64(o, "late", p->late);
	for (int i = 0; i < p->seen_n; i++) {
		json_object_array_add(list, json_object_new_int64(p->seen[i].id));
		json_object_array_add(list, json_object_new_int64(p->seen[i].at_ms));
	}
	if (p->seen_n)
		json_object_object_add(o, "seen", list);
	else
		json_object_put(list);
	buf_add_json(&b, o);
	struct sv text = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	json_object_put(o);
	return text;
}

static bool read_cursor(const struct rest_description *d, struct sv cursor, struct arena *a,
			struct log_position *out, struct err *err)
{
	struct err parse = { 0 };
	struct json_object *o = json_parse(cursor, "cursor", &parse);
	struct json_object *list = json_at(o, "seen");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) / 2 : 0;
	out->floor = json_i64(o, "floor", -1);
	out->high = json_i64(o, "high", out->floor);
	out->late = json_i64(o, "late", 0);
	out->seen = arena_array(a, struct seen, n);
	out->seen_n = (int)n;
	for (size_t i = 0; i < n; i++) {
		out->seen[i].id = json_object_get_int64(json_object_array_get_idx(list, 2 * i));
		out->seen[i].at_ms = json_object_get_int64(json_object_array_get_idx(list, 2 * i + 1));
	}
	json_object_put(o);
	if (out->floor >= 0)
		return true;
	err_set(err, ERR_CURSOR, "%s: no position in the history: %.*s", d->name,
		(int)(cursor.len < 60 ? cursor.len : 60), cursor.ptr);
	return false;
}

static bool is_seen(const struct log_position *p, int64_t id)
{
	for (int i = 0; i < p->seen_n; i++)
		if (p->seen[i].id == id)
			return true;
	return false;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = ((const struct seen *)a)->id, y = ((const struct seen *)b)->id;
	return (x > y) - (x < y);
}

/* Passes the ids that were seen long enough ago, lowest first. */
static void raise_floor(struct log_position *p, int64_t now_ms, int64_t overlap_ms, bool all)
{
	int passed = 0;
	qsort(p->seen, (size_t)p->seen_n, sizeof(struct seen), by_id);
	while (passed < p->seen_n && (all || now_ms - p->seen[passed].at_ms >= overlap_ms))
		p->floor = p->seen[passed++].id;
	p->seen += passed;
	p->seen_n -= passed;
}

/* ---- reading ---- */

static bool read_step(const struct rest_description *d, struct json_object *row,
		      const struct field_ref *f, struct sv own, struct arena *a,
		      struct history_step *out, int64_t *id)
{
	struct sv record = json_scalar_text(json_path(row, d->history.record));
	struct sv who = d->history.author ? json_scalar_text(json_path(row, d->history.author)) :
					    SV_NONE;
	struct sv at = d->history.at ? json_scalar_text(json_path(row, d->history.at)) : SV_NONE;
	if (!sv_to_i64(json_scalar_text(json_at(row, d->rows.id)), id) || !record.len)
		return false;
	*out = (struct history_step){
		.record_id = arena_sv(a, record),
		.value = history_value(d, &f->type, json_path(row, d->history.value), a),
		.author = !who.len || !own.len ? AUTHOR_UNKNOWN :
			  sv_eq(who, own)      ? AUTHOR_OWN :
						 AUTHOR_FOREIGN,
	};
	if (!sv_to_i64(at, &out->at_ms) && !time_parse(at, &out->at_ms))
		out->at_ms = 0;
	return true;
}

static struct sv step_id(struct log_position *p, int64_t id, struct arena *a)
{
	if (id < p->high)
		return arena_printf(a, "%019lld.%09lld", (long long)p->high,
				    (long long)++p->late);
	p->high = id;
	p->late = 0;
	return arena_printf(a, "%019lld", (long long)id);
}

bool history_read(const struct rest_description *d, struct sv cursor, const struct rows_list *rows,
		  const struct field_ref *f, struct sv own, int64_t now_ms, struct arena *a,
		  struct history *out, struct err *err)
{
	struct log_position p;
	int64_t id = 0;
	*out = (struct history){ .step = arena_array(a, struct history_step, rows->n) };
	if (!read_cursor(d, cursor, a, &p, err))
		return false;
	struct seen *seen = arena_array(a, struct seen, (size_t)p.seen_n + rows->n);
	if (p.seen_n)
		memcpy(seen, p.seen, sizeof(*seen) * (size_t)p.seen_n);
	p.seen = seen;
	for (size_t i = 0; i < rows->n; i++) {
		struct history_step *step = &out->step[out->n];
		if (!read_step(d, rows_at(rows, i), f, own, a, step, &id)) {
			err_set(err, ERR_SERVER, "%s: a step of the history without %s or %s",
				d->name, d->rows.id, d->history.record);
			return false;
		}
		if (is_seen(&p, id))
			continue;
		step->step_id = step_id(&p, id, a);
		p.seen[p.seen_n++] = (struct seen){ id, now_ms };
		out->n++;
	}
	out->more = rows->n >= (size_t)d->query.page;
	raise_floor(&p, now_ms, d->history.overlap_ms, out->more);
	out->cursor = write_cursor(&p, a);
	return true;
}

static bool ask_history(struct rest *r, const struct rest_object *ro, struct sv where,
			const char *order, int count, struct arena *a, struct rest_answer *answer,
			struct rows_list *rows, struct err *err)
{
	const struct rest_description *d = r->d;
	const char *const paths[] = { d->rows.id,	 d->history.field, d->history.value,
				      d->history.record, d->history.at,	   d->history.author };
	const struct var var = { "history", sv_of(ro->history) };
	const struct vars vars = { &var, 1, NULL };
	struct buf object;
	buf_init(&object, 1024);
	template_add(&object, &d->history.object, &vars, TEMPLATE_VERBATIM);
	struct rest_query q = {
		.on = ON_QUERY,
		.what = "history",
		.object = arena_sv(a, buf_sv(&object)),
		.where = where,
		.fields = rows_selector(d, paths, 6, NULL, 0, a),
		.order = sv_of(order),
		.count = count,
	};
	buf_finish(&object);
	return rest_query(r, &q, a, answer, rows, err);
}

static struct sv condition(const struct rest_description *d, const char *api, int64_t floor,
			   struct arena *a)
{
	struct buf b;
	buf_init(&b, 4096);
	buf_addf(&b, "%s = ", d->history.field);
	jpql_text(&b, sv_of(api));
	if (floor >= 0)
		buf_addf(&b, " AND %s > %lld", d->rows.id, (long long)floor);
	struct sv text = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	return text;
}

static bool begin(struct rest *r, const struct rest_object *ro, const struct field_ref *f,
		  struct arena *a, struct history *out, struct err *err)
{
	struct rest_answer answer;
	struct rows_list rows;
	struct log_position p = { 0 };
	const char *last_first = arena_printf(a, "-%s", r->d->rows.id).ptr;
	bool ok = ask_history(r, ro, condition(r->d, f->api, -1, a), last_first, 1, a, &answer,
			      &rows, err);
	if (ok && rows.n)
		p.floor = p.high = json_i64(rows_at(&rows, 0), r->d->rows.id, 0);
	rest_answer_finish(&answer);
	out->cursor = write_cursor(&p, a);
	return ok;
}

bool rest_history(struct connector *c, const struct object_ref *o, const struct field_ref *f,
		  struct sv cursor, struct arena *a, struct history *out, struct err *err)
{
	struct rest *r = rest_of(c);
	const struct rest_object *ro = rest_object(r, o->object, err);
	struct rest_answer answer;
	struct rows_list rows;
	struct log_position p;
	struct sv own;
	*out = (struct history){ 0 };
	if (!ro)
		return false;
	if (!ro->history || !r->d->history.field) {
		err_set(err, ERR_UNSUPPORTED, "%s: no history of %s is described", r->d->name,
			o->object);
		return false;
	}
	if (!cursor.len)
		return begin(r, ro, f, a, out, err);
	if (!read_cursor(r->d, cursor, a, &p, err) || !session_user(r, a, &own, err))
		return false;
	bool ok = ask_history(r, ro, condition(r->d, f->api, p.floor, a), r->d->rows.id,
			      r->d->query.page, a, &answer, &rows, err) &&
		  history_read(r->d, cursor, &rows, f, own, clock_now(r->clock), a, out, err);
	rest_answer_finish(&answer);
	return ok;
}

#include "flow/flow.h"

#include "base/panic.h"

/* The end of a budget window that is used up; a system in trouble is not
 * waited for. */
static void wait_for_budget(struct engine *e, enum side side)
{
	struct governor *g = &e->governor[side];
	while (!g->stopping && !governor_is_down(g, NULL, NULL) &&
	       governor_ready_ms(g) > clock_now(e->clock))
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000000 }, NULL);
}

bool call_begin(struct engine *e, enum side side, struct err *err)
{
	if (e->o.patient)
		wait_for_budget(e, side);
	int64_t ready = governor_ready_ms(&e->governor[side]);
	if (ready > clock_now(e->clock)) {
		struct err why = { 0 };
		governor_is_down(&e->governor[side], &why, NULL);
		err_set(err, why.code ? why.code : ERR_LIMIT, "%s: not asked before its time: %s",
			e->system[side]->name,
			why.code ? why.what : "the budget of the present window is used up");
		return false;
	}
	if (!side_ready(e, side, err))
		return false;
	return governor_enter(&e->governor[side], err);
}

void call_end(struct engine *e, enum side side, bool ok, const struct err *err)
{
	governor_leave(&e->governor[side], ok ? NULL : err, e->system[side]->usage.calls);
}

struct observation observe(struct engine *e, int record, const struct reading *r,
			   const struct row *row, int64_t seq, int64_t at_ms, struct arena *a)
{
	const struct treaty_record *type = &e->treaty->record[record];
	struct observation o = {
		.seq = seq, .at_ms = at_ms, .existence = row->existence,
		.merged_into = row->merged_into, .author = row->author,
		.modified_ms = row->modified_ms,
		.value = arena_array(a, struct value, type->field_n),
	};
	bool present = row->existence == EXISTENCE_PRESENT;
	for (int i = 0; i < type->field_n; i++) {
		if (r->of[i] == READ_EXISTS && present)
			o.value[i] = type->field[i].if_present;
		else if (r->of[i] == READ_EXISTS && row->existence == EXISTENCE_DELETED)
			o.value[i] = type->field[i].if_deleted;
		else if (!present || r->of[i] == READ_EXISTS)
			continue;
		else if (r->of[i] == READ_ID)
			o.value[i] = (struct value){ VALUE_TEXT, row->id };
		else if (r->of[i] != READ_ABSENT)
			o.value[i] = row->value[r->of[i]];
	}
	return o;
}

static bool fetch_chunk(struct engine *e, int record, enum side side, const struct sv *id, int n,
			struct arena *a, struct observation *seen, struct err *err)
{
	struct connector *c = e->system[side];
	const struct reading *r = e->reading[side][record];
	struct rows rows = { 0 };
	if (!call_begin(e, side, err))
		return false;
	/* Both before the request starts: what changes while it runs is newer
	 * than what it shows. */
	int64_t seq = store_seq_now(e->store), at_ms = clock_now(e->clock);
	bool ok = c->ops->fetch(c, &r->object, id, n, a, &rows, err);
	call_end(e, side, ok, err);
	if (ok && rows.n != n)
		panic("%s: fetch answered %d rows for %d ids", c->name, rows.n, n);
	for (int i = 0; ok && i < n; i++)
		seen[i] = observe(e, record, r, &rows.row[i], seq, at_ms, a);
	return ok;
}

/* One call's worth; again when a field was refused that the system does not
 * show any more. */
static bool read_chunk(struct engine *e, int record, enum side side, const struct sv *id, int n,
		       struct arena *a, struct observation *seen, struct err *err)
{
	struct err why = { 0 };
	bool drifted = false;
	bool ok = fetch_chunk(e, record, side, id, n, a, seen, &why);
	if (!ok && why.code == ERR_REJECTED && drift_check(e, record, side, &drifted, NULL) &&
	    drifted) {
		err_clear(&why);
		ok = fetch_chunk(e, record, side, id, n, a, seen, &why);
	}
	if (!ok && err && !err->code)
		*err = why;
	return ok;
}

bool read_records(struct engine *e, int record, enum side side, const struct sv *id, int n,
		  struct arena *a, struct observation **seen, struct err *err)
{
	int max = e->system[side]->shape.fetch_max;
	*seen = arena_array(a, struct observation, n + 1);
	for (int from = 0; from < n; from += max) {
		int count = n - from < max ? n - from : max;
		if (!read_chunk(e, record, side, id + from, count, a, *seen + from, err))
			return false;
	}
	return true;
}

void resolve_references(struct engine *e, struct db *db, int record, enum side side,
			struct observation *seen, struct arena *a)
{
	const struct treaty_record *type = &e->treaty->record[record];
	for (int i = 0; i < type->field_n; i++) {
		struct value *v = &seen->value[i];
		if (v->kind != VALUE_REF)
			continue;
		int64_t link = link_of(db, e->treaty, type->field[i].type.link_record, side, v->text);
		if (link)
			*v = (struct value){ VALUE_LINK, arena_printf(a, "%lld", (long long)link) };
	}
}

/* ---------------------------------------------------------------- history */

struct history_batch {
	struct engine *e;
	int record, field;
	enum side side;
	const char *cursor_name;
	const struct history *h;
};

/* The first link delivers the present value only: what happens to a record that
 * is not looked up, or whose creation is not decided (for it waits for another
 * record's link), is history. */
static bool takes_steps(struct db *db, const struct treaty *t, const struct link *l, enum side s,
			struct arena *a)
{
	if (l->state == LINK_CREATING)
		return slot_get(db, t, l, side_other(s), a).state != SLOT_IDLE;
	return l->state != LINK_LOOKUP;
}

static bool store_history(struct db *db, void *arg, struct err *err)
{
	struct history_batch *b = arg;
	const struct treaty *t = b->e->treaty;
	const struct treaty_record *type = &t->record[b->record];
	struct arena a;
	arena_init(&a);
	for (int i = 0; i < b->h->n; i++) {
		const struct history_step *step = &b->h->step[i];
		struct link l;
		if (link_find(db, t, b->record, b->side, step->record_id, &a, &l) &&
		    takes_steps(db, t, &l, b->side, &a))
			step_put(db, type, l.id, b->field, step->step_id, step->at_ms, step->value);
	}
	meta_put(db, b->cursor_name, b->h->cursor);
	arena_finish(&a);
	return true;
}

struct named {
	const char *name;
	struct arena *a;
	struct sv value;
};

static bool read_meta(struct db *db, void *arg, struct err *err)
{
	struct named *n = arg;
	n->value = meta_get(db, n->name, n->a);
	return true;
}

static bool read_history_of(struct engine *e, int record, enum side owner, int field,
			    struct arena *a, struct err *err)
{
	struct connector *c = e->system[owner];
	const struct treaty_record *type = &e->treaty->record[record];
	const struct reading *r = e->reading[owner][record];
	if (r->of[field] < 0)
		return true; /* not shown just now */
	struct sv name = arena_printf(a, "history.%s.%s.%s", side_name[owner], type->name,
				      type->field[field].name);
	for (bool more = true; more;) {
		struct named cursor = { .name = name.ptr, .a = a };
		struct history h = { 0 };
		if (!store_tx(e->store, read_meta, &cursor, err) || !call_begin(e, owner, err))
			return false;
		bool ok = c->ops->history(c, &r->object, &r->field[r->of[field]], cursor.value, a,
					  &h, err);
		call_end(e, owner, ok, err);
		struct history_batch b = { .e = e, .record = record, .field = field, .side = owner,
					   .cursor_name = name.ptr, .h = &h };
		if (!ok)
			return false;
		more = h.more;
		bool news = h.n > 0 || !sv_eq(h.cursor, cursor.value);
		if (news && !store_tx(e->store, store_history, &b, err))
			return false;
	}
	return true;
}

bool read_history(struct engine *e, int record, enum side owner, struct arena *a,
		  struct err *err)
{
	const struct treaty_record *type = &e->treaty->record[record];
	if (!(e->system[owner]->shape.can & CAN_HISTORY))
		return true;
	for (int i = 0; i < type->field_n; i++)
		if (type->field[i].deliver == DELIVER_EACH && field_owner(&type->field[i]) == owner &&
		    !read_history_of(e, record, owner, i, a, err))
			return false;
	return true;
}

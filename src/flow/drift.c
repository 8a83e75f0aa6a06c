/* drift.c - mapped fields that a system no longer shows.
 *
 * A field that was deleted, renamed, or taken from our rights must not stop
 * its record type: it alone is left out of the reads and stands still, with an
 * entry in the conflict log; the others go on. When it is back, every record
 * of the type is looked at again, for what was missed meanwhile. */
#include "base/panic.h"
#include "flow/flow.h"
#include "store/mismatches.h"

enum { DRIFT_EVERY_MS = 60 * 60 * 1000, DRIFT_EVERY_ABSENT_MS = 15 * 60 * 1000 };

/* What a type reads from a side when the fields in 'absent' are left out. */
static struct reading *reading_create(const struct treaty_record *type, enum side side,
				      const bool *absent)
{
	struct reading *r = must_zalloc(sizeof(*r));
	arena_init(&r->arena);
	r->field = arena_array(&r->arena, struct field_ref, type->field_n + 1);
	r->of = arena_array(&r->arena, int, type->field_n + 1);
	int n = 0;
	for (int i = 0; i < type->field_n; i++) {
		const struct treaty_field *f = &type->field[i];
		r->of[i] = READ_ID;
		if (strcmp(f->api[side], FIELD_API_ID) == 0)
			continue;
		r->of[i] = READ_EXISTS;
		if (strcmp(f->api[side], FIELD_API_EXISTS) == 0)
			continue;
		r->of[i] = READ_ABSENT;
		if (absent && absent[i]) {
			r->absent_n++;
			continue;
		}
		r->of[i] = n;
		r->field[n++] = (struct field_ref){ f->api[side], f->type };
	}
	r->object = (struct object_ref){
		.object = type->side[side].object, .key = type->side[side].key,
		.field = r->field, .field_n = n,
	};
	return r;
}

/* Threads may still use the one before: it lives as long as the engine. */
static void reading_replace(struct engine *e, int record, enum side side, struct reading *r)
{
	r->older = e->reading[side][record];
	e->reading[side][record] = r;
}

void readings_init(struct engine *e)
{
	pthread_mutex_init(&e->drift_mutex, NULL);
	for (int s = 0; s < SIDES; s++) {
		e->reading[s] = must_zalloc(sizeof(*e->reading[s]) *
					    (size_t)(e->treaty->record_n + 1));
		for (int r = 0; r < e->treaty->record_n; r++)
			reading_replace(e, r, s,
					reading_create(&e->treaty->record[r], s, NULL));
	}
}

void readings_finish(struct engine *e)
{
	pthread_mutex_destroy(&e->drift_mutex);
	for (int s = 0; s < SIDES; s++) {
		for (int k = 0; k < e->treaty->record_n; k++)
			for (struct reading *r = e->reading[s][k], *older; r; r = older) {
				older = r->older;
				arena_finish(&r->arena);
				free(r);
			}
		free(e->reading[s]);
	}
}

bool field_absent(const struct engine *e, int record, int field)
{
	for (int s = 0; s < SIDES; s++) {
		const struct reading *r = e->reading[s][record];
		if (r->of[field] == READ_ABSENT)
			return true;
	}
	return false;
}

/* The schema lists composites by their own name: 'address' for 'address.city'. */
static bool shows(const struct schema_object *o, struct sv api)
{
	struct sv head, rest;
	sv_cut(api, '.', &head, &rest);
	for (int i = 0; i < o->field_n; i++) {
		struct sv name = sv_of(o->field[i].api);
		if ((sv_eq(name, api) || sv_eq(name, head)) && o->field[i].readable)
			return true;
	}
	return false;
}

struct drift {
	struct engine *e;
	int record;
	enum side side;
	const struct reading *before, *now;
};

static struct sv absent_name(const struct engine *e, int record, enum side side, struct arena *a)
{
	return arena_printf(a, "absent.%s.%s", side_name[side], e->treaty->record[record].name);
}

/* Kept in the store: a field may come back while no process is looking. */
static void save_absent(const struct drift *d, struct db *db, struct arena *a)
{
	const struct treaty_record *type = &d->e->treaty->record[d->record];
	struct buf b;
	buf_init(&b, 1 << 16);
	for (int i = 0; i < type->field_n; i++)
		if (d->now->of[i] == READ_ABSENT)
			buf_add_varint(&b, type->field[i].key);
	meta_put(db, absent_name(d->e, d->record, d->side, a).ptr, buf_sv(&b));
	buf_finish(&b);
}

static void load_absent(struct engine *e, struct db *db, int record, enum side side)
{
	const struct treaty_record *type = &e->treaty->record[record];
	struct arena a;
	arena_init(&a);
	bool *absent = arena_array(&a, bool, type->field_n + 1), any = false;
	struct reader r = { .left = meta_get(db, absent_name(e, record, side, &a).ptr, &a) };
	while (r.left.len && !r.bad) {
		int i = treaty_field_by_key(type, (uint32_t)read_varint(&r));
		if (i >= 0)
			absent[i] = any = true;
	}
	if (any)
		reading_replace(e, record, side, reading_create(type, side, absent));
	arena_finish(&a);
}

void readings_load(struct engine *e, struct db *db)
{
	for (int s = 0; s < SIDES; s++)
		for (int r = 0; r < e->treaty->record_n; r++)
			load_absent(e, db, r, s);
}

static bool tell_drift(struct db *db, void *arg, struct err *err)
{
	struct drift *d = arg;
	const struct treaty_record *type = &d->e->treaty->record[d->record];
	struct arena a;
	arena_init(&a);
	bool back = false;
	for (int i = 0; i < type->field_n; i++) {
		bool was = d->before->of[i] == READ_ABSENT, is = d->now->of[i] == READ_ABSENT;
		if (was == is)
			continue;
		back = back || was;
		mismatch_drift(db, type, i, is,
			       arena_printf(&a, "%s %s does not show %s any more: deleted, renamed, or "
						"our user may not read it; the field stands still",
					    side_name[d->side], type->side[d->side].object,
					    type->field[i].api[d->side]),
			       clock_now(d->e->clock));
	}
	save_absent(d, db, &a);
	arena_finish(&a);
	if (back)
		mark_type(d->e, db, d->record, "drift");
	return true;
}

bool drift_check(struct engine *e, int record, enum side side, bool *changed, struct err *err)
{
	const struct treaty_record *type = &e->treaty->record[record];
	struct connector *c = e->system[side];
	struct schema_object schema = { 0 };
	struct arena a;
	arena_init(&a);
	*changed = false;
	pthread_mutex_lock(&e->drift_mutex);
	bool ok = call_begin(e, side, err);
	if (ok) {
		ok = c->ops->describe(c, type->side[side].object, &a, &schema, err);
		/* what does not describe itself cannot drift visibly */
		bool mute = !ok && err && err->code == ERR_UNSUPPORTED;
		call_end(e, side, ok || mute, err);
		if (mute) {
			err_clear(err);
			pthread_mutex_unlock(&e->drift_mutex);
			arena_finish(&a);
			return true;
		}
	}
	const struct reading *before = e->reading[side][record];
	bool *absent = arena_array(&a, bool, type->field_n + 1);
	for (int i = 0; ok && i < type->field_n; i++) {
		absent[i] = before->of[i] != READ_ID && before->of[i] != READ_EXISTS &&
			    !shows(&schema, sv_of(type->field[i].api[side]));
		*changed = *changed || absent[i] != (before->of[i] == READ_ABSENT);
	}
	if (ok && *changed) {
		struct reading *now = reading_create(type, side, absent);
		struct drift d = { e, record, side, before, now };
		reading_replace(e, record, side, now);
		ok = store_tx(e->store, tell_drift, &d, err);
	}
	pthread_mutex_unlock(&e->drift_mutex);
	arena_finish(&a);
	return ok;
}

bool drift_tick(struct engine *e, struct err *err)
{
	int64_t now = clock_now(e->clock);
	bool any = false, changed;
	for (int s = 0; s < SIDES; s++)
		for (int r = 0; r < e->treaty->record_n; r++)
			any = any || e->reading[s][r]->absent_n > 0;
	if (now - e->drift_ms < (any ? DRIFT_EVERY_ABSENT_MS : DRIFT_EVERY_MS))
		return true;
	e->drift_ms = now;
	for (int s = 0; s < SIDES; s++)
		for (int r = 0; r < e->treaty->record_n; r++)
			if (!drift_check(e, r, s, &changed, err))
				return false;
	return true;
}

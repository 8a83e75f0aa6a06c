/* world.c - the two systems, the clock, the store and the engine of one
 * telling. */
#include <libgen.h>
#include <unistd.h>

#include "scenario.h"
#include "store/links.h"

enum { ROUNDS_MAX = 2000, TROUBLE_MAX = 64 << 10 };

/* What a Salesforce org and a common ATS can do; lists and batches are small,
 * so that paging and splitting are always under test. */
static const struct connector_shape usual_shape[SIDES] = {
	[SIDE_ATS] = { .can = CAN_HISTORY | CAN_AUTHOR, .fetch_max = 20, .write_max = 1,
		       .list_max = 2, .longest_request_ms = 60000, .concurrent = 2 },
	[SIDE_SALESFORCE] = { .can = CAN_UPSERT | CAN_CONDITION | CAN_AUTHOR, .fetch_max = 2000,
			      .write_max = 200, .list_max = 3, .longest_request_ms = 600000,
			      .concurrent = 2 },
};

void world_begin(struct world *w, const struct story *s, int64_t die_at)
{
	*w = (struct world){ .story = s, .linger_ms = -1 };
	arena_init(&w->arena);
	buf_init(&w->trouble, TROUBLE_MAX);
	/* Monday 2026-11-23 10:00 UTC */
	clock_manual_init(&w->clock, 1795428000000);
	w->crash.die_at = die_at;
	for (int i = 0; i < SIDES; i++) {
		w->shape[i] = usual_shape[i];
		w->system[i] = scripted_create(&(struct scripted_options){
			.name = side_name[i], .clock = &w->clock.clock, .shape = w->shape[i] });
		scripted_set_crash(w->system[i], &w->crash);
	}
	char dir[SCRATCH_DIR_MAX];
	scratch_dir(dir);
	snprintf(w->path, sizeof(w->path), "%s/store.db", dir);
	scratch_schema_create(&w->schema);
}

static void remove_store(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char name[SCRATCH_PATH_MAX + 16];
	for (size_t i = 0; i < countof(ends); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
	snprintf(name, sizeof(name), "%s", path);
	rmdir(dirname(name));
}

void world_end(struct world *w)
{
	world_stop(w);
	for (int i = 0; i < SIDES; i++)
		scripted_destroy(w->system[i]);
	if (w->treaty)
		treaty_destroy(w->treaty);
	people_end(w);
	remove_store(w->path);
	scratch_schema_drop(&w->schema);
	buf_finish(&w->trouble);
	arena_finish(&w->arena);
}

static void trouble(struct world *w, const char *fmt, va_list ap)
{
	char text[2048];
	vsnprintf(text, sizeof(text), fmt, ap);
	buf_addf(&w->trouble, "%s:%d: ", w->story->file, w->at ? w->at->number : 0);
	for (int i = 0; w->at && i < w->at->word_n; i++)
		buf_addf(&w->trouble, "%s%.*s", i ? " " : "", SV_ARG(w->at->word[i]));
	buf_addf(&w->trouble, ": %s\n", text);
}

void world_trouble(struct world *w, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	trouble(w, fmt, ap);
	va_end(ap);
}

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	trouble(w, fmt, ap);
	va_end(ap);
	w->failed = true;
}

/* The systems know the types of what the treaty maps. */
static void declare_fields(struct world *w)
{
	for (int r = 0; r < w->treaty->record_n; r++) {
		const struct treaty_record *t = &w->treaty->record[r];
		for (int i = 0; i < t->field_n; i++)
			for (int s = 0; s < SIDES; s++)
				if (!sv_eq(sv_of(t->field[i].api[s]), SV(FIELD_API_ID)))
					scripted_declare(w->system[s], sv_of(t->side[s].object),
							 sv_of(t->field[i].api[s]),
							 t->field[i].type.kind);
	}
}

/* The file's text with one place replaced. */
static struct treaty *load_changed(struct world *w, const char *path, struct sv old,
				   struct sv instead, struct complaints *c)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	const char *at = story_file(path, &text) ? memmem(text.ptr, text.len, old.ptr, old.len) : NULL;
	if (!at)
		world_fail(w, "'%.*s' is not in %s", SV_ARG(old), path);
	struct sv all = buf_sv(&text);
	size_t before = at ? (size_t)(at - all.ptr) : 0;
	struct sv changed = !at ? all :
		arena_printf(&w->arena, "%.*s%.*s%.*s", (int)before, all.ptr, SV_ARG(instead),
			     (int)(all.len - before - old.len), at + old.len);
	struct treaty *t = at ? treaty_load_text(changed, path, c) : NULL;
	buf_finish(&text);
	return t;
}

void world_load_treaty(struct world *w, struct sv name, struct sv text, struct sv old,
		       struct sv instead)
{
	struct complaints c;
	world_stop(w);
	if (w->treaty)
		treaty_destroy(w->treaty);
	char *file = arena_str(&w->arena, sv_of(w->story->file));
	struct sv path = arena_printf(&w->arena, "%s/%.*s.yaml", dirname(file), SV_ARG(name));
	complaints_init(&c, name.len ? path.ptr : w->story->file);
	w->treaty = old.len  ? load_changed(w, path.ptr, old, instead, &c) :
		    name.len ? treaty_load(path.ptr, &c) :
			       treaty_load_text(text, w->story->file, &c);
	if (w->treaty) {
		declare_fields(w);
	} else {
		struct buf b;
		buf_init(&b, TROUBLE_MAX);
		complaints_print(&c, &b);
		world_fail(w, "the treaty is refused:\n%s", b.ptr);
		buf_finish(&b);
	}
	complaints_finish(&c);
}

bool world_start(struct world *w)
{
	struct err err = { 0 };
	if (w->engine)
		return true;
	if (!w->treaty)
		world_load_treaty(w, SV("acme"), SV_NONE, SV_NONE, SV_NONE);
	if (w->failed)
		return false;
	w->store = store_open(&(struct store_options){ .path = w->path,
						       .postgres = scratch_conninfo(&w->schema),
						       .volatile_ok = true, .clock = &w->clock.clock,
						       .crash = &w->crash },
			      &err);
	if (!w->store) {
		if (!w->crash.dead)
			world_fail(w, "the store does not open: %s", err.what);
		return false;
	}
	struct engine_options o = { .treaty = w->treaty, .store = w->store,
				    .clock = &w->clock.clock, .shadow = w->shadow,
				    .echo_linger_ms = w->linger_ms,
				    .sweep_every_ms = w->sweep_every_ms,
				    .sweep_at_ms = 2 * 3600 * 1000,
				    .retention = { w->retain_ms, w->retain_ms, w->retain_ms } };
	for (int i = 0; i < SIDES; i++)
		o.system[i] = scripted_connector(w->system[i]);
	people_options(w, &o);
	w->engine = engine_create(&o);
	if (!engine_start(w->engine, &err) && !w->crash.dead && err.code != ERR_UNREACHABLE) {
		world_fail(w, "the engine does not start: %s", err.what);
		return false;
	}
	return !w->crash.dead;
}

void world_stop(struct world *w)
{
	if (w->engine)
		engine_destroy(w->engine);
	if (w->store)
		store_close(w->store);
	w->engine = NULL;
	w->store = NULL;
}

/* A process that died in the middle of a request may not repeat it before the
 * longest request time has passed: turn the clock as far as that. */
static bool mend(struct world *w, struct err *err)
{
	for (int i = 0; i < 20; i++) {
		struct ledger l;
		world_ledger(w, &l);
		int64_t next = engine_next_ms(w->engine);
		if (!l.slots_lost || next == INT64_MAX)
			return true;
		if (next > w->clock.ms)
			w->clock.ms = next;
		if (!engine_run_idle(w->engine, ROUNDS_MAX, err))
			return false;
	}
	return true;
}

bool world_run(struct world *w)
{
	struct err err = { 0 };
	if (!world_start(w))
		return false;
	bool ok = engine_run_idle(w->engine, ROUNDS_MAX, &err);
	if (ok && w->repeating && !w->crash.dead)
		ok = mend(w, &err);
	if (!ok && !w->crash.dead)
		world_fail(w, "does not come to rest: %s", err.what);
	return ok && !w->crash.dead;
}

/* Looking is not a step of the story: it neither counts nor dies. */
static void look(struct world *w, store_fn fn, void *arg)
{
	struct crash kept = w->crash;
	struct err err = { 0 };
	w->crash = (struct crash){ 0 };
	if (!store_tx(w->store, fn, arg, &err))
		world_fail(w, "the store cannot be read: %s", err.what);
	w->crash = kept;
}

void world_alter(struct world *w, store_fn fn, void *arg)
{
	look(w, fn, arg);
}

static bool read_ledger(struct db *db, void *arg, struct err *err)
{
	ledger_read(db, arg);
	return db_ok(db);
}

void world_ledger(struct world *w, struct ledger *out)
{
	*out = (struct ledger){ 0 };
	look(w, read_ledger, out);
}

struct auditing {
	struct world *w;
	struct audit *audit;
};

static bool read_audit(struct db *db, void *arg, struct err *err)
{
	struct auditing *g = arg;
	struct audit *a = g->audit;
	audit_begin(db, a);
	audit_sums(db, store_journal(g->w->store), a);
	while (audit_walk(db, store_journal(g->w->store), a, 1000))
		;
	audit_rows(db, g->w->treaty, a);
	if (a->trouble_n)
		audit_name_decisions(db, a);
	return db_ok(db);
}

void world_audit(struct world *w, struct audit *out)
{
	struct auditing g = { w, out };
	struct err err = { 0 };
	*out = (struct audit){ 0 };
	if (!audit_prepare(w->store, &err))
		world_fail(w, "the audit cannot begin: %s", err.what);
	look(w, read_audit, &g);
}

struct holding {
	const struct treaty *treaty;
	int record, field, n;
	enum hold hold;
};

static void count_held(void *arg, const struct link *l, int field)
{
	struct holding *h = arg;
	h->n += l->record == h->record && field == h->field;
}

static bool read_held(struct db *db, void *arg, struct err *err)
{
	struct holding *h = arg;
	links_held(db, h->treaty, 1u << h->hold, count_held, h);
	return db_ok(db);
}

int world_held(struct world *w, int record, int field, enum hold hold)
{
	struct holding h = { w->treaty, record, field, 0, hold };
	look(w, read_held, &h);
	return h.n;
}

struct listing {
	struct arena *arena;
	struct mismatch *list;
	int n;
};

static bool read_mismatches(struct db *db, void *arg, struct err *err)
{
	struct listing *l = arg;
	l->n = mismatch_list(db, false, 1000, l->arena, &l->list);
	return db_ok(db);
}

int world_mismatches(struct world *w, struct mismatch **out)
{
	struct listing l = { .arena = &w->arena };
	look(w, read_mismatches, &l);
	*out = l.list;
	return l.n;
}

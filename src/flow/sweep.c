/* sweep.c - what no event announced: both systems' records are listed page by
 * page and compared with the bases of their links; only what differs becomes a
 * mark.
 *
 * A step is one page. Its position is stored with the marks it led to, so a
 * death costs a page. Memory is that of a page: links are looked up one by one,
 * and which of them a listing showed is kept as bits in the store. A sweep
 * decides nothing: a record that a listing lacks is read by its id before
 * anything is thought of it, and a listing that lacks too many is not believed. */
#include "flow/flow.h"
#include "store/mismatches.h"
#include "store/sweeps.h"

enum {
	CHUNK = 200,	      /* rows a transaction: others wait for it */
	MISSING_PAGE = 1000,
	SPARE_PERCENT = 50,   /* of the budgets; the rest is for live work */
	AGAIN_MS = 30 * 60 * 1000, /* a gap whose listing was not whole */
	LATE_MS = 3600 * 1000, /* a stamp is set before its transaction commits */
};
/* So long does live work go first; a firm that is never idle is swept too. */
#define PATIENCE_MS (5 * 60 * (int64_t)1000)

struct sweeping {
	struct engine *e;
	struct sweep s;
	struct arena *a;       /* of the page */
	struct arena *scratch; /* of a row */
	enum side side;
	struct rows rows;
	int from, to; /* of the rows, this transaction's */
	int64_t known_ms; /* unlinked records older than this were looked up before */
	bool busy;
};

/* ----------------------------------------------------------------- compare */

/* Would settle see anything else than what it agreed on last? */
static bool field_differs(const struct treaty_field *f, const struct link_field *lf,
			  enum side side, struct value v)
{
	bool copy = f->direction != BOTH_WAYS && (enum side)f->direction == side;
	if (v.kind == VALUE_UNKNOWN || (copy && f->on_edit == ON_EDIT_IGNORE))
		return false;
	if (lf->hold)
		return lf->held[side].kind != VALUE_UNKNOWN && !value_eq(lf->held[side], v);
	if (!lf->rule)
		return !copy && !value_blank(v);
	return lf->rule != f->rule || !value_eq(lf->base[side], v);
}

static bool row_differs(const struct sweeping *w, const struct link *l,
			const struct observation *seen)
{
	const struct treaty_record *type = &w->e->treaty->record[w->s.record];
	if (seen->existence != l->existence[w->side])
		return true;
	if (seen->existence != EXISTENCE_PRESENT || l->state == LINK_BROKEN)
		return false;
	for (int i = 0; i < type->field_n; i++)
		if (field_differs(&type->field[i], &l->field[i], w->side, seen->value[i]))
			return true;
	return false;
}

static void mark(struct sweeping *w, struct db *db, struct sv remote, unsigned reads)
{
	const struct treaty *t = w->e->treaty;
	int below = w->s.gap ? PRIORITY_BACKFILL : 2 * PRIORITY_BACKFILL;
	struct mark m = { .side = w->side, .record = w->s.record, .remote = remote,
			  .due_ms = clock_now(w->e->clock),
			  .priority = t->record[w->s.record].priority + below, .reads = reads,
			  .own = SV(""), .stranger = SV(""), .source = "sweep" };
	mark_put(w->e->store, db, t, &m);
}

/* A record without a link was looked up by the sweep before, or by bulk
 * linking, unless it is new or was touched since: each look-up is a call. */
static void meet_stranger(struct sweeping *w, struct db *db, const struct row *row)
{
	if (row->existence != EXISTENCE_PRESENT ||
	    (row->modified_ms && row->modified_ms + LATE_MS < w->known_ms))
		return;
	w->s.unknown[w->side]++;
	mark(w, db, row->id, 1u << w->side);
}

static void meet(struct sweeping *w, struct db *db, const struct row *row, struct sweep_bits *bits)
{
	struct engine *e = w->e;
	struct link l;
	if (!link_find(db, e->treaty, w->s.record, w->side, row->id, w->scratch, &l)) {
		meet_stranger(w, db, row);
		return;
	}
	bool whole = l.state == LINK_LINKED || l.state == LINK_BROKEN;
	if (l.id <= w->s.below && sweep_bits_set(bits, l.id) && l.state == LINK_LINKED)
		w->s.seen[w->side]++;
	struct observation seen = observe(e, w->s.record, e->reading[w->side][w->s.record], row, 0,
					  0, w->scratch);
	if (whole && seen.existence == EXISTENCE_PRESENT)
		resolve_references(e, db, w->s.record, w->side, &seen, w->scratch);
	/* what is on its way to a link is looked at anyhow */
	if (whole && !row_differs(w, &l, &seen))
		return;
	w->s.differing++;
	mark(w, db, row->id, whole ? 3 : 1u << w->side);
}

static bool compare(struct db *db, void *arg, struct err *err)
{
	struct sweeping *w = arg;
	struct sweep_bits bits;
	sweep_bits_begin(&bits, db, &w->e->treaty->record[w->s.record], w->side);
	for (int i = w->from; i < w->to; i++) {
		meet(w, db, &w->rows.row[i], &bits);
		arena_reset(w->scratch);
	}
	sweep_bits_end(&bits);
	bool last = w->to == w->rows.n;
	if (last)
		sweep_put(db, w->e->treaty, &w->s);
	return true;
}

/* ------------------------------------------------------------------- phases */

static void begin(struct sweeping *w, struct db *db)
{
	const struct treaty_record *type = &w->e->treaty->record[w->s.record];
	struct sweep *s = &w->s, fresh = { .record = s->record, .sides = s->sides, .gap = s->gap,
					   .since_ms = s->since_ms, .asked_ms = s->asked_ms };
	*s = fresh;
	s->started_ms = clock_now(w->e->clock);
	s->below = db_scalar(db, 0, "SELECT coalesce(max(id), 0) FROM link", "");
	s->linked = links_count(db, type, LINK_LINKED);
	s->phase = SWEEP_LISTING + (s->sides & 1u << SIDE_ATS ? SIDE_ATS : SIDE_SALESFORCE);
	sweep_bits_clear(db, type);
}

/* A listing that lacks what would be a mass deletion, or shows nothing at all,
 * tells of a lost right or a broken answer sooner than of the records. */
static bool incredible(const struct sweeping *w, enum side side, int64_t missing)
{
	const struct sweep *s = &w->s;
	const struct mass_rule *rule = &w->e->treaty->record[s->record].mass.of[MASS_DELETED];
	if (missing <= 0)
		return false;
	return s->listed[side] == 0 || (rule->share_percent && missing >= rule->least &&
					missing * 100 >= rule->share_percent * s->linked);
}

/* Steps that the history told of and no mark led to: a field that went there
 * and back shows no difference. */
static void mark_steps(struct sweeping *w, struct db *db)
{
	struct db_stmt *q = db_query(db,
				     "SELECT DISTINCT link.id, link.ats, link.salesforce FROM step"
				     " JOIN link ON link.id = step.link"
				     " WHERE link.type = $1 AND link.state = $2",
				     "ii", record_key(&w->e->treaty->record[w->s.record]),
				     (int64_t)LINK_LINKED);
	while (db_next(q)) {
		w->side = SIDE_ATS;
		mark(w, db, db_sv(q, 1), 0);
	}
}

static void finish(struct sweeping *w, struct db *db)
{
	struct engine *e = w->e;
	struct sweep *s = &w->s;
	const struct treaty_record *type = &e->treaty->record[s->record];
	int64_t now = clock_now(e->clock);
	bool gap = s->gap;
	mark_steps(w, db);
	s->phase = SWEEP_DONE;
	s->finished_ms = now;
	sweep_put(db, e->treaty, s);
	sweep_bits_clear(db, type);
	for (int side = 0; side < SIDES; side++) {
		if (!(s->sides & 1u << side))
			continue;
		if (!s->since_ms) {
			mismatch_type(db, type, side, MISMATCH_SWEEP, "listing", false,
				      SV("listed whole"), now);
			listed_put(db, type, (enum side)side, s->stamp_ms[side]);
		}
		if (gap && !sweep_of_gap(db, e->treaty, side))
			gap_closed(e, db, side);
	}
}

/* Nothing is done about it but to say so. */
static void give_up(struct sweeping *w, struct db *db, enum side side, struct sv why)
{
	struct sweep *s = &w->s;
	const struct treaty_record *type = &w->e->treaty->record[s->record];
	int64_t now = clock_now(w->e->clock);
	mismatch_type(db, type, side, MISMATCH_SWEEP, "listing", true, why, now);
	s->trouble = why;
	s->page = SV("");
	s->finished_ms = now;
	s->phase = s->gap ? SWEEP_ASKED : SWEEP_DONE;
	s->due_ms = s->gap ? now + AGAIN_MS : 0;
	sweep_bits_clear(db, type);
	sweep_put(db, w->e->treaty, s);
}

/* A side's listing came to its end. */
static bool listed(struct db *db, void *arg, struct err *err)
{
	struct sweeping *w = arg;
	struct sweep *s = &w->s;
	const struct treaty_record *type = &w->e->treaty->record[s->record];
	s->missing[w->side] = s->since_ms ? 0 : s->linked - s->seen[w->side];
	if (s->missing[w->side] < 0)
		s->missing[w->side] = 0;
	if (!s->since_ms && incredible(w, w->side, s->linked - s->seen[w->side])) {
		give_up(w, db, w->side,
			arena_printf(w->a, "the listing of %s %s shows %lld of %lld linked records: "
					   "nothing is concluded from it; is a right missing?",
				     side_name[w->side], type->side[w->side].object,
				     (long long)s->seen[w->side], (long long)s->linked));
		return true;
	}
	if (w->side == SIDE_ATS && s->sides & 1u << SIDE_SALESFORCE)
		s->phase = SWEEP_LISTING + SIDE_SALESFORCE;
	else if (s->missing[SIDE_ATS] || s->missing[SIDE_SALESFORCE])
		s->phase = SWEEP_MISSING;
	else
		s->phase = SWEEP_DONE;
	s->page = SV("");
	if (s->phase == SWEEP_DONE)
		finish(w, db);
	else
		sweep_put(db, w->e->treaty, s);
	return true;
}

/* Linked records that a whole listing did not show: they are read by id, which
 * alone tells whether they are gone. */
static bool look_for_missing(struct db *db, void *arg, struct err *err)
{
	struct sweeping *w = arg;
	struct sweep *s = &w->s;
	const struct treaty_record *type = &w->e->treaty->record[s->record];
	struct sweep_bits bits[SIDES];
	int64_t key = record_key(type);
	int n = 0;
	for (int i = 0; i < SIDES; i++)
		sweep_bits_begin(&bits[i], db, type, (enum side)i);
	struct db_stmt *q = db_query(db,
				     "SELECT id, type, ats, salesforce, state FROM link"
				     " WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3",
				     "iii", s->at, s->below, (int64_t)MISSING_PAGE);
	while (db_next(q)) {
		n++;
		s->at = db_i64(q, 0);
		if (db_i64(q, 1) != key || db_i64(q, 4) != LINK_LINKED)
			continue;
		for (int i = 0; i < SIDES; i++)
			if (s->sides & 1u << i && s->missing[i] && !sweep_bits_has(&bits[i], s->at)) {
				w->side = (enum side)i;
				mark(w, db, db_sv(q, 2 + i), 3);
			}
	}
	if (n < MISSING_PAGE)
		finish(w, db);
	else
		sweep_put(db, w->e->treaty, s);
	return true;
}

/* -------------------------------------------------------------------- step */

static bool pick(struct db *db, void *arg, struct err *err)
{
	struct sweeping *w = arg;
	struct engine *e = w->e;
	int64_t now = clock_now(e->clock);
	if (!sweep_next(db, e->treaty, now, w->a, &w->s)) {
		w->s.phase = SWEEP_DONE;
		return true;
	}
	int64_t waits_ms = w->s.asked_ms > e->swept_ms ? w->s.asked_ms : e->swept_ms;
	w->busy = !w->s.gap && !e->o.patient && now - waits_ms < PATIENCE_MS &&
		  (marks_any_due(db, now) || (!e->o.shadow && slots_any_ready(db, now)));
	if (w->busy)
		return true;
	if (w->s.phase == SWEEP_ASKED) {
		begin(w, db);
		sweep_put(db, e->treaty, &w->s);
	}
	w->side = w->s.phase == SWEEP_LISTING + SIDE_SALESFORCE ? SIDE_SALESFORCE : SIDE_ATS;
	w->known_ms = listed_get(db, &e->treaty->record[w->s.record], w->side);
	return true;
}

static bool ask_page(struct sweeping *w, struct err *err)
{
	struct engine *e = w->e;
	struct connector *c = e->system[w->side];
	const struct object_ref *o = &e->reading[w->side][w->s.record]->object;
	if (!call_begin(e, w->side, err))
		return false;
	int64_t before = c->usage.calls;
	bool ok = w->s.since_ms ?
			  c->ops->since(c, o, w->s.since_ms, w->s.page, w->a, &w->rows, err) :
			  c->ops->list(c, o, w->s.page, w->a, &w->rows, err);
	/* a position that is no longer known is no trouble of the system */
	call_end(e, w->side, ok || (err && err->code == ERR_CURSOR), err);
	w->s.calls += c->usage.calls - before;
	return ok;
}

static bool take_page(struct sweeping *w, struct err *err)
{
	struct sweep *s = &w->s;
	s->listed[w->side] += w->rows.n;
	for (int i = 0; i < w->rows.n; i++)
		if (w->rows.row[i].modified_ms > s->stamp_ms[w->side])
			s->stamp_ms[w->side] = w->rows.row[i].modified_ms;
	s->page = w->rows.next;
	for (w->from = 0; w->from < w->rows.n; w->from = w->to) {
		w->to = w->from + CHUNK < w->rows.n ? w->from + CHUNK : w->rows.n;
		if (!store_tx(w->e->store, compare, w, err))
			return false;
	}
	return s->page.len || store_tx(w->e->store, listed, w, err);
}

/* Too long ago to be asked for: then everything. */
static bool widen(struct db *db, void *arg, struct err *err)
{
	struct sweeping *w = arg;
	w->s.since_ms = 0;
	begin(w, db);
	sweep_put(db, w->e->treaty, &w->s);
	return true;
}

/* A field that the system does not show any more refuses the whole listing. */
static bool list_page(struct sweeping *w, struct err *err)
{
	struct err why = { 0 };
	bool drifted = false, ok = ask_page(w, &why);
	if (!ok && why.code == ERR_CURSOR && w->s.since_ms)
		return store_tx(w->e->store, widen, w, err);
	if (!ok && why.code == ERR_REJECTED &&
	    drift_check(w->e, w->s.record, w->side, &drifted, NULL) && drifted) {
		err_clear(&why);
		ok = ask_page(w, &why);
	}
	if (!ok && err && !err->code)
		*err = why;
	return ok && take_page(w, err);
}

static enum step_result sweep_once(struct sweeping *w, struct err *err)
{
	struct engine *e = w->e;
	int64_t now = clock_now(e->clock);
	if (!store_tx(e->store, pick, w, err))
		return STEP_FAILED;
	if (w->s.phase == SWEEP_DONE || w->busy)
		return STEP_IDLE;
	if (w->s.phase == SWEEP_MISSING) {
		e->swept_ms = now;
		return store_tx(e->store, look_for_missing, w, err) ? STEP_WORKED : STEP_FAILED;
	}
	if (!e->o.patient && !w->s.gap && !governor_spares(&e->governor[w->side], SPARE_PERCENT))
		return STEP_IDLE;
	e->swept_ms = now;
	if (!w->s.page.len && !read_history(e, w->s.record, w->side, w->a, err))
		return STEP_FAILED;
	return list_page(w, err) ? STEP_WORKED : STEP_FAILED;
}

enum step_result engine_sweep(struct engine *e, struct err *err)
{
	struct arena a, scratch;
	struct err why = { 0 };
	arena_init(&a);
	arena_init(&scratch);
	struct sweeping w = { .e = e, .a = &a, .scratch = &scratch };
	enum step_result r = sweep_once(&w, &why);
	if (r == STEP_FAILED && err && !err->code)
		*err = why;
	arena_finish(&scratch);
	arena_finish(&a);
	return r;
}

/* --------------------------------------------------------------- by the clock */

enum { LOOK_MS = 60 * 1000 };
#define DAY_MS (24 * 3600 * (int64_t)1000)

/* The first time of day 'at' that is about 'every' after the last. */
static int64_t due_after(const struct engine *e, int64_t last_ms)
{
	int64_t next = last_ms + e->o.sweep_every_ms;
	if (e->o.sweep_every_ms < DAY_MS)
		return next;
	int64_t least = next - DAY_MS / 2;
	int64_t at = least / DAY_MS * DAY_MS + e->o.sweep_at_ms;
	return at >= least ? at : at + DAY_MS;
}

struct by_clock {
	struct engine *e;
	bool asked;
};

static bool ask_by_clock(struct db *db, void *arg, struct err *err)
{
	struct by_clock *x = arg;
	struct engine *e = x->e;
	struct arena a;
	int64_t now = clock_now(e->clock), last = 0;
	arena_init(&a);
	bool known = sv_to_i64(meta_get(db, "sweep.last", &a), &last);
	bool due = known && now >= due_after(e, last);
	for (int r = 0; due && r < e->treaty->record_n; r++)
		sweep_ask(db, e->treaty, r, 3, false, 0, now);
	if (due || !known)
		meta_put(db, "sweep.last", arena_printf(&a, "%lld", (long long)now));
	x->asked = due;
	arena_finish(&a);
	return true;
}

enum step_result sweep_tick(struct engine *e, struct err *err)
{
	int64_t now = clock_now(e->clock);
	struct by_clock x = { .e = e };
	if (!e->o.sweep_every_ms || now - e->sweep_looked_ms < LOOK_MS)
		return STEP_IDLE;
	e->sweep_looked_ms = now;
	if (!store_tx(e->store, ask_by_clock, &x, err))
		return STEP_FAILED;
	return x.asked ? STEP_WORKED : STEP_IDLE;
}

/* ------------------------------------------------------------------ by hand */

struct asking {
	struct store *store;
	const struct treaty *t;
	int record;
	unsigned sides;
};

static bool ask_by_hand(struct db *db, void *arg, struct err *err)
{
	struct asking *x = arg;
	for (int r = 0; r < x->t->record_n; r++)
		if (x->record < 0 || x->record == r)
			sweep_ask(db, x->t, r, x->sides, false, 0, clock_now(store_clock(x->store)));
	return true;
}

bool engine_ask_sweep(struct store *s, const struct treaty *t, int record, unsigned sides,
		      struct err *err)
{
	struct asking x = { .store = s, .t = t, .record = record, .sides = sides };
	return store_tx(s, ask_by_hand, &x, err);
}

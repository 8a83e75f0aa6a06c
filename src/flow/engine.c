#include "flow/engine.h"

#include "base/log.h"
#include "base/panic.h"
#include "flow/flow.h"
#include "store/ledger.h"
#include "store/mismatches.h"
#include "store/pauses.h"

/* ----------------------------------------------------------- create, start */

struct engine *engine_create(const struct engine_options *o)
{
	struct engine *e = must_zalloc(sizeof(*e));
	e->o = *o;
	e->treaty = o->treaty;
	e->store = o->store;
	e->clock = o->clock;
	e->swept_ms = clock_now(o->clock);
	e->fence_ms = o->fence_ms > 0 ? o->fence_ms : 5000;
	e->echo_linger_ms = o->echo_linger_ms == 0 ? 2000 :
			    o->echo_linger_ms < 0  ? 0 :
						     o->echo_linger_ms;
	for (int s = 0; s < SIDES; s++) {
		struct connector *c = o->system[s];
		e->system[s] = c;
		e->request_ms[s] = o->request_ms[s] > 0 ? o->request_ms[s] :
							  c->shape.longest_request_ms;
		governor_init(&e->governor[s], e->clock,
			      o->concurrent[s] > 0 ? o->concurrent[s] : c->shape.concurrent,
			      o->limits[s]);
		governor_watch(&e->governor[s], &c->usage);
	}
	e->linked = must_zalloc(sizeof(*e->linked) * (size_t)(e->treaty->record_n + 1));
	pthread_mutex_init(&e->looked_mutex, NULL);
	readings_init(e);
	return e;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	for (int s = 0; s < SIDES; s++)
		governor_finish(&e->governor[s]);
	readings_finish(e);
	pthread_mutex_destroy(&e->looked_mutex);
	free(e->linked);
	free(e);
}

int engine_concurrency(const struct engine *e, enum side side)
{
	return e->governor[side].window_max;
}

void engine_stop(struct engine *e)
{
	for (int s = 0; s < SIDES; s++)
		governor_stop(&e->governor[s]);
}

/* A number for all that decides the fields of a record type. */
static uint64_t rules_of(const struct treaty_record *r)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < r->field_n; i++) {
		buf_add_varint(&b, r->field[i].key);
		buf_add_varint(&b, r->field[i].rule);
	}
	uint64_t n = sv_hash64(buf_sv(&b));
	buf_finish(&b);
	return n;
}

/* Everything of a type is looked at again under the rules of this version;
 * what was decided under the old ones and not sent is forgotten. What was sent
 * is resolved first, as after any restart. */
static void backfill(struct engine *e, struct db *db, int record)
{
	drop_slots_of_type(e->store, e->treaty, db, record_key(&e->treaty->record[record]),
			   "another rule");
	mark_type(e, db, record, "version");
}

/* A record type that the treaty no longer has: what was decided for it would
 * stand in the queue for ever. Should it come back, all of it is looked at. */
static void leave_type(struct engine *e, struct db *db, struct sv meta_name, struct sv record)
{
	int64_t type = sv_hash32(record);
	drop_slots_of_type(e->store, e->treaty, db, type,
			   "the treaty no longer has this record type");
	db_run(db, "UPDATE slot SET state = 3 WHERE type = $1 AND state = 2", "i", type);
	db_run(db, "UPDATE meta SET value = 'left' WHERE name = $1", "t", meta_name);
}

static void leave_types(struct engine *e, struct db *db, struct arena *a)
{
	int n = (int)db_scalar(db, 0, "SELECT count(*) FROM meta", ""), k = 0;
	struct sv *name = arena_array(a, struct sv, n + 1);
	struct db_stmt *q = db_query(db, "SELECT name FROM meta", "");
	while (db_next(q))
		if (sv_starts(db_sv(q, 0), SV("rules.")) && k < n)
			name[k++] = arena_sv(a, db_sv(q, 0));
	for (int i = 0; i < k; i++) {
		struct sv record = sv_make(name[i].ptr + 6, name[i].len - 6);
		if (treaty_record_by_name(e->treaty, record) < 0)
			leave_type(e, db, name[i], record);
	}
}

/* A changed rule must reach records that nobody touches. */
static void take_version(struct engine *e, struct db *db, struct arena *a)
{
	leave_types(e, db, a);
	for (int r = 0; r < e->treaty->record_n; r++) {
		uint64_t rules = rules_of(&e->treaty->record[r]);
		struct sv now = sv_make(&rules, sizeof(rules));
		struct sv name = arena_printf(a, "rules.%s", e->treaty->record[r].name);
		struct sv before = meta_get(db, name.ptr, a);
		if (sv_eq(before, now))
			continue;
		if (before.len)
			backfill(e, db, r);
		meta_put(db, name.ptr, now);
	}
}

/* What was in flight when the process died: nobody will ever answer. */
static bool recover(struct db *db, void *arg, struct err *err)
{
	struct engine *e = arg;
	struct arena a;
	arena_init(&a);
	int64_t *id, now = clock_now(e->clock);
	int n = (int)db_scalar(db, 0, "SELECT count(*) FROM slot WHERE state = 2", "");
	n = slots_in_state(db, SLOT_SENT, INT64_MAX, n, &a, &id);
	for (int i = 0; i < n; i++) {
		struct link l;
		if (!link_get(db, e->treaty, id[i], &a, &l))
			continue;
		for (int s = 0; s < SIDES; s++) {
			struct slot slot = slot_get(db, e->treaty, &l, s, &a);
			if (slot.state != SLOT_SENT)
				continue;
			slot_move(&slot, SLOT_LOST);
			slot_put(db, e->treaty, &l, s, &slot);
			mark_link(e, db, &l, slot.create ? 1u << side_other(s) : 1u << s, now,
				  "restart");
		}
	}
	db_run(db, "UPDATE mark SET wait = 0 WHERE wait = 1", "");
	take_version(e, db, &a);
	readings_load(e, db);
	alerts_recover(e, db);
	for (int s = 0; s < SIDES; s++) {
		marks_wake(db, s, now); /* whether it answers now is not known */
		struct sv name = arena_printf(&a, "budget.%s", side_name[s]);
		governor_load(&e->governor[s], meta_get(db, name.ptr, &a));
		/* an outage that the last process told of ends in this one */
		e->down_told[s] = mismatch_system_open(db, s, MISMATCH_UNAVAILABLE);
		if (e->down_told[s])
			governor_presume_down(&e->governor[s]);
		if (mismatch_system_open(db, s, MISMATCH_QUOTA)) {
			char why[STRAIN_WHY_SIZE];
			int level = governor_strain(&e->governor[s], 80, why);
			e->strain_told[s] = level ? level : 80;
		}
	}
	arena_finish(&a);
	return true;
}

/* Which organisation answers? The store is that one's own: a refreshed sandbox
 * or a copied store must not be written to by mistake. */
static bool bind_side(struct engine *e, enum side s, struct err *err)
{
	struct arena a;
	arena_init(&a);
	struct sv organisation = SV_NONE;
	struct sv what = arena_printf(&a, "%s organisation", side_name[s]);
	bool ok = e->system[s]->ops->identify(e->system[s], &a, &organisation, err) &&
		  store_bind(e->store, what.ptr, organisation, err);
	e->bound[s] = ok;
	arena_finish(&a);
	return ok;
}

bool side_ready(struct engine *e, enum side side, struct err *err)
{
	if (e->bound[side])
		return true;
	if (!governor_enter(&e->governor[side], err))
		return false;
	bool ok = bind_side(e, side, err);
	governor_leave(&e->governor[side], ok ? NULL : err, e->system[side]->usage.calls);
	return ok;
}

bool engine_start(struct engine *e, struct err *err)
{
	if (!store_bind(e->store, "treaty", sv_of(e->treaty->name), err) ||
	    !store_tx(e->store, recover, e, err))
		return false;
	for (int s = 0; s < SIDES; s++) {
		struct err why = { 0 };
		if (side_ready(e, s, &why))
			continue;
		if (why.retry != RETRY_LATER || why.code == ERR_STOPPED) {
			*err = why;
			return false;
		}
		/* away just now: it is bound before it is first used */
		log_warn("engine", "%s", why.what);
	}
	return true;
}

static bool recover_from_full(struct db *db, void *arg, struct err *err)
{
	counter_add(db, "full", 1); /* something must be written to know */
	return recover(db, arg, err);
}

bool engine_room(struct engine *e, struct err *err)
{
	return store_tx(e->store, recover_from_full, e, err);
}

/* ------------------------------------------------------------------- tick */

/* Each level is an entry of its own, so that whoever was told of the first is
 * told of the second. */
static void tell_strain(struct engine *e, struct db *db, enum side s)
{
	char why[STRAIN_WHY_SIZE];
	int level = governor_strain(&e->governor[s], e->strain_told[s], why);
	int64_t now = clock_now(e->clock);
	if (level == e->strain_told[s])
		return;
	if (e->strain_told[s])
		mismatch_system(db, s, MISMATCH_QUOTA, false, SV(""), now);
	if (level)
		mismatch_system(db, s, MISMATCH_QUOTA, true, sv_of(why), now);
	e->strain_told[s] = level;
}

static bool tell_outage(struct db *db, void *arg, struct err *err)
{
	struct engine *e = arg;
	for (int s = 0; s < SIDES; s++) {
		struct err why = { 0 };
		bool down = governor_is_down(&e->governor[s], &why, NULL);
		if (down != e->down_told[s])
			mismatch_system(db, s, MISMATCH_UNAVAILABLE, down, sv_of(why.what),
					clock_now(e->clock));
		if (!down && e->down_told[s]) {
			marks_wake(db, s, clock_now(e->clock));
			e->woken = true;
		}
		e->down_told[s] = down;
		tell_strain(e, db, s);
		struct buf b;
		buf_init(&b, 4096);
		governor_save(&e->governor[s], &b);
		meta_put(db, s == SIDE_ATS ? "budget.ats" : "budget.salesforce", buf_sv(&b));
		buf_finish(&b);
	}
	return true;
}

static bool outage_is_news(struct engine *e)
{
	char why[STRAIN_WHY_SIZE];
	for (int s = 0; s < SIDES; s++)
		if (governor_is_down(&e->governor[s], NULL, NULL) != e->down_told[s] ||
		    governor_strain(&e->governor[s], e->strain_told[s], why) != e->strain_told[s])
			return true;
	return false;
}

/* A death forgets what was spent since: little of a month's quota. */
enum { SAVE_BUDGETS_MS = 10 * 1000 };

enum step_result engine_tick(struct engine *e, struct err *err)
{
	int64_t now = clock_now(e->clock);
	bool ok = drift_tick(e, err);
	enum step_result sweep = sweep_tick(e, err);
	if (outage_is_news(e) || now - e->told_ms >= SAVE_BUDGETS_MS) {
		e->told_ms = now;
		e->woken = false;
		ok = store_tx(e->store, tell_outage, e, err) && ok;
		if (ok && e->woken)
			return STEP_WORKED;
	}
	ok = watch_tick(e, err) && ok;
	return ok ? sweep : STEP_FAILED;
}

struct next {
	int64_t now_ms, mark_ms, slot_ms;
};

static bool read_next(struct db *db, void *arg, struct err *err)
{
	struct next *n = arg;
	n->mark_ms = marks_next_ms(db);
	n->slot_ms = slots_next_ms(db, n->now_ms);
	return true;
}

int64_t engine_next_ms(struct engine *e)
{
	int64_t now = clock_now(e->clock);
	struct next n = { now, INT64_MAX, INT64_MAX };
	store_tx(e->store, read_next, &n, NULL);
	int64_t at = n.mark_ms < n.slot_ms ? n.mark_ms : n.slot_ms;
	for (int s = 0; s < SIDES; s++) {
		int64_t ready = governor_ready_ms(&e->governor[s]);
		if (ready > now && ready < at)
			at = ready;
	}
	return at;
}

bool engine_run_idle(struct engine *e, int limit, struct err *err)
{
	for (int round = 0; round < limit; round++) {
		bool worked = false;
		struct err why = { 0 };
		for (int s = 0; s < SIDES; s++)
			worked |= engine_feed(e, s, 0, &why) == STEP_WORKED;
		worked |= engine_settle(e, &why) == STEP_WORKED;
		for (int s = 0; s < SIDES; s++)
			worked |= engine_deliver(e, s, &why) == STEP_WORKED;
		worked |= engine_sweep(e, &why) == STEP_WORKED;
		worked |= engine_tick(e, &why) == STEP_WORKED;
		worked |= engine_alerts(e, &why) == STEP_WORKED;
		worked |= engine_keep(e, &why) == STEP_WORKED;
		if (why.code == ERR_STOPPED || why.code == ERR_STORE) {
			*err = why;
			return false;
		}
		if (!worked)
			return true;
	}
	err_set(err, ERR_SYSTEM, "engine: still not idle after %d rounds", limit);
	return false;
}

/* --------------------------------------------------------- people's commands */

struct command {
	struct store *s;
	const struct treaty *t;
	int64_t id;
	enum resolve_action action;
	struct sv text, who, scope;
	bool on;
	enum side side;
	int record;
};

void mark_by_person(struct store *store, const struct treaty *t, struct db *db,
		    const struct link *l)
{
	enum side s = l->remote[SIDE_ATS].len ? SIDE_ATS : SIDE_SALESFORCE;
	struct mark m = { .side = s, .record = l->record, .remote = l->remote[s],
			  .priority = t->record[l->record].priority, .reads = 3,
			  .own = SV(""), .stranger = SV(""), .source = "person" };
	mark_put(store, db, t, &m);
}

static bool resolve(struct db *db, void *arg, struct err *err)
{
	struct command *c = arg;
	struct arena a;
	struct mismatch m;
	struct link l;
	arena_init(&a);
	bool ok = false;
	if (!mismatch_get(db, c->id, &a, &m)) {
		err_set(err, ERR_NOT_FOUND, "there is no entry %lld in the conflict log",
			(long long)c->id);
	} else if (!m.open) {
		err_set(err, ERR_BAD_INPUT, "entry %lld is closed", (long long)c->id);
	} else if (!m.link_id || !link_get(db, c->t, m.link_id, &a, &l)) {
		err_set(err, ERR_BAD_INPUT, "entry %lld is not about linked records",
			(long long)c->id);
	} else {
		const struct treaty_record *type = &c->t->record[l.record];
		int i = treaty_field_by_name(type, m.field);
		if (i < 0) {
			err_set(err, ERR_BAD_INPUT, "entry %lld is about no field of this treaty",
				(long long)c->id);
		} else {
			struct link_field *lf = &l.field[i];
			ok = c->action != RESOLVE_VALUE ||
			     value_from_text(&type->field[i].type, c->text, &a,
					     &lf->resolve_value, err);
			lf->resolve = c->action;
			lf->resolve_seen[SIDE_ATS] = m.value[SIDE_ATS];
			lf->resolve_seen[SIDE_SALESFORCE] = m.value[SIDE_SALESFORCE];
			if (ok) {
				link_put(c->s, db, c->t, &l);
				mark_by_person(c->s, c->t, db, &l);
				static const char *const said[] = {
					[RESOLVE_TAKE_ATS] = "take ats",
					[RESOLVE_TAKE_SALESFORCE] = "take salesforce",
					[RESOLVE_VALUE] = "value", [RESOLVE_RETRY] = "retry",
					[RESOLVE_IGNORE] = "ignore",
				};
				struct json_object *o = json_object_new_object();
				json_put_i64(o, "treaty", c->t->version);
				json_put_i64(o, "mismatch", c->id);
				json_put_sv(o, "field", m.field);
				json_put_sv(o, "action", sv_of(said[c->action]));
				json_put_sv(o, "who", c->who);
				journal_add(c->s, db, l.id, "resolved", o);
			}
		}
	}
	arena_finish(&a);
	return ok;
}

bool engine_resolve(struct store *s, const struct treaty *t, int64_t mismatch_id,
		    enum resolve_action action, struct sv text, struct sv who, struct err *err)
{
	struct command c = { .s = s, .t = t, .id = mismatch_id, .action = action, .text = text,
			     .who = who };
	return store_tx(s, resolve, &c, err);
}

/* "", a side, a record type, "type.field", "side:object:id" */
static bool scope_known(const struct treaty *t, struct sv scope)
{
	enum side side;
	struct sv head, tail;
	if (!scope.len || side_from_name(scope, &side) || treaty_record_by_name(t, scope) >= 0)
		return true;
	if (sv_cut(scope, ':', &head, &tail)) {
		struct sv object, id;
		return side_from_name(head, &side) && sv_cut(tail, ':', &object, &id) && id.len &&
		       treaty_record_by_object(t, side, object) >= 0;
	}
	if (!sv_cut(scope, '.', &head, &tail))
		return false;
	int r = treaty_record_by_name(t, head);
	return r >= 0 && treaty_field_by_name(&t->record[r], tail) >= 0;
}

/* What was held or parked by any pause is looked at again; what is still
 * paused is parked again. */
static void wake(struct command *c, struct db *db)
{
	struct arena a;
	arena_init(&a);
	slots_unpark(db);
	struct db_stmt *q = db_scan(db, "SELECT id FROM link WHERE holds <> 0", "");
	while (db_next(q)) {
		struct link l;
		if (!link_get(db, c->t, db_i64(q, 0), &a, &l))
			continue;
		for (int i = 0; i < c->t->record[l.record].field_n; i++)
			if (l.field[i].hold == HOLD_PAUSED) {
				mark_by_person(c->s, c->t, db, &l);
				break;
			}
		arena_reset(&a);
	}
	arena_finish(&a);
}

static bool pause_it(struct db *db, void *arg, struct err *err)
{
	struct command *c = arg;
	pause_set(db, c->scope, c->on, clock_now(store_clock(c->s)), c->who);
	if (!c->on)
		wake(c, db);
	return true;
}

bool engine_pause(struct store *s, const struct treaty *t, struct sv scope, bool pause,
		  struct sv who, struct err *err)
{
	struct command c = { .s = s, .t = t, .scope = scope, .on = pause, .who = who };
	if (!scope_known(t, scope)) {
		err_set(err, ERR_BAD_INPUT,
			"'%.*s' is no system, record type, type.field or side:object:id of this treaty",
			SV_ARG(scope));
		return false;
	}
	return store_tx(s, pause_it, &c, err);
}

static bool mark_it(struct db *db, void *arg, struct err *err)
{
	struct command *c = arg;
	const struct treaty_record *r = &c->t->record[c->record];
	struct mark m = { .side = c->side, .record = c->record, .remote = c->text,
			  .priority = r->priority, .reads = 1u << c->side, .own = SV(""), .stranger = SV(""),
			  .source = "person" };
	if (c->text.len) {
		mark_put(c->s, db, c->t, &m);
		return true;
	}
	struct db_stmt *q = db_scan(db, "SELECT ats, salesforce FROM link WHERE type = $1", "i",
				     record_key(r));
	while (db_next(q)) {
		m.remote = db_sv(q, c->side == SIDE_ATS ? 0 : 1);
		m.reads = 3;
		m.priority = r->priority + PRIORITY_BACKFILL;
		if (m.remote.len)
			mark_put(c->s, db, c->t, &m);
	}
	return true;
}

bool engine_mark(struct store *s, const struct treaty *t, enum side side, int record, struct sv id,
		 struct err *err)
{
	struct command c = { .s = s, .t = t, .side = side, .record = record, .text = id };
	return store_tx(s, mark_it, &c, err);
}

/* guard.c - too much at once: a record type's writing halts, and a person says
 * whether it is meant.
 *
 * Counted in the transaction that decides, so that what is over the limit is
 * never sent: the halt is there before the slots can be picked. Reading and
 * deciding go on; what was decided waits. A first agreement and a changed rule
 * change much at once by intent and are not counted. */
#include "flow/flow.h"
#include "store/mass.h"
#include "store/mismatches.h"
#include "store/pauses.h"

enum { SAMPLES = 3, COUNT_AGAIN_MS = 60 * 1000 };

static int64_t period_of(const struct treaty_record *type, int64_t now_ms)
{
	return now_ms / type->mass.within_ms;
}

static void count(struct engine *e, struct db *db, const struct link *l, enum mass_what what,
		  enum side side)
{
	const struct treaty_record *type = &e->treaty->record[l->record];
	struct mass_key k = { type, what, side };
	if (type->mass.of[what].share_percent)
		mass_add(db, &k, l->id, period_of(type, clock_now(e->clock)));
}

/* What the slot of one side says about the other, where it came from. */
static bool count_slot(struct engine *e, struct db *db, const struct plan *p, enum side to)
{
	const struct slot *s = &p->slot[to];
	bool what[MASS_WHATS] = { false }, any = false;
	for (int k = 0; k < s->field_n; k++) {
		const struct slot_field *f = &s->field[k];
		struct value was = p->link.field[f->field].base[to];
		if (f->cause == CAUSE_RESTORE)
			what[MASS_RESTORED] = true;
		else if (f->cause == CAUSE_CHANGE)
			what[value_blank(f->target) && !value_blank(was) ? MASS_EMPTIED :
									   MASS_CHANGED] = true;
	}
	for (int w = 0; w < MASS_WHATS; w++) {
		if (!what[w])
			continue;
		count(e, db, &p->link, (enum mass_what)w,
		      w == MASS_RESTORED ? to : side_other(to));
		any = true;
	}
	return any;
}

bool guard_note(struct engine *e, struct db *db, const struct link *before, const struct plan *p)
{
	bool any = false;
	for (int s = 0; s < SIDES; s++) {
		enum existence now = p->link.existence[s];
		if (before->existence[s] == EXISTENCE_PRESENT && now != EXISTENCE_PRESENT &&
		    now != EXISTENCE_MERGED) {
			count(e, db, &p->link, MASS_DELETED, (enum side)s);
			any = true;
		}
		if (p->slot_changed[s] && !p->slot[s].create)
			any = count_slot(e, db, p, (enum side)s) || any;
	}
	return any;
}

/* Counting a million rows takes a while, and it changes slowly. */
static int64_t linked(struct engine *e, struct db *db, int record)
{
	struct linked_count *c = &e->linked[record];
	int64_t now = clock_now(e->clock);
	if (!c->at_ms || now - c->at_ms > COUNT_AGAIN_MS) {
		c->n = db_scalar(db, 0, "SELECT count(*) FROM link WHERE type = $1", "i",
				 record_key(&e->treaty->record[record]));
		c->at_ms = now;
	}
	return c->n;
}

static struct sv span(int64_t ms, struct arena *a)
{
	return ms % 3600000 ? arena_printf(a, "%lld min", (long long)(ms / 60000)) :
			      arena_printf(a, "%lld h", (long long)(ms / 3600000));
}

static void halt(struct engine *e, struct db *db, const struct mass_key *k, int64_t n, int64_t of,
		 struct arena *a)
{
	static const char *const did[] = {
		[MASS_DELETED] = "were deleted or are not found any more",
		[MASS_EMPTIED] = "had a value emptied",
		[MASS_CHANGED] = "were changed",
		[MASS_RESTORED] = "were edited although they are read-only copies",
	};
	struct sv sample[SAMPLES], list = SV_NONE;
	int samples = mass_samples(db, k, SAMPLES, a, sample);
	for (int i = 0; i < samples; i++)
		list = arena_printf(a, "%.*s%s%.*s", SV_ARG(list), i ? ", " : "", SV_ARG(sample[i]));
	struct sv detail = arena_printf(a,
		"%s: %lld of %lld records %s within %.*s (such as %.*s): nothing is written for %s "
		"until a person says whether that is meant",
		side_name[k->side], (long long)n, (long long)of, did[k->what],
		SV_ARG(span(k->type->mass.within_ms, a)), SV_ARG(list), k->type->name);
	int64_t now = clock_now(e->clock);
	bool news = !pause_is(db, halt_scope(k->type, a));
	mismatch_type(db, k->type, k->side, MISMATCH_MASS_CHANGE, mass_what_name(k->what), true,
		      detail, now);
	pause_set(db, halt_scope(k->type, a), true, now, SV("mass-change guard"));
	if (!news)
		return;
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "treaty", e->treaty->version);
	json_put_sv(o, "record", sv_of(k->type->name));
	json_put_sv(o, "why", detail);
	journal_add(e->store, db, 0, "halted", o);
}

static struct sv meant_name(const struct treaty_record *type, struct arena *a)
{
	return arena_printf(a, "meant.%s", type->name);
}

static bool is_meant(struct engine *e, struct db *db, const struct treaty_record *type,
		     struct arena *a)
{
	int64_t until_ms = 0;
	return sv_to_i64(meta_get(db, meant_name(type, a).ptr, a), &until_ms) &&
	       clock_now(e->clock) < until_ms;
}

void guard_check(struct engine *e, struct db *db, int record)
{
	const struct treaty_record *type = &e->treaty->record[record];
	int64_t period = period_of(type, clock_now(e->clock));
	struct arena a;
	arena_init(&a);
	for (int i = 0; i < MASS_WHATS * SIDES; i++) {
		struct mass_key k = { type, (enum mass_what)(i / SIDES), (enum side)(i % SIDES) };
		const struct mass_rule *rule = &type->mass.of[k.what];
		int64_t n = rule->share_percent ? mass_count(db, &k, period) : 0;
		if (n == 0 || n < rule->least || is_meant(e, db, type, &a))
			continue;
		int64_t of = linked(e, db, record);
		if (n * 100 >= rule->share_percent * of)
			halt(e, db, &k, n, of, &a);
	}
	arena_finish(&a);
}

/* --------------------------------------------------------- what a person says */

struct verdict {
	struct store *s;
	const struct treaty *t;
	int64_t id;
	bool proceed;
	struct sv who;
	struct arena *a;
};

static void look_again(struct verdict *v, struct db *db, int64_t link)
{
	struct link l;
	if (!link_get(db, v->t, link, v->a, &l))
		return;
	enum side s = l.remote[SIDE_ATS].len ? SIDE_ATS : SIDE_SALESFORCE;
	bool whole = l.state == LINK_LINKED || l.state == LINK_BROKEN;
	struct mark m = { .side = s, .record = l.record, .remote = l.remote[s],
			  .priority = v->t->record[l.record].priority,
			  .reads = whole ? 3u : 1u << s,
			  .own = SV(""), .stranger = SV(""), .source = "person" };
	mark_put(v->s, db, v->t, &m);
}

/* What was decided and not sent is forgotten; all of it is read and decided
 * anew, and counted anew: what still stands halts again. */
static void discard(struct verdict *v, struct db *db, const struct treaty_record *type)
{
	int64_t key = record_key(type), *counted;
	int n = mass_links(db, type, v->a, &counted);
	int slots = (int)db_scalar(
		db, 0, "SELECT count(*) FROM slot WHERE type = $1 AND state = 1", "i", key), k = 0;
	int64_t *decided = arena_array(v->a, int64_t, slots + 1);
	struct db_stmt *q =
		db_query(db, "SELECT link FROM slot WHERE type = $1 AND state = 1", "i", key);
	while (db_next(q))
		if (k < slots)
			decided[k++] = db_i64(q, 0);
	drop_slots_of_type(v->s, v->t, db, key, "discarded by a person");
	for (int i = 0; i < n; i++)
		look_again(v, db, counted[i]);
	for (int i = 0; i < k; i++)
		look_again(v, db, decided[i]);
}

static void lift(struct verdict *v, struct db *db, const struct treaty_record *type)
{
	int64_t now = clock_now(store_clock(v->s));
	if (v->proceed)
		meta_put(db, meant_name(type, v->a).ptr,
			 arena_printf(v->a, "%lld", (long long)(now + type->mass.within_ms)));
	else
		discard(v, db, type);
	mass_forget(db, type);
	if (mismatch_type_open(db, type, MISMATCH_MASS_CHANGE))
		return; /* another entry still asks */
	pause_set(db, halt_scope(type, v->a), false, now, v->who);
	slots_unpark(db);
}

static bool judge(struct db *db, void *arg, struct err *err)
{
	struct verdict *v = arg;
	struct mismatch m;
	if (!mismatch_get(db, v->id, v->a, &m)) {
		err_set(err, ERR_NOT_FOUND, "there is no entry %lld in the conflict log",
			(long long)v->id);
		return false;
	}
	int r = treaty_record_by_name(v->t, m.record);
	if (!m.open || m.kind != MISMATCH_MASS_CHANGE || r < 0) {
		err_set(err, ERR_BAD_INPUT, "entry %lld %s", (long long)v->id,
			m.open ? "halted nothing" : "is closed");
		return false;
	}
	struct sv by = arena_printf(v->a, "%s: %.*s", v->proceed ? "proceed" : "discard",
				    SV_ARG(v->who));
	mismatch_close(db, v->id, by, clock_now(store_clock(v->s)));
	lift(v, db, &v->t->record[r]);
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "treaty", v->t->version);
	json_put_i64(o, "mismatch", v->id);
	json_put_sv(o, "action", v->proceed ? SV("proceed") : SV("discard"));
	json_put_sv(o, "who", v->who);
	journal_add(v->s, db, 0, "resolved", o);
	return true;
}

bool engine_judge(struct store *s, const struct treaty *t, int64_t mismatch_id, bool proceed,
		  struct sv who, struct err *err)
{
	struct arena a;
	arena_init(&a);
	struct verdict v = { s, t, mismatch_id, proceed, who, &a };
	bool ok = store_tx(s, judge, &v, err);
	arena_finish(&a);
	return ok;
}

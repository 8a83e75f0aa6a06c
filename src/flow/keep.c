/* keep.c - the store's own affairs: rows that could not be read are told of, the
 * whole is audited at intervals, what is older than its retention is forgotten.
 *
 *   BEGIN -> WALK -> LINKS -> SLOTS -> PRUNE -> (rest) -> BEGIN
 *
 * The sums are watch.c's. Each step is a look at a bounded part, so that a store of millions is checked
 * beside the work; the place of the walk is saved, and another process goes on
 * there. What is found is told at once, in the conflict log; what is found no
 * more by a whole round is closed. */
#include "base/log.h"
#include "base/panic.h"
#include "flow/flow.h"
#include "store/aside.h"
#include "store/mismatches.h"

enum {
	TELL_EVERY_MS = 1000,
	ENTRIES_A_STEP = 1000,
	LINKS_A_STEP = 500,
	PRUNED_A_STEP = 1000,
	SAVE_EVERY_MS = 10 * 1000,
	ASIDES_A_STEP = 100,
};
#define ROUND_EVERY_MS (6 * 3600 * (int64_t)1000)

static const char *const part_name[] = { "journal", "rows" };

/* ------------------------------------------------------------- where it is */

static void save(struct engine *e, struct db *db)
{
	const struct keeping *k = &e->keep;
	struct buf b;
	buf_init(&b, 4096);
	buf_add_varint(&b, k->phase);
	buf_add_varint(&b, (uint64_t)k->next_ms);
	buf_add_varint(&b, k->bad);
	buf_add_varint(&b, (uint64_t)k->after);
	journal_walk_pack(&b, &k->audit.walk);
	meta_put(db, "keep", buf_sv(&b));
	buf_finish(&b);
	e->keep.saved_ms = clock_now(e->clock);
}

static bool save_tx(struct db *db, void *arg, struct err *err)
{
	save(arg, db);
	return true;
}

static bool load(struct db *db, void *arg, struct err *err)
{
	struct engine *e = arg;
	struct arena a;
	arena_init(&a);
	struct reader r = { .left = meta_get(db, "keep", &a) };
	struct keeping k = { .loaded = true };
	k.phase = (enum keep_phase)read_varint_to(&r, KEEP_PHASES - 1);
	k.next_ms = (int64_t)read_varint(&r);
	k.bad = (unsigned)read_varint(&r);
	k.after = (int64_t)read_varint(&r);
	if (!journal_walk_unpack(&r, &k.audit.walk))
		k = (struct keeping){ .loaded = true };
	/* a clock that was put back does not keep it waiting */
	if (k.next_ms > clock_now(e->clock) + ROUND_EVERY_MS)
		k.next_ms = 0;
	e->keep = k;
	arena_finish(&a);
	return true;
}

static void move(struct engine *e, enum keep_phase to)
{
	e->keep.phase = to;
	e->keep.after = 0;
	e->keep.saved_ms = 0;
}

/* ------------------------------------------------------------ what it finds */

struct telling {
	struct engine *e;
	bool round_over;
};

/* The first trouble of each part stands for the others: 'treaty audit' names
 * them all. */
static bool tell(struct db *db, void *arg, struct err *err)
{
	struct telling *t = arg;
	struct engine *e = t->e;
	struct keeping *k = &e->keep;
	int64_t now = clock_now(e->clock);
	for (size_t p = 0; p < countof(part_name); p++) {
		const struct audit_trouble *first = NULL;
		for (int i = 0; i < k->audit.trouble_n && !first; i++)
			if (strcmp(k->audit.trouble[i].part, part_name[p]) == 0)
				first = &k->audit.trouble[i];
		if (first)
			mismatch_audit(db, part_name[p], true, sv_of(first->text), now);
		else if (t->round_over && !(k->bad & 1u << p))
			mismatch_audit(db, part_name[p], false, SV_NONE, now);
	}
	if (t->round_over)
		k->bad = 0;
	save(e, db);
	return true;
}

/* Told, and forgotten: the next part begins without. */
static bool take_troubles(struct engine *e, bool round_over, struct err *err)
{
	struct keeping *k = &e->keep;
	struct telling t = { e, round_over };
	for (int i = 0; i < k->audit.trouble_n; i++) {
		for (size_t p = 0; p < countof(part_name); p++)
			if (strcmp(k->audit.trouble[i].part, part_name[p]) == 0)
				k->bad |= 1u << p;
		log_error("keep", "the store does not add up: %s: %s", k->audit.trouble[i].part,
			  k->audit.trouble[i].text);
	}
	bool ok = store_tx(e->store, tell, &t, err);
	k->audit.trouble_n = 0;
	k->audit.trouble_total = 0;
	return ok;
}

/* ------------------------------------------------------------------- phases */

struct looking {
	struct engine *e;
	struct store *store;
	bool more;
};

static bool look(struct db *db, void *arg, struct err *err)
{
	struct looking *l = arg;
	struct engine *e = l->e;
	struct keeping *k = &e->keep;
	const struct journal_head *head = store_journal(l->store);
	switch (k->phase) {
	case KEEP_BEGIN:
		audit_begin(db, &k->audit);
		break;
	case KEEP_WALK:
		l->more = audit_walk(db, head, &k->audit, ENTRIES_A_STEP);
		break;
	case KEEP_LINKS:
		l->more = audit_links(db, e->treaty, &k->audit, &k->after, LINKS_A_STEP);
		break;
	default:
		audit_slots(db, e->treaty, &k->audit);
		break;
	}
	return db_ok(db);
}

/* What no row says any more is read in its place: coming upon a damaged row
 * mends it. */
static bool mend(struct db *db, void *arg, struct err *err)
{
	struct engine *e = arg;
	struct arena a;
	arena_init(&a);
	for (int i = 0; i < e->keep.audit.trouble_n; i++) {
		struct link l;
		int64_t id = e->keep.audit.trouble[i].link;
		if (!id || !link_get(db, e->treaty, id, &a, &l))
			continue;
		for (int s = 0; s < SIDES; s++)
			slot_get(db, e->treaty, &l, s, &a);
	}
	arena_finish(&a);
	return true;
}

/* They are told of as damaged, each with its records; nothing of it stays. */
static void forget_mended(struct keeping *k)
{
	int n = 0;
	for (int i = 0; i < k->audit.trouble_n; i++)
		if (!k->audit.trouble[i].link)
			k->audit.trouble[n++] = k->audit.trouble[i];
	k->audit.trouble_n = n;
	k->audit.trouble_total = n;
	k->told_ms = 0;
}

/* Of what is masked everywhere, what was overwritten is kept for less long. */
static bool forget_confidential(struct engine *e, struct db *db, int64_t before_ms)
{
	bool more = false;
	for (int r = 0; r < e->treaty->record_n; r++) {
		const struct treaty_record *type = &e->treaty->record[r];
		for (int i = 0; i < type->field_n; i++)
			if (type->field[i].confidential)
				more = mismatches_blank(db, sv_of(type->name),
							sv_of(type->field[i].name), before_ms,
							PRUNED_A_STEP) == PRUNED_A_STEP || more;
	}
	return more;
}

static bool prune(struct db *db, void *arg, struct err *err)
{
	struct looking *l = arg;
	struct engine *e = l->e;
	const struct retention *r = &e->o.retention;
	int64_t now = clock_now(e->clock);
	if (r->journal_ms) {
		int64_t last = journal_older(db, now - r->journal_ms, PRUNED_A_STEP);
		/* one alone, which may be a checkpoint, is not worth another */
		if (last > db_scalar(db, 0, "SELECT min(seq) FROM journal", "") &&
		    journal_prune(e->store, db, last, SV("retention")))
			l->more = true;
	}
	if (r->confidential_ms)
		l->more = forget_confidential(e, db, now - r->confidential_ms) || l->more;
	if (r->conflicts_ms) {
		int64_t before = now - r->conflicts_ms;
		l->more = mismatches_prune(db, before, PRUNED_A_STEP) == PRUNED_A_STEP || l->more;
		l->more = asides_prune(db, before, PRUNED_A_STEP) == PRUNED_A_STEP || l->more;
	}
	return true;
}

static bool one_look(struct engine *e, struct looking *l, struct err *err)
{
	struct keeping *k = &e->keep;
	if (!store_tx(l->store, look, l, err))
		return false;
	bool damaged = false;
	for (int i = 0; i < k->audit.trouble_n; i++)
		damaged = damaged || k->audit.trouble[i].link;
	if (damaged && !store_tx(e->store, mend, e, err))
		return false;
	if (damaged)
		forget_mended(k);
	return !k->audit.trouble_n || take_troubles(e, false, err);
}

static enum step_result next_part(struct engine *e, struct err *err)
{
	struct keeping *k = &e->keep;
	struct looking l = { .e = e, .store = e->o.beside ? e->o.beside : e->store };
	int64_t now = clock_now(e->clock);
	if (k->phase == KEEP_PRUNE) {
		if (!store_tx(e->store, prune, &l, err))
			return STEP_FAILED;
		if (l.more)
			return STEP_WORKED;
		k->next_ms = now + ROUND_EVERY_MS;
		move(e, KEEP_BEGIN);
		return take_troubles(e, true, err) ? STEP_IDLE : STEP_FAILED;
	}
	if (!one_look(e, &l, err))
		return STEP_FAILED;
	if (!l.more)
		move(e, k->phase + 1);
	else if (now - k->saved_ms >= SAVE_EVERY_MS && !store_tx(e->store, save_tx, e, err))
		return STEP_FAILED;
	return STEP_WORKED;
}

/* -------------------------------------------------------------- damaged rows */

static bool tell_asides(struct db *db, void *arg, struct err *err)
{
	struct engine *e = arg;
	struct arena a;
	struct aside *list;
	arena_init(&a);
	int64_t now = clock_now(e->clock);
	int n = asides_untold(db, ASIDES_A_STEP, now, &a, &list);
	for (int i = 0; i < n; i++) {
		struct link l;
		bool slot = sv_eq(list[i].table, SV("slot"));
		struct json_object *o = json_object_new_object();
		json_put_i64(o, "treaty", e->treaty->version);
		json_put_sv(o, "row", list[i].table);
		journal_add(e->store, db, list[i].link, "set aside", o);
		log_error("keep", "%s of link %lld could not be read and was set aside",
			  slot ? "a pending write" : "the row", (long long)list[i].link);
		if (!link_get(db, e->treaty, list[i].link, &a, &l))
			continue;
		mismatch_damaged(db, &e->treaty->record[l.record], &l,
				 slot ? SV("a pending write could not be read: both records are looked "
					   "at anew") :
					SV("the link's row could not be read: what was agreed is "
					   "forgotten, and the values meet anew"),
				 now);
		mark_link(e, db, &l, 3, now, "damaged");
	}
	arena_finish(&a);
	return true;
}

enum step_result engine_keep(struct engine *e, struct err *err)
{
	struct keeping *k = &e->keep;
	int64_t now = clock_now(e->clock);
	if (!k->loaded && !store_tx(e->store, load, e, err))
		return STEP_FAILED;
	if (now - k->told_ms >= TELL_EVERY_MS) {
		k->told_ms = now;
		if (!store_tx(e->store, tell_asides, e, err))
			return STEP_FAILED;
	}
	return now >= k->next_ms ? next_part(e, err) : STEP_IDLE;
}

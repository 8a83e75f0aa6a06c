/* decide.c - dirty records: read, settled, stored.
 *
 * A batch of units goes through rounds: read what is wanted, decide in a
 * transaction; a unit whose plan needs the other side takes part in the next
 * round. What cannot be read now (its system is down) is decided as far as it
 * goes, and its marks stay for later. */
#include "flow/flow.h"
#include "store/mismatches.h"
#include "store/pauses.h"

enum { BATCH = 1000, CHUNK = 200, ROUNDS = 4 };
enum { STAMP_SLACK_MS = 1000, LAG_MS = 3000, LAG_RETRY_MS = 500, REFUSED_MS = 60 * 1000 };

/* A link, or a record that has none yet, on its way through the rounds. */
struct unit {
	/* id 0: no row yet; then only remote[known] is set. Without its fields,
	 * except while the unit is decided. */
	struct link link;
	enum side known;
	const struct mark *mark[SIDES]; /* NULL: none */
	unsigned want, got;		/* sides: 1 << side */
	struct observation *seen[SIDES];
	bool create_lost; /* its creation got no answer: to be looked up again */
	bool asked; /* 'lookup' is filled */
	bool refused; /* its look-up was, for a reason of its own */
	struct lookup lookup;
	bool done;
};

struct batch {
	struct engine *e;
	int record;
	struct unit *unit;
	int n;
	int from; /* the chunk of the transaction */
	unsigned down; /* sides that cannot be read now */
	bool last_round;
	bool counted; /* something that the guard counts */
	struct arena *a;       /* of the batch: what one round leaves to the next */
	struct arena *scratch; /* of one unit: a row and its plan take 30 KB */
	struct looked_at looked; /* by unit */
	struct err *err; /* why a side is down */
};

static unsigned bit(enum side s)
{
	return 1u << s;
}

/* -------------------------------------------------------------- looked at */

static void look_end(struct batch *b)
{
	pthread_mutex_lock(&b->e->looked_mutex);
	for (struct looked_at **at = &b->e->looked; *at; at = &(*at)->next)
		if (*at == &b->looked) {
			*at = b->looked.next;
			break;
		}
	pthread_mutex_unlock(&b->e->looked_mutex);
}

/* In the transaction that picks the units, so that a write is either sent
 * before, and the unit waits for its answer, or waits itself. */
static void look_begin(struct batch *b)
{
	look_end(b); /* the transaction is tried again */
	b->looked.link = arena_alloc(b->a, sizeof(*b->looked.link) * (size_t)(b->n + 1));
	b->looked.n = b->n;
	for (int i = 0; i < b->n; i++)
		b->looked.link[i] = b->unit[i].done ? 0 : b->unit[i].link.id;
	pthread_mutex_lock(&b->e->looked_mutex);
	b->looked.next = b->e->looked;
	b->e->looked = &b->looked;
	pthread_mutex_unlock(&b->e->looked_mutex);
}

bool being_looked_at(struct engine *e, int64_t link)
{
	bool found = false;
	pthread_mutex_lock(&e->looked_mutex);
	for (const struct looked_at *l = e->looked; l && !found; l = l->next)
		for (int i = 0; i < l->n && !found; i++)
			found = l->link[i] == link;
	pthread_mutex_unlock(&e->looked_mutex);
	return found;
}

/* ------------------------------------------------------------------- pick */

static struct unit *unit_of(struct batch *b, const struct link *l)
{
	for (int i = 0; l->id && i < b->n; i++)
		if (b->unit[i].link.id == l->id)
			return &b->unit[i];
	struct unit *u = &b->unit[b->n++];
	*u = (struct unit){ .link = *l };
	return u;
}

/* Of a row only what the rounds need; the scratch arena is the next unit's. */
static void keep_head(struct batch *b, struct unit *u)
{
	for (int s = 0; s < SIDES; s++)
		u->link.remote[s] = u->done || !u->link.remote[s].len ?
					    SV_NONE :
					    arena_sv(b->a, u->link.remote[s]);
	u->link.field = NULL;
	u->link.ghost = NULL;
	u->link.ghost_n = 0;
	arena_reset(b->scratch);
}

/* What the write under way overwrites of what was just read is said now: when
 * the answer is there, no read shows it any more. */
static void note_under_way(struct batch *b, struct db *db, struct unit *u,
			   const struct slot *slot, enum side s)
{
	const struct treaty_record *type = &b->e->treaty->record[b->record];
	struct finding *f;
	if (!u->seen[s] || u->seen[s]->seq < u->link.fresh_seq[s])
		return;
	resolve_references(b->e, db, b->record, s, u->seen[s], b->a);
	int n = settle_under_way(type, &u->link, slot, s, u->seen[s], b->scratch, &f);
	for (int i = 0; i < n; i++)
		mismatch_note(db, type, &u->link, &f[i], SV("read"), clock_now(b->e->clock));
}

/* A record whose write is under way is looked at when the answer is there. */
static bool in_flight(struct batch *b, struct db *db, struct unit *u)
{
	const struct treaty *t = b->e->treaty;
	for (int s = 0; s < SIDES; s++) {
		struct slot slot = slot_get(db, t, &u->link, s, b->scratch);
		if (slot.state != SLOT_SENT)
			continue;
		if (!u->link.field && !link_get(db, t, u->link.id, b->scratch, &u->link))
			return false;
		for (int k = 0; k < SIDES; k++)
			if (u->mark[k])
				mark_wait(db, t, u->mark[k]);
		note_under_way(b, db, u, &slot, (enum side)s);
		u->link.marks_wait = true;
		link_put(b->e->store, db, t, &u->link);
		u->done = true;
		return true;
	}
	return false;
}

static bool pick(struct db *db, void *arg, struct err *err)
{
	struct batch *b = arg;
	const struct treaty *t = b->e->treaty;
	struct mark *m;
	int n = marks_due(db, t, clock_now(b->e->clock), BATCH, b->a, &m);
	b->unit = arena_array(b->a, struct unit, n + 1);
	for (int i = 0; i < n; i++) {
		struct link l;
		b->record = m[i].record;
		if (!link_find(db, t, m[i].record, m[i].side, m[i].remote, b->scratch, &l)) {
			l = (struct link){ .record = m[i].record };
			l.remote[m[i].side] = m[i].remote;
		}
		struct unit *u = unit_of(b, &l);
		u->mark[m[i].side] = &m[i];
		u->want |= m[i].reads;
		u->known = l.remote[m[i].side].len && !l.remote[side_other(m[i].side)].len ?
				   m[i].side :
				   SIDE_ATS;
		keep_head(b, u);
	}
	for (int i = 0; i < b->n; i++) {
		struct unit *u = &b->unit[i];
		if (u->link.state != LINK_LINKED && u->link.state != LINK_BROKEN)
			u->want = bit(u->known); /* there is no other side yet */
		if (u->link.id)
			in_flight(b, db, u);
		keep_head(b, u);
	}
	look_begin(b);
	return true;
}

/* ------------------------------------------------------------------- read */

static void read_side(struct batch *b, enum side side)
{
	struct sv *id = arena_array(b->a, struct sv, b->n + 1);
	struct unit **of = arena_array(b->a, struct unit *, b->n + 1);
	int n = 0;
	for (int i = 0; i < b->n; i++) {
		struct unit *u = &b->unit[i];
		if (u->done || !(u->want & ~u->got & bit(side)) || !u->link.remote[side].len)
			continue;
		of[n] = u;
		id[n++] = u->link.remote[side];
	}
	struct observation *seen;
	if (n == 0)
		return;
	if (!read_records(b->e, b->record, side, id, n, b->a, &seen, b->err))
		b->down |= bit(side);
	for (int i = 0; i < n; i++) {
		if (!seen[i].seq)
			continue; /* the budget ended before it, or the system went away */
		of[i]->seen[side] = &seen[i];
		of[i]->got |= bit(side);
	}
}

static bool needs_lookup(const struct unit *u)
{
	if (u->done || u->asked || u->refused || !u->seen[u->known] ||
	    u->seen[u->known]->existence != EXISTENCE_PRESENT)
		return false;
	return u->link.id == 0 || u->link.state == LINK_LOOKUP || u->create_lost;
}

/* A link that is being created is looked up again only after a lost answer. */
static bool creation_lost(struct db *db, void *arg, struct err *err)
{
	struct batch *b = arg;
	for (int i = 0; i < b->n; i++) {
		struct unit *u = &b->unit[i];
		if (u->link.state != LINK_CREATING || !u->link.id)
			continue;
		struct slot s =
			slot_get(db, b->e->treaty, &u->link, side_other(u->known), b->scratch);
		arena_reset(b->scratch);
		u->create_lost = s.state == SLOT_LOST;
	}
	return true;
}

static void look_up_all(struct batch *b)
{
	bool creating = false;
	for (int i = 0; i < b->n; i++)
		creating = creating || b->unit[i].link.state == LINK_CREATING;
	if (creating && !store_tx(b->e->store, creation_lost, b, b->err))
		return;
	for (int i = 0; i < b->n; i++) {
		struct unit *u = &b->unit[i];
		if (!needs_lookup(u))
			continue;
		struct err why = { 0 };
		u->asked = look_up(b->e, b->record, u->known, u->link.remote[u->known],
				   u->seen[u->known], b->a, &u->lookup, &why);
		if (u->asked)
			continue;
		if (!b->err->code)
			*b->err = why;
		/* a question that one record gives rise to stops no other's */
		u->refused = why.code == ERR_REJECTED || why.code == ERR_BAD_INPUT ||
			     why.code == ERR_UNSUPPORTED || why.code == ERR_TOO_BIG;
		if (!u->refused) {
			b->down |= bit(side_other(u->known));
			return;
		}
	}
}

/* The owner's history is read after the record: what the list then lacks is a
 * divergence, not a step still to come. */
static void read_steps(struct batch *b)
{
	for (int s = 0; s < SIDES; s++) {
		bool seen = false;
		for (int i = 0; i < b->n; i++)
			seen = seen || (b->unit[i].seen[s] && !b->unit[i].done);
		if (seen && !read_history(b->e, b->record, s, b->a, b->err)) {
			b->down |= bit(s);
			for (int i = 0; i < b->n; i++) {
				b->unit[i].seen[s] = NULL;
				b->unit[i].got &= ~bit(s);
			}
		}
	}
}

/* ----------------------------------------------------------------- decide */

/* How many there were to consume. */
static int64_t settle_marks(struct batch *b, struct db *db, struct unit *u)
{
	int64_t n = 0;
	for (int s = 0; s < SIDES; s++)
		if (u->mark[s])
			n += mark_settled(db, b->e->treaty, u->mark[s]);
	u->done = true;
	return n;
}

static void postpone(struct batch *b, struct db *db, struct unit *u, int64_t due_ms,
		     unsigned reads)
{
	for (int s = 0; s < SIDES; s++)
		if (u->mark[s])
			mark_later(db, b->e->treaty, u->mark[s], due_ms, reads);
	u->done = true;
}

/* When a side that is down may be asked again. */
static int64_t retry_ms(const struct batch *b, unsigned sides)
{
	int64_t at = clock_now(b->e->clock) + 1000;
	for (int s = 0; s < SIDES; s++)
		if (sides & bit(s)) {
			int64_t ready = governor_ready_ms(&b->e->governor[s]);
			at = ready > at ? ready : at;
		}
	return at;
}

/* The same for what waits by the treaty's own schedule. That is slower, but
 * whoever waits is woken when the system is back (see engine_tick). */
static int64_t try_again_ms(const struct batch *b, unsigned sides, const struct plan *p)
{
	int64_t at = retry_ms(b, sides);
	bool down = false;
	for (int s = 0; s < SIDES; s++)
		down = down || (sides & bit(s) && governor_is_down(&b->e->governor[s], NULL, NULL));
	return down && p->retry_ms > at ? p->retry_ms : at;
}

static void now_linked(struct batch *b, struct db *db, struct unit *u, const char *how)
{
	u->link.state = LINK_LINKED;
	u->link.existence[SIDE_ATS] = u->link.existence[SIDE_SALESFORCE] = EXISTENCE_PRESENT;
	link_put(b->e->store, db, b->e->treaty, &u->link);
	note_link(b->e, db, &u->link, how);
	u->want = bit(SIDE_ATS) | bit(SIDE_SALESFORCE);
}

static void ambiguous(struct batch *b, struct db *db, struct unit *u, struct sv detail)
{
	mismatch_ambiguous(db, &b->e->treaty->record[b->record], u->known,
			   u->link.remote[u->known], detail, clock_now(b->e->clock));
	settle_marks(b, db, u);
}

/* The look-up found the counterpart. It may be on its way to a link itself. */
static void join(struct batch *b, struct db *db, struct unit *u)
{
	const struct treaty *t = b->e->treaty;
	enum side other = side_other(u->known);
	struct link theirs;
	bool taken = link_find(db, t, b->record, other, u->lookup.remote, b->scratch, &theirs) &&
		     theirs.id != u->link.id;
	if (taken && sv_eq(theirs.remote[u->known], u->link.remote[u->known])) {
		u->link = theirs; /* the counterpart's own mark was faster */
		u->want = bit(SIDE_ATS) | bit(SIDE_SALESFORCE);
		return;
	}
	if (taken && theirs.remote[u->known].len) {
		ambiguous(b, db, u,
			  arena_printf(b->scratch, "%s %.*s fits, but is linked to %.*s already",
				       side_name[other], SV_ARG(u->lookup.remote),
				       SV_ARG(theirs.remote[u->known])));
		return;
	}
	if (taken) {
		struct slot s = slot_get(db, t, &theirs, u->known, b->scratch);
		if (s.state == SLOT_SENT) { /* it is just being created here */
			postpone(b, db, u, clock_now(b->e->clock) + 1000, 0);
			return;
		}
		drop_slots_of(b->e->store, b->e->treaty, db, theirs.id, "linked to another record");
		link_delete(db, theirs.id, clock_now(b->e->clock));
	}
	u->link.remote[other] = u->lookup.remote;
	now_linked(b, db, u, "looked up");
}

static void wait_for_reference(struct batch *b, struct db *db, struct unit *u)
{
	if (link_of(db, b->e->treaty, u->lookup.wait_record, u->known, u->lookup.wait_remote)) {
		u->asked = false; /* linked since: who waits now is not told of it */
		return;
	}
	u->link.state = LINK_LOOKUP;
	link_put(b->e->store, db, b->e->treaty, &u->link);
	link_wait_for(db, b->e->treaty, &u->link, u->lookup.wait_record, u->known,
		      u->lookup.wait_remote);
	settle_marks(b, db, u);
}

/* A record without a counterpart so far. True when settle has to go on. */
static bool take_lookup(struct batch *b, struct db *db, struct unit *u)
{
	const struct observation *seen = u->seen[u->known];
	if (seen && seen->existence != EXISTENCE_PRESENT)
		settle_marks(b, db, u); /* gone before it was linked */
	if (u->done || !u->asked)
		return false; /* not asked: the other side is down */
	switch (u->lookup.result) {
	case LOOKUP_LINKED:
		join(b, db, u);
		return false;
	case LOOKUP_AMBIGUOUS:
		ambiguous(b, db, u, u->lookup.detail);
		return false;
	case LOOKUP_WAIT:
		wait_for_reference(b, db, u);
		return false;
	case LOOKUP_NONE:
		settle_marks(b, db, u);
		return false;
	case LOOKUP_CREATE:
		u->link.state = LINK_CREATING;
		u->link.existence[u->known] = EXISTENCE_PRESENT;
		link_put(b->e->store, db, b->e->treaty, &u->link);
		note_link(b->e, db, &u->link, "to be created");
		return true;
	}
	return false;
}

/* A create without an answer is repeated only when a fresh look-up finds
 * nothing and the request cannot be executed any more, or where a unique key
 * makes repeating harmless. True when settle has to go on. */
static bool after_lost_create(struct batch *b, struct db *db, struct unit *u, struct slot *slot)
{
	enum side to = side_other(u->known);
	const struct treaty_record *type = &b->e->treaty->record[b->record];
	int64_t now = clock_now(b->e->clock);
	if (!u->asked)
		return false; /* the other side is down, or it was lost just now */
	if (u->lookup.result == LOOKUP_LINKED) {
		slot->field_n = 0;
		slot_move(slot, SLOT_IDLE);
		slot_put(db, b->e->treaty, &u->link, to, slot);
		note_end(b->e->store, b->e->treaty, db, u->link.id, OUTCOME_RESOLVED, slot->decision,
			 "a look-up found the record");
		join(b, db, u);
		return false;
	}
	if (u->lookup.result == LOOKUP_AMBIGUOUS) {
		ambiguous(b, db, u, u->lookup.detail);
		return false;
	}
	bool repeatable = (b->e->system[to]->shape.can & CAN_UPSERT) && type->side[to].key;
	int64_t safe_ms = slot->sent_ms + b->e->request_ms[to];
	if (!repeatable && now < safe_ms) {
		postpone(b, db, u, safe_ms, 0);
		return false;
	}
	/* where a key makes repeating harmless, the first may still arrive late
	 * and bring its values back */
	settle_lost(&u->link, slot, to, safe_ms, b->scratch);
	slot_move(slot, SLOT_DECIDED);
	slot_put(db, b->e->treaty, &u->link, to, slot);
	return true;
}

/* The fields that a mark names, or NULL: it does not tell. */
static const bool *named_fields(struct batch *b, struct sv keys)
{
	const struct treaty_record *type = &b->e->treaty->record[b->record];
	if (!keys.ptr)
		return NULL;
	bool *named = arena_array(b->scratch, bool, type->field_n);
	for (size_t at = 0; at + 4 <= keys.len; at += 4) {
		uint32_t key;
		memcpy(&key, keys.ptr + at, 4);
		int i = treaty_field_by_key(type, key);
		if (i >= 0)
			named[i] = true;
	}
	return named;
}

/* The record was merged into one that has no link of its own: the link goes on
 * with the survivor, whose values are met for the first time. */
static bool follow_survivor(struct batch *b, struct db *db, struct unit *u)
{
	const struct treaty *t = b->e->treaty;
	for (int s = 0; s < SIDES; s++) {
		const struct observation *seen = u->seen[s];
		struct link theirs;
		if (!seen || seen->existence != EXISTENCE_MERGED || !seen->merged_into.len)
			continue;
		if (link_find(db, t, b->record, s, seen->merged_into, b->scratch, &theirs)) {
			if (theirs.remote[side_other(s)].len ||
			    slot_get(db, t, &theirs, side_other(s), b->scratch).state == SLOT_SENT)
				continue; /* two records became one: a person's */
			drop_slots_of(b->e->store, b->e->treaty, db, theirs.id, "linked to another record");
			link_delete(db, theirs.id, clock_now(b->e->clock));
		}
		for (int i = 0; i < t->record[b->record].field_n; i++)
			u->link.field[i] = (struct link_field){ 0 };
		u->link.remote[s] = seen->merged_into;
		u->link.ghost_n = 0;
		u->link.fresh_seq[s] = store_seq_next(b->e->store, db);
		drop_slots_of(b->e->store, b->e->treaty, db, u->link.id,
			      "merged into another record");
		now_linked(b, db, u, "merged into it");
		/* our own mark is of the loser, which has no link any more */
		mark_link(b->e, db, &u->link, bit(SIDE_ATS) | bit(SIDE_SALESFORCE),
			  clock_now(b->e->clock), "merged");
		mismatch_close_link(db, u->link.id, MISMATCH_UNDELIVERABLE, SV("merged"),
				    clock_now(b->e->clock));
		u->seen[s] = NULL;
		u->got &= ~bit(s);
		return true;
	}
	return false;
}

/* What is older than our own last write, or than what was settled since, would
 * bring an old value back. */
static void drop_stale(struct unit *u)
{
	for (int s = 0; s < SIDES; s++)
		if (u->seen[s] && u->seen[s]->seq < u->link.fresh_seq[s]) {
			u->seen[s] = NULL;
			u->got &= ~bit(s);
		}
}

/* The row's own stamp is older than the change that the feed told of: a replica
 * that lags. Bounded, because a stamp may also stay older for good: Salesforce
 * sets it before a long transaction commits, Bullhorn not for every change. */
static bool lags(const struct batch *b, const struct unit *u)
{
	for (int s = 0; s < SIDES; s++)
		if (u->mark[s] && u->seen[s] && u->seen[s]->modified_ms &&
		    u->mark[s]->changed_ms > u->seen[s]->modified_ms + STAMP_SLACK_MS &&
		    clock_now(b->e->clock) - u->mark[s]->first_ms < LAG_MS)
			return true;
	return false;
}

static void store_plan(struct batch *b, struct db *db, struct unit *u, struct plan *p,
		       const struct settle_input *in, int64_t marks)
{
	const struct treaty *t = b->e->treaty;
	const struct treaty_record *type = &t->record[b->record];
	struct link l = p->link;
	const char *source = "fence";
	for (int s = 0; s < SIDES; s++) {
		if (u->seen[s] && u->seen[s]->seq > l.fresh_seq[s])
			l.fresh_seq[s] = u->seen[s]->seq;
		if (u->mark[s])
			source = u->mark[s]->source;
	}
	link_put(b->e->store, db, t, &l);
	b->counted = guard_note(b->e, db, in->link, p) || b->counted;
	note_decision(b->e, db, p, in, source, marks);
	for (int s = 0; s < SIDES; s++)
		if (p->slot_changed[s])
			slot_put(db, t, &l, s, &p->slot[s]);
	for (int i = 0; i < p->spent_n; i++)
		steps_spent(db, type, l.id, p->spent[i].field, p->spent[i].id);
	for (int i = 0; i < p->finding_n; i++)
		mismatch_note(db, type, &l, &p->finding[i], sv_of(source), in->now_ms);
	for (int i = 0; i < type->field_n; i++) {
		if (l.field[i].hold != HOLD_REFERENCE)
			continue;
		for (int s = 0; s < SIDES; s++)
			if (u->seen[s] && u->seen[s]->value[i].kind == VALUE_REF)
				link_wait_for(db, t, &l, type->field[i].type.link_record, s,
					      u->seen[s]->value[i].text);
	}
	u->link = l;
}

/* Settles; what the owner shows and no step says becomes a step first. */
static void run_settle(struct batch *b, struct db *db, struct settle_input *in, struct plan *p)
{
	struct step *step;
	in->step_n = steps_of(db, in->type, in->link->id, b->scratch, &step);
	in->step = step;
	settle(in, b->scratch, p);
	if (!p->divergence_n)
		return;
	for (int i = 0; i < p->divergence_n; i++)
		step_divergence(db, in->type, in->link->id, p->divergence[i].field, in->now_ms,
				p->divergence[i].value);
	in->step_n = steps_of(db, in->type, in->link->id, b->scratch, &step);
	in->step = step;
	settle(in, b->scratch, p);
}

/* Fields that somebody stopped, and those that a system does not show. */
static const bool *paused_fields(struct batch *b, struct db *db)
{
	const struct treaty_record *type = &b->e->treaty->record[b->record];
	bool *paused = arena_array(b->scratch, bool, type->field_n), any = false;
	const bool *stopped = pause_any(db) ? pause_fields(db, type, b->scratch) : NULL;
	for (int i = 0; i < type->field_n; i++) {
		paused[i] = (stopped && stopped[i]) || field_absent(b->e, b->record, i);
		any = any || paused[i];
	}
	return any ? paused : NULL;
}

static void decide_unit(struct batch *b, struct db *db, struct unit *u)
{
	struct engine *e = b->e;
	struct slot slot[SIDES];
	if (u->link.id && !link_get(db, e->treaty, u->link.id, b->scratch, &u->link)) {
		settle_marks(b, db, u);
		return;
	}
	struct link l;
	if (!u->link.id &&
	    link_find(db, e->treaty, b->record, u->known, u->link.remote[u->known], b->scratch, &l)) {
		u->link = l; /* linked since it was picked */
		if (l.state == LINK_LINKED)
			u->want = bit(SIDE_ATS) | bit(SIDE_SALESFORCE);
	}
	if (!u->link.field)
		u->link.field = link_blank(e->treaty, b->record, b->scratch).field;
	if (u->link.id && in_flight(b, db, u))
		return;
	if ((u->link.id == 0 || u->link.state == LINK_LOOKUP) && !take_lookup(b, db, u))
		return;
	for (int s = 0; s < SIDES; s++)
		slot[s] = slot_get(db, e->treaty, &u->link, s, b->scratch);
	enum side to = side_other(u->known);
	if (u->link.state == LINK_CREATING && slot[to].state == SLOT_LOST &&
	    !after_lost_create(b, db, u, &slot[to]))
		return;

	drop_stale(u);
	if (lags(b, u)) {
		postpone(b, db, u, clock_now(e->clock) + LAG_RETRY_MS, 0);
		return;
	}
	if (follow_survivor(b, db, u)) {
		if (!b->last_round)
			return;
		slot[SIDE_ATS] = slot[SIDE_SALESFORCE] = (struct slot){ 0 };
	}
	unsigned missing = u->want & ~u->got;
	if (missing & ~b->down && !b->last_round)
		return; /* read again what became stale */
	struct settle_input in = {
		.type = &e->treaty->record[b->record], .link = &u->link,
		.now_ms = clock_now(e->clock),
		.paused = paused_fields(b, db),
	};
	for (int s = 0; s < SIDES; s++) {
		if (u->seen[s])
			resolve_references(e, db, b->record, s, u->seen[s], b->a);
		in.seen[s] = u->seen[s];
		in.away[s] = b->down & bit(s);
		in.slot[s] = &slot[s];
		in.author[s] = u->mark[s] ? u->mark[s]->author : AUTHOR_UNKNOWN;
		if (u->mark[s]) {
			in.own_field[s] = in.author[s] == AUTHOR_OWN ?
						  named_fields(b, u->mark[s]->own) :
						  NULL;
			in.foreign_field[s] = named_fields(b, u->mark[s]->stranger);
			in.changed_ms[s] = u->mark[s]->changed_ms;
		}
		in.longest_request_ms[s] = e->request_ms[s];
	}
	struct plan p;
	run_settle(b, db, &in, &p);

	unsigned need = missing;
	for (int s = 0; s < SIDES; s++)
		if (p.need[s] && u->link.remote[s].len)
			need |= bit(s);
	if (need & ~b->down && !b->last_round) {
		u->want |= need;
		return;
	}
	store_plan(b, db, u, &p, &in, need ? 0 : settle_marks(b, db, u));
	if (p.link.state == LINK_LOOKUP) /* it was deleted and is to be made again */
		mark_link(e, db, &p.link, bit(p.link.remote[SIDE_ATS].len ? SIDE_ATS : SIDE_SALESFORCE),
			  in.now_ms, "deleted");
	if (need)
		postpone(b, db, u, try_again_ms(b, need, &p), need);
}

static bool decide_chunk(struct db *db, void *arg, struct err *err)
{
	struct batch *b = arg;
	int to = b->from + CHUNK < b->n ? b->from + CHUNK : b->n;
	b->counted = false;
	for (int i = b->from; i < to; i++)
		if (!b->unit[i].done) {
			decide_unit(b, db, &b->unit[i]);
			keep_head(b, &b->unit[i]);
		}
	if (b->counted)
		guard_check(b->e, db, b->record);
	return true;
}

static bool postpone_rest(struct db *db, void *arg, struct err *err)
{
	struct batch *b = arg;
	for (int i = 0; i < b->n; i++)
		if (!b->unit[i].done)
			postpone(b, db, &b->unit[i],
				 b->unit[i].refused ? clock_now(b->e->clock) + REFUSED_MS :
						      retry_ms(b, b->down),
				 0);
	return true;
}

static bool run_rounds(struct batch *b, struct err *err)
{
	bool open = true;
	for (int round = 0; open && round < ROUNDS; round++) {
		b->last_round = round == ROUNDS - 1;
		for (int s = 0; s < SIDES; s++)
			if (!(b->down & bit(s)))
				read_side(b, s);
		read_steps(b);
		look_up_all(b);
		for (b->from = 0; b->from < b->n; b->from += CHUNK) {
			if (!store_tx(b->e->store, decide_chunk, b, err))
				return false;
			for (int i = b->from; i < b->n && i < b->from + CHUNK; i++)
				if (b->unit[i].done)
					b->looked.link[i] = 0;
		}
		open = false;
		for (int i = 0; i < b->n; i++)
			open = open || !b->unit[i].done;
	}
	return !open || store_tx(b->e->store, postpone_rest, b, err);
}

enum step_result engine_settle(struct engine *e, struct err *err)
{
	struct arena a, scratch;
	arena_init(&a);
	arena_init(&scratch);
	struct err why = { 0 };
	struct batch b = { .e = e, .a = &a, .scratch = &scratch, .err = &why };
	bool ok = store_tx(e->store, pick, &b, err);
	enum step_result r = !ok ? STEP_FAILED : b.n ? STEP_WORKED : STEP_IDLE;
	if (ok && b.n && !run_rounds(&b, err))
		r = STEP_FAILED;
	look_end(&b);
	if (r == STEP_WORKED && why.code) {
		if (err && !err->code)
			*err = why;
		r = STEP_FAILED;
	}
	arena_finish(&scratch);
	arena_finish(&a);
	return r;
}

struct again {
	struct batch *b;
	const int64_t *link;
	int n;
};

static bool pick_links(struct db *db, void *arg, struct err *err)
{
	struct again *g = arg;
	for (int i = 0; i < g->n; i++) {
		struct unit u = { .want = bit(SIDE_ATS) | bit(SIDE_SALESFORCE) };
		if (!link_get(db, g->b->e->treaty, g->link[i], g->b->scratch, &u.link))
			continue;
		keep_head(g->b, &u);
		g->b->unit[g->b->n++] = u;
	}
	look_begin(g->b);
	return true;
}

bool settle_again(struct engine *e, int record, const int64_t *link, int n, struct arena *a,
		  struct err *err)
{
	struct err why = { 0 };
	struct arena scratch;
	arena_init(&scratch);
	struct batch b = { .e = e, .record = record, .a = a, .scratch = &scratch, .err = &why,
			   .unit = arena_array(a, struct unit, n + 1) };
	struct again g = { &b, link, n };
	bool ok = store_tx(e->store, pick_links, &g, err) && run_rounds(&b, err);
	look_end(&b);
	arena_finish(&scratch);
	if (!ok)
		return false;
	if (why.code && err && !err->code)
		*err = why;
	return !why.code;
}

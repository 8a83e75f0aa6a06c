/* deliver.c - slots of one side: fenced, sent, answered.
 *
 * A slot is stored as SENT before its request goes out, so that a death in
 * between is a lost answer and never a forgotten one. */
#include "flow/flow.h"
#include "store/ledger.h"
#include "store/mismatches.h"
#include "store/pauses.h"

enum { BUSY_FIRST_MS = 2000, BUSY_MAX_MS = 5 * 60 * 1000, FENCE_AGAIN_MS = 1000 };
/* So long after its decision a write waits for a read that is under way; not
 * longer, or a record that is edited all the time would never be written. */
enum { LOOK_MS = 5000 };
/* Where a pause parks a slot. */
#define PAUSED_MS (INT64_MAX / 4)

struct sending {
	struct link link; /* without its fields, but while its answer is taken */
	struct slot slot;
	int *of; /* write field -> slot field */
};

struct parcel {
	struct engine *e;
	enum side side;
	struct arena *a;
	struct arena *scratch; /* of one row */
	int record;
	struct sending *s;
	struct write *w;
	int n;
	int64_t *stale; /* links whose fence is too old */
	int stale_n;
	bool parked; /* a slot made room for those behind it */
	int64_t confirmed;
};

/* ------------------------------------------------------------------- pick */

/* The write of one slot. False when a reference has no record on this side
 * any more: then it is decided anew. */
static bool prepare_write(struct parcel *p, struct db *db, struct sending *s, struct write *w)
{
	struct engine *e = p->e;
	const struct treaty_record *type = &e->treaty->record[s->link.record];
	struct connector *c = e->system[p->side];
	enum side origin = side_other(p->side);
	bool upsert = s->slot.create && (c->shape.can & CAN_UPSERT) && type->side[p->side].key;
	struct write_field *field = arena_array(p->a, struct write_field, s->slot.field_n + 1);
	*w = (struct write){
		.op = !s->slot.create ? WRITE_UPDATE : upsert ? WRITE_UPSERT : WRITE_CREATE,
		.object = &e->reading[p->side][s->link.record]->object,
		.id = s->link.remote[p->side],
		.key_value = s->link.remote[origin],
		.field = field,
	};
	s->of = arena_array(p->a, int, s->slot.field_n + 1);
	for (int k = 0; k < s->slot.field_n; k++) {
		const struct slot_field *sf = &s->slot.field[k];
		const struct treaty_field *f = &type->field[sf->field];
		struct value v = sf->target;
		if (s->slot.create && value_blank(v))
			continue;
		if (upsert && sf->field == type->side[p->side].key_field)
			continue;
		if (v.kind == VALUE_LINK) {
			int64_t id = 0;
			sv_to_i64(v.text, &id);
			v = (struct value){ VALUE_REF, link_remote(db, id, p->side, p->a) };
			if (!v.text.len)
				return false;
		}
		s->of[w->field_n] = k;
		field[w->field_n++] = (struct write_field){ f->api[p->side], f->type, v };
	}
	return true;
}

/* A call carries many rows at the price of one: what is fewer waits a moment
 * when more is being decided, but not when it is all there is. */
static bool more_to_come(struct parcel *p, struct db *db, int64_t first, int n, int64_t now)
{
	if (n >= p->e->system[p->side]->shape.write_max || !p->e->o.gather_ms)
		return false;
	int64_t decided_ms = db_scalar(
		db, 0, "SELECT decided_ms FROM slot WHERE link = $1 AND side = $2", "ii", first,
		(int64_t)p->side);
	return now - decided_ms < p->e->o.gather_ms && marks_any_due(db, now);
}

static bool pick(struct db *db, void *arg, struct err *err)
{
	struct parcel *p = arg;
	struct engine *e = p->e;
	const struct treaty *t = e->treaty;
	int64_t now = clock_now(e->clock), *id;
	bool paused = pause_any(db);
	if (paused && (pause_is(db, SV("")) || pause_is(db, sv_of(side_name[p->side]))))
		return true;
	int n = slots_ready(db, p->side, now, e->system[p->side]->shape.write_max, p->a, &id);
	if (n > 0 && more_to_come(p, db, id[0], n, now))
		return true;
	p->s = arena_array(p->a, struct sending, n + 1);
	p->w = arena_array(p->a, struct write, n + 1);
	p->stale = arena_array(p->a, int64_t, n + 1);
	for (int i = 0; i < n; i++) {
		struct sending *s = &p->s[p->n];
		if (!link_head(db, t, id[i], p->a, &s->link))
			continue;
		p->record = s->link.record;
		s->slot = slot_get(db, t, &s->link, p->side, p->a);
		if (s->slot.state != SLOT_DECIDED) { /* it was damaged: see slots.h */
			p->parked = true;
			continue;
		}
		if (paused && pause_record(db, t, &s->link)) {
			s->slot.next_ms = PAUSED_MS;
			slot_put(db, t, &s->link, p->side, &s->slot);
			p->parked = true;
		} else if (s->slot.fence_ms && now - s->slot.fence_ms > e->fence_ms) {
			p->stale[p->stale_n++] = s->link.id;
		} else if (now - s->slot.decided_ms < LOOK_MS &&
			   being_looked_at(e, s->link.id)) {
			continue; /* decided anew in a moment */
		} else if (!prepare_write(p, db, s, &p->w[p->n])) {
			slot_move(&s->slot, SLOT_IDLE);
			slot_put(db, t, &s->link, p->side, &s->slot);
			note_end(e->store, e->treaty, db, s->link.id, OUTCOME_DROPPED, s->slot.decision,
				 "what it refers to is not linked any more");
			mark_link(e, db, &s->link, 3, now, "reference");
			p->parked = true;
		} else {
			s->slot.sent_ms = now;
			slot_move(&s->slot, SLOT_SENT);
			slot_put(db, t, &s->link, p->side, &s->slot);
			p->n++;
		}
	}
	/* a single row can be guarded against whoever writes after the fence */
	if (p->n == 1 && (e->system[p->side]->shape.can & CAN_CONDITION))
		p->w[0].unmodified_since_ms = p->s[0].slot.unmodified_ms;
	return true;
}

/* ----------------------------------------------------------------- answer */

static int64_t busy_ms(int attempts)
{
	int64_t ms = BUSY_FIRST_MS;
	for (int i = 0; i < attempts && ms < BUSY_MAX_MS; i++)
		ms *= 2;
	return ms < BUSY_MAX_MS ? ms : BUSY_MAX_MS;
}

/* Steps that wait, a resolution with its other half to write, fields that got
 * no base because they flow the other way: the link goes on. */
static void go_on(struct parcel *p, struct db *db, struct sending *s)
{
	const struct treaty_record *type = &p->e->treaty->record[s->link.record];
	struct step *step;
	int64_t now = clock_now(p->e->clock);
	bool unsettled = false;
	for (int i = 0; i < type->field_n; i++)
		unsettled = unsettled || (s->slot.create && !s->link.field[i].rule) ||
			    s->link.field[i].resolve != RESOLVE_NONE ||
			    s->link.field[i].hold == HOLD_DEPENDS;
	if (unsettled)
		mark_link(p->e, db, &s->link, 3,
			  now + (s->slot.create ? p->e->echo_linger_ms : 0), "answer");
	else if (steps_of(db, type, s->link.id, p->a, &step))
		mark_link(p->e, db, &s->link, 0, now, "step");
}

static void done(struct parcel *p, struct db *db, struct sending *s, const struct write *w)
{
	struct engine *e = p->e;
	const struct treaty_record *type = &e->treaty->record[s->link.record];
	if (s->slot.create) {
		struct link other;
		if (link_find(db, e->treaty, s->link.record, p->side, w->new_id, p->scratch, &other) &&
		    other.id != s->link.id) {
			/* the key led to a record that belongs to another */
			s->link.state = LINK_AMBIGUOUS;
			mismatch_ambiguous(db, type, side_other(p->side),
					   s->link.remote[side_other(p->side)],
					   arena_printf(p->a, "its key led to %s %.*s, which is linked "
							      "to another record",
							side_name[p->side], SV_ARG(w->new_id)),
					   clock_now(e->clock));
			return;
		}
		s->link.remote[p->side] = arena_sv(p->a, w->new_id);
		s->link.state = LINK_LINKED;
		s->link.existence[SIDE_ATS] = s->link.existence[SIDE_SALESFORCE] =
			EXISTENCE_PRESENT;
	}
	settle_confirm(type, &s->link, &s->slot, p->side, NULL, clock_now(e->clock));
	s->link.fresh_seq[p->side] = store_seq_next(e->store, db);
	for (int k = 0; k < s->slot.field_n; k++)
		if (s->slot.field[k].step_id.len)
			steps_spent(db, type, s->link.id, s->slot.field[k].field,
				    s->slot.field[k].step_id);
	p->confirmed++;
}

static bool named(const struct write *w, const char *api)
{
	for (int i = 0; i < w->bad_field_n; i++)
		if (strcmp(w->bad_field[i], api) == 0)
			return true;
	return false;
}

/* Does a field that the error names go together with this one? */
static bool goes_with_named(const struct treaty_record *type, const struct treaty_field *f,
			    const struct sending *s, enum side side, const struct write *w)
{
	for (int k = 0; f->together && k < s->slot.field_n; k++) {
		const struct treaty_field *other = &type->field[s->slot.field[k].field];
		if (other->together == f->together && named(w, other->api[side]))
			return true;
	}
	return false;
}

/* Fields that the error names are held, and the rest is sent again; when it
 * names none of ours, the write is held whole. Never bisected by trial: that
 * would ask a quota for what a person can read. */
static void rejected(struct parcel *p, struct db *db, struct sending *s, const struct write *w)
{
	const struct treaty_record *type = &p->e->treaty->record[s->link.record];
	struct slot left = s->slot;
	bool any = false;
	for (int k = 0; k < w->field_n; k++)
		any = any || named(w, w->field[k].api);
	left.field = arena_array(p->a, struct slot_field, s->slot.field_n + 1);
	left.field_n = 0;
	for (int k = 0; k < s->slot.field_n; k++) {
		const struct slot_field *sf = &s->slot.field[k];
		const struct treaty_field *f = &type->field[sf->field];
		if (any && !named(w, f->api[p->side]) &&
		    !goes_with_named(type, f, s, p->side, w)) {
			left.field[left.field_n++] = *sf;
			continue;
		}
		struct link_field *lf = &s->link.field[sf->field];
		lf->hold = any && !named(w, f->api[p->side]) ? HOLD_TOGETHER : HOLD_REJECTED;
		lf->held[p->side] = sf->target;
		lf->held[side_other(p->side)] = sf->source;
		if (lf->hold == HOLD_TOGETHER)
			continue;
		struct finding find = {
			.what = FINDING_OPEN, .kind = MISMATCH_REJECTED, .field = sf->field,
			.value = { lf->held[SIDE_ATS], lf->held[SIDE_SALESFORCE] },
			.detail = f->confidential ? SV("refused; the answer may quote the value") :
						    sv_of(w->err.what),
		};
		mismatch_note(db, type, &s->link, &find, SV("write"), clock_now(p->e->clock));
	}
	counter_add(db, "rejected", 1);
	/* a record cannot be made of nothing but its key */
	bool again = any && left.field_n > 0;
	left.attempts++;
	left.next_ms = 0;
	slot_move(&left, again ? SLOT_DECIDED : SLOT_IDLE);
	s->slot = left;
}

static void to_decided(struct sending *s, int64_t next_ms)
{
	s->slot.attempts++;
	s->slot.next_ms = next_ms;
	slot_move(&s->slot, SLOT_DECIDED);
}

static void take_answer(struct parcel *p, struct db *db, struct sending *s, const struct write *w)
{
	struct engine *e = p->e;
	int64_t now = clock_now(e->clock);
	switch (w->outcome) {
	case WRITE_DONE:
		done(p, db, s, w);
		slot_move(&s->slot, SLOT_IDLE);
		break;
	case WRITE_REJECTED:
		rejected(p, db, s, w);
		break;
	case WRITE_BUSY:
		to_decided(s, now + busy_ms(s->slot.attempts));
		break;
	case WRITE_NOT_SENT:
		to_decided(s, 0); /* the governor knows when the system is asked again */
		break;
	case WRITE_LOST:
		slot_move(&s->slot, SLOT_LOST);
		mark_link(e, db, &s->link,
			  s->slot.create ? 1u << side_other(p->side) : 1u << p->side, now, "lost");
		break;
	case WRITE_GONE:
		/* reads tell whether it is deleted or merged; if they show it, we
		 * may just not write it, and would go round at once */
		to_decided(s, now + busy_ms(s->slot.attempts));
		mark_link(e, db, &s->link, 3, now, "gone");
		break;
	case WRITE_AMBIGUOUS:
		s->link.state = LINK_AMBIGUOUS;
		mismatch_ambiguous(db, &e->treaty->record[s->link.record], side_other(p->side),
				   s->link.remote[side_other(p->side)], sv_of(w->err.what), now);
		slot_move(&s->slot, SLOT_IDLE);
		break;
	case WRITE_OVERTAKEN:
		/* a fence that is too old for anything: both sides are read
		 * again before it is sent; later and later, for a replica may
		 * show the old stamp for a while */
		s->slot.fence_ms = 1;
		to_decided(s, s->slot.attempts ? now + busy_ms(s->slot.attempts) : 0);
		break;
	}
}

static bool answer(struct db *db, void *arg, struct err *err)
{
	struct parcel *p = arg;
	const struct treaty *t = p->e->treaty;
	for (int i = 0; i < p->n; i++) {
		struct sending *s = &p->s[i];
		struct link l;
		/* marks may have begun to wait since */
		if (!link_get(db, t, s->link.id, p->scratch, &l))
			continue;
		struct slot sent = s->slot;
		s->link = l;
		take_answer(p, db, s, &p->w[i]);
		if (s->link.marks_wait) {
			s->link.marks_wait = false;
			marks_release(db, t, &s->link);
		}
		link_put(p->e->store, db, t, &s->link);
		slot_put(db, t, &s->link, p->side, &s->slot);
		if (p->w[i].outcome == WRITE_DONE)
			go_on(p, db, &(struct sending){ .link = s->link, .slot = sent });
		if (p->w[i].outcome != WRITE_NOT_SENT)
			note_answer(p->e, db, &s->link, p->side, &sent, &p->w[i],
				    s->slot.state == SLOT_IDLE);
		s->link = (struct link){ .id = s->link.id };
		arena_reset(p->scratch);
	}
	if (p->confirmed)
		counter_add(db, "confirmed", p->confirmed);
	return true;
}

/* ------------------------------------------------------------------- step */

/* Did any answer say that the system, not the record, is in trouble? */
static const struct err *system_error(const struct parcel *p)
{
	for (int i = 0; i < p->n; i++)
		if (p->w[i].err.code && p->w[i].err.scope == SCOPE_SYSTEM)
			return &p->w[i].err;
	return NULL;
}

static enum step_result send_parcel(struct parcel *p, struct err *err)
{
	struct engine *e = p->e;
	struct connector *c = e->system[p->side];
	struct err failed = { 0 };
	bool entered = governor_enter(&e->governor[p->side], &failed);
	if (!entered || !c->ops->write(c, p->w, p->n, p->a, &failed))
		for (int i = 0; i < p->n; i++)
			p->w[i].outcome = WRITE_NOT_SENT;
	const struct err *trouble = failed.code ? &failed : system_error(p);
	if (entered)
		governor_leave(&e->governor[p->side], trouble, c->usage.calls);
	if (!store_tx(e->store, answer, p, err))
		return STEP_FAILED;
	if (trouble && err && !err->code)
		*err = *trouble;
	return trouble ? STEP_FAILED : STEP_WORKED;
}

/* A fence that could not be renewed: a side cannot be read, or its own write is
 * under way. The slot steps aside for a moment; it would stand first in the
 * queue, and have all asked again, for as long as that lasts. */
static bool step_aside(struct db *db, void *arg, struct err *err)
{
	struct parcel *p = arg;
	const struct treaty *t = p->e->treaty;
	int64_t now = clock_now(p->e->clock);
	for (int i = 0; i < p->stale_n; i++) {
		struct link l;
		if (!link_get(db, t, p->stale[i], p->a, &l))
			continue;
		struct slot slot = slot_get(db, t, &l, p->side, p->a);
		if (slot.state != SLOT_DECIDED || now - slot.fence_ms <= p->e->fence_ms)
			continue;
		slot.next_ms = now + FENCE_AGAIN_MS;
		slot_put(db, t, &l, p->side, &slot);
	}
	return true;
}

static enum step_result renew_fences(struct parcel *p, struct err *err)
{
	bool ok = settle_again(p->e, p->record, p->stale, p->stale_n, p->a, err);
	return store_tx(p->e->store, step_aside, p, err) && ok ? STEP_WORKED : STEP_FAILED;
}

enum step_result engine_deliver(struct engine *e, enum side side, struct err *err)
{
	if (e->o.shadow || governor_ready_ms(&e->governor[side]) > clock_now(e->clock))
		return STEP_IDLE;
	if (!side_ready(e, side, err))
		return STEP_FAILED;
	struct arena a, scratch;
	arena_init(&a);
	arena_init(&scratch);
	struct parcel p = { .e = e, .side = side, .a = &a, .scratch = &scratch };
	enum step_result r = STEP_IDLE;
	if (!store_tx(e->store, pick, &p, err))
		r = STEP_FAILED;
	else if (p.n)
		r = send_parcel(&p, err);
	else if (p.parked)
		r = STEP_WORKED;
	if (r != STEP_FAILED && p.stale_n)
		r = renew_fences(&p, err);
	arena_finish(&scratch);
	arena_finish(&a);
	return r;
}

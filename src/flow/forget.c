#include "flow/forget.h"

#include "flow/flow.h"
#include "store/alerts.h"
#include "store/mismatches.h"

struct forgetting {
	struct store *s;
	const struct treaty *t;
	enum side side;
	int record;
	struct sv id, who;
	struct arena *a;
	struct forgotten *out;
};

/* A decided write ends unsent; of one without an answer a read will tell. */
static bool forget_slot(struct forgetting *f, struct db *db, const struct link *l, enum side side,
			struct err *err)
{
	struct slot slot = slot_get(db, f->t, l, side, f->a);
	if (slot.state == SLOT_SENT) {
		err_set(err, ERR_CONFLICT,
			"a write to %s %.*s is under way, and its answer needs the values: try again "
			"in a moment", side_name[side], SV_ARG(l->remote[side]));
		return false;
	}
	if (slot.state == SLOT_LOST)
		slot_blank(db, l->id, side);
	if (slot.state == SLOT_DECIDED) {
		slot_move(&slot, SLOT_IDLE);
		slot_put(db, f->t, l, side, &slot);
		note_end(f->s, f->t, db, l->id, OUTCOME_DROPPED, slot.decision, "forgotten");
		f->out->pending++;
	}
	return true;
}

static bool forget_link(struct forgetting *f, struct db *db, struct link *l, struct err *err)
{
	struct link blank = link_blank(f->t, l->record, f->a);
	for (int s = 0; s < SIDES; s++)
		if (!forget_slot(f, db, l, (enum side)s, err))
			return false;
	l->field = blank.field;
	l->ghost_n = 0;
	link_put(f->s, db, f->t, l);
	f->out->steps = db_run(db, "DELETE FROM step WHERE link = $1", "i", l->id);
	f->out->set_aside = db_run(db,
				   "UPDATE set_aside SET content = NULL"
				   " WHERE link = $1 AND content IS NOT NULL",
				   "i", l->id);
	f->out->journal = journal_forget(db, l->id);
	for (int s = 0; s < SIDES; s++)
		f->out->remote[s] = l->remote[s];
	return true;
}

static bool forget(struct db *db, void *arg, struct err *err)
{
	struct forgetting *f = arg;
	struct link l = { 0 };
	const struct treaty_record *type = &f->t->record[f->record];
	int64_t now = clock_now(store_clock(f->s));
	bool linked = link_find(db, f->t, f->record, f->side, f->id, f->a, &l);
	if (linked && !forget_link(f, db, &l, err))
		return false;
	/* before the entries, by which they are known */
	f->out->messages = alerts_forget(db, linked ? l.id : 0, sv_of(type->name), f->side, f->id);
	f->out->conflicts = mismatches_forget(db, linked ? l.id : 0, sv_of(type->name), f->side, f->id, now);
	f->out->found = linked || f->out->conflicts || f->out->messages;
	if (!f->out->found)
		return true;
	/* what the systems still hold is met anew, and asked about anew */
	if (linked && l.state == LINK_LINKED)
		mark_by_person(f->s, f->t, db, &l);
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "treaty", f->t->version);
	json_put_sv(o, "record", sv_of(type->name));
	json_put_sv(o, "who", f->who);
	json_put_i64(o, "entries", f->out->journal);
	journal_add(f->s, db, linked ? l.id : 0, "forgotten", o);
	return true;
}

bool engine_forget(struct store *s, const struct treaty *t, enum side side, int record, struct sv id,
		   struct sv who, struct arena *a, struct forgotten *out, struct err *err)
{
	struct forgetting f = { s, t, side, record, id, who, a, out };
	*out = (struct forgotten){ 0 };
	return store_tx(s, forget, &f, err);
}

/* one_way.c - fields that one side owns and the other only shows. */
#include "settle/work.h"

/* Writes the owner's value, unless the target refused exactly this before. */
static void write_owner(struct work *w, struct view *v, struct value owner, enum cause cause,
			struct sv step_id)
{
	enum side o = field_owner(v->f), t = (enum side)v->f->direction;
	const struct link_field *was = &w->in->link->field[v->i];
	struct value target;
	if (!work_translated(w, v, o, owner, &target))
		return;
	if (known(v->now[t]) && value_eq(v->now[t], target) && !step_id.len) {
		v->lf->base[o] = owner;
		v->lf->base[t] = v->now[t];
		v->lf->rule = v->f->rule;
		v->lf->resolve = RESOLVE_NONE;
		return;
	}
	if (was->hold == HOLD_REJECTED && was->resolve != RESOLVE_RETRY &&
	    value_eq(was->held[o], owner)) {
		work_still_rejected(w, v, t);
		return;
	}
	work_draft(w, v, t, owner, target, cause);
	w->draft[t][v->i].step_id = step_id;
}

static void log_overwritten(struct work *w, const struct view *v, const char *detail)
{
	enum side t = (enum side)v->f->direction;
	if (!w->drafted[t][v->i] || value_blank(v->now[t]) || !known(v->now[t]) ||
	    work_logged_before(w, v, t))
		return;
	work_log_lost(w, v, MISMATCH_EDIT, t, detail);
}

/* The copy shows something else than at the last agreement, the owner does
 * not. 'truth' is what the owner stands for. */
static void copy_edited(struct work *w, struct view *v, struct value truth)
{
	enum side o = field_owner(v->f), t = (enum side)v->f->direction;
	struct link_field *lf = v->lf;
	bool late = work_late_arrival(w, v, t);

	if (!late && work_own_change(w, v, t)) {
		work_accept_altered(w, v, t);
		return;
	}
	/* A blank owner that never erased the copy does not do so now. */
	if (value_blank(truth) && !value_blank(lf->base[t]) && !v->f->blank_erases) {
		lf->base[t] = v->now[t];
		return;
	}
	if (!late && v->f->on_edit != ON_EDIT_RESTORE) {
		if (v->f->on_edit == ON_EDIT_REPORT)
			work_finding(w, FINDING_LOG, MISMATCH_EDIT, v, "edit of a read-only copy");
		lf->base[t] = v->now[t];
		return;
	}
	if (!known(v->now[o])) {
		/* nothing is written against a value nobody knows */
		if (work_seen(w, o))
			work_hold_unread(w, v);
		else
			w->out->need[o] = true;
		return;
	}
	if (w->in->now_ms - lf->restored_ms > RESTORES_WINDOW_MS)
		lf->restores = 0;
	if (!late && lf->restores >= RESTORES_MAX) {
		work_hold(w, v, HOLD_LOOP,
			   arena_printf(w->a, "restored %u times without a change at its owner",
					lf->restores).ptr);
		return;
	}
	write_owner(w, v, truth, CAUSE_RESTORE, SV_NONE);
	if (!late)
		log_overwritten(w, v, "edit of a read-only copy, restored");
}

/* First agreement, or the first under a new rule: both values are needed. */
static void first_one_way(struct work *w, struct view *v)
{
	enum side o = field_owner(v->f), t = (enum side)v->f->direction;
	if (!work_both_seen(w) || !known(v->now[o]) || !known(v->now[t]))
		return;
	if (value_blank(v->now[o]) && !v->f->blank_erases && !v->stale) {
		view_agree(v);
		return;
	}
	struct value owner = v->now[o];
	struct sv through = SV_NONE; /* steps up to the value shown are history */
	for (int k = 0; k < w->in->step_n; k++)
		if (w->in->step[k].field == v->i && value_eq(w->in->step[k].value, owner))
			through = w->in->step[k].id;
	write_owner(w, v, owner, CAUSE_BACKFILL, SV_NONE);
	if (through.len)
		w->out->spent[w->out->spent_n++] = (struct step){ .field = v->i, .id = through };
	log_overwritten(w, v, "overwritten by the owner at the first agreement");
}

/* Does this value of the owner stand before the one last agreed on? What has no
 * place in the order does, too: nobody decided where it stands. */
static bool steps_back(const struct view *v, struct value owner)
{
	struct value agreed = v->lf->base[field_owner(v->f)];
	if (!v->f->order_n || value_blank(owner))
		return v->f->order_n && !value_blank(agreed);
	int rank = field_rank(v->f, owner);
	return !rank || rank < field_rank(v->f, agreed);
}

static void hold_backward(struct work *w, struct view *v, struct value owner)
{
	if (!work_both_seen(w))
		return; /* whoever decides wants to see what the copy shows */
	struct sv to = v->f->confidential ? SV("(confidential)") : value_show(owner, w->a);
	work_hold(w, v, HOLD_BACKWARD,
		  arena_printf(w->a, value_blank(owner) || field_rank(v->f, owner) ?
				       "the lifecycle only goes forward, and '%.*s' is a step back" :
				       "'%.*s' has no place in the order of the lifecycle",
			       SV_ARG(to)).ptr);
}

/* A step back that the owner has taken back since needs nobody: the step that
 * is forward again is delivered, and what was between is told. */
static bool forward_again(const struct work *w, const struct view *v, int from, int *to)
{
	for (int k = from; k < w->in->step_n; k++)
		if (w->in->step[k].field == v->i && !steps_back(v, w->in->step[k].value)) {
			*to = k;
			return true;
		}
	return false;
}

/* DELIVER_EACH with a base: the list of steps is the source, oldest first. */
static void next_step(struct work *w, struct view *v)
{
	enum side o = field_owner(v->f), t = (enum side)v->f->direction;
	struct link_field *lf = v->lf;
	for (int k = 0; k < w->in->step_n; k++) {
		const struct step *s = &w->in->step[k];
		if (s->field != v->i)
			continue;
		if (value_eq(s->value, lf->base[o])) { /* told twice */
			w->out->spent[w->out->spent_n++] = *s;
			continue;
		}
		if (steps_back(v, s->value)) {
			int next;
			if (!forward_again(w, v, k + 1, &next)) {
				hold_backward(w, v, s->value);
				return;
			}
			work_finding(w, FINDING_LOG, MISMATCH_BACKWARD, v,
				     "a step back in the lifecycle, taken back since");
			w->out->spent[w->out->spent_n++] = *s;
			k = next - 1;
			continue;
		}
		write_owner(w, v, s->value, CAUSE_CHANGE, s->id);
		log_overwritten(w, v, "overwritten by a step of the owner");
		return;
	}
	if (v->changed[o]) {
		w->out->divergence[w->out->divergence_n++] =
			(struct step){ .field = v->i, .value = v->now[o] };
		return;
	}
	if (v->changed[t])
		copy_edited(w, v, lf->base[o]);
}

/* What a deletion sets is no mirror: while the record is there, and was not
 * gone before, people keep what they have in the field. */
static bool says_nothing(const struct work *w, const struct view *v)
{
	enum side o = field_owner(v->f);
	return field_of_existence(v->f) && known(v->now[o]) &&
	       (value_blank(v->now[o]) || ((v->lf->rule == 0 || v->stale) &&
					   w->out->link.existence[o] == EXISTENCE_PRESENT));
}

void decide_one_way(struct work *w, struct view *v)
{
	enum side o = field_owner(v->f), t = (enum side)v->f->direction;
	if (says_nothing(w, v)) {
		if ((v->lf->rule == 0 || v->stale || v->changed[o]) && work_both_seen(w) &&
		    known(v->now[t]))
			view_agree(v); /* there, and the treaty says nothing of that */
	} else if (v->lf->rule == 0 || v->stale) {
		first_one_way(w, v);
	} else if (v->f->deliver == DELIVER_EACH) {
		next_step(w, v);
	} else if (v->changed[o] && steps_back(v, v->now[o])) {
		hold_backward(w, v, v->now[o]);
	} else if (v->changed[o]) {
		write_owner(w, v, v->now[o], CAUSE_CHANGE, SV_NONE);
		if (v->changed[t] && !work_own_change(w, v, t) && !work_late_arrival(w, v, t))
			log_overwritten(w, v, "edit of a read-only copy, overwritten "
							    "by a change at the owner");
	} else if (v->changed[t]) {
		copy_edited(w, v, v->now[o]);
	}
}


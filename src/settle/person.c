/* person.c - what a person said about a held field. */
#include "settle/work.h"

static bool shown_as_now(const struct view *v)
{
	return value_eq(v->now[SIDE_ATS], v->lf->resolve_seen[SIDE_ATS]) &&
	       value_eq(v->now[SIDE_SALESFORCE], v->lf->resolve_seen[SIDE_SALESFORCE]);
}

/* Brings both sides to one value, given in the ATS's form. Stays until both
 * are confirmed (see settle_confirm): the bases alone would show a conflict
 * again while one of the writes is under way. */
static void write_typed(struct work *w, struct view *v, struct value ats)
{
	struct value sf;
	if (!work_translated(w, v, SIDE_ATS, ats, &sf))
		return;
	if (!value_eq(v->now[SIDE_ATS], ats))
		work_draft(w, v, SIDE_ATS, sf, ats, CAUSE_RESOLVE);
	if (!value_eq(v->now[SIDE_SALESFORCE], sf))
		work_draft(w, v, SIDE_SALESFORCE, ats, sf, CAUSE_RESOLVE);
}

/* A decision about a field that is delivered step by step was made in sight of
 * what the owner shows: the steps up to that are history. */
static void spend_steps(struct work *w, const struct view *v)
{
	const struct step *last = NULL;
	for (int k = 0; k < w->in->step_n; k++) {
		const struct step *s = &w->in->step[k];
		if (s->field == v->i && (!last || value_eq(s->value, v->now[field_owner(v->f)])))
			last = s;
	}
	if (last)
		w->out->spent[w->out->spent_n++] = *last;
}

/* The decision was about other values. Of a field that was not held nobody would
 * hear of it, if the log did not tell. */
static void void_decision(struct work *w, struct view *v)
{
	v->lf->resolve = RESOLVE_NONE;
	if (w->in->link->field[v->i].hold == HOLD_NONE)
		work_finding(w, FINDING_LOG, MISMATCH_OVERTAKEN, v,
			     "changed before a person's decision was carried out, which is void now");
}

/* What we wrote to one side is undone there. It is that side's base then, so
 * neither side has changed: the two differ until one does. True when it is
 * still to be written. */
static bool put_back(struct work *w, struct view *v)
{
	struct link_field *lf = v->lf;
	enum side s = lf->resolve == RESOLVE_REVERT_ATS ? SIDE_ATS : SIDE_SALESFORCE;
	if (value_eq(v->now[s], lf->resolve_value)) {
		lf->base[s] = v->now[s];
		lf->rule = v->f->rule;
		lf->resolve = RESOLVE_NONE;
		v->changed[s] = v->stale = false;
		return false;
	}
	if (!value_eq(v->now[s], lf->resolve_seen[s])) {
		void_decision(w, v);
		return false;
	}
	lf->restores = 0;
	work_draft(w, v, s, (struct value){ 0 }, lf->resolve_value, CAUSE_RESOLVE);
	return true;
}

/* True when the resolution settles the field. */
bool decide_by_person(struct work *w, struct view *v)
{
	struct link_field *lf = v->lf;
	if (!work_both_seen(w))
		return true; /* wait for the reads */
	if (!known(v->now[SIDE_ATS]) || !known(v->now[SIDE_SALESFORCE]))
		return true;
	if (lf->resolve == RESOLVE_REVERT_ATS || lf->resolve == RESOLVE_REVERT_SALESFORCE)
		return put_back(w, v);
	if (field_agree(v->f, v->now[SIDE_ATS], v->now[SIDE_SALESFORCE], w->a) &&
	    lf->resolve != RESOLVE_VALUE) {
		view_agree(v);
		return true;
	}
	if (lf->resolve == RESOLVE_RETRY) {
		lf->resolve = RESOLVE_NONE;
		lf->restores = lf->turns = 0;
		lf->overdue = false;
		return false; /* decided anew by the rule */
	}
	if (!shown_as_now(v)) {
		void_decision(w, v); /* one that is held is asked again */
		return false;
	}
	lf->hold = HOLD_NONE;
	lf->restores = 0;
	if (v->f->deliver == DELIVER_EACH)
		spend_steps(w, v);
	switch (lf->resolve) {
	case RESOLVE_TAKE_ATS:
		work_take_side(w, v, SIDE_ATS, CAUSE_RESOLVE);
		break;
	case RESOLVE_TAKE_SALESFORCE:
		work_take_side(w, v, SIDE_SALESFORCE, CAUSE_RESOLVE);
		break;
	case RESOLVE_VALUE:
		write_typed(w, v, lf->resolve_value);
		if (!w->drafted[SIDE_ATS][v->i] && !w->drafted[SIDE_SALESFORCE][v->i] &&
		    lf->hold == HOLD_NONE)
			view_agree(v);
		break;
	default: /* RESOLVE_IGNORE */
		view_agree(v);
		break;
	}
	return true;
}


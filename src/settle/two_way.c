/* two_way.c - fields that both sides write. */
#include "settle/work.h"

/* Would this bring the field back to where it was before its last change, once
 * too often? */
static bool cycles(const struct work *w, const struct view *v, struct value ats)
{
	const struct link_field *lf = v->lf;
	return v->f->direction == BOTH_WAYS && lf->turns >= TURNS_MAX &&
	       w->in->now_ms - lf->turned_ms <= TURNS_WINDOW_MS && value_eq(ats, lf->before);
}

void work_take_side(struct work *w, struct view *v, enum side from, enum cause cause)
{
	struct value target;
	enum side to = side_other(from);
	if (!work_translated(w, v, from, v->now[from], &target))
		return;
	const struct link_field *was = &w->in->link->field[v->i];
	if (was->hold == HOLD_REJECTED && was->resolve == RESOLVE_NONE &&
	    value_eq(was->held[from], v->now[from])) {
		work_still_rejected(w, v, to);
		return;
	}
	if (cause == CAUSE_CHANGE && cycles(w, v, from == SIDE_ATS ? v->now[from] : target)) {
		work_hold(w, v, HOLD_LOOP,
			   arena_printf(w->a, "the two sides set it back and forth %u times",
					v->lf->turns).ptr);
		return;
	}
	work_draft(w, v, to, v->now[from], target, cause);
}

/* Three-way merge of sets, in the ATS's form; each side is brought to it. What
 * counts as taken away stood in both bases: a member that only one side ever
 * had (the other's automation dropped it, or added it) was removed by nobody.
 * While a half waits, what stood in its base and not in the united set was
 * taken away when that was made. */
static void unite(struct work *w, struct view *v)
{
	struct value theirs, theirs_base, base = value_null(), merged, target;
	if (!field_translate(v->f, SIDE_SALESFORCE, v->now[SIDE_SALESFORCE], w->a, &theirs) ||
	    !field_translate(v->f, SIDE_SALESFORCE, v->lf->base[SIDE_SALESFORCE], w->a,
			     &theirs_base)) {
		work_hold(w, v, HOLD_UNMAPPED, "a member of the set has no entry in the map");
		return;
	}
	if (v->lf->rule != 0) {
		struct value ours_base = v->lf->base[SIDE_ATS];
		struct value all = value_set_merge(base, ours_base, theirs_base, w->a);
		base = !v->lf->half ? value_set_merge(all, ours_base, theirs_base, w->a) : /* in both */
		       v->lf->half_side == SIDE_ATS ? ours_base :
						      theirs_base;
	}
	merged = value_set_merge(base, v->now[SIDE_ATS], theirs, w->a);
	if (!field_translate(v->f, SIDE_ATS, merged, w->a, &target)) {
		work_hold(w, v, HOLD_UNMAPPED, "a member of the set has no entry in the map");
		return;
	}
	/* Two writes, answered at two times: each then moves the base of its
	 * own side only, or the other's members would seem removed there until
	 * its write arrives. */
	bool ats = !value_eq(merged, v->now[SIDE_ATS]);
	bool sf = !value_eq(target, v->now[SIDE_SALESFORCE]);
	if (ats)
		work_draft(w, v, SIDE_ATS, target, merged, CAUSE_CHANGE);
	if (sf)
		work_draft(w, v, SIDE_SALESFORCE, merged, target, CAUSE_CHANGE);
	w->draft[SIDE_ATS][v->i].half = w->draft[SIDE_SALESFORCE][v->i].half = ats && sf;
}

/* The agreed value of the field that says who wins; WINNER_BY while it has
 * none, for it waits, is held, or is still on its way. */
static enum winner winner_by(const struct work *w, const struct winner_by *rule)
{
	const struct treaty_field *f = &w->in->type->field[rule->field];
	const struct link_field *by = &w->out->link.field[rule->field];
	bool steps = false;
	for (int k = 0; k < w->in->step_n; k++)
		steps = steps || w->in->step[k].field == rule->field;
	for (int k = 0; k < w->out->spent_n; k++)
		steps = steps && w->out->spent[k].field != rule->field;
	if (by->rule != f->rule || by->hold != HOLD_NONE || w->carried[rule->field] || steps ||
	    w->drafted[SIDE_ATS][rule->field] || w->drafted[SIDE_SALESFORCE][rule->field])
		return WINNER_BY;
	for (int i = 0; i < rule->when_n; i++)
		if (value_eq(by->base[field_owner(f)], rule->when[i].value))
			return rule->when[i].winner;
	return rule->otherwise;
}

static void conflict(struct work *w, struct view *v)
{
	enum winner winner = v->f->conflict.winner;
	if (winner == WINNER_BY)
		winner = winner_by(w, &v->f->conflict.by);
	switch (winner) {
	case WINNER_BY:
		work_hold(w, v, HOLD_DEPENDS, "");
		return;
	case WINNER_REVIEW:
		work_hold(w, v, HOLD_CONFLICT, "both sides changed it; a person decides");
		return;
	case WINNER_UNION:
		unite(w, v);
		return;
	case WINNER_ATS:
	case WINNER_SALESFORCE: {
		enum side from = (enum side)winner, loser = side_other(from);
		work_take_side(w, v, from, CAUSE_CHANGE);
		if (w->drafted[loser][v->i] && !work_logged_before(w, v, loser))
			work_log_lost(w, v, MISMATCH_CONFLICT, loser,
				 "both sides changed it; the treaty's winner was taken");
		return;
	}
	}
}

/* The clocks of two hosts are compared here, and only here: for the log, not
 * for a decision. */
enum { CLOCK_SLACK_MS = 1000 };

/* A stranger changed the field between our reads and our write, and no read
 * shows his value any more: we overwrote it unseen. It is said, at least. */
static void log_overtaken(struct work *w, struct view *v)
{
	struct link_field *lf = v->lf;
	enum side s = lf->wrote_side;
	if (!lf->wrote_ms || w->in->author[s] != AUTHOR_FOREIGN || v->changed[s] ||
	    (w->in->foreign_field[s] && !w->in->foreign_field[s][v->i]))
		return;
	int64_t at = w->in->changed_ms[s];
	if (at < lf->fenced_ms - CLOCK_SLACK_MS || at > lf->wrote_ms + CLOCK_SLACK_MS)
		return;
	work_finding(w, FINDING_LOG, MISMATCH_OVERTAKEN, v,
		 "somebody changed it between our read and our write");
	lf->wrote_ms = 0;
}

void decide_two_way(struct work *w, struct view *v)
{
	log_overtaken(w, v);
	bool fresh = v->lf->rule == 0 || v->stale;
	if (!fresh && !v->changed[SIDE_ATS] && !v->changed[SIDE_SALESFORCE] &&
	    !v->lf->half)
		return;
	/* the fence: a two-way field is decided from both sides only */
	if (!work_both_seen(w)) {
		for (int s = 0; s < SIDES; s++)
			if (!work_seen(w, s) && w->in->away[s] && work_seen(w, side_other(s)))
				work_await(w, v, s);
		return;
	}
	if (!known(v->now[SIDE_ATS]) || !known(v->now[SIDE_SALESFORCE])) {
		work_hold_unread(w, v);
		return;
	}
	if (field_agree(v->f, v->now[SIDE_ATS], v->now[SIDE_SALESFORCE], w->a)) {
		view_agree(v);
		return;
	}
	if (fresh) {
		if (!v->stale && value_blank(v->now[SIDE_ATS]))
			work_take_side(w, v, SIDE_SALESFORCE, CAUSE_BACKFILL);
		else if (!v->stale && value_blank(v->now[SIDE_SALESFORCE]))
			work_take_side(w, v, SIDE_ATS, CAUSE_BACKFILL);
		else if (!work_hold_overdue(w, v))
			conflict(w, v);
		return;
	}
	bool edited[SIDES];
	for (int s = 0; s < SIDES; s++) {
		/* what goes together was changed when one of it was */
		edited[s] = v->changed[s] || (v->f->together && w->edited[v->f->together][s]);
		if (!v->changed[s])
			continue;
		if (work_late_arrival(w, v, s)) {
			edited[s] = false; /* corrected by the other side's value */
		} else if (work_own_change(w, v, s)) {
			work_accept_altered(w, v, s);
			edited[s] = false;
		}
	}
	if (edited[SIDE_ATS] && edited[SIDE_SALESFORCE] && work_hold_overdue(w, v))
		return;
	bool unite_all = v->f->conflict.winner == WINNER_UNION;
	if ((edited[SIDE_ATS] && edited[SIDE_SALESFORCE]) || v->lf->half ||
	    (unite_all && (edited[SIDE_ATS] || edited[SIDE_SALESFORCE])))
		conflict(w, v);
	else if (edited[SIDE_ATS] || (!edited[SIDE_SALESFORCE] && v->changed[SIDE_SALESFORCE]))
		work_take_side(w, v, SIDE_ATS, CAUSE_CHANGE);
	else if (edited[SIDE_SALESFORCE] || v->changed[SIDE_ATS])
		work_take_side(w, v, SIDE_SALESFORCE, CAUSE_CHANGE);
}


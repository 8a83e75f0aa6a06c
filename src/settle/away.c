/* away.c - two-way fields that wait for a side whose system does not answer:
 * the treaty's 'unavailable'. Nothing is decided from one side alone, so the
 * other is tried again as the rule says; after its time a person is asked. */
#include "settle/work.h"

/* After as long again as it has waited so far: the waits double, and nobody
 * has to count them. */
static int64_t next_try_ms(const struct conflict_rule *c, int64_t since_ms, int64_t now_ms)
{
	int64_t wait = now_ms - since_ms;
	if (wait < c->unavailable.retry_first_ms)
		wait = c->unavailable.retry_first_ms;
	if (wait > c->unavailable.retry_max_ms)
		wait = c->unavailable.retry_max_ms;
	return now_ms + wait;
}

static void try_again_at(struct work *w, int64_t at_ms)
{
	if (!w->out->retry_ms || at_ms < w->out->retry_ms)
		w->out->retry_ms = at_ms;
}

/* Was it waiting already, with nothing but that to be said of it? */
bool work_awaits(const struct work *w, const struct view *v)
{
	enum side s = v->lf->away_side;
	return (v->lf->hold == HOLD_AWAY || v->lf->hold == HOLD_OVERDUE) &&
	       v->lf->resolve == RESOLVE_NONE && !work_seen(w, s) && w->in->away[s] &&
	       work_seen(w, side_other(s));
}

void work_await(struct work *w, struct view *v, enum side away)
{
	const struct link_field *was = &w->in->link->field[v->i];
	const struct conflict_rule *rule = &v->f->conflict;
	int64_t now = w->in->now_ms;
	int64_t since = was->away_ms && was->away_side == away ? was->away_ms : now;
	int64_t end = since + rule->unavailable.for_ms;
	bool asks = rule->unavailable.then == UNAVAILABLE_REVIEW;
	struct view shown = *v;

	v->lf->away_side = away;
	v->lf->away_ms = since;
	v->lf->overdue = v->lf->overdue || (asks && now >= end);
	shown.now[away] = v->lf->base[away]; /* what it showed last */
	if (v->lf->overdue)
		work_hold(w, &shown, HOLD_OVERDUE,
			  arena_printf(w->a, "%s cannot be read for longer than the treaty waits; "
					     "a person decides, or it does when it is back",
				       side_name[away]).ptr);
	else
		work_hold(w, &shown, HOLD_AWAY, "");
	try_again_at(w, next_try_ms(rule, since, now));
	if (asks && now < end)
		try_again_at(w, end);
}

/* Both sides changed while one could not be read for too long: what the rule
 * would have decided in time is a person's now. */
bool work_hold_overdue(struct work *w, struct view *v)
{
	if (!v->lf->overdue)
		return false;
	work_hold(w, v, HOLD_CONFLICT,
		  "both sides changed it while one of them could not be read for longer than the "
		  "treaty waits; a person decides");
	return true;
}

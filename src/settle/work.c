#include "settle/work.h"

const char *mismatch_kind_name(enum mismatch_kind k)
{
	static const char *const name[] = {
		[MISMATCH_CONFLICT] = "conflict",
		[MISMATCH_EDIT] = "edit",
		[MISMATCH_REJECTED] = "rejected",
		[MISMATCH_AMBIGUOUS] = "ambiguous",
		[MISMATCH_OVERTAKEN] = "overtaken",
		[MISMATCH_ALTERED] = "altered",
		[MISMATCH_LOOP] = "loop",
		[MISMATCH_DRIFT] = "drift",
		[MISMATCH_UNAVAILABLE] = "unavailable",
		[MISMATCH_UNDELIVERABLE] = "undeliverable",
		[MISMATCH_BACKWARD] = "backward",
		[MISMATCH_MASS_CHANGE] = "mass_change",
		[MISMATCH_SWEEP] = "sweep",
		[MISMATCH_SILENCE] = "silence",
		[MISMATCH_GAP] = "gap",
		[MISMATCH_BACKLOG] = "backlog",
		[MISMATCH_SELF_CHECK] = "self_check",
		[MISMATCH_QUOTA] = "quota",
		[MISMATCH_DAMAGED] = "damaged",
	};
	return name[k];
}

struct finding *work_finding(struct work *w, int what, enum mismatch_kind kind,
			     const struct view *v, const char *detail)
{
	/* at most: three a field, and two for the record */
	struct finding *f = &w->out->finding[w->out->finding_n++];
	f->what = what;
	f->kind = kind;
	f->field = v ? v->i : -1;
	f->detail = sv_of(detail);
	if (v) {
		f->value[SIDE_ATS] = v->now[SIDE_ATS];
		f->value[SIDE_SALESFORCE] = v->now[SIDE_SALESFORCE];
	}
	return f;
}

void work_log_lost(struct work *w, const struct view *v, enum mismatch_kind kind,
		   enum side loser, const char *detail)
{
	struct finding *f = work_finding(w, FINDING_LOG, kind, v, detail);
	f->lost_side = loser;
	f->lost = v->now[loser];
	v->lf->held[loser] = v->now[loser]; /* see work_logged_before */
}

/* Was this very loss logged when the write that waits was decided? The write
 * may be older than the loss: then it is news. */
bool work_logged_before(const struct work *w, const struct view *v, enum side loser)
{
	const struct slot *s = w->in->slot[loser];
	if (!s || (s->state != SLOT_DECIDED && s->state != SLOT_LOST) ||
	    !value_eq(w->in->link->field[v->i].held[loser], v->now[loser]))
		return false;
	for (int k = 0; k < s->field_n; k++)
		if (s->field[k].field == v->i)
			return true;
	return false;
}

void work_draft(struct work *w, const struct view *v, enum side to, struct value source,
		struct value target, enum cause cause)
{
	w->draft[to][v->i] = (struct slot_field){
		.field = v->i, .source = source, .target = target, .cause = cause,
		.rule = v->f->rule,
	};
	w->drafted[to][v->i] = true;
	enum side from = side_other(to);
	if (v->f->direction == BOTH_WAYS && v->changed[from])
		v->lf->held[from] = v->now[from]; /* see stood() */
}

/* Both sides mean the same: the bases become what each shows. */
void view_agree(struct view *v)
{
	v->lf->base[SIDE_ATS] = v->now[SIDE_ATS];
	v->lf->base[SIDE_SALESFORCE] = v->now[SIDE_SALESFORCE];
	v->lf->rule = v->f->rule;
	v->lf->hold = HOLD_NONE;
	v->lf->held[SIDE_ATS] = v->lf->held[SIDE_SALESFORCE] = (struct value){ 0 };
	v->lf->overdue = v->lf->half = false;
	v->lf->resolve = RESOLVE_NONE;
}

enum mismatch_kind hold_kind(enum hold h)
{
	switch (h) {
	case HOLD_CONFLICT:
		return MISMATCH_CONFLICT;
	case HOLD_LOOP:
		return MISMATCH_LOOP;
	case HOLD_OVERDUE:
		return MISMATCH_UNAVAILABLE;
	case HOLD_BACKWARD:
		return MISMATCH_BACKWARD;
	default:
		return MISMATCH_REJECTED;
	}
}

/* Does a person have to know of this hold? A reference that waits, a pause and
 * a value that cannot be read now end by themselves. */
bool hold_is_open(enum hold h)
{
	return h == HOLD_CONFLICT || h == HOLD_REJECTED || h == HOLD_UNMAPPED ||
	       h == HOLD_LOOP || h == HOLD_OVERDUE || h == HOLD_BACKWARD;
}

/* Holds the field as it is shown now; says so when that is news. */
void work_hold(struct work *w, struct view *v, enum hold h, const char *detail)
{
	struct link_field *lf = v->lf;
	bool news = w->in->link->field[v->i].hold != h ||
		    !value_eq(lf->held[SIDE_ATS], v->now[SIDE_ATS]) ||
		    !value_eq(lf->held[SIDE_SALESFORCE], v->now[SIDE_SALESFORCE]);
	lf->hold = h;
	lf->held[SIDE_ATS] = v->now[SIDE_ATS];
	lf->held[SIDE_SALESFORCE] = v->now[SIDE_SALESFORCE];
	if (news && hold_is_open(h))
		work_finding(w, FINDING_OPEN, hold_kind(h), v, detail);
}

/* -------------------------------------------------------- small questions */

/* True when both sides were read; asks for what is missing otherwise. */
bool work_both_seen(struct work *w)
{
	for (int s = 0; s < SIDES; s++)
		if (!work_seen(w, s))
			w->out->need[s] = true;
	return work_seen(w, SIDE_ATS) && work_seen(w, SIDE_SALESFORCE);
}

/* It was taken for a stranger's once, and nobody has answered for it yet: a
 * write of ours to other fields of the record does not make it ours since. The
 * row knows, not the slot: what was decided may have been forgotten with its
 * rule. */
static bool stood(const struct work *w, const struct view *v, enum side s)
{
	const struct value *held = &w->in->link->field[v->i].held[s];
	return known(*held) && value_eq(*held, v->now[s]);
}

/* Was what 's' shows of this field made by ourselves? One sign of a stranger
 * is enough for no: the row's author tells only who came last. */
bool work_own_change(const struct work *w, const struct view *v, enum side s)
{
	enum author row = w->in->seen[s] ? w->in->seen[s]->author : AUTHOR_UNKNOWN;
	enum author marks = w->in->author[s];
	if (row == AUTHOR_FOREIGN || marks == AUTHOR_FOREIGN || stood(w, v, s))
		return false;
	if (w->in->own_field[s] && !w->in->own_field[s][v->i])
		return false;
	return row == AUTHOR_OWN || marks == AUTHOR_OWN;
}

/* A value of ours whose answer was lost, arriving after all. */
bool work_late_arrival(const struct work *w, const struct view *v, enum side s)
{
	if (w->in->seen[s]->author == AUTHOR_FOREIGN || w->in->author[s] == AUTHOR_FOREIGN ||
	    stood(w, v, s))
		return false;
	/* it may be seen long after it was executed: then it takes a sign that
	 * it was ours, not just none that it was not */
	bool own = w->in->seen[s]->author == AUTHOR_OWN || w->in->author[s] == AUTHOR_OWN;
	const struct link *l = w->in->link;
	for (int k = 0; k < l->ghost_n; k++)
		if (l->ghost[k].side == s && l->ghost[k].field == v->i &&
		    (own || l->ghost[k].until_ms > w->in->now_ms) &&
		    value_eq(l->ghost[k].value, v->now[s]))
			return true;
	return false;
}

/* Did somebody else than ourselves change it? */
bool work_edited(const struct work *w, const struct view *v, enum side s)
{
	return v->changed[s] && !work_late_arrival(w, v, s) && !work_own_change(w, v, s);
}

/* A change that cannot be decided while the other side is not known. What is
 * known of its author now is kept with the hold; a late arrival of our own
 * needs no keeping, its ghost tells as long. */
void work_hold_unread(struct work *w, struct view *v)
{
	for (int s = 0; s < SIDES; s++)
		if (v->changed[s] && !work_late_arrival(w, v, (enum side)s))
			work_hold(w, v, HOLD_UNREAD, "");
}

/* The target changed the value in our own transaction: that is how it spells
 * it, and it is never restored. The old base is kept for a while: a stranger's
 * mark that comes after the read shows that the change was his. */
void work_accept_altered(struct work *w, struct view *v, enum side s)
{
	work_finding(w, FINDING_LOG, MISMATCH_ALTERED, v, "changed by the target in our own write");
	v->lf->altered = v->lf->base[s];
	v->lf->altered_side = s;
	v->lf->altered_ms = w->in->now_ms;
	v->lf->base[s] = v->now[s];
	v->changed[s] = false;
}

void work_doubt_altered(const struct work *w, int i)
{
	struct link_field *lf = &w->out->link.field[i];
	enum side s = lf->altered_side;
	if (!lf->altered_ms)
		return;
	bool named = !w->in->foreign_field[s] || w->in->foreign_field[s][i];
	if (w->in->now_ms - lf->altered_ms > DOUBT_MS) {
		lf->altered_ms = 0;
	} else if (w->in->author[s] == AUTHOR_FOREIGN && named) {
		lf->base[s] = lf->altered;
		lf->altered_ms = 0;
	}
	if (!lf->altered_ms)
		lf->altered = (struct value){ 0 };
}

/* The translation of 'value' to the other side of 'from', or false after
 * holding the field with the reason. */
bool work_translated(struct work *w, struct view *v, enum side from, struct value value,
		     struct value *out)
{
	if (value.kind == VALUE_REF) {
		work_hold(w, v, HOLD_REFERENCE, "");
		return false;
	}
	if (!field_translate(v->f, from, value, w->a, out)) {
		struct sv text = v->f->confidential ? SV("(confidential)") : value_show(value, w->a);
		work_hold(w, v, HOLD_UNMAPPED,
			   arena_printf(w->a, "the map of '%s' has no entry for '%.*s'", v->f->name,
					SV_ARG(text)).ptr);
		return false;
	}
	return true;
}

/* The refused value is the same, so the entry and its reason stand; what the
 * target shows may have moved on. */
void work_still_rejected(const struct work *w, struct view *v, enum side target)
{
	v->lf->hold = HOLD_REJECTED;
	if (known(v->now[target]) && !work_late_arrival(w, v, target))
		v->lf->held[target] = v->now[target];
}


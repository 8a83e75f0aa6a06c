#include "settle/settle.h"

/* One settle at work. A field is decided from its view, and what is decided
 * goes into the draft of the target side's slot. */
struct work {
	const struct settle_input *in;
	struct arena *a;
	struct plan *out;
	struct slot_field *draft[SIDES]; /* by field; .cause valid when set */
	bool *drafted[SIDES];
	bool *carried; /* the field could not be decided anew; its slots stand */
	/* what stands then: of a decided slot, or of a lost one that the
	 * target does not show */
	struct slot left[SIDES];
};

/* One field of the record, as both sides show it now. */
struct view {
	const struct treaty_field *f;
	struct link_field *lf; /* the row being made */
	int i;
	struct value now[SIDES]; /* unknown when not read */
	bool changed[SIDES];	 /* known, and not its own base */
	bool stale;		 /* the base was made under another rule */
};

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
	};
	return name[k];
}

/* ------------------------------------------------------------ the plan */

static struct finding *find_out(struct work *w, int what, enum mismatch_kind kind,
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

static void log_lost(struct work *w, const struct view *v, enum mismatch_kind kind,
		     enum side loser, const char *detail)
{
	struct finding *f = find_out(w, FINDING_LOG, kind, v, detail);
	f->lost_side = loser;
	f->lost = v->now[loser];
	v->lf->held[loser] = v->now[loser]; /* see logged_before */
}

/* Was this very loss logged when the write that waits was decided? The write
 * may be older than the loss: then it is news. */
static bool logged_before(const struct work *w, const struct view *v, enum side loser)
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

static void draft_write(struct work *w, const struct view *v, enum side to, struct value source,
			struct value target, enum cause cause)
{
	w->draft[to][v->i] = (struct slot_field){
		.field = v->i, .source = source, .target = target, .cause = cause,
	};
	w->drafted[to][v->i] = true;
}

/* Both sides mean the same: the bases become what each shows. */
static void agree(struct view *v)
{
	v->lf->base[SIDE_ATS] = v->now[SIDE_ATS];
	v->lf->base[SIDE_SALESFORCE] = v->now[SIDE_SALESFORCE];
	v->lf->rule = v->f->rule;
	v->lf->hold = HOLD_NONE;
	v->lf->held[SIDE_ATS] = v->lf->held[SIDE_SALESFORCE] = (struct value){ 0 };
	v->lf->resolve = RESOLVE_NONE;
}

static enum mismatch_kind kind_of_hold(enum hold h)
{
	switch (h) {
	case HOLD_CONFLICT:
		return MISMATCH_CONFLICT;
	case HOLD_LOOP:
		return MISMATCH_LOOP;
	default:
		return MISMATCH_REJECTED;
	}
}

/* Does a person have to know of this hold? A reference that waits, a pause and
 * a value that cannot be read now end by themselves. */
static bool hold_is_open(enum hold h)
{
	return h == HOLD_CONFLICT || h == HOLD_REJECTED || h == HOLD_UNMAPPED || h == HOLD_LOOP;
}

/* Holds the field as it is shown now; says so when that is news. */
static void hold_field(struct work *w, struct view *v, enum hold h, const char *detail)
{
	struct link_field *lf = v->lf;
	bool news = w->in->link->field[v->i].hold != h ||
		    !value_eq(lf->held[SIDE_ATS], v->now[SIDE_ATS]) ||
		    !value_eq(lf->held[SIDE_SALESFORCE], v->now[SIDE_SALESFORCE]);
	lf->hold = h;
	lf->held[SIDE_ATS] = v->now[SIDE_ATS];
	lf->held[SIDE_SALESFORCE] = v->now[SIDE_SALESFORCE];
	if (news && hold_is_open(h))
		find_out(w, FINDING_OPEN, kind_of_hold(h), v, detail);
}

/* -------------------------------------------------------- small questions */

static bool seen(const struct work *w, enum side s)
{
	return w->in->seen[s] != NULL;
}

/* True when both sides were read; asks for what is missing otherwise. */
static bool both_seen(struct work *w)
{
	for (int s = 0; s < SIDES; s++)
		if (!seen(w, s))
			w->out->need[s] = true;
	return seen(w, SIDE_ATS) && seen(w, SIDE_SALESFORCE);
}

static bool known(struct value v)
{
	return v.kind != VALUE_UNKNOWN;
}

/* Did it stand there when the field was held? It was a stranger's then, and a
 * later write of ours to other fields of the record does not make it ours. */
static bool stood_when_held(const struct work *w, const struct view *v, enum side s)
{
	const struct link_field *was = &w->in->link->field[v->i];
	return was->hold != HOLD_NONE && value_eq(was->held[s], v->now[s]);
}

/* Did it stand there when its write to the other side was decided? That write
 * still waits; what we wrote here since were other fields of the record. */
static bool stood_when_decided(const struct work *w, const struct view *v, enum side s)
{
	const struct slot *slot = w->in->slot[side_other(s)];
	for (int k = 0; slot && slot->state != SLOT_IDLE && k < slot->field_n; k++)
		if (slot->field[k].field == v->i)
			return value_eq(slot->field[k].source, v->now[s]);
	return false;
}

/* It was taken for a stranger's once, and nobody has answered for it yet. */
static bool stood(const struct work *w, const struct view *v, enum side s)
{
	return stood_when_held(w, v, s) || stood_when_decided(w, v, s) || logged_before(w, v, s);
}

/* Was what 's' shows of this field made by ourselves? One sign of a stranger
 * is enough for no: the row's author tells only who came last. */
static bool own_change(const struct work *w, const struct view *v, enum side s)
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
static bool late_arrival(const struct work *w, const struct view *v, enum side s)
{
	if (w->in->seen[s]->author == AUTHOR_FOREIGN || w->in->author[s] == AUTHOR_FOREIGN ||
	    stood(w, v, s))
		return false;
	const struct link *l = w->in->link;
	for (int k = 0; k < l->ghost_n; k++)
		if (l->ghost[k].side == s && l->ghost[k].field == v->i &&
		    value_eq(l->ghost[k].value, v->now[s]))
			return true;
	return false;
}

/* A change that cannot be decided while the other side is not known. What is
 * known of its author now is kept with the hold; a late arrival of our own
 * needs no keeping, its ghost tells as long. */
static void hold_unread(struct work *w, struct view *v)
{
	for (int s = 0; s < SIDES; s++)
		if (v->changed[s] && !late_arrival(w, v, (enum side)s))
			hold_field(w, v, HOLD_UNREAD, "");
}

/* The target changed the value in our own transaction: that is how it spells
 * it, and it is never restored. The old base is kept for a while: a stranger's
 * mark that comes after the read shows that the change was his. */
static void accept_altered(struct work *w, struct view *v, enum side s)
{
	find_out(w, FINDING_LOG, MISMATCH_ALTERED, v, "changed by the target in our own write");
	v->lf->altered = v->lf->base[s];
	v->lf->altered_side = s;
	v->lf->altered_ms = w->in->now_ms;
	v->lf->base[s] = v->now[s];
	v->changed[s] = false;
}

static void doubt_altered(const struct work *w, int i)
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
static bool translated(struct work *w, struct view *v, enum side from, struct value value,
		       struct value *out)
{
	if (value.kind == VALUE_REF) {
		hold_field(w, v, HOLD_REFERENCE, "");
		return false;
	}
	if (!field_translate(v->f, from, value, w->a, out)) {
		struct sv text = v->f->confidential ? SV("(confidential)") : value_show(value, w->a);
		hold_field(w, v, HOLD_UNMAPPED,
			   arena_printf(w->a, "the map of '%s' has no entry for '%.*s'", v->f->name,
					SV_ARG(text)).ptr);
		return false;
	}
	return true;
}

/* The refused value is the same, so the entry and its reason stand; what the
 * target shows may have moved on. */
static void still_rejected(const struct work *w, struct view *v, enum side target)
{
	v->lf->hold = HOLD_REJECTED;
	if (known(v->now[target]) && !late_arrival(w, v, target))
		v->lf->held[target] = v->now[target];
}

/* ----------------------------------------------------------- one-way fields */

/* Writes the owner's value, unless the target refused exactly this before. */
static void write_owner(struct work *w, struct view *v, struct value owner, enum cause cause,
			struct sv step_id)
{
	enum side o = field_owner(v->f), t = (enum side)v->f->direction;
	const struct link_field *was = &w->in->link->field[v->i];
	struct value target;
	if (!translated(w, v, o, owner, &target))
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
		still_rejected(w, v, t);
		return;
	}
	draft_write(w, v, t, owner, target, cause);
	w->draft[t][v->i].step_id = step_id;
}

static void log_overwritten(struct work *w, const struct view *v, const char *detail)
{
	enum side t = (enum side)v->f->direction;
	if (!w->drafted[t][v->i] || value_blank(v->now[t]) || !known(v->now[t]) ||
	    logged_before(w, v, t))
		return;
	log_lost(w, v, MISMATCH_EDIT, t, detail);
}

/* The copy shows something else than at the last agreement, the owner does
 * not. 'truth' is what the owner stands for. */
static void copy_edited(struct work *w, struct view *v, struct value truth)
{
	enum side o = field_owner(v->f), t = (enum side)v->f->direction;
	struct link_field *lf = v->lf;
	bool late = late_arrival(w, v, t);

	if (!late && own_change(w, v, t)) {
		accept_altered(w, v, t);
		return;
	}
	/* A blank owner that never erased the copy does not do so now. */
	if (value_blank(truth) && !value_blank(lf->base[t]) && !v->f->blank_erases) {
		lf->base[t] = v->now[t];
		return;
	}
	if (!late && v->f->on_edit != ON_EDIT_RESTORE) {
		if (v->f->on_edit == ON_EDIT_REPORT)
			find_out(w, FINDING_LOG, MISMATCH_EDIT, v, "edit of a read-only copy");
		lf->base[t] = v->now[t];
		return;
	}
	if (!known(v->now[o])) {
		/* nothing is written against a value nobody knows */
		if (seen(w, o))
			hold_unread(w, v);
		else
			w->out->need[o] = true;
		return;
	}
	if (w->in->now_ms - lf->restored_ms > RESTORES_WINDOW_MS)
		lf->restores = 0;
	if (!late && lf->restores >= RESTORES_MAX) {
		hold_field(w, v, HOLD_LOOP,
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
	if (!both_seen(w) || !known(v->now[o]) || !known(v->now[t]))
		return;
	if (value_blank(v->now[o]) && !v->f->blank_erases && !v->stale) {
		agree(v);
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

static void decide_one_way(struct work *w, struct view *v)
{
	enum side o = field_owner(v->f), t = (enum side)v->f->direction;
	if (v->lf->rule == 0 || v->stale) {
		first_one_way(w, v);
	} else if (v->f->deliver == DELIVER_EACH) {
		next_step(w, v);
	} else if (v->changed[o]) {
		write_owner(w, v, v->now[o], CAUSE_CHANGE, SV_NONE);
		if (v->changed[t] && !own_change(w, v, t) && !late_arrival(w, v, t))
			log_overwritten(w, v, "edit of a read-only copy, overwritten "
							    "by a change at the owner");
	} else if (v->changed[t]) {
		copy_edited(w, v, v->now[o]);
	}
}

/* ----------------------------------------------------------- two-way fields */

/* Would this bring the field back to where it was before its last change, once
 * too often? */
static bool cycles(const struct work *w, const struct view *v, struct value ats)
{
	const struct link_field *lf = v->lf;
	return v->f->direction == BOTH_WAYS && lf->turns >= TURNS_MAX &&
	       w->in->now_ms - lf->turned_ms <= TURNS_WINDOW_MS && value_eq(ats, lf->before);
}

static void take_side(struct work *w, struct view *v, enum side from, enum cause cause)
{
	struct value target;
	enum side to = side_other(from);
	if (!translated(w, v, from, v->now[from], &target))
		return;
	const struct link_field *was = &w->in->link->field[v->i];
	if (was->hold == HOLD_REJECTED && was->resolve == RESOLVE_NONE &&
	    value_eq(was->held[from], v->now[from])) {
		still_rejected(w, v, to);
		return;
	}
	if (cause == CAUSE_CHANGE && cycles(w, v, from == SIDE_ATS ? v->now[from] : target)) {
		hold_field(w, v, HOLD_LOOP,
			   arena_printf(w->a, "the two sides set it back and forth %u times",
					v->lf->turns).ptr);
		return;
	}
	draft_write(w, v, to, v->now[from], target, cause);
}

/* Does a write to this side wait of what is the other side's base already? */
static bool write_waits(const struct work *w, const struct view *v, enum side s)
{
	enum side o = side_other(s);
	for (int k = 0; k < w->left[s].field_n; k++) {
		const struct slot_field *f = &w->left[s].field[k];
		if (f->field == v->i)
			return s == SIDE_ATS ?
				       field_agree(v->f, f->target, v->lf->base[o], w->a) :
				       field_agree(v->f, v->lf->base[o], f->target, w->a);
	}
	return false;
}

/* The side to which a united set is still to be written, after it arrived at
 * the other. The base of that side is older than the other's, which is the
 * united set: that both show their bases does not mean that they agree. SIDES
 * when there is none. */
static enum side waiting_half(const struct work *w, const struct view *v)
{
	if (v->f->conflict.winner != WINNER_UNION || v->lf->rule == 0)
		return SIDES;
	bool ats = write_waits(w, v, SIDE_ATS), sf = write_waits(w, v, SIDE_SALESFORCE);
	return ats == sf ? SIDES : ats ? SIDE_ATS : SIDE_SALESFORCE;
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
		hold_field(w, v, HOLD_UNMAPPED, "a member of the set has no entry in the map");
		return;
	}
	if (v->lf->rule != 0) {
		struct value ours_base = v->lf->base[SIDE_ATS];
		struct value all = value_set_merge(base, ours_base, theirs_base, w->a);
		enum side half = waiting_half(w, v);
		base = half == SIDE_ATS	       ? ours_base :
		       half == SIDE_SALESFORCE ? theirs_base :
		       value_set_merge(all, ours_base, theirs_base, w->a); /* in both */
	}
	merged = value_set_merge(base, v->now[SIDE_ATS], theirs, w->a);
	if (!field_translate(v->f, SIDE_ATS, merged, w->a, &target)) {
		hold_field(w, v, HOLD_UNMAPPED, "a member of the set has no entry in the map");
		return;
	}
	/* Two writes, answered at two times: each then moves the base of its
	 * own side only (no source), or the other's members would seem removed
	 * there until its write arrives. */
	const struct value none = { 0 };
	bool ats = !value_eq(merged, v->now[SIDE_ATS]);
	bool sf = !value_eq(target, v->now[SIDE_SALESFORCE]);
	if (ats)
		draft_write(w, v, SIDE_ATS, sf ? none : target, merged, CAUSE_CHANGE);
	if (sf)
		draft_write(w, v, SIDE_SALESFORCE, ats ? none : merged, target, CAUSE_CHANGE);
}

static void conflict(struct work *w, struct view *v)
{
	switch (v->f->conflict.winner) {
	case WINNER_REVIEW:
		hold_field(w, v, HOLD_CONFLICT, "both sides changed it; a person decides");
		return;
	case WINNER_UNION:
		unite(w, v);
		return;
	case WINNER_ATS:
	case WINNER_SALESFORCE: {
		enum side winner = (enum side)v->f->conflict.winner, loser = side_other(winner);
		take_side(w, v, winner, CAUSE_CHANGE);
		if (w->drafted[loser][v->i] && !logged_before(w, v, loser))
			log_lost(w, v, MISMATCH_CONFLICT, loser,
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
	find_out(w, FINDING_LOG, MISMATCH_OVERTAKEN, v,
		 "somebody changed it between our read and our write");
	lf->wrote_ms = 0;
}

static void decide_two_way(struct work *w, struct view *v)
{
	log_overtaken(w, v);
	bool fresh = v->lf->rule == 0 || v->stale;
	if (!fresh && !v->changed[SIDE_ATS] && !v->changed[SIDE_SALESFORCE] &&
	    waiting_half(w, v) == SIDES)
		return;
	/* the fence: a two-way field is decided from both sides only */
	if (!both_seen(w))
		return;
	if (!known(v->now[SIDE_ATS]) || !known(v->now[SIDE_SALESFORCE])) {
		hold_unread(w, v);
		return;
	}
	if (field_agree(v->f, v->now[SIDE_ATS], v->now[SIDE_SALESFORCE], w->a)) {
		agree(v);
		return;
	}
	if (fresh) {
		if (!v->stale && value_blank(v->now[SIDE_ATS]))
			take_side(w, v, SIDE_SALESFORCE, CAUSE_BACKFILL);
		else if (!v->stale && value_blank(v->now[SIDE_SALESFORCE]))
			take_side(w, v, SIDE_ATS, CAUSE_BACKFILL);
		else
			conflict(w, v);
		return;
	}
	bool edited[SIDES];
	for (int s = 0; s < SIDES; s++) {
		edited[s] = v->changed[s];
		if (!v->changed[s])
			continue;
		if (late_arrival(w, v, s)) {
			edited[s] = false; /* corrected by the other side's value */
		} else if (own_change(w, v, s)) {
			accept_altered(w, v, s);
			edited[s] = false;
		}
	}
	bool unite_all = v->f->conflict.winner == WINNER_UNION;
	if ((edited[SIDE_ATS] && edited[SIDE_SALESFORCE]) || waiting_half(w, v) != SIDES ||
	    (unite_all && (edited[SIDE_ATS] || edited[SIDE_SALESFORCE])))
		conflict(w, v);
	else if (edited[SIDE_ATS] || (!edited[SIDE_SALESFORCE] && v->changed[SIDE_SALESFORCE]))
		take_side(w, v, SIDE_ATS, CAUSE_CHANGE);
	else if (edited[SIDE_SALESFORCE] || v->changed[SIDE_ATS])
		take_side(w, v, SIDE_SALESFORCE, CAUSE_CHANGE);
}

/* ------------------------------------------------------ what a person said */

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
	if (!translated(w, v, SIDE_ATS, ats, &sf))
		return;
	if (!value_eq(v->now[SIDE_ATS], ats))
		draft_write(w, v, SIDE_ATS, sf, ats, CAUSE_RESOLVE);
	if (!value_eq(v->now[SIDE_SALESFORCE], sf))
		draft_write(w, v, SIDE_SALESFORCE, ats, sf, CAUSE_RESOLVE);
}

/* True when the resolution settles the field. */
static bool resolve(struct work *w, struct view *v)
{
	struct link_field *lf = v->lf;
	if (!both_seen(w))
		return true; /* wait for the reads */
	if (!known(v->now[SIDE_ATS]) || !known(v->now[SIDE_SALESFORCE]))
		return true;
	if (field_agree(v->f, v->now[SIDE_ATS], v->now[SIDE_SALESFORCE], w->a) &&
	    lf->resolve != RESOLVE_VALUE) {
		agree(v);
		return true;
	}
	if (lf->resolve == RESOLVE_RETRY) {
		lf->resolve = RESOLVE_NONE;
		lf->restores = lf->turns = 0;
		return false; /* decided anew by the rule */
	}
	if (!shown_as_now(v)) {
		/* the decision was about other values: ask again */
		lf->resolve = RESOLVE_NONE;
		return false;
	}
	lf->hold = HOLD_NONE;
	lf->restores = 0;
	switch (lf->resolve) {
	case RESOLVE_TAKE_ATS:
		take_side(w, v, SIDE_ATS, CAUSE_RESOLVE);
		break;
	case RESOLVE_TAKE_SALESFORCE:
		take_side(w, v, SIDE_SALESFORCE, CAUSE_RESOLVE);
		break;
	case RESOLVE_VALUE:
		write_typed(w, v, lf->resolve_value);
		if (!w->drafted[SIDE_ATS][v->i] && !w->drafted[SIDE_SALESFORCE][v->i] &&
		    lf->hold == HOLD_NONE)
			agree(v);
		break;
	default: /* RESOLVE_IGNORE */
		agree(v);
		break;
	}
	return true;
}

/* -------------------------------------------------------------- the record */

static void view_field(const struct work *w, int i, struct view *v)
{
	const struct link_field *lf = &w->out->link.field[i];
	*v = (struct view){ .f = &w->in->type->field[i], .lf = &w->out->link.field[i], .i = i };
	v->stale = lf->rule != 0 && lf->rule != v->f->rule;
	for (int s = 0; s < SIDES; s++) {
		if (w->in->seen[s])
			v->now[s] = w->in->seen[s]->value[i];
		v->changed[s] = lf->rule != 0 && known(v->now[s]) &&
				!value_eq(v->now[s], lf->base[s]);
	}
}

/* A write that waits and was not decided anew, because only one side was read:
 * does it stand? It may be of a change that was taken back since, or a restore
 * that is still needed, so the other side is read as well; what is seen to come
 * from a value that its owner no longer shows is dropped at once. */
static bool stands(struct work *w, const struct view *v)
{
	if (seen(w, SIDE_ATS) && seen(w, SIDE_SALESFORCE))
		return false;
	for (int s = 0; s < SIDES; s++)
		for (int k = 0; k < w->left[s].field_n; k++) {
			const struct slot_field *f = &w->left[s].field[k];
			enum side from = side_other((enum side)s);
			if (f->field != v->i || w->drafted[s][v->i])
				continue;
			both_seen(w);
			if (v->f->direction != BOTH_WAYS && v->f->deliver == DELIVER_STATE &&
			    known(v->now[from]) && !value_eq(v->now[from], f->source))
				return false;
		}
	return true;
}

static void decide_field(struct work *w, int i)
{
	struct view v;
	doubt_altered(w, i);
	view_field(w, i, &v);
	enum hold was = v.lf->hold;

	/* A held field follows its values: it is decided anew whenever it can
	 * be, and that takes both sides. */
	if (was != HOLD_NONE && !both_seen(w)) {
		w->carried[i] = true;
		return;
	}
	if (w->in->paused && w->in->paused[i]) {
		if (v.changed[SIDE_ATS] || v.changed[SIDE_SALESFORCE] || v.lf->rule == 0)
			hold_field(w, &v, HOLD_PAUSED, "");
		return;
	}
	v.lf->hold = HOLD_NONE;
	if (v.lf->resolve == RESOLVE_NONE || !resolve(w, &v)) {
		if (v.f->direction == BOTH_WAYS)
			decide_two_way(w, &v);
		else
			decide_one_way(w, &v);
	}
	if (hold_is_open(was) && v.lf->hold != was)
		find_out(w, FINDING_CLOSE, kind_of_hold(was), &v, "");
	w->carried[i] = stands(w, &v);
	if (v.lf->hold == HOLD_NONE && !w->carried[i] && !w->drafted[SIDE_ATS][i] &&
	    !w->drafted[SIDE_SALESFORCE][i])
		v.lf->held[SIDE_ATS] = v.lf->held[SIDE_SALESFORCE] = (struct value){ 0 };
}

/* Something is known of a side's existence: the row follows it. False when the
 * record cannot be decided now. */
static bool follow_existence(struct work *w)
{
	struct link *l = &w->out->link;
	bool broken = false, healed = l->state == LINK_BROKEN;
	for (int s = 0; s < SIDES; s++) {
		if (seen(w, s))
			l->existence[s] = w->in->seen[s]->existence;
		if (l->existence[s] != EXISTENCE_PRESENT)
			broken = true;
	}
	if (!broken) {
		/* both sides may have moved on while nothing was settled */
		if (healed && !both_seen(w))
			return false;
		if (healed) {
			l->state = LINK_LINKED;
			find_out(w, FINDING_CLOSE, MISMATCH_UNDELIVERABLE, NULL, "");
		}
		return true;
	}
	if (l->state != LINK_BROKEN) {
		enum side s = l->existence[SIDE_ATS] != EXISTENCE_PRESENT ? SIDE_ATS :
									    SIDE_SALESFORCE;
		static const char *const how[] = {
			[EXISTENCE_UNKNOWN] = "is not found any more",
			[EXISTENCE_DELETED] = "was deleted",
			[EXISTENCE_MERGED] = "was merged into another record",
		};
		l->state = LINK_BROKEN;
		find_out(w, FINDING_OPEN, MISMATCH_UNDELIVERABLE, NULL,
			 arena_printf(w->a, "%s %.*s %s: nothing is written until a person decides",
				      side_name[s], SV_ARG(l->remote[s]),
				      how[l->existence[s]]).ptr);
	}
	return false;
}

/* A write without an answer: what the target shows now tells what arrived. */
static void look_after_lost(struct work *w, enum side s)
{
	const struct slot *lost = w->in->slot[s];
	struct link *l = &w->out->link;
	bool *ok = arena_array(w->a, bool, lost->field_n + 1);
	for (int k = 0; k < lost->field_n; k++)
		ok[k] = value_eq(w->in->seen[s]->value[lost->field[k].field],
				 lost->field[k].target);
	settle_confirm(w->in->type, l, lost, s, ok, w->in->now_ms);

	struct slot missing = *lost;
	missing.field = arena_array(w->a, struct slot_field, lost->field_n + 1);
	missing.field_n = 0;
	for (int k = 0; k < lost->field_n; k++) {
		const struct slot_field *f = &lost->field[k];
		if (!ok[k])
			missing.field[missing.field_n++] = *f;
		else if (f->step_id.len)
			w->out->spent[w->out->spent_n++] =
				(struct step){ .field = f->field, .id = f->step_id };
	}
	settle_lost(l, &missing, s, lost->sent_ms + w->in->longest_request_ms[s], w->a);
	w->left[s] = missing;
}

static struct link copy_link(const struct settle_input *in, struct arena *a)
{
	struct link l = *in->link;
	l.field = arena_array(a, struct link_field, in->type->field_n);
	memcpy(l.field, in->link->field, sizeof(*l.field) * (size_t)in->type->field_n);
	/* ghosts are forgotten once no request can still carry them */
	l.ghost = arena_array(a, struct ghost, in->link->ghost_n + 1);
	l.ghost_n = 0;
	for (int k = 0; k < in->link->ghost_n; k++)
		if (in->link->ghost[k].until_ms > in->now_ms)
			l.ghost[l.ghost_n++] = in->link->ghost[k];
	return l;
}

static bool same_slot_field(const struct slot_field *a, const struct slot_field *b)
{
	return a->field == b->field && a->cause == b->cause && value_eq(a->source, b->source) &&
	       value_eq(a->target, b->target) && sv_eq(a->step_id, b->step_id);
}

static bool same_content(const struct slot *a, const struct slot *b)
{
	if (a->field_n != b->field_n || a->create != b->create || a->fence_ms != b->fence_ms ||
	    a->unmodified_ms != b->unmodified_ms)
		return false;
	for (int k = 0; k < a->field_n; k++)
		if (!same_slot_field(&a->field[k], &b->field[k]))
			return false;
	return true;
}

/* When the older of the two reads began: the fence of what they decided. */
static int64_t fence_of(const struct work *w)
{
	int64_t a = w->in->seen[SIDE_ATS]->at_ms, s = w->in->seen[SIDE_SALESFORCE]->at_ms;
	return a < s ? a : s;
}

/* The slot as decided now: drafts, and what stood in it of fields that could
 * not be decided anew. */
static void fill_slot(struct work *w, enum side s, bool create)
{
	static const struct slot idle;
	const struct slot *was = w->in->slot[s] ? w->in->slot[s] : &idle;
	const struct treaty_record *type = w->in->type;
	struct slot *now = &w->out->slot[s];
	int64_t stamp = seen(w, s) ? w->in->seen[s]->modified_ms : 0;
	*now = (struct slot){ .create = create, .decided_ms = w->in->now_ms };
	now->field = arena_array(w->a, struct slot_field, type->field_n);

	for (int i = 0; i < type->field_n; i++) {
		bool two_way = type->field[i].direction == BOTH_WAYS;
		int64_t fence = 0;
		if (w->drafted[s][i]) {
			now->field[now->field_n++] = w->draft[s][i];
			fence = two_way && !create ? fence_of(w) : 0;
		} else if (w->carried[i]) {
			for (int k = 0; k < w->left[s].field_n; k++)
				if (w->left[s].field[k].field == i) {
					now->field[now->field_n++] = w->left[s].field[k];
					fence = two_way ? was->fence_ms : 0;
					if (two_way) /* as read for it, not as read now */
						stamp = was->unmodified_ms;
				}
		}
		if (fence && (!now->fence_ms || fence < now->fence_ms))
			now->fence_ms = fence;
	}
	/* without a fence the owner's value is right whatever is there */
	if (now->fence_ms)
		now->unmodified_ms = stamp;
	if (was->state == SLOT_DECIDED && now->field_n) {
		now->decided_ms = was->decided_ms;
		now->attempts = was->attempts;
		now->next_ms = was->next_ms; /* the record's trouble, whatever is written */
	}
	now->state = was->state;
	if (now->field_n)
		slot_move(now, SLOT_DECIDED);
	else if (now->state != SLOT_IDLE)
		slot_move(now, SLOT_IDLE);
	w->out->slot_changed[s] = now->state != was->state ||
				  (now->state == SLOT_DECIDED && !same_content(was, now));
	if (!w->out->slot_changed[s])
		*now = *was;
}

static void keep_slot(struct work *w, enum side s)
{
	if (w->in->slot[s])
		w->out->slot[s] = *w->in->slot[s];
}

static void drop_slot(struct work *w, enum side s)
{
	keep_slot(w, s);
	if (w->out->slot[s].state == SLOT_IDLE)
		return;
	w->out->slot[s].field_n = 0;
	slot_move(&w->out->slot[s], SLOT_IDLE);
	w->out->slot_changed[s] = true;
}

/* The record that is missing gets every field that flows its way. Blank ones
 * are in the slot for their bases; the delivery does not send them. */
static void settle_creating(struct work *w)
{
	enum side o = w->in->link->remote[SIDE_ATS].len ? SIDE_ATS : SIDE_SALESFORCE;
	enum side t = side_other(o);
	if (w->in->slot[t] && w->in->slot[t]->state == SLOT_LOST) {
		keep_slot(w, t); /* looked up before it is repeated: the flow's affair */
		return;
	}
	if (!seen(w, o)) {
		w->out->need[o] = true;
		keep_slot(w, t);
		return;
	}
	if (w->in->seen[o]->existence != EXISTENCE_PRESENT) {
		drop_slot(w, t);
		return;
	}
	for (int i = 0; i < w->in->type->field_n; i++) {
		struct view v;
		view_field(w, i, &v);
		if (v.f->direction != BOTH_WAYS && (enum side)v.f->direction != t)
			continue;
		enum hold was = v.lf->hold;
		struct value target;
		v.lf->hold = HOLD_NONE;
		if (known(v.now[o]) && translated(w, &v, o, v.now[o], &target))
			draft_write(w, &v, t, v.now[o], target, CAUSE_CHANGE);
		if (hold_is_open(was) && v.lf->hold != was)
			find_out(w, FINDING_CLOSE, kind_of_hold(was), &v, "");
		/* the record is not made without what it refers to: the other
		 * system may require it, and a half record helps nobody */
		if (v.lf->hold == HOLD_REFERENCE) {
			drop_slot(w, t);
			return;
		}
	}
	fill_slot(w, t, true);
}

static void settle_linked(struct work *w)
{
	for (int s = 0; s < SIDES; s++) {
		const struct slot *slot = w->in->slot[s];
		if (!slot || slot->state != SLOT_LOST)
			continue;
		if (!seen(w, s)) {
			/* one request in flight: nothing more for this side
			 * before it is known what became of the last */
			w->out->need[s] = true;
			keep_slot(w, SIDE_ATS);
			keep_slot(w, SIDE_SALESFORCE);
			return;
		}
		if (w->in->seen[s]->existence == EXISTENCE_PRESENT)
			look_after_lost(w, s);
	}
	if (!follow_existence(w)) {
		drop_slot(w, SIDE_ATS);
		drop_slot(w, SIDE_SALESFORCE);
		return;
	}
	for (int i = 0; i < w->in->type->field_n; i++)
		decide_field(w, i);
	fill_slot(w, SIDE_ATS, false);
	fill_slot(w, SIDE_SALESFORCE, false);
}

void settle(const struct settle_input *in, struct arena *a, struct plan *out)
{
	int n = in->type->field_n;
	struct work w = { .in = in, .a = a, .out = out };
	*out = (struct plan){ .link = copy_link(in, a) };
	out->finding = arena_array(a, struct finding, 3 * n + 4);
	out->divergence = arena_array(a, struct step, n + 1);
	out->spent = arena_array(a, struct step, in->step_n + 2 * n + 1);
	for (int s = 0; s < SIDES; s++) {
		w.draft[s] = arena_array(a, struct slot_field, n);
		w.drafted[s] = arena_array(a, bool, n);
		if (in->slot[s] && in->slot[s]->state == SLOT_DECIDED)
			w.left[s] = *in->slot[s];
	}
	w.carried = arena_array(a, bool, n);

	switch (in->link->state) {
	case LINK_CREATING:
		settle_creating(&w);
		break;
	case LINK_LINKED:
	case LINK_BROKEN:
		settle_linked(&w);
		break;
	case LINK_LOOKUP:
	case LINK_AMBIGUOUS:
		keep_slot(&w, SIDE_ATS);
		keep_slot(&w, SIDE_SALESFORCE);
		break;
	}
}

static void count_turn(struct link_field *lf, struct value ats, enum cause cause, int64_t now_ms)
{
	bool back = cause == CAUSE_CHANGE && lf->turned_ms && value_eq(ats, lf->before) &&
		    now_ms - lf->turned_ms <= TURNS_WINDOW_MS;
	lf->turns = back ? lf->turns + 1 : 0;
	lf->before = lf->base[SIDE_ATS];
	lf->turned_ms = now_ms;
}

void settle_confirm(const struct treaty_record *type, struct link *link, const struct slot *slot,
		    enum side side, const bool *field_ok, int64_t answered_ms)
{
	for (int k = 0; k < slot->field_n; k++) {
		const struct slot_field *sf = &slot->field[k];
		struct link_field *lf = &link->field[sf->field];
		if (field_ok && !field_ok[k])
			continue;
		if (type->field[sf->field].direction == BOTH_WAYS)
			count_turn(lf, side == SIDE_ATS ? sf->target : sf->source, sf->cause,
				   answered_ms);
		lf->base[side] = sf->target;
		if (known(sf->source))
			lf->base[side_other(side)] = sf->source;
		else if (lf->rule == 0)
			lf->base[side_other(side)] = value_null();
		lf->rule = type->field[sf->field].rule;
		if (lf->altered_side == side) { /* our write stands there now */
			lf->altered = (struct value){ 0 };
			lf->altered_ms = 0;
		}
		lf->restores = sf->cause == CAUSE_RESTORE ? lf->restores + 1 : 0;
		if (sf->cause == CAUSE_RESTORE)
			lf->restored_ms = slot->sent_ms;
		if (type->field[sf->field].direction == BOTH_WAYS) {
			lf->wrote_side = side;
			lf->fenced_ms = slot->fence_ms;
			lf->wrote_ms = answered_ms;
		}
		if (lf->hold == HOLD_NONE)
			lf->held[SIDE_ATS] = lf->held[SIDE_SALESFORCE] = (struct value){ 0 };
		lf->resolve_seen[side] = sf->target;
		if (value_eq(lf->resolve_seen[SIDE_ATS], lf->base[SIDE_ATS]) &&
		    value_eq(lf->resolve_seen[SIDE_SALESFORCE], lf->base[SIDE_SALESFORCE]))
			lf->resolve = RESOLVE_NONE;
	}
}

void settle_lost(struct link *link, const struct slot *slot, enum side side, int64_t until_ms,
		 struct arena *a)
{
	struct ghost *all = arena_array(a, struct ghost, link->ghost_n + slot->field_n);
	if (link->ghost_n)
		memcpy(all, link->ghost, sizeof(*all) * (size_t)link->ghost_n);
	for (int k = 0; k < slot->field_n; k++)
		all[link->ghost_n++] = (struct ghost){
			.side = side, .field = slot->field[k].field,
			.value = slot->field[k].target, .until_ms = until_ms,
		};
	link->ghost = all;
}

/* settle.c - the record: its existence, its fields, its slots, its answers. */
#include "settle/work.h"

void view_field(const struct work *w, int i, struct view *v)
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
	if (work_seen(w, SIDE_ATS) && work_seen(w, SIDE_SALESFORCE))
		return false;
	for (int s = 0; s < SIDES; s++)
		for (int k = 0; k < w->left[s].field_n; k++) {
			const struct slot_field *f = &w->left[s].field[k];
			enum side from = side_other((enum side)s);
			if (f->field != v->i || w->drafted[s][v->i])
				continue;
			work_both_seen(w);
			if (v->f->direction != BOTH_WAYS && v->f->deliver == DELIVER_STATE &&
			    known(v->now[from]) && !value_eq(v->now[from], f->source))
				return false;
		}
	return true;
}

/* Nothing is held and nothing waits to be written. An edit that could not be
 * decided, because only its own side was read, is not answered for yet. */
static void forget_held(const struct work *w, const struct view *v)
{
	bool both = work_seen(w, SIDE_ATS) && work_seen(w, SIDE_SALESFORCE);
	for (int s = 0; s < SIDES; s++)
		if (both || !v->changed[s])
			v->lf->held[s] = (struct value){ 0 };
}

static void decide_field(struct work *w, int i)
{
	struct view v;
	work_doubt_altered(w, i);
	view_field(w, i, &v);
	enum hold was = v.lf->hold;

	/* A held field follows its values: it is decided anew whenever it can
	 * be, and that takes both sides. */
	if (was != HOLD_NONE && !work_both_seen(w) && !work_awaits(w, &v)) {
		w->carried[i] = true;
		return;
	}
	if (w->in->paused && w->in->paused[i]) {
		if (v.changed[SIDE_ATS] || v.changed[SIDE_SALESFORCE] || v.lf->rule == 0)
			work_hold(w, &v, HOLD_PAUSED, "");
		return;
	}
	v.lf->hold = HOLD_NONE;
	v.lf->away_ms = 0;
	if (v.lf->resolve == RESOLVE_NONE || !decide_by_person(w, &v)) {
		if (v.f->direction == BOTH_WAYS)
			decide_two_way(w, &v);
		else
			decide_one_way(w, &v);
	}
	if (hold_is_open(was) && v.lf->hold != was)
		work_finding(w, FINDING_CLOSE, hold_kind(was), &v, "");
	w->carried[i] = stands(w, &v);
	if (v.lf->hold == HOLD_NONE && !w->carried[i] && !w->drafted[SIDE_ATS][i] &&
	    !w->drafted[SIDE_SALESFORCE][i])
		forget_held(w, &v);
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
	/* also of what stands there already: it may be somebody's who wrote the
	 * same, and ours still to come */
	settle_lost(l, lost, s, lost->sent_ms + w->in->longest_request_ms[s], w->a);
	w->left[s] = missing;
}

static struct link copy_link(const struct settle_input *in, struct arena *a)
{
	struct link l = *in->link;
	l.field = arena_array(a, struct link_field, in->type->field_n);
	memcpy(l.field, in->link->field, sizeof(*l.field) * (size_t)in->type->field_n);
	/* ghosts are forgotten once no request can still carry them, and what
	 * one carried late has surely been told */
	l.ghost = arena_array(a, struct ghost, in->link->ghost_n + 1);
	l.ghost_n = 0;
	for (int k = 0; k < in->link->ghost_n; k++)
		if (in->link->ghost[k].until_ms + DOUBT_MS > in->now_ms)
			l.ghost[l.ghost_n++] = in->link->ghost[k];
	return l;
}

static bool same_slot_field(const struct slot_field *a, const struct slot_field *b)
{
	return a->field == b->field && a->cause == b->cause && a->rule == b->rule && a->half == b->half &&
	       value_eq(a->source, b->source) && value_eq(a->target, b->target) &&
	       sv_eq(a->step_id, b->step_id);
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
	int64_t stamp = work_seen(w, s) ? w->in->seen[s]->modified_ms : 0;
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
	if (!work_seen(w, o)) {
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
		if (known(v.now[o]) && work_translated(w, &v, o, v.now[o], &target))
			work_draft(w, &v, t, v.now[o], target, CAUSE_CHANGE);
		if (hold_is_open(was) && v.lf->hold != was)
			work_finding(w, FINDING_CLOSE, hold_kind(was), &v, "");
		/* the record is not made without what it refers to: the other
		 * system may require it, and a half record helps nobody */
		if (v.lf->hold == HOLD_REFERENCE) {
			drop_slot(w, t);
			return;
		}
	}
	fill_slot(w, t, true);
}

/* One-way fields first: who wins a two-way one may depend on them. */
static void decide_fields(struct work *w)
{
	const struct treaty_record *type = w->in->type;
	work_group_edits(w);
	for (int both = 0; both <= 1; both++)
		for (int i = 0; i < type->field_n; i++)
			if ((type->field[i].direction == BOTH_WAYS) == both)
				decide_field(w, i);
	work_hold_together(w);
}

/* A record that is gone: what the treaty has its pair show. */
static void decide_constants(struct work *w)
{
	const struct link *l = &w->out->link;
	for (int i = 0; i < w->in->type->field_n; i++) {
		const struct treaty_field *f = &w->in->type->field[i];
		if (field_of_existence(f) && l->existence[field_owner(f)] == EXISTENCE_DELETED &&
		    l->existence[f->direction] == EXISTENCE_PRESENT)
			decide_field(w, i);
	}
}

static void settle_linked(struct work *w)
{
	for (int s = 0; s < SIDES; s++) {
		const struct slot *slot = w->in->slot[s];
		if (!slot || slot->state != SLOT_LOST)
			continue;
		if (!work_seen(w, s)) {
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
		if (work_create_again(w)) {
			drop_slot(w, SIDE_ATS);
			drop_slot(w, SIDE_SALESFORCE);
			return;
		}
		decide_constants(w);
	} else {
		decide_fields(w);
	}
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
	w.edited = arena_alloc(a, sizeof(*w.edited) * (size_t)(in->type->together_n + 1));

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

/* Of a set that is written to both sides, the first answer is a half. */
static void move_bases(struct link_field *lf, const struct slot_field *sf, enum side side)
{
	enum side other = side_other(side);
	lf->base[side] = sf->target;
	if (!sf->half && known(sf->source))
		lf->base[other] = sf->source;
	else if (lf->rule == 0)
		lf->base[other] = value_null();
	lf->half = sf->half && !value_eq(lf->base[other], sf->source);
	lf->half_side = other;
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
		move_bases(lf, sf, side);
		/* the treaty may have changed since it was sent: what arrived then
		 * is a base of the old rule, and is brought to the new one */
		lf->rule = sf->rule ? sf->rule : type->field[sf->field].rule;
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
		lf->overdue = false;
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

/* Written by somebody else than we, as far as the row tells: neither what we
 * last wrote or saw there, nor what we are writing, nor wrote before. */
static bool strange(const struct link *l, const struct slot_field *sf, enum side side,
		    const struct observation *seen)
{
	struct value now = seen->value[sf->field];
	const struct link_field *lf = &l->field[sf->field];
	if (seen->author == AUTHOR_OWN || value_blank(now) || lf->rule == 0 ||
	    value_eq(now, lf->base[side]) || value_eq(now, sf->target) ||
	    value_eq(now, lf->held[side]))
		return false;
	for (int k = 0; k < l->ghost_n; k++)
		if (l->ghost[k].side == side && l->ghost[k].field == sf->field &&
		    value_eq(l->ghost[k].value, now))
			return false;
	return true;
}

int settle_under_way(const struct treaty_record *type, struct link *link, const struct slot *slot,
		     enum side side, const struct observation *seen, struct arena *a,
		     struct finding **out)
{
	int n = 0;
	*out = arena_array(a, struct finding, slot->field_n);
	if (seen->existence != EXISTENCE_PRESENT || slot->create)
		return 0;
	for (int k = 0; k < slot->field_n; k++) {
		const struct slot_field *sf = &slot->field[k];
		struct value now = seen->value[sf->field];
		bool both = type->field[sf->field].direction == BOTH_WAYS;
		if (!known(now) || !strange(link, sf, side, seen))
			continue;
		(*out)[n] = (struct finding){
			.what = FINDING_LOG, .kind = both ? MISMATCH_OVERTAKEN : MISMATCH_EDIT,
			.field = sf->field, .lost_side = side, .lost = now,
			.detail = SV("seen while a write of ours to it was under way"),
		};
		(*out)[n].value[side] = now;
		(*out)[n++].value[side_other(side)] = sf->source;
		link->field[sf->field].held[side] = now;
	}
	return n;
}

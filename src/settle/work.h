/* work.h - one settle at work: what its parts share. Only src/settle includes
 * this. */
#ifndef TREATY_SETTLE_WORK_H
#define TREATY_SETTLE_WORK_H

#include "settle/settle.h"

/* One settle at work. A field is decided from its view, and what is decided
 * goes into the draft of the target side's slot. */
struct work {
	const struct settle_input *in;
	struct arena *a;
	struct plan *out;
	struct slot_field *draft[SIDES]; /* by field; .cause valid when set */
	bool *drafted[SIDES];
	bool (*edited)[SIDES]; /* by group of fields that go together: a member was */
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

static inline bool work_seen(const struct work *w, enum side s)
{
	return w->in->seen[s] != NULL;
}

static inline bool known(struct value v)
{
	return v.kind != VALUE_UNKNOWN;
}

/* ---- settle.c ---- */

void view_field(const struct work *w, int i, struct view *v);

/* ---- work.c: the plan as it grows, and what is asked of every field ---- */

struct finding *work_finding(struct work *w, int what, enum mismatch_kind kind,
			     const struct view *v, const char *detail);
void work_log_lost(struct work *w, const struct view *v, enum mismatch_kind kind,
		   enum side loser, const char *detail);
bool work_logged_before(const struct work *w, const struct view *v, enum side loser);
void work_draft(struct work *w, const struct view *v, enum side to, struct value source,
		struct value target, enum cause cause);
void view_agree(struct view *v);
enum mismatch_kind hold_kind(enum hold h);
bool hold_is_open(enum hold h);
void work_hold(struct work *w, struct view *v, enum hold h, const char *detail);
bool work_both_seen(struct work *w);
bool work_own_change(const struct work *w, const struct view *v, enum side s);
bool work_late_arrival(const struct work *w, const struct view *v, enum side s);
void work_hold_unread(struct work *w, struct view *v);
void work_accept_altered(struct work *w, struct view *v, enum side s);
void work_doubt_altered(const struct work *w, int i);
bool work_translated(struct work *w, struct view *v, enum side from, struct value value,
		     struct value *out);
void work_still_rejected(const struct work *w, struct view *v, enum side target);

/* ---- one_way.c ---- */

void decide_one_way(struct work *w, struct view *v);

/* ---- two_way.c ---- */

void work_take_side(struct work *w, struct view *v, enum side from, enum cause cause);
void decide_two_way(struct work *w, struct view *v);

bool work_edited(const struct work *w, const struct view *v, enum side s);

/* ---- together.c ---- */

void work_group_edits(struct work *w);
void work_hold_together(struct work *w);

/* ---- existence.c ---- */

bool follow_existence(struct work *w);
bool work_create_again(struct work *w);

/* ---- away.c ---- */

bool work_awaits(const struct work *w, const struct view *v);
void work_await(struct work *w, struct view *v, enum side away);
bool work_hold_overdue(struct work *w, struct view *v);

/* ---- person.c ---- */

bool decide_by_person(struct work *w, struct view *v);

#endif

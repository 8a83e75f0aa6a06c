/* together.c - fields that mean something only as one (an address, dependent
 * picklists, the parts of a name): held as one, and so sent as one. */
#include "settle/work.h"

/* On which sides a member of each group was edited: two halves of an address
 * that were changed on two sides are no address. */
void work_group_edits(struct work *w)
{
	for (int i = 0; i < w->in->type->field_n; i++) {
		struct view v;
		view_field(w, i, &v);
		for (int s = 0; v.f->together && s < SIDES; s++)
			if (work_edited(w, &v, (enum side)s))
				w->edited[v.f->together][s] = true;
	}
}

static bool is_held(const struct work *w, int group)
{
	for (int i = 0; i < w->in->type->field_n; i++) {
		enum hold h = w->out->link.field[i].hold;
		if (w->in->type->field[i].together == group && h != HOLD_NONE &&
		    h != HOLD_TOGETHER)
			return true;
	}
	return false;
}

/* What was said of a write that is not made now. */
static void unsay_losses(struct work *w, int field)
{
	int n = 0;
	for (int k = 0; k < w->out->finding_n; k++) {
		const struct finding *f = &w->out->finding[k];
		if (f->field != field || f->what != FINDING_LOG || !known(f->lost))
			w->out->finding[n++] = *f;
	}
	w->out->finding_n = n;
}

static void hold_member(struct work *w, int i)
{
	struct view v;
	view_field(w, i, &v);
	bool left = false;
	for (int s = 0; s < SIDES; s++)
		for (int k = 0; k < w->left[s].field_n; k++)
			left = left || (w->carried[i] && w->left[s].field[k].field == i);
	if (v.lf->hold != HOLD_NONE || (!w->drafted[SIDE_ATS][i] && !w->drafted[SIDE_SALESFORCE][i] && !left))
		return;
	w->drafted[SIDE_ATS][i] = w->drafted[SIDE_SALESFORCE][i] = w->carried[i] = false;
	unsay_losses(w, i);
	work_hold(w, &v, HOLD_TOGETHER, "");
}

void work_hold_together(struct work *w)
{
	for (int i = 0; i < w->in->type->field_n; i++) {
		int group = w->in->type->field[i].together;
		if (group && is_held(w, group))
			hold_member(w, i);
	}
}

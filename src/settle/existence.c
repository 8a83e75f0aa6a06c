/* existence.c - whether both records are there, and what the treaty says when
 * one is not. Nothing is ever deleted, and nothing is written to a record that
 * is not present. */
#include "settle/work.h"

static const char *gone_how(enum existence e)
{
	static const char *const how[] = {
		[EXISTENCE_UNKNOWN] = "is not found any more",
		[EXISTENCE_DELETED] = "was deleted",
		[EXISTENCE_MERGED] = "was merged into another record",
	};
	return how[e];
}

/* The treaty answers for what is proven to be deleted; what is only absent, or
 * merged into a record that has a link of its own, is a person's. */
static bool answered(const struct work *w, enum side s)
{
	return w->out->link.existence[s] == EXISTENCE_DELETED &&
	       w->in->type->side[s].deleted != DELETED_REVIEW;
}

static void tell_gone(struct work *w, enum side s)
{
	static const char *const then[] = {
		[DELETED_REVIEW] = "nothing is written until a person decides",
		[DELETED_KEEP] = "the other record stays as it is",
		[DELETED_SET] = "the other record is marked as the treaty says",
		[DELETED_CREATE] = "it is created again",
	};
	const struct link *l = &w->out->link;
	bool by_treaty = answered(w, s);
	work_finding(w, by_treaty ? FINDING_LOG : FINDING_OPEN, MISMATCH_UNDELIVERABLE, NULL,
		     arena_printf(w->a, "%s %.*s %s: %s", side_name[s], SV_ARG(l->remote[s]),
				  gone_how(l->existence[s]),
				  then[by_treaty ? w->in->type->side[s].deleted :
						   DELETED_REVIEW]).ptr);
}

/* Something is known of a side's existence: the row follows it. False when the
 * record cannot be decided now. */
bool follow_existence(struct work *w)
{
	struct link *l = &w->out->link;
	bool healed = l->state == LINK_BROKEN, news = l->state != LINK_BROKEN;
	enum side gone = SIDES;
	for (int s = SIDES - 1; s >= 0; s--) {
		enum existence was = l->existence[s];
		if (work_seen(w, s))
			l->existence[s] = w->in->seen[s]->existence;
		if (l->existence[s] != EXISTENCE_PRESENT)
			gone = s;
		/* proven now, and the treaty has an answer to that */
		if (was == EXISTENCE_UNKNOWN && answered(w, s) && l->state == LINK_BROKEN) {
			work_finding(w, FINDING_CLOSE, MISMATCH_UNDELIVERABLE, NULL, "");
			news = true;
		}
	}
	if (gone == SIDES) {
		/* both sides may have moved on while nothing was settled */
		if (healed && !work_both_seen(w))
			return false;
		if (healed) {
			l->state = LINK_LINKED;
			work_finding(w, FINDING_CLOSE, MISMATCH_UNDELIVERABLE, NULL, "");
		}
		return true;
	}
	l->state = LINK_BROKEN;
	if (news)
		tell_gone(w, gone);
	return false;
}

/* A record that was deleted begins anew, as one that the other side has and
 * this one lacks. True when it does. */
bool work_create_again(struct work *w)
{
	struct link *l = &w->out->link;
	for (int s = 0; s < SIDES; s++) {
		enum side o = side_other((enum side)s);
		if (!answered(w, s) || w->in->type->side[s].deleted != DELETED_CREATE)
			continue;
		if (!work_seen(w, o)) {
			w->out->need[o] = true;
			continue;
		}
		if (l->existence[o] != EXISTENCE_PRESENT)
			continue;
		l->state = LINK_LOOKUP;
		l->remote[s] = SV_NONE;
		l->existence[s] = EXISTENCE_UNKNOWN;
		l->ghost_n = 0;
		memset(l->field, 0, sizeof(*l->field) * (size_t)w->in->type->field_n);
		return true;
	}
	return false;
}

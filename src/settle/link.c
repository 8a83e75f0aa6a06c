#include "settle/link.h"

#include "base/panic.h"

const char *hold_name(enum hold h)
{
	static const char *const name[] = {
		[HOLD_NONE] = "none",	      [HOLD_CONFLICT] = "conflict",
		[HOLD_REJECTED] = "rejected", [HOLD_UNMAPPED] = "unmapped",
		[HOLD_REFERENCE] = "reference", [HOLD_LOOP] = "loop",
		[HOLD_PAUSED] = "paused",
		[HOLD_UNREAD] = "unread",
		[HOLD_DEPENDS] = "depends",   [HOLD_TOGETHER] = "together",
		[HOLD_BACKWARD] = "backward",
		[HOLD_AWAY] = "away",	      [HOLD_OVERDUE] = "overdue",
	};
	return name[h];
}

const char *slot_state_name(enum slot_state s)
{
	static const char *const name[] = { "idle", "decided", "sent", "lost" };
	return name[s];
}

const char *cause_name(enum cause c)
{
	static const char *const name[] = { "change", "resolve", "restore", "backfill" };
	return name[c];
}

void slot_move(struct slot *s, enum slot_state to)
{
	static const bool legal[4][4] = {
		[SLOT_IDLE] = { [SLOT_DECIDED] = true },
		/* a decision is replaced, or there is nothing left to write */
		[SLOT_DECIDED] = { [SLOT_DECIDED] = true, [SLOT_IDLE] = true, [SLOT_SENT] = true },
		/* answered; surely not executed; no answer */
		[SLOT_SENT] = { [SLOT_IDLE] = true, [SLOT_DECIDED] = true, [SLOT_LOST] = true },
		/* the target was read: done, or to be sent again */
		[SLOT_LOST] = { [SLOT_IDLE] = true, [SLOT_DECIDED] = true },
	};
	if (!legal[s->state][to])
		panic("slot: %s -> %s is not a move", slot_state_name(s->state),
		      slot_state_name(to));
	s->state = to;
}

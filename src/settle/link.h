/* link.h - a link: two records, one in each system, known to be the same
 * thing; and its slots, the pending write to each side.
 *
 * One link is one compact row of the store: one read and one write a settle,
 * whatever the number of fields. The structs here are what settle works on;
 * their memory is the arena of the unit of work.
 *
 *   linking:   (no row) -> LOOKUP -> CREATING -> LINKED -> BROKEN
 *                            '-> LINKED (found)      '-> LINKED (came back)
 *   slot:      IDLE -> DECIDED -> SENT -> IDLE (answered)
 *                        ^          '-> LOST -> IDLE or DECIDED (after a read)
 */
#ifndef TREATY_LINK_H
#define TREATY_LINK_H

#include "settle/observation.h"

enum link_state {
	LINK_LOOKUP,	/* one side known; the other is to be looked up */
	LINK_CREATING,	/* looked up, not there; being created */
	LINK_LINKED,
	LINK_AMBIGUOUS, /* several fit; a person links */
	LINK_BROKEN,	/* a side is deleted or merged away: writes suspended */
};

/* Why a field is not decided by its rule just now. */
enum hold {
	HOLD_NONE,
	HOLD_CONFLICT,	/* both sides changed and a person decides */
	HOLD_REJECTED,	/* the target refused this value */
	HOLD_UNMAPPED,	/* the picklist map does not know the value */
	HOLD_REFERENCE, /* the record referred to has no link yet */
	HOLD_LOOP,	/* restored too often: writing stopped */
	HOLD_PAUSED,	/* somebody pressed the stop button */
	HOLD_UNREAD,	/* a side's value is not known: cut short, no right */
	HOLD_AWAY,	/* two-way: the other side's system cannot be read */
	HOLD_OVERDUE,	/* the same for longer than the treaty waits: a person's */
	HOLD_DEPENDS,	/* the field that says who wins is not settled yet */
	HOLD_TOGETHER,	/* a field that it goes together with is held */
	HOLD_BACKWARD,	/* the owner went back in a lifecycle that only goes forward */
	HOLDS,		/* how many; they are stored by number, so a new one goes before it */
};
const char *hold_name(enum hold h);

/* What a person said about a held field. */
enum resolve_action {
	RESOLVE_NONE,
	RESOLVE_TAKE_ATS = 1 + SIDE_ATS,
	RESOLVE_TAKE_SALESFORCE = 1 + SIDE_SALESFORCE,
	RESOLVE_VALUE,	/* write the typed value to both */
	RESOLVE_RETRY,	/* send it again as it is */
	RESOLVE_IGNORE, /* the bases move to what each side shows */
	/* resolve_value, in that side's form, goes back there alone, if it still
	 * shows resolve_seen; the other side is as it is */
	RESOLVE_REVERT_ATS,
	RESOLVE_REVERT_SALESFORCE,
};

struct link_field {
	struct value base[SIDES]; /* unknown when rule is 0 */
	uint64_t rule;		  /* digest the bases were made under; 0: no base */
	enum hold hold;
	/* What the sides showed when it was held; without a hold: of the write
	 * that waits, the edit that it carries, and the lost value that was
	 * logged for it. */
	struct value held[SIDES];
	unsigned restores;	  /* in a row, without a change at the owner */
	int64_t restored_ms;	  /* the last of them */
	/* The base of 'altered_side' before we took a difference there for an
	 * alteration by the target in our own write; altered_ms 0: none. */
	struct value altered;
	enum side altered_side;
	int64_t altered_ms;
	/* Two-way fields: the ATS's base before the last one, and how often in a
	 * row the field went back to that. */
	struct value before;
	unsigned turns;
	int64_t turned_ms;
	/* Union: 'half_side' is still to be brought to the united set, which the
	 * other side has; its base is older than the other's, so that both show
	 * their bases does not mean that they agree. */
	bool half;
	enum side half_side;
	/* Two-way fields: our last write of it, from the reads that it was
	 * decided on to its answer. A stranger's change in between that no read
	 * shows any more was overwritten by us unseen. */
	enum side wrote_side;
	int64_t fenced_ms, wrote_ms;
	/* Two-way fields: the side that cannot be read, and since when the field
	 * waits for it; away_ms 0: it does not. 'overdue': it waited for longer
	 * than the treaty says, and should both sides have changed meanwhile, a
	 * person decides; until the sides agree again. */
	enum side away_side;
	int64_t away_ms;
	bool overdue;
	enum resolve_action resolve;
	struct value resolve_value;	  /* RESOLVE_VALUE: in the ATS's form; RESOLVE_REVERT */
	struct value resolve_seen[SIDES]; /* what the person was shown */
};

/* A value whose write got no answer: it may still be executed until 'until'. */
struct ghost {
	enum side side;
	int field;
	struct value value;
	int64_t until_ms;
};

struct link {
	int64_t id; /* 0: no row yet */
	int record; /* index of the record type */
	struct sv remote[SIDES]; /* record ids; empty: not known */
	enum link_state state;
	enum existence existence[SIDES]; /* base of existence */
	int64_t fresh_seq[SIDES]; /* observations that began before are old */
	bool marks_wait; /* marks of it wait for a slot to be answered */
	struct link_field *field; /* as treaty_record.field */
	struct ghost *ghost;
	int ghost_n;
};

enum slot_state { SLOT_IDLE, SLOT_DECIDED, SLOT_SENT, SLOT_LOST };
const char *slot_state_name(enum slot_state s);

/* Why a value is written; also its priority class. */
enum cause { CAUSE_CHANGE, CAUSE_RESOLVE, CAUSE_RESTORE, CAUSE_BACKFILL };
const char *cause_name(enum cause c);

struct slot_field {
	int field;
	struct value source; /* at the side it comes from; its base when confirmed */
	struct value target; /* as sent; the target's base when confirmed */
	struct sv step_id;   /* DELIVER_EACH: the step that this delivers */
	enum cause cause;
	uint64_t rule;	     /* it was decided under; 0: the treaty's present one */
	bool half;	     /* the other side is brought to 'source' by a write of its own */
};

struct slot {
	enum slot_state state;
	bool create;
	struct slot_field *field;
	int field_n;
	int64_t decided_ms;
	int64_t fence_ms; /* when the reads of its two-way fields began; 0: none */
	int64_t unmodified_ms; /* the target's own stamp in them; 0: none */
	int64_t sent_ms;
	int64_t next_ms; /* not before */
	int attempts;
	int64_t decision; /* what the journal calls it; 0: not noted yet */
};

/* The only way to change a slot's state; an illegal move is a panic. */
void slot_move(struct slot *s, enum slot_state to);

#endif

/* settle.h - the decision: given the rules, a link's row and what the sides
 * showed, what is to be written where, what moves, and what a person must see.
 *
 * Pure: no I/O, no clock, no log; everything it makes is in the arena given.
 * Any thread. The rules are those of docs/architecture.md, 'Settle'. Deciding
 * twice from the same input gives the same plan; deciding again after the plan
 * was carried out gives nothing to do. */
#ifndef TREATY_SETTLE_H
#define TREATY_SETTLE_H

#include "settle/link.h"

/* So many restores of one field within the window, without a change at the
 * owner, and writing stops: something or somebody fights us. The window keeps
 * four honest slips in a year from looking like a loop. */
enum { RESTORES_MAX = 3 };
#define RESTORES_WINDOW_MS (24 * 3600 * (int64_t)1000)

/* A stranger's mark may come this long after the read that showed his value:
 * as long as a feed keeps what it has to say (Salesforce: 72 hours). */
#define DOUBT_MS (72 * 3600 * (int64_t)1000)

/* So often may a two-way field go back to the value before its last, each time
 * within the window of the time before; then it is a cycle (two robots, or two
 * systems that reformat what the other wrote). */
enum { TURNS_MAX = 6 };
#define TURNS_WINDOW_MS (3600 * (int64_t)1000)

/* An undelivered step of a DELIVER_EACH field, oldest first. */
struct step {
	int field;
	struct sv id;
	struct value value; /* at the owner */
};

struct settle_input {
	const struct treaty_record *type;
	const struct link *link;
	/* NULL: not read. A side that the plan needs is asked for in 'need'. */
	const struct observation *seen[SIDES];
	/* Of the marks since the last settle: OWN when all were our own,
	 * FOREIGN when one was not. */
	enum author author[SIDES];
	/* Which fields the feed said that our own writes changed, and strangers;
	 * NULL when it does not tell. */
	const bool *own_field[SIDES];
	const bool *foreign_field[SIDES];
	int64_t changed_ms[SIDES]; /* the last change marked, by that system's clock */
	const struct slot *slot[SIDES]; /* never SENT: the caller waits for the answer */
	const struct step *step;
	int step_n;
	const bool *paused; /* per field, or NULL */
	bool away[SIDES];   /* not read because its system does not answer */
	int64_t now_ms;
	int64_t longest_request_ms[SIDES];
};

/* Entries of the conflict log (design: mismatches) and of the journal. */
enum mismatch_kind {
	MISMATCH_CONFLICT,
	MISMATCH_EDIT,	     /* of a read-only copy */
	MISMATCH_REJECTED,
	MISMATCH_AMBIGUOUS,
	MISMATCH_OVERTAKEN,
	MISMATCH_ALTERED,
	MISMATCH_LOOP,
	MISMATCH_DRIFT,
	MISMATCH_UNAVAILABLE,
	MISMATCH_UNDELIVERABLE,
	MISMATCH_MASS_CHANGE, /* too much at once: a type's writing halts */
	MISMATCH_SWEEP,	      /* a listing that cannot be whole: the sweep ended */
	MISMATCH_SILENCE,     /* a feed that says nothing of what happens */
	MISMATCH_GAP,	      /* a feed lost its position; being read again */
	MISMATCH_BACKWARD,    /* a step back in a lifecycle that only goes forward */
	MISMATCH_BACKLOG,     /* what could be done for a system waits for long */
	MISMATCH_SELF_CHECK,  /* the store does not add up */
	MISMATCH_QUOTA,	      /* most of a system's calls are used */
	MISMATCH_DAMAGED,     /* a row of the store that could not be read */
	MISMATCH_KINDS, /* how many; a new kind goes before it */
};
const char *mismatch_kind_name(enum mismatch_kind k);

struct finding {
	enum {
		FINDING_LOG,   /* happened, decided by rule; closed from the start */
		FINDING_OPEN,  /* waits for a person, or has other values now */
		FINDING_CLOSE, /* no longer so */
	} what;
	enum mismatch_kind kind;
	int field; /* or -1: the record */
	struct value value[SIDES];
	enum side lost_side; /* LOG of an overwritten value: where it stood */
	struct value lost;   /* the value that we overwrite; unknown: none */
	struct sv detail;
};

struct plan {
	/* A side that must be read before all is decided. What is decided here
	 * holds nevertheless; the marks stay when a need cannot be met. */
	bool need[SIDES];
	/* Fields wait for a side that is away: when to try them again, as the
	 * treaty says; 0: none does. */
	int64_t retry_ms;
	struct link link; /* the row as it is to be stored */
	struct slot slot[SIDES];
	bool slot_changed[SIDES];
	/* DELIVER_EACH: the owner shows what no step says. The caller stores
	 * it as a step (and settles again with it). */
	struct step *divergence;
	int divergence_n;
	/* Steps that need no delivery (any more), with all before them. */
	struct step *spent;
	int spent_n;
	struct finding *finding;
	int finding_n;
};

void settle(const struct settle_input *in, struct arena *a, struct plan *out);

/* After an answer: the bases move to what was sent. 'field_ok' may be NULL
 * (all) or says which of the slot's fields the target took. */
void settle_confirm(const struct treaty_record *type, struct link *link, const struct slot *slot,
		    enum side side, const bool *field_ok, int64_t answered_ms);

/* A read of the target while a write to it is under way: what it shows there of
 * a stranger's, the write overwrites unless it came after. There is nothing to
 * decide before the answer, which may be all that is seen afterwards: this is
 * for the log. Returns how many findings; the row remembers that they are told. */
int settle_under_way(const struct treaty_record *type, struct link *link, const struct slot *slot,
		     enum side side, const struct observation *seen, struct arena *a,
		     struct finding **out);

/* A slot whose answer was lost: its values may still arrive until then. */
void settle_lost(struct link *link, const struct slot *slot, enum side side, int64_t until_ms,
		 struct arena *a);

#endif

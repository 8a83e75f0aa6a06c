/* flow.h - what the steps share: the engine's insides. Only src/flow includes
 * this. */
#ifndef TREATY_FLOW_H
#define TREATY_FLOW_H

#include "flow/engine.h"
#include "flow/governor.h"
#include "store/audit.h"
#include "store/journal.h"
#include "store/slots.h"
#include "store/steps.h"

/* What one record type reads from one side. Immutable once it is in place. */
struct reading {
	struct arena arena;
	struct object_ref object;
	struct field_ref *field; /* as object.field */
	int *of; /* treaty field -> place in 'field', or one of these */
	int absent_n;
	struct reading *older; /* the one it replaced */
};
enum { READ_ID = -1, READ_ABSENT = -2, READ_EXISTS = -3 }; /* the row's id, or that it is there; see drift.c */

/* Links of a record type, as last counted. Used in transactions only. */
struct linked_count {
	int64_t n, at_ms;
};

/* Links whose records are being read to be decided anew; 0: that is done. In
 * the memory of whoever reads, for as long. */
struct looked_at {
	struct looked_at *next;
	_Atomic int64_t *link;
	int n;
};

/* Where engine_keep is; see there. */
struct keeping {
	enum keep_phase { KEEP_BEGIN, KEEP_WALK, KEEP_LINKS, KEEP_SLOTS, KEEP_PRUNE, KEEP_PHASES } phase;
	bool loaded;
	int64_t told_ms, next_ms, saved_ms;
	unsigned bad; /* parts that this round found trouble in; see keep.c */
	struct audit audit;
	int64_t after; /* the last link looked at */
};

/* What engine_alerts need not look up each time. */
struct alerts_memory {
	int64_t looked_ms, over_ms, sent_ms;
	int64_t seen_id; /* open entries up to it were looked at... */
	int64_t next_ms; /* ...and the next of them is due then */
	int64_t rest_ms; /* so many were open that all are not looked at before */
};

struct engine {
	struct engine_options o;
	const struct treaty *treaty;
	struct store *store;
	struct clock *clock;
	struct connector *system[SIDES];
	struct governor governor[SIDES];
	struct reading *_Atomic *reading[SIDES]; /* by record type */
	pthread_mutex_t drift_mutex; /* one comparison of schemas at a time */
	int64_t drift_ms;	     /* they were last compared */
	pthread_mutex_t looked_mutex;
	struct looked_at *looked;
	int64_t request_ms[SIDES];	/* longest request */
	int64_t fence_ms, echo_linger_ms;
	_Atomic bool bound[SIDES]; /* told its organisation, and it is ours */
	struct linked_count *linked; /* by record type */
	int64_t swept_ms, sweep_looked_ms; /* the last page; the last look at the clock */
	bool down_told[SIDES]; /* an open 'unavailable' mismatch stands */
	int strain_told[SIDES]; /* per cent that an open 'quota' mismatch says; 0: none */
	bool woken;	       /* marks, by the end of an outage */
	int64_t told_ms;
	int64_t said_ms[SIDES]; /* see silence.c */
	int64_t watched_ms, summed_ms;
	struct keeping keep; /* of the thread in engine_keep */
	struct alerts_memory alerts; /* of the thread in engine_alerts */
};

enum { PRIORITY_BACKFILL = 100000 }; /* added to a record type's */

/* ---- read.c: observations ---- */

/* Reads records of one side in as many calls as it takes; seen[i] answers
 * id[i]. When a call fails, those that were read before have a seq: the next
 * try asks for the others, or a batch larger than a budget would never end. */
bool read_records(struct engine *e, int record, enum side side, const struct sv *id, int n,
		  struct arena *a, struct observation **seen, struct err *err);
/* A row as the engine sees it. */
struct observation observe(struct engine *e, int record, const struct reading *r,
			   const struct row *row, int64_t seq, int64_t at_ms, struct arena *a);
/* References in 'seen' become links where the record referred to has one. In
 * a transaction. */
void resolve_references(struct engine *e, struct db *db, int record, enum side side,
			struct observation *seen, struct arena *a);
/* Every step that the owner's history knows by now is stored; true when no
 * field of the type needs it. */
bool read_history(struct engine *e, int record, enum side owner, struct arena *a,
		  struct err *err);

/* One call to a system, governed. False: not now. */
bool side_ready(struct engine *e, enum side side, struct err *err); /* its organisation is ours */
bool call_begin(struct engine *e, enum side side, struct err *err);
void call_end(struct engine *e, enum side side, bool ok, const struct err *err);

/* ---- decide.c ---- */

/* Is it being read just now? A write that goes out meanwhile would overwrite
 * what the read shows before anybody has seen it. */
bool being_looked_at(struct engine *e, int64_t link);

/* ---- feed.c ---- */

/* What a system says changed, as marks. In a transaction. */
void mark_changes(struct engine *e, struct db *db, enum side side, const struct change *c, int n,
		  const char *source, struct arena *a);

/* ---- drift.c ---- */

void readings_init(struct engine *e);
void readings_finish(struct engine *e);
/* What was absent when the last process ended. In a transaction. */
void readings_load(struct engine *e, struct db *db);
/* Does a system not show this field just now? */
bool field_absent(const struct engine *e, int record, int field);
/* Compares one object's schema with what is read of it. */
bool drift_check(struct engine *e, int record, enum side side, bool *changed, struct err *err);
/* All of them, when it is time. */
bool drift_tick(struct engine *e, struct err *err);

/* ---- decide.c ---- */

/* Reads both sides of these links and settles them: the fence, right before
 * sending. */
bool settle_again(struct engine *e, int record, const int64_t *link, int n, struct arena *a,
		  struct err *err);

/* ---- sweep.c ---- */

/* Asks for what is due by the clock: WORKED. */
enum step_result sweep_tick(struct engine *e, struct err *err);

/* ---- feed.c ---- */

/* What a feed missed is read again, from the last change that it told of: of one
 * record type, or of all (-1). 'why' is for the conflict log. In a transaction. */
void gap_open(struct engine *e, struct db *db, enum side side, int record, const char *why);
void gap_closed(struct engine *e, struct db *db, enum side side);
/* The newest change that a feed told of, by its system's clock; 0: none. */
int64_t heard_ms(struct db *db, enum side side, struct arena *a);
/* What changed since the feed's newest change is read again: of a type, -1: of
 * all. Since when, 0: everything. */
int64_t gap_ask(struct engine *e, struct db *db, enum side side, int record);

/* ---- silence.c; in a transaction ---- */

/* The feed told of something. */
void silence_broken(struct engine *e, struct db *db, enum side side);
/* Once a minute: is a feed silent for longer than is usual? */
void silence_watch(struct engine *e, struct db *db, enum side side);

/* ---- guard.c ---- */

/* Counts what a plan does to a link, 'before' as it was; true when anything
 * did. Then, in the same transaction, guard_check halts the type if it was too
 * much. */
bool guard_note(struct engine *e, struct db *db, const struct link *before, const struct plan *p);
void guard_check(struct engine *e, struct db *db, int record);

/* ---- lookup.c ---- */

struct lookup {
	enum { LOOKUP_LINKED, LOOKUP_CREATE, LOOKUP_NONE, LOOKUP_AMBIGUOUS, LOOKUP_WAIT } result;
	struct sv remote; /* LINKED: the counterpart's id */
	struct sv detail; /* AMBIGUOUS: why, for people */
	/* WAIT: a match needs the link of this record first */
	int wait_record;
	struct sv wait_remote;
};

/* A record without a counterpart, or whose creation got no answer: is it
 * there? Fresh look-ups by key, then by the match rules. Resolves references
 * in 'seen'. False when a system failed. */
bool look_up(struct engine *e, int record, enum side side, struct sv id,
	     struct observation *seen, struct arena *a, struct lookup *out, struct err *err);

/* ---- alerts.c ---- */

/* A new process: what waits is for the channels of this deployment. In a
 * transaction. */
void alerts_recover(struct engine *e, struct db *db);

/* ---- watch.c ---- */

/* Once a minute: whether work waits for too long, and every ten whether the
 * store adds up. False when the store fails. */
bool watch_tick(struct engine *e, struct err *err);

/* ---- note.c: journal entries ---- */

/* The slots that the plan changed are told their decision's number; what stood
 * in them has ended. 'marks': consumed by it. */
void note_decision(struct engine *e, struct db *db, struct plan *p,
		   const struct settle_input *in, const char *source, int64_t marks);
void note_link(struct engine *e, struct db *db, const struct link *l, const char *how);
/* 'ended': the slot is idle now. */
void note_answer(struct engine *e, struct db *db, const struct link *l, enum side side,
		 const struct slot *slot, const struct write *w, bool ended);
/* A decision that ends without a write and without another one in its place. */
void note_end(struct store *s, const struct treaty *t, struct db *db, int64_t link,
	      enum outcome outcome, int64_t decision, const char *why);
/* Removes the slots of a link, and of a type those that are not sent. */
void drop_slots_of(struct store *s, const struct treaty *t, struct db *db, int64_t link,
		   const char *why);
void drop_slots_of_type(struct store *s, const struct treaty *t, struct db *db, int64_t type,
			const char *why);

/* Every link of a type is to be looked at, politely. In a transaction. */
void mark_type(struct engine *e, struct db *db, int record, const char *source);

/* A mark of our own about a link. */
void mark_link(struct engine *e, struct db *db, const struct link *l, unsigned reads,
	       int64_t due_ms, const char *source);

/* ---- engine.c ---- */

/* A person said something about a link: both its records are looked at. */
void mark_by_person(struct store *store, const struct treaty *t, struct db *db,
		    const struct link *l);

#endif

/* engine.h - the flow: steps over one store, one treaty and two systems.
 *
 * Each step does one unit of work and returns; a thread is a loop around a
 * step (run.c), a test calls them one by one with a clock it turns by hand.
 * Every step crosses only committed transactions: the process may die between
 * any two instructions and carry on from the store.
 *
 * Threads: one thread a side in engine_feed; one in engine_alerts; any number
 * in engine_settle and engine_deliver. The engine owns nothing it is given. */
#ifndef TREATY_ENGINE_H
#define TREATY_ENGINE_H

#include "flow/channel.h"
#include "settle/settle.h"
#include "store/store.h"
#include "systems/connector.h"
#include "treaty/deployment.h"

struct engine;
struct mismatch;

/* How long is kept what the flow itself does not need any more; 0: for ever. */
struct retention {
	int64_t journal_ms, conflicts_ms;
	int64_t confidential_ms; /* values of such fields in closed entries */
};

struct engine_options {
	const struct treaty *treaty;
	struct store *store;
	struct connector *system[SIDES];
	struct clock *clock;
	bool shadow;	  /* settle and journal, send nothing */
	bool patient;	  /* wait for the end of a used-up budget window instead
			   * of failing: for one-shot commands */
	int64_t fence_ms; /* 0: 5000 */
	int64_t echo_linger_ms; /* how long our own echoes wait to be read
				 * together; 0: 2000, negative: not at all */
	int64_t gather_ms; /* how long a write waits for more of its kind while
			    * there is more to decide; 0: not at all */
	int64_t sweep_every_ms; /* 0: not by the clock */
	int64_t sweep_at_ms;	/* of the day, UTC */
	int64_t request_ms[SIDES]; /* longest request; 0: the connector's */
	int concurrent[SIDES];	   /* calls at once; 0: the connector's */
	const struct deployment_limits *limits[SIDES]; /* or NULL */
	const struct audience *audience; /* who is told how; none: nobody is */
	int audience_n;
	bool alerts_eager; /* for tests: look at each step, not once a second */
	/* Sees the same store and only reads, so that long looks keep nobody from
	 * writing; NULL: the store itself */
	struct store *beside;
	struct retention retention;
};

struct engine *engine_create(const struct engine_options *o);
void engine_destroy(struct engine *e);
/* Calls at once to a system, at most. */
int engine_concurrency(const struct engine *e, enum side side);
/* Lets go every thread that waits inside the engine; it asks no system any
 * more. Any thread. */
void engine_stop(struct engine *e);

/* What a step says: IDLE nothing to do now; WORKED call again; FAILED a system
 * or the store said no, err says why (the system's state is kept, so IDLE
 * follows until it is to be tried again). */
enum step_result { STEP_IDLE, STEP_WORKED, STEP_FAILED };

/* Once after opening: what was in flight when the process died becomes a lost
 * answer; both organisations are bound to the store. */
bool engine_start(struct engine *e, struct err *err);

/* After the store was full, with nobody in a step but the intake: does it take
 * something again? Then what was in flight is a lost answer, as at a start. */
bool engine_room(struct engine *e, struct err *err);

/* Feed of one side: its next batch becomes marks, with the cursor, in one
 * transaction. Waits up to wait_ms for something to say. */
enum step_result engine_feed(struct engine *e, enum side side, int64_t wait_ms, struct err *err);

/* The next batch of dirty records: read, settle, store. */
enum step_result engine_settle(struct engine *e, struct err *err);

/* The next batch of slots of one side: fence, send, record the answers. */
enum step_result engine_deliver(struct engine *e, enum side side, struct err *err);

/* One page of a sweep that was asked for, by a person, the clock or a gap of a
 * feed; IDLE while live work goes first. One thread. See sweep.c. */
enum step_result engine_sweep(struct engine *e, struct err *err);
/* Asks for one: of a record type (-1: all), of these sides (1 << side). */
bool engine_ask_sweep(struct store *s, const struct treaty *t, int record, unsigned sides,
		      struct err *err);

/* Things that are due by the clock: lost answers that can be asked for again,
 * systems to be tried again, references that came to be linked. */
enum step_result engine_tick(struct engine *e, struct err *err);

/* Tells people: what is due becomes messages, or one message is sent. May block
 * as long as a channel does, so it has a thread of its own. Nothing in shadow. */
enum step_result engine_alerts(struct engine *e, struct err *err);

/* The earliest time at which an idle engine has work by the clock alone, or
 * INT64_MAX. For tests that turn the clock and threads that sleep. */
int64_t engine_next_ms(struct engine *e);

/* All steps in turn until none works (single-threaded; for tests and one-shot
 * commands). False when 'limit' rounds did not suffice. The clock is not
 * turned: what waits for a time stays. */
bool engine_run_idle(struct engine *e, int limit, struct err *err);

/* Bulk linking of existing records by the treaty's keys and match rules; see
 * linking.c. 'progress' may be NULL. */
struct link_report {
	const char *record;
	int64_t listed[SIDES];
	int64_t linked_before, linked_by_key, linked_by_match;
	int64_t ambiguous;
	int64_t alone[SIDES];	 /* without a counterpart */
	int64_t to_create[SIDES]; /* of the other side's alone, by policy */
};
bool engine_link(struct engine *e, int record, struct link_report *out,
		 void (*progress)(void *arg, const struct link_report *r), void *arg,
		 struct err *err);

/* What a person says about a mismatch. 'text' is the typed value for
 * RESOLVE_VALUE. The record is marked; the engine acts on its next settle. */
bool engine_resolve(struct store *s, const struct treaty *t, int64_t mismatch_id,
		    enum resolve_action action, struct sv text, struct sv who, struct err *err);

/* What it takes to put back a value that a rule overwrote, as a closed entry of
 * the conflict log has it. In the arena. */
struct restoring {
	struct mismatch *entry;
	const struct treaty_field *field;
	/* By the last agreement; the engine reads both sides anew, and does
	 * nothing if they show others. Unknown 'to': nothing to be done there. */
	struct value now[SIDES], to[SIDES];
};
/* Unless 'go' it is only looked up. ERR_BAD_INPUT with the reason when it cannot
 * be put back. */
bool engine_restore(struct store *s, const struct treaty *t, int64_t mismatch_id, bool go,
		    struct sv who, struct arena *a, struct restoring *out, struct err *err);

/* The store's own affairs, a bounded part at a time: it is audited from end to
 * end every six hours, and differences become entries of the conflict log; what
 * is older than its retention is forgotten; rows that could not be read are told
 * of. Goes on where the last process was. One thread. */
enum step_result engine_keep(struct engine *e, struct err *err);

/* An entry 'ambiguous': its record belongs to that one of the other system; or
 * to none, and nothing more is asked until one of them changes. */
bool engine_link_to(struct store *s, const struct treaty *t, int64_t mismatch_id, struct sv id,
		    struct sv who, struct err *err);
bool engine_skip(struct store *s, const struct treaty *t, int64_t mismatch_id, struct sv who,
		 struct err *err);

/* What a person says about a halted type (an entry 'mass_change'): proceed, these
 * changes are meant; or discard: they were put right, what was decided is
 * forgotten, and those records are read and decided anew. */
bool engine_judge(struct store *s, const struct treaty *t, int64_t mismatch_id, bool proceed,
		  struct sv who, struct err *err);

/* Stop button: scope is "", a side's name, a record type, "type.field", or
 * "side:object:id". Durable; writing stops within one batch. */
bool engine_pause(struct store *s, const struct treaty *t, struct sv scope, bool pause,
		  struct sv who, struct err *err);

/* Marks a record dirty by hand, or all of a type with an empty id. */
bool engine_mark(struct store *s, const struct treaty *t, enum side side, int record, struct sv id,
		 struct err *err);

#endif

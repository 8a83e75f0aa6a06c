/* scripted.h - a system for tests: objects, rows, a change feed, an edit
 * history and people, all in memory, behaving as told.
 *
 * The connector half (scripted_connector) is what the flow sees. The other
 * half is the hand that plays: it seeds rows, edits as a person, takes the
 * system down, loses answers, runs automation, and asks afterwards what
 * happened. Both may be used by several threads; hooks run in the thread of
 * the request that they wait for and may call everything here and the flow.
 *
 * Values are kept as the text that was written and are made canonical when
 * they are read, so two spellings are two texts here and one value to the
 * flow. Time is that of the clock given; nothing happens by itself.
 *
 * Breaking the contract of connector.h (more records than write_max, upsert
 * without CAN_UPSERT, an unknown value) is a panic: the flow is at fault. */
#ifndef TREATY_SCRIPTED_H
#define TREATY_SCRIPTED_H

#include "store/store.h"
#include "systems/connector.h"

struct scripted;

struct scripted_options {
	const char *name;
	struct clock *clock;
	struct connector_shape shape;
};

struct scripted *scripted_create(const struct scripted_options *o);
void scripted_destroy(struct scripted *s); /* as ops->close; takes NULL */
struct connector *scripted_connector(struct scripted *s);
/* crash_step is called before each request is executed and after, before its
 * answer is given. NULL: no crash walk. */
void scripted_set_crash(struct scripted *s, struct crash *crash);
void scripted_set_shape(struct scripted *s, struct connector_shape shape);

/* ---- rows ---- */

/* Who changed something. SEED is there from the beginning: no feed, no
 * history. AUTOMATION runs in the engine's own transaction and under its user,
 * so to the outside it is the engine's. */
enum scripted_writer { WRITER_SEED, WRITER_PERSON, WRITER_ENGINE, WRITER_AUTOMATION };

struct scripted_set {
	struct sv api, text; /* empty text: blank */
};

/* Creates the row when there is none. By SEED or PERSON. */
void scripted_put(struct scripted *s, struct sv object, struct sv id,
		  const struct scripted_set *set, int n, enum scripted_writer writer);
/* False when there is no such row. */
bool scripted_delete(struct scripted *s, struct sv object, struct sv id);
bool scripted_undelete(struct scripted *s, struct sv object, struct sv id);
bool scripted_merge(struct scripted *s, struct sv object, struct sv loser, struct sv survivor);

/* For describe; fields that rows hold are described as text without this. */
void scripted_declare(struct scripted *s, struct sv object, struct sv api, enum type_kind kind);

/* ---- behaviour ---- */

enum scripted_call { CALL_READ = 1, CALL_WRITE = 2, CALL_FEED = 4, CALL_ANY = 7 };

enum scripted_fault {
	FAULT_UNREACHABLE,
	FAULT_LIMIT,
	FAULT_AUTH,
	FAULT_LOST_DONE,     /* the answer is lost; writes were executed */
	FAULT_LOST_NOT_DONE, /* the answer is lost; nothing was executed */
	FAULT_LOST_LATE,     /* the answer is lost; writes execute after delay_ms */
	FAULT_BUSY,	     /* each record of the write answers WRITE_BUSY */
};

/* For the next 'times' requests of these calls; times < 0: until healed. */
void scripted_fail(struct scripted *s, unsigned calls, enum scripted_fault fault, int times,
		   int64_t delay_ms);
void scripted_heal(struct scripted *s);
/* What it says of its quota with the next call; limit 0: nothing any more. */
void scripted_quota(struct scripted *s, int64_t used, int64_t limit);

/* Writes of 'text' (ptr NULL: of any value) into the field are refused. The
 * answer names the field unless 'nameless'. */
void scripted_reject(struct scripted *s, struct sv object, struct sv api, struct sv text,
		     const char *message, bool nameless);
/* When the engine writes 'when', 'set' becomes 'text' in the same transaction;
 * with text.ptr NULL: the upper-case of what was written to 'when'. */
void scripted_automate(struct scripted *s, struct sv object, struct sv when, struct sv set,
		       struct sv text);
void scripted_trim(struct scripted *s, struct sv object, struct sv api, int max_bytes);
/* The field's value is cut short in every read: unknown. */
void scripted_cut(struct scripted *s, struct sv object, struct sv api);
/* The field is gone from the schema: requests that name it are refused whole. */
void scripted_drop(struct scripted *s, struct sv object, struct sv api);
/* Takes back every reject, automation, trim, cut and drop of the object. */
void scripted_relent(struct scripted *s, struct sv object);
/* Deleted and merged rows are just absent from answers, without proof. */
void scripted_hide_deletes(struct scripted *s, bool hide);
/* Reads by id show rows as they were so long ago: a replica that lags. The
 * rows' own stamps lag as well; find and list are not served by it. */
void scripted_lag(struct scripted *s, int64_t lag_ms);
/* Its own clock is ahead of ours by this. */
void scripted_skew(struct scripted *s, int64_t ahead_ms);

enum scripted_feed {
	FEED_SILENT = 1,     /* what happens now is never said */
	FEED_DOUBLED = 2,    /* each change twice */
	FEED_REVERSED = 4,   /* each batch newest first */
	FEED_REPEATING = 8,  /* each batch begins with some that were said before */
	FEED_NO_AUTHOR = 16, /* does not tell who */
	FEED_NO_FIELDS = 32, /* does not tell which fields */
};
void scripted_feed(struct scripted *s, unsigned feed);
void scripted_feed_delay(struct scripted *s, int64_t delay_ms);
/* 'Any record of the object may have changed.' */
void scripted_feed_wildcard(struct scripted *s, struct sv object);
/* Positions handed out so far are no longer known. */
void scripted_feed_forget(struct scripted *s);
/* What happens now is not kept in the edit history. */
/* CAN_SINCE: how long ago may be asked for; 0: ever. */
void scripted_remember(struct scripted *s, int64_t ms);
/* Listings end after so many rows, as if that were all; negative: they do not. */
void scripted_cut_listing(struct scripted *s, int rows);
void scripted_history_silent(struct scripted *s, bool silent);

/* Once, in the next request of that kind: before it is executed, or after and
 * before its answer arrives. Hooks of one moment fire one a request, in order.
 * READ is fetch only. */
enum scripted_moment { BEFORE_READ, AFTER_READ, BEFORE_WRITE, AFTER_WRITE };
void scripted_on(struct scripted *s, enum scripted_moment moment, void (*fn)(void *arg),
		 void *arg);
int scripted_hooks_left(struct scripted *s);

/* ---- what happened ---- */

/* False when there is no such present row; a field never set is blank. The
 * text is valid as long as the system. */
bool scripted_get(struct scripted *s, struct sv object, struct sv id, struct sv api,
		  struct sv *text);
enum existence scripted_existence(struct scripted *s, struct sv object, struct sv id);

/* The values that a field took, its first one included; repeats of the value
 * it had are left out. */
int scripted_took(struct scripted *s, struct sv object, struct sv id, struct sv api,
		  struct arena *a, struct sv **out);

/* Records written (creates included) by the engine. ptr NULL: any object. */
int64_t scripted_written(struct scripted *s, struct sv object);
int64_t scripted_created(struct scripted *s, struct sv object);
/* Everything that ever changed in it, by anyone. */
int64_t scripted_changes(struct scripted *s);

enum scripted_count {
	COUNT_FETCH,
	COUNT_LIST,
	COUNT_FIND,
	COUNT_WRITE,
	COUNT_HISTORY,
	COUNT_FEED,
	COUNT_SINCE,
	SCRIPTED_COUNTS,
};
int64_t scripted_calls(struct scripted *s, enum scripted_count what);
/* Sets the call counters and the tally of written records (not of created
 * ones) back to nought. */
void scripted_forget_counts(struct scripted *s);

#endif

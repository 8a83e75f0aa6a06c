/* connector.h - one system, as the flow sees it: a struct of functions.
 *
 * A connector belongs to whoever opened it. Its functions block and may be
 * called by several threads at once (a feed thread, readers, delivery
 * workers); it guards its own session. Everything it returns lives in the
 * arena of the call, unless said otherwise. On failure a function returns
 * false with err filled and has changed nothing that the caller can see,
 * except where ERR_LOST says that the system may have executed the request.
 *
 * Errors tell the flow what to do, so a connector must class them truly:
 *   ERR_UNREACHABLE surely not executed (connect refused, no token)
 *   ERR_LOST        perhaps executed (time-out or reset after sending)
 *   ERR_SERVER      answered, but not with sense; perhaps executed for writes
 *   ERR_LIMIT       a quota said no; not executed
 *   ERR_AUTH        the login is wrong: a person's, never to be repeated
 *   ERR_CURSOR      the feed no longer knows the position
 *   ERR_REJECTED    the request itself is wrong (unknown field, no right)
 * An ended session is the connector's own affair: log in again, repeat once.
 *
 * Ask for a capability, never for a connector's name. */
#ifndef TREATY_CONNECTOR_H
#define TREATY_CONNECTOR_H

#include <stdatomic.h>

#include "base/clock.h"
#include "settle/observation.h"

/* What to read or write of one object: only mapped fields, never all. */
struct field_ref {
	const char *api; /* never FIELD_API_ID: that is the row's id */
	struct value_type type;
};

struct object_ref {
	const char *object;
	const char *key; /* field that holds the other system's id, or NULL */
	struct value_type key_type;
	const struct field_ref *field;
	int field_n;
};

struct row {
	struct sv id; /* normalised: Salesforce ids have 18 characters */
	enum existence existence;
	struct sv merged_into;	/* id of the survivor, when MERGED */
	int64_t modified_ms;	/* the row's own stamp; 0 when it has none */
	enum author author;	/* of the last change */
	struct value *value;	/* as object_ref.field */
};

struct rows {
	struct row *row;
	int n;
	struct sv next; /* list: token of the next page; empty at the end */
};

/* One thing a feed said. It marks; it is never the source of a value. */
struct change {
	struct sv object;
	struct sv id;	/* empty: any record of the object may have changed */
	enum author author;
	int64_t at_ms;	/* when the change happened, by the system's clock; 0 unknown */
	/* names of the fields that it says changed; NULL: it does not say */
	const char *const *field;
	int field_n;
};

struct changes {
	struct change *change;
	int n;
	struct sv cursor; /* where to go on once these are stored */
	bool more;	  /* ask again at once */
};

/* One step of a field that is delivered 'each'. */
struct history_step {
	struct sv record_id;
	struct sv step_id; /* grows along the feed, unique within it */
	int64_t at_ms;
	struct value value; /* after the step */
	enum author author;
};

struct history {
	struct history_step *step; /* oldest first */
	int n;
	struct sv cursor;
	bool more;
};

/* UPSERT: update the record whose 'key' has 'key_value', or create it: may be
 * repeated without a second record. Only where CAN_UPSERT. */
enum write_op { WRITE_CREATE, WRITE_UPDATE, WRITE_UPSERT };

enum write_outcome {
	WRITE_NOT_SENT,	 /* surely not executed: may be sent again as it is */
	WRITE_LOST,	 /* perhaps executed */
	WRITE_DONE,
	WRITE_REJECTED,	 /* refused: err says why, bad_field which */
	WRITE_BUSY,	 /* this record, now: a lock, a limit; try again later */
	WRITE_GONE,	 /* the record is deleted or was never there */
	WRITE_AMBIGUOUS, /* the key fits several records; nothing written */
	WRITE_OVERTAKEN, /* unmodified_since did not hold; nothing written */
};

struct write_field {
	const char *api;
	struct value_type type;
	struct value value; /* known; references as VALUE_REF in the target's ids */
};

struct write {
	/* the request; owned by the caller */
	enum write_op op;
	const struct object_ref *object;
	struct sv id;	     /* UPDATE */
	struct sv key_value; /* UPSERT */
	const struct write_field *field;
	int field_n;
	int64_t unmodified_since_ms; /* 0: none; honoured where CAN_CONDITION and alone */
	/* the answer; bad_field and texts in the arena of the call */
	enum write_outcome outcome;
	struct sv new_id; /* CREATE, UPSERT: the record's id */
	bool created;
	const char **bad_field; /* api names that the error names */
	int bad_field_n;
	struct err err;
};

/* What the system says about one field. */
struct schema_field {
	const char *api;
	const char *label;
	const char *type;	/* the vendor's word */
	enum type_kind kind;	/* the nearest of ours */
	int length;		/* characters; 0: no limit known */
	int precision, scale;
	bool readable, createable, updateable;
	bool required;		/* on create, when nothing is given */
	bool unique, external_id;
	bool restricted;	/* picklist refuses other values */
	const char **picklist;	/* stored values */
	int picklist_n;
	const char *refers_to;	/* object, for references */
};

struct schema_object {
	const char *object;
	struct schema_field *field;
	int field_n;
};

/* A request to the address of a system's webhook, as it came. */
struct webhook {
	/* A header's value, any case; SV_NONE when absent. */
	struct sv (*header)(const struct webhook *w, const char *name);
	struct sv body; /* the very bytes: they are what is signed */
	int64_t now_ms;
	void *arg; /* of 'header' */
};

enum webhook_outcome {
	WEBHOOK_TAKEN,	 /* 'changes' tells what it says; none is a good answer */
	WEBHOOK_UNKNOWN, /* signed, and not understood: 'why' */
	WEBHOOK_FORGED,	 /* no signature, or not by one of our secrets */
	WEBHOOK_STALE,	 /* signed, too long ago: somebody sends it again */
};

struct webhook_news {
	struct changes changes; /* no cursor */
	struct sv event;	/* its name for people; may be empty */
	const char *why;	/* UNKNOWN */
};

enum capability {
	CAN_UPSERT = 1 << 0,	/* a unique key makes creating repeatable */
	CAN_CONDITION = 1 << 1,	/* If-Unmodified-Since on single rows */
	CAN_HISTORY = 1 << 2,	/* keeps every step of a field */
	CAN_AUTHOR = 1 << 3,	/* a row tells who changed it last */
	CAN_WEBHOOK = 1 << 4,	/* sends what changed by itself: listen and verify */
	CAN_SINCE = 1 << 5,	/* lists what changed since a time */
};

/* Sizes the flow fills its calls to, and how long a request may still be
 * executed after its answer was given up. */
struct connector_shape {
	unsigned can; /* enum capability */
	int fetch_max; /* ids a call */
	int write_max; /* records a call; 1: one by one */
	int list_max;
	int64_t longest_request_ms;
	int concurrent; /* sensible calls at once */
};

/* Counted since the connector was opened; any thread may read. */
struct connector_usage {
	_Atomic int64_t calls;	    /* HTTP requests that count against a quota */
	_Atomic int64_t feed_calls; /* requests of the change feed */
	_Atomic int64_t quota_used, quota_limit; /* as the system says; 0: it does not */
};

struct connector;

struct connector_ops {
	/* Proves the login and tells which organisation answers (org id,
	 * corporation token): the store is bound to it. */
	bool (*identify)(struct connector *c, struct arena *a, struct sv *organisation,
			 struct err *err);

	/* ERR_NOT_FOUND when there is no such object. */
	bool (*describe)(struct connector *c, const char *object, struct arena *a,
			 struct schema_object *out, struct err *err);

	/* The next batch after 'cursor' (empty: begin now), waiting up to
	 * wait_ms for something to say; no change and the same cursor is a
	 * good answer. A destructive queue is not asked for the next batch
	 * before the caller comes back with the cursor of this one. One thread
	 * at a time. */
	bool (*changes)(struct connector *c, struct sv cursor, int64_t wait_ms, struct arena *a,
			struct changes *out, struct err *err);

	/* CAN_HISTORY: steps of one field of one object after 'cursor' (empty:
	 * sets the cursor to now, no steps). */
	bool (*history)(struct connector *c, const struct object_ref *o,
			const struct field_ref *f, struct sv cursor, struct arena *a,
			struct history *out, struct err *err);

	/* Rows by id, at most fetch_max, from a fresh source (never a search
	 * index). out->row[i] answers id[i]; what is not in the system's
	 * answer is EXISTENCE_UNKNOWN, or DELETED/MERGED where it can prove
	 * that. */
	bool (*fetch)(struct connector *c, const struct object_ref *o, const struct sv *id, int n,
		      struct arena *a, struct rows *out, struct err *err);

	/* All present rows, by pages in id order; 'page' empty at first. */
	bool (*list)(struct connector *c, const struct object_ref *o, struct sv page,
		     struct arena *a, struct rows *out, struct err *err);

	/* CAN_SINCE: rows changed at 'since_ms' or later by the system's own
	 * clock, deleted ones among them as far as it tells; pages as in list.
	 * ERR_CURSOR: it does not remember that long. */
	bool (*since)(struct connector *c, const struct object_ref *o, int64_t since_ms,
		      struct sv page, struct arena *a, struct rows *out, struct err *err);

	/* Fresh look-up: rows whose field[i] equals value[i] for all i (at most
	 * a handful of rows). Used before a create and for matching. */
	bool (*find)(struct connector *c, const struct object_ref *o,
		     const struct write_field *by, int by_n, struct arena *a, struct rows *out,
		     struct err *err);

	/* At most write_max records of one object and one op; fills every
	 * answer. Returns false only when nothing was sent at all. */
	bool (*write)(struct connector *c, struct write *w, int n, struct arena *a,
		      struct err *err);

	/* CAN_WEBHOOK, else NULL: takes up the secrets of the deployment, once, before the
	 * first verify. */
	bool (*listen)(struct connector *c, struct err *err);

	/* CAN_WEBHOOK, else NULL: what a request says, if the system sent it. Pure and
	 * cheap, any thread, asks nobody. Texts in the arena. */
	enum webhook_outcome (*verify)(struct connector *c, const struct webhook *w,
				       struct arena *a, struct webhook_news *out);

	void (*close)(struct connector *c); /* frees the connector */
};

/* Implementations embed this first. */
struct connector {
	const struct connector_ops *ops;
	const char *name; /* for messages: 'bullhorn' */
	struct connector_shape shape;
	struct connector_usage usage;
};

/* Where a connector keeps what must survive it: single-use refresh tokens,
 * sealed by the store. Both may block on a commit; any thread. */
struct credential_box {
	/* The stored text added to 'out'; false with ERR_NOT_FOUND when none. */
	bool (*get)(struct credential_box *b, const char *name, struct buf *out, struct err *err);
	/* Durable when it returns true. */
	bool (*put)(struct credential_box *b, const char *name, struct sv text, struct err *err);
};

#endif

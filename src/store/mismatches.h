/* mismatches.h - the conflict log: what people must see or decide.
 *
 * At most one entry is open for a link, field and kind: a finding that repeats
 * one brings its values up to date. All functions run in a transaction. */
#ifndef TREATY_MISMATCHES_H
#define TREATY_MISMATCHES_H

#include "settle/settle.h"
#include "store/store.h"

struct mismatch {
	int64_t id;
	int64_t link_id; /* 0: of a system, not of a record */
	enum mismatch_kind kind;
	struct sv record, field; /* names; field empty: the record */
	struct sv remote[SIDES]; /* record ids */
	struct value value[SIDES];
	struct sv lost;	  /* shown form of an overwritten value; may be empty */
	/* The same as a value, and where it stood; unknown: nothing was
	 * overwritten, or by an older program that kept its shown form only. */
	struct value lost_value;
	enum side lost_side;
	struct sv detail; /* one line for people */
	struct sv found_by; /* feed, sweep, write, link */
	bool open;
	int64_t opened_ms, closed_ms;
	int64_t times; /* how often it was found */
	struct sv closed_by;
};

/* A finding of settle about a link; record-level when finding->field < 0. */
void mismatch_note(struct db *db, const struct treaty_record *type, const struct link *link,
		   const struct finding *f, struct sv found_by, int64_t now_ms);

/* Of a system: 'unavailable' and the like. */
void mismatch_system(struct db *db, enum side side, enum mismatch_kind kind, bool open,
		     struct sv detail, int64_t now_ms);
void mismatch_system_close(struct db *db, enum side side, enum mismatch_kind kind, struct sv by,
			   int64_t now_ms);
bool mismatch_system_open(struct db *db, enum side side, enum mismatch_kind kind);

/* Of the program itself; its record is 'treaty'. open false: closed, by
 * 'detail'. */
void mismatch_own(struct db *db, enum mismatch_kind kind, bool open, struct sv detail, int64_t now_ms);
bool mismatch_own_open(struct db *db, enum mismatch_kind kind);

/* Newest first when not 'open_only', oldest first when so. Rows in the arena. */
int mismatch_list(struct db *db, bool open_only, int limit, struct arena *a,
		  struct mismatch **out);
bool mismatch_get(struct db *db, int64_t id, struct arena *a, struct mismatch *out);
int64_t mismatch_open_count(struct db *db);

/* Of a record type at one side; 'what' tells apart what stands there at once.
 * open false: closed, by 'detail'. */
void mismatch_type(struct db *db, const struct treaty_record *type, enum side side,
		   enum mismatch_kind kind, const char *what, bool open, struct sv detail,
		   int64_t now_ms);
int64_t mismatch_type_open(struct db *db, const struct treaty_record *type,
			   enum mismatch_kind kind);
void mismatch_close(struct db *db, int64_t id, struct sv by, int64_t now_ms);

/* Somebody had the value put back that a closed entry says was overwritten. */
void mismatch_restored(struct db *db, int64_t id, struct sv by);

/* A mapped field that a system does not show any more, or shows again. */
void mismatch_drift(struct db *db, const struct treaty_record *type, int field, bool open,
		    struct sv detail, int64_t now_ms);

/* A row about this link was set aside. */
void mismatch_damaged(struct db *db, const struct treaty_record *type, const struct link *l,
		      struct sv detail, int64_t now_ms);
/* A part of the store ('journal') does not add up, or does so again. */
void mismatch_audit(struct db *db, const char *part, bool open, struct sv detail, int64_t now_ms);

/* Closed ones that are older than that are forgotten, at most 'max', unless people
 * are still to be told of their end; how many. */
int64_t mismatches_prune(struct db *db, int64_t before_ms, int64_t max);

/* The values of closed entries about that field are forgotten; as above. */
int64_t mismatches_blank(struct db *db, struct sv record, struct sv field, int64_t before_ms,
			 int64_t max);

/* Of a link (0: none) and of that record: open ones are closed, and all lose their
 * values and words; how many. */
int64_t mismatches_forget(struct db *db, int64_t link, struct sv record, enum side side,
			  struct sv remote, int64_t now_ms);

/* Opens one for records that fit several others when linking. */
void mismatch_ambiguous(struct db *db, const struct treaty_record *type, enum side side,
			struct sv remote, struct sv detail, int64_t now_ms);
/* Linked after all: what was ambiguous about either record is closed. */
void mismatch_linked(struct db *db, const struct treaty_record *type, const struct link *l,
		     int64_t now_ms);
/* The link is no more: nothing can be decided about it. */
void mismatch_link_gone(struct db *db, int64_t link_id, int64_t now_ms);
void mismatch_close_link(struct db *db, int64_t link_id, enum mismatch_kind kind, struct sv by,
			 int64_t now_ms);

#endif

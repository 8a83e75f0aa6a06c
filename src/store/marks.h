/* marks.h - records to look at: durable, folded, consumed by settle.
 *
 * All functions run in a transaction. */
#ifndef TREATY_MARKS_H
#define TREATY_MARKS_H

#include "settle/link.h"
#include "store/store.h"

struct mark {
	enum side side;
	int record; /* index of the record type */
	struct sv remote;
	int64_t seq;
	int64_t first_ms; /* accepted, when it was not folded yet */
	int64_t due_ms;	 /* not looked at before */
	int priority;
	unsigned reads;	 /* sides that must be read: 1 << side */
	enum author author;
	struct sv own, stranger; /* see schema; ptr NULL: not told */
	int64_t changed_ms; /* by the system's clock; 0: not told */
	const char *source; /* 'feed', 'link', 'fence', 'slot', 'person', ... */
};

/* Accepts a mark: a new one, or folded into the one that is pending. Fills
 * m->seq. */
void mark_put(struct store *s, struct db *db, const struct treaty *t, struct mark *m);
/* The same for many, in order, counted once. */
void marks_put(struct store *s, struct db *db, const struct treaty *t, struct mark *m, int n);

/* The first marks that are due, all of one record type, at most 'max'. A mark
 * of a type that the treaty does not have is set aside. */
int marks_due(struct db *db, const struct treaty *t, int64_t now_ms, int max, struct arena *a,
	      struct mark **out);

/* Settled: gone unless a newer one was folded in since (seq grew). How many
 * went: 1, or 0. */
int64_t mark_settled(struct db *db, const struct treaty *t, const struct mark *m);
/* Stays, but not before due_ms, and with these reads too. */
void mark_later(struct db *db, const struct treaty *t, const struct mark *m, int64_t due_ms,
		unsigned reads);
/* Stays until its link's slot is answered; marks_release lets it go on. */
void mark_wait(struct db *db, const struct treaty *t, const struct mark *m);
void marks_release(struct db *db, const struct treaty *t, const struct link *l);

/* The side answers again: those that wait for a time to read it are due. */
void marks_wake(struct db *db, enum side side, int64_t now_ms);

/* When the next mark is due that does not wait; INT64_MAX if none. */
int64_t marks_next_ms(struct db *db);
bool marks_any_due(struct db *db, int64_t now_ms);

/* When the oldest of a side was accepted that does not wait for an answer and is
 * more urgent than 'below'; 0: there is none. */
int64_t marks_oldest_ms(struct db *db, enum side side, int64_t below);

/* Record type as stored; see schema.c. */
int64_t record_key(const struct treaty_record *r);
int record_by_key(const struct treaty *t, int64_t key);

#endif

/* sweeps.h - where the sweep of each record type stands, and what it saw. In a
 * transaction.
 *
 * At most one sweep a type: asking again while one is under way adds to it, or
 * has it begin anew where what is asked for would otherwise be missed. The row
 * stays when it is done, as its report. */
#ifndef TREATY_SWEEPS_H
#define TREATY_SWEEPS_H

#include "store/marks.h"

enum sweep_phase {
	SWEEP_DONE,
	SWEEP_ASKED,
	SWEEP_LISTING = 2, /* + side: its rows are compared, page by page */
	SWEEP_MISSING = 2 + SIDES, /* links that no listing showed are marked */
};

struct sweep {
	int record;
	int phase;
	unsigned sides; /* to be listed: 1 << side */
	bool gap;	/* closes a gap of a feed: not put off for live work */
	int64_t since_ms; /* only what changed since, by that system's clock; 0: all */
	int64_t due_ms;	  /* not before */
	int64_t asked_ms, started_ms, finished_ms;
	struct sv page;	 /* of the listing */
	int64_t below;	 /* links numbered up to this were there when it began */
	int64_t at;	 /* MISSING: the last link looked at */
	/* what it found */
	int64_t linked; /* when it began */
	int64_t listed[SIDES], seen[SIDES]; /* rows; links among them */
	int64_t stamp_ms[SIDES]; /* the newest that it saw */
	int64_t differing, unknown[SIDES], missing[SIDES], calls;
	struct sv trouble; /* why it ended early; empty: it did not */
};

/* False when there is none of this type. In the arena. */
bool sweep_get(struct db *db, const struct treaty *t, int record, struct arena *a,
	       struct sweep *out);
void sweep_put(struct db *db, const struct treaty *t, const struct sweep *s);

/* Asks for one; since_ms 0: everything. */
void sweep_ask(struct db *db, const struct treaty *t, int record, unsigned sides, bool gap,
	       int64_t since_ms, int64_t now_ms);
/* The next to be worked on: gaps first, then as the treaty orders the types. */
bool sweep_next(struct db *db, const struct treaty *t, int64_t now_ms, struct arena *a,
		struct sweep *out);
/* A gap of this side that is not closed yet. */
bool sweep_of_gap(struct db *db, const struct treaty *t, enum side side);

/* The newest stamp that a whole listing of this side showed, by that system's
 * clock; 0: none was listed. */
void listed_put(struct db *db, const struct treaty_record *type, enum side side, int64_t stamp_ms);
int64_t listed_get(struct db *db, const struct treaty_record *type, enum side side);

/* Which links a listing showed: bits, kept by the thousand, so that neither
 * memory nor a row grows with their number. */
struct sweep_bits {
	struct db *db;
	int64_t type;
	enum side side;
	int64_t chunk; /* in memory; -1: none */
	bool changed;
	unsigned char bit[1024];
};
void sweep_bits_begin(struct sweep_bits *b, struct db *db, const struct treaty_record *type,
		      enum side side);
bool sweep_bits_set(struct sweep_bits *b, int64_t link); /* was it new? */
bool sweep_bits_has(struct sweep_bits *b, int64_t link);
void sweep_bits_end(struct sweep_bits *b); /* writes what changed */
void sweep_bits_clear(struct db *db, const struct treaty_record *type);

#endif

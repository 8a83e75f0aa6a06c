/* journal.h - the append-only history: what was marked, seen, decided,
 * written, answered; under which rule and treaty version.
 *
 * Entries form a hash chain over salted commitments: commitment =
 * SHA-256(salt of the link, kind, content), chain = SHA-256(chain before,
 * sequence, time, link, commitment, tally). Forgetting a person destroys the
 * salt and the contents of his link; the chain still verifies, and the tally,
 * which holds numbers only, stays.
 *
 * The tally of an entry says what it counts for: how many marks it consumed,
 * which decisions it opened and which it ended. So it can be proved that every
 * decision came to exactly one end, with one sum and without a row more.
 *
 * The head of the chain is kept elsewhere in the store with the sums so far,
 * saved once a group of transactions: newest entries that are cut off are
 * missed there (see audit.h). In a transaction. */
#ifndef TREATY_JOURNAL_H
#define TREATY_JOURNAL_H

#include "base/json.h"
#include "store/store.h"

enum { JOURNAL_HASH = 32 };

/* How a decision ended. */
enum outcome {
	OUTCOME_WRITTEN,    /* the target took it */
	OUTCOME_REJECTED,   /* the target refused all that was left of it */
	OUTCOME_SUPERSEDED, /* decided anew, or no longer needed, before it was sent */
	OUTCOME_RESOLVED,   /* sent without an answer; a read showed what became of it */
	OUTCOME_DROPPED,    /* its link or its rule is no more */
	OUTCOMES,
};
const char *outcome_name(enum outcome o);

/* A decision is known by its entry and its side. */
static inline int64_t decision_id(int64_t seq, int side)
{
	return seq * 2 + side;
}

struct ending {
	enum outcome outcome;
	int64_t decision; /* 0: decided before decisions had numbers; ends nothing */
};

/* What one entry counts for. */
struct tally {
	int64_t marks;	/* consumed by it */
	unsigned opens; /* decisions: 1 << side */
	const struct ending *end;
	int end_n;
};

/* Of a stored one: marks and opens, then each ending in turn. False when there
 * is no further one, or it cannot be read (r->bad). */
void tally_unpack(struct reader *r, struct tally *out);
bool tally_next_end(struct reader *r, struct ending *out);

/* Sums over entries. Two sides of one balance: a decision that is open has been
 * added to 'open' once, and not taken away. */
struct sums {
	int64_t entries, marks, decisions, ended[OUTCOMES];
	uint64_t open[2];
};
void sums_open(struct sums *s, int64_t decision);

struct journal_head {
	int64_t seq;
	unsigned char chain[JOURNAL_HASH];
	int64_t checkpoint; /* the entry that tells what was pruned; 0: none */
	struct sums sums;   /* over all entries ever, pruned ones included */
	bool kept;	    /* found in its place, not guessed from the last entry */
};

/* Takes 'content' (a JSON object) over. link 0: of no record. 'tally' may be
 * NULL. Returns the entry's number. */
int64_t journal_add(struct store *s, struct db *db, int64_t link, const char *kind,
		    struct json_object *content);
int64_t journal_add_counted(struct store *s, struct db *db, int64_t link, const char *kind,
			    const struct tally *tally, struct json_object *content);

struct journal_entry {
	int64_t seq, at_ms, link;
	struct sv kind;
	struct sv content; /* JSON; empty when forgotten */
};

/* Entries of a link, oldest first; link < 0: of all links, the newest. */
int journal_of(struct db *db, int64_t link, int limit, struct arena *a,
	       struct journal_entry **out);
/* One entry; false when there is none (any more). */
bool journal_get(struct db *db, int64_t seq, struct arena *a, struct journal_entry *out);

/* A walk along the chain, in as many steps as the caller likes; a few hundred
 * bytes, whatever the length of the journal. Begins at the checkpoint when
 * there is one. */
struct journal_walk {
	int64_t seq; /* the last entry walked over */
	int64_t first; /* where it began: entries up to here are pruned */
	unsigned char chain[JOURNAL_HASH];
	struct sums sums;
	int64_t checkpoint;
	bool checkpoint_met;
	int64_t bad_seq; /* the first entry that does not fit; 0: none */
	const char *why;
};
void journal_walk_begin(struct db *db, struct journal_walk *w);
/* The same from this checkpoint; 0: from the first entry. */
void journal_walk_from(struct db *db, int64_t checkpoint, struct journal_walk *w);
/* Where a walk is, so that another process can go on. One that met a bad entry
 * is not kept. False when it cannot be read. */
void journal_walk_pack(struct buf *b, const struct journal_walk *w);
bool journal_walk_unpack(struct reader *r, struct journal_walk *w);
/* At most 'max' further entries; their number, 0 at the end or when one is bad. */
int64_t journal_walk_on(struct db *db, struct journal_walk *w, int64_t max);

/* Removes the entries up to 'seq' and leaves an entry that says so, with their
 * sums and the chain at that point. False when the chain is not whole there:
 * what does not verify is not removed. */
bool journal_prune(struct store *s, struct db *db, int64_t seq, struct sv who);

/* The last of the 'max' oldest entries that has only older ones than 'before_ms'
 * up to it; 0: none. */
int64_t journal_older(struct db *db, int64_t before_ms, int64_t max);

/* The contents and the salt of a link's entries are destroyed. */
int64_t journal_forget(struct db *db, int64_t link);

/* Walks the whole chain. False with the first entry that does not fit. */
bool journal_verify(struct db *db, int64_t *bad_seq);

/* The head as it stands in the store, or guessed from the last entry where none
 * was kept yet; for store.c, which holds it for the transactions. */
void journal_head_load(struct db *db, struct journal_head *h);
void journal_head_save(struct db *db, const struct journal_head *h);

#endif

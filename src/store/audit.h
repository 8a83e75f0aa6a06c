/* audit.h - the proof, from the store alone, that nothing was lost on the way:
 *
 *   marks      accepted = settled + folded + pending + set aside, over all time
 *   decisions  each came to one end, or stands in a slot; nothing stands in a
 *              slot that was not decided
 *   journal    the chain is whole from its beginning (or from what was pruned,
 *              with the sums of that) to the head that is kept elsewhere
 *   rows       what the flow will read can be read
 *
 * Constant memory. A walk can be taken in steps, over several transactions,
 * beside a daemon at work: what is compared is compared in one of them. */
#ifndef TREATY_AUDIT_H
#define TREATY_AUDIT_H

#include "store/journal.h"
#include "store/ledger.h"
#include "treaty/treaty.h"

enum { AUDIT_TROUBLES_MAX = 20, AUDIT_TEXT_MAX = 240 };

struct audit_trouble {
	const char *part; /* "marks", "decisions", "journal", "rows" */
	int64_t link; /* of a row that cannot be read; else 0 */
	char text[AUDIT_TEXT_MAX];
};

struct audit {
	struct ledger ledger;
	struct journal_walk walk;
	struct journal_head head; /* as kept; at the time of the last comparison */
	int64_t pending_decisions;
	int64_t links, slots; /* rows looked at */
	struct audit_trouble trouble[AUDIT_TROUBLES_MAX];
	int trouble_n; /* those kept */
	int64_t trouble_total;
};

void audit_begin(struct db *db, struct audit *a);

/* The cheap part: sums and pending rows, no walk. In a transaction; 'head' is
 * store_journal(). */
void audit_sums(struct db *db, const struct journal_head *head, struct audit *a);

/* A further part of the chain; true while there is more. At its end the walk is
 * compared with the head. What was pruned meanwhile starts the walk anew. */
bool audit_walk(struct db *db, const struct journal_head *head, struct audit *a, int64_t max);

/* Every row of links and slots is looked at. In a transaction. Or in parts: the
 * next 'max' links after *after, which moves; true while there may be more. */
bool audit_links(struct db *db, const struct treaty *t, struct audit *a, int64_t *after, int64_t max);
void audit_slots(struct db *db, const struct treaty *t, struct audit *a);
void audit_rows(struct db *db, const struct treaty *t, struct audit *a);

/* Which decisions do not add up, by number; after audit_sums or audit_walk
 * found that some do not. In a transaction, of a store that audit_prepare made the
 * temporary table for. */
bool audit_prepare(struct store *s, struct err *err);
void audit_name_decisions(struct db *db, struct audit *a);

/* 'SEQ:HASH' of the head, to be kept outside; and whether the journal still
 * has that entry. */
struct sv audit_anchor(const struct journal_head *head, struct arena *a);
bool audit_compare_anchor(struct db *db, struct sv anchor, struct audit *a, struct err *err);

#endif

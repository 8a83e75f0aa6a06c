/* journal.h - the append-only history: what was marked, seen, decided,
 * written, answered; under which rule and treaty version.
 *
 * Entries form a hash chain over salted commitments: commitment =
 * SHA-256(salt of the link, kind, content), chain = SHA-256(chain before,
 * sequence, time, link, commitment). Forgetting a person destroys the salt and
 * the contents of his link; the chain still verifies. It cannot tell that its
 * newest entries were cut off. In a transaction. */
#ifndef TREATY_JOURNAL_H
#define TREATY_JOURNAL_H

#include "base/json.h"
#include "store/store.h"

/* Takes 'content' (a JSON object) over. link 0: of no record. */
void journal_add(struct store *s, struct db *db, int64_t link, const char *kind,
		 struct json_object *content);

struct journal_entry {
	int64_t seq, at_ms, link;
	struct sv kind;
	struct sv content; /* JSON; empty when forgotten */
};

/* Entries of a link, oldest first; link < 0: of all links, the newest. */
int journal_of(struct db *db, int64_t link, int limit, struct arena *a,
	       struct journal_entry **out);

/* Walks the whole chain. False with the first entry that does not fit. */
bool journal_verify(struct db *db, int64_t *bad_seq);

#endif

/* aside.h - rows that cannot be read, as they were, so that the rest goes on.
 *
 * links.c and slots.c set them aside in the transaction that came upon them; the
 * flow tells people later (asides_untold). In a transaction. */
#ifndef TREATY_ASIDE_H
#define TREATY_ASIDE_H

#include "store/store.h"

/* False, changing nothing, when the db may only be read. 'table': "link", "slot". */
bool aside_put(struct db *db, const char *table, int64_t link, struct sv content);

struct aside {
	int64_t id, link;
	struct sv table;
};
/* The oldest that nobody was told of; they are told of now. In the arena. */
int asides_untold(struct db *db, int max, int64_t now_ms, struct arena *a, struct aside **out);

/* Those older than that are forgotten, at most 'max'; how many. */
int64_t asides_prune(struct db *db, int64_t before_ms, int64_t max);

#endif

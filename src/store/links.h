/* links.h - links in the store: one compact row each. In a transaction. */
#ifndef TREATY_LINKS_H
#define TREATY_LINKS_H

#include "store/marks.h"

/* A link in memory with all fields unknown and no row yet. */
struct link link_blank(const struct treaty *t, int record, struct arena *a);

/* A row that cannot be read is set aside as it is (aside.h), and reads as one of
 * records that never agreed on anything: they stay linked, and their values meet
 * anew. (Read-only: the sticky error.)
 *
 * False when there is none. Fields that the treaty no longer has are passed
 * over (the next link_put leaves them out); fields it has and the row lacks
 * have no base. */
bool link_get(struct db *db, const struct treaty *t, int64_t id, struct arena *a,
	      struct link *out);
/* The same without fields, existence and ghosts: where and in which state it is. */
bool link_head(struct db *db, const struct treaty *t, int64_t id, struct arena *a,
	       struct link *out);
bool link_find(struct db *db, const struct treaty *t, int record, enum side side,
	       struct sv remote, struct arena *a, struct link *out);

/* Writes the row; a new link gets its id. When it came to be LINKED (was not
 * before), links that waited for it are marked, and what the conflict log held
 * ambiguous about its records is closed. */
void link_put(struct store *s, struct db *db, const struct treaty *t, struct link *l);
/* Half a link whose record belongs to another one now; what the conflict log
 * asked about it is closed. Its number is not given again. */
void link_delete(struct db *db, int64_t id, int64_t now_ms);

/* The id of the link of a record if that link is whole, else 0. */
int64_t link_of(struct db *db, const struct treaty *t, int record, enum side side,
		struct sv remote);
/* The record id on 'side' of a whole link, or empty. In the arena. */
struct sv link_remote(struct db *db, int64_t link, enum side side, struct arena *a);

/* Link 'l' waits until that record is linked. */
void link_wait_for(struct db *db, const struct treaty *t, const struct link *l, int record,
		   enum side side, struct sv remote);

/* Every field that is held for one of these reasons (bits: 1 << enum hold), in
 * the order of the links. 'each' must not change links. */
void links_held(struct db *db, const struct treaty *t, unsigned holds,
		void (*each)(void *arg, const struct link *l, int field), void *arg);

/* Looks at the next 'max' rows after link *after (which moves), and changes none;
 * how many there are. 'said' hears of those that cannot be read. */
int64_t links_check(struct db *db, const struct treaty *t, int64_t *after, int64_t max,
		    void (*said)(void *arg, int64_t link, const char *what), void *arg);

int64_t links_count(struct db *db, const struct treaty_record *r, enum link_state state);

#endif

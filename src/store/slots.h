/* slots.h - pending writes in the store. In a transaction. */
#ifndef TREATY_SLOTS_H
#define TREATY_SLOTS_H

#include "store/links.h"

/* Empty (IDLE) when there is none. One that cannot be read is set aside as it is
 * (aside.h) and reads as lost, without any field. */
struct slot slot_get(struct db *db, const struct treaty *t, const struct link *l, enum side side,
		     struct arena *a);
/* Its values are no more; whatever it was, a read of its record tells now what
 * became of it. False when there is none. */
bool slot_blank(struct db *db, int64_t link, enum side side);
/* An IDLE slot is removed. */
void slot_put(struct db *db, const struct treaty *t, const struct link *l, enum side side,
	      const struct slot *s);

/* Ids of links whose slot of this side may be sent now: one record type, all
 * creates or all updates, the most urgent first. */
int slots_ready(struct db *db, enum side side, int64_t now_ms, int max, struct arena *a,
		int64_t **out);

bool slots_any_ready(struct db *db, int64_t now_ms);
/* Slots that a pause parked (not before the end of time) may be sent again. */
void slots_unpark(struct db *db);

/* Ids of links with a slot in this state, of any side. */
int slots_in_state(struct db *db, enum slot_state state, int64_t due_ms, int max, struct arena *a,
		   int64_t **out);

/* When the next decided slot that waits for a time may be sent; INT64_MAX if
 * none. Lost ones wait for a read: their marks know when. */
int64_t slots_next_ms(struct db *db, int64_t now_ms);

/* When the oldest one was decided that is to be sent to a side and more urgent
 * than 'below'; 0: there is none. */
int64_t slots_oldest_ms(struct db *db, enum side side, int64_t below);

/* As links_check. */
int64_t slots_check(struct db *db, const struct treaty *t,
		    void (*said)(void *arg, int64_t link, const char *what), void *arg);

int slot_priority(const struct treaty_record *type, const struct slot *s);

#endif

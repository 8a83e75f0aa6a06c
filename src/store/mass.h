/* mass.h - how many records of a type were changed at once. In a transaction.
 *
 * Each record counts once, however often it is changed, in the period of its
 * last change. What is 'at once' is the present period and the one before, so
 * that an operation across their border is seen whole. */
#ifndef TREATY_MASS_H
#define TREATY_MASS_H

#include "settle/link.h"
#include "store/store.h"

struct mass_key {
	const struct treaty_record *type;
	enum mass_what what;
	enum side side; /* where it happened */
};

void mass_add(struct db *db, const struct mass_key *k, int64_t link, int64_t period);
int64_t mass_count(struct db *db, const struct mass_key *k, int64_t period);
/* Ids of counted records on that side; at most 'max'. */
int mass_samples(struct db *db, const struct mass_key *k, int max, struct arena *a,
		 struct sv *out);
/* Links that are counted, of every side; in the arena. */
int mass_links(struct db *db, const struct treaty_record *type, struct arena *a, int64_t **out);
/* The type is counted anew. */
void mass_forget(struct db *db, const struct treaty_record *type);

/* A type whose writing is halted: beside the stop button, whose scopes people
 * press and release. */
struct sv halt_scope(const struct treaty_record *type, struct arena *a);

#endif

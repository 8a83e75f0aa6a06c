/* steps.h - undelivered steps of fields delivered 'each'. In a transaction. */
#ifndef TREATY_STEPS_H
#define TREATY_STEPS_H

#include "settle/settle.h"
#include "store/links.h"

/* A step told twice is stored once. False when it was there. */
bool step_put(struct db *db, const struct treaty_record *type, int64_t link, int field,
	      struct sv step_id, int64_t at_ms, struct value v);
/* What the owner shows although no step says so: last in the list. */
void step_divergence(struct db *db, const struct treaty_record *type, int64_t link, int field,
		     int64_t at_ms, struct value v);

/* All undelivered steps of a link in order. */
int steps_of(struct db *db, const struct treaty_record *type, int64_t link, struct arena *a,
	     struct step **out);
/* Delivered, or no longer needed: this one and all before it. */
void steps_spent(struct db *db, const struct treaty_record *type, int64_t link, int field,
		 struct sv step_id);

#endif

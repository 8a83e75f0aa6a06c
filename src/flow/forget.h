/* forget.h - a person's values are erased from the whole store, as he asked, and
 * the journal's chain still verifies (see journal.h). */
#ifndef TREATY_FORGET_H
#define TREATY_FORGET_H

#include "settle/settle.h"
#include "store/store.h"

struct forgotten {
	bool found;	      /* anything about the record */
	struct sv remote[SIDES]; /* of the link, which stays; empty: none */
	int64_t journal, conflicts, steps, messages, set_aside; /* rows emptied */
	int pending; /* writes that will not be sent */
};

/* All in one transaction. ERR_CONFLICT while a write to one of the two records is
 * under way: its answer needs the values. Nothing is read from or written to the
 * systems; what they still hold is met anew when one of the records changes. */
bool engine_forget(struct store *s, const struct treaty *t, enum side side, int record, struct sv id,
		   struct sv who, struct arena *a, struct forgotten *out, struct err *err);

#endif

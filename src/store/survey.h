/* survey.h - where everything stands, for people: what 'treaty status' shows
 * beside the ledger. One consistent look, in a transaction; counts only, no
 * record's content. */
#ifndef TREATY_SURVEY_H
#define TREATY_SURVEY_H

#include "store/ledger.h"
#include "store/mismatches.h"

struct survey_type {
	int64_t linked, lookup, creating, ambiguous, broken;
	int64_t held; /* links with a field that is held */
};

struct survey_side {
	int64_t decided, sent, lost; /* pending writes */
	bool down;		     /* an outage stands in the conflict log */
	int64_t down_ms;	     /* since */
	struct sv why;
	struct sv cursor; /* of its feed; empty: never asked */
	struct sv budget; /* see governor_save */
	/* Two-way fields that wait because this side cannot be read. */
	int64_t waiting;
	int64_t waiting_ms; /* since when the first of them waits */
	int64_t review_ms;  /* when the next of them becomes a person's; 0: none does */
	int64_t overdue;    /* of them: already a person's */
};

struct survey_pause {
	struct sv scope, who;
	int64_t at_ms;
};

struct survey {
	struct ledger ledger;
	struct survey_type *type; /* as treaty.record */
	struct survey_side side[SIDES];
	int64_t steps;		/* of 'each' fields, undelivered */
	int64_t steps_unlinked; /* of them: of records without a pair, which wait for more than us */
	int64_t oldest_mark_ms; /* 0: none is pending */
	int64_t open[MISMATCH_KINDS];
	struct survey_pause *pause;
	int pause_n;
	int64_t messages;	 /* to people, that wait to be sent */
	int64_t messages_failed; /* of them: tried in vain */
	int64_t messages_ms;	 /* the oldest of them was made; 0: none waits */
	int64_t gaps; /* feeds that lost their position, ever */
};

void survey_read(struct db *db, const struct treaty *t, struct arena *a, struct survey *out);

#endif

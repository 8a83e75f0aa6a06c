/* samples.h - a few real records of the system that owns a record type, as the
 * treaty reads them, and what the other side would show. For the page that
 * people sign; each record type costs one call. */
#ifndef TREATY_CLI_SAMPLES_H
#define TREATY_CLI_SAMPLES_H

#include "cli/open.h"

enum { SAMPLES = 3 };

struct sample {
	struct sv id;
	enum side side; /* whose record it is */
	/* by field of the type, as shown: there, and what the other side gets
	 * (empty: nothing flows that way). Confidential values are masked. */
	struct sv *here, *there;
};

/* In the arena of 'o', whose systems are open. 'n': how many there are. */
bool samples_read(struct opened *o, int record, struct sample **out, int *n, struct err *err);

#endif

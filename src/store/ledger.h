/* ledger.h - the conservation law: marks accepted = settled + folded +
 * pending + set aside. */
#ifndef TREATY_LEDGER_H
#define TREATY_LEDGER_H

#include "store/store.h"

struct ledger {
	int64_t accepted, settled, folded, pending, set_aside;
	int64_t slots_decided, slots_sent, slots_lost; /* pending writes */
	int64_t confirmed, rejected;		       /* writes answered */
	int64_t mismatches_open;
};

/* In a transaction. */
void ledger_read(struct db *db, struct ledger *out);

static inline bool ledger_balanced(const struct ledger *l)
{
	return l->accepted == l->settled + l->folded + l->pending + l->set_aside;
}

#endif

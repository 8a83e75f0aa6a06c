#include "store/ledger.h"

#include "store/slots.h"

void ledger_read(struct db *db, struct ledger *out)
{
	*out = (struct ledger){
		.accepted = counter_get(db, "accepted"),
		.settled = counter_get(db, "settled"),
		.folded = counter_get(db, "folded"),
		.set_aside = counter_get(db, "set_aside"),
		.confirmed = counter_get(db, "confirmed"),
		.rejected = counter_get(db, "rejected"),
	};
	out->pending = db_scalar(db, 0, "SELECT count(*) FROM mark", "");
	struct db_stmt *q = db_query(db, "SELECT state, count(*) FROM slot GROUP BY state", "");
	while (db_next(q)) {
		int64_t n = db_i64(q, 1);
		switch ((enum slot_state)db_i64(q, 0)) {
		case SLOT_DECIDED:
			out->slots_decided = n;
			break;
		case SLOT_SENT:
			out->slots_sent = n;
			break;
		case SLOT_LOST:
			out->slots_lost = n;
			break;
		case SLOT_IDLE:
			break;
		}
	}
	out->mismatches_open =
		db_scalar(db, 0, "SELECT count(*) FROM mismatch WHERE open = 1", "");
}

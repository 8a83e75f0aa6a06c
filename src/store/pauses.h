/* pauses.h - the stop button. In a transaction. Scopes are as engine_pause
 * says: "", side, record type, "type.field", "side:object:id". */
#ifndef TREATY_PAUSES_H
#define TREATY_PAUSES_H

#include "settle/link.h"
#include "store/store.h"

void pause_set(struct db *db, struct sv scope, bool on, int64_t now_ms, struct sv who);
bool pause_any(struct db *db);
bool pause_is(struct db *db, struct sv scope);
bool pause_record(struct db *db, const struct treaty *t, const struct link *l);
/* Per field of the type, or NULL when none is paused. */
const bool *pause_fields(struct db *db, const struct treaty_record *r, struct arena *a);
int pause_list(struct db *db, struct arena *a, struct sv **scopes);

#endif

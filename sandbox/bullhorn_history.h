/* bullhorn_history.h - the edit history that Bullhorn keeps of its records.
 *
 * One entry an edit of a record, with a row for each field that changed; both
 * are query entities named by kind: PlacementEditHistory and
 * PlacementEditHistoryFieldChange. People of all sorts (candidates, client
 * contacts) are filed under 'User' (sdk-rest BullhornEntityInfo). Ids ascend
 * by kind, so 'id > last ORDER BY id' reads it as a log. Creations leave no
 * entry. Guarded by the sandbox's lock; nothing is ever removed. */
#ifndef SANDBOX_BULLHORN_HISTORY_H
#define SANDBOX_BULLHORN_HISTORY_H

#include "bullhorn_filter.h"

enum history_kind {
	HISTORY_NONE,
	HISTORY_USER,
	HISTORY_CLIENT_CORPORATION,
	HISTORY_JOB_ORDER,
	HISTORY_JOB_SUBMISSION,
	HISTORY_PLACEMENT,
	HISTORY_KINDS,
};

enum { HISTORY_FIRST_ID = 1001 };

struct history_edit {
	int64_t id;
	int64_t target, person;
	int64_t at_ms;
	char transaction[37];
	size_t changes_from, changes_len; /* in the kind's changes */
};

struct history_change {
	int64_t id;
	size_t edit;		     /* place in the kind's edits */
	const char *column;	     /* static */
	char *old_value, *new_value; /* owned; "[blank]" for null */
};

struct history_log {
	struct history_edit *edits;
	size_t edits_len, edits_cap;
	struct history_change *changes;
	size_t changes_len, changes_cap;
};

struct history {
	struct history_log logs[HISTORY_KINDS];
};

void history_finish(struct history *h);
/* Opens an entry; history_note adds to the newest. Null values: SV_NONE. */
void history_edit(struct history *h, enum history_kind k, int64_t target, int64_t person,
		  int64_t at_ms, const char *transaction);
void history_note(struct history *h, enum history_kind k, const char *column, struct sv old_value,
		  struct sv new_value);

/* 'UserEditHistory' or 'UserEditHistoryFieldChange': which, or HISTORY_NONE. */
enum history_kind history_named(struct sv entity, bool *changes);
const char *history_name(enum history_kind k);

/* For the filters: names of one of the two entities, and a row of it. */
extern const struct filter_schema history_edit_schema, history_change_schema;
struct history_row {
	struct filter_row base; /* first */
	const struct history_edit *edit;
	const struct history_change *change; /* NULL for an edit */
};
void history_row_init(struct history_row *row, const struct history_edit *e,
		      const struct history_change *c);

#endif

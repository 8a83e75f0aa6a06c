/* table.h - in-memory records of one system, and who wrote what in them.
 *
 * A schema says what a field may hold; rows hold values as text in the
 * system's own spelling, or null. Every write after loading is remembered
 * (struct change) with its writer, time, channel, and old and new value of each
 * field: the tests' oracles read that, not what the program under test says.
 *
 * A table does not check what is written (table_check does, and the systems
 * add their own rules) and does not tell anyone (the systems raise events from
 * the change they get back). All of it is guarded by the sandbox's one lock.
 * Rows are never freed before the table: a deleted row keeps its values. */
#ifndef SANDBOX_TABLE_H
#define SANDBOX_TABLE_H

#include <uthash.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"

enum field_type {
	FIELD_ID,
	FIELD_TEXT,
	FIELD_TEXTAREA,
	FIELD_EMAIL,
	FIELD_PHONE,
	FIELD_URL,
	FIELD_BOOL, /* "true" or "false" */
	FIELD_INT,
	FIELD_DOUBLE,
	FIELD_CURRENCY,
	FIELD_DATE,	/* "2026-11-23" */
	FIELD_DATETIME, /* milliseconds since 1970 as decimal text */
	FIELD_PICKLIST,
	FIELD_MULTIPICKLIST, /* "A;B" */
	FIELD_REFERENCE,     /* an id in 'target' */
	FIELD_REFERENCES,    /* ids in 'target', joined by ';' (to-many) */
	FIELD_COMPUTED,	     /* never stored; the system renders it */
};

enum field_flags {
	FIELD_REQUIRED = 1 << 0,
	FIELD_UNIQUE = 1 << 1,	     /* among rows that are not deleted */
	FIELD_EXTERNAL_ID = 1 << 2,
	FIELD_CASE_SENSITIVE = 1 << 3, /* for UNIQUE and look-ups */
	FIELD_INDEXED = 1 << 4,	     /* implied by UNIQUE and EXTERNAL_ID */
	FIELD_RESTRICTED = 1 << 5,   /* picklist refuses other values */
	FIELD_NO_CREATE = 1 << 6,
	FIELD_NO_UPDATE = 1 << 7,
	FIELD_READ_ONLY = FIELD_NO_CREATE | FIELD_NO_UPDATE,
	FIELD_DEFAULTED = 1 << 8,    /* has 'initial' on create */
	FIELD_AUTONUMBER = 1 << 9,   /* 'initial' is what precedes the number */
	FIELD_NAME = 1 << 10,	     /* the record's name */
	FIELD_CUSTOM = 1 << 11,
	FIELD_ID_LOOKUP = 1 << 12,
	FIELD_CALCULATED = 1 << 13,
	FIELD_VIRTUAL = 1 << 14, /* never stored; the system renders it from the row */
};

struct field_def {
	const char *name;
	const char *label;
	enum field_type type;
	int length; /* characters; 0 = no limit */
	int precision, scale;
	unsigned flags;
	const char *const *values; /* of a picklist, ends in NULL */
	const char *target;	   /* name of the referenced table */
	const char *relationship;  /* how a query reaches the target's fields */
	const char *initial;	   /* value on create when none is given */
	const char *compound;	   /* name of the compound field this is a part of */
};

struct table_def {
	const char *name;
	const char *label;
	const char *plural;
	const char *prefix; /* Salesforce key prefix; NULL elsewhere */
	const struct field_def *fields;
	size_t fields_len;
	bool hidden_from_feed; /* raises no change events */
};

enum channel { CHANNEL_API, CHANNEL_USER, CHANNEL_OFFICE, CHANNEL_AUTOMATION, CHANNEL_SEED };

struct writer {
	struct sv user;	  /* id of the user in that system */
	enum channel channel;
	struct sv client; /* the API client's tag, or SV_NONE */
	int64_t asked_ms; /* when the request for it came in; 0: just now */
};

enum change_kind { CHANGE_INSERT, CHANGE_UPDATE, CHANGE_DELETE, CHANGE_UNDELETE };

struct field_change {
	int field;
	struct sv old_value; /* ptr NULL = null; owned by the change */
	struct sv new_value;
};

struct row;
struct table;

struct change {
	uint64_t seq; /* 1, 2, ... in this system */
	enum change_kind kind;
	int64_t at_ms;
	int64_t asked_ms; /* when the request for it came in */
	struct table *table;
	struct row *row;
	struct sv user;
	enum channel channel;
	struct sv client;
	struct field_change *fields; /* only those whose value changed */
	size_t fields_len;
	int64_t previous_modified_ms;
	struct sv previous_modified_by;
	struct change *previous; /* of the same row, older */
};

struct row {
	struct table *table;
	struct sv id;
	struct sv *values; /* one a field of the schema; ptr NULL = null; owned */
	int64_t created_ms, modified_ms;
	struct sv created_by, modified_by; /* interned, never freed */
	bool deleted;
	struct sv merged_into; /* id of the survivor, or SV_NONE */
	struct change *last;   /* newest first; NULL when only loaded */
	void *extra;	       /* the system's own; freed by it */
	size_t place;	       /* in table->rows */
	UT_hash_handle by_id;  /* the table's own */
};

struct tables;
struct table_index;

struct table {
	const struct table_def *def;
	struct tables *all;
	struct row **rows; /* in the order of their ids, deleted ones included */
	size_t rows_len, rows_cap;
	uint64_t next_number; /* of the next id or autonumber, from 1 */
	struct table_index **indexes; /* one a field, NULL where none */
	struct row *by_id;
	void *extra;
};

/* A record that the API showed: its values after the change 'seq' of the
 * system. */
struct showing {
	uint64_t seq;
	const struct row *row;
	int64_t answered_ms; /* 0: the answer is not out, or was lost */
};

/* All tables of one system, with the log of their changes, oldest first. */
struct tables {
	struct table **items;
	size_t len;
	struct change **log;
	size_t log_len, log_cap;
	bool note_reads; /* keep what reads by record id showed */
	struct showing *shown;
	size_t shown_len, shown_cap;
	uint64_t next_seq;
	struct clock *clock;
	struct sv (*make_id)(struct tables *all, struct table *t, uint64_t number, char out[32]);
	struct interned *names;
	void *extra;
};

/* make_id writes the id with that number into 'out' and returns it. */
struct tables *tables_create(struct clock *clock,
			     struct sv (*make_id)(struct tables *, struct table *, uint64_t, char[32]));
void tables_destroy(struct tables *all);
/* 'def' must outlive the tables. */
struct table *tables_add(struct tables *all, const struct table_def *def);
struct table *tables_find(struct tables *all, struct sv name); /* ASCII case ignored */
/* A copy that lives as long as the tables; equal text gives equal pointers. */
struct sv tables_intern(struct tables *all, struct sv text);

int table_field(const struct table *t, struct sv name);	     /* -1 none; exact case */
int table_field_any_case(const struct table *t, struct sv name); /* -1 none */

struct assignment {
	int field;
	struct sv value; /* ptr NULL = null */
};

/* Value of a field by number, or by name (panics when there is none). */
static inline struct sv row_value(const struct row *r, int field)
{
	return field < 0 ? SV_NONE : r->values[field];
}
struct sv row_get(const struct row *r, const char *field);

/* Also finds deleted rows. */
struct row *table_row(struct table *t, struct sv id);
/* Rows whose indexed field holds the value, deleted ones left out; case counts
 * only for FIELD_CASE_SENSITIVE. Returns how many there are; writes the first
 * 'max', lowest id first. Falls back to a scan when there is no index. */
size_t table_lookup(struct table *t, int field, struct sv value, struct row **out, size_t max);

/* For the seed: no change is remembered. created/modified as given. */
struct row *table_load(struct table *t, const struct assignment *set, size_t n, struct sv user, int64_t at_ms);

/* The next id is given; initial values are filled in. */
struct change *table_insert(struct table *t, const struct assignment *set, size_t n, const struct writer *w);
/* Stamps the row even if no value differs (fields_len is then 0). */
struct change *table_update(struct row *r, const struct assignment *set, size_t n, const struct writer *w);
struct change *table_delete(struct row *r, const struct writer *w);
struct change *table_undelete(struct row *r, const struct writer *w);
/* Notes that a read shows the row as it is, if such notes are kept. */
void tables_note_read(struct tables *all, const struct row *r);
/* Takes back the newest change of the system, which must be 'c'. */
void tables_undo(struct tables *all, struct change *c);

/* What a system's rules have in common. */
enum table_fault {
	TABLE_OK,
	TABLE_REQUIRED,	 /* null or missing where FIELD_REQUIRED */
	TABLE_TOO_LONG,
	TABLE_BAD_TYPE,
	TABLE_BAD_PICKLIST,
	TABLE_READ_ONLY,
	TABLE_DUPLICATE, /* 'other' holds the same unique value */
	TABLE_NO_TARGET, /* the reference points nowhere */
	TABLE_BAD_EMAIL,
};

struct table_problem {
	enum table_fault fault;
	int field;
	struct row *other;
};

/* One value against its field's rule, read-only and uniqueness included. 'r'
 * is the row to be changed, NULL on create. */
enum table_fault table_check_value(struct table *t, struct row *r, int field, struct sv value,
				   struct table_problem *why);
/* On create: the first required field without a value, or -1; 'from' goes on. */
int table_missing_required(struct table *t, const struct assignment *set, size_t n, int from);

const char *channel_name(enum channel c);
const char *change_kind_name(enum change_kind k);
size_t utf8_length(struct sv s); /* in code points */

#endif

/* salesforce.h - the Salesforce side, shared among its files.
 *
 * Wire facts are from the REST, SOQL and Change Data Capture guides (v66/v67);
 * where a file follows one, it says which. Everything here runs under the
 * sandbox's lock; struct sf_call and what hangs on it lives for one request. */
#ifndef SANDBOX_SALESFORCE_H
#define SANDBOX_SALESFORCE_H

#include <openssl/evp.h>

#include "sandbox.h"

enum { SF_ID_LEN = 18, SF_PAGE = 2000, SF_COLLECTION_MAX = 200, SF_HEAD_MAX = 16384 };
#define SF_NEWEST_VERSION 67

/* How a virtual field is made from a row; SF_STORED are the row's values. */
enum sf_source {
	SF_STORED,
	SF_ID,
	SF_IS_DELETED,
	SF_MASTER,
	SF_CREATED,
	SF_CREATED_BY,
	SF_MODIFIED,
	SF_MODIFIED_BY,
	SF_PERSON_NAME,
	SF_ADDRESS, /* compound: rendered from its parts */
};

struct sf_field {
	enum sf_source source;
	bool hidden; /* from the integration user */
	bool locked; /* read-only to the integration user */
};

/* table->extra */
struct sf_object {
	struct sf_field *fields;
	int64_t schema_ms; /* last change of what describe says */
};

struct sf_session {
	char token[96];
	struct sv user; /* interned */
	bool integration;
	UT_hash_handle hh;
};

/* 'When FIELD is written ...' in the same transaction, as the writing user. */
enum sf_rule_kind { RULE_SET, RULE_UPPER, RULE_LOWER, RULE_TITLE, RULE_TRIM, RULE_SUFFIX, RULE_PHONE };

struct sf_rule {
	char name[64];
	struct table *table;
	int when;   /* field that must be among those written */
	int target; /* field that is set or normalised */
	enum sf_rule_kind kind;
	char *text; /* the value, or the suffix; owned */
};

struct sf_event {
	int64_t replay_id;
	const struct table *table;
	char *text;	  /* the payload as JSON; owned */
	char *restricted; /* for a user who may not read all fields, or NULL */
};

/* The change event bus; what is not kept can no longer be replayed. */
struct sf_bus {
	struct sf_event *items; /* ascending replay ids */
	size_t len, cap, start; /* items[start..len) are kept */
	int64_t newest;		/* replay id given last */
	int64_t forgotten;	/* newest id that is no longer kept */
	int64_t commit_number;
	uint64_t transactions;
};

struct sf_cursor;
struct sf_client;

struct salesforce {
	struct system *system;
	struct sandbox *box;
	struct table *account, *contact, *job_order, *placement, *placement_event, *user, *organization;
	struct sf_session *sessions;
	struct sv org_id, integration_user;
	struct sv humans[4];
	size_t humans_len;
	EVP_PKEY *key; /* verifies JWT assertions; NULL = none given */
	struct rng rng;
	int64_t limit_used, limit_max;
	struct sf_rule *rules;
	size_t rules_len;
	struct sf_bus bus;
	bool merge_events;
	int64_t locked_rows; /* writes that still fail with UNABLE_TO_LOCK_ROW */
	struct sf_cursor *cursors; /* newest first */
	struct sf_client *clients;
	uint64_t next_serial; /* of tokens, clients and cursors */
};

/* One request, or one subrequest of a composite. */
struct sf_txn;
struct sf_call {
	struct salesforce *sf;
	struct arena *a;
	const struct http_request *req;
	struct http_response *resp;
	struct sf_session *who;
	struct sv version; /* "v66.0" */
	struct sv rest;	   /* the path after the version, without '/' in front */
	struct json_object *body; /* NULL when none; freed by the router */
	struct sf_txn *outer;	  /* of an all-or-none composite */
};

/* One error, as both REST ("errorCode") and Collections ("statusCode") say it. */
struct sf_error {
	int http;
	const char *code;
	struct sv message;
	struct sv fields[8];
	size_t fields_len;
};
bool sf_fail(struct arena *a, struct sf_error *e, int http, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 5, 6))); /* always false */
void sf_fail_field(struct sf_error *e, const char *field);
void sf_answer_error(struct sf_call *c, const struct sf_error *e);
void sf_answer(struct sf_call *c, int http, const char *code, const char *message);
struct json_object *sf_errors_json(const struct sf_error *e, const char *code_key);

/* salesforce.c: one request by its path below the version; composite calls it
 * again for its parts. */
void sf_dispatch(struct sf_call *c);

/* salesforce_schema.c */
void sf_schema_open(struct salesforce *sf);
void sf_schema_close(struct salesforce *sf);
const char *sf_type_name(const struct table *t, int field);
struct sf_field *sf_field(const struct table *t, int field);
struct table *sf_table(struct salesforce *sf, struct sv name);
bool sf_may_read(const struct sf_session *who, const struct table *t, int field);
bool sf_may_edit(const struct sf_session *who, const struct table *t, int field);

/* salesforce_id.c: 15 characters, or 18 with the checksum that makes them safe
 * without regard to case (each letter: which of five are upper case). */
struct sv sf_make_id(struct tables *all, struct table *t, uint64_t number, char out[32]);
void sf_id_checksum(const char id15[15], char out3[3]);
/* The 18-character form. False for anything that is no id. */
bool sf_id_normal(struct sv id, char out[SF_ID_LEN + 1]);
/* The row with the id (15 or 18), deleted ones included, or NULL. */
struct row *sf_row(struct table *t, struct sv id);

/* salesforce_load.c */
void sf_load(struct salesforce *sf);

/* salesforce_login.c */
bool sf_login_open(struct salesforce *sf, struct err *err);
void sf_login_close(struct salesforce *sf);
void sf_handle_token(struct sf_call *c);
void sf_handle_userinfo(struct sf_call *c);
void sf_handle_identity(struct sf_call *c);
struct sf_session *sf_session_of(struct salesforce *sf, const struct http_request *req);
void sf_session_end(struct salesforce *sf, struct sf_session *s);
void sf_sessions_end(struct salesforce *sf);

/* salesforce_value.c: values are kept canonical (numbers without needless
 * zeros, datetimes as whole seconds in ms, ids of 18 characters). */
struct sv sf_value(struct arena *a, const struct row *r, int field);
enum sf_dialect { SF_REST, SF_CDC };
void sf_render_value(struct buf *b, struct arena *a, const struct row *r, int field, enum sf_dialect d);
void sf_render_text(struct buf *b, const struct field_def *f, struct sv value, enum sf_dialect d);
void sf_render_attributes(struct buf *b, struct sv version, const struct row *r);
/* JSON as sent into the canonical text; *out is in the arena or the JSON. */
bool sf_accept(struct arena *a, struct table *t, int field, struct json_object *json, struct sv *out,
	       struct sf_error *e);

/* salesforce_write.c: all writes of one transaction. */
struct sf_txn {
	struct salesforce *sf;
	struct arena *a;
	const struct sf_session *who; /* NULL: a person or the office, all fields */
	struct writer writer;
	struct sv origin; /* changeOrigin of its events */
	struct change **changes;
	size_t len, cap;
};
void sf_txn_begin(struct sf_txn *x, struct salesforce *sf, struct arena *a);
/* For a call: its own transaction in *own, or the composite's. */
struct sf_txn *sf_txn_of(struct sf_call *c, struct sf_txn *own);
void sf_txn_done(struct sf_call *c, struct sf_txn *x);
void sf_txn_commit(struct sf_txn *x);
/* Takes back what came after the first 'keep' changes. */
void sf_txn_rollback(struct sf_txn *x, size_t keep);
bool sf_create(struct sf_txn *x, struct table *t, struct json_object *fields, struct row **out, struct sf_error *e);
bool sf_update(struct sf_txn *x, struct row *r, struct json_object *fields, struct sf_error *e);
bool sf_delete(struct sf_txn *x, struct row *r, struct sf_error *e);
void sf_undelete(struct sf_txn *x, struct row *r);
/* 300 in e->http with *matches when several rows hold the key. */
bool sf_upsert(struct sf_txn *x, struct table *t, int key, struct sv value, struct json_object *fields,
	       bool update_only, struct row **out, bool *created, struct sf_error *e);
/* The row to write: exists, is of the table, is not deleted. */
struct row *sf_live_row(struct arena *a, struct table *t, struct sv id, struct sf_error *e);

/* salesforce_automation.c */
bool sf_rule_add(struct salesforce *sf, struct json_object *spec, struct err *err);
void sf_rules_clear(struct salesforce *sf);
struct json_object *sf_rules_list(const struct salesforce *sf);
/* Alters or adds to the 'n' assignments (room for 'max'); returns the new count. */
size_t sf_rules_apply(struct salesforce *sf, struct arena *a, struct table *t, struct assignment *set,
		      size_t n, size_t max);

/* salesforce_describe.c, _rows.c, _collections.c, _composite.c, _query.c */
void sf_handle_describe_global(struct sf_call *c);
void sf_handle_describe(struct sf_call *c, struct table *t);
void sf_handle_basic(struct sf_call *c, struct table *t);
void sf_handle_sobject(struct sf_call *c);
void sf_handle_collections(struct sf_call *c);
void sf_handle_composite(struct sf_call *c);
void sf_handle_query(struct sf_call *c, bool all);
void sf_cursors_close(struct salesforce *sf);

/* salesforce_events.c */
void sf_bus_open(struct salesforce *sf);
void sf_bus_close(struct salesforce *sf);
void sf_events_of(struct sf_txn *x);
/* Forgets all but the newest 'keep' events. */
void sf_bus_forget(struct salesforce *sf, size_t keep);
/* A gap or overflow event without record data; 'id' may be a wildcard. */
void sf_gap_event(struct salesforce *sf, struct table *t, const char *type, struct sv id);
/* The first kept event after the replay id, as a place in bus.items. */
size_t sf_bus_after(const struct sf_bus *b, int64_t replay_id);

/* salesforce_control.c: see there for the verbs */
bool sf_control(struct system *s, struct sv verb, struct json_object *body, struct http_response *resp);

/* salesforce_cometd.c */
void sf_handle_cometd(struct sf_call *c);
void sf_clients_forget(struct salesforce *sf);

#endif

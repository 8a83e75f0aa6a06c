/* bullhorn.h - what the files of the Bullhorn side share.
 *
 * One Bullhorn corporation, kept in sandbox tables. A request goes through
 * bullhorn.c (routes, sessions, limits), is answered by entity, query, meta or
 * events, and whatever changes a record goes through bullhorn_write.c, which
 * checks it, keeps edit history and raises events the same way for the API,
 * for people and for the office. All of it runs under the sandbox's lock.
 *
 * Source of the wire facts: bullhorn/rest-api-docs and bullhorn/sdk-rest, whose
 * recorded answers are under tests/fixtures/bullhorn. */
#ifndef SANDBOX_BULLHORN_H
#define SANDBOX_BULLHORN_H

#include "bullhorn_filter.h"
#include "bullhorn_history.h"
#include "bullhorn_login.h"
#include "bullhorn_queue.h"
#include "sandbox.h"

enum bh_entity {
	BH_CORPORATE_USER, /* first: the others refer to it */
	BH_CLIENT_CORPORATION,
	BH_CLIENT_CONTACT,
	BH_CANDIDATE,
	BH_JOB_ORDER,
	BH_JOB_SUBMISSION,
	BH_PLACEMENT,
	BH_ENTITIES,
};

/* A to-many field: the rows of 'child' whose 'field' points here. */
struct bh_many {
	const char *name, *label;
	enum bh_entity child;
	const char *field;
};

enum bh_traits {
	BH_SEARCHABLE = 1 << 0,	 /* has a search index */
	BH_SOFT_DELETE = 1 << 1, /* DELETE sets isDeleted and the row stays readable */
	BH_NO_DELETE = 1 << 2,
	BH_MASS_STATUS = 1 << 3, /* massUpdate knows its status */
	BH_NO_WRITE = 1 << 4,
};

struct bh_type {
	struct table_def def;
	unsigned traits;
	enum history_kind history;
	uint64_t first_id; /* people of all sorts share one range of numbers */
	const struct bh_many *many;
	size_t many_len;
};

extern const struct bh_type bh_types[BH_ENTITIES];

enum { BH_API_USER_OFFSET = 100 }; /* after the recruiters */

struct bh_limits {
	int64_t per_minute, per_month;	/* 0 = none */
	int64_t minute, used_in_minute; /* minute = now / 60,000 */
	int64_t used_in_month;
};

struct bullhorn {
	struct system *sys;
	struct table *tables[BH_ENTITIES];
	struct login login;
	struct queue queue;
	struct history history;
	bool history_off; /* some customers do not keep it */
	struct bh_limits limits;
	int64_t index_lag_ms;
	char api_user[24]; /* person id */
};

/* Why the API says no; becomes its error envelope. */
struct bh_refusal {
	int status; /* 0 = nothing wrong */
	const char *key;
	const char *type; /* of the entry in 'errors'; NULL = no such list */
	char property[64];
	char message[400];
};
void bh_refuse(struct bh_refusal *why, int status, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void bh_answer_refusal(struct http_response *resp, const struct bh_refusal *why,
		       const char *entity);

enum bh_entity bh_entity_named(struct sv name); /* BH_ENTITIES: none */
enum bh_entity bh_entity_of(const struct bullhorn *b, const struct table *t);

/* --- values, at a moment (bullhorn_view.c) --- */

/* The database shows what is; the search index what was 'lag' ago. */
#define BH_FRESH INT64_MAX

struct sv bh_value_at(const struct row *r, int field, int64_t as_of_ms, char scratch[32]);
bool bh_exists_at(const struct bullhorn *b, const struct row *r, int64_t as_of_ms);
bool bh_deleted_at(const struct row *r, int64_t as_of_ms);

/* 'fields=id,owner(id,name),categories[3](id){id>5}' as a tree of names. */
struct bh_fields {
	struct bh_field *items;
	size_t len;
};
struct bh_field {
	struct sv name;
	struct bh_fields sub;
	int count; /* -1 = not said */
	struct sv where;
};
bool bh_fields_parse(struct arena *a, struct sv text, struct bh_fields *out,
		     struct bh_refusal *why);

/* A new object, or NULL with 'why' (unknown field). */
struct json_object *bh_render(struct bullhorn *b, struct arena *a, const struct row *r,
			      const struct bh_fields *f, int64_t as_of_ms, struct bh_refusal *why);
/* Checks the names alone, so that an empty answer still says what is wrong. */
bool bh_fields_check(struct bullhorn *b, struct table *t, const struct bh_fields *f,
		     struct bh_refusal *why);
/* The text of a stored value as the API's JSON; NULL is JSON null. */
struct json_object *bh_json_value(const struct field_def *f, struct sv text);

/* Names of one entity for the filters. */
struct bh_schema {
	struct filter_schema schema; /* first */
	const struct bullhorn *b;
	const struct table *table;
};
struct bh_schema bh_schema_of(const struct bullhorn *b, const struct table *t);
struct bh_filter_row {
	struct filter_row base; /* first */
	const struct bullhorn *b;
	const struct row *row;
	int64_t as_of_ms;
};
struct bh_filter_row bh_filter_row_of(const struct bullhorn *b, const struct row *r,
				      int64_t as_of_ms);

/* --- writing (bullhorn_write.c) --- */

/* What one request or one click changes is one transaction. */
struct bh_transaction {
	struct writer writer;
	char id[37];
};
struct bh_transaction bh_begin(struct bullhorn *b, struct writer w);

/* Values as the tables hold them; composite parts as 'city' or 'address.city'.
 * False leaves everything as it was. */
bool bh_create(struct bullhorn *b, enum bh_entity e, const struct named_value *set, size_t n,
	       const struct bh_transaction *t, struct row **out, struct bh_refusal *why);
bool bh_update(struct bullhorn *b, struct row *r, const struct named_value *set, size_t n,
	       const struct bh_transaction *t, struct bh_refusal *why);
bool bh_remove(struct bullhorn *b, struct row *r, const struct bh_transaction *t,
	       struct bh_refusal *why);
/* The members of a JSON body in the tables' spelling, in the arena. */
bool bh_from_json(struct bullhorn *b, enum bh_entity e, struct json_object *body, struct arena *a,
		  struct named_value **set, size_t *n, struct bh_refusal *why);

/* --- the parts of the API; 'rest' is the path after their own name --- */

void bh_entity_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		      struct http_response *resp);
void bh_mass_update_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
			   struct http_response *resp);
void bh_query_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		     struct http_response *resp);
void bh_search_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		      struct http_response *resp);
void bh_meta_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		    struct http_response *resp);
void bh_options_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		       struct http_response *resp);
void bh_event_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		     struct http_response *resp);
/* Query of the edit history entities; false: not one of them. */
bool bh_history_query(struct bullhorn *b, const struct http_request *req, struct sv entity,
		      struct sv where, struct http_response *resp);

/* base + "/rest-services/<corporation>/" */
struct sv bh_rest_url(const struct bullhorn *b, struct arena *a);
/* Rows asked for: count (default 20, at most 500) and start. */
void bh_page(const struct http_request *req, int64_t *start, int64_t *count);

/* Loads box->people (bullhorn_load.c). */
void bh_load(struct bullhorn *b);

#endif

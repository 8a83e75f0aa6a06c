/* sf.h - what the files of the Salesforce connector share.
 *
 * session.c  who we are: token, instance, own ids        (lock in the session)
 * errors.c   what an answer's error means                (pure)
 * rest.c     one REST call, with one new login           (any thread)
 * describe.c rows.c write.c  the operations              (any thread)
 * soql.c     query text                                  (pure)
 * bayeux.c   messages of the feed                        (pure)
 * cometd.c events.c   the feed's client, its cursor      (one thread)
 *
 * Wire facts are from the REST, Streaming and Change Data Capture guides,
 * v66/v67; places are named where one is surprising. */
#ifndef TREATY_SF_H
#define TREATY_SF_H

#include <pthread.h>

#include "base/json.h"
#include "systems/salesforce/salesforce.h"
#include "value/dialect.h"

#define SF_API "/services/data/v66.0"
#define SF_COMETD "/cometd/66.0"

extern const struct value_dialect sf_dialect;

/* ---- session ---- */

/* A session as one call uses it; in the call's arena. */
struct sf_login {
	struct sv token;
	struct sv instance; /* 'https://name.my.salesforce.com', no slash at the end */
	struct sv user;	    /* own user id */
	struct sv org;
	uint64_t number; /* which login this was */
};

struct sf_session {
	pthread_mutex_t lock; /* held while logging in: others wait for its outcome */
	struct arena arena;   /* of 'login' */
	struct sf_login login; /* no token: none */
	uint64_t logins;
	char user[19];	      /* own user id; outlives the login */
	struct err refused;   /* the last login was refused for good */
	int64_t refused_ms;
};

/* ---- the connector ---- */

/* Learnt at the first need: only objects that can be merged have MasterRecordId. */
enum sf_merges { MERGES_UNTOLD, MERGES_NO, MERGES_YES };

struct sf_object {
	const char *name;
	_Atomic enum sf_merges merges;
};

struct sf_feed;

/* Embeds the connector, so that one is cast to the other. */
struct salesforce {
	struct connector connector; /* first */
	const struct deployment *deployment;
	const struct deployment_system *system;
	struct http_client *http;
	struct clock *clock;
	struct arena arena; /* settings, object names */
	struct sf_object *object;
	int object_n;
	struct sf_session session;
	struct sf_feed *feed;
};

/* The session, logging in if there is none. ERR_AUTH when refused, else
 * ERR_UNREACHABLE, ERR_LIMIT or ERR_STOPPED: nothing was executed. */
bool sf_session_get(struct salesforce *sf, struct arena *a, struct sf_login *out,
		    struct err *err);
/* That login has ended; no effect when another has followed it. */
void sf_session_ended(struct salesforce *sf, uint64_t number);
/* Whether that user id is our own; AUTHOR_UNKNOWN before the first login. */
enum author sf_author(struct salesforce *sf, struct sv user);
void sf_session_init(struct sf_session *s);
void sf_session_finish(struct sf_session *s);

/* The 'aud' for a login host (see salesforce.h). Pure. */
struct sv sf_default_audience(struct sv url, struct arena *a);

/* ---- errors ---- */

/* One error of an answer; views into its JSON. */
struct sf_problem {
	struct sv code; /* 'INVALID_FIELD'; empty when the body says nothing */
	struct sv message;
	struct json_object *all; /* array of all errors, this one first; or NULL */
};

/* All shapes: REST array, Collections row with 'errors', OAuth, bare object.
 * The first error counts; none: all empty. */
struct sf_problem sf_problem_of(struct json_object *body);

/* Fills err by code and HTTP status; 'what' begins the message. */
void sf_problem_class(const struct sf_problem *p, int http_status, const char *what,
		      struct err *err);

/* True when the first error's text says that the field cannot be used, with
 * its name: "No such column 'X' on ...". */
bool sf_problem_column(const struct sf_problem *p, struct sv *column);

/* 'api-usage=18/5000; per-app-...'; false when it is not in there. */
bool sf_limit_info(struct sv header, int64_t *used, int64_t *limit);

/* ---- one REST call ---- */

struct sf_call {
	/* the request; owned by the caller */
	const char *method;
	struct sv path; /* under the instance, with its query */
	struct sv body; /* JSON, or empty */
	const char *header; /* one more, or NULL */
	struct sv header_value;
	bool repeatable;  /* reads, whatever its method */
	const char *what; /* for messages: 'fetch Contact' */
	/* the answer: sf_call_finish */
	long status;
	struct json_object *json; /* NULL for an empty body */
	struct sf_problem problem; /* of an answer that is no success */
};

/* True for a 2xx answer with a JSON or empty body. A session that has ended is
 * renewed and the call repeated, once. */
bool sf_call(struct salesforce *sf, struct sf_call *call, struct err *err);
void sf_call_finish(struct sf_call *call);

/* ---- query text ---- */

void soql_add_string(struct buf *b, struct sv text); /* quoted and escaped */
void soql_add_literal(struct buf *b, struct value v);
/* "Name = 'x'". A phone, which people spell as they like, by its last digits:
 * the caller compares what comes back. */
void soql_add_condition(struct buf *b, const struct write_field *f);

/* ---- operations (connector.h) ---- */

bool sf_describe(struct connector *c, const char *object, struct arena *a,
		 struct schema_object *out, struct err *err);
bool sf_fetch(struct connector *c, const struct object_ref *o, const struct sv *id, int n,
	      struct arena *a, struct rows *out, struct err *err);
bool sf_since(struct connector *c, const struct object_ref *o, int64_t since_ms, struct sv page,
	      struct arena *a, struct rows *out, struct err *err);
bool sf_list(struct connector *c, const struct object_ref *o, struct sv page, struct arena *a,
	     struct rows *out, struct err *err);
bool sf_find(struct connector *c, const struct object_ref *o, const struct write_field *by,
	     int by_n, struct arena *a, struct rows *out, struct err *err);
bool sf_write(struct connector *c, struct write *w, int n, struct arena *a, struct err *err);
bool sf_changes(struct connector *c, struct sv cursor, int64_t wait_ms, struct arena *a,
		struct changes *out, struct err *err);

struct sf_feed *sf_feed_create(void);
void sf_feed_destroy(struct sf_feed *f);

#endif

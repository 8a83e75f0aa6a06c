/* connection.h - what the parts of the interpreter share: the connector, its
 * session, and one request with its answer.
 *
 * Locks: session.login is held for the length of a login and is taken before
 * session.lock; gate.lock is taken alone. */
#ifndef TREATY_REST_CONNECTION_H
#define TREATY_REST_CONNECTION_H

#include <pthread.h>

#include "base/json.h"
#include "systems/rest/rest.h"

/* What a login leaves for the requests after it. */
struct session {
	pthread_mutex_t login;
	pthread_mutex_t lock; /* guards the rest */
	struct arena arena;   /* of the texts below */
	int generation;	      /* of the texts below; 0: none yet */
	struct sv base;
	struct http_header *header;
	int header_n;
	struct sv organisation;
	struct sv subscription;
	uint64_t login_print; /* of the settings of the last login */
	char user[64]; /* our own id there; empty: not asked yet */
	int attempts;
	struct err failed;	/* of the last attempt; code NONE: it went well */
	uint64_t refused_login; /* print of the settings that were refused, or 0 */
};

/* Fixed waits, and the end of all waiting. Monotonic time. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t closed_until_ms;
	bool stopping;
	int waiting;
};

/* One thread at a time. */
struct feed {
	int64_t newest;	 /* last batch the system gave out; -1: to be asked */
	int64_t next_ms; /* when to ask again, monotonic */
	int64_t poll_ms; /* present distance */
};

struct rest {
	struct connector connector; /* first */
	struct rest_description *d;
	const struct deployment *deployment;
	const struct deployment_system *system;
	const char *url;
	struct credential_box *box;
	struct http_client *http;
	struct clock *clock;
	struct arena arena; /* what lives as long as the connector */
	struct sv objects;  /* 'Candidate,Placement' */
	struct session session;
	struct gate gate;
	struct feed feed;
	struct hmac **webhook_key; /* in the arena; none before 'listen' */
	int webhook_key_n;
};

/* login.c */

/* A copy of the session for one request. */
struct session_use {
	int generation;
	struct sv base;
	struct http_header *header;
	int header_n;
	struct sv organisation;
	struct sv subscription;
};

/* A session newer than 'ended' (0: any): the present one, or a new login. All
 * errors but ERR_AUTH, ERR_BAD_INPUT (a secret cannot be read), ERR_LIMIT,
 * ERR_STORE and ERR_STOPPED come out as ERR_UNREACHABLE: without a session
 * nothing was executed. */
bool session_get(struct rest *r, int ended, struct arena *a, struct session_use *out,
		 struct err *err);
/* Our own user's id there, to know our own echo; empty when the description
 * cannot tell. Asked once for a login. */
bool session_user(struct rest *r, struct arena *a, struct sv *out, struct err *err);

/* exchange.c */

/* One request and its answer, counted. Redirects that keep the method (307,
 * 308) are followed, also for POST, within the same domain. */
bool rest_exchange(struct rest *r, struct http_call *call, struct arena *a, struct err *err);
/* base + url + '?' + query, in the arena. */
struct sv rest_url(struct sv base, const struct rest_request *q, const struct vars *v,
		   struct arena *a);
/* Waits until 'until_ms' at the most; false when stopped. */
bool gate_wait(struct gate *g, int64_t until_ms);
bool gate_stopping(struct gate *g);
int64_t monotonic_ms(void);

/* A parameter of a URL's query, decoded; empty when absent. */
struct sv url_parameter(struct sv url, struct sv name, struct arena *a);

/* call.c */

struct rest_ask {
	enum rest_on on;
	const char *what; /* for messages: 'fetch of Candidate' */
	const struct rest_request *request;
	const struct rest_request *longer; /* used when the URL passes url_max, or NULL */
	int url_max;
	const struct vars *vars;
	struct sv body; /* JSON; empty: the request's own */
};

/* 'sent' is false when surely nothing was executed for want of a session or a
 * connection. */
struct rest_answer {
	enum rest_class class;
	bool sent;
	long status;
	struct json_object *body; /* NULL: none, or not JSON */
};

/* True when the class is CLASS_OK. Otherwise err says what happened, and the
 * answer is there all the same as far as one came. An ended session is
 * renewed, and the request repeated once. */
bool rest_call(struct rest *r, const struct rest_ask *ask, struct arena *a,
	       struct rest_answer *out, struct err *err);
void rest_answer_finish(struct rest_answer *answer);

/* classify.c */

/* 'rule' is the one that matched, or NULL for a built-in one. */
enum rest_class rest_classify(const struct rest_description *d, enum rest_on on, long status,
			      bool empty, struct json_object *body,
			      const struct rest_error_class **rule);
/* What the answer says, for a message; never empty. */
struct sv rest_error_text(const struct rest_description *d, struct json_object *body,
			  long status, struct arena *a);
/* Which of the fields the answer names; 'out' holds at least n. */
int rest_error_fields(const struct rest_description *d, struct json_object *body,
		      const char *const *field, int n, const char **out);
const char *rest_class_name(enum rest_class class);

#endif

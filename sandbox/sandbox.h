/* sandbox.h - the whole state, and what a system is to the rest.
 *
 * One process plays several systems, each on a port of its own. All state is
 * under one lock: handlers take it (sandbox_lock) for as long as they look at
 * or change anything, and let go of it only to wait (sandbox_wait_ms). It is a
 * sandbox: simple before parallel. */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <pthread.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "faults.h"
#include "http.h"
#include "people.h"
#include "table.h"

enum { SYSTEM_SALESFORCE, SYSTEM_BULLHORN, SYSTEMS };

struct sandbox;

/* A field as a person or the office writes it. */
struct named_value {
	struct sv field;
	struct sv value; /* ptr NULL = null */
};

struct call_count {
	char *endpoint; /* 'GET query' */
	int64_t count;
};

struct calls {
	struct call_count *items;
	size_t len;
	int64_t total; /* since start or reset */
};

/* One system. All functions are called with the lock held, except handle,
 * which takes it itself. */
struct system {
	const char *name; /* "salesforce", "bullhorn" */
	struct sandbox *box;
	struct tables *tables;
	void *own; /* the system's own state */
	struct faults faults;
	struct calls calls;
	int port;

	void (*handle)(struct system *s, const struct http_request *req, struct http_response *resp);
	/* The system's way to say that it failed (500) or that a limit is reached. */
	void (*answer_fault)(struct system *s, enum fault_kind kind, struct http_response *resp);
	/* What FAULT_SESSION does before the request runs: this request's session
	 * is no longer good. */
	void (*expire_session)(struct system *s, const struct http_request *req);
	/* The name under which a request is counted; NULL = not counted. The text
	 * is static or in the request's arena. */
	const char *(*endpoint)(struct system *s, const struct http_request *req);

	/* Writes as a person or as the office: checked and followed by events
	 * exactly as through the API. */
	bool (*create)(struct system *s, struct sv object, const struct named_value *set, size_t n,
		       const struct writer *w, char id_out[32], struct err *err);
	bool (*edit)(struct system *s, struct sv object, struct sv id, const struct named_value *set,
		     size_t n, const struct writer *w, struct err *err);
	bool (*remove)(struct system *s, struct sv object, struct sv id, const struct writer *w,
		       struct err *err);
	/* The user id of a human who edits; 'nth' chooses among them. */
	struct sv (*human)(struct system *s, unsigned nth);

	/* Verbs under /_sandbox/ of this system's own; false = no such verb. */
	bool (*control)(struct system *s, struct sv verb, struct json_object *body,
			struct http_response *resp);
	void (*destroy)(struct system *s);
};

struct sandbox_options {
	uint64_t seed;
	struct people_counts counts;
	int port[SYSTEMS]; /* 0 = a free one */
	double office_rate; /* edits a second by people; 0 = none */
	int latency_ms;	    /* added to every answer of a system */
	const char *jwt_cert; /* PEM file; NULL = no JWT login */
	const char *client_id;
	const char *user_name;
	int64_t salesforce_daily_limit;
	int64_t cometd_hold_ms;
	int64_t events_kept;
};

struct sandbox {
	struct sandbox_options options;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* broadcast after every change and on stop */
	pthread_cond_t stopped; /* broadcast on stop only: those who just wait */
	bool stopping;
	struct clock *clock;
	struct rng rng; /* for faults and the office; under the lock */
	struct people *people;
	struct system systems[SYSTEMS];
	struct http_server *servers[SYSTEMS];
	struct office *office;
	char base_url[SYSTEMS][64]; /* "http://127.0.0.1:7071" */
};

/* Builds the people, loads both systems and starts to listen. */
bool sandbox_start(struct sandbox *box, const struct sandbox_options *o, struct err *err);
/* Stops listening, ends what waits, frees everything. */
void sandbox_stop(struct sandbox *box);

void sandbox_lock(struct sandbox *box);
void sandbox_unlock(struct sandbox *box);
static inline int64_t sandbox_now(struct sandbox *box)
{
	return clock_now(box->clock);
}
/* With the lock held: wakes all who wait. */
void sandbox_wake(struct sandbox *box);
/* With the lock held: lets go of it until woken or until the steady time
 * 'deadline_ms' (sandbox_steady_ms) has come. False when the time is up or the
 * sandbox stops. */
bool sandbox_wait_until(struct sandbox *box, int64_t deadline_ms);
int64_t sandbox_steady_ms(void);
/* Without the lock: waits, but not past the stop. */
void sandbox_pause_ms(struct sandbox *box, int64_t ms);

void calls_count(struct calls *c, const char *endpoint);
void calls_reset(struct calls *c);

/* front.c: what every request of a system passes before the system sees it:
 * control endpoints, counting, faults, latency. 'ctx' is the struct system. */
void front_handle(void *ctx, const struct http_request *req, struct http_response *resp);

/* Filled by each system's own file; they load their rows from box->people. */
bool salesforce_open(struct system *s, struct err *err);
bool bullhorn_open(struct system *s, struct err *err);

/* office.c: people who work while the tests run; at rate 0 they wait to be told.
 * Started last, stopped first.
 * The thread takes the lock for each edit and goes through system->edit. */
struct office *office_start(struct sandbox *box, double edits_per_s);
void office_stop(struct office *o);
/* The verbs 'office' and 'scenario', on every port; false = another verb. With
 * the lock held. */
bool office_control(struct sandbox *box, struct sv verb, struct json_object *body,
		    struct http_response *resp);

#endif

/* faults.h - trouble on demand, the same way for every system.
 *
 * A fault matches requests by the beginning of their path and their method, a
 * number of times or for a while, with a probability drawn from the sandbox's
 * seeded generator. The front (front.c) asks for each request of a system and
 * acts; only FAULT_SESSION is left to the systems. Control requests are never
 * hit. Guarded by the sandbox's lock. */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include "base/err.h"
#include "base/json.h"
#include "base/rng.h"

enum fault_kind {
	FAULT_NONE,
	FAULT_OUTAGE,	    /* closed without an answer, not executed */
	FAULT_RESET,	    /* reset without an answer, not executed */
	FAULT_LOST_ANSWER,  /* executed, then closed without an answer */
	FAULT_LATE,	    /* held for delay_ms, then executed and answered */
	FAULT_SLOW,	    /* executed, answered after delay_ms */
	FAULT_ERROR_500,    /* the system's JSON error, not executed */
	FAULT_UNAVAILABLE,  /* 503 with an HTML page, not executed */
	FAULT_SESSION,	    /* the session has expired */
	FAULT_TRUNCATED,    /* executed; the JSON ends in the middle */
	FAULT_HTML,	    /* not executed; an HTML page with status 200 */
	FAULT_RATE,	    /* the system's rate or quota error, not executed */
};

struct fault {
	enum fault_kind kind;
	char prefix[128]; /* of the path; empty = all */
	char contains[64]; /* somewhere in the path; empty = all */
	char method[12];  /* empty = all */
	int64_t left;	  /* times; -1 = until cleared */
	int64_t until_ms; /* 0 = no end */
	int percent;	  /* 1..100 */
	int delay_ms;
	int64_t hits;
};

struct faults {
	struct fault *items;
	size_t len;
};

void faults_finish(struct faults *f);
/* {"kind":"lost-answer","path":"/services/data","contains":"","method":"POST","count":3,
 *  "for_ms":60000,"percent":50,"delay_ms":2000}; kind "none" clears all. */
bool faults_set(struct faults *f, struct json_object *spec, int64_t now_ms, struct err *err);
/* The fault that hits this request (used up by one), or NULL. */
struct fault *faults_pick(struct faults *f, struct sv method, struct sv path, int64_t now_ms,
			  struct rng *rng);
/* Whether an outage without a count hits the request now; nothing is used up.
 * For requests that were already waiting when it began. */
bool faults_down(const struct faults *f, struct sv method, struct sv path, int64_t now_ms);
struct json_object *faults_list(const struct faults *f);

const char *fault_name(enum fault_kind k);

#endif

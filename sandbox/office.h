/* office.h - people at work: what the office's files share.
 *
 * Recruiters edit the ATS, sales people edit Salesforce, and a few do what the
 * treaty says they should not. Every edit goes through system->edit like any
 * person's, so that it is checked and followed by events, and is counted by
 * what it was. Seeded: the same seed and the same firm give the same sequence
 * of edits. All of it runs under the sandbox's lock. */
#ifndef SANDBOX_OFFICE_H
#define SANDBOX_OFFICE_H

#include "sandbox.h"

enum office_work {
	WORK_CANDIDATE_PHONE,
	WORK_CANDIDATE_EMAIL,
	WORK_CANDIDATE_STATUS,
	WORK_CANDIDATE_SKILLS,
	WORK_CANDIDATE_NEW,
	WORK_CANDIDATE_OPT_OUT,
	WORK_JOB_STATUS,
	WORK_PLACEMENT_NEW,
	WORK_PLACEMENT_MOVE,
	WORK_SALES_RATE,
	WORK_SALES_OPENINGS,
	WORK_SALES_JOB_NEW,
	WORK_SALES_READ_ONLY,
	WORK_SALES_OPT_OUT,
	WORK_BOTH_OPT_OUT,
	WORK_KINDS,
};

struct office {
	struct sandbox *box;
	pthread_t thread;
	double rate; /* edits a second; 0 = at rest */
	bool stop;
	struct rng rng;
	int64_t done[WORK_KINDS];
	int64_t refused; /* by the systems */
	char first_refusal[512];
};

extern const char *const office_work_names[WORK_KINDS];

/* One edit of a kind drawn by weight (office_work.c). */
void office_edit(struct office *o);

/* Finding people to bother: a live row drawn at random, NULL when the table is
 * empty of them. */
struct row *office_pick(struct office *o, int system, const char *object);
/* The other side of a linked record, or NULL. */
struct row *office_contact_of(struct office *o, const struct row *candidate);
struct row *office_linked_candidate(struct office *o, struct row **contact);

/* {"scene":"read-only"|"both-sides"|"three-statuses", ...}; NULL with err
 * (office_scenes.c). */
struct json_object *office_scene(struct office *o, struct json_object *body, struct err *err);

#endif

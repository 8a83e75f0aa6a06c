/* intake.h - what systems send by themselves: verified, made durable as marks,
 * and only then answered.
 *
 * Whoever sent a request that was answered with success has its marks in the
 * store; whoever was answered otherwise, or not at all, sends it again. All who
 * wait are committed together, in one transaction; one that waits alone is
 * committed at once.
 *
 * No table of delivery ids: a repeated delivery finds its mark pending and
 * folds, or makes one read more that finds nothing changed. Marks only say
 * 'look', so a repetition cannot do harm, and a unique index over random ids
 * would cost half of what can be taken a second.
 *
 * A request that is signed and not understood is taken, journalled and
 * counted. When too many wait, and when the store takes nothing, requests are
 * refused with 503 before their bodies are read, and the sender comes back. */
#ifndef TREATY_INTAKE_H
#define TREATY_INTAKE_H

#include <stdatomic.h>

#include "flow/engine.h"
#include "net/http_server.h"

struct intake;

/* Requests, since it was created; any thread may read. */
struct intake_counts {
	_Atomic int64_t taken;	 /* answered with success */
	_Atomic int64_t unknown; /* of them: signed and not understood */
	_Atomic int64_t forged, stale, busy, failed; /* refused: failed by the store */
	_Atomic int64_t taken_ms;   /* the last one */
	_Atomic int64_t refused_ms; /* the last one */
};

/* Of one system that CAN_WEBHOOK and listens. 'waiting_max' requests may wait
 * for their commit; 0: 1024. */
struct intake *intake_create(struct engine *e, enum side side, int waiting_max);
void intake_destroy(struct intake *in);
const struct intake_counts *intake_counts(const struct intake *in);

/* For a route of an http_server; 'arg' is the intake. */
int intake_admit(void *arg);
void intake_request(void *arg, const struct http_request *r, struct http_exchange *x);

/* One step: all who wait, in one transaction, and their answers. Waits up to
 * wait_ms for the first of them. FAILED: the store took nothing, and all of
 * them were refused. One thread. */
enum step_result intake_commit(struct intake *in, int64_t wait_ms, struct err *err);

/* Nobody new; whoever waits is refused, intake_commit returns at once. Any
 * thread; before the server is destroyed. */
void intake_stop(struct intake *in);

#endif

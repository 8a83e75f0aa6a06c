/* bullhorn_queue.h - event subscriptions: queues that a read empties.
 *
 * PUT makes a subscription; from then on every event that fits is queued in
 * it. GET takes up to 100 events off under a new requestId; the last batch can
 * be had again under its requestId, older ones cannot (how far back the real
 * one goes is undocumented). A subscription that nobody reads expires
 * (rest-api-docs _subscription.md). Events say who and which properties, never
 * values. Now and then the real queue repeats an event or swaps neighbours
 * (sdk-rest's own event fixture does both): by percentages here.
 *
 * Guarded by the sandbox's lock. */
#ifndef SANDBOX_BULLHORN_QUEUE_H
#define SANDBOX_BULLHORN_QUEUE_H

#include "base/err.h"
#include "base/json.h"
#include "base/rng.h"

enum event_kind { EVENT_INSERTED = 1 << 0, EVENT_UPDATED = 1 << 1, EVENT_DELETED = 1 << 2 };

enum { QUEUE_MAX_BATCH = 100, QUEUE_MAX_PROPERTIES = 24, QUEUE_ID_MAX = 64 };

struct queue_event {
	int64_t number; /* of ID:JBM-...; given by queue_post */
	int64_t at_ms;
	enum event_kind kind;
	const char *entity; /* static */
	int64_t entity_id;
	int64_t person;
	char transaction[37];
	const char *properties[QUEUE_MAX_PROPERTIES]; /* static; of an update */
	size_t properties_len;
};

struct queue_subscription {
	char id[QUEUE_ID_MAX];
	char selector[512];
	char entities[256]; /* ",Candidate,Placement," */
	unsigned kinds;	    /* enum event_kind */
	int64_t created_ms, read_ms;
	struct queue_event *events; /* [taken, len) wait */
	size_t taken, len, cap;
	int64_t last_request;			   /* 0 = none yet */
	struct queue_event batch[QUEUE_MAX_BATCH]; /* of last_request */
	size_t batch_len;
};

struct queue {
	struct queue_subscription **items;
	size_t len;
	int64_t next_number;
	int64_t expiry_ms; /* without a read; 0 = never */
	size_t max;	   /* subscriptions */
	unsigned duplicate_percent, disorder_percent;
	struct rng rng;
	int64_t posted; /* in all, counted once */
};

void queue_init(struct queue *q, uint64_t seed);
void queue_finish(struct queue *q);

/* names and types: comma lists, as in the URL. Putting an existing id with the
 * same lists leaves it as it is, with other lists starts it anew (what the real
 * one does is undocumented). ERR_BAD_INPUT for an unknown type, ERR_LIMIT when
 * there are too many. */
struct queue_subscription *queue_subscribe(struct queue *q, struct sv id, struct sv names,
					   struct sv types, int64_t corporation, int64_t now_ms,
					   struct err *err);
/* NULL: never made, dropped or expired. */
struct queue_subscription *queue_find(struct queue *q, struct sv id, int64_t now_ms);
bool queue_drop(struct queue *q, struct sv id);
void queue_drop_all(struct queue *q);

void queue_post(struct queue *q, const struct queue_event *e);
/* The next batch into s->batch under a new requestId; false when none waits
 * (last batch and requestId stay). */
bool queue_take(struct queue *q, struct queue_subscription *s, size_t max, int64_t now_ms);

/* {"requestId","events":[...]} of the last batch. */
struct json_object *queue_batch_json(const struct queue_subscription *s);

#endif

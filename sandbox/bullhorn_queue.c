#include "bullhorn_queue.h"

#include <inttypes.h>

#include "base/panic.h"

enum { FIRST_EVENT = 40000001, DAY_MS = 86400000 };

static const struct {
	const char *name;
	enum event_kind kind;
} kinds[] = { { "INSERTED", EVENT_INSERTED },
	      { "UPDATED", EVENT_UPDATED },
	      { "DELETED", EVENT_DELETED } };

void queue_init(struct queue *q, uint64_t seed)
{
	/* 15 subscriptions and seven days: the stricter of what the documents say. */
	*q = (struct queue){ .next_number = FIRST_EVENT,
			     .expiry_ms = 7 * (int64_t)DAY_MS,
			     .max = 15,
			     .rng = { seed } };
}

static void subscription_free(struct queue_subscription *s)
{
	free(s->events);
	free(s);
}

void queue_drop_all(struct queue *q)
{
	for (size_t i = 0; i < q->len; i++)
		subscription_free(q->items[i]);
	q->len = 0;
}

void queue_finish(struct queue *q)
{
	queue_drop_all(q);
	free(q->items);
	q->items = NULL;
}

static void drop_at(struct queue *q, size_t i)
{
	subscription_free(q->items[i]);
	q->items[i] = q->items[--q->len];
}

static void drop_expired(struct queue *q, int64_t now_ms)
{
	for (size_t i = q->len; q->expiry_ms && i-- > 0;)
		if (now_ms - q->items[i]->read_ms > q->expiry_ms)
			drop_at(q, i);
}

static size_t place_of(const struct queue *q, struct sv id)
{
	size_t i = 0;
	while (i < q->len && !sv_eq(sv_of(q->items[i]->id), id))
		i++;
	return i;
}

struct queue_subscription *queue_find(struct queue *q, struct sv id, int64_t now_ms)
{
	drop_expired(q, now_ms);
	size_t i = place_of(q, id);
	return i < q->len ? q->items[i] : NULL;
}

bool queue_drop(struct queue *q, struct sv id)
{
	size_t i = place_of(q, id);
	if (i == q->len)
		return false;
	drop_at(q, i);
	return true;
}

static bool parse_kinds(struct sv types, unsigned *out, struct err *err)
{
	struct sv one;
	*out = 0;
	while (types.len) {
		size_t i = 0;
		sv_cut(types, ',', &one, &types);
		one = sv_trim(one);
		while (i < countof(kinds) && !sv_eq_nocase(one, sv_of(kinds[i].name)))
			i++;
		if (i == countof(kinds)) {
			err_set(err, ERR_BAD_INPUT,
				"eventTypes: '%.*s' is not INSERTED, UPDATED or DELETED",
				SV_ARG(one));
			return false;
		}
		*out |= kinds[i].kind;
	}
	if (!*out)
		err_set(err, ERR_BAD_INPUT, "eventTypes is required");
	return *out != 0;
}

/* One name or value as in "= 'x'", several as in "IN ('x','y')". */
static void add_choice(struct buf *b, struct sv list)
{
	bool several = list.len && memchr(list.ptr, ',', list.len);
	struct sv one;
	buf_add(b, several ? SV(" IN (") : SV("="));
	for (const char *sep = ""; list.len; sep = ",") {
		sv_cut(list, ',', &one, &list);
		one = sv_trim(one);
		buf_addf(b, "%s'%.*s'", sep, SV_ARG(one));
	}
	if (several)
		buf_addc(b, ')');
}

static void describe(struct queue_subscription *s, struct sv names, struct sv types,
		     int64_t corporation)
{
	struct buf b;
	struct sv one;
	buf_init(&b, sizeof(s->selector) - 1);
	buf_addf(&b, "JMSType='ENTITY' AND BhCorpId=%" PRId64 " AND BhEntityName", corporation);
	add_choice(&b, names);
	buf_add(&b, SV(" AND BhEntityEventType"));
	add_choice(&b, types);
	snprintf(s->selector, sizeof(s->selector), "%.*s", (int)b.len, b.ptr ? b.ptr : "");
	buf_finish(&b);
	size_t n = (size_t)snprintf(s->entities, sizeof(s->entities), ",");
	while (names.len && n < sizeof(s->entities)) {
		sv_cut(names, ',', &one, &names);
		one = sv_trim(one);
		n += (size_t)snprintf(s->entities + n, sizeof(s->entities) - n, "%.*s,",
				      SV_ARG(one));
	}
}

struct queue_subscription *queue_subscribe(struct queue *q, struct sv id, struct sv names,
					   struct sv types, int64_t corporation, int64_t now_ms,
					   struct err *err)
{
	unsigned wanted;
	drop_expired(q, now_ms);
	if (id.len == 0 || id.len >= QUEUE_ID_MAX || names.len == 0 || names.len > 200) {
		err_set(err, ERR_BAD_INPUT,
			"a subscription id and the names of entities are required");
		return NULL;
	}
	if (!parse_kinds(types, &wanted, err))
		return NULL;
	struct queue_subscription *s = must_zalloc(sizeof(*s)), *old = queue_find(q, id, now_ms);
	snprintf(s->id, sizeof(s->id), "%.*s", SV_ARG(id));
	s->kinds = wanted;
	s->created_ms = s->read_ms = now_ms;
	describe(s, names, types, corporation);
	if (old && strcmp(old->selector, s->selector) == 0) {
		subscription_free(s);
		old->read_ms = now_ms;
		return old;
	}
	queue_drop(q, id);
	if (q->len >= q->max) {
		subscription_free(s);
		err_set(err, ERR_LIMIT, "the maximum of %zu subscriptions is reached", q->max);
		return NULL;
	}
	q->items = must_realloc(q->items, (q->len + 1) * sizeof(*q->items));
	q->items[q->len++] = s;
	return s;
}

static bool chance(struct queue *q, unsigned percent)
{
	return percent && rng_below(&q->rng, 100) < percent;
}

static void push(struct queue *q, struct queue_subscription *s, const struct queue_event *e)
{
	if (s->len == s->cap) {
		/* What was taken makes room first. */
		if (s->taken)
			memmove(s->events, s->events + s->taken,
				(s->len - s->taken) * sizeof(*s->events));
		s->len -= s->taken;
		s->taken = 0;
		if (s->len * 2 >= s->cap) {
			s->cap = s->cap ? s->cap * 2 : 64;
			s->events = must_realloc(s->events, s->cap * sizeof(*s->events));
		}
	}
	s->events[s->len++] = *e;
	if (s->len - s->taken > 1 && chance(q, q->disorder_percent)) {
		struct queue_event swapped = s->events[s->len - 2];
		s->events[s->len - 2] = s->events[s->len - 1];
		s->events[s->len - 1] = swapped;
	}
}

static bool wants(const struct queue_subscription *s, const struct queue_event *e)
{
	char name[64];
	snprintf(name, sizeof(name), ",%s,", e->entity);
	return (s->kinds & e->kind) && strstr(s->entities, name);
}

void queue_post(struct queue *q, const struct queue_event *e)
{
	struct queue_event numbered = *e;
	numbered.number = q->next_number++;
	q->posted++;
	for (size_t i = 0; i < q->len; i++) {
		if (!wants(q->items[i], e))
			continue;
		push(q, q->items[i], &numbered);
		if (chance(q, q->duplicate_percent))
			push(q, q->items[i], &numbered);
	}
}

bool queue_take(struct queue *q, struct queue_subscription *s, size_t max, int64_t now_ms)
{
	s->read_ms = now_ms;
	size_t n = s->len - s->taken;
	if (n > max)
		n = max;
	if (n > QUEUE_MAX_BATCH)
		n = QUEUE_MAX_BATCH;
	if (n == 0)
		return false;
	memcpy(s->batch, s->events + s->taken, n * sizeof(*s->batch));
	s->batch_len = n;
	s->taken += n;
	s->last_request++;
	return true;
}

static struct json_object *event_json(const struct queue_event *e)
{
	struct json_object *o = json_object_new_object(), *meta = json_object_new_object();
	char text[32];
	size_t k = 0;
	while (kinds[k].kind != e->kind)
		k++;
	snprintf(text, sizeof(text), "ID:JBM-%" PRId64, e->number);
	json_put_sv(o, "eventId", sv_of(text));
	json_put_sv(o, "eventType", SV("ENTITY"));
	json_put_i64(o, "eventTimestamp", e->at_ms);
	snprintf(text, sizeof(text), "%" PRId64, e->person);
	json_put_sv(meta, "PERSON_ID", sv_of(text));
	json_put_sv(meta, "TRANSACTION_ID", sv_of(e->transaction));
	json_object_object_add(o, "eventMetadata", meta);
	json_put_sv(o, "entityName", sv_of(e->entity));
	json_put_i64(o, "entityId", e->entity_id);
	json_put_sv(o, "entityEventType", sv_of(kinds[k].name));
	if (e->kind == EVENT_UPDATED) {
		struct json_object *names = json_object_new_array();
		for (size_t i = 0; i < e->properties_len; i++)
			json_object_array_add(names, json_from_sv(sv_of(e->properties[i])));
		json_object_object_add(o, "updatedProperties", names);
	}
	return o;
}

struct json_object *queue_batch_json(const struct queue_subscription *s)
{
	struct json_object *o = json_object_new_object(), *events = json_object_new_array();
	json_put_i64(o, "requestId", s->last_request);
	for (size_t i = 0; i < s->batch_len; i++)
		json_object_array_add(events, event_json(&s->batch[i]));
	json_object_object_add(o, "events", events);
	return o;
}

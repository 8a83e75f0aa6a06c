#include "store/slots.h"

#include "base/panic.h"
#include "store/aside.h"

enum { SLOT_DATA_MAX = 256 << 20 };
/* Added to a field's cause: its rule follows; it is one half. Older stores have
 * neither. */
enum { WITH_RULE = 4, HALF = 8 };
_Static_assert((int)CAUSE_BACKFILL < WITH_RULE, "the flags are no causes");

/* Live changes before restores before backfill, and record types in the order
 * of the treaty within each. */
int slot_priority(const struct treaty_record *type, const struct slot *s)
{
	enum cause most_urgent = CAUSE_BACKFILL;
	for (int k = 0; k < s->field_n; k++)
		if (s->field[k].cause < most_urgent)
			most_urgent = s->field[k].cause;
	return (int)most_urgent * 1000 + type->priority;
}

static void pack_slot(struct buf *b, const struct treaty_record *type, const struct slot *s)
{
	buf_add_varint(b, (uint64_t)s->fence_ms);
	buf_add_varint(b, (uint64_t)s->unmodified_ms);
	buf_add_varint(b, (uint64_t)s->attempts);
	for (int k = 0; k < s->field_n; k++) {
		const struct slot_field *f = &s->field[k];
		buf_add_varint(b, type->field[f->field].key);
		buf_add_varint(b, (uint64_t)f->cause | (f->rule ? WITH_RULE : 0) | (f->half ? HALF : 0));
		if (f->rule)
			buf_add_varint(b, f->rule);
		value_pack(b, f->source);
		value_pack(b, f->target);
		buf_add_counted(b, f->step_id);
	}
}

static bool unpack_slot(struct sv data, const struct treaty_record *type, struct arena *a,
			struct slot *s)
{
	struct reader r = { .left = arena_sv(a, data) };
	s->fence_ms = (int64_t)read_varint(&r);
	s->unmodified_ms = (int64_t)read_varint(&r);
	s->attempts = (int)read_varint(&r);
	s->field = arena_array(a, struct slot_field, type->field_n);
	while (!r.bad && r.left.len) {
		struct slot_field f = { .field = treaty_field_by_key(type,
								     (uint32_t)read_varint(&r)) };
		uint64_t cause = read_varint_to(&r, CAUSE_BACKFILL | WITH_RULE | HALF);
		f.cause = (enum cause)(cause & (WITH_RULE - 1));
		f.half = (cause & HALF) != 0;
		if (cause & WITH_RULE)
			f.rule = read_varint(&r);
		f.source = value_unpack(&r);
		f.target = value_unpack(&r);
		f.step_id = read_counted(&r);
		if (f.field >= 0 && s->field_n < type->field_n)
			s->field[s->field_n++] = f;
	}
	return !r.bad;
}

bool slot_blank(struct db *db, int64_t link, enum side side)
{
	struct buf b;
	buf_init(&b, 64);
	pack_slot(&b, NULL, &(struct slot){ 0 });
	/* one that was decided is settled anew as if it had been sent: a read
	 * shows what there is, and ends its decision */
	int64_t n = db_run(db,
			   "UPDATE slot SET data = $1, state = CASE WHEN state = 2 THEN 2 ELSE 3 END"
			   " WHERE link = $2 AND side = $3",
			   "bii", buf_sv(&b), link, (int64_t)side);
	buf_finish(&b);
	return n > 0;
}

/* A write that cannot be read: what became of it, or what was meant, is seen by
 * a read of its record. */
static bool repair_slot(struct db *db, int64_t link, enum side side, struct sv data,
			struct slot *s)
{
	if (!aside_put(db, "slot", link, data) || !slot_blank(db, link, side))
		return false;
	*s = (struct slot){ .state = s->state == SLOT_SENT ? SLOT_SENT : SLOT_LOST,
			    .create = s->create, .decided_ms = s->decided_ms,
			    .sent_ms = s->sent_ms, .decision = s->decision };
	return true;
}

struct slot slot_get(struct db *db, const struct treaty *t, const struct link *l, enum side side,
		     struct arena *a)
{
	struct slot s = { 0 };
	struct db_stmt *q = db_query(
		db,
		"SELECT state, creates, decided_ms, next_ms, sent_ms, data, decision FROM slot"
		" WHERE link = $1 AND side = $2",
		"ii", l->id, (int64_t)side);
	if (!db_next(q))
		return s;
	int64_t state = db_i64(q, 0);
	s.state = (enum slot_state)state;
	s.create = db_i64(q, 1) != 0;
	s.decided_ms = db_i64(q, 2);
	s.next_ms = db_i64(q, 3);
	s.sent_ms = db_i64(q, 4);
	s.decision = db_i64(q, 6);
	bool ok = state > SLOT_IDLE && state <= SLOT_LOST &&
		  unpack_slot(db_sv(q, 5), &t->record[l->record], a, &s);
	struct sv data = ok ? SV_NONE : arena_sv(a, db_sv(q, 5));
	db_done(q);
	ok = ok || repair_slot(db, l->id, side, data, &s);
	if (!ok)
		db_fail(db, "slot of link %lld cannot be read", (long long)l->id);
	return s;
}

void slot_put(struct db *db, const struct treaty *t, const struct link *l, enum side side,
	      const struct slot *s)
{
	if (s->state == SLOT_IDLE) {
		db_run(db, "DELETE FROM slot WHERE link = $1 AND side = $2", "ii", l->id,
		       (int64_t)side);
		return;
	}
	const struct treaty_record *type = &t->record[l->record];
	struct buf b;
	buf_init(&b, SLOT_DATA_MAX);
	pack_slot(&b, type, s);
	if (b.full)
		db_fail(db, "slot of link %lld is too large", (long long)l->id);
	db_run(db,
	       "INSERT INTO slot (link, side, type, state, creates, priority, decided_ms, next_ms,"
	       " sent_ms, data, decision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	       " ON CONFLICT (link, side) DO UPDATE SET state = excluded.state,"
	       " creates = excluded.creates, priority = excluded.priority,"
	       " decided_ms = excluded.decided_ms, next_ms = excluded.next_ms,"
	       " sent_ms = excluded.sent_ms, data = excluded.data, decision = excluded.decision",
	       "iiiiiiiiibi", l->id, (int64_t)side, record_key(type), (int64_t)s->state,
	       (int64_t)s->create, (int64_t)slot_priority(type, s), s->decided_ms, s->next_ms,
	       s->sent_ms, buf_sv(&b), s->decision);
	buf_finish(&b);
}

int slots_ready(struct db *db, enum side side, int64_t now_ms, int max, struct arena *a,
		int64_t **out)
{
	int64_t *ids = arena_array(a, int64_t, max), type = 0, creates = 0;
	int n = 0;
	struct db_stmt *q = db_query(
		db,
		"SELECT link, type, creates FROM slot WHERE side = $1 AND state = 1"
		" AND next_ms <= $2 ORDER BY priority, creates, decided_ms, link LIMIT $3",
		"iii", (int64_t)side, now_ms, (int64_t)max);
	while (db_next(q)) {
		if (n == 0)
			type = db_i64(q, 1), creates = db_i64(q, 2);
		if (db_i64(q, 1) == type && db_i64(q, 2) == creates)
			ids[n++] = db_i64(q, 0);
	}
	*out = ids;
	return n;
}

bool slots_any_ready(struct db *db, int64_t now_ms)
{
	return db_scalar(db, 0, "SELECT 1 FROM slot WHERE state = 1 AND next_ms <= $1 LIMIT 1", "i",
			 now_ms) != 0;
}

void slots_unpark(struct db *db)
{
	db_run(db, "UPDATE slot SET next_ms = 0 WHERE next_ms > $1", "i", INT64_MAX / 8);
}

int slots_in_state(struct db *db, enum slot_state state, int64_t due_ms, int max, struct arena *a,
		   int64_t **out)
{
	int64_t *ids = arena_array(a, int64_t, max);
	int n = 0;
	for (int64_t side = 0; side < SIDES; side++) {
		struct db_stmt *q = db_query(
			db,
			"SELECT link FROM slot WHERE side = $1 AND state = $2 AND next_ms <= $3 LIMIT $4",
			"iiii", side, (int64_t)state, due_ms, (int64_t)(max - n));
		while (db_next(q))
			ids[n++] = db_i64(q, 0);
	}
	*out = ids;
	return n;
}

int64_t slots_oldest_ms(struct db *db, enum side side, int64_t below)
{
	return db_scalar(db, 0,
			 "SELECT coalesce(min(decided_ms), 0) FROM slot"
			 " WHERE side = $1 AND state = $2 AND priority < $3",
			 "iii", (int64_t)side, (int64_t)SLOT_DECIDED, below);
}

int64_t slots_next_ms(struct db *db, int64_t now_ms)
{
	return db_scalar(db, INT64_MAX,
			 "SELECT min(next_ms) FROM slot WHERE state = 1 AND next_ms > $1", "i",
			 now_ms);
}

int64_t slots_check(struct db *db, const struct treaty *t,
		    void (*said)(void *arg, int64_t link, const char *what), void *arg)
{
	struct arena a;
	int64_t n = 0;
	arena_init(&a);
	struct db_stmt *q = db_scan(db, "SELECT link, type, state, data FROM slot", "");
	for (; db_next(q); n++) {
		struct slot s = { 0 };
		int record = record_by_key(t, db_i64(q, 1));
		if (record < 0)
			continue;
		int64_t state = db_i64(q, 2);
		if (state <= SLOT_IDLE || state > SLOT_LOST ||
		    !unpack_slot(db_sv(q, 3), &t->record[record], &a, &s))
			said(arg, db_i64(q, 0), "a pending write");
		arena_reset(&a);
	}
	arena_finish(&a);
	return n;
}

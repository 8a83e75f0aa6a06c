#include "store/links.h"

#include "base/panic.h"
#include "store/aside.h"
#include "store/mismatches.h"

/* Every field may hold seven values as long as the peer's answer. */
enum { LINK_DATA_MAX = 256 << 20 };

/* What a field's entry in the row holds besides its key. */
enum {
	HAS_BASE = 1,
	HAS_HOLD = 2,
	HAS_RESTORES = 4,
	HAS_ALTERED = 8,
	HAS_RESOLVE = 16,
	HAS_WROTE = 32,
	HAS_TURNS = 64,
	HAS_AWAY = 128,
	HAS_HALF = 256,
};

static void pack_pair(struct buf *b, const struct value v[SIDES])
{
	value_pack(b, v[SIDE_ATS]);
	value_pack(b, v[SIDE_SALESFORCE]);
}

static void unpack_pair(struct reader *r, struct value v[SIDES])
{
	v[SIDE_ATS] = value_unpack(r);
	v[SIDE_SALESFORCE] = value_unpack(r);
}

static bool holds_values(const struct link_field *f)
{
	return f->hold || f->held[SIDE_ATS].kind || f->held[SIDE_SALESFORCE].kind;
}

static void pack_field(struct buf *b, uint32_t key, const struct link_field *f)
{
	unsigned has = (f->rule ? HAS_BASE : 0) | (holds_values(f) ? HAS_HOLD : 0) |
		       (f->restores ? HAS_RESTORES : 0) | (f->altered_ms ? HAS_ALTERED : 0) |
		       (f->resolve ? HAS_RESOLVE : 0) | (f->wrote_ms ? HAS_WROTE : 0) |
		       (f->turned_ms ? HAS_TURNS : 0) |
		       (f->away_ms || f->overdue ? HAS_AWAY : 0) | (f->half ? HAS_HALF : 0);
	if (!has)
		return;
	buf_add_varint(b, key);
	buf_add_varint(b, has);
	if (has & HAS_BASE) {
		buf_add_varint(b, f->rule);
		pack_pair(b, f->base);
	}
	if (has & HAS_HOLD) {
		buf_add_varint(b, f->hold);
		pack_pair(b, f->held);
	}
	if (has & HAS_RESTORES) {
		buf_add_varint(b, f->restores);
		buf_add_varint(b, (uint64_t)f->restored_ms);
	}
	if (has & HAS_ALTERED) {
		buf_add_varint(b, f->altered_side);
		buf_add_varint(b, (uint64_t)f->altered_ms);
		value_pack(b, f->altered);
	}
	if (has & HAS_WROTE) {
		buf_add_varint(b, f->wrote_side);
		buf_add_varint(b, (uint64_t)f->fenced_ms);
		buf_add_varint(b, (uint64_t)f->wrote_ms);
	}
	if (has & HAS_TURNS) {
		buf_add_varint(b, f->turns);
		buf_add_varint(b, (uint64_t)f->turned_ms);
		value_pack(b, f->before);
	}
	if (has & HAS_AWAY) {
		buf_add_varint(b, f->away_side);
		buf_add_varint(b, (uint64_t)f->away_ms);
		buf_add_varint(b, f->overdue);
	}
	if (has & HAS_HALF)
		buf_add_varint(b, f->half_side);
	if (has & HAS_RESOLVE) {
		buf_add_varint(b, f->resolve);
		value_pack(b, f->resolve_value);
		pack_pair(b, f->resolve_seen);
	}
}

static void unpack_field(struct reader *r, struct link_field *f)
{
	unsigned has = (unsigned)read_varint(r);
	if (has & HAS_BASE) {
		f->rule = read_varint(r);
		unpack_pair(r, f->base);
	}
	if (has & HAS_HOLD) {
		f->hold = (enum hold)read_varint_to(r, HOLDS - 1);
		unpack_pair(r, f->held);
	}
	if (has & HAS_RESTORES) {
		f->restores = (unsigned)read_varint(r);
		f->restored_ms = (int64_t)read_varint(r);
	}
	if (has & HAS_ALTERED) {
		f->altered_side = (enum side)read_varint_to(r, SIDES - 1);
		f->altered_ms = (int64_t)read_varint(r);
		f->altered = value_unpack(r);
	}
	if (has & HAS_WROTE) {
		f->wrote_side = (enum side)read_varint_to(r, SIDES - 1);
		f->fenced_ms = (int64_t)read_varint(r);
		f->wrote_ms = (int64_t)read_varint(r);
	}
	if (has & HAS_TURNS) {
		f->turns = (unsigned)read_varint(r);
		f->turned_ms = (int64_t)read_varint(r);
		f->before = value_unpack(r);
	}
	if (has & HAS_AWAY) {
		f->away_side = (enum side)read_varint_to(r, SIDES - 1);
		f->away_ms = (int64_t)read_varint(r);
		f->overdue = read_varint(r) != 0;
	}
	if (has & HAS_HALF) {
		f->half = true;
		f->half_side = (enum side)read_varint_to(r, SIDES - 1);
	}
	if (has & HAS_RESOLVE) {
		f->resolve = (enum resolve_action)read_varint_to(r, RESOLVE_REVERT_SALESFORCE);
		f->resolve_value = value_unpack(r);
		unpack_pair(r, f->resolve_seen);
	}
}

static void pack_link(struct buf *b, const struct treaty_record *type, const struct link *l)
{
	buf_add_varint(b, VALUE_CANON_VERSION);
	for (int s = 0; s < SIDES; s++) {
		buf_add_varint(b, l->existence[s]);
		buf_add_varint(b, (uint64_t)l->fresh_seq[s]);
	}
	buf_add_varint(b, l->marks_wait);
	buf_add_varint(b, (uint64_t)l->ghost_n);
	for (int k = 0; k < l->ghost_n; k++) {
		buf_add_varint(b, l->ghost[k].side);
		buf_add_varint(b, type->field[l->ghost[k].field].key);
		buf_add_varint(b, (uint64_t)l->ghost[k].until_ms);
		value_pack(b, l->ghost[k].value);
	}
	for (int i = 0; i < type->field_n; i++)
		pack_field(b, type->field[i].key, &l->field[i]);
}

static bool unpack_link(struct sv data, const struct treaty_record *type, struct arena *a,
			struct link *l)
{
	struct reader r = { .left = arena_sv(a, data) };
	bool same_canon = read_varint(&r) == VALUE_CANON_VERSION;
	for (int s = 0; s < SIDES; s++) {
		l->existence[s] = (enum existence)read_varint_to(&r, EXISTENCE_MERGED);
		l->fresh_seq[s] = (int64_t)read_varint(&r);
	}
	l->marks_wait = read_varint(&r) != 0;
	uint64_t ghosts = read_varint(&r);
	if (r.bad || ghosts > r.left.len / 4) /* four numbers each at least */
		return false;
	l->ghost = arena_array(a, struct ghost, ghosts);
	for (uint64_t k = 0; k < ghosts; k++) {
		struct ghost g = { .side = (enum side)read_varint_to(&r, SIDES - 1) };
		g.field = treaty_field_by_key(type, (uint32_t)read_varint(&r));
		g.until_ms = (int64_t)read_varint(&r);
		g.value = value_unpack(&r);
		if (g.field >= 0)
			l->ghost[l->ghost_n++] = g;
	}
	while (!r.bad && r.left.len) {
		struct link_field f = { 0 };
		int i = treaty_field_by_key(type, (uint32_t)read_varint(&r));
		unpack_field(&r, &f);
		/* other canonical forms: to be compared anew, not 'changed' */
		if (f.rule && !same_canon)
			f.rule = ~f.rule | 1;
		if (i >= 0)
			l->field[i] = f;
	}
	return !r.bad;
}

/* Bits of the reasons for which fields are held, for finding such links. */
static int64_t holds_of(const struct treaty_record *type, const struct link *l)
{
	int64_t holds = 0;
	for (int i = 0; i < type->field_n; i++)
		if (l->field[i].hold)
			holds |= (int64_t)1 << l->field[i].hold;
	return holds;
}

struct link link_blank(const struct treaty *t, int record, struct arena *a)
{
	struct link l = { .record = record };
	l.field = arena_array(a, struct link_field, t->record[record].field_n);
	return l;
}

/* What its columns tell is enough to keep the two records together. */
static bool repair_link(struct db *db, const struct treaty *t, struct sv data, int64_t state,
			struct arena *a, struct link *l)
{
	struct link blank = link_blank(t, l->record, a);
	struct buf b;
	if (!aside_put(db, "link", l->id, data))
		return false;
	blank.id = l->id;
	for (int s = 0; s < SIDES; s++) {
		blank.remote[s] = l->remote[s];
		blank.existence[s] = l->remote[s].len ? EXISTENCE_PRESENT : EXISTENCE_UNKNOWN;
	}
	bool whole = l->remote[SIDE_ATS].len && l->remote[SIDE_SALESFORCE].len;
	blank.state = state >= LINK_LOOKUP && state <= LINK_BROKEN ? (enum link_state)state :
		      whole					    ? LINK_LINKED :
								      LINK_LOOKUP;
	*l = blank;
	buf_init(&b, 4096);
	pack_link(&b, &t->record[l->record], l);
	db_run(db, "UPDATE link SET state = $1, holds = 0, data = $2 WHERE id = $3", "ibi",
	       (int64_t)l->state, buf_sv(&b), l->id);
	buf_finish(&b);
	return true;
}

static bool read_link(struct db *db, const struct treaty *t, struct db_stmt *q, struct arena *a,
		      struct link *out)
{
	if (!db_next(q))
		return false;
	int64_t id = db_i64(q, 0);
	int record = record_by_key(t, db_i64(q, 1));
	if (record < 0) {
		db_done(q);
		return false;
	}
	*out = link_blank(t, record, a);
	out->id = id;
	out->remote[SIDE_ATS] = arena_sv(a, db_sv(q, 2));
	out->remote[SIDE_SALESFORCE] = arena_sv(a, db_sv(q, 3));
	int64_t state = db_i64(q, 4);
	out->state = (enum link_state)state;
	bool ok = state >= LINK_LOOKUP && state <= LINK_BROKEN &&
		  unpack_link(db_sv(q, 5), &t->record[record], a, out);
	struct sv data = ok ? SV_NONE : arena_sv(a, db_sv(q, 5));
	db_done(q);
	ok = ok || repair_link(db, t, data, state, a, out);
	if (!ok)
		db_fail(db, "link %lld cannot be read", (long long)id);
	return ok;
}

bool link_get(struct db *db, const struct treaty *t, int64_t id, struct arena *a,
	      struct link *out)
{
	return read_link(db, t,
			 db_query(db,
				  "SELECT id, type, ats, salesforce, state, data FROM link"
				  " WHERE id = $1",
				  "i", id),
			 a, out);
}

bool link_head(struct db *db, const struct treaty *t, int64_t id, struct arena *a,
	       struct link *out)
{
	struct db_stmt *q = db_query(
		db, "SELECT type, ats, salesforce, state FROM link WHERE id = $1", "i", id);
	if (!db_next(q))
		return false;
	*out = (struct link){
		.id = id,
		.record = record_by_key(t, db_i64(q, 0)),
		.remote = { arena_sv(a, db_sv(q, 1)), arena_sv(a, db_sv(q, 2)) },
		.state = (enum link_state)db_i64(q, 3),
	};
	db_done(q);
	return out->record >= 0;
}

bool link_find(struct db *db, const struct treaty *t, int record, enum side side,
	       struct sv remote, struct arena *a, struct link *out)
{
	int64_t type = record_key(&t->record[record]);
	struct db_stmt *q =
		side == SIDE_ATS ?
			db_query(db,
				 "SELECT id, type, ats, salesforce, state, data FROM link"
				 " WHERE type = $1 AND ats = $2",
				 "it", type, remote) :
			db_query(db,
				 "SELECT id, type, ats, salesforce, state, data FROM link"
				 " WHERE type = $1 AND salesforce = $2",
				 "it", type, remote);
	return read_link(db, t, q, a, out);
}

/* Whoever waited for this record to be linked is looked at again. */
static void release_waiting(struct store *s, struct db *db, const struct treaty *t,
			    const struct link *l)
{
	int64_t type = record_key(&t->record[l->record]);
	for (int side = 0; side < SIDES; side++) {
		if (!l->remote[side].len)
			continue;
		struct arena a;
		arena_init(&a);
		struct db_stmt *q = db_query(
			db, "SELECT link FROM waiting WHERE type = $1 AND side = $2 AND remote = $3",
			"iit", type, (int64_t)side, l->remote[side]);
		while (db_next(q)) {
			struct link w;
			if (!link_get(db, t, db_i64(q, 0), &a, &w))
				continue;
			for (int o = 0; o < SIDES; o++) {
				if (!w.remote[o].len)
					continue;
				struct mark m = {
					.side = o, .record = w.record, .remote = w.remote[o],
					.priority = t->record[w.record].priority,
					.reads = w.state == LINK_LINKED ? 3u : 1u << o,
					.own = SV(""), .stranger = SV(""), .source = "reference",
				};
				mark_put(s, db, t, &m);
				break;
			}
		}
		db_run(db, "DELETE FROM waiting WHERE type = $1 AND side = $2 AND remote = $3",
		       "iit", type, (int64_t)side, l->remote[side]);
		arena_finish(&a);
	}
}

/* Of a row as it was, what more than its own page depends on: the indexes, and
 * those who wait for the link. */
struct kept {
	bool same; /* ids, state and holds stay */
	bool whole;
};

static struct kept kept_of(struct db *db, const struct link *l, int64_t holds)
{
	struct kept k = { 0 };
	struct db_stmt *q = db_query(
		db, "SELECT state, holds, ats, salesforce FROM link WHERE id = $1", "i", l->id);
	if (!db_next(q))
		return k;
	k.whole = db_i64(q, 0) == LINK_LINKED;
	k.same = db_i64(q, 0) == (int64_t)l->state && db_i64(q, 1) == holds &&
		 sv_eq(db_sv(q, 2), l->remote[SIDE_ATS]) &&
		 sv_eq(db_sv(q, 3), l->remote[SIDE_SALESFORCE]);
	db_done(q);
	return k;
}

void link_put(struct store *s, struct db *db, const struct treaty *t, struct link *l)
{
	const struct treaty_record *type = &t->record[l->record];
	struct buf b;
	buf_init(&b, LINK_DATA_MAX);
	pack_link(&b, type, l);
	if (b.full)
		db_fail(db, "link %lld: its row is too large", (long long)l->id);
	struct sv ats = l->remote[SIDE_ATS].len ? l->remote[SIDE_ATS] : SV_NONE;
	struct sv sf = l->remote[SIDE_SALESFORCE].len ? l->remote[SIDE_SALESFORCE] : SV_NONE;
	bool whole = l->state == LINK_LINKED;
	int64_t holds = holds_of(type, l);
	struct kept before = l->id ? kept_of(db, l, holds) : (struct kept){ 0 };
	if (before.same) {
		/* a column that is named is written into its indexes anew, even
		 * when it stays as it is */
		db_run(db, "UPDATE link SET data = $1 WHERE id = $2", "bi", buf_sv(&b), l->id);
	} else if (l->id) {
		db_run(db,
		       "UPDATE link SET ats = $1, salesforce = $2, state = $3, holds = $4,"
		       " data = $5 WHERE id = $6",
		       "ttiibi", ats, sf, (int64_t)l->state, holds, buf_sv(&b), l->id);
	} else {
		l->id = db_scalar(db, 0,
				  "INSERT INTO link (type, ats, salesforce, state, holds, data)"
				  " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
				  "ittiib", record_key(type), ats, sf, (int64_t)l->state, holds,
				  buf_sv(&b));
	}
	buf_finish(&b);
	if (whole && !before.whole) {
		release_waiting(s, db, t, l);
		mismatch_linked(db, type, l, clock_now(store_clock(s)));
	}
}

void link_delete(struct db *db, int64_t id, int64_t now_ms)
{
	mismatch_link_gone(db, id, now_ms);
	db_run(db, "DELETE FROM slot WHERE link = $1", "i", id);
	db_run(db, "DELETE FROM step WHERE link = $1", "i", id);
	db_run(db, "DELETE FROM link WHERE id = $1", "i", id);
}

int64_t link_of(struct db *db, const struct treaty *t, int record, enum side side,
		struct sv remote)
{
	int64_t type = record_key(&t->record[record]);
	if (side == SIDE_ATS)
		return db_scalar(db, 0,
				 "SELECT id FROM link WHERE type = $1 AND ats = $2"
				 " AND salesforce IS NOT NULL",
				 "it", type, remote);
	return db_scalar(db, 0,
			 "SELECT id FROM link WHERE type = $1 AND salesforce = $2"
			 " AND ats IS NOT NULL",
			 "it", type, remote);
}

struct sv link_remote(struct db *db, int64_t link, enum side side, struct arena *a)
{
	struct db_stmt *q =
		db_query(db, "SELECT ats, salesforce FROM link WHERE id = $1", "i", link);
	struct sv remote = SV_NONE;
	if (db_next(q)) {
		remote = arena_sv(a, db_sv(q, side == SIDE_ATS ? 0 : 1));
		db_done(q);
	}
	return remote;
}

void link_wait_for(struct db *db, const struct treaty *t, const struct link *l, int record,
		   enum side side, struct sv remote)
{
	db_run(db,
	       "INSERT INTO waiting (type, side, remote, link) VALUES ($1, $2, $3, $4)"
	       " ON CONFLICT (type, side, remote, link) DO NOTHING",
	       "iiti", record_key(&t->record[record]), (int64_t)side, remote, l->id);
}

void links_held(struct db *db, const struct treaty *t, unsigned holds,
		void (*each)(void *arg, const struct link *l, int field), void *arg)
{
	struct arena a;
	arena_init(&a);
	struct db_stmt *q = db_scan(
		db, "SELECT id FROM link WHERE holds <> 0 AND (holds & $1) <> 0 ORDER BY id", "i",
		(int64_t)holds);
	while (db_next(q)) {
		struct link l;
		arena_reset(&a);
		if (!link_get(db, t, db_i64(q, 0), &a, &l))
			continue;
		for (int i = 0; i < t->record[l.record].field_n; i++)
			if (holds & (1u << l.field[i].hold))
				each(arg, &l, i);
	}
	arena_finish(&a);
}

int64_t links_count(struct db *db, const struct treaty_record *r, enum link_state state)
{
	return db_scalar(db, 0, "SELECT count(*) FROM link WHERE type = $1 AND state = $2", "ii",
			 record_key(r), (int64_t)state);
}

int64_t links_check(struct db *db, const struct treaty *t, int64_t *after, int64_t max,
		    void (*said)(void *arg, int64_t link, const char *what), void *arg)
{
	struct arena a;
	int64_t n = 0;
	arena_init(&a);
	struct db_stmt *q = db_scan(
		db, "SELECT id, type, state, data FROM link WHERE id > $1 ORDER BY id LIMIT $2", "ii",
		*after, max);
	for (; db_next(q); n++) {
		*after = db_i64(q, 0);
		int record = record_by_key(t, db_i64(q, 1));
		if (record < 0)
			continue; /* of a type that left; nobody reads it */
		struct link l = link_blank(t, record, &a);
		int64_t state = db_i64(q, 2);
		if (state < LINK_LOOKUP || state > LINK_BROKEN ||
		    !unpack_link(db_sv(q, 3), &t->record[record], &a, &l))
			said(arg, db_i64(q, 0), "the row");
		arena_reset(&a);
	}
	arena_finish(&a);
	return n;
}

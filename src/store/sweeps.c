#include "store/sweeps.h"

#include "base/panic.h"

/* ------------------------------------------------------------------- state */

/* The numbers of a sweep in their order in the row. */
static int numbers(struct sweep *s, int64_t *out[24])
{
	int n = 0;
	int64_t *const one[] = { &s->asked_ms, &s->started_ms, &s->finished_ms, &s->below, &s->at,
				 &s->linked, &s->differing, &s->calls };
	for (size_t i = 0; i < countof(one); i++)
		out[n++] = one[i];
	for (int side = 0; side < SIDES; side++) {
		int64_t *const each[] = { &s->listed[side], &s->seen[side], &s->stamp_ms[side],
					  &s->unknown[side], &s->missing[side] };
		for (size_t i = 0; i < countof(each); i++)
			out[n++] = each[i];
	}
	return n;
}

static bool read_sweep(struct db *db, const struct treaty *t, struct db_stmt *q, struct arena *a,
		       struct sweep *out)
{
	*out = (struct sweep){
		.record = record_by_key(t, db_i64(q, 0)), .phase = (int)db_i64(q, 1),
		.sides = (unsigned)db_i64(q, 2), .gap = db_i64(q, 3) != 0,
		.since_ms = db_i64(q, 4), .due_ms = db_i64(q, 5),
		.page = arena_sv(a, db_sv(q, 6)), .trouble = arena_sv(a, db_sv(q, 8)),
	};
	struct reader r = { .left = arena_sv(a, db_sv(q, 7)) };
	int64_t *number[24];
	int n = numbers(out, number);
	for (int i = 0; i < n; i++)
		*number[i] = (int64_t)read_varint(&r);
	bool ok = !r.bad && out->phase >= SWEEP_DONE && out->phase <= SWEEP_MISSING;
	if (!ok)
		db_fail(db, "the state of a sweep cannot be read");
	return ok;
}

bool sweep_get(struct db *db, const struct treaty *t, int record, struct arena *a,
	       struct sweep *out)
{
	struct db_stmt *q = db_query(db,
				     "SELECT type, phase, sides, gap, since_ms, due_ms, page, data,"
				     " trouble FROM sweep WHERE type = $1",
				     "i", record_key(&t->record[record]));
	if (!db_next(q))
		return false;
	bool ok = read_sweep(db, t, q, a, out);
	db_done(q);
	return ok;
}

void sweep_put(struct db *db, const struct treaty *t, const struct sweep *s)
{
	struct buf b;
	struct sweep copy = *s;
	int64_t *number[24];
	int n = numbers(&copy, number);
	buf_init(&b, 1024);
	for (int i = 0; i < n; i++)
		buf_add_varint(&b, (uint64_t)*number[i]);
	db_run(db,
	       "INSERT INTO sweep (type, phase, sides, gap, since_ms, due_ms, page, data, trouble)"
	       " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (type) DO UPDATE SET"
	       " phase = excluded.phase, sides = excluded.sides, gap = excluded.gap,"
	       " since_ms = excluded.since_ms, due_ms = excluded.due_ms, page = excluded.page,"
	       " data = excluded.data, trouble = excluded.trouble",
	       "iiiiii" "tbt", record_key(&t->record[s->record]), (int64_t)s->phase,
	       (int64_t)s->sides, (int64_t)s->gap, s->since_ms, s->due_ms,
	       s->page.ptr ? s->page : SV(""), buf_sv(&b), s->trouble.ptr ? s->trouble : SV(""));
	buf_finish(&b);
}

void sweep_ask(struct db *db, const struct treaty *t, int record, unsigned sides, bool gap,
	       int64_t since_ms, int64_t now_ms)
{
	struct arena a;
	struct sweep was, s = { .record = record, .phase = SWEEP_ASKED, .sides = sides,
				.gap = gap, .since_ms = since_ms, .asked_ms = now_ms };
	arena_init(&a);
	if (sweep_get(db, t, record, &a, &was) && was.phase != SWEEP_DONE) {
		/* two clocks are not compared: together they begin at the beginning */
		bool same = was.sides == sides && was.since_ms && since_ms;
		s.since_ms = !same ? 0 : was.since_ms < since_ms ? was.since_ms : since_ms;
		s.sides |= was.sides;
		s.gap = s.gap || was.gap;
		s.asked_ms = was.asked_ms;
	}
	sweep_put(db, t, &s);
	arena_finish(&a);
}

bool sweep_next(struct db *db, const struct treaty *t, int64_t now_ms, struct arena *a,
		struct sweep *out)
{
	bool found = false;
	struct db_stmt *q = db_query(db,
				     "SELECT type, phase, sides, gap, since_ms, due_ms, page, data,"
				     " trouble FROM sweep WHERE phase <> 0 AND due_ms <= $1",
				     "i", now_ms);
	while (db_next(q)) {
		struct sweep s;
		if (!read_sweep(db, t, q, a, &s) || s.record < 0)
			continue;
		/* what was begun is ended first */
		bool first = !found || s.gap > out->gap ||
			     (s.gap == out->gap && s.record < out->record);
		if (first)
			*out = s;
		found = true;
	}
	return found && db_ok(db);
}

bool sweep_of_gap(struct db *db, const struct treaty *t, enum side side)
{
	struct arena a;
	bool any = false;
	arena_init(&a);
	for (int r = 0; r < t->record_n; r++) {
		struct sweep s;
		any = any || (sweep_get(db, t, r, &a, &s) && s.phase != SWEEP_DONE && s.gap &&
			      (s.sides & 1u << side));
	}
	arena_finish(&a);
	return any;
}

static struct sv listed_name(const struct treaty_record *type, enum side side, struct arena *a)
{
	return arena_printf(a, "listed.%s.%s", side_name[side], type->name);
}

void listed_put(struct db *db, const struct treaty_record *type, enum side side, int64_t stamp_ms)
{
	struct arena a;
	arena_init(&a);
	meta_put(db, listed_name(type, side, &a).ptr,
		 arena_printf(&a, "%lld", (long long)stamp_ms));
	arena_finish(&a);
}

int64_t listed_get(struct db *db, const struct treaty_record *type, enum side side)
{
	struct arena a;
	int64_t stamp_ms = 0;
	arena_init(&a);
	sv_to_i64(meta_get(db, listed_name(type, side, &a).ptr, &a), &stamp_ms);
	arena_finish(&a);
	return stamp_ms;
}

/* -------------------------------------------------------------------- bits */

enum { CHUNK_LINKS = 8 * 1024 };

void sweep_bits_begin(struct sweep_bits *b, struct db *db, const struct treaty_record *type,
		      enum side side)
{
	*b = (struct sweep_bits){ .db = db, .type = record_key(type), .side = side, .chunk = -1 };
}

void sweep_bits_end(struct sweep_bits *b)
{
	if (b->changed)
		db_run(b->db,
		       "INSERT INTO sweep_seen (type, side, chunk, bits) VALUES ($1, $2, $3, $4)"
		       " ON CONFLICT (type, side, chunk) DO UPDATE SET bits = excluded.bits",
		       "iiib", b->type, (int64_t)b->side, b->chunk,
		       sv_make((const char *)b->bit, sizeof(b->bit)));
	b->changed = false;
}

static void go_to(struct sweep_bits *b, int64_t chunk)
{
	if (b->chunk == chunk)
		return;
	sweep_bits_end(b);
	b->chunk = chunk;
	memset(b->bit, 0, sizeof(b->bit));
	struct db_stmt *q = db_query(b->db,
				     "SELECT bits FROM sweep_seen"
				     " WHERE type = $1 AND side = $2 AND chunk = $3",
				     "iii", b->type, (int64_t)b->side, chunk);
	if (db_next(q)) {
		struct sv bits = db_sv(q, 0);
		if (bits.len == sizeof(b->bit))
			memcpy(b->bit, bits.ptr, sizeof(b->bit));
		db_done(q);
	}
}

static unsigned char *byte_of(struct sweep_bits *b, int64_t link, unsigned char *mask)
{
	go_to(b, link / CHUNK_LINKS);
	*mask = (unsigned char)(1u << link % 8);
	return &b->bit[link % CHUNK_LINKS / 8];
}

bool sweep_bits_set(struct sweep_bits *b, int64_t link)
{
	unsigned char mask, *byte = byte_of(b, link, &mask);
	bool news = !(*byte & mask);
	*byte |= mask;
	b->changed = b->changed || news;
	return news;
}

bool sweep_bits_has(struct sweep_bits *b, int64_t link)
{
	unsigned char mask, *byte = byte_of(b, link, &mask);
	return *byte & mask;
}

void sweep_bits_clear(struct db *db, const struct treaty_record *type)
{
	db_run(db, "DELETE FROM sweep_seen WHERE type = $1", "i", record_key(type));
}

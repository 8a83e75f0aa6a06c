#include "store/marks.h"

int64_t record_key(const struct treaty_record *r)
{
	return sv_hash32(sv_of(r->name));
}

int record_by_key(const struct treaty *t, int64_t key)
{
	for (int i = 0; i < t->record_n; i++)
		if (record_key(&t->record[i]) == key)
			return i;
	return -1;
}

void mark_put(struct store *s, struct db *db, const struct treaty *t, struct mark *m)
{
	m->seq = store_seq_next(s, db);
	/* Folding: the newest position, the earliest due, every read, and the
	 * stranger among the authors. */
	struct db_stmt *q = db_query(
		db,
		"INSERT INTO mark (type, side, remote, seq, first_seq, first_ms, due_ms, wait,"
		" priority, reads, author, own, stranger, changed_ms, source)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13, $14)"
		" ON CONFLICT (type, side, remote) DO UPDATE SET seq = excluded.seq,"
		" due_ms = min(mark.due_ms, excluded.due_ms),"
		" priority = min(mark.priority, excluded.priority),"
		" reads = mark.reads | excluded.reads, author = max(mark.author, excluded.author),"
		" own = CASE WHEN mark.own IS NULL OR excluded.own IS NULL THEN NULL"
		"  WHEN length(mark.own) > 4000 THEN NULL ELSE CAST(mark.own || excluded.own AS BLOB) END,"
		" stranger = CASE WHEN mark.stranger IS NULL OR excluded.stranger IS NULL THEN NULL"
		"  WHEN length(mark.stranger) > 4000 THEN NULL"
		"  ELSE CAST(mark.stranger || excluded.stranger AS BLOB) END,"
		" changed_ms = max(mark.changed_ms, excluded.changed_ms),"
		" source = excluded.source RETURNING first_seq",
		"iitiiiiiiibbit", record_key(&t->record[m->record]), (int64_t)m->side, m->remote, m->seq,
		m->seq, clock_now(store_clock(s)), m->due_ms, (int64_t)m->priority,
		(int64_t)m->reads, (int64_t)m->author, m->own, m->stranger, m->changed_ms,
		sv_of(m->source));
	bool folded = false;
	if (db_next(q)) {
		folded = db_i64(q, 0) != m->seq;
		db_done(q);
	}
	counter_add(db, "accepted", 1);
	if (folded)
		counter_add(db, "folded", 1);
}

static void set_aside(struct db *db, int64_t type, int64_t side, struct sv remote, int64_t now_ms)
{
	db_run(db,
	       "INSERT INTO set_aside (at_ms, what, reason)"
	       " VALUES ($1, $2, 'a mark of a record type that the treaty no longer has')",
	       "it", now_ms, remote);
	db_run(db, "DELETE FROM mark WHERE type = $1 AND side = $2 AND remote = $3", "iit", type,
	       side, remote);
	counter_add(db, "set_aside", 1);
}

int marks_due(struct db *db, const struct treaty *t, int64_t now_ms, int max, struct arena *a,
	      struct mark **out)
{
	struct mark *m = arena_array(a, struct mark, max);
	int n = 0;
	int64_t first_type = 0;
	struct db_stmt *q = db_query(
		db,
		"SELECT type, side, remote, seq, due_ms, priority, reads, author, own, stranger,"
		" changed_ms, source, first_ms FROM mark"
		" WHERE wait = 0 AND due_ms <= $1 ORDER BY priority, seq LIMIT $2",
		"ii", now_ms, (int64_t)max);
	while (db_next(q)) {
		int64_t type = db_i64(q, 0);
		if (n > 0 && type != first_type)
			continue;
		first_type = type;
		m[n++] = (struct mark){
			.record = record_by_key(t, type),
			.side = (enum side)db_i64(q, 1),
			.remote = arena_sv(a, db_sv(q, 2)),
			.seq = db_i64(q, 3),
			.due_ms = db_i64(q, 4),
			.priority = (int)db_i64(q, 5),
			.reads = (unsigned)db_i64(q, 6),
			.author = (enum author)db_i64(q, 7),
			.own = db_is_null(q, 8) ? SV_NONE : arena_sv(a, db_sv(q, 8)),
			.stranger = db_is_null(q, 9) ? SV_NONE : arena_sv(a, db_sv(q, 9)),
			.changed_ms = db_i64(q, 10),
			.source = arena_str(a, db_sv(q, 11)),
			.first_ms = db_i64(q, 12),
		};
	}
	*out = m;
	if (n == 0 || m[0].record >= 0)
		return n;
	for (int i = 0; i < n; i++)
		set_aside(db, first_type, m[i].side, m[i].remote, now_ms);
	return marks_due(db, t, now_ms, max, a, out);
}

void mark_settled(struct db *db, const struct treaty *t, const struct mark *m)
{
	int64_t gone = db_run(db,
			      "DELETE FROM mark WHERE type = $1 AND side = $2 AND remote = $3"
			      " AND seq <= $4",
			      "iiti", record_key(&t->record[m->record]), (int64_t)m->side, m->remote,
			      m->seq);
	if (gone)
		counter_add(db, "settled", gone);
}

void mark_later(struct db *db, const struct treaty *t, const struct mark *m, int64_t due_ms,
		unsigned reads)
{
	db_run(db,
	       "UPDATE mark SET due_ms = CASE WHEN seq = $1 THEN $2 ELSE due_ms END,"
	       " reads = reads | $3 WHERE type = $4 AND side = $5 AND remote = $6",
	       "iiiiit", m->seq, due_ms, (int64_t)reads, record_key(&t->record[m->record]),
	       (int64_t)m->side, m->remote);
}

void mark_wait(struct db *db, const struct treaty *t, const struct mark *m)
{
	db_run(db, "UPDATE mark SET wait = 1 WHERE type = $1 AND side = $2 AND remote = $3", "iit",
	       record_key(&t->record[m->record]), (int64_t)m->side, m->remote);
}

void marks_release(struct db *db, const struct treaty *t, const struct link *l)
{
	for (int s = 0; s < SIDES; s++)
		if (l->remote[s].len)
			db_run(db,
			       "UPDATE mark SET wait = 0 WHERE type = $1 AND side = $2 AND remote = $3",
			       "iit", record_key(&t->record[l->record]), (int64_t)s, l->remote[s]);
}

int64_t marks_next_ms(struct db *db)
{
	return db_scalar(db, INT64_MAX, "SELECT min(due_ms) FROM mark WHERE wait = 0", "");
}

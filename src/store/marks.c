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

enum { NAMES_MAX = 4000 }; /* bytes of field keys; more: not told */

/* Field keys of two marks together; not told when one of them does not tell. */
static struct sv fold_names(struct sv a, struct sv b, struct buf *out)
{
	if (!a.ptr || !b.ptr || a.len + b.len > NAMES_MAX)
		return SV_NONE;
	buf_add(out, a);
	buf_add(out, b);
	return out->len ? buf_sv(out) : SV("");
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Into the one that is pending: the newest position, the earliest due, every
 * read, and the stranger among the authors. */
static void fold(struct db *db, int64_t type, const struct mark *m)
{
	struct db_stmt *q = db_query(db,
				     "SELECT due_ms, priority, reads, author, own, stranger, changed_ms"
				     " FROM mark WHERE type = $1 AND side = $2 AND remote = $3",
				     "iit", type, (int64_t)m->side, m->remote);
	if (!db_next(q))
		return;
	struct buf own, stranger;
	buf_init(&own, NAMES_MAX);
	buf_init(&stranger, NAMES_MAX);
	int64_t due_ms = least(db_i64(q, 0), m->due_ms), priority = least(db_i64(q, 1), m->priority);
	int64_t reads = db_i64(q, 2) | m->reads, author = most(db_i64(q, 3), m->author);
	struct sv own_names = fold_names(db_sv(q, 4), m->own, &own);
	struct sv stranger_names = fold_names(db_sv(q, 5), m->stranger, &stranger);
	int64_t changed_ms = most(db_i64(q, 6), m->changed_ms);
	db_done(q);
	db_run(db,
	       "UPDATE mark SET seq = $1, due_ms = $2, priority = $3, reads = $4, author = $5,"
	       " own = $6, stranger = $7, changed_ms = $8, source = $9"
	       " WHERE type = $10 AND side = $11 AND remote = $12",
	       "iiiiibbitiit", m->seq, due_ms, priority, reads, author, own_names, stranger_names,
	       changed_ms, sv_of(m->source), type, (int64_t)m->side, m->remote);
	buf_finish(&own);
	buf_finish(&stranger);
}

/* True when it is a new one. Inserting first costs one statement where looking
 * first costs two, and most marks are of a record that has none. */
static bool put(struct store *s, struct db *db, const struct treaty *t, struct mark *m,
		int64_t now_ms)
{
	int64_t type = record_key(&t->record[m->record]);
	m->seq = store_seq_next(s, db);
	if (db_run(db,
		   "INSERT INTO mark (type, side, remote, seq, first_seq, first_ms, due_ms, wait,"
		   " priority, reads, author, own, stranger, changed_ms, source)"
		   " VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13, $14)"
		   " ON CONFLICT (type, side, remote) DO NOTHING",
		   "iitiiiiiiibbit", type, (int64_t)m->side, m->remote, m->seq, m->seq, now_ms,
		   m->due_ms, (int64_t)m->priority, (int64_t)m->reads, (int64_t)m->author, m->own,
		   m->stranger, m->changed_ms, sv_of(m->source)))
		return true;
	fold(db, type, m);
	return false;
}

void marks_put(struct store *s, struct db *db, const struct treaty *t, struct mark *m, int n)
{
	int64_t now_ms = clock_now(store_clock(s)), folded = 0;
	for (int i = 0; i < n; i++)
		folded += !put(s, db, t, &m[i], now_ms);
	if (n)
		counter_add(db, "accepted", n);
	if (folded)
		counter_add(db, "folded", folded);
}

void mark_put(struct store *s, struct db *db, const struct treaty *t, struct mark *m)
{
	marks_put(s, db, t, m, 1);
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
	/* +due_ms: not by mark_due, which would sort all that is due for the few
	 * that are taken */
	struct db_stmt *q = db_query(
		db,
		"SELECT type, side, remote, seq, due_ms, priority, reads, author, own, stranger,"
		" changed_ms, source, first_ms FROM mark"
		" WHERE wait = 0 AND +due_ms <= $1 ORDER BY priority, seq LIMIT $2",
		"ii", now_ms, (int64_t)max);
	while (db_next(q)) {
		int64_t type = db_i64(q, 0);
		if (n > 0 && type != first_type)
			continue;
		first_type = type;
		if (db_i64(q, 1) < 0 || db_i64(q, 1) >= SIDES || db_i64(q, 7) < 0 ||
		    db_i64(q, 7) > AUTHOR_FOREIGN) {
			db_fail(db, "the mark of '%.*s' cannot be read", SV_ARG(db_sv(q, 2)));
			continue;
		}
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

int64_t mark_settled(struct db *db, const struct treaty *t, const struct mark *m)
{
	int64_t gone = db_run(db,
			      "DELETE FROM mark WHERE type = $1 AND side = $2 AND remote = $3"
			      " AND seq <= $4",
			      "iiti", record_key(&t->record[m->record]), (int64_t)m->side, m->remote,
			      m->seq);
	if (gone)
		counter_add(db, "settled", gone);
	return gone;
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

void marks_wake(struct db *db, enum side side, int64_t now_ms)
{
	db_run(db, "UPDATE mark SET due_ms = $1 WHERE wait = 0 AND due_ms > $2 AND reads & $3 <> 0",
	       "iii", now_ms, now_ms, (int64_t)1 << side);
}

int64_t marks_next_ms(struct db *db)
{
	return db_scalar(db, INT64_MAX, "SELECT min(due_ms) FROM mark WHERE wait = 0", "");
}

int64_t marks_oldest_ms(struct db *db, enum side side, int64_t below)
{
	return db_scalar(db, 0,
			 "SELECT coalesce(min(first_ms), 0) FROM mark"
			 " WHERE wait = 0 AND side = $1 AND priority < $2",
			 "ii", (int64_t)side, below);
}

bool marks_any_due(struct db *db, int64_t now_ms)
{
	return db_scalar(db, 0, "SELECT 1 FROM mark WHERE wait = 0 AND due_ms <= $1 LIMIT 1", "i",
			 now_ms) != 0;
}

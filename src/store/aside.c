#include "store/aside.h"

bool aside_put(struct db *db, const char *table, int64_t link, struct sv content)
{
	if (db_is_read_only(db))
		return false;
	/* at_ms 0: not told yet */
	db_run(db,
	       "INSERT INTO set_aside (at_ms, what, reason, of_table, link, decision, content)"
	       " VALUES (0, $1, $2, $3, $4, 0, $5)",
	       "tttib", sv_of(table), SV("it cannot be read"), sv_of(table), link,
	       content.ptr ? content : SV(""));
	return db_ok(db);
}

int asides_untold(struct db *db, int max, int64_t now_ms, struct arena *a, struct aside **out)
{
	struct aside *list = arena_array(a, struct aside, (size_t)max);
	int n = 0;
	struct db_stmt *q = db_query(
		db, "SELECT id, link, of_table FROM set_aside WHERE at_ms = 0 ORDER BY id LIMIT $1", "i",
		(int64_t)max);
	while (db_next(q))
		list[n++] = (struct aside){ db_i64(q, 0), db_i64(q, 1), arena_sv(a, db_sv(q, 2)) };
	for (int i = 0; i < n; i++)
		db_run(db, "UPDATE set_aside SET at_ms = $1 WHERE id = $2", "ii", now_ms, list[i].id);
	*out = list;
	return n;
}

int64_t asides_prune(struct db *db, int64_t before_ms, int64_t max)
{
	/* the law of the marks counts those that were set aside */
	int64_t marks = db_scalar(db, 0,
				  "SELECT count(*) FROM (SELECT of_table FROM set_aside"
				  " WHERE at_ms > 0 AND at_ms < $1 ORDER BY id LIMIT $2) old"
				  " WHERE of_table = 'mark'",
				  "ii", before_ms, max);
	int64_t n = db_run(db,
			   "DELETE FROM set_aside WHERE id IN (SELECT id FROM set_aside"
			   " WHERE at_ms > 0 AND at_ms < $1 ORDER BY id LIMIT $2)",
			   "ii", before_ms, max);
	if (marks)
		counter_add(db, "set_aside_pruned", marks);
	return n;
}

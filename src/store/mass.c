#include "store/mass.h"

#include "store/marks.h"

struct sv halt_scope(const struct treaty_record *type, struct arena *a)
{
	return arena_printf(a, "mass_change:%s", type->name);
}

/* What is neither of this period nor of the one before counts no more. */
static void prune(struct db *db, const struct mass_key *k, int64_t period)
{
	int64_t type = record_key(k->type);
	db_run(db, "DELETE FROM mass WHERE type = $1 AND what = $2 AND side = $3 AND period < $4",
	       "iiii", type, (int64_t)k->what, (int64_t)k->side, period - 1);
	db_run(db,
	       "DELETE FROM mass_count WHERE type = $1 AND what = $2 AND side = $3 AND period < $4",
	       "iiii", type, (int64_t)k->what, (int64_t)k->side, period - 1);
}

void mass_add(struct db *db, const struct mass_key *k, int64_t link, int64_t period)
{
	int64_t type = record_key(k->type), what = k->what, side = k->side;
	int64_t before = db_scalar(db, -1,
				   "SELECT period FROM mass WHERE type = $1 AND what = $2"
				   " AND side = $3 AND link = $4",
				   "iiii", type, what, side, link);
	if (before == period)
		return;
	db_run(db,
	       "INSERT INTO mass (type, what, side, link, period) VALUES ($1, $2, $3, $4, $5)"
	       " ON CONFLICT (type, what, side, link) DO UPDATE SET period = excluded.period",
	       "iiiii", type, what, side, link, period);
	db_run(db,
	       "UPDATE mass_count SET n = n - 1 WHERE type = $1 AND what = $2 AND side = $3"
	       " AND period = $4",
	       "iiii", type, what, side, before);
	int64_t n = db_scalar(db, 0,
			      "INSERT INTO mass_count (type, what, side, period, n)"
			      " VALUES ($1, $2, $3, $4, 1) ON CONFLICT (type, what, side, period)"
			      " DO UPDATE SET n = mass_count.n + 1 RETURNING n",
			      "iiii", type, what, side, period);
	if (n == 1)
		prune(db, k, period);
}

int64_t mass_count(struct db *db, const struct mass_key *k, int64_t period)
{
	return db_scalar(db, 0,
			 "SELECT CAST(coalesce(sum(n), 0) AS BIGINT) FROM mass_count WHERE type = $1 AND what = $2"
			 " AND side = $3 AND period >= $4",
			 "iiii", record_key(k->type), (int64_t)k->what, (int64_t)k->side,
			 period - 1);
}

int mass_samples(struct db *db, const struct mass_key *k, int max, struct arena *a,
		 struct sv *out)
{
	int n = 0;
	struct db_stmt *q = db_query(db,
				     "SELECT link.ats, link.salesforce FROM mass JOIN link"
				     " ON link.id = mass.link WHERE mass.type = $1 AND mass.what = $2"
				     " AND mass.side = $3 ORDER BY mass.link LIMIT $4",
				     "iiii", record_key(k->type), (int64_t)k->what,
				     (int64_t)k->side, (int64_t)max);
	while (db_next(q))
		if (n < max)
			out[n++] = arena_sv(a, db_sv(q, (int)k->side));
	return n;
}

int mass_links(struct db *db, const struct treaty_record *type, struct arena *a, int64_t **out)
{
	int64_t key = record_key(type);
	int n = (int)db_scalar(db, 0, "SELECT count(*) FROM mass WHERE type = $1", "i", key), k = 0;
	*out = arena_array(a, int64_t, n + 1);
	struct db_stmt *q =
		db_query(db, "SELECT DISTINCT link FROM mass WHERE type = $1", "i", key);
	while (db_next(q))
		if (k < n)
			(*out)[k++] = db_i64(q, 0);
	return k;
}

void mass_forget(struct db *db, const struct treaty_record *type)
{
	db_run(db, "DELETE FROM mass WHERE type = $1", "i", record_key(type));
	db_run(db, "DELETE FROM mass_count WHERE type = $1", "i", record_key(type));
}

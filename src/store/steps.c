#include "store/steps.h"

bool step_put(struct db *db, const struct treaty_record *type, int64_t link, int field,
	      struct sv step_id, int64_t at_ms, struct value v)
{
	struct buf b;
	buf_init(&b, v.text.len + 32);
	value_pack(&b, v);
	int64_t n = db_run(db,
			   "INSERT INTO step (link, field, step, at_ms, value)"
			   " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (link, field, step) DO NOTHING",
			   "iitib", link, (int64_t)type->field[field].key, step_id, at_ms, buf_sv(&b));
	buf_finish(&b);
	return n > 0;
}

void step_divergence(struct db *db, const struct treaty_record *type, int64_t link, int field,
		     int64_t at_ms, struct value v)
{
	char id[48];
	snprintf(id, sizeof(id), "divergence-%lld",
		 (long long)db_scalar(db, 0, "SELECT coalesce(max(id), 0) + 1 FROM step", ""));
	step_put(db, type, link, field, sv_of(id), at_ms, v);
}

int steps_of(struct db *db, const struct treaty_record *type, int64_t link, struct arena *a,
	     struct step **out)
{
	int n = (int)db_scalar(db, 0, "SELECT count(*) FROM step WHERE link = $1", "i", link);
	*out = arena_array(a, struct step, n + 1);
	if (n == 0)
		return 0;
	int k = 0;
	struct db_stmt *q = db_query(
		db, "SELECT field, step, value FROM step WHERE link = $1 ORDER BY id", "i", link);
	while (db_next(q)) {
		int field = treaty_field_by_key(type, (uint32_t)db_i64(q, 0));
		if (field < 0 || k == n)
			continue;
		struct reader r = { .left = arena_sv(a, db_sv(q, 2)) };
		(*out)[k++] = (struct step){ .field = field,
					     .id = arena_sv(a, db_sv(q, 1)),
					     .value = value_unpack(&r) };
		if (r.bad)
			db_fail(db, "a step of link %lld cannot be read", (long long)link);
	}
	return db_ok(db) ? k : 0;
}

void steps_spent(struct db *db, const struct treaty_record *type, int64_t link, int field,
		 struct sv step_id)
{
	int64_t key = type->field[field].key;
	db_run(db,
	       "DELETE FROM step WHERE link = $1 AND field = $2 AND id <="
	       " (SELECT id FROM step WHERE link = $3 AND field = $4 AND step = $5)",
	       "iiiit", link, key, link, key, step_id);
}

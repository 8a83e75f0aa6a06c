#include "store/pauses.h"

#include "store/mass.h"

void pause_set(struct db *db, struct sv scope, bool on, int64_t now_ms, struct sv who)
{
	if (on)
		db_run(db,
		       "INSERT INTO pause (scope, at_ms, who) VALUES ($1, $2, $3)"
		       " ON CONFLICT (scope) DO NOTHING",
		       "tit", scope.ptr ? scope : SV(""), now_ms, who.ptr ? who : SV(""));
	else
		db_run(db, "DELETE FROM pause WHERE scope = $1", "t", scope.ptr ? scope : SV(""));
}

bool pause_any(struct db *db)
{
	return db_scalar(db, 0, "SELECT count(*) FROM pause", "") > 0;
}

bool pause_is(struct db *db, struct sv scope)
{
	return db_scalar(db, 0, "SELECT count(*) FROM pause WHERE scope = $1", "t", scope) > 0;
}

bool pause_record(struct db *db, const struct treaty *t, const struct link *l)
{
	const struct treaty_record *r = &t->record[l->record];
	struct arena a;
	arena_init(&a);
	bool paused = pause_is(db, sv_of(r->name)) || pause_is(db, halt_scope(r, &a));
	for (int s = 0; s < SIDES && !paused; s++)
		paused = l->remote[s].len &&
			 pause_is(db, arena_printf(&a, "%s:%s:%.*s", side_name[s],
						   r->side[s].object, SV_ARG(l->remote[s])));
	arena_finish(&a);
	return paused;
}

const bool *pause_fields(struct db *db, const struct treaty_record *r, struct arena *a)
{
	bool *paused = arena_array(a, bool, r->field_n), any = false;
	for (int i = 0; i < r->field_n; i++) {
		paused[i] = pause_is(db, arena_printf(a, "%s.%s", r->name, r->field[i].name));
		any = any || paused[i];
	}
	return any ? paused : NULL;
}

int pause_list(struct db *db, struct arena *a, struct sv **scopes)
{
	int n = (int)db_scalar(db, 0, "SELECT count(*) FROM pause", ""), k = 0;
	*scopes = arena_array(a, struct sv, n + 1);
	struct db_stmt *q = db_query(db, "SELECT scope FROM pause ORDER BY scope", "");
	while (db_next(q))
		if (k < n)
			(*scopes)[k++] = arena_sv(a, db_sv(q, 0));
	return k;
}

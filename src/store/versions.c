#include "store/versions.h"

#include "store/journal.h"

int64_t version_id_in_force(struct db *db)
{
	return db_scalar(db, 0, "SELECT coalesce(max(id), 0) FROM version", "");
}

static void take(struct db_stmt *q, struct arena *a, struct version *out)
{
	*out = (struct version){
		.id = db_i64(q, 0),
		.version = db_i64(q, 1),
		.digest = arena_sv(a, db_sv(q, 2)),
		.signatures = arena_sv(a, db_sv(q, 3)),
		.how = arena_sv(a, db_sv(q, 4)),
		.at_ms = db_i64(q, 5),
		.who = arena_sv(a, db_sv(q, 6)),
		.why = arena_sv(a, db_sv(q, 7)),
		.document = arena_sv(a, db_sv(q, 8)),
	};
}

bool version_get(struct db *db, int64_t id, struct arena *a, struct version *out)
{
	struct db_stmt *q = db_query(
		db,
		"SELECT id, version, digest, signatures, how, at_ms, who, why, document FROM version"
		" WHERE id = $1",
		"i", id);
	if (!db_next(q))
		return false;
	take(q, a, out);
	db_done(q);
	return true;
}

bool version_in_force(struct db *db, struct arena *a, struct version *out)
{
	return version_get(db, version_id_in_force(db), a, out);
}

int version_list(struct db *db, struct arena *a, struct version **out)
{
	int n = (int)db_scalar(db, 0, "SELECT count(*) FROM version", ""), k = 0;
	*out = arena_array(a, struct version, (size_t)n + 1);
	struct db_stmt *q = db_query(
		db,
		"SELECT id, version, digest, signatures, how, at_ms, who, why, NULL FROM version"
		" ORDER BY id DESC", "");
	while (db_next(q))
		if (k < n)
			take(q, a, &(*out)[k++]);
	return k;
}

static void note(struct store *s, struct db *db, const struct version *v)
{
	char hex[2 * 32 + 1] = "";
	for (size_t i = 0; i < v->digest.len && i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)v->digest.ptr[i]);
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "treaty", v->version);
	json_put_sv(o, "digest", sv_of(hex));
	json_put_sv(o, "how", v->how);
	json_put_sv(o, "by", v->who);
	json_put_sv(o, "why", v->why);
	journal_add(s, db, 0, "activated", o);
}

int64_t version_activate(struct store *s, struct db *db, const struct version *v)
{
	int64_t id = db_scalar(db, 0,
			       "INSERT INTO version (version, digest, signatures, how, at_ms, who, why,"
			       " document) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
			       "ibbtittb", v->version, v->digest, v->signatures, v->how, v->at_ms, v->who,
			       v->why, v->document);
	note(s, db, v);
	return id;
}

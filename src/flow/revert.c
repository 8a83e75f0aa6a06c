#include "flow/revert.h"

#include "flow/flow.h"

enum { ENTRIES_A_STEP = 2000, ITEMS_A_STEP = 200 };

struct reverting {
	struct store *s;
	const struct treaty *t;
	const struct revert_scope *scope;
	bool go;
	struct sv who;
	void (*each)(void *arg, const struct revert_item *item);
	void *arg;

	int64_t seq; /* of the last entry looked at */
	/* the last item looked at */
	int64_t link;
	int side;
	struct sv field;
	struct arena at; /* of 'field' */
	bool more;
};

/* ---------------------------------------------- what was overwritten, by whom */

static bool unpack_had(struct json_object *w, struct buf *out, struct value *had)
{
	struct json_object *o = NULL;
	*had = (struct value){ 0 };
	if (!json_object_object_get_ex(w, "had", &o))
		return false; /* it was created: nothing stood there */
	if (o && buf_from_hex(out, json_sv(w, "had"))) {
		struct reader r = { .left = buf_sv(out) };
		*had = value_unpack(&r);
		if (r.bad)
			*had = (struct value){ 0 };
	}
	return true;
}

/* Of several decisions about one value the first says what stood there before
 * any of them, unless somebody wrote there in between: then it is neither what
 * the last one wrote nor, where that was never sent, what the last one saw. */
static void take_write(struct db *db, int64_t link, enum side side, struct json_object *w,
		       struct arena *a)
{
	struct buf bytes;
	struct value had;
	struct sv field = json_sv(w, "field"), wrote = json_sv(w, "value");
	buf_init(&bytes, 16 << 20);
	if (unpack_had(w, &bytes, &had)) {
		struct db_stmt *q = db_query(db,
			"SELECT wrote, seen FROM reverting WHERE link = $1 AND side = $2 AND field = $3", "iit",
			link, (int64_t)side, field);
		bool same = false;
		if (db_next(q)) {
			same = sv_eq(value_show(had, a), db_sv(q, 0)) ||
			       sv_eq(buf_sv(&bytes), db_sv(q, 1));
			db_done(q);
		}
		if (same)
			db_run(db,
			       "UPDATE reverting SET wrote = $1, seen = $2"
			       " WHERE link = $3 AND side = $4 AND field = $5",
			       "tbiit", wrote, buf_sv(&bytes), link, (int64_t)side, field);
		else
			db_run(db,
			       "INSERT INTO reverting (link, side, field, had, seen, wrote)"
			       " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (link, side, field)"
			       " DO UPDATE SET had = excluded.had, seen = excluded.seen,"
			       " wrote = excluded.wrote",
			       "iitbbt", link, (int64_t)side, field, buf_sv(&bytes), buf_sv(&bytes),
			       wrote);
	}
	buf_finish(&bytes);
}

static void take_entry(struct reverting *v, struct db *db, int64_t link, int64_t at_ms, struct sv content,
		       struct arena *a)
{
	static const char *const list[SIDES] = { "write_ats", "write_salesforce" };
	struct err unused = { 0 };
	struct json_object *o = json_parse(content, "journal", &unused);
	if (!o)
		return;
	bool ours = (!v->scope->version || json_i64(o, "treaty", 0) == v->scope->version) &&
		    at_ms >= v->scope->since_ms;
	for (int s = 0; ours && s < SIDES; s++) {
		struct json_object *l = json_at(o, list[s]);
		size_t n = l && json_object_is_type(l, json_type_array) ? json_object_array_length(l) : 0;
		for (size_t i = 0; i < n; i++)
			take_write(db, link, (enum side)s, json_object_array_get_idx(l, i), a);
	}
	json_object_put(o);
}

static bool collect(struct db *db, void *arg, struct err *err)
{
	struct reverting *v = arg;
	struct arena a;
	int64_t n = 0;
	arena_init(&a);
	struct db_stmt *q = db_scan(db,
				    "SELECT seq, at_ms, link, kind, content FROM journal"
				    " WHERE seq > $1 ORDER BY seq LIMIT $2",
				    "ii", v->seq, (int64_t)ENTRIES_A_STEP);
	for (; db_next(q); n++) {
		v->seq = db_i64(q, 0);
		if (sv_eq(db_sv(q, 3), SV("decided")) && !db_is_null(q, 4))
			take_entry(v, db, db_i64(q, 2), db_i64(q, 1), db_sv(q, 4), &a);
		arena_reset(&a);
	}
	arena_finish(&a);
	v->more = n == ENTRIES_A_STEP;
	return true;
}

/* ------------------------------------------------------- what can be put back */

static bool pseudo(const struct treaty_field *f)
{
	enum side o = field_owner(f);
	return f->direction != BOTH_WAYS && f->api[o][0] == '$';
}

static const char *why_not(const struct revert_item *it, const struct link *l)
{
	const struct link_field *lf = it->field ? &l->field[it->field - it->type->field] : NULL;
	if (!it->field)
		return "the treaty does not have the field any more";
	if (l->state != LINK_LINKED)
		return "the two records are not linked just now";
	if (pseudo(it->field))
		return "the program keeps this field itself";
	if (it->field->deliver == DELIVER_EACH)
		return "it is delivered step by step: its owner goes back himself";
	if (it->field->confidential)
		return "it is confidential, so what stood there is not kept";
	if (it->had.kind == VALUE_UNKNOWN)
		return "what stood there was not known";
	if (lf->resolve != RESOLVE_NONE)
		return "a person's decision about it is being carried out";
	if (value_eq(it->now, it->had))
		return "it stands there already";
	return NULL;
}

static bool stands_as_written(const struct revert_item *it, struct arena *a)
{
	return sv_eq(value_show(it->now, a), it->wrote);
}

static bool in_scope(const struct reverting *v, const struct link *l, struct sv field)
{
	const struct revert_scope *s = v->scope;
	return s->record < 0 ||
	       (l->record == s->record &&
		(s->field < 0 ||
		 sv_eq(field, sv_of(v->t->record[s->record].field[s->field].name))));
}

static void note(struct reverting *v, struct db *db, const struct revert_item *it, int64_t link)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "treaty", v->t->version);
	json_put_sv(o, "field", it->field_name);
	json_put_sv(o, "system", sv_of(side_name[it->side]));
	json_put_sv(o, "action", SV("revert"));
	json_put_sv(o, "who", v->who);
	journal_add(v->s, db, link, "resolved", o);
}

static void put_back(struct reverting *v, struct db *db, const struct revert_item *it, struct link *l)
{
	struct link_field *lf = &l->field[it->field - it->type->field];
	lf->resolve = it->side == SIDE_ATS ? RESOLVE_REVERT_ATS : RESOLVE_REVERT_SALESFORCE;
	lf->resolve_value = it->had;
	lf->resolve_seen[it->side] = it->now;
	lf->resolve_seen[side_other(it->side)] = lf->base[side_other(it->side)];
	link_put(v->s, db, v->t, l);
	struct mark m = { .side = it->side, .record = l->record, .remote = it->remote,
			  .priority = it->type->priority + PRIORITY_BACKFILL, .reads = 3,
			  .own = SV(""), .stranger = SV(""), .source = "person" };
	mark_put(v->s, db, v->t, &m);
	note(v, db, it, l->id);
}

static void look_at(struct reverting *v, struct db *db, int64_t link, struct revert_item *it,
		    struct arena *a)
{
	struct link l;
	if (!link_get(db, v->t, link, a, &l)) {
		it->why_not = "its link is no more";
		if (v->scope->record < 0)
			v->each(v->arg, it);
		return;
	}
	if (!in_scope(v, &l, it->field_name))
		return;
	it->type = &v->t->record[l.record];
	it->remote = l.remote[it->side];
	int i = treaty_field_by_name(it->type, it->field_name);
	if (i >= 0) {
		it->field = &it->type->field[i];
		it->now = l.field[i].base[it->side];
	}
	it->why_not = why_not(it, &l);
	if (!it->why_not && !stands_as_written(it, a))
		it->why_not = "it was changed since, or what was decided was never written";
	if (!it->why_not && v->go)
		put_back(v, db, it, &l);
	v->each(v->arg, it);
}

static bool go_through(struct db *db, void *arg, struct err *err)
{
	struct reverting *v = arg;
	struct arena a;
	int64_t n = 0;
	arena_init(&a);
	struct db_stmt *q = db_query(db,
		"SELECT link, side, field, had, wrote FROM reverting WHERE link > $1 OR (link = $2"
		" AND (side > $3 OR (side = $4 AND field > $5))) ORDER BY link, side, field LIMIT $6",
		"iiiiti", v->link, v->link, (int64_t)v->side, (int64_t)v->side, v->field,
		(int64_t)ITEMS_A_STEP);
	for (; db_next(q); n++) {
		struct reader had = { .left = arena_sv(&a, db_sv(q, 3)) };
		struct revert_item it = { .field_name = arena_sv(&a, db_sv(q, 2)),
					  .side = db_i64(q, 1) ? SIDE_SALESFORCE : SIDE_ATS,
					  .wrote = arena_sv(&a, db_sv(q, 4)) };
		if (had.left.len)
			it.had = value_unpack(&had);
		v->link = db_i64(q, 0);
		v->side = (int)it.side;
		arena_reset(&v->at);
		v->field = arena_sv(&v->at, it.field_name);
		look_at(v, db, v->link, &it, &a);
		arena_reset(&a);
	}
	arena_finish(&a);
	v->more = n == ITEMS_A_STEP;
	return true;
}

static bool clear(struct db *db, void *arg, struct err *err)
{
	db_run(db, "DELETE FROM reverting", "");
	return true;
}

bool revert_prepare(struct store *s, struct err *err)
{
	return store_temporary(s,
			       "CREATE TEMPORARY TABLE IF NOT EXISTS reverting (link BIGINT NOT NULL,"
			       " side BIGINT NOT NULL, field TEXT NOT NULL, had BLOB, seen BLOB,"
			       " wrote TEXT NOT NULL, PRIMARY KEY (link, side, field))",
			       err);
}

bool engine_revert(struct store *s, const struct treaty *t, const struct revert_scope *scope,
		   bool go, struct sv who, void (*each)(void *arg, const struct revert_item *item),
		   void *arg, struct err *err)
{
	struct reverting v = { .s = s, .t = t, .scope = scope, .go = go, .who = who, .each = each,
			       .arg = arg, .field = SV(""), .more = true };
	bool ok = revert_prepare(s, err) && store_tx(s, clear, NULL, err);
	arena_init(&v.at);
	while (ok && v.more)
		ok = store_tx(s, collect, &v, err);
	v.more = true;
	while (ok && v.more)
		ok = store_tx(s, go_through, &v, err);
	arena_finish(&v.at);
	return ok;
}

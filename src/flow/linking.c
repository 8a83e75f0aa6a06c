/* linking.c - existing records of both systems become links: by key, then by
 * the treaty's match rules; what fits several is a person's.
 *
 * Both listings are staged in temporary tables, so memory does not grow with
 * the number of records. Every page is a transaction; linking again goes on
 * where it was left. */
#include "flow/flow.h"
#include "store/mismatches.h"
#include "store/sweeps.h"

enum { PAGE = 500 };

struct linking {
	struct engine *e;
	int record;
	struct link_report *report;
	struct object_ref object[SIDES];
	int64_t stamp_ms[SIDES]; /* the newest record listed */
	int *field; /* treaty fields that are listed, as object.field */
	int field_n;
	struct arena *a; /* of the page */
	/* staging */
	enum side side;
	const struct rows *rows;
	/* passes */
	int rule; /* -1: keys */
	int64_t after;
	int n;
};

/* Only what matching needs is listed. */
static void choose_fields(struct linking *l, struct arena *a)
{
	const struct treaty_record *type = &l->e->treaty->record[l->record];
	bool *used = arena_array(a, bool, type->field_n);
	for (int m = 0; m < type->match_n; m++)
		for (int k = 0; k < type->match[m].n; k++)
			used[type->match[m].field[k]] = true;
	for (int s = 0; s < SIDES; s++)
		if (type->side[s].key)
			used[type->side[s].key_field] = true;
	l->field = arena_array(a, int, type->field_n + 1);
	for (int i = 0; i < type->field_n; i++)
		if (used[i])
			l->field[l->field_n++] = i;
	for (int s = 0; s < SIDES; s++) {
		struct field_ref *ref = arena_array(a, struct field_ref, l->field_n + 1);
		int n = 0;
		for (int k = 0; k < l->field_n; k++) {
			const struct treaty_field *f = &type->field[l->field[k]];
			if (strcmp(f->api[s], FIELD_API_ID) != 0)
				ref[n++] = (struct field_ref){ f->api[s], f->type };
		}
		l->object[s] = (struct object_ref){ .object = type->side[s].object,
						    .key = type->side[s].key,
						    .field = ref, .field_n = n };
	}
}

/* ---------------------------------------------------------------- staging */

/* No index begins with a column that few values share: nothing tells the
 * planner so, and it would walk a whole rule for each record. */
static bool prepare_stage(struct db *db, void *arg, struct err *err)
{
	db_script(db, "CREATE TEMP TABLE IF NOT EXISTS stage (id INTEGER PRIMARY KEY,"
		      " side BIGINT NOT NULL, remote TEXT NOT NULL, key TEXT,"
		      " taken BIGINT NOT NULL);"
		      "CREATE UNIQUE INDEX IF NOT EXISTS temp.stage_remote ON stage (side, remote);"
		      "CREATE INDEX IF NOT EXISTS temp.stage_key ON stage (key, side);"
		      "CREATE INDEX IF NOT EXISTS temp.stage_page ON stage (side, taken, id);"
		      "CREATE TEMP TABLE IF NOT EXISTS stage_match (rule BIGINT NOT NULL,"
		      " side BIGINT NOT NULL, value BLOB NOT NULL, stage BIGINT NOT NULL);"
		      "CREATE INDEX IF NOT EXISTS temp.stage_match_value ON stage_match"
		      " (value, rule, side);"
		      "CREATE INDEX IF NOT EXISTS temp.stage_match_of ON stage_match (stage, rule);"
		      "DELETE FROM stage; DELETE FROM stage_match;");
	return true;
}

/* The value of one match rule in the ATS's form; false when part is blank. */
static bool match_value(const struct linking *l, const struct treaty_match *m, enum side side,
			const struct observation *seen, struct buf *out)
{
	const struct treaty_record *type = &l->e->treaty->record[l->record];
	for (int k = 0; k < m->n; k++) {
		struct value v = seen->value[m->field[k]];
		if (v.kind == VALUE_UNKNOWN || v.kind == VALUE_REF || value_blank(v))
			return false;
		if (side != SIDE_ATS &&
		    !field_translate(&type->field[m->field[k]], side, v, l->a, &v))
			return false;
		value_pack(out, v);
	}
	return true;
}

static void stage_row(struct linking *l, struct db *db, const struct row *row)
{
	struct engine *e = l->e;
	const struct treaty_record *type = &e->treaty->record[l->record];
	struct observation seen = { .existence = row->existence };
	seen.value = arena_array(l->a, struct value, type->field_n);
	for (int k = 0, n = 0; k < l->field_n; k++)
		seen.value[l->field[k]] =
			strcmp(type->field[l->field[k]].api[l->side], FIELD_API_ID) == 0 ?
				(struct value){ VALUE_TEXT, row->id } :
				row->value[n++];
	resolve_references(e, db, l->record, l->side, &seen, l->a);

	struct sv key = SV_NONE;
	if (type->side[l->side].key &&
	    seen.value[type->side[l->side].key_field].kind == VALUE_TEXT)
		key = seen.value[type->side[l->side].key_field].text;
	bool taken = link_of(db, e->treaty, l->record, l->side, row->id) != 0;
	int64_t id = db_scalar(db, 0,
			       "INSERT INTO stage (side, remote, key, taken) VALUES ($1, $2, $3, $4)"
			       " ON CONFLICT (side, remote) DO UPDATE SET taken = excluded.taken"
			       " RETURNING id",
			       "itti", (int64_t)l->side, row->id, key, (int64_t)taken);
	l->report->listed[l->side]++;
	if (row->modified_ms > l->stamp_ms[l->side])
		l->stamp_ms[l->side] = row->modified_ms;
	if (taken && l->side == SIDE_ATS)
		l->report->linked_before++;
	for (int m = 0; m < type->match_n && !taken; m++) {
		struct buf b;
		buf_init(&b, 1 << 20);
		if (match_value(l, &type->match[m], l->side, &seen, &b) && !b.full)
			db_run(db,
			       "INSERT INTO stage_match (rule, side, value, stage)"
			       " VALUES ($1, $2, $3, $4)",
			       "iibi", (int64_t)m, (int64_t)l->side, buf_sv(&b), id);
		buf_finish(&b);
	}
}

static bool stage_page(struct db *db, void *arg, struct err *err)
{
	struct linking *l = arg;
	for (int i = 0; i < l->rows->n; i++)
		stage_row(l, db, &l->rows->row[i]);
	return true;
}

static bool stage_side(struct linking *l, enum side side,
		       void (*progress)(void *, const struct link_report *), void *arg,
		       struct err *err)
{
	struct connector *c = l->e->system[side];
	struct arena page_arena, token_arena;
	arena_init(&page_arena);
	arena_init(&token_arena);
	l->side = side;
	l->a = &page_arena;
	struct sv page = SV("");
	bool ok = true;
	do {
		struct rows rows = { 0 };
		ok = call_begin(l->e, side, err);
		if (!ok)
			break;
		ok = c->ops->list(c, &l->object[side], page, &page_arena, &rows, err);
		call_end(l->e, side, ok, err);
		l->rows = &rows;
		ok = ok && store_tx(l->e->store, stage_page, l, err);
		arena_reset(&token_arena);
		page = ok ? arena_sv(&token_arena, rows.next) : SV_NONE;
		arena_reset(&page_arena);
		if (progress)
			progress(arg, l->report);
	} while (ok && page.len);
	arena_finish(&page_arena);
	arena_finish(&token_arena);
	return ok;
}

/* ----------------------------------------------------------------- linking */

static void mark_backfill(struct linking *l, struct db *db, const struct link *link,
			  unsigned reads)
{
	enum side s = link->remote[SIDE_ATS].len ? SIDE_ATS : SIDE_SALESFORCE;
	struct mark m = { .side = s, .record = l->record, .remote = link->remote[s],
			  .priority = l->e->treaty->record[l->record].priority + PRIORITY_BACKFILL,
			  .reads = reads, .own = SV(""), .stranger = SV(""), .source = "link" };
	mark_put(l->e->store, db, l->e->treaty, &m);
}

/* stage.taken: 0 while it is to be linked; SQL below says 'taken <> 1' for all
 * that have no counterpart yet. */
enum { TAKEN_LINKED = 1, TAKEN_AMBIGUOUS = 2 };

static void take(struct db *db, int64_t stage, int64_t how)
{
	db_run(db, "UPDATE stage SET taken = $1 WHERE id = $2", "ii", how, stage);
}

struct staged {
	int64_t id;
	struct sv remote;
	bool ambiguous;
};

static void make_link(struct linking *l, struct db *db, struct staged ats, struct staged sf,
		      const char *how)
{
	struct link link = link_blank(l->e->treaty, l->record, l->a);
	link.remote[SIDE_ATS] = ats.remote;
	link.remote[SIDE_SALESFORCE] = sf.remote;
	link.state = LINK_LINKED;
	link.existence[SIDE_ATS] = link.existence[SIDE_SALESFORCE] = EXISTENCE_PRESENT;
	for (int s = 0; s < SIDES; s++) {
		/* half a link, on its way to be created: it is here already */
		struct link half;
		if (link_find(db, l->e->treaty, l->record, s, link.remote[s], l->a, &half)) {
			drop_slots_of(l->e->store, l->e->treaty, db, half.id, "linked to another record");
			link_delete(db, half.id, clock_now(l->e->clock));
		}
	}
	link_put(l->e->store, db, l->e->treaty, &link);
	note_link(l->e, db, &link, how);
	mark_backfill(l, db, &link, 3);
	take(db, ats.id, TAKEN_LINKED);
	take(db, sf.id, TAKEN_LINKED);
}

/* Counterparts of an ATS record, by key or by a rule. Those that fit several
 * count: which one is looked at first must not decide. */
static int counterparts(struct linking *l, struct db *db, struct staged ats, struct sv key,
			struct staged **out)
{
	struct db_stmt *q;
	int n = 0, room = 2;
	if (l->rule < 0)
		q = db_query(db,
			     "SELECT id, remote, taken FROM stage WHERE side = 1 AND taken <> 1"
			     " AND key = $1 UNION SELECT id, remote, taken FROM stage WHERE side = 1"
			     " AND taken <> 1 AND remote = $2",
			     "tt", ats.remote, key.len ? key : SV("-"));
	else
		q = db_query(db,
			     "SELECT DISTINCT s.id, s.remote, s.taken FROM stage_match ma"
			     " JOIN stage_match ms ON ms.rule = ma.rule AND ms.value = ma.value"
			     " AND ms.side = 1 JOIN stage s ON s.id = ms.stage"
			     " WHERE ma.stage = $1 AND ma.rule = $2 AND s.taken <> 1",
			     "ii", ats.id, (int64_t)l->rule);
	struct staged *all = arena_array(l->a, struct staged, room);
	while (db_next(q)) {
		if (n == room) {
			struct staged *more = arena_array(l->a, struct staged, 2 * room);
			memcpy(more, all, sizeof(*all) * (size_t)n);
			all = more;
			room *= 2;
		}
		all[n++] = (struct staged){ db_i64(q, 0), arena_sv(l->a, db_sv(q, 1)),
					    db_i64(q, 2) == TAKEN_AMBIGUOUS };
	}
	*out = all;
	return n;
}

/* How many ATS records fit the same way as this one. */
static int64_t rivals(struct linking *l, struct db *db, struct staged ats, struct staged sf)
{
	if (l->rule < 0)
		return db_scalar(db, 1,
				 "SELECT count(*) FROM stage WHERE side = 0 AND taken <> 1"
				 " AND key = $1 AND id <> $2",
				 "ti", sf.remote, ats.id) + 1;
	return db_scalar(db, 1,
			 "SELECT count(DISTINCT a.id) FROM stage_match mine"
			 " JOIN stage_match ma ON ma.rule = mine.rule AND ma.value = mine.value"
			 " AND ma.side = 0 JOIN stage a ON a.id = ma.stage"
			 " WHERE mine.stage = $1 AND mine.rule = $2 AND a.taken <> 1",
			 "ii", ats.id, (int64_t)l->rule);
}

static void match_one(struct linking *l, struct db *db, struct staged ats, struct sv key)
{
	const struct treaty_record *type = &l->e->treaty->record[l->record];
	struct staged *sf;
	int n = counterparts(l, db, ats, key, &sf);
	if (n == 0)
		return;
	int64_t same = rivals(l, db, ats, sf[0]);
	if (n == 1 && same == 1 && !sf[0].ambiguous) {
		make_link(l, db, ats, sf[0], l->rule < 0 ? "by key" : "by match");
		if (l->rule < 0)
			l->report->linked_by_key++;
		else
			l->report->linked_by_match++;
		return;
	}
	struct sv detail = n > 1 ? arena_printf(l->a, "%d records of salesforce fit: %.*s, %.*s%s", n,
						SV_ARG(sf[0].remote), SV_ARG(sf[1].remote),
						n > 2 ? ", ..." : "") :
		       same > 1 ? arena_printf(l->a, "%lld records of ats fit salesforce %.*s",
					       (long long)same, SV_ARG(sf[0].remote)) :
				  arena_printf(l->a, "salesforce %.*s fits others too",
					       SV_ARG(sf[0].remote));
	mismatch_ambiguous(db, type, SIDE_ATS, ats.remote, detail, clock_now(l->e->clock));
	take(db, ats.id, TAKEN_AMBIGUOUS);
	for (int i = 0; i < n; i++)
		take(db, sf[i].id, TAKEN_AMBIGUOUS);
	l->report->ambiguous++;
}

static bool match_page(struct db *db, void *arg, struct err *err)
{
	struct linking *l = arg;
	struct staged *row = arena_array(l->a, struct staged, PAGE);
	struct sv *key = arena_array(l->a, struct sv, PAGE);
	l->n = 0;
	struct db_stmt *q = db_query(
		db,
		"SELECT id, remote, key FROM stage WHERE side = 0 AND taken = 0 AND id > $1"
		" ORDER BY id LIMIT $2",
		"ii", l->after, (int64_t)PAGE);
	while (db_next(q)) {
		row[l->n] = (struct staged){ .id = db_i64(q, 0), .remote = arena_sv(l->a, db_sv(q, 1)) };
		key[l->n++] = arena_sv(l->a, db_sv(q, 2));
	}
	for (int i = 0; i < l->n; i++)
		match_one(l, db, row[i], key[i]);
	if (l->n)
		l->after = row[l->n - 1].id;
	return true;
}

/* What has no counterpart is created where the treaty says so. */
static bool alone_page(struct db *db, void *arg, struct err *err)
{
	struct linking *l = arg;
	const struct treaty *t = l->e->treaty;
	enum side other = side_other(l->side);
	struct staged *row = arena_array(l->a, struct staged, PAGE);
	l->n = 0;
	struct db_stmt *q = db_query(
		db,
		"SELECT id, remote FROM stage WHERE side = $1 AND taken = 0 AND id > $2"
		" ORDER BY id LIMIT $3",
		"iii", (int64_t)l->side, l->after, (int64_t)PAGE);
	while (db_next(q))
		row[l->n++] = (struct staged){ .id = db_i64(q, 0), .remote = arena_sv(l->a, db_sv(q, 1)) };
	for (int i = 0; i < l->n; i++) {
		struct link link;
		l->report->alone[l->side]++;
		if (!t->record[l->record].side[other].create)
			continue;
		l->report->to_create[other]++;
		if (link_find(db, t, l->record, l->side, row[i].remote, l->a, &link))
			continue; /* on its way already */
		link = link_blank(t, l->record, l->a);
		link.remote[l->side] = row[i].remote;
		link.existence[l->side] = EXISTENCE_PRESENT;
		link.state = LINK_CREATING;
		link_put(l->e->store, db, t, &link);
		note_link(l->e, db, &link, "to be created");
		mark_backfill(l, db, &link, 1u << l->side);
	}
	if (l->n)
		l->after = row[l->n - 1].id;
	return true;
}

static bool all_pages(struct linking *l, store_fn page,
		      void (*progress)(void *, const struct link_report *), void *arg,
		      struct err *err)
{
	struct arena a;
	arena_init(&a);
	l->a = &a;
	l->after = 0;
	bool ok = true;
	do {
		ok = store_tx(l->e->store, page, l, err);
		arena_reset(&a);
		if (progress)
			progress(arg, l->report);
	} while (ok && l->n == PAGE);
	arena_finish(&a);
	return ok;
}

/* For sweeps: what is not linked now and not touched later need not be looked up
 * again. */
static bool note_listed(struct db *db, void *arg, struct err *err)
{
	struct linking *l = arg;
	for (int s = 0; s < SIDES; s++)
		listed_put(db, &l->e->treaty->record[l->record], (enum side)s, l->stamp_ms[s]);
	return true;
}

bool engine_link(struct engine *e, int record, struct link_report *out,
		 void (*progress)(void *arg, const struct link_report *r), void *arg,
		 struct err *err)
{
	const struct treaty_record *type = &e->treaty->record[record];
	struct arena a;
	arena_init(&a);
	*out = (struct link_report){ .record = type->name };
	struct linking l = { .e = e, .record = record, .report = out };
	choose_fields(&l, &a);
	bool ok = store_tx(e->store, prepare_stage, &l, err);
	for (int s = 0; ok && s < SIDES; s++)
		ok = stage_side(&l, s, progress, arg, err);
	for (l.rule = -1; ok && l.rule < type->match_n; l.rule++)
		ok = all_pages(&l, match_page, progress, arg, err);
	for (int s = 0; ok && s < SIDES; s++) {
		l.side = s;
		ok = all_pages(&l, alone_page, progress, arg, err);
	}
	ok = ok && store_tx(e->store, note_listed, &l, err);
	arena_finish(&a);
	return ok;
}

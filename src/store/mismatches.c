#include "store/mismatches.h"

#define COLUMNS                                                                      \
	"id, link, kind, record, field, ats, salesforce, value_ats, value_salesforce, lost," \
	" detail, found_by, open, opened_ms, closed_ms, times, closed_by, lost_side, lost_value"

struct entry {
	int64_t link;
	enum mismatch_kind kind;
	struct sv record, field, remote[SIDES], lost, detail, found_by;
	struct value value[SIDES], lost_value;
	enum side lost_side;
	bool open;
};

/* The record's name tells apart what has no link: two types may have the same
 * ids. */
static int64_t close_open(struct db *db, int64_t link, enum mismatch_kind kind, struct sv record,
			  struct sv field, struct sv by, int64_t now_ms)
{
	return db_run(db,
		      "UPDATE mismatch SET open = 0, closed_ms = $1, closed_by = $2"
		      " WHERE link = $3 AND kind = $4 AND field = $5 AND record = $6"
		      " AND open = 1",
		      "itiitt", now_ms, by, link, (int64_t)kind, field, record);
}

static bool known_value(struct value v)
{
	return v.kind != VALUE_UNKNOWN;
}

static void put_entry(struct db *db, const struct entry *e, int64_t now_ms)
{
	struct buf b;
	buf_init(&b, e->value[SIDE_ATS].text.len + e->value[SIDE_SALESFORCE].text.len +
			     e->lost_value.text.len + 64);
	value_pack(&b, e->value[SIDE_ATS]);
	size_t middle = b.len;
	value_pack(&b, e->value[SIDE_SALESFORCE]);
	size_t end = b.len;
	value_pack(&b, e->lost_value);
	struct sv ats = sv_make(b.ptr, middle), sf = sv_make(b.ptr + middle, end - middle);
	struct sv lost = known_value(e->lost_value) ? sv_make(b.ptr + end, b.len - end) : SV_NONE;
	int64_t known = 0;
	if (e->open)
		known = db_run(db,
			       "UPDATE mismatch SET value_ats = $1, value_salesforce = $2,"
			       " detail = $3, times = times + 1"
			       " WHERE link = $4 AND kind = $5 AND field = $6 AND record = $7"
			       " AND open = 1",
			       "bbtiitt", ats, sf, e->detail, e->link, (int64_t)e->kind, e->field,
			       e->record);
	if (!known)
		db_run(db,
		       "INSERT INTO mismatch (link, kind, record, field, ats, salesforce, value_ats,"
		       " value_salesforce, lost, detail, found_by, open, opened_ms, closed_ms,"
		       " closed_by, times, lost_side, lost_value) VALUES"
		       " ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 1,"
		       " $16, $17)",
		       "iitttt" "bb" "ttt" "iii" "tib", e->link, (int64_t)e->kind, e->record, e->field,
		       e->remote[SIDE_ATS].ptr ? e->remote[SIDE_ATS] : SV(""),
		       e->remote[SIDE_SALESFORCE].ptr ? e->remote[SIDE_SALESFORCE] : SV(""), ats, sf,
		       e->lost.ptr ? e->lost : SV(""), e->detail.ptr ? e->detail : SV(""),
		       e->found_by.ptr ? e->found_by : SV(""), (int64_t)e->open, now_ms,
		       e->open ? (int64_t)0 : now_ms, e->open ? SV("") : SV("rule"),
		       (int64_t)e->lost_side, lost);
	buf_finish(&b);
}

void mismatch_note(struct db *db, const struct treaty_record *type, const struct link *link,
		   const struct finding *f, struct sv found_by, int64_t now_ms)
{
	struct sv field = f->field >= 0 ? sv_of(type->field[f->field].name) : SV("");
	if (f->what == FINDING_CLOSE) {
		close_open(db, link->id, f->kind, sv_of(type->name), field, SV("settled"), now_ms);
		return;
	}
	struct arena a;
	arena_init(&a);
	struct entry e = {
		.link = link->id, .kind = f->kind, .record = sv_of(type->name), .field = field,
		.remote = { link->remote[SIDE_ATS], link->remote[SIDE_SALESFORCE] },
		.value = { f->value[SIDE_ATS], f->value[SIDE_SALESFORCE] },
		.lost = known_value(f->lost) ? value_show(f->lost, &a) : SV(""),
		.lost_value = f->lost, .lost_side = f->lost_side,
		.detail = f->detail, .found_by = found_by, .open = f->what == FINDING_OPEN,
	};
	put_entry(db, &e, now_ms);
	arena_finish(&a);
}

/* A system's entries have no link; its name stands where the record's does,
 * and in 'field', by which open ones are told apart. */
void mismatch_system(struct db *db, enum side side, enum mismatch_kind kind, bool open,
		     struct sv detail, int64_t now_ms)
{
	struct sv name = sv_of(side_name[side]);
	if (!open) {
		close_open(db, 0, kind, name, name,
			   kind == MISMATCH_QUOTA ? SV("enough again") : SV("came back"), now_ms);
		return;
	}
	struct entry e = { .kind = kind, .record = name, .field = name, .detail = detail,
			   .found_by = SV("flow"), .open = true };
	put_entry(db, &e, now_ms);
}

void mismatch_system_close(struct db *db, enum side side, enum mismatch_kind kind, struct sv by,
			   int64_t now_ms)
{
	close_open(db, 0, kind, sv_of(side_name[side]), sv_of(side_name[side]), by, now_ms);
}

bool mismatch_system_open(struct db *db, enum side side, enum mismatch_kind kind)
{
	return db_scalar(db, 0,
			 "SELECT count(*) FROM mismatch"
			 " WHERE link = 0 AND kind = $1 AND field = $2 AND open = 1",
			 "it", (int64_t)kind, sv_of(side_name[side])) > 0;
}

void mismatch_own(struct db *db, enum mismatch_kind kind, bool open, struct sv detail, int64_t now_ms)
{
	struct sv name = SV("treaty");
	struct entry e = { .kind = kind, .record = name, .field = name, .detail = detail,
			   .found_by = SV("watch"), .open = true };
	if (open)
		put_entry(db, &e, now_ms);
	else
		close_open(db, 0, kind, name, name, detail, now_ms);
}

bool mismatch_own_open(struct db *db, enum mismatch_kind kind)
{
	return db_scalar(db, 0,
			 "SELECT count(*) FROM mismatch"
			 " WHERE link = 0 AND kind = $1 AND field = $2 AND open = 1",
			 "it", (int64_t)kind, SV("treaty")) > 0;
}

void mismatch_type(struct db *db, const struct treaty_record *type, enum side side,
		   enum mismatch_kind kind, const char *what, bool open, struct sv detail,
		   int64_t now_ms)
{
	struct arena a;
	arena_init(&a);
	/* stands where the field does, by which open entries are told apart */
	struct sv key = arena_printf(&a, "%s:%s", side_name[side], what);
	struct entry e = { .kind = kind, .record = sv_of(type->name), .field = key,
			   .detail = detail, .found_by = SV("guard"), .open = true };
	if (open)
		put_entry(db, &e, now_ms);
	else
		close_open(db, 0, kind, sv_of(type->name), key, detail, now_ms);
	arena_finish(&a);
}

int64_t mismatch_type_open(struct db *db, const struct treaty_record *type,
			   enum mismatch_kind kind)
{
	return db_scalar(db, 0,
			 "SELECT count(*) FROM mismatch"
			 " WHERE link = 0 AND kind = $1 AND record = $2 AND open = 1",
			 "it", (int64_t)kind, sv_of(type->name));
}

void mismatch_close(struct db *db, int64_t id, struct sv by, int64_t now_ms)
{
	db_run(db,
	       "UPDATE mismatch SET open = 0, closed_ms = $1, closed_by = $2"
	       " WHERE id = $3 AND open = 1",
	       "iti", now_ms, by, id);
}

void mismatch_restored(struct db *db, int64_t id, struct sv by)
{
	db_run(db, "UPDATE mismatch SET closed_by = $1 WHERE id = $2 AND open = 0", "ti", by, id);
}

void mismatch_drift(struct db *db, const struct treaty_record *type, int field, bool open,
		    struct sv detail, int64_t now_ms)
{
	struct sv name = sv_of(type->field[field].name);
	if (!open) {
		close_open(db, 0, MISMATCH_DRIFT, sv_of(type->name), name, SV("came back"), now_ms);
		return;
	}
	struct entry e = { .kind = MISMATCH_DRIFT, .record = sv_of(type->name), .field = name,
			   .detail = detail, .found_by = SV("schema"), .open = true };
	put_entry(db, &e, now_ms);
}

void mismatch_damaged(struct db *db, const struct treaty_record *type, const struct link *l,
		      struct sv detail, int64_t now_ms)
{
	struct entry e = { .link = l->id, .kind = MISMATCH_DAMAGED, .record = sv_of(type->name),
			   .field = SV(""), .remote = { l->remote[SIDE_ATS], l->remote[SIDE_SALESFORCE] },
			   .detail = detail, .found_by = SV("audit"), .open = true };
	put_entry(db, &e, now_ms);
}

void mismatch_audit(struct db *db, const char *part, bool open, struct sv detail, int64_t now_ms)
{
	struct entry e = { .kind = MISMATCH_SELF_CHECK, .record = SV("store"), .field = sv_of(part),
			   .detail = detail, .found_by = SV("audit"), .open = true };
	if (open)
		put_entry(db, &e, now_ms);
	else
		close_open(db, 0, MISMATCH_SELF_CHECK, SV("store"), sv_of(part), SV("adds up again"), now_ms);
}

int64_t mismatches_prune(struct db *db, int64_t before_ms, int64_t max)
{
	int64_t n = db_run(db,
			   "DELETE FROM mismatch WHERE id IN (SELECT id FROM mismatch"
			   " WHERE open = 0 AND closed_ms < $1 AND NOT EXISTS (SELECT 1 FROM"
			   " alert_entry a WHERE a.mismatch = mismatch.id AND a.over_by = 0)"
			   " ORDER BY id LIMIT $2)",
			   "ii", before_ms, max);
	if (n)
		db_run(db,
		       "DELETE FROM alert_entry WHERE NOT EXISTS"
		       " (SELECT 1 FROM mismatch m WHERE m.id = alert_entry.mismatch)",
		       "");
	return n;
}

int64_t mismatches_blank(struct db *db, struct sv record, struct sv field, int64_t before_ms,
			 int64_t max)
{
	struct sv unknown = sv_make("", 1);
	return db_run(db,
		      "UPDATE mismatch SET value_ats = $1, value_salesforce = $2, lost = '',"
		      " lost_value = NULL, detail = '' WHERE id IN (SELECT id FROM mismatch"
		      " WHERE open = 0 AND closed_ms < $3 AND record = $4 AND field = $5"
		      " AND (value_ats <> $6 OR value_salesforce <> $7 OR lost <> '')"
		      " ORDER BY id LIMIT $8)",
		      "bbittbbi", unknown, unknown, before_ms, record, field, unknown, unknown, max);
}

int64_t mismatches_forget(struct db *db, int64_t link, struct sv record, enum side side,
			  struct sv remote, int64_t now_ms)
{
	struct sv unknown = sv_make("", 1);
	db_run(db,
	       "UPDATE mismatch SET open = 0, closed_ms = $1, closed_by = 'forgotten' WHERE open = 1"
	       " AND ((link = $2 AND link <> 0) OR (record = $3 AND ats = $4)"
	       " OR (record = $5 AND salesforce = $6))",
	       "iitttt", now_ms, link, record, side == SIDE_ATS ? remote : SV("-"), record,
	       side == SIDE_SALESFORCE ? remote : SV("-"));
	return db_run(db,
		      "UPDATE mismatch SET value_ats = $1, value_salesforce = $2, lost = '',"
		      " lost_value = NULL, detail = '' WHERE ((link = $3 AND link <> 0)"
		      " OR (record = $4 AND ats = $5) OR (record = $6 AND salesforce = $7))",
		      "bbitttt", unknown, unknown, link, record, side == SIDE_ATS ? remote : SV("-"),
		      record, side == SIDE_SALESFORCE ? remote : SV("-"));
}

/* Stands where the field does, by which open entries are told apart. */
static struct sv ambiguous_key(struct arena *a, enum side side, struct sv remote)
{
	return arena_printf(a, "%s:%.*s", side_name[side], SV_ARG(remote));
}

void mismatch_ambiguous(struct db *db, const struct treaty_record *type, enum side side,
			struct sv remote, struct sv detail, int64_t now_ms)
{
	struct arena a;
	arena_init(&a);
	struct entry e = { .kind = MISMATCH_AMBIGUOUS, .record = sv_of(type->name),
			   .field = ambiguous_key(&a, side, remote),
			   .detail = detail, .found_by = SV("link"), .open = true };
	e.remote[side] = remote;
	put_entry(db, &e, now_ms);
	arena_finish(&a);
}

void mismatch_linked(struct db *db, const struct treaty_record *type, const struct link *l,
		     int64_t now_ms)
{
	struct arena a;
	arena_init(&a);
	for (int s = 0; s < SIDES; s++)
		if (l->remote[s].len)
			close_open(db, 0, MISMATCH_AMBIGUOUS, sv_of(type->name),
				   ambiguous_key(&a, (enum side)s, l->remote[s]), SV("linked"),
				   now_ms);
	arena_finish(&a);
}

void mismatch_link_gone(struct db *db, int64_t link_id, int64_t now_ms)
{
	db_run(db,
	       "UPDATE mismatch SET open = 0, closed_ms = $1, closed_by = 'linked'"
	       " WHERE link = $2 AND open = 1",
	       "ii", now_ms, link_id);
}

void mismatch_close_link(struct db *db, int64_t link_id, enum mismatch_kind kind, struct sv by,
			 int64_t now_ms)
{
	db_run(db,
	       "UPDATE mismatch SET open = 0, closed_ms = $1, closed_by = $2"
	       " WHERE link = $3 AND kind = $4 AND open = 1",
	       "itii", now_ms, by, link_id, (int64_t)kind);
}

static void read_row(struct db *db, struct db_stmt *q, struct arena *a, struct mismatch *m)
{
	struct reader ats = { .left = arena_sv(a, db_sv(q, 7)) };
	struct reader sf = { .left = arena_sv(a, db_sv(q, 8)) };
	struct reader lost = { .left = arena_sv(a, db_sv(q, 18)) };
	*m = (struct mismatch){
		.id = db_i64(q, 0), .link_id = db_i64(q, 1),
		.kind = (enum mismatch_kind)db_i64(q, 2),
		.record = arena_sv(a, db_sv(q, 3)), .field = arena_sv(a, db_sv(q, 4)),
		.remote = { arena_sv(a, db_sv(q, 5)), arena_sv(a, db_sv(q, 6)) },
		.value = { value_unpack(&ats), value_unpack(&sf) },
		.lost = arena_sv(a, db_sv(q, 9)), .detail = arena_sv(a, db_sv(q, 10)),
		.found_by = arena_sv(a, db_sv(q, 11)), .open = db_i64(q, 12) != 0,
		.opened_ms = db_i64(q, 13), .closed_ms = db_i64(q, 14), .times = db_i64(q, 15),
		.closed_by = arena_sv(a, db_sv(q, 16)),
		.lost_side = db_i64(q, 17) ? SIDE_SALESFORCE : SIDE_ATS,
	};
	if (!db_is_null(q, 18))
		m->lost_value = value_unpack(&lost);
	if (ats.bad || sf.bad || lost.bad || m->kind >= MISMATCH_KINDS)
		db_fail(db, "entry %lld of the conflict log cannot be read", (long long)m->id);
}

int mismatch_list(struct db *db, bool open_only, int limit, struct arena *a,
		  struct mismatch **out)
{
	struct mismatch *m = arena_array(a, struct mismatch, limit);
	int n = 0;
	struct db_stmt *q =
		open_only ? db_query(db,
				     "SELECT " COLUMNS " FROM mismatch WHERE open = 1"
				     " ORDER BY id LIMIT $1",
				     "i", (int64_t)limit) :
			    db_query(db,
				     "SELECT " COLUMNS " FROM mismatch"
				     " ORDER BY id DESC LIMIT $1",
				     "i", (int64_t)limit);
	while (db_next(q))
		read_row(db, q, a, &m[n++]);
	*out = m;
	return db_ok(db) ? n : 0;
}

bool mismatch_get(struct db *db, int64_t id, struct arena *a, struct mismatch *out)
{
	struct db_stmt *q = db_query(db,
				     "SELECT " COLUMNS " FROM mismatch WHERE id = $1",
				     "i", id);
	if (!db_next(q))
		return false;
	read_row(db, q, a, out);
	db_done(q);
	return db_ok(db);
}

int64_t mismatch_open_count(struct db *db)
{
	return db_scalar(db, 0, "SELECT count(*) FROM mismatch WHERE open = 1", "");
}

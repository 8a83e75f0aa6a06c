#include "store/survey.h"

#include "store/links.h"

static void read_type(struct db *db, const struct treaty_record *r, struct survey_type *out)
{
	*out = (struct survey_type){
		.linked = links_count(db, r, LINK_LINKED),
		.lookup = links_count(db, r, LINK_LOOKUP),
		.creating = links_count(db, r, LINK_CREATING),
		.ambiguous = links_count(db, r, LINK_AMBIGUOUS),
		.broken = links_count(db, r, LINK_BROKEN),
		.held = db_scalar(db, 0, "SELECT count(*) FROM link WHERE type = $1 AND holds <> 0",
				  "i", record_key(r)),
	};
}

static void read_slots(struct db *db, struct survey *out)
{
	struct db_stmt *q =
		db_query(db, "SELECT side, state, count(*) FROM slot GROUP BY side, state", "");
	while (db_next(q)) {
		int64_t side = db_i64(q, 0), n = db_i64(q, 2);
		if (side < 0 || side >= SIDES)
			continue;
		struct survey_side *s = &out->side[side];
		switch ((enum slot_state)db_i64(q, 1)) {
		case SLOT_DECIDED:
			s->decided = n;
			break;
		case SLOT_SENT:
			s->sent = n;
			break;
		case SLOT_LOST:
			s->lost = n;
			break;
		case SLOT_IDLE:
			break;
		}
	}
}

static void read_side(struct db *db, enum side side, struct arena *a, struct survey_side *out)
{
	struct db_stmt *q = db_query(db,
				     "SELECT opened_ms, detail FROM mismatch"
				     " WHERE link = 0 AND kind = $1 AND field = $2 AND open = 1",
				     "it", (int64_t)MISMATCH_UNAVAILABLE, sv_of(side_name[side]));
	if (db_next(q)) {
		out->down = true;
		out->down_ms = db_i64(q, 0);
		out->why = arena_sv(a, db_sv(q, 1));
		db_done(q);
	}
	out->cursor = meta_get(db, arena_printf(a, "cursor.%s", side_name[side]).ptr, a);
	out->budget = meta_get(db, arena_printf(a, "budget.%s", side_name[side]).ptr, a);
}

struct waiting {
	const struct treaty *t;
	struct survey *out;
};

static int64_t earlier(int64_t a, int64_t b)
{
	return !a || b < a ? b : a;
}

static void add_waiting(void *arg, const struct link *l, int field)
{
	struct waiting *w = arg;
	const struct link_field *lf = &l->field[field];
	const struct conflict_rule *rule = &w->t->record[l->record].field[field].conflict;
	struct survey_side *side = &w->out->side[lf->away_side];
	side->waiting++;
	side->waiting_ms = earlier(side->waiting_ms, lf->away_ms);
	if (lf->overdue)
		side->overdue++;
	else if (rule->unavailable.then == UNAVAILABLE_REVIEW)
		side->review_ms = earlier(side->review_ms,
					  lf->away_ms + rule->unavailable.for_ms);
}

static void read_open(struct db *db, struct survey *out)
{
	struct db_stmt *q =
		db_query(db, "SELECT kind, count(*) FROM mismatch WHERE open = 1 GROUP BY kind", "");
	while (db_next(q)) {
		int64_t kind = db_i64(q, 0);
		if (kind >= 0 && kind < MISMATCH_KINDS)
			out->open[kind] = db_i64(q, 1);
	}
}

static void read_pauses(struct db *db, struct arena *a, struct survey *out)
{
	int n = (int)db_scalar(db, 0, "SELECT count(*) FROM pause", "");
	out->pause = arena_array(a, struct survey_pause, n + 1);
	struct db_stmt *q = db_query(db, "SELECT scope, who, at_ms FROM pause ORDER BY scope", "");
	while (db_next(q))
		if (out->pause_n < n)
			out->pause[out->pause_n++] = (struct survey_pause){
				arena_sv(a, db_sv(q, 0)), arena_sv(a, db_sv(q, 1)), db_i64(q, 2) };
}

static void read_messages(struct db *db, struct survey *out)
{
	struct db_stmt *q = db_query(db,
				     "SELECT count(*), count(CASE WHEN d.attempts > 0 THEN 1 END),"
				     " coalesce(min(a.made_ms), 0) FROM alert_delivery d"
				     " JOIN alert a ON a.id = d.alert WHERE d.sent_ms = 0",
				     "");
	if (!db_next(q))
		return;
	out->messages = db_i64(q, 0);
	out->messages_failed = db_i64(q, 1);
	out->messages_ms = db_i64(q, 2);
	db_done(q);
}

void survey_read(struct db *db, const struct treaty *t, struct arena *a, struct survey *out)
{
	*out = (struct survey){ .type = arena_array(a, struct survey_type, t->record_n + 1) };
	ledger_read(db, &out->ledger);
	for (int r = 0; r < t->record_n; r++)
		read_type(db, &t->record[r], &out->type[r]);
	read_slots(db, out);
	for (int s = 0; s < SIDES; s++)
		read_side(db, (enum side)s, a, &out->side[s]);
	struct waiting w = { t, out };
	links_held(db, t, 1u << HOLD_AWAY | 1u << HOLD_OVERDUE, add_waiting, &w);
	read_open(db, out);
	read_pauses(db, a, out);
	out->steps = db_scalar(db, 0, "SELECT count(*) FROM step", "");
	out->steps_unlinked = db_scalar(db, 0,
		"SELECT count(*) FROM step JOIN link ON link.id = step.link WHERE link.state <> $1",
		"i", (int64_t)LINK_LINKED);
	out->oldest_mark_ms = db_scalar(db, 0, "SELECT coalesce(min(first_ms), 0) FROM mark", "");
	read_messages(db, out);
	out->gaps = counter_get(db, "feed_gaps");
}

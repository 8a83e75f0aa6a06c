#include "store/alerts.h"

#include "base/panic.h"

const char *alert_step_name(enum alert_step s)
{
	static const char *const names[] = { "opened", "escalated", "over" };
	return names[s];
}

/* ------------------------------------------------------------------- making */

int64_t alert_put(struct db *db, const struct alert *m)
{
	return db_scalar(db, 0,
			 "INSERT INTO alert (made_ms, role, kind, step, n, content)"
			 " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
			 "ittiib", m->made_ms, m->role, m->kind, (int64_t)m->step, m->n,
			 m->content.ptr ? m->content : SV(""));
}

void alert_say(struct db *db, int64_t id, struct sv content)
{
	db_run(db, "UPDATE alert SET content = $1 WHERE id = $2", "bi", content, id);
}

void alert_by(struct db *db, int64_t id, struct sv channel, int64_t now_ms)
{
	db_run(db,
	       "INSERT INTO alert_delivery (alert, channel, attempts, next_ms, sent_ms, error)"
	       " VALUES ($1, $2, 0, $3, 0, '') ON CONFLICT (alert, channel) DO NOTHING",
	       "iti", id, channel, now_ms);
}

void alert_tells(struct db *db, int64_t id, int64_t mismatch, struct sv role, enum alert_step step)
{
	if (step == ALERT_OVER)
		db_run(db,
		       "UPDATE alert_entry SET over_by = $1"
		       " WHERE mismatch = $2 AND role = $3 AND over_by = 0",
		       "iit", id, mismatch, role);
	else
		db_run(db,
		       "INSERT INTO alert_entry (mismatch, role, step, alert, over_by)"
		       " VALUES ($1, $2, $3, $4, 0) ON CONFLICT (mismatch, role, step) DO NOTHING",
		       "itii", mismatch, role, (int64_t)step, id);
}

bool alert_told(struct db *db, int64_t mismatch, struct sv role, enum alert_step step)
{
	return db_scalar(db, 0,
			 "SELECT count(*) FROM alert_entry"
			 " WHERE mismatch = $1 AND role = $2 AND step = $3",
			 "iti", mismatch, role, (int64_t)step) > 0;
}

struct recent_alerts alerts_since(struct db *db, struct sv role, struct sv kind, int64_t since_ms)
{
	struct recent_alerts r = { 0 };
	struct db_stmt *q = db_query(db,
				     "SELECT n, made_ms FROM alert WHERE role = $1 AND kind = $2"
				     " AND made_ms > $3 AND step < 2 ORDER BY made_ms",
				     "tti", role, kind, since_ms);
	while (db_next(q)) {
		if (r.n++ == 0)
			r.oldest_ms = db_i64(q, 1);
		if (db_i64(q, 0) > 1)
			r.summary_ms = db_i64(q, 1);
	}
	return r;
}

int alert_entries(struct db *db, int64_t above_id, struct arena *a, struct open_entry **out)
{
	int most = (int)db_scalar(db, 0, "SELECT count(*) FROM mismatch WHERE open = 1 AND id > $1",
				  "i", above_id);
	int n = 0;
	*out = arena_array(a, struct open_entry, (size_t)most + 1);
	struct db_stmt *q = db_query(db,
				     "SELECT id, opened_ms, kind, record, field FROM mismatch"
				     " WHERE open = 1 AND id > $1 ORDER BY id",
				     "i", above_id);
	while (db_next(q))
		if (n < most)
			(*out)[n++] = (struct open_entry){
				db_i64(q, 0), db_i64(q, 1), (enum mismatch_kind)db_i64(q, 2),
				arena_sv(a, db_sv(q, 3)), arena_sv(a, db_sv(q, 4))
			};
	return db_ok(db) ? n : 0;
}

static bool of_system(struct sv record)
{
	enum side side;
	return side_from_name(record, &side);
}

int64_t alert_since(struct db *db, const struct open_entry *e)
{
	int64_t opened = e->opened_ms, before = e->id, id = 1;
	while (id && of_system(e->record)) {
		int64_t earlier = 0;
		id = 0;
		struct db_stmt *q = db_query(db,
					     "SELECT id, opened_ms FROM mismatch"
					     " WHERE link = 0 AND kind = $1 AND field = $2 AND id < $3"
					     " AND open = 0 AND closed_ms > $4"
					     " ORDER BY id DESC LIMIT 1",
					     "itii", (int64_t)e->kind, e->field, before,
					     opened - ALERT_CALM_MS);
		if (db_next(q)) {
			id = db_i64(q, 0);
			earlier = db_i64(q, 1);
			db_done(q);
		}
		if (id)
			before = id, opened = earlier;
	}
	return opened;
}

static int64_t open_again(struct db *db, const struct closed_entry *e, struct sv field)
{
	return e->system ? db_scalar(db, 0,
				     "SELECT max(id) FROM mismatch WHERE link = 0 AND kind = $1"
				     " AND field = $2 AND id > $3 AND open = 1 AND opened_ms < $4",
				     "itii", (int64_t)e->kind, field, e->id,
				     e->closed_ms + ALERT_CALM_MS) :
			   0;
}

int alert_closed(struct db *db, struct arena *a, struct closed_entry **out)
{
	int most = (int)db_scalar(db, 0,
				  "SELECT count(*) FROM alert_entry e JOIN mismatch m"
				  " ON m.id = e.mismatch WHERE e.over_by = 0 AND m.open = 0", "");
	int n = 0;
	if (!most)
		return 0;
	struct closed_entry *list = arena_array(a, struct closed_entry, (size_t)most);
	struct sv *field = arena_array(a, struct sv, (size_t)most);
	struct db_stmt *q = db_query(db,
				     "SELECT DISTINCT m.id, m.closed_ms, m.kind, e.role, m.record,"
				     " m.field FROM alert_entry e JOIN mismatch m ON m.id = e.mismatch"
				     " WHERE e.over_by = 0 AND m.open = 0 ORDER BY e.role, m.kind, m.id",
				     "");
	while (db_next(q)) {
		if (n == most)
			continue;
		field[n] = arena_sv(a, db_sv(q, 5));
		list[n++] = (struct closed_entry){
			db_i64(q, 0), db_i64(q, 1), 0, (enum mismatch_kind)db_i64(q, 2),
			arena_sv(a, db_sv(q, 3)), of_system(db_sv(q, 4))
		};
	}
	for (int i = 0; i < n; i++)
		list[i].next = open_again(db, &list[i], field[i]);
	*out = list;
	return db_ok(db) ? n : 0;
}

void alert_moves(struct db *db, int64_t from, int64_t to)
{
	db_run(db,
	       "INSERT INTO alert_entry (mismatch, role, step, alert, over_by)"
	       " SELECT $1, role, step, alert, 0 FROM alert_entry"
	       " WHERE mismatch = $2 AND over_by = 0"
	       " ON CONFLICT (mismatch, role, step) DO NOTHING",
	       "ii", to, from);
	db_run(db, "UPDATE alert_entry SET over_by = -1 WHERE mismatch = $1 AND over_by = 0", "i",
	       from);
}

/* ------------------------------------------------------------------ sending */

#define DELIVERY                                                                        \
	"SELECT a.id, a.made_ms, a.role, a.kind, a.step, a.n, a.content, d.channel,"     \
	" d.attempts, d.next_ms, d.sent_ms, d.error"                                    \
	" FROM alert_delivery d JOIN alert a ON a.id = d.alert"

static struct delivery read_delivery(struct db_stmt *q, struct arena *a)
{
	return (struct delivery){
		.alert = { .id = db_i64(q, 0), .made_ms = db_i64(q, 1),
			   .role = arena_sv(a, db_sv(q, 2)), .kind = arena_sv(a, db_sv(q, 3)),
			   .step = (enum alert_step)db_i64(q, 4), .n = db_i64(q, 5),
			   .content = arena_sv(a, db_sv(q, 6)) },
		.channel = arena_sv(a, db_sv(q, 7)), .attempts = db_i64(q, 8),
		.next_ms = db_i64(q, 9), .sent_ms = db_i64(q, 10),
		.error = arena_sv(a, db_sv(q, 11)),
	};
}

bool delivery_next(struct db *db, int64_t now_ms, struct arena *a, struct delivery *out)
{
	struct db_stmt *q = db_query(db,
				     DELIVERY " WHERE d.sent_ms = 0 AND d.next_ms <= $1"
					      " ORDER BY CASE WHEN d.attempts = 0 THEN 0 ELSE 1 END,"
					      " d.next_ms, d.alert, d.channel LIMIT 1",
				     "i", now_ms);
	if (!db_next(q))
		return false;
	*out = read_delivery(q, a);
	db_done(q);
	return db_ok(db);
}

void delivery_sent(struct db *db, int64_t alert, struct sv channel, int64_t now_ms)
{
	db_run(db,
	       "UPDATE alert_delivery SET sent_ms = $1, attempts = attempts + 1, error = ''"
	       " WHERE alert = $2 AND channel = $3",
	       "iit", now_ms, alert, channel);
}

void delivery_failed(struct db *db, int64_t alert, struct sv channel, struct sv error,
		     int64_t next_ms, bool all)
{
	db_run(db,
	       "UPDATE alert_delivery SET next_ms = $1, attempts = attempts + 1, error = $2"
	       " WHERE alert = $3 AND channel = $4",
	       "itit", next_ms, error, alert, channel);
	if (!all)
		return;
	struct arena a;
	struct sv way, address;
	arena_init(&a);
	sv_cut(channel, ' ', &way, &address);
	db_run(db,
	       "UPDATE alert_delivery SET next_ms = $1"
	       " WHERE substr(channel || ' ', 1, CAST($2 AS INTEGER)) = $3"
	       " AND sent_ms = 0 AND next_ms < $4",
	       "iiti", next_ms, (int64_t)way.len + 1, arena_printf(&a, "%.*s ", SV_ARG(way)), next_ms);
	arena_finish(&a);
}

int64_t delivery_next_ms(struct db *db)
{
	return db_scalar(db, INT64_MAX, "SELECT min(next_ms) FROM alert_delivery WHERE sent_ms = 0",
			 "");
}

void deliveries_readdress(struct db *db, bool (*serves)(void *arg, struct sv role, struct sv channel),
			  void (*give)(void *arg, struct db *db, int64_t alert, struct sv role),
			  void *arg)
{
	struct arena a;
	arena_init(&a);
	db_run(db, "UPDATE alert_delivery SET next_ms = 0 WHERE sent_ms = 0", "");
	int most = (int)db_scalar(db, 0, "SELECT count(*) FROM alert_delivery WHERE sent_ms = 0", "");
	struct delivery *list = arena_array(&a, struct delivery, (size_t)most + 1);
	int n = 0;
	struct db_stmt *q = db_query(db, DELIVERY " WHERE d.sent_ms = 0 ORDER BY d.alert", "");
	while (db_next(q))
		if (n < most)
			list[n++] = read_delivery(q, &a);
	for (int i = 0; i < n; i++) {
		if (serves(arg, list[i].alert.role, list[i].channel))
			continue;
		db_run(db, "DELETE FROM alert_delivery WHERE alert = $1 AND channel = $2", "it",
		       list[i].alert.id, list[i].channel);
		give(arg, db, list[i].alert.id, list[i].alert.role);
	}
	arena_finish(&a);
}

/* ------------------------------------------------------------------ looking */

int delivery_list(struct db *db, int limit, struct arena *a, struct delivery **out)
{
	int n = 0;
	*out = arena_array(a, struct delivery, (size_t)limit + 1);
	struct db_stmt *q = db_query(db, DELIVERY " ORDER BY d.alert DESC, d.channel LIMIT $1", "i",
				     (int64_t)limit);
	while (db_next(q))
		if (n < limit)
			(*out)[n++] = read_delivery(q, a);
	return db_ok(db) ? n : 0;
}

int channel_states(struct db *db, struct arena *a, struct channel_state **out)
{
	enum { CHANNELS_MAX = 1000 };
	int n = 0;
	*out = arena_array(a, struct channel_state, CHANNELS_MAX);
	struct db_stmt *q = db_query(
		db,
		"SELECT d.channel, count(*), count(CASE WHEN d.attempts > 0 THEN 1 END), min(a.made_ms),"
		" min(d.next_ms), (SELECT e.error FROM alert_delivery e WHERE e.channel = d.channel"
		" AND e.sent_ms = 0 ORDER BY e.error DESC LIMIT 1)"
		" FROM alert_delivery d JOIN alert a ON a.id = d.alert"
		" WHERE d.sent_ms = 0 GROUP BY d.channel ORDER BY d.channel", "");
	while (db_next(q))
		if (n < CHANNELS_MAX)
			(*out)[n++] = (struct channel_state){
				.channel = arena_sv(a, db_sv(q, 0)), .waiting = db_i64(q, 1),
				.failed = db_i64(q, 2), .since_ms = db_i64(q, 3),
				.next_ms = db_i64(q, 4), .error = arena_sv(a, db_sv(q, 5))
			};
	return db_ok(db) ? n : 0;
}

int64_t alerts_forget(struct db *db, int64_t link, struct sv record, enum side side,
		      struct sv remote)
{
	return db_run(db,
		      "UPDATE alert SET content = $1 WHERE id IN (SELECT e.alert FROM alert_entry e"
		      " JOIN mismatch m ON m.id = e.mismatch WHERE (m.link = $2 AND m.link <> 0)"
		      " OR (m.record = $3 AND m.ats = $4) OR (m.record = $5 AND m.salesforce = $6))",
		      "bitttt", SV("{\"subject\":\"(forgotten)\",\"text\":\"(forgotten)\"}"), link,
		      record, side == SIDE_ATS ? remote : SV("-"), record,
		      side == SIDE_SALESFORCE ? remote : SV("-"));
}

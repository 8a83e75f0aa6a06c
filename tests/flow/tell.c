/* tell.c - the deeds of a story. */
#include "base/panic.h"
#include "flow/forget.h"
#include "flow/revert.h"
#include "scenario.h"
#include "store/marks.h"

enum side word_side(struct world *w, struct sv word)
{
	enum side side = SIDE_ATS;
	if (!side_from_name(word, &side))
		world_fail(w, "'%.*s' is no system", SV_ARG(word));
	return side;
}

int64_t word_number(struct world *w, struct sv word)
{
	int64_t n = 0;
	if (!sv_to_i64(word, &n))
		world_fail(w, "'%.*s' is no number", SV_ARG(word));
	return n;
}

int64_t word_duration_ms(struct world *w, struct sv word)
{
	static const struct {
		struct sv unit;
		int64_t ms;
	} units[] = { { { "ms", 2 }, 1 }, { { "s", 1 }, 1000 }, { { "m", 1 }, 60000 },
		      { { "h", 1 }, 3600000 }, { { "d", 1 }, 86400000 } };
	for (size_t i = 0; i < countof(units); i++)
		if (sv_ends(word, units[i].unit))
			return units[i].ms * word_number(w, sv_make(word.ptr, word.len -
								    units[i].unit.len));
	world_fail(w, "'%.*s' is no duration", SV_ARG(word));
	return 0;
}

/* 'Api=text' words from 'first' on. */
static struct scripted_set *sets(struct world *w, const struct line *l, int first, int *n)
{
	struct scripted_set *set = arena_array(&w->arena, struct scripted_set,
					       (size_t)l->word_n + 1);
	*n = 0;
	for (int i = first; i < l->word_n; i++, (*n)++)
		if (!sv_cut(l->word[i], '=', &set[*n].api, &set[*n].text))
			world_fail(w, "'%.*s' is not FIELD=VALUE", SV_ARG(l->word[i]));
	return set;
}

/* ---- deeds of people in the systems ---- */

static void put(struct world *w, const struct line *l, int first, enum scripted_writer writer)
{
	int n;
	enum side side = word_side(w, l->word[first]);
	struct scripted_set *set = sets(w, l, first + 3, &n);
	if (!w->failed)
		scripted_put(w->system[side], l->word[first + 1], l->word[first + 2], set, n,
			     writer);
}

static void tell_seed(struct world *w, const struct line *l)
{
	put(w, l, 0, WRITER_SEED);
}

static void tell_edit(struct world *w, const struct line *l)
{
	put(w, l, 1, WRITER_PERSON);
}

static void tell_delete(struct world *w, const struct line *l)
{
	bool un = sv_eq(l->word[0], SV("undelete"));
	struct scripted *s = w->system[word_side(w, l->word[1])];
	if (!(un ? scripted_undelete : scripted_delete)(s, l->word[2], l->word[3]))
		world_fail(w, "no such record");
}

/* merge SIDE OBJECT LOSER into SURVIVOR */
static void tell_merge(struct world *w, const struct line *l)
{
	struct scripted *s = w->system[word_side(w, l->word[1])];
	if (!scripted_merge(s, l->word[2], l->word[3], l->word[5]))
		world_fail(w, "no such record");
}

/* ---- deeds of the engine ---- */

/* treaty [NAME [with OLD NEW]] [<<END] */
static void tell_treaty(struct world *w, const struct line *l)
{
	bool with = l->word_n > 4 && sv_eq(l->word[2], SV("with"));
	world_load_treaty(w, l->word_n > 1 ? l->word[1] : SV_NONE, l->block,
			  with ? l->word[3] : SV_NONE, with ? l->word[4] : SV_NONE);
}

static void tell_run(struct world *w, const struct line *l)
{
	world_run(w);
}

static bool step_failed(struct world *w, enum step_result r)
{
	return r == STEP_FAILED && w->crash.dead;
}

static void tell_step(struct world *w, const struct line *l)
{
	struct err err = { 0 };
	if (!world_start(w))
		return;
	if (w->repeating && sv_eq(l->word[1], SV("deliver"))) {
		world_run(w);
		return;
	}
	enum step_result r = STEP_IDLE;
	if (sv_eq(l->word[1], SV("settle")))
		r = engine_settle(w->engine, &err);
	else if (sv_eq(l->word[1], SV("sweep")))
		r = engine_sweep(w->engine, &err);
	else if (sv_eq(l->word[1], SV("tick")))
		r = engine_tick(w->engine, &err);
	else if (sv_eq(l->word[1], SV("feed")))
		r = engine_feed(w->engine, word_side(w, l->word[2]), 0, &err);
	else if (sv_eq(l->word[1], SV("deliver")))
		r = engine_deliver(w->engine, word_side(w, l->word[2]), &err);
	else
		world_fail(w, "no such step");
	if (r == STEP_FAILED && !step_failed(w, r) && err.code == ERR_STORE)
		world_fail(w, "%s", err.what);
}

static bool listen(struct world *w)
{
	struct err err = { 0 };
	for (int s = 0; s < SIDES; s++)
		if (engine_feed(w->engine, (enum side)s, 0, &err) == STEP_FAILED)
			return false;
	return true;
}

/* As when a firm begins: the feeds are heard first, so that nothing is missed
 * between listing and listening. */
static void tell_link(struct world *w, const struct line *l)
{
	struct err err = { 0 };
	if (!world_start(w) || !listen(w))
		return;
	for (int r = 0; r < w->treaty->record_n && !w->crash.dead; r++) {
		struct link_report report = { 0 };
		if (l->word_n > 1 && !sv_eq(l->word[1], sv_of(w->treaty->record[r].name)))
			continue;
		if (!engine_link(w->engine, r, &report, NULL, NULL, &err) && !w->crash.dead)
			world_fail(w, "linking %s: %s", w->treaty->record[r].name, err.what);
	}
}

static void tell_restart(struct world *w, const struct line *l)
{
	world_stop(w);
	world_start(w);
}

/* shadow on|off; linger DURATION; sweeps DURATION */
static void tell_option(struct world *w, const struct line *l)
{
	world_stop(w);
	if (sv_eq(l->word[0], SV("shadow")))
		w->shadow = sv_eq(l->word[1], SV("on"));
	else if (sv_eq(l->word[0], SV("sweeps")))
		w->sweep_every_ms = word_duration_ms(w, l->word[1]);
	else
		w->linger_ms = word_duration_ms(w, l->word[1]);
}

/* retain DURATION: the journal, closed entries, confidential values */
static void tell_retain(struct world *w, const struct line *l)
{
	world_stop(w);
	w->retain_ms = word_duration_ms(w, l->word[1]);
}

struct damage {
	struct world *w;
	struct sv table, remote;
	enum side side;
	int64_t type;
};

static bool damage(struct db *db, void *arg, struct err *err)
{
	struct damage *d = arg;
	struct sv bytes = SV("\377\377\377\377");
	int64_t link = db_scalar(db, 0,
				 d->side == SIDE_ATS ?
					 "SELECT id FROM link WHERE type = $1 AND ats = $2" :
					 "SELECT id FROM link WHERE type = $1 AND salesforce = $2",
				 "it", d->type, d->remote);
	int64_t n = sv_eq(d->table, SV("link")) ?
			    db_run(db, "UPDATE link SET data = $1 WHERE id = $2", "bi", bytes, link) :
			    db_run(db, "UPDATE slot SET data = $1 WHERE link = $2", "bi", bytes, link);
	if (!n && !d->w->crashed) /* a death may have ended the write */
		world_fail(d->w, "no such row");
	return true;
}

/* damage link|slot SIDE RECORD ID */
static void tell_damage(struct world *w, const struct line *l)
{
	struct damage d = { w, l->word[1], l->word[4], word_side(w, l->word[2]), 0 };
	int record = w->treaty ? treaty_record_by_name(w->treaty, l->word[3]) : -1;
	if (!world_start(w) || record < 0) {
		world_fail(w, "no such record type, or no store yet");
		return;
	}
	d.type = record_key(&w->treaty->record[record]);
	world_alter(w, damage, &d);
}

/* An entry says something else than was written; again: as before. */
static bool forge(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct db_stmt *q = db_query(db, "SELECT content FROM journal WHERE seq = 2", "");
	if (!db_next(q)) {
		world_fail(w, "there is no second entry to forge");
		return true;
	}
	struct sv was = arena_sv(&w->arena, db_sv(q, 0));
	db_done(q);
	db_run(db, "UPDATE journal SET content = $1 WHERE seq = 2", "b",
	       w->forged.len ? w->forged : SV("{}"));
	w->forged = w->forged.len ? SV_NONE : was;
	return true;
}

/* forge | unforge */
static void tell_forge(struct world *w, const struct line *l)
{
	if (world_start(w))
		world_alter(w, forge, w);
}

static void tell_advance(struct world *w, const struct line *l)
{
	w->clock.ms += word_duration_ms(w, l->word[1]);
}

static void tell_pause(struct world *w, const struct line *l)
{
	struct err err = { 0 };
	struct sv scope = l->word_n > 1 ? l->word[1] : SV_NONE;
	if (world_start(w) &&
	    !engine_pause(w->store, w->treaty, scope, sv_eq(l->word[0], SV("pause")),
			  SV("ada"), &err) && !w->crash.dead)
		world_fail(w, "%s", err.what);
}

/* mark SIDE RECORD [ID] */
static void tell_mark(struct world *w, const struct line *l)
{
	struct err err = { 0 };
	if (!world_start(w))
		return;
	int record = treaty_record_by_name(w->treaty, l->word[2]);
	if (record < 0)
		world_fail(w, "no such record type");
	else if (!engine_mark(w->store, w->treaty, word_side(w, l->word[1]), record,
			      l->word_n > 3 ? l->word[3] : SV_NONE, &err) && !w->crash.dead)
		world_fail(w, "%s", err.what);
}

static enum resolve_action action_of(const struct line *l, struct sv *text)
{
	struct sv verb = l->word[3];
	*text = l->word_n > 4 ? l->word[4] : SV_NONE;
	if (sv_eq(verb, SV("take")) && sv_eq(*text, SV("ats")))
		return RESOLVE_TAKE_ATS;
	if (sv_eq(verb, SV("take")) && sv_eq(*text, SV("salesforce")))
		return RESOLVE_TAKE_SALESFORCE;
	if (sv_eq(verb, SV("value")))
		return RESOLVE_VALUE;
	if (sv_eq(verb, SV("retry")))
		return RESOLVE_RETRY;
	if (sv_eq(verb, SV("ignore")))
		return RESOLVE_IGNORE;
	return RESOLVE_NONE;
}

/* sweep [RECORD] [SIDE] */
static void tell_sweep(struct world *w, const struct line *l)
{
	struct err err = { 0 };
	enum side side;
	int record = -1;
	unsigned sides = 3;
	if (!world_start(w))
		return;
	for (int i = 1; i < l->word_n; i++) {
		if (side_from_name(l->word[i], &side))
			sides = 1u << side;
		else if ((record = treaty_record_by_name(w->treaty, l->word[i])) < 0)
			world_fail(w, "no such record type");
	}
	if (!w->failed && !engine_ask_sweep(w->store, w->treaty, record, sides, &err) &&
	    !w->crash.dead)
		world_fail(w, "%s", err.what);
}

static bool resolve_entry(struct world *w, const struct line *l, int64_t id, struct err *err)
{
	struct sv text;
	enum resolve_action action = action_of(l, &text);
	bool proceed = sv_eq(l->word[3], SV("proceed"));
	if (proceed || sv_eq(l->word[3], SV("discard")))
		return engine_judge(w->store, w->treaty, id, proceed, SV("ada"), err);
	if (sv_eq(l->word[3], SV("link-to")))
		return engine_link_to(w->store, w->treaty, id, text, SV("ada"), err);
	if (sv_eq(l->word[3], SV("skip")))
		return engine_skip(w->store, w->treaty, id, SV("ada"), err);
	return engine_resolve(w->store, w->treaty, id, action, text, SV("ada"), err);
}

/* restore KIND RECORD.FIELD: the newest closed entry that has a value. Told
 * again after a death it had been done before, if its log says so. */
static void tell_restore(struct world *w, const struct line *l)
{
	struct err err = { 0 };
	struct restoring r;
	struct mismatch *m;
	struct sv record, field;
	if (!world_start(w))
		return;
	sv_cut(l->word[2], '.', &record, &field);
	int n = world_mismatches(w, &m);
	for (int i = 0; i < n; i++) {
		if (m[i].open || !m[i].lost.len || !sv_eq(m[i].record, record) ||
		    !sv_eq(m[i].field, field) ||
		    !sv_eq(sv_of(mismatch_kind_name(m[i].kind)), l->word[1]))
			continue;
		if (w->repeating && sv_starts(m[i].closed_by, SV("restored")))
			return;
		if (!engine_restore(w->store, w->treaty, m[i].id, true, SV("ada"), &w->arena, &r,
				    &err) && !w->crash.dead)
			world_fail(w, "%s", err.what);
		return;
	}
	world_fail(w, "no such entry");
}

/* resolve KIND|any RECORD.FIELD take ats|take salesforce|value TEXT|retry|ignore
 * |proceed|discard|link-to ID|skip */
static void tell_resolve(struct world *w, const struct line *l)
{
	struct err err = { 0 };
	struct mismatch *m;
	struct sv record, field;
	if (!world_start(w))
		return;
	bool any = sv_eq(l->word[1], SV("any")); /* if there is one */
	sv_cut(l->word[2], '.', &record, &field);
	int n = world_mismatches(w, &m);
	for (int i = 0; i < n; i++) {
		if (!m[i].open || !sv_eq(m[i].record, record) || !sv_eq(m[i].field, field) ||
		    !(any || sv_eq(sv_of(mismatch_kind_name(m[i].kind)), l->word[1])))
			continue;
		if (!resolve_entry(w, l, m[i].id, &err) && !w->crash.dead)
			world_fail(w, "%s", err.what);
		return;
	}
	if (!w->repeating && !any) /* told again: it had been done before the crash */
		world_fail(w, "no such open mismatch");
}

/* ---- how the systems behave ---- */

static unsigned call_of(struct world *w, const struct line *l, int i)
{
	if (l->word_n <= i)
		return CALL_ANY;
	if (sv_eq(l->word[i], SV("read")))
		return CALL_READ;
	if (sv_eq(l->word[i], SV("write")))
		return CALL_WRITE;
	if (sv_eq(l->word[i], SV("feed")))
		return CALL_FEED;
	world_fail(w, "read, write or feed");
	return CALL_ANY;
}

static void tell_down(struct world *w, const struct line *l)
{
	struct scripted *s = w->system[word_side(w, l->word[1])];
	if (sv_eq(l->word[0], SV("down")))
		scripted_fail(s, call_of(w, l, 2), FAULT_UNREACHABLE, -1, 0);
	else
		scripted_heal(s);
}

/* lose answer|request SIDE N [read]; late SIDE N DURATION; busy|limit SIDE N */
static void tell_fault(struct world *w, const struct line *l)
{
	bool lose = sv_eq(l->word[0], SV("lose")), late = sv_eq(l->word[0], SV("late"));
	int at = lose ? 2 : 1;
	struct scripted *s = w->system[word_side(w, l->word[at])];
	enum scripted_fault fault = FAULT_BUSY;
	unsigned calls = CALL_WRITE;
	int64_t delay_ms = late ? word_duration_ms(w, l->word[3]) : 0;
	if (lose) {
		fault = sv_eq(l->word[1], SV("answer")) ? FAULT_LOST_DONE : FAULT_LOST_NOT_DONE;
		calls = l->word_n > 4 ? call_of(w, l, 4) : CALL_WRITE;
	} else if (late) {
		fault = FAULT_LOST_LATE;
	} else if (sv_eq(l->word[0], SV("limit"))) {
		fault = FAULT_LIMIT;
		calls = call_of(w, l, 3);
	}
	scripted_fail(s, calls, fault, (int)word_number(w, l->word[at + 1]), delay_ms);
}

/* quota SIDE USED LIMIT */
static void tell_quota(struct world *w, const struct line *l)
{
	scripted_quota(w->system[word_side(w, l->word[1])], word_number(w, l->word[2]),
		       word_number(w, l->word[3]));
}

/* reject SIDE OBJECT FIELD[=VALUE] MESSAGE [nameless] */
static void tell_reject(struct world *w, const struct line *l)
{
	struct sv api, text;
	if (!sv_cut(l->word[3], '=', &api, &text))
		text = SV_NONE;
	scripted_reject(w->system[word_side(w, l->word[1])], l->word[2], api, text,
			arena_str(&w->arena, l->word[4]), l->word_n > 5);
}

/* automation SIDE OBJECT when FIELD set FIELD=VALUE | upper FIELD */
static void tell_automation(struct world *w, const struct line *l)
{
	struct sv set = l->word[6], text = SV_NONE;
	if (sv_eq(l->word[5], SV("set")) && !sv_cut(l->word[6], '=', &set, &text))
		world_fail(w, "set FIELD=VALUE");
	scripted_automate(w->system[word_side(w, l->word[1])], l->word[2], l->word[4], set, text);
}

/* trim SIDE OBJECT FIELD N; cut|drop SIDE OBJECT FIELD; relent SIDE OBJECT */
static void tell_rule(struct world *w, const struct line *l)
{
	struct scripted *s = w->system[word_side(w, l->word[1])];
	if (sv_eq(l->word[0], SV("trim")))
		scripted_trim(s, l->word[2], l->word[3], (int)word_number(w, l->word[4]));
	else if (sv_eq(l->word[0], SV("cut")))
		scripted_cut(s, l->word[2], l->word[3]);
	else if (sv_eq(l->word[0], SV("drop")))
		scripted_drop(s, l->word[2], l->word[3]);
	else
		scripted_relent(s, l->word[2]);
}

/* feed SIDE silent|doubled|reversed|repeating|authorless|fieldless|normal
 *           |lost|delay DURATION|wildcard OBJECT */
static void tell_feed(struct world *w, const struct line *l)
{
	static const struct {
		const char *word;
		unsigned feed;
	} ways[] = { { "normal", 0 }, { "silent", FEED_SILENT }, { "doubled", FEED_DOUBLED },
		     { "reversed", FEED_REVERSED }, { "repeating", FEED_REPEATING },
		     { "authorless", FEED_NO_AUTHOR }, { "fieldless", FEED_NO_FIELDS } };
	enum side side = word_side(w, l->word[1]);
	struct scripted *s = w->system[side];
	for (size_t i = 0; i < countof(ways); i++) {
		if (!sv_eq(l->word[2], sv_of(ways[i].word)))
			continue;
		w->feed[side] = ways[i].feed ? w->feed[side] | ways[i].feed : 0;
		scripted_feed(s, w->feed[side]);
		return;
	}
	if (sv_eq(l->word[2], SV("lost")))
		scripted_feed_forget(s);
	else if (sv_eq(l->word[2], SV("delay")))
		scripted_feed_delay(s, word_duration_ms(w, l->word[3]));
	else if (sv_eq(l->word[2], SV("wildcard")))
		scripted_feed_wildcard(s, l->word[3]);
	else
		world_fail(w, "a feed cannot be that");
}

static void tell_history(struct world *w, const struct line *l)
{
	scripted_history_silent(w->system[word_side(w, l->word[1])],
				sv_eq(l->word[2], SV("silent")));
}

/* deletes SIDE hidden|proven; lag SIDE DURATION; clock SIDE ahead DURATION */
static void tell_quirk(struct world *w, const struct line *l)
{
	struct scripted *s = w->system[word_side(w, l->word[1])];
	if (sv_eq(l->word[0], SV("deletes")))
		scripted_hide_deletes(s, sv_eq(l->word[2], SV("hidden")));
	else if (sv_eq(l->word[0], SV("lag")))
		scripted_lag(s, word_duration_ms(w, l->word[2]));
	else
		scripted_skew(s, word_duration_ms(w, l->word[3]));
}

/* listing SIDE cut N|whole; remembers SIDE DURATION */
static void tell_listing(struct world *w, const struct line *l)
{
	struct scripted *s = w->system[word_side(w, l->word[1])];
	if (sv_eq(l->word[0], SV("remembers")))
		scripted_remember(s, word_duration_ms(w, l->word[2]));
	else if (sv_eq(l->word[2], SV("cut")) && l->word_n > 3)
		scripted_cut_listing(s, (int)word_number(w, l->word[3]));
	else
		scripted_cut_listing(s, -1);
}

/* shape SIDE upsert=no write_max=1 ... */
static void tell_shape(struct world *w, const struct line *l)
{
	static const struct {
		const char *word;
		unsigned can;
	} abilities[] = { { "upsert", CAN_UPSERT }, { "condition", CAN_CONDITION },
			  { "history", CAN_HISTORY }, { "author", CAN_AUTHOR },
			  { "since", CAN_SINCE } };
	enum side side = word_side(w, l->word[1]);
	struct connector_shape *shape = &w->shape[side];
	int n;
	struct scripted_set *set = sets(w, l, 2, &n);
	for (int i = 0; i < n; i++) {
		for (size_t k = 0; k < countof(abilities); k++)
			if (sv_eq(set[i].api, sv_of(abilities[k].word)))
				shape->can = sv_eq(set[i].text, SV("no")) ?
						     shape->can & ~abilities[k].can :
						     shape->can | abilities[k].can;
		if (sv_eq(set[i].api, SV("write_max")))
			shape->write_max = (int)word_number(w, set[i].text);
		if (sv_eq(set[i].api, SV("fetch_max")))
			shape->fetch_max = (int)word_number(w, set[i].text);
		if (sv_eq(set[i].api, SV("longest")))
			shape->longest_request_ms = word_duration_ms(w, set[i].text);
	}
	world_stop(w);
	scripted_set_shape(w->system[side], *shape);
}

static void count_back(void *arg, const struct revert_item *item)
{
	int *n = arg;
	*n += !item->why_not;
}

/* revert version N|since DURATION [RECORD.FIELD] */
static void tell_revert(struct world *w, const struct line *l)
{
	struct err err = { 0 };
	struct revert_scope s = { .record = -1, .field = -1 };
	struct sv record, field;
	int n = 0;
	if (!world_start(w))
		return;
	if (sv_eq(l->word[1], SV("version")))
		s.version = (int)word_number(w, l->word[2]);
	else
		s.since_ms = w->clock.ms - word_duration_ms(w, l->word[2]);
	if (l->word_n > 3 && sv_cut(l->word[3], '.', &record, &field)) {
		s.record = treaty_record_by_name(w->treaty, record);
		s.field = s.record < 0 ? -1 : treaty_field_by_name(&w->treaty->record[s.record], field);
		if (s.field < 0)
			world_fail(w, "no such field");
	}
	if (!w->failed && !engine_revert(w->store, w->treaty, &s, true, SV("ada"), count_back, &n, &err) &&
	    !w->crash.dead)
		world_fail(w, "%s", err.what);
	if (!n && !w->crashed && !w->crash.dead)
		world_fail(w, "nothing is put back");
}

struct searching {
	struct sv text;
	struct buf found;
};

/* In every column of every table but those of indexes. */
static bool search(struct db *db, void *arg, struct err *err)
{
	enum { COLUMNS_MAX = 250 };
	static char sql[COLUMNS_MAX][100]; /* a statement is known by its address */
	struct searching *s = arg;
	struct arena a;
	struct db_column *c;
	arena_init(&a);
	int n = db_columns(db, &a, &c);
	for (int i = 0; i < n && i < COLUMNS_MAX; i++) {
		if (c[i].type == 'i')
			continue;
		snprintf(sql[i], sizeof(sql[i]), "SELECT %.*s FROM %.*s", SV_ARG(c[i].name),
			 SV_ARG(c[i].table));
		struct db_stmt *q = db_query(db, sql[i], "");
		while (db_next(q)) {
			struct sv v = db_sv(q, 0);
			if (v.len && memmem(v.ptr, v.len, s->text.ptr, s->text.len))
				buf_addf(&s->found, " %.*s.%.*s", SV_ARG(c[i].table), SV_ARG(c[i].name));
		}
	}
	arena_finish(&a);
	return true;
}

/* nowhere TEXT: no row of the store has it */
static void tell_nowhere(struct world *w, const struct line *l)
{
	struct searching s = { .text = l->word[1] };
	buf_init(&s.found, 4000);
	if (world_start(w))
		world_alter(w, search, &s);
	if (s.found.len)
		world_trouble(w, "it is in%.*s", SV_ARG(buf_sv(&s.found)));
	buf_finish(&s.found);
}

/* forget SIDE RECORD ID */
static void tell_forget_person(struct world *w, const struct line *l)
{
	struct err err = { 0 };
	struct forgotten f;
	if (!world_start(w))
		return;
	int record = treaty_record_by_name(w->treaty, l->word[2]);
	if (record < 0)
		world_fail(w, "no such record type");
	else if (!engine_forget(w->store, w->treaty, word_side(w, l->word[1]), record, l->word[3],
				SV("ada"), &w->arena, &f, &err) && !w->crash.dead)
		world_fail(w, "%s", err.what);
}

struct hook {
	struct world *w;
	struct line line;
};

/* Deeds in the middle of a request; time passes meanwhile. */
static void fire(void *arg)
{
	struct hook *h = arg;
	bool repeating = h->w->repeating;
	h->w->repeating = false;
	h->w->clock.ms++;
	tell_line(h->w, &h->line);
	h->w->repeating = repeating;
}

/* before|after read|write SIDE do LINE */
static void tell_hook(struct world *w, const struct line *l)
{
	bool before = sv_eq(l->word[0], SV("before")), read = sv_eq(l->word[1], SV("read"));
	struct hook *h = arena_new(&w->arena, struct hook);
	h->w = w;
	h->line = *l;
	h->line.word += 4;
	h->line.word_n -= 4;
	scripted_on(w->system[word_side(w, l->word[2])],
		    read ? (before ? BEFORE_READ : AFTER_READ) :
			   (before ? BEFORE_WRITE : AFTER_WRITE),
		    fire, h);
}

static void tell_forget(struct world *w, const struct line *l)
{
	if (l->word_n == 4) {
		tell_forget_person(w, l);
		return;
	}
	for (int s = 0; s < SIDES; s++)
		scripted_forget_counts(w->system[s]);
}

static bool set_miscount(struct db *db, void *arg, struct err *err)
{
	const bool *on = arg;
	/* set, not added: the deed is done again when the process dies in it */
	counter_add(db, "set_aside_pruned", (*on ? 5 : 0) - counter_get(db, "set_aside_pruned"));
	return true;
}

/* miscount on|off: the store says that more marks were set aside than there are */
static void tell_miscount(struct world *w, const struct line *l)
{
	struct err err = { 0 };
	bool on = sv_eq(l->word[1], SV("on"));
	if (world_start(w) && !store_tx(w->store, set_miscount, &on, &err) && !w->crash.dead)
		world_fail(w, "%s", err.what);
}

static void tell_unfinished(struct world *w, const struct line *l)
{
	w->unfinished = true;
}

static const struct {
	const char *verb;
	int least; /* words, the verb included */
	void (*tell)(struct world *w, const struct line *l);
} deeds[] = {
	{ "treaty", 1, tell_treaty },	    { "ats", 3, tell_seed },
	{ "salesforce", 3, tell_seed },	    { "edit", 4, tell_edit },
	{ "delete", 4, tell_delete },	    { "undelete", 4, tell_delete },
	{ "merge", 6, tell_merge },	    { "link", 1, tell_link },
	{ "run", 1, tell_run },		    { "step", 2, tell_step },
	{ "restart", 1, tell_restart },	    { "shadow", 2, tell_option },
	{ "linger", 2, tell_option },	    { "advance", 2, tell_advance },
	{ "pause", 1, tell_pause },	    { "resume", 1, tell_pause },
	{ "sweep", 1, tell_sweep },	    { "listing", 3, tell_listing },
	{ "remembers", 3, tell_listing },   { "sweeps", 2, tell_option },
	{ "mark", 3, tell_mark },	    { "resolve", 4, tell_resolve },
	{ "restore", 3, tell_restore },
	{ "revert", 3, tell_revert },
	{ "down", 2, tell_down },	    { "up", 2, tell_down },
	{ "lose", 4, tell_fault },	    { "late", 4, tell_fault },
	{ "busy", 3, tell_fault },	    { "limit", 3, tell_fault },
	{ "quota", 4, tell_quota },
	{ "reject", 5, tell_reject },	    { "automation", 7, tell_automation },
	{ "trim", 5, tell_rule },	    { "cut", 4, tell_rule },
	{ "drop", 4, tell_rule },	    { "relent", 3, tell_rule },	    { "feed", 3, tell_feed },
	{ "history", 3, tell_history },	    { "deletes", 3, tell_quirk },
	{ "clock", 4, tell_quirk },	    { "lag", 3, tell_quirk },
	{ "shape", 3, tell_shape },
	{ "before", 5, tell_hook },	    { "after", 5, tell_hook },
	{ "miscount", 2, tell_miscount },   { "forget", 1, tell_forget },
	{ "unfinished", 1, tell_unfinished },
	{ "nowhere", 2, tell_nowhere },
	{ "retain", 2, tell_retain },	    { "damage", 5, tell_damage },
	{ "forge", 1, tell_forge },	    { "unforge", 1, tell_forge },
	{ "channel", 3, tell_channel },	    { "at", 2, tell_at },
	{ "expect", 2, expect_line },
};

void tell_line(struct world *w, const struct line *l)
{
	for (size_t i = 0; i < countof(deeds); i++) {
		if (!sv_eq(l->word[0], sv_of(deeds[i].verb)))
			continue;
		if (l->word_n < deeds[i].least)
			world_fail(w, "something is missing");
		else
			deeds[i].tell(w, l);
		return;
	}
	world_fail(w, "no such deed");
}

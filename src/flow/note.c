#include "flow/flow.h"

static void add_value(struct json_object *o, const char *key, struct value v, bool masked,
		      struct arena *a)
{
	json_put_sv(o, key, masked && v.kind != VALUE_NULL ? SV("(confidential)") : value_show(v, a));
}

/* What stands where a field is to be written, packed: revert.c puts it back.
 * Null: not known, or not for the journal. */
static struct json_object *had_json(const struct treaty_field *f, struct value had)
{
	if (f->confidential || had.kind == VALUE_UNKNOWN)
		return NULL;
	struct buf packed, hex;
	buf_init(&packed, had.text.len + 32);
	buf_init(&hex, 2 * had.text.len + 64);
	value_pack(&packed, had);
	buf_add_hex(&hex, buf_sv(&packed));
	struct json_object *o = json_from_sv(buf_sv(&hex));
	buf_finish(&hex);
	buf_finish(&packed);
	return o;
}

/* 'in': of a decision, as it was made; else NULL. */
static struct json_object *slot_json(const struct treaty_record *type, enum side side,
				     const struct slot *s, const struct settle_input *in,
				     struct arena *a)
{
	struct json_object *list = json_object_new_array();
	for (int k = 0; k < s->field_n; k++) {
		const struct treaty_field *f = &type->field[s->field[k].field];
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "field", sv_of(f->name));
		json_put_sv(o, "to", sv_of(side_name[side]));
		add_value(o, "value", s->field[k].target, f->confidential, a);
		json_put_sv(o, "cause", sv_of(cause_name(s->field[k].cause)));
		json_object_object_add(o, "rule", json_object_new_uint64(f->rule));
		if (in && !s->create) {
			int i = s->field[k].field;
			struct value had = in->seen[side] ? in->seen[side]->value[i] :
							    in->link->field[i].base[side];
			json_object_object_add(o, "had", had_json(f, had));
		}
		if (s->field[k].step_id.len)
			json_put_sv(o, "step", s->field[k].step_id);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *finding_json(const struct treaty_record *type, const struct finding *f,
					struct arena *a)
{
	static const char *const what[] = { "logged", "opened", "closed" };
	struct json_object *o = json_object_new_object();
	bool masked = f->field >= 0 && type->field[f->field].confidential;
	json_put_sv(o, "mismatch", sv_of(mismatch_kind_name(f->kind)));
	json_put_sv(o, "what", sv_of(what[f->what]));
	if (f->field >= 0) {
		json_put_sv(o, "field", sv_of(type->field[f->field].name));
		add_value(o, "ats", f->value[SIDE_ATS], masked, a);
		add_value(o, "salesforce", f->value[SIDE_SALESFORCE], masked, a);
	}
	if (f->lost.kind != VALUE_UNKNOWN) {
		json_put_sv(o, "lost_at", sv_of(side_name[f->lost_side]));
		add_value(o, "lost", f->lost, masked, a);
	}
	if (f->detail.len)
		json_put_sv(o, "detail", f->detail);
	return o;
}

static struct json_object *entry(struct engine *e)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "treaty", e->treaty->version);
	return o;
}

/* What the plan opens and ends, by its slots. */
static struct tally tally_of(const struct plan *p, const struct settle_input *in, int64_t marks,
			     struct ending end[SIDES])
{
	struct tally t = { .marks = marks, .end = end };
	for (int s = 0; s < SIDES; s++) {
		if (!p->slot_changed[s])
			continue;
		const struct slot *was = in->slot[s];
		if (was && was->decision)
			end[t.end_n++] = (struct ending){
				was->state == SLOT_LOST ? OUTCOME_RESOLVED : OUTCOME_SUPERSEDED,
				was->decision };
		if (p->slot[s].state == SLOT_DECIDED)
			t.opens |= 1u << s;
	}
	return t;
}

void note_decision(struct engine *e, struct db *db, struct plan *p,
		   const struct settle_input *in, const char *source, int64_t marks)
{
	if (!p->finding_n && !p->slot_changed[SIDE_ATS] && !p->slot_changed[SIDE_SALESFORCE])
		return;
	struct arena a;
	arena_init(&a);
	struct json_object *o = entry(e);
	static const char *const author[] = { "unknown", "own", "foreign" };
	json_put_sv(o, "source", sv_of(source));
	for (int s = 0; s < SIDES; s++) {
		if (!in->seen[s])
			continue;
		struct json_object *seen = json_object_new_object();
		json_put_i64(seen, "seq", in->seen[s]->seq);
		json_put_sv(seen, "marked_by", sv_of(author[in->author[s]]));
		json_object_object_add(o, side_name[s], seen);
	}
	for (int s = 0; s < SIDES; s++) {
		if (!p->slot_changed[s])
			continue;
		json_object_object_add(o, s == SIDE_ATS ? "write_ats" : "write_salesforce",
				       slot_json(in->type, s, &p->slot[s], in, &a));
	}
	if (p->finding_n) {
		struct json_object *list = json_object_new_array();
		for (int i = 0; i < p->finding_n; i++)
			json_object_array_add(list, finding_json(in->type, &p->finding[i], &a));
		json_object_object_add(o, "findings", list);
	}
	struct ending end[SIDES];
	struct tally t = tally_of(p, in, marks, end);
	int64_t seq = journal_add_counted(e->store, db, p->link.id, "decided", &t, o);
	for (int s = 0; s < SIDES; s++)
		if (p->slot_changed[s])
			p->slot[s].decision = t.opens & 1u << s ? decision_id(seq, s) : 0;
	arena_finish(&a);
}

void note_link(struct engine *e, struct db *db, const struct link *l, const char *how)
{
	struct json_object *o = entry(e);
	json_put_sv(o, "record", sv_of(e->treaty->record[l->record].name));
	json_put_sv(o, "ats", l->remote[SIDE_ATS]);
	json_put_sv(o, "salesforce", l->remote[SIDE_SALESFORCE]);
	json_put_sv(o, "how", sv_of(how));
	journal_add(e->store, db, l->id, "linked", o);
}

/* A system's words about a refused value often quote it. */
static bool carries_confidential(const struct treaty_record *type, const struct slot *s)
{
	for (int k = 0; k < s->field_n; k++)
		if (type->field[s->field[k].field].confidential)
			return true;
	return false;
}

void note_answer(struct engine *e, struct db *db, const struct link *l, enum side side,
		 const struct slot *slot, const struct write *w, bool ended)
{
	static const char *const kind[] = {
		[WRITE_NOT_SENT] = "not_sent", [WRITE_LOST] = "lost",
		[WRITE_DONE] = "written",      [WRITE_REJECTED] = "rejected",
		[WRITE_BUSY] = "busy",	       [WRITE_GONE] = "gone",
		[WRITE_AMBIGUOUS] = "ambiguous", [WRITE_OVERTAKEN] = "overtaken",
	};
	const struct treaty_record *type = &e->treaty->record[l->record];
	struct arena a;
	arena_init(&a);
	struct json_object *o = entry(e);
	json_put_sv(o, "system", sv_of(side_name[side]));
	json_object_object_add(o, "fields", slot_json(type, side, slot, NULL, &a));
	if (w->outcome == WRITE_DONE && slot->create)
		json_put_sv(o, w->created ? "created" : "found", w->new_id);
	if (w->err.code)
		json_put_sv(o, "error", carries_confidential(type, slot) ? SV("(confidential)") :
									   sv_of(w->err.what));
	struct ending end = { w->outcome == WRITE_DONE	   ? OUTCOME_WRITTEN :
			      w->outcome == WRITE_REJECTED ? OUTCOME_REJECTED :
							     OUTCOME_DROPPED,
			      slot->decision };
	struct tally t = { .end = &end, .end_n = 1 };
	journal_add_counted(e->store, db, l->id, kind[w->outcome],
			    ended && slot->decision ? &t : NULL, o);
	arena_finish(&a);
}

static void note_ends(struct store *s, const struct treaty *t, struct db *db,
		      int64_t link, const struct ending *end, int n, const char *why)
{
	struct json_object *o = json_object_new_object();
	struct tally tally = { .end = end, .end_n = n };
	json_put_i64(o, "treaty", t->version);
	json_put_sv(o, "why", sv_of(why));
	json_put_i64(o, "decisions", n);
	journal_add_counted(s, db, link, "ended", &tally, o);
}

void note_end(struct store *s, const struct treaty *t, struct db *db, int64_t link,
	      enum outcome outcome, int64_t decision, const char *why)
{
	struct ending end = { outcome, decision };
	if (decision)
		note_ends(s, t, db, link, &end, 1, why);
}

/* The column of 'q' is a decision. */
static void note_dropped(struct store *s, const struct treaty *t, struct db *db,
			 int64_t link, struct db_stmt *q, const char *why)
{
	enum { A_TIME = 500 };
	struct ending end[A_TIME];
	int n = 0;
	while (db_next(q)) {
		end[n++] = (struct ending){ OUTCOME_DROPPED, db_i64(q, 0) };
		if (n == A_TIME) {
			note_ends(s, t, db, link, end, n, why);
			n = 0;
		}
	}
	if (n)
		note_ends(s, t, db, link, end, n, why);
}

void drop_slots_of(struct store *s, const struct treaty *t, struct db *db, int64_t link,
		   const char *why)
{
	note_dropped(s, t, db, link,
		     db_query(db, "SELECT decision FROM slot WHERE link = $1 AND decision <> 0",
			      "i", link),
		     why);
	db_run(db, "DELETE FROM slot WHERE link = $1", "i", link);
}

void drop_slots_of_type(struct store *s, const struct treaty *t, struct db *db, int64_t type,
			const char *why)
{
	note_dropped(s, t, db, 0,
		     db_scan(db,
			     "SELECT decision FROM slot WHERE type = $1 AND state = 1"
			     " AND decision <> 0",
			     "i", type),
		     why);
	db_run(db, "DELETE FROM slot WHERE type = $1 AND state = 1", "i", type);
}

void mark_type(struct engine *e, struct db *db, int record, const char *source)
{
	const struct treaty_record *type = &e->treaty->record[record];
	struct db_stmt *q = db_scan(db, "SELECT ats, salesforce, state FROM link WHERE type = $1",
				     "i", record_key(type));
	while (db_next(q)) {
		enum side s = db_is_null(q, 0) ? SIDE_SALESFORCE : SIDE_ATS;
		int64_t state = db_i64(q, 2);
		struct mark m = {
			.side = s, .record = record, .remote = db_sv(q, (int)s),
			.due_ms = clock_now(e->clock), .priority = type->priority + PRIORITY_BACKFILL,
			.reads = state == LINK_LINKED || state == LINK_BROKEN ? 3u : 1u << s,
			.own = SV(""), .stranger = SV(""), .source = source,
		};
		mark_put(e->store, db, e->treaty, &m);
	}
}

void mark_link(struct engine *e, struct db *db, const struct link *l, unsigned reads,
	       int64_t due_ms, const char *source)
{
	enum side s = l->remote[SIDE_ATS].len ? SIDE_ATS : SIDE_SALESFORCE;
	struct mark m = { .side = s, .record = l->record, .remote = l->remote[s],
			  .due_ms = due_ms, .priority = e->treaty->record[l->record].priority,
			  .reads = reads, .own = SV(""), .stranger = SV(""), .source = source };
	mark_put(e->store, db, e->treaty, &m);
}

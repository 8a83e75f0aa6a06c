/* restore.c - what people say about entries of the conflict log beside deciding
 * a held field: put an overwritten value back; link one of several; skip. */
#include "flow/flow.h"
#include "store/mismatches.h"

struct saying {
	struct store *s;
	const struct treaty *t;
	int64_t id;
	struct sv who, other_id;
	bool go;
	struct arena *a;
	struct restoring *out;
};

static bool refuse(struct err *err, int64_t id, const char *why)
{
	err_set(err, ERR_BAD_INPUT, "entry %lld %s", (long long)id, why);
	return false;
}

static bool get_entry(struct db *db, const struct saying *y, struct mismatch *m, struct err *err)
{
	if (mismatch_get(db, y->id, y->a, m))
		return true;
	err_set(err, ERR_NOT_FOUND, "there is no entry %lld in the conflict log", (long long)y->id);
	return false;
}

static struct json_object *said(const struct saying *y, struct sv field, const char *action)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "treaty", y->t->version);
	json_put_i64(o, "mismatch", y->id);
	if (field.len)
		json_put_sv(o, "field", field);
	json_put_sv(o, "action", sv_of(action));
	json_put_sv(o, "who", y->who);
	return o;
}

/* ---------------------------------------------------------------- restore */

static bool same_object(const struct treaty_field *f, const char *pseudo)
{
	return strcmp(f->api[SIDE_ATS], pseudo) == 0 || strcmp(f->api[SIDE_SALESFORCE], pseudo) == 0;
}

/* Why a field's values cannot be put back by hand, or NULL. */
static const char *not_restorable(const struct treaty_field *f)
{
	if (same_object(f, FIELD_API_ID) || same_object(f, FIELD_API_EXISTS))
		return "is about a field that is kept by the program itself";
	if (f->deliver == DELIVER_EACH)
		return "is about a field that is delivered step by step: its owner goes back himself";
	return NULL;
}

static bool targets(const struct link_field *lf, struct restoring *r, struct arena *a)
{
	enum side s = r->entry->lost_side, o = side_other(s);
	struct value to[SIDES];
	to[s] = r->entry->lost_value;
	bool ok = field_translate(r->field, s, to[s], a, &to[o]);
	for (int k = 0; ok && k < SIDES; k++) {
		/* what is held shows newer values than the last agreement */
		r->now[k] = lf->hold && lf->held[k].kind != VALUE_UNKNOWN ? lf->held[k] : lf->base[k];
		if (!value_eq(r->now[k], to[k]))
			r->to[k] = to[k];
	}
	return ok && field_agree(r->field, to[SIDE_ATS], to[SIDE_SALESFORCE], a);
}

static bool restore(struct db *db, void *arg, struct err *err)
{
	struct saying *y = arg;
	struct restoring *r = y->out;
	struct link l;
	r->entry = arena_new(y->a, struct mismatch);
	if (!get_entry(db, y, r->entry, err))
		return false;
	const struct mismatch *m = r->entry;
	if (m->open)
		return refuse(err, y->id, "is open: 'treaty conflicts resolve' decides it");
	if (m->lost_value.kind == VALUE_UNKNOWN)
		return refuse(err, y->id, m->lost.len ?
			      "is older than kept values: only what was shown is left of it" :
			      "says of no value that it was overwritten");
	if (!m->link_id || !link_get(db, y->t, m->link_id, y->a, &l) || l.state != LINK_LINKED)
		return refuse(err, y->id, "is about records that are not linked any more");
	int i = treaty_field_by_name(&y->t->record[l.record], m->field);
	if (i < 0)
		return refuse(err, y->id, "is about no field of this treaty");
	r->field = &y->t->record[l.record].field[i];
	struct link_field *lf = &l.field[i];
	const char *why = not_restorable(r->field);
	if (why || !lf->rule)
		return refuse(err, y->id, why ? why : "is about a field that is not agreed upon yet");
	if (!targets(lf, r, y->a))
		return refuse(err, y->id, "has a value that the other system cannot show by this treaty's map");
	if (!y->go || (r->to[SIDE_ATS].kind == VALUE_UNKNOWN &&
		       r->to[SIDE_SALESFORCE].kind == VALUE_UNKNOWN))
		return true;
	lf->resolve = RESOLVE_VALUE;
	lf->resolve_value = r->to[SIDE_ATS].kind != VALUE_UNKNOWN ? r->to[SIDE_ATS] : r->now[SIDE_ATS];
	for (int s = 0; s < SIDES; s++)
		lf->resolve_seen[s] = r->now[s];
	link_put(y->s, db, y->t, &l);
	mark_by_person(y->s, y->t, db, &l);
	mismatch_restored(db, y->id, arena_printf(y->a, "restored by %.*s", SV_ARG(y->who)));
	journal_add(y->s, db, l.id, "resolved", said(y, m->field, "restore"));
	return true;
}

bool engine_restore(struct store *s, const struct treaty *t, int64_t mismatch_id, bool go,
		    struct sv who, struct arena *a, struct restoring *out, struct err *err)
{
	struct saying y = { .s = s, .t = t, .id = mismatch_id, .who = who, .go = go, .a = a,
			    .out = out };
	*out = (struct restoring){ 0 };
	return store_tx(s, restore, &y, err);
}

/* ---------------------------------------------------------- link to, skip */

/* The open entry 'ambiguous' and which side's record it is about. */
static bool get_ambiguous(struct db *db, const struct saying *y, struct mismatch *m, int *record,
			  enum side *known, struct err *err)
{
	if (!get_entry(db, y, m, err))
		return false;
	*record = treaty_record_by_name(y->t, m->record);
	*known = m->remote[SIDE_ATS].len ? SIDE_ATS : SIDE_SALESFORCE;
	if (!m->open)
		return refuse(err, y->id, "is closed");
	if (m->kind != MISMATCH_AMBIGUOUS || *record < 0 || !m->remote[*known].len)
		return refuse(err, y->id, "is not about a record that several others fit");
	return true;
}

/* Half a link of one of the two, which the whole one takes the place of. False
 * when it is whole already, or just being made whole. */
static bool clear_half(struct db *db, struct saying *y, int record, enum side side, struct sv remote,
		       struct err *err)
{
	struct link l;
	if (!link_find(db, y->t, record, side, remote, y->a, &l))
		return true;
	enum side o = side_other(side);
	bool in_flight = slot_get(db, y->t, &l, o, y->a).state >= SLOT_SENT;
	if (l.remote[o].len || in_flight) {
		err_set(err, ERR_CONFLICT, "%s %.*s %s%.*s", side_name[side], SV_ARG(remote),
			l.remote[o].len ? "is linked already, to " :
					  "is being created in the other system just now; try again later",
			SV_ARG(l.remote[o]));
		return false;
	}
	drop_slots_of(y->s, y->t, db, l.id, "linked to another record");
	link_delete(db, l.id, clock_now(store_clock(y->s)));
	return true;
}

static bool link_to(struct db *db, void *arg, struct err *err)
{
	struct saying *y = arg;
	struct mismatch m;
	enum side known;
	int record;
	if (!get_ambiguous(db, y, &m, &record, &known, err))
		return false;
	struct link l = link_blank(y->t, record, y->a);
	l.remote[known] = m.remote[known];
	l.remote[side_other(known)] = y->other_id;
	for (int s = 0; s < SIDES; s++)
		if (!clear_half(db, y, record, (enum side)s, l.remote[s], err))
			return false;
	l.state = LINK_LINKED;
	l.existence[SIDE_ATS] = l.existence[SIDE_SALESFORCE] = EXISTENCE_PRESENT;
	mismatch_close(db, y->id, arena_printf(y->a, "linked by %.*s", SV_ARG(y->who)),
		       clock_now(store_clock(y->s)));
	link_put(y->s, db, y->t, &l);
	mark_by_person(y->s, y->t, db, &l);
	struct json_object *o = said(y, SV_NONE, "link to");
	json_put_sv(o, "record", m.record);
	for (int s = 0; s < SIDES; s++)
		json_put_sv(o, side_name[s], l.remote[s]);
	json_put_sv(o, "how", arena_printf(y->a, "by %.*s", SV_ARG(y->who)));
	journal_add(y->s, db, l.id, "linked", o);
	return true;
}

bool engine_link_to(struct store *s, const struct treaty *t, int64_t mismatch_id, struct sv id,
		    struct sv who, struct err *err)
{
	struct arena a;
	arena_init(&a);
	struct saying y = { .s = s, .t = t, .id = mismatch_id, .who = who, .other_id = id, .a = &a };
	bool ok = store_tx(s, link_to, &y, err);
	arena_finish(&a);
	return ok;
}

static bool skip(struct db *db, void *arg, struct err *err)
{
	struct saying *y = arg;
	struct mismatch m;
	enum side known;
	int record;
	if (!get_entry(db, y, &m, err))
		return false;
	if ((!m.open || m.kind != MISMATCH_DAMAGED) &&
	    !get_ambiguous(db, y, &m, &record, &known, err))
		return false;
	mismatch_close(db, y->id, arena_printf(y->a, "skipped by %.*s", SV_ARG(y->who)),
		       clock_now(store_clock(y->s)));
	journal_add(y->s, db, 0, "resolved", said(y, SV_NONE, "skip"));
	return true;
}

bool engine_skip(struct store *s, const struct treaty *t, int64_t mismatch_id, struct sv who,
		 struct err *err)
{
	struct arena a;
	arena_init(&a);
	struct saying y = { .s = s, .t = t, .id = mismatch_id, .who = who, .a = &a };
	bool ok = store_tx(s, skip, &y, err);
	arena_finish(&a);
	return ok;
}

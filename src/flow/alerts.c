/* alerts.c - people are told of what is open, in time, and that it is over.
 *
 * One transaction finds what is due and puts messages into the outbox; sending
 * is apart from it. What was told is told once: the note of it is made in that
 * transaction. Many entries of a kind at once, or within a few minutes, become
 * one message. */
#include "base/log.h"
#include "base/panic.h"
#include "flow/alert_text.h"
#include "flow/flow.h"
#include "store/links.h"
#include "treaty/alerts.h"

enum {
	EVERY_MS = 1000,
	OVER_EVERY_MS = 5000,
	FLOOD_MS = 10 * 60 * 1000, /* so many messages of a kind to a role... */
	FLOOD_MAX = 5,		   /* ...within that time, then a summary */
	ENTRIES_A_MS = 2,	   /* looked at, on the average of a long time */
	RETRY_FIRST_MS = 30 * 1000,
	RETRY_MAX_MS = 30 * 60 * 1000,
};

/* ----------------------------------------------------------------- audience */

static const struct audience *audience_of(const struct engine *e, struct sv role)
{
	for (int i = 0; i < e->o.audience_n; i++)
		if (sv_eq(role, sv_of(e->o.audience[i].role)) && e->o.audience[i].channel_n)
			return &e->o.audience[i];
	return NULL;
}

static struct channel *channel_of(const struct engine *e, struct sv role, struct sv name)
{
	const struct audience *to = audience_of(e, role);
	for (int i = 0; to && i < to->channel_n; i++)
		if (sv_eq(name, sv_of(to->channel[i]->name)))
			return to->channel[i];
	return NULL;
}

static struct sv way_of(struct sv name)
{
	struct sv way, address;
	sv_cut(name, ' ', &way, &address);
	return way;
}

/* What is away is so for all of its addresses, and for messages yet to be made:
 * each try of a server that says nothing keeps those of other channels. */
static void hold_back(struct engine *e, struct sv name, int64_t until_ms)
{
	for (int i = 0; i < e->o.audience_n; i++)
		for (int k = 0; k < e->o.audience[i].channel_n; k++) {
			struct channel *c = e->o.audience[i].channel[k];
			if (sv_eq(way_of(sv_of(c->name)), way_of(name)))
				c->until_ms = until_ms;
		}
}

/* Who is reached by nothing keeps what was given to him: it must not be lost. */
static bool serves(void *arg, struct sv role, struct sv channel)
{
	return !audience_of(arg, role) || channel_of(arg, role, channel);
}

static void give(void *arg, struct db *db, int64_t alert, struct sv role)
{
	struct engine *e = arg;
	const struct audience *to = audience_of(e, role);
	int64_t now = clock_now(e->clock);
	for (int i = 0; to && i < to->channel_n; i++) {
		const struct channel *c = to->channel[i];
		alert_by(db, alert, sv_of(c->name), c->until_ms > now ? c->until_ms : now);
	}
}

void alerts_recover(struct engine *e, struct db *db)
{
	for (int i = 0; i < e->o.audience_n; i++)
		for (int k = 0; k < e->o.audience[i].channel_n; k++)
			e->o.audience[i].channel[k]->until_ms = 0;
	if (e->o.audience_n)
		deliveries_readdress(db, serves, give, e);
}

/* ---------------------------------------------------------------- what is due */

struct telling {
	int64_t id; /* of the entry */
	enum mismatch_kind kind;
	int role;
	enum alert_step step;
	struct open_entry entry;
};

struct deciding {
	struct engine *e;
	struct arena arena;
	int64_t now_ms;
	struct telling *list; /* owned */
	int n, cap;
	int64_t made;
};

static void due_later(struct deciding *d, int64_t at_ms)
{
	if (at_ms < d->e->alerts.next_ms)
		d->e->alerts.next_ms = at_ms;
}

static void add(struct deciding *d, struct telling t)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 64;
		d->list = must_realloc(d->list, sizeof(*d->list) * (size_t)d->cap);
	}
	d->list[d->n++] = t;
}

static void look_at(struct deciding *d, struct db *db, const struct open_entry *entry)
{
	const struct treaty *t = d->e->treaty;
	struct alert_due *due;
	int n = alert_dues(t, sv_of(mismatch_kind_name(entry->kind)), entry->record, entry->field,
			   alert_since(db, entry), &d->arena, &due);
	for (int i = 0; i < n; i++) {
		struct sv role = sv_of(t->role[due[i].role].name);
		if (!audience_of(d->e, role))
			continue;
		if (due[i].at_ms > d->now_ms)
			due_later(d, due[i].at_ms);
		else if (!alert_told(db, entry->id, role, (enum alert_step)due[i].step))
			add(d, (struct telling){ entry->id, entry->kind, due[i].role,
						 (enum alert_step)due[i].step, *entry });
	}
}

/* Together what may become one message. */
static int by_group(const void *x, const void *y)
{
	const struct telling *a = x, *b = y;
	if (a->role != b->role)
		return a->role < b->role ? -1 : 1;
	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static void name_references(struct db *db, struct mismatch *m, struct arena *a)
{
	for (int s = 0; s < SIDES; s++) {
		int64_t link;
		if (m->value[s].kind == VALUE_LINK && sv_to_i64(m->value[s].text, &link))
			m->value[s] = (struct value){ VALUE_REF, link_remote(db, link, (enum side)s, a) };
	}
}

/* The step after this one, for what the message says of time. */
static void next_step(struct deciding *d, struct db *db, const struct telling *t,
		      struct alert_facts *f)
{
	struct alert_due *due;
	f->then_role = -1;
	if (t->step != ALERT_FIRST)
		return;
	int n = alert_dues(d->e->treaty, sv_of(mismatch_kind_name(t->kind)), t->entry.record,
			   t->entry.field, alert_since(db, &t->entry), &d->arena, &due);
	for (int i = 0; i < n; i++)
		if (due[i].step == ALERT_THEN && due[i].at_ms > d->now_ms) {
			f->then_role = due[i].role;
			f->then_ms = due[i].at_ms;
		}
}

/* One message about n entries. */
static void tell(struct deciding *d, struct db *db, const struct telling *t, int n)
{
	struct engine *e = d->e;
	struct sv role = sv_of(e->treaty->role[t->role].name);
	struct alert m = { .made_ms = d->now_ms, .role = role, .step = t->step, .n = n,
			   .kind = sv_of(mismatch_kind_name(t->kind)) };
	struct mismatch entry[ALERT_NAMED];
	struct alert_facts f = { .treaty = e->treaty, .made_ms = d->now_ms, .step = t->step,
				 .kind = t->kind, .role = t->role, .count = n, .entry = entry,
				 .then_role = -1 };
	struct buf content;
	for (int i = 0; i < n && i < ALERT_NAMED; i++) {
		if (!mismatch_get(db, t[i].id, &d->arena, &entry[i]))
			return; /* the sticky error of the store ends this */
		name_references(db, &entry[i], &d->arena);
		f.entry_n++;
	}
	next_step(d, db, t, &f);
	f.id = alert_put(db, &m);
	struct json_object *o = alert_json(&f, &d->arena);
	buf_init(&content, 1 << 20);
	buf_add_json(&content, o);
	json_object_put(o);
	alert_say(db, f.id, buf_sv(&content));
	buf_finish(&content);
	for (int i = 0; i < n; i++)
		alert_tells(db, f.id, t[i].id, role, t->step);
	give(e, db, f.id, role);
	d->made++;
}

/* A group of entries of one kind, for one role: each by itself, or as one. */
static void tell_group(struct deciding *d, struct db *db, const struct telling *t, int n)
{
	struct recent_alerts recent = { 0 };
	if (t->step != ALERT_OVER)
		recent = alerts_since(db, sv_of(d->e->treaty->role[t->role].name),
				      sv_of(mismatch_kind_name(t->kind)), d->now_ms - FLOOD_MS);
	if (recent.n + n <= FLOOD_MAX) {
		for (int i = 0; i < n; i++)
			tell(d, db, &t[i], 1);
	} else if (recent.summary_ms) {
		due_later(d, recent.summary_ms + FLOOD_MS); /* not one summary after the other */
	} else if (recent.n >= FLOOD_MAX) {
		due_later(d, recent.oldest_ms + FLOOD_MS); /* what comes meanwhile goes with it */
	} else {
		tell(d, db, t, n);
	}
}

static void tell_all(struct deciding *d, struct db *db)
{
	if (d->n)
		qsort(d->list, (size_t)d->n, sizeof(*d->list), by_group);
	for (int i = 0, n; i < d->n; i += n) {
		const struct telling *t = &d->list[i];
		for (n = 1; i + n < d->n && t[n].role == t->role && t[n].step == t->step &&
			    t[n].kind == t->kind;)
			n++;
		tell_group(d, db, t, n);
	}
	d->n = 0;
}

static void find_open(struct deciding *d, struct db *db)
{
	struct alerts_memory *m = &d->e->alerts;
	struct open_entry *entry;
	/* every open one, or those only that are new */
	bool whole = d->now_ms >= m->next_ms && d->now_ms >= m->rest_ms;
	int n = alert_entries(db, whole ? 0 : m->seen_id, &d->arena, &entry);
	if (whole) {
		/* a hundred thousand that fall due one by one must not keep the
		 * store busy with nothing else */
		m->rest_ms = d->now_ms + n / ENTRIES_A_MS;
		m->next_ms = INT64_MAX;
	}
	for (int i = 0; i < n; i++)
		look_at(d, db, &entry[i]);
	if (n && entry[n - 1].id > m->seen_id)
		m->seen_id = entry[n - 1].id;
	tell_all(d, db);
}

/* Those who were told hear that it is over, but not of a pause in an outage. */
static void find_closed(struct deciding *d, struct db *db)
{
	struct alerts_memory *m = &d->e->alerts;
	struct closed_entry *c;
	if (d->now_ms < m->over_ms)
		return;
	m->over_ms = d->now_ms + (d->e->o.alerts_eager ? 0 : OVER_EVERY_MS);
	int n = alert_closed(db, &d->arena, &c);
	for (int i = 0; i < n; i++) {
		int role = treaty_role_by_name(d->e->treaty, c[i].role);
		if (c[i].next && c[i].next != c[i].id)
			alert_moves(db, c[i].id, c[i].next);
		else if (c[i].system && d->now_ms - c[i].closed_ms < ALERT_CALM_MS)
			continue;
		else if (role < 0 || !audience_of(d->e, c[i].role))
			alert_tells(db, -1, c[i].id, c[i].role, ALERT_OVER);
		else
			add(d, (struct telling){ .id = c[i].id, .kind = c[i].kind, .role = role,
						 .step = ALERT_OVER });
	}
	tell_all(d, db);
}

static bool decide(struct db *db, void *arg, struct err *err)
{
	struct deciding *d = arg;
	/* ends first: what goes on as another entry was told already */
	find_closed(d, db);
	find_open(d, db);
	return true;
}

/* What is in memory is rebuilt from the store. */
static void forget(struct engine *e)
{
	e->alerts = (struct alerts_memory){ 0 };
}

static enum step_result decide_due(struct engine *e, struct err *err)
{
	struct deciding d = { .e = e, .now_ms = clock_now(e->clock) };
	if (!e->o.alerts_eager && d.now_ms - e->alerts.looked_ms < EVERY_MS)
		return STEP_IDLE;
	e->alerts.looked_ms = d.now_ms;
	arena_init(&d.arena);
	bool ok = store_tx(e->store, decide, &d, err);
	if (!ok)
		forget(e);
	arena_finish(&d.arena);
	free(d.list);
	return !ok ? STEP_FAILED : d.made ? STEP_WORKED : STEP_IDLE;
}

/* ------------------------------------------------------------------- sending */

struct sending {
	struct engine *e;
	struct arena arena;
	struct delivery next;
	bool any;
	bool sent;
	struct err why;
};

static bool pick(struct db *db, void *arg, struct err *err)
{
	struct sending *s = arg;
	s->any = delivery_next(db, clock_now(s->e->clock), &s->arena, &s->next);
	return true;
}

static int64_t wait_ms(int64_t attempts)
{
	int64_t ms = RETRY_FIRST_MS;
	for (int64_t i = 0; i < attempts && ms < RETRY_MAX_MS; i++)
		ms *= 2;
	return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

static bool record(struct db *db, void *arg, struct err *err)
{
	struct sending *s = arg;
	int64_t now = clock_now(s->e->clock), id = s->next.alert.id;
	int64_t again = now + wait_ms(s->next.attempts);
	bool away = !s->sent && s->why.scope != SCOPE_RECORD;
	if (s->sent)
		delivery_sent(db, id, s->next.channel, now);
	else
		delivery_failed(db, id, s->next.channel, sv_of(s->why.what), again, away);
	if (s->sent || away)
		hold_back(s->e, s->next.channel, away ? again : 0);
	return true;
}

static void send_it(struct sending *s)
{
	const struct alert *a = &s->next.alert;
	struct channel *c = channel_of(s->e, a->role, s->next.channel);
	struct json_object *o = json_parse(a->content, "a message in the store", &s->why);
	if (!c) {
		err_set(&s->why, ERR_NOT_FOUND, "no channel '%.*s' reaches %.*s any more",
			SV_ARG(s->next.channel), SV_ARG(a->role));
		s->why.scope = SCOPE_RECORD;
	} else if (o) {
		struct message m = { .id = a->id, .made_ms = a->made_ms, .role = a->role,
				     .subject = json_sv(o, "subject"), .text = json_sv(o, "text"),
				     .content = a->content };
		s->sent = c->send(c, &m, &s->why);
	}
	json_object_put(o);
}

static enum step_result send_next(struct engine *e, struct err *err)
{
	struct sending s = { .e = e };
	arena_init(&s.arena);
	bool ok = store_tx(e->store, pick, &s, err);
	if (ok && s.any) {
		send_it(&s);
		/* a death before this repeats the message, and loses none; one
		 * that was cut short by a stop is no failure of the channel */
		if (s.why.code == ERR_STOPPED)
			ok = false, *err = s.why;
		else
			ok = store_tx(e->store, record, &s, err);
		if (ok && !s.sent)
			log_warn("alerts", "%.*s: %s; it is tried again", SV_ARG(s.next.channel),
				 s.why.what);
	}
	arena_finish(&s.arena);
	return !ok ? STEP_FAILED : s.any ? STEP_WORKED : STEP_IDLE;
}

enum step_result engine_alerts(struct engine *e, struct err *err)
{
	if (!e->o.audience_n || e->o.shadow)
		return STEP_IDLE;
	enum step_result decided = decide_due(e, err);
	if (decided == STEP_FAILED)
		return decided;
	if (!e->o.alerts_eager && decided == STEP_IDLE &&
	    clock_now(e->clock) - e->alerts.sent_ms < EVERY_MS)
		return STEP_IDLE;
	enum step_result sent = send_next(e, err);
	/* at once again while there is more */
	e->alerts.sent_ms = sent == STEP_WORKED ? 0 : clock_now(e->clock);
	return sent == STEP_IDLE ? decided : sent;
}

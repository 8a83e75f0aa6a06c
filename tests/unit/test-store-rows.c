/* test-store-rows.c - what the store keeps: marks, links, slots, steps, the
 * conflict log, the journal, pauses. Rows come back as they were put, orders
 * hold, and the hot statements use the index that was made for them. */
#include "base/rng.h"
#include "scratch.h"
#include "store/alerts.h"
#include "store/journal.h"
#include "store/ledger.h"
#include "store/mismatches.h"
#include "store/pauses.h"
#include "store/slots.h"
#include "store/steps.h"
#include "store/survey.h"
#include "treaty/load.h"

/* Two versions of one treaty; the newer drops a field, moves one, adds one. */
#define HEAD(version)                                                                 \
	"treaty: 1\nname: rows\nversion: " version "\n"                               \
	"systems: {ats: bullhorn, salesforce: salesforce}\n"                          \
	"roles:\n  lead: {title: Lead}\n"                                             \
	"domains:\n  people: {owner: ats, signed_by: [lead]}\n"                       \
	"records:\n"                                                                  \
	"  candidate:\n    domain: people\n    ats: Candidate\n"                      \
	"    salesforce: {object: Contact, key: Bullhorn_Id__c}\n    fields:\n"
#define FIELD(name) "      " name ": {ats: " name ", salesforce: " name "__c}\n"
#define PLACEMENT                                                                     \
	"  placement:\n    domain: people\n    ats: Placement\n"                      \
	"    salesforce: {object: Placement__c, key: Bullhorn_Id__c}\n    fields:\n"  \
	"      status: {ats: status, salesforce: Status__c, deliver: each}\n"

enum { CANDIDATE, PLACED };

struct world {
	struct scratch *scratch;
	struct treaty *old, *t;
	struct arena *a;
	int64_t now_ms;
};

static struct treaty *load(const char *text)
{
	struct complaints c;
	complaints_init(&c, "rows");
	struct treaty *t = treaty_load_text(sv_of(text), "rows", &c);
	if (!t)
		fail_msg("%.*s", SV_ARG(c.list[0].text));
	complaints_finish(&c);
	return t;
}

static int set_up(void **state)
{
	struct world *w = must_zalloc(sizeof(*w));
	w->scratch = scratch_create();
	scratch_open(w->scratch);
	w->a = &w->scratch->arena;
	w->now_ms = w->scratch->clock.ms;
	w->old = load(HEAD("1") FIELD("first") FIELD("last") FIELD("city") PLACEMENT);
	w->t = load(HEAD("2") FIELD("last") FIELD("mail") FIELD("first") PLACEMENT);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	treaty_destroy(w->old);
	treaty_destroy(w->t);
	scratch_destroy(w->scratch);
	free(w);
	return 0;
}

static struct value text(const char *s)
{
	return (struct value){ VALUE_TEXT, sv_of(s) };
}

/* -------------------------------------------------------------------- marks */

static struct mark mark_of(const struct world *w, const char *id)
{
	return (struct mark){ .side = SIDE_ATS, .record = CANDIDATE, .remote = sv_of(id),
			      .due_ms = w->now_ms, .priority = 5, .reads = 1,
			      .own = SV(""), .stranger = SV(""), .source = "feed" };
}

static struct mark put(struct world *w, struct db *db, struct mark m)
{
	mark_put(w->scratch->store, db, w->t, &m);
	return m;
}

static struct mark only_due(struct world *w, struct db *db)
{
	struct mark *m;
	assert_int_equal(marks_due(db, w->t, w->now_ms, 10, w->a, &m), 1);
	return m[0];
}

static bool marks_fold(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct mark first = mark_of(w, "7"), second = mark_of(w, "7");
	first.due_ms = w->now_ms - 10;
	first.priority = 9;
	first.changed_ms = 50;
	first.author = AUTHOR_OWN;
	second.due_ms = w->now_ms + 10;
	second.reads = 2;
	second.author = AUTHOR_FOREIGN;
	second.changed_ms = 40;
	second.source = "sweep";
	int64_t before = put(w, db, first).seq;
	second = put(w, db, second);
	assert_true(second.seq > before);
	struct mark m = only_due(w, db);
	assert_int_equal(m.seq, second.seq);
	assert_int_equal(m.due_ms, w->now_ms - 10);
	assert_int_equal(m.priority, 5);
	assert_int_equal(m.reads, 3);
	assert_int_equal(m.author, AUTHOR_FOREIGN);
	assert_int_equal(m.changed_ms, 50);
	assert_string_equal(m.source, "sweep");
	/* our own after a stranger's does not hide him */
	put(w, db, first);
	assert_int_equal(only_due(w, db).author, AUTHOR_FOREIGN);
	return true;
}

/* NULL says 'not told', an empty list 'told: none'. */
static bool marks_fold_field_lists(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct {
		struct sv first, second;
		const char *both; /* NULL: not told */
	} kase[] = {
		{ SV(""), SV(""), "" },		    { SV("aaaa"), SV(""), "aaaa" },
		{ SV(""), SV("bbbb"), "bbbb" },	    { SV("aaaa"), SV("bbbb"), "aaaabbbb" },
		{ SV_NONE, SV(""), NULL },	    { SV(""), SV_NONE, NULL },
		{ SV_NONE, SV_NONE, NULL },	    { SV_NONE, SV("bbbb"), NULL },
		{ SV("aaaa"), SV_NONE, NULL },
	};
	for (size_t i = 0; i < countof(kase); i++)
		for (int own = 0; own < 2; own++) {
			struct mark m = mark_of(w, "7");
			*(own ? &m.own : &m.stranger) = kase[i].first;
			put(w, db, m);
			*(own ? &m.own : &m.stranger) = kase[i].second;
			put(w, db, m);
			m = only_due(w, db);
			struct sv list = own ? m.own : m.stranger;
			if ((kase[i].both == NULL) != (list.ptr == NULL))
				fail_msg("case %zu: %stold", i, list.ptr ? "" : "not ");
			if (kase[i].both)
				assert_sv(list, kase[i].both);
			assert_non_null((own ? m.stranger : m.own).ptr);
			mark_settled(db, w->t, &m);
		}
	/* without an end: from some length on, not told */
	struct mark m = mark_of(w, "7");
	m.stranger = SV("0123456789abcdef0123456789abcdef");
	for (int i = 0; i < 1000; i++)
		put(w, db, m);
	assert_null(only_due(w, db).stranger.ptr);
	return true;
}

static bool marks_are_consumed_up_to_the_one_noted(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	put(w, db, mark_of(w, "7"));
	struct mark noted = only_due(w, db);
	put(w, db, mark_of(w, "7"));
	mark_settled(db, w->t, &noted);
	noted = only_due(w, db);
	/* later: only the one noted is put off, the reads are for any */
	put(w, db, mark_of(w, "7"));
	mark_later(db, w->t, &noted, w->now_ms + 1000, 2);
	struct mark newer = only_due(w, db);
	assert_int_equal(newer.reads, 3);
	mark_later(db, w->t, &newer, w->now_ms + 1000, 0);
	struct mark *m;
	assert_int_equal(marks_due(db, w->t, w->now_ms, 10, w->a, &m), 0);
	assert_int_equal(marks_next_ms(db), w->now_ms + 1000);
	assert_int_equal(marks_due(db, w->t, w->now_ms + 1000, 10, w->a, &m), 1);
	mark_settled(db, w->t, &newer);
	assert_true(marks_next_ms(db) == INT64_MAX);
	struct ledger l;
	ledger_read(db, &l);
	assert_int_equal(l.accepted, 3);
	assert_int_equal(l.folded, 2);
	assert_int_equal(l.settled, 1);
	assert_true(ledger_balanced(&l));
	return true;
}

static bool marks_wait_for_a_slot(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct mark ats = put(w, db, mark_of(w, "7")), sf = mark_of(w, "003"), *m;
	sf.side = SIDE_SALESFORCE;
	sf = put(w, db, sf);
	put(w, db, mark_of(w, "8"));
	mark_wait(db, w->t, &ats);
	mark_wait(db, w->t, &sf);
	assert_sv(only_due(w, db).remote, "8");
	/* a newer mark of a record that waits is no reason not to wait */
	put(w, db, mark_of(w, "7"));
	assert_sv(only_due(w, db).remote, "8");
	struct link l = link_blank(w->t, CANDIDATE, w->a);
	l.remote[SIDE_ATS] = SV("7");
	l.remote[SIDE_SALESFORCE] = SV("003");
	marks_release(db, w->t, &l);
	assert_int_equal(marks_due(db, w->t, w->now_ms, 10, w->a, &m), 3);
	return true;
}

static bool marks_come_by_priority_and_type(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	static const char *const id[] = { "a", "b", "c", "d" };
	struct mark *m;
	for (int i = 0; i < 4; i++) {
		struct mark one = mark_of(w, id[i]);
		one.priority = i == 2 ? 1 : 5;
		put(w, db, one);
	}
	struct mark other = mark_of(w, "p");
	other.record = PLACED;
	other.priority = 3;
	put(w, db, other);
	assert_int_equal(marks_due(db, w->t, w->now_ms, 10, w->a, &m), 4);
	assert_sv(m[0].remote, "c");
	assert_sv(m[1].remote, "a");
	assert_sv(m[2].remote, "b");
	for (int i = 0; i < 4; i++)
		assert_int_equal(m[i].record, CANDIDATE);
	assert_int_equal(marks_due(db, w->t, w->now_ms, 1, w->a, &m), 1);
	mark_settled(db, w->t, &m[0]);
	assert_int_equal(marks_due(db, w->t, w->now_ms, 10, w->a, &m), 1);
	assert_int_equal(m[0].record, PLACED);
	return true;
}

static bool marks_of_unknown_types_are_set_aside(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct mark one = mark_of(w, "p");
	struct ledger l;
	for (int i = 0; i < 3; i++) {
		one.remote = arena_printf(w->a, "p%d", i);
		one.record = i < 2 ? PLACED : CANDIDATE;
		put(w, db, one);
	}
	/* the treaty of a version that does not have the type yet */
	db_run(db, "UPDATE mark SET type = 42, priority = 0 WHERE type = $1", "i",
	       record_key(&w->t->record[PLACED]));
	assert_sv(only_due(w, db).remote, "p2");
	assert_int_equal(db_scalar(db, 0, "SELECT count(*) FROM set_aside", ""), 2);
	ledger_read(db, &l);
	assert_int_equal(l.set_aside, 2);
	assert_int_equal(l.pending, 1);
	assert_true(ledger_balanced(&l));
	return true;
}

/* Whatever is done to marks in whatever order, none is lost or counted twice. */
static bool ledger_stays_balanced(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct rng r = { 20261123 };
	struct mark seen[4];
	int seen_n = 0;
	for (int i = 0; i < 3000; i++) {
		struct mark m = mark_of(w, ""), *due;
		m.side = rng_below(&r, 2) ? SIDE_ATS : SIDE_SALESFORCE;
		m.record = rng_below(&r, 4) ? CANDIDATE : PLACED;
		m.remote = arena_printf(w->a, "%d", (int)rng_below(&r, 6));
		m.due_ms = w->now_ms + (int64_t)rng_below(&r, 20);
		m.priority = (int)rng_below(&r, 3);
		struct mark *old = seen_n ? &seen[rng_below(&r, (uint64_t)seen_n)] : NULL;
		switch (rng_below(&r, 8)) {
		case 0:
		case 1:
		case 2:
			put(w, db, m);
			break;
		case 3:
			w->now_ms += 3;
			int n = marks_due(db, w->t, w->now_ms, 4, w->a, &due);
			for (seen_n = 0; seen_n < n; seen_n++)
				seen[seen_n] = due[seen_n];
			break;
		case 4:
		case 5:
			if (old)
				mark_settled(db, w->t, old);
			break;
		case 6:
			if (old && rng_below(&r, 2))
				mark_wait(db, w->t, old);
			else if (old)
				mark_later(db, w->t, old, w->now_ms + 5, 3);
			break;
		case 7:
			if (rng_below(&r, 20) == 0)
				db_run(db, "UPDATE mark SET type = seq WHERE type = $1 AND seq % 2 = 0",
				       "i", record_key(&w->t->record[PLACED]));
			else
				db_run(db, "UPDATE mark SET wait = 0 WHERE wait = 1", "");
			break;
		}
		struct ledger l;
		ledger_read(db, &l);
		if (!ledger_balanced(&l))
			fail_msg("after %d: %lld accepted, %lld settled, %lld folded, %lld pending,"
				 " %lld set aside", i, (long long)l.accepted, (long long)l.settled,
				 (long long)l.folded, (long long)l.pending, (long long)l.set_aside);
	}
	return true;
}

/* ------------------------------------------------------------ links and slots */

static struct value random_value(struct rng *r, struct arena *a)
{
	enum value_kind kind = (enum value_kind)rng_below(r, VALUE_LINK + 1);
	if (kind <= VALUE_NULL)
		return (struct value){ kind, SV_NONE };
	/* mostly short, sometimes as long as a Salesforce long text may be */
	size_t len = rng_below(r, 40) ? rng_below(r, 200) : 131072 + rng_below(r, 2);
	char *p = arena_alloc(a, len + 1);
	for (size_t i = 0; i < len; i++)
		p[i] = (char)rng_next(r);
	if (kind == VALUE_SET)
		p[len++] = '\n';
	return (struct value){ kind, sv_make(p, len) };
}

static void random_pair(struct rng *r, struct arena *a, struct value v[SIDES])
{
	v[SIDE_ATS] = random_value(r, a);
	v[SIDE_SALESFORCE] = random_value(r, a);
}

static void random_field(struct rng *r, struct arena *a, struct link_field *f)
{
	*f = (struct link_field){ 0 };
	if (rng_below(r, 2)) {
		f->rule = rng_next(r) | 1;
		random_pair(r, a, f->base);
	}
	if (rng_below(r, 2)) {
		f->hold = (enum hold)(1 + rng_below(r, HOLDS - 1));
		random_pair(r, a, f->held);
	}
	if (rng_below(r, 2)) {
		f->restores = 1 + (unsigned)rng_below(r, 9);
		f->restored_ms = (int64_t)rng_next(r);
	}
	if (rng_below(r, 2)) {
		f->altered_side = (enum side)rng_below(r, SIDES);
		f->altered_ms = (int64_t)rng_next(r) | 1;
		f->altered = random_value(r, a);
	}
	if (rng_below(r, 2)) {
		f->wrote_side = (enum side)rng_below(r, SIDES);
		f->fenced_ms = (int64_t)rng_next(r);
		f->wrote_ms = (int64_t)rng_next(r) | 1;
	}
	if (rng_below(r, 2)) {
		f->turns = (unsigned)rng_below(r, 9);
		f->turned_ms = (int64_t)rng_next(r) | 1;
		f->before = random_value(r, a);
	}
	f->half = rng_below(r, 2);
	if (f->half)
		f->half_side = (enum side)rng_below(r, SIDES);
	if (rng_below(r, 2)) {
		f->resolve = (enum resolve_action)(1 + rng_below(r, RESOLVE_IGNORE));
		f->resolve_value = random_value(r, a);
		random_pair(r, a, f->resolve_seen);
	}
}

static struct link random_link(struct rng *r, const struct treaty *t, struct arena *a)
{
	struct link l = link_blank(t, CANDIDATE, a);
	l.state = (enum link_state)rng_below(r, LINK_BROKEN + 1);
	l.marks_wait = rng_below(r, 2);
	for (int s = 0; s < SIDES; s++) {
		if (rng_below(r, 4))
			l.remote[s] = arena_printf(a, "%016llx", (unsigned long long)rng_next(r));
		l.existence[s] = (enum existence)rng_below(r, EXISTENCE_MERGED + 1);
		l.fresh_seq[s] = (int64_t)(rng_next(r) >> 1);
	}
	for (int i = 0; i < t->record[CANDIDATE].field_n; i++)
		random_field(r, a, &l.field[i]);
	l.ghost = arena_array(a, struct ghost, 4);
	l.ghost_n = (int)rng_below(r, 5);
	for (int k = 0; k < l.ghost_n; k++)
		l.ghost[k] = (struct ghost){
			.side = (enum side)rng_below(r, SIDES),
			.field = (int)rng_below(r, (uint64_t)t->record[CANDIDATE].field_n),
			.until_ms = (int64_t)rng_next(r), .value = random_value(r, a) };
	return l;
}

static void assert_values(const struct value a[SIDES], const struct value b[SIDES])
{
	assert_true(value_eq(a[0], b[0]) && value_eq(a[1], b[1]));
}

static void assert_field(const struct link_field *a, const struct link_field *b)
{
	assert_true(a->rule == b->rule);
	assert_values(a->base, b->base);
	assert_int_equal(a->hold, b->hold);
	assert_values(a->held, b->held);
	assert_int_equal(a->restores, b->restores);
	assert_true(a->restored_ms == b->restored_ms);
	assert_int_equal(a->altered_side, b->altered_side);
	assert_true(a->altered_ms == b->altered_ms);
	assert_true(value_eq(a->altered, b->altered));
	assert_int_equal(a->wrote_side, b->wrote_side);
	assert_true(a->fenced_ms == b->fenced_ms && a->wrote_ms == b->wrote_ms);
	assert_int_equal(a->turns, b->turns);
	assert_true(a->turned_ms == b->turned_ms);
	assert_true(value_eq(a->before, b->before));
	assert_int_equal(a->half, b->half);
	assert_int_equal(a->half_side, b->half_side);
	assert_int_equal(a->resolve, b->resolve);
	assert_true(value_eq(a->resolve_value, b->resolve_value));
	assert_values(a->resolve_seen, b->resolve_seen);
}

static void assert_link(const struct treaty *t, const struct link *a, const struct link *b)
{
	assert_true(a->id == b->id && a->id > 0);
	assert_int_equal(a->record, b->record);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->marks_wait, b->marks_wait);
	for (int s = 0; s < SIDES; s++) {
		assert_true(sv_eq(a->remote[s], b->remote[s]));
		assert_int_equal(a->existence[s], b->existence[s]);
		assert_true(a->fresh_seq[s] == b->fresh_seq[s]);
	}
	for (int i = 0; i < t->record[a->record].field_n; i++)
		assert_field(&a->field[i], &b->field[i]);
	assert_int_equal(a->ghost_n, b->ghost_n);
	for (int k = 0; k < a->ghost_n; k++) {
		assert_int_equal(a->ghost[k].side, b->ghost[k].side);
		assert_int_equal(a->ghost[k].field, b->ghost[k].field);
		assert_true(a->ghost[k].until_ms == b->ghost[k].until_ms);
		assert_true(value_eq(a->ghost[k].value, b->ghost[k].value));
	}
}

static bool links_come_back(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct rng r = { 7 };
	for (int i = 0; i < 200; i++) {
		struct arena a;
		arena_init(&a);
		struct link l = random_link(&r, w->t, &a), back;
		link_put(w->scratch->store, db, w->t, &l);
		assert_true(link_get(db, w->t, l.id, &a, &back));
		assert_link(w->t, &l, &back);
		/* the same row, other content */
		struct link again = random_link(&r, w->t, &a);
		again.id = l.id;
		link_put(w->scratch->store, db, w->t, &again);
		assert_true(link_get(db, w->t, l.id, &a, &back));
		assert_link(w->t, &again, &back);
		for (int s = 0; s < SIDES; s++) {
			bool found = again.remote[s].len &&
				     link_find(db, w->t, CANDIDATE, s, again.remote[s], &a, &back);
			assert_int_equal(found, again.remote[s].len > 0);
			if (found)
				assert_link(w->t, &again, &back);
		}
		arena_finish(&a);
	}
	struct link none;
	assert_false(link_get(db, w->t, 123456, w->a, &none));
	assert_false(link_find(db, w->t, CANDIDATE, SIDE_ATS, SV("nobody"), w->a, &none));
	assert_int_equal(db_scalar(db, 0, "SELECT count(*) FROM link", ""), 200);
	return true;
}

/* A row written under one version of the treaty is read under the next. */
static bool links_outlive_a_version(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	const struct treaty_record *old = &w->old->record[CANDIDATE], *now = &w->t->record[CANDIDATE];
	struct rng r = { 11 };
	int city = treaty_field_by_name(old, SV("city"));
	for (int i = 0; i < 50; i++) {
		struct link l = random_link(&r, w->old, w->a), back;
		link_put(w->scratch->store, db, w->old, &l);
		assert_true(link_get(db, w->t, l.id, w->a, &back));
		for (int f = 0; f < now->field_n; f++) {
			int was = treaty_field_by_name(old, sv_of(now->field[f].name));
			struct link_field none = { 0 };
			assert_field(&back.field[f], was < 0 ? &none : &l.field[was]);
		}
		int ghosts = 0;
		for (int k = 0; k < l.ghost_n; k++) {
			if (l.ghost[k].field == city)
				continue;
			assert_string_equal(now->field[back.ghost[ghosts].field].name,
					    old->field[l.ghost[k].field].name);
			assert_true(value_eq(back.ghost[ghosts++].value, l.ghost[k].value));
		}
		assert_int_equal(back.ghost_n, ghosts);
	}
	return true;
}

static struct slot random_slot(struct rng *r, const struct treaty *t, struct arena *a)
{
	const struct treaty_record *type = &t->record[CANDIDATE];
	struct slot s = {
		.state = (enum slot_state)(1 + rng_below(r, SLOT_LOST)), .create = rng_below(r, 2),
		.field = arena_array(a, struct slot_field, type->field_n),
		.decided_ms = (int64_t)(rng_next(r) >> 1), .fence_ms = (int64_t)(rng_next(r) >> 1),
		.unmodified_ms = (int64_t)(rng_next(r) >> 1), .sent_ms = (int64_t)(rng_next(r) >> 1),
		.next_ms = (int64_t)(rng_next(r) >> 1), .attempts = (int)rng_below(r, 1000) };
	for (int i = 0; i < type->field_n; i++)
		if (rng_below(r, 2))
			s.field[s.field_n++] = (struct slot_field){
				.field = i, .cause = (enum cause)rng_below(r, CAUSE_BACKFILL + 1),
				.source = random_value(r, a), .target = random_value(r, a),
				.step_id = rng_below(r, 2) ? SV("step 1") : SV_NONE,
				.rule = rng_below(r, 2) ? rng_next(r) : 0, .half = rng_below(r, 2) };
	return s;
}

static void assert_slot(const struct slot *a, const struct slot *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->create, b->create);
	assert_true(a->decided_ms == b->decided_ms && a->fence_ms == b->fence_ms &&
		    a->unmodified_ms == b->unmodified_ms && a->sent_ms == b->sent_ms &&
		    a->next_ms == b->next_ms);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->field_n, b->field_n);
	for (int k = 0; k < a->field_n; k++) {
		assert_int_equal(a->field[k].field, b->field[k].field);
		assert_int_equal(a->field[k].cause, b->field[k].cause);
		assert_true(a->field[k].rule == b->field[k].rule);
		assert_int_equal(a->field[k].half, b->field[k].half);
		assert_true(value_eq(a->field[k].source, b->field[k].source));
		assert_true(value_eq(a->field[k].target, b->field[k].target));
		assert_true(sv_eq(a->field[k].step_id, b->field[k].step_id));
	}
}

static bool slots_come_back(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct rng r = { 13 };
	struct link l = link_blank(w->t, CANDIDATE, w->a);
	link_put(w->scratch->store, db, w->t, &l);
	assert_int_equal(slot_get(db, w->t, &l, SIDE_ATS, w->a).state, SLOT_IDLE);
	for (int i = 0; i < 200; i++) {
		struct arena a;
		arena_init(&a);
		enum side side = (enum side)rng_below(&r, SIDES);
		struct slot s = random_slot(&r, w->t, &a);
		slot_put(db, w->t, &l, side, &s);
		struct slot back = slot_get(db, w->t, &l, side, &a);
		assert_slot(&s, &back);
		arena_finish(&a);
	}
	struct slot idle = { 0 };
	slot_put(db, w->t, &l, SIDE_ATS, &idle);
	slot_put(db, w->t, &l, SIDE_SALESFORCE, &idle);
	assert_int_equal(db_scalar(db, 0, "SELECT count(*) FROM slot", ""), 0);

	/* a field that the next version drops is not sent */
	struct slot_field field[] = { { .field = treaty_field_by_name(&w->old->record[0], SV("city")),
					.target = text("Chicago") },
				      { .field = treaty_field_by_name(&w->old->record[0], SV("last")),
					.target = text("Smith") } };
	struct slot s = { .state = SLOT_DECIDED, .field = field, .field_n = 2 };
	slot_put(db, w->old, &l, SIDE_ATS, &s);
	struct slot back = slot_get(db, w->t, &l, SIDE_ATS, w->a);
	assert_int_equal(back.field_n, 1);
	assert_sv(back.field[0].target.text, "Smith");
	return true;
}

static void put_slot(struct world *w, struct db *db, int record, bool create, enum cause cause,
		     int64_t decided_ms, int64_t next_ms, int64_t *id)
{
	struct link l = link_blank(w->t, record, w->a);
	link_put(w->scratch->store, db, w->t, &l);
	struct slot_field field = { .cause = cause };
	struct slot s = { .state = SLOT_DECIDED, .create = create, .field = &field, .field_n = 1,
			  .decided_ms = decided_ms, .next_ms = next_ms };
	slot_put(db, w->t, &l, SIDE_SALESFORCE, &s);
	*id = l.id;
}

static void assert_ready(struct world *w, struct db *db, const int64_t *expected, int n)
{
	int64_t *id;
	assert_int_equal(slots_ready(db, SIDE_SALESFORCE, w->now_ms, 100, w->a, &id), n);
	for (int i = 0; i < n; i++)
		assert_int_equal(id[i], expected[i]);
	for (int i = 0; i < n; i++)
		db_run(db, "DELETE FROM slot WHERE link = $1", "i", id[i]);
}

static bool slots_are_sent_in_order(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	int64_t backfill, restore, later, update[2], create, placement, none;
	put_slot(w, db, CANDIDATE, false, CAUSE_BACKFILL, 1, 0, &backfill);
	put_slot(w, db, CANDIDATE, false, CAUSE_RESTORE, 2, 0, &restore);
	put_slot(w, db, PLACED, false, CAUSE_CHANGE, 1, 0, &placement);
	put_slot(w, db, CANDIDATE, true, CAUSE_CHANGE, 1, 0, &create);
	put_slot(w, db, CANDIDATE, false, CAUSE_CHANGE, 9, w->now_ms, &update[1]);
	put_slot(w, db, CANDIDATE, false, CAUSE_CHANGE, 3, 0, &update[0]);
	put_slot(w, db, CANDIDATE, false, CAUSE_CHANGE, 0, w->now_ms + 1, &later);
	/* most urgent first, updates apart from creates, the oldest first */
	int64_t live[] = { update[0], update[1], restore, backfill };
	assert_ready(w, db, live, 4);
	assert_ready(w, db, &create, 1);
	assert_ready(w, db, &placement, 1);
	assert_ready(w, db, &none, 0);
	assert_int_equal(slots_next_ms(db, w->now_ms), w->now_ms + 1);
	w->now_ms++;
	assert_ready(w, db, &later, 1);
	assert_true(slots_next_ms(db, w->now_ms) == INT64_MAX);
	return true;
}

/* ---------------------------------------------------------------------- steps */

static bool steps_keep_their_order(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	const struct treaty_record *type = &w->t->record[PLACED];
	int status = treaty_field_by_name(type, SV("status"));
	struct step *s;
	assert_int_equal(steps_of(db, type, 1, w->a, &s), 0);
	assert_true(step_put(db, type, 1, status, SV("b"), 20, text("Submitted")));
	assert_true(step_put(db, type, 1, status, SV("a"), 10, text("Approved")));
	assert_true(step_put(db, type, 2, status, SV("a"), 10, text("of another")));
	assert_false(step_put(db, type, 1, status, SV("b"), 30, text("told twice")));
	step_divergence(db, type, 1, status, 40, text("Placed"));
	step_divergence(db, type, 1, status, 50, value_null());
	assert_int_equal(steps_of(db, type, 1, w->a, &s), 4);
	assert_sv(s[0].value.text, "Submitted");
	assert_sv(s[1].value.text, "Approved");
	assert_sv(s[2].value.text, "Placed");
	assert_int_equal(s[3].value.kind, VALUE_NULL);
	assert_false(sv_eq(s[2].id, s[3].id));
	steps_spent(db, type, 1, status, SV("never told"));
	assert_int_equal(steps_of(db, type, 1, w->a, &s), 4);
	steps_spent(db, type, 1, status, s[1].id);
	assert_int_equal(steps_of(db, type, 1, w->a, &s), 2);
	assert_sv(s[0].value.text, "Placed");
	steps_spent(db, type, 1, status, s[1].id);
	assert_int_equal(steps_of(db, type, 1, w->a, &s), 0);
	assert_int_equal(steps_of(db, type, 2, w->a, &s), 1);
	/* a value of any length that a peer gave */
	size_t len = 3 << 20;
	char *much = arena_alloc(w->a, len);
	memset(much, 'x', len);
	step_put(db, type, 3, status, SV("long"), 1, (struct value){ VALUE_TEXT, sv_make(much, len) });
	assert_int_equal(steps_of(db, type, 3, w->a, &s), 1);
	assert_int_equal(s[0].value.text.len, len);
	return true;
}

/* What waits for a link is told apart from what could be delivered now. */
static bool survey_counts_steps(struct db *db, void *arg, struct err *err)
{
	static const enum link_state state[] = { LINK_LINKED, LINK_CREATING, LINK_LOOKUP };
	struct world *w = arg;
	const struct treaty_record *type = &w->t->record[PLACED];
	int status = treaty_field_by_name(type, SV("status"));
	struct survey survey;
	for (size_t i = 0; i < countof(state); i++) {
		struct link l = link_blank(w->t, PLACED, w->a);
		l.state = state[i];
		link_put(w->scratch->store, db, w->t, &l);
		step_put(db, type, l.id, status, SV("a"), 10, text("Approved"));
	}
	survey_read(db, w->t, w->a, &survey);
	assert_int_equal(survey.steps, 3);
	assert_int_equal(survey.steps_unlinked, 2);
	return true;
}

/* --------------------------------------------------------------- conflict log */

static bool mismatches_open_and_close(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	const struct treaty_record *type = &w->t->record[CANDIDATE];
	struct link l = link_blank(w->t, CANDIDATE, w->a);
	struct mismatch *m, one;
	l.id = 5;
	l.remote[SIDE_ATS] = SV("7");
	struct finding f = { .what = FINDING_OPEN, .kind = MISMATCH_CONFLICT, .field = 0,
			     .value = { text("a"), value_null() }, .detail = SV("both changed") };
	mismatch_note(db, type, &l, &f, SV("feed"), 100);
	f.value[SIDE_ATS] = text("b");
	mismatch_note(db, type, &l, &f, SV("sweep"), 200);
	assert_int_equal(mismatch_list(db, true, 10, w->a, &m), 1);
	assert_int_equal(m[0].times, 2);
	assert_int_equal(m[0].opened_ms, 100);
	assert_int_equal(m[0].link_id, 5);
	assert_sv(m[0].value[SIDE_ATS].text, "b");
	assert_int_equal(m[0].value[SIDE_SALESFORCE].kind, VALUE_NULL);
	assert_sv(m[0].found_by, "feed");
	assert_sv(m[0].remote[SIDE_ATS], "7");
	assert_sv(m[0].detail, "both changed");
	/* another field, another kind, another link are other entries */
	f.field = 1;
	mismatch_note(db, type, &l, &f, SV("feed"), 300);
	f.field = 0, f.kind = MISMATCH_REJECTED;
	mismatch_note(db, type, &l, &f, SV("write"), 400);
	l.id = 6;
	mismatch_note(db, type, &l, &f, SV("write"), 500);
	assert_int_equal(mismatch_open_count(db), 4);
	assert_int_equal(mismatch_list(db, true, 2, w->a, &m), 2);
	assert_true(m[0].id < m[1].id);
	int64_t first = m[0].id;
	/* closing one; found again, it is a new entry */
	l.id = 5, f.kind = MISMATCH_CONFLICT, f.what = FINDING_CLOSE;
	mismatch_note(db, type, &l, &f, SV("feed"), 600);
	assert_true(mismatch_get(db, first, w->a, &one));
	assert_false(one.open);
	assert_int_equal(one.closed_ms, 600);
	assert_sv(one.closed_by, "settled");
	f.what = FINDING_OPEN;
	mismatch_note(db, type, &l, &f, SV("feed"), 700);
	assert_int_equal(mismatch_list(db, false, 10, w->a, &m), 5);
	assert_int_equal(m[0].opened_ms, 700);
	assert_int_equal(m[0].times, 1);
	/* decided by rule: never open */
	f.what = FINDING_LOG, f.lost = text("gone"), f.kind = MISMATCH_OVERTAKEN;
	mismatch_note(db, type, &l, &f, SV("feed"), 800);
	assert_int_equal(mismatch_list(db, false, 1, w->a, &m), 1);
	assert_false(m[0].open);
	assert_sv(m[0].lost, "gone");
	mismatch_close_link(db, 5, MISMATCH_REJECTED, SV("anna"), 900);
	assert_int_equal(mismatch_open_count(db), 3);
	assert_false(mismatch_get(db, 4711, w->a, &one));

	mismatch_system(db, SIDE_ATS, MISMATCH_UNAVAILABLE, true, SV("no route"), 1000);
	mismatch_system(db, SIDE_ATS, MISMATCH_UNAVAILABLE, true, SV("refused"), 1100);
	assert_true(mismatch_system_open(db, SIDE_ATS, MISMATCH_UNAVAILABLE));
	assert_false(mismatch_system_open(db, SIDE_SALESFORCE, MISMATCH_UNAVAILABLE));
	assert_int_equal(mismatch_open_count(db), 4);
	mismatch_system(db, SIDE_ATS, MISMATCH_UNAVAILABLE, false, SV(""), 1200);
	assert_false(mismatch_system_open(db, SIDE_ATS, MISMATCH_UNAVAILABLE));
	return true;
}

static bool mismatches_keep_long_values(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct link l = link_blank(w->t, CANDIDATE, w->a);
	struct mismatch *m;
	size_t len = 5 << 20;
	char *much = arena_alloc(w->a, len);
	memset(much, 'x', len);
	struct finding f = { .what = FINDING_OPEN, .kind = MISMATCH_CONFLICT, .field = 0,
			     .value = { { VALUE_TEXT, sv_make(much, len) }, text("short") } };
	mismatch_note(db, &w->t->record[CANDIDATE], &l, &f, SV("feed"), 1);
	assert_int_equal(mismatch_list(db, true, 1, w->a, &m), 1);
	assert_int_equal(m[0].value[SIDE_ATS].text.len, len);
	assert_sv(m[0].value[SIDE_SALESFORCE].text, "short");
	return true;
}

/* -------------------------------------------------------------------- journal */

static void fill_journal(struct world *w, struct db *db)
{
	for (int64_t i = 0; i < 12; i++) {
		struct json_object *o = json_object_new_object();
		json_put_i64(o, "n", i);
		w->scratch->clock.ms++;
		journal_add(w->scratch->store, db, i % 3, i % 2 ? "decided" : "answered", o);
	}
}

static int64_t bad_entry(struct db *db)
{
	int64_t bad = 0;
	return journal_verify(db, &bad) ? 0 : bad;
}

static bool journal_is_in_order(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct journal_entry *e;
	assert_int_equal(bad_entry(db), 0);
	fill_journal(w, db);
	assert_int_equal(bad_entry(db), 0);
	assert_int_equal(journal_of(db, 2, 10, w->a, &e), 4);
	assert_sv(e[0].content, "{\"n\":2}");
	assert_sv(e[3].content, "{\"n\":11}");
	assert_sv(e[3].kind, "decided");
	assert_int_equal(journal_of(db, 2, 3, w->a, &e), 3);
	assert_int_equal(journal_of(db, -1, 2, w->a, &e), 2);
	assert_int_equal(e[0].seq, 12);
	assert_int_equal(e[1].seq, 11);
	return true;
}

/* Each change by hand is found, at the entry where it was made or right after
 * the one that is missing. */
static bool journal_shows_what_was_touched(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	static const struct {
		const char *sql;
		int64_t at;
	} touch[] = {
		{ "UPDATE journal SET content = '{\"n\":99}' WHERE seq = 5", 5 },
		{ "UPDATE journal SET kind = 'other' WHERE seq = 5", 5 },
		{ "UPDATE journal SET link = 7 WHERE seq = 5", 5 },
		{ "UPDATE journal SET at_ms = at_ms + 1 WHERE seq = 5", 5 },
		{ "UPDATE journal SET chain = commitment WHERE seq = 5", 5 },
		{ "UPDATE journal SET chain = substr(chain, 1, 3) WHERE seq = 5", 5 },
		{ "UPDATE journal SET commitment = chain WHERE seq = 5", 5 },
		{ "DELETE FROM journal WHERE seq = 1", 2 },
		{ "DELETE FROM journal WHERE seq = 5", 6 },
		{ "DELETE FROM journal WHERE seq = 5;"
		  "UPDATE journal SET seq = seq - 1 WHERE seq > 5", 5 },
		{ "INSERT INTO journal SELECT 13, at_ms, link, kind, content, chain, commitment, tally"
		  " FROM journal WHERE seq = 12", 13 },
		{ "UPDATE salt SET salt = (SELECT salt FROM salt WHERE link = 2) WHERE link = 1", 2 },
		/* without its salt, a content could be anything */
		{ "DELETE FROM salt WHERE link = 1", 2 },
		{ "DELETE FROM salt WHERE link = 1;"
		  "UPDATE journal SET content = '{}' WHERE seq = 5", 2 },
	};
	fill_journal(w, db);
	for (size_t i = 0; i < countof(touch); i++) {
		db_script(db, "SAVEPOINT touch");
		db_script(db, touch[i].sql);
		assert_true(db_ok(db));
		if (bad_entry(db) != touch[i].at)
			fail_msg("'%s' is found at %lld", touch[i].sql, (long long)bad_entry(db));
		db_script(db, "ROLLBACK TO touch");
		db_script(db, "RELEASE touch");
		assert_int_equal(bad_entry(db), 0);
	}
	return true;
}

static bool journal_forgets(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct journal_entry *e;
	fill_journal(w, db);
	db_script(db, "DELETE FROM salt WHERE link = 1;"
		      "UPDATE journal SET content = NULL WHERE link = 1");
	assert_int_equal(bad_entry(db), 0);
	assert_int_equal(journal_of(db, 1, 10, w->a, &e), 4);
	assert_int_equal(e[0].content.len, 0);
	/* the link lives on under a new salt */
	fill_journal(w, db);
	assert_int_equal(bad_entry(db), 0);
	db_script(db, "UPDATE journal SET content = '{}' WHERE seq = 17");
	assert_int_equal(bad_entry(db), 17);
	return true;
}

/* --------------------------------------------------------------------- pauses */

static bool pauses_have_scopes(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	const struct treaty_record *type = &w->t->record[CANDIDATE];
	struct link l = link_blank(w->t, CANDIDATE, w->a);
	struct sv *list;
	l.remote[SIDE_ATS] = SV("7");
	assert_false(pause_any(db));
	pause_set(db, SV("candidate.last"), true, 1, SV("anna"));
	pause_set(db, SV("candidate.last"), true, 2, SV("bob"));
	const bool *field = pause_fields(db, type, w->a);
	assert_non_null(field);
	for (int i = 0; i < type->field_n; i++)
		assert_int_equal(field[i], strcmp(type->field[i].name, "last") == 0);
	assert_null(pause_fields(db, &w->t->record[PLACED], w->a));
	assert_false(pause_record(db, w->t, &l));
	pause_set(db, SV("ats:Candidate:7"), true, 3, SV_NONE);
	assert_true(pause_record(db, w->t, &l));
	l.remote[SIDE_ATS] = SV("77");
	assert_false(pause_record(db, w->t, &l));
	pause_set(db, SV("candidate"), true, 4, SV_NONE);
	assert_true(pause_record(db, w->t, &l));
	pause_set(db, SV_NONE, true, 5, SV_NONE);
	assert_true(pause_is(db, SV("")));
	assert_int_equal(pause_list(db, w->a, &list), 4);
	for (int i = 0; i < 4; i++)
		pause_set(db, list[i], false, 6, SV_NONE);
	assert_false(pause_any(db));
	return true;
}

/* --------------------------------------------------------------------- alerts */

static bool channels_tell_what_waits(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct channel_state *state;
	struct delivery *list;
	for (int64_t i = 0; i < 3; i++) {
		struct alert m = { .made_ms = 100 + i, .role = SV("lead"), .kind = SV("edit"), .n = 1,
				   .content = SV("{}") };
		int64_t id = alert_put(db, &m);
		alert_by(db, id, SV("chat"), 5);
		alert_by(db, id, SV("mail"), 7);
		if (i == 1)
			delivery_failed(db, id, SV("mail"), SV("no such mailbox"), 60, false);
		if (i == 2)
			delivery_sent(db, id, SV("mail"), 9);
	}
	assert_int_equal(channel_states(db, w->a, &state), 2);
	assert_sv(state[0].channel, "chat");
	assert_sv(state[0].error, "");
	assert_int_equal(state[0].waiting, 3);
	assert_int_equal(state[0].failed, 0);
	assert_sv(state[1].channel, "mail");
	assert_sv(state[1].error, "no such mailbox");
	assert_int_equal(state[1].waiting, 2);
	assert_int_equal(state[1].failed, 1);
	assert_int_equal(state[1].since_ms, 100);
	assert_int_equal(state[1].next_ms, 7);
	assert_int_equal(delivery_list(db, 2, w->a, &list), 2);
	assert_int_equal(list[1].sent_ms, 9);
	return true;
}

/* ---------------------------------------------------------------- query plans */

/* SQLite's words for what PostgreSQL's plans say otherwise. */
static bool plan_says(const char *plan, const char *word)
{
	bool server = getenv("TREATY_TEST_POSTGRES");
	if (server && strcmp(word, "PRIMARY KEY") == 0)
		word = "_pkey";
	if (server && strcmp(word, "TEMP B-TREE") == 0)
		word = "Sort";
	return strstr(plan, word) != NULL;
}

/* As the sources spell them, but for the layout. */
static void check_plans(struct db *db)
{
	static const struct {
		const char *sql, *index;
		bool sorts;
	} hot[] = {
		{ "SELECT type, side, remote, seq FROM mark WHERE wait = 0 AND +due_ms <= $1"
		  " ORDER BY priority, seq LIMIT $2", "mark_ready" },
		{ "SELECT min(due_ms) FROM mark WHERE wait = 0", "mark_due" },
		{ "DELETE FROM mark WHERE type = $1 AND side = $2 AND remote = $3 AND seq <= $4",
		  "PRIMARY KEY" },
		{ "SELECT link, type, creates FROM slot WHERE side = $1 AND state = 1 AND"
		  " next_ms <= $2 ORDER BY priority, creates, decided_ms, link LIMIT $3",
		  "slot_ready" },
		{ "SELECT state, data FROM slot WHERE link = $1 AND side = $2", "PRIMARY KEY" },
		{ "SELECT id, data FROM link WHERE type = $1 AND ats = $2", "link_ats" },
		{ "SELECT id, data FROM link WHERE type = $1 AND salesforce = $2",
		  "link_salesforce" },
		{ "SELECT id FROM link WHERE type = $1 AND ats = $2 AND salesforce IS NOT NULL",
		  "link_ats" },
		/* a handful of rows: cheaper to sort than an index to keep */
		{ "SELECT field, step, value FROM step WHERE link = $1 ORDER BY id", "step_once",
		  true },
		{ "SELECT id, detail FROM mismatch WHERE open = 1 ORDER BY id LIMIT $1",
		  "mismatch_open" },
		{ "UPDATE mismatch SET times = times + 1 WHERE link = $1 AND kind = $2 AND"
		  " field = $3 AND open = 1", "mismatch_of" },
		{ "SELECT seq, chain FROM journal ORDER BY seq DESC LIMIT 1", "journal" },
		{ "SELECT seq, content FROM journal WHERE link = $1 ORDER BY seq LIMIT $2",
		  "journal_link" },
		{ "SELECT link FROM waiting WHERE type = $1 AND side = $2 AND remote = $3",
		  "PRIMARY KEY" },
	};
	for (size_t i = 0; i < countof(hot); i++) {
		struct buf plan;
		buf_init(&plan, 4096);
		db_explain(db, hot[i].sql, &plan);
		assert_true(db_ok(db));
		if (!plan_says(plan.ptr, hot[i].index) || plan_says(plan.ptr, "Seq Scan") ||
		    (!hot[i].sorts && plan_says(plan.ptr, "TEMP B-TREE")))
			fail_msg("%s\n%s", hot[i].sql, plan.ptr);
		buf_finish(&plan);
	}
}

#define NUMBERS "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "

/* PostgreSQL chooses by statistics: few types, most of them waiting or open. */
static void fill_tables(struct db *db)
{
	db_run(db, NUMBERS "INSERT INTO slot (link, side, type, state, creates, priority, decided_ms,"
		   " next_ms, sent_ms, data) SELECT i, i % 2, i % 5, 1 + i % 20 / 19, i % 3 / 2, i % 7, i, 0,"
		   " 0, $1 FROM n", "b", SV("x"));
	db_run(db, NUMBERS "INSERT INTO step (link, field, step, at_ms, value) SELECT i / 3, 1, $1, 0, $2"
		   " FROM n WHERE i % 3 = 0", "tb", SV("s"), SV("v"));
	db_run(db, NUMBERS "INSERT INTO mismatch (link, kind, record, field, ats, salesforce, value_ats,"
		   " value_salesforce, lost, detail, found_by, open, opened_ms, closed_ms, closed_by, times)"
		   " SELECT i, i % 9, $1, $2, $3, $4, $5, $6, $7, $8, $9, i % 4 / 3, 0, 0, $10, 1 FROM n",
	       "ttttbbtttt", SV("r"), SV("f"), SV(""), SV(""), SV(""), SV(""), SV(""), SV(""), SV(""), SV(""));
	db_run(db, NUMBERS "INSERT INTO journal (seq, at_ms, link, kind, chain, commitment)"
		   " SELECT i, i, i / 10, $1, $2, $3 FROM n", "tbb", SV("k"), SV("c"), SV("c"));
	for (int64_t i = 0; i < 3000; i++) {
		char id[16];
		struct sv name = sv_make(id, (size_t)snprintf(id, sizeof(id), "%lld", (long long)i));
		db_run(db, "INSERT INTO link (type, ats, salesforce, state, holds, data)"
			   " VALUES ($1, $2, $3, 4, 0, $4)", "ittb", i % 3, name, name, SV("x"));
		db_run(db, "INSERT INTO mark (type, side, remote, seq, first_seq, first_ms, due_ms, wait,"
			   " priority, reads, author, changed_ms, source)"
			   " VALUES ($1, 0, $2, $3, $4, 0, $5, $6, $7, 1, 0, 0, $8)",
		       "itiiiiit", i % 3, name, i, i, i % 100, (int64_t)(i % 10 == 9), i % 7, SV("feed"));
		db_run(db, "INSERT INTO waiting (type, side, remote, link) VALUES ($1, 0, $2, $3)", "iti",
		       i % 3, name, i);
	}
	db_script(db, "ANALYZE");
	assert_true(db_ok(db));
}

static bool hot_statements_use_their_index(struct db *db, void *arg, struct err *err)
{
	check_plans(db);
	if (getenv("TREATY_TEST_POSTGRES")) {
		fill_tables(db);
		check_plans(db);
	}
	return true;
}

/* ------------------------------------------------------------------------ run */

#define IN_TX(fn)                                                                     \
	static void test_##fn(void **state)                                           \
	{                                                                             \
		struct world *w = *state;                                             \
		scratch_tx(w->scratch, fn, w);                                        \
	}
#define TEST(fn) cmocka_unit_test_setup_teardown(test_##fn, set_up, tear_down)

IN_TX(marks_fold)
IN_TX(marks_fold_field_lists)
IN_TX(marks_are_consumed_up_to_the_one_noted)
IN_TX(marks_wait_for_a_slot)
IN_TX(marks_come_by_priority_and_type)
IN_TX(marks_of_unknown_types_are_set_aside)
IN_TX(ledger_stays_balanced)
IN_TX(links_come_back)
IN_TX(links_outlive_a_version)
IN_TX(slots_come_back)
IN_TX(slots_are_sent_in_order)
IN_TX(steps_keep_their_order)
IN_TX(survey_counts_steps)
IN_TX(mismatches_open_and_close)
IN_TX(mismatches_keep_long_values)
IN_TX(journal_is_in_order)
IN_TX(journal_shows_what_was_touched)
IN_TX(journal_forgets)
IN_TX(pauses_have_scopes)
IN_TX(channels_tell_what_waits)
IN_TX(hot_statements_use_their_index)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(marks_fold),
		TEST(marks_fold_field_lists),
		TEST(marks_are_consumed_up_to_the_one_noted),
		TEST(marks_wait_for_a_slot),
		TEST(marks_come_by_priority_and_type),
		TEST(marks_of_unknown_types_are_set_aside),
		TEST(ledger_stays_balanced),
		TEST(links_come_back),
		TEST(links_outlive_a_version),
		TEST(slots_come_back),
		TEST(slots_are_sent_in_order),
		TEST(steps_keep_their_order),
		TEST(survey_counts_steps),
		TEST(mismatches_open_and_close),
		TEST(mismatches_keep_long_values),
		TEST(journal_is_in_order),
		TEST(journal_shows_what_was_touched),
		TEST(journal_forgets),
		TEST(pauses_have_scopes),
		TEST(channels_tell_what_waits),
		TEST(hot_statements_use_their_index),
	};
	return cmocka_run_group_tests_name("store rows", tests, NULL, NULL);
}

/* test-audit.c - what the audit proves, and that it finds each thing that is
 * done to a store behind its back. */
#include "scratch.h"
#include "store/audit.h"
#include "store/marks.h"
#include "store/slots.h"
#include "treaty/load.h"

struct world {
	struct scratch *scratch;
	struct treaty *t;
	struct audit audit;
};

static const char document[] =
	"treaty: 1\nname: audit\nversion: 1\n"
	"systems: {ats: bullhorn, salesforce: salesforce}\n"
	"roles:\n  lead: {title: Lead}\n"
	"domains:\n  people: {owner: ats, signed_by: [lead]}\n"
	"records:\n  candidate:\n    domain: people\n    ats: Candidate\n"
	"    salesforce: {object: Contact, key: Bullhorn_Id__c}\n    fields:\n"
	"      city: {ats: city, salesforce: City__c}\n";

static void prepare(struct world *w)
{
	struct err err = { 0 };
	if (!audit_prepare(w->scratch->store, &err))
		fail_msg("%s", err.what);
}

static int set_up(void **state)
{
	struct world *w = must_zalloc(sizeof(*w));
	struct complaints c;
	w->scratch = scratch_create();
	scratch_open(w->scratch);
	prepare(w);
	complaints_init(&c, "audit");
	w->t = treaty_load_text(sv_of(document), "audit", &c);
	complaints_finish(&c);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	treaty_destroy(w->t);
	scratch_destroy(w->scratch);
	free(w);
	return 0;
}

static void put_mark(struct world *w, struct db *db, const char *remote)
{
	struct mark m = { .side = SIDE_ATS, .remote = sv_of(remote), .reads = 1, .own = SV(""),
			  .stranger = SV(""), .source = "feed" };
	mark_put(w->scratch->store, db, w->t, &m);
}

static int64_t add(struct world *w, struct db *db, int64_t link, const char *kind,
		   const struct tally *t)
{
	return journal_add_counted(w->scratch->store, db, link, kind, t, json_object_new_object());
}

static void put_slot(struct world *w, struct db *db, struct link *l, int64_t decision)
{
	struct slot_field f = { .target = { VALUE_TEXT, SV("Rome") } };
	struct slot s = { .state = SLOT_DECIDED, .field = &f, .field_n = 1, .decision = decision };
	slot_put(db, w->t, l, SIDE_SALESFORCE, &s);
}

/* Five links, one decision each: written, superseded by one that is pending,
 * pending, rejected, lost and resolved. Six marks, one of them folded, one
 * pending, one without anything to do. */
static bool fill(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct mark *m;
	int64_t seq[5];
	struct link l[5];
	for (int i = 0; i < 5; i++) {
		char id[8];
		snprintf(id, sizeof(id), "%d", i);
		put_mark(w, db, id);
		l[i] = link_blank(w->t, 0, &w->scratch->arena);
		l[i].remote[SIDE_ATS] = arena_sv(&w->scratch->arena, sv_of(id));
		l[i].remote[SIDE_SALESFORCE] = arena_printf(&w->scratch->arena, "00%d", i);
		l[i].state = LINK_LINKED;
		link_put(w->scratch->store, db, w->t, &l[i]);
	}
	put_mark(w, db, "4");
	assert_int_equal(marks_due(db, w->t, INT64_MAX / 8, 4, &w->scratch->arena, &m), 4);
	struct tally opens = { .marks = 1, .opens = 1u << SIDE_SALESFORCE };
	for (int i = 0; i < 5; i++) {
		opens.marks = i < 3 ? mark_settled(db, w->t, &m[i]) : 0;
		seq[i] = add(w, db, l[i].id, "decided", &opens);
	}
	mark_settled(db, w->t, &m[3]);
	for (int i = 0; i < 5; i++) {
		static const enum outcome how[] = { OUTCOME_WRITTEN, OUTCOME_SUPERSEDED, OUTCOMES,
						    OUTCOME_REJECTED, OUTCOME_RESOLVED };
		struct ending end = { how[i], decision_id(seq[i], SIDE_SALESFORCE) };
		struct tally t = { .opens = i == 1 ? 1u << SIDE_SALESFORCE : 0, .end = &end,
				   .end_n = 1 };
		if (i == 2)
			put_slot(w, db, &l[i], end.decision);
		else
			seq[i] = add(w, db, l[i].id, "told", &t);
		if (i == 1)
			put_slot(w, db, &l[i], decision_id(seq[i], SIDE_SALESFORCE));
	}
	return true;
}

static bool look(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	const struct journal_head *head = store_journal(w->scratch->store);
	audit_begin(db, &w->audit);
	audit_sums(db, head, &w->audit);
	while (audit_walk(db, head, &w->audit, 2))
		;
	audit_rows(db, w->t, &w->audit);
	if (w->audit.trouble_n)
		audit_name_decisions(db, &w->audit);
	return true;
}

static void expect_whole(struct world *w)
{
	scratch_tx(w->scratch, look, w);
	if (w->audit.trouble_n)
		fail_msg("%s: %s", w->audit.trouble[0].part, w->audit.trouble[0].text);
}

static void adds_up(void **state)
{
	struct world *w = *state;
	expect_whole(w);
	scratch_tx(w->scratch, fill, w);
	expect_whole(w);
	const struct audit *a = &w->audit;
	assert_int_equal(a->ledger.accepted, 6);
	assert_int_equal(a->ledger.settled, 4);
	assert_int_equal(a->head.sums.marks, 3);
	assert_int_equal(a->head.sums.decisions, 6);
	assert_int_equal(a->pending_decisions, 2);
	for (int i = 0; i < OUTCOMES; i++)
		assert_int_equal(a->head.sums.ended[i], i == OUTCOME_DROPPED ? 0 : 1);
	assert_int_equal(a->head.sums.entries, 9);
	assert_int_equal(a->links, 5);
	assert_int_equal(a->slots, 2);
	scratch_reopen(w->scratch);
	expect_whole(w);
}

/* A transaction that failed leaves nothing in the sums that are held for the
 * others. */
static bool fail_after(struct db *db, void *arg, struct err *err)
{
	struct tally opens = { .opens = 1 };
	add(arg, db, 1, "decided", &opens);
	err_set(err, ERR_BAD_INPUT, "on purpose");
	return false;
}

static void failed_transactions_count_for_nothing(void **state)
{
	struct world *w = *state;
	struct err err = { 0 };
	scratch_tx(w->scratch, fill, w);
	assert_false(store_tx(w->scratch->store, fail_after, w, &err));
	expect_whole(w);
	assert_int_equal(w->audit.head.sums.entries, 9);
}

static bool run_sql(struct db *db, void *arg, struct err *err)
{
	db_script(db, arg);
	return true;
}

static void finds_what_was_done_to_it(void **state)
{
	static const struct {
		const char *sql, *part, *says;
	} done[] = {
		{ "DELETE FROM mark", "marks", "accepted 6" },
		{ "UPDATE counter SET n = n + 1 WHERE name = 'accepted'", "marks", "accepted 7" },
		{ "UPDATE counter SET n = 2 WHERE name = 'settled';"
		  "UPDATE counter SET n = 4 WHERE name = 'accepted'", "marks", "was decided for 3" },
		{ "UPDATE counter SET n = 1 WHERE name = 'set_aside';"
		  "INSERT INTO counter (name, n) VALUES ('set_aside', 1) ON CONFLICT DO NOTHING;"
		  "UPDATE counter SET n = n + 1 WHERE name = 'accepted'", "marks", "0 are kept" },
		{ "DELETE FROM slot WHERE link = 3", "decisions", "nothing says what became of it" },
		{ "UPDATE slot SET decision = 3 WHERE link = 3", "decisions", "which the journal does" },
		{ "DELETE FROM journal WHERE seq > 7", "journal", "entries 8 to 9 are missing" },
		{ "DELETE FROM journal WHERE seq = 3", "journal", "entry 4: the entry before" },
		{ "UPDATE journal SET tally = NULL WHERE seq = 3", "journal", "entry 3: it does not" },
		{ "UPDATE journal SET content = 'x' WHERE seq = 3", "journal", "entry 3: its content" },
		{ "DELETE FROM meta WHERE name = 'journal'", "journal", "head is not kept" },
		{ "UPDATE link SET data = '' WHERE id = 2", "rows", "of link 2" },
		{ "UPDATE slot SET data = '' WHERE link = 3", "rows", "of link 3" },
		{ "DELETE FROM link WHERE id = 3", "rows", "belong to no link" },
	};
	for (size_t i = 0; i < countof(done); i++) {
		struct world *w;
		bool said = false;
		set_up(state);
		w = *state;
		scratch_tx(w->scratch, fill, w);
		scratch_tx(w->scratch, run_sql, (void *)(uintptr_t)done[i].sql);
		scratch_tx(w->scratch, look, w);
		for (int k = 0; k < w->audit.trouble_n; k++)
			said = said || (strcmp(w->audit.trouble[k].part, done[i].part) == 0 &&
					strstr(w->audit.trouble[k].text, done[i].says));
		if (!said)
			fail_msg("'%s': found '%s'", done[i].sql,
				 w->audit.trouble_n ? w->audit.trouble[0].text : "nothing");
		tear_down(state);
	}
}

/* As 'treaty audit' does: beside a daemon, without a right to write. */
static void finds_it_with_a_store_to_read(void **state)
{
	struct world *w = *state;
	struct err err = { 0 };
	scratch_tx(w->scratch, fill, w);
	scratch_tx(w->scratch, run_sql, (void *)(uintptr_t)"DELETE FROM slot WHERE link = 3");
	scratch_close(w->scratch);
	w->scratch->store = scratch_open_how(w->scratch, true, &err);
	assert_non_null(w->scratch->store);
	prepare(w);
	for (int i = 0; i < 2; i++) {
		scratch_tx(w->scratch, look, w);
		assert_non_null(strstr(w->audit.trouble[w->audit.trouble_n - 1].text,
				       "nothing says what became of it"));
	}
}

/* ------------------------------------------------------- anchors, pruning */

struct anchoring {
	struct world *w;
	struct sv anchor;
	bool understood;
};

static bool take_anchor(struct db *db, void *arg, struct err *err)
{
	struct anchoring *g = arg;
	g->anchor = audit_anchor(store_journal(g->w->scratch->store), &g->w->scratch->arena);
	return true;
}

static bool compare(struct db *db, void *arg, struct err *err)
{
	struct anchoring *g = arg;
	audit_begin(db, &g->w->audit);
	g->understood = audit_compare_anchor(db, g->anchor, &g->w->audit, err);
	return g->understood;
}

static void anchors_hold_the_journal_to_its_past(void **state)
{
	struct world *w = *state;
	struct anchoring g = { .w = w };
	struct err err = { 0 };
	scratch_tx(w->scratch, fill, w);
	scratch_tx(w->scratch, take_anchor, &g);
	scratch_tx(w->scratch, compare, &g);
	assert_int_equal(w->audit.trouble_n, 0);
	/* the same numbers written anew are not the same journal */
	tear_down(state);
	struct buf kept;
	buf_init(&kept, 200);
	buf_add(&kept, SV("9:"));
	for (int i = 0; i < 32; i++)
		buf_add(&kept, SV("ab"));
	set_up(state);
	g.w = w = *state;
	scratch_tx(w->scratch, fill, w);
	g.anchor = buf_sv(&kept);
	scratch_tx(w->scratch, compare, &g);
	assert_int_equal(w->audit.trouble_n, 1);
	scratch_tx(w->scratch, run_sql, (void *)(uintptr_t)"DELETE FROM journal WHERE seq > 5");
	scratch_tx(w->scratch, compare, &g);
	assert_non_null(strstr(w->audit.trouble[0].text, "cut off"));
	g.anchor = SV("nonsense");
	assert_false(store_tx(w->scratch->store, compare, &g, &err));
	assert_int_equal(err.code, ERR_BAD_INPUT);
	buf_finish(&kept);
}

static bool older(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	int64_t now = clock_now(store_clock(w->scratch->store));
	assert_int_equal(journal_older(db, now + 1, 4), 4);
	assert_int_equal(journal_older(db, now + 1, 100), 9);
	assert_int_equal(journal_older(db, now, 100), 0);
	db_run(db, "UPDATE journal SET at_ms = at_ms - 10 WHERE seq <> 3", "");
	assert_int_equal(journal_older(db, now, 100), 2);
	return true;
}

static void what_is_old_ends_before_what_is_not(void **state)
{
	struct world *w = *state;
	scratch_tx(w->scratch, fill, w);
	scratch_tx(w->scratch, older, w);
}

/* Two entries, written down, read by another process, and on to the end. */
static bool interrupted(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	struct journal_walk there, *here = &w->audit.walk;
	struct buf b;
	const struct journal_head *head = store_journal(w->scratch->store);
	audit_begin(db, &w->audit);
	assert_true(audit_walk(db, head, &w->audit, 2));
	buf_init(&b, 4096);
	journal_walk_pack(&b, here);
	struct reader r = { .left = buf_sv(&b) };
	assert_true(journal_walk_unpack(&r, &there));
	assert_int_equal(there.seq, 2);
	*here = there;
	assert_false(audit_walk(db, head, &w->audit, 100));
	assert_int_equal(w->audit.trouble_n, 0);
	r = (struct reader){ .left = sv_make(b.ptr, b.len - 1) };
	assert_false(journal_walk_unpack(&r, &there));
	buf_finish(&b);
	return true;
}

static void a_walk_goes_on_in_another_process(void **state)
{
	struct world *w = *state;
	scratch_tx(w->scratch, fill, w);
	scratch_tx(w->scratch, interrupted, w);
}

static bool count_salts(struct db *db, void *arg, struct err *err)
{
	*(int64_t *)arg = db_scalar(db, -1, "SELECT count(*) FROM salt", "");
	return true;
}

static bool prune_to_four(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	assert_true(journal_prune(w->scratch->store, db, 4, SV("ada")));
	return true;
}

static bool prune_to_seven(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	assert_true(journal_prune(w->scratch->store, db, 7, SV("ada")));
	/* there is nothing of that left */
	assert_false(journal_prune(w->scratch->store, db, 7, SV("ada")));
	return true;
}

static bool edit_checkpoint(struct db *db, void *arg, struct err *err)
{
	struct arena a;
	struct journal_entry e;
	arena_init(&a);
	assert_true(journal_get(db, 11, &a, &e));
	char *content = arena_str(&a, e.content), *seven = strstr(content, "\"through\":7");
	assert_non_null(seven);
	seven[strlen("\"through\":")] = '8';
	db_run(db, "UPDATE journal SET content = $1 WHERE seq = 11", "b", sv_of(content));
	arena_finish(&a);
	return true;
}

static void pruned_history_still_counts(void **state)
{
	struct world *w = *state;
	scratch_tx(w->scratch, fill, w);
	scratch_tx(w->scratch, prune_to_four, w);
	expect_whole(w);
	assert_int_equal(w->audit.head.sums.entries, 10);
	assert_int_equal(w->audit.walk.first, 4);
	assert_int_equal(w->audit.head.sums.decisions, 6);
	int64_t before, after;
	scratch_tx(w->scratch, count_salts, &before);
	scratch_tx(w->scratch, prune_to_seven, w);
	/* two links have no entry left */
	scratch_tx(w->scratch, count_salts, &after);
	assert_int_equal(before - after, 2);
	expect_whole(w);
	assert_int_equal(w->audit.walk.first, 7);
	scratch_reopen(w->scratch);
	expect_whole(w);
	/* what it says of what is gone is part of the chain */
	scratch_tx(w->scratch, edit_checkpoint, NULL);
	prepare(w);
	scratch_tx(w->scratch, look, w);
	assert_true(w->audit.trouble_n > 0);
}

static bool forget_three(struct db *db, void *arg, struct err *err)
{
	assert_int_equal(journal_forget(db, 3), 1);
	return true;
}

static void forgetting_leaves_the_sums(void **state)
{
	struct world *w = *state;
	scratch_tx(w->scratch, fill, w);
	scratch_tx(w->scratch, forget_three, w);
	expect_whole(w);
	assert_int_equal(w->audit.head.sums.decisions, 6);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(adds_up),
		TEST(failed_transactions_count_for_nothing),
		cmocka_unit_test(finds_what_was_done_to_it),
		TEST(finds_it_with_a_store_to_read),
		TEST(anchors_hold_the_journal_to_its_past),
		TEST(what_is_old_ends_before_what_is_not),
		TEST(a_walk_goes_on_in_another_process),
		TEST(pruned_history_still_counts),
		TEST(forgetting_leaves_the_sums),
	};
	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}

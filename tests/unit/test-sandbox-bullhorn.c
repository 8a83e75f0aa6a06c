/* The event queue, the login chain, edit history and the firm's data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/panic.h"
#include "sandbox/bullhorn_history.h"
#include "sandbox/bullhorn_login.h"
#include "sandbox/bullhorn_queue.h"
#include "sandbox/people.h"

/* --- queue --- */

static void post(struct queue *q, const char *entity, int64_t id, enum event_kind kind)
{
	struct queue_event e = { .entity = entity, .entity_id = id, .kind = kind, .person = 7 };
	if (kind == EVENT_UPDATED)
		e.properties[e.properties_len++] = "status";
	queue_post(q, &e);
}

static struct queue_subscription *subscribe(struct queue *q)
{
	struct err err = { 0 };
	struct queue_subscription *s = queue_subscribe(q, SV("abc"), SV("Candidate,Placement"),
						       SV("INSERTED,UPDATED"), 1234, 0, &err);
	assert_non_null(s);
	return s;
}

static void reading_empties_the_queue(void **state)
{
	struct queue q;
	queue_init(&q, 1);
	struct queue_subscription *s = subscribe(&q);
	post(&q, "Candidate", 1, EVENT_UPDATED);
	post(&q, "JobOrder", 2, EVENT_UPDATED);
	post(&q, "Candidate", 3, EVENT_DELETED);
	post(&q, "Placement", 4, EVENT_INSERTED);
	assert_true(queue_take(&q, s, 1, 0));
	assert_int_equal(s->batch_len, 1);
	assert_int_equal(s->batch[0].entity_id, 1);
	assert_int_equal(s->last_request, 1);
	assert_true(queue_take(&q, s, 100, 0));
	assert_int_equal(s->batch_len, 1);
	assert_int_equal(s->batch[0].entity_id, 4);
	assert_false(queue_take(&q, s, 100, 0));
	assert_int_equal(s->last_request, 2);
	assert_int_equal(s->batch[0].entity_id, 4); /* can be had again */
	queue_finish(&q);
}

static void batches_are_bounded(void **state)
{
	struct queue q;
	queue_init(&q, 1);
	struct queue_subscription *s = subscribe(&q);
	for (int i = 1; i <= 1000; i++)
		post(&q, "Candidate", i, EVENT_UPDATED);
	int64_t expected = 1;
	while (queue_take(&q, s, 5000, 0)) {
		assert_int_equal(s->batch_len, QUEUE_MAX_BATCH);
		for (size_t i = 0; i < s->batch_len; i++)
			assert_int_equal(s->batch[i].entity_id, expected++);
		if (expected == 501)
			for (int i = 1001; i <= 1100; i++)
				post(&q, "Candidate", i, EVENT_UPDATED);
	}
	assert_int_equal(expected, 1101);
	queue_finish(&q);
}

static void duplicates_keep_their_id(void **state)
{
	struct queue q;
	queue_init(&q, 1);
	struct queue_subscription *s = subscribe(&q);
	q.duplicate_percent = 100;
	post(&q, "Candidate", 1, EVENT_UPDATED);
	queue_take(&q, s, 100, 0);
	assert_int_equal(s->batch_len, 2);
	assert_int_equal(s->batch[0].number, s->batch[1].number);
	assert_int_equal(q.posted, 1);
	queue_finish(&q);
}

static void disorder_loses_nothing(void **state)
{
	struct queue q;
	bool seen[50] = { false }, swapped = false;
	queue_init(&q, 1);
	struct queue_subscription *s = subscribe(&q);
	q.disorder_percent = 50;
	for (int i = 0; i < 50; i++)
		post(&q, "Candidate", i, EVENT_UPDATED);
	queue_take(&q, s, 100, 0);
	assert_int_equal(s->batch_len, 50);
	for (size_t i = 0; i < 50; i++) {
		swapped |= s->batch[i].entity_id != (int64_t)i;
		seen[s->batch[i].entity_id] = true;
	}
	assert_true(swapped);
	for (size_t i = 0; i < 50; i++)
		assert_true(seen[i]);
	queue_finish(&q);
}

static void subscribing_again_keeps_what_waits(void **state)
{
	struct queue q;
	struct err err = { 0 };
	queue_init(&q, 1);
	struct queue_subscription *s = subscribe(&q);
	post(&q, "Candidate", 1, EVENT_UPDATED);
	assert_ptr_equal(subscribe(&q), s);
	assert_true(queue_take(&q, s, 100, 0));
	assert_int_equal(subscribe(&q)->last_request, 1);
	s = queue_subscribe(&q, SV("abc"), SV("Placement"), SV("UPDATED"), 1234, 0, &err);
	assert_int_equal(s->last_request, 0);
	assert_int_equal(q.len, 1);
	queue_finish(&q);
}

static void unread_subscriptions_expire(void **state)
{
	struct queue q;
	queue_init(&q, 1);
	subscribe(&q);
	assert_non_null(queue_find(&q, SV("abc"), q.expiry_ms));
	assert_null(queue_find(&q, SV("abc"), q.expiry_ms + 1));
	assert_false(queue_drop(&q, SV("abc")));
	queue_finish(&q);
}

static void subscriptions_are_limited(void **state)
{
	struct queue q;
	struct err err = { 0 };
	char id[32];
	queue_init(&q, 1);
	for (size_t i = 0; i < q.max; i++) {
		snprintf(id, sizeof(id), "s%zu", i);
		assert_non_null(
			queue_subscribe(&q, sv_of(id), SV("Candidate"), SV("UPDATED"), 1, 0, &err));
	}
	assert_null(queue_subscribe(&q, SV("more"), SV("Candidate"), SV("UPDATED"), 1, 0, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	err_clear(&err);
	assert_null(queue_subscribe(&q, SV("s0"), SV("Candidate"), SV("RENAMED"), 1, 0, &err));
	assert_int_equal(err.code, ERR_BAD_INPUT);
	queue_finish(&q);
}

/* --- login --- */

static void the_chain_holds_once(void **state)
{
	struct login l;
	struct err err = { 0 };
	char code[TOKEN_SIZE], access[TOKEN_SIZE], first[TOKEN_SIZE], second[TOKEN_SIZE],
		session[TOKEN_SIZE];
	login_init(&l);
	login_code(&l, 0, code);
	assert_true(login_redeem(&l, TOKEN_CODE, sv_of(code), 1, access, first, &err));
	assert_false(login_redeem(&l, TOKEN_CODE, sv_of(code), 1, access, second, &err));
	assert_int_equal(err.code, ERR_AUTH);
	assert_true(login_redeem(&l, TOKEN_REFRESH, sv_of(first), 1, access, second, &err));
	assert_string_not_equal(first, second);
	assert_false(login_redeem(&l, TOKEN_REFRESH, sv_of(first), 1, access, session, &err));
	err_clear(&err);
	assert_true(login_open(&l, sv_of(access), 0, 2, session, &err));
	assert_true(login_session(&l, sv_of(session), 3) > 0);
	assert_false(login_redeem(&l, TOKEN_REFRESH, sv_of(access), 3, access, second, &err));
	assert_true(login_close(&l, sv_of(session)));
	assert_int_equal(login_session(&l, sv_of(session), 3), 0);
	login_finish(&l);
}

static void tokens_expire(void **state)
{
	struct login l;
	struct err err = { 0 };
	char code[TOKEN_SIZE], access[TOKEN_SIZE], refresh[TOKEN_SIZE], session[TOKEN_SIZE];
	login_init(&l);
	login_code(&l, 0, code);
	assert_false(login_redeem(&l, TOKEN_CODE, sv_of(code), l.code_ms, access, refresh, &err));
	err_clear(&err);
	login_code(&l, 0, code);
	assert_true(login_redeem(&l, TOKEN_CODE, sv_of(code), 0, access, refresh, &err));
	assert_true(login_open(&l, sv_of(access), 1, 0, session, &err));
	assert_int_equal(login_session(&l, sv_of(session), 59999), 60000);
	assert_int_equal(login_session(&l, sv_of(session), 60000), 0);
	assert_false(login_open(&l, sv_of(access), 1, 600000, session, &err));
	assert_int_equal(err.code, ERR_AUTH);
	login_finish(&l);
}

static void sessions_are_limited(void **state)
{
	struct login l;
	struct err err = { 0 };
	char code[TOKEN_SIZE], access[TOKEN_SIZE], refresh[TOKEN_SIZE], session[TOKEN_SIZE];
	login_init(&l);
	l.max_sessions = 2;
	login_code(&l, 0, code);
	assert_true(login_redeem(&l, TOKEN_CODE, sv_of(code), 0, access, refresh, &err));
	assert_true(login_open(&l, sv_of(access), 0, 0, session, &err));
	assert_true(login_open(&l, sv_of(access), 0, 0, session, &err));
	assert_false(login_open(&l, sv_of(access), 0, 0, session, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	login_expire(&l, TOKEN_SESSION);
	err_clear(&err);
	assert_true(login_open(&l, sv_of(access), 0, 0, session, &err));
	login_finish(&l);
}

/* --- history --- */

static void history_names(void **state)
{
	bool changes;
	assert_int_equal(history_named(SV("UserEditHistory"), &changes), HISTORY_USER);
	assert_false(changes);
	assert_int_equal(history_named(SV("PlacementEditHistoryFieldChange"), &changes),
			 HISTORY_PLACEMENT);
	assert_true(changes);
	assert_int_equal(history_named(SV("CandidateEditHistory"), &changes), HISTORY_NONE);
}

static void history_is_filtered_through_its_edit(void **state)
{
	struct history h = { 0 };
	struct arena a;
	struct err err = { 0 };
	arena_init(&a);
	history_edit(&h, HISTORY_PLACEMENT, 17, 5, 1000, "t-1");
	history_note(&h, HISTORY_PLACEMENT, "status", SV_NONE, SV("Approved"));
	history_note(&h, HISTORY_PLACEMENT, "payRate", SV("1.0000"), SV_NONE);
	struct filter *f = filter_parse_jpql(
		SV("editHistory.targetEntity.id IN (17,18) AND columnName='status' "
		   "AND oldValue='[blank]' AND id > 77"),
		&history_change_schema, &a, &err);
	assert_non_null(f);
	const struct history_log *l = &h.logs[HISTORY_PLACEMENT];
	struct history_row row;
	history_row_init(&row, &l->edits[0], &l->changes[0]);
	assert_true(filter_match(f, &row.base));
	history_row_init(&row, &l->edits[0], &l->changes[1]);
	assert_false(filter_match(f, &row.base));
	assert_string_equal(l->changes[1].new_value, "[blank]");
	assert_int_equal(filter_ids(f, &a).low, 77);
	arena_finish(&a);
	history_finish(&h);
}

/* --- the firm --- */

static const int64_t NOW = 1795000000000;

static struct people *firm(const char *size, uint64_t seed)
{
	struct people_counts n;
	assert_true(people_counts_parse(size, &n));
	return people_generate(seed, &n, NOW);
}

static void the_firm_is_a_function_of_its_seed(void **state)
{
	struct people *a = firm("small", 7), *b = firm("small", 7), *c = firm("small", 8);
	int differ = 0;
	for (size_t i = 0; i < a->counts.candidates; i++) {
		assert_string_equal(a->candidates[i].last_name, b->candidates[i].last_name);
		assert_int_equal(a->candidates[i].presence, b->candidates[i].presence);
		differ += strcmp(a->candidates[i].last_name, c->candidates[i].last_name) != 0;
	}
	assert_true(differ > 0);
	people_destroy(a);
	people_destroy(b);
	people_destroy(c);
}

static bool same(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool keyed(enum presence p)
{
	return p == PRESENT_LINKED || p == PRESENT_DIFFERS;
}

static void lifecycles_agree(void **state)
{
	struct people *p = firm("try", 3);
	bool *taken = must_zalloc(p->counts.candidates);
	for (size_t i = 0; i < p->counts.placements; i++) {
		const struct placement *l = &p->placements[i];
		const struct candidate *c = &p->candidates[l->candidate];
		const struct job_order *j = &p->job_orders[l->job_order];
		const struct submission *s = &p->submissions[l->submission];
		bool over = same(l->ats_status, "Completed") || same(l->ats_status, "Terminated");
		assert_false(taken[l->candidate]);
		taken[l->candidate] = true;
		assert_int_equal(same(c->ats_status, "Placed"), !over);
		assert_string_equal(j->ats_status, "Placed");
		assert_true(s->candidate == l->candidate && s->job_order == l->job_order);
		assert_string_equal(s->ats_status, "Placed");
		assert_true(l->created_ms >= j->created_ms && l->modified_ms <= NOW);
		assert_true(j->presence != PRESENT_ONLY);
		if (l->presence != PRESENT_MISSING)
			assert_true(keyed(c->presence) && keyed(j->presence));
	}
	free(taken);
	people_destroy(p);
}

static void presence_is_as_promised(void **state)
{
	struct people *p = firm("try", 3);
	size_t n[PRESENT_ONLY + 1] = { 0 }, only = 0;
	for (size_t i = 0; i < p->counts.candidates; i++) {
		const struct candidate *c = &p->candidates[i];
		n[c->presence]++;
		if (c->presence == PRESENT_SAME_EMAIL || c->presence == PRESENT_TWICE)
			assert_non_null(c->email);
		assert_int_equal(c->presence == PRESENT_DIFFERS, c->differs != 0);
		assert_non_null(strstr(c->phone, " 555-01"));
	}
	assert_in_range(n[PRESENT_MISSING], 1250, 1750);
	assert_in_range(n[PRESENT_DIFFERS], 400, 600);
	assert_in_range(n[PRESENT_TWICE], 1, 10);
	for (size_t i = 0; i < p->counts.job_orders; i++) {
		const struct job_order *j = &p->job_orders[i];
		only += j->presence == PRESENT_ONLY;
		assert_true(p->companies[j->company].presence != PRESENT_MISSING);
		assert_int_equal(p->contacts[j->contact].company, j->company);
		assert_true(j->presence != PRESENT_MISSING);
	}
	assert_in_range(only, 24, 48);
	people_destroy(p);
}

static void every_skill_is_listed(void **state)
{
	struct people *p = firm("small", 1);
	for (size_t i = 0; i < p->counts.candidates; i++) {
		struct sv left = sv_of(p->candidates[i].skills), one;
		while (left.len) {
			const char *const *known = people_skills();
			sv_cut(left, ';', &one, &left);
			while (*known && !sv_eq(sv_of(*known), one))
				known++;
			assert_non_null(*known);
		}
	}
	people_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_empties_the_queue),
		cmocka_unit_test(batches_are_bounded),
		cmocka_unit_test(duplicates_keep_their_id),
		cmocka_unit_test(disorder_loses_nothing),
		cmocka_unit_test(subscribing_again_keeps_what_waits),
		cmocka_unit_test(unread_subscriptions_expire),
		cmocka_unit_test(subscriptions_are_limited),
		cmocka_unit_test(the_chain_holds_once),
		cmocka_unit_test(tokens_expire),
		cmocka_unit_test(sessions_are_limited),
		cmocka_unit_test(history_names),
		cmocka_unit_test(history_is_filtered_through_its_edit),
		cmocka_unit_test(the_firm_is_a_function_of_its_seed),
		cmocka_unit_test(lifecycles_agree),
		cmocka_unit_test(presence_is_as_promised),
		cmocka_unit_test(every_skill_is_listed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test-governor.c - how much of a system is used: budgets, the window of calls
 * in flight, the back-off. The clock is turned by hand. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

#include "base/panic.h"
#include "flow/governor.h"

#define NOON_MS 1795428000000
#define DAY_MS (24 * 3600 * (int64_t)1000)

struct world {
	struct clock_manual clock;
	struct governor g;
	int64_t calls; /* as a connector counts them */
};

static void begin(struct world *w, int window, struct deployment_limits limits)
{
	*w = (struct world){ 0 };
	clock_manual_init(&w->clock, NOON_MS);
	governor_init(&w->g, &w->clock.clock, window, &limits);
}

static void call(struct world *w, const struct err *err)
{
	struct err why = { 0 };
	assert_true(governor_enter(&w->g, &why));
	governor_leave(&w->g, err, ++w->calls);
}

static bool ready(struct world *w)
{
	return governor_ready_ms(&w->g) <= w->clock.ms;
}

static int64_t wait_ms(struct world *w)
{
	int64_t at = governor_ready_ms(&w->g);
	return at > w->clock.ms ? at - w->clock.ms : 0;
}

static struct err system_err(enum err_code code)
{
	struct err e = { 0 };
	err_set(&e, code, "bullhorn: away");
	e.scope = SCOPE_SYSTEM;
	return e;
}

/* ------------------------------------------------------------------- budgets */

static void each_budget_has_its_window(void **state)
{
	static const struct {
		struct deployment_limits limits;
		int64_t length_ms;
	} kase[] = {
		{ { .per_second = 4, .share_percent = 100 }, 1000 },
		{ { .per_minute = 4, .share_percent = 100 }, 60000 },
		{ { .per_day = 4, .share_percent = 100 }, DAY_MS },
		{ { .per_month = 4, .share_percent = 100 }, 30 * DAY_MS },
	};
	for (size_t k = 0; k < countof(kase); k++) {
		struct world w;
		begin(&w, 2, kase[k].limits);
		/* the window begins with its first call, whenever that is */
		for (int round = 0; round < 3; round++) {
			for (int i = 0; i < 4; i++) {
				assert_true(ready(&w));
				call(&w, NULL);
			}
			assert_int_equal(wait_ms(&w), kase[k].length_ms);
			w.clock.ms += kase[k].length_ms - 1;
			assert_false(ready(&w));
			w.clock.ms += 1 + round * 77;
			assert_true(ready(&w));
		}
		governor_finish(&w.g);
	}
}

static void the_longest_wait_counts(void **state)
{
	struct world w;
	begin(&w, 1, (struct deployment_limits){ .per_second = 2, .per_minute = 3,
						 .share_percent = 100 });
	call(&w, NULL);
	call(&w, NULL);
	assert_int_equal(wait_ms(&w), 1000);
	w.clock.ms += 1000;
	call(&w, NULL);
	assert_int_equal(wait_ms(&w), 59000);
	governor_finish(&w.g);
}

static int calls_until_full(struct deployment_limits limits)
{
	struct world w;
	begin(&w, 1, limits);
	while (ready(&w) && w.calls < 1000)
		call(&w, NULL);
	governor_finish(&w.g);
	return (int)w.calls;
}

static void others_keep_their_share(void **state)
{
	assert_int_equal(calls_until_full((struct deployment_limits){ .per_day = 100 }), 80);
	assert_int_equal(calls_until_full((struct deployment_limits){ .per_day = 100,
								      .share_percent = 25 }), 25);
	/* never nothing at all */
	assert_int_equal(calls_until_full((struct deployment_limits){ .per_day = 1,
								      .share_percent = 10 }), 1);
	assert_int_equal(calls_until_full((struct deployment_limits){ 0 }), 1000);
}

static void one_operation_may_be_many_calls(void **state)
{
	struct world w;
	begin(&w, 2, (struct deployment_limits){ .per_minute = 10, .share_percent = 100 });
	governor_note(&w.g, NULL, 9);
	assert_true(ready(&w));
	/* two threads read the counter at 10 and 12 and come in the other order */
	governor_note(&w.g, NULL, 12);
	governor_note(&w.g, NULL, 10);
	assert_int_equal(w.g.budget[1].used, 12);
	assert_false(ready(&w));
	governor_finish(&w.g);
}

static void a_clock_set_back_blocks_nothing(void **state)
{
	struct world w;
	begin(&w, 2, (struct deployment_limits){ .per_second = 1, .share_percent = 100 });
	call(&w, NULL);
	assert_false(ready(&w));
	w.clock.ms -= 3600 * 1000;
	assert_true(ready(&w));
	call(&w, NULL);
	assert_int_equal(wait_ms(&w), 1000);
	governor_finish(&w.g);
}

static void budgets_survive_a_restart(void **state)
{
	struct deployment_limits limits = { .per_second = 50, .per_day = 10, .share_percent = 100 };
	struct world w, next;
	struct buf b;
	buf_init(&b, 4096);
	begin(&w, 2, limits);
	for (int i = 0; i < 7; i++)
		call(&w, NULL);
	governor_save(&w.g, &b);
	begin(&next, 2, limits);
	next.clock.ms += 5000;
	governor_load(&next.g, buf_sv(&b));
	for (int i = 0; i < 3; i++) {
		assert_true(ready(&next));
		call(&next, NULL);
	}
	assert_int_equal(wait_ms(&next), DAY_MS - 5000);
	governor_finish(&next.g);

	/* damaged, cut short, or from a clock that was wrong: as if never saved;
	 * but for what an older version saved */
	struct buf older;
	buf_init(&older, 4096);
	for (int i = 0; i < BUDGETS; i++) {
		buf_add_varint(&older, (uint64_t)w.g.budget[i].start_ms);
		buf_add_varint(&older, (uint64_t)w.g.budget[i].used);
	}
	begin(&next, 2, limits);
	governor_load(&next.g, buf_sv(&older));
	assert_int_equal(next.g.budget[2].used, 7);
	governor_finish(&next.g);
	for (size_t len = 0; len < b.len; len++) {
		if (len == older.len)
			continue;
		begin(&next, 2, limits);
		governor_load(&next.g, sv_make(b.ptr, len));
		assert_int_equal(next.g.budget[2].used, 0);
		assert_true(ready(&next));
		governor_finish(&next.g);
	}
	begin(&next, 2, limits);
	next.clock.ms -= DAY_MS;
	governor_load(&next.g, buf_sv(&b));
	assert_true(ready(&next));
	assert_int_equal(next.g.budget[2].used, 0);
	governor_finish(&next.g);
	governor_finish(&w.g);
	buf_finish(&older);
	buf_finish(&b);
}

/* --------------------------------------------------------- quotas and forecast */

static void a_quota_that_is_told_is_a_budget(void **state)
{
	struct world w;
	struct connector_usage usage = { .calls = 5 };
	begin(&w, 2, (struct deployment_limits){ .per_day = 50, .share_percent = 50 });
	governor_watch(&w.g, &usage);
	/* what was counted before is not ours to count */
	w.calls = 5;
	call(&w, NULL);
	assert_int_equal(w.g.budget[BUDGET_DAY].used, 1);
	assert_int_equal(w.g.budget[BUDGET_DAY].limit, 25);
	usage.quota_limit = 40;
	call(&w, NULL);
	assert_int_equal(w.g.budget[BUDGET_DAY].limit, 20);
	/* more than the deployment says is not taken */
	usage.quota_limit = 4000;
	call(&w, NULL);
	assert_int_equal(w.g.budget[BUDGET_DAY].limit, 25);
	/* others have nearly all: one call in five minutes */
	usage.quota_used = 3800;
	call(&w, NULL);
	assert_int_equal(wait_ms(&w), 5 * 60 * 1000);
	w.clock.ms += 5 * 60 * 1000;
	assert_true(ready(&w));
	usage.quota_used = 3799;
	call(&w, NULL);
	assert_true(ready(&w));
	governor_finish(&w.g);
}

static void strain_is_told_in_two_levels(void **state)
{
	static const struct {
		int64_t used;
		int told, level;
	} kase[] = {
		{ 799, 0, 0 },	 { 800, 0, 80 },   { 949, 0, 80 },  { 950, 0, 95 },  { 950, 80, 95 },
		{ 900, 95, 95 }, { 899, 95, 80 },  { 750, 80, 80 }, { 749, 80, 0 },  { 749, 95, 0 },
		{ 999, 95, 95 }, { 2000, 95, 95 },
	};
	struct world w;
	struct connector_usage usage = { .quota_limit = 1000 };
	char why[STRAIN_WHY_SIZE];
	begin(&w, 2, (struct deployment_limits){ .per_minute = 2 });
	governor_watch(&w.g, &usage);
	for (size_t i = 0; i < countof(kase); i++) {
		usage.quota_used = kase[i].used;
		call(&w, NULL);
		assert_int_equal(governor_strain(&w.g, kase[i].told, why), kase[i].level);
	}
	governor_finish(&w.g);
}

static void the_end_of_a_budget_is_foreseen(void **state)
{
	struct world w;
	char why[STRAIN_WHY_SIZE];
	begin(&w, 2, (struct deployment_limits){ .per_day = 1000, .share_percent = 100 });
	assert_int_equal(governor_runs_out_ms(&w.g, BUDGET_DAY), 0);
	/* one a minute is more than a day's thousand calls can take */
	for (int i = 0; i < 850; i++) {
		call(&w, NULL);
		w.clock.ms += 60 * 1000;
	}
	int64_t at = governor_runs_out_ms(&w.g, BUDGET_DAY) - w.clock.ms;
	assert_in_range(at, 145 * 60 * 1000, 160 * 60 * 1000);
	assert_int_equal(governor_strain(&w.g, 0, why), 80);
	assert_non_null(strstr(why, "850 of our 1000 calls a day are used; at the present pace they "
				    "end at "));
	/* the present pace, not the day's: who pauses does not run out */
	w.clock.ms += 3600 * 1000;
	assert_int_equal(governor_runs_out_ms(&w.g, BUDGET_DAY), 0);
	assert_int_equal(governor_strain(&w.g, 80, why), 80);
	assert_non_null(strstr(why, "they last until the next begin at"));
	for (int i = 0; i < 150; i++)
		call(&w, NULL);
	assert_int_equal(governor_runs_out_ms(&w.g, BUDGET_DAY), w.clock.ms);
	governor_finish(&w.g);
}

/* ------------------------------------------------------------------- failures */

static void back_off_doubles_to_a_minute(void **state)
{
	struct world w;
	struct err away = system_err(ERR_UNREACHABLE);
	static const int64_t expected[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
	begin(&w, 4, (struct deployment_limits){ 0 });
	for (size_t i = 0; i < countof(expected); i++) {
		assert_true(ready(&w));
		call(&w, &away);
		assert_int_equal(wait_ms(&w), expected[i]);
		w.clock.ms += expected[i];
	}
	call(&w, NULL);
	assert_true(ready(&w));
	call(&w, &away);
	assert_int_equal(wait_ms(&w), 1000);
	governor_finish(&w.g);
}

/* Calls that were in flight together are one step, however many. */
static void calls_that_fail_together_are_one_step(void **state)
{
	struct world w;
	struct err away = system_err(ERR_LOST);
	begin(&w, 8, (struct deployment_limits){ 0 });
	for (int64_t wait = 1000; wait <= 16000; wait *= 2) {
		for (int i = 0; i < 5; i++)
			governor_note(&w.g, &away, ++w.calls);
		assert_int_equal(wait_ms(&w), wait);
		w.clock.ms += wait;
	}
	governor_finish(&w.g);
}

static void down_is_not_slow(void **state)
{
	struct world w;
	struct err away = system_err(ERR_SERVER), why;
	int64_t since = 0;
	begin(&w, 4, (struct deployment_limits){ 0 });
	assert_false(governor_is_down(&w.g, NULL, NULL));
	/* one bad moment, of many calls */
	for (int i = 0; i < 4; i++)
		governor_note(&w.g, &away, ++w.calls);
	assert_false(governor_is_down(&w.g, NULL, NULL));
	w.clock.ms += 1000;
	call(&w, &away);
	assert_true(governor_is_down(&w.g, &why, &since));
	assert_string_equal(why.what, "bullhorn: away");
	assert_int_equal(since, NOON_MS);
	w.clock.ms += 2000;
	call(&w, NULL);
	assert_false(governor_is_down(&w.g, &why, NULL));
	/* what is over is not given as a reason for waiting on a budget */
	assert_int_equal(why.code, ERR_NONE);
	governor_finish(&w.g);
}

static void records_do_not_fail_systems(void **state)
{
	struct world w;
	struct err refused = { 0 };
	begin(&w, 4, (struct deployment_limits){ 0 });
	err_set(&refused, ERR_REJECTED, "salesforce: no such value");
	refused.scope = SCOPE_RECORD;
	for (int i = 0; i < 10; i++)
		call(&w, &refused);
	assert_true(ready(&w));
	assert_false(governor_is_down(&w.g, NULL, NULL));
	assert_int_equal((int)w.g.window, 4);
	governor_finish(&w.g);
}

static void a_wrong_login_waits_for_a_person(void **state)
{
	struct world w;
	struct err login = system_err(ERR_AUTH), away = system_err(ERR_LOST), why;
	begin(&w, 4, (struct deployment_limits){ 0 });
	login.retry = RETRY_PERSON;
	err_clear(&why);
	call(&w, &login);
	assert_true(governor_is_down(&w.g, &why, NULL));
	assert_int_equal(why.code, ERR_AUTH);
	assert_int_equal(wait_ms(&w), 15 * 60 * 1000);
	/* answers to what was in flight prove nothing about the login */
	governor_note(&w.g, NULL, ++w.calls);
	governor_note(&w.g, &away, ++w.calls);
	assert_int_equal(wait_ms(&w), 15 * 60 * 1000);
	governor_is_down(&w.g, &why, NULL);
	assert_int_equal(why.code, ERR_AUTH);
	w.clock.ms += 15 * 60 * 1000;
	assert_true(ready(&w));
	call(&w, NULL);
	assert_false(governor_is_down(&w.g, NULL, NULL));
	governor_finish(&w.g);
}

/* --------------------------------------------------------------------- window */

static void the_window_falls_fast_and_grows_slowly(void **state)
{
	struct world w;
	struct err slow = system_err(ERR_LIMIT);
	begin(&w, 8, (struct deployment_limits){ 0 });
	/* one cut for all calls of a round trip */
	for (int i = 0; i < 8; i++)
		governor_note(&w.g, &slow, ++w.calls);
	assert_int_equal((int)w.g.window, 4);
	for (int i = 0; i < 9; i++) {
		w.clock.ms += 60000;
		call(&w, &slow);
	}
	assert_int_equal((int)w.g.window, 1);
	/* grows by one in about four times as many calls as it is wide */
	w.clock.ms += 60000;
	int steps[9] = { 0 };
	for (int i = 0; i < 1000; i++) {
		call(&w, NULL);
		steps[(int)w.g.window]++;
	}
	for (int wide = 2; wide < 8; wide++)
		assert_in_range(steps[wide], 3 * wide, 5 * wide);
	assert_int_equal((int)w.g.window, 8);
	governor_finish(&w.g);
}

enum { THREADS = 12, ROUNDS = 500, WINDOW = 3 };

struct crowd {
	struct world w;
	_Atomic int in, most;
	_Atomic int64_t calls;
};

static void *come_and_go(void *arg)
{
	struct crowd *c = arg;
	struct err slow = system_err(ERR_LIMIT), stopped = { 0 };
	for (int i = 0; i < ROUNDS && governor_enter(&c->w.g, &stopped); i++) {
		int in = ++c->in, most = c->most;
		while (in > most && !atomic_compare_exchange_weak(&c->most, &most, in))
			;
		sched_yield();
		c->in--;
		governor_leave(&c->w.g, i % 50 == 49 ? &slow : NULL, ++c->calls);
	}
	return NULL;
}

static void threads_stay_within_the_window(void **state)
{
	struct crowd c = { 0 };
	pthread_t thread[THREADS];
	begin(&c.w, WINDOW, (struct deployment_limits){ .per_day = 1000000 });
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, come_and_go, &c), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_in_range(c.most, 1, WINDOW);
	assert_int_equal(c.w.g.in_flight, 0);
	assert_int_equal(c.w.g.budget[2].used, THREADS * ROUNDS);
	governor_finish(&c.w.g);
}

static void *wait_for_place(void *arg)
{
	struct crowd *c = arg;
	struct err err = { 0 };
	c->in++;
	if (!governor_enter(&c->w.g, &err) && err.code == ERR_STOPPED)
		c->calls++;
	return NULL;
}

static void a_stop_lets_go_who_waits(void **state)
{
	struct crowd c = { 0 };
	struct err err = { 0 };
	pthread_t thread[4];
	begin(&c.w, 1, (struct deployment_limits){ 0 });
	assert_true(governor_enter(&c.w.g, &err));
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, wait_for_place, &c), 0);
	while (c.in < 4)
		sched_yield();
	governor_stop(&c.w.g);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(c.calls, 4);
	assert_int_equal(c.w.g.in_flight, 1);
	governor_leave(&c.w.g, NULL, 1);
	assert_false(governor_enter(&c.w.g, &err));
	governor_finish(&c.w.g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_budget_has_its_window),
		cmocka_unit_test(the_longest_wait_counts),
		cmocka_unit_test(others_keep_their_share),
		cmocka_unit_test(one_operation_may_be_many_calls),
		cmocka_unit_test(a_clock_set_back_blocks_nothing),
		cmocka_unit_test(budgets_survive_a_restart),
		cmocka_unit_test(a_quota_that_is_told_is_a_budget),
		cmocka_unit_test(strain_is_told_in_two_levels),
		cmocka_unit_test(the_end_of_a_budget_is_foreseen),
		cmocka_unit_test(back_off_doubles_to_a_minute),
		cmocka_unit_test(calls_that_fail_together_are_one_step),
		cmocka_unit_test(down_is_not_slow),
		cmocka_unit_test(records_do_not_fail_systems),
		cmocka_unit_test(a_wrong_login_waits_for_a_person),
		cmocka_unit_test(the_window_falls_fast_and_grows_slowly),
		cmocka_unit_test(threads_stay_within_the_window),
		cmocka_unit_test(a_stop_lets_go_who_waits),
	};
	return cmocka_run_group_tests_name("governor", tests, NULL, NULL);
}

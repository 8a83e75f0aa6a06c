/* test-threads.c - the engine's own threads over two scripted systems, while
 * people edit both sides. What the threads did in whatever order, afterwards
 * both sides agree, nothing was created twice, no step is lost or out of
 * order, the ledger is balanced and the journal verifies.
 *
 * Build with -Db_sanitize=thread to have the races of it told. */
#include <libgen.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "../scratch_dir.h"
#include "base/rng.h"
#include "flow/run.h"
#include "store/journal.h"
#include "store/ledger.h"
#include "store/slots.h"
#include "systems/scripted/scripted.h"
#include "treaty/load.h"

enum { PEOPLE = 8, EDITS = 300, ROUNDS_MAX = 5000, HURRIES_MAX = 200 };

static const char *treaty_path;
static int64_t seed = 20261123;

/* The real time, which tests may hurry on. */
struct hurried {
	struct clock clock; /* first */
	_Atomic int64_t ahead_ms;
};

static int64_t hurried_now_ms(struct clock *c)
{
	return clock_now(clock_real()) + ((struct hurried *)c)->ahead_ms;
}

struct world {
	char path[SCRATCH_PATH_MAX];
	struct hurried clock;
	struct treaty *treaty;
	struct scripted *system[SIDES];
	struct store *store;
	struct engine *engine;
	struct arena arena;
	struct rng rng;
	int people; /* candidates, job orders and placements so far, each */
};

/* ---------------------------------------------------------------- the world */

static void open_engine(struct world *w, bool threaded)
{
	struct err err = { 0 };
	w->store = store_open(&(struct store_options){ .path = w->path, .volatile_ok = true,
						       .threaded = threaded,
						       .clock = &w->clock.clock }, &err);
	if (!w->store)
		fail_msg("%s", err.what);
	struct engine_options o = { .treaty = w->treaty, .store = w->store,
				    .clock = &w->clock.clock, .echo_linger_ms = -1 };
	for (int s = 0; s < SIDES; s++)
		o.system[s] = scripted_connector(w->system[s]);
	w->engine = engine_create(&o);
	if (!engine_start(w->engine, &err))
		fail_msg("%s", err.what);
}

static void close_engine(struct world *w)
{
	engine_destroy(w->engine);
	store_close(w->store);
	w->engine = NULL;
	w->store = NULL;
}

/* To rest, turning the clock over whatever waits for a time. */
static void run_to_rest(struct world *w)
{
	struct err err = { 0 };
	for (int i = 0; i < HURRIES_MAX; i++) {
		if (!engine_run_idle(w->engine, ROUNDS_MAX, &err))
			fail_msg("%s", err.what);
		int64_t next = engine_next_ms(w->engine), now = clock_now(&w->clock.clock);
		if (next == INT64_MAX)
			return;
		if (next > now)
			w->clock.ahead_ms += next - now;
	}
	fail_msg("does not come to rest");
}

static void put(struct world *w, enum side side, const char *object, struct sv id,
		const char *api, struct sv text)
{
	scripted_put(w->system[side], sv_of(object), id,
		     &(struct scripted_set){ sv_of(api), text }, 1, WRITER_PERSON);
}

static struct sv numbered(struct world *w, const char *what, int n)
{
	return arena_printf(&w->arena, "%s%d", what, n);
}

/* A candidate and his placement in the ATS, a job order in Salesforce. */
static void add_person(struct world *w)
{
	int n = w->people++;
	struct sv candidate = numbered(w, "c", n);
	put(w, SIDE_ATS, "Candidate", candidate, "firstName", numbered(w, "Anna ", n));
	put(w, SIDE_ATS, "Candidate", candidate, "email", numbered(w, "anna@example.com", n));
	put(w, SIDE_SALESFORCE, "Job_Order__c", numbered(w, "j", n), "Name",
	    numbered(w, "Welder ", n));
	struct scripted_set placement[] = { { SV("candidate"), candidate },
					    { SV("status"), SV("Submitted") } };
	scripted_put(w->system[SIDE_ATS], SV("Placement"), numbered(w, "p", n), placement, 2,
		     WRITER_PERSON);
}

static int set_up(void **state)
{
	static const struct connector_shape shape[SIDES] = {
		[SIDE_ATS] = { .can = CAN_HISTORY | CAN_AUTHOR, .fetch_max = 5, .write_max = 1,
			       .list_max = 10, .longest_request_ms = 60000, .concurrent = 3 },
		[SIDE_SALESFORCE] = { .can = CAN_UPSERT | CAN_CONDITION | CAN_AUTHOR,
				      .fetch_max = 20, .write_max = 10, .list_max = 10,
				      .longest_request_ms = 600000, .concurrent = 3 },
	};
	struct world *w = must_zalloc(sizeof(*w));
	struct complaints c;
	char dir[SCRATCH_DIR_MAX];
	scratch_dir(dir);
	snprintf(w->path, sizeof(w->path), "%s/store.db", dir);
	w->clock.clock.now_ms = hurried_now_ms;
	w->rng.state = (uint64_t)seed;
	arena_init(&w->arena);
	complaints_init(&c, treaty_path);
	w->treaty = treaty_load(treaty_path, &c);
	assert_non_null(w->treaty);
	complaints_finish(&c);
	for (int s = 0; s < SIDES; s++)
		w->system[s] = scripted_create(&(struct scripted_options){
			.name = side_name[s], .clock = &w->clock.clock, .shape = shape[s] });
	for (int r = 0; r < w->treaty->record_n; r++)
		for (int i = 0; i < w->treaty->record[r].field_n; i++)
			for (int s = 0; s < SIDES; s++) {
				const struct treaty_field *f = &w->treaty->record[r].field[i];
				if (strcmp(f->api[s], FIELD_API_ID) != 0)
					scripted_declare(w->system[s],
							 sv_of(w->treaty->record[r].side[s].object),
							 sv_of(f->api[s]), f->type.kind);
			}
	open_engine(w, false);
	run_to_rest(w);
	for (int i = 0; i < PEOPLE; i++)
		add_person(w);
	run_to_rest(w);
	close_engine(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	struct world *w = *state;
	char name[SCRATCH_PATH_MAX + 16];
	for (int s = 0; s < SIDES; s++)
		scripted_destroy(w->system[s]);
	treaty_destroy(w->treaty);
	for (size_t i = 0; i < countof(ends); i++) {
		snprintf(name, sizeof(name), "%s%s", w->path, ends[i]);
		unlink(name);
	}
	rmdir(dirname(w->path));
	arena_finish(&w->arena);
	free(w);
	return 0;
}

/* ---------------------------------------------------------------- afterwards */

static struct value value_at(struct world *w, enum side side, const struct treaty_record *type,
			     const struct treaty_field *f, struct sv id)
{
	struct sv text = SV_NONE;
	struct value v = value_null();
	if (!scripted_get(w->system[side], sv_of(type->side[side].object), id,
			  sv_of(f->api[side]), &text))
		fail_msg("%s %.*s is not there", type->side[side].object, SV_ARG(id));
	if (!value_from_text(&f->type, text, &w->arena, &v, NULL))
		fail_msg("'%.*s' is no %s", SV_ARG(text), f->name);
	return v;
}

/* What the journal knows of a link, to explain a failure. */
static void tell_history(struct world *w, struct db *db, const struct link *l)
{
	struct journal_entry *e;
	int n = journal_of(db, l->id, 10000, &w->arena, &e);
	for (int i = 0; i < n; i++)
		print_error("%lld %lld %.*s %.*s\n", (long long)e[i].seq, (long long)e[i].at_ms,
			    SV_ARG(e[i].kind), SV_ARG(e[i].content));
}

static void check_pair(struct world *w, struct db *db, const struct treaty_record *type,
		       const struct link *l)
{
	if (l->state != LINK_LINKED)
		fail_msg("%s %.*s is not linked", type->name, SV_ARG(l->remote[SIDE_ATS]));
	for (int i = 0; i < type->field_n; i++) {
		const struct treaty_field *f = &type->field[i];
		if (f->type.kind == TYPE_LINK || strcmp(f->api[0], FIELD_API_ID) == 0 ||
		    strcmp(f->api[1], FIELD_API_ID) == 0)
			continue;
		struct value ats = value_at(w, SIDE_ATS, type, f, l->remote[SIDE_ATS]);
		struct value sf = value_at(w, SIDE_SALESFORCE, type, f, l->remote[SIDE_SALESFORCE]);
		if (field_agree(f, ats, sf, &w->arena))
			continue;
		tell_history(w, db, l);
		fail_msg("%s %.*s: %s: '%.*s' and '%.*s'", type->name,
			 SV_ARG(l->remote[SIDE_ATS]), f->name, SV_ARG(ats.text), SV_ARG(sf.text));
	}
}

/* Every status that the ATS showed reached Salesforce, in the same order. */
static void check_steps(struct world *w, const struct treaty_record *type, const struct link *l)
{
	const struct treaty_field *f = &type->field[treaty_field_by_name(type, SV("status"))];
	struct sv *took[SIDES];
	int n[SIDES];
	for (int s = 0; s < SIDES; s++)
		n[s] = scripted_took(w->system[s], sv_of(type->side[s].object), l->remote[s],
				     sv_of(f->api[s]), &w->arena, &took[s]);
	assert_int_equal(n[SIDE_ATS], n[SIDE_SALESFORCE]);
	for (int i = 0; i < n[SIDE_ATS]; i++)
		assert_true(field_agree(f, (struct value){ VALUE_TEXT, took[SIDE_ATS][i] },
					(struct value){ VALUE_TEXT, took[SIDE_SALESFORCE][i] },
					&w->arena));
}

static bool check_store(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	const struct treaty *t = w->treaty;
	struct ledger l;
	int64_t bad = 0;
	ledger_read(db, &l);
	assert_true(ledger_balanced(&l));
	assert_int_equal(l.pending, 0);
	assert_int_equal(l.slots_decided + l.slots_sent + l.slots_lost, 0);
	assert_int_equal(l.mismatches_open, 0);
	if (!journal_verify(db, &bad))
		fail_msg("journal entry %lld does not fit", (long long)bad);
	static const struct {
		const char *record, *id;
		enum side side;
	} kind[] = { { "candidate", "c", SIDE_ATS }, { "job_order", "j", SIDE_SALESFORCE },
		     { "placement", "p", SIDE_ATS } };
	for (size_t k = 0; k < countof(kind); k++)
		for (int i = 0; i < w->people; i++) {
			int record = treaty_record_by_name(t, sv_of(kind[k].record));
			struct link link;
			if (!link_find(db, t, record, kind[k].side, numbered(w, kind[k].id, i),
				       &w->arena, &link))
				fail_msg("%s%d has no link", kind[k].id, i);
			check_pair(w, db, &t->record[record], &link);
			if (kind[k].id[0] == 'p')
				check_steps(w, &t->record[record], &link);
		}
	return db_ok(db);
}

/* A new process over the same store brings both sides to agree. */
static void check_afterwards(struct world *w)
{
	struct err err = { 0 };
	open_engine(w, false);
	run_to_rest(w);
	if (!store_tx(w->store, check_store, w, &err))
		fail_msg("%s", err.what);
	assert_int_equal(scripted_created(w->system[SIDE_SALESFORCE], SV("Contact")), w->people);
	assert_int_equal(scripted_created(w->system[SIDE_SALESFORCE], SV("Placement__c")), w->people);
	assert_int_equal(scripted_created(w->system[SIDE_ATS], SV("JobOrder")), w->people);
	close_engine(w);
}

/* -------------------------------------------------------------------- people */

struct remote_ids {
	struct world *w;
	struct sv contact[PEOPLE];
};

static bool find_contacts(struct db *db, void *arg, struct err *err)
{
	struct remote_ids *r = arg;
	for (int i = 0; i < PEOPLE; i++) {
		struct link l;
		if (link_find(db, r->w->treaty, 0, SIDE_ATS, numbered(r->w, "c", i), &r->w->arena, &l))
			r->contact[i] = l.remote[SIDE_SALESFORCE];
	}
	return true;
}

/* One edit by somebody, of what people may edit: values are never used twice,
 * so that a two-way field is no cycle. */
static void edit(struct world *w, const struct remote_ids *r, int n)
{
	static const char *const status[] = { "Submitted", "Approved", "Placed", "Ended" };
	int who = (int)rng_below(&w->rng, PEOPLE);
	struct sv text = numbered(w, "text ", n), ats = numbered(w, "c", who);
	switch (rng_below(&w->rng, 10)) {
	case 0:
		put(w, SIDE_ATS, "Candidate", ats, "firstName", text);
		break;
	case 1:
		put(w, SIDE_ATS, "Candidate", ats, "headline", text);
		break;
	case 2:
		put(w, SIDE_ATS, "Candidate", ats, "city", text);
		break;
	case 3:
		put(w, SIDE_SALESFORCE, "Contact", r->contact[who], "MailingCity", text);
		break;
	case 4:
		put(w, SIDE_ATS, "Candidate", ats, "availability", text);
		break;
	case 5:
		put(w, SIDE_SALESFORCE, "Contact", r->contact[who], "Availability__c", text);
		break;
	case 6:
		put(w, SIDE_ATS, "Candidate", ats, "skillList", text);
		break;
	case 7:
		put(w, SIDE_SALESFORCE, "Contact", r->contact[who], "Skills__c", text);
		break;
	case 8:
		put(w, SIDE_SALESFORCE, "Job_Order__c", numbered(w, "j", who), "Name", text);
		break;
	case 9:
		put(w, SIDE_ATS, "Placement", numbered(w, "p", who), "status",
		    sv_of(status[rng_below(&w->rng, countof(status))]));
		break;
	}
	if (n % 60 == 59)
		add_person(w);
}

/* A few answers are lost, a few requests refused; the waits that follow are
 * hurried on. */
static void annoy(struct world *w)
{
	static const enum scripted_fault fault[] = { FAULT_LOST_DONE, FAULT_LOST_NOT_DONE,
						     FAULT_LIMIT, FAULT_UNREACHABLE, FAULT_BUSY };
	enum side side = rng_below(&w->rng, 2) ? SIDE_ATS : SIDE_SALESFORCE;
	enum scripted_fault f = fault[rng_below(&w->rng, countof(fault))];
	scripted_fail(w->system[side], f == FAULT_BUSY ? CALL_WRITE : CALL_ANY, f, 1, 0);
	w->clock.ahead_ms += 1500;
}

/* Some calls later, or a little later when the engine has nothing to do. */
static void let_work(struct world *w)
{
	int64_t until = clock_now(clock_real()) + 30;
	int64_t calls = scripted_calls(w->system[SIDE_SALESFORCE], COUNT_WRITE) + 2;
	while (clock_now(clock_real()) < until &&
	       scripted_calls(w->system[SIDE_SALESFORCE], COUNT_WRITE) < calls)
		sched_yield();
}

static void play(struct world *w, bool annoying)
{
	struct remote_ids r = { .w = w };
	struct err err = { 0 };
	open_engine(w, true);
	assert_true(store_tx(w->store, find_contacts, &r, &err));
	struct runner *runner = run_start(w->engine, &(struct run_options){ .feed_wait_ms = 20 });
	for (int n = 0; n < EDITS; n++) {
		edit(w, &r, n);
		if (annoying && n % 20 == 19)
			annoy(w);
		if (n % 5 == 4)
			let_work(w);
	}
	run_ask_to_stop(runner);
	if (!run_wait(runner, &err))
		fail_msg("%s", err.what);
	close_engine(w);
	for (int s = 0; s < SIDES; s++)
		scripted_heal(w->system[s]);
}

static void edits_on_both_sides(void **state)
{
	play(*state, false);
	check_afterwards(*state);
}

static void edits_and_faults(void **state)
{
	play(*state, true);
	check_afterwards(*state);
}

/* ------------------------------------------------------- a stop while calls block */

struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	int waiting;
	bool open;
	struct runner *runner;
	bool ended, ok;
};

static void wait_at_gate(void *arg)
{
	struct gate *g = arg;
	pthread_mutex_lock(&g->mutex);
	g->waiting++;
	pthread_cond_broadcast(&g->moved);
	while (!g->open)
		pthread_cond_wait(&g->moved, &g->mutex);
	pthread_mutex_unlock(&g->mutex);
}

static void *wait_for_end(void *arg)
{
	struct gate *g = arg;
	struct err err = { 0 };
	bool ok = run_wait(g->runner, &err);
	pthread_mutex_lock(&g->mutex);
	g->ended = true;
	g->ok = ok;
	pthread_mutex_unlock(&g->mutex);
	return NULL;
}

/* A call under way is waited for and its answer is kept; no other is begun. */
static void stop_while_calls_block(void **state)
{
	struct world *w = *state;
	struct gate g = { .mutex = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER };
	pthread_t end;
	open_engine(w, true);
	for (int s = 0; s < SIDES; s++)
		scripted_on(w->system[s], BEFORE_WRITE, wait_at_gate, &g);
	for (int i = 0; i < PEOPLE; i++) {
		put(w, SIDE_ATS, "Candidate", numbered(w, "c", i), "firstName", SV("Berta"));
		put(w, SIDE_SALESFORCE, "Job_Order__c", numbered(w, "j", i), "Name", SV("Cook"));
	}
	g.runner = run_start(w->engine, &(struct run_options){ .feed_wait_ms = 20 });
	pthread_mutex_lock(&g.mutex);
	/* of one side: what settles may need the other to be read */
	while (!g.waiting)
		pthread_cond_wait(&g.moved, &g.mutex);
	pthread_mutex_unlock(&g.mutex);
	run_ask_to_stop(g.runner);
	assert_int_equal(pthread_create(&end, NULL, wait_for_end, &g), 0);
	sched_yield();
	pthread_mutex_lock(&g.mutex);
	assert_false(g.ended);
	g.open = true;
	pthread_cond_broadcast(&g.moved);
	pthread_mutex_unlock(&g.mutex);
	pthread_join(end, NULL);
	assert_true(g.ok);
	close_engine(w);
	check_afterwards(w);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		panic("usage: %s TREATY [SEED]", argv[0]);
	treaty_path = argv[1];
	if (argc > 2)
		sv_to_i64(sv_of(argv[2]), &seed);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(edits_on_both_sides, set_up, tear_down),
		cmocka_unit_test_setup_teardown(edits_and_faults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stop_while_calls_block, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}

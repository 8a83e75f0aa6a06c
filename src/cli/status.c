#include "base/clock.h"
#include "cli/open.h"
#include "cli/print.h"
#include "flow/governor.h"
#include "store/survey.h"

struct status {
	const struct opened *o;
	struct arena *a;
	int64_t now_ms;
	struct survey survey;
	bool running;
	int64_t pid;
	struct json_object *told; /* by the daemon, or NULL: daemon.h */
	struct budget budget[SIDES][BUDGETS];
	int64_t runs_out_ms[SIDES][BUDGETS]; /* 0: not within the window */
	struct quota quota[SIDES];
};

static bool look(struct db *db, void *arg, struct err *err)
{
	struct status *st = arg;
	survey_read(db, st->o->treaty, st->a, &st->survey);
	struct sv told = meta_get(db, "run.status", st->a);
	st->told = told.len ? json_parse(told, "run.status", err) : NULL;
	return true;
}

/* What is used of each quota, as far as the daemon last saved it: a window that
 * is over counts as unused. */
static void read_budgets(struct status *st)
{
	for (int s = 0; s < SIDES; s++) {
		struct governor g;
		governor_init(&g, clock_real(), 1, &st->o->deployment->system[s].limits);
		governor_load(&g, st->survey.side[s].budget);
		for (int i = 0; i < BUDGETS; i++) {
			struct budget *b = &st->budget[s][i];
			*b = g.budget[i];
			st->runs_out_ms[s][i] = governor_runs_out_ms(&g, i);
			if (st->now_ms - b->start_ms >= b->length_ms)
				b->used = 0;
		}
		st->quota[s] = g.quota;
		governor_finish(&g);
	}
}

static int64_t writes_pending(const struct status *st)
{
	const struct ledger *l = &st->survey.ledger;
	return l->slots_decided + l->slots_sent + l->slots_lost;
}

/* Steps of a record that has no pair do not count: its creation is a mark or a
 * write, or waits for a person, as where its reference is ambiguous. */
static bool quiet(const struct status *st)
{
	return st->survey.ledger.pending == 0 && writes_pending(st) == 0 &&
	       st->survey.steps == st->survey.steps_unlinked;
}

/* ----------------------------------------------------------------- as JSON */

static const char *const budget_name[BUDGETS] = { "second", "minute", "day", "month" };

/* Webhooks since the daemon's start; NULL where none are taken. */
static struct json_object *intake_json(struct json_object *told)
{
	static const char *const number[] = { "taken", "per_second", "unknown", "forged", "stale", "busy", "failed" };
	if (!told)
		return NULL;
	struct json_object *o = json_object_new_object();
	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		json_put_i64(o, number[i], json_i64(told, number[i], 0));
	json_put_time(o, "last_taken", json_i64(told, "taken_ms", 0));
	json_put_time(o, "last_refused", json_i64(told, "refused_ms", 0));
	return o;
}

static struct json_object *side_json(const struct status *st, enum side s)
{
	const struct survey_side *side = &st->survey.side[s];
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	struct json_object *told = json_at(st->told, side_name[s]);
	json_put_sv(o, "system", sv_of(st->o->treaty->system[s]));
	json_object_object_add(o, "reachable",
			       side->down || st->running ? json_object_new_boolean(!side->down) : NULL);
	json_put_time(o, "down_since", side->down_ms);
	json_put_text_or_null(o, "down_why", side->why);
	json_put_time(o, "feed_asked", json_i64(told, "feed_ms", 0));
	json_put_i64(o, "calls", json_i64(told, "calls", 0));
	json_put_i64(o, "feed_calls", json_i64(told, "feed_calls", 0));
	json_put_i64(o, "quota_used", st->quota[s].used);
	json_put_i64(o, "quota_limit", st->quota[s].limit);
	json_put_i64(o, "writes_decided", side->decided);
	json_put_i64(o, "writes_sent", side->sent);
	json_put_i64(o, "writes_lost", side->lost);
	json_put_i64(o, "fields_waiting", side->waiting);
	json_put_time(o, "fields_waiting_since", side->waiting_ms);
	json_put_time(o, "fields_review_from", side->review_ms);
	json_put_i64(o, "fields_overdue", side->overdue);
	for (int i = 0; i < BUDGETS; i++) {
		if (!st->budget[s][i].limit)
			continue;
		struct json_object *b = json_object_new_object();
		json_put_sv(b, "window", sv_of(budget_name[i]));
		json_put_i64(b, "used", st->budget[s][i].used);
		json_put_i64(b, "limit", st->budget[s][i].limit);
		json_put_time(b, "runs_out", i < BUDGET_DAY ? 0 : st->runs_out_ms[s][i]);
		json_object_array_add(list, b);
	}
	json_object_object_add(o, "budgets", list);
	json_object_object_add(o, "intake", intake_json(json_at(told, "intake")));
	return o;
}

static struct json_object *daemon_json(const struct status *st)
{
	struct json_object *o = json_object_new_object();
	json_put_bool(o, "running", st->running);
	json_object_object_add(o, "pid", st->running ? json_object_new_int64(st->pid) : NULL);
	json_put_time(o, "started", json_i64(st->told, "started_ms", 0));
	json_put_time(o, "told", json_i64(st->told, "at_ms", 0));
	json_put_bool(o, "shadow", json_flag(st->told, "shadow", false));
	return o;
}

static struct json_object *ledger_json(const struct status *st)
{
	const struct ledger *l = &st->survey.ledger;
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "accepted", l->accepted);
	json_put_i64(o, "settled", l->settled);
	json_put_i64(o, "folded", l->folded);
	json_put_i64(o, "pending", l->pending);
	json_put_i64(o, "set_aside", l->set_aside);
	json_put_bool(o, "balanced", ledger_balanced(l));
	json_put_i64(o, "writes_confirmed", l->confirmed);
	json_put_i64(o, "writes_rejected", l->rejected);
	return o;
}

static struct json_object *type_json(const struct treaty_record *r, const struct survey_type *t)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "record", sv_of(r->name));
	json_put_i64(o, "linked", t->linked);
	json_put_i64(o, "looked_up", t->lookup);
	json_put_i64(o, "creating", t->creating);
	json_put_i64(o, "ambiguous", t->ambiguous);
	json_put_i64(o, "broken", t->broken);
	json_put_i64(o, "held", t->held);
	return o;
}

static void print_as_json(const struct status *st)
{
	const struct treaty *t = st->o->treaty;
	struct json_object *o = json_object_new_object(), *pending = json_object_new_object();
	struct json_object *records = json_object_new_array(), *open = json_object_new_object();
	struct json_object *paused = json_object_new_array(), *messages = json_object_new_object();
	json_put_sv(o, "treaty", sv_of(t->name));
	json_put_i64(o, "version", t->version);
	json_put_time(o, "at", st->now_ms);
	json_object_object_add(o, "daemon", daemon_json(st));
	json_put_bool(o, "quiet", quiet(st));
	json_put_i64(pending, "marks", st->survey.ledger.pending);
	json_put_i64(pending, "writes", writes_pending(st));
	json_put_i64(pending, "steps", st->survey.steps);
	json_put_i64(pending, "steps_unlinked", st->survey.steps_unlinked);
	json_put_time(pending, "oldest", st->survey.oldest_mark_ms);
	json_object_object_add(o, "pending", pending);
	json_object_object_add(o, "ledger", ledger_json(st));
	for (int s = 0; s < SIDES; s++)
		json_object_object_add(o, side_name[s], side_json(st, (enum side)s));
	for (int r = 0; r < t->record_n; r++)
		json_object_array_add(records, type_json(&t->record[r], &st->survey.type[r]));
	json_object_object_add(o, "records", records);
	json_put_i64(open, "total", st->survey.ledger.mismatches_open);
	for (int k = 0; k < MISMATCH_KINDS; k++)
		json_put_i64(open, mismatch_kind_name((enum mismatch_kind)k), st->survey.open[k]);
	json_object_object_add(o, "conflict_log", open);
	for (int i = 0; i < st->survey.pause_n; i++) {
		struct json_object *p = json_object_new_object();
		json_put_sv(p, "scope", st->survey.pause[i].scope);
		json_put_sv(p, "by", st->survey.pause[i].who);
		json_put_time(p, "since", st->survey.pause[i].at_ms);
		json_object_array_add(paused, p);
	}
	json_object_object_add(o, "paused", paused);
	json_put_i64(messages, "waiting", st->survey.messages);
	json_put_i64(messages, "failed", st->survey.messages_failed);
	json_put_time(messages, "oldest", st->survey.messages_ms);
	json_object_object_add(o, "messages", messages);
	json_put_i64(o, "feed_gaps", st->survey.gaps);
	print_json(o);
}

/* --------------------------------------------------------------- for people */

static struct sv ago(const struct status *st, int64_t ms)
{
	struct sv span = print_span(st->now_ms - ms, st->a);
	return arena_printf(st->a, "%.*s ago", SV_ARG(span));
}

static const char *number(const struct status *st, int64_t n)
{
	return print_number(n, st->a).ptr;
}

static void print_daemon(const struct status *st)
{
	int64_t told = json_i64(st->told, "at_ms", 0), started = json_i64(st->told, "started_ms", 0);
	printf("%s, treaty version %d\n", st->o->treaty->name, st->o->treaty->version);
	if (!st->running)
		printf("No daemon is running%s.\n",
		       told ? arena_printf(st->a, "; the last one was heard of %s", ago(st, told).ptr).ptr : "");
	else
		printf("The daemon runs%s: process %lld, started %s.\n",
		       json_flag(st->told, "shadow", false) ? " in shadow and writes nothing" : "",
		       (long long)st->pid, started ? ago(st, started).ptr : "just now");
}

static struct sv budgets(const struct status *st, enum side s)
{
	struct sv text = SV("");
	for (int i = 0; i < BUDGETS; i++) {
		const struct budget *b = &st->budget[s][i];
		if (b->limit)
			text = arena_printf(st->a, "%.*s%s%s of %s a %s", SV_ARG(text), text.len ? ", " : "",
					    number(st, b->used), number(st, b->limit), budget_name[i]);
	}
	return text.len ? text : SV("no limit given");
}

/* What is scarce, for a day or a month; a minute's budget is there to be used. */
static void print_scarce(const struct status *st, enum side s)
{
	const struct quota *q = &st->quota[s];
	for (int i = BUDGET_DAY; i < BUDGETS; i++) {
		const struct budget *b = &st->budget[s][i];
		int64_t at = st->runs_out_ms[s][i];
		if (!at)
			continue;
		const char *next = print_time(b->start_ms + b->length_ms, st->now_ms, st->a).ptr;
		if (b->used >= b->limit)
			printf("  %s: our calls of the %s are used up; the next begin %s.\n", side_name[s],
			       budget_name[i], next);
		else
			printf("  %s: at the present pace our calls of the %s end %s; the next begin %s.\n",
			       side_name[s], budget_name[i], print_time(at, st->now_ms, st->a).ptr, next);
	}
	if (q->limit && q->used / 4 >= q->limit / 5)
		printf("  %s: all its users together have used %s of %s calls of the day, as it said %s.\n",
		       side_name[s], number(st, q->used), number(st, q->limit),
		       ago(st, q->heard_ms).ptr);
}

/* 14 fields wait for ats, the first since 3 h; a person is asked from 18:40 on. */
static void print_waiting(const struct status *st, enum side s)
{
	const struct survey_side *side = &st->survey.side[s];
	if (!side->waiting)
		return;
	printf("  %s field%s wait%s for %s, the first for %s",
	       number(st, side->waiting), side->waiting == 1 ? "" : "s", side->waiting == 1 ? "s" : "",
	       side_name[s], print_span(st->now_ms - side->waiting_ms, st->a).ptr);
	if (side->overdue)
		printf("; %s for longer than the treaty waits: see 'treaty conflicts'",
		       number(st, side->overdue));
	if (side->review_ms)
		printf("; a person is asked from %s on", print_time(side->review_ms, st->now_ms, st->a).ptr);
	printf(".\n");
}

static void print_intake(const struct status *st, enum side s)
{
	struct json_object *in = json_at(json_at(st->told, side_name[s]), "intake");
	int64_t last = json_i64(in, "taken_ms", 0), refused = json_i64(in, "refused_ms", 0);
	if (!in)
		return;
	printf("Webhooks of %s: %s taken", side_name[s], number(st, json_i64(in, "taken", 0)));
	if (json_i64(in, "per_second", 0))
		printf(", %s a second just now", number(st, json_i64(in, "per_second", 0)));
	if (json_i64(in, "unknown", 0))
		printf(", %s of them not understood", number(st, json_i64(in, "unknown", 0)));
	if (last)
		printf(", the last %s", ago(st, last).ptr);
	if (refused)
		printf("; refused: %s not signed by it, %s too old, %s too many at once, %s not stored, "
		       "the last %s", number(st, json_i64(in, "forged", 0)),
		       number(st, json_i64(in, "stale", 0)), number(st, json_i64(in, "busy", 0)),
		       number(st, json_i64(in, "failed", 0)), ago(st, refused).ptr);
	printf(".\n");
}

static void print_systems(const struct status *st)
{
	static const char *const head[] = { "system", "state", "feed asked", ">calls", ">writes waiting",
					    "used of the budget", NULL };
	struct table t;
	table_init(&t, head, st->a);
	for (int s = 0; s < SIDES; s++) {
		const struct survey_side *side = &st->survey.side[s];
		struct json_object *told = json_at(st->told, side_name[s]);
		int64_t feed = json_i64(told, "feed_ms", 0);
		table_add(&t, arena_printf(st->a, "%s (%s)", side_name[s], st->o->treaty->system[s]));
		table_add(&t, side->down ? arena_printf(st->a, "down for %s",
							print_span(st->now_ms - side->down_ms, st->a).ptr) :
			      st->running ? SV("reachable") : SV("not asked"));
		table_add(&t, feed ? ago(st, feed) : SV("never"));
		table_add(&t, print_number(json_i64(told, "calls", 0), st->a));
		table_add(&t, print_number(side->decided + side->sent + side->lost, st->a));
		table_add(&t, budgets(st, (enum side)s));
	}
	putchar('\n');
	table_print(&t, "", stdout);
	for (int s = 0; s < SIDES; s++)
		if (st->survey.side[s].down)
			printf("  %s: %.*s\n", side_name[s],
			       SV_ARG(print_safe(st->survey.side[s].why, 200, st->a)));
	for (int s = 0; s < SIDES; s++) {
		print_scarce(st, (enum side)s);
		print_waiting(st, (enum side)s);
		print_intake(st, (enum side)s);
	}
}

static void print_records(const struct status *st)
{
	static const char *const head[] = { "record", ">linked", ">being created", ">looked up",
					    ">ambiguous", ">broken", ">with a held field", NULL };
	struct table t;
	table_init(&t, head, st->a);
	for (int r = 0; r < st->o->treaty->record_n; r++) {
		const struct survey_type *x = &st->survey.type[r];
		const int64_t n[] = { x->linked, x->creating, x->lookup, x->ambiguous, x->broken, x->held };
		table_add(&t, sv_of(st->o->treaty->record[r].name));
		for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
			table_add(&t, print_number(n[i], st->a));
	}
	putchar('\n');
	table_print(&t, "", stdout);
}

static void print_ledger(const struct status *st)
{
	const struct ledger *l = &st->survey.ledger;
	printf("\nMarks: %s accepted = %s settled + %s folded + %s pending + %s set aside: %s\n",
	       number(st, l->accepted), number(st, l->settled), number(st, l->folded),
	       number(st, l->pending), number(st, l->set_aside),
	       ledger_balanced(l) ? "balanced." : "NOT BALANCED. Something was lost; please report it.");
	printf("Writes: %s confirmed, %s rejected; %s to be sent, %s sent, %s without an answer.\n",
	       number(st, l->confirmed), number(st, l->rejected), number(st, l->slots_decided),
	       number(st, l->slots_sent), number(st, l->slots_lost));
	if (st->survey.steps)
		printf("Steps of fields that are delivered one by one: %s wait, %s of them for a link.\n",
		       number(st, st->survey.steps), number(st, st->survey.steps_unlinked));
	if (st->survey.oldest_mark_ms)
		printf("The oldest pending mark is of %s.\n", ago(st, st->survey.oldest_mark_ms).ptr);
	if (quiet(st))
		printf("Nothing is pending.\n");
}

static void print_log(const struct status *st)
{
	printf("\nConflict log: %s open", number(st, st->survey.ledger.mismatches_open));
	const char *gap = ": ";
	for (int k = 0; k < MISMATCH_KINDS; k++) {
		if (!st->survey.open[k])
			continue;
		printf("%s%s %s", gap, number(st, st->survey.open[k]),
		       mismatch_kind_name((enum mismatch_kind)k));
		gap = ", ";
	}
	printf(st->survey.ledger.mismatches_open ? "; see 'treaty conflicts'.\n" : ".\n");
	if (st->survey.messages_failed)
		printf("Messages to people: %s wait, the oldest for %s; see 'treaty alerts'.\n",
		       number(st, st->survey.messages),
		       print_span(st->now_ms - st->survey.messages_ms, st->a).ptr);
	for (int i = 0; i < st->survey.pause_n; i++) {
		const struct survey_pause *p = &st->survey.pause[i];
		printf("Paused: %.*s, %s, by %.*s.\n",
		       SV_ARG(p->scope.len ? print_safe(p->scope, 80, st->a) : SV("everything")),
		       ago(st, p->at_ms).ptr, SV_ARG(print_safe(p->who, 40, st->a)));
	}
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	int code = EXIT_FAILED;
	opened_init(&o);
	if (!open_documents(&o, c)) {
		opened_close(&o);
		return EXIT_FAILED;
	}
	struct status st = { .o = &o, .a = &o.arena, .now_ms = clock_now(clock_real()) };
	if (!open_store_to_read(&o, &err) || !store_tx(o.store, look, &st, &err)) {
		cli_failed(c, &err);
	} else {
		st.running = store_is_worked_on(o.store, &st.pid);
		read_budgets(&st);
		if (c->json) {
			print_as_json(&st);
		} else {
			print_daemon(&st);
			print_systems(&st);
			print_records(&st);
			print_ledger(&st);
			print_log(&st);
		}
		code = ledger_balanced(&st.survey.ledger) ? EXIT_FINE : EXIT_FAILED;
	}
	json_object_put(st.told);
	opened_close(&o);
	return code;
}

const struct verb verb_status = {
	.name = "status",
	.args = "",
	.summary = "show where everything stands",
	.about =
		"Shows whether the daemon runs, whether both systems answer and what their use\n"
		"costs, how many records are linked, what is pending, what waits for a person, and\n"
		"what is paused. Looks at the store only.\n"
		"\n"
		"The line 'Marks' is the conservation law: whatever was noticed is settled, folded\n"
		"into a later mark of the same record, pending, or set aside with its reason.\n",
	.example = "  treaty status\n  treaty status --json | jq .pending\n",
	.exits = "  1   the store cannot be read, or the marks do not balance\n",
	.json =
		"  {\"treaty\", \"version\", \"at\", \"quiet\": nothing is pending,\n"
		"   \"daemon\": {\"running\", \"pid\", \"started\", \"told\", \"shadow\"},\n"
		"   \"pending\": {\"marks\", \"writes\", \"steps\", \"steps_unlinked\", \"oldest\"},\n"
		"   \"ledger\": {\"accepted\", \"settled\", \"folded\", \"pending\", \"set_aside\", \"balanced\",\n"
		"     \"writes_confirmed\", \"writes_rejected\"},\n"
		"   \"ats\", \"salesforce\": {\"system\", \"reachable\": or null, \"down_since\", \"down_why\",\n"
		"     \"feed_asked\", \"calls\", \"feed_calls\", \"quota_used\", \"quota_limit\",\n"
		"     \"writes_decided\", \"writes_sent\", \"writes_lost\",\n"
		"     \"fields_waiting\": two-way fields that wait for this side, \"fields_waiting_since\",\n"
		"     \"fields_review_from\", \"fields_overdue\": of them, a person's already,\n"
		"     \"budgets\": [{\"window\", \"used\", \"limit\", \"runs_out\": at the present pace, or null}],\n"
		"     \"intake\": {\"taken\", \"per_second\", \"unknown\", \"forged\", \"stale\", \"busy\", \"failed\",\n"
		"       \"last_taken\", \"last_refused\"}, webhooks since its start, or null},\n"
		"   \"records\": [{\"record\", \"linked\", \"looked_up\", \"creating\", \"ambiguous\", \"broken\",\n"
		"     \"held\"}],\n"
		"   \"conflict_log\": {\"total\", and a number a kind},\n"
		"   \"paused\": [{\"scope\", \"by\", \"since\"}], \"feed_gaps\",\n"
		"   \"messages\": to people: {\"waiting\", \"failed\": of them tried in vain, \"oldest\"}}\n"
		"  Times are ISO 8601 in UTC, or null.\n",
	.run = run,
};

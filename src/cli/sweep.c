#include <unistd.h>

#include "cli/open.h"
#include "cli/print.h"
#include "store/sweeps.h"

enum { LOOK_US = 500 * 1000 };

struct reporting {
	struct opened *o;
	struct arena *a;
	struct sweep *list; /* by record type; record -1: none ever */
};

static bool look(struct db *db, void *arg, struct err *err)
{
	struct reporting *r = arg;
	const struct treaty *t = r->o->treaty;
	r->list = arena_array(r->a, struct sweep, (size_t)t->record_n + 1);
	for (int i = 0; i < t->record_n; i++)
		if (!sweep_get(db, t, i, r->a, &r->list[i]))
			r->list[i] = (struct sweep){ .record = -1 };
	return true;
}

static const char *phase_name(const struct sweep *s)
{
	if (s->record < 0)
		return "never";
	if (s->phase == SWEEP_DONE)
		return s->trouble.len ? "ended early" : "done";
	if (s->phase == SWEEP_ASKED)
		return "asked for";
	return s->phase == SWEEP_MISSING ? "looking for missing ones" : "listing";
}

static bool under_way(const struct reporting *r, int record)
{
	for (int i = 0; i < r->o->treaty->record_n; i++)
		if ((record < 0 || record == i) && r->list[i].record >= 0 && r->list[i].phase != SWEEP_DONE)
			return true;
	return false;
}

/* ------------------------------------------------------------------- shown */

static struct json_object *sweep_json(const struct treaty *t, int record, const struct sweep *s)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "record", sv_of(t->record[record].name));
	json_put_sv(o, "state", sv_of(phase_name(s)));
	json_put_time(o, "asked", s->asked_ms);
	json_put_time(o, "started", s->started_ms);
	json_put_time(o, "finished", s->finished_ms);
	json_put_i64(o, "differing", s->differing);
	json_put_i64(o, "calls", s->calls);
	for (int side = 0; side < SIDES; side++) {
		struct json_object *one = json_object_new_object();
		json_put_i64(one, "listed", s->listed[side]);
		json_put_i64(one, "unknown", s->unknown[side]);
		json_put_i64(one, "missing", s->missing[side]);
		json_object_object_add(o, side_name[side], one);
	}
	json_put_text_or_null(o, "trouble", s->trouble);
	return o;
}

static void print_as_json(const struct reporting *r)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	for (int i = 0; i < r->o->treaty->record_n; i++)
		json_object_array_add(list, sweep_json(r->o->treaty, i, &r->list[i]));
	json_object_object_add(o, "sweeps", list);
	print_json(o);
}

static void print_for_people(const struct reporting *r)
{
	static const char *const head[] = { "record", "sweep", "finished", ">listed", ">differing", ">new",
					    ">missing", ">calls", NULL };
	int64_t now = clock_now(clock_real());
	struct table t;
	table_init(&t, head, r->a);
	for (int i = 0; i < r->o->treaty->record_n; i++) {
		const struct sweep *s = &r->list[i];
		table_add(&t, sv_of(r->o->treaty->record[i].name));
		table_add(&t, sv_of(phase_name(s)));
		table_add(&t, s->finished_ms ? print_time(s->finished_ms, now, r->a) : SV("-"));
		table_add(&t, print_number(s->listed[0] + s->listed[1], r->a));
		table_add(&t, print_number(s->differing, r->a));
		table_add(&t, print_number(s->unknown[0] + s->unknown[1], r->a));
		table_add(&t, print_number(s->missing[0] + s->missing[1], r->a));
		table_add(&t, print_number(s->calls, r->a));
	}
	table_print(&t, "", stdout);
	for (int i = 0; i < r->o->treaty->record_n; i++)
		if (r->list[i].trouble.len)
			printf("%s: %s\n", r->o->treaty->record[i].name,
			       print_safe(r->list[i].trouble, 300, r->a).ptr);
}

static bool wait_for_it(struct reporting *r, int record, struct err *err)
{
	struct progress bar;
	bool ok = true;
	progress_init(&bar);
	for (;;) {
		ok = store_tx(r->o->store, look, r, err);
		if (!ok || !under_way(r, record))
			break;
		int64_t listed = 0;
		for (int i = 0; i < r->o->treaty->record_n; i++)
			listed += r->list[i].listed[0] + r->list[i].listed[1];
		progress_show(&bar, "%lld records listed", (long long)listed);
		usleep(LOOK_US);
	}
	progress_end(&bar);
	return ok;
}

/* -------------------------------------------------------------------- verb */

static int sweep(struct cli *c, struct opened *o, int record)
{
	int64_t pid;
	struct err err = { 0 };
	struct reporting r = { o, &o->arena };
	bool report = cli_option(c, "report") != NULL, wait = cli_option(c, "wait") != NULL;
	if (!report && !engine_ask_sweep(o->store, o->treaty, record, 3, &err))
		return cli_failed(c, &err);
	bool runs = store_is_worked_on(o->store, &pid);
	if (wait && !runs) {
		err_set(&err, ERR_CONFLICT, "no daemon runs that would do it: 'treaty run'");
		return cli_failed(c, &err);
	}
	if (wait ? !wait_for_it(&r, record, &err) : !store_tx(o->store, look, &r, &err))
		return cli_failed(c, &err);
	if (c->json)
		print_as_json(&r);
	else if (report || wait)
		print_for_people(&r);
	else
		printf("Asked for. %s 'treaty sweep --report' shows what it finds.\n",
		       runs ? "The daemon does it while nothing live is pending." :
			      "No daemon runs: 'treaty run' will do it.");
	return EXIT_FINE;
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	int code = EXIT_FAILED, record = -1;
	if (cli_option(c, "report") && cli_option(c, "wait"))
		return cli_usage(c, "either --report or --wait");
	opened_init(&o);
	if (open_documents(&o, c)) {
		if (c->arg_n)
			record = treaty_record_by_name(o.treaty, sv_of(c->arg[0]));
		if (c->arg_n && record < 0)
			code = cli_usage(c, "'%.60s' is no record type of the treaty", c->arg[0]);
		else
			code = open_store(&o, &err) ? sweep(c, &o, record) : cli_failed(c, &err);
	}
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "report", NULL, "ask for nothing; show where each sweep stands and what it found" },
	{ "wait", NULL, "return when it is done" },
	{ 0 },
};

const struct verb verb_sweep = {
	.name = "sweep",
	.args = "[RECORD]",
	.summary = "compare all records of both systems, for what no feed told of",
	.about =
		"Asks for a sweep: all records of a type, or of all types, are listed in both systems\n"
		"and compared with what was last agreed; what differs, what is new and what is\n"
		"missing is read again and settled by the treaty. The daemon does it page by page,\n"
		"when nothing live is pending and with less than half of each quota, and goes on\n"
		"where it was after a restart. It also does so by itself, by default once a week.\n",
	.example = "  treaty sweep candidate --wait\n  treaty sweep --report\n",
	.exits = "  1   the store failed, or --wait and no daemon runs\n",
	.json = "  {\"sweeps\": [{\"record\", \"state\", \"asked\", \"started\", \"finished\", \"differing\",\n"
		"    \"calls\", \"ats\": {\"listed\", \"unknown\", \"missing\"}, \"salesforce\": {same},\n"
		"    \"trouble\"}]}\n",
	.option = options,
	.args_max = 1,
	.run = run,
};

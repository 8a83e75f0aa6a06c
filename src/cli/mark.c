#include "cli/names.h"
#include "cli/print.h"

static void say(const struct opened *o, const struct record_name *name)
{
	int64_t pid;
	struct arena a;
	arena_init(&a);
	struct sv id = print_safe(name->id, 60, &a);
	if (name->id.len)
		printf("Marked: %s %.*s of %s.", o->treaty->record[name->record].name, SV_ARG(id),
		       side_name[name->side]);
	else
		printf("Marked: every linked %s.", o->treaty->record[name->record].name);
	printf(store_is_worked_on(o->store, &pid) ? " The daemon looks at it now.\n" :
					     " No daemon runs: 'treaty run' will look at it.\n");
	arena_finish(&a);
}

static int run(struct cli *c)
{
	struct opened o;
	struct record_name name;
	struct err err = { 0 };
	bool all = cli_option(c, "all") != NULL;
	if (all == (c->arg_n == 3))
		return cli_usage(c, all ? "either an ID or --all" :
					  "needs an ID, or --all for every linked record of the type");
	opened_init(&o);
	int code = EXIT_FAILED;
	if (open_documents(&o, c)) {
		if (name_record(o.treaty, c->arg[0], c->arg[1], c->arg[2], &o.arena, &name, &err) &&
		    open_store(&o, &err) &&
		    engine_mark(o.store, o.treaty, name.side, name.record, name.id, &err)) {
			say(&o, &name);
			code = EXIT_FINE;
		} else {
			cli_failed(c, &err);
		}
	}
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "all", NULL, "every linked record of that type, politely" },
	{ 0 },
};

const struct verb verb_mark = {
	.name = "mark",
	.args = "SYSTEM OBJECT ID",
	.summary = "have a record looked at again",
	.about =
		"Marks a record as if the system had told of a change: it is read and settled.\n"
		"For a record that seems wrong, after doubles were merged, or for all of a type\n"
		"(--all instead of an ID). Harmless: what agrees stays as it is.\n",
	.example = "  treaty mark ats Candidate 17\n  treaty mark salesforce Contact --all\n",
	.exits = "  1   no such system or object in the treaty, or the store failed\n",
	.option = options,
	.args_min = 2,
	.args_max = 3,
	.run = run,
};

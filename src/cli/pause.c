#include "cli/open.h"
#include "cli/print.h"

static void say(const struct cli *c, struct sv scope, bool pause)
{
	struct arena a;
	arena_init(&a);
	struct sv what = scope.len ? print_safe(scope, 80, &a) : SV("everything");
	if (pause)
		printf("Paused: %.*s. Changes are still noticed and kept; nothing of it is written.\n",
		       SV_ARG(what));
	else
		printf("Resumed: %.*s.\n", SV_ARG(what));
	arena_finish(&a);
}

static int run_either(struct cli *c, bool pause)
{
	struct opened o;
	struct err err = { 0 };
	int code = EXIT_FAILED;
	struct sv scope = sv_of(c->arg_n ? c->arg[0] : "");
	if (sv_eq(scope, SV("all")))
		scope = SV("");
	opened_init(&o);
	if (open_documents(&o, c)) {
		if (open_store(&o, &err) &&
		    engine_pause(o.store, o.treaty, scope, pause, sv_of(cli_who(c)), &err)) {
			say(c, scope, pause);
			code = EXIT_FINE;
		} else {
			cli_failed(c, &err);
		}
	}
	opened_close(&o);
	return code;
}

static int run_pause(struct cli *c)
{
	return run_either(c, true);
}

static int run_resume(struct cli *c)
{
	return run_either(c, false);
}

static const struct cli_option options[] = {
	{ "as", "NAME", "who says so (your login name)" },
	{ 0 },
};

#define SCOPES                                                                   \
	"SCOPE is one of\n"                                                      \
	"  all               everything (also when SCOPE is left out)\n"         \
	"  ats, salesforce   writes to that system\n"                            \
	"  candidate         a record type of the treaty\n"                      \
	"  candidate.phone   one field of it\n"                                  \
	"  ats:Candidate:17  one record, by its system, object and id\n"

const struct verb verb_pause = {
	.name = "pause",
	.args = "[SCOPE]",
	.summary = "stop writing: all, a system, a record type, a field, a record",
	.about =
		"The stop button. Writing stops within one batch and stays stopped, over restarts\n"
		"too, until 'treaty resume' with the same SCOPE. Changes are noticed meanwhile and\n"
		"settled afterwards; 'treaty status' lists what is paused.\n"
		"\n" SCOPES,
	.example = "  treaty pause candidate.phone\n",
	.exits = "  1   there is no such scope in the treaty, or the store failed\n",
	.option = options,
	.args_max = 1,
	.run = run_pause,
};

const struct verb verb_resume = {
	.name = "resume",
	.args = "[SCOPE]",
	.summary = "go on writing what was paused",
	.about = "Takes back a 'treaty pause' of the same SCOPE; others stay.\n\n" SCOPES,
	.example = "  treaty resume candidate.phone\n",
	.exits = "  1   there is no such scope in the treaty, or the store failed\n",
	.option = options,
	.args_max = 1,
	.run = run_resume,
};

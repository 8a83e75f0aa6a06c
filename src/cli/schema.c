#include "cli/cli.h"
#include "cli/print.h"
#include "treaty/json_schema.h"

static int run(struct cli *c)
{
	const char *what = c->arg_n ? c->arg[0] : "treaty";
	const struct doc_level *level = strcmp(what, "treaty") == 0	? &treaty_level :
					strcmp(what, "deployment") == 0 ? &deployment_level :
									  NULL;
	if (!level)
		return cli_usage(c, "'%.40s' is neither treaty nor deployment", what);
	print_json(json_schema(level, what));
	return EXIT_FINE;
}

const struct verb verb_schema = {
	.name = "schema",
	.args = "[treaty|deployment]",
	.summary = "print the JSON Schema of a document",
	.about =
		"Prints the JSON Schema (draft-07) of treaty.yaml or deployment.yaml, so that an\n"
		"editor completes keys, shows what each decides and marks what cannot be. It knows\n"
		"shapes only: 'treaty check' knows what is undecided.\n",
	.example = "  treaty schema > treaty.schema.json\n"
		   "  # and as the first line of treaty.yaml:\n"
		   "  # yaml-language-server: $schema=treaty.schema.json\n",
	.exits = "",
	.args_max = 1,
	.run = run,
};

#include "cli/cli.h"

#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/panic.h"

const struct verb *const verbs[] = {
	&verb_check,
	&verb_preview,
	&verb_link,
	&verb_run,
	&verb_status,
	&verb_conflicts,
	&verb_alerts,
	&verb_explain,
	&verb_pause,
	&verb_resume,
	&verb_mark,
	&verb_sweep,
	&verb_forget,
	&verb_audit,
	&verb_render,
	&verb_diff,
	&verb_keygen,
	&verb_sign,
	&verb_activate,
	&verb_revert,
	&verb_versions,
	&verb_schema,
	&verb_help,
	NULL,
};

/* Taken by every verb; those of the verb itself come after, and all of them
 * after the letters that are codes, too. */
enum { OPT_VERSION = 256, OPT_JSON, OPT_OWN };

static const struct option common[] = {
	{ "deployment", required_argument, NULL, 'd' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPT_VERSION },
};
enum { COMMON = sizeof(common) / sizeof(common[0]) };

/* -------------------------------------------------------------------- help */

static const char overview_head[] =
	"usage: treaty VERB [OPTION...] [ARGUMENT...]\n"
	"\n"
	"Keeps an applicant tracking system and Salesforce in agreement, field by field,\n"
	"under a written treaty that says who owns what.\n"
	"\n";

static const char overview_tail[] =
	"\n"
	"options of every verb:\n"
	"  -d, --deployment FILE  where the systems and the store are\n"
	"                         ($TREATY_DEPLOYMENT, else ./deployment.yaml)\n"
	"      --json             the result as JSON, for programs\n"
	"  -v, --verbose          more about what is done, on stderr\n"
	"  -h, --help             about the verb, with an example\n"
	"      --version          of this program\n"
	"\n"
	"The first day, in this order:\n"
	"  treaty check       read the treaty and the deployment, list every complaint\n"
	"  treaty preview     show what would change, and change nothing\n"
	"  treaty link        find out which records are the same thing\n"
	"  treaty run         keep both sides in agreement from now on\n"
	"and before it matters: treaty keygen, sign, activate\n"
	"\n"
	"exit codes: 0 fine, 1 failed, 64 wrong use; others in the help of the verb\n";

static void print_overview(FILE *out)
{
	fputs(overview_head, out);
	for (int i = 0; verbs[i]; i++)
		fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	fputs(overview_tail, out);
}

static void print_usage(const struct verb *v, FILE *out)
{
	bool own = v->option && v->option[0].name;
	fprintf(out, "usage: treaty %s [OPTION...]%s%s\n", v->name, *v->args ? " " : "", v->args);
	fprintf(out, "\n%s\n", v->about);
	fprintf(out, "options:\n");
	for (int i = 0; own && v->option[i].name; i++) {
		char left[48];
		snprintf(left, sizeof(left), "--%s%s%s", v->option[i].name, v->option[i].arg ? " " : "",
			 v->option[i].arg ? v->option[i].arg : "");
		fprintf(out, "      %-22s %s\n", left, v->option[i].help);
	}
	fputs("  -d, --deployment FILE      $TREATY_DEPLOYMENT, else ./deployment.yaml\n", out);
	if (v->json)
		fputs("      --json                 the result as JSON\n", out);
	fputs("  -v, --verbose              more about what is done, on stderr\n", out);
	fprintf(out, "\nexample:\n%s", v->example);
	fprintf(out, "\nexit codes:\n  0   fine\n%s  64  wrong use\n", v->exits);
	if (v->json)
		fprintf(out, "\nwith --json:\n%s", v->json);
}

static const struct verb *verb_named(const char *name)
{
	for (int i = 0; verbs[i]; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

/* What was meant, or NULL: the nearest name, or the only one that it begins. */
static const char *nearest(const char *word, const char *const *names, int n)
{
	const char *best = NULL;
	unsigned least = strlen(word) < 4 ? 2 : 3; /* fewer edits than this */
	for (int i = 0; i < n; i++) {
		unsigned d = sv_distance(sv_of(word), sv_of(names[i]), least);
		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	for (int i = 0; !best && strlen(word) > 1 && i < n; i++)
		if (sv_starts(sv_of(names[i]), sv_of(word)))
			best = names[i];
	return best;
}

static int wrong_verb(const char *word)
{
	const char *name[32];
	int n = 0;
	while (verbs[n] && n < 32) {
		name[n] = verbs[n]->name;
		n++;
	}
	const char *near = nearest(word, name, n);
	fprintf(stderr, "treaty: no verb '%.40s'", word);
	if (near)
		fprintf(stderr, " (did you mean 'treaty %s'?)", near);
	fprintf(stderr, "\n'treaty --help' lists them.\n");
	return EXIT_USAGE_ERROR;
}

static int run_help(struct cli *c)
{
	const struct verb *v = c->arg_n ? verb_named(c->arg[0]) : NULL;
	if (c->arg_n && !v)
		return wrong_verb(c->arg[0]);
	if (v)
		print_usage(v, stdout);
	else
		print_overview(stdout);
	return EXIT_FINE;
}

const struct verb verb_help = {
	.name = "help",
	.args = "[VERB]",
	.summary = "explain a verb",
	.about = "Explains a verb as 'treaty VERB --help' does, or lists them all.\n",
	.example = "  treaty help conflicts\n",
	.exits = "",
	.args_max = 1,
	.run = run_help,
};

/* ---------------------------------------------------------------- messages */

int cli_usage(const struct cli *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "treaty %s: ", c->verb->name);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n'treaty %s --help' explains it.\n", c->verb->name);
	return EXIT_USAGE_ERROR;
}

int cli_failed(const struct cli *c, const struct err *err)
{
	fprintf(stderr, "treaty %s: ", c->verb->name);
	if (err->line && err->file[0])
		fprintf(stderr, "%s:%d:%d: ", err->file, err->line, err->column);
	fprintf(stderr, "%s\n", err->what[0] ? err->what : "failed");
	return EXIT_FAILED;
}

const char *cli_option(const struct cli *c, const char *name)
{
	for (int i = 0; c->verb->option && c->verb->option[i].name; i++)
		if (strcmp(c->verb->option[i].name, name) == 0)
			return c->value[i];
	panic("'%s' has no option '%s'", c->verb->name, name);
}

const char *cli_who(const struct cli *c)
{
	const char *as = cli_option(c, "as");
	struct passwd *p = as && *as ? NULL : getpwuid(getuid());
	if (as && *as)
		return as;
	return p ? p->pw_name : "unknown";
}

/* ----------------------------------------------------------------- parsing */

static int options_of(const struct verb *v, struct option *out)
{
	int n = COMMON;
	memcpy(out, common, sizeof(common));
	for (int i = 0; v && v->option && v->option[i].name; i++) {
		/* a verb may mean something of its own by a word: the version of
		 * a treaty */
		int at = 0;
		while (at < COMMON && strcmp(common[at].name, v->option[i].name) != 0)
			at++;
		out[at < COMMON ? at : n++] =
			(struct option){ v->option[i].name,
					 v->option[i].arg ? required_argument : no_argument,
					 NULL, OPT_OWN + i };
	}
	out[n] = (struct option){ 0 };
	return n;
}

static void wrong_long(const char *given, const struct option *known, int n)
{
	const char *name[COMMON + CLI_OPTIONS_MAX];
	struct sv head, tail;
	char word[48];
	sv_cut(sv_of(given + 2), '=', &head, &tail);
	snprintf(word, sizeof(word), "%.*s", SV_ARG(head));
	for (int i = 0; i < n; i++)
		name[i] = known[i].name;
	const char *near = nearest(word, name, n);
	if (optopt) /* getopt knows the option, so it is what follows '=' */
		fprintf(stderr, "--%s takes no argument\n", word);
	else if (near)
		fprintf(stderr, "no option '--%s' (did you mean '--%s'?)\n", word, near);
	else
		fprintf(stderr, "no option '--%s'\n", word);
}

static void wrong_option(const struct verb *v, const struct option *known, int n, char **argv,
			 int code)
{
	const char *given = argv[optind - 1], *of = v ? v->name : "", *gap = v ? " " : "";
	fprintf(stderr, "treaty%s%s: ", gap, of);
	if (code == ':')
		fprintf(stderr, "%.40s needs an argument\n", given);
	else if (given[0] == '-' && given[1] == '-')
		wrong_long(given, known, n);
	else
		fprintf(stderr, "no option '-%c'\n", optopt);
	fprintf(stderr, "'treaty%s%s --help' lists them.\n", gap, of);
}

enum parsed { PARSED, PARSED_DONE, PARSED_WRONG };

static enum parsed take_option(struct cli *c, int code, const char *arg)
{
	switch (code) {
	case 'd':
		c->deployment = arg;
		return PARSED;
	case 'v':
		c->verbose = true;
		return PARSED;
	case OPT_JSON:
		c->json = true;
		return PARSED;
	case 'h':
		if (c->verb)
			print_usage(c->verb, stdout);
		else
			print_overview(stdout);
		return PARSED_DONE;
	case OPT_VERSION:
		puts("treaty " TREATY_VERSION);
		return PARSED_DONE;
	default:
		c->value[code - OPT_OWN] = arg ? arg : "";
		return PARSED;
	}
}

/* Options before the verb stop at the first word ('+'); those after it may
 * stand anywhere. */
static enum parsed parse(struct cli *c, int argc, char **argv)
{
	struct option known[COMMON + CLI_OPTIONS_MAX + 1];
	int n = options_of(c->verb, known), code;
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	while ((code = getopt_long(argc, argv, c->verb ? ":d:vh" : "+:d:vh", known, NULL)) != -1) {
		if (code == '?' || code == ':') {
			wrong_option(c->verb, known, n, argv, code);
			return PARSED_WRONG;
		}
		enum parsed p = take_option(c, code, optarg);
		if (p != PARSED)
			return p;
	}
	return PARSED;
}

static int run_verb(struct cli *c, int argc, char **argv)
{
	enum parsed p = parse(c, argc, argv);
	if (p != PARSED)
		return p == PARSED_DONE ? EXIT_FINE : EXIT_USAGE_ERROR;
	for (; optind < argc; optind++) {
		if (c->arg_n == c->verb->args_max)
			return cli_usage(c, "'%.60s' is one argument too many", argv[optind]);
		c->arg[c->arg_n++] = argv[optind];
	}
	if (c->arg_n < c->verb->args_min)
		return cli_usage(c, "needs %s", c->verb->args);
	if (c->json && !c->verb->json)
		return cli_usage(c, "prints no result, so there is no --json");
	if (c->verbose)
		log_set_level(LOG_DEBUG);
	return c->verb->run(c);
}

static int run_command(struct cli *c, int argc, char **argv)
{
	enum parsed p = parse(c, argc, argv);
	if (p != PARSED)
		return p == PARSED_DONE ? EXIT_FINE : EXIT_USAGE_ERROR;
	if (optind >= argc) {
		print_overview(stderr);
		return EXIT_USAGE_ERROR;
	}
	int at = optind;
	c->verb = verb_named(argv[at]);
	return c->verb ? run_verb(c, argc - at, argv + at) : wrong_verb(argv[at]);
}

int cli_main(int argc, char **argv)
{
	const char *set = getenv("TREATY_DEPLOYMENT");
	struct cli c = { .deployment = set && *set ? set : "deployment.yaml" };
	umask(077); /* the store holds people */
	int code = run_command(&c, argc, argv);
	/* a result that could not be written is none: a full disk, a closed pipe */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "treaty: the result could not be written: %m\n");
		return code == EXIT_FINE ? EXIT_FAILED : code;
	}
	return code;
}

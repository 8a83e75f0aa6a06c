/* cli.h - the command line: a verb a file, and one table of verbs that drives
 * dispatch, --help and the manual page.
 *
 * stdout is the result, stderr the chatter. A verb returns its exit code; its
 * file says in 'exits' what each means there. Everything here runs in the main
 * thread. */
#ifndef TREATY_CLI_H
#define TREATY_CLI_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

/* The last two are sysexits' EX_USAGE and EX_TEMPFAIL: told apart from a
 * command that failed, for a person and for who starts it again. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_CHANGES = 2, EXIT_USAGE_ERROR = 64, EXIT_AGAIN = 75 };

enum { CLI_OPTIONS_MAX = 16, CLI_ARGS_MAX = 8 };

struct cli_option {
	const char *name; /* long, without dashes; NULL ends a table */
	const char *arg;  /* 'NAME' when it takes one, else NULL */
	const char *help;
};

struct cli;

struct verb {
	const char *name;
	const char *args;    /* after the options in 'usage:'; "" for none */
	const char *summary; /* a clause: 'show what ...' */
	const char *about;   /* paragraphs, wrapped at 78, each line ending in \n */
	const char *example; /* lines, each beginning with two blanks */
	const char *exits;   /* lines '  CODE  meaning\n' beside 0, 1 and 64 */
	const char *json;    /* shape with --json, lines; NULL: prints no result */
	const struct cli_option *option;
	int args_min, args_max;
	int (*run)(struct cli *c);
};

/* A command as given. */
struct cli {
	const struct verb *verb;
	const char *deployment; /* -d, $TREATY_DEPLOYMENT, ./deployment.yaml */
	bool json, verbose;
	const char *value[CLI_OPTIONS_MAX]; /* as verb->option; "" for a bare one */
	const char *arg[CLI_ARGS_MAX + 1]; /* ends in NULL */
	int arg_n;
};

/* In the order of the help; ends in a NULL name. */
extern const struct verb *const verbs[];

int cli_main(int argc, char **argv);

/* The option's argument, "" for one without; NULL when it was not given. */
const char *cli_option(const struct cli *c, const char *name);
/* The person behind a command: --as, else the login name. */
const char *cli_who(const struct cli *c);

/* 'treaty VERB: message' on stderr; returns EXIT_USAGE_ERROR with a hint at the
 * verb's help, or EXIT_FAILED. */
int cli_usage(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int cli_failed(const struct cli *c, const struct err *err);

/* verbs */
extern const struct verb verb_check, verb_preview, verb_link, verb_run, verb_pause, verb_resume,
	verb_status, verb_conflicts, verb_alerts, verb_explain, verb_mark, verb_audit, verb_diff, verb_keygen, verb_sign,
	verb_activate, verb_revert, verb_forget, verb_versions, verb_schema, verb_render, verb_sweep, verb_help;

#endif

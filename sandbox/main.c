/* The command: serve, and the verbs that talk to one that serves. */
#include <getopt.h>
#include <signal.h>
#include <unistd.h>

#include "base/panic.h"
#include "client.h"
#include "sandbox.h"

static const char help[] =
	"usage: treaty-sandbox serve [OPTION...]\n"
	"       treaty-sandbox COMMAND [ARGUMENT...] [--port-file FILE | --salesforce-port PORT]\n"
	"\n"
	"A Salesforce org and a Bullhorn in one process on 127.0.0.1, loaded with one\n"
	"made-up staffing firm, for trying, testing and measuring. They speak the real\n"
	"protocols, keep the real rules, and break on demand. All people are synthetic.\n"
	"\n"
	"serve:\n"
	"  --seed N               the firm is made from this number (1)\n"
	"  --size SIZE            small (60 candidates), try (5,000), or a number (small)\n"
	"  --salesforce-port P    0 = a free one (7071)\n"
	"  --bullhorn-port P      0 = a free one (7072)\n"
	"  --port-file FILE       where to write {\"salesforce\":P,\"bullhorn\":P} when ready\n"
	"  --office RATE          people edit records, this many times a second (0)\n"
	"  --latency-ms N         every answer comes this much later (0)\n"
	"  --jwt-cert FILE        certificate or public key (PEM) that Salesforce checks\n"
	"                         JWT logins with; without it there are none\n"
	"  --client-id ID         consumer key (treaty-consumer-key)\n"
	"  --user NAME            integration user (treaty@acme.example)\n"
	"  --sf-daily-limit N     API calls before REQUEST_LIMIT_EXCEEDED (1000000)\n"
	"  --cometd-hold-ms N     how long a streaming connect is held (110000)\n"
	"  --events-kept N        change events that can be replayed (100000)\n"
	"\n"
	"commands (SYSTEM is salesforce or bullhorn):\n"
	"  edit SYSTEM OBJECT ID FIELD=VALUE...   as a person would; empty value clears\n"
	"  create SYSTEM OBJECT FIELD=VALUE...    prints the id\n"
	"  delete SYSTEM OBJECT ID\n"
	"  show SYSTEM OBJECT [ID]                what the records hold\n"
	"  writes SYSTEM [OBJECT [ID]]            who wrote what: user, channel, old and new\n"
	"  calls [SYSTEM]                         API calls by endpoint\n"
	"  fault SYSTEM KIND [OPTION=VALUE...]    kinds: outage reset lost-answer late slow 500\n"
	"                                         503 session truncated html rate none (= clear);\n"
	"                                         options: path contains method count for_ms\n"
	"                                         percent delay_ms\n"
	"  automation SYSTEM object=O when=F kind=K [target=F] [value=V]\n"
	"                                         kinds: set upper lower title trim suffix phone;\n"
	"                                         clear=true removes all\n"
	"  control SYSTEM VERB [OPTION=VALUE...]  the system's own, e.g. expire-sessions,\n"
	"                                         forget-clients, forget-events keep=0,\n"
	"                                         permission object=O field=F editable=false\n"
	"  status, stop\n"
	"\n"
	"examples:\n"
	"  treaty-sandbox serve --size try --seed 7 &\n"
	"  treaty-sandbox edit bullhorn Candidate 17 status=Placed\n"
	"  treaty-sandbox fault salesforce lost-answer method=PATCH count=1\n"
	"  treaty-sandbox writes salesforce Contact 003Hs0000000003IAA\n";

struct command {
	struct sandbox_options o;
	const char *size;
	const char *port_file;
};

enum {
	OPT_SEED = 256, OPT_SIZE, OPT_SF_PORT, OPT_BH_PORT, OPT_PORT_FILE, OPT_OFFICE, OPT_LATENCY, OPT_CERT,
	OPT_CLIENT, OPT_USER, OPT_LIMIT, OPT_HOLD, OPT_EVENTS, OPT_HELP, OPT_VERSION,
};

static const struct option options[] = {
	{ "seed", 1, NULL, OPT_SEED },
	{ "size", 1, NULL, OPT_SIZE },
	{ "salesforce-port", 1, NULL, OPT_SF_PORT },
	{ "bullhorn-port", 1, NULL, OPT_BH_PORT },
	{ "port-file", 1, NULL, OPT_PORT_FILE },
	{ "office", 1, NULL, OPT_OFFICE },
	{ "latency-ms", 1, NULL, OPT_LATENCY },
	{ "jwt-cert", 1, NULL, OPT_CERT },
	{ "client-id", 1, NULL, OPT_CLIENT },
	{ "user", 1, NULL, OPT_USER },
	{ "sf-daily-limit", 1, NULL, OPT_LIMIT },
	{ "cometd-hold-ms", 1, NULL, OPT_HOLD },
	{ "events-kept", 1, NULL, OPT_EVENTS },
	{ "help", 0, NULL, OPT_HELP },
	{ "version", 0, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int64_t number(const char *option, const char *text, int64_t max)
{
	int64_t n;
	if (sv_to_i64(sv_of(text), &n) && n >= 0 && n <= max)
		return n;
	fprintf(stderr, "treaty-sandbox: %s: '%s' is not a number from 0 to %lld\n", option, text, (long long)max);
	exit(2);
}

static double rate(const char *text)
{
	char *end;
	double r = strtod(text, &end);
	if (end != text && !*end && r >= 0 && r <= 100000)
		return r;
	fprintf(stderr, "treaty-sandbox: --office: '%s' is not a rate a second\n", text);
	exit(2);
}

static void take_option(struct command *c, int opt, const char *arg)
{
	switch (opt) {
	case OPT_SEED:
		c->o.seed = (uint64_t)number("--seed", arg, INT64_MAX);
		break;
	case OPT_SIZE:
		c->size = arg;
		break;
	case OPT_SF_PORT:
		c->o.port[SYSTEM_SALESFORCE] = (int)number("--salesforce-port", arg, 65535);
		break;
	case OPT_BH_PORT:
		c->o.port[SYSTEM_BULLHORN] = (int)number("--bullhorn-port", arg, 65535);
		break;
	case OPT_PORT_FILE:
		c->port_file = arg;
		break;
	case OPT_OFFICE:
		c->o.office_rate = rate(arg);
		break;
	case OPT_LATENCY:
		c->o.latency_ms = (int)number("--latency-ms", arg, 600000);
		break;
	case OPT_CERT:
		c->o.jwt_cert = arg;
		break;
	case OPT_CLIENT:
		c->o.client_id = arg;
		break;
	case OPT_USER:
		c->o.user_name = arg;
		break;
	case OPT_LIMIT:
		c->o.salesforce_daily_limit = number("--sf-daily-limit", arg, INT64_MAX);
		break;
	case OPT_HOLD:
		c->o.cometd_hold_ms = number("--cometd-hold-ms", arg, 600000);
		break;
	case OPT_EVENTS:
		c->o.events_kept = number("--events-kept", arg, 100000000);
		break;
	case OPT_HELP:
		fputs(help, stdout);
		exit(0);
	case OPT_VERSION:
		puts("treaty-sandbox " TREATY_VERSION);
		exit(0);
	default:
		fputs("see treaty-sandbox --help\n", stderr);
		exit(2);
	}
}

/* Appears whole: who waits for the file must not read half of it. */
static bool write_port_file(const char *path, const struct sandbox *box)
{
	struct buf tmp;
	bool ok = false;
	buf_init(&tmp, 4096);
	buf_addf(&tmp, "%s.%ld", path, (long)getpid());
	FILE *f = fopen(tmp.ptr, "w");
	if (f) {
		fprintf(f, "{\"salesforce\":%d,\"bullhorn\":%d,\"pid\":%ld}\n",
			box->systems[SYSTEM_SALESFORCE].port, box->systems[SYSTEM_BULLHORN].port, (long)getpid());
		ok = fclose(f) == 0 && rename(tmp.ptr, path) == 0;
	}
	if (!ok)
		fprintf(stderr, "treaty-sandbox: cannot write %s: %m\n", path);
	buf_finish(&tmp);
	return ok;
}

static int serve(struct command *c)
{
	struct sandbox box;
	struct err err = { 0 };
	sigset_t ends;
	int got;
	if (!people_counts_parse(c->size, &c->o.counts)) {
		fprintf(stderr, "treaty-sandbox: --size: '%s' is not small, try or a number of candidates\n", c->size);
		return 2;
	}
	/* Blocked before any thread starts, so that only sigwait takes them. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (!sandbox_start(&box, &c->o, &err)) {
		fprintf(stderr, "treaty-sandbox: %s\n", err.what);
		return 1;
	}
	bool ok = !c->port_file || write_port_file(c->port_file, &box);
	if (ok) {
		printf("ready: salesforce %s  bullhorn %s  candidates %zu\n", box.base_url[SYSTEM_SALESFORCE],
		       box.base_url[SYSTEM_BULLHORN], c->o.counts.candidates);
		fflush(stdout);
		sigwait(&ends, &got);
	}
	sandbox_stop(&box);
	if (c->port_file)
		unlink(c->port_file);
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct command c = {
		.o = { .seed = 1,
		       .port = { 7071, 7072 },
		       .client_id = "treaty-consumer-key",
		       .user_name = "treaty@acme.example",
		       .salesforce_daily_limit = 1000000,
		       .cometd_hold_ms = 110000,
		       .events_kept = 100000 },
		.size = "small",
	};
	struct client client = { 0 };
	struct err err = { 0 };
	int opt;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(&c, opt, optarg);
	if (optind == argc) {
		fputs(help, stderr);
		return 2;
	}
	if (strcmp(argv[optind], "serve") == 0)
		return serve(&c);
	client.port = c.o.port[SYSTEM_SALESFORCE];
	if (c.port_file && !client_from_port_file(&client, c.port_file, &err)) {
		fprintf(stderr, "treaty-sandbox: %s\n", err.what);
		return 1;
	}
	return client_run(&client, argc - optind, argv + optind);
}

#include "flow/run.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/panic.h"
#include "cli/daemon.h"
#include "systems/rest/rest.h"

/* Takes the signals that end the daemon, in a thread of its own: what they set
 * off may lock and log, which a signal handler may not. */
struct stopper {
	struct opened *o;
	struct runner *r;
	sigset_t ends;
	pthread_t thread;
};

/* Whoever waits for a system is let go at once. */
static void stop_waiting(struct opened *o)
{
	http_client_stop(o->http);
	for (int s = 0; s < SIDES; s++)
		if (strcmp(o->deployment->system[s].connector, "salesforce") != 0)
			rest_stop(o->system[s]);
}

static void *wait_for_signal(void *arg)
{
	struct stopper *s = arg;
	int got = 0;
	sigwait(&s->ends, &got);
	/* SIGUSR1: the runner ended by itself, and only this thread is left */
	if (got != SIGUSR1) {
		log_info("run", "%s: finishing what is under way", got == SIGINT ? "interrupted" : "asked to stop");
		run_ask_to_stop(s->r);
	}
	stop_waiting(s->o);
	return NULL;
}

static void block_signals(sigset_t *ends)
{
	sigemptyset(ends);
	sigaddset(ends, SIGTERM);
	sigaddset(ends, SIGINT);
	sigaddset(ends, SIGHUP);
	sigaddset(ends, SIGUSR1);
	/* before any thread starts, so that all inherit it */
	pthread_sigmask(SIG_BLOCK, ends, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static bool run_until_asked(struct opened *o, struct stopper *s, struct daemon *d, struct err *err)
{
	struct run_options ro = { .pulse = daemon_pulse, .arg = d };
	s->o = o;
	d->started_ms = clock_now(clock_real());
	daemon_tell(d);
	s->r = run_start(o->engine, &ro);
	if (pthread_create(&s->thread, NULL, wait_for_signal, s) != 0)
		panic("cannot start a thread");
	log_info("run", "ready: %s version %d%s, store %s, process %lld", o->treaty->name,
		 o->treaty->version, d->shadow ? " in shadow (nothing is written)" : "",
		 o->deployment->store_path, (long long)getpid());
	bool ok = run_wait(s->r, err);
	pthread_kill(s->thread, SIGUSR1);
	pthread_join(s->thread, NULL);
	daemon_tell(d);
	return ok;
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	struct stopper s;
	block_signals(&s.ends);
	opened_init(&o);
	struct daemon d = { .opened = &o, .shadow = cli_option(c, "shadow") != NULL };
	int code = EXIT_FAILED;
	if (open_documents(&o, c)) {
		if (open_store_alone(&o, true, &err) && open_systems(&o, &err) &&
		    open_engine(&o, d.shadow, &err) && run_until_asked(&o, &s, &d, &err)) {
			log_info("run", "stopped; what is pending is in the store");
			code = EXIT_FINE;
		} else {
			cli_failed(c, &err);
		}
	}
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "shadow", NULL, "decide and keep the journal, write nothing to either system" },
	{ 0 },
};

const struct verb verb_run = {
	.name = "run",
	.args = "",
	.summary = "keep both sides in agreement until told to stop",
	.about =
		"Listens to both systems, reads what changed, decides by the treaty and writes.\n"
		"Stays in the foreground and logs to stderr, one line a message; SIGTERM or SIGINT\n"
		"ends it after the step that is under way. It may be killed at any moment: the\n"
		"store knows what was in flight, and the next run finds out what became of it.\n"
		"One daemon a store; the other verbs may be used beside it.\n"
		"\n"
		"With --shadow nothing is written: the journal and the conflict log show for as\n"
		"long as you like what would have been.\n",
	.example = "  treaty run -d acme/deployment.yaml\n  systemctl start treaty@acme\n",
	.exits =
		"  1   could not start, or had to end: the store failed (disk full), a login is\n"
		"      wrong, or a system is not the one that the store belongs to\n",
	.option = options,
	.run = run,
};

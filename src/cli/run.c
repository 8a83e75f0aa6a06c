#include "flow/run.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/panic.h"
#include "cli/daemon.h"
#include "cli/listen.h"
#include "store/links.h"
#include "treaty/signature.h"

struct running {
	struct daemon daemon; /* first: daemon_pulse gets the same pointer */
	_Atomic(struct runner *) runner; /* its own threads may be faster than we */
	_Atomic bool switching; /* another version of the treaty was activated */
	sigset_t ends;
	/* Takes the signals that end the daemon: a thread may lock and log, a
	 * signal handler may not. */
	pthread_t signals;
};

static void *wait_for_signal(void *arg)
{
	struct running *x = arg;
	int got = 0;
	sigwait(&x->ends, &got);
	if (got != SIGUSR1) { /* which says that the runner ended by itself */
		log_info("run", "%s: finishing what is under way",
			 got == SIGINT ? "interrupted" : "asked to stop");
		run_ask_to_stop(x->runner);
	}
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
	/* a broken connection, a limit on file sizes: errors, not deaths */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

/* Whoever waits for a system is let go at once. The thread of the signals is
 * joined here, while the runner that it may name is still there. */
static void stop_waiting(void *arg)
{
	struct running *x = arg;
	struct opened *o = x->daemon.opened;
	pthread_kill(x->signals, SIGUSR1);
	pthread_join(x->signals, NULL);
	listen_stop(&x->daemon.listening);
	http_client_stop(o->http);
	channels_stop(o->channels);
	for (int s = 0; s < SIDES; s++)
		if (o->stop[s])
			o->stop[s](o->system[s]);
}

static bool read_version_id(struct db *db, void *arg, struct err *err)
{
	*(int64_t *)arg = version_id_in_force(db);
	return true;
}

/* Somebody activated another version: what is under way is ended as for a stop,
 * and the next round works under the new one. */
static void pulse(void *arg)
{
	struct running *x = arg;
	const struct opened *o = x->daemon.opened;
	int64_t id = o->in_force.id;
	daemon_pulse(arg);
	if (!x->runner || x->switching || !store_tx(o->store, read_version_id, &id, NULL) ||
	    id == o->in_force.id)
		return;
	log_info("run", "another version of the treaty was activated: finishing what is under way");
	x->switching = true;
	run_ask_to_stop(x->runner);
}

static bool count_links(struct db *db, void *arg, struct err *err)
{
	const struct treaty *t = arg;
	int64_t n = 0;
	for (int r = 0; r < t->record_n; r++)
		n += links_count(db, &t->record[r], LINK_LINKED);
	if (n == 0)
		log_info("run", "nothing is linked yet: 'treaty link' links the records that "
				"exist; until then each is looked up when it changes");
	return true;
}

/* An entry whose role is reached by nothing waits in silence. */
static void say_who_is_untold(const struct opened *o)
{
	for (int i = 0; i < o->treaty->role_n; i++)
		if (!channels_reach(o->channels, sv_of(o->treaty->role[i].name)))
			log_warn("run", "role '%s' is reached by nothing, so nobody is told what waits for it: "
				 "say how under 'people' in %s", o->treaty->role[i].name, o->deployment->file);
}

static bool run_until_asked(struct running *x, struct err *err)
{
	struct run_options ro = { .pulse = pulse, .stopping = stop_waiting, .arg = x };
	struct daemon *d = &x->daemon;
	struct opened *o = d->opened;
	if (!store_tx(o->store, count_links, o->treaty, err) ||
	    !listen_start(&d->listening, o, err)) {
		listen_finish(&d->listening);
		return false;
	}
	for (int s = 0; s < SIDES; s++)
		ro.intake[s] = d->listening.intake[s];
	d->started_ms = clock_now(clock_real());
	d->told_ms = 0; /* what it takes is counted from here */
	daemon_tell(d);
	x->runner = run_start(o->engine, &ro);
	if (pthread_create(&x->signals, NULL, wait_for_signal, x) != 0)
		panic("cannot start a thread");
	log_info("run", "ready: %s version %d%s, store %s, process %lld", o->treaty->name,
		 o->treaty->version, d->shadow ? " in shadow (nothing is written)" : "",
		 o->deployment->store_postgres ? o->deployment->store_postgres :
						 o->deployment->store_path,
		 (long long)getpid());
	bool ok = run_wait(x->runner, err);
	x->runner = NULL;
	daemon_tell(d);
	listen_finish(&d->listening);
	return ok;
}

/* Round after round, each under the version that is in force. Nothing is lost
 * or done twice in between: it is what a restart is. */
static bool work(struct running *x, struct err *err)
{
	struct opened *o = x->daemon.opened;
	do {
		x->switching = false;
		if (!open_systems(o, err))
			return false;
		open_channels(o);
		if (!x->daemon.shadow)
			say_who_is_untold(o);
		if (!open_engine(o, x->daemon.shadow, false, err) ||
		    !run_until_asked(x, err))
			return false;
		if (!x->switching)
			return true;
		close_systems(o);
		treaty_destroy(o->treaty);
		o->treaty = NULL;
	} while (take_version_in_force(o, err));
	return false;
}

static void say_what_holds(const struct opened *o)
{
	if (o->document_differs)
		log_warn("run", "%s says something else than version %d, which is in force and goes on: "
			 "'treaty diff' shows what, 'treaty activate' makes it hold",
			 o->deployment->treaty_path, o->treaty->version);
	else if (!treaty_is_keyed(o->treaty))
		log_info("run", "the treaty is unsigned: no role has a key, so whoever can write %s "
			 "changes what holds", o->deployment->treaty_path);
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	struct running x = { .daemon = { .opened = &o, .shadow = cli_option(c, "shadow") != NULL } };
	block_signals(&x.ends);
	opened_init(&o);
	int code = EXIT_FAILED;
	if (open_documents(&o, c)) {
		bool ok = open_store_alone(&o, true, &err);
		if (ok)
			say_what_holds(&o);
		if (ok && work(&x, &err)) {
			log_info("run", "stopped; what is pending is in the store");
			code = EXIT_FINE;
		} else {
			code = cli_failed(c, &err);
			/* nothing that a person must do: start again, and look at
			 * the store as after a crash */
			if (err.code == ERR_STORE && err.retry == RETRY_LATER)
				code = EXIT_AGAIN;
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
		"Where the deployment says 'listen', webhooks are taken there, and answered once they\n"
		"are stored. When the disk is full it rests, refuses them, and goes on when there is\n"
		"room.\n"
		"\n"
		"With --shadow nothing is written: the journal and the conflict log show for as\n"
		"long as you like what would have been.\n",
	.example = "  treaty run -d acme/deployment.yaml\n  systemctl start treaty@acme\n",
	.exits =
		"  1   could not start, or had to end: the store failed, a login is\n"
		"      wrong, or a system is not the one that the store belongs to\n"
		"  75  PostgreSQL, which holds the store, went away or was busy for too long:\n"
		"      start it again\n",
	.option = options,
	.run = run,
};

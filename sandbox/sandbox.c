#include "sandbox.h"

#include <errno.h>

#include "base/panic.h"

void sandbox_lock(struct sandbox *box)
{
	pthread_mutex_lock(&box->lock);
}

void sandbox_unlock(struct sandbox *box)
{
	pthread_mutex_unlock(&box->lock);
}

void sandbox_wake(struct sandbox *box)
{
	pthread_cond_broadcast(&box->changed);
}

/* Waiting is measured on the steady clock: turning the wall clock must neither
 * end a long poll nor hold it. */
int64_t sandbox_steady_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct timespec steady_time(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

bool sandbox_wait_until(struct sandbox *box, int64_t deadline_ms)
{
	struct timespec until = steady_time(deadline_ms);
	return !box->stopping &&
	       pthread_cond_timedwait(&box->changed, &box->lock, &until) != ETIMEDOUT &&
	       !box->stopping;
}

void sandbox_pause_ms(struct sandbox *box, int64_t ms)
{
	struct timespec until = steady_time(sandbox_steady_ms() + ms);
	sandbox_lock(box);
	while (!box->stopping &&
	       pthread_cond_timedwait(&box->stopped, &box->lock, &until) != ETIMEDOUT)
		;
	sandbox_unlock(box);
}

static void steady_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

void calls_count(struct calls *c, const char *endpoint)
{
	size_t i = 0;
	while (i < c->len && strcmp(c->items[i].endpoint, endpoint) != 0)
		i++;
	if (i == c->len) {
		c->items = must_realloc(c->items, (c->len + 1) * sizeof(*c->items));
		c->items[c->len++] = (struct call_count){ must_strdup(endpoint), 0 };
	}
	c->items[i].count++;
	c->total++;
}

void calls_reset(struct calls *c)
{
	for (size_t i = 0; i < c->len; i++)
		free(c->items[i].endpoint);
	free(c->items);
	*c = (struct calls){ 0 };
}

/* A base URL must be known before the systems answer anything, so listening
 * comes first; requests that come this early wait for the lock. */
static bool listen_all(struct sandbox *box, struct err *err)
{
	for (int i = 0; i < SYSTEMS; i++) {
		struct system *s = &box->systems[i];
		box->servers[i] = http_server_create(box->options.port[i], front_handle, s, err);
		if (!box->servers[i])
			return false;
		s->port = http_server_port(box->servers[i]);
		snprintf(box->base_url[i], sizeof(box->base_url[i]), "http://127.0.0.1:%d", s->port);
	}
	return true;
}

bool sandbox_start(struct sandbox *box, const struct sandbox_options *o, struct err *err)
{
	static const char *const names[SYSTEMS] = { "salesforce", "bullhorn" };
	*box = (struct sandbox){ .options = *o, .clock = clock_real(), .rng = { o->seed } };
	pthread_mutex_init(&box->lock, NULL);
	steady_cond_init(&box->changed);
	steady_cond_init(&box->stopped);
	for (int i = 0; i < SYSTEMS; i++) {
		box->systems[i].name = names[i];
		box->systems[i].box = box;
	}
	sandbox_lock(box);
	bool ok = listen_all(box, err);
	if (ok)
		box->people = people_generate(o->seed, &o->counts, sandbox_now(box));
	ok = ok && salesforce_open(&box->systems[SYSTEM_SALESFORCE], err) &&
	     bullhorn_open(&box->systems[SYSTEM_BULLHORN], err);
	box->stopping = !ok; /* what waits for the lock finds systems or the stop */
	sandbox_unlock(box);
	if (!ok) {
		sandbox_stop(box);
		return false;
	}
	sandbox_lock(box);
	box->office = office_start(box, o->office_rate);
	sandbox_unlock(box);
	return true;
}

void sandbox_stop(struct sandbox *box)
{
	sandbox_lock(box);
	struct office *office = box->office;
	box->office = NULL;
	sandbox_unlock(box);
	office_stop(office);
	sandbox_lock(box);
	box->stopping = true;
	pthread_cond_broadcast(&box->changed);
	pthread_cond_broadcast(&box->stopped);
	sandbox_unlock(box);
	for (int i = 0; i < SYSTEMS; i++)
		http_server_destroy(box->servers[i]);
	for (int i = 0; i < SYSTEMS; i++) {
		struct system *s = &box->systems[i];
		if (s->destroy)
			s->destroy(s);
		tables_destroy(s->tables);
		faults_finish(&s->faults);
		calls_reset(&s->calls);
	}
	if (box->people)
		people_destroy(box->people);
	pthread_cond_destroy(&box->changed);
	pthread_cond_destroy(&box->stopped);
	pthread_mutex_destroy(&box->lock);
}

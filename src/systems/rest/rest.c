#include "systems/rest/rest.h"

#include "base/panic.h"
#include "systems/rest/ops.h"

static bool rest_identify(struct connector *c, struct arena *a, struct sv *organisation,
			  struct err *err)
{
	struct rest *r = rest_of(c);
	struct session_use session;
	if (!session_get(r, 0, a, &session, err))
		return false;
	*organisation = session.organisation;
	if (organisation->len)
		return true;
	err_set(err, ERR_SERVER, "%s: the login does not tell whose data this is", r->d->name);
	return false;
}

void rest_stop(struct connector *c)
{
	struct gate *g = &rest_of(c)->gate;
	pthread_mutex_lock(&g->lock);
	g->stopping = true;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

/* Whoever still waits is woken and seen off first. */
static void rest_close(struct connector *c)
{
	struct rest *r = rest_of(c);
	rest_stop(c);
	pthread_mutex_lock(&r->gate.lock);
	while (r->gate.waiting)
		pthread_cond_wait(&r->gate.changed, &r->gate.lock);
	pthread_mutex_unlock(&r->gate.lock);
	pthread_mutex_destroy(&r->gate.lock);
	pthread_cond_destroy(&r->gate.changed);
	pthread_mutex_destroy(&r->session.login);
	pthread_mutex_destroy(&r->session.lock);
	for (int i = 0; i < r->webhook_key_n; i++)
		hmac_destroy(r->webhook_key[i]);
	arena_finish(&r->session.arena);
	arena_finish(&r->arena);
	rest_description_destroy(r->d);
	free(r);
}

static const struct connector_ops rest_ops = {
	.identify = rest_identify,
	.describe = rest_describe,
	.changes = rest_changes,
	.history = rest_history,
	.fetch = rest_fetch,
	.list = rest_list,
	.since = rest_since,
	.find = rest_find,
	.write = rest_write,
	.listen = rest_listen,
	.verify = rest_verify,
	.close = rest_close,
};

/* Does any object tell what changed since a time, deletions included? */
static bool tells_since(const struct rest_description *d)
{
	for (int i = 0; i < d->object_n; i++)
		if (d->object[i].modified && d->object[i].deleted)
			return true;
	return false;
}

static void set_shape(struct rest *r)
{
	const struct rest_description *d = r->d;
	const struct deployment_system *s = r->system;
	r->connector.shape = (struct connector_shape){
		.can = (tells_since(d) ? CAN_SINCE : 0) | (d->history.field ? CAN_HISTORY : 0) |
		       (d->webhook.header ? CAN_WEBHOOK : 0),
		.fetch_max = d->fetch.ids,
		.write_max = 1,
		.list_max = d->query.page,
		.longest_request_ms = s->timeout_ms ? s->timeout_ms : d->longest_request_ms,
		.concurrent = s->limits.concurrent ? s->limits.concurrent : d->concurrent,
	};
	/* A distance that the deployment gives is kept to, also when it is quiet. */
	if (s->poll_ms)
		r->d->changes.poll_min_ms = r->d->changes.poll_max_ms = s->poll_ms;
}

static void init_locks(struct rest *r)
{
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->gate.changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&r->gate.lock, NULL);
	pthread_mutex_init(&r->session.login, NULL);
	pthread_mutex_init(&r->session.lock, NULL);
}

static bool set_objects(struct rest *r, const char *const *objects, int n, struct err *err)
{
	struct buf list;
	bool ok = true;
	buf_init(&list, 64 * 1024);
	for (int i = 0; i < n && ok; i++) {
		ok = rest_object_by_name(r->d, sv_of(objects[i]));
		if (!ok)
			err_set(err, ERR_BAD_INPUT, "%s: no object '%s' is described in %s",
				r->d->name, objects[i], r->d->file);
		buf_addf(&list, "%s%s", i ? "," : "", objects[i]);
	}
	r->objects = arena_sv(&r->arena, buf_sv(&list));
	buf_finish(&list);
	return ok;
}

void rest_check_login(const struct rest_description *d, const struct deployment_system *s,
		      struct complaints *c)
{
	struct arena a;
	arena_init(&a);
	struct doc doc = { &a, c, NULL };
	const char **names = arena_array(&a, const char *, (size_t)d->setting_n + 1);
	for (int i = 0; i < d->setting_n; i++) {
		names[i] = d->setting[i].name;
		if (!d->setting[i].otherwise && !deployment_login(s, names[i]))
			complaints_add(c, s->place, "'login': '%s' is missing: %s needs it",
				       names[i], d->title);
	}
	for (int i = 0; i < s->login_n; i++) {
		bool known = false;
		for (int k = 0; k < d->setting_n; k++)
			known = known || strcmp(names[k], s->login[i].name) == 0;
		if (!known)
			complaints_add(c, s->login[i].place, "%s: %s has no such setting%s",
				       doc_quote(&doc, s->login[i].name), d->title,
				       doc_suggest(&doc, s->login[i].name, names, d->setting_n));
	}
	arena_finish(&a);
}

static bool check_deployment(struct rest *r, struct err *err)
{
	struct complaints c;
	complaints_init(&c, r->deployment->file);
	rest_check_login(r->d, r->system, &c);
	if (!r->url)
		complaints_add(&c, r->system->place, "'url' is missing: %s has no address of its own",
			       r->d->title);
	complaints_sort(&c);
	bool ok = c.n == 0;
	if (!ok) {
		err_set(err, ERR_BAD_INPUT, "%.*s", SV_ARG(c.list[0].text));
		err->line = c.list[0].place.line;
		err->column = c.list[0].place.column;
		snprintf(err->file, sizeof(err->file), "%s", c.file ? c.file : "");
	}
	complaints_finish(&c);
	return ok;
}

static struct rest_description *load(const char *path, struct err *err)
{
	struct complaints c;
	complaints_init(&c, path);
	struct rest_description *d = rest_description_load(path, &c);
	if (!d) {
		err_set(err, ERR_BAD_INPUT, "%.*s", SV_ARG(c.list[0].text));
		err->line = c.list[0].place.line;
		err->column = c.list[0].place.column;
		snprintf(err->file, sizeof(err->file), "%s", path);
	}
	complaints_finish(&c);
	return d;
}

struct connector *rest_open(const char *description_path, const struct deployment *deployment,
			    enum side side, struct credential_box *box, struct http_client *http,
			    struct clock *clock, const char *const *objects, int object_n,
			    struct err *err)
{
	struct rest_description *d = load(description_path, err);
	if (!d)
		return NULL;
	struct rest *r = must_zalloc(sizeof(*r));
	r->d = d;
	r->deployment = deployment;
	r->system = &deployment->system[side];
	r->url = r->system->url ? r->system->url : d->url;
	r->box = box;
	r->http = http;
	r->clock = clock;
	r->feed.newest = -1;
	r->connector.ops = &rest_ops;
	r->connector.name = d->name;
	arena_init(&r->arena);
	arena_init(&r->session.arena);
	init_locks(r);
	set_shape(r);
	if (set_objects(r, objects, object_n, err) && check_deployment(r, err))
		return &r->connector;
	rest_close(&r->connector);
	return NULL;
}

#include "cli/listen.h"

#include <sys/resource.h>

#include "base/log.h"

static const char *const path[SIDES] = { "/webhooks/ats", "/webhooks/salesforce" };

/* A descriptor a connection; the usual limit of 1,024 is for what uses select. */
static void allow_connections(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max < 16384 ? files.rlim_max : 16384;
	setrlimit(RLIMIT_NOFILE, &files);
}

static bool add_intake(struct listening *l, struct opened *o, enum side s, int *n, struct err *err)
{
	struct connector *c = o->system[s];
	if (!o->deployment->system[s].webhook_secret_n)
		return true;
	if (!(c->shape.can & CAN_WEBHOOK)) {
		err_set(err, ERR_BAD_INPUT, "%s: systems: %s: 'webhook': %s has none that is described",
			o->deployment->file, side_name[s], c->name);
		return false;
	}
	if (!c->ops->listen(c, err))
		return false;
	l->intake[s] = intake_create(o->engine, s, 0);
	l->route[(*n)++] = (struct http_route){ "POST", path[s], intake_request, intake_admit,
						l->intake[s] };
	return true;
}

static bool read_certificate(const struct deployment *d, struct buf *certificate, struct buf *key,
			     struct err *err)
{
	return !d->tls_certificate.text ||
	       (setting_resolve(d, &d->tls_certificate, certificate, err) &&
		setting_resolve(d, &d->tls_key, key, err));
}

bool listen_start(struct listening *l, struct opened *o, struct err *err)
{
	struct buf certificate, key;
	int n = 0;
	*l = (struct listening){ 0 };
	if (!o->deployment->listen)
		return true;
	for (int s = 0; s < SIDES; s++)
		if (!add_intake(l, o, (enum side)s, &n, err))
			return false;
	allow_connections();
	buf_init(&certificate, 1 << 20);
	buf_init(&key, 1 << 20);
	bool ok = read_certificate(o->deployment, &certificate, &key, err);
	if (ok) {
		struct http_server_options so = { .address = o->deployment->listen,
						  .certificate = buf_sv(&certificate),
						  .key = buf_sv(&key), .route = l->route,
						  .route_n = n };
		l->server = http_server_create(&so, err);
		ok = l->server != NULL;
	}
	if (key.ptr)
		explicit_bzero(key.ptr, key.cap);
	buf_finish(&key);
	buf_finish(&certificate);
	for (int i = 0; ok && i < n; i++)
		log_info("run", "webhooks are taken at port %d, path %s", http_server_port(l->server),
			 l->route[i].path);
	return ok;
}

void listen_stop(struct listening *l)
{
	if (l->server)
		http_server_quiesce(l->server);
	for (int s = 0; s < SIDES; s++)
		if (l->intake[s])
			intake_stop(l->intake[s]);
}

void listen_finish(struct listening *l)
{
	listen_stop(l);
	http_server_destroy(l->server);
	for (int s = 0; s < SIDES; s++)
		intake_destroy(l->intake[s]);
	*l = (struct listening){ 0 };
}

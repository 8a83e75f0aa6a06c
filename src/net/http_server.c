#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/panic.h"

enum {
	BODY_MAX = 1 << 20,
	HEAD_MAX = 32 * 1024,
	CONNECTIONS_MAX = 2048,
	PATIENCE_MS = 30000,
	LOOK_MS = 250, /* how often overdue connections are looked for */
	/* All bodies that are being received together: a thousand peers may not
	 * take a gigabyte by sending slowly. */
	BODIES_MAX = 64 << 20,
};

struct connection {
	int fd;
	int64_t deadline_ms; /* monotonic; INT64_MAX while a handler has its request */
	struct connection *next, **link;
};

struct http_exchange {
	struct http_server *server;
	struct MHD_Connection *mhd;
	struct connection *connection;
	const struct http_route *route;
	struct buf body;
	size_t counted; /* of bodies_len */
	bool answered;
	int status, retry_after_s;
	bool close;
	const char *type;
	struct buf text;
	struct http_exchange *next; /* answered, not taken up by the server yet */
};

struct http_server {
	const struct http_route *route;
	int route_n;
	size_t body_max, bodies_len;
	int64_t patience_ms;
	struct MHD_Daemon *daemon;
	struct MHD_Response *plain; /* 200 without a word: what is said most */
	int port, epoll, wake;
	pthread_t thread, self; /* self: as the thread itself has it */
	_Atomic bool stop, quiet;
	/* the server's thread only */
	struct connection *connections;
	struct http_exchange *current; /* its handler runs */
	pthread_mutex_t mutex;		/* guards 'answered' */
	struct http_exchange *answered;
};

static int64_t monotonic_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ------------------------------------------------------------- addresses */

bool http_split_address(struct sv address, struct sv *host, int *port)
{
	size_t at = address.len;
	int64_t n;
	while (at && address.ptr[at - 1] != ':')
		at--;
	if (at < 2 || !sv_to_i64(sv_make(address.ptr + at, address.len - at), &n) || n < 0 || n > 65535)
		return false;
	*host = sv_make(address.ptr, at - 1);
	*port = (int)n;
	bool brackets = host->len > 2 && host->ptr[0] == '[' && host->ptr[host->len - 1] == ']';
	if (brackets)
		*host = sv_make(host->ptr + 1, host->len - 2);
	return brackets == (memchr(host->ptr, ':', host->len) != NULL);
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool parse_address(struct sv host, int port, union address *out)
{
	char text[INET6_ADDRSTRLEN];
	*out = (union address){ 0 };
	if (sv_eq_nocase(host, SV("localhost")))
		host = SV("127.0.0.1");
	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons((uint16_t)port);
		return true;
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1;
}

bool http_is_loopback(struct sv host)
{
	union address a;
	if (!parse_address(host, 0, &a))
		return false;
	if (a.any.sa_family == AF_INET)
		return ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
}

/* ------------------------------------------------------------ connections */

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct http_server *s = cls;
	struct connection *k = *context;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		k = must_zalloc(sizeof(*k));
		k->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		k->deadline_ms = monotonic_ms() + s->patience_ms;
		k->next = s->connections;
		k->link = &s->connections;
		if (k->next)
			k->next->link = &k->next;
		s->connections = *context = k;
		return;
	}
	*k->link = k->next;
	if (k->next)
		k->next->link = k->link;
	free(k);
	*context = NULL;
}

/* libmicrohttpd's own time-out begins anew with every byte that drips in. */
static void close_overdue(struct http_server *s)
{
	int64_t now = monotonic_ms();
	for (struct connection *k = s->connections; k; k = k->next)
		if (k->deadline_ms <= now)
			shutdown(k->fd, SHUT_RDWR);
}

/* --------------------------------------------------------------- requests */

struct sv http_request_header(const struct http_request *r, const char *name)
{
	return sv_of(MHD_lookup_connection_value(r->exchange->mhd, MHD_HEADER_KIND, name));
}

static void drop_body(struct http_exchange *x)
{
	x->server->bodies_len -= x->counted;
	x->counted = 0;
	buf_finish(&x->body);
}

void http_forget_body(struct http_exchange *x)
{
	drop_body(x);
}

static void on_completed(void *cls, struct MHD_Connection *c, void **context,
			 enum MHD_RequestTerminationCode why)
{
	struct http_exchange *x = *context;
	if (!x)
		return;
	drop_body(x);
	buf_finish(&x->text);
	free(x);
	*context = NULL;
}

static enum MHD_Result reply(struct http_exchange *x)
{
	struct http_server *s = x->server;
	char seconds[16];
	x->connection->deadline_ms = monotonic_ms() + s->patience_ms;
	if (x->status == 200 && !x->text.len && !x->close)
		return MHD_queue_response(x->mhd, 200, s->plain);
	struct MHD_Response *r = MHD_create_response_from_buffer(
		x->text.len, x->text.ptr, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	if (x->text.len)
		MHD_add_response_header(r, "Content-Type", x->type);
	if (x->close)
		MHD_add_response_header(r, "Connection", "close");
	if (x->retry_after_s) {
		snprintf(seconds, sizeof(seconds), "%d", x->retry_after_s);
		MHD_add_response_header(r, "Retry-After", seconds);
	}
	enum MHD_Result ok = MHD_queue_response(x->mhd, (unsigned)x->status, r);
	MHD_destroy_response(r);
	return ok;
}

static void set_reply(struct http_exchange *x, const struct http_reply *r)
{
	x->answered = true;
	x->status = r->status;
	x->type = r->type ? r->type : "text/plain; charset=utf-8";
	x->retry_after_s = r->retry_after_s;
	x->close = r->close;
	buf_add(&x->text, r->text);
}

void http_answer(struct http_exchange *x, const struct http_reply *r)
{
	struct http_server *s = x->server;
	set_reply(x, r);
	if (pthread_equal(pthread_self(), s->self) && x == s->current) {
		s->current = NULL;
		return;
	}
	pthread_mutex_lock(&s->mutex);
	bool first = !s->answered;
	x->next = s->answered;
	s->answered = x;
	pthread_mutex_unlock(&s->mutex);
	/* once for all that are answered before it wakes */
	if (first && eventfd_write(s->wake, 1) != 0)
		panic("http server: cannot wake it");
}

static void resume_answered(struct http_server *s)
{
	pthread_mutex_lock(&s->mutex);
	struct http_exchange *x = s->answered;
	s->answered = NULL;
	pthread_mutex_unlock(&s->mutex);
	for (struct http_exchange *next; x; x = next) {
		next = x->next;
		MHD_resume_connection(x->mhd);
	}
}

static int find_route(struct http_exchange *x, const char *method, const char *path)
{
	const struct http_server *s = x->server;
	int status = 404;
	for (int i = 0; i < s->route_n; i++) {
		if (strcmp(s->route[i].path, path) != 0)
			continue;
		if (strcmp(s->route[i].method, method) == 0) {
			x->route = &s->route[i];
			return 0;
		}
		status = 405;
	}
	return status;
}

/* What the head alone decides: 0, or the status that refuses. */
static int judge_head(struct http_exchange *x, const char *method, const char *path)
{
	struct http_server *s = x->server;
	int64_t len;
	if (s->quiet)
		return 503;
	int status = find_route(x, method, path);
	if (status)
		return status;
	const char *length = MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, "Content-Length");
	if (length && (!sv_to_i64(sv_of(length), &len) || len < 0))
		return 400;
	if (length && (uint64_t)len > s->body_max)
		return 413;
	if (!length && strcmp(method, "POST") == 0 &&
	    !MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, "Transfer-Encoding"))
		return 411;
	return x->route->admit ? x->route->admit(x->route->arg) : 0;
}

static const char *reason(int status)
{
	switch (status) {
	case 400: return "bad request\n";
	case 404: return "nothing is here\n";
	case 405: return "not with this method\n";
	case 411: return "a length is needed\n";
	case 413: return "too long a body\n";
	case 503: return "too much at once, or ending; come back\n";
	default: return "refused\n";
	}
}

static enum MHD_Result begin(struct http_server *s, struct MHD_Connection *c, const char *method,
			     const char *path, void **context)
{
	struct http_exchange *x = must_zalloc(sizeof(*x));
	x->server = s;
	x->mhd = c;
	x->connection = *(struct connection *const *)
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	buf_init(&x->body, s->body_max);
	buf_init(&x->text, 16 << 20);
	*context = x;
	int status = judge_head(x, method, path);
	if (!status)
		return MHD_YES;
	set_reply(x, &(struct http_reply){ .status = status, .text = sv_of(reason(status)),
					   .retry_after_s = status == 503 ? 5 : 0, .close = true });
	return reply(x);
}

/* The status of too long a body cannot be given any more when the length was
 * not told beforehand; the connection ends. */
static enum MHD_Result take_body(struct http_exchange *x, const char *data, size_t *len)
{
	struct http_server *s = x->server;
	if (*len > BODIES_MAX - s->bodies_len)
		return MHD_NO;
	buf_add(&x->body, sv_make(data, *len));
	s->bodies_len += *len;
	x->counted += *len;
	*len = 0;
	return x->body.full ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **context)
{
	struct http_exchange *x = *context;
	if (!x)
		return begin(cls, c, method, url, context);
	if (x->answered)
		return reply(x);
	if (*upload_len)
		return take_body(x, upload, upload_len);
	struct http_request r = { sv_of(method), sv_of(url), buf_sv(&x->body), x };
	x->connection->deadline_ms = INT64_MAX;
	x->server->current = x;
	x->route->handler(x->route->arg, &r, x);
	if (!x->server->current)
		return reply(x); /* was answered at once */
	/* an answer of another thread is taken up after this, not before */
	x->server->current = NULL;
	MHD_suspend_connection(c);
	return MHD_YES;
}

/* ------------------------------------------------------------------ the loop */

/* libmicrohttpd's epoll is run from outside: its own thread stops for good when
 * exactly 128 connections, or 256, become ready at once (0.9.75). */
static void *serve(void *arg)
{
	struct http_server *s = arg;
	int64_t looked_ms = 0;
	s->self = pthread_self();
	while (!s->stop) {
		MHD_UNSIGNED_LONG_LONG wait;
		struct epoll_event event[2];
		eventfd_t ignored;
		int ms = s->connections ? LOOK_MS : -1;
		if (MHD_get_timeout(s->daemon, &wait) == MHD_YES && (ms < 0 || (int64_t)wait < ms))
			ms = (int)wait;
		int n = epoll_wait(s->epoll, event, 2, ms);
		for (int i = 0; i < n; i++)
			if (event[i].data.fd == s->wake)
				eventfd_read(s->wake, &ignored);
		resume_answered(s);
		MHD_run(s->daemon);
		if (monotonic_ms() - looked_ms >= LOOK_MS) {
			looked_ms = monotonic_ms();
			close_overdue(s);
		}
	}
	return NULL;
}

static void watch(int epoll, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		panic("http server: epoll");
}

static bool start_daemon(struct http_server *s, const struct http_server_options *o,
			 union address *at, struct err *err)
{
	bool tls = o->certificate.len > 0;
	struct buf certificate, key;
	buf_init(&certificate, 1 << 20);
	buf_init(&key, 1 << 20);
	buf_add(&certificate, o->certificate);
	buf_add(&key, o->key);
	struct MHD_OptionItem secure[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, certificate.ptr },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, key.ptr },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
	errno = 0;
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0) |
			(at->any.sa_family == AF_INET6 ? MHD_USE_IPv6 : 0),
		0, NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, &at->any,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, s, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)(o->connections_max ? o->connections_max : CONNECTIONS_MAX),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->head_max ? o->head_max : (size_t)HEAD_MAX,
		MHD_OPTION_ARRAY, tls ? secure : none,
		MHD_OPTION_END);
	int why = errno;
	if (key.ptr)
		explicit_bzero(key.ptr, key.len);
	buf_finish(&key);
	buf_finish(&certificate);
	if (s->daemon)
		return true;
	if (why)
		err_set_errno(err, why, "cannot listen on %s", o->address);
	else
		err_set(err, ERR_BAD_INPUT, "cannot listen on %s: %s", o->address,
			tls ? "the certificate or its key cannot be used" : "refused");
	return false;
}

static bool check_address(const struct http_server_options *o, union address *at, struct err *err)
{
	struct sv host;
	int port;
	if (!http_split_address(sv_of(o->address), &host, &port) || !parse_address(host, port, at)) {
		err_set(err, ERR_BAD_INPUT, "'%s': an address to listen on is HOST:PORT, and HOST a "
					    "number such as 127.0.0.1 or [::1]", o->address);
		return false;
	}
	if (!o->certificate.len && !http_is_loopback(host)) {
		err_set(err, ERR_BAD_INPUT, "'%s': without a certificate only loopback addresses are "
					    "listened on", o->address);
		return false;
	}
	return true;
}

struct http_server *http_server_create(const struct http_server_options *o, struct err *err)
{
	union address at;
	if (!check_address(o, &at, err))
		return NULL;
	struct http_server *s = must_zalloc(sizeof(*s));
	s->route = o->route;
	s->route_n = o->route_n;
	s->body_max = o->body_max ? o->body_max : BODY_MAX;
	s->patience_ms = o->patience_ms ? o->patience_ms : PATIENCE_MS;
	if (!start_daemon(s, o, &at, err)) {
		free(s);
		return NULL;
	}
	s->port = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	s->plain = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!s->plain || s->epoll < 0 || s->wake < 0)
		panic("http server: out of descriptors or memory");
	watch(s->epoll, s->wake);
	watch(s->epoll, MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	pthread_mutex_init(&s->mutex, NULL);
	if (pthread_create(&s->thread, NULL, serve, s) != 0)
		panic("cannot start a thread");
	return s;
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_quiesce(struct http_server *s)
{
	s->quiet = true;
}

void http_server_destroy(struct http_server *s)
{
	if (!s)
		return;
	s->stop = true;
	eventfd_write(s->wake, 1);
	pthread_join(s->thread, NULL);
	resume_answered(s);
	MHD_run(s->daemon); /* the last answers go out */
	MHD_stop_daemon(s->daemon);
	MHD_destroy_response(s->plain);
	pthread_mutex_destroy(&s->mutex);
	close(s->epoll);
	close(s->wake);
	free(s);
}

#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/panic.h"

enum {
	/* Room for one byte more than any header limit the systems enforce, so
	 * that their own answer to a long URI can be given. */
	HEAD_MEMORY = 160 * 1024,
	ANSWER_MAX = 512 * 1024 * 1024,
};

struct http_server {
	struct MHD_Daemon *daemon;
	http_handler *handler;
	void *ctx;
	int port;
};

/* One request on its way: created when its first line is read, freed when the
 * connection is done with it. */
struct exchange {
	struct arena arena;
	struct http_request req;
	struct buf body;
	bool started, last;
};

/* How many bytes of 's' are one character, or 0: they are none. */
static size_t utf8_character(const unsigned char *s, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	uint32_t c = s[0] & (n == 1 ? 0x7f : 0xff >> (n + 1));
	if (n > len || (s[0] >= 0x80 && s[0] < 0xc0) || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

struct sv http_utf8(struct arena *a, struct sv s)
{
	char *out = arena_alloc(a, s.len * 3 + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.len;) {
		size_t step = utf8_character((const unsigned char *)s.ptr + i, s.len - i);
		memcpy(out + n, step ? s.ptr + i : "\xef\xbf\xbd", step ? step : 3);
		n += step ? step : 3;
		i += step ? step : 1;
	}
	return sv_make(out, n);
}

struct sv http_decode(struct arena *a, struct sv s, bool form)
{
	static const char hex[] = "0123456789abcdef";
	char *out = arena_alloc(a, s.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c == '+' && form) {
			c = ' ';
		} else if (c == '%' && i + 2 < s.len) {
			const char *hi = memchr(hex, s.ptr[i + 1] | 0x20, 16);
			const char *lo = memchr(hex, s.ptr[i + 2] | 0x20, 16);
			if (hi && lo) {
				c = (char)((hi - hex) << 4 | (lo - hex));
				i += 2;
			}
		}
		out[n++] = c;
	}
	return http_utf8(a, sv_make(out, n));
}

static void pairs_add(struct arena *a, struct http_pairs *p, struct sv name, struct sv value)
{
	if (p->len == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 16;
		struct http_pair *grown = arena_array(a, struct http_pair, cap);
		if (p->len)
			memcpy(grown, p->items, p->len * sizeof(*grown));
		p->items = grown;
		p->cap = cap;
	}
	p->items[p->len++] = (struct http_pair){ name, value };
}

void http_parse_pairs(struct arena *a, struct sv text, struct http_pairs *out)
{
	while (text.len) {
		struct sv item, name, value;
		sv_cut(text, '&', &item, &text);
		if (!sv_cut(item, '=', &name, &value))
			value = SV("");
		if (name.len)
			pairs_add(a, out, http_decode(a, name, true), http_decode(a, value, true));
	}
}

/* Real clients that were given a base URL ending in '/' ask for '//services'. */
static struct sv collapse_slashes(struct arena *a, struct sv path)
{
	char *out = arena_alloc(a, path.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < path.len; i++)
		if (path.ptr[i] != '/' || n == 0 || out[n - 1] != '/')
			out[n++] = path.ptr[i];
	return sv_make(out, n);
}

void http_take_target(struct http_request *req, struct sv target)
{
	struct sv path;
	sv_cut(arena_sv(req->arena, target), '?', &path, &req->query);
	req->path = collapse_slashes(req->arena, http_utf8(req->arena, path));
	req->head_len = target.len;
	http_parse_pairs(req->arena, req->query, &req->args);
}

/* The URI as sent; libmicrohttpd hands the handler only a decoded one, in which
 * an encoded slash of a key is no longer told from a real one. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
	struct exchange *x = must_zalloc(sizeof(*x));
	arena_init(&x->arena);
	buf_init(&x->body, HTTP_BODY_MAX);
	x->req.arena = &x->arena;
	http_take_target(&x->req, sv_of(uri));
	return x;
}

static void on_done(void *cls, struct MHD_Connection *c, void **con_cls,
		    enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *con_cls;
	if (!x)
		return;
	/* Not earlier: the end of the process closes connections as they are. */
	if (x->last)
		kill(getpid(), SIGTERM);
	buf_finish(&x->body);
	arena_finish(&x->arena);
	free(x);
	*con_cls = NULL;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key,
				 const char *value)
{
	struct exchange *x = cls;
	struct sv name = sv_of(key), v = value ? sv_of(value) : SV("");
	x->req.head_len += name.len + v.len + 4;
	pairs_add(&x->arena, &x->req.headers, name, v);
	return MHD_YES;
}

static void complete_request(struct exchange *x, struct MHD_Connection *c, const char *method)
{
	struct http_request *req = &x->req;
	req->method = sv_of(method);
	req->body = buf_sv(&x->body);
	MHD_get_connection_values(c, MHD_HEADER_KIND, on_header, x);
	if (sv_starts(http_header(req, "Content-Type"), SV("application/x-www-form-urlencoded")))
		http_parse_pairs(&x->arena, req->body, &req->form);
}

static void reset_connection(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	/* Dissolving the association sends an RST at once; a close with linger 0
	 * would be preceded by libmicrohttpd's orderly shutdown. */
	if (info)
		connect(info->connect_fd, &nowhere, sizeof(nowhere));
}

static enum MHD_Result queue_answer(struct MHD_Connection *c, struct exchange *x,
				    struct http_response *resp)
{
	struct buf *b = &resp->body;
	struct MHD_Response *r =
		b->len ? MHD_create_response_from_buffer(b->len, b->ptr, MHD_RESPMEM_MUST_FREE)
		       : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (!r)
		return MHD_NO;
	if (b->len)
		*b = (struct buf){ 0 };
	if (resp->content_type && resp->status != 204 && resp->status != 304)
		MHD_add_response_header(r, "Content-Type", resp->content_type);
	for (size_t i = 0; i < resp->headers_len; i++)
		MHD_add_response_header(r, arena_str(&x->arena, resp->headers[i].name),
					arena_str(&x->arena, resp->headers[i].value));
	enum MHD_Result ok = MHD_queue_response(c, (unsigned)resp->status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_len, void **con_cls)
{
	struct http_server *s = cls;
	struct exchange *x = *con_cls;
	if (!x)
		return MHD_NO;
	if (!x->started) { /* headers only; the body follows */
		x->started = true;
		return MHD_YES;
	}
	if (*upload_len) {
		buf_add(&x->body, sv_make(upload, *upload_len));
		*upload_len = 0;
		return MHD_YES;
	}
	struct http_response resp = { .arena = &x->arena,
				      .status = 200,
				      .content_type = "application/json;charset=UTF-8" };
	buf_init(&resp.body, ANSWER_MAX);
	complete_request(x, c, method);
	x->req.came_ms = clock_now(clock_real());
	if (x->body.full)
		http_text(&resp, 413, "text/plain", SV("body too large\n"));
	else
		s->handler(s->ctx, &x->req, &resp);
	x->last = resp.last;
	enum MHD_Result ok = MHD_NO; /* closes the connection */
	if (resp.fate == HTTP_ANSWER)
		ok = queue_answer(c, x, &resp);
	else if (resp.fate == HTTP_RESET)
		reset_connection(c);
	buf_finish(&resp.body);
	return ok;
}

struct http_server *http_server_create(int port, http_handler *handler, void *ctx, struct err *err)
{
	struct http_server *s = must_zalloc(sizeof(*s));
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	s->handler = handler;
	s->ctx = ctx;
	s->daemon = MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL,
		(uint16_t)port, NULL, NULL, on_request, s, MHD_OPTION_SOCK_ADDR, &at,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_done,
		NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MEMORY,
		MHD_OPTION_CONNECTION_LIMIT, 4000u, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
		MHD_OPTION_END);
	if (!s->daemon) {
		err_set_errno(err, errno, "cannot listen on 127.0.0.1:%d", port);
		free(s);
		return NULL;
	}
	s->port = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	return s;
}

void http_server_destroy(struct http_server *s)
{
	if (!s)
		return;
	MHD_stop_daemon(s->daemon);
	free(s);
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

static struct sv pairs_get(const struct http_pairs *p, const char *name, bool any_case)
{
	struct sv want = sv_of(name);
	for (size_t i = 0; i < p->len; i++)
		if (any_case ? sv_eq_nocase(p->items[i].name, want) : sv_eq(p->items[i].name, want))
			return p->items[i].value;
	return SV_NONE;
}

struct sv http_header(const struct http_request *req, const char *name)
{
	return pairs_get(&req->headers, name, true);
}

struct sv http_arg(const struct http_request *req, const char *name)
{
	return pairs_get(&req->args, name, false);
}

struct sv http_form(const struct http_request *req, const char *name)
{
	return pairs_get(&req->form, name, false);
}

struct sv http_cookie(const struct http_request *req, const char *name)
{
	struct sv all = http_header(req, "Cookie");
	while (all.len) {
		struct sv item, key, value;
		sv_cut(all, ';', &item, &all);
		if (sv_cut(sv_trim(item), '=', &key, &value) && sv_eq(key, sv_of(name)))
			return value;
	}
	return SV_NONE;
}

bool http_is(const struct http_request *req, const char *method)
{
	return sv_eq(req->method, sv_of(method));
}

bool http_segment(const struct http_request *req, struct sv *rest, struct sv *segment)
{
	struct sv raw;
	if (rest->len && rest->ptr[0] == '/')
		*rest = sv_make(rest->ptr + 1, rest->len - 1);
	if (!rest->len)
		return false;
	sv_cut(*rest, '/', &raw, rest);
	*segment = http_decode(req->arena, raw, false);
	return true;
}

void http_add_header(struct http_response *resp, const char *name, struct sv value)
{
	if (resp->headers_len == HTTP_HEADERS_MAX)
		panic("more than %d response headers", HTTP_HEADERS_MAX);
	resp->headers[resp->headers_len++] = (struct http_pair){ sv_of(name), value };
}

void http_status(struct http_response *resp, int status)
{
	resp->status = status;
}

void http_json(struct http_response *resp, int status, struct json_object *take)
{
	resp->status = status;
	resp->content_type = "application/json;charset=UTF-8";
	buf_clear(&resp->body);
	buf_add_json(&resp->body, take);
	json_object_put(take);
}

void http_text(struct http_response *resp, int status, const char *content_type, struct sv text)
{
	resp->status = status;
	resp->content_type = content_type;
	buf_clear(&resp->body);
	buf_add(&resp->body, text);
}

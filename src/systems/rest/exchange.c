#include "systems/rest/connection.h"

#include <ctype.h>
#include <time.h>

enum { URL_MAX = 256 * 1024, REDIRECTS_MAX = 3 };

int64_t monotonic_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool gate_wait(struct gate *g, int64_t until_ms)
{
	struct timespec until = { .tv_sec = until_ms / 1000,
				  .tv_nsec = until_ms % 1000 * 1000000 };
	pthread_mutex_lock(&g->lock);
	g->waiting++;
	while (!g->stopping && monotonic_ms() < until_ms)
		pthread_cond_timedwait(&g->changed, &g->lock, &until);
	bool stopped = g->stopping;
	g->waiting--;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
	return !stopped;
}

bool gate_stopping(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	bool stopping = g->stopping;
	pthread_mutex_unlock(&g->lock);
	return stopping;
}

struct sv rest_url(struct sv base, const struct rest_request *q, const struct vars *v,
		   struct arena *a)
{
	struct buf b;
	buf_init(&b, URL_MAX);
	buf_add(&b, base);
	if (base.len && base.ptr[base.len - 1] != '/')
		buf_addc(&b, '/');
	template_add(&b, &q->url, v, TEMPLATE_URL);
	for (int i = 0; i < q->query_n; i++) {
		buf_addc(&b, i ? '&' : '?');
		buf_add_url(&b, sv_of(q->query[i].name));
		buf_addc(&b, '=');
		template_add(&b, &q->query[i].value, v, TEMPLATE_URL_VALUE);
	}
	struct sv url = b.full ? SV_NONE : arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	return url;
}

/* 'rest.example.com:8080' of 'https://rest.example.com:8080/x'. */
static struct sv url_authority(struct sv url)
{
	size_t from = 0;
	while (from + 2 < url.len && memcmp(url.ptr + from, "://", 3) != 0)
		from++;
	struct sv rest = from + 3 <= url.len ? sv_make(url.ptr + from + 3, url.len - from - 3)
					     : SV_NONE;
	size_t n = 0;
	while (n < rest.len && !strchr("/?#", rest.ptr[n]))
		n++;
	return sv_make(rest.ptr, n);
}

static struct sv host_of(struct sv url)
{
	struct sv host = url_authority(url), port;
	if (host.len && host.ptr[0] == '[') /* IPv6 */
		return host;
	sv_cut(host, ':', &host, &port);
	return host;
}

static bool has(struct sv s, char c)
{
	return s.len && memchr(s.ptr, c, s.len);
}

/* A redirect carries passwords and session tokens along, so it may lead to
 * another data centre ('auth-east' to 'auth-west' of one domain), and to
 * nobody else. Never from https to http: http_url_allowed sees to loopback,
 * and a loopback host is not in a vendor's domain. */
static bool same_domain(struct sv a, struct sv b)
{
	struct sv host_a = host_of(a), host_b = host_of(b), head, rest_a, rest_b;
	if (!host_b.len || has(url_authority(b), '@'))
		return false;
	if (sv_eq_nocase(host_a, host_b))
		return true;
	if (!sv_cut(host_a, '.', &head, &rest_a) || !sv_cut(host_b, '.', &head, &rest_b))
		return false;
	/* 'example.com' and 'other.com' share only 'com', and addresses nothing */
	return has(rest_a, '.') && sv_eq_nocase(rest_a, rest_b) &&
	       !isdigit((unsigned char)rest_a.ptr[0]);
}

bool rest_exchange(struct rest *r, struct http_call *call, struct arena *a, struct err *err)
{
	for (int hops = 0;; hops++) {
		atomic_fetch_add(&r->connector.usage.calls, 1);
		if (!http_perform(r->http, call, err))
			return false;
		if (call->status != 307 && call->status != 308)
			return true;
		struct sv to = arena_sv(a, http_answer_header(call, "Location"));
		http_call_finish(call);
		if (hops == REDIRECTS_MAX || !same_domain(sv_of(call->url), to)) {
			err_set(err, ERR_SERVER, "%s: redirected to %.*s: %s", r->d->name,
				SV_ARG(url_authority(to)),
				hops == REDIRECTS_MAX ? "more than 3 times" : "another domain");
			return false;
		}
		call->url = arena_str(a, to);
	}
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct sv url_decode(struct sv s, struct arena *a)
{
	char *out = arena_alloc(a, s.len + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];
		if (c == '%' && i + 2 < s.len && hex(s.ptr[i + 1]) >= 0 && hex(s.ptr[i + 2]) >= 0) {
			c = (char)(hex(s.ptr[i + 1]) * 16 + hex(s.ptr[i + 2]));
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		out[n++] = c;
	}
	return sv_make(out, n);
}

struct sv url_parameter(struct sv url, struct sv name, struct arena *a)
{
	struct sv head, query, pair, key, value;
	sv_cut(url, '#', &url, &head);
	sv_cut(url, '?', &head, &query);
	bool more = true;
	while (more) {
		more = sv_cut(query, '&', &pair, &query);
		sv_cut(pair, '=', &key, &value);
		if (sv_eq(url_decode(key, a), name))
			return url_decode(value, a);
	}
	return SV_NONE;
}

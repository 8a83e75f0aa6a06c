#include "net/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/panic.h"

enum {
	TIMEOUT_MS = 120 * 1000,
	CONNECT_TIMEOUT_MS = 30 * 1000,
	BODY_MAX = 64 * 1024 * 1024,
	HEADERS_MAX = 256 * 1024,
	LINE_MAX_BYTES = 64 * 1024,
	/* Servers and load balancers drop idle connections after about a
	 * minute; a younger one is rarely closed in the moment of its use. */
	IDLE_MAX_S = 30,
};

struct handle {
	struct handle *next;
	CURL *curl;
};

struct http_client {
	pthread_mutex_t lock;
	struct handle *idle; /* last used first: its connection is the warmest */
	atomic_bool stopped;
};

/* What the callbacks of one call need. */
struct transfer {
	struct http_client *client;
	struct http_call *call;
	CURL *curl;
	bool repeatable; /* sending twice is sending once */
	bool gave_up;	 /* refused to send a second time */
};

static void curl_begin(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		panic("libcurl does not start");
}

struct http_client *http_client_create(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, curl_begin);
	struct http_client *c = must_zalloc(sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
	atomic_init(&c->stopped, false);
	return c;
}

void http_client_destroy(struct http_client *c)
{
	if (!c)
		return;
	for (struct handle *h = c->idle, *next; h; h = next) {
		next = h->next;
		curl_easy_cleanup(h->curl);
		free(h);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void http_client_stop(struct http_client *c)
{
	atomic_store(&c->stopped, true);
}

static struct handle *borrow(struct http_client *c)
{
	pthread_mutex_lock(&c->lock);
	struct handle *h = c->idle;
	if (h)
		c->idle = h->next;
	pthread_mutex_unlock(&c->lock);
	if (h)
		return h;
	h = must_zalloc(sizeof(*h));
	h->curl = curl_easy_init();
	if (!h->curl)
		panic("curl_easy_init: out of memory");
	return h;
}

static void give_back(struct http_client *c, struct handle *h)
{
	curl_easy_reset(h->curl); /* forgets the call, keeps the connection */
	pthread_mutex_lock(&c->lock);
	h->next = c->idle;
	c->idle = h;
	pthread_mutex_unlock(&c->lock);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	buf_add(&t->call->body_out, sv_make(data, size * n));
	return t->call->body_out.full ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct sv line = sv_make(data, size * n);
	if (sv_starts(line, SV("HTTP/"))) /* what came before was a 1xx answer */
		buf_clear(&t->call->headers_out);
	buf_add(&t->call->headers_out, line);
	return t->call->headers_out.full ? 0 : line.len;
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
		       curl_off_t up)
{
	struct transfer *t = arg;
	return atomic_load(&t->client->stopped);
}

static bool was_sent(CURL *curl)
{
	long request_bytes = 0;
	curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request_bytes);
	return request_bytes > 0;
}

/* Runs before each sending. When a kept-alive connection dies without a byte
 * of answer, curl sends the request again on a new one, a POST as well. The
 * server may have executed it before it closed, and a create must not be sent
 * twice; so a second sending is refused and the call is lost. */
static int on_request(void *arg, char *local_ip, char *remote_ip, int local_port,
		      int remote_port)
{
	struct transfer *t = arg;
	if (t->repeatable || !was_sent(t->curl))
		return CURL_PREREQFUNC_OK;
	t->gave_up = true;
	return CURL_PREREQFUNC_ABORT;
}

static bool add_header(struct curl_slist **list, const char *name, struct sv value,
		       struct err *err)
{
	if (value.len && (memchr(value.ptr, '\n', value.len) ||
			  memchr(value.ptr, '\r', value.len) ||
			  memchr(value.ptr, '\0', value.len))) {
		err_set(err, ERR_BAD_INPUT, "header %s: holds a line end", name);
		return false;
	}
	struct buf line;
	buf_init(&line, LINE_MAX_BYTES);
	/* curl's spelling of an empty header is a semicolon */
	buf_addf(&line, value.len ? "%s: " : "%s;", name);
	buf_add(&line, value);
	bool ok = !line.full;
	struct curl_slist *longer = ok ? curl_slist_append(*list, line.ptr) : NULL;
	buf_finish(&line);
	if (!longer) {
		err_set(err, ERR_TOO_BIG, "header %s: more than %d bytes", name, LINE_MAX_BYTES);
		return false;
	}
	*list = longer;
	return true;
}

static bool make_headers(const struct http_call *call, struct curl_slist **list, struct err *err)
{
	*list = NULL;
	for (int i = 0; i < call->header_n; i++)
		if (!add_header(list, call->header[i].name, call->header[i].value, err))
			return false;
	if (call->content_type &&
	    !add_header(list, "Content-Type", sv_of(call->content_type), err))
		return false;
	/* Without these curl adds a form's type, and waits for a 100-continue
	 * that few servers send. */
	if (!call->content_type)
		*list = curl_slist_append(*list, "Content-Type:");
	*list = curl_slist_append(*list, "Expect:");
	return true;
}

static bool has_body(const struct http_call *call)
{
	return call->body.len > 0 || !(strcmp(call->method, "GET") == 0 ||
				       strcmp(call->method, "HEAD") == 0 ||
				       strcmp(call->method, "DELETE") == 0);
}

static void set_request(struct transfer *t, struct curl_slist *headers)
{
	const struct http_call *call = t->call;
	CURL *curl = t->curl;
	curl_easy_setopt(curl, CURLOPT_URL, call->url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "treaty/" TREATY_VERSION);
	curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
	/* A handle runs one call at a time, so HTTP/2 would bring nothing but
	 * more ways to be retried. */
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (has_body(call)) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.len ? call->body.ptr : "");
	} else if (strcmp(call->method, "HEAD") == 0) {
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
}

static void set_rules(struct transfer *t, char *error_text)
{
	CURL *curl = t->curl;
	long timeout_ms = t->call->timeout_ms > 0 ? (long)t->call->timeout_ms : TIMEOUT_MS;
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
			 timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, (long)IDLE_MAX_S);
	if (sv_starts(sv_of(t->call->url), SV("http://"))) /* that is: loopback */
		curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_text);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(curl, CURLOPT_PREREQDATA, t);
}

/* Method and address for messages, without the query: it may hold a token. */
static int shown_len(const char *url)
{
	return (int)strcspn(url, "?#");
}

static bool classify(const struct transfer *t, CURLcode code, const char *error_text,
		     struct err *err)
{
	const struct http_call *call = t->call;
	const char *why = error_text[0] ? error_text : curl_easy_strerror(code);
	enum err_code class = was_sent(t->curl) ? ERR_LOST : ERR_UNREACHABLE;
	if (call->body_out.full || call->headers_out.full) {
		class = ERR_TOO_BIG;
		why = "the answer is larger than allowed";
	} else if (t->gave_up) {
		class = ERR_LOST;
		why = "the connection ended before an answer";
	} else if (code == CURLE_ABORTED_BY_CALLBACK) {
		class = class == ERR_LOST ? ERR_LOST : ERR_STOPPED;
		why = "stopped";
	}
	err_set(err, class, "%s %.*s: %s", call->method, shown_len(call->url), call->url, why);
	return false;
}

static bool perform(struct transfer *t, struct curl_slist *headers, struct err *err)
{
	char error_text[CURL_ERROR_SIZE] = "";
	set_request(t, headers);
	set_rules(t, error_text);
	CURLcode code = curl_easy_perform(t->curl);
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->call->status);
	log_debug("http", "%s %.*s: %ld, %s", t->call->method, shown_len(t->call->url),
		  t->call->url, t->call->status, curl_easy_strerror(code));
	return code == CURLE_OK || classify(t, code, error_text, err);
}

bool http_perform(struct http_client *c, struct http_call *call, struct err *err)
{
	http_call_finish(call); /* of an earlier try */
	call->status = 0;
	buf_init(&call->body_out, call->body_max ? call->body_max : BODY_MAX);
	buf_init(&call->headers_out, HEADERS_MAX);
	if (!http_url_allowed(sv_of(call->url), err))
		return false;
	if (atomic_load(&c->stopped)) {
		err_set(err, ERR_STOPPED, "%s %.*s: stopped", call->method,
			shown_len(call->url), call->url);
		return false;
	}
	struct curl_slist *headers;
	bool ok = make_headers(call, &headers, err);
	if (ok) {
		struct handle *h = borrow(c);
		struct transfer t = {
			.client = c,
			.call = call,
			.curl = h->curl,
			.repeatable = call->repeatable ||
				      (!call->once && (strcmp(call->method, "GET") == 0 ||
						       strcmp(call->method, "HEAD") == 0)),
		};
		ok = perform(&t, headers, err);
		give_back(c, h);
	}
	curl_slist_free_all(headers);
	return ok;
}

void http_call_finish(struct http_call *call)
{
	buf_finish(&call->body_out);
	buf_finish(&call->headers_out);
}

bool http_header_next(struct sv *rest, struct sv *name, struct sv *value)
{
	struct sv line;
	while (rest->len) {
		sv_cut(*rest, '\n', &line, rest);
		if (sv_cut(line, ':', name, value)) {
			*name = sv_trim(*name);
			*value = sv_trim(*value);
			return true;
		}
	}
	return false;
}

struct sv http_answer_header(const struct http_call *call, const char *name)
{
	struct sv rest = buf_sv(&call->headers_out), found, value;
	while (http_header_next(&rest, &found, &value))
		if (sv_eq_nocase(found, sv_of(name)))
			return value;
	return SV_NONE;
}

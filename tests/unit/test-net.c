/* The HTTP client against a server that misbehaves in each way the error
 * classes tell apart; and the signature of a login. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "net/http_client.h"
#include "net/jws.h"

/* ---- the server: one thread, one connection at a time ---- */

enum manner {
	ANSWER,	      /* 200, kept alive */
	CLOSE_FIRST,  /* closes before it has read the request */
	CLOSE_AFTER,  /* reads the request and closes */
	CUT_SHORT,    /* announces 100 bytes, sends 5, closes */
	ENDLESS,      /* 1 MiB */
	SILENT,	      /* reads the request, answers never */
	STOPS_CLIENT, /* the same, and stops the client once it has the request */
	DIES_REUSED,  /* answers the first request, closes on the second of a connection */
	REDIRECT,
	GZIP,
	CONTINUE, /* an interim answer first */
};

struct server {
	int fd;
	char url[64];
	enum manner manner;
	struct http_client *client; /* STOPS_CLIENT */
	pthread_t thread;
	atomic_int requests;
	pthread_mutex_t lock;
	char last[8192]; /* the last request's head and body; under the lock */
};

static bool read_request(int fd, char *out, size_t size)
{
	size_t n = 0, body = 0;
	char *end = NULL;
	while (n + 1 < size) {
		ssize_t got = read(fd, out + n, size - 1 - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
		out[n] = '\0';
		end = strstr(out, "\r\n\r\n");
		const char *length = strstr(out, "Content-Length: ");
		body = length && end && length < end ? strtoul(length + 16, NULL, 10) : 0;
		if (end && n >= (size_t)(end + 4 - out) + body)
			return true;
	}
	return false;
}

static void say(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static void say_line(int fd, const char *text)
{
	say(fd, text, strlen(text));
}

static void until_closed(int fd)
{
	char c;
	while (read(fd, &c, 1) > 0)
		;
}

static void answer_endless(int fd)
{
	static const char block[64 * 1024];
	say_line(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n");
	for (int i = 0; i < 16; i++)
		say(fd, block, sizeof(block));
}

/* True when the connection stays open for another request. */
static bool answer(struct server *s, int fd, int nth)
{
	static const char zipped[] =
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\x48\xce\xcf"
		"\x2d\x28\x4a\x2d\x2e\x4e\x4d\x51\x28\xcf\x2f\xca\x49\x01\x00\x08\x9e\x34\x35\x17"
		"\x00\x00\x00";
	switch (s->manner) {
	case CONTINUE:
		say_line(fd, "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n");
		/* fall through */
	case ANSWER:
		say_line(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One:  first \r\n"
			     "set-cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n\r\nhello");
		return true;
	case DIES_REUSED:
		if (nth == 1)
			say_line(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
		return nth == 1;
	case CUT_SHORT:
		say_line(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
		return false;
	case ENDLESS:
		answer_endless(fd);
		return false;
	case REDIRECT:
		say_line(fd, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n"
			     "Content-Length: 0\r\n\r\n");
		return true;
	case GZIP:
		say_line(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
			     "Content-Length: 43\r\n\r\n");
		say(fd, zipped, sizeof(zipped) - 1);
		return true;
	case STOPS_CLIENT:
		http_client_stop(s->client);
		/* fall through */
	case SILENT:
		until_closed(fd);
		return false;
	default:
		return false;
	}
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd;
	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		bool open = s->manner != CLOSE_FIRST;
		char request[sizeof(s->last)];
		for (int nth = 1; open && read_request(fd, request, sizeof(request)); nth++) {
			pthread_mutex_lock(&s->lock);
			memcpy(s->last, request, sizeof(request));
			pthread_mutex_unlock(&s->lock);
			atomic_fetch_add(&s->requests, 1);
			open = answer(s, fd, nth);
		}
		close(fd);
	}
	return NULL;
}

static int listen_on_loopback(int backlog, char url[64])
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(url, 64, "http://127.0.0.1:%d/path?secret=x", ntohs(at.sin_port));
	return fd;
}

static void server_start(struct server *s, enum manner manner, struct http_client *client)
{
	*s = (struct server){ .manner = manner, .client = client };
	pthread_mutex_init(&s->lock, NULL);
	s->fd = listen_on_loopback(16, s->url);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

/* After the client is gone, so that no connection is open. */
static void server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	pthread_mutex_destroy(&s->lock);
	close(s->fd);
}

/* Whether the last request held that. */
static bool saw(struct server *s, const char *part)
{
	pthread_mutex_lock(&s->lock);
	bool found = strstr(s->last, part) != NULL;
	pthread_mutex_unlock(&s->lock);
	return found;
}

/* ---- calls ---- */

static struct http_call get(const char *url)
{
	return (struct http_call){ .method = "GET", .url = url, .timeout_ms = 5000 };
}

static struct http_call post(const char *url)
{
	return (struct http_call){
		.method = "POST",
		.url = url,
		.body = SV("{\"create\":1}"),
		.content_type = "application/json",
		.timeout_ms = 5000,
	};
}

static enum err_code outcome(struct http_client *c, struct http_call *call)
{
	struct err err = { 0 };
	bool ok = http_perform(c, call, &err);
	assert_int_equal(ok, err.code == ERR_NONE);
	assert_null(strstr(err.what, "secret"));
	return err.code;
}

/* One POST to a server of that manner. */
static enum err_code post_to(enum manner manner, int64_t timeout_ms, size_t body_max)
{
	struct server s;
	struct http_client *c = http_client_create();
	server_start(&s, manner, c);
	struct http_call call = post(s.url);
	call.timeout_ms = timeout_ms;
	call.body_max = body_max;
	enum err_code code = outcome(c, &call);
	http_call_finish(&call);
	http_client_destroy(c);
	server_stop(&s);
	return code;
}

static void answers_are_read(void **state)
{
	struct server s;
	struct http_client *c = http_client_create();
	server_start(&s, ANSWER, c);
	struct http_header header = { "X-Mine", SV("v\xc3\xa4lue") };
	struct http_call call = post(s.url);
	call.header = &header;
	call.header_n = 1;
	assert_int_equal(outcome(c, &call), ERR_NONE);
	assert_int_equal(call.status, 200);
	assert_true(sv_eq(buf_sv(&call.body_out), SV("hello")));
	assert_true(sv_eq(http_answer_header(&call, "x-one"), SV("first")));
	assert_int_equal(http_answer_header(&call, "X-Other").len, 0);
	assert_true(saw(&s, "POST /path?secret=x HTTP/1.1\r\n"));
	assert_true(saw(&s, "X-Mine: v\xc3\xa4lue\r\n"));
	assert_true(saw(&s, "Content-Type: application/json\r\n"));
	assert_true(saw(&s, "Accept-Encoding: gzip\r\n"));
	assert_false(saw(&s, "Expect"));
	assert_true(saw(&s, "\r\n\r\n{\"create\":1}"));

	struct sv rest = buf_sv(&call.headers_out), name, value;
	int cookies = 0;
	while (http_header_next(&rest, &name, &value))
		cookies += sv_eq_nocase(name, SV("Set-Cookie"));
	assert_int_equal(cookies, 2);

	/* again with the same call, on the same connection */
	assert_int_equal(outcome(c, &call), ERR_NONE);
	assert_true(sv_eq(buf_sv(&call.body_out), SV("hello")));
	http_call_finish(&call);

	struct http_call plain = get(s.url);
	assert_int_equal(outcome(c, &plain), ERR_NONE);
	assert_true(saw(&s, "GET /path"));
	assert_false(saw(&s, "Content-"));
	http_call_finish(&plain);
	http_client_destroy(c);
	server_stop(&s);
}

static void interim_answers_are_passed_over(void **state)
{
	struct server s;
	struct http_client *c = http_client_create();
	server_start(&s, CONTINUE, c);
	struct http_call call = get(s.url);
	assert_int_equal(outcome(c, &call), ERR_NONE);
	assert_int_equal(http_answer_header(&call, "X-Early").len, 0);
	assert_true(sv_eq(http_answer_header(&call, "X-One"), SV("first")));
	http_call_finish(&call);
	http_client_destroy(c);
	server_stop(&s);
}

static void redirects_are_not_followed(void **state)
{
	struct server s;
	struct http_client *c = http_client_create();
	server_start(&s, REDIRECT, c);
	struct http_call call = get(s.url);
	assert_int_equal(outcome(c, &call), ERR_NONE);
	assert_int_equal(call.status, 302);
	assert_int_equal(s.requests, 1);
	http_call_finish(&call);
	http_client_destroy(c);
	server_stop(&s);
}

static void zipped_answers_are_unpacked_within_the_limit(void **state)
{
	struct server s;
	struct http_client *c = http_client_create();
	server_start(&s, GZIP, c);
	struct http_call call = get(s.url);
	assert_int_equal(outcome(c, &call), ERR_NONE);
	assert_true(sv_eq(buf_sv(&call.body_out), SV("hello, compressed world")));
	call.body_max = 10;
	assert_int_equal(outcome(c, &call), ERR_TOO_BIG);
	http_call_finish(&call);
	http_client_destroy(c);
	server_stop(&s);
}

static void what_may_have_been_executed_is_lost(void **state)
{
	assert_int_equal(post_to(CLOSE_FIRST, 5000, 0), ERR_LOST);
	assert_int_equal(post_to(CLOSE_AFTER, 5000, 0), ERR_LOST);
	assert_int_equal(post_to(CUT_SHORT, 5000, 0), ERR_LOST);
	assert_int_equal(post_to(SILENT, 30, 0), ERR_LOST);
	assert_int_equal(post_to(STOPS_CLIENT, 5000, 0), ERR_LOST);
	assert_int_equal(post_to(ENDLESS, 5000, 1000), ERR_TOO_BIG);
}

static void what_was_not_sent_is_unreachable(void **state)
{
	char url[64];
	int fd = listen_on_loopback(1, url);
	close(fd);
	struct http_client *c = http_client_create();
	struct http_call call = post(url);
	assert_int_equal(outcome(c, &call), ERR_UNREACHABLE); /* refused */
	http_call_finish(&call);
	struct http_call nowhere = post("https://no-such-host.invalid/");
	assert_int_equal(outcome(c, &nowhere), ERR_UNREACHABLE);
	http_call_finish(&nowhere);
	http_client_destroy(c);
}

/* A listener whose queue is full drops connection requests: they time out. */
static void a_connect_that_times_out_is_unreachable(void **state)
{
	enum { FILL = 4 };
	char url[64];
	int fd = listen_on_loopback(0, url), fill[FILL];
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	getsockname(fd, (struct sockaddr *)&at, &len);
	for (int i = 0; i < FILL; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fill[i], (struct sockaddr *)&at, sizeof(at)) < 0)
			assert_int_equal(errno, EINPROGRESS);
	}
	struct http_client *c = http_client_create();
	struct http_call call = post(url);
	call.timeout_ms = 50;
	assert_int_equal(outcome(c, &call), ERR_UNREACHABLE);
	http_call_finish(&call);
	http_client_destroy(c);
	for (int i = 0; i < FILL; i++)
		close(fill[i]);
	close(fd);
}

/* curl sends again when a kept-alive connection dies without an answer. */
static void a_write_is_sent_once_even_on_a_reused_connection(void **state)
{
	struct server s;
	struct http_client *c = http_client_create();
	server_start(&s, DIES_REUSED, c);
	struct http_call call = post(s.url);
	assert_int_equal(outcome(c, &call), ERR_NONE);
	assert_int_equal(outcome(c, &call), ERR_LOST);
	assert_int_equal(s.requests, 2);
	assert_int_equal(outcome(c, &call), ERR_NONE); /* on a new connection */
	http_call_finish(&call);

	struct http_call read = get(s.url); /* reused, dies, sent again */
	assert_int_equal(outcome(c, &read), ERR_NONE);
	assert_int_equal(s.requests, 5);
	http_call_finish(&read);

	struct http_call query = post(s.url); /* a POST that reads, the same */
	query.repeatable = true;
	assert_int_equal(outcome(c, &query), ERR_NONE);
	assert_int_equal(s.requests, 7);
	http_call_finish(&query);

	struct http_call take = get(s.url); /* a GET that takes from a queue: lost */
	take.once = true;
	assert_int_equal(outcome(c, &take), ERR_LOST);
	assert_int_equal(s.requests, 8);
	http_call_finish(&take);
	http_client_destroy(c);
	server_stop(&s);
}

static void a_stopped_client_sends_nothing(void **state)
{
	struct http_client *c = http_client_create();
	http_client_stop(c);
	struct http_call call = get("http://127.0.0.1:9/");
	assert_int_equal(outcome(c, &call), ERR_STOPPED);
	http_call_finish(&call);
	http_client_destroy(c);
}

static void headers_cannot_be_injected(void **state)
{
	struct http_client *c = http_client_create();
	struct http_header header = { "X-Mine", SV("a\r\nX-Other: b") };
	struct http_call call = get("http://127.0.0.1:9/");
	call.header = &header;
	call.header_n = 1;
	assert_int_equal(outcome(c, &call), ERR_BAD_INPUT);
	http_call_finish(&call);
	http_client_destroy(c);
}

static void addresses(void **state)
{
	static const struct {
		const char *url;
		bool allowed;
	} cases[] = {
		{ "https://acme.my.salesforce.com", true },
		{ "https://acme.my.salesforce.com:8443/a?b#c", true },
		{ "http://127.0.0.1:7071/x", true },
		{ "http://127.200.0.1", true },
		{ "http://localhost:80", true },
		{ "http://[::1]:7071/", true },
		{ "http://acme.my.salesforce.com/", false },
		{ "http://127.0.0.1.example.com/", false },
		{ "http://127.1/", false },
		{ "http://localhost.example.com/", false },
		{ "http://127.0.0.1@example.com/", false },
		{ "http://[::2]/", false },
		{ "http://[::1", false },
		{ "https://user:word@example.com/", false },
		{ "https://example.com/a@b", true },
		{ "https://", false },
		{ "https:///path", false },
		{ "HTTPS://example.com", false },
		{ "ftp://example.com", false },
		{ "file:///etc/passwd", false },
		{ "http://127.0.0.1\\@example.com/", false },
		{ "https://example.com/a b", false },
		{ "https://example.com/\r\nHost: x", false },
		{ "", false },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct err err = { 0 };
		if (http_url_allowed(sv_of(cases[i].url), &err) != cases[i].allowed)
			fail_msg("%s", cases[i].url);
		assert_int_equal(err.code, cases[i].allowed ? ERR_NONE : ERR_BAD_INPUT);
	}
}

/* ---- signatures ---- */

static struct sv pem_of(EVP_PKEY *key, const char *passphrase, struct buf *out)
{
	char *text;
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key,
						       passphrase ? EVP_aes_128_cbc() : NULL,
						       passphrase, passphrase ? 4 : 0, NULL, NULL),
			 1);
	long n = BIO_get_mem_data(bio, &text);
	buf_init(out, 64 * 1024);
	buf_add(out, sv_make(text, (size_t)n));
	BIO_free(bio);
	return buf_sv(out);
}

static size_t from_base64url(struct sv in, unsigned char *out)
{
	unsigned bits = 0;
	int have = 0;
	size_t n = 0;
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	for (size_t i = 0; i < in.len; i++) {
		const char *at = memchr(digits, in.ptr[i], 64);
		assert_non_null(at);
		bits = bits << 6 | (unsigned)(at - digits);
		if ((have += 6) >= 8)
			out[n++] = (unsigned char)(bits >> (have -= 8));
	}
	return n;
}

static void a_signature_verifies(void **state)
{
	struct err err = { 0 };
	struct buf pem, jws;
	unsigned char text[1024];
	EVP_PKEY *key = EVP_RSA_gen(2048);
	struct sv claims = SV("{\"iss\":\"3MVG9\",\"exp\":1}");
	buf_init(&jws, 8192);
	buf_add(&jws, SV("kept "));
	assert_true(jws_rs256(claims, pem_of(key, NULL, &pem), &jws, &err));
	assert_true(sv_starts(buf_sv(&jws), SV("kept ey")));

	struct sv all = sv_make(jws.ptr + 5, jws.len - 5), head, payload, signature;
	sv_cut(all, '.', &head, &payload);
	sv_cut(payload, '.', &payload, &signature);
	size_t n = from_base64url(head, text);
	assert_true(sv_eq(sv_make(text, n), SV("{\"alg\":\"RS256\",\"typ\":\"JWT\"}")));
	n = from_base64url(payload, text);
	assert_true(sv_eq(sv_make(text, n), claims));
	n = from_base64url(signature, text);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key);
	assert_int_equal(EVP_DigestVerify(ctx, text, n, (const unsigned char *)all.ptr,
					  head.len + 1 + payload.len),
			 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	buf_finish(&pem);
	buf_finish(&jws);
}

static void expect_bad_key(struct sv pem, const char *why)
{
	struct err err = { 0 };
	struct buf out;
	buf_init(&out, 8192);
	assert_false(jws_rs256(SV("{}"), pem, &out, &err));
	assert_int_equal(err.code, ERR_AUTH);
	assert_non_null(strstr(err.what, why));
	assert_int_equal(out.len, 0);
	buf_finish(&out);
}

static void keys_that_do_not_sign_say_why(void **state)
{
	struct buf pem;
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *small = EVP_RSA_gen(1024), *ec = EVP_EC_gen("P-256");
	expect_bad_key(SV_NONE, "not a PEM private key");
	expect_bad_key(SV("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
		       "not a PEM private key");
	expect_bad_key(pem_of(rsa, "word", &pem), "has a passphrase");
	buf_finish(&pem);
	expect_bad_key(pem_of(ec, NULL, &pem), "not an RSA key");
	buf_finish(&pem);
	expect_bad_key(pem_of(small, NULL, &pem), "2048 bits");
	buf_finish(&pem);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(small);
	EVP_PKEY_free(ec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(interim_answers_are_passed_over),
		cmocka_unit_test(redirects_are_not_followed),
		cmocka_unit_test(zipped_answers_are_unpacked_within_the_limit),
		cmocka_unit_test(what_may_have_been_executed_is_lost),
		cmocka_unit_test(what_was_not_sent_is_unreachable),
		cmocka_unit_test(a_connect_that_times_out_is_unreachable),
		cmocka_unit_test(a_write_is_sent_once_even_on_a_reused_connection),
		cmocka_unit_test(a_stopped_client_sends_nothing),
		cmocka_unit_test(headers_cannot_be_injected),
		cmocka_unit_test(addresses),
		cmocka_unit_test(a_signature_verifies),
		cmocka_unit_test(keys_that_do_not_sign_say_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The HTTP server against peers that behave and peers that do not. The handler
 * echoes the body; '/later' is answered by another thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/panic.h"
#include "net/http_server.h"

enum { WAITING_MAX = 512, DEADLINE_MS = 20000 };

static struct http_server *server, *impatient;
static _Atomic int refusing;

static void echo(void *arg, const struct http_request *r, struct http_exchange *x)
{
	http_answer(x, &(struct http_reply){ .status = 200, .text = r->body });
}

/* Answered all together once 'want' of them wait. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct http_exchange *waiting[WAITING_MAX];
	int n, want;
	bool stop;
	pthread_t thread;
} later = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .want = 1 };

static void keep(void *arg, const struct http_request *r, struct http_exchange *x)
{
	http_forget_body(x);
	pthread_mutex_lock(&later.mutex);
	later.waiting[later.n++] = x;
	pthread_cond_broadcast(&later.changed);
	pthread_mutex_unlock(&later.mutex);
}

static void *answer_later(void *arg)
{
	pthread_mutex_lock(&later.mutex);
	while (!later.stop) {
		if (later.n >= later.want) {
			for (int i = 0; i < later.n; i++)
				http_answer(later.waiting[i], &(struct http_reply){ .status = 200 });
			later.n = 0;
		}
		pthread_cond_wait(&later.changed, &later.mutex);
	}
	pthread_mutex_unlock(&later.mutex);
	return NULL;
}

static int admit(void *arg)
{
	return refusing ? 503 : 0;
}

static const struct http_route route[] = {
	{ "POST", "/echo", echo, admit, NULL },
	{ "POST", "/later", keep, NULL, NULL },
	{ "GET", "/echo", echo, NULL, NULL },
};

static int begin(void **state)
{
	struct err err = { 0 };
	struct http_server_options o = { .address = "127.0.0.1:0", .route = route,
					 .route_n = countof(route), .body_max = 100000,
					 .head_max = 16 * 1024 };
	server = http_server_create(&o, &err);
	o.patience_ms = 500;
	impatient = http_server_create(&o, &err);
	if (!server || !impatient)
		fail_msg("%s", err.what);
	pthread_create(&later.thread, NULL, answer_later, NULL);
	return 0;
}

static int end(void **state)
{
	pthread_mutex_lock(&later.mutex);
	later.stop = true;
	pthread_cond_broadcast(&later.changed);
	pthread_mutex_unlock(&later.mutex);
	pthread_join(later.thread, NULL);
	http_server_destroy(server);
	http_server_destroy(impatient);
	return 0;
}

/* ---- a peer ---- */

static int open_peer_of(const struct http_server *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)http_server_port(s)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		fail_msg("cannot connect");
	return fd;
}

static int open_peer(void)
{
	return open_peer_of(server);
}

static void say(int fd, const char *text)
{
	size_t len = strlen(text);
	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What comes until 'until' stands in it, or until the end (NULL). */
static const char *hear(int fd, const char *until)
{
	static char text[1 << 20];
	size_t n = 0;
	int64_t end_ms = now_ms() + DEADLINE_MS;
	for (;;) {
		struct pollfd p = { fd, POLLIN, 0 };
		text[n] = '\0';
		if (until && strstr(text, until))
			return text;
		int64_t left = end_ms - now_ms();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			fail_msg("not within %d s: '%s' after '%.200s'", DEADLINE_MS / 1000,
				 until ? until : "the end", text);
		ssize_t got = recv(fd, text + n, sizeof(text) - 1 - n, 0);
		if (got <= 0) {
			if (until)
				fail_msg("the end before '%s': '%.200s'", until, text);
			return text;
		}
		n += (size_t)got;
	}
}

/* The status of the answer to one request on a new connection. */
static int status_of(const char *request)
{
	int fd = open_peer();
	say(fd, request);
	const char *text = hear(fd, "\r\n\r\n");
	int status = 0;
	for (const char *p = text + 9; *p >= '0' && *p <= '9'; p++)
		status = status * 10 + (*p - '0');
	close(fd);
	return status;
}

/* It serves whoever behaves, whatever was before. */
static void still_serves(void)
{
	assert_int_equal(status_of("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"), 200);
}

/* ---- the tests ---- */

static void test_keep_alive(void **state)
{
	int fd = open_peer();
	for (int i = 0; i < 3; i++) {
		say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
		assert_non_null(strstr(hear(fd, "hello"), "HTTP/1.1 200"));
	}
	say(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
	hear(fd, "200 OK");
	close(fd);
}

static void test_pipelining(void **state)
{
	int fd = open_peer();
	say(fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsecond"
		"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nthird");
	const char *text = hear(fd, "third");
	assert_non_null(strstr(text, "second"));
	assert_true(strstr(text, "second") < strstr(text, "third"));
	close(fd);
}

static void test_chunked(void **state)
{
	int fd = open_peer();
	say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	say(fd, "3\r\nabc\r\n");
	say(fd, "4\r\ndefg\r\n0\r\n\r\n");
	hear(fd, "abcdefg");
	close(fd);
}

static void test_refused_by_the_head(void **state)
{
	assert_int_equal(status_of("POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"), 404);
	assert_int_equal(status_of("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"), 405);
	assert_int_equal(status_of("DELETE /later HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
	assert_int_equal(status_of("POST /echo HTTP/1.1\r\nHost: x\r\n\r\n"), 411);
	assert_int_equal(status_of("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n"), 413);
	assert_int_equal(status_of("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"), 400);
	still_serves();
}

/* Too much to store: said before the body is read, with a word when to come. */
static void test_busy(void **state)
{
	refusing = 1;
	int fd = open_peer();
	say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n");
	const char *text = hear(fd, NULL);
	assert_non_null(strstr(text, "503"));
	assert_non_null(strstr(text, "Retry-After: 5"));
	close(fd);
	refusing = 0;
	still_serves();
}

static void test_giant_head(void **state)
{
	static char request[64 * 1024];
	int n = snprintf(request, sizeof(request), "POST /echo HTTP/1.1\r\nHost: x\r\nA: ");
	memset(request + n, 'a', sizeof(request) - (size_t)n - 1);
	int fd = open_peer();
	send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
	char text[64];
	ssize_t got = recv(fd, text, sizeof(text) - 1, 0); /* may be reset, as it reads no more */
	if (got > 12)
		assert_true(text[9] == '4');
	close(fd);
	still_serves();
}

/* A chunked body without end: cut once it is too long, not stored. */
static void test_endless_body(void **state)
{
	static char chunk[8 * 1024 + 16];
	int fd = open_peer(), n = snprintf(chunk, sizeof(chunk), "2000\r\n");
	memset(chunk + n, 'a', 8192);
	memcpy(chunk + n + 8192, "\r\n", 2);
	say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	int sent = 0;
	while (sent < 10000 && send(fd, chunk, (size_t)n + 8194, MSG_NOSIGNAL) > 0)
		sent++;
	assert_true(sent < 10000);
	close(fd);
	still_serves();
}

static void test_nonsense(void **state)
{
	static const char *const texts[] = {
		"\r\n\r\n\r\n", "GET\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"POST /echo HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\nhello",
		"POST /echo HTTP/9.9\r\n\r\n", "POST /echo\x01 HTTP/1.1\r\n\r\n",
		"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
		"POST /echo HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
	};
	for (size_t i = 0; i < countof(texts); i++) {
		int fd = open_peer_of(impatient);
		say(fd, texts[i]);
		shutdown(fd, SHUT_WR);
		hear(fd, NULL);
		close(fd);
	}
	still_serves();
}

/* Gone in the middle of its body, or while its answer is still to come. */
static void test_gone_halfway(void **state)
{
	for (int i = 0; i < 20; i++) {
		int fd = open_peer();
		say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhalf");
		close(fd);
		fd = open_peer();
		say(fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na");
		close(fd);
	}
	still_serves();
}

/* A byte now and then does not keep a connection: a whole request must come
 * within the patience. */
static void test_dripping(void **state)
{
	int fd = open_peer_of(impatient), sent = 0;
	int64_t from = now_ms();
	say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nX: ");
	for (; now_ms() - from < DEADLINE_MS; sent++) {
		struct pollfd p = { fd, POLLIN, 0 };
		if (poll(&p, 1, 20) > 0 && recv(fd, &(char){ 0 }, 1, 0) <= 0)
			break;
		if (send(fd, "a", 1, MSG_NOSIGNAL) < 0)
			break;
	}
	assert_true(sent > 5);
	assert_true(now_ms() - from < DEADLINE_MS);
	close(fd);
	still_serves();
}

/* So does an idle one. */
static void test_idle(void **state)
{
	int fd = open_peer_of(impatient);
	say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
	hear(fd, NULL);
	close(fd);
}

/* 128 and 256 at once, all ready together and all answered together: where
 * libmicrohttpd's own epoll thread hangs. */
static void together(int n, const char *path)
{
	int fd[WAITING_MAX];
	char request[200];
	snprintf(request, sizeof(request), "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
		 path);
	for (int i = 0; i < n; i++)
		fd[i] = open_peer();
	for (int round = 0; round < 3; round++) {
		pthread_mutex_lock(&later.mutex);
		later.want = n;
		pthread_mutex_unlock(&later.mutex);
		for (int i = 0; i < n; i++)
			say(fd[i], request);
		for (int i = 0; i < n; i++)
			hear(fd[i], "\r\n\r\n");
	}
	for (int i = 0; i < n; i++)
		close(fd[i]);
	pthread_mutex_lock(&later.mutex);
	later.want = 1;
	pthread_mutex_unlock(&later.mutex);
}

static void test_many_at_once(void **state)
{
	static const int numbers[] = { 127, 128, 129, 255, 256, 257, 384 };
	for (size_t i = 0; i < countof(numbers); i++) {
		together(numbers[i], "/later");
		together(numbers[i], "/echo");
	}
}

static void test_addresses(void **state)
{
	static const char *const bad[] = { "0.0.0.0:0", "192.0.2.1:80", "[::]:0", "127.0.0.1",
					   "127.0.0.1:99999", "example.com:80", ":80", "::1:80", "" };
	for (size_t i = 0; i < countof(bad); i++) {
		struct err err = { 0 };
		assert_null(http_server_create(&(struct http_server_options){ .address = bad[i] }, &err));
		assert_int_equal(err.code, ERR_BAD_INPUT);
	}
	struct err err = { 0 };
	assert_null(http_server_create(&(struct http_server_options){
		.address = "127.0.0.1:0", .certificate = SV("no certificate"), .key = SV("no key") }, &err));
	char taken[32];
	snprintf(taken, sizeof(taken), "127.0.0.1:%d", http_server_port(server));
	err_clear(&err);
	assert_null(http_server_create(&(struct http_server_options){ .address = taken }, &err));
	assert_string_equal(strstr(err.what, "Address"), "Address already in use");
	assert_true(http_is_loopback(SV("127.1.2.3")));
	assert_false(http_is_loopback(SV("127.0.0.1.example.com")));
}

/* Last: whoever comes afterwards is refused, what is held is answered. */
static void test_quiesce(void **state)
{
	pthread_mutex_lock(&later.mutex);
	later.want = 2;
	pthread_mutex_unlock(&later.mutex);
	int fd = open_peer();
	say(fd, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na");
	pthread_mutex_lock(&later.mutex);
	while (later.n == 0)
		pthread_cond_wait(&later.changed, &later.mutex);
	pthread_mutex_unlock(&later.mutex);
	http_server_quiesce(server);
	assert_int_equal(status_of("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"), 503);
	pthread_mutex_lock(&later.mutex);
	later.want = 1;
	pthread_cond_broadcast(&later.changed);
	pthread_mutex_unlock(&later.mutex);
	hear(fd, "200 OK");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep_alive),   cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_chunked),	     cmocka_unit_test(test_refused_by_the_head),
		cmocka_unit_test(test_busy),	     cmocka_unit_test(test_giant_head),
		cmocka_unit_test(test_endless_body), cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_gone_halfway), cmocka_unit_test(test_dripping),
		cmocka_unit_test(test_idle),	     cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_addresses),    cmocka_unit_test(test_quiesce),
	};
	return cmocka_run_group_tests(tests, begin, end);
}

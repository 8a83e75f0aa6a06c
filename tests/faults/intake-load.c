/* intake-load - posts signed webhooks as fast as they are answered, and says
 * afterwards what became of them.
 *
 *   intake-load post PORT SECRET [connections=N] [seconds=N] [posts=N] [first=N]
 *                    [range=N] [pause_ms=N] [pad=BYTES] [acked=FILE]
 *   intake-load check STORE FILE...
 *   intake-load hog STORE [seconds=N]
 *
 * 'post' sends Greenhouse update_candidate events over N connections, each for a
 * candidate of its own: post n is about the candidate number (first + n) * 7919
 * modulo a prime, so that neighbours in time are none in the store. What was
 * answered with 200 is appended to FILE, an id a line, before the connection
 * sends its next. Prints JSON: posted, acked, refused (any other status), lost
 * (the connection ended), seconds, and times to the answer in microseconds.
 * pause_ms: how long a connection waits after a refusal.
 *
 * 'check' looks for a mark of each id in the store, and holds the ledger to the
 * law: nothing that was answered with success is missing, nothing is there
 * twice.
 *
 * 'hog' holds the store's write lock nine tenths of the time. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, REQUEST_MAX = 16384, ANSWER_MAX = 4096, TIMES_MAX = 1 << 22 };
static const long long prime = 99999989;

struct connection {
	int fd; /* -1: to be opened */
	long long id;
	double sent_us, ready_us; /* ready: not before */
	size_t out_len, out_at, in_len;
	char out[REQUEST_MAX], in[ANSWER_MAX];
};

static struct {
	int port, connections, pause_ms, pad;
	const char *secret;
	double seconds;
	long long posts, first, range;
} how = { .connections = 1, .seconds = 2, .pause_ms = 20, .pad = 700 };

static struct connection *all;
static int epoll_fd;
static FILE *acked_file;
static long long posted, acked, refused, lost;
static unsigned *times;
static char padding[REQUEST_MAX];

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int number_of(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static void fail(const char *what)
{
	fprintf(stderr, "intake-load: %s\n", what);
	exit(2);
}

/* ---------------------------------------------------------------- requests */

static void sign(const char *body, size_t len, char hex[65])
{
	static EVP_MD_CTX *ctx;
	static EVP_PKEY *key;
	unsigned char hash[32];
	size_t n = sizeof(hash);
	if (!ctx) {
		ctx = EVP_MD_CTX_new();
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, (const unsigned char *)how.secret,
						   strlen(how.secret));
	}
	EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key);
	EVP_DigestSign(ctx, hash, &n, (const unsigned char *)body, len);
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
}

static void make_request(struct connection *c)
{
	char body[REQUEST_MAX / 2], hex[65];
	long long n = how.first + posted++;
	c->id = (how.range ? n % how.range : n) * 7919 % prime;
	int len = snprintf(body, sizeof(body),
			   "{\"action\":\"update_candidate\",\"payload\":{\"candidate\":{\"id\":%lld,"
			   "\"first_name\":\"Anna\",\"last_name\":\"Example\",\"note\":\"%.*s\"}}}",
			   c->id, how.pad, padding);
	sign(body, (size_t)len, hex);
	c->out_len = (size_t)snprintf(c->out, sizeof(c->out),
				      "POST /webhooks/ats HTTP/1.1\r\nHost: treaty\r\n"
				      "Content-Type: application/json\r\nGreenhouse-Event-ID: %lld\r\n"
				      "Signature: sha256 %s\r\nContent-Length: %d\r\n\r\n%s",
				      n, hex, len, body);
	c->out_at = c->in_len = 0;
	c->sent_us = now_us();
}

static void watch(struct connection *c, unsigned events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e) != 0)
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

static void drop(struct connection *c, int pause_ms)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->out_len = 0;
	c->ready_us = now_us() + pause_ms * 1000.0;
}

static bool may_post(double until_us)
{
	return now_us() < until_us && (!how.posts || posted < how.posts);
}

static void send_on(struct connection *c)
{
	while (c->out_at < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			watch(c, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n <= 0) {
			lost++;
			drop(c, how.pause_ms);
			return;
		}
		c->out_at += (size_t)n;
	}
}

static void begin(struct connection *c)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)how.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;
	if (c->fd < 0) {
		c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (c->fd < 0)
			fail("no descriptor");
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (connect(c->fd, (struct sockaddr *)&at, sizeof(at)) != 0 && errno != EINPROGRESS) {
			drop(c, how.pause_ms);
			return;
		}
		watch(c, EPOLLIN | EPOLLOUT);
		make_request(c);
		return;
	}
	make_request(c);
	send_on(c);
}

/* ------------------------------------------------------------------ answers */

/* Whole? Then its status. */
static int answered(const struct connection *c)
{
	const char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
	if (!end || c->in_len < 12)
		return 0;
	const char *length = memmem(c->in, (size_t)(end - c->in), "Content-Length: ", 16);
	size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
	if (c->in_len < (size_t)(end - c->in) + 4 + body)
		return 0;
	return number_of(c->in + 9);
}

static void finish(struct connection *c, int status)
{
	double us = now_us() - c->sent_us;
	c->out_len = 0;
	if (status == 200) {
		if (acked < TIMES_MAX)
			times[acked] = us < 4e9 ? (unsigned)us : 4000000000u;
		acked++;
		if (acked_file)
			fprintf(acked_file, "%lld\n", c->id);
		c->ready_us = 0;
		return;
	}
	refused++;
	drop(c, how.pause_ms);
}

static void hear(struct connection *c)
{
	for (;;) {
		ssize_t n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - 1 - c->in_len, 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			lost += c->out_len > 0;
			drop(c, how.pause_ms);
			return;
		}
		c->in_len += (size_t)n;
		c->in[c->in_len] = '\0';
		int status = answered(c);
		if (status) {
			finish(c, status);
			return;
		}
	}
}

static void on_event(struct connection *c, unsigned events)
{
	if (c->fd < 0)
		return;
	if (events & EPOLLOUT && c->out_at < c->out_len) {
		watch(c, EPOLLIN);
		send_on(c);
	}
	if (c->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		hear(c);
}

static bool pending(void)
{
	for (int i = 0; i < how.connections; i++)
		if (all[i].fd >= 0 && all[i].out_len)
			return true;
	return false;
}

static int by_size(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	return x < y ? -1 : x > y;
}

static unsigned percentile(double p)
{
	size_t n = (size_t)(acked < TIMES_MAX ? acked : TIMES_MAX);
	return n ? times[(size_t)((double)(n - 1) * p)] : 0;
}

static int post(void)
{
	struct epoll_event event[512];
	double from = now_us(), until = from + how.seconds * 1e6, last = until;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	all = calloc((size_t)how.connections, sizeof(*all));
	times = malloc(sizeof(*times) * TIMES_MAX);
	memset(padding, 'x', sizeof(padding));
	for (int i = 0; i < how.connections; i++)
		all[i].fd = -1;
	/* what is under way is waited for, for five seconds */
	while (may_post(until) || (pending() && now_us() < last + 5e6)) {
		bool more = may_post(until);
		double now = now_us();
		for (int i = 0; more && i < how.connections && may_post(until); i++)
			if (!all[i].out_len && all[i].ready_us <= now)
				begin(&all[i]);
		if (!more && last == until && now_us() < until)
			last = now_us();
		int n = epoll_wait(epoll_fd, event, 512, 5);
		for (int i = 0; i < n; i++)
			on_event(event[i].data.ptr, event[i].events);
	}
	double seconds = (now_us() - from) / 1e6;
	if (acked_file)
		fclose(acked_file);
	qsort(times, (size_t)(acked < TIMES_MAX ? acked : TIMES_MAX), sizeof(*times), by_size);
	printf("{\"posted\": %lld, \"acked\": %lld, \"refused\": %lld, \"lost\": %lld, \"seconds\": %.3f,"
	       " \"rate\": %.0f, \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u}\n",
	       posted, acked, refused, lost, seconds, (double)acked / seconds, percentile(0.5),
	       percentile(0.99), percentile(1));
	return 0;
}

/* -------------------------------------------------------------------- check */

static sqlite3 *store;

static long long number(const char *sql)
{
	sqlite3_stmt *q;
	long long n = -1;
	if (sqlite3_prepare_v2(store, sql, -1, &q, NULL) != SQLITE_OK)
		fail(sqlite3_errmsg(store));
	if (sqlite3_step(q) == SQLITE_ROW)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

static long long missing_of(const char *path, long long *all_n)
{
	sqlite3_stmt *q;
	char line[64];
	long long missing = 0;
	FILE *f = fopen(path, "re");
	if (!f)
		fail(path);
	sqlite3_prepare_v2(store, "SELECT count(*) FROM mark WHERE remote = ?", -1, &q, NULL);
	while (fgets(line, sizeof(line), f)) {
		size_t len = strcspn(line, "\n");
		if (line[len] != '\n')
			continue; /* cut by the death of the generator itself */
		sqlite3_bind_text(q, 1, line, (int)len, SQLITE_TRANSIENT);
		if (sqlite3_step(q) != SQLITE_ROW || sqlite3_column_int64(q, 0) != 1)
			missing++;
		sqlite3_reset(q);
		++*all_n;
	}
	sqlite3_finalize(q);
	fclose(f);
	return missing;
}

static int check(int argc, char **argv)
{
	long long n = 0, missing = 0;
	if (sqlite3_open_v2(argv[2], &store, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		fail("the store cannot be opened");
	sqlite3_busy_timeout(store, 10000);
	/* the key begins with the type: without this index each look is a scan */
	sqlite3_exec(store, "BEGIN; CREATE INDEX look ON mark (remote)", NULL, NULL, NULL);
	for (int i = 3; i < argc; i++)
		missing += missing_of(argv[i], &n);
	sqlite3_exec(store, "ROLLBACK", NULL, NULL, NULL);
	long long pending_n = number("SELECT count(*) FROM mark");
	long long ids = number("SELECT count(DISTINCT type || '/' || side || '/' || remote) FROM mark");
	long long accepted = number("SELECT coalesce(sum(n), 0) FROM counter WHERE name = 'accepted'");
	long long gone = number("SELECT coalesce(sum(n), 0) FROM counter"
				" WHERE name IN ('settled', 'folded', 'set_aside')");
	bool ok = missing == 0 && ids == pending_n && accepted == gone + pending_n && accepted >= n;
	printf("{\"ok\": %s, \"acked\": %lld, \"missing\": %lld, \"pending\": %lld, \"accepted\": %lld,"
	       " \"gone\": %lld}\n", ok ? "true" : "false", n, missing, pending_n, accepted, gone);
	sqlite3_close(store);
	return ok ? 0 : 1;
}

/* ---------------------------------------------------------------------- hog */

static int hog(const char *path)
{
	static const struct timespec hold = { 0, 180000000 }, let_go = { 0, 20000000 };
	double until = now_us() + how.seconds * 1e6;
	if (sqlite3_open_v2(path, &store, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		fail("the store cannot be opened");
	sqlite3_busy_timeout(store, 10000);
	while (now_us() < until) {
		if (sqlite3_exec(store, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
			fail(sqlite3_errmsg(store));
		nanosleep(&hold, NULL);
		sqlite3_exec(store, "ROLLBACK", NULL, NULL, NULL);
		nanosleep(&let_go, NULL);
	}
	sqlite3_close(store);
	return 0;
}

/* --------------------------------------------------------------------- main */

static void take(const char *option)
{
	const char *value = strchr(option, '=');
	size_t len = value ? (size_t)(value++ - option) : 0;
	if (len == 11 && strncmp(option, "connections", len) == 0)
		how.connections = number_of(value);
	else if (len == 7 && strncmp(option, "seconds", len) == 0)
		how.seconds = strtod(value, NULL);
	else if (len == 5 && strncmp(option, "posts", len) == 0)
		how.posts = strtoll(value, NULL, 10);
	else if (len == 5 && strncmp(option, "first", len) == 0)
		how.first = strtoll(value, NULL, 10);
	else if (len == 5 && strncmp(option, "range", len) == 0)
		how.range = strtoll(value, NULL, 10);
	else if (len == 8 && strncmp(option, "pause_ms", len) == 0)
		how.pause_ms = number_of(value);
	else if (len == 3 && strncmp(option, "pad", len) == 0)
		how.pad = number_of(value);
	else if (len == 5 && strncmp(option, "acked", len) == 0)
		acked_file = fopen(value, "ae");
	else
		fail(option);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	if (argc >= 4 && strcmp(argv[1], "check") == 0)
		return check(argc, argv);
	if (argc >= 3 && strcmp(argv[1], "hog") == 0) {
		for (int i = 3; i < argc; i++)
			take(argv[i]);
		return hog(argv[2]);
	}
	if (argc < 4 || strcmp(argv[1], "post") != 0)
		fail("usage: see its first lines");
	how.port = number_of(argv[2]);
	how.secret = argv[3];
	for (int i = 4; i < argc; i++)
		take(argv[i]);
	if (how.connections < 1 || how.connections > CONNECTIONS_MAX || how.pad > REQUEST_MAX / 4)
		fail("too many or too few");
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	return post();
}

/* limits - what the machine itself can do, beside which our numbers are read:
 *   limits DIRECTORY [URL]
 * Prints JSON: synced appends a second, SQLite commits (synchronous=FULL, WAL)
 * a second with 1 and with 32 rows, events of 1 KiB a second into an indexed
 * table by 32 and by 256 a commit, HTTP requests a second in one connection. */
#include <curl/curl.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FOR_MS = 1500 };

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static void fail(const char *what)
{
	fprintf(stderr, "limits: %s\n", what);
	exit(1);
}

static double appends(const char *path)
{
	static const char block[200];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), n = 0;
	double from = now_ms();
	if (fd < 0)
		fail("cannot write into the directory");
	for (; now_ms() - from < FOR_MS; n++)
		if (write(fd, block, sizeof(block)) != sizeof(block) || fdatasync(fd) != 0)
			fail("append failed");
	double rate = n * 1000.0 / (now_ms() - from);
	close(fd);
	unlink(path);
	return rate;
}

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(sqlite3_errmsg(db));
}

static double commits(const char *path, const char *insert, int rows)
{
	sqlite3 *db;
	sqlite3_stmt *q;
	int n = 0;
	if (sqlite3_open(path, &db) != SQLITE_OK)
		fail("cannot open a database");
	run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=250;"
		"CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v BLOB);"
		"CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, state INTEGER, body BLOB);"
		"CREATE INDEX IF NOT EXISTS event_state ON event (state, id)");
	sqlite3_prepare_v2(db, insert, -1, &q, NULL);
	double from = now_ms();
	for (; now_ms() - from < FOR_MS; n++) {
		run(db, "BEGIN IMMEDIATE");
		for (int i = 0; i < rows; i++) {
			sqlite3_step(q);
			sqlite3_reset(q);
		}
		run(db, "COMMIT");
	}
	double rate = n * 1000.0 / (now_ms() - from);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return rate;
}

static size_t drop(char *data, size_t size, size_t n, void *arg)
{
	return size * n;
}

static double requests(const char *url)
{
	CURL *c = curl_easy_init();
	int n = 0;
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	double from = now_ms();
	for (; now_ms() - from < FOR_MS; n++)
		if (curl_easy_perform(c) != CURLE_OK)
			fail("no answer from the URL");
	double rate = n * 1000.0 / (now_ms() - from);
	curl_easy_cleanup(c);
	return rate;
}

int main(int argc, char **argv)
{
	static const char row[] = "INSERT INTO t (v) VALUES (zeroblob(200))";
	static const char event[] = "INSERT INTO event (state, body) VALUES (0, zeroblob(1024))";
	char path[4096];
	if (argc < 2 || argc > 3)
		fail("usage: limits DIRECTORY [URL]");
	snprintf(path, sizeof(path), "%s/limits-%d", argv[1], (int)getpid());
	printf("{\"appends\": %.0f", appends(path));
	printf(", \"commits_1\": %.0f", commits(path, row, 1));
	printf(", \"commits_32\": %.0f", commits(path, row, 32));
	printf(", \"events_32\": %.0f", commits(path, event, 32) * 32);
	printf(", \"events_256\": %.0f", commits(path, event, 256) * 256);
	if (argc == 3)
		printf(", \"requests\": %.0f", requests(argv[2]));
	printf("}\n");
	static const char *const tail[] = { "", "-wal", "-shm" };
	for (int i = 0; i < 3; i++) {
		char name[4200];
		snprintf(name, sizeof(name), "%s%s", path, tail[i]);
		unlink(name);
	}
	return 0;
}

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/panic.h"
#include "store/db_driver.h"

struct db_sqlite {
	struct db db; /* first */
	sqlite3 *handle;
	char *lock_path;
	int lock; /* descriptor; -1: not held */
};

static struct db_sqlite *lite(struct db *db)
{
	return (struct db_sqlite *)db;
}

/* What went wrong, in words for the person on call. */
static void fail(struct db *db, const char *what)
{
	int code = sqlite3_errcode(lite(db)->handle);
	const char *why = sqlite3_errmsg(lite(db)->handle);
	if (code == SQLITE_FULL)
		why = "the disk is full; nothing more is accepted until there is room";
	err_set(&db->err, ERR_STORE, "store: %s: %s", what, why);
	if (code == SQLITE_FULL)
		db->err.sys_errno = ENOSPC;
}

static void run_script(struct db *db, const char *sql)
{
	if (sqlite3_exec(lite(db)->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(db, strlen(sql) < 40 ? sql : "schema");
}

static void close_db(struct db *db)
{
	struct db_sqlite *s = lite(db);
	sqlite3_close(s->handle);
	if (s->lock >= 0)
		close(s->lock);
	free(s->lock_path);
	free(s);
}

/* ---------------------------------------------------------------- statements */

static sqlite3_stmt *of(const struct db_stmt *q)
{
	return q->handle;
}

static bool prepare(struct db_stmt *q)
{
	sqlite3_stmt *handle = NULL;
	if (sqlite3_prepare_v3(lite(q->db)->handle, q->sql, -1, SQLITE_PREPARE_PERSISTENT, &handle,
			       NULL) != SQLITE_OK) {
		fail(q->db, q->sql);
		return false;
	}
	q->handle = handle;
	return true;
}

static void forget(struct db_stmt *q)
{
	sqlite3_finalize(q->handle);
}

static void start(struct db_stmt *q, const struct db_param *p, int n)
{
	if (sqlite3_bind_parameter_count(of(q)) != n)
		panic("'%s' takes %d parameters, not %d", q->sql, sqlite3_bind_parameter_count(of(q)),
		      n);
	for (int i = 0; i < n; i++)
		if (p[i].type == 'i')
			sqlite3_bind_int64(of(q), i + 1, p[i].i);
		else if (p[i].type == 't')
			sqlite3_bind_text64(of(q), i + 1, p[i].v.ptr, p[i].v.len, SQLITE_STATIC,
					    SQLITE_UTF8);
		else
			sqlite3_bind_blob64(of(q), i + 1, p[i].v.ptr, p[i].v.len, SQLITE_STATIC);
}

static bool next(struct db_stmt *q)
{
	int r = sqlite3_step(of(q));
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		fail(q->db, q->sql);
	return r == SQLITE_ROW;
}

static void finish(struct db_stmt *q)
{
	sqlite3_reset(of(q));
	sqlite3_clear_bindings(of(q));
}

static int64_t changed(struct db_stmt *q)
{
	return sqlite3_changes64(lite(q->db)->handle);
}

static int64_t column_i64(struct db_stmt *q, int column)
{
	return sqlite3_column_int64(of(q), column);
}

static bool column_is_null(struct db_stmt *q, int column)
{
	return sqlite3_column_type(of(q), column) == SQLITE_NULL;
}

static struct sv column_sv(struct db_stmt *q, int column)
{
	/* bytes first: text would be converted and the length taken of that */
	const void *p = sqlite3_column_type(of(q), column) == SQLITE_BLOB ?
				sqlite3_column_blob(of(q), column) :
				(const void *)sqlite3_column_text(of(q), column);
	/* SQLite gives no pointer for empty bytes; NULL means NULL here */
	if (!p && !column_is_null(q, column))
		p = "";
	return sv_make(p, (size_t)sqlite3_column_bytes(of(q), column));
}

/* -------------------------------------------------------------- transactions */

/* IMMEDIATE: whoever reads first and writes later would be refused when
 * another process wrote in between. Whoever only looks sees one moment and
 * keeps nobody waiting. */
static void begin(struct db *db)
{
	run_script(db, db->read_only ? "BEGIN" : "BEGIN IMMEDIATE");
}

static void commit(struct db *db)
{
	run_script(db, "COMMIT");
}

/* A full disk undid it already. */
static void rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(lite(db)->handle))
		sqlite3_exec(lite(db)->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* ------------------------------------------------------------------ the claim */

/* Whoever holds the lock wrote his process id into the file. */
static int64_t read_pid(int fd)
{
	char text[24];
	int64_t pid = 0;
	ssize_t n = pread(fd, text, sizeof(text), 0);
	struct sv line, rest;
	if (n <= 0)
		return 0;
	sv_cut(sv_make(text, (size_t)n), '\n', &line, &rest);
	return sv_to_i64(line, &pid) ? pid : 0;
}

static bool is_claimed(struct db *db, int64_t *pid)
{
	int fd = open(lite(db)->lock_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (held)
		*pid = read_pid(fd);
	close(fd);
	return held;
}

static bool write_pid(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld\n", (long long)getpid());
	return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)n, 0) == n;
}

/* The lock goes with the process, however it ends: a file that is left behind
 * means nothing. */
static bool claim(struct db *db, struct err *err)
{
	const char *path = lite(db)->lock_path;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (held && write_pid(fd)) {
		lite(db)->lock = fd;
		return true;
	}
	if (fd >= 0 && !held && errno == EWOULDBLOCK) {
		err_set(err, ERR_CONFLICT, "store: process %lld is at work on it",
			(long long)read_pid(fd));
		err->scope = SCOPE_PROCESS;
	} else {
		err_set_errno(err, errno, "%s", path);
	}
	if (fd >= 0)
		close(fd);
	return false;
}

/* ------------------------------------------------------------------------ rest */

static void explain(struct db *db, const char *sql, struct buf *out)
{
	sqlite3_stmt *q = NULL;
	char *text = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	if (sqlite3_prepare_v2(lite(db)->handle, text, -1, &q, NULL) != SQLITE_OK)
		fail(db, sql);
	while (q && sqlite3_step(q) == SQLITE_ROW)
		buf_addf(out, "%s\n", (const char *)sqlite3_column_text(q, 3));
	sqlite3_finalize(q);
	sqlite3_free(text);
}

static const struct db_driver driver = {
	.close = close_db, .prepare = prepare, .forget = forget, .start = start, .next = next,
	.finish = finish, .changed = changed, .i64 = column_i64, .sv = column_sv,
	.is_null = column_is_null, .script = run_script, .begin = begin, .commit = commit,
	.rollback = rollback, .claim = claim, .is_claimed = is_claimed, .explain = explain,
	.columns = "SELECT m.name, c.name,"
		   " CASE c.type WHEN 'TEXT' THEN 't' WHEN 'BLOB' THEN 'b' ELSE 'i' END"
		   " FROM sqlite_master m, pragma_table_info(m.name) c"
		   " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid",
};

static void set_up(struct db *db, const struct db_options *o)
{
	/* A small WAL is overwritten in place; a large one pays for the
	 * allocation of blocks at every commit (p99 35 ms against 6 ms). */
	db_script(db, "PRAGMA journal_mode=WAL");
	db_script(db, o->volatile_ok ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL");
	db_script(db, "PRAGMA wal_autocheckpoint=250");
	db_script(db, "PRAGMA foreign_keys=ON");
	/* what is deleted does not linger in the pages that are written anyway */
	db_script(db, "PRAGMA secure_delete=FAST");
	db_script(db, "PRAGMA temp_store=FILE");
	db_script(db, "PRAGMA cache_size=-2048");
}

struct db *db_open_sqlite(const char *path, const struct db_options *o, struct err *err)
{
	struct db_sqlite *s = must_zalloc(sizeof(*s));
	int flags = o->read_only ? SQLITE_OPEN_READONLY :
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	s->db.driver = &driver;
	s->lock = -1;
	s->db.read_only = o->read_only;
	s->lock_path = must_alloc(strlen(path) + sizeof(".lock"));
	snprintf(s->lock_path, strlen(path) + sizeof(".lock"), "%s.lock", path);
	if (sqlite3_open_v2(path, &s->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		err_set(err, ERR_STORE, "store %s: cannot be opened: %s", path,
			s->handle ? sqlite3_errmsg(s->handle) : "out of memory");
		db_close(&s->db);
		return NULL;
	}
	sqlite3_busy_timeout(s->handle, 10000);
	set_up(&s->db, o);
	if (!db_ok(&s->db) && !o->read_only) {
		err_set(err, ERR_STORE, "store %s: %s", path, s->db.err.what);
		db_close(&s->db);
		return NULL;
	}
	db_clear(&s->db);
	return &s->db;
}

bool db_copy_file(const char *from, const char *to, struct err *err)
{
	struct db_options how = { .read_only = true };
	struct db *db = db_open_sqlite(from, &how, err);
	if (!db)
		return false;
	db_run(db, "VACUUM INTO $1", "t", sv_of(to));
	bool ok = db_ok(db);
	if (!ok)
		err_set(err, ERR_STORE, "store %s: cannot be copied: %s", from, db_error(db)->what);
	db_close(db);
	return ok;
}

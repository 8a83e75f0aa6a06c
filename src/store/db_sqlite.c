#include "store/db.h"

#include <sqlite3.h>
#include <stdarg.h>

#include "base/panic.h"

enum { STATEMENTS_MAX = 256 };

struct db_stmt {
	struct db *db;
	const char *sql;
	sqlite3_stmt *handle;
	bool busy;
};

struct db {
	sqlite3 *handle;
	struct err err;
	struct db_stmt stmt[STATEMENTS_MAX];
	int stmt_n;
};

/* What went wrong, in words for the person on call. */
static void fail(struct db *db, const char *what)
{
	int code = sqlite3_errcode(db->handle);
	const char *why = sqlite3_errmsg(db->handle);
	if (code == SQLITE_FULL)
		why = "the disk is full; nothing more is accepted until there is room";
	err_set(&db->err, ERR_STORE, "store: %s: %s", what, why);
}

static bool pragma(struct db *db, const char *sql)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	fail(db, sql);
	return false;
}

struct db *db_open_sqlite(const char *path, const struct db_options *o, struct err *err)
{
	struct db *db = must_zalloc(sizeof(*db));
	int flags = o->read_only ? SQLITE_OPEN_READONLY :
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	if (sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		err_set(err, ERR_STORE, "store %s: cannot be opened: %s", path,
			db->handle ? sqlite3_errmsg(db->handle) : "out of memory");
		db_close(db);
		return NULL;
	}
	sqlite3_busy_timeout(db->handle, 10000);
	/* A small WAL is overwritten in place; a large one pays for the
	 * allocation of blocks at every commit (p99 35 ms against 6 ms). */
	bool ok = pragma(db, "PRAGMA journal_mode=WAL") &&
		  pragma(db, o->volatile_ok ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL") &&
		  pragma(db, "PRAGMA wal_autocheckpoint=250") &&
		  pragma(db, "PRAGMA foreign_keys=ON") && pragma(db, "PRAGMA temp_store=FILE") &&
		  pragma(db, "PRAGMA cache_size=-2048");
	if (!ok && !o->read_only) {
		err_set(err, ERR_STORE, "store %s: %s", path, db->err.what);
		db_close(db);
		return NULL;
	}
	db_clear(db);
	return db;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (int i = 0; i < db->stmt_n; i++)
		sqlite3_finalize(db->stmt[i].handle);
	sqlite3_close(db->handle);
	free(db);
}

bool db_copy(const char *from, const char *to, struct err *err)
{
	struct db_options how = { .read_only = true };
	struct db *db = db_open_sqlite(from, &how, err);
	if (!db)
		return false;
	db_run(db, "VACUUM INTO $1", "t", sv_of(to));
	bool ok = db_ok(db);
	if (!ok)
		err_set(err, ERR_STORE, "store %s: cannot be copied: %s", from, db->err.what);
	db_close(db);
	return ok;
}

const struct err *db_error(const struct db *db)
{
	return &db->err;
}

bool db_ok(const struct db *db)
{
	return db->err.code == ERR_NONE;
}

void db_clear(struct db *db)
{
	err_clear(&db->err);
}

void db_fail(struct db *db, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(&db->err, ERR_STORE, "store: %s", text);
}

/* The prepared statement of this text that nobody is stepping through. */
static struct db_stmt *prepare(struct db *db, const char *sql)
{
	for (int i = 0; i < db->stmt_n; i++)
		if (db->stmt[i].sql == sql && !db->stmt[i].busy)
			return &db->stmt[i];
	if (db->stmt_n == STATEMENTS_MAX)
		panic("more than %d prepared statements: '%s'", STATEMENTS_MAX, sql);
	struct db_stmt *q = &db->stmt[db->stmt_n];
	*q = (struct db_stmt){ .db = db, .sql = sql };
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->handle, NULL) !=
	    SQLITE_OK) {
		fail(db, sql);
		return NULL;
	}
	db->stmt_n++;
	return q;
}

static struct db_stmt *bind(struct db *db, const char *sql, const char *types, va_list ap)
{
	if (!db_ok(db))
		return NULL;
	struct db_stmt *q = prepare(db, sql);
	if (!q)
		return NULL;
	if (sqlite3_bind_parameter_count(q->handle) != (int)strlen(types))
		panic("'%s' takes %d parameters, '%s' gives %zu", sql,
		      sqlite3_bind_parameter_count(q->handle), types, strlen(types));
	q->busy = true;
	for (int i = 0; types[i]; i++) {
		struct sv v;
		switch (types[i]) {
		case 'i':
			sqlite3_bind_int64(q->handle, i + 1, va_arg(ap, int64_t));
			break;
		case 't':
			v = va_arg(ap, struct sv);
			sqlite3_bind_text64(q->handle, i + 1, v.ptr, v.len, SQLITE_STATIC,
					    SQLITE_UTF8);
			break;
		case 'b':
			v = va_arg(ap, struct sv);
			sqlite3_bind_blob64(q->handle, i + 1, v.ptr, v.len, SQLITE_STATIC);
			break;
		default:
			panic("'%c' is not a parameter type", types[i]);
		}
	}
	return q;
}

void db_done(struct db_stmt *q)
{
	if (!q)
		return;
	sqlite3_reset(q->handle);
	sqlite3_clear_bindings(q->handle);
	q->busy = false;
}

bool db_next(struct db_stmt *q)
{
	if (!q || !q->busy)
		return false;
	if (db_ok(q->db)) {
		int r = sqlite3_step(q->handle);
		if (r == SQLITE_ROW)
			return true;
		if (r != SQLITE_DONE)
			fail(q->db, q->sql);
	}
	db_done(q);
	return false;
}

struct db_stmt *db_query(struct db *db, const char *sql, const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	struct db_stmt *q = bind(db, sql, types, ap);
	va_end(ap);
	return q;
}

int64_t db_run(struct db *db, const char *sql, const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	struct db_stmt *q = bind(db, sql, types, ap);
	va_end(ap);
	while (db_next(q))
		;
	return db_ok(db) ? sqlite3_changes64(db->handle) : 0;
}

int64_t db_scalar(struct db *db, int64_t otherwise, const char *sql, const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	struct db_stmt *q = bind(db, sql, types, ap);
	va_end(ap);
	int64_t n = otherwise;
	if (db_next(q)) {
		if (!db_is_null(q, 0))
			n = db_i64(q, 0);
		db_done(q);
	}
	return n;
}

int64_t db_i64(struct db_stmt *q, int column)
{
	return sqlite3_column_int64(q->handle, column);
}

struct sv db_sv(struct db_stmt *q, int column)
{
	/* bytes first: text would be converted and the length taken of that */
	const void *p = sqlite3_column_type(q->handle, column) == SQLITE_BLOB ?
				sqlite3_column_blob(q->handle, column) :
				(const void *)sqlite3_column_text(q->handle, column);
	/* SQLite gives no pointer for empty bytes; NULL means NULL here */
	if (!p && !db_is_null(q, column))
		p = "";
	return sv_make(p, (size_t)sqlite3_column_bytes(q->handle, column));
}

bool db_is_null(struct db_stmt *q, int column)
{
	return sqlite3_column_type(q->handle, column) == SQLITE_NULL;
}

void db_script(struct db *db, const char *sql)
{
	if (db_ok(db) && sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail(db, strlen(sql) < 40 ? sql : "schema");
}

void db_explain(struct db *db, const char *sql, struct buf *out)
{
	sqlite3_stmt *q = NULL;
	char *text = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	if (sqlite3_prepare_v2(db->handle, text, -1, &q, NULL) != SQLITE_OK)
		fail(db, sql);
	while (q && sqlite3_step(q) == SQLITE_ROW)
		buf_addf(out, "%s\n", (const char *)sqlite3_column_text(q, 3));
	sqlite3_finalize(q);
	sqlite3_free(text);
}

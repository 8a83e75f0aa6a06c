/* db.h - a thin layer over SQL: prepared statements, typed binding, and a
 * transaction whose first error sticks, so that callers look once at its end.
 *
 * Two drivers stand behind it, SQLite and PostgreSQL; what differs between
 * them is theirs alone (db_driver.h). Statements are written for both:
 * parameters $1, $2 in order, ON CONFLICT ... DO UPDATE, RETURNING; bytes, text
 * and 64-bit integers only. Text is any bytes, and compared as such. Tables are
 * made by db_script with SQLite's words for their types. A struct db belongs to
 * one thread at a time.
 *
 * The statement text must be a literal (or live as long as the db): prepared
 * statements are kept by its address.
 *
 * A full disk is ERR_STORE with sys_errno ENOSPC: what was committed is there, and
 * room may come.
 *
 * A server may go away or be busy, and every error of that kind says
 * RETRY_LATER:
 * - between transactions: db_begin connects again, for up to half a minute;
 * - within one: its sticky error; nothing of it is kept, and the next begins on
 *   a new connection. Temporary tables are gone;
 * - while it commits: nobody knows whether it is kept. The db is over then:
 *   every later db_begin fails until it is opened anew;
 * - a lock that was not had in time, a serialization failure, a statement that
 *   was called off: its sticky error.
 * Whoever runs transactions treats all of them as failed. What memory holds may
 * be behind the store after the last, so a process that works on it ends, and
 * starts again as after a crash: then the store alone says what happened. */
#ifndef TREATY_DB_H
#define TREATY_DB_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct db;
struct db_stmt;

struct db_options {
	bool volatile_ok; /* tests only: no fsync */
	bool read_only;
};

/* Creates the file when it is missing (not when read_only). */
struct db *db_open_sqlite(const char *path, const struct db_options *o, struct err *err);
/* 'conninfo': libpq's keyword=value, without a password; that is 'password',
 * or empty. Loads libpq when first called. RETRY_LATER when the server is not
 * there, RETRY_PERSON when it refuses. */
struct db *db_open_postgres(const char *conninfo, struct sv password, const struct db_options *o,
			    struct err *err);
void db_close(struct db *db);

/* One process works on a store at a time: until it is closed, every other
 * claim of this store fails with ERR_CONFLICT, which names the holder. */
bool db_claim(struct db *db, struct err *err);
/* *pid: of the process that holds it, on its machine; 0 when not known. */
bool db_is_claimed(struct db *db, int64_t *pid);

/* Begins a transaction that writes: one at a time of all processes, the others
 * wait. Of a read_only db: one that sees a single moment. */
void db_begin(struct db *db);
/* False, after undoing it, when an error stuck. */
bool db_commit(struct db *db);
/* Also gives back the statements that are under way. */
void db_rollback(struct db *db);

/* The sticky error: set by the first failing call; every later db_run and
 * db_next does nothing until db_clear. */
const struct err *db_error(const struct db *db);
bool db_ok(const struct db *db);
bool db_is_read_only(const struct db *db);
void db_clear(struct db *db);
/* For callers that find stored content unreadable. */
void db_fail(struct db *db, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Binds by 'types', a letter a parameter: i int64_t, t struct sv as text,
 * b struct sv as bytes (a view with a NULL pointer binds NULL). db_run is for
 * statements without rows and returns the number of rows changed. */
int64_t db_run(struct db *db, const char *sql, const char *types, ...);

/* A query: while (db_next(q)) ...; the statement is given back at its end, or
 * by db_done when left early. Other statements may be used meanwhile. Column
 * views are valid until the next db_next. */
struct db_stmt *db_query(struct db *db, const char *sql, const char *types, ...);
/* The same in a transaction for results that have no bound: db_query may hold
 * all rows in memory. */
struct db_stmt *db_scan(struct db *db, const char *sql, const char *types, ...);
bool db_next(struct db_stmt *q);
void db_done(struct db_stmt *q);
int64_t db_i64(struct db_stmt *q, int column);
struct sv db_sv(struct db_stmt *q, int column); /* SV_NONE for NULL */
bool db_is_null(struct db_stmt *q, int column);

/* One number, or 'otherwise' when there is no row. */
int64_t db_scalar(struct db *db, int64_t otherwise, const char *sql, const char *types, ...);

/* Several statements without parameters or results: tables (their types are
 * INTEGER PRIMARY KEY, BIGINT, TEXT, BLOB), savepoints. */
void db_script(struct db *db, const char *sql);

struct db_column {
	struct sv table, name;
	char type; /* i, t, b; PostgreSQL's driver keeps text as bytes */
};

/* All columns, those of a table together and in order. In the arena. */
int db_columns(struct db *db, struct arena *a, struct db_column **out);

/* A consistent copy of an SQLite file that may be in use, into an empty one. */
bool db_copy_file(const char *from, const char *to, struct err *err);
/* Replaces the rows of all tables of 'to', an SQLite store, by those of the
 * same tables of 'from'; both in a transaction. 'a' must live as long as both. */
void db_copy_rows(struct db *from, struct db *to, struct arena *a);

/* A statement's query plan as text, for tests that hold indexes to their use. */
void db_explain(struct db *db, const char *sql, struct buf *out);

#endif

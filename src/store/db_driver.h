/* db_driver.h - what stands behind db.h: one table of functions a driver.
 *
 * db.c keeps what both have in common: the sticky error, the prepared
 * statements by their text, the reading of parameters. A driver only does what
 * its database does otherwise, and reports trouble by err_set on db->err.
 * No function is called while db->err is set, but close, finish and
 * rollback. */
#ifndef TREATY_DB_DRIVER_H
#define TREATY_DB_DRIVER_H

#include "store/db.h"

enum { STATEMENTS_MAX = 256, PARAMS_MAX = 32 };

struct db_param {
	char type; /* i, t, b: as in db.h */
	int64_t i;
	struct sv v; /* ptr NULL: NULL */
};

struct db_stmt {
	struct db *db;
	const char *sql, *types;
	bool busy;
	bool scan;    /* may yield more rows than memory should hold */
	void *handle; /* the driver's */
};

struct db_driver {
	void (*close)(struct db *db); /* statements are forgotten already */

	/* Makes q->handle of q->sql; the same text may be asked for again while
	 * another is busy. 'forget' frees it. */
	bool (*prepare)(struct db_stmt *q);
	void (*forget)(struct db_stmt *q);
	/* The views of 'p' live until 'finish' (SQLite does not copy them). */
	void (*start)(struct db_stmt *q, const struct db_param *p, int n);
	bool (*next)(struct db_stmt *q);
	void (*finish)(struct db_stmt *q);
	int64_t (*changed)(struct db_stmt *q); /* after the last 'next' */

	int64_t (*i64)(struct db_stmt *q, int column);
	struct sv (*sv)(struct db_stmt *q, int column);
	bool (*is_null)(struct db_stmt *q, int column);

	void (*script)(struct db *db, const char *sql);
	void (*begin)(struct db *db);
	void (*commit)(struct db *db);
	void (*rollback)(struct db *db); /* of none: nothing */

	bool (*claim)(struct db *db, struct err *err);
	bool (*is_claimed)(struct db *db, int64_t *pid);
	void (*explain)(struct db *db, const char *sql, struct buf *out);
	/* Answers with table, column, and the letter of its type. */
	const char *columns;
};

/* db_run for parameters that are not known when compiling. */
int64_t db_run_list(struct db *db, const char *sql, const char *types, const struct db_param *p);

/* The first member of a driver's own struct. */
struct db {
	const struct db_driver *driver;
	struct err err;
	bool read_only; /* set by the driver when it opens */
	struct db_stmt stmt[STATEMENTS_MAX];
	int stmt_n;
};

#endif

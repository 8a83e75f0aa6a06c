#include <stdarg.h>

#include "base/panic.h"
#include "store/db_driver.h"

void db_close(struct db *db)
{
	if (!db)
		return;
	for (int i = 0; i < db->stmt_n; i++)
		db->driver->forget(&db->stmt[i]);
	db->driver->close(db);
}

/* --------------------------------------------------------- the sticky error */

const struct err *db_error(const struct db *db)
{
	return &db->err;
}

bool db_is_read_only(const struct db *db)
{
	return db->read_only;
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

/* ---------------------------------------------------------------- statements */

/* The prepared statement of this text that nobody is stepping through. */
static struct db_stmt *prepare(struct db *db, const char *sql, const char *types, bool scan)
{
	for (int i = 0; i < db->stmt_n; i++)
		if (db->stmt[i].sql == sql && !db->stmt[i].busy && db->stmt[i].scan == scan)
			return &db->stmt[i];
	if (db->stmt_n == STATEMENTS_MAX)
		panic("more than %d prepared statements: '%s'", STATEMENTS_MAX, sql);
	struct db_stmt *q = &db->stmt[db->stmt_n];
	*q = (struct db_stmt){ .db = db, .sql = sql, .types = types, .scan = scan };
	if (!db->driver->prepare(q))
		return NULL;
	db->stmt_n++;
	return q;
}

static int read_params(const char *types, va_list ap, struct db_param p[static PARAMS_MAX])
{
	int n = 0;
	for (; types[n]; n++) {
		if (n == PARAMS_MAX)
			panic("more than %d parameters", PARAMS_MAX);
		p[n] = (struct db_param){ .type = types[n] };
		if (types[n] == 'i')
			p[n].i = va_arg(ap, int64_t);
		else if (types[n] == 't' || types[n] == 'b')
			p[n].v = va_arg(ap, struct sv);
		else
			panic("'%c' is not a parameter type", types[n]);
	}
	return n;
}

static struct db_stmt *start(struct db *db, const char *sql, const char *types, bool scan,
			     va_list ap)
{
	struct db_param p[PARAMS_MAX];
	int n = read_params(types, ap, p);
	struct db_stmt *q = db_ok(db) ? prepare(db, sql, types, scan) : NULL;
	if (!q)
		return NULL;
	q->busy = true;
	db->driver->start(q, p, n);
	return q;
}

void db_done(struct db_stmt *q)
{
	if (!q)
		return;
	q->db->driver->finish(q);
	q->busy = false;
}

bool db_next(struct db_stmt *q)
{
	if (!q || !q->busy)
		return false;
	if (db_ok(q->db) && q->db->driver->next(q))
		return true;
	db_done(q);
	return false;
}

struct db_stmt *db_query(struct db *db, const char *sql, const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	struct db_stmt *q = start(db, sql, types, false, ap);
	va_end(ap);
	return q;
}

struct db_stmt *db_scan(struct db *db, const char *sql, const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	struct db_stmt *q = start(db, sql, types, true, ap);
	va_end(ap);
	return q;
}

int64_t db_run_list(struct db *db, const char *sql, const char *types, const struct db_param *p)
{
	struct db_stmt *q = db_ok(db) ? prepare(db, sql, types, false) : NULL;
	if (!q)
		return 0;
	q->busy = true;
	db->driver->start(q, p, (int)strlen(types));
	while (db_ok(db) && db->driver->next(q))
		;
	int64_t n = db_ok(db) ? db->driver->changed(q) : 0;
	db_done(q);
	return n;
}

int64_t db_run(struct db *db, const char *sql, const char *types, ...)
{
	struct db_param p[PARAMS_MAX];
	va_list ap;
	va_start(ap, types);
	read_params(types, ap, p);
	va_end(ap);
	return db_run_list(db, sql, types, p);
}

int64_t db_scalar(struct db *db, int64_t otherwise, const char *sql, const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	struct db_stmt *q = start(db, sql, types, false, ap);
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
	return q->db->driver->i64(q, column);
}

struct sv db_sv(struct db_stmt *q, int column)
{
	return q->db->driver->sv(q, column);
}

bool db_is_null(struct db_stmt *q, int column)
{
	return q->db->driver->is_null(q, column);
}

void db_script(struct db *db, const char *sql)
{
	if (db_ok(db))
		db->driver->script(db, sql);
}

/* -------------------------------------------------------------- transactions */

void db_begin(struct db *db)
{
	if (db_ok(db))
		db->driver->begin(db);
}

bool db_commit(struct db *db)
{
	if (db_ok(db))
		db->driver->commit(db);
	if (db_ok(db))
		return true;
	db_rollback(db);
	return false;
}

void db_rollback(struct db *db)
{
	for (int i = 0; i < db->stmt_n; i++)
		if (db->stmt[i].busy)
			db_done(&db->stmt[i]);
	db->driver->rollback(db);
}

/* ------------------------------------------------------------------ the store */

bool db_claim(struct db *db, struct err *err)
{
	return db->driver->claim(db, err);
}

bool db_is_claimed(struct db *db, int64_t *pid)
{
	*pid = 0;
	return db_ok(db) && db->driver->is_claimed(db, pid);
}

void db_explain(struct db *db, const char *sql, struct buf *out)
{
	if (db_ok(db))
		db->driver->explain(db, sql, out);
}

int db_columns(struct db *db, struct arena *a, struct db_column **out)
{
	int n = 0, room = 128;
	struct db_column *all = arena_array(a, struct db_column, room);
	struct db_stmt *q = db_query(db, db->driver->columns, "");
	while (db_next(q)) {
		if (n == room) {
			struct db_column *more = arena_array(a, struct db_column, 2 * room);
			memcpy(more, all, sizeof(*all) * (size_t)n);
			all = more;
			room *= 2;
		}
		all[n++] = (struct db_column){ arena_sv(a, db_sv(q, 0)), arena_sv(a, db_sv(q, 1)),
					       db_sv(q, 2).ptr[0] };
	}
	*out = all;
	return db_ok(db) ? n : 0;
}

/* SELECT or INSERT of all columns of one table. */
static struct sv spell(struct arena *a, const struct db_column *c, int n, bool insert)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	if (insert)
		buf_addf(&b, "INSERT INTO %.*s (", SV_ARG(c->table));
	else
		buf_add(&b, SV("SELECT "));
	for (int i = 0; i < n; i++)
		buf_addf(&b, "%s%.*s", i ? ", " : "", SV_ARG(c[i].name));
	if (!insert)
		buf_addf(&b, " FROM %.*s", SV_ARG(c->table));
	for (int i = 0; insert && i < n; i++)
		buf_addf(&b, "%s$%d", i ? ", " : ") VALUES (", i + 1);
	if (insert)
		buf_addc(&b, ')');
	struct sv text = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	return text;
}

static void copy_table(struct db *from, struct db *to, struct arena *a, const struct db_column *c,
		       int n)
{
	char types[PARAMS_MAX + 1] = { 0 };
	struct db_param p[PARAMS_MAX];
	if (n > PARAMS_MAX)
		panic("a table of %d columns", n);
	for (int i = 0; i < n; i++)
		types[i] = c[i].type;
	const char *get = arena_str(a, spell(a, c, n, false));
	const char *put = arena_str(a, spell(a, c, n, true));
	const char *kept = arena_str(a, sv_of(types));
	db_script(to, arena_printf(a, "DELETE FROM %.*s", SV_ARG(c->table)).ptr);
	struct db_stmt *q = db_scan(from, get, "");
	while (db_ok(to) && db_next(q)) {
		for (int i = 0; i < n; i++) {
			p[i] = (struct db_param){ .type = types[i] };
			if (types[i] == 'i')
				p[i].i = db_i64(q, i);
			else
				p[i].v = db_sv(q, i);
		}
		db_run_list(to, put, kept, p);
	}
	db_done(q);
}

void db_copy_rows(struct db *from, struct db *to, struct arena *a)
{
	struct db_column *c;
	int n = db_columns(to, a, &c);
	for (int i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n && sv_eq(c[next].table, c[i].table);)
			next++;
		copy_table(from, to, a, c + i, next - i);
	}
}

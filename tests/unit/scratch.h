/* scratch.h - a store of its own for each test of the store: a file in a
 * directory, or with TREATY_TEST_POSTGRES (see ../with-postgres.sh) a schema of
 * that database.
 *
 * The tests speak to the database through store/db.h only, so that they hold
 * both drivers to the same contract: scratch_options is the one place that says
 * which driver it is. What is special to files (a full disk, bytes on disk) is
 * left out with PostgreSQL. */
#ifndef TREATY_SCRATCH_H
#define TREATY_SCRATCH_H

#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "../scratch_dir.h"
#include "../scratch_schema.h"
#include "store/store.h"

struct scratch {
	char path[SCRATCH_PATH_MAX]; /* of the file */
	struct scratch_schema schema;
	struct clock_manual clock;
	struct arena arena;
	struct store *store;
	bool threaded;
	struct sv key;
};

#define SCRATCH_KEY SV("0123456789abcdef0123456789abcdef")

/* With a server, commits are as durable as in earnest. */
static inline struct store_options scratch_options(struct scratch *s)
{
	return (struct store_options){ .path = s->path, .postgres = scratch_conninfo(&s->schema),
				       .volatile_ok = !scratch_conninfo(&s->schema),
				       .threaded = s->threaded, .clock = &s->clock.clock,
				       .key = s->key };
}

static inline struct store *scratch_open_how(struct scratch *s, bool read_only, struct err *err)
{
	struct store_options o = scratch_options(s);
	o.read_only = read_only;
	return store_open(&o, err);
}

/* Beneath the store; NULL like db_open_*. */
static inline struct db *scratch_open_db(struct scratch *s, struct err *err)
{
	struct db_options how = { .volatile_ok = true };
	const char *conninfo = scratch_conninfo(&s->schema);
	return conninfo ? db_open_postgres(conninfo, SV_NONE, &how, err) :
			  db_open_sqlite(s->path, &how, err);
}

static inline void scratch_open(struct scratch *s)
{
	struct err err = { 0 };
	s->store = scratch_open_how(s, false, &err);
	if (!s->store)
		fail_msg("%s", err.what);
}

static inline void scratch_close(struct scratch *s)
{
	store_close(s->store);
	s->store = NULL;
}

static inline void scratch_reopen(struct scratch *s)
{
	scratch_close(s);
	scratch_open(s);
}

/* A directory, no store yet. */
static inline struct scratch *scratch_create(void)
{
	struct scratch *s = must_zalloc(sizeof(*s));
	char dir[SCRATCH_DIR_MAX];
	scratch_dir(dir);
	snprintf(s->path, sizeof(s->path), "%s/store.db", dir);
	scratch_schema_create(&s->schema);
	clock_manual_init(&s->clock, 1795428000000);
	arena_init(&s->arena);
	s->key = SCRATCH_KEY;
	return s;
}

static inline void scratch_destroy(struct scratch *s)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal", ".lock" };
	char name[SCRATCH_PATH_MAX + 16];
	scratch_close(s);
	scratch_schema_drop(&s->schema);
	for (size_t i = 0; i < countof(ends); i++) {
		snprintf(name, sizeof(name), "%s%s", s->path, ends[i]);
		unlink(name);
	}
	rmdir(dirname(s->path));
	arena_finish(&s->arena);
	free(s);
}

/* A transaction that must succeed. */
static inline void scratch_tx(struct scratch *s, store_fn fn, void *arg)
{
	struct err err = { 0 };
	if (!store_tx(s->store, fn, arg, &err))
		fail_msg("%s", err.what);
}

static inline void assert_sv(struct sv is, const char *expected)
{
	if (!sv_eq(is, sv_of(expected)))
		fail_msg("'%.*s' is not '%s'", SV_ARG(is), expected);
}

#endif

/* scratch_schema.h - a new schema for the store of a test, in the database that
 * TREATY_TEST_POSTGRES names (see with-postgres.sh). Without it there is none,
 * and the test works on a file. */
#ifndef TREATY_SCRATCH_SCHEMA_H
#define TREATY_SCRATCH_SCHEMA_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/panic.h"
#include "store/db.h"

struct scratch_schema {
	char conninfo[400]; /* "": none */
	char name[40];
};

/* NULL: a file. */
static inline const char *scratch_conninfo(const struct scratch_schema *s)
{
	return s->conninfo[0] ? s->conninfo : NULL;
}

static inline void scratch_schema_run(const struct scratch_schema *s, const char *before,
				      const char *after)
{
	struct err err = { 0 };
	char sql[100];
	snprintf(sql, sizeof(sql), "%s SCHEMA %s%s", before, s->name, after);
	struct db *db = db_open_postgres(getenv("TREATY_TEST_POSTGRES"), SV_NONE,
					 &(struct db_options){ .volatile_ok = true }, &err);
	if (!db)
		panic("%s", err.what);
	db_script(db, sql);
	if (!db_ok(db))
		panic("%s", db_error(db)->what);
	db_close(db);
}

static inline void scratch_schema_create(struct scratch_schema *s)
{
	static int number;
	const char *base = getenv("TREATY_TEST_POSTGRES");
	*s = (struct scratch_schema){ 0 };
	if (!base || !*base)
		return;
	snprintf(s->name, sizeof(s->name), "test_%lld_%d", (long long)getpid(), ++number);
	snprintf(s->conninfo, sizeof(s->conninfo), "%s options='-c search_path=%s'", base, s->name);
	scratch_schema_run(s, "CREATE", "");
}

static inline void scratch_schema_drop(struct scratch_schema *s)
{
	if (s->conninfo[0])
		scratch_schema_run(s, "DROP", " CASCADE");
	s->conninfo[0] = '\0';
}

#endif

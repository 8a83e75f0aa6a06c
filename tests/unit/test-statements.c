/* test-statements.c - that the database understands every statement in the
 * sources and takes its parameters as the types that are given, with either
 * driver: what no other test comes by is not to be found out at a firm.
 *
 * Reads the calls of store/db.h in the sources, puts macros in their place, and
 * runs each statement with zeros and empty texts on an empty store, to be undone. */
#include <ctype.h>
#include <glob.h>

#include "scratch.h"
#include "flow/revert.h"
#include "store/audit.h"
#include "store/db_driver.h"

enum { SOURCE_MAX = 1 << 20, STATEMENTS_IN_ALL = 1000 };

struct statement {
	const char *file, *sql, *types; /* types NULL: of db_script */
	int line;
};

static struct arena arena;
static struct statement found[STATEMENTS_IN_ALL];
static int found_n, strange_n;

static const char *read_source(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = arena_alloc(&arena, SOURCE_MAX);
	if (!f)
		fail_msg("%s: cannot be read", path);
	size_t n = fread(text, 1, SOURCE_MAX, f);
	assert_true(n < SOURCE_MAX);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* ------------------------------------------------------------------ reading C */

static const char *past_blanks(const char *p)
{
	while (isspace((unsigned char)*p) || *p == '\\')
		p++;
	return p;
}

static bool in_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Adds the literals and macros of literals at p, and returns what follows them;
 * NULL when there is something else than these. */
static const char *take_text(const char *source, const char *p, struct buf *out)
{
	for (p = past_blanks(p);; p = past_blanks(p)) {
		if (*p == '"') {
			for (p++; *p != '"'; p++) {
				if (*p == '\\')
					p++;
				buf_addc(out, *p);
			}
			p++;
		} else if (isupper((unsigned char)*p)) {
			size_t n = 0;
			while (in_name(p[n]))
				n++;
			struct sv define = arena_printf(&arena, "#define %.*s ", (int)n, p);
			const char *there = strstr(source, define.ptr);
			if (!there)
				return NULL;
			take_text(source, there + define.len, out);
			p += n;
		} else {
			return out->len && (*p == ',' || *p == ')' || *p == '\n' || *p == '#' || isalpha((unsigned char)*p)) ? p : NULL;
		}
	}
}

/* Past the comma that ends the argument at p. */
static const char *past_argument(const char *p)
{
	for (int depth = 0; *p && (depth || *p != ','); p++)
		depth += (*p == '(') - (*p == ')');
	return *p ? p + 1 : p;
}

static const char *text_of(struct buf *b)
{
	const char *text = arena_str(&arena, buf_sv(b));
	buf_clear(b);
	return text;
}

/* A call, from behind its opening parenthesis. */
static void take_call(const char *file, const char *source, const char *p, int arguments_before,
		      bool script)
{
	struct statement s = { .file = file, .line = 1 };
	struct buf b;
	for (const char *q = source; q < p; q++)
		s.line += *q == '\n';
	for (int i = 0; i < arguments_before; i++)
		p = past_argument(p);
	buf_init(&b, 1 << 16);
	p = take_text(source, p, &b);
	s.sql = text_of(&b);
	if (p && !script && *p == ',') {
		p = past_blanks(p + 1);
		if (p[0] != '"' || p[1] != '"')
			p = take_text(source, p, &b);
		s.types = text_of(&b);
	}
	buf_finish(&b);
	if (!p || (!script && !s.types)) {
		strange_n++;
		return;
	}
	assert_true(found_n < STATEMENTS_IN_ALL);
	found[found_n++] = s;
}

static void read_calls(const char *file)
{
	static const struct {
		const char *name;
		int before;
		bool script;
	} calls[] = { { "db_run(", 1, false }, { "db_query(", 1, false }, { "db_scan(", 1, false },
		      { "db_scalar(", 2, false }, { "db_script(", 1, true } };
	const char *source = read_source(file);
	for (size_t i = 0; i < countof(calls); i++)
		for (const char *p = strstr(source, calls[i].name); p; p = strstr(p, calls[i].name)) {
			bool whole = p == source || !in_name(p[-1]);
			p += strlen(calls[i].name);
			if (whole)
				take_call(file, source, p, calls[i].before, calls[i].script);
		}
}

static void read_sources(const char *pattern)
{
	glob_t g;
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (!strstr(g.gl_pathv[i], "/store/db"))
			read_calls(arena_str(&arena, sv_of(g.gl_pathv[i])));
	globfree(&g);
}

/* -------------------------------------------------------------------- running */

static bool run_it(struct db *db, void *arg, struct err *err)
{
	const struct statement *s = arg;
	struct db_param p[PARAMS_MAX];
	assert_true(strlen(s->types) <= PARAMS_MAX);
	for (size_t i = 0; s->types[i]; i++)
		p[i] = (struct db_param){ .type = s->types[i], .v = SV("") };
	db_run_list(db, s->sql, s->types, p);
	err_set(err, ERR_STOPPED, "undone");
	return false;
}

/* A connection has its own temporary tables; others stay. */
static bool make_tables(struct db *db, void *arg, struct err *err)
{
	const bool *again = arg;
	for (int i = 0; i < found_n; i++)
		if (!found[i].types && (strncmp(found[i].sql, "CREATE TEMP", 11) == 0 ||
					(!*again && strncmp(found[i].sql, "CREATE TABLE", 12) == 0)))
			db_script(db, found[i].sql);
	return true;
}

static void database_understands_all(void **state)
{
	enum { A_STORE = 100 }; /* prepared statements have a limit */
	struct scratch *s = scratch_create();
	arena_init(&arena);
	found_n = strange_n = 0;
	read_sources(SOURCES "/store/*.c");
	read_sources(SOURCES "/flow/*.c");
	read_sources(SOURCES "/cli/*.c");
	for (int i = 0; i < found_n; i++) {
		struct err err = { 0 };
		if (i % A_STORE == 0) {
			scratch_reopen(s);
			assert_true(audit_prepare(s->store, &err) && revert_prepare(s->store, &err));
			scratch_tx(s, make_tables, &(bool){ i > 0 });
		}
		if (!found[i].types)
			continue;
		assert_false(store_tx(s->store, run_it, &found[i], &err));
		if (err.code != ERR_STOPPED)
			fail_msg("%s:%d: %s", found[i].file, found[i].line, err.what);
	}
	print_message("%d statements, %d put together elsewhere\n", found_n, strange_n);
	assert_true(found_n > 150);
	assert_true(strange_n < found_n / 20);
	scratch_destroy(s);
	arena_finish(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(database_understands_all) };
	return cmocka_run_group_tests_name("statements", tests, NULL, NULL);
}

/* test-store.c - the contracts of db.h and store.h: the sticky error,
 * transactions alone and in groups, sequence numbers, identity, and what is
 * said when the store cannot be used. */
#include <pthread.h>
#include <stdatomic.h>

#include "scratch.h"
#include "store/credentials.h"

static int set_up(void **state)
{
	struct scratch *s = scratch_create();
	scratch_open(s);
	*state = s;
	return 0;
}

static int set_up_closed(void **state)
{
	*state = scratch_create();
	return 0;
}

static int set_up_threaded(void **state)
{
	struct scratch *s = scratch_create();
	s->threaded = true;
	scratch_open(s);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	scratch_destroy(*state);
	return 0;
}

static void assert_has(const char *text, const char *word)
{
	if (!strstr(text, word))
		fail_msg("'%s' does not say '%s'", text, word);
}

/* ---------------------------------------------------------------- statements */

#define PUT_COUNTER "INSERT INTO counter (name, n) VALUES ($1, $2)"

static bool statements(struct db *db, void *arg, struct err *err)
{
	/* one statement used by two readers at once, and left early */
	static const char count[] = "SELECT n FROM counter WHERE n >= $1 ORDER BY n";
	for (int64_t i = 100; i < 104; i++) {
		char name[] = { 'k', (char)('a' + i - 100) };
		assert_int_equal(db_run(db, PUT_COUNTER, "ti", sv_make(name, 2), i), 1);
	}
	struct db_stmt *a = db_query(db, count, "i", (int64_t)100);
	assert_true(db_next(a));
	struct db_stmt *b = db_query(db, count, "i", (int64_t)102);
	assert_true(db_next(b));
	assert_int_equal(db_i64(a, 0), 100);
	assert_int_equal(db_i64(b, 0), 102);
	db_done(b);
	assert_true(db_next(a));
	assert_int_equal(db_i64(a, 0), 101);
	db_done(a);
	assert_false(db_next(a));
	db_done(NULL);
	assert_false(db_next(NULL));

	/* ON CONFLICT, RETURNING, rows changed, no row */
	assert_int_equal(db_scalar(db, 0,
				   "INSERT INTO counter (name, n) VALUES ($1, $2) ON CONFLICT (name)"
				   " DO UPDATE SET n = counter.n + excluded.n RETURNING n",
				   "ti", SV("ka"), (int64_t)5),
			 105);
	assert_int_equal(db_run(db, "DELETE FROM counter WHERE n >= $1", "i", (int64_t)102), 3);
	assert_int_equal(db_scalar(db, -7, "SELECT n FROM counter WHERE name = $1", "t",
				   SV("nobody")),
			 -7);
	assert_int_equal(db_scalar(db, -7, "SELECT max(n) FROM counter WHERE name = $1", "t",
				   SV("nobody")),
			 -7);
	return true;
}

static void statements_serve_many_readers(void **state)
{
	scratch_tx(*state, statements, NULL);
}

static bool kinds(struct db *db, void *arg, struct err *err)
{
	struct arena *a = arg;
	static const char bytes[] = "a\0b\xff\xfe";
	meta_put(db, "bytes", sv_make(bytes, 5));
	meta_put(db, "empty", SV(""));
	meta_put(db, "none", SV_NONE);
	assert_true(sv_eq(meta_get(db, "bytes", a), sv_make(bytes, 5)));
	assert_int_equal(meta_get(db, "empty", a).len, 0);
	assert_int_equal(meta_get(db, "none", a).len, 0);
	assert_int_equal(meta_get(db, "absent", a).len, 0);

	db_run(db, "INSERT INTO link (type, ats, salesforce, state, holds, data)"
		   " VALUES ($1, $2, $3, $4, 0, $5)",
	       "ittib", INT64_MIN, SV("\xc3\xa9"), SV_NONE, INT64_MAX, SV(""));
	struct db_stmt *q = db_query(db, "SELECT type, ats, salesforce, state, data FROM link", "");
	assert_true(db_next(q));
	assert_true(db_i64(q, 0) == INT64_MIN);
	assert_sv(db_sv(q, 1), "\xc3\xa9");
	assert_true(db_is_null(q, 2));
	assert_int_equal(db_sv(q, 2).len, 0);
	assert_true(db_i64(q, 3) == INT64_MAX);
	assert_false(db_is_null(q, 4));
	assert_int_equal(db_sv(q, 4).len, 0);
	db_done(q);
	return true;
}

static void values_come_back_as_bound(void **state)
{
	struct scratch *s = *state;
	scratch_tx(s, kinds, &s->arena);
}

static bool sticky(struct db *db, void *arg, struct err *err)
{
	counter_add(db, "before", 1);
	assert_true(db_ok(db));
	/* a second row of the same name is refused by the table */
	db_run(db, PUT_COUNTER, "ti", SV("before"), (int64_t)1);
	assert_false(db_ok(db));
	assert_int_equal(db_error(db)->code, ERR_STORE);
	struct err first = *db_error(db);
	counter_add(db, "after", 1);
	assert_null(db_query(db, "SELECT n FROM counter", ""));
	assert_int_equal(db_scalar(db, 3, "SELECT 4", ""), 3);
	db_fail(db, "something else");
	assert_string_equal(db_error(db)->what, first.what);
	return true;
}

static int64_t counter_of(struct scratch *s, const char *name);

static void first_error_sticks_and_undoes(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	assert_false(store_tx(s->store, sticky, NULL, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_has(err.what, "counter");
	assert_int_equal(counter_of(s, "before"), 0);
	assert_int_equal(counter_of(s, "after"), 0);
}

static bool unreadable(struct db *db, void *arg, struct err *err)
{
	db_fail(db, "row %d cannot be read", 7);
	return db_ok(db);
}

/* A function that only looks whether the db is well need not fill the error. */
static void error_of_the_db_is_told(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	assert_false(store_tx(s->store, unreadable, NULL, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_has(err.what, "row 7");
	assert_false(store_tx(s->store, unreadable, NULL, NULL));
}

/* --------------------------------------------------------------- transactions */

struct count {
	const char *name;
	int64_t n;
};

static bool read_counter(struct db *db, void *arg, struct err *err)
{
	struct count *c = arg;
	c->n = counter_get(db, c->name);
	return true;
}

static int64_t counter_of(struct scratch *s, const char *name)
{
	struct count c = { name, -1 };
	scratch_tx(s, read_counter, &c);
	return c.n;
}

static bool add_and_fail(struct db *db, void *arg, struct err *err)
{
	counter_add(db, "seen", 1);
	err_set(err, ERR_BAD_INPUT, "no");
	return false;
}

static bool add_one(struct db *db, void *arg, struct err *err)
{
	counter_add(db, "seen", 1);
	return true;
}

static void failing_transaction_leaves_nothing(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	scratch_tx(s, add_one, NULL);
	assert_false(store_tx(s->store, add_and_fail, NULL, &err));
	assert_int_equal(err.code, ERR_BAD_INPUT);
	scratch_reopen(s);
	assert_int_equal(counter_of(s, "seen"), 1);
}

/* Threads that all write at once: each transaction makes two rows, every
 * seventh fails between them, and one in between breaks a rule of the table. */
enum { THREADS = 8, ROUNDS = 200 };

struct hand {
	struct scratch *s;
	int number;
	int64_t last_seq;
	bool answered[ROUNDS];
	bool out_of_order;
};

struct deed {
	struct hand *hand;
	int round;
	int64_t seq;
};

static struct sv row_name(char *out, size_t size, const struct deed *d, char half)
{
	return sv_make(out, (size_t)snprintf(out, size, "%d/%d/%c", d->hand->number, d->round,
					     half));
}

static bool two_rows(struct db *db, void *arg, struct err *err)
{
	struct deed *d = arg;
	char name[40];
	d->seq = store_seq_next(d->hand->s->store, db);
	db_run(db, PUT_COUNTER, "ti", row_name(name, sizeof(name), d, 'a'), d->seq);
	if (d->round % 7 == 3) {
		err_set(err, ERR_BAD_INPUT, "changed its mind");
		return false;
	}
	db_run(db, PUT_COUNTER, "ti",
	       row_name(name, sizeof(name), d, d->round % 7 == 5 ? 'a' : 'b'), d->seq);
	return true;
}

static void *write_rows(void *arg)
{
	struct hand *h = arg;
	for (int i = 0; i < ROUNDS; i++) {
		struct deed d = { h, i, 0 };
		struct err err = { 0 };
		h->answered[i] = store_tx(h->s->store, two_rows, &d, &err);
		if (h->answered[i] == (err.code != ERR_NONE) || d.seq <= h->last_seq)
			h->out_of_order = true;
		h->last_seq = d.seq;
	}
	return NULL;
}

static bool check_rows(struct db *db, void *arg, struct err *err)
{
	struct hand *hand = arg;
	for (int h = 0; h < THREADS; h++)
		for (int i = 0; i < ROUNDS; i++) {
			struct deed d = { &hand[h], i, 0 };
			char name[40];
			static const char get[] = "SELECT n FROM counter WHERE name = $1";
			int64_t a = db_scalar(db, 0, get, "t",
					      row_name(name, sizeof(name), &d, 'a'));
			int64_t b = db_scalar(db, 0, get, "t",
					      row_name(name, sizeof(name), &d, 'b'));
			bool whole = i % 7 != 3 && i % 7 != 5;
			assert_int_equal(hand[h].answered[i], whole);
			assert_int_equal(a != 0, whole);
			assert_int_equal(a, b);
		}
	return true;
}

static void groups_are_all_or_nothing_each(void **state)
{
	struct scratch *s = *state;
	struct hand *hand = must_zalloc(THREADS * sizeof(*hand));
	pthread_t thread[THREADS];
	for (int i = 0; i < THREADS; i++) {
		hand[i].s = s, hand[i].number = i;
		assert_int_equal(pthread_create(&thread[i], NULL, write_rows, &hand[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < THREADS; i++)
		assert_false(hand[i].out_of_order);
	scratch_reopen(s);
	scratch_tx(s, check_rows, hand);
	free(hand);
}

/* ----------------------------------------------------------- sequence numbers */

struct draw {
	struct store *s;
	int64_t seq;
};

static bool next_seq(struct db *db, void *arg, struct err *err)
{
	struct draw *d = arg;
	d->seq = store_seq_next(d->s, db);
	return true;
}

static bool next_seq_and_fail(struct db *db, void *arg, struct err *err)
{
	next_seq(db, arg, err);
	err_set(err, ERR_BAD_INPUT, "no");
	return false;
}

static int64_t draw(struct store *s)
{
	struct draw d = { s, 0 };
	assert_true(store_tx(s, next_seq, &d, NULL));
	return d.seq;
}

static void sequence_numbers_grow(void **state)
{
	struct scratch *s = *state;
	int64_t last = draw(s->store);
	assert_int_equal(store_seq_now(s->store), last);
	for (int i = 0; i < 5; i++) {
		int64_t next = draw(s->store);
		assert_true(next > last);
		last = next;
	}
	struct draw failed = { s->store, 0 };
	assert_false(store_tx(s->store, next_seq_and_fail, &failed, NULL));
	assert_true(draw(s->store) > last);
	last = store_seq_now(s->store);
	scratch_reopen(s);
	assert_true(store_seq_now(s->store) >= last);
	assert_true(draw(s->store) > last);
}

/* The command line beside the daemon: two handles, one file. */
static void sequence_numbers_grow_with_another_process(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	struct store *other = scratch_open_how(s, false, &err);
	assert_non_null(other);
	int64_t last = 0;
	for (int i = 0; i < 20; i++) {
		int64_t seq = draw(i % 3 ? s->store : other);
		assert_true(seq > last);
		last = seq;
	}
	store_close(other);
}

/* ----------------------------------------------------------- identity, opening */

static void store_belongs_to_one_firm(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	assert_true(store_bind(s->store, "treaty", SV("acme"), &err));
	assert_true(store_bind(s->store, "treaty", SV("acme"), &err));
	assert_true(store_bind(s->store, "ats organisation", SV("17"), &err));
	assert_false(store_bind(s->store, "treaty", SV("other"), &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_int_equal(err.retry, RETRY_PERSON);
	assert_int_equal(err.scope, SCOPE_PROCESS);
	assert_has(err.what, "acme");
	assert_has(err.what, "other");
	scratch_reopen(s);
	err_clear(&err);
	assert_false(store_bind(s->store, "treaty", SV("other"), &err));
	assert_true(store_bind(s->store, "treaty", SV("acme"), NULL));
}

static bool set_schema(struct db *db, void *arg, struct err *err)
{
	db_run(db, "UPDATE counter SET n = $1 WHERE name = 'schema'", "i", *(const int64_t *)arg);
	return true;
}

static void other_versions_are_refused(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	int64_t newer = 900;
	scratch_tx(s, set_schema, &newer);
	scratch_close(s);
	assert_null(scratch_open_how(s, false, &err));
	assert_int_equal(err.code, ERR_STORE);
	struct store_options o = scratch_options(s);
	assert_has(err.what, store_name(&o));
	assert_has(err.what, "version 900");
	assert_has(err.what, "newer program");
}

static void write_file(const char *path, struct sv text)
{
	FILE *f = fopen(path, "wbe");
	assert_non_null(f);
	assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
	fclose(f);
}

static void file_that_is_no_store_is_refused(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	struct buf b;
	buf_init(&b, 1 << 16);
	for (int i = 0; i < 500; i++)
		buf_add(&b, SV("name,email\nAnna,anna@example.com\n"));
	write_file(s->path, buf_sv(&b));
	assert_null(scratch_open_how(s, false, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_has(err.what, s->path);
	assert_has(err.what, "not a");
	err_clear(&err);
	assert_null(scratch_open_how(s, true, &err));
	assert_int_equal(err.code, ERR_STORE);
	buf_finish(&b);
}

/* Somebody else's database gets no tables of ours. */
static void database_of_another_program_is_refused(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	struct arena a;
	struct db_column *c;
	struct db *db = scratch_open_db(s, &err);
	assert_non_null(db);
	db_script(db, "CREATE TABLE invoice (id INTEGER PRIMARY KEY, amount BIGINT)");
	assert_true(db_ok(db));
	db_close(db);
	assert_null(scratch_open_how(s, false, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_has(err.what, "not a Treaty store");
	db = scratch_open_db(s, NULL);
	arena_init(&a);
	assert_int_equal(db_columns(db, &a, &c), 2);
	assert_sv(c[1].table, "invoice");
	assert_sv(c[1].name, "amount");
	assert_int_equal(c[1].type, 'i');
	arena_finish(&a);
	db_close(db);
}

static void missing_places_are_said(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	assert_null(scratch_open_how(s, true, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_has(err.what, s->path);
	err_clear(&err);
	assert_null(store_open(&(struct store_options){ .path = "/nowhere/at/all/store.db" }, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_has(err.what, "/nowhere/at/all/store.db");
}

static void read_only_reads(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	struct count c = { "seen", -1 };
	scratch_tx(s, add_one, NULL);
	/* beside a process that writes, and alone */
	for (int alone = 0; alone < 2; alone++) {
		struct store *reader = scratch_open_how(s, true, &err);
		assert_non_null(reader);
		assert_true(store_tx(reader, read_counter, &c, &err));
		assert_int_equal(c.n, 1);
		assert_false(store_tx(reader, add_one, NULL, &err));
		assert_int_equal(err.code, ERR_STORE);
		assert_true(strstr(err.what, "readonly") || strstr(err.what, "read-only"));
		err_clear(&err);
		assert_true(store_tx(reader, read_counter, &c, &err));
		assert_int_equal(c.n, 1);
		store_close(reader);
		scratch_close(s);
	}
}

static void copy_is_a_store(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	char copy[SCRATCH_PATH_MAX + 16];
	struct count c = { "seen", -1 };
	snprintf(copy, sizeof(copy), "%s.copy", s->path);
	scratch_tx(s, add_one, NULL);
	struct store_options from = scratch_options(s);
	assert_true(store_copy(&from, copy, &err));
	scratch_tx(s, add_one, NULL);
	struct store *other = store_open(&(struct store_options){ .path = copy }, &err);
	assert_non_null(other);
	assert_true(store_tx(other, read_counter, &c, &err));
	assert_int_equal(c.n, 1);
	store_close(other);
	if (!from.postgres) {
		assert_false(store_copy(&from, copy, &err));
		assert_int_equal(err.code, ERR_STORE);
		assert_has(err.what, "cannot be copied");
	}
	unlink(copy);
}

/* ------------------------------------------------------------------ full disk */

static bool limit_pages(struct db *db, void *arg, struct err *err)
{
	/* answers with a row, which a script ignores */
	char sql[64];
	int64_t more = *(const int64_t *)arg;
	int64_t pages = db_scalar(db, 0, "PRAGMA page_count", "");
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld", (long long)(pages + more));
	db_script(db, sql);
	return true;
}

static bool put_much(struct db *db, void *arg, struct err *err)
{
	static char much[3000];
	struct sv name = *(const struct sv *)arg;
	memset(much, 'x', sizeof(much));
	db_run(db, "INSERT INTO meta (name, value) VALUES ($1, $2)", "tb", name,
	       sv_make(much, sizeof(much)));
	counter_add(db, "accepted rows", 1);
	return true;
}

static bool count_meta(struct db *db, void *arg, struct err *err)
{
	*(int64_t *)arg = db_scalar(db, 0, "SELECT count(*) FROM meta WHERE length(value) = 3000", "");
	return true;
}

static int put_until_full(struct scratch *s, int from, int most, struct err *err)
{
	for (int i = 0; i < most; i++) {
		char name[32];
		struct sv view = sv_make(name, (size_t)snprintf(name, sizeof(name), "m%d", from + i));
		if (!store_tx(s->store, put_much, &view, err))
			return i;
	}
	return most;
}

static void full_disk_keeps_what_was_accepted(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	int64_t few = 40, plenty = 100000, kept = 0;
	scratch_tx(s, limit_pages, &few);
	int n = put_until_full(s, 0, 1000, &err);
	assert_true(n > 0 && n < 1000);
	assert_int_equal(err.code, ERR_STORE);
	assert_has(err.what, "the disk is full");
	/* it says so again, and reading goes on */
	err_clear(&err);
	assert_int_equal(put_until_full(s, n, 1, &err), 0);
	assert_has(err.what, "the disk is full");
	scratch_tx(s, count_meta, &kept);
	assert_int_equal(kept, n);
	assert_int_equal(counter_of(s, "accepted rows"), n);
	/* there is room again */
	scratch_tx(s, limit_pages, &plenty);
	assert_int_equal(put_until_full(s, n, 50, &err), 50);
	scratch_reopen(s);
	scratch_tx(s, count_meta, &kept);
	assert_int_equal(kept, n + 50);
	assert_int_equal(counter_of(s, "accepted rows"), n + 50);
}

struct filler {
	struct scratch *s;
	int number, accepted;
	struct err err;
};

static void *fill(void *arg)
{
	struct filler *f = arg;
	f->accepted = put_until_full(f->s, f->number * 1000, 1000, &f->err);
	return NULL;
}

/* Whoever shares a group with the one that found the disk full is told the
 * same, and only what was answered is there. */
static void full_disk_in_a_group(void **state)
{
	struct scratch *s = *state;
	struct filler filler[THREADS];
	pthread_t thread[THREADS];
	int64_t few = 100, kept = 0, accepted = 0;
	scratch_tx(s, limit_pages, &few);
	for (int i = 0; i < THREADS; i++) {
		filler[i] = (struct filler){ .s = s, .number = i };
		assert_int_equal(pthread_create(&thread[i], NULL, fill, &filler[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		accepted += filler[i].accepted;
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(filler[i].err.code, ERR_STORE);
		assert_has(filler[i].err.what, "the disk is full");
	}
	scratch_reopen(s);
	scratch_tx(s, count_meta, &kept);
	assert_int_equal(kept, accepted);
	assert_int_equal(counter_of(s, "accepted rows"), accepted);
}

/* ---------------------------------------------------------------- credentials */

static bool file_holds(const char *path, const char *end, const char *word)
{
	char name[SCRATCH_PATH_MAX + 16], chunk[4096];
	struct buf b;
	size_t n;
	snprintf(name, sizeof(name), "%s%s", path, end);
	FILE *f = fopen(name, "rbe");
	if (!f)
		return false;
	buf_init(&b, 16 << 20);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, sv_make(chunk, n));
	fclose(f);
	bool held = b.len && memmem(b.ptr, b.len, word, strlen(word)) != NULL;
	buf_finish(&b);
	return held;
}

static bool swap_names(struct db *db, void *arg, struct err *err)
{
	db_script(db, "UPDATE credential SET name = 'x' WHERE name = 'one';"
		      "UPDATE credential SET name = 'one' WHERE name = 'two';"
		      "UPDATE credential SET name = 'two' WHERE name = 'x'");
	return true;
}

static bool cut_sealed(struct db *db, void *arg, struct err *err)
{
	db_script(db, "UPDATE credential SET sealed = substr(sealed, 1, 20)");
	return true;
}

static void assert_credential(struct store *s, const char *name, const char *text)
{
	struct err err = { 0 };
	struct buf b;
	buf_init(&b, 4096);
	if (!credential_get(s, name, &b, &err))
		fail_msg("%s", err.what);
	assert_sv(buf_sv(&b), text);
	buf_finish(&b);
}

static void assert_no_credential(struct store *s, const char *name, enum err_code code)
{
	struct err err = { 0 };
	struct buf b;
	buf_init(&b, 4096);
	assert_false(credential_get(s, name, &b, &err));
	assert_int_equal(err.code, code);
	assert_int_equal(b.len, 0);
	buf_finish(&b);
}

static void credentials_are_sealed(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	assert_true(credential_put(s->store, "one", SV("refresh-token-one"), &err));
	assert_true(credential_put(s->store, "two", SV("refresh-token-old"), &err));
	assert_true(credential_put(s->store, "two", SV("refresh-token-two"), &err));
	assert_true(credential_put(s->store, "blank", SV(""), &err));
	assert_credential(s->store, "one", "refresh-token-one");
	assert_credential(s->store, "two", "refresh-token-two");
	assert_credential(s->store, "blank", "");
	assert_no_credential(s->store, "three", ERR_NOT_FOUND);
	scratch_reopen(s);
	assert_credential(s->store, "two", "refresh-token-two");
	assert_false(file_holds(s->path, "", "refresh-token"));
	assert_false(file_holds(s->path, "-wal", "refresh-token"));

	scratch_tx(s, swap_names, NULL);
	assert_no_credential(s->store, "one", ERR_STORE);
	scratch_tx(s, swap_names, NULL);
	assert_credential(s->store, "one", "refresh-token-one");

	s->key = SV("another key, of 32 bytes as well");
	scratch_reopen(s);
	assert_no_credential(s->store, "one", ERR_STORE);
	s->key = SV_NONE;
	scratch_reopen(s);
	assert_no_credential(s->store, "one", ERR_BAD_INPUT);
	assert_false(credential_put(s->store, "one", SV("x"), &err));
	assert_int_equal(err.code, ERR_BAD_INPUT);

	s->key = SCRATCH_KEY;
	scratch_reopen(s);
	scratch_tx(s, cut_sealed, NULL);
	assert_no_credential(s->store, "one", ERR_STORE);
}

/* ------------------------------------------------------------- many rows */

static bool put_many(struct db *db, void *arg, struct err *err)
{
	for (int64_t i = 1; i <= 1000; i++)
		db_run(db, "INSERT INTO step (link, field, step, at_ms, value)"
			   " VALUES ($1, 1, $2, 0, $3)", "itb", i, SV("x"), SV("value"));
	return true;
}

/* A scan within a scan of the same text, each changing what they walk through,
 * one left early, and an error in the midst of one. */
static bool scan_within_scan(struct db *db, void *arg, struct err *err)
{
	static const char all[] = "SELECT id, link, value FROM step WHERE link > $1 ORDER BY link";
	int64_t outer = 0, inner = 0;
	struct db_stmt *a = db_scan(db, all, "i", (int64_t)0);
	while (db_next(a)) {
		assert_int_equal(db_i64(a, 1), ++outer);
		assert_sv(db_sv(a, 2), "value");
		db_run(db, "UPDATE step SET at_ms = at_ms + 1 WHERE id = $1", "i", db_i64(a, 0));
		if (outer % 300)
			continue;
		struct db_stmt *b = db_scan(db, all, "i", outer);
		for (inner = outer; db_next(b);)
			assert_int_equal(db_i64(b, 1), ++inner);
		assert_int_equal(inner, 1000);
	}
	assert_int_equal(outer, 1000);
	assert_int_equal(db_scalar(db, 0, "SELECT count(*) FROM step WHERE at_ms = 1", ""), 1000);
	a = db_scan(db, all, "i", (int64_t)0);
	assert_true(db_next(a));
	db_done(a);
	a = db_scan(db, all, "i", (int64_t)500);
	assert_true(db_next(a));
	assert_int_equal(db_i64(a, 1), 501);
	db_fail(db, "enough");
	assert_false(db_next(a));
	return true;
}

static void scans_have_no_bound(void **state)
{
	struct scratch *s = *state;
	scratch_tx(s, put_many, NULL);
	for (int i = 0; i < 2; i++) {
		struct err err = { 0 };
		assert_false(store_tx(s->store, scan_within_scan, NULL, &err));
		assert_has(err.what, "enough");
	}
}

/* ------------------------------------------------------------- one at a time */

static void one_process_works_on_it(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	struct store_options o = scratch_options(s);
	char pid[40];
	int64_t holder = -1;
	o.alone = true;
	struct store *looks = scratch_open_how(s, false, &err);
	assert_non_null(looks);
	assert_false(store_is_worked_on(looks, &holder));
	struct store *works = store_open(&o, &err);
	assert_non_null(works);
	assert_true(store_is_worked_on(looks, &holder));
	assert_int_equal(holder, getpid());
	assert_null(store_open(&o, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	snprintf(pid, sizeof(pid), "process %lld", (long long)getpid());
	assert_has(err.what, store_name(&o));
	assert_has(err.what, pid);
	store_close(works);
	assert_false(store_is_worked_on(looks, &holder));
	err_clear(&err);
	works = store_open(&o, &err);
	assert_non_null(works);
	store_close(works);
	store_close(looks);
}

static void missing_store_is_not_made(void **state)
{
	struct scratch *s = *state;
	struct store_options o = scratch_options(s);
	o.must_exist = true;
	for (int made = 0; made < 2; made++) {
		struct err err = { 0 };
		struct store *found = store_open(&o, &err);
		assert_int_equal(found != NULL, made);
		assert_int_equal(err.code, made ? ERR_NONE : ERR_NOT_FOUND);
		store_close(found);
		scratch_open(s);
		scratch_close(s);
	}
}

/* ------------------------------------------------------ a server that goes away */

/* Ends the server's process for another connection of ours, and waits until it
 * is gone. */
static void break_connection(struct scratch *s, int64_t backend)
{
	struct err err = { 0 };
	struct db *db = scratch_open_db(s, &err);
	assert_non_null(db);
	assert_int_equal(db_scalar(db, 0, "SELECT pg_terminate_backend($1::int, 10000)::int", "i",
				   backend), 1);
	db_close(db);
}

static bool ask_backend(struct db *db, void *arg, struct err *err)
{
	*(int64_t *)arg = db_scalar(db, 0, "SELECT pg_backend_pid()", "");
	return true;
}

static void connects_again_between_transactions(void **state)
{
	struct scratch *s = *state;
	struct store_options o = scratch_options(s);
	struct err err = { 0 };
	int64_t first = 0, second = 0, holder = 0;
	o.alone = true;
	scratch_close(s);
	s->store = store_open(&o, &err);
	assert_non_null(s->store);
	scratch_tx(s, ask_backend, &first);
	scratch_tx(s, add_one, NULL);
	break_connection(s, first);
	scratch_tx(s, add_one, NULL);
	scratch_tx(s, ask_backend, &second);
	assert_int_not_equal(first, second);
	assert_int_equal(counter_of(s, "seen"), 2);
	/* and holds the store as before */
	assert_null(store_open(&o, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_true(store_is_worked_on(s->store, &holder));
}

/* Without its claim it must not go on: another process has begun to work. */
static void gives_way_to_who_claimed_it_meanwhile(void **state)
{
	struct scratch *s = *state;
	struct store_options o = scratch_options(s);
	struct err err = { 0 };
	int64_t backend = 0;
	o.alone = true;
	scratch_close(s);
	s->store = store_open(&o, &err);
	assert_non_null(s->store);
	scratch_tx(s, ask_backend, &backend);
	break_connection(s, backend);
	struct store *other = store_open(&o, &err);
	assert_non_null(other);
	assert_false(store_tx(s->store, add_one, NULL, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_int_equal(err.scope, SCOPE_PROCESS);
	store_close(other);
}

static bool lose_midway(struct db *db, void *arg, struct err *err)
{
	int64_t backend = 0;
	counter_add(db, "seen", 1);
	ask_backend(db, &backend, err);
	break_connection(arg, backend);
	counter_add(db, "seen", 1);
	assert_false(db_ok(db));
	return true;
}

static void connection_lost_in_a_transaction(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	assert_false(store_tx(s->store, lose_midway, s, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_int_equal(err.retry, RETRY_LATER);
	assert_has(err.what, "connection to PostgreSQL was lost");
	assert_int_equal(counter_of(s, "seen"), 0);
	scratch_tx(s, add_one, NULL);
	assert_int_equal(counter_of(s, "seen"), 1);
}

/* The server's process ends itself when it is told to commit. */
static bool prepare_to_die(struct db *db, void *arg, struct err *err)
{
	db_script(db, "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
		      " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END';"
		      "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON pause DEFERRABLE"
		      " INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()");
	return true;
}

static bool add_one_and_pause(struct db *db, void *arg, struct err *err)
{
	counter_add(db, "seen", 1);
	db_run(db, "INSERT INTO pause (scope, at_ms, who) VALUES ($1, 0, $2)", "tt", SV("x"), SV("y"));
	return true;
}

static void nothing_goes_on_after_a_commit_in_doubt(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	scratch_tx(s, prepare_to_die, NULL);
	for (int i = 0; i < 3; i++) {
		err_clear(&err);
		assert_false(store_tx(s->store, i ? add_one : add_one_and_pause, NULL, &err));
		assert_int_equal(err.code, ERR_STORE);
		assert_int_equal(err.retry, RETRY_LATER);
		assert_has(err.what, "lost");
	}
	scratch_reopen(s);
	assert_int_equal(counter_of(s, "seen"), 0);
}

static bool prepare_to_refuse(struct db *db, void *arg, struct err *err)
{
	db_script(db, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
		      " 'BEGIN RAISE SQLSTATE ''40001'' USING MESSAGE = ''somebody was first''; END';"
		      "CREATE TRIGGER refuse BEFORE INSERT ON pause FOR EACH ROW EXECUTE FUNCTION refuse()");
	return true;
}

static void serialization_failure_may_be_tried_again(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	scratch_tx(s, prepare_to_refuse, NULL);
	assert_false(store_tx(s->store, add_one_and_pause, NULL, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_int_equal(err.retry, RETRY_LATER);
	assert_has(err.what, "somebody was first");
	assert_int_equal(counter_of(s, "seen"), 0);
	scratch_tx(s, add_one, NULL);
	assert_int_equal(counter_of(s, "seen"), 1);
}

static void server_that_is_not_there(void **state)
{
	struct scratch *s = *state;
	struct err err = { 0 };
	char nobody[sizeof(s->schema.conninfo) + 40];
	assert_null(store_open(&(struct store_options){
		.postgres = "host=/nowhere/at/all dbname=x user=y", .password = SV("hush-hush") }, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_int_equal(err.retry, RETRY_LATER);
	assert_has(err.what, "/nowhere/at/all");
	assert_null(strstr(err.what, "hush"));
	err_clear(&err);
	snprintf(nobody, sizeof(nobody), "%s user=nobody_at_all", s->schema.conninfo);
	assert_null(store_open(&(struct store_options){ .postgres = nobody,
							.password = SV("hush-hush") }, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_int_equal(err.retry, RETRY_PERSON);
	assert_has(err.what, "nobody_at_all");
	assert_null(strstr(err.what, "hush"));
}

int main(void)
{
#define IN(set_up, fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN(set_up, statements_serve_many_readers),
		IN(set_up, values_come_back_as_bound),
		IN(set_up, first_error_sticks_and_undoes),
		IN(set_up, error_of_the_db_is_told),
		IN(set_up, scans_have_no_bound),
		IN(set_up, failing_transaction_leaves_nothing),
		IN(set_up_threaded, groups_are_all_or_nothing_each),
		IN(set_up, sequence_numbers_grow),
		IN(set_up, sequence_numbers_grow_with_another_process),
		IN(set_up, store_belongs_to_one_firm),
		IN(set_up, other_versions_are_refused),
		IN(set_up_closed, database_of_another_program_is_refused),
		IN(set_up_closed, missing_store_is_not_made),
		IN(set_up, one_process_works_on_it),
		IN(set_up, read_only_reads),
		IN(set_up, copy_is_a_store),
		IN(set_up, credentials_are_sealed),
	};
	const struct CMUnitTest file[] = {
		IN(set_up_closed, file_that_is_no_store_is_refused),
		IN(set_up_closed, missing_places_are_said),
		IN(set_up, full_disk_keeps_what_was_accepted),
		IN(set_up_threaded, full_disk_in_a_group),
	};
	const struct CMUnitTest server[] = {
		IN(set_up, connects_again_between_transactions),
		IN(set_up, gives_way_to_who_claimed_it_meanwhile),
		IN(set_up, connection_lost_in_a_transaction),
		IN(set_up, nothing_goes_on_after_a_commit_in_doubt),
		IN(set_up, serialization_failure_may_be_tried_again),
		IN(set_up, server_that_is_not_there),
	};
	int failed = cmocka_run_group_tests_name("store", tests, NULL, NULL);
	failed += getenv("TREATY_TEST_POSTGRES") ?
			  cmocka_run_group_tests_name("store in a server", server, NULL, NULL) :
			  cmocka_run_group_tests_name("store in a file", file, NULL, NULL);
	return failed;
}

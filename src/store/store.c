#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/log.h"
#include "base/panic.h"
#include "store/journal.h"
#include "store/schema.h"

/* A transaction that waits for the writer. Lives on the waiting thread's
 * stack. */
struct request {
	store_fn fn;
	void *arg;
	struct err *err;
	bool ok, done;
	struct request *next;
};

struct store {
	struct db *db;
	struct clock *clock;
	struct crash *crash;
	unsigned char key[32];
	bool has_key;
	_Atomic int64_t seq;
	int64_t seq_stored;
	struct journal_head journal;

	bool threaded, stopping;
	pthread_t writer;
	pthread_mutex_t mutex; /* guards the list, 'stopping' and 'done' */
	pthread_cond_t work, answered;
	struct request *first, **last;
};

bool crash_step(struct crash *c)
{
	if (!c)
		return true;
	if (!c->dead && c->die_at && ++c->steps >= c->die_at)
		c->dead = true;
	else if (!c->dead && !c->die_at)
		c->steps++;
	return !c->dead;
}

/* ------------------------------------------------------------ transactions */

/* Another process (the command line) may have taken numbers meanwhile. */
static void seq_load(struct store *s)
{
	int64_t stored = counter_get(s->db, "seq");
	if (stored > s->seq)
		s->seq = stored;
	s->seq_stored = stored;
}

static void seq_save(struct store *s)
{
	if (s->seq == s->seq_stored)
		return;
	counter_add(s->db, "seq", s->seq - s->seq_stored);
	s->seq_stored = s->seq;
}

struct journal_head *store_journal(struct store *s)
{
	return &s->journal;
}

/* One request inside the open transaction; undone alone when it fails. A disk
 * that is full or broken undoes the whole transaction at once, savepoints and
 * all: then the others are to hear that, not that the savepoint is gone. */
static void run_one(struct store *s, struct request *r, struct err *group)
{
	struct journal_head before = s->journal;
	db_script(s->db, "SAVEPOINT one");
	r->ok = r->fn(s->db, r->arg, r->err);
	struct err why = *db_error(s->db);
	if (why.code) {
		*r->err = why;
		r->ok = false;
	}
	db_clear(s->db);
	if (!r->ok) {
		db_script(s->db, "ROLLBACK TO one");
		s->journal = before;
	}
	db_script(s->db, "RELEASE one");
	if (!db_ok(s->db))
		*group = why.code ? why : *db_error(s->db);
}

/* The whole list in one transaction: one fsync for all who wait. */
static void run_group(struct store *s, struct request *list)
{
	struct err err = { 0 };
	bool ok = crash_step(s->crash);
	if (!ok)
		err_set(&err, ERR_STOPPED, "store: the process is dead");
	if (ok) {
		db_clear(s->db);
		db_begin(s->db);
		seq_load(s);
		journal_head_load(s->db, &s->journal);
		int64_t entries = s->journal.seq;
		for (struct request *r = list; db_ok(s->db) && r; r = r->next)
			run_one(s, r, &err);
		seq_save(s);
		if (s->journal.seq != entries)
			journal_head_save(s->db, &s->journal);
		ok = db_commit(s->db);
		if (!ok && !err.code)
			err = *db_error(s->db);
		db_clear(s->db);
	}
	if (ok && !crash_step(s->crash)) {
		/* committed, but nobody lives to hear of it */
		ok = false;
		err_set(&err, ERR_STOPPED, "store: the process is dead");
	}
	for (struct request *r = list; r && !ok; r = r->next) {
		if (r->ok || !r->err->code)
			*r->err = err;
		r->ok = false;
	}
}

static void *writer_main(void *arg)
{
	struct store *s = arg;
	pthread_mutex_lock(&s->mutex);
	for (;;) {
		while (!s->first && !s->stopping)
			pthread_cond_wait(&s->work, &s->mutex);
		struct request *list = s->first;
		if (!list)
			break;
		s->first = NULL;
		s->last = &s->first;
		pthread_mutex_unlock(&s->mutex);
		run_group(s, list);
		pthread_mutex_lock(&s->mutex);
		for (struct request *r = list, *next; r; r = next) {
			next = r->next; /* r is gone once its thread sees 'done' */
			r->done = true;
		}
		pthread_cond_broadcast(&s->answered);
	}
	pthread_mutex_unlock(&s->mutex);
	return NULL;
}

bool store_tx(struct store *s, store_fn fn, void *arg, struct err *err)
{
	struct err unused = { 0 };
	struct request r = { .fn = fn, .arg = arg, .err = err ? err : &unused };
	if (!s->threaded) {
		run_group(s, &r);
		return r.ok;
	}
	pthread_mutex_lock(&s->mutex);
	*s->last = &r;
	s->last = &r.next;
	pthread_cond_signal(&s->work);
	while (!r.done)
		pthread_cond_wait(&s->answered, &s->mutex);
	pthread_mutex_unlock(&s->mutex);
	return r.ok;
}

/* ------------------------------------------------------------------ opening */

enum contents { CONTENTS_NONE, CONTENTS_OURS, CONTENTS_OTHERS };

static enum contents look_inside(struct db *db)
{
	static const char *const ours[] = { "meta", "counter", "mark" };
	struct arena a;
	struct db_column *c;
	size_t found = 0;
	arena_init(&a);
	int n = db_columns(db, &a, &c);
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < countof(ours); k++)
			found += sv_eq(c[i].table, sv_of(ours[k])) &&
				 (i == 0 || !sv_eq(c[i].table, c[i - 1].table));
	arena_finish(&a);
	return n == 0 ? CONTENTS_NONE : found == countof(ours) ? CONTENTS_OURS : CONTENTS_OTHERS;
}

static void upgrade(struct store *s)
{
	db_begin(s->db);
	/* another process may have been first */
	if (look_inside(s->db) == CONTENTS_NONE) {
		db_script(s->db, schema_step[0]);
		counter_add(s->db, "schema", 1);
		counter_add(s->db, "seq", 1);
	}
	int64_t version = counter_get(s->db, "schema");
	for (; db_ok(s->db) && version >= 1 && version < schema_version; version++) {
		db_script(s->db, schema_step[version]);
		counter_add(s->db, "schema", 1);
	}
	db_commit(s->db);
}

const char *store_name(const struct store_options *o)
{
	return o->postgres ? o->postgres : o->path;
}

/* Passes an error of the db up, with the store's name. */
static void say(const struct store_options *o, const struct err *why, struct err *err)
{
	bool fresh = err && !err->code, prefixed = sv_starts(sv_of(why->what), SV("store: "));
	err_set(err, why->code, "store %s: %s", store_name(o), why->what + (prefixed ? 7 : 0));
	if (fresh)
		err->retry = why->retry, err->scope = why->scope;
}

static bool none_yet(const struct store_options *o, struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "store %s: there is none yet; 'treaty link' makes it",
		store_name(o));
	return false;
}

static bool prepare_schema(struct store *s, const struct store_options *o, struct err *err)
{
	enum contents inside = look_inside(s->db);
	if (inside == CONTENTS_OTHERS) {
		err_set(err, ERR_STORE, "store %s: not a Treaty store: another program's tables are in it",
			store_name(o));
		return false;
	}
	if (inside == CONTENTS_NONE && o->must_exist && db_ok(s->db))
		return none_yet(o, err);
	int64_t version = inside == CONTENTS_OURS ? counter_get(s->db, "schema") : 0;
	if (version < schema_version && !o->read_only && db_ok(s->db)) {
		upgrade(s);
		version = counter_get(s->db, "schema");
	}
	if (!db_ok(s->db)) {
		say(o, db_error(s->db), err);
		return false;
	}
	if (version != schema_version) {
		err_set(err, ERR_STORE,
			"store %s: has version %lld, this program knows version %d: %s", store_name(o),
			(long long)version, schema_version,
			version > schema_version ? "run the newer program" :
						   "'treaty run' brings it up to date");
		return false;
	}
	return true;
}

static struct db *open_db(const struct store_options *o, struct err *err)
{
	struct db_options how = { .volatile_ok = o->volatile_ok, .read_only = o->read_only };
	if (o->postgres)
		return db_open_postgres(o->postgres, o->password, &how, err);
	if (o->must_exist && access(o->path, F_OK) != 0 && errno == ENOENT) {
		none_yet(o, err);
		return NULL;
	}
	return db_open_sqlite(o->path, &how, err);
}

static bool claim(struct store *s, const struct store_options *o, struct err *err)
{
	struct err why = { 0 };
	if (!o->alone || db_claim(s->db, &why))
		return true;
	say(o, &why, err);
	return false;
}

struct store *store_open(const struct store_options *o, struct err *err)
{
	struct db *db = open_db(o, err);
	if (!db)
		return NULL;
	struct store *s = must_zalloc(sizeof(*s));
	s->db = db;
	s->clock = o->clock ? o->clock : clock_real();
	s->crash = o->crash;
	s->last = &s->first;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->answered, NULL);
	if (o->key.len == sizeof(s->key)) {
		memcpy(s->key, o->key.ptr, sizeof(s->key));
		s->has_key = true;
	}
	if (!claim(s, o, err) || !prepare_schema(s, o, err)) {
		store_close(s);
		return NULL;
	}
	seq_load(s);
	if (o->threaded) {
		s->threaded = true;
		if (pthread_create(&s->writer, NULL, writer_main, s))
			panic("cannot start the writer thread");
	}
	return s;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->threaded) {
		pthread_mutex_lock(&s->mutex);
		s->stopping = true;
		pthread_cond_signal(&s->work);
		pthread_mutex_unlock(&s->mutex);
		pthread_join(s->writer, NULL);
	}
	pthread_mutex_destroy(&s->mutex);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->answered);
	db_close(s->db);
	explicit_bzero(s->key, sizeof(s->key));
	free(s);
}

bool store_temporary(struct store *s, const char *script, struct err *err)
{
	db_script(s->db, script);
	bool ok = db_ok(s->db);
	if (!ok && err && !err->code)
		*err = *db_error(s->db);
	db_clear(s->db);
	return ok;
}

bool store_is_worked_on(struct store *s, int64_t *pid)
{
	bool held = db_is_claimed(s->db, pid);
	db_clear(s->db);
	return held;
}

static bool copy_into(struct store *from, const char *path, struct err *err)
{
	struct store *to = store_open(&(struct store_options){ .path = path, .volatile_ok = true },
				      err);
	struct arena a;
	if (!to)
		return false;
	arena_init(&a);
	db_begin(from->db);
	db_begin(to->db);
	db_copy_rows(from->db, to->db, &a);
	bool ok = db_commit(from->db) && db_commit(to->db);
	if (!ok)
		err_set(err, ERR_STORE, "cannot be copied: %s",
			(db_ok(from->db) ? db_error(to->db) : db_error(from->db))->what);
	store_close(to);
	arena_finish(&a);
	return ok;
}

bool store_copy(const struct store_options *from, const char *to, struct err *err)
{
	struct store_options how = *from;
	how.must_exist = how.read_only = true;
	how.alone = how.threaded = false;
	if (!from->postgres && access(from->path, F_OK) == 0)
		return db_copy_file(from->path, to, err);
	struct store *s = store_open(&how, err);
	bool ok = s && copy_into(s, to, err);
	store_close(s);
	return ok;
}

struct clock *store_clock(struct store *s)
{
	return s->clock;
}

const unsigned char *store_key(struct store *s)
{
	return s->has_key ? s->key : NULL;
}

int64_t store_seq_now(struct store *s)
{
	return s->seq;
}

int64_t store_seq_next(struct store *s, struct db *db)
{
	return ++s->seq;
}

/* ----------------------------------------------------- small named values */

struct sv meta_get(struct db *db, const char *name, struct arena *a)
{
	struct db_stmt *q = db_query(db, "SELECT value FROM meta WHERE name = $1", "t",
				     sv_of(name));
	struct sv v = SV_NONE;
	if (db_next(q)) {
		v = arena_sv(a, db_sv(q, 0));
		db_done(q);
	}
	return v;
}

void meta_put(struct db *db, const char *name, struct sv value)
{
	db_run(db,
	       "INSERT INTO meta (name, value) VALUES ($1, $2)"
	       " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	       "tb", sv_of(name), value.ptr ? value : SV(""));
}

void counter_add(struct db *db, const char *name, int64_t n)
{
	db_run(db,
	       "INSERT INTO counter (name, n) VALUES ($1, $2)"
	       " ON CONFLICT (name) DO UPDATE SET n = counter.n + excluded.n",
	       "ti", sv_of(name), n);
}

int64_t counter_get(struct db *db, const char *name)
{
	return db_scalar(db, 0, "SELECT n FROM counter WHERE name = $1", "t", sv_of(name));
}

struct binding {
	const char *what;
	struct sv identity;
};

static bool bind_identity(struct db *db, void *arg, struct err *err)
{
	const struct binding *b = arg;
	struct arena a;
	arena_init(&a);
	struct sv name = arena_printf(&a, "identity.%s", b->what);
	struct sv known = meta_get(db, name.ptr, &a);
	bool same = !known.len || sv_eq(known, b->identity);
	if (!known.len)
		meta_put(db, name.ptr, b->identity);
	else if (!same) {
		err_set(err, ERR_CONFLICT,
			"this store belongs to %s '%.*s', not to '%.*s': use that one's own store",
			b->what, SV_ARG(known), SV_ARG(b->identity));
		err->retry = RETRY_PERSON;
		err->scope = SCOPE_PROCESS;
	}
	arena_finish(&a);
	return same;
}

bool store_bind(struct store *s, const char *what, struct sv identity, struct err *err)
{
	struct binding b = { what, identity };
	return store_tx(s, bind_identity, &b, err);
}

/* store.h - the one durable state: opening, binding to the systems, and
 * transactions.
 *
 * Every change is a transaction, run by store_tx. With 'threaded' one writer
 * thread runs the transactions of all threads in groups: a savepoint each, one
 * fsync for all who waited; store_tx returns when the group is on disk. A
 * transaction that fails is rolled back alone. Without 'threaded' it runs in
 * the caller (tests, the command line).
 *
 * A transaction function must not block on anything but the db, and must not
 * call store_tx. */
#ifndef TREATY_STORE_H
#define TREATY_STORE_H

#include "base/arena.h"
#include "base/clock.h"
#include "store/db.h"

struct store;

/* For the crash walk: called before and after each commit, and by scripted
 * systems around each request. Once it answers false the process counts as
 * dead: every later transaction and request fails with ERR_STOPPED. */
struct crash {
	int64_t steps;	/* durable steps counted so far */
	int64_t die_at; /* 0: never */
	bool dead;
};
bool crash_step(struct crash *c); /* c may be NULL */

struct store_options {
	/* One of them. */
	const char *path;     /* an SQLite file */
	const char *postgres; /* libpq's keyword=value, without a password ... */
	struct sv password;   /* ... which is here, or empty */
	bool must_exist;      /* ERR_NOT_FOUND, rather than made anew */
	bool alone;	      /* db_claim: for a process that works on it */
	bool threaded;
	bool volatile_ok; /* tests only */
	bool read_only;
	struct clock *clock;
	struct crash *crash; /* or NULL */
	struct sv key;	     /* seals credentials; 32 bytes, or empty: none */
};

/* Creates or upgrades the schema; refuses a store of a newer version. */
struct store *store_open(const struct store_options *o, struct err *err);
void store_close(struct store *s);

/* A consistent copy of a store that may be in use, as an SQLite file; 'to' is
 * missing or empty. ERR_NOT_FOUND when there is no store. */
bool store_copy(const struct store_options *from, const char *to, struct err *err);

/* How messages name it: the path, or what stands for it. */
const char *store_name(const struct store_options *o);

/* Makes temporary tables, between transactions: one of a read_only store may
 * fill them, but not make them. Not threaded. */
bool store_temporary(struct store *s, const char *script, struct err *err);

/* Does a process hold it ('alone')? *pid is its process id, or 0. Not threaded. */
bool store_is_worked_on(struct store *s, int64_t *pid);

typedef bool (*store_fn)(struct db *db, void *arg, struct err *err);
bool store_tx(struct store *s, store_fn fn, void *arg, struct err *err);

struct clock *store_clock(struct store *s);
/* 32 bytes, or NULL: the store was opened without. For credentials.c. */
const unsigned char *store_key(struct store *s);

/* Local sequence numbers: strictly growing over the store's whole life.
 * seq_now may be read by any thread; seq_next only in a transaction. */
int64_t store_seq_now(struct store *s);
int64_t store_seq_next(struct store *s, struct db *db);

/* The end of the journal, held for the transactions of a group; journal.c moves
 * it. In a transaction. */
struct journal_head *store_journal(struct store *s);

/* The store's identity: the first call writes it; a later one with another
 * text fails with ERR_CONFLICT naming both. 'what' is e.g. 'treaty',
 * 'salesforce organisation'. */
bool store_bind(struct store *s, const char *what, struct sv identity, struct err *err);

/* Small named values: cursors, flags. In a transaction. */
struct sv meta_get(struct db *db, const char *name, struct arena *a);
void meta_put(struct db *db, const char *name, struct sv value);

/* Counters that only grow (see ledger.h). In a transaction. */
void counter_add(struct db *db, const char *name, int64_t n);
int64_t counter_get(struct db *db, const char *name);

#endif

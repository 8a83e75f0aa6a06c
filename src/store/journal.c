#include "store/journal.h"

#include <openssl/evp.h>

#include "base/panic.h"
#include "base/rng.h"

enum { HASH = JOURNAL_HASH, SALT = 16, TALLY_MAX = 64 << 10 };

/* SHA-256 over counted parts, so that no two lists of parts look alike. */
static void hash_parts(const struct sv *part, int n, unsigned char out[HASH])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL);
	for (int i = 0; ok && i < n; i++) {
		unsigned char len[8];
		for (int k = 0; k < 8; k++)
			len[k] = (unsigned char)((uint64_t)part[i].len >> (8 * k));
		ok = EVP_DigestUpdate(c, len, sizeof(len)) &&
		     EVP_DigestUpdate(c, part[i].ptr, part[i].len);
	}
	if (!ok || !EVP_DigestFinal_ex(c, out, NULL))
		panic("SHA-256 failed");
	EVP_MD_CTX_free(c);
}

static void commit(struct sv salt, struct sv kind, struct sv content, unsigned char out[HASH])
{
	struct sv part[] = { salt, kind, content };
	hash_parts(part, 3, out);
}

/* An entry that counts for nothing has no tally; so have those of a store whose
 * journal is older than tallies. */
static void chain(struct sv before, int64_t seq, int64_t at_ms, int64_t link,
		  struct sv commitment, struct sv tally, unsigned char out[HASH])
{
	struct sv part[] = { before, sv_make(&seq, sizeof(seq)), sv_make(&at_ms, sizeof(at_ms)),
			     sv_make(&link, sizeof(link)), commitment, tally };
	hash_parts(part, tally.ptr ? 6 : 5, out);
}

static void salt_of(struct db *db, int64_t link, unsigned char out[SALT])
{
	struct db_stmt *q = db_query(db, "SELECT salt FROM salt WHERE link = $1", "i", link);
	if (db_next(q)) {
		struct sv s = db_sv(q, 0);
		if (s.len == SALT)
			memcpy(out, s.ptr, SALT);
		db_done(q);
		return;
	}
	random_bytes(out, SALT);
	db_run(db, "INSERT INTO salt (link, salt) VALUES ($1, $2)", "ib", link, sv_make(out, SALT));
}

/* ------------------------------------------------------------------- sums */

const char *outcome_name(enum outcome o)
{
	static const char *const name[] = {
		[OUTCOME_WRITTEN] = "written",	     [OUTCOME_REJECTED] = "rejected",
		[OUTCOME_SUPERSEDED] = "superseded", [OUTCOME_RESOLVED] = "resolved",
		[OUTCOME_DROPPED] = "dropped",
	};
	return name[o];
}

/* Numbers that lie side by side are to look unlike each other, or a decision
 * ended twice could make up for a neighbour never ended. */
static uint64_t scatter(uint64_t n)
{
	n += 0x9e3779b97f4a7c15u;
	n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9u;
	n = (n ^ (n >> 27)) * 0x94d049bb133111ebu;
	return n ^ (n >> 31);
}

void sums_open(struct sums *s, int64_t decision)
{
	s->open[0] += scatter((uint64_t)decision);
	s->open[1] += scatter(~(uint64_t)decision);
}

static void sums_end(struct sums *s, struct ending e)
{
	s->ended[e.outcome]++;
	s->open[0] -= scatter((uint64_t)e.decision);
	s->open[1] -= scatter(~(uint64_t)e.decision);
}

static void pack_tally(struct buf *b, const struct tally *t)
{
	buf_add_varint(b, (uint64_t)t->marks);
	buf_add_varint(b, t->opens);
	for (int i = 0; i < t->end_n; i++)
		if (t->end[i].decision) {
			buf_add_varint(b, t->end[i].outcome);
			buf_add_varint(b, (uint64_t)t->end[i].decision);
		}
}

void tally_unpack(struct reader *r, struct tally *out)
{
	*out = (struct tally){ .marks = (int64_t)read_varint(r) };
	out->opens = (unsigned)read_varint_to(r, 3);
}

bool tally_next_end(struct reader *r, struct ending *out)
{
	if (r->bad || !r->left.len)
		return false;
	out->outcome = (enum outcome)read_varint_to(r, OUTCOMES - 1);
	out->decision = (int64_t)read_varint(r);
	return !r->bad;
}

/* Adds what an entry counts for. False when it cannot be read. */
static bool sums_add(struct sums *s, int64_t seq, struct sv tally)
{
	s->entries++;
	if (!tally.ptr)
		return true;
	struct reader r = { .left = tally };
	struct tally t;
	struct ending e;
	tally_unpack(&r, &t);
	s->marks += t.marks;
	for (int side = 0; side < 2; side++)
		if (t.opens & 1u << side) {
			s->decisions++;
			sums_open(s, decision_id(seq, side));
		}
	while (tally_next_end(&r, &e))
		sums_end(s, e);
	return !r.bad;
}

static void pack_sums(struct buf *b, const struct sums *s)
{
	buf_add_varint(b, (uint64_t)s->entries);
	buf_add_varint(b, (uint64_t)s->marks);
	buf_add_varint(b, (uint64_t)s->decisions);
	for (int i = 0; i < OUTCOMES; i++)
		buf_add_varint(b, (uint64_t)s->ended[i]);
	buf_add_varint(b, s->open[0]);
	buf_add_varint(b, s->open[1]);
}

static void unpack_sums(struct reader *r, struct sums *s)
{
	s->entries = (int64_t)read_varint(r);
	s->marks = (int64_t)read_varint(r);
	s->decisions = (int64_t)read_varint(r);
	for (int i = 0; i < OUTCOMES; i++)
		s->ended[i] = (int64_t)read_varint(r);
	s->open[0] = read_varint(r);
	s->open[1] = read_varint(r);
}

/* ------------------------------------------------------------------- head */

void journal_head_load(struct db *db, struct journal_head *h)
{
	*h = (struct journal_head){ 0 };
	struct db_stmt *q = db_query(db, "SELECT value FROM meta WHERE name = 'journal'", "");
	if (db_next(q)) {
		struct reader r = { .left = db_sv(q, 0) };
		h->seq = (int64_t)read_varint(&r);
		struct sv chain_there = read_counted(&r);
		h->checkpoint = (int64_t)read_varint(&r);
		unpack_sums(&r, &h->sums);
		h->kept = !r.bad && chain_there.len == HASH;
		if (h->kept)
			memcpy(h->chain, chain_there.ptr, HASH);
		db_done(q);
	}
	if (h->kept)
		return;
	*h = (struct journal_head){ 0 };
	q = db_query(db, "SELECT seq, chain FROM journal ORDER BY seq DESC LIMIT 1", "");
	if (db_next(q)) {
		h->seq = h->sums.entries = db_i64(q, 0);
		if (db_sv(q, 1).len == HASH)
			memcpy(h->chain, db_sv(q, 1).ptr, HASH);
		db_done(q);
	}
}

void journal_head_save(struct db *db, const struct journal_head *h)
{
	struct buf b;
	buf_init(&b, 1024);
	buf_add_varint(&b, (uint64_t)h->seq);
	buf_add_counted(&b, sv_make(h->chain, HASH));
	buf_add_varint(&b, (uint64_t)h->checkpoint);
	pack_sums(&b, &h->sums);
	meta_put(db, "journal", buf_sv(&b));
	buf_finish(&b);
}

/* -------------------------------------------------------------------- add */

int64_t journal_add_counted(struct store *s, struct db *db, int64_t link, const char *kind,
			    const struct tally *tally, struct json_object *content)
{
	struct journal_head *h = store_journal(s);
	unsigned char salt[SALT] = { 0 }, commitment[HASH], next[HASH];
	int64_t seq = h->seq + 1, now = clock_now(store_clock(s));
	struct buf packed;
	size_t n = 0;
	const char *text =
		json_object_to_json_string_length(content, JSON_C_TO_STRING_PLAIN, &n);
	buf_init(&packed, TALLY_MAX);
	if (tally)
		pack_tally(&packed, tally);
	if (packed.full)
		db_fail(db, "a journal entry counts for too much");
	struct sv counts = packed.len ? buf_sv(&packed) : SV_NONE;
	salt_of(db, link, salt);
	commit(sv_make(salt, SALT), sv_of(kind), sv_make(text, n), commitment);
	chain(sv_make(h->chain, HASH), seq, now, link, sv_make(commitment, HASH), counts, next);
	db_run(db,
	       "INSERT INTO journal (seq, at_ms, link, kind, content, chain, commitment, tally)"
	       " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	       "iiitbbbb", seq, now, link, sv_of(kind), sv_make(text, n),
	       sv_make(next, HASH), sv_make(commitment, HASH), counts);
	h->seq = seq;
	memcpy(h->chain, next, HASH);
	sums_add(&h->sums, seq, counts);
	buf_finish(&packed);
	json_object_put(content);
	return seq;
}

int64_t journal_add(struct store *s, struct db *db, int64_t link, const char *kind,
		    struct json_object *content)
{
	return journal_add_counted(s, db, link, kind, NULL, content);
}

/* ------------------------------------------------------------------- read */

int journal_of(struct db *db, int64_t link, int limit, struct arena *a,
	       struct journal_entry **out)
{
	struct journal_entry *e = arena_array(a, struct journal_entry, limit);
	int n = 0;
	struct db_stmt *q =
		link >= 0 ?
			db_query(db,
				 "SELECT seq, at_ms, link, kind, content FROM journal"
				 " WHERE link = $1 ORDER BY seq LIMIT $2",
				 "ii", link, (int64_t)limit) :
			db_query(db,
				 "SELECT seq, at_ms, link, kind, content FROM journal"
				 " ORDER BY seq DESC LIMIT $1",
				 "i", (int64_t)limit);
	while (db_next(q))
		e[n++] = (struct journal_entry){
			.seq = db_i64(q, 0), .at_ms = db_i64(q, 1), .link = db_i64(q, 2),
			.kind = arena_sv(a, db_sv(q, 3)), .content = arena_sv(a, db_sv(q, 4)),
		};
	*out = e;
	return n;
}

bool journal_get(struct db *db, int64_t seq, struct arena *a, struct journal_entry *out)
{
	struct db_stmt *q = db_query(db,
				     "SELECT seq, at_ms, link, kind, content FROM journal"
				     " WHERE seq = $1",
				     "i", seq);
	if (!db_next(q))
		return false;
	*out = (struct journal_entry){
		.seq = db_i64(q, 0), .at_ms = db_i64(q, 1), .link = db_i64(q, 2),
		.kind = arena_sv(a, db_sv(q, 3)), .content = arena_sv(a, db_sv(q, 4)),
	};
	db_done(q);
	return true;
}

/* ------------------------------------------------------------------- walk */

static const char checkpoint_kind[] = "checkpoint";

/* What the checkpoint says of the entries that are no more. It is believed for
 * now: the walk comes by the entry that said it. */
static bool read_checkpoint(struct db *db, int64_t seq, struct journal_walk *w)
{
	struct arena a;
	struct buf sums, last;
	struct journal_entry e;
	struct err unused = { 0 };
	arena_init(&a);
	buf_init(&sums, 1024);
	buf_init(&last, HASH);
	struct json_object *o = NULL;
	bool ok = journal_get(db, seq, &a, &e) && sv_eq(e.kind, sv_of(checkpoint_kind));
	if (ok)
		o = json_parse(e.content, "checkpoint", &unused);
	ok = o && buf_from_hex(&sums, json_sv(o, "sums")) && buf_from_hex(&last, json_sv(o, "chain")) &&
	     last.len == HASH && !last.full;
	if (ok) {
		struct reader r = { .left = buf_sv(&sums) };
		unpack_sums(&r, &w->sums);
		memcpy(w->chain, last.ptr, HASH);
		w->seq = w->first = json_i64(o, "through", 0);
		ok = !r.bad;
	}
	json_object_put(o);
	buf_finish(&last);
	buf_finish(&sums);
	arena_finish(&a);
	return ok;
}

static void walk_from(struct db *db, int64_t checkpoint, struct journal_walk *w)
{
	*w = (struct journal_walk){ .checkpoint = checkpoint };
	if (checkpoint && !read_checkpoint(db, checkpoint, w)) {
		w->bad_seq = checkpoint;
		w->why = "the checkpoint of what was pruned is not there";
	}
}

void journal_walk_begin(struct db *db, struct journal_walk *w)
{
	struct journal_head h;
	journal_head_load(db, &h);
	walk_from(db, h.checkpoint, w);
}

void journal_walk_from(struct db *db, int64_t checkpoint, struct journal_walk *w)
{
	walk_from(db, checkpoint, w);
}

void journal_walk_pack(struct buf *b, const struct journal_walk *w)
{
	buf_add_varint(b, (uint64_t)w->seq);
	buf_add_varint(b, (uint64_t)w->first);
	buf_add_counted(b, sv_make(w->chain, HASH));
	buf_add_varint(b, (uint64_t)w->checkpoint);
	buf_add_varint(b, w->checkpoint_met);
	pack_sums(b, &w->sums);
}

bool journal_walk_unpack(struct reader *r, struct journal_walk *w)
{
	*w = (struct journal_walk){ .seq = (int64_t)read_varint(r) };
	w->first = (int64_t)read_varint(r);
	struct sv there = read_counted(r);
	w->checkpoint = (int64_t)read_varint(r);
	w->checkpoint_met = read_varint(r) != 0;
	unpack_sums(r, &w->sums);
	if (r->bad || there.len != HASH)
		return false;
	memcpy(w->chain, there.ptr, HASH);
	return true;
}

static bool bad(struct journal_walk *w, int64_t seq, const char *why)
{
	w->bad_seq = seq;
	w->why = why;
	return false;
}

/* Columns as in journal_walk_on. */
static bool walk_over(struct journal_walk *w, struct db_stmt *q)
{
	unsigned char expect[HASH];
	int64_t seq = db_i64(q, 0);
	struct sv commitment = db_sv(q, 5), tally = db_sv(q, 8);
	if (seq != w->seq + 1)
		return bad(w, seq, "the entry before it is missing");
	chain(sv_make(w->chain, HASH), seq, db_i64(q, 7), db_i64(q, 1), commitment, tally, expect);
	if (!sv_eq(db_sv(q, 4), sv_make(expect, HASH)))
		return bad(w, seq, "it does not follow from the one before it");
	memcpy(w->chain, expect, HASH);
	/* a content without its salt could be anything */
	if (!db_is_null(q, 3)) {
		commit(db_sv(q, 6), db_sv(q, 2), db_sv(q, 3), expect);
		if (!sv_eq(commitment, sv_make(expect, HASH)))
			return bad(w, seq, "its content is not what was written");
	}
	if (!sums_add(&w->sums, seq, tally))
		return bad(w, seq, "what it counts for cannot be read");
	w->checkpoint_met = w->checkpoint_met || seq == w->checkpoint;
	w->seq = seq;
	return true;
}

int64_t journal_walk_on(struct db *db, struct journal_walk *w, int64_t max)
{
	int64_t n = 0;
	if (w->bad_seq)
		return 0;
	struct db_stmt *q = db_scan(
		db,
		"SELECT j.seq, j.link, j.kind, j.content, j.chain, j.commitment, s.salt, j.at_ms,"
		" j.tally FROM journal j LEFT JOIN salt s ON s.link = j.link WHERE j.seq > $1"
		" ORDER BY j.seq LIMIT $2",
		"ii", w->seq, max);
	while (db_next(q)) {
		if (!walk_over(w, q)) {
			db_done(q);
			return 0;
		}
		n++;
	}
	return n;
}

bool journal_verify(struct db *db, int64_t *bad_seq)
{
	struct journal_walk w;
	journal_walk_begin(db, &w);
	while (journal_walk_on(db, &w, INT64_MAX))
		;
	*bad_seq = w.bad_seq ? w.bad_seq : w.seq;
	return !w.bad_seq && db_ok(db);
}

/* ---------------------------------------------------------- prune, forget */

bool journal_prune(struct store *s, struct db *db, int64_t seq, struct sv who)
{
	struct journal_walk w;
	struct buf sums, hex;
	walk_from(db, store_journal(s)->checkpoint, &w);
	int64_t n = seq - w.seq;
	if (n <= 0 || journal_walk_on(db, &w, n) != n)
		return false;
	buf_init(&sums, 1024);
	buf_init(&hex, 4096);
	pack_sums(&sums, &w.sums);
	buf_add_hex(&hex, buf_sv(&sums));
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "through", seq);
	json_put_sv(o, "sums", buf_sv(&hex));
	buf_clear(&hex);
	buf_add_hex(&hex, sv_make(w.chain, HASH));
	json_put_sv(o, "chain", buf_sv(&hex));
	json_put_sv(o, "who", who);
	store_journal(s)->checkpoint = journal_add(s, db, 0, checkpoint_kind, o);
	/* the salt of whoever has no entry left says nothing any more */
	db_run(db,
	       "DELETE FROM salt WHERE link IN (SELECT link FROM journal WHERE seq <= $1)"
	       " AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.link = salt.link AND j.seq > $2)",
	       "ii", seq, seq);
	db_run(db, "DELETE FROM journal WHERE seq <= $1", "i", seq);
	buf_finish(&hex);
	buf_finish(&sums);
	return db_ok(db);
}

int64_t journal_older(struct db *db, int64_t before_ms, int64_t max)
{
	int64_t last = 0;
	/* as they stand in the chain: one that is younger keeps those behind it,
	 * whatever the clock said then */
	struct db_stmt *q =
		db_scan(db, "SELECT seq, at_ms FROM journal ORDER BY seq LIMIT $1", "i", max);
	while (db_next(q)) {
		if (db_i64(q, 1) >= before_ms) {
			db_done(q);
			break;
		}
		last = db_i64(q, 0);
	}
	return last;
}

int64_t journal_forget(struct db *db, int64_t link)
{
	db_run(db, "DELETE FROM salt WHERE link = $1", "i", link);
	return db_run(db, "UPDATE journal SET content = NULL WHERE link = $1 AND content IS NOT NULL",
		      "i", link);
}

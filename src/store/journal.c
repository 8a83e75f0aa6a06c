#include "store/journal.h"

#include <openssl/evp.h>

#include "base/panic.h"
#include "base/rng.h"

enum { HASH = 32, SALT = 16 };

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

static void chain(struct sv before, int64_t seq, int64_t at_ms, int64_t link,
		  struct sv commitment, unsigned char out[HASH])
{
	struct sv part[] = { before, sv_make(&seq, sizeof(seq)), sv_make(&at_ms, sizeof(at_ms)),
			     sv_make(&link, sizeof(link)), commitment };
	hash_parts(part, 5, out);
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

void journal_add(struct store *s, struct db *db, int64_t link, const char *kind,
		 struct json_object *content)
{
	unsigned char salt[SALT] = { 0 }, last[HASH] = { 0 }, commitment[HASH], next[HASH];
	int64_t seq = 1, now = clock_now(store_clock(s));
	struct db_stmt *q =
		db_query(db, "SELECT seq, chain FROM journal ORDER BY seq DESC LIMIT 1", "");
	if (db_next(q)) {
		seq = db_i64(q, 0) + 1;
		struct sv c = db_sv(q, 1);
		if (c.len == HASH)
			memcpy(last, c.ptr, HASH);
		db_done(q);
	}
	size_t n = 0;
	const char *text =
		json_object_to_json_string_length(content, JSON_C_TO_STRING_PLAIN, &n);
	salt_of(db, link, salt);
	commit(sv_make(salt, SALT), sv_of(kind), sv_make(text, n), commitment);
	chain(sv_make(last, HASH), seq, now, link, sv_make(commitment, HASH), next);
	db_run(db,
	       "INSERT INTO journal (seq, at_ms, link, kind, content, chain, commitment)"
	       " VALUES ($1, $2, $3, $4, $5, $6, $7)",
	       "iiitbbb", seq, now, link, sv_of(kind), sv_make(text, n),
	       sv_make(next, HASH), sv_make(commitment, HASH));
	json_object_put(content);
}

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

bool journal_verify(struct db *db, int64_t *bad_seq)
{
	unsigned char last[HASH] = { 0 }, expect[HASH];
	int64_t next_seq = 1;
	struct db_stmt *q = db_query(
		db,
		"SELECT j.seq, j.link, j.kind, j.content, j.chain, j.commitment, s.salt, j.at_ms"
		" FROM journal j LEFT JOIN salt s ON s.link = j.link ORDER BY j.seq",
		"");
	bool ok = true;
	while (ok && db_next(q)) {
		int64_t seq = db_i64(q, 0);
		struct sv commitment = db_sv(q, 5);
		chain(sv_make(last, HASH), seq, db_i64(q, 7), db_i64(q, 1), commitment, expect);
		ok = seq == next_seq && sv_eq(db_sv(q, 4), sv_make(expect, HASH));
		memcpy(last, expect, HASH);
		/* a content without its salt could be anything */
		if (ok && !db_is_null(q, 3)) {
			commit(db_sv(q, 6), db_sv(q, 2), db_sv(q, 3), expect);
			ok = sv_eq(commitment, sv_make(expect, HASH));
		}
		*bad_seq = seq;
		next_seq = seq + 1;
	}
	db_done(q);
	return ok && db_ok(db);
}

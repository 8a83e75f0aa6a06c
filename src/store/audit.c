#include "store/audit.h"

#include <stdarg.h>

#include "store/links.h"
#include "store/slots.h"

static void trouble(struct audit *a, const char *part, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void trouble(struct audit *a, const char *part, const char *fmt, ...)
{
	a->trouble_total++;
	if (a->trouble_n == AUDIT_TROUBLES_MAX)
		return;
	struct audit_trouble *t = &a->trouble[a->trouble_n++];
	va_list ap;
	va_start(ap, fmt);
	t->part = part;
	vsnprintf(t->text, sizeof(t->text), fmt, ap);
	va_end(ap);
}

void audit_begin(struct db *db, struct audit *a)
{
	*a = (struct audit){ 0 };
	journal_walk_begin(db, &a->walk);
}

/* ------------------------------------------------------------------- sums */

static void marks_add_up(struct db *db, struct audit *a)
{
	const struct ledger *l = &a->ledger;
	if (!ledger_balanced(l))
		trouble(a, "marks",
			"accepted %lld, but settled %lld + folded %lld + pending %lld + set aside %lld"
			" = %lld",
			(long long)l->accepted, (long long)l->settled, (long long)l->folded,
			(long long)l->pending, (long long)l->set_aside,
			(long long)(l->settled + l->folded + l->pending + l->set_aside));
	int64_t rows = db_scalar(db, 0, "SELECT count(*) FROM set_aside WHERE of_table = 'mark'", "") +
		       counter_get(db, "set_aside_pruned");
	if (rows != l->set_aside)
		trouble(a, "marks", "%lld were set aside, but %lld are kept with their reason",
			(long long)l->set_aside, (long long)rows);
	if (a->head.sums.marks > l->settled)
		trouble(a, "marks", "%lld settled, but the journal says what was decided for %lld",
			(long long)l->settled, (long long)a->head.sums.marks);
}

/* What stands in slots, and what stood in those set aside since, is what was
 * decided and has not ended. */
static void decisions_stand(struct db *db, struct audit *a)
{
	struct sums stand = { 0 };
	int64_t n = 0;
	struct db_stmt *q = db_scan(db, "SELECT decision FROM slot WHERE decision <> 0"
					" UNION ALL SELECT decision FROM set_aside"
					" WHERE at_ms = 0 AND decision <> 0",
				    "");
	for (; db_next(q); n++)
		sums_open(&stand, db_i64(q, 0));
	const struct sums *s = &a->head.sums;
	int64_t ended = 0;
	for (int i = 0; i < OUTCOMES; i++)
		ended += s->ended[i];
	a->pending_decisions = n;
	if (s->decisions != ended + n)
		trouble(a, "decisions", "%lld were made, but %lld ended and %lld are pending",
			(long long)s->decisions, (long long)ended, (long long)n);
	else if (memcmp(stand.open, s->open, sizeof(stand.open)) != 0)
		trouble(a, "decisions", "those that are pending are not those that have not ended");
}

void audit_sums(struct db *db, const struct journal_head *head, struct audit *a)
{
	a->head = *head;
	ledger_read(db, &a->ledger);
	marks_add_up(db, a);
	decisions_stand(db, a);
	int64_t last = db_scalar(db, 0, "SELECT max(seq) FROM journal", "");
	if (last != head->seq)
		trouble(a, "journal", "it ends with entry %lld; its head says that there were %lld",
			(long long)last, (long long)head->seq);
	if (!head->kept && head->seq && db_scalar(db, 0,
						  "SELECT count(*) FROM journal"
						  " WHERE tally IS NOT NULL",
						  "") > 0)
		trouble(a, "journal", "its head is not kept any more");
}

/* ------------------------------------------------------------------- walk */

static void compare_head(struct audit *a)
{
	const struct journal_walk *w = &a->walk;
	const struct journal_head *h = &a->head;
	if (w->bad_seq)
		trouble(a, "journal", "entry %lld: %s", (long long)w->bad_seq, w->why);
	else if (w->checkpoint && !w->checkpoint_met)
		trouble(a, "journal", "the checkpoint, entry %lld, is not in the chain",
			(long long)w->checkpoint);
	else if (w->seq != h->seq)
		trouble(a, "journal", "entries %lld to %lld are missing: the newest were cut off",
			(long long)w->seq + 1, (long long)h->seq);
	else if (memcmp(w->chain, h->chain, JOURNAL_HASH) != 0)
		trouble(a, "journal", "the chain does not end in the head that is kept");
	else if (h->kept && memcmp(&w->sums, &h->sums, sizeof(w->sums)) != 0)
		trouble(a, "journal", "its entries do not add up to the sums that are kept");
}

bool audit_walk(struct db *db, const struct journal_head *head, struct audit *a, int64_t max)
{
	if (a->walk.checkpoint != head->checkpoint)
		journal_walk_from(db, head->checkpoint, &a->walk);
	if (journal_walk_on(db, &a->walk, max) == max)
		return true;
	a->head = *head;
	compare_head(a);
	return false;
}

/* ------------------------------------------------------------------- rows */

static void said_of_row(void *arg, int64_t link, const char *what)
{
	struct audit *a = arg;
	trouble(a, "rows", "%s of link %lld cannot be read", what, (long long)link);
	if (a->trouble_total <= AUDIT_TROUBLES_MAX)
		a->trouble[a->trouble_n - 1].link = link;
}

bool audit_links(struct db *db, const struct treaty *t, struct audit *a, int64_t *after, int64_t max)
{
	int64_t n = links_check(db, t, after, max, said_of_row, a);
	a->links += n;
	return n == max;
}

void audit_rows(struct db *db, const struct treaty *t, struct audit *a)
{
	int64_t after = 0;
	while (audit_links(db, t, a, &after, INT64_MAX))
		;
	audit_slots(db, t, a);
}

void audit_slots(struct db *db, const struct treaty *t, struct audit *a)
{
	a->slots = slots_check(db, t, said_of_row, a);
	int64_t lost = db_scalar(db, 0,
				 "SELECT count(*) FROM slot WHERE NOT EXISTS"
				 " (SELECT 1 FROM link WHERE link.id = slot.link)",
				 "");
	if (lost)
		trouble(a, "rows", "%lld pending writes belong to no link", (long long)lost);
}

/* ----------------------------------------------------- naming the decisions */

static void take_tally(struct db *db, struct audit *a, int64_t seq, int64_t link, struct sv tally)
{
	struct tally t;
	struct ending end;
	struct reader r = { .left = tally };
	tally_unpack(&r, &t);
	for (int s = 0; s < SIDES; s++)
		if (t.opens & 1u << s)
			db_run(db, "INSERT INTO audit_open (decision, link) VALUES ($1, $2)", "ii",
			       decision_id(seq, s), link);
	while (tally_next_end(&r, &end))
		if (!db_run(db, "DELETE FROM audit_open WHERE decision = $1", "i", end.decision) &&
		    end.decision > decision_id(a->walk.first, SIDES - 1))
			trouble(a, "decisions", "entry %lld ends decision %lld, which was not open",
				(long long)seq, (long long)end.decision);
}

bool audit_prepare(struct store *s, struct err *err)
{
	return store_temporary(s, "CREATE TEMPORARY TABLE IF NOT EXISTS audit_open"
				  " (decision BIGINT PRIMARY KEY, link BIGINT NOT NULL)",
			       err);
}

void audit_name_decisions(struct db *db, struct audit *a)
{
	db_run(db, "DELETE FROM audit_open", "");
	struct db_stmt *q = db_scan(
		db, "SELECT seq, link, tally FROM journal WHERE tally IS NOT NULL ORDER BY seq", "");
	while (db_next(q))
		take_tally(db, a, db_i64(q, 0), db_i64(q, 1), db_sv(q, 2));
	q = db_scan(db,
		    "SELECT decision, link FROM audit_open WHERE decision NOT IN"
		    " (SELECT decision FROM slot) AND decision NOT IN"
		    " (SELECT decision FROM set_aside WHERE at_ms = 0)",
		    "");
	while (db_next(q))
		trouble(a, "decisions", "decision %lld, of link %lld: entry %lld made it, and nothing "
					"says what became of it",
			(long long)db_i64(q, 0), (long long)db_i64(q, 1), (long long)db_i64(q, 0) / 2);
	q = db_scan(db,
		    "SELECT decision, link FROM slot WHERE decision > $1 AND decision NOT IN"
		    " (SELECT decision FROM audit_open)",
		    "i", decision_id(a->walk.first, SIDES - 1));
	while (db_next(q))
		trouble(a, "decisions", "the slot of link %lld holds decision %lld, which the journal "
					"does not have or says is over",
			(long long)db_i64(q, 1), (long long)db_i64(q, 0));
}

/* ----------------------------------------------------------------- anchors */

static struct sv hex_of(struct sv bytes, struct arena *a)
{
	char *out = arena_alloc(a, bytes.len * 2 + 1);
	for (size_t i = 0; i < bytes.len; i++)
		snprintf(out + 2 * i, 3, "%02x", (unsigned char)bytes.ptr[i]);
	return sv_make(out, bytes.len * 2);
}

struct sv audit_anchor(const struct journal_head *head, struct arena *a)
{
	return arena_printf(a, "%lld:%.*s", (long long)head->seq,
			    SV_ARG(hex_of(sv_make(head->chain, JOURNAL_HASH), a)));
}

bool audit_compare_anchor(struct db *db, struct sv anchor, struct audit *a, struct err *err)
{
	struct sv number, hash, found = SV_NONE;
	struct arena arena;
	int64_t seq;
	if (!sv_cut(anchor, ':', &number, &hash) || !sv_to_i64(number, &seq) || seq < 0 ||
	    hash.len != 2 * JOURNAL_HASH) {
		err_set(err, ERR_BAD_INPUT, "'%.*s' is no anchor: 'treaty audit --anchor' prints one",
			SV_ARG(anchor));
		return false;
	}
	if (seq == 0)
		return true; /* of an empty journal: every journal follows from it */
	arena_init(&arena);
	struct db_stmt *q = db_query(db, "SELECT chain FROM journal WHERE seq = $1", "i", seq);
	if (db_next(q)) {
		found = hex_of(db_sv(q, 0), &arena);
		db_done(q);
	}
	struct journal_walk begin;
	journal_walk_begin(db, &begin);
	if (!found.len && seq == begin.first)
		found = hex_of(sv_make(begin.chain, JOURNAL_HASH), &arena);
	if (!found.len && seq < begin.first)
		trouble(a, "journal", "the anchor's entry %lld was pruned: use a later anchor",
			(long long)seq);
	else if (!found.len)
		trouble(a, "journal", "the anchor's entry %lld is not there: the newest were cut off",
			(long long)seq);
	else if (!sv_eq(found, hash))
		trouble(a, "journal", "entry %lld is not the one that the anchor was taken of",
			(long long)seq);
	arena_finish(&arena);
	return true;
}

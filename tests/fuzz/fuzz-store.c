/* Any bytes as a row of the store: of a link, a slot, a step, the conflict
 * log, a saved budget. A row or an error, never a crash; what can be read is
 * written and read again the same.
 *
 * The first byte says which row it is to be; the rest is the row. */
#include "fuzz.h"

#include "base/panic.h"
#include "flow/governor.h"
#include "store/mismatches.h"
#include "store/slots.h"
#include "store/steps.h"
#include "treaty/load.h"

static const char document[] =
	"treaty: 1\nname: rows\nversion: 1\n"
	"systems: {ats: bullhorn, salesforce: salesforce}\n"
	"roles:\n  lead: {title: Lead}\n"
	"domains:\n  people: {owner: ats, signed_by: [lead]}\n"
	"records:\n"
	"  candidate:\n    domain: people\n    ats: Candidate\n"
	"    salesforce: {object: Contact, key: Bullhorn_Id__c}\n    fields:\n"
	"      first: {ats: first, salesforce: First__c}\n"
	"      last: {ats: last, salesforce: Last__c}\n"
	"      status: {ats: status, salesforce: Status__c, deliver: each}\n";

static struct treaty *treaty;
static struct store *store;

static void set_up(void)
{
	struct complaints c;
	struct err err = { 0 };
	complaints_init(&c, "fuzz");
	treaty = treaty_load_text(SV(document), "fuzz", &c);
	complaints_finish(&c);
	store = store_open(&(struct store_options){ .path = ":memory:", .volatile_ok = true }, &err);
	if (!treaty || !store)
		panic("cannot begin: %s", err.what);
}

static struct sv row_of(struct db *db, const char *sql, struct arena *a)
{
	struct db_stmt *q = db_query(db, sql, "");
	struct sv row = SV_NONE;
	if (db_next(q))
		row = arena_sv(a, db_sv(q, 0));
	db_done(q);
	return row;
}

/* Whatever indexes a table must be within it. */
static void check_link(const struct link *l)
{
	const struct treaty_record *type = &treaty->record[0];
	for (int s = 0; s < SIDES; s++)
		if (l->existence[s] > EXISTENCE_MERGED)
			panic("existence %d", (int)l->existence[s]);
	for (int k = 0; k < l->ghost_n; k++)
		if (l->ghost[k].side >= SIDES || l->ghost[k].field < 0 ||
		    l->ghost[k].field >= type->field_n)
			panic("a ghost of side %d, field %d", (int)l->ghost[k].side,
			      l->ghost[k].field);
	for (int i = 0; i < type->field_n; i++)
		if (!hold_name(l->field[i].hold) || l->field[i].altered_side >= SIDES ||
		    l->field[i].wrote_side >= SIDES || l->field[i].resolve > RESOLVE_IGNORE)
			panic("field %d", i);
}

static void as_link(struct db *db, struct sv data, struct arena *a)
{
	struct link l, again;
	db_run(db, "UPDATE link SET data = $1 WHERE id = 1", "b", data.len ? data : SV(""));
	if (!link_get(db, treaty, 1, a, &l))
		return;
	check_link(&l);
	link_put(store, db, treaty, &l);
	struct sv once = row_of(db, "SELECT data FROM link WHERE id = 1", a);
	if (!link_get(db, treaty, 1, a, &again))
		panic("a link that was written cannot be read");
	link_put(store, db, treaty, &again);
	if (!sv_eq(once, row_of(db, "SELECT data FROM link WHERE id = 1", a)))
		panic("a link that does not stay the same");
}

static void as_slot(struct db *db, struct sv data, struct arena *a)
{
	struct link l = link_blank(treaty, 0, a);
	l.id = 1;
	db_run(db, "UPDATE slot SET data = $1 WHERE link = 1", "b", data.len ? data : SV(""));
	struct slot s = slot_get(db, treaty, &l, SIDE_ATS, a);
	if (!db_ok(db))
		return;
	for (int k = 0; k < s.field_n; k++)
		if (s.field[k].field < 0 || s.field[k].field >= treaty->record[0].field_n ||
		    s.field[k].cause > CAUSE_BACKFILL)
			panic("a slot's field %d, cause %d", s.field[k].field,
			      (int)s.field[k].cause);
	slot_put(db, treaty, &l, SIDE_ATS, &s);
	struct sv once = row_of(db, "SELECT data FROM slot WHERE link = 1", a);
	s = slot_get(db, treaty, &l, SIDE_ATS, a);
	slot_put(db, treaty, &l, SIDE_ATS, &s);
	if (!db_ok(db) || !sv_eq(once, row_of(db, "SELECT data FROM slot WHERE link = 1", a)))
		panic("a slot that does not stay the same");
}

static void as_step(struct db *db, struct sv data, struct arena *a)
{
	struct step *s;
	db_run(db, "UPDATE step SET value = $1 WHERE link = 1", "b", data.len ? data : SV(""));
	int n = steps_of(db, &treaty->record[0], 1, a, &s);
	if (n != (db_ok(db) ? 1 : 0))
		panic("%d steps", n);
}

static void as_mismatch(struct db *db, struct sv data, struct arena *a)
{
	struct mismatch *m;
	size_t half = data.len / 2;
	db_run(db, "UPDATE mismatch SET value_ats = $1, value_salesforce = $2", "bb",
	       half ? sv_make(data.ptr, half) : SV(""),
	       data.len ? sv_make(data.ptr + half, data.len - half) : SV(""));
	int n = mismatch_list(db, true, 10, a, &m);
	if (n != (db_ok(db) ? 1 : 0))
		panic("%d entries", n);
	for (int i = 0; i < n; i++)
		for (int s = 0; s < SIDES; s++)
			value_show(m[i].value[s], a);
}

static void as_budget(struct sv data)
{
	struct governor g;
	governor_init(&g, clock_real(), 1, NULL);
	governor_load(&g, data);
	for (int i = 0; i < BUDGETS; i++)
		if (g.budget[i].used < 0 || g.budget[i].start_ms < 0)
			panic("budget %d: %lld used", i, (long long)g.budget[i].used);
	governor_finish(&g);
}

static bool try(struct db *db, void *arg, struct err *err)
{
	struct sv input = *(const struct sv *)arg;
	struct arena a;
	if (!input.len)
		return true;
	struct sv data = sv_make(input.ptr + 1, input.len - 1);
	db_script(db, "INSERT INTO link (id, type, ats, state, holds, data)"
		      " VALUES (1, 0, '7', 2, 0, zeroblob(0));"
		      "INSERT INTO slot VALUES (1, 0, 0, 1, 0, 0, 0, 0, 0, zeroblob(0), 0);"
		      "INSERT INTO step (link, field, step, at_ms, value)"
		      " VALUES (1, 0, 'a', 0, zeroblob(0))");
	db_run(db, "UPDATE link SET type = $1", "i", record_key(&treaty->record[0]));
	db_run(db, "UPDATE step SET field = $1", "i", (int64_t)treaty->record[0].field[0].key);
	mismatch_system(db, SIDE_ATS, MISMATCH_UNAVAILABLE, true, SV("away"), 1);
	if (!db_ok(db))
		panic("%s", db_error(db)->what);
	arena_init(&a);
	switch (input.ptr[0]) {
	case 'l':
		as_link(db, data, &a);
		break;
	case 's':
		as_slot(db, data, &a);
		break;
	case 't':
		as_step(db, data, &a);
		break;
	case 'm':
		as_mismatch(db, data, &a);
		break;
	case 'b':
		as_budget(data);
		break;
	}
	arena_finish(&a);
	/* undone: the next input begins with the same rows */
	err_set(err, ERR_STOPPED, "enough");
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sv input = sv_make(data, len);
	if (!store)
		set_up();
	store_tx(store, try, &input, NULL);
	return 0;
}

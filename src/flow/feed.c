/* feed.c - what a system says about changes becomes marks, with the cursor, in
 * one transaction. */
#include "flow/flow.h"
#include "store/ledger.h"
#include "store/mismatches.h"
#include "store/sweeps.h"

/* A stamp is older than the commit that made it seen, and may come in any order. */
enum { GAP_SLACK_MS = 15 * 60 * 1000 };

struct feed_batch {
	struct engine *e;
	enum side side;
	const struct changes *c;
	const char *cursor_name;
	struct arena *a;
};

/* A feed may name a whole composite ('address') where the treaty maps a part
 * of it ('address.city'). */
static bool names_field(const char *name, const char *api)
{
	size_t n = strlen(name);
	return strncmp(name, api, n) == 0 && (api[n] == '\0' || api[n] == '.');
}

/* Keys of the mapped fields among the names that the feed gave; ptr NULL when
 * it gave none. */
static struct sv changed_keys(const struct treaty_record *r, enum side side,
			      const struct change *c, struct arena *a)
{
	if (!c->field)
		return SV_NONE;
	char *keys = arena_alloc(a, (size_t)r->field_n * 4 + 1);
	size_t n = 0;
	for (int i = 0; i < r->field_n; i++)
		for (int k = 0; k < c->field_n; k++)
			if (names_field(c->field[k], r->field[i].api[side])) {
				memcpy(keys + n, &r->field[i].key, 4);
				n += 4;
				break;
			}
	return sv_make(keys, n);
}

static struct mark mark_of(struct engine *e, enum side side, int record, const struct change *c,
			   const char *source, struct arena *a)
{
	int64_t now = clock_now(e->clock);
	const struct treaty_record *type = &e->treaty->record[record];
	struct sv keys = changed_keys(type, side, c, a);
	/* Our own echoes wait a little, to be read many at a time: until the end
	 * of the next period, so that all of one become due at once. */
	int64_t linger = e->echo_linger_ms;
	int64_t echo_ms = linger > 0 ? (now / linger + 2) * linger : now;
	return (struct mark){
		.side = side, .record = record, .remote = c->id, .author = c->author,
		.own = c->author == AUTHOR_OWN ? keys : SV(""),
		.stranger = c->author == AUTHOR_OWN ? SV("") : keys,
		.changed_ms = c->at_ms,
		.due_ms = c->author == AUTHOR_OWN ? echo_ms : now,
		.priority = type->priority, .reads = 1u << side,
		.source = source,
	};
}

void mark_changes(struct engine *e, struct db *db, enum side side, const struct change *c, int n,
		  const char *source, struct arena *a)
{
	struct mark *m = arena_array(a, struct mark, (size_t)n + 1);
	int k = 0;
	for (int i = 0; i < n; i++) {
		int record = treaty_record_by_object(e->treaty, side, c[i].object);
		if (record < 0)
			continue; /* the subscription is wider than the treaty */
		if (c[i].id.len)
			m[k++] = mark_of(e, side, record, &c[i], source, a);
		else /* any record of it may have changed */
			gap_open(e, db, side, record, "it told of more than it could name");
	}
	marks_put(e->store, db, e->treaty, m, k);
}

static const char *heard_name(enum side side)
{
	return side == SIDE_ATS ? "heard.ats" : "heard.salesforce";
}

int64_t heard_ms(struct db *db, enum side side, struct arena *a)
{
	int64_t ms = 0;
	sv_to_i64(meta_get(db, heard_name(side), a), &ms);
	return ms;
}

static void note_heard(const struct feed_batch *b, struct db *db)
{
	int64_t newest = 0;
	for (int i = 0; i < b->c->n; i++)
		if (b->c->change[i].at_ms > newest)
			newest = b->c->change[i].at_ms;
	if (newest > heard_ms(db, b->side, b->a))
		meta_put(db, heard_name(b->side), arena_printf(b->a, "%lld", (long long)newest));
}

static struct sv moment(int64_t ms, struct arena *a)
{
	char text[TIME_TEXT_SIZE];
	time_format_ms(ms, text);
	return arena_sv(a, sv_of(text));
}

static void note_gap(struct engine *e, struct db *db, enum side side, const char *what,
		     struct sv detail)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "treaty", e->treaty->version);
	json_put_sv(o, "system", sv_of(side_name[side]));
	json_put_sv(o, "detail", detail);
	journal_add(e->store, db, 0, what, o);
}

int64_t gap_ask(struct engine *e, struct db *db, enum side side, int record)
{
	struct arena a;
	arena_init(&a);
	int64_t heard = heard_ms(db, side, &a);
	bool bounded = heard && (e->system[side]->shape.can & CAN_SINCE);
	int64_t since = bounded ? heard - GAP_SLACK_MS : 0;
	for (int r = 0; r < e->treaty->record_n; r++)
		if (record < 0 || record == r)
			sweep_ask(db, e->treaty, r, 1u << side, true, since, clock_now(e->clock));
	arena_finish(&a);
	return since;
}

void gap_open(struct engine *e, struct db *db, enum side side, int record, const char *why)
{
	struct arena a;
	arena_init(&a);
	int64_t now = clock_now(e->clock), since = gap_ask(e, db, side, record);
	bool bounded = since != 0;
	struct sv what = record < 0 ? SV("all records") : sv_of(e->treaty->record[record].name);
	struct sv from = bounded ? arena_printf(&a, "changed since %.*s", SV_ARG(moment(since, &a))) :
				   SV("from the first to the last");
	struct sv detail = arena_printf(&a, "the feed of %s has a gap that ends %.*s (%s): %.*s %.*s "
					    "are read again",
					side_name[side], SV_ARG(moment(now, &a)), why, SV_ARG(what),
					SV_ARG(from));
	mismatch_system(db, side, MISMATCH_GAP, true, detail, now);
	note_gap(e, db, side, "gap", detail);
	counter_add(db, "feed_gaps", 1);
	arena_finish(&a);
}

void gap_closed(struct engine *e, struct db *db, enum side side)
{
	if (!mismatch_system_open(db, side, MISMATCH_GAP))
		return;
	mismatch_system_close(db, side, MISMATCH_GAP, SV("read again"), clock_now(e->clock));
	note_gap(e, db, side, "gap closed", SV("what the feed missed was read again"));
}

static bool store_changes(struct db *db, void *arg, struct err *err)
{
	struct feed_batch *b = arg;
	mark_changes(b->e, db, b->side, b->c->change, b->c->n, "feed", b->a);
	note_heard(b, db);
	if (b->c->n)
		silence_broken(b->e, db, b->side);
	meta_put(db, b->cursor_name, b->c->cursor);
	return true;
}

/* The position is lost: begin at the present, and look at everything that the
 * gap may have hidden. The new cursor is stored together with the marks. */
static bool store_gap(struct db *db, void *arg, struct err *err)
{
	struct feed_batch *b = arg;
	gap_open(b->e, db, b->side, -1, "its position is no longer known");
	return store_changes(db, arg, err);
}

struct cursor {
	const char *name;
	struct arena *a;
	struct sv value;
};

static bool load_cursor(struct db *db, void *arg, struct err *err)
{
	struct cursor *c = arg;
	c->value = meta_get(db, c->name, c->a);
	return true;
}

/* Histories begin before the feed does: no step falls in between. */
static bool begin_histories(struct engine *e, enum side side, struct arena *a, struct err *err)
{
	for (int r = 0; r < e->treaty->record_n; r++)
		if (!read_history(e, r, side, a, err))
			return false;
	return true;
}

static enum step_result feed_once(struct engine *e, enum side side, int64_t wait_ms,
				  struct arena *a, struct err *err)
{
	struct connector *c = e->system[side];
	struct changes changes = { 0 };
	struct cursor cursor = { .name = arena_printf(a, "cursor.%s", side_name[side]).ptr,
				 .a = a };
	if (!store_tx(e->store, load_cursor, &cursor, err))
		return STEP_FAILED;
	bool first = cursor.value.len == 0, lost = false;
	if (first && !begin_histories(e, side, a, err))
		return STEP_FAILED;
	struct err why = { 0 };
	bool ok = c->ops->changes(c, cursor.value, first ? 0 : wait_ms, a, &changes, &why);
	if (!ok && why.code == ERR_CURSOR) {
		lost = true;
		err_clear(&why);
		ok = c->ops->changes(c, SV(""), 0, a, &changes, &why);
	}
	governor_note(&e->governor[side], ok ? NULL : &why, c->usage.calls);
	if (!ok) {
		*err = why;
		return STEP_FAILED;
	}
	struct feed_batch b = { e, side, &changes, cursor.name, a };
	bool news = changes.n > 0 || !sv_eq(changes.cursor, cursor.value) || lost;
	if (news && !store_tx(e->store, lost ? store_gap : store_changes, &b, err))
		return STEP_FAILED;
	return changes.n || changes.more || lost ? STEP_WORKED : STEP_IDLE;
}

enum step_result engine_feed(struct engine *e, enum side side, int64_t wait_ms, struct err *err)
{
	struct arena a;
	struct err why = { 0 };
	if (governor_ready_ms(&e->governor[side]) > clock_now(e->clock))
		return STEP_IDLE;
	if (!side_ready(e, side, err))
		return STEP_FAILED;
	arena_init(&a);
	enum step_result r = feed_once(e, side, wait_ms, &a, &why);
	if (r == STEP_FAILED && err && !err->code)
		*err = why;
	arena_finish(&a);
	return r;
}

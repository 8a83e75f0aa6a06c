/* feed.c - what a system says about changes becomes marks, with the cursor, in
 * one transaction. */
#include "flow/flow.h"
#include "store/ledger.h"

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
static struct sv changed_keys(const struct feed_batch *b, const struct treaty_record *r,
			      const struct change *c)
{
	if (!c->field)
		return SV_NONE;
	char *keys = arena_alloc(b->a, (size_t)r->field_n * 4 + 1);
	size_t n = 0;
	for (int i = 0; i < r->field_n; i++)
		for (int k = 0; k < c->field_n; k++)
			if (names_field(c->field[k], r->field[i].api[b->side])) {
				memcpy(keys + n, &r->field[i].key, 4);
				n += 4;
				break;
			}
	return sv_make(keys, n);
}

static void mark_change(struct feed_batch *b, struct db *db, const struct change *c)
{
	struct engine *e = b->e;
	const struct treaty *t = e->treaty;
	int record = treaty_record_by_object(t, b->side, c->object);
	if (record < 0)
		return; /* the subscription is wider than the treaty */
	if (!c->id.len) { /* any record of it may have changed */
		mark_type(e, db, record, "sweep");
		return;
	}
	int64_t now = clock_now(e->clock);
	struct sv keys = changed_keys(b, &t->record[record], c);
	/* Our own echoes wait a little, to be read many at a time: until the end
	 * of the next period, so that all of one become due at once. */
	int64_t linger = e->echo_linger_ms;
	int64_t echo_ms = linger > 0 ? (now / linger + 2) * linger : now;
	struct mark m = {
		.side = b->side, .record = record, .remote = c->id, .author = c->author,
		.own = c->author == AUTHOR_OWN ? keys : SV(""),
		.stranger = c->author == AUTHOR_OWN ? SV("") : keys,
		.changed_ms = c->at_ms,
		.due_ms = c->author == AUTHOR_OWN ? echo_ms : now,
		.priority = t->record[record].priority, .reads = 1u << b->side,
		.source = "feed",
	};
	mark_put(e->store, db, t, &m);
}

static bool store_changes(struct db *db, void *arg, struct err *err)
{
	struct feed_batch *b = arg;
	for (int i = 0; i < b->c->n; i++)
		mark_change(b, db, &b->c->change[i]);
	meta_put(db, b->cursor_name, b->c->cursor);
	return true;
}

/* The position is lost: begin at the present, and look at everything that the
 * gap may have hidden. The new cursor is stored together with the marks. */
static bool store_gap(struct db *db, void *arg, struct err *err)
{
	struct feed_batch *b = arg;
	for (int r = 0; r < b->e->treaty->record_n; r++)
		mark_type(b->e, db, r, "sweep");
	counter_add(db, "feed_gaps", 1);
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

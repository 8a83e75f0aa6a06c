/* Change events: what a committed transaction looks like on the bus.
 *
 * Change Data Capture guide: one event a record and transaction (first change
 * type, final values); UPDATE carries the changed fields, cleared ones as
 * explicit null, and LastModifiedDate; CREATE and UNDELETE all fields that are
 * not empty; DELETE none. Records of one transaction with the same change may
 * share one event. commitNumber is above 2^53 on purpose. */
#include "base/panic.h"
#include "salesforce.h"

enum { EVENT_MAX = 1024 * 1024 };

/* A record's part in a transaction. */
struct record_event {
	struct row *row;
	enum change_kind kind;
	bool *changed; /* a field of the schema each */
	bool merged;   /* told by an earlier event */
	UT_hash_handle hh;
};

void sf_bus_open(struct salesforce *sf)
{
	/* Starts from the time, so that an id from an earlier run of the sandbox
	 * is one that is no longer kept. */
	sf->bus.newest = sandbox_now(sf->box) / 100;
	sf->bus.forgotten = sf->bus.newest;
	sf->bus.commit_number = INT64_C(1700000000000000000);
	sf->merge_events = true;
}

static void event_free(struct sf_event *e)
{
	free(e->text);
	free(e->restricted);
}

void sf_bus_close(struct salesforce *sf)
{
	struct sf_bus *b = &sf->bus;
	for (size_t i = b->start; i < b->len; i++)
		event_free(&b->items[i]);
	free(b->items);
}

void sf_bus_forget(struct salesforce *sf, size_t keep)
{
	struct sf_bus *b = &sf->bus;
	while (b->len - b->start > keep) {
		b->forgotten = b->items[b->start].replay_id;
		event_free(&b->items[b->start++]);
	}
	/* Moved rarely: only when half of the room is no longer used. */
	if (b->start > b->cap / 2) {
		memmove(b->items, b->items + b->start, (b->len - b->start) * sizeof(*b->items));
		b->len -= b->start;
		b->start = 0;
	}
}

size_t sf_bus_after(const struct sf_bus *b, int64_t replay_id)
{
	size_t low = b->start, high = b->len;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (b->items[mid].replay_id <= replay_id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void bus_add(struct salesforce *sf, const struct table *t, char *text, char *restricted)
{
	struct sf_bus *b = &sf->bus;
	if (b->len == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 256;
		b->items = must_realloc(b->items, b->cap * sizeof(*b->items));
	}
	b->newest += 1 + (int64_t)rng_below(&sf->rng, 3); /* increasing, with gaps */
	b->items[b->len++] = (struct sf_event){ b->newest, t, text, restricted };
	sf_bus_forget(sf, (size_t)sf->box->options.events_kept);
}

/* ---- one event's text ---- */

/* What all events of one transaction have in common. */
struct envelope {
	struct salesforce *sf;
	struct arena *a;
	struct sv key, origin, user;
	int64_t commit_ms, commit_number;
	int sequence;
};

static bool in_compound(const struct field_def *f)
{
	return f->compound != NULL;
}

/* Shown in an event's body under its own name. */
static bool plain_field(const struct table *t, int f)
{
	enum sf_source s = sf_field(t, f)->source;
	return !in_compound(&t->def->fields[f]) &&
	       (s == SF_STORED || s == SF_CREATED || s == SF_CREATED_BY || s == SF_MODIFIED ||
		s == SF_MODIFIED_BY) &&
	       strcmp(t->def->fields[f].name, "SystemModstamp") != 0;
}

static bool visible(const struct table *t, int f, bool restricted)
{
	return !restricted || !sf_field(t, f)->hidden;
}

static bool wanted(const struct record_event *e, struct arena *a, int f)
{
	if (e->kind == CHANGE_UPDATE)
		return e->changed[f];
	return e->kind != CHANGE_DELETE && sf_value(a, e->row, f).ptr;
}

/* The short name of a compound's part: MailingCity is MailingAddress.City. */
static const char *part_name(const struct field_def *f)
{
	size_t prefix = strlen(f->compound) - strlen("Address");
	return strcmp(f->compound, "Name") == 0 ? f->name : f->name + prefix;
}

static void add_compounds(struct buf *b, struct envelope *v, const struct record_event *e, bool restricted)
{
	const struct table *t = e->row->table;
	const char *open = NULL;
	/* Parts of a compound are neighbours in the schema, as in describe. */
	for (size_t i = 0; i < t->def->fields_len; i++) {
		const struct field_def *f = &t->def->fields[i];
		if (!in_compound(f) || !visible(t, (int)i, restricted) || !wanted(e, v->a, (int)i))
			continue;
		if (!open || strcmp(open, f->compound) != 0)
			buf_addf(b, "%s\"%s\":{", open ? "}," : "", f->compound);
		else
			buf_addc(b, ',');
		open = f->compound;
		buf_addf(b, "\"%s\":", part_name(f));
		sf_render_value(b, v->a, e->row, (int)i, SF_CDC);
	}
	if (open)
		buf_add(b, SV("},"));
}

static void add_body(struct buf *b, struct envelope *v, const struct record_event *e, bool restricted)
{
	const struct table *t = e->row->table;
	add_compounds(b, v, e, restricted);
	for (size_t i = 0; i < t->def->fields_len; i++) {
		if (!plain_field(t, (int)i) || !visible(t, (int)i, restricted) || !wanted(e, v->a, (int)i))
			continue;
		buf_addf(b, "\"%s\":", t->def->fields[i].name);
		sf_render_value(b, v->a, e->row, (int)i, SF_CDC);
		buf_addc(b, ',');
	}
}

static void add_changed_names(struct buf *b, const struct record_event *e, bool restricted)
{
	const struct table *t = e->row->table;
	bool first = true;
	for (size_t i = 0; i < t->def->fields_len; i++) {
		const struct field_def *f = &t->def->fields[i];
		if (!e->changed[i] || !visible(t, (int)i, restricted) ||
		    !(in_compound(f) || plain_field(t, (int)i)))
			continue;
		if (in_compound(f))
			buf_addf(b, "%s\"%s.%s\"", first ? "" : ",", f->compound, part_name(f));
		else
			buf_addf(b, "%s\"%s\"", first ? "" : ",", f->name);
		first = false;
	}
}

static void add_header(struct buf *b, struct envelope *v, const struct table *t, const char *type)
{
	buf_addf(b, "\"changeType\":\"%s\",\"changeOrigin\":", type);
	buf_add_json_text(b, v->origin);
	buf_addf(b,
		 ",\"transactionKey\":\"%.*s\",\"sequenceNumber\":%d,\"commitTimestamp\":%lld,\"commitNumber\":%lld,\"commitUser\":\"%.*s\",\"entityName\":\"%s\"",
		 SV_ARG(v->key), v->sequence, (long long)v->commit_ms, (long long)v->commit_number,
		 SV_ARG(v->user), t->def->name);
}

static const char *type_name(enum change_kind k)
{
	static const char *const names[] = { "CREATE", "UPDATE", "DELETE", "UNDELETE" };
	return names[k];
}

static char *event_text(struct envelope *v, const struct record_event *e, struct row **rows, size_t n,
			bool restricted)
{
	struct buf b;
	buf_init(&b, EVENT_MAX);
	buf_addc(&b, '{');
	add_body(&b, v, e, restricted);
	buf_add(&b, SV("\"ChangeEventHeader\":{"));
	add_header(&b, v, e->row->table, type_name(e->kind));
	buf_add(&b, SV(",\"recordIds\":["));
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s\"%.*s\"", i ? "," : "", SV_ARG(rows[i]->id));
	buf_add(&b, SV("],\"changedFields\":["));
	if (e->kind == CHANGE_UPDATE)
		add_changed_names(&b, e, restricted);
	buf_add(&b, SV("]}}"));
	if (b.full)
		panic("a change event above %d bytes", EVENT_MAX);
	return b.ptr;
}

static bool has_hidden(const struct table *t)
{
	for (size_t i = 0; i < t->def->fields_len; i++)
		if (sf_field(t, (int)i)->hidden)
			return true;
	return false;
}

static void publish(struct envelope *v, const struct record_event *e, struct row **rows, size_t n)
{
	const struct table *t = e->row->table;
	v->sequence++;
	bus_add(v->sf, t, event_text(v, e, rows, n, false),
		has_hidden(t) ? event_text(v, e, rows, n, true) : NULL);
}

/* ---- a transaction's events ---- */

/* Folds one change into its record's event. */
static void fold(struct record_event *e, const struct change *c)
{
	const struct table *t = c->table;
	for (size_t i = 0; i < c->fields_len; i++)
		e->changed[c->fields[i].field] = true;
	e->changed[table_field(t, SV("LastModifiedDate"))] = true;
	if (!sv_eq(c->previous_modified_by, c->user))
		e->changed[table_field(t, SV("LastModifiedById"))] = true;
	if (c->kind == CHANGE_DELETE)
		e->kind = CHANGE_DELETE;
}

static bool same_change(struct arena *a, const struct record_event *x, const struct record_event *y)
{
	const struct table *t = x->row->table;
	if (t != y->row->table || x->kind != y->kind || x->kind == CHANGE_INSERT || x->kind == CHANGE_UNDELETE)
		return false;
	for (size_t i = 0; i < t->def->fields_len; i++) {
		if (x->changed[i] != y->changed[i])
			return false;
		if (x->kind == CHANGE_UPDATE && x->changed[i] &&
		    !sv_eq(sf_value(a, x->row, (int)i), sf_value(a, y->row, (int)i)))
			return false;
	}
	return true;
}

static size_t collect(struct sf_txn *x, struct record_event *all)
{
	struct record_event *by_row = NULL, *e;
	size_t n = 0;
	for (size_t i = 0; i < x->len; i++) {
		struct change *c = x->changes[i];
		if (c->table->def->hidden_from_feed)
			continue;
		HASH_FIND_PTR(by_row, &c->row, e);
		if (!e) {
			e = &all[n++];
			*e = (struct record_event){ .row = c->row, .kind = c->kind };
			e->changed = arena_array(x->a, bool, c->table->def->fields_len);
			HASH_ADD_PTR(by_row, row, e);
		}
		fold(e, c);
	}
	HASH_CLEAR(hh, by_row);
	return n;
}

static struct sv transaction_key(struct salesforce *sf, struct arena *a)
{
	return arena_printf(a, "%08llx-5497-10e0-dbe3-%012llx", (unsigned long long)++sf->bus.transactions,
			    (unsigned long long)(rng_next(&sf->rng) >> 16));
}

static struct envelope envelope_new(struct salesforce *sf, struct arena *a, struct sv origin, struct sv user)
{
	sf->bus.commit_number += 1 + (int64_t)rng_below(&sf->rng, 1000);
	return (struct envelope){ .sf = sf, .a = a, .key = transaction_key(sf, a), .origin = origin,
				  .user = user, .commit_ms = sandbox_now(sf->box),
				  .commit_number = sf->bus.commit_number };
}

void sf_events_of(struct sf_txn *x)
{
	struct envelope v = envelope_new(x->sf, x->a, x->origin, x->writer.user);
	struct record_event *all = arena_array(x->a, struct record_event, x->len);
	size_t n = collect(x, all);
	struct row **rows = arena_array(x->a, struct row *, n + 1);
	for (size_t i = 0; i < n; i++) {
		size_t m = 0;
		if (all[i].merged)
			continue;
		rows[m++] = all[i].row;
		for (size_t k = i + 1; x->sf->merge_events && k < n; k++)
			if (!all[k].merged && same_change(x->a, &all[i], &all[k])) {
				all[k].merged = true;
				rows[m++] = all[k].row;
			}
		publish(&v, &all[i], rows, m);
	}
}

void sf_gap_event(struct salesforce *sf, struct table *t, const char *type, struct sv id)
{
	struct arena a;
	struct buf b;
	arena_init(&a);
	buf_init(&b, EVENT_MAX);
	struct envelope v = envelope_new(sf, &a, SV(""), sf->humans[0]);
	v.sequence = 1;
	buf_add(&b, SV("{\"ChangeEventHeader\":{"));
	add_header(&b, &v, t, type);
	buf_add(&b, SV(",\"recordIds\":["));
	buf_add_json_text(&b, id);
	buf_add(&b, SV("],\"changedFields\":[]}}"));
	bus_add(sf, t, b.ptr, NULL);
	arena_finish(&a);
	sandbox_wake(sf->box);
}

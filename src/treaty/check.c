/* What concerns several places of a treaty at once. */
#include "treaty/load_parts.h"

#include "base/panic.h"

/* ---- maps ---- */

/* Two entries with the same value on side 's' cannot be told apart when values
 * come from there. */
static void check_unique(struct doc *d, const struct treaty_field *f, enum side s,
			 const char *why)
{
	for (int i = 1; i < f->map_n; i++) {
		for (int k = 0; k < i; k++) {
			const struct map_entry *a = &f->map[k], *b = &f->map[i];
			if (!sv_eq(a->side[s], b->side[s]))
				continue;
			complaints_add(d->complaints, b->place,
				       "%s: becomes %s like %s (%d:%d), and %s",
				       doc_quote(d, b->side[side_other(s)].ptr),
				       doc_quote(d, b->side[s].ptr),
				       doc_quote(d, a->side[side_other(s)].ptr), a->place.line,
				       a->place.column, why);
			break;
		}
	}
}

static bool maps_value(const struct treaty_field *f, enum side s, struct sv text)
{
	for (int i = 0; i < f->map_n; i++)
		if (sv_eq(f->map[i].side[s], text))
			return true;
	return false;
}

/* A value that passes unchanged must not be one that the map makes of another:
 * it could not be told which it was. */
static void check_pass(struct doc *d, const struct treaty_field *f, enum side from)
{
	enum side to = side_other(from);
	for (int i = 0; i < f->map_n; i++) {
		struct sv made = f->map[i].side[to];
		if (!maps_value(f, from, made))
			complaints_add(d->complaints, f->map[i].place,
				       "%s: a value that passes unmapped would be the same as what "
				       "the map makes of %s; a two-way map must be invertible: "
				       "map it too, or say map_unknown: hold",
				       doc_quote(d, made.ptr), doc_quote(d, f->map[i].side[from].ptr));
	}
}

void check_map(struct doc *d, const struct treaty_field *f)
{
	if (!f->map)
		return;
	if (f->direction == BOTH_WAYS) {
		static const char why[] = "a two-way map must be invertible: give each its own "
					  "value, or let the field flow one way";
		check_unique(d, f, SIDE_SALESFORCE, why);
		check_unique(d, f, SIDE_ATS, why);
		if (f->map_unknown == MAP_UNKNOWN_DEFAULT)
			complaints_add(d->complaints, f->place,
				       "'map_unknown': a default cannot be inverted on a two-way "
				       "field; say hold");
		if (f->map_unknown == MAP_UNKNOWN_PASS) {
			check_pass(d, f, SIDE_ATS);
			check_pass(d, f, SIDE_SALESFORCE);
		}
	} else {
		enum side from = field_owner(f);
		check_unique(d, f, from, from == SIDE_SALESFORCE ?
						 "the field flows from salesforce: decide which it becomes" :
						 "the field flows from ats: decide which it becomes");
	}
}

/* ---- a record type ---- */

static void check_fields(struct doc *d, const struct treaty_record *r)
{
	for (int i = 1; i < r->field_n; i++) {
		const struct treaty_field *b = &r->field[i];
		for (int k = 0; k < i; k++) {
			const struct treaty_field *a = &r->field[k];
			if (a->key == b->key)
				complaints_add(d->complaints, b->place,
					       "'%s': has the same number as '%s' (%d:%d); rename one",
					       b->name, a->name, a->place.line, a->place.column);
			for (int s = 0; s < SIDES; s++) {
				if (!a->api[s] || !b->api[s] || strcmp(a->api[s], b->api[s]) != 0 ||
				    a->api[s][0] == '$') /* a pseudo field */
					continue;
				complaints_add(d->complaints, b->place,
					       "'%s': %s's %s is mapped by '%s' (%d:%d) already; "
					       "decide which rule holds", b->name, side_name[s],
					       b->api[s], a->name, a->place.line, a->place.column);
			}
		}
	}
}

/* What the map knows and the order does not would be held as soon as it comes. */
static void check_order(struct doc *d, const struct treaty_field *f)
{
	for (int i = 0; f->order_n && i < f->map_n; i++) {
		struct value v = { VALUE_TEXT, f->map[i].side[field_owner(f)] };
		if (!field_rank(f, v))
			complaints_add(d->complaints, f->map[i].place,
				       "%s: has no place in the 'order' of '%s': decide where it stands",
				       doc_quote(d, v.text.ptr), f->name);
	}
}

static void check_deletions(struct doc *d, const struct treaty_record *r)
{
	for (int s = 0; s < SIDES; s++)
		if (r->side[s].deleted == DELETED_CREATE && !r->side[s].create)
			complaints_add(d->complaints, r->side[s].deleted_place,
				       "'%s': created again when it was deleted, but 'create' does not "
				       "say that '%s' is created in %s at all: decide which",
				       side_name[s], r->name, side_name[s]);
}

/* ---- record types among each other ---- */

static void check_objects(struct doc *d, const struct treaty *t)
{
	for (int i = 1; i < t->record_n; i++) {
		for (int k = 0; k < i; k++) {
			const struct treaty_record *a = &t->record[k], *b = &t->record[i];
			for (int s = 0; s < SIDES; s++) {
				const char *object = b->side[s].object;
				if (!object || !a->side[s].object ||
				    strcmp(object, a->side[s].object) != 0)
					continue;
				complaints_add(d->complaints, b->place,
					       "'%s': %s's %s belongs to '%s' (%d:%d) already%s",
					       b->name, side_name[s], object, a->name, a->place.line,
					       a->place.column,
					       a->domain != b->domain ?
						       ", in another domain: two owners of one record; "
						       "decide which" :
						       "; one object is one record type");
			}
		}
	}
}

/* Depth-first over references between record types that are created on 'side'.
 * A type that refers to itself is no circle: parents come before children. */
struct cycle_search {
	struct doc *doc;
	const struct treaty *t;
	enum side side;
	enum { UNSEEN, OPEN, DONE } *state;
	int *path; /* record types being visited */
	int depth;
};

static bool creates(const struct cycle_search *c, int record)
{
	return record >= 0 && c->t->record[record].side[c->side].create;
}

/* Would the reference have to be written at creation on this side? */
static bool written(const struct treaty_field *f, enum side side)
{
	return f->type.kind == TYPE_LINK &&
	       (f->direction == BOTH_WAYS || f->direction == (enum direction)side);
}

static void complain_cycle(struct cycle_search *c, int to, const struct treaty_field *f)
{
	struct sv names = SV("");
	int i = 0;
	while (c->path[i] != to)
		i++;
	for (; i < c->depth; i++)
		names = arena_printf(c->doc->arena, "%.*s%s -> ", SV_ARG(names),
				     c->t->record[c->path[i]].name);
	complaints_add(c->doc->complaints, f->place,
		       "'%s': %.*s%s is a circle of references: each could be created in %s only "
		       "after the other; take out one reference or one 'create'", f->name,
		       SV_ARG(names), c->t->record[to].name, side_name[c->side]);
}

static void visit(struct cycle_search *c, int record)
{
	const struct treaty_record *r = &c->t->record[record];
	c->state[record] = OPEN;
	c->path[c->depth++] = record;
	for (int i = 0; i < r->field_n; i++) {
		const struct treaty_field *f = &r->field[i];
		int to = f->type.link_record;
		if (!written(f, c->side) || !creates(c, to) || to == record)
			continue;
		if (c->state[to] == OPEN)
			complain_cycle(c, to, f);
		else if (c->state[to] == UNSEEN)
			visit(c, to);
	}
	c->depth--;
	c->state[record] = DONE;
}

static void check_cycles(struct doc *d, const struct treaty *t, enum side side)
{
	struct cycle_search c = { .doc = d, .t = t, .side = side };
	c.state = arena_alloc(d->arena, sizeof(*c.state) * (size_t)t->record_n);
	c.path = arena_array(d->arena, int, (size_t)t->record_n);
	for (int i = 0; i < t->record_n; i++)
		if (creates(&c, i) && c.state[i] == UNSEEN)
			visit(&c, i);
}

void check_treaty(struct doc *d, const struct treaty *t)
{
	for (int i = 0; i < t->record_n; i++) {
		check_fields(d, &t->record[i]);
		check_deletions(d, &t->record[i]);
		for (int k = 0; k < t->record[i].field_n; k++)
			if (t->record[i].field[k].direction != BOTH_WAYS)
				check_order(d, &t->record[i].field[k]);
	}
	check_objects(d, t);
	for (int s = 0; s < SIDES; s++)
		check_cycles(d, t, (enum side)s);
}

/* Rules that name other fields or values: a winner by another field, the order
 * of a lifecycle, fields that go together, what a deletion leads to. */
#include "treaty/load_parts.h"

#include <stddef.h>

#include "base/panic.h"

enum { ORDER_MAX = 200, TOGETHER_MAX = 50, SET_MAX = 20 };

/* ---- winner: {by: status, when: {...}, otherwise: ats} ---- */

const struct doc_word plain_winners[] = { { "ats", WINNER_ATS },
						 { "salesforce", WINNER_SALESFORCE },
						 { "review", WINNER_REVIEW },
						 { "union", WINNER_UNION },
						 { 0 } };
/* Sets that change their way of merging with a status would lose members. */
static const struct doc_word named_winners[] = { { "ats", WINNER_ATS },
						 { "salesforce", WINNER_SALESFORCE },
						 { "review", WINNER_REVIEW },
						 { 0 } };

/* A field, whose record is read as far as its fields go. */
struct by_field {
	struct treaty_record *record;
	struct treaty_field *field;
};

static void take_by_field(const struct doc_at *at, void *member)
{
	struct by_field *b = member;
	int i = find_field(at->doc, b->record, at->value);
	const struct treaty_field *by = i < 0 ? NULL : &b->record->field[i];
	b->field->conflict.by.field = i;
	if (by && by->direction == BOTH_WAYS)
		complaints_add(at->doc->complaints, at->value->place,
			       "'by': '%s' flows both ways itself: a winner follows a field that one "
			       "side owns", by->name);
}

static void take_when(const struct doc_at *at, void *member)
{
	struct by_field *b = member;
	struct winner_by *by = &b->field->conflict.by;
	if (by->field < 0)
		return; /* complained of */
	by->when = arena_array(at->doc->arena, struct winner_case, (size_t)at->value->n);
	for (int i = 0; i < at->value->n; i++) {
		const struct yaml_pair *p = &at->value->pair[i];
		struct winner_case *c = &by->when[by->when_n];
		struct doc_key key = { .name = p->key, .words = named_winners };
		struct doc_at winner = { at->doc, &key, p->value, p->place };
		if (p->again)
			complaints_add(at->doc->complaints, p->place,
				       "%s: a second time, first at %d:%d: who wins?",
				       doc_quote(at->doc, p->key), p->again->place.line,
				       p->again->place.column);
		else if (doc_expect(at->doc, p->value, YAML_SCALAR, p->key, p->place) &&
			 field_value(at->doc, &b->record->field[by->field], "when", p->key, p->place,
				     &c->value)) {
			take_word(&winner, &c->winner);
			by->when_n++;
		}
	}
}

static const struct doc_key any_case[] = {
	{ "*", YAML_SCALAR, false, NULL, 0, named_winners,
	  .decides = "a value as its owner spells it, and who wins while it holds" },
	{ 0 },
};
static const struct doc_level when_level = { "'when'", any_case, NULL };

static void take_otherwise(const struct doc_at *at, void *member)
{
	struct by_field *b = member;
	take_word(at, &b->field->conflict.by.otherwise);
}

static const struct doc_key by_keys[] = {
	{ "by", YAML_SCALAR, true, take_by_field, 0,
	  .decides = "the one-way field whose agreed value says who wins" },
	{ "when", YAML_MAP, true, take_when, 0, .level = &when_level,
	  .decides = "its values, and who wins at each" },
	{ "otherwise", YAML_SCALAR, true, take_otherwise, 0, named_winners,
	  .decides = "who wins at every other value" },
	{ 0 },
};
const struct doc_level winner_by_level = { "a winner by another field", by_keys, NULL };

/* The fields that a mapping names are known later: see take_winner_by. */
void take_winner(const struct doc_at *at, void *member)
{
	struct conflict_rule *c = member;
	if (at->value->kind == YAML_SCALAR)
		take_word(at, &c->winner);
	else
		c->winner = WINNER_BY;
}

void take_winner_by(struct doc *d, struct treaty_record *r, struct treaty_field *f,
		    const struct yaml_node *field)
{
	const struct yaml_pair *conflict =
		field->kind == YAML_MAP ? yaml_find(field, "conflict") : NULL;
	const struct yaml_pair *winner = conflict && conflict->value->kind == YAML_MAP ?
						 yaml_find(conflict->value, "winner") :
						 NULL;
	if (!winner || winner->value->kind != YAML_MAP)
		return;
	struct by_field b = { r, f };
	f->conflict.by.field = -1;
	doc_walk(d, &winner_by_level, winner->value, winner->place, &b);
}

/* ---- order: [Submitted, [Approved, Hired], Completed] ---- */

static void add_rank(struct doc *d, struct treaty_field *f, const struct yaml_node *value, int rank)
{
	struct rank *r = &f->order[f->order_n];
	if (f->order_n == ORDER_MAX || !doc_expect(d, value, YAML_SCALAR, "order", value->place) ||
	    !field_value(d, f, "order", value->text, value->place, &r->value))
		return;
	for (int i = 0; i < f->order_n; i++)
		if (value_eq(f->order[i].value, r->value))
			complaints_add(d->complaints, value->place,
				       "%s: a second time: a value has one place in the order",
				       doc_quote(d, value->text));
	r->rank = rank;
	f->order_n++;
}

void take_order(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct treaty_field *f = member;
	f->order = arena_array(d->arena, struct rank, ORDER_MAX + 1);
	for (int i = 0; i < at->value->n; i++) {
		const struct yaml_node *place = at->value->item[i];
		if (place->kind != YAML_LIST)
			add_rank(d, f, place, i + 1);
		for (int k = 0; place->kind == YAML_LIST && k < place->n; k++)
			add_rank(d, f, place->item[k], i + 1);
	}
	if (at->value->n < 2)
		complaints_add(d->complaints, at->place,
			       "'order': a lifecycle has at least two steps, the first one first");
}

/* ---- together: [[street, city, zip], [country, state]] ---- */

static void add_member(struct doc *d, struct treaty_record *r, const struct yaml_node *name,
		       int group, const struct treaty_field **first)
{
	int i = find_field(d, r, name);
	if (i < 0)
		return;
	struct treaty_field *f = &r->field[i];
	if (f->together)
		complaints_add(d->complaints, name->place,
			       "%s: goes together with others already: a field is in one group",
			       doc_quote(d, name->text));
	else if (f->deliver == DELIVER_EACH)
		complaints_add(d->complaints, name->place,
			       "%s: delivered 'each', one step at a time, and so not together with "
			       "others", doc_quote(d, name->text));
	else if (*first && ((*first)->direction != f->direction ||
			    (f->direction == BOTH_WAYS &&
			     (*first)->conflict.winner != f->conflict.winner)))
		complaints_add(d->complaints, name->place,
			       "%s: flows another way, or has another winner, than '%s': fields that "
			       "go together have one rule", doc_quote(d, name->text), (*first)->name);
	else if (f->direction == BOTH_WAYS && f->conflict.winner == WINNER_UNION)
		complaints_add(d->complaints, name->place,
			       "%s: is united member by member, and so not with others as one",
			       doc_quote(d, name->text));
	f->together = group;
	if (!*first)
		*first = f;
}

void take_together(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct treaty_record *r = member;
	for (int i = 0; i < at->value->n && i < TOGETHER_MAX; i++) {
		const struct yaml_node *group = at->value->item[i];
		const struct treaty_field *first = NULL;
		if (!doc_expect(d, group, YAML_LIST, "together", group->place))
			continue;
		if (group->n < 2)
			complaints_add(d->complaints, group->place,
				       "'together': a group is a list of at least two fields");
		for (int k = 0; k < group->n; k++)
			if (doc_expect(d, group->item[k], YAML_SCALAR, "together",
				       group->item[k]->place))
				add_member(d, r, group->item[k], i + 1, &first);
		r->together_n = i + 1;
	}
}

/* ---- when_deleted, when_restored ---- */

static const struct doc_word deletions[] = { { "review", DELETED_REVIEW },
					     { "keep", DELETED_KEEP },
					     { "create", DELETED_CREATE },
					     { 0 } };

/* What a plain scalar is; the document's quotes do not tell. */
static struct value_type type_of_constant(struct sv text, struct arena *a, struct value *v)
{
	static const enum type_kind kinds[] = { TYPE_INTEGER, TYPE_DECIMAL, TYPE_DATE, TYPE_TEXT };
	struct value_type type = { .kind = TYPE_BOOL, .scale = -1, .link_record = -1 };
	if ((sv_eq(text, SV("true")) || sv_eq(text, SV("false"))) &&
	    value_from_text(&type, text, a, v, NULL))
		return type;
	for (size_t i = 0; i < countof(kinds); i++) {
		type.kind = kinds[i];
		if (value_from_text(&type, text, a, v, NULL) && v->kind != VALUE_NULL)
			break;
	}
	return type;
}

static struct constant *constant_of(struct treaty_record_side *side, const char *api)
{
	for (int i = 0; i < side->constant_n; i++)
		if (strcmp(side->constant[i].api, api) == 0)
			return &side->constant[i];
	return NULL;
}

static void add_constant(struct doc *d, struct treaty_record_side *side, const struct yaml_pair *p,
			 bool restored)
{
	const char *api = NULL;
	struct yaml_node name = { YAML_SCALAR, p->place, .text = p->key };
	struct doc_at at = { d, NULL, &name, p->place };
	take_api(&at, &api);
	if (!api || !doc_expect(d, p->value, YAML_SCALAR, p->key, p->place))
		return;
	struct constant *c = constant_of(side, api);
	struct value v;
	struct value_type type = type_of_constant(sv_of(p->value->text), d->arena, &v);
	if (restored && (!c || c->type.kind != type.kind)) {
		complaints_add(d->complaints, p->place,
			       c ? "'when_restored': %s is of another kind than what a deletion sets" :
				   "'when_restored': %s is not set by a deletion",
			       doc_quote(d, p->key));
	} else if (restored) {
		c->restored = value_dup(v, d->arena);
	} else if (side->constant_n < SET_MAX) {
		side->constant[side->constant_n++] = (struct constant){
			.api = api, .type = type, .deleted = value_dup(v, d->arena),
			.restored = value_null(), .place = p->place,
		};
	}
}

/* {set: {salesforce: {Active__c: false}}}, where 's' is the side of what was
 * deleted. */
static void take_set(struct doc *d, struct treaty_record *r, enum side s,
		     const struct yaml_node *node, struct place place, bool restored)
{
	const struct yaml_pair *set = yaml_find(node, "set");
	if (!set || node->n != 1) {
		complaints_add(d->complaints, place, "'%s': one word, or {set: {%s: {Field: value}}}",
			       side_name[s], side_name[side_other(s)]);
		return;
	}
	if (!doc_expect(d, set->value, YAML_MAP, "set", set->place))
		return;
	for (int i = 0; i < set->value->n; i++) {
		const struct yaml_pair *p = &set->value->pair[i];
		if (strcmp(p->key, side_name[side_other(s)]) != 0)
			complaints_add(d->complaints, p->place,
				       "%s: what is left when the %s's record is gone stands in %s",
				       doc_quote(d, p->key), side_name[s], side_name[side_other(s)]);
		else if (doc_expect(d, p->value, YAML_MAP, p->key, p->place))
			for (int k = 0; k < p->value->n; k++)
				add_constant(d, &r->side[s], &p->value->pair[k], restored);
	}
}

static void take_deleted(const struct doc_at *at, void *member)
{
	struct treaty_record *r = member;
	enum side s = SIDE_ATS;
	side_from_name(sv_of(at->key->name), &s);
	r->side[s].deleted_place = at->place;
	if (at->value->kind == YAML_SCALAR) {
		take_word(at, &r->side[s].deleted);
		return;
	}
	r->side[s].deleted = DELETED_SET;
	r->side[s].constant = arena_array(at->doc->arena, struct constant, SET_MAX);
	take_set(at->doc, r, s, at->value, at->place, false);
}

static void take_restored(const struct doc_at *at, void *member)
{
	enum side s = SIDE_ATS;
	side_from_name(sv_of(at->key->name), &s);
	take_set(at->doc, member, s, at->value, at->place, true);
}

static const struct doc_key any_constant[] = {
	{ "*", YAML_SCALAR, false, NULL, .decides = "a field there, by its API name, and its value" },
	{ 0 },
};
static const struct doc_level constants_level = { "what is set", any_constant, NULL };
static const struct doc_key set_sides[] = {
	{ "*", YAML_MAP, false, NULL, .level = &constants_level,
	  .decides = "the other side, whose record is left" },
	{ 0 },
};
static const struct doc_level set_sides_level = { "'set'", set_sides, NULL };
static const struct doc_key set_keys[] = {
	{ "set", YAML_MAP, false, NULL, .level = &set_sides_level,
	  .decides = "what the record that is left is to show" },
	{ 0 },
};
static const struct doc_level set_level = { "what a deletion leads to", set_keys, NULL };

static const struct doc_key deleted_keys[] = {
	{ "ats", YAML_SCALAR | YAML_MAP, false, take_deleted, 0, deletions, &set_level,
	  "what happens when the ats's record was deleted; default review" },
	{ "salesforce", YAML_SCALAR | YAML_MAP, false, take_deleted, 0, deletions, &set_level,
	  "what happens when Salesforce's record was deleted; default review" },
	{ 0 },
};
const struct doc_level deleted_level = { "'when_deleted'", deleted_keys, NULL };

static const struct doc_key restored_keys[] = {
	{ "ats", YAML_MAP, false, take_restored, 0, .level = &set_level,
	  .decides = "what the other record shows when the ats's is back" },
	{ "salesforce", YAML_MAP, false, take_restored, 0, .level = &set_level,
	  .decides = "what the other record shows when Salesforce's is back" },
	{ 0 },
};
const struct doc_level restored_level = { "'when_restored'", restored_keys, NULL };

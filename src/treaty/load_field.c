/* Fields: names at both sides, type, direction, map, conflict rule. */
#include "treaty/load_parts.h"

#include <stddef.h>

#include "base/panic.h"

/* ---- type ---- */

enum { SCALE_MAX = 18, MAP_MAX = 2000 };

static void take_type_name(const struct doc_at *at, struct value_type *type)
{
	struct doc *d = at->doc;
	const char *names[TYPE_LINK + 1];
	if (type_from_name(sv_of(at->value->text), &type->kind)) {
		if (type->kind == TYPE_LINK)
			complaints_add(d->complaints, at->value->place,
				       "'link': to which record type? {link: candidate}");
		if (type->kind == TYPE_CURRENCY)
			type->scale = 2;
		return;
	}
	for (int k = TYPE_TEXT; k <= TYPE_LINK; k++)
		names[k] = type_name((enum type_kind)k);
	complaints_add(d->complaints, at->value->place, "%s: no such type%s",
		       doc_quote(d, at->value->text),
		       doc_suggest(d, at->value->text, names, countof(names)));
}

static void take_region(const struct doc_at *at, void *member)
{
	struct value_type *type = member;
	type->kind = TYPE_PHONE;
	type->region = at->value->text;
	if (!phone_region_known(sv_of(type->region)))
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: no region whose telephone numbers are known; say US, CA, GB, ...",
			       doc_quote(at->doc, type->region));
}

static void take_scale(const struct doc_at *at, void *member)
{
	struct value_type *type = member;
	type_from_name(sv_of(at->key->name), &type->kind);
	take_int(at, &type->scale);
	if (type->scale > SCALE_MAX)
		complaints_add(at->doc->complaints, at->value->place, "%d digits: at most %d",
			       type->scale, SCALE_MAX);
}

static void take_link(const struct doc_at *at, void *member)
{
	struct value_type *type = member;
	type->kind = TYPE_LINK;
	type->link_record = find_record(at->doc, at->value);
}

static const struct doc_key type_keys[] = {
	{ "phone", YAML_SCALAR, false, take_region, 0,
	  .decides = "region of numbers without a country code, such as US" },
	{ "currency", YAML_SCALAR, false, take_scale, 0, .decides = "digits after the point" },
	{ "decimal", YAML_SCALAR, false, take_scale, 0, .decides = "digits after the point" },
	{ "link", YAML_SCALAR, false, take_link, 0, .decides = "the record type referred to" },
	{ 0 },
};
static const struct doc_level type_level = { "a type", type_keys, NULL };

/* 'email', or {link: candidate} and the like */
static void take_type(const struct doc_at *at, void *member)
{
	if (at->value->kind == YAML_SCALAR)
		take_type_name(at, member);
	else if (at->value->n != 1)
		complaints_add(at->doc->complaints, at->place, "'type': a field has one type");
	else
		doc_walk(at->doc, &type_level, at->value, at->place, member);
}

/* ---- map ---- */

bool field_value(struct doc *d, const struct treaty_field *f, const char *what, const char *text,
		 struct place at, struct value *out)
{
	struct err err = { 0 };
	if (!value_from_text(&f->type, sv_of(text), d->arena, out, &err))
		complaints_add(d->complaints, at, "'%s': %s", what, err.what);
	else if (out->kind == VALUE_NULL)
		complaints_add(d->complaints, at, "'%s': a blank is no value", what);
	else
		*out = value_dup(*out, d->arena);
	return err.code == ERR_NONE && out->kind != VALUE_NULL;
}

/* A side of an entry as the field's values are spelled. */
static bool entry_value(struct doc *d, const struct treaty_field *f, const char *text,
			struct place at, struct sv *out)
{
	struct value v;
	struct err err = { 0 };
	if (!value_from_text(&f->type, sv_of(text), d->arena, &v, &err))
		complaints_add(d->complaints, at, "'map': %s", err.what);
	else if (v.kind == VALUE_NULL)
		complaints_add(d->complaints, at,
			       "'map': a blank: blank maps to blank, and nothing else does");
	else
		*out = arena_sv(d->arena, v.text);
	return err.code == ERR_NONE && v.kind != VALUE_NULL;
}

static void take_map(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct treaty_field *f = member;
	if (f->type.kind != TYPE_TEXT && f->type.kind != TYPE_PICKLIST) {
		complaints_add(d->complaints, at->place,
			       "'map': values of type %s are not mapped, only text and picklist",
			       type_name(f->type.kind));
		return;
	}
	if (at->value->n > MAP_MAX) {
		complaints_add(d->complaints, at->place, "'map': %d values: more than %d",
			       at->value->n, MAP_MAX);
		return;
	}
	f->type.kind = TYPE_PICKLIST;
	f->map = arena_array(d->arena, struct map_entry, (size_t)at->value->n);
	for (int i = 0; i < at->value->n; i++) {
		const struct yaml_pair *p = &at->value->pair[i];
		struct map_entry e = { .place = p->place };
		if (p->again)
			complaints_add(d->complaints, p->place,
				       "%s: a second time, first at %d:%d: which value does it become?",
				       doc_quote(d, p->key), p->again->place.line,
				       p->again->place.column);
		else if (doc_expect(d, p->value, YAML_SCALAR, p->key, p->place) &&
			 entry_value(d, f, p->key, p->place, &e.side[SIDE_ATS]) &&
			 entry_value(d, f, p->value->text, p->value->place, &e.side[SIDE_SALESFORCE]))
			f->map[f->map_n++] = e;
	}
}

static void take_default(const struct doc_at *at, void *member)
{
	struct treaty_field *f = member;
	f->map_unknown = MAP_UNKNOWN_DEFAULT;
	entry_value(at->doc, f, at->value->text, at->value->place, &f->map_default);
}

static const struct doc_key unknown_keys[] = {
	{ "default", YAML_SCALAR, true, take_default, 0, .decides = "the value to take instead" },
	{ 0 },
};
static const struct doc_level unknown_level = { "'map_unknown'", unknown_keys, NULL };

static const struct doc_word unknowns[] = {
	{ "hold", MAP_UNKNOWN_HOLD }, { "pass", MAP_UNKNOWN_PASS }, { 0 }
};

static void take_map_unknown(const struct doc_at *at, void *member)
{
	struct treaty_field *f = member;
	if (at->value->kind == YAML_SCALAR)
		take_word(at, &f->map_unknown);
	else
		doc_walk(at->doc, &unknown_level, at->value, at->place, f);
	if (!f->map)
		complaints_add(at->doc->complaints, at->place,
			       "'map_unknown': there is no 'map' that could not know a value");
}

/* ---- conflict ---- */

static const struct doc_word afterwards[] = {
	{ "review", UNAVAILABLE_REVIEW }, { "hold", UNAVAILABLE_HOLD }, { 0 }
};

/* '1m..30m': the first wait and the longest; '5m': always that. */
static void take_retry(const struct doc_at *at, void *member)
{
	struct conflict_rule *c = member;
	struct sv text = sv_of(at->value->text), first = text, rest;
	struct sv last = text;
	if (sv_cut(text, '.', &first, &rest) && sv_starts(rest, SV(".")))
		last = sv_make(rest.ptr + 1, rest.len - 1);
	int64_t a, b;
	if (duration_parse(first, &a) && duration_parse(last, &b) && a <= b) {
		c->unavailable.retry_first_ms = a;
		c->unavailable.retry_max_ms = b;
		return;
	}
	complaints_add(at->doc->complaints, at->value->place,
		       "%s: 'retry' is the first wait and the longest, like 1m..30m",
		       doc_quote(at->doc, text.ptr));
}

static const struct doc_key unavailable_keys[] = {
	{ "retry", YAML_SCALAR, true, take_retry, 0,
	  .decides = "the first wait before asking again and the longest, like 1m..30m" },
	{ "for", YAML_SCALAR, true, take_duration, offsetof(struct conflict_rule, unavailable.for_ms),
	  .decides = "how long to go on trying" },
	{ "then", YAML_SCALAR, true, take_word, offsetof(struct conflict_rule, unavailable.then),
	  afterwards, .decides = "what happens when that time is over" },
	{ 0 },
};
static const struct doc_level unavailable_level = { "'unavailable'", unavailable_keys, NULL };

/* Not 'required' one by one: a two-way field that lacks several is one
 * complaint (see missing_answers). */
static const struct doc_key conflict_keys[] = {
	{ "winner", YAML_SCALAR | YAML_MAP, false, take_winner, 0, plain_winners, &winner_by_level,
	  .decides = "whose value holds when both sides changed" },
	{ "unavailable", YAML_MAP, false, take_level, 0, .level = &unavailable_level,
	  .decides = "how often to try and what then, while the winner cannot be read" },
	{ "alert", YAML_MAP, false, take_level, offsetof(struct conflict_rule, alert),
	  .level = &alert_level, .decides = "who is told of a conflict, and when" },
	{ 0 },
};
static const struct doc_level conflict_level = { "a conflict rule", conflict_keys, NULL };

/* ---- a field ---- */

static const struct doc_word directions[] = { { "ats_to_salesforce", TO_SALESFORCE },
					      { "salesforce_to_ats", TO_ATS },
					      { "both", BOTH_WAYS },
					      { 0 } };
static const struct doc_word edits[] = { { "restore", ON_EDIT_RESTORE },
					 { "report", ON_EDIT_REPORT },
					 { "ignore", ON_EDIT_IGNORE },
					 { 0 } };
static const struct doc_word blanks[] = { { "keeps", false }, { "erases", true }, { 0 } };
static const struct doc_word deliveries[] = {
	{ "state", DELIVER_STATE }, { "each", DELIVER_EACH }, { 0 }
};

#define AT(member) offsetof(struct treaty_field, member)
/* 'type' before 'map': entries are spelled as the type spells. */
static const struct doc_key field_keys[] = {
	{ "ats", YAML_SCALAR, true, take_api, AT(api[SIDE_ATS]),
	  .decides = "what it is called in the ats" },
	{ "salesforce", YAML_SCALAR, true, take_api, AT(api[SIDE_SALESFORCE]),
	  .decides = "what it is called in Salesforce" },
	{ "type", YAML_SCALAR | YAML_MAP, false, take_type, AT(type), .level = &type_level,
	  .decides = "text (default), email, phone, picklist, bool, integer, decimal, currency, "
		     "date, instant, set or link" },
	{ "direction", YAML_SCALAR, false, take_word, AT(direction), directions,
	  .decides = "which way it flows; by default from the domain's owner" },
	{ "on_edit", YAML_SCALAR, false, take_word, AT(on_edit), edits,
	  .decides = "what happens to an edit of the read-only copy; default restore" },
	{ "blank", YAML_SCALAR, false, take_either, AT(blank_erases), blanks,
	  .decides = "whether a blank owner erases a filled copy at linking; default keeps" },
	{ "deliver", YAML_SCALAR, false, take_word, AT(deliver), deliveries,
	  .decides = "the present value (state, default) or every step in order (each)" },
	{ "map", YAML_MAP, false, take_map, 0,
	  .decides = "the ats's values and what Salesforce calls them" },
	{ "map_unknown", YAML_SCALAR | YAML_MAP, false, take_map_unknown, 0, unknowns,
	  &unknown_level, "what becomes of a value that the map does not know; default hold" },
	{ "order", YAML_LIST, false, take_order, 0,
	  .decides = "the steps of a lifecycle that only goes forward, as the owner spells them" },
	{ "truncate", YAML_SCALAR, false, take_count, AT(truncate),
	  .decides = "characters that the copy keeps" },
	{ "confidential", YAML_SCALAR, false, take_bool, AT(confidential),
	  .decides = "whether output masks it; default false" },
	{ "conflict", YAML_MAP, false, take_level, AT(conflict), .level = &conflict_level,
	  .decides = "the three answers that a two-way field needs" },
	{ 0 },
};
#undef AT
static const struct doc_level field_level = { "a field", field_keys, NULL };

static const struct doc_key any_field[] = {
	{ "*", YAML_SCALAR | YAML_MAP, false, NULL, .level = &field_level,
	  .decides = "a field, by its name; in short: 'firstName -> FirstName'" },
	{ 0 },
};
const struct doc_level fields_level = { "'fields'", any_field, NULL };

static const char *direction_words(const struct treaty_field *f)
{
	return f->direction == TO_ATS ? "from salesforce to ats" : "from ats to salesforce";
}

/* One complaint with all that is undecided. */
static void missing_answers(struct doc *d, const struct treaty_field *f,
			    const struct yaml_node *conflict)
{
	struct sv list = SV("");
	for (const struct doc_key *k = conflict_keys; k->name; k++)
		if (!yaml_find(conflict, k->name))
			list = arena_printf(d->arena, "%.*s%s'%s' (%s)", SV_ARG(list),
					    list.len ? ", " : "", k->name, k->decides);
	if (list.len)
		complaints_add(d->complaints, f->place,
			       "'%s' flows both ways; decide under 'conflict': %.*s", f->name,
			       SV_ARG(list));
}

static void refuse_key(struct doc *d, const struct yaml_node *field, const char *key,
		       const char *why)
{
	const struct yaml_pair *p = yaml_find(field, key);
	if (p)
		complaints_add(d->complaints, p->place, "'%s': %s", key, why);
}

static void check_two_way(struct doc *d, const struct treaty_field *f,
			  const struct yaml_node *field)
{
	const struct yaml_pair *conflict = yaml_find(field, "conflict");
	missing_answers(d, f, conflict ? conflict->value : NULL);
	refuse_key(d, field, "on_edit", "a field that flows both ways has no read-only copy");
	refuse_key(d, field, "blank", "a field that flows both ways has no copy to erase");
	refuse_key(d, field, "order", "a field that flows both ways has no owner whose steps count");
	refuse_key(d, field, "truncate", "what is cut off cannot come back on a two-way field");
	if (f->deliver == DELIVER_EACH)
		refuse_key(d, field, "deliver",
			   "'each' delivers the owner's steps, and a two-way field has no owner");
	if (conflict && f->conflict.winner == WINNER_UNION && f->type.kind != TYPE_SET)
		complaints_add(d->complaints, yaml_find(conflict->value, "winner")->place,
			       "'winner': union merges sets, and '%s' is %s", f->name,
			       type_name(f->type.kind));
}

static void check_field(struct doc *d, const struct treaty_field *f, const struct yaml_node *field)
{
	if (f->direction == BOTH_WAYS) {
		check_two_way(d, f, field);
	} else {
		const char *why = arena_printf(d->arena,
					       "'%s' flows one way, %s, where the owner's value "
					       "always holds; remove it, or say direction: both",
					       f->name, direction_words(f)).ptr;
		refuse_key(d, field, "conflict", why);
	}
	bool text = f->type.kind == TYPE_TEXT || f->type.kind == TYPE_PICKLIST ||
		    f->type.kind == TYPE_EMAIL || f->type.kind == TYPE_PHONE;
	if (f->truncate && !text)
		refuse_key(d, field, "truncate", "only text is cut");
	check_map(d, f);
}

/* 'firstName -> FirstName', the ats always on the left. */
static void take_short(struct doc *d, const struct yaml_node *n, struct treaty_field *f)
{
	static const struct {
		const char *arrow;
		enum direction direction;
	} arrows[] = { { " <-> ", BOTH_WAYS }, { " -> ", TO_SALESFORCE }, { " <- ", TO_ATS } };
	for (size_t i = 0; i < countof(arrows); i++) {
		const char *at = strstr(n->text, arrows[i].arrow);
		if (!at)
			continue;
		struct sv part[SIDES] = {
			sv_trim(sv_make(n->text, (size_t)(at - n->text))),
			sv_trim(sv_of(at + strlen(arrows[i].arrow))),
		};
		f->direction = arrows[i].direction;
		for (int s = 0; s < SIDES; s++) {
			struct yaml_node name = { YAML_SCALAR, n->place,
						  .text = arena_str(d->arena, part[s]) };
			struct doc_at side = { d, NULL, &name, n->place };
			take_api(&side, &f->api[s]);
		}
		return;
	}
	complaints_add(d->complaints, n->place,
		       "%s: a field is {ats: ..., salesforce: ...} or 'atsName -> SalesforceName'",
		       doc_quote(d, n->text));
}

static void take_field(struct doc *d, const struct treaty_record *r, const struct yaml_pair *p,
		       struct treaty_field *f)
{
	const struct treaty *t = d->whole;
	bool from_salesforce = r->domain >= 0 && t->domain[r->domain].owner == OWNER_SALESFORCE;
	*f = (struct treaty_field){
		.name = p->key,
		.key = sv_hash32(sv_of(p->key)),
		.type = { .kind = TYPE_TEXT, .scale = -1, .link_record = -1 },
		.direction = from_salesforce ? TO_ATS : TO_SALESFORCE,
		.place = p->place,
	};
	if (!doc_expect(d, p->value, YAML_SCALAR | YAML_MAP, p->key, p->place))
		return;
	if (p->value->kind == YAML_SCALAR)
		take_short(d, p->value, f);
	else
		doc_walk(d, &field_level, p->value, p->place, f);
	check_field(d, f, p->value);
}

/* A record key is an ordinary one-way field from the other side's id. */
static void add_key_field(struct doc *d, struct treaty_record *r, enum side side)
{
	if (!r->side[side].key)
		return;
	const char *name = arena_printf(d->arena, "key.%s", side_name[side]).ptr;
	struct treaty_field f = {
		.name = name,
		.key = sv_hash32(sv_of(name)),
		.type = { .kind = TYPE_TEXT, .scale = -1, .link_record = -1 },
		.direction = (enum direction)side,
		.place = r->place,
	};
	f.api[side] = r->side[side].key;
	f.api[side_other(side)] = FIELD_API_ID;
	r->side[side].key_field = r->field_n;
	r->field[r->field_n++] = f;
}

/* What is set when the record of 'side' is gone is an ordinary one-way field
 * from its existence. People may change it afterwards: it is no mirror. */
static void add_constant_fields(struct treaty_record *r, enum side side, struct arena *a)
{
	for (int i = 0; i < r->side[side].constant_n; i++) {
		const struct constant *c = &r->side[side].constant[i];
		struct sv name = arena_printf(a, "deleted.%s.%s", side_name[side], c->api);
		struct treaty_field *f = &r->field[r->field_n++];
		*f = (struct treaty_field){
			.name = name.ptr,
			.key = sv_hash32(name),
			.type = c->type,
			.direction = (enum direction)side_other(side),
			.on_edit = ON_EDIT_IGNORE,
			.if_present = c->restored, .if_deleted = c->deleted,
			.place = c->place,
		};
		f->api[side] = FIELD_API_EXISTS;
		f->api[side_other(side)] = c->api;
	}
}

void take_fields(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct treaty_record *r = member;
	if (at->value->kind == YAML_SCALAR && doc_is_wildcard(at->value->text)) {
		complaints_add(d->complaints, at->value->place,
			       "%s: a wildcard: name each field, so that nothing is in it that "
			       "nobody decided", doc_quote(d, at->value->text));
		return;
	}
	if (!doc_expect(d, at->value, YAML_MAP, at->key->name, at->place))
		return;
	const struct yaml_pair **p =
		arena_array(d->arena, const struct yaml_pair *, (size_t)at->value->n);
	int n = doc_names(d, at->value, "field", "two rules for one field; decide which one holds", p);
	int constants = r->side[SIDE_ATS].constant_n + r->side[SIDE_SALESFORCE].constant_n;
	r->field = arena_array(d->arena, struct treaty_field, (size_t)(n + SIDES + constants));
	for (int i = 0; i < n; i++)
		take_field(d, r, p[i], &r->field[i]);
	r->field_n = n;
	for (int i = 0; i < n; i++)
		take_winner_by(d, r, &r->field[i], p[i]->value);
	for (int s = 0; s < SIDES; s++) {
		add_key_field(d, r, (enum side)s);
		add_constant_fields(r, (enum side)s, d->arena);
	}
}

/* Record types: sides, creation, recognition. */
#include "treaty/load_parts.h"

#include <ctype.h>
#include <stddef.h>

void take_api(const struct doc_at *at, void *member)
{
	const char *text = at->value->text;
	bool ok = isalpha((unsigned char)text[0]) && strlen(text) <= 120;
	if (doc_is_wildcard(text)) {
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: a wildcard: name each field, so that nothing is in it that "
			       "nobody decided", doc_quote(at->doc, text));
		return;
	}
	for (const char *p = text; ok && *p; p++)
		ok = isalnum((unsigned char)*p) || *p == '_' ||
		     (*p == '.' && p[1] && p[1] != '.');
	if (ok)
		*(const char **)member = text;
	else
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: no name that a system gives: letters, digits, '_' and '.'",
			       doc_quote(at->doc, text));
}

static const struct doc_key side_keys[] = {
	{ "object", YAML_SCALAR, true, take_api, offsetof(struct treaty_record_side, object),
	  .decides = "the object or entity there" },
	{ "key", YAML_SCALAR, false, take_api, offsetof(struct treaty_record_side, key),
	  .decides = "a field there that holds the other system's record id" },
	{ 0 },
};
static const struct doc_level side_level = { "a record type's side", side_keys, NULL };

/* 'Candidate', or {object: Contact, key: Bullhorn_Id__c} */
static void take_side(const struct doc_at *at, void *member)
{
	struct treaty_record_side *side = member;
	if (at->value->kind == YAML_SCALAR)
		take_api(at, &side->object);
	else
		doc_walk(at->doc, &side_level, at->value, at->place, side);
}

static void take_domain(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	const struct treaty *t = d->whole;
	if (at->value->kind == YAML_LIST) {
		complaints_add(d->complaints, at->place,
			       "'domain': %d domains, and so two owners of one record: decide which",
			       at->value->n);
		return;
	}
	const char **names = arena_array(d->arena, const char *, (size_t)t->domain_n + 1);
	for (int i = 0; i < t->domain_n; i++) {
		names[i] = t->domain[i].name;
		if (strcmp(names[i], at->value->text) != 0)
			continue;
		if (t->domain[i].owner == OWNER_FINANCE)
			complaints_add(d->complaints, at->value->place,
				       "%s: owned by finance, which holds sums and no records: "
				       "decide whether the ats or salesforce owns these",
				       doc_quote(d, names[i]));
		*(int *)member = i;
		return;
	}
	complaints_add(d->complaints, at->value->place, "%s: no such domain%s",
		       doc_quote(d, at->value->text),
		       doc_suggest(d, at->value->text, names, t->domain_n));
}

static const struct doc_word creations[] = { { "when_missing", true }, { "never", false }, { 0 } };

static const struct doc_key create_keys[] = {
	{ "ats", YAML_SCALAR, false, take_either, offsetof(struct treaty_record, side[SIDE_ATS].create),
	  creations, .decides = "created in the ats when it is missing there" },
	{ "salesforce", YAML_SCALAR, false, take_either,
	  offsetof(struct treaty_record, side[SIDE_SALESFORCE].create), creations,
	  .decides = "created in Salesforce when it is missing there" },
	{ 0 },
};
static const struct doc_level create_level = { "'create'", create_keys, NULL };

static const struct doc_key mass_rule_keys[] = {
	{ "share", YAML_SCALAR, false, take_share, offsetof(struct mass_rule, share_percent),
	  .decides = "the share of the linked records from which on writing halts" },
	{ "least", YAML_SCALAR, false, take_count, offsetof(struct mass_rule, least),
	  .decides = "and so many records at least" },
	{ 0 },
};
static const struct doc_level mass_rule_level = { "a rule of 'mass_change'", mass_rule_keys, NULL };

/* {share: 10%, least: 50}, or 'never' */
static void take_mass_rule(const struct doc_at *at, void *member)
{
	struct mass_rule *rule = member;
	if (at->value->kind == YAML_MAP)
		doc_walk(at->doc, &mass_rule_level, at->value, at->place, rule);
	else if (strcmp(at->value->text, "never") == 0)
		rule->share_percent = 0;
	else
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: '%s' is {share: 10%%, least: 50} or never",
			       doc_quote(at->doc, at->value->text), at->key->name);
}

#define AT(member) offsetof(struct mass_change, member)
static const struct doc_key mass_keys[] = {
	{ "deleted", YAML_SCALAR | YAML_MAP, false, take_mass_rule, AT(of[MASS_DELETED]),
	  .level = &mass_rule_level, .decides = "how many may be deleted at once; default 5%, 25" },
	{ "emptied", YAML_SCALAR | YAML_MAP, false, take_mass_rule, AT(of[MASS_EMPTIED]),
	  .level = &mass_rule_level,
	  .decides = "in how many a value may become blank at once; default 10%, 100" },
	{ "changed", YAML_SCALAR | YAML_MAP, false, take_mass_rule, AT(of[MASS_CHANGED]),
	  .level = &mass_rule_level,
	  .decides = "in how many another value may change at once; default 50%, 1000" },
	{ "restored", YAML_SCALAR | YAML_MAP, false, take_mass_rule, AT(of[MASS_RESTORED]),
	  .level = &mass_rule_level,
	  .decides = "how many copies may be edited at once; default 10%, 100" },
	{ "within", YAML_SCALAR, false, take_duration, AT(within_ms),
	  .decides = "what counts as at once; default 1h" },
	{ 0 },
};
#undef AT
static const struct doc_level mass_level = { "'mass_change'", mass_keys, NULL };

int find_field(struct doc *d, const struct treaty_record *r, const struct yaml_node *name)
{
	int i = treaty_field_by_name(r, sv_of(name->text));
	/* keys have a '.' in their name: they link, they do not match */
	if (i >= 0 && doc_is_name(sv_of(name->text)))
		return i;
	const char **names = arena_array(d->arena, const char *, (size_t)r->field_n + 1);
	for (i = 0; i < r->field_n; i++)
		names[i] = r->field[i].name;
	complaints_add(d->complaints, name->place, "%s: no such field of %s%s",
		       doc_quote(d, name->text), doc_quote(d, r->name),
		       doc_suggest(d, name->text, names, r->field_n));
	return -1;
}

/* One way to recognise a pair: a field, or a list of fields that must all
 * agree. */
static void take_way(struct doc *d, const struct treaty_record *r, const struct yaml_node *way,
		     struct treaty_match *out)
{
	struct yaml_node *const *name = way->item, *alone[1];
	int n = way->n;
	if (way->kind == YAML_SCALAR) {
		alone[0] = arena_new(d->arena, struct yaml_node);
		*alone[0] = *way;
		name = alone, n = 1;
	}
	out->field = arena_array(d->arena, int, (size_t)n);
	if (n == 0)
		complaints_add(d->complaints, way->place,
			       "'match': a way without fields would fit every record");
	for (int i = 0; i < n; i++) {
		if (!doc_expect(d, name[i], YAML_SCALAR, "match", name[i]->place))
			continue;
		int field = find_field(d, r, name[i]);
		if (field >= 0)
			out->field[out->n++] = field;
	}
}

static void take_match(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct treaty_record *r = member;
	r->match = arena_array(d->arena, struct treaty_match, (size_t)at->value->n);
	for (int i = 0; i < at->value->n; i++) {
		const struct yaml_node *way = at->value->item[i];
		if (doc_expect(d, way, YAML_SCALAR | YAML_LIST, "match", way->place))
			take_way(d, r, way, &r->match[r->match_n++]);
	}
}

/* In the order in which they are read: fields need the domain and the sides,
 * match needs the fields. */
static const struct doc_key record_keys[] = {
	{ "domain", YAML_SCALAR | YAML_LIST, true, take_domain, offsetof(struct treaty_record, domain),
	  .decides = "which domain it belongs to, and so who owns it" },
	{ "ats", YAML_SCALAR | YAML_MAP, true, take_side, offsetof(struct treaty_record, side[SIDE_ATS]),
	  .level = &side_level, .decides = "what it is called in the ats" },
	{ "salesforce", YAML_SCALAR | YAML_MAP, true, take_side,
	  offsetof(struct treaty_record, side[SIDE_SALESFORCE]), .level = &side_level,
	  .decides = "what it is called in Salesforce" },
	{ "create", YAML_MAP, false, take_level, 0, .level = &create_level,
	  .decides = "whether a record that only one side has is created in the other" },
	{ "mass_change", YAML_MAP, false, take_level, offsetof(struct treaty_record, mass),
	  .level = &mass_level, .decides = "how much at once halts the writing and asks a person" },
	{ "when_deleted", YAML_MAP, false, take_level, 0, .level = &deleted_level,
	  .decides = "what happens when one side's record was deleted" },
	{ "when_restored", YAML_MAP, false, take_level, 0, .level = &restored_level,
	  .decides = "what is set when a deleted record is back" },
	{ "fields", YAML_SCALAR | YAML_LIST | YAML_MAP, true, take_fields, 0, .level = &fields_level,
	  .decides = "the fields that are kept in agreement, each by its name" },
	{ "together", YAML_LIST, false, take_together, 0,
	  .decides = "fields that are held and sent as one: lists of their names" },
	{ "match", YAML_LIST, false, take_match, 0,
	  .decides = "how a pair is recognised: lists of fields, the surest first" },
	{ 0 },
};
static const struct doc_level record_level = { "a record type", record_keys, NULL };

static const struct doc_key any_record[] = {
	{ "*", YAML_MAP, false, NULL, .level = &record_level,
	  .decides = "a record type, by its name; earlier ones are written first" },
	{ 0 },
};
const struct doc_level records_level = { "'records'", any_record, NULL };

void take_records(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct treaty *t = member;
	const struct yaml_pair **p =
		arena_array(d->arena, const struct yaml_pair *, (size_t)at->value->n);
	int n = doc_names(d, at->value, "record type",
			  "two rules for one record type; decide which one holds", p);
	t->record = arena_array(d->arena, struct treaty_record, (size_t)n);
	t->record_n = n;
	/* all names first: a record type may refer to a later one */
	for (int i = 0; i < n; i++) {
		t->record[i] = (struct treaty_record){
			.name = p[i]->key, .domain = -1, .priority = i, .place = p[i]->place,
			.mass = mass_usual
		};
		for (int s = 0; s < SIDES; s++)
			t->record[i].side[s].key_field = -1;
	}
	for (int i = 0; i < n; i++)
		if (doc_expect(d, p[i]->value, YAML_MAP, p[i]->key, p[i]->place))
			doc_walk(d, &record_level, p[i]->value, p[i]->place, &t->record[i]);
}

int find_record(struct doc *d, const struct yaml_node *name)
{
	const struct treaty *t = d->whole;
	int found = treaty_record_by_name(t, sv_of(name->text));
	if (found >= 0)
		return found;
	const char **names = arena_array(d->arena, const char *, (size_t)t->record_n + 1);
	for (int i = 0; i < t->record_n; i++)
		names[i] = t->record[i].name;
	complaints_add(d->complaints, name->place,
		       "%s: no such record type: a reference can only point to what is mapped%s",
		       doc_quote(d, name->text), doc_suggest(d, name->text, names, t->record_n));
	return -1;
}

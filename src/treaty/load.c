/* The top of the treaty: head, systems, roles, domains. */
#include "treaty/load_parts.h"

#include <ctype.h>
#include <stddef.h>

#include "base/panic.h"
#include "treaty/digest.h"

/* ---- roles ---- */

/* 'ed25519:' and base64: the form is checked here, the key when it verifies. */
static void take_public_key(const struct doc_at *at, void *member)
{
	struct sv text = sv_of(at->value->text), prefix = SV("ed25519:");
	bool ok = sv_starts(text, prefix) && text.len >= prefix.len + 43;
	for (size_t i = prefix.len; ok && i < text.len; i++)
		ok = isalnum((unsigned char)text.ptr[i]) || strchr("+/=-_", text.ptr[i]);
	if (ok)
		*(const char **)member = text.ptr;
	else
		complaints_add(at->doc->complaints, at->value->place,
			       "'key': a public key is 'ed25519:' and its base64");
}

static const struct doc_key role_keys[] = {
	{ "title", YAML_SCALAR, false, take_text, offsetof(struct treaty_role, title),
	  .decides = "how people call it" },
	{ "key", YAML_SCALAR, false, take_public_key, offsetof(struct treaty_role, key),
	  .decides = "the public key its signatures are verified with" },
	{ "hours", YAML_SCALAR, false, take_hours, offsetof(struct treaty_role, hours),
	  .decides = "business hours, in which its due times run; by default round the clock" },
	{ "holidays", YAML_LIST, false, take_holidays, offsetof(struct treaty_role, hours),
	  .decides = "dates on which its due times do not run" },
	{ 0 },
};
static const struct doc_level role_level = { "a role", role_keys, NULL };

static void take_roles(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct treaty *t = member;
	const struct yaml_pair **p =
		arena_array(d->arena, const struct yaml_pair *, (size_t)at->value->n);
	int n = doc_names(d, at->value, "role", NULL, p);
	t->role = arena_array(d->arena, struct treaty_role, (size_t)n);
	t->role_n = n;
	for (int i = 0; i < n; i++) {
		t->role[i] = (struct treaty_role){ .name = p[i]->key, .place = p[i]->place };
		if (doc_expect(d, p[i]->value, YAML_MAP, p[i]->key, p[i]->place))
			doc_walk(d, &role_level, p[i]->value, p[i]->place, &t->role[i]);
	}
}

int find_role(struct doc *d, const struct yaml_node *name)
{
	const struct treaty *t = d->whole;
	for (int i = 0; i < t->role_n; i++)
		if (strcmp(t->role[i].name, name->text) == 0)
			return i;
	const char **names = arena_array(d->arena, const char *, (size_t)t->role_n + 1);
	for (int i = 0; i < t->role_n; i++)
		names[i] = t->role[i].name;
	complaints_add(d->complaints, name->place, "%s: no such role%s", doc_quote(d, name->text),
		       doc_suggest(d, name->text, names, t->role_n));
	return -1;
}

/* ---- domains ---- */

static const struct doc_word owners[] = {
	{ "ats", OWNER_ATS }, { "salesforce", OWNER_SALESFORCE }, { "finance", OWNER_FINANCE }, { 0 }
};

static void take_owner(const struct doc_at *at, void *member)
{
	const struct treaty *t = at->doc->whole;
	if (at->value->kind == YAML_LIST) {
		complaints_add(at->doc->complaints, at->place,
			       "'owner': %d owners: a domain has exactly one, its system of record; "
			       "decide which, or split the domain", at->value->n);
		return;
	}
	enum owner *owner = member;
	take_word(at, owner);
	if (strcmp(at->value->text, "finance") == 0 && !t->finance)
		complaints_add(at->doc->complaints, at->value->place,
			       "'finance': 'systems' names no finance system");
}

static void take_signed_by(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct treaty_domain *domain = member;
	domain->signed_by = arena_array(d->arena, int, (size_t)at->value->n);
	if (at->value->n == 0)
		complaints_add(d->complaints, at->place, "'signed_by': nobody; decide %s",
			       at->key->decides);
	for (int i = 0; i < at->value->n; i++) {
		const struct yaml_node *name = at->value->item[i];
		if (!doc_expect(d, name, YAML_SCALAR, "signed_by", name->place))
			continue;
		int role = find_role(d, name);
		bool twice = false;
		for (int k = 0; k < domain->signed_by_n; k++)
			twice = twice || domain->signed_by[k] == role;
		if (twice && role >= 0)
			complaints_add(d->complaints, name->place, "%s: signs once",
				       doc_quote(d, name->text));
		else if (role >= 0)
			domain->signed_by[domain->signed_by_n++] = role;
	}
}

static const struct doc_key domain_keys[] = {
	{ "owner", YAML_SCALAR | YAML_LIST, true, take_owner, offsetof(struct treaty_domain, owner),
	  owners, .decides = "the one system of record, whose values hold" },
	{ "signed_by", YAML_LIST, true, take_signed_by, 0,
	  .decides = "the roles that must agree before it holds" },
	{ 0 },
};
static const struct doc_level domain_level = {
	"a domain", domain_keys, "a domain has exactly one owner; decide which one holds"
};

static void take_domains(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct treaty *t = member;
	const struct yaml_pair **p =
		arena_array(d->arena, const struct yaml_pair *, (size_t)at->value->n);
	int n = doc_names(d, at->value, "domain",
			  "a domain has exactly one owner; decide which one holds", p);
	t->domain = arena_array(d->arena, struct treaty_domain, (size_t)n);
	t->domain_n = n;
	for (int i = 0; i < n; i++) {
		t->domain[i] = (struct treaty_domain){ .name = p[i]->key, .place = p[i]->place };
		if (doc_expect(d, p[i]->value, YAML_MAP, p[i]->key, p[i]->place))
			doc_walk(d, &domain_level, p[i]->value, p[i]->place, &t->domain[i]);
	}
}

/* ---- head ---- */

static void take_format(const struct doc_at *at, void *member)
{
	if (strcmp(at->value->text, "1") != 0)
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: 'treaty' is the version of the language, and this program "
			       "reads 1", doc_quote(at->doc, at->value->text));
}

static void take_treaty_name(const struct doc_at *at, void *member)
{
	struct sv text = sv_of(at->value->text);
	bool ok = text.len > 0 && text.len <= 63;
	for (size_t i = 0; ok && i < text.len; i++)
		ok = isalnum((unsigned char)text.ptr[i]) || strchr("_-", text.ptr[i]);
	if (ok)
		*(const char **)member = text.ptr;
	else
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: a treaty's name is letters, digits, '_' and '-'",
			       doc_quote(at->doc, at->value->text));
}

static const struct doc_key system_keys[] = {
	{ "ats", YAML_SCALAR, true, take_text, offsetof(struct treaty, system[SIDE_ATS]),
	  .decides = "which applicant tracking system it is, such as bullhorn" },
	{ "salesforce", YAML_SCALAR, true, take_text, offsetof(struct treaty, system[SIDE_SALESFORCE]),
	  .decides = "say salesforce" },
	{ "finance", YAML_SCALAR, false, take_text, offsetof(struct treaty, finance),
	  .decides = "which finance system it is, such as sql" },
	{ 0 },
};
static const struct doc_level system_level = { "'systems'", system_keys, NULL };

static const struct doc_key any_role[] = {
	{ "*", YAML_MAP, false, NULL, .level = &role_level, .decides = "a role, by its name" },
	{ 0 },
};
static const struct doc_level roles_level = { "'roles'", any_role, NULL };

static const struct doc_key any_domain[] = {
	{ "*", YAML_MAP, false, NULL, .level = &domain_level, .decides = "a domain, by its name" },
	{ 0 },
};
static const struct doc_level domains_level = { "'domains'", any_domain, NULL };

/* In the order in which they are read: what is referred to comes first. */
static const struct doc_key treaty_keys[] = {
	{ "treaty", YAML_SCALAR, true, take_format, 0,
	  .decides = "the version of the language; say 1" },
	{ "name", YAML_SCALAR, true, take_treaty_name, offsetof(struct treaty, name),
	  .decides = "which treaty it is; a store belongs to one" },
	{ "version", YAML_SCALAR, true, take_count, offsetof(struct treaty, version),
	  .decides = "a number that grows with every change people sign" },
	{ "systems", YAML_MAP, true, take_level, 0, .level = &system_level,
	  .decides = "the parties" },
	{ "roles", YAML_MAP, true, take_roles, 0, .level = &roles_level,
	  .decides = "who signs and who is told" },
	{ "domains", YAML_MAP, true, take_domains, 0, .level = &domains_level,
	  .decides = "the areas and the one owner of each" },
	{ "records", YAML_MAP, true, take_records, 0, .level = &records_level,
	  .decides = "what is kept in agreement" },
	{ "alerts", YAML_MAP, false, take_level, offsetof(struct treaty, alerts), .level = &alerts_level,
	  .decides = "who is told of what no field's own rule covers" },
	{ 0 },
};
const struct doc_level treaty_level = { "a treaty", treaty_keys, NULL };

struct treaty *treaty_load_text(struct sv text, const char *name_for_messages,
				struct complaints *c)
{
	int before = c->n;
	struct treaty *t = must_zalloc(sizeof(*t));
	arena_init(&t->arena);
	t->file = arena_str(&t->arena, sv_of(name_for_messages));
	struct doc d = { &t->arena, c, t };
	struct yaml_node *root = yaml_parse(text, &t->arena, c);
	if (root && doc_expect(&d, root, YAML_MAP, "treaty", root->place)) {
		doc_walk(&d, &treaty_level, root, root->place, t);
		check_treaty(&d, t);
	}
	complaints_sort(c);
	if (c->n > before) {
		treaty_destroy(t);
		return NULL;
	}
	treaty_digest(t);
	return t;
}

struct treaty *treaty_load(const char *path, struct complaints *c)
{
	struct buf text;
	struct treaty *t = NULL;
	buf_init(&text, YAML_MAX);
	if (yaml_read_file(path, &text, c))
		t = treaty_load_text(buf_sv(&text), path, c);
	buf_finish(&text);
	return t;
}

/* Automation that an administrator might switch on: it runs before the save,
 * in the transaction of the write that set it off, as the writing user, so the
 * change event is one and shows only the outcome (wire: triggers and flows in
 * our transaction are attributed to us). */
#include "base/panic.h"
#include "salesforce.h"

static const struct {
	const char *name;
	enum sf_rule_kind kind;
	bool needs_text;
} kinds[] = {
	{ "set", RULE_SET, true },     { "upper", RULE_UPPER, false }, { "lower", RULE_LOWER, false },
	{ "title", RULE_TITLE, false }, { "trim", RULE_TRIM, false },   { "suffix", RULE_SUFFIX, true },
	{ "phone", RULE_PHONE, false },
};

static bool rule_kind(struct sf_rule *rule, struct sv name, struct sv text, struct err *err)
{
	for (size_t i = 0; i < countof(kinds); i++) {
		if (!sv_eq(sv_of(kinds[i].name), name))
			continue;
		rule->kind = kinds[i].kind;
		if (kinds[i].needs_text && !text.ptr) {
			err_set(err, ERR_BAD_INPUT, "automation: '%s' needs \"value\"", kinds[i].name);
			return false;
		}
		return true;
	}
	err_set(err, ERR_BAD_INPUT, "automation: kind '%.*s' is not one of set, upper, lower, title, trim, suffix, phone",
		SV_ARG(name));
	return false;
}

static bool rule_field(struct table *t, struct sv name, int *out, struct err *err)
{
	*out = table_field_any_case(t, name);
	if (*out >= 0 && sf_field(t, *out)->source == SF_STORED)
		return true;
	err_set(err, ERR_BAD_INPUT, "automation: %s has no field '%.*s' that can be set", t->def->name,
		SV_ARG(name));
	return false;
}

/* {"object":"Contact","when":"Status__c","target":"Active__c","kind":"set","value":"false"};
 * "target" defaults to "when". */
bool sf_rule_add(struct salesforce *sf, struct json_object *spec, struct err *err)
{
	struct sf_rule rule = { .table = sf_table(sf, json_sv(spec, "object")) };
	struct sv target = json_sv(spec, "target"), text = json_scalar_text(json_at(spec, "value"));
	if (!rule.table) {
		err_set(err, ERR_BAD_INPUT, "automation: no object '%.*s'", SV_ARG(json_sv(spec, "object")));
		return false;
	}
	if (!rule_kind(&rule, json_sv(spec, "kind"), text, err) ||
	    !rule_field(rule.table, json_sv(spec, "when"), &rule.when, err) ||
	    !rule_field(rule.table, target.len ? target : json_sv(spec, "when"), &rule.target, err))
		return false;
	snprintf(rule.name, sizeof(rule.name), "%.*s", SV_ARG(json_sv(spec, "name")));
	if (text.ptr) {
		rule.text = must_zalloc(text.len + 1);
		memcpy(rule.text, text.ptr, text.len);
	}
	sf->rules = must_realloc(sf->rules, (sf->rules_len + 1) * sizeof(*sf->rules));
	sf->rules[sf->rules_len++] = rule;
	return true;
}

void sf_rules_clear(struct salesforce *sf)
{
	for (size_t i = 0; i < sf->rules_len; i++)
		free(sf->rules[i].text);
	free(sf->rules);
	sf->rules = NULL;
	sf->rules_len = 0;
}

struct json_object *sf_rules_list(const struct salesforce *sf)
{
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; i < sf->rules_len; i++) {
		const struct sf_rule *r = &sf->rules[i];
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "name", sv_of(r->name));
		json_put_sv(o, "object", sv_of(r->table->def->name));
		json_put_sv(o, "when", sv_of(r->table->def->fields[r->when].name));
		json_put_sv(o, "target", sv_of(r->table->def->fields[r->target].name));
		json_put_sv(o, "kind", sv_of(kinds[r->kind].name));
		if (r->text)
			json_put_sv(o, "value", sv_of(r->text));
		json_object_array_add(list, o);
	}
	return list;
}

static struct sv title_case(struct arena *a, struct sv v)
{
	char *s = arena_str(a, v);
	bool first = true;
	for (size_t i = 0; i < v.len; i++) {
		bool upper = s[i] >= 'A' && s[i] <= 'Z', lower = s[i] >= 'a' && s[i] <= 'z';
		if (first && lower)
			s[i] = (char)(s[i] - 32);
		else if (!first && upper)
			s[i] = (char)(s[i] + 32);
		first = !(upper || lower || s[i] == '\'');
	}
	return sv_make(s, v.len);
}

static struct sv cased(struct arena *a, struct sv v, bool upper)
{
	char *s = arena_str(a, v);
	for (size_t i = 0; i < v.len; i++)
		if (upper ? s[i] >= 'a' && s[i] <= 'z' : s[i] >= 'A' && s[i] <= 'Z')
			s[i] = (char)(s[i] ^ 0x20);
	return sv_make(s, v.len);
}

/* '(312) 555-0142', as the web page formats numbers of ten digits; anything
 * else stays. */
static struct sv us_phone(struct arena *a, struct sv v)
{
	char d[12];
	size_t n = 0;
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] < '0' || v.ptr[i] > '9')
			continue;
		if (n == 11)
			return v;
		d[n++] = v.ptr[i];
	}
	const char *p = n == 11 && d[0] == '1' ? d + 1 : d;
	if (n != 10 && p == d)
		return v;
	return arena_printf(a, "(%.3s) %.3s-%.4s", p, p + 3, p + 6);
}

static struct sv outcome(const struct sf_rule *r, struct arena *a, struct sv v)
{
	if (r->kind == RULE_SET)
		return r->text[0] ? sv_of(r->text) : SV_NONE;
	if (!v.ptr)
		return v;
	switch (r->kind) {
	case RULE_UPPER:
		return cased(a, v, true);
	case RULE_LOWER:
		return cased(a, v, false);
	case RULE_TITLE:
		return title_case(a, v);
	case RULE_TRIM:
		return sv_trim(v);
	case RULE_SUFFIX:
		return sv_ends(v, sv_of(r->text)) ? v : arena_printf(a, "%.*s%s", SV_ARG(v), r->text);
	case RULE_PHONE:
		return us_phone(a, v);
	case RULE_SET:
		break;
	}
	return v;
}

static struct assignment *find(struct assignment *set, size_t n, int field)
{
	for (size_t i = 0; i < n; i++)
		if (set[i].field == field)
			return &set[i];
	return NULL;
}

size_t sf_rules_apply(struct salesforce *sf, struct arena *a, struct table *t, struct assignment *set,
		      size_t n, size_t max)
{
	for (size_t i = 0; i < sf->rules_len; i++) {
		const struct sf_rule *r = &sf->rules[i];
		if (r->table != t || !find(set, n, r->when))
			continue;
		struct assignment *to = find(set, n, r->target);
		if (!to && n < max && r->kind == RULE_SET) {
			to = &set[n++];
			*to = (struct assignment){ .field = r->target };
		}
		if (to)
			to->value = outcome(r, a, to->value);
	}
	return n;
}

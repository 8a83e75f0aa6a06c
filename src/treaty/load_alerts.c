/* Who is told of an open entry, and when: of one field, of kinds of entries, of
 * record types, of the rest. */
#include "treaty/load_parts.h"

#include <stddef.h>

#include "treaty/alerts.h"

static void take_to(const struct doc_at *at, void *member)
{
	*(int *)member = find_role(at->doc, at->value);
}

static const struct doc_key then_keys[] = {
	{ "after", YAML_SCALAR, true, take_duration, offsetof(struct alert_rule, then_after_ms),
	  .decides = "how long after the first alert" },
	{ "to", YAML_SCALAR, true, take_to, offsetof(struct alert_rule, then_to),
	  .decides = "the role that is told next" },
	{ 0 },
};
static const struct doc_level then_level = { "an alert's 'then'", then_keys, NULL };

static const struct doc_key alert_keys[] = {
	{ "after", YAML_SCALAR, true, take_duration, offsetof(struct alert_rule, after_ms),
	  .decides = "how long an entry may stay open in silence" },
	{ "to", YAML_SCALAR, true, take_to, offsetof(struct alert_rule, to),
	  .decides = "the role that is told" },
	{ "then", YAML_MAP, false, take_level, 0, .level = &then_level,
	  .decides = "who is told when nothing happens" },
	{ 0 },
};
const struct doc_level alert_level = { "an alert", alert_keys, NULL };

static void take_kinds(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct treaty_alerts *all = member;
	const struct yaml_pair **p =
		arena_array(d->arena, const struct yaml_pair *, (size_t)at->value->n + 1);
	int n = doc_names(d, at->value, "kind", NULL, p);
	all->kind = arena_array(d->arena, struct alert_kind_rule, (size_t)n + 1);
	for (int i = 0; i < n; i++) {
		struct alert_kind_rule *k = &all->kind[all->kind_n];
		k->kind = p[i]->key;
		if (!alert_kind_known(sv_of(k->kind)))
			complaints_add(d->complaints, p[i]->place,
				       "%s: no kind of entry in the conflict log%s",
				       doc_quote(d, k->kind),
				       doc_suggest(d, k->kind, alert_kinds, alert_kinds_n));
		else if (doc_expect(d, p[i]->value, YAML_MAP, p[i]->key, p[i]->place)) {
			doc_walk(d, &alert_level, p[i]->value, p[i]->place, &k->rule);
			all->kind_n++;
		}
	}
}

static void take_record_alerts(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	const struct treaty *t = d->whole;
	struct treaty_alerts *all = member;
	const struct yaml_pair **p =
		arena_array(d->arena, const struct yaml_pair *, (size_t)at->value->n + 1);
	int n = doc_names(d, at->value, "record type", NULL, p);
	all->record = arena_array(d->arena, struct alert_rule, (size_t)t->record_n + 1);
	for (int i = 0; i < n; i++) {
		struct yaml_node name = { YAML_SCALAR, p[i]->place, .text = p[i]->key };
		int record = find_record(d, &name);
		if (record >= 0 && doc_expect(d, p[i]->value, YAML_MAP, p[i]->key, p[i]->place))
			doc_walk(d, &alert_level, p[i]->value, p[i]->place, &all->record[record]);
	}
}

static const struct doc_key any_kind[] = {
	{ "*", YAML_MAP, false, NULL, .level = &alert_level,
	  .decides = "a kind of entry in the conflict log: rejected, unavailable, ..." },
	{ 0 },
};
static const struct doc_level kinds_level = { "'kinds'", any_kind, NULL };

static const struct doc_key any_record[] = {
	{ "*", YAML_MAP, false, NULL, .level = &alert_level, .decides = "a record type of the treaty" },
	{ 0 },
};
static const struct doc_level record_alerts_level = { "'records' of alerts", any_record, NULL };

static const struct doc_key alerts_keys[] = {
	{ "default", YAML_MAP, false, take_level, offsetof(struct treaty_alerts, fallback),
	  .level = &alert_level, .decides = "who is told where nothing else is said" },
	{ "kinds", YAML_MAP, false, take_kinds, 0, .level = &kinds_level,
	  .decides = "who is told of a kind of entry" },
	{ "records", YAML_MAP, false, take_record_alerts, 0, .level = &record_alerts_level,
	  .decides = "who is told of entries about a record type" },
	{ 0 },
};
const struct doc_level alerts_level = { "'alerts'", alerts_keys, NULL };

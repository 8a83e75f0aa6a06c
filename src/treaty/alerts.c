#include "treaty/alerts.h"

#include "base/panic.h"

#define HOUR_MS (3600 * (int64_t)1000)

/* As the conflict log names them; tests/unit/test-settle.c holds the two to each
 * other. */
const char *const alert_kinds[] = {
	"conflict",    "edit",		"rejected",    "ambiguous", "overtaken", "altered", "loop",
	"drift",       "unavailable",	"undeliverable", "mass_change", "sweep", "silence", "gap", "backward", "backlog",
	"self_check", "quota", "damaged",
};
const int alert_kinds_n = countof(alert_kinds);

bool alert_kind_known(struct sv kind)
{
	for (int i = 0; i < alert_kinds_n; i++)
		if (sv_eq(kind, sv_of(alert_kinds[i])))
			return true;
	return false;
}

int treaty_role_by_name(const struct treaty *t, struct sv name)
{
	for (int i = 0; i < t->role_n; i++)
		if (sv_eq(name, sv_of(t->role[i].name)))
			return i;
	return -1;
}

static const struct alert_rule *rule_of(const struct treaty *t, struct sv kind, int record,
					struct sv field)
{
	const struct treaty_alerts *all = &t->alerts;
	int f = record < 0 ? -1 : treaty_field_by_name(&t->record[record], field);
	if (f >= 0 && !sv_eq(kind, SV("drift")) && t->record[record].field[f].conflict.alert.after_ms)
		return &t->record[record].field[f].conflict.alert;
	for (int i = 0; i < all->kind_n; i++)
		if (sv_eq(kind, sv_of(all->kind[i].kind)))
			return &all->kind[i].rule;
	if (record >= 0 && all->record && all->record[record].after_ms)
		return &all->record[record];
	return all->fallback.after_ms ? &all->fallback : NULL;
}

static bool signs(const struct treaty_domain *d, int role)
{
	for (int i = 0; i < d->signed_by_n; i++)
		if (d->signed_by[i] == role)
			return true;
	return false;
}

/* Nothing is said: those who agreed to it. */
static int signers(const struct treaty *t, int record, int64_t opened_ms, struct alert_due *out)
{
	int n = 0;
	for (int role = 0; role < t->role_n; role++) {
		bool told = false;
		for (int d = 0; d < t->domain_n; d++)
			if (record < 0 || t->record[record].domain == d)
				told = told || signs(&t->domain[d], role);
		if (told)
			out[n++] = (struct alert_due){
				0, role,
				working_after(t->role[role].hours, opened_ms,
					      record < 0 ? HOUR_MS / 2 : 4 * HOUR_MS)
			};
	}
	return n;
}

int alert_dues(const struct treaty *t, struct sv kind, struct sv record, struct sv field,
	       int64_t opened_ms, struct arena *a, struct alert_due **out)
{
	int r = treaty_record_by_name(t, record);
	const struct alert_rule *rule = rule_of(t, kind, r, field);
	*out = arena_array(a, struct alert_due, (size_t)t->role_n + 2);
	if (!rule)
		return signers(t, r, opened_ms, *out);
	int64_t at = working_after(t->role[rule->to].hours, opened_ms, rule->after_ms);
	(*out)[0] = (struct alert_due){ 0, rule->to, at };
	if (!rule->then_after_ms)
		return 1;
	if (at != WORKING_NEVER)
		at = working_after(t->role[rule->then_to].hours, at, rule->then_after_ms);
	(*out)[1] = (struct alert_due){ 1, rule->then_to, at };
	return 2;
}

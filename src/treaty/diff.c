#include "treaty/diff.h"

#include <string.h>

#include "base/panic.h"
#include "treaty/alerts.h"
#include "treaty/digest.h"
#include "treaty/wording.h"

struct diff {
	const struct treaty *was, *now;
	struct arena *a;
	struct amendment *list;
	int n, cap;
	struct amendment at; /* what is being compared: kind and path */
};

static void say(struct diff *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct diff *d, const char *fmt, ...)
{
	va_list ap;
	if (d->n == d->cap) {
		struct amendment *more = arena_array(d->a, struct amendment, (size_t)d->cap * 2 + 16);
		if (d->n)
			memcpy(more, d->list, sizeof(*more) * (size_t)d->n);
		d->list = more;
		d->cap = d->cap * 2 + 16;
	}
	d->list[d->n] = d->at;
	va_start(ap, fmt);
	d->list[d->n++].text = arena_vprintf(d->a, fmt, ap);
	va_end(ap);
}

/* One clause that reads the same in both is no change. */
static void say_now(struct diff *d, const char *what, const char *was, const char *now)
{
	if (strcmp(was, now) != 0)
		say(d, "%s: %s (was: %s)", what, now, was);
}

static const char *or_none(const char *text)
{
	return text ? text : "none";
}

static const char *yes_no(bool b)
{
	return b ? "yes" : "no";
}

/* ---- a field ---- */

static const struct map_entry *entry_of(const struct treaty_field *f, enum side from, struct sv text)
{
	for (int i = 0; i < f->map_n; i++)
		if (sv_eq(f->map[i].side[from], text))
			return &f->map[i];
	return NULL;
}

static void diff_map(struct diff *d, const struct treaty_field *was, const struct treaty_field *now)
{
	enum side from = now->direction == BOTH_WAYS ? SIDE_ATS : field_owner(now);
	enum side to = side_other(from);
	for (int i = 0; i < now->map_n; i++) {
		struct sv key = now->map[i].side[from], value = now->map[i].side[to];
		const struct map_entry *old = entry_of(was, from, key);
		if (!old)
			say(d, "'%.*s' now becomes '%.*s' (was not in the map)", SV_ARG(key), SV_ARG(value));
		else if (!sv_eq(old->side[to], value))
			say(d, "'%.*s' now becomes '%.*s' (was '%.*s')", SV_ARG(key), SV_ARG(value),
			    SV_ARG(old->side[to]));
	}
	for (int i = 0; i < was->map_n; i++)
		if (!entry_of(now, from, was->map[i].side[from]))
			say(d, "'%.*s' is not in the map any more", SV_ARG(was->map[i].side[from]));
	if (was->map && now->map)
		say_now(d, "a value that the map does not know", word_unknown(was, d->a),
			word_unknown(now, d->a));
}

static void diff_direction(struct diff *d, const struct treaty_field *was,
			   const struct treaty_field *now)
{
	const struct treaty_record *r = &d->now->record[treaty_record_by_name(d->now, sv_of(d->at.record))];
	if (was->direction == now->direction)
		return;
	if (now->direction == BOTH_WAYS)
		say(d, "%s may now edit it; when both sides changed it: %s", side_name[was->direction],
		    word_winner(r, &now->conflict, d->a));
	else if (was->direction == BOTH_WAYS)
		say(d, "%s may not edit it any more: an edit there %s", side_name[now->direction],
		    word_on_edit(now->on_edit));
	else
		say(d, "%s's value holds now, and %s holds a copy (was the other way round)",
		    side_name[field_owner(now)], side_name[now->direction]);
}

static void diff_conflict(struct diff *d, const struct treaty_record *was_of,
			  const struct treaty_record *now_of, const struct treaty_field *was,
			  const struct treaty_field *now)
{
	if (was->direction != BOTH_WAYS || now->direction != BOTH_WAYS)
		return;
	say_now(d, "when both sides changed it", word_winner(was_of, &was->conflict, d->a),
		word_winner(now_of, &now->conflict, d->a));
	say_now(d, "while a side is away", word_unavailable(&was->conflict, d->a),
		word_unavailable(&now->conflict, d->a));
}

static const char *fellows(const struct treaty_record *r, const struct treaty_field *f, struct arena *a)
{
	struct sv text = SV("");
	for (int i = 0; f->together && i < r->field_n; i++)
		if (r->field[i].together == f->together)
			text = arena_printf(a, "%.*s%s%s", SV_ARG(text), text.len ? ", " : "",
					    r->field[i].name);
	return text.len ? text.ptr : "none";
}

/* All that people decided of it; whether its values are compared anew is said
 * by its rule. */
static void diff_field(struct diff *d, const struct treaty_record *was_of,
		       const struct treaty_record *now_of, const struct treaty_field *was,
		       const struct treaty_field *now)
{
	struct arena *a = d->a;
	int before = d->n;
	d->at.values = was->rule != now->rule;
	for (int s = 0; s < SIDES; s++)
		if (strcmp(was->api[s], now->api[s]) != 0)
			say(d, "it is %s in %s (was: %s)", now->api[s], side_name[s], was->api[s]);
	say_now(d, "its type", word_type(d->was, &was->type, a), word_type(d->now, &now->type, a));
	diff_direction(d, was, now);
	diff_conflict(d, was_of, now_of, was, now);
	if (now->direction != BOTH_WAYS && was->direction != BOTH_WAYS) {
		say_now(d, "an edit of the copy", word_on_edit(was->on_edit), word_on_edit(now->on_edit));
		say_now(d, "a blank owner clears a filled copy when they first meet",
			yes_no(was->blank_erases), yes_no(now->blank_erases));
	}
	say_now(d, "delivery", word_deliver(was->deliver), word_deliver(now->deliver));
	diff_map(d, was, now);
	say_now(d, "its order", word_order(was, a), word_order(now, a));
	say_now(d, "characters that the copy keeps",
		was->truncate ? arena_printf(a, "%d", was->truncate).ptr : "all",
		now->truncate ? arena_printf(a, "%d", now->truncate).ptr : "all");
	if (d->at.values && d->n == before)
		say(d, "its rule changed");
	d->at.values = false; /* these decide no value */
	say_now(d, "masked in output", yes_no(was->confidential), yes_no(now->confidential));
	say_now(d, "held and sent together with", fellows(was_of, was, a), fellows(now_of, now, a));
	say_now(d, "who is told of a conflict", word_alert(d->was, &was->conflict.alert, a),
		word_alert(d->now, &now->conflict.alert, a));
}

/* Fields that a rule of the record type makes (keys, what a deletion sets) are
 * told there. */
static bool made(const struct treaty_field *f)
{
	return f->api[SIDE_ATS][0] == '$' || f->api[SIDE_SALESFORCE][0] == '$';
}

static void diff_fields(struct diff *d, const struct treaty_record *was,
			const struct treaty_record *now)
{
	d->at.kind = AMENDS_FIELD;
	for (int i = 0; i < now->field_n; i++) {
		const struct treaty_field *f = &now->field[i];
		int old = treaty_field_by_name(was, sv_of(f->name));
		d->at.field = f->name;
		d->at.values = true;
		if (made(f))
			continue;
		if (old < 0)
			say(d, "new: %s (ats) and %s (salesforce), %s; %s", f->api[SIDE_ATS],
			    f->api[SIDE_SALESFORCE], word_type(d->now, &f->type, d->a),
			    word_direction(f, d->a));
		else
			diff_field(d, was, now, &was->field[old], f);
	}
	d->at.values = false;
	for (int i = 0; i < was->field_n; i++) {
		const struct treaty_field *f = &was->field[i];
		d->at.field = f->name;
		if (!made(f) && treaty_field_by_name(now, sv_of(f->name)) < 0)
			say(d, "not kept in agreement any more; both sides keep what they hold");
	}
}

/* ---- a record type ---- */

static const char *word_mass(const struct mass_change *m, struct arena *a)
{
	struct sv text = arena_printf(a, "within %s", word_span(m->within_ms, a));
	for (int i = 0; i < MASS_WHATS; i++)
		text = m->of[i].share_percent ?
			       arena_printf(a, "%.*s, %s %d%% and %d", SV_ARG(text),
					    mass_what_name((enum mass_what)i), m->of[i].share_percent,
					    m->of[i].least) :
			       arena_printf(a, "%.*s, %s never", SV_ARG(text),
					    mass_what_name((enum mass_what)i));
	return text.ptr;
}

static void diff_record(struct diff *d, const struct treaty_record *was,
			const struct treaty_record *now)
{
	struct arena *a = d->a;
	say_now(d, "its domain, and so its owner", d->was->domain[was->domain].name,
		d->now->domain[now->domain].name);
	for (int s = 0; s < SIDES; s++) {
		const char *at = side_name[s];
		d->at.values = true;
		say_now(d, arena_printf(a, "its object in %s", at).ptr, was->side[s].object,
			now->side[s].object);
		say_now(d, arena_printf(a, "the key in %s", at).ptr, or_none(was->side[s].key),
			or_none(now->side[s].key));
		say_now(d, arena_printf(a, "when %s's record was deleted", at).ptr,
			word_deleted(was, (enum side)s, a), word_deleted(now, (enum side)s, a));
		d->at.values = false;
		say_now(d, arena_printf(a, "created in %s when it is missing", at).ptr,
			yes_no(was->side[s].create), yes_no(now->side[s].create));
	}
	say_now(d, "how a pair is recognised", word_match(was, a), word_match(now, a));
	say_now(d, "what halts the writing", word_mass(&was->mass, a), word_mass(&now->mass, a));
	diff_fields(d, was, now);
}

static void diff_records(struct diff *d)
{
	for (int i = 0; i < d->now->record_n; i++) {
		const struct treaty_record *r = &d->now->record[i];
		int old = treaty_record_by_name(d->was, sv_of(r->name));
		d->at = (struct amendment){ AMENDS_RECORD, d->now->domain[r->domain].name, r->name };
		if (old < 0)
			say(d, "new: %s in ats and %s in salesforce, %d fields", r->side[SIDE_ATS].object,
			    r->side[SIDE_SALESFORCE].object, r->field_n);
		else
			diff_record(d, &d->was->record[old], r);
	}
	for (int i = 0; i < d->was->record_n; i++) {
		const struct treaty_record *r = &d->was->record[i];
		d->at = (struct amendment){ AMENDS_RECORD, d->was->domain[r->domain].name, r->name };
		if (treaty_record_by_name(d->now, sv_of(r->name)) < 0)
			say(d, "not kept in agreement any more; both sides keep their records");
	}
}

/* ---- head and domains ---- */

static const char *word_hours(const struct treaty_role *r, struct arena *a)
{
	if (!r->hours)
		return "round the clock";
	struct sv text = arena_printf(a, "%s %s", working_text(r->hours, a).ptr, r->hours->zone->name);
	return r->hours->holiday_n ? arena_printf(a, "%.*s, %d holidays", SV_ARG(text),
						  r->hours->holiday_n).ptr : text.ptr;
}

static void diff_roles(struct diff *d)
{
	for (int i = 0; i < d->now->role_n; i++) {
		const struct treaty_role *now = &d->now->role[i];
		int old = treaty_role_by_name(d->was, sv_of(now->name));
		if (old < 0) {
			say(d, "role %s: new", now->name);
			continue;
		}
		const struct treaty_role *was = &d->was->role[old];
		if (strcmp(or_none(was->key), or_none(now->key)) != 0)
			say(d, "role %s: %s (%s)", now->name, was->key ? "another key" : "has a key now",
			    or_none(now->key));
		say_now(d, arena_printf(d->a, "role %s: title", now->name).ptr, or_none(was->title),
			or_none(now->title));
		say_now(d, arena_printf(d->a, "role %s: hours", now->name).ptr, word_hours(was, d->a),
			word_hours(now, d->a));
	}
	for (int i = 0; i < d->was->role_n; i++)
		if (treaty_role_by_name(d->now, sv_of(d->was->role[i].name)) < 0)
			say(d, "role %s: gone", d->was->role[i].name);
}

static const char *owner_name(enum owner o)
{
	static const char *const name[] = { "ats", "salesforce", "finance" };
	return name[o];
}

static int domain_by_name(const struct treaty *t, const char *name)
{
	for (int i = 0; i < t->domain_n; i++)
		if (strcmp(t->domain[i].name, name) == 0)
			return i;
	return -1;
}

/* Ascending, for the order of signatures means nothing. */
static const char *signers(const struct treaty *t, const struct treaty_domain *dom, struct arena *a)
{
	struct sv text = SV("");
	const char *last = "";
	for (int n = 0; n < dom->signed_by_n; n++) {
		const char *next = NULL;
		for (int k = 0; k < dom->signed_by_n; k++) {
			const char *name = t->role[dom->signed_by[k]].name;
			if (strcmp(name, last) > 0 && (!next || strcmp(name, next) < 0))
				next = name;
		}
		text = arena_printf(a, "%.*s%s%s", SV_ARG(text), text.len ? ", " : "", next);
		last = next;
	}
	return text.ptr;
}

static void diff_domains(struct diff *d)
{
	for (int i = 0; i < d->now->domain_n; i++) {
		const struct treaty_domain *now = &d->now->domain[i];
		int old = domain_by_name(d->was, now->name);
		d->at = (struct amendment){ AMENDS_DOMAIN, now->name };
		if (old < 0) {
			say(d, "new, owned by %s, signed by %s", owner_name(now->owner),
			    signers(d->now, now, d->a));
			continue;
		}
		say_now(d, "owner", owner_name(d->was->domain[old].owner), owner_name(now->owner));
		say_now(d, "signed by", signers(d->was, &d->was->domain[old], d->a),
			signers(d->now, now, d->a));
	}
	for (int i = 0; i < d->was->domain_n; i++) {
		d->at = (struct amendment){ AMENDS_DOMAIN, d->was->domain[i].name };
		if (domain_by_name(d->now, d->was->domain[i].name) < 0)
			say(d, "gone");
	}
}

/* Order of record types, alerts: what changed is said by the digest of the
 * head alone. The version is no change of meaning here. */
static void diff_rest_of_head(struct diff *d, int told)
{
	struct treaty now = *d->now;
	unsigned char was_digest[32], now_digest[32];
	now.version = d->was->version;
	treaty_head_digest(d->was, was_digest);
	treaty_head_digest(&now, now_digest);
	if (memcmp(was_digest, now_digest, 32) == 0)
		return;
	struct sv orders[2] = { SV(""), SV("") };
	const struct treaty *both[2] = { d->was, d->now };
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < both[k]->record_n; i++)
			orders[k] = arena_printf(d->a, "%.*s%s%s", SV_ARG(orders[k]), i ? ", " : "",
						 both[k]->record[i].name);
	say_now(d, "record types, first to be written first", orders[0].ptr ? orders[0].ptr : "",
		orders[1].ptr ? orders[1].ptr : "");
	say_now(d, "who is told of what no field's own rule covers",
		word_alert(d->was, &d->was->alerts.fallback, d->a),
		word_alert(d->now, &d->now->alerts.fallback, d->a));
	if (d->n == told)
		say(d, "the rules of who is told changed");
}

static void diff_head(struct diff *d)
{
	int before = d->n;
	d->at = (struct amendment){ AMENDS_HEAD };
	say_now(d, "name", d->was->name, d->now->name);
	for (int s = 0; s < SIDES; s++)
		say_now(d, arena_printf(d->a, "system %s", side_name[s]).ptr, d->was->system[s],
			d->now->system[s]);
	say_now(d, "finance system", or_none(d->was->finance), or_none(d->now->finance));
	diff_roles(d);
	diff_rest_of_head(d, before);
}

int treaty_diff(const struct treaty *before, const struct treaty *now, struct arena *a,
		struct amendment **out)
{
	struct diff d = { .was = before, .now = now, .a = a };
	diff_head(&d);
	diff_domains(&d);
	diff_records(&d);
	*out = d.list;
	return d.n;
}

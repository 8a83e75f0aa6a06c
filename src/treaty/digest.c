#include "treaty/digest.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/panic.h"

/* ---- the tree ---- */

struct meaning {
	char kind; /* 't', 'l', 'm' */
	struct sv key, text;
	struct meaning *first, *last, *next;
	int n;
};

static struct meaning *make(struct arena *a, char kind)
{
	struct meaning *m = arena_new(a, struct meaning);
	m->kind = kind;
	return m;
}

/* Adds to a mapping, or to a list with an empty key; returns the added. */
static struct meaning *add(struct meaning *to, const char *key, struct meaning *child)
{
	child->key = sv_of(key);
	if (to->last)
		to->last->next = child;
	else
		to->first = child;
	to->last = child;
	to->n++;
	return child;
}

static void add_sv(struct arena *a, struct meaning *to, const char *key, struct sv text)
{
	add(to, key, make(a, 't'))->text = text;
}

static void add_text(struct arena *a, struct meaning *to, const char *key, const char *text)
{
	if (text)
		add_sv(a, to, key, sv_of(text));
}

static void add_number(struct arena *a, struct meaning *to, const char *key, int64_t n)
{
	add_sv(a, to, key, arena_printf(a, "%" PRId64, n));
}

static void add_bool(struct arena *a, struct meaning *to, const char *key, bool b)
{
	add_text(a, to, key, b ? "true" : "false");
}

static int by_key(const void *x, const void *y)
{
	const struct meaning *a = *(struct meaning *const *)x, *b = *(struct meaning *const *)y;
	return sv_cmp(a->key, b->key);
}

static void write_text(struct sv text, struct buf *out)
{
	buf_addf(out, "t%zu:", text.len);
	buf_add(out, text);
}

static void write_out(const struct meaning *m, struct arena *a, struct buf *out)
{
	if (m->kind == 't') {
		write_text(m->text, out);
		return;
	}
	struct meaning **child = arena_array(a, struct meaning *, (size_t)m->n);
	int n = 0;
	for (struct meaning *c = m->first; c; c = c->next)
		child[n++] = c;
	if (m->kind == 'm')
		qsort(child, (size_t)n, sizeof(*child), by_key);
	buf_addf(out, "%c%d:", m->kind, n);
	for (int i = 0; i < n; i++) {
		if (m->kind == 'm')
			write_text(child[i]->key, out);
		write_out(child[i], a, out);
	}
}

/* ---- names of what the structs hold ---- */

static const char *const owner_names[] = { "ats", "salesforce", "finance" };
static const char *const direction_names[] = {
	[TO_ATS] = "salesforce_to_ats", [TO_SALESFORCE] = "ats_to_salesforce", [BOTH_WAYS] = "both"
};
static const char *const winner_names[] = {
	[WINNER_ATS] = "ats", [WINNER_SALESFORCE] = "salesforce", [WINNER_REVIEW] = "review",
	[WINNER_UNION] = "union", [WINNER_BY] = "by"
};
static const char *const edit_names[] = { "restore", "report", "ignore" };
static const char *const deliver_names[] = { "state", "each" };
static const char *const unknown_names[] = { "hold", "pass", "default" };
static const char *const deleted_names[] = {
	[DELETED_REVIEW] = "review", [DELETED_KEEP] = "keep", [DELETED_SET] = "set",
	[DELETED_CREATE] = "create"
};
static const char *const then_names[] = { "review", "hold" };

/* ---- fields ---- */

static void add_type(struct arena *a, struct meaning *to, const struct treaty *t,
		     const struct value_type *type)
{
	struct meaning *m = add(to, "type", make(a, 'm'));
	add_text(a, m, "kind", type_name(type->kind));
	if (type->kind == TYPE_DECIMAL || type->kind == TYPE_CURRENCY)
		add_number(a, m, "scale", type->scale);
	if (type->kind == TYPE_PHONE)
		add_text(a, m, "region", type->region);
	if (type->kind == TYPE_LINK)
		add_text(a, m, "record", t->record[type->link_record].name);
}

static void add_map(struct arena *a, struct meaning *to, const struct treaty_field *f)
{
	if (!f->map)
		return;
	/* from the owner's side, whose values are unique; the ATS's else */
	enum side from = f->direction == BOTH_WAYS ? SIDE_ATS : field_owner(f);
	struct meaning *m = add(to, "map", make(a, 'm'));
	for (int i = 0; i < f->map_n; i++)
		add_sv(a, m, arena_str(a, f->map[i].side[from]), f->map[i].side[side_other(from)]);
	add_text(a, to, "map_unknown", unknown_names[f->map_unknown]);
	if (f->map_unknown == MAP_UNKNOWN_DEFAULT)
		add_sv(a, to, "map_default", f->map_default);
}

static void add_value(struct arena *a, struct meaning *to, const char *key, struct value v)
{
	struct meaning *m = add(to, key, make(a, 'm'));
	add_text(a, m, "kind", value_kind_name(v.kind));
	add_sv(a, m, "text", v.text);
}

static void add_winner_by(struct arena *a, struct meaning *to, const struct treaty_record *r,
			  const struct winner_by *by)
{
	struct meaning *m = add(to, "by", make(a, 'm'));
	add_text(a, m, "field", r->field[by->field].name);
	struct meaning *when = add(m, "when", make(a, 'm'));
	for (int i = 0; i < by->when_n; i++)
		add_text(a, when, arena_str(a, by->when[i].value.text),
			 winner_names[by->when[i].winner]);
	add_text(a, m, "otherwise", winner_names[by->otherwise]);
}

static void add_order(struct arena *a, struct meaning *to, const struct treaty_field *f)
{
	struct meaning *m = add(to, "order", make(a, 'm'));
	for (int i = 0; i < f->order_n; i++)
		add_number(a, m, arena_str(a, f->order[i].value.text), f->order[i].rank);
}

static void add_conflict(struct arena *a, struct meaning *to, const struct treaty_record *r,
			 const struct conflict_rule *c)
{
	struct meaning *m = add(to, "conflict", make(a, 'm'));
	add_text(a, m, "winner", winner_names[c->winner]);
	if (c->winner == WINNER_BY)
		add_winner_by(a, m, r, &c->by);
	struct meaning *u = add(m, "unavailable", make(a, 'm'));
	add_number(a, u, "retry_first_ms", c->unavailable.retry_first_ms);
	add_number(a, u, "retry_max_ms", c->unavailable.retry_max_ms);
	add_number(a, u, "for_ms", c->unavailable.for_ms);
	add_text(a, u, "then", then_names[c->unavailable.then]);
}

/* All that decides the field's values. */
static struct meaning *rule_meaning(struct arena *a, const struct treaty *t,
				    const struct treaty_record *r, const struct treaty_field *f)
{
	struct meaning *m = make(a, 'm');
	add_text(a, m, "ats", f->api[SIDE_ATS]);
	add_text(a, m, "salesforce", f->api[SIDE_SALESFORCE]);
	add_type(a, m, t, &f->type);
	add_text(a, m, "direction", direction_names[f->direction]);
	add_text(a, m, "deliver", deliver_names[f->deliver]);
	add_map(a, m, f);
	if (f->direction == BOTH_WAYS) {
		add_conflict(a, m, r, &f->conflict);
	} else {
		add_text(a, m, "on_edit", edit_names[f->on_edit]);
		add_bool(a, m, "blank_erases", f->blank_erases);
	}
	if (f->truncate)
		add_number(a, m, "truncate", f->truncate);
	if (f->order_n)
		add_order(a, m, f);
	if (field_of_existence(f)) {
		add_value(a, m, "if_present", f->if_present);
		add_value(a, m, "if_deleted", f->if_deleted);
	}
	return m;
}

/* ---- who is told ---- */

static void add_alert(struct arena *a, struct meaning *to, const char *key,
		      const struct treaty *t, const struct alert_rule *rule)
{
	if (!rule->after_ms)
		return;
	struct meaning *m = add(to, key, make(a, 'm'));
	add_number(a, m, "after_ms", rule->after_ms);
	add_text(a, m, "to", t->role[rule->to].name);
	if (rule->then_after_ms) {
		add_number(a, m, "then_after_ms", rule->then_after_ms);
		add_text(a, m, "then_to", t->role[rule->then_to].name);
	}
}

/* Left out when nothing is said, as treaties of before it could be said. */
static void add_alerts(struct arena *a, struct meaning *to, const struct treaty *t)
{
	const struct treaty_alerts *all = &t->alerts;
	struct meaning *m = make(a, 'm'), *kinds = make(a, 'm'), *records = make(a, 'm');
	add_alert(a, m, "default", t, &all->fallback);
	for (int i = 0; i < all->kind_n; i++)
		add_alert(a, kinds, all->kind[i].kind, t, &all->kind[i].rule);
	for (int i = 0; all->record && i < t->record_n; i++)
		add_alert(a, records, t->record[i].name, t, &all->record[i]);
	if (kinds->n)
		add(m, "kinds", kinds);
	if (records->n)
		add(m, "records", records);
	if (m->n)
		add(to, "alerts", m);
}

/* ---- the rest ---- */

/* Only where it is not the usual: so what was signed before there was such a
 * rule means what it meant. */
static void add_mass(struct arena *a, struct meaning *to, const struct mass_change *mass)
{
	if (memcmp(mass, &mass_usual, sizeof(*mass)) == 0)
		return;
	struct meaning *m = add(to, "mass_change", make(a, 'm'));
	for (int i = 0; i < MASS_WHATS; i++) {
		struct meaning *rule = add(m, mass_what_name((enum mass_what)i), make(a, 'm'));
		add_number(a, rule, "share", mass->of[i].share_percent);
		add_number(a, rule, "least", mass->of[i].least);
	}
	add_number(a, m, "within_ms", mass->within_ms);
}

static void add_record(struct arena *a, struct meaning *list, const struct treaty *t,
		       const struct treaty_record *r)
{
	struct meaning *m = add(list, "", make(a, 'm'));
	add_text(a, m, "name", r->name);
	add_text(a, m, "domain", t->domain[r->domain].name);
	for (int s = 0; s < SIDES; s++) {
		struct meaning *side = add(m, side_name[s], make(a, 'm'));
		add_text(a, side, "object", r->side[s].object);
		add_text(a, side, "key", r->side[s].key);
		add_bool(a, side, "create", r->side[s].create);
		/* only where it is not the usual, as with mass_change */
		if (r->side[s].deleted != DELETED_REVIEW)
			add_text(a, side, "when_deleted", deleted_names[r->side[s].deleted]);
	}
	struct meaning *match = add(m, "match", make(a, 'l'));
	for (int i = 0; i < r->match_n; i++) {
		struct meaning *way = add(match, "", make(a, 'l'));
		for (int k = 0; k < r->match[i].n; k++)
			add_text(a, way, "", r->field[r->match[i].field[k]].name);
	}
	add_mass(a, m, &r->mass);
	struct meaning *fields = add(m, "fields", make(a, 'm'));
	for (int i = 0; i < r->field_n; i++) {
		const struct treaty_field *f = &r->field[i];
		struct meaning *field = add(fields, f->name, rule_meaning(a, t, r, f));
		add_bool(a, field, "confidential", f->confidential);
		if (f->together)
			add_number(a, field, "together", f->together);
		if (f->direction == BOTH_WAYS)
			add_alert(a, field, "alert", t, &f->conflict.alert);
	}
}

static void add_hours(struct arena *a, struct meaning *role, const struct working *w)
{
	add_sv(a, role, "hours",
	       arena_printf(a, "%s %s", working_text(w, a).ptr, w->zone->name));
	/* a mapping, because the order of dates means nothing */
	struct meaning *days = make(a, 'm');
	for (int i = 0; i < w->holiday_n; i++) {
		int year, month, day;
		date_from_days(w->holiday[i], &year, &month, &day);
		add_text(a, days, arena_printf(a, "%04d-%02d-%02d", year, month, day).ptr, "closed");
	}
	if (days->n)
		add(role, "holidays", days);
}

static struct meaning *head_meaning(struct arena *a, const struct treaty *t)
{
	struct meaning *m = make(a, 'm');
	add_text(a, m, "treaty", "1");
	add_text(a, m, "name", t->name);
	add_number(a, m, "version", t->version);
	struct meaning *systems = add(m, "systems", make(a, 'm'));
	for (int s = 0; s < SIDES; s++)
		add_text(a, systems, side_name[s], t->system[s]);
	add_text(a, systems, "finance", t->finance);
	struct meaning *roles = add(m, "roles", make(a, 'm'));
	for (int i = 0; i < t->role_n; i++) {
		struct meaning *role = add(roles, t->role[i].name, make(a, 'm'));
		add_text(a, role, "title", t->role[i].title);
		add_text(a, role, "key", t->role[i].key);
		if (t->role[i].hours)
			add_hours(a, role, t->role[i].hours);
	}
	return m;
}

static struct meaning *domain_meaning(struct arena *a, const struct treaty *t, int domain)
{
	const struct treaty_domain *d = &t->domain[domain];
	struct meaning *m = make(a, 'm');
	add_text(a, m, "owner", owner_names[d->owner]);
	/* a mapping, because the order of signatures means nothing */
	struct meaning *by = add(m, "signed_by", make(a, 'm'));
	for (int k = 0; k < d->signed_by_n; k++)
		add_text(a, by, t->role[d->signed_by[k]].name, "signs");
	return m;
}

static void add_domains(struct arena *a, struct meaning *to, const struct treaty *t)
{
	struct meaning *domains = add(to, "domains", make(a, 'm'));
	for (int i = 0; i < t->domain_n; i++)
		add(domains, t->domain[i].name, domain_meaning(a, t, i));
}

void treaty_canonical(const struct treaty *t, struct buf *out)
{
	struct arena a;
	arena_init(&a);
	struct meaning *m = head_meaning(&a, t);
	add_domains(&a, m, t);
	struct meaning *records = add(m, "records", make(&a, 'l'));
	for (int i = 0; i < t->record_n; i++)
		add_record(&a, records, t, &t->record[i]);
	add_alerts(&a, m, t);
	write_out(m, &a, out);
	arena_finish(&a);
}

void field_canonical(const struct treaty *t, const struct treaty_record *r,
		     const struct treaty_field *f, struct buf *out)
{
	struct arena a;
	arena_init(&a);
	struct meaning *m = make(&a, 'm');
	add_text(&a, m, "record", r->name);
	for (int s = 0; s < SIDES; s++)
		add_text(&a, m, side_name[s], r->side[s].object);
	add_text(&a, m, "field", f->name);
	add(m, "rule", rule_meaning(&a, t, r, f));
	write_out(m, &a, out);
	arena_finish(&a);
}

static void sha256(const struct buf *b, unsigned char out[32])
{
	if (b->full)
		panic("a treaty's meaning is longer than %zu bytes", b->max);
	SHA256((const unsigned char *)b->ptr, b->len, out);
}

static void digest_of(const struct meaning *m, struct arena *a, unsigned char out[32])
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	write_out(m, a, &b);
	sha256(&b, out);
	buf_finish(&b);
}

void treaty_head_digest(const struct treaty *t, unsigned char out[32])
{
	struct arena a;
	arena_init(&a);
	struct meaning *m = head_meaning(&a, t), *domains = add(m, "domains", make(&a, 'm')),
		       *records = add(m, "records", make(&a, 'l'));
	for (int i = 0; i < t->domain_n; i++)
		add_text(&a, domains, t->domain[i].name, "domain");
	for (int i = 0; i < t->record_n; i++)
		add_text(&a, records, "", t->record[i].name);
	add_alerts(&a, m, t);
	digest_of(m, &a, out);
	arena_finish(&a);
}

void treaty_domain_digest(const struct treaty *t, int domain, unsigned char out[32])
{
	struct arena a;
	arena_init(&a);
	struct meaning *m = domain_meaning(&a, t, domain), *records = add(m, "records", make(&a, 'l'));
	for (int i = 0; i < t->record_n; i++)
		if (t->record[i].domain == domain)
			add_record(&a, records, t, &t->record[i]);
	digest_of(m, &a, out);
	arena_finish(&a);
}

void treaty_digest(struct treaty *t)
{
	struct buf b;
	unsigned char hash[32];
	buf_init(&b, SIZE_MAX / 2);
	for (int i = 0; i < t->record_n; i++) {
		struct treaty_record *r = &t->record[i];
		for (int k = 0; k < r->field_n; k++) {
			buf_clear(&b);
			field_canonical(t, r, &r->field[k], &b);
			sha256(&b, hash);
			uint64_t rule = 0;
			for (int byte = 0; byte < 8; byte++)
				rule = rule << 8 | hash[byte];
			r->field[k].rule = rule ? rule : 1; /* 0 means 'no base' */
		}
	}
	buf_clear(&b);
	treaty_canonical(t, &b);
	sha256(&b, t->digest);
	buf_finish(&b);
}

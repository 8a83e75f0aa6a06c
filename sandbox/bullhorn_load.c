/* The firm of people.h as Bullhorn holds it. */
#include <inttypes.h>

#include "base/panic.h"
#include "bullhorn.h"

enum { DAY_MS = 86400000, LOADER_MAX = 32 };

/* One table being filled: fields are looked up once, not once a row. */
struct loader {
	struct table *table;
	struct arena arena; /* of one row */
	const char *const *names;
	int fields[LOADER_MAX];
	struct assignment set[LOADER_MAX];
	size_t n, next;
	struct sv by;
};

static void loader_init(struct loader *l, struct table *t, const char *const *names, size_t n,
			struct sv by)
{
	*l = (struct loader){ .table = t, .names = names, .n = n, .by = by };
	arena_init(&l->arena);
	for (size_t i = 0; i < n; i++) {
		l->fields[i] = table_field(t, sv_of(names[i]));
		if (l->fields[i] < 0)
			panic("%s has no field %s", t->def->name, names[i]);
	}
}

/* Values come in the order of the names. */
static void put(struct loader *l, struct sv value)
{
	l->set[l->next] = (struct assignment){ l->fields[l->next], value };
	l->next++;
}

static void put_text(struct loader *l, const char *s)
{
	put(l, sv_of(s));
}

static void put_number(struct loader *l, int64_t n)
{
	put(l, n == PEOPLE_NONE ? SV_NONE : arena_printf(&l->arena, "%" PRId64, n));
}

static void put_day(struct loader *l, int64_t day)
{
	put_number(l, day == PEOPLE_NONE ? day : day * DAY_MS);
}

static void put_cents(struct loader *l, int64_t cents)
{
	put(l, cents == PEOPLE_NONE ? SV_NONE
				    : arena_printf(&l->arena, "%" PRId64 ".%02d00", cents / 100,
						   (int)(cents % 100)));
}

static void put_reference(struct loader *l, enum bh_entity e, int64_t index)
{
	put_number(l, (int64_t)bh_types[e].first_id + index);
}

static void put_address(struct loader *l, const char *street, const char *city, const char *state,
			const char *zip)
{
	put_text(l, street);
	put_text(l, city);
	put_text(l, state);
	put_text(l, zip);
}

static void add_row(struct loader *l, int64_t created_ms, int64_t modified_ms)
{
	if (l->next != l->n)
		panic("%s: %zu of %zu values", l->table->def->name, l->next, l->n);
	struct row *r = table_load(l->table, l->set, l->n, l->by, created_ms);
	r->modified_ms = modified_ms;
	l->next = 0;
	arena_reset(&l->arena);
}

#define LOADER(l, b, e, ...)                                                                       \
	static const char *const names[] = { __VA_ARGS__ };                                        \
	struct loader l;                                                                           \
	loader_init(&l, (b)->tables[e], names, countof(names), first_user(b))

static struct sv first_user(const struct bullhorn *b)
{
	struct table *users = b->tables[BH_CORPORATE_USER];
	return users->rows_len ? users->rows[0]->id : SV("0");
}

static void load_users(struct bullhorn *b, const struct people *p)
{
	LOADER(l, b, BH_CORPORATE_USER, "firstName", "lastName", "name", "email", "username");
	for (size_t i = 0; i <= p->recruiters_len; i++) {
		bool api = i == p->recruiters_len;
		struct sv name = api ? SV("Sandbox Integration") : sv_of(p->recruiters[i]), first,
			  last;
		sv_cut(name, ' ', &first, &last);
		if (api)
			l.table->next_number = bh_types[BH_CORPORATE_USER].first_id +
					       BH_API_USER_OFFSET;
		put(&l, first);
		put(&l, last);
		put(&l, name);
		put(&l, arena_printf(&l.arena, "%.*s@staffing.example.com", SV_ARG(first)));
		put(&l, api ? SV(BULLHORN_USER)
			    : arena_printf(&l.arena, "%.*s.%.*s", SV_ARG(first), SV_ARG(last)));
		int64_t at = p->now_ms - 1500 * (int64_t)DAY_MS;
		add_row(&l, at, at);
	}
	snprintf(b->api_user, sizeof(b->api_user), "%.*s",
		 SV_ARG(l.table->rows[l.table->rows_len - 1]->id));
	arena_finish(&l.arena);
}

static void load_companies(struct bullhorn *b, const struct people *p)
{
	LOADER(l, b, BH_CLIENT_CORPORATION, "name", "status", "phone", "companyURL", "address1",
	       "city", "state", "zip", "industryList", "companyDescription");
	for (size_t i = 0; i < p->counts.companies; i++) {
		const struct company *c = &p->companies[i];
		put_text(&l, c->name);
		put_text(&l, c->ats_status);
		put_text(&l, c->phone);
		put_text(&l, c->website);
		put_address(&l, c->street, c->city, c->state, c->zip);
		put_text(&l, c->industry);
		put_text(&l, c->description);
		add_row(&l, c->created_ms, c->modified_ms);
	}
	arena_finish(&l.arena);
}

static void load_contacts(struct bullhorn *b, const struct people *p)
{
	LOADER(l, b, BH_CLIENT_CONTACT, "firstName", "lastName", "name", "email", "phone",
	       "occupation", "status", "clientCorporation", "owner");
	for (size_t i = 0; i < p->counts.contacts; i++) {
		const struct client_contact *c = &p->contacts[i];
		put_text(&l, c->first_name);
		put_text(&l, c->last_name);
		put(&l, arena_printf(&l.arena, "%s %s", c->first_name, c->last_name));
		put_text(&l, c->email);
		put_text(&l, c->phone);
		put_text(&l, c->title);
		put_text(&l, "Active");
		put_reference(&l, BH_CLIENT_CORPORATION, c->company);
		put_reference(&l, BH_CORPORATE_USER, 0);
		add_row(&l, c->created_ms, c->modified_ms);
	}
	arena_finish(&l.arena);
}

static void load_candidates(struct bullhorn *b, const struct people *p)
{
	LOADER(l, b, BH_CANDIDATE, "firstName", "lastName", "name", "email", "phone", "mobile",
	       "occupation", "address1", "city", "state", "zip", "skillList", "comments", "status",
	       "dateAvailable", "hourlyRate", "massMailOptOut", "owner");
	for (size_t i = 0; i < p->counts.candidates; i++) {
		const struct candidate *c = &p->candidates[i];
		put_text(&l, c->first_name);
		put_text(&l, c->last_name);
		put(&l, arena_printf(&l.arena, "%s %s", c->first_name, c->last_name));
		put_text(&l, c->email);
		put_text(&l, c->phone);
		put_text(&l, c->mobile);
		put_text(&l, c->title);
		put_address(&l, c->street, c->city, c->state, c->zip);
		put_text(&l, c->skills);
		put_text(&l, c->description);
		put_text(&l, c->ats_status);
		put_day(&l, c->available_day);
		put_cents(&l, c->expected_pay_cents);
		put_text(&l, c->opted_out ? "true" : "false");
		put_reference(&l, BH_CORPORATE_USER, c->owner);
		add_row(&l, c->created_ms, c->modified_ms);
	}
	arena_finish(&l.arena);
}

static void load_jobs(struct bullhorn *b, const struct people *p)
{
	LOADER(l, b, BH_JOB_ORDER, "title", "status", "employmentType", "isOpen",
	       "clientCorporation", "clientContact", "numOpenings", "startDate", "dateEnd",
	       "payRate", "clientBillRate", "skillList", "description", "address1", "city", "state",
	       "zip", "owner");
	for (size_t i = 0; i < p->counts.job_orders; i++) {
		const struct job_order *j = &p->job_orders[i];
		const struct company *at = &p->companies[j->company];
		if (j->presence == PRESENT_ONLY)
			break; /* these come last */
		put_text(&l, j->title);
		put_text(&l, j->ats_status);
		put_text(&l, j->ats_employment);
		put_text(&l, j->open ? "true" : "false");
		put_reference(&l, BH_CLIENT_CORPORATION, j->company);
		put_reference(&l, BH_CLIENT_CONTACT, j->contact);
		put_number(&l, j->openings);
		put_day(&l, j->start_day);
		put_day(&l, j->end_day);
		put_cents(&l, j->pay_cents);
		put_cents(&l, j->bill_cents);
		put_text(&l, j->skills);
		put_text(&l, j->description);
		put_address(&l, at->street, at->city, at->state, at->zip);
		put_reference(&l, BH_CORPORATE_USER, j->owner);
		add_row(&l, j->created_ms, j->modified_ms);
	}
	arena_finish(&l.arena);
}

static void load_submissions(struct bullhorn *b, const struct people *p)
{
	LOADER(l, b, BH_JOB_SUBMISSION, "candidate", "jobOrder", "status", "sendingUser");
	for (size_t i = 0; i < p->counts.submissions; i++) {
		const struct submission *s = &p->submissions[i];
		put_reference(&l, BH_CANDIDATE, s->candidate);
		put_reference(&l, BH_JOB_ORDER, s->job_order);
		put_text(&l, s->ats_status);
		put_reference(&l, BH_CORPORATE_USER, s->owner);
		add_row(&l, s->created_ms, s->modified_ms);
	}
	arena_finish(&l.arena);
}

static void load_placements(struct bullhorn *b, const struct people *p)
{
	LOADER(l, b, BH_PLACEMENT, "candidate", "jobOrder", "jobSubmission", "status",
	       "employmentType", "dateBegin", "dateEnd", "payRate", "clientBillRate");
	for (size_t i = 0; i < p->counts.placements; i++) {
		const struct placement *m = &p->placements[i];
		put_reference(&l, BH_CANDIDATE, m->candidate);
		put_reference(&l, BH_JOB_ORDER, m->job_order);
		put_reference(&l, BH_JOB_SUBMISSION, m->submission);
		put_text(&l, m->ats_status);
		put_text(&l, m->ats_employment);
		put_day(&l, m->start_day);
		put_day(&l, m->end_day);
		put_cents(&l, m->pay_cents);
		put_cents(&l, m->bill_cents);
		add_row(&l, m->created_ms, m->modified_ms);
	}
	arena_finish(&l.arena);
}

void bh_load(struct bullhorn *b)
{
	const struct people *p = b->sys->box->people;
	for (int e = 0; e < BH_ENTITIES; e++)
		b->tables[e]->next_number = bh_types[e].first_id;
	load_users(b, p);
	load_companies(b, p);
	load_contacts(b, p);
	load_candidates(b, p);
	load_jobs(b, p);
	load_submissions(b, p);
	load_placements(b, p);
}

/* The org as it is found on the first day: years of copying by hand. */
#include "base/panic.h"
#include "salesforce.h"

/* One record on its way into a table. */
struct loading {
	struct salesforce *sf;
	struct table *t;
	struct assignment set[40];
	size_t len;
	struct arena a; /* reset a record */
};

static void put(struct loading *l, const char *field, struct sv value)
{
	int f = table_field(l->t, sv_of(field));
	if (f < 0)
		panic("%s has no field %s", l->t->def->name, field);
	if (value.len)
		l->set[l->len++] = (struct assignment){ f, value };
}

static void put_text(struct loading *l, const char *field, const char *text)
{
	if (text)
		put(l, field, sv_of(text));
}

static void put_day(struct loading *l, const char *field, int64_t day)
{
	int y, m, d;
	if (day == PEOPLE_NONE)
		return;
	date_from_days(day, &y, &m, &d);
	put(l, field, arena_printf(&l->a, "%04d-%02d-%02d", y, m, d));
}

static void put_cents(struct loading *l, const char *field, int64_t cents)
{
	int64_t rest = cents % 100;
	if (cents == PEOPLE_NONE)
		return;
	if (rest == 0)
		put(l, field, arena_printf(&l->a, "%lld", (long long)(cents / 100)));
	else if (rest % 10 == 0)
		put(l, field, arena_printf(&l->a, "%lld.%lld", (long long)(cents / 100), (long long)(rest / 10)));
	else
		put(l, field, arena_printf(&l->a, "%lld.%02lld", (long long)(cents / 100), (long long)rest));
}

static void put_flag(struct loading *l, const char *field, bool on)
{
	put(l, field, on ? SV("true") : SV("false"));
}

static void put_key(struct loading *l, enum presence p, size_t index)
{
	if (p == PRESENT_LINKED || p == PRESENT_DIFFERS)
		put(l, "Bullhorn_Id__c", arena_printf(&l->a, "%zu", index + 1));
}

static struct row *store(struct loading *l, int64_t at_ms)
{
	struct row *r = table_load(l->t, l->set, l->len, l->sf->humans[at_ms % 3], at_ms);
	l->len = 0;
	arena_reset(&l->a);
	return r;
}

static bool present(enum presence p)
{
	return p != PRESENT_MISSING;
}

/* Another value of the kind than the one given, for records that differ. */
static const char *other_status(const char *const values[], const char *now)
{
	return values[0] && now && strcmp(values[0], now) == 0 ? values[1] : values[0];
}

static struct sv other_phone(struct loading *l, size_t index)
{
	return arena_printf(&l->a, "+1 312 555 01%02zu", index % 100);
}

static struct row **load_accounts(struct loading *l, const struct people *p)
{
	static const char *const statuses[] = { "Prospect", "Client" };
	struct row **rows = must_zalloc((p->counts.companies + 1) * sizeof(struct row *));
	l->t = l->sf->account;
	for (size_t i = 0; i < p->counts.companies; i++) {
		const struct company *c = &p->companies[i];
		unsigned d = c->presence == PRESENT_DIFFERS ? c->differs : 0;
		for (int copy = 0; present(c->presence) && copy < 1 + (c->presence == PRESENT_TWICE); copy++) {
			put_text(l, "Name", c->name);
			put(l, "Phone", d & DIFFERS_PHONE ? other_phone(l, i) : sv_of(c->phone));
			put_text(l, "Website", c->website);
			put_text(l, "Industry", c->industry);
			put_text(l, "BillingStreet", c->street);
			put_text(l, "BillingCity", d & DIFFERS_CITY ? "Springfield" : c->city);
			put_text(l, "BillingState", c->state);
			put_text(l, "BillingPostalCode", c->zip);
			put_text(l, "BillingCountry", c->country);
			put_text(l, "Description", c->description);
			put_text(l, "Status__c",
				 d & DIFFERS_STATUS ? other_status(statuses, c->sf_status) : c->sf_status);
			put_key(l, c->presence, i);
			rows[i] = store(l, c->created_ms);
		}
	}
	return rows;
}

static void put_person(struct loading *l, const struct candidate *c, size_t i)
{
	static const char *const statuses[] = { "Active", "Inactive" };
	unsigned d = c->presence == PRESENT_DIFFERS ? c->differs : 0;
	put_text(l, "FirstName", c->first_name);
	put_text(l, "LastName", c->last_name);
	if (c->presence != PRESENT_SAME_NAME)
		put_text(l, "Email", c->email);
	put(l, "Phone", d & DIFFERS_PHONE ? other_phone(l, i) : sv_of(c->phone));
	put_text(l, "MobilePhone", c->mobile);
	put_text(l, "Title", d & DIFFERS_TITLE ? "Consultant" : c->title);
	put_text(l, "MailingStreet", c->street);
	put_text(l, "MailingCity", d & DIFFERS_CITY ? "Springfield" : c->city);
	put_text(l, "MailingState", c->state);
	put_text(l, "MailingPostalCode", c->zip);
	put_text(l, "MailingCountry", c->country);
	put_flag(l, "HasOptedOutOfEmail", c->opted_out != ((d & DIFFERS_OPT_OUT) != 0));
	put_text(l, "Description", c->description);
	put_text(l, "Status__c", d & DIFFERS_STATUS ? other_status(statuses, c->sf_status) : c->sf_status);
	put_text(l, "Skills__c", c->skills);
	put_day(l, "Available_From__c", c->available_day);
	put_cents(l, "Expected_Pay__c", c->expected_pay_cents);
	put_key(l, c->presence, i);
}

static struct row **load_candidates(struct loading *l, const struct people *p)
{
	struct row **rows = must_zalloc((p->counts.candidates + 1) * sizeof(struct row *));
	l->t = l->sf->contact;
	for (size_t i = 0; i < p->counts.candidates; i++) {
		const struct candidate *c = &p->candidates[i];
		for (int copy = 0; present(c->presence) && copy < 1 + (c->presence == PRESENT_TWICE); copy++) {
			put_person(l, c, i);
			rows[i] = store(l, c->created_ms);
		}
	}
	return rows;
}

/* The clients' people are Contacts too; their key field stays empty, since
 * Bullhorn numbers them apart from candidates. */
static void load_client_contacts(struct loading *l, const struct people *p, struct row **accounts)
{
	for (size_t i = 0; i < p->counts.contacts; i++) {
		const struct client_contact *c = &p->contacts[i];
		if (!present(c->presence))
			continue;
		put_text(l, "FirstName", c->first_name);
		put_text(l, "LastName", c->last_name);
		put_text(l, "Email", c->email);
		put_text(l, "Phone", c->phone);
		put_text(l, "Title", c->title);
		if (accounts[c->company])
			put(l, "AccountId", accounts[c->company]->id);
		store(l, c->created_ms);
	}
}

static struct row **load_job_orders(struct loading *l, const struct people *p, struct row **accounts)
{
	static const char *const statuses[] = { "Open", "Covered" };
	struct row **rows = must_zalloc((p->counts.job_orders + 1) * sizeof(struct row *));
	l->t = l->sf->job_order;
	for (size_t i = 0; i < p->counts.job_orders; i++) {
		const struct job_order *j = &p->job_orders[i];
		bool status = j->presence == PRESENT_DIFFERS && j->differs & DIFFERS_STATUS;
		if (!present(j->presence))
			continue;
		put_text(l, "Name", j->title);
		if (j->company != PEOPLE_NONE && accounts[j->company])
			put(l, "Account__c", accounts[j->company]->id);
		put_text(l, "Status__c", status ? other_status(statuses, j->sf_status) : j->sf_status);
		put_text(l, "Employment_Type__c", j->sf_employment);
		put(l, "Openings__c", arena_printf(&l->a, "%lld", (long long)j->openings));
		put_day(l, "Start_Date__c", j->start_day);
		put_cents(l, "Pay_Rate__c", j->pay_cents);
		put_cents(l, "Bill_Rate__c", j->bill_cents);
		put_text(l, "ATS_Status__c", j->ats_status);
		put_flag(l, "Is_Open__c", j->open);
		put_key(l, j->presence, i);
		rows[i] = store(l, j->created_ms);
	}
	return rows;
}

static void load_placements(struct loading *l, const struct people *p, struct row **contacts,
			    struct row **jobs)
{
	static const char *const statuses[] = { "New", "Active" };
	l->t = l->sf->placement;
	for (size_t i = 0; i < p->counts.placements; i++) {
		const struct placement *x = &p->placements[i];
		bool status = x->presence == PRESENT_DIFFERS && x->differs & DIFFERS_STATUS;
		if (!present(x->presence))
			continue;
		if (contacts[x->candidate])
			put(l, "Candidate__c", contacts[x->candidate]->id);
		if (jobs[x->job_order])
			put(l, "Job_Order__c", jobs[x->job_order]->id);
		put_text(l, "Status__c", status ? other_status(statuses, x->sf_status) : x->sf_status);
		put_text(l, "Employment_Type__c", x->sf_employment);
		put_day(l, "Start_Date__c", x->start_day);
		put_day(l, "End_Date__c", x->end_day);
		put_cents(l, "Pay_Rate__c", x->pay_cents);
		put_cents(l, "Bill_Rate__c", x->bill_cents);
		put_key(l, x->presence, i);
		store(l, x->created_ms);
	}
}

static struct sv load_user(struct loading *l, const char *first, const char *last, const char *name)
{
	char admin[32];
	l->t = l->sf->user;
	put_text(l, "FirstName", first);
	put_text(l, "LastName", last);
	put_text(l, "Username", name);
	put_text(l, "Email", name);
	struct row *r = table_load(l->t, l->set, l->len, sf_make_id(l->t->all, l->t, 1, admin),
				   l->sf->box->people->now_ms);
	l->len = 0;
	return r->id;
}

static void load_org(struct loading *l)
{
	struct salesforce *sf = l->sf;
	static const char *const names[][3] = {
		{ "Dana", "Whitfield", "dana.whitfield@acme.example" },
		{ "Marcus", "Okafor", "marcus.okafor@acme.example" },
		{ "Priya", "Raman", "priya.raman@acme.example" },
	};
	sf->integration_user = load_user(l, "Treaty", "Integration", sf->box->options.user_name);
	for (size_t i = 0; i < countof(names); i++)
		sf->humans[sf->humans_len++] = load_user(l, names[i][0], names[i][1], names[i][2]);
	l->t = sf->organization;
	put_text(l, "Name", "Acme Staffing");
	put_text(l, "OrganizationType", "Developer Edition");
	put_text(l, "InstanceName", "SBX1");
	put_flag(l, "IsSandbox", true);
	sf->org_id = store(l, sf->box->people->now_ms)->id;
}

void sf_load(struct salesforce *sf)
{
	const struct people *p = sf->box->people;
	struct loading l = { .sf = sf };
	arena_init(&l.a);
	load_org(&l);
	struct row **accounts = load_accounts(&l, p);
	struct row **contacts = load_candidates(&l, p);
	load_client_contacts(&l, p, accounts);
	struct row **jobs = load_job_orders(&l, p, accounts);
	load_placements(&l, p, contacts, jobs);
	free(accounts);
	free(contacts);
	free(jobs);
	arena_finish(&l.a);
}

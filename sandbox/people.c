#include "people.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/panic.h"
#include "base/rng.h"
#include "people_words.h"

enum { DAY_MS = 86400000 };

const struct spelling people_company_status[] = {
	{ "Active Account", "Client" }, { "Prospect", "Prospect" },
	{ "Lead", "Prospect" },		{ "Passive Account", "Former Client" },
	{ "Credit Hold", "Client" },	{ "DNC", "Do Not Call" },
	{ "Archive", "Former Client" }, { NULL, NULL },
};
const struct spelling people_candidate_status[] = {
	{ "Active", "Active" },	      { "New Lead", "New Lead" }, { "Available", "Active" },
	{ "Interviewing", "Active" }, { "Placed", "Placed" },	  { "Inactive", "Inactive" },
	{ "DNU", "Do Not Use" },      { "Archive", "Inactive" },  { NULL, NULL },
};
const struct spelling people_job_status[] = {
	{ "Accepting Candidates", "Open" },
	{ "No More Subs Needed", "Covered" },
	{ "Placed", "Filled" },
	{ "Lost-Unknown", "Lost" },
	{ "Archive", "Closed" },
	{ NULL, NULL },
};
const struct spelling people_placement_status[] = {
	{ "Submitted", "New" },	      { "Approved", "Active" },
	{ "Re-Submitted", "New" },    { "Accounts Approved", "Accounts Approved" },
	{ "Completed", "Completed" }, { "Terminated", "Terminated" },
	{ "Rejected", "Rejected" },   { NULL, NULL },
};
const struct spelling people_employment[] = {
	{ "Contract", "Contract" },
	{ "Contract To Hire", "Contract To Hire" },
	{ "Temporary", "Temporary" },
	{ "Permanent", "Permanent" },
	{ NULL, NULL },
};

static const char *const industries[] = {
	"Healthcare", "Transportation", "Food & Beverage", "Manufacturing", "Technology",
	"Insurance",  "Construction",	"Retail",	   "Manufacturing", "Energy",
	"Finance",    "Shipping",	"Biotechnology",   "Engineering",   "Manufacturing",
	"Healthcare", "Technology",	"Transportation",  "Utilities",	    "Healthcare",
	"Retail",     "Hospitality",	"Manufacturing",   "Other"
};

static const char *const recruiters[] = { "Alana Whitfield", "Ben Castellano", "Carmen Oduya",
					  "Drew Halvorsen",  "Elise Tran",     "Farid Nassar",
					  "Greta Lindholm",  "Hollis Baird" };

struct maker {
	struct people *p;
	struct rng rng;
	uint64_t salt; /* shifts the name sequences from seed to seed */
};

static uint64_t pick(struct maker *m, uint64_t n)
{
	return rng_below(&m->rng, n);
}

static bool percent(struct maker *m, unsigned n)
{
	return pick(m, 100) < n;
}

/* From 0..n-1, all different as long as i < n: the i-th step of a walk whose
 * stride shares no factor with n. Gives unique names without a look-up. */
static uint64_t walk(uint64_t i, uint64_t n, uint64_t salt)
{
	static const uint64_t primes[] = { 1000000007, 998244353, 754974721, 1000003 };
	uint64_t stride = 1;
	for (size_t k = 0; k < countof(primes) && stride == 1; k++)
		if (n % primes[k] != 0)
			stride = primes[k] % n;
	return (uint64_t)(((unsigned __int128)i * stride + salt) % n);
}

static const char *phone_number(struct maker *m, const struct town *t, uint64_t line)
{
	return arena_printf(&m->p->arena, "(%03d) 555-01%02u", t->area_code, (unsigned)(line % 100))
		.ptr;
}

static const char *zip_code(struct maker *m, const struct town *t)
{
	return arena_printf(&m->p->arena, "%s%02u", t->zip3, (unsigned)pick(m, 60) + 1).ptr;
}

static const char *street(struct maker *m)
{
	return arena_printf(&m->p->arena, "%u %s", (unsigned)pick(m, 980) + 10,
			    streets[pick(m, streets_len)])
		.ptr;
}

/* Some time in the last 'days' days; people work on weekdays by day, but a
 * test that wants that can look at the office. */
static int64_t past_ms(struct maker *m, unsigned days)
{
	return m->p->now_ms - DAY_MS - (int64_t)pick(m, (uint64_t)days * 86400) * 1000;
}

static int64_t since_ms(struct maker *m, int64_t from)
{
	int64_t span = (m->p->now_ms - 3600000 - from) / 1000;
	return span <= 0 ? from : from + (int64_t)pick(m, (uint64_t)span + 1) * 1000;
}

/* A spelling by weights that add up to 100. */
static const struct spelling *weighted(struct maker *m, const struct spelling *list,
				       const unsigned char *weight)
{
	uint64_t r = pick(m, 100);
	while (r >= *weight && list[1].ats) {
		r -= *weight++;
		list++;
	}
	return list;
}

static const struct spelling *spelled(const struct spelling *list, const char *ats)
{
	while (list->ats && strcmp(list->ats, ats) != 0)
		list++;
	if (!list->ats)
		panic("no spelling for %s", ats);
	return list;
}

/* --- companies and their contacts --- */

static void make_company(struct maker *m, size_t i)
{
	static const unsigned char weight[] = { 55, 18, 9, 9, 3, 3, 3 };
	struct company *c = &m->p->companies[i];
	struct arena *a = &m->p->arena;
	const struct town *t = &towns[pick(m, towns_len)];
	uint64_t names = firm_heads_len * firm_trades_len * firm_tails_len;
	uint64_t n = walk(i % names, names, m->salt);
	const char *head = firm_heads[n % firm_heads_len];
	uint64_t trade = n / firm_heads_len % firm_trades_len;
	const char *tail = firm_tails[n / firm_heads_len / firm_trades_len];
	const char *more = i < names ? "" : arena_printf(a, " %zu", i / names + 1).ptr;
	c->name = arena_printf(a, "%s %s %s%s", head, firm_trades[trade], tail, more).ptr;
	c->industry = industries[trade];
	c->phone = phone_number(m, t, pick(m, 100));
	c->website = arena_printf(a, "https://firm%zu.example.com", i + 1).ptr;
	c->street = street(m);
	c->city = t->city;
	c->state = t->state;
	c->zip = zip_code(m, t);
	c->country = "United States";
	c->description = percent(m, 20) ? "Met at the regional hiring fair; prefers e-mail." : NULL;
	const struct spelling *s = weighted(m, people_company_status, weight);
	c->ats_status = s->ats;
	c->sf_status = s->sf;
	c->created_ms = past_ms(m, 1400);
	c->modified_ms = since_ms(m, c->created_ms);

	uint64_t r = pick(m, 100);
	c->presence = r < 15   ? PRESENT_MISSING
		      : r < 25 ? PRESENT_DIFFERS
		      : r < 55 ? PRESENT_SAME_EMAIL
			       : PRESENT_LINKED;
	if (i % 150 == 97 && i < 600)
		c->presence = PRESENT_TWICE;
	if (i == 0) /* a firm of any size has one that job orders can stand on */
		c->presence = PRESENT_LINKED;
	if (c->presence == PRESENT_DIFFERS)
		c->differs = percent(m, 60)   ? DIFFERS_PHONE
			     : percent(m, 50) ? DIFFERS_CITY
					      : DIFFERS_STATUS;
}

static void make_contact(struct maker *m, size_t i)
{
	struct people *p = m->p;
	struct client_contact *c = &p->contacts[i];
	/* Every company has one before any has a second. */
	c->company = (int64_t)(i % p->counts.companies);
	struct company *at = &p->companies[c->company];
	c->first_name = given_names[pick(m, given_names_len)];
	c->last_name = surnames[pick(m, surnames_len)];
	c->email = arena_printf(&p->arena, "contact%zu@firm%" PRId64 ".example.com", i + 1,
				c->company + 1)
			   .ptr;
	c->phone = at->phone;
	c->title = contact_titles[pick(m, contact_titles_len)];
	c->created_ms = since_ms(m, at->created_ms);
	c->modified_ms = since_ms(m, c->created_ms);
	c->presence = at->presence != PRESENT_MISSING && percent(m, 60) ? PRESENT_LINKED
									: PRESENT_MISSING;
}

/* --- candidates --- */

static void name_candidate(struct maker *m, struct candidate *c, size_t i)
{
	static const char *const domains[] = { "example.com", "example.org", "example.net" };
	struct arena *a = &m->p->arena;
	/* Names and phone together are unique, so that matching by them is never
	 * ambiguous by accident. */
	uint64_t lines = towns_len * 100;
	uint64_t n = walk(i, given_names_len * surnames_len * lines, m->salt);
	uint64_t first = n % given_names_len, last = n / given_names_len % surnames_len;
	uint64_t line = n / given_names_len / surnames_len;
	const struct town *t = &towns[line % towns_len];
	c->first_name = given_names[first];
	c->last_name = surnames[last];
	c->phone = phone_number(m, t, line / towns_len);
	c->mobile = percent(m, 60) ? phone_number(m, t, pick(m, 100)) : NULL;
	c->street = street(m);
	c->city = t->city;
	c->state = t->state;
	c->zip = zip_code(m, t);
	c->country = "United States";
	if (percent(m, 4))
		return; /* no e-mail */
	char local[64];
	size_t len = 0;
	for (const char *w = c->first_name; *w; w++)
		local[len++] = *w;
	local[len++] = '.';
	for (const char *w = c->last_name; *w; w++)
		if (*w != '\'')
			local[len++] = *w;
	for (size_t k = 0; k < len; k++)
		if (local[k] >= 'A' && local[k] <= 'Z')
			local[k] = (char)(local[k] - 'A' + 'a');
	c->email = arena_printf(a, "%.*s%zu@%s", (int)len, local, i + 1, domains[pick(m, 3)]).ptr;
}

/* Three to six skills of the trade, each once, in the trade's order. */
static const char *skills_of(struct maker *m, const struct trade *t)
{
	uint64_t bits = rng_next(&m->rng);
	char text[256];
	size_t len = 0, have = 0;
	for (size_t k = 0; k < countof(t->skills) && have < 6; k++) {
		if (!(bits >> k & 1) && countof(t->skills) - k > 3 - (have < 3 ? have : 3))
			continue;
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", have++ ? ";" : "",
					t->skills[k]);
	}
	return arena_str(&m->p->arena, sv_make(text, len));
}

static void make_candidate(struct maker *m, size_t i)
{
	static const unsigned char weight[] = { 50, 8, 18, 8, 0, 10, 2, 4 };
	struct candidate *c = &m->p->candidates[i];
	name_candidate(m, c, i);
	const struct trade *t = &trades[pick(m, trades_len)];
	c->title = t->titles[pick(m, countof(t->titles))];
	c->skills = percent(m, 92) ? skills_of(m, t) : NULL;
	c->description = percent(m, 10) ? "Prefers day shifts. Two references on file." : NULL;
	const struct spelling *s = weighted(m, people_candidate_status, weight);
	c->ats_status = s->ats;
	c->sf_status = s->sf;
	int64_t today = m->p->now_ms / DAY_MS;
	c->available_day = percent(m, 70) ? today - 30 + (int64_t)pick(m, 120) : PEOPLE_NONE;
	c->expected_pay_cents =
		percent(m, 85)
			? t->pay_low_cents + 25 * (int64_t)pick(m, (uint64_t)(t->pay_high_cents -
									      t->pay_low_cents) /
									   25)
			: PEOPLE_NONE;
	c->opted_out = percent(m, 7);
	c->owner = (int64_t)pick(m, countof(recruiters));
	c->created_ms = past_ms(m, 1100);
	c->modified_ms = since_ms(m, c->created_ms);

	uint64_t r = pick(m, 100);
	c->presence = r < 33   ? PRESENT_MISSING
		      : r < 43 ? PRESENT_DIFFERS
		      : r < 60 ? PRESENT_SAME_EMAIL
		      : r < 66 ? PRESENT_SAME_NAME
			       : PRESENT_LINKED;
	if (c->presence == PRESENT_SAME_EMAIL && !c->email)
		c->presence = PRESENT_SAME_NAME;
}

/* What a copy by hand got wrong: one field, sometimes two. After the statuses
 * are final. */
static void spoil_candidate(struct maker *m, struct candidate *c)
{
	static const unsigned one_of[] = { DIFFERS_PHONE, DIFFERS_CITY, DIFFERS_TITLE,
					   DIFFERS_STATUS, DIFFERS_OPT_OUT };
	if (c->presence != PRESENT_DIFFERS)
		return;
	c->differs = one_of[pick(m, countof(one_of))];
	if (percent(m, 30))
		c->differs |= one_of[pick(m, countof(one_of))];
}

static void make_twice(struct people *p)
{
	size_t wanted = p->counts.candidates < 100 ? 1 : 5;
	for (size_t i = p->counts.candidates; i-- > 0 && wanted > 0;) {
		struct candidate *c = &p->candidates[i];
		if (c->presence == PRESENT_SAME_EMAIL && strcmp(c->ats_status, "Placed") != 0) {
			c->presence = PRESENT_TWICE;
			wanted--;
		}
	}
}

/* --- job orders, submissions, placements --- */

/* Two systems cannot disagree on a job of a company that one of them lacks. */
static int64_t company_with_jobs(struct maker *m, bool linked)
{
	struct people *p = m->p;
	int64_t n = (int64_t)p->counts.companies, c = (int64_t)pick(m, (uint64_t)n);
	for (int64_t tries = 0; tries < n; tries++, c = (c + 1) % n) {
		enum presence at = p->companies[c].presence;
		if (at == PRESENT_LINKED || at == PRESENT_DIFFERS ||
		    (!linked && at == PRESENT_SAME_EMAIL))
			return c;
	}
	return 0; /* is linked, see make_company */
}

static void make_job_order(struct maker *m, size_t i, size_t in_both)
{
	struct people *p = m->p;
	struct job_order *j = &p->job_orders[i];
	bool only = i >= in_both;
	j->company = company_with_jobs(m, only);
	/* The k-th contact of company c is number c + k * companies. */
	size_t of_company = (p->counts.contacts - 1 - (size_t)j->company) / p->counts.companies + 1;
	j->contact = j->company + (int64_t)(pick(m, of_company) * p->counts.companies);
	const struct trade *t = &trades[pick(m, trades_len)];
	/* The requisition number makes name and account together unique. */
	j->title = arena_printf(&p->arena, "%s (R-%zu)", t->titles[pick(m, countof(t->titles))],
				1001 + i)
			   .ptr;
	j->skills = skills_of(m, t);
	j->description = percent(m, 40) ? "Day shift, Monday to Friday. Badge and parking provided."
					: NULL;
	const struct spelling *e = &people_employment[pick(m, 10) < 6 ? 0 : pick(m, 4)];
	j->ats_employment = e->ats;
	j->sf_employment = e->sf;
	j->created_ms = only ? past_ms(m, 14) : past_ms(m, 400);
	j->modified_ms = since_ms(m, j->created_ms);
	j->start_day = j->created_ms / DAY_MS + 7 + (int64_t)pick(m, 14);
	j->end_day = j->start_day + 91 + 91 * (int64_t)pick(m, 2);
	j->openings = 1 + (int64_t)pick(m, 3);
	j->pay_cents = t->pay_low_cents +
		       25 * (int64_t)pick(m, (uint64_t)(t->pay_high_cents - t->pay_low_cents) / 25);
	j->bill_cents = j->pay_cents * (130 + (int64_t)pick(m, 35)) / 100;
	j->owner = (int64_t)pick(m, countof(recruiters));
	static const unsigned char weight[] = { 70, 15, 0, 10, 5 };
	const struct spelling *s = only ? people_job_status
					: weighted(m, people_job_status, weight);
	j->ats_status = s->ats;
	j->sf_status = s->sf;
	j->open = s - people_job_status < 2;

	uint64_t r = pick(m, 100);
	j->presence = only     ? PRESENT_ONLY
		      : r < 25 ? PRESENT_SAME_NAME
		      : r < 35 ? PRESENT_DIFFERS
			       : PRESENT_LINKED;
	if (j->presence == PRESENT_DIFFERS)
		j->differs = DIFFERS_STATUS;
}

static bool is_linked(enum presence p)
{
	return p == PRESENT_LINKED || p == PRESENT_DIFFERS;
}

static void set_candidate_status(struct candidate *c, const char *ats)
{
	const struct spelling *s = spelled(people_candidate_status, ats);
	c->ats_status = s->ats;
	c->sf_status = s->sf;
}

static const char *placement_status(struct maker *m, int64_t start, int64_t end, int64_t today)
{
	if (end < today)
		return percent(m, 85) ? "Completed" : "Terminated";
	if (start > today)
		return percent(m, 55) ? "Submitted" : percent(m, 90) ? "Approved" : "Re-Submitted";
	return percent(m, 97) ? "Approved" : "Terminated";
}

static bool is_live(const char *ats_status)
{
	return strcmp(ats_status, "Completed") != 0 && strcmp(ats_status, "Terminated") != 0;
}

static void make_placement(struct maker *m, size_t i, size_t placeable_jobs)
{
	struct people *p = m->p;
	struct placement *l = &p->placements[i];
	int64_t today = p->now_ms / DAY_MS;
	l->candidate = (int64_t)walk(i, p->counts.candidates, m->salt);
	l->job_order = (int64_t)(i % placeable_jobs);
	l->submission = (int64_t)i;
	struct candidate *c = &p->candidates[l->candidate];
	struct job_order *j = &p->job_orders[l->job_order];
	l->start_day = j->start_day + (int64_t)pick(m, 20);
	l->end_day = l->start_day + 60 + (int64_t)pick(m, 120);
	l->pay_cents = j->pay_cents;
	l->bill_cents = j->bill_cents;
	l->owner = j->owner;
	l->ats_employment = j->ats_employment;
	l->sf_employment = j->sf_employment;
	const struct spelling *s = spelled(people_placement_status,
					   placement_status(m, l->start_day, l->end_day, today));
	l->ats_status = s->ats;
	l->sf_status = s->sf;
	l->created_ms = since_ms(m, j->created_ms);
	l->modified_ms = since_ms(m, l->created_ms);

	set_candidate_status(c, is_live(l->ats_status) ? "Placed" : "Active");
	if (c->created_ms > l->created_ms)
		c->created_ms = l->created_ms - DAY_MS;
	if (c->modified_ms < l->created_ms)
		c->modified_ms = l->created_ms;
	/* Of the placements that Salesforce can hold, four in five are there. */
	l->presence = PRESENT_MISSING;
	if (is_linked(j->presence) && percent(m, 80)) {
		if (!is_linked(c->presence))
			c->presence = PRESENT_LINKED;
		l->presence = percent(m, 12) ? PRESENT_DIFFERS : PRESENT_LINKED;
		l->differs = l->presence == PRESENT_DIFFERS ? DIFFERS_STATUS : 0;
	}
}

/* A job with a placement was set to Placed when the first was added. */
static void close_filled_jobs(struct people *p)
{
	int64_t *filled = arena_array(&p->arena, int64_t, p->counts.job_orders + 1);
	const struct spelling *placed = spelled(people_job_status, "Placed");
	for (size_t i = 0; i < p->counts.placements; i++) {
		struct job_order *j = &p->job_orders[p->placements[i].job_order];
		int64_t n = ++filled[p->placements[i].job_order];
		j->ats_status = placed->ats;
		j->sf_status = placed->sf;
		if (j->openings < n)
			j->openings = n;
		j->open = n < j->openings;
	}
}

static void make_submission(struct maker *m, size_t i, size_t jobs)
{
	static const char *const open_status[] = { "Submission",	  "Client Submission",
						   "Interview Scheduled", "Offer Extended",
						   "Not Submitted",	  "Client Rejected" };
	struct people *p = m->p;
	struct submission *s = &p->submissions[i];
	if (i < p->counts.placements) {
		const struct placement *l = &p->placements[i];
		s->candidate = l->candidate;
		s->job_order = l->job_order;
		s->ats_status = "Placed";
		s->owner = l->owner;
		s->created_ms = p->job_orders[s->job_order].created_ms;
		s->modified_ms = l->created_ms;
		return;
	}
	s->candidate = (int64_t)walk(i % p->counts.candidates, p->counts.candidates, m->salt);
	s->job_order = (int64_t)pick(m, jobs);
	s->ats_status = open_status[pick(m, countof(open_status))];
	s->owner = p->job_orders[s->job_order].owner;
	s->created_ms = since_ms(m, p->job_orders[s->job_order].created_ms);
	s->modified_ms = since_ms(m, s->created_ms);
}

/* --- the firm --- */

bool people_counts_parse(const char *size, struct people_counts *out)
{
	int64_t n;
	if (strcmp(size, "small") == 0)
		*out = (struct people_counts){ 60, 10, 15, 20, 40, 25 };
	else if (strcmp(size, "try") == 0)
		*out = (struct people_counts){ 5000, 400, 600, 940, 3000, 1200 };
	else if (sv_to_i64(sv_of(size), &n) && n >= 10 && n <= 10000000)
		*out = (struct people_counts){
			.candidates = (size_t)n,
			.companies = (size_t)n * 400 / 5000 + 2,
			.contacts = (size_t)n * 600 / 5000 + 3,
			.job_orders = (size_t)n * 900 / 5000 + 4,
			.submissions = (size_t)n * 3000 / 5000,
			.placements = (size_t)n * 1200 / 5000,
		};
	else
		return false;
	return true;
}

static void make_all(struct maker *m)
{
	struct people *p = m->p;
	const struct people_counts *n = &p->counts;
	size_t only = n->job_orders / 25;
	only = only < 2 ? 2 : only > 48 ? 48 : only;
	size_t in_both = n->job_orders - only;
	size_t placeable = in_both * 4 / 5 ? in_both * 4 / 5 : 1;
	for (size_t i = 0; i < n->companies; i++)
		make_company(m, i);
	for (size_t i = 0; i < n->contacts; i++)
		make_contact(m, i);
	for (size_t i = 0; i < n->candidates; i++)
		make_candidate(m, i);
	for (size_t i = 0; i < n->job_orders; i++)
		make_job_order(m, i, in_both);
	for (size_t i = 0; i < n->placements; i++)
		make_placement(m, i, placeable);
	close_filled_jobs(p);
	for (size_t i = 0; i < n->submissions; i++)
		make_submission(m, i, in_both);
	make_twice(p);
	for (size_t i = 0; i < n->candidates; i++)
		spoil_candidate(m, &p->candidates[i]);
}

/* What the links between the records need, whatever was asked for. */
static void check_counts(struct people_counts *n)
{
	if (n->companies < 1)
		n->companies = 1;
	if (n->contacts < n->companies)
		n->contacts = n->companies;
	if (n->job_orders < 3)
		n->job_orders = 3;
	if (n->placements > n->candidates)
		n->placements = n->candidates;
	if (n->submissions < n->placements)
		n->submissions = n->placements;
	if (n->candidates == 0)
		n->submissions = 0;
}

struct people *people_generate(uint64_t seed, const struct people_counts *counts, int64_t now_ms)
{
	struct people *p = must_zalloc(sizeof(*p));
	arena_init(&p->arena);
	p->seed = seed;
	p->now_ms = now_ms;
	p->counts = *counts;
	check_counts(&p->counts);
	p->companies = arena_array(&p->arena, struct company, p->counts.companies);
	p->contacts = arena_array(&p->arena, struct client_contact, p->counts.contacts);
	p->candidates = arena_array(&p->arena, struct candidate, p->counts.candidates + 1);
	p->job_orders = arena_array(&p->arena, struct job_order, p->counts.job_orders);
	p->submissions = arena_array(&p->arena, struct submission, p->counts.submissions + 1);
	p->placements = arena_array(&p->arena, struct placement, p->counts.placements + 1);
	p->recruiters = recruiters;
	p->recruiters_len = countof(recruiters);
	struct maker m = { .p = p, .rng = { seed } };
	m.salt = rng_next(&m.rng) >> 8;
	make_all(&m);
	return p;
}

void people_destroy(struct people *p)
{
	if (!p)
		return;
	arena_finish(&p->arena);
	free(p);
}

const char *const *people_skills(void)
{
	return skill_names;
}

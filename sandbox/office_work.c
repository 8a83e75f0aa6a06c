/* What people do all day. */
#include <inttypes.h>

#include "base/panic.h"
#include "office.h"
#include "people_words.h"

const char *const office_work_names[WORK_KINDS] = {
	[WORK_CANDIDATE_PHONE] = "candidate-phone",
	[WORK_CANDIDATE_EMAIL] = "candidate-email",
	[WORK_CANDIDATE_STATUS] = "candidate-status",
	[WORK_CANDIDATE_SKILLS] = "candidate-skills",
	[WORK_CANDIDATE_NEW] = "candidate-new",
	[WORK_CANDIDATE_OPT_OUT] = "candidate-opt-out",
	[WORK_JOB_STATUS] = "job-status",
	[WORK_PLACEMENT_NEW] = "placement-new",
	[WORK_PLACEMENT_MOVE] = "placement-move",
	[WORK_SALES_RATE] = "sales-rate",
	[WORK_SALES_OPENINGS] = "sales-openings",
	[WORK_SALES_JOB_NEW] = "sales-job-new",
	[WORK_SALES_READ_ONLY] = "sales-read-only",
	[WORK_SALES_OPT_OUT] = "sales-opt-out",
	[WORK_BOTH_OPT_OUT] = "both-opt-out",
};

/* Of a hundred edits. */
static const unsigned char weights[WORK_KINDS] = {
	[WORK_CANDIDATE_PHONE] = 16,  [WORK_CANDIDATE_EMAIL] = 6, [WORK_CANDIDATE_STATUS] = 14,
	[WORK_CANDIDATE_SKILLS] = 12, [WORK_CANDIDATE_NEW] = 5,	  [WORK_CANDIDATE_OPT_OUT] = 3,
	[WORK_JOB_STATUS] = 5,	      [WORK_PLACEMENT_NEW] = 4,	  [WORK_PLACEMENT_MOVE] = 11,
	[WORK_SALES_RATE] = 9,	      [WORK_SALES_OPENINGS] = 6,  [WORK_SALES_JOB_NEW] = 2,
	[WORK_SALES_READ_ONLY] = 3,   [WORK_SALES_OPT_OUT] = 3,	  [WORK_BOTH_OPT_OUT] = 1,
};

static uint64_t draw(struct office *o, uint64_t n)
{
	return rng_below(&o->rng, n);
}

static const char *one_of(struct office *o, const char *const *list, size_t n)
{
	return list[draw(o, n)];
}

/* --- whom to bother --- */

struct row *office_pick(struct office *o, int system, const char *object)
{
	struct table *t = tables_find(o->box->systems[system].tables, sv_of(object));
	if (!t || t->rows_len == 0)
		return NULL;
	for (int tries = 0; tries < 50; tries++) {
		struct row *r = t->rows[draw(o, t->rows_len)];
		if (!r->deleted)
			return r;
	}
	return NULL;
}

static struct row *pick_ats(struct office *o, const char *object)
{
	return office_pick(o, SYSTEM_BULLHORN, object);
}

static struct row *pick_sales(struct office *o, const char *object)
{
	return office_pick(o, SYSTEM_SALESFORCE, object);
}

struct row *office_contact_of(struct office *o, const struct row *candidate)
{
	struct table *t = tables_find(o->box->systems[SYSTEM_SALESFORCE].tables, SV("Contact"));
	int key = t ? table_field(t, SV("Bullhorn_Id__c")) : -1;
	struct row *r = NULL;
	return key >= 0 && table_lookup(t, key, candidate->id, &r, 1) ? r : NULL;
}

struct row *office_linked_candidate(struct office *o, struct row **contact)
{
	for (int tries = 0; tries < 200; tries++) {
		struct row *r = pick_ats(o, "Candidate");
		if (r && (*contact = office_contact_of(o, r)))
			return r;
	}
	return NULL;
}

/* --- edits --- */

static void note(struct office *o, bool ok, const struct err *err)
{
	if (ok)
		return;
	if (o->refused++ == 0)
		snprintf(o->first_refusal, sizeof(o->first_refusal), "%s", err->what);
}

static struct writer someone(struct office *o, struct system *s)
{
	return (struct writer){ .user = s->human(s, (unsigned)draw(o, 6)),
				.channel = CHANNEL_OFFICE };
}

static bool set_as(struct office *o, struct row *r, int system, const char *field, struct sv value,
		   const struct writer *w)
{
	struct system *s = &o->box->systems[system];
	struct named_value set = { sv_of(field), value };
	struct err err = { 0 };
	bool ok = s->edit(s, sv_of(r->table->def->name), r->id, &set, 1, w, &err);
	note(o, ok, &err);
	return ok;
}

static bool set(struct office *o, struct row *r, int system, const char *field, struct sv value)
{
	struct writer w = someone(o, &o->box->systems[system]);
	return r && set_as(o, r, system, field, value, &w);
}

static bool ats_set(struct office *o, struct row *r, const char *field, struct sv value)
{
	return set(o, r, SYSTEM_BULLHORN, field, value);
}

static bool sales_set(struct office *o, struct row *r, const char *field, struct sv value)
{
	return set(o, r, SYSTEM_SALESFORCE, field, value);
}

struct text {
	char bytes[128];
};

static struct sv phone(struct office *o, struct text *t)
{
	const struct town *at = &towns[draw(o, towns_len)];
	return sv_make(t->bytes, (size_t)snprintf(t->bytes, sizeof(t->bytes), "(%03d) 555-01%02u",
						  at->area_code, (unsigned)draw(o, 100)));
}

static struct sv email(struct office *o, struct text *t)
{
	return sv_make(t->bytes,
		       (size_t)snprintf(t->bytes, sizeof(t->bytes), "person%08x@example.org",
					(unsigned)rng_next(&o->rng)));
}

static struct sv skills(struct office *o, struct text *t)
{
	const struct trade *at = &trades[draw(o, trades_len)];
	uint64_t first = draw(o, 4);
	return sv_make(t->bytes,
		       (size_t)snprintf(t->bytes, sizeof(t->bytes), "%s;%s;%s", at->skills[first],
					at->skills[first + 1], at->skills[first + 3]));
}

/* The other one of "true" and "false". */
static struct sv toggled(const struct row *r, const char *field)
{
	return sv_eq(row_get(r, field), SV("true")) ? SV("false") : SV("true");
}

/* What a placed candidate's status is, the placement says. */
static bool move_candidate(struct office *o)
{
	static const char *const to[] = { "Active", "Available", "Interviewing", "Inactive",
					  "New Lead" };
	struct row *r = pick_ats(o, "Candidate");
	return r && !sv_eq(row_get(r, "status"), SV("Placed")) &&
	       ats_set(o, r, "status", sv_of(one_of(o, to, 5)));
}

static bool new_candidate(struct office *o)
{
	struct system *s = &o->box->systems[SYSTEM_BULLHORN];
	struct writer w = someone(o, s);
	const struct town *at = &towns[draw(o, towns_len)];
	const struct trade *trade = &trades[draw(o, trades_len)];
	struct text mail, number, able;
	const struct named_value values[] = {
		{ SV("firstName"), sv_of(one_of(o, given_names, given_names_len)) },
		{ SV("lastName"), sv_of(one_of(o, surnames, surnames_len)) },
		{ SV("email"), email(o, &mail) },
		{ SV("phone"), phone(o, &number) },
		{ SV("occupation"), sv_of(one_of(o, trade->titles, 4)) },
		{ SV("skillList"), skills(o, &able) },
		{ SV("city"), sv_of(at->city) },
		{ SV("state"), sv_of(at->state) },
		{ SV("status"), SV("New Lead") },
	};
	char id[32];
	struct err err = { 0 };
	bool ok = s->create(s, SV("Candidate"), values, countof(values), &w, id, &err);
	note(o, ok, &err);
	return ok;
}

/* A submission, then the placement: by one person, in two transactions, and
 * the ATS itself moves the statuses. */
static bool new_placement(struct office *o)
{
	struct system *s = &o->box->systems[SYSTEM_BULLHORN];
	struct row *candidate = pick_ats(o, "Candidate"), *job = pick_ats(o, "JobOrder");
	char id[32], from[24];
	struct err err = { 0 };
	if (!candidate || !job || !sv_eq(row_get(job, "isOpen"), SV("true")) ||
	    sv_eq(row_get(candidate, "status"), SV("Placed")))
		return false;
	snprintf(from, sizeof(from), "%" PRId64, (sandbox_now(o->box) / 86400000 + 7) * 86400000);
	struct writer w = someone(o, s);
	const struct named_value of[] = { { SV("candidate"), candidate->id },
					  { SV("jobOrder"), job->id },
					  { SV("status"), SV("Submission") } };
	const struct named_value as[] = {
		{ SV("candidate"), candidate->id },
		{ SV("jobOrder"), job->id },
		{ SV("status"), SV("Submitted") },
		{ SV("dateBegin"), sv_of(from) },
		{ SV("payRate"), row_get(job, "payRate") },
		{ SV("clientBillRate"), row_get(job, "clientBillRate") }
	};
	bool ok = s->create(s, SV("JobSubmission"), of, countof(of), &w, id, &err) &&
		  s->create(s, SV("Placement"), as, countof(as), &w, id, &err);
	note(o, ok, &err);
	return ok;
}

/* Submitted -> Approved | Rejected; Rejected -> Re-Submitted -> Approved;
 * Approved -> Completed | Terminated. When it ends the candidate is free. */
static bool move_placement(struct office *o)
{
	static const struct {
		const char *from, *to[2];
		bool ends;
	} moves[] = { { "Submitted", { "Approved", "Rejected" }, false },
		      { "Re-Submitted", { "Approved", "Approved" }, false },
		      { "Rejected", { "Re-Submitted", "Re-Submitted" }, false },
		      { "Approved", { "Completed", "Terminated" }, true } };
	for (int tries = 0; tries < 20; tries++) {
		struct row *r = pick_ats(o, "Placement");
		struct sv now = r ? row_get(r, "status") : SV_NONE;
		for (size_t i = 0; i < countof(moves); i++) {
			if (!sv_eq(now, sv_of(moves[i].from)))
				continue;
			if (!ats_set(o, r, "status", sv_of(moves[i].to[draw(o, 4) == 0])))
				return false;
			struct table *t = tables_find(r->table->all, SV("Candidate"));
			struct row *candidate = table_row(t, row_get(r, "candidate"));
			return !moves[i].ends || !candidate ||
			       ats_set(o, candidate, "status", SV("Active"));
		}
	}
	return false;
}

static bool sales_rate(struct office *o)
{
	struct text t;
	uint64_t pay = 1600 + 25 * draw(o, 300);
	bool bill = draw(o, 2);
	if (bill)
		pay = pay * 14 / 10;
	return sales_set(
		o, pick_sales(o, "Job_Order__c"), bill ? "Bill_Rate__c" : "Pay_Rate__c",
		sv_make(t.bytes, (size_t)snprintf(t.bytes, sizeof(t.bytes), "%u.%02u",
						  (unsigned)(pay / 100), (unsigned)(pay % 100))));
}

static bool sales_openings(struct office *o)
{
	struct text t;
	return sales_set(o, pick_sales(o, "Job_Order__c"), "Openings__c",
			 sv_make(t.bytes, (size_t)snprintf(t.bytes, sizeof(t.bytes), "%u",
							   1 + (unsigned)draw(o, 5))));
}

static bool sales_new_job(struct office *o)
{
	struct system *s = &o->box->systems[SYSTEM_SALESFORCE];
	struct row *account = pick_sales(o, "Account");
	const struct trade *trade = &trades[draw(o, trades_len)];
	char title[80], id[32];
	struct err err = { 0 };
	if (!account)
		return false;
	struct writer w = someone(o, s);
	snprintf(title, sizeof(title), "%s (S-%06u)", trade->titles[draw(o, 4)],
		 (unsigned)draw(o, 1000000));
	const struct named_value values[] = { { SV("Name"), sv_of(title) },
					      { SV("Account__c"), account->id },
					      { SV("Status__c"), SV("Open") },
					      { SV("Openings__c"), SV("2") },
					      { SV("Pay_Rate__c"), SV("28.50") },
					      { SV("Bill_Rate__c"), SV("41.25") },
					      { SV("Employment_Type__c"), SV("Contract") } };
	bool ok = s->create(s, SV("Job_Order__c"), values, countof(values), &w, id, &err);
	note(o, ok, &err);
	return ok;
}

static bool sales_read_only(struct office *o)
{
	struct row *contact;
	struct text t;
	return office_linked_candidate(o, &contact) && sales_set(o, contact, "Phone", phone(o, &t));
}

static bool sales_opt_out(struct office *o)
{
	struct row *contact;
	return office_linked_candidate(o, &contact) &&
	       sales_set(o, contact, "HasOptedOutOfEmail", toggled(contact, "HasOptedOutOfEmail"));
}

/* The two clicks of one afternoon: the sides may end up apart. */
static bool both_opt_out(struct office *o)
{
	struct row *contact, *candidate = office_linked_candidate(o, &contact);
	return candidate &&
	       ats_set(o, candidate, "massMailOptOut", toggled(candidate, "massMailOptOut")) &&
	       sales_set(o, contact, "HasOptedOutOfEmail", toggled(contact, "HasOptedOutOfEmail"));
}

static bool do_work(struct office *o, enum office_work kind)
{
	static const char *const job_status[] = { "Accepting Candidates", "No More Subs Needed",
						  "Lost-Unknown" };
	struct text t;
	struct row *r;
	switch (kind) {
	case WORK_CANDIDATE_PHONE:
		return ats_set(o, pick_ats(o, "Candidate"), draw(o, 3) ? "phone" : "mobile",
			       phone(o, &t));
	case WORK_CANDIDATE_EMAIL:
		return ats_set(o, pick_ats(o, "Candidate"), "email", email(o, &t));
	case WORK_CANDIDATE_STATUS:
		return move_candidate(o);
	case WORK_CANDIDATE_SKILLS:
		return ats_set(o, pick_ats(o, "Candidate"), "skillList", skills(o, &t));
	case WORK_CANDIDATE_NEW:
		return new_candidate(o);
	case WORK_CANDIDATE_OPT_OUT:
		r = pick_ats(o, "Candidate");
		return r && ats_set(o, r, "massMailOptOut", toggled(r, "massMailOptOut"));
	case WORK_JOB_STATUS:
		return ats_set(o, pick_ats(o, "JobOrder"), "status",
			       sv_of(one_of(o, job_status, 3)));
	case WORK_PLACEMENT_NEW:
		return new_placement(o);
	case WORK_PLACEMENT_MOVE:
		return move_placement(o);
	case WORK_SALES_RATE:
		return sales_rate(o);
	case WORK_SALES_OPENINGS:
		return sales_openings(o);
	case WORK_SALES_JOB_NEW:
		return sales_new_job(o);
	case WORK_SALES_READ_ONLY:
		return sales_read_only(o);
	case WORK_SALES_OPT_OUT:
		return sales_opt_out(o);
	case WORK_BOTH_OPT_OUT:
		return both_opt_out(o);
	case WORK_KINDS:
		break;
	}
	panic("office work %d", (int)kind);
}

void office_edit(struct office *o)
{
	uint64_t r = draw(o, 100);
	int kind = 0;
	while (kind < WORK_KINDS - 1 && r >= weights[kind])
		r -= weights[kind++];
	if (do_work(o, (enum office_work)kind))
		o->done[kind]++;
}

/* people.h - the seeded staffing firm that both systems are loaded from.
 *
 * Made wholly from (seed, counts): the same pair gives the same firm, byte for
 * byte. All people are synthetic: example.com-like domains, 555 numbers. Text
 * is UTF-8 in the arena of struct people; an absent value is NULL (text),
 * PEOPLE_NONE (references, days). Bullhorn numbers a record 'index + 1' within
 * its entity, and Salesforce carries that number in Bullhorn_Id__c.
 *
 * Each record says whether and how Salesforce has it already, as after some
 * years of copying by hand; the rest of the record is what Bullhorn holds, and
 * also what Salesforce holds where 'differs' does not say otherwise. */
#ifndef SANDBOX_PEOPLE_H
#define SANDBOX_PEOPLE_H

#include "base/arena.h"

#define PEOPLE_NONE INT64_MIN

enum presence {
	PRESENT_LINKED,	    /* has Bullhorn_Id__c, same values */
	PRESENT_DIFFERS,    /* linked, but the fields in 'differs' hold other values */
	PRESENT_SAME_EMAIL, /* no Bullhorn_Id__c; found by e-mail (companies: by name) */
	PRESENT_SAME_NAME,  /* no Bullhorn_Id__c, no e-mail; found by both names and phone */
	PRESENT_TWICE,	    /* two records with the e-mail, neither linked (a handful) */
	PRESENT_MISSING,    /* Salesforce does not have it */
	PRESENT_ONLY,	    /* only Salesforce has it: Bullhorn loads nothing. Job
			     * orders, at the end of their array */
};

/* Fields that differ at Salesforce when PRESENT_DIFFERS. */
enum differs {
	DIFFERS_PHONE = 1 << 0,
	DIFFERS_CITY = 1 << 1,
	DIFFERS_TITLE = 1 << 2,
	DIFFERS_STATUS = 1 << 3,
	DIFFERS_OPT_OUT = 1 << 4,
};

struct company {
	const char *name;
	const char *phone, *website;
	const char *industry; /* Salesforce's picklist value */
	const char *street, *city, *state, *zip, *country;
	const char *description;
	const char *ats_status; /* Bullhorn's spelling */
	const char *sf_status;	/* Salesforce's */
	int64_t created_ms, modified_ms;
	enum presence presence;
	unsigned differs;
};

struct candidate {
	const char *first_name, *last_name;
	const char *email; /* may be NULL */
	const char *phone, *mobile;
	const char *title;
	const char *street, *city, *state, *zip, *country;
	const char *skills; /* "Java;SQL", may be NULL */
	const char *description;
	const char *ats_status, *sf_status;
	int64_t available_day; /* days since 1970 */
	int64_t expected_pay_cents; /* an hour; PEOPLE_NONE = unknown */
	bool opted_out;
	int64_t owner; /* which recruiter, from 0 */
	int64_t created_ms, modified_ms;
	enum presence presence;
	unsigned differs;
};

struct client_contact {
	const char *first_name, *last_name, *email, *phone, *title;
	int64_t company;
	int64_t created_ms, modified_ms;
	enum presence presence; /* LINKED = Salesforce has it (without a key), or MISSING */
};

struct job_order {
	const char *title;
	int64_t company, contact; /* contact: a client_contact of that company */
	const char *ats_status, *sf_status;
	const char *ats_employment, *sf_employment;
	int64_t openings;
	int64_t start_day, end_day;
	int64_t pay_cents, bill_cents; /* an hour */
	bool open;
	const char *skills;
	const char *description;
	int64_t owner;
	int64_t created_ms, modified_ms;
	enum presence presence;
	unsigned differs;
};

struct submission {
	int64_t candidate, job_order;
	const char *ats_status;
	int64_t owner;
	int64_t created_ms, modified_ms;
};

struct placement {
	int64_t candidate, job_order, submission;
	const char *ats_status, *sf_status;
	const char *ats_employment, *sf_employment;
	int64_t start_day, end_day;
	int64_t pay_cents, bill_cents;
	int64_t owner;
	int64_t created_ms, modified_ms;
	enum presence presence; /* LINKED, DIFFERS or MISSING; LINKED only when its
				 * candidate and job order are linked too */
	unsigned differs;
};

struct people_counts {
	size_t candidates, companies, contacts, job_orders, submissions, placements;
};

struct people {
	struct arena arena;
	uint64_t seed;
	int64_t now_ms; /* the moment the firm is described at */
	struct people_counts counts;
	struct company *companies;
	struct candidate *candidates;
	struct client_contact *contacts;
	struct job_order *job_orders;
	struct submission *submissions;
	struct placement *placements;
	const char *const *recruiters; /* names of the firm's own people */
	size_t recruiters_len;
};

/* "small" 60/10/20/25 candidates/companies/job orders/placements, "try"
 * 5,000/400/940/1,200 (a few job orders are in Salesforce only; 900 and more in
 * the ATS), or a number of candidates with the rest in proportion. False for
 * anything else. */
bool people_counts_parse(const char *size, struct people_counts *out);
struct people *people_generate(uint64_t seed, const struct people_counts *counts, int64_t now_ms);
void people_destroy(struct people *p);

/* Every skill that people_generate uses, ends in NULL. */
const char *const *people_skills(void);

/* How the two systems spell a status: Bullhorn's values are from its real
 * picklists, Salesforce's are this firm's own. Ends in { NULL, NULL }. */
struct spelling {
	const char *ats, *sf;
};
extern const struct spelling people_company_status[];	 /* Active Account = Client */
extern const struct spelling people_candidate_status[];
extern const struct spelling people_job_status[];
extern const struct spelling people_placement_status[];
extern const struct spelling people_employment[];

#endif

/* What the corporation's records look like: the fields that integrations use,
 * with types, lengths and picklists of real meta answers. */
#include "base/panic.h"
#include "bullhorn.h"

#define FIELDS(a) .fields = (a), .fields_len = countof(a)
#define MANY(a) .many = (a), .many_len = countof(a)

#define ID { .name = "id", .label = "ID", .type = FIELD_ID, .flags = FIELD_READ_ONLY }
#define TEXT(n, l, len) { .name = (n), .label = (l), .type = FIELD_TEXT, .length = (len) }
#define TEXT_KEY(n, l, len)                                                                        \
	{ .name = (n), .label = (l), .type = FIELD_TEXT, .length = (len), .flags = FIELD_INDEXED }
#define LONG_TEXT(n, l) { .name = (n), .label = (l), .type = FIELD_TEXTAREA, .length = 100000 }
#define PHONE(n, l) { .name = (n), .label = (l), .type = FIELD_PHONE, .length = 20 }
#define MONEY(n, l) { .name = (n), .label = (l), .type = FIELD_CURRENCY, .precision = 18, .scale = 4 }
#define WHEN(n, l) { .name = (n), .label = (l), .type = FIELD_DATETIME }
#define FLAG(n, l, init)                                                                           \
	{ .name = (n), .label = (l), .type = FIELD_BOOL, .initial = (init), .flags = FIELD_DEFAULTED }
#define NUMBER(n, l, init)                                                                         \
	{ .name = (n), .label = (l), .type = FIELD_INT, .initial = (init), .flags = FIELD_DEFAULTED }
#define PICK(n, l, len, list, init)                                                                \
	{ .name = (n), .label = (l), .type = FIELD_PICKLIST, .length = (len), .values = (list),         \
	  .initial = (init) }
#define LIST(n, l) { .name = (n), .label = (l), .type = FIELD_MULTIPICKLIST, .length = 4000 }
#define ONE(n, l, to, fl)                                                                          \
	{ .name = (n), .label = (l), .type = FIELD_REFERENCE, .target = (to), .relationship = (n),      \
	  .flags = (fl) }
#define PART(n, l, len)                                                                            \
	{ .name = (n), .label = (l), .type = FIELD_TEXT, .length = (len), .compound = "address" }
#define ADDRESS                                                                                    \
	PART("address1", "Address", 40), PART("address2", "Address 2", 40),                             \
	PART("city", "City", 40), PART("state", "State", 30), PART("zip", "Zip", 15),                   \
	{ .name = "countryID", .label = "Country", .type = FIELD_INT, .initial = "1",                   \
	  .compound = "address" }
/* Rendered from the row itself. */
#define COMPUTED(n, l)                                                                             \
	{ .name = (n), .label = (l), .type = FIELD_COMPUTED, .flags = FIELD_READ_ONLY }
#define STAMPS                                                                                     \
	COMPUTED("dateAdded", "Date Added"), COMPUTED("dateLastModified", "Date Last Modified")
#define IS_DELETED COMPUTED("isDeleted", "Is Deleted")
#define CUSTOM_TEXTS                                                                               \
	TEXT("customText1", "Custom Text 1", 100), TEXT("customText2", "Custom Text 2", 100),           \
	TEXT("customText3", "Custom Text 3", 100), TEXT("customText4", "Custom Text 4", 100),           \
	TEXT("customText5", "Custom Text 5", 100)

static const char *const candidate_status[] = {
	"New Lead", "Active", "Inactive", "Registered", "Pre-Registered", "Placed", "Processed",
	"Screened", "Candidate (Bio)", "Pending", "Active - Looking", "KMS Entry", "Archive",
	"DNU", "Available", "Interviewing", "Active Credentialed", "Inactive Credentialed",
	"Active Not Credentialed", "Inactive Not Credentialed", NULL
};
static const char *const contact_status[] = {
	"New Lead", "Active", "Passive", "DNC", "Left Company", "Archive", "Private", NULL
};
static const char *const company_status[] = {
	"Unqualified", "Qualified Lead", "Proposal", "Negotiation", "Active Account",
	"Passive Account", "DNC", "Archive", "Credit Hold", "Lead", "Prospect", "Client", NULL
};
static const char *const job_status[] = {
	"Accepting Candidates", "No More Subs Needed", "Replacement", "Lost-To Competition",
	"Lost-Funding", "Lost-Filled by Client", "Lost-Unknown", "Placed", "Archive",
	"Banner 1 sub sent", "Lost \xe2\x80\x93 Follow up with VMS client", NULL
};
static const char *const submission_status[] = {
	"New Lead", "Submission", "Not Submitted", "Client Submission", "Interview Scheduled",
	"Client Rejected", "Offer Extended", "Offer Accepted", "Drop Facility",
	"Drop Professional", "Approved", "Placed", NULL
};
/* 'Completed' twice, as in the real list that this is from. */
static const char *const placement_status[] = {
	"Submitted", "Approved", "Approved (Aust)", "Accounts Approved",
	"Completed - Satisfactory", "Completed - Unsatisfactory", "AMP XCL PreQ",
	"XCL Prior to Start", "Client XCL Prior to Start", "AMP Filled Incorrectly", "Submit",
	"Accept", "Hired", "Placed", "Re-Submitted", "Rejected", "Completed", "Terminated",
	"Closed", "Finished", "Submit for Director Approval", "Completed", NULL
};
static const char *const employment[] = {
	"Contract", "Contract To Hire", "Freelance", "Permanent", "Temporary",
	"Fixed Term Contract", NULL
};
static const char *const termination[] = {
	"Completed assignment", "Conversion Without Fee", "Data entry error", "Job refusal",
	"Leave of Absence", "Project cancelled", "Quit (explain)", "Workforce reduction",
	"Other (explain)", NULL
};
static const char *const employee_type[] = { "W2", "10", "SU", NULL };
static const char *const salary_unit[] = { "Per Week", "Per Hour", "Per Day", NULL };

static const struct field_def user_fields[] = {
	ID,
	TEXT("firstName", "First Name", 50),
	TEXT("lastName", "Last Name", 50),
	TEXT("name", "Name", 100),
	TEXT_KEY("email", "Email", 100),
	TEXT("username", "User Name", 100),
	IS_DELETED,
	STAMPS,
};

static const struct field_def company_fields[] = {
	ID,
	{ .name = "name", .label = "Company Name", .type = FIELD_TEXT, .length = 100,
	  .flags = FIELD_REQUIRED | FIELD_INDEXED },
	PICK("status", "Status", 30, company_status, "Prospect"),
	PHONE("phone", "Main Phone"),
	{ .name = "companyURL", .label = "Company Website", .type = FIELD_URL, .length = 100 },
	ADDRESS,
	TEXT_KEY("externalID", "External ID", 30),
	LIST("industryList", "Industry"),
	LONG_TEXT("companyDescription", "Company Overview"),
	CUSTOM_TEXTS,
	STAMPS,
};

static const struct field_def contact_fields[] = {
	ID,
	TEXT("firstName", "First Name", 50),
	TEXT("lastName", "Last Name", 50),
	TEXT("name", "Name", 100),
	TEXT_KEY("email", "Email 1", 100),
	PHONE("phone", "Direct Phone"),
	PHONE("mobile", "Mobile Phone"),
	PICK("status", "Status", 100, contact_status, "New Lead"),
	TEXT("occupation", "Title", 50),
	FLAG("massMailOptOut", "Opted Out", "false"),
	ADDRESS,
	ONE("clientCorporation", "Company", "ClientCorporation", FIELD_REQUIRED | FIELD_INDEXED),
	ONE("owner", "Owner", "CorporateUser", 0),
	TEXT_KEY("externalID", "External ID", 50),
	CUSTOM_TEXTS,
	IS_DELETED,
	STAMPS,
};

static const struct field_def candidate_fields[] = {
	ID,
	TEXT("firstName", "First Name", 50),
	TEXT("lastName", "Last Name", 50),
	TEXT("name", "Name", 100),
	TEXT_KEY("email", "Email 1", 100),
	TEXT("email2", "Email 2", 100),
	PHONE("phone", "Home Phone"),
	PHONE("mobile", "Mobile Phone"),
	PICK("status", "Status", 100, candidate_status, "New Lead"),
	PICK("employeeType", "Employee Type", 30, employee_type, "W2"),
	FLAG("massMailOptOut", "Opted Out", "false"),
	LIST("skillList", "Skills"),
	TEXT("occupation", "Title", 50),
	TEXT("source", "Source", 200),
	ADDRESS,
	WHEN("dateAvailable", "Date Available"),
	MONEY("hourlyRate", "Hourly Rate High"),
	MONEY("salary", "Desired Salary"),
	LONG_TEXT("comments", "General Comments"),
	TEXT_KEY("externalID", "External ID", 50),
	ONE("owner", "Primary Recruiter", "CorporateUser", 0),
	CUSTOM_TEXTS,
	IS_DELETED,
	STAMPS,
};

static const struct field_def job_fields[] = {
	ID,
	{ .name = "title", .label = "Job Title", .type = FIELD_TEXT, .length = 100,
	  .flags = FIELD_REQUIRED },
	PICK("status", "Status", 200, job_status, "Accepting Candidates"),
	PICK("employmentType", "Employment Type", 200, employment, "Contract"),
	NUMBER("type", "Priority", "1"),
	FLAG("isOpen", "Open/Closed", "true"),
	ONE("clientCorporation", "Facility Name", "ClientCorporation", FIELD_REQUIRED | FIELD_INDEXED),
	ONE("clientContact", "Contact", "ClientContact", 0),
	NUMBER("numOpenings", "# of Openings", "1"),
	WHEN("startDate", "Start Date"),
	WHEN("dateEnd", "Scheduled End Date"),
	MONEY("payRate", "Pay Rate"),
	MONEY("clientBillRate", "Bill Rate"),
	MONEY("salary", "Salary"),
	PICK("salaryUnit", "Pay Unit", 12, salary_unit, "Per Hour"),
	LIST("skillList", "Required Skills"),
	LONG_TEXT("description", "Job Description"),
	ADDRESS,
	TEXT_KEY("externalID", "External ID", 100),
	ONE("owner", "Consultant", "CorporateUser", 0),
	CUSTOM_TEXTS,
	IS_DELETED,
	STAMPS,
};

static const struct field_def submission_fields[] = {
	ID,
	ONE("candidate", "Professional", "Candidate", FIELD_REQUIRED | FIELD_INDEXED),
	ONE("jobOrder", "Position", "JobOrder", FIELD_REQUIRED | FIELD_INDEXED),
	PICK("status", "Submission Status", 30, submission_status, "New Lead"),
	TEXT("source", "Priority", 100),
	WHEN("dateWebResponse", "Date Web Response"),
	ONE("sendingUser", "Created By", "CorporateUser", 0),
	IS_DELETED,
	STAMPS,
};

static const struct field_def placement_fields[] = {
	ID,
	ONE("candidate", "Candidate", "Candidate", FIELD_REQUIRED | FIELD_NO_UPDATE | FIELD_INDEXED),
	ONE("jobOrder", "Job Order", "JobOrder", FIELD_REQUIRED | FIELD_NO_UPDATE | FIELD_INDEXED),
	ONE("jobSubmission", "Submission", "JobSubmission", 0),
	PICK("status", "Status", 30, placement_status, "Submitted"),
	PICK("employmentType", "Employment Type", 30, employment, "Contract"),
	PICK("employeeType", "Employee Type", 30, employee_type, "W2"),
	WHEN("dateBegin", "Start Date"),
	WHEN("dateEnd", "Scheduled End"),
	MONEY("payRate", "Pay Rate"),
	MONEY("clientBillRate", "Bill Rate"),
	MONEY("salary", "Salary"),
	{ .name = "fee", .label = "Placement Fee (%)", .type = FIELD_DOUBLE, .initial = "0" },
	PICK("terminationReason", "Finish Reason", 100, termination, NULL),
	LONG_TEXT("comments", "Comments"),
	CUSTOM_TEXTS,
	STAMPS,
};

static const struct bh_many company_many[] = {
	{ "clientContacts", "Client Contacts", BH_CLIENT_CONTACT, "clientCorporation" },
	{ "jobOrders", "Job Orders", BH_JOB_ORDER, "clientCorporation" },
};
static const struct bh_many candidate_many[] = {
	{ "submissions", "Submissions", BH_JOB_SUBMISSION, "candidate" },
	{ "placements", "Placements", BH_PLACEMENT, "candidate" },
};
static const struct bh_many job_many[] = {
	{ "submissions", "Submissions", BH_JOB_SUBMISSION, "jobOrder" },
	{ "placements", "Placements", BH_PLACEMENT, "jobOrder" },
};

/* Candidates are numbered from 1; other people start where no candidate gets
 * to, because edit history files all of them under one kind. */
enum { FIRST_CONTACT = 50000001, FIRST_USER = 90000001 };

const struct bh_type bh_types[BH_ENTITIES] = {
	[BH_CORPORATE_USER] = {
		.def = { .name = "CorporateUser", .label = "Corporate User", FIELDS(user_fields) },
		.traits = BH_NO_DELETE | BH_NO_WRITE,
		.first_id = FIRST_USER,
	},
	[BH_CLIENT_CORPORATION] = {
		.def = { .name = "ClientCorporation", .label = "Company", FIELDS(company_fields) },
		.traits = BH_SEARCHABLE | BH_NO_DELETE | BH_MASS_STATUS,
		.history = HISTORY_CLIENT_CORPORATION,
		.first_id = 1,
		MANY(company_many),
	},
	[BH_CLIENT_CONTACT] = {
		.def = { .name = "ClientContact", .label = "Client Contact", FIELDS(contact_fields) },
		.traits = BH_SEARCHABLE | BH_SOFT_DELETE | BH_MASS_STATUS,
		.history = HISTORY_USER,
		.first_id = FIRST_CONTACT,
	},
	[BH_CANDIDATE] = {
		.def = { .name = "Candidate", .label = "Candidate", FIELDS(candidate_fields) },
		.traits = BH_SEARCHABLE | BH_SOFT_DELETE | BH_MASS_STATUS,
		.history = HISTORY_USER,
		.first_id = 1,
		MANY(candidate_many),
	},
	[BH_JOB_ORDER] = {
		.def = { .name = "JobOrder", .label = "Job Order", FIELDS(job_fields) },
		.traits = BH_SEARCHABLE | BH_SOFT_DELETE | BH_MASS_STATUS,
		.history = HISTORY_JOB_ORDER,
		.first_id = 1,
		MANY(job_many),
	},
	[BH_JOB_SUBMISSION] = {
		.def = { .name = "JobSubmission", .label = "Submission", FIELDS(submission_fields) },
		.traits = BH_SOFT_DELETE | BH_MASS_STATUS,
		.history = HISTORY_JOB_SUBMISSION,
		.first_id = 1,
	},
	[BH_PLACEMENT] = {
		.def = { .name = "Placement", .label = "Placement", FIELDS(placement_fields) },
		.traits = BH_SEARCHABLE | BH_MASS_STATUS,
		.history = HISTORY_PLACEMENT,
		.first_id = 1,
	},
};

enum bh_entity bh_entity_named(struct sv name)
{
	int e = 0;
	while (e < BH_ENTITIES && !sv_eq(name, sv_of(bh_types[e].def.name)))
		e++;
	return (enum bh_entity)e;
}

enum bh_entity bh_entity_of(const struct bullhorn *b, const struct table *t)
{
	int e = 0;
	while (b->tables[e] != t)
		e++;
	return (enum bh_entity)e;
}

/* The objects of the org. What describe says and what writes are held to both
 * come from these tables. */
#include "base/panic.h"
#include "salesforce.h"

static const char *const account_status[] = { "Prospect", "Client", "Former Client", "Do Not Call", NULL };
static const char *const industries[] = {
	"Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications",
	"Construction", "Consulting", "Education", "Electronics", "Energy", "Engineering",
	"Entertainment", "Environmental", "Finance", "Food & Beverage", "Government", "Healthcare",
	"Hospitality", "Insurance", "Machinery", "Manufacturing", "Media", "Not For Profit",
	"Recreation", "Retail", "Shipping", "Technology", "Telecommunications", "Transportation",
	"Utilities", "Other", NULL
};
static const char *const contact_status[] = { "New Lead", "Active", "Placed", "Inactive", "Do Not Use", NULL };
static const char *const job_status[] = { "Draft", "Open", "Covered", "Filled", "Lost", "Closed", NULL };
static const char *const employment[] = { "Contract", "Contract To Hire", "Permanent", "Temporary", NULL };
static const char *const placement_status[] = { "New", "Active", "Accounts Approved", "Completed",
						 "Terminated", "Rejected", NULL };

#define VIRTUAL (FIELD_READ_ONLY | FIELD_VIRTUAL)

#define SYSTEM_FIELDS                                                                              \
	{ "CreatedDate", "Created Date", FIELD_DATETIME, .flags = VIRTUAL | FIELD_REQUIRED },           \
	{ "CreatedById", "Created By ID", FIELD_REFERENCE, 18, .flags = VIRTUAL | FIELD_REQUIRED,       \
	  .target = "User", .relationship = "CreatedBy" },                                             \
	{ "LastModifiedDate", "Last Modified Date", FIELD_DATETIME,                                     \
	  .flags = VIRTUAL | FIELD_REQUIRED },                                                         \
	{ "LastModifiedById", "Last Modified By ID", FIELD_REFERENCE, 18,                               \
	  .flags = VIRTUAL | FIELD_REQUIRED, .target = "User", .relationship = "LastModifiedBy" },      \
	{ "SystemModstamp", "System Modstamp", FIELD_DATETIME, .flags = VIRTUAL | FIELD_REQUIRED }

#define ID_FIELDS(label)                                                                           \
	{ "Id", label, FIELD_ID, 18, .flags = VIRTUAL | FIELD_REQUIRED | FIELD_ID_LOOKUP },             \
	{ "IsDeleted", "Deleted", FIELD_BOOL, .flags = VIRTUAL | FIELD_REQUIRED }

#define BULLHORN_ID                                                                                \
	{ "Bullhorn_Id__c", "Bullhorn Id", FIELD_TEXT, 20,                                              \
	  .flags = FIELD_EXTERNAL_ID | FIELD_UNIQUE | FIELD_CASE_SENSITIVE | FIELD_CUSTOM |             \
		   FIELD_ID_LOOKUP }

#define ADDRESS(prefix, label)                                                                     \
	{ prefix "Street", label " Street", FIELD_TEXTAREA, 255, .compound = prefix "Address" },        \
	{ prefix "City", label " City", FIELD_TEXT, 40, .compound = prefix "Address" },                 \
	{ prefix "State", label " State/Province", FIELD_TEXT, 80, .compound = prefix "Address" },      \
	{ prefix "PostalCode", label " Zip/Postal Code", FIELD_TEXT, 20,                                \
	  .compound = prefix "Address" },                                                              \
	{ prefix "Country", label " Country", FIELD_TEXT, 80, .compound = prefix "Address" },           \
	{ prefix "Address", label " Address", FIELD_COMPUTED, .flags = VIRTUAL }

#define RATE(name, label, digits)                                                                  \
	{ name, label, FIELD_CURRENCY, .precision = digits, .scale = 2, .flags = FIELD_CUSTOM }

static const struct field_def account_fields[] = {
	ID_FIELDS("Account ID"),
	{ "MasterRecordId", "Master Record ID", FIELD_REFERENCE, 18, .flags = VIRTUAL,
	  .target = "Account", .relationship = "MasterRecord" },
	{ "Name", "Account Name", FIELD_TEXT, 255, .flags = FIELD_REQUIRED | FIELD_NAME | FIELD_INDEXED },
	{ "Phone", "Account Phone", FIELD_PHONE, 40 },
	{ "Website", "Website", FIELD_URL, 255 },
	{ "Industry", "Industry", FIELD_PICKLIST, 40, .values = industries },
	ADDRESS("Billing", "Billing"),
	{ "Description", "Account Description", FIELD_TEXTAREA, 32000 },
	{ "Status__c", "Status", FIELD_PICKLIST, 255, .flags = FIELD_RESTRICTED | FIELD_CUSTOM,
	  .values = account_status },
	BULLHORN_ID,
	SYSTEM_FIELDS,
};

static const struct field_def contact_fields[] = {
	ID_FIELDS("Contact ID"),
	{ "MasterRecordId", "Master Record ID", FIELD_REFERENCE, 18, .flags = VIRTUAL,
	  .target = "Contact", .relationship = "MasterRecord" },
	{ "AccountId", "Account ID", FIELD_REFERENCE, 18, .target = "Account", .relationship = "Account" },
	{ "LastName", "Last Name", FIELD_TEXT, 80, .flags = FIELD_REQUIRED, .compound = "Name" },
	{ "FirstName", "First Name", FIELD_TEXT, 40, .compound = "Name" },
	{ "Name", "Full Name", FIELD_TEXT, 121, .flags = VIRTUAL | FIELD_NAME | FIELD_REQUIRED },
	ADDRESS("Mailing", "Mailing"),
	{ "Phone", "Business Phone", FIELD_PHONE, 40 },
	{ "MobilePhone", "Mobile Phone", FIELD_PHONE, 40 },
	{ "Email", "Email", FIELD_EMAIL, 80, .flags = FIELD_INDEXED | FIELD_ID_LOOKUP },
	{ "Title", "Title", FIELD_TEXT, 128 },
	{ "HasOptedOutOfEmail", "Email Opt Out", FIELD_BOOL, .flags = FIELD_DEFAULTED, .initial = "false" },
	{ "Description", "Contact Description", FIELD_TEXTAREA, 32000 },
	{ "Status__c", "Status", FIELD_PICKLIST, 255, .flags = FIELD_RESTRICTED | FIELD_CUSTOM,
	  .values = contact_status },
	{ "Skills__c", "Skills", FIELD_MULTIPICKLIST, 4099, .flags = FIELD_CUSTOM },
	{ "Available_From__c", "Available From", FIELD_DATE, .flags = FIELD_CUSTOM },
	RATE("Expected_Pay__c", "Expected Pay", 16),
	{ "Active__c", "Active", FIELD_BOOL, .flags = FIELD_CUSTOM | FIELD_DEFAULTED, .initial = "true" },
	BULLHORN_ID,
	SYSTEM_FIELDS,
};

static const struct field_def job_order_fields[] = {
	ID_FIELDS("Record ID"),
	{ "Name", "Job Order Name", FIELD_TEXT, 80, .flags = FIELD_REQUIRED | FIELD_NAME },
	{ "Account__c", "Account", FIELD_REFERENCE, 18, .flags = FIELD_CUSTOM, .target = "Account",
	  .relationship = "Account__r" },
	{ "Status__c", "Status", FIELD_PICKLIST, 255, .flags = FIELD_RESTRICTED | FIELD_CUSTOM,
	  .values = job_status },
	{ "Employment_Type__c", "Employment Type", FIELD_PICKLIST, 255,
	  .flags = FIELD_RESTRICTED | FIELD_CUSTOM, .values = employment },
	{ "Openings__c", "Openings", FIELD_DOUBLE, .precision = 4, .flags = FIELD_CUSTOM },
	{ "Start_Date__c", "Start Date", FIELD_DATE, .flags = FIELD_CUSTOM },
	RATE("Pay_Rate__c", "Pay Rate", 10),
	RATE("Bill_Rate__c", "Bill Rate", 10),
	{ "ATS_Status__c", "ATS Status", FIELD_TEXT, 60, .flags = FIELD_CUSTOM },
	{ "Is_Open__c", "Is Open", FIELD_BOOL, .flags = FIELD_CUSTOM | FIELD_DEFAULTED, .initial = "false" },
	BULLHORN_ID,
	SYSTEM_FIELDS,
};

static const struct field_def placement_fields[] = {
	ID_FIELDS("Record ID"),
	{ "Name", "Placement Number", FIELD_TEXT, 80,
	  .flags = FIELD_READ_ONLY | FIELD_AUTONUMBER | FIELD_NAME | FIELD_REQUIRED, .initial = "P-" },
	{ "Candidate__c", "Candidate", FIELD_REFERENCE, 18, .flags = FIELD_CUSTOM | FIELD_INDEXED,
	  .target = "Contact", .relationship = "Candidate__r" },
	{ "Job_Order__c", "Job Order", FIELD_REFERENCE, 18, .flags = FIELD_CUSTOM | FIELD_INDEXED,
	  .target = "Job_Order__c", .relationship = "Job_Order__r" },
	{ "Status__c", "Status", FIELD_PICKLIST, 255, .flags = FIELD_RESTRICTED | FIELD_CUSTOM,
	  .values = placement_status },
	{ "Start_Date__c", "Start Date", FIELD_DATE, .flags = FIELD_CUSTOM },
	{ "End_Date__c", "End Date", FIELD_DATE, .flags = FIELD_CUSTOM },
	RATE("Pay_Rate__c", "Pay Rate", 10),
	RATE("Bill_Rate__c", "Bill Rate", 10),
	{ "Employment_Type__c", "Employment Type", FIELD_PICKLIST, 255,
	  .flags = FIELD_RESTRICTED | FIELD_CUSTOM, .values = employment },
	BULLHORN_ID,
	SYSTEM_FIELDS,
};

static const struct field_def placement_event_fields[] = {
	ID_FIELDS("Record ID"),
	{ "Name", "Placement Event Number", FIELD_TEXT, 80,
	  .flags = FIELD_READ_ONLY | FIELD_AUTONUMBER | FIELD_NAME | FIELD_REQUIRED, .initial = "PE-" },
	{ "Placement__c", "Placement", FIELD_REFERENCE, 18, .flags = FIELD_CUSTOM | FIELD_INDEXED,
	  .target = "Placement__c", .relationship = "Placement__r" },
	{ "Status__c", "Status", FIELD_PICKLIST, 255, .flags = FIELD_RESTRICTED | FIELD_CUSTOM,
	  .values = placement_status },
	{ "At__c", "At", FIELD_DATETIME, .flags = FIELD_CUSTOM },
	{ "Event_Id__c", "Event Id", FIELD_TEXT, 64,
	  .flags = FIELD_EXTERNAL_ID | FIELD_UNIQUE | FIELD_CASE_SENSITIVE | FIELD_CUSTOM | FIELD_ID_LOOKUP },
	SYSTEM_FIELDS,
};

static const struct field_def user_fields[] = {
	ID_FIELDS("User ID"),
	{ "Username", "Username", FIELD_TEXT, 80, .flags = FIELD_READ_ONLY | FIELD_REQUIRED | FIELD_INDEXED },
	{ "LastName", "Last Name", FIELD_TEXT, 80, .flags = FIELD_READ_ONLY | FIELD_REQUIRED },
	{ "FirstName", "First Name", FIELD_TEXT, 40, .flags = FIELD_READ_ONLY },
	{ "Name", "Full Name", FIELD_TEXT, 121, .flags = VIRTUAL | FIELD_NAME | FIELD_REQUIRED },
	{ "Email", "Email", FIELD_EMAIL, 128, .flags = FIELD_READ_ONLY | FIELD_REQUIRED },
	{ "IsActive", "Active", FIELD_BOOL, .flags = FIELD_READ_ONLY, .initial = "true" },
	SYSTEM_FIELDS,
};

static const struct field_def organization_fields[] = {
	ID_FIELDS("Organization ID"),
	{ "Name", "Name", FIELD_TEXT, 80, .flags = FIELD_READ_ONLY | FIELD_REQUIRED | FIELD_NAME },
	{ "OrganizationType", "Edition", FIELD_TEXT, 40, .flags = FIELD_READ_ONLY },
	{ "InstanceName", "Instance Name", FIELD_TEXT, 5, .flags = FIELD_READ_ONLY },
	{ "IsSandbox", "Is Sandbox", FIELD_BOOL, .flags = FIELD_READ_ONLY },
	{ "NamespacePrefix", "Namespace Prefix", FIELD_TEXT, 15, .flags = FIELD_READ_ONLY },
	{ "TrialExpirationDate", "Trial Expiration Date", FIELD_DATETIME, .flags = FIELD_READ_ONLY },
	SYSTEM_FIELDS,
};

#define OBJECT(name, label, plural, prefix, fields, hidden)                                        \
	{ name, label, plural, prefix, fields, countof(fields), hidden }

static const struct table_def objects[] = {
	OBJECT("Organization", "Organization", "Organizations", "00D", organization_fields, true),
	OBJECT("User", "User", "Users", "005", user_fields, true),
	OBJECT("Account", "Account", "Accounts", "001", account_fields, false),
	OBJECT("Contact", "Contact", "Contacts", "003", contact_fields, false),
	OBJECT("Job_Order__c", "Job Order", "Job Orders", "a01", job_order_fields, false),
	OBJECT("Placement__c", "Placement", "Placements", "a02", placement_fields, false),
	OBJECT("Placement_Event__c", "Placement Event", "Placement Events", "a03", placement_event_fields, false),
};

static enum sf_source source_of(const struct table_def *d, const struct field_def *f)
{
	static const struct {
		const char *name;
		enum sf_source source;
	} known[] = {
		{ "Id", SF_ID }, { "IsDeleted", SF_IS_DELETED }, { "MasterRecordId", SF_MASTER },
		{ "CreatedDate", SF_CREATED }, { "CreatedById", SF_CREATED_BY },
		{ "LastModifiedDate", SF_MODIFIED }, { "SystemModstamp", SF_MODIFIED },
		{ "LastModifiedById", SF_MODIFIED_BY }, { "Name", SF_PERSON_NAME },
		{ "BillingAddress", SF_ADDRESS }, { "MailingAddress", SF_ADDRESS },
	};
	if (!(f->flags & FIELD_VIRTUAL))
		return SF_STORED;
	for (size_t i = 0; i < countof(known); i++)
		if (strcmp(known[i].name, f->name) == 0)
			return known[i].source;
	panic("%s.%s is virtual but nothing makes it", d->name, f->name);
}

static struct table *add_object(struct salesforce *sf, const struct table_def *d)
{
	struct table *t = tables_add(sf->system->tables, d);
	struct sf_object *o = must_zalloc(sizeof(*o));
	o->fields = must_zalloc(d->fields_len * sizeof(*o->fields));
	o->schema_ms = sandbox_now(sf->box);
	for (size_t i = 0; i < d->fields_len; i++)
		o->fields[i].source = source_of(d, &d->fields[i]);
	t->extra = o;
	return t;
}

void sf_schema_open(struct salesforce *sf)
{
	struct table *t[countof(objects)];
	sf->system->tables = tables_create(sf->box->clock, sf_make_id);
	for (size_t i = 0; i < countof(objects); i++)
		t[i] = add_object(sf, &objects[i]);
	sf->organization = t[0];
	sf->user = t[1];
	sf->account = t[2];
	sf->contact = t[3];
	sf->job_order = t[4];
	sf->placement = t[5];
	sf->placement_event = t[6];
}

void sf_schema_close(struct salesforce *sf)
{
	for (size_t i = 0; i < sf->system->tables->len; i++) {
		struct sf_object *o = sf->system->tables->items[i]->extra;
		free(o->fields);
		free(o);
	}
}

struct sf_field *sf_field(const struct table *t, int field)
{
	struct sf_object *o = t->extra;
	return &o->fields[field];
}

struct table *sf_table(struct salesforce *sf, struct sv name)
{
	return tables_find(sf->system->tables, name);
}

bool sf_may_read(const struct sf_session *who, const struct table *t, int field)
{
	return !who || !who->integration || !sf_field(t, field)->hidden;
}

bool sf_may_edit(const struct sf_session *who, const struct table *t, int field)
{
	const struct sf_field *f = sf_field(t, field);
	return !who || !who->integration || !(f->hidden || f->locked);
}

/* The word describe uses; also in messages about values. */
const char *sf_type_name(const struct table *t, int field)
{
	static const char *const names[] = {
		[FIELD_ID] = "id", [FIELD_TEXT] = "string", [FIELD_TEXTAREA] = "textarea",
		[FIELD_EMAIL] = "email", [FIELD_PHONE] = "phone", [FIELD_URL] = "url",
		[FIELD_BOOL] = "boolean", [FIELD_INT] = "int", [FIELD_DOUBLE] = "double",
		[FIELD_CURRENCY] = "currency", [FIELD_DATE] = "date", [FIELD_DATETIME] = "datetime",
		[FIELD_PICKLIST] = "picklist", [FIELD_MULTIPICKLIST] = "multipicklist",
		[FIELD_REFERENCE] = "reference", [FIELD_REFERENCES] = "reference",
		[FIELD_COMPUTED] = "address",
	};
	return names[t->def->fields[field].type];
}

/* The Salesforce side from within: ids, SOQL, rules of a table, values. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "salesforce.h"
#include "soql.h"

/* ---- a system without a port ---- */

struct fixture {
	struct sandbox box;
	struct clock_manual clock;
	struct salesforce sf;
	struct arena a;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int64_t now;
	assert_true(time_parse(SV("2026-11-23T10:00:00Z"), &now));
	clock_manual_init(&f->clock, now);
	f->box.clock = &f->clock.clock;
	f->box.options.events_kept = 100;
	f->sf.box = &f->box;
	f->sf.system = &f->box.systems[SYSTEM_SALESFORCE];
	f->sf.system->box = &f->box;
	f->sf.system->own = &f->sf;
	pthread_cond_init(&f->box.changed, NULL);
	arena_init(&f->a);
	sf_bus_open(&f->sf);
	sf_schema_open(&f->sf);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	sf_rules_clear(&f->sf);
	sf_bus_close(&f->sf);
	sf_schema_close(&f->sf);
	tables_destroy(f->sf.system->tables);
	arena_finish(&f->a);
	free(f);
	return 0;
}

static bool save(struct fixture *f, const char *object, const char *json, struct row **r, struct sf_error *e)
{
	struct err err = { 0 };
	struct sf_txn x;
	struct json_object *o = json_parse(sv_of(json), "test", &err);
	assert_non_null(o);
	*e = (struct sf_error){ 0 };
	sf_txn_begin(&x, &f->sf, &f->a);
	x.writer = (struct writer){ .user = SV("005Hs0000000001IAA") };
	bool ok = sf_create(&x, sf_table(&f->sf, sv_of(object)), o, r, e);
	sf_txn_commit(&x);
	json_object_put(o);
	return ok;
}

static struct row *must_save(struct fixture *f, const char *object, const char *json)
{
	struct sf_error e;
	struct row *r = NULL;
	if (!save(f, object, json, &r, &e))
		fail_msg("%s: %s %.*s", json, e.code, SV_ARG(e.message));
	return r;
}

static void refused(struct fixture *f, const char *object, const char *json, const char *code)
{
	struct sf_error e;
	struct row *r;
	assert_false(save(f, object, json, &r, &e));
	assert_string_equal(e.code, code);
}

/* ---- ids ---- */

/* Real ids from recorded answers of public projects. */
static void test_checksum(void **state)
{
	static const char *const real[] = { "005Rj000005UEfQIAW", "08pRj000005kYAHIA2", "0038M0000016Wv8QAE",
					    "005xx000001SwiUAAS", "00Dxx0000001gPLEAY" };
	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
		char full[SF_ID_LEN + 1], lower[SF_ID_LEN];
		assert_true(sf_id_normal(sv_make(real[i], 15), full));
		assert_string_equal(full, real[i]);
		for (size_t k = 0; k < SF_ID_LEN; k++)
			lower[k] = real[i][k] >= 'A' && real[i][k] <= 'Z' ? (char)(real[i][k] | 0x20) : real[i][k];
		assert_true(sf_id_normal(sv_make(lower, SF_ID_LEN), full)); /* case is put right */
		assert_string_equal(full, real[i]);
	}
	char full[SF_ID_LEN + 1];
	assert_false(sf_id_normal(SV("005Rj000005UEfQIA"), full));
	assert_false(sf_id_normal(SV("005Rj000005UEf/"), full));
}

static void test_ids_ascend(void **state)
{
	struct fixture *f = *state;
	char a[32], b[32];
	for (uint64_t n = 1; n < 5000; n++) {
		struct sv x = sf_make_id(f->sf.contact->all, f->sf.contact, n, a);
		struct sv y = sf_make_id(f->sf.contact->all, f->sf.contact, n + 1, b);
		assert_true(sv_cmp(sv_make(x.ptr, 15), sv_make(y.ptr, 15)) < 0);
	}
}

/* ---- SOQL ---- */

static size_t count(struct fixture *f, const char *text)
{
	struct sf_error e = { 0 };
	size_t n;
	struct soql_query *q = soql_parse(&f->sf, &f->a, NULL, sv_of(text), &e);
	if (!q)
		fail_msg("%s: %s %.*s", text, e.code, SV_ARG(e.message));
	free(soql_run(&f->a, q, false, &n));
	return n;
}

static void test_where(void **state)
{
	struct fixture *f = *state;
	struct row *acme = must_save(f, "Account", "{\"Name\":\"Acme\",\"Bullhorn_Id__c\":\"Ab1\"}");
	char contact[256];
	snprintf(contact, sizeof(contact),
		 "{\"FirstName\":\"Ana\",\"LastName\":\"Luz\",\"Email\":\"Ana@x.example\",\"AccountId\":\"%s\","
		 "\"Skills__c\":\"Java;SQL\",\"Expected_Pay__c\":45.5,\"Available_From__c\":\"2026-12-01\"}",
		 acme->id.ptr);
	must_save(f, "Contact", contact);
	must_save(f, "Contact", "{\"LastName\":\"O'Brien\",\"Active__c\":false,\"Expected_Pay__c\":9}");
	must_save(f, "Contact", "{\"LastName\":\"Zed_1\",\"Skills__c\":\"Java\"}");
	static const struct {
		const char *where;
		size_t n;
	} cases[] = {
		{ "Email = 'ana@X.example'", 1 }, /* case-insensitive, by the index */
		{ "Email != null", 1 },
		{ "Email = null", 2 },
		{ "LastName = 'o\\'brien'", 1 },
		{ "LastName LIKE '%z'", 1 },
		{ "LastName LIKE '%Z%'", 2 },
		{ "LastName LIKE 'Zed_1'", 1 },
		{ "LastName IN ('Luz', 'Zed_1', 'Luz')", 2 },
		{ "LastName NOT IN ('Luz')", 2 },
		{ "NOT LastName = 'Luz'", 2 },
		{ "Active__c = false", 1 },
		{ "Expected_Pay__c > 9", 1 },
		{ "Expected_Pay__c >= 9.0 AND Expected_Pay__c < 50", 2 },
		{ "(Expected_Pay__c = 9 OR Email != null) AND Active__c = true", 1 },
		{ "Available_From__c > 2026-11-30", 1 },
		{ "Available_From__c = NEXT_N_DAYS:30", 1 },
		{ "CreatedDate = TODAY", 3 },
		{ "LastModifiedDate < 2026-11-23T10:00:00Z", 0 },
		{ "SystemModstamp >= 2026-11-23T12:00:00+02:00", 3 },
		{ "Skills__c INCLUDES ('SQL;Java')", 1 },
		{ "Skills__c EXCLUDES ('SQL')", 2 },
		{ "Account.Name = 'acme'", 1 },
		{ "Account.Bullhorn_Id__c = 'AB1'", 0 }, /* case-sensitive key */
		{ "Name = 'Ana Luz'", 1 },
		{ "Contact.LastName = 'Luz'", 1 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		snprintf(text, sizeof(text), "SELECT Id FROM Contact WHERE %s", cases[i].where);
		if (count(f, text) != cases[i].n)
			fail_msg("%s: %zu, not %zu", cases[i].where, count(f, text), cases[i].n);
	}
	assert_int_equal(count(f, "select Id from contact order by LastName desc limit 2"), 2);
	assert_int_equal(count(f, "SELECT Id FROM Contact OFFSET 2"), 1);
	assert_int_equal(count(f, "SELECT COUNT() FROM Contact"), 3);
}

static void test_order(void **state)
{
	struct fixture *f = *state;
	struct sf_error e = { 0 };
	size_t n;
	must_save(f, "Job_Order__c", "{\"Name\":\"b\",\"Openings__c\":10}");
	must_save(f, "Job_Order__c", "{\"Name\":\"a\",\"Openings__c\":9}");
	must_save(f, "Job_Order__c", "{\"Name\":\"c\"}");
	struct soql_query *q = soql_parse(&f->sf, &f->a, NULL,
					  SV("SELECT Name FROM Job_Order__c ORDER BY Openings__c NULLS LAST, Name"), &e);
	struct row **rows = soql_run(&f->a, q, false, &n);
	assert_string_equal(row_get(rows[0], "Name").ptr, "a"); /* 9 before 10: by number */
	assert_string_equal(row_get(rows[2], "Name").ptr, "c");
	free(rows);
}

static void test_soql_errors(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text, *code;
	} cases[] = {
		{ "", "MALFORMED_QUERY" },
		{ "SELECT", "MALFORMED_QUERY" },
		{ "SELECT Id Contact", "MALFORMED_QUERY" },
		{ "SELECT Id FROM Contact WHERE", "MALFORMED_QUERY" },
		{ "SELECT Id FROM Contact WHERE Name = 'x", "MALFORMED_QUERY" },
		{ "SELECT Id FROM Contact WHERE Name = 'x' AND Name = 'y' OR Name = 'z'", "MALFORMED_QUERY" },
		{ "SELECT Id FROM Contact LIMIT x", "MALFORMED_QUERY" },
		{ "SELECT Id FROM Contact WHERE CreatedDate > 2026-13-01", "MALFORMED_QUERY" },
		{ "SELECT Id FROM Contact trailing", "MALFORMED_QUERY" },
		{ "SELECT Nope FROM Contact", "INVALID_FIELD" },
		{ "SELECT Account.Nope FROM Contact", "INVALID_FIELD" },
		{ "SELECT Nope.Name FROM Contact", "INVALID_FIELD" },
		{ "SELECT Id FROM Contact WHERE Active__c = 'true'", "INVALID_FIELD" },
		{ "SELECT Id FROM Contact WHERE LastName = 5", "INVALID_FIELD" },
		{ "SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD" },
		{ "SELECT Id FROM Nope", "INVALID_TYPE" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sf_error e = { 0 };
		assert_null(soql_parse(&f->sf, &f->a, NULL, sv_of(cases[i].text), &e));
		if (strcmp(e.code, cases[i].code) != 0)
			fail_msg("%s: %s, not %s", cases[i].text, e.code, cases[i].code);
	}
}

static void test_like(void **state)
{
	assert_true(soql_like(SV("abc"), SV("a%c")));
	assert_true(soql_like(SV(""), SV("%")));
	assert_true(soql_like(SV("J\xc3\xb8rn"), SV("j_rn")));
	assert_false(soql_like(SV("abc"), SV("ab")));
	assert_false(soql_like(SV("aaaaaaaaaaaaaaaaaaaaaaaa"), SV("%a%a%a%a%a%a%b")));
}

/* ---- records ---- */

static void test_rules(void **state)
{
	struct fixture *f = *state;
	must_save(f, "Contact", "{\"LastName\":\"A\",\"Bullhorn_Id__c\":\"7\"}");
	must_save(f, "Contact", "{\"LastName\":\"B\",\"Bullhorn_Id__c\":\"7a\"}");
	must_save(f, "Contact", "{\"LastName\":\"B\",\"Bullhorn_Id__c\":\"7A\"}"); /* case-sensitive */
	refused(f, "Contact", "{\"LastName\":\"C\",\"Bullhorn_Id__c\":\"7\"}", "DUPLICATE_VALUE");
	refused(f, "Contact", "{}", "REQUIRED_FIELD_MISSING");
	refused(f, "Contact", "{\"LastName\":\"  \"}", "REQUIRED_FIELD_MISSING");
	refused(f, "Contact", "{\"LastName\":\"C\",\"Active__c\":null}", "INVALID_TYPE_ON_FIELD_IN_RECORD");
	refused(f, "Contact", "{\"LastName\":\"C\",\"Expected_Pay__c\":\"much\"}", "JSON_PARSER_ERROR");
	refused(f, "Job_Order__c", "{\"Name\":\"C\",\"Openings__c\":10000}", "NUMBER_OUTSIDE_VALID_RANGE");
	refused(f, "Contact", "{\"LastName\":\"C\",\"AccountId\":\"001Hs0000000099AA\"}", "MALFORMED_ID");
	refused(f, "Contact", "{\"LastName\":\"C\",\"AccountId\":\"001Hs0000000099\"}", "INVALID_CROSS_REFERENCE_KEY");
	refused(f, "Placement__c", "{\"Name\":\"P\"}", "INVALID_FIELD_FOR_INSERT_UPDATE");
	refused(f, "Contact", "{\"LastName\":\"C\",\"CreatedDate\":\"2026-01-01T00:00:00Z\"}", "INVALID_FIELD_FOR_INSERT_UPDATE");
	refused(f, "Placement__c", "{\"Candidate__r\":{\"Bullhorn_Id__c\":\"no\"}}", "INVALID_FIELD");
	struct row *p = must_save(f, "Placement__c", "{\"Candidate__r\":{\"Bullhorn_Id__c\":\"7\"}}");
	assert_string_equal(row_get(p, "Name").ptr, "P-000001");
	assert_non_null(row_get(p, "Candidate__c").ptr);
}

static void test_values(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *sent, *kept;
	} cases[] = {
		{ "45.5", "45.5" }, { "45.50", "45.5" }, { "\"045.555\"", "45.56" }, { "99.995", "100" },
		{ "0", "0" },	    { "-0.004", "0" },	 { "-3.10", "-3.1" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char json[100];
		snprintf(json, sizeof(json), "{\"LastName\":\"N\",\"Expected_Pay__c\":%s}", cases[i].sent);
		assert_string_equal(row_get(must_save(f, "Contact", json), "Expected_Pay__c").ptr, cases[i].kept);
	}
	struct row *r = must_save(f, "Contact", "{\"LastName\":\" N \",\"Title\":\"\",\"Active__c\":\"1\"}");
	assert_string_equal(row_get(r, "LastName").ptr, "N");
	assert_null(row_get(r, "Title").ptr);
	assert_string_equal(row_get(r, "Active__c").ptr, "true");
}

/* ---- tables ---- */

static void test_undo(void **state)
{
	struct fixture *f = *state;
	struct tables *all = f->sf.system->tables;
	struct row *r = must_save(f, "Contact", "{\"LastName\":\"A\",\"Bullhorn_Id__c\":\"1\"}"), *found;
	struct writer w = { .user = SV("u") };
	int key = table_field(f->sf.contact, SV("Bullhorn_Id__c"));
	int64_t modified = r->modified_ms;
	f->clock.ms += 1000;
	struct assignment set = { key, SV("2") };
	struct change *c = table_update(r, &set, 1, &w);
	assert_int_equal(table_lookup(f->sf.contact, key, SV("2"), &found, 1), 1);
	tables_undo(all, c);
	assert_int_equal(table_lookup(f->sf.contact, key, SV("2"), &found, 1), 0);
	assert_int_equal(table_lookup(f->sf.contact, key, SV("1"), &found, 1), 1);
	assert_int_equal(r->modified_ms, modified);
	tables_undo(all, table_delete(r, &w));
	assert_int_equal(table_lookup(f->sf.contact, key, SV("1"), &found, 1), 1);
	size_t rows = f->sf.contact->rows_len;
	tables_undo(all, table_insert(f->sf.contact, &set, 1, &w));
	assert_int_equal(f->sf.contact->rows_len, rows);
	assert_int_equal(all->log_len, 1);
}

static void test_deleted_rows_free_their_keys(void **state)
{
	struct fixture *f = *state;
	struct row *r = must_save(f, "Contact", "{\"LastName\":\"A\",\"Bullhorn_Id__c\":\"1\"}");
	struct writer w = { .user = SV("u") };
	table_delete(r, &w);
	must_save(f, "Contact", "{\"LastName\":\"B\",\"Bullhorn_Id__c\":\"1\"}");
	assert_ptr_equal(table_row(f->sf.contact, r->id), r);
	assert_ptr_equal(r->last->previous->row, r);
}

static void test_automation(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	struct json_object *spec = json_parse(
		SV("{\"object\":\"Contact\",\"when\":\"LastName\",\"kind\":\"title\"}"), "rule", &err);
	assert_true(sf_rule_add(&f->sf, spec, &err));
	json_object_put(spec);
	struct row *r = must_save(f, "Contact", "{\"LastName\":\"de la CRUZ\"}");
	assert_string_equal(row_get(r, "LastName").ptr, "De La Cruz");
}

int main(void)
{
#define IN_ORG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum), IN_ORG(test_ids_ascend), IN_ORG(test_where),
		IN_ORG(test_order), IN_ORG(test_soql_errors), cmocka_unit_test(test_like),
		IN_ORG(test_rules), IN_ORG(test_values), IN_ORG(test_undo),
		IN_ORG(test_deleted_rows_free_their_keys), IN_ORG(test_automation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The Salesforce connector's pure parts, over recorded answers
 * (tests/fixtures/SOURCES.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/panic.h"
#include "systems/salesforce/bayeux.h"
#include "systems/salesforce/ids.h"
#include "systems/salesforce/sf.h"

static struct arena arena;

static int setup(void **state)
{
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	arena_finish(&arena);
	return 0;
}

static struct json_object *fixture(const char *name)
{
	struct sv path = arena_printf(&arena, FIXTURES "/salesforce/%s", name);
	struct json_object *o = json_object_from_file(path.ptr);
	if (!o)
		fail_msg("%s: %s", path.ptr, json_util_get_last_err());
	return o;
}

/* ---- ids ---- */

static void ids_get_their_checksum(void **state)
{
	static const struct {
		struct sv in, out;
	} cases[] = {
		{ SV("0038M0000016Wv8"), SV("0038M0000016Wv8QAE") },
		{ SV("0038M0000016Wv8QAE"), SV("0038M0000016Wv8QAE") },
		{ SV("0038M0000016Wv8qae"), SV("0038M0000016Wv8QAE") },
		{ SV("005Rj000005UEfQ"), SV("005Rj000005UEfQIAW") },
		{ SV("08pRj000005kYAH"), SV("08pRj000005kYAHIA2") },
		{ SV("00Dxx0000001gPL"), SV("00Dxx0000001gPLEAY") },
		{ SV("005xx000001SwiU"), SV("005xx000001SwiUAAS") },
		{ SV("0038M0000016Wv8QAF"), SV("") }, /* another record's checksum */
		{ SV("0038M0000016wv8QAE"), SV("") }, /* case was lost on the way */
		{ SV("000000000000000AAA"), SV("") },
		{ SV("001*"), SV("") },
		{ SV("0038M0000016Wv'"), SV("") },
		{ SV("0038M0000016Wv8Q"), SV("") },
		{ SV(""), SV("") },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct sv got = sf_id(cases[i].in, &arena);
		if (!sv_eq(got, cases[i].out))
			fail_msg("%.*s became '%.*s'", SV_ARG(cases[i].in), SV_ARG(got));
	}
}

static void audiences_name_the_authorization_server(void **state)
{
	static const struct {
		const char *url, *audience;
	} cases[] = {
		{ "https://login.salesforce.com", "https://login.salesforce.com" },
		{ "https://test.salesforce.com/", "https://test.salesforce.com" },
		{ "https://acme.my.salesforce.com", "https://login.salesforce.com" },
		{ "https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com" },
		{ "http://127.0.0.1:7071/", "http://127.0.0.1:7071" },
		{ "https://acme.my.site.com/jobs", "https://acme.my.site.com/jobs" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct sv got = sf_default_audience(sv_of(cases[i].url), &arena);
		assert_true(sv_eq(got, sv_of(cases[i].audience)));
	}
}

/* ---- query text ---- */

static void expect_condition(enum type_kind kind, enum value_kind value, struct sv text,
			     const char *want)
{
	struct write_field f = { "F", { .kind = kind, .scale = -1 }, { value, text } };
	struct buf b;
	buf_init(&b, 4096);
	soql_add_condition(&b, &f);
	assert_string_equal(b.ptr, want);
	buf_finish(&b);
}

static void literals_are_typed_and_escaped(void **state)
{
	expect_condition(TYPE_TEXT, VALUE_TEXT, SV("O'Hara"), "F = 'O\\'Hara'");
	expect_condition(TYPE_TEXT, VALUE_TEXT, SV("a\\b\nc\rd\te\bf\fg"),
			 "F = 'a\\\\b\\nc\\rd\\te\\bf\\fg'");
	expect_condition(TYPE_TEXT, VALUE_TEXT, SV("\\' OR Name != '"),
			 "F = '\\\\\\' OR Name != \\''");
	expect_condition(TYPE_TEXT, VALUE_TEXT, SV("12"), "F = '12'");
	expect_condition(TYPE_PICKLIST, VALUE_TEXT, SV("Active"), "F = 'Active'");
	expect_condition(TYPE_EMAIL, VALUE_TEXT, SV("ann@example.com"), "F = 'ann@example.com'");
	expect_condition(TYPE_TEXT, VALUE_NULL, SV_NONE, "F = null");
	expect_condition(TYPE_BOOL, VALUE_BOOL, SV("true"), "F = true");
	expect_condition(TYPE_INTEGER, VALUE_INTEGER, SV("-7"), "F = -7");
	expect_condition(TYPE_CURRENCY, VALUE_DECIMAL, SV("12.50"), "F = 12.50");
	expect_condition(TYPE_DATE, VALUE_DATE, SV("2026-11-23"), "F = 2026-11-23");
	expect_condition(TYPE_INSTANT, VALUE_INSTANT, SV("2026-11-23T10:00:00.000Z"),
			 "F = 2026-11-23T10:00:00.000Z");
	expect_condition(TYPE_SET, VALUE_SET, SV("C++\nO'Caml\n"), "F = 'C++;O\\'Caml'");
	expect_condition(TYPE_LINK, VALUE_REF, SV("0038M0000016Wv8QAE"),
			 "F = '0038M0000016Wv8QAE'");
	expect_condition(TYPE_PHONE, VALUE_TEXT, SV("+13125550100"), "F LIKE '%5%5%5%0%1%0%0%'");
	expect_condition(TYPE_PHONE, VALUE_TEXT, SV("ext 12"), "F = 'ext 12'");
}

/* ---- errors ---- */

static const struct expected_error {
	const char *name;
	enum err_code code;
	enum err_retry retry;
	enum err_scope scope;
} expected_errors[] = {
	{ "401_INVALID_SESSION_ID", ERR_SESSION, RETRY_LATER, SCOPE_SYSTEM },
	{ "401_not_valid_for_rest", ERR_AUTH, RETRY_PERSON, SCOPE_SYSTEM },
	{ "403_REQUEST_LIMIT_EXCEEDED", ERR_LIMIT, RETRY_LATER, SCOPE_SYSTEM },
	{ "403_CONCURRENT", ERR_LIMIT, RETRY_LATER, SCOPE_SYSTEM },
	{ "404_NOT_FOUND", ERR_NOT_FOUND, RETRY_NEVER, SCOPE_RECORD },
	{ "404_ENTITY_IS_DELETED", ERR_NOT_FOUND, RETRY_NEVER, SCOPE_RECORD },
	{ "400_REQUIRED_FIELD_MISSING", ERR_REJECTED, RETRY_PERSON, SCOPE_FIELD },
	{ "400_STRING_TOO_LONG", ERR_REJECTED, RETRY_PERSON, SCOPE_FIELD },
	{ "400_RESTRICTED_PICKLIST", ERR_REJECTED, RETRY_PERSON, SCOPE_FIELD },
	{ "400_INVALID_FIELD_FOR_INSERT_UPDATE", ERR_REJECTED, RETRY_PERSON, SCOPE_FIELD },
	{ "400_INVALID_FIELD_foreign_ext_id", ERR_REJECTED, RETRY_PERSON, SCOPE_RECORD },
	{ "400_INVALID_FIELD_soql", ERR_REJECTED, RETRY_PERSON, SCOPE_RECORD },
	{ "400_INVALID_TYPE_soql", ERR_REJECTED, RETRY_PERSON, SCOPE_RECORD },
	{ "400_QUERY_TIMEOUT", ERR_SERVER, RETRY_LATER, SCOPE_SYSTEM },
	{ "400_two_validation_rules", ERR_REJECTED, RETRY_PERSON, SCOPE_RECORD },
	{ "400_DUPLICATES_DETECTED_v54", ERR_REJECTED, RETRY_PERSON, SCOPE_RECORD },
	{ "403_INSUFFICIENT_ACCESS_OR_READONLY", ERR_REJECTED, RETRY_PERSON, SCOPE_RECORD },
	{ "400_INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", ERR_REJECTED, RETRY_PERSON,
	  SCOPE_RECORD },
	/* the first of several: rows of Collections, parts of a composite */
	{ "collections_allOrNone_rollback", ERR_REJECTED, RETRY_PERSON, SCOPE_RECORD },
	{ "composite_allOrNone_halted", ERR_CONFLICT, RETRY_LATER, SCOPE_RECORD },
};

static const struct expected_error *expected_error(const char *name)
{
	for (size_t i = 0; i < countof(expected_errors); i++)
		if (strcmp(expected_errors[i].name, name) == 0)
			return &expected_errors[i];
	fail_msg("%s is in the fixture but not in the table", name);
	return NULL;
}

static void every_recorded_error_has_its_class(void **state)
{
	struct json_object *all = fixture("rest_errors.json");
	size_t n = 0;
	json_object_object_foreach(all, name, entry) {
		const struct expected_error *want = expected_error(name);
		struct json_object *body = json_at(entry, "body");
		struct json_object *part = json_path(body, "compositeResponse.0.body");
		int status = (int)json_i64(entry, "http", 0);
		struct err err = { 0 };
		if (part) {
			body = part;
			status = (int)json_i64(json_path(json_at(entry, "body"),
							 "compositeResponse.0"),
					       "httpStatusCode", 0);
		} else if (status == 200) {
			body = json_object_array_get_idx(body, 0);
		}
		struct sf_problem p = sf_problem_of(body);
		sf_problem_class(&p, status, "update Contact", &err);
		if (err.code != want->code || err.retry != want->retry ||
		    err.scope != want->scope || err.http_status != status)
			fail_msg("%s: %s, retry %d, scope %d: %s", name, err_code_name(err.code),
				 err.retry, err.scope, err.what);
		assert_non_null(strstr(err.what, "update Contact: "));
		assert_null(strchr(err.what, '\n')); /* whatever the server wrote */
		assert_true(p.code.len > 0);
		n++;
	}
	assert_int_equal(n, countof(expected_errors));
	json_object_put(all);
}

static enum err_code class_of(const char *json, int status)
{
	struct err err = { 0 };
	struct json_object *body = json_tokener_parse(json);
	struct sf_problem p = sf_problem_of(body);
	sf_problem_class(&p, status, "x", &err);
	json_object_put(body);
	return err.code;
}

static void the_other_shapes_are_understood(void **state)
{
	assert_int_equal(class_of("{\"errorCode\":\"UNKNOWN_EXCEPTION\",\"message\":\"m\"}", 500),
			 ERR_SERVER);
	assert_int_equal(class_of("{\"error\":\"invalid_grant\",\"error_description\":\"d\"}", 400),
			 ERR_REJECTED);
	assert_int_equal(class_of("null", 401), ERR_SESSION);
	assert_int_equal(class_of("null", 503), ERR_SERVER);
	assert_int_equal(class_of("null", 404), ERR_SERVER); /* no page of ours */
	assert_int_equal(class_of("[]", 400), ERR_SERVER);
	assert_int_equal(class_of("[{\"errorCode\":\"ANY\",\"message\":\"m\"}]", 420), ERR_SERVER);
	assert_int_equal(class_of("null", 414), ERR_TOO_BIG);
	assert_int_equal(class_of("[{\"errorCode\":\"UNABLE_TO_LOCK_ROW\"}]", 400), ERR_CONFLICT);
	assert_int_equal(class_of("[{\"errorCode\":\"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY\","
				  "\"message\":\"T: UNABLE_TO_LOCK_ROW, unable to obtain\"}]",
				  400),
			 ERR_CONFLICT);
	assert_int_equal(class_of("[{\"errorCode\":\"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY\","
				  "\"message\":\"T: NullPointerException\"}]",
				  400),
			 ERR_REJECTED);
	assert_int_equal(class_of("[{\"errorCode\":\"API_DISABLED_FOR_ORG\"}]", 403), ERR_AUTH);
	assert_int_equal(class_of("[{\"errorCode\":\"TXN_SECURITY_NO_ACCESS\"}]", 403), ERR_AUTH);
	assert_int_equal(class_of("[{\"errorCode\":\"INVALID_SESSION_ID\",\"message\":"
				  "\"Connected app is not attached to Agent\"}]",
				  401),
			 ERR_AUTH);
}

static void a_column_that_cannot_be_used_is_named(void **state)
{
	static const struct {
		const char *message;
		const char *column;
	} cases[] = {
		{ "No such column 'Skills__c' on sobject of type Contact", "Skills__c" },
		{ "\nSELECT Id, Nope\n      ^\nERROR at Row:1:Column:12\nNo such column 'Nope' on "
		  "entity 'Contact'. If you are attempting to use a custom field",
		  "Nope" },
		{ "field 'SystemModstamp' can not be filtered in a query call", "SystemModstamp" },
		{ "Foreign key external ID: 0116 not found for field Invoice__c in entity B__c",
		  "Invoice__c" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct sf_problem p = { SV("INVALID_FIELD"), sv_of(cases[i].message), NULL };
		struct sv column;
		assert_true(sf_problem_column(&p, &column));
		assert_true(sv_eq(column, sv_of(cases[i].column)));
	}
	struct sv column;
	struct sf_problem other = { SV("STRING_TOO_LONG"), SV("No such column 'x'"), NULL };
	assert_false(sf_problem_column(&other, &column));
}

static void limit_headers_are_read_leniently(void **state)
{
	int64_t used = -1, limit = -1;
	assert_true(sf_limit_info(SV("api-usage=18/5000"), &used, &limit));
	assert_int_equal(used, 18);
	assert_int_equal(limit, 5000);
	assert_true(sf_limit_info(
		SV("api-usage=19/5000; per-app-api-usage=17/250(appName=treaty)"), &used, &limit));
	assert_int_equal(used, 19);
	assert_false(sf_limit_info(SV("per-app-api-usage=17/250(appName=x)"), &used, &limit));
	assert_false(sf_limit_info(SV("api-bursts=1/2"), &used, &limit));
	assert_false(sf_limit_info(SV("api-usage=/"), &used, &limit));
	assert_false(sf_limit_info(SV_NONE, &used, &limit));
}

/* ---- the feed's messages ---- */

static const struct {
	const char *name;
	enum bayeux_verdict verdict;
	enum err_code code;
} expected_messages[] = {
	{ "handshake_ok", BAYEUX_OK, ERR_NONE },
	{ "connect_ok", BAYEUX_OK, ERR_NONE },
	{ "connect_401", BAYEUX_LOGIN, ERR_NONE },
	{ "handshake_401", BAYEUX_LOGIN, ERR_NONE },
	{ "subscribe_bad_replay", BAYEUX_FAILED, ERR_CURSOR },
	{ "connect_unknown_client", BAYEUX_HANDSHAKE, ERR_NONE },
};

static void recorded_messages_are_judged(void **state)
{
	struct json_object *all = fixture("bayeux_messages.json");
	for (size_t i = 0; i < countof(expected_messages); i++) {
		struct json_object *list = json_at(all, expected_messages[i].name);
		struct err err = { 0 };
		enum bayeux_verdict got =
			bayeux_judge(json_object_array_get_idx(list, 0), "feed", &err);
		if (got != expected_messages[i].verdict || err.code != expected_messages[i].code)
			fail_msg("%s: %d, %s", expected_messages[i].name, got, err.what);
	}
	json_object_put(all);
}

static enum bayeux_verdict judge(const char *error, enum err_code *code)
{
	struct err err = { 0 };
	struct json_object *m = json_object_new_object();
	json_put_bool(m, "successful", false);
	json_put_sv(m, "error", sv_of(error));
	enum bayeux_verdict verdict = bayeux_judge(m, "feed", &err);
	json_object_put(m);
	*code = err.code;
	return verdict;
}

static void error_texts_of_the_guide_are_judged(void **state)
{
	static const struct {
		const char *error;
		enum bayeux_verdict verdict;
		enum err_code code;
	} cases[] = {
		{ "402::Unknown client", BAYEUX_HANDSHAKE, ERR_NONE },
		{ "403::unknown client", BAYEUX_HANDSHAKE, ERR_NONE },
		{ "403::Client has not completed handshake", BAYEUX_HANDSHAKE, ERR_NONE },
		{ "401::Request requires authentication", BAYEUX_LOGIN, ERR_NONE },
		{ "403::Organization total events daily limit exceeded", BAYEUX_FAILED, ERR_LIMIT },
		{ "403::Organization concurrent user limit exceeded", BAYEUX_FAILED, ERR_LIMIT },
		{ "403::Restricted channel", BAYEUX_FAILED, ERR_REJECTED },
		{ "403:denied_by_security_policy:create_denied", BAYEUX_FAILED, ERR_REJECTED },
		{ "400::The channel you requested to subscribe to doesn't exist", BAYEUX_FAILED,
		  ERR_REJECTED },
		{ "503::Server is too busy", BAYEUX_FAILED, ERR_SERVER },
		{ "", BAYEUX_FAILED, ERR_SERVER },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		enum err_code code;
		if (judge(cases[i].error, &code) != cases[i].verdict || code != cases[i].code)
			fail_msg("%s: %s", cases[i].error, err_code_name(code));
	}
}

static void a_change_event_is_read(void **state)
{
	/* CDC guide; commitNumber is above 2^53 in real ones */
	struct json_object *m = json_tokener_parse(
		"{\"data\":{\"schema\":\"s\",\"payload\":{\"Status\":\"x\",\"ChangeEventHeader\":{"
		"\"entityName\":\"Placement__c\",\"recordIds\":[\"a00\",\"a01\"],"
		"\"changeType\":\"UPDATE\",\"commitTimestamp\":1725357365000,"
		"\"commitNumber\":1725357365187780609,\"commitUser\":\"005Rj000005UEfQIAW\"}},"
		"\"event\":{\"replayId\":2142496}},\"channel\":\"/data/Placement__ChangeEvent\"}");
	struct bayeux_event e;
	assert_true(bayeux_event(m, &e));
	assert_int_equal(e.replay_id, 2142496);
	assert_true(sv_eq(e.object, SV("Placement__c")));
	assert_int_equal(json_object_array_length(e.ids), 2);
	assert_int_equal(e.commit_ms, 1725357365000);
	assert_false(e.overflow);
	assert_true(sv_eq(e.channel, bayeux_channel("Placement__c", &arena)));
	assert_true(sv_eq(SV("/data/ContactChangeEvent"), bayeux_channel("Contact", &arena)));
	json_object_put(m);

	m = json_tokener_parse("{\"channel\":\"/data/x\",\"data\":\"text\"}");
	assert_false(bayeux_event(m, &e));
	json_object_put(m);
	assert_false(bayeux_event(NULL, &e));
}

static void changed_fields_have_our_names(void **state)
{
	static const struct {
		struct sv told;
		const char *field;
	} cases[] = {
		{ SV("Phone"), "Phone" },
		{ SV("Name.LastName"), "LastName" },
		{ SV("MailingAddress.City"), "MailingCity" },
		{ SV("MailingAddress"), NULL },
		{ SV("Site__c.Latitude"), NULL },
		{ SV(""), NULL },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const char *got = bayeux_field(cases[i].told, &arena);
		if (!cases[i].field)
			assert_null(got);
		else
			assert_string_equal(got, cases[i].field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_get_their_checksum),
		cmocka_unit_test(audiences_name_the_authorization_server),
		cmocka_unit_test(literals_are_typed_and_escaped),
		cmocka_unit_test(every_recorded_error_has_its_class),
		cmocka_unit_test(the_other_shapes_are_understood),
		cmocka_unit_test(a_column_that_cannot_be_used_is_named),
		cmocka_unit_test(limit_headers_are_read_leniently),
		cmocka_unit_test(recorded_messages_are_judged),
		cmocka_unit_test(error_texts_of_the_guide_are_judged),
		cmocka_unit_test(a_change_event_is_read),
		cmocka_unit_test(changed_fields_have_our_names),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

/* The parts of the description interpreter that need no system: the language
 * and its errors, templates, selectors, conditions, classes of errors, and the
 * reading of answers, over answers that were recorded from Bullhorn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/panic.h"
#include "systems/rest/ops.h"
#include "treaty/yaml.h"

static struct arena arena;
static struct rest_description *bullhorn;

static struct sv read_file(const char *path)
{
	struct complaints c;
	struct buf b;
	complaints_init(&c, path);
	buf_init(&b, YAML_MAX);
	if (!yaml_read_file(path, &b, &c))
		fail_msg("%s: cannot be read", path);
	struct sv text = arena_sv(&arena, buf_sv(&b));
	buf_finish(&b);
	complaints_finish(&c);
	return text;
}

static struct json_object *fixture(const char *name)
{
	struct err err = { 0 };
	struct sv text = read_file(arena_printf(&arena, FIXTURES "/bullhorn/%s", name).ptr);
	struct json_object *o = json_parse(sv_trim(text), name, &err);
	if (!o)
		fail_msg("%s", err.what);
	return o;
}

static int begin(void **state)
{
	struct complaints c;
	struct buf said;
	arena_init(&arena);
	complaints_init(&c, "bullhorn.yaml");
	bullhorn = rest_description_load(CONNECTORS "/bullhorn.yaml", &c);
	if (!bullhorn) {
		buf_init(&said, 1 << 16);
		complaints_print(&c, &said);
		print_error("%s", said.ptr);
		buf_finish(&said);
	}
	complaints_finish(&c);
	return bullhorn ? 0 : -1;
}

static int end(void **state)
{
	rest_description_destroy(bullhorn);
	arena_finish(&arena);
	return 0;
}

#define assert_sv(a, text) assert_string_equal(arena_str(&arena, (a)), (text))

/* ---- the language ---- */

/* Bullhorn's description with one piece of text replaced: what is said. */
static const char *complaints_with(const char *old, const char *new)
{
	struct sv text = read_file(CONNECTORS "/bullhorn.yaml");
	const char *at = strstr(text.ptr, old);
	if (!at)
		fail_msg("bullhorn.yaml does not say '%s'", old);
	struct buf changed, said;
	buf_init(&changed, YAML_MAX);
	buf_add(&changed, sv_make(text.ptr, (size_t)(at - text.ptr)));
	buf_add(&changed, sv_of(new));
	buf_add(&changed, sv_of(at + strlen(old)));
	struct complaints c;
	complaints_init(&c, "x.yaml");
	buf_init(&said, 1 << 16);
	rest_description_destroy(rest_description_load_text(buf_sv(&changed), "x.yaml", &c));
	complaints_print(&c, &said);
	char *out = arena_str(&arena, buf_sv(&said));
	buf_finish(&said);
	buf_finish(&changed);
	complaints_finish(&c);
	return out;
}

static int line_of(const char *needle)
{
	struct sv text = read_file(CONNECTORS "/bullhorn.yaml");
	const char *at = strstr(text.ptr, needle);
	int line = 1;
	for (const char *p = text.ptr; at && p < at; p++)
		line += *p == '\n';
	return line;
}

#define assert_says(said, line, column, text)                                                      \
	assert_non_null(strstr((said), arena_printf(&arena, "x.yaml:%d:%d: %s", (line), (column),  \
						    (text)).ptr))

static void test_unknown_key(void **state)
{
	const char *said = complaints_with("  ids: 100", "  idz: 100");
	assert_says(said, line_of("  ids: 100"), 3,
		    "'idz': the fetch has no such key (did you mean 'ids'?)");
	assert_says(said, line_of("fetch:\n"), 1, "'ids' is missing");
}

static void test_all_errors_at_once(void **state)
{
	const char *said = complaints_with(
		"values: {instant: epoch_ms, date: epoch_ms, set: array, reference: object}",
		"values: {instant: epoch, date: epoch_ms, set: list}");
	int line = line_of("values: {");
	assert_says(said, line, 19, "'epoch': 'instant' is iso or epoch_ms");
	assert_says(said, line, 47, "'list': 'set' is");
	assert_says(said, line, 1, "'reference' is missing");
}

static void test_names_in_templates(void **state)
{
	const char *said = complaints_with("entity/{object}/{ids}", "entity/{objct}/{ids}");
	assert_says(said, line_of("entity/{object}/{ids}"), 8,
		    "{objct}: not known here (did you mean 'object'?)");
	said = complaints_with("{fields: \"{fields}\"}\n  ids", "{fields: \"{where}\"}\n  ids");
	assert_non_null(strstr(said, "{where}: not known here; there is {object} {ids} {fields}"));
	said = complaints_with("entity/{object}/{ids}", "entity/{object/{ids}");
	assert_non_null(strstr(said, "no {name} at character 8"));
}

static void test_login_order(void **state)
{
	/* taken by a step of the other kind of login only */
	const char *said = complaints_with("{code: location.code}", "{kode: location.code}");
	assert_says(said, line_of("code: \"{code}\""), 15,
		    "{code}: not known here (did you mean 'kode'?)");
	said = complaints_with("{token: body.BhRestToken, base", "{token: header.BhRestToken, base");
	assert_non_null(strstr(said, "'header.BhRestToken': taken is 'body.PATH'"));
	said = complaints_with("      when: kept\n", "");
	assert_non_null(strstr(said, "'keep': no step is 'when: kept'"));
	said = complaints_with("expect: 302", "expect: [200..302]");
	assert_non_null(strstr(said, "200 is both success and refusal"));
	said = complaints_with("get: \"{oauth}/authorize\"", "get: oauth/authorize");
	assert_non_null(strstr(said, "a whole URL belongs here"));
}

static void test_classes_are_reached(void **state)
{
	const char *said = complaints_with("    - {class: session, status: [401, 412]}",
					   "    - {class: server, status: 400..599}\n"
					   "    - {class: session, status: [401, 412]}");
	assert_non_null(strstr(said, "this class is never reached"));
	said = complaints_with("{class: session, status: [401, 412]}", "{class: session}");
	assert_non_null(strstr(said, "this class fits every answer"));
	said = complaints_with("status: 429", "status: 42..900");
	assert_non_null(strstr(said, "'42..900': 'status' is a status such as 404, or 500..599"));
}

static void test_other_errors(void **state)
{
	static const struct {
		const char *old, *new, *said;
	} cases[] = {
		{ "connector: 1", "connector: 2", "version 2 is not known here" },
		{ "poll: 60s..5m", "poll: 5m..60s", "a span is like 30s..5m" },
		{ "  put: entity/{object}\n", "", "'create': no request without a method: post, or put" },
		{ "https://rest.bull", "http://rest.bull", "use https" },
		{ "  total: total\n", "", "'to_many' without 'total'" },
		{ "data: data", "data: da ta", "a path is names or places" },
		{ "    put: event/subscription/{subscription}\n    query:",
		  "    put: event\n    post: event\n    query:", "this one is a POST already" },
		{ "  Candidate: {modified", "  Candidate: {changed",
		  "'changed': an object has no such key" },
		{ "concurrent: 10", "concurrent: many", "is a whole number" },
		{ "class: cursor, on: feed", "class: cursor, on: feeds",
		  "(did you mean 'feed'?)" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const char *said = complaints_with(cases[i].old, cases[i].new);
		if (!strstr(said, cases[i].said))
			fail_msg("'%s' was to be said:\n%s", cases[i].said, said);
	}
}

/* A connection that was cut after any byte leaves no crash and no leak. */
static void test_cut_short(void **state)
{
	struct sv text = read_file(CONNECTORS "/bullhorn.yaml");
	for (size_t n = 0; n < text.len; n += 97) {
		struct complaints c;
		complaints_init(&c, "x.yaml");
		struct rest_description *d =
			rest_description_load_text(sv_make(text.ptr, n), "x.yaml", &c);
		assert_true(d || c.n > 0);
		rest_description_destroy(d);
		complaints_finish(&c);
	}
}

static void test_errors_are_printable(void **state)
{
	struct buf out;
	buf_init(&out, 1 << 16);
	rest_description_print_errors(bullhorn, &out);
	assert_non_null(strstr(out.ptr, "session: 401 412 on any request\n"));
	assert_non_null(strstr(out.ptr, "limit: 429 on any request, wait 1000 ms\n"));
	assert_non_null(strstr(out.ptr, "gone: 404 on fetch on write\n"));
	assert_non_null(strstr(out.ptr, "rejected: 500 on any request where errorMessageKey is "
					"'errors.cannotPersistEntity'\n"));
	assert_non_null(strstr(out.ptr, "built in: server: all others\n"));
	buf_finish(&out);
}

/* docs/connectors.md has a row '| `path` |' for every key and for nothing else. */
static void test_reference(void **state)
{
	struct sv page = read_file(DOCS "/connectors.md"), line;
	struct doc_row *row;
	int n = doc_keys(&rest_level, &arena, &row), rows = 0;
	for (int i = 0; i < n; i++) {
		const char *entry = arena_printf(&arena, "\n| `%s` | %s |", row[i].path,
						 row[i].required ? "yes" : "").ptr;
		if (!strstr(page.ptr, entry))
			fail_msg("docs/connectors.md lacks %s", entry + 1);
	}
	for (bool more = true; more;) {
		more = sv_cut(page, '\n', &line, &page);
		rows += sv_starts(line, SV("| `"));
	}
	assert_int_equal(rows, n);
}

/* ---- templates ---- */

static struct sv filled(const char *text, enum template_place place)
{
	static const struct var inner[] = { { "id", { "a/b c", 5 } }, { "ids", { "1,2", 3 } } };
	static const struct var outer[] = { { "url", { "https://h/x", 11 } }, { "id", { "no", 2 } } };
	static const struct vars around = { outer, 2, NULL }, vars = { inner, 2, &around };
	struct template t;
	struct buf b;
	size_t bad;
	assert_true(template_parse(sv_of(text), &arena, &t, &bad));
	buf_init(&b, 1000);
	template_add(&b, &t, &vars, place);
	struct sv out = arena_sv(&arena, buf_sv(&b));
	buf_finish(&b);
	return out;
}

static void test_templates(void **state)
{
	struct template t;
	size_t bad;
	assert_sv(filled("{url}/e/{id}/{ids}", TEMPLATE_URL), "https://h/x/e/a%2Fb%20c/1,2");
	assert_sv(filled("v {id}", TEMPLATE_URL_VALUE), "v%20a%2Fb%20c");
	assert_sv(filled("v {id}", TEMPLATE_VERBATIM), "v a/b c");
	assert_sv(filled("{{{id}}}", TEMPLATE_VERBATIM), "{a/b c}");
	assert_sv(filled("", TEMPLATE_VERBATIM), "");
	static const char *const wrong[] = { "{", "}", "a{b", "{}", "{a b}", "x}y", "{{}" };
	for (size_t i = 0; i < countof(wrong); i++)
		assert_false(template_parse(sv_of(wrong[i]), &arena, &t, &bad));
}

static void test_url_parameter(void **state)
{
	struct sv url = sv_trim(read_file(FIXTURES "/bullhorn/recorded/auth/"
						   "auth-code-location-header.txt"));
	assert_sv(url_parameter(url, SV("code"), &arena), "mock-auth-code");
	assert_sv(url_parameter(SV("http://x?code=a%3Ab+c%2&y=1#code=z"), SV("code"), &arena),
		  "a:b c%2");
	assert_int_equal(url_parameter(url, SV("cod"), &arena).len, 0);
	assert_int_equal(url_parameter(SV_NONE, SV("code"), &arena).len, 0);
}

/* ---- rows ---- */

#define TYPE(k) { .kind = (k), .scale = -1, .link_record = -1 }

static void test_selector(void **state)
{
	static const struct field_ref fields[] = {
		{ "firstName", TYPE(TYPE_TEXT) },   { "address.city", TYPE(TYPE_TEXT) },
		{ "skillList", TYPE(TYPE_SET) },    { "candidate", TYPE(TYPE_LINK) },
		{ "address.state", TYPE(TYPE_TEXT) }, { "candidate.lastName", TYPE(TYPE_TEXT) },
		{ "categories.name", TYPE(TYPE_SET) }, { "firstName", TYPE(TYPE_TEXT) },
	};
	static const char *const own[] = { "id", NULL, "dateLastModified" };
	assert_sv(rows_selector(bullhorn, own, 3, fields, countof(fields), &arena),
		  "id,dateLastModified,firstName,address(city,state),skillList,"
		  "candidate(id,lastName),categories[10](name)");
	static const char *const deep[] = { "id", "h.target.id", "h.at", "h.target.name" };
	assert_sv(rows_selector(bullhorn, deep, 4, NULL, 0, &arena),
		  "id,h(target(id,name),at)");
}

static struct value value_of(const char *row, const char *api, enum type_kind kind)
{
	struct err err = { 0 };
	struct field_ref f = { api, TYPE(kind) };
	struct json_object *o = json_parse(sv_of(row), "row", &err);
	assert_non_null(o);
	struct value v = value_dup(rows_value(bullhorn, o, &f, &arena), &arena);
	json_object_put(o);
	return v;
}

static void assert_value(struct value v, enum value_kind kind, const char *text)
{
	assert_string_equal(value_kind_name(v.kind), value_kind_name(kind));
	assert_sv(v.text, text);
}

static void test_values(void **state)
{
	const char *row = "{\"address\":{\"city\":\"Omaha\",\"zip\":null},\"candidate\":{\"id\":44},"
			  "\"owner\":null,\"dateBegin\":1455801530675,\"rate\":82.0000,"
			  "\"skillList\":[\"SQL\",\"Java\"],"
			  "\"categories\":{\"total\":2,\"data\":[{\"id\":7,\"name\":\"IT\"},{\"id\":5,"
			  "\"name\":\"Care\"}]},"
			  "\"notes\":{\"total\":12,\"data\":[{\"id\":1}]}}";
	assert_value(value_of(row, "address.city", TYPE_TEXT), VALUE_TEXT, "Omaha");
	assert_value(value_of(row, "address.zip", TYPE_TEXT), VALUE_NULL, "");
	assert_value(value_of(row, "address.state", TYPE_TEXT), VALUE_UNKNOWN, "");
	assert_value(value_of(row, "candidate", TYPE_LINK), VALUE_REF, "44");
	assert_value(value_of(row, "owner", TYPE_LINK), VALUE_NULL, "");
	assert_value(value_of(row, "owner.name", TYPE_TEXT), VALUE_NULL, "");
	assert_value(value_of(row, "nothing", TYPE_TEXT), VALUE_UNKNOWN, "");
	assert_value(value_of(row, "dateBegin", TYPE_INSTANT), VALUE_INSTANT,
		     "2016-02-18T13:18:50.675Z");
	assert_value(value_of(row, "rate", TYPE_DECIMAL), VALUE_DECIMAL, "82");
	assert_value(value_of(row, "skillList", TYPE_SET), VALUE_SET, "Java\nSQL\n");
	assert_value(value_of(row, "categories.name", TYPE_SET), VALUE_SET, "Care\nIT\n");
	assert_value(value_of(row, "categories", TYPE_SET), VALUE_SET, "5\n7\n");
	/* cut short: nobody knows the rest */
	assert_value(value_of(row, "notes", TYPE_SET), VALUE_UNKNOWN, "");
	/* of another type */
	assert_value(value_of(row, "address", TYPE_TEXT), VALUE_UNKNOWN, "");
}

static void test_recorded_rows(void **state)
{
	static const struct field_ref fields[] = { { "clientBillRate", TYPE(TYPE_DECIMAL) },
						   { "clientContact", TYPE(TYPE_LINK) },
						   { "address.city", TYPE(TYPE_TEXT) } };
	const struct rest_object *o = rest_object_by_name(bullhorn, SV("JobOrder"));
	struct json_object *body = fixture("recorded/fetch-job-orders.json");
	struct rows_list rows;
	struct row row;
	assert_true(rows_list(bullhorn, body, &rows));
	assert_true(rows.n >= 1);
	assert_true(rows_read(bullhorn, o, rows_at(&rows, 0), fields, 3, &arena, &row));
	assert_sv(row.id, "3");
	assert_int_equal(row.existence, EXISTENCE_PRESENT);
	assert_true(row.modified_ms > 0);
	assert_value(row.value[0], VALUE_DECIMAL, "82");
	assert_value(row.value[1], VALUE_REF, "44");
	assert_value(row.value[2], VALUE_TEXT, "Omaha");
	json_object_put(body);

	/* the documents show a single entity without its envelope */
	body = fixture("docs/entity-get.json");
	assert_true(rows_list(bullhorn, body, &rows));
	assert_true(rows_read(bullhorn, o, rows_at(&rows, 0), fields, 3, &arena, &row));
	assert_sv(row.id, "5059165");
	json_object_put(body);
}

static void test_deleted_flag(void **state)
{
	struct err err = { 0 };
	struct row row;
	struct json_object *o = json_parse(SV("{\"id\":1,\"isDeleted\":true}"), "row", &err);
	const struct rest_object *candidate = rest_object_by_name(bullhorn, SV("Candidate"));
	const struct rest_object *placement = rest_object_by_name(bullhorn, SV("Placement"));
	assert_true(rows_read(bullhorn, candidate, o, NULL, 0, &arena, &row));
	assert_int_equal(row.existence, EXISTENCE_DELETED);
	assert_true(rows_read(bullhorn, placement, o, NULL, 0, &arena, &row));
	assert_int_equal(row.existence, EXISTENCE_PRESENT);
	json_object_put(o);
}

static void test_body(void **state)
{
	const struct write_field fields[] = {
		{ "status", TYPE(TYPE_PICKLIST), { VALUE_TEXT, SV("Placed") } },
		{ "address.city", TYPE(TYPE_TEXT), { VALUE_TEXT, SV("Omaha") } },
		{ "address.zip", TYPE(TYPE_TEXT), { VALUE_NULL, SV_NONE } },
		{ "candidate", TYPE(TYPE_LINK), { VALUE_REF, SV("44") } },
		{ "dateBegin", TYPE(TYPE_INSTANT), { VALUE_INSTANT, SV("2016-02-18T13:18:50.675Z") } },
		{ "skillList", TYPE(TYPE_SET), { VALUE_SET, SV("Java\nSQL\n") } },
	};
	const char *bad = NULL;
	struct err err = { 0 };
	struct json_object *o = rows_body(bullhorn, fields, countof(fields), &bad, &err);
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
			    "{\"status\":\"Placed\",\"address\":{\"city\":\"Omaha\",\"zip\":null},"
			    "\"candidate\":{\"id\":44},\"dateBegin\":1455801530675,"
			    "\"skillList\":[\"Java\",\"SQL\"]}");
	json_object_put(o);
	const struct write_field list = { "categories.name", TYPE(TYPE_SET),
					  { VALUE_SET, SV("IT\n") } };
	assert_null(rows_body(bullhorn, &list, 1, &bad, &err));
	assert_string_equal(bad, "categories.name");
}

static void test_conditions(void **state)
{
	const struct {
		struct write_field by;
		const char *text;
	} cases[] = {
		{ { "lastName", TYPE(TYPE_TEXT), { VALUE_TEXT, SV("O'Brien \\ 'x") } },
		  "lastName = 'O''Brien \\ ''x'" },
		{ { "n", TYPE(TYPE_INTEGER), { VALUE_INTEGER, SV("-5") } }, "n = -5" },
		{ { "r", TYPE(TYPE_DECIMAL), { VALUE_DECIMAL, SV("8.25") } }, "r = 8.25" },
		{ { "b", TYPE(TYPE_BOOL), { VALUE_BOOL, SV("true") } }, "b = true" },
		{ { "d", TYPE(TYPE_DATE), { VALUE_DATE, SV("1970-01-02") } }, "d = 86400000" },
		{ { "t", TYPE(TYPE_INSTANT), { VALUE_INSTANT, SV("1970-01-01T00:00:01.000Z") } },
		  "t = 1000" },
		{ { "owner", TYPE(TYPE_LINK), { VALUE_REF, SV("7") } }, "owner.id = 7" },
		{ { "owner", TYPE(TYPE_LINK), { VALUE_REF, SV("7 OR 1=1") } },
		  "owner.id = '7 OR 1=1'" },
		{ { "x", TYPE(TYPE_TEXT), { VALUE_NULL, SV_NONE } }, "x IS NULL" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf b;
		struct err err = { 0 };
		buf_init(&b, 1000);
		assert_true(jpql_equal(bullhorn, &cases[i].by, &b, &err));
		assert_string_equal(b.ptr, cases[i].text);
		buf_finish(&b);
	}
	const struct write_field set = { "s", TYPE(TYPE_SET), { VALUE_SET, SV("a\n") } };
	struct buf b;
	struct err err = { 0 };
	buf_init(&b, 1000);
	assert_false(jpql_equal(bullhorn, &set, &b, &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	buf_finish(&b);
}

/* ---- answers ---- */

static enum rest_class class_of(enum rest_on on, long status, const char *body)
{
	struct err err = { 0 };
	const struct rest_error_class *rule;
	struct json_object *o = *body ? json_parse(sv_of(body), "body", &err) : NULL;
	enum rest_class class = rest_classify(bullhorn, on, status, !*body, o, &rule);
	json_object_put(o);
	return class;
}

#define HTML "<html><body>Service unavailable</body></html>"
#define PERSIST "{\"errorMessage\":\"error persisting\",\"errorMessageKey\":\"errors.cannotPersistEntity\"}"

static void test_classes(void **state)
{
	static const struct {
		enum rest_on on;
		long status;
		const char *body;
		enum rest_class class;
	} cases[] = {
		{ ON_FETCH, 200, "{}", CLASS_OK },
		{ ON_FEED, 200, "", CLASS_OK },
		{ ON_FETCH, 200, HTML, CLASS_SERVER },
		{ ON_WRITE, 200, "{\"changedEntityId\":", CLASS_SERVER },
		{ ON_WRITE, 400, "{\"errorMessage\":\"x\"}", CLASS_REJECTED },
		{ ON_WRITE, 400, HTML, CLASS_SERVER },
		{ ON_WRITE, 404, "{}", CLASS_GONE },
		/* a proxy's page is not the system's word */
		{ ON_WRITE, 404, HTML, CLASS_SERVER },
		{ ON_FEED, 404, HTML, CLASS_SERVER },
		{ ON_FETCH, 404, "{}", CLASS_GONE },
		{ ON_QUERY, 404, "{}", CLASS_REJECTED },
		{ ON_FEED, 404, "{}", CLASS_CURSOR },
		{ ON_FEED, 400, "{}", CLASS_CURSOR },
		{ ON_QUERY, 412, "{}", CLASS_SESSION },
		{ ON_QUERY, 429, HTML, CLASS_LIMIT },
		{ ON_WRITE, 500, PERSIST, CLASS_REJECTED },
		{ ON_WRITE, 500, "{}", CLASS_SERVER },
		{ ON_WRITE, 503, HTML, CLASS_SERVER },
		{ ON_WRITE, 302, "", CLASS_SERVER },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		enum rest_class is = class_of(cases[i].on, cases[i].status, cases[i].body);
		if (is != cases[i].class)
			fail_msg("case %zu: %ld '%s' is %s, not %s", i, cases[i].status,
				 cases[i].body, rest_class_name(is),
				 rest_class_name(cases[i].class));
	}
}

static void test_recorded_errors(void **state)
{
	const struct rest_error_class *rule;
	struct json_object *o = fixture("recorded/invalid-rest-token.json");
	assert_int_equal(rest_classify(bullhorn, ON_QUERY, 401, false, o, &rule), CLASS_SESSION);
	assert_sv(rest_error_text(bullhorn, o, 401, &arena),
		  "Bad 'BhRestToken' or timed-out. (HTTP 401)");
	json_object_put(o);
	/* another shape than the API's own: the status must do */
	o = fixture("recorded/auth/invalid-auth-code.json");
	assert_sv(rest_error_text(bullhorn, o, 400, &arena), "HTTP 400");
	json_object_put(o);
}

static void test_named_fields(void **state)
{
	static const char *const fields[] = { "firstName", "email", "address.city", "address.zip" };
	static const struct {
		const char *body;
		const char *named;
	} cases[] = {
		{ "{\"errors\":[{\"propertyName\":\"email\"},{\"propertyName\":\"other\"}]}", "email " },
		{ "{\"errors\":[{\"propertyName\":\"email\"},{\"propertyName\":\"email\"}]}", "email " },
		{ "{\"errors\":[{\"propertyName\":\"city\"}]}", "address.city " },
		{ "{\"errors\":[{\"propertyName\":\"address\"}]}", "address.city address.zip " },
		{ "{\"errorMessage\":\"Invalid field 'firstName' for entity Candidate\"}",
		  "firstName " },
		{ "{\"errorMessage\":\"isn't it\"}", "" },
		{ "{\"errors\":{\"propertyName\":\"email\"}}", "" },
		{ "{}", "" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct err err = { 0 };
		const char *out[4];
		struct buf b;
		struct json_object *o = json_parse(sv_of(cases[i].body), "body", &err);
		int n = rest_error_fields(bullhorn, o, fields, 4, out);
		buf_init(&b, 1000);
		buf_add(&b, SV(""));
		for (int k = 0; k < n; k++)
			buf_addf(&b, "%s ", out[k]);
		assert_string_equal(b.ptr, cases[i].named);
		buf_finish(&b);
		json_object_put(o);
	}
}

/* ---- the feed ---- */

static void test_batches(void **state)
{
	struct changes got;
	struct err err = { 0 };
	int64_t position;
	struct json_object *o = fixture("recorded/fetch-subscription-events.json");
	assert_true(feed_read_batch(bullhorn, o, SV("123456"), &arena, &got, &position, &err));
	assert_int_equal(got.n, 1);
	assert_int_equal(position, 1);
	assert_sv(got.change[0].object, "Candidate");
	assert_sv(got.change[0].id, "422211");
	assert_int_equal(got.change[0].at_ms, 1603943638848);
	assert_int_equal(got.change[0].author, AUTHOR_OWN);
	assert_true(feed_read_batch(bullhorn, o, SV("9"), &arena, &got, &position, &err));
	assert_int_equal(got.change[0].author, AUTHOR_FOREIGN);
	assert_true(feed_read_batch(bullhorn, o, SV_NONE, &arena, &got, &position, &err));
	assert_int_equal(got.change[0].author, AUTHOR_UNKNOWN);
	json_object_put(o);

	/* an insert does not tell fields, an update does */
	assert_null(got.change[0].field);
	o = fixture("docs/event-subscription-get.json");
	assert_true(feed_read_batch(bullhorn, o, SV("1314"), &arena, &got, &position, &err));
	assert_int_equal(got.change[0].field_n, 2);
	assert_string_equal(got.change[0].field[0], "username");
	json_object_put(o);
	/* 'address' may be any part of it: that is not telling */
	o = json_parse(SV("{\"requestId\":1,\"events\":[{\"entityName\":\"Candidate\",\"entityId\":1,"
			  "\"updatedProperties\":[\"phone\",\"address\"]}]}"), "batch", &err);
	assert_true(feed_read_batch(bullhorn, o, SV("1"), &arena, &got, &position, &err));
	assert_null(got.change[0].field);
	json_object_put(o);

	/* twice the same events and out of order, as the SDK's own recording is */
	o = fixture("sdk-rest/event-data.json");
	assert_true(feed_read_batch(bullhorn, o, SV("2"), &arena, &got, &position, &err));
	assert_int_equal(got.n, 36);
	json_object_put(o);

	/* an empty body is an empty queue */
	assert_true(feed_read_batch(bullhorn, NULL, SV("2"), &arena, &got, &position, &err));
	assert_int_equal(got.n, 0);
	assert_int_equal(position, -1);

	o = json_parse(SV("{\"events\":[]}"), "batch", &err);
	assert_false(feed_read_batch(bullhorn, o, SV("2"), &arena, &got, &position, &err));
	assert_int_equal(err.code, ERR_SERVER);
	json_object_put(o);
}

/* ---- history and schema ---- */

static struct value step_value(enum type_kind kind, const char *json)
{
	struct err err = { 0 };
	struct value_type type = TYPE(kind);
	struct json_object *o = json_parse(sv_of(json), "step", &err);
	struct value v = value_dup(history_value(bullhorn, &type, o, &arena), &arena);
	json_object_put(o);
	return v;
}

static void test_history_values(void **state)
{
	assert_value(step_value(TYPE_PICKLIST, "\"Placed\""), VALUE_TEXT, "Placed");
	assert_value(step_value(TYPE_PICKLIST, "\"[blank]\""), VALUE_NULL, "");
	assert_value(step_value(TYPE_DATE, "\"1975-01-01 12:00:00.0\""), VALUE_DATE, "1975-01-01");
	assert_value(step_value(TYPE_INSTANT, "\"1975-01-01 12:00:00.0\""), VALUE_INSTANT,
		     "1975-01-01T12:00:00.000Z");
	assert_value(step_value(TYPE_INSTANT, "\"86400000\""), VALUE_INSTANT,
		     "1970-01-02T00:00:00.000Z");
	assert_value(step_value(TYPE_DECIMAL, "\"82.50\""), VALUE_DECIMAL, "82.5");
	assert_value(step_value(TYPE_LINK, "\"44\""), VALUE_REF, "44");
	assert_value(step_value(TYPE_LINK, "\"John Doe\""), VALUE_UNKNOWN, "");
	assert_value(step_value(TYPE_INTEGER, "\"many\""), VALUE_UNKNOWN, "");

	struct json_object *o = fixture("sdk-rest/fieldchange-data.json");
	struct value_type type = TYPE(TYPE_DATE);
	struct value v = history_value(bullhorn, &type, json_path(o, "data.1.newValue"), &arena);
	assert_value(v, VALUE_DATE, "1975-01-01");
	json_object_put(o);
}

/* Steps with these ids, as an answer. */
static struct history steps(const char *cursor, const char *ids, int64_t now_ms)
{
	static const struct field_ref status = { "status", TYPE(TYPE_PICKLIST) };
	struct history out;
	struct rows_list rows;
	struct err err = { 0 };
	struct sv left = sv_of(ids), id;
	struct json_object *o = json_object_new_object(), *data = json_object_new_array();
	json_object_object_add(o, "data", data);
	while (left.len) {
		sv_cut(left, ' ', &id, &left);
		json_object_array_add(data, json_parse(arena_printf(&arena,
			"{\"id\":%.*s,\"newValue\":\"Placed\",\"editHistory\":{\"dateAdded\":5,"
			"\"targetEntity\":{\"id\":1},\"modifyingPerson\":{\"id\":7}}}", SV_ARG(id)),
			"row", &err));
	}
	assert_true(rows_list(bullhorn, o, &rows));
	if (!history_read(bullhorn, sv_of(cursor), &rows, &status, SV("7"), now_ms, &arena, &out,
			  &err))
		fail_msg("%s", err.what);
	json_object_put(o);
	return out;
}

/* An id is given before its transaction commits: 11 was seen when 10 was not
 * there yet. */
static void test_history_late_commit(void **state)
{
	struct history h = steps("{\"floor\":9}", "11 12", 1000);
	assert_int_equal(h.n, 2);
	assert_sv(h.step[0].step_id, "0000000000000000011");
	assert_int_equal(h.step[0].author, AUTHOR_OWN);
	assert_int_equal(h.step[0].at_ms, 5);
	struct sv last = h.step[1].step_id;
	/* within the overlap all are read again; only the late one is news */
	h = steps(arena_str(&arena, h.cursor), "10 11 12", 2000);
	assert_int_equal(h.n, 1);
	assert_true(sv_cmp(h.step[0].step_id, last) > 0);
	last = h.step[0].step_id;
	h = steps(arena_str(&arena, h.cursor), "10 11 12 13", 3000);
	assert_int_equal(h.n, 1);
	assert_true(sv_cmp(h.step[0].step_id, last) > 0);
	/* afterwards the floor has passed them */
	h = steps(arena_str(&arena, h.cursor), "", 100000);
	assert_int_equal(h.n, 0);
	assert_sv(h.cursor, "{\"floor\":13,\"high\":13,\"late\":0}");
}

/* A full page moves the floor at once, or it would be the same page for ever. */
static void test_history_in_bulk(void **state)
{
	struct buf ids;
	buf_init(&ids, 1 << 16);
	for (int i = 1; i <= bullhorn->query.page; i++)
		buf_addf(&ids, "%s%d", i > 1 ? " " : "", i);
	struct history h = steps("{\"floor\":0}", ids.ptr, 1000);
	assert_true(h.more);
	assert_int_equal(h.n, bullhorn->query.page);
	assert_sv(h.cursor, "{\"floor\":500,\"high\":500,\"late\":0}");
	buf_finish(&ids);
}

static const struct schema_field *field_of(const struct schema_object *s, const char *api)
{
	for (int i = 0; i < s->field_n; i++)
		if (strcmp(s->field[i].api, api) == 0)
			return &s->field[i];
	fail_msg("no field %s", api);
	return NULL;
}

static void test_schema(void **state)
{
	struct schema_object s;
	struct err err = { 0 };
	struct json_object *o = fixture("sdk-rest/placement-meta-data.json");
	assert_true(schema_read(bullhorn, "Placement", o, &arena, &s, &err));
	json_object_put(o);
	assert_true(s.field_n > 100);
	const struct schema_field *f = field_of(&s, "status");
	assert_int_equal(f->kind, TYPE_PICKLIST);
	assert_int_equal(f->length, 30);
	assert_true(f->required);
	assert_string_equal(f->picklist[0], "Submitted");
	/* 'Completed' is in the recorded list twice */
	int completed = 0;
	for (int i = 0; i < f->picklist_n; i++)
		completed += strcmp(f->picklist[i], "Completed") == 0;
	assert_int_equal(completed, 1);
	f = field_of(&s, "candidate");
	assert_int_equal(f->kind, TYPE_LINK);
	assert_string_equal(f->refers_to, "Candidate");
	assert_false(f->updateable);
	assert_int_equal(field_of(&s, "dateBegin")->kind, TYPE_DATE);
	assert_int_equal(field_of(&s, "payRate")->kind, TYPE_CURRENCY);
	assert_int_equal(field_of(&s, "changeRequests")->kind, TYPE_SET);
	assert_int_equal(field_of(&s, "id")->kind, TYPE_INTEGER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_key),
		cmocka_unit_test(test_all_errors_at_once),
		cmocka_unit_test(test_names_in_templates),
		cmocka_unit_test(test_login_order),
		cmocka_unit_test(test_classes_are_reached),
		cmocka_unit_test(test_other_errors),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_errors_are_printable),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_url_parameter),
		cmocka_unit_test(test_selector),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_recorded_rows),
		cmocka_unit_test(test_deleted_flag),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_recorded_errors),
		cmocka_unit_test(test_named_fields),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_history_values),
		cmocka_unit_test(test_history_late_commit),
		cmocka_unit_test(test_history_in_bulk),
		cmocka_unit_test(test_schema),
	};
	return cmocka_run_group_tests_name("rest", tests, begin, end);
}

/* Canonical values: cases of each family, and the laws as properties over
 * random inputs from a fixed seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/panic.h"
#include "base/rng.h"
#include "value/dialect.h"

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

static struct value_type of(enum type_kind kind)
{
	return (struct value_type){ .kind = kind, .scale = -1, .link_record = -1 };
}

static void expect_kind(const struct value_type *t, struct sv in, enum value_kind kind,
			struct sv want)
{
	struct value v;
	struct err err = { 0 };
	if (!value_from_text(t, in, &arena, &v, &err))
		fail_msg("\"%.*s\" refused: %s", SV_ARG(in), err.what);
	if (v.kind != kind || !sv_eq(v.text, want))
		fail_msg("\"%.*s\" became %s \"%.*s\", not %s \"%.*s\"", SV_ARG(in),
			 value_kind_name(v.kind), SV_ARG(v.text), value_kind_name(kind),
			 SV_ARG(want));
}

static void expect(const struct value_type *t, enum value_kind kind, const char *in,
		   const char *want)
{
	expect_kind(t, sv_of(in), kind, sv_of(want));
}

static void refuse(const struct value_type *t, struct sv in, const char *message)
{
	struct value v = value_null();
	struct err err = { 0 };
	if (value_from_text(t, in, &arena, &v, &err))
		fail_msg("\"%.*s\" accepted as \"%.*s\"", SV_ARG(in), SV_ARG(v.text));
	assert_int_equal(err.code, ERR_BAD_INPUT);
	assert_int_equal(err.scope, SCOPE_FIELD);
	assert_string_equal(err.what, message);
	assert_int_equal(v.kind, VALUE_UNKNOWN);
}

static void text_is_nfc_with_lf_and_no_blanks_at_the_ends(void **state)
{
	struct value_type t = of(TYPE_TEXT);
	expect(&t, VALUE_TEXT, "  Ada  Lovelace \t\r\n", "Ada  Lovelace");
	expect(&t, VALUE_TEXT, "a\r\nb\rc\nd", "a\nb\nc\nd");
	expect(&t, VALUE_TEXT, "Jose\xcc\x81", "Jos\xc3\xa9");
	expect(&t, VALUE_TEXT, "Jos\xc3\xa9", "Jos\xc3\xa9");
	/* the Angstrom sign is the letter */
	expect(&t, VALUE_TEXT, "\xe2\x84\xab", "\xc3\x85");
	refuse(&t, SV("a\0b"), "text with a NUL cannot be kept");
	refuse(&t, SV("caf\xe9"), "text is not UTF-8");
	refuse(&t, SV("\xed\xa0\x80"), "text is not UTF-8");
	refuse(&t, SV("\xc0\xaf"), "text is not UTF-8");
}

static void blank_is_null_for_every_type(void **state)
{
	for (int k = TYPE_TEXT; k <= TYPE_LINK; k++) {
		struct value_type t = of((enum type_kind)k);
		expect_kind(&t, SV_NONE, VALUE_NULL, SV_NONE);
		expect_kind(&t, SV(" \r\n\t"), VALUE_NULL, SV_NONE);
	}
	struct value_type set = of(TYPE_SET);
	expect_kind(&set, SV(" ; ;; "), VALUE_NULL, SV_NONE);
	assert_true(value_blank(value_null()));
	assert_false(value_blank((struct value){ 0 }));
}

static void email_is_lower_case(void **state)
{
	struct value_type t = of(TYPE_EMAIL);
	expect(&t, VALUE_TEXT, " Ada.LOVELACE@Example.COM ", "ada.lovelace@example.com");
	expect(&t, VALUE_TEXT, "M\xc3\x9cLLER@example.com", "m\xc3\xbcller@example.com");
	/* I with dot above lowers to two code points' worth or stays; either
	 * way it must be stable */
	struct value once, twice;
	struct err err = { 0 };
	assert_true(value_from_text(&t, SV("\xc4\xb0@x.example"), &arena, &once, &err));
	assert_true(value_from_text(&t, once.text, &arena, &twice, &err));
	assert_true(value_eq(once, twice));
}

static void numbers_are_exact(void **state)
{
	struct value_type i = of(TYPE_INTEGER), d = of(TYPE_DECIMAL);
	expect(&i, VALUE_INTEGER, "9007199254740993", "9007199254740993");
	expect(&i, VALUE_INTEGER, "123456789012345678901234567890",
	       "123456789012345678901234567890");
	expect(&i, VALUE_INTEGER, "-0", "0");
	expect(&i, VALUE_INTEGER, "+007", "7");
	expect(&i, VALUE_INTEGER, "1500.0", "1500");
	expect(&i, VALUE_INTEGER, "1e3", "1000");
	expect(&i, VALUE_INTEGER, "1.5E1", "15");
	expect(&d, VALUE_DECIMAL, "1500.0", "1500");
	expect(&d, VALUE_DECIMAL, "0.10", "0.1");
	expect(&d, VALUE_DECIMAL, ".5", "0.5");
	expect(&d, VALUE_DECIMAL, "5.", "5");
	expect(&d, VALUE_DECIMAL, "-12.3400e-2", "-0.1234");
	expect(&d, VALUE_DECIMAL, "0.1000000000000000055511151231257827",
	       "0.1000000000000000055511151231257827");
	expect(&d, VALUE_DECIMAL, "100", "100");
	expect(&d, VALUE_DECIMAL, "0e5", "0");
	refuse(&i, SV("1.5"), "\"1.5\" is not a whole number");
	static const char *const bad[] = { "1,500", "12a", "--1", "1e", "1e+-3", "1.2.3", ".",
					   "e5", "+", "0x10", "NaN", "1e999999999", "1e401",
					   "1e-500", "1 2" };
	for (size_t k = 0; k < countof(bad); k++) {
		char message[64];
		snprintf(message, sizeof(message), "\"%s\" is not a number", bad[k]);
		refuse(&d, sv_of(bad[k]), message);
	}
}

static void currency_rounds_half_away_from_zero(void **state)
{
	struct value_type c = of(TYPE_CURRENCY);
	c.scale = 2;
	expect(&c, VALUE_DECIMAL, "2.345", "2.35");
	expect(&c, VALUE_DECIMAL, "2.344999999999999999999", "2.34");
	expect(&c, VALUE_DECIMAL, "-2.345", "-2.35");
	expect(&c, VALUE_DECIMAL, "9.995", "10");
	expect(&c, VALUE_DECIMAL, "0.005", "0.01");
	expect(&c, VALUE_DECIMAL, "0.0049", "0");
	expect(&c, VALUE_DECIMAL, "-0.001", "0");
	expect(&c, VALUE_DECIMAL, "1234567890123456.785", "1234567890123456.79");
	c.scale = 0;
	expect(&c, VALUE_DECIMAL, "0.5", "1");
	expect(&c, VALUE_DECIMAL, "99.5", "100");
	expect(&c, VALUE_DECIMAL, "0.05", "0");
}

static void phones_become_e164_where_it_can_be_told(void **state)
{
	struct value_type t = of(TYPE_PHONE), us = t, gb = t;
	us.region = "US", gb.region = "GB";
	static const char *const same[] = { "(512) 555-0123", "512.555.0123", "512-555-0123",
					    "1 512 555 0123", "+1 (512) 555-0123",
					    "0015125550123", "01115125550123" };
	for (size_t i = 0; i < countof(same); i++)
		expect(&us, VALUE_TEXT, same[i], "+15125550123");
	expect(&us, VALUE_TEXT, "+44 (0)20 7946 0018", "+442079460018");
	expect(&us, VALUE_TEXT, "512-555-0123 ext. 42", "+15125550123 x42");
	expect(&us, VALUE_TEXT, "5125550123x42", "+15125550123 x42");
	expect(&gb, VALUE_TEXT, "020 7946 0018", "+442079460018");
	expect(&t, VALUE_TEXT, "00442079460018", "+442079460018");
	/* what cannot be told stays what it is, but tidy */
	expect(&us, VALUE_TEXT, "555-0123", "555-0123");
	expect(&us, VALUE_TEXT, "112-555-0123", "112-555-0123");
	expect(&us, VALUE_TEXT, "call  reception\n first", "call reception first");
	expect(&us, VALUE_TEXT, "+1 555", "+1 555");
	expect(&t, VALUE_TEXT, "512  555-0123", "512 555-0123");
	expect(&us, VALUE_TEXT, "512-555-0123 / 512-555-0199", "512-555-0123 / 512-555-0199");
	assert_true(phone_region_known(SV("US")));
	assert_false(phone_region_known(SV("us")));
}

static void bools_dates_and_instants(void **state)
{
	struct value_type b = of(TYPE_BOOL), d = of(TYPE_DATE), i = of(TYPE_INSTANT);
	expect(&b, VALUE_BOOL, "True", "true");
	expect(&b, VALUE_BOOL, "0", "false");
	refuse(&b, SV("maybe"), "\"maybe\" is neither true nor false");
	expect(&d, VALUE_DATE, "2028-02-29", "2028-02-29");
	refuse(&d, SV("2026-02-29"), "\"2026-02-29\" is not a date");
	refuse(&d, SV("31/12"), "\"31/12\" is not a date");
	refuse(&d, SV("2026-1-1"), "\"2026-1-1\" is not a date");
	expect(&i, VALUE_INSTANT, "2026-11-23T10:00:00.000+0000", "2026-11-23T10:00:00.000Z");
	expect(&i, VALUE_INSTANT, "2026-11-23T10:00:00+02:00", "2026-11-23T08:00:00.000Z");
	refuse(&i, SV("2026-11-23T10:00:00"),
	       "\"2026-11-23T10:00:00\" is not a date and time with its offset");
	refuse(&i, SV("0001-01-01T00:00:00+01:00"),
	       "\"0001-01-01T00:00:00+01:00\" is not a date and time with its offset");
}

static void messages_quote_one_short_line(void **state)
{
	struct value_type b = of(TYPE_BOOL);
	refuse(&b, SV("first\nsecond"), "\"first...\" is neither true nor false");
	refuse(&b,
	       SV("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		  "0123456789012345678901234567890123456789012345678901234567890123456789"),
	       "\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	       "01234567890123456789012345678901234567890123456789...\" is neither true nor false");
}

static void sets_are_sorted_and_unique(void **state)
{
	struct value_type t = of(TYPE_SET);
	expect(&t, VALUE_SET, "SQL; Java ;SQL;;C", "C\nJava\nSQL\n");
	expect(&t, VALUE_SET, "SQL\nJava\r\nJava", "Java\nSQL\n");
	expect(&t, VALUE_SET, "a;b\nc\n", "a;b\nc\n");
	struct value v = { VALUE_SET, SV("C\nJava\n") };
	assert_true(sv_eq(value_show(v, &arena), SV("C; Java")));
	assert_true(sv_eq(value_show(value_null(), &arena), SV("(blank)")));
	assert_true(sv_eq(value_show((struct value){ 0 }, &arena), SV("(unknown)")));
}

static struct value set_of(const char *members)
{
	struct value_type t = of(TYPE_SET);
	struct value v;
	struct err err = { 0 };
	assert_true(value_from_text(&t, sv_of(members), &arena, &v, &err));
	return v;
}

static void sets_merge_three_ways(void **state)
{
	static const struct {
		const char *base, *a, *b, *want;
	} cases[] = {
		{ "x;y", "x;y;new", "y", "y;new" },
		{ "", "a;b", "b;c", "a;b;c" },
		{ "a;b", "", "a;b;c", "c" },
		{ "a", "", "a", "" },
		{ "", "", "", "" },
		{ "a;b;c", "a;b;c", "a;b;c", "a;b;c" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct value base = set_of(cases[i].base), a = set_of(cases[i].a),
			     b = set_of(cases[i].b), want = set_of(cases[i].want);
		assert_true(value_eq(value_set_merge(base, a, b, &arena), want));
		assert_true(value_eq(value_set_merge(base, b, a, &arena), want));
	}
}

static struct json_object *json_of(const char *text)
{
	struct err err = { 0 };
	struct json_object *o = json_parse(sv_of(text), "test", &err);
	assert_int_equal(err.code, ERR_NONE);
	return o;
}

static const struct value_dialect bullhorn = { INSTANT_EPOCH_MS, DATE_EPOCH_MS, SET_COMMA,
					       REF_OBJECT };
static const struct value_dialect salesforce = { INSTANT_ISO, DATE_ISO, SET_SEMICOLON, REF_TEXT };

static void expect_json(const struct value_dialect *d, struct value_type t, const char *json,
			const char *want)
{
	struct json_object *o = json_of(json);
	struct value v;
	struct err err = { 0 };
	bool ok = value_from_json(d, &t, o, &arena, &v, &err);
	json_object_put(o);
	const char *got = ok ? arena_str(&arena, value_show(v, &arena)) : err.what;
	assert_string_equal(got, want);
	if (!ok) {
		assert_int_equal(err.code, ERR_BAD_INPUT);
		assert_int_equal(v.kind, VALUE_UNKNOWN);
	}
}

static void json_is_read_as_the_system_spells_it(void **state)
{
	expect_json(&salesforce, of(TYPE_TEXT), "\"\"", "(blank)");
	expect_json(&salesforce, of(TYPE_TEXT), "12", "12");
	expect_json(&salesforce, of(TYPE_TEXT), "{}", "JSON object where a text belongs");
	expect_json(&salesforce, of(TYPE_SET), "\"SQL;Java\"", "Java; SQL");
	expect_json(&salesforce, of(TYPE_DATE), "\"2026-11-23\"", "2026-11-23");
	expect_json(&salesforce, of(TYPE_DATE), "20261123", "JSON int where a date belongs");
	expect_json(&salesforce, of(TYPE_INSTANT), "\"2026-11-23T10:00:00.000+0000\"",
		    "2026-11-23T10:00:00.000Z");
	expect_json(&salesforce, of(TYPE_DECIMAL), "9007199254740993.25", "9007199254740993.25");
	expect_json(&salesforce, of(TYPE_DECIMAL), "1.50e3", "1500");
	expect_json(&salesforce, of(TYPE_DECIMAL), "true", "JSON boolean where a decimal belongs");
	expect_json(&salesforce, of(TYPE_INTEGER), "18446744073709551614", "18446744073709551614");
	expect_json(&salesforce, of(TYPE_INTEGER), "18446744073709551616",
		    "\"18446744073709551615\" is beyond 64 bits");
	expect_json(&salesforce, of(TYPE_LINK), "\"003000000000001AAA\"", "003000000000001AAA");
	expect_json(&bullhorn, of(TYPE_DATE), "1795392000000", "2026-11-23");
	expect_json(&bullhorn, of(TYPE_DATE), "1795395600000", "2026-11-23");
	expect_json(&bullhorn, of(TYPE_DATE), "\"2026-11-23\"", "2026-11-23");
	expect_json(&bullhorn, of(TYPE_DATE), "-1", "1969-12-31");
	expect_json(&bullhorn, of(TYPE_DATE), "9000000000000000000",
		    "\"9000000000000000000\" is beyond the calendar");
	expect_json(&bullhorn, of(TYPE_INSTANT), "1795428000000", "2026-11-23T10:00:00.000Z");
	expect_json(&bullhorn, of(TYPE_SET), "\"SQL, Java\"", "Java; SQL");
	expect_json(&bullhorn, of(TYPE_SET), "[\"SQL\", \"Java\", null, 7]", "7; Java; SQL");
	expect_json(&bullhorn, of(TYPE_SET), "[\"a\\nb\"]",
		    "\"a...\" has a line break, which a set's member cannot");
	expect_json(&bullhorn, of(TYPE_LINK), "{\"id\": 12, \"title\": \"x\"}", "12");
	expect_json(&bullhorn, of(TYPE_LINK), "{\"id\": null}", "(blank)");
	expect_json(&bullhorn, of(TYPE_LINK), "{\"title\": \"x\"}",
		    "JSON object where a link belongs");
	expect_json(&bullhorn, of(TYPE_BOOL), "1", "true");
	expect_json(&bullhorn, of(TYPE_TEXT), "\"a\\u0000b\"", "text with a NUL cannot be kept");
}

static void json_is_written_exactly(void **state)
{
	static const struct {
		const struct value_dialect *d;
		enum type_kind type;
		const char *text, *json;
	} cases[] = {
		{ &salesforce, TYPE_DECIMAL, "9007199254740993.10", "9007199254740993.1" },
		{ &salesforce, TYPE_DECIMAL, "1500.0", "1500" },
		{ &salesforce, TYPE_INTEGER, "123456789012345678901234567890",
		  "123456789012345678901234567890.0" },
		{ &salesforce, TYPE_SET, "b;a", "\"a;b\"" },
		{ &salesforce, TYPE_LINK, "12", "\"12\"" },
		{ &salesforce, TYPE_DATE, "2026-11-23", "\"2026-11-23\"" },
		{ &bullhorn, TYPE_DATE, "2026-11-23", "1795392000000" },
		{ &bullhorn, TYPE_SET, "b;a", "\"a, b\"" },
		{ &bullhorn, TYPE_LINK, "12", "{\"id\":12}" },
		{ &bullhorn, TYPE_LINK, "012", "{\"id\":\"012\"}" },
		{ &bullhorn, TYPE_BOOL, "yes", "true" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct value_type t = of(cases[i].type);
		struct value v;
		struct err err = { 0 };
		assert_true(value_from_text(&t, sv_of(cases[i].text), &arena, &v, &err));
		struct json_object *o = value_to_json(cases[i].d, &t, v);
		assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN),
				    cases[i].json);
		json_object_put(o);
	}
	struct value_type t = of(TYPE_TEXT);
	assert_null(value_to_json(&bullhorn, &t, value_null()));
}

static void a_set_that_a_dialect_cannot_say_is_refused(void **state)
{
	struct value v = { VALUE_SET, SV("C\nSmith, John\n") };
	struct err err = { 0 };
	assert_true(value_fits(&salesforce, v, &err));
	assert_false(value_fits(&bullhorn, v, &err));
	assert_string_equal(err.what,
			    "\"Smith, John\" holds the sign that separates a set's members there");
}

/* ---- laws ---- */

/* A text that is likely to be near a spelling of the type, or anything. */
static struct sv random_text(struct rng *r, enum type_kind kind)
{
	static const char *const near[] = {
		[TYPE_TEXT] = "ab \t\r\ne\xcc\x81\xc3\xa9;,",
		[TYPE_EMAIL] = "aB@.C\xc3\x9c\xc4\xb0",
		[TYPE_PHONE] = "+0123456789() -.x#;/",
		[TYPE_PICKLIST] = "New Lead\r\n",
		[TYPE_BOOL] = "truefalsyn01 ",
		[TYPE_INTEGER] = "0123456789-+e. ",
		[TYPE_DECIMAL] = "0123456789.-+eE09",
		[TYPE_CURRENCY] = "0123456789.-99955",
		[TYPE_DATE] = "0123456789-",
		[TYPE_INSTANT] = "0123456789-T:.Z+",
		[TYPE_SET] = "ab;,\n \r\xcd\xbe=\xcc\xb8",
		[TYPE_LINK] = "0019AaZz ",
	};
	size_t len = rng_below(r, 24), n = strlen(near[kind]);
	char *p = arena_alloc(&arena, len + 1);
	for (size_t i = 0; i < len; i++)
		p[i] = rng_below(r, 50) == 0 ? (char)rng_next(r) : near[kind][rng_below(r, n)];
	if (kind == TYPE_DATE && rng_below(r, 2)) {
		return arena_printf(&arena, "%04u-%02u-%02u", (unsigned)rng_below(r, 9999) + 1,
				    (unsigned)rng_below(r, 12) + 1, (unsigned)rng_below(r, 31) + 1);
	}
	if (kind == TYPE_INSTANT && rng_below(r, 2))
		return arena_printf(&arena, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
				    (unsigned)rng_below(r, 9999) + 1, (unsigned)rng_below(r, 12) + 1,
				    (unsigned)rng_below(r, 28) + 1, (unsigned)rng_below(r, 24),
				    (unsigned)rng_below(r, 60), (unsigned)rng_below(r, 60),
				    (unsigned)rng_below(r, 1000));
	return sv_make(p, len);
}

enum { ROUNDS = 4000 };

static void laws_of(struct value_type t, struct rng *r)
{
	static const struct value_dialect dialects[] = {
		{ INSTANT_ISO, DATE_ISO, SET_SEMICOLON, REF_TEXT },
		{ INSTANT_EPOCH_MS, DATE_EPOCH_MS, SET_COMMA, REF_OBJECT },
		{ INSTANT_ISO, DATE_EPOCH_MS, SET_ARRAY, REF_OBJECT },
		{ INSTANT_EPOCH_MS, DATE_ISO, SET_ARRAY, REF_TEXT },
	};
	for (int i = 0; i < ROUNDS; i++) {
		struct sv in = random_text(r, t.kind);
		struct value v, again;
		struct err err = { 0 };
		if (!value_from_text(&t, in, &arena, &v, &err))
			goto next;
		/* twice is once */
		assert_true(value_from_text(&t, v.text, &arena, &again, &err));
		if (!value_eq(v, again))
			fail_msg("%s: \"%.*s\" is not stable: \"%.*s\" then \"%.*s\"",
				 type_name(t.kind), SV_ARG(in), SV_ARG(v.text), SV_ARG(again.text));
		/* reading what was written gives what was meant */
		for (size_t d = 0; d < countof(dialects); d++) {
			if (!value_fits(&dialects[d], v, NULL))
				continue;
			struct json_object *o = value_to_json(&dialects[d], &t, v);
			assert_true(value_from_json(&dialects[d], &t, o, &arena, &again, &err));
			/* and through the text of the JSON as well */
			struct json_object *o2 = json_of(
				json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
			struct value wire;
			assert_true(value_from_json(&dialects[d], &t, o2, &arena, &wire, &err));
			if (!value_eq(v, again) || !value_eq(v, wire))
				fail_msg("%s in dialect %zu: \"%.*s\" came back as \"%.*s\"",
					 type_name(t.kind), d, SV_ARG(v.text), SV_ARG(again.text));
			json_object_put(o2);
			json_object_put(o);
		}
		/* the store gives back what it was given */
		struct buf b;
		buf_init(&b, 1 << 16);
		value_pack(&b, v);
		struct reader reader = { .left = buf_sv(&b) };
		again = value_unpack(&reader);
		assert_true(value_eq(v, again) && !reader.bad && reader.left.len == 0);
		buf_finish(&b);
	next:
		arena_reset(&arena);
	}
}

static void laws_hold_for_every_type(void **state)
{
	struct rng r = { 2026 };
	for (int k = TYPE_TEXT; k <= TYPE_LINK; k++) {
		struct value_type t = of((enum type_kind)k);
		laws_of(t, &r);
		t.scale = 2;
		t.region = "US";
		laws_of(t, &r);
	}
}

static void a_packed_value_cut_short_is_bad(void **state)
{
	struct buf b;
	buf_init(&b, 100);
	value_pack(&b, (struct value){ VALUE_TEXT, SV("abc") });
	for (size_t n = 0; n < b.len; n++) {
		struct reader r = { .left = sv_make(b.ptr, n) };
		assert_int_equal(value_unpack(&r).kind, VALUE_UNKNOWN);
		assert_true(r.bad);
	}
	buf_finish(&b);
	struct reader r = { .left = SV("\x63\x01z") };
	assert_int_equal(value_unpack(&r).kind, VALUE_UNKNOWN);
	assert_true(r.bad);
}

/* Merging is symmetric, changes nothing that nobody changed, and takes over
 * what only one side did. */
static void merge_laws(void **state)
{
	struct rng r = { 7 };
	for (int i = 0; i < 2000; i++) {
		struct value v[3];
		for (int k = 0; k < 3; k++) {
			char text[32] = "";
			for (int m = 0; m < 5; m++)
				snprintf(text + strlen(text), sizeof(text) - strlen(text), "%c;",
					 rng_below(&r, 2) ? 'a' + m : ' ');
			v[k] = set_of(text);
		}
		struct value ab = value_set_merge(v[0], v[1], v[2], &arena);
		assert_true(value_eq(ab, value_set_merge(v[0], v[2], v[1], &arena)));
		assert_true(value_eq(value_set_merge(v[0], v[0], v[2], &arena), v[2]));
		assert_true(value_eq(value_set_merge(v[0], v[1], v[1], &arena), v[1]));
		/* settling what was merged gives nothing to do */
		assert_true(value_eq(value_set_merge(ab, ab, ab, &arena), ab));
		arena_reset(&arena);
	}
}

static void type_names_go_both_ways(void **state)
{
	for (int k = TYPE_TEXT; k <= TYPE_LINK; k++) {
		enum type_kind back;
		assert_true(type_from_name(sv_of(type_name((enum type_kind)k)), &back));
		assert_int_equal(back, k);
	}
	enum type_kind none;
	assert_false(type_from_name(SV("money"), &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_nfc_with_lf_and_no_blanks_at_the_ends),
		cmocka_unit_test(blank_is_null_for_every_type),
		cmocka_unit_test(email_is_lower_case),
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(currency_rounds_half_away_from_zero),
		cmocka_unit_test(phones_become_e164_where_it_can_be_told),
		cmocka_unit_test(bools_dates_and_instants),
		cmocka_unit_test(messages_quote_one_short_line),
		cmocka_unit_test(sets_are_sorted_and_unique),
		cmocka_unit_test(sets_merge_three_ways),
		cmocka_unit_test(json_is_read_as_the_system_spells_it),
		cmocka_unit_test(json_is_written_exactly),
		cmocka_unit_test(a_set_that_a_dialect_cannot_say_is_refused),
		cmocka_unit_test(laws_hold_for_every_type),
		cmocka_unit_test(a_packed_value_cut_short_is_bad),
		cmocka_unit_test(merge_laws),
		cmocka_unit_test(type_names_go_both_ways),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

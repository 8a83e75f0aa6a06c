/* What a signed request says: Greenhouse's own examples, every way in which a
 * signature can be wrong, and descriptions that sign otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/panic.h"
#include "systems/rest/ops.h"
#include "treaty/yaml.h"

static struct arena arena;
static struct rest_description *greenhouse;

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

static int begin(void **state)
{
	struct complaints c;
	struct buf said;
	arena_init(&arena);
	complaints_init(&c, "greenhouse.yaml");
	greenhouse = rest_description_load(CONNECTORS "/greenhouse.yaml", &c);
	buf_init(&said, 1 << 16);
	complaints_print(&c, &said);
	if (!greenhouse)
		print_error("%s", said.ptr);
	buf_finish(&said);
	complaints_finish(&c);
	return greenhouse ? 0 : -1;
}

static int end(void **state)
{
	rest_description_destroy(greenhouse);
	arena_finish(&arena);
	return 0;
}

/* ---- a request ---- */

struct request {
	struct webhook webhook; /* first */
	const char *name[2];
	struct sv value[2];
};

static struct sv header(const struct webhook *w, const char *name)
{
	const struct request *r = (const struct request *)w;
	for (int i = 0; i < 2; i++)
		if (r->name[i] && strcasecmp(r->name[i], name) == 0)
			return r->value[i];
	return SV_NONE;
}

static struct sv hex_of(enum hmac_algorithm algorithm, struct sv key, const struct sv *part, int n)
{
	unsigned char hash[HMAC_MAX];
	struct hmac *h = hmac_create(algorithm, key);
	size_t len = hmac_of(h, part, n, hash);
	char *text = arena_alloc(&arena, 2 * len + 1);
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	hmac_destroy(h);
	return sv_make(text, 2 * len);
}

static struct request signed_by(const char *secret, struct sv body)
{
	struct sv hex = hex_of(HMAC_SHA256, sv_of(secret), &body, 1);
	return (struct request){ .webhook = { header, body, 1000, NULL },
				 .name = { "signature" },
				 .value = { arena_printf(&arena, "sha256 %.*s", SV_ARG(hex)) } };
}

static enum webhook_outcome judge(const struct rest_description *d, const struct request *r,
				  struct webhook_news *out)
{
	struct hmac *key[2] = { hmac_create(d->webhook.algorithm, SV("new")),
				hmac_create(d->webhook.algorithm, SV("old")) };
	enum webhook_outcome outcome = webhook_read(d, key, 2, SV(""), &r->webhook, &arena, out);
	hmac_destroy(key[0]);
	hmac_destroy(key[1]);
	return outcome;
}

/* 'outcome: object id, object id' */
static const char *said_of(const struct rest_description *d, const struct request *r)
{
	static const char *const word[] = { [WEBHOOK_TAKEN] = "taken", [WEBHOOK_UNKNOWN] = "unknown",
					    [WEBHOOK_FORGED] = "forged", [WEBHOOK_STALE] = "stale" };
	struct webhook_news news;
	struct sv text = sv_of(word[judge(d, r, &news)]);
	for (int i = 0; i < news.changes.n; i++)
		text = arena_printf(&arena, "%.*s%s%.*s %.*s", SV_ARG(text), i ? ", " : ": ",
				    SV_ARG(news.changes.change[i].object),
				    SV_ARG(news.changes.change[i].id));
	return arena_str(&arena, text);
}

static const char *said(const char *body)
{
	struct request r = signed_by("new", sv_of(body));
	return said_of(greenhouse, &r);
}

static const char *example(const char *name)
{
	struct request r = signed_by(
		"new", read_file(arena_printf(&arena, FIXTURES "/greenhouse/%s.json", name).ptr));
	return said_of(greenhouse, &r);
}

/* ---- the tests ---- */

static void test_examples(void **state)
{
	static const struct {
		const char *name, *says;
	} rows[] = {
		{ "update_candidate", "taken: candidates 15696179" },
		{ "new_candidate_application", "taken: applications 71980812, candidates 60304594" },
		{ "application_updated", "taken: applications 22202940" },
		{ "candidate_stage_change", "taken: applications 265277" },
		{ "delete_application", "taken: applications 46194062" },
		{ "job_created", "taken: jobs 371417" },
		{ "job_deleted", "taken: jobs 209256" },
		{ "job_post_created", "taken: jobs 1842002" },
		{ "job_post_deleted", "taken: jobs 284999" },
		{ "job_interview_stage_deleted", "taken: jobs 60453" },
		{ "offer_created", "taken: offers 12345, applications 234556" },
		{ "offer_deleted", "taken: offers 506406, applications 46194062" },
		{ "interview_deleted", "taken" },
	};
	for (size_t i = 0; i < countof(rows); i++)
		assert_string_equal(example(rows[i].name), rows[i].says);
}

static void test_several_records(void **state)
{
	assert_string_equal(said("{\"action\":\"merge_candidate\",\"payload\":{\"person\":"
				 "{\"id\":1,\"new_candidate_id\":2}}}"),
			    "taken: candidates 1, candidates 2");
	assert_string_equal(said("{\"action\":\"delete_candidate\",\"payload\":{\"person\":"
				 "{\"id\":1,\"deleted_application_ids\":[7,8,\"9\"]}}}"),
			    "taken: candidates 1, applications 7, applications 8, applications 9");
	assert_string_equal(said("{\"action\":\"delete_candidate\",\"payload\":{\"person\":{\"id\":1}}}"),
			    "taken: candidates 1");
}

/* Which one is not told: all of the object are looked at, never none. */
static void test_no_id(void **state)
{
	assert_string_equal(said("{\"action\":\"update_candidate\",\"payload\":{}}"),
			    "taken: candidates ");
	assert_string_equal(said("{\"action\":\"update_candidate\",\"payload\":{\"candidate\":"
				 "{\"id\":{\"a\":1}}}}"), "taken: candidates ");
	assert_string_equal(said("{\"action\":\"update_candidate\",\"payload\":{\"candidate\":"
				 "{\"id\":\"1\\u00002\"}}}"), "taken: candidates ");
	assert_string_equal(said("{\"action\":\"delete_candidate\",\"payload\":{\"person\":"
				 "{\"id\":1,\"deleted_application_ids\":[null]}}}"),
			    "taken: candidates 1, applications ");
}

static void test_not_understood(void **state)
{
	assert_string_equal(said("{\"action\":\"something_new\",\"payload\":{}}"), "unknown");
	assert_string_equal(said("{\"payload\":{}}"), "unknown");
	assert_string_equal(said("[]"), "unknown");
	assert_string_equal(said("{\"action\":\"update_candidate\""), "unknown");
	assert_string_equal(said(""), "unknown");
	assert_string_equal(said("{\"action\":\"ping\"}"), "taken");
}

static void test_signature(void **state)
{
	struct sv body = SV("{\"action\":\"ping\"}");
	struct request r = signed_by("old", body); /* two secrets hold */
	assert_string_equal(said_of(greenhouse, &r), "taken");
	r = signed_by("other", body);
	assert_string_equal(said_of(greenhouse, &r), "forged");
	r = signed_by("new", body);
	r.webhook.body = SV("{\"action\":\"pong\"}");
	assert_string_equal(said_of(greenhouse, &r), "forged");
	r = signed_by("new", body);
	r.value[0].len--;
	assert_string_equal(said_of(greenhouse, &r), "forged");
	r.value[0] = SV("sha256 ");
	assert_string_equal(said_of(greenhouse, &r), "forged");
	r.value[0] = sv_make(signed_by("new", body).value[0].ptr + 7, 64);
	assert_string_equal(said_of(greenhouse, &r), "forged");
	r.name[0] = NULL;
	assert_string_equal(said_of(greenhouse, &r), "forged");
	/* digits are the same in either case */
	r = signed_by("new", body);
	char *upper = arena_str(&arena, r.value[0]);
	for (char *p = upper + 7; *p; p++)
		*p = *p >= 'a' && *p <= 'f' ? (char)(*p - 32) : *p;
	r.value[0] = sv_of(upper);
	assert_string_equal(said_of(greenhouse, &r), "taken");
	/* without a secret nothing is theirs */
	struct webhook_news news;
	assert_int_equal(webhook_read(greenhouse, NULL, 0, SV(""), &r.webhook, &arena, &news),
			 WEBHOOK_FORGED);
}

/* RFC 4231, test case 2, and RFC 2202, test case 2. */
static void test_hmac(void **state)
{
	const struct sv whole = SV("what do ya want for nothing?");
	const struct sv parts[] = { SV("what do ya "), SV(""), SV("want for nothing?") };
	assert_string_equal(hex_of(HMAC_SHA256, SV("Jefe"), &whole, 1).ptr,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_string_equal(hex_of(HMAC_SHA256, SV("Jefe"), parts, 3).ptr,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_string_equal(hex_of(HMAC_SHA1, SV("Jefe"), &whole, 1).ptr,
			    "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	assert_true(hmac_spells(HMAC_BASE64, SV("AP8="), (const unsigned char *)"\0\xff", 2));
	assert_false(hmac_spells(HMAC_BASE64, SV("AP9="), (const unsigned char *)"\0\xff", 2));
}

/* Greenhouse's description with pieces of text replaced; NULL with complaints. */
static struct rest_description *changed(const char *old, const char *new, const char **why)
{
	struct sv text = read_file(CONNECTORS "/greenhouse.yaml");
	const char *at = strstr(text.ptr, old);
	struct complaints c;
	struct buf b, all;
	if (!at)
		fail_msg("greenhouse.yaml does not say '%s'", old);
	buf_init(&b, YAML_MAX);
	buf_init(&all, 1 << 16);
	buf_addf(&b, "%.*s%s%s", (int)(at - text.ptr), text.ptr, new, at + strlen(old));
	complaints_init(&c, "x.yaml");
	struct rest_description *d = rest_description_load_text(buf_sv(&b), "x.yaml", &c);
	complaints_print(&c, &all);
	*why = arena_str(&arena, buf_sv(&all));
	buf_finish(&all);
	buf_finish(&b);
	complaints_finish(&c);
	return d;
}

static void test_timestamp(void **state)
{
	const char *why;
	struct rest_description *d = changed(
		"    encoding: hex\n",
		"    encoding: hex\n    signs: \"{timestamp}.{body}\"\n    timestamp: X-Time\n    within: 5m\n",
		&why);
	assert_non_null(d);
	struct sv body = SV("{\"action\":\"ping\"}");
	struct sv part[] = { SV("1700000000"), SV("."), body };
	struct request r = signed_by("new", body);
	r.value[0] = arena_printf(&arena, "sha256 %s", hex_of(HMAC_SHA256, SV("new"), part, 3).ptr);
	r.name[1] = "X-Time";
	r.value[1] = part[0];
	r.webhook.now_ms = 1700000299000;
	assert_string_equal(said_of(d, &r), "taken");
	r.webhook.now_ms = 1700000301000;
	assert_string_equal(said_of(d, &r), "stale");
	r.webhook.now_ms = 1699999699000; /* from the future */
	assert_string_equal(said_of(d, &r), "stale");
	r.value[1] = SV("1700000299"); /* a fresher time than the one that was signed */
	assert_string_equal(said_of(d, &r), "forged");
	r.name[1] = NULL;
	assert_string_equal(said_of(d, &r), "forged");
	rest_description_destroy(d);
}

static void test_complaints(void **state)
{
	static const struct {
		const char *old, *new, *says;
	} rows[] = {
		{ "algorithm: hmac-sha256", "algorithm: md5", "'algorithm'" },
		{ "    encoding: hex\n", "    encoding: hex\n    signs: abc\n", "without {body}" },
		{ "    encoding: hex\n", "    encoding: hex\n    within: 5m\n", "belong together" },
		{ "    encoding: hex\n", "    encoding: hex\n    signs: \"{timestamp}{body}\"\n",
		  "belong together" },
		{ "object: offers\n", "object: offer\n", "'offer' is none of the objects" },
		{ "ignores: [ping", "ignores: [job_created, ping", "is ignored below" },
		{ "  event: action\n", "", "'event' is missing" },
		{ "      form: {", "      forms: {", "did you mean 'form'" },
		{ "basic: {user: \"{login.client_id}\"", "basic: {user: \"{login.client}\"",
		  "{login.client}: not known" },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		const char *why;
		assert_null(changed(rows[i].old, rows[i].new, &why));
		if (!strstr(why, rows[i].says))
			fail_msg("'%s' is not in: %s", rows[i].says, why);
	}
}

/* The answer of a list is the rows themselves. */
static void test_rows(void **state)
{
	struct err err = { 0 };
	struct rows_list rows;
	struct json_object *body = json_parse(SV("[{\"id\":1},{\"id\":2}]"), "rows", &err);
	assert_true(rows_list(greenhouse, body, &rows));
	assert_int_equal(rows.n, 2);
	json_object_put(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),       cmocka_unit_test(test_several_records),
		cmocka_unit_test(test_no_id),	       cmocka_unit_test(test_not_understood),
		cmocka_unit_test(test_signature),      cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_timestamp),      cmocka_unit_test(test_complaints),
		cmocka_unit_test(test_rows),
	};
	return cmocka_run_group_tests(tests, begin, end);
}

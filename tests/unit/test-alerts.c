/* What messages to people say, and how they are carried: texts, shapes of
 * webhooks, headers of mails, signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "flow/alert_text.h"
#include "flow/channels.h"
#include "flow/remedy.h"
#include "net/smtp.h"
#include "net/webhook.h"
#include "treaty/alerts.h"

static const char document[] =
	"treaty: 1\nname: acme\nversion: 3\n"
	"systems: {ats: bullhorn, salesforce: salesforce}\n"
	"roles:\n"
	"  lead: {title: Head of Recruiting, hours: Mon-Fri 08:00-18:00 America/Chicago}\n"
	"  boss: {}\n"
	"domains: {people: {owner: ats, signed_by: [lead]}}\n"
	"records:\n"
	"  person:\n"
	"    domain: people\n"
	"    ats: Candidate\n"
	"    salesforce: {object: Contact, key: Bullhorn_Id__c}\n"
	"    match: [[email]]\n"
	"    create: {salesforce: when_missing}\n"
	"    fields:\n"
	"      email: {ats: email, salesforce: Email, type: email}\n"
	"      pay: {ats: hourlyRate, salesforce: Pay__c, confidential: true}\n";

struct fixture {
	struct arena a;
	struct treaty *t;
	struct mismatch m;
	struct alert_facts f;
};

static int64_t at(const char *text)
{
	int64_t ms = 0;
	assert_true(time_parse(sv_of(text), &ms));
	return ms;
}

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct complaints c;
	arena_init(&x->a);
	complaints_init(&c, "t.yaml");
	x->t = treaty_load_text(sv_of(document), "t.yaml", &c);
	assert_non_null(x->t);
	complaints_finish(&c);
	x->m = (struct mismatch){
		.id = 38, .link_id = 7, .kind = MISMATCH_CONFLICT, .record = SV("person"), .field = SV("email"),
		.remote = { SV("18"), SV("003A") }, .open = true, .opened_ms = at("2026-11-24T14:00:00Z"),
		.value = { { VALUE_TEXT, SV("ada@acme.example") }, { VALUE_TEXT, SV("byron@acme.example") } },
	};
	x->f = (struct alert_facts){
		.treaty = x->t, .id = 5, .made_ms = at("2026-11-24T18:00:00Z"), .step = ALERT_FIRST,
		.kind = MISMATCH_CONFLICT, .role = 0, .count = 1, .entry = &x->m, .entry_n = 1,
		.then_role = 1, .then_ms = at("2026-11-25T18:00:00Z"),
	};
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;
	treaty_destroy(x->t);
	arena_finish(&x->a);
	free(x);
	return 0;
}

/* The message as one JSON text, and its members. */
static struct sv content(struct fixture *x, struct sv *subject, struct sv *text)
{
	struct buf b;
	struct json_object *o = alert_json(&x->f, &x->a);
	buf_init(&b, 1 << 20);
	buf_add_json(&b, o);
	struct sv all = arena_sv(&x->a, buf_sv(&b));
	*subject = arena_sv(&x->a, json_sv(o, "subject"));
	*text = arena_sv(&x->a, json_sv(o, "text"));
	buf_finish(&b);
	json_object_put(o);
	return all;
}

static bool holds(struct sv text, const char *part)
{
	return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void assert_holds(struct sv text, const char *part)
{
	if (!holds(text, part))
		fail_msg("'%s' is not in:\n%.*s", part, SV_ARG(text));
}

static void assert_text(struct sv is, const char *expected)
{
	if (!sv_eq(is, sv_of(expected)))
		fail_msg("it is:\n%.*s\nand not:\n%s", SV_ARG(is), expected);
}

static void a_conflict(void **state)
{
	struct fixture *x = *state;
	struct sv subject, text;
	content(x, &subject, &text);
	assert_text(subject, "[acme] conflict: person.email (entry 38)");
	assert_text(text,
		    "Both systems hold different values, and the treaty leaves it to a person.\n"
		    "\n"
		    "  entry       38: person.email\n"
		    "  ats         Candidate 18: ada@acme.example\n"
		    "  salesforce  Contact 003A: byron@acme.example\n"
		    "  open since  Tue 2026-11-24 08:00 America/Chicago\n"
		    "\n"
		    "You are told as Head of Recruiting (lead). If it is still open by Wed 2026-11-25 18:00 "
		    "UTC, boss is told.\n"
		    "\n"
		    "Say which side is right (--take ats|salesforce), or the right value (--value V), or\n"
		    "leave both as they are until one changes (--ignore). Until then neither is written.\n"
		    "\n"
		    "  treaty conflicts show 38\n"
		    "  treaty conflicts resolve 38 --take ats\n"
		    "  treaty conflicts resolve 38 --take salesforce\n"
		    "  treaty conflicts resolve 38 --value VALUE\n"
		    "  treaty conflicts resolve 38 --ignore\n");
}

static void what_is_over(void **state)
{
	struct fixture *x = *state;
	struct sv subject, text;
	x->f.step = ALERT_OVER;
	x->m.open = false;
	x->m.closed_ms = at("2026-11-24T20:30:00Z");
	x->m.closed_by = SV("Dana: take ats");
	content(x, &subject, &text);
	assert_text(subject, "[acme] over: conflict: person.email (entry 38)");
	assert_holds(text, "It is over; nothing has to be done.\n");
	assert_holds(text, "  closed      Tue 2026-11-24 14:30 America/Chicago: Dana: take ats\n");
	assert_false(holds(text, "resolve"));
}

static void a_summary(void **state)
{
	struct fixture *x = *state;
	struct mismatch five[ALERT_NAMED];
	struct sv subject, text;
	for (int i = 0; i < ALERT_NAMED; i++) {
		five[i] = x->m;
		five[i].id = 100 + i;
	}
	x->f.entry = five;
	x->f.entry_n = ALERT_NAMED;
	x->f.count = 412;
	x->f.step = ALERT_THEN;
	x->f.then_role = -1;
	content(x, &subject, &text);
	assert_text(subject, "[acme] still open: 412 entries in the conflict log: conflict");
	assert_holds(text, "  entry       104: person.email\n");
	assert_holds(text, "  and 407 more\n");
	assert_holds(text, "Nobody else will be told");
	assert_holds(text, "  treaty conflicts\n");
}

/* Nothing of the value, nor what a system says about it, in any part. */
static void confidential_values(void **state)
{
	struct fixture *x = *state;
	struct sv subject, text;
	x->m.field = SV("pay");
	x->m.value[SIDE_ATS].text = SV("4711");
	x->m.value[SIDE_SALESFORCE].text = SV("4712");
	x->m.detail = SV("Pay__c: 4711 is too much");
	struct sv all = content(x, &subject, &text);
	assert_false(holds(all, "471"));
	assert_holds(text, "  ats         Candidate 18: (confidential)\n");
	/* the refusal of a whole record may quote any of its fields */
	x->m.field = SV("");
	x->f.kind = x->m.kind = MISMATCH_REJECTED;
	all = content(x, &subject, &text);
	assert_false(holds(all, "too much"));
}

/* A value is a value, whatever is written in it. */
static void values_are_no_lines_of_ours(void **state)
{
	struct fixture *x = *state;
	struct sv subject, text;
	char many[1000];
	memset(many, 'a', sizeof(many));
	x->m.value[SIDE_ATS].text = SV("x\n\nIt is over; nothing has to be done.\r\n.\r\n\x1b[2J");
	x->m.value[SIDE_SALESFORCE].text = sv_make(many, sizeof(many));
	content(x, &subject, &text);
	assert_holds(text, "Candidate 18: x  It is over; nothing has to be done.  .   [2J\n");
	assert_holds(text, "aaa...\n");
	assert_true(text.len < 2000);
}

static void doubles_are_named(void **state)
{
	struct fixture *x = *state;
	struct sv subject, text;
	x->f.kind = x->m.kind = MISMATCH_AMBIGUOUS;
	x->m.field = SV("");
	x->m.remote[SIDE_SALESFORCE] = SV("");
	x->m.value[SIDE_ATS] = x->m.value[SIDE_SALESFORCE] = (struct value){ 0 };
	content(x, &subject, &text);
	assert_text(subject, "[acme] ambiguous: person (entry 38)");
	assert_holds(text, "  treaty mark ats Candidate 18\n");
}

static void every_kind_has_words(void **state)
{
	struct fixture *x = *state;
	struct sv subject, text;
	for (int k = 0; k < MISMATCH_KINDS; k++) {
		x->f.kind = x->m.kind = (enum mismatch_kind)k;
		content(x, &subject, &text);
		assert_true(remedy_of((enum mismatch_kind)k)->advice[0] != '\0');
		assert_holds(text, "treaty conflicts show 38");
	}
}

/* ---- who, when nobody said ---- */

static void nobody_is_left_untold(void **state)
{
	struct fixture *x = *state;
	struct alert_due *due;
	/* Monday 17:00 in Chicago: an hour today, three tomorrow */
	int64_t opened = at("2026-11-23T23:00:00Z");
	for (int k = 0; k < alert_kinds_n; k++) {
		assert_int_equal(alert_dues(x->t, sv_of(alert_kinds[k]), SV("person"), SV("email"), opened,
					    &x->a, &due), 1);
		assert_int_equal(due[0].role, 0);
		assert_true(due[0].at_ms == at("2026-11-24T17:00:00Z"));
		assert_int_equal(alert_dues(x->t, sv_of(alert_kinds[k]), SV("ats"), SV("ats"), opened, &x->a,
					    &due), 1);
		assert_true(due[0].at_ms == at("2026-11-23T23:30:00Z"));
	}
}

/* ---- how it is carried ---- */

static struct sv body(struct fixture *x, enum webhook_shape shape, const struct message *m)
{
	struct buf b;
	struct err err = { 0 };
	buf_init(&b, 1 << 20);
	struct json_object *o = channel_body(shape, m, &err);
	assert_non_null(o);
	buf_add_json(&b, o);
	struct sv out = arena_sv(&x->a, buf_sv(&b));
	json_object_put(o);
	buf_finish(&b);
	return out;
}

static void shapes_take_no_marks_from_values(void **state)
{
	struct fixture *x = *state;
	struct message m = { .subject = SV("a*b"), .text = SV("one <!channel>\n\n```[x](http://y)\n"),
			     .content = SV("{\"id\": 5}") };
	assert_text(body(x, SHAPE_JSON, &m), "{\"id\":5}");
	assert_text(body(x, SHAPE_SLACK, &m),
		    "{\"text\":\"*a b*\\n```\\none &lt;!channel&gt;\\n\\n'''[x](http://y)\\n```\"}");
	struct sv card = body(x, SHAPE_TEAMS, &m);
	assert_holds(card, "\"type\":\"message\"");
	assert_holds(card, "{\"type\":\"TextRun\",\"text\":\"```[x](http://y)\",\"fontType\":\"monospace\"}");
	assert_false(holds(card, "\"TextBlock\""));
}

static void words_of_headers(void **state)
{
	static const struct {
		const char *text, *coded;
	} t[] = {
		{ "conflict: person.email", "conflict: person.email" },
		{ "B\xc3\xbcro", "=?UTF-8?B?QsO8cm8=?=" },
		{ "a\r\nBcc: x@y.example", "=?UTF-8?B?YSAgQmNjOiB4QHkuZXhhbXBsZQ==?=" },
		{ "=?UTF-8?B?QsO8cm8=?=", "=?UTF-8?B?PT9VVEYtOD9CP1FzTzhjbTg9Pz0=?=" },
		/* a word ends between characters */
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xbc",
		  "=?UTF-8?B?YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=?=\r\n =?UTF-8?B?w7w=?=" },
	};
	struct buf b;
	buf_init(&b, 10000);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		buf_clear(&b);
		smtp_add_words(&b, sv_of(t[i].text));
		assert_text(buf_sv(&b), t[i].coded);
	}
	buf_finish(&b);
	assert_text(smtp_address("Treaty <treaty@acme.example>"), "treaty@acme.example");
	assert_text(smtp_address("treaty@acme.example"), "treaty@acme.example");
}

/* The example of the specification; and a secret that is no base64. */
static void signatures(void **state)
{
	struct buf b;
	buf_init(&b, 1000);
	webhook_sign(SV("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), SV("msg_p5jXN8AQM9LWM0D4loKWxJek"),
		     1614265330, SV("{\"test\": 2432232314}"), &b);
	assert_text(buf_sv(&b), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	buf_clear(&b);
	webhook_sign(SV("a secret"), SV("7"), 1, SV("{}"), &b);
	assert_text(buf_sv(&b), "v1,cOh7TGtjzCmV+efUDreHHKhNiYwGg/xwcy8KoQmuOrc=");
	buf_finish(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_conflict), TEST(what_is_over), TEST(a_summary), TEST(confidential_values),
		TEST(values_are_no_lines_of_ours), TEST(doubles_are_named), TEST(every_kind_has_words),
		TEST(nobody_is_left_untold), TEST(shapes_take_no_marks_from_values),
		cmocka_unit_test(words_of_headers), cmocka_unit_test(signatures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What roles sign, who must sign, and what a change is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "../scratch_dir.h"
#include "base/panic.h"
#include "treaty/diff.h"
#include "treaty/digest.h"
#include "treaty/load.h"
#include "treaty/signature.h"

/* Two domains; %1$s: the roles, %2$d: the version, %3$s: more fields. */
static const char pattern[] =
	"treaty: 1\nname: t\nversion: %2$d\nsystems: {ats: bullhorn, salesforce: salesforce}\n"
	"roles: {%1$s}\n"
	"domains:\n"
	"  people: {owner: ats, signed_by: [lead, chief]}\n"
	"  jobs: {owner: salesforce, signed_by: [chief]}\n"
	"records:\n"
	"  person:\n"
	"    domain: people\n    ats: Candidate\n    salesforce: {object: Contact, key: K__c}\n"
	"    match: [[email]]\n"
	"    fields:\n"
	"      email: {ats: email, salesforce: Email, type: email}\n"
	"      status: {ats: status, salesforce: Status__c, map: {A: X, B: Y}}\n"
	"%3$s"
	"  job:\n"
	"    domain: jobs\n    ats: JobOrder\n    salesforce: Job__c\n"
	"    fields: {title: title <- Name}\n";

static struct arena arena;

static struct treaty *load_text(const char *text)
{
	struct complaints c;
	struct buf said;
	complaints_init(&c, "t.yaml");
	struct treaty *t = treaty_load_text(sv_of(text), "t.yaml", &c);
	buf_init(&said, 1 << 16);
	complaints_print(&c, &said);
	if (!t)
		fail_msg("%s", said.ptr);
	buf_finish(&said);
	complaints_finish(&c);
	return t;
}

static struct treaty *load(const char *roles, int version, const char *fields)
{
	char text[8192];
	snprintf(text, sizeof(text), pattern, roles, version, fields);
	return load_text(text);
}

/* ---- keys ---- */

static void keys_sign_and_verify(void **state)
{
	char d[SCRATCH_DIR_MAX];
	unsigned char signature[ED25519_SIGNATURE];
	struct err err = { 0 };
	struct buf key, again;
	scratch_dir(d);
	const char *path = arena_printf(&arena, "%s/k.pem", d).ptr;
	buf_init(&key, 256);
	buf_init(&again, 256);
	assert_true(ed25519_make(path, &key, &err));
	assert_true(ed25519_public(path, &again, &err));
	assert_true(sv_eq(buf_sv(&key), buf_sv(&again)));
	assert_true(sv_starts(buf_sv(&key), SV("ed25519:MCowBQYDK2VwAyEA")));
	assert_true(ed25519_sign(path, SV("what is agreed"), signature, &err));
	assert_true(ed25519_verify(buf_sv(&key), SV("what is agreed"), signature));
	assert_false(ed25519_verify(buf_sv(&key), SV("what is agreeD"), signature));
	signature[10] ^= 1;
	assert_false(ed25519_verify(buf_sv(&key), SV("what is agreed"), signature));
	assert_false(ed25519_verify(SV("ed25519:AAAA"), SV("what is agreed"), signature));
	assert_false(ed25519_verify(SV(""), SV("what is agreed"), signature));
	/* no key is ever overwritten, and only the owner reads it */
	assert_false(ed25519_make(path, &again, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_false(ed25519_public("/nowhere", &again, &err));
	buf_finish(&key);
	buf_finish(&again);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(d), 0);
}

/* RFC 8032, 7.1, test 2: one byte, by the key of the RFC. */
static void a_known_signature_verifies(void **state)
{
	static const unsigned char public[44] = {
		0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
		0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7, 0x4d, 0x1b, 0x7e, 0xbc,
		0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c
	};
	static const unsigned char signature[64] = {
		0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40,
		0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda,
		0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c,
		0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00
	};
	struct buf key;
	buf_init(&key, 256);
	buf_addf(&key, "ed25519:");
	to_base64(&key, public, sizeof(public));
	assert_true(ed25519_verify(buf_sv(&key), SV("\x72"), signature));
	assert_false(ed25519_verify(buf_sv(&key), SV("\x73"), signature));
	buf_finish(&key);
}

static void base64_is_exact(void **state)
{
	unsigned char out[3];
	assert_true(from_base64(SV("AQID"), out, 3));
	assert_memory_equal(out, "\1\2\3", 3);
	assert_true(from_base64(SV("AQI="), out, 2));
	assert_true(from_base64(SV("AQ=="), out, 1));
	assert_false(from_base64(SV("AQID"), out, 2));
	assert_false(from_base64(SV("AQI"), out, 2));
	assert_false(from_base64(SV("A!ID"), out, 3));
	assert_false(from_base64(SV(""), out, 1));
}

/* ---- signatures ---- */

struct people {
	char dir[SCRATCH_DIR_MAX];
	const char *treaty_path, *lead_pem, *chief_pem, *other_pem;
	const char *lead, *chief, *other; /* public keys */
};

static const char *make_key(struct people *p, const char *name, const char **path)
{
	struct buf key;
	struct err err = { 0 };
	buf_init(&key, 256);
	*path = arena_printf(&arena, "%s/%s.pem", p->dir, name).ptr;
	assert_true(ed25519_make(*path, &key, &err));
	const char *text = arena_str(&arena, buf_sv(&key));
	buf_finish(&key);
	return text;
}

static void make_people(struct people *p)
{
	scratch_dir(p->dir);
	p->treaty_path = arena_printf(&arena, "%s/treaty.yaml", p->dir).ptr;
	p->lead = make_key(p, "lead", &p->lead_pem);
	p->chief = make_key(p, "chief", &p->chief_pem);
	p->other = make_key(p, "other", &p->other_pem);
}

static void remove_people(struct people *p)
{
	unlink(p->lead_pem);
	unlink(p->chief_pem);
	unlink(p->other_pem);
	unlink(signature_path(p->treaty_path, "lead", &arena).ptr);
	unlink(signature_path(p->treaty_path, "chief", &arena).ptr);
	assert_int_equal(rmdir(p->dir), 0);
}

static const char *roles(const char *lead, const char *chief)
{
	return arena_printf(&arena, "lead: {key: %s}, chief: {key: %s}", lead, chief).ptr;
}

static void sign(struct people *p, const struct treaty *t, const char *role, const char *pem)
{
	unsigned char signature[ED25519_SIGNATURE];
	struct err err = { 0 };
	struct buf text;
	buf_init(&text, SIGNATURE_MAX);
	signature_statement(t, role, SV("2026-11-25T16:02:00Z"), &text);
	assert_true(ed25519_sign(pem, buf_sv(&text), signature, &err));
	signature_line(signature, &text);
	FILE *f = fopen(signature_path(p->treaty_path, role, &arena).ptr, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
	fclose(f);
	buf_finish(&text);
}

/* The states of both roles, and what is said of them: 'chief lead'. */
static void expect_states(struct people *p, const struct treaty *t, const struct treaty *before,
			  int n, const enum signed_state *state, const char *const *why)
{
	struct approval *list;
	assert_int_equal(treaty_approvals(t, before, p->treaty_path, &arena, &list), n);
	for (int i = 0; i < n; i++) {
		assert_int_equal(list[i].state, state[i]);
		if (why)
			assert_string_equal(arena_str(&arena, list[i].why), why[i]);
	}
}

static void who_must_sign_and_did(void **state)
{
	struct people p;
	make_people(&p);
	struct treaty *t = load(roles(p.lead, p.chief), 1, "");
	expect_states(&p, t, NULL, 2, (enum signed_state[]){ SIGNED_MISSING, SIGNED_MISSING }, NULL);
	sign(&p, t, "lead", p.lead_pem);
	sign(&p, t, "chief", p.other_pem);
	expect_states(&p, t, NULL, 2, (enum signed_state[]){ SIGNED_FORGED, SIGNED },
		      (const char *const[]){ "it does not verify with the role's key",
					     "2026-11-25T16:02:00Z" });
	sign(&p, t, "chief", p.chief_pem);
	expect_states(&p, t, NULL, 2, (enum signed_state[]){ SIGNED, SIGNED }, NULL);

	/* of the same version, another meaning in one domain */
	struct treaty *changed = load(roles(p.lead, p.chief), 1, "      city: city -> City__c\n");
	expect_states(&p, changed, NULL, 2, (enum signed_state[]){ SIGNED_CHANGED, SIGNED_CHANGED },
		      (const char *const[]){ "the meaning of 'people' changed since it was signed",
					     "the meaning of 'people' changed since it was signed" });
	/* and in the head */
	struct treaty *head = load(arena_printf(&arena, "lead: {key: %s, title: Lead}, chief: {key: %s}",
						p.lead, p.chief).ptr, 1, "");
	expect_states(&p, head, NULL, 2, (enum signed_state[]){ SIGNED_CHANGED, SIGNED_CHANGED }, NULL);
	struct treaty *next = load(roles(p.lead, p.chief), 2, "");
	expect_states(&p, next, NULL, 2, (enum signed_state[]){ SIGNED_OLDER, SIGNED_OLDER },
		      (const char *const[]){ "version 1 was signed", "version 1 was signed" });
	struct treaty *keyless = load("lead: {}, chief: {}", 1, "");
	expect_states(&p, keyless, NULL, 2, (enum signed_state[]){ SIGNED_KEYLESS, SIGNED_KEYLESS }, NULL);
	assert_true(treaty_is_keyed(t));
	assert_false(treaty_is_keyed(keyless));

	treaty_destroy(t);
	treaty_destroy(changed);
	treaty_destroy(head);
	treaty_destroy(next);
	treaty_destroy(keyless);
	remove_people(&p);
}

/* Who could write the treaty could otherwise write himself into it. */
static void keys_change_only_by_the_old_keys(void **state)
{
	struct people p;
	make_people(&p);
	struct treaty *was = load(roles(p.lead, p.chief), 1, "");
	struct treaty *now = load(roles(p.lead, p.other), 2, "");
	sign(&p, now, "lead", p.lead_pem);
	sign(&p, now, "chief", p.other_pem);
	expect_states(&p, now, was, 2, (enum signed_state[]){ SIGNED_FORGED, SIGNED }, NULL);
	expect_states(&p, now, NULL, 2, (enum signed_state[]){ SIGNED, SIGNED }, NULL);
	sign(&p, now, "chief", p.chief_pem);
	expect_states(&p, now, was, 2, (enum signed_state[]){ SIGNED, SIGNED }, NULL);

	/* a role that is left out of the next version agrees to that, too */
	char text[8192];
	snprintf(text, sizeof(text), pattern, arena_printf(&arena, "lead: {key: %s}", p.lead).ptr, 3, "");
	struct sv rest = sv_of(text), alone = SV("");
	const char *at;
	while ((at = strstr(rest.ptr, ", chief]")) || (at = strstr(rest.ptr, "[chief]"))) {
		alone = arena_printf(&arena, "%.*s%.*s%s", SV_ARG(alone), (int)(at - rest.ptr), rest.ptr,
				     at[0] == ',' ? "]" : "[lead]");
		rest = sv_of(at + (at[0] == ',' ? 8 : 7));
	}
	struct treaty *without = load_text(arena_printf(&arena, "%.*s%s", SV_ARG(alone), rest.ptr).ptr);
	sign(&p, without, "lead", p.lead_pem);
	expect_states(&p, without, was, 2, (enum signed_state[]){ SIGNED_OLDER, SIGNED }, NULL);
	sign(&p, without, "chief", p.chief_pem);
	expect_states(&p, without, was, 2, (enum signed_state[]){ SIGNED, SIGNED }, NULL);
	expect_states(&p, without, without, 1, (enum signed_state[]){ SIGNED }, NULL);

	treaty_destroy(was);
	treaty_destroy(now);
	treaty_destroy(without);
	remove_people(&p);
}

/* Bytes that are no signature are none, whatever they are. */
static void broken_files_are_no_signatures(void **state)
{
	struct people p;
	struct sv why;
	make_people(&p);
	struct treaty *t = load(roles(p.lead, p.chief), 1, "");
	static const char *const bad[] = { "", "ed25519 ", "\ned25519 ", "\ned25519 AAAA\n", "x\ned25519 !!\n",
					   "treaty-signature 1\ned25519 AQ==\n" };
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(signature_check(t, "lead", p.lead, sv_of(bad[i]), &arena, &why),
				 SIGNED_FORGED);
	treaty_destroy(t);
	remove_people(&p);
}

static bool digests_equal(const struct treaty *a, const struct treaty *b, int domain)
{
	unsigned char x[32], y[32];
	if (domain < 0) {
		treaty_head_digest(a, x);
		treaty_head_digest(b, y);
	} else {
		treaty_domain_digest(a, domain, x);
		treaty_domain_digest(b, domain, y);
	}
	return memcmp(x, y, 32) == 0;
}

/* A domain's change is no business of who signs the others. */
static void each_signs_what_is_theirs(void **state)
{
	struct treaty *a = load("lead: {}, chief: {}", 1, "");
	struct treaty *b = load("chief: {}, lead: {}", 1, "      city: city -> City__c\n");
	assert_true(digests_equal(a, b, -1));
	assert_false(digests_equal(a, b, 0));
	assert_true(digests_equal(a, b, 1));
	treaty_destroy(a);
	treaty_destroy(b);
}

/* ---- changes in words ---- */

#define RULE(winner)                                                           \
	"conflict: {winner: " winner ", unavailable: {retry: 1m..30m, for: 8h, " \
	"then: review}, alert: {after: 24h, to: lead}}"

static const char *said(const struct treaty *was, const struct treaty *now)
{
	struct amendment *list;
	struct sv text = SV("");
	int n = treaty_diff(was, now, &arena, &list);
	for (int i = 0; i < n; i++)
		text = arena_printf(&arena, "%.*s%s%s%s%s%s: %.*s\n", SV_ARG(text),
				    list[i].values ? "*" : "", list[i].record ? list[i].record : "",
				    list[i].field ? "." : "", list[i].field ? list[i].field : "",
				    list[i].record ? "" : list[i].domain ? list[i].domain : "head",
				    SV_ARG(list[i].text));
	return text.len ? text.ptr : "";
}

static void expect_said(const char *was_fields, const char *now_fields, const char *want)
{
	struct treaty *was = load("lead: {}, chief: {}", 1, was_fields);
	struct treaty *now = load("lead: {}, chief: {}", 1, now_fields);
	assert_string_equal(said(was, now), want);
	treaty_destroy(was);
	treaty_destroy(now);
}

static void changes_are_said_in_words(void **state)
{
	expect_said("", "      # a comment\n", "");
	expect_said("", "      c: c -> C\n",
		    "*person.c: new: c (ats) and C (salesforce), text; only ats edits it; salesforce holds a copy\n");
	expect_said("      c: c -> C\n", "",
		    "person.c: not kept in agreement any more; both sides keep what they hold\n");
	expect_said("      c: c -> C\n", "      c: c -> D\n", "*person.c: it is D in salesforce (was: C)\n");
	expect_said("      c: c -> C\n", "      c: c <- C\n",
		    "*person.c: salesforce's value holds now, and ats holds a copy (was the other way round)\n");
	expect_said("      c: c -> C\n", "      c: {ats: c, salesforce: C, direction: both, " RULE("ats") "}\n",
		    "*person.c: salesforce may now edit it; when both sides changed it: ats wins\n"
		    "person.c: who is told of a conflict: lead after 24 h (was: nobody)\n");
	expect_said("      c: {ats: c, salesforce: C, direction: both, " RULE("ats") "}\n",
		    "      c: {ats: c, salesforce: C, direction: both, "
		    RULE("{by: status, when: {A: salesforce}, otherwise: review}") "}\n",
		    "*person.c: when both sides changed it: status says: at 'A' salesforce wins, else a person "
		    "decides (was: ats wins)\n");
	expect_said("      c: {ats: c, salesforce: C, map: {A: X, B: Y}}\n",
		    "      c: {ats: c, salesforce: C, map: {A: Z, D: Y}, map_unknown: {default: O}}\n",
		    "*person.c: 'A' now becomes 'Z' (was 'X')\n"
		    "*person.c: 'D' now becomes 'Y' (was not in the map)\n"
		    "*person.c: 'B' is not in the map any more\n"
		    "*person.c: a value that the map does not know: becomes 'O' (was: waits for a person)\n");
	expect_said("      c: c -> C\n",
		    "      c: {ats: c, salesforce: C, type: {decimal: 2}, on_edit: report, blank: erases, "
		    "confidential: true, deliver: each}\n",
		    "*person.c: its type: decimal with 2 digits (was: text)\n"
		    "*person.c: an edit of the copy: is logged and left (was: is undone and logged)\n"
		    "*person.c: a blank owner clears a filled copy when they first meet: yes (was: no)\n"
		    "*person.c: delivery: every step is delivered in order (was: the present value is delivered)\n"
		    "person.c: masked in output: yes (was: no)\n");
	expect_said("      c: c -> C\n      d: d -> D\n",
		    "      c: {ats: c, salesforce: C, order: [A, [B, C], D], truncate: 9}\n      d: d -> D\n"
		    "    together: [[c, d]]\n    when_deleted: {ats: keep, salesforce: {set: {ats: {x: 1}}}}\n"
		    "    create: {ats: when_missing}\n    mass_change: {deleted: never}\n",
		    "*person: when ats's record was deleted: salesforce's record stays as it is (was: a person "
		    "decides)\n"
		    "person: created in ats when it is missing: yes (was: no)\n"
		    "*person: when salesforce's record was deleted: in ats x becomes '1' (was: a person decides)\n"
		    "person: what halts the writing: within 1 h, deleted never, emptied 10% and 100, changed 50% "
		    "and 1000, restored 10% and 100 (was: within 1 h, deleted 5% and 25, emptied 10% and 100, "
		    "changed 50% and 1000, restored 10% and 100)\n"
		    "*person.c: its order: A, then B or C, then D (was: any)\n"
		    "*person.c: characters that the copy keeps: 9 (was: all)\n"
		    "person.c: held and sent together with: c, d (was: none)\n"
		    "person.d: held and sent together with: c, d (was: none)\n");
}

static void the_head_is_said_too(void **state)
{
	struct treaty *was = load("lead: {}, chief: {}, gone: {}", 1, "");
	struct treaty *now = load("lead: {title: Lead, hours: Mon-Fri 08:00-18:00 UTC}, "
				  "chief: {key: ed25519:MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=}, "
				  "new: {}", 2, "");
	assert_string_equal(said(was, now),
			    "head: role lead: title: Lead (was: none)\n"
			    "head: role lead: hours: Mon-Fri 08:00-18:00 UTC (was: round the clock)\n"
			    "head: role chief: has a key now "
			    "(ed25519:MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=)\n"
			    "head: role new: new\n"
			    "head: role gone: gone\n");
	treaty_destroy(was);
	treaty_destroy(now);
}

/* Whatever the digest sees has words: no change of meaning is passed over. */
static void no_change_is_silent(void **state)
{
	static const char *const fields[] = {
		"", "      c: c -> C\n", "      c: c -> D\n", "      c: c <- C\n", "      c: {ats: c, salesforce: C, type: email}\n",
		"      c: {ats: c, salesforce: C, type: {phone: US}}\n", "      c: {ats: c, salesforce: C, type: {phone: GB}}\n",
		"      c: {ats: c, salesforce: C, type: {currency: 2}}\n", "      c: {ats: c, salesforce: C, type: {currency: 3}}\n",
		"      c: {ats: c, salesforce: C, map: {A: B}}\n", "      c: {ats: c, salesforce: C, map: {A: C}}\n",
		"      c: {ats: c, salesforce: C, map: {A: B}, map_unknown: pass}\n",
		"      c: {ats: c, salesforce: C, on_edit: ignore}\n", "      c: {ats: c, salesforce: C, blank: erases}\n",
		"      c: {ats: c, salesforce: C, deliver: each}\n", "      c: {ats: c, salesforce: C, confidential: true}\n",
		"      c: {ats: c, salesforce: C, truncate: 3}\n", "      c: {ats: c, salesforce: C, order: [A, B]}\n",
		"      c: {ats: c, salesforce: C, order: [[A, B], C]}\n",
		"      c: {ats: c, salesforce: C, direction: both, " RULE("ats") "}\n",
		"      c: {ats: c, salesforce: C, direction: both, " RULE("review") "}\n",
		"      c: {ats: c, salesforce: C, direction: both, conflict: {winner: ats, unavailable: {retry: 1m..30m, "
		"for: 9h, then: hold}, alert: {after: 24h, to: lead}}}\n",
		"      c: {ats: c, salesforce: C, direction: both, conflict: {winner: ats, unavailable: {retry: 1m..30m, "
		"for: 8h, then: review}, alert: {after: 23h, to: lead, then: {after: 1h, to: chief}}}}\n",
		"      c: c -> C\n    when_deleted: {ats: keep}\n", "      c: c -> C\n    create: {salesforce: when_missing}\n",
		"      c: c -> C\n    mass_change: {within: 2h}\n", "      c: c -> C\n    together: [[c, email]]\n",
		"      c: {ats: c, salesforce: C, type: {link: job}}\n",
	};
	for (size_t i = 0; i < countof(fields); i++)
		for (size_t k = 0; k < countof(fields); k++) {
			struct treaty *was = load("lead: {}, chief: {}", 1, fields[i]);
			struct treaty *now = load("lead: {}, chief: {}", 1, fields[k]);
			bool same = memcmp(was->digest, now->digest, 32) == 0;
			assert_int_equal(same, i == k);
			if (same != (said(was, now)[0] == '\0'))
				fail_msg("a change without words:\n%s->\n%s", fields[i], fields[k]);
			treaty_destroy(was);
			treaty_destroy(now);
		}
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_sign_and_verify),
		cmocka_unit_test(a_known_signature_verifies),
		cmocka_unit_test(base64_is_exact),
		cmocka_unit_test(who_must_sign_and_did),
		cmocka_unit_test(keys_change_only_by_the_old_keys),
		cmocka_unit_test(broken_files_are_no_signatures),
		cmocka_unit_test(each_signs_what_is_theirs),
		cmocka_unit_test(changes_are_said_in_words),
		cmocka_unit_test(the_head_is_said_too),
		cmocka_unit_test(no_change_is_silent),
	};
	return cmocka_run_group_tests_name("versions", tests, setup, teardown);
}

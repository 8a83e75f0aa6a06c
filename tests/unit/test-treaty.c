/* The treaty: every refusal with its words and place, the canonical form to
 * the byte, and what the digests do and do not notice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/panic.h"
#include "base/clock.h"
#include "treaty/alerts.h"
#include "treaty/digest.h"
#include "treaty/doc.h"

/* Twelve lines; fields follow, six blanks deep, from line 13 on. */
#define HEAD                                                       \
	"treaty: 1\n"                                              \
	"name: t\n"                                                \
	"version: 1\n"                                             \
	"systems: {ats: bullhorn, salesforce: salesforce}\n"       \
	"roles: {lead: {title: Lead}}\n"                           \
	"domains: {people: {owner: ats, signed_by: [lead]}}\n"     \
	"records:\n"                                               \
	"  person:\n"                                              \
	"    domain: people\n"                                     \
	"    ats: Candidate\n"                                     \
	"    salesforce: Contact\n"                                \
	"    fields:\n"

/* Three answers in one line. */
#define RULE(winner)                                                           \
	"conflict: {winner: " winner ", unavailable: {retry: 1m..30m, for: 8h, " \
	"then: review}, alert: {after: 24h, to: lead}}"

static void expect_refusal(const char *text, const char *want)
{
	struct complaints c;
	struct buf out;
	complaints_init(&c, "t.yaml");
	buf_init(&out, 1 << 20);
	struct treaty *t = treaty_load_text(sv_of(text), "t.yaml", &c);
	complaints_print(&c, &out);
	assert_null(t);
	assert_string_equal(out.ptr ? out.ptr : "", want);
	buf_finish(&out);
	complaints_finish(&c);
}

static struct treaty *load(const char *text)
{
	struct complaints c;
	complaints_init(&c, "t.yaml");
	struct treaty *t = treaty_load_text(sv_of(text), "t.yaml", &c);
	if (!t)
		fail_msg("refused: %.*s", SV_ARG(c.list[0].text));
	complaints_finish(&c);
	return t;
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		/* owners */
		{ "treaty: 1\nname: t\nversion: 1\nsystems: {ats: a, salesforce: b}\nroles: {lead: {}}\n"
		  "domains:\n"
		  "  people: {owner: ats, signed_by: [lead]}\n"
		  "  people: {owner: salesforce, signed_by: [lead]}\n"
		  "  jobs: {owner: [ats, salesforce], signed_by: [lead]}\n"
		  "  pay: {owner: ats, owner: salesforce, signed_by: [lead]}\n"
		  "  money: {owner: finance, signed_by: [lead]}\n"
		  "records: {}\n",
		  "t.yaml:8:3: 'people': a second time, first at 7:3: a domain has exactly one owner; "
		  "decide which one holds\n"
		  "t.yaml:9:10: 'owner': 2 owners: a domain has exactly one, its system of record; "
		  "decide which, or split the domain\n"
		  "t.yaml:10:21: 'owner': a second time, first at 10:9: a domain has exactly one owner; "
		  "decide which one holds\n"
		  "t.yaml:11:18: 'finance': 'systems' names no finance system\n" },
		{ "treaty: 1\nname: t\nversion: 1\nsystems: {ats: a, salesforce: b, finance: sql}\n"
		  "roles: {lead: {}}\n"
		  "domains:\n"
		  "  people: {owner: ats, signed_by: [lead]}\n"
		  "  jobs: {owner: salesforce, signed_by: [lead]}\n"
		  "  billing: {owner: finance, signed_by: [lead]}\n"
		  "records:\n"
		  "  a: {domain: people, ats: A, salesforce: X, fields: {f: f -> F}}\n"
		  "  b: {domain: jobs, ats: A, salesforce: Y, fields: {f: f <- F}}\n"
		  "  c: {domain: people, ats: C, salesforce: X, fields: {f: f -> F}}\n"
		  "  d: {domain: [people, jobs], ats: D, salesforce: Z, fields: {f: f -> F}}\n"
		  "  e: {domain: billing, ats: E, salesforce: W, fields: {f: f -> F}}\n"
		  "  f: {domain: poeple, ats: F, salesforce: V, fields: {f: f -> F}}\n",
		  "t.yaml:12:3: 'b': ats's A belongs to 'a' (11:3) already, in another domain: two "
		  "owners of one record; decide which\n"
		  "t.yaml:13:3: 'c': salesforce's X belongs to 'a' (11:3) already; one object is one "
		  "record type\n"
		  "t.yaml:14:7: 'domain': 2 domains, and so two owners of one record: decide which\n"
		  "t.yaml:15:15: 'billing': owned by finance, which holds sums and no records: decide "
		  "whether the ats or salesforce owns these\n"
		  "t.yaml:16:15: 'poeple': no such domain (did you mean 'people'?)\n" },
		/* head, roles, signatures */
		{ "treaty: 2\nnam: t\nversion: seven\nsystems: {ats: bullhorn}\n"
		  "roles: {lead: {key: 'rsa:abc', hours: always}, \"a b\": {}}\n"
		  "domains: {people: {owner: everyone, signed_by: [led, lead, lead]}, x: {owner: ats, "
		  "signed_by: []}, y: {owner: ats}}\n"
		  "records: {}\n",
		  "t.yaml:1:1: 'name' is missing: which treaty it is; a store belongs to one\n"
		  "t.yaml:1:9: '2': 'treaty' is the version of the language, and this program reads 1\n"
		  "t.yaml:2:1: 'nam': a treaty has no such key (did you mean 'name'?)\n"
		  "t.yaml:3:10: 'seven': 'version' is a whole number from 1\n"
		  "t.yaml:4:1: 'salesforce' is missing: say salesforce\n"
		  "t.yaml:5:21: 'key': a public key is 'ed25519:' and its base64\n"
		  "t.yaml:5:39: 'always': 'hours' are days, times and a zone: Mon-Fri 08:00-18:00 "
		  "America/Chicago\n"
		  "t.yaml:5:48: 'a b': no name for a role: letters, digits and '_', a letter first\n"
		  "t.yaml:6:27: 'everyone': 'owner' is ats, salesforce or finance\n"
		  "t.yaml:6:49: 'led': no such role (did you mean 'lead'?)\n"
		  "t.yaml:6:60: 'lead': signs once\n"
		  "t.yaml:6:84: 'signed_by': nobody; decide the roles that must agree before it holds\n"
		  "t.yaml:6:100: 'signed_by' is missing: the roles that must agree before it holds\n" },
		/* hours, holidays, alerts */
		{ "treaty: 1\nname: t\nversion: 1\nsystems: {ats: bullhorn, salesforce: salesforce}\n"
		  "roles:\n"
		  "  a: {hours: Mon-Fri 08:00-18:00 America/Chicgo}\n"
		  "  b: {hours: Mon-Fri 08:00-18:00 Chicago}\n"
		  "  c: {hours: Mon-Fri 08:00-18:00 ../../etc/passwd}\n"
		  "  d: {hours: Mon-Fri 18:00-08:00 America/Chicago}\n"
		  "  e: {holidays: [2026-12-25]}\n"
		  "  f: {hours: Sun-Thu 08:00-18:00 Asia/Jerusalem, holidays: [2026-02-30, soon, 2026-4-23]}\n"
		  "domains: {people: {owner: ats, signed_by: [a]}}\n"
		  "records: {p: {domain: people, ats: P, salesforce: P, fields: {f: f -> F}}}\n"
		  "alerts:\n"
		  "  default: {after: soon, to: z}\n"
		  "  kinds: {rejcted: {after: 1h, to: a}, drift: {to: a, then: {after: 1h, to: b}}}\n"
		  "  records: {q: {after: 1h, to: a}, p: {}}\n"
		  "  fields: {}\n",
		  "t.yaml:6:14: 'hours': 'America/Chicgo': no zone of the IANA list, such as America/Chicago "
		  "(did you mean 'America/Chicago'?)\n"
		  "t.yaml:7:14: 'hours': 'Chicago': no zone of the IANA list, such as America/Chicago (did "
		  "you mean 'America/Chicago'?)\n"
		  "t.yaml:8:14: 'hours': '../../etc/passwd': no zone of the IANA list, such as "
		  "America/Chicago\n"
		  "t.yaml:9:14: 'Mon-Fri 18:00-08:00 America/Chicago': 'hours' are days, times and a zone: "
		  "Mon-Fri 08:00-18:00 America/Chicago\n"
		  "t.yaml:10:7: 'holidays': the role needs 'hours' too, which say in what zone a day is\n"
		  "t.yaml:11:61: '2026-02-30': a holiday is a date like 2026-12-25\n"
		  "t.yaml:11:73: 'soon': a holiday is a date like 2026-12-25\n"
		  "t.yaml:11:79: '2026-4-23': a holiday is a date like 2026-12-25\n"
		  "t.yaml:15:20: 'soon': 'after' is a time like 30s, 5m, 8h or 7d\n"
		  "t.yaml:15:30: 'z': no such role (did you mean 'a'?)\n"
		  "t.yaml:16:11: 'rejcted': no kind of entry in the conflict log (did you mean 'rejected'?)\n"
		  "t.yaml:16:40: 'after' is missing: how long an entry may stay open in silence\n"
		  "t.yaml:17:13: 'q': no such record type: a reference can only point to what is mapped (did "
		  "you mean 'p'?)\n"
		  "t.yaml:17:36: 'after' is missing: how long an entry may stay open in silence\n"
		  "t.yaml:17:36: 'to' is missing: the role that is told\n"
		  "t.yaml:18:3: 'fields': 'alerts' has no such key; it has default, kinds, records\n" },
		/* two-way fields */
		{ HEAD "      a: {ats: x, salesforce: y, direction: both}\n"
		       "      b: {ats: b, salesforce: b, direction: both, conflict: {winner: ats}}\n"
		       "      c: c <-> c\n",
		  "t.yaml:13:7: 'a' flows both ways; decide under 'conflict': 'winner' (whose value "
		  "holds when both sides changed), 'unavailable' (how often to try and what then, while "
		  "the winner cannot be read), 'alert' (who is told of a conflict, and when)\n"
		  "t.yaml:14:7: 'b' flows both ways; decide under 'conflict': 'unavailable' (how often "
		  "to try and what then, while the winner cannot be read), 'alert' (who is told of a "
		  "conflict, and when)\n"
		  "t.yaml:15:7: 'c' flows both ways; decide under 'conflict': 'winner' (whose value "
		  "holds when both sides changed), 'unavailable' (how often to try and what then, while "
		  "the winner cannot be read), 'alert' (who is told of a conflict, and when)\n" },
		{ HEAD "      a: {ats: x, salesforce: y, conflict: {winner: ats}}\n",
		  "t.yaml:13:34: 'conflict': 'a' flows one way, from ats to salesforce, where the "
		  "owner's value always holds; remove it, or say direction: both\n" },
		{ HEAD "      b:\n"
		       "        ats: b\n"
		       "        salesforce: b\n"
		       "        direction: both\n"
		       "        on_edit: report\n"
		       "        blank: erases\n"
		       "        truncate: 10\n"
		       "        deliver: each\n"
		       "        conflict:\n"
		       "          winner: union\n"
		       "          unavailable: {retry: 30m..1m, for: soon, then: never}\n"
		       "          alert: {after: 0s, to: led, then: {after: 1h}}\n",
		  "t.yaml:17:9: 'on_edit': a field that flows both ways has no read-only copy\n"
		  "t.yaml:18:9: 'blank': a field that flows both ways has no copy to erase\n"
		  "t.yaml:19:9: 'truncate': what is cut off cannot come back on a two-way field\n"
		  "t.yaml:20:9: 'deliver': 'each' delivers the owner's steps, and a two-way field has "
		  "no owner\n"
		  "t.yaml:22:11: 'winner': union merges sets, and 'b' is text\n"
		  "t.yaml:23:32: '30m..1m': 'retry' is the first wait and the longest, like 1m..30m\n"
		  "t.yaml:23:46: 'soon': 'for' is a time like 30s, 5m, 8h or 7d\n"
		  "t.yaml:23:58: 'never': 'then' is review or hold\n"
		  "t.yaml:24:26: '0s': 'after' is a time like 30s, 5m, 8h or 7d\n"
		  "t.yaml:24:34: 'led': no such role (did you mean 'lead'?)\n"
		  "t.yaml:24:39: 'to' is missing: the role that is told next\n" },
		/* maps */
		{ HEAD "      a: {ats: a, salesforce: a, direction: both, " RULE("ats") ", map: {X: One, Y: One}}\n"
		       "      c: {ats: c, salesforce: c, direction: salesforce_to_ats, map: {X: One, Y: One}}\n"
		       "      d: {ats: d, salesforce: d, map_unknown: hold}\n"
		       "      e: {ats: e, salesforce: e, map: {A: \"\", B: [1], C: , D: x, D: y}}\n"
		       "      f: {ats: f, salesforce: f, type: integer, map: {1: 2}}\n"
		       "      g: {ats: g, salesforce: g, direction: both, " RULE("ats") ", map: {A: B}, map_unknown: {default: B}}\n"
		       "      h: {ats: h, salesforce: h, direction: both, " RULE("ats") ", map: {A: B, B: A}, map_unknown: pass}\n"
		       "      i: {ats: i, salesforce: i, direction: both, " RULE("ats") ", map: {A: B, B: C, C: X}, map_unknown: pass}\n",
		  "t.yaml:13:175: 'Y': becomes 'One' like 'X' (13:167), and a two-way map must be "
		  "invertible: give each its own value, or let the field flow one way\n"
		  "t.yaml:14:78: 'Y': becomes 'One' like 'X' (14:70), and the field flows from "
		  "salesforce: decide which it becomes\n"
		  "t.yaml:15:34: 'map_unknown': there is no 'map' that could not know a value\n"
		  "t.yaml:16:43: 'map': a blank: blank maps to blank, and nothing else does\n"
		  "t.yaml:16:47: 'B': a list where text belongs\n"
		  "t.yaml:16:55: 'C': nothing where text belongs\n"
		  "t.yaml:16:66: 'D': a second time, first at 16:60: which value does it become?\n"
		  "t.yaml:17:49: 'map': values of type integer are not mapped, only text and picklist\n"
		  "t.yaml:18:7: 'map_unknown': a default cannot be inverted on a two-way field; say hold\n"
		  "t.yaml:20:167: 'A': a value that passes unmapped would be the same as what the map "
		  "makes of 'B'; a two-way map must be invertible: map it too, or say map_unknown: hold\n"
		  "t.yaml:20:179: 'X': a value that passes unmapped would be the same as what the map "
		  "makes of 'C'; a two-way map must be invertible: map it too, or say map_unknown: hold\n" },
		/* fields */
		{ HEAD "      a: a -> a\n      a: b -> b\n",
		  "t.yaml:14:7: 'a': a second time, first at 13:7: two rules for one field; decide "
		  "which one holds\n" },
		{ HEAD "      a: a -> x\n      b: b -> x\n      c: a -> y\n",
		  "t.yaml:14:7: 'b': salesforce's x is mapped by 'a' (13:7) already; decide which rule "
		  "holds\n"
		  "t.yaml:15:7: 'c': ats's a is mapped by 'a' (13:7) already; decide which rule holds\n" },
		{ HEAD "      \"*\": {ats: x, salesforce: y}\n"
		       "      all: {ats: x, salesforce: y}\n"
		       "      all_fields: {ats: x, salesforce: y}\n"
		       "      b: {ats: \"*\", salesforce: y3}\n",
		  "t.yaml:13:7: '*': a wildcard: name each field, so that nothing is in it that nobody "
		  "decided\n"
		  "t.yaml:14:7: 'all': a wildcard: name each field, so that nothing is in it that nobody "
		  "decided\n"
		  "t.yaml:15:7: 'all_fields': a wildcard: name each field, so that nothing is in it that "
		  "nobody decided\n"
		  "t.yaml:16:16: '*': a wildcard: name each field, so that nothing is in it that nobody "
		  "decided\n" },
		{ HEAD "      costarring: a -> a\n      liquid: b -> b\n",
		  "t.yaml:14:7: 'liquid': has the same number as 'costarring' (13:7); rename one\n" },
		{ HEAD "      b: {ats: x2, salesforce: y2, dirction: both}\n"
		       "      c: {ats: x3, salesforce: y3, zzz: 1}\n"
		       "      d: {ats: x4, salesforce: y4, type: phoen}\n"
		       "      e: {ats: x5, salesforce: y5, type: {link: persn}}\n"
		       "      f: {ats: x6, salesforce: y6, type: {phone: us}}\n"
		       "      g: {ats: x7, salesforce: y7, type: link}\n"
		       "      h: {ats: x8, salesforce: y8, direction: up}\n"
		       "      i: {ats: x9}\n"
		       "      j: k\n"
		       "      k: [1]\n"
		       "      l:\n"
		       "      m: {ats: \"a b\", salesforce: \"x'; drop\", type: {currency: 99}}\n"
		       "      n: {ats: $id, salesforce: q, confidential: maybe, truncate: 0}\n"
		       "      o: {ats: o, salesforce: o, type: {currency: 2, decimal: 1}}\n"
		       "      p: {ats: p, salesforce: p, type: integer, truncate: 5}\n",
		  "t.yaml:13:36: 'dirction': a field has no such key (did you mean 'direction'?)\n"
		  "t.yaml:14:36: 'zzz': a field has no such key; it has ats, salesforce, type, "
		  "direction, on_edit, blank, deliver, map, map_unknown, order, truncate, confidential, "
		  "conflict\n"
		  "t.yaml:15:42: 'phoen': no such type (did you mean 'phone'?)\n"
		  "t.yaml:16:49: 'persn': no such record type: a reference can only point to what is "
		  "mapped (did you mean 'person'?)\n"
		  "t.yaml:17:50: 'us': no region whose telephone numbers are known; say US, CA, GB, ...\n"
		  "t.yaml:18:42: 'link': to which record type? {link: candidate}\n"
		  "t.yaml:19:47: 'up': 'direction' is ats_to_salesforce, salesforce_to_ats or both\n"
		  "t.yaml:20:7: 'salesforce' is missing: what it is called in Salesforce\n"
		  "t.yaml:21:10: 'k': a field is {ats: ..., salesforce: ...} or 'atsName -> "
		  "SalesforceName'\n"
		  "t.yaml:22:7: 'k': a list where text or a mapping belongs\n"
		  "t.yaml:23:7: 'l': nothing where text or a mapping belongs\n"
		  "t.yaml:24:16: 'a b': no name that a system gives: letters, digits, '_' and '.'\n"
		  "t.yaml:24:35: 'x'; drop': no name that a system gives: letters, digits, '_' and '.'\n"
		  "t.yaml:24:64: 99 digits: at most 18\n"
		  "t.yaml:25:16: '$id': no name that a system gives: letters, digits, '_' and '.'\n"
		  "t.yaml:25:50: 'maybe': 'confidential' is true or false\n"
		  "t.yaml:25:67: '0': 'truncate' is a whole number from 1\n"
		  "t.yaml:26:34: 'type': a field has one type\n"
		  "t.yaml:27:49: 'truncate': only text is cut\n" },
		/* mass changes */
		{ HEAD "      name: n -> N\n"
		       "    mass_change: {deleted: often, emptied: {share: 0%, least: 0}, moved: never}\n",
		  "t.yaml:14:28: 'often': 'deleted' is {share: 10%, least: 50} or never\n"
		  "t.yaml:14:52: '0%': 'share' is 1% to 100%\n"
		  "t.yaml:14:63: '0': 'least' is a whole number from 1\n"
		  "t.yaml:14:67: 'moved': 'mass_change' has no such key; it has deleted, emptied, changed, "
		  "restored, within\n" },
		/* a winner by another field */
		{ HEAD "      status: {ats: s, salesforce: S, map: {A: X, B: Y}}\n"
		       "      two: {ats: t, salesforce: T, direction: both, " RULE("ats") "}\n"
		       "      a: {ats: a, salesforce: A, direction: both, " RULE("{by: two, when: {x: ats}, "
		       "otherwise: ats}") "}\n"
		       "      b: {ats: b, salesforce: B, direction: both, " RULE("{by: stats, when: {A: ats}, "
		       "otherwise: ats}") "}\n"
		       "      c: {ats: c, salesforce: C, direction: both, " RULE("{by: status, when: "
		       "{A: union, C: ats, A: review}}") "}\n"
		       "      d: {ats: d, salesforce: D, direction: both, " RULE("{when: [], otherwise: "
		       "newest}") "}\n",
		  "t.yaml:15:75: 'by': 'two' flows both ways itself: a winner follows a field that one side owns\n"
		  "t.yaml:16:75: 'stats': no such field of 'person' (did you mean 'status'?)\n"
		  "t.yaml:17:62: 'otherwise' is missing: who wins at every other value\n"
		  "t.yaml:17:93: 'union': 'A' is ats, salesforce or review\n"
		  "t.yaml:17:108: 'A': a second time, first at 17:90: who wins?\n"
		  "t.yaml:18:62: 'by' is missing: the one-way field whose agreed value says who wins\n"
		  "t.yaml:18:71: 'when': a list where a mapping belongs\n"
		  "t.yaml:18:92: 'newest': 'otherwise' is ats, salesforce or review\n" },
		/* the order of a lifecycle */
		{ HEAD "      a: {ats: a, salesforce: A, order: [New]}\n"
		       "      b: {ats: b, salesforce: B, order: [New, [Old, New]]}\n"
		       "      c: {ats: c, salesforce: C, order: [New, [Old], {x: y}], map: {New: N, Lost: L}}\n"
		       "      d: {ats: d, salesforce: D, direction: both, order: [x, y], " RULE("ats") "}\n"
		       "      e: {ats: e, salesforce: E, type: date, order: [2026-01-01, soon]}\n",
		  "t.yaml:13:34: 'order': a lifecycle has at least two steps, the first one first\n"
		  "t.yaml:14:53: 'New': a second time: a value has one place in the order\n"
		  "t.yaml:15:34: 'order': a mapping where text belongs\n"
		  "t.yaml:15:77: 'Lost': has no place in the 'order' of 'c': decide where it stands\n"
		  "t.yaml:16:51: 'order': a field that flows both ways has no owner whose steps count\n"
		  "t.yaml:17:66: 'order': \"soon\" is not a date\n" },
		/* fields that go together */
		{ HEAD "      a: a -> A\n"
		       "      b: b -> B\n"
		       "      c: c <- C\n"
		       "      d: {ats: d, salesforce: D, deliver: each}\n"
		       "      e: {ats: e, salesforce: E, direction: both, " RULE("ats") "}\n"
		       "      f: {ats: f, salesforce: F, direction: both, " RULE("review") "}\n"
		       "      g: {ats: g, salesforce: G, type: set, direction: both, " RULE("union") "}\n"
		       "      h: {ats: h, salesforce: H, type: set, direction: both, " RULE("union") "}\n"
		       "    together: [[a, c, d], [b], [a, b], [e, f], [g, h], x, [zz, b]]\n",
		  "t.yaml:21:5: 'together': a group is a list of at least two fields\n"
		  "t.yaml:21:20: 'c': flows another way, or has another winner, than 'a': fields that go together have one rule\n"
		  "t.yaml:21:23: 'd': delivered 'each', one step at a time, and so not together with others\n"
		  "t.yaml:21:33: 'a': goes together with others already: a field is in one group\n"
		  "t.yaml:21:36: 'b': goes together with others already: a field is in one group\n"
		  "t.yaml:21:44: 'f': flows another way, or has another winner, than 'e': fields that go together have one rule\n"
		  "t.yaml:21:49: 'g': is united member by member, and so not with others as one\n"
		  "t.yaml:21:52: 'h': is united member by member, and so not with others as one\n"
		  "t.yaml:21:56: 'together': text where a list belongs\n"
		  "t.yaml:21:60: 'zz': no such field of 'person'\n"
		  "t.yaml:21:64: 'b': goes together with others already: a field is in one group\n" },
		/* deletions */
		{ HEAD "      a: a -> A\n"
		       "    when_deleted: {ats: {set: {salesforce: {A: false, G__c: true}, ats: {x: 1}}}, "
		       "salesforce: create}\n"
		       "    when_restored: {ats: {set: {salesforce: {G__c: 3, H__c: x}}}, salesforce: {}}\n",
		  "t.yaml:14:45: 'deleted.ats.A': salesforce's A is mapped by 'a' (13:7) already; decide which rule holds\n"
		  "t.yaml:14:68: 'ats': what is left when the ats's record is gone stands in salesforce\n"
		  "t.yaml:14:83: 'salesforce': created again when it was deleted, but 'create' does not say that 'person' is created in salesforce at all: decide which\n"
		  "t.yaml:15:46: 'when_restored': 'G__c' is of another kind than what a deletion sets\n"
		  "t.yaml:15:55: 'when_restored': 'H__c' is not set by a deletion\n"
		  "t.yaml:15:67: 'salesforce': one word, or {set: {ats: {Field: value}}}\n" },
		{ HEAD "      a: a -> A\n"
		       "    when_deleted: {ats: erase, salesforce: {put: 3}}\n",
		  "t.yaml:14:25: 'erase': 'ats' is review, keep or create\n"
		  "t.yaml:14:32: 'salesforce': one word, or {set: {ats: {Field: value}}}\n" },
		/* records */
		{ HEAD "      name: n -> N\n"
		       "    match: [[nam], name, [], [name, [x]]]\n"
		       "    create: {salesforce: sometimes}\n"
		       "    when_gone: {}\n"
		       "  second: {domain: people, ats: [X], salesforce: {object: Y, id: X}, fields: all}\n"
		       "  third: {domain: people, ats: Z, salesforce: Z, fields: ['*']}\n"
		       "  fourth: text\n"
		       "  fifth: {}\n",
		  "t.yaml:14:5: 'match': a list where text belongs\n"
		  "t.yaml:14:5: 'match': a way without fields would fit every record\n"
		  "t.yaml:14:14: 'nam': no such field of 'person' (did you mean 'name'?)\n"
		  "t.yaml:15:26: 'sometimes': 'salesforce' is when_missing or never\n"
		  "t.yaml:16:5: 'when_gone': a record type has no such key; it has domain, ats, "
		  "salesforce, create, mass_change, when_deleted, when_restored, fields, together, match\n"
		  "t.yaml:17:28: 'ats': a list where text or a mapping belongs\n"
		  "t.yaml:17:62: 'id': a record type's side has no such key; it has object, key\n"
		  "t.yaml:17:78: 'all': a wildcard: name each field, so that nothing is in it that "
		  "nobody decided\n"
		  "t.yaml:18:50: 'fields': a list where a mapping belongs\n"
		  "t.yaml:19:3: 'fourth': text where a mapping belongs\n"
		  "t.yaml:20:3: 'ats' is missing: what it is called in the ats\n"
		  "t.yaml:20:3: 'domain' is missing: which domain it belongs to, and so who owns it\n"
		  "t.yaml:20:3: 'fields' is missing: the fields that are kept in agreement, each by its "
		  "name\n"
		  "t.yaml:20:3: 'salesforce' is missing: what it is called in Salesforce\n" },
		{ HEAD "      b: {ats: b, salesforce: b, type: {link: b}}\n"
		       "    create: {salesforce: when_missing}\n"
		       "  b: {domain: people, ats: B, salesforce: B, create: {salesforce: when_missing}, "
		       "fields: {c: {ats: c, salesforce: c, type: {link: c}}}}\n"
		       "  c: {domain: people, ats: C, salesforce: C, create: {salesforce: when_missing}, "
		       "fields: {a: {ats: a, salesforce: a, type: {link: person}}, self: {ats: s, "
		       "salesforce: s, type: {link: c}}}}\n",
		  "t.yaml:16:91: 'a': person -> b -> c -> person is a circle of references: each could "
		  "be created in salesforce only after the other; take out one reference or one "
		  "'create'\n" },
		/* YAML */
		{ "treaty: [1\nname", "t.yaml:3:1: not YAML: flow sequence without a closing bracket\n" },
		{ "a: 1\n---\nb: 2\n", "t.yaml:1:1: two documents in one file: which one holds?\n" },
		{ "", "t.yaml:1:1: the document is empty\n" },
		{ "# nothing\n", "t.yaml:1:1: the document is empty\n" },
		{ "- 1\n", "t.yaml:1:1: 'treaty': a list where a mapping belongs\n" },
		{ "a: b\nc: caf\xe9\n", "t.yaml:2:1: text is not UTF-8\n" },
		{ "a: \"x\\0y\"\nb: &z 1\nc: *z\nd: !t x\n? [1]\n: 2\n",
		  "t.yaml:1:1: a key that is not text\n"
		  "t.yaml:1:4: a NUL in a text: it cannot be kept\n"
		  "t.yaml:3:5: an alias: a treaty says everything where it stands; write it out\n"
		  "t.yaml:4:7: a tag: types are not told by YAML tags here\n" },
	};
	for (size_t i = 0; i < countof(cases); i++)
		expect_refusal(cases[i].text, cases[i].want);
}

static void complaints_are_one_line_each(void **state)
{
	expect_refusal("treaty: 1\n\"a\\nt.yaml:1:1: forged\\e[31m\": 1\nname: t\nversion: 1\n"
		       "systems: {ats: a, salesforce: b}\nroles: {}\ndomains: {}\nrecords: {}\n",
		       "t.yaml:2:1: 'a t.yaml:1:1: forged [31m': a treaty has no such key; it has "
		       "treaty, name, version, systems, roles, domains, records, alerts\n");
}

static void an_unreadable_file_is_a_complaint(void **state)
{
	struct complaints c;
	struct buf out;
	complaints_init(&c, "nowhere/t.yaml");
	buf_init(&out, 1000);
	assert_null(treaty_load("nowhere/t.yaml", &c));
	complaints_print(&c, &out);
	assert_string_equal(out.ptr, "nowhere/t.yaml: cannot be read: No such file or directory\n");
	buf_finish(&out);
	complaints_finish(&c);
}

/* ---- what is loaded ---- */

static struct treaty *load_acme(void)
{
	struct complaints c;
	struct buf out;
	complaints_init(&c, ACME);
	buf_init(&out, 1 << 20);
	struct treaty *t = treaty_load(ACME, &c);
	complaints_print(&c, &out);
	assert_string_equal(out.ptr ? out.ptr : "", "");
	assert_non_null(t);
	buf_finish(&out);
	complaints_finish(&c);
	return t;
}

static const struct treaty_field *field_of(const struct treaty *t, const char *record,
					   const char *field)
{
	int r = treaty_record_by_name(t, sv_of(record));
	assert_true(r >= 0);
	int f = treaty_field_by_name(&t->record[r], sv_of(field));
	assert_true(f >= 0);
	return &t->record[r].field[f];
}

static void acme_loads(void **state)
{
	struct treaty *t = load_acme();
	assert_string_equal(t->name, "acme-staffing");
	assert_int_equal(t->record_n, 4);
	assert_int_equal(treaty_record_by_object(t, SIDE_ATS, SV("Candidate")), 1);
	assert_int_equal(treaty_record_by_object(t, SIDE_SALESFORCE, SV("Placement__c")), 3);
	assert_int_equal(treaty_record_by_object(t, SIDE_SALESFORCE, SV("Lead")), -1);

	const struct treaty_field *f = field_of(t, "candidate", "do_not_contact");
	assert_int_equal(f->direction, BOTH_WAYS);
	assert_int_equal(f->conflict.winner, WINNER_REVIEW);
	assert_int_equal(f->conflict.unavailable.retry_first_ms, 60000);
	assert_int_equal(f->conflict.unavailable.retry_max_ms, 1800000);
	assert_int_equal(f->conflict.unavailable.for_ms, 8 * 3600000);
	assert_string_equal(t->role[f->conflict.alert.to].name, "recruiting_lead");
	assert_string_equal(t->role[f->conflict.alert.then_to].name, "sales_lead");

	f = field_of(t, "job_order", "title");
	assert_int_equal(f->direction, TO_ATS);
	assert_int_equal(field_owner(f), SIDE_SALESFORCE);
	f = field_of(t, "job_order", "ats_status");
	assert_int_equal(f->direction, TO_SALESFORCE);
	assert_int_equal(f->truncate, 60);
	f = field_of(t, "placement", "status");
	assert_int_equal(f->deliver, DELIVER_EACH);
	f = field_of(t, "placement", "job");
	assert_int_equal(f->type.link_record, treaty_record_by_name(t, SV("job_order")));
	assert_string_equal(field_of(t, "candidate", "city")->api[SIDE_ATS], "address.city");
	assert_int_equal(field_of(t, "candidate", "expected_pay")->type.scale, 2);
	treaty_destroy(t);
}

static void record_keys_are_fields(void **state)
{
	struct treaty *t = load_acme();
	const struct treaty_record *r = &t->record[treaty_record_by_name(t, SV("job_order"))];
	for (int s = 0; s < SIDES; s++) {
		const struct treaty_field *f = &r->field[r->side[s].key_field];
		assert_int_equal(f->direction, s);
		assert_string_equal(f->api[side_other((enum side)s)], FIELD_API_ID);
		assert_string_equal(f->api[s], r->side[s].key);
		assert_int_equal(f->on_edit, ON_EDIT_RESTORE);
		assert_int_equal(treaty_field_by_key(r, f->key), r->side[s].key_field);
	}
	assert_string_equal(r->field[r->side[SIDE_ATS].key_field].name, "key.ats");
	const struct treaty_record *company = &t->record[0];
	assert_int_equal(company->side[SIDE_ATS].key_field, -1);
	assert_true(company->side[SIDE_SALESFORCE].key_field >= 0);
	treaty_destroy(t);
}

/* Values that cross, with a treaty of one field. */
static void translated(const char *field, enum side from, const char *text, const char *want)
{
	struct arena a;
	struct value v, out;
	struct err err = { 0 };
	char doc[2048];
	snprintf(doc, sizeof(doc), HEAD "      f: {ats: a, salesforce: b, %s}\n", field);
	struct treaty *t = load(doc);
	const struct treaty_field *f = &t->record[0].field[0];
	arena_init(&a);
	assert_true(value_from_text(&f->type, sv_of(text), &a, &v, &err));
	bool ok = field_translate(f, from, v, &a, &out);
	assert_int_equal(ok, want != NULL);
	if (want) {
		assert_string_equal(arena_str(&a, out.text), want);
		struct value side[SIDES] = { 0 };
		side[from] = v;
		side[side_other(from)] = out;
		/* the copy agrees with what it was made of */
		if (f->direction == BOTH_WAYS || from == field_owner(f))
			assert_true(field_agree(f, side[SIDE_ATS], side[SIDE_SALESFORCE], &a));
		side[side_other(from)] = (struct value){ 0 };
		assert_false(field_agree(f, side[SIDE_ATS], side[SIDE_SALESFORCE], &a));
	} else {
		assert_int_equal(out.kind, VALUE_UNKNOWN);
	}
	arena_finish(&a);
	treaty_destroy(t);
}

static void fields_translate(void **state)
{
	translated("type: text", SIDE_ATS, "x", "x");
	translated("map: {A: One, B: Two}", SIDE_ATS, "A", "One");
	translated("map: {A: One, B: Two}", SIDE_ATS, "", "");
	translated("map: {A: One, B: Two}", SIDE_ATS, "C", NULL);
	translated("map: {A: One, B: Two}, map_unknown: pass", SIDE_ATS, "C", "C");
	translated("map: {A: One, B: Two}, map_unknown: {default: ' Other '}", SIDE_ATS, "C", "Other");
	translated("map: {A: One, B: Two}, direction: salesforce_to_ats", SIDE_SALESFORCE, "Two", "B");
	translated("map: {A: One, B: Two}, direction: both, " RULE("review"), SIDE_SALESFORCE, "Two", "B");
	translated("map: {A: One, B: Two}, direction: both, " RULE("review"), SIDE_ATS, "A", "One");
	translated("truncate: 3", SIDE_ATS, "h\xc3\xa9llo", "h\xc3\xa9l");
	translated("truncate: 3", SIDE_ATS, "ab cd", "ab");
	translated("truncate: 3", SIDE_SALESFORCE, "abcdef", "abcdef");
	/* a map's words are values like others: NFC */
	translated("map: {\"Jose\\u0301\": One}", SIDE_ATS, "Jos\xc3\xa9", "One");
}

/* ---- digests ---- */

#define MINI                                                          \
	"treaty: 1\n"                                                 \
	"name: mini\n"                                                \
	"version: 3\n"                                                \
	"systems: {ats: bullhorn, salesforce: salesforce}\n"          \
	"roles: {lead: {title: Lead}, boss: {}}\n"                    \
	"domains: {people: {owner: ats, signed_by: [lead, boss]}}\n"  \
	"records:\n"                                                  \
	"  person:\n"                                                 \
	"    domain: people\n"                                        \
	"    ats: Candidate\n"                                        \
	"    salesforce: {object: Contact, key: K__c}\n"              \
	"    match: [[email]]\n"                                      \
	"    fields:\n"                                               \
	"      email: {ats: email, salesforce: Email, type: email}\n" \
	"      status: {ats: status, salesforce: Status, map: {A: B, C: D}}\n" \
	"      both: {ats: x, salesforce: y, direction: both, " RULE("ats") "}\n" \
	"  other: {domain: people, ats: O, salesforce: O, fields: {p: {ats: p, salesforce: p, type: {link: person}}}}\n"

static void the_canonical_form_is_exact(void **state)
{
	struct treaty *t = load("treaty: 1\n"
				"name: mini\n"
				"version: 3\n"
				"systems: {ats: bullhorn, salesforce: salesforce}\n"
				"roles: {lead: {title: Lead}}\n"
				"domains: {people: {owner: ats, signed_by: [lead]}}\n"
				"records:\n"
				"  person:\n"
				"    domain: people\n"
				"    ats: Candidate\n"
				"    salesforce: Contact\n"
				"    match: [[email]]\n"
				"    fields:\n"
				"      email: {ats: email, salesforce: Email, type: email}\n");
	struct buf b;
	buf_init(&b, 1 << 16);
	treaty_canonical(t, &b);
	assert_string_equal(
		b.ptr,
		"m7:"
		"t7:domains" "m1:t6:people" "m2:t5:ownert3:ats" "t9:signed_bym1:t4:leadt5:signs"
		"t4:namet4:mini"
		"t7:records" "l1:m6:"
		"t3:ats" "m2:t6:createt5:falset6:objectt9:Candidate"
		"t6:domaint6:people"
		"t6:fields" "m1:t5:email" "m8:"
		"t3:atst5:email" "t12:blank_erasest5:false" "t12:confidentialt5:false"
		"t7:delivert5:state" "t9:directiont17:ats_to_salesforce" "t7:on_editt7:restore"
		"t10:salesforcet5:Email" "t4:typem1:t4:kindt5:email"
		"t5:match" "l1:l1:t5:email"
		"t4:namet6:person"
		"t10:salesforce" "m2:t6:createt5:falset6:objectt7:Contact"
		"t5:roles" "m1:t4:leadm1:t5:titlet4:Lead"
		"t7:systems" "m2:t3:atst8:bullhornt10:salesforcet10:salesforce"
		"t6:treatyt1:1"
		"t7:versiont1:3");
	/* sha256sum of these bytes */
	static const char want[] = "e162942544940b0a3a2b55a9de2d97d793dc57c7ac2f10695c19a62e4fc7409d";
	char got[65] = "";
	for (int i = 0; i < 32; i++)
		snprintf(got + 2 * i, 3, "%02x", t->digest[i]);
	assert_string_equal(got, want);
	buf_finish(&b);
	treaty_destroy(t);
}

/* MINI with one text replaced. */
static struct treaty *variant(const char *from, const char *to)
{
	struct arena a;
	arena_init(&a);
	const char *at = strstr(MINI, from);
	assert_non_null(at);
	struct sv text = arena_printf(&a, "%.*s%s%s", (int)(at - MINI), MINI, to, at + strlen(from));
	struct treaty *t = load(text.ptr);
	arena_finish(&a);
	return t;
}

static void digests_follow_the_meaning_only(void **state)
{
	enum { NOTHING, TREATY, RULE_TOO };
	static const struct {
		const char *from, *to;
		int notices;
		const char *record, *field; /* RULE_TOO: whose rule changes */
	} cases[] = {
		{ "name: mini\n", "name: mini # a remark\n\n", NOTHING },
		{ "roles: {lead: {title: Lead}, boss: {}}", "roles:\n  boss: {}\n  lead:\n    title: 'Lead'",
		  NOTHING },
		{ "[lead, boss]", "[boss, lead]", NOTHING },
		{ "{A: B, C: D}", "{C: D, A: B}", NOTHING },
		{ "for: 8h", "for: 480m", NOTHING },
		{ "salesforce: Email, type: email", "type: email, salesforce: Email, direction: "
		  "ats_to_salesforce, on_edit: restore, blank: keeps, deliver: state", NOTHING },
		{ "map: {A: B", "type: picklist, map_unknown: hold, map: {A: B", NOTHING },
		{ "salesforce: {object: Contact", "create: {ats: never}\n    salesforce: {object: Contact",
		  NOTHING },
		{ "domain: people\n", "domain: people\n    mass_change: {within: 60m, deleted: {least: 25}}\n",
		  NOTHING },

		{ "name: mini", "name: maxi", TREATY },
		{ "version: 3", "version: 4", TREATY },
		{ "ats: bullhorn", "ats: lever", TREATY },
		{ "title: Lead", "title: Leader", TREATY },
		{ "boss: {}", "boss: {hours: Mon-Fri 08:00-18:00 America/Chicago}", TREATY },
		{ "boss: {}", "boss: {hours: Mon-Fri 08:00-18:00 America/Chicago, holidays: [2026-12-25]}",
		  TREATY },
		{ "name: mini\n", "name: mini\nalerts: {default: {after: 4h, to: lead}}\n", TREATY },
		{ "name: mini\n", "name: mini\nalerts: {kinds: {drift: {after: 4h, to: lead}}}\n", TREATY },
		{ "name: mini\n", "name: mini\nalerts: {records: {person: {after: 4h, to: lead}}}\n", TREATY },
		{ "name: mini\n", "name: mini\nalerts: {}\n", NOTHING },
		{ "signed_by: [lead, boss]", "signed_by: [lead]", TREATY },
		{ "match: [[email]]", "match: [[email], [status]]", TREATY },
		{ "domain: people\n", "domain: people\n    create: {salesforce: when_missing}\n", TREATY },
		{ "domain: people\n", "domain: people\n    mass_change: {deleted: never}\n", TREATY },
		{ "domain: people\n", "domain: people\n    mass_change: {within: 2h}\n", TREATY },
		{ "type: email", "type: email, confidential: true", TREATY },
		{ "to: lead", "to: boss", TREATY },
		{ "after: 24h", "after: 25h", TREATY },
		{ "to: lead}", "to: lead, then: {after: 1h, to: boss}}", TREATY },

		{ "salesforce: Email", "salesforce: Email2", RULE_TOO, "person", "email" },
		{ "ats: email", "ats: email2", RULE_TOO, "person", "email" },
		{ "type: email", "type: text", RULE_TOO, "person", "email" },
		{ "type: email", "type: {phone: US}", RULE_TOO, "person", "email" },
		{ "type: email", "type: email, direction: salesforce_to_ats", RULE_TOO, "person", "email" },
		{ "type: email", "type: email, on_edit: report", RULE_TOO, "person", "email" },
		{ "type: email", "type: email, blank: erases", RULE_TOO, "person", "email" },
		{ "type: email", "type: email, deliver: each", RULE_TOO, "person", "email" },
		{ "type: email", "type: email, truncate: 80", RULE_TOO, "person", "email" },
		{ "C: D", "C: E", RULE_TOO, "person", "status" },
		{ "{A: B", "{X: B", RULE_TOO, "person", "status" },
		{ "C: D}", "C: D}, map_unknown: pass", RULE_TOO, "person", "status" },
		{ "C: D}", "C: D}, map_unknown: {default: Q}", RULE_TOO, "person", "status" },
		{ "winner: ats", "winner: review", RULE_TOO, "person", "both" },
		{ "then: review", "then: hold", RULE_TOO, "person", "both" },
		{ "1m..30m", "1m..31m", RULE_TOO, "person", "both" },
		{ "K__c", "L__c", RULE_TOO, "person", "key.salesforce" },
		{ "type: {link: person}", "type: {link: other}", RULE_TOO, "other", "p" },
	};
	struct treaty *mini = load(MINI);
	for (size_t i = 0; i < countof(cases); i++) {
		struct treaty *t = variant(cases[i].from, cases[i].to);
		bool same = memcmp(t->digest, mini->digest, 32) == 0;
		if (same != (cases[i].notices == NOTHING))
			fail_msg("'%s' for '%s': the digest %s", cases[i].to, cases[i].from,
				 same ? "does not notice" : "changes");
		for (int r = 0; r < mini->record_n; r++) {
			for (int k = 0; k < mini->record[r].field_n; k++) {
				const struct treaty_field *f = &mini->record[r].field[k];
				const struct treaty_field *g = field_of(t, mini->record[r].name, f->name);
				bool its = cases[i].field && strcmp(cases[i].field, f->name) == 0 &&
					   strcmp(cases[i].record, mini->record[r].name) == 0;
				assert_true(g->rule != 0);
				if ((g->rule != f->rule) != its)
					fail_msg("'%s' for '%s': rule of '%s' %s", cases[i].to,
						 cases[i].from, f->name,
						 its ? "does not notice" : "changes");
			}
		}
		treaty_destroy(t);
	}
	treaty_destroy(mini);
}

static void the_order_of_record_types_is_meaning(void **state)
{
	struct treaty *a = load(HEAD "      f: f -> F\n"
				     "  z: {domain: people, ats: Z, salesforce: Z, fields: {f: f -> F}}\n"
				     "  y: {domain: people, ats: Y, salesforce: Y, fields: {f: f -> F}}\n");
	struct treaty *b = load(HEAD "      f: f -> F\n"
				     "  y: {domain: people, ats: Y, salesforce: Y, fields: {f: f -> F}}\n"
				     "  z: {domain: people, ats: Z, salesforce: Z, fields: {f: f -> F}}\n");
	assert_memory_not_equal(a->digest, b->digest, 32);
	treaty_destroy(a);
	treaty_destroy(b);
}

/* Equal rules of different fields and record types must not be equal digests:
 * a base belongs to one field. */
static void rules_are_all_different(void **state)
{
	struct treaty *t = load_acme();
	for (int r = 0; r < t->record_n; r++)
		for (int k = 0; k < t->record[r].field_n; k++)
			for (int q = 0; q <= r; q++)
				for (int m = 0; m < (q == r ? k : t->record[q].field_n); m++)
					assert_true(t->record[r].field[k].rule !=
						    t->record[q].field[m].rule);
	treaty_destroy(t);
}

/* ---- the reference ---- */

static void every_key_is_listed(void **state)
{
	struct arena a;
	struct doc_row *row;
	arena_init(&a);
	int n = doc_keys(&treaty_level, &a, &row);
	bool found = false;
	for (int i = 0; i < n; i++) {
		assert_true(row[i].decides && row[i].decides[0]);
		if (strcmp(row[i].path, "records.*.fields.*.conflict.winner") == 0) {
			assert_string_equal(row[i].kind, "ats, salesforce, review, union or a mapping");
			found = true;
		}
	}
	assert_true(found);
	assert_true(doc_keys(&deployment_level, &a, &row) > 20);
	arena_finish(&a);
}

static void durations(void **state)
{
	int64_t ms;
	assert_true(duration_parse(SV("250ms"), &ms) && ms == 250);
	assert_true(duration_parse(SV("2w"), &ms) && ms == 14 * 86400000LL);
	static const char *const bad[] = { "", "5", "h", "-1h", "1.5h", "0s", "1 h", "1y", "1H",
					   "9223372036854775807w" };
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(duration_parse(sv_of(bad[i]), &ms));
}

/* ---- alerts ---- */

static void expect_due(const struct treaty *t, const char *kind, const char *record,
		       const char *field, const char *want)
{
	struct alert_due *due;
	struct arena a;
	int64_t opened;
	struct buf b;
	arena_init(&a);
	buf_init(&b, 4096);
	time_parse(SV("2026-11-27T23:00:00Z"), &opened); /* Friday 17:00 in Chicago */
	int n = alert_dues(t, sv_of(kind), sv_of(record), sv_of(field), opened, &a, &due);
	for (int i = 0; i < n; i++) {
		char at[TIME_TEXT_SIZE];
		time_format_ms(due[i].at_ms, at);
		buf_addf(&b, "%d %s %.16s; ", due[i].step, t->role[due[i].role].name, at);
	}
	assert_string_equal(b.len ? b.ptr : "", want);
	buf_finish(&b);
	arena_finish(&a);
}

static void the_nearest_alert_rule_holds(void **state)
{
	static const char text[] =
		"treaty: 1\nname: t\nversion: 1\nsystems: {ats: bullhorn, salesforce: salesforce}\n"
		"roles:\n"
		"  chicago: {hours: Mon-Fri 08:00-18:00 America/Chicago, holidays: [2026-11-30]}\n"
		"  london: {hours: Mon-Fri 09:00-17:00 Europe/London}\n"
		"  night: {}\n"
		"domains: {people: {owner: ats, signed_by: [chicago, night]}, jobs: {owner: ats, "
		"signed_by: [london]}}\n"
		"records:\n"
		"  p:\n    domain: people\n    ats: P\n    salesforce: P\n    fields:\n      one: one -> One\n"
		"      two: {ats: b, salesforce: B, direction: both, conflict: {winner: review, "
		"unavailable: {retry: 1m, for: 8h, then: review}, "
		"alert: {after: 2h, to: chicago, then: {after: 4h, to: london}}}}\n"
		"  q: {domain: jobs, ats: Q, salesforce: Q, fields: {f: f -> F}}\n";
	static const char more[] = "alerts:\n"
				   "  default: {after: 1h, to: night}\n"
				   "  kinds: {drift: {after: 2h, to: night}}\n"
				   "  records: {p: {after: 3h, to: night}}\n";
	struct treaty *t = load(text);
	/* 17-18 on Friday, Monday is a holiday, 8-9 on Tuesday; then 15-17 in
	 * London on Tuesday and 9-11 on Wednesday */
	expect_due(t, "conflict", "p", "two", "0 chicago 2026-12-01T15:00; 1 london 2026-12-02T11:00; ");
	/* nothing said: who signs; everybody for a system, sooner */
	expect_due(t, "rejected", "p", "one", "0 chicago 2026-12-01T17:00; 0 night 2026-11-28T03:00; ");
	expect_due(t, "rejected", "q", "f", "0 london 2026-11-30T13:00; ");
	expect_due(t, "unavailable", "ats", "ats",
		   "0 chicago 2026-11-27T23:30; 0 london 2026-11-30T09:30; 0 night 2026-11-27T23:30; ");
	treaty_destroy(t);
	char both[4096];
	snprintf(both, sizeof(both), "%s%s", text, more);
	t = load(both);
	expect_due(t, "conflict", "p", "two", "0 chicago 2026-12-01T15:00; 1 london 2026-12-02T11:00; ");
	expect_due(t, "drift", "p", "two", "0 night 2026-11-28T01:00; ");
	expect_due(t, "rejected", "p", "one", "0 night 2026-11-28T02:00; ");
	expect_due(t, "rejected", "q", "f", "0 night 2026-11-28T00:00; ");
	expect_due(t, "unavailable", "ats", "ats", "0 night 2026-11-28T00:00; ");
	treaty_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(complaints_are_one_line_each),
		cmocka_unit_test(an_unreadable_file_is_a_complaint),
		cmocka_unit_test(acme_loads),
		cmocka_unit_test(record_keys_are_fields),
		cmocka_unit_test(fields_translate),
		cmocka_unit_test(the_canonical_form_is_exact),
		cmocka_unit_test(digests_follow_the_meaning_only),
		cmocka_unit_test(the_order_of_record_types_is_meaning),
		cmocka_unit_test(rules_are_all_different),
		cmocka_unit_test(the_nearest_alert_rule_holds),
		cmocka_unit_test(every_key_is_listed),
		cmocka_unit_test(durations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* random.c - stories nobody thought of: deeds and faults at random over two
 * pairs, a third that is deleted and brought back, one that is merged away, a
 * placement that moves on step by step and changes whom it refers to, records to
 * be created, other maps, people who resolve; and then peace. What must hold
 * afterwards needs no story: both sides show the same, except where the conflict
 * log says so, every step arrived in order, and nothing was created twice. */
#include <stdarg.h>

#include "base/panic.h"
#include "base/rng.h"
#include "scenario.h"

enum { DEEDS = 40 };

static const char *const words[] = { "A", "B", "C", "D" };

static const struct pairing {
	const char *field, *ats, *salesforce;
} pairings[] = {
	{ "first_name", "firstName", "FirstName" },	{ "last_name", "lastName", "LastName" },
	{ "city", "city", "MailingCity" },		{ "skills", "skillList", "Skills__c" },
	{ "availability", "availability", "Availability__c" },
	{ "seniority", "seniority", "Seniority__c" },
};

/* What was done once and cannot be done again. */
struct course {
	struct rng r;
	bool gone[SIDES]; /* of the pair that is deleted and brought back */
	bool merged, other_map;
	bool linked; /* the first agreement was made before the deeds */
};

static void say(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct buf *b, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_add(b, sv_of(line));
	buf_addc(b, '\n');
}

static const char *word(struct rng *r)
{
	return words[rng_below(r, countof(words))];
}

static const char *side(struct rng *r)
{
	return side_name[rng_below(r, SIDES)];
}

/* An edit of a field of a pair, by a person; also as the deed of a hook. */
static void edit(struct rng *r, char out[128])
{
	const struct pairing *p = &pairings[rng_below(r, countof(pairings))];
	bool ats = rng_below(r, 2), one = rng_below(r, 2);
	snprintf(out, 128, "edit %s %s %s=%s", ats ? "ats" : "salesforce",
		 ats ? (one ? "Candidate 1" : "Candidate 2") :
		       (one ? "Contact 003A" : "Contact 003B"),
		 ats ? p->ats : p->salesforce, word(r));
}

static void fault(struct rng *r, struct buf *b)
{
	switch (rng_below(r, 9)) {
	case 0:
		say(b, "lose answer %s 1", side(r));
		break;
	case 1:
		say(b, "lose request %s 1", side(r));
		break;
	case 2:
		say(b, "late %s 1 %ds", side(r), 5 + (int)rng_below(r, 50));
		break;
	case 3:
		say(b, "busy %s 1", side(r));
		break;
	case 4:
		say(b, "limit %s 1", side(r));
		break;
	case 5:
		say(b, "lose answer %s 1 read", side(r));
		break;
	case 6:
		say(b, "down %s", side(r));
		break;
	case 7:
		say(b, "up %s", side(r));
		break;
	default:
		say(b, "feed %s %s", side(r),
		    rng_below(r, 3) ? (rng_below(r, 2) ? "doubled" : "reversed") : "fieldless");
		break;
	}
}

/* Candidate 3 and its contact come and go. */
static void come_or_go(struct course *c, enum side s, struct buf *b)
{
	say(b, "%s %s", c->gone[s] ? "undelete" : "delete",
	    s == SIDE_ATS ? "ats Candidate 3" : "salesforce Contact 003C");
	c->gone[s] = !c->gone[s];
}

static void remap(struct course *c, struct buf *b)
{
	c->other_map = !c->other_map;
	say(b, c->other_map ? "treaty acme with \"Web: Website\" \"Web: Online\"" : "treaty acme");
}

/* Deeds beyond the values of one record. */
static void wider(struct course *c, struct buf *b)
{
	static const char *const steps[] = { "Submitted", "Approved", "Placed", "Ended" };
	static const char *const what[] = { "take ats", "take salesforce", "value A", "retry", "ignore" };
	struct rng *r = &c->r;
	switch (rng_below(r, 12)) {
	case 0:
		come_or_go(c, (enum side)rng_below(r, SIDES), b);
		break;
	case 1:
		if (!c->merged)
			say(b, "merge salesforce Contact 003D into 003E");
		c->merged = true;
		break;
	case 2:
		say(b, "edit ats Placement 9 candidate=%d", 1 + (int)rng_below(r, 2));
		break;
	case 3:
		say(b, "edit ats Candidate 7 firstName=%s", word(r));
		say(b, "edit ats Placement 8 candidate=7 status=Submitted");
		break;
	case 4:
		remap(c, b);
		break;
	case 5:
		say(b, "edit ats Candidate %d source=%s", 1 + (int)rng_below(r, 2),
		    rng_below(r, 2) ? "Web" : "Friend");
		break;
	case 6:
		say(b, "edit salesforce Placement__c 00P9 Status__c=%s", rng_below(r, 2) ? "New" : "Placed");
		break;
	case 7:
	case 8: {
		const struct pairing *p = &pairings[rng_below(r, countof(pairings))];
		say(b, "resolve any candidate.%s %s", p->field, what[rng_below(r, countof(what) - 1)]);
		break;
	}
	default:
		for (uint64_t n = 1 + rng_below(r, 3); n; n--)
			say(b, "edit ats Placement 9 status=%s", steps[rng_below(r, countof(steps))]);
		break;
	}
}

static void deed(struct course *c, struct buf *b)
{
	struct rng *r = &c->r;
	static const char *const waits[] = { "1s", "4s", "30s", "2m", "15m" };
	char line[128];
	edit(r, line);
	switch (rng_below(r, 16)) {
	case 0:
		fault(r, b);
		break;
	case 1:
		say(b, "%s %s %s do %s", rng_below(r, 2) ? "before" : "after",
		    rng_below(r, 2) ? "read" : "write", side(r), line);
		break;
	case 2:
		say(b, "advance %s", waits[rng_below(r, countof(waits))]);
		break;
	case 3:
		say(b, "step settle");
		break;
	case 4:
		say(b, "step %s %s", rng_below(r, 2) ? "feed" : "deliver", side(r));
		break;
	case 5:
		say(b, rng_below(r, 4) ? "run" : "restart");
		break;
	case 6:
		say(b, "edit ats Candidate 7 firstName=%s", word(r));
		break;
	case 7:
		say(b, "edit salesforce Job_Order__c 00J1 Name=%s", word(r));
		break;
	case 8:
		say(b, "run");
		break;
	case 9:
	case 10:
	case 11:
		wider(c, b);
		break;
	default:
		say(b, "%s", line);
		break;
	}
}

static void firm(struct buf *b)
{
	for (int i = 1; i <= 4; i++) {
		say(b, "ats Candidate %d firstName=A lastName=B city=C source=Web", i);
		say(b, "salesforce Contact 003%c Bullhorn_Id__c=%d FirstName=A LastName=B "
		    "MailingCity=C LeadSource=Website", 'A' + i - 1, i);
	}
	say(b, "salesforce Contact 003E FirstName=A LastName=E");
	say(b, "ats Placement 9 candidate=1 status=Submitted");
	say(b, "salesforce Placement__c 00P9 Bullhorn_Id__c=9 Candidate__c=003A Status__c=New");
	say(b, "link");
}

/* All comes back and all troubles end. */
static void peace(struct course *c, struct buf *b)
{
	say(b, "up ats\nup salesforce");
	for (int s = 0; s < SIDES; s++)
		if (c->gone[s])
			come_or_go(c, (enum side)s, b);
	if (c->other_map)
		remap(c, b);
	say(b, "run\nadvance 15m\nrun\nadvance 15m\nrun\nadvance 1h\nrun");
	say(b, "expect pending 0\nexpect pending marks 0\nexpect peace firm%s", c->linked ? " steps" : "");
}

struct sv random_story(uint64_t seed, struct arena *a)
{
	struct course c = { .r = { seed } };
	struct buf b;
	buf_init(&b, 1 << 20);
	say(&b, "# Story %llu of chance.", (unsigned long long)seed);
	firm(&b);
	c.linked = rng_below(&c.r, 4) != 0;
	if (c.linked)
		say(&b, "run");
	for (int i = 0; i < DEEDS; i++)
		deed(&c, &b);
	peace(&c, &b);
	struct sv text = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	return text;
}

/* ---- what must hold in the end ---- */

static bool open_entry(const struct mismatch *m, int n, const char *field, const char *ats_id)
{
	for (int i = 0; i < n; i++)
		if (m[i].open && sv_eq(m[i].field, sv_of(field)) &&
		    sv_eq(m[i].remote[SIDE_ATS], sv_of(ats_id)))
			return true;
	return false;
}

static void compare(struct world *w, const struct mismatch *m, int n, const char *ats_id,
		    const char *sf_id)
{
	for (size_t i = 0; i < countof(pairings); i++) {
		const struct pairing *p = &pairings[i];
		struct sv ats, sf;
		if (open_entry(m, n, p->field, ats_id))
			continue;
		scripted_get(w->system[SIDE_ATS], SV("Candidate"), sv_of(ats_id), sv_of(p->ats),
			     &ats);
		if (!scripted_get(w->system[SIDE_SALESFORCE], SV("Contact"), sv_of(sf_id),
				  sv_of(p->salesforce), &sf))
			world_trouble(w, "candidate %s has no contact %s", ats_id, sf_id);
		else if (!sv_eq(ats, sf))
			world_trouble(w, "%s of candidate %s: ats %.*s, salesforce %.*s", p->field,
				      ats_id, SV_ARG(ats), SV_ARG(sf));
	}
}

/* The copy of a record was made once, if the record is there. */
static void made_once(struct world *w, enum side to, const char *object, bool there)
{
	int64_t n = scripted_created(w->system[to], sv_of(object));
	if (n != there)
		world_trouble(w, "%lld of %s created, the other side has %d", (long long)n, object, there);
}

static bool is_text(struct world *w, enum side s, const char *object, const char *id, const char *api,
		    const char *want)
{
	struct sv found;
	return scripted_get(w->system[s], sv_of(object), sv_of(id), sv_of(api), &found) &&
	       sv_eq(found, sv_of(want));
}

static const char *status_in_copy(struct sv ats)
{
	static const char *const map[][2] = { { "Submitted", "New" }, { "Approved", "Active" },
					      { "Placed", "Placed" }, { "Ended", "Closed" } };
	for (size_t i = 0; i < countof(map); i++)
		if (sv_eq(ats, sv_of(map[i][0])))
			return map[i][1];
	return "?";
}

/* What the placement is in Salesforce. */
static void compare_placement(struct world *w)
{
	struct sv status, candidate;
	struct scripted *system = w->system[SIDE_ATS];
	scripted_get(system, SV("Placement"), SV("9"), SV("status"), &status);
	scripted_get(system, SV("Placement"), SV("9"), SV("candidate"), &candidate);
	if (!is_text(w, SIDE_SALESFORCE, "Placement__c", "00P9", "Status__c", status_in_copy(status)))
		world_trouble(w, "the placement's status is not %s", status_in_copy(status));
	if (!is_text(w, SIDE_SALESFORCE, "Placement__c", "00P9", "Candidate__c",
		     sv_eq(candidate, SV("1")) ? "003A" : "003B"))
		world_trouble(w, "the placement refers to another candidate");
}

/* Every step of the owner is in the copy's history, in order; what people wrote
 * there themselves, and its restoring, may be in between. */
static void compare_steps(struct world *w)
{
	struct sv *ats, *sf;
	int n = scripted_took(w->system[SIDE_ATS], SV("Placement"), SV("9"), SV("status"), &w->arena,
			      &ats);
	int have = scripted_took(w->system[SIDE_SALESFORCE], SV("Placement__c"), SV("00P9"),
				 SV("Status__c"), &w->arena, &sf);
	int k = 0;
	for (int i = 0; i < n; i++, k++) {
		while (k < have && !sv_eq(sf[k], sv_of(status_in_copy(ats[i]))))
			k++;
		if (k >= have) {
			world_trouble(w, "step %d of %d of the placement, %.*s, did not arrive", i + 1, n,
				      SV_ARG(ats[i]));
			return;
		}
	}
}

/* What the firm has beyond the first two pairs. */
static void compare_firm(struct world *w, const struct mismatch *m, int n)
{
	struct sv text;
	bool alone = scripted_get(w->system[SIDE_SALESFORCE], SV("Contact"), SV("003D"), SV("LastName"),
				  &text);
	compare(w, m, n, "3", "003C");
	compare(w, m, n, "4", alone ? "003D" : "003E");
	compare_placement(w);
}

/* peace [firm [steps]]: 'firm' as random_story makes it; 'steps': the placement
 * was linked before it moved on. */
void expect_peace(struct world *w)
{
	struct mismatch *m;
	struct sv text, copy;
	struct scripted *ats = w->system[SIDE_ATS], *sf = w->system[SIDE_SALESFORCE];
	int n = world_mismatches(w, &m);
	compare(w, m, n, "1", "003A");
	compare(w, m, n, "2", "003B");
	if (w->at->word_n > 2)
		compare_firm(w, m, n);
	if (w->at->word_n > 3)
		compare_steps(w);
	bool made = scripted_get(ats, SV("Candidate"), SV("7"), SV("firstName"), &text);
	if (made)
		compare(w, m, n, "7", "new1");
	made_once(w, SIDE_SALESFORCE, "Contact", made);
	made_once(w, SIDE_SALESFORCE, "Placement__c",
		  scripted_get(ats, SV("Placement"), SV("8"), SV("status"), &text));
	made = scripted_get(sf, SV("Job_Order__c"), SV("00J1"), SV("Name"), &text);
	made_once(w, SIDE_ATS, "JobOrder", made);
	if (made && (!scripted_get(ats, SV("JobOrder"), SV("new1"), SV("title"), &copy) ||
		     !sv_eq(text, copy)))
		world_trouble(w, "the job order is not as in Salesforce");
}

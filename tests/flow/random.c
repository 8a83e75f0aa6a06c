/* random.c - stories nobody thought of: deeds and faults at random over two
 * pairs, a candidate to be created and a job order to be created, and then
 * peace. What must hold afterwards needs no story: both sides show the same,
 * except where the conflict log says so, and nothing was created twice. */
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

static void deed(struct rng *r, struct buf *b)
{
	static const char *const waits[] = { "1s", "4s", "30s", "2m", "15m" };
	char line[128];
	edit(r, line);
	switch (rng_below(r, 12)) {
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
	default:
		say(b, "%s", line);
		break;
	}
}

struct sv random_story(uint64_t seed, struct arena *a)
{
	struct rng r = { seed };
	struct buf b;
	buf_init(&b, 1 << 20);
	say(&b, "# Story %llu of chance.", (unsigned long long)seed);
	for (int i = 1; i <= 2; i++) {
		say(&b, "ats Candidate %d firstName=A lastName=B city=C", i);
		say(&b, "salesforce Contact 003%c Bullhorn_Id__c=%d FirstName=A LastName=B "
		    "MailingCity=C", 'A' + i - 1, i);
	}
	say(&b, "link");
	if (rng_below(&r, 4))
		say(&b, "run");
	for (int i = 0; i < DEEDS; i++)
		deed(&r, &b);
	say(&b, "up ats\nup salesforce\nrun\nadvance 15m\nrun\nadvance 15m\nrun");
	say(&b, "advance 1h\nrun\nexpect pending 0\nexpect pending marks 0\nexpect peace");
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

void expect_peace(struct world *w)
{
	struct mismatch *m;
	struct sv text, copy;
	struct scripted *ats = w->system[SIDE_ATS], *sf = w->system[SIDE_SALESFORCE];
	int n = world_mismatches(w, &m);
	compare(w, m, n, "1", "003A");
	compare(w, m, n, "2", "003B");
	bool made = scripted_get(ats, SV("Candidate"), SV("7"), SV("firstName"), &text);
	if (made)
		compare(w, m, n, "7", "new1");
	if (scripted_created(sf, SV("Contact")) != made)
		world_trouble(w, "%lld contacts created",
			      (long long)scripted_created(sf, SV("Contact")));
	made = scripted_get(sf, SV("Job_Order__c"), SV("00J1"), SV("Name"), &text);
	if (scripted_created(ats, SV("JobOrder")) != made)
		world_trouble(w, "%lld job orders created",
			      (long long)scripted_created(ats, SV("JobOrder")));
	else if (made && (!scripted_get(ats, SV("JobOrder"), SV("new1"), SV("title"), &copy) ||
			  !sv_eq(text, copy)))
		world_trouble(w, "the job order is not as in Salesforce");
}

#include "base/clock.h"
#include "cli/open.h"
#include "cli/print.h"
#include "store/audit.h"

enum { ENTRIES_A_STEP = 5000 };

struct auditing {
	struct opened *o;
	struct audit audit;
	struct sv anchor, compare;
	struct progress progress;
	bool brief; /* the anchor is all that is asked for */
};

/* All of it in one transaction: one moment of the store. */
static bool look(struct db *db, void *arg, struct err *err)
{
	struct auditing *g = arg;
	struct audit *a = &g->audit;
	const struct journal_head *head = store_journal(g->o->store);
	audit_begin(db, a);
	audit_sums(db, head, a);
	g->anchor = audit_anchor(head, &g->o->arena);
	if (g->compare.len && !audit_compare_anchor(db, g->compare, a, err))
		return false;
	if (g->brief)
		return true;
	while (audit_walk(db, head, a, ENTRIES_A_STEP))
		progress_show(&g->progress, "%lld of %lld entries of the journal",
			      (long long)a->walk.seq, (long long)head->seq);
	audit_rows(db, g->o->treaty, a);
	if (a->trouble_total)
		audit_name_decisions(db, a);
	return true;
}

static int64_t ended(const struct sums *s)
{
	int64_t n = 0;
	for (int i = 0; i < OUTCOMES; i++)
		n += s->ended[i];
	return n;
}

static void as_json(const struct auditing *g)
{
	const struct audit *a = &g->audit;
	const struct ledger *l = &a->ledger;
	const struct sums *s = &a->head.sums;
	struct json_object *o = json_object_new_object(), *marks = json_object_new_object();
	struct json_object *decisions = json_object_new_object(), *journal = json_object_new_object();
	struct json_object *rows = json_object_new_object(), *list = json_object_new_array();
	json_put_bool(o, "whole", a->trouble_total == 0);
	json_put_i64(marks, "accepted", l->accepted);
	json_put_i64(marks, "settled", l->settled);
	json_put_i64(marks, "settled_with_a_decision", s->marks);
	json_put_i64(marks, "folded", l->folded);
	json_put_i64(marks, "pending", l->pending);
	json_put_i64(marks, "set_aside", l->set_aside);
	json_object_object_add(o, "marks", marks);
	json_put_i64(decisions, "made", s->decisions);
	for (int i = 0; i < OUTCOMES; i++)
		json_put_i64(decisions, outcome_name((enum outcome)i), s->ended[i]);
	json_put_i64(decisions, "pending", a->pending_decisions);
	json_object_object_add(o, "decisions", decisions);
	json_put_i64(journal, "entries", s->entries);
	json_put_i64(journal, "pruned", a->walk.first);
	json_put_sv(journal, "anchor", g->anchor);
	json_object_object_add(o, "journal", journal);
	json_put_i64(rows, "links", a->links);
	json_put_i64(rows, "slots", a->slots);
	json_object_object_add(o, "rows", rows);
	for (int i = 0; i < a->trouble_n; i++) {
		struct json_object *t = json_object_new_object();
		json_put_sv(t, "part", sv_of(a->trouble[i].part));
		json_put_sv(t, "what", sv_of(a->trouble[i].text));
		json_object_array_add(list, t);
	}
	json_object_object_add(o, "differences", list);
	json_put_i64(o, "differences_found", a->trouble_total);
	print_json(o);
}

static struct sv number(const struct auditing *g, int64_t n)
{
	return print_number(n, &g->o->arena);
}

#define N(n) SV_ARG(number(g, n))

static void for_people(const struct auditing *g)
{
	const struct audit *a = &g->audit;
	const struct ledger *l = &a->ledger;
	const struct sums *s = &a->head.sums;
	printf("Marks      %.*s accepted = %.*s settled + %.*s folded + %.*s pending + %.*s set aside;\n"
	       "           of the settled, %.*s led to an entry of the journal, %.*s found nothing to do\n",
	       N(l->accepted), N(l->settled), N(l->folded), N(l->pending), N(l->set_aside), N(s->marks),
	       N(l->settled - s->marks));
	printf("Decisions  %.*s made = %.*s ended + %.*s pending;", N(s->decisions), N(ended(s)),
	       N(a->pending_decisions));
	for (int i = 0; i < OUTCOMES; i++)
		printf(" %.*s %s%s", N(s->ended[i]), outcome_name((enum outcome)i),
		       i == OUTCOMES - 1 ? "\n" : ",");
	printf("Journal    %.*s entries, %.*s of them pruned; its head is\n           %.*s\n", N(s->entries),
	       N(a->walk.first), SV_ARG(g->anchor));
	printf("Rows       %.*s links and %.*s pending writes can be read\n", N(a->links), N(a->slots));
	for (int i = 0; i < a->trouble_n; i++)
		printf("%s%s: %s\n", i ? "" : "\n", a->trouble[i].part, a->trouble[i].text);
	if (a->trouble_total > a->trouble_n)
		printf("and %lld more\n", (long long)(a->trouble_total - a->trouble_n));
	puts(a->trouble_total ? "\nIt does NOT add up." : "\nIt all adds up.");
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	const char *compare = cli_option(c, "compare");
	struct auditing g = { .o = &o, .brief = cli_option(c, "anchor") != NULL,
			      .compare = sv_of(compare ? compare : "") };
	if (g.brief && compare)
		return cli_usage(c, "either --anchor or --compare");
	if (g.brief && c->json)
		return cli_usage(c, "--anchor prints one line; the anchor is in --json without it, too");
	opened_init(&o);
	progress_init(&g.progress);
	int code = EXIT_FAILED;
	if (open_documents(&o, c)) {
		bool ok = open_store_to_read(&o, &err) && audit_prepare(o.store, &err) &&
			  store_tx(o.store, look, &g, &err);
		progress_end(&g.progress);
		if (!ok) {
			cli_failed(c, &err);
		} else {
			if (g.brief)
				printf("%.*s\n", SV_ARG(g.anchor));
			else if (c->json)
				as_json(&g);
			else
				for_people(&g);
			code = g.audit.trouble_total && !g.brief ? EXIT_CHANGES : EXIT_FINE;
		}
	}
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "anchor", NULL, "print the journal's head, to be kept elsewhere" },
	{ "compare", "ANCHOR", "is the journal still the one that ANCHOR was taken of?" },
	{ 0 },
};

const struct verb verb_audit = {
	.name = "audit",
	.args = "",
	.summary = "prove from the store that nothing was lost on the way",
	.about =
		"Proves from the store alone that every mark was settled, folded, set aside or is\n"
		"pending; that every decision came to one end or is pending; that the journal's\n"
		"hash chain is whole, pruned history included; and that every row can be read. It\n"
		"names whatever does not add up. Works beside the daemon, on one moment of the\n"
		"store, and changes nothing.\n"
		"\n"
		"Who can write to the store can write all of it anew. An anchor that is kept where\n"
		"he cannot reach it (a mail, a ticket) shows that too: what was in the journal when\n"
		"it was taken is still there, or --compare says so.\n",
	.example =
		"  treaty audit\n"
		"  treaty audit --anchor >>/mnt/elsewhere/anchors\n"
		"  treaty audit --compare 4711:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n",
	.exits = "  1   the store cannot be read\n  2   something does not add up\n",
	.json =
		"  {\"whole\": true when all adds up,\n"
		"   \"marks\": {\"accepted\", \"settled\", \"settled_with_a_decision\", \"folded\", \"pending\",\n"
		"     \"set_aside\"},\n"
		"   \"decisions\": {\"made\", \"written\", \"rejected\", \"superseded\", \"resolved\", \"dropped\",\n"
		"     \"pending\"},\n"
		"   \"journal\": {\"entries\", \"pruned\", \"anchor\": \"SEQ:HASH\"},\n"
		"   \"rows\": {\"links\", \"slots\"},\n"
		"   \"differences\": [{\"part\", \"what\"}], \"differences_found\"}\n",
	.option = options,
	.run = run,
};

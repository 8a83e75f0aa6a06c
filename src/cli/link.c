#include "base/clock.h"
#include "cli/open.h"
#include "cli/print.h"

struct linking {
	struct progress progress;
	struct arena arena;
};

static void show_progress(void *arg, const struct link_report *r)
{
	struct linking *l = arg;
	progress_show(&l->progress, "%s: %s + %s listed, %s linked", r->record,
		      print_number(r->listed[SIDE_ATS], &l->arena).ptr,
		      print_number(r->listed[SIDE_SALESFORCE], &l->arena).ptr,
		      print_number(r->linked_by_key + r->linked_by_match, &l->arena).ptr);
	arena_reset(&l->arena);
}

static struct json_object *report_json(const struct link_report *r)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "record", sv_of(r->record));
	json_put_i64(o, "listed_ats", r->listed[SIDE_ATS]);
	json_put_i64(o, "listed_salesforce", r->listed[SIDE_SALESFORCE]);
	json_put_i64(o, "linked_before", r->linked_before);
	json_put_i64(o, "linked_by_key", r->linked_by_key);
	json_put_i64(o, "linked_by_match", r->linked_by_match);
	json_put_i64(o, "ambiguous", r->ambiguous);
	json_put_i64(o, "alone_ats", r->alone[SIDE_ATS]);
	json_put_i64(o, "alone_salesforce", r->alone[SIDE_SALESFORCE]);
	json_put_i64(o, "to_create_ats", r->to_create[SIDE_ATS]);
	json_put_i64(o, "to_create_salesforce", r->to_create[SIDE_SALESFORCE]);
	return o;
}

static void print_reports(const struct link_report *r, int n)
{
	static const char *const head[] = { "record", ">ats", ">salesforce", ">linked before", ">by key",
					    ">by match", ">ambiguous", ">to create", NULL };
	struct arena a;
	struct table t;
	int64_t ambiguous = 0;
	arena_init(&a);
	table_init(&t, head, &a);
	for (int i = 0; i < n; i++) {
		table_add(&t, sv_of(r[i].record));
		table_add(&t, print_number(r[i].listed[SIDE_ATS], &a));
		table_add(&t, print_number(r[i].listed[SIDE_SALESFORCE], &a));
		table_add(&t, print_number(r[i].linked_before, &a));
		table_add(&t, print_number(r[i].linked_by_key, &a));
		table_add(&t, print_number(r[i].linked_by_match, &a));
		table_add(&t, print_number(r[i].ambiguous, &a));
		table_add(&t, print_number(r[i].to_create[SIDE_ATS] + r[i].to_create[SIDE_SALESFORCE], &a));
		ambiguous += r[i].ambiguous;
	}
	table_print(&t, "", stdout);
	if (ambiguous)
		printf("Where several records fit a person decides: see 'treaty conflicts'.\n");
	printf("Nothing was written to either system yet: 'treaty run' does.\n");
	arena_finish(&a);
}

/* The feeds begin before the records are listed, so that nothing that happens
 * between listing and the first run is missed. */
static bool begin_feeds(struct opened *o, struct err *err)
{
	for (int s = 0; s < SIDES; s++)
		if (engine_feed(o->engine, (enum side)s, 0, err) == STEP_FAILED)
			return false;
	return true;
}

static bool link_all(struct opened *o, struct link_report *report, struct err *err)
{
	struct linking l;
	bool ok = begin_feeds(o, err);
	arena_init(&l.arena);
	progress_init(&l.progress);
	for (int r = 0; ok && r < o->treaty->record_n; r++)
		ok = engine_link(o->engine, r, &report[r], show_progress, &l, err);
	progress_end(&l.progress);
	arena_finish(&l.arena);
	return ok;
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	int code = EXIT_FAILED;
	opened_init(&o);
	if (!open_documents(&o, c)) {
		opened_close(&o);
		return EXIT_FAILED;
	}
	int n = o.treaty->record_n;
	struct link_report *report = arena_array(&o.arena, struct link_report, (size_t)n + 1);
	if (!open_store_alone(&o, false, &err) || !open_systems(&o, &err) ||
	    !open_engine(&o, false, true, &err) || !link_all(&o, report, &err)) {
		cli_failed(c, &err);
		if (err.code == ERR_CONFLICT && !o.store)
			fprintf(stderr, "A daemon links new records by itself. To link all anew, stop it first.\n");
	} else if (c->json) {
		struct json_object *out = json_object_new_object(), *list = json_object_new_array();
		for (int r = 0; r < n; r++)
			json_object_array_add(list, report_json(&report[r]));
		json_object_object_add(out, "records", list);
		print_json(out);
		code = EXIT_FINE;
	} else {
		print_reports(report, n);
		code = EXIT_FINE;
	}
	opened_close(&o);
	return code;
}

const struct verb verb_link = {
	.name = "link",
	.args = "",
	.summary = "find out which records of both systems are the same thing",
	.about =
		"Lists the records of both systems and links those that are the same thing: by the\n"
		"key that one holds of the other, then by the treaty's match rules. Where several\n"
		"fit, none is linked, and a person decides. Writes nothing to either system.\n"
		"Linking again goes on where it was left; the daemon must not run meanwhile (it\n"
		"links what is new by itself).\n",
	.example = "  treaty link -d acme/deployment.yaml\n",
	.exits = "  1   a system or the store failed; what was linked stays\n",
	.json = "  {\"records\": [{\"record\", \"listed_ats\", \"listed_salesforce\", \"linked_before\",\n"
		"    \"linked_by_key\", \"linked_by_match\", \"ambiguous\", \"alone_ats\",\n"
		"    \"alone_salesforce\", \"to_create_ats\", \"to_create_salesforce\"}]}\n",
	.run = run,
};

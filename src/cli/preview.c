#include "flow/preview.h"

#include "base/clock.h"
#include "cli/open.h"
#include "cli/print.h"

static void show_progress(void *arg, const struct preview *p, const char *record)
{
	struct progress *bar = arg;
	if (record)
		progress_show(bar, "linking %s ...", record);
	else
		progress_show(bar, "%lld writes so far, all kept aside", (long long)p->done);
}

/* ----------------------------------------------------------------- as JSON */

static struct json_object *field_json(const struct treaty_field *f, enum side to,
				      const struct preview_field *pf)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	json_put_sv(o, "field", sv_of(f->name));
	json_put_sv(o, "to", sv_of(side_name[to]));
	json_put_i64(o, "writes", pf->writes);
	for (int i = 0; i < pf->sample_n; i++) {
		struct json_object *one = json_object_new_object();
		json_put_sv(one, "id", pf->sample[i].id);
		json_put_sv(one, "before", pf->sample[i].before);
		json_put_sv(one, "after", pf->sample[i].after);
		json_object_array_add(list, one);
	}
	json_object_object_add(o, "samples", list);
	return o;
}

static struct json_object *type_json(const struct treaty_record *r, const struct preview_type *pt)
{
	struct json_object *o = json_object_new_object(), *fields = json_object_new_array();
	json_put_sv(o, "record", sv_of(r->name));
	json_put_i64(o, "linked", pt->link.linked_before + pt->link.linked_by_key +
					  pt->link.linked_by_match);
	json_put_i64(o, "ambiguous", pt->link.ambiguous);
	for (int s = 0; s < SIDES; s++) {
		struct json_object *side = json_object_new_object();
		json_put_i64(side, "created", pt->created[s]);
		json_put_i64(side, "updated", pt->updated[s]);
		json_object_object_add(o, side_name[s], side);
		for (int i = 0; i < r->field_n; i++)
			if (pt->field[s][i].writes)
				json_object_array_add(fields, field_json(&r->field[i], (enum side)s,
									 &pt->field[s][i]));
	}
	json_object_object_add(o, "fields", fields);
	return o;
}

static void print_as_json(const struct treaty *t, const struct preview *p)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	json_put_bool(o, "would_change", p->would_change);
	json_put_i64(o, "mismatches", p->mismatches);
	for (int r = 0; r < t->record_n; r++)
		json_object_array_add(list, type_json(&t->record[r], &p->type[r]));
	json_object_object_add(o, "records", list);
	print_json(o);
}

/* --------------------------------------------------------------- for people */

static void print_totals(const struct treaty *t, const struct preview *p, struct arena *a)
{
	static const char *const head[] = { "record", ">linked", ">ambiguous", ">new in ats",
					    ">new in salesforce", ">changed in ats",
					    ">changed in salesforce", NULL };
	struct table table;
	table_init(&table, head, a);
	for (int r = 0; r < t->record_n; r++) {
		const struct preview_type *pt = &p->type[r];
		const int64_t n[] = { pt->link.linked_before + pt->link.linked_by_key +
					      pt->link.linked_by_match,
				      pt->link.ambiguous, pt->created[SIDE_ATS],
				      pt->created[SIDE_SALESFORCE], pt->updated[SIDE_ATS],
				      pt->updated[SIDE_SALESFORCE] };
		table_add(&table, sv_of(t->record[r].name));
		for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
			table_add(&table, print_number(n[i], a));
	}
	table_print(&table, "", stdout);
}

enum { SAMPLE_CHARS = 32 };

static void print_field(const struct treaty_field *f, enum side to, const struct preview_field *pf,
			struct arena *a)
{
	printf("  %-18s -> %-10s %8s write%s\n", f->name, side_name[to], print_number(pf->writes, a).ptr,
	       pf->writes == 1 ? "" : "s");
	for (int i = 0; i < pf->sample_n; i++) {
		struct sv was = print_safe(pf->sample[i].before, SAMPLE_CHARS, a);
		struct sv will = print_safe(pf->sample[i].after, SAMPLE_CHARS, a);
		printf("      %.*s: %.*s  ->  %.*s\n", SV_ARG(pf->sample[i].id), SV_ARG(was), SV_ARG(will));
	}
}

static void print_fields(const struct treaty_record *r, const struct preview_type *pt, struct arena *a)
{
	bool said = false;
	for (int s = 0; s < SIDES; s++)
		for (int i = 0; i < r->field_n; i++) {
			if (!pt->field[s][i].writes)
				continue;
			if (!said)
				printf("\n%s, in records that exist:\n", r->name);
			said = true;
			print_field(&r->field[i], (enum side)s, &pt->field[s][i], a);
		}
}

static void print_for_people(const struct treaty *t, const struct preview *p)
{
	struct arena a;
	arena_init(&a);
	print_totals(t, p, &a);
	for (int r = 0; r < t->record_n; r++)
		print_fields(&t->record[r], &p->type[r], &a);
	putchar('\n');
	if (p->mismatches)
		printf("%s entries would wait in the conflict log for a person.\n",
		       print_number(p->mismatches, &a).ptr);
	printf(p->would_change ? "Nothing was written.\n" :
				 "Nothing would change: the two sides agree.\n");
	arena_finish(&a);
}

/* -------------------------------------------------------------------- verb */

static int run(struct cli *c)
{
	struct opened o;
	struct preview p = { 0 };
	struct progress bar;
	struct err err = { 0 };
	int code = EXIT_FAILED;
	opened_init(&o);
	if (!open_documents(&o, c)) {
		opened_close(&o);
		return EXIT_FAILED;
	}
	struct store_options place;
	if (!store_place(&o, &place, &err) || !open_systems(&o, &err)) {
		code = cli_failed(c, &err);
		opened_close(&o);
		return code;
	}
	progress_init(&bar);
	struct preview_options po = { .treaty = o.treaty, .store = &place,
				      .clock = clock_real(), .progress = show_progress, .arg = &bar };
	for (int s = 0; s < SIDES; s++) {
		po.system[s] = o.system[s];
		po.limits[s] = &o.deployment->system[s].limits;
	}
	bool ok = preview_run(&po, &p, &err);
	progress_end(&bar);
	if (!ok) {
		cli_failed(c, &err);
	} else {
		if (c->json)
			print_as_json(o.treaty, &p);
		else
			print_for_people(o.treaty, &p);
		code = p.would_change ? EXIT_CHANGES : EXIT_FINE;
	}
	preview_finish(&p);
	opened_close(&o);
	return code;
}

const struct verb verb_preview = {
	.name = "preview",
	.args = "",
	.summary = "show what linking and the first sync would do, and do nothing",
	.about =
		"Runs the real engine over both systems' records with its writes kept aside: what\n"
		"it would link, create and overwrite, field by field, with samples of before and\n"
		"after, and how many entries would wait for a person. Neither system nor the store\n"
		"is changed, and no feed is touched. It reads every record, so it takes a while and\n"
		"costs API calls like the first sync.\n",
	.example = "  treaty preview -d acme/deployment.yaml\n",
	.exits = "  1   failed\n  2   something would change\n",
	.json = "  {\"would_change\": true, \"mismatches\": N, \"records\": [{\"record\", \"linked\",\n"
		"    \"ambiguous\", \"ats\": {\"created\", \"updated\"}, \"salesforce\": {same},\n"
		"    \"fields\": [{\"field\", \"to\", \"writes\", \"samples\": [{\"id\", \"before\", \"after\"}]}]}]}\n",
	.run = run,
};

#include "base/clock.h"
#include "cli/open.h"
#include "cli/print.h"
#include "flow/revert.h"

enum { SHOWN_MAX = 50, REASONS_MAX = 16 };

struct reverting {
	struct opened *o;
	const struct cli *c;
	struct table back, left;
	struct json_object *items;
	int limit;
	int64_t back_n, left_n;
	struct {
		const char *why;
		int64_t n;
	} reason[REASONS_MAX];
};

static void count_reason(struct reverting *x, const char *why)
{
	for (int i = 0; i < REASONS_MAX; i++) {
		if (x->reason[i].why && strcmp(x->reason[i].why, why) != 0)
			continue;
		x->reason[i].why = why;
		x->reason[i].n++;
		return;
	}
}

static struct sv shown(const struct revert_item *it, struct value v, struct arena *a)
{
	return v.kind == VALUE_UNKNOWN ? SV("-") : print_value(it->field, v, false, a);
}

static void add_json(struct reverting *x, const struct revert_item *it, struct arena *a)
{
	struct json_object *o = json_object_new_object();
	json_put_text_or_null(o, "record", it->type ? sv_of(it->type->name) : SV_NONE);
	json_put_sv(o, "field", it->field_name);
	json_put_sv(o, "system", sv_of(side_name[it->side]));
	json_put_text_or_null(o, "id", it->remote);
	json_put_sv(o, "overwritten", shown(it, it->had, a));
	json_put_sv(o, "now", shown(it, it->now, a));
	json_put_text_or_null(o, "why_not", it->why_not ? sv_of(it->why_not) : SV_NONE);
	json_object_array_add(x->items, o);
}

static void add_row(struct reverting *x, struct table *t, const struct revert_item *it, struct arena *a)
{
	table_add(t, arena_printf(a, "%s.%.*s", it->type ? it->type->name : "?",
				  SV_ARG(print_safe(it->field_name, 40, a))));
	table_add(t, sv_of(side_name[it->side]));
	table_add(t, print_safe(it->remote, 24, a));
	table_add(t, print_safe(shown(it, it->now, a), 24, a));
	table_add(t, print_safe(shown(it, it->had, a), 24, a));
	if (it->why_not)
		table_add(t, sv_of(it->why_not));
}

static void take(void *arg, const struct revert_item *it)
{
	struct reverting *x = arg;
	struct arena *a = &x->o->arena;
	int64_t n = it->why_not ? x->left_n++ : x->back_n++;
	if (it->why_not)
		count_reason(x, it->why_not);
	if (n >= x->limit)
		return;
	if (x->c->json)
		add_json(x, it, a);
	else
		add_row(x, it->why_not ? &x->left : &x->back, it, a);
}

/* 'candidate' or 'candidate.phone' */
static bool take_field(struct cli *c, const struct treaty *t, struct revert_scope *s)
{
	const char *text = cli_option(c, "field");
	struct sv record, field = SV_NONE;
	s->record = s->field = -1;
	if (!text)
		return true;
	bool cut = sv_cut(sv_of(text), '.', &record, &field);
	s->record = treaty_record_by_name(t, cut ? record : sv_of(text));
	if (s->record >= 0 && cut)
		s->field = treaty_field_by_name(&t->record[s->record], field);
	if (s->record >= 0 && (!cut || s->field >= 0))
		return true;
	cli_usage(c, "--field: '%.60s' is no record type and no type.field of the treaty", text);
	return false;
}

static bool take_scope(struct cli *c, struct revert_scope *s, int *limit)
{
	const char *version = cli_option(c, "version"), *since = cli_option(c, "since");
	const char *most = cli_option(c, "limit");
	int64_t n = 0, m = SHOWN_MAX;
	bool ok = (version != NULL) + (since != NULL) == 1;
	if (!ok)
		cli_usage(c, "say either --version N or --since TIME");
	if (ok && version && (!sv_to_i64(sv_of(version), &n) || n < 1 || n > INT32_MAX)) {
		cli_usage(c, "--version: '%.40s' is no number of a version", version);
		ok = false;
	}
	if (ok && since && !time_parse(sv_of(since), &s->since_ms)) {
		cli_usage(c, "--since: '%.40s' is no time like 2026-11-23T10:00:00Z", since);
		ok = false;
	}
	if (ok && most && (!sv_to_i64(sv_of(most), &m) || m < 0 || m > 100000)) {
		cli_usage(c, "--limit is a number from 0 to 100000");
		ok = false;
	}
	s->version = (int)n;
	*limit = (int)m;
	return ok;
}

static void print_result(struct reverting *x, bool done)
{
	struct arena *a = &x->o->arena;
	int64_t pid;
	if (x->back_n) {
		printf("%.*s value%s %s put back:\n", SV_ARG(print_number(x->back_n, a)), x->back_n == 1 ? "" : "s",
		       done ? "will be" : "can be");
		table_print(&x->back, "  ", stdout);
	} else {
		puts("There is nothing to put back.");
	}
	if (x->left_n) {
		printf("\n%.*s %s left as %s:\n", SV_ARG(print_number(x->left_n, a)), x->left_n == 1 ? "is" : "are",
		       x->left_n == 1 ? "it is" : "they are");
		for (int i = 0; i < REASONS_MAX && x->reason[i].why; i++)
			printf("  %.*s: %s\n", SV_ARG(print_number(x->reason[i].n, a)), x->reason[i].why);
		table_print(&x->left, "  ", stdout);
	}
	if (x->back_n > x->limit || x->left_n > x->limit)
		printf("Not all are shown; --limit N shows more.\n");
	if (!x->back_n)
		return;
	if (!done)
		printf("\nNothing was done: say --yes to have them written.\n");
	else
		printf("\n%s Each is written only where the record still shows what is said here.\n",
		       store_is_worked_on(x->o->store, &pid) ? "The daemon does it now." :
							   "No daemon runs: 'treaty run' will do it.");
}

static void print_result_json(const struct reverting *x, bool done)
{
	struct json_object *o = json_object_new_object(), *why = json_object_new_object();
	json_put_bool(o, "done", done);
	json_put_i64(o, "put_back", x->back_n);
	json_put_i64(o, "left", x->left_n);
	for (int i = 0; i < REASONS_MAX && x->reason[i].why; i++)
		json_put_i64(why, x->reason[i].why, x->reason[i].n);
	json_object_object_add(o, "reasons", why);
	json_object_object_add(o, "values", x->items);
	print_json(o);
}

static int run(struct cli *c)
{
	static const char *const back_head[] = { "field", "system", "record", "now", "put back", NULL };
	static const char *const left_head[] = { "field", "system", "record", "now", "overwritten", "why not", NULL };
	struct opened o;
	struct err err = { 0 };
	struct revert_scope scope = { 0 };
	struct reverting x = { .o = &o, .c = c };
	bool yes = cli_option(c, "yes") != NULL;
	if (!take_scope(c, &scope, &x.limit))
		return EXIT_USAGE_ERROR;
	opened_init(&o);
	table_init(&x.back, back_head, &o.arena);
	table_init(&x.left, left_head, &o.arena);
	int code = EXIT_FAILED;
	if (open_documents(&o, c)) {
		if (!(yes ? open_store(&o, &err) : open_store_to_read(&o, &err))) {
			code = cli_failed(c, &err);
		} else if (!take_field(c, o.treaty, &scope)) {
			code = EXIT_USAGE_ERROR;
		} else {
			x.items = json_object_new_array();
			if (!engine_revert(o.store, o.treaty, &scope, yes, sv_of(cli_who(c)), take, &x, &err)) {
				json_object_put(x.items);
				code = cli_failed(c, &err);
			} else {
				code = x.back_n && !yes ? EXIT_CHANGES : EXIT_FINE;
				if (c->json) {
					print_result_json(&x, yes);
				} else {
					json_object_put(x.items);
					print_result(&x, yes);
				}
			}
		}
	}
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "version", "N", "what was decided by version N of the treaty" },
	{ "since", "TIME", "what was decided since then: 2026-11-23T10:00:00Z" },
	{ "field", "R.F", "only that field, or record type" },
	{ "limit", "N", "show at most N values of each kind (50)" },
	{ "yes", NULL, "do it; without, it is shown only" },
	{ "as", "NAME", "who decides (your login name)" },
	{ 0 },
};

const struct verb verb_revert = {
	.name = "revert",
	.args = "",
	.summary = "put back what a wrong treaty overwrote",
	.about =
		"Finds in the journal what was overwritten by a version of the treaty, or since a\n"
		"time, and puts it back where it stood: where the value that we wrote still stands\n"
		"there, and at that side only. All else is left as it is, with the reason. Without\n"
		"--yes it only shows what would be done.\n"
		"\n"
		"Put the treaty right first, or pause: a value that is put back stays until its\n"
		"owner changes. The writes go through the queue like any other, after live changes.\n",
	.example =
		"  treaty revert --version 7\n"
		"  treaty revert --since 2026-11-23T10:00:00Z --field candidate.status --yes\n",
	.exits = "  1   the store failed\n  2   shown, and to be done with --yes\n",
	.json =
		"  {\"done\", \"put_back\": N, \"left\": N, \"reasons\": {REASON: N},\n"
		"   \"values\": [{\"record\", \"field\", \"system\", \"id\", \"overwritten\", \"now\",\n"
		"     \"why_not\": or null}]}\n",
	.option = options,
	.run = run,
};

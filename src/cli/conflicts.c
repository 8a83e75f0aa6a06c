#include "base/clock.h"
#include "cli/open.h"
#include "cli/print.h"
#include "flow/remedy.h"
#include "store/links.h"
#include "store/mismatches.h"

struct showing {
	const struct opened *o;
	const struct cli *c;
	struct arena *a;
	int64_t now_ms, id;
	bool open_only, reveal;
	int limit, n;
	struct mismatch *m;
	int64_t open;
	struct link link;
	bool linked;
};

static const struct treaty_field *field_of(const struct showing *x, const struct mismatch *m)
{
	const struct treaty *t = x->o->treaty;
	int r = treaty_record_by_name(t, m->record);
	int i = r < 0 ? -1 : treaty_field_by_name(&t->record[r], m->field);
	return i < 0 ? NULL : &t->record[r].field[i];
}

/* A reference is the local number of a link: people know the record's id. */
static void name_references(struct db *db, struct showing *x)
{
	for (int i = 0; i < x->n; i++)
		for (int s = 0; s < SIDES; s++) {
			struct value *v = &x->m[i].value[s];
			int64_t link;
			if (v->kind == VALUE_LINK && sv_to_i64(v->text, &link))
				*v = (struct value){ VALUE_REF, link_remote(db, link, (enum side)s, x->a) };
		}
}

static bool read_list(struct db *db, void *arg, struct err *err)
{
	struct showing *x = arg;
	x->open = mismatch_open_count(db);
	x->n = mismatch_list(db, x->open_only, x->limit, x->a, &x->m);
	name_references(db, x);
	return true;
}

static bool read_one(struct db *db, void *arg, struct err *err)
{
	struct showing *x = arg;
	x->m = arena_new(x->a, struct mismatch);
	if (!mismatch_get(db, x->id, x->a, x->m)) {
		err_set(err, ERR_NOT_FOUND, "there is no entry %lld in the conflict log",
			(long long)x->id);
		return false;
	}
	x->n = 1;
	x->linked = x->m->link_id && link_get(db, x->o->treaty, x->m->link_id, x->a, &x->link);
	name_references(db, x);
	return true;
}

static struct sv value_of(const struct showing *x, const struct mismatch *m, enum side s)
{
	if (m->value[s].kind == VALUE_UNKNOWN)
		return SV("");
	return print_value(field_of(x, m), m->value[s], x->reveal, x->a);
}

static struct sv lost_of(const struct showing *x, const struct mismatch *m)
{
	const struct treaty_field *f = field_of(x, m);
	return m->lost.len && f && f->confidential && !x->reveal ? SV("(confidential)") : m->lost;
}

/* What it is about: 'candidate.phone', 'candidate', 'ats'. Where several
 * records fit, 'field' tells the entries apart and is no field. */
static struct sv subject(const struct showing *x, const struct mismatch *m)
{
	if (!field_of(x, m))
		return m->record;
	return arena_printf(x->a, "%.*s.%.*s", SV_ARG(m->record), SV_ARG(m->field));
}

/* ----------------------------------------------------------------- as JSON */

static struct json_object *entry_json(const struct showing *x, const struct mismatch *m)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "id", m->id);
	json_put_sv(o, "kind", sv_of(mismatch_kind_name(m->kind)));
	json_put_bool(o, "open", m->open);
	json_put_sv(o, "record", m->record);
	json_put_text_or_null(o, "field", field_of(x, m) ? m->field : SV_NONE);
	for (int s = 0; s < SIDES; s++) {
		struct json_object *side = json_object_new_object();
		json_put_text_or_null(side, "id", m->remote[s]);
		bool known = m->value[s].kind != VALUE_UNKNOWN && m->value[s].kind != VALUE_NULL;
		json_object_object_add(side, "value", known ? json_from_sv(value_of(x, m, (enum side)s)) : NULL);
		json_object_object_add(o, side_name[s], side);
	}
	json_put_text_or_null(o, "overwritten", lost_of(x, m));
	json_put_text_or_null(o, "detail", m->detail);
	json_put_sv(o, "found_by", m->found_by);
	json_put_i64(o, "times", m->times);
	json_put_time(o, "opened", m->opened_ms);
	json_put_time(o, "closed", m->closed_ms);
	json_put_text_or_null(o, "closed_by", m->closed_by);
	return o;
}

static void list_as_json(const struct showing *x)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	json_put_i64(o, "open", x->open);
	for (int i = 0; i < x->n; i++)
		json_object_array_add(list, entry_json(x, &x->m[i]));
	json_object_object_add(o, "entries", list);
	print_json(o);
}

/* --------------------------------------------------------------- for people */

enum { VALUE_CHARS = 24 };

static struct sv id_and_value(const struct showing *x, const struct mismatch *m, enum side s)
{
	struct sv value = print_safe(value_of(x, m, s), VALUE_CHARS, x->a);
	struct sv id = print_safe(m->remote[s], 20, x->a);
	return value.len ? arena_printf(x->a, "%.*s: %.*s", SV_ARG(id), SV_ARG(value)) : id;
}

static void print_list(const struct showing *x)
{
	static const char *const head[] = { ">id", "kind", "what", "ats", "salesforce", "since",
					    "what can be done", NULL };
	struct table t;
	if (x->n == 0) {
		puts(x->open_only ? "Nothing waits for a person." : "The conflict log is empty.");
		return;
	}
	table_init(&t, head, x->a);
	for (int i = 0; i < x->n; i++) {
		const struct mismatch *m = &x->m[i];
		table_add(&t, arena_printf(x->a, "%lld", (long long)m->id));
		table_add(&t, sv_of(mismatch_kind_name(m->kind)));
		table_add(&t, print_safe(subject(x, m), 40, x->a));
		for (int s = 0; s < SIDES; s++)
			table_add(&t, id_and_value(x, m, (enum side)s));
		table_add(&t, print_time(m->opened_ms, x->now_ms, x->a));
		table_add(&t, !m->open ? arena_printf(x->a, "closed: %.*s", SV_ARG(print_safe(m->closed_by, 40, x->a))) :
			      m->link_id || m->kind == MISMATCH_AMBIGUOUS || m->kind == MISMATCH_UNAVAILABLE ||
					      m->kind >= MISMATCH_MASS_CHANGE ?
					 sv_of(remedy_of(m->kind)->actions) : SV("-"));
	}
	table_print(&t, "", stdout);
	if (x->n == x->limit)
		printf("These are the %s %d; --limit N shows more.\n", x->open_only ? "oldest" : "newest", x->n);
	if (x->open)
		printf("'treaty conflicts show ID' tells more, 'treaty conflicts resolve ID ...' decides.\n");
}

static void print_side(const struct showing *x, const struct mismatch *m, enum side s)
{
	struct sv id = print_safe(m->remote[s], 60, x->a), value = print_safe(value_of(x, m, s), 2000, x->a);
	printf("  %-11s %.*s", side_name[s], SV_ARG(id.len ? id : SV("(no record)")));
	if (value.len)
		printf(": %.*s", SV_ARG(value));
	putchar('\n');
}

static void print_one(const struct showing *x, const struct mismatch *m)
{
	struct sv lost = print_safe(lost_of(x, m), 2000, x->a), detail = print_safe(m->detail, 2000, x->a);
	printf("Entry %lld: %s, %.*s, %s\n", (long long)m->id, mismatch_kind_name(m->kind),
	       SV_ARG(print_safe(subject(x, m), 100, x->a)), m->open ? "open" : "closed");
	for (int s = 0; s < SIDES; s++)
		print_side(x, m, (enum side)s);
	if (lost.len)
		printf("  overwritten %.*s\n", SV_ARG(lost));
	if (detail.len)
		printf("  why         %.*s\n", SV_ARG(detail));
	printf("  since       %s, found by %.*s", print_time(m->opened_ms, x->now_ms, x->a).ptr,
	       SV_ARG(print_safe(m->found_by, 40, x->a)));
	if (m->times > 1)
		printf(", %lld times", (long long)m->times);
	putchar('\n');
	if (!m->open)
		printf("  closed      %s: %.*s\n", print_time(m->closed_ms, x->now_ms, x->a).ptr,
		       SV_ARG(print_safe(m->closed_by, 100, x->a)));
	const struct treaty_field *f = field_of(x, m);
	if (f && f->confidential && !x->reveal)
		printf("The values are confidential; --reveal shows them.\n");
	if (m->open)
		printf("\n%s\n", remedy_of(m->kind)->advice);
	int r = treaty_record_by_name(x->o->treaty, m->record);
	for (int s = 0; s < SIDES; s++)
		if (m->open && m->kind == MISMATCH_AMBIGUOUS && r >= 0 && m->remote[s].len)
			printf("  treaty mark %s %s %.*s\n", side_name[s],
			       x->o->treaty->record[r].side[s].object,
			       SV_ARG(print_safe(m->remote[s], 60, x->a)));
}

/* ------------------------------------------------------------- subcommands */

static bool take_limit(const struct cli *c, int *out)
{
	const char *text = cli_option(c, "limit");
	int64_t n = 50;
	bool ok = !text || (sv_to_i64(sv_of(text), &n) && n >= 1 && n <= 100000);
	*out = (int)n;
	return ok;
}

static int list(struct cli *c, struct showing *x)
{
	struct err err = { 0 };
	x->open_only = !cli_option(c, "all");
	if (!store_tx(x->o->store, read_list, x, &err))
		return cli_failed(c, &err);
	if (c->json)
		list_as_json(x);
	else
		print_list(x);
	return EXIT_FINE;
}

static int show(struct cli *c, struct showing *x)
{
	struct err err = { 0 };
	if (!store_tx(x->o->store, read_one, x, &err))
		return cli_failed(c, &err);
	if (c->json)
		print_json(entry_json(x, x->m));
	else
		print_one(x, x->m);
	return EXIT_FINE;
}

struct decision {
	enum resolve_action action;
	bool halted, proceed; /* of a halted type */
	bool skip;	      /* of records that several others fit */
	struct sv link_to;    /* of those, too; else empty */
	struct sv text;
};

/* Exactly one of the options that decide. */
static bool take_decision(const struct cli *c, struct decision *d)
{
	const char *take = cli_option(c, "take"), *value = cli_option(c, "value");
	bool retry = cli_option(c, "retry"), ignore = cli_option(c, "ignore");
	bool proceed = cli_option(c, "proceed"), discard = cli_option(c, "discard");
	bool skip = cli_option(c, "skip");
	const char *link_to = cli_option(c, "link-to");
	enum side s;
	if ((take != NULL) + (value != NULL) + (link_to != NULL) + retry + ignore + proceed + discard +
		    skip != 1) {
		cli_usage(c, "say one of --take ats|salesforce, --value V, --retry, --ignore,"
			     " --link-to ID, --skip, --proceed, --discard");
		return false;
	}
	if (link_to && !*link_to) {
		cli_usage(c, "--link-to needs the id of a record of the other system");
		return false;
	}
	*d = (struct decision){ .action = retry ? RESOLVE_RETRY : ignore ? RESOLVE_IGNORE : RESOLVE_VALUE,
				.halted = proceed || discard, .proceed = proceed, .skip = skip,
				.link_to = sv_of(link_to ? link_to : ""),
				.text = sv_of(value ? value : "") };
	if (take && !side_from_name(sv_of(take), &s)) {
		cli_usage(c, "--take: '%.40s' is neither ats nor salesforce", take);
		return false;
	}
	if (take)
		d->action = s == SIDE_ATS ? RESOLVE_TAKE_ATS : RESOLVE_TAKE_SALESFORCE;
	return true;
}

static void say_decided(const struct showing *x, const struct mismatch *m, const struct decision *d,
			const char *who)
{
	int64_t pid;
	enum side from = d->action == RESOLVE_TAKE_SALESFORCE ? SIDE_SALESFORCE : SIDE_ATS;
	struct sv what = print_safe(subject(x, m), 100, x->a);
	struct sv value = print_safe(value_of(x, m, from), 200, x->a);
	printf("Entry %lld, %.*s: ", (long long)m->id, SV_ARG(what));
	switch (d->action) {
	case RESOLVE_TAKE_ATS:
	case RESOLVE_TAKE_SALESFORCE:
		printf("'%.*s' of %s will be written to %s", SV_ARG(value), side_name[from],
		       side_name[side_other(from)]);
		break;
	case RESOLVE_VALUE:
		printf("'%.*s' will be written to both", SV_ARG(print_safe(d->text, 200, x->a)));
		break;
	case RESOLVE_RETRY:
		printf("it will be decided and sent again");
		break;
	default:
		printf("both stay as they are, until one changes");
		break;
	}
	printf(", as %.*s says.\n", SV_ARG(print_safe(sv_of(who), 60, x->a)));
	printf("%s Should a value change before that, it will be asked again.\n",
	       store_is_worked_on(x->o->store, &pid) ? "The daemon does it now." :
						"No daemon runs: 'treaty run' will do it.");
}

static void say_judged(const struct showing *x, const struct mismatch *m, const struct decision *d)
{
	struct sv what = print_safe(subject(x, m), 100, x->a);
	if (d->proceed)
		printf("Entry %lld: writing for %.*s goes on; these changes are meant.\n", (long long)m->id,
		       SV_ARG(what));
	else
		printf("Entry %lld: what was decided for %.*s is forgotten; the records are read again.\n",
		       (long long)m->id, SV_ARG(what));
}

static void say_linked(const struct showing *x, const struct mismatch *m, const struct decision *d)
{
	enum side known = m->remote[SIDE_ATS].len ? SIDE_ATS : SIDE_SALESFORCE;
	struct sv id = print_safe(m->remote[known], 60, x->a);
	if (d->skip)
		printf("Entry %lld is closed; %s %.*s stays without a pair until it, or what fits it, changes.\n",
		       (long long)m->id, side_name[known], SV_ARG(id));
	else
		printf("Entry %lld: %s %.*s is linked to %s %.*s; their values meet by the treaty's rules.\n",
		       (long long)m->id, side_name[known], SV_ARG(id), side_name[side_other(known)],
		       SV_ARG(print_safe(d->link_to, 60, x->a)));
}

static bool decide(struct showing *x, const struct decision *d, const char *who, struct err *err)
{
	struct store *s = x->o->store;
	if (d->halted)
		return engine_judge(s, x->o->treaty, x->id, d->proceed, sv_of(who), err);
	if (d->skip)
		return engine_skip(s, x->o->treaty, x->id, sv_of(who), err);
	if (d->link_to.len)
		return engine_link_to(s, x->o->treaty, x->id, d->link_to, sv_of(who), err);
	return engine_resolve(s, x->o->treaty, x->id, d->action, d->text, sv_of(who), err);
}

static int resolve(struct cli *c, struct showing *x)
{
	struct err err = { 0 };
	struct decision d;
	if (!take_decision(c, &d))
		return EXIT_USAGE_ERROR;
	const char *who = cli_who(c);
	if (!store_tx(x->o->store, read_one, x, &err) || !decide(x, &d, who, &err))
		return cli_failed(c, &err);
	if (c->json)
		print_json(entry_json(x, x->m));
	else if (d.halted)
		say_judged(x, x->m, &d);
	else if (d.skip || d.link_to.len)
		say_linked(x, x->m, &d);
	else
		say_decided(x, x->m, &d, who);
	return EXIT_FINE;
}

/* ----------------------------------------------------------------- restore */

static struct json_object *restoring_json(const struct showing *x, const struct restoring *r, bool done)
{
	struct json_object *o = json_object_new_object();
	bool nothing = true;
	json_put_i64(o, "id", x->id);
	for (int s = 0; s < SIDES; s++) {
		struct json_object *side = json_object_new_object();
		bool writes = r->to[s].kind != VALUE_UNKNOWN;
		json_put_text_or_null(side, "id", r->entry->remote[s]);
		json_put_sv(side, "now", print_value(r->field, r->now[s], x->reveal, x->a));
		json_put_text_or_null(side, "restored",
				      writes ? print_value(r->field, r->to[s], x->reveal, x->a) : SV_NONE);
		json_object_object_add(o, side_name[s], side);
		nothing = nothing && !writes;
	}
	json_put_bool(o, "needed", !nothing);
	json_put_bool(o, "done", done && !nothing);
	return o;
}

/* False when nothing is to be done. */
static bool say_restoring(const struct showing *x, const struct restoring *r)
{
	bool any = false;
	printf("Entry %lld, %.*s: ", (long long)x->id, SV_ARG(print_safe(subject(x, r->entry), 100, x->a)));
	for (int s = 0; s < SIDES; s++) {
		if (r->to[s].kind == VALUE_UNKNOWN)
			continue;
		struct sv now = print_value(r->field, r->now[s], x->reveal, x->a);
		struct sv to = print_value(r->field, r->to[s], x->reveal, x->a);
		printf("%s%s %.*s: '%.*s' instead of '%.*s'", any ? "; " : "", side_name[s],
		       SV_ARG(print_safe(r->entry->remote[s], 60, x->a)),
		       SV_ARG(print_safe(to, 200, x->a)), SV_ARG(print_safe(now, 200, x->a)));
		any = true;
	}
	puts(any ? "." : "both systems show that value; there is nothing to do.");
	return any;
}

static int restore(struct cli *c, struct showing *x)
{
	struct err err = { 0 };
	struct restoring r;
	int64_t pid;
	const char *who = cli_who(c);
	bool yes = cli_option(c, "yes") != NULL;
	if (!engine_restore(x->o->store, x->o->treaty, x->id, yes, sv_of(who), x->a, &r, &err))
		return cli_failed(c, &err);
	bool needed = r.to[SIDE_ATS].kind != VALUE_UNKNOWN || r.to[SIDE_SALESFORCE].kind != VALUE_UNKNOWN;
	if (c->json)
		print_json(restoring_json(x, &r, yes));
	else if (say_restoring(x, &r))
		printf("%s\n", !yes ? "Nothing was done: say --yes to have it written." :
			       store_is_worked_on(x->o->store, &pid) ?
				      "The daemon does it now, if both still show what is said here." :
				      "No daemon runs: 'treaty run' will do it, if both still show what is said here.");
	return needed && !yes ? EXIT_CHANGES : EXIT_FINE;
}

/* -------------------------------------------------------------------- verb */

static int run(struct cli *c)
{
	static const struct {
		const char *name;
		bool id, decides, looks;
		int (*run)(struct cli *, struct showing *);
	} part[] = { { "list", false, false, true, list }, { "show", true, false, true, show },
		     { "resolve", true, true, false, resolve },
		     { "restore", true, false, false, restore } };
	struct opened o;
	struct err err = { 0 };
	struct showing x = { .o = &o, .c = c, .a = &o.arena, .now_ms = clock_now(clock_real()) };
	const char *name = c->arg_n ? c->arg[0] : "list";
	size_t i = 0;
	while (i < sizeof(part) / sizeof(part[0]) && strcmp(part[i].name, name) != 0)
		i++;
	if (i == sizeof(part) / sizeof(part[0]))
		return cli_usage(c, "'%.40s' is none of list, show ID, resolve ID, restore ID", name);
	if (part[i].id != (c->arg_n == 2))
		return cli_usage(c, part[i].id ? "%s needs the number of an entry" : "%s takes no argument", name);
	if (part[i].id && (!sv_to_i64(sv_of(c->arg[1]), &x.id) || x.id <= 0))
		return cli_usage(c, "'%.40s' is no number of an entry", c->arg[1]);
	/* what is wrong is said before anything is opened */
	struct decision unused;
	if (part[i].decides && !take_decision(c, &unused))
		return EXIT_USAGE_ERROR;
	if (!take_limit(c, &x.limit))
		return cli_usage(c, "--limit is a number from 1 to 100000");
	x.reveal = cli_option(c, "reveal") != NULL;
	opened_init(&o);
	int code = EXIT_FAILED;
	if (open_documents(&o, c))
		code = (part[i].looks ? open_store_to_read : open_store)(&o, &err) ?
			       part[i].run(c, &x) : cli_failed(c, &err);
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "all", NULL, "list: closed entries too, the newest first" },
	{ "limit", "N", "list: at most N entries (50)" },
	{ "reveal", NULL, "show confidential values" },
	{ "take", "SIDE", "resolve: the value of ats or salesforce is right" },
	{ "value", "V", "resolve: this is right, in the ATS's spelling; written to both" },
	{ "retry", NULL, "resolve: decide and send it again" },
	{ "ignore", NULL, "resolve: leave both as they are, until one changes" },
	{ "link-to", "ID", "resolve: it belongs to that record of the other system" },
	{ "skip", NULL, "resolve: it belongs to none of them; close the entry" },
	{ "proceed", NULL, "resolve: a mass change is meant; write on" },
	{ "discard", NULL, "resolve: a mass change was put right; read again, write on" },
	{ "yes", NULL, "restore: do it; without, it is shown only" },
	{ "as", "NAME", "resolve, restore: who decides (your login name)" },
	{ 0 },
};

const struct verb verb_conflicts = {
	.name = "conflicts",
	.args = "[list | show ID | resolve ID | restore ID]",
	.summary = "list, show and resolve what waits for a person",
	.about =
		"The conflict log: where the treaty leaves a decision to a person, where a system\n"
		"refused a value, where several records fit. Without words it lists what is open.\n"
		"\n"
		"'resolve' leaves the decision in the store; the daemon reads both records once\n"
		"more, and carries it out if they still show what you saw.\n"
		"\n"
		"'restore' puts back a value that a rule overwrote, as a closed entry has it: into\n"
		"the owner's system, and so into the copy, or into both where both may write.\n",
	.example =
		"  treaty conflicts\n"
		"  treaty conflicts show 12\n"
		"  treaty conflicts resolve 12 --take salesforce --as 'Dana Whitfield'\n"
		"  treaty conflicts resolve 13 --value '+13125550111'\n"
		"  treaty conflicts resolve 14 --link-to 003A0000012AbCdQAK\n"
		"  treaty conflicts restore 9 --yes\n",
	.exits = "  1   no such entry, it cannot be resolved so, or the store failed\n"
		 "  2   restore: shown, and to be done with --yes\n",
	.json =
		"  list: {\"open\": N, \"entries\": [ENTRY]}; show and resolve: ENTRY\n"
		"  ENTRY: {\"id\", \"kind\", \"open\", \"record\", \"field\": or null,\n"
		"    \"ats\", \"salesforce\": {\"id\", \"value\": each or null},\n"
		"    \"overwritten\": or null, \"detail\": or null, \"found_by\", \"times\",\n"
		"    \"opened\", \"closed\": or null, \"closed_by\": or null}\n"
		"  restore: {\"id\", \"ats\", \"salesforce\": {\"id\", \"now\", \"restored\": or null},\n"
		"    \"needed\", \"done\"}\n",
	.option = options,
	.args_max = 2,
	.run = run,
};

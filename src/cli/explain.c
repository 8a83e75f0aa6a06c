#include <stdarg.h>

#include "base/clock.h"
#include "cli/names.h"
#include "cli/print.h"
#include "store/journal.h"
#include "store/links.h"
#include "store/mismatches.h"

struct explaining {
	const struct opened *o;
	struct record_name name;
	struct arena *a;
	int64_t now_ms;
	int field; /* -1: all */
	int limit;
	bool found;
	struct link link;
	struct journal_entry *entry;
	struct json_object **content; /* of each entry; NULL: forgotten */
	int n;
	int64_t open; /* not linked: the log's entry that says why; 0: none */
};

static const struct treaty_record *type_of(const struct explaining *x)
{
	return &x->o->treaty->record[x->name.record];
}

static size_t length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* The journal keeps a reference as the local number of a link: people know the
 * id of the record at the system that it is written to. */
static void name_references(const struct explaining *x, struct db *db, struct json_object *list)
{
	for (size_t i = 0; i < length(list); i++) {
		struct json_object *w = json_object_array_get_idx(list, i);
		int f = treaty_field_by_name(type_of(x), json_sv(w, "field"));
		enum side to;
		int64_t link;
		if (f < 0 || type_of(x)->field[f].type.kind != TYPE_LINK ||
		    !side_from_name(json_sv(w, "to"), &to) || !sv_to_i64(json_sv(w, "value"), &link))
			continue;
		struct sv id = link_remote(db, link, to, x->a);
		if (id.len)
			json_put_sv(w, "value", id);
	}
}

static void read_contents(struct explaining *x, struct db *db)
{
	struct err unread = { 0 };
	x->content = arena_array(x->a, struct json_object *, (size_t)x->n + 1);
	for (int i = 0; i < x->n; i++) {
		struct json_object *c = NULL;
		if (x->entry[i].content.len)
			c = json_parse(x->entry[i].content, "journal", &unread);
		x->content[i] = c;
		name_references(x, db, json_at(c, "write_ats"));
		name_references(x, db, json_at(c, "write_salesforce"));
		name_references(x, db, json_at(c, "fields"));
	}
	for (int i = 0; i < type_of(x)->field_n; i++)
		for (int s = 0; s < SIDES; s++) {
			struct value *v = &x->link.field[i].base[s];
			int64_t link;
			if (v->kind == VALUE_LINK && sv_to_i64(v->text, &link))
				*v = (struct value){ VALUE_REF, link_remote(db, link, (enum side)s, x->a) };
		}
}

enum { LOG_MAX = 100000 };

/* A record that several fit is not linked: the conflict log says so. */
static int64_t entry_about(const struct explaining *x, struct db *db)
{
	struct mismatch *m;
	int n = mismatch_list(db, true, LOG_MAX, x->a, &m);
	for (int i = 0; i < n; i++)
		if (sv_eq(m[i].record, sv_of(type_of(x)->name)) &&
		    sv_eq(m[i].remote[x->name.side], x->name.id))
			return m[i].id;
	return 0;
}

static bool read_history(struct db *db, void *arg, struct err *err)
{
	struct explaining *x = arg;
	x->found = link_find(db, x->o->treaty, x->name.record, x->name.side, x->name.id, x->a, &x->link);
	if (!x->found) {
		x->open = entry_about(x, db);
		return true;
	}
	x->n = journal_of(db, x->link.id, x->limit, x->a, &x->entry);
	read_contents(x, db);
	return true;
}

static bool about(const struct explaining *x, struct json_object *o)
{
	struct sv field = json_sv(o, "field");
	return x->field < 0 || !field.len || sv_eq(field, sv_of(type_of(x)->field[x->field].name));
}

/* Does an entry say anything of the field asked for? */
static bool concerns(const struct explaining *x, struct json_object *content)
{
	static const char *const list[] = { "write_ats", "write_salesforce", "fields", "findings" };
	bool listed = false;
	if (x->field < 0)
		return true;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
		struct json_object *l = json_at(content, list[i]);
		listed = listed || l;
		for (size_t k = 0; k < length(l); k++)
			if (about(x, json_object_array_get_idx(l, k)))
				return true;
	}
	return !listed && about(x, content);
}

/* --------------------------------------------------------------- for people */

static struct sv text_at(const struct explaining *x, struct json_object *o, const char *key, size_t chars)
{
	return print_safe(json_sv(o, key), chars, x->a);
}

/* Each further line of an entry stands under its text. */
static void line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void line(const char *fmt, ...)
{
	va_list ap;
	fputs("                   ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* Why a field is written to a side, in the treaty's words, as far as the rule
 * is still the present treaty's. */
static const char *reason(const struct explaining *x, struct json_object *w)
{
	struct sv name = json_sv(w, "field"), cause = json_sv(w, "cause");
	int i = treaty_field_by_name(type_of(x), name);
	const struct treaty_field *f = i < 0 ? NULL : &type_of(x)->field[i];
	struct json_object *rule = json_at(w, "rule");
	if (sv_eq(cause, SV("resolve")))
		return "because a person decided so";
	if (!f || !rule || json_object_get_uint64(rule) != f->rule)
		return "by the rule of that version";
	if (json_sv(w, "step").len)
		return "the next step, each is delivered";
	if (f->direction == BOTH_WAYS)
		return "because it changed on the other side only";
	const char *owner = side_name[field_owner(f)];
	if (sv_eq(cause, SV("restore")))
		return arena_printf(x->a, "because %s owns it and the copy was edited", owner).ptr;
	if (sv_eq(cause, SV("backfill")))
		return arena_printf(x->a, "because %s owns it and they differed when linked", owner).ptr;
	return arena_printf(x->a, "because %s owns it", owner).ptr;
}

static void say_writes(const struct explaining *x, struct json_object *list, int64_t version)
{
	for (size_t i = 0; i < length(list); i++) {
		struct json_object *w = json_object_array_get_idx(list, i);
		struct sv field = text_at(x, w, "field", 60), value = text_at(x, w, "value", 80);
		struct sv to = text_at(x, w, "to", 20);
		if (about(x, w))
			line("write %.*s = '%.*s' to %.*s, %s (treaty v%lld)", SV_ARG(field), SV_ARG(value),
			     SV_ARG(to), reason(x, w), (long long)version);
	}
}

static void say_findings(const struct explaining *x, struct json_object *list)
{
	for (size_t i = 0; i < length(list); i++) {
		struct json_object *f = json_object_array_get_idx(list, i);
		struct sv kind = text_at(x, f, "mismatch", 20), what = text_at(x, f, "what", 20);
		struct sv field = text_at(x, f, "field", 60), lost = text_at(x, f, "lost", 80);
		struct sv at = text_at(x, f, "lost_at", 20), detail = text_at(x, f, "detail", 200);
		if (!about(x, f))
			continue;
		line("%.*s %.*s%s%.*s: ats '%.*s', salesforce '%.*s'", SV_ARG(kind), SV_ARG(what),
		     field.len ? " for " : "", SV_ARG(field), SV_ARG(text_at(x, f, "ats", 60)),
		     SV_ARG(text_at(x, f, "salesforce", 60)));
		if (lost.len)
			line("  overwritten at %.*s: '%.*s'", SV_ARG(at), SV_ARG(lost));
		if (detail.len)
			line("  %.*s", SV_ARG(detail));
	}
}

/* What made us look: the source of the mark, and whose change it was. */
static void say_why_looked(const struct explaining *x, struct json_object *c)
{
	static const struct {
		const char *source, *say;
	} said[] = {
		{ "feed", "a change was told" },	{ "link", "first look after linking" },
		{ "fence", "read again right before writing" }, { "person", "a person asked" },
		{ "sweep", "a sweep came by" },		{ "restart", "after a restart" },
		{ "lost", "after a write without an answer" }, { "answer", "after a write" },
		{ "slot", "after a write" },		{ "step", "the next step" },
		{ "reference", "what it refers to was linked" }, { "overtaken", "somebody else wrote meanwhile" },
		{ "gone", "the record was not there to be written" },
	};
	struct sv source = json_sv(c, "source"), what = print_safe(source, 40, x->a);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		if (sv_eq(source, sv_of(said[i].source)))
			what = sv_of(said[i].say);
	printf("%.*s", SV_ARG(what));
	for (int s = 0; s < SIDES; s++) {
		struct sv by = json_sv(json_at(c, side_name[s]), "marked_by");
		if (sv_eq(by, SV("foreign")))
			printf(", by somebody in %s", side_name[s]);
		else if (sv_eq(by, SV("own")))
			printf(", an echo of our own from %s", side_name[s]);
	}
	putchar('\n');
}

static void say_answer(const struct explaining *x, struct sv kind, struct json_object *c, int64_t version)
{
	static const struct {
		const char *kind, *say;
	} said[] = {
		{ "written", "took it" },	   { "rejected", "refused it" },
		{ "lost", "gave no answer; it may or may not have taken it" },
		{ "busy", "was busy with the record; tried again later" },
		{ "gone", "no longer has the record" }, { "ambiguous", "has several records with that key" },
		{ "overtaken", "had been changed by somebody else meanwhile" },
		{ "not_sent", "was not reached" },
	};
	struct sv system = text_at(x, c, "system", 20), error = text_at(x, c, "error", 300);
	struct sv created = text_at(x, c, "created", 40), found = text_at(x, c, "found", 40);
	const char *what = "answered";
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		if (sv_eq(kind, sv_of(said[i].kind)))
			what = said[i].say;
	printf("%.*s %s", SV_ARG(system), what);
	if (created.len)
		printf(", as the new record %.*s", SV_ARG(created));
	if (found.len)
		printf(", as %.*s, which was there", SV_ARG(found));
	putchar('\n');
	if (error.len)
		line("%.*s", SV_ARG(error));
	struct json_object *list = json_at(c, "fields");
	for (size_t i = 0; i < length(list); i++) {
		struct json_object *w = json_object_array_get_idx(list, i);
		if (about(x, w))
			line("%.*s = '%.*s'", SV_ARG(text_at(x, w, "field", 60)),
			     SV_ARG(text_at(x, w, "value", 80)));
	}
}

static void say_entry(const struct explaining *x, const struct journal_entry *e, struct json_object *c)
{
	int64_t version = json_i64(c, "treaty", 0);
	struct sv time = print_time(e->at_ms, x->now_ms, x->a);
	printf("%-17.*s  ", SV_ARG(time));
	if (!c) {
		printf("%.*s (forgotten)\n", SV_ARG(print_safe(e->kind, 40, x->a)));
	} else if (sv_eq(e->kind, SV("linked"))) {
		struct sv ats = text_at(x, c, "ats", 40), sf = text_at(x, c, "salesforce", 40);
		printf("%.*s: ats %.*s, salesforce %.*s\n", SV_ARG(text_at(x, c, "how", 60)),
		       SV_ARG(ats.len ? ats : SV("-")), SV_ARG(sf.len ? sf : SV("-")));
	} else if (sv_eq(e->kind, SV("decided"))) {
		say_why_looked(x, c);
		say_writes(x, json_at(c, "write_ats"), version);
		say_writes(x, json_at(c, "write_salesforce"), version);
		say_findings(x, json_at(c, "findings"));
	} else if (sv_eq(e->kind, SV("resolved"))) {
		printf("%.*s decided %.*s: %.*s\n", SV_ARG(text_at(x, c, "who", 60)),
		       SV_ARG(text_at(x, c, "field", 60)), SV_ARG(text_at(x, c, "action", 40)));
	} else {
		say_answer(x, e->kind, c, version);
	}
}

static void say_field(const struct explaining *x, int i)
{
	const struct treaty_field *f = &type_of(x)->field[i];
	const struct link_field *lf = &x->link.field[i];
	struct sv ats = print_safe(print_value(f, lf->base[SIDE_ATS], false, x->a), 40, x->a);
	struct sv sf = print_safe(print_value(f, lf->base[SIDE_SALESFORCE], false, x->a), 40, x->a);
	printf("  %-18s ", f->name);
	if (!lf->rule)
		printf("not agreed yet");
	else if (sv_eq(ats, sf))
		printf("'%.*s'", SV_ARG(ats));
	else
		printf("ats '%.*s', salesforce '%.*s'", SV_ARG(ats), SV_ARG(sf));
	if (lf->hold != HOLD_NONE)
		printf("  held: %s", hold_name(lf->hold));
	putchar('\n');
}

static void print_history(const struct explaining *x)
{
	static const char *const state[] = { "being looked up", "being created", "linked", "ambiguous",
					     "broken (a side is gone)" };
	const struct link *l = &x->link;
	printf("%s: ats %.*s, salesforce %.*s, %s\n", type_of(x)->name,
	       SV_ARG(l->remote[SIDE_ATS].len ? print_safe(l->remote[SIDE_ATS], 40, x->a) : SV("(none)")),
	       SV_ARG(l->remote[SIDE_SALESFORCE].len ? print_safe(l->remote[SIDE_SALESFORCE], 40, x->a) :
							SV("(none)")),
	       state[l->state]);
	printf("\nWhat both sides last agreed on:\n");
	for (int i = 0; i < type_of(x)->field_n; i++)
		if (x->field < 0 || x->field == i)
			say_field(x, i);
	printf("\nHistory:\n");
	int shown = 0;
	for (int i = 0; i < x->n; i++)
		if (!x->content[i] || concerns(x, x->content[i])) {
			say_entry(x, &x->entry[i], x->content[i]);
			shown++;
		}
	if (!shown)
		printf("Nothing was ever written%s: the two sides agreed when they were linked.\n",
		       x->field < 0 ? "" : " for it");
	if (x->n == x->limit)
		printf("These are the first %d entries; --limit N shows more.\n", x->n);
}

static void print_as_json(const struct explaining *x)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	json_put_sv(o, "record", sv_of(type_of(x)->name));
	for (int s = 0; s < SIDES; s++)
		json_put_text_or_null(o, side_name[s], x->link.remote[s]);
	for (int i = 0; i < x->n; i++) {
		if (x->content[i] && !concerns(x, x->content[i]))
			continue;
		struct json_object *e = json_object_new_object();
		json_put_i64(e, "seq", x->entry[i].seq);
		json_put_time(e, "at", x->entry[i].at_ms);
		json_put_sv(e, "kind", x->entry[i].kind);
		json_object_object_add(e, "content", json_object_get(x->content[i]));
		json_object_array_add(list, e);
	}
	json_object_object_add(o, "entries", list);
	print_json(o);
}

/* -------------------------------------------------------------------- verb */

static int name_field(const struct cli *c, struct explaining *x)
{
	const char *name = c->arg[3];
	x->field = -1;
	if (!name)
		return EXIT_FINE;
	x->field = treaty_field_by_name(type_of(x), sv_of(name));
	for (int s = 0; s < SIDES && x->field < 0; s++)
		x->field = treaty_field_by_api(type_of(x), (enum side)s, sv_of(name));
	if (x->field < 0)
		return cli_usage(c, "'%.60s' is no field of %s in the treaty", name, type_of(x)->name);
	return EXIT_FINE;
}

static int explain(struct cli *c, struct explaining *x)
{
	struct err err = { 0 };
	if (!store_tx(x->o->store, read_history, x, &err))
		return cli_failed(c, &err);
	if (!x->found) {
		struct sv why = x->open ? arena_printf(x->a, "see 'treaty conflicts show %lld'", (long long)x->open) :
					  SV("and nothing was done about it");
		err_set(&err, ERR_NOT_FOUND, "%s %.*s of %s is not linked, %.*s", type_of(x)->name,
			SV_ARG(print_safe(x->name.id, 40, x->a)), side_name[x->name.side], SV_ARG(why));
		return cli_failed(c, &err);
	}
	if (c->json)
		print_as_json(x);
	else
		print_history(x);
	for (int i = 0; i < x->n; i++)
		json_object_put(x->content[i]);
	return EXIT_FINE;
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	struct explaining x = { .o = &o, .a = &o.arena, .now_ms = clock_now(clock_real()) };
	const char *limit = cli_option(c, "limit");
	int64_t n = 1000;
	if (limit && (!sv_to_i64(sv_of(limit), &n) || n < 1 || n > 1000000))
		return cli_usage(c, "--limit is a number from 1 to 1000000");
	x.limit = (int)n;
	opened_init(&o);
	int code = EXIT_FAILED;
	if (open_documents(&o, c)) {
		if (!name_record(o.treaty, c->arg[0], c->arg[1], c->arg[2], &o.arena, &x.name, &err) ||
		    !open_store_to_read(&o, &err))
			code = cli_failed(c, &err);
		else if ((code = name_field(c, &x)) == EXIT_FINE)
			code = explain(c, &x);
	}
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "limit", "N", "at most N entries, the oldest first (1000)" },
	{ 0 },
};

const struct verb verb_explain = {
	.name = "explain",
	.args = "SYSTEM OBJECT ID [FIELD]",
	.summary = "tell how a record's values came to be",
	.about =
		"Tells from the journal, with times: what made us look at the record, what was\n"
		"decided by which rule of which version of the treaty, what was written where,\n"
		"what was answered, and what a person said. Confidential values stay masked.\n"
		"\n"
		"SYSTEM is ats or salesforce, OBJECT an object there or a record type of the treaty,\n"
		"FIELD a field of the treaty or of either system.\n",
	.example = "  treaty explain ats Candidate 17 phone\n"
		   "  treaty explain salesforce Contact 003Hs0000000003IAA\n",
	.exits = "  1   the record is not linked, or the store failed\n",
	.json = "  {\"record\", \"ats\": ID or null, \"salesforce\": ID or null,\n"
		"   \"entries\": [{\"seq\", \"at\", \"kind\", \"content\": {...} or null when forgotten}]}\n",
	.option = options,
	.args_min = 3,
	.args_max = 4,
	.run = run,
};

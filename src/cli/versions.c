#include "cli/versions.h"

#include "cli/print.h"

/* ---------------------------------------------------------------- changes */

static int64_t linked_of(const struct treaty *of, const int64_t *linked, const char *record)
{
	int r = record && of ? treaty_record_by_name(of, sv_of(record)) : -1;
	return r < 0 || !linked ? -1 : linked[r];
}

static struct sv path_of(const struct amendment *c, struct arena *a)
{
	if (c->field)
		return arena_printf(a, "%s.%s", c->record, c->field);
	if (c->record)
		return sv_of(c->record);
	return c->domain ? arena_printf(a, "domain %s", c->domain) : SV("the head");
}

void print_changes(const struct amendment *list, int n, const struct treaty *of, const int64_t *linked)
{
	struct arena a;
	arena_init(&a);
	for (int i = 0; i < n; i++) {
		const struct amendment *c = &list[i];
		int64_t links = c->values ? linked_of(of, linked, c->record) : -1;
		printf("  %.*s: %.*s", SV_ARG(path_of(c, &a)), SV_ARG(print_safe(c->text, 0, &a)));
		if (links > 0)
			printf("; %s linked record%s compared anew", print_number(links, &a).ptr,
			       links == 1 ? " is" : "s are");
		putchar('\n');
		arena_reset(&a);
	}
	arena_finish(&a);
}

struct json_object *changes_json(const struct amendment *list, int n, const struct treaty *of,
				 const int64_t *linked)
{
	struct json_object *out = json_object_new_array();
	for (int i = 0; i < n; i++) {
		const struct amendment *c = &list[i];
		struct json_object *o = json_object_new_object();
		json_put_text_or_null(o, "domain", sv_of(c->domain ? c->domain : ""));
		json_put_text_or_null(o, "record", sv_of(c->record ? c->record : ""));
		json_put_text_or_null(o, "field", sv_of(c->field ? c->field : ""));
		json_put_sv(o, "text", c->text);
		int64_t links = c->values ? linked_of(of, linked, c->record) : -1;
		json_object_object_add(o, "compared_anew", links < 0 ? NULL : json_object_new_int64(links));
		json_object_array_add(out, o);
	}
	return out;
}

/* -------------------------------------------------------------- approvals */

int approvals_count(const struct approval *list, int n)
{
	int given = 0;
	for (int i = 0; i < n; i++)
		given += list[i].state == SIGNED;
	return given;
}

static const char *state_name(enum signed_state s)
{
	static const char *const name[] = {
		[SIGNED] = "signed",	     [SIGNED_MISSING] = "missing", [SIGNED_OLDER] = "older",
		[SIGNED_CHANGED] = "changed", [SIGNED_FORGED] = "forged",  [SIGNED_KEYLESS] = "keyless",
	};
	return name[s];
}

void print_approvals(const struct approval *list, int n, const char *treaty_path, struct arena *a)
{
	for (int i = 0; i < n; i++) {
		const struct approval *p = &list[i];
		const char *file = signature_path(treaty_path, p->role, a).ptr;
		switch (p->state) {
		case SIGNED:
			printf("  %s: signed %.*s\n", p->role, SV_ARG(p->why));
			break;
		case SIGNED_MISSING:
			printf("  %s: has not signed: 'treaty sign --role %s --key FILE'\n", p->role, p->role);
			break;
		case SIGNED_KEYLESS:
			printf("  %s: has no key: 'treaty keygen FILE', and 'key:' under the role\n", p->role);
			break;
		case SIGNED_OLDER:
			printf("  %s: has not signed this version (%.*s)\n", p->role, SV_ARG(p->why));
			break;
		case SIGNED_CHANGED:
		case SIGNED_FORGED:
			printf("  %s: %s does not hold: %.*s\n", p->role, file,
			       SV_ARG(print_safe(p->why, 0, a)));
			break;
		}
	}
}

struct json_object *approvals_json(const struct approval *list, int n)
{
	struct json_object *out = json_object_new_array();
	for (int i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "role", sv_of(list[i].role));
		json_put_sv(o, "state", sv_of(state_name(list[i].state)));
		json_put_text_or_null(o, list[i].state == SIGNED ? "made" : "why", list[i].why);
		json_object_array_add(out, o);
	}
	return out;
}

/* --------------------------------------------------------------- versions */

struct listing {
	struct arena *a;
	struct version *list;
	int n;
};

static bool list_versions(struct db *db, void *arg, struct err *err)
{
	struct listing *l = arg;
	l->n = version_list(db, l->a, &l->list);
	return true;
}

static void print_versions(const struct listing *l)
{
	static const char *const head[] = { ">version", "in force from", "how", "by", "why", NULL };
	struct table t;
	int64_t now = clock_now(clock_real());
	table_init(&t, head, l->a);
	for (int i = 0; i < l->n; i++) {
		const struct version *v = &l->list[i];
		table_add(&t, print_number(v->version, l->a));
		table_add(&t, print_time(v->at_ms, now, l->a));
		table_add(&t, v->how);
		table_add(&t, print_safe(v->who, 30, l->a));
		table_add(&t, print_safe(v->why, 60, l->a));
	}
	table_print(&t, "", stdout);
}

static struct json_object *versions_json(const struct listing *l)
{
	struct json_object *out = json_object_new_object(), *list = json_object_new_array();
	for (int i = 0; i < l->n; i++) {
		const struct version *v = &l->list[i];
		struct json_object *o = json_object_new_object();
		json_put_i64(o, "version", v->version);
		json_put_time(o, "at", v->at_ms);
		json_put_sv(o, "how", v->how);
		json_put_sv(o, "by", v->who);
		json_put_text_or_null(o, "why", v->why);
		json_object_array_add(list, o);
	}
	json_object_object_add(out, "versions", list);
	return out;
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	struct listing l = { .a = &o.arena };
	int code = EXIT_FAILED;
	opened_init(&o);
	if (open_documents(&o, c)) {
		if (!open_store_to_read(&o, &err) || !store_tx(o.store, list_versions, &l, &err)) {
			cli_failed(c, &err);
		} else {
			if (c->json)
				print_json(versions_json(&l));
			else
				print_versions(&l);
			code = EXIT_FINE;
		}
	}
	opened_close(&o);
	return code;
}

const struct verb verb_versions = {
	.name = "versions",
	.args = "",
	.summary = "list the versions of the treaty that were in force",
	.about = "Lists which version was put in force when, by whom and why; the first line is the\n"
		 "one that holds.\n",
	.example = "  treaty versions\n",
	.exits = "  1   there is no store yet\n",
	.json = "  {\"versions\": [{\"version\", \"at\", \"how\": \"signed\"|\"unsigned\"|\"rollback\", \"by\",\n"
		"    \"why\"}]}\n",
	.run = run,
};

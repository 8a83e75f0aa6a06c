#include <unistd.h>

#include "cli/print.h"
#include "cli/versions.h"
#include "systems/rest/rest.h"
#include "treaty/alerts.h"

/* All complaints of a run, of several files. */
struct findings {
	struct json_object *list;
	int n;
	struct approval *approval;
	int approval_n;
};

static void take(struct findings *f, const struct complaints *c, bool json)
{
	struct buf b;
	buf_init(&b, 8 << 20);
	f->n += c->n;
	for (int i = 0; json && i < c->n; i++) {
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "file", sv_of(c->file));
		json_put_i64(o, "line", c->list[i].place.line);
		json_put_i64(o, "column", c->list[i].place.column);
		json_put_sv(o, "text", c->list[i].text);
		json_object_array_add(f->list, o);
	}
	if (!json) {
		complaints_print(c, &b);
		fwrite(b.ptr ? b.ptr : "", 1, b.len, stdout);
	}
	buf_finish(&b);
}

/* The description that the deployment names, and its login settings. */
static void check_connector(struct opened *o, struct findings *f, enum side side, bool json)
{
	const struct deployment_system *s = &o->deployment->system[side];
	struct complaints c;
	struct err err = { 0 };
	if (strcmp(s->connector, "salesforce") == 0)
		return;
	const char *path = find_description(o, s->connector, &err);
	complaints_init(&c, path ? path : o->deployment->file);
	struct rest_description *d = path ? rest_description_load(path, &c) : NULL;
	if (!path)
		complaints_add(&c, s->place, "%s", err.what);
	for (int r = 0; d && o->treaty && r < o->treaty->record_n; r++) {
		const char *object = o->treaty->record[r].side[side].object;
		if (!rest_object_by_name(d, sv_of(object)))
			complaints_add(&c, (struct place){ 0 },
				       "'%s' of the treaty's %s is not described here", object,
				       o->treaty->record[r].name);
	}
	take(f, &c, json);
	complaints_finish(&c);
	if (!d)
		return;
	complaints_init(&c, o->deployment->file);
	rest_check_login(d, s, &c);
	complaints_sort(&c);
	take(f, &c, json);
	complaints_finish(&c);
	rest_description_destroy(d);
}

static void check_secret(struct opened *o, const struct setting *s, struct complaints *c)
{
	struct err err = { 0 };
	struct buf text;
	if (!s->text)
		return;
	buf_init(&text, 64 * 1024);
	if (!setting_resolve(o->deployment, s, &text, &err))
		complaints_add(c, s->place, "%s", err.what);
	if (text.ptr)
		explicit_bzero(text.ptr, text.len);
	buf_finish(&text);
}

/* That every reference to a secret leads to one; never what it is. */
static void check_secrets(struct opened *o, struct findings *f, bool json)
{
	const struct deployment *d = o->deployment;
	struct complaints c;
	complaints_init(&c, d->file);
	check_secret(o, &d->store_key, &c);
	check_secret(o, &d->store_password, &c);
	for (int s = 0; s < SIDES; s++)
		for (int k = 0; k < d->system[s].login_n; k++)
			check_secret(o, &d->system[s].login[k], &c);
	for (int i = 0; i < d->channel_n; i++) {
		check_secret(o, &d->channel[i].url, &c);
		check_secret(o, &d->channel[i].username, &c);
		check_secret(o, &d->channel[i].password, &c);
		check_secret(o, &d->channel[i].secret, &c);
	}
	if (o->treaty)
		deployment_check_people(d, o->treaty, &c);
	complaints_sort(&c);
	take(f, &c, json);
	complaints_finish(&c);
}

/* A role's signature that is there and does not hold: somebody changed what was
 * agreed on. That one is missing is no complaint of the document. */
static void check_signatures(struct opened *o, struct findings *f, bool json)
{
	struct complaints c;
	struct approval *list;
	const char *path = o->deployment->treaty_path;
	struct treaty *was = treaty_in_force(o);
	int n = treaty_approvals(o->treaty, was, path, &o->arena, &list);
	complaints_init(&c, path);
	for (int i = 0; i < n; i++) {
		const struct approval *p = &list[i];
		int role = treaty_role_by_name(o->treaty, sv_of(p->role));
		if (p->state == SIGNED_CHANGED || p->state == SIGNED_FORGED)
			complaints_add(&c, role < 0 ? (struct place){ 0 } : o->treaty->role[role].place,
				       "'%s': its signature (%s) does not hold: %.*s; let it sign the next "
				       "version, or take the change back", p->role,
				       signature_path(path, p->role, &o->arena).ptr, SV_ARG(p->why));
	}
	complaints_sort(&c);
	take(f, &c, json);
	complaints_finish(&c);
	f->approval_n = n;
	f->approval = list;
	treaty_destroy(was);
}

static void say_signed(const struct treaty *t, const struct findings *f)
{
	if (!treaty_is_keyed(t)) {
		printf("Unsigned: no role has a key.\n");
		return;
	}
	printf("Signed by %d of %d", approvals_count(f->approval, f->approval_n), f->approval_n);
	const char *gap = "; missing: ";
	for (int i = 0; i < f->approval_n; i++)
		if (f->approval[i].state != SIGNED) {
			printf("%s%s", gap, f->approval[i].role);
			gap = ", ";
		}
	printf(".\n");
}

static void say_fine(const struct treaty *t)
{
	int fields = 0, both = 0;
	for (int r = 0; r < t->record_n; r++)
		for (int i = 0; i < t->record[r].field_n; i++) {
			fields++;
			both += t->record[r].field[i].direction == BOTH_WAYS;
		}
	printf("%s, version %d: %d record types, %d fields, %d of them both ways. Nothing to complain of.\n",
	       t->name, t->version, t->record_n, fields, both);
}

static struct json_object *result(const struct opened *o, const struct findings *f)
{
	struct json_object *out = json_object_new_object();
	json_put_bool(out, "ok", f->n == 0);
	json_put_sv(out, "deployment", sv_of(o->deployment ? o->deployment->file : ""));
	json_object_object_add(out, "treaty", o->treaty ? json_object_new_string(o->treaty->name) : NULL);
	json_object_object_add(out, "version", o->treaty ? json_object_new_int(o->treaty->version) : NULL);
	json_object_object_add(out, "signatures", approvals_json(f->approval, f->approval_n));
	json_object_object_add(out, "complaints", f->list);
	return out;
}

static int run(struct cli *c)
{
	struct opened o;
	struct complaints list;
	struct findings f = { .list = json_object_new_array() };
	opened_init(&o);
	const char *path = c->arg_n ? c->arg[0] : c->deployment;
	complaints_init(&list, path);
	o.deployment = deployment_load(path, &list);
	take(&f, &list, c->json);
	complaints_finish(&list);
	if (o.deployment) {
		complaints_init(&list, o.deployment->treaty_path);
		o.treaty = treaty_load(o.deployment->treaty_path, &list);
		take(&f, &list, c->json);
		complaints_finish(&list);
		for (int s = 0; s < SIDES; s++)
			check_connector(&o, &f, (enum side)s, c->json);
		check_secrets(&o, &f, c->json);
		if (o.treaty)
			check_signatures(&o, &f, c->json);
	}
	if (c->json) {
		print_json(result(&o, &f));
	} else {
		json_object_put(f.list);
		if (f.n == 0) {
			say_fine(o.treaty);
			say_signed(o.treaty, &f);
		} else {
			fprintf(stderr, "%d complaint%s\n", f.n, f.n == 1 ? "" : "s");
		}
	}
	int code = f.n ? EXIT_FAILED : EXIT_FINE;
	opened_close(&o);
	return code;
}

const struct verb verb_check = {
	.name = "check",
	.args = "[DEPLOYMENT]",
	.summary = "read the treaty and the deployment, list every complaint",
	.about =
		"Reads the deployment, the treaty it names and the descriptions of the systems,\n"
		"and lists all that is wrong, missing or undecided in them, each with its place.\n"
		"Looks whether the secrets that the deployment refers to are there, and whether the\n"
		"signatures beside the treaty hold. Asks no system and changes nothing.\n",
	.example = "  treaty check examples/acme/deployment.yaml\n",
	.exits = "  1   there are complaints\n",
	.json = "  {\"ok\": true, \"deployment\": FILE, \"treaty\": NAME or null, \"version\": N or null,\n"
		"   \"signatures\": [{\"role\", \"state\", \"made\" or \"why\"}],\n"
		"   \"complaints\": [{\"file\", \"line\", \"column\", \"text\"}]}\n",
	.args_max = 1,
	.run = run,
};

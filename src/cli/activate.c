#include <unistd.h>

#include "cli/print.h"
#include "cli/versions.h"
#include "store/survey.h"
#include "treaty/yaml.h"

/* One activation, from showing it to storing it. */
struct activation {
	struct opened *o;
	struct arena *a;
	struct treaty *draft; /* what is to hold */
	struct version version; /* what is to be stored */
	bool rollback;
	struct treaty *was; /* what holds; NULL: nothing yet */
	struct approval *approval;
	int approval_n;
	struct amendment *change;
	int change_n;
	int64_t *linked; /* by record type of the draft */
	struct survey survey; /* of what holds */
};

/* ------------------------------------------------------------ what it does */

static bool look(struct db *db, void *arg, struct err *err)
{
	struct activation *x = arg;
	survey_read(db, x->was, x->a, &x->survey);
	for (int r = 0; r < x->draft->record_n; r++) {
		int old = treaty_record_by_name(x->was, sv_of(x->draft->record[r].name));
		x->linked[r] = old < 0 ? 0 : x->survey.type[old].linked;
	}
	return true;
}

/* Record types with a changed rule. */
static bool type_changes(const struct activation *x, int record)
{
	for (int i = 0; i < x->change_n; i++)
		if (x->change[i].values && x->change[i].record &&
		    strcmp(x->change[i].record, x->draft->record[record].name) == 0)
			return true;
	return false;
}

static int64_t compared_anew(const struct activation *x)
{
	int64_t n = 0;
	for (int r = 0; r < x->draft->record_n; r++)
		n += type_changes(x, r) ? x->linked[r] : 0;
	return n;
}

static bool has_new_type(const struct activation *x)
{
	for (int r = 0; r < x->draft->record_n; r++)
		if (treaty_record_by_name(x->was, sv_of(x->draft->record[r].name)) < 0)
			return true;
	return false;
}

static void print_consequences(struct activation *x)
{
	const struct survey *s = &x->survey;
	int64_t decided = s->side[SIDE_ATS].decided + s->side[SIDE_SALESFORCE].decided;
	int64_t sent = s->side[SIDE_ATS].sent + s->side[SIDE_SALESFORCE].sent +
		       s->side[SIDE_ATS].lost + s->side[SIDE_SALESFORCE].lost;
	if (!x->change_n)
		return;
	if (compared_anew(x))
		printf("\n%s linked records are compared anew under the new rules.\n",
		       print_number(compared_anew(x), x->a).ptr);
	if (s->ledger.pending || decided || sent)
		printf("%s events wait and are decided under the new version, as are %s writes that are\n"
		       "decided and not sent; %s under way are finished first.\n",
		       print_number(s->ledger.pending, x->a).ptr, print_number(decided, x->a).ptr,
		       print_number(sent, x->a).ptr);
	if (has_new_type(x))
		printf("For a new record type, 'treaty link' (with the daemon stopped) links what is\n"
		       "there already; until then each record is looked up when it changes.\n");
}

static void print_plan(struct activation *x)
{
	if (!x->was)
		printf("%s version %d is the first to be in force here.\n", x->draft->name, x->draft->version);
	else
		printf("From version %d to version %d:\n", x->was->version, x->draft->version);
	print_changes(x->change, x->change_n, x->draft, x->linked);
	if (x->was && !x->change_n)
		printf("  no change of meaning\n");
	if (!x->rollback && treaty_is_keyed(x->draft)) {
		printf("\nSigned by %d of %d:\n", approvals_count(x->approval, x->approval_n), x->approval_n);
		print_approvals(x->approval, x->approval_n, x->o->deployment->treaty_path, x->a);
	}
	if (x->was)
		print_consequences(x);
}

/* ---------------------------------------------------------------- may it? */

static bool may(struct activation *x, bool unsigned_too, struct err *err)
{
	bool signed_now = treaty_is_keyed(x->draft) || (x->was && treaty_is_keyed(x->was));
	if (x->rollback && x->was && treaty_is_keyed(x->was) && !treaty_is_keyed(x->draft)) {
		err_set(err, ERR_BAD_INPUT, "version %d was before anybody signed: going back to it would "
			"throw the keys away", x->draft->version);
		return false;
	}
	if (x->rollback)
		return true; /* it was agreed on when it was in force */
	if (x->was && strcmp(x->was->name, x->draft->name) != 0) {
		err_set(err, ERR_BAD_INPUT, "this store belongs to the treaty '%s', not to '%s'",
			x->was->name, x->draft->name);
		return false;
	}
	if (x->was && x->change_n && x->draft->version <= x->was->version) {
		err_set(err, ERR_BAD_INPUT,
			"version %d is in force and means something else: give the document the number %d",
			x->was->version, x->was->version + 1);
		return false;
	}
	if (!signed_now && !unsigned_too) {
		err_set(err, ERR_BAD_INPUT, "no role has a key, so nobody can sign: give the roles keys "
			"('treaty keygen'), or say --unsigned while you try it out");
		return false;
	}
	int missing = x->approval_n - approvals_count(x->approval, x->approval_n);
	if (signed_now && missing) {
		err_set(err, ERR_BAD_INPUT, "%d of %d who must sign did not%s", missing, x->approval_n,
			unsigned_too ? "; keys are pinned, so --unsigned changes nothing" : "");
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------- the deed */

static struct sv signatures_of(struct activation *x)
{
	struct sv all = SV("");
	for (int i = 0; i < x->approval_n; i++)
		if (x->approval[i].state == SIGNED)
			all = arena_printf(x->a, "%.*s%.*s", SV_ARG(all), SV_ARG(x->approval[i].text));
	return all;
}

static bool put(struct db *db, void *arg, struct err *err)
{
	struct activation *x = arg;
	int64_t id = version_id_in_force(db);
	if (id != x->o->in_force.id) {
		err_set(err, ERR_CONFLICT, "another version was activated just now; look again");
		return false;
	}
	version_activate(x->o->store, db, &x->version);
	return true;
}

/* On a terminal; elsewhere only --yes will do. */
static bool person_agrees(const struct activation *x)
{
	char line[16] = "";
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		printf("\nNothing was done: say --yes to put it in force.\n");
		return false;
	}
	printf("\nPut version %d in force? [y/N] ", x->draft->version);
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static struct json_object *result_json(const struct activation *x, bool done)
{
	struct json_object *o = json_object_new_object();
	json_put_bool(o, "activated", done);
	json_put_i64(o, "version", x->draft->version);
	json_object_object_add(o, "before", x->was ? json_object_new_int(x->was->version) : NULL);
	json_put_sv(o, "how", x->version.how);
	json_object_object_add(o, "changes", changes_json(x->change, x->change_n, x->draft, x->linked));
	json_object_object_add(o, "signatures", approvals_json(x->approval, x->approval_n));
	json_put_i64(o, "compared_anew", x->was ? compared_anew(x) : 0);
	return o;
}

static int activate(struct cli *c, struct activation *x)
{
	struct err err = { 0 };
	bool done = false;
	if (!c->json)
		print_plan(x);
	if (!may(x, cli_option(c, "unsigned") != NULL, &err)) {
		if (c->json)
			print_json(result_json(x, false));
		return cli_failed(c, &err);
	}
	if (cli_option(c, "yes") || (!c->json && person_agrees(x))) {
		done = store_tx(x->o->store, put, x, &err);
		if (!done)
			return cli_failed(c, &err);
	}
	if (c->json)
		print_json(result_json(x, done));
	else if (done)
		printf("Version %d is in force. A running daemon takes it within seconds.\n",
		       x->draft->version);
	return done ? EXIT_FINE : EXIT_CHANGES;
}

/* ------------------------------------------------------------- preparation */

static bool read_document(struct activation *x, struct err *err)
{
	const char *path = x->o->deployment->treaty_path;
	struct complaints list;
	struct buf text;
	complaints_init(&list, path);
	buf_init(&text, YAML_MAX);
	bool ok = yaml_read_file(path, &text, &list);
	x->version.document = arena_sv(x->a, buf_sv(&text));
	x->draft = ok ? treaty_load_text(x->version.document, path, &list) : NULL;
	if (!x->draft)
		err_set(err, ERR_BAD_INPUT, "%s is refused: see 'treaty check'", path);
	buf_finish(&text);
	complaints_finish(&list);
	return x->draft != NULL;
}

static bool find_previous(struct db *db, void *arg, struct err *err)
{
	struct activation *x = arg;
	struct version *list;
	int n = version_list(db, x->a, &list);
	for (int i = 1; i < n; i++)
		if (!sv_eq(list[i].digest, list[0].digest))
			return version_get(db, list[i].id, x->a, &x->version);
	err_set(err, ERR_NOT_FOUND, "no other version was in force before");
	return false;
}

static bool read_previous(struct activation *x, struct err *err)
{
	if (!store_tx(x->o->store, find_previous, x, err))
		return false;
	x->draft = version_load(&x->version, err);
	return x->draft != NULL;
}

static bool prepare(struct cli *c, struct activation *x, struct err *err)
{
	struct opened *o = x->o;
	if (o->in_force.id) {
		x->was = o->treaty;
		o->treaty = NULL;
	}
	if (x->rollback ? !read_previous(x, err) : !read_document(x, err))
		return false;
	const char *why = cli_option(c, "why");
	if (!x->rollback)
		x->approval_n = treaty_approvals(x->draft, x->was, o->deployment->treaty_path, x->a,
						 &x->approval);
	x->version.version = x->draft->version;
	x->version.digest = sv_make((const char *)x->draft->digest, sizeof(x->draft->digest));
	x->version.signatures = x->rollback ? x->version.signatures : signatures_of(x);
	bool agreed = x->approval_n && approvals_count(x->approval, x->approval_n) == x->approval_n;
	x->version.how = x->rollback ? SV("rollback") : agreed ? SV("signed") : SV("unsigned");
	x->version.at_ms = clock_now(clock_real());
	x->version.who = sv_of(cli_who(c));
	x->version.why = sv_of(why ? why : "");
	x->linked = arena_array(x->a, int64_t, (size_t)x->draft->record_n + 1);
	if (!x->was)
		return true;
	x->change_n = treaty_diff(x->was, x->draft, x->a, &x->change);
	return store_tx(o->store, look, x, err);
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	struct activation x = { .o = &o, .a = &o.arena, .rollback = cli_option(c, "rollback") != NULL };
	int code = EXIT_FAILED;
	opened_init(&o);
	if (open_draft(&o, c))
		code = open_store_to_activate(&o, &err) && prepare(c, &x, &err) ? activate(c, &x) :
										   cli_failed(c, &err);
	treaty_destroy(x.was);
	treaty_destroy(x.draft);
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "yes", NULL, "do it; without, it is shown and asked for" },
	{ "why", "TEXT", "the reason, for the record" },
	{ "as", "NAME", "who does it; default: your login name" },
	{ "rollback", NULL, "the version that was in force before, again" },
	{ "unsigned", NULL, "a treaty without keys, for trying out" },
	{ 0 },
};

const struct verb verb_activate = {
	.name = "activate",
	.args = "",
	.summary = "put the signed treaty in force",
	.about =
		"Shows what changes against the version in force, who signed, how many linked\n"
		"records are compared anew and what waits; then, when you say so, makes the document\n"
		"the version in force. Refused unless all who must have signed it as it is: the\n"
		"roles that sign it, and those that had to sign the version before, with the keys\n"
		"which that one names. A running daemon takes the new version over within seconds\n"
		"and loses nothing: what is under way is finished, what waits is decided anew.\n"
		"\n"
		"The document is kept in the store: editing treaty.yaml afterwards changes nothing\n"
		"until that, too, is signed and activated. With --rollback the version before it\n"
		"holds again, whatever the file says.\n",
	.example = "  treaty activate --why 'phones flow both ways, meeting of Nov 24'\n"
		   "  treaty activate --rollback --yes\n",
	.exits = "  1   refused, or failed\n  2   shown, and not put in force\n",
	.json = "  {\"activated\": true, \"version\", \"before\": N or null, \"how\", \"changes\": [as treaty\n"
		"    diff], \"signatures\": [{\"role\", \"state\", \"made\" or \"why\"}], \"compared_anew\": N}\n",
	.option = options,
	.run = run,
};

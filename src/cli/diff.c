#include <unistd.h>

#include "cli/print.h"
#include "cli/versions.h"
#include "store/links.h"

/* One of the two: a file, a version that was in force, or what holds now. */
struct chosen {
	struct treaty *treaty;
	char name[300];
};

struct asking {
	struct arena *a;
	int64_t number; /* 0: the one in force */
	struct version found;
	/* links by record type */
	const struct treaty *of;
	int64_t *linked;
};

static bool find_version(struct db *db, void *arg, struct err *err)
{
	struct asking *q = arg;
	struct version *list;
	int64_t id = version_id_in_force(db);
	if (q->number) {
		id = 0;
		for (int i = version_list(db, q->a, &list) - 1; i >= 0; i--)
			if (list[i].version == q->number)
				id = list[i].id;
	}
	if (!version_get(db, id, q->a, &q->found)) {
		if (q->number)
			err_set(err, ERR_NOT_FOUND, "version %lld was never in force here ('treaty versions')",
				(long long)q->number);
		else
			err_set(err, ERR_NOT_FOUND, "no version is in force yet: name two documents");
		return false;
	}
	return true;
}

static bool count_linked(struct db *db, void *arg, struct err *err)
{
	struct asking *q = arg;
	for (int r = 0; r < q->of->record_n; r++)
		q->linked[r] = links_count(db, &q->of->record[r], LINK_LINKED);
	return true;
}

static bool choose_version(struct opened *o, int64_t number, struct chosen *out, struct err *err)
{
	struct asking q = { .a = &o->arena, .number = number };
	if (!o->store && !open_store_to_read(o, err))
		return false;
	if (!store_tx(o->store, find_version, &q, err))
		return false;
	out->treaty = version_load(&q.found, err);
	snprintf(out->name, sizeof(out->name), "version %lld", (long long)q.found.version);
	return out->treaty != NULL;
}

static bool choose_file(const char *path, struct chosen *out, struct err *err)
{
	struct complaints list;
	complaints_init(&list, path);
	out->treaty = treaty_load(path, &list);
	if (!out->treaty)
		err_set(err, ERR_BAD_INPUT, "%s is refused: line %d: %.*s", path, list.list[0].place.line,
			SV_ARG(list.list[0].text));
	else
		snprintf(out->name, sizeof(out->name), "%s (version %d)", path, out->treaty->version);
	complaints_finish(&list);
	return out->treaty != NULL;
}

static bool choose(struct opened *o, const char *what, struct chosen *out, struct err *err)
{
	int64_t number;
	return sv_to_i64(sv_of(what), &number) && access(what, F_OK) != 0 ?
		       choose_version(o, number, out, err) :
		       choose_file(what, out, err);
}

/* NULL without a store: then nothing is linked. */
static const int64_t *linked(struct opened *o, const struct treaty *of)
{
	struct err err = { 0 };
	struct asking q = { .of = of };
	if (!o->store && !open_store_to_read(o, &err))
		return NULL;
	q.linked = arena_array(&o->arena, int64_t, (size_t)of->record_n + 1);
	return store_tx(o->store, count_linked, &q, &err) ? q.linked : NULL;
}

static int show(struct opened *o, const struct chosen *was, const struct chosen *now, bool json)
{
	struct amendment *list;
	int n = treaty_diff(was->treaty, now->treaty, &o->arena, &list);
	const int64_t *links = linked(o, now->treaty);
	if (json) {
		struct json_object *out = json_object_new_object();
		json_put_sv(out, "from", sv_of(was->name));
		json_put_sv(out, "to", sv_of(now->name));
		json_object_object_add(out, "changes", changes_json(list, n, now->treaty, links));
		print_json(out);
	} else if (n) {
		printf("From %s to %s:\n", was->name, now->name);
		print_changes(list, n, now->treaty, links);
	} else {
		printf("%s and %s mean the same.\n", was->name, now->name);
	}
	return n ? EXIT_CHANGES : EXIT_FINE;
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	struct chosen was = { 0 }, now = { 0 };
	int code = EXIT_FAILED;
	opened_init(&o);
	o.deployment = NULL;
	struct complaints list;
	complaints_init(&list, c->deployment);
	o.deployment = deployment_load(c->deployment, &list);
	struct buf text;
	buf_init(&text, 1 << 20);
	complaints_print(&list, &text);
	fwrite(text.ptr ? text.ptr : "", 1, text.len, stderr);
	buf_finish(&text);
	complaints_finish(&list);
	if (o.deployment) {
		bool ok = c->arg_n > 0 ? choose(&o, c->arg[0], &was, &err) :
					 choose_version(&o, 0, &was, &err);
		ok = ok && (c->arg_n > 1 ? choose(&o, c->arg[1], &now, &err) :
					   choose_file(o.deployment->treaty_path, &now, &err));
		code = ok ? show(&o, &was, &now, c->json) : cli_failed(c, &err);
	}
	treaty_destroy(was.treaty);
	treaty_destroy(now.treaty);
	opened_close(&o);
	return code;
}

const struct verb verb_diff = {
	.name = "diff",
	.args = "[OLD [NEW]]",
	.summary = "say in words what changed between two versions of the treaty",
	.about =
		"Compares what two versions mean, field by field: comments and layout are no\n"
		"change. OLD and NEW are files, or numbers of versions that were in force; without\n"
		"NEW it is the document, without OLD the version in force. Where a store is there,\n"
		"each change says how many linked records it touches.\n",
	.example = "  treaty diff\n  treaty diff 6 7\n  treaty diff old/treaty.yaml treaty.yaml\n",
	.exits = "  1   one of the two cannot be read\n  2   they differ\n",
	.json = "  {\"from\", \"to\", \"changes\": [{\"domain\" or null, \"record\" or null, \"field\" or null,\n"
		"    \"text\", \"compared_anew\": N or null}]}\n",
	.args_max = 2,
	.run = run,
};

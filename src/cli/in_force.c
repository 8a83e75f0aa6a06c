/* in_force.c - the version of the treaty that is in force in a store, beside
 * the document that people edit. */
#include "cli/open.h"

#include "treaty/signature.h"
#include "treaty/yaml.h"

struct treaty *version_load(const struct version *v, struct err *err)
{
	struct complaints list;
	complaints_init(&list, "the version in force");
	struct treaty *t = treaty_load_text(v->document, "the version in force", &list);
	if (!t)
		err_set(err, ERR_STORE, "version %lld in the store cannot be read by this program: %.*s",
			(long long)v->version, SV_ARG(list.n ? list.list[0].text : SV("")));
	complaints_finish(&list);
	return t;
}

struct reading_version {
	struct arena *a;
	struct version *v;
};

static bool read_version(struct db *db, void *arg, struct err *err)
{
	struct reading_version *r = arg;
	version_in_force(db, r->a, r->v);
	return true;
}

static bool same_meaning(const struct version *v, const struct treaty *t)
{
	return sv_eq(v->digest, sv_make((const char *)t->digest, sizeof(t->digest)));
}

bool take_version_in_force(struct opened *o, struct err *err)
{
	struct reading_version r = { &o->arena, &o->in_force };
	o->in_force = (struct version){ 0 };
	if (!store_tx(o->store, read_version, &r, err))
		return false;
	if (!o->in_force.id || (o->treaty && same_meaning(&o->in_force, o->treaty)))
		return true;
	struct treaty *t = version_load(&o->in_force, err);
	if (!t)
		return false;
	if (o->treaty && !treaty_is_keyed(t) && !treaty_is_keyed(o->treaty)) {
		treaty_destroy(t); /* the document holds: nobody signs */
		return true;
	}
	treaty_destroy(o->treaty);
	o->treaty = t;
	o->document_differs = true;
	return true;
}

static bool activate_unsigned(struct db *db, void *arg, struct err *err)
{
	struct opened *o = arg;
	struct buf text;
	struct complaints list;
	complaints_init(&list, o->deployment->treaty_path);
	buf_init(&text, YAML_MAX);
	bool ok = yaml_read_file(o->deployment->treaty_path, &text, &list);
	struct version v = {
		.version = o->treaty->version,
		.digest = sv_make((const char *)o->treaty->digest, sizeof(o->treaty->digest)),
		.document = buf_sv(&text), .signatures = SV(""), .how = SV("unsigned"),
		.at_ms = clock_now(clock_real()), .who = SV("treaty"), .why = SV("no role has a key"),
	};
	if (ok) {
		o->in_force = v;
		o->in_force.id = version_activate(o->store, db, &v);
		o->in_force.document = SV_NONE; /* which lives no longer than this */
	} else {
		err_set(err, ERR_SYSTEM, "%s: cannot be read again", o->deployment->treaty_path);
	}
	buf_finish(&text);
	complaints_finish(&list);
	return ok;
}

bool work_under_version(struct opened *o, struct err *err)
{
	if (!take_version_in_force(o, err))
		return false;
	if (o->document_differs || (o->in_force.id && same_meaning(&o->in_force, o->treaty)))
		return true;
	if (!treaty_is_keyed(o->treaty))
		return store_tx(o->store, activate_unsigned, o, err);
	err_set(err, ERR_BAD_INPUT, "%s version %d is not in force yet: those who sign it run 'treaty "
		"sign', then 'treaty activate'", o->treaty->name, o->treaty->version);
	return false;
}

bool version_instead(struct opened *o)
{
	struct err err = { 0 };
	if (!open_store_to_read(o, &err))
		return false;
	bool ok = o->treaty && treaty_is_keyed(o->treaty);
	store_close(o->store);
	o->store = NULL;
	if (ok)
		fprintf(stderr, "%s is refused: version %d, which is in force, goes on.\n",
			o->deployment->treaty_path, o->treaty->version);
	return ok;
}

struct treaty *treaty_in_force(const struct opened *o)
{
	struct err err = { 0 };
	struct opened s;
	struct treaty *t = NULL;
	opened_init(&s);
	s.deployment = o->deployment;
	if (open_store_to_read(&s, &err)) {
		t = s.treaty;
		s.treaty = NULL;
	}
	s.deployment = NULL; /* not ours to close */
	opened_close(&s);
	return t;
}

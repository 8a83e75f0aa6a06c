#include "systems/rest/description.h"

#include "base/panic.h"

static struct rest_description *load(struct rest_description *d, struct sv text,
				     struct complaints *c)
{
	struct doc doc = { &d->arena, c, d };
	struct yaml_node *root = yaml_parse(text, &d->arena, c);
	if (root && doc_expect(&doc, root, YAML_MAP, "a connector description", root->place)) {
		doc_walk(&doc, &rest_level, root, root->place, d);
		/* the second look judges only what the first could read */
		if (!c->n)
			rest_description_check(&doc, d);
	}
	complaints_sort(c);
	if (!c->n)
		return d;
	rest_description_destroy(d);
	return NULL;
}

static struct rest_description *create(const char *file)
{
	struct rest_description *d = must_zalloc(sizeof(*d));
	arena_init(&d->arena);
	d->file = arena_str(&d->arena, sv_of(file));
	return d;
}

struct rest_description *rest_description_load_text(struct sv text, const char *name,
						    struct complaints *c)
{
	return load(create(name), text, c);
}

struct rest_description *rest_description_load(const char *path, struct complaints *c)
{
	struct buf text;
	struct rest_description *d = NULL;
	buf_init(&text, YAML_MAX);
	if (yaml_read_file(path, &text, c))
		d = load(create(path), buf_sv(&text), c);
	buf_finish(&text);
	return d;
}

void rest_description_destroy(struct rest_description *d)
{
	if (!d)
		return;
	arena_finish(&d->arena);
	free(d);
}

const struct rest_object *rest_object_by_name(const struct rest_description *d, struct sv name)
{
	for (int i = 0; i < d->object_n; i++)
		if (sv_eq(sv_of(d->object[i].name), name))
			return &d->object[i];
	return NULL;
}

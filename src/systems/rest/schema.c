/* Which fields an object has, as the system's own description of itself says. */
#include "systems/rest/ops.h"

#include "base/panic.h"

enum { FIELDS_MAX = 4000 };

static struct sv property(struct json_object *field, const char *path)
{
	return path ? json_scalar_text(json_path(field, path)) : SV_NONE;
}

static const char *text_of(struct json_object *field, const char *path, struct arena *a)
{
	struct sv text = property(field, path);
	return text.len ? arena_str(a, text) : NULL;
}

static enum type_kind kind_of(const struct rest_description *d, struct json_object *field)
{
	for (int i = 0; i < d->describe.rule_n; i++) {
		const struct rest_type_rule *rule = &d->describe.rule[i];
		bool fits = true;
		for (int k = 0; k < rule->when_n && fits; k++)
			fits = sv_eq(property(field, rule->when[k].path), sv_of(rule->when[k].text));
		if (fits)
			return rule->kind;
	}
	return TYPE_TEXT;
}

static void read_options(const struct rest_description *d, struct json_object *field,
			 struct schema_field *out, struct arena *a)
{
	struct json_object *list = d->describe.options ? json_path(field, d->describe.options) : NULL;
	if (!json_object_is_type(list, json_type_array))
		return;
	size_t n = json_object_array_length(list);
	out->picklist = arena_array(a, const char *, n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *option = json_object_array_get_idx(list, i);
		struct sv text = d->describe.option ? property(option, d->describe.option) :
						      json_scalar_text(option);
		bool again = !text.len; /* real lists hold an entry twice now and then */
		for (int k = 0; k < out->picklist_n && !again; k++)
			again = sv_eq(sv_of(out->picklist[k]), text);
		if (!again)
			out->picklist[out->picklist_n++] = arena_str(a, text);
	}
	if (out->picklist_n && out->kind == TYPE_TEXT)
		out->kind = TYPE_PICKLIST;
}

/* What a system does not say is taken to be allowed: it will refuse the write
 * and name the field. */
static void read_field(const struct rest_description *d, struct json_object *json,
		       const char *parent, struct arena *a, struct schema_field *out)
{
	struct sv name = property(json, d->describe.name);
	int64_t length;
	bool read_only = sv_eq(property(json, d->describe.read_only), SV("true"));
	*out = (struct schema_field){
		.api = parent ? arena_printf(a, "%s.%.*s", parent, SV_ARG(name)).ptr :
				arena_str(a, name),
		.label = text_of(json, d->describe.label, a),
		.type = text_of(json, d->describe.type, a),
		.kind = kind_of(d, json),
		.readable = true,
		.createable = !read_only,
		.updateable = !read_only,
		.required = sv_eq(property(json, d->describe.required), SV("true")),
		.refers_to = text_of(json, d->describe.refers_to, a),
	};
	if (sv_to_i64(property(json, d->describe.length), &length) && length > 0 &&
	    length < INT32_MAX)
		out->length = (int)length;
	if (!out->type)
		out->type = type_name(out->kind);
	read_options(d, json, out, a);
}

static bool add_fields(const struct rest_description *d, struct json_object *list,
		       const char *parent, struct arena *a, struct schema_object *out,
		       struct err *err)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *json = json_object_array_get_idx(list, i);
		struct json_object *nested = d->describe.nested ? json_path(json, d->describe.nested) :
								  NULL;
		struct sv name = property(json, d->describe.name);
		if (!name.len)
			continue;
		if (out->field_n == FIELDS_MAX) {
			err_set(err, ERR_TOO_BIG, "%s: %s has more than %d fields", d->name,
				out->object, FIELDS_MAX);
			return false;
		}
		if (!parent && json_object_is_type(nested, json_type_array)) {
			if (!add_fields(d, nested, arena_str(a, name), a, out, err))
				return false;
		} else {
			read_field(d, json, parent, a, &out->field[out->field_n++]);
		}
	}
	return true;
}

bool schema_read(const struct rest_description *d, const char *object, struct json_object *body,
		 struct arena *a, struct schema_object *out, struct err *err)
{
	struct json_object *list = json_path(body, d->describe.fields);
	if (!json_object_is_type(list, json_type_array)) {
		err_set(err, ERR_SERVER, "%s: describe of %s: no %s in the answer", d->name, object,
			d->describe.fields);
		return false;
	}
	*out = (struct schema_object){ .object = arena_str(a, sv_of(object)),
				       .field = arena_array(a, struct schema_field, FIELDS_MAX) };
	return add_fields(d, list, NULL, a, out, err);
}

bool rest_describe(struct connector *c, const char *object, struct arena *a,
		   struct schema_object *out, struct err *err)
{
	struct rest *r = rest_of(c);
	if (!rest_object(r, object, err))
		return false;
	if (!r->d->describe.request.method) {
		err_set(err, ERR_UNSUPPORTED, "%s: its description has no 'describe'", r->d->name);
		return false;
	}
	const struct var var = { "object", sv_of(object) };
	const struct vars vars = { &var, 1, NULL };
	struct rest_ask ask = {
		.on = ON_DESCRIBE,
		.what = arena_printf(a, "describe of %s", object).ptr,
		.request = &r->d->describe.request,
		.vars = &vars,
	};
	struct rest_answer answer;
	bool ok = rest_call(r, &ask, a, &answer, err) &&
		  schema_read(r->d, object, answer.body, a, out, err);
	rest_answer_finish(&answer);
	return ok;
}

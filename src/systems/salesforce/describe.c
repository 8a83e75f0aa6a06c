#include "base/panic.h"
#include "systems/salesforce/sf.h"

/* REST guide, 'sObject Describe'; SOAP guide, 'Field Types'. What is missing
 * (address, location, base64, ...) has no scalar value: text is the nearest. */
static const struct {
	struct sv type;
	enum type_kind kind;
} kinds[] = {
	{ SV("boolean"), TYPE_BOOL },	  { SV("int"), TYPE_INTEGER },
	{ SV("long"), TYPE_INTEGER },	  { SV("double"), TYPE_DECIMAL },
	{ SV("percent"), TYPE_DECIMAL },  { SV("currency"), TYPE_CURRENCY },
	{ SV("date"), TYPE_DATE },	  { SV("datetime"), TYPE_INSTANT },
	{ SV("picklist"), TYPE_PICKLIST }, { SV("multipicklist"), TYPE_SET },
	{ SV("email"), TYPE_EMAIL },	  { SV("phone"), TYPE_PHONE },
	{ SV("reference"), TYPE_LINK },
};

static enum type_kind kind_of(struct sv type)
{
	for (size_t i = 0; i < countof(kinds); i++)
		if (sv_eq(type, kinds[i].type))
			return kinds[i].kind;
	return TYPE_TEXT;
}

static const char *text(struct json_object *o, const char *key, struct arena *a)
{
	return arena_str(a, json_sv(o, key));
}

static int array_len(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? (int)json_object_array_length(list)
							  : 0;
}

/* Active values only: the others may stand in old rows but cannot be written. */
static void read_picklist(struct json_object *list, struct arena *a, struct schema_field *f)
{
	int n = array_len(list);
	f->picklist = arena_array(a, const char *, (size_t)n);
	for (int i = 0; i < n; i++) {
		struct json_object *entry = json_object_array_get_idx(list, (size_t)i);
		if (json_flag(entry, "active", true))
			f->picklist[f->picklist_n++] = text(entry, "value", a);
	}
}

static void read_field(struct json_object *o, struct arena *a, struct schema_field *f)
{
	struct json_object *to = json_at(o, "referenceTo");
	f->api = text(o, "name", a);
	f->label = text(o, "label", a);
	f->type = text(o, "type", a);
	f->kind = kind_of(json_sv(o, "type"));
	f->length = (int)json_i64(o, "length", 0);
	f->precision = (int)json_i64(o, "precision", 0);
	if (f->kind == TYPE_INTEGER)
		f->precision = (int)json_i64(o, "digits", 0);
	f->scale = (int)json_i64(o, "scale", 0);
	/* what field-level security hides is not in the answer at all */
	f->readable = true;
	f->createable = json_flag(o, "createable", false);
	f->updateable = json_flag(o, "updateable", false);
	f->required = f->createable && !json_flag(o, "nillable", true) &&
		      !json_flag(o, "defaultedOnCreate", false);
	f->unique = json_flag(o, "unique", false);
	f->external_id = json_flag(o, "externalId", false);
	f->restricted = json_flag(o, "restrictedPicklist", false);
	read_picklist(json_at(o, "picklistValues"), a, f);
	if (array_len(to) > 0)
		f->refers_to = arena_str(a, json_string(json_object_array_get_idx(to, 0)));
}

bool sf_describe(struct connector *c, const char *object, struct arena *a,
		 struct schema_object *out, struct err *err)
{
	struct salesforce *sf = (struct salesforce *)c;
	struct sv name = sv_of(object);
	struct buf path;
	buf_init(&path, 4096);
	buf_add(&path, SV(SF_API "/sobjects/"));
	buf_add_url(&path, name);
	buf_add(&path, SV("/describe"));
	struct sf_call call = {
		.method = "GET",
		.path = buf_sv(&path),
		.what = arena_printf(a, "describe %s", object).ptr,
	};
	bool ok = sf_call(sf, &call, err);
	struct json_object *fields = json_at(call.json, "fields");
	if (ok && !json_object_is_type(fields, json_type_array)) {
		err_set(err, ERR_SERVER, "describe %s: the answer has no fields", object);
		ok = false;
	}
	if (ok) {
		out->object = text(call.json, "name", a);
		out->field_n = array_len(fields);
		out->field = arena_array(a, struct schema_field, (size_t)out->field_n);
		for (int i = 0; i < out->field_n; i++)
			read_field(json_object_array_get_idx(fields, (size_t)i), a,
				   &out->field[i]);
	}
	sf_call_finish(&call);
	buf_finish(&path);
	return ok;
}

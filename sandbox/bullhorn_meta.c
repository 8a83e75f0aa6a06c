/* meta/ and options/: what the corporation's entities look like, in the shape
 * of real answers (sdk-rest test data, under tests/fixtures/bullhorn). */
#include "base/panic.h"
#include "bullhorn.h"

static bool one_of(const char *name, const char *const *list)
{
	while (*list && strcmp(*list, name) != 0)
		list++;
	return *list != NULL;
}

/* What the form asks for, which is not what the database asks for. */
static bool required_in_form(const struct field_def *f)
{
	static const char *const names[] = { "firstName", "lastName",	   "status",	"owner",
					     "title",	  "clientContact", "startDate", "dateBegin",
					     "isOpen",	  "type",	   NULL };
	return (f->flags & FIELD_REQUIRED) || one_of(f->name, names);
}

static bool is_day(const char *name)
{
	static const char *const names[] = { "startDate", "dateBegin", "dateEnd", "dateAvailable",
					     NULL };
	return one_of(name, names);
}

static const char *data_type(const struct field_def *f)
{
	switch (f->type) {
	case FIELD_ID:
	case FIELD_INT:
		return "Integer";
	case FIELD_BOOL:
		return "Boolean";
	case FIELD_COMPUTED:
		return strcmp(f->name, "isDeleted") == 0 ? "Boolean" : "Timestamp";
	case FIELD_DATETIME:
		return "Timestamp";
	case FIELD_DOUBLE:
		return "Double";
	case FIELD_CURRENCY:
		return "BigDecimal";
	default:
		return "String";
	}
}

static const char *specialization(const struct field_def *f)
{
	switch (f->type) {
	case FIELD_INT:
		return "INTEGER";
	case FIELD_CURRENCY:
		return "MONEY";
	case FIELD_DOUBLE:
		return "PERCENTAGE";
	case FIELD_PHONE:
		return "PHONE";
	case FIELD_DATETIME:
		return is_day(f->name) ? "DATE" : "DATETIME";
	case FIELD_COMPUTED:
		return "SYSTEM";
	default:
		return NULL;
	}
}

/* Some lists store a code and show a word, one stores numbers, and one has a
 * value twice; all of it is seen in real answers. */
static const char *label_of(const char *value)
{
	return strcmp(value, "10") == 0 ? "1099" : strcmp(value, "SU") == 0 ? "SubVendor" : value;
}

static void add_option(struct json_object *list, struct json_object *value, const char *label)
{
	struct json_object *o = json_object_new_object();
	json_object_object_add(o, "value", value);
	json_put_sv(o, "label", sv_of(label));
	json_object_array_add(list, o);
}

static struct json_object *options_of(const struct field_def *f)
{
	static const char *const priorities[] = {
		"Direct",	  "Preferred",	     "VMS",    "Phone Job", "EMR Conversion",
		"Seasonal Needs", "Priority Client", "Unknown"
	};
	struct json_object *list = json_object_new_array();
	for (const char *const *v = f->values; v && *v; v++)
		add_option(list, json_object_new_string(*v), label_of(*v));
	if (f->type == FIELD_INT && strcmp(f->name, "type") == 0)
		for (size_t i = 0; i < countof(priorities); i++)
			add_option(list, json_object_new_int((int)i + 1), priorities[i]);
	if (f->type == FIELD_BOOL && strcmp(f->name, "isOpen") == 0) {
		add_option(list, json_object_new_boolean(true), "Open");
		add_option(list, json_object_new_boolean(false), "Closed");
	}
	if (json_object_array_length(list))
		return list;
	json_object_put(list);
	return NULL;
}

static const char *input_type(const struct field_def *f, const struct json_object *options)
{
	if (f->type == FIELD_TEXTAREA)
		return "TEXTAREA";
	if (f->type == FIELD_BOOL)
		return options ? "RADIO" : "CHECKBOX";
	return options || f->type == FIELD_REFERENCE ? "SELECT" : NULL;
}

struct describer {
	struct bullhorn *b;
	struct arena *arena;
	bool full;
};

static void put_url(struct describer *d, struct json_object *o, const char *key, const char *path,
		    const char *name, const char *tail)
{
	struct sv base = bh_rest_url(d->b, d->arena);
	json_put_sv(o, key, arena_printf(d->arena, "%.*s%s/%s%s", SV_ARG(base), path, name, tail));
}

static struct json_object *describe_field(struct describer *d, const struct field_def *f);

static struct json_object *entity_head(struct describer *d, const struct table_def *def)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "entity", sv_of(def->name));
	put_url(d, o, "entityMetaUrl", "meta", def->name, "?fields=*");
	json_put_sv(o, "label", sv_of(def->label));
	return o;
}

/* The other end: its id and what people see of it. */
static struct json_object *describe_associated(struct describer *d, const char *name)
{
	static const char *const shown[] = { "id", "name", "firstName", "lastName", "title", NULL };
	const struct table_def *def = &bh_types[bh_entity_named(sv_of(name))].def;
	struct json_object *o = entity_head(d, def), *fields = json_object_new_array();
	for (size_t i = 0; i < def->fields_len; i++)
		if (one_of(def->fields[i].name, shown))
			json_object_array_add(fields, describe_field(d, &def->fields[i]));
	json_object_object_add(o, "fields", fields);
	return o;
}

static void describe_reference(struct describer *d, struct json_object *o, const char *target)
{
	json_put_sv(o, "optionsType", sv_of(target));
	put_url(d, o, "optionsUrl", "options", target, "");
	if (d->full)
		json_object_object_add(o, "associatedEntity", describe_associated(d, target));
}

static void put_common(struct json_object *o, const char *label, bool optional, bool required,
		       bool read_only, bool multi)
{
	json_put_bool(o, "confidential", false);
	json_put_bool(o, "optional", optional);
	json_put_sv(o, "label", sv_of(label));
	json_put_bool(o, "required", required);
	json_put_bool(o, "readOnly", read_only);
	json_put_bool(o, "multiValue", multi);
}

static struct json_object *describe_field(struct describer *d, const struct field_def *f)
{
	struct json_object *o = json_object_new_object();
	bool id = f->type == FIELD_ID, one = f->type == FIELD_REFERENCE;
	json_put_sv(o, "name", sv_of(f->name));
	json_put_sv(o, "type", id ? SV("ID") : one ? SV("TO_ONE") : SV("SCALAR"));
	if (!one)
		json_put_sv(o, "dataType", sv_of(data_type(f)));
	if (id) {
		json_put_bool(o, "optional", false);
		return o;
	}
	if (!one && f->length)
		json_put_i64(o, "maxLength", f->length);
	if (specialization(f))
		json_put_sv(o, "dataSpecialization", sv_of(specialization(f)));
	bool optional = !(f->flags & (FIELD_REQUIRED | FIELD_DEFAULTED)) &&
			f->type != FIELD_COMPUTED;
	/* isDeleted is written by an ordinary update. */
	bool read_only = (f->flags & FIELD_NO_UPDATE) && strcmp(f->name, "isDeleted") != 0;
	put_common(o, f->label, optional, required_in_form(f), read_only,
		   f->type == FIELD_MULTIPICKLIST);
	struct json_object *options = options_of(f);
	if (input_type(f, options))
		json_put_sv(o, "inputType", sv_of(input_type(f, options)));
	if (options)
		json_object_object_add(o, "options", options);
	if (one)
		describe_reference(d, o, f->target);
	else if (f->initial && (f->flags & FIELD_DEFAULTED || f->type == FIELD_PICKLIST))
		json_object_object_add(o, "defaultValue", bh_json_value(f, sv_of(f->initial)));
	return o;
}

static struct json_object *describe_many(struct describer *d, const struct bh_many *m)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "name", sv_of(m->name));
	json_put_sv(o, "type", SV("TO_MANY"));
	put_common(o, m->label, true, false, true, false);
	describe_reference(d, o, bh_types[m->child].def.name);
	return o;
}

static struct json_object *describe_compound(struct describer *d, const struct table_def *def,
					     const char *name)
{
	struct json_object *o = json_object_new_object(), *parts = json_object_new_array();
	json_put_sv(o, "name", sv_of(name));
	json_put_sv(o, "type", SV("COMPOSITE"));
	json_put_sv(o, "dataType", SV("Address"));
	json_put_sv(o, "dataSpecialization", SV("SYSTEM"));
	put_common(o, "Address", true, false, false, false);
	for (size_t i = 0; i < def->fields_len; i++)
		if (def->fields[i].compound && strcmp(def->fields[i].compound, name) == 0)
			json_object_array_add(parts, describe_field(d, &def->fields[i]));
	json_object_object_add(o, "fields", parts);
	return o;
}

static bool wanted(const struct bh_fields *f, bool all, const char *name)
{
	bool yes = all;
	for (size_t i = 0; i < f->len && !yes; i++)
		yes = sv_eq(f->items[i].name, sv_of(name));
	return yes;
}

static struct json_object *describe(struct describer *d, enum bh_entity e,
				    const struct bh_fields *f, bool all)
{
	const struct bh_type *t = &bh_types[e];
	struct json_object *o = entity_head(d, &t->def), *fields = json_object_new_array();
	const char *last = "";
	for (size_t i = 0; i < t->def.fields_len; i++) {
		const struct field_def *one = &t->def.fields[i];
		if (!one->compound) {
			if (wanted(f, all, one->name))
				json_object_array_add(fields, describe_field(d, one));
		} else if (strcmp(last, one->compound) != 0) {
			last = one->compound;
			if (wanted(f, all, last))
				json_object_array_add(fields, describe_compound(d, &t->def, last));
		}
	}
	for (size_t i = 0; i < t->many_len; i++)
		if (wanted(f, all, t->many[i].name))
			json_object_array_add(fields, describe_many(d, &t->many[i]));
	json_object_object_add(o, "fields", fields);
	return o;
}

static struct json_object *list_entities(struct describer *d)
{
	struct json_object *list = json_object_new_array();
	for (int e = 0; e < BH_ENTITIES; e++) {
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "entity", sv_of(bh_types[e].def.name));
		put_url(d, o, "metaUrl", "meta", bh_types[e].def.name, "");
		json_object_array_add(list, o);
	}
	return list;
}

void bh_meta_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		    struct http_response *resp)
{
	struct describer d = { b, req->arena, sv_eq(http_arg(req, "meta"), SV("full")) };
	struct sv name = SV_NONE, asked = http_arg(req, "fields");
	struct bh_refusal why = { 0 };
	struct bh_fields fields = { 0 };
	if (!http_segment(req, &rest, &name)) {
		http_json(resp, 200, list_entities(&d));
		return;
	}
	enum bh_entity e = bh_entity_named(name);
	bool all = !asked.len || sv_eq(asked, SV("*"));
	if (e == BH_ENTITIES)
		bh_refuse(&why, 404, "errors.unknownEntity", "Unknown entity type '%.*s'",
			  SV_ARG(name));
	else if (all || bh_fields_parse(req->arena, asked, &fields, &why))
		http_json(resp, 200, describe(&d, e, &fields, all));
	if (why.status)
		bh_answer_refusal(resp, &why, NULL);
}

/* options/{E}: values and labels of an entity's rows, at most 300 a page. */
void bh_options_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		       struct http_response *resp)
{
	struct sv name = SV_NONE;
	struct bh_refusal why = { 0 };
	int64_t start, count, id;
	http_segment(req, &rest, &name);
	enum bh_entity e = bh_entity_named(name);
	if (e == BH_ENTITIES) {
		bh_refuse(&why, 404, "errors.unknownEntity", "no options of type '%.*s'",
			  SV_ARG(name));
		bh_answer_refusal(resp, &why, NULL);
		return;
	}
	bh_page(req, &start, &count);
	struct table *t = b->tables[e];
	int label = table_field(t, SV("name"));
	if (label < 0)
		label = table_field(t, SV("title"));
	struct json_object *o = json_object_new_object(), *data = json_object_new_array();
	for (size_t i = (size_t)start;
	     i < t->rows_len && (int64_t)i < start + (count > 300 ? 300 : count); i++)
		if (sv_to_i64(t->rows[i]->id, &id))
			add_option(data, json_object_new_int64(id),
				   label >= 0 && t->rows[i]->values[label].ptr
					   ? t->rows[i]->values[label].ptr
					   : "");
	json_put_i64(o, "start", start);
	json_put_i64(o, "count", (int64_t)json_object_array_length(data));
	json_object_object_add(o, "data", data);
	http_json(resp, 200, o);
}

#include "treaty/json_schema.h"

static struct json_object *level_schema(const struct doc_level *level);

static struct json_object *typed(const char *type)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "type", sv_of(type));
	return o;
}

static struct json_object *text_like(const char *pattern)
{
	struct json_object *o = typed("string");
	json_put_sv(o, "pattern", sv_of(pattern));
	return o;
}

static struct json_object *whole_number(int64_t least)
{
	struct json_object *o = typed("integer");
	json_put_i64(o, "minimum", least);
	return o;
}

static struct json_object *words_schema(const struct doc_word *words)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	for (const struct doc_word *w = words; w->name; w++)
		json_object_array_add(list, json_object_new_string(w->name));
	json_object_object_add(o, "enum", list);
	return o;
}

/* YAML's plain scalars are numbers and truths to an editor, and text to us. */
static struct json_object *scalar_schema(const struct doc_key *k)
{
	if (k->words)
		return words_schema(k->words);
	if (k->take == take_bool)
		return typed("boolean");
	if (k->take == take_int)
		return whole_number(0);
	if (k->take == take_count || k->take == take_int64)
		return whole_number(1);
	if (k->take == take_duration)
		return text_like("^[1-9][0-9]*(ms|s|m|h|d|w)$");
	if (k->take == take_share)
		return text_like("^[1-9][0-9]?%$|^100%$");
	struct json_object *o = json_object_new_object(), *types = json_object_new_array();
	static const char *const scalar[] = { "string", "number", "boolean" };
	for (size_t i = 0; i < sizeof(scalar) / sizeof(scalar[0]); i++)
		json_object_array_add(types, json_object_new_string(scalar[i]));
	json_object_object_add(o, "type", types);
	return o;
}

static struct json_object *either(struct json_object *one, struct json_object *other)
{
	struct json_object *o = json_object_new_object(), *any = json_object_new_array();
	json_object_array_add(any, one);
	json_object_array_add(any, other);
	json_object_object_add(o, "anyOf", any);
	return o;
}

/* A list beside words or a mapping is read only to be refused with a better
 * word ('two owners'). */
static struct json_object *value_schema(const struct doc_key *k)
{
	struct json_object *scalar = k->kinds & YAML_SCALAR ? scalar_schema(k) : NULL;
	struct json_object *map = NULL;
	if (k->level)
		map = level_schema(k->level);
	else if (k->kinds & YAML_MAP)
		map = typed("object");
	if (map && k->kinds & YAML_LIST) { /* as 'fields': a wildcard is refused, too */
		json_object_put(scalar);
		scalar = NULL;
	}
	if (scalar && map)
		return either(scalar, map);
	if (scalar && k->kinds & YAML_LIST && !k->words)
		return either(scalar, typed("array"));
	return scalar ? scalar : map ? map : typed("array");
}

static struct json_object *key_schema(const struct doc_key *k)
{
	struct json_object *o = value_schema(k);
	if (k->decides)
		json_put_sv(o, "description", sv_of(k->decides));
	return o;
}

static struct json_object *level_schema(const struct doc_level *level)
{
	struct json_object *o = typed("object"), *properties = json_object_new_object(),
			   *required = json_object_new_array(), *others = NULL;
	for (const struct doc_key *k = level->key; k->name; k++) {
		if (strcmp(k->name, "*") == 0) {
			others = key_schema(k);
			continue;
		}
		json_object_object_add(properties, k->name, key_schema(k));
		if (k->required)
			json_object_array_add(required, json_object_new_string(k->name));
	}
	json_object_object_add(o, "properties", properties);
	json_object_object_add(o, "additionalProperties", others ? others : json_object_new_boolean(false));
	if (json_object_array_length(required))
		json_object_object_add(o, "required", required);
	else
		json_object_put(required);
	return o;
}

struct json_object *json_schema(const struct doc_level *top, const char *title)
{
	struct json_object *o = level_schema(top);
	json_put_sv(o, "$schema", SV("http://json-schema.org/draft-07/schema#"));
	json_put_sv(o, "title", sv_of(title));
	return o;
}

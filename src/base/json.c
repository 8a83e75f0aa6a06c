#include "base/json.h"

enum { JSON_MAX_DEPTH = 64 };

struct json_object *json_parse(struct sv text, const char *what, struct err *err)
{
	struct json_tokener *tok = json_tokener_new_ex(JSON_MAX_DEPTH);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	struct json_object *o = NULL;
	if (text.len > INT32_MAX) {
		err_set(err, ERR_TOO_BIG, "%s: more than 2 GiB of JSON", what);
		goto out;
	}
	/* A number at the very end is only known to be complete when something
	 * follows it; feed the NUL that ends every complete text. */
	o = json_tokener_parse_ex(tok, text.len ? text.ptr : "", (int)text.len);
	enum json_tokener_error e = json_tokener_get_error(tok);
	if (e == json_tokener_continue) {
		o = json_tokener_parse_ex(tok, "", 1);
		e = json_tokener_get_error(tok);
	}
	if (e != json_tokener_success) {
		json_object_put(o);
		o = NULL;
		err_set(err, ERR_SERVER, "%s: not JSON: %s at byte %zu of %zu", what,
			text.len ? json_tokener_error_desc(e) : "empty",
			json_tokener_get_parse_end(tok), text.len);
	}
out:
	json_tokener_free(tok);
	return o;
}

struct json_object *json_at(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;
	if (!json_object_is_type(o, json_type_object))
		return NULL;
	json_object_object_get_ex(o, key, &v);
	return v;
}

bool json_has(struct json_object *o, const char *key)
{
	return json_object_is_type(o, json_type_object) &&
	       json_object_object_get_ex(o, key, NULL);
}

struct json_object *json_path(struct json_object *o, const char *path)
{
	struct sv left = sv_of(path), step;
	bool more = true;
	while (more && o) {
		more = sv_cut(left, '.', &step, &left);
		char key[128];
		int64_t i;
		if (step.len >= sizeof(key))
			return NULL;
		memcpy(key, step.ptr, step.len);
		key[step.len] = '\0';
		if (json_object_is_type(o, json_type_array) && sv_to_i64(step, &i) && i >= 0)
			o = json_object_array_get_idx(o, (size_t)i);
		else
			o = json_at(o, key);
	}
	return o;
}

struct sv json_string(struct json_object *v)
{
	if (!json_object_is_type(v, json_type_string))
		return SV_NONE;
	return sv_make(json_object_get_string(v), (size_t)json_object_get_string_len(v));
}

struct sv json_sv(struct json_object *o, const char *key)
{
	return json_string(json_at(o, key));
}

int64_t json_i64(struct json_object *o, const char *key, int64_t otherwise)
{
	struct json_object *v = json_at(o, key);
	int64_t n;
	if (json_object_is_type(v, json_type_int))
		return json_object_get_int64(v);
	if (json_object_is_type(v, json_type_string) && sv_to_i64(json_string(v), &n))
		return n;
	return otherwise;
}

bool json_flag(struct json_object *o, const char *key, bool otherwise)
{
	struct json_object *v = json_at(o, key);
	return json_object_is_type(v, json_type_boolean) ? json_object_get_boolean(v) : otherwise;
}

struct sv json_scalar_text(struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_string:
		return json_string(v);
	case json_type_boolean:
		return json_object_get_boolean(v) ? SV("true") : SV("false");
	case json_type_int:
	case json_type_double:
		/* json-c writes back the digits it read */
		return sv_of(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN));
	default:
		return SV_NONE;
	}
}

struct json_object *json_from_sv(struct sv s)
{
	return json_object_new_string_len(s.ptr ? s.ptr : "", (int)s.len);
}

void json_put_sv(struct json_object *o, const char *key, struct sv s)
{
	json_object_object_add(o, key, json_from_sv(s));
}

void json_put_i64(struct json_object *o, const char *key, int64_t n)
{
	json_object_object_add(o, key, json_object_new_int64(n));
}

void json_put_bool(struct json_object *o, const char *key, bool b)
{
	json_object_object_add(o, key, json_object_new_boolean(b));
}

void buf_add_json(struct buf *b, struct json_object *o)
{
	size_t n = 0;
	const char *s = json_object_to_json_string_length(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
	buf_add(b, sv_make(s, n));
}

void buf_add_json_text(struct buf *b, struct sv s)
{
	size_t from = 0;
	buf_addc(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(b, sv_make(s.ptr + from, i - from));
		from = i + 1;
		switch (c) {
		case '"':
			buf_add(b, SV("\\\""));
			break;
		case '\\':
			buf_add(b, SV("\\\\"));
			break;
		case '\n':
			buf_add(b, SV("\\n"));
			break;
		case '\r':
			buf_add(b, SV("\\r"));
			break;
		case '\t':
			buf_add(b, SV("\\t"));
			break;
		default:
			buf_addf(b, "\\u%04x", c);
		}
	}
	buf_add(b, sv_make(s.ptr + from, s.len - from));
	buf_addc(b, '"');
}

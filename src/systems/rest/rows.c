#include "systems/rest/rows.h"

#include "base/log.h"

/* ---- what to ask for ---- */

struct wanted {
	struct sv path;
	bool many; /* the first step is a to-many list */
};

static void add_selection(const struct rest_description *d, struct buf *out,
			  const struct wanted *w, int n, struct arena *a)
{
	struct sv head, tail, other;
	for (int i = 0; i < n; i++) {
		bool seen = false, many = false;
		sv_cut(w[i].path, '.', &head, &tail);
		for (int k = 0; k < i && !seen; k++) {
			sv_cut(w[k].path, '.', &other, &tail);
			seen = sv_eq(other, head);
		}
		if (seen)
			continue;
		struct wanted *parts = arena_array(a, struct wanted, (size_t)n);
		int parts_n = 0;
		for (int k = i; k < n; k++) {
			sv_cut(w[k].path, '.', &other, &tail);
			if (!sv_eq(other, head) || !tail.len)
				continue;
			many = many || w[k].many;
			parts[parts_n++] = (struct wanted){ tail, false };
		}
		if (i)
			buf_addc(out, ',');
		buf_add(out, head);
		if (many && d->rows.to_many)
			buf_addf(out, "[%d]", d->rows.to_many);
		if (parts_n) {
			buf_addc(out, '(');
			add_selection(d, out, parts, parts_n, a);
			buf_addc(out, ')');
		}
	}
}

struct sv rows_selector(const struct rest_description *d, const char *const *more, int more_n,
			const struct field_ref *field, int field_n, struct arena *a)
{
	struct wanted *w = arena_array(a, struct wanted, (size_t)(more_n + field_n));
	int n = 0;
	for (int i = 0; i < more_n; i++)
		if (more[i])
			w[n++].path = sv_of(more[i]);
	for (int i = 0; i < field_n; i++) {
		const struct field_ref *f = &field[i];
		if (f->type.kind == TYPE_LINK && d->values.ref == REF_OBJECT)
			w[n].path = arena_printf(a, "%s.id", f->api);
		else
			w[n].path = sv_of(f->api);
		w[n++].many = f->type.kind == TYPE_SET;
	}
	struct buf b;
	buf_init(&b, 1 << 20);
	add_selection(d, &b, w, n, a);
	struct sv text = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	return text;
}

/* ---- values ---- */

/* {"total": 12, "data": [...]}: the members, or NULL when this is no such list. */
static struct json_object *to_many(const struct rest_description *d, struct json_object *o)
{
	struct json_object *data;
	if (!d->rows.total || !d->rows.data || !json_at(o, d->rows.total))
		return NULL;
	data = json_path(o, d->rows.data);
	return json_object_is_type(data, json_type_array) ? data : NULL;
}

static struct value unfit(const char *api, const char *why)
{
	log_debug("rest", "%s: %s; the value counts as unknown", api, why);
	return (struct value){ VALUE_UNKNOWN };
}

static struct value set_of_members(const struct rest_description *d, struct json_object *list,
				   struct sv part, const struct field_ref *f, struct arena *a)
{
	struct value_dialect plain = d->values;
	struct json_object *data = to_many(d, list), *texts;
	struct value v = { 0 };
	struct err err = { 0 };
	if (json_i64(list, d->rows.total, 0) > (int64_t)json_object_array_length(data))
		return unfit(f->api, "a list that was cut short");
	plain.set = SET_ARRAY;
	texts = json_object_new_array();
	const char *key = part.len ? arena_str(a, part) : d->rows.id;
	for (size_t i = 0; i < json_object_array_length(data); i++) {
		struct sv text = json_scalar_text(json_path(json_object_array_get_idx(data, i), key));
		json_object_array_add(texts, json_from_sv(text));
	}
	bool ok = value_from_json(&plain, &f->type, texts, a, &v, &err);
	json_object_put(texts);
	return ok ? v : unfit(f->api, err.what);
}

struct value rows_value(const struct rest_description *d, struct json_object *row,
			const struct field_ref *f, struct arena *a)
{
	struct sv step, path = sv_of(f->api);
	struct json_object *o = row;
	struct value v = { 0 };
	struct err err = { 0 };
	bool more = true;
	while (more) {
		char key[128];
		more = sv_cut(path, '.', &step, &path);
		snprintf(key, sizeof(key), "%.*s", SV_ARG(step));
		if (!json_has(o, key))
			return v; /* not answered: nobody knows */
		o = json_at(o, key);
		if (!o)
			return value_null();
		if (f->type.kind == TYPE_SET && to_many(d, o))
			return set_of_members(d, o, path, f, a);
	}
	return value_from_json(&d->values, &f->type, o, a, &v, &err) ? v : unfit(f->api, err.what);
}

/* ---- rows ---- */

bool rows_list(const struct rest_description *d, struct json_object *body, struct rows_list *out)
{
	struct json_object *data = d->rows.data ? json_path(body, d->rows.data) : body;
	*out = (struct rows_list){ 0 };
	if (json_object_is_type(data, json_type_array))
		*out = (struct rows_list){ data, NULL, json_object_array_length(data) };
	else if (json_object_is_type(data, json_type_object))
		*out = (struct rows_list){ NULL, data, 1 };
	else if (json_has(body, d->rows.id)) /* without the envelope */
		*out = (struct rows_list){ NULL, body, 1 };
	return out->array || out->single;
}

struct json_object *rows_at(const struct rows_list *l, size_t i)
{
	return l->array ? json_object_array_get_idx(l->array, i) : l->single;
}

static int64_t stamp(const struct rest_description *d, struct json_object *row, const char *field,
		     struct arena *a)
{
	struct field_ref f = { field, { .kind = TYPE_INSTANT, .scale = -1, .link_record = -1 } };
	int64_t ms = 0;
	if (!field)
		return 0;
	struct value v = rows_value(d, row, &f, a);
	return v.kind == VALUE_INSTANT && time_parse(v.text, &ms) ? ms : 0;
}

bool rows_read(const struct rest_description *d, const struct rest_object *o,
	       struct json_object *json, const struct field_ref *field, int field_n,
	       struct arena *a, struct row *out)
{
	struct sv id = json_scalar_text(json_at(json, d->rows.id));
	if (!id.len)
		return false;
	*out = (struct row){
		.id = arena_sv(a, id),
		.existence = o->deleted && json_flag(json, o->deleted, false) ? EXISTENCE_DELETED :
										EXISTENCE_PRESENT,
		.modified_ms = stamp(d, json, o->modified, a),
		.value = arena_array(a, struct value, (size_t)field_n),
	};
	for (int i = 0; i < field_n; i++)
		out->value[i] = rows_value(d, json, &field[i], a);
	return true;
}

/* ---- writing ---- */

/* The object under 'path' less its last step, made where it is missing. */
static struct json_object *home_of(struct json_object *o, struct sv *path)
{
	struct sv step, rest;
	while (sv_cut(*path, '.', &step, &rest)) {
		char key[128];
		snprintf(key, sizeof(key), "%.*s", SV_ARG(step));
		struct json_object *child = json_at(o, key);
		if (!child) {
			child = json_object_new_object();
			json_object_object_add(o, key, child);
		}
		o = child;
		*path = rest;
	}
	return o;
}

struct json_object *rows_body(const struct rest_description *d, const struct write_field *field,
			      int n, const char **bad, struct err *err)
{
	struct json_object *body = json_object_new_object();
	for (int i = 0; i < n; i++) {
		const struct write_field *f = &field[i];
		struct sv path = sv_of(f->api);
		bool list = f->type.kind == TYPE_SET && memchr(path.ptr, '.', path.len);
		if (list || !value_fits(&d->values, f->value, err)) {
			if (list)
				err_set(err, ERR_REJECTED, "%s: members of a list are not written",
					f->api);
			*bad = f->api;
			json_object_put(body);
			return NULL;
		}
		struct json_object *home = home_of(body, &path);
		char key[128];
		snprintf(key, sizeof(key), "%.*s", SV_ARG(path));
		json_object_object_add(home, key, value_to_json(&d->values, &f->type, f->value));
	}
	return body;
}

/* ---- conditions ---- */

void jpql_text(struct buf *out, struct sv text)
{
	buf_addc(out, '\'');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\'')
			buf_addc(out, '\'');
		buf_addc(out, text.ptr[i]);
	}
	buf_addc(out, '\'');
}

static void jpql_time(const struct rest_description *d, const struct write_field *f,
		      struct buf *out)
{
	struct json_object *json = value_to_json(&d->values, &f->type, f->value);
	if (json_object_is_type(json, json_type_string))
		jpql_text(out, json_string(json));
	else
		buf_add(out, json_scalar_text(json));
	json_object_put(json);
}

void jpql_since(const struct rest_description *d, const char *api, int64_t since_ms,
		struct buf *out)
{
	char at[TIME_TEXT_SIZE];
	time_format_ms(since_ms, at);
	const struct write_field f = {
		api, { .kind = TYPE_INSTANT, .scale = -1, .link_record = -1 },
		{ VALUE_INSTANT, sv_of(at) },
	};
	buf_addf(out, "%s >= ", api);
	jpql_time(d, &f, out);
}

bool jpql_equal(const struct rest_description *d, const struct write_field *f, struct buf *out,
		struct err *err)
{
	struct sv text = f->value.text;
	int64_t n;
	bool ref = f->value.kind == VALUE_REF;
	if (f->value.kind == VALUE_UNKNOWN || f->value.kind == VALUE_SET ||
	    f->value.kind == VALUE_LINK) {
		err_set(err, ERR_UNSUPPORTED, "%s: a %s cannot be looked up", f->api,
			value_kind_name(f->value.kind));
		return false;
	}
	buf_add(out, sv_of(f->api));
	if (ref && d->values.ref == REF_OBJECT)
		buf_addf(out, ".%s", d->rows.id);
	if (f->value.kind == VALUE_NULL) {
		buf_add(out, SV(" IS NULL"));
		return true;
	}
	buf_add(out, SV(" = "));
	switch (f->value.kind) {
	case VALUE_BOOL:
	case VALUE_INTEGER:
	case VALUE_DECIMAL:
		buf_add(out, text);
		break;
	case VALUE_DATE:
	case VALUE_INSTANT:
		jpql_time(d, f, out);
		break;
	default:
		if (ref && sv_to_i64(text, &n))
			buf_add(out, text);
		else
			jpql_text(out, text);
	}
	return true;
}

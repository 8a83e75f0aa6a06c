#include "value/dialect.h"

#include "base/clock.h"
#include "base/panic.h"
#include "value/canon.h"

/* ---- reading ---- */

static bool refuse_json(struct err *err, const struct value_type *type,
			struct json_object *json)
{
	bool set = err && err->code;
	err_set(err, ERR_BAD_INPUT, "JSON %s where a %s belongs",
		json_type_to_name(json_object_get_type(json)), type_name(type->kind));
	if (err && !set)
		err->scope = SCOPE_FIELD;
	return false;
}

static bool read_ref(const struct value_type *type, struct json_object *json, struct arena *a,
		     struct value *out, struct err *err)
{
	/* Bullhorn answers a reference as {"id": 12, ...}, or null inside */
	bool object = json_object_is_type(json, json_type_object);
	if (object && !json_has(json, "id"))
		return refuse_json(err, type, json);
	struct json_object *id = object ? json_at(json, "id") : json;
	if (id && !json_object_is_type(id, json_type_int) &&
	    !json_object_is_type(id, json_type_string))
		return refuse_json(err, type, id);
	return value_from_text(type, json_scalar_text(id), a, out, err);
}

static bool read_set(const struct value_dialect *d, const struct value_type *type,
		     struct json_object *json, struct arena *a, struct value *out,
		     struct err *err)
{
	struct set_builder b = { .arena = a };
	struct sv text;
	if (json_object_is_type(json, json_type_array)) {
		size_t n = json_object_array_length(json);
		for (size_t i = 0; i < n; i++) {
			struct json_object *m = json_object_array_get_idx(json, i);
			if (json_object_is_type(m, json_type_object) ||
			    json_object_is_type(m, json_type_array))
				return refuse_json(err, type, m);
			if (!text_normalise(json_scalar_text(m), a, &text, err) ||
			    !set_add(&b, text, err))
				return false;
		}
	} else if (d->set != SET_ARRAY && json_object_is_type(json, json_type_string)) {
		if (!text_normalise(json_string(json), a, &text, err))
			return false;
		set_add_split(&b, text, d->set == SET_COMMA ? ',' : ';');
	} else {
		return refuse_json(err, type, json);
	}
	*out = set_finish(&b);
	return true;
}

/* Milliseconds since 1970, where the system writes its times so. False when
 * the text is no whole number, and may yet be an ISO spelling: Bullhorn writes
 * effective dates as '2026-11-23' and all others as numbers. */
static bool epoch_ms(struct sv text, struct arena *a, int64_t *ms)
{
	struct sv n;
	return number_canonical(text, -1, a, &n) && sv_to_i64(n, ms);
}

static bool read_time(const struct value_dialect *d, const struct value_type *type,
		      struct json_object *json, struct arena *a, struct value *out,
		      struct err *err)
{
	struct sv text = json_scalar_text(json);
	bool day = type->kind == TYPE_DATE;
	bool epoch = day ? d->date == DATE_EPOCH_MS : d->instant == INSTANT_EPOCH_MS;
	int64_t ms;
	if (!epoch && !json_object_is_type(json, json_type_string))
		return refuse_json(err, type, json);
	if (epoch && epoch_ms(text, a, &ms)) {
		if (day ? date_of_ms(ms, a, out) : instant_of_ms(ms, a, out))
			return true;
		return value_refuse(err, text, "is beyond the calendar");
	}
	return value_from_text(type, text, a, out, err);
}

/* json-c turns a whole number beyond 64 bits into the nearest end of its range
 * without a word. Either end is far from any real value, so both are refused. */
static bool saturated(struct json_object *json)
{
	if (!json_object_is_type(json, json_type_int))
		return false;
	struct sv text = json_scalar_text(json);
	return sv_eq(text, SV("18446744073709551615")) || sv_eq(text, SV("-9223372036854775808"));
}

bool value_from_json(const struct value_dialect *d, const struct value_type *type,
		     struct json_object *json, struct arena *a, struct value *out,
		     struct err *err)
{
	*out = (struct value){ 0 };
	if (!json) {
		*out = value_null();
		return true;
	}
	if (type->kind == TYPE_LINK)
		return read_ref(type, json, a, out, err);
	if (type->kind == TYPE_SET)
		return read_set(d, type, json, a, out, err);
	if (json_object_is_type(json, json_type_object) ||
	    json_object_is_type(json, json_type_array))
		return refuse_json(err, type, json);
	if (type->kind == TYPE_DATE || type->kind == TYPE_INSTANT)
		return read_time(d, type, json, a, out, err);
	if (saturated(json))
		return value_refuse(err, json_scalar_text(json), "is beyond 64 bits");
	bool number = type->kind == TYPE_INTEGER || type->kind == TYPE_DECIMAL ||
		      type->kind == TYPE_CURRENCY;
	if (number && json_object_is_type(json, json_type_boolean))
		return refuse_json(err, type, json);
	return value_from_text(type, json_scalar_text(json), a, out, err);
}

/* ---- writing ---- */

static const enum value_kind kind_of_type[] = {
	[TYPE_TEXT] = VALUE_TEXT,	[TYPE_EMAIL] = VALUE_TEXT,
	[TYPE_PHONE] = VALUE_TEXT,	[TYPE_PICKLIST] = VALUE_TEXT,
	[TYPE_BOOL] = VALUE_BOOL,	[TYPE_INTEGER] = VALUE_INTEGER,
	[TYPE_DECIMAL] = VALUE_DECIMAL, [TYPE_CURRENCY] = VALUE_DECIMAL,
	[TYPE_DATE] = VALUE_DATE,	[TYPE_INSTANT] = VALUE_INSTANT,
	[TYPE_SET] = VALUE_SET,		[TYPE_LINK] = VALUE_REF,
};

static struct json_object *write_number(struct sv digits)
{
	int64_t n;
	if (sv_to_i64(digits, &n))
		return json_object_new_int64(n);
	/* The text is what is written; the double beside it is never read.
	 * '.0' because many readers, json-c among them, keep the digits of a
	 * fraction but saturate a whole number beyond 64 bits. */
	char text[1024];
	bool whole = !memchr(digits.ptr, '.', digits.len);
	snprintf(text, sizeof(text), "%.*s%s", SV_ARG(digits), whole ? ".0" : "");
	return json_object_new_double_s(strtod(text, NULL), text);
}

static struct json_object *write_ref(const struct value_dialect *d, struct sv id)
{
	int64_t n;
	if (d->ref == REF_TEXT)
		return json_from_sv(id);
	bool number = sv_to_i64(id, &n) && (id.len == 1 || id.ptr[0] != '0');
	struct json_object *o = json_object_new_object();
	json_object_object_add(o, "id", number ? json_object_new_int64(n) : json_from_sv(id));
	return o;
}

static struct json_object *write_set(const struct value_dialect *d, struct sv members)
{
	struct sv rest = members, member;
	if (d->set == SET_ARRAY) {
		struct json_object *list = json_object_new_array();
		while (value_set_next(&rest, &member))
			json_object_array_add(list, json_from_sv(member));
		return list;
	}
	struct buf b;
	buf_init(&b, members.len * 2);
	while (value_set_next(&rest, &member)) {
		if (b.len)
			buf_add(&b, d->set == SET_COMMA ? SV(", ") : SV(";"));
		buf_add(&b, member);
	}
	struct json_object *text = json_from_sv(buf_sv(&b));
	buf_finish(&b);
	return text;
}

static int64_t instant_to_ms(struct sv text)
{
	int64_t ms;
	if (!time_parse(text, &ms))
		panic("'%.*s' is not a canonical instant", SV_ARG(text));
	return ms;
}

struct json_object *value_to_json(const struct value_dialect *d, const struct value_type *type,
				  struct value v)
{
	if (v.kind == VALUE_NULL)
		return NULL;
	if (v.kind != kind_of_type[type->kind])
		panic("a value of kind %s written as type %s", value_kind_name(v.kind),
		      type_name(type->kind));
	switch (v.kind) {
	case VALUE_BOOL:
		return json_object_new_boolean(sv_eq(v.text, SV("true")));
	case VALUE_INTEGER:
	case VALUE_DECIMAL:
		return write_number(v.text);
	case VALUE_DATE:
		if (d->date == DATE_EPOCH_MS)
			return json_object_new_int64(date_to_ms(v.text));
		break;
	case VALUE_INSTANT:
		if (d->instant == INSTANT_EPOCH_MS)
			return json_object_new_int64(instant_to_ms(v.text));
		break;
	case VALUE_SET:
		return write_set(d, v.text);
	case VALUE_REF:
		return write_ref(d, v.text);
	default:
		break;
	}
	return json_from_sv(v.text);
}

bool value_fits(const struct value_dialect *d, struct value v, struct err *err)
{
	if (v.kind != VALUE_SET || d->set == SET_ARRAY)
		return true;
	char separator = d->set == SET_COMMA ? ',' : ';';
	struct sv rest = v.text, member;
	while (value_set_next(&rest, &member))
		if (memchr(member.ptr, separator, member.len))
			return value_refuse(err, member,
					    "holds the sign that separates a set's members there");
	return true;
}

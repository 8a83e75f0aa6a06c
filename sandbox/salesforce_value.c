/* Values between their canonical text and the wire. */
#include "base/panic.h"
#include "salesforce.h"

static struct sv number_text(struct arena *a, int64_t n)
{
	return arena_printf(a, "%lld", (long long)n);
}

static struct sv person_name(struct arena *a, const struct row *r)
{
	struct sv first = row_get(r, "FirstName"), last = row_get(r, "LastName");
	return first.len ? arena_printf(a, "%.*s %.*s", SV_ARG(first), SV_ARG(last)) : last;
}

/* Stamps have whole seconds (SystemModstamp, LastModifiedDate). */
static int64_t whole_second(int64_t ms)
{
	return ms - ms % 1000;
}

struct sv sf_value(struct arena *a, const struct row *r, int field)
{
	switch (sf_field(r->table, field)->source) {
	case SF_STORED:
		return r->values[field];
	case SF_ID:
		return r->id;
	case SF_IS_DELETED:
		return r->deleted ? SV("true") : SV("false");
	case SF_MASTER:
		return r->merged_into;
	case SF_CREATED:
		return number_text(a, whole_second(r->created_ms));
	case SF_CREATED_BY:
		return r->created_by;
	case SF_MODIFIED:
		return number_text(a, whole_second(r->modified_ms));
	case SF_MODIFIED_BY:
		return r->modified_by;
	case SF_PERSON_NAME:
		return person_name(a, r);
	case SF_ADDRESS:
		return SV_NONE;
	}
	return SV_NONE;
}

void sf_render_text(struct buf *b, const struct field_def *f, struct sv v, enum sf_dialect d)
{
	char at[TIME_TEXT_SIZE];
	int64_t ms = 0;
	if (!v.ptr) {
		buf_add(b, SV("null"));
		return;
	}
	switch (f->type) {
	case FIELD_BOOL:
	case FIELD_INT:
		buf_add(b, v);
		break;
	case FIELD_DOUBLE:
	case FIELD_CURRENCY:
		/* The service prints doubles: 3 openings are 3.0. */
		buf_add(b, v);
		if (!memchr(v.ptr, '.', v.len))
			buf_add(b, SV(".0"));
		break;
	case FIELD_DATETIME:
		sv_to_i64(v, &ms);
		time_format_ms(ms, at);
		/* REST writes '+0000', change events 'Z'. */
		buf_addf(b, "\"%.23s%s\"", at, d == SF_REST ? "+0000" : "Z");
		break;
	default:
		buf_add_json_text(b, v);
	}
}

/* REST names the parts in lower case, change events as the fields do. */
static void render_address(struct buf *b, struct arena *a, const struct row *r, int field)
{
	static const char *const parts[] = { "City", "Country", "PostalCode", "State", "Street" };
	const char *compound = r->table->def->fields[field].name;
	size_t prefix = strlen(compound) - strlen("Address");
	struct buf inner;
	bool any = false;
	buf_init(&inner, 64 * 1024);
	for (size_t i = 0; i < countof(parts); i++) {
		struct sv name = arena_printf(a, "%.*s%s", (int)prefix, compound, parts[i]);
		struct sv v = r->values[table_field(r->table, name)];
		any |= v.ptr != NULL;
		buf_addf(&inner, "%s\"%c%s\":", i ? "," : "{", parts[i][0] | 0x20, parts[i] + 1);
		if (v.ptr)
			buf_add_json_text(&inner, v);
		else
			buf_add(&inner, SV("null"));
	}
	if (any) {
		buf_add(b, buf_sv(&inner));
		buf_add(b, SV(",\"geocodeAccuracy\":null,\"latitude\":null,\"longitude\":null}"));
	} else {
		buf_add(b, SV("null"));
	}
	buf_finish(&inner);
}

void sf_render_value(struct buf *b, struct arena *a, const struct row *r, int field, enum sf_dialect d)
{
	if (sf_field(r->table, field)->source == SF_ADDRESS)
		render_address(b, a, r, field);
	else
		sf_render_text(b, &r->table->def->fields[field], sf_value(a, r, field), d);
}

void sf_render_attributes(struct buf *b, struct sv version, const struct row *r)
{
	buf_addf(b, "\"attributes\":{\"type\":\"%s\",\"url\":\"/services/data/%.*s/sobjects/%s/%.*s\"}",
		 r->table->def->name, SV_ARG(version), r->table->def->name, SV_ARG(r->id));
}

/* Digits before and after the point of a decimal; false for anything else. */
static bool split_decimal(struct sv v, bool *negative, struct sv *whole, struct sv *fraction)
{
	*negative = v.len && v.ptr[0] == '-';
	if (*negative)
		v = sv_make(v.ptr + 1, v.len - 1);
	sv_cut(v, '.', whole, fraction);
	if (!whole->len && !fraction->len)
		return false;
	for (size_t i = 0; i < v.len; i++)
		if ((v.ptr[i] < '0' || v.ptr[i] > '9') && v.ptr + i != whole->ptr + whole->len)
			return false;
	return true;
}

/* Rounded half up to the scale, without needless zeros. Exact: nothing passes
 * through a double. */
static bool canonical_number(struct arena *a, struct sv v, int precision, int scale, struct sv *out)
{
	bool negative;
	struct sv whole, fraction;
	enum { DIGITS = 40 };
	char d[DIGITS + 2] = "0";
	if (!split_decimal(v, &negative, &whole, &fraction))
		return false;
	while (whole.len && whole.ptr[0] == '0')
		whole.ptr++, whole.len--;
	if (whole.len + (size_t)scale > DIGITS - 2 || (int)whole.len > precision - scale)
		return false;
	size_t n = 1; /* d[0] takes a carry */
	for (size_t i = 0; i < whole.len; i++)
		d[n++] = whole.ptr[i];
	for (int i = 0; i < scale; i++)
		d[n++] = (size_t)i < fraction.len ? fraction.ptr[i] : '0';
	if (fraction.len > (size_t)scale && fraction.ptr[scale] >= '5') {
		size_t i = n - 1;
		while (d[i] == '9')
			d[i--] = '0';
		d[i]++;
	}
	size_t point = n - (size_t)scale, first = 0;
	while (first + 1 < point && d[first] == '0')
		first++;
	while (n > point && d[n - 1] == '0')
		n--;
	bool zero = n == point && point == first + 1 && d[first] == '0';
	*out = arena_printf(a, "%s%.*s%s%.*s", negative && !zero ? "-" : "", (int)(point - first),
			    d + first, n > point ? "." : "", (int)(n - point), d + point);
	return true;
}

static bool bad_type(struct arena *a, struct table *t, int field, struct sv text, struct sf_error *e)
{
	sf_fail(a, e, 400, "JSON_PARSER_ERROR",
		"Cannot deserialize instance of %s from VALUE_STRING value %.*s or request may be missing a required field",
		sf_type_name(t, field), SV_ARG(text));
	sf_fail_field(e, t->def->fields[field].name);
	return false;
}

static bool accept_reference(struct arena *a, struct table *t, int field, struct sv text, struct sv *out,
			     struct sf_error *e)
{
	const struct field_def *f = &t->def->fields[field];
	struct table *target = tables_find(t->all, sv_of(f->target));
	char full[SF_ID_LEN + 1];
	if (!sf_id_normal(text, full) || memcmp(full, target->def->prefix, 3) != 0) {
		sf_fail(a, e, 400, "MALFORMED_ID", "%s: id value of incorrect type: %.*s", f->label,
			SV_ARG(text));
		sf_fail_field(e, f->name);
		return false;
	}
	*out = arena_sv(a, sv_make(full, SF_ID_LEN));
	return true;
}

bool sf_accept(struct arena *a, struct table *t, int field, struct json_object *json, struct sv *out,
	       struct sf_error *e)
{
	const struct field_def *f = &t->def->fields[field];
	struct sv text = json_scalar_text(json);
	int64_t ms;
	*out = SV_NONE;
	if (json && !text.ptr)
		return bad_type(a, t, field, SV("[object]"), e);
	text = sv_trim(text);
	if (!text.len) {
		if (f->type == FIELD_BOOL) {
			sf_fail(a, e, 400, "INVALID_TYPE_ON_FIELD_IN_RECORD",
				"%s: value not of required type: ", f->label);
			sf_fail_field(e, f->name);
			return false;
		}
		return true;
	}
	switch (f->type) {
	case FIELD_BOOL:
		if (sv_eq_nocase(text, SV("true")) || sv_eq(text, SV("1")))
			*out = SV("true");
		else if (sv_eq_nocase(text, SV("false")) || sv_eq(text, SV("0")))
			*out = SV("false");
		else
			return bad_type(a, t, field, text, e);
		return true;
	case FIELD_INT:
		return canonical_number(a, text, 9, 0, out) || bad_type(a, t, field, text, e);
	case FIELD_DOUBLE:
	case FIELD_CURRENCY:
		if (canonical_number(a, text, f->precision, f->scale, out))
			return true;
		if (!canonical_number(a, text, 36, 2, out))
			return bad_type(a, t, field, text, e);
		sf_fail_field(e, f->name);
		return sf_fail(a, e, 400, "NUMBER_OUTSIDE_VALID_RANGE",
			       "%s: value outside of valid range on numeric field: %.*s", f->label,
			       SV_ARG(text));
	case FIELD_DATETIME:
		if (!time_parse(text, &ms))
			return bad_type(a, t, field, text, e);
		*out = number_text(a, whole_second(ms));
		return true;
	case FIELD_REFERENCE:
		return accept_reference(a, t, field, text, out, e);
	default:
		*out = text;
		return true;
	}
}

#include "value/value.h"

#include "base/clock.h"
#include "base/panic.h"
#include "value/canon.h"

enum { MS_A_DAY = 86400000 };

static const char *const kind_names[] = {
	[VALUE_UNKNOWN] = "unknown", [VALUE_NULL] = "null",	  [VALUE_BOOL] = "bool",
	[VALUE_INTEGER] = "integer", [VALUE_DECIMAL] = "decimal", [VALUE_TEXT] = "text",
	[VALUE_DATE] = "date",	     [VALUE_INSTANT] = "instant", [VALUE_SET] = "set",
	[VALUE_REF] = "ref",	     [VALUE_LINK] = "link",
};

const char *value_kind_name(enum value_kind kind)
{
	return kind_names[kind];
}

bool value_refuse(struct err *err, struct sv text, const char *why)
{
	struct sv line, rest;
	sv_cut(text, '\n', &line, &rest);
	struct sv head = text_first(line, 60);
	bool set = err && err->code;
	if (text.ptr)
		err_set(err, ERR_BAD_INPUT, "\"%.*s%s\" %s", SV_ARG(head),
			head.len < text.len ? "..." : "", why);
	else
		err_set(err, ERR_BAD_INPUT, "%s", why);
	if (err && !set)
		err->scope = SCOPE_FIELD;
	return false;
}

/* One way in a type, from text that is normalised and not blank. */
typedef bool from_text_fn(const struct value_type *type, struct sv text, struct arena *a,
			  struct value *out, struct err *err);

static bool from_plain(const struct value_type *type, struct sv text, struct arena *a,
		       struct value *out, struct err *err)
{
	*out = (struct value){ VALUE_TEXT, arena_sv(a, text) };
	return true;
}

static bool from_email(const struct value_type *type, struct sv text, struct arena *a,
		       struct value *out, struct err *err)
{
	*out = (struct value){ VALUE_TEXT, text_lower(text, a) };
	return true;
}

static bool from_phone(const struct value_type *type, struct sv text, struct arena *a,
		       struct value *out, struct err *err)
{
	*out = (struct value){ VALUE_TEXT, phone_canonical(text, type->region, a) };
	return true;
}

static bool from_bool(const struct value_type *type, struct sv text, struct arena *a,
		      struct value *out, struct err *err)
{
	static const char *const yes[] = { "true", "yes", "1" }, *const no[] = { "false", "no", "0" };
	for (size_t i = 0; i < countof(yes); i++) {
		if (sv_eq_nocase(text, sv_of(yes[i])))
			*out = (struct value){ VALUE_BOOL, SV("true") };
		else if (sv_eq_nocase(text, sv_of(no[i])))
			*out = (struct value){ VALUE_BOOL, SV("false") };
		else
			continue;
		return true;
	}
	return value_refuse(err, text, "is neither true nor false");
}

static bool from_integer(const struct value_type *type, struct sv text, struct arena *a,
			 struct value *out, struct err *err)
{
	struct sv n;
	if (!number_canonical(text, -1, a, &n) || memchr(n.ptr, '.', n.len))
		return value_refuse(err, text, "is not a whole number");
	*out = (struct value){ VALUE_INTEGER, n };
	return true;
}

static bool from_decimal(const struct value_type *type, struct sv text, struct arena *a,
			 struct value *out, struct err *err)
{
	struct sv n;
	if (!number_canonical(text, type->scale, a, &n))
		return value_refuse(err, text, "is not a number");
	*out = (struct value){ VALUE_DECIMAL, n };
	return true;
}

/* Years 1 to 9999, which the canonical spelling can hold. */
static bool in_calendar(int64_t ms)
{
	int64_t first, last;
	date_to_days(1, 1, 1, &first);
	date_to_days(9999, 12, 31, &last);
	return ms >= first * MS_A_DAY && ms < (last + 1) * MS_A_DAY;
}

bool instant_of_ms(int64_t ms, struct arena *a, struct value *out)
{
	char text[TIME_TEXT_SIZE];
	if (!in_calendar(ms))
		return false;
	time_format_ms(ms, text);
	*out = (struct value){ VALUE_INSTANT, arena_sv(a, sv_of(text)) };
	return true;
}

bool date_of_ms(int64_t ms, struct arena *a, struct value *out)
{
	if (!instant_of_ms(ms, a, out))
		return false;
	out->kind = VALUE_DATE;
	out->text.len = sizeof("2026-11-23") - 1;
	return true;
}

int64_t date_to_ms(struct sv date)
{
	int64_t y, m, d, days;
	if (date.len != 10 || !sv_to_i64(sv_make(date.ptr, 4), &y) ||
	    !sv_to_i64(sv_make(date.ptr + 5, 2), &m) ||
	    !sv_to_i64(sv_make(date.ptr + 8, 2), &d) ||
	    !date_to_days((int)y, (int)m, (int)d, &days))
		panic("'%.*s' is not a canonical date", SV_ARG(date));
	return days * MS_A_DAY;
}

static bool from_date(const struct value_type *type, struct sv text, struct arena *a,
		      struct value *out, struct err *err)
{
	int64_t ms;
	/* time_parse knows the calendar; midnight makes a date of it */
	struct sv midnight = arena_printf(a, "%.*sT00:00:00Z", SV_ARG(text));
	if (text.len != sizeof("2026-11-23") - 1 || !time_parse(midnight, &ms))
		return value_refuse(err, text, "is not a date");
	return date_of_ms(ms, a, out);
}

static bool from_instant(const struct value_type *type, struct sv text, struct arena *a,
			 struct value *out, struct err *err)
{
	int64_t ms;
	if (!time_parse(text, &ms) || !instant_of_ms(ms, a, out))
		return value_refuse(err, text, "is not a date and time with its offset");
	return true;
}

static bool from_set(const struct value_type *type, struct sv text, struct arena *a,
		     struct value *out, struct err *err)
{
	struct set_builder b = { .arena = a };
	/* A canonical set, one member a line, must come out as it went in even
	 * if a member holds a ';'. */
	set_add_split(&b, text, memchr(text.ptr, '\n', text.len) ? '\n' : ';');
	*out = set_finish(&b);
	return true;
}

static bool from_ref(const struct value_type *type, struct sv text, struct arena *a,
		     struct value *out, struct err *err)
{
	*out = (struct value){ VALUE_REF, arena_sv(a, text) };
	return true;
}

static const struct {
	const char *name;
	from_text_fn *from_text;
} types[] = {
	[TYPE_TEXT] = { "text", from_plain },
	[TYPE_EMAIL] = { "email", from_email },
	[TYPE_PHONE] = { "phone", from_phone },
	[TYPE_PICKLIST] = { "picklist", from_plain },
	[TYPE_BOOL] = { "bool", from_bool },
	[TYPE_INTEGER] = { "integer", from_integer },
	[TYPE_DECIMAL] = { "decimal", from_decimal },
	[TYPE_CURRENCY] = { "currency", from_decimal },
	[TYPE_DATE] = { "date", from_date },
	[TYPE_INSTANT] = { "instant", from_instant },
	[TYPE_SET] = { "set", from_set },
	[TYPE_LINK] = { "link", from_ref },
};

const char *type_name(enum type_kind kind)
{
	return types[kind].name;
}

bool type_from_name(struct sv name, enum type_kind *kind)
{
	for (size_t i = 0; i < countof(types); i++) {
		if (sv_eq(name, sv_of(types[i].name))) {
			*kind = (enum type_kind)i;
			return true;
		}
	}
	return false;
}

bool value_from_text(const struct value_type *type, struct sv text, struct arena *a,
		     struct value *out, struct err *err)
{
	struct sv normal;
	*out = (struct value){ 0 };
	if (!text_normalise(text, a, &normal, err))
		return false;
	struct sv trimmed = sv_trim(normal);
	if (trimmed.len == 0) {
		*out = value_null();
		return true;
	}
	/* the line end behind a set's last member says how it is separated */
	return types[type->kind].from_text(type, type->kind == TYPE_SET ? normal : trimmed, a,
					   out, err);
}

struct sv value_show(struct value v, struct arena *a)
{
	if (v.kind == VALUE_UNKNOWN)
		return SV("(unknown)");
	if (v.kind == VALUE_NULL)
		return SV("(blank)");
	if (v.kind != VALUE_SET)
		return v.text;
	struct sv rest = v.text, member, out = SV_NONE;
	char *p = arena_alloc(a, v.text.len * 2);
	while (value_set_next(&rest, &member)) {
		if (out.len)
			memcpy(p + out.len, "; ", 2), out.len += 2;
		memcpy(p + out.len, member.ptr, member.len);
		out.len += member.len;
	}
	out.ptr = p;
	return out;
}

struct value value_truncate(struct value v, size_t chars)
{
	if (v.kind != VALUE_TEXT)
		return v;
	struct sv cut = sv_trim(text_first(v.text, chars));
	return cut.len ? (struct value){ VALUE_TEXT, cut } : value_null();
}

struct value value_dup(struct value v, struct arena *a)
{
	return (struct value){ v.kind, v.text.len ? arena_sv(a, v.text) : SV_NONE };
}

void value_pack(struct buf *b, struct value v)
{
	buf_add_varint(b, v.kind);
	if (v.kind > VALUE_NULL)
		buf_add_counted(b, v.text);
}

struct value value_unpack(struct reader *r)
{
	uint64_t kind = read_varint(r);
	if (kind > VALUE_LINK)
		r->bad = true;
	struct sv text = kind > VALUE_NULL ? read_counted(r) : SV_NONE;
	if (kind == VALUE_SET && !sv_ends(text, SV("\n")))
		r->bad = true; /* whoever walks its members relies on the last line end */
	if (r->bad)
		return (struct value){ 0 };
	return (struct value){ (enum value_kind)kind, text };
}

#include "systems/salesforce/sf.h"

/* Reserved characters of SOQL strings (SOQL guide, 'Quoted String Escape
 * Sequences'). */
static const char *escape(char c)
{
	switch (c) {
	case '\'':
		return "\\'";
	case '\\':
		return "\\\\";
	case '\n':
		return "\\n";
	case '\r':
		return "\\r";
	case '\t':
		return "\\t";
	case '\b':
		return "\\b";
	case '\f':
		return "\\f";
	default:
		return NULL;
	}
}

static void add_escaped(struct buf *b, struct sv text)
{
	for (size_t i = 0; i < text.len; i++) {
		const char *as = escape(text.ptr[i]);
		if (as)
			buf_add(b, sv_of(as));
		else
			buf_addc(b, text.ptr[i]);
	}
}

void soql_add_string(struct buf *b, struct sv text)
{
	buf_addc(b, '\'');
	add_escaped(b, text);
	buf_addc(b, '\'');
}

/* '=' with 'A;B' matches exactly these members, in any order. */
static void add_set(struct buf *b, struct sv members)
{
	struct sv member;
	const char *between = "";
	buf_addc(b, '\'');
	while (value_set_next(&members, &member)) {
		buf_add(b, sv_of(between));
		add_escaped(b, member);
		between = ";";
	}
	buf_addc(b, '\'');
}

void soql_add_literal(struct buf *b, struct value v)
{
	switch (v.kind) {
	case VALUE_NULL:
		buf_add(b, SV("null"));
		break;
	case VALUE_BOOL:
	case VALUE_INTEGER:
	case VALUE_DECIMAL:
	case VALUE_DATE:
	case VALUE_INSTANT:
		buf_add(b, v.text);
		break;
	case VALUE_SET:
		add_set(b, v.text);
		break;
	default:
		soql_add_string(b, v.text);
	}
}

/* The last digits in order, whatever stands between them: '(312) 555-0100' is
 * found by +13125550100. */
static void add_phone_pattern(struct buf *b, struct sv phone)
{
	enum { DIGITS = 7 };
	size_t from = phone.len;
	for (int digits = 0; from > 0 && digits < DIGITS; from--)
		digits += phone.ptr[from - 1] >= '0' && phone.ptr[from - 1] <= '9';
	buf_addc(b, '\'');
	for (size_t i = from; i < phone.len; i++)
		if (phone.ptr[i] >= '0' && phone.ptr[i] <= '9')
			buf_addf(b, "%%%c", phone.ptr[i]);
	buf_add(b, SV("%'"));
}

void soql_add_condition(struct buf *b, const struct write_field *f)
{
	buf_addf(b, "%s ", f->api);
	if (f->type.kind == TYPE_PHONE && sv_starts(f->value.text, SV("+"))) {
		buf_add(b, SV("LIKE "));
		add_phone_pattern(b, f->value.text);
		return;
	}
	buf_add(b, SV("= "));
	soql_add_literal(b, f->value);
}

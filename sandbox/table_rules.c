/* What the systems' rules for a value have in common. */
#include "table.h"

size_t utf8_length(struct sv s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

static bool is_number(struct sv v)
{
	size_t i = v.len && v.ptr[0] == '-', digits = 0;
	for (; i < v.len && v.ptr[i] >= '0' && v.ptr[i] <= '9'; i++)
		digits++;
	if (i < v.len && v.ptr[i] == '.')
		for (i++; i < v.len && v.ptr[i] >= '0' && v.ptr[i] <= '9'; i++)
			digits++;
	return digits > 0 && i == v.len;
}

static bool is_date(struct sv v)
{
	int64_t y, m, d, days;
	return v.len == 10 && v.ptr[4] == '-' && v.ptr[7] == '-' && sv_to_i64(sv_make(v.ptr, 4), &y) &&
	       sv_to_i64(sv_make(v.ptr + 5, 2), &m) && sv_to_i64(sv_make(v.ptr + 8, 2), &d) &&
	       date_to_days((int)y, (int)m, (int)d, &days);
}

/* One '@' with something on both sides, a dot in the domain, no blanks. */
static bool is_email(struct sv v)
{
	struct sv local, domain, before, after;
	if (memchr(v.ptr, ' ', v.len) || !sv_cut(v, '@', &local, &domain))
		return false;
	return local.len && !memchr(domain.ptr, '@', domain.len) &&
	       sv_cut(domain, '.', &before, &after) && before.len && after.len;
}

static bool in_values(const struct field_def *f, struct sv v)
{
	for (const char *const *p = f->values; p && *p; p++)
		if (sv_eq(sv_of(*p), v))
			return true;
	return false;
}

static enum table_fault check_picklist(const struct field_def *f, struct sv v)
{
	if (!(f->flags & FIELD_RESTRICTED))
		return TABLE_OK;
	while (v.len) {
		struct sv one = v;
		if (f->type == FIELD_MULTIPICKLIST)
			sv_cut(v, ';', &one, &v);
		else
			v = SV_NONE;
		if (!in_values(f, one))
			return TABLE_BAD_PICKLIST;
	}
	return TABLE_OK;
}

static enum table_fault check_references(struct table *t, const struct field_def *f, struct sv v)
{
	struct table *target = tables_find(t->all, sv_of(f->target));
	while (v.len) {
		struct sv id = v;
		if (f->type == FIELD_REFERENCES)
			sv_cut(v, ';', &id, &v);
		else
			v = SV_NONE;
		struct row *r = target ? table_row(target, id) : NULL;
		if (!r || r->deleted)
			return TABLE_NO_TARGET;
	}
	return TABLE_OK;
}

static enum table_fault check_type(struct table *t, const struct field_def *f, struct sv v)
{
	int64_t n;
	switch (f->type) {
	case FIELD_BOOL:
		return sv_eq(v, SV("true")) || sv_eq(v, SV("false")) ? TABLE_OK : TABLE_BAD_TYPE;
	case FIELD_INT:
	case FIELD_DATETIME:
		return sv_to_i64(v, &n) ? TABLE_OK : TABLE_BAD_TYPE;
	case FIELD_DOUBLE:
	case FIELD_CURRENCY:
		return is_number(v) ? TABLE_OK : TABLE_BAD_TYPE;
	case FIELD_DATE:
		return is_date(v) ? TABLE_OK : TABLE_BAD_TYPE;
	case FIELD_EMAIL:
		return is_email(v) ? TABLE_OK : TABLE_BAD_EMAIL;
	case FIELD_PICKLIST:
	case FIELD_MULTIPICKLIST:
		return check_picklist(f, v);
	case FIELD_REFERENCE:
	case FIELD_REFERENCES:
		return check_references(t, f, v);
	default:
		return TABLE_OK;
	}
}

static enum table_fault check(struct table *t, struct row *r, int field, struct sv v,
			      struct table_problem *why)
{
	const struct field_def *f = &t->def->fields[field];
	if (f->type == FIELD_ID || f->type == FIELD_COMPUTED ||
	    f->flags & (r ? FIELD_NO_UPDATE : FIELD_NO_CREATE))
		return TABLE_READ_ONLY;
	if (!v.ptr)
		return f->flags & FIELD_REQUIRED ? TABLE_REQUIRED : TABLE_OK;
	enum table_fault bad = check_type(t, f, v);
	if (bad)
		return bad;
	if (f->length && utf8_length(v) > (size_t)f->length)
		return TABLE_TOO_LONG;
	if (f->flags & FIELD_UNIQUE) {
		struct row *holder[2];
		size_t n = table_lookup(t, field, v, holder, 2);
		for (size_t i = 0; i < n && i < 2; i++)
			if (holder[i] != r) {
				why->other = holder[i];
				return TABLE_DUPLICATE;
			}
	}
	return TABLE_OK;
}

enum table_fault table_check_value(struct table *t, struct row *r, int field, struct sv value,
				   struct table_problem *why)
{
	*why = (struct table_problem){ .field = field };
	why->fault = check(t, r, field, value, why);
	return why->fault;
}

int table_missing_required(struct table *t, const struct assignment *set, size_t n, int from)
{
	for (size_t i = (size_t)from; i < t->def->fields_len; i++) {
		const struct field_def *f = &t->def->fields[i];
		bool given = !(f->flags & FIELD_REQUIRED) || f->initial;
		for (size_t k = 0; k < n && !given; k++)
			given = set[k].field == (int)i && set[k].value.ptr;
		if (!given)
			return (int)i;
	}
	return -1;
}

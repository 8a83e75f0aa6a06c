#include "cli/samples.h"

#include "cli/print.h"

/* What is read: every field of the side but pseudo ones. */
static struct object_ref object_of(const struct treaty_record *type, enum side s, struct arena *a)
{
	struct field_ref *field = arena_array(a, struct field_ref, (size_t)type->field_n + 1);
	int n = 0;
	for (int i = 0; i < type->field_n; i++)
		if (type->field[i].api[s][0] != '$')
			field[n++] = (struct field_ref){ type->field[i].api[s], type->field[i].type };
	return (struct object_ref){ .object = type->side[s].object, .key = type->side[s].key,
				    .field = field, .field_n = n };
}

static struct sv shown(const struct treaty_field *f, struct value v, struct arena *a)
{
	if (v.kind == VALUE_UNKNOWN)
		return SV("(not readable)");
	if (value_blank(v))
		return SV("");
	return print_safe(print_value(f, v, false, a), 120, a);
}

/* The owner's value as the other side gets it. */
static struct sv shown_there(const struct treaty_field *f, enum side from, struct value v, struct arena *a)
{
	struct value out;
	if (f->direction != BOTH_WAYS && field_owner(f) != from)
		return SV("");
	if (v.kind == VALUE_UNKNOWN || value_blank(v))
		return SV("");
	if (v.kind == VALUE_REF)
		return SV("(the linked record)");
	return field_translate(f, from, v, a, &out) ? shown(f, out, a) :
						      SV("(held: the map does not know it)");
}

static void take_row(const struct treaty_record *type, enum side s, const struct row *row,
		     struct arena *a, struct sample *out)
{
	*out = (struct sample){ .id = arena_sv(a, row->id), .side = s };
	out->here = arena_array(a, struct sv, (size_t)type->field_n);
	out->there = arena_array(a, struct sv, (size_t)type->field_n);
	for (int i = 0, n = 0; i < type->field_n; i++) {
		const struct treaty_field *f = &type->field[i];
		if (f->api[s][0] == '$')
			continue;
		struct value v = row->value[n++];
		out->here[i] = shown(f, v, a);
		out->there[i] = shown_there(f, s, v, a);
	}
}

bool samples_read(struct opened *o, int record, struct sample **out, int *n, struct err *err)
{
	const struct treaty_record *type = &o->treaty->record[record];
	enum side s = o->treaty->domain[type->domain].owner == OWNER_SALESFORCE ? SIDE_SALESFORCE : SIDE_ATS;
	struct object_ref object = object_of(type, s, &o->arena);
	struct connector *c = o->system[s];
	struct rows rows = { 0 };
	*out = arena_array(&o->arena, struct sample, SAMPLES);
	*n = 0;
	if (!c->ops->list(c, &object, SV(""), &o->arena, &rows, err))
		return false;
	for (int i = 0; i < rows.n && *n < SAMPLES; i++)
		if (rows.row[i].existence == EXISTENCE_PRESENT)
			take_row(type, s, &rows.row[i], &o->arena, &(*out)[(*n)++]);
	return true;
}

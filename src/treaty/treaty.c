#include "treaty/treaty.h"

#include <stdlib.h>

#include "base/panic.h"

const char *const side_name[SIDES] = { [SIDE_ATS] = "ats", [SIDE_SALESFORCE] = "salesforce" };

bool side_from_name(struct sv name, enum side *out)
{
	for (int s = 0; s < SIDES; s++) {
		if (sv_eq(name, sv_of(side_name[s]))) {
			*out = (enum side)s;
			return true;
		}
	}
	return false;
}

void treaty_destroy(struct treaty *t)
{
	if (!t)
		return;
	arena_finish(&t->arena);
	free(t);
}

/* High enough for daily work in a small firm, low enough for a lost right, an
 * import gone wrong or a list that was filled down. */
const struct mass_change mass_usual = {
	.of = { [MASS_DELETED] = { 5, 25 }, [MASS_EMPTIED] = { 10, 100 },
		[MASS_CHANGED] = { 50, 1000 }, [MASS_RESTORED] = { 10, 100 } },
	.within_ms = 3600 * (int64_t)1000,
};

const char *mass_what_name(enum mass_what m)
{
	static const char *const names[] = { "deleted", "emptied", "changed", "restored" };
	return names[m];
}

int treaty_record_by_name(const struct treaty *t, struct sv name)
{
	for (int i = 0; i < t->record_n; i++)
		if (sv_eq(name, sv_of(t->record[i].name)))
			return i;
	return -1;
}

int treaty_record_by_object(const struct treaty *t, enum side side, struct sv object)
{
	for (int i = 0; i < t->record_n; i++)
		if (sv_eq(object, sv_of(t->record[i].side[side].object)))
			return i;
	return -1;
}

int treaty_field_by_name(const struct treaty_record *r, struct sv name)
{
	for (int i = 0; i < r->field_n; i++)
		if (sv_eq(name, sv_of(r->field[i].name)))
			return i;
	return -1;
}

int treaty_field_by_key(const struct treaty_record *r, uint32_t key)
{
	for (int i = 0; i < r->field_n; i++)
		if (r->field[i].key == key)
			return i;
	return -1;
}

int treaty_field_by_api(const struct treaty_record *r, enum side side, struct sv api)
{
	for (int i = 0; i < r->field_n; i++)
		if (sv_eq(api, sv_of(r->field[i].api[side])))
			return i;
	return -1;
}

int field_rank(const struct treaty_field *f, struct value v)
{
	for (int i = 0; i < f->order_n; i++)
		if (value_eq(f->order[i].value, v))
			return f->order[i].rank;
	return 0;
}

/* What the map gives for a value of side 'from'; false when it has no entry. */
static bool map_find(const struct treaty_field *f, enum side from, struct sv text, struct sv *out)
{
	for (int i = 0; i < f->map_n; i++) {
		if (sv_eq(f->map[i].side[from], text)) {
			*out = f->map[i].side[side_other(from)];
			return true;
		}
	}
	return false;
}

bool field_translate(const struct treaty_field *f, enum side from, struct value v,
		     struct arena *a, struct value *out)
{
	*out = v;
	if (v.kind <= VALUE_NULL)
		return true;
	if (f->map && !map_find(f, from, v.text, &out->text)) {
		if (f->map_unknown == MAP_UNKNOWN_HOLD) {
			*out = (struct value){ 0 };
			return false;
		}
		if (f->map_unknown == MAP_UNKNOWN_DEFAULT)
			out->text = f->map_default;
	}
	/* only one-way fields are cut, and only what goes to the copy */
	if (f->truncate > 0 && from != (enum side)f->direction)
		*out = value_truncate(*out, (size_t)f->truncate);
	return true;
}

bool field_agree(const struct treaty_field *f, struct value ats, struct value salesforce,
		 struct arena *a)
{
	struct value side[SIDES] = { [SIDE_ATS] = ats, [SIDE_SALESFORCE] = salesforce }, meant;
	if (ats.kind == VALUE_UNKNOWN || salesforce.kind == VALUE_UNKNOWN)
		return false;
	/* Both ways means that the map can be inverted, so either way does. */
	enum side from = f->direction == BOTH_WAYS ? SIDE_ATS : field_owner(f);
	return field_translate(f, from, side[from], a, &meant) &&
	       value_eq(meant, side[side_other(from)]);
}

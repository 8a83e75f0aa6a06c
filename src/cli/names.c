#include "cli/names.h"

#include "systems/salesforce/ids.h"

static bool name_side(const struct treaty *t, const char *name, enum side *out, struct err *err)
{
	for (int s = 0; s < SIDES; s++)
		if (sv_eq_nocase(sv_of(name), sv_of(side_name[s])) ||
		    sv_eq_nocase(sv_of(name), sv_of(t->system[s]))) {
			*out = (enum side)s;
			return true;
		}
	err_set(err, ERR_BAD_INPUT, "'%.40s' is no system of the treaty: it has ats (%s) and salesforce",
		name, t->system[SIDE_ATS]);
	return false;
}

static bool name_type(const struct treaty *t, enum side side, const char *name, int *out,
		      struct arena *a, struct err *err)
{
	struct sv known = SV("");
	for (int r = 0; r < t->record_n; r++) {
		const char *object = t->record[r].side[side].object;
		if (sv_eq_nocase(sv_of(name), sv_of(object)) ||
		    sv_eq_nocase(sv_of(name), sv_of(t->record[r].name))) {
			*out = r;
			return true;
		}
		known = arena_printf(a, "%.*s%s%s", SV_ARG(known), r ? ", " : "", object);
	}
	err_set(err, ERR_BAD_INPUT, "'%.60s' is no object of %s in the treaty: it has %.*s", name,
		side_name[side], SV_ARG(known));
	return false;
}

bool name_record(const struct treaty *t, const char *system, const char *object, const char *id,
		 struct arena *a, struct record_name *out, struct err *err)
{
	if (!name_side(t, system, &out->side, err) ||
	    !name_type(t, out->side, object, &out->record, a, err))
		return false;
	out->id = sv_of(id ? id : "");
	/* Salesforce shows 15 characters in some places and 18 in others */
	if (out->id.len && out->side == SIDE_SALESFORCE && strcmp(t->system[out->side], "salesforce") == 0) {
		out->id = sf_id(out->id, a);
		if (!out->id.len) {
			err_set(err, ERR_BAD_INPUT, "'%.40s' is no Salesforce record id", id);
			return false;
		}
	}
	return true;
}

/* Scenes: what the demonstration and the tests want to happen now.
 *
 *   {"scene":"read-only","id":"17"?}       a sales person edits the copy of a
 *                                          candidate's phone in Salesforce
 *   {"scene":"both-sides","id":"17"?}      candidate's mobile, both sides, two
 *                                          values; "ats_field","ats_value",
 *                                          "salesforce_field","salesforce_value"
 *                                          choose another field
 *   {"scene":"three-statuses","id":"9"?}   a placement through three statuses at
 *                                          once: three transactions
 *
 * 'id' is the Bullhorn id; without it a linked record is drawn. The answer says
 * what was done to what, with the values from before. */
#include "base/panic.h"
#include "office.h"

static struct json_object *said(const struct row *r, const char *field, struct sv before,
				struct sv after)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "object", sv_of(r->table->def->name));
	json_put_sv(o, "id", r->id);
	json_put_sv(o, "field", sv_of(field));
	json_object_object_add(o, "before", before.ptr ? json_from_sv(before) : NULL);
	json_put_sv(o, "after", after);
	return o;
}

/* One edit by a person; adds what was said to 'out' under 'key'. */
static bool act(struct office *o, int system, struct row *r, const char *field, struct sv value,
		struct json_object *out, const char *key, struct err *err)
{
	struct system *s = &o->box->systems[system];
	struct writer w = { .user = s->human(s, 1), .channel = CHANNEL_USER };
	struct named_value set = { sv_of(field), value };
	int place = table_field(r->table, set.field);
	struct json_object *one = said(r, field, place < 0 ? SV_NONE : r->values[place], value);
	if (!s->edit(s, sv_of(r->table->def->name), r->id, &set, 1, &w, err)) {
		json_object_put(one);
		return false;
	}
	if (json_object_is_type(json_at(out, key), json_type_array))
		json_object_array_add(json_at(out, key), one);
	else
		json_object_object_add(out, key, one);
	return true;
}

static struct row *candidate_of(struct office *o, struct json_object *body, struct row **contact,
				struct err *err)
{
	struct sv id = json_scalar_text(json_at(body, "id"));
	struct table *t = tables_find(o->box->systems[SYSTEM_BULLHORN].tables, SV("Candidate"));
	struct row *r = id.len ? table_row(t, id) : office_linked_candidate(o, contact);
	if (r && id.len)
		*contact = office_contact_of(o, r);
	if (!r || !*contact) {
		err_set(err, ERR_NOT_FOUND,
			"scenario: there is no such candidate that Salesforce has by key");
		return NULL;
	}
	return r;
}

static bool read_only(struct office *o, struct json_object *body, struct json_object *out,
		      struct err *err)
{
	struct row *contact = NULL, *candidate = candidate_of(o, body, &contact, err);
	if (!candidate)
		return false;
	json_put_sv(out, "candidate", candidate->id);
	return act(o, SYSTEM_SALESFORCE, contact, "Phone", SV("(312) 555-0199"), out, "salesforce",
		   err);
}

static const char *text_of(struct json_object *body, const char *key, const char *otherwise)
{
	struct sv v = json_sv(body, key); /* ends in a NUL, as json-c keeps it */
	return v.len ? v.ptr : otherwise;
}

static bool both_sides(struct office *o, struct json_object *body, struct json_object *out,
		       struct err *err)
{
	struct row *contact = NULL, *candidate = candidate_of(o, body, &contact, err);
	if (!candidate)
		return false;
	json_put_sv(out, "candidate", candidate->id);
	return act(o, SYSTEM_BULLHORN, candidate, text_of(body, "ats_field", "mobile"),
		   sv_of(text_of(body, "ats_value", "(312) 555-0111")), out, "ats", err) &&
	       act(o, SYSTEM_SALESFORCE, contact, text_of(body, "salesforce_field", "MobilePhone"),
		   sv_of(text_of(body, "salesforce_value", "(312) 555-0122")), out, "salesforce",
		   err);
}

static struct row *live_placement(struct office *o, struct sv id)
{
	struct table *t = tables_find(o->box->systems[SYSTEM_BULLHORN].tables, SV("Placement"));
	if (id.len)
		return table_row(t, id);
	for (size_t i = 0; i < t->rows_len; i++)
		if (!t->rows[i]->deleted && sv_eq(row_get(t->rows[i], "status"), SV("Submitted")))
			return t->rows[i];
	return office_pick(o, SYSTEM_BULLHORN, "Placement");
}

static bool three_statuses(struct office *o, struct json_object *body, struct json_object *out,
			   struct err *err)
{
	static const char *const steps[] = { "Approved", "Completed", "Terminated", "Submitted" };
	struct row *r = live_placement(o, json_scalar_text(json_at(body, "id")));
	if (!r || r->deleted) {
		err_set(err, ERR_NOT_FOUND, "scenario: there is no such placement");
		return false;
	}
	json_put_sv(out, "placement", r->id);
	json_object_object_add(out, "ats", json_object_new_array());
	size_t done = 0;
	for (size_t i = 0; i < countof(steps) && done < 3; i++) {
		if (sv_eq(row_get(r, "status"), sv_of(steps[i])))
			continue; /* it must move each time */
		if (!act(o, SYSTEM_BULLHORN, r, "status", sv_of(steps[i]), out, "ats", err))
			return false;
		done++;
	}
	return true;
}

struct json_object *office_scene(struct office *o, struct json_object *body, struct err *err)
{
	static const struct {
		const char *name;
		bool (*play)(struct office *, struct json_object *, struct json_object *,
			     struct err *);
	} scenes[] = { { "read-only", read_only },
		       { "both-sides", both_sides },
		       { "three-statuses", three_statuses } };
	struct sv name = json_sv(body, "scene");
	for (size_t i = 0; i < countof(scenes); i++) {
		if (!sv_eq(name, sv_of(scenes[i].name)))
			continue;
		struct json_object *out = json_object_new_object();
		json_put_sv(out, "scene", name);
		if (scenes[i].play(o, body, out, err))
			return out;
		json_object_put(out);
		return NULL;
	}
	err_set(err, ERR_BAD_INPUT, "scenario: no scene '%.*s'", SV_ARG(name));
	return NULL;
}

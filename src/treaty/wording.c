#include "treaty/wording.h"

#include <inttypes.h>
#include <string.h>

const char *word_span(int64_t ms, struct arena *a)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} unit[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" }, { 1, "ms" } };
	size_t i = 0;
	/* the largest that says it exactly; a day only from two on */
	while (unit[i].ms > 1 && (ms % unit[i].ms || ms < unit[i].ms || (i == 0 && ms < 2 * unit[i].ms)))
		i++;
	return arena_printf(a, "%" PRId64 " %s", ms / unit[i].ms, unit[i].unit).ptr;
}

const char *word_type(const struct treaty *t, const struct value_type *type, struct arena *a)
{
	switch (type->kind) {
	case TYPE_DECIMAL:
	case TYPE_CURRENCY:
		if (type->scale >= 0)
			return arena_printf(a, "%s with %d digits", type_name(type->kind),
					    type->scale).ptr;
		break;
	case TYPE_PHONE:
		if (type->region)
			return arena_printf(a, "phone (%s)", type->region).ptr;
		break;
	case TYPE_LINK:
		return arena_printf(a, "a reference to %s", t->record[type->link_record].name).ptr;
	default:
		break;
	}
	return type_name(type->kind);
}

const char *word_direction(const struct treaty_field *f, struct arena *a)
{
	if (f->direction == BOTH_WAYS)
		return "both sides edit it";
	return arena_printf(a, "only %s edits it; %s holds a copy", side_name[field_owner(f)],
			    side_name[f->direction]).ptr;
}

static const char *plain_winner(enum winner w)
{
	static const char *const words[] = {
		[WINNER_ATS] = "ats wins", [WINNER_SALESFORCE] = "salesforce wins",
		[WINNER_REVIEW] = "a person decides",
		[WINNER_UNION] = "the additions and removals of both are kept",
	};
	return words[w];
}

const char *word_winner(const struct treaty_record *r, const struct conflict_rule *c, struct arena *a)
{
	if (c->winner != WINNER_BY)
		return plain_winner(c->winner);
	struct sv text = arena_printf(a, "%s says: ", r->field[c->by.field].name);
	for (int i = 0; i < c->by.when_n; i++)
		text = arena_printf(a, "%.*sat '%.*s' %s, ", SV_ARG(text),
				    SV_ARG(value_show(c->by.when[i].value, a)),
				    plain_winner(c->by.when[i].winner));
	return arena_printf(a, "%.*selse %s", SV_ARG(text), plain_winner(c->by.otherwise)).ptr;
}

const char *word_unavailable(const struct conflict_rule *c, struct arena *a)
{
	return arena_printf(a, "it waits, is tried again after %s and then ever more seldom, up to every %s; "
			    "after %s %s", word_span(c->unavailable.retry_first_ms, a),
			    word_span(c->unavailable.retry_max_ms, a), word_span(c->unavailable.for_ms, a),
			    c->unavailable.then == UNAVAILABLE_REVIEW ? "a person decides" :
									 "it waits on").ptr;
}

const char *word_alert(const struct treaty *t, const struct alert_rule *rule, struct arena *a)
{
	if (!rule->after_ms)
		return "nobody";
	struct sv text = arena_printf(a, "%s after %s", t->role[rule->to].name,
				      word_span(rule->after_ms, a));
	if (rule->then_after_ms)
		text = arena_printf(a, "%.*s, then %s after %s more", SV_ARG(text),
				    t->role[rule->then_to].name, word_span(rule->then_after_ms, a));
	return text.ptr;
}

const char *word_on_edit(enum on_edit e)
{
	static const char *const words[] = { [ON_EDIT_RESTORE] = "is undone and logged",
					     [ON_EDIT_REPORT] = "is logged and left",
					     [ON_EDIT_IGNORE] = "is left" };
	return words[e];
}

const char *word_deliver(enum deliver d)
{
	return d == DELIVER_EACH ? "every step is delivered in order" : "the present value is delivered";
}

const char *word_unknown(const struct treaty_field *f, struct arena *a)
{
	switch (f->map_unknown) {
	case MAP_UNKNOWN_HOLD:
		return "waits for a person";
	case MAP_UNKNOWN_PASS:
		return "passes as it is";
	case MAP_UNKNOWN_DEFAULT:
		break;
	}
	return arena_printf(a, "becomes '%.*s'", SV_ARG(f->map_default)).ptr;
}

const char *word_order(const struct treaty_field *f, struct arena *a)
{
	struct sv text = SV("");
	for (int i = 0; i < f->order_n; i++)
		text = arena_printf(a, "%.*s%s%.*s", SV_ARG(text),
				    i == 0				      ? "" :
				    f->order[i].rank == f->order[i - 1].rank ? " or " :
									       ", then ",
				    SV_ARG(value_show(f->order[i].value, a)));
	return f->order_n ? text.ptr : "any";
}

static const char *word_constants(const struct treaty_record *r, enum side s, struct arena *a)
{
	struct sv text = arena_printf(a, "in %s", side_name[side_other(s)]);
	for (int i = 0; i < r->side[s].constant_n; i++) {
		const struct constant *c = &r->side[s].constant[i];
		text = arena_printf(a, "%.*s%s %s becomes '%.*s'", SV_ARG(text), i ? "," : "", c->api,
				    SV_ARG(value_show(c->deleted, a)));
		if (!value_blank(c->restored))
			text = arena_printf(a, "%.*s (and '%.*s' once it is back)", SV_ARG(text),
					    SV_ARG(value_show(c->restored, a)));
	}
	return text.ptr;
}

const char *word_deleted(const struct treaty_record *r, enum side s, struct arena *a)
{
	switch (r->side[s].deleted) {
	case DELETED_REVIEW:
		return "a person decides";
	case DELETED_KEEP:
		return arena_printf(a, "%s's record stays as it is", side_name[side_other(s)]).ptr;
	case DELETED_CREATE:
		return "it is created again";
	case DELETED_SET:
		break;
	}
	return word_constants(r, s, a);
}

const char *word_match(const struct treaty_record *r, struct arena *a)
{
	struct sv text = SV("by key only");
	for (int i = 0; i < r->match_n; i++)
		for (int k = 0; k < r->match[i].n; k++) {
			const char *name = r->field[r->match[i].field[k]].name;
			text = i + k == 0 ? arena_printf(a, "by %s", name) :
			       k == 0	  ? arena_printf(a, "%.*s, or by %s", SV_ARG(text), name) :
					    arena_printf(a, "%.*s and %s", SV_ARG(text), name);
		}
	return text.ptr;
}

/* The Salesforce side's own verbs under /_sandbox/:
 *
 *   automation       {"object","when","target"?,"kind","value"?} adds a rule;
 *                    {"clear":true}; answers the rules (salesforce_automation.c)
 *   permission       {"object","field","editable":bool,"readable":bool} for the
 *                    integration user
 *   expire-sessions  all logins end
 *   expire-cursors   query locators end
 *   forget-clients   streaming clients are unknown
 *   forget-events    {"keep":N} replay ids before the newest N expire
 *   gap              {"object","type":"GAP_UPDATE"|"GAP_OVERFLOW"|...,"id"?}
 *   merge-events     {"on":bool} one event for equal changes of a transaction
 *   limit            {"max":N,"used":N} the daily API quota
 *   lock-rows        {"count":N} the next N records the integration user writes
 *                    fail with UNABLE_TO_LOCK_ROW
 *   merge            {"object","winner","loser"} as a person merges two records
 *   undelete         {"object","id"} from the recycle bin */
#include "salesforce.h"

static void answer_ok(struct http_response *resp)
{
	struct json_object *o = json_object_new_object();
	json_put_bool(o, "ok", true);
	http_json(resp, 200, o);
}

static void answer_refused(struct http_response *resp, const char *why)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "error", sv_of(why));
	http_json(resp, 400, o);
}

static void automation(struct salesforce *sf, struct json_object *body, struct http_response *resp)
{
	struct err err = { 0 };
	if (json_flag(body, "clear", false))
		sf_rules_clear(sf);
	if (json_has(body, "object") && !sf_rule_add(sf, body, &err))
		answer_refused(resp, err.what);
	else
		http_json(resp, 200, sf_rules_list(sf));
}

static void permission(struct salesforce *sf, struct json_object *body, struct http_response *resp)
{
	struct table *t = sf_table(sf, json_sv(body, "object"));
	int f = t ? table_field_any_case(t, json_sv(body, "field")) : -1;
	if (f < 0) {
		answer_refused(resp, "permission: no such object or field");
		return;
	}
	struct sf_field *x = sf_field(t, f);
	struct sf_object *o = t->extra;
	x->hidden = !json_flag(body, "readable", !x->hidden);
	x->locked = !json_flag(body, "editable", !x->locked);
	o->schema_ms = sandbox_now(sf->box);
	answer_ok(resp);
}

static void gap(struct salesforce *sf, struct json_object *body, struct http_response *resp)
{
	struct table *t = sf_table(sf, json_sv(body, "object"));
	struct sv type = json_sv(body, "type"), id = json_sv(body, "id");
	static const char *const types[] = { "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW" };
	for (size_t i = 0; t && i < sizeof(types) / sizeof(types[0]); i++) {
		if (!sv_eq(type, sv_of(types[i])))
			continue;
		sf_gap_event(sf, t, types[i], id.len ? id : SV("000000000000000AAA"));
		answer_ok(resp);
		return;
	}
	answer_refused(resp, "gap: needs an object and a type GAP_CREATE, GAP_UPDATE, GAP_DELETE, GAP_UNDELETE or GAP_OVERFLOW");
}

/* As a person: the rows are of one object and not deleted. */
static void merge(struct salesforce *sf, struct json_object *body, struct http_response *resp)
{
	struct table *t = sf_table(sf, json_sv(body, "object"));
	struct sf_error e = { 0 };
	struct arena a;
	struct sf_txn x;
	arena_init(&a);
	struct row *winner = t ? sf_live_row(&a, t, json_sv(body, "winner"), &e) : NULL;
	struct row *loser = t ? sf_live_row(&a, t, json_sv(body, "loser"), &e) : NULL;
	if (!winner || !loser || winner == loser) {
		answer_refused(resp, "merge: needs two different records of one object");
	} else {
		struct json_object *nothing = json_object_new_object();
		sf_txn_begin(&x, sf, &a);
		x.writer = (struct writer){ .user = sf->humans[0], .channel = CHANNEL_USER };
		x.origin = SV("");
		loser->merged_into = winner->id;
		if (sf_delete(&x, loser, &e) && sf_update(&x, winner, nothing, &e))
			answer_ok(resp);
		sf_txn_commit(&x);
		json_object_put(nothing);
	}
	arena_finish(&a);
}

static void undelete(struct salesforce *sf, struct json_object *body, struct http_response *resp)
{
	struct table *t = sf_table(sf, json_sv(body, "object"));
	struct row *r = t ? sf_row(t, json_sv(body, "id")) : NULL;
	struct arena a;
	struct sf_txn x;
	if (!r || !r->deleted) {
		answer_refused(resp, "undelete: no such deleted record");
		return;
	}
	arena_init(&a);
	sf_txn_begin(&x, sf, &a);
	x.writer = (struct writer){ .user = sf->humans[0], .channel = CHANNEL_USER };
	x.origin = SV("");
	r->merged_into = SV_NONE;
	sf_undelete(&x, r);
	sf_txn_commit(&x);
	arena_finish(&a);
	answer_ok(resp);
}

bool sf_control(struct system *s, struct sv verb, struct json_object *body, struct http_response *resp)
{
	struct salesforce *sf = s->own;
	if (sv_eq(verb, SV("automation"))) {
		automation(sf, body, resp);
		return true;
	}
	if (sv_eq(verb, SV("permission"))) {
		permission(sf, body, resp);
		return true;
	}
	if (sv_eq(verb, SV("gap"))) {
		gap(sf, body, resp);
		return true;
	}
	if (sv_eq(verb, SV("merge"))) {
		merge(sf, body, resp);
		return true;
	}
	if (sv_eq(verb, SV("undelete"))) {
		undelete(sf, body, resp);
		return true;
	}
	if (sv_eq(verb, SV("expire-sessions"))) {
		sf_sessions_end(sf);
		sandbox_wake(sf->box);
	} else if (sv_eq(verb, SV("expire-cursors"))) {
		sf_cursors_close(sf);
	} else if (sv_eq(verb, SV("forget-clients"))) {
		sf_clients_forget(sf);
	} else if (sv_eq(verb, SV("forget-events"))) {
		sf_bus_forget(sf, (size_t)json_i64(body, "keep", 0));
	} else if (sv_eq(verb, SV("merge-events"))) {
		sf->merge_events = json_flag(body, "on", true);
	} else if (sv_eq(verb, SV("limit"))) {
		sf->limit_max = json_i64(body, "max", sf->limit_max);
		sf->limit_used = json_i64(body, "used", sf->limit_used);
	} else if (sv_eq(verb, SV("lock-rows"))) {
		sf->locked_rows = json_i64(body, "count", 1);
	} else {
		return false;
	}
	answer_ok(resp);
	return true;
}

#include "systems/salesforce/salesforce.h"

#include "base/panic.h"
#include "systems/salesforce/sf.h"

const struct value_dialect sf_dialect = {
	.instant = INSTANT_ISO,
	.date = DATE_ISO,
	.set = SET_SEMICOLON,
	.ref = REF_TEXT,
};

/* The list of resources needs a valid session and this version of the API. */
static bool identify(struct connector *c, struct arena *a, struct sv *organisation,
		     struct err *err)
{
	struct salesforce *sf = (struct salesforce *)c;
	struct sf_login login;
	struct sf_call call = {
		.method = "GET",
		.path = SV(SF_API),
		.what = "salesforce: API v66.0",
	};
	bool ok = sf_call(sf, &call, err);
	sf_call_finish(&call);
	ok = ok && sf_session_get(sf, a, &login, err);
	if (ok)
		*organisation = login.org;
	return ok;
}

/* Field History Tracking keeps 20 fields for 18 months where it was switched
 * on: not every step of any field, so not CAN_HISTORY. */
static bool history(struct connector *c, const struct object_ref *o, const struct field_ref *f,
		    struct sv cursor, struct arena *a, struct history *out, struct err *err)
{
	err_set(err, ERR_UNSUPPORTED, "salesforce: %s.%s: no history of every step", o->object,
		f->api);
	return false;
}

static void close_salesforce(struct connector *c)
{
	struct salesforce *sf = (struct salesforce *)c;
	sf_feed_destroy(sf->feed);
	sf_session_finish(&sf->session);
	arena_finish(&sf->arena);
	free(sf);
}

static const struct connector_ops ops = {
	.identify = identify,
	.describe = sf_describe,
	.changes = sf_changes,
	.history = history,
	.fetch = sf_fetch,
	.list = sf_list,
	.since = sf_since,
	.find = sf_find,
	.write = sf_write,
	.close = close_salesforce,
};

static bool check_settings(const struct deployment *d, const struct deployment_system *system,
			   struct err *err)
{
	static const char *const needed[] = { "client_id", "username", "key" };
	for (size_t i = 0; i < countof(needed); i++) {
		if (deployment_login(system, needed[i]))
			continue;
		err_set(err, ERR_BAD_INPUT, "%s: salesforce: login has no '%s'", d->file, needed[i]);
		return false;
	}
	return http_url_allowed(sv_of(system->url), err);
}

struct connector *salesforce_open(const struct deployment *d, struct http_client *http,
				  struct clock *clock, const char *const *objects, int object_n,
				  struct err *err)
{
	const struct deployment_system *system = &d->system[SIDE_SALESFORCE];
	if (!check_settings(d, system, err))
		return NULL;
	struct salesforce *sf = must_zalloc(sizeof(*sf));
	sf->connector = (struct connector){
		.ops = &ops,
		.name = "salesforce",
		.shape = {
			.can = CAN_UPSERT | CAN_CONDITION | CAN_AUTHOR | CAN_SINCE,
			.fetch_max = 2000,
			.write_max = 200,
			.list_max = 2000,
			.longest_request_ms = 10 * 60 * 1000,
			/* only calls of 20 s and more count against a limit: 5
			 * in a Developer Edition, 25 elsewhere */
			.concurrent = system->limits.concurrent ? system->limits.concurrent : 5,
		},
	};
	sf->deployment = d;
	sf->system = system;
	sf->http = http;
	sf->clock = clock;
	arena_init(&sf->arena);
	sf->object = arena_array(&sf->arena, struct sf_object, (size_t)object_n);
	sf->object_n = object_n;
	for (int i = 0; i < object_n; i++)
		sf->object[i].name = arena_str(&sf->arena, sv_of(objects[i]));
	sf_session_init(&sf->session);
	sf->feed = sf_feed_create();
	return &sf->connector;
}

/* entity/ and massUpdate/. */
#include "base/panic.h"
#include "bullhorn.h"

/* Every write through the API is the API user's. */
static struct bh_transaction api_transaction(struct bullhorn *b, const struct http_request *req)
{
	struct writer w = { .user = sv_of(b->api_user),
			    .channel = CHANNEL_API,
			    .client = http_header(req, "User-Agent"),
			    .asked_ms = req->came_ms };
	return bh_begin(b, w);
}

static struct json_object *changed(enum bh_entity e, const struct row *r, const char *kind,
				   struct json_object *data)
{
	struct json_object *o = json_object_new_object();
	int64_t id = 0;
	sv_to_i64(r->id, &id);
	json_put_sv(o, "changedEntityType", sv_of(bh_types[e].def.name));
	json_put_i64(o, "changedEntityId", id);
	json_put_sv(o, "changeType", sv_of(kind));
	json_object_object_add(o, "data", data ? json_object_get(data) : json_object_new_object());
	return o;
}

static struct row *readable(struct bullhorn *b, enum bh_entity e, struct sv id)
{
	struct row *r = table_row(b->tables[e], id);
	return r && bh_exists_at(b, r, BH_FRESH) ? r : NULL;
}

static void not_found(struct bh_refusal *why, enum bh_entity e, struct sv id)
{
	bh_refuse(why, 404, "errors.entityNotFound", "Entity of type %s with id %.*s not found",
		  bh_types[e].def.name, SV_ARG(id));
}

static bool fields_of(struct bullhorn *b, const struct http_request *req, struct table *t,
		      struct bh_fields *out, struct bh_refusal *why)
{
	struct sv text = http_arg(req, "fields");
	if (!text.len) {
		bh_refuse(why, 400, "errors.missingFields", "the parameter 'fields' is required");
		return false;
	}
	return bh_fields_parse(req->arena, text, out, why) && bh_fields_check(b, t, out, why);
}

/* --- reading --- */

/* One id gives an object, several a list in which missing ids are silently
 * absent; 404 only when there is none. */
static struct json_object *get_rows(struct bullhorn *b, const struct http_request *req,
				    enum bh_entity e, struct sv ids, struct bh_refusal *why)
{
	enum { MAX_IDS = 500 };
	struct bh_fields fields;
	struct sv one, left = ids;
	bool several = memchr(ids.ptr, ',', ids.len) != NULL;
	size_t asked = 0;
	if (!fields_of(b, req, b->tables[e], &fields, why))
		return NULL;
	struct json_object *list = json_object_new_array();
	while (left.len && !why->status) {
		sv_cut(left, ',', &one, &left);
		struct row *r = readable(b, e, sv_trim(one));
		if (++asked > MAX_IDS)
			bh_refuse(why, 400, "errors.tooManyIds", "more than %d ids", MAX_IDS);
		else if (r) {
			tables_note_read(b->sys->tables, r);
			json_object_array_add(list,
					      bh_render(b, req->arena, r, &fields, BH_FRESH, why));
		}
	}
	if (!why->status && json_object_array_length(list) == 0)
		not_found(why, e, ids);
	if (why->status) {
		json_object_put(list);
		return NULL;
	}
	struct json_object *o = json_object_new_object();
	if (several) {
		json_object_object_add(o, "data", list);
	} else {
		json_object_object_add(o, "data",
				       json_object_get(json_object_array_get_idx(list, 0)));
		json_object_put(list);
	}
	return o;
}

/* entity/{E}/{id}/{toMany}: a page of the members, like a query. */
static struct json_object *get_members(struct bullhorn *b, const struct http_request *req,
				       enum bh_entity e, struct sv id, struct sv name,
				       struct bh_refusal *why)
{
	const struct bh_many *m = NULL;
	struct bh_fields fields;
	struct row *r = readable(b, e, id);
	int64_t start, count;
	for (size_t i = 0; i < bh_types[e].many_len; i++)
		if (sv_eq(name, sv_of(bh_types[e].many[i].name)))
			m = &bh_types[e].many[i];
	if (!r || !m) {
		not_found(why, e, id);
		return NULL;
	}
	struct table *child = b->tables[m->child];
	if (!fields_of(b, req, child, &fields, why))
		return NULL;
	bh_page(req, &start, &count);
	int field = table_field(child, sv_of(m->field));
	size_t n = table_lookup(child, field, r->id, NULL, 0);
	struct row **rows = arena_array(req->arena, struct row *, n + 1);
	table_lookup(child, field, r->id, rows, n);
	struct json_object *o = json_object_new_object(), *data = json_object_new_array();
	for (size_t i = (size_t)start; i < n && (int64_t)i < start + count && !why->status; i++)
		json_object_array_add(data,
				      bh_render(b, req->arena, rows[i], &fields, BH_FRESH, why));
	json_put_i64(o, "total", (int64_t)n);
	json_put_i64(o, "start", start);
	json_put_i64(o, "count", (int64_t)json_object_array_length(data));
	json_object_object_add(o, "data", data);
	return o;
}

/* --- writing --- */

static struct json_object *parse_body(const struct http_request *req, struct bh_refusal *why)
{
	struct err err = { 0 };
	struct json_object *body = json_parse(req->body, "body", &err);
	if (!body)
		bh_refuse(why, 400, "errors.invalidBody", "%s", err.what);
	return body;
}

static struct json_object *put_row(struct bullhorn *b, const struct http_request *req,
				   enum bh_entity e, struct json_object *body,
				   struct bh_refusal *why)
{
	struct bh_transaction t = api_transaction(b, req);
	struct named_value *set;
	struct row *r;
	size_t n;
	if (!bh_from_json(b, e, body, req->arena, &set, &n, why) ||
	    !bh_create(b, e, set, n, &t, &r, why))
		return NULL;
	return changed(e, r, "INSERT", body);
}

static struct json_object *post_row(struct bullhorn *b, const struct http_request *req,
				    enum bh_entity e, struct row *r, struct json_object *body,
				    struct bh_refusal *why)
{
	struct bh_transaction t = api_transaction(b, req);
	struct named_value *set;
	size_t n;
	if (!bh_from_json(b, e, body, req->arena, &set, &n, why) ||
	    !bh_update(b, r, set, n, &t, why))
		return NULL;
	return changed(e, r, "UPDATE", body);
}

static struct json_object *write_row(struct bullhorn *b, const struct http_request *req,
				     enum bh_entity e, struct sv id, struct bh_refusal *why)
{
	bool create = http_is(req, "PUT");
	struct row *r = id.len ? readable(b, e, id) : NULL;
	if (bh_types[e].traits & BH_NO_WRITE) {
		bh_refuse(why, 403, "errors.notEntitled", "no entitlement to change %s",
			  bh_types[e].def.name);
		return NULL;
	}
	if (create ? id.len > 0 : !r) {
		not_found(why, e, id);
		return NULL;
	}
	struct json_object *body = parse_body(req, why);
	struct json_object *o = !body	 ? NULL
				: create ? put_row(b, req, e, body, why)
					 : post_row(b, req, e, r, body, why);
	json_object_put(body);
	return o;
}

static struct json_object *delete_row(struct bullhorn *b, const struct http_request *req,
				      enum bh_entity e, struct sv id, struct bh_refusal *why)
{
	struct bh_transaction t = api_transaction(b, req);
	struct row *r = readable(b, e, id);
	if (!r) {
		not_found(why, e, id);
		return NULL;
	}
	return bh_remove(b, r, &t, why) ? changed(e, r, "DELETE", NULL) : NULL;
}

void bh_entity_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
		      struct http_response *resp)
{
	struct bh_refusal why = { 0 };
	struct json_object *o = NULL;
	struct sv name = SV_NONE, id = SV_NONE, many = SV_NONE;
	http_segment(req, &rest, &name);
	http_segment(req, &rest, &id);
	http_segment(req, &rest, &many);
	enum bh_entity e = bh_entity_named(name);
	resp->shown_first = b->sys->tables->shown_len;
	if (e == BH_ENTITIES)
		bh_refuse(&why, 404, "errors.unknownEntity", "Unknown entity type '%.*s'",
			  SV_ARG(name));
	else if (http_is(req, "GET") && id.len)
		o = many.len ? get_members(b, req, e, id, many, &why)
			     : get_rows(b, req, e, id, &why);
	else if (http_is(req, "PUT") || (http_is(req, "POST") && id.len))
		o = write_row(b, req, e, id, &why);
	else if (http_is(req, "DELETE") && id.len)
		o = delete_row(b, req, e, id, &why);
	else
		bh_refuse(&why, 405, "errors.methodNotAllowed", "%.*s is not supported here",
			  SV_ARG(req->method));
	resp->shown_n = b->sys->tables->shown_len - resp->shown_first;
	if (why.status) {
		json_object_put(o);
		bh_answer_refusal(resp, &why, e == BH_ENTITIES ? NULL : bh_types[e].def.name);
	} else {
		http_json(resp, 200, o);
	}
}

/* --- massUpdate: one value for many rows, each row its own event --- */

enum { MASS_MAX_IDS = 10000 };

static struct json_object *mass_list(void)
{
	struct json_object *list = json_object_new_array();
	for (int e = 0; e < BH_ENTITIES; e++)
		if (bh_types[e].traits & BH_MASS_STATUS)
			json_object_array_add(list, json_object_new_string(bh_types[e].def.name));
	return list;
}

static struct json_object *mass_properties(enum bh_entity e)
{
	struct json_object *list = json_object_new_array(), *o = json_object_new_object();
	char text[80];
	snprintf(text, sizeof(text), "Mass Update %s Status", bh_types[e].def.label);
	json_put_sv(o, "propertyName", SV("status"));
	json_put_sv(o, "entitlementRequired", sv_of(text));
	json_object_array_add(list, o);
	return list;
}

static bool mass_update(struct bullhorn *b, const struct http_request *req, enum bh_entity e,
			struct json_object *body, int64_t *count, struct bh_refusal *why)
{
	struct json_object *ids = json_at(body, "ids");
	struct bh_transaction t = api_transaction(b, req);
	struct named_value set = { SV("status"), json_sv(body, "status") };
	if (!json_object_is_type(ids, json_type_array) || !set.value.ptr ||
	    json_object_array_length(ids) > MASS_MAX_IDS) {
		bh_refuse(why, 400, "errors.invalidMassUpdate",
			  "'ids' (at most %d) and 'status' are required", MASS_MAX_IDS);
		return false;
	}
	*count = 0;
	for (size_t i = 0; i < json_object_array_length(ids); i++) {
		struct row *r = readable(b, e, json_scalar_text(json_object_array_get_idx(ids, i)));
		if (!r)
			continue;
		if (!bh_update(b, r, &set, 1, &t, why))
			return false;
		++*count;
	}
	return true;
}

void bh_mass_update_handle(struct bullhorn *b, const struct http_request *req, struct sv rest,
			   struct http_response *resp)
{
	struct bh_refusal why = { 0 };
	struct sv name = SV_NONE;
	int64_t count = 0;
	if (!http_segment(req, &rest, &name)) {
		http_json(resp, 200, mass_list());
		return;
	}
	enum bh_entity e = bh_entity_named(name);
	if (e == BH_ENTITIES || !(bh_types[e].traits & BH_MASS_STATUS)) {
		bh_refuse(&why, 404, "errors.unknownEntity", "massUpdate does not know '%.*s'",
			  SV_ARG(name));
		bh_answer_refusal(resp, &why, NULL);
		return;
	}
	if (http_is(req, "GET")) {
		http_json(resp, 200, mass_properties(e));
		return;
	}
	struct json_object *body = parse_body(req, &why);
	if (body)
		mass_update(b, req, e, body, &count, &why);
	json_object_put(body);
	if (why.status) {
		bh_answer_refusal(resp, &why, bh_types[e].def.name);
		return;
	}
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "count", count);
	http_json(resp, 200, o);
}

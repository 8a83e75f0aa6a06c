#include "systems/salesforce/bayeux.h"

#include "base/arena.h"

static bool says(struct sv text, const char *part)
{
	size_t n = strlen(part);
	for (size_t i = 0; i + n <= text.len; i++)
		if (sv_eq_nocase(sv_make(text.ptr + i, n), sv_make(part, n)))
			return true;
	return false;
}

static enum bayeux_verdict fail(struct err *err, enum err_code code, const char *what,
				struct sv text)
{
	err_set(err, code, "%s: %.*s", what, SV_ARG(text));
	if (err && code == ERR_REJECTED)
		err->scope = SCOPE_SYSTEM;
	return BAYEUX_FAILED;
}

/* Texts: Streaming API guide, 'Streaming API Error Codes'. */
static enum bayeux_verdict judge_text(struct sv text, const char *what, struct err *err)
{
	if (sv_starts(text, SV("401")))
		return BAYEUX_LOGIN;
	if (says(text, "unknown client") || says(text, "not completed handshake"))
		return BAYEUX_HANDSHAKE;
	if (sv_starts(text, SV("400")) && says(text, "replayid"))
		return fail(err, ERR_CURSOR, what, text);
	if (says(text, "limit exceeded"))
		return fail(err, ERR_LIMIT, what, text);
	if (sv_starts(text, SV("400")) || sv_starts(text, SV("403")))
		return fail(err, ERR_REJECTED, what, text);
	return fail(err, ERR_SERVER, what, text);
}

enum bayeux_verdict bayeux_judge(struct json_object *reply, const char *what, struct err *err)
{
	struct sv reconnect = json_string(json_path(reply, "advice.reconnect"));
	/* a refused handshake has its true reason only here */
	struct sv text = json_string(json_path(reply, "ext.sfdc.failureReason"));
	if (!text.len)
		text = json_sv(reply, "error");
	if (json_flag(reply, "successful", false))
		return sv_eq(reconnect, SV("handshake")) ? BAYEUX_HANDSHAKE : BAYEUX_OK;
	if (!text.len && sv_eq(reconnect, SV("handshake")))
		return BAYEUX_HANDSHAKE;
	return judge_text(text.len ? text : SV("refused without a reason"), what, err);
}

bool bayeux_event(struct json_object *message, struct bayeux_event *out)
{
	struct json_object *header = json_path(message, "data.payload.ChangeEventHeader");
	struct json_object *event = json_path(message, "data.event");
	struct sv kind = json_sv(header, "changeType");
	*out = (struct bayeux_event){
		.channel = json_sv(message, "channel"),
		.replay_id = json_i64(event, "replayId", -1),
		.object = json_sv(header, "entityName"),
		.ids = json_at(header, "recordIds"),
		.overflow = sv_eq(kind, SV("GAP_OVERFLOW")),
		.commit_ms = json_i64(header, "commitTimestamp", 0),
		.user = json_sv(header, "commitUser"),
	};
	if (!json_object_is_type(out->ids, json_type_array))
		out->ids = NULL;
	if (sv_eq(kind, SV("UPDATE")))
		out->changed = json_at(header, "changedFields");
	if (!json_object_is_type(out->changed, json_type_array))
		out->changed = NULL;
	return out->object.len && out->channel.len && out->replay_id >= 0;
}

const char *bayeux_field(struct sv name, struct arena *a)
{
	static const struct sv address = SV("Address");
	struct sv whole, part;
	if (!sv_cut(name, '.', &whole, &part)) /* a whole address could be any part */
		return sv_ends(name, address) || !name.len ? NULL : arena_str(a, name);
	if (sv_eq(whole, SV("Name")))
		return arena_str(a, part);
	if (!sv_ends(whole, address))
		return NULL;
	return arena_printf(a, "%.*s%.*s", (int)(whole.len - address.len), whole.ptr,
			    SV_ARG(part)).ptr;
}

struct sv bayeux_channel(const char *object, struct arena *a)
{
	struct sv name = sv_of(object);
	if (sv_ends(name, SV("__c")))
		return arena_printf(a, "/data/%.*sChangeEvent", (int)name.len - 1, object);
	return arena_printf(a, "/data/%sChangeEvent", object);
}

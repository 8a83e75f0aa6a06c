#include "base/panic.h"
#include "systems/salesforce/sf.h"

/* Codes whose meaning differs from 'the request or record is refused, a person
 * must look' (any other 4xx). REST guide, 'Status Codes and Error Responses';
 * SOAP guide, ExceptionCode and StatusCode. */
static const struct rule {
	struct sv code;
	enum err_code class;
	enum err_retry retry;
	enum err_scope scope;
} known[] = {
	{ SV("INVALID_SESSION_ID"), ERR_SESSION, RETRY_LATER, SCOPE_SYSTEM },
	{ SV("INVALID_AUTH_HEADER"), ERR_SESSION, RETRY_LATER, SCOPE_SYSTEM },
	{ SV("API_DISABLED_FOR_ORG"), ERR_AUTH, RETRY_PERSON, SCOPE_SYSTEM },
	{ SV("API_CURRENTLY_DISABLED"), ERR_AUTH, RETRY_PERSON, SCOPE_SYSTEM },
	{ SV("INVALID_LOGIN"), ERR_AUTH, RETRY_PERSON, SCOPE_SYSTEM },
	{ SV("REQUEST_LIMIT_EXCEEDED"), ERR_LIMIT, RETRY_LATER, SCOPE_SYSTEM },
	{ SV("LIMIT_EXCEEDED"), ERR_LIMIT, RETRY_PERSON, SCOPE_SYSTEM },
	{ SV("STORAGE_LIMIT_EXCEEDED"), ERR_LIMIT, RETRY_PERSON, SCOPE_SYSTEM },
	{ SV("SERVER_UNAVAILABLE"), ERR_SERVER, RETRY_LATER, SCOPE_SYSTEM },
	{ SV("UNKNOWN_EXCEPTION"), ERR_SERVER, RETRY_LATER, SCOPE_RECORD },
	{ SV("QUERY_TIMEOUT"), ERR_SERVER, RETRY_LATER, SCOPE_SYSTEM },
	{ SV("REQUEST_RUNNING_TOO_LONG"), ERR_SERVER, RETRY_LATER, SCOPE_SYSTEM },
	{ SV("UNABLE_TO_LOCK_ROW"), ERR_CONFLICT, RETRY_LATER, SCOPE_RECORD },
	{ SV("PROCESSING_HALTED"), ERR_CONFLICT, RETRY_LATER, SCOPE_RECORD },
	{ SV("ALL_OR_NONE_OPERATION_ROLLED_BACK"), ERR_CONFLICT, RETRY_LATER, SCOPE_RECORD },
	{ SV("INVALID_QUERY_LOCATOR"), ERR_CURSOR, RETRY_LATER, SCOPE_SYSTEM },
	{ SV("NOT_FOUND"), ERR_NOT_FOUND, RETRY_NEVER, SCOPE_RECORD },
	{ SV("ENTITY_IS_DELETED"), ERR_NOT_FOUND, RETRY_NEVER, SCOPE_RECORD },
};

/* A 401 that a new login does not cure: the session's kind or the app is
 * wrong. jsforce's http-api.ts excludes exactly these two. */
static const struct sv incurable[] = {
	SV("This session is not valid for use with the REST API"),
	SV("Connected app is not attached to Agent"),
};

static bool contains(struct sv text, struct sv part)
{
	return text.len >= part.len && part.len &&
	       memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

static struct sf_problem first_of(struct json_object *list)
{
	struct json_object *e =
		json_object_array_length(list) ? json_object_array_get_idx(list, 0) : NULL;
	struct sf_problem p = { json_sv(e, "errorCode"), json_sv(e, "message"), list };
	if (!p.code.len)
		p.code = json_sv(e, "statusCode"); /* Collections say it so */
	return p;
}

struct sf_problem sf_problem_of(struct json_object *body)
{
	struct json_object *errors = json_at(body, "errors");
	if (json_object_is_type(body, json_type_array))
		return first_of(body);
	if (json_object_is_type(errors, json_type_array))
		return first_of(errors);
	if (json_at(body, "error"))
		return (struct sf_problem){ json_sv(body, "error"),
					    json_sv(body, "error_description"), NULL };
	return (struct sf_problem){ json_sv(body, "errorCode"), json_sv(body, "message"), NULL };
}

static bool is_incurable(const struct sf_problem *p)
{
	for (size_t i = 0; i < countof(incurable); i++)
		if (contains(p->message, incurable[i]))
			return true;
	return false;
}

/* A trigger's failure carries the real reason only in its text. */
static bool is_busy_inside(const struct sf_problem *p)
{
	return sv_eq(p->code, SV("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")) &&
	       (contains(p->message, SV("UNABLE_TO_LOCK_ROW")) ||
		contains(p->message, SV("unable to obtain exclusive access")) ||
		contains(p->message, SV("System.LimitException")));
}

static const struct rule *rule_of(const struct sf_problem *p)
{
	for (size_t i = 0; i < countof(known); i++)
		if (sv_eq(p->code, known[i].code))
			return &known[i];
	return NULL;
}

static enum err_code class_by_status(const struct sf_problem *p, int status)
{
	if (status == 412)
		return ERR_CONFLICT;
	if (status == 414 || status == 431)
		return ERR_TOO_BIG;
	if (!p->code.len)
		return status == 401 ? ERR_SESSION : ERR_SERVER;
	if (status >= 500 || status == 420) /* 420 EDGE: the org moved or is gone */
		return ERR_SERVER;
	return status == 404 ? ERR_NOT_FOUND : ERR_REJECTED;
}

static enum err_code class_of(const struct sf_problem *p, const struct rule *rule, int status)
{
	if (is_busy_inside(p))
		return ERR_CONFLICT;
	if (sv_starts(p->code, SV("TXN_SECURITY_")))
		return ERR_AUTH;
	return rule ? rule->class : class_by_status(p, status);
}

static bool names_fields(const struct sf_problem *p)
{
	struct json_object *fields = NULL;
	if (p->all && json_object_array_length(p->all) > 0)
		fields = json_at(json_object_array_get_idx(p->all, 0), "fields");
	return json_object_is_type(fields, json_type_array) &&
	       json_object_array_length(fields) > 0;
}

void sf_problem_class(const struct sf_problem *p, int http_status, const char *what,
		      struct err *err)
{
	struct err e = { 0 };
	const struct rule *rule = rule_of(p);
	enum err_code class = class_of(p, rule, http_status);
	bool incurable_session = class == ERR_SESSION && is_incurable(p);
	if (incurable_session)
		class = ERR_AUTH;
	if (p->code.len)
		err_set(&e, class, "%s: %.*s: %.*s", what, SV_ARG(p->code),
			SV_ARG(sv_trim(p->message)));
	else
		err_set(&e, class, "%s: HTTP status %d without an error in JSON", what,
			http_status);
	if (rule && class == rule->class) {
		e.retry = rule->retry;
		e.scope = rule->scope;
	} else if (class == ERR_REJECTED && names_fields(p)) {
		e.scope = SCOPE_FIELD;
	}
	e.http_status = http_status;
	if (err && !err->code)
		*err = e;
}

/* The name after 'before', up to 'end'. */
static bool cut_name(struct sv message, struct sv before, char end, struct sv *name)
{
	struct sv rest;
	const char *at = message.len ? memmem(message.ptr, message.len, before.ptr, before.len)
				     : NULL;
	if (!at)
		return false;
	rest = sv_make(at + before.len, message.len - (size_t)(at - message.ptr) - before.len);
	return sv_cut(rest, end, name, &rest) && name->len > 0;
}

bool sf_problem_column(const struct sf_problem *p, struct sv *column)
{
	if (!sv_eq(p->code, SV("INVALID_FIELD")) &&
	    !sv_eq(p->code, SV("INVALID_FIELD_FOR_INSERT_UPDATE")))
		return false;
	return cut_name(p->message, SV("No such column '"), '\'', column) ||
	       cut_name(p->message, SV("field '"), '\'', column) ||
	       cut_name(p->message, SV("not found for field "), ' ', column);
}

bool sf_limit_info(struct sv header, int64_t *used, int64_t *limit)
{
	struct sv value, a, b;
	const char *at = header.len ? memmem(header.ptr, header.len, "api-usage=", 10) : NULL;
	/* 'per-app-api-usage=' is another quota */
	if (!at || (at > header.ptr && at[-1] == '-'))
		return false;
	value = sv_make(at + 10, header.len - (size_t)(at - header.ptr) - 10);
	sv_cut(value, ';', &value, &b);
	return sv_cut(value, '/', &a, &b) && sv_to_i64(sv_trim(a), used) &&
	       sv_to_i64(sv_trim(b), limit);
}

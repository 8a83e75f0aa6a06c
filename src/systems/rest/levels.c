/* The language of connector descriptions: a table a level. How each value is
 * taken is in take.c; what needs more than one key to judge, in check.c. */
#include "systems/rest/take.h"

#define D(member) offsetof(struct rest_description, member)
#define END { NULL }

static const struct doc_word whens[] = {
	{ "always", WHEN_ALWAYS }, { "password", WHEN_PASSWORD }, { "kept", WHEN_KEPT }, END
};
static const struct doc_word instants[] = {
	{ "iso", INSTANT_ISO }, { "epoch_ms", INSTANT_EPOCH_MS }, END
};
static const struct doc_word dates[] = { { "iso", DATE_ISO }, { "epoch_ms", DATE_EPOCH_MS }, END };
static const struct doc_word sets[] = {
	{ "array", SET_ARRAY }, { "semicolon", SET_SEMICOLON }, { "comma", SET_COMMA }, END
};
static const struct doc_word references[] = { { "text", REF_TEXT }, { "object", REF_OBJECT }, END };
static const struct doc_word filters[] = { { "jpql", 0 }, END };
static const struct doc_word feeds[] = { { "queue", 0 }, END };
static const struct doc_word algorithms[] = {
	{ "hmac-sha256", HMAC_SHA256 }, { "hmac-sha1", HMAC_SHA1 }, END
};
static const struct doc_word spellings[] = { { "hex", HMAC_HEX }, { "base64", HMAC_BASE64 }, END };
static const struct doc_word classes[] = {
	{ "session", CLASS_SESSION }, { "limit", CLASS_LIMIT },	  { "rejected", CLASS_REJECTED },
	{ "gone", CLASS_GONE },	      { "cursor", CLASS_CURSOR }, { "server", CLASS_SERVER }, END
};
static const struct doc_word places[] = {
	{ "fetch", ON_FETCH }, { "query", ON_QUERY },	    { "write", ON_WRITE },
	{ "feed", ON_FEED },   { "describe", ON_DESCRIBE }, { "session", ON_SESSION }, END
};
static const struct doc_word kinds[] = {
	{ "text", TYPE_TEXT },	   { "email", TYPE_EMAIL },	  { "phone", TYPE_PHONE },
	{ "picklist", TYPE_PICKLIST }, { "bool", TYPE_BOOL },	  { "integer", TYPE_INTEGER },
	{ "decimal", TYPE_DECIMAL }, { "currency", TYPE_CURRENCY }, { "date", TYPE_DATE },
	{ "instant", TYPE_INSTANT }, { "set", TYPE_SET },	  { "link", TYPE_LINK }, END
};

/* The author's own names: documents say '*'; the taker above walks them. */
#define OWN_NAMES(id, said, what)                                                                  \
	static const struct doc_key id##_keys[] = {                                                \
		{ "*", YAML_SCALAR, false, take_text, 0, NULL, NULL, what }, END                   \
	};                                                                                         \
	static const struct doc_level id##_level = { said, id##_keys, NULL }

OWN_NAMES(parameters, "the query", "a parameter of the URL; its value is percent-encoded");
OWN_NAMES(members, "the body", "a member of the JSON body, as text");
OWN_NAMES(headers, "the headers", "a header of every request");
OWN_NAMES(taken, "what is taken", "where the step finds it: body.PATH or location.PARAMETER");
OWN_NAMES(optional, "the optional settings", "a setting and what it is when not given");
OWN_NAMES(tests, "the test", "a path in the answer and the text that must be there");
OWN_NAMES(properties, "the test", "a property of the field and its text");

OWN_NAMES(forms, "the form", "a value of the form");

#define SCALAR(name, needed, taker, offset, what)                                                  \
	{ name, YAML_SCALAR, needed, taker, offset, NULL, NULL, what }
#define WORD(name, needed, taker, offset, words, what)                                             \
	{ name, YAML_SCALAR, needed, taker, offset, words, NULL, what }
#define MAP(name, needed, taker, offset, level, what)                                              \
	{ name, YAML_MAP, needed, taker, offset, NULL, level, what }
#define LIST(name, needed, taker, offset, level, what)                                             \
	{ name, YAML_LIST, needed, taker, offset, NULL, level, what }

static const struct doc_key read_keys[] = {
	SCALAR("get", false, take_method, 0, "path of a GET request"),
	SCALAR("post", false, take_method, 0, "path of a POST request"),
	MAP("query", false, take_query, 0, &parameters_level, "parameters after the '?'"),
	MAP("json", false, take_json, 0, &members_level, "a JSON body"),
	END
};
static const struct doc_level read_level = { "the request", read_keys, NULL };

static const struct doc_key change_keys[] = {
	SCALAR("post", false, take_method, 0, "path of a POST request"),
	SCALAR("put", false, take_method, 0, "path of a PUT request"),
	MAP("query", false, take_query, 0, &parameters_level, "parameters after the '?'"),
	END
};
static const struct doc_level change_level = { "the request", change_keys, NULL };

static const struct doc_key get_keys[] = {
	SCALAR("get", true, take_method, 0, "path of a GET request"),
	MAP("query", false, take_query, 0, &parameters_level, "parameters after the '?'"),
	END
};
static const struct doc_level get_level = { "the request", get_keys, NULL };

static const struct doc_key settings_keys[] = {
	LIST("required", false, take_required, 0, NULL, "settings that 'login:' must have"),
	MAP("optional", false, take_optional, 0, &optional_level, "settings with a default"),
	END
};
static const struct doc_level settings_level = { "the settings", settings_keys, NULL };

static const struct doc_key keep_keys[] = {
	SCALAR("take", true, take_identifier, D(login.keep), "which taken value to keep"),
	SCALAR("as", true, take_template, D(login.keep_as),
	       "the name to keep it under: another user, another name"),
	END
};
static const struct doc_level keep_level = { "what to keep", keep_keys, NULL };

#define STEP(member) offsetof(struct rest_step, member)
static const struct doc_key basic_keys[] = {
	SCALAR("user", true, take_template, STEP(basic_user), "the user name"),
	SCALAR("password", true, take_template, STEP(basic_password), "the password"),
	END
};
static const struct doc_level basic_level = { "the basic login", basic_keys, NULL };

static const struct doc_key step_keys[] = {
	SCALAR("name", true, take_identifier, STEP(name), "what the step is called in messages"),
	WORD("when", false, take_word, STEP(when), whens, "in which kind of login it is done"),
	{ "get", YAML_SCALAR, false, take_method, STEP(request), NULL, NULL,
	  "whole URL of a GET request" },
	{ "post", YAML_SCALAR, false, take_method, STEP(request), NULL, NULL,
	  "whole URL of a POST request" },
	{ "query", YAML_MAP, false, take_query, STEP(request), NULL, &parameters_level,
	  "parameters after the '?'" },
	MAP("basic", false, take_level, 0, &basic_level, "HTTP Basic, for this request"),
	MAP("form", false, take_form, 0, &forms_level, "a form as the body of a POST request"),
	{ "expect", YAML_SCALAR | YAML_LIST, false, take_statuses, STEP(expect), NULL, NULL,
	  "statuses of success; 200 when not given" },
	{ "refused", YAML_SCALAR | YAML_LIST, false, take_statuses, STEP(refused), NULL, NULL,
	  "statuses that mean the login is wrong; it is not tried again" },
	SCALAR("tries", false, take_count, STEP(tries),
	       "how often a failed step is sent; only where sending twice does no harm"),
	MAP("take", false, take_takes, 0, &taken_level, "what later steps and the session need"),
	END
};
static const struct doc_level step_level = { "a login step", step_keys, NULL };

static const struct doc_key login_keys[] = {
	MAP("keep", false, take_level, 0, &keep_level,
	    "a single-use token, stored before anything else is sent"),
	LIST("steps", true, take_steps, 0, &step_level, "the requests of a login, in order"),
	END
};
static const struct doc_level login_level = { "the login", login_keys, NULL };

static const struct doc_key organisation_keys[] = {
	SCALAR("last_segment", true, take_template, D(session.organisation),
	       "a URL whose last path segment tells whose data this is"),
	END
};
static const struct doc_level organisation_level = { "the organisation", organisation_keys, NULL };

static const struct doc_key user_keys[] = {
	{ "get", YAML_SCALAR, true, take_method, D(session.user), NULL, NULL,
	  "path of the request that says who we are" },
	SCALAR("id", true, take_path, D(session.user_id), "path to our user's id"),
	END
};
static const struct doc_level user_level = { "the user", user_keys, NULL };

static const struct doc_key session_keys[] = {
	SCALAR("base", true, take_template, D(session.base), "what all paths begin with"),
	MAP("headers", false, take_headers, 0, &headers_level, "headers of every request"),
	MAP("organisation", true, take_level, 0, &organisation_level,
	    "whose data this is; a store is bound to it"),
	MAP("user", false, take_level, 0, &user_level, "who we are, to know our own changes"),
	END
};
static const struct doc_level session_level = { "the session", session_keys, NULL };

static const struct doc_key values_keys[] = {
	WORD("instant", true, take_word, D(values.instant), instants, "how a time is spelled"),
	WORD("date", true, take_word, D(values.date), dates, "how a date is spelled"),
	WORD("set", true, take_word, D(values.set), sets, "how several values are spelled"),
	WORD("reference", true, take_word, D(values.ref), references,
	     "a reference: the id, or {id: ...}"),
	END
};
static const struct doc_level values_level = { "the values", values_keys, NULL };

#define OBJECT(member) offsetof(struct rest_object, member)
static const struct doc_key object_keys[] = {
	SCALAR("modified", false, take_identifier, OBJECT(modified),
	       "the field with the time of the last change"),
	SCALAR("deleted", false, take_identifier, OBJECT(deleted),
	       "the flag of records that are deleted and can still be read"),
	SCALAR("history", false, take_identifier, OBJECT(history),
	       "{history} of this object; without it, none is kept"),
	END
};
static const struct doc_level object_level = { "an object", object_keys, NULL };
static const struct doc_key objects_keys[] = {
	MAP("*", false, take_level, 0, &object_level, "an object that a treaty may name"), END
};
static const struct doc_level objects_level = { "the objects", objects_keys, NULL };

static const struct doc_key rows_keys[] = {
	SCALAR("id", true, take_identifier, D(rows.id), "the field with a record's id"),
	SCALAR("data", false, take_path, D(rows.data), "path of the row or rows in an answer; the answer itself when not given"),
	SCALAR("total", false, take_identifier, D(rows.total),
	       "of a list inside a row: how many members there are"),
	SCALAR("to_many", false, take_count, D(rows.to_many),
	       "how many members of a list inside a row to ask for"),
	END
};
static const struct doc_level rows_level = { "the rows", rows_keys, NULL };

static const struct doc_key fetch_keys[] = {
	{ "get", YAML_SCALAR, true, take_method, D(fetch.request), NULL, NULL,
	  "path of a GET request" },
	{ "query", YAML_MAP, false, take_query, D(fetch.request), NULL, &parameters_level,
	  "parameters after the '?'" },
	SCALAR("ids", true, take_count, D(fetch.ids), "how many ids one request may have"),
	SCALAR("url_max", true, take_count, D(fetch.url_max), "how long its URL may be"),
	END
};
static const struct doc_level fetch_level = { "the fetch", fetch_keys, NULL };

static const struct doc_key query_keys[] = {
	WORD("filter", true, take_word, D(query.filter), filters, "the language of {where}"),
	MAP("short", true, take_request, D(query.brief), &read_level, "the usual request"),
	MAP("long", false, take_request, D(query.longer), &read_level,
	    "the request to use where the usual one's URL is longer than url_max"),
	SCALAR("url_max", true, take_count, D(query.url_max), "how long a URL may be"),
	SCALAR("page", true, take_count, D(query.page), "how many rows to ask for at once"),
	END
};
static const struct doc_level query_level = { "the query", query_keys, NULL };

static const struct doc_key create_keys[] = {
	{ "post", YAML_SCALAR, false, take_method, D(create), NULL, NULL, "path of a POST request" },
	{ "put", YAML_SCALAR, false, take_method, D(create), NULL, NULL, "path of a PUT request" },
	{ "query", YAML_MAP, false, take_query, D(create), NULL, &parameters_level,
	  "parameters after the '?'" },
	SCALAR("id", true, take_path, D(created_id), "path of the new record's id in the answer"),
	END
};
static const struct doc_level create_level = { "the create", create_keys, NULL };

static const struct doc_key update_keys[] = {
	{ "post", YAML_SCALAR, false, take_method, D(update), NULL, NULL, "path of a POST request" },
	{ "put", YAML_SCALAR, false, take_method, D(update), NULL, NULL, "path of a PUT request" },
	{ "query", YAML_MAP, false, take_query, D(update), NULL, &parameters_level,
	  "parameters after the '?'" },
	SCALAR("id", false, take_path, D(updated_id),
	       "path of the record's id in the answer, where it proves that it was done"),
	END
};
static const struct doc_level update_level = { "the update", update_keys, NULL };

#define ERROR_CLASS(member) offsetof(struct rest_error_class, member)
static const struct doc_key class_keys[] = {
	WORD("class", true, take_word, ERROR_CLASS(class), classes, "what it means"),
	{ "on", YAML_SCALAR | YAML_LIST, false, take_bits, ERROR_CLASS(on), places, NULL,
	  "only for answers to these requests" },
	{ "status", YAML_SCALAR | YAML_LIST, false, take_statuses, ERROR_CLASS(status), NULL, NULL,
	  "only for these statuses" },
	MAP("body", false, take_body_tests, 0, &tests_level, "only when the body says all this"),
	SCALAR("wait", false, take_duration, ERROR_CLASS(wait_ms),
	       "how long no request is sent afterwards"),
	END
};
static const struct doc_level class_level = { "a class of errors", class_keys, NULL };

static const struct doc_key errors_keys[] = {
	SCALAR("message", true, take_path, D(errors.message), "path of the text for people"),
	SCALAR("field", false, take_star_path, D(errors.field),
	       "path of the names of refused fields; '*' is any place of a list"),
	SCALAR("field_quotes", false, take_text, D(errors.quotes),
	       "the quotes around a field's name in the message, when 'field' names none"),
	LIST("classes", true, take_classes, 0, &class_level,
	     "what an answer means; the first that fits"),
	END
};
static const struct doc_level errors_level = { "the errors", errors_keys, NULL };

static const struct doc_key changes_keys[] = {
	WORD("kind", true, take_word, D(changes.kind), feeds,
	     "queue: reading takes off; the last batch can be had again"),
	SCALAR("subscription", true, take_template, D(changes.name), "{subscription}"),
	MAP("ensure", true, take_request, D(changes.ensure), &change_level,
	    "makes the subscription"),
	SCALAR("ensured", true, take_path, D(changes.ensured),
	       "path of the position in the answer to 'ensure'"),
	MAP("next", true, take_level, D(changes.next), &get_level, "takes the next batch"),
	MAP("again", true, take_level, D(changes.again), &get_level,
	    "gets the batch of {position} once more"),
	MAP("last", true, take_level, D(changes.last), &get_level,
	    "asks for the position of the last batch"),
	SCALAR("last_position", true, take_path, D(changes.last_id),
	       "path of the position in the answer to 'last'"),
	SCALAR("batch", true, take_count, D(changes.batch_max), "{count}: events of a batch"),
	SCALAR("position", true, take_path, D(changes.batch), "path of a batch's position"),
	SCALAR("events", true, take_path, D(changes.events), "path of a batch's events"),
	SCALAR("object", true, take_path, D(changes.object), "of an event: path of the object"),
	SCALAR("id", true, take_path, D(changes.id), "of an event: path of the record's id"),
	SCALAR("at", false, take_path, D(changes.at),
	       "of an event: path of its time in milliseconds"),
	SCALAR("author", false, take_path, D(changes.author),
	       "of an event: path of the id of the user who made the change"),
	SCALAR("fields", false, take_path, D(changes.fields),
	       "of an event: path of the list of the names of changed fields"),
	LIST("composites", false, take_composites, 0, NULL,
	     "names that stand for several fields: an event with one tells no fields"),
	SCALAR("poll", true, take_span, D(changes.poll_min_ms),
	       "how often to ask: after news, and at most when it is quiet"),
	END
};
static const struct doc_level changes_level = { "the changes", changes_keys, NULL };

static const struct doc_key signature_keys[] = {
	SCALAR("header", true, take_text, D(webhook.header), "the header with the signature"),
	SCALAR("prefix", false, take_text, D(webhook.prefix), "what stands before it in the header"),
	WORD("algorithm", true, take_word, D(webhook.algorithm), algorithms, "how it is made"),
	WORD("encoding", true, take_word, D(webhook.spelling), spellings, "how it is spelled"),
	SCALAR("signs", false, take_template, D(webhook.signs),
	       "what is signed; the body when not given"),
	SCALAR("timestamp", false, take_text, D(webhook.stamp),
	       "the header with {timestamp}, in seconds or milliseconds since 1970"),
	SCALAR("within", false, take_duration, D(webhook.within_ms),
	       "how old a timestamp may be"),
	END
};
static const struct doc_level signature_level = { "the signature", signature_keys, NULL };

#define MARK(member) offsetof(struct rest_webhook_mark, member)
static const struct doc_key mark_keys[] = {
	LIST("events", true, take_texts, MARK(events), NULL, "of these events"),
	SCALAR("object", true, take_identifier, MARK(object), "the object that is to be looked at"),
	SCALAR("id", true, take_star_path, MARK(id),
	       "path of the record's id; '*' is any place of a list"),
	END
};
static const struct doc_level mark_level = { "a mark", mark_keys, NULL };

static const struct doc_key webhook_keys[] = {
	MAP("signature", true, take_level, 0, &signature_level, "how it is known to be theirs"),
	SCALAR("event", true, take_path, D(webhook.event), "path of the event's name"),
	SCALAR("at", false, take_path, D(webhook.at), "path of the time of the change"),
	SCALAR("author", false, take_path, D(webhook.author),
	       "path of the id of the user who made the change"),
	SCALAR("fields", false, take_path, D(webhook.fields),
	       "path of the list of the names of changed fields"),
	LIST("marks", true, take_marks, 0, &mark_level, "which records an event is about"),
	LIST("ignores", false, take_texts, D(webhook.ignored), NULL,
	     "events that are about no object of a treaty, such as a test"),
	END
};
static const struct doc_level webhook_level = { "the webhook", webhook_keys, NULL };

static const struct doc_key history_keys[] = {
	SCALAR("object", true, take_template, D(history.object), "the object that holds the steps"),
	SCALAR("field", true, take_path, D(history.field), "path of the changed field's name"),
	SCALAR("value", true, take_path, D(history.value), "path of the value after the step"),
	SCALAR("record", true, take_path, D(history.record), "path of the record's id"),
	SCALAR("at", false, take_path, D(history.at), "path of the step's time"),
	SCALAR("author", false, take_path, D(history.author), "path of the user's id"),
	SCALAR("blank", false, take_text, D(history.blank), "what is written for 'no value'"),
	SCALAR("overlap", false, take_duration, D(history.overlap_ms),
	       "how long after a step one with a lower id may still appear"),
	END
};
static const struct doc_level history_level = { "the history", history_keys, NULL };

static const struct doc_key kind_keys[] = {
	MAP("when", false, take_when, 0, &properties_level, "properties that the field must have"),
	WORD("kind", true, take_word, offsetof(struct rest_type_rule, kind), kinds,
	     "the type it is then"),
	END
};
static const struct doc_level kind_level = { "a kind", kind_keys, NULL };

static const struct doc_key describe_keys[] = {
	{ "get", YAML_SCALAR, true, take_method, D(describe.request), NULL, NULL,
	  "path of a GET request" },
	{ "query", YAML_MAP, false, take_query, D(describe.request), NULL, &parameters_level,
	  "parameters after the '?'" },
	SCALAR("fields", true, take_path, D(describe.fields), "path of the list of fields"),
	SCALAR("nested", false, take_path, D(describe.nested),
	       "of a field: path of the fields it consists of"),
	SCALAR("name", true, take_path, D(describe.name), "of a field: its API name"),
	SCALAR("label", false, take_path, D(describe.label), "of a field: its name on screen"),
	SCALAR("type", true, take_path, D(describe.type), "of a field: the vendor's type"),
	SCALAR("length", false, take_path, D(describe.length), "of a field: characters it holds"),
	SCALAR("required", false, take_path, D(describe.required), "of a field: must be given"),
	SCALAR("read_only", false, take_path, D(describe.read_only),
	       "of a field: cannot be written"),
	SCALAR("options", false, take_path, D(describe.options), "of a field: its picklist"),
	SCALAR("option", false, take_path, D(describe.option), "of a picklist entry: stored value"),
	SCALAR("refers_to", false, take_path, D(describe.refers_to),
	       "of a reference: the object it leads to"),
	LIST("kinds", true, take_kinds, 0, &kind_level,
	     "which of our types a field is; the first that fits, else text"),
	END
};
static const struct doc_level describe_level = { "the describe", describe_keys, NULL };

static const struct doc_key limits_keys[] = {
	SCALAR("concurrent", true, take_count, D(concurrent), "requests at once that are sensible"),
	SCALAR("longest_request", true, take_duration, D(longest_request_ms),
	       "how long a request may still be executed after we gave it up"),
	END
};
static const struct doc_level limits_level = { "the limits", limits_keys, NULL };

static const struct doc_key rest_keys[] = {
	SCALAR("connector", true, take_count, D(version), "version of this language: 1"),
	SCALAR("name", true, take_identifier, D(name), "what a treaty calls the system"),
	SCALAR("title", true, take_text, D(title), "what people call it"),
	SCALAR("url", false, take_url, D(url), "{url}, when the deployment gives none"),
	MAP("settings", false, take_level, 0, &settings_level, "what 'login:' of a deployment has"),
	MAP("login", true, take_level, 0, &login_level, "how a session begins"),
	MAP("session", true, take_level, 0, &session_level, "what a login leaves"),
	MAP("values", true, take_level, 0, &values_level, "how values are spelled"),
	MAP("objects", true, take_objects, 0, &objects_level, "what a treaty may name"),
	MAP("rows", true, take_rows, 0, &rows_level, "how rows look in answers"),
	MAP("fetch", true, take_level, 0, &fetch_level, "reads records by their ids"),
	MAP("query", false, take_level, 0, &query_level, "reads records by a condition"),
	MAP("create", false, take_create, 0, &create_level, "makes a record"),
	MAP("update", false, take_update, 0, &update_level, "changes a record"),
	MAP("errors", true, take_level, 0, &errors_level, "what answers mean"),
	MAP("changes", false, take_level, 0, &changes_level, "the feed of changes"),
	MAP("webhook", false, take_webhook, 0, &webhook_level, "what the system sends by itself"),
	MAP("history", false, take_level, 0, &history_level, "every step of a field"),
	MAP("describe", false, take_level, 0, &describe_level, "which fields there are"),
	MAP("limits", true, take_level, 0, &limits_level, "how much at once, and how long"),
	END
};
const struct doc_level rest_level = { "a connector description", rest_keys, NULL };

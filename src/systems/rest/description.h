/* description.h - a system with a REST interface, described as data.
 *
 * docs/connectors.md is the reference of the language; levels.c holds the
 * tables of its keys, which drive reading and complaining. A struct
 * rest_description is immutable after loading, lives in its arena, and may be
 * read by any thread. */
#ifndef TREATY_REST_DESCRIPTION_H
#define TREATY_REST_DESCRIPTION_H

#include "net/hmac.h"
#include "systems/rest/template.h"
#include "treaty/doc.h"
#include "value/dialect.h"

struct rest_texts {
	const char **text;
	int n;
};

struct rest_pair {
	const char *name;
	struct template value;
};

struct rest_request {
	const char *method; /* NULL: this request is not described */
	struct template url; /* login: whole; else what follows the session's base */
	struct rest_pair *query;
	int query_n;
	struct rest_pair *json; /* members of a JSON body, all text */
	int json_n;
};

struct rest_setting {
	const char *name;
	const char *otherwise; /* NULL: required */
	struct place place;
};

/* Where a login step finds what later steps need. */
enum rest_source { FROM_BODY, FROM_LOCATION };

struct rest_take {
	const char *name;
	enum rest_source source;
	const char *path; /* into the JSON body, or a parameter of Location's query */
};

/* Which statuses: both ends included. */
struct rest_range {
	int from, to;
};

struct rest_statuses {
	struct rest_range *range;
	int n;
};

enum rest_when { WHEN_ALWAYS, WHEN_PASSWORD, WHEN_KEPT };

struct rest_step {
	const char *name;
	enum rest_when when;
	struct rest_request request;
	struct rest_statuses expect;
	struct rest_statuses refused; /* the login is wrong: never to be repeated */
	int tries;
	struct template basic_user, basic_password; /* no part: none */
	struct rest_pair *form; /* of a form body */
	int form_n;
	struct rest_take *take;
	int take_n;
	struct place place;
};

/* What kind of request an answer belongs to; bits, for 'on:'. */
enum rest_on {
	ON_FETCH = 1 << 0,
	ON_QUERY = 1 << 1,
	ON_WRITE = 1 << 2,
	ON_FEED = 1 << 3,
	ON_DESCRIBE = 1 << 4,
	ON_SESSION = 1 << 5, /* 'who am I' */
	ON_ALL = (1 << 6) - 1,
};

enum rest_class {
	CLASS_NONE, /* no answer at all */
	CLASS_OK,
	CLASS_SESSION,	/* the session ended: log in again, repeat once */
	CLASS_LIMIT,	/* a limit; not executed */
	CLASS_REJECTED, /* understood and refused */
	CLASS_GONE,	/* no such record */
	CLASS_CURSOR,	/* the feed does not know the position */
	CLASS_SERVER,	/* no sense in it; a write may have been executed */
};

struct rest_body_test {
	const char *path;
	const char *text;
};

struct rest_error_class {
	enum rest_class class;
	unsigned on; /* enum rest_on */
	struct rest_statuses status;
	struct rest_body_test *body; /* all must hold */
	int body_n;
	int64_t wait_ms;
	struct place place;
};

struct rest_object {
	const char *name;
	const char *modified; /* field, or NULL */
	const char *deleted;  /* flag, or NULL */
	const char *history;  /* name for {history}, or NULL: none is kept */
	struct place place;
};

/* What an event of a webhook says: look at these records. */
struct rest_webhook_mark {
	struct rest_texts events;
	const char *object;
	const char *id; /* path; '*' is any place of a list */
	struct place place;
};

struct rest_type_rule {
	struct rest_body_test *when; /* property and its text; all must hold */
	int when_n;
	enum type_kind kind;
};

struct rest_description {
	struct arena arena;
	const char *file;
	int version; /* of the language */
	const char *name;
	const char *title;
	const char *url; /* when the deployment gives none; may be NULL */

	struct rest_setting *setting;
	int setting_n;

	struct {
		struct rest_step *step;
		int step_n;
		const char *keep; /* capture that outlives the process, or NULL */
		struct template keep_as;
		struct place place;
	} login;

	struct {
		struct template base;
		struct rest_pair *header;
		int header_n;
		struct template organisation; /* its last path segment */
		struct rest_request user;
		const char *user_id; /* path */
	} session;

	struct value_dialect values;

	struct rest_object *object;
	int object_n;

	struct {
		const char *id;	   /* field that holds the record's id */
		const char *data;  /* path of the row or rows */
		const char *total; /* of a to-many list: members there are */
		int to_many;	   /* members asked of a to-many list */
	} rows;

	struct {
		struct rest_request request;
		int ids;
		int url_max;
	} fetch;

	struct {
		int filter; /* language of {where}; only one as yet */
		struct rest_request brief, longer;
		int url_max; /* beyond it: longer */
		int page;
	} query;

	struct rest_request create, update;
	const char *created_id, *updated_id; /* paths; the latter may be NULL */

	struct {
		const char *message, *field; /* paths; '*' is any array place */
		const char *quotes; /* around a field's name in a message, or NULL */
		struct rest_error_class *class;
		int class_n;
	} errors;

	struct {
		int kind; /* only one as yet */
		struct template name;
		struct rest_request ensure, next, again, last;
		const char *ensured, *last_id, *batch, *events;
		const char *object, *id, *at, *author, *fields;
		const char **composite;
		int composite_n;
		int batch_max;
		int64_t poll_min_ms, poll_max_ms;
	} changes; /* next.method NULL: no feed */

	struct {
		const char *header, *prefix;
		enum hmac_algorithm algorithm;
		enum hmac_spelling spelling;
		struct template signs; /* no part: the body */
		const char *stamp;     /* header with the time, or NULL */
		int64_t within_ms;
		const char *event;
		const char *at, *author, *fields; /* or NULL */
		struct rest_webhook_mark *mark;
		int mark_n;
		struct rest_texts ignored;
		struct place place;
	} webhook; /* header NULL: none */

	struct {
		struct template object;
		const char *field, *value, *record, *at, *author;
		const char *blank;
		int64_t overlap_ms;
	} history; /* field NULL: none */

	struct {
		struct rest_request request;
		const char *fields, *nested, *name, *label, *type, *length, *required, *read_only,
			*options, *option, *refers_to;
		struct rest_type_rule *rule;
		int rule_n;
	} describe;

	int concurrent;
	int64_t longest_request_ms;
};

/* A new description, or NULL with at least one complaint. */
struct rest_description *rest_description_load(const char *path, struct complaints *c);
struct rest_description *rest_description_load_text(struct sv text, const char *name,
						    struct complaints *c);
void rest_description_destroy(struct rest_description *d);

/* Every key there is, for the reference and its check. */
extern const struct doc_level rest_level;

/* Complains of what the tables cannot see: names that a place does not offer,
 * steps that use what none took, classes that are never reached. */
void rest_description_check(struct doc *doc, const struct rest_description *d);

/* NULL when there is none. */
const struct rest_object *rest_object_by_name(const struct rest_description *d, struct sv name);

bool rest_statuses_have(const struct rest_statuses *s, int status);

/* The rules by which answers are classed, in order and with the built-in ones
 * at the end, one a line: what is believed to hold should be seen to hold. */
void rest_description_print_errors(const struct rest_description *d, struct buf *out);

#endif

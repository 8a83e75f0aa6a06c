/* Any bytes as what Salesforce answers: errors, messages of the feed, headers,
 * ids. Never a crash; a message of one line; an id that is one stays one; no
 * text leaves its quotes in a query. */
#include "fuzz.h"

#include "base/panic.h"
#include "systems/salesforce/bayeux.h"
#include "systems/salesforce/ids.h"
#include "systems/salesforce/sf.h"

static void check_err(const struct err *err)
{
	for (const char *c = err->what; *c; c++)
		if ((unsigned char)*c < ' ')
			panic("a control character in '%s'", err->what);
}

static void check_problem(struct json_object *body, int status)
{
	struct err err = { 0 };
	struct sv column;
	struct sf_problem p = sf_problem_of(body);
	sf_problem_class(&p, status, "fuzz", &err);
	if (err.code == ERR_NONE)
		panic("an error without a class");
	check_err(&err);
	if (sf_problem_column(&p, &column) && column.len > p.message.len)
		panic("a column longer than its message");
}

static void check_message(struct json_object *message, struct arena *a)
{
	struct bayeux_event e;
	struct err err = { 0 };
	enum bayeux_verdict verdict = bayeux_judge(message, "fuzz", &err);
	if ((verdict == BAYEUX_FAILED) != (err.code != ERR_NONE))
		panic("verdict %d with error %d", verdict, err.code);
	check_err(&err);
	if (!bayeux_event(message, &e))
		return;
	if (e.replay_id < 0)
		panic("an event without a place");
	for (size_t i = 0; e.changed && i < json_object_array_length(e.changed); i++)
		bayeux_field(json_string(json_object_array_get_idx(e.changed, i)), a);
}

static void check_json(struct json_object *body, struct arena *a)
{
	static const int statuses[] = { 200, 400, 401, 403, 404, 412, 414, 420, 500, 503 };
	for (size_t i = 0; i < countof(statuses); i++)
		check_problem(body, statuses[i]);
	check_message(body, a);
	if (json_object_is_type(body, json_type_array))
		for (size_t i = 0; i < json_object_array_length(body); i++)
			check_message(json_object_array_get_idx(body, i), a);
}

/* Within the quotes every quote and every backslash is escaped. */
static void check_quotes(struct sv text)
{
	struct buf b;
	buf_init(&b, 16 * 1024 * 1024);
	soql_add_string(&b, text);
	if (b.len < 2 || b.ptr[0] != '\'' || b.ptr[b.len - 1] != '\'')
		panic("a string without quotes");
	for (size_t i = 1; i < b.len - 1; i++) {
		if (b.ptr[i] == '\'')
			panic("a string that ends early");
		if (b.ptr[i] == '\\' && ++i == b.len - 1)
			panic("a string that does not end");
	}
	buf_finish(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sv text = sv_make(data, len);
	struct err err = { 0 };
	struct arena a;
	int64_t used, limit;
	arena_init(&a);
	struct json_object *body = json_parse(text, "fuzz", &err);
	check_json(body, &a);
	json_object_put(body);
	check_err(&err);

	struct sv id = sf_id(text, &a);
	if (id.len && !sv_eq(id, sf_id(id, &a)))
		panic("an id that does not stay one");
	sf_limit_info(text, &used, &limit);
	check_quotes(text);
	http_url_allowed(text, &err);
	arena_finish(&a);
	return 0;
}

/* Any bytes as a connector description: a description or complaints, never a
 * crash. Any JSON as an answer of a described system: read as rows, a batch of
 * the feed, steps of a history, a schema and an error. */
#include "fuzz.h"

#include "base/panic.h"
#include "systems/rest/ops.h"

static void check_complaints(const struct complaints *c, bool loaded)
{
	if (loaded == (c->n > 0))
		panic("%s with %d complaints", loaded ? "a description" : "no description", c->n);
	for (int i = 1; i < c->n; i++)
		if (c->list[i].place.line < c->list[i - 1].place.line)
			panic("complaints out of order");
}

static void load_description(struct sv text)
{
	struct complaints c;
	struct buf rules;
	complaints_init(&c, "fuzz");
	struct rest_description *d = rest_description_load_text(text, "fuzz", &c);
	check_complaints(&c, d != NULL);
	if (d) {
		buf_init(&rules, 1 << 20);
		rest_description_print_errors(d, &rules);
		buf_finish(&rules);
	}
	rest_description_destroy(d);
	complaints_finish(&c);
}

static const struct rest_description *described(void)
{
	static struct rest_description *d;
	struct complaints c;
	if (d)
		return d;
	complaints_init(&c, CONNECTORS "/bullhorn.yaml");
	d = rest_description_load(CONNECTORS "/bullhorn.yaml", &c);
	if (!d)
		panic("%d complaints about bullhorn.yaml", c.n);
	complaints_finish(&c);
	return d;
}

#define TYPE(k) { .kind = (k), .scale = -1, .link_record = -1 }

static void read_answer(struct json_object *body, struct arena *a)
{
	static const struct field_ref fields[] = {
		{ "address.city", TYPE(TYPE_TEXT) }, { "skillList", TYPE(TYPE_SET) },
		{ "categories.name", TYPE(TYPE_SET) }, { "owner", TYPE(TYPE_LINK) },
		{ "dateBegin", TYPE(TYPE_DATE) },    { "payRate", TYPE(TYPE_CURRENCY) },
	};
	static const char *const names[] = { "address.city", "skillList", "owner" };
	const struct rest_description *d = described();
	const struct rest_object *o = &d->object[0];
	const struct rest_error_class *rule;
	const char *bad[3];
	struct rows_list rows;
	struct row row;
	struct changes changes;
	struct history history;
	struct schema_object schema;
	int64_t position;
	struct err err = { 0 };
	if (rows_list(d, body, &rows)) {
		for (size_t i = 0; i < rows.n; i++)
			rows_read(d, o, rows_at(&rows, i), fields, countof(fields), a, &row);
		for (size_t i = 0; i < countof(fields); i++)
			history_read(d, SV("{\"floor\":1,\"seen\":[2,3,4]}"), &rows, &fields[i],
				     SV("1"), 1000, a, &history, &err);
	}
	feed_read_batch(d, body, SV("1"), a, &changes, &position, &err);
	schema_read(d, "Candidate", body, a, &schema, &err);
	for (int on = 1; on < ON_ALL; on *= 2)
		rest_classify(d, (enum rest_on)on, 400, false, body, &rule);
	rest_error_text(d, body, 400, a);
	rest_error_fields(d, body, names, 3, bad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sv text = sv_make(data, len);
	struct err err = { 0 };
	struct arena a;
	load_description(text);
	struct json_object *body = json_parse(text, "fuzz", &err);
	if (body) {
		arena_init(&a);
		read_answer(body, &a);
		arena_finish(&a);
		json_object_put(body);
	}
	return 0;
}

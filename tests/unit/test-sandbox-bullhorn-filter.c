/* The where clause of query/ and the query of search/, against rows that are
 * short lists of values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/panic.h"
#include "sandbox/bullhorn_filter.h"

struct person {
	struct filter_row base;
	int64_t id;
	const char *name, *status, *owner_name; /* NULL = null */
	int64_t rate;				/* ten-thousandths */
	bool open;
	const char *skills;
};

enum { F_ID, F_NAME, F_STATUS, F_OWNER_NAME, F_RATE, F_OPEN, F_SKILLS };

static bool resolve(const struct filter_schema *s, struct sv path, struct filter_field *out)
{
	static const struct {
		const char *path;
		enum filter_kind kind;
	} fields[] = { { "id", FILTER_NUMBER },	  { "name", FILTER_TEXT },
		       { "status", FILTER_TEXT }, { "owner.name", FILTER_TEXT },
		       { "rate", FILTER_NUMBER }, { "isOpen", FILTER_BOOL },
		       { "skills", FILTER_TEXT } };
	for (size_t i = 0; i < countof(fields); i++)
		if (sv_eq(path, sv_of(fields[i].path))) {
			*out = (struct filter_field){ .kind = fields[i].kind,
						      .is_id = i == 0,
						      .hop = { (int)i } };
			return true;
		}
	return false;
}

static const struct filter_schema schema = { resolve };

static struct filter_value text(const char *s)
{
	return (struct filter_value){ .kind = s ? FILTER_TEXT : FILTER_NULL, .text = sv_of(s) };
}

static struct filter_value get(const struct filter_row *base, const struct filter_field *f)
{
	const struct person *p = (const struct person *)base;
	switch (f->hop[0]) {
	case F_ID:
		return (struct filter_value){ .kind = FILTER_NUMBER,
					      .number = p->id * FILTER_SCALE };
	case F_NAME:
		return text(p->name);
	case F_STATUS:
		return text(p->status);
	case F_OWNER_NAME:
		return text(p->owner_name);
	case F_RATE:
		return (struct filter_value){ .kind = FILTER_NUMBER, .number = p->rate };
	case F_OPEN:
		return (struct filter_value){ .kind = FILTER_BOOL, .number = p->open };
	default:
		return text(p->skills);
	}
}

static const struct person people[] = {
	{ { get }, 1, "Maria O'Brien", "Active", "Elise Tran", 425000, true, "Java;SQL" },
	{ { get }, 2, "John Smith", NULL, "Ben Oduya", 820000, false, "Forklift" },
	{ { get }, 3, "Johanna Smith-Lee", "Active - Looking", NULL, 821250, true, NULL },
	{ { get }, 4, "Wei Zhang", "Archive", "Elise Tran", 0, false, "MIG;TIG" },
};

/* The ids that match, as a decimal number: 13 is the first and the third. */
static int matching(const struct filter *f)
{
	int ids = 0;
	for (size_t i = 0; i < countof(people); i++)
		if (filter_match(f, &people[i].base))
			ids = ids * 10 + (int)people[i].id;
	return ids;
}

typedef struct filter *parser(struct sv, const struct filter_schema *, struct arena *,
			      struct err *);

static int found(parser *parse, const char *condition)
{
	struct arena a;
	struct err err = { 0 };
	arena_init(&a);
	struct filter *f = parse(sv_of(condition), &schema, &a, &err);
	int ids = f ? matching(f) : -1;
	assert_int_equal(f == NULL, err.code == ERR_BAD_INPUT);
	arena_finish(&a);
	return ids;
}

#define JPQL(condition) found(filter_parse_jpql, condition)
#define LUCENE(condition) found(filter_parse_lucene, condition)

static void jpql_compares(void **state)
{
	assert_int_equal(JPQL("id = 2"), 2);
	assert_int_equal(JPQL("id <> 2"), 134);
	assert_int_equal(JPQL("id > 2"), 34);
	assert_int_equal(JPQL("id<=2"), 12);
	assert_int_equal(JPQL("rate = 82"), 2);
	assert_int_equal(JPQL("rate > 82.0000"), 3);
	assert_int_equal(JPQL("isOpen = true"), 13);
	assert_int_equal(JPQL("name = 'john smith'"), 2);
	assert_int_equal(JPQL("name = 'Maria O''Brien'"), 1);
	assert_int_equal(JPQL("owner.name='Elise Tran'"), 14);
}

static void jpql_null_is_unknown(void **state)
{
	assert_int_equal(JPQL("status IS NULL"), 2);
	assert_int_equal(JPQL("status IS NOT NULL"), 134);
	assert_int_equal(JPQL("status <> 'Active'"), 34);
	assert_int_equal(JPQL("NOT status = 'Active'"), 34);
	assert_int_equal(JPQL("status = 'Active' OR id = 2"), 12);
	assert_int_equal(JPQL("NOT (status = 'Active' AND id = 2)"), 134);
}

static void jpql_lists_and_patterns(void **state)
{
	assert_int_equal(JPQL("id IN (4, 1,9)"), 14);
	assert_int_equal(JPQL("id NOT IN (4,1)"), 23);
	assert_int_equal(JPQL("name in ('WEI ZHANG','x')"), 4);
	assert_int_equal(JPQL("name LIKE 'Joh%Smith%'"), 23);
	assert_int_equal(JPQL("name not like '%smith%'"), 14);
	assert_int_equal(JPQL("name LIKE '_ei Zhang'"), 4);
}

static void jpql_joins(void **state)
{
	assert_int_equal(JPQL("id = 1 OR id = 2 AND id = 3"), 1);
	assert_int_equal(JPQL("(id = 1 OR id = 2) AND NOT id = 2"), 1);
	assert_int_equal(JPQL("not (id = 1 or (id = 2)) and isOpen = false"), 4);
}

static void jpql_refuses(void **state)
{
	static const char *const bad[] = {
		"",	    "id",	   "id =",	    "id = 'x'",	 "name = 5",   "nosuch = 1",
		"id IN ()", "id IN (1",	   "id = 1 id = 2", "name = 'x", "id = 1 AND", "isOpen = 2",
		"(id = 1",  "id LIKE 'x'", "id = 1.00001",  "id ~ 1"
	};
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(JPQL(bad[i]), -1);
}

static void jpql_depth_is_bounded(void **state)
{
	char deep[400];
	memset(deep, '(', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(JPQL(deep), -1);
	assert_int_equal(LUCENE(deep), -1);
}

static void jpql_gives_id_bounds(void **state)
{
	struct arena a;
	struct err err = { 0 };
	arena_init(&a);
	struct filter *f = filter_parse_jpql(SV("status = 'x' AND id > 77 AND id <= 90"), &schema,
					     &a, &err);
	struct filter_ids ids = filter_ids(f, &a);
	assert_int_equal(ids.low, 77);
	assert_int_equal(ids.high, 90);
	assert_null(ids.ids);
	f = filter_parse_jpql(SV("id IN (9,3) AND name = 'x'"), &schema, &a, &err);
	ids = filter_ids(f, &a);
	assert_int_equal(ids.ids_len, 2);
	assert_int_equal(ids.ids[0], 3);
	f = filter_parse_jpql(SV("id = 9 OR name = 'x'"), &schema, &a, &err);
	ids = filter_ids(f, &a);
	assert_null(ids.ids);
	assert_true(ids.low == INT64_MIN && ids.high == INT64_MAX);
	arena_finish(&a);
}

static void lucene_terms(void **state)
{
	assert_int_equal(LUCENE("name:smith"), 23);
	assert_int_equal(LUCENE("name:\"john smith\""), 2);
	assert_int_equal(LUCENE("name:joh*"), 23);
	assert_int_equal(LUCENE("skills:sql"), 1);
	assert_int_equal(LUCENE("id:3"), 3);
	assert_int_equal(LUCENE("isOpen:1"), 13);
	assert_int_equal(LUCENE("isOpen:false"), 24);
	assert_int_equal(LUCENE("name:O\\'Brien"), 1);
	assert_int_equal(LUCENE("status:*"), 134);
}

static void lucene_ranges(void **state)
{
	assert_int_equal(LUCENE("id:[2 TO 3]"), 23);
	assert_int_equal(LUCENE("id:{2 TO 4}"), 3);
	assert_int_equal(LUCENE("rate:[82 TO *]"), 23);
	assert_int_equal(LUCENE("id:[* TO 2}"), 1);
}

static void lucene_joins(void **state)
{
	assert_int_equal(LUCENE("name:smith AND isOpen:1"), 3);
	assert_int_equal(LUCENE("id:1 id:4"), 14);
	assert_int_equal(LUCENE("id:(1 OR 2)"), 12);
	assert_int_equal(LUCENE("id:(1 4) AND NOT status:Archive"), 1);
	assert_int_equal(LUCENE("+isOpen:1 -id:1"), 3);
	assert_int_equal(LUCENE("name:smith NOT id:2"), 3);
	assert_int_equal(LUCENE("NOT status:Archive"), 123);
	assert_int_equal(LUCENE("(id:1 OR id:2) AND isOpen:true"), 1);
	assert_int_equal(LUCENE("*"), 1234);
}

static void lucene_refuses(void **state)
{
	static const char *const bad[] = { "",	       "name:",	      "nosuch:1", "id:x",
					   "id:[1 TO", "name:\"x",    "(id:1",	  "id:1)",
					   "smith",    "id:1 OR",     "id:1 AND", "name:s*th",
					   "id:[1 3]", "isOpen:maybe" };
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(LUCENE(bad[i]), -1);
}

static void numbers(void **state)
{
	int64_t n;
	assert_true(filter_number(SV("1795445103407"), &n) && n == 17954451034070000);
	assert_true(filter_number(SV("-0.5"), &n) && n == -5000);
	assert_false(filter_number(SV("1."), &n));
	assert_false(filter_number(SV(".5"), &n));
	assert_false(filter_number(SV("1e3"), &n));
	assert_false(filter_number(SV(""), &n));
	assert_false(filter_number(SV("123456789012345"), &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jpql_compares),
		cmocka_unit_test(jpql_null_is_unknown),
		cmocka_unit_test(jpql_lists_and_patterns),
		cmocka_unit_test(jpql_joins),
		cmocka_unit_test(jpql_refuses),
		cmocka_unit_test(jpql_depth_is_bounded),
		cmocka_unit_test(jpql_gives_id_bounds),
		cmocka_unit_test(lucene_terms),
		cmocka_unit_test(lucene_ranges),
		cmocka_unit_test(lucene_joins),
		cmocka_unit_test(lucene_refuses),
		cmocka_unit_test(numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

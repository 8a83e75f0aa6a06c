/* The documents for people are held to the program: docs/treaty-reference.md
 * has a row for every key and for nothing else, and what the pages show as a
 * treaty, a deployment or a record type can be loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/panic.h"
#include "treaty/deployment.h"
#include "treaty/doc.h"

static struct arena arena;

static struct sv read_file(const char *path)
{
	struct complaints c;
	struct buf b;
	complaints_init(&c, path);
	buf_init(&b, YAML_MAX);
	if (!yaml_read_file(path, &b, &c))
		fail_msg("%s: cannot be read", path);
	struct sv text = arena_sv(&arena, buf_sv(&b));
	buf_finish(&b);
	complaints_finish(&c);
	return text;
}

static int begin(void **state)
{
	arena_init(&arena);
	return 0;
}

static int end(void **state)
{
	arena_finish(&arena);
	return 0;
}

/* ---- rows of the tables ---- */

/* The part of the reference under '## The treaty' or '## The deployment'. */
static struct sv part(const char *from, const char *to)
{
	struct sv page = read_file(DOCS "/treaty-reference.md");
	const char *begins = strstr(page.ptr, from), *ends = to ? strstr(page.ptr, to) : NULL;
	if (!begins)
		fail_msg("treaty-reference.md has no '%s'", from);
	return arena_sv(&arena, sv_make(begins, (size_t)((ends ? ends : page.ptr + page.len) - begins)));
}

static void hold(struct sv text, const struct doc_level *level)
{
	struct sv line;
	struct doc_row *row;
	int n = doc_keys(level, &arena, &row), rows = 0;
	for (int i = 0; i < n; i++) {
		const char *entry = arena_printf(&arena, "\n| `%s` | %s |", row[i].path,
						 row[i].required ? "yes" : "").ptr;
		if (!strstr(text.ptr, entry))
			fail_msg("treaty-reference.md lacks %s", entry + 1);
	}
	for (bool more = true; more;) {
		more = sv_cut(text, '\n', &line, &text);
		rows += sv_starts(line, SV("| `"));
	}
	assert_int_equal(rows, n);
}

static void test_reference(void **state)
{
	hold(part("## The treaty\n", "## The deployment\n"), &treaty_level);
	hold(part("## The deployment\n", NULL), &deployment_level);
}

/* ---- examples ---- */

/* What an example that shows only a record type stands in. */
static const char around[] =
	"treaty: 1\n"
	"name: example\n"
	"version: 1\n"
	"systems: {ats: bullhorn, salesforce: salesforce}\n"
	"roles: {recruiting_lead: {}, sales_lead: {}}\n"
	"domains:\n"
	"  candidate_identity: {owner: ats, signed_by: [recruiting_lead]}\n"
	"  job_orders: {owner: salesforce, signed_by: [sales_lead]}\n"
	"  placement_status: {owner: ats, signed_by: [recruiting_lead]}\n"
	"records:\n";

/* And what only a store. */
static const char beside_store[] =
	"deployment: 1\n"
	"treaty: treaty.yaml\n"
	"systems:\n"
	"  ats: {connector: bullhorn, url: https://rest.example.com, login: {}}\n"
	"  salesforce: {connector: salesforce, url: https://x.my.salesforce.com,"
	" login: {client_id: c, username: u@acme.example, key: file:k.pem}}\n";

/* Paths that the examples use, each between line ends. */
static struct buf used;

static void use(const struct doc_level *level, const struct yaml_node *map, const char *prefix)
{
	for (int i = 0; map->kind == YAML_MAP && i < map->n; i++) {
		const struct doc_key *k = level->key;
		while (k->name && strcmp(k->name, map->pair[i].key) != 0 && strcmp(k->name, "*") != 0)
			k++;
		if (!k->name)
			continue;
		const char *path = arena_printf(&arena, "%s%s%s", prefix, *prefix ? "." : "", k->name).ptr;
		buf_addf(&used, "%s\n", path);
		if (k->level)
			use(k->level, map->pair[i].value, path);
	}
}

static void note_used(struct sv text, const struct doc_level *level)
{
	struct complaints c;
	complaints_init(&c, "example");
	struct yaml_node *root = yaml_parse(text, &arena, &c);
	assert_non_null(root);
	use(level, root, "");
	complaints_finish(&c);
}

static struct sv record_in_treaty(struct sv text)
{
	struct buf b;
	struct sv line;
	buf_init(&b, YAML_MAX);
	buf_add(&b, sv_of(around));
	for (bool more = text.len > 0; more;) {
		more = sv_cut(text, '\n', &line, &text);
		buf_addf(&b, "  %.*s\n", SV_ARG(line));
	}
	struct sv whole = arena_sv(&arena, buf_sv(&b));
	buf_finish(&b);
	return whole;
}

static void load_example(const char *page, struct sv text)
{
	struct complaints c;
	struct buf said;
	struct treaty *t = NULL;
	struct deployment *d = NULL;
	complaints_init(&c, page);
	if (sv_starts(text, SV("store:")))
		text = arena_printf(&arena, "%s%.*s", beside_store, SV_ARG(text));
	if (sv_starts(text, SV("deployment:"))) {
		d = deployment_load_text(text, page, &c);
		note_used(text, &deployment_level);
	} else if (sv_starts(text, SV("treaty:"))) {
		t = treaty_load_text(text, page, &c);
		note_used(text, &treaty_level);
	} else {
		t = treaty_load_text(record_in_treaty(text), page, &c);
	}
	buf_init(&said, 1 << 16);
	complaints_print(&c, &said);
	if (!t && !d)
		fail_msg("an example does not load:\n%s%.*s", said.ptr, SV_ARG(text));
	buf_finish(&said);
	complaints_finish(&c);
	treaty_destroy(t);
	deployment_destroy(d);
}

/* Every block that is fenced as yaml. */
static int load_examples(const char *page)
{
	static const char fence[] = "\n```yaml\n";
	int n = 0;
	for (const char *p = strstr(read_file(page).ptr, fence); p; p = strstr(p, fence)) {
		p += strlen(fence);
		const char *over = strstr(p, "\n```\n");
		if (!over)
			fail_msg("%s: a block of yaml without an end", page);
		load_example(page, arena_sv(&arena, sv_make(p, (size_t)(over - p) + 1)));
		n++;
	}
	return n;
}

static void test_examples_load(void **state)
{
	assert_true(load_examples(DOCS "/../README.md") > 0);
	assert_true(load_examples(DOCS "/guide.md") > 0);
}

/* The reference's own examples use each key at least once. */
static void test_every_key_has_an_example(void **state)
{
	const struct doc_level *const top[] = { &treaty_level, &deployment_level };
	buf_init(&used, 1 << 20);
	buf_addc(&used, '\n');
	assert_int_equal(load_examples(DOCS "/treaty-reference.md"), 3);
	for (size_t k = 0; k < countof(top); k++) {
		struct doc_row *row;
		int n = doc_keys(top[k], &arena, &row);
		for (int i = 0; i < n; i++)
			if (!strstr(used.ptr, arena_printf(&arena, "\n%s\n", row[i].path).ptr))
				fail_msg("no example has %s", row[i].path);
	}
	buf_finish(&used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_examples_load),
		cmocka_unit_test(test_every_key_has_an_example),
	};
	return cmocka_run_group_tests(tests, begin, end);
}

#include "treaty/yaml.h"

#include <errno.h>
#include <libfyaml.h>

#include "base/panic.h"

struct builder {
	struct arena *arena;
	struct complaints *complaints;
};

static struct place place_of(struct fy_node *n, struct place otherwise)
{
	struct fy_token *t = n ? fy_node_get_scalar_token(n) : NULL;
	const struct fy_mark *m = t ? fy_token_start_mark(t) : NULL;
	if (!m)
		return otherwise;
	/* the parser's mark of a quoted text is behind the quote */
	enum fy_node_style style = fy_node_get_style(n);
	bool quoted = style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED;
	return (struct place){ m->line + 1, m->column + !quoted };
}

/* Text of a scalar. A NUL would end it early for whoever reads it as a C
 * string, and so say something else than what was signed. */
static const char *scalar_text(struct builder *b, struct fy_node *n, struct place at)
{
	size_t len = 0;
	const char *s = n ? fy_node_get_scalar(n, &len) : NULL;
	if (s && memchr(s, '\0', len)) {
		complaints_add(b->complaints, at, "a NUL in a text: it cannot be kept");
		return "";
	}
	return arena_str(b->arena, s ? sv_make(s, len) : SV(""));
}

static void refuse_tricks(struct builder *b, struct fy_node *n, struct place at)
{
	size_t len;
	if (fy_node_is_alias(n))
		complaints_add(b->complaints, at,
			       "an alias: a treaty says everything where it stands; write it out");
	else if (fy_node_get_tag(n, &len))
		complaints_add(b->complaints, at, "a tag: types are not told by YAML tags here");
}

static struct yaml_node *build(struct builder *b, struct fy_node *n, struct place at);

static int by_key(const void *x, const void *y)
{
	const struct yaml_pair *a = *(struct yaml_pair *const *)x, *b = *(struct yaml_pair *const *)y;
	int c = strcmp(a->key, b->key);
	return c ? c : (a > b) - (a < b);
}

static void find_twins(struct builder *b, struct yaml_node *map)
{
	struct yaml_pair **sorted = arena_array(b->arena, struct yaml_pair *, (size_t)map->n);
	for (int i = 0; i < map->n; i++)
		sorted[i] = &map->pair[i];
	qsort(sorted, (size_t)map->n, sizeof(*sorted), by_key);
	for (int i = 1; i < map->n; i++) {
		const struct yaml_pair *before = sorted[i - 1];
		if (strcmp(before->key, sorted[i]->key) == 0)
			sorted[i]->again = before->again ? before->again : before;
	}
}

static void build_map(struct builder *b, struct fy_node *n, struct yaml_node *out)
{
	void *at = NULL;
	struct fy_node_pair *p;
	int count = fy_node_mapping_item_count(n);
	out->pair = arena_array(b->arena, struct yaml_pair, (size_t)count);
	while ((p = fy_node_mapping_iterate(n, &at))) {
		struct fy_node *key = fy_node_pair_key(p);
		struct yaml_pair *pair = &out->pair[out->n];
		pair->place = place_of(key, out->place);
		if (key && !fy_node_is_scalar(key)) {
			complaints_add(b->complaints, pair->place, "a key that is not text");
			continue;
		}
		if (key)
			refuse_tricks(b, key, pair->place);
		pair->key = scalar_text(b, key, pair->place);
		pair->value = build(b, fy_node_pair_value(p), pair->place);
		out->n++;
	}
	find_twins(b, out);
}

static void build_list(struct builder *b, struct fy_node *n, struct yaml_node *out)
{
	void *at = NULL;
	struct fy_node *item;
	int count = fy_node_sequence_item_count(n);
	out->item = arena_array(b->arena, struct yaml_node *, (size_t)count);
	while ((item = fy_node_sequence_iterate(n, &at)))
		out->item[out->n++] = build(b, item, out->place);
}

static struct yaml_node *build(struct builder *b, struct fy_node *n, struct place at)
{
	struct yaml_node *out = arena_new(b->arena, struct yaml_node);
	out->place = place_of(n, at);
	if (n)
		refuse_tricks(b, n, out->place);
	if (n && fy_node_is_mapping(n)) {
		out->kind = YAML_MAP;
		build_map(b, n, out);
	} else if (n && fy_node_is_sequence(n)) {
		out->kind = YAML_LIST;
		build_list(b, n, out);
	} else {
		out->kind = YAML_SCALAR;
		out->text = scalar_text(b, n, out->place);
		out->blank = !out->text[0] && (!n || fy_node_get_style(n) == FYNS_PLAIN);
	}
	return out;
}

/* Line by line, so that the complaint has a place; the parser takes any bytes. */
static bool check_utf8(struct sv text, struct complaints *c)
{
	const struct value_type plain = { .kind = TYPE_TEXT };
	struct arena scratch;
	bool ok = true;
	arena_init(&scratch);
	struct sv line;
	bool more = true;
	for (int n = 1; more; n++) {
		struct value v;
		struct err err = { 0 };
		more = sv_cut(text, '\n', &line, &text);
		if (!value_from_text(&plain, line, &scratch, &v, &err)) {
			complaints_add(c, (struct place){ n, 1 }, "%s", err.what);
			ok = false;
		}
		arena_reset(&scratch);
	}
	arena_finish(&scratch);
	return ok;
}

/* The parser's own words and where it gave up; only the first: what follows a
 * broken line is guesswork. */
static void complain_of_syntax(struct fy_diag *diag, struct complaints *c)
{
	void *at = NULL;
	const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &at);
	if (e && e->line > 0)
		complaints_add(c, (struct place){ e->line, e->column }, "not YAML: %s", e->msg);
	else
		complaints_add(c, (struct place){ 1, 1 }, "the document is empty");
}

static void say_nothing(struct fy_diag *diag, void *user, const char *text, size_t len)
{
}

static struct fy_diag *collecting_diag(void)
{
	struct fy_diag_cfg cfg;
	fy_diag_cfg_default(&cfg);
	cfg.fp = NULL; /* else the library writes to stderr by itself */
	cfg.output_fn = say_nothing;
	struct fy_diag *diag = fy_diag_create(&cfg);
	if (!diag)
		panic("out of memory for the YAML parser");
	fy_diag_set_collect_errors(diag, true);
	return diag;
}

static struct yaml_node *build_document(struct fy_parser *parser, struct fy_diag *diag,
					struct builder *b)
{
	const struct place top = { 1, 1 };
	int before = b->complaints->n;
	struct fy_document *doc = fy_parse_load_document(parser), *second = NULL;
	struct yaml_node *root = NULL;
	if (doc && fy_document_root(doc)) {
		root = build(b, fy_document_root(doc), top);
		second = fy_parse_load_document(parser);
		if (second)
			complaints_add(b->complaints, top, "two documents in one file: which one holds?");
	}
	void *at = NULL;
	if (!root || fy_diag_errors_iterate(diag, &at))
		complain_of_syntax(diag, b->complaints);
	fy_parse_document_destroy(parser, second);
	fy_parse_document_destroy(parser, doc);
	return b->complaints->n == before ? root : NULL;
}

struct yaml_node *yaml_parse(struct sv text, struct arena *a, struct complaints *c)
{
	struct builder b = { a, c };
	if (text.len > YAML_MAX) {
		complaints_add(c, (struct place){ 0, 0 }, "longer than %d bytes", YAML_MAX);
		return NULL;
	}
	if (!check_utf8(text, c))
		return NULL;
	struct fy_diag *diag = collecting_diag();
	/* Duplicate keys are let through here: the parser would stop at the
	 * first, and would not know why it matters. */
	struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE |
					     FYPCF_ALLOW_DUPLICATE_KEYS,
				    .diag = diag };
	struct fy_parser *parser = fy_parser_create(&cfg);
	if (!parser || fy_parser_set_string(parser, text.len ? text.ptr : "", text.len))
		panic("out of memory for the YAML parser");
	struct yaml_node *root = build_document(parser, diag, &b);
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	return root;
}

const struct yaml_pair *yaml_find(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (int i = 0; i < map->n; i++)
		if (strcmp(map->pair[i].key, key) == 0)
			return &map->pair[i];
	return NULL;
}

const char *yaml_kinds_name(unsigned kinds)
{
	static const char *const names[] = {
		[YAML_SCALAR] = "text",
		[YAML_MAP] = "a mapping",
		[YAML_LIST] = "a list",
		[YAML_SCALAR | YAML_MAP] = "text or a mapping",
		[YAML_SCALAR | YAML_LIST] = "text or a list",
		[YAML_MAP | YAML_LIST] = "a mapping or a list",
		[YAML_SCALAR | YAML_MAP | YAML_LIST] = "anything",
	};
	return names[kinds];
}

bool yaml_read_file(const char *path, struct buf *out, struct complaints *c)
{
	char chunk[16384];
	size_t n;
	errno = 0;
	FILE *f = fopen(path, "rbe");
	while (f && (n = fread(chunk, 1, sizeof(chunk), f)) > 0 && !out->full)
		buf_add(out, sv_make(chunk, n));
	bool ok = f && !ferror(f);
	int why = errno;
	if (f)
		fclose(f);
	if (!ok)
		complaints_add(c, (struct place){ 0, 0 }, "cannot be read: %s",
			       strerrordesc_np(why ? why : EIO));
	else if (out->full)
		complaints_add(c, (struct place){ 0, 0 }, "longer than %zu bytes", out->max);
	return ok && !out->full;
}

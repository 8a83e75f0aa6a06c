#include "treaty/doc.h"

#include "base/panic.h"

/* Names of a mapping are compared with each other; no treaty of people comes
 * near this. */
enum { NUMBER_MAX = 1000000000, NAMES_MAX = 1000 };

static void complain_unknown(struct doc *d, const struct doc_level *level,
			     const struct yaml_pair *p)
{
	const char *names[64] = { 0 };
	int n = 0;
	struct sv list = SV("");
	for (const struct doc_key *k = level->key; k->name && n < (int)countof(names); k++) {
		names[n++] = k->name;
		list = arena_printf(d->arena, "%.*s%s%s", SV_ARG(list), n > 1 ? ", " : "", k->name);
	}
	const char *near = doc_suggest(d, p->key, names, n);
	if (*near)
		complaints_add(d->complaints, p->place, "%s: %s has no such key%s",
			       doc_quote(d, p->key), level->name, near);
	else
		complaints_add(d->complaints, p->place, "%s: %s has no such key; it has %.*s",
			       doc_quote(d, p->key), level->name, SV_ARG(list));
}

static void complain_twice(struct doc *d, const struct yaml_pair *p, const char *twice)
{
	complaints_add(d->complaints, p->place, "%s: a second time, first at %d:%d: %s",
		       doc_quote(d, p->key), p->again->place.line, p->again->place.column,
		       twice ? twice : "decide which one holds");
}

bool doc_expect(struct doc *d, const struct yaml_node *value, unsigned kinds, const char *what,
		struct place place)
{
	if (value->blank) {
		complaints_add(d->complaints, place, "'%s': nothing where %s belongs", what,
			       yaml_kinds_name(kinds));
		return false;
	}
	if (value->kind & kinds)
		return true;
	complaints_add(d->complaints, place, "'%s': %s where %s belongs", what,
		       yaml_kinds_name(value->kind), yaml_kinds_name(kinds));
	return false;
}

static const struct doc_key *known(const struct doc_level *level, const char *name)
{
	for (const struct doc_key *k = level->key; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static void take_key(struct doc *d, const struct doc_key *k, const struct yaml_pair *p,
		     void *into)
{
	if (!doc_expect(d, p->value, k->kinds, k->name, p->place))
		return;
	struct doc_at at = { d, k, p->value, p->place };
	k->take(&at, (char *)into + k->offset);
}

void doc_walk(struct doc *d, const struct doc_level *level, const struct yaml_node *map,
	      struct place owner, void *into)
{
	for (const struct doc_key *k = level->key; k->name; k++) {
		const struct yaml_pair *p = yaml_find(map, k->name);
		if (p)
			take_key(d, k, p, into);
		else if (k->required)
			complaints_add(d->complaints, owner, "'%s' is missing: %s", k->name,
				       k->decides);
	}
	for (int i = 0; i < map->n; i++) {
		const struct yaml_pair *p = &map->pair[i];
		if (!known(level, p->key))
			complain_unknown(d, level, p);
		else if (p->again)
			complain_twice(d, p, level->twice);
	}
}

int doc_names(struct doc *d, const struct yaml_node *map, const char *what, const char *twice,
	      const struct yaml_pair **out)
{
	int n = 0;
	if (map->n > NAMES_MAX)
		complaints_add(d->complaints, map->place, "%d %ss: more than %d", map->n, what,
			       NAMES_MAX);
	for (int i = 0; i < map->n && i < NAMES_MAX; i++) {
		const struct yaml_pair *p = &map->pair[i];
		if (p->again)
			complain_twice(d, p, twice);
		else if (doc_is_wildcard(p->key))
			complaints_add(d->complaints, p->place,
				       "%s: a wildcard: name each %s, so that nothing is in it "
				       "that nobody decided", doc_quote(d, p->key), what);
		else if (!doc_is_name(sv_of(p->key)))
			complaints_add(d->complaints, p->place,
				       "%s: no name for a %s: letters, digits and '_', a letter first",
				       doc_quote(d, p->key), what);
		else
			out[n++] = p;
	}
	return n;
}

/* ---- takers ---- */

void take_text(const struct doc_at *at, void *member)
{
	*(const char **)member = at->value->text;
}

static bool number(const struct doc_at *at, int64_t least, int64_t most, int64_t *out)
{
	if (sv_to_i64(sv_of(at->value->text), out) && *out >= least && *out <= most)
		return true;
	complaints_add(at->doc->complaints, at->value->place, "%s: '%s' is a whole number from %lld",
		       doc_quote(at->doc, at->value->text), at->key->name, (long long)least);
	return false;
}

void take_int(const struct doc_at *at, void *member)
{
	int64_t n;
	if (number(at, 0, NUMBER_MAX, &n))
		*(int *)member = (int)n;
}

void take_count(const struct doc_at *at, void *member)
{
	int64_t n;
	if (number(at, 1, NUMBER_MAX, &n))
		*(int *)member = (int)n;
}

void take_int64(const struct doc_at *at, void *member)
{
	int64_t n;
	if (number(at, 1, INT64_MAX, &n))
		*(int64_t *)member = n;
}

/* '80%' */
void take_share(const struct doc_at *at, void *member)
{
	struct sv text = sv_of(at->value->text);
	int64_t n;
	if (sv_ends(text, SV("%")) && sv_to_i64(sv_make(text.ptr, text.len - 1), &n) && n >= 1 &&
	    n <= 100)
		*(int *)member = (int)n;
	else
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: '%s' is 1%% to 100%%", doc_quote(at->doc, at->value->text),
			       at->key->name);
}

void take_bool(const struct doc_at *at, void *member)
{
	struct sv text = sv_of(at->value->text);
	if (sv_eq(text, SV("true")) || sv_eq(text, SV("false")))
		*(bool *)member = text.len == 4;
	else
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: '%s' is true or false", doc_quote(at->doc, at->value->text),
			       at->key->name);
}

static struct sv word_list(const struct doc_word *words, const char *last, struct arena *a)
{
	struct sv list = SV("");
	for (const struct doc_word *w = words; w->name; w++) {
		const char *before = w == words ? "" : w[1].name ? ", " : last;
		list = arena_printf(a, "%.*s%s%s", SV_ARG(list), before, w->name);
	}
	return list;
}

static bool word(const struct doc_at *at, int *out)
{
	const char *names[16] = { 0 };
	int n = 0;
	for (const struct doc_word *w = at->key->words; w->name; w++) {
		if (strcmp(w->name, at->value->text) == 0) {
			*out = w->value;
			return true;
		}
		names[n++] = w->name;
	}
	struct doc *d = at->doc;
	complaints_add(d->complaints, at->value->place, "%s: '%s' is %.*s%s",
		       doc_quote(d, at->value->text), at->key->name,
		       SV_ARG(word_list(at->key->words, " or ", d->arena)),
		       doc_suggest(d, at->value->text, names, n));
	return false;
}

void take_word(const struct doc_at *at, void *member)
{
	word(at, member);
}

void take_either(const struct doc_at *at, void *member)
{
	int value;
	if (word(at, &value))
		*(bool *)member = value;
}

void take_duration(const struct doc_at *at, void *member)
{
	int64_t ms;
	if (duration_parse(sv_of(at->value->text), &ms))
		*(int64_t *)member = ms;
	else
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: '%s' is a time like 30s, 5m, 8h or 7d",
			       doc_quote(at->doc, at->value->text), at->key->name);
}

void take_level(const struct doc_at *at, void *member)
{
	doc_walk(at->doc, at->key->level, at->value, at->place, member);
}

/* ---- the reference ---- */

static const char *kind_of(const struct doc_key *k, struct arena *a)
{
	if (!k->words)
		return yaml_kinds_name(k->kinds);
	if (k->kinds == YAML_SCALAR)
		return word_list(k->words, " or ", a).ptr;
	return arena_printf(a, "%.*s or a mapping", SV_ARG(word_list(k->words, ", ", a))).ptr;
}

/* Counts when 'rows' is NULL. */
static int list_keys(const struct doc_level *level, const char *prefix, struct arena *a,
		     struct doc_row *rows, int n)
{
	for (const struct doc_key *k = level->key; k->name; k++) {
		const char *path = arena_printf(a, "%s%s%s", prefix, *prefix ? "." : "", k->name).ptr;
		if (rows)
			rows[n] = (struct doc_row){ path, kind_of(k, a), k->required, k->decides };
		n++;
		if (k->level)
			n = list_keys(k->level, path, a, rows, n);
	}
	return n;
}

int doc_keys(const struct doc_level *top, struct arena *a, struct doc_row **out)
{
	int n = list_keys(top, "", a, NULL, 0);
	*out = arena_array(a, struct doc_row, (size_t)n);
	return list_keys(top, "", a, *out, 0);
}

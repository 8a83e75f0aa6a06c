/* template.h - texts with {names} in them, and the values the names stand for.
 *
 * A template is parsed once, when a description is loaded, and says then which
 * names it uses; the loader refuses names that its place does not offer, so
 * that filling one in cannot fail. There are no expressions, on purpose: what
 * cannot be checked at load cannot be trusted at night. */
#ifndef TREATY_REST_TEMPLATE_H
#define TREATY_REST_TEMPLATE_H

#include "treaty/treaty.h"

struct template_part {
	struct sv text; /* literal, or the name without braces */
	bool is_name;
};

struct template {
	struct template_part *part;
	int n;
	struct place place; /* in the description */
};

/* '{name}' with letters, digits, '_' and '.'; '{{' and '}}' are braces. Parts
 * live in the arena. False with *bad at the offending character. */
bool template_parse(struct sv text, struct arena *a, struct template *out, size_t *bad);

/* The values of names: a list, and the lists around it. */
struct var {
	const char *name;
	struct sv value;
};

struct vars {
	const struct var *var;
	int n;
	const struct vars *outer;
};

/* NULL when nothing has that name. */
const struct sv *vars_get(const struct vars *v, struct sv name);

/* VERBATIM: as it is. URL_VALUE: all percent-encoded. URL: names are
 * percent-encoded but one at the very beginning, which holds a URL itself;
 * commas stay, since lists of ids are written with them. */
enum template_place { TEMPLATE_VERBATIM, TEMPLATE_URL_VALUE, TEMPLATE_URL };

/* A name without a value is our own contract broken. */
void template_add(struct buf *out, const struct template *t, const struct vars *v,
		  enum template_place place);

#endif

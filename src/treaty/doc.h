/* doc.h - a document walked by tables.
 *
 * Each level of a document (a record, a field, a conflict rule) is a constant
 * table with a row a key: its kind, whether it must be there, what it decides,
 * and how its value is taken. The tables drive reading, every complaint about
 * unknown, missing, doubled and ill-shaped keys, and the reference of keys
 * (doc_keys), so that none of them can say something else than the others. */
#ifndef TREATY_DOC_H
#define TREATY_DOC_H

#include "treaty/yaml.h"

/* What a reader of a document carries along. */
struct doc {
	struct arena *arena;
	struct complaints *complaints;
	void *whole; /* the treaty or deployment that is being filled */
};

/* A key and its value, as a taker sees them. */
struct doc_at {
	struct doc *doc;
	const struct doc_key *key;
	const struct yaml_node *value;
	struct place place; /* of the key */
};

/* Fills the member at 'member' (the level's struct plus the row's offset), or
 * complains and leaves it. */
typedef void doc_take(const struct doc_at *at, void *member);

struct doc_word {
	const char *name;
	int value;
};

struct doc_key {
	const char *name; /* "*": any other name, chosen by the author */
	unsigned kinds;	  /* of enum yaml_kind */
	bool required;
	doc_take *take;
	size_t offset;
	const struct doc_word *words; /* take_word: ends in a NULL name */
	const struct doc_level *level; /* the mapping below, if it has a table */
	const char *decides; /* one clause: in 'is missing' and the reference */
};

struct doc_level {
	const char *name; /* 'a record type' */
	const struct doc_key *key; /* ends in a NULL name */
	const char *twice; /* what to decide when a key comes twice, or NULL */
};

/* Takes every key of 'map' that the level knows, in the table's order, and
 * complains of the rest. 'owner' is where a missing key is missed. */
void doc_walk(struct doc *d, const struct doc_level *level, const struct yaml_node *map,
	      struct place owner, void *into);
/* The same for a mapping of the author's own names: complains of doubled and
 * of impossible names. Returns how many good ones are stored to 'out' (room for
 * map->n). */
int doc_names(struct doc *d, const struct yaml_node *map, const char *what, const char *twice,
	      const struct yaml_pair **out);

/* Right kind? Else a complaint at 'place'. */
bool doc_expect(struct doc *d, const struct yaml_node *value, unsigned kinds, const char *what,
		struct place place);

/* Takers. The members are const char *, int, int64_t, bool, any enum. */
doc_take take_text;	/* not blank */
doc_take take_int;	/* 0 .. 1,000,000,000 */
doc_take take_count;	/* 1 .. 1,000,000,000 */
doc_take take_int64;	/* 1 .. INT64_MAX */
doc_take take_bool;	/* true, false */
doc_take take_word;	/* one of the row's words, into an enum or int */
doc_take take_either;	/* the same into a bool */
doc_take take_duration; /* int64_t, ms: '30s', '5m', '8h', '7d' */
doc_take take_share;	/* int, percent: '1%' .. '100%' */
doc_take take_level;	/* the level's table, into the same struct + offset */

/* '30s' in ms. */
bool duration_parse(struct sv text, int64_t *ms);

/* Letters, digits and '_', a letter first, at most 63. */
bool doc_is_name(struct sv name);
/* '*', 'all', 'all_fields' and whatever else would mean 'and the rest'. */
bool doc_is_wildcard(const char *text);

/* The text in quotes, shortened and safe to print. */
const char *doc_quote(struct doc *d, const char *text);
/* " (did you mean 'x'?)" for the nearest of the names, or "". */
const char *doc_suggest(struct doc *d, const char *word, const char *const *names, int n);

/* One row of the reference. */
struct doc_row {
	const char *path; /* 'records.*.fields.*.conflict.winner' */
	const char *kind; /* 'text', 'a mapping', 'one of ats, salesforce' */
	bool required;
	const char *decides;
};
/* Every key below a level, in the tables' order; in the arena. */
int doc_keys(const struct doc_level *top, struct arena *a, struct doc_row **out);

/* The tops of the two documents. */
extern const struct doc_level treaty_level, deployment_level;

#endif

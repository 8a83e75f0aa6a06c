/* yaml.h - a YAML document as a small tree with positions.
 *
 * The tree lives in the caller's arena and needs nothing of the parser any
 * more. Accepted is plain YAML 1.2: mappings, lists, scalars. Aliases, tags,
 * several documents, NUL and text that is not UTF-8 are complaints, since what
 * people sign must say what it says where it stands. A mapping that names a key
 * twice keeps the first and lists the second as 'again': what that means is the
 * reader's to say. */
#ifndef TREATY_YAML_H
#define TREATY_YAML_H

#include "treaty/load.h"

/* A longer document is a complaint, and not read. */
enum { YAML_MAX = 4 * 1024 * 1024 };

enum yaml_kind { YAML_SCALAR = 1, YAML_MAP = 2, YAML_LIST = 4 };

struct yaml_node {
	enum yaml_kind kind;
	/* of a scalar: its own; of a mapping or list: of the key it belongs to
	 * or of the list it is in */
	struct place place;
	const char *text; /* scalar; never holds a NUL before its end */
	bool blank;	  /* scalar: nothing written at all */
	struct yaml_pair *pair; /* mapping */
	struct yaml_node **item; /* list */
	int n;
};

struct yaml_pair {
	const char *key;
	struct place place;
	struct yaml_node *value;
	const struct yaml_pair *again; /* the earlier pair of the same key, or NULL */
};

/* The root, or NULL with at least one complaint. */
struct yaml_node *yaml_parse(struct sv text, struct arena *a, struct complaints *c);

/* The first pair of that key, or NULL; also for NULL and for what is no
 * mapping. */
const struct yaml_pair *yaml_find(const struct yaml_node *map, const char *key);

/* 'a mapping', 'a list', 'text'; for a set of kinds 'text or a mapping'. */
const char *yaml_kinds_name(unsigned kinds);

/* A whole file into 'out', whose maximum holds; a complaint at line 0 when it
 * cannot be read. */
bool yaml_read_file(const char *path, struct buf *out, struct complaints *c);

#endif

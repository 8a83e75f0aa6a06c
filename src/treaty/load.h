/* load.h - treaty.yaml and deployment.yaml read, checked and explained.
 *
 * All errors of a document are found in one go, sorted by line, each as
 * 'file:line:column: what: why (did you mean ...?)'. A document with errors
 * yields no treaty: what is undecided is not run. */
#ifndef TREATY_LOAD_H
#define TREATY_LOAD_H

#include "base/buf.h"
#include "treaty/treaty.h"

struct complaint {
	struct place place;
	struct sv text; /* without the place; one line */
};

/* The list owns its texts, not the file's name. */
struct complaints {
	struct arena arena;
	const char *file;
	struct complaint *list;
	int n;
};

void complaints_init(struct complaints *c, const char *file);
void complaints_finish(struct complaints *c);
void complaints_add(struct complaints *c, struct place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* By place, then text. Loaders leave their list sorted. */
void complaints_sort(struct complaints *c);
/* In their order, one a line, ready to print. */
void complaints_print(const struct complaints *c, struct buf *out);

/* A new treaty, or NULL with at least one complaint. An unreadable file is a
 * complaint at line 0. */
struct treaty *treaty_load(const char *path, struct complaints *c);
struct treaty *treaty_load_text(struct sv text, const char *name_for_messages,
				struct complaints *c);

#endif

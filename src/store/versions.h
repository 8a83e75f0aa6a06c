/* versions.h - the versions of the treaty that were made current in this store,
 * each with its document as it was, who agreed, who activated it, when and why.
 * The newest row is the one in force; going back adds a row. In a transaction. */
#ifndef TREATY_VERSIONS_H
#define TREATY_VERSIONS_H

#include "base/arena.h"
#include "store/store.h"

struct version {
	int64_t id; /* grows with each activation */
	int64_t version; /* the document's number */
	struct sv digest; /* 32 bytes: the meaning */
	struct sv document; /* YAML */
	struct sv signatures; /* the files, one after the other; empty: unsigned */
	struct sv how; /* 'signed', 'unsigned', 'rollback' */
	int64_t at_ms;
	struct sv who, why;
};

/* The one in force. False: none was ever activated. Texts are in the arena. */
bool version_in_force(struct db *db, struct arena *a, struct version *out);
/* Its id alone, or 0. */
int64_t version_id_in_force(struct db *db);

/* A row by its id. */
bool version_get(struct db *db, int64_t id, struct arena *a, struct version *out);

/* All, the newest first, without their documents. */
int version_list(struct db *db, struct arena *a, struct version **out);

/* Puts it in force and says so in the journal; returns its id. */
int64_t version_activate(struct store *s, struct db *db, const struct version *v);

#endif

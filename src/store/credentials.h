/* credentials.h - what connectors must keep: single-use refresh tokens and the
 * like, sealed with AES-256-GCM under the key that the store was opened with.
 * They appear in no output. */
#ifndef TREATY_CREDENTIALS_H
#define TREATY_CREDENTIALS_H

#include "store/store.h"

/* ERR_NOT_FOUND when there is none; ERR_STORE when it was sealed under another
 * key. Each is a transaction of its own; any thread. */
bool credential_get(struct store *s, const char *name, struct buf *out, struct err *err);
bool credential_put(struct store *s, const char *name, struct sv text, struct err *err);

#endif

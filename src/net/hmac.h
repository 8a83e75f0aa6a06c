/* hmac.h - keyed hashes of requests, as webhooks are signed with them.
 *
 * A key is prepared once; any thread may then use it. */
#ifndef TREATY_HMAC_H
#define TREATY_HMAC_H

#include "base/sv.h"

enum hmac_algorithm { HMAC_SHA256, HMAC_SHA1 };
enum { HMAC_MAX = 32 }; /* bytes of the longest */

struct hmac;

struct hmac *hmac_create(enum hmac_algorithm algorithm, struct sv key);
void hmac_destroy(struct hmac *h); /* wipes the key */

/* Of the parts one after the other; returns how many bytes 'out' got. */
size_t hmac_of(const struct hmac *h, const struct sv *part, int n, unsigned char out[HMAC_MAX]);

enum hmac_spelling { HMAC_HEX, HMAC_BASE64 };

/* Does 'text' spell these bytes? Takes as long whether the first byte differs
 * or the last, so that nobody can find a signature by trying. */
bool hmac_spells(enum hmac_spelling spelling, struct sv text, const unsigned char *bytes, size_t n);

#endif

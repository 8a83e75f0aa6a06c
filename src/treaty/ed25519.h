/* ed25519.h - keys of people, and what they sign (RFC 8032).
 *
 * A private key is a file in PEM (PKCS #8), as 'openssl genpkey -algorithm
 * ed25519' makes it. A public key is a text: 'ed25519:' and the base64 of its
 * SubjectPublicKeyInfo (RFC 8410). Any thread. */
#ifndef TREATY_ED25519_H
#define TREATY_ED25519_H

#include "base/buf.h"
#include "base/err.h"

enum { ED25519_SIGNATURE = 64 };

/* A new key into a new file that only its owner may read; the public key is
 * added to 'public'. ERR_CONFLICT when there is a file of that name. */
bool ed25519_make(const char *path, struct buf *public, struct err *err);

/* The public key of a private one. */
bool ed25519_public(const char *path, struct buf *public, struct err *err);

bool ed25519_sign(const char *path, struct sv text, unsigned char out[ED25519_SIGNATURE],
		  struct err *err);

/* False also when the key is none. */
bool ed25519_verify(struct sv public, struct sv text,
		    const unsigned char signature[ED25519_SIGNATURE]);

/* Base64 with padding (RFC 4648 4). from_base64: false unless it is exactly
 * 'size' bytes. */
void to_base64(struct buf *out, const unsigned char *data, size_t n);
bool from_base64(struct sv text, unsigned char *out, size_t size);

#endif

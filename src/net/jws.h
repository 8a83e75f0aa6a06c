/* jws.h - JSON Web Signatures in compact form (RFC 7515), RS256 only: what a
 * JWT bearer login sends (RFC 7523). Pure; any thread. */
#ifndef TREATY_JWS_H
#define TREATY_JWS_H

#include "base/buf.h"
#include "base/err.h"

/* Adds 'header.payload.signature' for the claims (a JSON object as text),
 * signed with an RSA private key in PEM (PKCS #8 or PKCS #1, no passphrase).
 * ERR_AUTH when the key cannot be read or is no RSA key of at least 2048 bits;
 * the message says which, and nothing of the key. */
bool jws_rs256(struct sv claims, struct sv private_key_pem, struct buf *out, struct err *err);

#endif

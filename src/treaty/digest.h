/* digest.h - what a treaty means, as bytes, and their SHA-256.
 *
 * The meaning is a tree of texts, lists and mappings, made from the loaded
 * treaty: defaults are filled in, '60m' and '1h' are the same number of
 * milliseconds, comments and layout are gone. Written out:
 *
 *   text     't' LENGTH ':' BYTES        length in bytes, decimal
 *   list     'l' COUNT ':' each element
 *   mapping  'm' COUNT ':' each key as a text and its value, keys ascending by
 *            bytes
 *
 * Numbers are decimal texts, truth is 'true' or 'false', what is absent is left
 * out. The order of record types is meaning (what is written first), that of
 * fields, roles, domains and map entries is not. tests/unit/test-treaty.c holds
 * an example to the byte. */
#ifndef TREATY_DIGEST_H
#define TREATY_DIGEST_H

#include "treaty/treaty.h"

/* Fills the treaty's digest and every field's rule. */
void treaty_digest(struct treaty *t);

/* What roles sign. The head: name, version, systems, roles and their keys, who is
 * told by default, which domains and record types there are and in which order
 * they are written. A domain: its owner, who signs it, its record types with
 * all their fields. Together they are all of the meaning. */
void treaty_head_digest(const struct treaty *t, unsigned char out[32]);
void treaty_domain_digest(const struct treaty *t, int domain, unsigned char out[32]);

/* The bytes that the treaty's digest is of. 'out' needs a maximum to match. */
void treaty_canonical(const struct treaty *t, struct buf *out);
/* The same for what decides the values of one field: where it is, its type,
 * direction, maps and rules. Who is told, and whether output is masked, decide
 * no value: changing them must not make every record be compared anew. */
void field_canonical(const struct treaty *t, const struct treaty_record *r,
		     const struct treaty_field *f, struct buf *out);

#endif

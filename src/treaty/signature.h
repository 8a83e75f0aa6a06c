/* signature.h - what a role signed, kept in a file beside the treaty.
 *
 * 'treaty.yaml' is signed by the role 'sales_lead' in 'treaty.sales_lead.sig':
 *
 *   treaty-signature 1
 *   treaty acme-staffing
 *   version 7
 *   role sales_lead
 *   made 2026-11-25T16:02:00Z
 *   head sha256:9f2c...
 *   domain candidate_identity sha256:77ab...
 *   domain job_orders sha256:c01d...
 *   ed25519 BASE64
 *
 * Signed are the bytes before the last line, so that anybody can verify it with
 * openssl. A role signs the head and those domains whose 'signed_by' names it,
 * in their order in the treaty; digests are those of digest.h. Layout and
 * comments of the treaty are not meaning, all else is. */
#ifndef TREATY_SIGNATURE_H
#define TREATY_SIGNATURE_H

#include "base/err.h"
#include "treaty/ed25519.h"
#include "treaty/treaty.h"

enum { SIGNATURE_MAX = 64 * 1024 }; /* a longer file is none */

enum signed_state {
	SIGNED,
	SIGNED_MISSING, /* no file */
	SIGNED_OLDER,	/* another version of the treaty */
	SIGNED_CHANGED, /* this version, but its meaning changed since */
	SIGNED_FORGED,	/* not by this key, or no signature at all */
	SIGNED_KEYLESS, /* the role has no key to verify with */
};

/* The path of a role's signature; in the arena. */
struct sv signature_path(const char *treaty_path, const char *role, struct arena *a);

/* What the role would sign: every line but the last. 'made': ISO 8601. A role
 * that the treaty does not name any more signs the head. */
void signature_statement(const struct treaty *t, const char *role, struct sv made, struct buf *out);
/* The last line. */
void signature_line(const unsigned char signature[ED25519_SIGNATURE], struct buf *out);

/* 'text': the file, SV_NONE when there is none. 'key': what it is to be verified
 * with, or NULL. *why: what is wrong, for people ("the meaning of 'billing'
 * changed ..."), and of SIGNED when it was made; in the arena. Pure. */
enum signed_state signature_check(const struct treaty *t, const char *role, const char *key,
				  struct sv text, struct arena *a, struct sv *why);

/* Who must agree to a version, and whether he did. Whoever had to sign the
 * version before signs this one, with the key that one names; who is new signs
 * with the key that this one names. So neither keys nor roles change without
 * those who had a say. */
struct approval {
	const char *role;
	const char *key; /* or NULL */
	bool before;	 /* it is the version before that names the key */
	enum signed_state state;
	struct sv why;
	struct sv text; /* the signature, as it is in the file */
};

/* Ascending by name, in the arena; 'before' may be NULL. Signatures are read
 * beside 'treaty_path'. */
/* Does anybody's key stand in it? A treaty without is one that nobody can sign:
 * for trying out. */
bool treaty_is_keyed(const struct treaty *t);

int treaty_approvals(const struct treaty *t, const struct treaty *before, const char *treaty_path,
		     struct arena *a, struct approval **out);

#endif

#include "store/credentials.h"

#include <openssl/evp.h>

#include "base/panic.h"
#include "base/rng.h"

/* sealed = 12 bytes nonce, 16 bytes tag, ciphertext; the name is bound in as
 * additional data, so that one cannot stand in for another. */
enum { NONCE = 12, TAG = 16, TEXT_MAX = 64 * 1024 };

struct sealing {
	struct store *store;
	const char *name;
	struct sv text;	 /* to seal */
	struct buf *out; /* opened */
};

static bool run_gcm(const unsigned char *key, bool seal, const char *name,
		    const unsigned char *nonce, unsigned char *tag, struct sv in,
		    unsigned char *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0, more = 0;
	bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce, seal) == 1 &&
		  EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)name, (int)strlen(name)) == 1 &&
		  EVP_CipherUpdate(c, out, &n, (const unsigned char *)in.ptr, (int)in.len) == 1;
	if (ok && !seal)
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1;
	ok = ok && EVP_CipherFinal_ex(c, out + n, &more) == 1;
	if (ok && seal)
		ok = EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok;
}

static const unsigned char *key_or_err(struct store *s, struct err *err)
{
	const unsigned char *key = store_key(s);
	if (!key)
		err_set(err, ERR_BAD_INPUT, "store: no key: the deployment names none under "
					    "store.key, and credentials are kept sealed only");
	return key;
}

static bool put(struct db *db, void *arg, struct err *err)
{
	struct sealing *x = arg;
	const unsigned char *key = key_or_err(x->store, err);
	if (!key)
		return false;
	if (x->text.len > TEXT_MAX) {
		err_set(err, ERR_TOO_BIG, "store: credential '%s' is too long", x->name);
		return false;
	}
	unsigned char *sealed = must_alloc(NONCE + TAG + x->text.len + 16);
	random_bytes(sealed, NONCE);
	if (!run_gcm(key, true, x->name, sealed, sealed + NONCE, x->text, sealed + NONCE + TAG))
		panic("AES-256-GCM failed");
	db_run(db,
	       "INSERT INTO credential (name, sealed) VALUES ($1, $2)"
	       " ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed",
	       "tb", sv_of(x->name), sv_make(sealed, NONCE + TAG + x->text.len));
	free(sealed);
	return true;
}

static bool get(struct db *db, void *arg, struct err *err)
{
	struct sealing *x = arg;
	const unsigned char *key = key_or_err(x->store, err);
	if (!key)
		return false;
	struct db_stmt *q =
		db_query(db, "SELECT sealed FROM credential WHERE name = $1", "t", sv_of(x->name));
	if (!db_next(q)) {
		err_set(err, ERR_NOT_FOUND, "store: no credential '%s'", x->name);
		return false;
	}
	struct sv sealed = db_sv(q, 0);
	bool ok = sealed.len >= NONCE + TAG && sealed.len <= NONCE + TAG + TEXT_MAX;
	if (ok) {
		const unsigned char *p = (const unsigned char *)sealed.ptr;
		unsigned char tag[TAG];
		memcpy(tag, p + NONCE, TAG);
		struct sv in = sv_make(p + NONCE + TAG, sealed.len - NONCE - TAG);
		unsigned char *text = must_alloc(in.len + 16);
		ok = run_gcm(key, false, x->name, p, tag, in, text);
		if (ok)
			buf_add(x->out, sv_make(text, in.len));
		explicit_bzero(text, in.len);
		free(text);
	}
	db_done(q);
	if (!ok)
		err_set(err, ERR_STORE,
			"store: credential '%s' does not open: it was sealed under another key",
			x->name);
	return ok;
}

bool credential_get(struct store *s, const char *name, struct buf *out, struct err *err)
{
	struct sealing x = { .store = s, .name = name, .out = out };
	return store_tx(s, get, &x, err);
}

bool credential_put(struct store *s, const char *name, struct sv text, struct err *err)
{
	struct sealing x = { .store = s, .name = name, .text = text };
	return store_tx(s, put, &x, err);
}

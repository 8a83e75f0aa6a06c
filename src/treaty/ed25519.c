#include "treaty/ed25519.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>

static const struct sv prefix = { "ed25519:", 8 };

/* The SubjectPublicKeyInfo of an Ed25519 key has one length. */
enum { PUBLIC_DER = 44 };

/* ---- base64 ---- */

void to_base64(struct buf *out, const unsigned char *data, size_t n)
{
	unsigned char text[4 * 64 + 1];
	while (n) {
		size_t part = n < 48 ? n : 48; /* a multiple of 3: no padding inside */
		int len = EVP_EncodeBlock(text, data, (int)part);
		buf_add(out, sv_make((char *)text, (size_t)len));
		data += part;
		n -= part;
	}
}

bool from_base64(struct sv text, unsigned char *out, size_t size)
{
	unsigned char plain[3 * 64];
	size_t pad = sv_ends(text, SV("==")) ? 2 : sv_ends(text, SV("=")) ? 1 : 0;
	if (text.len % 4 || text.len / 4 * 3 > sizeof(plain) || text.len / 4 * 3 != size + pad)
		return false;
	if (EVP_DecodeBlock(plain, (const unsigned char *)text.ptr, (int)text.len) < 0)
		return false;
	memcpy(out, plain, size);
	return true;
}

/* ---- private keys ---- */

/* Without a callback OpenSSL would ask at the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	return -1;
}

static EVP_PKEY *read_private(const char *path, struct err *err)
{
	FILE *f = fopen(path, "re");
	if (!f) {
		err_set_errno(err, errno, "%s", path);
		return NULL;
	}
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
	fclose(f);
	ERR_clear_error();
	if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
		return key;
	err_set(err, ERR_BAD_INPUT, "%s: %s", path,
		key ? "not an Ed25519 key; make one with 'treaty keygen'" :
		      "not a private key in PEM without a passphrase");
	EVP_PKEY_free(key);
	return NULL;
}

static bool add_public(EVP_PKEY *key, struct buf *public)
{
	unsigned char der[PUBLIC_DER], *end = der;
	if (i2d_PUBKEY(key, NULL) != PUBLIC_DER || i2d_PUBKEY(key, &end) != PUBLIC_DER)
		return false;
	buf_add(public, prefix);
	to_base64(public, der, sizeof(der));
	return true;
}

static bool write_private(EVP_PKEY *key, const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		int why = errno;
		if (fd >= 0)
			close(fd);
		if (why == EEXIST)
			err_set(err, ERR_CONFLICT, "%s: there is a file already; a key that was lost "
				"cannot be made again, so none is overwritten", path);
		else
			err_set_errno(err, why, "%s", path);
		return false;
	}
	bool ok = PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
	ok = fflush(f) == 0 && fsync(fileno(f)) == 0 && ok;
	if (!ok)
		err_set_errno(err, errno, "%s", path);
	fclose(f);
	if (!ok)
		unlink(path);
	return ok;
}

bool ed25519_make(const char *path, struct buf *public, struct err *err)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	bool ok = key && add_public(key, public);
	if (!ok)
		err_set(err, ERR_SYSTEM, "no key could be made");
	ok = ok && write_private(key, path, err);
	EVP_PKEY_free(key);
	return ok;
}

bool ed25519_public(const char *path, struct buf *public, struct err *err)
{
	EVP_PKEY *key = read_private(path, err);
	bool ok = key && add_public(key, public);
	EVP_PKEY_free(key);
	return ok;
}

/* ---- signatures ---- */

bool ed25519_sign(const char *path, struct sv text, unsigned char out[ED25519_SIGNATURE],
		  struct err *err)
{
	EVP_PKEY *key = read_private(path, err);
	if (!key)
		return false;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = ED25519_SIGNATURE;
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestSign(ctx, out, &len, (const unsigned char *)text.ptr, text.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error();
	if (!ok)
		err_set(err, ERR_SYSTEM, "%s: does not sign", path);
	return ok;
}

static EVP_PKEY *public_key(struct sv text)
{
	unsigned char der[PUBLIC_DER];
	const unsigned char *at = der;
	if (!sv_starts(text, prefix) ||
	    !from_base64(sv_make(text.ptr + prefix.len, text.len - prefix.len), der, sizeof(der)))
		return NULL;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, sizeof(der));
	if (key && EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

bool ed25519_verify(struct sv public, struct sv text,
		    const unsigned char signature[ED25519_SIGNATURE])
{
	EVP_PKEY *key = public_key(public);
	EVP_MD_CTX *ctx = key ? EVP_MD_CTX_new() : NULL;
	bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, signature, ED25519_SIGNATURE,
				   (const unsigned char *)text.ptr, text.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}

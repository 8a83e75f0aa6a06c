#include "net/jws.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

enum { RSA_BITS_MIN = 2048 };

/* Without a callback OpenSSL would ask at the terminal of the daemon. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	return -1;
}

static EVP_PKEY *read_key(struct sv pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.len ? pem.ptr : "", (int)pem.len);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	if (!key) {
		bool sealed = pem.len && memmem(pem.ptr, pem.len, "ENCRYPTED", 9);
		ERR_clear_error();
		err_set(err, ERR_AUTH, "private key: %s",
			sealed ? "has a passphrase; store it without one"
			       : "not a PEM private key ('-----BEGIN PRIVATE KEY-----')");
		return NULL;
	}
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < RSA_BITS_MIN) {
		err_set(err, ERR_AUTH, "private key: not an RSA key of at least %d bits",
			RSA_BITS_MIN);
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

static bool add_signature(EVP_PKEY *key, struct buf *out, size_t from)
{
	unsigned char signature[1024]; /* up to 8192 bits */
	size_t len = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && (size_t)EVP_PKEY_get_size(key) <= sizeof(signature) &&
		  EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestSign(ctx, signature, &len, (unsigned char *)out->ptr + from,
				 out->len - from) == 1;
	EVP_MD_CTX_free(ctx);
	if (ok) {
		buf_addc(out, '.');
		buf_add_base64url(out, signature, len);
	}
	return ok;
}

bool jws_rs256(struct sv claims, struct sv private_key_pem, struct buf *out, struct err *err)
{
	static const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	EVP_PKEY *key = read_key(private_key_pem, err);
	if (!key)
		return false;
	size_t from = out->len;
	buf_add_base64url(out, header, sizeof(header) - 1);
	buf_addc(out, '.');
	buf_add_base64url(out, claims.ptr, claims.len);
	bool ok = !out->full && add_signature(key, out, from) && !out->full;
	EVP_PKEY_free(key);
	if (!ok) {
		ERR_clear_error();
		err_set(err, ERR_AUTH, "private key: does not sign");
	}
	return ok;
}

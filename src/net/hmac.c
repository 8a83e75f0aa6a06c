#include "net/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/panic.h"

struct hmac {
	EVP_MAC *mac;
	EVP_MAC_CTX *keyed; /* copied for each use */
};

struct hmac *hmac_create(enum hmac_algorithm algorithm, struct sv key)
{
	struct hmac *h = must_zalloc(sizeof(*h));
	char name[8];
	snprintf(name, sizeof(name), "%s", algorithm == HMAC_SHA1 ? "SHA1" : "SHA256");
	OSSL_PARAM how[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
			     OSSL_PARAM_construct_end() };
	h->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	h->keyed = h->mac ? EVP_MAC_CTX_new(h->mac) : NULL;
	if (!h->keyed || EVP_MAC_init(h->keyed, (const unsigned char *)key.ptr, key.len, how) != 1)
		panic("HMAC with %s is not to be had", name);
	return h;
}

void hmac_destroy(struct hmac *h)
{
	if (!h)
		return;
	EVP_MAC_CTX_free(h->keyed);
	EVP_MAC_free(h->mac);
	free(h);
}

size_t hmac_of(const struct hmac *h, const struct sv *part, int n, unsigned char out[HMAC_MAX])
{
	size_t len = 0;
	EVP_MAC_CTX *c = EVP_MAC_CTX_dup(h->keyed);
	bool ok = c != NULL;
	for (int i = 0; i < n && ok; i++)
		ok = !part[i].len ||
		     EVP_MAC_update(c, (const unsigned char *)part[i].ptr, part[i].len) == 1;
	if (!ok || EVP_MAC_final(c, out, &len, HMAC_MAX) != 1)
		panic("HMAC failed");
	EVP_MAC_CTX_free(c);
	return len;
}

static size_t spell(enum hmac_spelling spelling, const unsigned char *bytes, size_t n, char out[128])
{
	static const char digit[] = "0123456789abcdef";
	if (spelling == HMAC_BASE64)
		return (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, (int)n);
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digit[bytes[i] >> 4];
		out[2 * i + 1] = digit[bytes[i] & 15];
	}
	return 2 * n;
}

bool hmac_spells(enum hmac_spelling spelling, struct sv text, const unsigned char *bytes, size_t n)
{
	char want[128], got[128];
	size_t len = spell(spelling, bytes, n, want);
	if (text.len != len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text.ptr[i];
		got[i] = spelling == HMAC_HEX && c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
	}
	return CRYPTO_memcmp(want, got, len) == 0;
}

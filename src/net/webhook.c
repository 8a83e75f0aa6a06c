#include "net/webhook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "net/hmac.h"

enum { KEY_MAX = 1024 };

/* The bytes of 'whsec_...', or -1 when that is no base64. */
static int decode(struct sv text, unsigned char out[KEY_MAX])
{
	if (text.len == 0 || text.len % 4 || text.len / 4 * 3 > KEY_MAX)
		return -1;
	int n = EVP_DecodeBlock(out, (const unsigned char *)text.ptr, (int)text.len);
	for (size_t i = text.len; n > 0 && i > 0 && text.ptr[i - 1] == '='; i--)
		n--;
	return n;
}

void webhook_sign(struct sv secret, struct sv id, int64_t seconds, struct sv body, struct buf *out)
{
	unsigned char key[KEY_MAX], mac[HMAC_MAX], text[HMAC_MAX * 2];
	char time[32];
	int key_len = sv_starts(secret, SV("whsec_")) ?
			      decode(sv_make(secret.ptr + 6, secret.len - 6), key) :
			      -1;
	struct hmac *h = hmac_create(HMAC_SHA256, key_len < 0 ? secret : sv_make(key, (size_t)key_len));
	snprintf(time, sizeof(time), ".%lld.", (long long)seconds);
	const struct sv part[] = { id, sv_of(time), body };
	EVP_EncodeBlock(text, mac, (int)hmac_of(h, part, 3, mac));
	buf_addf(out, "v1,%s", (char *)text);
	OPENSSL_cleanse(key, sizeof(key));
	hmac_destroy(h);
}

#include "net/webhook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/panic.h"

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
	unsigned char key[KEY_MAX], mac[EVP_MAX_MD_SIZE], text[EVP_MAX_MD_SIZE * 2];
	unsigned mac_len = 0;
	struct buf signed_text;
	int key_len = sv_starts(secret, SV("whsec_")) ?
			      decode(sv_make(secret.ptr + 6, secret.len - 6), key) :
			      -1;
	buf_init(&signed_text, body.len + id.len + 64);
	buf_addf(&signed_text, "%.*s.%lld.", SV_ARG(id), (long long)seconds);
	buf_add(&signed_text, body);
	if (!HMAC(EVP_sha256(), key_len < 0 ? (const void *)secret.ptr : key,
		  key_len < 0 ? (int)secret.len : key_len, (unsigned char *)signed_text.ptr,
		  signed_text.len, mac, &mac_len))
		panic("HMAC failed");
	EVP_EncodeBlock(text, mac, (int)mac_len);
	buf_addf(out, "v1,%s", (char *)text);
	OPENSSL_cleanse(key, sizeof(key));
	buf_finish(&signed_text);
}

/* Any bytes as the body of a webhook, signed: marks or none, never a crash.
 * Without the signature, or with these bytes as the signature, they are refused. */
#include "fuzz.h"

#include "base/panic.h"
#include "systems/rest/ops.h"

static struct rest_description *described(void)
{
	static struct rest_description *d;
	struct complaints c;
	if (d)
		return d;
	complaints_init(&c, CONNECTORS "/greenhouse.yaml");
	d = rest_description_load(CONNECTORS "/greenhouse.yaml", &c);
	if (!d)
		panic("%d complaints about greenhouse.yaml", c.n);
	complaints_finish(&c);
	return d;
}

static struct sv given(const struct webhook *w, const char *name)
{
	return *(const struct sv *)w->arg;
}

static struct sv signature_of(const struct hmac *key, struct sv body, char *text, size_t size)
{
	unsigned char hash[HMAC_MAX];
	size_t n = hmac_of(key, &body, 1, hash);
	size_t at = (size_t)snprintf(text, size, "sha256 ");
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, size - at, "%02x", hash[i]);
	return sv_make(text, at);
}

static enum webhook_outcome verify(struct hmac *key, struct sv signature, struct sv body,
				   struct webhook_news *news, struct arena *a)
{
	struct webhook w = { given, body, 1700000000000, &signature };
	return webhook_read(described(), &key, 1, SV(""), &w, a, news);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct hmac *key;
	struct sv body = sv_make(data, len);
	struct webhook_news news;
	struct arena a;
	char text[16 + 2 * HMAC_MAX];
	if (!key)
		key = hmac_create(HMAC_SHA256, SV("a secret"));
	arena_init(&a);
	enum webhook_outcome outcome = verify(key, signature_of(key, body, text, sizeof(text)), body,
					      &news, &a);
	if (outcome != WEBHOOK_TAKEN && outcome != WEBHOOK_UNKNOWN)
		panic("a signed webhook was refused");
	if (outcome == WEBHOOK_UNKNOWN && (news.changes.n || !news.why))
		panic("what is not understood marks records, or does not say why");
	for (int i = 0; i < news.changes.n; i++)
		if (!news.changes.change[i].object.len)
			panic("a mark of no object");
	if (verify(key, body, body, &news, &a) != WEBHOOK_FORGED ||
	    verify(key, SV_NONE, body, &news, &a) != WEBHOOK_FORGED)
		panic("a webhook was taken that nobody signed");
	arena_finish(&a);
	return 0;
}

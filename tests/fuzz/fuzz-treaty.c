/* Any bytes as a treaty and as a deployment: a document or complaints, each on
 * one line and in order, never a crash; what loads once loads again the same. */
#include "fuzz.h"

#include "base/panic.h"
#include "treaty/deployment.h"

static void check_complaints(const struct complaints *c, bool loaded)
{
	if (loaded == (c->n > 0))
		panic("%s with %d complaints", loaded ? "a document" : "no document", c->n);
	for (int i = 0; i < c->n; i++) {
		struct sv text = c->list[i].text;
		for (size_t k = 0; k < text.len; k++)
			if ((unsigned char)text.ptr[k] < ' ')
				panic("a control character in '%.*s'", SV_ARG(text));
		if (i && c->list[i].place.line < c->list[i - 1].place.line)
			panic("complaints out of order");
	}
}

static struct treaty *load(struct sv text)
{
	struct complaints c;
	complaints_init(&c, "fuzz");
	struct treaty *t = treaty_load_text(text, "fuzz", &c);
	check_complaints(&c, t != NULL);
	complaints_finish(&c);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sv text = sv_make(data, len);
	struct treaty *t = load(text), *again = t ? load(text) : NULL;
	if (t && memcmp(t->digest, again->digest, sizeof(t->digest)) != 0)
		panic("two digests of one document");
	treaty_destroy(again);
	treaty_destroy(t);

	struct complaints c;
	complaints_init(&c, "fuzz");
	struct deployment *d = deployment_load_text(text, "fuzz", &c);
	check_complaints(&c, d != NULL);
	deployment_destroy(d);
	complaints_finish(&c);
	return 0;
}

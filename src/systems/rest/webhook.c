/* What a system sends by itself: is it theirs, and which records is it about?
 *
 * Nothing in the body is believed but names and ids: it marks records, and what
 * is decided is read afterwards. A signed request that is not understood is
 * taken all the same. A sender repeats what is refused for hours and gives up
 * for good in the end, and neither would make it understood. */
#include "systems/rest/ops.h"

enum { ID_MAX = 200, RECORDS_MAX = 10000 };

bool rest_listen(struct connector *c, struct err *err)
{
	struct rest *r = rest_of(c);
	int n = r->system->webhook_secret_n;
	struct buf text;
	bool ok = true;
	buf_init(&text, 64 * 1024);
	r->webhook_key = arena_array(&r->arena, struct hmac *, (size_t)n);
	for (int i = 0; i < n && ok; i++) {
		buf_clear(&text);
		ok = setting_resolve(r->deployment, &r->system->webhook_secret[i], &text, err);
		if (ok && !text.len) {
			err_set(err, ERR_BAD_INPUT, "'secret': %s is empty: anybody could sign with it",
				r->system->webhook_secret[i].text);
			ok = false;
		}
		if (ok)
			r->webhook_key[r->webhook_key_n++] =
				hmac_create(r->d->webhook.algorithm, buf_sv(&text));
	}
	if (text.ptr)
		explicit_bzero(text.ptr, text.cap);
	buf_finish(&text);
	return ok;
}

/* ------------------------------------------------------------ is it theirs? */

/* The signed text's pieces, one after the other; no copy of the body. */
static int signed_parts(const struct rest_description *d, struct sv stamp, struct sv body,
			struct arena *a, struct sv **out)
{
	const struct template *t = &d->webhook.signs;
	struct sv *part = arena_array(a, struct sv, (size_t)t->n + 1);
	int n = 0;
	for (int i = 0; i < t->n; i++)
		part[n++] = !t->part[i].is_name			      ? t->part[i].text :
			    sv_eq(t->part[i].text, SV("timestamp")) ? stamp :
								      body;
	if (!n)
		part[n++] = body;
	*out = part;
	return n;
}

/* All keys are tried, whichever fits: rotating must not show in the time. */
static bool is_signed(const struct rest_description *d, struct hmac *const *key, int key_n,
		      struct sv stamp, const struct webhook *w, struct arena *a)
{
	struct sv given = w->header(w, d->webhook.header), prefix = sv_of(d->webhook.prefix);
	struct sv *part;
	unsigned char hash[HMAC_MAX];
	bool fits = false;
	if (!sv_starts(given, prefix))
		return false;
	given = sv_make(given.ptr + prefix.len, given.len - prefix.len);
	int n = signed_parts(d, stamp, w->body, a, &part);
	for (int i = 0; i < key_n; i++) {
		size_t len = hmac_of(key[i], part, n, hash);
		fits |= hmac_spells(d->webhook.spelling, given, hash, len);
	}
	return fits;
}

/* From the future as well: a clock that is wrong by more proves nothing. */
static bool is_fresh(const struct rest_description *d, struct sv stamp, int64_t now_ms)
{
	int64_t at;
	if (!d->webhook.stamp)
		return true;
	if (!sv_to_i64(stamp, &at) || at < 0 || at > INT64_MAX / 1000)
		return false;
	if (at < 100000000000) /* as milliseconds that would be before 1974 */
		at *= 1000;
	return at > now_ms ? at - now_ms <= d->webhook.within_ms :
			     now_ms - at <= d->webhook.within_ms;
}

/* ------------------------------------------------- which records is it about? */

struct reading_of {
	const struct rest_description *d;
	struct json_object *body;
	const struct rest_webhook_mark *mark;
	struct change about; /* author, time, fields: the same for all */
	struct arena *a;
	struct changes *out;
	int room;
	bool missing; /* an id that should be there */
};

static void add_change(struct reading_of *r, struct sv id)
{
	struct changes *c = r->out;
	if (c->n == r->room) {
		int room = r->room ? r->room * 2 : 4;
		struct change *grown = arena_array(r->a, struct change, (size_t)room);
		if (c->n)
			memcpy(grown, c->change, sizeof(*grown) * (size_t)c->n);
		c->change = grown;
		r->room = room;
	}
	c->change[c->n] = r->about;
	c->change[c->n].object = sv_of(r->mark->object);
	c->change[c->n++].id = arena_sv(r->a, id);
}

static bool is_id(struct sv text)
{
	return text.len > 0 && text.len <= ID_MAX && !memchr(text.ptr, '\0', text.len);
}

/* Every id that 'path' leads to. A list may well be absent or empty. */
static void walk_ids(struct reading_of *r, struct json_object *o, const char *path)
{
	const char *star = strchr(path, '*');
	if (!star) {
		struct sv id = json_scalar_text(json_path(o, path));
		if (is_id(id))
			add_change(r, id);
		else
			r->missing = true;
		return;
	}
	struct json_object *list = o;
	if (star > path)
		list = json_path(o, arena_str(r->a, sv_make(path, (size_t)(star - path) - 1)));
	if (!json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list) && r->out->n < RECORDS_MAX; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		struct sv id = star[1] ? SV_NONE : json_scalar_text(item);
		if (star[1])
			walk_ids(r, item, star + 2);
		else if (is_id(id))
			add_change(r, id);
		else
			r->missing = true;
	}
	r->missing = r->missing || r->out->n >= RECORDS_MAX;
}

static bool names(const struct rest_texts *t, struct sv event)
{
	for (int i = 0; i < t->n; i++)
		if (sv_eq(sv_of(t->text[i]), event))
			return true;
	return false;
}

/* An instant as text, or as milliseconds. */
static int64_t time_at(struct json_object *body, const char *path, struct arena *a)
{
	struct sv text;
	int64_t ms;
	if (!json_text_at(body, path, a, &text))
		return 0;
	return sv_to_i64(text, &ms) || time_parse(text, &ms) ? ms : 0;
}

static enum webhook_outcome read_event(const struct rest_description *d, struct sv own,
				       struct json_object *body, struct arena *a,
				       struct webhook_news *out)
{
	struct reading_of r = { .d = d, .body = body, .a = a, .out = &out->changes };
	struct sv who;
	bool known = false;
	if (!json_text_at(body, d->webhook.event, a, &out->event)) {
		out->why = "it does not name its event";
		return WEBHOOK_UNKNOWN;
	}
	json_text_at(body, d->webhook.author, a, &who);
	r.about.author = rest_author(who, own);
	r.about.at_ms = time_at(body, d->webhook.at, a);
	rest_changed_fields(d, body, d->webhook.fields, a, &r.about);
	for (int i = 0; i < d->webhook.mark_n; i++) {
		r.mark = &d->webhook.mark[i];
		if (!names(&r.mark->events, out->event))
			continue;
		known = true;
		r.missing = false;
		walk_ids(&r, body, r.mark->id);
		if (r.missing) /* which record is not told: look at all of them */
			add_change(&r, SV(""));
	}
	if (known || names(&d->webhook.ignored, out->event))
		return WEBHOOK_TAKEN;
	out->why = "an event that its description does not know";
	return WEBHOOK_UNKNOWN;
}

enum webhook_outcome webhook_read(const struct rest_description *d, struct hmac *const *key,
				  int key_n, struct sv own, const struct webhook *w,
				  struct arena *a, struct webhook_news *out)
{
	struct sv stamp = d->webhook.stamp ? w->header(w, d->webhook.stamp) : SV_NONE;
	struct err err = { 0 };
	*out = (struct webhook_news){ 0 };
	if (!is_signed(d, key, key_n, stamp, w, a))
		return WEBHOOK_FORGED;
	if (!is_fresh(d, stamp, w->now_ms))
		return WEBHOOK_STALE;
	struct json_object *body = json_parse(sv_trim(w->body), "webhook", &err);
	if (!body) {
		out->why = "it is not JSON";
		return WEBHOOK_UNKNOWN;
	}
	enum webhook_outcome outcome = read_event(d, own, body, a, out);
	json_object_put(body);
	return outcome;
}

enum webhook_outcome rest_verify(struct connector *c, const struct webhook *w, struct arena *a,
				 struct webhook_news *out)
{
	struct rest *r = rest_of(c);
	pthread_mutex_lock(&r->session.lock);
	struct sv own = r->d->webhook.author ? arena_sv(a, sv_of(r->session.user)) : SV_NONE;
	pthread_mutex_unlock(&r->session.lock);
	return webhook_read(r->d, r->webhook_key, r->webhook_key_n, own, w, a, out);
}

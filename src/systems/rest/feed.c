/* The change feed: a queue that reading empties.
 *
 *   cursor empty    make the subscription; its position is where we begin
 *   cursor = newest the caller has stored all we gave: the next batch may come
 *   cursor < newest the last batch was given out and not stored (we crashed,
 *                   the answer was lost, the commit failed): the same again
 *
 * A system keeps one batch to give again, so being two behind means a loss,
 * and so does a position that the system never reached: ERR_CURSOR, and the
 * caller reads again from its last sure point. */
#include "systems/rest/ops.h"

struct position {
	struct sv subscription, objects;
	int64_t request;
};

static struct sv write_cursor(const struct position *p, struct arena *a)
{
	struct json_object *o = json_object_new_object();
	struct buf b;
	buf_init(&b, 64 * 1024);
	json_put_sv(o, "subscription", p->subscription);
	json_put_sv(o, "objects", p->objects);
	json_put_i64(o, "requestId", p->request);
	buf_add_json(&b, o);
	struct sv text = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	json_object_put(o);
	return text;
}

/* ERR_CURSOR also when it is of another subscription or of other objects: what
 * those did meanwhile is in nobody's queue. */
static bool read_cursor(struct rest *r, struct sv cursor, const struct position *now,
			struct position *out, struct err *err)
{
	struct err parse = { 0 };
	struct json_object *o = json_parse(cursor, "cursor", &parse);
	bool same = o && sv_eq(json_sv(o, "subscription"), now->subscription) &&
		    sv_eq(json_sv(o, "objects"), now->objects);
	*out = *now;
	out->request = o ? json_i64(o, "requestId", -1) : -1;
	json_object_put(o);
	if (same && out->request >= 0)
		return true;
	err_set(err, ERR_CURSOR, "%s: the feed's position is of another subscription", r->d->name);
	return false;
}

bool json_text_at(struct json_object *o, const char *path, struct arena *a, struct sv *out)
{
	struct sv text = path ? json_scalar_text(json_path(o, path)) : SV_NONE;
	*out = arena_sv(a, text);
	return text.len > 0;
}

enum author rest_author(struct sv who, struct sv own)
{
	if (!who.len || !own.len)
		return AUTHOR_UNKNOWN;
	return sv_eq(who, own) ? AUTHOR_OWN : AUTHOR_FOREIGN;
}

static bool is_composite(const struct rest_description *d, struct sv name)
{
	for (int i = 0; i < d->changes.composite_n; i++)
		if (sv_eq(sv_of(d->changes.composite[i]), name))
			return true;
	return false;
}

/* Which fields changed, when the event tells each of them. 'address' may be
 * any part of it, and naming too few would be worse than naming none: what an
 * event of ours does not name counts as a stranger's. */
void rest_changed_fields(const struct rest_description *d, struct json_object *event,
			 const char *path, struct arena *a, struct change *out)
{
	struct json_object *list = path ? json_path(event, path) : NULL;
	if (!json_object_is_type(list, json_type_array))
		return;
	size_t n = json_object_array_length(list);
	const char **names = arena_array(a, const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		struct sv name = json_string(json_object_array_get_idx(list, i));
		if (!name.len || is_composite(d, name))
			return;
		names[i] = arena_str(a, name);
	}
	out->field = names;
	out->field_n = (int)n;
}

bool feed_read_batch(const struct rest_description *d, struct json_object *body, struct sv own,
		     struct arena *a, struct changes *out, int64_t *position, struct err *err)
{
	struct sv text;
	*out = (struct changes){ 0 };
	*position = -1;
	if (!body)
		return true; /* nothing is said with nothing */
	struct json_object *events = json_path(body, d->changes.events);
	if (!json_object_is_type(events, json_type_array) ||
	    !json_text_at(body, d->changes.batch, a, &text) || !sv_to_i64(text, position)) {
		err_set(err, ERR_SERVER, "%s: a batch without %s or %s", d->name, d->changes.batch,
			d->changes.events);
		return false;
	}
	size_t n = json_object_array_length(events);
	out->change = arena_array(a, struct change, n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(events, i);
		struct change *c = &out->change[out->n];
		struct sv at, who;
		/* about something that is no record, such as changed meta data */
		if (!json_text_at(e, d->changes.object, a, &c->object))
			continue;
		json_text_at(e, d->changes.id, a, &c->id);
		json_text_at(e, d->changes.author, a, &who);
		if (!json_text_at(e, d->changes.at, a, &at) || !sv_to_i64(at, &c->at_ms))
			c->at_ms = 0;
		c->author = rest_author(who, own);
		rest_changed_fields(d, e, d->changes.fields, a, c);
		out->n++;
	}
	return true;
}

static bool ask_feed(struct rest *r, const struct rest_request *q, const char *what,
		     const struct position *p, struct arena *a, struct rest_answer *answer,
		     struct err *err)
{
	const struct var var[] = {
		{ "subscription", p->subscription },
		{ "objects", p->objects },
		{ "position", arena_printf(a, "%lld", (long long)p->request) },
		{ "count", arena_printf(a, "%d", r->d->changes.batch_max) },
	};
	const struct vars vars = { var, 4, NULL };
	struct rest_ask ask = { .on = ON_FEED, .what = what, .request = q, .vars = &vars };
	return rest_call(r, &ask, a, answer, err);
}

/* A request whose answer is one number. */
static bool ask_position(struct rest *r, const struct rest_request *q, const char *what,
			 const char *path, struct position *p, struct arena *a, struct err *err)
{
	struct rest_answer answer;
	struct sv text;
	bool ok = ask_feed(r, q, what, p, a, &answer, err);
	if (ok && (!json_text_at(answer.body, path, a, &text) || !sv_to_i64(text, &p->request))) {
		err_set(err, ERR_SERVER, "%s: %s: no %s in the answer", r->d->name, what, path);
		ok = false;
	}
	rest_answer_finish(&answer);
	return ok;
}

static void schedule(struct feed *f, const struct rest_description *d, int n)
{
	if (n > 0 || f->poll_ms == 0)
		f->poll_ms = d->changes.poll_min_ms;
	else if ((f->poll_ms *= 2) > d->changes.poll_max_ms)
		f->poll_ms = d->changes.poll_max_ms;
	f->next_ms = monotonic_ms() + (n >= d->changes.batch_max ? 0 : f->poll_ms);
}

static bool ask_batch(struct rest *r, const struct rest_request *q, const char *what,
		      struct position *p, struct arena *a, struct changes *out, struct err *err)
{
	struct rest_answer answer;
	struct sv own;
	int64_t position = -1;
	/* First who we are: once the batch is off the queue it must be used. */
	if (!session_user(r, a, &own, err))
		return false;
	bool ok = ask_feed(r, q, what, p, a, &answer, err) &&
		  feed_read_batch(r->d, answer.body, own, a, out, &position, err);
	if (!ok && answer.class != CLASS_LIMIT)
		r->feed.newest = -1; /* perhaps it was taken: ask before the next */
	if (ok && position >= 0)
		r->feed.newest = p->request = position;
	rest_answer_finish(&answer);
	return ok;
}

static bool begin(struct rest *r, struct position *p, struct arena *a, struct changes *out,
		  struct err *err)
{
	const struct rest_description *d = r->d;
	struct err failed = { 0 };
	if (!ask_position(r, &d->changes.ensure, "subscription", d->changes.ensured, p, a,
			  &failed)) {
		/* there is no position yet that could be lost */
		err_set(err, failed.code == ERR_CURSOR ? ERR_REJECTED : failed.code, "%s",
			failed.what);
		return false;
	}
	r->feed = (struct feed){ .newest = p->request };
	out->cursor = write_cursor(p, a);
	return true;
}

static bool repeat_batch(struct rest *r, struct position *p, struct arena *a, struct changes *out,
			 struct err *err)
{
	if (p->request > r->feed.newest || r->feed.newest - p->request > 1) {
		err_set(err, ERR_CURSOR, "%s: the feed is at batch %lld, we are at %lld", r->d->name,
			(long long)r->feed.newest, (long long)p->request);
		return false;
	}
	int64_t wanted = r->feed.newest;
	p->request = wanted;
	if (!ask_batch(r, &r->d->changes.again, "last batch again", p, a, out, err))
		return false;
	if (r->feed.newest == wanted && out->n)
		return true;
	err_set(err, ERR_CURSOR, "%s: the feed does not give batch %lld again", r->d->name,
		(long long)wanted);
	return false;
}

bool rest_changes(struct connector *c, struct sv cursor, int64_t wait_ms, struct arena *a,
		  struct changes *out, struct err *err)
{
	struct rest *r = rest_of(c);
	const struct rest_description *d = r->d;
	struct feed *f = &r->feed;
	struct session_use session;
	*out = (struct changes){ 0 };
	if (!d->changes.next.method && d->webhook.header) {
		/* it tells by itself; a cursor all the same, as the flow begins
		 * anew without one */
		out->cursor = SV("webhook");
		if (cursor.len && !gate_wait(&r->gate, monotonic_ms() + wait_ms))
			err_set(err, ERR_STOPPED, "%s: stopped", d->name);
		return !gate_stopping(&r->gate);
	}
	if (!d->changes.next.method) {
		err_set(err, ERR_UNSUPPORTED, "%s: no change feed is described", d->name);
		return false;
	}
	if (!session_get(r, 0, a, &session, err))
		return false;
	struct position now = { session.subscription, r->objects, 0 }, p;
	if (!cursor.len)
		return begin(r, &now, a, out, err);
	if (!read_cursor(r, cursor, &now, &p, err))
		return false;
	out->cursor = cursor;
	if (f->newest < 0) {
		if (!ask_position(r, &d->changes.last, "last batch", d->changes.last_id, &now, a,
				  err))
			return false;
		f->newest = now.request;
	}
	if (p.request == f->newest) {
		int64_t until = monotonic_ms() + wait_ms;
		bool due = f->next_ms <= until;
		if (!gate_wait(&r->gate, due ? f->next_ms : until)) {
			err_set(err, ERR_STOPPED, "%s: stopped", d->name);
			return false;
		}
		if (!due)
			return true;
		if (!ask_batch(r, &d->changes.next, "next batch", &p, a, out, err))
			return false;
	} else if (!repeat_batch(r, &p, a, out, err)) {
		return false;
	}
	schedule(f, d, out->n);
	out->more = out->n >= d->changes.batch_max;
	out->cursor = write_cursor(&p, a);
	return true;
}

#include <errno.h>

#include "base/log.h"
#include "base/panic.h"
#include "systems/salesforce/cometd.h"
#include "systems/salesforce/ids.h"

enum {
	PAUSE_MAX_MS = 5 * 1000,
	PAUSE_MIN_MS = 50, /* after an empty answer, whatever the advice */
	TRIES = 3,
	/* Clocks differ, and an event may come some time after its commit. */
	AT_MARGIN_MS = 10 * 60 * 1000,
	AT_STEP_MS = 10 * 60 * 1000,
};

static const int64_t retention_ms = 71 * INT64_C(3600000); /* 72 h, less a margin */

struct sf_feed *sf_feed_create(void)
{
	struct sf_feed *f = must_zalloc(sizeof(*f));
	arena_init(&f->arena);
	buf_init(&f->given, 64 * 1024);
	return f;
}

void sf_feed_destroy(struct sf_feed *f)
{
	if (!f)
		return;
	arena_finish(&f->arena);
	buf_finish(&f->given);
	free(f);
}

static void forget_client(struct sf_feed *f)
{
	struct buf given = f->given;
	struct arena arena = f->arena;
	arena_reset(&arena);
	buf_clear(&given);
	*f = (struct sf_feed){ .arena = arena,
			       .given = given,
			       .hold_ms = COMETD_HOLD_MS,
			       .login_number = f->login_number,
			       .message_id = f->message_id };
}

/* Waiting is in real time, whatever clock the flow runs by. */
static int64_t steady_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void pause_ms(int64_t ms)
{
	if (ms <= 0)
		return;
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

/* ---- the cursor: {"at":1795429754861,"/data/ContactChangeEvent":2142496} ---- */

static bool bad_cursor(struct sv cursor, const char *why, struct err *err)
{
	err_set(err, ERR_CURSOR, "salesforce feed: cursor '%.*s': %s",
		(int)(cursor.len < 80 ? cursor.len : 80), cursor.ptr, why);
	return false;
}

/* A channel that has not had an event yet has no id to go on from. Then all
 * that is retained is asked for, and what was committed before 'at' is known
 * not to be news. */
static bool place_channel(struct channel *c, struct json_object *o, int64_t at_ms, int64_t now,
			  struct sv cursor, struct err *err)
{
	char key[256];
	snprintf(key, sizeof(key), "%.*s", SV_ARG(c->name));
	c->replay = c->subscribe = json_i64(o, key, REPLAY_NEW);
	if (c->replay >= 0 || !json_has(o, key))
		return true;
	if (now - at_ms > retention_ms)
		return bad_cursor(cursor, "older than what Salesforce retains", err);
	c->subscribe = REPLAY_ALL;
	c->from_ms = at_ms - AT_MARGIN_MS;
	return true;
}

static bool place_channels(struct salesforce *sf, struct sv cursor, struct err *err)
{
	struct sf_feed *f = sf->feed;
	struct err ignored = { 0 };
	struct json_object *o = NULL;
	int64_t now = clock_now(sf->clock);
	bool ok = true;
	if (cursor.len) {
		o = json_parse(cursor, "cursor", &ignored);
		f->at_ms = json_i64(o, "at", -1);
		if (f->at_ms < 0) {
			json_object_put(o);
			return bad_cursor(cursor, "not one of ours", err);
		}
	} else {
		f->at_ms = now;
	}
	f->channel_n = sf->object_n;
	f->channel = arena_array(&f->arena, struct channel, (size_t)sf->object_n);
	for (int i = 0; ok && i < sf->object_n; i++) {
		f->channel[i].name = bayeux_channel(sf->object[i].name, &f->arena);
		ok = place_channel(&f->channel[i], o, f->at_ms, now, cursor, err);
	}
	json_object_put(o);
	return ok;
}

static struct sv give_cursor(struct sf_feed *f, struct arena *a)
{
	buf_clear(&f->given);
	buf_addf(&f->given, "{\"at\":%lld", (long long)f->at_ms);
	for (int i = 0; i < f->channel_n; i++)
		buf_addf(&f->given, ",\"%.*s\":%lld", SV_ARG(f->channel[i].name),
			 (long long)f->channel[i].replay);
	buf_addc(&f->given, '}');
	return arena_sv(a, buf_sv(&f->given));
}

static struct channel *channel_named(struct sf_feed *f, struct sv name)
{
	for (int i = 0; i < f->channel_n; i++)
		if (sv_eq(f->channel[i].name, name))
			return &f->channel[i];
	return NULL;
}

/* ---- listening ---- */

static enum bayeux_verdict begin_client(struct salesforce *sf, struct sv cursor, struct err *err)
{
	forget_client(sf->feed);
	if (!place_channels(sf, cursor, err))
		return BAYEUX_FAILED;
	enum bayeux_verdict verdict = cometd_handshake(sf, err);
	return verdict == BAYEUX_OK ? cometd_subscribe(sf, err) : verdict;
}

struct harvest {
	struct arena *arena;
	struct changes *out;
	int cap;
	bool moved; /* an event moved the cursor */
};

static void add_change(struct harvest *h, struct change change)
{
	struct changes *out = h->out;
	if (out->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 64;
		struct change *more = arena_array(h->arena, struct change, (size_t)h->cap);
		if (out->n)
			memcpy(more, out->change, sizeof(*more) * (size_t)out->n);
		out->change = more;
	}
	out->change[out->n++] = change;
}

/* All names or none: one that is not understood could be any field. */
static void name_changed_fields(struct json_object *changed, struct arena *a, struct change *out)
{
	size_t n = changed ? json_object_array_length(changed) : 0;
	const char **field = arena_array(a, const char *, n);
	for (size_t i = 0; i < n; i++) {
		field[i] = bayeux_field(json_string(json_object_array_get_idx(changed, i)), a);
		if (!field[i])
			return;
	}
	out->field = n ? field : NULL;
	out->field_n = (int)n;
}

/* An id that is none stands for more records than the event can name. */
static void add_event(struct salesforce *sf, struct harvest *h, const struct bayeux_event *e)
{
	struct change change = {
		.object = arena_sv(h->arena, e->object),
		.author = sf_author(sf, e->user),
		.at_ms = e->commit_ms - e->commit_ms % 1000,
	};
	size_t n = e->ids && !e->overflow ? json_object_array_length(e->ids) : 0;
	bool any = n == 0;
	name_changed_fields(e->changed, h->arena, &change);
	for (size_t i = 0; i < n; i++) {
		change.id = sf_id(json_string(json_object_array_get_idx(e->ids, i)), h->arena);
		if (change.id.len)
			add_change(h, change);
		else
			any = true;
	}
	change.id = SV_NONE;
	change.field = NULL;
	change.field_n = 0;
	if (any)
		add_change(h, change);
}

static void take_event(struct salesforce *sf, struct harvest *h, struct json_object *message)
{
	struct bayeux_event e;
	struct channel *c;
	if (!bayeux_event(message, &e) || !(c = channel_named(sf->feed, e.channel))) {
		struct sv channel = json_sv(message, "channel");
		log_warn("salesforce", "feed: a message on %.*s is not understood",
			 SV_ARG(channel));
		return;
	}
	c->replay = e.replay_id;
	h->moved = true;
	if (!c->from_ms || !e.commit_ms || e.commit_ms >= c->from_ms)
		add_event(sf, h, &e);
}

static void take_advice(struct sf_feed *f, struct json_object *reply)
{
	struct json_object *advice = json_at(reply, "advice");
	int64_t interval = json_i64(advice, "interval", 0);
	int64_t hold = json_i64(advice, "timeout", 0);
	if (hold > 0 && hold <= COMETD_HOLD_MS * 10)
		f->hold_ms = hold;
	if (interval > PAUSE_MAX_MS)
		interval = PAUSE_MAX_MS;
	f->next_connect_ms = steady_ms() + (interval > 0 ? interval : 0);
}

/* Events and the reply may come in any order. */
static enum bayeux_verdict take_messages(struct salesforce *sf, struct harvest *h,
					 struct json_object *list, struct err *err)
{
	struct json_object *reply = cometd_reply(list, SV("/meta/connect"), SV_NONE);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *m = json_object_array_get_idx(list, i);
		if (!sv_starts(json_sv(m, "channel"), SV("/meta/")))
			take_event(sf, h, m);
	}
	if (!reply) /* the poll goes on with the next one */
		return BAYEUX_OK;
	take_advice(sf->feed, reply);
	return bayeux_judge(reply, "salesforce feed: connect", err);
}

static enum bayeux_verdict poll_once(struct salesforce *sf, int64_t wait_ms, struct harvest *h,
				     struct err *err)
{
	enum bayeux_verdict verdict;
	struct json_object *list = cometd_connect(sf, wait_ms, &verdict, err);
	if (list)
		verdict = take_messages(sf, h, list, err);
	json_object_put(list);
	return verdict;
}

static bool has_new_channel(const struct sf_feed *f)
{
	for (int i = 0; i < f->channel_n; i++)
		if (f->channel[i].replay < 0)
			return true;
	return false;
}

/* 'at' matters only to channels without an id; there it follows the time in
 * steps, so that a quiet channel does not age out of what is retained. Only an
 * empty answer moves it: while one channel's events come, another's older ones
 * may still wait behind them. */
static void set_answer(struct sf_feed *f, struct harvest *h, struct sv cursor, int64_t asked_ms)
{
	bool step = !h->moved && has_new_channel(f) && asked_ms - f->at_ms >= AT_STEP_MS;
	if (step)
		f->at_ms = asked_ms;
	h->out->more = h->out->n > 0;
	h->out->cursor = h->moved || step ? give_cursor(f, h->arena) : arena_sv(h->arena, cursor);
}

static enum bayeux_verdict listen_for(struct salesforce *sf, struct sv cursor, int64_t wait_ms,
				      struct harvest *h, struct err *err)
{
	struct sf_feed *f = sf->feed;
	int64_t until = steady_ms() + wait_ms, left = wait_ms;
	int64_t asked_ms;
	enum bayeux_verdict verdict;
	do {
		int64_t pause = f->next_connect_ms - steady_ms();
		pause_ms(pause < left ? pause : left);
		left = until - steady_ms();
		asked_ms = clock_now(sf->clock);
		verdict = poll_once(sf, left > 0 ? left : 0, h, err);
		if (f->next_connect_ms < steady_ms() + PAUSE_MIN_MS)
			f->next_connect_ms = steady_ms() + PAUSE_MIN_MS;
		left = until - steady_ms();
	} while (verdict == BAYEUX_OK && !h->moved && left > 0);
	if (!h->moved && verdict != BAYEUX_OK)
		return verdict;
	set_answer(f, h, cursor, asked_ms);
	/* what came with the bad news is good; the next call begins anew */
	if (verdict == BAYEUX_LOGIN)
		sf_session_ended(sf, f->login_number);
	if (verdict != BAYEUX_OK) {
		log_debug("salesforce", "feed: the client ends after %d changes", h->out->n);
		err_clear(err);
		forget_client(f);
	}
	return BAYEUX_OK;
}

static enum bayeux_verdict feed_once(struct salesforce *sf, struct sv cursor, int64_t wait_ms,
				     struct harvest *h, struct err *err)
{
	struct sf_feed *f = sf->feed;
	enum bayeux_verdict verdict = BAYEUX_OK;
	if (!f->client_id.len || !sv_eq(cursor, buf_sv(&f->given))) {
		verdict = begin_client(sf, cursor, err);
		if (verdict != BAYEUX_OK)
			return verdict;
		buf_clear(&f->given);
		buf_add(&f->given, cursor);
		if (cursor.len == 0) { /* a place to go on from, before waiting */
			h->out->cursor = give_cursor(f, h->arena);
			h->out->more = true;
			return BAYEUX_OK;
		}
	}
	return listen_for(sf, cursor, wait_ms, h, err);
}

bool sf_changes(struct connector *c, struct sv cursor, int64_t wait_ms, struct arena *a,
		struct changes *out, struct err *err)
{
	struct salesforce *sf = (struct salesforce *)c;
	struct err why = { 0 };
	*out = (struct changes){ 0 };
	if (sf->object_n == 0) {
		pause_ms(wait_ms < PAUSE_MAX_MS ? wait_ms : PAUSE_MAX_MS);
		out->cursor = cursor.len ? arena_sv(a, cursor) : SV("{\"at\":0}");
		return true;
	}
	for (int try = 0; try < TRIES; try++) {
		struct harvest h = { .arena = a, .out = out };
		enum bayeux_verdict verdict = feed_once(sf, cursor, wait_ms, &h, &why);
		if (verdict == BAYEUX_OK)
			return true;
		if (verdict == BAYEUX_LOGIN)
			sf_session_ended(sf, sf->feed->login_number);
		forget_client(sf->feed);
		if (verdict == BAYEUX_FAILED)
			break;
	}
	if (!why.code)
		err_set(&why, ERR_UNREACHABLE, "salesforce feed: no client is accepted");
	if (err && !err->code)
		*err = why;
	return false;
}

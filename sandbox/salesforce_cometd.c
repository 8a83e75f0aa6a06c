/* Bayeux over long polling, as the Streaming API speaks it.
 *
 * A client is made by its handshake, bound to the login and to the
 * BAYEUX_BROWSER cookie it was given, and forgotten when it does not connect
 * again within 40 s. A subscription's place in the bus is kept here, but a
 * client that was forgotten must bring its own replay id. */
#include "base/panic.h"
#include "salesforce.h"

enum { FORGET_MS = 40000, ADVICE_TIMEOUT_MS = 110000, BATCH_MAX = 1000, SUBSCRIPTIONS_MAX = 16 };

struct subscription {
	char channel[80];
	const struct table *table; /* NULL = all objects */
	int64_t position;	   /* replay id of the event told last */
};

struct sf_client {
	char id[40];
	char cookie[40];
	struct sv user;
	bool integration;
	struct subscription subscriptions[SUBSCRIPTIONS_MAX];
	size_t len;
	uint64_t connects; /* a newer connect releases the one that waits */
	int waiting;
	int64_t seen_ms; /* steady */
	UT_hash_handle hh;
};

static void client_free(struct salesforce *sf, struct sf_client *k)
{
	HASH_DEL(sf->clients, k);
	free(k);
}

void sf_clients_forget(struct salesforce *sf)
{
	struct sf_client *k, *next;
	HASH_ITER(hh, sf->clients, k, next)
		client_free(sf, k);
	sandbox_wake(sf->box);
}

/* Asked before a client is looked up, so that one that stayed away too long is
 * as unknown as it would be to the service. */
static void drop_silent(struct salesforce *sf)
{
	struct sf_client *k, *next;
	HASH_ITER(hh, sf->clients, k, next)
		if (!k->waiting && sandbox_steady_ms() - k->seen_ms > FORGET_MS)
			client_free(sf, k);
}

static struct sf_client *client_find(struct salesforce *sf, struct sv id)
{
	struct sf_client *k = NULL;
	if (id.len)
		HASH_FIND(hh, sf->clients, id.ptr, id.len, k);
	return k;
}

/* ---- answers ---- */

static struct json_object *advice(const char *reconnect, int64_t interval)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "reconnect", sv_of(reconnect));
	json_put_i64(o, "interval", interval);
	return o;
}

static struct json_object *reply(struct json_object *message, bool successful)
{
	struct json_object *o = json_object_new_object(), *id = json_at(message, "id");
	json_put_sv(o, "channel", json_sv(message, "channel"));
	if (id)
		json_object_object_add(o, "id", json_object_get(id));
	if (json_sv(message, "clientId").len)
		json_put_sv(o, "clientId", json_sv(message, "clientId"));
	json_put_bool(o, "successful", successful);
	return o;
}

static struct json_object *refusal(struct json_object *message, struct sv error, struct json_object *give_advice)
{
	struct json_object *o = reply(message, false);
	json_put_sv(o, "error", error);
	if (give_advice)
		json_object_object_add(o, "advice", give_advice);
	return o;
}

static struct json_object *unknown_client(struct json_object *message)
{
	return refusal(message, SV("403::Unknown client"), advice("handshake", 0));
}

static void add_reply(struct buf *b, struct json_object *take)
{
	if (b->len > 1)
		buf_addc(b, ',');
	buf_add_json(b, take);
	json_object_put(take);
}

/* ---- handshake ---- */

static struct json_object *handshake(struct sf_call *c, struct json_object *m)
{
	struct salesforce *sf = c->sf;
	struct json_object *o, *ext = json_object_new_object(), *kinds = json_object_new_array();
	json_put_bool(ext, "replay", true);
	json_put_bool(ext, "payload.format", true);
	if (!c->who) {
		struct json_object *sfdc = json_object_new_object();
		json_put_sv(sfdc, "failureReason", SV("401::Authentication invalid"));
		json_object_object_add(ext, "sfdc", sfdc);
		json_object_put(kinds);
		o = refusal(m, SV("403::Handshake denied"), advice("none", 0));
		json_object_object_add(o, "ext", ext);
		return o;
	}
	struct sf_client *k = must_zalloc(sizeof(*k));
	snprintf(k->id, sizeof(k->id), "%llx%016llx", (unsigned long long)sf->next_serial++,
		 (unsigned long long)rng_next(&sf->rng));
	snprintf(k->cookie, sizeof(k->cookie), "%016llx", (unsigned long long)rng_next(&sf->rng));
	k->user = c->who->user;
	k->integration = c->who->integration;
	k->seen_ms = sandbox_steady_ms();
	HASH_ADD_STR(sf->clients, id, k);
	http_add_header(c->resp, "Set-Cookie",
			arena_printf(c->a, "BAYEUX_BROWSER=%s;Path=/cometd/;HttpOnly", k->cookie));
	o = reply(m, true);
	json_object_array_add(kinds, json_object_new_string("long-polling"));
	json_object_object_add(o, "ext", ext);
	json_put_sv(o, "version", SV("1.0"));
	json_put_sv(o, "minimumVersion", SV("1.0"));
	json_object_object_del(o, "clientId");
	json_put_sv(o, "clientId", sv_of(k->id));
	json_object_object_add(o, "supportedConnectionTypes", kinds);
	return o;
}

/* ---- subscribe ---- */

/* /data/ChangeEvents, /data/XChangeEvent, /data/X__ChangeEvent for X__c;
 * channel names mind the case. */
static bool channel_table(struct salesforce *sf, struct sv channel, const struct table **out)
{
	struct sv head = SV("/data/"), tail = SV("ChangeEvent");
	*out = NULL;
	if (sv_eq(channel, SV("/data/ChangeEvents")))
		return true;
	if (!sv_starts(channel, head) || !sv_ends(channel, tail) || channel.len <= head.len + tail.len)
		return false;
	struct sv name = sv_make(channel.ptr + head.len, channel.len - head.len - tail.len);
	for (size_t i = 0; i < sf->system->tables->len; i++) {
		const struct table *t = sf->system->tables->items[i];
		struct sv own = sv_of(t->def->name);
		if (sv_ends(own, SV("__c")))
			own.len -= 1; /* Employee__c -> Employee__ChangeEvent */
		if (!t->def->hidden_from_feed && sv_eq(own, name))
			*out = t;
	}
	return *out != NULL;
}

/* -1 new events only, -2 all that are kept, else those after the id. */
static bool replay_position(struct salesforce *sf, int64_t asked, int64_t *out)
{
	if (asked == -1)
		*out = sf->bus.newest;
	else if (asked == -2)
		*out = sf->bus.forgotten;
	else if (asked >= sf->bus.forgotten && asked <= sf->bus.newest)
		*out = asked;
	else
		return false;
	return true;
}

static struct json_object *subscribe(struct sf_call *c, struct sf_client *k, struct json_object *m)
{
	struct sv channel = json_sv(m, "subscription");
	struct subscription s = { .channel = "" };
	struct json_object *map = json_path(m, "ext.replay"), *o;
	int64_t asked = -1;
	if (channel.len >= sizeof(s.channel) || !channel_table(c->sf, channel, &s.table)) {
		o = refusal(m, SV("400::The channel you requested to subscribe to doesn't exist"), NULL);
	} else if (map && !json_at(map, arena_str(c->a, channel))) {
		o = refusal(m,
			    arena_printf(c->a,
					 "400::The replayId for channel {%.*s} wasn't found using the provided replay ID map {%s}. Ensure that the channel name you provided is valid and in the replay ID map.",
					 SV_ARG(channel), json_object_to_json_string(map)),
			    NULL);
	} else if (map && (asked = json_i64(map, arena_str(c->a, channel), -1),
			   !replay_position(c->sf, asked, &s.position))) {
		o = refusal(m,
			    arena_printf(c->a,
					 "400::The replayId {%lld} you provided was invalid.  Please provide a valid ID, -2 to replay all events, or -1 to replay only new events.",
					 (long long)asked),
			    NULL);
	} else if (k->len == SUBSCRIPTIONS_MAX) {
		o = refusal(m, SV("403::Subscription limit exceeded"), NULL);
	} else {
		if (!map)
			s.position = c->sf->bus.newest;
		snprintf(s.channel, sizeof(s.channel), "%.*s", SV_ARG(channel));
		k->subscriptions[k->len++] = s;
		o = reply(m, true);
	}
	json_put_sv(o, "subscription", channel);
	return o;
}

static struct json_object *unsubscribe(struct sf_client *k, struct json_object *m)
{
	struct sv channel = json_sv(m, "subscription");
	for (size_t i = 0; i < k->len; i++)
		if (sv_eq(sv_of(k->subscriptions[i].channel), channel)) {
			k->subscriptions[i] = k->subscriptions[--k->len];
			break;
		}
	struct json_object *o = reply(m, true);
	json_put_sv(o, "subscription", channel);
	return o;
}

/* ---- connect ---- */

static size_t deliver_one(struct salesforce *sf, const struct sf_client *k, struct subscription *s,
			  struct buf *b, size_t room)
{
	const struct sf_bus *bus = &sf->bus;
	size_t n = 0;
	for (size_t i = sf_bus_after(bus, s->position); i < bus->len && n < room; i++) {
		const struct sf_event *e = &bus->items[i];
		s->position = e->replay_id;
		if (s->table && s->table != e->table)
			continue;
		if (b->len > 1)
			buf_addc(b, ',');
		buf_addf(b, "{\"data\":{\"schema\":\"nTowGbw-ipH4sznrGpe%.4s\",\"payload\":", e->table->def->prefix);
		buf_add(b, sv_of(k->integration && e->restricted ? e->restricted : e->text));
		buf_addf(b, ",\"event\":{\"replayId\":%lld}},\"channel\":\"%s\"}", (long long)e->replay_id,
			 s->channel);
		n++;
	}
	return n;
}

static size_t deliver(struct salesforce *sf, struct sf_client *k, struct buf *b)
{
	size_t n = 0;
	for (size_t i = 0; i < k->len && n < BATCH_MAX; i++)
		n += deliver_one(sf, k, &k->subscriptions[i], b, BATCH_MAX - n);
	return n;
}

/* The session may have ended while the client waited: its token is looked up
 * anew each time. */
static bool session_lives(struct sf_call *c)
{
	return sf_session_of(c->sf, c->req) != NULL;
}

static bool reachable(struct sf_call *c)
{
	return !faults_down(&c->sf->system->faults, c->req->method, c->req->path, sandbox_now(c->sf->box));
}

/* Events, or the end of the waiting time; the lock is let go of meanwhile, so
 * the client is looked up again by its id after each wait. */
static struct json_object *connect(struct sf_call *c, struct json_object *m, struct buf *events)
{
	struct salesforce *sf = c->sf;
	struct sv id = json_sv(m, "clientId");
	struct sf_client *k = client_find(sf, id);
	int64_t hold = sf->box->options.cometd_hold_ms;
	int64_t asked = json_i64(json_at(m, "advice"), "timeout", hold);
	int64_t deadline = sandbox_steady_ms() + (asked < hold ? asked : hold);
	uint64_t mine = ++k->connects;
	sandbox_wake(sf->box);
	while (k && k->connects == mine && session_lives(c) && reachable(c) && !deliver(sf, k, events)) {
		k->waiting++;
		bool woken = asked > 0 && sandbox_wait_until(sf->box, deadline);
		k = client_find(sf, id);
		if (k) {
			k->waiting--;
			k->seen_ms = sandbox_steady_ms();
		}
		if (!woken)
			break;
	}
	if (!k)
		return unknown_client(m);
	if (!session_lives(c))
		return refusal(m, SV("401::Authentication invalid"), advice("none", 0));
	struct json_object *o = reply(m, true), *say = advice("retry", 0);
	json_put_bool(say, "multiple-clients", k->connects != mine);
	json_put_i64(say, "timeout", ADVICE_TIMEOUT_MS);
	json_object_object_add(o, "advice", say);
	return o;
}

/* ---- one request ---- */

static struct json_object *answer_one(struct sf_call *c, struct json_object *m, struct buf *b)
{
	struct sv channel = json_sv(m, "channel");
	drop_silent(c->sf);
	if (sv_eq(channel, SV("/meta/handshake")))
		return handshake(c, m);
	struct sf_client *k = client_find(c->sf, json_sv(m, "clientId"));
	c->who = sf_session_of(c->sf, c->req); /* an earlier message may have waited */
	if (!c->who)
		return refusal(m, SV("401::Authentication invalid"), advice("none", 0));
	if (!k)
		return unknown_client(m);
	if (!sv_eq(http_cookie(c->req, "BAYEUX_BROWSER"), sv_of(k->cookie)))
		return refusal(m, SV("400::The BAYEUX_BROWSER cookie is missing or not this client's"), NULL);
	if (!sv_eq(k->user, c->who->user))
		return refusal(m, SV("400::The user ID of the client doesn't match the one of the handshake"), NULL);
	k->seen_ms = sandbox_steady_ms();
	if (sv_eq(channel, SV("/meta/connect")))
		return connect(c, m, b);
	if (sv_eq(channel, SV("/meta/subscribe")))
		return subscribe(c, k, m);
	if (sv_eq(channel, SV("/meta/unsubscribe")))
		return unsubscribe(k, m);
	if (sv_eq(channel, SV("/meta/disconnect"))) {
		client_free(c->sf, k);
		sandbox_wake(c->sf->box);
		return reply(m, true);
	}
	return refusal(m, SV("403::Cannot publish on this channel"), NULL);
}

static bool is_connect(struct json_object *m)
{
	return sv_eq(json_sv(m, "channel"), SV("/meta/connect"));
}

void sf_handle_cometd(struct sf_call *c)
{
	struct buf *b = &c->resp->body;
	if (!http_is(c->req, "POST")) {
		/* Faye tries a websocket first. */
		http_text(c->resp, 400, "text/html", SV("400::Only long-polling is supported"));
		return;
	}
	if (!json_object_is_type(c->body, json_type_array)) {
		http_text(c->resp, 400, "text/html", SV("400::Expected an array of messages"));
		return;
	}
	size_t n = json_object_array_length(c->body);
	buf_addc(b, '[');
	/* A connect may wait, so it comes after what else was sent with it. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n; i++) {
			struct json_object *m = json_object_array_get_idx(c->body, i);
			if (is_connect(m) == (pass == 1))
				add_reply(b, answer_one(c, m, b));
		}
	buf_addc(b, ']');
}

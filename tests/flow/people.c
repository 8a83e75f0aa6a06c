/* people.c - who is told, in stories: channels that answer as the story wants,
 * and what was heard on them. */
#include "base/panic.h"
#include "scenario.h"

void people_end(struct world *w)
{
	free(w->heard);
}

static void hear(struct world *w, const struct channel *c, const struct message *m)
{
	struct err err = { 0 };
	struct json_object *o = json_parse(m->content, "a message", &err);
	if (!o)
		world_fail(w, "%s", err.what);
	w->heard = must_realloc(w->heard, sizeof(*w->heard) * (size_t)(w->heard_n + 1));
	w->heard[w->heard_n++] = (struct heard){
		.id = m->id, .channel = sv_of(c->name), .role = arena_sv(&w->arena, m->role),
		.state = arena_sv(&w->arena, json_sv(o, "state")),
		.subject = arena_sv(&w->arena, m->subject), .text = arena_sv(&w->arena, m->text),
	};
	json_object_put(o);
}

static bool take_one(int *n)
{
	*n -= *n > 0;
	return true;
}

static bool send_message(struct channel *channel, const struct message *m, struct err *err)
{
	struct story_channel *c = (struct story_channel *)channel;
	struct world *w = c->world;
	if (!crash_step(&w->crash)) {
		err_set(err, ERR_STOPPED, "the process is dead");
		return false;
	}
	c->tried++;
	bool refused = c->refuses && take_one(&c->refuses), lost = c->loses && take_one(&c->loses);
	if (!c->down && !refused)
		hear(w, channel, m);
	if (!crash_step(&w->crash)) {
		err_set(err, ERR_STOPPED, "the process is dead");
	} else if (refused) {
		err_set(err, ERR_REJECTED, "no such mailbox");
		err->scope = SCOPE_RECORD;
	} else if (c->down || lost) {
		err_set(err, c->down ? ERR_UNREACHABLE : ERR_LOST, "no answer");
	}
	return !err->code;
}

void people_options(struct world *w, struct engine_options *o)
{
	struct audience *to = arena_array(&w->arena, struct audience,
					  CHANNELS_MAX * CHANNEL_ROLES_MAX);
	int n = 0;
	for (int i = 0; i < w->channel_n; i++)
		for (int k = 0; k < w->channel[i].role_n; k++) {
			int at = 0;
			while (at < n && !sv_eq(sv_of(to[at].role), w->channel[i].role[k]))
				at++;
			if (at == n) {
				to[n++].role = arena_str(&w->arena, w->channel[i].role[k]);
				to[at].channel = arena_array(&w->arena, struct channel *, CHANNELS_MAX);
			}
			to[at].channel[to[at].channel_n++] =
				&w->channel[i].channel;
		}
	o->audience = to;
	o->audience_n = n;
	o->alerts_eager = true;
}

void tell_channel(struct world *w, const struct line *l)
{
	int i = 0;
	while (i < w->channel_n && !sv_eq(l->word[1], sv_of(w->channel[i].channel.name)))
		i++;
	struct story_channel *c = &w->channel[i];
	if (sv_eq(l->word[2], SV("down")) || sv_eq(l->word[2], SV("up"))) {
		c->down = sv_eq(l->word[2], SV("down"));
	} else if (sv_eq(l->word[2], SV("refuses"))) {
		c->refuses = (int)word_number(w, l->word[3]);
	} else if (sv_eq(l->word[2], SV("loses"))) {
		c->loses = (int)word_number(w, l->word[3]);
	} else if (i == CHANNELS_MAX || l->word_n - 2 > CHANNEL_ROLES_MAX) {
		world_fail(w, "too many channels or roles");
	} else {
		w->channel_n += i == w->channel_n;
		*c = (struct story_channel){
			.channel = { .name = arena_str(&w->arena, l->word[1]), .send = send_message },
			.world = w,
		};
		for (int k = 2; k < l->word_n; k++)
			c->role[c->role_n++] = l->word[k];
		world_stop(w);
	}
}

void tell_at(struct world *w, const struct line *l)
{
	int64_t ms;
	if (!time_parse(l->word[1], &ms))
		world_fail(w, "a time is like 2026-11-27T16:00:00Z");
	else if (ms > w->clock.ms)
		w->clock.ms = ms;
	else if (!w->repeating && !w->crashed)
		world_fail(w, "that is over already");
}

/* expect tried CHANNEL N */
void expect_tried(struct world *w, const struct line *l)
{
	for (int i = 0; i < w->channel_n; i++)
		if (sv_eq(l->word[2], sv_of(w->channel[i].channel.name)) &&
		    w->channel[i].tried != word_number(w, l->word[3]))
			world_trouble(w, "it was tried %lld times", (long long)w->channel[i].tried);
}

static bool contains(struct sv text, struct sv part)
{
	return part.len == 0 || (text.len && memmem(text.ptr, text.len, part.ptr, part.len));
}

static bool fits(struct world *w, const struct line *l, int first, const struct heard *h)
{
	for (int i = first; i < l->word_n; i++) {
		struct sv key, want;
		if (sv_eq(l->word[i], SV("about"))) {
			if (!contains(h->subject, l->word[++i]))
				return false;
			continue;
		}
		sv_cut(l->word[i], '=', &key, &want);
		bool ok = sv_eq(key, SV("count")) || sv_eq(key, SV("times")) ||
			  (sv_eq(key, SV("state")) && sv_eq(h->state, want)) ||
			  (sv_eq(key, SV("by")) && sv_eq(h->channel, want)) ||
			  (sv_eq(key, SV("text")) && contains(h->text, want)) ||
			  (sv_eq(key, SV("without")) && !contains(h->text, want) &&
			   !contains(h->subject, want));
		if (!ok)
			return false;
	}
	return true;
}

static bool heard_before(const struct world *w, int i)
{
	for (int k = 0; k < i; k++)
		if (w->heard[k].id == w->heard[i].id && sv_eq(w->heard[k].channel, w->heard[i].channel))
			return true;
	return false;
}

/* Repetitions of a message, which people can tell by its number, count once;
 * times=N asks for them too. */
void expect_message(struct world *w, const struct line *l, int at, bool none)
{
	int once = 0, all = 0;
	int64_t count = -1, times = -1;
	struct sv key, n;
	for (int i = at + 1; i < l->word_n; i++)
		if (sv_cut(l->word[i], '=', &key, &n)) {
			count = sv_eq(key, SV("count")) ? word_number(w, n) : count;
			times = sv_eq(key, SV("times")) ? word_number(w, n) : times;
		}
	for (int i = 0; i < w->heard_n; i++) {
		const struct heard *h = &w->heard[i];
		if (at + 2 < l->word_n && !sv_eq(l->word[at + 2], h->role))
			continue;
		if (!fits(w, l, at + 3, h))
			continue;
		all++;
		once += !heard_before(w, i);
	}
	if (count >= 0 ? once == count : times >= 0 ? all == times : none ? !once : once > 0)
		return;
	struct buf b;
	buf_init(&b, 64 << 10);
	for (int i = 0; i < w->heard_n; i++)
		buf_addf(&b, "\n    %lld %.*s by %.*s to %.*s: %.*s\n%.*s", (long long)w->heard[i].id,
			 SV_ARG(w->heard[i].state), SV_ARG(w->heard[i].channel),
			 SV_ARG(w->heard[i].role), SV_ARG(w->heard[i].subject), SV_ARG(w->heard[i].text));
	world_trouble(w, "%d were heard, of these:%s", once, b.ptr ? b.ptr : "");
	buf_finish(&b);
}

/* scripted.c - the hand that plays: see scripted.h. */
#include "systems/scripted/scripted.h"

#include "base/panic.h"
#include "systems/scripted/world.h"

struct scripted *scripted_create(const struct scripted_options *o)
{
	struct scripted *s = must_zalloc(sizeof(*s));
	pthread_mutexattr_t recursive;
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&s->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	arena_init(&s->arena);
	s->clock = o->clock;
	s->listing_cut = -1;
	s->connector.ops = &scripted_ops;
	s->connector.name = arena_str(&s->arena, sv_of(o->name));
	s->connector.shape = o->shape;
	return s;
}

void scripted_destroy(struct scripted *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->row.n; i++)
		free(s->row.ptr[i].field.ptr);
	free(s->row.ptr);
	free(s->change.ptr);
	free(s->event.ptr);
	free(s->touched.ptr);
	free(s->rule.ptr);
	free(s->fault.ptr);
	free(s->late.ptr);
	free(s->hook.ptr);
	free(s->declared.ptr);
	free(s->created.ptr);
	arena_finish(&s->arena);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct connector *scripted_connector(struct scripted *s)
{
	return &s->connector;
}

void scripted_set_crash(struct scripted *s, struct crash *crash)
{
	s->crash = crash;
}

void scripted_set_shape(struct scripted *s, struct connector_shape shape)
{
	s->connector.shape = shape;
}

void scripted_put(struct scripted *s, struct sv object, struct sv id,
		  const struct scripted_set *set, int n, enum scripted_writer writer)
{
	pthread_mutex_lock(&s->lock);
	world_catch_up(s);
	world_put(s, object, id, set, n, writer);
	if (writer == WRITER_SEED)
		s->touched.n = 0;
	else
		world_say(s, object, id, AUTHOR_FOREIGN);
	pthread_mutex_unlock(&s->lock);
}

static bool set_existence(struct scripted *s, struct sv object, struct sv id,
			  enum existence existence, struct sv merged_into)
{
	pthread_mutex_lock(&s->lock);
	struct world_row *r = world_row(s, object, id);
	if (r) {
		r->existence = existence;
		r->merged_into = arena_sv(&s->arena, merged_into);
		r->modified_ms = world_now(s);
		r->author = AUTHOR_FOREIGN;
		world_say(s, object, id, AUTHOR_FOREIGN);
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

bool scripted_delete(struct scripted *s, struct sv object, struct sv id)
{
	return set_existence(s, object, id, EXISTENCE_DELETED, SV_NONE);
}

bool scripted_undelete(struct scripted *s, struct sv object, struct sv id)
{
	return set_existence(s, object, id, EXISTENCE_PRESENT, SV_NONE);
}

bool scripted_merge(struct scripted *s, struct sv object, struct sv loser, struct sv survivor)
{
	if (scripted_existence(s, object, survivor) != EXISTENCE_PRESENT ||
	    !set_existence(s, object, loser, EXISTENCE_MERGED, survivor))
		return false;
	pthread_mutex_lock(&s->lock);
	world_row(s, object, survivor)->modified_ms = world_now(s);
	world_say(s, object, survivor, AUTHOR_FOREIGN);
	pthread_mutex_unlock(&s->lock);
	return true;
}

void scripted_declare(struct scripted *s, struct sv object, struct sv api, enum type_kind kind)
{
	pthread_mutex_lock(&s->lock);
	struct world_declared *d = list_push(&s->declared);
	*d = (struct world_declared){ arena_sv(&s->arena, object), arena_sv(&s->arena, api),
				      kind };
	pthread_mutex_unlock(&s->lock);
}

void scripted_fail(struct scripted *s, unsigned calls, enum scripted_fault fault, int times,
		   int64_t delay_ms)
{
	pthread_mutex_lock(&s->lock);
	struct world_fault *f = list_push(&s->fault);
	*f = (struct world_fault){ calls, fault, times, delay_ms };
	pthread_mutex_unlock(&s->lock);
}

void scripted_quota(struct scripted *s, int64_t used, int64_t limit)
{
	s->connector.usage.quota_used = used;
	s->connector.usage.quota_limit = limit;
}

void scripted_heal(struct scripted *s)
{
	pthread_mutex_lock(&s->lock);
	s->fault.n = 0;
	pthread_mutex_unlock(&s->lock);
}

static void add_rule(struct scripted *s, struct world_rule rule)
{
	struct arena *a = &s->arena;
	pthread_mutex_lock(&s->lock);
	rule.object = arena_sv(a, rule.object);
	rule.api = arena_sv(a, rule.api);
	rule.set = arena_sv(a, rule.set);
	if (rule.text.ptr)
		rule.text = arena_sv(a, rule.text);
	rule.message = arena_sv(a, rule.message);
	*list_push(&s->rule) = rule;
	pthread_mutex_unlock(&s->lock);
}

void scripted_reject(struct scripted *s, struct sv object, struct sv api, struct sv text,
		     const char *message, bool nameless)
{
	add_rule(s, (struct world_rule){ .kind = RULE_REJECT, .object = object, .api = api,
					 .text = text, .message = sv_of(message),
					 .nameless = nameless });
}

void scripted_automate(struct scripted *s, struct sv object, struct sv when, struct sv set,
		       struct sv text)
{
	add_rule(s, (struct world_rule){ .kind = RULE_AUTOMATE, .object = object, .api = when,
					 .set = set, .text = text });
}

void scripted_trim(struct scripted *s, struct sv object, struct sv api, int max_bytes)
{
	add_rule(s, (struct world_rule){ .kind = RULE_TRIM, .object = object, .api = api,
					 .max_bytes = max_bytes });
}

void scripted_cut(struct scripted *s, struct sv object, struct sv api)
{
	add_rule(s, (struct world_rule){ .kind = RULE_CUT, .object = object, .api = api });
}

void scripted_drop(struct scripted *s, struct sv object, struct sv api)
{
	add_rule(s, (struct world_rule){ .kind = RULE_DROP, .object = object, .api = api });
}

void scripted_relent(struct scripted *s, struct sv object)
{
	pthread_mutex_lock(&s->lock);
	int kept = 0;
	for (int i = 0; i < s->rule.n; i++)
		if (!sv_eq(s->rule.ptr[i].object, object))
			s->rule.ptr[kept++] = s->rule.ptr[i];
	s->rule.n = kept;
	pthread_mutex_unlock(&s->lock);
}

void scripted_hide_deletes(struct scripted *s, bool hide)
{
	s->hide_deletes = hide;
}

void scripted_lag(struct scripted *s, int64_t lag_ms)
{
	s->lag_ms = lag_ms;
}

void scripted_skew(struct scripted *s, int64_t ahead_ms)
{
	s->skew_ms = ahead_ms;
}

void scripted_feed(struct scripted *s, unsigned feed)
{
	pthread_mutex_lock(&s->lock);
	s->feed = feed;
	pthread_mutex_unlock(&s->lock);
}

void scripted_feed_delay(struct scripted *s, int64_t delay_ms)
{
	s->feed_delay_ms = delay_ms;
}

void scripted_feed_wildcard(struct scripted *s, struct sv object)
{
	pthread_mutex_lock(&s->lock);
	world_say(s, object, SV_NONE, AUTHOR_UNKNOWN);
	pthread_mutex_unlock(&s->lock);
}

void scripted_feed_forget(struct scripted *s)
{
	pthread_mutex_lock(&s->lock);
	/* One event that nobody will hear, so that 'now' is a new position. */
	world_say(s, SV("nothing"), SV("0"), AUTHOR_UNKNOWN);
	s->events_forgotten = s->event.n;
	pthread_mutex_unlock(&s->lock);
}

void scripted_remember(struct scripted *s, int64_t ms)
{
	s->remembers_ms = ms;
}

void scripted_cut_listing(struct scripted *s, int rows)
{
	s->listing_cut = rows;
}

void scripted_history_silent(struct scripted *s, bool silent)
{
	s->history_silent = silent;
}

void scripted_on(struct scripted *s, enum scripted_moment moment, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&s->lock);
	*list_push(&s->hook) = (struct world_hook){ .moment = moment, .fn = fn, .arg = arg };
	pthread_mutex_unlock(&s->lock);
}

int scripted_hooks_left(struct scripted *s)
{
	int n = 0;
	for (int i = 0; i < s->hook.n; i++)
		n += !s->hook.ptr[i].fired;
	return n;
}

bool scripted_get(struct scripted *s, struct sv object, struct sv id, struct sv api,
		  struct sv *text)
{
	pthread_mutex_lock(&s->lock);
	world_catch_up(s);
	const struct world_row *r = world_row(s, object, id);
	bool present = r && r->existence == EXISTENCE_PRESENT;
	*text = present ? world_get(r, api) : SV_NONE;
	pthread_mutex_unlock(&s->lock);
	return present;
}

enum existence scripted_existence(struct scripted *s, struct sv object, struct sv id)
{
	pthread_mutex_lock(&s->lock);
	const struct world_row *r = world_row(s, object, id);
	enum existence e = r ? r->existence : EXISTENCE_UNKNOWN;
	pthread_mutex_unlock(&s->lock);
	return e;
}

int scripted_took(struct scripted *s, struct sv object, struct sv id, struct sv api,
		  struct arena *a, struct sv **out)
{
	pthread_mutex_lock(&s->lock);
	world_catch_up(s);
	int n = 0;
	*out = arena_array(a, struct sv, (size_t)s->change.n + 1);
	for (int i = 0; i < s->change.n; i++) {
		const struct world_change *c = &s->change.ptr[i];
		if (sv_eq(c->object, object) && sv_eq(c->id, id) && sv_eq(c->api, api))
			(*out)[n++] = c->after;
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

static int64_t tally(struct scripted *s, struct sv object, bool created)
{
	int64_t n = 0;
	pthread_mutex_lock(&s->lock);
	world_catch_up(s);
	for (int i = 0; i < s->created.n; i++) {
		const struct world_created *c = &s->created.ptr[i];
		if (!object.ptr || sv_eq(c->object, object))
			n += created ? c->n : c->written;
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

int64_t scripted_written(struct scripted *s, struct sv object)
{
	return tally(s, object, false);
}

int64_t scripted_created(struct scripted *s, struct sv object)
{
	return tally(s, object, true);
}

int64_t scripted_changes(struct scripted *s)
{
	pthread_mutex_lock(&s->lock);
	world_catch_up(s);
	int64_t n = s->change.n;
	pthread_mutex_unlock(&s->lock);
	return n;
}

int64_t scripted_calls(struct scripted *s, enum scripted_count what)
{
	pthread_mutex_lock(&s->lock);
	int64_t n = s->calls[what];
	pthread_mutex_unlock(&s->lock);
	return n;
}

void scripted_forget_counts(struct scripted *s)
{
	pthread_mutex_lock(&s->lock);
	memset(s->calls, 0, sizeof(s->calls));
	for (int i = 0; i < s->created.n; i++)
		s->created.ptr[i].written = 0;
	pthread_mutex_unlock(&s->lock);
}

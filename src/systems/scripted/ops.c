/* ops.c - the connector half of a scripted system. */
#include "base/panic.h"
#include "systems/scripted/world.h"

static struct scripted *of(struct connector *c)
{
	return (struct scripted *)c;
}

static void fire(struct scripted *s, enum scripted_moment moment)
{
	for (int i = 0; i < s->hook.n; i++) {
		if (s->hook.ptr[i].fired || s->hook.ptr[i].moment != moment)
			continue;
		/* a hook may add hooks: the list moves, the copy stays */
		struct world_hook h = s->hook.ptr[i];
		s->hook.ptr[i].fired = true;
		h.fn(h.arg);
		return;
	}
}

static bool dead(struct scripted *s, struct err *err)
{
	if (crash_step(s->crash))
		return false;
	err_set(err, ERR_STOPPED, "%s: the process is dead", s->connector.name);
	return true;
}

/* The fault of this call, counted down; NULL when it goes well. */
static const struct world_fault *fault_of(struct scripted *s, enum scripted_call call)
{
	for (int i = 0; i < s->fault.n; i++) {
		struct world_fault *f = &s->fault.ptr[i];
		if (!(f->calls & call) || f->times == 0)
			continue;
		if (f->times > 0)
			f->times--;
		return f;
	}
	return NULL;
}

static bool fault_refuses(const struct scripted *s, const struct world_fault *f, struct err *err)
{
	const char *name = s->connector.name;
	if (!f)
		return false;
	switch (f->fault) {
	case FAULT_UNREACHABLE:
		err_set(err, ERR_UNREACHABLE, "%s: connection refused", name);
		return true;
	case FAULT_LIMIT:
		err_set(err, ERR_LIMIT, "%s: request limit exceeded", name);
		return true;
	case FAULT_AUTH:
		err_set(err, ERR_AUTH, "%s: the login is not accepted", name);
		return true;
	default:
		return false;
	}
}

/* Begins a request that only reads. */
static bool begin(struct scripted *s, enum scripted_call call, enum scripted_count count,
		  struct err *err)
{
	pthread_mutex_lock(&s->lock);
	if (dead(s, err))
		goto no;
	s->calls[count]++;
	*(count == COUNT_FEED ? &s->connector.usage.feed_calls : &s->connector.usage.calls) += 1;
	world_catch_up(s);
	const struct world_fault *f = fault_of(s, call);
	if (fault_refuses(s, f, err))
		goto no;
	if (f) {
		err_set(err, ERR_LOST, "%s: no answer", s->connector.name);
		goto no;
	}
	return true;
no:
	pthread_mutex_unlock(&s->lock);
	return false;
}

static bool end(struct scripted *s, struct err *err)
{
	bool ok = !dead(s, err);
	pthread_mutex_unlock(&s->lock);
	return ok;
}

static bool identify(struct connector *c, struct arena *a, struct sv *organisation,
		     struct err *err)
{
	struct scripted *s = of(c);
	if (!begin(s, CALL_READ, COUNT_LIST, err))
		return false;
	*organisation = arena_printf(a, "organisation of %s", c->name);
	return end(s, err);
}

static void add_field(struct arena *a, struct schema_object *o, struct sv api, enum type_kind kind)
{
	for (int i = 0; i < o->field_n; i++)
		if (sv_eq(sv_of(o->field[i].api), api))
			return;
	o->field[o->field_n++] = (struct schema_field){
		.api = arena_str(a, api), .label = arena_str(a, api), .type = type_name(kind),
		.kind = kind, .scale = -1, .readable = true, .createable = true,
		.updateable = true,
	};
}

static bool describe(struct connector *c, const char *object, struct arena *a,
		     struct schema_object *out, struct err *err)
{
	struct scripted *s = of(c);
	if (!begin(s, CALL_READ, COUNT_LIST, err))
		return false;
	size_t most = (size_t)s->declared.n;
	for (int i = 0; i < s->row.n; i++)
		most += (size_t)s->row.ptr[i].field.n;
	*out = (struct schema_object){ .object = object };
	out->field = arena_array(a, struct schema_field, most + 1);
	for (int i = 0; i < s->declared.n; i++)
		if (sv_eq(s->declared.ptr[i].object, sv_of(object)) &&
		    !world_rules(s, RULE_DROP, s->declared.ptr[i].object, s->declared.ptr[i].api))
			add_field(a, out, s->declared.ptr[i].api, s->declared.ptr[i].kind);
	for (int i = 0; i < s->row.n; i++)
		for (int k = 0; k < s->row.ptr[i].field.n; k++)
			if (sv_eq(s->row.ptr[i].object, sv_of(object)) &&
			    !world_rules(s, RULE_DROP, sv_of(object), s->row.ptr[i].field.ptr[k].api))
				add_field(a, out, s->row.ptr[i].field.ptr[k].api, TYPE_TEXT);
	bool known = out->field_n > 0;
	if (!known)
		err_set(err, ERR_NOT_FOUND, "%s: no object %s", c->name, object);
	return end(s, err) && known;
}

/* Cursors are '@' and how many events were said. */
static bool cursor_read(struct scripted *s, struct sv cursor, int64_t last, int64_t *at,
			struct err *err)
{
	*at = last;
	if (!cursor.len)
		return true;
	if (cursor.ptr[0] == '@' && sv_to_i64(sv_make(cursor.ptr + 1, cursor.len - 1), at) &&
	    *at >= s->events_forgotten && *at <= last)
		return true;
	err_set(err, ERR_CURSOR, "%s: position %.*s is no longer known", s->connector.name,
		SV_ARG(cursor));
	return false;
}

enum { FEED_BATCH = 50, FEED_REPEATS = 3 };

static void add_change(struct scripted *s, struct changes *out, int64_t i, struct arena *a)
{
	const struct world_event *e = &s->event.ptr[i];
	struct change c = { .object = arena_sv(a, e->object), .id = arena_sv(a, e->id),
			    .author = e->author, .at_ms = e->at_ms, .field = e->field,
			    .field_n = e->field_n };
	out->change[out->n++] = c;
	if (s->feed & FEED_DOUBLED)
		out->change[out->n++] = c;
}

static bool changes(struct connector *c, struct sv cursor, int64_t wait_ms, struct arena *a,
		    struct changes *out, struct err *err)
{
	struct scripted *s = of(c);
	int64_t at;
	*out = (struct changes){ 0 };
	if (!begin(s, CALL_FEED, COUNT_FEED, err))
		return false;
	if (!cursor_read(s, cursor, s->event.n, &at, err)) {
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	int64_t to = at;
	while (to < s->event.n && to < at + FEED_BATCH &&
	       s->event.ptr[to].visible_ms <= clock_now(s->clock))
		to++;
	int64_t from = at;
	if ((s->feed & FEED_REPEATING) && to > at)
		from = at > FEED_REPEATS ? at - FEED_REPEATS : 0;
	out->change = arena_array(a, struct change, 2 * (size_t)(to - from) + 1);
	if (s->feed & FEED_REVERSED)
		for (int64_t i = to; i > from; i--)
			add_change(s, out, i - 1, a);
	else
		for (int64_t i = from; i < to; i++)
			add_change(s, out, i, a);
	out->cursor = arena_printf(a, "@%lld", (long long)to);
	out->more = to == at + FEED_BATCH;
	return end(s, err);
}

static bool history(struct connector *c, const struct object_ref *o, const struct field_ref *f,
		    struct sv cursor, struct arena *a, struct history *out, struct err *err)
{
	struct scripted *s = of(c);
	int64_t at;
	*out = (struct history){ 0 };
	if (!(c->shape.can & CAN_HISTORY))
		panic("%s: asked for a history that it does not keep", c->name);
	if (!begin(s, CALL_READ, COUNT_HISTORY, err))
		return false;
	int64_t last = s->change.n;
	at = last;
	if (cursor.len && !sv_to_i64(cursor, &at)) {
		err_set(err, ERR_CURSOR, "%s: history position %.*s", c->name, SV_ARG(cursor));
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	out->step = arena_array(a, struct history_step, (size_t)(last - at) + 1);
	for (int64_t i = at; i < last; i++) {
		const struct world_change *ch = &s->change.ptr[i];
		if (ch->unrecorded || !sv_eq(ch->object, sv_of(o->object)) ||
		    !sv_eq(ch->api, sv_of(f->api)))
			continue;
		out->step[out->n++] = (struct history_step){
			.record_id = arena_sv(a, ch->id),
			.step_id = arena_printf(a, "%010lld", (long long)(i + 1)),
			.at_ms = ch->at_ms,
			.value = world_read(&f->type, ch->after, a),
			.author = ch->author,
		};
	}
	out->cursor = arena_printf(a, "%lld", (long long)last);
	return end(s, err);
}

/* A request that names a field which is gone is refused as a whole. */
static bool names_dropped(struct scripted *s, const struct object_ref *o, struct err *err)
{
	for (int i = 0; i < o->field_n; i++)
		if (world_rules(s, RULE_DROP, sv_of(o->object), sv_of(o->field[i].api))) {
			err_set(err, ERR_REJECTED, "%s: no such column '%s' on %s",
				s->connector.name, o->field[i].api, o->object);
			pthread_mutex_unlock(&s->lock);
			return true;
		}
	return false;
}

/* What stood in the field when a lagging replica last heard. */
static struct sv replica_get(const struct scripted *s, const struct world_row *r, struct sv api,
			     int64_t heard_ms)
{
	for (int i = 0; i < s->change.n; i++) {
		const struct world_change *c = &s->change.ptr[i];
		if (c->at_ms > heard_ms && sv_eq(c->id, r->id) && sv_eq(c->object, r->object) &&
		    sv_eq(c->api, api))
			return c->before;
	}
	return world_get(r, api);
}

/* A present row of fetch as a lagging replica shows it. */
static void show_replica(struct scripted *s, const struct world_row *r, const struct object_ref *o,
			 struct arena *a, struct row *out)
{
	int64_t heard_ms = world_now(s) - s->lag_ms;
	if (r->modified_ms <= heard_ms)
		return;
	out->modified_ms = heard_ms;
	out->author = AUTHOR_UNKNOWN;
	for (int i = 0; i < o->field_n; i++)
		out->value[i] = world_read(&o->field[i].type,
					   replica_get(s, r, sv_of(o->field[i].api), heard_ms), a);
}

static void show_row(struct scripted *s, const struct world_row *r, const struct object_ref *o,
		     struct arena *a, struct row *out)
{
	bool author = s->connector.shape.can & CAN_AUTHOR;
	*out = (struct row){ .id = arena_sv(a, r->id), .existence = r->existence,
			     .merged_into = arena_sv(a, r->merged_into),
			     .modified_ms = r->modified_ms,
			     .author = author ? r->author : AUTHOR_UNKNOWN };
	out->value = arena_array(a, struct value, (size_t)o->field_n + 1);
	if (r->existence != EXISTENCE_PRESENT) {
		if (s->hide_deletes)
			*out = (struct row){ .id = out->id, .value = out->value };
		return;
	}
	for (int i = 0; i < o->field_n; i++) {
		struct sv api = sv_of(o->field[i].api);
		if (sv_eq(api, SV(FIELD_API_ID)))
			panic("%s: asked for " FIELD_API_ID, s->connector.name);
		if (!world_rules(s, RULE_CUT, r->object, api))
			out->value[i] = world_read(&o->field[i].type, world_get(r, api), a);
	}
}

static bool fetch(struct connector *c, const struct object_ref *o, const struct sv *id, int n,
		  struct arena *a, struct rows *out, struct err *err)
{
	struct scripted *s = of(c);
	if (n > c->shape.fetch_max)
		panic("%s: %d ids asked for, at most %d", c->name, n, c->shape.fetch_max);
	if (!begin(s, CALL_READ, COUNT_FETCH, err) || names_dropped(s, o, err))
		return false;
	fire(s, BEFORE_READ);
	*out = (struct rows){ .row = arena_array(a, struct row, (size_t)n + 1), .n = n };
	for (int i = 0; i < n; i++) {
		const struct world_row *r = world_row(s, sv_of(o->object), id[i]);
		if (r)
			show_row(s, r, o, a, &out->row[i]);
		if (r && s->lag_ms && r->existence == EXISTENCE_PRESENT)
			show_replica(s, r, o, a, &out->row[i]);
		if (!r)
			out->row[i] = (struct row){
				.id = arena_sv(a, id[i]),
				.value = arena_array(a, struct value, (size_t)o->field_n + 1),
			};
	}
	fire(s, AFTER_READ);
	return end(s, err);
}

/* The present row of the object with the smallest id above 'after'. */
static const struct world_row *row_after(struct scripted *s, struct sv object, struct sv after)
{
	const struct world_row *best = NULL;
	for (int i = 0; i < s->row.n; i++) {
		const struct world_row *r = &s->row.ptr[i];
		if (r->existence == EXISTENCE_PRESENT && sv_eq(r->object, object) &&
		    sv_cmp(r->id, after) > 0 && (!best || sv_cmp(r->id, best->id) < 0))
			best = r;
	}
	return best;
}

static bool list(struct connector *c, const struct object_ref *o, struct sv page, struct arena *a,
		 struct rows *out, struct err *err)
{
	struct scripted *s = of(c);
	if (!begin(s, CALL_READ, COUNT_LIST, err) || names_dropped(s, o, err))
		return false;
	int max = c->shape.list_max;
	const struct world_row *r = row_after(s, sv_of(o->object), page);
	*out = (struct rows){ .row = arena_array(a, struct row, (size_t)max + 1) };
	for (; r && out->n < max; r = row_after(s, r->object, r->id))
		show_row(s, r, o, a, &out->row[out->n++]);
	if (r && out->n)
		out->next = out->row[out->n - 1].id;
	if (s->listing_cut >= 0) { /* of the first page; there is no other */
		out->n = out->n < s->listing_cut ? out->n : s->listing_cut;
		out->next = SV_NONE;
	}
	return end(s, err);
}

/* The row of the object with the smallest id above 'after' that was touched
 * since; deleted ones are told unless they are hidden. */
static const struct world_row *touched_after(struct scripted *s, struct sv object, struct sv after,
					     int64_t since_ms)
{
	const struct world_row *best = NULL;
	for (int i = 0; i < s->row.n; i++) {
		const struct world_row *r = &s->row.ptr[i];
		if (r->modified_ms >= since_ms && sv_eq(r->object, object) &&
		    (r->existence == EXISTENCE_PRESENT || !s->hide_deletes) &&
		    sv_cmp(r->id, after) > 0 && (!best || sv_cmp(r->id, best->id) < 0))
			best = r;
	}
	return best;
}

static bool since(struct connector *c, const struct object_ref *o, int64_t since_ms,
		  struct sv page, struct arena *a, struct rows *out, struct err *err)
{
	struct scripted *s = of(c);
	if (!(c->shape.can & CAN_SINCE))
		panic("%s: asked for what it cannot tell", c->name);
	if (!begin(s, CALL_READ, COUNT_SINCE, err) || names_dropped(s, o, err))
		return false;
	if (s->remembers_ms && since_ms < world_now(s) - s->remembers_ms) {
		err_set(err, ERR_CURSOR, "%s: does not remember that long", c->name);
		pthread_mutex_unlock(&s->lock);
		return false;
	}
	int max = c->shape.list_max;
	const struct world_row *r = touched_after(s, sv_of(o->object), page, since_ms);
	*out = (struct rows){ .row = arena_array(a, struct row, (size_t)max + 1) };
	for (; r && out->n < max; r = touched_after(s, r->object, r->id, since_ms))
		show_row(s, r, o, a, &out->row[out->n++]);
	if (r && out->n)
		out->next = out->row[out->n - 1].id;
	return end(s, err);
}

static bool fits(const struct world_row *r, const struct write_field *by, int by_n,
		 struct arena *a)
{
	for (int i = 0; i < by_n; i++) {
		struct value v = world_read(&by[i].type, world_get(r, sv_of(by[i].api)), a);
		if (!value_eq(v, by[i].value))
			return false;
	}
	return true;
}

enum { FIND_MAX = 5 };

static bool find(struct connector *c, const struct object_ref *o, const struct write_field *by,
		 int by_n, struct arena *a, struct rows *out, struct err *err)
{
	struct scripted *s = of(c);
	struct field_ref *asked = arena_array(a, struct field_ref, (size_t)by_n + 1);
	for (int i = 0; i < by_n; i++)
		asked[i].api = by[i].api;
	const struct object_ref condition = { .object = o->object, .field = asked, .field_n = by_n };
	if (!begin(s, CALL_READ, COUNT_FIND, err) || names_dropped(s, o, err) ||
	    names_dropped(s, &condition, err))
		return false;
	*out = (struct rows){ .row = arena_array(a, struct row, FIND_MAX) };
	const struct world_row *r = row_after(s, sv_of(o->object), SV_NONE);
	for (; r && out->n < FIND_MAX; r = row_after(s, r->object, r->id))
		if (fits(r, by, by_n, a))
			show_row(s, r, o, a, &out->row[out->n++]);
	return end(s, err);
}

/* A write that will be executed after its sender gave up waiting. */
static void execute_late(struct scripted *s, const struct write *w, int64_t delay_ms)
{
	struct arena *a = &s->arena;
	struct world_late *l = list_push(&s->late);
	l->due_ms = clock_now(s->clock) + delay_ms;
	l->write = *w;
	l->write.id = arena_sv(a, w->id);
	l->write.key_value = arena_sv(a, w->key_value);
	l->write.unmodified_since_ms = 0;
	struct object_ref *o = arena_new(a, struct object_ref);
	*o = (struct object_ref){ .object = arena_str(a, sv_of(w->object->object)) };
	if (w->object->key)
		o->key = arena_str(a, sv_of(w->object->key));
	l->write.object = o;
	struct write_field *f = arena_array(a, struct write_field, (size_t)w->field_n + 1);
	for (int i = 0; i < w->field_n; i++) {
		f[i] = w->field[i];
		f[i].api = arena_str(a, sv_of(w->field[i].api));
		f[i].value = value_dup(w->field[i].value, a);
	}
	l->write.field = f;
}

static void lose(struct write *w)
{
	w->outcome = WRITE_LOST;
	w->new_id = SV_NONE;
	w->created = false;
	w->bad_field_n = 0;
	err_clear(&w->err);
	err_set(&w->err, ERR_LOST, "no answer");
}

static void answer(struct scripted *s, const struct world_fault *f, struct write *w, bool alone,
		   struct arena *a)
{
	if (f && f->fault == FAULT_BUSY) {
		w->outcome = WRITE_BUSY;
		err_set(&w->err, ERR_CONFLICT, "unable to obtain exclusive access to this record");
		return;
	}
	if (!f || f->fault == FAULT_LOST_DONE)
		world_write(s, w, alone, a);
	else if (f->fault == FAULT_LOST_LATE)
		execute_late(s, w, f->delay_ms);
	if (f)
		lose(w);
}

static void check_batch(const struct connector *c, const struct write *w, int n)
{
	if (n < 1 || n > c->shape.write_max)
		panic("%s: %d records written, at most %d", c->name, n, c->shape.write_max);
	for (int i = 1; i < n; i++)
		if (w[i].op != w[0].op || !sv_eq(sv_of(w[i].object->object),
						 sv_of(w[0].object->object)))
			panic("%s: a batch of two objects or two operations", c->name);
}

static bool write_batch(struct connector *c, struct write *w, int n, struct arena *a,
			struct err *err)
{
	struct scripted *s = of(c);
	check_batch(c, w, n);
	pthread_mutex_lock(&s->lock);
	bool ok = !dead(s, err);
	if (ok) {
		s->calls[COUNT_WRITE]++;
		s->connector.usage.calls++;
		world_catch_up(s);
		fire(s, BEFORE_WRITE);
		const struct world_fault *here = fault_of(s, CALL_WRITE);
		ok = !fault_refuses(s, here, err);
		/* a copy: hooks may add faults */
		struct world_fault f = here ? *here : (struct world_fault){ 0 };
		for (int i = 0; i < n && ok; i++) {
			err_clear(&w[i].err);
			answer(s, here ? &f : NULL, &w[i], n == 1, a);
		}
		if (ok)
			fire(s, AFTER_WRITE);
	}
	/* Executed, and the process dies before it hears of it. */
	if (ok)
		ok = !dead(s, err);
	pthread_mutex_unlock(&s->lock);
	return ok;
}

static void close_scripted(struct connector *c)
{
	scripted_destroy(of(c));
}

const struct connector_ops scripted_ops = {
	.identify = identify,
	.describe = describe,
	.changes = changes,
	.history = history,
	.fetch = fetch,
	.list = list,
	.since = since,
	.find = find,
	.write = write_batch,
	.close = close_scripted,
};

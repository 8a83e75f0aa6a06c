#include "systems/scripted/world.h"

#include "base/panic.h"

/* When what is there from the beginning was last touched: 2020-01-01. */
#define SEEDED_MS ((int64_t)1577836800000)

int64_t world_now(struct scripted *s)
{
	return clock_now(s->clock) + s->skew_ms;
}

struct world_row *world_row(struct scripted *s, struct sv object, struct sv id)
{
	for (int i = 0; i < s->row.n; i++) {
		struct world_row *r = &s->row.ptr[i];
		if (sv_eq(r->id, id) && sv_eq(r->object, object))
			return r;
	}
	return NULL;
}

struct sv world_get(const struct world_row *r, struct sv api)
{
	for (int i = 0; i < r->field.n; i++)
		if (sv_eq(r->field.ptr[i].api, api))
			return r->field.ptr[i].text;
	return SV_NONE;
}

struct world_created *world_tally(struct scripted *s, struct sv object)
{
	for (int i = 0; i < s->created.n; i++)
		if (sv_eq(s->created.ptr[i].object, object))
			return &s->created.ptr[i];
	struct world_created *c = list_push(&s->created);
	c->object = arena_sv(&s->arena, object);
	return c;
}

void world_say(struct scripted *s, struct sv object, struct sv id, enum author author)
{
	int touched = s->touched.n;
	s->touched.n = 0;
	if (s->feed & FEED_SILENT)
		return;
	struct world_event *e = list_push(&s->event);
	e->object = arena_sv(&s->arena, object);
	e->id = arena_sv(&s->arena, id);
	e->author = s->feed & FEED_NO_AUTHOR ? AUTHOR_UNKNOWN : author;
	e->at_ms = world_now(s);
	e->visible_ms = clock_now(s->clock) + s->feed_delay_ms;
	if (touched && !(s->feed & FEED_NO_FIELDS)) {
		e->field = arena_array(&s->arena, const char *, (size_t)touched);
		memcpy(e->field, s->touched.ptr, sizeof(*e->field) * (size_t)touched);
		e->field_n = touched;
	}
}

static enum author author_of(enum scripted_writer w)
{
	return w == WRITER_ENGINE || w == WRITER_AUTOMATION ? AUTHOR_OWN : AUTHOR_FOREIGN;
}

static void put_field(struct scripted *s, struct world_row *r, const struct scripted_set *set,
		      enum scripted_writer writer)
{
	struct world_field *f = NULL;
	for (int i = 0; i < r->field.n && !f; i++)
		if (sv_eq(r->field.ptr[i].api, set->api))
			f = &r->field.ptr[i];
	if (!f) {
		f = list_push(&r->field);
		f->api = arena_sv(&s->arena, set->api);
	}
	struct sv before = f->text;
	f->text = arena_sv(&s->arena, set->text);
	if (sv_eq(before, f->text))
		return;
	*list_push(&s->touched) = arena_str(&s->arena, f->api);
	struct world_change *c = list_push(&s->change);
	*c = (struct world_change){
		.object = r->object, .id = r->id, .api = f->api, .before = before,
		.after = f->text, .at_ms = writer == WRITER_SEED ? 0 : world_now(s), .author = author_of(writer),
		.unrecorded = writer == WRITER_SEED || s->history_silent,
	};
}

void world_put(struct scripted *s, struct sv object, struct sv id, const struct scripted_set *set,
	       int n, enum scripted_writer writer)
{
	struct world_row *r = world_row(s, object, id);
	if (!r) {
		r = list_push(&s->row);
		r->object = arena_sv(&s->arena, object);
		r->id = arena_sv(&s->arena, id);
		r->existence = EXISTENCE_PRESENT;
	}
	r->modified_ms = writer == WRITER_SEED ? SEEDED_MS : world_now(s);
	r->author = author_of(writer);
	for (int i = 0; i < n; i++)
		put_field(s, r, &set[i], writer);
}

struct sv world_spell(struct value v, struct arena *a)
{
	if (v.kind == VALUE_NULL)
		return SV_NONE;
	if (v.kind != VALUE_SET)
		return arena_sv(a, v.text);
	struct buf b;
	buf_init(&b, v.text.len + 1);
	struct sv rest = v.text, member;
	while (value_set_next(&rest, &member)) {
		if (b.len)
			buf_addc(&b, ';');
		buf_add(&b, member);
	}
	struct sv text = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	return text;
}

struct value world_read(const struct value_type *type, struct sv text, struct arena *a)
{
	struct value v = { 0 };
	struct err ignored = { 0 };
	if (!text.len)
		return value_null();
	if (type->kind == TYPE_LINK)
		return (struct value){ VALUE_REF, arena_sv(a, text) };
	/* What does not fit the type cannot be read: unknown. */
	value_from_text(type, text, a, &v, &ignored);
	return v;
}

bool world_rules(const struct scripted *s, int kind, struct sv object, struct sv api)
{
	for (int i = 0; i < s->rule.n; i++)
		if ((int)s->rule.ptr[i].kind == kind && sv_eq(s->rule.ptr[i].object, object) &&
		    sv_eq(s->rule.ptr[i].api, api))
			return true;
	return false;
}

/* The first rule that refuses a field of this write; NULL when none does. */
static const struct world_rule *refusal(struct scripted *s, const struct write *w,
					const struct write_field *f, struct arena *a)
{
	for (int i = 0; i < s->rule.n; i++) {
		const struct world_rule *r = &s->rule.ptr[i];
		if (r->kind == RULE_REJECT && sv_eq(r->object, sv_of(w->object->object)) &&
		    sv_eq(r->api, sv_of(f->api)) &&
		    (!r->text.ptr || sv_eq(r->text, world_spell(f->value, a))))
			return r;
	}
	return NULL;
}

static bool refused(struct scripted *s, struct write *w, struct arena *a)
{
	w->bad_field = arena_array(a, const char *, (size_t)w->field_n + 1);
	for (int i = 0; i < w->field_n; i++) {
		struct sv api = sv_of(w->field[i].api);
		if (world_rules(s, RULE_DROP, sv_of(w->object->object), api)) {
			w->outcome = WRITE_REJECTED;
			err_set(&w->err, ERR_REJECTED, "no such column '%s'", w->field[i].api);
			w->bad_field[w->bad_field_n++] = arena_str(a, api);
			continue;
		}
		const struct world_rule *r = refusal(s, w, &w->field[i], a);
		if (!r)
			continue;
		w->outcome = WRITE_REJECTED;
		err_set(&w->err, ERR_REJECTED, "%.*s", SV_ARG(r->message));
		if (!r->nameless)
			w->bad_field[w->bad_field_n++] = arena_str(a, sv_of(w->field[i].api));
	}
	return w->outcome == WRITE_REJECTED;
}

/* What is stored of a field: cut to its length, in silence, where one is set. */
static struct sv stored(struct scripted *s, struct sv object, struct sv api, struct sv text)
{
	for (int i = 0; i < s->rule.n; i++) {
		const struct world_rule *r = &s->rule.ptr[i];
		if (r->kind == RULE_TRIM && sv_eq(r->object, object) && sv_eq(r->api, api) &&
		    text.len > (size_t)r->max_bytes)
			text.len = (size_t)r->max_bytes;
	}
	return text;
}

static struct sv upper(struct sv text, struct arena *a)
{
	char *p = arena_str(a, text);
	for (size_t i = 0; i < text.len; i++)
		if (p[i] >= 'a' && p[i] <= 'z')
			p[i] -= 'a' - 'A';
	return sv_make(p, text.len);
}

static void automate(struct scripted *s, struct sv object, struct sv id,
		     const struct scripted_set *set, int n, struct arena *a)
{
	for (int i = 0; i < s->rule.n; i++) {
		const struct world_rule r = s->rule.ptr[i];
		if (r.kind != RULE_AUTOMATE || !sv_eq(r.object, object))
			continue;
		for (int k = 0; k < n; k++) {
			if (!sv_eq(set[k].api, r.api))
				continue;
			struct sv text = r.text.ptr ? r.text : upper(set[k].text, a);
			struct world_row *row = world_row(s, object, id);
			put_field(s, row, &(struct scripted_set){ r.set, text },
				  WRITER_AUTOMATION);
		}
	}
}

static void store_write(struct scripted *s, struct write *w, struct sv id, struct arena *a)
{
	struct sv object = sv_of(w->object->object);
	struct scripted_set *set = arena_array(a, struct scripted_set, (size_t)w->field_n + 1);
	int n = 0;
	for (int i = 0; i < w->field_n; i++) {
		if (w->field[i].value.kind == VALUE_UNKNOWN)
			panic("%s: unknown value written to %s", s->connector.name,
			      w->field[i].api);
		struct sv api = sv_of(w->field[i].api);
		set[n++] = (struct scripted_set){
			api, stored(s, object, api, world_spell(w->field[i].value, a)),
		};
	}
	if (w->op == WRITE_UPSERT)
		set[n++] = (struct scripted_set){ sv_of(w->object->key), w->key_value };
	world_put(s, object, id, set, n, WRITER_ENGINE);
	automate(s, object, id, set, n, a);
	world_say(s, object, id, AUTHOR_OWN);
	world_tally(s, object)->written++;
	w->outcome = WRITE_DONE;
}

static void create(struct scripted *s, struct write *w, struct arena *a)
{
	struct world_created *c = world_tally(s, sv_of(w->object->object));
	c->n++;
	w->new_id = arena_printf(a, "new%lld", (long long)c->n);
	w->created = true;
	store_write(s, w, w->new_id, a);
}

static void update(struct scripted *s, struct write *w, bool alone, struct arena *a)
{
	const struct world_row *r = world_row(s, sv_of(w->object->object), w->id);
	if (!r || r->existence != EXISTENCE_PRESENT) {
		w->outcome = WRITE_GONE;
		err_set(&w->err, ERR_NOT_FOUND, "entity is deleted");
	} else if (alone && w->unmodified_since_ms &&
		   (s->connector.shape.can & CAN_CONDITION) &&
		   r->modified_ms > w->unmodified_since_ms) {
		w->outcome = WRITE_OVERTAKEN;
	} else {
		store_write(s, w, w->id, a);
	}
}

static void upsert(struct scripted *s, struct write *w, struct arena *a)
{
	if (!(s->connector.shape.can & CAN_UPSERT) || !w->object->key || !w->key_value.len)
		panic("%s: upsert of %s without a key", s->connector.name, w->object->object);
	struct sv id = SV_NONE, object = sv_of(w->object->object);
	int fits = 0;
	for (int i = 0; i < s->row.n; i++) {
		const struct world_row *r = &s->row.ptr[i];
		if (r->existence == EXISTENCE_PRESENT && sv_eq(r->object, object) &&
		    sv_eq(world_get(r, sv_of(w->object->key)), w->key_value)) {
			id = r->id;
			fits++;
		}
	}
	if (fits > 1) {
		w->outcome = WRITE_AMBIGUOUS;
		err_set(&w->err, ERR_REJECTED, "the key fits %d records", fits);
	} else if (fits) {
		w->new_id = id;
		store_write(s, w, id, a);
	} else {
		create(s, w, a);
	}
}

void world_write(struct scripted *s, struct write *w, bool alone, struct arena *a)
{
	w->bad_field_n = 0;
	w->created = false;
	if (refused(s, w, a))
		return;
	switch (w->op) {
	case WRITE_CREATE:
		create(s, w, a);
		break;
	case WRITE_UPDATE:
		update(s, w, alone, a);
		break;
	case WRITE_UPSERT:
		upsert(s, w, a);
		break;
	}
}

void world_catch_up(struct scripted *s)
{
	for (int i = 0; i < s->late.n; i++) {
		struct world_late *l = &s->late.ptr[i];
		if (l->done || clock_now(s->clock) < l->due_ms)
			continue;
		l->done = true;
		world_write(s, &l->write, false, &s->arena);
	}
}

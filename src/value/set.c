#include "base/panic.h"
#include "value/canon.h"

bool set_add(struct set_builder *b, struct sv member, struct err *err)
{
	member = sv_trim(member);
	if (member.len == 0)
		return true;
	if (memchr(member.ptr, '\n', member.len))
		return value_refuse(err, member, "has a line break, which a set's member cannot");
	if (b->n == b->cap) {
		struct sv *old = b->member;
		b->cap = b->cap ? b->cap * 2 : 16;
		b->member = arena_array(b->arena, struct sv, (size_t)b->cap);
		if (b->n)
			memcpy(b->member, old, sizeof(*old) * (size_t)b->n);
	}
	b->member[b->n++] = member;
	return true;
}

void set_add_split(struct set_builder *b, struct sv text, char separator)
{
	struct sv member, line;
	for (bool more = true; more;) {
		more = sv_cut(text, separator, &member, &text);
		/* a line break separates as well: no member can hold one */
		for (bool lines = true; lines;) {
			lines = sv_cut(member, '\n', &line, &member);
			set_add(b, line, NULL);
		}
	}
}

static int by_bytes(const void *a, const void *b)
{
	return sv_cmp(*(const struct sv *)a, *(const struct sv *)b);
}

struct value set_finish(struct set_builder *b)
{
	size_t len = 0, n = 0;
	if (b->n == 0)
		return value_null();
	qsort(b->member, (size_t)b->n, sizeof(*b->member), by_bytes);
	for (int i = 0; i < b->n; i++)
		len += b->member[i].len + 1;
	char *out = arena_alloc(b->arena, len);
	for (int i = 0; i < b->n; i++) {
		struct sv m = b->member[i];
		if (i && sv_eq(m, b->member[i - 1]))
			continue;
		memcpy(out + n, m.ptr, m.len);
		n += m.len;
		out[n++] = '\n';
	}
	return (struct value){ VALUE_SET, sv_make(out, n) };
}

bool value_set_next(struct sv *rest, struct sv *member)
{
	if (rest->len == 0)
		return false;
	if (!sv_cut(*rest, '\n', member, rest))
		panic("a set's last member has no line end");
	return true;
}

/* A place in one of the three sorted lists. */
struct walk {
	struct sv rest, now;
	bool live;
};

static struct walk walk_start(struct value v)
{
	if (v.kind != VALUE_SET && v.kind != VALUE_NULL)
		panic("set merge of a value of kind %s", value_kind_name(v.kind));
	struct walk w = { .rest = v.text };
	w.live = value_set_next(&w.rest, &w.now);
	return w;
}

/* Does the list hold 'm', the least member of all lists? Then step over it. */
static bool walk_has(struct walk *w, struct sv m)
{
	if (!w->live || !sv_eq(w->now, m))
		return false;
	w->live = value_set_next(&w->rest, &w->now);
	return true;
}

struct value value_set_merge(struct value base, struct value a, struct value b,
			     struct arena *arena)
{
	struct walk w[3] = { walk_start(base), walk_start(a), walk_start(b) };
	size_t n = 0;
	char *out = arena_alloc(arena, base.text.len + a.text.len + b.text.len + 1);
	for (;;) {
		const struct sv *least = NULL;
		for (int i = 0; i < 3; i++)
			if (w[i].live && (!least || sv_cmp(w[i].now, *least) < 0))
				least = &w[i].now;
		if (!least)
			break;
		struct sv m = *least;
		bool was = walk_has(&w[0], m), in_a = walk_has(&w[1], m), in_b = walk_has(&w[2], m);
		/* what was there stays unless a side removed it; what was not
		 * comes in when a side added it */
		if (was ? in_a && in_b : in_a || in_b) {
			memcpy(out + n, m.ptr, m.len);
			n += m.len;
			out[n++] = '\n';
		}
	}
	return n ? (struct value){ VALUE_SET, sv_make(out, n) } : value_null();
}

#include "systems/rest/template.h"

#include <ctype.h>

#include "base/panic.h"

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static void add_part(struct template *t, struct sv text, bool is_name)
{
	if (text.len)
		t->part[t->n++] = (struct template_part){ text, is_name };
}

bool template_parse(struct sv s, struct arena *a, struct template *out, size_t *bad)
{
	size_t from = 0, i = 0;
	/* A part ends at a brace, so there are at most so many. */
	size_t max = 1;
	for (size_t k = 0; k < s.len; k++)
		max += s.ptr[k] == '{' || s.ptr[k] == '}';
	*out = (struct template){ .part = arena_array(a, struct template_part, max) };
	while (i < s.len) {
		char c = s.ptr[i];
		if (c != '{' && c != '}') {
			i++;
			continue;
		}
		if (i + 1 < s.len && s.ptr[i + 1] == c) {
			add_part(out, sv_make(s.ptr + from, i + 1 - from), false);
			from = i += 2;
			continue;
		}
		size_t end = i + 1;
		while (end < s.len && name_char(s.ptr[end]))
			end++;
		if (c == '}' || end == i + 1 || end == s.len || s.ptr[end] != '}') {
			*bad = i;
			return false;
		}
		add_part(out, sv_make(s.ptr + from, i - from), false);
		add_part(out, sv_make(s.ptr + i + 1, end - i - 1), true);
		from = i = end + 1;
	}
	add_part(out, sv_make(s.ptr + from, s.len - from), false);
	return true;
}

const struct sv *vars_get(const struct vars *v, struct sv name)
{
	for (; v; v = v->outer)
		for (int i = 0; i < v->n; i++)
			if (sv_eq(sv_of(v->var[i].name), name))
				return &v->var[i].value;
	return NULL;
}

static void add_path(struct buf *out, struct sv s)
{
	struct sv item;
	bool more = true;
	while (more) {
		more = sv_cut(s, ',', &item, &s);
		buf_add_url(out, item);
		if (more)
			buf_addc(out, ',');
	}
}

void template_add(struct buf *out, const struct template *t, const struct vars *v,
		  enum template_place place)
{
	for (int i = 0; i < t->n; i++) {
		struct sv text = t->part[i].text;
		bool is_name = t->part[i].is_name;
		if (is_name) {
			const struct sv *value = vars_get(v, text);
			if (!value)
				panic("template: no value for {%.*s}", SV_ARG(text));
			text = *value;
		}
		if (place == TEMPLATE_URL_VALUE)
			buf_add_url(out, text);
		else if (place == TEMPLATE_URL && is_name && i > 0)
			add_path(out, text);
		else
			buf_add(out, text);
	}
}

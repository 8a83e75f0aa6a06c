#include "systems/rest/take.h"

#include <ctype.h>

#include "base/panic.h"
#include "net/http_client.h"

enum { PATH_STEP_MAX = 64 };

static void complain(const struct doc_at *at, const char *why)
{
	complaints_add(at->doc->complaints, at->value->place, "%s: %s",
		       doc_quote(at->doc, at->value->text), why);
}

void take_identifier(const struct doc_at *at, void *member)
{
	if (doc_is_name(sv_of(at->value->text)))
		*(const char **)member = at->value->text;
	else
		complain(at, "a name has letters, digits and '_', a letter first");
}

void take_url(const struct doc_at *at, void *member)
{
	struct err err = { 0 };
	if (http_url_allowed(sv_of(at->value->text), &err))
		*(const char **)member = at->value->text;
	else
		complain(at, err.what);
}

void take_template(const struct doc_at *at, void *member)
{
	struct template *t = member;
	size_t bad;
	if (!template_parse(sv_of(at->value->text), at->doc->arena, t, &bad))
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: no {name} at character %zu; a brace itself is written twice",
			       doc_quote(at->doc, at->value->text), bad + 1);
	t->place = at->value->place;
}

/* Steps of letters, digits, '_' and '$', or '*' where 'star' allows it. */
static bool is_path(const char *text, bool star)
{
	size_t step = 0;
	for (const char *p = text;; p++) {
		if (*p == '.' || !*p) {
			if (step == 0 || step > PATH_STEP_MAX)
				return false;
			if (!*p)
				return true;
			step = 0;
		} else if (isalnum((unsigned char)*p) || strchr("_$-", *p) || (star && *p == '*')) {
			step++;
		} else {
			return false;
		}
	}
}

void take_path(const struct doc_at *at, void *member)
{
	if (is_path(at->value->text, false))
		*(const char **)member = at->value->text;
	else
		complain(at, "a path is names or places joined by dots: data.0.id");
}

void take_star_path(const struct doc_at *at, void *member)
{
	if (is_path(at->value->text, true))
		*(const char **)member = at->value->text;
	else
		complain(at, "a path is names, places or '*' joined by dots: errors.*.field");
}

/* 404, 500..599, or a list of them. */
void take_statuses(const struct doc_at *at, void *member)
{
	struct rest_statuses *s = member;
	bool list = at->value->kind == YAML_LIST;
	int n = list ? at->value->n : 1;
	s->range = arena_array(at->doc->arena, struct rest_range, (size_t)n);
	for (int i = 0; i < n; i++) {
		const struct yaml_node *node = list ? at->value->item[i] : at->value;
		struct sv from, to;
		int64_t a = 0, b = 0;
		if (!doc_expect(at->doc, node, YAML_SCALAR, at->key->name, node->place))
			continue;
		if (!sv_cut(sv_of(node->text), '.', &from, &to))
			to = from;
		else
			to = sv_starts(to, SV(".")) ? sv_make(to.ptr + 1, to.len - 1) : SV_NONE;
		if (sv_to_i64(from, &a) && sv_to_i64(to, &b) && a >= 100 && a <= b && b <= 599)
			s->range[s->n++] = (struct rest_range){ (int)a, (int)b };
		else
			complaints_add(at->doc->complaints, node->place,
				       "%s: '%s' is a status such as 404, or 500..599",
				       doc_quote(at->doc, node->text), at->key->name);
	}
}

/* 'body.a.b' or 'location.code'. */
static bool take_source(const struct doc_at *at, struct rest_take *out)
{
	struct sv kind, path;
	sv_cut(sv_of(at->value->text), '.', &kind, &path);
	out->source = sv_eq(kind, SV("location")) ? FROM_LOCATION : FROM_BODY;
	out->path = path.ptr;
	if (path.len && is_path(path.ptr, false) &&
	    (sv_eq(kind, SV("location")) || sv_eq(kind, SV("body"))))
		return true;
	complain(at, "taken is 'body.PATH' of the JSON or 'location.PARAMETER' of the redirect");
	return false;
}

/* '30s..5m', or one for both. */
void take_span(const struct doc_at *at, void *member)
{
	int64_t *span = member; /* min, then max */
	struct sv text = sv_of(at->value->text), from = text, to = text;
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.ptr[i] == '.' && text.ptr[i + 1] == '.') {
			from = sv_make(text.ptr, i);
			to = sv_make(text.ptr + i + 2, text.len - i - 2);
			break;
		}
	if (!duration_parse(from, &span[0]) || !duration_parse(to, &span[1]) || span[0] < 1000 ||
	    span[1] < span[0])
		complain(at, "a span is like 30s..5m, from 1s on");
}

/* A word or a list of words, as bits. */
void take_bits(const struct doc_at *at, void *member)
{
	bool list = at->value->kind == YAML_LIST;
	unsigned bits = 0;
	for (int i = 0; i < (list ? at->value->n : 1); i++) {
		struct doc_at one = *at;
		int value = 0;
		one.value = list ? at->value->item[i] : at->value;
		if (!doc_expect(at->doc, one.value, YAML_SCALAR, at->key->name, one.value->place))
			continue;
		take_word(&one, &value);
		bits |= (unsigned)value;
	}
	*(unsigned *)member = bits;
}

/* A mapping with the author's own names, whatever they are made of. Returns
 * its pairs but the doubled ones. */
static int own_names(const struct doc_at *at, const struct yaml_pair ***out)
{
	const struct yaml_node *map = at->value;
	const struct yaml_pair **list = arena_array(at->doc->arena, const struct yaml_pair *,
						    (size_t)map->n);
	int n = 0;
	for (int i = 0; i < map->n; i++) {
		const struct yaml_pair *p = &map->pair[i];
		if (p->again)
			complaints_add(at->doc->complaints, p->place, "%s: a second time",
				       doc_quote(at->doc, p->key));
		else if (doc_expect(at->doc, p->value, YAML_SCALAR, p->key, p->place))
			list[n++] = p;
	}
	*out = list;
	return n;
}

struct pairs {
	struct rest_pair *pair;
	int n;
};

static struct pairs templates(const struct doc_at *at)
{
	const struct yaml_pair **list;
	struct pairs out = { .n = own_names(at, &list) };
	out.pair = arena_array(at->doc->arena, struct rest_pair, (size_t)out.n);
	for (int i = 0; i < out.n; i++) {
		struct doc_at one = { at->doc, at->key, list[i]->value, list[i]->place };
		out.pair[i].name = list[i]->key;
		take_template(&one, &out.pair[i].value);
	}
	return out;
}

void take_query(const struct doc_at *at, void *member)
{
	struct rest_request *q = member;
	struct pairs p = templates(at);
	q->query = p.pair, q->query_n = p.n;
}

void take_json(const struct doc_at *at, void *member)
{
	struct rest_request *q = member;
	struct pairs p = templates(at);
	q->json = p.pair, q->json_n = p.n;
}

void take_form(const struct doc_at *at, void *member)
{
	struct rest_step *step = member;
	struct pairs p = templates(at);
	step->form = p.pair, step->form_n = p.n;
}

void take_headers(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	struct pairs p = templates(at);
	d->session.header = p.pair, d->session.header_n = p.n;
}

void take_method(const struct doc_at *at, void *member)
{
	static const struct {
		const char *key, *method;
	} methods[] = { { "get", "GET" }, { "post", "POST" }, { "put", "PUT" } };
	struct rest_request *q = member;
	if (q->method) {
		complaints_add(at->doc->complaints, at->place,
			       "'%s': a request has one method, and this one is a %s already",
			       at->key->name, q->method);
		return;
	}
	for (size_t i = 0; i < countof(methods); i++)
		if (strcmp(methods[i].key, at->key->name) == 0)
			q->method = methods[i].method;
	take_template(at, &q->url);
}

static void need_method(const struct doc_at *at, const struct rest_request *q)
{
	if (!q->method)
		complaints_add(at->doc->complaints, at->place,
			       "'%s': no request without a method: %s, or %s", at->key->name,
			       at->key->level->key[0].name, at->key->level->key[1].name);
}

/* The level's mapping, and in it a request, which must have a method. */
void take_request(const struct doc_at *at, void *member)
{
	take_level(at, member);
	need_method(at, member);
}

void take_create(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	take_level(at, member);
	need_method(at, &d->create);
}

void take_update(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	take_level(at, member);
	need_method(at, &d->update);
}

void take_rows(const struct doc_at *at, void *member)
{
	const struct rest_description *d = at->doc->whole;
	take_level(at, member);
	if (d->rows.to_many && !d->rows.total)
		complaints_add(at->doc->complaints, at->place,
			       "'rows': 'to_many' without 'total': a list that is cut short would "
			       "not be seen");
}

void take_required(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	struct rest_setting *s = arena_array(at->doc->arena, struct rest_setting,
					     (size_t)(d->setting_n + at->value->n));
	if (d->setting_n)
		memcpy(s, d->setting, sizeof(*s) * (size_t)d->setting_n);
	d->setting = s;
	for (int i = 0; i < at->value->n; i++) {
		struct doc_at one = { at->doc, at->key, at->value->item[i],
				      at->value->item[i]->place };
		const char *name = NULL;
		if (doc_expect(at->doc, one.value, YAML_SCALAR, at->key->name, one.place))
			take_identifier(&one, &name);
		if (name)
			s[d->setting_n++] = (struct rest_setting){ name, NULL, one.place };
	}
}

void take_optional(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	const struct yaml_pair **list;
	int n = own_names(at, &list);
	struct rest_setting *s = arena_array(at->doc->arena, struct rest_setting,
					     (size_t)(d->setting_n + n));
	if (d->setting_n)
		memcpy(s, d->setting, sizeof(*s) * (size_t)d->setting_n);
	d->setting = s;
	for (int i = 0; i < n; i++)
		s[d->setting_n++] = (struct rest_setting){ list[i]->key, list[i]->value->text,
							   list[i]->place };
}

void take_texts(const struct doc_at *at, void *member)
{
	struct rest_texts *t = member;
	t->text = arena_array(at->doc->arena, const char *, (size_t)at->value->n);
	for (int i = 0; i < at->value->n; i++) {
		const struct yaml_node *item = at->value->item[i];
		if (doc_expect(at->doc, item, YAML_SCALAR, at->key->name, item->place))
			t->text[t->n++] = item->text;
	}
}

void take_composites(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	struct rest_texts t = { 0 };
	take_texts(at, &t);
	d->changes.composite = t.text;
	d->changes.composite_n = t.n;
}

void take_takes(const struct doc_at *at, void *member)
{
	struct rest_step *step = member;
	const struct yaml_pair **list = arena_array(at->doc->arena, const struct yaml_pair *,
						    (size_t)at->value->n);
	int n = doc_names(at->doc, at->value, "value", NULL, list);
	step->take = arena_array(at->doc->arena, struct rest_take, (size_t)n);
	for (int i = 0; i < n; i++) {
		struct doc_at one = { at->doc, at->key, list[i]->value, list[i]->place };
		struct rest_take *t = &step->take[step->take_n];
		t->name = list[i]->key;
		if (doc_expect(at->doc, one.value, YAML_SCALAR, t->name, one.place) &&
		    take_source(&one, t))
			step->take_n++;
	}
}

static void take_tests(const struct doc_at *at, struct rest_body_test **test, int *test_n)
{
	const struct yaml_pair **list;
	int n = own_names(at, &list);
	*test = arena_array(at->doc->arena, struct rest_body_test, (size_t)n);
	for (int i = 0; i < n; i++) {
		if (!is_path(list[i]->key, false))
			complaints_add(at->doc->complaints, list[i]->place, "%s: not a path",
				       doc_quote(at->doc, list[i]->key));
		else
			(*test)[(*test_n)++] =
				(struct rest_body_test){ list[i]->key, list[i]->value->text };
	}
}

void take_body_tests(const struct doc_at *at, void *member)
{
	struct rest_error_class *c = member;
	take_tests(at, &c->body, &c->body_n);
}

void take_when(const struct doc_at *at, void *member)
{
	struct rest_type_rule *rule = member;
	take_tests(at, &rule->when, &rule->when_n);
}

/* One element of a list of mappings. */
static void walk_item(const struct doc_at *at, int i, void *into)
{
	const struct yaml_node *item = at->value->item[i];
	if (doc_expect(at->doc, item, YAML_MAP, at->key->name, item->place))
		doc_walk(at->doc, at->key->level, item, item->place, into);
}

void take_steps(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	d->login.step = arena_array(at->doc->arena, struct rest_step, (size_t)at->value->n);
	d->login.step_n = at->value->n;
	d->login.place = at->place;
	for (int i = 0; i < at->value->n; i++) {
		struct rest_step *s = &d->login.step[i];
		s->place = at->value->item[i]->place;
		s->tries = 1;
		walk_item(at, i, s);
		if (!s->expect.n) {
			s->expect = (struct rest_statuses){
				arena_new(at->doc->arena, struct rest_range), 1
			};
			s->expect.range[0] = (struct rest_range){ 200, 200 };
		}
	}
}

void take_classes(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	d->errors.class = arena_array(at->doc->arena, struct rest_error_class,
				      (size_t)at->value->n);
	d->errors.class_n = at->value->n;
	for (int i = 0; i < at->value->n; i++) {
		d->errors.class[i].on = ON_ALL;
		d->errors.class[i].place = at->value->item[i]->place;
		walk_item(at, i, &d->errors.class[i]);
	}
}

void take_kinds(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	d->describe.rule = arena_array(at->doc->arena, struct rest_type_rule,
				       (size_t)at->value->n);
	d->describe.rule_n = at->value->n;
	for (int i = 0; i < at->value->n; i++)
		walk_item(at, i, &d->describe.rule[i]);
}

void take_webhook(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	d->webhook.place = at->place;
	take_level(at, d);
}

void take_marks(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	d->webhook.mark = arena_array(at->doc->arena, struct rest_webhook_mark,
				      (size_t)at->value->n);
	d->webhook.mark_n = at->value->n;
	for (int i = 0; i < at->value->n; i++) {
		d->webhook.mark[i].place = at->value->item[i]->place;
		walk_item(at, i, &d->webhook.mark[i]);
	}
}

void take_objects(const struct doc_at *at, void *member)
{
	struct rest_description *d = at->doc->whole;
	const struct yaml_pair **list = arena_array(at->doc->arena, const struct yaml_pair *,
						    (size_t)at->value->n);
	int n = doc_names(at->doc, at->value, "object", NULL, list);
	d->object = arena_array(at->doc->arena, struct rest_object, (size_t)n);
	for (int i = 0; i < n; i++) {
		struct rest_object *o = &d->object[d->object_n++];
		*o = (struct rest_object){ .name = list[i]->key, .place = list[i]->place };
		if (doc_expect(at->doc, list[i]->value, YAML_MAP, o->name, list[i]->place))
			doc_walk(at->doc, at->key->level->key[0].level, list[i]->value, list[i]->place, o);
	}
}

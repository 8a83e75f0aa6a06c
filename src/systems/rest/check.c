/* What the tables of the language cannot see, because it takes more than one
 * key to judge. */
#include "systems/rest/description.h"

enum { NAMES_MAX = 60, TRIES_MAX = 5 };

/* The names that a template may use where it stands. */
struct names {
	const char *name[NAMES_MAX];
	int n;
};

static void add_name(struct names *names, const char *name)
{
	for (int i = 0; i < names->n; i++)
		if (strcmp(names->name[i], name) == 0)
			return;
	if (names->n < NAMES_MAX)
		names->name[names->n++] = name;
}

static bool has_name(const struct names *names, struct sv name)
{
	for (int i = 0; i < names->n; i++)
		if (sv_eq(sv_of(names->name[i]), name))
			return true;
	return false;
}

static void check_template(struct doc *doc, const struct template *t, const struct names *names)
{
	for (int i = 0; i < t->n; i++) {
		struct sv name = t->part[i].text;
		if (!t->part[i].is_name || has_name(names, name))
			continue;
		const char *text = arena_str(doc->arena, name);
		struct sv list = SV("nothing");
		for (int k = 0; k < names->n; k++)
			list = arena_printf(doc->arena, "%.*s%s{%s}", k ? (int)list.len : 0,
					    list.ptr, k ? " " : "", names->name[k]);
		const char *near = doc_suggest(doc, text, names->name, names->n);
		complaints_add(doc->complaints, t->place, "{%s}: not known here%s; there is %.*s",
			       text, near, SV_ARG(list));
	}
}

static void check_pairs(struct doc *doc, const struct rest_pair *pair, int n,
			const struct names *names)
{
	for (int i = 0; i < n; i++)
		check_template(doc, &pair[i].value, names);
}

static void check_request(struct doc *doc, const struct rest_request *q, const struct names *names)
{
	if (!q->method)
		return;
	check_template(doc, &q->url, names);
	check_pairs(doc, q->query, q->query_n, names);
	check_pairs(doc, q->json, q->json_n, names);
}

static void check_requests(struct doc *doc, const struct rest_description *d)
{
	static const struct names none = { .n = 0 };
	static const struct names fetch = { { "object", "ids", "fields" }, 3 };
	static const struct names query = { { "object", "where", "fields", "order", "count" }, 5 };
	static const struct names write = { { "object", "id" }, 2 };
	static const struct names feed = { { "subscription", "objects", "count", "position" }, 4 };
	static const struct names history = { { "history" }, 1 };
	static const struct names object = { { "object" }, 1 };
	check_request(doc, &d->session.user, &none);
	check_request(doc, &d->fetch.request, &fetch);
	check_request(doc, &d->query.brief, &query);
	check_request(doc, &d->query.longer, &query);
	check_request(doc, &d->create, &object);
	check_request(doc, &d->update, &write);
	check_request(doc, &d->changes.ensure, &feed);
	check_request(doc, &d->changes.next, &feed);
	check_request(doc, &d->changes.again, &feed);
	check_request(doc, &d->changes.last, &feed);
	check_template(doc, &d->history.object, &history);
	check_request(doc, &d->describe.request, &object);
}

/* ---- the login ---- */

static void settings_names(struct doc *doc, const struct rest_description *d, struct names *names)
{
	for (int i = 0; i < d->setting_n; i++) {
		const char *name = arena_printf(doc->arena, "login.%s", d->setting[i].name).ptr;
		if (has_name(names, sv_of(name)))
			complaints_add(doc->complaints, d->setting[i].place,
				       "setting '%s': a second time", d->setting[i].name);
		add_name(names, name);
	}
}

/* One kind of login, step by step: each may use what those before it took. A
 * name that only the other kind takes is missing in this one. */
static void check_steps(struct doc *doc, const struct rest_description *d, enum rest_when when,
			struct names *names)
{
	for (int i = 0; i < d->login.step_n; i++) {
		const struct rest_step *s = &d->login.step[i];
		if (s->when != WHEN_ALWAYS && s->when != when)
			continue;
		check_request(doc, &s->request, names);
		check_template(doc, &s->basic_user, names);
		check_template(doc, &s->basic_password, names);
		check_pairs(doc, s->form, s->form_n, names);
		for (int k = 0; k < s->take_n; k++)
			add_name(names, s->take[k].name);
	}
	check_template(doc, &d->session.base, names);
	check_template(doc, &d->session.organisation, names);
	check_pairs(doc, d->session.header, d->session.header_n, names);
}

static void check_step(struct doc *doc, const struct rest_step *s)
{
	const struct template *url = &s->request.url;
	if (!s->request.method)
		complaints_add(doc->complaints, s->place,
			       "login step '%s': no request without a method: get, or post", s->name);
	else if (!url->n ||
		 !(url->part[0].is_name || sv_starts(url->part[0].text, SV("https://"))))
		complaints_add(doc->complaints, url->place,
			       "login step '%s': a whole URL belongs here, from https:// or a "
			       "{name} that holds one on", s->name);
	if (s->form_n && s->request.method && strcmp(s->request.method, "POST") != 0)
		complaints_add(doc->complaints, s->place,
			       "login step '%s': a form is the body of a POST request", s->name);
	if (s->tries > TRIES_MAX)
		complaints_add(doc->complaints, s->place, "login step '%s': more than %d tries",
			       s->name, TRIES_MAX);
	for (int status = 100; status <= 599; status++)
		if (rest_statuses_have(&s->expect, status) &&
		    rest_statuses_have(&s->refused, status)) {
			complaints_add(doc->complaints, s->place,
				       "login step '%s': %d is both success and refusal", s->name,
				       status);
			break;
		}
}

/* A kept value is of use only if some step takes it and another kind of login
 * begins with it. */
static void check_keep(struct doc *doc, const struct rest_description *d)
{
	bool taken = false, used = false;
	for (int i = 0; i < d->login.step_n; i++) {
		const struct rest_step *s = &d->login.step[i];
		used = used || s->when == WHEN_KEPT;
		for (int k = 0; d->login.keep && k < s->take_n; k++)
			taken = taken || strcmp(s->take[k].name, d->login.keep) == 0;
	}
	if (d->login.keep && !taken)
		complaints_add(doc->complaints, d->login.place, "'keep': no step takes '%s'",
			       d->login.keep);
	if (d->login.keep && !used)
		complaints_add(doc->complaints, d->login.place,
			       "'keep': no step is 'when: kept', to use '%s'", d->login.keep);
	if (!d->login.keep && used)
		complaints_add(doc->complaints, d->login.place,
			       "'when: kept' without 'keep': nothing is ever kept");
}

static void check_login(struct doc *doc, const struct rest_description *d)
{
	struct names settings = { .n = 0 }, names;
	settings_names(doc, d, &settings);
	check_template(doc, &d->changes.name, &settings);
	add_name(&settings, "url");
	check_template(doc, &d->login.keep_as, &settings);
	for (int i = 0; i < d->login.step_n; i++)
		check_step(doc, &d->login.step[i]);
	check_keep(doc, d);
	names = settings;
	check_steps(doc, d, WHEN_PASSWORD, &names);
	if (d->login.keep) {
		names = settings;
		add_name(&names, d->login.keep);
		check_steps(doc, d, WHEN_KEPT, &names);
	}
	/* one login may go through both kinds */
	names = settings;
	for (int i = 0; i < d->login.step_n; i++)
		for (int k = 0; k < d->login.step[i].take_n; k++)
			add_name(&names, d->login.step[i].take[k].name);
	if (names.n >= NAMES_MAX)
		complaints_add(doc->complaints, d->login.place,
			       "more than %d settings and taken values", NAMES_MAX - 1);
}

/* ---- classes of errors ---- */

static bool own_words(enum rest_class class)
{
	return class == CLASS_REJECTED || class == CLASS_GONE || class == CLASS_CURSOR;
}

/* Does every answer that fits 'b' fit 'a' as well? */
static bool covers(const struct rest_error_class *a, const struct rest_error_class *b)
{
	if ((a->on & b->on) != b->on || a->body_n ||
	    (own_words(a->class) && !own_words(b->class)) || (a->status.n && !b->status.n))
		return false;
	for (int i = 0; i < b->status.n && a->status.n; i++) {
		bool within = false;
		for (int k = 0; k < a->status.n; k++)
			within = within || (a->status.range[k].from <= b->status.range[i].from &&
					    a->status.range[k].to >= b->status.range[i].to);
		if (!within)
			return false;
	}
	return true;
}

/* A rule that everybody believes in and nothing ever reaches is worse than
 * none. */
static void check_classes(struct doc *doc, const struct rest_description *d)
{
	for (int i = 0; i < d->errors.class_n; i++) {
		const struct rest_error_class *c = &d->errors.class[i];
		if (!c->status.n && !c->body_n)
			complaints_add(doc->complaints, c->place,
				       "this class fits every answer: it needs 'status' or 'body'");
		for (int k = 0; k < i; k++)
			if (covers(&d->errors.class[k], c)) {
				complaints_add(doc->complaints, c->place,
					       "this class is never reached: the one at %d:%d fits "
					       "all that it fits", d->errors.class[k].place.line,
					       d->errors.class[k].place.column);
				break;
			}
	}
}

static void check_objects(struct doc *doc, const struct rest_description *d)
{
	for (int i = 0; i < d->object_n; i++)
		if (d->object[i].history && !d->history.field)
			complaints_add(doc->complaints, d->object[i].place,
				       "'%s' has a history, and 'history:' does not say how to read it",
				       d->object[i].name);
}

/* ---- the webhook ---- */

static bool names_event(const struct rest_texts *t, const char *event)
{
	for (int i = 0; i < t->n; i++)
		if (strcmp(t->text[i], event) == 0)
			return true;
	return false;
}

static void check_mark(struct doc *doc, const struct rest_description *d,
		       const struct rest_webhook_mark *m)
{
	if (!rest_object_by_name(d, sv_of(m->object)))
		complaints_add(doc->complaints, m->place, "'object': '%s' is none of the objects",
			       m->object);
	for (int i = 0; i < m->events.n; i++)
		if (names_event(&d->webhook.ignored, m->events.text[i]))
			complaints_add(doc->complaints, m->place,
				       "'%s' marks a record here and is ignored below",
				       m->events.text[i]);
}

static void check_webhook(struct doc *doc, const struct rest_description *d)
{
	static const struct names names = { { "body", "timestamp" }, 2 };
	bool body = !d->webhook.signs.n, stamp = false;
	if (!d->webhook.header)
		return;
	check_template(doc, &d->webhook.signs, &names);
	for (int i = 0; i < d->webhook.signs.n; i++) {
		const struct template_part *p = &d->webhook.signs.part[i];
		body = body || (p->is_name && sv_eq(p->text, SV("body")));
		stamp = stamp || (p->is_name && sv_eq(p->text, SV("timestamp")));
	}
	if (!body)
		complaints_add(doc->complaints, d->webhook.signs.place,
			       "'signs': without {body} anybody could change what was signed");
	if (stamp != (d->webhook.stamp != NULL) || stamp != (d->webhook.within_ms > 0))
		complaints_add(doc->complaints, d->webhook.place,
			       "'signs' with {timestamp}, 'timestamp' and 'within' belong together: a "
			       "time that is not signed proves nothing, and one that may be of any age "
			       "neither");
	for (int i = 0; i < d->webhook.mark_n; i++)
		check_mark(doc, d, &d->webhook.mark[i]);
}

void rest_description_check(struct doc *doc, const struct rest_description *d)
{
	if (d->version != 1)
		complaints_add(doc->complaints, (struct place){ 1, 1 },
			       "'connector': version %d is not known here; 1 is", d->version);
	check_requests(doc, d);
	check_login(doc, d);
	check_classes(doc, d);
	check_objects(doc, d);
	check_webhook(doc, d);
	if (d->history.field && !d->query.brief.method)
		complaints_add(doc->complaints, (struct place){ 1, 1 },
			       "'history' is read by 'query', and there is none");
}

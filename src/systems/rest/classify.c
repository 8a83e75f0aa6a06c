/* What an answer means: the description's classes in order, then the built-in
 * ones. */
#include "systems/rest/connection.h"

#include "base/panic.h"

static const char *const class_names[] = {
	[CLASS_NONE] = "none",	       [CLASS_OK] = "ok",	[CLASS_SESSION] = "session",
	[CLASS_LIMIT] = "limit",       [CLASS_REJECTED] = "rejected",
	[CLASS_GONE] = "gone",	       [CLASS_CURSOR] = "cursor",
	[CLASS_SERVER] = "server",
};

const char *rest_class_name(enum rest_class class)
{
	return class_names[class];
}

bool rest_statuses_have(const struct rest_statuses *s, int status)
{
	for (int i = 0; i < s->n; i++)
		if (status >= s->range[i].from && status <= s->range[i].to)
			return true;
	return false;
}

static bool body_fits(const struct rest_error_class *rule, struct json_object *body)
{
	for (int i = 0; i < rule->body_n; i++) {
		struct sv is = json_scalar_text(json_path(body, rule->body[i].path));
		if (!is.ptr || !sv_eq(is, sv_of(rule->body[i].text)))
			return false;
	}
	return true;
}

/* That a record is gone, refused, or a position unknown is the system's to
 * say: a proxy's HTML page with the same status must not be believed. */
static bool needs_own_words(enum rest_class class)
{
	return class == CLASS_REJECTED || class == CLASS_GONE || class == CLASS_CURSOR;
}

enum rest_class rest_classify(const struct rest_description *d, enum rest_on on, long status,
			      bool empty, struct json_object *body,
			      const struct rest_error_class **rule)
{
	bool own_words = body || empty;
	for (int i = 0; i < d->errors.class_n; i++) {
		const struct rest_error_class *c = &d->errors.class[i];
		if ((c->on & on) && (!c->status.n || rest_statuses_have(&c->status, (int)status)) &&
		    body_fits(c, body) && (own_words || !needs_own_words(c->class))) {
			*rule = c;
			return c->class;
		}
	}
	*rule = NULL;
	if (status >= 200 && status <= 299)
		return own_words ? CLASS_OK : CLASS_SERVER;
	return own_words && status >= 400 && status <= 499 ? CLASS_REJECTED : CLASS_SERVER;
}

static void print_on(struct buf *out, unsigned on)
{
	static const char *const names[] = { "fetch", "query", "write", "feed", "describe",
					     "session" };
	if (on == ON_ALL) {
		buf_add(out, SV(" on any request"));
		return;
	}
	for (size_t i = 0; i < countof(names); i++)
		if (on & (1u << i))
			buf_addf(out, " on %s", names[i]);
}

void rest_description_print_errors(const struct rest_description *d, struct buf *out)
{
	for (int i = 0; i < d->errors.class_n; i++) {
		const struct rest_error_class *c = &d->errors.class[i];
		buf_addf(out, "%s:%d: %s:", d->file, c->place.line, class_names[c->class]);
		if (!c->status.n)
			buf_add(out, SV(" any status"));
		for (int k = 0; k < c->status.n; k++)
			buf_addf(out, c->status.range[k].from == c->status.range[k].to ? " %d"
										       : " %d..%d",
				 c->status.range[k].from, c->status.range[k].to);
		print_on(out, c->on);
		for (int k = 0; k < c->body_n; k++)
			buf_addf(out, " where %s is '%s'", c->body[k].path, c->body[k].text);
		if (c->wait_ms)
			buf_addf(out, ", wait %lld ms", (long long)c->wait_ms);
		buf_addc(out, '\n');
	}
	buf_add(out, SV("built in: ok: 200..299 with JSON or nothing\n"
			"built in: rejected: 400..499 with JSON or nothing\n"
			"built in: server: all others\n"));
}

struct sv rest_error_text(const struct rest_description *d, struct json_object *body,
			  long status, struct arena *a)
{
	struct sv text = json_scalar_text(json_path(body, d->errors.message));
	enum { LONG_ENOUGH = 300 };
	if (!text.len)
		return arena_printf(a, "HTTP %ld", status);
	/* one line, whatever the system writes */
	char *s = arena_str(a, sv_make(text.ptr, text.len < LONG_ENOUGH ? text.len : LONG_ENOUGH));
	for (char *p = s; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	return arena_printf(a, "%s (HTTP %ld)", s, status);
}

struct names {
	const char *const *field;
	int field_n;
	const char **out;
	int n;
};

/* A system names the top of a composite or its part ('address', 'city' or
 * 'address.city'); each of our fields under that name is meant. */
static bool names_field(const char *field, struct sv said)
{
	struct sv head, tail;
	if (sv_eq(sv_of(field), said))
		return true;
	return sv_cut(sv_of(field), '.', &head, &tail) && (sv_eq(head, said) || sv_eq(tail, said));
}

static void add_named(struct names *names, struct sv said)
{
	for (int i = 0; i < names->field_n; i++) {
		bool known = !names_field(names->field[i], said);
		for (int k = 0; k < names->n && !known; k++)
			known = names->out[k] == names->field[i];
		if (!known)
			names->out[names->n++] = names->field[i];
	}
}

/* 'errors.*.propertyName': every place of the array. */
static void walk_names(struct names *names, struct json_object *o, struct sv path)
{
	struct sv step;
	if (!path.len) {
		struct sv said = json_scalar_text(o);
		if (said.len)
			add_named(names, said);
		return;
	}
	sv_cut(path, '.', &step, &path);
	if (!sv_eq(step, SV("*"))) {
		char key[128];
		snprintf(key, sizeof(key), "%.*s", SV_ARG(step));
		walk_names(names, json_at(o, key), path);
	} else if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			walk_names(names, json_object_array_get_idx(o, i), path);
	}
}

/* "Unknown field 'shoeSize'": what stands between the quotes of a message. */
static void quoted_names(struct names *names, struct sv text, struct sv quotes)
{
	char open = quotes.ptr[0], close = quotes.ptr[quotes.len - 1];
	struct sv head, said;
	while (sv_cut(text, open, &head, &text) && sv_cut(text, close, &said, &text))
		add_named(names, said);
}

int rest_error_fields(const struct rest_description *d, struct json_object *body,
		      const char *const *field, int n, const char **out)
{
	struct names names = { field, n, out, 0 };
	if (d->errors.field)
		walk_names(&names, body, sv_of(d->errors.field));
	if (!names.n && d->errors.quotes) {
		struct sv text = json_string(json_path(body, d->errors.message));
		if (text.len)
			quoted_names(&names, text, sv_of(d->errors.quotes));
	}
	return names.n;
}

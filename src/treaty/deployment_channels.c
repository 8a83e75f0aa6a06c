/* How people are told: channels, and which role is reached on which. */
#include "treaty/deployment_parts.h"

#include <ctype.h>
#include <stddef.h>

/* ---- addresses of people ---- */

/* Plain addresses only: what a header or an SMTP command would take apart is
 * refused here, so that nothing has to be quoted later. */
static bool is_address(struct sv s)
{
	struct sv local, domain;
	if (s.len > 254 || !sv_cut(s, '@', &local, &domain) || !local.len || local.len > 64 ||
	    !domain.len || domain.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < local.len; i++)
		if (!isalnum((unsigned char)local.ptr[i]) && !strchr("!#$%&'*+-/=?^_`{|}~.", local.ptr[i]))
			return false;
	for (size_t i = 0; i < domain.len; i++)
		if (!isalnum((unsigned char)domain.ptr[i]) && !strchr("-.", domain.ptr[i]))
			return false;
	return true;
}

/* 'a@b' or 'Name <a@b>' */
static void take_from(const struct doc_at *at, void *member)
{
	struct sv text = sv_of(at->value->text), name, address = text;
	bool ok = true;
	if (sv_cut(text, '<', &name, &address)) {
		ok = sv_ends(address, SV(">")) && name.len <= 100;
		address.len -= ok;
	}
	for (size_t i = 0; i < text.len; i++)
		ok = ok && (unsigned char)text.ptr[i] >= ' ' && text.ptr[i] != 0x7f;
	if (ok && is_address(address))
		*(const char **)member = text.ptr;
	else
		complaints_add(at->doc->complaints, at->value->place,
			       "%s: 'from' is an address like treaty@acme.example, or "
			       "Treaty <treaty@acme.example>", doc_quote(at->doc, text.ptr));
}

/* ---- smtp ---- */

static const char *smtp_fault(struct sv url, bool *loopback)
{
	struct sv host;
	bool tls = sv_starts(url, SV("smtps://"));
	if (!tls && !sv_starts(url, SV("smtp://")))
		return "a mail server is smtp://HOST:PORT or smtps://HOST:PORT";
	size_t from = tls ? 8 : 7;
	if (!split_host(sv_make(url.ptr + from, url.len - from), &host))
		return "a mail server is smtp://HOST:PORT, and nothing behind that; a login goes "
		       "under 'username'";
	*loopback = is_loopback(host);
	return NULL;
}

static void take_smtp_url(const struct doc_at *at, void *member)
{
	struct deployment_channel *c = member;
	bool loopback = false;
	const char *fault = smtp_fault(sv_of(at->value->text), &loopback);
	c->url = (struct setting){ "url", at->value->text, false, at->place };
	c->starttls = !loopback;
	if (fault)
		complaints_add(at->doc->complaints, at->value->place, "'url': %s", fault);
}

static const struct doc_word starttls_words[] = { { "required", true }, { "off", false }, { 0 } };

static void take_starttls(const struct doc_at *at, void *member)
{
	struct deployment_channel *c = member;
	bool loopback = !c->starttls;
	take_either(at, &c->starttls);
	if (!c->starttls && !loopback)
		complaints_add(at->doc->complaints, at->value->place,
			       "'starttls': off would send what people read to another machine in the "
			       "clear; say required, or smtps:// in 'url'");
}

static void take_login_name(const struct doc_at *at, void *member)
{
	*(struct setting *)member = (struct setting){ at->key->name, at->value->text,
						      is_reference(at->value->text), at->place };
}

#define AT(member) offsetof(struct deployment_channel, member)
/* 'url' before 'starttls', whose default it decides. */
static const struct doc_key smtp_keys[] = {
	{ "url", YAML_SCALAR, true, take_smtp_url, 0, .decides = "the mail server: smtp://HOST:PORT" },
	{ "from", YAML_SCALAR, true, take_from, AT(from), .decides = "the sender's address" },
	{ "username", YAML_SCALAR, false, take_login_name, AT(username), .decides = "the login" },
	{ "password", YAML_SCALAR, false, take_secret, AT(password),
	  .decides = "its password, as env:NAME or file:PATH" },
	{ "starttls", YAML_SCALAR, false, take_starttls, 0, starttls_words,
	  .decides = "whether the connection must be encrypted; off only to this machine" },
	{ "ca", YAML_SCALAR, false, take_path_beside, AT(ca),
	  .decides = "a file with the certificates to trust, instead of the system's" },
	{ 0 },
};
static const struct doc_level smtp_level = { "'smtp'", smtp_keys, NULL };

static void take_smtp(const struct doc_at *at, void *member)
{
	struct deployment_channel *c = member;
	c->kind = CHANNEL_SMTP;
	doc_walk(at->doc, &smtp_level, at->value, at->place, c);
	if (!c->username.text != !c->password.text)
		complaints_add(at->doc->complaints, at->place,
			       "'smtp': 'username' and 'password' belong together");
}

/* ---- webhooks ---- */

/* Never quoted: who knows it may post there. */
static void take_webhook_url(const struct doc_at *at, void *member)
{
	bool reference = is_reference(at->value->text);
	const char *fault = reference ? NULL : url_fault(sv_of(at->value->text));
	*(struct setting *)member = (struct setting){ "url", at->value->text, reference, at->place };
	if (fault)
		complaints_add(at->doc->complaints, at->value->place, "'url': %s", fault);
}

static const struct doc_word shapes[] = {
	{ "json", SHAPE_JSON }, { "slack", SHAPE_SLACK }, { "teams", SHAPE_TEAMS }, { 0 }
};

static const struct doc_key webhook_keys[] = {
	{ "url", YAML_SCALAR, true, take_webhook_url, AT(url), .decides = "where to: https://..." },
	{ "secret", YAML_SCALAR, false, take_secret, AT(secret),
	  .decides = "what messages are signed with, as env:NAME or file:PATH" },
	{ "shape", YAML_SCALAR, false, take_word, AT(shape), shapes,
	  .decides = "all facts (json, default), or a text as slack or teams take it" },
	{ 0 },
};
#undef AT
static const struct doc_level webhook_level = { "'webhook'", webhook_keys, NULL };

static void take_webhook(const struct doc_at *at, void *member)
{
	struct deployment_channel *c = member;
	c->kind = CHANNEL_WEBHOOK;
	doc_walk(at->doc, &webhook_level, at->value, at->place, c);
}

/* ---- channels ---- */

static const struct doc_key channel_keys[] = {
	{ "smtp", YAML_MAP, false, take_smtp, 0, .level = &smtp_level, .decides = "mail" },
	{ "webhook", YAML_MAP, false, take_webhook, 0, .level = &webhook_level,
	  .decides = "a POST of JSON for each message" },
	{ 0 },
};
static const struct doc_level channel_level = { "a channel", channel_keys, NULL };

static const struct doc_key any_channel[] = {
	{ "*", YAML_MAP, false, NULL, .level = &channel_level,
	  .decides = "a channel, by its name: smtp or webhook" },
	{ 0 },
};
const struct doc_level channels_level = { "'channels'", any_channel, NULL };

static int mail_channel(const struct deployment *dep)
{
	for (int i = 0; i < dep->channel_n; i++)
		if (dep->channel[i].kind == CHANNEL_SMTP)
			return i;
	return -1;
}

static void take_channel(struct doc *d, struct deployment *dep, const struct yaml_pair *p)
{
	struct deployment_channel c = { .name = p->key, .place = p->place };
	if (!doc_expect(d, p->value, YAML_MAP, p->key, p->place))
		return;
	doc_walk(d, &channel_level, p->value, p->place, &c);
	bool smtp = yaml_find(p->value, "smtp"), webhook = yaml_find(p->value, "webhook");
	int mail = mail_channel(dep);
	if (smtp == webhook)
		complaints_add(d->complaints, p->place, "%s: a channel is either smtp or webhook",
			       doc_quote(d, p->key));
	else if (smtp && mail >= 0)
		complaints_add(d->complaints, p->place,
			       "%s: a second way for mail, after '%s': an address would not say which",
			       doc_quote(d, p->key), dep->channel[mail].name);
	else
		dep->channel[dep->channel_n++] = c;
}

void take_channels(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct deployment *dep = member;
	const struct yaml_pair **p =
		arena_array(d->arena, const struct yaml_pair *, (size_t)at->value->n + 1);
	int n = doc_names(d, at->value, "channel", NULL, p);
	dep->channel = arena_array(d->arena, struct deployment_channel, (size_t)n + 1);
	for (int i = 0; i < n; i++)
		take_channel(d, dep, p[i]);
}

/* ---- people ---- */

static const struct doc_key any_people[] = {
	{ "*", YAML_LIST, false, NULL,
	  .decides = "a role of the treaty: its mail addresses and webhook channels" },
	{ 0 },
};
const struct doc_level people_level = { "'people'", any_people, NULL };

static void add_channel(struct deployment_reach *r, int channel)
{
	for (int i = 0; i < r->channel_n; i++)
		if (r->channel[i] == channel)
			return;
	r->channel[r->channel_n++] = channel;
}

static void take_way(struct doc *d, const struct deployment *dep, const struct yaml_node *way,
		     struct deployment_reach *r)
{
	const char *names[64], *text = way->text;
	int mail = mail_channel(dep), channel = deployment_channel_by_name(dep, sv_of(text)), n = 0;
	for (; n < dep->channel_n && n < 64; n++)
		names[n] = dep->channel[n].name;
	if (is_address(sv_of(text)) && mail >= 0) {
		r->address[r->address_n++] = text;
		add_channel(r, mail);
	} else if (strchr(text, '@')) {
		complaints_add(d->complaints, way->place, "%s: %s", doc_quote(d, text),
			       mail < 0 ? "there is no channel with 'smtp' to send mail by" :
					  "no mail address like dana@acme.example");
	} else if (channel < 0) {
		complaints_add(d->complaints, way->place,
			       "%s: neither a mail address nor a channel%s", doc_quote(d, text),
			       doc_suggest(d, text, names, n));
	} else if (channel == mail) {
		complaints_add(d->complaints, way->place,
			       "%s: mail to whom? Say the addresses instead", doc_quote(d, text));
	} else {
		add_channel(r, channel);
	}
}

void take_people(const struct doc_at *at, void *member)
{
	struct doc *d = at->doc;
	struct deployment *dep = member;
	const struct yaml_pair **p =
		arena_array(d->arena, const struct yaml_pair *, (size_t)at->value->n + 1);
	int n = doc_names(d, at->value, "role", NULL, p);
	dep->reach = arena_array(d->arena, struct deployment_reach, (size_t)n + 1);
	for (int i = 0; i < n; i++) {
		if (!doc_expect(d, p[i]->value, YAML_LIST, p[i]->key, p[i]->place))
			continue;
		struct deployment_reach *r = &dep->reach[dep->reach_n++];
		*r = (struct deployment_reach){ .role = p[i]->key, .place = p[i]->place };
		r->address = arena_array(d->arena, const char *, (size_t)p[i]->value->n + 1);
		r->channel = arena_array(d->arena, int, (size_t)p[i]->value->n + 1);
		for (int k = 0; k < p[i]->value->n; k++) {
			const struct yaml_node *way = p[i]->value->item[k];
			if (doc_expect(d, way, YAML_SCALAR, p[i]->key, way->place))
				take_way(d, dep, way, r);
		}
	}
}

/* ---- looking up ---- */

int deployment_channel_by_name(const struct deployment *d, struct sv name)
{
	for (int i = 0; i < d->channel_n; i++)
		if (sv_eq(name, sv_of(d->channel[i].name)))
			return i;
	return -1;
}

const struct deployment_reach *deployment_reach_of(const struct deployment *d, const char *role)
{
	for (int i = 0; i < d->reach_n; i++)
		if (strcmp(d->reach[i].role, role) == 0)
			return &d->reach[i];
	return NULL;
}

void deployment_check_people(const struct deployment *dep, const struct treaty *t,
			     struct complaints *c)
{
	struct arena a;
	arena_init(&a);
	struct doc d = { &a, c, NULL };
	const char **names = arena_array(&a, const char *, (size_t)t->role_n + 1);
	for (int i = 0; i < t->role_n; i++)
		names[i] = t->role[i].name;
	for (int i = 0; i < dep->reach_n; i++) {
		bool known = false;
		for (int k = 0; k < t->role_n; k++)
			known = known || strcmp(names[k], dep->reach[i].role) == 0;
		if (!known)
			complaints_add(c, dep->reach[i].place, "%s: the treaty has no such role%s",
				       doc_quote(&d, dep->reach[i].role),
				       doc_suggest(&d, dep->reach[i].role, names, t->role_n));
	}
	complaints_sort(c);
	arena_finish(&a);
}

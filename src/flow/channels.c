#include "flow/channels.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/panic.h"
#include "net/smtp.h"
#include "net/webhook.h"

enum { POST_TIMEOUT_MS = 20 * 1000, ANSWER_MAX = 64 * 1024, SECRET_MAX = 64 * 1024 };

struct way {
	struct channel channel; /* first */
	struct channels *all;
	const struct deployment_channel *how;
	const char *address; /* mail */
};

struct channels {
	struct arena arena;
	const struct deployment *deployment;
	const struct treaty *treaty;
	struct http_client *http;
	atomic_bool stopped;
	struct audience *audience;
	int audience_n;
};

/* ---- secrets: held no longer than the call ---- */

struct secret {
	struct buf text;
	const char *ptr; /* NULL: none is set */
};

static bool secret_get(const struct channels *c, const struct setting *s, struct secret *out,
		       struct err *err)
{
	buf_init(&out->text, SECRET_MAX);
	out->ptr = NULL;
	if (!s->text)
		return true;
	if (!setting_resolve(c->deployment, s, &out->text, err))
		return false;
	out->ptr = out->text.ptr ? out->text.ptr : "";
	return true;
}

static void secret_forget(struct secret *s)
{
	if (s->text.ptr)
		explicit_bzero(s->text.ptr, s->text.cap);
	buf_finish(&s->text);
}

/* ---- mail ---- */

/* The same for every sending of a message to an address, and no other's. */
static struct sv mail_id(const struct way *w, const struct message *m, struct arena *a)
{
	struct sv local, domain;
	sv_cut(smtp_address(w->how->from), '@', &local, &domain);
	return arena_printf(a, "treaty.%s.%lld.%lld.%08x@%.*s", w->all->treaty->name,
			    (long long)m->id, (long long)m->made_ms, sv_hash32(sv_of(w->address)),
			    SV_ARG(domain));
}

static bool send_mail(struct channel *channel, const struct message *m, struct err *err)
{
	struct way *w = (struct way *)channel;
	struct secret username, password;
	struct arena a;
	arena_init(&a);
	bool ok = secret_get(w->all, &w->how->username, &username, err);
	ok &= secret_get(w->all, &w->how->password, &password, err);
	struct smtp_server server = { .url = w->how->url.text, .ca = w->how->ca,
				      .encrypted = w->how->starttls, .username = username.ptr,
				      .password = password.ptr, .stop = &w->all->stopped };
	struct smtp_mail mail = { .from = w->how->from, .to = w->address,
				  .id = mail_id(w, m, &a).ptr, .date_ms = m->made_ms,
				  .subject = m->subject, .text = m->text };
	ok = ok && smtp_send(&server, &mail, err);
	secret_forget(&username);
	secret_forget(&password);
	arena_finish(&a);
	return ok;
}

/* ---- what webhooks are sent ---- */

static void put_new(struct json_object *o, const char *key, const char *text)
{
	json_put_sv(o, key, sv_of(text));
}

/* Slack reads three characters as marks, and three backticks end the block. */
static struct json_object *slack_body(const struct message *m)
{
	struct json_object *o = json_object_new_object();
	struct sv part[] = { m->subject, m->text };
	struct buf b;
	buf_init(&b, 1 << 20);
	for (int p = 0; p < 2; p++) {
		buf_addf(&b, "%s", p ? "\n```\n" : "*");
		for (size_t i = 0; i < part[p].len; i++) {
			char c = part[p].ptr[i];
			if (c == '&' || c == '<' || c == '>')
				buf_addf(&b, "&%s;", c == '&' ? "amp" : c == '<' ? "lt" : "gt");
			else
				buf_addc(&b, c == '`' ? '\'' : c == '*' && !p ? ' ' : c);
		}
		buf_addf(&b, "%s", p ? "```" : "*");
	}
	json_put_sv(o, "text", buf_sv(&b));
	buf_finish(&b);
	return o;
}

/* Text runs are shown as they are; a text block would read marks in values. */
static struct json_object *teams_line(struct sv text, bool head, bool gap)
{
	struct json_object *block = json_object_new_object(), *run = json_object_new_object();
	struct json_object *runs = json_object_new_array();
	put_new(block, "type", "RichTextBlock");
	put_new(block, "spacing", gap ? "medium" : "none");
	put_new(run, "type", "TextRun");
	json_put_sv(run, "text", text);
	put_new(run, head ? "weight" : "fontType", head ? "bolder" : "monospace");
	json_object_array_add(runs, run);
	json_object_object_add(block, "inlines", runs);
	return block;
}

static struct json_object *teams_card(const struct message *m)
{
	struct json_object *card = json_object_new_object(), *body = json_object_new_array();
	struct sv rest = m->text, line;
	bool gap = true;
	put_new(card, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
	put_new(card, "type", "AdaptiveCard");
	put_new(card, "version", "1.4");
	json_object_array_add(body, teams_line(m->subject, true, false));
	while (rest.len) {
		sv_cut(rest, '\n', &line, &rest);
		if (line.len)
			json_object_array_add(body, teams_line(line, false, gap));
		gap = line.len == 0;
	}
	json_object_object_add(card, "body", body);
	return card;
}

/* What a Teams workflow 'when a webhook request is received' takes. */
static struct json_object *teams_body(const struct message *m)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	struct json_object *attached = json_object_new_object();
	put_new(attached, "contentType", "application/vnd.microsoft.card.adaptive");
	json_object_object_add(attached, "content", teams_card(m));
	json_object_array_add(list, attached);
	put_new(o, "type", "message");
	json_object_object_add(o, "attachments", list);
	return o;
}

struct json_object *channel_body(enum webhook_shape shape, const struct message *m, struct err *err)
{
	switch (shape) {
	case SHAPE_SLACK:
		return slack_body(m);
	case SHAPE_TEAMS:
		return teams_body(m);
	case SHAPE_JSON:
		break;
	}
	return json_parse(m->content, "a message in the store", err);
}

/* ---- webhooks ---- */

static bool answered_well(const struct http_call *call, struct err *err)
{
	long status = call->status;
	if (status >= 200 && status < 300)
		return true;
	/* about this message only: another one may well be taken */
	bool refused = status == 400 || status == 413 || status == 422;
	err_set(err, refused ? ERR_REJECTED : status == 429 ? ERR_LIMIT :
			       status >= 500 ? ERR_SERVER : ERR_AUTH,
		"the receiver answered %ld", status);
	err->http_status = (int)status;
	err->scope = refused ? SCOPE_RECORD : SCOPE_SYSTEM;
	return false;
}

/* The address is a secret: of what went wrong only the class is said. */
static void hide_address(struct err *err)
{
	enum err_code code = err->code;
	*err = (struct err){ 0 };
	err_set(err, code, "%s",
		code == ERR_UNREACHABLE ? "the receiver is not reached" :
		code == ERR_LOST	? "the receiver did not answer" :
		code == ERR_BAD_INPUT	? "the address in 'url' is no https:// one" :
					  err_code_name(code));
	err->scope = SCOPE_SYSTEM;
}

static bool post(const struct way *w, const char *url, struct sv secret, const struct message *m,
		 struct sv body, struct err *err)
{
	struct arena a;
	struct buf signature;
	int64_t seconds = clock_now(clock_real()) / 1000;
	arena_init(&a);
	buf_init(&signature, 1024);
	struct sv id = arena_printf(&a, "treaty_%s_%lld_%lld", w->all->treaty->name, (long long)m->id,
				    (long long)m->made_ms);
	struct http_header header[3] = {
		{ "webhook-id", id },
		{ "webhook-timestamp", arena_printf(&a, "%lld", (long long)seconds) },
	};
	if (secret.len) {
		webhook_sign(secret, id, seconds, body, &signature);
		header[2] = (struct http_header){ "webhook-signature", buf_sv(&signature) };
	}
	struct http_call call = { .method = "POST", .url = url, .header = header,
				  .header_n = secret.len ? 3 : 2, .body = body,
				  .content_type = "application/json", .timeout_ms = POST_TIMEOUT_MS,
				  .body_max = ANSWER_MAX };
	bool ok = http_perform(w->all->http, &call, err);
	if (ok)
		ok = answered_well(&call, err);
	else
		hide_address(err);
	http_call_finish(&call);
	buf_finish(&signature);
	arena_finish(&a);
	return ok;
}

static bool send_webhook(struct channel *channel, const struct message *m, struct err *err)
{
	struct way *w = (struct way *)channel;
	struct secret url, secret;
	struct buf body;
	buf_init(&body, 2 << 20);
	bool ok = secret_get(w->all, &w->how->url, &url, err);
	ok &= secret_get(w->all, &w->how->secret, &secret, err);
	struct json_object *o = ok ? channel_body(w->how->shape, m, err) : NULL;
	if (o) {
		buf_add_json(&body, o);
		json_object_put(o);
		ok = post(w, url.ptr, secret.ptr ? sv_of(secret.ptr) : SV_NONE, m, buf_sv(&body), err);
	} else {
		ok = false;
	}
	secret_forget(&url);
	secret_forget(&secret);
	buf_finish(&body);
	return ok;
}

/* ---- all of them ---- */

static struct channel *add_way(struct channels *c, const struct deployment_channel *how,
			       const char *address)
{
	struct way *w = arena_new(&c->arena, struct way);
	w->all = c;
	w->how = how;
	w->address = address;
	w->channel.name = address ? arena_printf(&c->arena, "%s %s", how->name, address).ptr : how->name;
	w->channel.send = address ? send_mail : send_webhook;
	return &w->channel;
}

static void add_audience(struct channels *c, const struct deployment_reach *r)
{
	struct audience *to = &c->audience[c->audience_n++];
	to->role = r->role;
	to->channel = arena_array(&c->arena, struct channel *, (size_t)(r->address_n + r->channel_n) + 1);
	for (int i = 0; i < r->channel_n; i++) {
		const struct deployment_channel *how = &c->deployment->channel[r->channel[i]];
		if (how->kind == CHANNEL_WEBHOOK)
			to->channel[to->channel_n++] = add_way(c, how, NULL);
		for (int k = 0; how->kind == CHANNEL_SMTP && k < r->address_n; k++)
			to->channel[to->channel_n++] = add_way(c, how, r->address[k]);
	}
}

struct channels *channels_create(const struct deployment *d, const struct treaty *t,
				 struct http_client *http)
{
	struct channels *c = must_zalloc(sizeof(*c));
	arena_init(&c->arena);
	c->deployment = d;
	c->treaty = t;
	c->http = http;
	atomic_init(&c->stopped, false);
	c->audience = arena_array(&c->arena, struct audience, (size_t)d->reach_n + 1);
	for (int i = 0; i < d->reach_n; i++)
		add_audience(c, &d->reach[i]);
	return c;
}

void channels_destroy(struct channels *c)
{
	if (!c)
		return;
	arena_finish(&c->arena);
	free(c);
}

const struct audience *channels_audience(const struct channels *c, int *n)
{
	*n = c->audience_n;
	return c->audience;
}

const struct audience *channels_reach(const struct channels *c, struct sv role)
{
	for (int i = 0; i < c->audience_n; i++)
		if (sv_eq(role, sv_of(c->audience[i].role)) && c->audience[i].channel_n)
			return &c->audience[i];
	return NULL;
}

void channels_stop(struct channels *c)
{
	if (c)
		atomic_store(&c->stopped, true);
}

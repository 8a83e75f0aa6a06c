#include "net/jws.h"
#include "systems/salesforce/ids.h"
#include "systems/salesforce/sf.h"

enum {
	ASSERTION_S = 180, /* how long an assertion may be used; the docs' bound */
	REFUSED_MS = 60 * 1000,
	LOGIN_TIMEOUT_MS = 60 * 1000,
	ANSWER_MAX = 256 * 1024,
	ASSERTION_MAX = 64 * 1024,
};

void sf_session_init(struct sf_session *s)
{
	*s = (struct sf_session){ 0 };
	pthread_mutex_init(&s->lock, NULL);
	arena_init(&s->arena);
}

static void forget(struct sf_session *s)
{
	if (s->login.token.len)
		explicit_bzero((char *)(uintptr_t)s->login.token.ptr, s->login.token.len);
	s->login = (struct sf_login){ 0 };
	arena_reset(&s->arena);
}

void sf_session_finish(struct sf_session *s)
{
	forget(s);
	arena_finish(&s->arena);
	pthread_mutex_destroy(&s->lock);
}

static struct sv host_of(struct sv url)
{
	struct sv head, rest = url;
	if (sv_starts(url, SV("https://")))
		rest = sv_make(url.ptr + 8, url.len - 8);
	sv_cut(rest, '/', &head, &rest);
	return head;
}

struct sv sf_default_audience(struct sv url, struct arena *a)
{
	struct sv host = host_of(url);
	if (sv_eq(host, SV("test.salesforce.com")) ||
	    sv_ends(host, SV(".sandbox.my.salesforce.com")))
		return SV("https://test.salesforce.com");
	if (sv_ends(host, SV(".salesforce.com")))
		return SV("https://login.salesforce.com");
	while (url.len && url.ptr[url.len - 1] == '/')
		url.len--;
	return arena_sv(a, url);
}

/* ---- the assertion ---- */

static bool setting(struct salesforce *sf, const char *name, struct buf *out, struct err *err)
{
	const struct setting *s = deployment_login(sf->system, name);
	return s && setting_resolve(sf->deployment, s, out, err);
}

static void wipe(struct buf *b)
{
	if (b->ptr)
		explicit_bzero(b->ptr, b->cap);
	buf_finish(b);
}

static bool add_claims(struct salesforce *sf, struct arena *a, struct buf *out, struct err *err)
{
	struct buf client, user, audience;
	buf_init(&client, 4096);
	buf_init(&user, 4096);
	buf_init(&audience, 4096);
	bool has_audience = deployment_login(sf->system, "audience") != NULL;
	bool ok = setting(sf, "client_id", &client, err) && setting(sf, "username", &user, err) &&
		  (!has_audience || setting(sf, "audience", &audience, err));
	if (ok) {
		if (!has_audience)
			buf_add(&audience, sf_default_audience(sv_of(sf->system->url), a));
		buf_add(out, SV("{\"iss\":"));
		buf_add_json_text(out, buf_sv(&client));
		buf_add(out, SV(",\"sub\":"));
		buf_add_json_text(out, buf_sv(&user));
		buf_add(out, SV(",\"aud\":"));
		buf_add_json_text(out, buf_sv(&audience));
		buf_addf(out, ",\"exp\":%lld}",
			 (long long)(clock_now(sf->clock) / 1000 + ASSERTION_S));
	}
	buf_finish(&client);
	buf_finish(&user);
	buf_finish(&audience);
	return ok;
}

/* The body of the token request. A setting that cannot be read is a person's
 * to mend, like a wrong one. */
static bool add_form(struct salesforce *sf, struct arena *a, struct buf *form, struct err *err)
{
	struct err why = { 0 };
	struct buf claims, key;
	buf_init(&claims, ASSERTION_MAX);
	buf_init(&key, ASSERTION_MAX);
	buf_add(form, SV("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
			 "&assertion="));
	bool ok = add_claims(sf, a, &claims, &why) && setting(sf, "key", &key, &why) &&
		  jws_rs256(buf_sv(&claims), buf_sv(&key), form, &why);
	wipe(&key);
	wipe(&claims);
	if (!ok)
		err_set(err, ERR_AUTH, "salesforce login: %s", why.what);
	return ok;
}

/* ---- the answer ---- */

/* 'https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS' */
static bool take_ids(struct sv identity, struct arena *a, struct sf_login *out)
{
	size_t slash[2] = { 0, 0 };
	int found = 0;
	for (size_t i = identity.len; i-- > 0 && found < 2;)
		if (identity.ptr[i] == '/')
			slash[found++] = i;
	if (found < 2)
		return false;
	out->user = sf_id(sv_make(identity.ptr + slash[0] + 1, identity.len - slash[0] - 1), a);
	out->org = sf_id(sv_make(identity.ptr + slash[1] + 1, slash[0] - slash[1] - 1), a);
	return out->user.len && out->org.len;
}

/* The instance comes from outside and is where the token will be sent, so it
 * must be an address that the deployment itself could have named. */
static bool take_token(struct json_object *body, struct arena *a, struct sf_login *out,
		       struct err *err)
{
	struct sv instance = json_sv(body, "instance_url");
	struct err why = { 0 };
	while (instance.len && instance.ptr[instance.len - 1] == '/')
		instance.len--;
	out->token = arena_sv(a, json_sv(body, "access_token"));
	out->instance = arena_sv(a, instance);
	if (!out->token.len || !take_ids(json_sv(body, "id"), a, out))
		err_set(&why, ERR_SERVER, "the answer lacks access_token or id");
	else if (http_url_allowed(instance, &why))
		return true;
	err_set(err, ERR_UNREACHABLE, "salesforce login: %s", why.what);
	return false;
}

static bool take_answer(struct http_call *call, struct arena *a, struct sf_login *out,
			struct err *err)
{
	struct err ignored = { 0 };
	struct json_object *body =
		json_parse(buf_sv(&call->body_out), "salesforce login", &ignored);
	struct sf_problem p = sf_problem_of(body);
	bool ok = false;
	if (call->status == 200) {
		ok = take_token(body, a, out, err);
	} else if (p.code.len && call->status >= 400 && call->status < 500) {
		/* Also the texts that sound transient ('expired authorization
		 * code' is a used assertion): repeating locks the user out. */
		err_set(err, ERR_AUTH, "salesforce login: %.*s: %.*s", SV_ARG(p.code),
			SV_ARG(p.message));
	} else {
		err_set(err, ERR_UNREACHABLE, "salesforce login: HTTP status %ld", call->status);
	}
	if (err->code)
		err->http_status = (int)call->status;
	json_object_put(body);
	return ok;
}

static bool ask_token(struct salesforce *sf, struct arena *a, struct sv form,
		      struct sf_login *out, struct err *err)
{
	struct err why = { 0 };
	struct sv url = sv_of(sf->system->url);
	while (url.len && url.ptr[url.len - 1] == '/')
		url.len--;
	struct http_header accept = { "Accept", SV("application/json") };
	struct http_call call = {
		.method = "POST",
		.url = arena_printf(a, "%.*s/services/oauth2/token", SV_ARG(url)).ptr,
		.header = &accept,
		.header_n = 1,
		.body = form,
		.content_type = "application/x-www-form-urlencoded",
		.timeout_ms = LOGIN_TIMEOUT_MS,
		.body_max = ANSWER_MAX,
	};
	bool ok = http_perform(sf->http, &call, &why);
	if (ok)
		ok = take_answer(&call, a, out, err);
	else /* a lost login executed nothing that the caller asked for */
		err_set(err, why.code == ERR_STOPPED ? ERR_STOPPED : ERR_UNREACHABLE, "%s",
			why.what);
	if (call.body_out.ptr)
		explicit_bzero(call.body_out.ptr, call.body_out.cap);
	http_call_finish(&call);
	return ok;
}

static bool login(struct salesforce *sf, struct err *err)
{
	struct sf_session *s = &sf->session;
	struct buf form;
	struct sf_login made = { 0 };
	buf_init(&form, ASSERTION_MAX * 2);
	bool ok = add_form(sf, &s->arena, &form, err) &&
		  ask_token(sf, &s->arena, buf_sv(&form), &made, err);
	wipe(&form);
	if (ok) {
		s->login = made;
		s->login.number = ++s->logins;
		snprintf(s->user, sizeof(s->user), "%.*s", SV_ARG(made.user));
		s->refused = (struct err){ 0 };
		return true;
	}
	forget(s);
	if (err->code == ERR_AUTH) {
		s->refused = *err;
		s->refused_ms = clock_now(sf->clock);
	}
	return false;
}

static bool is_refused(struct salesforce *sf)
{
	return sf->session.refused.code &&
	       clock_now(sf->clock) - sf->session.refused_ms < REFUSED_MS;
}

bool sf_session_get(struct salesforce *sf, struct arena *a, struct sf_login *out,
		    struct err *err)
{
	struct sf_session *s = &sf->session;
	struct err why = { 0 };
	pthread_mutex_lock(&s->lock);
	bool ok = s->login.token.len > 0;
	if (!ok && is_refused(sf))
		why = s->refused;
	else if (!ok)
		ok = login(sf, &why);
	if (ok)
		*out = (struct sf_login){
			.token = arena_sv(a, s->login.token),
			.instance = arena_sv(a, s->login.instance),
			.user = arena_sv(a, s->login.user),
			.org = arena_sv(a, s->login.org),
			.number = s->login.number,
		};
	else if (err && !err->code)
		*err = why;
	pthread_mutex_unlock(&s->lock);
	return ok;
}

void sf_session_ended(struct salesforce *sf, uint64_t number)
{
	struct sf_session *s = &sf->session;
	pthread_mutex_lock(&s->lock);
	if (s->login.number == number)
		forget(s);
	pthread_mutex_unlock(&s->lock);
}

enum author sf_author(struct salesforce *sf, struct sv user)
{
	struct sf_session *s = &sf->session;
	char text[19] = "";
	struct arena a;
	arena_init(&a);
	pthread_mutex_lock(&s->lock);
	memcpy(text, s->user, sizeof(text));
	pthread_mutex_unlock(&s->lock);
	struct sv id = sf_id(user, &a);
	enum author author = AUTHOR_UNKNOWN;
	if (text[0] && id.len)
		author = sv_eq(id, sv_of(text)) ? AUTHOR_OWN : AUTHOR_FOREIGN;
	arena_finish(&a);
	return author;
}

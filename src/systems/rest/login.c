/* The session: logging in step by step, once for all who wait.
 *
 *   steps 'always' and 'kept'      when a kept token is in the credential box
 *     | refused: the token was used, or is too old
 *   steps 'always' and 'password'  otherwise
 *
 * A kept token is good for one use. The answer that replaces it is stored
 * before the next step is sent: a crash in between would otherwise lose the
 * chain, and only a password login could begin a new one. */
#include "systems/rest/connection.h"

#include <openssl/evp.h>

#include "base/log.h"
#include "base/panic.h"

enum { VARS_MAX = 64, SETTING_MAX = 16 * 1024, ANSWER_MAX = 1 << 20 };

/* All in its own arena, freed when the login is over: settings resolve to
 * secrets, which are not held for longer. */
struct login {
	struct rest *r;
	struct arena arena;
	struct var var[VARS_MAX];
	struct vars vars;
	uint64_t print; /* of all settings' texts */
	bool refused;	/* the last step's answer says that the login is wrong */
};

static void set_var(struct login *l, const char *name, struct sv value)
{
	int i = 0;
	while (i < l->vars.n && strcmp(l->var[i].name, name) != 0)
		i++;
	if (i == VARS_MAX)
		panic("login: more than %d names", VARS_MAX); /* the loader counts them */
	l->var[i] = (struct var){ name, arena_sv(&l->arena, value) };
	l->vars.n = i == l->vars.n ? i + 1 : l->vars.n;
}

static struct sv fill(struct login *l, const struct template *t, struct arena *a)
{
	struct buf b;
	buf_init(&b, SETTING_MAX);
	template_add(&b, t, &l->vars, TEMPLATE_VERBATIM);
	struct sv text = arena_sv(a, buf_sv(&b));
	buf_finish(&b);
	return text;
}

static bool resolve_settings(struct login *l, struct err *err)
{
	const struct rest *r = l->r;
	struct buf text;
	buf_init(&text, SETTING_MAX);
	bool ok = true;
	l->print = sv_hash64(sv_of(r->url));
	set_var(l, "url", sv_of(r->url));
	for (int i = 0; i < r->d->setting_n && ok; i++) {
		const struct rest_setting *s = &r->d->setting[i];
		const struct setting *given = deployment_login(r->system, s->name);
		buf_clear(&text);
		if (given)
			ok = setting_resolve(r->deployment, given, &text, err);
		else
			buf_add(&text, sv_of(s->otherwise));
		set_var(l, arena_printf(&l->arena, "login.%s", s->name).ptr, buf_sv(&text));
		l->print = l->print * 31 + sv_hash64(buf_sv(&text));
	}
	buf_finish(&text);
	l->print += l->print == 0;
	return ok;
}

static bool take(struct login *l, const struct rest_step *s, const struct http_call *call,
		 struct err *err)
{
	struct sv location = http_answer_header(call, "Location");
	struct json_object *body = NULL;
	bool ok = true;
	for (int i = 0; i < s->take_n && ok; i++) {
		const struct rest_take *t = &s->take[i];
		struct sv value;
		if (t->source == FROM_BODY && !body)
			ok = (body = json_parse(sv_trim(buf_sv(&call->body_out)), s->name, err));
		if (!ok)
			break;
		value = t->source == FROM_BODY ?
				json_scalar_text(json_path(body, t->path)) :
				url_parameter(location, sv_of(t->path), &l->arena);
		if (!value.len) {
			err_set(err, ERR_SERVER, "%s: login step '%s': no %s in the answer",
				l->r->d->name, s->name, t->path);
			ok = false;
		} else {
			set_var(l, t->name, value);
		}
	}
	json_object_put(body);
	return ok;
}

/* 'Basic ...' in the arena, or nothing. */
static struct sv basic(struct login *l, const struct rest_step *s)
{
	if (!s->basic_user.n)
		return SV_NONE;
	struct sv user = fill(l, &s->basic_user, &l->arena);
	struct sv pair = arena_printf(&l->arena, "%.*s:%.*s", SV_ARG(user),
				      SV_ARG(fill(l, &s->basic_password, &l->arena)));
	char *text = arena_alloc(&l->arena, 6 + (pair.len + 2) / 3 * 4 + 1);
	memcpy(text, "Basic ", 6);
	int n = EVP_EncodeBlock((unsigned char *)text + 6, (const unsigned char *)pair.ptr,
				(int)pair.len);
	return sv_make(text, 6 + (size_t)n);
}

static struct sv form(struct login *l, const struct rest_step *s)
{
	struct buf b;
	buf_init(&b, SETTING_MAX);
	for (int i = 0; i < s->form_n; i++) {
		buf_addf(&b, "%s", i ? "&" : "");
		buf_add_url(&b, sv_of(s->form[i].name));
		buf_addc(&b, '=');
		template_add(&b, &s->form[i].value, &l->vars, TEMPLATE_URL_VALUE);
	}
	struct sv text = arena_sv(&l->arena, buf_sv(&b));
	buf_finish(&b);
	return text;
}

/* One answer of one step. */
static bool attempt_step(struct login *l, const struct rest_step *s, struct err *err)
{
	struct rest *r = l->r;
	struct http_call call = {
		.method = s->request.method,
		.url = rest_url(SV_NONE, &s->request, &l->vars, &l->arena).ptr,
		.timeout_ms = r->connector.shape.longest_request_ms,
		.body_max = ANSWER_MAX,
		.body = form(l, s),
	};
	const struct http_header login = { "Authorization", basic(l, s) };
	call.header = &login;
	call.header_n = login.value.len ? 1 : 0;
	if (call.body.len)
		call.content_type = "application/x-www-form-urlencoded";
	bool ok = rest_exchange(r, &call, &l->arena, err);
	if (ok && rest_statuses_have(&s->refused, (int)call.status)) {
		l->refused = true;
		err_set(err, ERR_AUTH, "%s: login step '%s' was refused (HTTP %ld)", r->d->name,
			s->name, call.status);
		ok = false;
	} else if (ok && !rest_statuses_have(&s->expect, (int)call.status)) {
		err_set(err, call.status == 429 ? ERR_LIMIT : ERR_SERVER,
			"%s: login step '%s': HTTP %ld", r->d->name, s->name, call.status);
		ok = false;
	}
	ok = ok && take(l, s, &call, err);
	http_call_finish(&call);
	return ok;
}

static struct sv credential_name(struct login *l)
{
	return arena_printf(&l->arena, "%s/%.*s", l->r->d->name,
			    SV_ARG(fill(l, &l->r->d->login.keep_as, &l->arena)));
}

static bool keep(struct login *l, const struct rest_step *s, struct err *err)
{
	const char *name = l->r->d->login.keep;
	for (int i = 0; name && i < s->take_n; i++)
		if (strcmp(s->take[i].name, name) == 0)
			return l->r->box->put(l->r->box, credential_name(l).ptr,
					      *vars_get(&l->vars, sv_of(name)), err);
	return true;
}

static bool run_step(struct login *l, const struct rest_step *s, struct err *err)
{
	struct err failed = { 0 };
	for (int i = 0; i < s->tries; i++) {
		failed = (struct err){ 0 };
		if (attempt_step(l, s, &failed))
			return keep(l, s, err);
		if (l->refused || failed.code == ERR_STOPPED)
			break;
	}
	*err = failed;
	return false;
}

static bool run_steps(struct login *l, enum rest_when when, struct err *err)
{
	const struct rest_description *d = l->r->d;
	l->refused = false;
	for (int i = 0; i < d->login.step_n; i++) {
		const struct rest_step *s = &d->login.step[i];
		if ((s->when == WHEN_ALWAYS || s->when == when) && !run_step(l, s, err))
			return false;
	}
	return true;
}

/* False with *err untouched when there is nothing kept. */
static bool get_kept(struct login *l, struct err *err)
{
	struct rest *r = l->r;
	struct err missing = { 0 };
	struct buf text;
	if (!r->d->login.keep)
		return false;
	buf_init(&text, SETTING_MAX);
	bool ok = r->box->get(r->box, credential_name(l).ptr, &text, &missing);
	if (ok)
		set_var(l, r->d->login.keep, buf_sv(&text));
	else if (missing.code != ERR_NOT_FOUND)
		*err = missing;
	buf_finish(&text);
	return ok;
}

static bool log_in(struct login *l, struct err *err)
{
	struct rest *r = l->r;
	struct err failed = { 0 };
	if (get_kept(l, err)) {
		if (run_steps(l, WHEN_KEPT, &failed))
			return true;
		if (!l->refused) {
			*err = failed;
			return false;
		}
		log_info(r->d->name, "%s; logging in with the password", failed.what);
	} else if (err->code) {
		return false;
	}
	if (r->session.refused_login == l->print) {
		err_set(err, ERR_AUTH, "%s: this login was refused before and has not been changed",
			r->d->name);
		return false;
	}
	bool ok = run_steps(l, WHEN_PASSWORD, err);
	r->session.refused_login = l->refused ? l->print : 0;
	return ok;
}

static struct sv last_segment(struct sv url)
{
	struct sv query;
	sv_cut(url, '?', &url, &query);
	while (url.len && url.ptr[url.len - 1] == '/')
		url.len--;
	size_t from = url.len;
	while (from && url.ptr[from - 1] != '/')
		from--;
	return sv_make(url.ptr + from, url.len - from);
}

/* With session.lock held. */
static void begin_session(struct login *l)
{
	const struct rest_description *d = l->r->d;
	struct session *s = &l->r->session;
	arena_reset(&s->arena);
	s->base = fill(l, &d->session.base, &s->arena);
	s->organisation = arena_sv(&s->arena,
				   last_segment(fill(l, &d->session.organisation, &l->arena)));
	s->subscription = d->changes.next.method ? fill(l, &d->changes.name, &s->arena) : SV_NONE;
	if (s->login_print != l->print)
		s->user[0] = '\0'; /* another user, perhaps */
	s->login_print = l->print;
	s->header_n = d->session.header_n;
	s->header = arena_array(&s->arena, struct http_header, (size_t)s->header_n);
	for (int i = 0; i < s->header_n; i++)
		s->header[i] = (struct http_header){ d->session.header[i].name,
						     fill(l, &d->session.header[i].value,
							  &s->arena) };
	s->generation++;
}

/* With session.login held. */
static void renew(struct rest *r)
{
	struct login l = { .r = r };
	struct err failed = { 0 };
	l.vars.var = l.var;
	arena_init(&l.arena);
	bool ok = resolve_settings(&l, &failed) && log_in(&l, &failed);
	bool own_code = failed.code == ERR_AUTH || failed.code == ERR_LIMIT ||
			failed.code == ERR_STORE || failed.code == ERR_STOPPED ||
			failed.code == ERR_BAD_INPUT;
	pthread_mutex_lock(&r->session.lock);
	r->session.attempts++;
	r->session.failed = (struct err){ 0 };
	if (ok)
		begin_session(&l);
	else if (own_code)
		r->session.failed = failed;
	else
		err_set(&r->session.failed, ERR_UNREACHABLE, "%s", failed.what);
	pthread_mutex_unlock(&r->session.lock);
	arena_finish(&l.arena);
}

static void copy_session(const struct session *s, struct arena *a, struct session_use *out)
{
	*out = (struct session_use){
		.generation = s->generation,
		.base = arena_sv(a, s->base),
		.header = arena_array(a, struct http_header, (size_t)s->header_n),
		.header_n = s->header_n,
		.organisation = arena_sv(a, s->organisation),
		.subscription = arena_sv(a, s->subscription),
	};
	for (int i = 0; i < s->header_n; i++)
		out->header[i] = (struct http_header){ s->header[i].name,
						       arena_sv(a, s->header[i].value) };
}

bool session_get(struct rest *r, int ended, struct arena *a, struct session_use *out,
		 struct err *err)
{
	struct session *s = &r->session;
	pthread_mutex_lock(&s->lock);
	bool good = s->generation > ended;
	int attempts = s->attempts;
	if (good)
		copy_session(s, a, out);
	pthread_mutex_unlock(&s->lock);
	if (good)
		return true;

	/* Whoever waited here while another logged in takes that one's result,
	 * good or bad: a refused login must not be tried by all of them. */
	pthread_mutex_lock(&s->login);
	if (s->attempts == attempts)
		renew(r);
	pthread_mutex_lock(&s->lock);
	good = s->generation > ended;
	if (good)
		copy_session(s, a, out);
	else
		*err = s->failed;
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->login);
	return good;
}

bool session_user(struct rest *r, struct arena *a, struct sv *out, struct err *err)
{
	struct session *s = &r->session;
	const struct rest_request *q = &r->d->session.user;
	struct session_use use;
	struct rest_answer answer;
	*out = SV_NONE;
	if (!q->method)
		return true;
	if (!session_get(r, 0, a, &use, err))
		return false;
	pthread_mutex_lock(&s->lock);
	*out = arena_sv(a, sv_of(s->user));
	pthread_mutex_unlock(&s->lock);
	if (out->len)
		return true;
	struct rest_ask ask = { .on = ON_SESSION, .what = "own user id", .request = q };
	bool ok = rest_call(r, &ask, a, &answer, err);
	struct sv id = ok ? json_scalar_text(json_path(answer.body, r->d->session.user_id)) : SV_NONE;
	if (ok && (!id.len || id.len >= sizeof(s->user))) {
		err_set(err, ERR_SERVER, "%s: no %s in the answer about our own user", r->d->name,
			r->d->session.user_id);
		ok = false;
	}
	if (ok) {
		*out = arena_sv(a, id);
		pthread_mutex_lock(&s->lock);
		snprintf(s->user, sizeof(s->user), "%.*s", SV_ARG(id));
		pthread_mutex_unlock(&s->lock);
	}
	rest_answer_finish(&answer);
	return ok;
}

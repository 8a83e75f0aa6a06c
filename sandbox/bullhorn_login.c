#include "bullhorn_login.h"

#include "base/panic.h"
#include "base/rng.h"

enum { MINUTE_MS = 60000 };

void login_init(struct login *l)
{
	*l = (struct login){
		.max_sessions = 50,
		.access_ms = 10 * MINUTE_MS,
		.code_ms = 2 * MINUTE_MS,
		.session_ms = 10 * MINUTE_MS,
	};
}

void login_finish(struct login *l)
{
	free(l->items);
	*l = (struct login){ 0 };
}

void token_make(char out[TOKEN_SIZE])
{
	unsigned char b[16];
	random_bytes(b, sizeof(b));
	snprintf(out, TOKEN_SIZE,
		 "%02x%02x%02x%02x-%02x%02x-4%01x%02x-a%01x%02x-%02x%02x%02x%02x%02x%02x", b[0],
		 b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], b[8] & 15, b[9], b[10], b[11],
		 b[12], b[13], b[14], b[15]);
}

static void drop_expired(struct login *l, int64_t now_ms)
{
	for (size_t i = l->len; i-- > 0;)
		if (l->items[i].expires_ms <= now_ms)
			l->items[i] = l->items[--l->len];
}

static void add(struct login *l, enum token_kind kind, int64_t expires_ms, char out[TOKEN_SIZE])
{
	if (l->len == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->items = must_realloc(l->items, l->cap * sizeof(*l->items));
	}
	struct token *t = &l->items[l->len++];
	t->kind = kind;
	t->expires_ms = expires_ms;
	token_make(t->text);
	memcpy(out, t->text, TOKEN_SIZE);
}

static struct token *find(struct login *l, enum token_kind kind, struct sv text, int64_t now_ms)
{
	drop_expired(l, now_ms);
	for (size_t i = 0; i < l->len; i++)
		if (l->items[i].kind == kind && sv_eq(sv_of(l->items[i].text), text))
			return &l->items[i];
	return NULL;
}

void login_code(struct login *l, int64_t now_ms, char code[TOKEN_SIZE])
{
	drop_expired(l, now_ms);
	l->logins++;
	add(l, TOKEN_CODE, now_ms + l->code_ms, code);
}

bool login_redeem(struct login *l, enum token_kind kind, struct sv text, int64_t now_ms,
		  char access[TOKEN_SIZE], char refresh[TOKEN_SIZE], struct err *err)
{
	struct token *t = find(l, kind, text, now_ms);
	if (!t) {
		err_set(err, ERR_AUTH, "Invalid, expired, or revoked %s.",
			kind == TOKEN_CODE ? "authorization code" : "refresh token");
		return false;
	}
	*t = l->items[--l->len];
	add(l, TOKEN_ACCESS, now_ms + l->access_ms, access);
	/* Unused refresh tokens live on; their real life time is not documented. */
	add(l, TOKEN_REFRESH, INT64_MAX, refresh);
	return true;
}

bool login_open(struct login *l, struct sv access, int64_t ttl_minutes, int64_t now_ms,
		char session[TOKEN_SIZE], struct err *err)
{
	/* The official SDK asks for at most two days. */
	const int64_t longest = 2880;
	size_t sessions = 0;
	if (!find(l, TOKEN_ACCESS, access, now_ms)) {
		err_set(err, ERR_AUTH, "Invalid or expired OAuth access token.");
		return false;
	}
	for (size_t i = 0; i < l->len; i++)
		sessions += l->items[i].kind == TOKEN_SESSION;
	if (sessions >= l->max_sessions) {
		err_set(err, ERR_LIMIT, "The maximum of %zu concurrent sessions is reached.",
			l->max_sessions);
		return false;
	}
	int64_t life = ttl_minutes <= 0	       ? l->session_ms
		       : ttl_minutes > longest ? longest * MINUTE_MS
					       : ttl_minutes * MINUTE_MS;
	add(l, TOKEN_SESSION, now_ms + life, session);
	return true;
}

int64_t login_session(struct login *l, struct sv session, int64_t now_ms)
{
	struct token *t = find(l, TOKEN_SESSION, session, now_ms);
	return t ? t->expires_ms : 0;
}

bool login_close(struct login *l, struct sv session)
{
	struct token *t = find(l, TOKEN_SESSION, session, 0);
	if (t)
		*t = l->items[--l->len];
	return t != NULL;
}

void login_expire(struct login *l, enum token_kind kind)
{
	for (size_t i = l->len; i-- > 0;)
		if (l->items[i].kind == kind)
			l->items[i] = l->items[--l->len];
}

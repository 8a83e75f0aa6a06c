/* bullhorn_login.h - the three kinds of tokens between a password and a session.
 *
 * authorize gives a code (good once, for a few minutes), token trades it for an
 * access token (10 minutes, good only for the REST login) and a refresh token
 * (good once: each refresh gives a new one, and a used one breaks the chain),
 * and the REST login trades the access token for a BhRestToken that lives 'ttl'
 * minutes. Sessions are limited in number (rest-api-docs _authorization.md,
 * _login.md). Codes and tokens are random; nothing else about them is.
 *
 * Guarded by the sandbox's lock. */
#ifndef SANDBOX_BULLHORN_LOGIN_H
#define SANDBOX_BULLHORN_LOGIN_H

#include "base/err.h"

/* What a client of the sandbox logs in with. */
#define BULLHORN_CLIENT_ID "sandbox-client"
#define BULLHORN_CLIENT_SECRET "sandbox-secret"
#define BULLHORN_USER "sandbox.api"
#define BULLHORN_PASSWORD "sandbox-password"
#define BULLHORN_CORPORATION "sbx001"
enum { BULLHORN_CORPORATION_ID = 1234 };

enum { TOKEN_SIZE = 37 }; /* a GUID and its NUL */

enum token_kind { TOKEN_CODE, TOKEN_ACCESS, TOKEN_REFRESH, TOKEN_SESSION };

struct token {
	enum token_kind kind;
	char text[TOKEN_SIZE];
	int64_t expires_ms;
};

struct login {
	struct token *items;
	size_t len, cap;
	size_t max_sessions;
	int64_t access_ms, code_ms, session_ms; /* life times; session: without ttl */
	int64_t logins;				/* with the password, in all */
};

void login_init(struct login *l);
void login_finish(struct login *l);

/* A random GUID, which is what every token looks like. */
void token_make(char out[TOKEN_SIZE]);

void login_code(struct login *l, int64_t now_ms, char code[TOKEN_SIZE]);
/* ERR_AUTH: the code or token is unknown, expired or used. */
bool login_redeem(struct login *l, enum token_kind kind, struct sv text, int64_t now_ms,
		  char access[TOKEN_SIZE], char refresh[TOKEN_SIZE], struct err *err);
/* ERR_AUTH for the access token, ERR_LIMIT when all sessions are in use. */
bool login_open(struct login *l, struct sv access, int64_t ttl_minutes, int64_t now_ms,
		char session[TOKEN_SIZE], struct err *err);
/* When the session ends, or 0: there is none. */
int64_t login_session(struct login *l, struct sv session, int64_t now_ms);
bool login_close(struct login *l, struct sv session);
/* All of that kind, as if their time had come. */
void login_expire(struct login *l, enum token_kind kind);

#endif

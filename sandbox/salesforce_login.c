/* Logging in: the token endpoint (JWT bearer, client credentials), sessions,
 * and who one is. Shapes and texts: OAuth JWT bearer flow; every refusal is
 * HTTP 400 with an object, not the array of the other resources. */
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/panic.h"
#include "salesforce.h"

#define JWT_GRANT "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define CLIENT_SECRET "treaty-consumer-secret"

static EVP_PKEY *read_key(FILE *f)
{
	X509 *cert = PEM_read_X509(f, NULL, NULL, NULL);
	EVP_PKEY *key = NULL;
	if (cert) {
		key = X509_get_pubkey(cert);
		X509_free(cert);
		return key;
	}
	rewind(f);
	return PEM_read_PUBKEY(f, NULL, NULL, NULL);
}

bool sf_login_open(struct salesforce *sf, struct err *err)
{
	const char *path = sf->box->options.jwt_cert;
	if (!path)
		return true;
	FILE *f = fopen(path, "r");
	if (!f) {
		err_set(err, ERR_BAD_INPUT, "--jwt-cert %s: %m", path);
		return false;
	}
	sf->key = read_key(f);
	fclose(f);
	if (!sf->key)
		err_set(err, ERR_BAD_INPUT, "--jwt-cert %s: neither a PEM certificate nor a PEM public key", path);
	return sf->key != NULL;
}

void sf_login_close(struct salesforce *sf)
{
	sf_sessions_end(sf);
	EVP_PKEY_free(sf->key);
}

/* ---- sessions ---- */

static struct sf_session *session_new(struct salesforce *sf, struct sv user)
{
	struct sf_session *s = must_zalloc(sizeof(*s));
	/* '<15-char org id>!<rest>', as clients check it. */
	snprintf(s->token, sizeof(s->token), "%.15s!AQEAQ%016llx%016llx%06llu", sf->org_id.ptr,
		 (unsigned long long)rng_next(&sf->rng), (unsigned long long)rng_next(&sf->rng),
		 (unsigned long long)sf->next_serial++);
	s->user = tables_intern(sf->system->tables, user);
	s->integration = sv_eq(user, sf->integration_user);
	HASH_ADD_STR(sf->sessions, token, s);
	return s;
}

void sf_session_end(struct salesforce *sf, struct sf_session *s)
{
	HASH_DEL(sf->sessions, s);
	free(s);
}

void sf_sessions_end(struct salesforce *sf)
{
	struct sf_session *s, *next;
	HASH_ITER(hh, sf->sessions, s, next)
		sf_session_end(sf, s);
}

struct sf_session *sf_session_of(struct salesforce *sf, const struct http_request *req)
{
	struct sv auth = http_header(req, "Authorization"), scheme, token;
	struct sf_session *s = NULL;
	if (!sv_cut(auth, ' ', &scheme, &token) ||
	    !(sv_eq_nocase(scheme, SV("Bearer")) || sv_eq_nocase(scheme, SV("OAuth"))))
		token = http_arg(req, "oauth_token"); /* jsforce's identity() */
	if (token.len)
		HASH_FIND(hh, sf->sessions, token.ptr, token.len, s);
	return s;
}

/* ---- the token endpoint ---- */

static void refuse(struct sf_call *c, const char *error, const char *description)
{
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "error", sv_of(error));
	json_put_sv(o, "error_description", sv_of(description));
	http_json(c->resp, 400, o);
}

static void grant(struct sf_call *c, struct sv user, bool jwt)
{
	struct sf_session *s = session_new(c->sf, user);
	const char *base = c->sf->box->base_url[SYSTEM_SALESFORCE];
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "access_token", sv_of(s->token));
	json_put_sv(o, "scope", SV("api web id"));
	json_put_sv(o, "instance_url", sv_of(base));
	json_put_sv(o, "id", arena_printf(c->a, "%s/id/%.*s/%.*s", base, SV_ARG(c->sf->org_id), SV_ARG(user)));
	json_put_sv(o, "token_type", SV("Bearer"));
	if (!jwt) {
		json_put_sv(o, "issued_at", arena_printf(c->a, "%lld", (long long)sandbox_now(c->sf->box)));
		json_put_sv(o, "signature", SV("c2FuZGJveA=="));
	}
	http_json(c->resp, 200, o);
}

static int base64url_value(char ch)
{
	if (ch >= 'A' && ch <= 'Z')
		return ch - 'A';
	if (ch >= 'a' && ch <= 'z')
		return ch - 'a' + 26;
	if (ch >= '0' && ch <= '9')
		return ch - '0' + 52;
	return ch == '-' ? 62 : ch == '_' ? 63 : -1;
}

static bool base64url_decode(struct arena *a, struct sv in, struct sv *out)
{
	char *p = arena_alloc(a, in.len + 1);
	size_t n = 0;
	unsigned bits = 0, have = 0;
	while (in.len && in.ptr[in.len - 1] == '=')
		in.len--;
	for (size_t i = 0; i < in.len; i++) {
		int v = base64url_value(in.ptr[i]);
		if (v < 0)
			return false;
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			p[n++] = (char)(bits >> have);
		}
	}
	*out = sv_make(p, n);
	return in.len % 4 != 1;
}

static bool signature_good(EVP_PKEY *key, struct sv text, struct sv signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len,
				   (const unsigned char *)text.ptr, text.len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

struct assertion {
	struct json_object *header, *claims;
	struct sv signed_text, signature;
};

static bool open_assertion(struct arena *a, struct sv jws, struct assertion *out)
{
	struct sv head, rest, claims, signature, head_json, claims_json;
	struct err err = { 0 };
	*out = (struct assertion){ .header = NULL };
	if (!sv_cut(jws, '.', &head, &rest) || !sv_cut(rest, '.', &claims, &signature))
		return false;
	if (!base64url_decode(a, head, &head_json) || !base64url_decode(a, claims, &claims_json) ||
	    !base64url_decode(a, signature, &out->signature))
		return false;
	out->signed_text = sv_make(jws.ptr, head.len + 1 + claims.len);
	out->header = json_parse(head_json, "header", &err);
	out->claims = json_parse(claims_json, "claims", &err);
	return out->header && out->claims;
}

static bool audience_good(struct sf_call *c, struct sv aud)
{
	struct salesforce *sf = c->sf;
	if (aud.len && aud.ptr[aud.len - 1] == '/')
		aud.len--;
	return sv_eq(aud, sv_of(sf->box->base_url[SYSTEM_SALESFORCE])) ||
	       sv_eq(aud, SV("https://login.salesforce.com")) || sv_eq(aud, SV("https://test.salesforce.com")) ||
	       sv_eq(aud, arena_printf(c->a, "http://localhost:%d", sf->system->port));
}

static struct row *user_named(struct salesforce *sf, struct sv name)
{
	struct row *r;
	int f = table_field(sf->user, SV("Username"));
	return table_lookup(sf->user, f, name, &r, 1) ? r : NULL;
}

/* Real clients send 'exp' in seconds, in milliseconds, or as text. */
static bool still_valid(struct salesforce *sf, struct json_object *claims)
{
	int64_t exp = json_i64(claims, "exp", 0), now = sandbox_now(sf->box);
	if (exp < 100000000000)
		exp *= 1000;
	return exp > now;
}

static void jwt_login(struct sf_call *c)
{
	struct salesforce *sf = c->sf;
	struct assertion x;
	struct row *user;
	if (!open_assertion(c->a, http_form(c->req, "assertion"), &x))
		refuse(c, "invalid_grant", "invalid assertion");
	else if (!sv_eq(json_sv(x.header, "alg"), SV("RS256")))
		refuse(c, "invalid_grant", "algorithm is not supported");
	else if (!sv_eq(json_sv(x.claims, "iss"), sv_of(sf->box->options.client_id)))
		refuse(c, "invalid_client_id", "client identifier invalid");
	else if (!sf->key || !signature_good(sf->key, x.signed_text, x.signature))
		refuse(c, "invalid_grant", "invalid assertion");
	else if (!audience_good(c, json_sv(x.claims, "aud")))
		refuse(c, "invalid_grant", "audience is invalid");
	else if (!still_valid(sf, x.claims))
		refuse(c, "invalid_grant", "expired authorization code");
	else if (!(user = user_named(sf, json_sv(x.claims, "sub"))))
		refuse(c, "invalid_grant", "user hasn't approved this consumer");
	else
		grant(c, user->id, true);
	json_object_put(x.header);
	json_object_put(x.claims);
}

/* A person's login for tests and real clients: the same id, a fixed secret;
 * "user" chooses who. */
static void client_credentials(struct sf_call *c)
{
	struct sv name = http_form(c->req, "user");
	struct row *user = name.len ? user_named(c->sf, name) : table_row(c->sf->user, c->sf->humans[0]);
	if (!sv_eq(http_form(c->req, "client_id"), sv_of(c->sf->box->options.client_id)))
		refuse(c, "invalid_client_id", "client identifier invalid");
	else if (!sv_eq(http_form(c->req, "client_secret"), SV(CLIENT_SECRET)))
		refuse(c, "invalid_client", "invalid client credentials");
	else if (!user)
		refuse(c, "invalid_grant", "authentication failure");
	else
		grant(c, user->id, false);
}

void sf_handle_token(struct sf_call *c)
{
	struct sv type = http_form(c->req, "grant_type");
	if (sv_eq(type, SV(JWT_GRANT)))
		jwt_login(c);
	else if (sv_eq(type, SV("client_credentials")))
		client_credentials(c);
	else if (sv_eq(type, SV("refresh_token")))
		refuse(c, "invalid_grant", "expired access/refresh token");
	else
		refuse(c, "unsupported_grant_type", "grant type not supported");
}

/* ---- who one is ---- */

void sf_handle_userinfo(struct sf_call *c)
{
	const struct row *u = table_row(c->sf->user, c->who->user);
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "sub", arena_printf(c->a, "%s/id/%.*s/%.*s", c->sf->box->base_url[SYSTEM_SALESFORCE],
					   SV_ARG(c->sf->org_id), SV_ARG(u->id)));
	json_put_sv(o, "user_id", u->id);
	json_put_sv(o, "organization_id", c->sf->org_id);
	json_put_sv(o, "preferred_username", row_get(u, "Username"));
	json_put_sv(o, "name", sf_value(c->a, u, table_field(u->table, SV("Name"))));
	json_put_sv(o, "email", row_get(u, "Email"));
	http_json(c->resp, 200, o);
}

void sf_handle_identity(struct sf_call *c)
{
	const struct row *u = table_row(c->sf->user, c->who->user);
	const char *base = c->sf->box->base_url[SYSTEM_SALESFORCE];
	struct json_object *o = json_object_new_object(), *urls = json_object_new_object();
	json_put_sv(o, "id", arena_printf(c->a, "%s/id/%.*s/%.*s", base, SV_ARG(c->sf->org_id), SV_ARG(u->id)));
	json_put_bool(o, "asserted_user", true);
	json_put_sv(o, "user_id", u->id);
	json_put_sv(o, "organization_id", c->sf->org_id);
	json_put_sv(o, "username", row_get(u, "Username"));
	json_put_sv(o, "display_name", sf_value(c->a, u, table_field(u->table, SV("Name"))));
	json_put_sv(o, "email", row_get(u, "Email"));
	json_put_sv(o, "user_type", SV("STANDARD"));
	json_put_bool(o, "active", true);
	json_put_sv(urls, "rest", arena_printf(c->a, "%s/services/data/v{version}/", base));
	json_put_sv(urls, "sobjects", arena_printf(c->a, "%s/services/data/v{version}/sobjects/", base));
	json_put_sv(urls, "query", arena_printf(c->a, "%s/services/data/v{version}/query/", base));
	json_object_object_add(o, "urls", urls);
	http_json(c->resp, 200, o);
}

/* deployment_store.c - where the store is: an SQLite file, or how to connect to
 * PostgreSQL. */
#include <ctype.h>
#include <string.h>

#include "base/panic.h"
#include "treaty/deployment_parts.h"

/* Of libpq's keywords those that say where the database is and how to get
 * there. Not 'password' (a secret), not 'service' (could say anything). */
static const char *const postgres_words[] = {
	"host", "hostaddr", "port", "dbname", "user", "passfile", "sslmode", "sslrootcert",
	"sslcert", "sslkey", "sslcrl", "channel_binding", "connect_timeout", "keepalives",
	"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
	"target_session_attrs", "options", "require_auth", "gssencmode", "krbsrvname",
};

/* The next 'word = value' or "word = 'value'" of the text; false at its end and
 * where it is none, with *rest at that place. */
static bool next_setting(struct sv *rest, struct arena *a, struct sv *word, struct sv *value)
{
	struct sv s = sv_trim(*rest);
	size_t n = 0;
	*rest = s;
	while (n < s.len && (isalnum((unsigned char)s.ptr[n]) || s.ptr[n] == '_'))
		n++;
	*word = sv_make(s.ptr, n);
	s = sv_trim(sv_make(s.ptr + n, s.len - n));
	if (n == 0 || s.len == 0 || s.ptr[0] != '=')
		return false;
	s = sv_trim(sv_make(s.ptr + 1, s.len - 1));
	bool quoted = s.len && s.ptr[0] == '\'';
	char *out = arena_alloc(a, s.len + 1);
	size_t i = quoted, len = 0;
	for (; i < s.len && (quoted ? s.ptr[i] != '\'' : !isspace((unsigned char)s.ptr[i])); i++) {
		if (s.ptr[i] == '\\' && i + 1 < s.len)
			i++;
		out[len++] = s.ptr[i];
	}
	if (quoted && i == s.len)
		return false;
	i += quoted;
	*value = sv_make(out, len);
	*rest = sv_make(s.ptr + i, s.len - i);
	return true;
}

/* Sockets of this machine, and its loopback addresses. */
static bool is_here(struct sv hosts)
{
	struct sv host;
	for (bool more = true; more;) {
		more = sv_cut(hosts, ',', &host, &hosts);
		if (host.len && host.ptr[0] != '/' && host.ptr[0] != '@' && !is_loopback(host) &&
		    !sv_eq(host, SV("::1")))
			return false;
	}
	return true;
}

static bool hides(struct sv sslmode)
{
	return sv_eq(sslmode, SV("require")) || sv_eq(sslmode, SV("verify-ca")) ||
	       sv_eq(sslmode, SV("verify-full"));
}

/* What is said of the connection. */
struct connection {
	struct sv elsewhere; /* a host that is not this machine */
	struct sv sslmode, dbname;
};

/* Never quotes a value: it may be a password that should not be here. */
static void take_part(const struct doc_at *at, struct sv word, struct sv value,
		      struct connection *out)
{
	struct complaints *c = at->doc->complaints;
	char *name = arena_str(at->doc->arena, word);
	size_t i = 0;
	while (i < countof(postgres_words) && strcmp(name, postgres_words[i]) != 0)
		i++;
	if (i == countof(postgres_words) && is_secret_name(name))
		complaints_add(c, at->value->place, "'postgres': %s: a secret does not belong in this "
			       "file; say 'password' beside it, as env:NAME or file:PATH", name);
	else if (i == countof(postgres_words))
		complaints_add(c, at->value->place, "'postgres': %s is no word of a connection%s",
			       doc_quote(at->doc, name),
			       doc_suggest(at->doc, name, postgres_words, countof(postgres_words)));
	if ((sv_eq(word, SV("host")) || sv_eq(word, SV("hostaddr"))) && !is_here(value))
		out->elsewhere = value;
	else if (sv_eq(word, SV("sslmode")))
		out->sslmode = value;
	else if (sv_eq(word, SV("dbname")))
		out->dbname = value;
}

static void take_postgres(const struct doc_at *at, void *member)
{
	struct complaints *c = at->doc->complaints;
	struct sv rest = sv_of(at->value->text), word, value;
	struct connection is = { 0 };
	int before = c->n;
	if (memmem(rest.ptr, rest.len, "://", 3)) {
		complaints_add(c, at->value->place, "'postgres': say it as words, without a "
			       "password: host=... dbname=... user=...");
		return;
	}
	while (next_setting(&rest, at->doc->arena, &word, &value))
		take_part(at, word, value, &is);
	if (rest.len)
		complaints_add(c, at->value->place, "'postgres': it is read as host=... dbname=... "
			       "user=..., and that ends after %zu characters",
			       (size_t)(rest.ptr - at->value->text));
	else if (!is.dbname.len)
		complaints_add(c, at->value->place, "'postgres': dbname=... is missing: which database");
	if (is.elsewhere.len && !hides(is.sslmode))
		complaints_add(c, at->value->place, "'postgres': people's data would go to another "
			       "machine in the clear; say sslmode=verify-full (or require)");
	if (c->n == before)
		*(const char **)member = at->value->text;
}

static const struct doc_key store_keys[] = {
	{ "path", YAML_SCALAR, false, take_path_beside, offsetof(struct deployment, store_path),
	  .decides = "the SQLite file that holds the state" },
	{ "postgres", YAML_SCALAR, false, take_postgres, offsetof(struct deployment, store_postgres),
	  .decides = "or the PostgreSQL database that does: host=... dbname=... user=..." },
	{ "password", YAML_SCALAR, false, take_secret, offsetof(struct deployment, store_password),
	  .decides = "the password there, as env:NAME or file:PATH" },
	{ "key", YAML_SCALAR, true, take_secret, offsetof(struct deployment, store_key),
	  .decides = "what credentials in the store are sealed with, as env:NAME or file:PATH" },
	{ 0 },
};
const struct doc_level store_level = { "'store'", store_keys, NULL };

void take_store(const struct doc_at *at, void *member)
{
	const struct yaml_pair *path = yaml_find(at->value, "path");
	const struct yaml_pair *postgres = yaml_find(at->value, "postgres");
	const struct yaml_pair *password = yaml_find(at->value, "password");
	doc_walk(at->doc, &store_level, at->value, at->place, member);
	if (!path && !postgres)
		complaints_add(at->doc->complaints, at->place,
			       "'path' or 'postgres' is missing: the SQLite file that holds the "
			       "state, or the PostgreSQL database that does");
	if (path && postgres)
		complaints_add(at->doc->complaints, postgres->place,
			       "'postgres': the state is in one place, and line %d says 'path'",
			       path->place.line);
	if (password && !postgres)
		complaints_add(at->doc->complaints, password->place,
			       "'password' belongs to 'postgres'; a file has none");
}

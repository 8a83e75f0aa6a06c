#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "cli/open.h"
#include "cli/print.h"
#include "treaty/alerts.h"
#include "treaty/signature.h"

/* ----------------------------------------------------------------- keygen */

static int run_keygen(struct cli *c)
{
	struct err err = { 0 };
	struct buf public;
	buf_init(&public, 256);
	if (!ed25519_make(c->arg[0], &public, &err)) {
		buf_finish(&public);
		return cli_failed(c, &err);
	}
	if (c->json) {
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "file", sv_of(c->arg[0]));
		json_put_sv(o, "key", buf_sv(&public));
		print_json(o);
	} else {
		printf("key: %.*s\n", SV_ARG(buf_sv(&public)));
		fprintf(stderr, "%s is the private key: whoever has it signs as its role. Keep it where only\n"
			"that person reads it, and a copy. The line above stands under the role in the\n"
			"treaty.\n", c->arg[0]);
	}
	buf_finish(&public);
	return EXIT_FINE;
}

const struct verb verb_keygen = {
	.name = "keygen",
	.args = "FILE",
	.summary = "make a key with which a role signs",
	.about =
		"Makes an Ed25519 key, writes the private one into FILE, which must not exist, and\n"
		"prints the public one as it stands under a role in the treaty. A key made by\n"
		"'openssl genpkey -algorithm ed25519' is as good.\n",
	.example = "  treaty keygen ~/.treaty/sales_lead.pem\n",
	.exits = "  1   the file is there already, or cannot be written\n",
	.json = "  {\"file\": FILE, \"key\": \"ed25519:...\"}\n",
	.args_min = 1,
	.args_max = 1,
	.run = run_keygen,
};

/* ------------------------------------------------------------------- sign */

static struct sv now_utc(struct arena *a)
{
	time_t t = (time_t)(clock_now(clock_real()) / 1000);
	struct tm tm;
	char text[32];
	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_sv(a, sv_of(text));
}

static bool write_signature(const char *path, struct sv text, struct err *err)
{
	char temp[4096];
	snprintf(temp, sizeof(temp), "%s.new", path);
	FILE *f = fopen(temp, "we");
	bool ok = f && fwrite(text.ptr, 1, text.len, f) == text.len && fflush(f) == 0 &&
		  fsync(fileno(f)) == 0;
	if (f)
		ok = fclose(f) == 0 && ok;
	ok = ok && rename(temp, path) == 0;
	if (!ok)
		err_set_errno(err, errno, "%s", temp);
	return ok;
}

/* Whose key is it? The role's own in this version or in the one in force. */
static bool is_role_key(const struct approval *p, const struct treaty *t, struct sv public)
{
	int i = treaty_role_by_name(t, sv_of(p->role));
	return (p->key && sv_eq(public, sv_of(p->key))) ||
	       (!p->before && i >= 0 && t->role[i].key && sv_eq(public, sv_of(t->role[i].key)));
}

static const struct approval *approval_of(const struct approval *list, int n, const char *role)
{
	for (int i = 0; i < n; i++)
		if (strcmp(list[i].role, role) == 0)
			return &list[i];
	return NULL;
}

static bool signature_of(struct opened *o, const struct approval *p, const char *key, struct buf *text,
			 struct err *err)
{
	unsigned char signature[ED25519_SIGNATURE];
	struct buf public;
	buf_init(&public, 256);
	bool ok = ed25519_public(key, &public, err);
	if (ok && !is_role_key(p, o->treaty, buf_sv(&public))) {
		err_set(err, ERR_BAD_INPUT,
			p->key ? "%s is not %s's key, which is %s%s" :
				 "%s: %s has no key in the treaty%s%s; its public key is %.*s",
			key, p->role, p->key ? p->key : "", p->before ? " in the version in force" : "",
			SV_ARG(buf_sv(&public)));
		ok = false;
	}
	signature_statement(o->treaty, p->role, now_utc(&o->arena), text);
	ok = ok && ed25519_sign(key, buf_sv(text), signature, err);
	if (ok)
		signature_line(signature, text);
	buf_finish(&public);
	return ok;
}

/* The domains that the role signs. */
static struct json_object *domains_of(const struct treaty *t, const char *role)
{
	struct json_object *list = json_object_new_array();
	for (int d = 0; d < t->domain_n; d++)
		for (int k = 0; k < t->domain[d].signed_by_n; k++)
			if (strcmp(t->role[t->domain[d].signed_by[k]].name, role) == 0)
				json_object_array_add(list, json_object_new_string(t->domain[d].name));
	return list;
}

static void say_signed(const struct treaty *t, const char *role, const char *path, bool json)
{
	struct json_object *domains = domains_of(t, role);
	if (json) {
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "role", sv_of(role));
		json_put_i64(o, "version", t->version);
		json_put_sv(o, "file", sv_of(path));
		json_object_object_add(o, "domains", domains);
		print_json(o);
		return;
	}
	printf("%s signed %s version %d: the head", role, t->name, t->version);
	for (size_t i = 0; i < json_object_array_length(domains); i++)
		printf(", %s", json_object_get_string(json_object_array_get_idx(domains, i)));
	printf(".\n%s goes with the treaty.\n", path);
	json_object_put(domains);
}

static int sign_as(struct cli *c, struct opened *o, const char *role)
{
	struct err err = { 0 };
	struct approval *list;
	struct buf text;
	struct treaty *was = treaty_in_force(o);
	int n = treaty_approvals(o->treaty, was, o->deployment->treaty_path, &o->arena, &list);
	const struct approval *p = approval_of(list, n, role);
	const char *key = cli_option(c, "key"), *statement = cli_option(c, "statement");
	int code = EXIT_FAILED;
	buf_init(&text, SIGNATURE_MAX);
	if (!p) {
		code = cli_usage(c, "'%.60s' signs nothing: no domain's 'signed_by' names it", role);
	} else if (statement) {
		signature_statement(o->treaty, role, now_utc(&o->arena), &text);
		fwrite(text.ptr, 1, text.len, stdout);
		code = EXIT_FINE;
	} else if (!key) {
		code = cli_usage(c, "needs --key FILE, or --statement to sign elsewhere");
	} else {
		const char *path = signature_path(o->deployment->treaty_path, role, &o->arena).ptr;
		if (signature_of(o, p, key, &text, &err) && write_signature(path, buf_sv(&text), &err)) {
			say_signed(o->treaty, role, path, c->json);
			code = EXIT_FINE;
		} else {
			code = cli_failed(c, &err);
		}
	}
	buf_finish(&text);
	treaty_destroy(was);
	return code;
}

static int run_sign(struct cli *c)
{
	struct opened o;
	int code = EXIT_FAILED;
	const char *role = cli_option(c, "role");
	if (!role)
		return cli_usage(c, "needs --role ROLE");
	opened_init(&o);
	if (open_draft(&o, c))
		code = sign_as(c, &o, role);
	opened_close(&o);
	return code;
}

static const struct cli_option sign_options[] = {
	{ "role", "ROLE", "who signs" },
	{ "key", "FILE", "the role's private key" },
	{ "statement", NULL, "print what is to be signed, for a key that is kept elsewhere" },
	{ 0 },
};

const struct verb verb_sign = {
	.name = "sign",
	.args = "",
	.summary = "agree to the treaty as a role",
	.about =
		"Signs the treaty's head and those domains whose 'signed_by' names the role, as they\n"
		"mean now, and writes the signature beside the treaty: treaty.ROLE.sig, which\n"
		"belongs into version control with it. Comments and layout may change afterwards,\n"
		"the meaning may not. Read 'treaty diff' first: it says what changed since the\n"
		"version in force.\n"
		"\n"
		"With --statement the text is printed instead. Whoever signs it elsewhere adds a\n"
		"last line 'ed25519 BASE64' and stores it as treaty.ROLE.sig:\n"
		"  openssl pkeyutl -sign -rawin -inkey KEY -in STATEMENT | base64 -w0\n",
	.example = "  treaty sign --role sales_lead --key ~/.treaty/sales_lead.pem\n",
	.exits = "  1   the treaty is refused, or the key is not the role's\n",
	.json = "  {\"role\": ROLE, \"version\": N, \"file\": FILE, \"domains\": [NAME]}\n",
	.option = sign_options,
	.run = run_sign,
};

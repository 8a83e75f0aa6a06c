/* The deployment: forms, refusals, and that no secret gets into a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <unistd.h>

#include "../scratch_dir.h"
#include "treaty/deployment.h"

#define HEAD "deployment: 1\ntreaty: treaty.yaml\nstore: {path: s.db, key: env:K}\nsystems:\n"
#define SALESFORCE                                                                  \
	"  salesforce: {connector: salesforce, url: https://x.my.salesforce.com, "  \
	"login: {client_id: c, username: u@acme.example, key: file:k.pem}}\n"
#define ATS(url) \
	"  ats: {connector: bullhorn, url: '" url "', login: {username: env:U, password: env:P}}\n"

static char *messages(const char *text)
{
	struct complaints c;
	struct buf out;
	complaints_init(&c, "d.yaml");
	buf_init(&out, 1 << 20);
	struct deployment *d = deployment_load_text(sv_of(text), "d.yaml", &c);
	complaints_print(&c, &out);
	assert_int_equal(d == NULL, c.n > 0);
	char *copy = must_strdup(out.ptr ? out.ptr : "");
	deployment_destroy(d);
	buf_finish(&out);
	complaints_finish(&c);
	return copy;
}

static void expect(const char *text, const char *want)
{
	char *got = messages(text);
	assert_string_equal(got, want);
	free(got);
}

static void sweeps(void **state)
{
	expect(HEAD SALESFORCE ATS("https://rest.example.com") "sweep: {every: often, at: noon, on: x}\n",
	       "d.yaml:7:16: 'often': 'every' is a time like 30s, 5m, 8h or 7d\n"
	       "d.yaml:7:27: 'noon': 'at' is a time of the day in UTC, like 02:00\n"
	       "d.yaml:7:33: 'on': 'sweep' has no such key; it has every, at\n");
	static const struct {
		const char *text;
		int64_t every_ms, at_ms;
	} good[] = { { "", 7 * 86400000LL, 2 * 3600000 }, { "sweep: {every: never}\n", 0, 2 * 3600000 },
		     { "sweep: {every: 1d, at: 23:59}\n", 86400000, 23 * 3600000 + 59 * 60000 } };
	for (size_t i = 0; i < countof(good); i++) {
		struct complaints c;
		char text[2048];
		complaints_init(&c, "d.yaml");
		snprintf(text, sizeof(text), "%s%s", HEAD SALESFORCE ATS("https://rest.example.com"), good[i].text);
		struct deployment *d = deployment_load_text(sv_of(text), "d.yaml", &c);
		assert_non_null(d);
		assert_int_equal(d->sweep_every_ms, good[i].every_ms);
		assert_int_equal(d->sweep_at_ms, good[i].at_ms);
		deployment_destroy(d);
		complaints_finish(&c);
	}
}

static void acme_loads(void **state)
{
	struct complaints c;
	complaints_init(&c, ACME);
	struct deployment *d = deployment_load(ACME, &c);
	assert_int_equal(c.n, 0);
	assert_non_null(d);
	const struct deployment_system *ats = &d->system[SIDE_ATS];
	assert_string_equal(ats->connector, "bullhorn");
	assert_int_equal(ats->poll_ms, 2000);
	assert_int_equal(ats->timeout_ms, 120000);
	assert_int_equal(ats->limits.per_minute, 1500);
	assert_int_equal(ats->limits.per_month, 100000);
	assert_int_equal(ats->limits.share_percent, 80);
	assert_true(deployment_login(ats, "password")->secret);
	assert_false(deployment_login(ats, "client_id")->secret);
	assert_null(deployment_login(ats, "audience"));
	assert_true(sv_ends(sv_of(d->treaty_path), SV("examples/acme/treaty.yaml")));
	assert_true(sv_ends(sv_of(d->store_path), SV("examples/acme/acme.db")));
	deployment_destroy(d);
	complaints_finish(&c);
}

static void refuses(void **state)
{
	expect(HEAD SALESFORCE ATS("https://rest.example.com"), "");
	expect("deployment: 2\nstore: {path: '', key: k}\nsystems: {atz: {}}\n",
	       "d.yaml:1:1: 'treaty' is missing: the treaty that is carried out\n"
	       "d.yaml:1:13: '2': 'deployment' is the version of the language, and this program reads 1\n"
	       "d.yaml:2:15: 'path': an empty path\n"
	       "d.yaml:2:24: 'key': a secret does not belong in this file; say env:NAME or file:PATH "
	       "where it is kept\n"
	       "d.yaml:3:1: 'ats' is missing: where the applicant tracking system is\n"
	       "d.yaml:3:1: 'salesforce' is missing: where Salesforce is\n"
	       "d.yaml:3:11: 'atz': 'systems' has no such key (did you mean 'ats'?)\n");
	expect(HEAD SALESFORCE
	       "  ats:\n"
	       "    connector: bullhorn\n"
	       "    login: {}\n"
	       "    poll: often\n"
	       "    timeout: 2\n"
	       "    limits: {concurrent: 0, per_second: -1, per_minut: 5, share: 80, per_day: 1e3}\n",
	       "d.yaml:9:11: 'often': 'poll' is a time like 30s, 5m, 8h or 7d\n"
	       "d.yaml:10:14: '2': 'timeout' is a time like 30s, 5m, 8h or 7d\n"
	       "d.yaml:11:26: '0': 'concurrent' is a whole number from 1\n"
	       "d.yaml:11:41: '-1': 'per_second' is a whole number from 1\n"
	       "d.yaml:11:45: 'per_minut': 'limits' has no such key (did you mean 'per_minute'?)\n"
	       "d.yaml:11:66: '80': 'share' is 1% to 100%\n"
	       "d.yaml:11:79: '1e3': 'per_day' is a whole number from 1\n");
	expect(HEAD ATS("https://rest.example.com")
	       "  salesforce: {connector: salesforce, login: {client_id: c, user: u}}\n",
	       "d.yaml:6:3: 'url' is missing: the address of the Salesforce org\n"
	       "d.yaml:6:61: 'user': a login to salesforce has client_id, username, key and audience\n");
}

#define IN_POSTGRES(words)                                                              \
	"deployment: 1\ntreaty: treaty.yaml\nstore: {postgres: \"" words "\", key: env:K}\nsystems:\n" \
	SALESFORCE ATS("https://rest.example.com")

static void store_in_a_server(void **state)
{
	static const char clear[] = "people's data would go to another machine in the clear; say "
				    "sslmode=verify-full (or require)";
	static const char words[] = "say it as words, without a password: host=... dbname=... user=...";
	static const struct {
		const char *text, *fault;
	} cases[] = {
		{ IN_POSTGRES("host=/run/postgresql dbname=acme user=treaty"), NULL },
		{ IN_POSTGRES("dbname = acme"), NULL },
		{ IN_POSTGRES("host=localhost port=5433 dbname='a \\\\' b' options='-c search_path=x'"), NULL },
		{ IN_POSTGRES("host=db.example.com sslmode=verify-full dbname=acme"), NULL },
		{ IN_POSTGRES("host=db.example.com dbname=acme"), clear },
		{ IN_POSTGRES("host=127.0.0.1 hostaddr=10.0.0.1 dbname=acme sslmode=prefer"), clear },
		{ IN_POSTGRES("host=/run/postgresql,db.example.com dbname=acme"), clear },
		{ IN_POSTGRES("host=db.example.com host=127.0.0.1 dbname=acme"), clear },
		{ IN_POSTGRES("user=treaty"), "dbname=... is missing: which database" },
		{ IN_POSTGRES("dbname=acme password=hunter2"),
		  "password: a secret does not belong in this file; say 'password' beside it, as env:NAME "
		  "or file:PATH" },
		{ IN_POSTGRES("dbname=acme usr=treaty"),
		  "'usr' is no word of a connection (did you mean 'user'?)" },
		{ IN_POSTGRES("dbname=acme service=hunter2"), "'service' is no word of a connection" },
		{ IN_POSTGRES("postgresql://treaty:hunter2@db/acme"), words },
		{ IN_POSTGRES("dbname=acme, hunter2"), "it is read as host=... dbname=... user=..., and that "
						       "ends after 13 characters" },
		{ IN_POSTGRES("dbname='hunter2"), "it is read as host=... dbname=... user=..., and that ends "
						  "after 0 characters" },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct arena a;
		arena_init(&a);
		expect(cases[i].text, !cases[i].fault ? "" :
		       arena_printf(&a, "d.yaml:3:19: 'postgres': %s\n", cases[i].fault).ptr);
		arena_finish(&a);
	}
	expect("deployment: 1\ntreaty: t.yaml\nsystems:\n" SALESFORCE ATS("https://rest.example.com")
	       "store: {key: env:K}\n",
	       "d.yaml:6:1: 'path' or 'postgres' is missing: the SQLite file that holds the state, or the "
	       "PostgreSQL database that does\n");
	expect("deployment: 1\ntreaty: t.yaml\nsystems:\n" SALESFORCE ATS("https://rest.example.com")
	       "store:\n  path: s.db\n  postgres: dbname=acme\n  password: hunter2\n  key: env:K\n",
	       "d.yaml:8:3: 'postgres': the state is in one place, and line 7 says 'path'\n"
	       "d.yaml:9:13: 'password': a secret does not belong in this file; say env:NAME or file:PATH "
	       "where it is kept\n");
	expect("deployment: 1\ntreaty: t.yaml\nsystems:\n" SALESFORCE ATS("https://rest.example.com")
	       "store: {path: s.db, password: env:P, key: env:K}\n",
	       "d.yaml:6:21: 'password' belongs to 'postgres'; a file has none\n");
}

static void channels_and_people(void **state)
{
	struct complaints c;
	expect(HEAD SALESFORCE ATS("https://rest.example.com")
	       "channels:\n"
	       "  a: {smtp: {url: mail.example.com, from: nobody}}\n"
	       "  b: {smtp: {url: 'smtp://mail.example.com:25/x', from: \"a@b.example\\r\\nBcc: c@d.example\", "
	       "starttls: off, username: u}}\n"
	       "  c: {webhook: {url: http://hooks.example.com/s3cret, secret: s3cret, shape: slak}}\n"
	       "  d: {}\n"
	       "  e: {webhook: {url: https://hooks.example.com/x}}\n"
	       "people:\n"
	       "  lead: [dana@acme.example, 'a@b@c', \"a@b.example\\nBcc: x@y.example\", f, a]\n"
	       "  boss: e\n",
	       "d.yaml:8:19: 'url': a mail server is smtp://HOST:PORT or smtps://HOST:PORT\n"
	       "d.yaml:8:43: 'nobody': 'from' is an address like treaty@acme.example, or Treaty "
	       "<treaty@acme.example>\n"
	       "d.yaml:9:3: 'b': a second way for mail, after 'a': an address would not say which\n"
	       "d.yaml:9:7: 'smtp': 'username' and 'password' belong together\n"
	       "d.yaml:9:19: 'url': a mail server is smtp://HOST:PORT, and nothing behind that; a login "
	       "goes under 'username'\n"
	       "d.yaml:9:57: 'a@b.example  Bcc: c@d.example': 'from' is an address like "
	       "treaty@acme.example, or Treaty <treaty@acme.example>\n"
	       "d.yaml:9:102: 'starttls': off would send what people read to another machine in the clear; "
	       "say required, or smtps:// in 'url'\n"
	       "d.yaml:10:22: 'url': http to another machine would send the login in the clear; use https\n"
	       "d.yaml:10:63: 'secret': a secret does not belong in this file; say env:NAME or file:PATH "
	       "where it is kept\n"
	       "d.yaml:10:78: 'slak': 'shape' is json, slack or teams (did you mean 'slack'?)\n"
	       "d.yaml:11:3: 'd': a channel is either smtp or webhook\n"
	       "d.yaml:14:29: 'a@b@c': no mail address like dana@acme.example\n"
	       "d.yaml:14:38: 'a@b.example Bcc: x@y.example': no mail address like dana@acme.example\n"
	       "d.yaml:14:71: 'f': neither a mail address nor a channel (did you mean 'a'?)\n"
	       "d.yaml:14:74: 'a': mail to whom? Say the addresses instead\n"
	       "d.yaml:15:3: 'boss': text where a list belongs\n");
	complaints_init(&c, "d.yaml");
	struct deployment *d = deployment_load_text(
		SV(HEAD SALESFORCE ATS("https://rest.example.com")
		   "channels:\n"
		   "  chat: {webhook: {url: file:url, shape: slack}}\n"
		   "  mail: {smtp: {url: 'smtp://127.0.0.1:2525', from: 'T <t@acme.example>'}}\n"
		   "people: {lead: [dana@acme.example, chat, sam@acme.example, chat]}\n"),
		"d.yaml", &c);
	assert_int_equal(c.n, 0);
	const struct deployment_reach *r = deployment_reach_of(d, "lead");
	assert_null(deployment_reach_of(d, "boss"));
	assert_int_equal(r->address_n, 2);
	assert_int_equal(r->channel_n, 2);
	assert_string_equal(d->channel[r->channel[0]].name, "mail");
	assert_int_equal(d->channel[r->channel[1]].shape, SHAPE_SLACK);
	assert_true(d->channel[r->channel[1]].url.secret);
	assert_false(d->channel[r->channel[0]].starttls); /* this machine */
	deployment_destroy(d);
	complaints_finish(&c);
}

static void addresses(void **state)
{
	static const char clear[] =
		"http to another machine would send the login in the clear; use https";
	static const char form[] =
		"an address is https://HOST or https://HOST:PORT, and a path if need be";
	static const struct {
		const char *url, *fault;
	} cases[] = {
		{ "https://rest.example.com/rest-services", NULL },
		{ "https://rest.example.com:8443", NULL },
		{ "http://127.0.0.1:8081", NULL },
		{ "http://localhost:8081/x", NULL },
		{ "http://[::1]:8081", NULL },
		{ "http://rest.example.com", clear },
		{ "http://127.0.0.1.example.com", clear },
		{ "http://localhost.example.com", clear },
		{ "http://10.0.0.1", clear },
		{ "http://127.1", clear },
		{ "https://me:hunter2@rest.example.com", "no login belongs in an address; it goes under 'login'" },
		{ "ftp://rest.example.com", "an address begins with https://" },
		{ "rest.example.com", "an address begins with https://" },
		{ "https://", form },
		{ "https://:80", form },
		{ "https://a:0", form },
		{ "https://a:99999", form },
		{ "https://a b", "an address has no blanks or special characters" },
		{ "https://[::1]x", form },
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct arena a;
		arena_init(&a);
		const char *text = arena_printf(&a,
						HEAD SALESFORCE "  ats: {connector: b, login: {}, url: '%s'}\n",
						cases[i].url).ptr;
		const char *want = !cases[i].fault ? "" :
			arena_printf(&a, "d.yaml:6:39: 'url': %s\n", cases[i].fault).ptr;
		expect(text, want);
		arena_finish(&a);
	}
}

/* A literal secret is refused under its name and under a misspelt one, and no
 * message repeats it. */
static void secrets_stay_out_of_messages(void **state)
{
	static const char *const names[] = { "password", "client_secret", "key", "private_key",
					     "refresh_token", "pasword", "Password", "api_key",
					     "clientsecret", "pass_word", "access_token" };
	for (size_t i = 0; i < countof(names); i++) {
		struct arena a;
		arena_init(&a);
		const char *text = arena_printf(
			&a, HEAD SALESFORCE "  ats: {connector: b, login: {%s: hunter2}}\n", names[i]).ptr;
		char *got = messages(text);
		if (!strstr(got, "a secret does not belong in this file"))
			fail_msg("'%s' may hold a literal: %s", names[i], got);
		assert_null(strstr(got, "hunter2"));
		free(got);
		arena_finish(&a);
	}
	static const char *const broken[] = {
		HEAD "  ats: {connector: b, login: {password: [hunter2]}}\n",
		HEAD "  ats: {connector: b, login: {password: {hunter2: hunter2}}}\n",
		HEAD "  ats: {connector: b, login: {password: hunter2, password: hunter2}}\n",
		HEAD "  ats: {connector: b, login: {password: \"hunter2\n",
		HEAD "  ats: {connector: b, url: 'https://u:hunter2@h', login: {}}\n",
		HEAD "  ats: {connector: b, url: 'http://h/?token=hunter2', login: {}}\n",
		HEAD "  ats: {connector: b, login: {password: *hunter2}}\n",
		HEAD "  ats: {connector: b, login: {password: !hunter2 x}}\n",
		HEAD "  ats: {connector: b, login: {password: hunter2\\0}}\n",
		HEAD "  ats: {connector: b, login: hunter2}\n",
	};
	for (size_t i = 0; i < countof(broken); i++) {
		char *got = messages(broken[i]);
		assert_true(got[0] != '\0');
		if (strstr(got, "hunter2"))
			fail_msg("a secret in a message: %s", got);
		free(got);
	}
}

static void settings_resolve(void **state)
{
	char dir[SCRATCH_DIR_MAX];
	scratch_dir(dir);
	struct arena a;
	struct complaints c;
	struct buf out;
	struct err err = { 0 };
	arena_init(&a);
	buf_init(&out, 1 << 20);
	const char *file = arena_printf(&a, "%s/d.yaml", dir).ptr;
	const char *secret = arena_printf(&a, "%s/s", dir).ptr;
	FILE *f = fopen(secret, "w");
	fputs("from a file\n\r\n", f);
	fclose(f);
	complaints_init(&c, file);
	struct deployment *d = deployment_load_text(
		SV(HEAD SALESFORCE "  ats: {connector: b, login: {username: plain, password: "
				   "env:TEST_DEPLOYMENT, client_secret: file:s, key: file:missing, "
				   "refresh_token: env:TEST_UNSET}}\n"),
		file, &c);
	assert_non_null(d);
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "username", "plain" },
		{ "password", "from the environment" },
		{ "client_secret", "from a file\n" },
		{ "key", NULL },
		{ "refresh_token", NULL },
	};
	setenv("TEST_DEPLOYMENT", "from the environment", 1);
	unsetenv("TEST_UNSET");
	for (size_t i = 0; i < countof(cases); i++) {
		const struct setting *s = deployment_login(&d->system[SIDE_ATS], cases[i].name);
		buf_clear(&out);
		err_clear(&err);
		assert_int_equal(setting_resolve(d, s, &out, &err), cases[i].want != NULL);
		if (cases[i].want)
			assert_string_equal(out.ptr, cases[i].want);
		else
			assert_int_equal(err.code, ERR_BAD_INPUT);
	}
	assert_string_equal(err.what, "'refresh_token': env:TEST_UNSET is not set");
	assert_int_equal(err.line, 6);
	deployment_destroy(d);
	complaints_finish(&c);
	buf_finish(&out);
	unlink(secret);
	rmdir(dir);
	arena_finish(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sweeps),
		cmocka_unit_test(acme_loads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(store_in_a_server),
		cmocka_unit_test(channels_and_people),
		cmocka_unit_test(addresses),
		cmocka_unit_test(secrets_stay_out_of_messages),
		cmocka_unit_test(settings_resolve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

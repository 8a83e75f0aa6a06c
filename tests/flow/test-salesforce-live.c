/* The Salesforce connector against treaty-sandbox, which speaks the real
 * protocols: argv[1] is its path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "../scratch_dir.h"
#include "systems/salesforce/sf.h"

extern char **environ;

static const char *sandbox_path;
static char dir[SCRATCH_DIR_MAX];
static char key_path[SCRATCH_PATH_MAX], public_path[SCRATCH_PATH_MAX], port_path[SCRATCH_PATH_MAX];
static char base_url[64], key_ref[SCRATCH_PATH_MAX + 16];
static pid_t sandbox = -1;
static struct http_client *control_http;

/* ---- the sandbox ---- */

static void make_keys(void)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	BIO *bio = BIO_new_file(key_path, "w");
	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	BIO_free(bio);
	bio = BIO_new_file(public_path, "w");
	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static bool read_port(void)
{
	struct json_object *o = json_object_from_file(port_path);
	int64_t port = json_i64(o, "salesforce", 0);
	json_object_put(o);
	snprintf(base_url, sizeof(base_url), "http://127.0.0.1:%d", (int)port);
	return port > 0;
}

static int start_sandbox(void **state)
{
	scratch_dir(dir);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
	snprintf(public_path, sizeof(public_path), "%s/public.pem", dir);
	snprintf(port_path, sizeof(port_path), "%s/ports", dir);
	snprintf(key_ref, sizeof(key_ref), "file:%s", key_path);
	make_keys();
	const char *argv[] = { sandbox_path, "serve", "--seed", "1", "--size", "300",
			       "--salesforce-port", "0", "--bullhorn-port", "0",
			       "--port-file", port_path, "--jwt-cert", public_path, NULL };
	union {
		const char **in;
		char *const *out;
	} args = { argv };
	assert_int_equal(posix_spawn(&sandbox, sandbox_path, NULL, NULL, args.out, environ), 0);
	for (int i = 0; i < 3000 && !read_port(); i++) {
		assert_int_equal(waitpid(sandbox, NULL, WNOHANG), 0);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ 0, 10000000 }, NULL);
	}
	assert_true(read_port());
	control_http = http_client_create();
	return 0;
}

static int stop_sandbox(void **state)
{
	http_client_destroy(control_http);
	kill(sandbox, SIGTERM);
	waitpid(sandbox, NULL, 0);
	unlink(key_path);
	unlink(public_path);
	unlink(port_path);
	rmdir(dir);
	return 0;
}

/* The sandbox's own endpoints: what people and fate do. */
static void control(const char *verb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void control(const char *verb, const char *fmt, ...)
{
	char url[128], body[1024];
	struct err err = { 0 };
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(body, sizeof(body), fmt, ap);
	va_end(ap);
	snprintf(url, sizeof(url), "%s/_sandbox/%s", base_url, verb);
	struct http_call call = { .method = "POST",
				  .url = url,
				  .body = sv_of(body),
				  .content_type = "application/json" };
	if (!http_perform(control_http, &call, &err) || call.status >= 300)
		fail_msg("%s %s: %ld %s %s", verb, body, call.status, call.body_out.ptr, err.what);
	http_call_finish(&call);
}

/* ---- one connector ---- */

struct org {
	struct deployment deployment;
	struct setting login[3];
	struct http_client *http;
	struct connector *c;
	struct arena arena;
};

static struct org *org_open(void)
{
	static const char *const objects[] = { "Contact", "Placement__c" };
	struct org *s = must_zalloc(sizeof(*s));
	struct err err = { 0 };
	s->login[0] = (struct setting){ .name = "client_id", .text = "treaty-consumer-key" };
	s->login[1] = (struct setting){ .name = "username", .text = "treaty@acme.example" };
	s->login[2] = (struct setting){ .name = "key", .text = key_ref, .secret = true };
	s->deployment.file = "deployment.yaml";
	s->deployment.system[SIDE_SALESFORCE] = (struct deployment_system){
		.url = base_url, .login = s->login, .login_n = 3, .timeout_ms = 20000
	};
	s->http = http_client_create();
	arena_init(&s->arena);
	s->c = salesforce_open(&s->deployment, s->http, clock_real(), objects, 2, &err);
	if (!s->c)
		fail_msg("%s", err.what);
	return s;
}

static void org_close(struct org *s)
{
	s->c->ops->close(s->c);
	http_client_destroy(s->http);
	arena_finish(&s->arena);
	free(s);
}

#define CHECK(call)                                        \
	do {                                               \
		struct err err = { 0 };                    \
		if (!(call))                               \
			fail_msg("%s: %s", #call, err.what); \
	} while (0)

#define TYPE(k) { .kind = (k), .scale = -1, .link_record = -1 }

enum { LAST, FIRST, TITLE, EMAIL, PHONE, STATUS, SKILLS, FROM, PAY, ACTIVE, ACCOUNT, FIELDS };

static const struct field_ref fields[FIELDS] = {
	[LAST] = { "LastName", TYPE(TYPE_TEXT) },
	[FIRST] = { "FirstName", TYPE(TYPE_TEXT) },
	[TITLE] = { "Title", TYPE(TYPE_TEXT) },
	[EMAIL] = { "Email", TYPE(TYPE_EMAIL) },
	[PHONE] = { "Phone", { .kind = TYPE_PHONE, .region = "US", .link_record = -1 } },
	[STATUS] = { "Status__c", TYPE(TYPE_PICKLIST) },
	[SKILLS] = { "Skills__c", TYPE(TYPE_SET) },
	[FROM] = { "Available_From__c", TYPE(TYPE_DATE) },
	[PAY] = { "Expected_Pay__c", { .kind = TYPE_CURRENCY, .scale = 2, .link_record = -1 } },
	[ACTIVE] = { "Active__c", TYPE(TYPE_BOOL) },
	[ACCOUNT] = { "AccountId", TYPE(TYPE_LINK) },
};

static const struct object_ref contact = {
	.object = "Contact",
	.key = "Bullhorn_Id__c",
	.key_type = TYPE(TYPE_TEXT),
	.field = fields,
	.field_n = FIELDS,
};

static struct write_field setting_of(int field, enum value_kind kind, const char *text)
{
	return (struct write_field){ fields[field].api, fields[field].type,
				     { kind, sv_of(text) } };
}

static struct rows list_page(struct org *s, struct sv page)
{
	struct rows rows;
	CHECK(s->c->ops->list(s->c, &contact, page, &s->arena, &rows, &err));
	return rows;
}

static struct row fetch_one(struct org *s, struct sv id)
{
	struct rows rows;
	CHECK(s->c->ops->fetch(s->c, &contact, &id, 1, &s->arena, &rows, &err));
	return rows.row[0];
}

static int found_by(struct org *s, const struct write_field *by, int n, struct sv *id)
{
	struct rows rows;
	CHECK(s->c->ops->find(s->c, &contact, by, n, &s->arena, &rows, &err));
	*id = rows.n ? rows.row[0].id : SV_NONE;
	return rows.n;
}

static struct write write_of(enum write_op op, struct sv id, const struct write_field *f, int n)
{
	return (struct write){ .op = op, .object = &contact, .id = id, .field = f, .field_n = n };
}

static enum write_outcome write_one(struct org *s, struct write *w)
{
	CHECK(s->c->ops->write(s->c, w, 1, &s->arena, &err));
	return w->outcome;
}

/* A contact of its own for each test, so that tests do not meet. */
static struct sv a_contact(struct org *s, const char *last_name)
{
	struct write_field f = setting_of(LAST, VALUE_TEXT, last_name);
	struct write w = write_of(WRITE_CREATE, SV_NONE, &f, 1);
	assert_int_equal(write_one(s, &w), WRITE_DONE);
	return w.new_id;
}

/* ---- login, schema, rows ---- */

static void the_organisation_answers(void **state)
{
	struct org *s = org_open();
	struct sv org = SV_NONE;
	CHECK(s->c->ops->identify(s->c, &s->arena, &org, &err));
	assert_int_equal(org.len, 18);
	assert_true(sv_starts(org, SV("00D")));
	assert_true(s->c->usage.quota_limit > 0);

	struct err err = { 0 };
	s->login[1].text = "stranger@acme.example";
	struct connector *c =
		salesforce_open(&s->deployment, s->http, clock_real(), NULL, 0, &err);
	assert_false(c->ops->identify(c, &s->arena, &org, &err));
	assert_int_equal(err.code, ERR_AUTH);
	c->ops->close(c);
	org_close(s);
}

static const struct schema_field *described(const struct schema_object *o, const char *api)
{
	for (int i = 0; i < o->field_n; i++)
		if (strcmp(o->field[i].api, api) == 0)
			return &o->field[i];
	fail_msg("%s is not described", api);
	return NULL;
}

static void an_object_is_described(void **state)
{
	struct org *s = org_open();
	struct schema_object o;
	CHECK(s->c->ops->describe(s->c, "Contact", &s->arena, &o, &err));
	for (int i = 0; i < FIELDS; i++)
		assert_int_equal(described(&o, fields[i].api)->kind, fields[i].type.kind);
	assert_true(described(&o, "LastName")->required);
	assert_int_equal(described(&o, "LastName")->length, 80);
	assert_false(described(&o, "Active__c")->required);
	assert_true(described(&o, "Bullhorn_Id__c")->unique);
	assert_true(described(&o, "Bullhorn_Id__c")->external_id);
	assert_true(described(&o, "Status__c")->restricted);
	assert_true(described(&o, "Status__c")->picklist_n > 1);
	assert_string_equal(described(&o, "AccountId")->refers_to, "Account");
	assert_false(described(&o, "MasterRecordId")->updateable);

	struct err err = { 0 };
	assert_false(s->c->ops->describe(s->c, "Nothing__c", &s->arena, &o, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	org_close(s);
}

static void all_rows_are_listed_and_fetched_in_one_call(void **state)
{
	struct org *s = org_open();
	struct rows listed = list_page(s, SV_NONE), fetched;
	assert_true(listed.n > 200);
	assert_int_equal(listed.next.len, 0);
	struct sv *id = arena_array(&s->arena, struct sv, (size_t)listed.n);
	for (int i = 0; i < listed.n; i++) {
		id[i] = listed.row[i].id;
		assert_true(i == 0 || sv_cmp(id[i - 1], id[i]) < 0);
	}
	int64_t before = s->c->usage.calls;
	CHECK(s->c->ops->fetch(s->c, &contact, id, listed.n, &s->arena, &fetched, &err));
	assert_int_equal(s->c->usage.calls, before + 1);
	for (int i = 0; i < listed.n; i++) {
		assert_int_equal(fetched.row[i].existence, EXISTENCE_PRESENT);
		assert_true(sv_eq(fetched.row[i].id, id[i]));
		assert_true(fetched.row[i].modified_ms > 0);
		assert_int_not_equal(fetched.row[i].author, AUTHOR_UNKNOWN);
		for (int f = 0; f < FIELDS; f++) {
			assert_int_not_equal(fetched.row[i].value[f].kind, VALUE_UNKNOWN);
			assert_true(value_eq(fetched.row[i].value[f], listed.row[i].value[f]));
		}
	}
	/* from the middle on: the rest and nothing else */
	struct rows rest = list_page(s, id[listed.n - 3]);
	assert_int_equal(rest.n, 2);
	assert_true(sv_eq(rest.row[0].id, id[listed.n - 2]));
	org_close(s);
}

/* ---- writes ---- */

static void what_was_written_is_read_and_found(void **state)
{
	struct org *s = org_open();
	struct write_field account = { "Name", TYPE(TYPE_TEXT), { VALUE_TEXT, SV("Live Works") } };
	struct object_ref accounts = { .object = "Account" };
	struct write wa = { .op = WRITE_CREATE, .object = &accounts, .field = &account, .field_n = 1 };
	assert_int_equal(write_one(s, &wa), WRITE_DONE);

	struct write_field f[FIELDS] = {
		setting_of(LAST, VALUE_TEXT, "O'Hara \\ \"Live\""),
		setting_of(FIRST, VALUE_TEXT, "Zo\xc3\xab"),
		setting_of(TITLE, VALUE_TEXT, "50% 'A & B' + C#"),
		setting_of(EMAIL, VALUE_TEXT, "zoe.live@example.com"),
		setting_of(PHONE, VALUE_TEXT, "+13125550199"),
		setting_of(STATUS, VALUE_NULL, ""),
		setting_of(SKILLS, VALUE_SET, "C\nC++\n"),
		setting_of(FROM, VALUE_DATE, "2026-12-01"),
		setting_of(PAY, VALUE_DECIMAL, "12345678.9"),
		setting_of(ACTIVE, VALUE_BOOL, "false"),
		setting_of(ACCOUNT, VALUE_REF, ""),
	};
	f[ACCOUNT].value.text = wa.new_id;
	struct write w = write_of(WRITE_CREATE, SV_NONE, f, FIELDS);
	if (write_one(s, &w) != WRITE_DONE)
		fail_msg("%s", w.err.what);
	assert_true(w.created);
	struct row row = fetch_one(s, w.new_id);
	assert_int_equal(row.author, AUTHOR_OWN);
	for (int i = 0; i < FIELDS; i++)
		if (!value_eq(row.value[i], f[i].value))
			fail_msg("%s: %s '%.*s'", f[i].api, value_kind_name(row.value[i].kind),
				 SV_ARG(row.value[i].text));

	struct sv id;
	for (int i = 0; i < FIELDS; i++) {
		/* with the name, since some values are common */
		struct write_field by[] = { f[LAST], f[i] };
		assert_int_equal(found_by(s, by, 2, &id), 1);
		assert_true(sv_eq(id, w.new_id));
	}
	struct write_field other = setting_of(LAST, VALUE_TEXT, "O'HARA \\ \"Live\"");
	assert_int_equal(found_by(s, &other, 1, &id), 0);
	org_close(s);
}

static void a_phone_is_found_however_it_is_spelt(void **state)
{
	struct org *s = org_open();
	struct sv id = a_contact(s, "Phone"), found;
	control("edit",
		"{\"object\":\"Contact\",\"id\":\"%.*s\",\"fields\":{\"Phone\":\"(312) 555-0177\"}}",
		SV_ARG(id));
	struct write_field by[] = { setting_of(LAST, VALUE_TEXT, "Phone"),
				    setting_of(PHONE, VALUE_TEXT, "+13125550177") };
	assert_int_equal(found_by(s, by, 2, &found), 1);
	assert_true(sv_eq(found, id));
	by[1].value.text = SV("+14155550177"); /* the same last digits */
	assert_int_equal(found_by(s, by, 2, &found), 0);
	org_close(s);
}

static void an_upsert_creates_once(void **state)
{
	struct org *s = org_open();
	struct write_field f = setting_of(LAST, VALUE_TEXT, "Upsert");
	struct write w = write_of(WRITE_UPSERT, SV_NONE, &f, 1);
	w.key_value = SV("live/1 +#%");
	assert_int_equal(write_one(s, &w), WRITE_DONE);
	assert_true(w.created);
	struct sv id = w.new_id;
	assert_int_equal(write_one(s, &w), WRITE_DONE);
	assert_false(w.created);
	assert_true(sv_eq(w.new_id, id));
	struct write_field by = { "Bullhorn_Id__c", TYPE(TYPE_TEXT),
				  { VALUE_TEXT, SV("live/1 +#%") } };
	struct sv found;
	assert_int_equal(found_by(s, &by, 1, &found), 1);
	assert_true(sv_eq(found, id));
	org_close(s);
}

static void a_batch_has_an_outcome_each(void **state)
{
	enum { N = 200 };
	struct org *s = org_open();
	struct rows rows = list_page(s, SV_NONE);
	struct write_field good = setting_of(TITLE, VALUE_TEXT, "Batch");
	struct write_field bad[] = { good, setting_of(STATUS, VALUE_TEXT, "No Such Status") };
	struct write_field longer[] = { good, setting_of(FIRST, VALUE_TEXT, "") };
	char text[60];
	memset(text, 'x', sizeof(text));
	longer[1].value.text = sv_make(text, sizeof(text)); /* 40 are allowed */
	struct write *w = arena_array(&s->arena, struct write, N);
	for (int i = 0; i < N; i++)
		w[i] = write_of(WRITE_UPDATE, rows.row[i].id, &good, 1);
	w[3] = write_of(WRITE_UPDATE, rows.row[3].id, bad, 2);
	w[150] = write_of(WRITE_UPDATE, rows.row[150].id, longer, 2);
	w[199].id = SV("003000000000000AAA"); /* nobody */
	int64_t before = s->c->usage.calls;
	CHECK(s->c->ops->write(s->c, w, N, &s->arena, &err));
	assert_int_equal(s->c->usage.calls, before + 1);
	for (int i = 0; i < N; i++) {
		enum write_outcome want = i == 3 || i == 150 ? WRITE_REJECTED
					  : i == 199	     ? WRITE_GONE
							     : WRITE_DONE;
		if (w[i].outcome != want)
			fail_msg("%d: %d %s", i, w[i].outcome, w[i].err.what);
	}
	assert_int_equal(w[3].bad_field_n, 1);
	assert_string_equal(w[3].bad_field[0], "Status__c");
	assert_string_equal(w[150].bad_field[0], "FirstName");
	struct row row = fetch_one(s, rows.row[3].id);
	assert_false(value_eq(row.value[TITLE], good.value)); /* not even in part */
	org_close(s);
}

static void a_taken_key_is_rejected(void **state)
{
	struct org *s = org_open();
	struct sv other = a_contact(s, "Key Other");
	struct write_field f[] = { setting_of(LAST, VALUE_TEXT, "Key"),
				   { "Bullhorn_Id__c", TYPE(TYPE_TEXT),
				     { VALUE_TEXT, SV("live-2") } } };
	struct write w = write_of(WRITE_CREATE, SV_NONE, f, 2);
	assert_int_equal(write_one(s, &w), WRITE_DONE);
	w = write_of(WRITE_UPDATE, other, f, 2);
	assert_int_equal(write_one(s, &w), WRITE_REJECTED);
	assert_non_null(strstr(w.err.what, "DUPLICATE_VALUE"));
	org_close(s);
}

static void what_may_not_be_written_is_named(void **state)
{
	struct org *s = org_open();
	struct sv id = a_contact(s, "Locked");
	struct write_field f[] = { setting_of(TITLE, VALUE_TEXT, "x"),
				   setting_of(PAY, VALUE_DECIMAL, "1") };
	struct write w = write_of(WRITE_UPDATE, id, f, 2);
	control("permission", "{\"object\":\"Contact\",\"field\":\"Expected_Pay__c\","
			      "\"editable\":false}");
	assert_int_equal(write_one(s, &w), WRITE_REJECTED);
	assert_int_equal(w.bad_field_n, 1);
	assert_string_equal(w.bad_field[0], "Expected_Pay__c");
	control("permission", "{\"object\":\"Contact\",\"field\":\"Expected_Pay__c\","
			      "\"editable\":true,\"readable\":false}");
	assert_int_equal(write_one(s, &w), WRITE_REJECTED);
	assert_int_equal(w.bad_field_n, 1);
	assert_string_equal(w.bad_field[0], "Expected_Pay__c");
	struct row row = fetch_one(s, id); /* unknown, and the others known */
	assert_int_equal(row.value[PAY].kind, VALUE_UNKNOWN);
	assert_true(sv_eq(row.value[LAST].text, SV("Locked")));
	control("permission", "{\"object\":\"Contact\",\"field\":\"Expected_Pay__c\","
			      "\"editable\":true,\"readable\":true}");
	assert_int_equal(write_one(s, &w), WRITE_DONE);
	org_close(s);
}

static void gone_rows_are_told_apart(void **state)
{
	struct org *s = org_open();
	struct sv deleted = a_contact(s, "Deleted"), merged = a_contact(s, "Merged");
	struct sv winner = a_contact(s, "Winner");
	control("delete", "{\"object\":\"Contact\",\"id\":\"%.*s\"}", SV_ARG(deleted));
	control("merge", "{\"object\":\"Contact\",\"winner\":\"%.*s\",\"loser\":\"%.*s\"}",
		SV_ARG(winner), SV_ARG(merged));
	struct sv ids[] = { deleted, merged, winner, SV("003000000000000AAA") };
	struct rows rows;
	CHECK(s->c->ops->fetch(s->c, &contact, ids, 4, &s->arena, &rows, &err));
	assert_int_equal(rows.row[0].existence, EXISTENCE_DELETED);
	assert_int_equal(rows.row[1].existence, EXISTENCE_MERGED);
	assert_true(sv_eq(rows.row[1].merged_into, winner));
	assert_int_equal(rows.row[2].existence, EXISTENCE_PRESENT);
	assert_int_equal(rows.row[3].existence, EXISTENCE_UNKNOWN);

	struct write_field f = setting_of(TITLE, VALUE_TEXT, "x");
	struct write w = write_of(WRITE_UPDATE, deleted, &f, 1);
	assert_int_equal(write_one(s, &w), WRITE_GONE);
	w.unmodified_since_ms = 1;
	assert_int_equal(write_one(s, &w), WRITE_GONE);
	org_close(s);
}

static void an_object_that_cannot_merge_has_deleted_rows(void **state)
{
	struct org *s = org_open();
	struct object_ref placement = { .object = "Placement__c" };
	struct rows rows;
	CHECK(s->c->ops->list(s->c, &placement, SV_NONE, &s->arena, &rows, &err));
	assert_true(rows.n > 0);
	struct sv id = rows.row[0].id;
	control("delete", "{\"object\":\"Placement__c\",\"id\":\"%.*s\"}", SV_ARG(id));
	CHECK(s->c->ops->fetch(s->c, &placement, &id, 1, &s->arena, &rows, &err));
	assert_int_equal(rows.row[0].existence, EXISTENCE_DELETED);
	control("undelete", "{\"object\":\"Placement__c\",\"id\":\"%.*s\"}", SV_ARG(id));
	org_close(s);
}

static void what_changed_since_is_listed(void **state)
{
	struct org *s = org_open();
	struct err old = { 0 };
	struct rows rows = list_page(s, SV_NONE), since;
	struct row edited = rows.row[3], gone = rows.row[5];
	struct write_field f = setting_of(FIRST, VALUE_TEXT, "Since");
	struct write w = write_of(WRITE_UPDATE, edited.id, &f, 1);
	assert_int_equal(write_one(s, &w), WRITE_DONE);
	int64_t stamp = fetch_one(s, edited.id).modified_ms;
	control("delete", "{\"object\":\"Contact\",\"id\":\"%.*s\"}", SV_ARG(gone.id));
	CHECK(s->c->ops->since(s->c, &contact, stamp, SV_NONE, &s->arena, &since, &err));
	bool saw_edited = false, saw_gone = false;
	for (int i = 0; i < since.n; i++) {
		assert_true(since.row[i].modified_ms >= stamp);
		saw_edited = saw_edited || sv_eq(since.row[i].id, edited.id);
		saw_gone = saw_gone || (sv_eq(since.row[i].id, gone.id) &&
					since.row[i].existence == EXISTENCE_DELETED);
	}
	assert_true(saw_edited && saw_gone);
	assert_true(since.n < rows.n);
	assert_false(s->c->ops->since(s->c, &contact, 1000, SV_NONE, &s->arena, &since, &old));
	assert_int_equal(old.code, ERR_CURSOR);
	org_close(s);
}

static void an_edit_in_between_overtakes(void **state)
{
	struct org *s = org_open();
	struct rows rows = list_page(s, SV_NONE);
	struct row row = rows.row[rows.n / 2];
	struct write_field f = setting_of(FIRST, VALUE_TEXT, "Condition");
	struct write w = write_of(WRITE_UPDATE, row.id, &f, 1);
	w.unmodified_since_ms = row.modified_ms - 1000;
	assert_int_equal(write_one(s, &w), WRITE_OVERTAKEN);
	w.unmodified_since_ms = row.modified_ms;
	assert_int_equal(write_one(s, &w), WRITE_DONE);
	org_close(s);
}

/* ---- trouble ---- */

static void a_session_may_end_at_any_time(void **state)
{
	struct org *s = org_open();
	struct rows rows = list_page(s, SV_NONE);
	control("expire-sessions", "{}");
	struct row row = fetch_one(s, rows.row[0].id);
	assert_int_equal(row.existence, EXISTENCE_PRESENT);
	control("expire-sessions", "{}");
	struct write_field f = setting_of(TITLE, VALUE_TEXT, "Session");
	struct write w = write_of(WRITE_UPDATE, row.id, &f, 1);
	assert_int_equal(write_one(s, &w), WRITE_DONE);
	org_close(s);
}

/* Both on a connection that was used before, where curl would send again. */
static void a_lost_answer_is_executed_once(void **state)
{
	struct org *s = org_open();
	struct sv id = a_contact(s, "Lost Update"), found;
	struct write_field f = setting_of(TITLE, VALUE_TEXT, "Executed");
	struct write w = write_of(WRITE_UPDATE, id, &f, 1);
	control("fault", "{\"kind\":\"lost-answer\",\"method\":\"PATCH\",\"count\":1}");
	assert_int_equal(write_one(s, &w), WRITE_LOST);
	assert_int_equal(w.err.code, ERR_LOST);
	assert_true(value_eq(fetch_one(s, id).value[TITLE], f.value));

	struct write_field name = setting_of(LAST, VALUE_TEXT, "Lost Create");
	w = write_of(WRITE_CREATE, SV_NONE, &name, 1);
	control("fault", "{\"kind\":\"lost-answer\",\"method\":\"POST\","
			 "\"path\":\"/services/data\",\"count\":1}");
	assert_int_equal(write_one(s, &w), WRITE_LOST);
	assert_int_equal(found_by(s, &name, 1, &found), 1);
	org_close(s);
}

static void each_fault_has_its_class(void **state)
{
	static const struct {
		const char *kind;
		enum write_outcome outcome;
	} faults[] = {
		{ "outage", WRITE_LOST },  { "reset", WRITE_LOST },
		{ "500", WRITE_LOST },	   { "503", WRITE_LOST },
		{ "truncated", WRITE_LOST }, { "html", WRITE_LOST },
		{ "session", WRITE_DONE },
	};
	struct org *s = org_open();
	struct sv id = a_contact(s, "Fault");
	struct write_field f = setting_of(TITLE, VALUE_TEXT, "Fault");
	for (size_t i = 0; i < countof(faults); i++) {
		struct write w = write_of(WRITE_UPDATE, id, &f, 1);
		control("fault", "{\"kind\":\"%s\",\"method\":\"PATCH\",\"count\":1}",
			faults[i].kind);
		if (write_one(s, &w) != faults[i].outcome)
			fail_msg("%s: %d %s", faults[i].kind, w.outcome, w.err.what);
	}
	org_close(s);
}

static void locks_and_quotas_are_waited_for(void **state)
{
	struct org *s = org_open();
	struct sv id = a_contact(s, "Busy");
	struct write_field f = setting_of(TITLE, VALUE_TEXT, "Busy");
	struct write w = write_of(WRITE_UPDATE, id, &f, 1);
	struct err err = { 0 };
	control("lock-rows", "{\"count\":1}");
	assert_int_equal(write_one(s, &w), WRITE_BUSY);
	control("fault", "{\"kind\":\"rate\",\"method\":\"PATCH\",\"count\":1}");
	assert_false(s->c->ops->write(s->c, &w, 1, &s->arena, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(w.outcome, WRITE_NOT_SENT);
	assert_int_equal(write_one(s, &w), WRITE_DONE);
	org_close(s);
}

static void *fetch_in_thread(void *arg)
{
	struct org *s = arg;
	struct arena a;
	struct err err = { 0 };
	struct rows rows;
	arena_init(&a);
	bool ok = s->c->ops->list(s->c, &contact, SV_NONE, &a, &rows, &err);
	arena_finish(&a);
	return ok ? s : NULL;
}

static void fetch_in_all_threads(struct org *s)
{
	enum { N = 8 };
	pthread_t thread[N];
	void *ok;
	for (int i = 0; i < N; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, fetch_in_thread, s), 0);
	for (int i = 0; i < N; i++) {
		pthread_join(thread[i], &ok);
		assert_non_null(ok);
	}
}

static void one_login_serves_all_threads(void **state)
{
	struct org *s = org_open();
	struct salesforce *sf = (struct salesforce *)s->c;
	fetch_in_all_threads(s);
	assert_int_equal(sf->session.logins, 1);
	control("expire-sessions", "{}");
	fetch_in_all_threads(s);
	assert_int_equal(sf->session.logins, 2);
	org_close(s);
}

/* ---- the feed ---- */

static struct sv feed_begin(struct org *s)
{
	struct changes out;
	CHECK(s->c->ops->changes(s->c, SV_NONE, 0, &s->arena, &out, &err));
	assert_int_equal(out.n, 0);
	assert_true(out.cursor.len > 0);
	return out.cursor;
}

/* Listens until the record is told of; false at the first empty answer. */
static bool feed_hears(struct org *s, struct sv *cursor, struct sv id, struct change *heard)
{
	for (int i = 0; i < 20; i++) {
		struct changes out;
		CHECK(s->c->ops->changes(s->c, *cursor, 500, &s->arena, &out, &err));
		*cursor = out.cursor;
		for (int k = 0; k < out.n; k++) {
			*heard = out.change[k];
			assert_true(heard->at_ms > 0);
			if (sv_eq(heard->id, id))
				return true;
		}
		if (out.n == 0)
			return false;
	}
	return false;
}

static bool feed_tells(struct org *s, struct sv *cursor, struct sv id)
{
	struct change heard;
	return feed_hears(s, cursor, id, &heard);
}

static void edit_title(struct sv id, const char *title)
{
	control("edit", "{\"object\":\"Contact\",\"id\":\"%.*s\",\"fields\":{\"Title\":\"%s\"}}",
		SV_ARG(id), title);
}

static void the_feed_knows_whose_change_it_is(void **state)
{
	struct org *s = org_open();
	struct sv id = a_contact(s, "Feed"), other = a_contact(s, "Feed Other");
	struct sv cursor = feed_begin(s);
	struct change heard;
	edit_title(id, "by a person");
	assert_true(feed_hears(s, &cursor, id, &heard));
	assert_int_equal(heard.author, AUTHOR_FOREIGN);
	bool title = false;
	for (int i = 0; i < heard.field_n; i++) {
		title = title || strcmp(heard.field[i], "Title") == 0;
		assert_string_not_equal(heard.field[i], "LastName");
	}
	assert_true(title);
	assert_int_equal(fetch_one(s, id).author, AUTHOR_FOREIGN);
	struct write_field f = setting_of(TITLE, VALUE_TEXT, "by us");
	struct write w = write_of(WRITE_UPDATE, other, &f, 1);
	assert_int_equal(write_one(s, &w), WRITE_DONE);
	assert_true(feed_hears(s, &cursor, other, &heard));
	assert_int_equal(heard.author, AUTHOR_OWN);

	struct changes out;
	CHECK(s->c->ops->changes(s->c, cursor, 20, &s->arena, &out, &err));
	assert_int_equal(out.n, 0);
	assert_true(sv_eq(out.cursor, cursor));
	org_close(s);
}

static void nothing_is_missed_between_two_runs(void **state)
{
	struct org *s = org_open();
	struct sv id = arena_sv(&s->arena, a_contact(s, "Replay"));
	struct sv cursor = feed_begin(s), first = cursor;
	edit_title(id, "one");
	assert_true(feed_tells(s, &cursor, id));
	edit_title(id, "while nobody listens");
	struct org *next = org_open();
	struct sv at = cursor;
	assert_true(feed_tells(next, &at, id));
	assert_false(feed_tells(next, &at, id)); /* once */
	org_close(next);

	/* from before any event had an id */
	next = org_open();
	at = first;
	assert_true(feed_tells(next, &at, id));
	org_close(next);
	org_close(s);
}

/* An answer that was not stored is asked for again. */
static void the_callers_cursor_counts(void **state)
{
	struct org *s = org_open();
	struct sv id = a_contact(s, "Cursor");
	struct sv cursor = feed_begin(s), same;
	edit_title(id, "one");
	assert_true(feed_tells(s, &cursor, id));
	edit_title(id, "two");
	same = cursor;
	assert_true(feed_tells(s, &same, id));
	assert_true(feed_tells(s, &cursor, id));
	org_close(s);
}

static void the_feed_survives_what_happens_to_it(void **state)
{
	static const struct {
		const char *verb, *body;
	} fates[] = {
		{ "forget-clients", "{}" },
		{ "expire-sessions", "{}" },
	};
	struct org *s = org_open();
	struct sv id = a_contact(s, "Fate");
	struct sv cursor = feed_begin(s);
	edit_title(id, "first");
	assert_true(feed_tells(s, &cursor, id));
	for (size_t i = 0; i < countof(fates); i++) {
		edit_title(id, fates[i].verb);
		control(fates[i].verb, "%s", fates[i].body);
		if (!feed_tells(s, &cursor, id))
			fail_msg("%s", fates[i].verb);
	}
	/* the poll dies and takes its events along: the call fails, the next
	 * one replays them */
	edit_title(id, "lost poll");
	control("fault", "{\"kind\":\"lost-answer\",\"path\":\"/cometd\",\"count\":1}");
	struct changes out;
	struct err err = { 0 };
	assert_false(s->c->ops->changes(s->c, cursor, 500, &s->arena, &out, &err));
	assert_int_equal(err.code, ERR_LOST);
	assert_true(feed_tells(s, &cursor, id));
	org_close(s);
}

static void *stop_when_listening(void *arg)
{
	struct org *s = arg;
	while (atomic_load(&s->c->usage.feed_calls) < 3) /* handshake, subscribe, connect */
		sched_yield();
	http_client_stop(s->http);
	return NULL;
}

static void a_poll_ends_when_the_client_is_stopped(void **state)
{
	struct org *s = org_open();
	struct sv cursor = feed_begin(s);
	struct changes out;
	struct err err = { 0 };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, stop_when_listening, s), 0);
	assert_false(s->c->ops->changes(s->c, cursor, 100000, &s->arena, &out, &err));
	assert_true(err.code == ERR_LOST || err.code == ERR_STOPPED);
	pthread_join(thread, NULL);
	org_close(s);
}

static void gaps_and_overflows_mark(void **state)
{
	struct org *s = org_open();
	struct sv id = a_contact(s, "Gap");
	struct sv cursor = feed_begin(s);
	control("gap", "{\"object\":\"Contact\",\"type\":\"GAP_UPDATE\",\"id\":\"%.*s\"}",
		SV_ARG(id));
	assert_true(feed_tells(s, &cursor, id));
	control("gap", "{\"object\":\"Contact\",\"type\":\"GAP_OVERFLOW\"}");
	assert_true(feed_tells(s, &cursor, SV_NONE));
	org_close(s);
}

/* Last: it takes the events from all. */
static void an_expired_place_is_a_cursor_error(void **state)
{
	struct org *s = org_open();
	struct sv id = a_contact(s, "Expired");
	struct sv cursor = feed_begin(s);
	edit_title(id, "one");
	assert_true(feed_tells(s, &cursor, id));
	edit_title(id, "two");
	edit_title(id, "three");
	control("forget-events", "{\"keep\":0}");
	struct org *next = org_open();
	struct changes out;
	struct err err = { 0 };
	assert_false(next->c->ops->changes(next->c, cursor, 0, &next->arena, &out, &err));
	assert_int_equal(err.code, ERR_CURSOR);
	org_close(next);
	org_close(s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_organisation_answers),
		cmocka_unit_test(an_object_is_described),
		cmocka_unit_test(all_rows_are_listed_and_fetched_in_one_call),
		cmocka_unit_test(what_was_written_is_read_and_found),
		cmocka_unit_test(a_phone_is_found_however_it_is_spelt),
		cmocka_unit_test(an_upsert_creates_once),
		cmocka_unit_test(a_batch_has_an_outcome_each),
		cmocka_unit_test(a_taken_key_is_rejected),
		cmocka_unit_test(what_may_not_be_written_is_named),
		cmocka_unit_test(gone_rows_are_told_apart),
		cmocka_unit_test(an_object_that_cannot_merge_has_deleted_rows),
		cmocka_unit_test(what_changed_since_is_listed),
		cmocka_unit_test(an_edit_in_between_overtakes),
		cmocka_unit_test(a_session_may_end_at_any_time),
		cmocka_unit_test(a_lost_answer_is_executed_once),
		cmocka_unit_test(each_fault_has_its_class),
		cmocka_unit_test(locks_and_quotas_are_waited_for),
		cmocka_unit_test(one_login_serves_all_threads),
		cmocka_unit_test(the_feed_knows_whose_change_it_is),
		cmocka_unit_test(nothing_is_missed_between_two_runs),
		cmocka_unit_test(the_callers_cursor_counts),
		cmocka_unit_test(the_feed_survives_what_happens_to_it),
		cmocka_unit_test(a_poll_ends_when_the_client_is_stopped),
		cmocka_unit_test(gaps_and_overflows_mark),
		cmocka_unit_test(an_expired_place_is_a_cursor_error),
	};
	if (argc != 2) {
		fprintf(stderr, "usage: %s TREATY-SANDBOX\n", argv[0]);
		return 2;
	}
	sandbox_path = argv[1];
	return cmocka_run_group_tests(tests, start_sandbox, stop_sandbox);
}

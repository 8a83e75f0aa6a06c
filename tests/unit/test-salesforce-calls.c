/* The Salesforce connector against a server that answers from a script: what
 * it sends, and what it makes of each answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "systems/salesforce/salesforce.h"

#define JSON "application/json;charset=UTF-8"
#define IDS "\"https://login.salesforce.com/id/00Dxx0000001gPLEAY/005xx000001SwiUAAS\""
#define EXPIRED { 401, JSON, "[{\"message\":\"Session expired or invalid\"," \
			     "\"errorCode\":\"INVALID_SESSION_ID\"}]" }
#define ANN "0038M0000016Wv8QAE"
#define BEN "005Rj000005UEfQIAW"
#define EVE "08pRj000005kYAHIA2"

/* ---- the server ---- */

struct answer {
	int status; /* 0: closes the connection without one */
	const char *type;
	const char *body;
	const char *head; /* more header lines, each with its end */
};

enum { REQUESTS_MAX = 16, REQUEST_SIZE = 16 * 1024 };

struct world {
	int fd;
	pthread_t thread;
	char url[64];
	/* the script */
	const struct answer *answer;
	int answer_n;
	struct answer token; /* status 0: a good login */
	/* what came; the texts under the lock */
	pthread_mutex_t lock;
	atomic_int logins, requests;
	char request[REQUESTS_MAX][REQUEST_SIZE];
	/* the connector's side */
	struct deployment deployment;
	struct setting login[4];
	struct http_client *http;
	struct clock_manual clock;
	struct connector *c;
	struct arena arena;
};

static char key_pem[4096];

static bool read_request(int fd, char *out)
{
	size_t n = 0;
	while (n + 1 < REQUEST_SIZE) {
		ssize_t got = read(fd, out + n, REQUEST_SIZE - 1 - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
		out[n] = '\0';
		const char *end = strstr(out, "\r\n\r\n");
		const char *length = strstr(out, "Content-Length: ");
		size_t body = length && end && length < end ? strtoul(length + 16, NULL, 10) : 0;
		if (end && n >= (size_t)(end + 4 - out) + body)
			return true;
	}
	return false;
}

static void say(int fd, const struct answer *a)
{
	struct buf b;
	buf_init(&b, 1024 * 1024);
	buf_addf(&b, "HTTP/1.1 %d Any\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n%s",
		 a->status, a->type, strlen(a->body), a->head ? a->head : "", a->body);
	for (size_t at = 0; at < b.len;) {
		ssize_t n = send(fd, b.ptr + at, b.len - at, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	buf_finish(&b);
}

static void say_login(struct world *w, int fd)
{
	char body[512];
	snprintf(body, sizeof(body),
		 "{\"access_token\":\"token-%d\",\"instance_url\":\"%s\",\"id\":" IDS "}",
		 w->logins, w->url);
	say(fd, w->token.status ? &w->token : &(struct answer){ 200, JSON, body });
}

static void keep(struct world *w, int place, const char request[REQUEST_SIZE])
{
	pthread_mutex_lock(&w->lock);
	if (place < REQUESTS_MAX)
		memcpy(w->request[place], request, REQUEST_SIZE);
	pthread_mutex_unlock(&w->lock);
}

static bool serve_one(struct world *w, int fd)
{
	char scratch[REQUEST_SIZE];
	if (!read_request(fd, scratch))
		return false;
	if (strstr(scratch, "POST /services/oauth2/token")) {
		keep(w, 0, scratch);
		atomic_fetch_add(&w->logins, 1);
		say_login(w, fd);
		return true;
	}
	int nth = atomic_fetch_add(&w->requests, 1);
	keep(w, nth + 1, scratch);
	if (nth >= w->answer_n || w->answer[nth].status == 0)
		return false;
	say(fd, &w->answer[nth]);
	return true;
}

static void *serve(void *arg)
{
	struct world *w = arg;
	int fd;
	while ((fd = accept(w->fd, NULL, NULL)) >= 0) {
		while (serve_one(w, fd))
			;
		close(fd);
	}
	return NULL;
}

static void listen_on_loopback(struct world *w)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(w->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(w->fd, 16), 0);
	getsockname(w->fd, (struct sockaddr *)&at, &len);
	snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%d", ntohs(at.sin_port));
}

static struct world *begin(const struct answer *answer, int n)
{
	static const char *const objects[] = { "Contact", "Placement__c" };
	struct world *w = must_zalloc(sizeof(*w));
	struct err err = { 0 };
	pthread_mutex_init(&w->lock, NULL);
	w->answer = answer;
	w->answer_n = n;
	listen_on_loopback(w);
	w->login[0] = (struct setting){ .name = "client_id", .text = "3MVG9" };
	w->login[1] = (struct setting){ .name = "username", .text = "treaty@example.com" };
	w->login[2] = (struct setting){ .name = "key", .text = key_pem };
	w->deployment.file = "deployment.yaml";
	w->deployment.system[SIDE_SALESFORCE] = (struct deployment_system){
		.url = w->url,
		.login = w->login,
		.login_n = 3,
		.timeout_ms = 5000,
	};
	w->http = http_client_create();
	clock_manual_init(&w->clock, INT64_C(1795429754000));
	arena_init(&w->arena);
	w->c = salesforce_open(&w->deployment, w->http, &w->clock.clock, objects, 2, &err);
	assert_non_null(w->c);
	assert_int_equal(pthread_create(&w->thread, NULL, serve, w), 0);
	return w;
}

#define BEGIN(answers) begin(answers, countof(answers))

static void end(struct world *w)
{
	w->c->ops->close(w->c);
	http_client_destroy(w->http);
	shutdown(w->fd, SHUT_RDWR);
	pthread_join(w->thread, NULL);
	close(w->fd);
	pthread_mutex_destroy(&w->lock);
	arena_finish(&w->arena);
	free(w);
}

static bool was_sent(struct world *w, int nth, const char *part)
{
	pthread_mutex_lock(&w->lock);
	bool found = strstr(w->request[nth], part) != NULL;
	pthread_mutex_unlock(&w->lock);
	return found;
}

static void expect_sent(struct world *w, int nth, const char *part)
{
	if (!was_sent(w, nth, part))
		fail_msg("request %d of %d lacks '%s':\n%s", nth, w->requests, part,
			 w->request[nth]);
}

/* ---- the session ---- */

static enum err_code identify(struct world *w, struct err *err)
{
	struct sv org = SV_NONE;
	*err = (struct err){ 0 };
	if (w->c->ops->identify(w->c, &w->arena, &org, err))
		assert_true(sv_eq(org, SV("00Dxx0000001gPLEAY")));
	return err->code;
}

static void a_login_tells_the_organisation(void **state)
{
	static const struct answer answers[] = {
		{ 200, JSON, "{}", "Sforce-Limit-Info: api-usage=18/5000\r\n" },
	};
	struct world *w = BEGIN(answers);
	struct err err;
	assert_int_equal(identify(w, &err), ERR_NONE);
	expect_sent(w, 0, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
			  "&assertion=ey");
	expect_sent(w, 1, "GET /services/data/v66.0 HTTP");
	expect_sent(w, 1, "Authorization: Bearer token-1\r\n");
	expect_sent(w, 1, "Sforce-Call-Options: client=treaty\r\n");
	assert_int_equal(w->c->usage.calls, 1);
	assert_int_equal(w->c->usage.quota_used, 18);
	assert_int_equal(w->c->usage.quota_limit, 5000);
	end(w);
}

static void an_ended_session_is_renewed_once(void **state)
{
	static const struct answer answers[] = { EXPIRED, { 200, JSON, "{}" } };
	struct world *w = BEGIN(answers);
	struct err err;
	assert_int_equal(identify(w, &err), ERR_NONE);
	expect_sent(w, 2, "Authorization: Bearer token-2\r\n");
	assert_int_equal(w->logins, 2);
	end(w);
}

static void a_session_refused_twice_is_no_loop(void **state)
{
	static const struct answer answers[] = { EXPIRED, EXPIRED, { 200, JSON, "{}" } };
	struct world *w = BEGIN(answers);
	struct err err;
	assert_int_equal(identify(w, &err), ERR_UNREACHABLE);
	assert_int_equal(w->requests, 2);
	assert_int_equal(w->logins, 2);
	end(w);
}

static void a_session_of_the_wrong_kind_is_a_persons(void **state)
{
	static const struct answer answers[] = {
		{ 401, JSON,
		  "[{\"message\":\"This session is not valid for use with the REST API\","
		  "\"errorCode\":\"INVALID_SESSION_ID\"}]" },
	};
	struct world *w = BEGIN(answers);
	struct err err;
	assert_int_equal(identify(w, &err), ERR_AUTH);
	assert_int_equal(w->requests, 1);
	assert_int_equal(w->logins, 1);
	end(w);
}

static void a_refused_login_is_not_repeated_at_once(void **state)
{
	static const struct answer answers[] = { { 200, JSON, "{}" } };
	struct world *w = BEGIN(answers);
	struct err err;
	w->token = (struct answer){ 400, JSON,
				    "{\"error\":\"invalid_grant\","
				    "\"error_description\":\"expired authorization code\"}" };
	assert_int_equal(identify(w, &err), ERR_AUTH);
	assert_int_equal(err.http_status, 400);
	assert_non_null(strstr(err.what, "expired authorization code"));
	assert_int_equal(identify(w, &err), ERR_AUTH);
	assert_int_equal(w->logins, 1);
	w->token.status = 0;
	w->clock.ms += 61 * 1000;
	assert_int_equal(identify(w, &err), ERR_NONE);
	assert_int_equal(w->logins, 2);
	end(w);
}

static void a_token_is_sent_only_where_the_deployment_could(void **state)
{
	static const struct answer answers[] = { { 200, JSON, "{}" } };
	struct world *w = BEGIN(answers);
	struct err err;
	w->token = (struct answer){ 200, JSON,
				    "{\"access_token\":\"t\",\"instance_url\":\"http://example.com\","
				    "\"id\":" IDS "}" };
	assert_int_equal(identify(w, &err), ERR_UNREACHABLE);
	assert_non_null(strstr(err.what, "plain http"));
	w->token = (struct answer){ 503, "text/html", "<html>maintenance</html>" };
	assert_int_equal(identify(w, &err), ERR_UNREACHABLE);
	assert_int_equal(w->requests, 0);
	end(w);
}

static void an_unreadable_key_is_a_persons(void **state)
{
	static const struct answer answers[] = { { 200, JSON, "{}" } };
	struct world *w = BEGIN(answers);
	struct err err;
	w->login[2].text = "no key";
	assert_int_equal(identify(w, &err), ERR_AUTH);
	assert_non_null(strstr(err.what, "not a PEM private key"));
	assert_null(strstr(err.what, "no key"));
	assert_int_equal(w->logins, 0);
	end(w);
}

/* ---- rows ---- */

static const struct value_type text_type = { .kind = TYPE_TEXT, .scale = -1 };
static const struct field_ref contact_fields[] = {
	{ "LastName", { .kind = TYPE_TEXT, .scale = -1 } },
	{ "Skills__c", { .kind = TYPE_SET, .scale = -1 } },
	{ "AccountId", { .kind = TYPE_LINK, .scale = -1 } },
};
static const struct object_ref contact = {
	.object = "Contact",
	.key = "Ats_Id__c",
	.key_type = { .kind = TYPE_TEXT, .scale = -1 },
	.field = contact_fields,
	.field_n = countof(contact_fields),
};

static bool has_text(struct value v, enum value_kind kind, const char *text)
{
	return v.kind == kind && sv_eq(v.text, sv_of(text));
}

static void rows_are_read_with_stamp_and_author(void **state)
{
	static const struct answer answers[] = {
		{ 200, JSON,
		  "[{\"Id\":\"" ANN "\",\"LastName\":\"Hara\",\"Skills__c\":null,"
		  "\"SystemModstamp\":\"2026-11-23T10:00:05.000+0000\","
		  "\"LastModifiedById\":\"005xx000001SwiUAAS\"},"
		  "{\"Id\":\"" BEN "\",\"LastName\":\"Bo\",\"Skills__c\":\"b;a\","
		  "\"AccountId\":\"08pRj000005kYAH\",\"LastModifiedById\":\"" BEN "\"},"
		  "null,null,null]" },
		{ 200, JSON,
		  "{\"done\":true,\"records\":["
		  "{\"Id\":\"00Dxx0000001gPLEAY\",\"IsDeleted\":true,\"MasterRecordId\":null},"
		  "{\"Id\":\"" EVE "\",\"IsDeleted\":true,\"MasterRecordId\":\"" ANN "\"}]}" },
	};
	static const struct sv ids[] = { SV("0038M0000016Wv8"),	  SV(BEN), SV("not an id"),
					 SV("00Dxx0000001gPLEAY"), SV(EVE), SV("005xx000001SwiUAAS") };
	struct world *w = BEGIN(answers);
	struct err err = { 0 };
	struct rows rows;
	assert_true(w->c->ops->fetch(w->c, &contact, ids, countof(ids), &w->arena, &rows, &err));
	assert_int_equal(rows.n, 6);
	expect_sent(w, 1, "POST /services/data/v66.0/composite/sobjects/Contact HTTP");
	expect_sent(w, 1, "{\"ids\":[\"" ANN "\",\"" BEN "\",\"00Dxx0000001gPLEAY\",");
	expect_sent(w, 1, "\"fields\":[\"Id\",\"LastName\",\"Skills__c\",\"AccountId\","
			  "\"LastModifiedById\",\"SystemModstamp\"]}");
	expect_sent(w, 2, "GET /services/data/v66.0/queryAll?q=SELECT%20Id%2CIsDeleted%2CMaster");

	const struct row *r = rows.row;
	assert_int_equal(r[0].existence, EXISTENCE_PRESENT);
	assert_true(sv_eq(r[0].id, SV(ANN)));
	assert_int_equal(r[0].author, AUTHOR_OWN);
	assert_int_equal(r[0].modified_ms, INT64_C(1795428005000));
	assert_true(has_text(r[0].value[0], VALUE_TEXT, "Hara"));
	assert_int_equal(r[0].value[1].kind, VALUE_NULL);
	assert_int_equal(r[0].value[2].kind, VALUE_UNKNOWN); /* not in the answer */
	assert_int_equal(r[1].author, AUTHOR_FOREIGN);
	assert_true(has_text(r[1].value[1], VALUE_SET, "a\nb\n"));
	assert_true(has_text(r[1].value[2], VALUE_REF, EVE));
	assert_int_equal(r[2].existence, EXISTENCE_UNKNOWN);
	assert_int_equal(r[3].existence, EXISTENCE_DELETED);
	assert_int_equal(r[4].existence, EXISTENCE_MERGED);
	assert_true(sv_eq(r[4].merged_into, SV(ANN)));
	assert_int_equal(r[5].existence, EXISTENCE_UNKNOWN); /* not even in the bin */
	end(w);
}

static void an_unreadable_column_leaves_the_others(void **state)
{
	static const struct answer answers[] = {
		{ 400, JSON,
		  "[{\"message\":\"No such column 'Skills__c' on sobject of type Contact\","
		  "\"errorCode\":\"INVALID_FIELD\"}]" },
		{ 200, JSON,
		  "{\"name\":\"Contact\",\"fields\":[{\"name\":\"Id\"},{\"name\":\"LastName\"},"
		  "{\"name\":\"LastModifiedById\"},{\"name\":\"SystemModstamp\"}]}" },
		{ 200, JSON, "[{\"Id\":\"" ANN "\",\"LastName\":\"Hara\"}]" },
	};
	static const struct sv ids[] = { SV(ANN) };
	struct world *w = BEGIN(answers);
	struct err err = { 0 };
	struct rows rows;
	assert_true(w->c->ops->fetch(w->c, &contact, ids, 1, &w->arena, &rows, &err));
	expect_sent(w, 3, "\"fields\":[\"Id\",\"LastName\",\"LastModifiedById\",\"SystemModstamp\"]");
	assert_true(has_text(rows.row[0].value[0], VALUE_TEXT, "Hara"));
	assert_int_equal(rows.row[0].value[1].kind, VALUE_UNKNOWN);
	end(w);
}

static void objects_that_do_not_merge_are_asked_once(void **state)
{
	static const struct answer answers[] = {
		{ 200, JSON, "[null]" },
		{ 400, JSON,
		  "[{\"message\":\"No such column 'MasterRecordId' on entity 'Placement__c'\","
		  "\"errorCode\":\"INVALID_FIELD\"}]" },
		{ 200, JSON, "{\"done\":true,\"records\":[{\"Id\":\"" ANN "\",\"IsDeleted\":true}]}" },
		{ 200, JSON, "[null]" },
		{ 200, JSON, "{\"done\":true,\"records\":[]}" },
	};
	static const struct object_ref placement = { .object = "Placement__c" };
	static const struct sv ids[] = { SV(ANN) };
	struct world *w = BEGIN(answers);
	struct err err = { 0 };
	struct rows rows;
	assert_true(w->c->ops->fetch(w->c, &placement, ids, 1, &w->arena, &rows, &err));
	assert_int_equal(rows.row[0].existence, EXISTENCE_DELETED);
	assert_true(w->c->ops->fetch(w->c, &placement, ids, 1, &w->arena, &rows, &err));
	assert_int_equal(rows.row[0].existence, EXISTENCE_UNKNOWN);
	assert_int_equal(w->requests, 5);
	assert_false(was_sent(w, 5, "MasterRecordId"));
	end(w);
}

static void a_short_page_is_not_the_last_one(void **state)
{
	static const struct answer answers[] = {
		{ 200, JSON,
		  "{\"done\":false,\"nextRecordsUrl\":\"/x\",\"records\":[{\"Id\":\"" ANN "\"}]}" },
		{ 200, JSON, "{\"done\":true,\"records\":[{\"Id\":\"" BEN "\"}]}" },
	};
	struct world *w = BEGIN(answers);
	struct err err = { 0 };
	struct rows rows;
	assert_true(w->c->ops->list(w->c, &contact, SV_NONE, &w->arena, &rows, &err));
	assert_true(sv_eq(rows.next, SV(ANN)));
	assert_true(w->c->ops->list(w->c, &contact, rows.next, &w->arena, &rows, &err));
	expect_sent(w, 2, "WHERE%20Id%20%3E%20%27" ANN "%27%20ORDER%20BY%20Id%20LIMIT%202000");
	assert_int_equal(rows.next.len, 0);
	assert_int_equal(rows.n, 1);
	assert_false(w->c->ops->list(w->c, &contact, SV("' OR"), &w->arena, &rows, &err));
	assert_int_equal(err.code, ERR_BAD_INPUT);
	end(w);
}

static void found_is_what_equals_canonically(void **state)
{
	static const struct answer answers[] = {
		{ 200, JSON,
		  "{\"done\":true,\"records\":[{\"Id\":\"" ANN "\",\"Ats_Id__c\":\"a1\"},"
		  "{\"Id\":\"" BEN "\",\"Ats_Id__c\":\"A1\"}]}" },
	};
	struct world *w = BEGIN(answers);
	struct err err = { 0 };
	struct rows rows;
	struct write_field by = { "Ats_Id__c", text_type, { VALUE_TEXT, SV("A1") } };
	assert_true(w->c->ops->find(w->c, &contact, &by, 1, &w->arena, &rows, &err));
	expect_sent(w, 1, "WHERE%20Ats_Id__c%20%3D%20%27A1%27%20LIMIT%205");
	assert_int_equal(rows.n, 1);
	assert_true(sv_eq(rows.row[0].id, SV(BEN)));
	end(w);
}

static void a_quota_or_a_page_of_html_fails_the_call(void **state)
{
	static const struct answer answers[] = {
		{ 403, JSON,
		  "[{\"message\":\"TotalRequests Limit exceeded.\","
		  "\"errorCode\":\"REQUEST_LIMIT_EXCEEDED\"}]" },
		{ 200, "text/html", "<html></html>" },
		{ 200, JSON, "{\"records\":[{\"Id\":" },
		{ 404, JSON, "[{\"errorCode\":\"NOT_FOUND\",\"message\":\"no\"}]" },
	};
	static const enum err_code codes[] = { ERR_LIMIT, ERR_SERVER, ERR_SERVER, ERR_NOT_FOUND };
	struct world *w = BEGIN(answers);
	for (size_t i = 0; i < countof(codes); i++) {
		struct err err = { 0 };
		struct schema_object schema;
		assert_false(w->c->ops->describe(w->c, "Contact", &w->arena, &schema, &err));
		assert_int_equal(err.code, codes[i]);
	}
	end(w);
}

/* ---- writes ---- */

struct edit {
	struct write w;
	struct write_field field[2];
};

static void set_up_edits(struct edit *e, int n, enum write_op op)
{
	static const char *const ids[] = { ANN, BEN, EVE, "00Dxx0000001gPLEAY",
					   "005xx000001SwiUAAS", ANN, BEN };
	for (int i = 0; i < n; i++) {
		e[i].field[0] = (struct write_field){ "LastName", text_type,
						      { VALUE_TEXT, SV("Hara") } };
		e[i].field[1] = (struct write_field){ "Phone", text_type, { VALUE_NULL, SV_NONE } };
		e[i].w = (struct write){ .op = op,
					 .object = &contact,
					 .id = sv_of(ids[i]),
					 .key_value = SV("7"),
					 .field = e[i].field,
					 .field_n = 2 };
	}
}

static bool write_all(struct world *w, struct edit *e, int n, struct err *err)
{
	struct write *list = arena_array(&w->arena, struct write, (size_t)n);
	*err = (struct err){ 0 };
	for (int i = 0; i < n; i++)
		list[i] = e[i].w;
	bool ok = w->c->ops->write(w->c, list, n, &w->arena, err);
	for (int i = 0; i < n; i++)
		e[i].w = list[i];
	return ok;
}

#define FAILED(code, fields) \
	"{\"success\":false,\"errors\":[{\"statusCode\":\"" code "\",\"message\":\"m\"," \
	"\"fields\":[" fields "]}]}"

static void each_record_has_its_own_outcome(void **state)
{
	static const struct answer answers[] = {
		{ 200, JSON,
		  "[{\"id\":\"" ANN "\",\"success\":true,\"errors\":[]},"
		  FAILED("UNABLE_TO_LOCK_ROW", "") "," FAILED("ENTITY_IS_DELETED", "") ","
		  FAILED("STRING_TOO_LONG", "\"lastname\",\"Title\"") ","
		  FAILED("INVALID_CROSS_REFERENCE_KEY", "") ","
		  FAILED("DUPLICATE_VALUE", "") "," FAILED("DUPLICATE_EXTERNAL_ID", "") "]" },
	};
	static const enum write_outcome outcomes[] = { WRITE_DONE,     WRITE_BUSY, WRITE_GONE,
						       WRITE_REJECTED, WRITE_GONE, WRITE_REJECTED,
						       WRITE_AMBIGUOUS };
	struct world *w = BEGIN(answers);
	struct edit e[7];
	struct err err;
	set_up_edits(e, 7, WRITE_UPDATE);
	assert_true(write_all(w, e, 7, &err));
	expect_sent(w, 1, "PATCH /services/data/v66.0/composite/sobjects HTTP");
	expect_sent(w, 1, "{\"allOrNone\":false,\"records\":[\n"
			  "{\"attributes\":{\"type\":\"Contact\"},\"id\":\"" ANN "\"\n"
			  ",\"LastName\":\"Hara\"\n,\"Phone\":null}\n,{");
	for (int i = 0; i < 7; i++)
		assert_int_equal(e[i].w.outcome, outcomes[i]);
	assert_int_equal(e[3].w.bad_field_n, 1); /* as we spell it, and only what we sent */
	assert_string_equal(e[3].w.bad_field[0], "LastName");
	assert_int_equal(e[3].w.err.scope, SCOPE_FIELD);
	assert_int_equal(e[5].w.bad_field_n, 0);
	assert_int_equal(e[5].w.err.scope, SCOPE_RECORD);
	end(w);
}

static void an_upsert_carries_its_key(void **state)
{
	static const struct answer answers[] = {
		{ 200, JSON, "[{\"id\":\"" ANN "\",\"success\":true,\"created\":true,\"errors\":[]}]" },
	};
	struct world *w = BEGIN(answers);
	struct edit e;
	struct err err;
	set_up_edits(&e, 1, WRITE_UPSERT);
	assert_true(write_all(w, &e, 1, &err));
	expect_sent(w, 1, "PATCH /services/data/v66.0/composite/sobjects/Contact/Ats_Id__c HTTP");
	expect_sent(w, 1, "{\"type\":\"Contact\"},\"Ats_Id__c\":\"7\"");
	assert_int_equal(e.w.outcome, WRITE_DONE);
	assert_true(e.w.created);
	assert_true(sv_eq(e.w.new_id, SV(ANN)));
	end(w);
}

static void a_request_refused_for_one_field_holds_only_that(void **state)
{
	static const struct answer answers[] = {
		{ 400, JSON,
		  "[{\"message\":\"No such column 'Phone' on sobject of type Contact\","
		  "\"errorCode\":\"INVALID_FIELD\"}]" },
		/* lines: 1 the frame, 2-4 the first record, 5-7 the second */
		{ 400, JSON,
		  "[{\"message\":\"Cannot deserialize instance of phone from VALUE_STRING value x "
		  "at [line:7, column:9]\",\"errorCode\":\"JSON_PARSER_ERROR\"}]" },
	};
	struct world *w = BEGIN(answers);
	struct edit e[3];
	struct err err;
	set_up_edits(e, 3, WRITE_UPDATE);
	e[1].w.field_n = 1; /* has no part in it */
	assert_true(write_all(w, e, 3, &err));
	assert_int_equal(e[0].w.outcome, WRITE_REJECTED);
	assert_string_equal(e[0].w.bad_field[0], "Phone");
	assert_int_equal(e[1].w.outcome, WRITE_NOT_SENT);
	assert_int_equal(e[2].w.outcome, WRITE_REJECTED);

	set_up_edits(e, 3, WRITE_UPDATE);
	assert_true(write_all(w, e, 3, &err));
	assert_int_equal(e[0].w.outcome, WRITE_NOT_SENT);
	assert_int_equal(e[1].w.outcome, WRITE_REJECTED);
	assert_int_equal(e[1].w.bad_field_n, 1);
	assert_string_equal(e[1].w.bad_field[0], "Phone");
	assert_int_equal(e[2].w.outcome, WRITE_NOT_SENT);
	end(w);
}

static void what_is_no_id_does_not_spoil_the_rest(void **state)
{
	static const struct answer answers[] = {
		{ 200, JSON, "[{\"id\":\"" BEN "\",\"success\":true,\"errors\":[]}]" },
	};
	struct world *w = BEGIN(answers);
	struct edit e[3];
	struct err err;
	set_up_edits(e, 3, WRITE_UPDATE);
	e[0].w.id = SV("7");
	e[2].field[1] = (struct write_field){ "AccountId",
					      { .kind = TYPE_LINK, .scale = -1 },
					      { VALUE_REF, SV("001*") } };
	assert_true(write_all(w, e, 3, &err));
	assert_int_equal(e[0].w.outcome, WRITE_REJECTED);
	assert_int_equal(e[1].w.outcome, WRITE_DONE);
	assert_int_equal(e[2].w.outcome, WRITE_REJECTED);
	assert_string_equal(e[2].w.bad_field[0], "AccountId");
	end(w);
}

static void trouble_with_all_is_told_of_all(void **state)
{
	static const struct {
		struct answer answer;
		bool returns;
		enum write_outcome outcome;
		enum err_code code;
	} cases[] = {
		{ { 0 }, true, WRITE_LOST, ERR_LOST },
		{ { 503, "text/html", "<html></html>" }, true, WRITE_LOST, ERR_SERVER },
		{ { 200, JSON, "[{\"id\":\"" ANN "\",\"success\":true}]" }, true, WRITE_LOST,
		  ERR_SERVER }, /* one answer for two records */
		{ { 200, JSON, "[{\"id\":\"00" }, true, WRITE_LOST, ERR_SERVER },
		{ { 403, JSON, "[{\"errorCode\":\"REQUEST_LIMIT_EXCEEDED\",\"message\":\"m\"}]" },
		  false, WRITE_NOT_SENT, ERR_LIMIT },
		{ { 403, JSON, "[{\"errorCode\":\"API_DISABLED_FOR_ORG\",\"message\":\"m\"}]" },
		  false, WRITE_NOT_SENT, ERR_AUTH },
		{ { 400, JSON, "[{\"errorCode\":\"UNABLE_TO_LOCK_ROW\",\"message\":\"m\"}]" }, true,
		  WRITE_BUSY, ERR_CONFLICT },
		{ { 404, JSON, "[{\"errorCode\":\"NOT_FOUND\",\"message\":\"m\"}]" }, true,
		  WRITE_REJECTED, ERR_REJECTED }, /* the object, not the records */
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct world *w = begin(&cases[i].answer, 1);
		struct edit e[2];
		struct err err;
		set_up_edits(e, 2, WRITE_UPDATE);
		assert_int_equal(write_all(w, e, 2, &err), cases[i].returns);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(e[k].w.outcome, cases[i].outcome);
			assert_int_equal(e[k].w.err.code, cases[i].code);
		}
		assert_int_equal(err.code, cases[i].returns ? ERR_NONE : cases[i].code);
		assert_int_equal(w->requests, 1);
		end(w);
	}
}

static void a_condition_that_fails_is_overtaken(void **state)
{
	static const struct answer answers[] = {
		{ 204, JSON, "" },
		{ 412, JSON, "[{\"errorCode\":\"PRECONDITION_FAILED\",\"message\":\"m\"}]" },
		{ 404, JSON, "[{\"errorCode\":\"ENTITY_IS_DELETED\",\"message\":\"m\"}]" },
	};
	static const enum write_outcome outcomes[] = { WRITE_DONE, WRITE_OVERTAKEN, WRITE_GONE };
	struct world *w = BEGIN(answers);
	for (size_t i = 0; i < countof(outcomes); i++) {
		struct edit e;
		struct err err;
		set_up_edits(&e, 1, WRITE_UPDATE);
		e.w.unmodified_since_ms = INT64_C(1795428005000);
		assert_true(write_all(w, &e, 1, &err));
		assert_int_equal(e.w.outcome, outcomes[i]);
	}
	expect_sent(w, 1, "PATCH /services/data/v66.0/sobjects/Contact/" ANN " HTTP");
	expect_sent(w, 1, "If-Unmodified-Since: Mon, 23 Nov 2026 10:00:05 GMT\r\n");
	expect_sent(w, 1, "{\n\"LastName\":\"Hara\"\n,\"Phone\":null}");
	end(w);
}

/* ---- the feed ---- */

#define SHAKEN(cookie) \
	{ 200, JSON, "[{\"channel\":\"/meta/handshake\",\"clientId\":\"c1\",\"successful\":true}]", \
	  "Set-Cookie: BAYEUX_BROWSER=" cookie "; Path=/\r\nSet-Cookie: lb=7\r\n" }
#define SUBSCRIBED_TO(channel) \
	"{\"channel\":\"/meta/subscribe\",\"subscription\":\"" channel "\",\"successful\":true}"
#define SUBSCRIBED \
	{ 200, JSON, "[" SUBSCRIBED_TO("/data/ContactChangeEvent") "," \
		     SUBSCRIBED_TO("/data/Placement__ChangeEvent") "]" }
#define CONNECTED "{\"channel\":\"/meta/connect\",\"successful\":true," \
		  "\"advice\":{\"reconnect\":\"retry\",\"interval\":0}}"
#define EVENT(id, replay, kind, at, user) \
	"{\"channel\":\"/data/ContactChangeEvent\",\"data\":{\"event\":{\"replayId\":" replay "}," \
	"\"payload\":{\"ChangeEventHeader\":{\"entityName\":\"Contact\",\"recordIds\":[" id "]," \
	"\"changeType\":\"" kind "\",\"commitTimestamp\":" at ",\"commitUser\":\"" user "\"}}}}"

static struct changes changes(struct world *w, struct sv cursor)
{
	struct err err = { 0 };
	struct changes out;
	if (!w->c->ops->changes(w->c, cursor, 0, &w->arena, &out, &err))
		fail_msg("%s", err.what);
	return out;
}

static void the_feed_goes_on_from_what_it_gave(void **state)
{
	static const struct answer answers[] = {
		SHAKEN("one"),
		SUBSCRIBED,
		{ 200, JSON,
		  "[" EVENT("\"" ANN "\",\"" BEN "\"", "41", "UPDATE", "1795429755365", BEN) ","
		  CONNECTED ","
		  EVENT("\"003*\"", "43", "UPDATE", "1795429756000", "005xx000001SwiUAAS") ","
		  EVENT("\"000000000000000AAA\"", "44", "GAP_OVERFLOW", "1795429757000", BEN) "]" },
		/* forgotten: begins anew, from the newest place */
		{ 200, JSON, "[{\"channel\":\"/meta/connect\",\"successful\":false,"
			     "\"error\":\"403::Unknown client\"}]" },
		SHAKEN("two"),
		SUBSCRIBED,
		{ 200, JSON, "[" CONNECTED "]" },
	};
	struct world *w = BEGIN(answers);
	struct changes c = changes(w, SV_NONE);
	assert_int_equal(c.n, 0);
	assert_true(sv_eq(c.cursor, SV("{\"at\":1795429754000,\"/data/ContactChangeEvent\":-1,"
				       "\"/data/Placement__ChangeEvent\":-1}")));
	expect_sent(w, 1, "POST /cometd/66.0 HTTP");
	expect_sent(w, 1, "\"ext\":{\"replay\":true}");
	expect_sent(w, 2, "\"ext\":{\"replay\":{\"/data/Placement__ChangeEvent\":-1}}");
	expect_sent(w, 2, "Cookie: BAYEUX_BROWSER=one; lb=7\r\n");

	c = changes(w, c.cursor);
	assert_int_equal(c.n, 4);
	assert_true(c.more);
	expect_sent(w, 3, "\"advice\":{\"timeout\":0}");
	assert_true(sv_eq(c.change[0].id, SV(ANN)));
	assert_true(sv_eq(c.change[1].id, SV(BEN)));
	assert_int_equal(c.change[0].author, AUTHOR_FOREIGN);
	assert_int_equal(c.change[0].at_ms, INT64_C(1795429755000));
	assert_int_equal(c.change[2].id.len, 0); /* any contact */
	assert_int_equal(c.change[2].author, AUTHOR_OWN);
	assert_int_equal(c.change[3].id.len, 0);
	assert_true(sv_eq(c.cursor, SV("{\"at\":1795429754000,\"/data/ContactChangeEvent\":44,"
				       "\"/data/Placement__ChangeEvent\":-1}")));

	struct changes last = changes(w, c.cursor);
	assert_int_equal(last.n, 0);
	assert_true(sv_eq(last.cursor, c.cursor));
	expect_sent(w, 6, "\"ext\":{\"replay\":{\"/data/ContactChangeEvent\":44}}");
	expect_sent(w, 6, "\"ext\":{\"replay\":{\"/data/Placement__ChangeEvent\":-2}}");
	expect_sent(w, 6, "Cookie: BAYEUX_BROWSER=two; lb=7\r\n");
	assert_int_equal(w->c->usage.feed_calls, 7);
	assert_int_equal(w->c->usage.calls, 0);
	end(w);
}

static void a_channel_without_an_id_is_replayed_from_its_time(void **state)
{
	static const struct answer answers[] = {
		SHAKEN("one"),
		SUBSCRIBED,
		{ 200, JSON,
		  "[" EVENT("\"" ANN "\"", "7", "UPDATE", "1795420000000", BEN) ","
		  EVENT("\"" BEN "\"", "8", "UPDATE", "1795429754500", BEN) "," CONNECTED "]" },
	};
	struct world *w = BEGIN(answers);
	struct changes c =
		changes(w, SV("{\"at\":1795429754000,\"/data/ContactChangeEvent\":-1,"
			      "\"/data/Placement__ChangeEvent\":5}"));
	expect_sent(w, 2, "\"ext\":{\"replay\":{\"/data/ContactChangeEvent\":-2}}");
	expect_sent(w, 2, "\"ext\":{\"replay\":{\"/data/Placement__ChangeEvent\":5}}");
	assert_int_equal(c.n, 1); /* the older one was no news at that time */
	assert_true(sv_eq(c.change[0].id, SV(BEN)));
	end(w);
}

/* What waits behind one channel's events is not heard yet. */
static void only_silence_moves_the_time(void **state)
{
	static const struct answer answers[] = {
		SHAKEN("one"),
		SUBSCRIBED,
		{ 200, JSON,
		  "[" EVENT("\"" BEN "\"", "8", "UPDATE", "1795429754500", BEN) "," CONNECTED "]" },
		{ 200, JSON, "[" CONNECTED "]" },
	};
	struct world *w = BEGIN(answers);
	w->clock.ms += 3600 * 1000;
	struct changes c =
		changes(w, SV("{\"at\":1795429754000,\"/data/ContactChangeEvent\":-1,"
			      "\"/data/Placement__ChangeEvent\":-1}"));
	assert_true(sv_eq(c.cursor, SV("{\"at\":1795429754000,\"/data/ContactChangeEvent\":8,"
				       "\"/data/Placement__ChangeEvent\":-1}")));
	c = changes(w, c.cursor);
	assert_true(sv_eq(c.cursor, SV("{\"at\":1795433354000,\"/data/ContactChangeEvent\":8,"
				       "\"/data/Placement__ChangeEvent\":-1}")));
	end(w);
}

static enum err_code feed_error(struct world *w, struct sv cursor)
{
	struct err err = { 0 };
	struct changes out;
	assert_false(w->c->ops->changes(w->c, cursor, 0, &w->arena, &out, &err));
	return err.code;
}

static void places_that_are_gone_are_cursor_errors(void **state)
{
	static const struct answer answers[] = {
		SHAKEN("one"),
		{ 200, JSON,
		  "[{\"channel\":\"/meta/subscribe\",\"successful\":false,"
		  "\"subscription\":\"/data/ContactChangeEvent\",\"error\":\"400::The replayId {8} "
		  "you provided was invalid. Please provide a valid ID\"},"
		  SUBSCRIBED_TO("/data/Placement__ChangeEvent") "]" },
	};
	struct world *w = BEGIN(answers);
	assert_int_equal(feed_error(w, SV("no cursor")), ERR_CURSOR);
	assert_int_equal(feed_error(w, SV("{\"at\":1795000000000,"
					  "\"/data/ContactChangeEvent\":-1}")),
			 ERR_CURSOR); /* five days ago */
	assert_int_equal(w->requests, 0);
	assert_int_equal(feed_error(w, SV("{\"at\":1795429754000,"
					  "\"/data/ContactChangeEvent\":8}")),
			 ERR_CURSOR);
	end(w);
}

static void a_refused_subscription_is_told(void **state)
{
	static const struct answer answers[] = {
		SHAKEN("one"),
		{ 200, JSON,
		  "[" SUBSCRIBED_TO("/data/ContactChangeEvent") ","
		  "{\"channel\":\"/meta/subscribe\",\"successful\":false,"
		  "\"subscription\":\"/data/Placement__ChangeEvent\","
		  "\"error\":\"400::The channel you requested to subscribe to doesn't exist\"}]" },
		SHAKEN("one"),
		{ 200, JSON, "[" SUBSCRIBED_TO("/data/ContactChangeEvent") "]" },
	};
	struct world *w = BEGIN(answers);
	assert_int_equal(feed_error(w, SV_NONE), ERR_REJECTED);
	assert_int_equal(feed_error(w, SV_NONE), ERR_SERVER); /* one reply is missing */
	end(w);
}

static void the_feed_logs_in_anew(void **state)
{
	static const struct answer answers[] = {
		{ 200, JSON,
		  "[{\"channel\":\"/meta/handshake\",\"successful\":false,"
		  "\"error\":\"403::Handshake denied\",\"advice\":{\"reconnect\":\"none\"},"
		  "\"ext\":{\"sfdc\":{\"failureReason\":\"401::Authentication invalid\"}}}]" },
		SHAKEN("one"),
		SUBSCRIBED,
		{ 401, JSON, "[{\"message\":\"m\",\"errorCode\":\"INVALID_SESSION_ID\"}]" },
		SHAKEN("two"),
		SUBSCRIBED,
		{ 200, JSON, "[" CONNECTED "]" },
	};
	struct world *w = BEGIN(answers);
	struct changes c = changes(w, SV_NONE);
	assert_int_equal(w->logins, 2);
	changes(w, c.cursor);
	assert_int_equal(w->logins, 3);
	expect_sent(w, 7, "Authorization: Bearer token-3\r\n");
	end(w);
}

static void no_client_is_accepted_for_ever(void **state)
{
#define FORGOTTEN { 200, JSON, "[{\"channel\":\"/meta/handshake\",\"successful\":false," \
			       "\"error\":\"403::Unknown client\"}]" }
	static const struct answer answers[] = { FORGOTTEN, FORGOTTEN, FORGOTTEN, FORGOTTEN };
	struct world *w = BEGIN(answers);
	assert_int_equal(feed_error(w, SV_NONE), ERR_UNREACHABLE);
	assert_int_equal(w->requests, 3);
	end(w);
}

static int make_key(void **state)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	int n = BIO_read(bio, key_pem, sizeof(key_pem) - 1);
	key_pem[n] = '\0';
	BIO_free(bio);
	EVP_PKEY_free(key);
	return n > 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_tells_the_organisation),
		cmocka_unit_test(an_ended_session_is_renewed_once),
		cmocka_unit_test(a_session_refused_twice_is_no_loop),
		cmocka_unit_test(a_session_of_the_wrong_kind_is_a_persons),
		cmocka_unit_test(a_refused_login_is_not_repeated_at_once),
		cmocka_unit_test(a_token_is_sent_only_where_the_deployment_could),
		cmocka_unit_test(an_unreadable_key_is_a_persons),
		cmocka_unit_test(rows_are_read_with_stamp_and_author),
		cmocka_unit_test(an_unreadable_column_leaves_the_others),
		cmocka_unit_test(objects_that_do_not_merge_are_asked_once),
		cmocka_unit_test(a_short_page_is_not_the_last_one),
		cmocka_unit_test(found_is_what_equals_canonically),
		cmocka_unit_test(a_quota_or_a_page_of_html_fails_the_call),
		cmocka_unit_test(each_record_has_its_own_outcome),
		cmocka_unit_test(an_upsert_carries_its_key),
		cmocka_unit_test(a_request_refused_for_one_field_holds_only_that),
		cmocka_unit_test(what_is_no_id_does_not_spoil_the_rest),
		cmocka_unit_test(trouble_with_all_is_told_of_all),
		cmocka_unit_test(a_condition_that_fails_is_overtaken),
		cmocka_unit_test(the_feed_goes_on_from_what_it_gave),
		cmocka_unit_test(a_channel_without_an_id_is_replayed_from_its_time),
		cmocka_unit_test(only_silence_moves_the_time),
		cmocka_unit_test(places_that_are_gone_are_cursor_errors),
		cmocka_unit_test(a_refused_subscription_is_told),
		cmocka_unit_test(the_feed_logs_in_anew),
		cmocka_unit_test(no_client_is_accepted_for_ever),
	};
	return cmocka_run_group_tests(tests, make_key, NULL);
}

/* /composite: up to 25 requests in one, in order, where later ones may name
 * what earlier ones answered (@{reference.path}). Counts as one call. */
#include "base/panic.h"
#include "salesforce.h"

enum { PARTS_MAX = 25, TEXT_MAX = 1024 * 1024 };

struct part {
	struct sv reference;
	int status;
	struct json_object *body; /* owned; NULL for 204 */
};

struct composite {
	struct sf_call *c;
	struct part parts[PARTS_MAX];
	size_t len;
	bool failed_reference; /* of the part being resolved */
};

static const struct part *part_named(const struct composite *k, struct sv name)
{
	for (size_t i = 0; i < k->len; i++)
		if (sv_eq(k->parts[i].reference, name))
			return &k->parts[i];
	return NULL;
}

/* 'records[0].Id' as json_path writes it: 'records.0.Id'. */
static char *dotted(struct arena *a, struct sv path)
{
	char *s = arena_str(a, path), *to = s;
	for (const char *p = s; *p; p++)
		if (*p == '[')
			*to++ = '.';
		else if (*p != ']')
			*to++ = *p;
	*to = '\0';
	return s;
}

static void add_reference(struct composite *k, struct buf *b, struct sv reference)
{
	struct sv name, path;
	sv_cut(reference, '.', &name, &path);
	const struct part *p = part_named(k, name);
	struct json_object *v = p ? json_path(p->body, dotted(k->c->a, path)) : NULL;
	struct sv text = json_scalar_text(v);
	if (!p || p->status >= 300 || !text.ptr) {
		k->failed_reference = true;
		return;
	}
	buf_add(b, text); /* ids and numbers: nothing to escape */
}

static struct sv resolve(struct composite *k, struct sv text)
{
	struct buf b;
	buf_init(&b, TEXT_MAX);
	while (text.len) {
		const char *at = memmem(text.ptr, text.len, "@{", 2);
		const char *end = at ? memchr(at, '}', (size_t)(text.ptr + text.len - at)) : NULL;
		if (!end)
			break;
		buf_add(&b, sv_make(text.ptr, (size_t)(at - text.ptr)));
		add_reference(k, &b, sv_make(at + 2, (size_t)(end - at - 2)));
		text = sv_make(end + 1, (size_t)(text.ptr + text.len - end - 1));
	}
	buf_add(&b, text);
	struct sv out = arena_sv(k->c->a, buf_sv(&b));
	buf_finish(&b);
	return out;
}

static struct json_object *halted(const char *why)
{
	struct json_object *list = json_object_new_array(), *o = json_object_new_object();
	json_put_sv(o, "errorCode", SV("PROCESSING_HALTED"));
	json_put_sv(o, "message", sv_of(why));
	json_object_array_add(list, o);
	return list;
}

static void sub_headers(struct sf_call *c, struct http_request *req, struct json_object *headers)
{
	req->headers = (struct http_pairs){ 0 };
	size_t more = json_object_is_type(headers, json_type_object) ? (size_t)json_object_object_length(headers) : 0;
	req->headers.items = arena_array(c->a, struct http_pair, c->req->headers.len + more);
	if (more) {
		json_object_object_foreach(headers, key, value)
			req->headers.items[req->headers.len++] =
				(struct http_pair){ sv_of(key), json_scalar_text(value) };
	}
	for (size_t i = 0; i < c->req->headers.len; i++)
		if (sv_eq_nocase(c->req->headers.items[i].name, SV("Sforce-Call-Options")))
			req->headers.items[req->headers.len++] = c->req->headers.items[i];
}

/* '/services/data/v66.0/REST' */
static bool sub_path(struct sf_call *sub, struct http_request *req, struct sv url)
{
	struct sv head = SV("/services/data/"), path, query;
	sv_cut(url, '?', &path, &query);
	req->path = path;
	req->query = query;
	req->args = (struct http_pairs){ 0 };
	http_parse_pairs(sub->a, query, &req->args);
	if (!sv_starts(path, head))
		return false;
	sv_cut(sv_make(path.ptr + head.len, path.len - head.len), '/', &sub->version, &sub->rest);
	return sub->rest.len > 0;
}

static void run_part(struct composite *k, struct json_object *spec, struct sf_txn *shared)
{
	struct sf_call *c = k->c, sub = *c;
	struct part p = { .reference = json_sv(spec, "referenceId") };
	struct http_request req = *c->req;
	struct http_response resp = { .arena = c->a, .status = 200 };
	struct err err = { 0 };
	k->failed_reference = false;
	struct sv url = resolve(k, json_sv(spec, "url"));
	struct json_object *body = json_at(spec, "body");
	struct sv text = body ? resolve(k, sv_of(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN |
										       JSON_C_TO_STRING_NOSLASHESCAPE)))
			      : SV_NONE;
	buf_init(&resp.body, c->resp->body.max);
	sub.req = &req;
	sub.resp = &resp;
	sub.outer = shared;
	req.method = json_sv(spec, "method");
	req.body = text;
	sub_headers(c, &req, json_at(spec, "httpHeaders"));
	sub.body = text.len ? json_parse(text, "body", &err) : NULL;
	if (k->failed_reference) {
		p.status = 400;
		p.body = halted("Invalid reference specified. No value for a reference found in an earlier response.");
	} else if (!sub_path(&sub, &req, url)) {
		sf_answer(&sub, 404, "NOT_FOUND", "The requested resource does not exist");
	} else {
		sf_dispatch(&sub);
	}
	if (!p.status) {
		p.status = resp.status;
		p.body = resp.body.len ? json_parse(buf_sv(&resp.body), "answer", &err) : NULL;
	}
	buf_finish(&resp.body);
	json_object_put(sub.body);
	k->parts[k->len++] = p;
}

static void answer_parts(struct composite *k)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	for (size_t i = 0; i < k->len; i++) {
		struct json_object *one = json_object_new_object();
		json_object_object_add(one, "body", k->parts[i].body);
		json_object_object_add(one, "httpHeaders", json_object_new_object());
		json_put_i64(one, "httpStatusCode", k->parts[i].status);
		json_put_sv(one, "referenceId", k->parts[i].reference);
		json_object_array_add(list, one);
	}
	json_object_object_add(o, "compositeResponse", list);
	http_json(k->c->resp, 200, o);
}

static void halt_others(struct composite *k)
{
	for (size_t i = 0; i < k->len; i++) {
		if (k->parts[i].status >= 400)
			continue;
		json_object_put(k->parts[i].body);
		k->parts[i].status = 400;
		k->parts[i].body = halted(
			"The transaction was rolled back since another operation in the same transaction failed.");
	}
}

void sf_handle_composite(struct sf_call *c)
{
	struct composite k = { .c = c };
	struct json_object *list = json_at(c->body, "compositeRequest");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	bool all_or_none = json_flag(c->body, "allOrNone", false), failed = false;
	struct sf_txn own, *x;
	if (!n || n > PARTS_MAX || c->outer) {
		sf_answer(c, 400, "INVALID_INPUT", "compositeRequest must hold 1 to 25 requests, and no composite itself");
		return;
	}
	x = sf_txn_of(c, &own);
	for (size_t i = 0; i < n; i++) {
		run_part(&k, json_object_array_get_idx(list, i), all_or_none ? x : NULL);
		failed |= k.parts[i].status >= 400;
	}
	if (all_or_none && failed) {
		sf_txn_rollback(x, 0);
		halt_others(&k);
	}
	answer_parts(&k);
	sf_txn_commit(x);
}

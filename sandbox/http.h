/* http.h - the sandbox's HTTP server: one listener a system, blocking handlers.
 *
 * A thread serves a connection (libmicrohttpd) and calls the handler once a
 * request, with the whole body read. The handler may block (long polling, slow
 * answers); it must return soon after the sandbox stops. Everything in a
 * request lives until the handler returns, in the request's arena, which the
 * handler may use for its own needs. Listeners bind 127.0.0.1 only. */
#ifndef SANDBOX_HTTP_H
#define SANDBOX_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct http_pair {
	struct sv name;
	struct sv value;
};

struct http_pairs {
	struct http_pair *items;
	size_t len;
	size_t cap;
};

struct http_request {
	struct arena *arena;
	struct sv method;
	struct sv path;	  /* as sent (still percent-encoded), '//' collapsed */
	struct sv query;  /* as sent, without '?' */
	struct sv body;
	struct http_pairs headers;
	struct http_pairs args; /* of the query, decoded */
	struct http_pairs form; /* of a form body, decoded; else empty */
	size_t head_len;	/* bytes of URI and headers together */
	int64_t came_ms;	/* when it was there as a whole */
};

/* What becomes of the connection. */
enum http_fate {
	HTTP_ANSWER,
	HTTP_CLOSE, /* closed without an answer */
	HTTP_RESET, /* reset (RST) without an answer */
};

enum { HTTP_BODY_MAX = 16 * 1024 * 1024, HTTP_HEADERS_MAX = 12 };

struct http_response {
	struct arena *arena; /* the request's; for header values */
	enum http_fate fate;
	bool last; /* the process gets SIGTERM once this answer is out */
	int status;		/* 200 unless changed */
	const char *content_type; /* "application/json;charset=UTF-8" unless changed */
	struct http_pair headers[HTTP_HEADERS_MAX];
	size_t headers_len;
	struct buf body; /* owned by the server */
	size_t shown_first, shown_n; /* of the system's notes of reads, those of this answer */
};

typedef void http_handler(void *ctx, const struct http_request *req, struct http_response *resp);

struct http_server;

/* Port 0 picks a free one. NULL with err when the port cannot be had. */
struct http_server *http_server_create(int port, http_handler *handler, void *ctx, struct err *err);
/* Waits for running handlers. */
void http_server_destroy(struct http_server *s);
int http_server_port(const struct http_server *s);

/* SV_NONE when absent; header names without regard to case. */
struct sv http_header(const struct http_request *req, const char *name);
struct sv http_arg(const struct http_request *req, const char *name);
struct sv http_form(const struct http_request *req, const char *name);
struct sv http_cookie(const struct http_request *req, const char *name);
bool http_is(const struct http_request *req, const char *method);
/* The next segment of a path, percent-decoded, moving *rest past it. False at
 * the end. Start with *rest = req->path or what follows a prefix. */
bool http_segment(const struct http_request *req, struct sv *rest, struct sv *segment);

/* Percent-decoding into the arena; '+' means blank only when 'form'. */
struct sv http_decode(struct arena *a, struct sv s, bool form);
/* The text with U+FFFD for what is no UTF-8: so both services read a request,
 * and messages that quote one may cut it anywhere. */
struct sv http_utf8(struct arena *a, struct sv s);
/* The target of the request line, as sent: fills path, query and args. The
 * request must have its arena. */
void http_take_target(struct http_request *req, struct sv target);
/* 'a=1&b=2' into pairs. */
void http_parse_pairs(struct arena *a, struct sv text, struct http_pairs *out);

/* 'name' and 'value' must live in the request's arena or forever. */
void http_add_header(struct http_response *resp, const char *name, struct sv value);
void http_status(struct http_response *resp, int status);
/* Replaces the body by the JSON text and takes the object. */
struct json_object;
void http_json(struct http_response *resp, int status, struct json_object *take);
/* Replaces the body. */
void http_text(struct http_response *resp, int status, const char *content_type, struct sv text);

#endif

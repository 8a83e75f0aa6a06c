/* http_server.h - a small HTTP server: routes, whole requests, answers that may
 * come later and from any thread.
 *
 * One thread of its own serves all connections. It reads a whole request,
 * within limits, and hands it to its route's handler on that thread; a handler
 * must not block. It answers with http_answer, at once or later: until then
 * the connection sleeps and costs nothing but its memory. What a request's
 * views point into lives until its answer was given, or the handler lets it go
 * with http_forget_body.
 *
 * A connection that has not brought a whole request within 'patience_ms' of its
 * beginning or of its last answer is closed, however busily it drips: that
 * bounds idle keep-alive and slow senders alike. Too long a body is answered
 * 413, too long a head 431; what does not follow the protocol is closed.
 *
 * Without a certificate only loopback addresses are listened on: a signature
 * keeps nobody from reading. */
#ifndef TREATY_HTTP_SERVER_H
#define TREATY_HTTP_SERVER_H

#include "base/err.h"

struct http_server;
struct http_exchange; /* one request and the answer to come */

struct http_request {
	struct sv method, path, body;
	struct http_exchange *exchange; /* for http_request_header */
};

/* SV_NONE when absent; any case. Valid as long as the request. */
struct sv http_request_header(const struct http_request *r, const char *name);

/* Called with the whole request. Exactly one http_answer must follow, from any
 * thread, before http_server_destroy. */
typedef void http_handler(void *arg, const struct http_request *r, struct http_exchange *x);

/* Called when the head is there and before the body is read: 0 goes on; a
 * status refuses, so that what cannot be taken is not even read. */
typedef int http_admit(void *arg);

struct http_route {
	const char *method;
	const char *path; /* exactly */
	http_handler *handler;
	http_admit *admit; /* or NULL */
	void *arg;
};

struct http_server_options {
	const char *address; /* '127.0.0.1:8443', '[::1]:8443', '0.0.0.0:443'; port 0: any free one */
	struct sv certificate, key; /* PEM; empty: plain http, loopback only. Copied. */
	const struct http_route *route; /* must outlive the server */
	int route_n;
	size_t body_max;     /* of one request; 0: 1 MiB */
	size_t head_max;     /* 0: 32 KiB */
	int connections_max; /* more wait in the system's backlog; 0: 2048 */
	int64_t patience_ms; /* 0: 30000 */
};

/* Listens and serves, or NULL with err: the address, the certificate. */
struct http_server *http_server_create(const struct http_server_options *o, struct err *err);
int http_server_port(const struct http_server *s);

/* No new connections, no new requests (503); what a handler holds can still be
 * answered. Any thread. */
void http_server_quiesce(struct http_server *s);
/* Every request that a handler was given must have been answered. */
void http_server_destroy(struct http_server *s);

struct http_reply {
	int status;
	const char *type; /* of the text; NULL: text/plain */
	struct sv text;	  /* copied */
	int retry_after_s; /* 0: none */
	bool close;
};

/* Any thread; takes the exchange. */
void http_answer(struct http_exchange *x, const struct http_reply *r);

/* The handler needs the request no more, though the answer is still to come.
 * On the server's thread, within the handler. */
void http_forget_body(struct http_exchange *x);

/* 'HOST:PORT' taken apart; false when it is none. 'host' without brackets. */
bool http_split_address(struct sv address, struct sv *host, int *port);
/* 127.0.0.0/8, ::1, localhost: what cannot be reached from another machine. */
bool http_is_loopback(struct sv host);

#endif

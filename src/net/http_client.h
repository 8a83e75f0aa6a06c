/* http_client.h - blocking HTTP over libcurl, with connections kept alive.
 *
 * A client may be used by any number of threads: each call borrows an easy
 * handle from a pool. Bodies go into a buffer with a maximum. The error class
 * says what may have happened on the other side:
 *   ERR_UNREACHABLE nothing was sent (name, connect, TLS)
 *   ERR_LOST        sent, but no complete answer came
 *   ERR_TOO_BIG     the answer passed the limit (it was executed)
 * Any complete HTTP answer is success here, whatever its status. Plain http is
 * refused but to loopback addresses; redirects are never followed. Proxies
 * from the environment are not used for loopback. A request is sent at most
 * once, except what is 'repeatable', and GET and HEAD that are not 'once', on a
 * kept-alive connection found dead. Messages name the address without its query, which may hold a token. */
#ifndef TREATY_HTTP_CLIENT_H
#define TREATY_HTTP_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

struct http_client;

struct http_client *http_client_create(void);
void http_client_destroy(struct http_client *c); /* no call under way */

struct http_header {
	const char *name;
	struct sv value;
};

/* Zero it before the first http_perform; a call may be performed again. */
struct http_call {
	/* the request; owned by the caller */
	const char *method; /* 'GET' */
	const char *url;
	const struct http_header *header;
	int header_n;
	struct sv body;
	const char *content_type; /* of the body, or NULL */
	int64_t timeout_ms;	  /* for the whole call; 0: 120 s */
	size_t body_max;	  /* of the answer; 0: 64 MiB */
	bool repeatable;	  /* sending it twice does no harm: a POST that reads */
	bool once;		  /* it does: a GET that takes from a queue */
	/* the answer: caller calls http_call_finish */
	long status;
	struct buf body_out;
	struct buf headers_out; /* raw header lines of the final answer */
};

bool http_perform(struct http_client *c, struct http_call *call, struct err *err);
void http_call_finish(struct http_call *call);

/* A header of the answer (name without colon, any case), trimmed; empty if
 * absent. A view into headers_out. */
struct sv http_answer_header(const struct http_call *call, const char *name);

/* Iterates over all headers, for those that come several times (Set-Cookie):
 * *rest starts as buf_sv(&call->headers_out); false at the end. */
bool http_header_next(struct sv *rest, struct sv *name, struct sv *value);

/* True for 'https://' URLs and for 'http://' ones to 127.0.0.0/8, [::1] or
 * localhost; else false with ERR_BAD_INPUT. */
bool http_url_allowed(struct sv url, struct err *err);

/* Makes every call under way and later fail soon with ERR_STOPPED (requests
 * already sent: ERR_LOST), for a prompt shutdown. Any thread. */
void http_client_stop(struct http_client *c);

#endif

/* err.h - the one error type.
 *
 * Whoever knows what went wrong fills it, once; callers pass it up and ask
 * only 'retry' and 'scope'. Functions that can fail return false (or NULL) and
 * take a 'struct err *' last; it is untouched on success. The first error
 * stays: filling one that is already set does nothing. */
#ifndef TREATY_ERR_H
#define TREATY_ERR_H

#include "base/sv.h"

enum err_code {
	ERR_NONE,
	ERR_BAD_INPUT,	 /* a document, an option, a body from outside */
	ERR_TOO_BIG,	 /* more than the limit for what a peer decides */
	ERR_NOT_FOUND,
	ERR_AUTH,	 /* a login that will not work by trying again */
	ERR_SESSION,	 /* a session that ended: log in again, repeat once */
	ERR_LIMIT,	 /* a quota or rate limit said no */
	ERR_UNREACHABLE, /* surely not executed: refused, no route, name unknown */
	ERR_LOST,	 /* perhaps executed: time-out or reset after sending */
	ERR_SERVER,	 /* the peer failed: 5xx, HTML for JSON, truncated */
	ERR_REJECTED,	 /* the peer understood and refused this record */
	ERR_CURSOR,	 /* a feed position that the peer no longer knows */
	ERR_CONFLICT,	 /* someone else was there first */
	ERR_UNSUPPORTED,
	ERR_STORE,	 /* the store cannot go on: disk full, corrupt, newer */
	ERR_SYSTEM,	 /* another operating system error; see sys_errno */
	ERR_STOPPED,	 /* asked to stop */
};

enum err_retry { RETRY_NEVER, RETRY_LATER, RETRY_PERSON };
enum err_scope { SCOPE_FIELD, SCOPE_RECORD, SCOPE_DOMAIN, SCOPE_SYSTEM, SCOPE_PROCESS };

struct err {
	enum err_code code;
	enum err_retry retry;
	enum err_scope scope;
	int http_status;
	int sys_errno;
	int line, column; /* in a document; 0 when not about one */
	char file[128];
	char what[512]; /* 'what: why', one line, no secret */
};

/* Both set retry and scope to what the code usually means; the caller that
 * knows better assigns them after. */
void err_set(struct err *e, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void err_set_errno(struct err *e, int sys_errno, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

const char *err_code_name(enum err_code code);

static inline void err_clear(struct err *e)
{
	*e = (struct err){ 0 };
}

#endif

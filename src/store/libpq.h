/* libpq.h - PostgreSQL's client library, loaded when a store first needs it, so
 * that a firm with an SQLite file neither installs it nor pays for it (2 MB
 * with what it loads itself). Its header is needed to build, nothing to link.
 *
 * One table of the functions used, by libpq's own names without 'PQ'. */
#ifndef TREATY_LIBPQ_H
#define TREATY_LIBPQ_H

#include <libpq-fe.h>

#include "base/err.h"

#define LIBPQ_FUNCTIONS(X)                                                            \
	X(backendPID) X(clear) X(cmdStatus) X(cmdTuples) X(connectdbParams)           \
	X(errorMessage) X(exec) X(execParams) X(execPrepared) X(finish) X(ftype)      \
	X(getisnull) X(getlength) X(getvalue) X(ntuples) X(pingParams) X(prepare)     \
	X(resultErrorField) X(resultStatus) X(serverVersion) X(setNoticeProcessor)    \
	X(status)

struct libpq {
#define LIBPQ_MEMBER(name) __typeof__(&PQ##name) name;
	LIBPQ_FUNCTIONS(LIBPQ_MEMBER)
#undef LIBPQ_MEMBER
};

/* The table; the same for all callers, any thread. NULL with err naming the
 * Debian package when the library is not there. */
const struct libpq *libpq_load(struct err *err);

#endif

/* smtp.h - one mail to one address, over libcurl.
 *
 * Blocks for half a minute at most. Any thread. Nothing is kept: a connection a
 * mail, since mails are rare. The error class says what may have happened:
 *   ERR_UNREACHABLE the server was not reached, or no encryption came about
 *   ERR_AUTH        it refused the login
 *   ERR_REJECTED    it refused this mail or address (scope: record)
 *   ERR_SERVER      it said that it cannot just now
 *   ERR_LOST        it may have taken the mail: its answer to the whole is missing
 * Messages quote the server's last line, never a password. */
#ifndef TREATY_SMTP_H
#define TREATY_SMTP_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"

struct smtp_server {
	const char *url; /* smtp://HOST[:PORT], or smtps:// where TLS comes first */
	const char *ca;	 /* path of certificates to trust, or NULL: the system's */
	bool encrypted;	 /* smtp: nothing is said without STARTTLS */
	const char *username, *password; /* or NULL */
	const atomic_bool *stop; /* set by any thread: end soon, ERR_STOPPED */
};

struct smtp_mail {
	const char *from; /* 'a@b' or 'Name <a@b>' */
	const char *to;	  /* 'a@b' */
	const char *id;	  /* without angle brackets; equal: the same mail again */
	int64_t date_ms;
	struct sv subject; /* UTF-8, one line */
	struct sv text;	   /* UTF-8, lines end in \n */
};

bool smtp_send(const struct smtp_server *server, const struct smtp_mail *mail, struct err *err);

/* The address in 'Name <a@b>'. */
struct sv smtp_address(const char *from);

/* A header's text: as it is when it is ASCII, else in encoded words (RFC 2047),
 * folded. Characters that would end the line become blanks. */
void smtp_add_words(struct buf *b, struct sv text);

#endif

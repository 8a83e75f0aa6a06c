/* remedy.h - entries of the conflict log in words: what happened, and what a
 * person can do about it. For the command line and for messages. */
#ifndef TREATY_REMEDY_H
#define TREATY_REMEDY_H

#include "settle/settle.h"

/* Options of 'treaty conflicts resolve' that fit; MARK: 'treaty mark' of its
 * records instead. */
enum { CAN_TAKE = 1, CAN_VALUE = 2, CAN_RETRY = 4, CAN_IGNORE = 8, CAN_PROCEED = 16, CAN_MARK = 32 };

struct remedy {
	const char *actions; /* a few words, for a table */
	const char *advice;  /* lines without a final newline */
	const char *said;    /* what happened, a sentence */
	unsigned can;
};

/* Every kind has one. */
const struct remedy *remedy_of(enum mismatch_kind kind);

#endif

/* revert.h - what a wrong treaty overwrote, put back where it stood.
 *
 * The journal says of each decision what stood at the target and what was to be
 * written there. What is still there as we wrote it is put back by a person's
 * decision in the link's row, so through slots, queue and quota like any write;
 * the engine reads the record once more and leaves alone what changed since.
 * The rest is told of with its reason. */
#ifndef TREATY_REVERT_H
#define TREATY_REVERT_H

#include "settle/settle.h"
#include "store/store.h"

struct revert_scope {
	int version;	  /* of the treaty that decided; 0: any */
	int64_t since_ms; /* 0: any time */
	int record, field; /* -1: all */
};

/* A value that was overwritten. Valid until the callback returns. */
struct revert_item {
	const struct treaty_record *type; /* NULL: the treaty does not have it any more */
	const struct treaty_field *field; /* NULL: nor this */
	struct sv field_name;
	enum side side; /* where it stood */
	struct sv remote;
	struct value had; /* unknown: not kept */
	struct value now; /* what stands there by the last agreement */
	struct sv wrote;  /* shown form */
	const char *why_not; /* NULL: it can be put back */
};

/* 'each' hears of all of them, by link. Unless 'go' nothing is changed, and the
 * store may be a read_only one. Not threaded. In bounded transactions: called
 * again after a death it does what is left. */
bool engine_revert(struct store *s, const struct treaty *t, const struct revert_scope *scope,
		   bool go, struct sv who, void (*each)(void *arg, const struct revert_item *item),
		   void *arg, struct err *err);
/* Makes the temporary table that it works in, as it does itself. */
bool revert_prepare(struct store *s, struct err *err);

#endif

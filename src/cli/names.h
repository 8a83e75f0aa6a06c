/* names.h - records as people name them on the command line: a system, an
 * object or record type, an id. */
#ifndef TREATY_CLI_NAMES_H
#define TREATY_CLI_NAMES_H

#include "cli/open.h"

struct record_name {
	enum side side;
	int record;
	struct sv id; /* as the store keeps it; empty when none was given */
};

/* 'system' is ats, salesforce, or the kind of system that the treaty names
 * (bullhorn); 'object' an object of that system or a record type, in any case
 * of letters; 'id' may be NULL. False with ERR_BAD_INPUT and what would do. */
bool name_record(const struct treaty *t, const char *system, const char *object, const char *id,
		 struct arena *a, struct record_name *out, struct err *err);

#endif

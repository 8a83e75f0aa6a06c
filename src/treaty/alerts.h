/* alerts.h - who is told of an open entry of the conflict log, and when.
 *
 * Pure. The rule of an entry is the first that there is of
 *   the field's own 'alert' (but for drift: that is about the schema),
 *   alerts.kinds, alerts.records, alerts.default,
 *   and else: the roles that sign the domain, or for what belongs to no domain
 *   every role that signs one, after half an hour, any other after four hours.
 * Each time is counted in the business hours of the role that is told; the
 * second step begins where the first was due. */
#ifndef TREATY_ALERTS_H
#define TREATY_ALERTS_H

#include "treaty/treaty.h"

/* The kinds of entries that 'alerts.kinds' may name: all that there are. */
extern const char *const alert_kinds[];
extern const int alert_kinds_n;
bool alert_kind_known(struct sv kind);

struct alert_due {
	int step; /* 0: told first; 1: told when nothing happened */
	int role;
	int64_t at_ms; /* WORKING_NEVER: too far away */
};

/* All who are to be told of an entry that is open since opened_ms, in the order
 * of the steps. 'record' is a record type's or a system's name, 'field' a
 * field's name or anything else. In the arena. */
int alert_dues(const struct treaty *t, struct sv kind, struct sv record, struct sv field,
	       int64_t opened_ms, struct arena *a, struct alert_due **out);

/* Role by name, or -1. */
int treaty_role_by_name(const struct treaty *t, struct sv name);

#endif

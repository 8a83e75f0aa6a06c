/* ids.h - record ids: 15 case-sensitive characters, or those and 3 more that
 * carry their case, safe where case is lost. Treaty keeps 18. Pure.
 * Checksum: for each five characters, bit i is set where character i is an
 * upper-case letter; the number indexes A-Z0-5 (SOAP API guide, 'ID Field
 * Type'). */
#ifndef TREATY_SALESFORCE_IDS_H
#define TREATY_SALESFORCE_IDS_H

#include "base/arena.h"

/* The 18-character form, in the arena. SV_NONE when it is no record id: wrong
 * length or characters, a wrong checksum, or one of the feed's stand-ins for
 * 'all records' ('001*', '000000000000000AAA'). */
struct sv sf_id(struct sv id, struct arena *a);

#endif

/* observation.h - what one read of one record showed. */
#ifndef TREATY_OBSERVATION_H
#define TREATY_OBSERVATION_H

#include "treaty/treaty.h"

/* Who made a change, as far as the system tells. */
enum author { AUTHOR_UNKNOWN, AUTHOR_OWN, AUTHOR_FOREIGN };

/* UNKNOWN: not in the answer, without proof that it is gone. */
enum existence { EXISTENCE_UNKNOWN, EXISTENCE_PRESENT, EXISTENCE_DELETED, EXISTENCE_MERGED };

struct observation {
	int64_t seq;   /* local sequence when the request started */
	int64_t at_ms; /* local time when the request started */
	enum existence existence;
	struct sv merged_into; /* the survivor's id, when MERGED */
	enum author author;    /* of the record's last change */
	int64_t modified_ms;   /* the record's own stamp; 0: it has none */
	struct value *value;   /* as treaty_record.field; references as VALUE_LINK,
				* or VALUE_REF when the target has no link yet */
};

#endif

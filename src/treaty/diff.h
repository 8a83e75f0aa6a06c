/* diff.h - what changed between two versions of a treaty, in words.
 *
 * Of the meaning: layout, comments and the order of what has no order are no
 * change. Whatever changes the digest is told, in the worst case as a change
 * without words for it. Pure. */
#ifndef TREATY_DIFF_H
#define TREATY_DIFF_H

#include "treaty/treaty.h"

enum amendment_kind { AMENDS_HEAD, AMENDS_DOMAIN, AMENDS_RECORD, AMENDS_FIELD };

struct amendment {
	enum amendment_kind kind;
	/* NULL where it is about more than that; of the new version, or of the
	 * old one for what is gone */
	const char *domain, *record, *field;
	bool values; /* linked records of the type are compared anew for it */
	struct sv text; /* 'salesforce may now edit it; ...': without the path */
};

/* Head first, then by domain, record type and field as they stand in the new
 * version. In the arena; the number of changes. */
int treaty_diff(const struct treaty *before, const struct treaty *now, struct arena *a,
		struct amendment **out);

#endif

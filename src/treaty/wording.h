/* wording.h - rules of a treaty in the words of people who do not write YAML:
 * clauses without a full stop, for the semantic diff, the page to sign off and
 * messages. Texts are in the arena. Pure. */
#ifndef TREATY_WORDING_H
#define TREATY_WORDING_H

#include "treaty/treaty.h"

/* 'currency with 2 digits', 'a reference to candidate' */
const char *word_type(const struct treaty *t, const struct value_type *type, struct arena *a);
/* 'only ats edits it; salesforce holds a copy', 'both sides edit it' */
const char *word_direction(const struct treaty_field *f, struct arena *a);
/* 'ats wins', 'a person decides', ... when both sides changed it */
const char *word_winner(const struct treaty_record *r, const struct conflict_rule *c,
			struct arena *a);
/* 'it waits, is tried after 1 min, then ever more seldom up to 30 min; after 8 h a person
 * decides' */
const char *word_unavailable(const struct conflict_rule *c, struct arena *a);
/* 'recruiting_lead after 24 h, then sales_lead after 24 h'; 'nobody' */
const char *word_alert(const struct treaty *t, const struct alert_rule *rule, struct arena *a);
/* An edit of the copy: 'is undone and logged', 'is logged and left', 'is left' */
const char *word_on_edit(enum on_edit e);
/* 'every step is delivered in order', 'the present value is delivered' */
const char *word_deliver(enum deliver d);
/* 'waits for a person', 'passes as it is', "becomes 'Other'" */
const char *word_unknown(const struct treaty_field *f, struct arena *a);
/* 'New, then Met or Screened, then Hired'; 'any' */
const char *word_order(const struct treaty_field *f, struct arena *a);
/* What happens when that side's record was deleted: 'a person decides' */
const char *word_deleted(const struct treaty_record *r, enum side s, struct arena *a);
/* 'by email, or by first_name and last_name'; 'by key only' */
const char *word_match(const struct treaty_record *r, struct arena *a);
/* '90 s', '24 h', '2 d' */
const char *word_span(int64_t ms, struct arena *a);

#endif

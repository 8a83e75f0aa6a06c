/* take.h - how the values of a connector description are taken; see doc_take.
 * Where a taker fills more than the member it is given, it says so: it is then
 * named in a key whose offset is that of the struct, or 0. */
#ifndef TREATY_REST_TAKE_H
#define TREATY_REST_TAKE_H

#include "systems/rest/description.h"

/* const char * */
doc_take take_identifier; /* letters, digits and '_' */
doc_take take_url;	  /* https, or http to a loopback address */
doc_take take_path;	  /* into JSON: 'data.0.id' */
doc_take take_star_path;  /* '*' is any place of a list */

doc_take take_template; /* struct template */
doc_take take_statuses; /* struct rest_statuses: 404, 500..599, or a list */
doc_take take_span;	/* int64_t[2], ms: '30s..5m' */
doc_take take_bits;	/* unsigned: a word of the key's, or a list of them */

doc_take take_texts;	/* struct rest_texts */

/* struct rest_request: its method and URL; its query; its JSON body; all of it,
 * at the key's level, where one method must be given */
doc_take take_method, take_query, take_json, take_request;

/* struct rest_step, struct rest_error_class, struct rest_type_rule */
doc_take take_takes, take_body_tests, take_when, take_form;

/* the whole description */
doc_take take_required, take_optional; /* settings */
doc_take take_headers, take_steps, take_objects, take_rows, take_create, take_update,
	take_classes, take_composites, take_kinds, take_webhook, take_marks;

#endif

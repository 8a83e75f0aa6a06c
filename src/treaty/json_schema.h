/* json_schema.h - what a document may look like, as JSON Schema (draft-07), for
 * editors that complete and check YAML while it is typed.
 *
 * Made from the same tables that read the documents. It knows shapes: which
 * keys there are, which must be there, what words and numbers are. What
 * concerns several places (two owners, a winner that is missing, maps that
 * cannot be inverted) only 'treaty check' knows. */
#ifndef TREATY_JSON_SCHEMA_H
#define TREATY_JSON_SCHEMA_H

#include "base/json.h"
#include "treaty/doc.h"

/* The caller puts it. */
struct json_object *json_schema(const struct doc_level *top, const char *title);

#endif

/* dialect.h - how one system spells values in JSON, and canonical values
 * back into that spelling.
 *
 * The two are inverse: reading what was written gives what was meant. A
 * dialect is data; a connector has one for its system. */
#ifndef TREATY_DIALECT_H
#define TREATY_DIALECT_H

#include "base/json.h"
#include "value/value.h"

struct value_dialect {
	enum { INSTANT_ISO, INSTANT_EPOCH_MS } instant;
	/* DATE_EPOCH_MS: midnight UTC of that date */
	enum { DATE_ISO, DATE_EPOCH_MS } date;
	enum { SET_SEMICOLON, SET_COMMA, SET_ARRAY } set;
	/* REF_OBJECT: {"id": 12}; numeric ids are written as numbers */
	enum { REF_TEXT, REF_OBJECT } ref;
};

/* The canonical value of a JSON value as the system sent it. A type link
 * yields VALUE_REF. NULL (json-c's null) yields null: whether a member that is
 * absent means unknown is the connector's to know. A JSON value that does not
 * fit the type is ERR_BAD_INPUT and unknown. */
bool value_from_json(const struct value_dialect *d, const struct value_type *type,
		     struct json_object *json, struct arena *a, struct value *out,
		     struct err *err);

/* A new JSON value (NULL is JSON null). The value's kind must fit the type and
 * be known; anything else is our own contract broken. Link values arrive here
 * as VALUE_REF with the target system's record id. */
struct json_object *value_to_json(const struct value_dialect *d, const struct value_type *type,
				  struct value v);

/* Can the dialect say it? A set's member that holds the separator (',' where
 * sets are SET_COMMA) would be read back as two: ERR_BAD_INPUT, and the value
 * must not be written. Every other value can be said in every dialect. */
bool value_fits(const struct value_dialect *d, struct value v, struct err *err);

#endif

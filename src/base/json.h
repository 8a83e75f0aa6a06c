/* json.h - small helpers over json-c, so that reading a peer's answer is one
 * line a field. json-c keeps the source text of decimals and 64-bit integers
 * exact; nothing here passes a number through a double. */
#ifndef TREATY_JSON_H
#define TREATY_JSON_H

#include <json-c/json.h>

#include "base/buf.h"
#include "base/err.h"

/* A new object (json_object_put it), or NULL with ERR_SERVER: the text must be
 * one whole JSON value. 'what' names the text in the message. */
struct json_object *json_parse(struct sv text, const char *what, struct err *err);

/* Member 'key' of an object, or NULL: not an object, no such key, JSON null. */
struct json_object *json_at(struct json_object *o, const char *key);
/* The same by a dotted path: 'event.replayId'; array places as numbers. */
struct json_object *json_path(struct json_object *o, const char *path);
bool json_has(struct json_object *o, const char *key); /* also true for null */

/* SV_NONE / 'otherwise' when absent or of another type. Strings are views into
 * the object. json_i64 also takes a string of digits. */
struct sv json_sv(struct json_object *o, const char *key);
struct sv json_string(struct json_object *value);
int64_t json_i64(struct json_object *o, const char *key, int64_t otherwise);
bool json_flag(struct json_object *o, const char *key, bool otherwise);

/* A scalar as text: the string, or the number's or boolean's source text; for
 * null SV_NONE. The view is valid until the object changes. */
struct sv json_scalar_text(struct json_object *value);

/* Building: an sv as a JSON string; objects written compactly into a buf. */
struct json_object *json_from_sv(struct sv s);
void json_put_sv(struct json_object *o, const char *key, struct sv s);
void json_put_i64(struct json_object *o, const char *key, int64_t n);
void json_put_bool(struct json_object *o, const char *key, bool b);
void buf_add_json(struct buf *b, struct json_object *o);
/* A JSON string with its quotes, written without building an object. */
void buf_add_json_text(struct buf *b, struct sv s);

#endif

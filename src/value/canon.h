/* canon.h - what value.c and dialect.c share: text into canonical spelling,
 * one function a family. Internal to src/value.
 *
 * Each takes text from outside and leaves the canonical spelling in the arena
 * (or a view of its input where that is canonical already). All are idempotent:
 * what they make, they leave as it is. */
#ifndef TREATY_VALUE_CANON_H
#define TREATY_VALUE_CANON_H

#include "value/value.h"

/* NFC with LF line ends; blanks stay. ERR_BAD_INPUT for bytes that are not
 * UTF-8 and for NUL, which neither Salesforce nor a C string can carry. */
bool text_normalise(struct sv in, struct arena *a, struct sv *out, struct err *err);
/* The same without the blanks at both ends. */
bool text_canonical(struct sv in, struct arena *a, struct sv *out, struct err *err);
/* Of canonical text. */
struct sv text_lower(struct sv in, struct arena *a);
/* Number of characters (code points) of UTF-8, and the first 'n' of them. */
size_t text_chars(struct sv s);
struct sv text_first(struct sv s, size_t n);

/* An exact decimal, rounded half away from zero to 'scale' digits (-1: all
 * kept). False when the text is no number or has more digits than any system
 * here can hold. */
bool number_canonical(struct sv text, int scale, struct arena *a, struct sv *out);

/* Of canonical text; never fails: what is no telephone number is tidied. */
struct sv phone_canonical(struct sv text, const char *region, struct arena *a);

/* Members as raw texts; the result is null when none is left. Texts must be
 * normalised; ERR_BAD_INPUT when a member has a line break inside. */
struct set_builder {
	struct arena *arena;
	struct sv *member;
	int n, cap;
};
bool set_add(struct set_builder *b, struct sv member, struct err *err);
void set_add_split(struct set_builder *b, struct sv text, char separator);
struct value set_finish(struct set_builder *b);

/* Midnight UTC of a canonical date, and back; false out of years 1 to 9999. */
int64_t date_to_ms(struct sv date);
bool date_of_ms(int64_t ms, struct arena *a, struct value *out);
bool instant_of_ms(int64_t ms, struct arena *a, struct value *out);

/* ERR_BAD_INPUT about one field: '"31/12" is not a date'. */
bool value_refuse(struct err *err, struct sv text, const char *why);

#endif

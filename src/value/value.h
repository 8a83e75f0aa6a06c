/* value.h - canonical values: what the two systems' spellings mean.
 *
 * A value is a kind and its canonical spelling, so that two values are equal
 * when kind and bytes are, and so that a value is stored, hashed and logged as
 * it stands. Every way in (value_from_text, value_from_json) canonicalises;
 * nothing else may fill a struct value with text from outside.
 *
 *   kind      canonical text
 *   unknown   none: not readable, cut short, or not asked for. It holds a
 *             field and is never written. The zero value, on purpose.
 *   null      none. Blank text and an empty set are null: Salesforce cannot
 *             tell them apart (wire: "" stores null).
 *   bool      true | false
 *   integer   decimal digits, '-' before a negative, no leading zeros
 *   decimal   as integer, then '.' and digits without trailing zeros; never
 *             an exponent. Exact: nothing passes through a double.
 *   text      UTF-8 in NFC, CRLF and CR as LF, no blanks at the ends
 *   date      2026-11-23
 *   instant   2026-11-23T10:00:00.000Z
 *   set       members as text, sorted by bytes, unique, each followed by LF
 *             (a member cannot contain LF)
 *   ref       a record id of the system it was read from or goes to
 *   link      a reference both sides share: the local number of the link of
 *             the record referred to. The flow turns refs into links before
 *             settle and back at delivery.
 *
 * Values do not own their text: it lives in the arena of the call that made
 * them, or wherever the row that they were read from does. */
#ifndef TREATY_VALUE_H
#define TREATY_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum value_kind {
	VALUE_UNKNOWN,
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_INTEGER,
	VALUE_DECIMAL,
	VALUE_TEXT,
	VALUE_DATE,
	VALUE_INSTANT,
	VALUE_SET,
	VALUE_REF,
	VALUE_LINK,
};

struct value {
	enum value_kind kind;
	struct sv text;
};

/* Canonical forms change only together with this number, which is kept with
 * each base: another version means 'compare anew', not 'changed'. */
enum { VALUE_CANON_VERSION = 1 };

/* What a field of the treaty is. */
enum type_kind {
	TYPE_TEXT,
	TYPE_EMAIL,    /* text; lower case */
	TYPE_PHONE,    /* text; E.164 where it can be told, else tidied text */
	TYPE_PICKLIST, /* text; the stored value, never the label */
	TYPE_BOOL,
	TYPE_INTEGER,
	TYPE_DECIMAL,
	TYPE_CURRENCY, /* decimal, rounded half up to 'scale' digits */
	TYPE_DATE,
	TYPE_INSTANT,
	TYPE_SET,
	TYPE_LINK, /* a reference to a record of another record type */
};

struct value_type {
	enum type_kind kind;
	int scale;	     /* decimal, currency: digits kept, half away from
			      * zero rounded up; -1: all */
	const char *region;  /* phone: 'US' and the like, or NULL */
	int link_record;     /* link: index of the record type, else -1 */
};

const char *type_name(enum type_kind kind); /* as the treaty spells it */
bool type_from_name(struct sv name, enum type_kind *kind);
const char *value_kind_name(enum value_kind kind);
/* Regions whose numbering plan is known: 'US', 'CA', 'GB', ... */
bool phone_region_known(struct sv name);

static inline bool value_eq(struct value a, struct value b)
{
	return a.kind == b.kind && sv_eq(a.text, b.text);
}

/* Null. Unknown is not blank: nobody knows. */
static inline bool value_blank(struct value v)
{
	return v.kind == VALUE_NULL;
}

static inline struct value value_null(void)
{
	return (struct value){ VALUE_NULL, SV_NONE };
}

/* The canonical value of a text in a plain spelling (ISO dates, 'true', sets
 * with one member a line, or separated by ';' when it is one line without an
 * end). Used for what people type and for picklist maps. False with
 * ERR_BAD_INPUT ('"31/12" is not a date'), then *out is unknown. The message
 * quotes the text: mask it where the field is confidential. */
bool value_from_text(const struct value_type *type, struct sv text, struct arena *a,
		     struct value *out, struct err *err);

/* For people: sets as 'a; b', null as '(blank)', unknown as '(unknown)'. */
struct sv value_show(struct value v, struct arena *a);

/* The first 'chars' characters of a text, without blanks at the cut; other kinds
 * and shorter texts as they are. A view of 'v'. */
struct value value_truncate(struct value v, size_t chars);

/* A copy whose text lives in the arena. */
struct value value_dup(struct value v, struct arena *a);

/* Compact and self-delimiting, for rows of the store. */
void value_pack(struct buf *b, struct value v);
struct value value_unpack(struct reader *r); /* views into the input */

/* Sets: members of a and b; three-way merge 'base with what each side added
 * and removed'. All arguments are sets or null. */
struct value value_set_merge(struct value base, struct value a, struct value b,
			     struct arena *arena);
/* Iterates: *rest starts as v.text; false at the end. */
bool value_set_next(struct sv *rest, struct sv *member);

#endif

/* treaty.h - the treaty: who owns what, which way each field flows, and what
 * happens when both sides hold different values.
 *
 * A struct treaty is immutable after loading; any number of threads may read
 * it. Everything in it lives in its arena and goes with treaty_destroy. The
 * two systems are told apart by index only (SIDE_ATS, SIDE_SALESFORCE): code
 * that treats one side differently from the other by name is a defect. */
#ifndef TREATY_TREATY_H
#define TREATY_TREATY_H

#include "value/value.h"
#include "value/working.h"

enum side { SIDE_ATS, SIDE_SALESFORCE, SIDES };

static inline enum side side_other(enum side s)
{
	return s == SIDE_ATS ? SIDE_SALESFORCE : SIDE_ATS;
}

extern const char *const side_name[SIDES]; /* "ats", "salesforce" */
bool side_from_name(struct sv name, enum side *out);

/* Where something stands in the document. */
struct place {
	int line, column;
};

struct treaty_role {
	const char *name;
	const char *title; /* or NULL */
	const char *key;   /* 'ed25519:...' or NULL */
	const struct working *hours; /* NULL: round the clock */
	struct place place;
};

enum owner { OWNER_ATS, OWNER_SALESFORCE, OWNER_FINANCE };

struct treaty_domain {
	const char *name;
	enum owner owner;
	int *signed_by; /* indexes of roles */
	int signed_by_n;
	struct place place;
};

/* One-way fields name the side they are written to. */
enum direction { TO_ATS = SIDE_ATS, TO_SALESFORCE = SIDE_SALESFORCE, BOTH_WAYS };

enum winner {
	WINNER_ATS = SIDE_ATS,
	WINNER_SALESFORCE = SIDE_SALESFORCE,
	WINNER_REVIEW,
	WINNER_UNION,
	WINNER_BY, /* the agreed value of another field says which of the first three */
};

struct winner_by {
	int field; /* one-way, of the same record type */
	struct winner_case {
		struct value value; /* at that field's owner */
		enum winner winner;
	} *when;
	int when_n;
	enum winner otherwise;
};

/* An edit of the read-only copy. */
enum on_edit { ON_EDIT_RESTORE, ON_EDIT_REPORT, ON_EDIT_IGNORE };

/* STATE: the present value matters. EACH: every step the owner's value took
 * is delivered, in order. */
enum deliver { DELIVER_STATE, DELIVER_EACH };

/* A value that the picklist map does not know. */
enum map_unknown { MAP_UNKNOWN_HOLD, MAP_UNKNOWN_PASS, MAP_UNKNOWN_DEFAULT };

/* Who is told, and when, counted in the business hours of whoever is told. */
struct alert_rule {
	int64_t after_ms; /* 0: there is no rule */
	int to; /* index of a role */
	int64_t then_after_ms; /* 0: no second step */
	int then_to;
};

/* The three answers of a two-way field. */
struct conflict_rule {
	enum winner winner;
	struct winner_by by; /* WINNER_BY */
	struct {
		int64_t retry_first_ms, retry_max_ms; /* 'retry: 1m..30m' */
		int64_t for_ms;
		enum { UNAVAILABLE_REVIEW, UNAVAILABLE_HOLD } then;
	} unavailable;
	struct alert_rule alert;
};

/* map: {Submitted: New, ...}: ATS value on the left, Salesforce's right. */
struct map_entry {
	struct sv side[SIDES];
	struct place place;
};

/* The pseudo field that is a record's own id (see record keys below). */
#define FIELD_API_ID "$id"
/* The pseudo field that is whether the record is there (see DELETED_SET). */
#define FIELD_API_EXISTS "$exists"

/* A lifecycle's value at its owner, and its place in it: equal places may be
 * taken in any order. */
struct rank {
	struct value value;
	int rank;
};

struct treaty_field {
	const char *name;
	const char *api[SIDES]; /* the systems' own field names */
	uint32_t key; /* stable number of the name, unique in its record type */
	struct value_type type;
	enum direction direction;
	enum on_edit on_edit;
	bool blank_erases; /* no base: a blank owner erases a filled copy */
	enum deliver deliver;
	struct conflict_rule conflict; /* BOTH_WAYS only */
	struct map_entry *map; /* or NULL */
	int map_n;
	enum map_unknown map_unknown;
	struct sv map_default;
	struct rank *order; /* a lifecycle that only goes forward, or NULL */
	int order_n;
	int together; /* > 0: held and sent as one with the others of this number */
	/* FIELD_API_EXISTS: what it shows while the record is there (null: it
	 * has no say), and when it was deleted. */
	struct value if_present, if_deleted;
	int truncate;	 /* > 0: characters kept on the way to the copy */
	bool confidential; /* masked in output */
	uint64_t rule; /* digest of all that decides this field; never 0 */
	struct place place;
};

/* mass_change: so many records of a type at once, and its writing halts until a
 * person says that it is meant. */
enum mass_what {
	MASS_DELETED,  /* on one side */
	MASS_EMPTIED,  /* a value became blank */
	MASS_CHANGED,  /* any other value did */
	MASS_RESTORED, /* a read-only copy was edited and is to be restored */
	MASS_WHATS,
};
const char *mass_what_name(enum mass_what m);

struct mass_rule {
	int share_percent; /* of the linked records of the type; 0: never halts */
	int least;	   /* and so many records at least */
};

struct mass_change {
	struct mass_rule of[MASS_WHATS];
	int64_t within_ms;
};
extern const struct mass_change mass_usual; /* where the treaty says nothing */

/* match: one way to recognise a pair; all fields must agree, none blank. */
struct treaty_match {
	int *field;
	int n;
};

/* What happens when one side's record was deleted, beside that nothing more is
 * written to it: a person is asked; nothing; fields of the other side's record
 * are set; the record is created again (where creating is allowed). */
enum when_deleted { DELETED_REVIEW, DELETED_KEEP, DELETED_SET, DELETED_CREATE };

/* A field of the record that is left. Each is also an ordinary one-way field,
 * named 'deleted.ats.Active__c', from the other side's FIELD_API_EXISTS. */
struct constant {
	const char *api;
	struct value_type type;
	struct value deleted, restored; /* restored: null when nothing is said */
	struct place place;
};

/* Which record type is which object, per side. 'key' is a field there that
 * holds the other system's record id, or NULL. Each key is also an ordinary
 * one-way field named 'key.ats' or 'key.salesforce', from the other side's
 * FIELD_API_ID: written at linking, restored when somebody edits it. */
struct treaty_record {
	const char *name;
	int domain;
	struct treaty_record_side {
		const char *object;
		const char *key;
		int key_field; /* index of its field, or -1 */
		bool create;   /* created here when it is missing here */
		enum when_deleted deleted; /* when the record here was deleted */
		struct constant *constant; /* DELETED_SET: at the other side */
		int constant_n;
		struct place deleted_place;
	} side[SIDES];
	struct treaty_match *match;
	int match_n;
	int together_n; /* groups of fields, numbered from 1 */
	struct mass_change mass;
	struct treaty_field *field;
	int field_n;
	int priority; /* position in the document; lower is written first */
	struct place place;
};

/* What no field's own rule covers; see alerts.h. */
struct treaty_alerts {
	struct alert_rule fallback;
	struct alert_kind_rule {
		const char *kind; /* of entries of the conflict log: 'rejected' */
		struct alert_rule rule;
	} *kind;
	int kind_n;
	struct alert_rule *record; /* as treaty.record, or NULL */
};

struct treaty {
	struct arena arena;
	const char *file;
	const char *name;
	int version;
	const char *system[SIDES]; /* kind: 'bullhorn', 'salesforce' */
	const char *finance;	   /* or NULL */
	struct treaty_role *role;
	int role_n;
	struct treaty_domain *domain;
	int domain_n;
	struct treaty_record *record;
	int record_n;
	struct treaty_alerts alerts;
	unsigned char digest[32]; /* SHA-256 of the canonical meaning */
};

void treaty_destroy(struct treaty *t);

/* -1 when there is none. */
int treaty_record_by_name(const struct treaty *t, struct sv name);
int treaty_record_by_object(const struct treaty *t, enum side side, struct sv object);
int treaty_field_by_name(const struct treaty_record *r, struct sv name);
int treaty_field_by_key(const struct treaty_record *r, uint32_t key);
/* The place of a value in its field's lifecycle; 0: it has none. */
int field_rank(const struct treaty_field *f, struct value v);
int treaty_field_by_api(const struct treaty_record *r, enum side side, struct sv api);

/* The other side of a one-way field. */
static inline enum side field_owner(const struct treaty_field *f)
{
	return side_other((enum side)f->direction);
}

/* Does it tell of its owner's record whether it is there? */
static inline bool field_of_existence(const struct treaty_field *f)
{
	return f->direction != BOTH_WAYS &&
	       strcmp(f->api[field_owner(f)], FIELD_API_EXISTS) == 0;
}

/* A value of side 'from' as the other side means it: picklist map, truncation.
 * False when the map does not know it and the rule says hold; *out is then
 * unknown. Pure. */
bool field_translate(const struct treaty_field *f, enum side from, struct value v,
		     struct arena *a, struct value *out);

/* Do these two mean the same: is one the translation of the other? */
bool field_agree(const struct treaty_field *f, struct value ats, struct value salesforce,
		 struct arena *a);

#endif

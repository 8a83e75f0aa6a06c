/* load_parts.h - the files that read a treaty together. Internal to
 * src/treaty: load.c (head, roles, domains), load_hours.c, load_record.c,
 * load_field.c, load_rules.c, load_alerts.c, check.c (what concerns several places). */
#ifndef TREATY_LOAD_PARTS_H
#define TREATY_LOAD_PARTS_H

#include "treaty/doc.h"

/* Index, or -1 with a complaint. */
int find_role(struct doc *d, const struct yaml_node *name);
int find_record(struct doc *d, const struct yaml_node *name);
/* Of the record's own fields; not a key. */
int find_field(struct doc *d, const struct treaty_record *r, const struct yaml_node *name);

/* A value of a field as the document spells it; 'what' is the key that wants
 * it. False with a complaint. */
bool field_value(struct doc *d, const struct treaty_field *f, const char *what, const char *text,
		 struct place at, struct value *out);

/* An object's or field's name at a system: letters, digits, '_', and '.' into a
 * composite. Such names go into queries and paths of requests. */
doc_take take_api;

/* Into a pointer to struct working; hours before holidays. */
doc_take take_hours, take_holidays;

doc_take take_records; /* into the treaty */
doc_take take_fields;  /* into the record, whose sides and domain are read */

/* load_rules.c: rules that name other fields or values. */
doc_take take_winner; /* into the conflict rule */
doc_take take_order;  /* into the field, whose type is read */
doc_take take_together; /* into the record, whose fields are read */
extern const struct doc_word plain_winners[];
extern const struct doc_level winner_by_level, deleted_level, restored_level;
/* The rest of a winner that is a mapping: all fields are read now. */
void take_winner_by(struct doc *d, struct treaty_record *r, struct treaty_field *f,
		    const struct yaml_node *field);

extern const struct doc_level records_level, fields_level, alert_level, alerts_level;

/* What no single place shows: doubled objects and fields, numbers that
 * collide, references in a circle. Copes with what is missing. */
void check_treaty(struct doc *d, const struct treaty *t);
/* The picklist map against the field's direction. */
void check_map(struct doc *d, const struct treaty_field *f);

#endif

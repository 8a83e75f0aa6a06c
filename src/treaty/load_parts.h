/* load_parts.h - the files that read a treaty together. Internal to
 * src/treaty: load.c (head, roles, domains), load_hours.c, load_record.c,
 * load_field.c, load_alerts.c, check.c (what concerns several places). */
#ifndef TREATY_LOAD_PARTS_H
#define TREATY_LOAD_PARTS_H

#include "treaty/doc.h"

/* Index, or -1 with a complaint. */
int find_role(struct doc *d, const struct yaml_node *name);
int find_record(struct doc *d, const struct yaml_node *name);

/* An object's or field's name at a system: letters, digits, '_', and '.' into a
 * composite. Such names go into queries and paths of requests. */
doc_take take_api;

/* Into a pointer to struct working; hours before holidays. */
doc_take take_hours, take_holidays;

doc_take take_records; /* into the treaty */
doc_take take_fields;  /* into the record, whose sides and domain are read */

extern const struct doc_level records_level, fields_level, alert_level, alerts_level;

/* What no single place shows: doubled objects and fields, numbers that
 * collide, references in a circle. Copes with what is missing. */
void check_treaty(struct doc *d, const struct treaty *t);
/* The picklist map against the field's direction. */
void check_map(struct doc *d, const struct treaty_field *f);

#endif

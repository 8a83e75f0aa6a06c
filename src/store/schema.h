/* schema.h - the tables, and how a store of an earlier version comes to them. */
#ifndef TREATY_SCHEMA_H
#define TREATY_SCHEMA_H

/* Step i brings a store of version i to version i + 1; a new store takes them
 * all. A step that was released is never edited: what changes later is a step
 * of its own, so that every old store arrives at the same tables. */
extern const char *const schema_step[];
extern const int schema_version;

#endif

/* schema.h - the tables, and the version of their shape. */
#ifndef TREATY_SCHEMA_H
#define TREATY_SCHEMA_H

enum { SCHEMA_VERSION = 1 };

extern const char schema_sql[];

#endif

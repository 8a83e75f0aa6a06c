/* versions.h - what verbs about versions of the treaty share: changes and
 * approvals shown. */
#ifndef TREATY_CLI_VERSIONS_H
#define TREATY_CLI_VERSIONS_H

#include "cli/open.h"
#include "treaty/diff.h"
#include "treaty/signature.h"

/* 'linked': links by record type of 'of', or NULL when no store was asked. */
void print_changes(const struct amendment *list, int n, const struct treaty *of, const int64_t *linked);
struct json_object *changes_json(const struct amendment *list, int n, const struct treaty *of,
				 const int64_t *linked);

void print_approvals(const struct approval *list, int n, const char *treaty_path, struct arena *a);
struct json_object *approvals_json(const struct approval *list, int n);
/* How many have agreed. */
int approvals_count(const struct approval *list, int n);

#endif

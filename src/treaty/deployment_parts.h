/* deployment_parts.h - the files that read a deployment together. Internal to
 * src/treaty: deployment.c (systems, secrets), deployment_store.c,
 * deployment_channels.c. */
#ifndef TREATY_DEPLOYMENT_PARTS_H
#define TREATY_DEPLOYMENT_PARTS_H

#include "treaty/deployment.h"
#include "treaty/doc.h"

/* 'env:NAME' or 'file:PATH' */
bool is_reference(const char *text);
/* Does the name speak of a secret? */
bool is_secret_name(const char *name);
/* What is wrong with an address of a system or receiver, or NULL. */
const char *url_fault(struct sv url);
bool is_loopback(struct sv host);
/* Host of 'host[:port]'; false when the port is none or the host is empty. */
bool split_host(struct sv authority, struct sv *host);

doc_take take_secret; /* a struct setting */
doc_take take_path_beside;   /* const char *, as seen from the document */

doc_take take_store; /* into the deployment */
extern const struct doc_level store_level;

doc_take take_channels, take_people; /* into the deployment */
extern const struct doc_level channels_level, people_level;

#endif

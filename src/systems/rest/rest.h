/* rest.h - a connector for any system that a description can describe.
 *
 * The description says what the system's requests, answers, errors and feed
 * look like (docs/connectors.md); this interprets it. Nothing here knows a
 * vendor. As connector.h wants it: any thread may call, 'changes' from one
 * thread at a time; one login at a time, for which the others wait.
 *
 * A login that was refused is not tried again until the settings it was made
 * with have changed: repeated wrong passwords lock accounts out. */
#ifndef TREATY_REST_REST_H
#define TREATY_REST_REST_H

#include "net/http_client.h"
#include "systems/connector.h"
#include "systems/rest/description.h"
#include "treaty/deployment.h"

/* A new connector, or NULL with err (the first complaint about a faulty
 * description; ERR_BAD_INPUT for objects that it does not describe and for
 * login settings that are missing). Nothing is sent yet. What the pointers
 * point at must outlive it; 'objects' is copied. */
struct connector *rest_open(const char *description_path, const struct deployment *d,
			    enum side side, struct credential_box *box, struct http_client *http,
			    struct clock *clock, const char *const *objects, int object_n,
			    struct err *err);

/* Ends the waiting of 'changes' and of limits at once; later calls that would
 * wait fail with ERR_STOPPED. Any thread. */
void rest_stop(struct connector *c);

/* The settings of 'login:' against what the description asks for: one
 * complaint for each that is missing, unknown or given twice. */
void rest_check_login(const struct rest_description *d, const struct deployment_system *s,
		      struct complaints *c);

#endif

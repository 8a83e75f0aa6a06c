/* listen.h - the address of the deployment at which webhooks are taken. */
#ifndef TREATY_CLI_LISTEN_H
#define TREATY_CLI_LISTEN_H

#include "cli/open.h"
#include "flow/intake.h"

struct listening {
	struct http_server *server; /* NULL: the deployment does not listen */
	struct intake *intake[SIDES];
	struct http_route route[SIDES];
};

/* Takes the secrets up and listens, if the deployment says so. The engine must
 * be there, and requests wait until its intake is run. */
bool listen_start(struct listening *l, struct opened *o, struct err *err);
/* Nobody new is let in; whoever waits is refused. */
void listen_stop(struct listening *l);
void listen_finish(struct listening *l);

#endif

/* client.h - the command's verbs that talk to a running sandbox. */
#ifndef SANDBOX_CLIENT_H
#define SANDBOX_CLIENT_H

#include "base/err.h"

struct client {
	int port; /* any of the sandbox's ports */
};

/* Reads a port from the file that 'serve --port-file' wrote. */
bool client_from_port_file(struct client *c, const char *path, struct err *err);

/* Prints the answer to stdout. Returns the exit code: 0 done, 1 refused or not
 * reached (said on stderr), 2 wrong usage. */
int client_run(const struct client *c, int argc, char **argv);

#endif

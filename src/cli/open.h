/* open.h - what a verb works with: the deployment, its treaty, the store, the
 * systems. Each is opened when asked for and closed in the opposite order, so
 * that a verb which only looks at the store needs no login and no network.
 *
 * Errors are printed by the caller (cli_failed); complaints about documents
 * are many, and printed here. */
#ifndef TREATY_CLI_OPEN_H
#define TREATY_CLI_OPEN_H

#include "cli/cli.h"
#include "flow/channels.h"
#include "flow/engine.h"
#include "net/http_client.h"
#include "store/versions.h"
#include "treaty/deployment.h"

struct credentials {
	struct credential_box box; /* first */
	struct store *store;
};

struct opened {
	struct arena arena;
	struct deployment *deployment;
	/* As the document says, until the store is open: then the version that
	 * is in force there (see open_store). */
	struct treaty *treaty;
	struct version in_force; /* id 0: none; without its document */
	bool document_differs;	 /* from the version in force, in meaning */
	struct store *store;
	struct buf password; /* of its server, while this is open */
	struct store *beside; /* the same to read only; NULL unless an engine works on it */
	struct http_client *http;
	struct credentials credentials;
	struct connector *system[SIDES];
	/* lets go who waits in it; NULL: ending the HTTP client's calls does */
	void (*stop[SIDES])(struct connector *c);
	struct channels *channels; /* NULL: nobody is told */
	struct engine *engine;
};

void opened_init(struct opened *o);
void opened_close(struct opened *o);

/* The deployment and the treaty it names. False after printing what is wrong. A
 * treaty that is refused is no trouble where a signed version is in force: that
 * one goes on. */
bool open_documents(struct opened *o, const struct cli *c);
/* The same for verbs that are about the document itself. */
bool open_draft(struct opened *o, const struct cli *c);

/* The store as it is: ERR_NOT_FOUND when nothing was linked or run yet. Without
 * its key: for verbs that leave word for the daemon. With every store, the
 * treaty becomes the version that is in force there, unless nobody signs: a
 * treaty without keys holds as it stands in its file. */
bool open_store(struct opened *o, struct err *err);
/* The store to be looked at only: one moment of it, while a daemon goes on and
 * waits for nobody. */
bool open_store_to_read(struct opened *o, struct err *err);
/* The store beside a daemon, made when missing, with the version in force as it
 * is there: for 'treaty activate'. */
bool open_store_to_activate(struct opened *o, struct err *err);
/* The store for a process that works on it, made when missing, with its key.
 * Only one at a time: ERR_CONFLICT names the other. ERR_BAD_INPUT when the
 * treaty has keys and no version was activated; one without keys is put in
 * force by this. */
bool open_store_alone(struct opened *o, bool threaded, struct err *err);
/* Where the store is, with the password that it takes, if any. Views into 'o'. */
bool store_place(struct opened *o, struct store_options *out, struct err *err);

/* The HTTP client and both connectors; nothing is sent yet. Credentials are
 * kept in the store, when one is open with its key. */
bool open_systems(struct opened *o, struct err *err);
/* How people are told; after the HTTP client. The engine that is opened next
 * tells them. */
void open_channels(struct opened *o);
/* Engine, systems and channels are closed, the store stays; for another version. */
void close_systems(struct opened *o);

/* ---- in_force.c ---- */

/* A version's document, loaded. ERR_STORE when this program cannot read it. */
struct treaty *version_load(const struct version *v, struct err *err);
/* The treaty becomes what the store says; also when that changed under us. */
bool take_version_in_force(struct opened *o, struct err *err);
/* For whoever works on the store: some version must be in force. */
bool work_under_version(struct opened *o, struct err *err);
/* The treaty in force alone, with a look into the store; NULL when there is none.
 * The caller destroys it. */
struct treaty *treaty_in_force(const struct opened *o);
/* The document is refused, and a signed version is in force: what people agreed
 * on goes on, whatever somebody is just editing. False when there is none. */
bool version_instead(struct opened *o);
/* 'patient': see engine_options. */
bool open_engine(struct opened *o, bool shadow, bool patient, struct err *err);

/* The path of a connector's description: as it is when it names a file, else
 * NAME.yaml in 'connectors' beside the deployment or the treaty, in the source
 * tree, or where it was installed. In the arena; NULL with err naming where it
 * was looked for. */
const char *find_description(struct opened *o, const char *name, struct err *err);

#endif

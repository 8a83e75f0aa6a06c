/* deployment.h - deployment.yaml: where the systems are, how to log in,
 * limits, store. Never part of what people sign.
 *
 * Secrets are references ('env:NAME', 'file:PATH'), resolved when used and
 * held no longer than the call; a literal where a secret belongs is refused.
 * Relative paths are relative to the document. */
#ifndef TREATY_DEPLOYMENT_H
#define TREATY_DEPLOYMENT_H

#include "treaty/load.h"

/* A literal, or a reference to a secret. */
struct setting {
	const char *name;
	const char *text;
	bool secret; /* text is 'env:...' or 'file:...' */
	struct place place;
};

struct deployment_limits {
	int concurrent;	   /* calls at once; 0: the connector's default */
	int64_t per_second, per_minute, per_day, per_month; /* calls; 0: none known */
	int share_percent; /* of each quota that Treaty may use; default 80 */
};

struct deployment_system {
	const char *connector; /* 'salesforce', or the name or path of a description */
	const char *url; /* https, or http to a loopback address only; NULL: the
			  * connector's own, never for Salesforce */
	struct setting *login;
	int login_n;
	/* what the system signs its webhooks with; several while one replaces
	 * another; none: no webhook is taken */
	struct setting *webhook_secret;
	int webhook_secret_n;
	struct deployment_limits limits;
	int64_t poll_ms;    /* how often a polled feed is asked; 0: default */
	int64_t timeout_ms; /* longest time a request may run; 0: default */
	struct place place;
};

/* A way on which people are told. */
struct deployment_channel {
	const char *name;
	enum { CHANNEL_SMTP, CHANNEL_WEBHOOK } kind;
	struct setting url; /* smtp: never a reference */
	const char *from;   /* smtp: 'a@b' or 'Name <a@b>' */
	struct setting username, password; /* smtp; text NULL: none */
	const char *ca;	    /* smtp: path of certificates, or NULL */
	bool starttls;	    /* smtp: nothing is said without */
	struct setting secret; /* webhook; text NULL: not signed */
	enum webhook_shape { SHAPE_JSON, SHAPE_SLACK, SHAPE_TEAMS } shape;
	struct place place;
};

/* How a role is reached. */
struct deployment_reach {
	const char *role;
	const char **address; /* by the one smtp channel */
	int address_n;
	int *channel; /* indexes: that one if there are addresses, and webhooks */
	int channel_n;
	struct place place;
};

struct deployment {
	struct arena arena;
	const char *file;
	const char *treaty_path; /* absolute or relative to the working directory */
	/* One of them: an SQLite file, or how to connect to PostgreSQL (libpq's
	 * keyword=value), never with a password in it. */
	const char *store_path, *store_postgres;
	struct setting store_password; /* of PostgreSQL; text NULL: none */
	struct setting store_key;      /* seals credentials */
	const char *listen;	  /* HOST:PORT for webhooks, or NULL */
	struct setting tls_certificate, tls_key; /* PEM; text NULL: plain http */
	struct deployment_system system[SIDES];
	/* how long it is kept; 0: for ever */
	int64_t keep_journal_ms, keep_conflicts_ms;
	int64_t keep_confidential_ms; /* 30 days where nothing is said */
	struct deployment_channel *channel;
	int channel_n;
	struct deployment_reach *reach;
	int reach_n;
	/* how often all records are compared, 0: never; and when in the day, UTC */
	int64_t sweep_every_ms, sweep_at_ms;
};

struct deployment *deployment_load(const char *path, struct complaints *c);
struct deployment *deployment_load_text(struct sv text, const char *path, struct complaints *c);
void deployment_destroy(struct deployment *d);
/* Complains of people whose role the treaty does not have. */
void deployment_check_people(const struct deployment *d, const struct treaty *t,
			     struct complaints *c);

/* The channel's index, or -1. */
int deployment_channel_by_name(const struct deployment *d, struct sv name);
/* NULL: nobody says how that role is reached. */
const struct deployment_reach *deployment_reach_of(const struct deployment *d, const char *role);

/* NULL when the login has no such setting. */
const struct setting *deployment_login(const struct deployment_system *s, const char *name);

/* The setting's text, or what its reference points at (a file without its
 * final newline), added to 'out'. Never logs it. ERR_BAD_INPUT when the
 * variable is unset or the file unreadable; the message names the reference. */
bool setting_resolve(const struct deployment *d, const struct setting *s, struct buf *out,
		     struct err *err);

#endif

/* cometd.h - the feed's client and its requests: Bayeux over long polling.
 * For events.c alone; one thread at a time. The client's place in each channel
 * and what the caller was given are events.c's, the wire is cometd.c's.
 *
 * Each request yields BAYEUX_OK or why the client is of no further use; err is
 * filled for BAYEUX_FAILED only. */
#ifndef TREATY_SALESFORCE_COMETD_H
#define TREATY_SALESFORCE_COMETD_H

#include "systems/salesforce/bayeux.h"
#include "systems/salesforce/sf.h"

enum { COMETD_HOLD_MS = 110 * 1000 }; /* how long the server holds a poll by default */

enum { COMETD_COOKIES = 8, COMETD_COOKIE_SIZE = 1024 };

/* Replay ids that are none: new events only; all that is retained. */
enum { REPLAY_NEW = -1, REPLAY_ALL = -2 };

struct channel {
	struct sv name;
	int64_t replay; /* last id handed out; REPLAY_NEW: none yet */
	int64_t subscribe; /* what to subscribe with */
	int64_t from_ms; /* events committed before are not news; 0: all are */
};

/* The client lives across calls, as long as the caller comes back with the
 * cursor it was last given. Any doubt (a failed poll, another cursor) ends it,
 * and a new one begins from the caller's cursor: what an abandoned poll took
 * with it is replayed. */
struct sf_feed {
	struct arena arena; /* of one client: all views below */
	struct sv client_id; /* empty: no client */
	char cookie[COMETD_COOKIES][COMETD_COOKIE_SIZE]; /* 'NAME=value' */
	int cookie_n;
	struct channel *channel;
	int channel_n;
	struct buf given; /* the cursor last handed out */
	int64_t at_ms;	  /* in it */
	int64_t hold_ms;
	int64_t next_connect_ms; /* steady clock */
	uint64_t login_number;
	uint64_t message_id;
};

/* A client id. */
enum bayeux_verdict cometd_handshake(struct salesforce *sf, struct err *err);
/* All channels of the feed, each from its 'subscribe'; every reply is checked. */
enum bayeux_verdict cometd_subscribe(struct salesforce *sf, struct err *err);
/* One poll; the messages that came (json_object_put), or NULL with *verdict. */
struct json_object *cometd_connect(struct salesforce *sf, int64_t wait_ms,
				   enum bayeux_verdict *verdict, struct err *err);

/* The reply on a /meta/ channel, about that subscription if one is named. */
struct json_object *cometd_reply(struct json_object *list, struct sv channel,
				 struct sv subscription);

#endif

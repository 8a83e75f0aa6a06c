/* bayeux.h - messages of the Streaming API (CometD 'Bayeux', long polling) and
 * the change events in them. Pure; views into the message's JSON. */
#ifndef TREATY_SALESFORCE_BAYEUX_H
#define TREATY_SALESFORCE_BAYEUX_H

#include "base/json.h"

enum bayeux_verdict {
	BAYEUX_OK,
	BAYEUX_HANDSHAKE, /* the server no longer knows the client: begin anew */
	BAYEUX_LOGIN,	  /* the session has ended: log in, then begin anew */
	BAYEUX_FAILED,	  /* err says why */
};

/* What a /meta/ reply says; 'what' begins the message. Salesforce writes its
 * code into the text ('403::Unknown client'), so the text decides; the advice
 * is looked at only where the text tells nothing. */
enum bayeux_verdict bayeux_judge(struct json_object *reply, const char *what, struct err *err);

struct bayeux_event {
	struct sv channel;
	int64_t replay_id;
	struct sv object;	 /* entityName: 'Placement__c' */
	struct json_object *ids; /* recordIds; several where one change hit several */
	struct json_object *changed; /* changedFields of an UPDATE, else NULL */
	bool overflow;		 /* too many changes to tell: any record */
	int64_t commit_ms;
	struct sv user; /* commitUser */
};

/* False when the message is no change event with a place in its channel. */
bool bayeux_event(struct json_object *message, struct bayeux_event *out);

/* The field of a name in changedFields, in the arena: parts of a compound are
 * told as 'Name.LastName' and 'MailingAddress.City' (LastName, MailingCity).
 * NULL where the field cannot be told. */
struct arena;
const char *bayeux_field(struct sv name, struct arena *a);

/* The channel of an object's changes, in the arena: '/data/ContactChangeEvent',
 * '/data/Placement__ChangeEvent' for Placement__c (CDC guide). */
struct sv bayeux_channel(const char *object, struct arena *a);

#endif

/* channels.h - the channels of a deployment: mail and webhooks.
 *
 * Each mail address is a channel of its own ('mail dana@acme.example'), so that
 * one which is refused keeps nobody else from being told, and nobody is told
 * twice for its sake. A webhook is one for all roles that it serves.
 *
 * A message that is sent again, since nobody knows whether it arrived, has the
 * same Message-ID or webhook-id: receivers that look at it drop the second. */
#ifndef TREATY_CHANNELS_H
#define TREATY_CHANNELS_H

#include "flow/channel.h"
#include "net/http_client.h"
#include "treaty/deployment.h"

struct channels;

/* The arguments outlive it. */
struct channels *channels_create(const struct deployment *d, const struct treaty *t,
				 struct http_client *http);
void channels_destroy(struct channels *c); /* no message under way; NULL is fine */

/* Who is told how, as long as the channels live. */
const struct audience *channels_audience(const struct channels *c, int *n);
/* NULL: that role is reached by nothing. */
const struct audience *channels_reach(const struct channels *c, struct sv role);

/* Lets go whoever waits in one. Any thread. The HTTP client is its owner's to
 * stop. */
void channels_stop(struct channels *c);

/* What a webhook of that shape is sent for a message. Pure. */
struct json_object *channel_body(enum webhook_shape shape, const struct message *m, struct err *err);

#endif

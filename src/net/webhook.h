/* webhook.h - how a webhook's receiver knows that a message is ours.
 *
 * As 'Standard Webhooks' (standardwebhooks.com) has it, for which there are
 * libraries: HMAC-SHA256 over 'ID.SECONDS.BODY'. Pure; any thread. */
#ifndef TREATY_WEBHOOK_H
#define TREATY_WEBHOOK_H

#include "base/buf.h"

/* Adds 'v1,BASE64'. A secret 'whsec_BASE64' stands for the bytes in it, any
 * other for itself. */
void webhook_sign(struct sv secret, struct sv id, int64_t seconds, struct sv body, struct buf *out);

#endif

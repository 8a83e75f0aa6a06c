/* salesforce.h - the Salesforce connector: JWT bearer login, sObject
 * Collections, SOQL, and Change Data Capture over CometD. API v66.0.
 *
 * Login settings of the deployment:
 *   client_id  consumer key of the connected app
 *   username   the integration user
 *   key        secret: the PEM private key whose certificate the app holds
 *   audience   optional 'aud' of the assertion
 * The audience names the authorization server, not the address called:
 * Salesforce documents login.salesforce.com and test.salesforce.com (JWT
 * bearer flow). So without a setting it is test. for test.salesforce.com and
 * for a sandbox's My Domain (NAME--SBX.sandbox.my.salesforce.com), login. for
 * every other salesforce.com host, and the url itself for anything else: a
 * loopback sandbox, an Experience site.
 *
 * A refused login is remembered for a minute and answered from memory, since
 * each attempt counts towards the lock-out of the user.
 *
 * Feed: one channel an object. The cursor is a JSON object of channel to
 * replay id, with 'at': until when (ms) the feed had surely been listened to.
 * A change's at_ms is the commit's second, the resolution of rows' stamps. */
#ifndef TREATY_SALESFORCE_H
#define TREATY_SALESFORCE_H

#include "net/http_client.h"
#include "systems/connector.h"
#include "treaty/deployment.h"

/* 'objects' are those whose changes the feed tells. The deployment, the client
 * and the clock must outlive the connector; nothing is sent before the first
 * use. NULL with ERR_BAD_INPUT when a setting is missing. */
struct connector *salesforce_open(const struct deployment *d, struct http_client *http,
				  struct clock *clock, const char *const *objects, int object_n,
				  struct err *err);

#endif

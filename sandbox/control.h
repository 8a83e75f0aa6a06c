/* control.h - the sandbox's own endpoints, on every port under /_sandbox/.
 *
 *   GET  /_sandbox/                      what is running: ports, seed, counts
 *   POST /_sandbox/fault                 {"system":"salesforce", ...} see faults.h
 *   GET  /_sandbox/faults?system=
 *   POST /_sandbox/edit                  {"system","object","id","user"?,"fields":{}}
 *   POST /_sandbox/create                {"system","object","user"?,"fields":{}} -> {"id"}
 *   POST /_sandbox/delete                {"system","object","id","user"?}
 *   POST /_sandbox/bulk-edit             {"system","object","user"?,"edits":[{"id","fields"}]}
 *                                        or "all":true,"limit":N,"fields":{} ("{n}" in a value
 *                                        becomes the row's place)
 *   GET  /_sandbox/calls?system=[&reset=true]
 *   GET  /_sandbox/writes?system=&object=[&id=][&since=SEQ][&channel=]
 *                                        "asked_ms": when the request came in
 *   POST /_sandbox/note-reads            {"system","on":true}: keep what reads by record id show
 *   GET  /_sandbox/reads?system=[&since=N] what they showed from the N-th note on:
 *                                        {"next","reads":[[OBJECT, ID, SEQ, ANSWERED_MS]]}, the
 *                                        values after the write SEQ; 0: the answer was lost
 *   GET  /_sandbox/dump?system=&object=[&fields=a,b][&deleted=true]
 *   POST /_sandbox/office                {"rate":2.5} | {"stop":true} | {"edits":100}: see office.c
 *   POST /_sandbox/scenario              {"scene":"three-statuses"}: see office_scenes.c
 *   POST /_sandbox/shutdown
 *   POST /_sandbox/VERB                  {"system", ...} the system's own verbs
 *
 * "system" defaults to the one whose port was called. Never counted as API
 * calls, never hit by faults, no login: the sandbox listens on 127.0.0.1. */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "sandbox.h"

/* True when the request was one of them. Takes the lock itself. */
bool control_handle(struct system *s, const struct http_request *req, struct http_response *resp);

#endif

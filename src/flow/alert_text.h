/* alert_text.h - what a message to people says. Pure but for the store's
 * answers that it is given.
 *
 * A message is one JSON object, which is also what webhooks of shape 'json' get:
 *   id, treaty, version, state ('opened', 'escalated', 'over', 'test'), kind, role,
 *   title or null, made, count, subject, text,
 *   decide_by, then (of the next step, or null), entries: the first few,
 *     each {id, kind, record, field or null, ats, salesforce: {id, value}, detail,
 *     opened, closed, closed_by: or null}
 * 'subject' and 'text' are plain words and lines. No confidential value is in
 * any of it, nor a system's own words about one: they may quote it. */
#ifndef TREATY_ALERT_TEXT_H
#define TREATY_ALERT_TEXT_H

#include "base/json.h"
#include "store/alerts.h"

/* So many entries of a summary are named. */
enum { ALERT_NAMED = 5 };

struct alert_facts {
	const struct treaty *treaty;
	int64_t id, made_ms;
	enum alert_step step;
	enum mismatch_kind kind;
	int role;
	int64_t count; /* entries it is about */
	const struct mismatch *entry; /* the first of them, with record ids for references */
	int entry_n;
	/* of the first entry: its next step after this one; role -1: none */
	int then_role;
	int64_t then_ms;
};

/* A new object. */
struct json_object *alert_json(const struct alert_facts *f, struct arena *a);
/* What 'treaty alerts test' sends: about nothing; id 0. */
struct json_object *alert_test_json(const struct treaty *t, int role, int64_t now_ms, struct arena *a);

/* 'Tue 2026-11-24 16:00 America/Chicago': where the role works, else in UTC. */
struct sv alert_time(const struct treaty_role *role, int64_t ms, struct arena *a);

#endif

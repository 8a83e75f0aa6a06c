/* alerts.h - what people were told of the conflict log: a durable outbox.
 *
 * A message is made, with all that it says, in the transaction that decides it
 * is due, together with the note that these entries were told of: so an entry
 * is told of once, whatever happens to the process. Sending is apart, and every
 * attempt is recorded after it: a death in between repeats a message (with the
 * same number) and never loses one. When something is due is not stored; it
 * follows from the entry's age and the treaty's rules. In a transaction. */
#ifndef TREATY_STORE_ALERTS_H
#define TREATY_STORE_ALERTS_H

#include "store/mismatches.h"

/* Also as stored: the first two are the steps of treaty/alerts.h. */
enum alert_step { ALERT_FIRST, ALERT_THEN, ALERT_OVER };
const char *alert_step_name(enum alert_step s); /* 'opened', 'escalated', 'over' */

/* An outage that ends for less than this is one outage: neither is its end
 * told, nor does its clock begin anew. */
#define ALERT_CALM_MS (5 * 60 * (int64_t)1000)

struct alert {
	int64_t id, made_ms;
	struct sv role, kind; /* names */
	enum alert_step step;
	int64_t n;	   /* entries that it is about */
	struct sv content; /* a JSON object; see flow/alert_text.h */
};

/* ---- making ---- */

int64_t alert_put(struct db *db, const struct alert *m); /* the new id; content may follow */
void alert_say(struct db *db, int64_t id, struct sv content);
void alert_by(struct db *db, int64_t id, struct sv channel, int64_t now_ms);
/* These entries were told of by that message; OVER: that they are over. */
void alert_tells(struct db *db, int64_t id, int64_t mismatch, struct sv role, enum alert_step step);
bool alert_told(struct db *db, int64_t mismatch, struct sv role, enum alert_step step);

/* Messages to a role about a kind since then, OVER not among them. */
struct recent_alerts {
	int64_t n;
	int64_t oldest_ms;  /* when the first of them was made */
	int64_t summary_ms; /* the last one about several entries, 0: none */
};
struct recent_alerts alerts_since(struct db *db, struct sv role, struct sv kind, int64_t since_ms);

/* An open entry, without its values. */
struct open_entry {
	int64_t id, opened_ms;
	enum mismatch_kind kind;
	struct sv record, field;
};
/* Those with a larger id, ascending. In the arena. */
int alert_entries(struct db *db, int64_t above_id, struct arena *a, struct open_entry **out);

/* Since when what the entry says has been so: opened_ms, but for a system the
 * beginning of an outage that paused for moments only. */
int64_t alert_since(struct db *db, const struct open_entry *e);

/* Somebody was told, and it is closed. 'next' is an open entry that says the
 * same of the same system, 0: none. */
struct closed_entry {
	int64_t id, closed_ms, next;
	enum mismatch_kind kind;
	struct sv role;
	bool system; /* not of a record */
};
int alert_closed(struct db *db, struct arena *a, struct closed_entry **out);
/* What was told of the one counts as told of the other. */
void alert_moves(struct db *db, int64_t from, int64_t to);

/* ---- sending ---- */

struct delivery {
	struct alert alert;
	struct sv channel;
	int64_t attempts, next_ms, sent_ms; /* sent_ms 0: not yet */
	struct sv error;		    /* of the last attempt */
};

/* The next one that may be tried now, those that failed after all others. False:
 * none. */
bool delivery_next(struct db *db, int64_t now_ms, struct arena *a, struct delivery *out);
void delivery_sent(struct db *db, int64_t alert, struct sv channel, int64_t now_ms);
/* 'all': what else waits for the channel, or for another address on it (names
 * 'CHANNEL ADDRESS'), is not tried before next_ms either. */
void delivery_failed(struct db *db, int64_t alert, struct sv channel, struct sv error,
		     int64_t next_ms, bool all);
/* When the next waiting one may be tried; INT64_MAX: none waits. */
int64_t delivery_next_ms(struct db *db);
/* A new process: what waits is tried at once; what waits for a channel that is
 * gone, or serves the role no more, is given to those that do. */
void deliveries_readdress(struct db *db, bool (*serves)(void *arg, struct sv role, struct sv channel),
			  void (*give)(void *arg, struct db *db, int64_t alert, struct sv role),
			  void *arg);

/* ---- looking ---- */

/* The newest first. */
int delivery_list(struct db *db, int limit, struct arena *a, struct delivery **out);

struct channel_state {
	struct sv channel, error;
	int64_t waiting, failed; /* messages; of them tried in vain */
	int64_t since_ms;	 /* the oldest that waits was made */
	int64_t next_ms;
};
/* Channels for which something waits. */
int channel_states(struct db *db, struct arena *a, struct channel_state **out);

/* What people were told about a record (of a link, or of no link; 0) loses its
 * words; how many messages. A message about several records loses all. */
int64_t alerts_forget(struct db *db, int64_t link, struct sv record, enum side side,
		      struct sv remote);

#endif

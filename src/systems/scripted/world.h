/* world.h - the inside of a scripted system, shared by its source files only.
 * All functions here are called with the lock held. */
#ifndef TREATY_SCRIPTED_WORLD_H
#define TREATY_SCRIPTED_WORLD_H

#include <pthread.h>

#include "systems/scripted/scripted.h"

/* A growing array: ptr, n, cap. */
#define LIST(type) \
	struct { \
		type *ptr; \
		int n, cap; \
	}

/* A new zeroed member at the end of a LIST. */
#define list_push(l) \
	((l)->n == (l)->cap ? \
		 ((l)->cap = (l)->cap ? 2 * (l)->cap : 8, \
		  (l)->ptr = must_realloc((l)->ptr, (size_t)(l)->cap * sizeof(*(l)->ptr)), 0) : \
		 0, \
	 memset(&(l)->ptr[(l)->n], 0, sizeof(*(l)->ptr)), &(l)->ptr[(l)->n++])

struct world_field {
	struct sv api, text;
};

struct world_row {
	struct sv object, id;
	enum existence existence;
	struct sv merged_into;
	int64_t modified_ms;
	enum author author;
	LIST(struct world_field) field;
};

/* One field of one row changed; also the edit history. */
struct world_change {
	struct sv object, id, api, before, after;
	int64_t at_ms;
	enum author author;
	bool unrecorded; /* the edit history does not know it */
};

struct world_event {
	struct sv object, id; /* empty id: any */
	enum author author;
	int64_t at_ms, visible_ms;
	const char **field; /* that changed */
	int field_n;
};

struct world_rule {
	enum { RULE_REJECT, RULE_AUTOMATE, RULE_TRIM, RULE_CUT, RULE_DROP } kind;
	struct sv object, api, set, text, message;
	bool nameless;
	int max_bytes;
};

struct world_fault {
	unsigned calls;
	enum scripted_fault fault;
	int times; /* < 0: until healed */
	int64_t delay_ms;
};

struct world_late {
	struct write write;
	int64_t due_ms;
	bool done;
};

struct world_hook {
	enum scripted_moment moment;
	void (*fn)(void *arg);
	void *arg;
	bool fired;
};

struct world_declared {
	struct sv object, api;
	enum type_kind kind;
};

struct world_created {
	struct sv object;
	int64_t n;	 /* by the engine */
	int64_t written; /* since the counts were last forgotten */
};

struct scripted {
	struct connector connector; /* first */
	pthread_mutex_t lock;	    /* recursive: hooks come back in */
	struct arena arena;	    /* every text; lives as long as the system */
	struct clock *clock;
	struct crash *crash;
	int64_t skew_ms, lag_ms;
	LIST(struct world_row) row;
	LIST(struct world_change) change;
	LIST(struct world_event) event;
	LIST(const char *) touched; /* fields of the transaction under way */
	LIST(struct world_rule) rule;
	LIST(struct world_fault) fault;
	LIST(struct world_late) late;
	LIST(struct world_hook) hook;
	LIST(struct world_declared) declared;
	LIST(struct world_created) created;
	int64_t calls[SCRIPTED_COUNTS];
	int64_t events_forgotten; /* cursors below are no longer known */
	int64_t feed_delay_ms;
	int64_t remembers_ms;
	int listing_cut;
	unsigned feed;
	bool history_silent;
	bool hide_deletes;
};

struct world_row *world_row(struct scripted *s, struct sv object, struct sv id);
struct sv world_get(const struct world_row *r, struct sv api);
struct world_created *world_tally(struct scripted *s, struct sv object);

/* Applies sets to a row (made when missing) and notes the history. */
void world_put(struct scripted *s, struct sv object, struct sv id, const struct scripted_set *set,
	       int n, enum scripted_writer writer);
/* The feed tells of it, with the fields put since it last spoke. */
void world_say(struct scripted *s, struct sv object, struct sv id, enum author author);
int64_t world_now(struct scripted *s); /* by its own clock */

/* Executes one write as asked and fills its answer. */
void world_write(struct scripted *s, struct write *w, bool alone, struct arena *a);
/* The field has a rule of this kind. */
bool world_rules(const struct scripted *s, int kind, struct sv object, struct sv api);
/* Late writes whose time has come. */
void world_catch_up(struct scripted *s);

/* The plain spelling of a canonical value, and back. */
struct sv world_spell(struct value v, struct arena *a);
struct value world_read(const struct value_type *type, struct sv text, struct arena *a);

extern const struct connector_ops scripted_ops;

#endif

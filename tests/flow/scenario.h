/* scenario.h - stories of the flow: the real engine over a real store, two
 * scripted systems and a clock that is turned by hand.
 *
 * A story (*.scn) is a text file. Its first lines, '# ...', tell it in a
 * sentence or two; then one line a deed or an expectation. Words are separated
 * by blanks; "..." keeps blanks together; '# ' begins a remark. README.md in
 * this folder lists the lines.
 *
 * What every story is held to besides its own expectations: the ledger is
 * balanced, the audit passes, a further run writes nothing, and an hour
 * later neither.
 *
 * Crash walk: the story is told once to count its durable steps (commits,
 * requests sent, answers received); then again for each n, dying at step n,
 * going on from the store at the line that was under way. */
#ifndef TREATY_SCENARIO_H
#define TREATY_SCENARIO_H

#include "../scratch_dir.h"
#include "../scratch_schema.h"
#include "flow/engine.h"
#include "store/audit.h"
#include "store/journal.h"
#include "store/ledger.h"
#include "store/mismatches.h"
#include "systems/scripted/scripted.h"
#include "treaty/load.h"

struct line {
	int number; /* in the file */
	struct sv *word;
	int word_n;
	struct sv block;     /* '<<END' ... 'END' */
	bool unless_crashed; /* expectation that a crash excuses */
};

struct story {
	const char *file;
	struct sv title;
	struct line *line;
	int n;
	struct arena arena;
};

/* A file's text, added to 'out'; false with errno. */
bool story_file(const char *path, struct buf *out);
/* NULL after saying why on stderr. */
struct story *story_read(const char *path);
/* From a text; 'name' stands for the file. */
struct story *story_parse(const char *name, struct sv text);
/* The text of a story made by chance; the same for the same seed. */
struct sv random_story(uint64_t seed, struct arena *a);
void story_destroy(struct story *s);

enum { CHANNELS_MAX = 4, CHANNEL_ROLES_MAX = 4 };

/* A way to tell people that answers as the story wants. Outlives the engine. */
struct story_channel {
	struct channel channel; /* first */
	struct world *world;
	struct sv role[CHANNEL_ROLES_MAX];
	int role_n;
	bool down;
	int refuses, loses; /* so many of the next messages */
	int64_t tried;
};

/* A message as somebody got it. */
struct heard {
	int64_t id;
	struct sv channel, role, state, subject, text;
};

/* One telling of a story. */
struct world {
	const struct story *story;
	const struct line *at; /* under way */
	struct arena arena;    /* lives as long as the telling */
	struct buf trouble;    /* what went wrong, a line each */
	bool failed;	       /* the telling cannot go on */

	struct clock_manual clock;
	struct crash crash;
	bool crashed;	 /* died once already */
	bool repeating;	 /* the line under way is told again after dying */
	bool unfinished; /* the story ends with work that the clock brings */

	struct scripted *system[SIDES];
	struct connector_shape shape[SIDES];
	unsigned feed[SIDES];
	struct treaty *treaty;
	char path[SCRATCH_PATH_MAX]; /* of the store, in a directory of its own */
	struct scratch_schema schema; /* where it is instead, with a server */
	struct store *store;
	struct engine *engine;
	bool shadow;
	int64_t sweep_every_ms; /* engine_options; at 02:00 */
	int64_t linger_ms; /* engine_options.echo_linger_ms */
	int64_t retain_ms; /* of all that a retention can be said for; 0: for ever */
	struct sv forged; /* what stood there before */

	struct story_channel channel[CHANNELS_MAX];
	int channel_n;
	struct heard *heard; /* owned */
	int heard_n;
};

void world_begin(struct world *w, const struct story *s, int64_t die_at);
void world_end(struct world *w); /* and removes the store */

/* Notes 'file:line: ...' of the line under way. */
void world_trouble(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, and the telling stops. */
void world_fail(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* By the name of a file beside the story, with the first 'old' in it replaced,
 * or from a text. */
void world_load_treaty(struct world *w, struct sv name_or_empty, struct sv text, struct sv old,
		       struct sv instead);
bool world_start(struct world *w); /* opens store and engine unless open */
void world_stop(struct world *w);
bool world_run(struct world *w);   /* to rest; false after noting why */

/* A read of the store that the crash walk does not count. */
void world_ledger(struct world *w, struct ledger *out);
void world_audit(struct world *w, struct audit *out);
/* Behind the engine's back; nor does this count. */
void world_alter(struct world *w, store_fn fn, void *arg);
/* Links with this field held so. */
int world_held(struct world *w, int record, int field, enum hold hold);
int world_mismatches(struct world *w, struct mismatch **out);

/* One line: a deed or an expectation. */
void tell_line(struct world *w, const struct line *l);
void expect_line(struct world *w, const struct line *l);
/* What a story of chance is held to besides. */
void expect_peace(struct world *w);
/* What every story is held to at its end. */
void expect_rest(struct world *w);

/* ---- people.c ---- */

void people_end(struct world *w);
void people_options(struct world *w, struct engine_options *o);
/* channel NAME ROLE... | down | up | refuses N | loses N; at TIME */
void tell_channel(struct world *w, const struct line *l);
void tell_at(struct world *w, const struct line *l);
/* [no] message to ROLE [about WHAT] [QUALITY=VALUE...] */
void expect_tried(struct world *w, const struct line *l);
void expect_message(struct world *w, const struct line *l, int i, bool none);

/* Small readers of words; they note the trouble themselves. */
enum side word_side(struct world *w, struct sv word);
int64_t word_number(struct world *w, struct sv word);
int64_t word_duration_ms(struct world *w, struct sv word);

#endif

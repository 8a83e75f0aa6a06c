/* preview.h - what linking and the first sync would do, found by doing it: the
 * same engine over an overlay. The store is a copy that is thrown away; writes
 * are remembered and shown to later reads; the feeds are not touched. Nothing
 * is written to either system. */
#ifndef TREATY_PREVIEW_H
#define TREATY_PREVIEW_H

#include "flow/engine.h"

enum { PREVIEW_SAMPLES = 3 };

struct preview_sample {
	struct sv id;	  /* of the record that would be written */
	struct sv before; /* shown forms; confidential values are masked */
	struct sv after;
};

struct preview_field {
	int64_t writes; /* in records that exist */
	struct preview_sample sample[PREVIEW_SAMPLES];
	int sample_n;
};

struct preview_type {
	struct link_report link;
	int64_t created[SIDES], updated[SIDES];
	struct preview_field *field[SIDES]; /* as treaty_record.field */
};

struct preview {
	struct arena arena;
	struct preview_type *type; /* as treaty.record */
	int64_t mismatches;	   /* entries that the conflict log would hold open */
	bool would_change;
	/* while it runs */
	int64_t done;
};

struct preview_options {
	const struct treaty *treaty;
	const struct store_options *store; /* where it is; need not exist */
	struct connector *system[SIDES];
	struct clock *clock;
	const struct deployment_limits *limits[SIDES];
	/* now and then, with the record type at work (or NULL) */
	void (*progress)(void *arg, const struct preview *p, const char *record);
	void *arg;
};

/* Fills *out; preview_finish it in any case. */
bool preview_run(const struct preview_options *o, struct preview *out, struct err *err);
void preview_finish(struct preview *p);

#endif

/* channel.h - a way on which people are told, as the flow sees it. Real ones:
 * channels.h; the stories have scripted ones. */
#ifndef TREATY_CHANNEL_H
#define TREATY_CHANNEL_H

#include "base/err.h"
#include "base/sv.h"

/* Valid during the call. The same id on the same channel is the same message. */
struct message {
	int64_t id, made_ms;
	struct sv role;
	struct sv subject, text; /* plain words and lines, UTF-8 */
	struct sv content;	 /* JSON; see alert_text.h */
};

struct channel {
	const char *name; /* 'CHANNEL', or 'CHANNEL ADDRESS' of one that serves several */
	int64_t until_ms; /* the flow's own: it is away, and not tried before then */
	/* May block for some seconds. Of an error the caller asks 'scope':
	 * SCOPE_RECORD is about this message only, anything else about the
	 * channel. Either is tried again. */
	bool (*send)(struct channel *c, const struct message *m, struct err *err);
};

/* Who is told of what is for a role. */
struct audience {
	const char *role;
	struct channel **channel;
	int channel_n;
};

#endif

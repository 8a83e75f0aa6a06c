/* silence.c - a feed that is connected and says nothing: is nothing happening, or
 * does it not tell?
 *
 * How long a silence usually lasts is learnt, by the hour and kind of day at
 * which it begins: an evening's is longer than a morning's. One that lasts three
 * times as long is no alarm yet, for people have quiet days: the system is asked
 * what changed since the feed last spoke. Nothing: so be it. Something, and the
 * feed still does not tell of it: then it is deaf, people are told, and what it
 * missed is read again by that question. */
#include "flow/flow.h"
#include "store/mismatches.h"
#include "store/sweeps.h"

enum {
	DAYS = 4, /* Monday to Thursday, Friday, Saturday, Sunday */
	HOURS = 24 * DAYS,
	LEARNT = 4,    /* silences that began at such an hour */
	PATIENCE = 3,  /* times the usual */
	FORGETS = 16,  /* the usual follows shorter ones by that part */
	STAMP_SLACK_MS = 2000, /* between a row's stamp and its event's */
};
#define MINUTE_MS (60 * (int64_t)1000)
#define HOUR_MS (60 * MINUTE_MS)
#define LEAST_MS (30 * MINUTE_MS)
#define MOST_MS (7 * 24 * HOUR_MS)
#define LATE_MS (5 * MINUTE_MS) /* a feed may tell so much later than a question */

struct silence {
	int64_t said_ms;  /* when the feed last told of anything, by our clock */
	int64_t probe_ms; /* since when the answer to a question is awaited; 0: none is */
	int64_t next_ms;  /* no question before */
	int64_t usual_min[HOURS], n[HOURS];
};

static const char *silence_name(enum side side)
{
	return side == SIDE_ATS ? "silence.ats" : "silence.salesforce";
}

static int hour_of(int64_t ms)
{
	int64_t hour = ms / HOUR_MS;
	int day = (int)((hour / 24 + 4) % 7); /* 0: Sunday */
	int kind = day == 0 ? 3 : day == 6 ? 2 : day == 5 ? 1 : 0;
	return kind * 24 + (int)(hour % 24);
}

static void load(struct db *db, enum side side, struct silence *s)
{
	struct arena a;
	arena_init(&a);
	struct reader r = { .left = meta_get(db, silence_name(side), &a) };
	*s = (struct silence){ 0 };
	if (r.left.len) {
		s->said_ms = (int64_t)read_varint(&r);
		s->probe_ms = (int64_t)read_varint(&r);
		s->next_ms = (int64_t)read_varint(&r);
		for (int i = 0; i < HOURS; i++) {
			s->usual_min[i] = (int64_t)read_varint(&r);
			s->n[i] = (int64_t)read_varint(&r);
		}
	}
	if (r.bad)
		*s = (struct silence){ 0 }; /* learnt anew */
	arena_finish(&a);
}

static void save(struct db *db, enum side side, const struct silence *s)
{
	struct buf b;
	buf_init(&b, 64 * 1024);
	buf_add_varint(&b, (uint64_t)s->said_ms);
	buf_add_varint(&b, (uint64_t)s->probe_ms);
	buf_add_varint(&b, (uint64_t)s->next_ms);
	for (int i = 0; i < HOURS; i++) {
		buf_add_varint(&b, (uint64_t)s->usual_min[i]);
		buf_add_varint(&b, (uint64_t)s->n[i]);
	}
	meta_put(db, silence_name(side), buf_sv(&b));
	buf_finish(&b);
}

static void learn(struct silence *s, int64_t lasted_ms)
{
	int i = hour_of(s->said_ms);
	int64_t minutes = (lasted_ms < MOST_MS ? lasted_ms : MOST_MS) / MINUTE_MS;
	if (minutes >= s->usual_min[i])
		s->usual_min[i] = minutes;
	else
		s->usual_min[i] -= (s->usual_min[i] - minutes) / FORGETS;
	s->n[i]++;
}

/* A change told within the same minute teaches nothing, and costs nothing. */
void silence_broken(struct engine *e, struct db *db, enum side side)
{
	struct silence s;
	int64_t now = clock_now(e->clock);
	bool open = mismatch_system_open(db, side, MISMATCH_SILENCE);
	if (!open && now - e->said_ms[side] < MINUTE_MS)
		return;
	e->said_ms[side] = now;
	load(db, side, &s);
	if (open)
		mismatch_system(db, side, MISMATCH_SILENCE, false, SV("it tells of changes again"), now);
	else if (s.said_ms)
		learn(&s, now - s.said_ms); /* a deaf feed's silence is not usual */
	s.said_ms = now;
	s.probe_ms = s.next_ms = 0;
	save(db, side, &s);
}

/* Longer than usual, and nobody asked yet. */
static bool is_strange(struct engine *e, const struct silence *s, enum side side, int64_t now)
{
	int i = hour_of(s->said_ms);
	int64_t usual = s->usual_min[i] * PATIENCE * MINUTE_MS;
	return s->said_ms && s->n[i] >= LEARNT && !s->probe_ms && now >= s->next_ms &&
	       now - s->said_ms > (usual > LEAST_MS ? usual : LEAST_MS) &&
	       (e->system[side]->shape.can & CAN_SINCE) && !e->down_told[side];
}

/* The newest change that the question showed and the feed did not tell of, by
 * the system's clock; 0: none, -1: it is not answered yet. That the records told
 * of last are listed again proves nothing. */
static int64_t untold_ms(struct engine *e, struct db *db, enum side side, int64_t asked_ms)
{
	struct arena a;
	int64_t newest = 0;
	if (sweep_of_gap(db, e->treaty, side))
		return -1;
	arena_init(&a);
	for (int r = 0; r < e->treaty->record_n; r++) {
		struct sweep s;
		if (sweep_get(db, e->treaty, r, &a, &s) && s.asked_ms >= asked_ms &&
		    s.stamp_ms[side] > newest)
			newest = s.stamp_ms[side];
	}
	if (newest <= heard_ms(db, side, &a) + STAMP_SLACK_MS)
		newest = 0;
	arena_finish(&a);
	return newest;
}

static void tell_deaf(struct engine *e, struct db *db, enum side side, const struct silence *s,
		      int64_t changed_ms)
{
	char since[TIME_TEXT_SIZE], changed[TIME_TEXT_SIZE], text[200];
	time_format_ms(s->said_ms, since);
	time_format_ms(changed_ms, changed);
	snprintf(text, sizeof(text), "it has told of nothing since %s, but something changed there until %s; "
		 "that is read again", since, changed);
	mismatch_system(db, side, MISMATCH_SILENCE, true, sv_of(text), clock_now(e->clock));
}

static void judge(struct engine *e, struct db *db, enum side side, struct silence *s, int64_t now)
{
	int64_t changed = untold_ms(e, db, side, s->probe_ms);
	if (changed < 0 || (changed && now - s->probe_ms < LATE_MS))
		return; /* it may still tell */
	if (changed && !mismatch_system_open(db, side, MISMATCH_SILENCE))
		tell_deaf(e, db, side, s, changed);
	s->next_ms = now + (s->probe_ms - s->said_ms); /* and again after as long */
	s->probe_ms = 0;
	save(db, side, s);
}

void silence_watch(struct engine *e, struct db *db, enum side side)
{
	struct silence s;
	int64_t now = clock_now(e->clock);
	load(db, side, &s);
	if (s.probe_ms) {
		judge(e, db, side, &s, now);
	} else if (is_strange(e, &s, side, now)) {
		s.probe_ms = now;
		save(db, side, &s);
		gap_ask(e, db, side, -1);
	}
}

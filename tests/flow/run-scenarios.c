/* run-scenarios - tells stories and says, as TAP, which came out as written.
 *
 *   run-scenarios [--crash-walk [--exhaustive]] [--at N [--again M]] STORY...
 *   run-scenarios --random FROM COUNT [--print]
 *
 * The crash walk dies at every k-th durable step, k so that a story dies some
 * sixty times (the same ones on every machine); --exhaustive: at every one.
 * Every other death is followed by a second one, M durable steps into the
 * recovery. --at N: only that death. */
#include "scenario.h"

struct walk {
	bool walking, exhaustive;
	int64_t at, again;
};

enum { WALK_DEATHS = 60 };

/* The process died in the line under way: a new one goes on from the store,
 * and the line is told again. */
static void rise(struct world *w, int64_t die_again)
{
	world_stop(w);
	w->crash = (struct crash){ .die_at = die_again };
	w->crashed = true;
	w->repeating = true;
}

static void tell(struct world *w, int64_t die_again)
{
	for (int i = 0; i < w->story->n && !w->failed; i++) {
		w->at = &w->story->line[i];
		tell_line(w, w->at);
		while (w->crash.dead && !w->failed) {
			rise(w, die_again);
			die_again = 0;
			tell_line(w, w->at);
		}
		w->repeating = false;
	}
	if (!w->failed)
		expect_rest(w);
}

struct telling {
	bool ok;
	int64_t steps;
	int64_t created[SIDES];
};

static struct telling tell_once(const struct story *s, int64_t die_at, int64_t die_again)
{
	struct world w;
	struct telling t = { 0 };
	world_begin(&w, s, die_at);
	tell(&w, die_again);
	t.ok = !w.trouble.len && !w.failed;
	t.steps = w.crash.steps;
	for (int i = 0; i < SIDES; i++)
		t.created[i] = scripted_created(w.system[i], SV_NONE);
	if (!t.ok && die_at)
		fprintf(stderr, "# dying at step %lld, and %lld after:\n", (long long)die_at,
			(long long)die_again);
	fprintf(stderr, "%.*s", SV_ARG(buf_sv(&w.trouble)));
	world_end(&w);
	return t;
}

static bool die_once(const struct story *s, int64_t at, const struct telling *plain)
{
	/* some prime, so that second deaths fall everywhere in the recovery */
	int64_t again = at % 2 ? 0 : 1 + at * 7 % 61;
	struct telling t = tell_once(s, at, again);
	for (int i = 0; i < SIDES; i++)
		if (t.ok && t.created[i] != plain->created[i]) {
			fprintf(stderr, "# dying at step %lld: %s: %lld records created in %s, "
				"%lld without dying\n", (long long)at, s->file,
				(long long)t.created[i], side_name[i],
				(long long)plain->created[i]);
			return false;
		}
	return t.ok;
}

static bool crash_walk(const struct story *s, const struct telling *plain,
		       const struct walk *walk)
{
	int64_t stride = 1 + plain->steps / WALK_DEATHS;
	int64_t failed = 0, told = 0;
	if (walk->exhaustive)
		stride = 1;
	for (int64_t at = 1; at <= plain->steps && failed < 5; at += stride, told++)
		failed += !die_once(s, at, plain);
	fprintf(stderr, "# %s: %lld durable steps, died at %lld of them\n", s->file,
		(long long)plain->steps, (long long)told);
	return !failed;
}

static bool run_story(const char *path, const struct walk *walk)
{
	struct story *s = story_read(path);
	if (!s)
		return false;
	struct telling plain = tell_once(s, walk->at, walk->again);
	bool ok = plain.ok;
	if (ok && walk->walking && !walk->at)
		ok = crash_walk(s, &plain, walk);
	printf("%s - %s: %.*s\n", ok ? "ok" : "not ok", path, SV_ARG(s->title));
	story_destroy(s);
	return ok;
}

/* Stories of chance, each told once and once with a death somewhere. */
static int run_random(int argc, char **argv)
{
	int64_t from = 0, count = 0, failed = 0;
	if (argc < 2 || !sv_to_i64(sv_of(argv[0]), &from) || !sv_to_i64(sv_of(argv[1]), &count))
		return 2;
	bool print = argc > 2 && strcmp(argv[2], "--print") == 0;
	printf("1..1\n");
	for (int64_t seed = from; seed < from + count; seed++) {
		struct arena a;
		char name[64];
		arena_init(&a);
		struct sv text = random_story((uint64_t)seed, &a);
		if (print)
			printf("%.*s", SV_ARG(text));
		snprintf(name, sizeof(name), "./random-%lld", (long long)seed);
		struct story *s = story_parse(name, text);
		struct telling plain = tell_once(s, 0, 0);
		bool ok = plain.ok;
		if (ok && plain.steps)
			ok = tell_once(s, 1 + seed * 7919 % plain.steps, seed % 3 * 11).ok;
		failed += !ok;
		story_destroy(s);
		arena_finish(&a);
	}
	printf("%s - %lld stories of chance, %lld failed\n", failed ? "not ok" : "ok",
	       (long long)count, (long long)failed);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--random") == 0)
		return run_random(argc - 2, argv + 2);
	struct walk walk = { 0 };
	int i = 1, failed = 0;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--crash-walk") == 0)
			walk.walking = true;
		else if (strcmp(argv[i], "--exhaustive") == 0)
			walk.exhaustive = true;
		else if (i + 1 < argc && strcmp(argv[i], "--at") == 0)
			sv_to_i64(sv_of(argv[++i]), &walk.at);
		else if (i + 1 < argc && strcmp(argv[i], "--again") == 0)
			sv_to_i64(sv_of(argv[++i]), &walk.again);
		else
			i = argc;
	}
	if (i >= argc) {
		fprintf(stderr, "usage: run-scenarios [--crash-walk [--exhaustive]] "
				"[--at N [--again M]] STORY...\n");
		return 2;
	}
	printf("1..%d\n", argc - i);
	for (; i < argc; i++)
		failed += !run_story(argv[i], &walk);
	return failed ? 1 : 0;
}

/* run-scenarios - tells stories and says, as TAP, which came out as written.
 *
 *   run-scenarios [--crash-walk [--exhaustive|--pairs]] [--at N [--again M]] STORY...
 *   run-scenarios --random FROM COUNT [--print]
 *
 * The crash walk dies at every k-th durable step, k so that a story dies some
 * forty times (the same ones on every machine), and then some twenty times twice:
 * where, and how many durable steps into the recovery again, is drawn by
 * TREATY_SEED (1). --exhaustive: dies at every step, and from each once more at
 * a drawn one; --pairs: at every one, and from each at every one. --at N
 * [--again M]: only that.
 *
 * --random: stories of chance, by their numbers; FROM may be 'seed', which is a
 * number made of TREATY_SEED. */
#include "base/rng.h"
#include "scenario.h"

struct walk {
	bool walking, exhaustive, pairs;
	int64_t at, again;
};

enum { WALK_DEATHS = 40, WALK_TWICE = 20 };

static uint64_t seed(void)
{
	const char *text = getenv("TREATY_SEED");
	int64_t n = 1;
	if (text)
		sv_to_i64(sv_of(text), &n);
	return (uint64_t)n;
}

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

struct walked {
	int64_t steps; /* of the longest recovery */
	int64_t told, failed;
};

/* Dies at 'at', and 'again' steps into the recovery (0: not again). */
static void die(const struct story *s, int64_t at, int64_t again, const struct telling *plain,
		struct walked *sum)
{
	struct telling t = tell_once(s, at, again);
	bool ok = t.ok;
	for (int i = 0; i < SIDES; i++)
		if (ok && t.created[i] != plain->created[i]) {
			fprintf(stderr, "# dying at step %lld and %lld after: %s: %lld records created "
				"in %s, %lld without dying\n", (long long)at, (long long)again,
				s->file, (long long)t.created[i], side_name[i],
				(long long)plain->created[i]);
			ok = false;
		}
	sum->told++;
	sum->failed += !ok;
	if (t.steps > sum->steps)
		sum->steps = t.steps;
}

enum { FAILED_ENOUGH = 5 };

/* At every step of a recovery that has so many. */
static void die_twice(const struct story *s, int64_t at, int64_t again_most,
		      const struct telling *plain, struct walked *sum)
{
	for (int64_t again = 1; again <= again_most && sum->failed < FAILED_ENOUGH; again++)
		die(s, at, again, plain, sum);
}

static bool crash_walk(const struct story *s, const struct telling *plain,
		       const struct walk *walk)
{
	struct walked sum = { 0 };
	struct rng r = { seed() };
	bool all = walk->exhaustive || walk->pairs;
	int64_t stride = all ? 1 : 1 + plain->steps / WALK_DEATHS;
	for (int64_t at = 1; at <= plain->steps && sum.failed < FAILED_ENOUGH; at += stride) {
		struct walked one = { 0 };
		die(s, at, 0, plain, &one);
		if (walk->pairs)
			die_twice(s, at, one.steps, plain, &one);
		else if (walk->exhaustive)
			die(s, at, 1 + (int64_t)rng_below(&r, (uint64_t)one.steps + 1), plain, &one);
		sum.told += one.told;
		sum.failed += one.failed;
		if (one.steps > sum.steps)
			sum.steps = one.steps;
	}
	for (int i = 0; !all && plain->steps && i < WALK_TWICE && sum.failed < FAILED_ENOUGH; i++) {
		int64_t at = 1 + (int64_t)rng_below(&r, (uint64_t)plain->steps);
		int64_t left = plain->steps - at > 8 ? plain->steps - at : 8;
		die(s, at, 1 + (int64_t)rng_below(&r, (uint64_t)left), plain, &sum);
	}
	fprintf(stderr, "# %s: %lld durable steps, died %lld times (seed %llu)\n", s->file,
		(long long)plain->steps, (long long)sum.told, (unsigned long long)seed());
	return !sum.failed;
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

/* Stories of chance, each told once, once with a death somewhere, and once with
 * two. */
static int run_random(int argc, char **argv)
{
	int64_t from = (int64_t)(seed() % 1000000000) * 1000, count = 0, failed = 0;
	if (argc < 2 || (strcmp(argv[0], "seed") != 0 && !sv_to_i64(sv_of(argv[0]), &from)) ||
	    !sv_to_i64(sv_of(argv[1]), &count))
		return 2;
	bool print = argc > 2 && strcmp(argv[2], "--print") == 0;
	printf("1..1\n");
	for (int64_t n = from; n < from + count; n++) {
		struct arena a;
		char name[64];
		arena_init(&a);
		struct sv text = random_story((uint64_t)n, &a);
		if (print)
			printf("%.*s", SV_ARG(text));
		snprintf(name, sizeof(name), "./random-%lld", (long long)n);
		struct story *s = story_parse(name, text);
		struct telling plain = tell_once(s, 0, 0);
		bool ok = plain.ok;
		struct rng r = { (uint64_t)n };
		for (int k = 0; k < 2 && ok && plain.steps; k++)
			ok = tell_once(s, 1 + (int64_t)rng_below(&r, (uint64_t)plain.steps),
				       k ? 1 + (int64_t)rng_below(&r, 40) : 0).ok;
		failed += !ok;
		story_destroy(s);
		arena_finish(&a);
	}
	printf("%s - %lld stories of chance from %lld on, %lld failed\n", failed ? "not ok" : "ok",
	       (long long)count, (long long)from, (long long)failed);
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
		else if (strcmp(argv[i], "--pairs") == 0)
			walk.pairs = true;
		else if (i + 1 < argc && strcmp(argv[i], "--at") == 0)
			sv_to_i64(sv_of(argv[++i]), &walk.at);
		else if (i + 1 < argc && strcmp(argv[i], "--again") == 0)
			sv_to_i64(sv_of(argv[++i]), &walk.again);
		else
			i = argc;
	}
	if (i >= argc) {
		fprintf(stderr, "usage: run-scenarios [--crash-walk [--exhaustive|--pairs]] "
				"[--at N [--again M]] STORY...\n");
		return 2;
	}
	printf("1..%d\n", argc - i);
	for (; i < argc; i++)
		failed += !run_story(argv[i], &walk);
	return failed ? 1 : 0;
}

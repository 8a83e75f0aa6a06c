/* core - the engine without systems: what deciding and storing cost.
 *
 *   core settle             decisions a second, pure
 *   core events LINKS...    microseconds an event with so many links, a store each
 *   core flat FEW MANY      fails when an event costs twice as much with MANY links
 *                           as with FEW; as JSON, like the others
 *
 * The systems are made up: every record of both is computed from its number and
 * the version of its title, so that millions of links take the store's room and
 * no more. An event is an edit told by the feed, read, decided, written,
 * answered, and its own echo settled: all commits, but without network, fsync
 * and threads. Edits are scattered: hardly two touch one page of the store. Times
 * are of the processor, all threads. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/panic.h"
#include "flow/engine.h"
#include "store/links.h"
#include "treaty/load.h"

enum { BATCH = 500, ROUNDS = 15, FILL = 10000, CALL_MAX = 200, TRIES = 5 };

static const char document[] =
	"treaty: 1\nname: bench\nversion: 1\n"
	"systems: {ats: bullhorn, salesforce: salesforce}\n"
	"roles: {lead: {title: Lead}}\n"
	"domains: {people: {owner: ats, signed_by: [lead]}}\n"
	"records:\n"
	"  candidate:\n"
	"    domain: people\n"
	"    ats: Candidate\n"
	"    salesforce: {object: Contact, key: Bullhorn_Id__c}\n"
	/* thousands of edits at once are what is measured */
	"    mass_change: {changed: never}\n"
	"    fields:\n"
	"      title: occupation -> Title\n"
	"      a: a -> A\n      b: b -> B\n      c: c -> C\n      d: d -> D\n      e: e -> E\n"
	"      f: f -> F\n      g: g -> G\n      h: h -> H\n      i: i -> I\n      j: j -> J\n"
	"      k: k -> K\n";

struct firm;

struct system {
	struct connector connector;
	struct firm *firm;
	int *version; /* of the title, by record */
	/* what the next feed tells */
	int64_t told[BATCH];
	int told_n;
	enum author author;
};

struct firm {
	struct treaty *treaty;
	struct system system[SIDES];
	struct clock_manual clock;
	char dir[64], path[80];
	struct store *store;
	struct engine *engine;
	int64_t links;
};

static double now_s(void)
{
	struct timespec t;
	/* of all our threads, and of nobody else on this machine */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(bool ok, const struct err *err)
{
	if (!ok)
		panic("core: %s", err->what);
}

/* ---- the systems ---- */

static int64_t number_of(struct sv id)
{
	int64_t n = 0;
	sv_to_i64(sv_make(id.ptr + 1, id.len - 1), &n);
	return n;
}

static struct sv id_of(enum side side, int64_t n, struct arena *a)
{
	return arena_printf(a, "%c%09lld", side == SIDE_ATS ? '1' : '3', (long long)n);
}

static struct value value_of(const struct system *s, const char *api, int64_t n, struct arena *a)
{
	if (strcasecmp(api, "occupation") == 0 || strcmp(api, "Title") == 0)
		return (struct value){ VALUE_TEXT, arena_printf(a, "Engineer %d", s->version[n]) };
	if (strcmp(api, FIELD_API_ID) == 0 || strcmp(api, "Bullhorn_Id__c") == 0)
		return (struct value){ VALUE_TEXT, id_of(SIDE_ATS, n, a) };
	return (struct value){ VALUE_TEXT,
			       arena_printf(a, "%c of record %lld", *api | 32, (long long)n) };
}

static bool identify(struct connector *c, struct arena *a, struct sv *organisation, struct err *err)
{
	*organisation = SV("bench");
	return true;
}

static bool changes(struct connector *c, struct sv cursor, int64_t wait_ms, struct arena *a,
		    struct changes *out, struct err *err)
{
	struct system *s = (struct system *)c;
	enum side side = s == &s->firm->system[SIDE_ATS] ? SIDE_ATS : SIDE_SALESFORCE;
	out->change = arena_array(a, struct change, s->told_n + 1);
	out->n = s->told_n;
	out->cursor = SV("here");
	for (int i = 0; i < s->told_n; i++)
		out->change[i] = (struct change){
			.object = sv_of(s->firm->treaty->record[0].side[side].object),
			.id = id_of(side, s->told[i], a),
			.author = s->author,
		};
	s->told_n = 0;
	return true;
}

static bool fetch(struct connector *c, const struct object_ref *o, const struct sv *id, int n,
		  struct arena *a, struct rows *out, struct err *err)
{
	out->n = n;
	out->row = arena_array(a, struct row, n);
	for (int i = 0; i < n; i++) {
		struct row *r = &out->row[i];
		*r = (struct row){ .id = id[i], .existence = EXISTENCE_PRESENT };
		r->value = arena_array(a, struct value, o->field_n);
		for (int k = 0; k < o->field_n; k++)
			r->value[k] = value_of((struct system *)c, o->field[k].api,
					       number_of(id[i]), a);
	}
	return true;
}

static bool write_rows(struct connector *c, struct write *w, int n, struct arena *a,
		       struct err *err)
{
	struct system *s = (struct system *)c;
	for (int i = 0; i < n; i++) {
		int64_t record = number_of(w[i].id);
		s->version[record] = s->firm->system[SIDE_ATS].version[record];
		s->told[s->told_n++] = record;
		w[i].outcome = WRITE_DONE;
		w[i].new_id = w[i].id;
	}
	s->author = AUTHOR_OWN;
	return true;
}

static const struct connector_ops ops = { .identify = identify, .changes = changes,
					  .fetch = fetch, .write = write_rows };

/* ---- a store full of links in agreement ---- */

struct fill {
	struct firm *f;
	int64_t from;
};

static bool fill_some(struct db *db, void *arg, struct err *err)
{
	struct fill *fill = arg;
	struct firm *f = fill->f;
	const struct treaty_record *type = &f->treaty->record[0];
	struct arena a;
	arena_init(&a);
	for (int64_t n = fill->from; n < fill->from + FILL && n < f->links; n++) {
		struct link l = link_blank(f->treaty, 0, &a);
		l.state = LINK_LINKED;
		for (int s = 0; s < SIDES; s++) {
			l.remote[s] = id_of(s, n, &a);
			l.existence[s] = EXISTENCE_PRESENT;
		}
		for (int i = 0; i < type->field_n; i++) {
			l.field[i].rule = type->field[i].rule;
			for (int s = 0; s < SIDES; s++)
				l.field[i].base[s] =
					value_of(&f->system[s], type->field[i].api[s], n, &a);
		}
		link_put(f->store, db, f->treaty, &l);
		arena_reset(&a);
	}
	arena_finish(&a);
	return true;
}

static void firm_open(struct firm *f, int64_t links)
{
	struct complaints none;
	struct err err = { 0 };
	*f = (struct firm){ .links = links };
	complaints_init(&none, "bench");
	f->treaty = treaty_load_text(sv_of(document), "bench", &none);
	if (!f->treaty)
		panic("core: %.*s", SV_ARG(none.list[0].text));
	complaints_finish(&none);
	clock_manual_init(&f->clock, (int64_t)1790000000 * 1000);
	const char *tmp = getenv("TMPDIR");
	snprintf(f->dir, sizeof(f->dir), "%s/treaty-core-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(f->dir))
		panic("core: %s: no directory can be made there", f->dir);
	snprintf(f->path, sizeof(f->path), "%s/core.db", f->dir);
	f->store = store_open(&(struct store_options){ .path = f->path, .volatile_ok = true,
						       .clock = &f->clock.clock }, &err);
	must(f->store, &err);
	for (int s = 0; s < SIDES; s++) {
		f->system[s].connector = (struct connector){
			.ops = &ops, .name = side_name[s],
			.shape = { .fetch_max = 2000, .write_max = CALL_MAX, .concurrent = 1,
				   .longest_request_ms = 60000 },
		};
		f->system[s].firm = f;
		f->system[s].version = must_zalloc(sizeof(int) * (size_t)(links + 1));
	}
	for (struct fill fill = { f, 0 }; fill.from < links; fill.from += FILL)
		must(store_tx(f->store, fill_some, &fill, &err), &err);
	f->engine = engine_create(&(struct engine_options){
		.treaty = f->treaty, .store = f->store, .clock = &f->clock.clock,
		.system = { &f->system[0].connector, &f->system[1].connector },
		.echo_linger_ms = -1 });
	must(engine_start(f->engine, &err), &err);
}

static void firm_close(struct firm *f)
{
	static const char *const end[] = { "", "-wal", "-shm" };
	char path[96];
	engine_destroy(f->engine);
	store_close(f->store);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", f->path, end[i]);
		unlink(path);
	}
	rmdir(f->dir);
	for (int s = 0; s < SIDES; s++)
		free(f->system[s].version);
	treaty_destroy(f->treaty);
}

/* ---- events ---- */

static void work(struct firm *f)
{
	struct err err = { 0 };
	enum step_result r = STEP_WORKED;
	while (r == STEP_WORKED) {
		r = STEP_IDLE;
		for (int s = 0; s < SIDES; s++)
			if (engine_feed(f->engine, s, 0, &err) == STEP_WORKED)
				r = STEP_WORKED;
		if (engine_settle(f->engine, &err) == STEP_WORKED)
			r = STEP_WORKED;
		for (int s = 0; s < SIDES; s++)
			if (engine_deliver(f->engine, s, &err) == STEP_WORKED)
				r = STEP_WORKED;
		must(!err.code, &err);
	}
}

/* A batch of edits all over the store. Nothing of it may stay undone. */
static double batch_us(struct firm *f, int64_t *next)
{
	struct system *ats = &f->system[SIDE_ATS];
	ats->author = AUTHOR_FOREIGN;
	for (int i = 0; i < BATCH; i++) {
		/* a prime far from the counts' divisors: every record once before
		 * any comes again, and neighbours far apart */
		int64_t n = (*next)++ * 7368787 % f->links;
		ats->version[n]++;
		ats->told[ats->told_n++] = n;
	}
	double begun = now_s();
	work(f);
	double took = now_s() - begun;
	for (int64_t n = 0; n < f->links; n++)
		if (ats->version[n] != f->system[SIDE_SALESFORCE].version[n])
			panic("core: record %lld did not arrive", (long long)n);
	return took * 1e6 / BATCH;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double event_us(const char *text)
{
	int64_t links = 0;
	if (!sv_to_i64(sv_of(text), &links) || links < BATCH)
		panic("core: '%s' is no number of links", text);
	struct firm f;
	double us[ROUNDS];
	int64_t next = 0;
	firm_open(&f, links);
	for (int i = 0; i < ROUNDS; i++)
		us[i] = batch_us(&f, &next);
	firm_close(&f);
	qsort(us, ROUNDS, sizeof(us[0]), by_size);
	return us[ROUNDS / 2];
}

static int events(char **links)
{
	printf("{");
	for (int i = 0; links[i]; i++)
		printf("%s\"%s\": %.1f", i ? ", " : "", links[i], event_us(links[i]));
	printf("}\n");
	return 0;
}

/* Ten times the links may cost more: their pages are not in the store's cache.
 * Whatever looks at all of them costs ten times as much. Others may use the machine
 * meanwhile: what is flat is so in one of a few tries, what grows is not in any. */
static int flat(char **links)
{
	double few = 0, many = 0;
	for (int i = 0; i < TRIES; i++) {
		few = event_us(links[0]);
		many = event_us(links[1]);
		if (many < few * 2)
			break;
	}
	printf("{\"%s\": %.1f, \"%s\": %.1f, \"ratio\": %.2f}\n", links[0], few, links[1], many,
	       many / few);
	return many < few * 2 ? 0 : 1;
}

/* ---- decisions ---- */

static int decisions(void)
{
	struct firm f;
	struct arena a, scratch;
	struct observation seen[SIDES];
	struct slot idle[SIDES] = { 0 };
	enum { N = 200000 };
	firm_open(&f, 1);
	arena_init(&a);
	arena_init(&scratch);
	const struct treaty_record *type = &f.treaty->record[0];
	struct link l = link_blank(f.treaty, 0, &a);
	l.id = 1;
	l.state = LINK_LINKED;
	for (int s = 0; s < SIDES; s++) {
		l.remote[s] = id_of(s, 0, &a);
		l.existence[s] = EXISTENCE_PRESENT;
		seen[s] = (struct observation){ .seq = 1, .existence = EXISTENCE_PRESENT,
						.value = arena_array(&a, struct value, type->field_n) };
		for (int i = 0; i < type->field_n; i++) {
			l.field[i].rule = type->field[i].rule;
			l.field[i].base[s] = value_of(&f.system[s], type->field[i].api[s], 0, &a);
			seen[s].value[i] = l.field[i].base[s];
		}
	}
	seen[SIDE_ATS].value[0] = (struct value){ VALUE_TEXT, SV("Manager") };
	struct settle_input in = { .type = type, .link = &l, .now_ms = f.clock.ms,
				   .seen = { &seen[0], &seen[1] }, .slot = { &idle[0], &idle[1] } };
	double begun = now_s();
	for (int i = 0; i < N; i++) {
		struct plan p;
		settle(&in, &scratch, &p);
		if (!p.slot_changed[SIDE_SALESFORCE] || p.slot[SIDE_SALESFORCE].field_n != 1)
			panic("core: an edit gave no write");
		arena_reset(&scratch);
	}
	printf("{\"decisions\": %.0f, \"fields\": %d}\n", N / (now_s() - begun), type->field_n);
	arena_finish(&scratch);
	arena_finish(&a);
	firm_close(&f);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "settle") == 0)
		return decisions();
	if (argc >= 3 && strcmp(argv[1], "events") == 0)
		return events(argv + 2);
	if (argc == 4 && strcmp(argv[1], "flat") == 0)
		return flat(argv + 2);
	fputs("usage: core settle | core events LINKS... | core flat FEW MANY\n", stderr);
	return 64;
}

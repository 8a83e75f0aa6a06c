/* expect.c - what a story expects to find. */
#include "base/panic.h"
#include "scenario.h"

static bool is(const struct line *l, int i, const char *word)
{
	return i < l->word_n && sv_eq(l->word[i], sv_of(word));
}

static struct sv shown(struct sv text)
{
	return text.len ? text : SV("(blank)");
}

static bool same(struct sv expected, struct sv found)
{
	return sv_eq(shown(expected), shown(found));
}

/* SIDE OBJECT ID FIELD=VALUE...; SIDE OBJECT ID gone */
static void expect_row(struct world *w, const struct line *l)
{
	struct scripted *s = w->system[word_side(w, l->word[1])];
	struct sv api, want, found;
	bool gone = is(l, 4, "gone");
	for (int i = 4; i < l->word_n && !w->failed; i++) {
		sv_cut(l->word[i], '=', &api, &want);
		bool present = scripted_get(s, l->word[2], l->word[3], api, &found);
		if (gone && present)
			world_trouble(w, "found the record");
		else if (!gone && !present)
			world_trouble(w, "no such record");
		else if (!gone && !same(want, found))
			world_trouble(w, "found %.*s=%.*s", SV_ARG(api), SV_ARG(shown(found)));
		if (!present)
			return;
	}
}

/* '<=', '>=', or nothing for exactly, and a number. */
static void expect_number(struct world *w, const struct line *l, int i, int64_t found)
{
	bool most = is(l, i, "<="), least = is(l, i, ">=");
	int64_t want = word_number(w, l->word[most || least ? i + 1 : i]);
	if (w->failed)
		return;
	if (most ? found > want : least ? found < want : found != want)
		world_trouble(w, "found %lld", (long long)found);
}

/* writes SIDE [OBJECT] N */
static void expect_writes(struct world *w, const struct line *l)
{
	struct scripted *s = w->system[word_side(w, l->word[2])];
	int64_t n;
	bool object = l->word_n > 4 && !sv_to_i64(l->word[3], &n) && l->word[3].ptr[0] != '<' &&
		      l->word[3].ptr[0] != '>';
	expect_number(w, l, object ? 4 : 3,
		      scripted_written(s, object ? l->word[3] : SV_NONE));
}

/* created SIDE OBJECT N */
static void expect_created(struct world *w, const struct line *l)
{
	expect_number(w, l, 4, scripted_created(w->system[word_side(w, l->word[2])], l->word[3]));
}

/* calls SIDE fetch|find|list|write|history|feed N */
static void expect_calls(struct world *w, const struct line *l)
{
	static const char *const names[SCRIPTED_COUNTS] = { "fetch", "list", "find", "write",
							    "history", "feed", "since" };
	struct scripted *s = w->system[word_side(w, l->word[2])];
	for (int i = 0; i < SCRIPTED_COUNTS; i++)
		if (is(l, 3, names[i])) {
			expect_number(w, l, 4, scripted_calls(s, (enum scripted_count)i));
			return;
		}
	world_fail(w, "fetch, find, list, write, history, feed or since");
}

/* history SIDE OBJECT ID FIELD: A -> B -> C */
static void expect_history(struct world *w, const struct line *l)
{
	struct sv api = l->word[5], *took;
	api.len -= api.len && api.ptr[api.len - 1] == ':';
	int n = scripted_took(w->system[word_side(w, l->word[2])], l->word[3], l->word[4], api,
			      &w->arena, &took);
	struct sv found = SV_NONE, want = SV_NONE;
	for (int i = 0; i < n; i++)
		found = arena_printf(&w->arena, "%.*s%s%.*s", SV_ARG(found), i ? " -> " : "",
				     SV_ARG(shown(took[i])));
	for (int i = 6; i < l->word_n; i++)
		want = arena_printf(&w->arena, "%.*s%s%.*s", SV_ARG(want), i > 6 ? " " : "",
				    SV_ARG(l->word[i]));
	if (!sv_eq(want, found))
		world_trouble(w, "found %.*s", SV_ARG(found));
}

/* ---- the conflict log ---- */

static struct sv quality(const struct mismatch *m, struct sv key, struct arena *a)
{
	enum side side;
	if (side_from_name(key, &side))
		return value_show(m->value[side], a);
	if (sv_eq(key, SV("lost")))
		return m->lost;
	if (sv_eq(key, SV("times")))
		return arena_printf(a, "%lld", (long long)m->times);
	if (sv_eq(key, SV("by")))
		return m->closed_by;
	if (sv_eq(key, SV("found")))
		return m->found_by;
	return SV("no such quality");
}

static bool contains(struct sv text, struct sv part)
{
	for (size_t i = 0; i + part.len <= text.len; i++)
		if (sv_eq(sv_make(text.ptr + i, part.len), part))
			return true;
	return false;
}

static bool has_qualities(struct world *w, const struct line *l, int first,
			  const struct mismatch *m)
{
	for (int i = first; i < l->word_n; i++) {
		struct sv key, want;
		sv_cut(l->word[i], '=', &key, &want);
		if (sv_eq(key, SV("count")))
			continue;
		if (sv_eq(key, SV("detail")) ? !contains(m->detail, want) :
					       !same(want, quality(m, key, &w->arena)))
			return false;
	}
	return true;
}

static void show_log(struct world *w, const struct mismatch *m, int n)
{
	struct buf b;
	buf_init(&b, 16 << 10);
	for (int i = 0; i < n; i++)
		buf_addf(&b, "\n    %s %s %.*s.%.*s ats=%.*s salesforce=%.*s lost=%.*s times=%lld "
			 "found=%.*s '%.*s'",
			 m[i].open ? "open" : "log", mismatch_kind_name(m[i].kind),
			 SV_ARG(m[i].record), SV_ARG(m[i].field),
			 SV_ARG(value_show(m[i].value[SIDE_ATS], &w->arena)),
			 SV_ARG(value_show(m[i].value[SIDE_SALESFORCE], &w->arena)),
			 SV_ARG(m[i].lost), (long long)m[i].times, SV_ARG(m[i].found_by),
			 SV_ARG(m[i].detail));
	world_trouble(w, "the conflict log holds %d%s", n, b.ptr ? b.ptr : "");
	buf_finish(&b);
}

/* [no] open|log|any [KIND|mismatch [RECORD.FIELD [QUALITY=VALUE...]]]; count=N
 * asks for a number of them */
static void expect_mismatch(struct world *w, const struct line *l, int i, bool none)
{
	struct mismatch *m;
	int n = world_mismatches(w, &m), fit = 0;
	bool any = is(l, i, "any"), open = is(l, i, "open");
	struct sv kind = i + 1 < l->word_n ? l->word[i + 1] : SV("mismatch");
	struct sv record = SV_NONE, field = SV_NONE, key, number;
	bool named = i + 2 < l->word_n;
	if (named)
		sv_cut(l->word[i + 2], '.', &record, &field);
	for (int k = 0; k < n; k++) {
		if (!any && m[k].open != open)
			continue;
		if (!sv_eq(kind, SV("mismatch")) &&
		    !sv_eq(kind, sv_of(mismatch_kind_name(m[k].kind))))
			continue;
		if (named && (!sv_eq(record, m[k].record) || !sv_eq(field, m[k].field)))
			continue;
		fit += has_qualities(w, l, i + 3, &m[k]);
	}
	for (int k = i + 3; k < l->word_n; k++)
		if (sv_cut(l->word[k], '=', &key, &number) && sv_eq(key, SV("count"))) {
			if (fit != word_number(w, number))
				show_log(w, m, n);
			return;
		}
	if (none ? fit > 0 : fit == 0)
		show_log(w, m, n);
}

/* pending [marks] N: writes not answered yet, or marks not settled */
static void expect_pending(struct world *w, const struct line *l)
{
	struct ledger g;
	world_ledger(w, &g);
	if (is(l, 2, "marks"))
		expect_number(w, l, 3, g.pending);
	else
		expect_number(w, l, 2, g.slots_decided + g.slots_sent + g.slots_lost);
}

/* pruned N: entries of the journal that are no more */
static void expect_pruned(struct world *w, const struct line *l)
{
	struct audit a;
	world_audit(w, &a);
	expect_number(w, l, 2, a.walk.first);
}

/* [no] held RECORD.FIELD [HOLD] */
static void expect_held(struct world *w, const struct line *l, int i, bool none)
{
	struct sv record, field;
	sv_cut(l->word[i + 1], '.', &record, &field);
	int r = treaty_record_by_name(w->treaty, record), n = 0;
	int f = r < 0 ? -1 : treaty_field_by_name(&w->treaty->record[r], field);
	if (f < 0) {
		world_fail(w, "no such field");
		return;
	}
	for (int h = HOLD_NONE + 1; h < HOLDS; h++) {
		int held = world_held(w, r, f, (enum hold)h);
		if (i + 2 >= l->word_n || is(l, i + 2, hold_name((enum hold)h)))
			n += held;
		else if (held && !none)
			world_trouble(w, "held: %s", hold_name((enum hold)h));
	}
	if (none ? n > 0 : n == 0)
		world_trouble(w, "found %d", n);
}

void expect_line(struct world *w, const struct line *l)
{
	static const struct {
		const char *word;
		int least;
		void (*expect)(struct world *w, const struct line *l);
	} kinds[] = { { "ats", 5, expect_row },	      { "salesforce", 5, expect_row },
		      { "writes", 4, expect_writes }, { "created", 5, expect_created },
		      { "calls", 5, expect_calls },   { "history", 7, expect_history },
		      { "pending", 3, expect_pending },
		      { "pruned", 3, expect_pruned } };
	if ((l->unless_crashed && w->crashed) || !world_start(w))
		return;
	for (size_t i = 0; i < countof(kinds); i++) {
		if (!is(l, 1, kinds[i].word))
			continue;
		if (l->word_n < kinds[i].least)
			world_fail(w, "something is missing");
		else
			kinds[i].expect(w, l);
		return;
	}
	bool no = is(l, 1, "no");
	if (is(l, 1, "peace"))
		expect_peace(w);
	else if (is(l, 1, "tried") && l->word_n > 3)
		expect_tried(w, l);
	else if (is(l, 1 + no, "message"))
		expect_message(w, l, 1 + no, no);
	else if (is(l, 1 + no, "open") || is(l, 1 + no, "log") || is(l, 1 + no, "any"))
		expect_mismatch(w, l, 1 + no, no);
	else if (is(l, 1 + no, "held") && l->word_n > 2 + no)
		expect_held(w, l, 1 + no, no);
	else
		world_fail(w, "nothing of that kind can be expected");
}

/* ---- what holds at the end of every story ---- */

struct rest {
	int64_t changes[SIDES], written[SIDES];
};

static struct rest rest_of(struct world *w)
{
	struct rest r;
	for (int s = 0; s < SIDES; s++) {
		r.changes[s] = scripted_changes(w->system[s]);
		r.written[s] = scripted_written(w->system[s], SV_NONE);
	}
	return r;
}

static void expect_same(struct world *w, const struct rest *before, const char *when)
{
	struct rest after = rest_of(w);
	for (int s = 0; s < SIDES; s++)
		if (after.written[s] != before->written[s] ||
		    after.changes[s] != before->changes[s])
			world_trouble(w, "%s writes %lld more records to %s", when,
				      (long long)(after.written[s] - before->written[s]),
				      side_name[s]);
}

static void expect_balance(struct world *w)
{
	struct ledger l;
	world_ledger(w, &l);
	if (!ledger_balanced(&l))
		world_trouble(w, "the ledger is not balanced: accepted %lld, settled %lld, "
				 "folded %lld, pending %lld, set aside %lld",
			      (long long)l.accepted, (long long)l.settled, (long long)l.folded,
			      (long long)l.pending, (long long)l.set_aside);
}

void expect_rest(struct world *w)
{
	static struct sv words[] = { { "(end)", 5 } };
	struct line end = { .number = 0, .word = words, .word_n = 1 };
	w->at = &end;
	if (!world_start(w))
		return;
	struct rest before = rest_of(w);
	if (world_run(w))
		expect_same(w, &before, "a further run");
	if (!w->unfinished && !w->failed) {
		w->clock.ms += 3600000;
		if (world_run(w))
			expect_same(w, &before, "an hour later a run");
	}
	if (!w->failed)
		expect_balance(w);
	struct audit a;
	world_audit(w, &a);
	for (int i = 0; i < a.trouble_n; i++)
		world_trouble(w, "the audit finds: %s: %s", a.trouble[i].part, a.trouble[i].text);
	w->at = NULL;
}

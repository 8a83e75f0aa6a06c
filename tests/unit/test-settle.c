/* test-settle.c - the laws of the decision, over every small input and many
 * random larger ones, and a test for each row of its table.
 *
 *   a  carrying out a plan and settling again gives nothing to do
 *   b  swapping the sides swaps the plan
 *   c  no value is overwritten without a finding that holds it
 *   d  the same input gives the same plan */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/panic.h"
#include "base/rng.h"
#include "settle/settle.h"
#include "treaty/alerts.h"

enum { FIELDS_MAX = 6, NOW_MS = 1000000, RULE = 7, OLD_RULE = 6, LONGEST_MS = 60000 };

/* One input with everything it points at, so that it can be copied, mirrored
 * and printed. */
struct kase {
	struct treaty_field field[FIELDS_MAX];
	struct treaty_record type;
	struct link_field row[FIELDS_MAX];
	struct ghost ghost[FIELDS_MAX];
	struct link link;
	struct value now[SIDES][FIELDS_MAX];
	struct observation seen[SIDES];
	struct slot_field slotted[SIDES][FIELDS_MAX];
	struct slot slot[SIDES];
	struct settle_input in;
};

static struct arena scratch;

static struct value text(const char *s)
{
	return s ? (struct value){ VALUE_TEXT, sv_of(s) } : value_null();
}

static const char *const letters[] = { NULL, "x", "y", "z" };

/* Points a kase's parts at each other; call after every copy. */
static void wire(struct kase *k)
{
	k->type.name = "thing";
	k->type.field = k->field;
	k->link.field = k->row;
	k->link.ghost = k->ghost;
	k->link.state = k->link.state ? k->link.state : LINK_LINKED;
	k->in.type = &k->type;
	k->in.link = &k->link;
	k->in.now_ms = NOW_MS;
	for (int s = 0; s < SIDES; s++) {
		k->seen[s].value = k->now[s];
		k->seen[s].existence = EXISTENCE_PRESENT;
		k->seen[s].at_ms = NOW_MS;
		k->slot[s].field = k->slotted[s];
		k->link.existence[s] = EXISTENCE_PRESENT;
		k->link.remote[s] = SV("1");
		k->in.seen[s] = &k->seen[s];
		k->in.slot[s] = &k->slot[s];
		k->in.longest_request_ms[s] = LONGEST_MS;
	}
}

static struct treaty_field make_field(enum direction d)
{
	return (struct treaty_field){ .name = "f", .api = { "f", "F" }, .rule = RULE,
				      .direction = d, .conflict.winner = WINNER_REVIEW };
}

static void one_field(struct kase *k, struct treaty_field f, const char *base_ats,
		      const char *base_sf, const char *ats, const char *sf)
{
	*k = (struct kase){ .type.field_n = 1 };
	k->field[0] = f;
	k->row[0] = (struct link_field){ .rule = RULE, .base = { text(base_ats), text(base_sf) } };
	k->now[SIDE_ATS][0] = text(ats);
	k->now[SIDE_SALESFORCE][0] = text(sf);
	wire(k);
}

/* ------------------------------------------------------------ comparing */

static bool same_field(const struct link_field *a, const struct link_field *b)
{
	for (int s = 0; s < SIDES; s++)
		if (!value_eq(a->base[s], b->base[s]) || !value_eq(a->held[s], b->held[s]))
			return false;
	return a->rule == b->rule && a->hold == b->hold && a->restores == b->restores &&
	       a->resolve == b->resolve;
}

static bool same_slot(const struct slot *a, const struct slot *b)
{
	if (a->state != b->state || a->field_n != b->field_n || a->fence_ms != b->fence_ms)
		return false;
	for (int i = 0; i < a->field_n; i++) {
		const struct slot_field *x = &a->field[i], *y = &b->field[i];
		if (x->field != y->field || x->cause != y->cause ||
		    !value_eq(x->source, y->source) || !value_eq(x->target, y->target))
			return false;
	}
	return true;
}

/* 'swap': b is of the mirrored input. */
static bool same_plan(const struct plan *a, const struct plan *b, int fields, bool swap)
{
	struct link_field mirrored;
	for (int i = 0; i < fields; i++) {
		mirrored = b->link.field[i];
		for (int s = 0; s < SIDES && swap; s++) {
			mirrored.base[s] = b->link.field[i].base[!s];
			mirrored.held[s] = b->link.field[i].held[!s];
		}
		if (swap && mirrored.resolve == RESOLVE_TAKE_ATS)
			mirrored.resolve = RESOLVE_TAKE_SALESFORCE;
		else if (swap && mirrored.resolve == RESOLVE_TAKE_SALESFORCE)
			mirrored.resolve = RESOLVE_TAKE_ATS;
		if (!same_field(&a->link.field[i], &mirrored))
			return false;
	}
	for (int s = 0; s < SIDES; s++)
		if (!same_slot(&a->slot[s], &b->slot[swap ? !s : s]) ||
		    a->need[s] != b->need[swap ? !s : s])
			return false;
	if (a->finding_n != b->finding_n)
		return false;
	for (int i = 0; i < a->finding_n; i++) {
		const struct finding *x = &a->finding[i], *y = &b->finding[i];
		bool lost = x->lost.kind != VALUE_UNKNOWN;
		if (x->what != y->what || x->kind != y->kind || x->field != y->field ||
		    !value_eq(x->lost, y->lost) ||
		    (lost && x->lost_side != (swap ? side_other(y->lost_side) : y->lost_side)))
			return false;
	}
	return true;
}

static void show_values(const char *what, const struct value v[SIDES])
{
	struct sv a = value_show(v[0], &scratch), s = value_show(v[1], &scratch);
	fprintf(stderr, " %s=%.*s|%.*s", what, SV_ARG(a), SV_ARG(s));
}

static void show_plan(const struct plan *p)
{
	for (int s = 0; s < SIDES; s++) {
		fprintf(stderr, "  slot %s %s:", side_name[s], slot_state_name(p->slot[s].state));
		for (int i = 0; i < p->slot[s].field_n; i++) {
			struct sv t = value_show(p->slot[s].field[i].target, &scratch);
			fprintf(stderr, " %d:=%.*s (%s)", p->slot[s].field[i].field, SV_ARG(t),
				cause_name(p->slot[s].field[i].cause));
		}
		fprintf(stderr, "\n");
	}
	for (int i = 0; i < p->finding_n; i++) {
		struct sv lost = value_show(p->finding[i].lost, &scratch);
		fprintf(stderr, "  finding %d %s field %d lost=%.*s\n", (int)p->finding[i].what,
			mismatch_kind_name(p->finding[i].kind), p->finding[i].field, SV_ARG(lost));
	}
}

static void show_kase(const struct kase *k)
{
	for (int i = 0; i < k->type.field_n; i++) {
		const struct treaty_field *f = &k->field[i];
		const struct link_field *r = &k->row[i];
		struct value now[SIDES] = { k->now[0][i], k->now[1][i] };
		fprintf(stderr, "  field %d: direction %d on_edit %d winner %d erases %d rule %d "
			"hold %s resolve %d restores %u", i, (int)f->direction, (int)f->on_edit,
			(int)f->conflict.winner, f->blank_erases, (int)r->rule, hold_name(r->hold),
			(int)r->resolve, r->restores);
		show_values("base", r->base);
		show_values("held", r->held);
		show_values("now", now);
		fprintf(stderr, "\n");
	}
	for (int s = 0; s < SIDES; s++) {
		fprintf(stderr, "  %s: marks by %d, row by %d, slot %s:", side_name[s],
			(int)k->in.author[s], (int)k->seen[s].author,
			slot_state_name(k->slot[s].state));
		for (int i = 0; i < k->slot[s].field_n; i++) {
			struct sv t = value_show(k->slotted[s][i].target, &scratch);
			fprintf(stderr, " %d:=%.*s", k->slotted[s][i].field, SV_ARG(t));
		}
		fprintf(stderr, "\n");
	}
	for (int i = 0; i < k->link.ghost_n; i++) {
		struct sv v = value_show(k->ghost[i].value, &scratch);
		fprintf(stderr, "  ghost at %s field %d: %.*s\n", side_name[k->ghost[i].side],
			k->ghost[i].field, SV_ARG(v));
	}
}

static void broken(const struct kase *k, const char *law)
{
	struct plan p;
	fprintf(stderr, "law broken: %s\n", law);
	show_kase(k);
	settle(&k->in, &scratch, &p);
	show_plan(&p);
	fail_msg("%s", law);
}

/* ------------------------------------------------------------- the laws */

/* The world after a plan was carried out: what was written stands there and
 * was answered, and our own echo has come back. */
static void carry_out(const struct kase *k, const struct plan *p, struct kase *after)
{
	*after = *k;
	memcpy(after->row, p->link.field, sizeof(*after->row) * (size_t)k->type.field_n);
	after->link.ghost_n = p->link.ghost_n;
	assert_in_range(p->link.ghost_n, 0, FIELDS_MAX);
	if (p->link.ghost_n)
		memcpy(after->ghost, p->link.ghost,
		       sizeof(*after->ghost) * (size_t)p->link.ghost_n);
	wire(after);
	for (int s = 0; s < SIDES; s++) {
		const struct slot *slot = &p->slot[s];
		after->slot[s] = (struct slot){ .field = after->slotted[s] };
		after->in.author[s] = after->seen[s].author = AUTHOR_UNKNOWN;
		if (slot->state != SLOT_DECIDED)
			continue;
		for (int i = 0; i < slot->field_n; i++)
			after->now[s][slot->field[i].field] = slot->field[i].target;
		after->in.author[s] = after->seen[s].author = AUTHOR_OWN;
		settle_confirm(&after->type, &after->link, slot, (enum side)s, NULL,
			       after->in.now_ms);
	}
}

static bool quiet(const struct kase *k, const struct plan *p)
{
	for (int s = 0; s < SIDES; s++)
		if (p->slot[s].state != SLOT_IDLE || p->slot_changed[s] || p->need[s])
			return false;
	for (int i = 0; i < k->type.field_n; i++)
		if (!same_field(&k->row[i], &p->link.field[i]))
			return false;
	return p->finding_n == 0 && p->divergence_n == 0;
}

static void law_rest(const struct kase *k, const struct plan *p)
{
	struct kase after;
	struct plan again;
	carry_out(k, p, &after);
	settle(&after.in, &scratch, &again);
	if (quiet(&after, &again))
		return;
	fprintf(stderr, "after the plan:\n");
	show_kase(&after);
	show_plan(&again);
	broken(k, "carrying out the plan leaves something to do");
}

static void mirror(const struct kase *k, struct kase *m)
{
	static const enum resolve_action action[] = {
		[RESOLVE_NONE] = RESOLVE_NONE, [RESOLVE_TAKE_ATS] = RESOLVE_TAKE_SALESFORCE,
		[RESOLVE_TAKE_SALESFORCE] = RESOLVE_TAKE_ATS, [RESOLVE_VALUE] = RESOLVE_VALUE,
		[RESOLVE_RETRY] = RESOLVE_RETRY, [RESOLVE_IGNORE] = RESOLVE_IGNORE,
	};
	*m = *k;
	for (int i = 0; i < k->type.field_n; i++) {
		struct treaty_field *f = &m->field[i];
		if (f->direction != BOTH_WAYS)
			f->direction = (enum direction)!f->direction;
		if (f->conflict.winner <= WINNER_SALESFORCE)
			f->conflict.winner = (enum winner)!f->conflict.winner;
		m->row[i].resolve = action[k->row[i].resolve];
		m->row[i].altered_side = side_other(k->row[i].altered_side);
		for (int s = 0; s < SIDES; s++) {
			m->row[i].base[s] = k->row[i].base[!s];
			m->row[i].held[s] = k->row[i].held[!s];
			m->row[i].resolve_seen[s] = k->row[i].resolve_seen[!s];
		}
	}
	for (int s = 0; s < SIDES; s++) {
		memcpy(m->now[s], k->now[!s], sizeof(m->now[s]));
		memcpy(m->slotted[s], k->slotted[!s], sizeof(m->slotted[s]));
		m->slot[s] = k->slot[!s];
		m->seen[s] = k->seen[!s];
		m->in.author[s] = k->in.author[!s];
	}
	for (int i = 0; i < k->link.ghost_n; i++)
		m->ghost[i].side = side_other(k->ghost[i].side);
	wire(m);
}

static void law_mirror(const struct kase *k, const struct plan *p)
{
	struct kase m;
	struct plan mirrored;
	mirror(k, &m);
	settle(&m.in, &scratch, &mirrored);
	if (same_plan(p, &mirrored, k->type.field_n, true))
		return;
	fprintf(stderr, "mirrored:\n");
	show_plan(&mirrored);
	broken(k, "swapping the sides does not swap the plan");
}

static bool told(const struct plan *p, int field, enum side s, struct value v)
{
	for (int i = 0; i < p->finding_n; i++) {
		const struct finding *f = &p->finding[i];
		if (f->field == field && (value_eq(f->lost, v) || value_eq(f->value[s], v)))
			return true;
	}
	return false;
}

/* Made by ourselves, or one of our writes arriving late? */
static bool ours(const struct kase *k, enum side s, int field)
{
	bool stranger = k->seen[s].author == AUTHOR_FOREIGN || k->in.author[s] == AUTHOR_FOREIGN;
	for (int i = 0; i < k->link.ghost_n && !stranger; i++)
		if (k->ghost[i].side == s && k->ghost[i].field == field &&
		    value_eq(k->ghost[i].value, k->now[s][field]))
			return true;
	for (int i = 0; k->slot[s].state == SLOT_LOST && i < k->slot[s].field_n; i++)
		if (k->slotted[s][i].field == field &&
		    value_eq(k->slotted[s][i].target, k->now[s][field]))
			return true;
	return !stranger &&
	       (k->seen[s].author == AUTHOR_OWN || k->in.author[s] == AUTHOR_OWN);
}

static void law_loss(const struct kase *k, const struct plan *p)
{
	for (int s = 0; s < SIDES; s++) {
		for (int i = 0; i < p->slot[s].field_n; i++) {
			const struct slot_field *sf = &p->slot[s].field[i];
			const struct link_field *row = &k->row[sf->field];
			struct value now = k->now[s][sf->field];
			if (p->slot[s].state != SLOT_DECIDED || sf->cause == CAUSE_RESOLVE ||
			    value_blank(now) || value_eq(now, sf->target) ||
			    k->field[sf->field].conflict.winner == WINNER_UNION)
				continue;
			if (now.kind == VALUE_UNKNOWN &&
			    k->field[sf->field].direction != BOTH_WAYS)
				continue;
			if (row->rule == RULE && value_eq(now, row->base[s]))
				continue;
			/* logged when the write that waits was decided */
			if (k->slot[s].state != SLOT_IDLE && value_eq(row->held[s], now))
				continue;
			if (!ours(k, (enum side)s, sf->field) &&
			    !told(p, sf->field, (enum side)s, now))
				broken(k, "a value is overwritten and nobody is told");
		}
	}
}

static void hold_to_laws(const struct kase *k)
{
	struct plan p, again;
	settle(&k->in, &scratch, &p);
	settle(&k->in, &scratch, &again);
	if (!same_plan(&p, &again, k->type.field_n, false))
		broken(k, "the same input gives another plan");
	law_rest(k, &p);
	law_mirror(k, &p);
	law_loss(k, &p);
	arena_reset(&scratch);
}

/* Every rule that a field can have. */
static int all_rules(struct treaty_field *out)
{
	int n = 0;
	for (int d = TO_ATS; d <= TO_SALESFORCE; d++)
		for (int e = ON_EDIT_RESTORE; e <= ON_EDIT_IGNORE; e++)
			for (int erases = 0; erases < 2; erases++) {
				out[n] = make_field((enum direction)d);
				out[n].on_edit = (enum on_edit)e;
				out[n++].blank_erases = erases;
			}
	for (int w = WINNER_ATS; w <= WINNER_REVIEW; w++) {
		out[n] = make_field(BOTH_WAYS);
		out[n++].conflict.winner = (enum winner)w;
	}
	return n;
}

static void every_value(struct kase *k)
{
	for (int i = 0; i < 256; i++) {
		k->row[0].base[0] = text(letters[i & 3]);
		k->row[0].base[1] = text(letters[i >> 2 & 3]);
		if (k->row[0].rule == 0) {
			if (i & 15)
				continue;
			k->row[0].base[0] = k->row[0].base[1] = (struct value){ 0 };
		}
		k->now[0][0] = text(letters[i >> 4 & 3]);
		k->now[1][0] = text(letters[i >> 6 & 3]);
		hold_to_laws(k);
	}
}

static void test_every_small_input(void **state)
{
	static const enum hold holds[] = { HOLD_NONE, HOLD_CONFLICT, HOLD_REJECTED, HOLD_LOOP };
	static const uint64_t rules[] = { 0, RULE, OLD_RULE };
	struct treaty_field rule[16];
	int n = all_rules(rule);
	struct kase k;
	for (int i = 0; i < n; i++)
		for (size_t r = 0; r < countof(rules); r++)
			for (size_t h = 0; h < countof(holds); h++)
				for (int author = 0; author < 4; author++) {
					one_field(&k, rule[i], NULL, NULL, NULL, NULL);
					k.row[0].rule = rules[r];
					k.row[0].hold = holds[h];
					k.row[0].held[0] = text("x");
					k.row[0].held[1] = text("y");
					k.row[0].restores = holds[h] == HOLD_LOOP ? RESTORES_MAX : 0;
					k.row[0].restored_ms = NOW_MS - 1;
					k.in.author[0] = author & 1 ? AUTHOR_FOREIGN : AUTHOR_OWN;
					k.in.author[1] = author & 2 ? AUTHOR_FOREIGN : AUTHOR_OWN;
					every_value(&k);
				}
}

/* ------------------------------------------------------- larger, at random */

static struct value random_set(struct rng *r)
{
	char members[16];
	size_t n = 0;
	for (char c = 'a'; c < 'e'; c++)
		if (rng_below(r, 2)) {
			members[n++] = c;
			members[n++] = '\n';
		}
	if (!n)
		return value_null();
	return (struct value){ VALUE_SET, arena_sv(&scratch, sv_make(members, n)) };
}

static struct value random_value(struct rng *r, const struct treaty_field *f, bool may_be_unknown)
{
	if (may_be_unknown && rng_below(r, 12) == 0)
		return (struct value){ 0 };
	if (f->conflict.winner == WINNER_UNION)
		return random_set(r);
	return text(letters[rng_below(r, 4)]);
}

static void random_field(struct rng *r, struct kase *k, int i)
{
	static const uint64_t rules[] = { 0, RULE, RULE, RULE, OLD_RULE };
	struct treaty_field rule[16];
	struct link_field *row = &k->row[i];
	k->field[i] = rule[rng_below(r, (uint64_t)all_rules(rule))];
	if (k->field[i].direction == BOTH_WAYS && rng_below(r, 4) == 0)
		k->field[i].conflict.winner = WINNER_UNION;
	row->rule = rules[rng_below(r, countof(rules))];
	row->hold = rng_below(r, 3) ? HOLD_NONE : (enum hold)rng_below(r, HOLD_PAUSED + 1);
	if (rng_below(r, 4) == 0)
		row->resolve = (enum resolve_action)rng_below(r, RESOLVE_IGNORE + 1);
	row->resolve_value = random_value(r, &k->field[i], false);
	row->restores = (unsigned)rng_below(r, RESTORES_MAX + 1);
	row->restored_ms = NOW_MS - 1;
	for (int s = 0; s < SIDES; s++) {
		if (row->rule)
			row->base[s] = random_value(r, &k->field[i], false);
		row->held[s] = random_value(r, &k->field[i], false);
		k->now[s][i] = rng_below(r, 2) && row->rule ? row->base[s] :
							      random_value(r, &k->field[i], true);
		row->resolve_seen[s] = rng_below(r, 3) ? k->now[s][i] :
							 random_value(r, &k->field[i], false);
	}
}

/* What an earlier settle may have left in a slot. */
static void random_slot(struct rng *r, struct kase *k, enum side s)
{
	struct slot *slot = &k->slot[s];
	for (int i = 0; i < k->type.field_n; i++) {
		const struct treaty_field *f = &k->field[i];
		if ((f->direction != BOTH_WAYS && (enum side)f->direction != s) || rng_below(r, 2))
			continue;
		struct value v = random_value(r, f, false);
		k->slotted[s][slot->field_n++] = (struct slot_field){
			.field = i, .source = v, .target = v,
			.cause = rng_below(r, 2) ? CAUSE_CHANGE : CAUSE_RESTORE,
		};
	}
	if (!slot->field_n)
		return;
	slot->state = rng_below(r, 2) ? SLOT_DECIDED : SLOT_LOST;
	slot->decided_ms = slot->sent_ms = NOW_MS - 10;
}

static void random_kase(struct rng *r, struct kase *k)
{
	*k = (struct kase){ .type.field_n = 1 + (int)rng_below(r, FIELDS_MAX) };
	for (int i = 0; i < k->type.field_n; i++)
		random_field(r, k, i);
	for (int s = 0; s < SIDES; s++) {
		k->in.author[s] = (enum author)rng_below(r, 3);
		k->seen[s].author = (enum author)rng_below(r, 3);
		if (rng_below(r, 3) == 0)
			random_slot(r, k, (enum side)s);
	}
	/* ghosts only where no lost slot adds its own: see the bound above */
	if (k->slot[0].state != SLOT_LOST && k->slot[1].state != SLOT_LOST && rng_below(r, 3) == 0) {
		int field = (int)rng_below(r, (uint64_t)k->type.field_n);
		k->ghost[k->link.ghost_n++] = (struct ghost){
			.side = (enum side)rng_below(r, SIDES), .field = field,
			.value = random_value(r, &k->field[field], false),
			.until_ms = NOW_MS + 1000,
		};
	}
	wire(k);
}

static void test_random_larger_inputs(void **state)
{
	struct rng r = { 20261123 };
	struct kase k;
	for (int i = 0; i < 40000; i++) {
		random_kase(&r, &k);
		if (k.slot[0].state == SLOT_LOST && k.slot[1].state == SLOT_LOST)
			k.slot[1] = (struct slot){ .field = k.slotted[1] };
		hold_to_laws(&k);
	}
}

/* ---------------------------------------------- the table, row by row */

struct expected {
	const char *to[SIDES];	  /* written; "-": nothing; NULL: blank */
	const char *base[SIDES];  /* as the row is stored; "-": as it was */
	int kind;		  /* of the one finding; -1: none */
	int what;
	const char *lost;
	enum hold hold;
};
#define NOTHING "-"

static void check_row(const struct kase *k, const struct expected *e)
{
	struct plan p;
	settle(&k->in, &scratch, &p);
	for (int s = 0; s < SIDES; s++) {
		bool nothing = e->to[s] && strcmp(e->to[s], NOTHING) == 0;
		assert_int_equal(p.slot[s].state, nothing ? SLOT_IDLE : SLOT_DECIDED);
		if (!nothing)
			assert_true(value_eq(p.slot[s].field[0].target, text(e->to[s])));
		struct value base = e->base[s] && strcmp(e->base[s], NOTHING) == 0 ?
					    k->row[0].base[s] : text(e->base[s]);
		assert_true(value_eq(p.link.field[0].base[s], base));
	}
	assert_int_equal(p.link.field[0].hold, e->hold);
	assert_int_equal(p.finding_n, e->kind < 0 ? 0 : 1);
	if (e->kind >= 0) {
		assert_int_equal(p.finding[0].kind, e->kind);
		assert_int_equal(p.finding[0].what, e->what);
		if (e->lost)
			assert_true(value_eq(p.finding[0].lost, text(e->lost)));
	}
	arena_reset(&scratch);
}

#define UNTOUCHED .base = { NOTHING, NOTHING }
#define SILENT .kind = -1

/* Each row from both directions: mirrored, it must mirror. */
static void row(struct treaty_field f, const char *base_ats, const char *base_sf, const char *ats,
		const char *sf, struct expected e)
{
	struct kase k, m;
	one_field(&k, f, base_ats, base_sf, ats, sf);
	check_row(&k, &e);
	hold_to_laws(&k);
	mirror(&k, &m);
	check_row(&m, &(struct expected){ .to = { e.to[1], e.to[0] }, .base = { e.base[1], e.base[0] },
					  .kind = e.kind, .what = e.what, .lost = e.lost,
					  .hold = e.hold });
}

static void test_rows_with_a_base(void **state)
{
	struct treaty_field one = make_field(TO_SALESFORCE), both = make_field(BOTH_WAYS), f;

	/* any direction, nothing changed; each side in its own spelling */
	row(one, "x", "y", "x", "y", (struct expected){ { NOTHING, NOTHING }, UNTOUCHED, SILENT });
	row(both, "x", "y", "x", "y", (struct expected){ { NOTHING, NOTHING }, UNTOUCHED, SILENT });
	/* both changed and agree */
	row(one, "x", "x", "z", "z", (struct expected){ { NOTHING, NOTHING }, { "z", "z" }, SILENT });
	row(both, "x", "y", "z", "z", (struct expected){ { NOTHING, NOTHING }, { "z", "z" }, SILENT });
	/* the owner changed; also to blank */
	row(one, "x", "x", "z", "x", (struct expected){ { NOTHING, "z" }, UNTOUCHED, SILENT });
	row(one, "x", "x", NULL, "x", (struct expected){ { NOTHING, NULL }, UNTOUCHED, SILENT });
	/* an edit of the read-only copy */
	row(one, "x", "x", "x", "y",
	    (struct expected){ { NOTHING, "x" }, UNTOUCHED, .kind = MISMATCH_EDIT,
			       .what = FINDING_LOG, .lost = "y" });
	f = one;
	f.on_edit = ON_EDIT_REPORT;
	row(f, "x", "x", "x", "y",
	    (struct expected){ { NOTHING, NOTHING }, { NOTHING, "y" }, .kind = MISMATCH_EDIT,
			       .what = FINDING_LOG });
	f.on_edit = ON_EDIT_IGNORE;
	row(f, "x", "x", "x", "y", (struct expected){ { NOTHING, NOTHING }, { NOTHING, "y" }, SILENT });
	/* both changed, one-way */
	row(one, "x", "x", "z", "y",
	    (struct expected){ { NOTHING, "z" }, UNTOUCHED, .kind = MISMATCH_EDIT,
			       .what = FINDING_LOG, .lost = "y" });
	/* two-way: one side, the other, both */
	row(both, "x", "x", "z", "x", (struct expected){ { NOTHING, "z" }, UNTOUCHED, SILENT });
	row(both, "x", "x", "x", "z", (struct expected){ { "z", NOTHING }, UNTOUCHED, SILENT });
	row(both, "x", "x", "y", "z",
	    (struct expected){ { NOTHING, NOTHING }, UNTOUCHED, .kind = MISMATCH_CONFLICT,
			       .what = FINDING_OPEN, .hold = HOLD_CONFLICT });
	f = both;
	f.conflict.winner = WINNER_ATS;
	row(f, "x", "x", "y", "z",
	    (struct expected){ { NOTHING, "y" }, UNTOUCHED, .kind = MISMATCH_CONFLICT,
			       .what = FINDING_LOG, .lost = "z" });
	f.conflict.winner = WINNER_SALESFORCE;
	row(f, "x", "x", "y", "z",
	    (struct expected){ { "z", NOTHING }, UNTOUCHED, .kind = MISMATCH_CONFLICT,
			       .what = FINDING_LOG, .lost = "y" });
}

static void first(struct treaty_field f, const char *ats, const char *sf, struct expected e)
{
	struct kase k;
	one_field(&k, f, NULL, NULL, ats, sf);
	k.row[0].rule = 0;
	k.row[0].base[0] = k.row[0].base[1] = (struct value){ 0 };
	check_row(&k, &e);
	hold_to_laws(&k);
}

static void test_rows_without_a_base(void **state)
{
	struct treaty_field one = make_field(TO_SALESFORCE), both = make_field(BOTH_WAYS), f;

	first(one, "x", "x", (struct expected){ { NOTHING, NOTHING }, { "x", "x" }, SILENT });
	first(one, "x", NULL, (struct expected){ { NOTHING, "x" }, UNTOUCHED, SILENT });
	first(one, "x", "y",
	      (struct expected){ { NOTHING, "x" }, UNTOUCHED, .kind = MISMATCH_EDIT,
				 .what = FINDING_LOG, .lost = "y" });
	first(one, NULL, "y", (struct expected){ { NOTHING, NOTHING }, { NULL, "y" }, SILENT });
	f = one;
	f.blank_erases = true;
	first(f, NULL, "y",
	      (struct expected){ { NOTHING, NULL }, UNTOUCHED, .kind = MISMATCH_EDIT,
				 .what = FINDING_LOG, .lost = "y" });
	first(both, "x", "x", (struct expected){ { NOTHING, NOTHING }, { "x", "x" }, SILENT });
	first(both, "x", NULL, (struct expected){ { NOTHING, "x" }, UNTOUCHED, SILENT });
	first(both, NULL, "y", (struct expected){ { "y", NOTHING }, UNTOUCHED, SILENT });
	first(both, "x", "y",
	      (struct expected){ { NOTHING, NOTHING }, UNTOUCHED, .kind = MISMATCH_CONFLICT,
				 .what = FINDING_OPEN, .hold = HOLD_CONFLICT });
}

/* Nobody is told of what was ours: the target's spelling of it, or a write of
 * ours that arrives late. */
static void test_losses_of_our_own_are_none(void **state)
{
	const struct expected write = { { NOTHING, "z" }, UNTOUCHED, SILENT };
	struct treaty_field f = make_field(TO_SALESFORCE);
	struct kase k;
	one_field(&k, f, "x", "x", "z", "y");
	k.seen[SIDE_SALESFORCE].author = AUTHOR_OWN;
	check_row(&k, &write);
	one_field(&k, f, "x", "x", "z", "y");
	k.link.ghost_n = 1;
	k.ghost[0] = (struct ghost){ .side = SIDE_SALESFORCE, .value = text("y"), .until_ms = NOW_MS + 1 };
	check_row(&k, &write);
	/* nor twice of one loss, while its write waits */
	one_field(&k, f, "x", "x", "z", "y");
	k.slot[SIDE_SALESFORCE].state = SLOT_DECIDED;
	k.slot[SIDE_SALESFORCE].field_n = 1;
	k.slotted[SIDE_SALESFORCE][0] = (struct slot_field){ .source = text("z"), .target = text("z") };
	k.row[0].held[SIDE_SALESFORCE] = text("y");
	check_row(&k, &write);
	/* but what comes late is corrected, though people may edit the copy */
	f.on_edit = ON_EDIT_REPORT;
	one_field(&k, f, "x", "x", "x", "y");
	k.link.ghost_n = 1;
	k.ghost[0] = (struct ghost){ .side = SIDE_SALESFORCE, .value = text("y"), .until_ms = NOW_MS + 1 };
	check_row(&k, &(struct expected){ { NOTHING, "x" }, UNTOUCHED, SILENT });
}

static void test_a_conflict_is_told_once(void **state)
{
	struct treaty_field f = make_field(BOTH_WAYS);
	struct kase k;
	f.conflict.winner = WINNER_ATS;
	one_field(&k, f, "x", "x", "z", "y");
	k.slot[SIDE_SALESFORCE].state = SLOT_DECIDED;
	k.slot[SIDE_SALESFORCE].field_n = 1;
	k.slotted[SIDE_SALESFORCE][0] = (struct slot_field){ .source = text("z"), .target = text("z") };
	k.row[0].held[SIDE_SALESFORCE] = text("y");
	check_row(&k, &(struct expected){ { NOTHING, "z" }, UNTOUCHED, SILENT });
}

/* Who wins is another field's to say: as long as that is not settled, nobody
 * does. */
static void test_a_winner_that_is_not_settled(void **state)
{
	static const bool paused[] = { true, false };
	for (int held = 0; held < 2; held++) {
		struct kase k;
		struct plan p;
		one_field(&k, make_field(TO_SALESFORCE), "x", "x", held ? "y" : "x", "x");
		k.type.field_n = 2;
		k.field[1] = make_field(BOTH_WAYS);
		k.field[1].conflict.winner = WINNER_BY;
		k.field[1].conflict.by = (struct winner_by){ .field = 0, .otherwise = WINNER_ATS };
		k.row[1] = (struct link_field){ .rule = RULE, .base = { text("x"), text("x") } };
		k.now[SIDE_ATS][1] = text("y");
		k.now[SIDE_SALESFORCE][1] = text("z");
		if (held) {
			k.in.paused = paused;
		} else { /* never agreed, and not readable now */
			k.row[0] = (struct link_field){ 0 };
			k.now[SIDE_ATS][0] = (struct value){ 0 };
		}
		settle(&k.in, &scratch, &p);
		assert_int_equal(p.link.field[1].hold, HOLD_DEPENDS);
		assert_int_equal(p.slot[SIDE_SALESFORCE].state, SLOT_IDLE);
	}
	arena_reset(&scratch);
}

/* A blank owner that erased nothing does not do so by a detour; one that was
 * agreed on is restored like any other value. */
static void test_blank_owners(void **state)
{
	struct treaty_field f = make_field(TO_SALESFORCE);
	struct kase k;
	one_field(&k, f, NULL, "y", NULL, "z");
	check_row(&k, &(struct expected){ { NOTHING, NOTHING }, { NOTHING, "z" }, SILENT });
	one_field(&k, f, NULL, NULL, NULL, "z");
	check_row(&k, &(struct expected){ { NOTHING, NULL }, UNTOUCHED, .kind = MISMATCH_EDIT,
					  .what = FINDING_LOG, .lost = "z" });
	/* another rule: the owner was emptied before, and that is a change */
	one_field(&k, f, "x", "x", NULL, "x");
	k.row[0].rule = OLD_RULE;
	check_row(&k, &(struct expected){ { NOTHING, NULL }, UNTOUCHED, .kind = MISMATCH_EDIT,
					  .what = FINDING_LOG, .lost = "x" });
	/* an owner that cannot be read is not blank */
	one_field(&k, f, NULL, NULL, NULL, "z");
	k.row[0].rule = 0;
	k.row[0].base[0] = k.row[0].base[1] = k.now[SIDE_ATS][0] = (struct value){ 0 };
	struct plan p;
	settle(&k.in, &scratch, &p);
	assert_true(p.link.field[0].rule == 0 && p.slot[SIDE_SALESFORCE].state == SLOT_IDLE);
	arena_reset(&scratch);
}

/* Three restores are no loop when they are of another day. */
static void test_restores_of_another_day(void **state)
{
	struct kase k;
	one_field(&k, make_field(TO_SALESFORCE), "x", "x", "x", "y");
	k.row[0].restores = RESTORES_MAX;
	k.row[0].restored_ms = NOW_MS - RESTORES_WINDOW_MS;
	check_row(&k, &(struct expected){ { NOTHING, NOTHING }, UNTOUCHED, .kind = MISMATCH_LOOP,
					  .what = FINDING_OPEN, .hold = HOLD_LOOP });
	k.row[0].restored_ms--;
	check_row(&k, &(struct expected){ { NOTHING, "x" }, UNTOUCHED, .kind = MISMATCH_EDIT,
					  .what = FINDING_LOG, .lost = "y" });
}

static void test_a_step_that_overwrites_tells(void **state)
{
	struct step step = { .id = SV("1"), .value = text("z") };
	struct treaty_field f = make_field(TO_SALESFORCE);
	struct kase k;
	f.deliver = DELIVER_EACH;
	one_field(&k, f, "x", "x", "z", "y");
	k.in.step = &step;
	k.in.step_n = 1;
	check_row(&k, &(struct expected){ { NOTHING, "z" }, UNTOUCHED, .kind = MISMATCH_EDIT,
					  .what = FINDING_LOG, .lost = "y" });
}

/* A target that spells what we write in its own way. */
static void test_alteration_becomes_the_base(void **state)
{
	struct kase k;
	one_field(&k, make_field(TO_SALESFORCE), "x", "x", "x", "X");
	k.in.author[SIDE_SALESFORCE] = AUTHOR_OWN;
	check_row(&k, &(struct expected){ { NOTHING, NOTHING }, { "x", "X" },
					  .kind = MISMATCH_ALTERED, .what = FINDING_LOG });
	hold_to_laws(&k);
}

/* A two-way field is decided from both sides; a one-way one from its owner. */
static void test_what_must_be_read(void **state)
{
	struct kase k;
	struct plan p;
	one_field(&k, make_field(BOTH_WAYS), "x", "x", "y", "x");
	k.in.seen[SIDE_SALESFORCE] = NULL;
	settle(&k.in, &scratch, &p);
	assert_true(p.need[SIDE_SALESFORCE]);
	assert_int_equal(p.slot[SIDE_SALESFORCE].state, SLOT_IDLE);

	one_field(&k, make_field(TO_SALESFORCE), "x", "x", "y", "x");
	k.in.seen[SIDE_SALESFORCE] = NULL;
	settle(&k.in, &scratch, &p);
	assert_int_equal(p.slot[SIDE_SALESFORCE].state, SLOT_DECIDED);
	arena_reset(&scratch);
}

/* The target does not show what was sent, and the source was not read: what
 * was decided stands and is sent again. */
static void test_lost_write_stands(void **state)
{
	struct kase k;
	struct plan p;
	for (int both = 0; both < 2; both++) {
		one_field(&k, make_field(both ? BOTH_WAYS : TO_SALESFORCE), "x", "x", "y", "x");
		k.in.seen[SIDE_ATS] = NULL;
		k.slot[SIDE_SALESFORCE].state = SLOT_LOST;
		k.slot[SIDE_SALESFORCE].field_n = 1;
		k.slotted[SIDE_SALESFORCE][0] = (struct slot_field){
			.source = text("y"), .target = text("y") };
		settle(&k.in, &scratch, &p);
		assert_int_equal(p.slot[SIDE_SALESFORCE].state, SLOT_DECIDED);
		assert_true(value_eq(p.slot[SIDE_SALESFORCE].field[0].target, text("y")));
		assert_int_equal(p.link.ghost_n, 1);
	}
	arena_reset(&scratch);
}

/* How many findings a read of Salesforce gives rise to that shows 'now' while
 * 'x' is being written there over 'y'. */
static int seen_under_way(struct kase *k, const char *now, struct finding **f)
{
	k->now[SIDE_SALESFORCE][0] = text(now);
	return settle_under_way(&k->type, &k->link, &k->slot[SIDE_SALESFORCE], SIDE_SALESFORCE,
				&k->seen[SIDE_SALESFORCE], &scratch, f);
}

static void test_what_is_seen_while_a_write_is_under_way(void **state)
{
	struct finding *f;
	struct kase k;
	one_field(&k, make_field(TO_SALESFORCE), "y", "y", "x", "y");
	k.slot[SIDE_SALESFORCE].state = SLOT_SENT;
	k.slot[SIDE_SALESFORCE].field_n = 1;
	k.slotted[SIDE_SALESFORCE][0] = (struct slot_field){ .source = text("x"), .target = text("x") };
	assert_int_equal(seen_under_way(&k, "y", &f), 0); /* as it was */
	assert_int_equal(seen_under_way(&k, "x", &f), 0); /* our write */
	assert_int_equal(seen_under_way(&k, NULL, &f), 0);
	assert_int_equal(seen_under_way(&k, "z", &f), 1);
	assert_int_equal(f->kind, MISMATCH_EDIT);
	assert_int_equal(f->lost_side, SIDE_SALESFORCE);
	assert_true(value_eq(f->lost, text("z")) && value_eq(f->value[SIDE_ATS], text("x")));
	assert_int_equal(seen_under_way(&k, "z", &f), 0); /* told once */

	k.row[0].held[SIDE_SALESFORCE] = (struct value){ 0 };
	k.seen[SIDE_SALESFORCE].author = AUTHOR_OWN;
	assert_int_equal(seen_under_way(&k, "z", &f), 0);
	k.seen[SIDE_SALESFORCE].author = AUTHOR_UNKNOWN;
	k.link.ghost_n = 1; /* written by us before, and arriving now */
	k.ghost[0] = (struct ghost){ .side = SIDE_SALESFORCE, .value = text("z"), .until_ms = NOW_MS };
	assert_int_equal(seen_under_way(&k, "z", &f), 0);
	k.link.ghost_n = 0;
	k.field[0].direction = BOTH_WAYS;
	assert_int_equal(seen_under_way(&k, "z", &f), 1);
	assert_int_equal(f->kind, MISMATCH_OVERTAKEN);
	arena_reset(&scratch);
}

static void test_unknown_never_writes(void **state)
{
	struct treaty_field rule[16];
	int n = all_rules(rule);
	struct kase k;
	struct plan p;
	for (int i = 0; i < n; i++)
		for (int v = 0; v < 4; v++) {
			one_field(&k, rule[i], "x", "x", letters[v], letters[v]);
			enum side s = rule[i].direction == TO_ATS ? SIDE_SALESFORCE : SIDE_ATS;
			k.now[s][0] = (struct value){ 0 };
			settle(&k.in, &scratch, &p);
			assert_int_equal(p.slot[SIDE_ATS].state, SLOT_IDLE);
			assert_int_equal(p.slot[SIDE_SALESFORCE].state, SLOT_IDLE);
			arena_reset(&scratch);
		}
}

/* ------------------------------------------------------------ step by step */

/* Delivers steps until the list is drained; what the target took, in order. */
static void deliver_all(struct kase *k, struct step *step, int n, struct buf *took)
{
	struct plan p;
	for (int round = 0; round < 10; round++) {
		k->in.step = step;
		k->in.step_n = n;
		settle(&k->in, &scratch, &p);
		for (int i = 0; i < p.divergence_n; i++) {
			step[n] = p.divergence[i];
			step[n++].id = SV("9");
		}
		for (int i = 0; i < p.spent_n; i++)
			while (n && sv_cmp(step[0].id, p.spent[i].id) <= 0)
				memmove(step, step + 1, sizeof(*step) * (size_t)--n);
		const struct slot *slot = &p.slot[SIDE_SALESFORCE];
		struct kase after;
		carry_out(k, &p, &after);
		*k = after;
		wire(k);
		if (slot->state != SLOT_DECIDED) {
			if (!p.divergence_n)
				return;
			continue;
		}
		assert_int_equal(slot->field_n, 1);
		buf_add(took, slot->field[0].target.text);
		if (slot->field[0].step_id.len) {
			assert_true(sv_eq(slot->field[0].step_id, step[0].id));
			memmove(step, step + 1, sizeof(*step) * (size_t)--n);
		}
	}
	fail_msg("the steps do not end");
}

static void each(const char *base, const char *now, const char *steps, const char *expected)
{
	struct kase k;
	struct step step[10] = { { 0 } };
	static const char *const ids[] = { "1", "2", "3", "4", "5", "6" };
	struct treaty_field f = make_field(TO_SALESFORCE);
	int n = 0;
	f.deliver = DELIVER_EACH;
	one_field(&k, f, base, base, now, base);
	for (; steps[n]; n++)
		step[n] = (struct step){ .id = sv_of(ids[n]),
					 .value = { VALUE_TEXT, sv_make(steps + n, 1) } };
	struct buf took;
	buf_init(&took, 100);
	deliver_all(&k, step, n, &took);
	assert_true(sv_eq(buf_sv(&took), sv_of(expected)));
	buf_finish(&took);
	arena_reset(&scratch);
}

static void test_each_step_in_order(void **state)
{
	each("x", "z", "yz", "yz");
	each("x", "x", "yzx", "yzx"); /* ends where it began */
	each("x", "z", "xyyz", "yz"); /* told twice */
	each("x", "z", "", "z");      /* the history kept silent */
	each("x", "z", "y", "yz");    /* it kept silent about the last */
	each("x", "x", "", "");
}

static int setup(void **state)
{
	arena_init(&scratch);
	return 0;
}

static int teardown(void **state)
{
	arena_finish(&scratch);
	return 0;
}

/* The treaty names kinds of entries without knowing settle. */
static void alerts_know_every_kind(void **state)
{
	assert_int_equal(alert_kinds_n, MISMATCH_KINDS);
	for (int k = 0; k < MISMATCH_KINDS; k++)
		assert_string_equal(alert_kinds[k], mismatch_kind_name((enum mismatch_kind)k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alerts_know_every_kind),
		cmocka_unit_test(test_rows_with_a_base),
		cmocka_unit_test(test_rows_without_a_base),
		cmocka_unit_test(test_losses_of_our_own_are_none),
		cmocka_unit_test(test_a_conflict_is_told_once),
		cmocka_unit_test(test_a_winner_that_is_not_settled),
		cmocka_unit_test(test_blank_owners),
		cmocka_unit_test(test_restores_of_another_day),
		cmocka_unit_test(test_a_step_that_overwrites_tells),
		cmocka_unit_test(test_alteration_becomes_the_base),
		cmocka_unit_test(test_what_must_be_read),
		cmocka_unit_test(test_lost_write_stands),
		cmocka_unit_test(test_what_is_seen_while_a_write_is_under_way),
		cmocka_unit_test(test_unknown_never_writes),
		cmocka_unit_test(test_each_step_in_order),
		cmocka_unit_test(test_every_small_input),
		cmocka_unit_test(test_random_larger_inputs),
	};
	return cmocka_run_group_tests_name("settle", tests, setup, teardown);
}

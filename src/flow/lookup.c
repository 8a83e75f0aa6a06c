#include "flow/flow.h"

/* One look-up at the other side: fields and the values they must have. */
struct question {
	struct write_field *by;
	int n;
};

struct asking {
	struct engine *e;
	int record;
	enum side side; /* of the record that is known */
	struct sv id;
	struct observation *seen;
	struct arena *a;
	struct question *question;
	int question_n;
	struct lookup *out;
};

/* The question of one match rule; false when a value is blank or unknown, or
 * a reference waits. */
static bool ask_match(struct asking *x, struct db *db, const struct treaty_match *m,
		      struct question *q)
{
	const struct treaty_record *type = &x->e->treaty->record[x->record];
	enum side other = side_other(x->side);
	q->by = arena_array(x->a, struct write_field, m->n);
	for (int k = 0; k < m->n; k++) {
		const struct treaty_field *f = &type->field[m->field[k]];
		struct value here = x->seen->value[m->field[k]], there;
		if (here.kind == VALUE_REF) {
			x->out->result = LOOKUP_WAIT;
			x->out->wait_record = f->type.link_record;
			x->out->wait_remote = here.text;
			return false;
		}
		if (here.kind == VALUE_UNKNOWN || value_blank(here) ||
		    !field_translate(f, x->side, here, x->a, &there))
			return false;
		if (there.kind == VALUE_LINK) {
			int64_t link = 0;
			sv_to_i64(there.text, &link);
			there = (struct value){ VALUE_REF, link_remote(db, link, other, x->a) };
			if (!there.text.len)
				return false;
		}
		q->by[q->n++] = (struct write_field){ f->api[other], f->type, there };
	}
	return q->n > 0;
}

/* What to ask, most certain first: the keys, then the match rules. */
static bool prepare(struct db *db, void *arg, struct err *err)
{
	struct asking *x = arg;
	const struct treaty_record *type = &x->e->treaty->record[x->record];
	enum side other = side_other(x->side);
	resolve_references(x->e, db, x->record, x->side, x->seen, x->a);

	x->question = arena_array(x->a, struct question, type->match_n + 1);
	if (type->side[other].key) {
		const struct treaty_field *f = &type->field[type->side[other].key_field];
		struct question *q = &x->question[x->question_n++];
		q->by = arena_new(x->a, struct write_field);
		q->by[q->n++] = (struct write_field){ f->api[other], f->type,
						      { VALUE_TEXT, x->id } };
	}
	for (int i = 0; i < type->match_n; i++) {
		struct question *q = &x->question[x->question_n];
		if (ask_match(x, db, &type->match[i], q))
			x->question_n++;
	}
	return true;
}

static bool find(struct asking *x, const struct question *q, struct rows *rows, struct err *err)
{
	enum side other = side_other(x->side);
	struct connector *c = x->e->system[other];
	if (!call_begin(x->e, other, err))
		return false;
	bool ok = c->ops->find(c, &x->e->reading[other][x->record]->object, q->by, q->n, x->a, rows,
			       err);
	call_end(x->e, other, ok, err);
	return ok;
}

/* The record itself may name its counterpart. */
static bool ask_own_key(struct asking *x, bool *found, struct err *err)
{
	const struct treaty_record *type = &x->e->treaty->record[x->record];
	int key = type->side[x->side].key_field;
	*found = false;
	if (!type->side[x->side].key || x->seen->value[key].kind != VALUE_TEXT)
		return true;
	struct observation *there;
	struct sv id = x->seen->value[key].text;
	if (!read_records(x->e, x->record, side_other(x->side), &id, 1, x->a, &there, err))
		return false;
	if (there->existence == EXISTENCE_PRESENT) {
		*found = true;
		x->out->result = LOOKUP_LINKED;
		x->out->remote = id;
	}
	return true;
}

bool look_up(struct engine *e, int record, enum side side, struct sv id,
	     struct observation *seen, struct arena *a, struct lookup *out, struct err *err)
{
	const struct treaty_record *type = &e->treaty->record[record];
	enum side other = side_other(side);
	struct asking x = { .e = e, .record = record, .side = side, .id = id, .seen = seen,
			    .a = a, .out = out };
	*out = (struct lookup){ .result = LOOKUP_NONE };
	bool found;
	if (!store_tx(e->store, prepare, &x, err) || !ask_own_key(&x, &found, err))
		return false;
	if (found)
		return true;
	for (int i = 0; i < x.question_n; i++) {
		struct rows rows = { 0 };
		if (!find(&x, &x.question[i], &rows, err))
			return false;
		if (rows.n == 0)
			continue;
		out->result = rows.n == 1 ? LOOKUP_LINKED : LOOKUP_AMBIGUOUS;
		out->remote = rows.row[0].id;
		if (rows.n > 1)
			out->detail = arena_printf(a, "%d records of %s fit %s %.*s: %.*s, %.*s%s",
						   rows.n, side_name[other], side_name[side],
						   SV_ARG(id), SV_ARG(rows.row[0].id),
						   SV_ARG(rows.row[1].id), rows.n > 2 ? ", ..." : "");
		return true;
	}
	if (out->result != LOOKUP_WAIT && type->side[other].create)
		out->result = LOOKUP_CREATE;
	return true;
}

/* Writing, record by record. */
#include "systems/rest/ops.h"

#include "base/panic.h"

static enum write_outcome outcome_of(const struct rest_answer *answer)
{
	switch (answer->class) {
	case CLASS_OK:
		return WRITE_DONE;
	case CLASS_LIMIT:
		return WRITE_BUSY;
	case CLASS_REJECTED:
		return WRITE_REJECTED;
	case CLASS_GONE:
		return WRITE_GONE;
	case CLASS_SESSION:
		return WRITE_NOT_SENT;
	case CLASS_CURSOR:
	case CLASS_SERVER:
		return WRITE_LOST;
	case CLASS_NONE:
		break;
	}
	return answer->sent ? WRITE_LOST : WRITE_NOT_SENT;
}

static void name_bad_fields(struct rest *r, struct write *w, struct json_object *body,
			    struct arena *a)
{
	const char **api = arena_array(a, const char *, (size_t)w->field_n + 1);
	for (int i = 0; i < w->field_n; i++)
		api[i] = w->field[i].api;
	w->bad_field = arena_array(a, const char *, (size_t)w->field_n + 1);
	w->bad_field_n = rest_error_fields(r->d, body, api, w->field_n, w->bad_field);
}

/* An empty 200 from something on the way is not the record's. */
static bool proved(struct rest *r, struct write *w, const struct rest_answer *answer,
		   struct arena *a)
{
	bool create = w->op == WRITE_CREATE;
	const char *path = create ? r->d->created_id : r->d->updated_id;
	struct sv id = path ? json_scalar_text(json_path(answer->body, path)) : w->id;
	if (create) {
		w->new_id = arena_sv(a, id);
		w->created = id.len > 0;
	}
	if (create ? w->created : sv_eq(id, w->id))
		return true;
	err_set(&w->err, ERR_LOST, "%s: %s of %s: no id in the answer at %s", r->d->name,
		create ? "create" : "update", w->object->object, path);
	return false;
}

/* A body that cannot be said in this system's words. Not sent. */
static void refuse_here(struct write *w, const char *bad, struct arena *a)
{
	w->outcome = WRITE_REJECTED;
	w->bad_field = arena_array(a, const char *, 1);
	w->bad_field[0] = bad;
	w->bad_field_n = 1;
}

/* False when nothing was sent for want of a session or a connection. */
static bool write_one(struct rest *r, struct write *w, struct arena *a)
{
	bool create = w->op == WRITE_CREATE;
	const char *bad = NULL;
	struct json_object *json = rows_body(r->d, w->field, w->field_n, &bad, &w->err);
	if (!json) {
		refuse_here(w, bad, a);
		return true;
	}
	struct buf text;
	buf_init(&text, 16 << 20);
	buf_add_json(&text, json);
	json_object_put(json);
	const struct var var[] = { { "object", sv_of(w->object->object) }, { "id", w->id } };
	const struct vars vars = { var, 2, NULL };
	struct rest_ask ask = {
		.on = ON_WRITE,
		.what = arena_printf(a, "%s of %s", create ? "create" : "update",
				     w->object->object).ptr,
		.request = create ? &r->d->create : &r->d->update,
		.vars = &vars,
		.body = buf_sv(&text),
	};
	struct rest_answer answer;
	bool ok = rest_call(r, &ask, a, &answer, &w->err);
	w->outcome = outcome_of(&answer);
	if (ok && !proved(r, w, &answer, a))
		w->outcome = WRITE_LOST;
	/* 'not there' said of a field, or of what is yet to be, is a refusal */
	if (w->outcome == WRITE_REJECTED || w->outcome == WRITE_GONE)
		name_bad_fields(r, w, answer.body, a);
	if (w->outcome == WRITE_GONE && (create || w->bad_field_n)) {
		w->outcome = WRITE_REJECTED;
		w->err.code = ERR_REJECTED;
	}
	if (w->bad_field_n)
		w->err.scope = SCOPE_FIELD;
	bool sent = answer.sent;
	rest_answer_finish(&answer);
	buf_finish(&text);
	return sent;
}

bool rest_write(struct connector *c, struct write *w, int n, struct arena *a, struct err *err)
{
	struct rest *r = rest_of(c);
	if (n > c->shape.write_max)
		panic("%s: %d writes in a call of at most %d", r->d->name, n, c->shape.write_max);
	bool any_sent = false;
	for (int i = 0; i < n; i++) {
		w[i].outcome = WRITE_NOT_SENT;
		w[i].new_id = SV_NONE;
		w[i].created = false;
		w[i].bad_field_n = 0;
		err_clear(&w[i].err);
		const struct rest_request *q = w[i].op == WRITE_CREATE ? &r->d->create :
									 &r->d->update;
		if (w[i].op == WRITE_UPSERT || !q->method) {
			err_set(&w[i].err, ERR_UNSUPPORTED, "%s: this write is not described",
				r->d->name);
			w[i].outcome = WRITE_REJECTED; /* a person's, not another try's */
			any_sent = true;
		} else {
			any_sent = write_one(r, &w[i], a) || any_sent;
		}
	}
	if (!any_sent && n > 0)
		*err = w[0].err;
	return any_sent || n == 0;
}

#include "flow/preview.h"

#include <errno.h>
#include <unistd.h>

#include "base/panic.h"
#include "store/ledger.h"

/* A system as the preview's engine sees it: reads come from the real one, with
 * what was written so far laid over them. */
struct overlay {
	struct connector c; /* first */
	struct connector *real;
	enum side side;
	const struct treaty *treaty;
	struct store *store; /* the copy; holds the overlay's rows too */
	struct preview *out;
};

static struct overlay *overlay_of(struct connector *c)
{
	return (struct overlay *)c;
}

/* The governor counts the wrapper's calls. */
static bool counted(struct overlay *o, bool ok)
{
	o->c.usage.calls = o->real->usage.calls;
	return ok;
}

static bool is_new(struct sv id)
{
	return sv_starts(id, SV("new-"));
}

/* ------------------------------------------------------------- the overlay */

struct patch {
	struct overlay *o;
	const struct object_ref *object;
	struct rows *rows;
	struct arena *a;
};

static void patch_row(struct patch *p, struct db *db, struct row *row)
{
	struct db_stmt *q = db_query(
		db, "SELECT api, value FROM overlay WHERE side = $1 AND object = $2 AND remote = $3",
		"itt", (int64_t)p->o->side, sv_of(p->object->object), row->id);
	while (db_next(q)) {
		struct sv api = db_sv(q, 0);
		struct reader r = { .left = arena_sv(p->a, db_sv(q, 1)) };
		struct value v = value_unpack(&r);
		for (int i = 0; i < p->object->field_n; i++)
			if (sv_eq(api, sv_of(p->object->field[i].api)))
				row->value[i] = v;
	}
}

static bool patch_rows(struct db *db, void *arg, struct err *err)
{
	struct patch *p = arg;
	for (int i = 0; i < p->rows->n; i++)
		if (p->rows->row[i].existence == EXISTENCE_PRESENT)
			patch_row(p, db, &p->rows->row[i]);
	return true;
}

static bool overlay_fetch(struct connector *c, const struct object_ref *object,
			  const struct sv *id, int n, struct arena *a, struct rows *out,
			  struct err *err)
{
	struct overlay *o = overlay_of(c);
	struct sv *real_id = arena_array(a, struct sv, n + 1);
	int *of = arena_array(a, int, n + 1), real_n = 0;
	struct rows real = { 0 };
	out->row = arena_array(a, struct row, n + 1);
	out->n = n;
	for (int i = 0; i < n; i++) {
		if (!is_new(id[i])) {
			of[real_n] = i;
			real_id[real_n++] = id[i];
			continue;
		}
		out->row[i] = (struct row){ .id = id[i], .existence = EXISTENCE_PRESENT,
					    .author = AUTHOR_OWN };
		out->row[i].value = arena_array(a, struct value, object->field_n + 1);
		for (int k = 0; k < object->field_n; k++)
			out->row[i].value[k] = value_null();
	}
	if (real_n &&
	    !counted(o, o->real->ops->fetch(o->real, object, real_id, real_n, a, &real, err)))
		return false;
	for (int i = 0; i < real_n; i++)
		out->row[of[i]] = real.row[i];
	struct patch p = { o, object, out, a };
	return store_tx(o->store, patch_rows, &p, err);
}

/* ------------------------------------------------------------------ writes */

struct writing {
	struct overlay *o;
	int record;
	struct write *w;
	int n;
	struct rows before; /* rows of the samples */
	struct arena *a;
};

static void remember(struct writing *x, struct db *db, const struct write *w, struct sv id)
{
	for (int k = 0; k < w->field_n; k++) {
		struct buf b;
		buf_init(&b, 1 << 20);
		value_pack(&b, w->field[k].value);
		db_run(db,
		       "INSERT INTO overlay (side, object, remote, api, value)"
		       " VALUES ($1, $2, $3, $4, $5)"
		       " ON CONFLICT (side, object, remote, api) DO UPDATE SET value = excluded.value",
		       "itttb", (int64_t)x->o->side, sv_of(w->object->object), id,
		       sv_of(w->field[k].api), buf_sv(&b));
		buf_finish(&b);
	}
}

static struct sv shown(const struct treaty_field *f, struct value v, struct arena *a)
{
	/* plain text is shown as it is: a view of the call's memory */
	return f->confidential && !value_blank(v) ? SV("(confidential)") :
						    arena_sv(a, value_show(v, a));
}

static void count_fields(struct writing *x, const struct write *w, const struct row *before)
{
	struct preview *out = x->o->out;
	const struct treaty_record *type = &x->o->treaty->record[x->record];
	for (int k = 0; k < w->field_n; k++) {
		int i = treaty_field_by_api(type, x->o->side, sv_of(w->field[k].api));
		if (i < 0)
			continue;
		struct preview_field *pf = &out->type[x->record].field[x->o->side][i];
		pf->writes++;
		if (!before || pf->sample_n == PREVIEW_SAMPLES)
			continue;
		struct value was = { 0 };
		for (int m = 0; m < w->object->field_n; m++)
			if (strcmp(w->object->field[m].api, w->field[k].api) == 0)
				was = before->value[m];
		pf->sample[pf->sample_n++] = (struct preview_sample){
			.id = arena_sv(&out->arena, w->id),
			.before = shown(&type->field[i], was, &out->arena),
			.after = shown(&type->field[i], w->field[k].value, &out->arena),
		};
	}
}

static bool store_writes(struct db *db, void *arg, struct err *err)
{
	struct writing *x = arg;
	struct preview_type *type = &x->o->out->type[x->record];
	for (int i = 0; i < x->n; i++) {
		struct write *w = &x->w[i];
		w->outcome = WRITE_DONE;
		if (w->op == WRITE_UPDATE) {
			type->updated[x->o->side]++;
			count_fields(x, w, i < x->before.n ? &x->before.row[i] : NULL);
			remember(x, db, w, w->id);
			continue;
		}
		w->created = true;
		w->new_id = arena_printf(x->a, "new-%lld", (long long)store_seq_next(x->o->store, db));
		type->created[x->o->side]++;
		remember(x, db, w, w->new_id);
	}
	return true;
}

/* Does a field of these writes still want a sample? */
static bool wants_samples(const struct writing *x)
{
	const struct treaty_record *type = &x->o->treaty->record[x->record];
	const struct preview_field *pf = x->o->out->type[x->record].field[x->o->side];
	for (int i = 0; i < x->n; i++)
		for (int k = 0; k < x->w[i].field_n; k++) {
			int f = treaty_field_by_api(type, x->o->side, sv_of(x->w[i].field[k].api));
			if (f >= 0 && pf[f].sample_n < PREVIEW_SAMPLES)
				return true;
		}
	return false;
}

static bool overlay_write(struct connector *c, struct write *w, int n, struct arena *a,
			  struct err *err)
{
	struct overlay *o = overlay_of(c);
	struct writing x = { .o = o, .w = w, .n = n, .a = a };
	x.record = treaty_record_by_object(o->treaty, o->side, sv_of(w[0].object->object));
	if (w[0].op == WRITE_UPDATE && wants_samples(&x)) {
		struct sv *id = arena_array(a, struct sv, n + 1);
		for (int i = 0; i < n; i++)
			id[i] = w[i].id;
		if (!overlay_fetch(c, w[0].object, id, n, a, &x.before, err))
			return false;
	}
	return store_tx(o->store, store_writes, &x, err);
}

/* --------------------------------------------------------- passed through */

static bool overlay_identify(struct connector *c, struct arena *a, struct sv *organisation,
			     struct err *err)
{
	struct overlay *o = overlay_of(c);
	return counted(o, o->real->ops->identify(o->real, a, organisation, err));
}

static bool overlay_describe(struct connector *c, const char *object, struct arena *a,
			     struct schema_object *out, struct err *err)
{
	struct overlay *o = overlay_of(c);
	return counted(o, o->real->ops->describe(o->real, object, a, out, err));
}

static bool overlay_list(struct connector *c, const struct object_ref *object, struct sv page,
			 struct arena *a, struct rows *out, struct err *err)
{
	struct overlay *o = overlay_of(c);
	return counted(o, o->real->ops->list(o->real, object, page, a, out, err));
}

static bool overlay_find(struct connector *c, const struct object_ref *object,
			 const struct write_field *by, int by_n, struct arena *a, struct rows *out,
			 struct err *err)
{
	struct overlay *o = overlay_of(c);
	return counted(o, o->real->ops->find(o->real, object, by, by_n, a, out, err));
}

/* A feed may be a destructive queue: it is left alone. */
static bool overlay_changes(struct connector *c, struct sv cursor, int64_t wait_ms,
			    struct arena *a, struct changes *out, struct err *err)
{
	*out = (struct changes){ .cursor = cursor.len ? arena_sv(a, cursor) : SV("preview") };
	return true;
}

static bool overlay_history(struct connector *c, const struct object_ref *object,
			    const struct field_ref *f, struct sv cursor, struct arena *a,
			    struct history *out, struct err *err)
{
	*out = (struct history){ .cursor = cursor.len ? arena_sv(a, cursor) : SV("preview") };
	return true;
}

static void overlay_close(struct connector *c)
{
}

static const struct connector_ops overlay_ops = {
	.identify = overlay_identify, .describe = overlay_describe, .changes = overlay_changes,
	.history = overlay_history,   .fetch = overlay_fetch,	    .list = overlay_list,
	.find = overlay_find,	      .write = overlay_write,	    .close = overlay_close,
};

/* --------------------------------------------------------------------- run */

static bool prepare_overlay(struct db *db, void *arg, struct err *err)
{
	db_script(db, "CREATE TABLE overlay (side BIGINT NOT NULL, object TEXT NOT NULL,"
		      " remote TEXT NOT NULL, api TEXT NOT NULL, value BLOB NOT NULL,"
		      " PRIMARY KEY (side, object, remote, api)) WITHOUT ROWID");
	return true;
}

static bool count_mismatches(struct db *db, void *arg, struct err *err)
{
	struct ledger l;
	ledger_read(db, &l);
	((struct preview *)arg)->mismatches = l.mismatches_open;
	return true;
}

struct passing {
	const struct preview_options *o;
	struct preview *p;
};

static void link_progress(void *arg, const struct link_report *r)
{
	struct passing *x = arg;
	if (x->o->progress)
		x->o->progress(x->o->arg, x->p, r->record);
}

/* Steps until nothing is left to do, with progress. */
static bool run_to_end(struct engine *e, const struct preview_options *o, struct preview *p,
		       struct err *err)
{
	for (bool worked = true; worked;) {
		enum step_result r[] = { engine_settle(e, err),
					 engine_deliver(e, SIDE_ATS, err),
					 engine_deliver(e, SIDE_SALESFORCE, err) };
		worked = false;
		for (size_t i = 0; i < countof(r); i++) {
			if (r[i] == STEP_FAILED)
				return false;
			worked = worked || r[i] == STEP_WORKED;
		}
		p->done = 0;
		for (int k = 0; k < o->treaty->record_n; k++)
			for (int s = 0; s < SIDES; s++)
				p->done += p->type[k].created[s] + p->type[k].updated[s];
		if (o->progress)
			o->progress(o->arg, p, NULL);
	}
	return true;
}

static bool run_overlay(const struct preview_options *o, struct store *store, struct preview *p,
			struct err *err)
{
	struct overlay overlay[SIDES];
	struct engine_options eo = { .treaty = o->treaty, .store = store, .clock = o->clock,
				     .patient = true,
				     .echo_linger_ms = -1 };
	for (int s = 0; s < SIDES; s++) {
		overlay[s] = (struct overlay){ .real = o->system[s], .side = s,
					       .treaty = o->treaty, .store = store, .out = p };
		overlay[s].c.ops = &overlay_ops;
		overlay[s].c.name = o->system[s]->name;
		overlay[s].c.shape = o->system[s]->shape;
		overlay[s].c.shape.write_max = 200; /* nothing is sent: fewer rounds */
		overlay[s].c.shape.can &= ~(unsigned)CAN_HISTORY;
		eo.system[s] = &overlay[s].c;
		eo.limits[s] = o->limits[s];
	}
	struct engine *e = engine_create(&eo);
	struct passing x = { o, p };
	bool ok = engine_start(e, err);
	for (int r = 0; ok && r < o->treaty->record_n; r++)
		ok = engine_link(e, r, &p->type[r].link, link_progress, &x, err);
	ok = ok && run_to_end(e, o, p, err) && store_tx(store, count_mismatches, p, err);
	engine_destroy(e);
	for (int r = 0; r < o->treaty->record_n; r++)
		for (int s = 0; s < SIDES; s++)
			p->would_change |= p->type[r].created[s] || p->type[r].updated[s];
	return ok;
}

/* A scratch file beside the others of its kind; empty when there is no room
 * for it. */
static bool scratch_path(char *path, size_t size, struct err *err)
{
	const char *dir = getenv("TMPDIR");
	snprintf(path, size, "%s/treaty-preview-XXXXXX", dir && *dir ? dir : "/tmp");
	int fd = mkstemp(path);
	if (fd < 0) {
		err_set_errno(err, errno, "preview: no scratch file %s", path);
		return false;
	}
	close(fd);
	return true;
}

static void remove_scratch(const char *path)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	for (size_t i = 0; i < countof(suffix); i++) {
		char name[600];
		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		unlink(name);
	}
}

bool preview_run(const struct preview_options *o, struct preview *out, struct err *err)
{
	char path[512];
	*out = (struct preview){ 0 };
	arena_init(&out->arena);
	out->type = arena_array(&out->arena, struct preview_type, o->treaty->record_n + 1);
	for (int r = 0; r < o->treaty->record_n; r++)
		for (int s = 0; s < SIDES; s++)
			out->type[r].field[s] = arena_array(&out->arena, struct preview_field,
							    o->treaty->record[r].field_n + 1);
	if (!scratch_path(path, sizeof(path), err))
		return false;
	struct err none = { 0 };
	bool ok = store_copy(o->store, path, &none) || none.code == ERR_NOT_FOUND;
	if (!ok && err && !err->code)
		*err = none;
	struct store_options so = { .path = path, .volatile_ok = true, .clock = o->clock };
	struct store *store = ok ? store_open(&so, err) : NULL;
	ok = store && store_tx(store, prepare_overlay, NULL, err);
	/* Open now, and gone from the disk however this process ends: it holds
	 * people's data. */
	remove_scratch(path);
	ok = ok && run_overlay(o, store, out, err);
	store_close(store);
	return ok;
}

void preview_finish(struct preview *p)
{
	arena_finish(&p->arena);
}

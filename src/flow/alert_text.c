#include "flow/alert_text.h"

#include "base/clock.h"
#include "flow/remedy.h"
#include "treaty/alerts.h"

enum { VALUE_MAX = 200, DETAIL_MAX = 400, TEXT_MAX = 64 * 1024 };

/* ---- pieces ---- */

static const struct treaty_field *field_of(const struct treaty *t, const struct mismatch *m)
{
	int r = treaty_record_by_name(t, m->record);
	int i = r < 0 ? -1 : treaty_field_by_name(&t->record[r], m->field);
	return i < 0 ? NULL : &t->record[r].field[i];
}

static bool any_confidential(const struct treaty *t, struct sv record)
{
	int r = treaty_record_by_name(t, record);
	for (int i = 0; r >= 0 && i < t->record[r].field_n; i++)
		if (t->record[r].field[i].confidential)
			return true;
	return false;
}

/* One line of at most so many bytes, cut between characters: values come from
 * records, and must not become lines of ours. */
static struct sv line(struct sv text, size_t most, struct arena *a)
{
	size_t n = text.len;
	if (n > most)
		for (n = most; n && ((unsigned char)text.ptr[n] & 0xc0) == 0x80;)
			n--;
	struct sv out = arena_printf(a, "%.*s%s", (int)n, text.len ? text.ptr : "",
				     n < text.len ? "..." : "");
	char *p = arena_str(a, out);
	for (size_t i = 0; i < out.len; i++)
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
			p[i] = ' ';
	return sv_make(p, out.len);
}

static struct sv shown(const struct treaty_field *f, struct value v, struct arena *a)
{
	if (v.kind == VALUE_UNKNOWN)
		return SV_NONE;
	if (f && f->confidential && v.kind != VALUE_NULL)
		return SV("(confidential)");
	return line(value_show(v, a), VALUE_MAX, a);
}

/* What a system said may quote any value of the record. */
static struct sv detail_of(const struct treaty *t, const struct mismatch *m, struct arena *a)
{
	const struct treaty_field *f = field_of(t, m);
	bool quotes = f ? f->confidential : m->kind == MISMATCH_REJECTED &&
						    any_confidential(t, m->record);
	return quotes ? SV_NONE : line(m->detail, DETAIL_MAX, a);
}

static struct sv subject_of(const struct treaty *t, const struct mismatch *m, struct arena *a)
{
	if (!field_of(t, m))
		return m->record;
	return arena_printf(a, "%.*s.%.*s", SV_ARG(m->record), SV_ARG(m->field));
}

static struct sv role_name(const struct treaty_role *r, struct arena *a)
{
	return r->title ? line(arena_printf(a, "%s (%s)", r->title, r->name), 200, a) : sv_of(r->name);
}

struct sv alert_time(const struct treaty_role *role, int64_t ms, struct arena *a)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	const struct zone *z = role && role->hours ? role->hours->zone : NULL;
	char text[TIME_TEXT_SIZE];
	if (ms == WORKING_NEVER)
		return SV("never");
	int64_t local = ms + (z ? zone_offset_s(z, ms / 1000) * (int64_t)1000 : 0);
	time_format_ms(local, text);
	return arena_printf(a, "%s %.10s %.5s %s", days[(local / 86400000 + 4) % 7], text, text + 11,
			    z ? z->name : "UTC");
}

/* ---- the text ---- */

static struct sv title(const struct alert_facts *f, struct arena *a)
{
	static const char *const before[] = { "", "still open: ", "over: " };
	const char *kind = mismatch_kind_name(f->kind);
	if (f->count > 1)
		return arena_printf(a, "%s%lld entries in the conflict log: %s", before[f->step],
				    (long long)f->count, kind);
	return arena_printf(a, "%s%s: %.*s (entry %lld)", before[f->step], kind,
			    SV_ARG(subject_of(f->treaty, f->entry, a)), (long long)f->entry->id);
}

static void add_side(const struct alert_facts *f, const struct mismatch *m, enum side s,
		     struct buf *b, struct arena *a)
{
	int r = treaty_record_by_name(f->treaty, m->record);
	struct sv value = shown(field_of(f->treaty, m), m->value[s], a);
	if (!m->remote[s].len && !value.len)
		return;
	buf_addf(b, "  %-11s %s %.*s", side_name[s],
		 r >= 0 ? f->treaty->record[r].side[s].object : "", SV_ARG(line(m->remote[s], 100, a)));
	if (value.len)
		buf_addf(b, ": %.*s", SV_ARG(value));
	buf_addc(b, '\n');
}

static void add_entry(const struct alert_facts *f, const struct mismatch *m, struct buf *b,
		      struct arena *a)
{
	const struct treaty_role *role = &f->treaty->role[f->role];
	struct sv detail = detail_of(f->treaty, m, a);
	buf_addf(b, "  entry       %lld: %.*s\n", (long long)m->id,
		 SV_ARG(subject_of(f->treaty, m, a)));
	for (int s = 0; s < SIDES; s++)
		add_side(f, m, (enum side)s, b, a);
	if (detail.len)
		buf_addf(b, "  why         %.*s\n", SV_ARG(detail));
	buf_addf(b, "  open since  %.*s\n", SV_ARG(alert_time(role, m->opened_ms, a)));
	if (f->step == ALERT_OVER)
		buf_addf(b, "  closed      %.*s: %.*s\n", SV_ARG(alert_time(role, m->closed_ms, a)),
			 SV_ARG(line(m->closed_by, 100, a)));
	buf_addc(b, '\n');
}

/* Who decides by when, and what happens if nobody does. */
static void add_deadline(const struct alert_facts *f, struct buf *b, struct arena *a)
{
	const struct treaty *t = f->treaty;
	buf_addf(b, "You are told as %.*s.", SV_ARG(role_name(&t->role[f->role], a)));
	if (f->then_role >= 0)
		buf_addf(b, " If it is still open by %.*s, %.*s is told.\n\n",
			 SV_ARG(alert_time(&t->role[f->then_role], f->then_ms, a)),
			 SV_ARG(role_name(&t->role[f->then_role], a)));
	else
		buf_addf(b, " Nobody else will be told%s.\n\n",
			 remedy_of(f->kind)->can ? "; until somebody decides it stays as it is" : "");
}

static void add_marks(const struct alert_facts *f, struct buf *b, struct arena *a)
{
	const struct mismatch *m = f->entry;
	int r = treaty_record_by_name(f->treaty, m->record);
	for (int s = 0; s < SIDES && r >= 0; s++)
		if (m->remote[s].len)
			buf_addf(b, "  treaty mark %s %s %.*s\n", side_name[s],
				 f->treaty->record[r].side[s].object,
				 SV_ARG(line(m->remote[s], 100, a)));
}

static void add_commands(const struct alert_facts *f, struct buf *b, struct arena *a)
{
	static const struct {
		unsigned can;
		const char *option;
	} options[] = { { CAN_TAKE, "take ats" },  { CAN_TAKE, "take salesforce" },
			{ CAN_VALUE, "value VALUE" }, { CAN_RETRY, "retry" },
			{ CAN_IGNORE, "ignore" },     { CAN_PROCEED, "proceed" },
			{ CAN_PROCEED, "discard" } };
	unsigned can = remedy_of(f->kind)->can;
	long long id = f->entry->id;
	if (f->count > 1) {
		buf_addf(b, "  treaty conflicts\n");
		return;
	}
	if (can & CAN_MARK)
		add_marks(f, b, a);
	buf_addf(b, "  treaty conflicts show %lld\n", id);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (can & options[i].can)
			buf_addf(b, "  treaty conflicts resolve %lld --%s\n", id, options[i].option);
}

static void add_text(const struct alert_facts *f, struct buf *b, struct arena *a)
{
	const struct remedy *words = remedy_of(f->kind);
	if (f->step == ALERT_OVER)
		buf_addf(b, "It is over; nothing has to be done.\n\n");
	else if (f->count > 1)
		buf_addf(b, "%lld entries opened in the conflict log within a short time. Of each of them: "
			    "%s\n\n", (long long)f->count, words->said);
	else
		buf_addf(b, "%s\n\n", words->said);
	for (int i = 0; i < f->entry_n; i++)
		add_entry(f, &f->entry[i], b, a);
	if (f->count > f->entry_n)
		buf_addf(b, "  and %lld more\n\n", (long long)(f->count - f->entry_n));
	if (f->step == ALERT_OVER)
		return;
	add_deadline(f, b, a);
	buf_addf(b, "%s\n\n", words->advice);
	add_commands(f, b, a);
}

/* ---- as JSON ---- */

static void put_text(struct json_object *o, const char *key, struct sv text)
{
	json_object_object_add(o, key, text.len ? json_from_sv(text) : NULL);
}

static void put_time(struct json_object *o, const char *key, int64_t ms)
{
	char text[TIME_TEXT_SIZE];
	if (ms && ms != WORKING_NEVER)
		time_format_ms(ms, text);
	put_text(o, key, ms && ms != WORKING_NEVER ? sv_of(text) : SV_NONE);
}

static struct json_object *entry_json(const struct alert_facts *f, const struct mismatch *m,
				      struct arena *a)
{
	const struct treaty_field *field = field_of(f->treaty, m);
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "id", m->id);
	json_put_sv(o, "kind", sv_of(mismatch_kind_name(m->kind)));
	json_put_sv(o, "record", m->record);
	put_text(o, "field", field ? m->field : SV_NONE);
	for (int s = 0; s < SIDES; s++) {
		struct json_object *side = json_object_new_object();
		put_text(side, "id", m->remote[s]);
		put_text(side, "value", m->value[s].kind == VALUE_NULL ? SV_NONE :
									 shown(field, m->value[s], a));
		json_object_object_add(o, side_name[s], side);
	}
	put_text(o, "detail", detail_of(f->treaty, m, a));
	put_time(o, "opened", m->opened_ms);
	put_time(o, "closed", m->closed_ms);
	put_text(o, "closed_by", m->closed_by);
	return o;
}

/* What every message begins with. */
static struct json_object *head_json(const struct treaty *t, int role, int64_t id, const char *state)
{
	struct json_object *o = json_object_new_object();
	json_put_i64(o, "id", id);
	json_put_sv(o, "treaty", sv_of(t->name));
	json_put_i64(o, "version", t->version);
	json_put_sv(o, "state", sv_of(state));
	json_put_sv(o, "role", sv_of(t->role[role].name));
	put_text(o, "title", sv_of(t->role[role].title));
	return o;
}

static void put_words(struct json_object *o, const struct treaty *t, struct sv subject, struct sv text,
		      struct arena *a)
{
	json_put_sv(o, "subject", arena_printf(a, "[%s] %.*s", t->name, SV_ARG(subject)));
	json_put_sv(o, "text", text);
}

struct json_object *alert_json(const struct alert_facts *f, struct arena *a)
{
	const struct treaty *t = f->treaty;
	struct json_object *o = head_json(t, f->role, f->id, alert_step_name(f->step));
	struct json_object *list = json_object_new_array();
	struct buf text;
	buf_init(&text, TEXT_MAX);
	add_text(f, &text, a);
	json_put_sv(o, "kind", sv_of(mismatch_kind_name(f->kind)));
	put_time(o, "made", f->made_ms);
	json_put_i64(o, "count", f->count);
	put_words(o, t, title(f, a), buf_sv(&text), a);
	put_time(o, "decide_by", f->then_role >= 0 ? f->then_ms : 0);
	put_text(o, "then", f->then_role >= 0 ? sv_of(t->role[f->then_role].name) : SV_NONE);
	for (int i = 0; i < f->entry_n; i++)
		json_object_array_add(list, entry_json(f, &f->entry[i], a));
	json_object_object_add(o, "entries", list);
	buf_finish(&text);
	return o;
}

struct json_object *alert_test_json(const struct treaty *t, int role, int64_t now_ms, struct arena *a)
{
	struct json_object *o = head_json(t, role, 0, "test");
	const struct working *hours = t->role[role].hours;
	put_text(o, "kind", SV_NONE);
	put_time(o, "made", now_ms);
	json_put_i64(o, "count", 0);
	put_words(o, t, SV("a test message"),
		  arena_printf(a, "This is a test; nothing has happened and nothing has to be done.\n\n"
				  "You are told as %.*s. Your time is counted %.*s.\n",
			       SV_ARG(role_name(&t->role[role], a)),
			       SV_ARG(hours ? working_text(hours, a) :
					      SV("round the clock"))),
		  a);
	put_time(o, "decide_by", 0);
	put_text(o, "then", SV_NONE);
	json_object_object_add(o, "entries", json_object_new_array());
	return o;
}

#include "base/clock.h"
#include "cli/open.h"
#include "cli/print.h"
#include "flow/alert_text.h"
#include "treaty/alerts.h"

enum { MESSAGES = 20, DUE_MAX = 20 };

struct due {
	struct alert_due at;
	struct open_entry entry;
	bool reached;
};

struct showing {
	const struct opened *o;
	struct arena *a;
	int64_t now_ms;
	int limit;
	struct due *due;
	int due_n, due_cap;
	struct channel_state *failing;
	int failing_n;
	struct delivery *sent;
	int sent_n;
};

/* ---------------------------------------------------------------- looking */

static void add_due(struct showing *x, struct due d)
{
	if (x->due_n == x->due_cap) {
		struct due *more = arena_array(x->a, struct due, (size_t)x->due_cap * 2 + 32);
		if (x->due_n)
			memcpy(more, x->due, sizeof(*more) * (size_t)x->due_n);
		x->due = more;
		x->due_cap = x->due_cap * 2 + 32;
	}
	x->due[x->due_n++] = d;
}

static void find_dues(struct showing *x, struct db *db, const struct open_entry *e)
{
	const struct treaty *t = x->o->treaty;
	struct alert_due *due;
	int n = alert_dues(t, sv_of(mismatch_kind_name(e->kind)), e->record, e->field,
			   alert_since(db, e), x->a, &due);
	for (int i = 0; i < n; i++) {
		struct sv role = sv_of(t->role[due[i].role].name);
		if (due[i].at_ms != WORKING_NEVER &&
		    !alert_told(db, e->id, role, (enum alert_step)due[i].step))
			add_due(x, (struct due){ due[i], *e, channels_reach(x->o->channels, role) != NULL });
	}
}

static int by_time(const void *a, const void *b)
{
	const struct due *x = a, *y = b;
	if (x->at.at_ms != y->at.at_ms)
		return x->at.at_ms < y->at.at_ms ? -1 : 1;
	return (x->entry.id > y->entry.id) - (x->entry.id < y->entry.id);
}

static bool look(struct db *db, void *arg, struct err *err)
{
	struct showing *x = arg;
	struct open_entry *entry;
	int n = alert_entries(db, 0, x->a, &entry);
	x->due_n = 0;
	for (int i = 0; i < n; i++)
		find_dues(x, db, &entry[i]);
	if (x->due_n)
		qsort(x->due, (size_t)x->due_n, sizeof(*x->due), by_time);
	x->failing_n = channel_states(db, x->a, &x->failing);
	x->sent_n = delivery_list(db, x->limit, x->a, &x->sent);
	return true;
}

static struct sv about(const struct open_entry *e, struct arena *a)
{
	return e->field.len ? arena_printf(a, "%.*s.%.*s", SV_ARG(e->record), SV_ARG(e->field)) : e->record;
}

static struct sv subject_of(const struct delivery *d, struct arena *a)
{
	struct json_object *o = json_parse(d->alert.content, "a message in the store", NULL);
	struct sv text = arena_sv(a, json_sv(o, "subject"));
	json_object_put(o);
	return text;
}

/* -------------------------------------------------------------- for people */

static void print_people(const struct showing *x)
{
	static const char *const head[] = { "role", "is told by", NULL };
	const struct treaty *t = x->o->treaty;
	struct table table;
	table_init(&table, head, x->a);
	for (int i = 0; i < t->role_n; i++) {
		const struct audience *to = channels_reach(x->o->channels, sv_of(t->role[i].name));
		struct sv ways = SV("");
		for (int k = 0; to && k < to->channel_n; k++)
			ways = arena_printf(x->a, "%.*s%s%s", SV_ARG(ways), k ? ", " : "",
					    to->channel[k]->name);
		table_add(&table, sv_of(t->role[i].name));
		table_add(&table, to ? ways :
				       SV("nothing, so nobody learns what waits for it: say how under 'people' "
					  "in the deployment"));
	}
	table_print(&table, "", stdout);
}

static void print_failing(const struct showing *x)
{
	static const char *const head[] = { "channel", ">waiting", "since", "next try", "why it failed", NULL };
	struct table t;
	table_init(&t, head, x->a);
	for (int i = 0; i < x->failing_n; i++) {
		const struct channel_state *c = &x->failing[i];
		table_add(&t, print_safe(c->channel, 60, x->a));
		table_add(&t, print_number(c->waiting, x->a));
		table_add(&t, print_time(c->since_ms, x->now_ms, x->a));
		table_add(&t, c->next_ms <= x->now_ms ? SV("now") : print_time(c->next_ms, x->now_ms, x->a));
		table_add(&t, c->error.len ? print_safe(c->error, 200, x->a) : SV("-"));
	}
	if (!x->failing_n)
		return;
	printf("\nWaiting to be sent\n");
	table_print(&t, "", stdout);
}

static void print_due(const struct showing *x)
{
	static const char *const head[] = { "when", "who", ">entry", "kind", "about", NULL };
	struct table t;
	table_init(&t, head, x->a);
	for (int i = 0; i < x->due_n && i < DUE_MAX; i++) {
		const struct due *d = &x->due[i];
		const char *role = x->o->treaty->role[d->at.role].name;
		table_add(&t, d->at.at_ms <= x->now_ms ? SV("now") : print_time(d->at.at_ms, x->now_ms, x->a));
		table_add(&t, d->reached ? sv_of(role) : arena_printf(x->a, "%s (not reached)", role));
		table_add(&t, print_number(d->entry.id, x->a));
		table_add(&t, sv_of(mismatch_kind_name(d->entry.kind)));
		table_add(&t, print_safe(about(&d->entry, x->a), 60, x->a));
	}
	printf("\nDue, if nothing happens before: %s\n", x->due_n ? "" : "nothing.");
	if (x->due_n)
		table_print(&t, "", stdout);
	if (x->due_n > DUE_MAX)
		printf("and %d more\n", x->due_n - DUE_MAX);
}

static void print_messages(const struct showing *x)
{
	static const char *const head[] = { ">message", "made", "to", "by", "what", "sent", NULL };
	struct table t;
	table_init(&t, head, x->a);
	for (int i = 0; i < x->sent_n; i++) {
		const struct delivery *d = &x->sent[i];
		table_add(&t, print_number(d->alert.id, x->a));
		table_add(&t, print_time(d->alert.made_ms, x->now_ms, x->a));
		table_add(&t, print_safe(d->alert.role, 30, x->a));
		table_add(&t, print_safe(d->channel, 50, x->a));
		table_add(&t, print_safe(subject_of(d, x->a), 80, x->a));
		table_add(&t, d->sent_ms ? print_time(d->sent_ms, x->now_ms, x->a) :
			      d->attempts ? arena_printf(x->a, "not yet: %lld in vain", (long long)d->attempts) :
					    SV("not yet"));
	}
	printf("\nMessages, the newest first: %s\n", x->sent_n ? "" : "none yet.");
	if (x->sent_n)
		table_print(&t, "", stdout);
}

/* ----------------------------------------------------------------- as JSON */

static struct json_object *roles_json(const struct showing *x)
{
	const struct treaty *t = x->o->treaty;
	struct json_object *list = json_object_new_array();
	for (int i = 0; i < t->role_n; i++) {
		const struct audience *to = channels_reach(x->o->channels, sv_of(t->role[i].name));
		struct json_object *o = json_object_new_object(), *by = json_object_new_array();
		for (int k = 0; to && k < to->channel_n; k++)
			json_object_array_add(by, json_object_new_string(to->channel[k]->name));
		json_put_sv(o, "role", sv_of(t->role[i].name));
		json_object_object_add(o, "channels", by);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *waiting_json(const struct showing *x)
{
	struct json_object *list = json_object_new_array();
	for (int i = 0; i < x->failing_n; i++) {
		const struct channel_state *c = &x->failing[i];
		struct json_object *o = json_object_new_object();
		json_put_sv(o, "channel", c->channel);
		json_put_i64(o, "messages", c->waiting);
		json_put_i64(o, "failed", c->failed);
		json_put_time(o, "since", c->since_ms);
		json_put_time(o, "next_try", c->next_ms);
		json_put_text_or_null(o, "why", c->error);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *dues_json(const struct showing *x)
{
	struct json_object *list = json_object_new_array();
	for (int i = 0; i < x->due_n; i++) {
		const struct due *d = &x->due[i];
		struct json_object *o = json_object_new_object();
		json_put_time(o, "at", d->at.at_ms);
		json_put_sv(o, "role", sv_of(x->o->treaty->role[d->at.role].name));
		json_put_bool(o, "reached", d->reached);
		json_put_sv(o, "state", sv_of(alert_step_name((enum alert_step)d->at.step)));
		json_put_i64(o, "entry", d->entry.id);
		json_put_sv(o, "kind", sv_of(mismatch_kind_name(d->entry.kind)));
		json_put_sv(o, "record", d->entry.record);
		json_put_text_or_null(o, "field", d->entry.field);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *messages_json(const struct showing *x)
{
	struct json_object *list = json_object_new_array();
	for (int i = 0; i < x->sent_n; i++) {
		const struct delivery *d = &x->sent[i];
		struct json_object *o = json_object_new_object();
		json_put_i64(o, "id", d->alert.id);
		json_put_time(o, "made", d->alert.made_ms);
		json_put_sv(o, "role", d->alert.role);
		json_put_sv(o, "state", sv_of(alert_step_name(d->alert.step)));
		json_put_sv(o, "kind", d->alert.kind);
		json_put_i64(o, "entries", d->alert.n);
		json_put_sv(o, "subject", subject_of(d, x->a));
		json_put_sv(o, "channel", d->channel);
		json_put_i64(o, "attempts", d->attempts);
		json_put_time(o, "sent", d->sent_ms);
		json_put_text_or_null(o, "why", d->error);
		json_object_array_add(list, o);
	}
	return list;
}

static void show(const struct cli *c, const struct showing *x)
{
	if (!c->json) {
		print_people(x);
		print_failing(x);
		print_due(x);
		print_messages(x);
		return;
	}
	struct json_object *o = json_object_new_object();
	json_object_object_add(o, "roles", roles_json(x));
	json_object_object_add(o, "waiting", waiting_json(x));
	json_object_object_add(o, "due", dues_json(x));
	json_object_object_add(o, "messages", messages_json(x));
	print_json(o);
}

static bool list(struct opened *o, const struct cli *c, struct err *err)
{
	int64_t limit = MESSAGES;
	const char *text = cli_option(c, "limit");
	struct showing x = { .o = o, .a = &o->arena, .now_ms = clock_now(clock_real()) };
	if (text && (!sv_to_i64(sv_of(text), &limit) || limit < 1 || limit > 10000)) {
		err_set(err, ERR_BAD_INPUT, "--limit: a number from 1 to 10000");
		return false;
	}
	x.limit = (int)limit;
	if (!open_store_to_read(o, err))
		return false;
	open_channels(o); /* under the version that the store says is in force */
	if (!store_tx(o->store, look, &x, err))
		return false;
	show(c, &x);
	return true;
}

/* -------------------------------------------------------------------- test */

static bool send_one(struct channel *way, const struct message *m, const struct cli *c,
		     struct json_object *results)
{
	struct err why = { 0 };
	bool ok = way->send(way, m, &why);
	if (!c->json && ok)
		printf("%s: sent.\n", way->name);
	else if (!c->json)
		printf("%s: not sent: %s\n", way->name, why.what);
	struct json_object *o = json_object_new_object();
	json_put_sv(o, "channel", sv_of(way->name));
	json_put_bool(o, "sent", ok);
	json_put_text_or_null(o, "why", sv_of(why.what));
	json_object_array_add(results, o);
	return ok;
}

/* All ways, whatever the first one says. */
static bool send_all(struct opened *o, const struct cli *c, const struct audience *to, int role)
{
	bool ok = true;
	int64_t now = clock_now(clock_real());
	struct buf content;
	struct json_object *what = alert_test_json(o->treaty, role, now, &o->arena);
	struct json_object *out = json_object_new_object(), *results = json_object_new_array();
	buf_init(&content, 1 << 20);
	buf_add_json(&content, what);
	struct message m = { .made_ms = now, .role = sv_of(to->role), .subject = json_sv(what, "subject"),
			     .text = json_sv(what, "text"), .content = buf_sv(&content) };
	for (int i = 0; i < to->channel_n; i++)
		ok &= send_one(to->channel[i], &m, c, results);
	json_put_sv(out, "role", m.role);
	json_object_object_add(out, "channels", results);
	if (c->json)
		print_json(out);
	else
		json_object_put(out);
	json_object_put(what);
	buf_finish(&content);
	return ok;
}

static bool find_role(const struct opened *o, const char *name, int *role, const struct audience **to,
		      struct err *err)
{
	*role = treaty_role_by_name(o->treaty, sv_of(name));
	*to = channels_reach(o->channels, sv_of(name));
	if (*role < 0)
		err_set(err, ERR_NOT_FOUND, "role '%s': the treaty has none", name);
	else if (!*to)
		err_set(err, ERR_NOT_FOUND, "role '%s': reached by nothing; say how under 'people' in %s",
			name, o->deployment->file);
	return *to && *role >= 0;
}

/* ---------------------------------------------------------------------------- */

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	const struct audience *to;
	int role, code = EXIT_FAILED;
	bool test = c->arg_n > 0;
	if (test && (strcmp(c->arg[0], "test") != 0 || c->arg_n != 2))
		return cli_usage(c, "nothing, or 'test ROLE'");
	opened_init(&o);
	if (open_documents(&o, c)) {
		bool ok;
		if (test) {
			open_channels(&o);
			ok = find_role(&o, c->arg[1], &role, &to, &err);
			if (ok)
				code = send_all(&o, c, to, role) ? EXIT_FINE : EXIT_FAILED;
		} else {
			ok = list(&o, c, &err);
			code = ok ? EXIT_FINE : EXIT_FAILED;
		}
		if (!ok)
			cli_failed(c, &err);
	}
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "limit", "N", "so many messages at most (20)" },
	{ 0 },
};

const struct verb verb_alerts = {
	.name = "alerts",
	.args = "[test ROLE]",
	.summary = "show who is told of what, when and whether it arrived; try it out",
	.about =
		"Shows on which channels each role is told, what waits to be sent and why, who is\n"
		"told next if nothing happens before, and the last messages. What is told when\n"
		"stands in the treaty ('alert', 'alerts'), how in the deployment ('channels',\n"
		"'people').\n"
		"\n"
		"With 'test ROLE' a message that says it is a test goes to that role on every\n"
		"channel, at once and without the daemon, and what became of it is printed.\n",
	.example = "  treaty alerts\n  treaty alerts test recruiting_lead\n",
	.exits = "  1   there is no store yet; with 'test': a channel failed, or reaches nobody\n",
	.json =
		"  {\"roles\": [{\"role\", \"channels\": [names]}],\n"
		"   \"waiting\": [{\"channel\", \"messages\", \"failed\": of them tried in vain, \"since\",\n"
		"     \"next_try\", \"why\"}],\n"
		"   \"due\": [{\"at\", \"role\", \"reached\", \"state\": \"opened\"|\"escalated\", \"entry\", \"kind\",\n"
		"     \"record\", \"field\"}],\n"
		"   \"messages\": [{\"id\", \"made\", \"role\", \"state\", \"kind\", \"entries\", \"subject\",\n"
		"     \"channel\", \"attempts\", \"sent\": or null, \"why\"}]}\n"
		"  with 'test': {\"role\", \"channels\": [{\"channel\", \"sent\": true or false, \"why\"}]}\n",
	.option = options,
	.args_max = 2,
	.run = run,
};

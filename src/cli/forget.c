#include "cli/names.h"
#include "cli/print.h"
#include "flow/forget.h"

static void say(const struct record_name *name, const struct forgotten *f)
{
	if (!f->found) {
		printf("The store knows nothing about %s %.*s.\n", side_name[name->side],
		       SV_ARG(name->id));
		return;
	}
	printf("Erased: the values of the link, and what %lld entries of the journal, %lld of the conflict\n"
	       "log, %lld messages, %lld waiting steps and %lld rows set aside said. %d pending writes were dropped.\n",
	       (long long)f->journal, (long long)f->conflicts, (long long)f->messages,
	       (long long)f->steps, (long long)f->set_aside, f->pending);
	printf("\nWhat stays, and why:\n");
	if (f->remote[SIDE_ATS].len || f->remote[SIDE_SALESFORCE].len)
		printf("  the ids of the two records, so that neither is taken for new: ats %.*s, salesforce %.*s\n",
		       SV_ARG(f->remote[SIDE_ATS]), SV_ARG(f->remote[SIDE_SALESFORCE]));
	printf("  times, kinds and hashes of the emptied entries, so that 'treaty audit' can prove that\n"
	       "    nothing else was removed; without their salt the hashes tell nothing of the content\n"
	       "  what the two systems hold: erase it there, or it is read again when a record changes\n"
	       "  backups of the store, and messages that were sent\n");
}

static struct json_object *as_json(const struct forgotten *f)
{
	struct json_object *o = json_object_new_object();
	json_put_bool(o, "found", f->found);
	json_put_i64(o, "journal", f->journal);
	json_put_i64(o, "conflicts", f->conflicts);
	json_put_i64(o, "messages", f->messages);
	json_put_i64(o, "steps", f->steps);
	json_put_i64(o, "set_aside", f->set_aside);
	json_put_i64(o, "pending_dropped", f->pending);
	for (int s = 0; s < SIDES; s++)
		json_put_text_or_null(o, side_name[s], f->remote[s]);
	return o;
}

static int run(struct cli *c)
{
	struct opened o;
	struct record_name name;
	struct forgotten f;
	struct err err = { 0 };
	opened_init(&o);
	int code = EXIT_FAILED;
	if (open_documents(&o, c)) {
		bool ok = open_store(&o, &err) &&
			  name_record(o.treaty, c->arg[0], c->arg[1], c->arg[2], &o.arena, &name, &err);
		if (ok && !cli_option(c, "yes")) {
			code = cli_usage(c, "what is erased cannot be had back: say --yes");
		} else if (ok && engine_forget(o.store, o.treaty, name.side, name.record, name.id,
					       sv_of(cli_who(c)), &o.arena, &f, &err)) {
			if (c->json)
				print_json(as_json(&f));
			else
				say(&name, &f);
			code = EXIT_FINE;
		} else {
			cli_failed(c, &err);
		}
	}
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "yes", NULL, "do it; it cannot be undone" },
	{ "as", "NAME", "who says so (your login name)" },
	{ 0 },
};

const struct verb verb_forget = {
	.name = "forget",
	.args = "SYSTEM OBJECT ID",
	.summary = "erase what the store holds of a person's record",
	.about =
		"For a request to erase: the values of the record and of its pair are removed from\n"
		"the whole store, its history and messages included, and the salt with which the\n"
		"journal's hashes of them were made; 'treaty audit' still proves the chain. It says\n"
		"what stays, and why. Erase the records in both systems first: Treaty does not.\n",
	.example = "  treaty forget ats Candidate 17 --yes\n",
	.exits = "  1   no such system or object, a write is under way, or the store failed\n",
	.json =
		"  {\"found\", \"journal\", \"conflicts\", \"messages\", \"steps\", \"set_aside\": rows,\n"
		"   \"pending_dropped\", \"ats\", \"salesforce\": id or null}\n",
	.option = options,
	.args_min = 3,
	.args_max = 3,
	.run = run,
};

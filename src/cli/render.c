#include <errno.h>

#include "base/panic.h"
#include "cli/print.h"
#include "cli/samples.h"
#include "cli/versions.h"
#include "treaty/alerts.h"
#include "treaty/wording.h"

/* ------------------------------------------------------- a field, in words */

struct facts {
	const char *where[SIDES], *type, *direction, *both, *away, *told, *edit, *delivery, *map, *notes;
};

static const char *map_words(const struct treaty_field *f, struct arena *a)
{
	enum side from = f->direction == BOTH_WAYS ? SIDE_ATS : field_owner(f);
	struct sv text = SV("");
	for (int i = 0; i < f->map_n; i++)
		text = arena_printf(a, "%.*s%s%.*s \xe2\x86\x92 %.*s", SV_ARG(text), i ? "; " : "",
				    SV_ARG(f->map[i].side[from]), SV_ARG(f->map[i].side[side_other(from)]));
	if (f->map_n)
		text = arena_printf(a, "%.*s; any other value %s", SV_ARG(text), word_unknown(f, a));
	return text.len ? text.ptr : "";
}

static const char *note_words(const struct treaty_record *r, const struct treaty_field *f, struct arena *a)
{
	struct sv text = SV("");
	if (f->order_n)
		text = arena_printf(a, "only goes forward: %s. ", word_order(f, a));
	if (f->truncate)
		text = arena_printf(a, "%.*sThe copy keeps %d characters. ", SV_ARG(text), f->truncate);
	if (f->confidential)
		text = arena_printf(a, "%.*sConfidential. ", SV_ARG(text));
	if (f->direction != BOTH_WAYS && f->blank_erases)
		text = arena_printf(a, "%.*sA blank owner clears the copy. ", SV_ARG(text));
	for (int i = 0; f->together && i < r->field_n; i++)
		if (r->field[i].together == f->together && &r->field[i] != f)
			text = arena_printf(a, "%.*sGoes together with %s. ", SV_ARG(text), r->field[i].name);
	return text.len ? text.ptr : "";
}

static struct facts facts_of(const struct treaty *t, const struct treaty_record *r,
			     const struct treaty_field *f, struct arena *a)
{
	bool both = f->direction == BOTH_WAYS;
	return (struct facts){
		.where = { f->api[SIDE_ATS], f->api[SIDE_SALESFORCE] },
		.type = word_type(t, &f->type, a),
		.direction = word_direction(f, a),
		.both = both ? word_winner(r, &f->conflict, a) : "",
		.away = both ? word_unavailable(&f->conflict, a) : "",
		.told = both ? word_alert(t, &f->conflict.alert, a) : "",
		.edit = both ? "" : word_on_edit(f->on_edit),
		.delivery = word_deliver(f->deliver),
		.map = map_words(f, a),
		.notes = note_words(r, f, a),
	};
}

static bool made_by_rule(const struct treaty_field *f)
{
	return f->api[SIDE_ATS][0] == '$' || f->api[SIDE_SALESFORCE][0] == '$';
}

/* --------------------------------------------------------------------- CSV */

/* RFC 4180; what a spreadsheet would take for a formula is made text. */
static void csv_cell(FILE *out, const char *text, bool last)
{
	bool formula = text[0] && strchr("=+-@\t\r", text[0]);
	fputc('"', out);
	if (formula)
		fputc('\'', out);
	for (const char *p = text; *p; p++) {
		if (*p == '"')
			fputc('"', out);
		fputc(*p, out);
	}
	fputs(last ? "\"\r\n" : "\",", out);
}

static void csv_row(FILE *out, const char *const *cell, int n)
{
	for (int i = 0; i < n; i++)
		csv_cell(out, cell[i], i == n - 1);
}

static const char *owner_word(const struct treaty *t, const struct treaty_record *r)
{
	static const char *const name[] = { "ats", "salesforce", "finance" };
	return name[t->domain[r->domain].owner];
}

static void render_csv(const struct treaty *t, FILE *out)
{
	static const char *const head[] = { "domain", "owner", "record", "field", "ats", "salesforce", "type",
					    "who edits it", "when both changed it", "while a side is away",
					    "who is told", "an edit of the copy", "delivery", "values", "notes" };
	struct arena a;
	arena_init(&a);
	csv_row(out, head, (int)countof(head));
	for (int r = 0; r < t->record_n; r++)
		for (int i = 0; i < t->record[r].field_n; i++) {
			const struct treaty_record *type = &t->record[r];
			const struct treaty_field *f = &type->field[i];
			if (made_by_rule(f))
				continue;
			struct facts x = facts_of(t, type, f, &a);
			const char *cell[] = { t->domain[type->domain].name, owner_word(t, type), type->name,
					       f->name, x.where[0], x.where[1], x.type, x.direction, x.both,
					       x.away, x.told, x.edit, x.delivery, x.map, x.notes };
			csv_row(out, cell, (int)countof(cell));
			arena_reset(&a);
		}
	arena_finish(&a);
}

/* -------------------------------------------------------------------- HTML */

struct page {
	FILE *out;
	struct arena a;
	const struct treaty *t;
	struct treaty *was; /* the version in force, or NULL */
	struct amendment *change;
	int change_n;
	struct approval *approval;
	int approval_n;
	struct sample **sample; /* by record type; NULL: not asked for */
	int *sample_n;
	const char *not_asked; /* why there are none */
};

static void text(struct page *p, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '&': fputs("&amp;", p->out); break;
		case '<': fputs("&lt;", p->out); break;
		case '>': fputs("&gt;", p->out); break;
		case '"': fputs("&quot;", p->out); break;
		default: fputc(*s, p->out);
		}
}

static void element(struct page *p, const char *tag, const char *s)
{
	fprintf(p->out, "<%s>", tag);
	text(p, s);
	fprintf(p->out, "</%.*s>", (int)strcspn(tag, " "), tag);
}

static void definition(struct page *p, const char *term, const char *s)
{
	if (!s[0])
		return;
	element(p, "dt", term);
	element(p, "dd", s);
}

/* One file: what it looks like stands in it, and it asks nobody for anything. */
static const char style[] =
	":root{--ink:#1d2430;--soft:#5c6675;--line:#d5dae2;--ats:#0b6e4f;--sf:#0b5cab;--both:#9a5b00;--bad:#b3261e}"
	"*{box-sizing:border-box}body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;"
	"color:var(--ink);max-width:72rem;margin:2rem auto;padding:0 1.5rem}"
	"h1{font-size:1.7rem;margin:0}h2{font-size:1.3rem;margin:2.5rem 0 .5rem;border-bottom:2px solid var(--ink);"
	"padding-bottom:.2rem}h3{font-size:1.1rem;margin:1.6rem 0 .3rem}p{margin:.4rem 0}.soft{color:var(--soft)}"
	"table{border-collapse:collapse;width:100%;margin:.6rem 0;font-size:.92rem}"
	"th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border:1px solid var(--line)}"
	"th{background:#f3f5f8;font-weight:600}td.n{white-space:nowrap}code{font-family:ui-monospace,Consolas,monospace;"
	"font-size:.9em}.tag{display:inline-block;border-radius:.8rem;padding:.05rem .6rem;font-size:.82rem;"
	"font-weight:600;color:#fff;white-space:nowrap}.ats{background:var(--ats)}.salesforce{background:var(--sf)}"
	".both{background:var(--both)}.changed{background:#fff6e0}dl{display:grid;grid-template-columns:max-content 1fr;"
	"gap:.15rem .8rem;margin:0}dt{color:var(--soft)}dd{margin:0}ul{margin:.3rem 0;padding-left:1.3rem}"
	".box{border:1px solid var(--line);border-radius:.4rem;padding:.6rem 1rem;margin:1rem 0}"
	".sign td{height:3.2rem}.bad{color:var(--bad)}"
	"@media print{body{max-width:none;margin:0;font-size:10pt}h2{break-after:avoid}tr,.box{break-inside:avoid}"
	"thead{display:table-header-group}.tag{border:1px solid #000;color:#000;background:none}}";

static struct sv amendment_path(struct page *p, const struct amendment *c)
{
	if (c->field)
		return arena_printf(&p->a, "%s.%s", c->record, c->field);
	if (c->record)
		return sv_of(c->record);
	return c->domain ? arena_printf(&p->a, "Domain %s", c->domain) : SV("The head");
}

static void changes_part(struct page *p)
{
	if (!p->was)
		return;
	fputs("<div class=box>", p->out);
	element(p, "h3 style=margin-top:0", arena_printf(&p->a, "Changed since version %d, which is in force",
							 p->was->version).ptr);
	if (!p->change_n)
		element(p, "p", "Nothing. Layout and comments are no change.");
	fputs("<ul>", p->out);
	for (int i = 0; i < p->change_n; i++) {
		fputs("<li><b>", p->out);
		text(p, arena_str(&p->a, amendment_path(p, &p->change[i])));
		fputs("</b>: ", p->out);
		text(p, arena_str(&p->a, p->change[i].text));
		fputs("</li>", p->out);
	}
	fputs("</ul></div>", p->out);
}

static void head_part(struct page *p)
{
	const struct treaty *t = p->t;
	fprintf(p->out, "<!doctype html><html lang=en><meta charset=utf-8>"
			"<meta name=viewport content='width=device-width,initial-scale=1'><title>");
	text(p, arena_printf(&p->a, "%s, version %d", t->name, t->version).ptr);
	fprintf(p->out, "</title><style>%s</style>", style);
	element(p, "h1", arena_printf(&p->a, "Treaty %s, version %d", t->name, t->version).ptr);
	fputs("<p class=soft>", p->out);
	text(p, arena_printf(&p->a, "Between %s (ats) and %s (salesforce). It says which system owns what, which "
			     "way each field flows, and what happens when both hold different values. What is not "
			     "listed here is not touched. Nothing is ever deleted.", t->system[SIDE_ATS],
			     t->system[SIDE_SALESFORCE]).ptr);
	fputs("</p>", p->out);
	changes_part(p);
}

static bool field_changed(const struct page *p, const char *record, const char *field)
{
	for (int i = 0; i < p->change_n; i++)
		if (p->change[i].record && p->change[i].field && strcmp(p->change[i].record, record) == 0 &&
		    strcmp(p->change[i].field, field) == 0)
			return true;
	return false;
}

static void field_row(struct page *p, const struct treaty_record *r, const struct treaty_field *f)
{
	struct facts x = facts_of(p->t, r, f, &p->a);
	bool both = f->direction == BOTH_WAYS;
	const char *who = both ? "both" : side_name[field_owner(f)];
	fprintf(p->out, "<tr%s><td>", field_changed(p, r->name, f->name) ? " class=changed" : "");
	element(p, "b", f->name);
	fprintf(p->out, "</td><td class=n><span class='tag %s'>%s</span></td><td class=n><code>", who,
		both ? "both edit" : arena_printf(&p->a, "%s edits", who).ptr);
	text(p, x.where[SIDE_ATS]);
	fprintf(p->out, "</code> %s <code>", both ? "\xe2\x86\x94" :
					     f->direction == TO_SALESFORCE ? "\xe2\x86\x92" : "\xe2\x86\x90");
	text(p, x.where[SIDE_SALESFORCE]);
	fputs("</code><br><span class=soft>", p->out);
	text(p, x.type);
	fputs("</span></td><td><dl>", p->out);
	definition(p, "both changed it", x.both);
	definition(p, "a side is away", x.away);
	definition(p, "told", x.told);
	definition(p, "an edit of the copy", x.edit);
	definition(p, "delivery", f->deliver == DELIVER_EACH ? x.delivery : "");
	definition(p, "values", x.map);
	definition(p, "also", x.notes);
	fputs("</dl></td></tr>", p->out);
}

static void samples_part(struct page *p, int record)
{
	const struct treaty_record *r = &p->t->record[record];
	if (!p->sample || !p->sample_n[record])
		return;
	for (int k = 0; k < p->sample_n[record]; k++) {
		const struct sample *s = &p->sample[record][k];
		element(p, "p class=soft", arena_printf(&p->a, "A real record: %s %.*s of %s, and what %s then shows of it",
							r->side[s->side].object, SV_ARG(s->id), side_name[s->side],
							side_name[side_other(s->side)]).ptr);
		fprintf(p->out, "<table><thead><tr><th>field<th>%s<th>%s</thead>", side_name[s->side],
			side_name[side_other(s->side)]);
		for (int i = 0; i < r->field_n; i++) {
			if (!s->here[i].len && !s->there[i].len)
				continue;
			fputs("<tr><td>", p->out);
			text(p, r->field[i].name);
			fputs("</td><td>", p->out);
			text(p, arena_str(&p->a, s->here[i]));
			fputs("</td><td>", p->out);
			text(p, arena_str(&p->a, s->there[i]));
			fputs("</td></tr>", p->out);
		}
		fputs("</table>", p->out);
	}
}

static void record_part(struct page *p, int record)
{
	const struct treaty_record *r = &p->t->record[record];
	element(p, "h3", arena_printf(&p->a, "%s: %s in %s, %s in Salesforce", r->name, r->side[SIDE_ATS].object,
				      p->t->system[SIDE_ATS], r->side[SIDE_SALESFORCE].object).ptr);
	fputs("<dl>", p->out);
	definition(p, "a pair is recognised", word_match(r, &p->a));
	for (int s = 0; s < SIDES; s++) {
		if (r->side[s].key)
			definition(p, arena_printf(&p->a, "key in %s", side_name[s]).ptr,
				   arena_printf(&p->a, "%s holds the other record's id", r->side[s].key).ptr);
		definition(p, arena_printf(&p->a, "missing in %s", side_name[s]).ptr,
			   r->side[s].create ? "it is created there" : "nothing is created");
		definition(p, arena_printf(&p->a, "deleted in %s", side_name[s]).ptr,
			   word_deleted(r, (enum side)s, &p->a));
	}
	fputs("</dl><table><thead><tr><th>field<th>who<th>where<th>rules</thead>", p->out);
	for (int i = 0; i < r->field_n; i++)
		if (!made_by_rule(&r->field[i]))
			field_row(p, r, &r->field[i]);
	fputs("</table>", p->out);
	samples_part(p, record);
}

static const char *signers(struct page *p, const struct treaty_domain *d)
{
	struct sv s = SV("");
	for (int k = 0; k < d->signed_by_n; k++) {
		const struct treaty_role *role = &p->t->role[d->signed_by[k]];
		s = arena_printf(&p->a, "%.*s%s%s", SV_ARG(s), k ? ", " : "", role->title ? role->title : role->name);
	}
	return s.ptr;
}

static void domain_part(struct page *p, int domain)
{
	static const char *const owner[] = { "the ATS", "Salesforce", "the finance system" };
	const struct treaty_domain *d = &p->t->domain[domain];
	element(p, "h2", d->name);
	fputs("<p>", p->out);
	text(p, arena_printf(&p->a, "Owned by %s: its values hold unless a field says otherwise. Agreed by %s.",
			     owner[d->owner], signers(p, d)).ptr);
	fputs("</p>", p->out);
	for (int r = 0; r < p->t->record_n; r++)
		if (p->t->record[r].domain == domain)
			record_part(p, r);
}

static void signature_part(struct page *p)
{
	element(p, "h2", "Signatures");
	fputs("<table class=sign><thead><tr><th>role<th>signs<th>signed</thead>", p->out);
	for (int i = 0; i < p->approval_n; i++) {
		const struct approval *ap = &p->approval[i];
		int role = treaty_role_by_name(p->t, sv_of(ap->role));
		struct sv domains = SV("the head");
		for (int d = 0; d < p->t->domain_n; d++)
			for (int k = 0; k < p->t->domain[d].signed_by_n; k++)
				if (p->t->domain[d].signed_by[k] == role)
					domains = arena_printf(&p->a, "%.*s, %s", SV_ARG(domains), p->t->domain[d].name);
		const char *title = role >= 0 && p->t->role[role].title ? p->t->role[role].title : ap->role;
		fputs("<tr><td>", p->out);
		text(p, title);
		fputs("</td><td>", p->out);
		text(p, arena_str(&p->a, domains));
		fputs(ap->state == SIGNED_CHANGED || ap->state == SIGNED_FORGED ? "</td><td class=bad>" : "</td><td>",
		      p->out);
		text(p, ap->state == SIGNED ? arena_str(&p->a, ap->why) :
			ap->why.len ? arena_str(&p->a, ap->why) : "");
		fputs("</td></tr>", p->out);
	}
	fputs("</table>", p->out);
	char hex[65] = "";
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", p->t->digest[i]);
	element(p, "p class=soft", arena_printf(&p->a, "Digest of the meaning: sha256:%s%s%s", hex,
						p->not_asked ? ". No real records are shown: " : "",
						p->not_asked ? p->not_asked : "").ptr);
}

static void render_html(struct page *p)
{
	head_part(p);
	for (int d = 0; d < p->t->domain_n; d++)
		domain_part(p, d);
	signature_part(p);
	fputs("</html>\n", p->out);
}

/* -------------------------------------------------------------------- verb */

static void read_samples(struct opened *o, struct page *p)
{
	struct err err = { 0 };
	int n = o->treaty->record_n;
	struct sample **list = arena_array(&o->arena, struct sample *, (size_t)n + 1);
	p->sample_n = arena_array(&o->arena, int, (size_t)n + 1);
	bool ok = open_systems(o, &err);
	for (int r = 0; ok && r < n; r++)
		ok = samples_read(o, r, &list[r], &p->sample_n[r], &err);
	if (ok)
		p->sample = list;
	else
		p->not_asked = arena_str(&o->arena, sv_of(err.what));
}

static int write_page(struct cli *c, struct opened *o, bool html, FILE *out)
{
	struct page p = { .out = out, .t = o->treaty, .was = treaty_in_force(o) };
	if (!html) {
		render_csv(o->treaty, out);
		treaty_destroy(p.was);
		return EXIT_FINE;
	}
	arena_init(&p.a);
	if (cli_option(c, "offline"))
		p.not_asked = "the systems were not asked (--offline)";
	else
		read_samples(o, &p);
	if (p.was)
		p.change_n = treaty_diff(p.was, p.t, &p.a, &p.change);
	p.approval_n = treaty_approvals(p.t, p.was, o->deployment->treaty_path, &p.a, &p.approval);
	render_html(&p);
	if (p.not_asked && !cli_option(c, "offline"))
		fprintf(stderr, "treaty render: no real records are shown: %s\n", p.not_asked);
	treaty_destroy(p.was);
	arena_finish(&p.a);
	return EXIT_FINE;
}

static int run(struct cli *c)
{
	struct opened o;
	struct err err = { 0 };
	const char *path = cli_option(c, "out");
	bool html = cli_option(c, "csv") == NULL;
	int code = EXIT_FAILED;
	if (cli_option(c, "html") && !html)
		return cli_usage(c, "either --html or --csv");
	opened_init(&o);
	if (open_draft(&o, c)) {
		FILE *out = path ? fopen(path, "we") : stdout;
		if (!out) {
			err_set_errno(&err, errno, "%s", path);
			code = cli_failed(c, &err);
		} else {
			code = write_page(c, &o, html, out);
			if (path && fclose(out) != 0) {
				err_set_errno(&err, errno, "%s", path);
				code = cli_failed(c, &err);
			}
		}
	}
	opened_close(&o);
	return code;
}

static const struct cli_option options[] = {
	{ "html", NULL, "a page to read, print and sign (the default)" },
	{ "csv", NULL, "a row a field, for a spreadsheet" },
	{ "out", "FILE", "write there instead of standard output" },
	{ "offline", NULL, "ask no system: no real records on the page" },
	{ 0 },
};

const struct verb verb_render = {
	.name = "render",
	.args = "",
	.summary = "make a page of the treaty for those who sign it",
	.about =
		"Writes the treaty as a page that people read without knowing YAML: who owns each\n"
		"domain, where each field is written, which way it goes, what happens when both\n"
		"changed it and who is told; what changed since the version in force; who signed;\n"
		"and for each record type three real records of its owner with what the other side\n"
		"would show of them (confidential values masked). One file that loads nothing else\n"
		"and prints well. Changes nothing.\n",
	.example = "  treaty render --out treaty.html\n  treaty render --csv --out treaty.csv\n",
	.exits = "  1   the treaty is refused, or the file cannot be written\n",
	.option = options,
	.run = run,
};

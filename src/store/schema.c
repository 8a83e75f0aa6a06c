#include "store/schema.h"

#include "base/panic.h"

/* 'type' is treaty_record_key(), 'field' is treaty_field.key: both are stable
 * over versions of the treaty, unlike their places in it. */
static const char first[] =
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE counter (name TEXT PRIMARY KEY, n BIGINT NOT NULL) WITHOUT ROWID;"

	/* Dirty records. 'wait': 1 while a slot of its link is in flight. 'own' and
	 * 'stranger': keys of the fields that our own writes and others' changed, 4
	 * bytes each; NULL when the feed does not tell. */
	"CREATE TABLE mark ("
	" side BIGINT NOT NULL, type BIGINT NOT NULL, remote TEXT NOT NULL,"
	" seq BIGINT NOT NULL, first_seq BIGINT NOT NULL, first_ms BIGINT NOT NULL,"
	" due_ms BIGINT NOT NULL, wait BIGINT NOT NULL, priority BIGINT NOT NULL,"
	" reads BIGINT NOT NULL, author BIGINT NOT NULL, own BLOB, stranger BLOB,"
	" changed_ms BIGINT NOT NULL, source TEXT NOT NULL,"
	" PRIMARY KEY (type, side, remote)) WITHOUT ROWID;"
	"CREATE INDEX mark_ready ON mark (wait, priority, seq);"
	"CREATE INDEX mark_due ON mark (wait, due_ms);"

	/* AUTOINCREMENT: the number of a deleted link still stands in the conflict
	 * log, the journal and for answers under way */
	"CREATE TABLE link ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, type BIGINT NOT NULL, ats TEXT, salesforce TEXT,"
	" state BIGINT NOT NULL, holds BIGINT NOT NULL, data BLOB NOT NULL);"
	"CREATE UNIQUE INDEX link_ats ON link (type, ats);"
	"CREATE UNIQUE INDEX link_salesforce ON link (type, salesforce);"
	"CREATE INDEX link_holds ON link (type, id) WHERE holds <> 0;"

	"CREATE TABLE slot ("
	" link BIGINT NOT NULL, side BIGINT NOT NULL, type BIGINT NOT NULL,"
	" state BIGINT NOT NULL, creates BIGINT NOT NULL, priority BIGINT NOT NULL,"
	" decided_ms BIGINT NOT NULL, next_ms BIGINT NOT NULL, sent_ms BIGINT NOT NULL,"
	" data BLOB NOT NULL, PRIMARY KEY (link, side)) WITHOUT ROWID;"
	"CREATE INDEX slot_ready ON slot (side, state, priority, creates, decided_ms, link);"

	"CREATE TABLE step ("
	" id INTEGER PRIMARY KEY, link BIGINT NOT NULL, field BIGINT NOT NULL,"
	" step TEXT NOT NULL, at_ms BIGINT NOT NULL, value BLOB NOT NULL);"
	"CREATE UNIQUE INDEX step_once ON step (link, field, step);"

	/* Links that wait for the link of another record. */
	"CREATE TABLE waiting ("
	" type BIGINT NOT NULL, side BIGINT NOT NULL, remote TEXT NOT NULL,"
	" link BIGINT NOT NULL, PRIMARY KEY (type, side, remote, link)) WITHOUT ROWID;"

	"CREATE TABLE mismatch ("
	" id INTEGER PRIMARY KEY, link BIGINT NOT NULL, kind BIGINT NOT NULL,"
	" record TEXT NOT NULL, field TEXT NOT NULL, ats TEXT NOT NULL, salesforce TEXT NOT NULL,"
	" value_ats BLOB NOT NULL, value_salesforce BLOB NOT NULL, lost TEXT NOT NULL,"
	" detail TEXT NOT NULL, found_by TEXT NOT NULL, open BIGINT NOT NULL,"
	" opened_ms BIGINT NOT NULL, closed_ms BIGINT NOT NULL, closed_by TEXT NOT NULL,"
	" times BIGINT NOT NULL);"
	"CREATE INDEX mismatch_open ON mismatch (id) WHERE open = 1;"
	"CREATE INDEX mismatch_of ON mismatch (link, kind, field) WHERE open = 1;"

	"CREATE TABLE journal ("
	" seq INTEGER PRIMARY KEY, at_ms BIGINT NOT NULL, link BIGINT NOT NULL,"
	" kind TEXT NOT NULL, content BLOB, chain BLOB NOT NULL, commitment BLOB NOT NULL);"
	"CREATE INDEX journal_link ON journal (link, seq);"
	"CREATE TABLE salt (link BIGINT PRIMARY KEY, salt BLOB NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE pause (scope TEXT PRIMARY KEY, at_ms BIGINT NOT NULL, who TEXT NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE credential (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE set_aside (id INTEGER PRIMARY KEY, at_ms BIGINT NOT NULL,"
	" what TEXT NOT NULL, reason TEXT NOT NULL);";

static const char second[] =
	/* Records that were changed in a way that 'mass_change' counts, each once
	 * a window; and how many of them a window has. */
	"CREATE TABLE mass ("
	" type BIGINT NOT NULL, what BIGINT NOT NULL, side BIGINT NOT NULL, link BIGINT NOT NULL,"
	" period BIGINT NOT NULL, PRIMARY KEY (type, what, side, link)) WITHOUT ROWID;"
	"CREATE TABLE mass_count ("
	" type BIGINT NOT NULL, what BIGINT NOT NULL, side BIGINT NOT NULL, period BIGINT NOT NULL,"
	" n BIGINT NOT NULL, PRIMARY KEY (type, what, side, period)) WITHOUT ROWID;"
	/* 'decision': of the journal entry that the slot's content is of; 0:
	 * older than such numbers. 'tally': see journal.h. 'lost_value': packed,
	 * beside its shown form. Of what was set aside: the row as it was, and
	 * what was known of it; at_ms 0: not told yet. */
	"ALTER TABLE slot ADD COLUMN decision BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE journal ADD COLUMN tally BLOB;"
	"ALTER TABLE mismatch ADD COLUMN lost_side BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE mismatch ADD COLUMN lost_value BLOB;"
	"ALTER TABLE set_aside ADD COLUMN of_table TEXT NOT NULL DEFAULT 'mark';"
	"ALTER TABLE set_aside ADD COLUMN link BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE set_aside ADD COLUMN decision BIGINT NOT NULL DEFAULT 0;"
	"ALTER TABLE set_aside ADD COLUMN content BLOB;"
	"CREATE INDEX set_aside_untold ON set_aside (id) WHERE at_ms = 0;"
	/* Versions of the treaty that were in force; see versions.h. */
	"CREATE TABLE version ("
	" id INTEGER PRIMARY KEY, version BIGINT NOT NULL, digest BLOB NOT NULL,"
	" signatures BLOB NOT NULL, how TEXT NOT NULL, at_ms BIGINT NOT NULL, who TEXT NOT NULL,"
	" why TEXT NOT NULL, document BLOB NOT NULL);"
	/* What people were told. 'content': JSON, without confidential values. */
	"CREATE TABLE alert ("
	" id INTEGER PRIMARY KEY, made_ms BIGINT NOT NULL, role TEXT NOT NULL, kind TEXT NOT NULL,"
	" step BIGINT NOT NULL, n BIGINT NOT NULL, content BLOB NOT NULL);"
	"CREATE INDEX alert_recent ON alert (role, kind, made_ms);"
	/* 'over_by': the alert that told the entry's end; 0: not told yet, -1:
	 * nothing to tell, it goes on as another entry */
	"CREATE TABLE alert_entry ("
	" mismatch BIGINT NOT NULL, role TEXT NOT NULL, step BIGINT NOT NULL, alert BIGINT NOT NULL,"
	" over_by BIGINT NOT NULL, PRIMARY KEY (mismatch, role, step)) WITHOUT ROWID;"
	"CREATE INDEX alert_entry_open ON alert_entry (mismatch) WHERE over_by = 0;"
	/* One way of an alert to people. 'sent_ms' 0: waits. */
	"CREATE TABLE alert_delivery ("
	" alert BIGINT NOT NULL, channel TEXT NOT NULL, attempts BIGINT NOT NULL,"
	" next_ms BIGINT NOT NULL, sent_ms BIGINT NOT NULL, error TEXT NOT NULL,"
	" PRIMARY KEY (alert, channel)) WITHOUT ROWID;"
	"CREATE INDEX alert_delivery_waits ON alert_delivery (next_ms) WHERE sent_ms = 0;"
	"CREATE INDEX mismatch_of_system ON mismatch (kind, field, id) WHERE link = 0;"
	/* One sweep a type, under way or as its report; and which links its
	 * listings showed, a bit each. */
	"CREATE TABLE sweep ("
	" type BIGINT PRIMARY KEY, phase BIGINT NOT NULL, sides BIGINT NOT NULL, gap BIGINT NOT NULL,"
	" since_ms BIGINT NOT NULL, due_ms BIGINT NOT NULL, page TEXT NOT NULL, data BLOB NOT NULL,"
	" trouble TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE sweep_seen ("
	" type BIGINT NOT NULL, side BIGINT NOT NULL, chunk BIGINT NOT NULL, bits BLOB NOT NULL,"
	" PRIMARY KEY (type, side, chunk)) WITHOUT ROWID;";

const char *const schema_step[] = { first, second };
const int schema_version = countof(schema_step);

#!/usr/bin/env node
// try.mjs BUILD [--keep] [--seed N] - the story that ./try tells: a firm in two systems,
// linked, kept in agreement through edits, outages and a death, and looked at
// afterwards by the oracle, which knows nothing of Treaty.
//
// Exits with 1 when anything is not as it should be.
import { resolve as resolvePath } from 'node:path';
import { ask } from './oracle.mjs';
import { World, pause, until } from './world.mjs';

const [build, ...flags] = process.argv.slice(2);
const keep = flags.includes('--keep');
const seed = flags.includes('--seed') ? Number(flags[flags.indexOf('--seed') + 1]) : 7;
const began = Date.now();
const number = (n) => n.toLocaleString('en-US');
const clock = () => `${String(Math.floor((Date.now() - began) / 60000)).padStart(2)}:${String(Math.floor((Date.now() - began) / 1000) % 60).padStart(2, '0')}`;
const say = (text) => console.log(text);
const head = (text) => say(`\n${clock()}  ${text}`);
const indent = (text) => say(text.trimEnd().split('\n').map((l) => (l ? `       ${l}` : '')).join('\n'));

let failed = 0;
function must(ok, what, detail) {
	if (!ok)
		failed++;
	say(`  ${ok ? 'ok  ' : 'FAIL'} ${what}`);
	if (!ok && detail !== undefined)
		indent(typeof detail === 'string' ? detail : JSON.stringify(detail, null, 1));
	return ok;
}

// Waits for a moment of the half minute.
const at = (start, s) => pause(Math.max(start + s * 1000 - Date.now(), 0));

const callsOf = async (w, reset) => {
	const out = {};
	for (const system of ['bullhorn', 'salesforce'])
		out[system] = (await w.calls(system, reset)).total;
	return out;
};
const cost = (c) => `${number(c.bullhorn)} calls of Bullhorn, ${number(c.salesforce)} of Salesforce`;

const ends = (w, since) => ask({ ...w.url, since });
const conflicts = (w) => w.json(['conflicts', 'list', '--limit', '100000']);

// ---- the parts of the story

async function firstSync(w) {
	head('Are the documents in order? (treaty check)');
	indent((await w.run(['check'])).out);

	head('What would change? (treaty preview: nothing is written)');
	const preview = await w.run(['preview'], { also: [2] });
	indent(preview.out.split('\n\n')[0]);
	indent(preview.out.trimEnd().split('\n').slice(-2).join('\n'));
	must(preview.code === 2, 'the preview says that something would change');
	const written = (await ends(w)).records.flatMap((r) => r.disagreements).length;
	must((await w.control('salesforce', 'writes?system=salesforce')).length === 0 &&
		(await w.control('bullhorn', 'writes?system=bullhorn')).length === 0,
	`nothing was written; they differ in ${number(written)} values of records that are linked by key`);
	say(`       cost: ${cost(await callsOf(w, true))}`);

	head('Which records are the same thing? (treaty link)');
	indent((await w.run(['link'])).out);
	say(`       cost: ${cost(await callsOf(w, true))}`);

	head('The first sync (treaty run)');
	w.startDaemon();
	const status = await w.quiet(90000);
	const report = await ends(w);
	say(`       ${number(status.ledger.writes_confirmed)} writes confirmed`);
	must(report.agree, 'both sides agree', problems(report));
	say(`       cost: ${cost(await callsOf(w, true))}`);
	return report;
}

const scene = (w, name) => w.control('salesforce', 'scenario', { scene: name });
const steps = (s) => [s.ats[0].before, ...s.ats.map((x) => x.after)].join(' -> ');

// Half a minute in which people work, systems fail and the daemon dies.
async function halfMinute(w) {
	head('Half a minute of work in both systems, at twelve edits a second');
	const start = Date.now(), seen = {};
	await w.control('salesforce', 'office', { rate: 12 });

	await at(start, 3);
	seen.fast = await scene(w, 'three-statuses');
	say(`       placement ${seen.fast.placement} goes through three statuses within a second: ${steps(seen.fast)}`);

	await at(start, 5);
	seen.copy = await scene(w, 'read-only');
	say(`       a sales person edits the read-only phone of candidate ${seen.copy.candidate}: ${seen.copy.salesforce.before} -> ${seen.copy.salesforce.after}`);

	// both within one look of the daemon, as two people at their desks would
	await at(start, 7);
	seen.both = await scene(w, 'both-sides');
	say(`       two people give candidate ${seen.both.candidate} two mobile numbers: ${seen.both.ats.after} in Bullhorn, ${seen.both.salesforce.after} in Salesforce`);

	await at(start, 10);
	for (const system of ['bullhorn', 'salesforce'])
		await w.control(system, 'fault', { kind: 'outage', for_ms: 5000 });
	say('       both systems stop answering for five seconds; people keep working');

	await at(start, 18);
	await w.control('salesforce', 'office', { edits: 150 });
	await pause(400);
	await w.stopDaemon('SIGKILL');
	say('       the daemon is killed (SIGKILL) in the middle of a burst of 150 edits');
	seen.dead = await scene(w, 'three-statuses');
	say(`       while it is dead, placement ${seen.dead.placement} goes through three statuses: ${steps(seen.dead)}`);
	await at(start, 21);
	w.startDaemon();
	say('       it is started again');

	await at(start, 30);
	const office = await w.control('salesforce', 'office', { stop: true });
	say(`       ${number(office.total)} edits were made: ${Object.entries(office.done).filter(([, n]) => n).map(([k, n]) => `${n} ${k}`).join(', ')}`);
	return seen;
}

// ---- what came of it

function problems(report) {
	const list = report.records.flatMap((r) => ['disagreements', 'duplicates', 'missing'].flatMap((k) => r[k].map((x) => `${r.record} ${k}: ${JSON.stringify(x)}`)));
	return [...list, ...report.transitions.wrong.map((x) => `transitions: ${JSON.stringify(x)}`)].slice(0, 20).join('\n');
}

// What the oracle finds contested or without a pair must be what the conflict
// log leaves to a person; neither more nor less.
function sameAsLog(report, log) {
	const told = new Set(log.filter((e) => e.kind === 'conflict').map((e) => `${e.record}.${e.field} ${e.ats.id}`));
	const found = new Set(report.records.flatMap((r) => r.contested.map((c) => `${r.record}.${c.field} ${c.ats}`)));
	const only = (a, b) => [...a].filter((x) => !b.has(x));
	must(!only(told, found).length && !only(found, told).length,
		`${found.size} values are a person's to decide: just the open conflicts of the log`,
		{ 'only in the log': only(told, found), 'only in the systems': only(found, told) });
	const unlinked = report.records.flatMap((r) => r.ambiguous.map((x) => `${r.record} ${x.of}`));
	const ambiguous = new Set(log.filter((e) => e.kind === 'ambiguous').flatMap((e) => [`${e.record} ${e.ats.id}`, `${e.record} ${e.salesforce.id}`]));
	must(unlinked.every((x) => ambiguous.has(x)),
		`${unlinked.length} records that several fit are not linked: the log asks a person`,
		unlinked.filter((x) => !ambiguous.has(x)));
}

async function copyRestored(w, s) {
	const [contact] = await w.control('salesforce', `dump?system=salesforce&object=Contact&id=${s.salesforce.id}`);
	const history = await w.control('salesforce', `writes?system=salesforce&object=Contact&id=${s.salesforce.id}`);
	const phones = history.filter((x) => x.fields.Phone).map((x) => `${x.fields.Phone.new} (${x.channel})`);
	const digits = (v) => (v ?? '').replace(/\D/g, '').slice(-10);
	must(digits(contact.fields.Phone) === digits(s.salesforce.before) && /api/.test(phones.at(-1)),
		`the read-only copy was restored: ${phones.join(', then ')}`, contact.fields);
}

function conflictWaits(log, s) {
	const e = log.find((x) => x.kind === 'conflict' && x.record === 'candidate' && x.field === 'mobile' && x.ats.id === s.candidate);
	must(e && e.ats.value === '+13125550111' && e.salesforce.value === '+13125550122',
		`the simultaneous edit waits for a person, with both values: ${e ? `${e.ats.value} and ${e.salesforce.value}` : 'there is no such entry'}`, e);
	return e;
}

async function arrived(w, placement) {
	const [row] = (await w.control('salesforce', 'dump?system=salesforce&object=Placement__c&fields=Bullhorn_Id__c'))
		.filter((r) => r.fields.Bullhorn_Id__c === placement);
	const list = await w.control('salesforce', `writes?system=salesforce&object=Placement__c&id=${row.id}`);
	const found = list.filter((x) => x.fields.Status__c);
	return [found[0]?.fields.Status__c.old, ...found.map((x) => x.fields.Status__c.new)].join(' -> ');
}

async function afterwards(w, seen, since) {
	head('Waiting until nothing is pending');
	const status = await w.quiet(90000);
	const report = await ends(w, since), log = (await conflicts(w)).entries;
	const spent = await callsOf(w, true);

	head('Looked at from outside');
	const pairs = report.records.reduce((n, r) => n + r.pairs, 0), values = report.records.reduce((n, r) => n + r.values, 0);
	must(report.agree, `${number(values)} values of ${number(pairs)} pairs were compared: both sides agree`, problems(report));
	sameAsLog(report, log);
	await copyRestored(w, seen.copy);
	const entry = conflictWaits(log, seen.both);
	const t = report.transitions;
	must(!t.wrong.length, `${t.expected} changes of status of ${t.records} placements all arrived, in order`, t.wrong.slice(0, 5));
	say(`       placement ${seen.fast.placement} in Salesforce: ${await arrived(w, seen.fast.placement)}`);
	say(`       placement ${seen.dead.placement} in Salesforce: ${await arrived(w, seen.dead.placement)}`);
	must(report.records.every((r) => !r.duplicates.length), 'nothing was created twice');
	must(status.ledger.balanced, `the marks balance: ${number(status.ledger.accepted)} accepted = ${number(status.ledger.settled)} settled + ${number(status.ledger.folded)} folded`, status.ledger);
	must(!log.some((e) => ['rejected', 'loop', 'undeliverable'].includes(e.kind)), 'no write was refused, nothing goes round in circles',
		log.filter((e) => ['rejected', 'loop', 'undeliverable'].includes(e.kind)).slice(0, 5));
	say(`       cost: ${cost(spent)}, the asking of the feeds included`);
	return entry;
}

async function resolve(w, entry, seen) {
	head('A person decides (treaty conflicts)');
	indent((await w.run(['conflicts', 'show', String(entry.id)])).out);
	say('');
	indent((await w.run(['conflicts', 'resolve', String(entry.id), '--take', 'salesforce', '--as', 'Dana Whitfield'])).out);
	await until(async () => !(await w.json(['conflicts', 'show', String(entry.id)])).open, 'the decision is carried out', 20000, 100);
	await w.quiet(30000);
	const [candidate] = await w.control('bullhorn', `dump?system=bullhorn&object=Candidate&id=${seen.both.candidate}&fields=mobile`);
	const digits = candidate.fields.mobile.replace(/\D/g, '').slice(-10);
	must(digits === '3125550122', `Bullhorn holds what Salesforce held: ${candidate.fields.mobile}`);
	say('');
	indent((await w.run(['explain', 'ats', 'Candidate', seen.both.candidate, 'mobile'])).out);
}

// Our own writes come back as changes, too: they must not set off others.
async function silence(w, since) {
	const before = await ends(w, since);
	await pause(4000);
	const after = await ask({ ...w.url, since, idleSince: before.seq });
	const more = [...after.writes_after.bullhorn, ...after.writes_after.salesforce];
	say('');
	must(after.agree && !more.length, 'both sides still agree, and nothing more is written', problems(after) || more.slice(0, 5));
	const preview = await w.run(['preview'], { also: [2] });
	must(preview.code === 0, 'a preview finds nothing that would change', preview.out);
}

// ---- all of it

function playWith(w) {
	say(`
Everything keeps running. To play with it:

  cd ${w.dir}
  export PATH=${resolvePath(build, 'src/cli')}:${resolvePath(build, 'sandbox')}:$PATH
  export BULLHORN_PASSWORD=sandbox-password BULLHORN_CLIENT_SECRET=sandbox-secret
  treaty status
  treaty conflicts
  treaty-sandbox edit bullhorn Candidate 17 phone='(312) 555-0100' --port-file ports
  treaty explain ats Candidate 17 phone
  treaty-sandbox fault salesforce outage for_ms=10000 --port-file ports
  treaty pause candidate.phone
  tail -f daemon.log

To end it:  kill ${w.daemon.pid} ${w.sandbox.pid}; rm -r ${w.dir}`);
}

async function main() {
	head('A staffing firm in two systems');
	const w = await World.start(build, { size: 'try', seed, keep, timeout: '10s', limits: { ats: { per_minute: 6000 } } });
	let stopped = false;
	const stop = () => {
		stopped = true;
		w.end().then(() => process.exit(130));
	};
	process.once('SIGINT', stop).once('SIGTERM', stop);
	try {
		const o = await w.control('salesforce', '');
		say(`       Bullhorn:   ${number(o.bullhorn.rows.Candidate)} candidates, ${number(o.bullhorn.rows.ClientCorporation)} companies, ${number(o.bullhorn.rows.JobOrder)} job orders, ${number(o.bullhorn.rows.Placement)} placements`);
		say(`       Salesforce: ${number(o.salesforce.rows.Contact)} contacts, ${number(o.salesforce.rows.Account)} accounts, ${number(o.salesforce.rows.Job_Order__c)} job orders, ${number(o.salesforce.rows.Placement__c)} placements: partly filled, partly other values`);
		const first = await firstSync(w);
		const seen = await halfMinute(w);
		const entry = await afterwards(w, seen, first.seq);
		if (entry)
			await resolve(w, entry, seen);
		await silence(w, first.seq);
		head('Where everything stands (treaty status)');
		indent((await w.run(['status'])).out);
		say(failed ? `\n${failed} of it is NOT as it should be. The logs: ${w.dir}` : '\nAll of it is as it should be.');
		if (failed)
			w.options.keep = true;
	} catch (e) {
		if (stopped)
			return;
		say(`\nIt went wrong: ${e.message}\nThe logs: ${w.dir}`);
		w.options.keep = true;
		failed++;
	}
	if (keep && !failed) {
		playWith(w);
		process.exit(0);
	}
	await w.end();
	process.exit(failed ? 1 : 0);
}

await main();

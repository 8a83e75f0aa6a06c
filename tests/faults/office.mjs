// The random office. Each hour: people on both sides edit, one by one, in bursts
// and by mass update, delete, merge and bring back; the systems fail in every way
// that the sandbox knows; the daemon is paused, ended and killed. Then all troubles
// end, people decide what is theirs, and when nothing is pending any more the
// oracle, which knows nothing of the engine, compares both systems' own write
// histories with the treaty. All is drawn from one seed.
import { randomInt } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { World, pause } from '../../tools/world.mjs';
import { check, liftLoops, look, random, trouble, troubles } from './common.mjs';

const options = { days: 1, hours: 3, size: 90, deadline: 240000, minutes: 0, deeds: 26 };

function parse(args) {
	const o = { ...options, seed: randomInt(1, 2 ** 31) };
	if (args.includes('--long'))
		Object.assign(o, { minutes: 240, hours: 12, deeds: 60, deadline: 900000 });
	for (const name of ['seed', 'days', 'hours', 'size', 'minutes', 'deeds']) {
		const at = args.indexOf(`--${name}`);
		if (at >= 0)
			o[name] = Number(args[at + 1]);
	}
	return o;
}

// ---- more troubles than the common ones

const fault = (system, spec) => (w, r) => w.control(system, 'fault', { ...spec, count: 1 + r.below(3) });
const both = ['salesforce', 'bullhorn'];
const more = both.flatMap((system) => [
	[`${system}: executed late`, fault(system, { kind: 'late', method: system === 'bullhorn' ? 'POST' : 'PATCH', delay_ms: 1500 })],
	[`${system}: executed after the client gave up`, fault(system, { kind: 'late', contains: system === 'bullhorn' ? 'entity' : 'composite', method: 'POST', delay_ms: 6500 })],
	[`${system}: creates executed after the client gave up`, fault(system, { kind: 'late', contains: system === 'bullhorn' ? 'entity' : 'composite', method: system === 'bullhorn' ? 'PUT' : 'PATCH', delay_ms: 6500 })],
	[`${system}: errors 500`, fault(system, { kind: '500' })],
	[`${system}: HTML instead of JSON`, fault(system, { kind: 'html' })],
	[`${system}: too many calls`, fault(system, { kind: 'rate' })],
	[`${system}: slow`, (w, r) => w.control(system, 'fault', { kind: 'slow', percent: 40, delay_ms: 200 + r.below(1500), for_ms: 4000 })],
	[`${system}: half of all answers lost`, (w, r) => w.control(system, 'fault', { kind: 'lost-answer', percent: 50, for_ms: 1500 + r.below(3000) })],
]).concat([
	['Bullhorn: events doubled and in disorder', (w) => w.control('bullhorn', 'queue', { duplicate_percent: 50, disorder_percent: 50 })],
	['Salesforce: one event for equal changes', (w) => w.control('salesforce', 'merge-events', { on: true })],
	['Bullhorn: access tokens expire', (w) => w.control('bullhorn', 'sessions', { expire: 'access' })],
]);
const all = [...troubles, ...more];

async function end(w) {
	for (const system of both)
		await w.control(system, 'fault', { kind: 'none' });
	await w.control('salesforce', 'lock-rows', { count: 0 });
	await w.control('salesforce', 'merge-events', { on: false });
	await w.control('bullhorn', 'queue', { duplicate_percent: 0, disorder_percent: 0 });
}

// ---- people

const rows = (w, system, object, fields, gone = false) =>
	w.control(system, `dump?system=${system}&object=${object}&fields=${fields}${gone ? '&deleted=true' : ''}`);

// Records that no other refers to: what happens to a record is not to depend on
// what the system does with those that refer to it.
async function unreferenced(w, system, object, fields) {
	const field = { Candidate: 'candidate', JobOrder: 'jobOrder', Contact: 'Candidate__c', Job_Order__c: 'Job_Order__c' }[object];
	const placements = await rows(w, system, system === 'bullhorn' ? 'Placement' : 'Placement__c', field);
	const used = new Set(placements.map((p) => p.fields[field]));
	return (await rows(w, system, object, fields)).filter((x) => !used.has(x.id));
}

const statuses = ['Active', 'Available', 'Interviewing', 'Inactive', 'New Lead'];
// A person is refused by the system sometimes: that is no trouble.
const mayFail = (work) => work.catch((e) => { if (!/^\w[\w-]*: \{/.test(e.message)) throw e; });
const edit = (w, system, object, id, fields) => mayFail(w.control(system, 'edit', { object, id, fields }));
const number = (r) => `(312) 555-0${100 + r.below(100)}`;

async function linkedCandidate(w, r) {
	return r.of((await rows(w, 'salesforce', 'Contact', 'Bullhorn_Id__c')).filter((c) => c.fields.Bullhorn_Id__c));
}

// [weight, deed]; each is one thing that somebody does.
const deeds = [
	[30, (w, r) => w.control('bullhorn', 'office', { edits: 1 + r.below(6) })],
	[6, (w, r) => w.control('bullhorn', 'office', { edits: 30 + r.below(60) })],
	[8, (w) => mayFail(w.control('bullhorn', 'scenario', { scene: 'three-statuses' }))],
	[6, async (w, r) => edit(w, 'salesforce', 'Contact', (await linkedCandidate(w, r)).id, { Phone: number(r), Title: `Title ${r.below(50)}` })],
	[10, async (w, r) => { // both sides of a field that both write, at once or a little apart
		const c = await linkedCandidate(w, r);
		await edit(w, 'bullhorn', 'Candidate', c.fields.Bullhorn_Id__c, { mobile: number(r) });
		await pause(r.below(3) * r.below(400));
		await edit(w, 'salesforce', 'Contact', c.id, { MobilePhone: number(r) });
	}],
	[8, async (w, r) => { // the same field, the same record, again and again
		const c = await linkedCandidate(w, r);
		for (let i = 0; i < 2 + r.below(4); i++) {
			await (r.below(3) ? edit(w, 'bullhorn', 'Candidate', c.fields.Bullhorn_Id__c, { phone: number(r), occupation: `Trade ${r.below(9)}` }) :
				edit(w, 'salesforce', 'Contact', c.id, { Phone: number(r) }));
			await pause(r.below(300));
		}
	}],
	[4, (w, r) => w.control('bullhorn', 'bulk-edit', { object: 'Candidate', all: true, limit: 20 + r.below(60), fields: { occupation: `Welder {n}-${r.below(100)}` } })],
	[3, (w, r) => w.control('salesforce', 'bulk-edit', { object: 'Job_Order__c', all: true, limit: 5 + r.below(20), fields: { Openings__c: String(1 + r.below(9)) } })],
	[3, (w, r) => w.control('salesforce', 'bulk-edit', { object: 'Contact', all: true, limit: 5 + r.below(20), fields: { Title: `Mass {n}-${r.below(100)}` } })],
	[6, (w, r) => mayFail(w.control('salesforce', 'create', { object: 'Job_Order__c', fields: { Name: `Night shift ${w.made++}`,
		Account__c: r.of(w.accounts), Employment_Type__c: 'Contract', Openings__c: '2' } }))],
	[3, (w, r) => mayFail(w.control('bullhorn', 'create', { object: 'Candidate', fields: { firstName: 'Ada', lastName: `Newcomer ${w.made}`, name: `Ada Newcomer ${w.made}`,
		email: `ada.newcomer${w.made++}.${r.below(1e6)}@example.org`, status: r.of(statuses) } }))],
	[2, async (w, r) => { // deleted in the copy: a person's from then on, unless it comes back
		const found = (await unreferenced(w, 'salesforce', 'Contact', 'Bullhorn_Id__c')).filter((c) => c.fields.Bullhorn_Id__c);
		if (found.length)
			await mayFail(w.control('salesforce', 'delete', { object: 'Contact', id: r.of(found).id }));
	}],
	[1, async (w, r) => {
		const found = (await unreferenced(w, 'bullhorn', 'Candidate', 'email'));
		if (found.length)
			await mayFail(w.control('bullhorn', 'delete', { object: 'Candidate', id: r.of(found).id }));
	}],
	[3, async (w, r) => {
		const gone = (await rows(w, 'salesforce', 'Contact', 'Bullhorn_Id__c', true)).filter((c) => c.deleted && c.fields.Bullhorn_Id__c && !w.mergedAway.has(c.id));
		if (gone.length)
			await mayFail(w.control('salesforce', 'undelete', { object: 'Contact', id: r.of(gone).id }));
	}],
	[1, async (w, r) => { // a contact that nobody linked takes in one that is
		const found = await unreferenced(w, 'salesforce', 'Contact', 'Bullhorn_Id__c');
		const linked = found.filter((c) => c.fields.Bullhorn_Id__c), alone = found.filter((c) => !c.fields.Bullhorn_Id__c);
		if (!linked.length || !alone.length)
			return;
		const loser = r.of(linked).id;
		w.mergedAway.add(loser);
		await mayFail(w.control('salesforce', 'merge', { object: 'Contact', winner: r.of(alone).id, loser }));
	}],
];

// ---- the operator

const SCOPES = ['all', 'ats', 'salesforce', 'candidate', 'placement', 'candidate.mobile'];

async function restart(w, signal) {
	w.alive();
	w.deaths.push(Date.now());
	const gone = await w.stopDaemon(signal);
	if (signal === 'SIGTERM' && gone.code !== 0)
		throw new Error(`the daemon ended with ${gone.signal ?? gone.code} when asked to stop:\n${w.log('daemon.log')}`);
	w.deaths.push(Date.now());
	appendFileSync(`${w.dir}/daemon.log`, `--- ${signal}\n`);
	w.startDaemon(w.daemonEnv);
	w.count.restarts++;
}

async function resolveOne(w, r) {
	const open = (await w.json(['conflicts', '--limit', '1000'])).entries.filter((e) => e.kind === 'conflict');
	if (!open.length)
		return;
	// two people may have the same list: what is closed meanwhile is refused
	await w.run(['conflicts', 'resolve', String(r.of(open).id), '--take', r.of(['ats', 'salesforce'])], { also: [1] });
	w.count.resolved++;
}

const operator = [
	[10, async (w, r) => { const [name, begin] = r.of(all); await begin(w, r); w.count.troubles++; w.last.push(name); }],
	[2, (w, r) => restart(w, r.of(['SIGKILL', 'SIGKILL', 'SIGTERM']))],
	[1, async (w, r) => { w.paused = r.of(SCOPES); await w.run(['pause', w.paused]); }],
	[2, async (w) => { if (w.paused) await w.run(['resume', w.paused]); w.paused = null; }],
	[3, resolveOne],
];

function draw(r, list) {
	let n = r.below(list.reduce((sum, [weight]) => sum + weight, 0));
	return list.find(([weight]) => (n -= weight) < 0)[1];
}

// ---- an hour, and a day of them

async function comeToRest(w, o) {
	await end(w);
	if (w.paused)
		await w.run(['resume', w.paused]);
	w.paused = null;
	await liftLoops(w, o.deadline);
}

const report = async (w, more = {}) => look(w, { ...more, deaths: w.deaths,
	entries: (await w.json(['conflicts', '--all', '--reveal', '--limit', '100000'])).entries });

async function hour(w, o, r, n) {
	const from = Date.now();
	w.last = [];
	for (let i = 0; i < o.deeds; i++) {
		await draw(r, r.below(4) ? deeds : operator)(w, r);
		await pause(r.below(4) ? r.below(120) : r.below(700));
		w.alive();
	}
	await comeToRest(w, o);
	const found = await report(w, { since: w.since });
	await check(w, found);
	w.told = found.overwritten.told.length;
	w.window = found.overwritten.window.length;
	console.log(`hour ${String(n).padStart(3)}  ${((Date.now() - from) / 1000).toFixed(0).padStart(3)} s  ` +
		`${found.overwritten.told.length} overwritten and told, ${found.overwritten.window.length} in the window, ${found.transitions.expected} transitions  ${w.last.join(', ')}`);
	return found;
}

// An oracle that cannot say no proves nothing.
async function blindness(w) {
	const deaf = await look(w, { since: w.since, deaths: w.deaths, entries: [] });
	if (w.told > 5 && !deaf.overwritten.silent.length)
		trouble('the oracle does not see that an entry is missing', [deaf.overwritten]);
}

// The sandbox forgets when it ends: what it knows of who wrote and read what.
async function evidence(w) {
	for (const system of both)
		for (const what of ['writes', 'reads'])
			await fetch(`${w.url[system]}/_sandbox/${what}?system=${system}`).then(async (a) => writeFileSync(join(w.dir, `${system}-${what}.json`), await a.text()), () => {});
}

async function day(build, o, seed) {
	const r = random(seed);
	// not Bullhorn's 1,500 calls a minute: the time would go into waiting for them
	const w = await World.start(build, { size: o.size, seed: 1 + r.below(1000), poll: '300ms', timeout: '5s', keep: true, unlimited: true,
		sandbox: ['--latency-ms', String(1 + r.below(12))] });
	Object.assign(w, { made: 1, deaths: [], mergedAway: new Set(), paused: null, last: [], lifted: 0, daemonEnv: { ASAN_OPTIONS: 'detect_leaks=1:halt_on_error=1' },
		count: { restarts: 0, troubles: 0, resolved: 0 } });
	try {
		w.accounts = (await rows(w, 'salesforce', 'Account', 'Bullhorn_Id__c')).filter((a) => a.fields.Bullhorn_Id__c).map((a) => a.id);
		await w.run(['link']);
		w.startDaemon(w.daemonEnv);
		await w.quiet(o.deadline);
		const first = await look(w);
		await check(w, first);
		w.since = first.seq;
		for (const system of both)
			await w.control(system, 'note-reads', { on: true });
		let found = null;
		for (let n = 1; n <= o.hours; n++)
			found = await hour(w, o, r, n);
		await blindness(w);
		await w.quiet(o.deadline);
		await check(w, await report(w, { since: w.since, idleSince: found.seq }));
		const gone = await w.stopDaemon();
		if (gone.code !== 0)
			throw new Error(`the daemon ended with ${gone.signal ?? gone.code} when asked to stop:\n${w.log('daemon.log')}`);
		w.options.keep = false;
		return w;
	} catch (e) {
		await evidence(w);
		console.error(`${e.message}\n--- daemon.log\n${w.log('daemon.log')}\nkept: ${w.dir}; again: tests/faults/office.sh BUILD_DIR --seed ${seed}`);
		process.exitCode = 1;
		return null;
	} finally {
		await w.end();
	}
}

async function main() {
	const [build, ...args] = process.argv.slice(2);
	const o = parse(args), until = Date.now() + o.minutes * 60000;
	const sum = { days: 0, told: 0, window: 0, restarts: 0, troubles: 0, resolved: 0, lifted: 0 };
	for (let seed = o.seed; o.minutes ? Date.now() < until : sum.days < o.days; seed++) {
		console.log(`seed ${seed}`);
		const w = await day(build, o, seed);
		if (!w)
			return;
		sum.days++;
		sum.told += w.told;
		sum.window += w.window;
		sum.lifted += w.lifted;
		for (const name of Object.keys(w.count))
			sum[name] += w.count[name];
	}
	console.log(`${sum.days} days of ${o.hours} hours: agreement each time; ${sum.troubles} troubles, ${sum.restarts} restarts and deaths, ` +
		`${sum.resolved} decisions by people, ${sum.lifted} loops lifted; overwritten: ${sum.told} told, 0 silent, ${sum.window} in the window`);
}

await main();

// common.mjs - what the runs under faults share: numbers drawn from a seed, the
// troubles of the systems, and what must hold when all is quiet.
import { ask } from '../../tools/oracle.mjs';

// xorshift32: the seed is printed, and gives the same moments and troubles.
export function random(seed) {
	let x = seed >>> 0 || 1;
	const next = () => {
		x ^= x << 13;
		x ^= x >>> 17;
		x ^= x << 5;
		x >>>= 0;
		return x / 2 ** 32;
	};
	return { below: (n) => Math.floor(next() * n), of: (list) => list[Math.floor(next() * list.length)] };
}

// ---- trouble of the systems, over by itself

export const troubles = [
	['nothing', async () => {}],
	['Salesforce: answers to writes lost', (w, r) => w.control('salesforce', 'fault', { kind: 'lost-answer', method: 'POST', contains: 'composite', count: 1 + r.below(3) })],
	['Salesforce: answers to updates lost', (w, r) => w.control('salesforce', 'fault', { kind: 'lost-answer', method: 'PATCH', count: 1 + r.below(3) })],
	['Bullhorn: answers to creates lost', (w, r) => w.control('bullhorn', 'fault', { kind: 'lost-answer', method: 'PUT', contains: 'entity', count: 1 + r.below(3) })],
	['Bullhorn: answers to updates lost', (w, r) => w.control('bullhorn', 'fault', { kind: 'lost-answer', method: 'POST', contains: 'entity', count: 1 + r.below(3) })],
	['Bullhorn: answers of the feed lost', (w, r) => w.control('bullhorn', 'fault', { kind: 'lost-answer', method: 'GET', contains: 'subscription', count: 1 + r.below(3) })],
	['both: connections reset', async (w, r) => {
		await w.control('salesforce', 'fault', { kind: 'reset', percent: 30, count: 1 + r.below(4) });
		await w.control('bullhorn', 'fault', { kind: 'reset', percent: 30, count: 1 + r.below(4) });
	}],
	['Salesforce: away for some seconds', (w, r) => w.control('salesforce', 'fault', { kind: 'outage', for_ms: 1000 + r.below(2000) })],
	['Bullhorn: away for some seconds', (w, r) => w.control('bullhorn', 'fault', { kind: 'outage', for_ms: 1000 + r.below(2000) })],
	['Salesforce: down for maintenance', (w, r) => w.control('salesforce', 'fault', { kind: '503', count: 1 + r.below(3) })],
	['Bullhorn: answers cut short', (w, r) => w.control('bullhorn', 'fault', { kind: 'truncated', method: 'GET', count: 1 + r.below(3) })],
	['Salesforce: answers cut short', (w, r) => w.control('salesforce', 'fault', { kind: 'truncated', method: 'POST', contains: 'composite', count: 1 + r.below(2) })],
	['both: sessions expire', async (w) => {
		await w.control('salesforce', 'expire-sessions', {});
		await w.control('bullhorn', 'fault', { kind: 'session', count: 1 });
	}],
	['Salesforce: streaming client forgotten', (w) => w.control('salesforce', 'forget-clients', {})],
	['Salesforce: rows locked', (w, r) => w.control('salesforce', 'lock-rows', { count: 1 + r.below(20) })],
];

// ---- people

// Edits of all kinds by the office, placements that are moved on several times
// between two looks, and job orders that must be made in the ATS, where no key
// keeps a repeated create from making two.
async function lane(w, edits, r) {
	for (let done = 0; done < edits;) {
		const n = Math.min(10 + r.below(40), edits - done);
		await w.control('bullhorn', 'office', { edits: n });
		await w.control('bullhorn', 'scenario', { scene: 'three-statuses' });
		await w.control('salesforce', 'create', { object: 'Job_Order__c', fields: { Name: `Night shift ${w.made++}`,
			Account__c: r.of(w.accounts), Employment_Type__c: 'Contract', Openings__c: '2' } });
		done += n + 4;
	}
}

// Several people at once: a burst, not a queue.
export async function burst(w, edits, r) {
	const lanes = edits > 1000 ? 4 : 1;
	await Promise.all(Array.from({ length: lanes }, () => lane(w, edits / lanes, random(1 + r.below(2 ** 31 - 1)))));
}

// ---- what must hold when all is quiet

export const look = (w, more = {}) => ask({ bullhorn: w.url.bullhorn, salesforce: w.url.salesforce, ...more });

export function trouble(what, list) {
	throw new Error(`${what}:\n${list.slice(0, 10).map((x) => JSON.stringify(x)).join('\n')}`);
}

// What the oracle leaves to people is in the conflict log, and nothing else of
// its kinds.
async function checkConflicts(w, report) {
	const open = (await w.json(['conflicts', '--limit', '100000'])).entries.filter((e) => e.open);
	const told = new Set(open.filter((e) => e.kind === 'conflict').map((e) => `${e.record} ${e.ats.id} ${e.field}`));
	const seen = report.records.flatMap((r) => r.contested.map((c) => `${r.record} ${c.ats} ${c.field}`));
	const silent = seen.filter((c) => !told.has(c));
	if (silent.length)
		trouble('the sides differ in a field that both write, and the conflict log does not say so', silent);
	// a record that is gone is a person's, and nobody else's
	const gone = (e) => e.kind === 'undeliverable' && report.records.some((r) => r.record === e.record && r.broken > 0);
	const strange = open.filter((e) => ['rejected', 'loop', 'undeliverable', 'drift', 'unavailable'].includes(e.kind) && !gone(e));
	if (strange.length)
		trouble('entries that no one gave a reason for', strange);
}

// In hours of edits some copy is edited for a fourth time within a day, and
// writing to it stops: rightly, so somebody says that it was no loop. Each must
// be of a field that people did edit so often. Ends in quiet.
export async function liftLoops(w, deadline) {
	for (;;) {
		await w.quiet(deadline);
		const loops = (await w.json(['conflicts', '--limit', '100000'])).entries.filter((e) => e.open && e.kind === 'loop');
		if (!loops.length)
			return;
		for (const e of loops) {
			if (!/restored 3 times/.test(e.detail))
				trouble('writing stopped for another reason than edits of a copy', [e]);
			await w.run(['conflicts', 'resolve', String(e.id), '--retry', '--as', 'the test']);
			w.lifted++;
		}
	}
}

export async function check(w, report) {
	for (const r of report.records)
		for (const what of ['disagreements', 'duplicates', 'missing'])
			if (r[what].length)
				trouble(`${r.record}: ${r[what].length} ${what}`, r[what]);
	if (report.transitions.wrong.length)
		trouble(`${report.transitions.wrong.length} placements with other transitions`, report.transitions.wrong);
	for (const [system, list] of Object.entries(report.writes_after))
		if (list.length)
			trouble(`${list.length} writes to ${system} after all was quiet`, list);
	if (report.overwritten?.silent.length)
		trouble(`${report.overwritten.silent.length} values that a read had shown were overwritten, and nobody was told`,
			report.overwritten.silent);
	await checkConflicts(w, report);
}

#!/usr/bin/env node
// oracle.mjs - says whether two sandbox systems agree, knowing nothing of Treaty.
//
//   oracle.mjs --bullhorn URL --salesforce URL [--fields FILE] [--json]
//              [--since BULLHORN,SALESFORCE] [--idle-since BULLHORN,SALESFORCE]
//
// It looks at the records and at who wrote what (the sandbox's control
// endpoints) and compares by a field table of its own (oracle-acme.json), which
// was written by hand from the example treaty. URL: http://127.0.0.1:PORT.
//
//   --fields FILE   another field table
//   --since B,S     positions in the write logs ('seq' of an earlier report):
//                   a placement that was linked then must show every transition
//                   since. Without it the first value that we ever wrote begins.
//   --idle-since B,S  writes by the integration after these positions are told
//                   in 'writes_after': none are expected once all is quiet
//
// Exit 0: they agree. 1: they do not. 2: could not look.
//
// With --json one object:
//   {"agree": bool,
//    "records": [{"record", "ats": n, "salesforce": n, "pairs": n, "values": n compared,
//      "disagreements": [{"ats": id, "salesforce": id, "field", "ats_value", "salesforce_value",
//                         "expected"}],
//      "contested": [..the same; fields that both sides write: a person's],
//      "duplicates": [{"why", "ats": [ids], "salesforce": [ids]}],
//      "missing": [{"side": where, "of": id there is, "why"}],
//      "ambiguous": [{"side", "of", "fits": [ids]}: no pair, several or taken fit: a person's],
//      "waiting": [{"side", "of", "for"}: refers to a record without a pair]}],
//    "transitions": {"records": n with any, "expected": n, "delivered": n,
//      "wrong": [{"ats", "salesforce", "expected": [values], "delivered": [values]}]},
//    "writes_after": {"bullhorn": [..], "salesforce": [..]},
//    "overwritten": {"told": [..], "silent": [..], "window": [..]} when asked for,
//    "seq": "BULLHORN,SALESFORCE"}
// 'agree' is false for any disagreement, duplicate, missing record, wrong
// transition, write after or value overwritten in silence; contested, ambiguous,
// waiting and what fell into the window do not count. Pairs of which a record
// was deleted or merged away are left to people and only counted ('broken').
//
// ask() takes two things more, and then tells what was overwritten (losses.mjs):
// entries (of 'treaty conflicts --all --reveal --json') and deaths (times in ms
// at which the program was ended).
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { losses } from './losses.mjs';

for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY']) delete process.env[name];

// ---- canonical forms: null, or a text that is equal when the values are

const phone = (text) => {
	const [, main, extension] = text.match(/^(.*?)(?:\s*(?:;ext=|extension|ext\.?|x|#)[\s.:]*(\d+))?$/is);
	let digits = main.replace(/\D/g, '');
	if (/[^\d\s().\/+-]/.test(main) || !digits)
		return text.trim();
	if (main.trim()[0] !== '+' && digits.length === 10)
		digits = `1${digits}`;
	return `+${digits}${extension ? ` x${extension}` : ''}`;
};
const date = (text) => (/^-?\d+$/.test(text) ? new Date(Number(text)).toISOString() : text).slice(0, 10);
const set = (text) => [...new Set(text.split(/[;,]/).map((s) => s.trim()).filter(Boolean))].sort().join(';') || null;

const forms = {
	text: (v) => v.normalize('NFC').trim() || null,
	email: (v) => v.trim().toLowerCase() || null,
	phone, date, set,
	number: (v) => String(Number(v)),
	bool: (v) => (v === 'true' ? 'true' : 'false'),
};
const canonical = (form, v) => (v === null || v === undefined || v === '' ? (form === 'bool' ? 'false' : null) : forms[form](v));

// ---- what the sandbox holds

const get = async (url) => {
	const answer = await fetch(url);
	if (!answer.ok)
		throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
	return answer.json();
};

const systems = { ats: 'bullhorn', salesforce: 'salesforce' };

async function dump(urls, side, object, fields) {
	const list = [...new Set(fields)].join(',');
	const rows = await get(`${urls[side]}/_sandbox/dump?system=${systems[side]}&object=${object}&deleted=true&fields=${list}`);
	return rows.map((r) => ({ id: r.id, gone: r.deleted, ...r.fields }));
}

const writes = (urls, side, object, since) =>
	get(`${urls[side]}/_sandbox/writes?system=${systems[side]}&object=${object}&since=${since}`);

// What reads by record id showed, if the sandbox keeps that: object -> id -> [{seq, answered}].
async function readsOf(urls, side) {
	const found = new Map();
	for (const [object, id, seq, answered] of (await get(`${urls[side]}/_sandbox/reads?system=${systems[side]}`)).reads) {
		const of = found.get(object) ?? found.set(object, new Map()).get(object);
		(of.get(id) ?? of.set(id, []).get(id)).push({ seq, answered });
	}
	return found;
}

// ---- one record type

// 'broken': ids of records whose counterpart is gone; 'pairs': all, gone or not.
function readType(type, all) {
	const sides = {}, gone = {};
	for (const side of ['ats', 'salesforce']) {
		sides[side] = all[side].filter((r) => !r.gone);
		gone[side] = all[side].filter((r) => r.gone);
	}
	const t = { type, ...sides, byId: {}, toSalesforce: new Map(), toAts: new Map(), pairs: [],
		broken: { ats: new Set(), salesforce: new Set() } };
	for (const side of ['ats', 'salesforce'])
		t.byId[side] = new Map(sides[side].map((r) => [r.id, r]));
	const atsRow = new Map(all.ats.map((r) => [r.id, r]));
	for (const r of [...sides.salesforce, ...gone.salesforce]) {
		const a = atsRow.get(r.Bullhorn_Id__c);
		if (!a)
			continue;
		t.pairs.push({ ats: a.id, salesforce: r.id, now: { ats: a, salesforce: r } });
		if (a.gone)
			t.broken.salesforce.add(r.id);
		if (r.gone)
			t.broken.ats.add(a.id);
	}
	for (const r of sides.salesforce)
		if (r.Bullhorn_Id__c && t.byId.ats.has(r.Bullhorn_Id__c) && !t.toSalesforce.has(r.Bullhorn_Id__c)) {
			t.toSalesforce.set(r.Bullhorn_Id__c, r.id);
			t.toAts.set(r.id, r.Bullhorn_Id__c);
		}
	return t;
}

// What the ATS's value is in Salesforce, in canonical form; undefined: it has
// no counterpart there.
function expected(all, f, v) {
	if (f.form === 'link')
		return v ? all[f.to].toSalesforce.get(v) : null;
	if (f.map)
		return v ? f.map[v] : null;
	if (f.cut && v)
		v = [...v].slice(0, f.cut).join('');
	return canonical(f.form ?? 'text', v);
}
const shown = (f, v) => (f.form === 'link' || f.map ? v || null : canonical(f.form ?? 'text', v));

// At the first agreement an owner that shows nothing erases nothing, and as long
// as it shows nothing the copy is people's. Known of pairs that the log saw made.
function ownerNeverSpoke(log, f, ats, salesforce, now) {
	const made = (log.salesforce.get(salesforce) ?? []).filter((w) => w.fields.Bullhorn_Id__c?.new === ats).at(-1);
	if (!made)
		return false;
	const later = (log.salesforce.get(salesforce) ?? []).find((w) => w.seq > made.seq && w.fields[f.salesforce]);
	const then = made.fields[f.salesforce] ?? (later ? { new: later.fields[f.salesforce].old } : { new: now });
	return Boolean(then.new) && !(log.ats.get(ats) ?? []).some((w) => w.at_ms >= made.at_ms && w.fields[f.ats]);
}

function compare(all, t, log, out) {
	for (const [ats, salesforce] of t.toSalesforce) {
		const a = t.byId.ats.get(ats), s = t.byId.salesforce.get(salesforce);
		out.pairs++;
		for (const f of t.type.fields) {
			const want = expected(all, f, a[f.ats]), have = shown(f, s[f.salesforce]);
			if (want === undefined) {
				out.waiting.push({ side: 'salesforce', of: ats, for: `${f.name}: ${a[f.ats]}` });
				continue;
			}
			out.values++;
			if (want !== have && !(want === null && !f.both && ownerNeverSpoke(log, f, ats, salesforce, s[f.salesforce])))
				out[f.both ? 'contested' : 'disagreements'].push({ ats, salesforce, field: f.name,
					ats_value: a[f.ats] ?? null, salesforce_value: s[f.salesforce] ?? null, expected: want });
		}
		const key = t.type.ats_key;
		if (key && a[key] !== salesforce)
			out.disagreements.push({ ats, salesforce, field: key, ats_value: a[key] ?? null,
				salesforce_value: salesforce, expected: salesforce });
	}
}

// ---- two records for one

function group(rows, keyOf) {
	const groups = new Map();
	for (const r of rows) {
		const k = keyOf(r);
		if (k)
			groups.set(k, [...(groups.get(k) ?? []), r.id]);
	}
	return [...groups.values()].filter((ids) => ids.length > 1);
}

function duplicates(t, made, out) {
	const add = (why, ats, salesforce) => out.duplicates.push({ why, ats, salesforce });
	for (const ids of group(t.salesforce, (r) => r.Bullhorn_Id__c?.toLowerCase()))
		add('one Bullhorn_Id__c', [], ids);
	if (t.type.ats_key)
		for (const ids of group(t.ats, (r) => r[t.type.ats_key]))
			add(`one ${t.type.ats_key}`, ids, []);
	// what the integration made must be somebody's counterpart
	for (const id of made.salesforce)
		if (t.byId.salesforce.has(id) && !t.toAts.has(id) && !t.broken.salesforce.has(id))
			add('made by the integration, nobody\'s counterpart', [], [id]);
	for (const id of made.ats)
		if (t.byId.ats.has(id) && !t.toSalesforce.has(id) && !t.broken.ats.has(id))
			add('made by the integration, nobody\'s counterpart', [id], []);
}

// ---- records without a counterpart

function matchValues(all, t, side, r) {
	return t.type.match.map((rule) => {
		const parts = rule.map((name) => {
			const f = t.type.fields.find((x) => x.name === name);
			return side === 'ats' ? expected(all, f, r[f.ats]) : shown(f, r[f.salesforce]);
		});
		return parts.every((p) => p) ? parts.join('\u0000') : null;
	});
}

function alone(all, t, out) {
	const index = { ats: new Map(), salesforce: new Map() };
	for (const side of ['ats', 'salesforce'])
		for (const r of t[side])
			matchValues(all, t, side, r).forEach((v, rule) => {
				if (v)
					index[side].set(`${rule} ${v}`, [...(index[side].get(`${rule} ${v}`) ?? []), r.id]);
			});
	for (const side of ['ats', 'salesforce']) {
		const other = side === 'ats' ? 'salesforce' : 'ats';
		const paired = side === 'ats' ? t.toSalesforce : t.toAts;
		if (!t.type.creates.includes(other))
			continue;
		for (const r of t[side]) {
			if (paired.has(r.id) || t.broken[side].has(r.id))
				continue;
			const fits = matchValues(all, t, side, r).flatMap((v, rule) => index[other].get(`${rule} ${v}`) ?? []);
			const lacks = t.type.fields.find((f) => f.form === 'link' && r[f[side]] &&
				!all[f.to][side === 'ats' ? 'toSalesforce' : 'toAts'].has(r[f[side]]));
			if (fits.length)
				out.ambiguous.push({ side, of: r.id, fits: [...new Set(fits)] });
			else if (lacks)
				out.waiting.push({ side, of: r.id, for: `${lacks.name}: ${r[lacks[side]]}` });
			else
				out.missing.push({ side: other, of: r.id, why: 'nothing fits it, and it was not made' });
		}
	}
}

// ---- fields of which every step counts

const squeeze = (list) => list.filter((v, i) => i === 0 || v !== list[i - 1]);

// The values that a field went through on one side, from the first one known:
// the value before the oldest write, then each that was written.
function stepsOf(log, id, field, ours) {
	const steps = [];
	for (const w of log.get(id) ?? []) {
		const c = w.fields[field];
		if (!c)
			continue;
		if (!steps.length && w.kind !== 'insert')
			steps.push(c.old ?? null);
		if (!ours || w.channel === 'api')
			steps.push(c.new ?? null);
	}
	return steps;
}

const byRecord = (list) => {
	const log = new Map();
	for (const w of list)
		(log.get(w.id) ?? log.set(w.id, []).get(w.id)).push(w);
	return log;
};

// With a beginning that both sides agreed on, all that followed must arrive.
// Without one (linked only since), delivery begins with the value of that moment.
function follows(want, have, from_start) {
	const same = (a, b) => a.join('\n') === b.join('\n');
	if (from_start)
		return same(want, have);
	// ours are all but the first, which a copy made by hand may have held
	return want.some((_, k) => same(want.slice(k), have) || same(want.slice(k), have.slice(1)));
}

function transitions(t, log, known, out) {
	for (const f of t.type.fields.filter((x) => x.each))
		for (const [ats, salesforce] of t.toSalesforce) {
			const want = squeeze(stepsOf(log.ats, ats, f.ats, false).map((v) => (v === null ? null : f.map ? f.map[v] : v)));
			let have = squeeze(stepsOf(log.salesforce, salesforce, f.salesforce, true));
			if (!want.length && !have.length)
				continue;
			const was = known && !(log.salesforce.get(salesforce) ?? []).some((w) => w.kind === 'insert' || w.fields.Bullhorn_Id__c);
			if (!have.length)
				have = [t.byId.salesforce.get(salesforce)[f.salesforce] ?? null];
			if (!want.length)
				want.push(f.map[t.byId.ats.get(ats)[f.ats]]);
			out.records++;
			out.expected += want.length - 1;
			out.delivered += Math.min(have.length, want.length) - 1;
			if (!follows(want, have, was))
				out.wrong.push({ ats, salesforce, expected: want, delivered: have });
		}
}

// ---- what was written over

function overwritten(all, t, log, reads, options, out) {
	losses({ record: t.type.record, fields: t.type.fields, pairs: t.pairs, log, entries: options.entries, deaths: options.deaths ?? [],
		reads: { ats: reads.ats.get(t.type.ats) ?? new Map(), salesforce: reads.salesforce.get(t.type.salesforce) ?? new Map() },
		form: (side, f, v) => (side === 'ats' ? expected(all, f, v) : shown(f, v)) }, out);
}

// ---- all of it

async function look(urls, table, since, idle, options = {}) {
	const report = { agree: true, records: [], transitions: { records: 0, expected: 0, delivered: 0, wrong: [] },
		writes_after: { bullhorn: [], salesforce: [] } };
	const all = {}, logs = {};
	for (const type of table.records) {
		const keys = type.ats_key ? [type.ats_key] : [];
		const sides = {
			ats: await dump(urls, 'ats', type.ats, [...type.fields.map((f) => f.ats), ...keys]),
			salesforce: await dump(urls, 'salesforce', type.salesforce, [...type.fields.map((f) => f.salesforce), 'Bullhorn_Id__c']),
		};
		all[type.record] = readType(type, sides);
		logs[type.record] = { ats: await writes(urls, 'ats', type.ats, since[0]),
			salesforce: await writes(urls, 'salesforce', type.salesforce, since[1]) };
	}
	const newest = [since[0], since[1]];
	const reads = options.entries && { ats: await readsOf(urls, 'ats'), salesforce: await readsOf(urls, 'salesforce') };
	const over = { told: [], silent: [], window: [] };
	for (const type of table.records) {
		const t = all[type.record], log = logs[type.record];
		const out = { record: type.record, ats: t.ats.length, salesforce: t.salesforce.length, pairs: 0, values: 0,
			disagreements: [], contested: [], duplicates: [], missing: [], ambiguous: [], waiting: [],
			broken: t.broken.ats.size + t.broken.salesforce.size };
		const made = {};
		for (const [i, side] of ['ats', 'salesforce'].entries()) {
			made[side] = log[side].filter((w) => w.kind === 'insert' && w.channel === 'api').map((w) => w.id);
			newest[i] = log[side].reduce((n, w) => Math.max(n, w.seq), newest[i]);
			if (idle)
				report.writes_after[systems[side]].push(...log[side].filter((w) => w.seq > idle[i] && w.channel === 'api'));
		}
		const byId = { ats: byRecord(log.ats), salesforce: byRecord(log.salesforce) };
		compare(all, t, byId, out);
		duplicates(t, made, out);
		alone(all, t, out);
		transitions(t, byId, since[1] > 0, report.transitions);
		if (reads)
			overwritten(all, t, byId, reads, options, over);
		report.records.push(out);
		if (out.disagreements.length || out.duplicates.length || out.missing.length)
			report.agree = false;
	}
	if (report.transitions.wrong.length || report.writes_after.bullhorn.length || report.writes_after.salesforce.length)
		report.agree = false;
	if (reads)
		report.overwritten = over;
	if (over.silent.length)
		report.agree = false;
	report.seq = newest.join(',');
	return report;
}

export async function ask(options) {
	const file = options.fields ?? fileURLToPath(new URL('oracle-acme.json', import.meta.url));
	const position = (text) => (text ? text.split(',').map(Number) : undefined);
	return look({ ats: options.bullhorn, salesforce: options.salesforce }, JSON.parse(readFileSync(file, 'utf8')),
		position(options.since) ?? [0, 0], position(options.idleSince), options);
}

// ---- as a command

function print(report) {
	const columns = ['ats', 'salesforce', 'pairs', 'values', 'disagreements', 'contested', 'duplicates', 'missing', 'ambiguous', 'waiting'];
	console.log(`${'record'.padEnd(12)}${columns.map((c) => c.padStart(15)).join('')}`);
	for (const r of report.records)
		console.log(`${r.record.padEnd(12)}${columns.map((c) => String(r[c].length ?? r[c]).padStart(15)).join('')}`);
	const t = report.transitions;
	console.log(`transitions: ${t.expected} at the source of ${t.records} records, ${t.delivered} arrived, ${t.wrong.length} records wrong`);
	for (const r of report.records)
		for (const what of ['disagreements', 'duplicates', 'missing'])
			for (const one of r[what].slice(0, 10))
				console.log(`${r.record} ${what}: ${JSON.stringify(one)}`);
	for (const one of t.wrong.slice(0, 10))
		console.log(`transitions: ${JSON.stringify(one)}`);
	for (const [name, list] of Object.entries(report.writes_after))
		for (const w of list.slice(0, 10))
			console.log(`written after all was quiet: ${name} ${JSON.stringify(w)}`);
	console.log(report.agree ? 'They agree.' : 'They do NOT agree.');
}

async function main() {
	const options = {}, names = { '--bullhorn': 'bullhorn', '--salesforce': 'salesforce', '--fields': 'fields',
		'--since': 'since', '--idle-since': 'idleSince' };
	for (let i = 2; i < process.argv.length; i++) {
		const arg = process.argv[i];
		if (arg === '--json')
			options.json = true;
		else if (names[arg] && i + 1 < process.argv.length)
			options[names[arg]] = process.argv[++i];
		else
			throw new Error(`'${arg}': see the head of ${process.argv[1]}`);
	}
	if (!options.bullhorn || !options.salesforce)
		throw new Error('--bullhorn URL and --salesforce URL are needed');
	const report = await ask(options);
	if (options.json)
		console.log(JSON.stringify(report, null, 1));
	else
		print(report);
	process.exitCode = report.agree ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
	main().catch((e) => {
		console.error(`oracle: ${e.message}${e.cause ? `: ${e.cause.message}` : ''}`);
		process.exitCode = 2;
	});

// What bench/run measures. Times of changes come from the sandbox's own write
// logs (both systems are in one process and share one clock); memory is what
// /proc tells of the daemon.
import { execFileSync } from 'node:child_process';
import { createSign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { World, psql, until } from '../tools/world.mjs';
import { Firm } from '../tools/intake.mjs';
import { ask } from '../tools/oracle.mjs';

const [build, ...args] = process.argv.slice(2);
const quick = args.includes('--quick');
const many = args.includes('--many');
const only = args.includes('--only') ? args[args.indexOf('--only') + 1] : null;
const table = [];

// The store is a file, but where a part asks for the server.
const server = process.env.TREATY_TEST_POSTGRES;
delete process.env.TREATY_TEST_POSTGRES;

function row(what, value, aim = '', remark = '') {
	table.push({ what, value: String(value), aim, remark });
	console.log(`${what.padEnd(62)} ${String(value).padStart(16)}  ${aim.padEnd(14)} ${remark}`);
}
const section = (name) => {
	table.push({ section: name });
	console.log(`\n${name}`);
};
const round = (n, digits = 0) => Number(n.toFixed(digits)).toLocaleString('en-US');
const percentile = (list, p) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))];

// ---- helpers

const DEADLINE = 1800000;
const log = (w, system, object, since) => w.control(system, `writes?system=${system}&object=${object}&since=${since}`);
const seq = async (w, system, object) => (await log(w, system, object, 0)).reduce((n, x) => Math.max(n, x.seq), 0);

function memory(pid) {
	const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
	const kb = (name) => Number(text.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))[1]);
	return { resident: kb('Rss') / 1024, own: (kb('Private_Dirty') + kb('Private_Clean')) / 1024 };
}
const megabytes = (m) => `${round(m.resident, 1)} / ${round(m.own, 1)} MB`;

// The largest of both until stopped; a process that is gone ends it.
function watch(pid) {
	const peak = { resident: 0, own: 0 };
	const look = () => {
		try {
			const m = memory(pid);
			peak.resident = Math.max(peak.resident, m.resident);
			peak.own = Math.max(peak.own, m.own);
		} catch {
			clearInterval(timer);
		}
	};
	const timer = setInterval(look, 50);
	look();
	return () => (look(), clearInterval(timer), peak);
}

// API calls without those of the feeds, which run whether or not anything changed.
async function calls(w) {
	const out = {};
	for (const system of ['bullhorn', 'salesforce']) {
		const c = await w.calls(system, true);
		const feed = Object.entries(c.endpoints).filter(([n]) => /subscription|cometd/i.test(n)).reduce((n, [, k]) => n + k, 0);
		out[system] = c.total - feed;
		out[`${system}_feed`] = feed;
		out[`${system}_by`] = c.endpoints;
	}
	return out;
}

async function agree(w) {
	const report = await ask({ bullhorn: w.url.bullhorn, salesforce: w.url.salesforce });
	if (!report.agree)
		throw new Error(`measured something that did not end in agreement: ${JSON.stringify(report).slice(0, 2000)}`);
}

async function linkedWorld(size, options = {}) {
	const w = await World.start(build, { size, seed: 5, poll: '1s', timeout: '30s', unlimited: true, ...options });
	await w.run(['link']);
	w.startDaemon();
	await w.quiet(DEADLINE, 500);
	return w;
}

// Candidates of the ATS that have a counterpart by key.
async function paired(w) {
	const contacts = await w.control('salesforce', 'dump?system=salesforce&object=Contact&fields=Bullhorn_Id__c');
	return contacts.map((c) => c.fields.Bullhorn_Id__c).filter(Boolean);
}

// ---- 1: the whole path

async function burst(w, ids, n) {
	const from = { ats: await seq(w, 'bullhorn', 'Candidate'), salesforce: await seq(w, 'salesforce', 'Contact') };
	await calls(w);
	const peak = watch(w.daemon.pid);
	const edits = ids.slice(0, n).map((id, i) => ({ id, fields: { occupation: `Burst ${from.ats} ${i}` } }));
	const begun = Date.now();
	await w.control('bullhorn', 'bulk-edit', { object: 'Candidate', edits });
	await w.quiet(DEADLINE, 500);
	const used = await calls(w), load = peak();
	const written = (await log(w, 'salesforce', 'Contact', from.salesforce)).filter((x) => x.channel === 'api');
	const first = (await log(w, 'bullhorn', 'Candidate', from.ats))[0].at_ms;
	const last = written.reduce((t, x) => Math.max(t, x.at_ms), 0);
	return { seconds: (last - first) / 1000, written: written.length, used, load, begun };
}

async function oneAtATime(w, n, edit, source, target) {
	const times = [];
	for (let i = 0; i < n; i++) {
		const from = { source: await seq(w, ...source), target: await seq(w, ...target) };
		await edit(i);
		const arrived = await until(async () => (await log(w, ...target, from.target)).find((x) => x.channel === 'api'),
			'an edit arrives', 60000, 20);
		times.push(arrived.at_ms - (await log(w, ...source, from.source))[0].at_ms);
	}
	return times;
}

async function path() {
	section('1. Changes through the whole path (Bullhorn asked every second)');
	const n = quick ? 2000 : 5000;
	const w = await linkedWorld(quick ? 3000 : 6000);
	try {
		const ids = await paired(w);
		const idle = memory(w.daemon.pid);
		const b = await burst(w, ids, n);
		row(`burst of ${round(n)} edits, first edit to last value written`, `${round(b.written / b.seconds)} /s`, '', `${round(b.seconds, 1)} s`);
		row('calls to Salesforce per 1,000 changed records', round(b.used.salesforce / n * 1000, 1), 'at most 8', JSON.stringify(b.used.salesforce_by));
		row('calls to Bullhorn per 1,000 changed records, feed apart', round(b.used.bullhorn / n * 1000, 1), '', JSON.stringify(b.used.bullhorn_by));
		const jobs = (await w.control('salesforce', 'dump?system=salesforce&object=Job_Order__c&fields=Bullhorn_Id__c')).filter((j) => j.fields.Bullhorn_Id__c);
		const count = quick ? 6 : 100;
		const down = await oneAtATime(w, count, (i) => w.control('bullhorn', 'edit', { object: 'Candidate', id: ids[i], fields: { occupation: `Idle ${i}` } }),
			['bullhorn', 'Candidate'], ['salesforce', 'Contact']);
		row(`one edit at a time, Bullhorn to Salesforce, p50 / p99 of ${count}`, `${round(percentile(down, 0.5))} / ${round(percentile(down, 0.99))} ms`, '', 'mostly the wait for the next poll');
		const up = await oneAtATime(w, count, (i) => w.control('salesforce', 'edit', { object: 'Job_Order__c', id: jobs[i].id, fields: { Openings__c: String(20 + i) } }),
			['salesforce', 'Job_Order__c'], ['bullhorn', 'JobOrder']);
		row(`one edit at a time, Salesforce to Bullhorn, p50 / p99 of ${count}`, `${round(percentile(up, 0.5))} / ${round(percentile(up, 0.99))} ms`);
		await w.quiet(DEADLINE, 500);
		row('memory after the first sync, resident / private', megabytes(idle));
		row('memory in the burst, resident / private, the most', megabytes(b.load), '20 MB resident');
		await agree(w);
	} finally {
		await w.end();
	}
}

// ---- 2: concurrent calls

// Slots are filled while Salesforce is paused; then every call takes 150 ms.
async function concurrent(w, ids, at_once, n, mark) {
	const delay = 150;
	await w.stopDaemon();
	w.deploy({ limits: { salesforce: { concurrent: at_once } } });
	await w.run(['pause', 'salesforce']);
	w.startDaemon();
	const since = await seq(w, 'salesforce', 'Contact');
	const edits = ids.slice(0, n).map((id, i) => ({ id, fields: { occupation: `Slot ${mark} ${i}` } }));
	await w.control('bullhorn', 'bulk-edit', { object: 'Candidate', edits });
	await until(async () => {
		w.alive();
		const s = await w.json(['status']);
		return s.pending.marks === 0 && s.salesforce.writes_decided >= n;
	}, 'the slots are filled', DEADLINE, 250);
	await w.control('salesforce', 'fault', { kind: 'slow', contains: 'composite', delay_ms: delay });
	const peak = watch(w.daemon.pid);
	const from = [cpu(w.daemon.pid), cpu(w.sandbox.pid)];
	await w.run(['resume', 'salesforce']);
	await w.quiet(DEADLINE, 500);
	const load = peak();
	const used = [cpu(w.daemon.pid) - from[0], cpu(w.sandbox.pid) - from[1]].map((us) => us / n);
	await w.control('salesforce', 'fault', { kind: 'none' });
	return { ...rate(await log(w, 'salesforce', 'Contact', since), at_once, delay), load, used };
}

// The same calls by a client that decides, stores and reads nothing: what this
// machine lets anybody reach while the sandbox is on it.
function post(agent, url, method, path, headers, body) {
	return new Promise((done, failed) => {
		const r = request(new URL(path, url), { method, agent, headers: { ...headers, 'Content-Length': Buffer.byteLength(body) } }, (a) => {
			let text = '';
			a.on('data', (d) => (text = text.length < 500 ? text + d : text));
			a.on('end', () => (a.statusCode === 200 ? done(text) : failed(new Error(`${path}: ${a.statusCode} ${text}`))));
		});
		r.on('error', failed);
		r.end(body);
	});
}

async function login(w, agent) {
	const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
	const claims = { iss: 'treaty-consumer-key', sub: 'treaty@acme.example', aud: w.url.salesforce, exp: Math.floor(Date.now() / 1000) + 120 };
	const head = `${part({ alg: 'RS256' })}.${part(claims)}`;
	const signed = createSign('RSA-SHA256').update(head).sign(readFileSync(join(w.dir, 'jwt.pem')), 'base64url');
	const answer = await post(agent, w.url.salesforce, 'POST', '/services/oauth2/token', { 'Content-Type': 'application/x-www-form-urlencoded' },
		`grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=${head}.${signed}`);
	return JSON.parse(answer).access_token;
}

async function idle(w, contacts, at_once, n, mark) {
	const delay = 150, agent = new Agent({ keepAlive: true, maxSockets: at_once });
	const headers = { Authorization: `Bearer ${await login(w, agent)}`, 'Content-Type': 'application/json' };
	const bodies = [];
	for (let i = 0; i < n; i += 200)
		bodies.push(JSON.stringify({ allOrNone: false, records: contacts.slice(i, Math.min(i + 200, n)).map((id, k) =>
			({ attributes: { type: 'Contact' }, id, Title: `Slot ${mark} ${i + k}` })) }));
	const since = await seq(w, 'salesforce', 'Contact');
	await w.control('salesforce', 'fault', { kind: 'slow', contains: 'composite', delay_ms: delay });
	const worker = async () => {
		for (let body = bodies.shift(); body; body = bodies.shift())
			await post(agent, w.url.salesforce, 'PATCH', '/services/data/v66.0/composite/sobjects', headers, body);
	};
	await Promise.all(Array.from({ length: at_once }, worker));
	agent.destroy();
	await w.control('salesforce', 'fault', { kind: 'none' });
	return rate(await log(w, 'salesforce', 'Contact', since), at_once, delay);
}

function rate(entries, at_once, delay) {
	const at = entries.filter((x) => x.channel === 'api').map((x) => x.at_ms);
	const first = Math.min(...at.slice(0, 1000)), last = at.reduce((a, b) => Math.max(a, b), 0);
	const r = at.length / ((last - first + delay) / 1000), limit = at_once * 200 / (delay / 1000);
	return { rate: r, limit, share: r / limit };
}

// Processor time of all threads, in microseconds.
function cpu(pid) {
	const ticks = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ');
	return (Number(ticks[11]) + Number(ticks[12])) * 10000;
}

async function concurrency() {
	section('2. Prefilled writes, Salesforce takes 150 ms a call: share of calls at once x 200 / delay');
	const size = quick ? 4500 : 34000;
	const w = await linkedWorld(size);
	try {
		const ids = await paired(w);
		const plan = quick ? [[1, 1000], [5, 3000], [25, 4000]] : [[1, 4000], [5, 15000], [25, 30000]];
		const name = (at_once) => `${at_once} call${at_once > 1 ? 's' : ''} at once`;
		const reached = new Map();
		for (const [at_once, n] of plan) {
			const c = await concurrent(w, ids, at_once, n, `${at_once}`);
			reached.set(at_once, c);
			row(`${name(at_once)}, ${round(n)} records`, round(c.share, 2), at_once > 5 ? '0.85' : '0.95',
				`${round(c.rate)} of ${round(c.limit)} /s; memory ${megabytes(c.load)}`);
			row(`${name(at_once)}: processor a record, daemon / sandbox`, `${round(c.used[0])} / ${round(c.used[1])} µs`, '', 'with the echo');
		}
		await agree(w);
		await w.stopDaemon();
		const contacts = (await w.control('salesforce', 'dump?system=salesforce&object=Contact&fields=Bullhorn_Id__c')).map((c) => c.id);
		for (const [at_once, n] of plan) {
			const c = await idle(w, contacts, at_once, n, `idle ${at_once}`), ours = reached.get(at_once);
			row(`${name(at_once)}: a client that does nothing else`, round(c.share, 2), '', `${round(c.rate)} /s`);
			row(`${name(at_once)}: of what that client reaches`, round(ours.rate / c.rate, 2), at_once > 5 ? '0.85' : '0.95');
		}
	} finally {
		await w.end();
	}
}

// ---- 3: at rest

async function start() {
	section('3. Start and rest');
	const w = await linkedWorld('small');
	try {
		const idle = memory(w.daemon.pid);
		row('memory idle, small firm, resident / private', megabytes(idle));
		const [id] = await paired(w), times = [];
		for (let i = 0; i < (quick ? 2 : 10); i++) {
			await w.stopDaemon();
			await w.control('bullhorn', 'edit', { object: 'Candidate', id, fields: { occupation: `While away ${i}` } });
			const since = await seq(w, 'salesforce', 'Contact'), begun = Date.now();
			w.startDaemon();
			const arrived = await until(async () => (await log(w, 'salesforce', 'Contact', since)).find((x) => x.channel === 'api'), 'the edit arrives', 30000, 10);
			times.push(arrived.at_ms - begun);
			await w.quiet(DEADLINE, 500);
		}
		row('start to the first value written, median', `${round(percentile(times, 0.5))} ms`, '', 'logins included');
		const bytes = execFileSync('size', [w.treaty]).toString().split('\n')[1].trim().split(/\s+/)[0];
		row('text of the program', `${round(bytes / 1024)} KB`);
	} finally {
		await w.end();
	}
}

// ---- 4: first sync

async function firstSync(size) {
	const w = await World.start(build, { size, seed: 5, poll: '1s', timeout: '60s', unlimited: true });
	try {
		await calls(w);
		const begun = Date.now();
		const link = execFileSync('/usr/bin/env', ['bash', '-c',
			'"$0" link -d "$1" >/dev/null & pid=$!; peak=0; while kill -0 $pid 2>/dev/null; do ' +
			'r=$(awk "/^Rss/{print \\$2}" /proc/$pid/smaps_rollup 2>/dev/null); [ "${r:-0}" -gt $peak ] && peak=$r; sleep 0.1; done; wait $pid || exit 1; echo $peak',
			w.treaty, join(w.dir, 'deployment.yaml')], { env: w.env }).toString();
		const linked = Date.now();
		w.startDaemon();
		const peak = watch(w.daemon.pid);
		const status = await w.quiet(DEADLINE, 500);
		const ended = Date.now(), load = peak();
		const used = await calls(w);
		await agree(w);
		return { link_s: (linked - begun) / 1000, run_s: (ended - linked) / 1000, link_mb: Number(link) / 1024, load, used, confirmed: status.ledger.writes_confirmed };
	} finally {
		await w.end();
	}
}

async function sync() {
	section('4. First sync');
	const peaks = [];
	for (const size of quick ? [1000, 5000] : [20000, 100000]) {
		const r = await firstSync(size);
		peaks.push(r.load.resident);
		row(`${round(size)} candidates and what belongs to them: link`, `${round(r.link_s, 1)} s`, '', `${round(r.link_mb, 1)} MB resident at most`);
		row(`${round(size)} candidates: until nothing is pending`, `${round(r.run_s, 1)} s`, '', `${round(r.confirmed)} writes confirmed`);
		row(`${round(size)} candidates: calls to Bullhorn / Salesforce`, `${round(r.used.bullhorn)} / ${round(r.used.salesforce)}`, '', 'both with the listing');
		row(`${round(size)} candidates: memory, resident / private, the most`, megabytes(r.load), '20 MB resident');
	}
	row('memory of the larger over the smaller', round(peaks[1] / peaks[0], 2), 'about 1', '5 times the records');
}

// ---- 5: without systems

function core() {
	section('5. Deciding and storing, without systems (processor time; edits scattered over all links)');
	const run = (...a) => JSON.parse(execFileSync(join(build, 'bench/core'), a).toString());
	const d = run('settle');
	row(`decisions, a record of ${d.fields} fields with one edit`, `${round(d.decisions)} /s`);
	const counts = quick ? [2000, 20000] : many ? [10000, 100000, 1000000, 5000000] : [10000, 100000];
	const us = run('events', ...counts.map(String));
	for (const n of counts)
		row(`an event among ${round(n)} links`, `${round(us[n])} µs`, n === counts[0] ? '' : 'flat',
			n === counts[0] ? 'read, decided, written, its echo settled' : `${round(us[n] / us[counts[0]], 2)} times as much`);
}

// ---- 6 and 7: another store, the machine

// Seconds of processor time, of the daemon and of the server's process for it.
function processorTime(w) {
	const of = (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').slice(11, 13).reduce((n, x) => n + Number(x) / 100, 0);
	const backend = w.postgres ? psql(`SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'treaty ${w.daemon.pid} on %'`) : null;
	return of(w.daemon.pid) + (backend ? of(backend) : 0);
}

// The same burst with the store in a file and in PostgreSQL, in turn.
async function stores() {
	section('6. A store in PostgreSQL, on the same machine');
	const n = quick ? 1000 : 3000, per_s = { file: [], server: [] }, time = { file: [], server: [] };
	const worlds = {};
	try {
		for (const where of ['file', 'server']) {
			if (where === 'server')
				process.env.TREATY_TEST_POSTGRES = server;
			const begin = Date.now();
			worlds[where] = await linkedWorld(n);
			worlds[where].tookMs = Date.now() - begin;
		}
		for (let turn = 0; turn < 3; turn++)
			for (const [where, w] of Object.entries(worlds)) {
				const ids = await paired(w), before = processorTime(w);
				const b = await burst(w, ids, n);
				per_s[where].push(b.written / b.seconds);
				time[where].push((processorTime(w) - before) / b.written * 1000);
			}
		const ratios = per_s.file.map((f, i) => per_s.server[i] / f);
		row(`burst of ${round(n)} edits: PostgreSQL over SQLite, median of 3`, round(percentile(ratios, 0.5), 2), '',
			`${per_s.server.map((x) => round(x)).join(', ')} over ${per_s.file.map((x) => round(x)).join(', ')} /s`);
		const times = time.file.map((f, i) => time.server[i] / f);
		row('processor time per edit, of daemon and server: over SQLite\'s', round(percentile(times, 0.5), 2), '',
			`${time.server.map((x) => round(x, 2)).join(', ')} over ${time.file.map((x) => round(x, 2)).join(', ')} ms`);
		row(`first sync of ${round(n)} candidates: time over SQLite's`, round(worlds.server.tookMs / worlds.file.tookMs, 2), '',
			`${round(worlds.server.tookMs / 1000, 1)} over ${round(worlds.file.tookMs / 1000, 1)} s`);
		for (const w of Object.values(worlds))
			await agree(w);
	} finally {
		delete process.env.TREATY_TEST_POSTGRES;
		for (const w of Object.values(worlds))
			await w.end();
	}
}

async function limits() {
	section('7. The machine itself, in the same run');
	const w = await World.start(build, { size: 'small' });
	try {
		const m = JSON.parse(execFileSync(join(build, 'limits'), [w.dir, `${w.url.salesforce}/services/data`]).toString());
		row('appends of 200 bytes with fdatasync', `${round(m.appends)} /s`);
		row('SQLite commits (WAL, FULL), 1 row each', `${round(m.commits_1)} /s`);
		row('SQLite commits (WAL, FULL), 32 rows each', `${round(m.commits_32)} /s`, '', `${round(m.commits_32 * 32)} rows/s`);
		row('HTTP requests to the sandbox, one connection', `${round(m.requests)} /s`);
	} finally {
		await w.end();
	}
}

// ---- webhooks

// One round: the machine's limits, and the same moment's rates beside them.
async function intakeRound(f, rounds) {
	const m = JSON.parse(execFileSync(join(build, 'limits'), [f.disk]).toString());
	const limit = { 1: m.appends, 32: m.events_32, 256: m.events_256 };
	for (const connections of [1, 32, 256]) {
		const r = await f.post(connections, `seconds=${quick ? 1 : 3}`);
		if (r.refused || r.lost)
			throw new Error(`refused or cut off: ${JSON.stringify(r)}`);
		rounds[connections].push({ ratio: r.rate / limit[connections], limit: limit[connections], ...r });
	}
	return memory(f.daemon.pid);
}

// The machine is shared and uneven: interleaved rounds, and their medians.
async function intake() {
	section('8. Webhooks, each answered once its mark is durable');
	const rounds = { 1: [], 32: [], 256: [] };
	const f = new Firm(build);
	try {
		await f.start();
		let held;
		for (let i = 0; i < (quick ? 3 : 7); i++)
			held = await intakeRound(f, rounds);
		await f.stop('SIGTERM');
		await f.check();
		const aim = { 1: 0.48, 32: 0.36, 256: 0.264 };
		const of = { 1: 'bare appends with fdatasync', 32: 'SQLite at 32 events a commit', 256: 'SQLite at 256 events a commit' };
		for (const n of [1, 32, 256]) {
			const by = (name) => percentile(rounds[n].map((r) => r[name]), 0.5);
			row(`${n} connection${n > 1 ? 's' : ''}, share of ${of[n]}`, round(by('ratio'), 2), String(aim[n]),
				`${round(by('rate'))} of ${round(by('limit'))} /s; ${Math.min(...rounds[n].map((r) => r.ratio)).toFixed(2)} to ${Math.max(...rounds[n].map((r) => r.ratio)).toFixed(2)} in ${rounds[n].length} rounds`);
			row(`${n} connection${n > 1 ? 's' : ''}, time to the answer p50 / p99`, `${round(by('p50_us') / 1000, 1)} / ${round(by('p99_us') / 1000, 1)} ms`,
				n === 32 ? 'p99 10 ms' : '');
		}
		row('memory with all of it pending, resident / private', megabytes(held), '20 MB resident');
	} finally {
		f.finish();
	}
}

function results(seconds) {
	const commit = (() => {
		try {
			return execFileSync('git', ['describe', '--always', '--dirty'], { cwd: fileURLToPath(new URL('../', import.meta.url)) }).toString().trim();
		} catch {
			return 'unknown';
		}
	})();
	const lines = ['# Measured', '',
		`\`bench/run${quick ? ' --quick' : ''}\` on ${new Date().toISOString().slice(0, 10)}, commit ${commit}: ${cpus().length} cores ` +
		`(${cpus()[0].model.trim()}), Node ${process.versions.node}, release build, ${round(seconds)} s in all.`, '',
		'The sandbox plays both systems on the same machine, so it takes its share of the',
		'cores; Bullhorn\'s 1,500 calls a minute are lifted. Memory is of the daemon (`/proc/PID/smaps_rollup`). Each part ends with the',
		'oracle (`tools/oracle.mjs`): what did not end in agreement is not reported.'];
	for (const r of table) {
		if (r.section)
			lines.push('', `## ${r.section}`, '', '| what | measured | aim | remark |', '| --- | ---: | --- | --- |');
		else
			lines.push(`| ${r.what} | ${r.value} | ${r.aim} | ${r.remark.replace(/\|/g, '\\|')} |`);
	}
	writeFileSync(new URL('results.md', import.meta.url), `${lines.join('\n')}\n`);
}

const begun = Date.now();
const parts = { path, calls: concurrency, start, sync, core, stores, limits, intake };
for (const [name, part] of Object.entries(parts))
	if (!only || only === name)
		await part();
if (!only)
	results((Date.now() - begun) / 1000);
console.log(`\n${round((Date.now() - begun) / 1000)} s`);

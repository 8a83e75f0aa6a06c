// Deaths at random moments. Each round: some trouble of the systems, a burst of
// edits by people on both sides, SIGKILL somewhere in it or in what follows, a
// new start, quiet, and the oracle. Then nothing more may be written, and the
// conflict log must hold exactly what the oracle leaves to people.
import { randomInt } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { World, pause } from '../../tools/world.mjs';
import { burst, check, liftLoops, look, random, trouble, troubles } from './common.mjs';

const small = { deaths: 10, edits: 120, size: 150, deadline: 120000 };
const long = { deaths: 200, edits: 5000, size: 'try', deadline: 600000 };
// A new firm after so many deaths: the sandbox keeps every write it ever saw.
const DEATHS_A_WORLD = 20;

function options(args) {
	const o = args.includes('--long') ? { ...long } : { ...small };
	o.seed = randomInt(1, 2 ** 31);
	for (const name of ['seed', 'deaths', 'edits', 'size']) {
		const at = args.indexOf(`--${name}`);
		if (at >= 0)
			o[name] = name === 'size' ? args[at + 1] : Number(args[at + 1]);
	}
	return o;
}

// ---- rounds

async function round(w, o, r, n) {
	const [name, begin] = r.of(troubles);
	const moment = r.below(w.spanMs);
	const from = Date.now();
	// every other write takes its time: most deaths meet requests under way
	for (const system of ['salesforce', 'bullhorn']) {
		await w.control(system, 'fault', { kind: 'none' });
		for (const method of ['POST', 'PATCH', 'PUT'])
			await w.control(system, 'fault', { kind: 'slow', method, percent: 50, delay_ms: 100 + r.below(400), for_ms: moment + 1 });
	}
	const editing = burst(w, o.edits, r);
	await pause(r.below(moment + 1));
	await begin(w, r);
	await pause(Math.max(from + moment - Date.now(), 0)); // the moment of death, drawn
	w.alive();
	// with a server, every other time only its connection dies
	if (w.postgres && n % 2) {
		w.breakConnection();
		return finishRound(w, o, { n, from, moment, editing, how: 'cut off', name, sent: 0 });
	}
	await w.stopDaemon('SIGKILL');
	appendFileSync(`${w.dir}/daemon.log`, `--- killed, death ${n}\n`);
	const left = await w.json(['status']); // also: the marks balance
	const sent = left.ats.writes_sent + left.salesforce.writes_sent;
	w.startDaemon(w.daemonEnv);
	return finishRound(w, o, { n, from, moment, editing, how: 'killed', name, sent });
}

async function finishRound(w, o, { n, from, moment, editing, how, name, sent }) {
	await editing;
	await liftLoops(w, o.deadline);
	const report = await look(w, { since: w.since });
	await check(w, report);
	w.since = report.seq;
	console.log(`${String(n).padStart(4)}  ${how.padEnd(7)} after ${String(moment).padStart(6)} ms  ${String(sent).padStart(4)} writes under way  ${name.padEnd(40)} ` +
		`${report.transitions.expected} transitions, all agree after ${((Date.now() - from) / 1000).toFixed(1)} s`);
	return { transitions: report.transitions.expected, sent };
}

async function settleFirst(w, o, r) {
	w.made = 1;
	w.lifted = 0;
	w.accounts = (await w.control('salesforce', 'dump?system=salesforce&object=Account&fields=Bullhorn_Id__c'))
		.filter((a) => a.fields.Bullhorn_Id__c).map((a) => a.id);
	// before there is a store, and nothing is made by it
	await w.run(['preview'], { also: [2] });
	await w.run(['status'], { also: [1] });
	await w.run(['link']);
	w.daemonEnv = { ASAN_OPTIONS: 'detect_leaks=1:halt_on_error=1' };
	w.startDaemon(w.daemonEnv);
	await w.quiet(o.deadline);
	await check(w, await look(w));
	// how long a burst takes that nobody disturbs: deaths fall into that time
	const from = Date.now();
	await burst(w, o.edits, r);
	await liftLoops(w, o.deadline);
	w.spanMs = Math.max(Date.now() - from - 2000, 500);
	const report = await look(w);
	await check(w, report);
	w.since = report.seq;
}

async function settleLast(w, o) {
	const before = w.since;
	await w.quiet(o.deadline);
	await w.quiet(o.deadline);
	// beside the daemon: it holds the store, a preview finds nothing to do, and
	// nothing was lost
	const second = await w.run(['run'], { also: [1] });
	if (!/is at work on it/.test(second.err))
		throw new Error(`a second daemon was not refused:\n${second.err}`);
	await w.run(['preview'], { also: [2] });
	await w.run(['audit']);
	await check(w, await look(w, { since: before, idleSince: before }));
	const end = await w.stopDaemon();
	if (end.code !== 0)
		throw new Error(`the daemon ended with ${end.signal ?? end.code} when asked to stop:\n${w.log('daemon.log')}`);
	await blindness(w, before);
}

// An oracle that cannot say no proves nothing: with the daemon stopped, each
// kind of harm is done once, and must be told.
async function blindness(w, since) {
	const [job] = await w.control('salesforce', 'dump?system=salesforce&object=Job_Order__c&fields=Name');
	const twins = (await w.control('bullhorn', 'dump?system=bullhorn&object=JobOrder&fields=externalID'))
		.filter((j) => j.fields.externalID).slice(0, 2);
	const { placement } = await w.control('bullhorn', 'scenario', { scene: 'three-statuses' });
	await w.control('salesforce', 'edit', { object: 'Job_Order__c', id: job.id, fields: { Name: 'Nobody was told' } });
	await w.control('bullhorn', 'edit', { object: 'JobOrder', id: twins[1].id, fields: { externalID: twins[0].fields.externalID } });
	await w.control('bullhorn', 'create', { object: 'ClientCorporation', fields: { name: 'Nobody made me there', status: 'Lead' } });
	const report = await look(w, { since });
	const of = (name) => report.records.find((r) => r.record === name);
	const blind = Object.entries({
		'a value that differs': of('job_order').disagreements.some((d) => d.salesforce === job.id && d.field === 'title'),
		'two records for one': of('job_order').duplicates.length > 0,
		'a record that was not made': of('company').missing.length === 1,
		'a lost transition': report.transitions.wrong.some((p) => p.ats === placement),
	}).filter(([, told]) => !told);
	if (report.agree || blind.length)
		trouble('the oracle does not see', blind.map(([what]) => what));
}

async function main() {
	const [build, ...args] = process.argv.slice(2);
	const o = options(args), r = random(o.seed);
	console.log(`seed ${o.seed}: ${o.deaths} deaths in bursts of ${o.edits} edits, ${o.size} candidates`);
	let deaths = 0, transitions = 0, hit = 0;
	while (deaths < o.deaths) {
		// without Bullhorn's 1,500 calls a minute: a long burst would be hours of waiting for them
		const w = await World.start(build, { size: o.size, seed: 1 + r.below(1000), poll: '1s', timeout: '5s', keep: true, unlimited: true,
			// so that most deaths meet requests under way
			sandbox: ['--latency-ms', String(10 + r.below(30))] });
		try {
			await settleFirst(w, o, r);
			for (let i = 0; i < DEATHS_A_WORLD && deaths < o.deaths; i++) {
				const done = await round(w, o, r, ++deaths);
				transitions += done.transitions;
				hit += done.sent > 0;
			}
			await settleLast(w, o);
			w.options.keep = false;
		} catch (e) {
			console.error(`${e.message}\n--- daemon.log\n${w.log('daemon.log')}\nkept: ${w.dir}; again: --seed ${o.seed}`);
			process.exitCode = 1;
			return;
		} finally {
			await w.end();
		}
	}
	console.log(`${deaths} deaths, ${hit} with writes under way: agreement each time, no record made twice, ${transitions} placement transitions in order and complete`);
}

await main();

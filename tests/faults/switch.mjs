// A version switch under load. People edit both systems all the while; one
// version after the other is signed and put in force, and one is taken back. In
// the end both systems must agree under the version that holds, also in records
// that nobody touched, and no transition may be missing or doubled.
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { World, pause, until } from '../../tools/world.mjs';
import { burst, check, liftLoops, look, random, trouble } from './common.mjs';

const DEADLINE = 300000, EDITS = 30;
const roles = ['recruiting_lead', 'sales_lead'];
const table = JSON.parse(readFileSync(fileURLToPath(new URL('../../tools/oracle-acme.json', import.meta.url)), 'utf8'));

// ---- versions: a change of the document, and the same for the oracle

const versions = {
	2: (text, fields) => {
		fields('company', 'status').map['Credit Hold'] = 'Former Client';
		fields('company', 'status').map.Prospect = 'Client';
		return text.replace('Credit Hold: Client', 'Credit Hold: Former Client').replace('Prospect: Prospect\n', 'Prospect: Client\n');
	},
	3: (text, fields) => {
		fields('candidate', 'status').map['New Lead'] = 'Active';
		return text.replace('New Lead: New Lead', 'New Lead: Active');
	},
};

// The document of a version, from the first one on.
function draft(w, upTo) {
	let text = w.first;
	w.oracle = structuredClone(table);
	const fields = (record, field) => w.oracle.records.find((r) => r.record === record).fields.find((f) => f.name === field);
	for (let n = 2; n <= upTo; n++) {
		const before = text;
		text = versions[n](text, fields);
		if (text === before)
			throw new Error(`version ${n} changes nothing`);
	}
	writeFileSync(join(w.dir, 'treaty.yaml'), text.replace('version: 1', `version: ${upTo}`));
}

async function sign(w) {
	for (const role of roles)
		await w.run(['sign', '--role', role, '--key', join(w.dir, `${role}.pem`)]);
}

// Until the daemon says that it works under it; how long that took.
async function taken(w, version, times) {
	const from = Date.now();
	await until(() => {
		w.alive();
		const log = readFileSync(join(w.dir, 'daemon.log'), 'utf8');
		return log.split(`ready: acme-staffing version ${version},`).length > times;
	}, `version ${version} is taken`, 60000);
	return Date.now() - from;
}

async function prepare(w) {
	const keys = await Promise.all(roles.map(async (role) => (await w.json(['keygen', join(w.dir, `${role}.pem`)])).key));
	w.first = readFileSync(join(w.dir, 'treaty.yaml'), 'utf8');
	roles.forEach((role, i) => (w.first = w.first.replace(new RegExp(`^(  ${role}: \\{)`, 'm'), `$1key: ${keys[i]}, `)));
	draft(w, 1);
	await sign(w);
	await w.run(['activate', '--yes', '--why', 'the first']);
	w.made = 1;
	w.lifted = 0;
	w.accounts = (await w.control('salesforce', 'dump?system=salesforce&object=Account&fields=Bullhorn_Id__c'))
		.filter((a) => a.fields.Bullhorn_Id__c).map((a) => a.id);
	await w.run(['link']);
	w.startDaemon({ ASAN_OPTIONS: 'detect_leaks=1:halt_on_error=1' });
	await w.quiet(DEADLINE);
	const report = await look(w);
	await check(w, report);
	return report.seq;
}

// People go on until told to stop.
async function office(w, r) {
	while (!w.closed) {
		await burst(w, EDITS, r);
		await pause(100); // no more than a busy machine can follow
	}
}

// ---- what must hold

async function untouched(w) {
	const holds = (await w.control('bullhorn', 'dump?system=bullhorn&object=ClientCorporation&fields=status'))
		.filter((c) => c.fields.status === 'Credit Hold' || c.fields.status === 'Prospect');
	const accounts = new Map((await w.control('salesforce', 'dump?system=salesforce&object=Account&fields=Bullhorn_Id__c,Status__c'))
		.map((a) => [a.fields.Bullhorn_Id__c, a.fields.Status__c]));
	const wrong = holds.filter((c) => accounts.has(String(c.id)) &&
		accounts.get(String(c.id)) !== (c.fields.status === 'Prospect' ? 'Client' : 'Former Client'));
	if (wrong.length || !holds.length)
		trouble('the changed map did not reach every company', wrong);
	return holds.length;
}

async function main() {
	const [build, ...args] = process.argv.slice(2);
	const seed = args[0] === '--seed' ? Number(args[1]) : randomInt(1, 2 ** 31), r = random(seed);
	const w = await World.start(build, { size: 150, seed: 1 + r.below(1000), poll: '1s', timeout: '5s', keep: true, unlimited: true,
		sandbox: ['--latency-ms', '20'] });
	try {
		const since = await prepare(w);
		const editing = office(w, r);
		const took = [];
		for (const version of [2, 3]) {
			await pause(300 + r.below(1500));
			draft(w, version);
			await sign(w);
			await w.run(['activate', '--yes', '--why', `version ${version}`]);
			took.push(await taken(w, version, 1));
		}
		await pause(300 + r.below(1500));
		await w.run(['activate', '--rollback', '--yes', '--why', 'not yet']);
		took.push(await taken(w, 2, 2));
		await pause(500);
		w.closed = true;
		draft(w, 2); // what the oracle goes by
		await editing;
		await liftLoops(w, DEADLINE);
		const fields = join(w.dir, 'oracle.json');
		writeFileSync(fields, JSON.stringify(w.oracle));
		const report = await look(w, { since, fields });
		await check(w, report);
		const reached = await untouched(w);
		await w.run(['audit']);
		await w.quiet(DEADLINE);
		await check(w, await look(w, { since, idleSince: report.seq, fields }));
		const end = await w.stopDaemon();
		if (end.code !== 0)
			throw new Error(`the daemon ended with ${end.signal ?? end.code} when asked to stop`);
		console.log(`seed ${seed}: three switches under load, taken after ${took.join(', ')} ms; ${report.transitions.expected} transitions, ` +
			`all agree, ${reached} companies follow the changed map`);
		w.options.keep = false;
	} catch (e) {
		console.error(`${e.message}\n--- daemon.log\n${w.log('daemon.log')}\nkept: ${w.dir}; again: --seed ${seed}`);
		process.exitCode = 1;
	} finally {
		await w.end();
	}
}

await main();

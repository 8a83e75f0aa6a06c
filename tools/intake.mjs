// intake.mjs - a firm whose systems are away, and a daemon that takes webhooks of
// its ATS all the same, for what posts them: tests/faults/intake.mjs, bench. What
// is taken stays in the store, to be counted.
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './world.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const secret = randomBytes(16).toString('hex');
const DISK_MB = 48;

const treaty = `treaty: 1
name: intake
version: 1
systems: {ats: greenhouse, salesforce: salesforce}
roles: {lead: {title: Head of Recruiting}}
domains: {people: {owner: ats, signed_by: [lead]}}
records:
  candidate:
    domain: people
    ats: candidates
    salesforce: {object: Contact, key: Greenhouse_Id__c}
    create: {salesforce: when_missing}
    fields:
      first_name: first_name -> FirstName
`;

const deployment = (port) => `deployment: 1
treaty: treaty.yaml
store: {path: disk/intake.db, key: file:store.key}
listen: {address: "127.0.0.1:${port}"}
systems:
  ats:
    connector: ${join(root, 'connectors/greenhouse.yaml')}
    url: http://127.0.0.1:9
    login: {account: acme, client_id: a, client_secret: env:HOOK_SECRET, user_id: "1", authority: "http://127.0.0.1:9"}
    webhook: {secret: env:HOOK_SECRET}
  salesforce:
    connector: salesforce
    url: http://127.0.0.1:9
    login: {client_id: a, username: a@b.example, key: file:jwt.pem}
`;

function freePort() {
	return new Promise((done) => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => done(port));
		});
	});
}

export class Firm {
	// build: a build directory. ownDisk: the store is on a small disk of its own,
	// if one can be mounted ('mounted').
	constructor(build, ownDisk = false) {
		this.build = build;
		this.dir = mkdtempSync(join(tmpdir(), 'treaty-intake-'));
		this.disk = join(this.dir, 'disk');
		this.store = join(this.disk, 'intake.db');
		this.acked = join(this.dir, 'acked');
		this.posted = 0;
		mkdirSync(this.disk);
		this.mounted = ownDisk && this.#mount();
		const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
		writeFileSync(join(this.dir, 'jwt.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
		writeFileSync(join(this.dir, 'store.key'), randomBytes(32).toString('hex'), { mode: 0o600 });
		writeFileSync(join(this.dir, 'treaty.yaml'), treaty);
		writeFileSync(this.acked, '');
	}

	// A disk of its own can be filled without harm; it takes root.
	#mount() {
		try {
			execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', this.disk], { stdio: 'ignore' });
			return true;
		} catch {
			return false;
		}
	}

	log() {
		return readFileSync(join(this.dir, 'daemon.log'), 'utf8');
	}

	async start() {
		this.port ??= await freePort();
		writeFileSync(join(this.dir, 'deployment.yaml'), deployment(this.port));
		writeFileSync(join(this.dir, 'daemon.log'), '');
		this.daemon = spawn(join(this.build, 'src/cli/treaty'), ['run', '-d', join(this.dir, 'deployment.yaml')],
			{ env: { ...process.env, HOOK_SECRET: secret }, stdio: ['ignore', 'ignore', openSync(join(this.dir, 'daemon.log'), 'a')] });
		this.ended = null;
		this.end = new Promise((done) => this.daemon.on('exit', (code, signal) => done(this.ended = { code, signal })));
		await until(() => this.ended || this.log().includes('webhooks are taken'), () => `the daemon listens: ${this.log().slice(-2000)}`, 20000);
		this.alive();
	}

	alive() {
		if (this.ended)
			throw new Error(`the daemon ended: ${JSON.stringify(this.ended)}\n${this.log().slice(-2000)}`);
	}

	async stop(signal) {
		this.daemon.kill(signal);
		await this.end;
		if (signal === 'SIGTERM' && this.ended.code !== 0)
			throw new Error(`the daemon ended with ${JSON.stringify(this.ended)}\n${this.log().slice(-2000)}`);
	}

	tool(...args) {
		const child = spawn(join(this.build, 'tests/faults/intake-load'), args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
		let out = '';
		child.stdout.on('data', (d) => (out += d));
		return new Promise((done, failed) => child.on('close', (code) => {
			code === 0 ? done(out ? JSON.parse(out) : null) : failed(new Error(`intake-load ${args.join(' ')}: ${code} ${out}`));
		}));
	}

	// What is answered with success goes into 'acked'.
	async post(connections, ...more) {
		const result = await this.tool('post', this.port, secret, `connections=${connections}`, `first=${this.posted}`,
			`acked=${this.acked}`, ...more);
		this.posted += result.posted;
		return result;
	}

	// The sender's patience: everything is sent once more, until it is taken.
	async repeat(connections) {
		const result = await this.tool('post', this.port, secret, `connections=${connections}`, 'first=0', `posts=${this.posted}`,
			'seconds=600', `acked=${this.acked}`);
		if (result.acked !== this.posted)
			throw new Error(`repeated ${this.posted}, of which ${result.acked} were taken: ${JSON.stringify(result)}`);
	}

	// Fails when something that was answered with success is missing.
	checkAcked() {
		return this.tool('check', this.store, this.acked);
	}

	async check() {
		const found = await this.checkAcked();
		if (found.pending !== this.posted)
			throw new Error(`${this.posted} records were posted, ${found.pending} are in the store`);
		return found;
	}

	finish() {
		this.daemon?.kill('SIGKILL');
		if (this.mounted)
			execFileSync('umount', ['-l', this.disk]);
		rmSync(this.dir, { recursive: true, force: true });
	}
}

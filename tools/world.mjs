// world.mjs - a firm of one's own for tests and measurements: a sandbox, a
// deployment of the example treaty against it, and the program. Everything is in
// one directory; end() stops all that was started and removes it. The store is a
// file there, or with TREATY_TEST_POSTGRES (see tests/with-postgres.sh) a schema
// of its own in that database.
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Clients obey proxies even for 127.0.0.1.
for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY']) delete process.env[name];

const root = fileURLToPath(new URL('../', import.meta.url));

export const pause = (ms) => new Promise((resume) => setTimeout(resume, ms));

// Polls until 'look' gives something; fails with what it waited for.
export async function until(look, what, forMs, everyMs = 50) {
	const end = Date.now() + forMs;
	for (;;) {
		const found = await look();
		if (found)
			return found;
		if (Date.now() > end)
			throw new Error(`not in ${forMs / 1000} s: ${typeof what === 'function' ? what() : what}`);
		await pause(everyMs);
	}
}

// The server is asked by a client that nobody here wrote.
export function psql(sql) {
	return execFileSync('psql', ['-qXAt', '-v', 'ON_ERROR_STOP=1', '-d', process.env.TREATY_TEST_POSTGRES, '-c', sql], { encoding: 'utf8' }).trim();
}

function newSchema() {
	const name = `world_${randomBytes(6).toString('hex')}`;
	psql(`CREATE SCHEMA ${name}`);
	return `${process.env.TREATY_TEST_POSTGRES} options='-c search_path=${name}'`;
}

// A program that has ended: { code, signal, out, err }.
function finished(child) {
	const text = { out: '', err: '' };
	child.stdout.on('data', (d) => (text.out += d));
	child.stderr.on('data', (d) => (text.err += d));
	return new Promise((done, failed) => {
		child.on('error', failed);
		child.on('close', (code, signal) => done({ code, signal, ...text }));
	});
}

export class World {
	// build: a build directory. options: size, seed, sandbox (more of its
	// options), poll, timeout (of the deployment), limits {ats, salesforce},
	// keep (the directory stays), unlimited (Bullhorn's 1,500 calls a minute
	// do not count).
	static async start(build, options = {}) {
		const w = new World();
		w.treaty = join(build, 'src/cli/treaty');
		w.options = { size: 'small', seed: 1, poll: '1s', timeout: '120s', ...options };
		w.dir = mkdtempSync(join(tmpdir(), 'treaty-world-'));
		w.env = { ...process.env, TMPDIR: w.dir, BULLHORN_PASSWORD: 'sandbox-password', BULLHORN_CLIENT_SECRET: 'sandbox-secret' };
		const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
		writeFileSync(join(w.dir, 'jwt.pem'), keys.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
		writeFileSync(join(w.dir, 'jwt.pub'), keys.publicKey.export({ type: 'spki', format: 'pem' }));
		writeFileSync(join(w.dir, 'store.key'), randomBytes(32).toString('hex'), { mode: 0o600 });
		w.postgres = process.env.TREATY_TEST_POSTGRES ? newSchema() : null;
		await w.#startSandbox(join(build, 'sandbox/treaty-sandbox'));
		// bursts over a whole firm are what is tried here: they are meant
		const unguarded = 'mass_change: {deleted: never, emptied: never, changed: never, restored: never}';
		writeFileSync(join(w.dir, 'treaty.yaml'), readFileSync(join(root, 'examples/acme/treaty.yaml'), 'utf8')
			.replace(/^    fields:/gm, `    ${unguarded}\n    fields:`));
		w.deploy();
		if (w.options.unlimited)
			await w.control('bullhorn', 'limits', { per_minute: 0 });
		return w;
	}

	async #startSandbox(binary) {
		const ports = join(this.dir, 'ports');
		this.sandbox = spawn(binary, ['serve', '--size', String(this.options.size), '--seed', String(this.options.seed),
			'--salesforce-port', '0', '--bullhorn-port', '0', '--port-file', ports, '--jwt-cert', join(this.dir, 'jwt.pub'),
			...(this.options.sandbox ?? [])], { stdio: ['ignore', 'ignore', openSync(join(this.dir, 'sandbox.log'), 'a')] });
		this.sandboxGone = new Promise((done) => this.sandbox.on('exit', (code, signal) => done(this.sandboxEnd = { code, signal })));
		const p = await until(() => {
			if (this.sandboxEnd)
				throw new Error(`the sandbox ended: ${this.log('sandbox.log')}`);
			try {
				return JSON.parse(readFileSync(ports, 'utf8'));
			} catch {
				return null;
			}
		}, 'the sandbox listens', 120000);
		this.url = { bullhorn: `http://127.0.0.1:${p.bullhorn}`, salesforce: `http://127.0.0.1:${p.salesforce}` };
	}

	// Writes the deployment; 'change' as the options of start.
	deploy(change = {}) {
		Object.assign(this.options, change);
		const { poll, timeout, limits } = this.options;
		const line = (l) => Object.entries(l).map(([k, v]) => `${k}: ${v}`).join(', ');
		writeFileSync(join(this.dir, 'deployment.yaml'), `deployment: 1
treaty: treaty.yaml
store: {${this.postgres ? `postgres: "${this.postgres}"` : 'path: acme.db'}, key: file:store.key}
systems:
  ats:
    connector: ${join(root, 'connectors/bullhorn.yaml')}
    url: ${this.url.bullhorn}/rest-services
    login: {username: sandbox.api, password: env:BULLHORN_PASSWORD, client_id: sandbox-client, client_secret: env:BULLHORN_CLIENT_SECRET}
    poll: ${poll}
    timeout: ${timeout}
    limits: {${line({ concurrent: 5, share: '100%', ...limits?.ats })}}
  salesforce:
    connector: salesforce
    url: ${this.url.salesforce}
    login: {client_id: treaty-consumer-key, username: treaty@acme.example, key: file:jwt.pem}
    timeout: ${timeout}
    limits: {${line({ concurrent: 5, share: '100%', ...limits?.salesforce })}}
`);
	}

	log(name) {
		try {
			return readFileSync(join(this.dir, name), 'utf8').split('\n').slice(-40).join('\n');
		} catch {
			return '';
		}
	}

	// A verb of the program, to its end; fails unless it exits with 0 or one of 'also'.
	async run(args, { also = [], env = {} } = {}) {
		const child = spawn(this.treaty, [...args, '-d', join(this.dir, 'deployment.yaml')],
			{ env: { ...this.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
		const end = await finished(child);
		if (end.code !== 0 && !also.includes(end.code))
			throw new Error(`treaty ${args.join(' ')}: ${end.signal ?? `exit ${end.code}`}\n${end.err.slice(-4000)}`);
		return end;
	}

	async json(args, options) {
		return JSON.parse((await this.run([...args, '--json'], options)).out);
	}

	// The daemon; its log is daemon.log. An end that nobody asked for is an error
	// at the next wait.
	startDaemon(env = {}) {
		this.wanted = true;
		this.daemonEnd = null;
		const fd = openSync(join(this.dir, 'daemon.log'), 'a');
		this.daemon = spawn(this.treaty, ['run', '-d', join(this.dir, 'deployment.yaml')],
			{ env: { ...this.env, ...env }, stdio: ['ignore', fd, fd] });
		this.daemonGone = new Promise((done) => this.daemon.on('exit', (code, signal) => done(this.daemonEnd = { code, signal })));
	}

	async stopDaemon(signal = 'SIGTERM') {
		if (!this.daemon)
			return null;
		this.wanted = false;
		this.daemon.kill(signal);
		const end = await this.daemonGone;
		this.daemon = null;
		return end;
	}

	// The server ends the daemon's connection. The daemon connects again, or ends
	// with 75 when that was within a transaction.
	breakConnection() {
		if (!psql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'treaty ${this.daemon.pid} on %'`))
			throw new Error('the daemon has no connection to be broken');
	}

	// Started again after an end with 75, as systemd does.
	alive() {
		if (this.wanted && this.daemonEnd?.code === 75) {
			this.startedAgain = (this.startedAgain ?? 0) + 1;
			this.startDaemon(this.daemonEnv);
		}
		if (this.wanted && this.daemonEnd)
			throw new Error(`the daemon ended by itself (${this.daemonEnd.signal ?? this.daemonEnd.code}):\n${this.log('daemon.log')}`);
		if (this.sandboxEnd)
			throw new Error(`the sandbox ended (${this.sandboxEnd.signal ?? this.sandboxEnd.code}):\n${this.log('sandbox.log')}`);
	}

	async control(system, verb, body) {
		const answer = await fetch(`${this.url[system]}/_sandbox/${verb}`,
			body === undefined ? {} : { method: 'POST', body: JSON.stringify({ system, ...body }) });
		const json = await answer.json();
		if (!answer.ok)
			throw new Error(`${verb}: ${JSON.stringify(json)}`);
		return json;
	}

	calls(system, reset = false) {
		return this.control(system, `calls?system=${system}${reset ? '&reset=true' : ''}`);
	}

	async #polls() {
		const calls = await this.calls('bullhorn');
		return Object.entries(calls.endpoints).filter(([name]) => /subscription/.test(name)).reduce((n, [, c]) => n + c, 0);
	}

	// Until nothing is pending. The ATS's feed must have been asked twice since:
	// before that the store cannot know of the last edits, and the first of the
	// two may have begun before them.
	async quiet(forMs, everyMs = 200) {
		const end = Date.now() + forMs, left = () => Math.max(end - Date.now(), 1);
		let status = null;
		for (;;) {
			const polls = await this.#polls();
			await until(async () => {
				this.alive();
				return (await this.#polls()) >= polls + 2;
			}, 'the ATS\'s feed is asked', left());
			status = await this.json(['status']);
			if (status.quiet)
				return status;
			await until(async () => {
				this.alive();
				status = await this.json(['status']);
				return status.quiet;
			}, () => `nothing is pending\n${JSON.stringify(status.pending)} ${JSON.stringify(status.ats)} ${JSON.stringify(status.salesforce)}\n${this.log('daemon.log')}`, left(), everyMs);
		}
	}

	async end() {
		await this.stopDaemon('SIGKILL');
		if (this.sandbox && !this.sandboxEnd) {
			this.sandbox.kill('SIGTERM');
			await this.sandboxGone;
		}
		if (!this.options.keep)
			rmSync(this.dir, { recursive: true, force: true });
	}
}

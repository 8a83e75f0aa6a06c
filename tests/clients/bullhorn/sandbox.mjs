// A sandbox of one's own, and a small Bullhorn client written from the public
// documentation, with nothing but fetch.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const fixtures = new URL('../../fixtures/bullhorn/', import.meta.url);

export async function fixture(name) {
	return JSON.parse(await readFile(new URL(name, fixtures), 'utf8'));
}

// Polls until 'look' gives something, or fails after a while.
export async function until(look, what, forMs = 15000) {
	const end = Date.now() + forMs;
	for (;;) {
		const found = await look();
		if (found)
			return found;
		if (Date.now() > end)
			throw new Error(`not in ${forMs} ms: ${what}`);
		await new Promise((resume) => setTimeout(resume, 20));
	}
}

export async function startSandbox(...options) {
	const dir = await mkdtemp(join(tmpdir(), 'sandbox-'));
	const file = join(dir, 'ports');
	const child = spawn(process.env.TREATY_SANDBOX ?? 'treaty-sandbox',
		['serve', '--size', 'small', '--seed', '7', '--salesforce-port', '0', '--bullhorn-port', '0',
			'--port-file', file, ...options], { stdio: ['ignore', 'ignore', 'inherit'] });
	let exit = null;
	const gone = new Promise((resolve) => child.on('exit', (code, signal) => resolve(exit = { code, signal })));
	const ports = await until(async () => {
		if (exit)
			throw new Error(`the sandbox ended: ${JSON.stringify(exit)}`);
		return readFile(file, 'utf8').then(JSON.parse, () => null);
	}, 'the sandbox listens');
	const url = `http://127.0.0.1:${ports.bullhorn}`;
	const control = async (verb, body = {}) => (await fetch(`${url}/_sandbox/${verb}`,
		{ method: 'POST', body: JSON.stringify({ system: 'bullhorn', ...body }) })).json();
	const stop = async () => {
		child.kill('SIGTERM');
		const { code, signal } = await gone;
		await rm(dir, { recursive: true });
		if (code !== 0)
			throw new Error(`the sandbox ended with ${code ?? signal}`);
	};
	return { url, control, stop };
}

export const credentials = {
	client_id: 'sandbox-client', client_secret: 'sandbox-secret',
	username: 'sandbox.api', password: 'sandbox-password',
};

const query = (args) => new URLSearchParams(args).toString();

export async function authorize(url, change = {}) {
	const { client_id, username, password } = credentials;
	return fetch(`${url}/oauth/authorize?` + query({ client_id, username, password, response_type: 'code',
		action: 'Login', ...change }), { redirect: 'manual' });
}

export async function token(url, args) {
	const { client_id, client_secret } = credentials;
	const answer = await fetch(`${url}/oauth/token?` + query({ client_id, client_secret, ...args }),
		{ method: 'POST' });
	return { status: answer.status, body: await answer.json() };
}

export async function restLogin(url, access_token, args = {}) {
	const answer = await fetch(`${url}/rest-services/login?` + query({ version: '*', access_token, ...args }),
		{ method: 'POST' });
	return { status: answer.status, body: await answer.json() };
}

// All four steps; the client it gives answers { status, body }.
export async function login(url) {
	const redirect = new URL((await authorize(url)).headers.get('location'));
	const tokens = await token(url, { grant_type: 'authorization_code', code: redirect.searchParams.get('code') });
	const { body } = await restLogin(url, tokens.body.access_token, { ttl: 60 });
	const call = async (method, path, args, json) => {
		const answer = await fetch(body.restUrl + path + (args ? '?' + query(args) : ''), {
			method, headers: { BhRestToken: body.BhRestToken },
			body: json === undefined ? undefined : JSON.stringify(json),
		});
		const text = await answer.text();
		return { status: answer.status, body: text === '' ? null : JSON.parse(text), text };
	};
	return {
		...body, tokens: tokens.body, call,
		get: (path, args) => call('GET', path, args),
		put: (path, json, args) => call('PUT', path, args, json),
		post: (path, json, args) => call('POST', path, args, json),
		del: (path) => call('DELETE', path),
		query: async (entity, where, fields, more = {}) =>
			(await call('GET', `query/${entity}`, { where, fields, ...more })).body.data,
	};
}

// What an answer is made of: names and types, lists by their first member.
// Names in 'like' that 'value' lacks, or that are of another type there.
export function shapeFaults(value, like, at = '') {
	const kind = (v) => (v === null ? 'null' : Array.isArray(v) ? 'list' : typeof v);
	if (kind(like) === 'null' || kind(value) === 'null')
		return [];
	if (kind(value) !== kind(like))
		return [`${at || 'it'} is ${kind(value)}, not ${kind(like)}`];
	if (kind(like) === 'list')
		return like.length && value.length ? shapeFaults(value[0], like[0], `${at}[0]`) : [];
	if (kind(like) !== 'object')
		return [];
	return Object.keys(like).flatMap((name) => (name in value
		? shapeFaults(value[name], like[name], `${at}.${name}`) : [`${at}.${name} is missing`]));
}

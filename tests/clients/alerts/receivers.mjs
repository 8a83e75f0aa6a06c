// Who receives: the mail server beside this file, and a server of webhooks that
// checks signatures as 'Standard Webhooks' says.
import { execFileSync, spawn } from 'node:child_process';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const secret = `whsec_${Buffer.from('the key of the receiver').toString('base64')}`;

// A certificate for 127.0.0.1 that nobody else trusts.
export function certify(dir) {
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
		'-subj', '/CN=mail.test', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', 'mail.key', '-out', 'mail.pem'],
		{ cwd: dir, stdio: 'ignore' });
}

export async function startMail({ port = 0, dir } = {}) {
	const child = spawn(process.env.TREATY_PYTHON ?? 'python3', [fileURLToPath(new URL('mail.py', import.meta.url)), String(port),
		...(dir ? [join(dir, 'mail.pem'), join(dir, 'mail.key')] : [])], { stdio: ['pipe', 'pipe', 'inherit'] });
	const gone = new Promise((done) => child.on('exit', done));
	const mails = [];
	const first = new Promise((listening, failed) => {
		createInterface({ input: child.stdout }).on('line', (line) => {
			const what = JSON.parse(line);
			if (what.port)
				listening(what.port);
			else
				mails.push(what);
		});
		gone.then(() => failed(new Error('the mail server ended')));
	});
	return {
		port: await first,
		mails,
		async stop() {
			child.stdin.end();
			await gone;
		},
	};
}

function verified(headers, body) {
	const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
	const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
	const mine = Buffer.from(createHmac('sha256', key).update(text).digest('base64'));
	const theirs = Buffer.from((headers['webhook-signature'] ?? '').replace(/^v1,/, ''));
	return mine.length === theirs.length && timingSafeEqual(mine, theirs) &&
		Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) < 120;
}

// What was posted: { path, id, verified, body }. /refuse and /down answer with
// errors, any other path with 204.
export async function startHooks() {
	const posts = [];
	const server = createServer((request, answer) => {
		const parts = [];
		request.on('data', (d) => parts.push(d));
		request.on('end', () => {
			const body = Buffer.concat(parts).toString('utf8');
			posts.push({ path: request.url, id: request.headers['webhook-id'], type: request.headers['content-type'],
				verified: verified(request.headers, body), body: JSON.parse(body) });
			answer.writeHead({ '/refuse': 400, '/down': 503 }[request.url] ?? 204).end();
		});
	});
	await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
	return {
		posts,
		url: `http://127.0.0.1:${server.address().port}`,
		async stop() {
			server.closeAllConnections();
			await new Promise((closed) => server.close(closed));
		},
	};
}

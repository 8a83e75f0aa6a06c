// From a user name to a session, and all the ways in which that fails.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { authorize, fixture, login, restLogin, shapeFaults, startSandbox, token } from './sandbox.mjs';

let box;
before(async () => { box = await startSandbox(); });
after(() => box.stop());

const newCode = async () =>
	new URL((await authorize(box.url)).headers.get('location')).searchParams.get('code');

test('loginInfo names the data centre', async () => {
	const answer = await fetch(`${box.url}/rest-services/loginInfo?username=sandbox.api`);
	const info = await answer.json();
	assert.equal(info.oauthUrl, `${box.url}/oauth`);
	assert.equal(info.restUrl, `${box.url}/rest-services`);
});

test('authorize redirects with a code, and keeps the state', async () => {
	const answer = await authorize(box.url, { state: 'a b', redirect_uri: 'https://app.example.com/back?x=1' });
	assert.equal(answer.status, 302);
	const to = new URL(answer.headers.get('location'));
	assert.equal(to.searchParams.get('state'), 'a b');
	assert.equal(to.searchParams.get('x'), '1');
	assert.ok(to.searchParams.get('code'));
});

test('bad credentials get the login page with status 200', async () => {
	const answer = await authorize(box.url, { password: 'wrong' });
	assert.equal(answer.status, 200);
	assert.match(answer.headers.get('content-type'), /text\/html/);
	assert.match(await answer.text(), /<form/);
});

test('the tokens look like recorded ones', async () => {
	const { status, body } = await token(box.url, { grant_type: 'authorization_code', code: await newCode() });
	assert.equal(status, 200);
	assert.deepEqual(shapeFaults(body, await fixture('recorded/auth/access-token-success.json')), []);
	assert.equal(body.expires_in, 600);
	const opened = await restLogin(box.url, body.access_token);
	assert.deepEqual(shapeFaults(opened.body, await fixture('recorded/auth/login-success.json')), []);
	assert.equal(opened.body.restUrl, `${box.url}/rest-services/sbx001/`);
});

test('a code is good once', async () => {
	const code = await newCode();
	assert.equal((await token(box.url, { grant_type: 'authorization_code', code })).status, 200);
	const again = await token(box.url, { grant_type: 'authorization_code', code });
	assert.equal(again.status, 400);
	assert.deepEqual(again.body, await fixture('recorded/auth/invalid-auth-code.json'));
});

test('a refresh token is good once, and the chain goes on from the new one', async () => {
	const client = await login(box.url);
	const first = client.tokens.refresh_token;
	const second = await token(box.url, { grant_type: 'refresh_token', refresh_token: first });
	assert.equal(second.status, 200);
	assert.notEqual(second.body.refresh_token, first);
	const used = await token(box.url, { grant_type: 'refresh_token', refresh_token: first });
	assert.equal(used.status, 400);
	assert.equal(used.body.error, 'invalid_grant');
	const third = await token(box.url, { grant_type: 'refresh_token', refresh_token: second.body.refresh_token });
	assert.equal((await restLogin(box.url, third.body.access_token)).status, 200);
});

test('a wrong client secret is told apart', async () => {
	const { status, body } = await token(box.url,
		{ grant_type: 'authorization_code', code: 'x', client_secret: 'wrong' });
	assert.equal(status, 401);
	assert.deepEqual(body, await fixture('recorded/auth/invalid-client-secret.json'));
});

test('a bad access token does not open a session', async () => {
	const { status, body } = await restLogin(box.url, 'nonsense');
	assert.equal(status, 400);
	assert.deepEqual(body, await fixture('recorded/auth/login-invalid-token-error.json'));
});

test('the session token is taken from header, query or cookie', async () => {
	const client = await login(box.url);
	const ping = `${client.restUrl}ping`;
	const token = client.BhRestToken;
	for (const answer of [
		await fetch(ping, { headers: { BhRestToken: token } }),
		await fetch(`${ping}?BhRestToken=${token}`),
		await fetch(ping, { headers: { Cookie: `a=b; BhRestToken=${token}` } }),
	]) {
		assert.equal(answer.status, 200);
		const { sessionExpires } = await answer.json();
		assert.ok(sessionExpires > Date.now() + 59 * 60000 && sessionExpires < Date.now() + 61 * 60000);
	}
	assert.equal((await fetch(ping)).status, 412);
});

test('an expired session answers like the recorded one; logging in again helps', async () => {
	const client = await login(box.url);
	assert.equal((await client.get('ping')).status, 200);
	await box.control('sessions', { expire: 'session' });
	const expired = await client.get('entity/Candidate/1', { fields: 'id' });
	assert.equal(expired.status, 401);
	assert.deepEqual(expired.body, await fixture('recorded/invalid-rest-token.json'));
	assert.equal((await (await login(box.url)).get('ping')).status, 200);
});

test('logout ends the session, and sessions are limited', async () => {
	await box.control('sessions', { expire: 'session', max: 1 });
	const client = await login(box.url);
	const { body } = await token(box.url, { grant_type: 'refresh_token', refresh_token: client.tokens.refresh_token });
	assert.equal((await restLogin(box.url, body.access_token)).status, 429);
	await client.get('logout');
	assert.equal((await client.get('ping')).status, 401);
	assert.equal((await restLogin(box.url, body.access_token)).status, 200);
	await box.control('sessions', { max: 50 });
});

test('limits answer 429 and say nothing of when to come back', async () => {
	const client = await login(box.url);
	await box.control('limits', { per_month: 1 });
	const answer = await fetch(`${client.restUrl}ping`, { headers: { BhRestToken: client.BhRestToken } });
	assert.equal(answer.status, 429);
	assert.equal(answer.headers.get('retry-after'), null);
	await box.control('limits', { per_month: 0, per_minute: 0, reset: true });
	assert.equal((await client.get('ping')).status, 200);
});

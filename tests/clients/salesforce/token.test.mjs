// The JWT bearer login, with assertions made by hand.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { startSandbox, assertion, token, jwt, person } from './sandbox.mjs';

let sandbox;
before(async () => { sandbox = await startSandbox(); });
after(async () => { assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }); });

test('a good assertion gives a session', async () => {
  const { status, body } = await token(sandbox, jwt(assertion(sandbox)));
  assert.equal(status, 200);
  assert.equal(body.token_type, 'Bearer');
  assert.equal(body.instance_url, sandbox.url);
  assert.match(body.access_token, /^00D\w{12}![.\w]+$/);
  assert.match(body.id, /\/id\/00D\w{15}\/005\w{15}$/);
  assert.ok(!('expires_in' in body));
  const info = await fetch(`${sandbox.url}/services/oauth2/userinfo`,
    { headers: { authorization: `Bearer ${body.access_token}` } });
  assert.equal((await info.json()).preferred_username, 'treaty@acme.example');
});

test('what real clients send is accepted', async () => {
  const soon = Date.now() + 180000;
  for (const change of [{ exp: soon }, { exp: String(Math.floor(soon / 1000)) },
    { aud: `${sandbox.url}/` }, { aud: 'https://login.salesforce.com' }])
    assert.equal((await token(sandbox, jwt(assertion(sandbox, change)))).status, 200, JSON.stringify(change));
});

const refused = [
  ['another audience', (s) => assertion(s, { aud: 'https://example.com' }), 'invalid_grant', /audience is invalid/],
  ['an old assertion', (s) => assertion(s, { exp: 1 }), 'invalid_grant', /expired authorization code/],
  ['another consumer', (s) => assertion(s, { iss: 'someone' }), 'invalid_client_id', /client identifier/],
  ['an unknown user', (s) => assertion(s, { sub: 'nobody@acme.example' }), 'invalid_grant', /hasn't approved/],
  ['a broken signature', (s) => assertion(s).replace(/\.[^.]+$/, '.AAAA'), 'invalid_grant', /invalid assertion/],
  ['no signature', (s) => assertion(s, {}, { alg: 'none' }), 'invalid_grant', /algorithm/],
  ['no assertion at all', () => 'nonsense', 'invalid_grant', /invalid assertion/],
];
for (const [what, make, error, words] of refused)
  test(`${what} is refused`, async () => {
    const { status, body } = await token(sandbox, jwt(make(sandbox)));
    assert.equal(status, 400);
    assert.equal(body.error, error);
    assert.match(body.error_description, words);
  });

test('other grants', async () => {
  assert.equal((await token(sandbox, { grant_type: 'password' })).body.error, 'unsupported_grant_type');
  assert.equal((await token(sandbox, { ...person, client_secret: 'x' })).body.error, 'invalid_client');
  assert.equal((await token(sandbox, { ...person, user: 'priya.raman@acme.example' })).status, 200);
});

test('sessions end on demand', async () => {
  const { body } = await token(sandbox, jwt(assertion(sandbox)));
  const get = () => fetch(`${sandbox.url}/services/data/v66.0/limits`,
    { headers: { authorization: `Bearer ${body.access_token}` } });
  assert.equal((await get()).status, 200);
  await sandbox.control('expire-sessions', {});
  const late = await get();
  assert.equal(late.status, 401);
  assert.deepEqual(await late.json(),
    [{ message: 'Session expired or invalid', errorCode: 'INVALID_SESSION_ID' }]);
});

// Trouble on demand: what a client sees, and what was done all the same.
import { test, before, after, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { startSandbox, assertion, token, jwt } from './sandbox.mjs';

let sandbox, session;
before(async () => {
  sandbox = await startSandbox('--sf-daily-limit', '40');
  session = (await token(sandbox, jwt(assertion(sandbox)))).body.access_token;
});
after(async () => { assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }); });
afterEach(() => sandbox.control('fault', { system: 'salesforce', kind: 'none' }));

const call = (method, path, body) => fetch(`${sandbox.url}/services/data/v66.0/${path}`, { method,
  body: body && JSON.stringify(body), headers: { authorization: `Bearer ${session}`, 'content-type': 'application/json' } });
const fault = (kind, more = {}) => sandbox.control('fault', { system: 'salesforce', kind, count: 1, ...more });
const named = async (Name) => (await sandbox.control('dump?object=Account&fields=Name'))
  .filter((r) => r.fields.Name === Name).length;
const create = (Name) => call('POST', 'sobjects/Account', { Name });

for (const kind of ['outage', 'reset'])
  test(`${kind}: no answer, nothing done`, async () => {
    await fault(kind);
    await assert.rejects(create(kind));
    assert.equal(await named(kind), 0);
    assert.equal((await create(kind)).status, 201);
  });

test('a lost answer was carried out', async () => {
  await fault('lost-answer');
  await assert.rejects(create('lost'));
  assert.equal(await named('lost'), 1);
});

test('late: the client has gone, the change is made', async () => {
  await fault('late', { delay_ms: 300 });
  await assert.rejects(fetch(`${sandbox.url}/services/data/v66.0/sobjects/Account`, { method: 'POST',
    body: '{"Name":"late"}', headers: { authorization: `Bearer ${session}` }, signal: AbortSignal.timeout(50) }));
  assert.equal(await named('late'), 0);
  const deadline = Date.now() + 5000;
  while (!await named('late')) assert.ok(Date.now() < deadline, 'never carried out');
});

test('errors, pages of HTML, cut answers, ended sessions', async () => {
  await fault('500');
  assert.equal((await call('GET', 'limits')).status, 500);
  await fault('503');
  const down = await call('GET', 'limits');
  assert.equal(down.status, 503);
  assert.match(down.headers.get('content-type'), /html/);
  await fault('html');
  const page = await call('GET', 'limits');
  assert.equal(page.status, 200);
  assert.match(await page.text(), /^<html>/);
  await fault('truncated');
  await assert.rejects((await call('GET', 'limits')).json());
  await fault('session', { path: '/services/data/v66.0/limits' });
  assert.equal((await call('GET', 'limits')).status, 401);
  session = (await token(sandbox, jwt(assertion(sandbox)))).body.access_token;
});

test('a fault matches by method, part of the path and count', async () => {
  await fault('500', { method: 'PATCH', contains: 'composite', count: 2 });
  assert.equal((await call('GET', 'limits')).status, 200);
  for (const status of [500, 500, 400])
    assert.equal((await call('PATCH', 'composite/sobjects', { records: [] })).status, status);
});

test('rows that are locked fail alone', async () => {
  const ids = [];
  for (const n of ['l1', 'l2']) ids.push((await (await create(n)).json()).id);
  await sandbox.control('lock-rows', { count: 1 });
  const answer = await (await call('PATCH', 'composite/sobjects', { records: ids.map((id) =>
    ({ attributes: { type: 'Account' }, id, Phone: '1' })) })).json();
  assert.deepEqual(answer.map((r) => r.success), [false, true]);
  assert.equal(answer[0].errors[0].statusCode, 'UNABLE_TO_LOCK_ROW');
});

test('If-Unmodified-Since holds a write back', async () => {
  const { id } = await (await create('cond')).json();
  const patch = (since) => fetch(`${sandbox.url}/services/data/v66.0/sobjects/Account/${id}`, { method: 'PATCH',
    body: '{"Phone":"3"}', headers: { authorization: `Bearer ${session}`, 'if-unmodified-since': since } });
  assert.equal((await patch('Mon, 23 Nov 2020 10:00:00 GMT')).status, 412);
  assert.equal((await patch(new Date(Date.now() + 60000).toUTCString())).status, 204);
});

test('long URLs are refused, keys with a slash hit nothing', async () => {
  assert.equal((await call('GET', `query?q=${'x'.repeat(16400)}`)).status, 414);
  assert.equal((await call('PATCH', 'sobjects/Account/Bullhorn_Id__c/a/b', { Name: 'x' })).status, 404);
  assert.equal((await call('PATCH', 'sobjects/Account/Bullhorn_Id__c/a%2Fb', { Name: 'x' })).status, 201);
});

test('describe is not sent again while it has not changed', async () => {
  const ask = (since) => fetch(`${sandbox.url}/services/data/v66.0/sobjects/Account/describe`,
    { headers: { authorization: `Bearer ${session}`, 'if-modified-since': since } });
  const stamp = (await ask('Mon, 23 Nov 2020 10:00:00 GMT')).headers.get('last-modified');
  assert.equal((await ask(stamp)).status, 304);
});

test('writes are remembered with their writer', async () => {
  const { id } = await (await create('who')).json();
  await sandbox.control('edit', { system: 'salesforce', object: 'Account', id, fields: { Phone: '44' } });
  const writes = await sandbox.control(`writes?object=Account&id=${id}`);
  assert.deepEqual(writes.map((w) => [w.kind, w.channel]), [['insert', 'api'], ['update', 'user']]);
  assert.deepEqual(writes[1].fields, { Phone: { old: null, new: '44' } });
});

test('calls are counted, and the quota ends', async () => {
  const before = (await sandbox.control('calls?system=salesforce')).endpoints['GET limits'];
  let answer;
  for (let i = 0; i < 41; i++) answer = await call('GET', 'limits');
  assert.equal(answer.status, 403);
  assert.match(answer.headers.get('sforce-limit-info'), /^api-usage=40\/40$/);
  assert.deepEqual(await answer.json(), [{ message: 'TotalRequests Limit exceeded.', errorCode: 'REQUEST_LIMIT_EXCEEDED' }]);
  assert.equal((await sandbox.control('calls?system=salesforce')).endpoints['GET limits'], before + 41);
});

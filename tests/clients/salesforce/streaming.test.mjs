// The finer points of change events, message by message: what jsforce hides.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { startSandbox, assertion, token, jwt } from './sandbox.mjs';

let sandbox, session;
before(async () => {
  sandbox = await startSandbox('--cometd-hold-ms', '300', '--events-kept', '50');
  session = (await token(sandbox, jwt(assertion(sandbox)))).body.access_token;
});
after(async () => { assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }); });

class Stream {
  cookie = '';
  async send(...messages) {
    const answer = await fetch(`${sandbox.url}/cometd/66.0`, { method: 'POST', body: JSON.stringify(messages),
      headers: { authorization: `OAuth ${this.token ?? session}`, 'content-type': 'application/json', cookie: this.cookie } });
    const cookie = answer.headers.get('set-cookie');
    if (cookie) this.cookie = cookie.split(';')[0];
    return answer.json();
  }
  async handshake() {
    const [answer] = await this.send({ channel: '/meta/handshake', version: '1.0',
      supportedConnectionTypes: ['long-polling'], ext: { replay: true }, id: '1' });
    this.clientId = answer.clientId;
    return answer;
  }
  async subscribe(channel, replay) {
    const [answer] = await this.send({ channel: '/meta/subscribe', clientId: this.clientId, subscription: channel,
      ...(replay === undefined ? {} : { ext: { replay: { [channel]: replay } } }), id: '2' });
    return answer;
  }
  async connect() {
    const all = await this.send({ channel: '/meta/connect', clientId: this.clientId, connectionType: 'long-polling', id: '3' });
    return { meta: all.find((m) => m.channel === '/meta/connect'), events: all.filter((m) => m.data) };
  }
  static async open(channel, replay = -1) {
    const s = new Stream();
    await s.handshake();
    assert.equal((await s.subscribe(channel, replay)).successful, true);
    return s;
  }
}

async function call(method, path, body, headers = {}) {
  const answer = await fetch(`${sandbox.url}/services/data/v66.0/${path}`, { method, body: JSON.stringify(body),
    headers: { authorization: `Bearer ${session}`, 'content-type': 'application/json', ...headers } });
  return { status: answer.status, body: answer.status === 204 ? null : await answer.json() };
}
const accounts = async (n) => (await call('POST', 'composite/sobjects', { records:
  Array.from({ length: n }, (_, i) => ({ attributes: { type: 'Account' }, Name: `Firm ${i}` })) })).body.map((r) => r.id);
const header = (event) => event.data.payload.ChangeEventHeader;

test('equal changes of one transaction share an event; different ones share its key', async () => {
  const ids = await accounts(3);
  const s = await Stream.open('/data/AccountChangeEvent');
  const record = (id, fields) => ({ attributes: { type: 'Account' }, id, ...fields });
  await call('PATCH', 'composite/sobjects', { records: ids.map((id) => record(id, { Phone: '1' })) });
  let { events } = await s.connect();
  assert.equal(events.length, 1);
  assert.deepEqual(header(events[0]).recordIds, ids);
  await call('PATCH', 'composite/sobjects', { records: ids.map((id, i) => record(id, { Phone: `2${i}` })) });
  ({ events } = await s.connect());
  assert.equal(events.length, 3);
  assert.equal(new Set(events.map((e) => header(e).transactionKey)).size, 1);
  assert.deepEqual(events.map((e) => header(e).sequenceNumber), [1, 2, 3]);
  assert.ok(header(events[0]).commitNumber > 2 ** 53);
});

test('automation in the same transaction is in the same event', async () => {
  await sandbox.control('automation', { object: 'Account', when: 'Phone', kind: 'phone' });
  await sandbox.control('automation', { object: 'Account', when: 'Phone', target: 'Status__c', kind: 'set', value: 'Client' });
  const [id] = await accounts(1);
  const s = await Stream.open('/data/ChangeEvents');
  await call('PATCH', `sobjects/Account/${id}`, { Phone: '+1 773 555 0123' });
  const { events: [event] } = await s.connect();
  assert.equal(event.channel, '/data/ChangeEvents');
  assert.equal(event.data.payload.Phone, '(773) 555-0123');
  assert.equal(event.data.payload.Status__c, 'Client');
  await sandbox.control('automation', { clear: true });
});

test('a field that may not be read is in no event', async () => {
  const [id] = await accounts(1);
  await sandbox.control('permission', { object: 'Account', field: 'Website', readable: false });
  const s = await Stream.open('/data/AccountChangeEvent');
  await call('PATCH', `sobjects/Account/${id}`, { Phone: '9' });
  await sandbox.control('edit', { system: 'salesforce', object: 'Account', id, fields: { Website: 'https://x.example.com' } });
  const { events } = await s.connect();
  assert.equal(events.length, 2);
  assert.ok(!('Website' in events[1].data.payload));
  assert.ok(!header(events[1]).changedFields.includes('Website'));
  assert.notEqual(header(events[1]).commitUser, header(events[0]).commitUser);
  await sandbox.control('permission', { object: 'Account', field: 'Website', readable: true });
});

test('replay: all that is kept, from an id, and an id that expired', async () => {
  const [id] = await accounts(1);
  for (let i = 0; i < 5; i++) await call('PATCH', `sobjects/Account/${id}`, { Phone: `${i}` });
  const all = (await (await Stream.open('/data/AccountChangeEvent', -2)).connect()).events;
  const from = all.at(-3).data.event.replayId;
  const rest = (await (await Stream.open('/data/AccountChangeEvent', from)).connect()).events;
  assert.deepEqual(rest.map((e) => e.data.payload.Phone), ['3', '4']);
  await sandbox.control('forget-events', { keep: 1 });
  const s = new Stream();
  await s.handshake();
  const refused = await s.subscribe('/data/AccountChangeEvent', from);
  assert.equal(refused.successful, false);
  assert.match(refused.error, new RegExp(`^400::The replayId \\{${from}\\} you provided was invalid\\.`));
});

test('retention is bounded', async () => {
  await accounts(80);
  const s = await Stream.open('/data/AccountChangeEvent', -2);
  assert.equal((await s.connect()).events.length, 50);
});

test('channels and replay maps are checked', async () => {
  const s = new Stream();
  await s.handshake();
  assert.match((await s.subscribe('/data/accountchangeevent', -1)).error, /doesn't exist/);
  assert.match((await s.subscribe('/data/NothingChangeEvent', -1)).error, /^400::/);
  assert.equal((await s.subscribe('/data/Placement__ChangeEvent', -1)).successful, true);
  const [wrong] = await s.send({ channel: '/meta/subscribe', clientId: s.clientId,
    subscription: '/data/ContactChangeEvent', ext: { replay: {} } });
  assert.match(wrong.error, /wasn't found using the provided replay ID map/);
});

test('a held connect ends empty, or as soon as something happens', async () => {
  const [id] = await accounts(1);
  const s = await Stream.open('/data/AccountChangeEvent');
  const { meta, events } = await s.connect();
  assert.equal(events.length, 0);
  assert.deepEqual([meta.successful, meta.advice.reconnect], [true, 'retry']);
  const waiting = s.connect();
  await call('PATCH', `sobjects/Account/${id}`, { Phone: '7' });
  assert.equal((await waiting).events.length, 1);
});

test('unknown clients, missing cookies, ended sessions', async () => {
  const s = await Stream.open('/data/AccountChangeEvent');
  const { cookie } = s;
  s.cookie = '';
  assert.match((await s.connect()).meta.error, /BAYEUX_BROWSER/);
  s.cookie = cookie;
  await sandbox.control('forget-clients', {});
  let { meta } = await s.connect();
  assert.equal(meta.error, '403::Unknown client');
  assert.equal(meta.advice.reconnect, 'handshake');
  await s.handshake();
  s.token = 'ended';
  ({ meta } = await s.connect());
  assert.equal(meta.error, '401::Authentication invalid');
  assert.equal(meta.advice.reconnect, 'none');
  const denied = await s.handshake();
  assert.equal(denied.error, '403::Handshake denied');
  assert.equal(denied.ext.sfdc.failureReason, '401::Authentication invalid');
});

test('gap and overflow events have no data', async () => {
  const s = await Stream.open('/data/ChangeEvents');
  await sandbox.control('gap', { object: 'Contact', type: 'GAP_OVERFLOW' });
  const { events: [event] } = await s.connect();
  assert.equal(header(event).changeType, 'GAP_OVERFLOW');
  assert.deepEqual(header(event).recordIds, ['000000000000000AAA']);
  assert.deepEqual(Object.keys(event.data.payload), ['ChangeEventHeader']);
});

test('a merge deletes the loser and says who survived', async () => {
  const [winner, loser] = await accounts(2);
  await sandbox.control('merge', { object: 'Account', winner, loser });
  const q = encodeURIComponent(`SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true AND Id = '${loser}'`);
  assert.equal((await call('GET', `queryAll?q=${q}`)).body.records[0].MasterRecordId, winner);
});

test('an outage cuts a connect that waits, and loses nothing', async () => {
  const [id] = await accounts(1);
  const s = await Stream.open('/data/AccountChangeEvent');
  const waiting = assert.rejects(s.connect());
  await sandbox.control('fault', { system: 'salesforce', kind: 'outage', path: '/cometd' });
  await waiting;
  await call('PATCH', `sobjects/Account/${id}`, { Phone: '70' });
  await sandbox.control('fault', { system: 'salesforce', kind: 'none' });
  assert.deepEqual((await s.connect()).events.map((e) => e.data.payload.Phone), ['70']);
});

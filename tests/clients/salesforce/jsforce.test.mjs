// jsforce, which nobody here wrote, does its work against the sandbox.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import jsforce from 'jsforce';
import { startSandbox, assertion, token, jwt, person } from './sandbox.mjs';

const { StreamingExtension } = createRequire(import.meta.url)('jsforce/lib/api/streaming');
let sandbox, conn;

const connect = (session) => new jsforce.Connection({ instanceUrl: session.instance_url,
  accessToken: session.access_token, version: '66.0', callOptions: { client: 'jsf' } });

before(async () => {
  sandbox = await startSandbox('--size', '3000', '--cometd-hold-ms', '3000');
  conn = connect((await token(sandbox, jwt(assertion(sandbox)))).body);
});
after(async () => { assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }); });

test('logs in by client credentials', async () => {
  const c = new jsforce.Connection({ oauth2: { loginUrl: sandbox.url, clientId: person.client_id,
    clientSecret: person.client_secret }, version: '66.0' });
  await c.authorize({ grant_type: 'client_credentials' });
  assert.equal((await c.identity()).username, 'dana.whitfield@acme.example');
});

test('identity', async () => {
  const me = await conn.identity();
  assert.equal(me.username, 'treaty@acme.example');
  assert.match(me.organization_id, /^00D/);
});

test('query: pages, parents, counts', async () => {
  const total = (await conn.query('SELECT COUNT() FROM Contact')).totalSize;
  assert.ok(total > 2000);
  const first = await conn.query('SELECT Id, Name, Email FROM Contact');
  assert.equal(first.records.length, 2000);
  assert.equal(first.done, false);
  assert.ok(conn.limitInfo.apiUsage.used > 0);
  const { records: all } = await conn.query('SELECT Id FROM Contact', { autoFetch: true, maxFetch: 100000 });
  assert.equal(new Set(all.map((r) => r.Id)).size, total);
  const { records } = await conn.query('SELECT Id, Name, Account__r.Name FROM Job_Order__c ' +
    "WHERE Account__c != null AND Status__c IN ('Open','Draft') ORDER BY Name DESC LIMIT 5");
  assert.ok(records.length > 0);
  assert.equal(records[0].Account__r.attributes.type, 'Account');
});

test('create, retrieve, update, destroy', async () => {
  const made = await conn.sobject('Account').create({ Name: '  Borealis Staffing ', Phone: '', Industry: 'Energy' });
  assert.equal(made.success, true);
  let row = await conn.sobject('Account').retrieve(made.id);
  assert.equal(row.Name, 'Borealis Staffing'); // trimmed
  assert.equal(row.Phone, null); // '' is null
  await conn.sobject('Account').update({ Id: made.id, Phone: '312 555 0142' });
  row = await conn.sobject('Account').retrieve(made.id.slice(0, 15));
  assert.equal(row.Phone, '312 555 0142');
  await conn.sobject('Account').destroy(made.id);
  await assert.rejects(conn.sobject('Account').retrieve(made.id), { errorCode: 'ENTITY_IS_DELETED' });
  const bin = await conn.query(`SELECT Id, IsDeleted FROM Account WHERE Id = '${made.id}'`, { scanAll: true });
  assert.equal(bin.records[0].IsDeleted, true);
});

test('upsert answers 201, 200 and 300', async () => {
  const contact = conn.sobject('Contact');
  const made = await contact.upsert({ Bullhorn_Id__c: 'B-1', LastName: 'Reyes' }, 'Bullhorn_Id__c');
  assert.equal(made.created, true);
  const again = await contact.upsert({ Bullhorn_Id__c: 'B-1', Title: 'Welder' }, 'Bullhorn_Id__c');
  assert.deepEqual([again.id, again.created], [made.id, false]);
  await contact.create([{ LastName: 'Two', Email: 'twins@people.example' },
    { LastName: 'Three', Email: 'twins@people.example' }]);
  await assert.rejects(contact.upsert({ Email: 'twins@people.example', Title: 'X' }, 'Email'),
    { errorCode: 'MULTIPLE_CHOICES' });
});

test('errors are worded as the service words them', async () => {
  const contact = conn.sobject('Contact');
  const refuse = (fields, errorCode, message) =>
    assert.rejects(contact.create({ LastName: 'X', ...fields }), { errorCode, message });
  await refuse({ LastName: null }, 'REQUIRED_FIELD_MISSING', 'Required fields are missing: [LastName]');
  await refuse({ FirstName: 'x'.repeat(41) }, 'STRING_TOO_LONG', /^First Name: data value too large: x+ \(max length=40\)$/);
  await refuse({ Status__c: 'Hired' }, 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST', 'Status: bad value for restricted picklist field: Hired');
  await refuse({ Name: 'A B' }, 'INVALID_FIELD_FOR_INSERT_UPDATE', /^Unable to create\/update fields: Name\./);
  await refuse({ Nope__c: 1 }, 'INVALID_FIELD', "No such column 'Nope__c' on sobject of type Contact");
  await refuse({ Email: 'no mail' }, 'INVALID_EMAIL_ADDRESS', /invalid email address/);
  await refuse({ AccountId: 'rubbish' }, 'MALFORMED_ID', /id value of incorrect type/);
  await refuse({ Available_From__c: '2026-02-30' }, 'INVALID_TYPE_ON_FIELD_IN_RECORD', /value not of required type/);
  await contact.create({ LastName: 'Y', Bullhorn_Id__c: 'dup' });
  await refuse({ Bullhorn_Id__c: 'dup' }, 'DUPLICATE_VALUE', /^duplicate value found: Bullhorn_Id__c duplicates value on record with id: 003/);
  await assert.rejects(conn.query('SELECT Id FROM Nothing'), { errorCode: 'INVALID_TYPE' });
  await assert.rejects(conn.query('SELECT Id FRM Contact'), { errorCode: 'MALFORMED_QUERY' });
  await assert.rejects(conn.query('SELECT Nope FROM Contact'), { errorCode: 'INVALID_FIELD' });
});

test('collections keep order, with and without allOrNone', async () => {
  const account = conn.sobject('Account');
  const mixed = await account.create([{ Name: 'C1' }, { Phone: '1' }, { Name: 'C3' }], { allOrNone: false });
  assert.deepEqual(mixed.map((r) => r.success), [true, false, true]);
  assert.equal(mixed[1].errors[0].statusCode, 'REQUIRED_FIELD_MISSING');
  const none = await account.update([{ Id: mixed[0].id, Phone: '5' }, { Id: mixed[2].id, Status__c: 'No' }], { allOrNone: true });
  assert.equal(none[0].errors[0].statusCode, 'ALL_OR_NONE_OPERATION_ROLLED_BACK');
  assert.equal((await account.retrieve(mixed[0].id)).Phone, null);
  const up = await account.upsert([{ Bullhorn_Id__c: 'u1', Name: 'U1' }, { Bullhorn_Id__c: 'u2', Name: 'U2' }], 'Bullhorn_Id__c');
  assert.deepEqual(up.map((r) => r.created), [true, true]);
  const gone = await account.destroy([up[0].id, '001000000000000AAA']);
  assert.deepEqual(gone.map((r) => r.success), [true, false]);
});

test('retrieves many, missing ones as null', async () => {
  const { records } = await conn.query('SELECT Id FROM Contact LIMIT 900');
  const ids = records.map((r) => r.Id);
  ids.splice(5, 0, '003000000000000AAA');
  const rows = await conn.sobject('Contact').retrieve(ids);
  assert.equal(rows.length, 901);
  assert.equal(rows[5], null);
  assert.equal(rows[6].Id, ids[6]);
});

test('describe and describeGlobal', async () => {
  const global = await conn.describeGlobal();
  assert.ok(global.sobjects.some((o) => o.name === 'Placement__c' && o.keyPrefix === 'a02'));
  const d = await conn.sobject('Contact').describe();
  const field = Object.fromEntries(d.fields.map((f) => [f.name, f]));
  assert.equal(field.LastName.nillable, false);
  assert.equal(field.Name.updateable, false);
  assert.deepEqual(field.AccountId.referenceTo, ['Account']);
  assert.equal(field.Bullhorn_Id__c.externalId && field.Bullhorn_Id__c.unique && field.Bullhorn_Id__c.caseSensitive, true);
  assert.ok(field.Status__c.picklistValues.some((v) => v.value === 'Placed'));
  await sandbox.control('permission', { object: 'Contact', field: 'Title', editable: false });
  const locked = (await conn.sobject('Contact').describe()).fields.find((f) => f.name === 'Title');
  assert.equal(locked.updateable, false);
  await assert.rejects(conn.sobject('Contact').create({ LastName: 'L', Title: 'T' }),
    { errorCode: 'INVALID_FIELD_FOR_INSERT_UPDATE' });
  await sandbox.control('permission', { object: 'Contact', field: 'Title', editable: true });
});

test('describe has the keys of a recorded one, and agrees on the fields both have', async () => {
  const recorded = JSON.parse(readFileSync(new URL('../../fixtures/salesforce/describe_Contact.json', import.meta.url)));
  const ours = await conn.sobject('Contact').describe();
  assert.deepEqual(Object.keys(ours).sort(), Object.keys(recorded).sort());
  const theirs = Object.fromEntries(recorded.fields.map((f) => [f.name, f]));
  for (const field of ours.fields) {
    assert.deepEqual(Object.keys(field).sort(), Object.keys(recorded.fields[0]).sort(), field.name);
    if (theirs[field.name]) assert.deepEqual(field, theirs[field.name]);
  }
});

test('composite with references', async () => {
  const answer = await conn.requestPost('/services/data/v66.0/composite', { allOrNone: true, compositeRequest: [
    { method: 'POST', url: '/services/data/v66.0/sobjects/Account', referenceId: 'acc', body: { Name: 'Composite' } },
    { method: 'POST', url: '/services/data/v66.0/sobjects/Contact', referenceId: 'con', body: { LastName: 'C', AccountId: '@{acc.id}' } }] });
  assert.deepEqual(answer.compositeResponse.map((r) => r.httpStatusCode), [201, 201]);
  const row = await conn.sobject('Contact').retrieve(answer.compositeResponse[1].body.id);
  assert.equal(row.AccountId, answer.compositeResponse[0].body.id);
});

test('updated and deleted listings', async () => {
  const { id } = await conn.sobject('Account').create({ Name: 'Listed' });
  const start = new Date(Date.now() - 3600000), end = new Date(Date.now() + 60000);
  assert.ok((await conn.sobject('Account').updated(start, end)).ids.includes(id));
  await conn.sobject('Account').destroy(id);
  assert.ok((await conn.sobject('Account').deleted(start, end)).deletedRecords.some((r) => r.id === id));
});

// Waits for events that 'enough' accepts; no sleeping.
function listen(channel, replay, enough) {
  const client = conn.streaming.createClient([new StreamingExtension.Replay(channel, replay)]);
  const seen = [];
  let done;
  const all = new Promise((resolve) => { done = resolve; });
  const subscribed = client.subscribe(channel, (event) => {
    seen.push(event);
    if (enough(seen)) done(seen);
  });
  return { all, subscribed: new Promise((ok, no) => subscribed.then(ok, no)), stop: () => new Promise((ok, no) => client.disconnect().then(ok, no)) };
}

test('change events arrive and are replayed', async () => {
  const live = listen('/data/ContactChangeEvent', -1, (seen) => seen.length === 3);
  await live.subscribed;
  const made = await conn.sobject('Contact').create({ FirstName: 'Ana', LastName: 'Luz', Title: 'Nurse' });
  await conn.sobject('Contact').update({ Id: made.id, Title: null, LastName: 'Luz-Reyes' });
  await conn.sobject('Contact').destroy(made.id);
  const [created, changed, deleted] = await live.all;
  await live.stop();
  assert.deepEqual(created.payload.Name, { LastName: 'Luz', FirstName: 'Ana' });
  assert.equal(created.payload.Title, 'Nurse');
  let header = changed.payload.ChangeEventHeader;
  assert.equal(header.changeType, 'UPDATE');
  assert.deepEqual(header.recordIds, [made.id]);
  assert.equal(header.changeOrigin, 'com/salesforce/api/rest/66.0;client=jsf');
  assert.ok(header.changedFields.includes('Name.LastName') && header.changedFields.includes('Title'));
  assert.equal(changed.payload.Title, null);
  assert.deepEqual(changed.payload.Name, { LastName: 'Luz-Reyes' });
  assert.equal(deleted.payload.ChangeEventHeader.changeType, 'DELETE');
  assert.ok(!('Title' in deleted.payload));

  const again = listen('/data/ContactChangeEvent', created.event.replayId, (seen) => seen.length === 2);
  assert.deepEqual((await again.all).map((e) => e.event.replayId), [changed.event.replayId, deleted.event.replayId]);
  await again.stop();
});

test('a person\'s edit has no client in its origin', async () => {
  const { records: [row] } = await conn.query('SELECT Id FROM Account LIMIT 1');
  const live = listen('/data/ChangeEvents', -1, (seen) => seen.length === 1);
  await live.subscribed;
  await sandbox.control('edit', { system: 'salesforce', object: 'Account', id: row.Id, fields: { Phone: '773 555 0111' } });
  const [event] = await live.all;
  await live.stop();
  assert.equal(event.payload.ChangeEventHeader.changeOrigin, '');
  assert.equal(event.payload.Phone, '773 555 0111');
});

// The command's own verbs against a running sandbox.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { startSandbox } from './sandbox.mjs';

let sandbox;
before(async () => { sandbox = await startSandbox(); });
after(async () => { assert.deepEqual(await sandbox.stop(), { code: 0, signal: null }); });

const run = (...args) => new Promise((done) => execFile(process.env.TREATY_SANDBOX,
  [...args, '--salesforce-port', new URL(sandbox.url).port],
  (error, stdout, stderr) => done({ code: error ? error.code : 0, stdout, stderr })));

test('create, edit, show, writes, delete', async () => {
  const { id } = JSON.parse((await run('create', 'salesforce', 'Contact', 'LastName=Ode', 'Title=Clerk')).stdout);
  assert.equal((await run('edit', 'salesforce', 'Contact', id, 'Title=', 'Phone=1')).code, 0);
  const [row] = JSON.parse((await run('show', 'salesforce', 'Contact', id)).stdout);
  assert.deepEqual([row.fields.Title, row.fields.Phone], [null, '1']);
  assert.equal((await run('delete', 'salesforce', 'Contact', id)).code, 0);
  const writes = JSON.parse((await run('writes', 'salesforce', 'Contact', id)).stdout);
  assert.deepEqual(writes.map((w) => w.kind), ['insert', 'update', 'delete']);
});

test('what is refused says why', async () => {
  const bad = await run('edit', 'salesforce', 'Contact', '003000000000000AAA', 'Title=x');
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /INVALID_CROSS_REFERENCE_KEY/);
  assert.match((await run('fault', 'salesforce', 'earthquake')).stderr, /one of: none, outage/);
  assert.equal((await run('edit', 'salesforce')).code, 2);
  assert.equal((await run('nonsense')).code, 2);
});

test('faults, automation and status', async () => {
  assert.equal((await run('fault', 'salesforce', '500', 'count=1', 'path=/services')).code, 0);
  assert.equal((await fetch(`${sandbox.url}/services/data`)).status, 500);
  assert.equal((await fetch(`${sandbox.url}/services/data`)).status, 200);
  const rules = JSON.parse((await run('automation', 'salesforce', 'object=Contact', 'when=Phone', 'kind=phone')).stdout);
  assert.equal(rules.length, 1);
  assert.equal(JSON.parse((await run('automation', 'salesforce', 'clear=true')).stdout).length, 0);
  assert.ok(JSON.parse((await run('status')).stdout).salesforce.rows.Contact > 0);
});

test('stop answers before it ends', async () => {
  const other = await startSandbox();
  const ended = other.ended();
  assert.deepEqual(await other.control('shutdown', {}), { ok: true });
  assert.deepEqual(await ended, { code: 0, signal: null });
});

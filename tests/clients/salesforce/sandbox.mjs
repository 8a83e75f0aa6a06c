// A sandbox of its own for each test file: started on free ports, stopped at the end.
import { spawn } from 'node:child_process';
import { generateKeyPairSync, createSign } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Clients obey proxies even for 127.0.0.1.
for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY']) delete process.env[name];

const binary = process.env.TREATY_SANDBOX;
if (!binary) throw new Error('TREATY_SANDBOX must name the treaty-sandbox program');

export async function startSandbox(...options) {
  const dir = mkdtempSync(join(tmpdir(), 'treaty-sandbox-'));
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(dir, 'key.pem'), keys.publicKey.export({ type: 'spki', format: 'pem' }));
  const child = spawn(binary, ['serve', '--salesforce-port', '0', '--bullhorn-port', '0',
    '--port-file', join(dir, 'ports'), '--jwt-cert', join(dir, 'key.pem'), ...options],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((ready, failed) => {
    child.stdout.once('data', ready);
    child.once('exit', (code) => failed(new Error(`treaty-sandbox ended with ${code}`)));
  });
  const ports = JSON.parse(readFileSync(join(dir, 'ports'), 'utf8'));
  const url = `http://127.0.0.1:${ports.salesforce}`;
  return {
    url,
    privateKey: keys.privateKey,
    async ended() {
      const end = await new Promise((done) => child.once('exit', (code, signal) => done({ code, signal })));
      rmSync(dir, { recursive: true });
      return end;
    },
    stop() {
      const end = this.ended();
      child.kill('SIGTERM');
      return end;
    },
    async control(verb, body) {
      const answer = await fetch(`${url}/_sandbox/${verb}`, body === undefined ? {} :
        { method: 'POST', body: JSON.stringify(body) });
      const json = await answer.json();
      if (!answer.ok) throw new Error(`${verb}: ${JSON.stringify(json)}`);
      return json;
    },
  };
}

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function assertion(sandbox, change = {}, header = { alg: 'RS256' }) {
  const claims = { iss: 'treaty-consumer-key', sub: 'treaty@acme.example', aud: sandbox.url,
    exp: Math.floor(Date.now() / 1000) + 180, ...change };
  const text = `${base64url(header)}.${base64url(claims)}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(sandbox.privateKey, 'base64url')}`;
}

export async function token(sandbox, form) {
  const answer = await fetch(`${sandbox.url}/services/oauth2/token`,
    { method: 'POST', body: new URLSearchParams(form) });
  return { status: answer.status, body: await answer.json() };
}

export const jwt = (text) => ({
  grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: text });

export const person = { grant_type: 'client_credentials', client_id: 'treaty-consumer-key',
  client_secret: 'treaty-consumer-secret' };

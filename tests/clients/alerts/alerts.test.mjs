// People are told by mail and by webhook: a test message to all of them, what a
// server may not get away with, and a daemon that tells of a conflict while the
// mail server is away.
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { World, until } from '../../../tools/world.mjs';
import { certify, secret, startHooks, startMail } from './receivers.mjs';

let w, mail, hooks, plain;

// 'people' of the roles; more of the mail channel.
function deploy(people, { smtp = '', port = mail.port, ca = 'ca: mail.pem' } = {}) {
	w.deploy();
	appendFileSync(join(w.dir, 'deployment.yaml'), `channels:
  mail:
    smtp: {url: 'smtp://127.0.0.1:${port}', from: Büro Treaty <treaty@acme.example>, username: treaty, password: env:MAIL_PASSWORD, starttls: required, ${ca}${smtp}}
  events: {webhook: {url: ${hooks.url}/events, secret: env:HOOK_SECRET}}
  chat: {webhook: {url: file:chat.url, shape: slack}}
  room: {webhook: {url: ${hooks.url}/teams, shape: teams}}
  refusing: {webhook: {url: ${hooks.url}/refuse}}
  down: {webhook: {url: ${hooks.url}/down}}
people:
${Object.entries(people).map(([role, ways]) => `  ${role}: [${ways.join(', ')}]\n`).join('')}`);
}

before(async () => {
	hooks = await startHooks();
	w = await World.start(process.env.TREATY_BUILD, { size: 30, seed: 5, poll: '100ms', unlimited: true });
	Object.assign(w.env, { MAIL_PASSWORD: 'mail-password', HOOK_SECRET: secret });
	certify(w.dir);
	writeFileSync(join(w.dir, 'chat.url'), `${hooks.url}/chat?token=never-print-this\n`);
	// the hour at which the test runs is no business hour
	const treaty = join(w.dir, 'treaty.yaml');
	writeFileSync(treaty, readFileSync(treaty, 'utf8').replace(/, hours: [^}]*/g, '')
		.replace(/alert: \{after: 24h, to: recruiting_lead/g, 'alert: {after: 1s, to: recruiting_lead') +
		'alerts: {default: {after: 30d, to: sales_lead}}\n');
	mail = await startMail({ dir: w.dir });
	plain = await startMail();
});

after(async () => {
	await w?.end();
	for (const server of [mail, plain, hooks])
		await server?.stop();
});

async function tryOut(role, code = 0) {
	const end = await w.run(['alerts', 'test', role, '--json'], { also: [0, 1] });
	assert.equal(end.code, code, end.err);
	assert.ok(!(end.out + end.err).includes('never-print-this') && !(end.out + end.err).includes('mail-password'));
	return Object.fromEntries(JSON.parse(end.out).channels.map((c) => [c.channel, c]));
}

test('a test message arrives on every channel, and one refused address harms no other', async () => {
	deploy({ recruiting_lead: ['dana@acme.example', 'refused@acme.example', 'events', 'chat', 'room'] });
	const said = await tryOut('recruiting_lead', 1);
	assert.deepEqual(Object.entries(said).map(([name, c]) => [name, c.sent]), [['mail dana@acme.example', true],
		['mail refused@acme.example', false], ['events', true], ['chat', true], ['room', true]]);
	assert.match(said['mail refused@acme.example'].why, /550 5\.1\.1 no such mailbox/);

	const [m] = mail.mails.splice(0);
	assert.deepEqual(m.to, ['dana@acme.example']);
	assert.equal(m.sender, 'treaty@acme.example');
	assert.equal(m.header_from, 'Büro Treaty <treaty@acme.example>');
	assert.equal(m.header_to, 'dana@acme.example');
	assert.equal(m.subject, '[acme-staffing] a test message');
	assert.match(m.text, /You are told as Head of Recruiting \(recruiting_lead\)/);
	assert.equal(m.auto, 'auto-generated');
	assert.ok(m.tls && m.login, 'encrypted and logged in');
	assert.ok(Math.abs(new Date(m.date) - Date.now()) < 120000);
	assert.deepEqual(m.defects, []);
	assert.ok(m.longest < 200);

	const at = Object.fromEntries(hooks.posts.splice(0).map((p) => [p.path.replace(/\?.*/, ''), p]));
	assert.ok(at['/events'].verified, 'the signature fits');
	assert.equal(at['/events'].type, 'application/json');
	assert.equal(at['/events'].body.state, 'test');
	assert.equal(at['/events'].body.role, 'recruiting_lead');
	assert.ok(!at['/chat'].verified, 'without a secret nothing is signed');
	assert.match(at['/chat'].body.text, /^\*\[acme-staffing\] a test message\*\n```\nThis is a test/);
	const card = at['/teams'].body.attachments[0];
	assert.equal(card.contentType, 'application/vnd.microsoft.card.adaptive');
	assert.equal(card.content.type, 'AdaptiveCard');
	assert.ok(card.content.body.every((b) => b.type === 'RichTextBlock' && b.inlines[0].text.length > 0));
});

test('a mail server that cannot encrypt, that nobody vouches for, or that knows another password gets nothing', async () => {
	deploy({ sales_lead: ['sam@acme.example'] }, { port: plain.port });
	assert.match((await tryOut('sales_lead', 1))['mail sam@acme.example'].why, /STARTTLS|SSL|TLS/);
	deploy({ sales_lead: ['sam@acme.example'] }, { ca: '' });
	assert.match((await tryOut('sales_lead', 1))['mail sam@acme.example'].why, /certificate/i);
	deploy({ sales_lead: ['sam@acme.example'] });
	w.env.MAIL_PASSWORD = 'another-password';
	assert.match((await tryOut('sales_lead', 1))['mail sam@acme.example'].why, /login is refused: 535/);
	w.env.MAIL_PASSWORD = 'mail-password';
	assert.deepEqual([...plain.mails, ...mail.mails], []);
});

test('what a receiver answers is said, its secret address is not', async () => {
	deploy({ sales_lead: ['refusing', 'down', 'chat'] });
	writeFileSync(join(w.dir, 'chat.url'), 'http://127.0.0.1:1/?token=never-print-this\n');
	const said = await tryOut('sales_lead', 1);
	writeFileSync(join(w.dir, 'chat.url'), `${hooks.url}/chat?token=never-print-this\n`);
	assert.match(said.refusing.why, /answered 400/);
	assert.match(said.down.why, /answered 503/);
	assert.match(said.chat.why, /not reached/);
	hooks.posts.length = 0;
});

test('who is reached by nothing is named', async () => {
	deploy({ recruiting_lead: ['events'] });
	const end = await w.run(['alerts', 'test', 'sales_lead'], { also: [1] });
	assert.match(end.err, /role 'sales_lead': reached by nothing/);
});

// Both sides of a pair that agrees are given other numbers, while no daemon looks.
async function contest(n, ats, salesforce) {
	const contacts = await w.control('salesforce', 'dump?system=salesforce&object=Contact&fields=Bullhorn_Id__c');
	const c = contacts.filter((x) => x.fields.Bullhorn_Id__c)[n];
	await w.control('bullhorn', 'edit', { object: 'Candidate', id: c.fields.Bullhorn_Id__c, fields: { mobile: ats } });
	await w.control('salesforce', 'edit', { object: 'Contact', id: c.id, fields: { MobilePhone: salesforce } });
	return (e) => e.field === 'mobile' && e.salesforce.id === c.id;
}

const alerts = () => w.json(['alerts', '--limit', '1000']);
const to = (who, subject) => mail.mails.filter((m) => m.to[0] === who && m.subject === `[acme-staffing] ${subject}`);

test('a conflict is told at once by webhook, by mail when its server is back, and that it is over', async () => {
	const port = mail.port;
	deploy({ recruiting_lead: ['dana@acme.example', 'events'] });
	await w.run(['link']);
	w.startDaemon();
	await w.quiet(120000);
	// what the first look at the firm brought is not this test's
	let now;
	await until(async () => {
		now = await alerts();
		return !now.waiting.length && now.due.every((d) => d.role === 'sales_lead');
	}, () => `the first are told: ${JSON.stringify(now)}`, 60000);
	await w.stopDaemon();
	await mail.stop();
	hooks.posts.length = 0;

	assert.match(w.log('daemon.log'), /role 'sales_lead' is reached by nothing/);

	const fits = await contest(3, '(312) 555-0143', '(312) 555-0199');
	w.startDaemon();
	const post = await until(() => {
		w.alive();
		return hooks.posts.find((p) => p.body.entries.some(fits));
	}, 'the webhook tells', 60000);
	assert.ok(post.verified);
	assert.equal(post.body.state, 'opened');
	const entry = post.body.entries.find(fits);
	assert.equal(entry.ats.value, '+13125550143');
	assert.equal(entry.salesforce.value, '+13125550199');
	const waiting = await until(async () => (await alerts()).waiting.find((x) => x.channel === 'mail dana@acme.example' && x.failed), 'the mail fails', 60000);
	assert.match(waiting.why, /127\.0\.0\.1/);
	assert.match((await w.run(['alerts'])).out, /Waiting to be sent/);
	assert.ok((await w.json(['status'])).messages.failed > 0);
	assert.match((await w.run(['status'])).out, /Messages to people: /);
	await w.stopDaemon();

	mail = await startMail({ dir: w.dir, port });
	w.startDaemon(); // which tries at once
	const about = `conflict: candidate.mobile (entry ${entry.id})`;
	await until(() => to('dana@acme.example', about).length, 'the mail comes', 60000);
	assert.match(to('dana@acme.example', about)[0].text, new RegExp(`treaty conflicts resolve ${entry.id} --take salesforce`));
	await w.run(['conflicts', 'resolve', String(entry.id), '--take', 'salesforce']);
	await until(() => to('dana@acme.example', `over: ${about}`).length, 'it is over', 60000);
	assert.equal((await w.stopDaemon()).code, 0);
	assert.equal(to('dana@acme.example', about).length, 1);
	assert.equal(to('dana@acme.example', `over: ${about}`).length, 1);
	assert.equal(hooks.posts.filter((p) => p.body.subject === `[acme-staffing] ${about}`).length, 1);
});

test('a mail whose answer is lost comes again under the same number', async () => {
	deploy({ recruiting_lead: ['lost@acme.example'] });
	await contest(4, '(312) 555-0144', '(312) 555-0188');
	const ids = () => mail.mails.filter((m) => m.to[0] === 'lost@acme.example').map((m) => m.id);
	w.startDaemon();
	await until(async () => ids().length && (await alerts()).waiting.some((x) => x.failed), 'the answer is lost', 60000);
	await w.stopDaemon();
	w.startDaemon();
	await until(async () => !(await alerts()).waiting.length, 'it is sent again', 60000);
	await w.stopDaemon();
	assert.equal(ids().length, 2);
	assert.equal(ids()[0], ids()[1]);
});

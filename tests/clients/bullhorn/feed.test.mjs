// Query and search, the event queue, edit history, and what one click changes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fixture, login, shapeFaults, startSandbox, until } from './sandbox.mjs';

let box, bh;
before(async () => {
	box = await startSandbox();
	bh = await login(box.url);
});
after(() => box.stop());

const all = 'Candidate,ClientContact,ClientCorporation,JobOrder,JobSubmission,Placement';

async function subscribe(id, names = all) {
	return bh.call('PUT', `event/subscription/${id}`,
		{ type: 'entity', names, eventTypes: 'INSERTED,UPDATED,DELETED' });
}

async function drain(id) {
	const events = [];
	for (;;) {
		const { text, body } = await bh.get(`event/subscription/${id}`, { maxEvents: 100 });
		if (text === '')
			return events;
		events.push(...body.events);
	}
}

const freeCandidate = async () => (await bh.query('Candidate',
	"status = 'Active' AND isDeleted = false", 'id,status', { count: 1, orderBy: '-id' }))[0];

test('query reads the database', async () => {
	const page = await bh.get('query/Candidate', { where: 'id > 10', fields: 'id,lastName', orderBy: 'id', count: 3 });
	assert.deepEqual(shapeFaults(page.body, { start: 0, count: 3, data: [] }), []);
	assert.deepEqual(page.body.data.map((row) => row.id), [11, 12, 13]);
	const next = await bh.query('Candidate', 'id > 10', 'id', { orderBy: 'id', count: 3, start: 3 });
	assert.deepEqual(next.map((row) => row.id), [14, 15, 16]);
	const total = await bh.get('query/Candidate', { where: 'id > 0', totalOnly: 'true' });
	assert.equal(total.body.total, 60);
	const down = await bh.query('Candidate', 'id IN (3,5,4)', 'id', { orderBy: '-id' });
	assert.deepEqual(down.map((row) => row.id), [5, 4, 3]);
	const job = (await bh.query('JobOrder', 'id = 1', 'clientCorporation'))[0];
	const mates = await bh.query('JobOrder', `clientCorporation.id = ${job.clientCorporation.id}`, 'id', { count: 500 });
	assert.ok(mates.some((row) => row.id === 1));
	assert.equal((await bh.get('query/Candidate', { where: 'nosuch = 1', fields: 'id' })).status, 400);
});

test('query takes its condition in the body, and at most 500 rows', async () => {
	const ids = Array.from({ length: 3000 }, (_, i) => i + 1);
	const { body } = await bh.post('query/Candidate', { where: `id IN (${ids})` }, { fields: 'id', count: 10000 });
	assert.equal(body.data.length, 60);
	assert.equal(body.count, 60);
});

test('the search index lags behind', async () => {
	await box.control('index', { lag_ms: 60000 });
	const { body } = await bh.put('entity/Candidate', { firstName: 'Quill', lastName: 'Zephyrine' });
	const id = body.changedEntityId;
	const search = async (text, more = { fields: 'id,lastName,occupation' }) =>
		(await bh.get('search/Candidate', { query: text, ...more })).body;
	assert.equal((await search('lastName:Zephyrine')).total, 0);
	await box.control('index', { lag_ms: 0 });
	const found = await search('lastName:Zephyrine');
	assert.equal(found.total, 1);
	assert.equal(typeof found.data[0]._score, 'number');
	assert.deepEqual(await search(`id:${id}`, {}), { total: 1, start: 0, count: 1, data: [id] });
	const like = await fixture('docs/query-get.json');
	assert.deepEqual(shapeFaults({ data: found.data }, { data: [{ id: like.data[0].id }] }), []);
	await box.control('index', { lag_ms: 300 });
	await until(async () => (await search('lastName:Zephyrine')).total === 1, 'the new candidate is indexed');
	assert.equal((await search('lastName:Zephyr* AND NOT id:1')).total, 1);
	await box.control('index', { lag_ms: 60000 });
	const [{ occupation }] = await bh.query('Candidate', 'id = 1', 'occupation');
	await bh.post('entity/Candidate/1', { occupation: 'Astronomer' });
	assert.equal((await search('id:1')).data[0].occupation, occupation);
	assert.equal((await search('occupation:astronomer')).total, 0);
	await box.control('index', { lag_ms: 0 });
	assert.equal((await search('occupation:astronomer')).data[0].occupation, 'Astronomer');
	assert.equal((await search('id:[')).errorCode, 400);
});

test('a subscription is a queue that reading empties', async () => {
	const put = await subscribe('queue', 'Candidate');
	assert.deepEqual(shapeFaults(put.body, await fixture('recorded/create-subscription.json')), []);
	assert.equal((await bh.get('event/subscription/queue', { maxEvents: 100 })).text, '');
	const { id } = await freeCandidate();
	await bh.post(`entity/Candidate/${id}`, { phone: '(312) 555-0142', address: { city: 'Reno', state: 'NV' } });
	await bh.post('entity/JobOrder/1', { numOpenings: 7 });
	await bh.post(`entity/Candidate/${id}`, { phone: '(312) 555-0143' });
	const first = await bh.get('event/subscription/queue', { maxEvents: 1 });
	assert.deepEqual(shapeFaults(first.body, await fixture('docs/event-subscription-get.json')), []);
	assert.deepEqual(shapeFaults(first.body, await fixture('sdk-rest/event-data.json')), []);
	assert.equal(first.body.requestId, 1);
	const [event] = first.body.events;
	assert.equal(event.entityId, id);
	assert.deepEqual(event.updatedProperties, ['phone', 'address']);
	// The same batch again, before and after the queue is read dry.
	const again = await bh.get('event/subscription/queue', { maxEvents: 100, requestId: 1 });
	assert.deepEqual(again.body, first.body);
	assert.deepEqual((await bh.get('event/subscription/queue/lastRequestId')).body,
		{ result: (await fixture('sdk-rest/lastrequestid-data.json')).result });
	const second = await bh.get('event/subscription/queue', { maxEvents: 100 });
	assert.equal(second.body.requestId, 2);
	assert.equal(second.body.events.length, 1);
	assert.equal((await bh.get('event/subscription/queue', { maxEvents: 100 })).text, '');
	assert.equal((await bh.get('event/subscription/queue', { requestId: 1 })).status, 400);
	assert.deepEqual((await bh.get('event/subscription/queue', { requestId: 2 })).body, second.body);
	assert.deepEqual((await bh.del('event/subscription/queue')).body, { result: true });
	assert.equal((await bh.get('event/subscription/queue', { maxEvents: 100 })).status, 404);
});

test('a subscription can be lost', async () => {
	await subscribe('lost');
	await box.control('queue', { expire: true });
	assert.equal((await bh.get('event/subscription/lost', { maxEvents: 100 })).status, 404);
	assert.equal((await subscribe('lost')).body.lastRequestId, 0);
});

test('people are told from the API user', async () => {
	await subscribe('who');
	const { id } = await freeCandidate();
	await bh.post(`entity/Candidate/${id}`, { customText1: 'by the API' });
	await box.control('edit', { object: 'Candidate', id: String(id), fields: { customText1: 'by a person' } });
	const [ours, theirs] = await drain('who');
	assert.notEqual(ours.eventMetadata.PERSON_ID, theirs.eventMetadata.PERSON_ID);
	const [user] = await bh.query('CorporateUser', `id = ${ours.eventMetadata.PERSON_ID}`, 'username');
	assert.equal(user.username, 'sandbox.api');
});

test('adding a placement moves candidate, submission and job in one transaction', async () => {
	const { id } = await freeCandidate();
	const job = (await bh.put('entity/JobOrder', { title: 'Pipe Welder', clientCorporation: { id: 1 } })).body.changedEntityId;
	const submission = (await bh.put('entity/JobSubmission',
		{ candidate: { id }, jobOrder: { id: job }, status: 'Submission' })).body.changedEntityId;
	await subscribe('placed');
	const placement = (await bh.put('entity/Placement', { candidate: { id }, jobOrder: { id: job } })).body.changedEntityId;
	const events = await drain('placed');
	assert.deepEqual(events.map((e) => [e.entityName, e.entityId, e.entityEventType]).sort(), [
		['Candidate', id, 'UPDATED'], ['JobOrder', job, 'UPDATED'],
		['JobSubmission', submission, 'UPDATED'], ['Placement', placement, 'INSERTED']]);
	assert.equal(new Set(events.map((e) => e.eventMetadata.TRANSACTION_ID)).size, 1);
	assert.equal(new Set(events.map((e) => e.eventMetadata.PERSON_ID)).size, 1);
	for (const [entity, row] of [['Candidate', id], ['JobOrder', job], ['JobSubmission', submission]])
		assert.equal((await bh.query(entity, `id = ${row}`, 'status'))[0].status, 'Placed');
	assert.equal((await bh.query('Placement', `id = ${placement}`, 'status'))[0].status, 'Submitted');
});

test('a new company brings a contact that nobody asked for', async () => {
	await subscribe('company');
	const { body } = await bh.put('entity/ClientCorporation', { name: 'Larkspur Steel LLC' });
	const events = await drain('company');
	assert.deepEqual(events.map((e) => e.entityName), ['ClientCorporation', 'ClientContact']);
	const [contact] = await bh.query('ClientContact', `clientCorporation.id = ${body.changedEntityId}`, 'status');
	assert.equal(contact.status, 'Archive');
});

test('edit history keeps every step, in the order of its ids', async () => {
	const { placement, ats } = await box.control('scenario', { scene: 'three-statuses' });
	const fields = 'id,columnName,display,oldValue,newValue,editHistory(id,dateAdded,transactionID,modifyingPerson,targetEntity(id))';
	const where = `editHistory.targetEntity.id IN (${placement},999) AND columnName='status'`;
	const rows = await bh.query('PlacementEditHistoryFieldChange', `${where} AND id > 0`, fields,
		{ orderBy: 'id', count: 500 });
	assert.deepEqual(rows.map((row) => [row.oldValue, row.newValue]), ats.map((step) => [step.before, step.after]));
	assert.equal(new Set(rows.map((row) => row.editHistory.transactionID)).size, 3);
	assert.ok(rows.every((row) => String(row.editHistory.targetEntity.id) === placement));
	const recorded = (await fixture('sdk-rest/fieldchange-data.json')).data[0];
	assert.deepEqual(shapeFaults(rows[0], recorded), []);
	const later = await bh.query('PlacementEditHistoryFieldChange', `${where} AND id > ${rows[0].id}`, 'id',
		{ orderBy: 'id', count: 500 });
	assert.deepEqual(later.map((row) => row.id), rows.slice(1).map((row) => row.id));
});

test('history files people under User and blanks as [blank]', async () => {
	const { id } = await freeCandidate();
	await subscribe('history', 'Candidate');
	await bh.post(`entity/Candidate/${id}`, { customText2: 'x', dateAvailable: 1767225600000 });
	await bh.post(`entity/Candidate/${id}`, { customText2: null });
	const [event] = await drain('history');
	const edits = await bh.query('UserEditHistory', `targetEntity.id = ${id}`,
		'id,dateAdded,transactionID,modifyingPerson,targetEntity', { orderBy: '-id', count: 2 });
	assert.equal(edits[1].transactionID, event.eventMetadata.TRANSACTION_ID);
	const changes = await bh.query('UserEditHistoryFieldChange',
		`editHistory.id IN (${edits.map((e) => e.id)})`, 'columnName,oldValue,newValue', { orderBy: 'id' });
	assert.deepEqual(changes.map(({ columnName, oldValue, newValue }) => [columnName, oldValue, newValue])
		.filter(([name]) => name === 'customText2'), [['customText2', '[blank]', 'x'], ['customText2', 'x', '[blank]']]);
	assert.equal(changes.find((c) => c.columnName === 'dateAvailable').newValue, '2026-01-01 00:00:00.0');
	assert.equal((await bh.get('query/CandidateEditHistory', { where: 'id > 0', fields: 'id' })).status, 404);
});

test('some customers keep no history', async () => {
	await box.control('history', { keep: false });
	const last = async () => bh.query('UserEditHistory', 'id > 0', 'id', { orderBy: '-id', count: 1 });
	const before = await last();
	await bh.post('entity/Candidate/3', { customText4: 'unseen' });
	assert.deepEqual(await last(), before);
	await box.control('history', { keep: true });
	await bh.post('entity/Candidate/3', { customText4: 'seen' });
	assert.notDeepEqual(await last(), before);
});

test('massUpdate is one call and as many events', async () => {
	await subscribe('mass', 'Candidate');
	const rows = await bh.query('Candidate', "status <> 'Registered'", 'id', { count: 500 });
	await bh.post('massUpdate/Candidate', { ids: rows.map((row) => row.id), status: 'Registered' });
	const events = await drain('mass');
	assert.equal(events.length, rows.length);
	assert.equal(new Set(events.map((e) => e.eventMetadata.TRANSACTION_ID)).size, 1);
});

test('the queue repeats and shuffles when told to, and loses nothing', async () => {
	await subscribe('wild', 'Candidate');
	await box.control('queue', { duplicate_percent: 50, disorder_percent: 50 });
	for (let id = 1; id <= 40; id++)
		await bh.post(`entity/Candidate/${id}`, { customText3: `n${id}` });
	await box.control('queue', { duplicate_percent: 0, disorder_percent: 0 });
	const events = await drain('wild');
	const ids = events.map((e) => e.eventId);
	assert.ok(ids.length > 40);
	assert.equal(new Set(ids).size, 40);
	assert.notDeepEqual(ids, [...ids].sort());
});

test('the office works, and every edit has its event', async () => {
	await subscribe('office');
	const before = (await box.control('office')).total;
	const { total, refused, first_refusal } = await box.control('office', { edits: 300 });
	assert.ok(total - before > 200);
	assert.equal(refused, 0, first_refusal);
	await box.control('office', { rate: 500 });
	await until(async () => (await box.control('office')).total > total + 20, 'the office is at work');
	const { total: stopped } = await box.control('office', { stop: true });
	const events = await drain('office');
	const writes = await (await fetch(`${box.url}/_sandbox/writes?system=bullhorn&channel=office`)).json();
	const told = new Set(events.map((e) => `${e.entityName} ${e.entityId}`));
	for (const write of writes.filter((w) => Object.keys(w.fields).length))
		assert.ok(told.has(`${write.object} ${write.id}`));
	assert.equal((await box.control('office')).total, stopped);
});

test('both sides of one field at once, and an edit of a read-only copy', async () => {
	const both = await box.control('scenario', { scene: 'both-sides' });
	assert.equal(both.ats.object, 'Candidate');
	assert.equal(both.salesforce.object, 'Contact');
	assert.notEqual(both.ats.after, both.salesforce.after);
	const copy = await box.control('scenario', { scene: 'read-only', id: both.candidate });
	assert.equal(copy.salesforce.field, 'Phone');
	assert.equal(copy.salesforce.id, both.salesforce.id);
});

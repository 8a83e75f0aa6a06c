// Reading and writing records.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fixture, login, shapeFaults, startSandbox } from './sandbox.mjs';

let box, bh;
before(async () => {
	box = await startSandbox();
	bh = await login(box.url);
});
after(() => box.stop());

const read = async (entity, id, fields) => (await bh.get(`entity/${entity}/${id}`, { fields })).body.data;

test('one id gives an object, several a list without the missing ones', async () => {
	const one = await bh.get('entity/Candidate/1', { fields: 'id,firstName,address' });
	assert.equal(one.body.data.id, 1);
	const several = await bh.get('entity/Candidate/1,999999,2', { fields: 'id' });
	assert.deepEqual(several.body.data.map((row) => row.id), [1, 2]);
	assert.equal((await bh.get('entity/Candidate/999999', { fields: 'id' })).status, 404);
	assert.equal((await bh.get('entity/Candidate/999998,999999', { fields: 'id' })).status, 404);
});

test('rows look like recorded ones', async () => {
	const recorded = (await fixture('recorded/fetch-job-orders.json')).data[0];
	const names = ['id', 'title', 'status', 'employmentType', 'isOpen', 'clientCorporation', 'numOpenings',
		'startDate', 'payRate', 'clientBillRate', 'address', 'isDeleted', 'dateAdded', 'dateLastModified'];
	const like = Object.fromEntries(names.filter((name) => name in recorded).map((name) => [name, recorded[name]]));
	const job = await read('JobOrder', 1, names.map((name) =>
		(name === 'clientCorporation' ? 'clientCorporation(id,name)' : name)).join());
	assert.deepEqual(shapeFaults(job, like), []);
});

test('to-one gives the id, or what is asked for; to-many tells what it left out', async () => {
	const placement = await read('Placement', 1, 'candidate,jobOrder(id,title,owner(id,name))');
	assert.deepEqual(Object.keys(placement.candidate), ['id']);
	assert.equal(typeof placement.jobOrder.title, 'string');
	assert.equal(placement.jobOrder.owner._subtype, 'CorporateUser');
	const job = placement.jobOrder.id;
	const many = await read('JobOrder', job, 'submissions[1](id,status),placements');
	assert.equal(many.submissions.data.length, 1);
	assert.ok(many.submissions.total >= 1);
	const page = await bh.get(`entity/JobOrder/${job}/submissions`, { fields: 'id,candidate(id)', count: 500 });
	assert.equal(page.body.data.length, many.submissions.total);
});

test('unknown fields are refused with the envelope', async () => {
	for (const fields of ['nosuch', 'owner(nosuch)', 'city', '*', 'id,,name', 'owner(id'])
		assert.equal((await bh.get('entity/Candidate/1', { fields })).status, 400, fields);
	const { status, body } = await bh.post('entity/Candidate/1', { nosuch: 1 });
	assert.equal(status, 400);
	assert.equal(body.errorCode, 400);
	assert.equal(body.entityName, 'Candidate');
	assert.equal(body.errors[0].propertyName, 'nosuch');
	assert.ok(body.errorMessage && body.errorMessageKey && body.errors[0].detailMessage);
});

test('create, update, delete', async () => {
	const created = await bh.put('entity/Candidate', { firstName: 'Nia', lastName: 'Abara', status: 'New Lead',
		email: 'nia@example.com', skillList: ['Java', 'SQL'], address: { city: 'Akron', state: 'OH' },
		dateAvailable: 1800000000000, hourlyRate: 41.5 });
	assert.equal(created.status, 200);
	assert.deepEqual(shapeFaults(created.body, await fixture('recorded/create-entity.json')), []);
	assert.equal(created.body.changeType, 'INSERT');
	const id = created.body.changedEntityId;
	const row = await read('Candidate', id, 'name,skillList,address(city),massMailOptOut,dateAvailable,isDeleted');
	assert.deepEqual(row, { id, name: 'Nia Abara', skillList: ['Java', 'SQL'], address: { city: 'Akron' },
		massMailOptOut: false, dateAvailable: 1800000000000, isDeleted: false });
	const updated = await bh.post(`entity/Candidate/${id}`, { lastName: 'Abara-Cole', skillList: null });
	assert.equal(updated.body.changeType, 'UPDATE');
	assert.deepEqual(await read('Candidate', id, 'name,skillList,address(state)'),
		{ id, name: 'Nia Abara-Cole', skillList: [], address: { state: 'OH' } });
	const deleted = await bh.del(`entity/Candidate/${id}`);
	assert.equal(deleted.body.changeType, 'DELETE');
	assert.equal((await read('Candidate', id, 'isDeleted')).isDeleted, true);
	await bh.post(`entity/Candidate/${id}`, { isDeleted: false });
	assert.equal((await read('Candidate', id, 'isDeleted')).isDeleted, false);
});

test('money is exact and has four places', async () => {
	await bh.post('entity/Candidate/1', { hourlyRate: 82 });
	const { text } = await bh.get('entity/Candidate/1', { fields: 'hourlyRate' });
	assert.match(text, /"hourlyRate":82\.0000[,}]/);
	await bh.post('entity/Candidate/1', { hourlyRate: 12.34567 });
	assert.match((await bh.get('entity/Candidate/1', { fields: 'hourlyRate' })).text, /"hourlyRate":12\.3457/);
});

test('what does not fit is refused and changes nothing', async () => {
	const refused = [
		['Candidate/2', { dateAvailable: '2026-01-01' }], ['Candidate/2', { massMailOptOut: 'yes' }],
		['Candidate/2', { firstName: 'x'.repeat(51) }], ['Candidate/2', { owner: { id: 123456789 } }],
		['Candidate/2', { owner: 5 }], ['Candidate/2', { dateLastModified: 1 }],
		['Placement/1', { candidate: { id: 1 } }], ['Placement/1', { isDeleted: true }],
		['JobOrder/1', { numOpenings: 'two' }],
	];
	const before = await read('Candidate', 2, 'firstName,dateLastModified');
	for (const [path, body] of refused) {
		const answer = await bh.post(`entity/${path}`, body);
		assert.equal(answer.status, 400, JSON.stringify(body));
		assert.equal(answer.body.errorCode, 400);
	}
	assert.deepEqual(await read('Candidate', 2, 'firstName,dateLastModified'), before);
	assert.equal((await bh.put('entity/Placement', { candidate: { id: 1 } })).status, 400);
	assert.equal((await bh.del('entity/ClientCorporation/1')).status, 400);
	assert.equal((await bh.post('entity/Candidate/999999', { firstName: 'x' })).status, 404);
	assert.equal((await bh.get('entity/Sandwich/1', { fields: 'id' })).status, 404);
});

test('a placement that is deleted is gone', async () => {
	const [{ id }] = await bh.query('Placement', 'id > 0', 'id', { orderBy: '-id', count: 1 });
	assert.equal((await bh.del(`entity/Placement/${id}`)).status, 200);
	assert.equal((await bh.get(`entity/Placement/${id}`, { fields: 'id' })).status, 404);
	assert.deepEqual(await bh.query('Placement', `id = ${id}`, 'id'), []);
});

test('massUpdate sets one value on many rows', async () => {
	const rows = await bh.query('Candidate', "status <> 'Placed' AND isDeleted = false", 'id', { count: 5 });
	const ids = rows.map((row) => row.id);
	const { body } = await bh.post('massUpdate/Candidate', { ids: [...ids, 999999], status: 'Archive' });
	assert.deepEqual(body, { count: ids.length });
	const after = await bh.query('Candidate', `id IN (${ids})`, 'id,status');
	assert.ok(after.every((row) => row.status === 'Archive'));
	assert.ok((await bh.get('massUpdate')).body.includes('Placement'));
});

test('meta has the shape of the real one', async () => {
	const list = (await bh.get('meta')).body;
	assert.ok(list.some(({ entity, metaUrl }) => entity === 'Placement' && metaUrl.endsWith('/meta/Placement')));
	const ours = (await bh.get('meta/Placement', { fields: '*', meta: 'full' })).body;
	const real = await fixture('sdk-rest/placement-meta-data.json');
	assert.deepEqual(shapeFaults({ ...ours, fields: [] }, { ...real, fields: [] }), []);
	const field = (meta, name) => meta.fields.find((one) => one.name === name);
	for (const name of ['id', 'status', 'candidate', 'jobOrder', 'dateBegin', 'payRate', 'employmentType']) {
		const is = field(ours, name), was = field(real, name);
		assert.equal(is.type, was.type, name);
		assert.equal(is.dataType, was.dataType, name);
		assert.equal(is.maxLength, was.maxLength, name);
		if (was.associatedEntity)
			assert.equal(is.associatedEntity.entity, was.associatedEntity.entity);
		// 'readOnly', 'multiValue' and the rest: every property is there.
		const rest = Object.keys(was).filter((key) => !['dataSpecialization', 'defaultValue'].includes(key));
		for (const key of rest)
			assert.ok(key in is, `${name}.${key}`);
	}
	const options = field(ours, 'status').options;
	assert.ok(options.some(({ value, label }) => value === 'Approved' && label === 'Approved'));
	assert.equal(options.filter(({ value }) => value === 'Completed').length, 2);
	const job = (await bh.get('meta/JobOrder', { fields: 'type,submissions' })).body;
	assert.equal(typeof field(job, 'type').options[0].value, 'number');
	assert.equal(field(job, 'submissions').type, 'TO_MANY');
	assert.equal(job.fields.length, 2);
});

test('settings say who we are, entitlements what we may do', async () => {
	const { userId } = (await bh.get('settings/userId,currencyFormat')).body;
	const [user] = await bh.query('CorporateUser', `id = ${userId}`, 'username');
	assert.equal(user.username, 'sandbox.api');
	assert.deepEqual((await bh.get('entitlements/ClientCorporation')).body, ['READ', 'CREATE', 'UPDATE']);
});

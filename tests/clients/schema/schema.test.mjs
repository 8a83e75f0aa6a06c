// Documents that the program takes must pass, and documents that it refuses for
// their shape must fail, in a validator that nobody here wrote.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import Ajv from 'ajv';
import { parse } from 'yaml';

const root = new URL('../../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const schema = (what) => JSON.parse(execFileSync(process.env.TREATY, ['schema', what], { encoding: 'utf8' }));
const compile = (what) => new Ajv({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema(what));
const treaty = compile('treaty'), deployment = compile('deployment');

// Examples of the pages, which the program's own tests load.
function examples(page) {
	return [...read(page).matchAll(/\n```yaml\n([\s\S]*?)\n```\n/g)].map((m) => m[1]);
}

const passes = (validate, text, what) => assert.ok(validate(parse(text)), `${what}: ${JSON.stringify(validate.errors)}`);

test('what the program takes, the schema takes', () => {
	passes(treaty, read('examples/acme/treaty.yaml'), 'examples/acme/treaty.yaml');
	passes(deployment, read('examples/acme/deployment.yaml'), 'examples/acme/deployment.yaml');
	const [whole, there] = examples('docs/treaty-reference.md');
	passes(treaty, whole, 'the treaty of the reference');
	passes(deployment, there, 'the deployment of the reference');
	for (const name of ['acme', 'rules'])
		passes(treaty, read(`tests/flow/${name}.yaml`), `tests/flow/${name}.yaml`);
});

// Each a change of the example, and the place that the schema must name.
const bad = [
	['an unknown key', (t) => (t.ownr = 1), ''],
	['no version', (t) => delete t.version, ''],
	['a version in words', (t) => (t.version = 'seven'), '/version'],
	['two owners', (t) => (t.domains.job_orders.owner = ['ats', 'salesforce']), '/domains/job_orders/owner'],
	['an owner that is none', (t) => (t.domains.job_orders.owner = 'recruiting'), '/domains/job_orders/owner'],
	['no owner', (t) => delete t.domains.job_orders.owner, '/domains/job_orders'],
	['signed by one text', (t) => (t.domains.job_orders.signed_by = 'sales_lead'), '/domains/job_orders/signed_by'],
	['a wildcard for fields', (t) => (t.records.candidate.fields = '*'), '/records/candidate/fields'],
	['a list of fields', (t) => (t.records.candidate.fields = ['*']), '/records/candidate/fields'],
	['a direction that is none', (t) => (t.records.candidate.fields.email.direction = 'up'), '/records/candidate/fields/email'],
	['an unknown key of a field', (t) => (t.records.candidate.fields.email.dirction = 'both'), '/records/candidate/fields/email'],
	['a winner by clock', (t) => (t.records.candidate.fields.mobile.conflict.winner = 'newest'), '/records/candidate/fields/mobile'],
	['a duration without a unit', (t) => (t.records.candidate.fields.mobile.conflict.alert.after = 24), '/records/candidate/fields/mobile'],
	['truth in words', (t) => (t.records.candidate.fields.email.confidential = 'maybe'), '/records/candidate/fields/email'],
];

for (const [name, change, place] of bad)
	test(`refused: ${name}`, () => {
		const t = parse(read('examples/acme/treaty.yaml'));
		for (const field of ['email'])
			if (typeof t.records.candidate.fields[field] === 'string')
				t.records.candidate.fields[field] = { ats: 'email', salesforce: 'Email' };
		assert.ok(treaty(t), JSON.stringify(treaty.errors));
		change(t);
		assert.equal(treaty(t), false);
		assert.ok(treaty.errors.some((e) => e.instancePath.startsWith(place)), JSON.stringify(treaty.errors));
	});

test('a deployment without a store is refused', () => {
	const d = parse(read('examples/acme/deployment.yaml'));
	delete d.store;
	assert.equal(deployment(d), false);
});

// run.mjs - tries mutants.mjs: each is built alone, without sanitizers, into the
// settle tests and the stories, written ones and some of chance, and some test
// must fail.
//
//   run.mjs SCRATCH [--some N] [--seed N] [--only N] [--shard I/N]
//
// SCRATCH is a build directory of its own; it is kept, so that the next run builds
// little. --some: so many, drawn by the seed. Exit 0: all were noticed.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mutants } from './mutants.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
// One that never ends is noticed, too.
const LONGEST_MS = 600000;

function parse(args) {
	const o = { scratch: resolve(args[0]), seed: 1 };
	for (const name of ['some', 'seed', 'only', 'shard']) {
		const at = args.indexOf(`--${name}`);
		if (at >= 0)
			o[name] = name === 'shard' ? args[at + 1] : Number(args[at + 1]);
	}
	return o;
}

// The text with one place changed; says what is wrong with the mutant otherwise.
function mutate(text, [file, from, to, where = {}], n) {
	const start = where.after ? text.indexOf(where.after) : 0;
	const at = start < 0 ? -1 : text.indexOf(from, start);
	if (at < 0 || (!where.after && text.indexOf(from, at + 1) >= 0))
		throw new Error(`mutant ${n}: '${from}' stands ${at < 0 ? 'nowhere' : 'more than once'} in ${file}: mutants.mjs is to follow the code`);
	return text.slice(0, at) + to + text.slice(at + from.length);
}

function run(command, args, cwd) {
	return spawnSync(command, args, { cwd, encoding: 'utf8', timeout: LONGEST_MS, maxBuffer: 1 << 28 });
}

// A copy of the sources with a build beside it; what is there is brought up to date.
function prepare(scratch) {
	mkdirSync(scratch, { recursive: true });
	const source = join(scratch, 'source');
	const files = run('git', ['ls-files', '--cached', '--others', '--exclude-standard'], root);
	const list = files.status === 0 ? files.stdout.split('\n').filter((f) => f && existsSync(join(root, f))) : null;
	if (!list)
		throw new Error('git does not say which files there are');
	rmSync(join(source, 'src/settle'), { recursive: true, force: true });
	for (const f of list) {
		const to = join(source, f);
		if (!existsSync(to) || !readFileSync(to).equals(readFileSync(join(root, f))))
			cpSync(join(root, f), to);
	}
	if (!existsSync(join(scratch, 'build/build.ninja'))) {
		const end = run('meson', ['setup', join(scratch, 'build'), source, '-Dbuildtype=plain', '-Dc_args=-O1'], scratch);
		if (end.status !== 0)
			throw new Error(`meson: ${end.stdout}`);
	}
	return source;
}

const targets = ['tests/unit/test-settle', 'tests/flow/run-scenarios'];

function build(scratch) {
	const end = run('ninja', ['-C', join(scratch, 'build'), ...targets], scratch);
	return end.status === 0 ? null : end.stdout.slice(-2000);
}

// What notices: 'settle', a story, or null.
function noticedBy(scratch, source, stories) {
	const settle = run(join(scratch, 'build', targets[0]), [], scratch);
	if (settle.status !== 0)
		return `settle: ${(settle.stderr + settle.stdout).match(/law broken: .*|test_\w+/)?.[0] ?? settle.signal}`;
	const flow = run(join(scratch, 'build', targets[1]), stories, source);
	if (flow.status !== 0)
		return `story: ${flow.stdout.match(/not ok - .*\/(.*)\.scn/)?.[1] ?? flow.signal}`;
	const chance = run(join(scratch, 'build', targets[1]), ['--random', '1', '100'], join(source, 'tests/flow'));
	return chance.status === 0 ? null : `chance: ${chance.stderr.match(/random-\d+/)?.[0] ?? chance.signal}`;
}

function draw(all, some, seed) {
	let x = seed >>> 0 || 1;
	const left = [...all], drawn = [];
	while (drawn.length < some && left.length) {
		x ^= x << 13; x ^= x >>> 17; x ^= x << 5; x >>>= 0;
		drawn.push(...left.splice(x % left.length, 1));
	}
	return drawn;
}

function main() {
	const o = parse(process.argv.slice(2)), source = prepare(o.scratch);
	const stories = readdirSync(join(source, 'tests/flow')).filter((f) => f.endsWith('.scn')).map((f) => join(source, 'tests/flow', f));
	const file = (m) => join('src/settle', m[0]);
	let list = mutants.map((m, n) => ({ m, n }));
	// all must fit the code, whichever are tried
	for (const { m, n } of list)
		mutate(readFileSync(join(root, file(m)), 'utf8'), m, n);
	list = list.filter(({ m }) => !m[3]?.equivalent);
	if (o.only !== undefined)
		list = list.filter(({ n }) => n === o.only);
	if (o.shard)
		list = list.filter((_, k) => k % Number(o.shard.split('/')[1]) === Number(o.shard.split('/')[0]));
	if (o.some)
		list = draw(list, o.some, o.seed);
	const broken = build(o.scratch) ?? noticedBy(o.scratch, source, stories);
	if (broken)
		throw new Error(`the code fails unchanged: ${broken}`);
	let survived = 0;
	for (const { m, n } of list) {
		const text = readFileSync(join(root, file(m)), 'utf8');
		writeFileSync(join(source, file(m)), mutate(text, m, n));
		const bad = build(o.scratch);
		const by = bad ? `does not build: ${bad}` : noticedBy(o.scratch, source, stories);
		writeFileSync(join(source, file(m)), text);
		survived += bad || !by ? 1 : 0;
		console.log(`${String(n).padStart(3)}  ${by && !bad ? 'noticed ' : 'SURVIVED'}  ${m[0]}: ${m[1].split('\n')[0].trim().slice(0, 70)}  ${by ?? ''}`);
	}
	console.log(`${list.length - survived} of ${list.length} mutants noticed (seed ${o.seed}, ${mutants.length} in all)`);
	process.exitCode = survived ? 1 : 0;
}

main();

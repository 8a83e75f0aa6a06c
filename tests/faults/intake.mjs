// Webhooks under load while the store is slow, its disk full, the daemon killed.
// Each post is about a record of its own, and the sender repeats all of them
// afterwards: then the store must hold each record once, and nothing else.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Firm } from '../../tools/intake.mjs';
import { pause, until } from '../../tools/world.mjs';

const build = process.argv[2];
const long = process.argv.includes('--long');
const seconds = long ? 30 : 1;

// Somebody else holds the store's write lock most of the time.
async function slow(f, connections) {
	const hog = f.tool('hog', f.store, `seconds=${seconds}`);
	const result = await f.post(connections, `seconds=${seconds}`);
	await hog;
	if (!result.acked)
		throw new Error('nothing was taken while the store was slow');
	return result;
}

async function full(f, connections) {
	if (!f.mounted)
		return null;
	const filler = join(f.disk, 'filler');
	spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'], { stdio: 'ignore' }); // until there is no room
	const result = await f.post(connections, `seconds=${seconds}`, 'pause_ms=50');
	f.alive();
	if (!result.refused)
		throw new Error(`nothing was refused though the disk was full: ${JSON.stringify(result)}`);
	rmSync(filler);
	await until(async () => (await f.post(1, 'posts=1')).acked === 1, 'taken again when there was room', 20000);
	return result;
}

async function killed(f, connections) {
	const posting = f.post(connections, `seconds=${seconds}`);
	for (let deaths = long ? 10 : 2; deaths; deaths--) {
		await pause((seconds * 1000 / (long ? 12 : 4)) * (0.5 + Math.random()));
		f.alive();
		await f.stop('SIGKILL');
		await f.start();
	}
	return posting;
}

async function once(connections) {
	const f = new Firm(build, true);
	try {
		await f.start();
		for (const fault of [slow, full, killed]) {
			const r = await fault(f, connections);
			console.log(`${connections} connections, ${fault.name}: ${r ? `${r.acked} taken, ${r.refused} refused, ${r.lost} cut off` :
				'SKIPPED, as no file system can be mounted here'}`);
		}
		await f.stop('SIGTERM');
		const before = await f.checkAcked(); // before the repetition makes good what was lost
		await f.start();
		await f.repeat(connections);
		await f.stop('SIGTERM');
		console.log(`${connections} connections: ${JSON.stringify(before)}, all repeated: ${JSON.stringify(await f.check())}`);
	} catch (e) {
		e.message += `\n${f.log().slice(-3000)}`;
		throw e;
	} finally {
		f.finish();
	}
}

for (const connections of [1, 32, 256, 1000])
	await once(connections);

// losses.mjs - what the integration wrote over: every value that a person (or an
// automation) had written, on which the sides had not agreed, and that a write of
// ours replaced. Part of the oracle: it knows the systems' write
// histories, what their answers showed, and the conflict log, and nothing else.
//
// A value that was overwritten is one of
//   told     an entry of the conflict log holds it
//   silent   a read had shown it before our write was even sent, and no entry
//            holds it: a defect
//   window   nothing had shown it when our write was sent, or it had been changed
//            and changed back between two looks: what no client of such a system
//            can exclude
//
// One system's writes are ordered by 'seq', the two systems' by the sandbox's
// one clock.

const FOREIGN = (w) => w.channel !== 'api';

// The writes of one field of one record, and the values it had.
function story(list, field) {
	return (list ?? []).filter((w) => w.fields[field]).map((w) => ({ seq: w.seq, at: w.at_ms, asked: w.asked_ms,
		foreign: FOREIGN(w), old: w.fields[field].old ?? null, value: w.fields[field].new ?? null }));
}

// What the sides had last agreed on before the write 'over': both held it. A
// person who brings a field back to that has changed nothing that lasts.
function agreedBefore(here, there, nowThere, over, formHere, formThere) {
	const all = [...here.filter((w) => w.seq < over.seq).map((w) => ({ at: w.at, here: w.value })),
		...there.filter((w) => w.at <= over.at).map((w) => ({ at: w.at, there: w.value }))].sort((x, y) => x.at - y.at);
	let mine = formHere(here[0].old), other = formThere(there.length ? there[0].old : nowThere);
	let agreed = mine === other ? mine : undefined;
	for (const w of all) {
		if ('here' in w)
			mine = formHere(w.here);
		else
			other = formThere(w.there);
		if (mine === other)
			agreed = mine;
	}
	return agreed;
}

// Was it out, in an answer that arrived, before the overwriting write set out?
// What a process had read that died before it could say so is not counted.
function showed(reads, was, over, deaths) {
	return (reads ?? []).some((r) => r.seq >= was.seq && r.seq < over.seq && r.answered > 0 && r.answered <= over.asked &&
		!deaths.some((d) => d >= r.answered && d <= over.asked));
}

// What whoever asks saw of the field the last time before this write.
function lastShown(reads, writes, was) {
	const seqs = (reads ?? []).filter((r) => r.answered > 0 && r.seq < was.seq).map((r) => r.seq);
	const last = seqs.length ? Math.max(...seqs) : 0;
	const at = writes.filter((w) => w.seq <= last).at(-1);
	return at ? at.value : writes[0].old;
}

function says(entry, side, was, equal) {
	if (entry.closed && Date.parse(entry.closed) < was.at)
		return false;
	return entry.kind === 'overtaken' || (entry.overwritten !== null && equal(entry.overwritten)) ||
		(entry[side].value !== null && equal(entry[side].value));
}

// pairs: [{ats, salesforce}] record ids with 'now' {ats: row, salesforce: row};
// log: {ats, salesforce}: record id -> writes; reads: the same -> [{seq, answered}];
// entries: of the conflict log; form(side, field, value): canonical, so that equal
// values of the two sides are equal; undefined: no counterpart.
export function losses({ record, fields, pairs, log, reads, entries, deaths, form }, out) {
	const filed = new Map();
	for (const e of entries) {
		const key = `${e.record} ${e.field} ${e.ats.id} ${e.salesforce.id}`;
		filed.set(key, [...(filed.get(key) ?? []), e]);
	}
	for (const p of pairs)
		for (const f of fields)
			for (const side of ['ats', 'salesforce']) {
				const other = side === 'ats' ? 'salesforce' : 'ats';
				const writes = story(log[side].get(p[side]), f[side]);
				const there = story(log[other].get(p[other]), f[other]);
				writes.forEach((over, i) => {
					const was = writes[i - 1];
					if (over.foreign || !was?.foreign || was.value === null || was.value === '')
						return;
					const value = form(side, f, was.value);
					if (value === undefined || value === form(side, f, over.value) ||
						agreedBefore(writes, there, p.now[other][f[other]] ?? null, over, (v) => form(side, f, v), (v) => form(other, f, v)) === value)
						return;
					const equal = (text) => form(side, f, text) === value || String(text) === was.value;
					const what = { record, ats: p.ats, salesforce: p.salesforce, field: f.name, side, value: was.value,
						stood_ms: over.at - was.at, seq: over.seq };
					const told = (filed.get(`${record} ${f.name} ${p.ats} ${p.salesforce}`) ?? [])
						.some((e) => says(e, side, was, equal));
					const seen = reads[side].get(p[side]);
					const news = form(side, f, lastShown(seen, writes, was)) !== value;
					out[told ? 'told' : news && showed(seen, was, over, deaths) ? 'silent' : 'window'].push(what);
				});
			}
}

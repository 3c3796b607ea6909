import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { allJobs, nextOf, same } from '../look.js';
import { batch, changing, ending, many, step, T } from '../make.js';
import type { Stand } from '../stand.js';

const JOBS = 10_000;
const LOT = 1000;

async function fill(stand: Stand, stageOf: (index: number) => number): Promise<string> {
  const { store } = stand;
  const record = batch(many(LOT, stageOf), { sealed: false });
  await store.create(record, many(LOT, stageOf));
  for (let from = LOT; from < JOBS; from += LOT) {
    assert.equal(await store.fill(record.id, many(LOT, stageOf, from), T), true);
  }
  return record.id;
}

export const size: PromiseCases = {
  promise: 'a batch may have ten thousand jobs',
  cases: [
    {
      title: 'beside each other: queued, settled, and what is left skipped and begun anew by the set',
      async run(stand) {
        const { store } = stand;
        const id = await fill(stand, () => 0);
        assert.equal((await stand.get(id)).counts.waiting, JOBS);
        same(await nextOf(store, id, ['waiting']), { stage: 0, count: JOBS, from: 0, to: JOBS - 1 });
        await stand.apply(
          step(id, changing({}, { moves: [{ from: ['waiting'], to: 'queued', stage: 0 }] }), { now: T + 1 }),
        );
        const lot = Array.from({ length: LOT }, (_, i) => `job-${i * 7}`);
        const settle = lot.map((jobId) => step(id, ending('failed', { error: jobId, adds: 1 }), { jobId, now: T + 2 }));
        assert.equal((await store.apply(settle)).filter((answer) => answer?.accepted).length, LOT);
        await stand.apply(step(id, changing({}, { moves: [{ from: ['queued'], to: 'skipped' }] }), { now: T + 3 }));
        const before = await allJobs(store, id);
        assert.equal(before.length, JOBS);
        for (const { index, state, error, changedAt } of before) {
          const failed = index % 7 === 0 && index < 7 * LOT;
          const expected = failed ? ['failed', `job-${index}`, T + 2] : ['skipped', undefined, T + 3];
          assert.deepEqual([state, error, changedAt], expected);
        }
        const moves = [{ from: ['failed', 'skipped'], to: 'waiting', fresh: true }] as const;
        await stand.apply(step(id, changing({}, { moves }), { now: T + 4 }));
        for (const { index, state, error, adds, changedAt } of await allJobs(store, id)) {
          const added = index % 7 === 0 && index < 7 * LOT ? 1 : 0;
          assert.deepEqual([state, error, adds, changedAt], ['waiting', undefined, added, T + 4]);
        }
        assert.equal((await store.results(id, 0)).length, JOBS);
      },
    },
    {
      title: 'one after the other: the next stage is found wherever it is',
      async run(stand) {
        const { store } = stand;
        const id = await fill(stand, (index) => Math.floor(index / 3));
        const done = changing({}, { moves: [0, 1, 2].map((stage) => ({ from: ['waiting'], to: 'queued', stage })) });
        await stand.apply(step(id, done));
        same(await nextOf(store, id, ['waiting']), { stage: 3, count: 3, from: 9, to: 11 });
        same(await nextOf(store, id, ['queued']), { stage: 0, count: 3, from: 0, to: 2 });
        await stand.apply(step(id, ending('failed'), { jobId: `job-${JOBS - 1}` }));
        same(await nextOf(store, id, ['failed']), { stage: 3333, count: 1, from: JOBS - 1, to: JOBS - 1 });
        const late = changing({}, { moves: [{ from: ['waiting'], to: 'running', stage: 3000 }] });
        await stand.apply(step(id, late));
        same(await nextOf(store, id, ['running']), { stage: 3000, count: 3, from: 9000, to: 9002 });
        assert.deepEqual((await store.results(id, 3333)).length, 1);
      },
    },
  ],
};

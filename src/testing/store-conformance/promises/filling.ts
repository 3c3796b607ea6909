import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { allJobs, nextOf, same } from '../look.js';
import { batch, changing, jobs, many, step, T } from '../make.js';

export const filling: PromiseCases = {
  promise: 'jobs are added until a batch is sealed',
  cases: [
    {
      title: 'they are counted, and the batch was heard of then',
      async run({ store }) {
        const record = batch(jobs(0), { sealed: false });
        await store.create(record, jobs(0));
        assert.equal(
          await store.fill(
            record.id,
            many(3, () => 1, 1),
            T + 9,
          ),
          true,
        );
        const filled = await store.get(record.id);
        same(filled, { ...record, counts: { ...record.counts, waiting: 4 }, updatedAt: T + 9 });
        const list = await allJobs(store, record.id);
        assert.deepEqual(
          list.map(({ id, state, changedAt }) => [id, state, changedAt]),
          [
            ['job-0', 'waiting', T],
            ['job-1', 'waiting', T + 9],
            ['job-2', 'waiting', T + 9],
            ['job-3', 'waiting', T + 9],
          ],
        );
        same(await nextOf(store, record.id, ['waiting']), { stage: 0, count: 1, from: 0, to: 0 });
      },
    },
    {
      title: 'those that are there already stay as they are, and are counted once',
      async run({ store }) {
        const record = batch(jobs(0), { sealed: false });
        await store.create(record, jobs(0));
        const changed = many(3, (index) => index).map((job) => ({ ...job, payload: '"other"' }));
        assert.equal(await store.fill(record.id, changed, T), true);
        assert.equal(await store.fill(record.id, changed, T), true);
        assert.equal((await store.get(record.id))?.counts.waiting, 3);
        assert.deepEqual(
          (await allJobs(store, record.id)).map(({ payload }) => payload),
          ['{"n":0}', '"other"', '"other"'],
        );
      },
    },
    {
      title: 'one that is sealed, has failed, or was never made takes none',
      async run(stand) {
        const { store } = stand;
        const sealed = await stand.make(jobs(0));
        const failed = await stand.make(jobs(0), { sealed: false });
        await stand.apply(step(failed, changing({ status: 'failed' })));
        for (const id of [sealed, failed, crypto.randomUUID()]) {
          assert.equal(
            await store.fill(
              id,
              many(1, () => 1, 1),
              T,
            ),
            false,
          );
          assert.ok((await store.jobs(id, 0, 10)).length < 2);
        }
      },
    },
    {
      title: 'sealed by one while another fills: what was taken is there, what was refused is not',
      shared: true,
      async run(stand) {
        const other = await stand.another();
        for (let round = 0; round < 20; round++) {
          const id = await stand.make(jobs(0), { sealed: false });
          const [filled] = await Promise.all([
            other.fill(
              id,
              many(1, () => 1, 1),
              T,
            ),
            stand.apply(step(id, changing({ sealed: true }))),
          ]);
          const { counts, sealed } = await stand.get(id);
          assert.deepEqual([sealed, counts.waiting], [true, filled ? 2 : 1]);
          assert.equal((await allJobs(stand.store, id)).length, filled ? 2 : 1);
        }
      },
    },
  ],
};

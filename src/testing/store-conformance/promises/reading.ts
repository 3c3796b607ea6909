import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { same } from '../look.js';
import { changing, ending, jobs, many, step } from '../make.js';

export const reading: PromiseCases = {
  promise: 'batches and their jobs can be looked at',
  cases: [
    {
      title: 'how each of several stands, in the order asked for',
      async run(stand) {
        const { store } = stand;
        const [one, two] = [await stand.make(), await stand.make()];
        await stand.apply(step(two, changing({ status: 'cancelled' })));
        const nobody = crypto.randomUUID();
        assert.deepEqual(await store.statuses([two, nobody, one, two]), [
          'cancelled',
          undefined,
          'running',
          'cancelled',
        ]);
        assert.deepEqual(await store.statuses([]), []);
      },
    },
    {
      title: 'jobs from an index on, so many of them',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make(many(25, (index) => index));
        const indexes = async (from: number, limit: number) =>
          (await store.jobs(id, from, limit)).map(({ index }) => index);
        assert.deepEqual(await indexes(0, 3), [0, 1, 2]);
        assert.deepEqual(await indexes(10, 3), [10, 11, 12]);
        assert.deepEqual(await indexes(23, 10), [23, 24]);
        assert.deepEqual(await indexes(25, 10), []);
        assert.deepEqual(await indexes(0, 0), []);
        same(await store.jobs(crypto.randomUUID(), 0, 10), []);
      },
    },
    {
      title: 'what the jobs of a stage returned, in their order, with a gap for those that gave nothing',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make(jobs(0, 1, 1, 1, 1, 2));
        const settle = (index: number, result: string | undefined) =>
          step(id, ending('succeeded', { result }), { jobId: `job-${index}` });
        await store.apply([settle(0, '"zero"'), settle(4, '{"n":1.10}'), settle(1, 'null'), settle(2, undefined)]);
        assert.deepEqual(await store.results(id, 0), ['"zero"']);
        assert.deepEqual(await store.results(id, 1), ['null', undefined, undefined, '{"n":1.10}']);
        assert.deepEqual(await store.results(id, 2), [undefined]);
        assert.deepEqual(await store.results(id, 3), []);
        assert.deepEqual(await store.results(crypto.randomUUID(), 0), []);
      },
    },
    {
      title: 'another process sees what was done',
      shared: true,
      async run(stand) {
        const other = await stand.another();
        const id = await stand.make(jobs(0));
        await stand.apply(step(id, ending('succeeded', { result: '7' }), { jobId: 'job-0' }));
        same(await other.get(id), await stand.get(id));
        assert.deepEqual(await other.results(id, 0), ['7']);
        same(await other.jobs(id, 0, 9), await stand.store.jobs(id, 0, 9));
      },
    },
  ],
};

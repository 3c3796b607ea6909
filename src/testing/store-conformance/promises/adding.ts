import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { allJobs, nextOf, same, statesOf } from '../look.js';
import { changing, ending, jobs, many, step, T } from '../make.js';

const MORE = many(3, (index) => Math.min(index, 1)).map((job) => ({ ...job, id: `more-${job.index}`, queue: 'slow' }));

export const adding: PromiseCases = {
  promise: 'a step adds jobs where its change says',
  cases: [
    {
      title: 'counted from this index and stage on, in this state',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make(jobs(0, 1));
        const add = changing({ nextIndex: 5, nextStage: 4 }, { add: { state: 'waiting', index: 2, stage: 2 } });
        await stand.apply(step(id, add, { add: MORE, now: T + 3 }));
        same(
          (await allJobs(store, id)).slice(2),
          MORE.map((job) => ({
            ...job,
            index: job.index + 2,
            stage: job.stage + 2,
            state: 'waiting',
            attempts: 0,
            adds: 0,
            changedAt: T + 3,
          })),
        );
        assert.equal((await stand.get(id)).nextIndex, 5);
        await stand.store.apply([0, 1].map((i) => step(id, ending('succeeded'), { jobId: `job-${i}` })));
        same(await nextOf(store, id, ['waiting']), { stage: 2, count: 1, from: 2, to: 2 });
      },
    },
    {
      title: 'beside those that run, queued',
      async run(stand) {
        const id = await stand.make(jobs(0, 0));
        const beside = many(2, () => 0).map((job) => ({ ...job, id: `more-${job.index}` }));
        await stand.apply(
          step(id, changing({}, { add: { state: 'queued', index: 2, stage: 0 } }), { add: beside, jobId: 'job-0' }),
        );
        assert.deepEqual(await statesOf(stand.store, id), ['waiting', 'waiting', 'queued', 'queued']);
        assert.equal((await stand.store.results(id, 0)).length, 4);
      },
    },
    {
      title: 'not where the change does not say so',
      async run(stand) {
        const id = await stand.make(jobs(0));
        await stand.apply(step(id, changing({ run: 2 }), { add: MORE }));
        assert.equal((await allJobs(stand.store, id)).length, 1);
        await stand.apply(step(id, changing({}, { add: { state: 'waiting', index: 1, stage: 1 } }), { add: [] }));
        assert.equal((await allJobs(stand.store, id)).length, 1);
      },
    },
    {
      title: 'a later step of the same call finds them',
      async run(stand) {
        const id = await stand.make(jobs(0));
        const add = changing({}, { add: { state: 'queued', index: 1, stage: 1 } });
        const [, begun, seen] = await stand.store.apply([
          step(id, add, { add: MORE }),
          step(id, ending('running'), { jobId: 'more-1' }),
          step(id, ending('succeeded'), { jobId: 'more-1' }),
        ]);
        assert.deepEqual([begun?.accepted, begun?.job?.state, begun?.job?.index], [true, 'queued', 2]);
        assert.deepEqual([seen?.accepted, seen?.job?.state], [true, 'running']);
      },
    },
  ],
};

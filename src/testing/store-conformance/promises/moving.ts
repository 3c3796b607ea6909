import assert from 'node:assert/strict';
import type { Move } from '../../../contracts/batch-store.js';
import type { PromiseCases } from '../case.js';
import { allJobs, same, statesOf } from '../look.js';
import { changing, ending, jobChange, jobs, step, T } from '../make.js';
import type { Stand } from '../stand.js';

const ALL = ['waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped'] as const;

/** One job in each state, each of a stage of its own. */
async function oneOfEach(stand: Stand): Promise<string> {
  const id = await stand.make(jobs(...ALL.keys()));
  for (const [index, state] of ALL.entries()) {
    if (state === 'waiting') continue;
    const ended = ending(state, { attempts: 2, adds: index, error: 'e', result: '"r"' });
    await stand.apply(step(id, ended, { jobId: `job-${index}`, now: T + index }));
  }
  return id;
}

function moving(batchId: string, moves: readonly Move[], now: number) {
  return step(batchId, changing({}, { moves }), { now });
}

export const movingJobs: PromiseCases = {
  promise: 'jobs change state by the set',
  cases: [
    {
      title: 'those in these states and no others; when is known of each',
      async run(stand) {
        const id = await oneOfEach(stand);
        await stand.apply(moving(id, [{ from: ['queued', 'failed'], to: 'skipped' }], T + 50));
        const list = await allJobs(stand.store, id);
        assert.deepEqual(
          list.map(({ state, changedAt }) => [state, changedAt - T]),
          [
            ['waiting', 0],
            ['skipped', 50],
            ['running', 2],
            ['succeeded', 3],
            ['skipped', 50],
            ['cancelled', 5],
            ['skipped', 6],
          ],
        );
        for (const { attempts, error, result } of list.slice(1))
          assert.deepEqual([attempts, error, result], [2, 'e', '"r"']);
      },
    },
    {
      title: 'only those of one stage',
      async run(stand) {
        const id = await stand.make(jobs(0, 1, 1, 1, 2));
        await stand.apply(step(id, ending('running'), { jobId: 'job-2' }));
        await stand.apply(moving(id, [{ from: ['waiting'], to: 'queued', stage: 1 }], T));
        assert.deepEqual(await statesOf(stand.store, id), ['waiting', 'queued', 'running', 'queued', 'waiting']);
        await stand.apply(moving(id, [{ from: ['waiting', 'running'], to: 'failed', stage: 2 }], T));
        assert.deepEqual(await statesOf(stand.store, id), ['waiting', 'queued', 'running', 'queued', 'failed']);
        await stand.apply(moving(id, [{ from: ['waiting'], to: 'failed', stage: 7 }], T));
        await stand.apply(moving(id, [{ from: ['queued', 'running'], to: 'skipped', stage: 1, fresh: true }], T));
        assert.deepEqual(await statesOf(stand.store, id), ['waiting', 'skipped', 'skipped', 'skipped', 'failed']);
      },
    },
    {
      title: 'afresh they forget attempts, error and result, and keep how often they added',
      async run(stand) {
        const id = await oneOfEach(stand);
        const moves: Move[] = [{ from: ['failed', 'skipped'], to: 'waiting', fresh: true }];
        await stand.apply(moving(id, moves, T + 50));
        const list = await allJobs(stand.store, id);
        assert.deepEqual(
          list.map(({ state, attempts, adds, error, result }) => [state, attempts, adds, error, result]),
          [
            ['waiting', 0, 0, undefined, undefined],
            ['queued', 2, 1, 'e', '"r"'],
            ['running', 2, 2, 'e', '"r"'],
            ['succeeded', 2, 3, 'e', '"r"'],
            ['waiting', 0, 4, undefined, undefined],
            ['cancelled', 2, 5, 'e', '"r"'],
            ['waiting', 0, 6, undefined, undefined],
          ],
        );
      },
    },
    {
      title: 'one set after the other, after the job',
      async run(stand) {
        const id = await oneOfEach(stand);
        const moves: Move[] = [
          { from: ['waiting'], to: 'queued' },
          { from: ['queued'], to: 'running' },
          { from: ['failed'], to: 'waiting' },
        ];
        const both = changing({}, ({ job }) => ({ moves, ...(job && { job: jobChange(job, { state: 'waiting' }) }) }));
        await stand.apply(step(id, both, { jobId: 'job-3' }));
        assert.deepEqual(await statesOf(stand.store, id), [
          'running',
          'running',
          'running',
          'running',
          'waiting',
          'cancelled',
          'skipped',
        ]);
      },
    },
    {
      title: 'a job that a later step of the same call is about has moved with the others',
      async run(stand) {
        const id = await oneOfEach(stand);
        const [, later, settled] = await stand.store.apply([
          moving(id, [{ from: ['failed', 'queued'], to: 'waiting', fresh: true }], T + 50),
          step(id, ending('running'), { jobId: 'job-4', now: T + 51 }),
          step(id, ending('succeeded'), { jobId: 'job-1', now: T + 52 }),
        ]);
        const moved = { attempts: 0, state: 'waiting', changedAt: T + 50, error: undefined, result: undefined };
        same(later?.job, { ...later?.job, ...moved, adds: 4 });
        same(settled?.job, { ...settled?.job, ...moved, adds: 1 });
        assert.deepEqual((await statesOf(stand.store, id)).slice(0, 5), [
          'waiting',
          'succeeded',
          'running',
          'succeeded',
          'running',
        ]);
      },
    },
  ],
};

import assert from 'node:assert/strict';
import type { NextStage } from '../../../contracts/batch-store.js';
import type { PromiseCases } from '../case.js';
import { nextOf, same } from '../look.js';
import { changing, ending, jobs, step } from '../make.js';

export const views: PromiseCases = {
  promise: 'a transition sees the first stage that has jobs in the states it asks for',
  cases: [
    {
      title: 'the lowest stage, how many of its jobs, and from where to where they lie',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make(jobs(0, 1, 1, 1, 1, 2));
        same(await nextOf(store, id, ['waiting']), { stage: 0, count: 1, from: 0, to: 0 });
        await stand.apply(step(id, ending('succeeded'), { jobId: 'job-0' }));
        same(await nextOf(store, id, ['waiting']), { stage: 1, count: 4, from: 1, to: 4 });
        for (const index of [1, 3]) await stand.apply(step(id, ending('queued'), { jobId: `job-${index}` }));
        same(await nextOf(store, id, ['waiting']), { stage: 1, count: 2, from: 2, to: 4 });
        await stand.apply(step(id, ending('queued'), { jobId: 'job-4' }));
        same(await nextOf(store, id, ['waiting']), { stage: 1, count: 1, from: 2, to: 2 });
      },
    },
    {
      title: 'jobs in any of several states',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make(jobs(0, 1, 1, 1, 2));
        const states = ['succeeded', 'failed', 'running', 'cancelled', 'skipped'] as const;
        for (const [index, state] of states.entries()) {
          await stand.apply(step(id, ending(state), { jobId: `job-${index}` }));
        }
        same(await nextOf(store, id, ['skipped', 'cancelled', 'failed']), { stage: 1, count: 2, from: 1, to: 3 });
        same(await nextOf(store, id, ['skipped', 'waiting']), { stage: 2, count: 1, from: 4, to: 4 });
        same(await nextOf(store, id, ['waiting', 'queued']), undefined);
      },
    },
    {
      title: 'none without jobs, and none where no state is asked for',
      async run(stand) {
        same(await nextOf(stand.store, await stand.make(), ['waiting']), undefined);
        same(await nextOf(stand.store, await stand.make(jobs(0)), []), undefined);
      },
    },
    {
      title: 'it sees what the steps before it in the same call did',
      async run(stand) {
        const id = await stand.make(jobs(0, 1, 2));
        const seen: (NextStage | undefined)[] = [];
        const queueNext = changing({}, ({ next }) => {
          seen.push(next);
          return next ? { moves: [{ from: ['waiting'], to: 'queued', stage: next.stage }] } : {};
        });
        const settle = step(id, ending('succeeded'), { jobId: 'job-0' });
        const advance = step(id, queueNext);
        await stand.store.apply([advance, settle, advance, advance, advance]);
        const at = (index: number) => ({ stage: index, count: 1, from: index, to: index });
        // A transition may be called again; what it saw last is what counted.
        assert.deepEqual(seen.slice(-1), [undefined]);
        same(
          [...new Set(seen.map((next) => JSON.stringify(next)))].slice(0, 3),
          [0, 1, 2].map((i) => JSON.stringify(at(i))),
        );
      },
    },
    {
      title: 'different states for different steps of one call',
      async run(stand) {
        const id = await stand.make(jobs(0, 1));
        const seen = new Map<string, NextStage | undefined>();
        const looking = (...nextIn: ('waiting' | 'failed')[]) =>
          step(
            id,
            ({ next }) => {
              seen.set(nextIn.join(), next);
              return { accepted: false };
            },
            { nextIn },
          );
        await stand.apply(step(id, ending('failed'), { jobId: 'job-0' }));
        await stand.store.apply([looking('waiting'), looking('failed'), looking('waiting', 'failed')]);
        assert.deepEqual(
          [...seen].map(([states, next]) => [states, next?.stage]),
          [
            ['waiting', 1],
            ['failed', 0],
            ['waiting,failed', 0],
          ],
        );
      },
    },
  ],
};

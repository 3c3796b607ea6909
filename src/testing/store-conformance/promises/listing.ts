import assert from 'node:assert/strict';
import type { BatchFilter, BatchRecord } from '../../../contracts/batch-store.js';
import type { PromiseCases } from '../case.js';
import { idsOf, same } from '../look.js';
import { changing, step, T } from '../make.js';
import type { Stand } from '../stand.js';

async function listed(stand: Stand, filter: BatchFilter, limit = 100): Promise<readonly string[]> {
  return (await stand.store.list(filter, limit)).map(({ name }) => name ?? '');
}

async function some(stand: Stand): Promise<void> {
  const parent: BatchRecord['parent'] = { batchId: crypto.randomUUID(), jobId: 'job', run: 1 };
  await stand.make([], { name: 'old', createdAt: T });
  await stand.make([], { name: 'inner', createdAt: T + 10, parent });
  await stand.make([], { name: 'young', createdAt: T + 30 });
  await stand.make([], { name: 'failed', createdAt: T + 20, status: 'failed' });
}

export const listing: PromiseCases = {
  promise: 'batches are listed, the newest first',
  cases: [
    {
      title: 'outermost ones; nested ones where they are asked for',
      async run(stand) {
        await some(stand);
        assert.deepEqual(await listed(stand, {}), ['young', 'failed', 'old']);
        assert.deepEqual(await listed(stand, { nested: true }), ['young', 'failed', 'inner', 'old']);
      },
    },
    {
      title: 'by status, name and age, as they are now',
      async run(stand) {
        await some(stand);
        assert.deepEqual(await listed(stand, { status: 'running' }), ['young', 'old']);
        assert.deepEqual(await listed(stand, { status: 'failed' }), ['failed']);
        assert.deepEqual(await listed(stand, { status: 'succeeded' }), []);
        assert.deepEqual(await listed(stand, { name: 'old' }), ['old']);
        assert.deepEqual(await listed(stand, { name: 'inner' }), []);
        assert.deepEqual(await listed(stand, { since: T + 20 }), ['young', 'failed']);
        assert.deepEqual(await listed(stand, { since: T + 20, status: 'running', name: 'young' }), ['young']);
        const [young] = idsOf(await stand.store.list({ name: 'young' }, 1));
        await stand.apply(step(young ?? '', changing({ status: 'succeeded' })));
        assert.deepEqual(await listed(stand, { status: 'succeeded' }), ['young']);
      },
    },
    {
      title: 'so many of them',
      async run(stand) {
        await some(stand);
        assert.deepEqual(await listed(stand, {}, 2), ['young', 'failed']);
        assert.deepEqual(await listed(stand, { status: 'running' }, 1), ['young']);
      },
    },
    {
      title: 'the one that is looked for among many others',
      async run(stand) {
        for (let i = 0; i < 450; i += 50) {
          await Promise.all(
            Array.from({ length: 50 }, (_, j) => stand.make([], { name: 'many', createdAt: T + i + j + 1 })),
          );
        }
        await stand.make([], { name: 'needle' });
        const [found] = await stand.store.list({ name: 'needle' }, 5);
        assert.equal(found?.createdAt, T);
        const all = await stand.store.list({}, 1000);
        same(
          all.map(({ createdAt }) => createdAt - T),
          Array.from({ length: 451 }, (_, i) => 450 - i),
        );
      },
    },
  ],
};

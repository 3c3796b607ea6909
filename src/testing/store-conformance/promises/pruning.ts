import assert from 'node:assert/strict';
import type { BatchRecord } from '../../../contracts/batch-store.js';
import type { PromiseCases } from '../case.js';
import { idsOf, lastOf, same } from '../look.js';
import { changing, jobs, sending, step, T } from '../make.js';
import type { Stand } from '../stand.js';

async function finished(stand: Stand, at: number, fields: Partial<BatchRecord> = {}): Promise<string> {
  const id = await stand.make(jobs(0), fields);
  await stand.apply(step(id, changing({ status: 'succeeded', finishedAt: at, updatedAt: at, ...fields }), { now: at }));
  return id;
}

async function left(stand: Stand): Promise<ReadonlySet<string>> {
  return new Set(idsOf(await stand.store.list({ nested: true }, 1000)));
}

export const pruning: PromiseCases = {
  promise: 'what has ended long ago is deleted, with all that is its own',
  cases: [
    {
      title: 'those that ended before, and no others; nothing of them is left',
      async run(stand) {
        const { store } = stand;
        const old = await finished(stand, T + 10);
        const young = await finished(stand, T + 20);
        const open = await stand.make(jobs(0));
        assert.equal(await store.prune({ finishedBefore: T + 20 }), 1);
        assert.deepEqual(await left(stand), new Set([young, open]));
        assert.equal(await store.get(old), undefined);
        same(await store.jobs(old, 0, 10), []);
        assert.deepEqual(await store.statuses([old]), [undefined]);
        assert.deepEqual(await store.apply([step(old, changing())]), [undefined]);
        assert.equal(await store.prune({ finishedBefore: T + 20 }), 0);
      },
    },
    {
      title: 'only those of a status',
      async run(stand) {
        const failed = await finished(stand, T + 10, { status: 'failed' });
        const succeeded = await finished(stand, T + 10);
        assert.equal(await stand.store.prune({ finishedBefore: T + 20, status: 'succeeded' }), 1);
        assert.deepEqual(await left(stand), new Set([failed]));
        assert.equal(await stand.store.get(succeeded), undefined);
      },
    },
    {
      title: 'not one that has something to send',
      async run(stand) {
        const id = await finished(stand, T + 10);
        const { outbox } = await stand.apply(sending(id, ['last'], { relayUntil: T + 100 }));
        assert.equal(await stand.store.prune({ finishedBefore: T + 20 }), 0);
        await stand.store.sent(id, lastOf(outbox), T + 100, T + 200);
        assert.equal(await stand.store.prune({ finishedBefore: T + 20 }), 1);
      },
    },
    {
      title: 'not one that runs again',
      async run(stand) {
        const id = await finished(stand, T + 10, { status: 'failed' });
        await stand.apply(step(id, changing({ status: 'running', finishedAt: undefined })));
        assert.equal(await stand.store.prune({ finishedBefore: T + 20 }), 0);
        assert.deepEqual(await left(stand), new Set([id]));
      },
    },
    {
      title: 'nested ones go with the outermost, and not before it',
      async run(stand) {
        const outer = await stand.make(jobs(0), { nests: true });
        const inner = await finished(stand, T + 10, { parent: { batchId: outer, jobId: 'job-0', run: 1 } });
        const innermost = await finished(stand, T + 10, { parent: { batchId: inner, jobId: 'job-0', run: 1 } });
        assert.equal(await stand.store.prune({ finishedBefore: T + 20 }), 0);
        assert.deepEqual(await left(stand), new Set([outer, inner, innermost]));
        await stand.apply(step(outer, changing({ finishedAt: T + 15, status: 'succeeded' })));
        assert.equal(await stand.store.prune({ finishedBefore: T + 20 }), 3);
        assert.deepEqual(await left(stand), new Set());
      },
    },
    {
      title: 'nested ones that were there before their outer one',
      async run(stand) {
        const outer = crypto.randomUUID();
        await finished(stand, T + 10, { parent: { batchId: outer, jobId: 'job-0', run: 1 } });
        await finished(stand, T + 10, { id: outer });
        assert.equal(await stand.store.prune({ finishedBefore: T + 20 }), 2);
        assert.deepEqual(await left(stand), new Set());
      },
    },
    {
      title: 'nested ones whose outer one was never made, once they are old',
      async run(stand) {
        const parent = { batchId: crypto.randomUUID(), jobId: 'job-0', run: 0 };
        const orphan = await stand.make(jobs(0), { started: false, parent, updatedAt: T + 10 });
        const below = await stand.make(jobs(0), { started: false, parent: { ...parent, batchId: orphan } });
        assert.equal(await stand.store.prune({ finishedBefore: T + 10 }), 0);
        assert.deepEqual(await left(stand), new Set([orphan, below]));
        assert.equal(await stand.store.prune({ finishedBefore: T + 11 }), 2);
        assert.deepEqual(await left(stand), new Set());
      },
    },
    {
      title: 'hundreds at once, between others',
      async run(stand) {
        const kept = new Set<string>();
        for (let i = 0; i < 450; i += 50) {
          const ids = await Promise.all(Array.from({ length: 50 }, () => stand.make([])));
          const over = ids.filter((_, j) => j % 3 !== 0);
          for (const id of ids) if (!over.includes(id)) kept.add(id);
          await stand.store.apply(over.map((id) => step(id, changing({ finishedAt: T, status: 'succeeded' }))));
        }
        assert.equal(await stand.store.prune({ finishedBefore: T + 1 }), 450 - kept.size);
        assert.deepEqual(await left(stand), kept);
      },
    },
    {
      title: 'one that is pruned leaves nothing for the sweeper',
      async run(stand) {
        await finished(stand, T + 10);
        await stand.store.prune({ finishedBefore: T + 20 });
        const times = { unsealed: T + 99, outbox: T + 99, idle: T + 99, now: T + 100 };
        same(await stand.store.overdue(times, 10), []);
      },
    },
  ],
};

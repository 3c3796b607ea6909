import assert from 'node:assert/strict';
import type { OverdueTimes } from '../../../contracts/batch-store.js';
import type { PromiseCases } from '../case.js';
import { lastOf } from '../look.js';
import { changing, sending, step, T } from '../make.js';
import type { Stand } from '../stand.js';

/** Nothing is older than this. */
const NEVER = T - 1_000_000;
const NOW = T + 100_000;

async function overdueNow(stand: Stand, times: Partial<OverdueTimes>, limit = 100): Promise<readonly string[]> {
  const all = { unsealed: NEVER, outbox: NEVER, idle: NEVER, now: NOW, ...times };
  return (await stand.store.overdue(all, limit)).map(({ batchId, why }) => `${why} ${batchId}`);
}

export const overdue: PromiseCases = {
  promise: 'batches that need care are found, the longest waiting first',
  cases: [
    {
      title: 'those that are not sealed, and were not heard of since',
      async run(stand) {
        const late = await stand.make([], { sealed: false, started: false, updatedAt: T + 20 });
        const later = await stand.make([], { sealed: false, started: false, updatedAt: T + 10 });
        await stand.make([], { sealed: false, started: false, updatedAt: T + 30 });
        const sealed = await stand.make([], { sealed: false, started: false });
        await stand.apply(step(sealed, changing({ sealed: true, started: true })));
        const failed = await stand.make([], { sealed: false, started: false });
        await stand.apply(step(failed, changing({ status: 'failed', finishedAt: T })));
        assert.deepEqual(await overdueNow(stand, { unsealed: T + 30 }), [`unsealed ${later}`, `unsealed ${late}`]);
        assert.equal(await stand.store.fill(later, [], T + 40), true);
        assert.deepEqual(await overdueNow(stand, { unsealed: T + 30 }), [`unsealed ${late}`]);
        assert.deepEqual(await overdueNow(stand, { unsealed: T + 30 }, 0), []);
      },
    },
    {
      title: 'a nested one that is not sealed is nobody’s but its outer one’s',
      async run(stand) {
        const parent = { batchId: crypto.randomUUID(), jobId: 'job', run: 1 };
        await stand.make([], { sealed: false, started: false, parent });
        assert.deepEqual(await overdueNow(stand, { unsealed: NOW }), []);
      },
    },
    {
      title: 'those whose outbox nobody sends',
      async run(stand) {
        const { store } = stand;
        const ids = await Promise.all([0, 1, 2, 3, 4].map(() => stand.make()));
        const [old, older, young, held, sent] = ids as [string, string, string, string, string];
        await stand.apply(sending(old, ['a'], { now: T + 20 }));
        await stand.apply(sending(older, ['a'], { now: T + 10 }));
        await stand.apply(sending(older, ['b'], { now: T + 50 }));
        await stand.apply(sending(young, ['a'], { now: T + 30 }));
        await stand.apply(sending(held, ['a'], { now: T, relayUntil: NOW }));
        const { outbox } = await stand.apply(sending(sent, ['a'], { now: T, relayUntil: T + 1 }));
        await store.sent(sent, lastOf(outbox), T + 1, T + 2);
        assert.deepEqual(await overdueNow(stand, { outbox: T + 30 }), [`outbox ${older}`, `outbox ${old}`]);
        assert.deepEqual(await overdueNow(stand, { outbox: T + 30 }, 1), [`outbox ${older}`]);
        const ranOut = await overdueNow(stand, { outbox: T + 30, now: NOW + 1 });
        assert.deepEqual(ranOut, [`outbox ${held}`, `outbox ${older}`, `outbox ${old}`]);
        // It is found again by whoever looks later.
        const later = await overdueNow(stand, { outbox: T + 31 });
        assert.deepEqual(later, [`outbox ${older}`, `outbox ${old}`, `outbox ${young}`]);
      },
    },
    {
      title: 'one that was looked at before there was something to send',
      async run(stand) {
        const id = await stand.make();
        assert.deepEqual(await overdueNow(stand, { outbox: T + 10, now: T + 20 }), []);
        await stand.apply(sending(id, ['late'], { now: T + 50 }));
        assert.deepEqual(await overdueNow(stand, { outbox: T + 50, now: T + 60 }), []);
        assert.deepEqual(await overdueNow(stand, { outbox: T + 60, now: T + 70 }), [`outbox ${id}`]);
      },
    },
    {
      title: 'one whose batch has ended',
      async run(stand) {
        const id = await stand.make();
        assert.deepEqual(await overdueNow(stand, { outbox: T + 10, now: T + 20 }), []);
        await stand.apply(step(id, changing({ finishedAt: T + 30, status: 'succeeded' })));
        assert.deepEqual(await overdueNow(stand, { outbox: T + 30, now: T + 40 }), []);
        await stand.apply(sending(id, ['late'], { now: T + 50 }));
        assert.deepEqual(await overdueNow(stand, { outbox: T + 60, now: T + 70 }), [`outbox ${id}`]);
      },
    },
    {
      title: 'those in which nothing has happened, while they could run',
      async run(stand) {
        const ids = await Promise.all([0, 1, 2, 3].map(() => stand.make()));
        const [idle, busy, over, again] = ids as [string, string, string, string];
        await stand.make([], { sealed: false, started: false });
        await stand.make([], { started: false, parent: { batchId: idle, jobId: 'job', run: 0 } });
        await stand.apply(step(busy, changing({ updatedAt: T + 50 })));
        await stand.apply(step(over, changing({ finishedAt: T, status: 'failed' })));
        await stand.apply(step(again, changing({ finishedAt: T, status: 'failed' })));
        assert.deepEqual(await overdueNow(stand, { idle: T + 10 }), [`idle ${idle}`]);
        await stand.apply(step(again, changing({ finishedAt: undefined, status: 'running', updatedAt: T + 5 })));
        assert.deepEqual(await overdueNow(stand, { idle: T + 10 }), [`idle ${idle}`, `idle ${again}`]);
        assert.deepEqual(await overdueNow(stand, { idle: T + 51 }), [`idle ${idle}`, `idle ${again}`, `idle ${busy}`]);
      },
    },
    {
      title: 'a nested one is started, and then it may be idle',
      async run(stand) {
        const id = await stand.make([], { started: false, parent: { batchId: 'outer', jobId: 'job', run: 0 } });
        assert.deepEqual(await overdueNow(stand, { idle: T + 10 }), []);
        await stand.apply(step(id, changing({ started: true, updatedAt: T + 1 })));
        assert.deepEqual(await overdueNow(stand, { idle: T + 10 }), [`idle ${id}`]);
      },
    },
    {
      title: 'whatever needs care among thousands that do not',
      async run(stand) {
        for (let i = 0; i < 1200; i += 100) {
          const more = await Promise.all(Array.from({ length: 100 }, () => stand.make()));
          await stand.store.apply(more.map((id) => step(id, changing({ finishedAt: T, status: 'succeeded' }))));
        }
        const id = await stand.make([], { createdAt: T + 1 });
        await stand.apply(sending(id, ['a'], { now: T + 2 }));
        for (let round = 0; round < 2; round++) {
          assert.deepEqual(await overdueNow(stand, { outbox: T + 10, idle: T + 10 }), [`outbox ${id}`, `idle ${id}`]);
        }
      },
    },
  ],
};

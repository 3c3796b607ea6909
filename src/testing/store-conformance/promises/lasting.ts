import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { allJobs, eventsOf, same } from '../look.js';
import { batch, ending, jobs, sending, step, T } from '../make.js';

export const lasting: PromiseCases = {
  promise: 'a store is opened, used and closed by whoever likes',
  cases: [
    {
      title: 'opened twice and closed twice',
      async run({ store }) {
        await store.open();
        await Promise.all([store.open(), store.open()]);
        await store.create(batch(), []);
        await store.close();
        await store.close();
      },
    },
    {
      title: 'once closed it says so',
      async run({ store }) {
        await store.close();
        await assert.rejects(store.create(batch(), []), { code: 'THRUN_STORE_UNAVAILABLE' });
        await assert.rejects(store.get('x'), { code: 'THRUN_STORE_UNAVAILABLE' });
      },
    },
    {
      title: 'it is used once a batch was made, as others can tell without opening it',
      shared: true,
      async run(stand) {
        await stand.make(jobs(0));
        const other = await stand.notOpened();
        assert.equal(await other.used(), true);
        assert.equal(await stand.store.used(), true);
      },
    },
    {
      title: 'all of it is there again when it is opened anew',
      shared: true,
      async run(stand) {
        const list = jobs(0, 1);
        const id = await stand.make(list, { name: 'lasting' });
        await stand.apply(step(id, ending('succeeded', { result: '{"n":1.10}' }), { jobId: 'job-0' }));
        await stand.apply(sending(id, ['a', 'b'], { relayUntil: T + 100 }));
        const [record, jobsBefore] = [await stand.get(id), await allJobs(stand.store, id)];
        await stand.store.close();
        const other = await stand.another();
        same([await other.get(id), await allJobs(other, id)], [record, jobsBefore]);
        assert.deepEqual(eventsOf(await other.outbox(id)), ['a', 'b']);
        // The lease outlives the process that has it.
        same(await other.takeOutbox(id, T + 300, T + 99), []);
        assert.deepEqual(eventsOf(await other.takeOutbox(id, T + 300, T + 101)), ['a', 'b']);
        assert.equal((await other.list({ name: 'lasting' }, 10)).length, 1);
      },
    },
  ],
};

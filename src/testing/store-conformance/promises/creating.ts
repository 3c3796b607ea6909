import assert from 'node:assert/strict';
import type { NewJob } from '../../../contracts/batch-store.js';
import type { PromiseCases } from '../case.js';
import { allJobs, eventsOf, same } from '../look.js';
import { batch, changing, event, jobs, step, T } from '../make.js';

const FULL: NewJob = {
  id: 'a',
  index: 0,
  stage: 0,
  event: 'mail.send',
  payload: '{"to":"x"}',
  queue: 'php',
  key: 'user-1',
  child: 'b',
};

export const creating: PromiseCases = {
  promise: 'a batch is made once, whole, and what happens to it right away with it',
  cases: [
    {
      title: 'the record and its jobs come back as they were',
      async run({ store }) {
        const record = batch([FULL], {
          name: 'order',
          parallel: true,
          allowFailures: true,
          events: { finally: 'order.finished', progress: 'order.progress' },
          nests: true,
          parent: { batchId: 'outer', jobId: 'job', run: 3 },
          failure: { job: { job_id: 'a', event: 'mail.send' }, message: 'no' },
          fired: ['catch'],
          progressed: 'event-id',
          updatedAt: T + 5,
        });
        assert.equal(await store.create(record, [FULL]), undefined);
        same(await store.get(record.id), record);
        same(await allJobs(store, record.id), [{ ...FULL, state: 'waiting', attempts: 0, adds: 0, changedAt: T + 5 }]);
      },
    },
    {
      title: 'one without jobs',
      async run({ store }) {
        const record = batch();
        await store.create(record, []);
        same(await store.get(record.id), record);
        same(await store.jobs(record.id, 0, 10), []);
      },
    },
    {
      title: 'its first step sees the jobs, and its outbox comes with the lease',
      async run({ store }) {
        const list = jobs(0, 0, 1);
        const record = batch(list, { sealed: false });
        const first = step(
          record.id,
          changing({ sealed: true }, ({ job, next }) => {
            const { payload: _, ...head } = list[1] as NewJob;
            same(job, { ...head, state: 'waiting', attempts: 0, adds: 0, changedAt: T });
            same(next, { stage: 0, count: 2, from: 0, to: 1 });
            return { moves: [{ from: ['waiting'], to: 'queued', stage: 0 }], outbox: [event('one')] };
          }),
          { relayUntil: T + 1000, jobId: 'job-1' },
        );
        const applied = await store.create(record, list, first);
        assert.equal(applied?.accepted, true);
        assert.equal(applied.batch.sealed, true);
        assert.deepEqual(eventsOf(applied.outbox), ['one']);
        assert.deepEqual(
          (await allJobs(store, record.id)).map(({ state }) => state),
          ['queued', 'queued', 'waiting'],
        );
        same(await store.takeOutbox(record.id, T + 2000, T + 1), []);
      },
    },
    {
      title: 'its first step may be refused; it is made all the same',
      async run({ store }) {
        const record = batch(jobs(0));
        const refused = step(record.id, () => ({ accepted: false }));
        const applied = await store.create(record, jobs(0), refused);
        assert.equal(applied?.accepted, false);
        same(await store.get(record.id), record);
      },
    },
    {
      title: 'made again it stays as it is, but for that step',
      async run({ store }) {
        const record = batch(jobs(0), { name: 'first' });
        await store.create(record, jobs(0));
        const again = { ...record, name: 'second' };
        const applied = await store.create(again, jobs(0, 1), step(record.id, changing({ run: 2 })));
        assert.equal(applied?.batch.name, 'first');
        same(await store.get(record.id), { ...record, run: 2 });
        assert.equal((await allJobs(store, record.id)).length, 1);
      },
    },
    {
      title: 'made by two at once it is one batch, and both steps are applied',
      shared: true,
      async run(stand) {
        const other = await stand.another();
        for (let round = 0; round < 20; round++) {
          const record = batch(jobs(0, 1));
          const more = () =>
            step(record.id, ({ batch: seen }) => ({ accepted: true, batch: { ...seen, run: seen.run + 1 } }));
          await Promise.all([stand.store, other].map((store) => store.create(record, jobs(0, 1), more())));
          assert.equal((await stand.get(record.id)).run, 3);
          assert.equal((await allJobs(other, record.id)).length, 2);
        }
      },
    },
  ],
};

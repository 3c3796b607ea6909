import assert from 'node:assert/strict';
import type { BatchStore, Step } from '../../../contracts/batch-store.js';
import type { PromiseCases } from '../case.js';
import { allJobs, jobOf, same } from '../look.js';
import { changing, ending, jobChange, jobs, many, step, T } from '../make.js';

export const applying: PromiseCases = {
  promise: 'each step is applied whole, once, in its order',
  cases: [
    {
      title: 'what is written is what the change says; the answer has the record after it and the job before it',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make(jobs(0, 1));
        const before = await jobOf(store, id, 1);
        const transition = ending('failed', { attempts: 2, adds: 1, error: 'no', result: '[1]' });
        const applied = await stand.apply(step(id, transition, { jobId: 'job-1', now: T + 7 }));
        assert.equal(applied.accepted, true);
        const { payload: _, ...head } = before;
        same(applied.job, head);
        same(applied.batch, await stand.get(id));
        assert.equal(applied.batch.counts.failed, 1);
        const after = {
          ...before,
          state: 'failed',
          attempts: 2,
          adds: 1,
          error: 'no',
          result: '[1]',
          changedAt: T + 7,
        };
        same(await allJobs(store, id), [await jobOf(store, id, 0), after]);
      },
    },
    {
      title: 'what a job change leaves undefined is emptied',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make(jobs(0));
        const job = { jobId: 'job-0' };
        await stand.apply(step(id, ending('failed', { error: 'no', result: '1' }), job));
        await stand.apply(step(id, ending('succeeded', { error: undefined, result: undefined }), job));
        const { error, result, state } = await jobOf(store, id, 0);
        assert.deepEqual([error, result, state], [undefined, undefined, 'succeeded']);
      },
    },
    {
      title: 'without a record nothing changes, whatever else the change says',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make(jobs(0));
        const before = [await stand.get(id), await allJobs(store, id)];
        for (const accepted of [true, false]) {
          const applied = await stand.apply(
            step(id, ({ job }) => ({ accepted, ...(job && { job: jobChange(job, { state: 'failed' }) }) }), {
              jobId: 'job-0',
              now: T + 1,
              add: jobs(5),
            }),
          );
          assert.equal(applied.accepted, accepted);
          same([await stand.get(id), await allJobs(store, id)], before);
        }
      },
    },
    {
      title: 'a job there is none of, or of another batch, is no job',
      async run(stand) {
        const id = await stand.make(jobs(0));
        await stand.make([{ id: 'elsewhere', index: 0, stage: 0, event: 'x', payload: '1' }]);
        for (const jobId of ['elsewhere', 'job-1', '']) {
          const { accepted, job } = await stand.apply(step(id, ending('failed'), { jobId }));
          assert.deepEqual([accepted, job], [false, undefined]);
        }
      },
    },
    {
      title: 'a batch there is none of is answered with undefined, and the others in their order',
      async run(stand) {
        const one = await stand.make(jobs(0));
        const two = await stand.make(jobs(0));
        const nobody = crypto.randomUUID();
        const applied = await stand.store.apply(
          [one, nobody, two, nobody, one].map((id, i) => step(id, changing({ name: `${i}` }))),
        );
        assert.deepEqual(
          applied.map((answer) => answer && [answer.batch.id, answer.batch.name]),
          [[one, '0'], undefined, [two, '2'], undefined, [one, '4']],
        );
        assert.equal(await stand.store.get(nobody), undefined);
        same(await stand.store.apply([]), []);
      },
    },
    {
      title: 'steps on one batch in one call see what those before them did',
      async run(stand) {
        const id = await stand.make(jobs(0, 0));
        const begin = step(id, ending('running', { attempts: 1 }), { jobId: 'job-0', now: T + 1 });
        const end = step(id, ending('succeeded', { result: '"r"' }), { jobId: 'job-0', now: T + 2 });
        const [first, second, third, fourth] = await stand.store.apply([begin, end, end, { ...end, jobId: 'job-1' }]);
        assert.deepEqual(
          [first, second, third, fourth].map((answer) => [answer?.accepted, answer?.job?.state]),
          [
            [true, 'waiting'],
            [true, 'running'],
            [false, 'succeeded'],
            [true, 'waiting'],
          ],
        );
        assert.deepEqual([second?.job?.attempts, second?.job?.changedAt], [1, T + 1]);
        assert.equal(third?.job?.result, '"r"');
        assert.deepEqual(
          [first, second, third, fourth].map((answer) => answer?.batch.counts.succeeded),
          [0, 1, 1, 2],
        );
        same(fourth?.batch, await stand.get(id));
      },
    },
    {
      title: 'what need not be durable is seen at once by who asks the same store, and soon by others',
      shared: true,
      async run(stand) {
        const { store } = stand;
        const other = await stand.another();
        const id = await stand.make(jobs(0, 0));
        const [begun] = await store.apply([
          step(id, ending('running', { attempts: 1 }), { jobId: 'job-0', durable: false }),
        ]);
        assert.equal(begun?.accepted, true);
        assert.equal((await stand.get(id)).counts.running, 1);
        assert.equal((await jobOf(store, id, 0)).state, 'running');
        await store.apply([step(id, ending('running', { attempts: 1 }), { jobId: 'job-1', durable: false })]);
        while ((await other.get(id))?.counts.running !== 2) await new Promise((resolve) => setImmediate(resolve));
      },
    },
    {
      title: 'what need not be durable and others were quicker than is decided on anew',
      shared: true,
      async run(stand) {
        const { store } = stand;
        const other = await stand.another();
        const id = await stand.make(jobs(0, 0));
        const running = ending('running', { attempts: 1 });
        const begin: Step['transition'] = (view) =>
          view.job?.state === 'waiting' ? running(view) : { accepted: false };
        assert.equal((await stand.apply(step(id, begin, { jobId: 'job-0', durable: false }))).accepted, true);
        await other.apply([step(id, ending('failed', { error: 'no' }), { jobId: 'job-0' })]);
        const ended = await stand.apply(step(id, ending('succeeded'), { jobId: 'job-1' }));
        assert.equal(ended.batch.counts.failed, 1);
        const { state, error } = await jobOf(store, id, 0);
        assert.deepEqual([state, error], ['failed', 'no']);
        assert.deepEqual((await stand.get(id)).counts, ended.batch.counts);
      },
    },
    {
      title: 'two processes at once: no count is lost, none is made twice',
      shared: true,
      async run(stand) {
        const other = await stand.another();
        const id = await stand.make(many(60, () => 0));
        const settleAll = async (store: BatchStore, order: readonly number[]) => {
          let accepted = 0;
          for (let i = 0; i < order.length; i += 3) {
            const lot = order.slice(i, i + 3);
            const steps = lot.map((index) => step(id, ending('succeeded'), { jobId: `job-${index}` }));
            for (const answer of await store.apply(steps)) if (answer?.accepted) accepted++;
          }
          return accepted;
        };
        const order = Array.from({ length: 60 }, (_, i) => i);
        const accepted = await Promise.all([
          settleAll(stand.store, order),
          settleAll(other, order.toReversed()),
          settleAll(stand.store, [...order.slice(30), ...order.slice(0, 30)]),
        ]);
        assert.equal(
          accepted.reduce((sum, one) => sum + one, 0),
          60,
        );
        assert.equal((await stand.get(id)).counts.succeeded, 60);
      },
    },
    {
      title: 'many calls at once on many batches: each batch has what its own came to',
      async run(stand) {
        const ids = await Promise.all(Array.from({ length: 20 }, () => stand.make(jobs(0, 0, 0))));
        const calls = ids.flatMap((id) =>
          [0, 1, 2].map((index) => stand.apply(step(id, ending('succeeded'), { jobId: `job-${index}` }))),
        );
        assert.equal((await Promise.all(calls)).filter(({ accepted }) => accepted).length, 60);
        for (const id of ids) assert.equal((await stand.get(id)).counts.succeeded, 3);
      },
    },
    {
      title: 'a transition that throws fails the call, and changes nothing',
      async run(stand) {
        const id = await stand.make(jobs(0));
        const bug = step(id, () => {
          throw new Error('a bug');
        });
        await assert.rejects(stand.store.apply([step(id, changing({ run: 2 })), bug]), /a bug/);
        assert.equal((await stand.get(id)).run, 1);
        assert.equal((await stand.apply(step(id, changing({ run: 3 })))).batch.run, 3);
      },
    },
  ],
};

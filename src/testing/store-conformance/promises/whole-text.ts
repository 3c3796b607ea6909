import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { allJobs, jobOf } from '../look.js';
import { changing, ending, jobs, step } from '../make.js';

/** JSON texts that come out differently where somebody parses and writes them anew. */
const TEXTS: readonly string[] = [
  '12345678901234567890',
  '{"price":1.10,"big":9007199254740993,"small":1e-7,"zero":-0}',
  '[]',
  '{}',
  '{"a":[],"b":{},"c":[[]],"d":null}',
  '{ "b" : 1, "a" : 2 , "b" : 3 }',
  '"\\u0000 \\u001f \\ud800 \\udfff\\/ \\u00e9"',
  '"é ✓ 😀 \u2028 \u2029 \u007f"',
  `${'['.repeat(3000)}1${']'.repeat(3000)}`,
  `"${'x'.repeat(70_000)}"`,
  '1.0',
  'null',
];

/** Words that are not JSON. */
const WORDS: readonly string[] = [
  '',
  ' ',
  '"quoted" \\',
  '{x}}',
  "'; DROP TABLE job; --",
  '\r\n*3\r\n',
  '✓ 😀',
  '__proto__',
];

/** Nobody keeps these out of an error's message. */
const WORSE: readonly string[] = ['a\u0000b', '\u0000', '\ud800'];

export const wholeText: PromiseCases = {
  promise: 'text of strangers comes back as it was',
  cases: [
    {
      title: 'payloads, letter by letter, whatever happens to their jobs',
      async run(stand) {
        const list = TEXTS.map((payload, index) => ({
          ...jobs(0)[0],
          id: `j${index}`,
          index,
          stage: 0,
          event: 'e',
          payload,
        }));
        const id = await stand.make(list);
        await stand.apply(step(id, changing({}, { moves: [{ from: ['waiting'], to: 'queued', stage: 0 }] })));
        const moves = [{ from: ['queued'], to: 'waiting', fresh: true }] as const;
        await stand.apply(step(id, changing({}, { moves })));
        await stand.store.apply(list.map((job) => step(id, ending('running'), { jobId: job.id })));
        const payloads = (await allJobs(stand.store, id)).map(({ payload }) => payload);
        for (const [i, payload] of TEXTS.entries()) assert.equal(payloads[i], payload);
      },
    },
    {
      title: 'results',
      async run(stand) {
        const id = await stand.make(jobs(...TEXTS.map(() => 0)));
        await stand.store.apply(
          TEXTS.map((result, index) => step(id, ending('succeeded', { result }), { jobId: `job-${index}` })),
        );
        assert.deepEqual(await stand.store.results(id, 0), TEXTS);
        for (const [i, result] of TEXTS.entries()) assert.equal((await jobOf(stand.store, id, i)).result, result);
      },
    },
    {
      title: 'payloads of events in the outbox',
      async run(stand) {
        const id = await stand.make();
        const outbox = TEXTS.map((payload, i) => ({
          kind: 'event' as const,
          lifecycle: 'progress' as const,
          event: 'e',
          eventId: `${i}`,
          payload,
        }));
        await stand.apply(step(id, changing({}, { outbox })));
        const payloads = (await stand.store.outbox(id)).map(({ out }) => (out.kind === 'event' ? out.payload : ''));
        assert.deepEqual(payloads, TEXTS);
      },
    },
    {
      title: 'errors, names, keys, queues and ids',
      async run(stand) {
        for (const [index, word] of WORDS.entries()) {
          const job = { id: `id ${word}`, index: 0, stage: 0, event: `e${word}`, payload: '1', key: word, queue: word };
          const id = await stand.make([job], { id: `${index} ${word}`, name: word });
          const applied = await stand.apply(step(id, ending('failed', { error: word }), { jobId: job.id }));
          assert.deepEqual([applied.accepted, applied.batch.id], [true, id]);
          const { error, key, queue, event, id: jobId } = await jobOf(stand.store, id, 0);
          assert.deepEqual([error, key, queue, event, jobId], [word, word, word, job.event, job.id]);
          const [listed] = await stand.store.list({ name: word }, 10);
          assert.deepEqual([listed?.name, listed?.id], [word, id]);
          assert.deepEqual(await stand.store.statuses([id]), ['running']);
        }
      },
    },
    {
      title: 'errors and keys with zero bytes and halves of characters in them',
      async run(stand) {
        for (const word of WORSE) {
          const failure = { job: undefined, message: word };
          const id = await stand.make([{ id: 'j', index: 0, stage: 0, event: 'e', payload: '1', key: word }], {
            failure,
          });
          await stand.apply(step(id, ending('failed', { error: word }), { jobId: 'j' }));
          const { error, key } = await jobOf(stand.store, id, 0);
          assert.deepEqual([error, key, (await stand.get(id)).failure?.message], [word, word, word]);
        }
      },
    },
  ],
};

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SqliteStore } from '../../../src/batch/stores/sqlite/sqlite-store.js';
import type { Change, Step, View } from '../../../src/contracts/batch-store.js';
import { history, replay, RUNS } from './history.js';
import { play, type Spoil } from './play.js';

const store = new SqliteStore({ path: ':memory:' });
beforeAll(() => store.open());
afterAll(() => store.close());

test(`${RUNS} random histories end as the naive batch says, announcing the same in the same order`, async () => {
  await fc.assert(
    fc.asyncProperty(history, (one) => play(store, one)),
    { ...replay(), numRuns: RUNS },
  );
}, 300_000);

/** Each is a mistake that somebody in this field has made. */
const MISTAKES: Readonly<Record<string, Spoil>> = {
  'a job that is delivered again counts again': before((view) => {
    const { job } = view;
    const forgotten = job?.state === 'succeeded' || job?.state === 'failed';
    return forgotten ? { ...view, job: { ...job, state: 'running' } } : view;
  }),
  'the end forgets what is queued': after((change) => ({
    ...change,
    moves: change.moves?.map((move) => (move.to === 'skipped' ? { ...move, from: ['waiting'] } : move)) ?? [],
  })),
  'finally is forgotten when the batch has failed': after((change) => ({
    ...change,
    outbox:
      change.outbox?.filter(
        (out) => out.kind !== 'event' || out.lifecycle !== 'finally' || change.batch?.status !== 'failed',
      ) ?? [],
  })),
  'a failure is caught each time': before((view) => ({ ...view, batch: { ...view.batch, fired: [] } })),
  'a cancelled batch waits for what is queued': after((change) => ({
    ...change,
    moves: change.moves?.map((move) => (move.to === 'cancelled' ? { ...move, from: ['waiting'] } : move)) ?? [],
  })),
  'a count is off by one after a failure': after((change) => {
    if (change.job?.state !== 'failed' || !change.batch) return change;
    const { counts } = change.batch;
    return { ...change, batch: { ...change.batch, counts: { ...counts, failed: counts.failed + 1 } } };
  }),
};

describe('a planted mistake is found:', () => {
  test.each(Object.entries(MISTAKES))(
    '%s',
    async (_, spoil) => {
      const details = await fc.check(
        fc.asyncProperty(history, (one) => play(store, one, spoil)),
        { ...replay(), numRuns: 2000 },
      );
      expect(details.failed).toBe(true);
    },
    60_000,
  );
});

function before(spoilt: (view: View) => View): Spoil {
  return (step: Step) => ({
    ...step,
    transition: (view) => step.transition(spoilt({ batch: view.batch, job: view.job, next: view.next })),
  });
}

function after(spoilt: (change: Change) => Change): Spoil {
  return (step: Step) => ({ ...step, transition: (view) => spoilt(step.transition(view)) });
}

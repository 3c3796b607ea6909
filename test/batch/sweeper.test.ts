import { expect, test } from 'vitest';
import { Sweeper } from '../../src/batch/sweeper.js';

/** How long after the first round the second comes, ms. */
async function pauseAfter(used: boolean): Promise<number> {
  const pauses: number[] = [];
  let round: () => void = () => undefined;
  const secondIsSet = new Promise<void>((resolve) => {
    const after = (ms: number, fn: () => void) => {
      round = fn;
      if (pauses.push(ms) === 2) resolve();
      return () => undefined;
    };
    const sweeper = new Sweeper({
      batches: () => Promise.resolve({ store: { overdue: async () => [] } } as never),
      used: async () => used,
      clock: { now: () => 0, after },
      logger: { warn: (_: object, text: string) => expect.unreachable(text) } as never,
      stalledAfterMs: 1000,
      keepMs: undefined,
    });
    sweeper.start();
    round();
  });
  await secondIsSet;
  return pauses[1] ?? 0;
}

// What crashes leave behind is made good within 25 s: after a lease of 15 s, or the first look at a store that was unused.
test('batches are looked after every five seconds, and where none was ever made there is no hurry', async () => {
  expect(await pauseAfter(true)).toBeLessThanOrEqual(6250);
  const unused = await pauseAfter(false);
  expect(unused).toBeGreaterThan(10_000);
  expect(unused).toBeLessThan(19_000);
});

import { expect, test } from 'vitest';
import type { Delivery } from '../../src/contracts/delivery.js';
import type { Consumer } from '../../src/contracts/transport.js';
import { Lane, type LaneParts } from '../../src/worker/lane.js';

/** A lane that is given ten deliveries at once; each runs until it is ended. */
function setUp(more: Partial<LaneParts> = {}) {
  const released: number[] = [];
  const asked: number[] = [];
  const running = new Map<number, () => void>();
  const started: number[] = [];
  const batch = Array.from({ length: 10 }, (_, n) => ({ n, release: async () => released.push(n) }));
  const batches = [batch];
  const consumer = {
    async next(max: number, { signal }: { signal: AbortSignal }) {
      asked.push(max);
      const next = batches.shift();
      if (next) return next as unknown as Delivery[];
      if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      return [];
    },
  } as unknown as Consumer;
  const lane = new Lane({
    consumer,
    lookMs: 200,
    concurrency: 3,
    prefetch: 100,
    parked: () => 0,
    admit: (count) => count,
    execute: (delivery) => {
      const { n } = delivery as unknown as { n: number };
      started.push(n);
      return new Promise((resolve) => running.set(n, resolve));
    },
    onReceived: () => undefined,
    onEmpty: () => undefined,
    ...more,
  });
  const end = async (n: number) => {
    running.get(n)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { lane, asked, started, released, end };
}

async function start({ lane, started }: ReturnType<typeof setUp>, count: number): Promise<void> {
  lane.start((error) => {
    throw error;
  });
  await expect.poll(() => started.length).toBe(count);
}

test('no more run at once than may, in the order they came; the next starts when one has ended', async () => {
  const all = setUp();
  await start(all, 3);
  expect(all.started).toEqual([0, 1, 2]);
  expect(all.lane.held).toBe(10);
  await all.end(1);
  expect(all.started).toEqual([0, 1, 2, 3]);
  expect(all.lane.held).toBe(9);
});

test('it asks for half of what it may hold, so that one half is on its way while the other runs', async () => {
  // With those that wait for their own limit it may hold a hundred.
  const all = setUp({ parked: () => 97 });
  await start(all, 10);
  expect(all.asked).toEqual([50, 50]);
});

test('it asks for more while one more could run, however much is held already', async () => {
  const all = setUp({ concurrency: 12 });
  await start(all, 10);
  await expect.poll(() => all.asked).toEqual([12, 2]);
});

test('with every slot taken before slow listeners it asks for nothing; for one when one is done', async () => {
  const all = setUp({ concurrency: 10 });
  await start(all, 10);
  expect(all.asked).toEqual([10]);
  await all.end(3);
  await expect.poll(() => all.asked).toEqual([10, 1]);
});

test('it asks for as many as may run at once, where that is more than half', async () => {
  const all = setUp({ concurrency: 8, prefetch: 12, parked: () => 4 });
  await start(all, 10);
  expect(all.asked[0]).toBe(8);
});

test('those that wait for the limit of their own listener are no reason to hold back the others', async () => {
  const all = setUp({ parked: () => 2 });
  await start(all, 5);
});

test('what is not admitted is handed back; once stopped, what waits is started to be handed back as well', async () => {
  const all = setUp({ admit: () => 8 });
  await start(all, 3);
  expect(all.released).toEqual([8, 9]);
  await all.lane.stop();
  expect(all.started).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  const idle = all.lane.idle();
  for (const n of all.started) await all.end(n);
  await idle;
  expect(all.lane.held).toBe(0);
});

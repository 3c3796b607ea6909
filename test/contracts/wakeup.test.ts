import { beforeEach, expect, test, vi } from 'vitest';
import { Wakeup } from '../../src/contracts/wakeup.js';

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

/** A wait, and whether it has ended. */
function begin(wakeup: Wakeup, ms: number, signal?: AbortSignal) {
  const wait = { over: false };
  void wakeup.wait(ms, signal).then(() => (wait.over = true));
  return wait;
}

test('a wait ends when it is woken, when its time is up, or when its signal aborts', async () => {
  const wakeup = new Wakeup();
  const woken = begin(wakeup, 1000);
  wakeup.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(woken.over).toBe(true);
  const timed = begin(wakeup, 1000);
  await vi.advanceTimersByTimeAsync(999);
  expect(timed.over).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(timed.over).toBe(true);
  const stop = new AbortController();
  const aborted = begin(wakeup, 1000, stop.signal);
  stop.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect(aborted.over).toBe(true);
  expect(vi.getTimerCount(), 'timers left behind').toBe(0);
});

test.each(['time', 'signal'])('a wait that ends late, by its %s, does not deafen the next one', async (by) => {
  const wakeup = new Wakeup();
  const stop = new AbortController();
  const late = begin(wakeup, 100, stop.signal);
  const next = begin(wakeup, 1000);
  if (by === 'signal') stop.abort();
  await vi.advanceTimersByTimeAsync(100);
  expect([late.over, next.over]).toEqual([true, false]);
  wakeup.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(next.over).toBe(true);
});

import { expect, test } from 'vitest';
import { Slots } from '../../src/worker/slots.js';

test('so many at once, first come first served', async () => {
  const slots = new Slots(2);
  expect([slots.acquire(), slots.acquire()]).toEqual([true, true]);
  const order: number[] = [];
  const third = Promise.resolve(slots.acquire()).then(() => order.push(3));
  const fourth = Promise.resolve(slots.acquire()).then(() => order.push(4));
  slots.release();
  await third;
  slots.release();
  await fourth;
  expect(order).toEqual([3, 4]);
  expect(slots.running).toBe(2);
});

test('an exclusive one waits for all, and lets nobody in beside it or past it', async () => {
  const slots = new Slots(3);
  expect(slots.acquire()).toBe(true);
  let alone = false;
  const exclusive = Promise.resolve(slots.acquire(true)).then(() => {
    alone = true;
  });
  let late = false;
  const after = Promise.resolve(slots.acquire()).then(() => {
    late = true;
  });
  await new Promise(setImmediate);
  expect([alone, late]).toEqual([false, false]);
  slots.release();
  await exclusive;
  expect([slots.running, late]).toEqual([1, false]);
  slots.release();
  await after;
  expect(slots.running).toBe(1);
});

test('stopped: who waits is told, who runs runs on', async () => {
  const slots = new Slots(1);
  expect(slots.acquire()).toBe(true);
  const waiting = slots.acquire();
  slots.stop();
  expect(await waiting).toBe(false);
  expect(slots.acquire()).toBe(false);
  expect(slots.running).toBe(1);
});

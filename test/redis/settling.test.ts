import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { RedisConnection } from '../../src/redis/redis-connection.js';
import type { RedisDelivery } from '../../src/redis/redis-delivery.js';
import { Settling } from '../../src/redis/redis-settling.js';

/** What leaves, in order; rounds by what is in them. Rounds and claims are answered when the test says so. */
function setUp() {
  const left: string[] = [];
  const answers: (() => void)[] = [];
  const answered = () => new Promise<void>((resolve) => answers.push(resolve));
  const settling = new Settling({
    connection: { together: (send: () => unknown) => send() } as RedisConnection,
    prepare: (deliveries) => ({
      write: async () => {
        left.push((deliveries as unknown as string[]).join());
        await answered();
        return [];
      },
    }),
    onWritten: () => undefined,
    onNotice: () => undefined,
  });
  const add = (name: string) => settling.add(name as unknown as RedisDelivery);
  const claim = () =>
    settling.along(async () => {
      left.push('claim');
      await answered();
    });
  const answer = async () => {
    answers.shift()?.();
    await turn();
  };
  return { settling, left, add, claim, answer };
}

test('what is settled in one turn of the event loop leaves at its end, in one round and one promise', async () => {
  const { left, add, answer } = setUp();
  const first = add('a');
  await Promise.resolve();
  expect(add('b')).toBe(first);
  expect(left).toEqual([]);
  await turn();
  expect(left).toEqual(['a,b']);
  await answer();
  await first;
});

test('a claim takes along what is settled; what is settled meanwhile goes with the next one', async () => {
  const { left, add, claim, answer } = setUp();
  void add('a');
  const claimed = claim();
  expect(left, 'in one breath').toEqual(['a', 'claim']);
  void add('b');
  await answer();
  expect(left, 'the claim is not answered').toEqual(['a', 'claim']);
  const next = claimed.then(() => {
    void add('c');
    return claim();
  });
  await answer();
  expect(left).toEqual(['a', 'claim', 'b,c', 'claim']);
  await answer();
  await answer();
  await next;
});

test('without a next claim it leaves in the turn in which the last one was answered', async () => {
  const { left, add, claim, answer } = setUp();
  const claimed = claim();
  const written = add('a');
  await turn();
  expect(left).toEqual(['claim']);
  await answer();
  expect(left).toEqual(['claim', 'a']);
  await answer();
  await Promise.all([claimed, written]);
});

test('one round at a time: what is settled while one is written is the next', async () => {
  const { left, add, claim, answer } = setUp();
  const first = add('a');
  await turn();
  const second = add('b');
  const claimed = claim();
  expect(left).toEqual(['a', 'claim']);
  await answer();
  await first;
  await answer();
  await claimed;
  expect(left).toEqual(['a', 'claim', 'b']);
  await answer();
  await second;
});

test('a flush does not wait for the end of the turn, nor for a claim', async () => {
  const { settling, left, add, claim, answer } = setUp();
  const claimed = claim();
  void add('a');
  const flushed = settling.flush();
  expect(left).toEqual(['claim', 'a']);
  await answer();
  await answer();
  await Promise.all([claimed, flushed]);
  await settling.flush();
});

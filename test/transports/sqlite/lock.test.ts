import { expect, test } from 'vitest';
import type { TransportNotice } from '../../../src/contracts/transport.js';
import { expectNothing, message, numbered, receive, textsOf, until } from '../../../src/testing/conformance/receive.js';
import { consume, newPath, openTransport, raw } from './file.js';

/** Whoever waits inside SQLite stands still for a second and more: heartbeats, signals and sockets wait as long. */
const STANDSTILL_MS = 500;
/** Shorter than the lock is held, longer than a busy machine stands still. */
const LEASE_MS = 2000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Lets so much time pass in short steps. @returns how long most of them took, ms: whoever waits inside SQLite does so again and
 * again, a machine that is busy with others takes long for some of them
 */
async function steps(ms: number): Promise<number> {
  const took: number[] = [];
  const end = performance.now() + ms;
  while (performance.now() < end || took.length < 5) {
    const from = performance.now();
    await pause(10);
    took.push(performance.now() - from);
  }
  return took.sort((a, b) => a - b)[Math.floor(took.length / 2)] ?? Number.NaN;
}

test('a lock held for longer than a lease stops neither the event loop nor an ack', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const notices: TransportNotice[] = [];
  // The lease cannot be extended meanwhile, but nobody can take it either.
  const consumer = await consume(transport, { visibilityMs: LEASE_MS, onNotice: (notice) => notices.push(notice) });
  const other = await consume(await openTransport(path), {
    visibilityMs: LEASE_MS,
    onNotice: (notice) => notices.push(notice),
  });
  await transport.publish('events', numbered(10));
  const batch = await receive(consumer, 10);
  const foreign = await raw(path);
  foreign.exec('BEGIN IMMEDIATE');
  const acks = Promise.all(batch.slice(0, 5).map((delivery) => delivery.ack()));
  const publish = transport.publish('events', [message('meanwhile')]);
  const waiting = other.next(1, { waitMs: 200 });
  expect(await steps(LEASE_MS + 500)).toBeLessThan(STANDSTILL_MS);
  foreign.exec('COMMIT');
  await Promise.all([acks, publish]);
  expect(textsOf(await waiting).length).toBeLessThanOrEqual(1);
  await Promise.all(batch.slice(5).map((delivery) => delivery.ack()));
  await other.close();
  const third = await consume(transport);
  expect(textsOf(await receive(third, 1))).toEqual(['meanwhile']);
  await expectNothing(third, LEASE_MS + 500);
  expect(notices.filter(({ kind }) => kind === 'lease_lost')).toEqual([]);
});

test('a publish does not wait for ever, and says why; the worker says so too, and goes on by itself', async () => {
  const path = await newPath();
  const transport = await openTransport(path, { busyMs: 200 });
  const notices: TransportNotice[] = [];
  const consumer = await consume(transport, { onNotice: (notice) => notices.push(notice) });
  await transport.publish('events', numbered(2));
  const [one] = await receive(consumer, 1, 1);
  const foreign = await raw(path);
  foreign.exec('BEGIN IMMEDIATE');
  const from = performance.now();
  await expect(transport.publish('events', [message('x')])).rejects.toMatchObject({
    code: 'THRUN_TRANSPORT_BUSY',
    message: expect.stringContaining('200 ms'),
  });
  // Without being told it waits for ten seconds.
  expect(performance.now() - from).toBeLessThan(5000);
  const settled = one?.ack();
  const waiting = consumer.next(1);
  await until('it is said', () => notices.some(({ kind }) => kind === 'degraded'));
  await pause(400);
  expect(notices.filter(({ kind }) => kind === 'degraded')).toHaveLength(1);
  foreign.exec('COMMIT');
  await settled;
  expect(textsOf(await waiting)).toEqual(['1']);
});

test('looking and reading go on while somebody else writes', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  await consume(transport);
  await transport.publish('events', numbered(3));
  const foreign = await raw(path);
  foreign.exec('BEGIN IMMEDIATE');
  expect((await transport.queues.stats()).map(({ depth }) => depth)).toEqual([3]);
  expect(await transport.deadLetters.count({})).toBe(0);
  foreign.exec('COMMIT');
});

test('a file that exists is opened while somebody else writes, without waiting', async () => {
  const path = await newPath();
  await (await openTransport(path)).close();
  const foreign = await raw(path);
  foreign.exec('BEGIN IMMEDIATE');
  // The quickest tells: a busy machine may make any of them slow.
  const took: number[] = [];
  for (let i = 0; i < 3; i++) {
    const from = performance.now();
    await openTransport(path);
    took.push(performance.now() - from);
  }
  expect(Math.min(...took)).toBeLessThan(STANDSTILL_MS);
  foreign.exec('COMMIT');
});

test('closing does not wait for ever for a lock: what cannot be written is delivered again', async () => {
  const path = await newPath();
  const transport = await openTransport(path, { busyMs: 200 });
  const consumer = await consume(transport, { visibilityMs: 500 });
  await transport.publish('events', numbered(3));
  await receive(consumer, 3);
  const foreign = await raw(path);
  foreign.exec('BEGIN IMMEDIATE');
  await transport.close();
  foreign.exec('COMMIT');
  expect(await receive(await consume(await openTransport(path)), 3)).toHaveLength(3);
});

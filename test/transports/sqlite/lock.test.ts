import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import type { TransportNotice } from '../../../src/contracts/transport.js';
import { expectNothing, message, numbered, receive, textsOf, until } from '../../../src/testing/conformance/receive.js';
import { SqliteTransport } from '../../../src/transports/sqlite/sqlite-transport.js';
import { consume, newPath, openTransport, raw } from './file.js';

/**
 * Longest the event loop may stand still: heartbeats, signals and sockets wait as long. Whoever waits inside SQLite stands
 * still for a second and more; a machine that is busy with others takes some hundred.
 */
const LONGEST_BLOCK_MS = 500;

/** @returns how long the event loop stood still at most, ms */
async function longestBlock(work: () => Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await work();
  delay.disable();
  return delay.max / 1e6;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a lock held for a second stops neither the event loop nor an ack', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const notices: TransportNotice[] = [];
  // The lease is shorter than the lock is held: it cannot be extended meanwhile, but nobody can take it either.
  const consumer = await consume(transport, { visibilityMs: 500, onNotice: (notice) => notices.push(notice) });
  const other = await consume(await openTransport(path), {
    visibilityMs: 500,
    onNotice: (notice) => notices.push(notice),
  });
  await transport.publish('events', numbered(10));
  const batch = await receive(consumer, 10);
  const foreign = await raw(path);
  let acks: Promise<unknown> | undefined;
  let publish: Promise<unknown> | undefined;
  const blocked = await longestBlock(async () => {
    foreign.exec('BEGIN IMMEDIATE');
    acks = Promise.all(batch.slice(0, 5).map((delivery) => delivery.ack()));
    publish = transport.publish('events', [message('meanwhile')]);
    const waiting = other.next(1, { waitMs: 200 });
    await pause(1000);
    foreign.exec('COMMIT');
    await Promise.all([acks, publish]);
    expect(textsOf(await waiting).length).toBeLessThanOrEqual(1);
  });
  expect(blocked).toBeLessThan(LONGEST_BLOCK_MS);
  await Promise.all(batch.slice(5).map((delivery) => delivery.ack()));
  await other.close();
  const third = await consume(transport);
  expect(textsOf(await receive(third, 1))).toEqual(['meanwhile']);
  await expectNothing(third, 700);
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
  expect(performance.now() - from).toBeLessThan(1000);
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
  const transport = new SqliteTransport({ path });
  const blocked = await longestBlock(() => transport.open());
  expect(blocked).toBeLessThan(LONGEST_BLOCK_MS);
  foreign.exec('COMMIT');
  await transport.close();
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

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { TransportNotice } from '../../../src/contracts/transport.js';
import {
  ackAll,
  expectNothing,
  message,
  receive,
  retryOf,
  sorted,
  textsOf,
  until,
} from '../../../src/testing/conformance/receive.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import type { Database } from '../../../src/sqlite/driver.js';
import { consume, newPath, openTransport } from './file.js';

const opened: Database[] = [];
vi.mock('../../../src/sqlite/driver.js', async (original) => {
  const driver = await original<typeof import('../../../src/sqlite/driver.js')>();
  return {
    ...driver,
    async openDatabase(path: string) {
      const database = await driver.openDatabase(path);
      opened.push(database);
      return database;
    },
  };
});

const KIBIBYTE = 'x'.repeat(1024);

/** Publishes until it is refused. @returns what was confirmed */
async function fill(publish: (text: string) => Promise<void>): Promise<string[]> {
  const confirmed: string[] = [];
  for (let i = 0; i < 100_000; i++) {
    try {
      await publish(`${i} ${KIBIBYTE}`);
      confirmed.push(String(i));
    } catch (error) {
      expect(error).toMatchObject({
        code: 'THRUN_TRANSPORT_UNAVAILABLE',
        message: expect.stringMatching(/thrun\.db: .*full/),
      });
      return confirmed;
    }
  }
  throw new Error('the disk was not filled');
}

const numbersOf = (texts: readonly string[]) => texts.map((text) => text.split(' ')[0] ?? '');

test('a file that may not grow: publishes are refused, workers go on draining, then publishes go on too', async () => {
  // Power is not lost here: hundreds of publishes need not wait for the disk one by one.
  const transport = await openTransport(await newPath(), { durability: 'normal' });
  const database = opened.at(-1);
  const consumer = await consume(transport);
  database?.exec('PRAGMA max_page_count = 300');
  const confirmed = await fill((text) => transport.publish('events', [message(text)]));
  expect(confirmed.length).toBeGreaterThan(50);
  await expect(transport.publish('events', [message('all', {}), message(KIBIBYTE.repeat(100))])).rejects.toThrow(
    'full',
  );

  database?.exec('PRAGMA max_page_count = 310');
  const received: string[] = [];
  while (received.length < confirmed.length) {
    const batch = await receive(consumer, Math.min(20, confirmed.length - received.length), 20);
    received.push(...numbersOf(textsOf(batch)));
    await ackAll(batch);
  }
  expect(received).toEqual(confirmed);
  // What was refused is not there.
  await expectNothing(consumer);
  await until('there is room again', () =>
    transport.publish('events', [message('again')]).then(
      () => true,
      () => false,
    ),
  );
  expect(textsOf(await receive(consumer, 1))).toEqual(['again']);
});

test('settlements that find no room: it is said once, and they are written when there is some', async () => {
  const clock = new VirtualClock();
  const transport = await openTransport(await newPath(), {}, clock);
  const database = opened.at(-1);
  const notices: TransportNotice[] = [];
  const consumer = await consume(transport, { visibilityMs: 600, onNotice: (notice) => notices.push(notice) });
  await transport.publish(
    'events',
    Array.from({ length: 20 }, (_, i) => message(`${i} ${KIBIBYTE}`)),
  );
  const batch = await receive(consumer, 20);
  // As large as it is now, and no larger.
  database?.exec('PRAGMA max_page_count = 1');
  const settled = Promise.all(
    batch.map((delivery) => delivery.handOver(['a', 'b', 'c'].map((target) => retryOf(delivery, { target })))),
  );
  await until('it is said', () => notices.length > 0);
  // Longer than the lease: it is extended all the same, since that needs no room.
  const other = await consume(transport);
  await clock.advance(1500);
  expect(textsOf(await other.next(10, { waitMs: 0 }))).toEqual([]);
  expect(notices.filter(({ kind }) => kind === 'degraded')).toHaveLength(1);
  database?.exec('PRAGMA max_page_count = 1000000');
  await settled;
  const shares = await receive(consumer, 60);
  expect(new Set(shares.map((one) => `${numbersOf(textsOf([one]))[0]} ${one.target} ${one.attempt}`)).size).toBe(60);
  expect(notices.map(({ kind }) => kind)).not.toContain('lease_lost');
});

const [MOUNT, UNMOUNT] = ['mount', 'umount'] as const;

/** @returns why not */
function mount(folder: string): string | undefined {
  try {
    execFileSync(MOUNT, ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder], { stdio: 'pipe' });
    onTestFinished(() => void execFileSync(UNMOUNT, ['-l', folder]));
    return undefined;
  } catch (error) {
    return `nothing can be mounted here: ${(error as Error).message.trim()}`;
  }
}

describe('a full disk', () => {
  test('publishes are refused, workers wait, and all of it goes on when there is room', async ({ skip }) => {
    const folder = dirname(await newPath());
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const obstacle = mount(disk);
    if (obstacle !== undefined) return skip(obstacle);
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(1.5 * 2 ** 20));
    const notices: TransportNotice[] = [];
    const transport = await openTransport(join(disk, 'thrun.db'));
    const consumer = await consume(transport, { visibilityMs: 3000, onNotice: (notice) => notices.push(notice) });
    await transport.publish('events', [message('held')]);
    const [held] = await receive(consumer, 1);
    const confirmed = await fill((text) => transport.publish('events', [message(text)]));

    const waiting = consumer.next(1000);
    const settled = held?.ack();
    await until('it is said', () => notices.length > 0);
    rmSync(ballast);
    await settled;
    const received = [...(await waiting)];
    await transport.publish('events', [message('again')]);
    received.push(...(await receive(consumer, confirmed.length + 1 - received.length)));
    expect(sorted(numbersOf(textsOf(received)))).toEqual(sorted([...confirmed, 'again']));
    expect(received.every(({ attempt }) => attempt === 1)).toBe(true);
    expect(notices.filter(({ kind }) => kind === 'lease_lost')).toEqual([]);
    await ackAll(received);
    await transport.close();
  });
});

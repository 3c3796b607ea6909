import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Consumer, TransportNotice } from '../../src/contracts/transport.js';
import { message, numbered, receive, retryOf, sorted, textOf, textsOf } from '../../src/testing/conformance/receive.js';
import { type Database, openDatabase } from '../../src/sqlite/driver.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { SqliteTransport } from '../../src/transports/sqlite/sqlite-transport.js';
import { until } from './receiving.js';

// A trigger set from outside makes statements fail inside a transaction, as a full disk does: everything of it is undone.

let folder: string;
let clock: VirtualClock;
let transport: SqliteTransport;
let vandal: Database;
let notices: TransportNotice[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thrun-rollback-'));
  clock = new VirtualClock();
  transport = new SqliteTransport({ path: join(folder, 'thrun.db') }, clock);
  await transport.open();
  vandal = await openDatabase(join(folder, 'thrun.db'));
  vandal.exec('PRAGMA busy_timeout = 5000');
  notices = [];
});

afterEach(async () => {
  vandal.close();
  await transport.close();
  await rm(folder, { recursive: true, force: true });
});

function refuse(table: string, condition = '1'): void {
  vandal.exec(
    `CREATE TRIGGER vandal BEFORE INSERT ON ${table} WHEN ${condition} BEGIN SELECT RAISE(ABORT, 'no room'); END`,
  );
}

function mend(): void {
  vandal.exec('DROP TRIGGER vandal');
}

const VISIBILITY_MS = 900;

function consume(): Promise<Consumer> {
  const onNotice = (notice: TransportNotice) => void notices.push(notice);
  return transport.consume({ queue: 'events', group: 'workers', visibilityMs: VISIBILITY_MS, onNotice });
}

const kinds = () => notices.map(({ kind }) => kind);

describe('what was undone is done again, whole', () => {
  test('settlements of every kind in one transaction, while leases go on being extended', async () => {
    const consumer = await consume();
    await transport.publish('events', numbered(12));
    const batch = await receive(consumer, 12);
    refuse('dead');
    const settled = Promise.all(
      batch.slice(0, 10).map((delivery, i) => {
        if (i < 3) return delivery.ack();
        if (i < 5) return delivery.release();
        if (i < 8) return delivery.handOver([retryOf(delivery, { target: 'a' }), retryOf(delivery, { target: 'b' })]);
        return delivery.handOver([
          {
            kind: 'dead',
            target: undefined,
            reason: 'gave_up',
            error: '',
            attempts: 1,
            event: undefined,
            eventId: undefined,
          },
        ]);
      }),
    );
    await until(() => expect(kinds()).toContain('degraded'));
    const other = await consume();
    // Longer than any lease: nothing of it may be given to another meanwhile.
    await clock.advance(VISIBILITY_MS * 3);
    expect(textsOf(await other.next(100, { waitMs: 0 }))).toEqual([]);
    mend();
    await settled;
    const again = await receive(other, 8);
    expect(again.map((one) => `${textOf(one)} ${one.target} ${one.attempt}`).sort()).toEqual(
      ['3 undefined 1', '4 undefined 1', ...['5', '6', '7'].flatMap((text) => [`${text} a 2`, `${text} b 2`])].sort(),
    );
    expect(await transport.deadLetters.count({})).toBe(2);
    expect(kinds()).not.toContain('lease_lost');
    await consumer.close();
    expect(sorted(textsOf(await receive(other, 2)))).toEqual(['10', '11']);
  });

  test('a claim: the messages stay where they were, and their attempts too', async () => {
    const consumer = await consume();
    await transport.publish('events', numbered(5));
    refuse('lease');
    const failed = consumer.next(5).catch((error: Error) => error.message);
    const reported = until(() => expect(kinds()).toContain('disconnected')).catch(() => undefined);
    // It may give up or wait for better times, but not keep silent.
    await Promise.race([failed, reported]);
    mend();
    const outcome = await failed;
    if (typeof outcome === 'string') expect(outcome).toContain('no room');
    const batch = typeof outcome === 'string' ? await receive(consumer, 5) : outcome;
    expect(textsOf(batch)).toEqual(['0', '1', '2', '3', '4']);
    expect(batch.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1]);
  });

  test('a heartbeat: what is held stays held', async () => {
    const consumer = await consume();
    await transport.publish('events', numbered(5));
    const batch = await receive(consumer, 5);
    refuse('parcel');
    await clock.advance(VISIBILITY_MS / 3);
    expect(kinds()).toEqual(['degraded']);
    mend();
    // The next heartbeat is in time.
    await clock.advance(VISIBILITY_MS - 1);
    const other = await consume();
    expect(textsOf(await other.next(10, { waitMs: 0 }))).toEqual([]);
    await Promise.all(batch.map((delivery) => delivery.ack()));
    expect(kinds()).not.toContain('lease_lost');
    expect((await transport.queues.stats()).map(({ depth, inFlight }) => depth + inFlight)).toEqual([0]);
  });
});

describe('one publish that fails', () => {
  test('is refused alone; those in its company are written', async () => {
    refuse('message', "NEW.body = CAST('poison' AS BLOB)");
    const publishing = Array.from({ length: 40 }, (_, i) =>
      transport.publish('events', [message(i === 17 ? 'poison' : String(i))]),
    );
    const results = await Promise.allSettled(publishing);
    expect(results.flatMap(({ status }, i) => (status === 'rejected' ? [i] : []))).toEqual([17]);
    const texts = textsOf(await receive(await consume(), 39));
    expect(texts).toEqual(Array.from({ length: 40 }, (_, i) => String(i)).filter((text) => text !== '17'));
  });

  test('is refused whole: none of its messages is left behind', async () => {
    refuse('message', "NEW.body = CAST('poison' AS BLOB)");
    await expect(transport.publish('events', [...numbered(10), message('poison'), ...numbered(10)])).rejects.toThrow();
    await transport.publish('events', [message('after')]);
    expect(textsOf(await receive(await consume(), 1))).toEqual(['after']);
    expect((await transport.queues.stats()).map(({ depth }) => depth)).toEqual([0]);
  });
});

import { copyFileSync, existsSync, truncateSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { TransportNotice } from '../../../src/contracts/transport.js';
import {
  expectNothing,
  message,
  receive,
  receiveOne,
  textOf,
  textsOf,
} from '../../../src/testing/conformance/receive.js';
import { seeded } from '../../support/random.js';
import { Child } from './child.js';
import { consume, newPath, openTransport, raw } from './file.js';

const KILLS = 100;
const LANES = 4;
/** Nobody lives for so long, even on a machine that stands still for seconds. */
const VISIBILITY_MS = 6000;

/** Publishes and consumes as fast as it can, and says what has happened. What ends in 3 it hands on and on, never acks. */
const BUSY = `
  const transport = new SqliteTransport({ path });
  const onNotice = ({ kind, id }) => say(kind, id);
  const consumer = await transport.consume({ queue: 'events', group: 'workers', visibilityMs: ${VISIBILITY_MS}, onNotice });
  let n = 0;
  say('ready');
  const publish = async () => {
    for (;;) {
      const texts = Array.from({ length: 1 + (n % 7) }, () => args[0] + '-' + n++);
      await transport.publish('events', texts.map(message));
      say('published', ...texts);
    }
  };
  const work = async () => {
    for (;;) {
      for (const delivery of await consumer.next(10)) {
        const text = Buffer.from(delivery.body).toString();
        const { attempt: attempts, crashes } = delivery;
        say('received', text);
        if (!text.endsWith('3')) delivery.ack().then(() => say('acked', text));
        else void delivery.handOver([{ kind: 'postponed', target: 'again', delayMs: 5, attempts, crashes }]);
      }
    }
  };
  await Promise.all([publish(), publish(), work()]);
`;

test(`SIGKILL of a writer at ${KILLS} random points: the file is whole, nothing confirmed is lost, nothing acked comes again`, {
  timeout: 180_000,
}, async () => {
  const { seed, random } = seeded();
  const path = await newPath();
  await (await openTransport(path)).close();
  const said = {
    published: new Set<string>(),
    received: new Set<string>(),
    acked: new Set<string>(),
    lease_lost: new Set<string>(),
  };
  const twice: string[] = [];

  const lane = async (first: number) => {
    for (let n = first; n < KILLS; n += LANES) {
      const child = new Child(BUSY, [path, String(n)]);
      expect(await child.said()).toBe('ready');
      await sleep(random() * 80);
      child.kill();
      await child.exit;
      for (const line of child.lines) {
        const [what = '', ...texts] = line.split(' ');
        const set = said[what as keyof typeof said] as Set<string> | undefined;
        for (const text of texts) {
          if (what === 'acked' && set?.has(text)) twice.push(text);
          set?.add(text);
        }
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, first) => lane(first)));

  expect((await raw(path)).prepare('PRAGMA integrity_check').all(), `seed ${seed}`).toEqual([
    { integrity_check: 'ok' },
  ]);
  const consumer = await consume(await openTransport(path));
  const left = new Set<string>();
  // The dead keep what they held until their leases run out.
  for (;;) {
    const batch = await consumer.next(1000, { waitMs: VISIBILITY_MS + 1000 });
    if (batch.length === 0) break;
    for (const delivery of batch) left.add(textOf(delivery));
    await Promise.all(batch.map((delivery) => delivery.ack()));
  }

  const { published, received, acked, lease_lost } = said;
  const because = `seed ${seed}, ${published.size} published`;
  expect(published.size).toBeGreaterThan(KILLS);
  expect(
    [...published].filter((text) => !received.has(text) && !left.has(text)),
    because,
  ).toEqual([]);
  expect(
    [...published].filter((text) => text.endsWith('3') && !left.has(text)),
    because,
  ).toEqual([]);
  expect([...twice, ...[...acked].filter((text) => left.has(text))], because).toEqual([]);
  expect([...lease_lost], 'nobody lived long enough to lose a lease').toEqual([]);
});

/**
 * Holds what it receives until it is told to ack it. It stops itself: a signal from outside may come while a heartbeat is
 * being written, and whoever stands still with the file's lock in hand keeps everybody out.
 */
const HOLDER = `
  const transport = new SqliteTransport({ path });
  const onNotice = ({ kind }) => say(kind);
  const consumer = await transport.consume({ queue: 'events', group: 'workers', visibilityMs: 2000, onNotice });
  const [delivery] = await consumer.next(1);
  say('received');
  await told();
  say('stopping');
  process.kill(process.pid, 'SIGSTOP');
  await told();
  await delivery.ack();
  say('acked');
  await transport.close();
`;

test('a worker that is stopped for longer than its lease loses the message once, and its late ack is refused', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const holder = new Child(HOLDER, [path]);
  await transport.publish('events', [message('x')]);
  expect(await holder.said()).toBe('received');
  const other = await consume(transport);
  // Longer than a term, which is longer than a busy machine lets it stand still.
  await expectNothing(other, 3000);
  holder.tell('stop');
  expect(await holder.said()).toBe('stopping');
  const taken = await receiveOne(other);
  expect([taken.attempt, taken.crashes]).toEqual([2, 1]);
  holder.kill('SIGCONT');
  holder.tell('ack');
  await holder.exit;
  expect(holder.lines).toEqual(['received', 'stopping', 'lease_lost', 'acked']);
  await expectNothing(other, 600);
  await taken.ack();
  await expectNothing(other, 100);
});

test('a worker that is killed gives up what it held within its lease, not what it acked', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const holder = new Child(
    `const transport = new SqliteTransport({ path });
     const consumer = await transport.consume({ queue: 'events', group: 'workers', visibilityMs: 400, onNotice() {} });
     const batch = await consumer.next(10);
     await Promise.all(batch.slice(0, 5).map((delivery) => delivery.ack()));
     say('acked');
     await told();`,
    [path],
  );
  await transport.publish(
    'events',
    Array.from({ length: 10 }, (_, i) => message(String(i))),
  );
  expect(await holder.said()).toBe('acked');
  holder.kill();
  // It gives up after ten seconds; the leases of this one last thirty.
  const taken = await receive(await consume(transport), 5);
  expect(textsOf(taken)).toEqual(['5', '6', '7', '8', '9']);
  expect(taken.every(({ attempt, crashes }) => attempt === 2 && crashes === 1)).toBe(true);
});

test('the write-ahead log cut off at any byte: what is left is whole, and only the end is missing', async () => {
  const { seed, random } = seeded();
  const path = await newPath();
  const transport = await openTransport(path, { durability: 'normal' });
  for (let i = 0; i < 50; i++) await transport.publish('events', [message(String(i))]);
  for (let round = 0; round < 20; round++) {
    // As after a loss of power: the copy knows nothing of the other process's memory.
    const copy = await newPath();
    copyFileSync(path, copy);
    expect(existsSync(`${path}-wal`)).toBe(true);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    truncateSync(`${copy}-wal`, Math.floor(random() * 50_000));
    const database = await raw(copy);
    expect(database.prepare('PRAGMA integrity_check').all(), `seed ${seed}`).toEqual([{ integrity_check: 'ok' }]);
    database.close();
    const after = await openTransport(copy);
    const batch = await (await consume(after)).next(100, { waitMs: 0 });
    expect(textsOf(batch), `seed ${seed}`).toEqual(batch.map((_, i) => String(i)));
    await after.close();
  }
});

test('notices of a transport that closes do not come after it', async () => {
  const path = await newPath();
  const notices: TransportNotice[] = [];
  const transport = await openTransport(path);
  const consumer = await consume(transport, { visibilityMs: 100, onNotice: (notice) => notices.push(notice) });
  await transport.publish('events', [message('x')]);
  await receiveOne(consumer);
  await transport.close();
  // Nothing but time shows that nothing comes: the next heartbeats would have by then.
  await sleep(150);
  expect(notices).toEqual([]);
});

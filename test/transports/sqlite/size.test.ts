import { copyFileSync, existsSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ackAll, message, numbered, receive, receiveAndAck, until } from '../../../src/testing/conformance/receive.js';
import { consume, count, newPath, openTransport, raw } from './file.js';

const BODY = 'x'.repeat(240);

const sizeOf = (path: string) => (existsSync(path) ? statSync(path).size : 0);

test('the file shrinks again after 100,000 messages were handled, and the write-ahead log with it', async () => {
  const path = await newPath();
  const transport = await openTransport(path, { durability: 'normal' });
  const consumer = await consume(transport);
  for (let i = 0; i < 100; i++)
    await transport.publish(
      'events',
      Array.from({ length: 1000 }, () => message(BODY)),
    );
  const largest = sizeOf(path) + sizeOf(`${path}-wal`);
  expect(largest).toBeGreaterThan(20 * 2 ** 20);
  for (let i = 0; i < 100; i++) await ackAll(await receive(consumer, 1000));
  const database = await raw(path);
  expect(count(database, 'lease')).toBe(0);
  database.close();
  await until('the file has shrunk while the consumer had nothing to do', async () => {
    await consumer.next(1, { waitMs: 5 });
    return sizeOf(path) < 2.5 * 2 ** 20 && sizeOf(`${path}-wal`) < 2 ** 20;
  });
  await transport.publish('events', [message('it works on')]);
  expect(await receiveAndAck(consumer, 1)).toEqual(['it works on']);
});

test('one message that is held for long does not keep the log behind it', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const consumer = await consume(transport, { visibilityMs: 300 });
  await transport.publish('events', numbered(3000));
  const [held, ...others] = await receive(consumer, 10, 10);
  await ackAll(others);
  for (let i = 0; i < 10; i++) await ackAll(await receive(consumer, 299, 299));
  const database = await raw(path);
  await until('only the held one is left, followed by itself', async () => {
    await consumer.next(1, { waitMs: 20 });
    return count(database, 'message') === 0 && count(database, 'parcel') === 1;
  });
  expect(count(database, 'lease')).toBe(0);
  await held?.ack();
  expect(count(database, 'parcel')).toBe(0);
});

test('a group that is behind keeps the log until it has caught up', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const [quick, slow] = [await consume(transport), await consume(transport, { group: 'slow' })];
  await transport.publish('events', numbered(2000));
  await receiveAndAck(quick, 2000);
  await quick.next(1, { waitMs: 50 });
  const database = await raw(path);
  expect(count(database, 'message')).toBe(2000);
  await receiveAndAck(slow, 1500);
  await until('what both have handled is gone', async () => {
    await slow.flush();
    await quick.next(1, { waitMs: 20 });
    return count(database, 'message') <= 500;
  });
  await receiveAndAck(slow, 500);
  await until('all of it is gone', async () => {
    await slow.next(1, { waitMs: 20 });
    return count(database, 'message') === 0;
  });
});

test('what waits for a lagging reader is checkpointed once it has gone', async () => {
  const path = await newPath();
  const transport = await openTransport(path, { durability: 'normal' });
  const consumer = await consume(transport);
  const reader = await raw(path);
  await transport.publish('events', [message('x')]);
  reader.exec('BEGIN');
  count(reader, 'message');
  for (let i = 0; i < 20; i++) {
    await transport.publish(
      'events',
      Array.from({ length: 1000 }, () => message(BODY)),
    );
    await ackAll(await receive(consumer, 1000));
  }
  expect(sizeOf(`${path}-wal`)).toBeGreaterThan(4 * 2 ** 20);
  reader.exec('COMMIT');
  await until('the write-ahead log is short again', async () => {
    await ackAll(await consumer.next(100, { waitMs: 5 }));
    return sizeOf(`${path}-wal`) < 2 ** 20;
  });
});

test('closing leaves everything in the one file, for whoever copies or reads it', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  await transport.publish('events', numbered(100));
  await transport.close();
  const copy = await newPath();
  copyFileSync(path, copy);
  expect(await receiveAndAck(await consume(await openTransport(copy)), 100)).toHaveLength(100);
});

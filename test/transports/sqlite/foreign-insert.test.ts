import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { message, receive, receiveAndAck, textsOf } from '../../../src/testing/conformance/receive.js';
import { consume, count, newPath, openTransport, raw } from './file.js';

const INSERT = 'INSERT INTO publish (queue, envelope) VALUES (?, ?)';

test('a row inserted by another program is a message, byte for byte', async () => {
  const path = await newPath();
  const consumer = await consume(await openTransport(path));
  const foreign = await raw(path);
  const envelope = '{"event":"ünï", "payload": {"big": 12345678901234567890}}';
  const before = Date.now();
  foreign.prepare(INSERT).run('events', envelope);
  const [delivery] = await receive(consumer, 1);
  expect(textsOf(delivery ? [delivery] : [])).toEqual([envelope]);
  expect(delivery?.attempt).toBe(1);
  expect(delivery?.publishedAt).toBeGreaterThanOrEqual(before - 1);
  expect(delivery?.publishedAt).toBeLessThanOrEqual(Date.now());
});

test('the documented line for the sqlite3 command works', async () => {
  const path = await newPath();
  const consumer = await consume(await openTransport(path));
  const waiting = consumer.next(1);
  const sql = `INSERT INTO publish (queue, envelope) VALUES ('events', '{"event":"order_created","payload":{"order_id":123}}')`;
  execFileSync('sqlite3', [path, sql]);
  expect(textsOf(await waiting)).toEqual(['{"event":"order_created","payload":{"order_id":123}}']);
});

test('without a queue it goes to the default one; a new queue is made', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const foreign = await raw(path);
  foreign.exec(`INSERT INTO publish (envelope) VALUES ('default')`);
  foreign.exec(`INSERT INTO publish (queue, envelope) VALUES ('new-one', 'new')`);
  expect(await receiveAndAck(await consume(transport), 1)).toEqual(['default']);
  expect(await receiveAndAck(await consume(transport, { queue: 'new-one' }), 1)).toEqual(['new']);
});

test('many rows of one statement keep their order, between messages of our own', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const foreign = await raw(path);
  await transport.publish('events', [message('first')]);
  foreign.exec(`INSERT INTO publish (queue, envelope)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT 'events', i FROM n`);
  await transport.publish('events', [message('last')]);
  const texts = await receiveAndAck(await consume(transport), 502, 100);
  expect(texts).toEqual(['first', ...Array.from({ length: 500 }, (_, i) => String(i + 1)), 'last']);
});

test('ids are not used again after everything was handled and trimmed', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const consumer = await consume(transport);
  const foreign = await raw(path);
  const ids = new Set<string>();
  for (let round = 0; round < 5; round++) {
    foreign.prepare(INSERT).run('events', 'x');
    await transport.publish('events', [message('y')]);
    for (const delivery of await receive(consumer, 2)) {
      ids.add(delivery.id);
      await delivery.ack();
    }
    await transport.queues.purge('events');
  }
  expect(ids.size).toBe(10);
});

test('OR REPLACE and OR IGNORE do no harm', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const consumer = await consume(transport);
  const foreign = await raw(path);
  for (const or of ['REPLACE', 'IGNORE', 'FAIL']) {
    foreign.exec(`INSERT OR ${or} INTO publish (queue, envelope) VALUES ('events', '${or}')`);
    await transport.publish('events', [message(`after ${or}`)]);
  }
  expect(await receiveAndAck(consumer, 6)).toEqual([
    'REPLACE',
    'after REPLACE',
    'IGNORE',
    'after IGNORE',
    'FAIL',
    'after FAIL',
  ]);
  expect(count(foreign, 'queue')).toBe(1);
});

test('without an envelope it is refused, and nothing is written', async () => {
  const path = await newPath();
  await openTransport(path);
  const foreign = await raw(path);
  expect(() => foreign.exec(`INSERT INTO publish (queue, envelope) VALUES ('made for nothing', NULL)`)).toThrow(
    'envelope is missing',
  );
  expect([count(foreign, 'message'), count(foreign, 'queue')]).toEqual([0, 0]);
});

test.each(['', 'two words', 'line\n', 'a*', 'x'.repeat(256), 'é'.repeat(128)])(
  'a queue that nobody can consume from is refused: %j',
  async (queue) => {
    const path = await newPath();
    await openTransport(path);
    const foreign = await raw(path);
    expect(() => foreign.prepare(INSERT).run(queue, '{}')).toThrow('queue is no name');
    expect([count(foreign, 'message'), count(foreign, 'queue')]).toEqual([0, 0]);
    foreign.prepare(INSERT).run('é'.repeat(127), '{}');
    expect(count(foreign, 'message')).toBe(1);
  },
);

test('an empty envelope arrives as what it is: no bytes', async () => {
  const path = await newPath();
  const consumer = await consume(await openTransport(path));
  (await raw(path)).prepare(INSERT).run('events', '');
  const [delivery] = await receive(consumer, 1);
  expect(delivery?.body).toHaveLength(0);
});

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createThrun, type EventContext } from '../../../src/index.js';
import { bodyOf } from '../../../src/transports/redis-streams/redis-streams-entry.js';
import { shownIn } from '../../support/docs.js';
import { client, server } from './stage.js';

const ORDER = '{"event":"order_created","payload":{"order_id":12345678901234567890,"price":1.10}}';

async function worker(transport: 'redis-list' | 'redis-streams') {
  const redis = await server();
  const app = await createThrun({
    group: 'shop',
    transport,
    transports: { redis: { url: redis.url } },
    logLevel: 'silent',
  });
  onTestFinished(() => app.close());
  const received: { payload: unknown; meta: EventContext['meta'] }[] = [];
  app.subscribe('order_created', (payload, { meta }) => void received.push({ payload, meta }));
  await app.work();
  const cli = (...args: string[]) => promisify(execFile)('redis-cli', ['-p', String(redis.port), ...args]);
  /** The lines of the docs with this command. */
  const shown = async (command: string) => {
    const lines = shownIn('docs/redis.md', 'sh').join('').split('\n');
    for (const line of lines.filter((one) => one.startsWith(`redis-cli ${command}`)))
      await promisify(execFile)('sh', ['-c', line.replace('redis-cli', `redis-cli -p ${redis.port}`)]);
  };
  const letters = async () => (await (await app.transport()).deadLetters?.list({}, 10)) ?? [];
  return { redis, app, received, cli, shown, letters };
}

test('redis-cli LPUSH, as docs/redis.md shows it; what cannot be read is a dead letter', async () => {
  const { received, cli, shown, letters } = await worker('redis-list');
  await shown('LPUSH');
  await vi.waitFor(() => expect(received.map(({ payload }) => payload)).toEqual([{ order_id: 123 }]), 5000);
  expect(received[0]?.meta.event_id).toMatch(/^[0-9a-f-]{36}$/);
  await cli('LPUSH', 'events', 'no JSON', '{"event":"nobody_listens"}', ORDER);
  await vi.waitFor(
    async () => expect((await letters()).map(({ reason }) => reason)).toEqual(['invalid_json', 'no_listener']),
    5000,
  );
  expect(String((await letters())[0]?.body)).toBe('no JSON');
  expect(received.length).toBe(2);
});

test('redis-cli XADD, as docs/redis.md shows it; any single field, flat fields, and what is neither', async () => {
  const { received, cli, shown, letters } = await worker('redis-streams');
  await shown('XADD');
  await cli('XADD', 'events', '*', 'data', '{"event":"order_created","payload":{"order_id":2}}');
  await cli('XADD', 'events', '*', 'event', 'order_created', 'payload', '{"order_id":3}', 'meta', '{"source":"cli"}');
  await cli('XADD', 'events', '*', 'event', 'order_created');
  await vi.waitFor(() => expect(received.length).toBe(5), 5000);
  const ids = [123, 123, 2, 3].map((id) => ({ order_id: id }));
  expect(received.map(({ payload }) => payload)).toEqual([...ids, {}]);
  expect(received[3]?.meta.source).toBe('cli');
  expect(Math.abs(Date.parse(received[0]?.meta.timestamp ?? '') - Date.now())).toBeLessThan(60_000);
  await cli('XADD', 'events', '*', 'event', 'nobody_listens');
  await cli('XADD', 'events', '*', 'order', '1', 'price', '2');
  await cli('XADD', 'events', '*', 'event', 'order_created', 'payload', 'no JSON');
  await vi.waitFor(() => expect(received[5]?.payload).toBe('no JSON'), 5000);
  expect((await letters()).map(({ reason, body }) => [reason, String(body)])).toEqual([
    ['missing_event', '{"order":"1","price":"2"}'],
  ]);
});

test('a consumer of another program gets what thrun publishes', async () => {
  const { app, redis } = await worker('redis-streams');
  const other = client(redis.url);
  await other.xgroup('CREATE', 'events', 'foreign', '$', 'MKSTREAM');
  await app.event('order_created', { order_id: 7 });
  const reply = (await other.xreadgroup('GROUP', 'foreign', 'me', 'BLOCK', 2000, 'STREAMS', 'events', '>')) as [
    string,
    [string, string[]][],
  ][];
  const [field, text = ''] = reply[0]?.[1][0]?.[1] ?? [];
  expect([field, JSON.parse(text)]).toMatchObject(['envelope', { event: 'order_created', payload: { order_id: 7 } }]);
});

describe('the bytes of an entry', () => {
  const body = (...fields: (string | Buffer)[]) =>
    Buffer.from(bodyOf(fields.map((field) => Buffer.from(field as string))));

  test.each([
    [['anything', ORDER], ORDER],
    [['event', ORDER], ORDER],
    [['', ORDER], ORDER],
    [['envelope', ORDER, 'note', 'x'], ORDER],
    [['event', 'a', 'payload', '{"n":12345678901234567890}'], '{"event":"a","payload":{"n":12345678901234567890}}'],
    [['event', 'a"b', 'payload', '1.10', 'meta', '{}'], '{"event":"a\\"b","payload":1.10,"meta":{}}'],
    [['event', 'a'], '{"event":"a"}'],
    [['event', 'a', 'payload', '{'], '{"event":"a","payload":"{"}'],
    [['event', 'a', 'extra', '1'], '{"event":"a","extra":"1"}'],
    [['event', 'a', 'payload', '{"n":1e400}', 'extra', '1'], '{"event":"a","payload":{"n":1e400},"extra":"1"}'],
    [
      ['payload', 'text', 'event', 'a', 'meta', '{"event_id":"i"}'],
      '{"payload":"text","event":"a","meta":{"event_id":"i"}}',
    ],
    [['event', 'a', 'payload', '\u{feff}1'], '{"event":"a","payload":"\u{feff}1"}'],
    [['__proto__', '1', 'b', '2'], '{"__proto__":"1","b":"2"}'],
  ])('%j', (fields, expected) => {
    expect(String(body(...fields))).toBe(expected);
  });

  test('a single field is not looked into', () => {
    const bytes = Buffer.of(0xff, 0, 0xc3, 0x28);
    expect(body('data', bytes).equals(bytes)).toBe(true);
  });
});

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ownRedis } from './own-redis.js';
import { Shop } from './shop.js';

const { redis, client } = await ownRedis();
let shop: Shop;

beforeEach(() => {
  shop = new Shop({
    'thrun.config.json': JSON.stringify({ transports: { redis: { url: redis.url, timeout: '3s' } } }),
  });
});
afterEach(() => shop.dispose());

const FOREIGN = '{ "event" : "paid", "payload": {"id":12345678901234567890,"amount":1.10}, "x": [1e2] }';
const STREAM = ['--to-queue', 'stream'];

test('a list to a stream to a file: the bytes are the same at the end', async () => {
  const bodies = [FOREIGN, ...Array.from({ length: 1500 }, (_, i) => `{"event":"e${i}"}`)];
  await client.lpush('events', ...bodies);
  const first = ['bridge', '--from', 'redis-list', '--to', 'redis-streams', ...STREAM, '--stop-when-empty'];
  expect(await shop.json(first)).toMatchObject({ from: 'redis-list', to: 'redis-streams', moved: 1501, dead: 0 });
  expect(await client.llen('events')).toBe(0);
  const second = ['bridge', '--from', 'redis-streams', '--to', 'sqlite', '--queue', 'stream', '--to-queue', 'events'];
  const { code, stdout } = await shop.run([...second, '--stop-when-empty']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^Moved 1501, left out 0, 0 dead, in /) });
  expect(await shop.received()).toEqual(bodies);
});

test('what is delayed is held by where it is, and goes when it is due or to be held there', async () => {
  const at = new Date(Date.now() + 3_600_000).toISOString();
  await shop.json(['publish', 'later', '--delay', '1h']);
  await client.lpush('events', `{"event":"foreign","meta":{"deliver_at":"${at}"}}`);
  expect(await shop.json(['bridge', '--from', 'sqlite', '--to', 'redis-list', '--stop-when-empty'])).toMatchObject({
    moved: 0,
  });
  await shop.json(['bridge', '--from', 'redis-list', '--to', 'redis-streams', ...STREAM, '--stop-when-empty']);
  expect(await shop.json(['queues', '--transport', 'redis-streams'])).toMatchObject([
    { queue: 'stream', depth: 0, delayed: 1 },
  ]);
});

test('between two files, each named by its path', async () => {
  await shop.json(['publish', 'a']);
  expect(await shop.json(['bridge', '--from', 'sqlite', '--to', 'sqlite:new.db', '--stop-when-empty'])).toMatchObject({
    moved: 1,
  });
  expect(await shop.json(['queues'], { env: { THRUN_SQLITE_PATH: 'new.db' } })).toMatchObject([
    { queue: 'events', depth: 1 },
  ]);
});

test('what cannot be read stays, and where is said', async () => {
  await shop.deliver('not json');
  const { code, stderr } = await shop.run(['bridge', '--from', 'sqlite', '--to', 'sqlite:new.db', '--stop-when-empty']);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringContaining('1 cannot be read: dead letters on sqlite, group bridge-sqlite.'),
  });
  expect(await shop.json(['failed', 'list'])).toMatchObject([{ group: 'bridge-sqlite', reason: 'invalid_json' }]);
});

test('--only: the others are left to those they are for; from a list it is refused', async () => {
  await shop.json(['publish', 'payment.done']);
  await shop.json(['publish', 'order']);
  const only = ['bridge', '--from', 'sqlite', '--to', 'redis-list', '--only', 'payment.*', '--stop-when-empty'];
  expect(await shop.json(only)).toMatchObject({ moved: 1, skipped: 1 });
  expect(await client.llen('events')).toBe(1);
  const refused = await shop.run(['bridge', '--from', 'redis-list', '--to', 'sqlite', '--only', 'payment.*']);
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('redis-list gives each event to one consumer'),
  });
  expect(await client.llen('events')).toBe(1);
});

test.each([
  ['the same transport', ['--from', 'sqlite', '--to', 'sqlite'], 'are the same transport'],
  ['the same file', ['--from', 'sqlite:.thrun/thrun.db', '--to', 'sqlite'], 'are the same transport'],
  ['one that is none', ['--from', 'redis', '--to', 'sqlite'], '--from: expected "sqlite"'],
  ['one without a place', ['--from', 'memory:x', '--to', 'sqlite'], 'has no file or server'],
  ['a file that is not there', ['--from', 'sqlite:slip.db', '--to', 'sqlite'], 'sqlite:slip.db: there is no such file'],
  ['one that lives here alone', ['--from', 'sqlite', '--to', 'memory'], 'memory lives in this process alone'],
  ['no other side', ['--from', 'sqlite'], "Required option '--to"],
])('%s is refused', async (_, flags, said) => {
  expect(await shop.run(['bridge', ...flags])).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
});

describe('with the other side away', () => {
  test('keeps what it holds, says so without secrets, and goes on when it is back', async () => {
    const running = shop.start(['bridge', '--from', 'sqlite', '--to', 'redis-list']);
    await running.says('thrun bridge: sqlite → redis-list · group bridge-redis-list · queues events');
    await shop.json(['publish', 'before']);
    await vi.waitFor(async () => expect(await client.llen('events')).toBe(1), 30_000);
    await redis.kill();
    await shop.json(['publish', 'during']);
    await running.says('redis-list does not take them for events');
    await redis.start();
    await vi.waitFor(async () => expect(await client.llen('events')).toBe(2), 30_000);
    running.kill('SIGTERM');
    const { code, stdout } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('Moved 2,') });
    expect(await shop.json(['queues'])).toMatchObject([{ group: 'bridge-redis-list', depth: 0, in_flight: 0 }]);
  });
});

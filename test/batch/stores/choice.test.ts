import { expect, test } from 'vitest';
import { thrunFrom } from '../../../src/app.js';
import { loadStore } from '../../../src/batch/stores/index.js';
import { BATCH_STORES } from '../../../src/config/options.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import { MemoryStore } from '../../../src/transports/memory/memory-store.js';
import { MemoryTransport } from '../../../src/transports/memory/memory-transport.js';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

function batches(config: object, env: Record<string, string> = {}) {
  return resolveConfig(config, { env }).batches;
}

test('batches are kept where the messages are, if that is a place for them', () => {
  const storeOf = (transport: unknown) => batches({ transport }).store;
  expect(batches({}).store).toBe('sqlite');
  expect(storeOf('memory')).toBe('sqlite');
  expect(storeOf('redis-list')).toBe('redis');
  expect(storeOf('redis-streams')).toBe('redis');
  expect(storeOf(new MemoryTransport(new MemoryStore()))).toBe('sqlite');
  expect(batches({ transport: 'redis-list', batches: { store: 'sqlite' } }).store).toBe('sqlite');
  expect(batches({ batches: { store: 'redis' } }).store).toBe('redis');
});

test('every store that a config can name is there', async () => {
  for (const name of BATCH_STORES) expect((await loadStore(name, batches({}))).name).toBe(name);
  await expect(loadStore('mongo', batches({}))).rejects.toMatchObject({ code: 'THRUN_STORE_UNAVAILABLE' });
});

test('where nothing suggests itself, making a batch says what to do, and nothing else minds', async () => {
  const resolved = resolveConfig({ transport: new MemoryTransport(new MemoryStore()), logger: SILENT }, { env: {} });
  const thrun = await thrunFrom({ ...resolved, batches: { ...resolved.batches, store: undefined } });
  await expect(thrun.batch([{ event: 'work', payload: {} }])).rejects.toThrow('batches: { store: "redis" }');
  await expect(thrun.batches()).rejects.toMatchObject({ code: 'THRUN_BATCH_STORE', usage: true });
  await thrun.event('order.created', {});
  await thrun.close();
});

test('the Redis of the transports is that of the batches, unless another one is named', () => {
  const transports = { redis: { url: 'redis://one:1', username: 'u', password: 'secret', timeout: '3s' } };
  expect(batches({ transports }).redis).toEqual({
    url: 'redis://one:1',
    username: 'u',
    password: 'secret',
    timeoutMs: 3000,
  });
  expect(batches({ transports, batches: { redis: { timeout: '1s' } } }).redis).toMatchObject({
    url: 'redis://one:1',
    password: 'secret',
    timeoutMs: 1000,
  });
  // Its password is none of another server's business.
  const other = batches({ transports, batches: { redis: { cluster: ['two:2'] } } }).redis;
  expect(other).toEqual({ cluster: ['two:2'], timeoutMs: 5000 });
});

test('REDIS_URL goes before both', () => {
  const env = { REDIS_URL: 'redis://env:9' };
  expect(batches({}, env).redis.url).toBe('redis://env:9');
  const config = { transports: { redis: { cluster: ['one:1'] } }, batches: { redis: { url: 'redis://two:2' } } };
  expect(batches(config, env).redis).toEqual({ url: 'redis://env:9', timeoutMs: 5000 });
});

test('two places at once are refused', () => {
  expect(() => batches({ batches: { redis: { url: 'redis://a', cluster: ['b:1'] } } })).toThrow(
    'batches.redis: url and cluster name a Redis each; keep one of them',
  );
  expect(() => batches({ batches: { store: 'redsi' } })).toThrow('did you mean "redis"?');
});

import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { RedisConnection } from '../../src/redis/redis-connection.js';
import { startRedis } from '../brokers/redis.js';
import { TcpProxy } from '../brokers/tcp-proxy.js';

test('a socket that ended passes for ready until its end is heard of: trying again lets that happen', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.dispose());
  const connection = new RedisConnection({ url: redis.url }, { name: 'test' });
  onTestFinished(() => connection.close());
  await connection.open('redis');
  await connection.run(async (client) => void (client as Redis).stream.end());
  expect(connection.isReady).toBe(true);
  let failures = 0;
  const ping = async (): Promise<string> => {
    try {
      return await connection.run((client) => client.ping());
    } catch {
      failures++;
      await connection.ready(1000);
      return ping();
    }
  };
  expect(await ping()).toBe('PONG');
  expect(failures).toBeGreaterThan(0);
});

test('one that is checked is replaced where it does not answer, and left alone where it does', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.dispose());
  const proxy = await TcpProxy.to(redis.port);
  onTestFinished(() => proxy.close());
  const connection = new RedisConnection({ url: `redis://127.0.0.1:${proxy.port}` }, { name: 'test' });
  onTestFinished(() => connection.close());
  await connection.open('redis');
  const told: string[] = [];
  connection.listen({ lost: ({ message }) => told.push(message), found: () => told.push('found') });
  await connection.check(5000);
  expect(told).toEqual([]);
  proxy.forget();
  await connection.check(100);
  expect(told).toEqual(['it does not answer']);
  expect(await connection.ready(5000)).toBe(true);
  expect(told).toEqual(['it does not answer', 'found']);
});

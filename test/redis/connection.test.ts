import type { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { RedisConnection } from '../../src/redis/redis-connection.js';
import { startRedis } from '../brokers/redis.js';

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

import { Redis } from 'ioredis';
import { afterAll, beforeEach } from 'vitest';
import { type RedisServer, startRedis } from '../brokers/redis.js';

/** A server for the tests of one file, which may stop it, and a client of it. Each test finds it empty. */
export async function ownRedis(): Promise<{ readonly redis: RedisServer; readonly client: Redis }> {
  const redis = await startRedis({ appendfsync: 'always' });
  const client = new Redis(redis.url, { retryStrategy: () => 50 });
  // It is stopped on purpose.
  client.on('error', () => undefined);
  afterAll(async () => {
    client.disconnect();
    await redis.dispose();
  });
  beforeEach(() => client.flushall());
  return { redis, client };
}

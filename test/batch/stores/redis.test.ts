import { Redis } from 'ioredis';
import { afterAll, describe, test } from 'vitest';
import { RedisStore } from '../../../src/batch/stores/redis/redis-store.js';
import { type StoreSubject, storeConformance } from '../../../src/testing/store-conformance/index.js';
import { startRedis } from '../../brokers/redis.js';

const DATABASES = 64;

// A server of its own: each case has a database of it, and finds nothing in it.
const redis = await startRedis({ args: ['--databases', String(DATABASES)] });
afterAll(() => redis.dispose());
let made = 0;

async function create(): Promise<StoreSubject> {
  const url = `${redis.url}/${made++ % DATABASES}`;
  const client = new Redis(url);
  await client.flushdb();
  client.disconnect();
  return {
    store: new RedisStore({ url }),
    another: async () => new RedisStore({ url }),
    destroy: async () => undefined,
  };
}

storeConformance('redis', { describe, test, create });

// The same again, three at a time: what is right only while nobody else is busy shows here.
describe.concurrent('many times at once', () => {
  for (const n of [1, 2, 3]) storeConformance(`redis ${n}`, { describe, test, create });
});

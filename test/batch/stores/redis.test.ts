import { Redis } from 'ioredis';
import { afterAll, describe, test } from 'vitest';
import { RedisStore } from '../../../src/batch/stores/redis/redis-store.js';
import { type StoreSubject, storeConformance } from '../../../src/testing/store-conformance/index.js';
import { startRedis } from '../../brokers/redis.js';

const DATABASES = 64;

// A server of its own: each case has a database of it for as long as it takes, and finds nothing in it.
const redis = await startRedis({ args: ['--databases', String(DATABASES)] });
afterAll(() => redis.dispose());
const free = Array.from({ length: DATABASES }, (_, n) => n);

async function create(): Promise<StoreSubject> {
  const database = free.shift();
  if (database === undefined) throw new Error('more cases run at once than there are databases');
  const url = `${redis.url}/${database}`;
  const client = new Redis(url);
  await client.flushdb();
  client.disconnect();
  return {
    store: new RedisStore({ url }),
    another: async () => new RedisStore({ url }),
    destroy: async () => void free.push(database),
  };
}

storeConformance('redis', { describe, test, create });

// The same again, three at a time: what is right only while nobody else is busy shows here.
describe.concurrent('many times at once', () => {
  for (const n of [1, 2, 3]) storeConformance(`redis ${n}`, { describe, test, create });
});

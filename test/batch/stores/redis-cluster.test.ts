import { Redis } from 'ioredis';
import { afterAll, describe, test } from 'vitest';
import { RedisStore } from '../../../src/batch/stores/redis/redis-store.js';
import { type StoreSubject, storeConformance } from '../../../src/testing/store-conformance/index.js';
import { startCluster } from '../../brokers/redis-topologies.js';

const nodes = await startCluster();
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.dispose()));
});

// Batches lie on any of three servers, the index on one of them.
const cluster = nodes.slice(0, 1).map(({ port }) => `127.0.0.1:${port}`);

async function create(): Promise<StoreSubject> {
  for (const { url } of nodes) {
    const client = new Redis(url);
    await client.flushall();
    client.disconnect();
  }
  return {
    store: new RedisStore({ cluster }),
    another: async () => new RedisStore({ cluster }),
    destroy: async () => undefined,
  };
}

storeConformance('redis in a cluster', { describe, test, create });

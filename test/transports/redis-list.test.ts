import { afterAll, describe, test } from 'vitest';
import { StallableClock, type Subject, transportConformance } from '../../src/testing/conformance/index.js';
import { RedisListTransport } from '../../src/transports/redis-list/redis-list-transport.js';
import { someRedis } from '../brokers/redis.js';

const redis = await someRedis();
afterAll(() => redis.dispose());

async function create(): Promise<Subject> {
  const { url } = redis;
  return {
    transport: new RedisListTransport({ url }),
    another: async () => new RedisListTransport({ url }),
    async stalling() {
      const clock = new StallableClock();
      return { transport: new RedisListTransport({ url }, clock), stall: () => clock.stall() };
    },
    destroy: async () => undefined,
  };
}

const { traits } = new RedisListTransport();

transportConformance('redis-list', { describe, test, traits, create });

// The same again, three at a time: what is right only while nobody else is busy shows here.
describe.concurrent('many times at once', () => {
  for (const n of [1, 2, 3]) transportConformance(`redis-list ${n}`, { describe, test, traits, create });
});

import { afterAll, describe, test } from 'vitest';
import { StallableClock, type Subject, transportConformance } from '../../src/testing/conformance/index.js';
import { RedisStreamsTransport } from '../../src/transports/redis-streams/redis-streams-transport.js';
import { someRedis } from '../brokers/redis.js';

const redis = await someRedis();
afterAll(() => redis.dispose());

async function create(): Promise<Subject> {
  const { url } = redis;
  return {
    transport: new RedisStreamsTransport({ url }),
    another: async () => new RedisStreamsTransport({ url }),
    async stalling() {
      const clock = new StallableClock();
      return { transport: new RedisStreamsTransport({ url }, clock), stall: () => clock.stall() };
    },
    destroy: async () => undefined,
  };
}

const { traits } = new RedisStreamsTransport();

transportConformance('redis-streams', { describe, test, traits, create });

// The same again, three at a time: what is right only while nobody else is busy shows here.
describe.concurrent('many times at once', () => {
  for (const n of [1, 2, 3]) transportConformance(`redis-streams ${n}`, { describe, test, traits, create });
});

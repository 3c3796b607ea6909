import { afterAll, describe, test } from 'vitest';
import { transportConformance } from '../../src/testing/conformance/index.js';
import { RedisStreamsTransport } from '../../src/transports/redis-streams/redis-streams-transport.js';
import { someRedis } from '../brokers/redis.js';
import { breakable, type Make, subjectOn } from './redis-subject.js';

const make: Make = (options, clock) => new RedisStreamsTransport(options, clock);
const keeping: Make = (options, clock) => new RedisStreamsTransport({ ...options, historyMs: 3_600_000 }, clock);
const { traits } = new RedisStreamsTransport();

transportConformance('redis-streams', {
  describe,
  test,
  traits,
  with: ['burial'],
  faults: ['restart', 'lostAnswer'],
  create: () => breakable(make),
});

// With a history everything else has to be as it was.
transportConformance('redis-streams with a history', {
  describe,
  test,
  traits,
  with: ['history', 'burial'],
  faults: ['restart', 'lostAnswer'],
  create: () => breakable(keeping),
});

const redis = await someRedis();
afterAll(() => redis.dispose());

// The same again, three at a time on one server: what is right only while nobody else is busy shows here.
describe.concurrent('many times at once', () => {
  const create = async () => subjectOn(redis.url, make);
  for (const n of [1, 2])
    transportConformance(`redis-streams ${n}`, { describe, test, traits, with: ['burial'], create });
  transportConformance('redis-streams 3', {
    describe,
    test,
    traits,
    with: ['history', 'burial'],
    create: async () => subjectOn(redis.url, keeping),
  });
});

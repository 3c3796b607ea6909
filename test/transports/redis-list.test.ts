import { afterAll, describe, test } from 'vitest';
import { transportConformance } from '../../src/testing/conformance/index.js';
import { RedisListTransport } from '../../src/transports/redis-list/redis-list-transport.js';
import { someRedis } from '../brokers/redis.js';
import { breakable, type Make, subjectOn } from './redis-subject.js';

const make: Make = (options, clock) => new RedisListTransport(options, clock);
const { traits } = new RedisListTransport();

transportConformance('redis-list', {
  describe,
  test,
  traits,
  with: ['burial'],
  faults: ['restart', 'lostAnswer'],
  create: () => breakable(make),
});

const redis = await someRedis();
afterAll(() => redis.dispose());

// The same again, three at a time on one server: what is right only while nobody else is busy shows here.
describe.concurrent('many times at once', () => {
  const create = async () => subjectOn(redis.url, make);
  for (const n of [1, 2, 3])
    transportConformance(`redis-list ${n}`, { describe, test, traits, with: ['burial'], create });
});

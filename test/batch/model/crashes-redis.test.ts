import * as fc from 'fast-check';
import { afterAll, test } from 'vitest';
import { RedisStore } from '../../../src/batch/stores/redis/redis-store.js';
import { startRedis } from '../../brokers/redis.js';
import { replay } from './history.js';
import { interference, isAsPlanned, plan, runToEnd } from './plan.js';
import { World } from './world.js';

// Each process has a copy of what it is at work on, and two of them work on every batch: what is true for one is old news for
// the other. Slower than in memory, since what is held back is written by the clock.
const RUNS = Number(process.env['MODEL_RUNS_REDIS'] ?? 600);

const redis = await startRedis();
afterAll(() => redis.dispose());
let time = 1_000_000;

test(`${RUNS} random batches end as planned, whichever process knows what`, async () => {
  const deaths = fc.uniqueArray(fc.nat({ max: 150 }), { maxLength: 6 });
  const copies = fc.integer({ min: 1, max: 3 });
  const property = fc.asyncProperty(plan, deaths, copies, interference, async (one, places, times, stepIn) => {
    const stores: RedisStore[] = [];
    const reach = () => {
      const store = new RedisStore({ url: redis.url });
      stores.push(store);
      return store;
    };
    const world = new World(reach(), new Set(places), times, time, reach);
    try {
      const id = await runToEnd(world, one, stepIn);
      time = world.now + 1;
      if (id !== undefined) await isAsPlanned(world, id, one);
    } finally {
      await Promise.all(stores.map((store) => store.close()));
    }
  });
  await fc.assert(property, { ...replay(), numRuns: RUNS });
}, 600_000);

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SqliteStore } from '../../../src/batch/stores/sqlite/sqlite-store.js';
import { replay, RUNS } from './history.js';
import { arrange, type Interference, interference, isAsPlanned, type Plan, plan, runToEnd } from './plan.js';
import { World } from './world.js';

let store: SqliteStore;
let time = 1_000_000;
beforeAll(async () => {
  store = new SqliteStore({ path: ':memory:' });
  await store.open();
});
afterAll(() => store.close());

async function play(one: Plan, deadly: ReadonlySet<number>, copies = 1, stepIn?: Interference): Promise<World> {
  const world = new World(store, deadly, copies, time);
  const id = await runToEnd(world, one, stepIn);
  time = world.now + 1;
  if (id !== undefined) await isAsPlanned(world, id, one);
  return world;
}

test(`${RUNS} random batches end as planned, whoever dies wherever`, async () => {
  const deaths = fc.uniqueArray(fc.nat({ max: 150 }), { maxLength: 6 });
  const copies = fc.integer({ min: 1, max: 3 });
  await fc.assert(
    fc.asyncProperty(plan, deaths, copies, interference, async (one, places, times, stepIn) => {
      await play(one, new Set(places), times, stepIn);
    }),
    { ...replay(), numRuns: RUNS },
  );
}, 600_000);

describe('a death at each place in turn, of', () => {
  const ok = { ends: 'succeed' } as const;
  const bad = { ends: 'fail' } as const;
  const flaky = { ends: 'flaky' } as const;
  test.each<[string, Plan]>([
    ['a sequence', arrange([[ok], [flaky], [ok]])],
    ['a sequence that fails', arrange([[ok], [bad], [ok]])],
    [
      'parallel stages',
      arrange([
        [ok, flaky],
        [ok, ok],
      ]),
    ],
    ['a parallel stage that fails', arrange([[ok, bad, ok], [ok]])],
    ['one that allows failures', arrange([[bad], [ok, bad], [ok]], true)],
    ['a nested one', arrange([[ok], [arrange([[ok], [ok]]), ok], [ok]])],
    ['a nested one that fails', arrange([[ok, arrange([[bad], [arrange([[ok]])]])], [arrange([[ok]])]])],
    ['an empty one', arrange([])],
  ])('%s', async (_, one) => {
    const calm = await play(one, new Set());
    expect(calm.passed).toBeGreaterThan(3);
    for (let place = 0; place < calm.passed; place++) {
      const world = await play(one, new Set([place]));
      expect(world.deaths, `at ${place}`).toBe(1);
    }
  });
});

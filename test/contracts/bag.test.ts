import { expect, test } from 'vitest';
import { Bag } from '../../src/contracts/bag.js';

function thing(name: string) {
  return { name, place: -1 };
}

test('holds what was added and not deleted, whatever the order', () => {
  const bag = new Bag<ReturnType<typeof thing>>();
  const [a, b, c] = [thing('a'), thing('b'), thing('c')];
  for (const one of [a, b, c]) bag.add(one);
  expect(bag.delete(a)).toBe(true);
  expect(bag.delete(c)).toBe(true);
  expect([...bag]).toEqual([b]);
  bag.add(a);
  expect([...bag].map(({ name }) => name).sort()).toEqual(['a', 'b']);
  expect(bag.size).toBe(2);
});

test('what is not in it is not deleted, nor anything in its place', () => {
  const bag = new Bag<ReturnType<typeof thing>>();
  const [a, b] = [thing('a'), thing('b')];
  bag.add(a);
  expect([bag.has(a), bag.has(b)]).toEqual([true, false]);
  expect(bag.delete(b)).toBe(false);
  expect(bag.delete(a)).toBe(true);
  expect(bag.delete(a)).toBe(false);
  bag.add(b);
  // It once lay where the other lies now.
  expect(bag.delete(a)).toBe(false);
  expect([...bag]).toEqual([b]);
});

test('behaves as a Set does, over many random steps', () => {
  const seed = 1 + (Date.now() % 2_000_000_000);
  let state = seed;
  const random = (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const things = Array.from({ length: 20 }, (_, n) => thing(String(n)));
  const [bag, set] = [new Bag<ReturnType<typeof thing>>(), new Set<ReturnType<typeof thing>>()];
  for (let step = 0; step < 2000; step++) {
    const one = things[random(things.length)] as ReturnType<typeof thing>;
    if (set.has(one)) expect(bag.delete(one), `seed ${seed}, step ${step}`).toBe(set.delete(one));
    else {
      bag.add(one);
      set.add(one);
    }
    expect(new Set(bag), `seed ${seed}, step ${step}`).toEqual(set);
  }
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AssignableMember, assign } from '../../../src/transports/kafka/kafka-assigner.js';
import { type Place, placeKey } from '../../../src/transports/kafka/kafka-client.js';

test('each partition goes to one member, what is in hand stays, the rest is shared evenly among those who ask', () => {
  fc.assert(
    fc.property(fc.array(wish(), { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 12 }), (wishes, count) => {
      const members = membersOf(wishes, count);
      const shares = assign(members, new Map([['events', count]]));
      const all = [...shares.values()].flat().map(placeKey);
      expect(all.sort()).toEqual(Array.from({ length: count }, (_, i) => `events/${i}`).sort());
      for (const { memberId, pinned } of members) {
        const mine = partitionsOf(shares, memberId);
        for (const partition of pinned['events'] ?? []) expect(mine).toContain(partition);
      }
      const asking = members.filter(({ isAsking }) => isAsking);
      const free = asking.length > 0 ? asking : members;
      const unpinned = free.filter(({ pinned }) => (pinned['events'] ?? []).length === 0);
      const sizes = unpinned.map(({ memberId }) => partitionsOf(shares, memberId).length);
      if (sizes.length > 0) expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 2000 },
  );
});

test('who holds more than a share in hand takes nothing from the others', () => {
  const members = [member('a', true, [0, 1], [0, 1]), member('b', true, [2, 3], []), member('c', true, [], [])];
  const shares = assign(members, new Map([['events', 4]]));
  expect(['a', 'b', 'c'].map((id) => partitionsOf(shares, id).length)).toEqual([2, 1, 1]);
});

test('nothing moves while nobody comes or goes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 12 }), (people, count) => {
      const counts = new Map([['events', count]]);
      const nobody = Array.from({ length: people }, (_, i) => member(String(i), true, [], []));
      const first = assign(nobody, counts);
      const again = nobody.map(({ memberId }) => member(memberId, true, partitionsOf(first, memberId), []));
      const second = assign(again, counts);
      for (const { memberId } of nobody) {
        expect(partitionsOf(second, memberId).sort()).toEqual(partitionsOf(first, memberId).sort());
      }
    }),
  );
});

test('one more member takes no more than its share', () => {
  const counts = new Map([['events', 6]]);
  const members = [member('a', true, [0, 1, 2], []), member('b', true, [3, 4, 5], []), member('c', true, [], [])];
  const shares = assign(members, counts);
  expect(['a', 'b', 'c'].map((id) => partitionsOf(shares, id).length)).toEqual([2, 2, 2]);
  expect(partitionsOf(shares, 'a').every((partition) => partition < 3)).toBe(true);
});

function wish() {
  return fc.record({ isAsking: fc.boolean(), owned: fc.nat(4), pinned: fc.nat(2) });
}

/** No partition is owned twice, and what is pinned is owned. */
function membersOf(wishes: readonly { isAsking: boolean; owned: number; pinned: number }[], count: number) {
  let next = 0;
  return wishes.map(({ isAsking, owned, pinned }, i) => {
    const mine = Array.from({ length: Math.min(owned, Math.max(0, count - next)) }, () => next++);
    return member(String(i), isAsking, mine, mine.slice(0, pinned));
  });
}

function member(
  memberId: string,
  isAsking: boolean,
  owned: readonly number[],
  pinned: readonly number[],
): AssignableMember {
  return { memberId, isAsking, owned: { events: owned }, pinned: { events: pinned } };
}

function partitionsOf(shares: ReadonlyMap<string, readonly Place[]>, memberId: string): number[] {
  return (shares.get(memberId) ?? []).map(({ partition }) => partition);
}

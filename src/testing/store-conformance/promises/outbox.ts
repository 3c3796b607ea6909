import assert from 'node:assert/strict';
import type { OutboxEntry, Outgoing } from '../../../contracts/batch-store.js';
import type { PromiseCases } from '../case.js';
import { eventsOf, lastOf, same } from '../look.js';
import { changing, event, sending, step, T } from '../make.js';

export const outbox: PromiseCases = {
  promise: 'what is to be sent is kept in order until it is crossed off',
  cases: [
    {
      title: 'over steps and calls; each entry with its time and a number that grows',
      async run(stand) {
        const id = await stand.make();
        await stand.store.apply([
          sending(id, ['a', 'b'], { now: T + 1 }),
          sending(id, []),
          sending(id, ['c'], { now: T + 2 }),
        ]);
        await stand.apply(sending(id, ['d'], { now: T + 3 }));
        const entries = await stand.store.outbox(id);
        assert.deepEqual(eventsOf(entries), ['a', 'b', 'c', 'd']);
        assert.deepEqual(
          entries.map(({ at }) => at - T),
          [1, 1, 2, 3],
        );
        assertGrowing(entries);
      },
    },
    {
      title: 'everything that can be sent comes back as it was',
      async run(stand) {
        const id = await stand.make();
        const all: Outgoing[] = [
          { kind: 'jobs', from: 3, to: 9, stage: 2, run: 4 },
          {
            kind: 'event',
            lifecycle: 'catch',
            event: 'order.failed',
            eventId: 'x',
            payload: '{"a":1.10,"b":"\\u0000"}',
          },
          { kind: 'end_children' },
          { kind: 'parent', status: 'failed', error: 'no \u0000 \u2028 "quoted" ✓' },
          { kind: 'parent', status: 'succeeded', error: undefined },
        ];
        await stand.apply(step(id, changing({}, { outbox: all })));
        same(
          (await stand.store.outbox(id)).map(({ out }) => out),
          all,
        );
      },
    },
    {
      title: 'looking at it takes no lease',
      async run(stand) {
        const id = await stand.make();
        await stand.apply(sending(id, ['a']));
        await stand.store.outbox(id);
        assert.deepEqual(eventsOf(await stand.store.takeOutbox(id, T + 10, T)), ['a']);
        assert.deepEqual(eventsOf(await stand.store.outbox(id)), ['a']);
      },
    },
    {
      title: 'a number is never given out again, though the outbox was empty in between',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make();
        const seen: OutboxEntry[] = [];
        for (let round = 0; round < 5; round++) {
          const held = T + round;
          const { outbox: entries } = await stand.apply(sending(id, ['a', 'b'], { relayUntil: held, now: T }));
          seen.push(...entries);
          same(await store.sent(id, lastOf(entries), held, held + 1), []);
        }
        assert.equal(seen.length, 10);
        assertGrowing(seen);
      },
    },
    {
      title: 'it is crossed off up to a number, and no further',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make();
        const { outbox: entries } = await stand.apply(sending(id, ['a', 'b', 'c'], { relayUntil: T + 10 }));
        const second = entries[1]?.seq ?? assert.fail();
        assert.deepEqual(eventsOf(await store.sent(id, second, T + 10, T + 20)), ['c']);
        assert.deepEqual(eventsOf(await store.outbox(id)), ['c']);
      },
    },
    {
      title: 'each batch has its own',
      async run(stand) {
        const { store } = stand;
        const [one, two] = [await stand.make(), await stand.make()];
        const [first] = await store.apply([
          sending(one, ['a'], { relayUntil: T + 10 }),
          sending(two, ['b'], { relayUntil: T + 10 }),
        ]);
        await store.sent(one, lastOf(first?.outbox ?? []) + 1000, T + 10, T + 20);
        assert.deepEqual(eventsOf(await store.outbox(two)), ['b']);
        same(await store.outbox(crypto.randomUUID()), []);
      },
    },
    {
      title: 'thousands of entries are all handed out, in order',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make();
        const events = Array.from({ length: 2500 }, (_, i) => `${i}`);
        await stand.apply(step(id, changing({}, { outbox: events.map(event) })));
        const handedOut: string[] = [];
        let held = T + 10;
        for (let entries = await store.takeOutbox(id, held, T); entries.length > 0; ) {
          handedOut.push(...eventsOf(entries));
          entries = await store.sent(id, lastOf(entries), held, held + 1);
          held++;
        }
        assert.deepEqual(handedOut, events);
        same(await store.outbox(id), []);
      },
    },
  ],
};

function assertGrowing(entries: readonly OutboxEntry[]): void {
  for (const [i, { seq }] of entries.entries()) {
    const before = entries[i - 1]?.seq ?? 0;
    assert.ok(seq > before, `${seq} comes after ${before}`);
  }
}

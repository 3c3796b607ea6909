import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { eventsOf, lastOf, same } from '../look.js';
import { sending, T } from '../make.js';

export const relaying: PromiseCases = {
  promise: 'one relay at a time has the outbox of a batch',
  cases: [
    {
      title: 'a step that says so takes the lease, if there is something to send',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make();
        const empty = await stand.apply(sending(id, [], { relayUntil: T + 100 }));
        same(empty.outbox, []);
        // Nothing was taken: the next one gets it.
        const taken = await stand.apply(sending(id, ['a', 'b'], { relayUntil: T + 100 }));
        assert.deepEqual(eventsOf(taken.outbox), ['a', 'b']);
        same(await store.takeOutbox(id, T + 200, T + 1), []);
      },
    },
    {
      title: 'a step that does not say so takes none, and gets no outbox',
      async run(stand) {
        const id = await stand.make();
        same((await stand.apply(sending(id, ['a']))).outbox, []);
        assert.deepEqual(eventsOf(await stand.store.takeOutbox(id, T + 10, T)), ['a']);
      },
    },
    {
      title: 'while another has it, a step adds to it and gets nothing',
      async run(stand) {
        const id = await stand.make();
        await stand.apply(sending(id, ['a'], { relayUntil: T + 100 }));
        const second = await stand.apply(sending(id, ['b'], { relayUntil: T + 150, now: T + 100 }));
        same(second.outbox, []);
        // Had the second one taken it after all, it would still be held.
        assert.deepEqual(eventsOf(await stand.store.takeOutbox(id, T + 300, T + 101)), ['a', 'b']);
      },
    },
    {
      title: 'a step that changes nothing takes what others left behind',
      async run(stand) {
        const id = await stand.make();
        await stand.apply(sending(id, ['a']));
        const [refused] = await stand.store.apply([
          { ...sending(id, []), transition: () => ({ accepted: false }), relayUntil: T + 100 },
        ]);
        assert.deepEqual([refused?.accepted, eventsOf(refused?.outbox ?? [])], [false, ['a']]);
        same(await stand.store.takeOutbox(id, T + 300, T + 1), []);
      },
    },
    {
      title: 'of several steps in one call one takes it; whoever has it gets everything in the end',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make();
        const answers = await store.apply(['a', 'b', 'c'].map((name) => sending(id, [name], { relayUntil: T + 100 })));
        const got = answers.map((answer) => answer?.outbox ?? []).filter((entries) => entries.length > 0);
        assert.equal(got.length, 1);
        const [entries = []] = got;
        const rest = await store.sent(id, lastOf(entries), T + 100, T + 200);
        assert.deepEqual([...eventsOf(entries), ...eventsOf(rest)], ['a', 'b', 'c']);
      },
    },
    {
      title: 'a lease that ran out is taken over, and the one that lost it is told',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make();
        const { outbox: mine } = await stand.apply(sending(id, ['a', 'b'], { relayUntil: T + 100 }));
        same(await store.takeOutbox(id, T + 300, T + 100), []);
        assert.deepEqual(eventsOf(await store.takeOutbox(id, T + 300, T + 101)), ['a', 'b']);
        await stand.apply(sending(id, ['c']));
        // What it has sent is crossed off all the same.
        same(await store.sent(id, lastOf(mine), T + 100, T + 400), []);
        assert.deepEqual(eventsOf(await store.outbox(id)), ['c']);
        same(await store.takeOutbox(id, T + 500, T + 300), []);
        assert.deepEqual(eventsOf(await store.sent(id, lastOf(mine), T + 300, T + 400)), ['c']);
      },
    },
    {
      title: 'crossing off extends the lease as long as something came meanwhile, and gives it back then',
      async run(stand) {
        const { store } = stand;
        const id = await stand.make();
        const { outbox: first } = await stand.apply(sending(id, ['a'], { relayUntil: T + 100 }));
        await stand.apply(sending(id, ['b'], { relayUntil: T + 150, now: T + 10 }));
        const second = await store.sent(id, lastOf(first), T + 100, T + 200);
        assert.deepEqual(eventsOf(second), ['b']);
        same(await store.takeOutbox(id, T + 300, T + 199), []);
        same(await store.sent(id, lastOf(second), T + 200, T + 300), []);
        const { outbox: third } = await stand.apply(sending(id, ['c'], { relayUntil: T + 250, now: T + 20 }));
        assert.deepEqual(eventsOf(third), ['c']);
      },
    },
    {
      title: 'of two that want it at once one gets it',
      shared: true,
      async run(stand) {
        const other = await stand.another();
        for (let round = 0; round < 30; round++) {
          const id = await stand.make();
          await stand.apply(sending(id, ['a']));
          const taken = await Promise.all([
            stand.store.takeOutbox(id, T + 100, T),
            other.takeOutbox(id, T + 200, T),
            stand.apply(sending(id, ['b'], { relayUntil: T + 300 }), other).then(({ outbox }) => outbox),
          ]);
          assert.equal(taken.filter((entries) => entries.length > 0).length, 1);
        }
      },
    },
    {
      title: 'nothing is taken of a batch there is none of',
      async run({ store }) {
        const nobody = crypto.randomUUID();
        same(await store.takeOutbox(nobody, T + 10, T), []);
        same(await store.sent(nobody, 1, T, T + 10), []);
        assert.equal(await store.get(nobody), undefined);
        same(await store.list({ nested: true }, 10), []);
      },
    },
  ],
};

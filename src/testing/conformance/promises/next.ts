import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { expectNothing, message, numbered, receive, receiveOne, textsOf } from '../receive.js';

/** Far below the ten seconds that these waits would last, far above what a machine stands still, or a broker's disk takes. */
const AT_ONCE_MS = 5000;

export const next: PromiseCases = {
  promise: 'next waits as long as it is told and takes no more than it is told',
  cases: [
    {
      title: 'no more than max, no fewer than one',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(10));
        const first = await consumer.next(3, { waitMs: 5000 });
        assert.ok(first.length >= 1 && first.length <= 3, `${first.length} of at most 3`);
        const second = await consumer.next(100, { waitMs: 5000 });
        assert.ok(second.length >= 1 && first.length + second.length <= 10);
      },
    },
    {
      title: 'an empty list after waitMs',
      async run(stand) {
        const consumer = await stand.consume();
        const from = performance.now();
        assert.deepEqual(await consumer.next(1, { waitMs: 200 }), []);
        const took = performance.now() - from;
        assert.ok(took >= 190 && took < AT_ONCE_MS, `it took ${took} ms`);
        assert.deepEqual(await consumer.next(1, { waitMs: 0 }), []);
      },
    },
    {
      title: 'with no time to wait it still finds what is there',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(1));
        let received = await consumer.next(1, { waitMs: 0 });
        // A remote broker may need a moment to show it.
        for (let i = 0; i < 100 && received.length === 0; i++) received = await consumer.next(1, { waitMs: 0 });
        assert.deepEqual(textsOf(received), ['0']);
      },
    },
    {
      title: 'a publish from elsewhere ends the wait',
      async run(stand) {
        const consumer = await stand.consume();
        const elsewhere = await stand.another();
        const took: number[] = [];
        for (let round = 0; round < 5; round++) {
          const waiting = consumer.next(1, { waitMs: 10_000 });
          await expectPending(waiting);
          const from = performance.now();
          await elsewhere.publish(stand.queue, [message('x')]);
          const [delivery] = await waiting;
          took.push(performance.now() - from);
          await delivery?.ack();
        }
        // Who looks now and then instead is late each time; a machine that stands still makes one late.
        const [, , median = 0] = took.sort((a, b) => a - b);
        assert.ok(median < 1500, `it took ${took.join(', ')} ms`);
      },
    },
    {
      title: 'a release elsewhere ends the wait',
      async run(stand) {
        const holder = await stand.consume({ on: await stand.another() });
        await stand.publish([message('x')]);
        const held = await receiveOne(holder);
        const waiting = (await stand.consume()).next(1, { waitMs: 10_000 });
        await expectPending(waiting);
        await held.release();
        assert.deepEqual(textsOf(await waiting), ['x']);
      },
    },
    {
      title: 'an AbortSignal ends the wait, and nothing is lost by it',
      async run(stand) {
        const consumer = await stand.consume();
        const stop = new AbortController();
        const waiting = consumer.next(1, { signal: stop.signal });
        await expectPending(waiting);
        stop.abort();
        assert.deepEqual(await waiting, []);
        assert.deepEqual(await consumer.next(1, { signal: stop.signal }), [], 'aborted before it began');
        await stand.publish([message('x')]);
        assert.deepEqual(textsOf(await receive(consumer, 1)), ['x']);
      },
    },
    {
      title: 'aborted while it asks the broker, it ends as soon as the broker has answered',
      async run(stand) {
        const consumer = await stand.consume();
        await expectNothing(consumer, 50);
        for (let round = 0; round < 20; round++) {
          const stop = new AbortController();
          // Longer than a look: it asks, now or in a moment.
          const waiting = consumer.next(1, { signal: stop.signal, waitMs: 10_000 });
          for (let turn = 0; turn < round % 5; turn++) await new Promise(setImmediate);
          const from = performance.now();
          stop.abort();
          assert.deepEqual(await waiting, []);
          assert.ok(performance.now() - from < AT_ONCE_MS, 'it slept although it was told to stop');
          await stand.publish([message(`${round}`)]);
          await (await receiveOne(consumer)).ack();
        }
      },
    },
    {
      title: 'TestSubscribeCtx: aborted while a message comes, it is delivered now or next time',
      async run(stand) {
        const consumer = await stand.consume();
        for (let round = 0; round < 20; round++) {
          const stop = new AbortController();
          const waiting = consumer.next(1, { signal: stop.signal });
          const publishing = stand.publish([message(String(round))]);
          if (round % 2 === 0) await publishing;
          stop.abort();
          await publishing;
          const received = [...(await waiting)];
          if (received.length === 0) received.push(...(await receive(consumer, 1)));
          assert.deepEqual(textsOf(received), [String(round)]);
          assert.deepEqual(
            received.map(({ attempt }) => attempt),
            [1],
          );
          await received[0]?.ack();
        }
        await expectNothing(consumer, 50);
      },
    },
  ],
};

/** It is not there yet: what is about to happen is what ends it. */
async function expectPending(promise: Promise<unknown>): Promise<void> {
  const pending = Symbol();
  const soon = new Promise((resolve) => setTimeout(() => resolve(pending), 30));
  assert.equal(await Promise.race([promise, soon]), pending, 'it was to wait');
}

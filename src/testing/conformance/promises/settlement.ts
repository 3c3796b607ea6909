import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { expectNothing, message, numbered, receive, receiveOne, sorted, textOf, textsOf } from '../receive.js';

export const settlement: PromiseCases = {
  promise: 'a delivery carries its own settlement',
  cases: [
    {
      title: 'what is acked does not come again, not even after its lease',
      async run(stand) {
        const consumer = await stand.consume({ visibilityMs: stand.dyingMs });
        await stand.publish(numbered(3));
        for (const delivery of await receive(consumer, 3)) await delivery.ack();
        await expectNothing(consumer, stand.dyingMs * 2);
      },
    },
    {
      title: 'what is released comes again at once and has cost no attempt',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('x')]);
        const first = await receiveOne(consumer);
        await first.release();
        const second = await receiveOne(consumer);
        assert.deepEqual([second.id, textOf(second), second.attempt, second.crashes], [first.id, 'x', 1, 0]);
        assert.equal(second.publishedAt, first.publishedAt);
        // A second time: what is followed by itself now must count as well as what came from the queue.
        await second.release();
        const third = await receiveOne(await stand.consume({ on: await stand.another() }));
        assert.deepEqual([third.id, third.attempt, third.crashes], [first.id, 1, 0]);
        await third.ack();
      },
    },
    {
      title: 'each delivery of a batch is settled by itself',
      async run(stand) {
        const { transport, stall } = await stand.stalling();
        const first = await stand.consume({ on: transport, visibilityMs: stand.dyingMs });
        await stand.publish(numbered(37));
        const batch = await receive(first, 37, 37);
        const isAcked = (delivery: { body: Uint8Array }) => Number(textOf(delivery as never)) % 3 !== 0;
        await Promise.all(batch.filter(isAcked).map((delivery) => delivery.ack()));
        stall();
        const second = await stand.consume();
        const left = await receive(second, 13);
        assert.deepEqual(sorted(textsOf(left)), sorted(textsOf(batch.filter((delivery) => !isAcked(delivery)))));
        for (const { attempt, crashes } of left) assert.deepEqual([attempt, crashes], [2, 1]);
        await Promise.all(left.map((delivery) => delivery.ack()));
        await expectNothing(second);
      },
    },
    {
      title: 'one at a time, awaited, in any order',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(20));
        const batch = await receive(consumer, 20, 20);
        for (const delivery of batch.toReversed()) await delivery.ack();
        await expectNothing(consumer);
      },
    },
    {
      title: 'ack, release and handing over, mixed in one batch',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(30));
        const batch = await receive(consumer, 30, 30);
        await Promise.all(
          batch.map((delivery, i) => {
            if (i % 3 === 0) return delivery.ack();
            if (i % 3 === 1) return delivery.release();
            return delivery.handOver([{ kind: 'postponed', target: 'one', delayMs: 0, attempts: 1, crashes: 0 }]);
          }),
        );
        const again = await receive(consumer, 20);
        const facts = again.map((delivery) => [textOf(delivery), delivery.attempt, delivery.target] as const);
        const expected = batch.flatMap((delivery, i) =>
          i % 3 === 0 ? [] : [[textOf(delivery), i % 3 === 1 ? 1 : 2, i % 3 === 1 ? undefined : 'one'] as const],
        );
        const byText = (a: readonly unknown[], b: readonly unknown[]) => Number(a[0]) - Number(b[0]);
        assert.deepEqual(facts.sort(byText), expected.sort(byText));
        await Promise.all(again.map((delivery) => delivery.ack()));
        await expectNothing(consumer);
      },
    },
    {
      title: 'what is said twice counts once',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(2));
        const [one, two] = await receive(consumer, 2);
        assert.ok(one && two);
        await one.ack();
        await one.release();
        await one.ack();
        await two.release();
        await two.ack();
        const again = await receiveOne(consumer);
        assert.equal(again.id, two.id, 'the ack came too late to undo the release');
        await again.ack();
        await expectNothing(consumer);
      },
    },
    {
      title: 'flush resolves when every settlement so far is on the transport',
      async run(stand) {
        const { transport, stall } = await stand.stalling();
        const first = await stand.consume({ on: transport, visibilityMs: stand.dyingMs });
        await stand.publish(numbered(10));
        const batch = await receive(first, 10);
        for (const delivery of batch.slice(0, 5)) void delivery.ack();
        for (const delivery of batch.slice(5)) void delivery.release();
        await first.flush();
        stall();
        const second = await stand.consume();
        const released = await receive(second, 5);
        assert.deepEqual(sorted(textsOf(released)), sorted(textsOf(batch.slice(5))));
        await Promise.all(released.map((delivery) => delivery.ack()));
        await expectNothing(second, stand.dyingMs * 2);
      },
    },
    {
      title: 'flush with nothing to settle resolves',
      async run(stand) {
        await (await stand.consume()).flush();
      },
    },
  ],
};

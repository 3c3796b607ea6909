import assert from 'node:assert/strict';
import type { TransportNotice } from '../../../contracts/transport.js';
import type { PromiseCases } from '../case.js';
import { ackUntil, expectNothing, message, numbered, receive, receiveOne, sorted, textsOf } from '../receive.js';

export const closing: PromiseCases = {
  promise: 'closing hands back what is unsettled',
  cases: [
    {
      title: 'at once, untouched, the attempt not burnt',
      async run(stand) {
        const first = await stand.consume();
        await stand.publish(numbered(10));
        const batch = await receive(first, 10, 10);
        void batch[0]?.ack();
        await first.close();
        const second = await stand.consume();
        const received = await receive(second, 9);
        assert.deepEqual(sorted(textsOf(received)), sorted(textsOf(batch.slice(1))));
        for (const { attempt, crashes } of received) assert.deepEqual([attempt, crashes], [1, 0]);
        await Promise.all(received.map((delivery) => delivery.ack()));
        await expectNothing(second, 50);
      },
    },
    {
      title: 'closing the transport closes its consumers',
      async run(stand) {
        const elsewhere = await stand.another();
        const consumer = await stand.consume({ on: elsewhere });
        await stand.publish(numbered(3));
        await receive(consumer, 3);
        await elsewhere.close();
        assert.deepEqual(await consumer.next(1), []);
        const received = await receive(await stand.consume(), 3);
        for (const { attempt } of received) assert.equal(attempt, 1);
      },
    },
    {
      title: 'a next that waits ends with an empty list',
      async run(stand) {
        const consumer = await stand.consume();
        const waiting = consumer.next(1);
        await consumer.close();
        assert.deepEqual(await waiting, []);
        assert.deepEqual(await consumer.next(1), []);
      },
    },
    {
      title: 'a message that comes at that very moment is not lost',
      async run(stand) {
        const other = await stand.consume();
        for (let round = 0; round < 30; round++) {
          const closing = await stand.consume({ on: stand.transport });
          const waiting = closing.next(1);
          const publishing = stand.publish([message(String(round))]);
          if (round % 3 === 0) await publishing;
          if (round % 3 === 1) await new Promise(setImmediate);
          await closing.close();
          await publishing;
          // It may have been given out just before: then closing has handed it back.
          await waiting;
          const delivery = await receiveOne(other);
          assert.deepEqual([textsOf([delivery])[0], delivery.attempt], [String(round), 1]);
          await delivery.ack();
        }
        await expectNothing(other, 50);
      },
    },
    {
      title: 'twice is as good as once; what is settled afterwards has no effect',
      async run(stand) {
        const notices: TransportNotice[] = [];
        const consumer = await stand.consume({ notices });
        await stand.publish([message('x')]);
        const delivery = await receiveOne(consumer);
        await Promise.all([consumer.close(), consumer.close()]);
        await consumer.close();
        await delivery.ack();
        assert.equal((await receiveOne(await stand.consume())).attempt, 1);
        await consumer.flush();
        assert.deepEqual(
          notices.filter(({ kind }) => kind === 'degraded'),
          [],
        );
      },
    },
    {
      title: 'what is settled after the transport is closed resolves all the same',
      async run(stand) {
        const notices: TransportNotice[] = [];
        const elsewhere = await stand.another();
        const consumer = await stand.consume({ on: elsewhere, notices });
        await stand.publish(numbered(2));
        const [one, two] = await receive(consumer, 2);
        await elsewhere.close();
        await Promise.all([one?.ack(), two?.handOver([])]);
        assert.deepEqual(
          notices.filter(({ kind }) => kind === 'degraded'),
          [],
        );
        assert.equal((await receive(await stand.consume(), 2)).length, 2);
      },
    },
    {
      title: 'TestContinueAfterSubscribeClose: opened and closed for every few messages, none is lost',
      async run(stand) {
        await stand.publish(numbered(500));
        const seen = new Map<string, number>();
        while (seen.size < 500) {
          const consumer = await stand.consume();
          await ackUntil(consumer, seen, Math.min(seen.size + 60, 500), 25);
          // Some in hand at the moment of closing.
          await consumer.next(10, { waitMs: 0 });
          await consumer.close();
        }
        assert.deepEqual(
          sorted(seen.keys()),
          numbered(500).map((_, i) => String(i)),
        );
        assert.ok(
          [...seen.values()].every((times) => times === 1),
          'what was acked came again',
        );
        await expectNothing(await stand.consume());
      },
    },
    {
      title: 'TestConcurrentClose: ten consumers open and close at once, then all messages arrive',
      async run(stand) {
        await stand.publish(numbered(50));
        await Promise.all(
          Array.from({ length: 10 }, async () => {
            const consumer = await stand.consume();
            await consumer.next(5, { waitMs: 20 });
            await consumer.close();
          }),
        );
        const received = await receive(await stand.consume(), 50);
        assert.deepEqual(
          sorted(textsOf(received)),
          numbered(50).map((_, i) => String(i)),
        );
      },
    },
  ],
};

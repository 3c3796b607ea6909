import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { expectNothing, message, numbered, receive, receiveAndAck, receiveOne, sorted, textsOf } from '../receive.js';

export const publishing: PromiseCases = {
  promise: 'what is published is received',
  cases: [
    {
      title: 'TestPublishSubscribe: every message comes once, as it was sent',
      async run(stand) {
        const before = Date.now();
        const consumer = await stand.consume();
        for (const one of numbered(20)) await stand.publish([one]);
        await stand.publish(numbered(80, 20));
        const received = await receive(consumer, 100, 7);
        assert.deepEqual(sorted(textsOf(received)), textsOf100());
        assert.equal(new Set(received.map(({ id }) => id)).size, 100, 'every message has an id of its own');
        for (const { queue, attempt, crashes, target, publishedAt } of received) {
          assert.deepEqual(
            { queue, attempt, crashes, target },
            { queue: stand.queue, attempt: 1, crashes: 0, target: undefined },
          );
          // A broker's clock may be a little off ours.
          assert.ok(publishedAt === undefined || Math.abs(publishedAt - before) < 60_000);
        }
        await Promise.all(received.map((delivery) => delivery.ack()));
        await expectNothing(consumer);
      },
    },
    {
      title: 'TestNewSubscriberReceivesOldMessages: the first group of a queue gets what waits there',
      async run(stand) {
        await stand.publish(numbered(30));
        assert.deepEqual(
          sorted(await receiveAndAck(await stand.consume(), 30)),
          numbered(30).map((_, i) => String(i)),
        );
      },
    },
    {
      title: 'TestTopic: a queue gets its own messages and no others',
      async run(stand) {
        const [one, other] = [await stand.consume(), await stand.consume({ queue: stand.otherQueue })];
        await stand.publish([message('for one')]);
        await stand.publish([message('for the other')], stand.otherQueue);
        assert.deepEqual(await receiveAndAck(one, 1), ['for one']);
        assert.deepEqual(await receiveAndAck(other, 1), ['for the other']);
        await expectNothing(one);
        await expectNothing(other);
      },
    },
    {
      title: 'names may hold spaces, quotes, dots and letters of any script',
      async run(stand) {
        const queue = `${stand.queue} ünï "quoted" 'too' a.b/c`;
        const consumer = await stand.consume({ queue, group: "gro'up é" });
        await stand.publish([message('x')], queue);
        const delivery = await receiveOne(consumer);
        assert.equal(delivery.queue, queue);
        await delivery.ack();
      },
    },
    {
      title: 'nothing at all may be published',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([]);
        await expectNothing(consumer, 50);
      },
    },
    {
      title: 'the messages of one publish become visible together',
      needs: ['atomicPublish'],
      async run(stand) {
        const consumer = await stand.consume({ on: await stand.another() });
        for (let round = 0; round < 20; round++) {
          const [received] = await Promise.all([consumer.next(50, { waitMs: 5000 }), stand.publish(numbered(50))]);
          assert.equal(received.length, 50, 'the first look that finds one finds all');
          await Promise.all(received.map((delivery) => delivery.ack()));
        }
      },
    },
    {
      title: 'TestPublisherClose: closing waits for what is being published, then refuses more',
      async run(stand) {
        const publisher = await stand.another();
        const confirmed: string[] = [];
        const publishing = Promise.allSettled(
          Array.from({ length: 500 }, (_, i) =>
            publisher.publish(stand.queue, [message(String(i))]).then(() => confirmed.push(String(i))),
          ),
        );
        await publisher.close();
        await publishing;
        assert.equal(confirmed.length, 500);
        await assert.rejects(publisher.publish(stand.queue, [message('late')]), { code: 'THRUN_TRANSPORT_CLOSED' });
        assert.deepEqual(sorted(await receiveAndAck(await stand.consume(), 500)), sorted(confirmed));
      },
    },
    {
      title: 'messages outlive every process that knew of them',
      needs: ['persistent'],
      async run(stand) {
        const publisher = await stand.another();
        await publisher.publish(stand.queue, numbered(10));
        await publisher.close();
        await stand.transport.close();
        const consumer = await stand.consume({ on: await stand.another() });
        assert.equal((await receiveAndAck(consumer, 10)).length, 10);
      },
    },
    {
      title: 'a transport may be opened twice and closed twice',
      async run(stand) {
        await stand.transport.open();
        await stand.publish([message('x')]);
        await stand.transport.close();
        await stand.transport.close();
        await assert.rejects(stand.consume(), { code: 'THRUN_TRANSPORT_CLOSED' });
      },
    },
  ],
};

function textsOf100(): string[] {
  return Array.from({ length: 100 }, (_, i) => String(i));
}

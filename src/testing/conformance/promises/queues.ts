import assert from 'node:assert/strict';
import type { QueueStats } from '../../../contracts/transport.js';
import type { PromiseCases } from '../case.js';
import { expectNothing, message, numbered, receive, receiveOne, retryOf, sorted, textsOf } from '../receive.js';
import type { Stand } from '../stand.js';

const HOUR_MS = 3_600_000;
const NEEDS = ['queues'] as const;

export const queues: PromiseCases = {
  promise: 'a transport can tell what it holds',
  cases: [
    {
      title: 'ready, in flight, delayed, dead: each message is counted in one place',
      needs: ['queues', 'deadLetters'],
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(20));
        await stand.publish([message('later', { deliverAt: Date.now() + HOUR_MS })]);
        assert.deepEqual(await counts(stand), ['workers: 20 ready, 0 in flight, 1 delayed, 0 dead']);
        const batch = await receive(consumer, 12, 12);
        assert.deepEqual(await counts(stand), ['workers: 8 ready, 12 in flight, 1 delayed, 0 dead']);
        const [a, b, c, d] = batch;
        assert.ok(a && b && c && d);
        await Promise.all([a.ack(), b.release(), c.handOver([retryOf(c, { delayMs: HOUR_MS })]), d.handOver([DEAD])]);
        assert.deepEqual(await counts(stand), ['workers: 9 ready, 8 in flight, 2 delayed, 1 dead']);
        await Promise.all(batch.slice(4).map((delivery) => delivery.ack()));
        assert.deepEqual(await counts(stand), ['workers: 9 ready, 0 in flight, 2 delayed, 1 dead']);
      },
    },
    {
      title: 'what waits before any group is there is told under no name',
      needs: NEEDS,
      async run(stand) {
        await stand.publish(numbered(4));
        await stand.publish([message('later', { deliverAt: Date.now() + HOUR_MS })]);
        assert.deepEqual(await counts(stand), [': 4 ready, 0 in flight, 1 delayed, 0 dead']);
        await stand.consume();
        assert.deepEqual(await counts(stand), ['workers: 4 ready, 0 in flight, 1 delayed, 0 dead']);
      },
    },
    {
      title: 'one row a group, sorted',
      needs: ['queues', 'fanOut'],
      async run(stand) {
        for (const group of ['b', 'c', 'a']) await stand.consume({ group });
        await stand.publish(numbered(2));
        const b = await stand.consume({ group: 'b' });
        await Promise.all((await receive(b, 2)).map((delivery) => delivery.ack()));
        assert.deepEqual(await counts(stand), [
          'a: 2 ready, 0 in flight, 0 delayed, 0 dead',
          'b: 0 ready, 0 in flight, 0 delayed, 0 dead',
          'c: 2 ready, 0 in flight, 0 delayed, 0 dead',
        ]);
      },
    },
    {
      title: 'what was handed to a queue nobody consumes yet is not hidden',
      needs: NEEDS,
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('x')]);
        const delivery = await receiveOne(consumer);
        await delivery.handOver([retryOf(delivery, { queue: stand.otherQueue })]);
        const rows = await stand.stats(stand.otherQueue);
        assert.deepEqual(
          rows.filter(({ group }) => group === 'workers').map(({ depth }) => depth),
          [1],
        );
      },
    },
    {
      title: 'the age of the oldest that is ready, the time to the next retry',
      needs: NEEDS,
      async run(stand) {
        const consumer = await stand.consume();
        const [empty] = await stand.stats();
        assert.deepEqual([empty?.oldestAgeMs, empty?.nextRetryMs], [undefined, undefined]);
        await stand.publish([message('later', { deliverAt: Date.now() + HOUR_MS })]);
        const [scheduled] = await stand.stats();
        assert.deepEqual(
          [scheduled?.oldestAgeMs, scheduled?.nextRetryMs],
          [undefined, undefined],
          'a delay is not a retry',
        );
        await stand.publish(numbered(2));
        const one = await receiveOne(consumer);
        await one.handOver([retryOf(one, { delayMs: HOUR_MS })]);
        const [row] = await stand.stats();
        assert.ok(row?.oldestAgeMs !== undefined && row.oldestAgeMs >= 0 && row.oldestAgeMs < 60_000);
        assert.ok(row.nextRetryMs !== undefined && row.nextRetryMs > HOUR_MS - 60_000 && row.nextRetryMs <= HOUR_MS);
      },
    },
    {
      title: 'purged is what waits: not what is in flight, not what is dead, not another queue',
      needs: ['queues', 'deadLetters'],
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(20));
        await stand.publish([message('later', { deliverAt: Date.now() + HOUR_MS })]);
        await stand.publish(numbered(3), stand.otherQueue);
        const batch = await receive(consumer, 10, 10);
        const [a, b, c, ...rest] = batch;
        assert.ok(a && b && c);
        await Promise.all([a.release(), b.handOver([retryOf(b, { delayMs: HOUR_MS })]), c.handOver([DEAD])]);
        assert.equal(await purge(stand), 13, '10 not received, 1 scheduled, 1 released, 1 waiting for its retry');
        assert.deepEqual(await counts(stand), ['workers: 0 ready, 7 in flight, 0 delayed, 1 dead']);
        assert.equal(await purge(stand), 0);
        await expectNothing(consumer, 50);
        await Promise.all(rest.slice(1).map((delivery) => delivery.ack()));
        await rest[0]?.release();
        await stand.publish([message('new')]);
        assert.deepEqual(sorted(textsOf(await receive(consumer, 2))), sorted(['3', 'new']), 'the queue works on');
        assert.deepEqual(
          (await stand.stats(stand.otherQueue)).map(({ depth }) => depth),
          [3],
        );
      },
    },
    {
      title: 'purging counts a message once, however many groups wait for it',
      needs: ['queues', 'fanOut'],
      async run(stand) {
        const [a] = [await stand.consume({ group: 'a' }), await stand.consume({ group: 'b' })];
        await stand.publish(numbered(10));
        const batch = await receive(a, 4, 4);
        await Promise.all(batch.map((delivery) => delivery.handOver([retryOf(delivery, { delayMs: HOUR_MS })])));
        assert.equal(await purge(stand), 10);
        assert.deepEqual(await counts(stand), [
          'a: 0 ready, 0 in flight, 0 delayed, 0 dead',
          'b: 0 ready, 0 in flight, 0 delayed, 0 dead',
        ]);
      },
    },
    {
      title: 'purging before any group is there, and of a queue nobody knows',
      needs: NEEDS,
      async run(stand) {
        await stand.publish(numbered(5));
        assert.equal(await purge(stand), 5);
        assert.equal(await stand.transport.queues?.purge('nobody knows this one'), 0);
        await stand.publish([message('new')]);
        const consumer = await stand.consume();
        assert.deepEqual(textsOf(await receive(consumer, 1)), ['new']);
        await expectNothing(consumer, 50);
      },
    },
  ],
};

const DEAD = {
  kind: 'dead',
  target: undefined,
  reason: 'gave_up',
  error: 'no use',
  attempts: 1,
  event: undefined,
  eventId: undefined,
} as const;

async function counts(stand: Stand): Promise<string[]> {
  const line = ({ group, depth, inFlight, delayed, dead }: QueueStats) =>
    `${group}: ${depth} ready, ${inFlight} in flight, ${delayed} delayed, ${dead} dead`;
  return (await stand.stats()).map(line);
}

function purge(stand: Stand): Promise<number> {
  return (
    stand.transport.queues?.purge(stand.queue) ??
    assert.fail('the transport says it has queues, but gives no access to them')
  );
}

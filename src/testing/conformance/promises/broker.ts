import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ThrunError } from '../../../contracts/errors.js';
import type { TransportNotice } from '../../../contracts/transport.js';
import type { PromiseCases } from '../case.js';
import { message, receiveAndAck, receiveOne, retryOf, textOf, until } from '../receive.js';
import type { Stand } from '../stand.js';

const MESSAGES = 600;
const PUBLISHERS = 10;
const DELAY_MS = 1500;

export const broker: PromiseCases = {
  promise: 'a broker that was lost is found again',
  cases: [
    {
      title:
        'TestReconnect: killed at one third and at two thirds, nothing confirmed is lost, consumers go on by themselves',
      needs: ['restart', 'persistent'],
      async run(stand) {
        const publisher = await stand.another();
        const consumer = await stand.consume({ visibilityMs: 2000 });
        const seen = new Set<string>();
        const confirmed = new Set<string>();
        let next = 0;
        const publish = async () => {
          while (next < MESSAGES) {
            const text = String(next++);
            await publisher.publish(stand.queue, [message(text)]).then(
              () => confirmed.add(text),
              // Whoever is refused tries again; here it is one message less.
              () => sleep(20),
            );
          }
        };
        const stop = new AbortController();
        const consuming = (async () => {
          while (!stop.signal.aborted) {
            for (const delivery of await consumer.next(50, { waitMs: 100, signal: stop.signal })) {
              seen.add(textOf(delivery));
              void delivery.ack();
            }
          }
        })();
        const publishing = Promise.all(Array.from({ length: PUBLISHERS }, publish));
        for (const third of [1, 2]) {
          await until(`${third} of 3 parts are published`, () => next > (MESSAGES * third) / 3);
          await restart(stand);
        }
        await publishing;
        await publisher.publish(stand.queue, [message('last')]);
        confirmed.add('last');
        await until('all that was confirmed is received', () => [...confirmed].every((text) => seen.has(text)));
        stop.abort();
        await consuming;
      },
    },
    {
      title: 'its loss is reported once, and so is its return',
      needs: ['restart', 'persistent'],
      async run(stand) {
        const notices: TransportNotice[] = [];
        const consumer = await stand.consume({ notices });
        const waiting = consumer.next(1);
        await restart(stand);
        await until('it is back', () => notices.some(({ kind }) => kind === 'reconnected'));
        await stand.publish([message('x')]);
        const [delivery] = await waiting;
        await (delivery ?? (await receiveOne(consumer))).ack();
        assert.deepEqual(
          notices.map(({ kind }) => kind).filter((kind) => kind !== 'degraded'),
          ['disconnected', 'reconnected'],
        );
      },
    },
    {
      title: 'delays and retries survive its restart, and are not early',
      needs: ['restart', 'persistent'],
      async run(stand) {
        const consumer = await stand.consume({ visibilityMs: 2000 });
        const deliverAt = Date.now() + DELAY_MS;
        await stand.publish([message('scheduled', { deliverAt }), message('retried')]);
        const first = await receiveOne(consumer);
        await first.handOver([retryOf(first, { delayMs: DELAY_MS })]);
        await restart(stand);
        const texts = await receiveAndAck(consumer, 2);
        assert.ok(Date.now() >= deliverAt, 'it came early');
        assert.deepEqual(texts.sort(), ['retried', 'scheduled']);
      },
    },
    {
      title: 'a publish whose answer is lost is said to be unknown, or made sure of, and was done once at the most',
      needs: ['lostAnswer'],
      async run(stand) {
        const { transport, loseAnswer } = await stand.unsure();
        const consumer = await stand.consume();
        await transport.publish(stand.queue, [message('before')]);
        loseAnswer('perhaps');
        const said = await transport.publish(stand.queue, [message('perhaps')]).then(
          () => 'published',
          (error: unknown) => (error as ThrunError).code,
        );
        assert.ok(said === 'published' || said === 'THRUN_PUBLISH_UNKNOWN', said);
        await transport.publish(stand.queue, [message('after')]);
        const texts: string[] = [];
        while (!texts.includes('after')) texts.push(...(await receiveAndAck(consumer, 1)));
        const more = await consumer.next(10, { waitMs: 150 });
        texts.push(...more.map(textOf));
        const times = texts.filter((text) => text === 'perhaps').length;
        assert.ok(times === 1 || (times === 0 && said !== 'published'), texts.join(', '));
      },
    },
  ],
};

function restart({ subject }: Stand): Promise<void> {
  return subject.restart?.() ?? assert.fail('the factory says that it can restart its broker, but gives no way to');
}

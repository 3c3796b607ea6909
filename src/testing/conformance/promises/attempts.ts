import assert from 'node:assert/strict';
import { type Delivery, SUSPECT_CRASHES } from '../../../contracts/delivery.js';
import type { PromiseCases } from '../case.js';
import { message, receiveOne, retryOf } from '../receive.js';
import type { Stand } from '../stand.js';

export const attempts: PromiseCases = {
  promise: 'attempts and crashes are counted when a message is claimed',
  cases: [
    {
      title: 'every worker that dies with it counts as an attempt and a crash',
      async run(stand) {
        await publishOne(stand);
        for (let died = 0; died < SUSPECT_CRASHES; died++) {
          assert.deepEqual(counts(await receiveAndDie(stand)), [died + 1, died]);
        }
        const survivor = await receiveOne(await stand.consume());
        assert.deepEqual(counts(survivor), [SUSPECT_CRASHES + 1, SUSPECT_CRASHES]);
        await survivor.ack();
      },
    },
    {
      title: 'a crash counts against a suspect only once it has begun',
      async run(stand) {
        await publishOne(stand);
        for (let died = 0; died < SUSPECT_CRASHES; died++) await receiveAndDie(stand);
        assert.deepEqual(counts(await receiveAndDie(stand)), [3, 2]);
        assert.deepEqual(counts(await receiveAndDie(stand, (suspect) => suspect.begin())), [4, 2]);
        const again = await receiveOne(await stand.consume());
        assert.deepEqual(counts(again), [5, 3]);
        // It did not crash this time.
        await again.begin();
        await again.release();
        assert.deepEqual(counts(await receiveOne(await stand.consume())), [5, 3]);
      },
    },
    {
      title: 'a release undoes its own receipt and no other',
      async run(stand) {
        await publishOne(stand);
        await receiveAndDie(stand);
        const consumer = await stand.consume();
        for (let round = 0; round < 3; round++) {
          const delivery = await receiveOne(consumer);
          assert.deepEqual(counts(delivery), [2, 1]);
          await delivery.release();
        }
      },
    },
    {
      title: 'a retry that crashes counts on from what it carried',
      async run(stand) {
        await stand.publish([message('x')]);
        const consumer = await stand.consume();
        const first = await receiveOne(consumer);
        await first.handOver([retryOf(first, { attempts: 3, crashes: 1 })]);
        assert.deepEqual(counts(await receiveAndDie(stand)), [4, 1]);
        const last = await receiveOne(consumer);
        assert.deepEqual(counts(last), [5, 2]);
        await last.ack();
      },
    },
    {
      title: 'a worker that hands back what it held, then dies, has crashed nothing',
      async run(stand) {
        const { transport, stall } = await stand.stalling();
        const dying = await stand.consume({ on: transport, visibilityMs: stand.dyingMs });
        await stand.publish([message('x')]);
        await (await receiveOne(dying)).release();
        stall();
        assert.deepEqual(counts(await receiveOne(await stand.consume())), [1, 0]);
      },
    },
  ],
};

function counts({ attempt, crashes }: Delivery): [number, number] {
  return [attempt, crashes];
}

/** To a group that is there: what nobody waited for may come twice where the first to receive it dies (RabbitMQ 4). */
async function publishOne(stand: Stand): Promise<void> {
  await (await stand.consume()).close();
  await stand.publish([message('x')]);
}

async function receiveAndDie(stand: Stand, before?: (delivery: Delivery) => Promise<void>): Promise<Delivery> {
  const { transport, stall } = await stand.stalling();
  const delivery = await receiveOne(await stand.consume({ on: transport, visibilityMs: stand.dyingMs }));
  await before?.(delivery);
  stall();
  return delivery;
}

import rascalModule from 'rascal';
import { EVENT, envelope } from '../../payload.mjs';

/** A confirmed publication and a subscription with the prefetch its documentation advises for throughput. */
export const rascal = {
  async open({ url, queue, concurrency }) {
    const broker = await rascalModule.BrokerAsPromised.create({
      vhosts: {
        '/': {
          connection: url,
          exchanges: { [queue]: { type: 'topic' } },
          queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': 'quorum' } } } },
          bindings: [`${queue}[#] -> ${queue}`],
          publications: { out: { exchange: queue, routingKey: EVENT, confirm: true } },
          subscriptions: { in: { queue, prefetch: Math.max(400, concurrency) } },
        },
      },
    });
    broker.on('error', console.error);
    const publish = async (payload) => {
      const publication = await broker.publish('out', envelope(payload));
      await new Promise((resolve, reject) => publication.on('success', resolve).on('error', reject));
    };
    return {
      publish,
      publishMany: (payloads) => Promise.all(payloads.map(publish)),
      work: async (handle) => {
        const subscription = await broker.subscribe('in');
        const [waiting, run] = limited(concurrency, handle);
        subscription.on('message', (_, content, ackOrNack) => run(content, ackOrNack)).on('error', console.error);
        return {
          async stop() {
            await subscription.cancel();
            while (waiting() > 0) await new Promise(setImmediate);
          },
        };
      },
      close: () => broker.shutdown(),
    };
  },
};

/** It has no limit of its own beside the prefetch. */
function limited(concurrency, handle) {
  const queue = [];
  let running = 0;
  const run = (content, ack) => {
    if (running >= concurrency) return void queue.push([content, ack]);
    running++;
    handle(content.payload).then(() => {
      running--;
      ack();
      const next = queue.shift();
      if (next) run(...next);
    });
  };
  return [() => running + queue.length, run];
}

import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { EVENT, envelope } from '../../payload.mjs';

const QUORUM = { durable: true, arguments: { 'x-queue-type': 'quorum' } };
const PREFETCH = 400;

const rawWith = (properties) => ({
  async open({ url, queue, concurrency }) {
    const connection = await connect(url, { noDelay: true });
    const channel = await connection.createConfirmChannel({ highWaterMark: 4096 });
    await channel.assertExchange(queue, 'topic', { durable: true });
    await channel.assertQueue(queue, QUORUM);
    await channel.bindQueue(queue, queue, '#');
    const returned = new Set();
    channel.on('return', (message) => returned.add(message.properties.messageId));
    const publish = (payload) =>
      new Promise((resolve, reject) => {
        const body = Buffer.from(JSON.stringify(envelope(payload)));
        const options = properties();
        channel.publish(queue, EVENT, body, options, (error) => {
          if (error || returned.has(options.messageId)) reject(error ?? new Error('nobody took it'));
          else resolve();
        });
      });
    return {
      publish,
      publishMany: async (payloads) => {
        for (const payload of payloads) {
          channel.publish(queue, EVENT, Buffer.from(JSON.stringify(envelope(payload))), properties());
        }
        await channel.waitForConfirms();
        if (returned.size > 0) throw new Error('nobody took some');
      },
      work: async (handle) => work(connection, queue, handle, concurrency),
      close: () => connection.close(),
    };
  },
});

/**
 * amqplib alone, as well as it can be used: a confirm channel, many messages on their way at once, and acknowledgements
 * for all up to the last one that is done. No retries, no groups, no reconnection, nothing checked: a message that no
 * queue takes is confirmed and gone.
 */
export const raw = rawWith(() => ({ persistent: true }));

/** The same, but it notices what nobody takes, as thrun does: mandatory, with an id by which to find what came back. */
export const rawMandatory = rawWith(() => ({
  persistent: true,
  mandatory: true,
  messageId: randomUUID(),
  timestamp: Math.floor(Date.now() / 1000),
  contentType: 'application/json',
}));

async function work(connection, queue, handle, concurrency) {
  const channel = await connection.createChannel();
  await channel.prefetch(Math.max(PREFETCH, concurrency));
  const waiting = [];
  const done = new Set();
  let [acked, running] = [0, 0];
  let isScheduled = false;
  const flush = () => {
    isScheduled = false;
    let last;
    while (done.delete(acked + 1)) last = ++acked;
    if (last !== undefined) channel.ack({ fields: { deliveryTag: last } }, true);
  };
  const run = (message) => {
    running++;
    const settle = () => {
      running--;
      done.add(message.fields.deliveryTag);
      if (!isScheduled) {
        isScheduled = true;
        setImmediate(flush);
      }
      if (waiting.length > 0) run(waiting.shift());
    };
    handle(JSON.parse(message.content).payload).then(settle, settle);
  };
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (running < concurrency) run(message);
    else waiting.push(message);
  });
  return {
    async stop() {
      await channel.cancel(consumerTag);
      while (running > 0) await new Promise(setImmediate);
      flush();
      await channel.close();
    },
  };
}

import { envelope } from '../../payload.mjs';
import { kafkaAt, makeTopic, PARTITIONS } from './topic.mjs';

/**
 * kafkajs alone, as well as it can be used: what one turn of the event loop publishes goes in one request, confirmed by all
 * replicas; whole batches are handled, and their offsets committed once. No retries, no dead letters, nothing checked, and
 * of what was in hand when the process died a whole batch comes again.
 */
export const raw = {
  async open({ url, queue, concurrency, role }) {
    const kafka = kafkaAt(url);
    await makeTopic(kafka, queue);
    const producer = role === 'publisher' ? kafka.producer() : undefined;
    await producer?.connect();
    const send = (payloads) =>
      producer.send({
        topic: queue,
        acks: -1,
        messages: payloads.map((payload) => ({ value: JSON.stringify(envelope(payload)) })),
      });
    return {
      publish: (payload) => send([payload]),
      publishTogether: gathered(send),
      publishMany: send,
      work: (handle) => work(kafka, queue, handle, concurrency),
      close: () => producer?.disconnect(),
    };
  },
};

function gathered(send) {
  let together;
  return (payload) => {
    if (!together) {
      const payloads = [];
      const sent = new Promise((resolve) => setImmediate(resolve)).then(() => {
        together = undefined;
        return send(payloads);
      });
      together = { payloads, sent };
    }
    together.payloads.push(payload);
    return together.sent;
  };
}

async function work(kafka, queue, handle, concurrency) {
  const consumer = kafka.consumer({ groupId: `bench-${queue}` });
  const limit = limited(concurrency, handle);
  await consumer.connect();
  await consumer.subscribe({ topic: queue, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: PARTITIONS,
    async eachBatch({ batch: { topic, partition, messages }, resolveOffset, heartbeat }) {
      await Promise.all(messages.map(({ value }) => limit(JSON.parse(value.toString()).payload)));
      const last = messages.at(-1).offset;
      resolveOffset(last);
      await consumer.commitOffsets([{ topic, partition, offset: String(Number(last) + 1) }]);
      await heartbeat();
    },
  });
  return { stop: () => consumer.disconnect() };
}

function limited(concurrency, handle) {
  const waiting = [];
  let running = 0;
  const run = (payload, resolve) => {
    running++;
    handle(payload).then(() => {
      running--;
      resolve();
      const next = waiting.shift();
      if (next) run(...next);
    });
  };
  return (payload) =>
    new Promise((resolve) => {
      if (running < concurrency) run(payload, resolve);
      else waiting.push([payload, resolve]);
    });
}

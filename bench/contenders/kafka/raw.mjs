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
  await consumer.connect();
  await consumer.subscribe({ topic: queue, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: PARTITIONS,
    async eachBatch({ batch: { topic, partition, messages }, resolveOffset, heartbeat }) {
      let at = 0;
      const lane = async () => {
        while (at < messages.length) await handle(JSON.parse(messages[at++].value.toString()).payload);
      };
      await Promise.all(Array.from({ length: Math.ceil(concurrency / PARTITIONS) }, lane));
      const last = messages.at(-1).offset;
      resolveOffset(last);
      await consumer.commitOffsets([{ topic, partition, offset: String(Number(last) + 1) }]);
      await heartbeat();
    },
  });
  return { stop: () => consumer.disconnect() };
}

import { expect, onTestFinished, test } from 'vitest';
import { KafkajsClient } from '../../../src/transports/kafka/client/kafkajs-client.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { node, queueName } from './stage.js';

test('however often a broker that is gone is asked, nothing is warned of, and it is found again when it is back', async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning.message);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const broker = await node();
  const client = new KafkajsClient(kafkaOptions(broker.url));
  onTestFinished(() => client.close());
  await client.open();
  const topic = queueName();
  await client.createTopics([{ topic, partitions: 1, replicas: 1, config: {} }]);
  const place = { topic, partition: 0 };
  await client.send([{ ...place, key: null, value: Buffer.from('before'), headers: {} }]);
  const link = client.member('readers');
  const read = async () => {
    const [leader = -1] = (await link.leaders([topic])).values();
    return link.fetch(leader, { waitMs: 0, places: [{ ...place, offset: 0 }] });
  };
  await read();
  await broker.kill();
  for (let i = 0; i < 15; i++) {
    await expect(link.fetch(1, { waitMs: 0, places: [{ ...place, offset: 0 }] })).rejects.toThrow(
      /ECONNREFUSED|[Cc]onnection/,
    );
  }
  await broker.start();
  await expect.poll(() => read().then((fetched) => fetched.length)).toBe(1);
  await link.close();
  expect(warnings).toEqual([]);
});

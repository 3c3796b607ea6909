import { expect, onTestFinished, test, vi } from 'vitest';
import { KafkajsClient } from '../../../src/transports/kafka/client/kafkajs-client.js';
import { Connections } from '../../../src/transports/kafka/client/kafkajs-connections.js';
import { failureOf } from '../../../src/transports/kafka/client/kafkajs-failure.js';
import { Cluster } from '../../../src/transports/kafka/client/kafkajs-parts.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { sharedKafka } from '../../brokers/shared.js';
import { queueName } from '../receiving.js';

/** As kafkajs throws it, when who leads a partition that was just made is not known yet. */
const nobodyLeads = () =>
  Object.assign(new Error('Broker -1 not found in the cached metadata'), {
    name: 'KafkaJSBrokerNotFound',
    retriable: true,
  });

test('a leader that is not known yet is no broken connection: the question is asked again', async () => {
  expect(failureOf(nobodyLeads())).toMatchObject({ code: 'LEADER_NOT_AVAILABLE', mayPass: true });
  let asked = 0;
  const answer = await new Connections(kafkaOptions('127.0.0.1:1')).again(async () => {
    if (++asked < 3) throw nobodyLeads();
    return 'the leader';
  });
  expect([answer, asked]).toEqual(['the leader', 3]);
});

test('who coordinates a group is found at the first try, by a client that has asked for nothing yet', async () => {
  const [group, topic] = [queueName(), queueName()];
  const opened = async () => {
    const client = new KafkajsClient(kafkaOptions(await sharedKafka()));
    onTestFinished(() => client.close());
    await client.open();
    return client;
  };
  const first = await opened();
  await first.createTopics([{ topic, partitions: 1, replicas: 1, config: {} }]);
  // A group of which nobody has heard yet has no coordinator for a moment.
  await first.committed(group, [topic]);
  const client = await opened();
  const tries = vi.spyOn(Cluster.prototype as unknown as Coordinating, 'findGroupCoordinatorMetadata');
  onTestFinished(() => void vi.restoreAllMocks());
  expect(await client.committed(group, [topic])).toEqual(new Map());
  expect(tries).toHaveBeenCalledTimes(1);
});

interface Coordinating {
  findGroupCoordinatorMetadata(): unknown;
}

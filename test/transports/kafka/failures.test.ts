import { expect, test } from 'vitest';
import { Connections } from '../../../src/transports/kafka/kafkajs-connections.js';
import { failureOf } from '../../../src/transports/kafka/kafkajs-failure.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';

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

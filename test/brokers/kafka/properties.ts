import { readFile } from 'node:fs/promises';
import type { KafkaOptions } from '../kafka.js';

// What stands in a broker's server.properties, beside where it listens.

export const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];

export async function secureListener({ tls, user }: KafkaOptions) {
  const pem = async (file: string) => (await readFile(file, 'utf8')).trimEnd().replaceAll('\n', '\\n');
  const modules = 'org.apache.kafka.common.security';
  return {
    protocol: user ? (tls ? 'SASL_SSL' : 'SASL_PLAINTEXT') : tls ? 'SSL' : 'PLAINTEXT',
    lines: [
      ...(tls
        ? [
            'ssl.keystore.type=PEM',
            `ssl.keystore.certificate.chain=${await pem(tls.cert)}`,
            `ssl.keystore.key=${await pem(tls.key)}`,
          ]
        : []),
      ...(user
        ? [
            `sasl.enabled.mechanisms=PLAIN,${SCRAM.join(',')}`,
            `listener.name.secure.plain.sasl.jaas.config=${modules}.plain.PlainLoginModule required user_${user.name}="${user.password}";`,
            ...SCRAM.map(
              (mechanism) =>
                `listener.name.secure.${mechanism.toLowerCase()}.sasl.jaas.config=${modules}.scram.ScramLoginModule required;`,
            ),
          ]
        : []),
    ],
  };
}

export function quorum(voters: string, count: number): readonly string[] {
  const replicas = count;
  const confirming = Math.max(1, count - 1);
  return [
    'process.roles=broker,controller',
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAIN',
    `controller.quorum.voters=${voters}`,
    `default.replication.factor=${replicas}`,
    `min.insync.replicas=${confirming}`,
    'offsets.topic.num.partitions=1',
    `offsets.topic.replication.factor=${replicas}`,
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${confirming}`,
    `share.coordinator.state.topic.replication.factor=${replicas}`,
    `share.coordinator.state.topic.min.isr=${confirming}`,
    // Who wants a topic says so: what would otherwise make one by asking for it goes unnoticed.
    'auto.create.topics.enable=false',
    'group.initial.rebalance.delay.ms=0',
  ];
}

/** Members that die, and brokers, are noticed in a test's time, by a broker that takes little room. */
export const HURRY = [
  'group.min.session.timeout.ms=1000',
  'broker.heartbeat.interval.ms=500',
  'broker.session.timeout.ms=3000',
  'replica.lag.time.max.ms=5000',
  'log.cleaner.dedupe.buffer.size=1048577',
  'num.network.threads=2',
  'num.io.threads=4',
];

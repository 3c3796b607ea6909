import { ThrunError } from '../../contracts/errors.js';
import { KafkaFailure } from './kafka-client.js';

function unavailable(why: string, cause?: unknown): ThrunError {
  return new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', ['kafka', why], { cause });
}

export function refused(why: string, cause?: unknown): ThrunError {
  return new ThrunError('THRUN_TRANSPORT_REFUSED', ['kafka', why], { cause });
}

export function unknown(why: string, cause?: unknown): ThrunError {
  return new ThrunError('THRUN_PUBLISH_UNKNOWN', ['kafka', why], { cause });
}

export function closed(): ThrunError {
  return new ThrunError('THRUN_TRANSPORT_CLOSED', ['kafka']);
}

/** For a person: what Kafka said, and what to do where we know it. */
export function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  const hint = error instanceof KafkaFailure ? HINTS[error.code] : undefined;
  return hint === undefined ? text : `${text.replace(/\.+$/, '')}. ${hint}`;
}

/** The failure as the error of a transport: nobody answers, or Kafka does not want it. */
export function errorFor(error: unknown): ThrunError {
  if (error instanceof ThrunError) return error;
  const mayPass = error instanceof KafkaFailure && error.mayPass;
  return mayPass ? unavailable(textOf(error), error) : refused(textOf(error), error);
}

const RIGHTS =
  'Give this user the right to it (kafka-acls.sh): read and write on the topics, read on the groups, create on the cluster';

const HINTS: Readonly<Record<string, string>> = {
  MESSAGE_TOO_LARGE:
    'Raise max.message.bytes of the topic (kafka-configs.sh), or send a reference to the data in place of the data',
  TOPIC_AUTHORIZATION_FAILED: RIGHTS,
  GROUP_AUTHORIZATION_FAILED: RIGHTS,
  CLUSTER_AUTHORIZATION_FAILED: RIGHTS,
  SASL_AUTHENTICATION_FAILED: 'Mend transports.kafka.sasl',
  INVALID_REPLICATION_FACTOR: 'Set transports.kafka.topics.replicas to no more than there are brokers',
  INVALID_TOPIC_EXCEPTION: 'Give the queue another name: Kafka takes "a.b" and "a_b" for the same',
  INCONSISTENT_GROUP_PROTOCOL:
    'Another program consumes as this group in its own way: give one of the two another group name',
  NOT_ENOUGH_REPLICAS: 'Fewer brokers are in sync than min.insync.replicas asks for: bring them back',
};

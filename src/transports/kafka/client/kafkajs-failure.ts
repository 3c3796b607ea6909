import { KafkaFailure, type Place } from '../kafka-client.js';

interface KafkajsError extends Error {
  readonly type?: string;
  readonly retriable?: boolean;
  readonly topic?: string;
  readonly partition?: number;
  readonly errors?: readonly unknown[];
}

/** Codes that kafkajs calls final and that pass: leaders and coordinators move. */
const PASSING = new Set([
  'LEADER_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
]);

/** What kafkajs throws, in one shape. */
export function failureOf(error: unknown): unknown {
  if (error instanceof KafkaFailure) return error;
  const inner = innermost(error);
  if (!(inner instanceof Error) || !inner.name.startsWith('KafkaJS')) return error;
  const { type, retriable = false, topic, partition, message } = inner as KafkajsError;
  const place: Place | undefined = topic !== undefined && partition !== undefined ? { topic, partition } : undefined;
  const code = type ?? CODES[inner.name] ?? inner.name;
  const mayPass = code === 'CONNECTION' || PASSING.has(code) || (retriable && code !== 'SASL_AUTHENTICATION_FAILED');
  return new KafkaFailure(code, message, mayPass, place, { cause: inner });
}

/** Retries that were exceeded are no news, and of several failures the first is as good as any. */
function innermost(error: unknown): unknown {
  for (let at = error; ; ) {
    const { name, cause, errors } = (at ?? {}) as KafkajsError;
    if (name === 'KafkaJSNumberOfRetriesExceeded' && cause instanceof Error) at = cause;
    else if (name === 'KafkaJSAggregateError' && errors?.[0] instanceof Error) at = errors[0];
    else return at;
  }
}

const CODES: Readonly<Record<string, string>> = {
  KafkaJSConnectionError: 'CONNECTION',
  KafkaJSConnectionClosedError: 'CONNECTION',
  KafkaJSRequestTimeoutError: 'CONNECTION',
  // Who leads, or coordinates, is not known yet, or is a broker that is not known yet.
  KafkaJSBrokerNotFound: 'LEADER_NOT_AVAILABLE',
  KafkaJSLockTimeout: 'CONNECTION',
  KafkaJSMetadataNotLoaded: 'CONNECTION',
  KafkaJSTopicMetadataNotLoaded: 'CONNECTION',
  KafkaJSGroupCoordinatorNotFound: 'GROUP_COORDINATOR_NOT_AVAILABLE',
  KafkaJSSASLAuthenticationError: 'SASL_AUTHENTICATION_FAILED',
  KafkaJSNotImplemented: 'UNSUPPORTED_COMPRESSION_TYPE',
};

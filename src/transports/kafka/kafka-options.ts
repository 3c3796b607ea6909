import type { ConnectionOptions } from 'node:tls';

export interface KafkaOptions {
  /** `host:port` of a few brokers; the others are found from there. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** `true`, or what Node's `tls.connect` takes. */
  readonly ssl?: boolean | ConnectionOptions | undefined;
  readonly sasl?: KafkaSasl | undefined;
  /** How long a publish may wait for its confirmation, a lost broker included. */
  readonly timeoutMs: number;
  /** How often a member tells the group that it lives. A change in the group is noticed as soon. */
  readonly heartbeatMs: number;
  /** Of what is written. Default: none. */
  readonly compression?: 'none' | 'gzip' | undefined;
  /** What this application has on the broker, whether anything is there yet or not. */
  readonly queues?: readonly string[] | undefined;
  /** Of topics that are made. */
  readonly topics: KafkaTopicOptions;
}

export interface KafkaTopicOptions {
  readonly partitions: number;
  /** Undefined: three, or as many as there are brokers. */
  readonly replicas?: number | undefined;
  /** Undefined: two where there are three replicas. */
  readonly minInSync?: number | undefined;
  readonly retentionMs: number;
  readonly maxMessageBytes: number;
}

export interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

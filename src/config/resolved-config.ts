import type { BatchStore } from '../contracts/batch-store.js';
import type { Container, Logger, Middleware } from '../contracts/listener.js';
import type { Route } from '../contracts/route.js';
import type { Transport } from '../contracts/transport.js';
import type { RetryPolicy } from '../registry/listener.js';
import type { BatchStoreName, KafkaConfig, LogLevel, RabbitmqConfig, RedisConfig, TransportName } from './options.js';

/** A config with every default filled in: durations in milliseconds, sizes in bytes, paths absolute. */
export interface ResolvedConfig {
  /** The folder everything is relative to: the config's, else the one it was looked for in. */
  readonly root: string;
  /** The config file; undefined: there is none. */
  readonly file: string | undefined;
  /** What was imported for it: the file, or what it was built into. A worker process is handed it and need not build. */
  readonly module: string | undefined;
  readonly group: string;
  readonly source: string;
  readonly transport: TransportName | Transport;
  readonly transports: {
    readonly sqlite: { readonly path: string; readonly durability: 'full' | 'normal' };
    readonly redis: ResolvedRedisConfig & { readonly historyMs: number; readonly queues: readonly string[] };
    readonly rabbitmq: Omit<RabbitmqConfig, 'heartbeat' | 'timeout'> & {
      readonly heartbeatMs: number;
      readonly timeoutMs: number;
      readonly group: string;
      readonly queues: readonly string[];
    };
    readonly kafka: ResolvedKafkaConfig;
  };
  readonly queue: string;
  readonly routes: readonly Route[];
  readonly batches: ResolvedBatchesConfig;
  readonly listeners: readonly string[];
  readonly retry: RetryPolicy;
  readonly unhandled: 'auto' | 'ack' | 'dead';
  readonly limits: { readonly payloadBytes: number; readonly depth: number; readonly metaBytes: number };
  readonly worker: ResolvedWorkerConfig;
  readonly container: Container;
  readonly middleware: readonly Middleware[];
  readonly logger: Logger | undefined;
  readonly logLevel: LogLevel;
}

export type ResolvedRedisConfig = Omit<RedisConfig, 'timeout'> & { readonly timeoutMs: number };

export type ResolvedKafkaConfig = Omit<KafkaConfig, 'brokers' | 'clientId' | 'timeout' | 'heartbeat' | 'topics'> & {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly timeoutMs: number;
  readonly heartbeatMs: number;
  readonly queues: readonly string[];
  readonly topics: {
    readonly partitions: number;
    readonly replicas: number | undefined;
    readonly minInSync: number | undefined;
    readonly retentionMs: number;
    readonly maxMessageBytes: number;
  };
};

export interface ResolvedBatchesConfig {
  /** Undefined: nobody has said it, and nothing suggests itself. */
  readonly store: BatchStoreName | BatchStore | undefined;
  readonly sqlite: { readonly path: string; readonly durability: 'full' | 'normal' };
  readonly redis: ResolvedRedisConfig;
  readonly stalledAfterMs: number;
  readonly keepMs: number | undefined;
}

export interface ResolvedWorkerConfig {
  readonly processes: number;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly visibilityMs: number;
  readonly drainMs: number;
  readonly maxCrashes: number;
  readonly blockedAfterMs: number;
  readonly killBlockedAfterMs: number;
  readonly silentAfterMs: number;
  readonly memoryLimitBytes: number | undefined;
  readonly restarts: number;
}

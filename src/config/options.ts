import type { BatchStore } from '../contracts/batch-store.js';
import type { ConnectionOptions } from 'node:tls';
import type { Container, Logger, Middleware, RetryOptions } from '../contracts/listener.js';
import type { Route } from '../contracts/route.js';
import type { Transport } from '../contracts/transport.js';
import type { Duration, Size } from '../contracts/units.js';

/** The transports a config can name. */
export const TRANSPORTS = ['sqlite', 'redis-list', 'redis-streams', 'rabbitmq', 'kafka', 'memory'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** Those that keep events after they were handled: a test holds this to what they say of themselves. */
export const WITH_HISTORY: readonly TransportName[] = ['redis-streams', 'kafka'];

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The batch stores a config can name. */
export const BATCH_STORES = ['sqlite', 'redis'] as const;
export type BatchStoreName = (typeof BATCH_STORES)[number];

/** What `thrun.config.ts` may say. Everything is optional; an empty config is a working one. */
export interface ThrunConfig {
  /**
   * The application that consumes: where a transport can fan out, every group gets every event.
   * Default: the name in package.json (`@acme/orders` becomes `acme-orders`), else `thrun`.
   */
  readonly group?: string;
  /** Written to `meta.source` of what this application publishes. Default: the group. */
  readonly source?: string;
  /** `sqlite` (default), `redis-list`, `redis-streams`, `rabbitmq`, `kafka`, `memory` (one process, for tests), or your own `Transport`. */
  readonly transport?: TransportName | Transport;
  /** Options of the transports, by name. */
  readonly transports?: TransportsConfig;
  /** The queue events and jobs go to, and are worked from, unless routed elsewhere. Default `events`. */
  readonly queue?: string;
  /**
   * Where events and jobs of some names go: to another transport or queue, or in another format. The first route that
   * matches a name counts; what a publisher says goes before it. Default: none.
   */
  readonly routes?: readonly Route<TransportName>[];
  /**
   * Globs of the listener files, relative to the config's folder; `!…` takes files out again.
   * Default: listeners/ and all folders in it, *.ts, *.mts, *.js, *.mjs. Declarations (`*.d.ts`), tests (`*.test.*`) and
   * node_modules are never listener files.
   */
  readonly listeners?: readonly string[];
  /** How often and how far apart a listener is tried that does not say so itself. Default: 5 attempts, from 1s, doubling. */
  readonly retry?: RetryOptions;
  /**
   * What becomes of an event nobody listens to: `ack` counts it and lets it go, `dead` keeps it as a dead letter.
   * `auto` (default): `ack` where other groups have their own copy, `dead` where this was the only one.
   */
  readonly unhandled?: 'auto' | 'ack' | 'dead';
  /** What is too much for one envelope. */
  readonly limits?: LimitsConfig;
  /** Where batches are kept, and for how long. */
  readonly batches?: BatchesConfig;
  /** How `thrun work` runs. */
  readonly worker?: WorkerConfig;
  /** From a class to an instance of it, for a DI container. Default: `new`. */
  readonly container?: Container;
  /** Around every listener, the first one outermost. Default: none. */
  readonly middleware?: readonly Middleware[];
  /** Where thrun and the listeners log to; pino's shape. Default: thrun's own, as lines or JSON on stderr. */
  readonly logger?: Logger;
  /** The least important level that is logged. Default `info`. */
  readonly logLevel?: LogLevel;
}

export interface TransportsConfig {
  readonly sqlite?: SqliteConfig;
  /** Of both transports over Redis, and of a batch store there. */
  readonly redis?: TransportsRedisConfig;
  readonly rabbitmq?: RabbitmqConfig;
  readonly kafka?: KafkaConfig;
}

export interface SqliteConfig {
  /** The database file, relative to the config's folder. Default `.thrun/thrun.db`. */
  readonly path?: string;
  /** What a resolved publish has survived: `full` (default) a power loss, `normal` the death of the process; faster. */
  readonly durability?: 'full' | 'normal';
}

export interface BatchesConfig {
  /**
   * `sqlite`, `redis`, or your own implementation of `BatchStore`. Default: `redis` where the transport is a Redis, `sqlite`
   * where it is `sqlite`, `memory` or your own; with another broker it has to be said before the first batch is made.
   */
  readonly store?: BatchStoreName | BatchStore;
  readonly sqlite?: BatchesSqliteConfig;
  /** Default: `transports.redis`. What does not say where Redis is adds to that; what does stands for itself. */
  readonly redis?: RedisConfig;
  /** A batch in which no job has begun or ended for this long fails, and says what it waited for. Default `1d`. */
  readonly stalledAfter?: Duration;
  /** Finished batches are deleted after this long; 0 keeps them until `thrun batch prune`. Default `7d`. */
  readonly keep?: Duration;
}

export interface BatchesSqliteConfig {
  /** The database file, relative to the config's folder. Default `.thrun/batches.db`. */
  readonly path?: string;
  /** What a settled job has survived: `full` (default) a power loss, `normal` the death of the process; faster. */
  readonly durability?: 'full' | 'normal';
}

/** Where Redis is, by one of `url`, `sentinel` and `cluster`, and how to get in. Redis 7.0 or later. */
export interface RedisConfig {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. Default `redis://127.0.0.1:6379`. */
  readonly url?: string;
  /** The master is asked for at these, and again after each failover. */
  readonly sentinel?: RedisSentinelConfig;
  /** `host:port` of a few nodes of a Redis Cluster; the others are found from there. */
  readonly cluster?: readonly string[];
  /** Default: those of the URL. */
  readonly username?: string;
  readonly password?: string;
  /** `true`, or what Node's `tls.connect` takes: `{ ca, cert, key, servername, … }`. Default: as the URL says. */
  readonly tls?: boolean | ConnectionOptions;
  /** A command that is not answered within this means that the connection is dead: another one is made. Default `5s`. */
  readonly timeout?: Duration;
}

export interface TransportsRedisConfig extends RedisConfig {
  /**
   * redis-streams: how long an event stays in its stream, from its publishing, when every group is done with it, for
   * `thrun replay`. Default 0: not at all.
   */
  readonly history?: Duration;
}

export interface RedisSentinelConfig {
  /** The name the sentinels know the master by. */
  readonly name: string;
  /** `host:port` of the sentinels. */
  readonly nodes: readonly string[];
  /** Of the sentinels themselves. Default: none. */
  readonly username?: string;
  readonly password?: string;
}

/** Where RabbitMQ is, and how to get in. RabbitMQ 3.10 or later. */
export interface RabbitmqConfig {
  /** `amqp://[user:password@]host[:port][/vhost]`, or `amqps://` for TLS. Default `amqp://127.0.0.1:5672`. */
  readonly url?: string;
  /** `host:port` of further nodes of the cluster: when one is gone the next is tried. Default: none. */
  readonly nodes?: readonly string[];
  /** For `amqps://`: what Node's `tls.connect` takes, `{ ca, cert, key, servername, … }`. */
  readonly tls?: ConnectionOptions;
  /** A link that is silent for twice this long is given up by both sides; whole seconds. Default `10s`. */
  readonly heartbeat?: Duration;
  /** How long a publish waits for its confirmation, a lost connection and a blocked broker included. Default `30s`. */
  readonly timeout?: Duration;
}

/** Where Kafka is, how to get in, and how topics are made that are not there. Kafka 2.1 or later. */
export interface KafkaConfig {
  /** `host:port` of a few brokers, as a list or with commas between; the others are found from there. Default `127.0.0.1:9092`. */
  readonly brokers?: string | readonly string[];
  /** What this application is called in the broker's logs and quotas. Default: the group. */
  readonly clientId?: string;
  /** `true`, or what Node's `tls.connect` takes: `{ ca, cert, key, servername, … }`. Default: no TLS. */
  readonly ssl?: boolean | ConnectionOptions;
  /** Default: none. */
  readonly sasl?: KafkaSaslConfig;
  /** How long a publish waits for its confirmation, lost brokers included. Default `30s`. */
  readonly timeout?: Duration;
  /** How often a worker tells its group that it lives; a change of the group is noticed as soon. Default `500ms`. */
  readonly heartbeat?: Duration;
  /** Of what is published: `none` (default) or `gzip`. What others compress is read, whatever they use. */
  readonly compression?: 'none' | 'gzip';
  readonly topics?: KafkaTopicsConfig;
}

export interface KafkaSaslConfig {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** Of topics that thrun makes; those that are there stay as they are. */
export interface KafkaTopicsConfig {
  /** As many processes can share one queue. Default 6. */
  readonly partitions?: number;
  /** Default: 3, or as many as there are brokers. */
  readonly replicas?: number;
  /** How many replicas confirm a write. Default: 2 where there are three replicas, else 1. */
  readonly minInSync?: number;
  /** How long events are kept, handled or not. Default `7d`. */
  readonly retention?: Duration;
  /** Largest record, headers included. Default `2M`. */
  readonly maxMessageBytes?: Size;
}

export interface LimitsConfig {
  /** Bytes of a whole envelope; a larger one is a dead letter `payload_too_large`. Default 1M (1 MiB). */
  readonly payloadBytes?: Size;
  /** Levels of nesting in an envelope. Default 200. */
  readonly depth?: number;
  /** Bytes of its meta. Default 16K. */
  readonly metaBytes?: Size;
}

export interface WorkerConfig {
  /** Worker processes. Default 1. */
  readonly processes?: number;
  /** Deliveries handled at once in one process. Default 10. */
  readonly concurrency?: number;
  /**
   * Most deliveries one process holds for a queue, those that wait for a free place included. Only quick listeners get that
   * far ahead; before slow ones hardly anything waits. Default: 200, or 10 times the concurrency where that is more.
   */
  readonly prefetch?: number;
  /** A delivery whose worker died is given to another one after this long. Default `30s`. */
  readonly visibilityTimeout?: Duration;
  /** At SIGTERM and SIGINT: how long running listeners may still take. Default `30s`. */
  readonly drainTimeout?: Duration;
  /** A delivery that took down this many workers is a dead letter `crashed_worker`. Default 5. */
  readonly maxCrashes?: number;
  /** Warn when a process's event loop stood still this long. Default `10s`. */
  readonly blockedAfter?: Duration;
  /** Kill and replace a process whose event loop stood still this long. Default `60s`. */
  readonly killBlockedAfter?: Duration;
  /** Replace a process that has room for work and was not answered by the transport for this long. Default `30s`. */
  readonly silentAfter?: Duration;
  /** Drain and replace a process that holds more memory (RSS) than this. Default: no limit. */
  readonly memoryLimit?: Size;
  /** Processes in a row that crash before they have handled anything, before giving up. Default 10. */
  readonly restarts?: number;
}

/** A config, or a function that makes one. */
export type UserConfig = ThrunConfig | (() => ThrunConfig | Promise<ThrunConfig>);

/** Says to the editor what a config is; returns it as it came. */
export function defineConfig(config: ThrunConfig): ThrunConfig;
export function defineConfig(
  config: () => ThrunConfig | Promise<ThrunConfig>,
): () => ThrunConfig | Promise<ThrunConfig>;
export function defineConfig(config: UserConfig): UserConfig {
  return config;
}

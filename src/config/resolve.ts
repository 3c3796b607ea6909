import { resolve } from 'node:path';
import { ThrunError } from '../contracts/errors.js';
import { type Duration, parseDuration, parseSize } from '../contracts/units.js';
import { resolveRetry } from '../registry/listener.js';
import { fromEnvironment, type Settings } from './environment.js';
import { realFolder } from './find.js';
import { merged, oneRedis } from './layers.js';
import type { BatchStoreName, KafkaConfig, RabbitmqConfig, RedisConfig, ThrunConfig } from './options.js';
import { packageName } from './package-name.js';
import type { ResolvedConfig, ResolvedKafkaConfig, ResolvedRedisConfig } from './resolved-config.js';
import { configProblems, placesOf, type Problem } from './validate.js';

export interface ResolveOptions {
  /** Default: the current folder. */
  readonly root?: string | undefined;
  readonly file?: string | undefined;
  readonly module?: string | undefined;
  /** Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** What a command line says: goes before the environment, which goes before the file. */
  readonly overrides?: Partial<Settings> | undefined;
}

/** Where batches are kept when nobody says it: where the messages are, if that is a place for them. */
const STORE_BESIDE: Readonly<Partial<Record<string, BatchStoreName>>> = {
  sqlite: 'sqlite',
  memory: 'sqlite',
  'redis-list': 'redis',
  'redis-streams': 'redis',
};

const DEFAULT_LISTENERS: readonly string[] = ['listeners/**/*.{ts,mts,js,mjs}'];

/** @throws {ThrunError} THRUN_CONFIG_INVALID, with everything that is wrong. */
export function resolveConfig(config: unknown, options: ResolveOptions = {}): ResolvedConfig {
  const root = realFolder(options.root ?? '.');
  const environment = fromEnvironment(options.env ?? process.env);
  const values = merged(merged(oneRedis(config, environment.values), environment.values), options.overrides?.values);
  const names = { ...environment.names, ...options.overrides?.names };

  const problems = configProblems(values);
  if (problems.length > 0) {
    const lines = problems.map((problem) => `  ${line(problem, names)}`);
    throw new ThrunError('THRUN_CONFIG_INVALID', [options.file ?? `of ${root}`, lines.join('\n')]);
  }
  return filledIn(values as ThrunConfig, root, options);
}

function filledIn(config: ThrunConfig, root: string, { file, module }: ResolveOptions): ResolvedConfig {
  const { sqlite = {}, redis: { history, ...redis } = {}, rabbitmq = {}, kafka = {} } = config.transports ?? {};
  const { limits = {}, worker = {} } = config;
  const group = config.group ?? packageName(root) ?? 'thrun';
  const queue = config.queue ?? 'events';
  const concurrency = worker.concurrency ?? 10;
  return {
    root,
    file,
    module,
    group,
    source: config.source ?? group,
    transport: config.transport ?? 'sqlite',
    transports: {
      sqlite: { path: resolve(root, sqlite.path ?? '.thrun/thrun.db'), durability: sqlite.durability ?? 'full' },
      redis: { ...redisOf(redis), historyMs: ms(history, 0), queues: [queue] },
      rabbitmq: rabbitmqOf(rabbitmq, group, queue),
      kafka: kafkaOf(kafka, group, queue),
    },
    queue,
    routes: config.routes ?? [],
    batches: batchesOf(config, root),
    listeners: config.listeners ?? DEFAULT_LISTENERS,
    retry: resolveRetry(config.retry),
    unhandled: config.unhandled ?? 'auto',
    limits: {
      payloadBytes: parseSize(limits.payloadBytes ?? '1M'),
      depth: limits.depth ?? 200,
      metaBytes: parseSize(limits.metaBytes ?? '16K'),
    },
    worker: {
      processes: worker.processes ?? 1,
      concurrency,
      prefetch: worker.prefetch ?? Math.max(200, 10 * concurrency),
      visibilityMs: ms(worker.visibilityTimeout, 30_000),
      drainMs: ms(worker.drainTimeout, 30_000),
      maxCrashes: worker.maxCrashes ?? 5,
      blockedAfterMs: ms(worker.blockedAfter, 10_000),
      killBlockedAfterMs: ms(worker.killBlockedAfter, 60_000),
      silentAfterMs: ms(worker.silentAfter, 30_000),
      memoryLimitBytes: worker.memoryLimit === undefined ? undefined : parseSize(worker.memoryLimit),
      restarts: worker.restarts ?? 10,
    },
    container: config.container ?? ((type, payload) => new type(payload)),
    middleware: config.middleware ?? [],
    logger: config.logger,
    logLevel: config.logLevel ?? 'info',
  };
}

function batchesOf({ transport = 'sqlite', transports, batches = {} }: ThrunConfig, root: string) {
  const { sqlite = {}, redis = {}, stalledAfter, keep } = batches;
  const { path = '.thrun/batches.db', durability = 'full' } = sqlite;
  const { history: _, ...shared } = transports?.redis ?? {};
  const { store = typeof transport === 'string' ? STORE_BESIDE[transport] : 'sqlite' } = batches;
  const keepMs = ms(keep, 7 * 86_400_000);
  return {
    store,
    sqlite: { path: resolve(root, path), durability },
    redis: redisOf(placesOf(redis).length > 0 ? redis : { ...shared, ...redis }),
    stalledAfterMs: ms(stalledAfter, 86_400_000),
    keepMs: keepMs === 0 ? undefined : keepMs,
  };
}

function redisOf({ timeout, ...redis }: RedisConfig): ResolvedRedisConfig {
  return { ...redis, timeoutMs: ms(timeout, 5000) };
}

/** With what this application is called there: RabbitMQ cannot be asked for its queues. */
function rabbitmqOf({ heartbeat, timeout, ...rest }: RabbitmqConfig, group: string, queue: string) {
  return { ...rest, heartbeatMs: ms(heartbeat, 10_000), timeoutMs: ms(timeout, 30_000), group, queues: [queue] };
}

function kafkaOf(kafka: KafkaConfig, group: string, queue: string): ResolvedKafkaConfig {
  const {
    brokers = '127.0.0.1:9092',
    clientId = group,
    compression = 'none',
    timeout,
    heartbeat,
    topics = {},
    ...rest
  } = kafka;
  const { partitions = 6, replicas, minInSync, retention, maxMessageBytes = '2M' } = topics;
  return {
    ...rest,
    brokers: (typeof brokers === 'string' ? brokers.split(',') : brokers).map((broker) => broker.trim()),
    clientId,
    compression,
    timeoutMs: ms(timeout, 30_000),
    heartbeatMs: ms(heartbeat, 500),
    queues: [queue],
    topics: {
      partitions,
      replicas,
      minInSync,
      retentionMs: ms(retention, 7 * 86_400_000),
      maxMessageBytes: parseSize(maxMessageBytes),
    },
  };
}

function ms(value: Duration | undefined, otherwise: number): number {
  return value === undefined ? otherwise : Math.round(parseDuration(value));
}

/** In the words of whoever set it: what came from a variable or a flag is not to be looked for in the file. */
function line({ path, message, other }: Problem, names: Readonly<Record<string, string>>): string {
  // A key of the file may be called `toString`.
  const named = (at: string) => (Object.hasOwn(names, at) ? names[at] : undefined);
  const text = other === undefined ? message : message.replace(other, named(other) ?? other);
  return `${named(path) ?? (path === '' ? 'config' : path)}: ${text}`;
}

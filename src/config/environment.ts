import { resolve } from 'node:path';
import type { ThrunConfig } from './options.js';

/** Settings that came from outside the config file, and what the person who made them calls them. */
export interface Settings {
  readonly values: ThrunConfig;
  /** From a path (`worker.concurrency`) to its name outside (`env THRUN_CONCURRENCY`, `--concurrency`). */
  readonly names: Readonly<Record<string, string>>;
}

/** Every variable that overrides the config, and the path it overrides. */
export const ENVIRONMENT = {
  THRUN_TRANSPORT: 'transport',
  THRUN_GROUP: 'group',
  THRUN_QUEUE: 'queue',
  THRUN_SQLITE_PATH: 'transports.sqlite.path',
  THRUN_BATCHES_PATH: 'batches.sqlite.path',
  REDIS_URL: 'transports.redis.url',
  AMQP_URL: 'transports.rabbitmq.url',
  KAFKA_BROKERS: 'transports.kafka.brokers',
  THRUN_LOG_LEVEL: 'logLevel',
  THRUN_CONCURRENCY: 'worker.concurrency',
  THRUN_PROCESSES: 'worker.processes',
} as const;

/** Where each transport's server or file is said. */
const PLACES: Readonly<Record<string, string>> = {
  sqlite: 'transports.sqlite.path',
  'redis-list': 'transports.redis.url',
  'redis-streams': 'transports.redis.url',
  rabbitmq: 'transports.rabbitmq.url',
  kafka: 'transports.kafka.brokers',
};

/**
 * A transport as a command line names it, alone or with its place: `redis-list`, `sqlite:other.db`,
 * `redis-streams:redis://host:6379`. Undefined: it has no place that could be named.
 */
export function transportSettings(text: string, flag: string): Settings | undefined {
  const at = text.indexOf(':');
  const name = at < 0 ? text : text.slice(0, at);
  const values: Record<string, unknown> = { transport: name };
  const names: Record<string, string> = { transport: flag };
  if (at < 0) return { values, names };
  const path = Object.hasOwn(PLACES, name) ? PLACES[name] : undefined;
  if (path === undefined) return undefined;
  const place = text.slice(at + 1);
  // A path on a command line is relative to where it is typed.
  put(values, path.split('.'), path.endsWith('.path') && place !== '' ? resolve(place) : place);
  return { values, names: { ...names, [path]: flag } };
}

const NUMBERS: ReadonlySet<string> = new Set(['worker.concurrency', 'worker.processes']);

/** An empty variable is one that is not set: a shell cannot always tell the two apart. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Settings {
  const values: Record<string, unknown> = {};
  const names: Record<string, string> = {};
  for (const [variable, path] of Object.entries(ENVIRONMENT)) {
    const text = env[variable];
    if (text === undefined || text === '') continue;
    // Text that is no number stays text, so that the complaint can quote it.
    put(values, path.split('.'), NUMBERS.has(path) && /^\s*-?\d+(\.\d+)?\s*$/.test(text) ? Number(text) : text);
    names[path] = `env ${variable}`;
  }
  return { values, names };
}

function put(target: Record<string, unknown>, [key = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) target[key] = value;
  else put((target[key] ??= {}) as Record<string, unknown>, rest, value);
}

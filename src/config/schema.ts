import * as v from 'valibot';
import { WIRE_FORMATS } from '../contracts/envelope.js';
import type { Transport } from '../contracts/transport.js';
import { BATCH_STORES, LOG_LEVELS, TRANSPORTS } from './options.js';
import {
  duration,
  fn,
  isObject,
  isPatternOrName,
  list,
  name,
  oneOf,
  rule,
  section,
  share,
  size,
  text,
  whole,
} from './rules.js';
import { wholeUrl } from './whole-url.js';

/** `JSON.stringify` gives up on deeper nesting than this order of magnitude, so no limit may allow it. */
const DEEPEST = 5000;

/** Longer than this and one string cannot hold an envelope. */
const LARGEST = 256 * 1024 ** 2;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export const retrySchema = section({
  attempts: v.optional(whole(1, 1000)),
  backoff: v.optional(oneOf(['exponential', 'linear', 'fixed'])),
  delay: v.optional(duration()),
  maxDelay: v.optional(duration()),
  jitter: v.optional(share()),
});

const worker = {
  processes: v.optional(whole(1, 1024)),
  concurrency: v.optional(whole(1, 10_000)),
  prefetch: v.optional(whole(1, 100_000)),
  visibilityTimeout: v.optional(duration(100, 12 * HOUR)),
  drainTimeout: v.optional(duration(0, 24 * HOUR)),
  maxCrashes: v.optional(whole(1, 1000)),
  blockedAfter: v.optional(duration(10)),
  killBlockedAfter: v.optional(duration(10)),
  silentAfter: v.optional(duration(1000)),
  memoryLimit: v.optional(size(1024 ** 2)),
  restarts: v.optional(whole(0, 1000)),
};

const limits = {
  payloadBytes: v.optional(size(1, LARGEST)),
  depth: v.optional(whole(1, DEEPEST)),
  metaBytes: v.optional(size(1, LARGEST)),
};

const credentials = { username: v.optional(text()), password: v.optional(text()) };

const redis = {
  url: v.optional(redisUrl()),
  sentinel: v.optional(section({ name: name(), nodes: nodes(), ...credentials })),
  cluster: v.optional(nodes()),
  ...credentials,
  tls: v.optional(
    rule((value) => typeof value === 'boolean' || isObject(value), "true, false, or options of Node's tls.connect"),
  ),
  timeout: v.optional(duration(10, HOUR)),
};

const batches = {
  store: v.optional(batchStore()),
  sqlite: v.optional(section({ path: v.optional(filePath()), durability: v.optional(oneOf(['full', 'normal'])) })),
  redis: v.optional(section(redis)),
  stalledAfter: v.optional(duration(1000)),
  keep: v.optional(duration()),
};

const route = section({
  match: match(),
  transport: v.optional(transport()),
  queue: v.optional(name()),
  format: v.optional(oneOf(WIRE_FORMATS)),
  consume: v.optional(rule((value) => typeof value === 'boolean', 'true or false')),
});

const rabbitmq = {
  url: v.optional(amqpUrl()),
  nodes: v.optional(nodes()),
  tls: v.optional(rule(isObject, "options of Node's tls.connect")),
  heartbeat: v.optional(duration(1000, HOUR)),
  timeout: v.optional(duration(100, HOUR)),
};

const kafka = {
  brokers: v.optional(brokers()),
  clientId: v.optional(text()),
  ssl: v.optional(
    rule((value) => typeof value === 'boolean' || isObject(value), "true, false, or options of Node's tls.connect"),
  ),
  sasl: v.optional(
    section({
      mechanism: oneOf(['plain', 'scram-sha-256', 'scram-sha-512']),
      username: text(),
      password: text(),
    }),
  ),
  timeout: v.optional(duration(100, HOUR)),
  heartbeat: v.optional(duration(50, 10_000)),
  compression: v.optional(oneOf(['none', 'gzip'])),
  topics: v.optional(
    section({
      partitions: v.optional(whole(1, 10_000)),
      replicas: v.optional(whole(1, 100)),
      minInSync: v.optional(whole(1, 100)),
      retention: v.optional(duration(MINUTE)),
      maxMessageBytes: v.optional(size(1024, LARGEST)),
    }),
  ),
};

/** Keys people write one level too high. */
const inside = Object.fromEntries([
  ...Object.keys(worker).map((key) => [key, `worker.${key}`]),
  ...Object.keys(limits).map((key) => [key, `limits.${key}`]),
  ...['store', 'stalledAfter', 'keep'].map((key) => [key, `batches.${key}`]),
  ...['match', 'format', 'consume'].map((key) => [key, `routes[].${key}`]),
  ...['sqlite', 'redis', 'rabbitmq', 'kafka'].map((key) => [key, `transports.${key}`]),
]) as Record<string, string>;

export const configSchema = section(
  {
    group: v.optional(name()),
    source: v.optional(text()),
    transport: v.optional(transport()),
    transports: v.optional(
      section({
        sqlite: v.optional(
          section({ path: v.optional(filePath()), durability: v.optional(oneOf(['full', 'normal'])) }),
        ),
        redis: v.optional(section({ ...redis, history: v.optional(duration()) })),
        rabbitmq: v.optional(section(rabbitmq)),
        kafka: v.optional(section(kafka)),
      }),
    ),
    queue: v.optional(name()),
    routes: v.optional(list(route, 'routes: { match: "payment.*", queue: "payments" }')),
    listeners: v.optional(
      list(
        rule((value) => typeof value === 'string' && value !== '', 'a glob'),
        'globs',
      ),
    ),
    retry: v.optional(retrySchema),
    unhandled: v.optional(oneOf(['auto', 'ack', 'dead'])),
    limits: v.optional(section(limits)),
    batches: v.optional(section(batches)),
    worker: v.optional(section(worker)),
    container: v.optional(fn('a function from a class to an instance of it')),
    middleware: v.optional(list(fn('a function (call, next) => …'), 'functions')),
    logger: v.optional(logger()),
    logLevel: v.optional(oneOf(LOG_LEVELS)),
  },
  inside,
);

function transport() {
  return v.pipe(
    oneOf(TRANSPORTS, 'a Transport object', isObject),
    rule(
      (value) => !isObject(value) || lacking(value).length === 0,
      (value) => `a Transport (see thrun/transport), which also has ${lacking(value as object).join(', ')}`,
    ),
  );
}

function match() {
  const isMatch = (value: unknown) =>
    isPatternOrName(value) || (Array.isArray(value) && value.length > 0 && value.every(isPatternOrName));
  return rule(isMatch, 'an event name or a pattern ("payment.*"), or a list of them');
}

/** What an object would need to be a transport. */
function lacking(value: Partial<Record<keyof Transport, unknown>>): readonly string[] {
  const missing: string[] = [];
  if (typeof value.name !== 'string' || value.name === '') missing.push('name');
  if (!isObject(value.traits)) missing.push('traits');
  for (const method of ['open', 'publish', 'consume', 'close'] as const) {
    if (typeof value[method] !== 'function') missing.push(`${method}()`);
  }
  return missing;
}

function batchStore() {
  const isStore = (value: unknown) =>
    isObject(value) && ['open', 'create', 'apply'].every((method) => typeof value[method] === 'function');
  return oneOf(BATCH_STORES, 'a BatchStore object', isStore);
}

function redisUrl() {
  return rule((value) => {
    const url = wholeUrl(value);
    return url !== undefined && ['redis:', 'rediss:'].includes(url.protocol) && /^\/?\d*$/.test(url.pathname);
  }, 'a URL such as redis://user:password@host:6379/0 (rediss:// for TLS; special characters of a password as %40, …)');
}

function amqpUrl() {
  return rule((value) => {
    const url = wholeUrl(value);
    return url !== undefined && ['amqp:', 'amqps:'].includes(url.protocol) && url.hostname !== '';
  }, 'a URL such as amqp://user:password@host:5672/vhost (amqps:// for TLS; special characters of a password as %40, …)');
}

function brokers() {
  const broker = (value: unknown) =>
    // kafkajs knows no IPv6 address by itself; a name that leads to one is fine.
    typeof value === 'string' && /^\s*[^\s:/@,[\]]+:\d{1,5}\s*$/.test(value);
  return rule((value) => {
    const list: unknown = typeof value === 'string' ? value.split(',') : value;
    return Array.isArray(list) && list.length > 0 && list.every(broker);
  }, 'host:port of at least one broker, as a list or "kafka-1:9092,kafka-2:9092" (user and password go into sasl)');
}

function nodes() {
  const node = (value: unknown) =>
    typeof value === 'string' && /^(rediss?:\/\/)?([^\s:/@]+|\[[\da-f:.]+\])(:\d{1,5})?$/i.test(value);
  return v.pipe(
    rule((value) => Array.isArray(value) && value.length > 0, 'a list of at least one host:port'),
    v.array(rule(node, 'host:port')),
  );
}

function filePath() {
  return rule(
    (value) => typeof value === 'string' && value !== '' && !value.includes('\0') && value !== ':memory:',
    (value) => (value === ':memory:' ? 'the path of a file (in memory: transport: "memory")' : 'the path of a file'),
  );
}

function logger() {
  return rule(
    (value) =>
      isObject(value) && ['debug', 'info', 'warn', 'error'].every((level) => typeof value[level] === 'function'),
    'an object with the methods debug, info, warn and error',
  );
}

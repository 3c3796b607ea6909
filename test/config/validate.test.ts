import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import { configProblems } from '../../src/config/validate.js';
import { ThrunError } from '../../src/contracts/errors.js';

/** Every complaint about a config, as `path: message`. */
function complaints(config: unknown): readonly string[] {
  return configProblems(config).map(({ path, message }) => `${path}: ${message}`);
}

const OWN = { name: 'mine', traits: { multiProcess: true }, open() {}, publish() {}, consume() {}, close() {} };

test('an empty config is a valid one', () => {
  expect(complaints({})).toEqual([]);
});

test('so is a full one', () => {
  const transport = OWN;
  const log = () => {};
  expect(
    complaints({
      group: 'shop',
      source: 'shop of Ann',
      transport,
      transports: { sqlite: { path: 'data/queue.db', durability: 'normal' } },
      queue: 'events',
      routes: [
        { match: 'payment.*', transport: 'redis-list', queue: 'payments', format: 'cloudevents', consume: true },
        { match: ['a', 'b*'], transport, format: 'envelope', consume: false },
      ],
      listeners: ['src/**/*.listener.ts', '!src/old/**'],
      retry: { attempts: 1, backoff: 'fixed', delay: 500, maxDelay: '1h', jitter: 0 },
      unhandled: 'dead',
      limits: { payloadBytes: '2M', depth: 50, metaBytes: 4096 },
      worker: {
        processes: 4,
        concurrency: 20,
        prefetch: 20,
        visibilityTimeout: '1m',
        drainTimeout: 0,
        maxCrashes: 3,
        blockedAfter: '1s',
        killBlockedAfter: '2s',
        memoryLimit: '512M',
        restarts: 0,
      },
      container: (type: new () => unknown) => new type(),
      middleware: [log],
      logger: { debug: log, info: log, warn: log, error: log },
      logLevel: 'silent',
    }),
  ).toEqual([]);
});

describe('unknown keys are named, with what was probably meant', () => {
  test.each([
    [{ worker: { concurency: 1 } }, 'worker.concurency: unknown key; did you mean "concurrency"?'],
    [{ qeue: 'a' }, 'qeue: unknown key; did you mean "queue"?'],
    [{ concurrency: 5 }, 'concurrency: unknown key; did you mean "worker.concurrency"?'],
    [{ concurency: 5 }, 'concurency: unknown key; did you mean "worker.concurrency"?'],
    [{ limits: { size: 1 } }, 'limits.size: unknown key; known are payloadBytes, depth, metaBytes'],
    [{ retry: { attempt: 1 } }, 'retry.attempt: unknown key; did you mean "attempts"?'],
    [{ transports: { sqlite: { file: 'x' } } }, 'transports.sqlite.file: unknown key; did you mean "path"?'],
  ])('%j', (config, complaint) => {
    const [first] = complaints(config);
    // `file` is too far from `path` for a suggestion.
    expect(first).toBe(complaint.replace('did you mean "path"?', 'known are path, durability'));
  });
});

describe('wrong values are named with what is expected and what was found', () => {
  const whole = 'expected a whole number from 1 to 10000';
  test.each([
    [{ worker: { concurrency: 0 } }, `worker.concurrency: ${whole}, got 0`],
    [{ worker: { concurrency: -1 } }, `worker.concurrency: ${whole}, got -1`],
    [{ worker: { concurrency: 1.5 } }, `worker.concurrency: ${whole}, got 1.5`],
    [{ worker: { concurrency: 'ten' } }, `worker.concurrency: ${whole}, got "ten"`],
    [{ worker: { concurrency: 1e9 } }, `worker.concurrency: ${whole}, got 1000000000`],
    [{ worker: { concurrency: Number.NaN } }, `worker.concurrency: ${whole}, got NaN`],
    [{ worker: 5 }, 'worker: expected an object, got 5'],
    [{ worker: [] }, 'worker: expected an object, got a list'],
    [{ worker: null }, 'worker: expected an object, got null'],
    [
      { worker: { drainTimeout: -1 } },
      'worker.drainTimeout: expected a duration from 0ms to 1d (milliseconds, or text such as "10s", "5m"), got -1',
    ],
    [
      { worker: { visibilityTimeout: '10 parsecs' } },
      'worker.visibilityTimeout: expected a duration from 100ms to 12h (milliseconds, or text such as "10s", "5m"), got "10 parsecs"',
    ],
    [
      { worker: { memoryLimit: 512 } },
      'worker.memoryLimit: expected a size of at least 1M (bytes, or text such as "512K", "1M"), got 512',
    ],
    [{ limits: { depth: 1e6 } }, 'limits.depth: expected a whole number from 1 to 5000, got 1000000'],
    [{ retry: { attempts: 0 } }, 'retry.attempts: expected a whole number from 1 to 1000, got 0'],
    [{ retry: { jitter: 2 } }, 'retry.jitter: expected a number from 0 to 1, got 2'],
    [
      { retry: { backoff: 'exponentialy' } },
      'retry.backoff: expected "exponential", "linear" or "fixed", got "exponentialy"; did you mean "exponential"?',
    ],
    [
      { queue: 'a b' },
      'queue: expected a name of 1 to 255 bytes without white space, control characters or "*", got "a b"',
    ],
    [
      { group: 'shop.*' },
      'group: expected a name of 1 to 255 bytes without white space, control characters or "*", got "shop.*"',
    ],
    [{ source: '' }, 'source: expected text, got ""'],
    [
      { routes: { match: 'a' } },
      'routes: expected a list of routes: { match: "payment.*", queue: "payments" }, got an object',
    ],
    [{ routes: [{ queue: 'a' }] }, 'routes[0].match: is missing'],
    [
      { routes: [{ match: ['a', 'b c'] }] },
      'routes[0].match: expected an event name or a pattern ("payment.*"), or a list of them, got a list',
    ],
    [
      { routes: [{ match: 'a', transport: 'redis-lists' }] },
      'routes[0].transport: expected "sqlite", "redis-list", "redis-streams", "rabbitmq", "kafka", "memory" or a Transport object, got "redis-lists"; did you mean "redis-list"?',
    ],
    [
      { routes: [{ match: 'a', format: 'cloudevent' }] },
      'routes[0].format: expected "envelope", "cloudevents" or "cloudevents-binary", got "cloudevent"; did you mean "cloudevents"?',
    ],
    [{ routes: [{ match: 'a', consume: 'no' }] }, 'routes[0].consume: expected true or false, got "no"'],
    [{ routes: [{ match: 'a', queu: 'b' }] }, 'routes[0].queu: unknown key; did you mean "queue"?'],
    [
      { transport: 'sqlite', routes: [{ match: 'a', transport: { ...OWN, name: 'sqlite' } }] },
      'routes: two transports are called sqlite; give one of them another name',
    ],
    [
      { worker: { processes: 2 }, routes: [{ match: 'a', transport: 'memory' }] },
      'worker.processes: 2 processes cannot share the transport memory of a route; set it to 1',
    ],
    [{ listeners: 'listeners/*.ts' }, 'listeners: expected a list of globs, got "listeners/*.ts"'],
    [{ listeners: ['a', 7] }, 'listeners[1]: expected a glob, got 7'],
    [{ container: {} }, 'container: expected a function from a class to an instance of it, got an object'],
    [{ middleware: [1] }, 'middleware[0]: expected a function (call, next) => …, got 1'],
    [
      { logger: console.log },
      'logger: expected an object with the methods debug, info, warn and error, got a function',
    ],
    [
      { transport: 'sqlit' },
      'transport: expected "sqlite", "redis-list", "redis-streams", "rabbitmq", "kafka", "memory" or a Transport object, got "sqlit"; did you mean "sqlite"?',
    ],
    [
      { transport: { name: 'mine', open() {} } },
      'transport: expected a Transport (see thrun/transport), which also has traits, publish(), consume(), close(), got an object',
    ],
    [
      { transports: { sqlite: { path: ':memory:' } } },
      'transports.sqlite.path: expected the path of a file (in memory: transport: "memory"), got ":memory:"',
    ],
    [[], ': expected an object, got a list'],
    [5, ': expected an object, got 5'],
    [null, ': expected an object, got null'],
  ])('%j', (config, complaint) => {
    expect(complaints(config)).toEqual([complaint]);
  });
});

describe('what does not go together', () => {
  test.each([
    [
      { worker: { concurrency: 10, prefetch: 5 } },
      'worker.prefetch: 5 is less than worker.concurrency, 10; raise it or leave it out',
    ],
    [{ worker: { prefetch: 9 } }, 'worker.prefetch: 9 is less than worker.concurrency, 10; raise it or leave it out'],
    [{ worker: { blockedAfter: '2m' } }, 'worker.killBlockedAfter: has to be longer than worker.blockedAfter, 2m'],
    [
      { transport: 'memory', worker: { processes: 2 } },
      'worker.processes: 2 processes cannot share this transport; set it to 1',
    ],
    [{ retry: { delay: '1h' } }, 'retry.delay: 1h is longer than the longest pause, 10m; raise maxDelay too'],
  ])('%j', (config, complaint) => {
    expect(complaints(config)).toEqual([complaint]);
  });

  test('is not asked of fields that are wrong by themselves', () => {
    expect(complaints({ worker: { concurrency: 'ten', prefetch: 5 } })).toHaveLength(1);
  });
});

describe('a URL that is not whole', () => {
  test.each([
    ['redis', 'redis://user:%zz@host:6379'],
    ['redis', 'redis://12#34@host:6379'],
    ['redis', 'redis://user:12?34@host:6379'],
    ['redis', 'redis://user:two words@host:6379'],
    ['rabbitmq', 'amqp://user:%zz@host'],
    ['rabbitmq', 'amqp://host/%zz'],
    ['rabbitmq', 'amqp://user:12/34@host'],
  ])('%s: %s', (transport, url) => {
    expect(complaints({ transports: { [transport]: { url } } })).toEqual([
      expect.stringMatching(`^transports.${transport}.url: expected a URL such as`),
    ]);
  });

  test.each([
    ['redis', 'rediss://:p%40%2F%23%20%3F@host:6379/3'],
    ['redis', 'redis://[::1]:6379?family=6'],
    ['rabbitmq', 'amqps://user:p%40ss@host/%2Fshop@home?heartbeat=5'],
  ])('as %s: %s is', (transport, url) => {
    expect(complaints({ transports: { [transport]: { url } } })).toEqual([]);
  });
});

test('everything wrong is listed at once', () => {
  const config = {
    qeue: 'a',
    toString: 'b',
    worker: { concurency: 1, processes: 0, prefetch: 3 },
    retry: { attempts: 'many' },
  };
  expect.assertions(3);
  try {
    resolveConfig(config, { root: '/', file: '/app/thrun.config.ts', env: {} });
  } catch (error) {
    expect(error).toBeInstanceOf(ThrunError);
    expect((error as ThrunError).code).toBe('THRUN_CONFIG_INVALID');
    expect((error as ThrunError).message.split('\n')).toEqual([
      'The config /app/thrun.config.ts is not valid:',
      '  retry.attempts: expected a whole number from 1 to 1000, got "many"',
      '  worker.processes: expected a whole number from 1 to 1024, got 0',
      '  worker.concurency: unknown key; did you mean "concurrency"?',
      '  qeue: unknown key; did you mean "queue"?',
      expect.stringMatching(/^ {2}toString: unknown key; known are /),
      '  worker.prefetch: 3 is less than worker.concurrency, 10; raise it or leave it out',
    ]);
  }
});

describe('secrets are never printed', () => {
  test.each([
    'redis://user:hunter2@localhost:6379',
    'redis://:hunter2@localhost',
    'amqp://guest:hunter2@/#x@host:99999/vhost',
    'kafka://host?password=hunter2&x=1',
    'redis://user:my hunter2 /#x@ pw@localhost',
    'redis://user:123 hunter2@localhost',
  ])('%s', (transport) => {
    const text = complaints({ transport }).join();
    expect(text).toContain('***');
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('/#x@');
  });

  test('user:password@host:port among the brokers', () => {
    const text = complaints({ transports: { kafka: { brokers: 'a:9092,orders:hunter2@b:9092' } } }).join();
    expect(text).toContain('user and password go into sasl');
    expect(text).not.toContain('hunter2');
  });
});

import { expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';

const file = {
  transport: 'sqlite',
  group: 'file',
  queue: 'file',
  logLevel: 'warn',
  transports: { sqlite: { path: 'file.db', durability: 'normal' } },
  worker: { concurrency: 1, processes: 1, restarts: 7 },
};

test('every variable goes before the file, and leaves its neighbours alone', () => {
  const env = {
    THRUN_TRANSPORT: 'memory',
    THRUN_GROUP: 'env',
    THRUN_QUEUE: 'env',
    THRUN_SQLITE_PATH: '/data/env.db',
    THRUN_LOG_LEVEL: 'debug',
    THRUN_CONCURRENCY: '25',
    THRUN_PROCESSES: '1',
  };
  const config = resolveConfig(file, { root: '/', env });
  expect(config).toMatchObject({ transport: 'memory', group: 'env', source: 'env', queue: 'env', logLevel: 'debug' });
  expect(config.transports.sqlite).toEqual({ path: '/data/env.db', durability: 'normal' });
  expect(config.worker).toMatchObject({ concurrency: 25, prefetch: 250, processes: 1, restarts: 7 });
});

test('a variable works without a file', () => {
  expect(resolveConfig({}, { root: '/', env: { THRUN_CONCURRENCY: '3' } }).worker.concurrency).toBe(3);
});

test('an empty variable is not set', () => {
  expect(resolveConfig(file, { root: '/', env: { THRUN_QUEUE: '', THRUN_CONCURRENCY: '' } }).queue).toBe('file');
});

test('the command line goes before the environment', () => {
  const overrides = { values: { queue: 'flag', worker: { concurrency: 4 } }, names: {} };
  const config = resolveConfig(file, { root: '/', env: { THRUN_QUEUE: 'env', THRUN_CONCURRENCY: '2' }, overrides });
  expect(config).toMatchObject({ queue: 'flag', worker: { concurrency: 4, restarts: 7 } });
});

test('a wrong value is named by where it came from', () => {
  const env = {
    THRUN_CONCURRENCY: 'ten',
    THRUN_PROCESSES: '0',
    THRUN_TRANSPORT: 'carrier-pigeon',
    THRUN_LOG_LEVEL: 'wran',
  };
  const overrides = { values: { queue: 'a b' }, names: { queue: '--queue' } };
  const attempt = () => resolveConfig({}, { root: '/', env, overrides });
  expect(attempt).toThrow('env THRUN_CONCURRENCY: expected a whole number from 1 to 10000, got "ten"');
  expect(attempt).toThrow('env THRUN_PROCESSES: expected a whole number from 1 to 1024, got 0');
  expect(attempt).toThrow(
    'env THRUN_TRANSPORT: expected "sqlite", "redis-list", "redis-streams", "rabbitmq", "kafka", "memory" or a Transport object, got "carrier-pigeon"',
  );
  expect(attempt).toThrow(
    'env THRUN_LOG_LEVEL: expected "debug", "info", "warn", "error" or "silent", got "wran"; did you mean "warn"?',
  );
  expect(attempt).toThrow('--queue: expected a name');
});

test('so is the other half of a contradiction', () => {
  const attempt = () => resolveConfig({ worker: { prefetch: 5 } }, { root: '/', env: { THRUN_CONCURRENCY: '20' } });
  expect(attempt).toThrow('worker.prefetch: 5 is less than env THRUN_CONCURRENCY, 20');
});

test('a variable gives its name to its own path only', () => {
  const config = { transports: { sqlite: { path: '' } }, oops: 1, concurrency: 3 };
  const attempt = () =>
    resolveConfig(config, { root: '/', env: { THRUN_TRANSPORT: 'sqlite', THRUN_CONCURRENCY: '2' } });
  expect(attempt).toThrow(/^ {2}transports\.sqlite\.path: expected the path of a file/m);
  expect(attempt).toThrow(/^ {2}oops: unknown key; known are group, source, transport, /m);
  expect(attempt).toThrow(/^ {2}concurrency: unknown key; did you mean "worker\.concurrency"\?$/m);
});

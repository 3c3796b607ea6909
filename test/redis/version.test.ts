import { expect, test } from 'vitest';
import { versionIn } from '../../src/redis/redis-version.js';

test.each([
  ['redis_version:7.0.15\r\nredis_mode:standalone\r\n', 'Redis 7.0.15', undefined],
  ['redis_version:8.6.3\r\n', 'Redis 8.6.3', undefined],
  ['redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n', 'Valkey 9.1.2', undefined],
  ['redis_version:6.2.14\r\n', 'Redis 6.2.14', 'the server is Redis 6.2.14; 7.0 or later is needed'],
  ['', 'Redis of an unknown version', undefined],
])('%j is %s', (info, name, problem) => {
  expect(versionIn(`# Server\r\n${info}os:Linux\r\n`)).toEqual({ name, problem });
});

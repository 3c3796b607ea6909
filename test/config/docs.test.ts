import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENVIRONMENT } from '../../src/config/environment.js';
import { resolveConfig } from '../../src/config/resolve.js';
import { configSchema, retrySchema } from '../../src/config/schema.js';
import { REPOSITORY } from '../support/build.js';

const rows = readFileSync(join(REPOSITORY, 'docs/config.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'));
const documented = rows.map((row) => /^\| `([^`]+)`/.exec(row)?.[1] ?? '');

interface Schema {
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly wrapped?: Schema;
  readonly pipe?: readonly Schema[];
}

/** The path of everything that can be set: `worker.processes`. */
function paths({ wrapped, pipe, ...own }: Schema, above = ''): readonly string[] {
  if (wrapped) return paths(wrapped, above);
  const entries = pipe?.find((step) => step.entries)?.entries ?? own.entries;
  if (!entries) return [above];
  return Object.entries(entries).flatMap(([key, schema]) => paths(schema, above === '' ? key : `${above}.${key}`));
}

test('every option has its row, and every row is an option', () => {
  const options = paths(configSchema as unknown as Schema);
  expect(paths(retrySchema as unknown as Schema, 'retry').every((path) => options.includes(path))).toBe(true);
  expect([...documented].sort()).toEqual([...options].sort());
});

/** What a client of a broker takes by default is its own affair, and `new` is code. */
const OTHERWISE = ['transports.redis.url', 'transports.rabbitmq.url', 'batches.redis.url', 'container'];

/** Where the default is a value and not told in words: `30s`, `200`, or a number as it is. */
const defaults = rows.flatMap((row, i) => {
  const told = row.split(/ *(?<!\\)\| */)[3] ?? '';
  const [, text, number] = /^(?:`([^`]+)`(?:, or .*)?|(\d+))$/.exec(told) ?? [];
  const option = documented[i] ?? '';
  const value = text ?? number;
  return value === undefined || OTHERWISE.includes(option) ? [] : [[option, value] as const];
});

test.each(defaults)('%s is by default what is told: %s', (option, told) => {
  const isJson = /^(?:[\d.]+|\[.*)$/.test(told);
  const value: unknown = isJson ? JSON.parse(told.replaceAll("'", '"')) : told;
  const config = option.split('.').reduceRight((inner, key) => ({ [key]: inner }), value);
  const resolved = (one: unknown) => ({ ...resolveConfig(one, { root: REPOSITORY, env: {} }), container: undefined });
  expect(resolved(config)).toEqual(resolved({}));
});

test.each(Object.entries(ENVIRONMENT))('%s is named where it belongs, and nowhere else', (variable, path) => {
  expect(rows.filter((row) => row.includes(`\`${variable}\``)).map((row) => /^\| `([^`]+)`/.exec(row)?.[1])).toEqual([
    path,
  ]);
});

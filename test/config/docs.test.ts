import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENVIRONMENT } from '../../src/config/environment.js';
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

test.each(Object.entries(ENVIRONMENT))('%s is named where it belongs, and nowhere else', (variable, path) => {
  expect(rows.filter((row) => row.includes(`\`${variable}\``)).map((row) => /^\| `([^`]+)`/.exec(row)?.[1])).toEqual([
    path,
  ]);
});

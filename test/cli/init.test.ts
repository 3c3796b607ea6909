import { symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withScripts } from '../../src/cli/init/package-json.js';
import { Shop } from './shop.js';

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.dispose());

interface Made {
  readonly created: readonly string[];
  readonly changed: readonly { readonly file: string; readonly added: readonly string[] }[];
  readonly kept: readonly { readonly file: string; readonly why?: string }[];
}

const FILES = [
  'thrun.config.ts',
  'listeners/order-created.ts',
  'listeners/create-payment.ts',
  'tsconfig.json',
  '.gitignore',
];

test('a new folder: everything is made, and works as it stands', async () => {
  const { created, changed, kept } = await shop.json<Made>(['init', 'new/My Shop']);
  expect({ created, changed, kept }).toEqual({ created: [...FILES, 'package.json'], changed: [], kept: [] });
  const pack = JSON.parse(shop.read('new/My Shop/package.json')) as Record<string, unknown>;
  expect(pack).toMatchObject({
    name: 'my-shop',
    type: 'module',
    scripts: { work: 'thrun work', discover: 'thrun discover' },
    dependencies: { thrun: expect.stringMatching(/^\^\d/) },
  });

  const cwd = 'new/My Shop';
  const { contracts } = await shop.json<{ contracts: { contract: string }[] }>(['discover'], { cwd });
  expect(contracts.map(({ contract }) => contract)).toEqual(['create_payment', 'order_created']);
  await shop.json(['publish', 'order_created', '{"order_id":123}'], { cwd });
  await shop.json(['publish', 'create_payment', '{"order_id":123}'], { cwd });
  const { code, stdout, stderr } = await shop.run(['work', '--limit', '2'], { cwd });
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('2 received: 2 handled') });
  expect(stderr).toContain('an order was created');
  expect(stderr).toContain('a payment is created');
});

test('run again: nothing is touched', async () => {
  await shop.run(['init']);
  shop.write({ 'thrun.config.ts': '// mine', 'listeners/order-created.ts': '// mine too' });
  const before = ['package.json', ...FILES].map((file) => shop.read(file));
  const { created, changed, kept } = await shop.json<Made>(['init']);
  expect({ created, changed, kept: kept.map(({ file }) => file) }).toEqual({
    created: [],
    changed: [],
    kept: [...FILES, 'package.json'],
  });
  expect(['package.json', ...FILES].map((file) => shop.read(file))).toEqual(before);
});

test('another kind of config counts as one: a new one would take its place', async () => {
  shop.write({ 'thrun.config.json': '{}' });
  const { created, kept } = await shop.json<Made>(['init']);
  expect(created).not.toContain('thrun.config.ts');
  expect(kept).toEqual([{ file: 'thrun.config.json' }]);
});

test('a dangling link is a file that is there', async () => {
  symlinkSync('/nowhere/at/all', shop.path('.gitignore'));
  expect((await shop.json<Made>(['init'])).kept).toEqual([{ file: '.gitignore' }]);
});

test('it says what it made and what it left, and what comes next', async () => {
  shop.write({ '.gitignore': 'dist/\n' });
  const { code, stdout, stderr } = await shop.run(['init']);
  expect(code).toBe(0);
  expect(stdout).toContain('created  thrun.config.ts\n');
  expect(stdout).toContain('changed  package.json: scripts work, discover added\n');
  expect(stdout).toContain('kept     .gitignore\n');
  expect(stderr).toContain('npx thrun work');
});

test('a package.json that is no JSON is left alone, and said', async () => {
  shop.write({ 'package.json': '{ "name": ' });
  const { kept } = await shop.json<Made>(['init']);
  expect(kept).toEqual([{ file: 'package.json', why: expect.stringContaining('it cannot be read') }]);
  expect(shop.read('package.json')).toBe('{ "name": ');
});

test('where a file is in the way, it ends with 2 and makes nothing', async () => {
  shop.write({ taken: '' });
  expect(await shop.run(['init', 'taken'])).toMatchObject({ code: 2, stderr: expect.stringContaining('is a file') });
});

describe('an existing package.json gets the scripts it lacks, and keeps its looks', () => {
  test.each<[string, string, string | undefined]>([
    [
      'two spaces',
      '{\n  "name": "a"\n}\n',
      '{\n  "name": "a",\n  "scripts": {\n    "work": "thrun work",\n    "discover": "thrun discover"\n  }\n}\n',
    ],
    [
      'tabs, no last newline',
      '{\n\t"scripts": {\n\t\t"work": "mine"\n\t}\n}',
      '{\n\t"scripts": {\n\t\t"work": "mine",\n\t\t"discover": "thrun discover"\n\t}\n}',
    ],
    [
      'CRLF',
      '{\r\n    "scripts": {"work":"a"}\r\n}\r\n',
      '{\r\n    "scripts": {\r\n        "work": "a",\r\n        "discover": "thrun discover"\r\n    }\r\n}\r\n',
    ],
    ['all there', '{"scripts":{"work":"a","discover":"b"}}', undefined],
  ])('%s', (_what, before, after) => {
    expect(withScripts(before)?.text).toBe(after);
  });
});

import { readdir, readFile, rm, utimes } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import { buildListeners } from '../../src/registry/build.js';
import { recordedDuring } from '../../src/registry/records.js';
import { failure, type Files, project, write } from '../support/project.js';

const configOf = (root: string, listeners?: readonly string[]) =>
  resolveConfig(listeners ? { listeners } : {}, { root, env: {} });
const sources = (root: string, listeners: readonly { source: string }[]) =>
  listeners.map(({ source }) => relative(root, source));

const listener = (name: string, event = 'a') =>
  `import { ThrunEventListener } from 'thrun';\n@ThrunEventListener('${event}')\nexport class ${name} { handle() { return '${name}'; } }\n`;

async function built(files: Files, options?: Parameters<typeof project>[1]) {
  const root = await project(files, options);
  return { root, listeners: await buildListeners(configOf(root)) };
}

const load = (module: string) => import(pathToFileURL(module).href) as Promise<Record<string, never>>;

test('listener files are found by the globs, sorted; declarations, tests and node_modules never', async () => {
  const root = await project({
    'listeners/b.ts': '',
    'listeners/a.mts': '',
    'listeners/deep/c.js': '',
    'listeners/d.mjs': '',
    'listeners/a.d.ts': '',
    'listeners/a.test.ts': '',
    'listeners/node_modules/e.ts': '',
    'listeners/README.md': '',
    'jobs/f.ts': '',
    'jobs/g.ts': '',
  });
  const found = async (globs?: readonly string[]) => sources(root, await buildListeners(configOf(root, globs)));
  expect(await found()).toEqual(['listeners/a.mts', 'listeners/b.ts', 'listeners/d.mjs', 'listeners/deep/c.js']);
  expect(await found(['jobs/*.ts', 'listeners/b.ts', '!jobs/g.ts', 'jobs/f.ts'])).toEqual([
    'jobs/f.ts',
    'listeners/b.ts',
  ]);
  expect(await found(['listeners/**'])).toEqual([
    'listeners/a.mts',
    'listeners/b.ts',
    'listeners/d.mjs',
    'listeners/deep/c.js',
  ]);
  expect(await found(['nowhere/*.ts'])).toEqual([]);
  expect(await found([])).toEqual([]);
});

test('JavaScript alone is not built: the module is the source', async () => {
  const { root, listeners } = await built({ 'listeners/a.js': 'export {};', 'listeners/b.mjs': 'export {};' });
  for (const { source, module } of listeners) expect(module).toBe(source);
  expect(await readdir(root)).not.toContain('.thrun');
});

test('what several listeners import is one module', async () => {
  const { listeners } = await built({
    'shared/state.ts': 'export const state = { count: 0 };',
    'listeners/a.ts': `import { state } from '../shared/state.js';\nexport const count = ++state.count;`,
    'listeners/b.js': `import { state } from '../shared/state.js';\nexport const count = ++state.count;`,
  });
  const [a, b] = await Promise.all(listeners.map(({ module }) => load(module)));
  expect([a?.['count'], b?.['count']]).toEqual(expect.arrayContaining([1, 2]));
});

test('classes keep their names: the default name of a listener goes on the wire', async () => {
  const { listeners } = await built({
    'listeners/a.ts': `${listener('Welcome')}export const self = () => Welcome;`,
    'listeners/b.ts': listener('Welcome', 'b'),
  });
  for (const { module } of listeners) {
    const records = await recordedDuring(() => load(module));
    expect(records.map(({ type }) => type.name)).toEqual(['Welcome']);
  }
});

test.each([
  ['standard', {}],
  ['experimental', { experimentalDecorators: true }],
])('%s decorators, as the tsconfig says', async (_dialect, compilerOptions) => {
  const { listeners } = await built({
    'tsconfig.json': JSON.stringify({ compilerOptions }),
    'listeners/a.ts': `
      import { ThrunEventListener, ThrunJob } from 'thrun';
      export let received = 0;
      function probe(...args: unknown[]): void { received = typeof args[1] === 'object' ? 2 : 1; }
      @ThrunEventListener('a') @(probe as ClassDecorator) export class Welcome { handle() {} }
      @ThrunJob('pay') export class Pay { constructor(readonly payload: unknown) {} handle() { return this.payload; } }`,
  });
  const module = listeners[0]?.module ?? '';
  const records = await recordedDuring(() => load(module));
  expect(records.map(({ kind, type }) => [kind, type.name])).toEqual([
    ['listener', 'Welcome'],
    ['job', 'Pay'],
  ]);
  const [, pay] = records;
  expect(new (pay as { type: new (payload: unknown) => { handle(): unknown } }).type(7).handle()).toBe(7);
  // The two dialects call a decorator differently: a second argument that is an object is the standard one's.
  expect((await load(module))['received']).toBe('experimentalDecorators' in compilerOptions ? 1 : 2);
});

test('tsconfig paths and package imports lead where they say', async () => {
  const { listeners } = await built({
    'package.json': '{ "name": "shop", "type": "module", "imports": { "#lib/*": "./lib/*.ts" } }',
    'tsconfig.json': '{ "compilerOptions": { "paths": { "@lib/*": ["./lib/*"] } } }',
    'lib/one.ts': 'export const one = 1;',
    'lib/two.ts': 'export const two = 2;',
    'listeners/a.ts': `import { one } from '@lib/one';\nimport { two } from '#lib/two';\nexport const sum = one + two;`,
  });
  expect(await load(listeners[0]?.module ?? '')).toMatchObject({ sum: 3 });
});

test('a module knows where it is written, also one that several share', async () => {
  const here = `import { dirname as dir } from 'node:path'; import { fileURLToPath } from 'node:url';
    export const here = [import.meta.url, import.meta.dirname, import.meta.filename, dir(fileURLToPath(import.meta.url))];`;
  const { root, listeners } = await built({
    'lib/here.ts': here,
    'listeners/a.ts': `${here}\nexport { here as shared } from '../lib/here.js';`,
    'listeners/b.ts': `export { here as shared } from '../lib/here.js';\nconst __dirname = 'its own';\nexport const own = __dirname;`,
    'listeners/c.mts': `export const names = [__dirname, __filename];`,
  });
  const [a, b, c] = await Promise.all(listeners.map(({ module }) => load(module)));
  const of = (file: string) => [pathToFileURL(file).href, join(file, '..'), file, join(file, '..')];
  expect(a?.['here']).toEqual(of(join(root, 'listeners/a.ts')));
  expect(a?.['shared']).toEqual(of(join(root, 'lib/here.ts')));
  expect(b?.['shared']).toBe(a?.['shared']);
  expect(b?.['own']).toBe('its own');
  expect(c?.['names']).toEqual([join(root, 'listeners'), join(root, 'listeners/c.mts')]);
});

test('require, where a file makes one for itself', async () => {
  const { listeners } = await built({
    'lib/one.cjs': 'module.exports = 1;',
    'listeners/a.ts': `import { createRequire } from 'node:module';
      const require = createRequire(import.meta.url);
      export const one = require('../lib/one.cjs');`,
  });
  expect(await load(listeners[0]?.module ?? '')).toMatchObject({ one: 1 });
});

test('files of the same name stay apart, files above the root are built too', async () => {
  const root = await project({
    'app/listeners/a.ts': 'export const from = "ts";',
    'app/listeners/a.mts': 'export const from = "mts";',
    'app/listeners/a.js': 'export const from = "js";',
    'more/a.ts': 'export const from = "above";',
  });
  const config = configOf(join(root, 'app'), ['listeners/*', '../more/*.ts']);
  const modules = await Promise.all((await buildListeners(config)).map(({ module }) => load(module)));
  expect(new Set(modules.map((module) => module['from']))).toEqual(new Set(['above', 'js', 'mts', 'ts']));
});

test('the same sources are the same build, whichever process asks first; changed ones another', async () => {
  const { root, listeners } = await built({
    'listeners/a.ts': listener('Welcome'),
    'listeners/b.ts': listener('Bye', 'b'),
  });
  const again = await Promise.all([1, 2, 3].map(() => buildListeners(configOf(root))));
  for (const one of again) expect(one).toEqual(listeners);
  await write(root, { 'listeners/a.ts': listener('Hello') });
  const changed = await buildListeners(configOf(root));
  expect(changed[0]?.module).not.toBe(listeners[0]?.module);
  // Workers may still run from the one before.
  expect(await readFile(listeners[0]?.module ?? '', 'utf8')).toContain('Welcome');
  expect((await readdir(join(root, '.thrun/build'))).filter((name) => name.includes('.'))).toEqual([]);
});

test('a build is removed when the one after it is more than a day old', async () => {
  const root = await project({});
  const folders: string[] = [];
  const build = async (name: string) => {
    await write(root, { 'listeners/a.ts': listener(name) });
    const [first] = await buildListeners(configOf(root));
    folders.push(
      join(
        root,
        relative(root, first?.module ?? '')
          .split('/')
          .slice(0, 3)
          .join('/'),
      ),
    );
  };
  await build('First');
  await build('Second');
  const days = (count: number) => new Date(Date.now() - count * 86_400_000);
  await utimes(folders[0] ?? '', days(9), days(9));
  await utimes(folders[1] ?? '', days(2), days(2));
  await build('Third');
  const left = await readdir(join(root, '.thrun/build'));
  expect(left.map((name) => join(root, '.thrun/build', name)).sort()).toEqual(folders.slice(1).sort());
});

test('every syntax error is named, with its place', async () => {
  const root = await project({
    'lib/c.ts': '\nexport const c = ;\n',
    'listeners/a.ts': 'export const a = 1;\n  export const = 2;\n',
    'listeners/b.ts': `import '../lib/c.js';\nimport './nowhere.js';\n`,
    'listeners/fine.ts': '',
  });
  const { code, message } = await failure(buildListeners(configOf(root)));
  expect(code).toBe('THRUN_DISCOVERY_FAILED');
  expect(message).toMatch(/^ {2}listeners\/a\.ts:2:16: /m);
  expect(message).toMatch(/^ {2}lib\/c\.ts:2:18: /m);
  expect(message).toMatch(/^ {2}listeners\/b\.ts:2:8: .*nowhere/m);
});

test('a build that cannot be written says so', async () => {
  const root = await project({ 'listeners/a.ts': listener('Welcome'), '.thrun': 'a file where a folder should be' });
  const { code, message } = await failure(buildListeners(configOf(root)));
  expect(code).toBe('THRUN_DISCOVERY_FAILED');
  expect(message).toContain('.thrun');
  await rm(join(root, '.thrun'));
});

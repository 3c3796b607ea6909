import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type LoadOptions, loadConfig } from '../../src/config/load.js';
import { ThrunError } from '../../src/contracts/errors.js';
import { withoutRights } from '../support/nobody.js';
import { project } from '../support/project.js';

/** Code and message of a load that has to fail, the root written as `ROOT`. */
async function failure(root: string, options: Partial<LoadOptions> = {}): Promise<string> {
  const error: unknown = await loadConfig({ cwd: root, env: {}, ...options }).then(
    () => new Error('it was loaded'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ThrunError);
  const { code, message } = error as ThrunError;
  expect(message).not.toMatch(/\n\s+at /);
  return `${code} ${message.replaceAll(root, 'ROOT')}`;
}

test('a named file that is not there', async () => {
  const root = await project({ 'package.json': '{}' });
  expect(await failure(root, { file: 'my.config.ts' })).toMatch(
    /^THRUN_CONFIG_NOT_FOUND There is no config at ROOT\/my\.config\.ts\./,
  );
  expect(await failure(root, { file: 'package.json/my.config.ts' })).toMatch(/^THRUN_CONFIG_NOT_FOUND/);
  await symlink(join(root, 'nowhere'), join(root, 'link.ts'));
  expect(await failure(root, { file: 'link.ts' })).toMatch(/^THRUN_CONFIG_NOT_FOUND/);
});

test('a folder', async () => {
  const root = await project({});
  await mkdir(join(root, 'thrun.config.ts'));
  expect(await failure(root, { file: 'thrun.config.ts' })).toBe(
    'THRUN_CONFIG_UNREADABLE The config ROOT/thrun.config.ts could not be loaded: it is a directory; name the file in it.',
  );
  // Nobody named it: it is not a config.
  expect((await loadConfig({ cwd: root, env: {} })).file).toBeUndefined();
});

test('a file of another kind', async () => {
  const root = await project({ 'thrun.config.yaml': 'queue: q' });
  expect(await failure(root, { file: 'thrun.config.yaml' })).toContain(
    'a config is a .ts, .mts, .cts, .js, .mjs, .cjs or .json file.',
  );
});

test('a file that may not be read', async () => {
  const root = await project({ 'thrun.config.ts': 'export default {}', 'thrun.config.json': '{}' });
  await chmod(root, 0o755);
  for (const file of ['thrun.config.ts', 'thrun.config.json']) {
    await chmod(join(root, file), 0);
    expect(await withoutRights(() => failure(root, { file }))).toMatch(/^THRUN_CONFIG_UNREADABLE .*permission denied/i);
  }
});

describe('a syntax error has file, line and column', () => {
  test.each([
    ['thrun.config.ts', 'const a = 1;\nexport default { queue: };', 'thrun.config.ts:2:25: Unexpected "}"'],
    ['thrun.config.mjs', 'const a = 1;\nexport default { queue: };', 'thrun.config.mjs:2:25: Unexpected "}"'],
    ['thrun.config.js', 'const a = 1;\nexport default { queue: };', 'thrun.config.js:2:25: Unexpected "}"'],
    [
      'thrun.config.json',
      '{\n  "queue": "a",\n  "group": oops\n}',
      'thrun.config.json:3:12: Unexpected "oops" in JSON',
    ],
    [
      'thrun.config.json',
      '{\r\n  "queue": "a"\r\n',
      'thrun.config.json:3:1: Expected "," in JSON but found end of file',
    ],
    ['thrun.config.json', '{ "queue": "a", }', 'thrun.config.json:1:15: JSON does not support trailing commas'],
    ['thrun.config.json', '', 'thrun.config.json:1:1: Unexpected end of file in JSON'],
  ])('%s: %j', async (name, text, expected) => {
    const root = await project({ [name]: text });
    const message = await failure(root);
    expect(message).toContain(`THRUN_CONFIG_UNREADABLE The config ROOT/${name} could not be loaded: ${name}:`);
    expect(message).toContain(expected);
  });

  test('in a file that the config imports', async () => {
    const root = await project({ 'thrun.config.ts': "import './b.js';\nexport default {};", 'b.ts': '\n\nlet = = 1;' });
    expect(await failure(root)).toContain('could not be loaded: b.ts:3:7: Unexpected "="');
  });

  test('JSON that is not UTF-8 is refused', async () => {
    const root = await project({});
    await writeFile(join(root, 'thrun.config.json'), Buffer.from([0x7b, 0xff, 0x7d]));
    expect(await failure(root)).toMatch(/^THRUN_CONFIG_UNREADABLE/);
  });
});

describe('a config that throws is named by the line that threw', () => {
  test.each([
    ['thrun.config.ts', 'const a: number = 1;\n\nthrow new Error("boom");\nexport default { a };', ':3: boom'],
    ['thrun.config.mjs', 'const a = 1;\n\nthrow new Error("boom");', ':3: boom'],
    ['thrun.config.ts', 'interface A { a: 1 }\nexport default () => {\n  throw new Error("boom");\n};', ':3: boom'],
    [
      'thrun.config.ts',
      'interface A { a: 1 }\nexport default async () => {\n  await 1;\n  return JSON.parse("{");\n};',
      ':4: ',
    ],
    ['thrun.config.ts', 'export default Promise.reject(new Error("boom"));', ':1: boom'],
    ['thrun.config.ts', 'throw "just text"; export default {};', ': it threw "just text"'],
    [
      'thrun.config.ts',
      'export default (undefined as any).queue;',
      ":1: Cannot read properties of undefined (reading 'queue')",
    ],
  ])('%s: %j', async (name, text, expected) => {
    const root = await project({ [name]: text });
    expect(await failure(root)).toContain(
      `THRUN_CONFIG_UNREADABLE The config ROOT/${name} could not be loaded: ${name}${expected}`,
    );
  });

  test('and its secrets are not shown', async () => {
    const root = await project({
      'thrun.config.ts': 'throw new Error("no route to redis://a:hunter2@host"); export default {};',
    });
    expect(await failure(root)).toContain('redis://a:***@host');
  });
});

test('a missing default export', async () => {
  const root = await project({ 'thrun.config.ts': "export const config = { queue: 'q' };" });
  expect(await failure(root)).toBe(
    'THRUN_CONFIG_UNREADABLE The config ROOT/thrun.config.ts could not be loaded: it has no default export; write "export default defineConfig({ … })".',
  );
});

test('a config that is no object', async () => {
  expect(await failure(await project({ 'thrun.config.ts': 'export default 5;' }))).toContain(
    'config: expected an object, got 5',
  );
  expect(await failure(await project({ 'thrun.config.ts': 'export default () => undefined;' }))).toContain(
    'config: expected an object, got undefined',
  );
  expect(await failure(await project({ 'thrun.config.json': '[]' }))).toContain(
    'config: expected an object, got a list',
  );
});

describe('what it imports is not there', () => {
  const text = "const a: number = 1;\nimport { defineConfig } from 'thrun';\nexport default defineConfig({});";

  test('thrun itself', async () => {
    const root = await project({ 'thrun.config.ts': text }, { thrun: false });
    expect(await failure(root)).toContain(
      'thrun.config.ts:2: cannot find the package "thrun"; install it: npm install thrun',
    );
  });

  test('thrun is there, but not built', async () => {
    const unbuilt = '{ "name": "thrun", "type": "module", "exports": "./dist/index.js" }';
    const root = await project(
      { 'thrun.config.ts': text, 'node_modules/thrun/package.json': unbuilt },
      { thrun: false },
    );
    expect(await failure(root)).toContain(
      'thrun.config.ts:2: the package "thrun" at ROOT/node_modules/thrun is not built; run its build first (npm run build)',
    );
  });

  test('another package, a neighbour', async () => {
    const root = await project({
      'thrun.config.ts': "import '@acme/tools/deep';\nexport default {};",
      'b/thrun.config.mjs': "\nimport './gone.mjs';\nexport default {};",
      'c/thrun.config.ts': "\nimport './gone.js';\nexport default {};",
    });
    expect(await failure(root)).toContain(
      'thrun.config.ts:1: cannot find the package "@acme/tools"; install it: npm install @acme/tools',
    );
    expect(await failure(join(root, 'b'))).toContain('thrun.config.mjs:2: cannot find "gone.mjs"');
    expect(await failure(join(root, 'c'))).toContain('thrun.config.ts:2:8: Could not resolve "./gone.js"');
  });
});

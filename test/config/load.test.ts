import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { withoutRights } from '../support/nobody.js';
import { failure, project, write } from '../support/project.js';

const load = (cwd: string, more: Omit<Parameters<typeof loadConfig>[0], 'cwd'> = {}) =>
  loadConfig({ cwd, env: {}, ...more });

describe('where a config is found', () => {
  test('none at all is a working one, relative to the folder it was looked for in', async () => {
    const root = await project({});
    expect(await load(root)).toMatchObject({
      root,
      file: undefined,
      module: undefined,
      group: 'acme-shop',
      transport: 'sqlite',
      transports: { sqlite: { path: join(root, '.thrun/thrun.db'), durability: 'full' } },
      queue: 'events',
    });
  });

  test('in a folder above, which is then the root', async () => {
    const root = await project({ 'thrun.config.json': '{ "queue": "mail" }' });
    await mkdir(join(root, 'deep/down'), { recursive: true });
    const file = join(root, 'thrun.config.json');
    expect(await load(join(root, 'deep/down'))).toMatchObject({ root, file, module: file, queue: 'mail' });
  });

  test('.ts goes before .mts, .cts, .js, .mjs, .cjs and .json', async () => {
    const root = await project({});
    for (const extension of ['json', 'cjs', 'mjs', 'js', 'cts', 'mts', 'ts']) {
      const values = `{ "queue": "from-${extension}" }`;
      const texts: Record<string, string> = { json: values, cjs: `module.exports = ${values};` };
      await write(root, { [`thrun.config.${extension}`]: texts[extension] ?? `export default ${values};` });
      expect((await load(root)).queue).toBe(`from-${extension}`);
    }
  });

  test('by name, relative to the current folder', async () => {
    const root = await project({ 'config/other.mjs': 'export default { queue: "mail" };' });
    const config = await load(root, { file: 'config/other.mjs' });
    expect(config).toMatchObject({ root: join(root, 'config'), file: join(root, 'config/other.mjs'), queue: 'mail' });
  });
});

describe('what it may be', () => {
  test('TypeScript with an enum, a relative import and defineConfig', async () => {
    const root = await project({
      'thrun.config.ts': `
        import { defineConfig, type ThrunConfig } from 'thrun';
        import { Queue } from './queues.js';
        const worker: ThrunConfig['worker'] = { concurrency: 3 };
        export default defineConfig({ queue: Queue.Mail, worker } satisfies ThrunConfig);`,
      'queues.ts': `export enum Queue { Mail = 'mail' }`,
    });
    const config = await load(root);
    expect(config).toMatchObject({ queue: 'mail', worker: { concurrency: 3 } });
    expect(config.file).toBe(join(root, 'thrun.config.ts'));
    expect(config.module).toMatch(/\.thrun[\\/]build[\\/]config-[0-9a-f]+\.mjs$/);
  });

  test('TypeScript in a project whose package.json says nothing of modules', async () => {
    const root = await project({ 'thrun.config.ts': `export default { queue: 'mail' };` }, { type: 'commonjs' });
    expect((await load(root)).queue).toBe('mail');
  });

  test.each([
    ['a function', `export default () => ({ queue: 'mail' });`],
    ['an async function', `export default async () => ({ queue: await Promise.resolve('mail') });`],
    ['a promise', `export default Promise.resolve({ queue: 'mail' });`],
    ['awaited at the top', `const queue = await Promise.resolve('mail');\nexport default { queue };`],
    ['with a byte order mark and CRLF', `\uFEFFexport default {\r\n  queue: 'mail',\r\n};\r\n`],
  ])('%s', async (_what, text) => {
    for (const extension of ['ts', 'mts', 'js', 'mjs']) {
      const root = await project({ [`thrun.config.${extension}`]: text });
      expect((await load(root)).queue).toBe('mail');
    }
  });

  test('CommonJS that was compiled from a module', async () => {
    const text = 'Object.defineProperty(exports, "__esModule", { value: true });\nexports.default = { queue: "mail" };';
    const root = await project({ 'thrun.config.js': text }, { type: 'commonjs' });
    expect((await load(root)).queue).toBe('mail');
  });

  test('JSON with a byte order mark and CRLF', async () => {
    const root = await project({ 'thrun.config.json': '\uFEFF{\r\n  "queue": "mail"\r\n}\r\n' });
    expect((await load(root)).queue).toBe('mail');
  });

  test('it knows the folder it is written in, not the one it was built into', async () => {
    const text = `import { dirname } from 'node:path';
      import { fileURLToPath } from 'node:url';
      export default { transports: { sqlite: { path: dirname(fileURLToPath(import.meta.url)) + '/a.db' } }, source: import.meta.dirname };`;
    const root = await project({ 'thrun.config.ts': text });
    expect(await load(root)).toMatchObject({ source: root, transports: { sqlite: { path: join(root, 'a.db') } } });
  });
});

describe('built once', () => {
  test('a process that is handed the built module neither builds nor reads the source', async () => {
    const root = await project({ 'thrun.config.ts': `export default { queue: 'mail' };` });
    const { file, module } = await load(root);
    await write(root, { 'thrun.config.ts': 'this is no longer TypeScript' });
    expect(await load(root, { file, built: module })).toMatchObject({ file, module, queue: 'mail' });
  });

  test('a build that is gone is made anew', async () => {
    const root = await project({ 'thrun.config.ts': `export default { queue: 'mail' };` });
    const { file, module } = await load(root);
    await rm(join(root, '.thrun'), { recursive: true });
    expect(await load(root, { file, built: module })).toMatchObject({ queue: 'mail', module });
  });

  test('a build that is there serves whoever may not write beside it: a read-only image', async () => {
    const root = await project({ 'thrun.config.ts': `export default { queue: 'mail' };` });
    const { module } = await load(root);
    await chmod(root, 0o755);
    await chmod(join(root, '.thrun/build'), 0o555);
    expect(await withoutRights(() => load(root))).toMatchObject({ queue: 'mail', module });
    await chmod(join(root, '.thrun/build'), 0o755);
  });

  test('the same text is the same module, a changed one another', async () => {
    const root = await project({ 'thrun.config.ts': `export default { queue: 'mail' };` });
    const first = await load(root);
    expect((await load(root)).module).toBe(first.module);
    expect(await readdir(join(root, '.thrun/build'))).toHaveLength(1);
    await write(root, { 'thrun.config.ts': `export default { queue: 'post' };` });
    expect((await load(root)).queue).toBe('post');
  });

  test('a changed JSON file is seen by the same process', async () => {
    const root = await project({ 'thrun.config.json': '{"queue":"mail"}' });
    expect((await load(root)).queue).toBe('mail');
    await write(root, { 'thrun.config.json': '{"queue":"post"}' });
    expect((await load(root)).queue).toBe('post');
  });

  test('a changed JavaScript file is seen by the same process', async () => {
    const root = await project({ 'thrun.config.mjs': `export default { queue: 'mail' };` });
    expect((await load(root)).queue).toBe('mail');
    await write(root, { 'thrun.config.mjs': `export default { queue: 'post' };` });
    expect((await load(root)).queue).toBe('post');
  });
});

describe('what overrides it', () => {
  test('the command line goes before the environment, that before the file', async () => {
    const root = await project({
      'thrun.config.json': '{ "queue": "file", "group": "file", "worker": { "concurrency": 1, "processes": 2 } }',
    });
    const config = await load(root, {
      env: { THRUN_QUEUE: 'env', THRUN_CONCURRENCY: '7', THRUN_GROUP: '' },
      overrides: { values: { queue: 'flag' }, names: { queue: '--queue' } },
    });
    expect(config).toMatchObject({ queue: 'flag', group: 'file', worker: { concurrency: 7, processes: 2 } });
  });

  test('without a file too', async () => {
    const root = await project({});
    const config = await load(root, {
      env: { THRUN_TRANSPORT: 'memory', THRUN_LOG_LEVEL: 'debug', THRUN_SQLITE_PATH: 'x.db' },
    });
    expect(config).toMatchObject({
      transport: 'memory',
      logLevel: 'debug',
      transports: { sqlite: { path: join(root, 'x.db') } },
    });
  });
});

describe('what is wrong with it is one message', () => {
  const problem = async (extension: string, text: string) => {
    const root = await project({ [`thrun.config.${extension}`]: text });
    const { code, message } = await failure(load(root));
    expect(code).toBe('THRUN_CONFIG_UNREADABLE');
    expect(message).not.toMatch(/^\s+at /m);
    return message;
  };

  test.each(['null', 'undefined', '"text"', '{ a: 1 }', 'Object.create(null)', 'Symbol("s")'])(
    'it throws %s',
    async (thrown) => {
      expect(await problem('mjs', `throw ${thrown};`)).toContain('threw');
    },
  );

  test('a name that thrun does not export', async () => {
    const message = await problem('ts', `\nimport { defineConfg } from 'thrun';\nexport default defineConfg({});`);
    expect(message).toContain('thrun.config.ts');
    expect(message).toContain('defineConfg');
  });

  test('a folder that is called like a config is not taken for one', async () => {
    const root = await project({ 'thrun.config.ts/a.ts': '', 'thrun.config.json': '{"queue":"mail"}' });
    expect((await load(root)).queue).toBe('mail');
  });

  test('every wrong field is named at once', async () => {
    const root = await project({
      'thrun.config.json': '{ "concurency": 3, "queue": 7, "worker": { "drainTimeout": -1 } }',
    });
    const { code, message } = await failure(load(root));
    expect(code).toBe('THRUN_CONFIG_INVALID');
    expect(message).toContain(join(root, 'thrun.config.json'));
    for (const path of ['concurency: unknown key', 'queue: expected', 'worker.drainTimeout: expected'])
      expect(message).toContain(path);
  });
});

import { mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Shop } from './shop.js';

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.dispose());

async function errorOf(config: string | undefined, file = 'thrun.config.ts', ...args: string[]): Promise<string> {
  if (config !== undefined) shop.write({ [file]: config });
  const { code, stdout, stderr } = await shop.run(['queues', ...args]);
  expect({ code, stdout, stderr }).toMatchObject({ code: 2, stdout: '' });
  expect(stderr).not.toMatch(/^\s+at /m);
  return stderr;
}

test('an unknown key is named with the key that was meant', async () => {
  expect(await errorOf('export default { worker: { concurency: 5 } };')).toContain(
    'worker.concurency: unknown key; did you mean "concurrency"?',
  );
});

test('every wrong value is named with its path, secrets are not', async () => {
  const error = await errorOf(`export default {
    worker: { concurrency: 0, drainTimeout: -1, visibilityTimeout: 'soon' },
    transport: 'redis://user:hunter2@localhost:99999',
    queue: '',
  };`);
  for (const path of ['worker.concurrency', 'worker.drainTimeout', 'worker.visibilityTimeout', 'transport', 'queue']) {
    expect(error).toContain(`${path}: expected`);
  }
  expect(error).not.toContain('hunter2');
});

test('what came from the environment or a flag is called by that name', async () => {
  const { code, stderr } = await shop.run(['work'], { env: { THRUN_CONCURRENCY: '1.5' } });
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('env THRUN_CONCURRENCY: expected') });
  const flagged = await shop.run(['work', '--processes', '2', '--transport', 'memory']);
  expect({ code: flagged.code, stderr: flagged.stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining('--processes'),
  });
});

describe('a config that cannot be loaded is one cause and its place', () => {
  test.each<[string, string, string, RegExp]>([
    ['a syntax error', 'thrun.config.ts', 'export default {\n  queue: "a"\n  group: "b"\n};', /thrun\.config\.ts:3/],
    [
      'an export that throws',
      'thrun.config.ts',
      'throw new Error("no database today");\nexport default {};',
      /no database today/,
    ],
    [
      'a promise that fails',
      'thrun.config.js',
      'export default Promise.reject(new Error("vault is sealed"));',
      /vault is sealed/,
    ],
    ['no default export', 'thrun.config.mjs', 'export const config = {};', /default export/],
    ['JSON with a comma too many', 'thrun.config.json', '{"queue":"a",}', /thrun\.config\.json:1/],
  ])('%s', async (_what, file, text, expected) => {
    expect(await errorOf(text, file)).toMatch(expected);
  });

  test('missing, and a directory', async () => {
    expect(await errorOf(undefined, '', '--config', 'nope.ts')).toContain('There is no config at');
    mkdirSync(shop.path('folder'));
    expect(await errorOf(undefined, '', '--config', 'folder')).toContain('directory');
  });

  test('a promise that it leaves behind, and that fails', async () => {
    shop.write({
      'thrun.config.ts': 'void Promise.reject(new Error("vault \\x1b[31m is sealed"));\nexport default {};',
    });
    const { code, stdout, stderr } = await shop.run(['queues', '--json']);
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 1, error: { code: 'THRUN_UNEXPECTED' } });
    expect(stderr).toContain('error: vault \\u{1b}[31m is sealed\n');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test('a byte order mark and CRLF are no fault', async () => {
    shop.write({
      'thrun.config.json': '\uFEFF{\r\n"queue":"a"\r\n}',
      'thrun.config.ts': '\uFEFFexport default {\r\n};\r\n',
    });
    expect((await shop.run(['queues'])).code).toBe(0);
    expect((await shop.run(['queues', '--config', 'thrun.config.json'])).code).toBe(0);
  });
});

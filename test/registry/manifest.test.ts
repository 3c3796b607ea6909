import { chmod, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/config/resolve.js';
import { discover } from '../../src/registry/discover.js';
import {
  manifestOf,
  manifestPath,
  manifestText,
  nearestName,
  readManifest,
  staleness,
  writeManifest,
} from '../../src/registry/manifest.js';
import { withoutRights } from '../support/nobody.js';
import { failure, type Files, project, write } from '../support/project.js';

const IMPORT = `import { ThrunEvent, ThrunEventListener, ThrunJob } from 'thrun';`;

const SHOP: Files = {
  'events/paid.ts': `${IMPORT}\n@ThrunEvent('paid') export class Paid {}\n`,
  'listeners/z.ts': `${IMPORT}\nimport { Paid } from '../events/paid.js';\n@ThrunEventListener([Paid, 'a']) export class Zebra { handle() {} }\n`,
  'listeners/a.ts': `${IMPORT}\n@ThrunJob('pay', { timeout: '1m', retry: { delay: '1s', attempts: 2 }, queue: 'q' }) export class Pay { handle() {} }\n`,
};

const configOf = (root: string, config: object = {}) => resolveConfig(config, { root, env: {} });

async function written(files: Files = SHOP) {
  const root = await project(files);
  const config = configOf(root);
  const discovery = await discover(config);
  await writeManifest(discovery, config);
  return { root, config, discovery };
}

describe('the file', () => {
  test('says what was found, sorted, relative, without times', async () => {
    const { root, discovery } = await written();
    const text = await readFile(join(root, '.thrun/registry.json'), 'utf8');
    expect(text).toBe(manifestText(manifestOf(discovery)));
    expect(text.endsWith('}\n')).toBe(true);
    expect(text).not.toContain(root);
    const manifest = JSON.parse(text) as Record<string, never>;
    expect(Object.keys(manifest)).toEqual(['batches', 'contracts', 'events', 'files', 'version']);
    expect(manifest['contracts']).toEqual([
      { class: 'Zebra', contract: 'a', file: 'listeners/z.ts', kind: 'event', line: 3, listener: 'Zebra' },
      { class: 'Zebra', contract: 'paid', file: 'listeners/z.ts', kind: 'event', line: 3, listener: 'Zebra' },
      {
        class: 'Pay',
        contract: 'pay',
        file: 'listeners/a.ts',
        kind: 'job',
        line: 2,
        listener: 'pay',
        queue: 'q',
        retry: { attempts: 2, delay: 1000 },
        timeout: 60_000,
      },
    ]);
    expect(manifest['events']).toEqual([{ class: 'Paid', contract: 'paid', file: 'events/paid.ts', line: 2 }]);
    expect(Object.keys(manifest['files'] ?? {})).toEqual(['events/paid.ts', 'listeners/a.ts', 'listeners/z.ts']);
  });

  test('is the same bytes again, also of another folder', async () => {
    const [one, two] = [await written(), await written(Object.fromEntries(Object.entries(SHOP).toReversed()))];
    const bytes = (root: string) => readFile(manifestPath(root));
    const first = await bytes(one.root);
    expect(await bytes(two.root)).toEqual(first);
    await rm(manifestPath(one.root));
    await writeManifest(await discover(one.config), one.config);
    expect(await bytes(one.root)).toEqual(first);
  });

  test('is written in one step, and only when it changed', async () => {
    const { root, config, discovery } = await written();
    expect(await writeManifest(discovery, config)).toEqual({ path: manifestPath(root), changed: false });
    await write(root, { 'listeners/b.ts': `${IMPORT}\n@ThrunEventListener('b') export class B { handle() {} }` });
    expect(await writeManifest(await discover(config), config)).toMatchObject({ changed: true });
    expect((await readdir(join(root, '.thrun'))).sort()).toEqual(['build', 'registry.json']);
  });

  test('that cannot be written says so', async () => {
    const { root, config, discovery } = await written();
    await rm(join(root, '.thrun/registry.json'));
    await mkdir(join(root, '.thrun/registry.json'));
    const { code, message } = await failure(writeManifest(discovery, config));
    expect(code).toBe('THRUN_FAILED');
    expect(message).toContain(manifestPath(root));
    expect((await readdir(join(root, '.thrun'))).sort()).toEqual(['build', 'registry.json']);
  });
});

describe('reading it', () => {
  test('gives what was written; none is no error', async () => {
    const { config, discovery } = await written();
    expect(await readManifest(config)).toEqual(JSON.parse(manifestText(manifestOf(discovery))));
    expect(await readManifest(configOf(await project({})))).toBeUndefined();
  });

  test.each([
    ['cut off', '{"version":1,"contr', 'JSON'],
    ['empty', '', 'JSON'],
    ['a list', '[]', 'version'],
    ['null', 'null', 'bject'],
    ['of another version', '{"version":2}', 'version 2'],
    ['without files', '{"version":1,"contracts":[],"events":[]}', 'files'],
    ['with a strange entry', '{"version":1,"contracts":[{"contract":7}],"events":[],"files":{}}', 'contracts[0]'],
  ])('refuses one that is %s, and says how to mend it', async (_what, text, why) => {
    const root = await project({ '.thrun/registry.json': text });
    const { code, message } = await failure(readManifest(configOf(root)));
    expect(code).toBe('THRUN_MANIFEST_UNREADABLE');
    expect(message).toContain(manifestPath(root));
    expect(message).toContain(why);
    expect(message).toContain('thrun discover');
  });

  test('refuses a folder', async () => {
    const root = await project({ '.thrun/registry.json/a': '' });
    expect((await failure(readManifest(configOf(root)))).code).toBe('THRUN_MANIFEST_UNREADABLE');
  });

  test('refuses one that may not be read', async () => {
    const { root, config } = await written();
    for (const folder of [root, dirname(manifestPath(root))]) await chmod(folder, 0o755);
    await chmod(manifestPath(root), 0);
    expect((await withoutRights(() => failure(readManifest(config)))).code).toBe('THRUN_MANIFEST_UNREADABLE');
  });
});

describe('staleness', () => {
  async function reasons(
    change: (root: string) => Promise<unknown>,
    settings: object = {},
  ): Promise<readonly string[]> {
    const { root, config } = await written();
    const manifest = await readManifest(config);
    if (manifest === undefined) throw new Error('there is a manifest');
    await change(root);
    return staleness(manifest, configOf(root, settings));
  }

  test('none when nothing changed', async () => {
    expect(await reasons(async () => undefined)).toEqual([]);
  });

  test('a file that changed, is new, or is gone, by name', async () => {
    const change = async (root: string) => {
      await write(root, { 'listeners/a.ts': '// other\n', 'listeners/new.ts': '' });
      await rm(join(root, 'listeners/z.ts'));
    };
    expect(await reasons(change)).toEqual([
      'listeners/a.ts changed',
      'listeners/new.ts is new',
      'listeners/z.ts is gone',
    ]);
  });

  test('a file that holds an event class, although it is no listener file', async () => {
    expect(await reasons((root) => write(root, { 'events/paid.ts': '// other\n' }))).toEqual([
      'events/paid.ts changed',
    ]);
  });

  test('a broken file is no obstacle: nothing is built or imported', async () => {
    expect(await reasons((root) => write(root, { 'listeners/a.ts': 'const = ;' }))).toEqual(['listeners/a.ts changed']);
  });
});

test('the nearest name of those it knows', () => {
  expect(nearestName('order_creatd', ['order_created', 'order_paid'])).toBe('order_created');
  expect(nearestName('zebra', ['order_created', 'order_paid'])).toBeUndefined();
});

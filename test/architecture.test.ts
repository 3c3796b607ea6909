import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ThrunError } from '../src/contracts/errors.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const src = join(root, 'src');

/** Which folders each folder of src/ may import from; itself always. The composition root (app, index) may all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  envelope: ['contracts'],
  observability: ['contracts'],
  sqlite: ['contracts'],
  redis: ['contracts'],
  transports: ['contracts', 'redis', 'sqlite'],
  registry: ['contracts', 'config'],
  config: ['contracts', 'registry'],
  dispatch: ['contracts', 'envelope', 'registry'],
  bridge: ['contracts', 'envelope', 'registry'],
  replay: ['contracts', 'envelope'],
  batch: ['contracts', 'dispatch', 'envelope', 'redis', 'registry', 'sqlite'],
  worker: ['contracts', 'envelope', 'observability', 'registry'],
  supervisor: ['contracts', 'config', 'dispatch', 'observability', 'registry', 'worker', '.'],
  testing: ['batch', 'contracts', 'config', 'observability', 'transports', '.'],
  cli: [
    'batch',
    'bridge',
    'contracts',
    'config',
    'dispatch',
    'envelope',
    'observability',
    'registry',
    'replay',
    'supervisor',
    'worker',
    '.',
  ],
};

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function folderOf(file: string): string {
  const path = relative(src, file);
  return path.includes('/') ? (path.split('/')[0] ?? '.') : '.';
}

function importsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, path = '']) =>
    resolve(dirname(file), path),
  );
}

describe('imports go one way', () => {
  for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
    test(`src/${folder} imports ${allowed.length > 0 ? allowed.join(', ') : 'nothing of the others'}`, () => {
      const strangers = files(join(src, folder)).flatMap((file) =>
        importsOf(file)
          .map(folderOf)
          .filter((target) => target !== folder && !allowed.includes(target))
          .map((target) => `${relative(root, file)} imports ${target}`),
      );
      expect(strangers).toEqual([]);
    });
  }

  test('every folder of src has its rule', () => {
    const folders = readdirSync(src, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(folders.sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  test('only transports/index.ts knows a transport', () => {
    const knowing = files(src)
      .filter((file) => !relative(src, file).startsWith('transports/') && folderOf(file) !== 'testing')
      .filter((file) => importsOf(file).some((path) => /transports\/(?!index)/.test(relative(src, path))))
      .map((file) => relative(root, file));
    expect(knowing).toEqual([]);
  });
});

describe('docs stay true', () => {
  const sources = ['src', 'test', 'bench', 'scripts', 'listeners', '.'].flatMap(sourcesIn);
  const own = sourcesIn('src/transports').map((file) => dirname(file));
  const transports = [...new Set(own)].filter((folder) => exists(join(root, folder, 'README.md')));
  const documents = [
    ...['README.md', 'CONTRIBUTING.md'],
    ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
    ...transports.map((folder) => `${folder}/README.md`),
  ];

  test.each(documents)('%s names only files that exist', (document) => {
    const text = readFileSync(join(root, document), 'utf8');
    const named = [...text.matchAll(/\]\(([\w./-]+\.md)\)/g)].map(([, path = '']) =>
      resolve(root, dirname(document), path),
    );
    const paths = [...text.matchAll(/`((?:src|test|bench|scripts|schemas)\/[\w./-]+)`/g)].map(([, path = '']) =>
      join(root, path),
    );
    // By their last part, as in "`sqlite-claim.ts` claims a batch".
    const parts = [...text.matchAll(/`([\w./-]+\.(?:ts|mjs))`/g)].map(([, path = '']) => path);
    const missing = [
      ...[...named, ...paths].filter((path) => !exists(path)).map((path) => relative(root, path)),
      ...parts.filter((part) => !sources.some((file) => `/${file}`.endsWith(`/${part}`))),
    ];
    expect(missing).toEqual([]);
  });

  // The reference implementation is there to be read as a whole.
  const listed = transports.filter((folder) => folder !== 'src/transports/memory');

  test.each(listed)('the README of %s says what each of its files does', (folder) => {
    const text = readFileSync(join(root, folder, 'README.md'), 'utf8');
    const files = readdirSync(join(root, folder)).filter(
      (name) => name.endsWith('.ts') && !name.endsWith('-options.ts'),
    );
    expect(files.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  test('every error says what happened, and no placeholder is left', () => {
    const error = new ThrunError('THRUN_DURATION', ['"soon"']);
    expect(error.message).toBe('"soon" is not a duration. Write a number of milliseconds, or 500ms, 10s, 5m, 2h, 1d.');
    // What is filled in is not read as a template again.
    expect(new ThrunError('THRUN_CONFIG_INVALID', ['%s', 'x']).message).toContain('%s is not valid:\nx');
  });
});

/** Of the repository's own root only what lies in it. */
function sourcesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: folder !== '.', encoding: 'utf8' })
    .filter((file) => /\.(?:ts|mjs)$/.test(file))
    .map((file) => join(folder, file));
}

function exists(path: string): boolean {
  try {
    readdirSync(dirname(path));
    readFileSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR';
  }
}

import { readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildFailure, BuildOptions, Loader, Message, OutputFile, Plugin } from 'esbuild';
import { relativePath } from './position.js';

export interface BundleOptions {
  readonly root: string;
  /** Where the output is going to be, relative to the root: source maps point back from there. */
  readonly outdir: string;
  /** From source file to output name, without an extension. */
  readonly entries: Readonly<Record<string, string>>;
  readonly sourcemap: 'inline' | 'linked';
  /** Into several files, so that modules which entries share are loaded once. */
  readonly splitting: boolean;
}

export interface Bundle {
  readonly files: readonly OutputFile[];
  /** One per line, with its place. */
  readonly warnings: readonly string[];
}

/** From TypeScript to modules that Node can import, in one go. Nothing is written. */
export async function bundle({ root, outdir, entries, sourcemap, splitting }: BundleOptions): Promise<Bundle> {
  const result = await run({
    ...common(root),
    entryPoints: Object.entries(entries).map(([source, out]) => ({ in: source, out })),
    outdir: join(root, outdir),
    // Always .mjs: a .js below a package.json without "type": "module" would be read as CommonJS.
    outExtension: { '.js': '.mjs' },
    splitting,
    chunkNames: 'shared/[name]-[hash]',
    sourcemap,
    sourcesContent: false,
    plugins: [keepSourceLocation],
  });
  return { files: result.outputFiles ?? [], warnings: result.warnings.map((warning) => describe(warning, root)) };
}

/** What is wrong with the text of a file, or of one that it imports, each with its place; empty: nothing is. */
export async function syntaxProblems(file: string, root: string): Promise<readonly string[]> {
  try {
    await run({
      ...common(root),
      entryPoints: [file],
      ...(extname(file) === '.json' ? { loader: { '.json': 'json' } } : {}),
    });
    return [];
  } catch (error) {
    return bundleProblems(error, root) ?? [];
  }
}

/** The errors of a failed {@link bundle}, each with its place; undefined: it failed for another reason. */
export function bundleProblems(error: unknown, root: string): readonly string[] | undefined {
  const { errors } = error as Partial<BuildFailure>;
  return Array.isArray(errors) ? errors.map((problem) => describe(problem, root)) : undefined;
}

function common(root: string): BuildOptions {
  return {
    absWorkingDir: root,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    // A target, not `esnext`: that would leave standard decorators in, which no Node can read.
    target: 'node20',
    // The name of a class is its listener's name on the wire, whatever the bundle has to rename it to.
    keepNames: true,
    write: false,
    logLevel: 'silent',
  };
}

let building = 0;

/**
 * On first use: whoever has only JavaScript never loads it. Its compiler is a process of its own, which ends with the
 * last build under way: a supervisor runs for weeks and builds once.
 */
async function run(options: BuildOptions) {
  const esbuild = await import('esbuild');
  building++;
  try {
    return await esbuild.build(options);
  } finally {
    building--;
    if (building === 0) await esbuild.stop();
  }
}

function describe({ location, text }: Message, root: string): string {
  if (location === null) return text;
  const { file, line, column } = location;
  return `${relativePath(root, join(root, file))}:${line}:${column + 1}: ${text}`;
}

/** `import.meta.url`, `__dirname` and their like go on meaning the source file, not the one it was built into. */
const keepSourceLocation: Plugin = {
  name: 'keep-source-location',
  setup(build) {
    build.initialOptions.define = {
      ...build.initialOptions.define,
      'import.meta.url': '__thrun_url',
      'import.meta.filename': '__thrun_filename',
      'import.meta.dirname': '__thrun_dirname',
      __filename: '__thrun_filename',
      __dirname: '__thrun_dirname',
    };
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      if (!/import\s*\.\s*meta|__(?:dirname|filename)/.test(source)) return undefined;
      const values = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
      const constants = Object.entries(values).map(([name, value]) => `__thrun_${name} = ${JSON.stringify(value)}`);
      // On the first line, so that every other one keeps its number.
      const contents = `const ${constants.join(', ')}; ${source.replace(/^\uFEFF?(?:#!.*)?/, '')}`;
      return { contents, loader: extname(path).replace(/^\.[cm]?/, '') as Loader };
    });
  },
};

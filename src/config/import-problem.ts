import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { syntaxProblems } from './bundle.js';
import { describePosition, isBuilt, positionsIn, relativePath } from './position.js';
import { show } from './rules.js';
import { maskSecrets } from '../contracts/secrets.js';

/**
 * Why a user's module could not be imported, for a person: `listeners/order.ts:12: the reason`, one line for each cause,
 * never a stack.
 */
export async function importProblems(error: unknown, source: string, root: string): Promise<readonly string[]> {
  return (await explained(error, source, root)).map(maskSecrets);
}

async function explained(error: unknown, source: string, root: string): Promise<readonly string[]> {
  const file = relativePath(root, source);
  if (!(error instanceof Error)) return [`${file}: it threw ${show(error)}`];
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') return [notFound(error, source, root)];
  if (error instanceof SyntaxError) {
    // Node names the place of a syntax error differently from version to version, and not always.
    const problems = isBuilt(source) ? [] : await syntaxProblems(source, root);
    if (problems.length > 0) return problems;
    if (!isBuilt(source) && /unexpected token/i.test(error.message)) {
      return [
        `${placeOf(error, source, root)}: ${messageOf(error)}; Node cannot read this. If these are decorators, name the file .ts`,
      ];
    }
  }
  return [`${placeOf(error, source, root)}: ${messageOf(error)}`];
}

/** The innermost line of the user's own code; where a package threw, the line that called it. */
function placeOf(error: Error, source: string, root: string): string {
  const stack = error.stack ?? '';
  const own = positionsIn(stack).find(({ file }) => isOwn(file, root));
  if (own) return describePosition(own, root);
  const [, path, line] = /^(file:\/\/.+|\/.+):(\d+)$/m.exec(stack) ?? [];
  const file = path?.startsWith('file:') ? fileURLToPath(path) : path;
  if (file !== undefined && isOwn(file, root) && !isBuilt(file))
    return describePosition({ file, line: Number(line) }, root);
  return relativePath(root, source);
}

function isOwn(file: string, root: string): boolean {
  return file.startsWith(root + sep) && !file.includes(`${sep}node_modules${sep}`);
}

function messageOf(error: Error): string {
  return (error.message === '' ? error.name : error.message)
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .join(' ');
}

function notFound(error: Error, source: string, root: string): string {
  const [, what = ''] = /^Cannot find (?:package|module) '([^']+)'/.exec(error.message) ?? [];
  const unbuilt = unbuiltPackage(what);
  if (unbuilt !== undefined) {
    const place = importLine(source, unbuilt.name, root);
    return `${place}: the package "${unbuilt.name}" at ${unbuilt.folder} is not built; run its build first (npm run build)`;
  }
  const name = packageOf(what);
  if (isPath(what))
    return `${importLine(source, basename(what), root)}: cannot find ${JSON.stringify(relativePath(root, what))}`;
  return `${importLine(source, name, root)}: cannot find the package ${JSON.stringify(name)}; install it: npm install ${name}`;
}

function isPath(what: string): boolean {
  return what.startsWith('/') || /^[A-Za-z]:[\\/]/.test(what);
}

/** A package that is there, but whose entry file is not: one that is linked, or this project itself, before its build. */
function unbuiltPackage(path: string): { readonly name: string; readonly folder: string } | undefined {
  if (!isPath(path) || !/[\\/](?:dist|build|lib|out)[\\/]/.test(path)) return undefined;
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) continue;
    try {
      const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown };
      return typeof name === 'string' ? { name, folder } : undefined;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** `@acme/tools/deep/file` → `@acme/tools` */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The line that imports it, as far as the file itself does; else just the file. */
function importLine(source: string, name: string, root: string): string {
  const file = relativePath(root, source);
  if (name === '') return file;
  const lines = readFileSync(source, 'utf8').split('\n');
  const index = lines.findIndex((line) => /\b(?:import|from|require)\b/.test(line) && line.includes(name));
  return index < 0 ? file : `${file}:${index + 1}`;
}

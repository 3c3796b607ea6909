import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A place in a source file, as people count: the first line is 1. */
export interface Position {
  /** Absolute. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where thrun puts what it builds, relative to the root. */
export const BUILD_FOLDER = '.thrun/build';

/** The positions of a stack trace in source files, innermost first; what is Node's own is left out. */
export function positionsIn(stack: string): readonly Position[] {
  const positions: Position[] = [];
  for (const frame of stack.split('\n')) {
    const parts = /^\s*at (?:async )?(?:.*? \()?((?:file:\/\/|\/|[A-Za-z]:[\\/]).*):(\d+):(\d+)\)?$/.exec(frame);
    const [, path = '', line = '', column = ''] = parts ?? [];
    // A frame inside `eval` names two places at once.
    if (path !== '' && !path.includes('), <'))
      positions.push(original({ file: pathOf(path), line: Number(line), column: Number(column) }));
  }
  return positions;
}

/** `listeners/order.ts:12`, with `/` on every system. */
export function describePosition({ file, line }: Pick<Position, 'file' | 'line'>, root: string): string {
  return `${relativePath(root, file)}:${line}`;
}

export function relativePath(root: string, file: string): string {
  return relative(root, file).split(sep).join('/');
}

export function isBuilt(file: string): boolean {
  return file.split(sep).join('/').includes(`/${BUILD_FOLDER}/`);
}

/**
 * From built code back to its source. Done here instead of left to Node, which maps a stack only where source maps had
 * been switched on before the module was loaded, and nobody replaced `Error.prepareStackTrace`. Other files stay as
 * they are: a project that compiles its listeners itself is shown the files it named.
 */
function original(position: Position): Position {
  if (!isBuilt(position.file)) return position;
  const entry = sourceMapOf(position.file)?.findEntry(position.line - 1, position.column - 1);
  if (entry === undefined || !('originalSource' in entry) || entry.originalLine === undefined) return position;
  const source = new URL(entry.originalSource, pathToFileURL(position.file));
  return { file: fileURLToPath(source), line: entry.originalLine + 1, column: entry.originalColumn + 1 };
}

const sourceMaps = new Map<string, SourceMap | undefined>();

/** The names of built files come from their content, so a map once read stays right. */
function sourceMapOf(file: string): SourceMap | undefined {
  if (!sourceMaps.has(file)) sourceMaps.set(file, readSourceMap(file));
  return sourceMaps.get(file);
}

function readSourceMap(file: string): SourceMap | undefined {
  try {
    const url = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(readFileSync(file, 'utf8'))?.[1];
    if (url === undefined) return undefined;
    const inline = /^data:application\/json;base64,(.*)$/.exec(url)?.[1];
    const json =
      inline === undefined
        ? readFileSync(new URL(url, pathToFileURL(file)), 'utf8')
        : Buffer.from(inline, 'base64').toString();
    return new SourceMap(JSON.parse(json) as SourceMapPayload);
  } catch {
    // A position in the built file is worse than one in the source, but better than none.
    return undefined;
  }
}

function pathOf(path: string): string {
  return path.startsWith('file://') ? fileURLToPath(path.replace(/[?#].*$/, '')) : path;
}

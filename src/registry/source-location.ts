import { readFileSync } from 'node:fs';
import { type Position, positionsIn } from '../config/position.js';
import type { Class } from '../contracts/listener.js';
import type { DecoratorRecord } from './records.js';

/** Where a decorated class is written. */
export interface SourceLocation {
  /** Absolute. */
  readonly file: string;
  /** Of the line that says `class X`, from 1. */
  readonly line: number;
}

/** The frames of a decorator's stack that lie in thrun itself. */
const OWN_FRAMES = 2;

/**
 * Where the class of a record is: its decorator's place in the stack, then on to the class. The stack may also lead
 * through a helper that applies the decorator, or through a file that requires this one, so the frame counts whose file
 * has such a class. `imported` is the file during whose import it was recorded: a compiled one may have a source map that
 * leads elsewhere, and the file people listed is the one to name.
 */
export function locate(record: DecoratorRecord, imported: string, listenerFiles: ReadonlySet<string>): SourceLocation {
  const frames = decoratorFrames(record);
  const start = { file: imported, line: 1 };
  const listed = frames.filter(({ file }) => listenerFiles.has(file));
  for (const { file, line } of [...listed, start, ...frames]) {
    const found = isClass(record.type) ? classLine(file, record.type.name, line) : undefined;
    if (found !== undefined) return { file, line: found };
  }
  const { file, line } = listed[0] ?? frames[0] ?? start;
  return { file, line };
}

function decoratorFrames({ stack }: DecoratorRecord): readonly Position[] {
  const frames = stack.split('\n').filter((line) => /^\s*at /.test(line));
  return positionsIn(frames.slice(OWN_FRAMES).join('\n'));
}

/** The line of `class <name>`: the first from `start` on, else the first in the file. */
function classLine(file: string, name: string, start: number): number | undefined {
  const keyword = new RegExp(`\\bclass\\b${isNamed(name) ? `\\s+${escape(name)}(?![\\w$])` : ''}`);
  const lines = sourceLines(file).map((line) => keyword.test(withoutComment(line)));
  const index = lines.indexOf(true, start - 1);
  const line = (index >= 0 ? index : lines.indexOf(true)) + 1;
  return line > 0 ? line : undefined;
}

/** The types say so; a decorator may all the same have been put on a method or a field. */
export function isClass(type: unknown): type is Class {
  return typeof type === 'function' && typeof type.prototype === 'object';
}

/** `export default class { … }` has no name, or is called `default`. */
export function isNamed(className: string): boolean {
  return className !== '' && className !== 'default';
}

/** Enough to not take a remark for a class. */
function withoutComment(line: string): string {
  return /^\s*(?:\/\/|\*|\/\*)/.test(line) ? '' : line.replace(/\s\/\/.*$/, '');
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function sourceLines(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

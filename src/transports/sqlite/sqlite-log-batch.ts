import { isAscii } from 'node:buffer';
import { spanOf } from './sqlite-log.js';
import type { Statements } from './sqlite-statements.js';

/** One message of the log. */
export interface LogRow {
  readonly id: number;
  readonly body: Uint8Array;
  readonly published_at: number;
}

/** Messages that were read together. What one is made of is taken out when somebody asks for it. */
export interface Batch {
  message(place: number): number;
  body(place: number): Uint8Array;
  /** The body as text, where that is had for nothing. */
  text(place: number): string | undefined;
  publishedAt(place: number): number;
}

/**
 * A batch of the log, read as one row: the bodies as one blob, beside lists of ids, lengths and times in the same order. An
 * object and a buffer for each message would cost as much as all the rest of a claim.
 */
export class LogBatch implements Batch {
  readonly size: number;
  readonly first: number;
  readonly last: number;
  private readonly row: Row;
  private readonly bodies: Uint8Array;
  private readonly ascii: string | undefined;
  /** Where each body ends; they stand in front of one another. */
  private readonly ends: readonly number[];
  #ids: readonly number[] | undefined;
  #times: readonly number[] | undefined;

  private constructor(row: Row) {
    this.row = row;
    // The driver of Node 22 reads a value of no bytes as NULL.
    this.bodies = row.bodies ?? new Uint8Array(0);
    this.ascii = asciiText(this.bodies);
    let end = 0;
    this.ends = numbers(row.lengths).map((length) => (end += length));
    this.size = this.ends.length;
    this.first = row.first;
    this.last = row.last;
  }

  /** What comes after the group's cursor; undefined: nothing. */
  static read(statements: Statements, queue: number, group: string, limit: number): LogBatch | undefined {
    const most = Math.min(limit, MOST_AT_ONCE);
    const row = statements.readLogBatch.get(queue, group, spanOf(queue).last, most) as Row | { lengths: null };
    return row.lengths === null ? undefined : new LogBatch(row);
  }

  message(place: number): number {
    // Without gaps, as a log is unless somebody has deleted from it by hand, there is no need to look.
    if (this.last - this.first === this.size - 1) return this.first + place;
    this.#ids ??= numbers(this.row.ids);
    return this.#ids[place] as number;
  }

  body(place: number): Uint8Array {
    return this.bodies.subarray(this.start(place), this.ends[place]);
  }

  text(place: number): string | undefined {
    return this.ascii?.slice(this.start(place), this.ends[place]);
  }

  publishedAt(place: number): number {
    this.#times ??= numbers(this.row.times);
    return this.#times[place] as number;
  }

  private start(place: number): number {
    return place === 0 ? 0 : (this.ends[place - 1] as number);
  }
}

/** The longest value SQLite holds is 10^9 bytes, and a body may have a mebibyte. */
const MOST_AT_ONCE = 500;
/** Above this the bodies are large, and being read a second time costs memory and gains nothing. */
const MOST_TEXT = 4 * 2 ** 20;

interface Row {
  readonly bodies: Uint8Array | null;
  readonly first: number;
  readonly last: number;
  readonly ids: string;
  readonly lengths: string;
  readonly times: string;
}

/** Looked at and turned into text once for all of them, where each byte is a character. */
function asciiText(bodies: Uint8Array): string | undefined {
  if (bodies.length > MOST_TEXT || !isAscii(bodies)) return undefined;
  return Buffer.from(bodies.buffer, bodies.byteOffset, bodies.byteLength).toString('latin1');
}

/** `1,2,3` → [1, 2, 3]; the parser of JSON is quicker at it than anything written here. */
function numbers(list: string): readonly number[] {
  return JSON.parse(`[${list}]`) as number[];
}

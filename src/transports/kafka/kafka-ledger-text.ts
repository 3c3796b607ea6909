/** What a ledger has to say of an offset that is not simply untouched. */
export const FREE = 0;
/** Claimed: whoever takes the partition over from a dead worker counts it as a crash. */
export const HELD = 1;
/** A suspect that has begun to run. */
export const BEGUN = 2;
export const DONE = 3;
export type Status = typeof FREE | typeof HELD | typeof BEGUN | typeof DONE;

/** So many offsets in a row of which the same is to be said. */
export interface Run {
  readonly length: number;
  readonly status: Status;
  /** Receipts in vain that were no more than that, and those of a suspect that had begun. */
  readonly vain: number;
  readonly begun: number;
}

/** A run that a dead worker held is free again, and counted. */
export function takenOver({ length, status, vain, begun }: Run): Run {
  if (status === HELD) return { length, status: FREE, vain: vain + 1, begun };
  if (status === BEGUN) return { length, status: FREE, vain, begun: begun + 1 };
  return { length, status, vain, begun };
}

/** Kafka takes 4096 bytes beside an offset (`offset.metadata.max.bytes`); base64 makes four of three. */
const MOST_BYTES = 3000;

const VERSION = 't1.';

/**
 * The runs from the committed offset on, as text. What does not fit is said to be held, or free where nothing of it is: at
 * the worst it is delivered again, never lost.
 */
export function writeRuns(runs: readonly Run[]): string {
  if (runs.length === 0) return '';
  const bytes: number[] = [];
  for (const [i, run] of runs.entries()) {
    if (bytes.length > MOST_BYTES) {
      writeRun(bytes, tailOf(runs.slice(i)));
      break;
    }
    writeRun(bytes, run);
  }
  return VERSION + Buffer.from(bytes).toString('base64url');
}

/** Text that is not ours, or of another version, says nothing. */
export function readRuns(text: string): readonly Run[] {
  if (!text.startsWith(VERSION)) return [];
  const bytes = Buffer.from(text.slice(VERSION.length), 'base64url');
  const runs: Run[] = [];
  const at = { index: 0 };
  while (at.index < bytes.length) {
    const head = readNumber(bytes, at);
    const status = (head & 3) as Status;
    const hasCounts = (head & 4) !== 0;
    const length = Math.floor(head / 8);
    runs.push({
      length,
      status,
      vain: hasCounts ? readNumber(bytes, at) : 0,
      begun: hasCounts ? readNumber(bytes, at) : 0,
    });
  }
  return runs;
}

function tailOf(rest: readonly Run[]): Run {
  const length = rest.reduce((sum, run) => sum + run.length, 0);
  const isHeld = rest.some(({ status }) => status === HELD || status === BEGUN);
  return { length, status: isHeld ? HELD : FREE, vain: 0, begun: 0 };
}

function writeRun(bytes: number[], { length, status, vain, begun }: Run): void {
  const hasCounts = vain > 0 || begun > 0;
  writeNumber(bytes, length * 8 + (hasCounts ? 4 : 0) + status);
  if (hasCounts) {
    writeNumber(bytes, vain);
    writeNumber(bytes, begun);
  }
}

/** Seven bits a byte, the low ones first. */
function writeNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

function readNumber(bytes: Buffer, at: { index: number }): number {
  let value = 0;
  for (let factor = 1; at.index < bytes.length; factor *= 128) {
    const byte = bytes[at.index++] as number;
    value += (byte & 127) * factor;
    if (byte < 128) break;
  }
  return value;
}

import type { Handled } from './project.js';

export interface Kill {
  readonly pid: number;
  readonly at: number;
}

/** One run of the listener: where it began, and where it ended if it came to that. */
export interface Run {
  readonly id: string;
  readonly attempt: number;
  readonly pid: number;
  readonly begin: number;
  readonly end: number | undefined;
}

/** The ledger's lines `begin` and `end` as runs, by event. */
export function runsOf(lines: readonly Handled[]): ReadonlyMap<string, readonly Run[]> {
  const ends = new Map(lines.filter(({ step }) => step === 'end').map((line) => [keyOf(line), line.at]));
  const runs = new Map<string, Run[]>();
  for (const line of lines.filter(({ step }) => step === 'begin')) {
    const { id, attempt, pid, at } = line;
    const run = { id, attempt, pid, begin: at, end: ends.get(keyOf(line)) };
    const known = runs.get(id);
    if (known) known.push(run);
    else runs.set(id, [run]);
  }
  for (const list of runs.values()) list.sort((a, b) => a.attempt - b.attempt);
  return runs;
}

function keyOf({ id, attempt, pid }: Handled): string {
  return `${id} ${attempt} ${pid}`;
}

/** What a killed process was running. */
export function inFlightAt({ pid, at }: Kill, runs: Iterable<readonly Run[]>): number {
  let count = 0;
  for (const list of runs) {
    for (const run of list) if (run.pid === pid && run.begin <= at && (run.end === undefined || run.end >= at)) count++;
  }
  return count;
}

/** A settlement is written with others, shortly after the run; what was not written yet when the kill came is in flight. */
const UNWRITTEN_MS = 1000;

/**
 * Why an event ran more often than the kills explain; undefined: they do. Every run but the last must have been in a
 * process that was killed while it ran, or before its settlement was on disk.
 */
export function unexplained(runs: readonly Run[], kills: ReadonlyMap<number, Kill>): string | undefined {
  for (const [i, run] of runs.slice(0, -1).entries()) {
    const kill = kills.get(run.pid);
    const what = `${run.id}, attempt ${run.attempt} in ${run.pid}`;
    if (runs[i + 1]?.attempt === run.attempt) return `${what}: the same attempt twice`;
    if (!kill) return `${what}: ran again, and its process was not killed`;
    if (run.end !== undefined && kill.at - run.end > UNWRITTEN_MS) {
      return `${what}: ended ${kill.at - run.end} ms before the kill, and ran again`;
    }
  }
  return undefined;
}

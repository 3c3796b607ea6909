import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Totals } from './supervisor.js';

/** What a running `thrun work` says about itself, for `thrun health` and the like. */
export interface WorkerStatus extends Totals {
  readonly pid: number;
  readonly started_at: string;
  readonly updated_at: string;
}

/** A status this old was written by a supervisor that hangs or is gone. */
const STALE_MS = 10_000;

/** One file for each supervisor, replaced whole, so that a reader never sees half of one. */
export class StatusFile {
  readonly #folder: string;
  readonly #file: string;
  readonly #startedAt = new Date().toISOString();

  constructor(root: string) {
    this.#folder = folderOf(root);
    this.#file = join(this.#folder, `${process.pid}.json`);
  }

  write(totals: Totals): void {
    const status: WorkerStatus = {
      pid: process.pid,
      started_at: this.#startedAt,
      updated_at: new Date().toISOString(),
      ...totals,
    };
    try {
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(`${this.#file}.new`, `${JSON.stringify(status)}\n`);
      renameSync(`${this.#file}.new`, this.#file);
    } catch {
      // A read-only project folder: the workers work, only `thrun health` cannot see them.
    }
  }

  remove(): void {
    rmSync(this.#file, { force: true });
  }
}

export interface Health {
  readonly status: WorkerStatus;
  /** Its process is there; where it is not, a killed supervisor left the status behind. */
  readonly running: boolean;
  /** Why it does not consume; undefined: it does. */
  readonly problem: string | undefined;
}

/** Every supervisor of this project that is alive or left a status behind. */
export function readHealth(root: string, now = Date.now()): readonly Health[] {
  return statusFiles(folderOf(root)).flatMap((file) => {
    try {
      const status = JSON.parse(readFileSync(file, 'utf8')) as WorkerStatus;
      const running = isAlive(status.pid);
      return [{ status, running, problem: problemOf(status, running, now) }];
    } catch {
      return [];
    }
  });
}

/** The queues that are consumed on this machine by every `thrun work` of this project that is well. */
export function consumedQueues(root: string, now = Date.now()): ReadonlySet<string> {
  const well = readHealth(root, now).filter(({ running, problem }) => running && problem === undefined);
  // Written by an older version it says nothing of queues.
  return new Set(well.flatMap(({ status }) => (status.queues as readonly string[] | undefined) ?? []));
}

function problemOf(status: WorkerStatus, running: boolean, now: number): string | undefined {
  if (!running) return 'its process is gone without having drained';
  const age = now - Date.parse(status.updated_at);
  if (!(age < STALE_MS)) return `it has said nothing for ${Math.round(age / 1000)} s`;
  if (status.processes === 0) return 'none of its processes is up';
  const [first] = status.ailing;
  return first && `process ${first.pid} does not consume: ${first.why}`;
}

function folderOf(root: string): string {
  return join(root, '.thrun', 'workers');
}

function statusFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d+\.json$/.test(name))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

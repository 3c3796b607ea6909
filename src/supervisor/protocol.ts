import type { BuiltListener } from '../registry/build.js';
import type { Settings } from '../config/environment.js';
import type { Counts } from '../observability/counters.js';
import type { Holding } from '../worker/sources.js';
import type { Activity } from '../worker/worker.js';

/** What a worker process is told at its start: everything costly was done once, in the supervisor. */
export interface WorkerSpec {
  /** The project's folder, and its config file when there is one. */
  readonly root: string;
  readonly configFile: string | undefined;
  /** The config as it was built, ready to import. */
  readonly configModule: string | undefined;
  /** Config values the command line overrules. */
  readonly overrides: Settings;
  /** Listener files, ready to import. */
  readonly listeners: readonly BuiltListener[];
  /** Consume these only; undefined: every address a listener needs. */
  readonly queues: readonly string[] | undefined;
  /** Consume from this transport only; undefined: from every one a listener needs. */
  readonly transport: string | undefined;
  /** Run only listeners to contracts that match this pattern. */
  readonly only: string | undefined;
  /** Ask before running what was received (`--limit`). */
  readonly metered: boolean;
  /** Find out whether the queues are empty (`--stop-when-empty`). */
  readonly stopWhenEmpty: boolean;
  /** How often to report, ms. */
  readonly beatMs: number;
}

export type ToWorker =
  /** `replaces`: what the process held whose place it takes, if that one died. */
  | { readonly type: 'start'; readonly spec: WorkerSpec; readonly replaces: readonly Holding[] }
  | { readonly type: 'drain' }
  /** The answer to `ask`: so many of them may be run. */
  | { readonly type: 'granted'; readonly count: number };

export type ToSupervisor =
  | { readonly type: 'ready'; readonly queues: readonly string[]; readonly listeners: number }
  | { readonly type: 'beat'; readonly beat: Beat }
  | { readonly type: 'ask'; readonly count: number }
  /** Under which names it holds from now on what it receives. */
  | { readonly type: 'holdings'; readonly holdings: readonly Holding[] }
  /** It has drained and ends now. Without this an exit code of 0 is a listener that called process.exit(). */
  | { readonly type: 'drained' }
  /** It cannot start; another try would end the same. */
  | { readonly type: 'failed'; readonly message: string; readonly usage: boolean };

/** One sign of life: it comes from the event loop that runs the listeners, so a blocked one sends none. */
export interface Beat {
  readonly counts: Counts;
  readonly activity: Activity;
  /** Nothing is ready, nothing runs, and no retry is due soon. */
  readonly empty: boolean;
  /** Resident memory, bytes. */
  readonly rss: number;
}

import { ThrunError } from '../contracts/errors.js';
import { addCounts, type Counts, noCounts } from '../observability/counters.js';
import type { Holding } from '../worker/sources.js';
import type { WorkerSpec } from './protocol.js';
import { RestartPolicy } from './restart-policy.js';
import { type WorkerEnd, WorkerProcess } from './worker-process.js';

export interface SupervisorOptions {
  readonly processes: number;
  readonly drainMs: number;
  /** An event loop that does not turn for so long is reported … */
  readonly blockedAfterMs: number;
  /** … and after so long its process is killed and replaced, ms. */
  readonly killBlockedAfterMs: number;
  /** A worker with room that a transport has not answered for so long does not consume; it is replaced, ms. */
  readonly silentAfterMs: number;
  /** Workers in a row that crash before they have handled anything, before giving up. */
  readonly restarts: number;
  readonly limit?: number | undefined;
  readonly timeLimitMs?: number | undefined;
  /** A process that holds more resident memory is drained and replaced, bytes. */
  readonly memoryLimit?: number | undefined;
  readonly stopWhenEmpty?: boolean | undefined;
  readonly onEvent: (event: SupervisorEvent) => void;
}

export type SupervisorEvent =
  | { readonly kind: 'ready'; readonly pid: number }
  | { readonly kind: 'crashed'; readonly pid: number; readonly how: string; readonly restartMs: number }
  | { readonly kind: 'blocked'; readonly pid: number; readonly ms: number; readonly killed: boolean }
  | { readonly kind: 'not_consuming'; readonly pid: number; readonly ms: number }
  | { readonly kind: 'recycled'; readonly pid: number; readonly rss: number }
  | { readonly kind: 'draining'; readonly why: string };

/** What the workers have done and are doing, all together. */
export interface Totals {
  readonly counts: Counts;
  readonly active: number;
  readonly held: number;
  /** Processes that are up. */
  readonly processes: number;
  /** What those consume. */
  readonly queues: readonly string[];
  /** Pids of those that do not consume, with why. */
  readonly ailing: readonly { readonly pid: number; readonly why: string }[];
}

const CHECK_MS = 250;
/** A process that was told to drain and has not ended this long after its drain time is killed. */
const OVERTIME_MS = 5000;

/** Keeps worker processes running until told to stop, or until a stop condition is met. Runs once. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #workers = new Set<WorkerProcess>();
  readonly #restarts: RestartPolicy;
  readonly #pauses = new Set<NodeJS.Timeout>();
  readonly #past: Counts = noCounts();
  #spec: WorkerSpec;
  #granted = 0;
  /** One for each question whose answer waits: the limit is reached, and the worker waits to be drained. */
  #refused: WorkerProcess[] = [];
  #draining = false;
  #failure: Error | undefined;
  #finish: () => void = () => undefined;

  constructor(spec: WorkerSpec, options: SupervisorOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#restarts = new RestartPolicy(options.restarts);
  }

  /** Resolves when every process has ended; rejects when they could not be kept running. */
  async run(): Promise<Totals> {
    const { processes, timeLimitMs } = this.#options;
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    for (let i = 0; i < processes; i++) this.#startOne();
    const check = setInterval(() => this.#check(), CHECK_MS);
    const timeUp =
      timeLimitMs === undefined ? undefined : setTimeout(() => this.drain('the time limit is reached'), timeLimitMs);
    try {
      await finished;
    } finally {
      clearInterval(check);
      clearTimeout(timeUp);
    }
    if (this.#failure) throw this.#failure;
    return this.totals();
  }

  /** Every worker finishes what runs, hands back the rest and ends. */
  drain(why: string): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#options.onEvent({ kind: 'draining', why });
    for (const pause of this.#pauses) clearTimeout(pause);
    this.#pauses.clear();
    for (const worker of this.#refused) worker.grant(0);
    this.#refused = [];
    for (const worker of this.#workers) this.#drainOne(worker);
    this.#finishWhenDone();
  }

  /** Ends every worker at once. What they held comes again when its lease runs out. */
  kill(): void {
    this.drain('stopped at once');
    for (const worker of this.#workers) worker.kill();
  }

  /** Replaces every worker by one that runs the new spec; each new one starts when an old one has drained. */
  reload(spec: WorkerSpec): void {
    this.#spec = spec;
    for (const worker of this.#workers) this.#drainOne(worker);
  }

  totals(): Totals {
    const workers = [...this.#workers];
    const counts = { ...this.#past };
    for (const { beat } of workers) addCounts(counts, beat.counts);
    return {
      counts,
      active: workers.reduce((sum, { beat }) => sum + beat.activity.active, 0),
      held: workers.reduce((sum, { beat }) => sum + beat.activity.held, 0),
      processes: workers.filter((worker) => worker.ready).length,
      queues: [...new Set(workers.flatMap((worker) => worker.queues))],
      ailing: workers.flatMap((worker) => {
        const why = this.#ailment(worker);
        return why === undefined ? [] : [{ pid: worker.pid, why }];
      }),
    };
  }

  #startOne(replaces: readonly Holding[] = []): void {
    const worker = new WorkerProcess(this.#spec, replaces, {
      onReady: ({ pid }) => this.#options.onEvent({ kind: 'ready', pid }),
      onBeat: (sender) => this.#beat(sender),
      onAsk: (asker, count) => this.#answer(asker, count),
      onExit: (gone, end) => this.#exited(gone, end),
    });
    this.#workers.add(worker);
  }

  #drainOne(worker: WorkerProcess): void {
    if (worker.ending) return;
    worker.drain();
    setTimeout(() => this.#workers.has(worker) && worker.kill(), this.#options.drainMs + OVERTIME_MS).unref();
  }

  #beat(worker: WorkerProcess): void {
    const { memoryLimit, stopWhenEmpty } = this.#options;
    const { rss } = worker.beat;
    if (memoryLimit !== undefined && rss > memoryLimit && !worker.ending && !this.#draining) {
      this.#options.onEvent({ kind: 'recycled', pid: worker.pid, rss });
      this.#drainOne(worker);
    }
    if (stopWhenEmpty && this.#allEmpty()) this.drain('the queues are empty');
    if (this.#limitReached()) this.drain('the limit is reached');
  }

  #allEmpty(): boolean {
    return (
      this.#workers.size >= this.#options.processes &&
      [...this.#workers].every(({ ready, beat }) => ready && beat.empty)
    );
  }

  /** Exactly `limit` deliveries are run, whoever received them. */
  #answer(worker: WorkerProcess, asked: number): void {
    const { limit = Number.POSITIVE_INFINITY } = this.#options;
    const count = this.#draining ? 0 : Math.min(asked, limit - this.#granted);
    this.#granted += count;
    // With nothing to grant the answer is the drain: a worker that hands back goes on receiving the same.
    if (count > 0 || this.#draining) worker.grant(count);
    else this.#refused.push(worker);
  }

  /** Draining earlier would hand back what was granted and waits for a slot. */
  #limitReached(): boolean {
    const { limit = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#granted < limit) return false;
    const { counts, held } = this.totals();
    return counts.received >= limit && held === 0;
  }

  #exited(worker: WorkerProcess, end: WorkerEnd): void {
    this.#workers.delete(worker);
    this.#refused = this.#refused.filter((other) => other !== worker);
    addCounts(this.#past, worker.beat.counts);
    if (end.failed) this.#fail(new ThrunError(end.failed.usage ? 'THRUN_INPUT' : 'THRUN_FAILED', [end.failed.message]));
    if (!this.#draining) {
      if (end.expected) this.#startOne();
      else this.#crashed(worker, end);
    }
    this.#finishWhenDone();
  }

  #crashed({ pid, beat, holdings }: WorkerProcess, { how }: WorkerEnd): void {
    const next = this.#restarts.crashed(beat.counts.received > beat.activity.held);
    if (next.kind === 'give_up') return this.#fail(new ThrunError('THRUN_WORKER_CRASHED', [pid, next.crashes, how]));
    this.#options.onEvent({ kind: 'crashed', pid, how, restartMs: next.afterMs });
    const pause = setTimeout(() => {
      this.#pauses.delete(pause);
      this.#startOne(holdings);
    }, next.afterMs);
    this.#pauses.add(pause);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    // What it was is told at the end.
    this.drain('it cannot go on');
  }

  #finishWhenDone(): void {
    if (this.#draining && this.#workers.size === 0) this.#finish();
  }

  /** The watchdog: a process whose event loop hangs, or that is connected and does not consume, is replaced. */
  #check(): void {
    const { killBlockedAfterMs, blockedAfterMs, silentAfterMs, onEvent } = this.#options;
    for (const worker of this.#workers) {
      if (!worker.ready) continue;
      const silence = performance.now() - worker.lastBeatAt;
      const { silentMs } = worker.beat.activity;
      if (silence > killBlockedAfterMs) {
        onEvent({ kind: 'blocked', pid: worker.pid, ms: silence, killed: true });
        worker.kill();
      } else if (silence > blockedAfterMs && !worker.blockedSaid) {
        worker.blockedSaid = true;
        onEvent({ kind: 'blocked', pid: worker.pid, ms: silence, killed: false });
      } else if (silentMs > silentAfterMs && !worker.ending) {
        onEvent({ kind: 'not_consuming', pid: worker.pid, ms: silentMs });
        this.#drainOne(worker);
      }
    }
  }

  #ailment(worker: WorkerProcess): string | undefined {
    const silence = performance.now() - worker.lastBeatAt;
    const { silentMs, silentOn, awayMs, awayFrom } = worker.beat.activity;
    if (silence > this.#options.blockedAfterMs) return `its event loop has not turned for ${Math.round(silence)} ms`;
    if (silentMs > this.#options.silentAfterMs)
      return `the transport ${silentOn} has not answered it for ${Math.round(silentMs)} ms`;
    if (awayMs > this.#options.silentAfterMs)
      return `the transport ${awayFrom} has been away for ${Math.round(awayMs)} ms; it is being reconnected to`;
    return undefined;
  }
}

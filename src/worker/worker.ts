import type { BatchJobs } from '../contracts/batch.js';
import type { Clock } from '../contracts/clock.js';
import { ThrunError } from '../contracts/errors.js';
import type { Logger, Middleware } from '../contracts/listener.js';
import type { Consumer, Transport, TransportNotice } from '../contracts/transport.js';
import type { Limits } from '../envelope/index.js';
import type { Observer } from '../observability/observation.js';
import type { Listener } from '../registry/listener.js';
import type { Registry } from '../registry/registry.js';
import type { PublishFrom } from './context.js';
import { type ExecuteParts, execute } from './execute.js';
import { Lane } from './lane.js';
import { ListenerRunner } from './run-listener.js';
import { type Silence, SilenceWatch } from './silence.js';
import { Slots } from './slots.js';
import {
  type Connected,
  connect,
  connectLater,
  type ConnectOptions,
  type Holding,
  isAway,
  type Source,
} from './sources.js';

export interface WorkerOptions {
  readonly group: string;
  /** Listener runs at once. */
  readonly concurrency: number;
  /** Most deliveries held at once, for each queue; only quick listeners get that far ahead. */
  readonly prefetch: number;
  readonly visibilityMs: number;
  readonly drainMs: number;
  readonly maxCrashes: number;
  readonly blockedAfterMs: number;
  readonly unhandled: 'auto' | 'ack' | 'dead';
  readonly limits: Limits;
  readonly middleware: readonly Middleware[];
  /** The listeners this worker runs; default all. */
  readonly runs?: (listener: Listener) => boolean;
  /** Finds out soon when there is nothing left to do, at the cost of an idle worker's CPU. Default false. */
  readonly attentive?: boolean;
  /** Without an answer from its transport for this long a lane is taken to hang. */
  readonly silentAfterMs: number;
  /** Waits for a broker that cannot be reached yet, instead of failing. Default false. */
  readonly patient?: boolean;
  /** What processes that are known to be dead held, by {@link Worker.holdings}: it is given out at once. Default: nothing. */
  readonly replaces?: readonly Holding[];
  /** How many of so many received deliveries may be run; the rest is handed back. Default all. */
  readonly admit?: (count: number) => number | Promise<number>;
}

export interface WorkerParts {
  /** Where it receives from, one for each transport. */
  readonly sources: readonly Source[];
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly observe: Observer;
  readonly publishFrom: PublishFrom;
  /** Where jobs of batches are counted. */
  readonly jobs: BatchJobs | undefined;
}

/** How busy a worker is, and whether it really consumes. */
export interface Activity extends Silence {
  /** Listeners that run. */
  readonly active: number;
  /** Deliveries held, running ones included. */
  readonly held: number;
  /** Every transport could be reached, every lane's last look found nothing, nothing is held, and no batch is sending more. */
  readonly empty: boolean;
}

interface WorkerLane {
  readonly transport: string;
  readonly queue: string;
  readonly lane: Lane;
  readonly consumer: Consumer;
  empty: boolean;
}

/** How soon an attentive worker notices that there is nothing left. */
const SOON_MS = 200;
const IDLE_LOOK_MS = 7500;

/** After the drain's time is up listeners have this long to heed their AbortSignal. */
const GRACE_MS = 500;

/** Consumes queues and runs listeners, in this process. Starts once, stops once; stopping twice is safe. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #parts: WorkerParts;
  readonly #slots: Slots;
  readonly #runner: ListenerRunner;
  readonly #lanes: WorkerLane[] = [];
  /** Those that are open. */
  readonly #transports = new Set<Transport>();
  /** Names of those that could not be reached yet. */
  readonly #away = new Set<string>();
  readonly #connecting: Promise<void>[] = [];
  readonly #stopped = new AbortController();
  readonly #silence = new SilenceWatch();
  #stopping: Promise<void> | undefined;
  #failed: (error: unknown) => void = () => undefined;
  /** Rejects when consuming has failed for good; never resolves. */
  readonly failure = new Promise<never>((_, reject) => {
    this.#failed = reject;
  });

  constructor(options: WorkerOptions, parts: WorkerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#slots = new Slots(options.concurrency);
    this.#runner = new ListenerRunner({
      ...parts,
      slots: this.#slots,
      middleware: options.middleware,
      blockedAfterMs: options.blockedAfterMs,
    });
    this.failure.catch(() => undefined);
  }

  get activity(): Activity {
    const lanes = this.#lanes;
    return {
      ...this.#silence.measure(lanes),
      active: this.#slots.running,
      held: lanes.reduce((sum, { lane }) => sum + lane.held, 0),
      empty:
        this.#away.size === 0 &&
        lanes.every(({ lane, empty }) => empty && lane.held === 0) &&
        this.#parts.jobs?.isSending !== true,
    };
  }

  /** What it receives from: those that could be reached so far. */
  get transports(): readonly Transport[] {
    return [...this.#transports];
  }

  /** Under which names it holds what it receives; for whoever takes its place when it dies. They may change. */
  get holdings(): readonly Holding[] {
    const { group } = this.#options;
    return this.#lanes.flatMap(({ transport, queue, consumer: { holder } }) =>
      holder === undefined ? [] : [{ transport, queue, group, holder }],
    );
  }

  /**
   * Rejects when nothing can be consumed. A transport that is away beside others is waited for meanwhile; where `patient`,
   * so is one that is alone.
   */
  async start(): Promise<void> {
    const { sources } = this.#parts;
    const failures: { readonly source: Source; readonly error: Error }[] = [];
    const starts = sources.map((source) =>
      connect(source, this.#connection(source)).then(
        // At once: a slow one is waited for by nobody but the caller.
        (connected) => this.#begin(source, connected),
        (error: Error) => void failures.push({ source, error }),
      ),
    );
    await Promise.all(starts);
    const isWaitedFor = this.#options.patient && failures.every(({ error }) => isAway(error));
    if (failures.length > 0 && failures.length === sources.length && !isWaitedFor) throw failures[0]?.error;
    for (const { source, error } of failures) this.#connecting.push(this.#beginLater(source, error));
  }

  /** Stops receiving, lets what runs finish within the drain time, hands back the rest. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#connecting);
    this.#runner.stop();
    const idle = Promise.all(this.#lanes.map(({ lane }) => lane.stop().then(() => lane.idle())));
    if (!(await this.#within(this.#options.drainMs, idle))) {
      this.#runner.abort(new ThrunError('THRUN_FAILED', ['the worker is stopping and its drain time is up']));
      await this.#within(GRACE_MS, idle);
    }
    await Promise.all(this.#lanes.map(({ consumer }) => consumer.close()));
  }

  #within(ms: number, work: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      void work.then(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #connection({ name }: Source): ConnectOptions {
    const { group, visibilityMs, replaces = [] } = this.#options;
    return { group, visibilityMs, replaces, onNotice: (notice) => this.#notice(name, notice) };
  }

  #begin({ name }: Source, { transport, consumers }: Connected): void {
    this.#transports.add(transport);
    const parts = this.#executeParts(transport);
    const lanes = consumers.map(({ queue, consumer }) => this.#laneOf(name, queue, consumer, parts));
    this.#lanes.push(...lanes);
    for (const { lane } of lanes) lane.start(this.#failed);
  }

  async #beginLater(source: Source, error: Error): Promise<void> {
    this.#away.add(source.name);
    this.#notice(source.name, { kind: 'disconnected', error });
    const connected = await connectLater(source, this.#connection(source), this.#stopped.signal);
    if (!connected) return;
    this.#away.delete(source.name);
    this.#notice(source.name, { kind: 'reconnected' });
    this.#begin(source, connected);
  }

  #laneOf(transport: string, queue: string, consumer: Consumer, parts: ExecuteParts): WorkerLane {
    const { admit = (count: number) => count, attentive, concurrency, prefetch, silentAfterMs } = this.#options;
    const { observe } = this.#parts;
    const entry: WorkerLane = {
      transport,
      queue,
      consumer,
      empty: false,
      lane: new Lane({
        consumer,
        concurrency,
        prefetch,
        // Often enough that one that hangs is told from one that has nothing to do.
        lookMs: attentive ? SOON_MS : Math.min(IDLE_LOOK_MS, silentAfterMs / 4),
        parked: () => this.#runner.parked,
        admit,
        execute: (delivery) => execute(delivery, parts),
        onReceived: (count) => observe({ kind: 'received', queue, count }),
        onEmpty: (empty) => {
          entry.empty = empty;
        },
      }),
    };
    return entry;
  }

  #executeParts(transport: Transport): ExecuteParts {
    const { registry, clock, observe, jobs } = this.#parts;
    const { group, limits, maxCrashes, unhandled, runs = () => true } = this.#options;
    return {
      transport,
      registry,
      clock,
      observe,
      limits,
      maxCrashes,
      unhandled,
      runs,
      runner: this.#runner,
      jobs,
      group,
    };
  }

  #notice(transport: string, notice: TransportNotice): void {
    if (notice.kind === 'lease_lost') {
      this.#runner.abort(
        new ThrunError('THRUN_FAILED', ['the lease of this delivery ran out; another worker has it']),
        notice,
      );
    }
    this.#silence.hear(transport, notice);
    this.#parts.observe({ kind: 'transport', transport, notice });
  }
}

import { Batches } from '../../../src/batch/batches.js';
import type { BatchDefinition } from '../../../src/batch/definition.js';
import { DEFINITION } from '../../../src/batch/definition.js';
import { JobReporter } from '../../../src/batch/job-reporter.js';
import { Sweeper } from '../../../src/batch/sweeper.js';
import type { JobRef } from '../../../src/contracts/batch.js';
import type { BatchStore } from '../../../src/contracts/batch-store.js';
import type { Clock } from '../../../src/contracts/clock.js';
import type { EventInput } from '../../../src/dispatch/dispatcher.js';
import { DEFAULT_LIMITS, RawJson } from '../../../src/envelope/index.js';

/**
 * Processes that share a store and a transport, and die where they are told to: each call of either is a place to die, before
 * it or after it. A process that died never says another word; what it held is delivered again.
 */

export interface Message {
  readonly input: EventInput;
  state: 'ready' | 'held' | 'done';
}

/** What came of running a job, by its payload. */
export type Ending = 'succeed' | 'fail' | 'flaky';

const ignore = () => undefined;
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

export class World {
  readonly messages: Message[] = [];
  /** Every run of a job that came to its end, and what it was handed. */
  readonly runs: { readonly job: string; readonly ending: Ending; readonly previous: unknown }[] = [];
  /** Places that were passed. */
  passed = 0;
  deaths = 0;
  now: number;
  readonly #flaky = new Set<string>();

  constructor(
    readonly store: BatchStore,
    /** At which places somebody dies, counted over all processes. */
    readonly deadly: ReadonlySet<number>,
    /** Each message is delivered so often. */
    readonly copies = 1,
    /** Worlds on one store are told apart by their times. */
    readonly begin = 0,
    /** How a process reaches it: one that lies elsewhere is known by each process in its own way. */
    readonly reach: () => BatchStore = () => store,
  ) {
    this.now = begin;
  }

  readonly clock: Clock = {
    now: () => this.now,
    after: (_, fn) => {
      setImmediate(fn);
      return () => undefined;
    },
  };

  process(): Process {
    return new Process(this);
  }

  get ready(): readonly Message[] {
    return this.messages.filter(({ state, input }) => state === 'ready' && input.meta?.job_id !== undefined);
  }

  /** Lifecycle events in the order they first came, each once. */
  heard(batchId: string): readonly { readonly event: string; readonly payload: Record<string, never> }[] {
    const seen = new Set<string>();
    return this.messages.flatMap(({ input }) => {
      const { id, event, meta, payload } = input;
      if (meta?.batch_id !== batchId || meta.job_id !== undefined || id === undefined || seen.has(id)) return [];
      seen.add(id);
      return [{ event: event as string, payload: JSON.parse((payload as RawJson).text) }];
    });
  }

  publish(input: EventInput): void {
    for (let copy = 0; copy < this.copies; copy++) this.messages.push({ input, state: 'ready' });
  }

  /** How a run of this job ends now. */
  endingOf(jobId: string, planned: Ending): Ending {
    if (planned !== 'flaky') return planned;
    if (this.#flaky.has(jobId)) return 'succeed';
    this.#flaky.add(jobId);
    return 'flaky';
  }
}

export class Process {
  readonly #world: World;
  readonly #held = new Set<Message>();
  #die: () => void = () => undefined;
  /** Resolves when it dies. */
  readonly death = new Promise<void>((resolve) => {
    this.#die = resolve;
  });
  dead = false;
  readonly batches: Batches;
  readonly reporter: JobReporter;
  readonly sweeper: Sweeper;

  constructor(world: World) {
    this.#world = world;
    const { clock } = world;
    const publish = async (inputs: readonly EventInput[]) => {
      for (const input of inputs) {
        await this.#place();
        world.publish(input);
      }
      await this.#place();
    };
    const parts = { clock, logger: SILENT };
    this.batches = new Batches({ ...parts, store: this.#mortal(world.reach()), limits: DEFAULT_LIMITS, publish });
    const batches = async () => this.batches;
    this.reporter = new JobReporter({ ...parts, batches, isSending: () => false });
    const used = async () => true;
    this.sweeper = new Sweeper({ ...parts, batches, used, stalledAfterMs: 86_400_000, keepMs: undefined });
  }

  /** Resolves to its id; to undefined when the process died meanwhile. */
  create(definition: BatchDefinition): Promise<string | undefined> {
    return this.#orDeath(this.batches.send({ [DEFINITION]: () => definition }));
  }

  /** What does not apply is refused, and changes nothing. */
  async decide(batchId: string, what: 'cancel' | 'retry'): Promise<void> {
    await this.#orDeath(this.batches[what](batchId).then(ignore, ignore));
    await this.#orDeath(this.batches.relay.idle());
  }

  async sweep(): Promise<void> {
    await this.#orDeath(this.sweeper.sweep());
    await this.#orDeath(this.batches.relay.idle());
  }

  /** One delivery, from receipt to its end or the death of the process. */
  async handle(message: Message): Promise<void> {
    message.state = 'held';
    this.#held.add(message);
    await this.#orDeath(this.#handle(message));
    await this.#orDeath(this.batches.relay.idle());
  }

  async #handle(message: Message): Promise<void> {
    const { event, meta, payload } = message.input;
    const job: JobRef = {
      batchId: String(meta?.batch_id),
      jobId: String(meta?.job_id),
      event: String(event),
      previousResult: meta?.previous_result,
    };
    const answer = await this.reporter.begin(job, () => undefined);
    if (answer === 'run') {
      const { ends } = JSON.parse((payload as RawJson).text) as { ends: Ending };
      await this.#place();
      const ending = this.#world.endingOf(job.jobId, ends);
      this.#world.runs.push({ job: job.jobId, ending, previous: job.previousResult });
      const again = !(await this.#end(job, ending));
      await this.#place();
      if (again) return this.#giveBack(message);
    }
    await this.#place();
    message.state = 'done';
    this.#held.delete(message);
  }

  /** @returns whether the delivery is done with */
  async #end(job: JobRef, ending: Ending): Promise<boolean> {
    switch (ending) {
      case 'succeed':
        await this.reporter.end(job, { kind: 'succeeded', result: { did: job.jobId } });
        return true;
      case 'fail':
        await this.reporter.end(job, { kind: 'failed', error: 'as planned' });
        return true;
      case 'flaky':
        return !(await this.reporter.end(job, { kind: 'paused', error: 'once' }));
    }
  }

  #giveBack(message: Message): void {
    message.state = 'ready';
    this.#held.delete(message);
  }

  async #orDeath<Result>(work: Promise<Result>): Promise<Result | undefined> {
    return Promise.race([work, this.death.then(() => undefined)]);
  }

  /** A place to die. The dead wait here for ever. */
  async #place(): Promise<void> {
    if (!this.dead && this.#world.deadly.has(this.#world.passed++)) {
      this.dead = true;
      this.#world.deaths++;
      for (const message of this.#held) message.state = 'ready';
      this.#die();
    }
    if (this.dead) await new Promise<never>(() => undefined);
  }

  /** The store, with a place to die before and after each call. */
  #mortal(store: BatchStore): BatchStore {
    return new Proxy(store, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          await this.#place();
          const result: unknown = await (method as (...all: unknown[]) => unknown).apply(target, args);
          await this.#place();
          return result;
        };
      },
    });
  }
}

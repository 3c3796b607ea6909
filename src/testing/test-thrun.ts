import { type Thrun, thrunFrom } from '../app.js';
import { SqliteStore } from '../batch/stores/sqlite/sqlite-store.js';
import type { ThrunConfig } from '../config/options.js';
import { resolveConfig } from '../config/resolve.js';
import type { DeadLetter } from '../contracts/dead-letter.js';
import type { Class, Logger } from '../contracts/listener.js';
import type { Observation } from '../observability/observation.js';
import { MemoryStore } from '../transports/memory/memory-store.js';
import { MemoryTransport } from '../transports/memory/memory-transport.js';
import { VirtualClock } from './virtual-clock.js';

export interface TestThrunOptions extends Omit<ThrunConfig, 'listeners' | 'transport'> {
  /** Decorated classes to run. */
  readonly run?: readonly Class[];
}

/** A whole thrun in one process and one memory: the real dispatcher and worker over the reference transport. */
export interface TestThrun {
  readonly thrun: Thrun;
  readonly clock: VirtualClock;
  /** Everything that happened to deliveries, in order. */
  readonly observations: readonly Observation[];
  /** Resolves when nothing is ready and nothing runs; what waits for its time waits on. */
  readonly settle: () => Promise<void>;
  /** Moves the clock on, then settles. */
  readonly advance: (ms: number) => Promise<void>;
  readonly deadLetters: () => Promise<readonly DeadLetter[]>;
  readonly close: () => Promise<void>;
}

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * For tests of listeners: `const { thrun, settle } = await testThrun({ run: [Welcome] })`, publish, `await settle()`,
 * look. Retries are exact (no jitter) and wait for {@link TestThrun.advance}.
 */
export async function testThrun({ run = [], ...config }: TestThrunOptions = {}): Promise<TestThrun> {
  const clock = new VirtualClock();
  const store = new MemoryStore();
  const transport = new MemoryTransport(store, clock);
  const batches = { store: new SqliteStore({ path: ':memory:' }), ...config.batches };
  const resolved = resolveConfig({ group: 'test', logger: SILENT, ...config, batches, transport }, { env: {} });
  const thrun = await thrunFrom(resolved, { clock, random: () => 0.5 });
  const observations: Observation[] = [];
  thrun.observe((observation) => observations.push(observation));
  for (const type of run) thrun.subscribe(type);
  let working: Promise<unknown> | undefined;

  const settle = async () => {
    // Only now: listeners subscribed after this was made are to be heard too, on their own queues.
    working ??= thrun.work();
    await working;
    do {
      // What a batch sends makes it busy again.
      await thrun.batchesIdle();
      while (store.isBusy(clock.now())) await store.change();
      await thrun.batchesIdle();
    } while (store.isBusy(clock.now()));
  };

  return {
    thrun,
    clock,
    observations,
    settle,
    advance: async (ms) => {
      await clock.advance(ms);
      await settle();
    },
    deadLetters: () => transport.deadLetters.list({}, Number.MAX_SAFE_INTEGER),
    close: () => thrun.close(),
  };
}

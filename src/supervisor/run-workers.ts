import type { Settings } from '../config/environment.js';
import { loadConfig } from '../config/load.js';
import type { ResolvedConfig } from '../config/resolved-config.js';
import { buildListeners } from '../registry/build.js';
import { readManifest, staleness } from '../registry/manifest.js';
import type { WorkerSpec } from './protocol.js';
import { StatusFile } from './status-file.js';
import { Supervisor, type SupervisorEvent, type Totals } from './supervisor.js';
import { watchSources } from './watch-sources.js';

export interface RunWorkersOptions {
  readonly config: ResolvedConfig;
  /** What the command line overrules; every worker process applies it too. */
  readonly overrides: Settings;
  readonly processes?: number | undefined;
  /** Only these: a queue, or `transport:queue`. */
  readonly queues?: readonly string[] | undefined;
  /** Only from this transport. */
  readonly transport?: string | undefined;
  readonly only?: string | undefined;
  readonly limit?: number | undefined;
  readonly timeLimitMs?: number | undefined;
  readonly memoryLimit?: number | undefined;
  readonly stopWhenEmpty?: boolean | undefined;
  /** Build anew and replace the workers when a listener or the config changes. */
  readonly watch?: boolean | undefined;
  readonly onEvent: (event: RunEvent) => void;
}

export type RunEvent =
  | SupervisorEvent
  /** The manifest does not say what the files say. */
  | { readonly kind: 'stale_manifest'; readonly reasons: readonly string[] }
  | { readonly kind: 'reloading'; readonly files: readonly string[] }
  /** The changed files cannot be built; the workers go on as they are. */
  | { readonly kind: 'build_failed'; readonly error: Error };

export interface RunningWorkers {
  /** Resolves when every worker process has ended; rejects when they could not be kept running. */
  readonly finished: Promise<Totals>;
  totals(): Totals;
  drain(why: string): void;
  kill(): void;
}

const STATUS_MS = 2000;

/** `thrun work`: builds the listeners once, then keeps worker processes running on them until a stop condition is met. */
export async function runWorkers(options: RunWorkersOptions): Promise<RunningWorkers> {
  const { config, onEvent, processes, limit, timeLimitMs, memoryLimit, stopWhenEmpty } = options;
  const { worker } = config;
  await reportStaleManifest(config, onEvent);
  const status = new StatusFile(config.root);
  const supervisor = new Supervisor(await specFor(config, options), {
    ...worker,
    processes: processes ?? worker.processes,
    limit,
    timeLimitMs,
    memoryLimit: memoryLimit ?? worker.memoryLimitBytes,
    stopWhenEmpty,
    onEvent: (event) => {
      // What it consumes is known from now on.
      if (event.kind === 'ready') status.write(supervisor.totals());
      onEvent(event);
    },
  });
  const stopWatching = options.watch
    ? watchSources(config, (files) => {
        void reload(supervisor, options, files);
      })
    : undefined;
  const writing = setInterval(() => status.write(supervisor.totals()), STATUS_MS);
  const finished = supervisor.run().finally(async () => {
    clearInterval(writing);
    status.remove();
    await stopWatching?.();
  });
  return {
    finished,
    totals: () => supervisor.totals(),
    drain: (why) => supervisor.drain(why),
    kill: () => supervisor.kill(),
  };
}

async function specFor(config: ResolvedConfig, options: RunWorkersOptions): Promise<WorkerSpec> {
  return {
    root: config.root,
    configFile: config.file,
    configModule: config.module,
    overrides: options.overrides,
    listeners: await buildListeners(config),
    queues: options.queues,
    transport: options.transport,
    only: options.only,
    metered: options.limit !== undefined,
    stopWhenEmpty: options.stopWhenEmpty === true,
    beatMs: options.stopWhenEmpty || options.limit !== undefined ? 100 : 500,
  };
}

async function reload(supervisor: Supervisor, options: RunWorkersOptions, files: readonly string[]): Promise<void> {
  const { root, file } = options.config;
  try {
    const config = await loadConfig({ cwd: root, file, overrides: options.overrides });
    const spec = await specFor(config, options);
    options.onEvent({ kind: 'reloading', files });
    supervisor.reload(spec);
  } catch (error) {
    options.onEvent({ kind: 'build_failed', error: error as Error });
  }
}

async function reportStaleManifest(config: ResolvedConfig, onEvent: RunWorkersOptions['onEvent']): Promise<void> {
  const manifest = await readManifest(config);
  const reasons = manifest ? await staleness(manifest, config) : [];
  if (reasons.length > 0) onEvent({ kind: 'stale_manifest', reasons });
}

import { type Thrun, thrunFrom } from '../app.js';
import { loadConfig } from '../config/load.js';
import { ThrunError } from '../contracts/errors.js';
import type { QueueStats } from '../contracts/transport.js';
import type { Address } from '../dispatch/addresses.js';
import { countInto, noCounts } from '../observability/counters.js';
import { loadListeners } from '../registry/load-listeners.js';
import { patternMatcher } from '../registry/pattern.js';
import { errorText, stackText } from '../worker/error-text.js';
import type { Holding } from '../worker/sources.js';
import type { Worker } from '../worker/worker.js';
import type { ToSupervisor, ToWorker, WorkerSpec } from './protocol.js';

/** With `--stop-when-empty` a retry that is due within this is waited for. */
const RETRY_SOON_MS = 30_000;

const UNKNOWN_DEPTH = 'whether the queues are empty cannot be told; asking again until it can';

/** A worker process: loads what the supervisor prepared, works, reports, drains when told to or when left alone. */
class WorkerMain {
  readonly #counts = noCounts();
  #thrun: Thrun | undefined;
  #worker: Worker | undefined;
  #addresses: readonly Address[] = [];
  /** Lanes that asked, in that order, which is the order of the answers. */
  readonly #asked: ((count: number) => void)[] = [];
  #ending = false;
  #stopWhenEmpty = false;
  #saidUnknown = false;
  /** The names that the supervisor has heard. */
  #said = '';

  hear(message: ToWorker): void {
    switch (message.type) {
      case 'start':
        this.#start(message.spec, message.replaces).catch((error: unknown) => {
          // Told to end before it was up: what it was about to consume was closed under it.
          if (!this.#ending) void cannotStart(error);
        });
        return;
      case 'granted':
        return this.#asked.shift()?.(message.count);
      case 'drain':
        return this.end();
    }
  }

  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    void this.#end();
  }

  async #start(spec: WorkerSpec, replaces: readonly Holding[]): Promise<void> {
    const { configFile, configModule, listeners, overrides, root } = spec;
    const config = await loadConfig({ cwd: root, file: configFile, built: configModule, overrides });
    const thrun = await thrunFrom(config);
    this.#thrun = thrun;
    thrun.observe(countInto(this.#counts));
    thrun.observe(({ kind }) => {
      if (kind === 'received') this.#sayHoldings();
    });
    thrun.register(await loadListeners(listeners, root));
    const matches = spec.only === undefined ? undefined : patternMatcher(spec.only);
    const { queues, transport } = spec;
    this.#worker = await thrun.work({
      queues,
      transport,
      replaces,
      attentive: spec.stopWhenEmpty,
      // A run that ends by itself has no time to wait for a broker.
      patient: !spec.stopWhenEmpty && !spec.metered,
      ...(matches && { runs: ({ contracts }) => contracts.some(matches) }),
      ...(spec.metered && { admit: (count) => this.#ask(count) }),
    });
    this.#worker.failure.catch(fatal);
    this.#addresses = thrun.addresses({ queues, transport });
    const names = new Set(this.#addresses.map(({ queue }) => queue));
    void tell({ type: 'ready', queues: [...names], listeners: thrun.registry.all().length });
    this.#stopWhenEmpty = spec.stopWhenEmpty;
    this.#beat(spec.beatMs);
  }

  #ask(count: number): Promise<number> {
    return new Promise((resolve) => {
      this.#asked.push(resolve);
      void tell({ type: 'ask', count });
    });
  }

  #beat(everyMs: number): void {
    const next = () => void this.#report().then(later, fatal);
    const later = () => setTimeout(next, everyMs).unref();
    next();
  }

  /** What is received under a name the supervisor has not heard is not run before it has: it may be what kills this process. */
  #sayHoldings(): void {
    const { holdings = [] } = this.#thrun ?? {};
    const names = holdings.map(({ holder }) => holder).join();
    if (names === this.#said) return;
    this.#said = names;
    void tell({ type: 'holdings', holdings });
  }

  async #report(): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    const empty = this.#stopWhenEmpty && worker.activity.empty && !(await this.#moreSoon());
    const { activity } = worker;
    const beat = {
      counts: { ...this.#counts },
      activity,
      empty: empty && activity.empty,
      rss: process.memoryUsage.rss(),
    };
    this.#sayHoldings();
    await tell({ type: 'beat', beat });
  }

  /** What was handed over to another queue may not have been seen there yet; and retries are waited for. */
  async #moreSoon(): Promise<boolean> {
    const { transports = [] } = this.#worker ?? {};
    try {
      const stats = await Promise.all(
        transports.map(async ({ name, queues }) =>
          ((await queues?.stats()) ?? []).filter((row) => this.#isOurs(name, row)),
        ),
      );
      return stats
        .flat()
        .some(({ depth, nextRetryMs = Number.POSITIVE_INFINITY }) => depth > 0 || nextRetryMs < RETRY_SOON_MS);
    } catch (error) {
      // What a transport that is away holds is not known to be nothing.
      if (!this.#saidUnknown) this.#thrun?.logger.warn({ error: errorText(error) }, UNKNOWN_DEPTH);
      this.#saidUnknown = true;
      return true;
    }
  }

  #isOurs(transport: string, { queue, group }: QueueStats): boolean {
    if (group !== this.#thrun?.config.group) return false;
    return this.#addresses.some((address) => address.transport === transport && address.queue === queue);
  }

  async #end(): Promise<void> {
    await this.#thrun?.close();
    // What was counted while draining belongs to the totals.
    this.#stopWhenEmpty = false;
    await this.#report();
    await tell({ type: 'drained' });
    process.exit(0);
  }
}

/** Resolves once it is in the pipe: what is not would be lost with the process. */
function tell(message: ToSupervisor): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected && process.send) process.send(message, undefined, undefined, () => resolve());
    else resolve();
  });
}

async function cannotStart(error: unknown): Promise<void> {
  const usage = error instanceof ThrunError && error.usage;
  const message = error instanceof ThrunError ? error.message : stackText(error);
  await tell({ type: 'failed', message, usage });
  process.exit(1);
}

function fatal(error: unknown): void {
  process.stderr.write(`thrun: this worker process cannot go on: ${stackText(error)}\n`);
  process.exit(1);
}

const main = new WorkerMain();
process.on('message', (message) => main.hear(message as ToWorker));
// A terminal sends Ctrl-C to every process; the supervisor answers for all.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => main.end());
// Left alone by a supervisor that was killed: nobody would ever stop this process.
process.on('disconnect', () => main.end());
process.on('unhandledRejection', fatal);
process.on('uncaughtException', fatal);

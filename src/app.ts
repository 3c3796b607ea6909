import type { Batches } from './batch/batches.js';
import { BatchService } from './batch/batch-service.js';
import { BatchBuilder, namedBuilder } from './batch/builder.js';
import { JOB_FAILED, JOB_SUCCEEDED, RESULTS_LISTENER, settleForeign } from './batch/foreign-results.js';
import type { BatchMembers } from './batch/members.js';
import { batchNamed, namingOf } from './batch/named-batch.js';
import { configuredStore } from './batch/stores/index.js';
import { type Clock, systemClock } from './contracts/clock.js';
import type { NamedBatch } from './contracts/batch.js';
import { ThrunError } from './contracts/errors.js';
import type {
  Class,
  EventContext,
  EventListener,
  ListenerOptions,
  Logger,
  PayloadOf,
  PublishOptions,
} from './contracts/listener.js';
import { transportName } from './contracts/route.js';
import type { Transport } from './contracts/transport.js';
import type { ThrunConfig } from './config/options.js';
import { resolveConfig } from './config/resolve.js';
import type { ResolvedConfig } from './config/resolved-config.js';
import { type Address, addressesOf, type Restriction } from './dispatch/addresses.js';
import { Dispatcher, type EventInput } from './dispatch/dispatcher.js';
import { OpenTransports } from './dispatch/open-transports.js';
import type { Contract } from './dispatch/payload-of.js';
import { Routes } from './dispatch/routes.js';
import type { Limits } from './envelope/index.js';
import { Bus } from './observability/bus.js';
import { logTo } from './observability/log-observations.js';
import type { Observer } from './observability/observation.js';
import { eventListener } from './registry/collect.js';
import type { Listener } from './registry/listener.js';
import { type DecoratorRecord, recordOf } from './registry/records.js';
import { Registry } from './registry/registry.js';
import { type ListenerFunction, Subscriptions } from './registry/subscriptions.js';
import { configuredTransport } from './transports/index.js';
import { type Holding, sourcesOf } from './worker/sources.js';
import { Worker, type WorkerOptions } from './worker/worker.js';

/** What `work` is to consume: by default every address that {@link Thrun.addresses} names. */
export interface WorkOptions extends Restriction {
  /** Run only these listeners; what the others are to get is left to other workers. */
  readonly runs?: (listener: Listener) => boolean;
  readonly admit?: WorkerOptions['admit'];
  /** Notices soon when there is nothing left to do, for runs that end then. */
  readonly attentive?: boolean;
  /** What processes that are known to be dead held ({@link Thrun.holdings}): it is given out at once. Default: nothing. */
  readonly replaces?: WorkerOptions['replaces'];
  /** Waits for a broker that cannot be reached yet. Default: `work` rejects when it can consume nothing. */
  readonly patient?: boolean;
}

/** Parts a test or a command line replaces. */
export interface ThrunParts {
  readonly clock?: Clock;
  readonly random?: () => number;
  /** The queue of a job whose handler is not loaded here; undefined where it has none of its own. */
  readonly queueOf?: (event: string) => string | undefined;
}

/**
 * Makes a thrun from a config: publishes, takes subscriptions, works in this process. Nothing is connected before it is
 * used.
 * @throws {ThrunError} THRUN_CONFIG_INVALID, with everything that is wrong
 */
export async function createThrun(config: ThrunConfig = {}, parts: ThrunParts = {}): Promise<Thrun> {
  const resolved = resolveConfig(config);
  return thrunFrom(resolved, parts);
}

/** The same from a config that was loaded from its file. */
export async function thrunFrom(config: ResolvedConfig, parts: ThrunParts = {}): Promise<Thrun> {
  const logger = config.logger ?? (await import('./observability/logger.js')).createLogger(config.logLevel);
  return new Thrun(config, logger, parts);
}

/** The composition root: config → transport, registry, dispatcher, workers. */
export class Thrun {
  readonly config: ResolvedConfig;
  readonly logger: Logger;
  readonly registry = new Registry();
  readonly #bus = new Bus();
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #limits: Limits;
  readonly #dispatcher: Dispatcher;
  readonly #transports: OpenTransports;
  readonly #subscriptions: Subscriptions;
  readonly #routes: Routes;
  readonly #workers = new Set<Worker>();
  readonly #batches: BatchService;
  readonly #queueOf: NonNullable<ThrunParts['queueOf']>;
  #closed: Promise<void> | undefined;

  constructor(config: ResolvedConfig, logger: Logger, parts: ThrunParts) {
    this.config = config;
    this.logger = logger;
    this.#clock = parts.clock ?? systemClock;
    this.#random = parts.random ?? Math.random;
    this.#queueOf = parts.queueOf ?? (() => undefined);
    const { payloadBytes, depth, metaBytes } = config.limits;
    this.#limits = { maxBytes: payloadBytes, maxDepth: depth, maxMetaBytes: metaBytes };
    this.#transports = new OpenTransports(this.#ownName, (name) => configuredTransport(name, config));
    this.#subscriptions = new Subscriptions(this.registry, { container: config.container, retry: config.retry });
    this.#routes = new Routes(config.routes);
    this.#dispatcher = new Dispatcher({
      routes: this.#routes,
      clock: this.#clock,
      limits: this.#limits,
      source: config.source,
      queueFor: (contract) => this.#queueFor(contract),
      // Also while closing, when what batches have written is still to be sent.
      transport: (name) => this.#transports.get(name),
    });
    this.#bus.observe(logTo(logger));
    this.#batches = new BatchService({
      ...config.batches,
      store: configuredStore(config.batches),
      clock: this.#clock,
      logger,
      limits: this.#limits,
      publish: (inputs, send) => this.#dispatcher.publishAll(inputs, send),
    });
  }

  /**
   * Publishes one event (or job): by name and payload, by class and payload, or as an instance of a class.
   * Resolves to its id once it is as durable as the transport makes it.
   */
  event<Name extends string>(name: Name, payload?: PayloadOf<Name>, options?: PublishOptions): Promise<string>;
  event<Instance>(type: Class<Instance>, payload: Partial<Instance>, options?: PublishOptions): Promise<string>;
  event(instance: object, payload?: undefined, options?: PublishOptions): Promise<string>;
  event(event: string | Class | object, payload?: unknown, options?: PublishOptions): Promise<string> {
    return this.#dispatcher.publish(event, payload, options);
  }

  /** Publishes many at once: far quicker than one by one. Resolves to their ids, in order. */
  events(inputs: readonly EventInput[]): Promise<string[]> {
    return this.#dispatcher.publishAll(inputs);
  }

  /**
   * A batch of jobs, sent when it is awaited: instances of job classes, `{ event, payload }` for jobs without a class here,
   * other batches; a list among them is a parallel stage. Or one that `@ThrunBatch` names: an instance, or its name and payload.
   * @throws {ThrunError} THRUN_BATCH_DEFINITION when it is sent, with the place of what is wrong
   */
  batch(members: BatchMembers): BatchBuilder;
  batch(batch: NamedBatch): BatchBuilder;
  batch(name: string, payload?: unknown): BatchBuilder;
  batch(what: BatchMembers | NamedBatch | string, payload?: unknown): BatchBuilder {
    const send = async (builder: BatchBuilder) => (await this.batches()).send(builder);
    if (Array.isArray(what)) return new BatchBuilder(what as BatchMembers, send);
    const batch = typeof what === 'string' ? batchNamed(what, payload, this.config.container) : (what as NamedBatch);
    const naming = namingOf(batch);
    if (!naming) throw new ThrunError('THRUN_NOT_DECORATED', [batch.constructor.name, '@ThrunBatch']);
    return namedBuilder(naming, batch, send);
  }

  /** Batches that were made: look at them, cancel, retry, prune. Opens the store. */
  batches(): Promise<Batches> {
    if (this.#closed) return Promise.reject(new ThrunError('THRUN_CLOSED'));
    return this.#batches.open();
  }

  /** Batches were ever made here. Opens and makes nothing. */
  batchesUsed(): Promise<boolean> {
    return this.#batches.used();
  }

  /** Resolves when all that batches have to send from this process is sent. */
  batchesIdle(): Promise<void> {
    return this.#batches.idle();
  }

  /**
   * Listens in this process: to a name, a pattern, a class or several of them, with a class or a function; or with a
   * decorated class alone. Returns a function that ends it.
   */
  subscribe<Name extends string>(
    events: Name | readonly Name[],
    listener: Class<EventListener<PayloadOf<Name>>> | ListenerFunction<PayloadOf<Name>>,
    options?: ListenerOptions<PayloadOf<Name>>,
  ): () => void;
  subscribe<Instance>(
    type: Class<Instance>,
    listener: Class<EventListener<Instance>> | ListenerFunction<Instance>,
    options?: ListenerOptions,
  ): () => void;
  subscribe(decorated: Class): () => void;
  subscribe(
    events: string | Class | readonly (string | Class)[],
    listener?: Class<EventListener> | ListenerFunction<never>,
    options: ListenerOptions = {},
  ): () => void {
    if (listener === undefined) return this.#subscriptions.addDecorated(events as Class);
    const list = Array.isArray(events) ? (events as readonly (string | Class)[]) : [events as string | Class];
    return this.#subscriptions.add(list, listener, options);
  }

  /** Adds what decorators recorded: how a worker process gets the listeners that were discovered. */
  register(records: readonly DecoratorRecord[]): void {
    this.#subscriptions.addRecorded(records);
  }

  /** Starts consuming in this process, with every listener subscribed so far. */
  async work({ runs, admit, attentive, patient, replaces, ...restriction }: WorkOptions = {}): Promise<Worker> {
    if (this.#closed) throw new ThrunError('THRUN_CLOSED');
    const { config } = this;
    this.#listenForResults();
    const worker = new Worker(
      {
        ...config.worker,
        group: config.group,
        unhandled: config.unhandled,
        limits: this.#limits,
        middleware: config.middleware,
        ...(runs && { runs }),
        ...(admit && { admit }),
        ...(attentive && { attentive }),
        ...(patient && { patient }),
        ...(replaces && { replaces }),
      },
      {
        sources: sourcesOf(this.addresses(restriction), (name) => this.transport(name)),
        registry: this.registry,
        clock: this.#clock,
        random: this.#random,
        logger: this.logger,
        observe: this.#bus.emit,
        jobs: this.#batches.jobs,
        publishFrom: (cause, event, payload, publishing) =>
          this.#dispatcher.publishFrom(cause, event, payload, publishing),
      },
    );
    this.#workers.add(worker);
    await worker.start();
    this.#batches.sweeper.start();
    return worker;
  }

  /** Under which names the workers of this process hold what they receive; `work({ replaces })` takes them when it has died. */
  get holdings(): readonly Holding[] {
    return [...this.#workers].flatMap(({ holdings }) => holdings);
  }

  /** Where the listeners subscribed so far receive from, the config's own transport and queue first. */
  addresses(restriction: Restriction = {}): readonly Address[] {
    const needs = this.registry
      .all()
      .flatMap(({ contracts, kind, queue }) =>
        contracts.map((contract) => ({ contract, isJob: kind === 'job', queue })),
      );
    const own = { transport: this.#ownName, queue: this.config.queue };
    return addressesOf({ own, routes: this.#routes }, needs, restriction);
  }

  /** Calls `observer` for whatever happens to deliveries here. Returns a function that ends it. */
  observe(observer: Observer): () => void {
    return this.#bus.observe(observer);
  }

  /** The transport of this name, open; the config's own without a name. For what `event` and `work` do not cover. */
  transport(name?: string): Promise<Transport> {
    if (this.#closed) throw new ThrunError('THRUN_CLOSED');
    return this.#transports.open(name);
  }

  /** Drains the workers of this process, then closes the transports. Closing twice is safe. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop()));
    await this.#batches.close();
    await this.#transports.close();
  }

  get #ownName(): string {
    return transportName(this.config.transport);
  }

  /** Workers in other languages tell by events how a job of a batch went. */
  #listenForResults(): void {
    if (this.registry.named(RESULTS_LISTENER)) return;
    const run = (payload: unknown, context: EventContext) =>
      settleForeign(payload, context, () => this.batches(), !this.#fansOut);
    const what = { name: RESULTS_LISTENER, origin: RESULTS_LISTENER, run };
    this.registry.add(eventListener(what, [JOB_SUCCEEDED, JOB_FAILED], {}, this.config.retry));
  }

  /** Other applications get what this one gets, on one at least of the transports it consumes. */
  get #fansOut(): boolean {
    return [...this.#workers].some(({ transports }) => transports.some(({ traits }) => traits.fanOut));
  }

  /** A job goes to the queue its handler runs from; everything else to the config's. */
  #queueFor({ event, type }: Contract): string {
    const record = type && recordOf(type);
    const queue = record?.kind === 'job' ? record.options.queue : this.registry.job(event)?.queue;
    return queue ?? this.#queueOf(event) ?? this.config.queue;
  }
}

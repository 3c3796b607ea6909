import type { DeadLetterAccess } from './dead-letter.js';
import type { Delivery } from './delivery.js';
import type { HistoryAccess } from './history.js';

/**
 * A transport moves bytes between processes. It knows nothing of listeners, batches or retry
 * policy; whatever decides sits above it, once. Each comment here is a promise of the conformance suite.
 */
export interface Transport {
  readonly name: string;
  readonly traits: TransportTraits;
  /** Connects. Rejects with THRUN_TRANSPORT_UNAVAILABLE when it cannot. Opening twice is safe. */
  open(): Promise<void>;
  /** Resolves once every message is as durable as the traits say. All of one call or none, where `atomicPublish`. */
  publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void>;
  /** Registers the group on the queue, so that from now on nothing published there passes it by, and starts receiving. */
  consume(options: ConsumeOptions): Promise<Consumer>;
  /** Closes its consumers, then itself. Closing twice is safe. */
  close(): Promise<void>;
  /**
   * What a consumer held whose process is known to be dead comes again now, as after a crash, instead of when its lease runs
   * out. Burying twice, or somebody unknown, changes nothing. Absent where the broker notices by itself.
   */
  bury?(dead: Holder): Promise<void>;
  /** Abilities that few transports have; absent where they cannot be had. */
  readonly deadLetters?: DeadLetterAccess;
  readonly queues?: QueueAccess;
  readonly checks?: BrokerChecks;
  readonly history?: HistoryAccess;
}

/** How transports differ, as data; the core asks these, never a transport's name. */
export interface TransportTraits {
  /** Every group gets every message. False: groups would split them, and unhandled means lost. */
  readonly fanOut: boolean;
  /** All messages of one `publish` call become visible together or not at all. */
  readonly atomicPublish: boolean;
  /** What a resolved `publish` has survived. */
  readonly publishSurvives: 'nothing' | 'process-crash' | 'power-loss';
  /** One consumer receives first attempts in the order they were published. */
  readonly ordered: boolean;
  /** Messages outlive the process. */
  readonly persistent: boolean;
  /** Consumers in several processes share the work. */
  readonly multiProcess: boolean;
}

export interface OutgoingMessage {
  /** The envelope as it goes out: UTF-8 JSON. */
  readonly body: Uint8Array;
  /** The contract name, for transports that route by it. */
  readonly event: string;
  /** Ordering key, for transports that have one. */
  readonly key?: string | undefined;
  /** Not to be received before, ms since the epoch. */
  readonly deliverAt?: number | undefined;
  /** The same as a CloudEvent in binary mode, for transports with headers: written in place of the body. */
  readonly cloudEvent?: OutgoingCloudEvent | undefined;
}

export interface OutgoingCloudEvent {
  /** By their names in the specification, as text; `datacontenttype` included. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
}

export interface ConsumeOptions {
  readonly queue: string;
  readonly group: string;
  /** A delivery nobody settled is given to someone else after this long; extended for as long as its consumer lives. */
  readonly visibilityMs: number;
  /** Things a person should hear of. Must not throw. */
  readonly onNotice: (notice: TransportNotice) => void;
}

export type TransportNotice =
  /** The lease ran out before the delivery was settled: someone else has it now. */
  | { readonly kind: 'lease_lost'; readonly queue: string; readonly id: string }
  | { readonly kind: 'disconnected'; readonly error: Error }
  | { readonly kind: 'reconnected' }
  /** Something works worse than it should, and what to do. */
  | { readonly kind: 'degraded'; readonly message: string };

/** Under which name deliveries of a queue are held for a group. */
export interface Holder {
  readonly queue: string;
  readonly group: string;
  /** {@link Consumer.holder} */
  readonly holder: string;
}

export interface Consumer {
  /** Whose name what it receives is held under; for `bury`. It may change; undefined while there is none. */
  readonly holder?: string | undefined;
  /**
   * Up to `max` deliveries, as soon as there is one; an empty list after `waitMs` without any, when `signal` aborts, or
   * when closed. One call at a time.
   */
  next(
    max: number,
    options?: { readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<readonly Delivery[]>;
  /** Resolves when every settlement made so far is on the transport. */
  flush(): Promise<void>;
  /** Flushes, hands back what is unsettled, stops. Closing twice is safe. */
  close(): Promise<void>;
}

export interface QueueStats {
  readonly queue: string;
  readonly group: string;
  /** Ready to be received. */
  readonly depth: number;
  readonly inFlight: number;
  /** Waiting for their time, retries included. */
  readonly delayed: number;
  readonly dead: number;
  /** Age of the oldest message that is ready, ms; undefined when none is. */
  readonly oldestAgeMs: number | undefined;
  /** Ms until the next retry is due; undefined when none waits. A first delivery that is delayed is not a retry. */
  readonly nextRetryMs: number | undefined;
}

/** Ability: a transport that can tell what it holds. */
export interface QueueAccess {
  /** One row per queue and group; a queue no group consumes yet has the group ''. Sorted by queue, then group. */
  stats(): Promise<readonly QueueStats[]>;
  /** Deletes what waits in the queue (not what is in flight or dead). Resolves to how many. */
  purge(queue: string): Promise<number>;
}

/** One thing a transport looked at on its broker. */
export interface BrokerFinding {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** How to mend it; null where nothing is to be mended. */
  readonly fix: string | null;
}

/** Ability: a transport that can tell how its broker is set up where that will hurt one day. For `thrun doctor`. */
export interface BrokerChecks {
  findings(): Promise<readonly BrokerFinding[]>;
}

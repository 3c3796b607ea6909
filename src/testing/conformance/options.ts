import type { Transport, TransportTraits } from '../../contracts/transport.js';

/** What the suite needs of a test runner: vitest's and node:test's own functions both fit. */
export interface TestApi {
  describe(title: string, body: () => void): unknown;
  readonly test: {
    (title: string, body: () => Promise<void>): unknown;
    skip(title: string, body: () => Promise<void>): unknown;
  };
}

/** One broker (or file) of its own and the transports that look at it, for the length of one test. */
export interface Subject {
  /** Not opened yet. */
  readonly transport: Transport;
  /**
   * The lease of workers that are going to die, ms. Longer where the broker itself ends a lease: a test that stands still for
   * so long has lost it before it means to. Default 500
   */
  readonly dyingMs?: number;
  /** A second process's view of the same broker, not opened yet. The suite closes it. */
  another(): Promise<Transport>;
  /**
   * A process that is going to hang: after `stall` nothing it received has its lease extended any more, but a settlement
   * that it makes nevertheless gets through to the broker. {@link StallableClock} does it for transports with a clock.
   */
  stalling(): Promise<{ readonly transport: Transport; stall(): void }>;
  /** Kills the broker, as a failing machine does, and starts it again on what it had written. For the fault `restart`. */
  restart?(): Promise<void>;
  /**
   * A transport over a link that can be damaged, not opened yet. After `loseAnswer` the broker gets the next message that
   * holds `text`, but its answer does not arrive, and the link is gone; a new one is whole. For the fault `lostAnswer`.
   */
  unsure?(): Promise<{ readonly transport: Transport; loseAnswer(text: string): void }>;
  /** Called last, after every transport is closed. */
  destroy(): Promise<void>;
}

export interface ConformanceOptions extends TestApi {
  create(): Promise<Subject>;
  /** What the transport says of itself: cases it cannot pass are skipped by these, with the reason in their title. */
  readonly traits: TransportTraits;
  /** Abilities the transport does not have. Default: it has both. */
  readonly without?: readonly Ability[];
  /** Abilities that few transports have, and this one does. Default: none. */
  readonly with?: readonly RareAbility[];
  /** What the factory can do to its broker. Default: nothing, and the cases that need it are skipped. */
  readonly faults?: readonly Fault[];
  /** Cases that are to be skipped all the same: their title → the reason, for a person. An unknown title is an error. */
  readonly skip?: Readonly<Record<string, string>>;
}

export type Ability = 'deadLetters' | 'queues';

export type RareAbility = 'history' | 'burial';

/** What can befall a broker, or the way to it. */
export type Fault = 'restart' | 'lostAnswer';

/** What a case asks of the transport, or of the factory. */
export type Need = 'fanOut' | 'atomicPublish' | 'ordered' | 'persistent' | Ability | RareAbility | Fault;

/** Why a case is skipped where the need is not met. */
export const REASON: Readonly<Record<Need, string>> = {
  fanOut: 'no fan-out: groups split the messages',
  atomicPublish: 'the messages of one publish do not become visible together',
  ordered: 'no order',
  persistent: 'messages do not outlive the process',
  deadLetters: 'its dead letters cannot be read',
  queues: 'it cannot tell what it holds',
  history: 'it keeps nothing of what was handled',
  burial: 'its broker notices by itself when a consumer dies',
  restart: 'there is no broker that could be restarted',
  lostAnswer: 'there is no link that could lose an answer',
};

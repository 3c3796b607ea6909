import { performance } from 'node:perf_hooks';
import type { Channel, Message } from 'amqplib';
import { Wakeup } from '../../contracts/wakeup.js';
import { gather } from './rabbitmq-socket.js';

interface Round {
  readonly settled: string[];
  readonly done: Promise<void>;
  readonly end: () => void;
}

/** Between two questions whether the broker has what was acknowledged, where nobody is in a hurry to know. */
const PAUSE_MS = 5;

/**
 * The acknowledgements of one channel. Those of one turn of the event loop are written together, as one frame where all
 * before them are settled too. The broker does not confirm them, but it works a channel off in order: its answer to a later
 * question says that it has them.
 */
export class Acks {
  readonly #channel: Channel;
  readonly #ask: () => Promise<unknown>;
  readonly #onUncertain: (id: string) => void;
  /** Every tag below is acknowledged. */
  #low = 1;
  /** Settled, not written. */
  readonly #settled = new Set<number>();
  /** Written one by one, above `#low`. */
  readonly #ahead = new Set<number>();
  #round: Round | undefined;
  #asking = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Those that wait for all of it, and do not want to wait for a pause. */
  #flushing = 0;
  readonly #hurry = new Wakeup();
  #scheduled = false;
  #ended = false;
  readonly #open = new Set<Round>();

  /**
   * @param ask any question the broker answers on this channel
   * @param onUncertain told the ids of what was acknowledged when the channel ended without an answer
   */
  constructor(channel: Channel, ask: () => Promise<unknown>, onUncertain: (id: string) => void) {
    this.#channel = channel;
    this.#ask = ask;
    this.#onUncertain = onUncertain;
  }

  /** Resolves when the broker has it, or when the channel is gone. */
  ack(tag: number, id?: string): Promise<void> {
    if (this.#ended) {
      if (id !== undefined) this.#onUncertain(id);
      return Promise.resolve();
    }
    this.#settled.add(tag);
    this.#round ??= this.#newRound();
    if (id !== undefined) this.#round.settled.push(id);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#write);
    }
    return this.#round.done;
  }

  /** Whether the channel is still there: what is settled on a lost one must have no effect. */
  async isAlive(): Promise<boolean> {
    if (this.#ended) return false;
    try {
      await this.#ask();
      return !this.#ended;
    } catch {
      return false;
    }
  }

  /** Resolves when the broker has every acknowledgement so far. */
  async flush(): Promise<void> {
    this.#flushing++;
    this.#hurry.wake();
    await Promise.all([...this.#open].map(({ done }) => done));
    this.#flushing--;
  }

  /** The channel is gone. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const round of this.#open) {
      for (const id of round.settled) this.#onUncertain(id);
      round.end();
    }
    this.#open.clear();
    this.#hurry.wake();
  }

  readonly #write = (): void => {
    this.#scheduled = false;
    if (this.#ended || this.#settled.size === 0) return;
    try {
      this.#writeAll();
    } catch {
      // The channel has just closed; its end is told.
      return;
    }
    if (!this.#asking) void this.#confirm();
  };

  #writeAll(): void {
    let upTo = 0;
    let first = 0;
    for (;;) {
      if (this.#settled.delete(this.#low)) {
        upTo = this.#low;
        first ||= upTo;
      } else if (!this.#ahead.delete(this.#low)) break;
      this.#low++;
    }
    const frames = Number(upTo > 0) + this.#settled.size;
    if (upTo > 0) this.#send(upTo, upTo > first);
    for (const tag of this.#settled) {
      this.#send(tag, false);
      this.#ahead.add(tag);
    }
    this.#settled.clear();
    // One alone has nothing to be gathered with.
    if (frames > 1) gather(this.#channel);
  }

  #send(deliveryTag: number, allUpTo: boolean): void {
    this.#channel.ack({ fields: { deliveryTag } } as Message, allUpTo);
  }

  async #confirm(): Promise<void> {
    this.#asking = true;
    // Behind what the worker asks for in place of what it has just done: on a channel one question waits for another.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#round && !this.#ended) {
      const pause = this.#askedAt + PAUSE_MS - performance.now();
      if (pause > 0 && this.#flushing === 0) await this.#hurry.wait(pause, undefined);
      const round = this.#round;
      this.#round = undefined;
      this.#write();
      this.#askedAt = performance.now();
      if (!(await this.isAlive())) return this.end();
      this.#open.delete(round);
      round.end();
    }
    this.#asking = false;
  }

  #newRound(): Round {
    let end: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    const round = { settled: [], done, end };
    this.#open.add(round);
    return round;
  }
}

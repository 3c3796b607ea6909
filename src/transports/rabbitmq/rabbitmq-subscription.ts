import type { Channel, ConsumeMessage } from 'amqplib';

/** A quorum queue gives no more than this to one consumer of it. */
const WIDEST = 2000;

/** Nothing came for so long: nothing is on its way either. */
const CALM_MS = 25;

/** The same where the broker had nothing left to send. */
const EMPTY_MS = 5;

interface Ending {
  /** Too late to keep it. */
  isFinal: boolean;
  done: Promise<void>;
}

/**
 * What the broker may push through one channel. It only ever widens, and ends when nothing is on its way: what is on its
 * way to a consumer that is cancelled goes back to the queue as a delivery in vain, which would be told from a crash by
 * nobody.
 */
export class Subscription {
  readonly #channel: Channel;
  readonly #queues: readonly string[];
  readonly #take: (queue: string, message: ConsumeMessage | null) => void;
  #tags: Promise<{ readonly consumerTag: string }>[] = [];
  #outstanding = 0;
  /** Grows with whatever comes and whatever is settled. */
  #changes = 0;
  #ending: Ending | undefined;
  /** How much may be received ahead of its settlement. */
  width = 0;

  constructor(
    channel: Channel,
    queues: readonly string[],
    take: (queue: string, message: ConsumeMessage | null) => void,
  ) {
    this.#channel = channel;
    this.#queues = queues;
    this.#take = take;
  }

  get room(): number {
    return this.width - this.#outstanding;
  }

  /** Lets so many more come of each queue. */
  widen(by: number): void {
    const width = Math.min(by, WIDEST);
    this.width += width;
    // Written in one go: the width counts for the consumers that follow it.
    const widening = this.#channel.prefetch(width);
    const tags = this.#queues.map((queue) => this.#channel.consume(queue, (message) => this.#receive(queue, message)));
    this.#tags.push(...tags);
    // How it ended is told once, by the channel.
    for (const asked of [widening, ...tags]) asked.catch(() => undefined);
  }

  settled(): void {
    this.#outstanding--;
    this.#changes++;
  }

  get hasEnded(): boolean {
    return this.#ending?.isFinal === true;
  }

  /** It is needed after all. @returns whether it still is there */
  keep(): boolean {
    if (!this.hasEnded) this.#ending = undefined;
    return !this.hasEnded;
  }

  /** Resolves when nothing more comes, or when it was kept. */
  end(): Promise<void> {
    if (!this.#ending) {
      const ending: Ending = { isFinal: false, done: Promise.resolve() };
      this.#ending = ending;
      ending.done = this.#end(ending);
    }
    return this.#ending.done;
  }

  async #end(ending: Ending): Promise<void> {
    await Promise.allSettled(this.#tags);
    const before = this.#changes;
    const isEmpty = this.room > 0 && (await this.#isEmpty());
    for (let seen = -1; this.room > 0 && seen !== this.#changes; ) {
      seen = this.#changes;
      await new Promise((resolve) => setTimeout(resolve, isEmpty && seen === before ? EMPTY_MS : CALM_MS));
    }
    if (this.#ending !== ending) return;
    ending.isFinal = true;
    const cancelling = this.#tags.map(async (tag) => this.#channel.cancel((await tag).consumerTag));
    // Where it fails the channel has ended.
    await Promise.allSettled(cancelling);
  }

  /** Nothing is ready. What the broker sent before it was asked comes before its last answer. */
  async #isEmpty(): Promise<boolean> {
    try {
      const seen = await Promise.all(this.#queues.map((queue) => this.#channel.checkQueue(queue)));
      return seen.every(({ messageCount }) => messageCount === 0);
    } catch {
      // The channel has ended.
      return false;
    }
  }

  #receive(queue: string, message: ConsumeMessage | null): void {
    if (message) this.#outstanding++;
    this.#changes++;
    this.#take(queue, message);
  }
}

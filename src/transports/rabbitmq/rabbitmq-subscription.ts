import type { Channel, ConsumeMessage } from 'amqplib';

/** A quorum queue gives no more than this to one consumer of it. */
const WIDEST = 2000;

/** Nothing came for so long: nothing is on its way either. */
const CALM_MS = 25;

/** The same where the broker had nothing left to send: in a cluster another node may be sending it. */
const EMPTY_MS = 2;

/** What a quick worker is pushed beyond what he asks for, by a queue that brings something. */
export interface Pushed {
  /** So many in all may be unsettled. */
  readonly ahead: number;
  /** Where it is widened, it is by so many at least. */
  readonly step: number;
}

interface Ending {
  /** Too late to keep it. */
  isFinal: boolean;
  done: Promise<void>;
}

const NOTHING: Pushed = { ahead: 0, step: 0 };

/** What comes of one queue. */
export class Flow {
  /** How much may come ahead of its settlement. */
  width = 0;
  /** Grows with whatever comes and whatever is settled. */
  changes = 0;
  /** Something has come since it was last widened. */
  isUsed = false;
  outstanding = 0;

  constructor(readonly queue: string) {}

  get room(): number {
    return this.width - this.outstanding;
  }

  came(): void {
    this.outstanding++;
    this.changes++;
    this.isUsed = true;
  }

  settled(): void {
    this.outstanding--;
    this.changes++;
  }
}

/**
 * What the broker may push through one channel. It only ever widens, and ends when nothing is on its way: what is on its
 * way to a consumer that is cancelled goes back to the queue as a delivery in vain, which would be told from a crash by
 * nobody.
 */
export class Subscription {
  readonly #channel: Channel;
  readonly #flows: readonly Flow[];
  readonly #take: (flow: Flow, message: ConsumeMessage | null) => void;
  #tags: Promise<{ readonly consumerTag: string }>[] = [];
  #ending: Ending | undefined;

  constructor(channel: Channel, queues: readonly string[], take: (flow: Flow, message: ConsumeMessage | null) => void) {
    this.#channel = channel;
    this.#flows = queues.map((queue) => new Flow(queue));
    this.#take = take;
  }

  /** How much more may come of all queues together, of what was asked for. */
  get room(): number {
    const outstanding = this.#flows.reduce((sum, flow) => sum + flow.outstanding, 0);
    return Math.max(...this.#flows.map(({ width }) => width)) - outstanding;
  }

  /**
   * Lets `room` more come of each queue. A queue by which nothing has come since it was last asked brings no more for being
   * asked again.
   */
  widen(room: number, { ahead, step }: Pushed = NOTHING): void {
    let width = 0;
    for (const flow of this.#flows) {
      const isNew = flow.width === 0;
      const missing = Math.max(room - flow.room, widthFor(ahead, flow) - flow.width);
      if (missing <= 0 || !(isNew || flow.isUsed)) continue;
      const more = Math.min(WIDEST, Math.max(missing, step));
      // Written in one go: the width counts for the consumers that follow it.
      if (more !== width) void this.#quietly(this.#channel.prefetch(more));
      this.#tags.push(this.#quietly(this.#channel.consume(flow.queue, (message) => this.#receive(flow, message))));
      width = more;
      flow.width += more;
      flow.isUsed = false;
    }
  }

  get hasEnded(): boolean {
    return this.#ending?.isFinal === true;
  }

  /** It is needed after all. @returns whether it still is there */
  keep(): boolean {
    if (!this.hasEnded) this.#ending = undefined;
    return !this.hasEnded;
  }

  /** Resolves when nothing more comes, or when it was kept. @param written what has to be on the broker by then */
  end(written?: Promise<void>): Promise<void> {
    if (!this.#ending) {
      const ending: Ending = { isFinal: false, done: Promise.resolve() };
      this.#ending = ending;
      ending.done = this.#end(ending, written);
    }
    return this.#ending.done;
  }

  async #end(ending: Ending, written?: Promise<void>): Promise<void> {
    await Promise.allSettled(this.#tags);
    const before = this.#changes;
    const isEmpty = this.room > 0 && (await this.#isEmpty());
    for (let seen = -1; this.room > 0 && seen !== this.#changes; ) {
      seen = this.#changes;
      await new Promise((resolve) => setTimeout(resolve, isEmpty && seen === before ? EMPTY_MS : CALM_MS));
    }
    await written;
    if (this.#ending !== ending) return;
    ending.isFinal = true;
    const cancelling = this.#tags.map(async (tag) => this.#channel.cancel((await tag).consumerTag));
    // Where it fails the channel has ended.
    await Promise.allSettled(cancelling);
  }

  /** Nothing is ready. What the queues had sent when they said so comes before the answer to a further question. */
  async #isEmpty(): Promise<boolean> {
    try {
      const looks = this.#flows.map(({ queue }) => this.#channel.checkQueue(queue));
      const [seen] = await Promise.all([Promise.all(looks), this.#channel.prefetch(1)]);
      return seen.every(({ messageCount }) => messageCount === 0);
    } catch {
      // The channel has ended.
      return false;
    }
  }

  get #changes(): number {
    return this.#flows.reduce((sum, { changes }) => sum + changes, 0);
  }

  #receive(flow: Flow, message: ConsumeMessage | null): void {
    if (message) flow.came();
    this.#take(flow, message);
  }

  /** How it ended is told once, by the channel. */
  #quietly<Answer>(asked: Promise<Answer>): Promise<Answer> {
    asked.catch(() => undefined);
    return asked;
  }
}

/**
 * Each consumer more is two questions to the broker, and an entry in the queue's log, so it is widened to four times as much
 * at least.
 */
function widthFor(ahead: number, { width }: Flow): number {
  return ahead <= width ? 0 : 2 ** Math.ceil(Math.log2(Math.max(ahead, 4 * width)));
}

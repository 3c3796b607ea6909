import type { Delivery } from '../../contracts/delivery.js';
import type { Consumer } from '../../contracts/transport.js';
import type { Member } from './kafka-member.js';
import { Wakeup } from '../../contracts/wakeup.js';

/** Whoever asks again within this is quick: what he will ask for next is claimed while he works. */
const QUIET_MS = 50;

/** A look without time to wait still gives the broker this long to show what it has; more where it has yet to be asked. */
const GLANCE_MS = 2;
const FIRST_GLANCE_MS = 50;

export interface ConsumerParts {
  readonly member: Member;
  readonly onClose: (consumer: KafkaConsumer) => void;
}

/** Receives from one queue as one group; consumers of one process share their member's seat. */
export class KafkaConsumer implements Consumer {
  readonly #parts: ConsumerParts;
  readonly #arrived = new Wakeup();
  readonly #unlisten: () => void;
  #lastAsked = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
    this.#unlisten = parts.member.listen(() => this.#arrived.wake());
  }

  get holder(): string | undefined {
    return this.#parts.member.id;
  }

  async next(max: number, options: { readonly waitMs?: number; readonly signal?: AbortSignal } = {}) {
    const { waitMs = Number.POSITIVE_INFINITY, signal } = options;
    const { member } = this.#parts;
    if (this.#closing || signal?.aborted) return [];
    const isQuick = performance.now() - this.#lastAsked < QUIET_MS;
    const giveUpAt = performance.now() + Math.max(waitMs, member.isReading ? GLANCE_MS : FIRST_GLANCE_MS);
    const rest = member.ask();
    try {
      while (!this.#closing && !signal?.aborted) {
        const batch: readonly Delivery[] = member.take(max, isQuick, this);
        if (batch.length > 0) return batch;
        const left = giveUpAt - performance.now();
        if (left <= 0) return [];
        await this.#arrived.wait(Math.min(left, 2 ** 30), signal);
      }
      return [];
    } finally {
      this.#lastAsked = performance.now();
      rest();
    }
  }

  async flush(): Promise<void> {
    await this.#parts.member.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#arrived.wake();
    await Promise.all(this.#parts.member.heldBy(this).map((delivery) => delivery.release()));
    await this.flush();
    this.#unlisten();
    this.#parts.onClose(this);
  }
}

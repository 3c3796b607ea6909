import type { Placed } from '../contracts/bag.js';
import type { Delivery, Successor } from '../contracts/delivery.js';
import type { Lease } from './redis-lease.js';

/** How a delivery ended: said by its receiver, or found out because someone else has it by now. */
export type Settlement = 'ack' | 'release' | 'lost' | readonly Successor[];

export interface Settler {
  readonly queue: string;
  begin(delivery: RedisDelivery): Promise<void>;
  settle(delivery: RedisDelivery, settlement: Settlement): Promise<void>;
}

/** Bodies that came in one piece. Taken apart only where somebody asks. */
export class Bodies {
  /** The same as text, whose characters are the bytes; undefined: the bodies are not all ASCII. */
  readonly text: string | undefined;

  /** @param highBytes how many bytes between the bodies are not ASCII */
  constructor(
    readonly bytes: Buffer,
    highBytes = 0,
  ) {
    const text = bytes.toString('latin1');
    this.text = Buffer.byteLength(text) - text.length === highBytes ? text : undefined;
  }
}

export class RedisDelivery implements Delivery, Placed {
  place = -1;
  /** The first word counts; undefined: nothing was said yet. */
  settlement: Settlement | undefined;

  /**
   * @param number the message's within its queue; the whole id where a lease holds something that was named before
   * @param lease what holds it, and its place there; undefined: the broker itself holds it
   */
  constructor(
    private readonly settler: Settler,
    readonly number: number | string,
    readonly lease: Lease | undefined,
    readonly index: number,
    private readonly bodies: Bodies,
    private readonly from: number,
    private readonly to: number,
    readonly publishedAt: number | undefined,
    readonly attempt: number,
    readonly crashes: number,
    readonly target: string | undefined,
  ) {}

  get id(): string {
    return this.lease && typeof this.number === 'string' ? this.number : `${this.settler.queue}:${this.number}`;
  }

  get queue(): string {
    return this.settler.queue;
  }

  get body(): Uint8Array {
    return this.bodies.bytes.subarray(this.from, this.to);
  }

  /** Bytes of the body. */
  get length(): number {
    return this.to - this.from;
  }

  get text(): string | undefined {
    return this.bodies.text?.slice(this.from, this.to);
  }

  begin(): Promise<void> {
    return this.settler.begin(this);
  }

  ack(): Promise<void> {
    return this.settler.settle(this, 'ack');
  }

  release(): Promise<void> {
    return this.settler.settle(this, 'release');
  }

  handOver(successors: readonly Successor[]): Promise<void> {
    return this.settler.settle(this, successors);
  }
}

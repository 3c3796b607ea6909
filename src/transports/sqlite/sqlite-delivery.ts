import type { Delivery, Successor } from '../../contracts/delivery.js';
import type { Hold } from './sqlite-lease.js';
import type { Batch } from './sqlite-log-batch.js';

/** How a delivery ended: said by its receiver, or found out because someone else has it by now. */
export type Settlement = 'ack' | 'release' | 'lost' | readonly Successor[];

export interface Settler {
  readonly queue: string;
  idOf(message: number): string;
  begin(delivery: SqliteDelivery): Promise<void>;
  settle(delivery: SqliteDelivery, settlement: Settlement): Promise<void>;
}

export class SqliteDelivery implements Delivery {
  /** The first word counts; undefined: nothing was said yet. */
  settlement: Settlement | undefined;

  constructor(
    private readonly consumer: Settler,
    public hold: Hold,
    private readonly batch: Batch,
    private readonly place: number,
    readonly attempt: number,
    readonly crashes: number,
    readonly target: string | undefined,
  ) {}

  get id(): string {
    return this.consumer.idOf(this.message);
  }

  get message(): number {
    return this.batch.message(this.place);
  }

  get body(): Uint8Array {
    return this.batch.body(this.place);
  }

  get text(): string | undefined {
    return this.batch.text(this.place);
  }

  get publishedAt(): number {
    return this.batch.publishedAt(this.place);
  }

  get queue(): string {
    return this.consumer.queue;
  }

  begin(): Promise<void> {
    return this.consumer.begin(this);
  }

  ack(): Promise<void> {
    return this.consumer.settle(this, 'ack');
  }

  release(): Promise<void> {
    return this.consumer.settle(this, 'release');
  }

  handOver(successors: readonly Successor[]): Promise<void> {
    return this.consumer.settle(this, successors);
  }
}

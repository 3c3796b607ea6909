import type { Placed } from '../contracts/bag.js';
import type { JobBatch } from '../contracts/batch.js';
import type { Delivery } from '../contracts/delivery.js';
import type { Envelope, Meta } from '../contracts/envelope.js';
import type { EventContext, Logger, PublishOptions } from '../contracts/listener.js';

/** Publishes on behalf of a listener: what it sends is caused by what it received. */
export type PublishFrom = (
  cause: Meta,
  event: string | object,
  payload: unknown,
  options: PublishOptions,
) => Promise<string>;

/** What a listener is handed beside the payload. The costly parts are made only when they are asked for. */
export class Context implements EventContext, Placed {
  /** Set once the batch has let its job run. */
  batch: JobBatch | undefined;
  place = -1;
  #controller: AbortController | undefined;
  #aborted: unknown;

  constructor(
    private readonly envelope: Envelope,
    private readonly delivery: Delivery,
    private readonly parts: { readonly logger: Logger; readonly publishFrom: PublishFrom },
  ) {}

  get event(): string {
    return this.envelope.event;
  }

  get meta(): Meta {
    return this.envelope.meta;
  }

  get attempt(): number {
    return this.delivery.attempt;
  }

  get body(): Uint8Array {
    return this.delivery.body;
  }

  get logger(): Logger {
    return this.parts.logger;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  publish(event: string | object, payload?: unknown, options: PublishOptions = {}): Promise<string> {
    return this.parts.publishFrom(this.envelope.meta, event, payload, options);
  }

  /** For the worker: tells the listener to stop. */
  abort(reason: Error): void {
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  get delivered(): Delivery {
    return this.delivery;
  }
}

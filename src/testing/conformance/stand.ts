import type { Consumer, OutgoingMessage, QueueStats, Transport, TransportNotice } from '../../contracts/transport.js';
import type { Subject } from './options.js';

/** The lease of a worker that is going to die, unless the subject says otherwise: short enough to wait for. */
const DYING_MS = 500;

/** The lease of a worker that has to keep it: a machine that stands still for two seconds leaves time to extend it. */
export const LIVING_MS = 3000;

/** Long enough not to run out within a test. */
const NEVER_MS = 30_000;

export interface ConsumerOptions {
  readonly queue?: string;
  readonly group?: string;
  readonly visibilityMs?: number;
  readonly on?: Transport;
  readonly notices?: TransportNotice[];
}

/** What a case is run against. Whatever it opens is closed afterwards, whether the case passed or not. */
export class Stand {
  /** Names of this case alone: a broker that outlives it may be shared with others. */
  readonly queue = `conformance-${crypto.randomUUID()}`;
  readonly otherQueue = `conformance-${crypto.randomUUID()}`;
  readonly #opened: Transport[] = [];

  private constructor(readonly subject: Subject) {}

  static async open(subject: Subject): Promise<Stand> {
    const stand = new Stand(subject);
    await stand.#open(subject.transport);
    return stand;
  }

  get transport(): Transport {
    return this.subject.transport;
  }

  /** The lease of a worker that is going to die. */
  get dyingMs(): number {
    return this.subject.dyingMs ?? DYING_MS;
  }

  async another(): Promise<Transport> {
    return this.#open(await this.subject.another());
  }

  async stalling(): Promise<{ readonly transport: Transport; stall(): void }> {
    const stalling = await this.subject.stalling();
    await this.#open(stalling.transport);
    return stalling;
  }

  async unsure(): Promise<{ readonly transport: Transport; loseAnswer(text: string): void }> {
    const unsure = await this.subject.unsure?.();
    if (!unsure) throw new Error('the factory says that it can lose an answer, but gives no way to');
    await this.#open(unsure.transport);
    return unsure;
  }

  /** A consumer of this case's queue in the group `workers`, unless told otherwise. */
  consume({
    queue = this.queue,
    group = 'workers',
    visibilityMs = NEVER_MS,
    on,
    notices,
  }: ConsumerOptions = {}): Promise<Consumer> {
    return (on ?? this.transport).consume({ queue, group, visibilityMs, onNotice: (notice) => notices?.push(notice) });
  }

  publish(messages: readonly OutgoingMessage[], queue = this.queue): Promise<void> {
    return this.transport.publish(queue, messages);
  }

  /** This case's rows only. */
  async stats(queue = this.queue, on = this.transport): Promise<readonly QueueStats[]> {
    const rows = (await on.queues?.stats()) ?? [];
    return rows.filter((row) => row.queue === queue);
  }

  async close(): Promise<void> {
    try {
      for (const transport of this.#opened.reverse()) await transport.close();
    } finally {
      await this.subject.destroy();
    }
  }

  async #open(transport: Transport): Promise<Transport> {
    this.#opened.push(transport);
    await transport.open();
    return transport;
  }
}

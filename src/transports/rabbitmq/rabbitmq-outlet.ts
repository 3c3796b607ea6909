import type { ConfirmChannel, Message, Options } from 'amqplib';
import { closeChannel } from './rabbitmq-channel.js';
import { refused, type ServerError } from './rabbitmq-errors.js';
import { gather } from './rabbitmq-socket.js';

/** One message on its way. */
export interface Parcel {
  /** '' is the default exchange: the routing key names the queue. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Options.Publish;
  /** Makes what it is sent to; done once for each connection, before the first message. */
  declare(): Promise<void>;
  /** Addressed by the time, and so anew when some has passed. */
  anew?(): Parcel;
  /** Where it goes when nobody is there to get it. Default: it is declared anew and sent again. */
  otherwise?(): Parcel;
}

interface Written {
  /** Not confirmed: to be sent again. */
  readonly again: Parcel[];
  /** Confirmed, but no queue got it. */
  readonly unroutable: Parcel[];
}

/** A channel that takes nothing for so long is given up. */
const REFUSING_MS = 500;

/** One confirm channel for as long as it lives. */
export class Outlet {
  /** What was declared for messages of this channel, by where they go. */
  readonly declared = new Set<string>();
  /** Why the server closed it. */
  error: ServerError | undefined;
  readonly #channel: ConfirmChannel;
  /** A message that nobody got comes back before it is confirmed. */
  readonly #returned = new Map<string, number>();
  /** Calls of `write` that wait for their answers. */
  #writing = 0;
  #drained: Promise<void> | undefined;
  /** Since when nothing was taken. */
  #refusingSince: number | undefined;

  constructor(channel: ConfirmChannel) {
    this.#channel = channel;
    channel.on('error', (error: ServerError) => {
      this.error = error;
    });
    channel.on('return', ({ fields, properties }: Message) => {
      const key = keyOf(fields.exchange, fields.routingKey, String(properties.messageId));
      this.#returned.set(key, (this.#returned.get(key) ?? 0) + 1);
    });
  }

  /** Resolves when the broker has answered to each of them. */
  async write(parcels: readonly Parcel[]): Promise<Written> {
    const again: Parcel[] = [];
    const unroutable: Parcel[] = [];
    let answered: () => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      answered = resolve;
    });
    let open = parcels.length;
    const isAlone = open === 1 && this.#writing === 0;
    this.#writing++;
    try {
      for (const parcel of parcels) {
        const settle = (error: unknown) => {
          if (error) again.push(parcel);
          else if (this.#returned.size > 0 && this.#isReturned(parcel)) unroutable.push(parcel);
          this.#refusingSince = error ? (this.#refusingSince ?? performance.now()) : undefined;
          if (--open === 0) answered();
        };
        if (!this.#publish(parcel, settle)) await this.#drain();
      }
      // One alone has nothing to be gathered with.
      if (!isAlone) gather(this.#channel);
      await all;
    } finally {
      this.#writing--;
    }
    return { again, unroutable };
  }

  /** RabbitMQ 3.10 refuses for ever on a channel that once met a queue without a leader, though it has long had a new one. */
  get isStuck(): boolean {
    return this.#refusingSince !== undefined && performance.now() - this.#refusingSince > REFUSING_MS;
  }

  abandon(): void {
    void closeChannel(this.#channel);
  }

  /** @returns whether there is room for more */
  #publish({ exchange, routingKey, body, properties }: Parcel, settle: (error: unknown) => void): boolean {
    try {
      return this.#channel.publish(exchange, routingKey, body, properties, settle);
    } catch (error) {
      if (error instanceof RangeError) throw refused(`its headers are too large: ${error.message}`, error);
      // The channel is closed.
      settle(error);
      return true;
    }
  }

  #isReturned({ exchange, routingKey, properties }: Parcel): boolean {
    const key = keyOf(exchange, routingKey, String(properties.messageId));
    const times = this.#returned.get(key);
    if (times === undefined) return false;
    if (times > 1) this.#returned.set(key, times - 1);
    else this.#returned.delete(key);
    return true;
  }

  #drain(): Promise<void> {
    gather(this.#channel);
    this.#drained ??= new Promise((resolve) => {
      const done = () => {
        this.#drained = undefined;
        this.#channel.off('drain', done);
        this.#channel.off('close', done);
        resolve();
      };
      this.#channel.on('drain', done);
      this.#channel.on('close', done);
    });
    return this.#drained;
  }
}

function keyOf(exchange: string, routingKey: string, messageId: string): string {
  return `${exchange}\n${routingKey}\n${messageId}`;
}

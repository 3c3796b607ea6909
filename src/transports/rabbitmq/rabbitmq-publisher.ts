import type { ConfirmChannel, Message, Options } from 'amqplib';
import type { Clock } from '../../contracts/clock.js';
import { ThrunError } from '../../contracts/errors.js';
import { closeChannel } from './rabbitmq-channel.js';
import { closed, refused, type ServerError, textOf } from './rabbitmq-errors.js';
import type { Link } from './rabbitmq-link.js';
import type { Topology } from './rabbitmq-topology.js';

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

/** So often a message may cost us the channel, or find nobody, before it is given back to the caller. */
const MOST_REFUSALS = 3;

/** Before a message is sent again that the broker did not want. */
const PAUSE_MS = 50;

/**
 * Publishes with confirmations. What was on its way when the link was lost is sent again under the same message id: it may
 * come twice, it is never lost.
 */
export class Publisher {
  readonly #link: Link;
  readonly #topology: Topology;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #sending = new Set<Promise<unknown>>();
  #channel: Promise<Outlet> | undefined;
  #ready: Outlet | undefined;
  #closed = false;

  constructor(link: Link, topology: Topology, clock: Clock, timeoutMs: number) {
    this.#link = link;
    this.#topology = topology;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Resolves when the broker has confirmed all of them.
   * @throws {ThrunError} THRUN_PUBLISH_UNKNOWN after the timeout; THRUN_TRANSPORT_REFUSED for what the broker never takes
   */
  send(parcels: readonly Parcel[]): Promise<void> {
    if (this.#closed) return Promise.reject(closed());
    const sending = this.#within(parcels);
    this.#sending.add(sending);
    const done = () => this.#sending.delete(sending);
    sending.then(done, done);
    return sending;
  }

  /** Waits for what is on its way, then takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#sending);
  }

  #within(parcels: readonly Parcel[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const attempt: Attempt = { expired: false, outlet: undefined };
      const cancel = this.#clock.after(this.#timeoutMs, () => {
        attempt.expired = true;
        reject(this.#unknown());
        // However healthy it looks, its answers do not come: whatever else waits for one is sent again on another.
        if (this.#link.blocked === undefined) attempt.outlet?.abandon();
      });
      this.#deliver(parcels, attempt).then(resolve, reject).finally(cancel);
    });
  }

  async #deliver(parcels: readonly Parcel[], attempt: Attempt): Promise<void> {
    let left = parcels;
    for (let refusals = 0; left.length > 0 && !attempt.expired; ) {
      const outlet = this.#ready ?? (await this.#outlet(attempt));
      attempt.outlet = outlet;
      if (!outlet) return;
      const declared = await this.#declare(left, outlet);
      if (!declared) continue;
      const { again, unroutable } = await outlet.write(declared);
      left = again;
      if (unroutable.length > 0) left = [...again, ...(await this.#reroute(unroutable, ++refusals))];
      else if (outlet.error?.code !== undefined && again.length > 0) this.#refuse(outlet.error, ++refusals);
      else if (again.length > 0) await this.#pause();
    }
  }

  /** Everything they are sent to is there, then; undefined: the link was lost on the way. */
  async #declare(parcels: readonly Parcel[], outlet: Outlet): Promise<readonly Parcel[] | undefined> {
    let ready = parcels;
    try {
      while (await declareAll(ready, outlet)) ready = ready.map((parcel) => parcel.anew?.() ?? parcel);
      return ready;
    } catch (error) {
      if (error instanceof ThrunError) throw error;
      await this.#pause();
      return undefined;
    }
  }

  /** Nobody got it: it takes its other way, or what it is sent to has to be made anew. */
  async #reroute(parcels: readonly Parcel[], refusals: number): Promise<Parcel[]> {
    const lost = parcels.find(({ otherwise }) => !otherwise);
    if (lost) {
      if (refusals > MOST_REFUSALS) throw refused(`nothing takes what is sent to ${JSON.stringify(lost.routingKey)}`);
      this.#topology.forget();
      this.#ready?.declared.clear();
      if (refusals > 1) await this.#pause();
    }
    return parcels.map((parcel) => parcel.otherwise?.() ?? parcel);
  }

  /** The broker closed the channel over something in it: an exchange that is gone, a message that is too large. */
  #refuse(error: ServerError, refusals: number): void {
    this.#topology.forget();
    if (refusals >= MOST_REFUSALS) throw refused(textOf(error), error);
  }

  /** Waits for the link, as long as there is time. */
  async #outlet(attempt: Attempt): Promise<Outlet | undefined> {
    while (!attempt.expired) {
      this.#channel ??= this.#link.confirmChannel().then((channel) => {
        const outlet = new Outlet(channel);
        this.#ready = outlet;
        channel.on('close', () => {
          this.#ready = undefined;
          this.#channel = undefined;
        });
        return outlet;
      });
      try {
        return await this.#channel;
      } catch (error) {
        this.#channel = undefined;
        if (error instanceof ThrunError) throw error;
        await this.#pause();
      }
    }
    return undefined;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#clock.after(PAUSE_MS, resolve));
  }

  #unknown(): ThrunError {
    const { blocked } = this.#link;
    const why = blocked === undefined ? 'no confirmation came' : `RabbitMQ takes no messages (${blocked})`;
    return new ThrunError('THRUN_PUBLISH_UNKNOWN', ['rabbitmq', `${why} within ${this.#timeoutMs} ms`]);
  }
}

/** One call of `send`, until it is done or has taken too long. */
interface Attempt {
  expired: boolean;
  outlet: Outlet | undefined;
}

interface Written {
  /** Not confirmed: to be sent again. */
  readonly again: Parcel[];
  /** Confirmed, but no queue got it. */
  readonly unroutable: Parcel[];
}

/** One confirm channel for as long as it lives. */
class Outlet {
  /** What was declared for messages of this channel, by where they go. */
  readonly declared = new Set<string>();
  /** Why the server closed it. */
  error: ServerError | undefined;
  readonly #channel: ConfirmChannel;
  /** A message that nobody got comes back before it is confirmed. */
  readonly #returned = new Map<string, number>();
  #drained: Promise<void> | undefined;

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
    for (const parcel of parcels) {
      const { exchange, routingKey, body, properties } = parcel;
      const settle = (error: unknown) => {
        if (error) again.push(parcel);
        else if (this.#returned.size > 0 && this.#isReturned(parcel)) unroutable.push(parcel);
        if (--open === 0) answered();
      };
      try {
        if (!this.#channel.publish(exchange, routingKey, body, properties, settle)) await this.#drain();
      } catch (error) {
        if (error instanceof RangeError) throw refused(`its headers are too large: ${error.message}`, error);
        // The channel is closed.
        settle(error);
      }
    }
    await all;
    return { again, unroutable };
  }

  abandon(): void {
    void closeChannel(this.#channel);
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

/** @returns whether anything had to be declared */
async function declareAll(parcels: readonly Parcel[], { declared }: Outlet): Promise<boolean> {
  let isNew = false;
  let last: string | undefined;
  for (const { exchange, routingKey, declare } of parcels) {
    // Behind an exchange everything is declared with it, whatever the routing key.
    const to = exchange === '' ? routingKey : `exchange ${exchange}`;
    if (to === last || declared.has(to)) continue;
    await declare();
    declared.add(to);
    last = to;
    isNew = true;
  }
  return isNew;
}

function keyOf(exchange: string, routingKey: string, messageId: string): string {
  return `${exchange}\n${routingKey}\n${messageId}`;
}

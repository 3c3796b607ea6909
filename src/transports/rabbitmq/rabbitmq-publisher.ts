import { Bag, type Placed } from '../../contracts/bag.js';
import type { Clock } from '../../contracts/clock.js';
import { ThrunError } from '../../contracts/errors.js';
import { closed, refused, type ServerError, textOf } from './rabbitmq-errors.js';
import type { Link } from './rabbitmq-link.js';
import { Outlet, type Parcel } from './rabbitmq-outlet.js';
import type { Topology } from './rabbitmq-topology.js';

/** So often a message may cost us the channel, or find nobody, before it is given back to the caller. */
const MOST_REFUSALS = 3;

/** No answer for so long, though the broker is not blocked: the channel is given up. */
const SILENCE_MS = 8000;

/** Looks at what waits for an answer, within each of these times. */
const LOOKS = 20;

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
  readonly #lookMs: number;
  readonly #attempts = new Bag<Attempt>();
  #isWatching = false;
  #idle: (() => void) | undefined;
  #channel: Promise<Outlet> | undefined;
  #ready: Outlet | undefined;
  #closed = false;

  constructor(link: Link, topology: Topology, clock: Clock, timeoutMs: number) {
    this.#link = link;
    this.#topology = topology;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#lookMs = Math.ceil(Math.min(timeoutMs, SILENCE_MS) / LOOKS);
  }

  /**
   * Resolves when the broker has confirmed all of them.
   * @throws {ThrunError} THRUN_PUBLISH_UNKNOWN after the timeout; THRUN_TRANSPORT_REFUSED for what the broker never takes
   */
  send(parcels: readonly Parcel[]): Promise<void> {
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const attempt = new Attempt(reject);
      this.#attempts.add(attempt);
      if (!this.#isWatching) this.#watch();
      this.#deliver(parcels, attempt).then(
        () => {
          this.#answered(attempt);
          resolve();
        },
        (error: unknown) => {
          this.#answered(attempt);
          reject(error as Error);
        },
      );
    });
  }

  /** Waits for what is on its way, then takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#attempts.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  #answered(attempt: Attempt): void {
    this.#attempts.delete(attempt);
    if (this.#attempts.size === 0) this.#idle?.();
  }

  /** One timer for all: a publish that is confirmed at once does not pay for one of its own. */
  #watch(): void {
    this.#isWatching = true;
    this.#clock.after(this.#lookMs, () => {
      for (const attempt of [...this.#attempts]) this.#look(attempt);
      this.#isWatching = false;
      if (this.#attempts.size > 0) this.#watch();
    });
  }

  /**
   * However healthy a channel looks, its answers may not come: one that lost them in a change of the queue's leader never
   * gives them. Whatever waits for one is then sent again on another.
   */
  #look(attempt: Attempt): void {
    // It came some time before the first look: no earlier than promised, and up to a look later.
    const ms = attempt.looks++ * this.#lookMs;
    attempt.expired = ms >= this.#timeoutMs;
    if (attempt.expired) {
      attempt.reject(this.#unknown());
      this.#answered(attempt);
    }
    const isSilent = attempt.expired || ms - attempt.lastSilence >= SILENCE_MS;
    if (!isSilent) return;
    attempt.lastSilence = ms;
    if (this.#link.blocked === undefined) attempt.outlet?.abandon();
  }

  async #deliver(parcels: readonly Parcel[], attempt: Attempt): Promise<void> {
    let left = parcels;
    for (let refusals = 0; left.length > 0 && !attempt.expired; ) {
      const outlet = this.#ready ?? (await this.#outlet(attempt));
      if (!outlet) return;
      // From here on: what it is asked to declare may go unanswered as well, while a queue has no leader.
      attempt.outlet = outlet;
      const declared = isDeclared(left, outlet) ? left : await this.#declare(left, outlet);
      if (!declared) continue;
      const { again, unroutable } = await outlet.write(declared);
      attempt.outlet = undefined;
      left = again;
      if (unroutable.length > 0) left = [...again, ...(await this.#reroute(unroutable, ++refusals))];
      else if (outlet.error?.code !== undefined && again.length > 0) this.#refuse(outlet.error, ++refusals);
      else if (again.length > 0) {
        if (outlet.isStuck) outlet.abandon();
        await this.#pause();
      }
    }
  }

  /** Everything they are sent to is there, then; undefined: the link was lost on the way. */
  async #declare(parcels: readonly Parcel[], outlet: Outlet): Promise<readonly Parcel[] | undefined> {
    let ready = parcels;
    try {
      while (!isDeclared(ready, outlet)) {
        await declareAll(ready, outlet);
        ready = ready.map((parcel) => parcel.anew?.() ?? parcel);
      }
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
class Attempt implements Placed {
  place = -1;
  /** So often it was seen waiting, and how long it had been, ms, when its channel was last given up. */
  looks = 0;
  lastSilence = 0;
  expired = false;
  outlet: Outlet | undefined;

  constructor(readonly reject: (error: Error) => void) {}
}

function isDeclared(parcels: readonly Parcel[], { declared }: Outlet): boolean {
  let last: Parcel | undefined;
  for (const parcel of parcels) {
    if (last?.exchange === parcel.exchange && last.routingKey === parcel.routingKey) continue;
    if (!declared.has(destinationOf(parcel))) return false;
    last = parcel;
  }
  return true;
}

async function declareAll(parcels: readonly Parcel[], { declared }: Outlet): Promise<void> {
  for (const parcel of parcels) {
    const destination = destinationOf(parcel);
    if (declared.has(destination)) continue;
    await parcel.declare();
    declared.add(destination);
  }
}

/** Behind an exchange everything is declared with it, whatever the routing key. */
function destinationOf({ exchange, routingKey }: Parcel): string {
  return exchange === '' ? routingKey : `exchange ${exchange}`;
}

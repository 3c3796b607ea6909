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
  /** Calls of `send` that are not answered. */
  #sending = 0;
  #idle: (() => void) | undefined;
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
    return new Promise((resolve, reject) => {
      this.#sending++;
      const attempt: Attempt = { expired: false, outlet: undefined };
      const stopWatching = this.#watch(attempt, this.#timeoutMs, () => {
        this.#answered();
        reject(this.#unknown());
      });
      const done = (answer: () => void) => {
        if (attempt.expired) return;
        stopWatching();
        this.#answered();
        answer();
      };
      this.#deliver(parcels, attempt).then(
        () => done(resolve),
        (error: unknown) => done(() => reject(error as Error)),
      );
    });
  }

  /** Waits for what is on its way, then takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#sending > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  #answered(): void {
    if (--this.#sending === 0) this.#idle?.();
  }

  /**
   * However healthy a channel looks, its answers may not come: one that lost them in a change of the queue's leader never
   * gives them. Whatever waits for one is then sent again on another.
   */
  #watch(attempt: Attempt, leftMs: number, onExpired: () => void): () => void {
    const ms = Math.min(leftMs, SILENCE_MS);
    let cancel = this.#clock.after(ms, () => {
      attempt.expired = leftMs <= ms;
      if (attempt.expired) onExpired();
      else cancel = this.#watch(attempt, leftMs - ms, onExpired);
      if (this.#link.blocked === undefined) attempt.outlet?.abandon();
    });
    return () => cancel();
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
interface Attempt {
  expired: boolean;
  outlet: Outlet | undefined;
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

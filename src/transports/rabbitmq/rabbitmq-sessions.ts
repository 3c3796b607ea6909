import type { Clock } from '../../contracts/clock.js';
import { ThrunError } from '../../contracts/errors.js';
import type { ConsumeOptions } from '../../contracts/transport.js';
import { closeChannel, lookAt } from './rabbitmq-channel.js';
import type { RabbitmqDelivery } from './rabbitmq-delivery.js';
import { TOO_LONG, textOf, unavailable } from './rabbitmq-errors.js';
import type { Link, LinkEvent } from './rabbitmq-link.js';
import type { Parcels } from './rabbitmq-parcels.js';
import type { Publisher } from './rabbitmq-publisher.js';
import { Pulse } from './rabbitmq-pulse.js';
import { Session, type SessionEnd } from './rabbitmq-session.js';
import type { Topology } from './rabbitmq-topology.js';

export interface SessionsParts {
  readonly link: Link;
  /** The connection that messages are sent by. */
  readonly publishing: Link;
  readonly topology: Topology;
  readonly publisher: Publisher;
  readonly parcels: Parcels;
  readonly clock: Clock;
}

export interface SessionsHooks {
  readonly onArrival: (delivery: RabbitmqDelivery) => void;
  /** One ended, or the next one is there. */
  readonly onChange: () => void;
}

/** Between two attempts to consume again. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** So often the link may be lost while a consumer is opened. */
const MOST_LOSSES = 5;

/** At its close a consumer gives the broker this long to take back what is unsettled. */
const CLOSING_MS = 5000;

/** From one session to the next, for as long as the consumer is open: what the broker takes away is made again. */
export class Sessions {
  readonly #options: ConsumeOptions;
  readonly #parts: SessionsParts;
  readonly #hooks: SessionsHooks;
  readonly #unlisten: readonly (() => void)[];
  #wasDown = false;
  #isClosed = false;
  readonly pulse = new Pulse();
  current: Session | undefined;

  constructor(options: ConsumeOptions, parts: SessionsParts, hooks: SessionsHooks) {
    this.#options = options;
    this.#parts = parts;
    this.#hooks = hooks;
    this.#unlisten = [parts.link.listen(this.#onLink), parts.publishing.listen(this.#onPublishing)];
  }

  /** @throws {ThrunError} THRUN_TRANSPORT_REFUSED when the queues cannot be declared; THRUN_TRANSPORT_UNAVAILABLE */
  async open(): Promise<void> {
    try {
      this.#live(await this.#first());
      this.#isBack();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#end();
    await this.current?.close(CLOSING_MS);
  }

  /** Asks the broker how the subscription is; where it does not work, the session is made anew. */
  async probe(): Promise<void> {
    const session = this.current;
    // Where it rejects the session has ended, which is told by itself.
    const problem = session && (await this.pulse.ask(session).catch(() => undefined));
    if (problem === undefined || session !== this.current || !session?.isSubscribed) return;
    this.#notice(`${problem}; it subscribes anew`);
    void session.abandon();
  }

  /** A link that is lost on the way comes back by itself, and is waited for. */
  async #first(): Promise<Session> {
    for (let losses = 1; ; losses++) {
      try {
        return await this.#connect();
      } catch (error) {
        if (error instanceof ThrunError) throw error;
        if (losses === MOST_LOSSES) throw unavailable(textOf(error), error);
        await this.#pause(FIRST_PAUSE_MS);
      }
    }
  }

  #end(): void {
    this.#isClosed = true;
    for (const end of this.#unlisten) end();
  }

  #live(session: Session): void {
    this.current = session;
    this.#hooks.onChange();
    void session.ended.then(async (end) => {
      this.current = undefined;
      this.#hooks.onChange();
      if (this.#isClosed) return;
      await this.#explain(end, session);
      const next = await this.#reconnect();
      if (!next) return;
      if (this.#isClosed) return next.abandon();
      this.#live(next);
      this.#isBack();
    });
  }

  #isBack(): void {
    if (this.#wasDown) this.#options.onNotice({ kind: 'reconnected' });
    this.#wasDown = false;
  }

  async #explain(end: SessionEnd, session: Session): Promise<void> {
    this.#parts.topology.forget();
    if (end.kind === 'cancelled') {
      await session.abandon();
      this.#notice(await this.#whyCancelled(end.queue));
    } else if (end.error) {
      this.#notice(`the broker closed the channel, what it held comes again: ${textOf(end.error)}`);
    }
  }

  /** From 4.3 on the subscription of a listener that runs for too long is ended as well, without a word. */
  async #whyCancelled(queue: string): Promise<string> {
    const isThere = (await lookAt(this.#parts.link, queue).catch(() => undefined)) !== undefined;
    const name = JSON.stringify(queue);
    return isThere
      ? `the broker ended the subscription of ${name}, what it held comes again. Unless the queue was deleted, a listener ran ${TOO_LONG}`
      : `the broker took the queue ${name} away, deleted perhaps: what was in it is gone; it is declared anew`;
  }

  async #reconnect(): Promise<Session | undefined> {
    for (let attempt = 0; !this.#isClosed; attempt++) {
      try {
        return await this.#connect();
      } catch (error) {
        if (attempt === 0 && !this.#wasDown) this.#notice(`consuming again has failed so far: ${textOf(error)}`);
        await this.#pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt));
      }
    }
    return undefined;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, () => resolve()));
  }

  async #connect(): Promise<Session> {
    const { link, topology } = this.#parts;
    const { queue, group } = this.#options;
    const [channel, inbox] = await Promise.all([link.channel(), link.channel()]);
    try {
      await topology.group(queue, group, channel, inbox);
    } catch (error) {
      for (const one of [channel, inbox]) void closeChannel(one);
      throw error;
    }
    return new Session(
      {
        ...this.#parts,
        options: this.#options,
        carriesCounts: link.isFrom(4),
        countsRefused: link.isFrom(4) && !link.isFrom(4, 3),
        inbox,
        channel: () => link.channel(),
        onArrival: this.#hooks.onArrival,
        onLost: (id) => {
          if (!this.#isClosed) this.#options.onNotice({ kind: 'lease_lost', queue, id });
        },
        onTrouble: (message) => this.#notice(message),
      },
      channel,
    );
  }

  readonly #onLink = (event: LinkEvent): void => {
    if (event.kind !== 'down') return;
    this.#wasDown = true;
    this.#options.onNotice({ kind: 'disconnected', error: event.error });
  };

  readonly #onPublishing = (event: LinkEvent): void => {
    if (event.kind !== 'blocked') return;
    this.#notice(
      `RabbitMQ takes no messages (${event.reason}), so retries and dead letters wait: give it more of that`,
    );
  };

  #notice(message: string): void {
    if (!this.#isClosed) this.#options.onNotice({ kind: 'degraded', message });
  }
}

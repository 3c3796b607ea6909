import type { Channel, ChannelModel, ConfirmChannel, RecoveringChannelModel } from 'amqplib';
import { textOf, unavailable } from './rabbitmq-errors.js';
import type { RabbitmqOptions } from './rabbitmq-options.js';
import { hasEnded, socketOf } from './rabbitmq-socket.js';
import { Target } from './rabbitmq-target.js';

export type LinkEvent =
  | { readonly kind: 'down'; readonly error: Error }
  | { readonly kind: 'up' }
  /** The broker takes no publishes: it is short of memory or disk. */
  | { readonly kind: 'blocked'; readonly reason: string }
  | { readonly kind: 'unblocked' };

/** For the handshake; afterwards heartbeats watch the link. */
const CONNECT_MS = 10_000;

/** The broker's answer to our goodbye is not waited for any longer: the link may be half open. */
const GOODBYE_MS = 1000;

const LOST_AT_ONCE = 'the broker closed the connection in the moment it was opened';

/** With room for what is gathered (rabbitmq-socket.ts). */
const SOCKET = { noDelay: true, keepAlive: true, highWaterMark: 256 * 1024 };

/** One connection, reconnected for ever once it was there. Channels do not survive it: whoever has one makes a new one. */
export class Link {
  readonly #options: RabbitmqOptions;
  readonly #purpose: string;
  readonly #listeners = new Set<(event: LinkEvent) => void>();
  #opening: Promise<RecoveringChannelModel> | undefined;
  #model: ChannelModel | undefined;
  #closed = false;
  /** Why the broker takes no publishes just now. */
  blocked: string | undefined;

  constructor(options: RabbitmqOptions, purpose: string) {
    this.#options = options;
    this.#purpose = purpose;
  }

  /** As the server tells it: `3.10.8`. Known once connected. */
  get serverVersion(): string | undefined {
    const version: unknown = this.#model?.connection.serverProperties.version;
    return typeof version === 'string' ? version : undefined;
  }

  /** Whether the server is of this version or later; not as long as it is not known. */
  isFrom(major: number, minor = 0): boolean {
    const [itsMajor = 0, itsMinor = 0] = (this.serverVersion ?? '0').split('.').map(Number);
    return itsMajor > major || (itsMajor === major && itsMinor >= minor);
  }

  /** @throws {ThrunError} THRUN_TRANSPORT_UNAVAILABLE when no node can be reached */
  async open(): Promise<void> {
    await this.#connected();
  }

  /** Waits for the connection where it is down. */
  async channel(): Promise<Channel> {
    return living(await (await this.#connected()).createChannel());
  }

  async confirmChannel(): Promise<ConfirmChannel> {
    // As many frames as a bulk publish writes at once: each `drain` that is waited for is an idle moment of the broker.
    return living(await (await this.#connected()).createConfirmChannel({ highWaterMark: 4096 }));
  }

  /** Calls `listener` for what happens to the link. Returns a function that ends it. */
  listen(listener: (event: LinkEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connection = await this.#opening?.catch(() => undefined);
    if (!connection) return;
    const model = this.#model;
    const destroy = () => model && socketOf(model)?.destroy();
    const timer = setTimeout(destroy, GOODBYE_MS);
    await Promise.race([connection.close(), new Promise((resolve) => setTimeout(resolve, GOODBYE_MS).unref())]);
    clearTimeout(timer);
    destroy();
  }

  #connected(): Promise<RecoveringChannelModel> {
    if (!this.#opening) {
      const opening = this.#connect();
      this.#opening = opening;
      // What could not be reached is tried anew by the next caller.
      opening.catch(() => {
        if (this.#opening === opening) this.#opening = undefined;
      });
    }
    return this.#opening;
  }

  async #connect(): Promise<RecoveringChannelModel> {
    const { connect } = (await import('amqplib')).default;
    const target = new Target(this.#options);
    const clientProperties = { connection_name: `thrun ${this.#purpose} (pid ${process.pid})` };
    const connection = await connect(target.current, {
      ...this.#options.tls,
      ...SOCKET,
      timeout: CONNECT_MS,
      clientProperties,
      recovery: { initialDelay: 100, maxDelay: 5000, initialMaxRetries: target.count - 1, waitForConnect: false },
    });
    this.#observe(connection, target);
    try {
      return await connection.waitForConnect();
    } catch (error) {
      throw unavailable(textOf(error), error);
    }
  }

  #observe(connection: RecoveringChannelModel, target: Target): void {
    connection.on('connect', (model) => {
      this.#model = model;
      // amqplib would take it for a living one for ever: it did not listen yet.
      if (hasEnded(model)) model.emit('close', new Error(LOST_AT_ONCE));
      else this.#tell({ kind: 'up' });
    });
    connection.on('disconnect', (error) => {
      this.blocked = undefined;
      target.turn();
      if (!this.#closed) this.#tell({ kind: 'down', error: new Error(textOf(error)) });
    });
    connection.on('connect-failed', () => target.turn());
    connection.on('blocked', (reason) => {
      this.blocked = reason;
      this.#tell({ kind: 'blocked', reason });
    });
    connection.on('unblocked', () => {
      this.blocked = undefined;
      this.#tell({ kind: 'unblocked' });
    });
    // Told by 'disconnect' as well; without a listener it would end the process.
    connection.on('error', () => undefined);
  }

  #tell(event: LinkEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function living<Kind extends Channel>(channel: Kind): Kind {
  if (hasEnded(channel)) throw new Error(LOST_AT_ONCE);
  // An error is told by its end; without a listener it would end the process.
  return channel.on('error', () => undefined);
}

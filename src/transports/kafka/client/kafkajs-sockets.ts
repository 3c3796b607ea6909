import type { Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';
import { CLOSED, KafkaFailure } from '../kafka-client.js';
import { defaultSocketFactory } from './kafkajs-parts.js';

const ours = new WeakSet<ISocketFactory>();

/** Whoever else uses kafkajs in this process has sockets of its own. */
export function isOurs(factory: ISocketFactory): boolean {
  return ours.has(factory);
}

/** The sockets of one client: kafkajs lets go of one only when all that was asked there is answered, and asks again then. */
export class Sockets {
  readonly #open = new Set<Socket>();
  readonly #connect = defaultSocketFactory();
  #closed: KafkaFailure | undefined;

  readonly factory: ISocketFactory = (options) => {
    this.refuse();
    const socket = this.#connect(options);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  constructor() {
    ours.add(this.factory);
  }

  /** @throws {KafkaFailure} CLOSED once it is */
  refuse(): void {
    if (this.#closed) throw this.#closed;
  }

  /** Whoever still waits for an answer is told that there will be none. */
  close(): void {
    this.#closed = new KafkaFailure(CLOSED, 'the connections are closed', false, undefined, {});
    for (const socket of this.#open) socket.destroy(this.#closed);
  }
}

import type { Options } from 'amqplib';
import type { RabbitmqOptions } from './rabbitmq-options.js';

const DEFAULT_URL = 'amqp://127.0.0.1:5672';

/** Where to connect to. amqplib reads it anew at each attempt, so {@link Target.turn} leads the next one to the next node. */
export class Target {
  readonly current: Options.Connect;
  readonly #all: readonly Options.Connect[];
  #at = 0;

  constructor({ url, nodes = [], heartbeatMs }: RabbitmqOptions) {
    const first = { ...partsOf(url ?? DEFAULT_URL), heartbeat: Math.max(1, Math.round(heartbeatMs / 1000)) };
    const others = nodes.map((node) => ({ ...first, ...addressOf(new URL(`amqp://${node}`), first.port) }));
    this.#all = [first, ...others];
    this.current = { ...first };
  }

  get count(): number {
    return this.#all.length;
  }

  turn(): void {
    this.#at = (this.#at + 1) % this.#all.length;
    Object.assign(this.current, this.#all[this.#at]);
  }
}

function partsOf(text: string) {
  const url = new URL(text);
  const protocol = url.protocol.slice(0, -1);
  return {
    protocol,
    ...addressOf(url, protocol === 'amqps' ? 5671 : 5672),
    username: url.username === '' ? 'guest' : decodeURIComponent(url.username),
    password: url.username === '' && url.password === '' ? 'guest' : decodeURIComponent(url.password),
    // Still encoded: amqplib decodes it.
    vhost: url.pathname.length > 1 ? url.pathname.slice(1) : '/',
  };
}

function addressOf({ hostname, port }: URL, otherwise: number) {
  return { hostname: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? otherwise : Number(port) };
}

import { readFile } from 'node:fs/promises';
import type { Options, SocketOptions } from 'amqplib';
import type { RabbitmqOptions } from './rabbitmq-options.js';

/** Where to connect to. amqplib reads it anew at each attempt, so {@link Target.turn} leads the next one to the next node. */
export class Target {
  readonly current: Options.Connect;
  readonly #all: readonly Options.Connect[];
  #at = 0;

  constructor({ urls, heartbeatMs }: RabbitmqOptions) {
    const heartbeat = Math.max(1, Math.round(heartbeatMs / 1000));
    this.#all = urls.map((url) => ({ ...partsOf(url), heartbeat }));
    this.current = { ...this.#all[0] };
  }

  get count(): number {
    return this.#all.length;
  }

  turn(): void {
    this.#at = (this.#at + 1) % this.#all.length;
    Object.assign(this.current, this.#all[this.#at]);
  }
}

function partsOf(text: string): Options.Connect {
  const url = new URL(text);
  const protocol = url.protocol.slice(0, -1);
  const secure = protocol === 'amqps';
  return {
    protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 5671 : 5672) : Number(url.port),
    username: url.username === '' ? 'guest' : decodeURIComponent(url.username),
    password: url.username === '' && url.password === '' ? 'guest' : decodeURIComponent(url.password),
    // Still encoded: amqplib decodes it.
    vhost: url.pathname.length > 1 ? url.pathname.slice(1) : '/',
  };
}

export async function socketOptions({ tls }: RabbitmqOptions): Promise<SocketOptions> {
  const pem = async (path: string | undefined) => (path === undefined ? undefined : readFile(path));
  const [ca, cert, key] = await Promise.all([pem(tls?.ca), pem(tls?.cert), pem(tls?.key)]);
  return { noDelay: true, keepAlive: true, ...(ca && { ca: [ca] }), ...(cert && { cert }), ...(key && { key }) };
}

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What becomes of bytes in between. */
type Mode =
  | { readonly kind: 'pass' }
  /** Half-open: both sides believe in the connection, nothing arrives. */
  | { readonly kind: 'blackhole' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** The request with these bytes reaches the server; its reply does not come back, and the connection is gone. */
  | { readonly kind: 'cut'; readonly match: Buffer; readonly done: () => void }
  /** What the server says up to these bytes arrives together with others, and they are the last. */
  | { readonly kind: 'last'; readonly match: Buffer; readonly words: Buffer; left: number; readonly done: () => void };

const PASS: Mode = { kind: 'pass' };

/** A link to a broker that can be damaged. New connections are treated like those that are there. */
export class TcpProxy {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #mode: Mode = PASS;
  /** How many connections were ever made through it. */
  connections = 0;

  private constructor(private readonly target: number) {
    this.#server = createServer((client) => {
      this.connections++;
      const link = new Link(client, connect(this.target, '127.0.0.1'), () => this.#mode);
      this.#links.add(link);
      link.onGone = () => this.#links.delete(link);
    });
  }

  /** Listens on a port of the loopback interface, a free one unless told otherwise, in front of `port`. */
  static async to(port: number, own = 0): Promise<TcpProxy> {
    const proxy = new TcpProxy(port);
    proxy.#server.listen(own, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return address.port;
  }

  pass(): void {
    this.#mode = PASS;
  }

  blackhole(): void {
    this.#mode = { kind: 'blackhole' };
  }

  delay(ms: number): void {
    this.#mode = { kind: 'delay', ms };
  }

  /** Resolves when it has happened, once; from then on everything passes. */
  cutAfter(match: string): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#mode = PASS;
        resolve();
      };
      this.#mode = { kind: 'cut', match: Buffer.from(match), done };
    });
  }

  /** The server's answer with these bytes, the `nth`, is read in one piece with its last `words`. Resolves when that was. */
  endWith(words: Buffer, match: Buffer, nth = 1): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#mode = PASS;
        resolve();
      };
      this.#mode = { kind: 'last', match, words, left: nth, done };
    });
  }

  /** Ends every connection there is; new ones pass. */
  cut(): void {
    for (const link of this.#links) link.destroy();
  }

  /** Of the next answer on each connection there is only the first half comes, and then its end; new ones pass. */
  tear(): void {
    for (const link of this.#links) link.torn = true;
  }

  /** Every connection there is swallows everything from now on; new ones pass. */
  forget(): void {
    for (const link of this.#links) link.forgotten = true;
  }

  /** The server sees every connection end; the clients do not, until they say something. */
  hangUp(): void {
    for (const link of this.#links) link.hangUp();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

class Link {
  onGone: () => void = () => undefined;
  forgotten = false;
  torn = false;
  /** Requests seen since the match was set, so that it is found across chunks. */
  #seen = Buffer.alloc(0);
  #cut = false;
  #hungUp = false;

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    mode: () => Mode,
  ) {
    client.setNoDelay();
    server.setNoDelay();
    client.on('data', (chunk: Buffer) => this.#request(chunk, mode()));
    server.on('data', (chunk: Buffer) => this.#answer(chunk, mode()));
    for (const socket of [client, server]) {
      // A side that breaks off is what this is for.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        if (!this.#hungUp || socket === this.client) this.destroy();
      });
    }
  }

  hangUp(): void {
    this.#hungUp = true;
    this.server.destroy();
  }

  destroy(): void {
    this.client.destroy();
    this.server.destroy();
    this.onGone();
  }

  #answer(chunk: Buffer, mode: Mode): void {
    if (this.#cut || this.forgotten) return;
    if (this.torn) {
      this.forgotten = true;
      this.client.end(chunk.subarray(0, chunk.length / 2));
      return;
    }
    const at = mode.kind === 'last' ? chunk.indexOf(mode.match) : -1;
    if (mode.kind !== 'last' || at < 0 || --mode.left > 0) return forward(chunk, this.client, mode);
    this.#cut = true;
    this.client.end(Buffer.concat([chunk.subarray(0, at + mode.match.length), mode.words]));
    mode.done();
  }

  #request(chunk: Buffer, mode: Mode): void {
    if (this.#cut || this.forgotten) return;
    // What a kernel answers for a connection that it has forgotten.
    if (this.#hungUp) return this.destroy();
    forward(chunk, this.server, mode);
    if (mode.kind !== 'cut') return;
    const seen = Buffer.concat([this.#seen, chunk]);
    if (seen.includes(mode.match)) {
      this.#cut = true;
      // The server reads all of it before it sees this end, then closes its side.
      this.server.end();
      this.server.on('close', mode.done);
    }
    this.#seen = seen.subarray(Math.max(0, seen.length - mode.match.length));
  }
}

function forward(chunk: Buffer, to: Socket, mode: Mode): void {
  if (mode.kind === 'blackhole') return;
  if (mode.kind === 'delay') setTimeout(() => to.write(chunk), mode.ms).unref();
  else to.write(chunk);
}

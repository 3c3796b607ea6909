import type { Client } from './redis-client.js';
import type { Asked } from './redis-connection.js';
import { RedisFailure } from './redis-failure.js';

/** The kinds of queues, and what Redis calls the keys of each. */
export const TYPE_OF = { list: 'list', streams: 'stream' } as const;
export type Kind = keyof typeof TYPE_OF;

/** Which queues there are: asked by operators only, so it is one set, and each process adds a queue once. */
export class QueueRegistry {
  readonly #connection: Asked;
  readonly #kind: Kind;
  readonly #own: readonly string[];
  readonly #known = new Set<string>();

  /**
   * @param kind of the queues: each has a set of its own
   * @param own queues of this application, noted or not: another program may have been the first to push there
   */
  constructor(connection: Asked, kind: Kind, own: readonly string[] = []) {
    this.#connection = connection;
    this.#kind = kind;
    this.#own = own;
  }

  isKnown(queue: string): boolean {
    return this.#known.has(queue);
  }

  async add(queue: string): Promise<void> {
    if (this.#known.has(queue)) return;
    await this.#run((client) => client.sadd(keyOf(this.#kind), queue));
    this.#known.add(queue);
  }

  /** A queue that cannot be noted is found by whoever consumes it. */
  async tryAdd(queue: string): Promise<void> {
    await this.add(queue).catch((error: unknown) => {
      if (!(error instanceof RedisFailure)) throw error;
    });
  }

  async all(): Promise<string[]> {
    const noted = await this.#run((client) => client.smembers(keyOf(this.#kind)));
    const queues = [...new Set([...noted, ...this.#own])];
    const ours = await Promise.all(queues.map((queue) => this.#isOfKind(queue)));
    return queues.filter((_, n) => ours[n]).sort();
  }

  async has(queue: string): Promise<boolean> {
    const isNoted = await this.#run((client) => client.sismember(keyOf(this.#kind), queue));
    return isNoted === 1 && (await this.#isOfKind(queue));
  }

  /**
   * A name that was a list and is a stream now is in both sets, and what lies beside either has the same names: it belongs
   * to what the key is now. A list that is empty is no key at all.
   */
  async #isOfKind(queue: string): Promise<boolean> {
    const type = await this.#run((client) => client.type(queue));
    if (type === TYPE_OF[this.#kind]) return true;
    if (Object.values<string>(TYPE_OF).includes(type)) return false;
    return this.#kind === 'list' || (await this.#run((client) => client.sismember(keyOf('list'), queue))) === 0;
  }

  #run<Reply>(send: (client: Client) => Promise<Reply>): Promise<Reply> {
    return this.#connection.run(send);
  }
}

function keyOf(kind: Kind): string {
  return `thrun:${kind}:queues`;
}

import { createHash } from 'node:crypto';
import type { Client } from './redis-client.js';

export type Argument = string | number | Uint8Array;

/** `EVALSHA` of a Cluster client and of a single one alike; replies keep their bytes. */
interface Evaluating {
  callBuffer(command: string, ...args: (string | Buffer)[]): Promise<unknown>;
}

/**
 * One atomic step on the server, sent by its hash; in full where the server does not know it (any more). Scripts may run
 * while Redis is out of memory: most of them free some.
 */
export class RedisScript<Reply> {
  readonly #lua: string;
  readonly #sha: string;

  /**
   * @param header what the script may do, as the server wants to know it; `allow-oom` lets workers drain a full server
   * @param parts common functions first
   */
  constructor({ allowOom }: { readonly allowOom: boolean }, ...parts: readonly string[]) {
    this.#lua = [allowOom ? '#!lua flags=allow-oom' : '#!lua', ...parts].join('\n');
    this.#sha = createHash('sha1').update(this.#lua).digest('hex');
  }

  async run(client: Client, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    const rest = [String(keys.length), ...keys, ...args.map(toArgument)];
    const redis = client as Evaluating;
    try {
      return (await redis.callBuffer('evalsha', this.#sha, ...rest)) as Reply;
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return (await redis.callBuffer('eval', this.#lua, ...rest)) as Reply;
    }
  }
}

function toArgument(value: Argument): string | Buffer {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

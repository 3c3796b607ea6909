import type { Client } from '../../redis/redis-client.js';
import { groupsOf } from './redis-streams-info.js';

/** Waits behind the last entry that a group has read: whatever comes there is new to it, and reading on from there takes nothing. */
export class StreamEnd {
  readonly #queue: string;
  readonly #group: string;
  /** Its id, where this process knows it. Others may have read on, which is found out by waking for nothing. */
  #last: string | undefined;

  constructor(queue: string, group: string) {
    this.#queue = queue;
    this.#group = group;
  }

  read(id: string): void {
    this.#last = id;
  }

  /** Blocks on the server for at most `ms`; true: something came. */
  async wait(client: Client, ms: number): Promise<boolean> {
    const last = this.#last ?? (await groupsOf(client, this.#queue)).get(this.#group) ?? '0-0';
    this.#last = undefined;
    if ((await client.xread('COUNT', 1, 'BLOCK', ms, 'STREAMS', this.#queue, last)) !== null) return true;
    // Nothing came behind it, so that it still is the last.
    this.#last ??= last;
    return false;
  }
}

import { ThrunError } from '../../contracts/errors.js';
import type {
  HistoryAccess,
  HistoryPoint,
  HistoryRange,
  HistoryView,
  PastEvent,
  ReplayTarget,
} from '../../contracts/history.js';
import { formatDuration } from '../../contracts/units.js';
import type { Client } from '../../redis/redis-client.js';
import { QueueKeys } from '../../redis/redis-keys.js';
import type { RedisSession } from '../../redis/redis-session.js';
import { bodyOf } from './redis-streams-entry.js';
import { idOf, isBefore, lastOf, timeOf } from './redis-streams-id.js';
import { groupsOf, infoOf } from './redis-streams-info.js';
import { replay } from './redis-streams-replay.js';

/** So many entries are read together: each may have a megabyte. */
const PAGE = 200;

/** Entries that are done with and were not deleted yet. Handed over they become parcels of one group, as retries are. */
export class RedisStreamsHistory implements HistoryAccess {
  readonly #session: RedisSession;
  readonly #historyMs: number;

  constructor(session: RedisSession, historyMs: number) {
    this.#session = session;
    this.#historyMs = historyMs;
  }

  async look({ queue, since, until }: HistoryRange): Promise<HistoryView> {
    const from = this.#idOf(since);
    if (until !== undefined) this.#idOf(until);
    const [stream, places, known] = await Promise.all([
      this.#find(async (client) => infoOf(await client.xinfo('STREAM', queue))),
      this.#find((client) => groupsOf(client, queue)),
      this.#run((client) => client.hgetall(new QueueKeys(queue).groups)),
    ]);
    const length = Number(stream?.get('length') ?? 0);
    const first = String(stream?.get('recorded-first-entry-id') ?? '0-0');
    const isTrimmed = Number(stream?.get('entries-added') ?? 0) > length;
    return {
      // Other programs have groups of their own there, and know nothing of parcels.
      groups: [...(places?.keys() ?? [])].filter((name) => known[name] === '1').sort(),
      oldestAt: length === 0 ? undefined : timeOf(first),
      isCut: isTrimmed && (length === 0 || isBefore(from, first) || this.#isPassed(from, places)),
      keeps: this.#keeps,
    };
  }

  async *read({ queue, group, since, until }: HistoryRange): AsyncGenerator<readonly PastEvent[]> {
    let from = this.#idOf(since);
    const wanted = until === undefined ? undefined : this.#idOf(until);
    const read = (await this.#find((client) => groupsOf(client, queue)))?.get(group);
    if (read === undefined) return;
    const end = wanted !== undefined && isBefore(lastOf(wanted), read) ? wanted : read;
    for (;;) {
      const entries = await this.#run((client) => client.xrangeBuffer(queue, from, end, 'COUNT', PAGE));
      if (entries.length > 0) yield entries.map(([id, fields]) => pastEvent(queue, String(id), fields));
      if (entries.length < PAGE) return;
      from = `(${String(entries.at(-1)?.[0])}`;
    }
  }

  async replay(events: readonly PastEvent[], { queue, group, listener }: ReplayTarget): Promise<number> {
    const keys = new QueueKeys(queue);
    const { due, parcels } = keys.group(group);
    const args = [group, listener ?? '', queue, ...events.map(({ position }) => position)];
    return this.#session.write((client) => replay.run(client, [queue, keys.seq, due, parcels], args));
  }

  /** Without a history: what every group is past may be gone, though an older one is still held. */
  #isPassed(id: string, places: ReadonlyMap<string, string> = new Map()): boolean {
    return this.#historyMs === 0 && places.size > 0 && [...places.values()].every((read) => isBefore(id, read));
  }

  get #keeps(): string {
    const setting = 'transports.redis.history in the config of its workers';
    return this.#historyMs === 0
      ? `Events leave a stream when every group is done with them; ${setting} keeps them longer.`
      : `Events stay in a stream for ${formatDuration(this.#historyMs)}: that is ${setting}.`;
  }

  /** @throws {ThrunError} THRUN_INPUT */
  #idOf(point: HistoryPoint): string {
    const id = idOf(point);
    if (id !== undefined) return id;
    throw new ThrunError('THRUN_INPUT', [
      `${JSON.stringify(point)} is no id of an entry: write 1767268800000-0, or 0.`,
    ]);
  }

  /** Undefined where there is no stream yet. */
  async #find<Reply>(send: (client: Client) => Promise<Reply>): Promise<Reply | undefined> {
    try {
      return await this.#run(send);
    } catch (error) {
      if (error instanceof ThrunError && error.message.includes('no such key')) return undefined;
      throw error;
    }
  }

  async #run<Reply>(send: (client: Client) => Promise<Reply>): Promise<Reply> {
    return (await this.#session.parts.connection()).run(send);
  }
}

function pastEvent(queue: string, id: string, fields: readonly Buffer[]): PastEvent {
  return { position: id, id: `${queue}:${id}`, publishedAt: timeOf(id), body: bodyOf(fields) };
}

import type { QueueAccess, QueueStats } from '../../contracts/transport.js';
import type { Asked } from '../../redis/redis-connection.js';
import type { DeadLetterParts } from '../../redis/redis-dead-letters.js';
import { QueueKeys } from '../../redis/redis-keys.js';
import { lookAtGroup } from '../../redis/redis-parcel-scripts.js';
import { look, purge } from './redis-streams-queue-scripts.js';

export class RedisStreamsQueues implements QueueAccess {
  readonly #parts: DeadLetterParts;

  constructor(parts: DeadLetterParts) {
    this.#parts = parts;
  }

  async stats(): Promise<readonly QueueStats[]> {
    const connection = await this.#parts.connection();
    const queues = await this.#parts.registry.all();
    // Side by side: one after the other would take a round trip for each of them.
    return (await Promise.all(queues.map((queue) => rowsOf(queue, connection)))).flat();
  }

  async purge(queue: string): Promise<number> {
    const connection = await this.#parts.connection();
    const keys = new QueueKeys(queue);
    const groups = await connection.run((client) => client.hkeys(keys.groups));
    const parcels = groups.map((group) => keys.group(group)).flatMap((group) => [group.due, group.parcels]);
    const own = [queue, keys.scheduled, keys.scheduledBodies, ...parcels];
    return connection.run((client) => purge.run(client, own, [queue]));
  }
}

/** What the stream itself says of a group. */
interface Reading {
  readonly unread: number;
  readonly pending: number;
  /** Of the first that it has not read, ms since the epoch; undefined: it has read all. */
  readonly since: number | undefined;
}

/** One for each group, those of other programs included: they too keep entries from being deleted. */
async function rowsOf(queue: string, connection: Asked): Promise<QueueStats[]> {
  const keys = new QueueKeys(queue);
  const [length, since, scheduled, ...rest] = await connection.run((client) =>
    look.run(client, [queue, keys.scheduled], []),
  );
  const readings = new Map<string, Reading>();
  for (let at = 0; at < rest.length; at += 4) {
    const [name, unread, pending, first] = rest.slice(at, at + 4);
    readings.set(String(name), { unread: Number(unread), pending: Number(pending), since: time(first) });
  }
  const known = await connection.run((client) => client.hkeys(keys.groups));
  const rows: QueueStats[] = [];
  for (const group of [...new Set([...known, ...readings.keys()])].sort()) {
    rows.push(await rowOf(keys, group, readings.get(group), scheduled, connection));
  }
  if (readings.size > 0 || length + scheduled === 0) return rows;
  const oldest = time(since);
  const oldestAgeMs = oldest === undefined ? undefined : Math.max(Date.now() - oldest, 0);
  const nobody = { inFlight: 0, dead: 0, nextRetryMs: undefined };
  return [{ queue, group: '', depth: length, delayed: scheduled, oldestAgeMs, ...nobody }, ...rows];
}

async function rowOf(
  keys: QueueKeys,
  group: string,
  reading: Reading | undefined,
  scheduled: number,
  connection: Asked,
): Promise<QueueStats> {
  const { leases, held, done, due, parcels, graves } = keys.group(group);
  const [ready, inFlight, delayed, dead, next, oldest] = await connection.run((client) =>
    lookAtGroup.run(client, [leases, held, done, due, parcels, graves], []),
  );
  const since = [reading?.since, time(oldest)].filter((ms) => ms !== undefined);
  return {
    queue: keys.queue,
    group,
    depth: ready + (reading?.unread ?? 0),
    inFlight: inFlight + (reading?.pending ?? 0),
    delayed: delayed + (reading ? scheduled : 0),
    dead,
    oldestAgeMs: since.length > 0 ? Math.max(Date.now() - Math.min(...since), 0) : undefined,
    nextRetryMs: next < 0 ? undefined : next,
  };
}

function time(text: Buffer | number | undefined): number | undefined {
  return text === undefined || (text as Buffer).length === 0 ? undefined : Number(text);
}

import type { QueueAccess, QueueStats } from '../../contracts/transport.js';
import type { Client } from '../../redis/redis-client.js';
import type { Asked } from '../../redis/redis-connection.js';
import type { DeadLetterParts } from '../../redis/redis-dead-letters.js';
import { QueueKeys } from '../../redis/redis-keys.js';
import { lookAtGroup, purgeParcels } from '../../redis/redis-parcel-scripts.js';
import { look, purge } from './redis-list-scripts.js';

export class RedisListQueues implements QueueAccess {
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
    const run = <Reply>(send: (client: Client) => Promise<Reply>) => connection.run(send);
    const keys = new QueueKeys(queue);
    const { scheduled, scheduledBodies, marks, popped } = keys;
    let count = await run((client) => purge.run(client, [queue, scheduled, scheduledBodies, marks, popped], []));
    for (const group of await run((client) => client.hkeys(keys.groups))) {
      const { due, parcels } = keys.group(group);
      count += await run((client) => purgeParcels.run(client, [due, parcels], []));
    }
    return count;
  }
}

/** One for each group; one without a name for what lies in the list while nobody consumes it. */
async function rowsOf(queue: string, connection: Asked): Promise<QueueStats[]> {
  const keys = new QueueKeys(queue);
  const [waiting, scheduled, age] = await connection.run((client) =>
    look.run(client, [queue, keys.scheduled, keys.marks, keys.popped], []),
  );
  const groups = Object.entries(await connection.run((client) => client.hgetall(keys.groups)));
  const consumed = groups.some(([, consumes]) => consumes === '1');
  const list = { depth: waiting, delayed: scheduled, oldestAgeMs: age < 0 ? undefined : age };
  const nobody = { inFlight: 0, dead: 0, nextRetryMs: undefined };
  const rows: QueueStats[] = [];
  if (!consumed && waiting + scheduled > 0) rows.push({ queue, group: '', ...list, ...nobody });
  for (const [group, consumes] of groups.sort(([a], [b]) => (a < b ? -1 : 1))) {
    const share = consumes === '1' ? list : { depth: 0, delayed: 0, oldestAgeMs: undefined };
    rows.push(await rowOf(keys, group, share, connection));
  }
  return rows;
}

type Share = Pick<QueueStats, 'depth' | 'delayed' | 'oldestAgeMs'>;

async function rowOf(keys: QueueKeys, group: string, list: Share, connection: Asked): Promise<QueueStats> {
  const { leases, held, done, due, parcels, graves } = keys.group(group);
  const [ready, inFlight, delayed, dead, next, oldest] = await connection.run((client) =>
    lookAtGroup.run(client, [leases, held, done, due, parcels, graves], []),
  );
  const ages = [list.oldestAgeMs ?? -1, oldest.length > 0 ? Math.max(Date.now() - Number(oldest), 0) : -1];
  const oldestAgeMs = Math.max(...ages);
  return {
    queue: keys.queue,
    group,
    depth: list.depth + ready,
    inFlight,
    delayed: list.delayed + delayed,
    dead,
    oldestAgeMs: oldestAgeMs < 0 ? undefined : oldestAgeMs,
    nextRetryMs: next < 0 ? undefined : next,
  };
}

import type { BatchRecord, Overdue, OverdueTimes } from '../../../contracts/batch-store.js';
import type { Client } from '../../../redis/redis-client.js';
import { RedisScript } from '../../../redis/redis-script.js';
import { TogetherScript } from '../../../redis/redis-together.js';
import { FORMAT, type RedisServer } from './redis-server.js';
import { INDEX, keysOf } from './redis-store-keys.js';
import { entryFrom, recordFrom } from './redis-store-rows.js';

/**
 * Which batches there are, and which may need care. A batch is noted here before it is made and before it runs again, and no
 * step of it touches this afterwards: each entry is a time that what is looked for is not older than. Who looks reads the
 * batch itself, and raises the time, or takes the entry out when there is nothing more to come.
 */

/**
 * KEYS format all unsealed outbox idle
 * ARGV format, id, time
 */
const note = new TogetherScript<null>(
  { allowOom: true },
  `
redis.call('SET', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[2], 'NX', ARGV[3], ARGV[2])
for at = 3, 5 do
  -- Whoever is about to take it out finds that it has changed.
  if redis.call('ZADD', KEYS[at], 'NX', ARGV[3], ARGV[2]) == 0 then redis.call('ZINCRBY', KEYS[at], 0.001, ARGV[2]) end
end
`,
);

/**
 * KEYS index
 * ARGV of each entry: id, time as it was seen, time it is to have or '' (out)
 */
const revise = new RedisScript<null>(
  { allowOom: true },
  `
for at = 1, #ARGV, 3 do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) == ARGV[at + 1] then
    if ARGV[at + 2] == '' then redis.call('ZREM', KEYS[1], ARGV[at])
    else redis.call('ZADD', KEYS[1], ARGV[at + 2], ARGV[at]) end
  end
end
`,
);

/**
 * KEYS index
 * ARGV before, offset, how many
 * Returns ids and times.
 */
const before = new RedisScript<Buffer[]>(
  { allowOom: true },
  `return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[1], 'WITHSCORES', 'LIMIT', ARGV[2], ARGV[3])`,
);

const LOT = 500;

/** A batch that was noted and is not there is being made; after this long its maker is dead. */
const MAKING_MS = 3_600_000;

/** What to do with an entry: it is overdue since `since`; or look again from `until` on; or never. */
type Finding = { readonly since: number } | { readonly until: number } | 'over';

interface Looked {
  readonly record: BatchRecord | undefined;
  readonly relay: number;
  /** Of the oldest entry of its outbox. */
  readonly oldest: number | undefined;
}

export class RedisIndex {
  readonly #server: RedisServer;

  constructor(server: RedisServer) {
    this.#server = server;
  }

  /** Before the batch is made, and before it runs again. */
  note(client: Client, batchId: string, at: number): Promise<null> {
    const { format, all, unsealed, outbox, idle } = INDEX;
    return note.run(client, [format, all, unsealed, outbox, idle], [FORMAT, batchId, at]);
  }

  /** The newest first. */
  async newest(since: number | undefined, offset: number, count: number): Promise<readonly string[]> {
    const from = since ?? '-inf';
    return this.#server.run((client) => client.zrevrangebyscore(INDEX.all, '+inf', from, 'LIMIT', offset, count));
  }

  /** Made before; the oldest first. */
  async madeBefore(time: number, offset: number, count: number): Promise<readonly string[]> {
    return this.#server.run((client) => client.zrangebyscore(INDEX.all, '-inf', `(${time}`, 'LIMIT', offset, count));
  }

  /** Of batches that are deleted. */
  async forget(batchIds: readonly string[]): Promise<void> {
    if (batchIds.length === 0) return;
    const { all, unsealed, outbox, idle } = INDEX;
    await this.#server.run((client) =>
      Promise.all([all, unsealed, outbox, idle].map((key) => client.zrem(key, ...batchIds))),
    );
  }

  /** Noted, and being made as far as anybody knows. */
  async isAwaited(batchId: string): Promise<boolean> {
    return (await this.#server.run((client) => client.zscore(INDEX.idle, batchId))) !== null;
  }

  /** In order of the reasons; the longest waiting first. */
  async overdue({ outbox, unsealed, idle, now }: OverdueTimes, limit: number): Promise<readonly Overdue[]> {
    const found = [
      ...(await this.#look('outbox', outbox, (looked) => findOutbox(looked, outbox, now))),
      ...(await this.#look('unsealed', unsealed, (looked) => findUnsealed(looked, unsealed))),
      ...(await this.#look('idle', idle, (looked) => findIdle(looked, idle))),
    ];
    return found.slice(0, limit).map(({ batchId, why }) => ({ batchId, why }));
  }

  async #look(why: Overdue['why'], time: number, find: (looked: Looked) => Finding) {
    const found: (Overdue & { readonly since: number })[] = [];
    for (let offset = 0; ; ) {
      const entries = await this.#server.run((client) => before.run(client, [INDEX[why]], [time, offset, LOT]));
      if (entries.length === 0) break;
      const ids = entries.filter((_, i) => i % 2 === 0).map(String);
      const looked = await this.#server.run((client) => Promise.all(ids.map((id) => lookAt(client, id, why))));
      const revised: string[] = [];
      for (const [i, batchId] of ids.entries()) {
        const seen = String(entries[2 * i + 1]);
        const finding = findingOf(looked[i] as Looked, Number(seen), time, find);
        if (finding === 'over') revised.push(batchId, seen, '');
        else if ('until' in finding && finding.until > Number(seen)) revised.push(batchId, seen, String(finding.until));
        if (finding !== 'over' && 'since' in finding) found.push({ batchId, why, since: finding.since });
        // What stays below the time is passed over.
        if (finding !== 'over' && !('until' in finding && finding.until >= time)) offset++;
      }
      if (revised.length > 0) await this.#server.run((client) => revise.run(client, [INDEX[why]], revised));
      if (entries.length < 2 * LOT) break;
    }
    return found.sort((one, other) => one.since - other.since);
  }
}

async function lookAt(client: Client, batchId: string, why: Overdue['why']): Promise<Looked> {
  const keys = keysOf(batchId);
  const [[record = null, relay = null], entries] = await Promise.all([
    client.hmgetBuffer(keys.batch, 'record', 'relay'),
    why === 'outbox' ? client.zrangeBuffer(keys.outbox, '0', '0') : [],
  ]);
  const [oldest] = entries;
  return {
    record: record === null ? undefined : recordFrom(record),
    relay: Number(relay?.toString() ?? 0),
    oldest: oldest && entryFrom(oldest).at,
  };
}

function findingOf(looked: Looked, seen: number, time: number, find: (looked: Looked) => Finding): Finding {
  if (looked.record) return find(looked);
  return seen < time - MAKING_MS ? 'over' : { until: seen };
}

function findOutbox({ record, relay, oldest }: Looked, time: number, now: number): Finding {
  if (oldest === undefined) return record?.finishedAt === undefined ? { until: now } : 'over';
  return oldest < time && relay < now ? { since: oldest } : { until: oldest };
}

function findUnsealed({ record }: Looked, time: number): Finding {
  if (!record || record.sealed || record.parent || record.finishedAt !== undefined) return 'over';
  return record.updatedAt < time ? { since: record.updatedAt } : { until: record.updatedAt };
}

function findIdle({ record }: Looked, time: number): Finding {
  if (!record || record.finishedAt !== undefined) return 'over';
  const { sealed, started, updatedAt } = record;
  return sealed && started && updatedAt < time ? { since: updatedAt } : { until: updatedAt };
}

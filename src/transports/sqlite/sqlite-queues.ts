import type { QueueAccess, QueueStats } from '../../contracts/transport.js';
import type { Connection } from './sqlite-connection.js';
import { isDone } from './sqlite-lease.js';
import { lastUsed, spanOf, trim } from './sqlite-log.js';

interface Parts {
  readonly connection: () => Promise<Connection>;
  readonly now: () => number;
}

export class SqliteQueues implements QueueAccess {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async stats(): Promise<readonly QueueStats[]> {
    const connection = await this.#parts.connection();
    return connection.read(() => {
      const rows = connection.database.prepare(GROUPS).all() as unknown as Group[];
      const now = this.#parts.now();
      return rows.map((row) => statsOf(row, connection, now));
    });
  }

  async purge(name: string): Promise<number> {
    const { database, statements, writer } = await this.#parts.connection();
    const count = database.prepare('SELECT count(*) AS n FROM message WHERE id > ? AND id <= ?');
    // Of those the log still counts for a slower group, and of several groups' copies, a message is one.
    const others = database.prepare(
      'SELECT count(DISTINCT message) AS n FROM parcel WHERE queue = ? AND owner IS NULL AND message <= ?',
    );
    const parcels = database.prepare('DELETE FROM parcel WHERE queue = ? AND owner IS NULL');
    const scheduled = database.prepare('DELETE FROM scheduled WHERE queue = ?');
    const cursors = database.prepare('UPDATE subscription SET cursor = ? WHERE queue = ?');
    const slowest = database.prepare('SELECT min(cursor) AS cursor FROM subscription WHERE queue = ?');
    const used = database.prepare('UPDATE queue SET used = ? WHERE id = ?');
    const purge = () => {
      const queue = statements.queueByName.get(name) as { id: number } | undefined;
      if (!queue) return 0;
      const { before, last } = spanOf(queue.id);
      const { cursor } = slowest.get(queue.id) as { cursor: number | null };
      const end = lastUsed(statements, queue.id);
      const waiting = (count.get(cursor ?? before, last) as { n: number }).n;
      const { n: counted } = others.get(queue.id, cursor ?? end) as { n: number };
      parcels.run(queue.id);
      used.run(end, queue.id);
      cursors.run(end, queue.id);
      if (cursor === null) statements.trimLog.run(before, last);
      else trim(statements, queue.id);
      return waiting + counted + Number(scheduled.run(queue.id).changes);
    };
    return writer.run(purge, { durable: true });
  }
}

function statsOf({ id, name, grp, cursor }: Group, { database, statements }: Connection, now: number): QueueStats {
  const facts = database.prepare(FACTS).get(id, grp, now, cursor === null ? 0 : 1) as unknown as Facts;
  const leases = database
    .prepare('SELECT first, last, done FROM lease WHERE queue = ? AND grp = ?')
    .all(id, grp) as Lease[];
  const inRanges = leases.reduce((sum, lease) => sum + openIn(lease), 0);
  let inLog = 0;
  let oldestAt = facts.oldest ?? Number.POSITIVE_INFINITY;
  if (cursor !== null) {
    const [oldest] = statements.readLog.all(cursor, spanOf(id).last, 1) as { published_at: number }[];
    // Ids of one queue have no gaps beyond the cursor, so the log need not be counted row by row.
    inLog = Math.max(0, lastUsed(statements, id) - cursor);
    oldestAt = Math.min(oldestAt, oldest?.published_at ?? Number.POSITIVE_INFINITY);
  }
  return {
    queue: name,
    group: grp,
    depth: inLog + facts.ready,
    inFlight: inRanges + facts.held,
    delayed: facts.waiting,
    dead: facts.dead,
    oldestAgeMs: Number.isFinite(oldestAt) ? Math.max(0, now - oldestAt) : undefined,
    nextRetryMs: facts.next_retry === null ? undefined : Math.max(0, facts.next_retry - now),
  };
}

interface Group {
  readonly id: number;
  readonly name: string;
  readonly grp: string;
  /** Null where the group has parcels or dead letters, but is not registered: the log passes it by. */
  readonly cursor: number | null;
}

interface Lease {
  readonly first: number;
  readonly last: number;
  readonly done: Uint8Array;
}

interface Facts {
  readonly ready: number;
  readonly oldest: number | null;
  readonly held: number;
  readonly waiting: number;
  readonly next_retry: number | null;
  readonly dead: number;
}

/** A queue nobody has registered for yet still holds what was published to it, as the group ''. */
const GROUPS = `
  SELECT q.id, q.name, coalesce(s.grp, '') AS grp, coalesce(s.cursor, q.used) AS cursor
    FROM queue q LEFT JOIN subscription s ON s.queue = q.id
  UNION ALL
  SELECT q.id, q.name, o.grp, NULL
    FROM (
      SELECT queue, grp FROM parcel WHERE owner IS NULL
      UNION SELECT queue, grp FROM parcel WHERE owner IS NOT NULL
      UNION SELECT queue, grp FROM dead
    ) o JOIN queue q ON q.id = o.queue
    WHERE NOT EXISTS (SELECT 1 FROM subscription s WHERE s.queue = o.queue AND s.grp = o.grp)
  ORDER BY 2, 3`;

/** queue, group, now, 1 where what is scheduled comes to the group as well. What is due, but not in the log yet, is ready. */
const FACTS = `
  WITH waits AS (
    SELECT due, published_at, attempts FROM parcel WHERE owner IS NULL AND queue = ?1 AND grp = ?2
    UNION ALL SELECT due, published_at, 0 FROM scheduled WHERE queue = ?1 AND ?4
  )
  SELECT
    count(*) FILTER (WHERE due <= ?3) AS ready,
    min(published_at) FILTER (WHERE due <= ?3) AS oldest,
    count(*) FILTER (WHERE due > ?3) AS waiting,
    min(due) FILTER (WHERE due > ?3 AND attempts > 0) AS next_retry,
    (SELECT count(*) FROM parcel WHERE owner IS NOT NULL AND queue = ?1 AND grp = ?2) AS held,
    (SELECT count(*) FROM dead WHERE queue = ?1 AND grp = ?2) AS dead
  FROM waits`;

function openIn({ first, last, done }: Lease): number {
  let open = 0;
  for (let message = first; message <= last; message++) if (!isDone(done, first, message)) open++;
  return open;
}

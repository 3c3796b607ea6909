import type { QueueAccess, QueueStats } from '../../contracts/transport.js';
import type { Database } from './sqlite-driver.js';
import { isDone } from './sqlite-lease.js';
import { lastUsed, spanOf, trim } from './sqlite-log.js';
import type { Statements } from './sqlite-statements.js';
import type { Writer } from './sqlite-writer.js';

interface Parts {
  readonly database: Database;
  readonly statements: Statements;
  readonly writer: Writer;
  readonly now: () => number;
}

export class SqliteQueues implements QueueAccess {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async stats(): Promise<readonly QueueStats[]> {
    const rows = this.#parts.database.prepare(GROUPS).all() as { id: number; name: string; grp: string; cursor: number }[];
    return rows.map((row) => this.#statsOf(row));
  }

  async purge(name: string): Promise<number> {
    const { database, statements, writer } = this.#parts;
    const count = database.prepare('SELECT count(*) AS n FROM message WHERE id > ? AND id <= ?');
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
      used.run(end, queue.id);
      cursors.run(end, queue.id);
      if (cursor === null) statements.trimLog.run(before, last);
      else trim(statements, queue.id);
      return waiting + Number(parcels.run(queue.id).changes) + Number(scheduled.run(queue.id).changes);
    };
    return writer.run(purge, { durable: true });
  }

  #statsOf({ id, name, grp, cursor }: { id: number; name: string; grp: string; cursor: number }): QueueStats {
    const { database, statements, now } = this.#parts;
    const at = now();
    const oldest = statements.readLog.all(cursor, spanOf(id).last, 1) as { published_at: number }[];
    const facts = database.prepare(FACTS).get(id, grp, at) as Facts;
    const leases = database.prepare('SELECT first, last, done FROM lease WHERE queue = ? AND grp = ?').all(id, grp) as Lease[];
    const inRanges = leases.reduce((sum, lease) => sum + openIn(lease), 0);
    // Ids of one queue have no gaps beyond the cursor, so the log need not be counted row by row.
    const inLog = Math.max(0, lastUsed(statements, id) - cursor);
    const oldestAt = Math.min(oldest[0]?.published_at ?? Number.POSITIVE_INFINITY, facts.oldest ?? Number.POSITIVE_INFINITY);
    return {
      queue: name,
      group: grp,
      depth: inLog + facts.ready,
      inFlight: inRanges + facts.held,
      delayed: facts.waiting + facts.scheduled,
      dead: facts.dead,
      oldestAgeMs: Number.isFinite(oldestAt) ? Math.max(0, at - oldestAt) : undefined,
      nextRetryMs: facts.next_retry === null ? undefined : Math.max(0, facts.next_retry - at),
    };
  }
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
  readonly scheduled: number;
  readonly dead: number;
}

/** A queue nobody has registered for yet still holds what was published to it. */
const GROUPS = `
  SELECT q.id, q.name, coalesce(s.grp, '') AS grp, coalesce(s.cursor, q.used) AS cursor
  FROM queue q LEFT JOIN subscription s ON s.queue = q.id ORDER BY q.name, grp`;

/** queue, group, now */
const FACTS = `
  SELECT
    (SELECT count(*) FROM parcel WHERE owner IS NULL AND queue = ?1 AND grp = ?2 AND due <= ?3) AS ready,
    (SELECT min(published_at) FROM parcel WHERE owner IS NULL AND queue = ?1 AND grp = ?2 AND due <= ?3) AS oldest,
    (SELECT count(*) FROM parcel WHERE owner IS NOT NULL AND queue = ?1 AND grp = ?2) AS held,
    (SELECT count(*) FROM parcel WHERE owner IS NULL AND queue = ?1 AND grp = ?2 AND due > ?3) AS waiting,
    (SELECT min(due) FROM parcel WHERE owner IS NULL AND queue = ?1 AND grp = ?2 AND due > ?3 AND attempts > 0) AS next_retry,
    (SELECT count(*) FROM scheduled WHERE queue = ?1) AS scheduled,
    (SELECT count(*) FROM dead WHERE queue = ?1 AND grp = ?2) AS dead`;

function openIn({ first, last, done }: Lease): number {
  let open = 0;
  for (let message = first; message <= last; message++) if (!isDone(done, first, message)) open++;
  return open;
}

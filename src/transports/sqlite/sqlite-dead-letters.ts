import type { DeadLetter, DeadLetterAccess, DeadLetterFilter, DeathReason } from '../../contracts/dead-letter.js';
import type { Connection } from './sqlite-connection.js';
import type { SqlValue } from '../../sqlite/driver.js';

interface Parts {
  readonly connection: () => Promise<Connection>;
  readonly now: () => number;
}

export class SqliteDeadLetters implements DeadLetterAccess {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async list(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetter[]> {
    const { database, read } = await this.#parts.connection();
    const { where, parameters } = conditions(filter);
    const query = database.prepare(`${SELECT} ${where} ORDER BY d.died_at, d.id LIMIT ?`);
    const rows = await read(() => query.all(...parameters, Math.min(limit, Number.MAX_SAFE_INTEGER)));
    return (rows as Row[]).map(toDeadLetter);
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    const { database, read } = await this.#parts.connection();
    const { where, parameters } = conditions(filter);
    const query = database.prepare(`SELECT count(*) AS n FROM dead d JOIN queue q ON q.id = d.queue ${where}`);
    return read(() => (query.get(...parameters) as { n: number }).n);
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    const { database, read } = await this.#parts.connection();
    const query = database.prepare(`${SELECT} WHERE d.id = ?`);
    const row = await read(() => query.get(toNumber(id)) as Row | undefined);
    return row && toDeadLetter(row);
  }

  async retry(ids: readonly string[]): Promise<number> {
    const { database, statements, writer } = await this.#parts.connection();
    const query = database.prepare('SELECT * FROM dead WHERE id = ?');
    const drop = database.prepare('DELETE FROM dead WHERE id = ?');
    const bringBack = () => {
      const now = this.#parts.now();
      let count = 0;
      for (const id of ids) {
        const row = query.get(toNumber(id)) as (Row & { queue: number }) | undefined;
        if (!row) continue;
        const { message, queue, grp, target, body, published_at } = row;
        statements.addParcel.run(message, queue, grp, target, body, published_at, 0, 0, now, null, null);
        drop.run(row.id);
        count++;
      }
      return count;
    };
    return writer.run(bringBack, { durable: true });
  }

  async forget(ids: readonly string[]): Promise<number> {
    const { database, writer } = await this.#parts.connection();
    const drop = database.prepare('DELETE FROM dead WHERE id = ?');
    const forget = () => ids.reduce((count, id) => count + Number(drop.run(toNumber(id)).changes), 0);
    return writer.run(forget, { durable: true });
  }
}

const SELECT = 'SELECT d.*, q.name AS queue_name FROM dead d JOIN queue q ON q.id = d.queue';

interface Row {
  readonly id: number;
  readonly message: number;
  readonly queue_name: string;
  readonly grp: string;
  readonly target: string | null;
  readonly reason: DeathReason;
  readonly error: string;
  readonly event: string | null;
  readonly event_id: string | null;
  readonly attempts: number;
  readonly body: Uint8Array;
  readonly published_at: number;
  readonly died_at: number;
}

function toDeadLetter(row: Row): DeadLetter {
  return {
    id: String(row.id),
    queue: row.queue_name,
    group: row.grp,
    target: row.target ?? undefined,
    reason: row.reason,
    error: row.error,
    attempts: row.attempts,
    event: row.event ?? undefined,
    eventId: row.event_id ?? undefined,
    publishedAt: row.published_at,
    diedAt: row.died_at,
    body: row.body,
  };
}

/** Ids come from people: what is not one of ours names nothing. */
function toNumber(id: string): number {
  return /^\d{1,15}$/.test(id) ? Number(id) : -1;
}

function conditions(filter: DeadLetterFilter): { where: string; parameters: SqlValue[] } {
  const parts: string[] = [];
  const parameters: SqlValue[] = [];
  const add = (sql: string, value: SqlValue | undefined) => {
    if (value === undefined) return;
    parts.push(sql);
    parameters.push(value);
  };
  add('d.event = ?', filter.event);
  add('q.name = ?', filter.queue);
  add('d.grp = ?', filter.group);
  add('d.died_at >= ?', filter.since);
  return { where: parts.length > 0 ? `WHERE ${parts.join(' AND ')}` : '', parameters };
}

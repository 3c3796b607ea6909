import { SUSPECT_CRASHES } from '../../contracts/delivery.js';
import type { Database, Statement } from '../../sqlite/driver.js';
import { QUEUE_SPAN } from './sqlite-schema.js';

/** Rows of one {@link Statements.addMessages}. */
export const ROWS_AT_ONCE = 16;

const LAST_USED = `max(
  q.used,
  coalesce((SELECT max(cursor) FROM subscription WHERE queue = q.id), 0),
  coalesce((SELECT id FROM message WHERE id > q.id * ${QUEUE_SPAN} AND id < (q.id + 1) * ${QUEUE_SPAN} ORDER BY id DESC LIMIT 1), 0)
)`;

/** Every statement of the message path, prepared once a connection. Parameters are named in each one's comment. */
export function prepareStatements(database: Database) {
  const prepare = (sql: string): Statement => database.prepare(sql);
  return {
    /** name → {id} */
    queueByName: prepare('SELECT id FROM queue WHERE name = ?'),
    /** name */
    addQueue: prepare(
      `INSERT INTO queue (id, name, used) SELECT n, ?, n * ${QUEUE_SPAN} FROM (SELECT coalesce(max(id), 0) + 1 AS n FROM queue)`,
    ),
    /** queue → {used}: the last id the queue has given away */
    lastUsed: prepare(`SELECT ${LAST_USED} AS used FROM queue q WHERE q.id = ?`),
    /** name → {id, used} */
    endOfQueue: prepare(`SELECT q.id, ${LAST_USED} AS used FROM queue q WHERE q.name = ?`),
    /** id, body, published_at. The driver of Node 22 binds a body of no bytes as NULL; it is to stay a body. */
    addMessage: prepare(`INSERT INTO message (id, body, published_at) VALUES (?, coalesce(?, x''), ?)`),
    /** The same, so many times over: half of an insert is the call of its statement. */
    addMessages: prepare(
      `INSERT INTO message (id, body, published_at) VALUES ${Array(ROWS_AT_ONCE).fill(`(?, coalesce(?, x''), ?)`).join()}`,
    ),
    /** queue, body, published_at, due */
    addScheduled: prepare(`INSERT INTO scheduled (queue, body, published_at, due) VALUES (?, coalesce(?, x''), ?, ?)`),
    /** queue, now → rows to move into the log */
    dueScheduled: prepare(
      'SELECT id, body, published_at FROM scheduled WHERE queue = ? AND due <= ? ORDER BY due, id LIMIT 1000',
    ),
    /** id */
    dropScheduled: prepare('DELETE FROM scheduled WHERE id = ?'),

    /** queue → {n, used}: how many groups the queue has, and the last id that was given away and deleted before any */
    countGroups: prepare(
      'SELECT count(s.grp) AS n, q.used FROM queue q LEFT JOIN subscription s ON s.queue = q.id WHERE q.id = ?',
    ),
    /** queue, group, cursor */
    addGroup: prepare('INSERT OR IGNORE INTO subscription (queue, grp, cursor) VALUES (?, ?, ?)'),
    /** queue, group → {cursor} */
    cursor: prepare('SELECT cursor FROM subscription WHERE queue = ? AND grp = ?'),
    /** cursor, queue, group */
    moveCursor: prepare('UPDATE subscription SET cursor = ? WHERE queue = ? AND grp = ?'),
    /** after, up to, limit */
    readLog: prepare('SELECT id, body, published_at FROM message WHERE id > ? AND id <= ? ORDER BY id LIMIT ?'),
    /** queue, group, up to, limit → one row for the whole batch after the cursor; NULLs when there is none */
    readLogBatch: prepare(
      `SELECT CAST(group_concat(body, '') AS BLOB) AS bodies, min(id) AS first, max(id) AS last, group_concat(id) AS ids,
         group_concat(length(body)) AS lengths, group_concat(published_at) AS times
       FROM (
         SELECT id, CAST(body AS BLOB) AS body, published_at FROM message
         WHERE id > (SELECT cursor FROM subscription WHERE queue = ? AND grp = ?) AND id <= ? ORDER BY id LIMIT ?
       )`,
    ),
    /** after, up to → {id} of the oldest when there is one */
    anyInLog: prepare('SELECT id FROM message WHERE id > ? AND id <= ? ORDER BY id LIMIT 1'),
    /** queue, group, owner → {due, expiry}: when something will be due, and when a lease of someone else runs out */
    nextTimes: prepare(
      `SELECT
         (SELECT min(at) FROM (
           SELECT min(due) AS at FROM parcel WHERE owner IS NULL AND queue = ?1 AND grp = ?2
           UNION ALL SELECT min(due) FROM scheduled WHERE queue = ?1
         )) AS due,
         (SELECT min(at) FROM (
           SELECT min(until) AS at FROM parcel WHERE owner IS NOT NULL AND queue = ?1 AND grp = ?2 AND owner <> ?3
           UNION ALL SELECT min(until) FROM lease WHERE queue = ?1 AND grp = ?2 AND owner <> ?3
         )) AS expiry`,
    ),

    /** token, queue, group, owner, first, last, done, until */
    addLease: prepare(
      'INSERT INTO lease (token, queue, grp, owner, first, last, done, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    ),
    /** done, token */
    markLease: prepare('UPDATE lease SET done = ? WHERE token = ?'),
    /** token */
    dropLease: prepare('DELETE FROM lease WHERE token = ?'),
    /** until, owner */
    extendLeases: prepare('UPDATE lease SET until = ? WHERE owner = ?'),
    /** until, queue, group, until */
    shortenLeases: prepare('UPDATE lease SET until = ? WHERE queue = ? AND grp = ? AND until > ?'),
    /** queue, group, now, owner → those of others */
    expiredLeases: prepare(
      'SELECT token, first, last, done FROM lease WHERE queue = ? AND grp = ? AND until <= ? AND owner <> ? ORDER BY first',
    ),
    /** queue → {low}: every group is past this id and holds no range before it; NULL without a group */
    lowWater: prepare(
      `SELECT min(at) AS low FROM (
         SELECT min(cursor) AS at FROM subscription WHERE queue = ?1
         UNION ALL SELECT min(first) - 1 FROM lease WHERE queue = ?1
       ) WHERE at IS NOT NULL`,
    ),
    /** after, up to */
    trimLog: prepare('DELETE FROM message WHERE id > ? AND id <= ?'),

    /** message, queue, group, target, body, published_at, attempts, crashes, due, owner, until */
    addParcel: prepare(
      `INSERT INTO parcel (message, queue, grp, target, body, published_at, attempts, crashes, due, owner, until)
       VALUES (?, ?, ?, ?, coalesce(?, x''), ?, ?, ?, ?, ?, ?)`,
    ),
    /** owner, until, queue, group, now, limit */
    claimParcels: prepare(
      `UPDATE parcel SET owner = ?, until = ?, attempts = attempts + 1
       WHERE id IN (SELECT id FROM parcel WHERE owner IS NULL AND queue = ? AND grp = ? AND due <= ? ORDER BY due, id LIMIT ?)
       RETURNING id, message, target, body, published_at, attempts, crashes, due`,
    ),
    /** queue, group, now → {id} when there is one */
    anyParcelDue: prepare('SELECT id FROM parcel WHERE owner IS NULL AND queue = ? AND grp = ? AND due <= ? LIMIT 1'),
    /** id, owner, attempts */
    dropParcel: prepare('DELETE FROM parcel WHERE id = ? AND owner = ? AND attempts = ?'),
    /** crashes, due, id, owner, attempts */
    freeParcel: prepare(
      `UPDATE parcel SET owner = NULL, until = NULL, attempts = attempts - 1, crashes = ?, due = ?
       WHERE id = ? AND owner = ? AND attempts = ?`,
    ),
    /** id, owner, attempts: the crash of a suspect is counted ahead */
    beginParcel: prepare('UPDATE parcel SET crashes = crashes + 1 WHERE id = ? AND owner = ? AND attempts = ?'),
    /** until, queue, group, owner */
    extendParcels: prepare('UPDATE parcel SET until = ? WHERE queue = ? AND grp = ? AND owner = ?'),
    /** until, queue, group, until */
    shortenParcels: prepare(
      'UPDATE parcel SET until = ? WHERE owner IS NOT NULL AND queue = ? AND grp = ? AND until > ?',
    ),
    /** queue, group, owner → ids still held */
    heldParcels: prepare('SELECT id, attempts FROM parcel WHERE queue = ? AND grp = ? AND owner = ?'),
    /** now, queue, group, now, owner: those of others */
    reapParcels: prepare(
      `UPDATE parcel SET owner = NULL, until = NULL, crashes = crashes + (crashes < ${SUSPECT_CRASHES}), due = ?
       WHERE owner IS NOT NULL AND queue = ? AND grp = ? AND until <= ? AND owner <> ?`,
    ),

    /** message, queue, group, target, reason, error, event, event_id, attempts, body, published_at, died_at */
    addDead: prepare(
      `INSERT INTO dead (message, queue, grp, target, reason, error, event, event_id, attempts, body, published_at, died_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce(?, x''), ?, ?)`,
    ),
  };
}

export type Statements = ReturnType<typeof prepareStatements>;

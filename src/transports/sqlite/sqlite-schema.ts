import { ThrunError } from '../../contracts/errors.js';
import type { Database } from './sqlite-driver.js';

const VERSION = 1;

/**
 * A message's id is its queue's number times 2^40 plus its place in that queue. One queue's messages so lie together
 * in the table's own b-tree, in order: reading a batch is one range scan, without a second index to keep.
 */
export const QUEUE_SPAN = 2 ** 40;

const SCHEMA = `
-- One row of facts about this file.
CREATE TABLE store (version INTEGER NOT NULL, uuid TEXT NOT NULL);

CREATE TABLE queue (
  id INTEGER PRIMARY KEY CHECK (id < 8192),
  name TEXT NOT NULL UNIQUE,
  -- Ids up to here were used, though neither a message nor a cursor may tell any more.
  used INTEGER NOT NULL
);

-- The log: every message once, however many groups read it. Deleted when all of them are past it.
CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  body BLOB NOT NULL,
  published_at INTEGER NOT NULL
);

-- How far each group has claimed.
CREATE TABLE subscription (
  queue INTEGER NOT NULL,
  grp TEXT NOT NULL,
  cursor INTEGER NOT NULL,
  PRIMARY KEY (queue, grp)
) WITHOUT ROWID;

-- A claimed range of the log: one row for a whole batch. done has a bit for each message that is settled.
CREATE TABLE lease (
  token INTEGER PRIMARY KEY,
  queue INTEGER NOT NULL,
  grp TEXT NOT NULL,
  owner TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  done BLOB NOT NULL,
  until INTEGER NOT NULL
);

-- Deliveries that left the log and are followed one by one: retries, what a dead worker held, what runs for long.
CREATE TABLE parcel (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  message INTEGER NOT NULL,
  queue INTEGER NOT NULL,
  grp TEXT NOT NULL,
  target TEXT,
  body BLOB NOT NULL,
  published_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  due INTEGER NOT NULL,
  -- Who holds it, until when; NULL: nobody. Together with attempts this is the fencing token.
  owner TEXT,
  until INTEGER
);
CREATE INDEX parcel_free ON parcel (queue, grp, due, id) WHERE owner IS NULL;
CREATE INDEX parcel_held ON parcel (owner, until) WHERE owner IS NOT NULL;

-- First deliveries held back until they are due; then they join the log.
CREATE TABLE scheduled (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue INTEGER NOT NULL,
  body BLOB NOT NULL,
  published_at INTEGER NOT NULL,
  due INTEGER NOT NULL
);
CREATE INDEX scheduled_due ON scheduled (queue, due, id);

CREATE TABLE dead (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  message INTEGER NOT NULL,
  queue INTEGER NOT NULL,
  grp TEXT NOT NULL,
  target TEXT,
  reason TEXT NOT NULL,
  error TEXT NOT NULL,
  event TEXT,
  event_id TEXT,
  attempts INTEGER NOT NULL,
  body BLOB NOT NULL,
  published_at INTEGER NOT NULL,
  died_at INTEGER NOT NULL
);
CREATE INDEX dead_at ON dead (died_at);

-- The door for other programs: INSERT INTO publish (queue, envelope) VALUES ('events', '{"event":"…"}')
CREATE VIEW publish AS SELECT NULL AS queue, NULL AS envelope WHERE 0;
CREATE TRIGGER publish_insert INSTEAD OF INSERT ON publish BEGIN
  INSERT OR IGNORE INTO queue (id, name, used)
    SELECT n, coalesce(NEW.queue, 'events'), n * ${QUEUE_SPAN} FROM (SELECT coalesce(max(id), 0) + 1 AS n FROM queue);
  INSERT INTO message (id, body, published_at)
    SELECT 1 + max(
        q.used,
        coalesce((SELECT max(cursor) FROM subscription WHERE queue = q.id), 0),
        coalesce((SELECT id FROM message WHERE id > q.id * ${QUEUE_SPAN} AND id < (q.id + 1) * ${QUEUE_SPAN} ORDER BY id DESC LIMIT 1), 0)
      ),
      CAST(NEW.envelope AS BLOB),
      CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)
    FROM queue q WHERE q.name = coalesce(NEW.queue, 'events');
END;
`;

/**
 * Makes a connection ready: settings, and the tables on a new file. Waits for other processes that do the same.
 * @returns the file's own id
 */
export function prepareDatabase(database: Database, path: string, durability: 'full' | 'normal'): string {
  database.exec('PRAGMA busy_timeout = 10000');
  if (userTables(database) === 0) database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  database.exec('PRAGMA journal_mode = WAL');
  database.exec(`PRAGMA synchronous = ${durability}`);
  database.exec('PRAGMA journal_size_limit = 67108864');
  database.exec('PRAGMA temp_store = MEMORY');
  database.exec('PRAGMA cache_size = -16384');
  database.exec('BEGIN IMMEDIATE');
  try {
    if (userTables(database) === 0) create(database);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
  // From here on nobody waits inside SQLite: that would stop the whole process. The writer tries again instead.
  database.exec('PRAGMA busy_timeout = 0');
  return identify(database, path);
}

function userTables(database: Database): number {
  const row = database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table'").get() as { n: number };
  return row.n;
}

function create(database: Database): void {
  database.exec(SCHEMA);
  database.prepare('INSERT INTO store (version, uuid) VALUES (?, ?)').run(VERSION, crypto.randomUUID());
}

function identify(database: Database, path: string): string {
  let row: { version: number; uuid: string } | undefined;
  try {
    row = database.prepare('SELECT version, uuid FROM store').get() as typeof row;
  } catch (cause) {
    throw new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', ['sqlite', `${path} is a database, but not one of thrun's`], { cause });
  }
  if (row?.version === VERSION) return row.uuid;
  throw new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', [
    'sqlite',
    `${path} has format ${row?.version ?? 'unknown'}, this thrun reads ${VERSION}; use the thrun that wrote it, or another file`,
  ]);
}

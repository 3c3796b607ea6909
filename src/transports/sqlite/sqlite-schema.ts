import { ThrunError } from '../../contracts/errors.js';
import { type Database, isBusy, sqliteCode } from '../../sqlite/driver.js';

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
-- A group that is struck off by hand takes with it what told which ids are used.
CREATE TRIGGER subscription_gone AFTER DELETE ON subscription BEGIN
  UPDATE queue SET used = max(used, OLD.cursor) WHERE id = OLD.queue;
END;

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
CREATE INDEX parcel_held ON parcel (queue, grp, until) WHERE owner IS NOT NULL;

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
  SELECT RAISE(ABORT, 'envelope is missing') WHERE NEW.envelope IS NULL;
  -- No config can name another queue, so nobody could consume from it. (The rarer white space is not looked for.)
  SELECT RAISE(ABORT, 'queue is no name: 1 to 255 bytes without white space, control characters and *')
    WHERE length(CAST(NEW.queue AS BLOB)) NOT BETWEEN 1 AND 255
      OR NEW.queue GLOB '*[' || char(1) || '-' || char(32) || '*' || char(127) || '-' || char(160) || ']*';
  -- Not INSERT OR IGNORE: an OR of the statement that fires this would take its place, and OR REPLACE lose the queue.
  INSERT INTO queue (id, name, used)
    SELECT n, coalesce(NEW.queue, 'events'), n * ${QUEUE_SPAN} FROM (SELECT coalesce(max(id), 0) + 1 AS n FROM queue)
    WHERE NOT EXISTS (SELECT 1 FROM queue WHERE name = coalesce(NEW.queue, 'events'));
  SELECT RAISE(ABORT, 'there are too many queues') WHERE NOT EXISTS (SELECT 1 FROM queue WHERE name = coalesce(NEW.queue, 'events'));
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

/** Creating and recovering a file are short; whoever opens it meanwhile waits for that. */
const OPEN_BUSY_MS = 10_000;

/**
 * Makes a connection ready: settings, and the tables on a new file. Waits for other processes that do the same. A file
 * that is not thrun's is left as it was.
 * @returns the file's own id
 */
export function prepareDatabase(database: Database, path: string, durability: 'full' | 'normal'): string {
  database.exec(`PRAGMA busy_timeout = ${OPEN_BUSY_MS}`);
  if (isEmpty(database)) create(database);
  const id = identify(database, path);
  useWal(database);
  database.exec(`PRAGMA synchronous = ${durability}`);
  database.exec('PRAGMA journal_size_limit = 67108864');
  database.exec('PRAGMA temp_store = MEMORY');
  database.exec('PRAGMA cache_size = -16384');
  // From here on nobody waits inside SQLite: that would stop the whole process. The writer tries again instead.
  database.exec('PRAGMA busy_timeout = 0');
  return id;
}

function isEmpty(database: Database): boolean {
  const { n } = database.prepare('SELECT count(*) AS n FROM sqlite_schema').get() as { n: number };
  return n === 0;
}

function create(database: Database): void {
  database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  useWal(database);
  database.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have been quicker.
    if (isEmpty(database)) {
      database.exec(SCHEMA);
      database.prepare('INSERT INTO store (version, uuid) VALUES (?, ?)').run(VERSION, crypto.randomUUID());
    }
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

/** Two that switch a new file at once make one of them fail, and SQLite does not wait by itself here. */
function useWal(database: Database): void {
  const giveUpAt = performance.now() + OPEN_BUSY_MS;
  for (;;) {
    try {
      const { journal_mode } = database.prepare('PRAGMA journal_mode = WAL').get() as { journal_mode: string };
      if (journal_mode === 'wal') return;
      throw new Error(
        `the write-ahead log cannot be used here (journal_mode stays ${journal_mode}); put the file on a local disk`,
      );
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function identify(database: Database, path: string): string {
  let row: { version: number; uuid: string } | undefined;
  try {
    row = database.prepare('SELECT version, uuid FROM store').get() as typeof row;
  } catch (cause) {
    if (sqliteCode(cause) !== SQL_ERROR) throw cause;
    throw new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', ['sqlite', `${path} is a database, but not one of thrun's`], {
      cause,
    });
  }
  if (row?.version === VERSION) return row.uuid;
  throw new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', [
    'sqlite',
    `${path} has format ${row?.version ?? 'unknown'}, this thrun reads ${VERSION}; use the thrun that wrote it, or another file`,
  ]);
}

/** No such table or column, among others. */
const SQL_ERROR = 1;

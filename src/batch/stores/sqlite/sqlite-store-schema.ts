import { ThrunError } from '../../../contracts/errors.js';
import type { Database } from '../../../sqlite/driver.js';

const VERSION = 1;

/** A job's state as it is stored, by its place here. Never to be reordered. */
export const STATES = ['waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped'] as const;

const SCHEMA = `
CREATE TABLE store (version INTEGER NOT NULL);

CREATE TABLE batch (
  n INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  -- The whole record as JSON; the columns beside it are what is searched by.
  record TEXT NOT NULL,
  name TEXT,
  status TEXT NOT NULL,
  -- The outermost batch has none.
  parent TEXT,
  -- Sealed, and (nested) its turn has come.
  live INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  finished_at INTEGER,
  -- Until when a relay has it.
  relay_until INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX batch_created ON batch (created_at) WHERE parent IS NULL;
CREATE INDEX batch_open ON batch (updated_at) WHERE finished_at IS NULL AND live = 1;
CREATE INDEX batch_finished ON batch (finished_at) WHERE finished_at IS NOT NULL AND parent IS NULL;
CREATE INDEX batch_parent ON batch (parent) WHERE parent IS NOT NULL;

CREATE TABLE job (
  batch INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  id TEXT NOT NULL,
  stage INTEGER NOT NULL,
  event TEXT NOT NULL,
  payload TEXT NOT NULL,
  queue TEXT,
  -- This and the error: a JSON string.
  key TEXT,
  child TEXT,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  adds INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  result TEXT,
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (batch, idx)
) WITHOUT ROWID;
CREATE UNIQUE INDEX job_id ON job (batch, id);
-- The first stage that waits is found without looking at what has run.
CREATE INDEX job_waiting ON job (batch, stage, idx) WHERE state = 0;

CREATE TABLE outbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  batch INTEGER NOT NULL,
  at INTEGER NOT NULL,
  out TEXT NOT NULL
);
CREATE INDEX outbox_batch ON outbox (batch, seq);
`;

/** Sets the connection up, and a new file too. @throws {ThrunError} THRUN_STORE_UNAVAILABLE for a file that is something else */
export function prepareStore(database: Database, path: string, durability: 'full' | 'normal'): void {
  // Only here, where nothing else goes on yet; later the writer waits, never SQLite.
  database.exec('PRAGMA busy_timeout = 5000');
  database.exec('PRAGMA journal_mode = WAL');
  database.exec(`PRAGMA synchronous = ${durability === 'full' ? 'FULL' : 'NORMAL'}`);
  database.exec('PRAGMA journal_size_limit = 67108864');
  database.exec('BEGIN IMMEDIATE');
  try {
    const known = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
    if (known.length === 0) {
      database.exec(SCHEMA);
      database.prepare('INSERT INTO store (version) VALUES (?)').run(VERSION);
    } else if (!known.some(({ name }) => name === 'outbox')) {
      throw new ThrunError('THRUN_STORE_UNAVAILABLE', ['sqlite', `${path} is a database of something else`]);
    } else checkVersion(database, path);
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
  database.exec('PRAGMA busy_timeout = 0');
}

function checkVersion(database: Database, path: string): void {
  const { version } = database.prepare('SELECT version FROM store').get() as { version: number };
  if (version === VERSION) return;
  throw new ThrunError('THRUN_STORE_UNAVAILABLE', [
    'sqlite',
    `${path} was written by another version of thrun (format ${version}, this one reads ${VERSION})`,
  ]);
}

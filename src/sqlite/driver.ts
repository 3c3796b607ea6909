import { ThrunError } from '../contracts/errors.js';

/** What thrun uses of the `node:sqlite` API; `@photostructure/sqlite` has the same. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

export interface Statement {
  run(...parameters: SqlValue[]): { changes: number | bigint; lastInsertRowid: number | bigint };
  get(...parameters: SqlValue[]): unknown;
  all(...parameters: SqlValue[]): unknown[];
}

export type SqlValue = null | number | string | Uint8Array;

interface Driver {
  readonly DatabaseSync: new (path: string) => Database;
}

/** Several processes writing one WAL file could corrupt it before this version (sqlite.org/wal.html#walresetbug). */
const OLDEST_SAFE = [3, 51, 3] as const;

let chosen: Promise<Driver> | undefined;

/** The built-in driver where it is recent enough, else the prebuilt one from the registry. Chosen once a process. */
export async function openDatabase(path: string): Promise<Database> {
  chosen ??= chooseDriver();
  const { DatabaseSync } = await chosen;
  return new DatabaseSync(path);
}

async function chooseDriver(): Promise<Driver> {
  const builtIn = await importQuietly('node:sqlite');
  const builtInVersion = builtIn && versionOf(builtIn);
  if (builtIn && builtInVersion && isSafe(builtInVersion)) return builtIn;
  const packaged = await importQuietly('@photostructure/sqlite');
  if (packaged) return packaged;
  throw new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', [
    'sqlite',
    builtInVersion
      ? `this Node carries SQLite ${builtInVersion}, which can corrupt a file shared by processes; install @photostructure/sqlite or a newer Node`
      : 'this Node has no SQLite of its own; install the optional dependency @photostructure/sqlite, or use Node 24',
  ]);
}

/** Undefined where it is not installed. Node 22 calls its own an experiment; that is no news to our users. */
async function importQuietly(name: string): Promise<Driver | undefined> {
  const emitWarning = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    if (!String(warning).includes('SQLite')) emitWarning.call(process, warning, ...rest);
  }) as typeof process.emitWarning;
  try {
    return (await import(name)) as Driver;
  } catch {
    return undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function versionOf({ DatabaseSync }: Driver): string {
  const database = new DatabaseSync(':memory:');
  const version = sqliteVersion(database);
  database.close();
  return version;
}

export function sqliteVersion(database: Database): string {
  const row = database.prepare('SELECT sqlite_version() AS version').get() as { version: string };
  return row.version;
}

function isSafe(version: string): boolean {
  const parts = version.split('.').map(Number);
  for (const [i, least] of OLDEST_SAFE.entries()) {
    const part = parts[i] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const BUSY = 5;
const LOCKED = 6;
/** No memory, read-only, input/output error, full, cannot open. */
const PASSING: ReadonlySet<number | undefined> = new Set([7, 8, 10, 13, 14]);

/** Another process holds the lock: nothing is wrong, it is to be tried again. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === BUSY || code === LOCKED;
}

/** The disk, or the right to write to it, is to blame: it works again once somebody has seen to that. */
export function isPassing(error: unknown): boolean {
  return PASSING.has(sqliteCode(error));
}

/** The primary result code of the error, or of what caused it; undefined: it is not SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  const { errcode, cause } = (error ?? {}) as { errcode?: unknown; cause?: unknown };
  if (typeof errcode === 'number') return errcode & 0xff;
  return cause === undefined ? undefined : sqliteCode(cause);
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/contracts/clock.js';
import type { ConsumeOptions, Consumer, Transport } from '../../../src/contracts/transport.js';
import { type Database, openDatabase } from '../../../src/sqlite/driver.js';
import type { SqliteOptions } from '../../../src/transports/sqlite/sqlite-options.js';
import { SqliteTransport } from '../../../src/transports/sqlite/sqlite-transport.js';

/** Where a database may be made; gone after the test. */
export async function newPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'thrun-sqlite-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'thrun.db');
}

export async function openTransport(
  path: string,
  options: Partial<SqliteOptions> = {},
  clock?: Clock,
): Promise<SqliteTransport> {
  const transport = new SqliteTransport({ path, ...options }, clock);
  onTestFinished(() => transport.close());
  await transport.open();
  return transport;
}

export function consume(transport: Transport, more: Partial<ConsumeOptions> = {}): Promise<Consumer> {
  return transport.consume({
    queue: 'events',
    group: 'workers',
    visibilityMs: 30_000,
    onNotice: () => undefined,
    ...more,
  });
}

/** The file as another program sees it. Closing it early is fine. */
export async function raw(path: string): Promise<Database> {
  const database = await openDatabase(path);
  let isOpen = true;
  const close = () => {
    if (isOpen) database.close();
    isOpen = false;
  };
  onTestFinished(close);
  database.exec('PRAGMA busy_timeout = 5000');
  return { exec: (sql) => database.exec(sql), prepare: (sql) => database.prepare(sql), close };
}

export function count(database: Database, table: string): number {
  return (database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
}

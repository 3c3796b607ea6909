import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { load } from './contenders/build.mjs';

/** What the figures depend on. */
export async function machineFacts(dist, folder) {
  const [{ model } = { model: 'unknown' }] = cpus();
  return {
    cores: availableParallelism(),
    cpu: model.trim(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    sqlite: await sqliteVersion(dist),
    syncsPerSecond: Math.round(syncsPerSecond(folder)),
    peers: Object.fromEntries(
      ['better-sqlite3-12', 'better-sqlite3', 'plainjob', 'liteque'].map((name) => [name, version(name)]),
    ),
  };
}

async function sqliteVersion(dist) {
  const { openDatabase } = await load(dist, 'sqlite/driver.js');
  const database = await openDatabase(':memory:');
  const { version } = database.prepare('SELECT sqlite_version() AS version').get();
  database.close();
  return version;
}

function version(name) {
  const root = new URL(`node_modules/${name}/package.json`, import.meta.url);
  try {
    return JSON.parse(readFileSync(root, 'utf8')).version;
  } catch {
    return 'not installed';
  }
}

/** How often the disk can be made to keep 4 KiB: what FULL costs. */
function syncsPerSecond(folder) {
  const file = openSync(join(folder, 'sync-test'), 'w');
  const page = Buffer.alloc(4096);
  const start = performance.now();
  let count = 0;
  while (performance.now() < start + 500) {
    writeSync(file, page, 0, page.length, (count++ % 256) * page.length);
    fdatasyncSync(file);
  }
  closeSync(file);
  return (count * 1000) / (performance.now() - start);
}

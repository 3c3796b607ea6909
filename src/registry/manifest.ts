import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import type { ResolvedConfig } from '../config/resolved-config.js';
import { problemsOf } from '../config/validate.js';
import { ThrunError } from '../contracts/errors.js';
import type { Discovery } from './discover.js';
import type { BatchEntry, ContractEntry, EventEntry } from './entries.js';
import { hashFiles } from './file-hashes.js';
import { findListenerFiles } from './listener-files.js';

export { nearestName } from '../config/nearest-name.js';

/** What discovery found, kept so that others need not import a single listener to know it. */
export interface Manifest {
  readonly version: 1;
  readonly contracts: readonly ContractEntry[];
  readonly events: readonly EventEntry[];
  readonly batches: readonly BatchEntry[];
  /** Relative path → SHA-256, of every file that anything above depends on. */
  readonly files: Readonly<Record<string, string>>;
}

export function manifestPath(root: string): string {
  return join(root, '.thrun', 'registry.json');
}

export function manifestOf({ contracts, events, batches, files }: Discovery): Manifest {
  return { version: 1, contracts, events, batches, files };
}

/** The same discovery gives the same bytes, on every machine: keys sorted, no times, no absolute paths. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(withSortedKeys(manifest), undefined, 2)}\n`;
}

/** Writes it in one step: a reader sees the one before, or this one. Resolves to its path, and whether it changed. */
export async function writeManifest(
  discovery: Discovery,
  { root }: Pick<ResolvedConfig, 'root'>,
): Promise<{ readonly path: string; readonly changed: boolean }> {
  const path = manifestPath(root);
  const text = manifestText(manifestOf(discovery));
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return { path, changed: false };
  const draft = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, text);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw new ThrunError('THRUN_FAILED', [`The manifest ${path} could not be written: ${(error as Error).message}`], {
      cause: error,
    });
  }
  return { path, changed: true };
}

/**
 * The manifest as it was written; undefined: there is none.
 * @throws {ThrunError} THRUN_MANIFEST_UNREADABLE
 */
export async function readManifest({ root }: Pick<ResolvedConfig, 'root'>): Promise<Manifest | undefined> {
  const path = manifestPath(root);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(path, (error as Error).message, error);
  }
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version !== 1)
    throw unreadable(path, `it is of version ${version}, this thrun knows version 1`);
  const [problem] = problemsOf(manifestSchema, value);
  if (problem) throw unreadable(path, `${problem.path === '' ? 'it' : problem.path}: ${problem.message}`);
  return value as Manifest;
}

/**
 * Why the manifest is no longer right, for people; empty: it is. Cheap, for it compares files and imports nothing; a glob
 * that was taken out of the config while its files stayed shows only in a new discovery.
 */
export async function staleness(
  manifest: Manifest,
  config: Pick<ResolvedConfig, 'root' | 'listeners'>,
): Promise<readonly string[]> {
  const { files } = await findListenerFiles(config);
  // Listener files import some of them, so that no glob has to list a file for it to count.
  const known = Object.keys(manifest.files).map((file) => join(config.root, file));
  const { hashes: now } = await hashFiles([...files, ...known], config.root);
  const names = [...new Set([...Object.keys(manifest.files), ...Object.keys(now)])].sort();
  return names.flatMap((file) => {
    if (now[file] === undefined) return [`${file} is gone`];
    if (manifest.files[file] === undefined) return [`${file} is new`];
    return manifest.files[file] === now[file] ? [] : [`${file} changed`];
  });
}

const place = { contract: v.string(), class: v.string(), file: v.string(), line: v.pipe(v.number(), v.integer()) };

const manifestSchema = v.object({
  version: v.literal(1),
  contracts: v.array(v.object({ ...place, kind: v.picklist(['event', 'pattern', 'job']), listener: v.string() })),
  events: v.array(v.object(place)),
  files: v.record(v.string(), v.string()),
  batches: v.array(v.object(place)),
});

function unreadable(path: string, why: string, cause?: unknown): ThrunError {
  return new ThrunError('THRUN_MANIFEST_UNREADABLE', [path, why], cause === undefined ? undefined : { cause });
}

function withSortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, withSortedKeys(inner)]),
  );
}

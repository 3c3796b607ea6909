import { describePosition, relativePath } from '../config/position.js';
import type { ResolvedConfig } from '../config/resolved-config.js';
import { type BuiltListener, buildFiles } from './build.js';
import { clashes, doubts, recordProblems, subject } from './check.js';
import {
  type BatchEntry,
  batchEntries,
  type ContractEntry,
  contractEntries,
  type EventEntry,
  eventEntries,
  type LocatedRecord,
} from './entries.js';
import { failed } from './failed.js';
import { hashFiles } from './file-hashes.js';
import { findListenerFiles } from './listener-files.js';
import { importListeners, type LoadedListener } from './load-listeners.js';
import { type DecoratorRecord, recorded } from './records.js';
import { locate } from './source-location.js';

/** What a project's listener files hold. */
export interface Discovery {
  /** Sorted by contract, then listener. */
  readonly contracts: readonly ContractEntry[];
  /** Classes that only name an event, sorted by contract. */
  readonly events: readonly EventEntry[];
  /** Kinds of batches, sorted by name. */
  readonly batches: readonly BatchEntry[];
  /** Of every file something was found in, and of every listener file: relative path → SHA-256. */
  readonly files: Readonly<Record<string, string>>;
  /** For the registry: what was decorated, in the order of the files. */
  readonly records: readonly DecoratorRecord[];
  /** For worker processes, which import the same modules without building them again. */
  readonly built: readonly BuiltListener[];
  /** Nothing that stops anybody, a line each. */
  readonly warnings: readonly string[];
}

/**
 * Builds and imports every listener file, and reads what their decorators recorded.
 * @throws {ThrunError} THRUN_DISCOVERY_FAILED with everything that is wrong, each with its place.
 */
export async function discover(config: Pick<ResolvedConfig, 'root' | 'listeners' | 'retry'>): Promise<Discovery> {
  const { root } = config;
  const { files, unmatched } = await findListenerFiles(config);
  // Hashed before they are read for good: a file that changes meanwhile makes the manifest stale, never wrongly fresh.
  const { hashes, unreadable } = await hashFiles(files, root);
  if (unreadable.length > 0) throw failed(unreadable);
  const build = await buildFiles(files, root);
  const loaded = await importListeners(build.listeners, root);
  const located = locateAll(loaded, files, root);

  const problems = [...loaded.flatMap((listener) => listener.problems), ...brokenRules(located, config)];
  if (problems.length > 0) throw failed(problems);
  const elsewhere = await hashFiles(
    located.map(({ path }) => path),
    root,
  );
  return {
    contracts: located.flatMap(contractEntries).sort(byContract),
    events: located.flatMap(eventEntries).sort(byContract),
    batches: located.flatMap(batchEntries).sort(byContract),
    files: { ...elsewhere.hashes, ...hashes },
    records: located.map(({ record }) => record),
    built: build.listeners,
    warnings: [
      ...build.warnings,
      ...unmatched.map((pattern) => `${pattern}: no file matches`),
      ...undecorated(files, located).map((file) => `${relativePath(root, file)}: no decorated class`),
      ...doubts(located),
    ],
  };
}

interface Located extends LocatedRecord {
  /** Absolute. */
  readonly path: string;
}

function locateAll(loaded: readonly LoadedListener[], files: readonly string[], root: string): readonly Located[] {
  const listed = new Set(files);
  const known = new Set(loaded.flatMap(({ records }) => records));
  return loaded.flatMap(({ source, module, records }) => {
    // A module that somebody imported before us, and that is therefore not run again, was recorded then.
    const earlier = source === module && records.length === 0 ? recordedEarlier(source, known) : [];
    return [...records, ...earlier].map((record) => {
      const { file, line } = locate(record, source, listed);
      return { record, path: file, file: relativePath(root, file), line };
    });
  });
}

function recordedEarlier(source: string, known: ReadonlySet<DecoratorRecord>): readonly DecoratorRecord[] {
  const only = new Set([source]);
  return recorded().filter((record) => !known.has(record) && locate(record, '', only).file === source);
}

function brokenRules(
  located: readonly Located[],
  { root, retry }: Pick<ResolvedConfig, 'root' | 'retry'>,
): readonly string[] {
  const sound: LocatedRecord[] = [];
  const problems: string[] = [];
  for (const one of located) {
    const own = recordProblems(one.record, retry);
    if (own.length === 0) sound.push(one);
    for (const problem of own) {
      problems.push(
        `${describePosition({ file: one.path, line: one.line }, root)}: ${subject(one.record)}: ${problem}`,
      );
    }
  }
  return [...problems, ...clashes(sound)];
}

/** A file nobody decorated is a mistake, or does not belong there. */
function undecorated(files: readonly string[], located: readonly Located[]): readonly string[] {
  const decorated = new Set(located.map(({ path }) => path));
  return files.filter((file) => !decorated.has(file));
}

function byContract(a: ContractEntry | EventEntry, b: ContractEntry | EventEntry): number {
  return compare(sortKey(a), sortKey(b));
}

function sortKey(entry: ContractEntry | EventEntry): readonly (string | number)[] {
  return [entry.contract, 'listener' in entry ? entry.listener : entry.class, entry.file, entry.line];
}

/** By code units, the same in every locale. */
function compare(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, one] of a.entries()) {
    const other = b[index];
    if (other !== undefined && one !== other) return one < other ? -1 : 1;
  }
  return 0;
}

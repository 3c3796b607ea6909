import { importProblems } from '../config/import-problem.js';
import { nativeImport } from '../config/native-import.js';
import type { BuiltListener } from './build.js';
import { failed } from './failed.js';
import { type DecoratorRecord, recordedDuring } from './records.js';

/** What came of importing one listener file. */
export interface LoadedListener extends BuiltListener {
  /** What was decorated in it, and in modules that it was the first to import. */
  readonly records: readonly DecoratorRecord[];
  /** Why it could not be imported; empty: it could. */
  readonly problems: readonly string[];
}

/**
 * A module runs once in a process, so what it recorded is remembered: discovering again gives the same as before. The
 * path of a built module changes with its content.
 */
const remembered = new Map<string, readonly DecoratorRecord[]>();

/**
 * Everything the listener files decorate, as a worker process needs it: nothing is built or checked.
 * @throws {ThrunError} THRUN_DISCOVERY_FAILED, with each file and line that could not be imported
 */
export async function loadListeners(
  built: readonly BuiltListener[],
  root: string,
): Promise<readonly DecoratorRecord[]> {
  const loaded = await importListeners(built, root);
  const problems = loaded.flatMap((listener) => listener.problems);
  if (problems.length > 0) throw failed(problems);
  return loaded.flatMap((listener) => listener.records);
}

/** One after the other, so that what is recorded meanwhile belongs to that file; one that fails does not stop the rest. */
export async function importListeners(
  built: readonly BuiltListener[],
  root: string,
): Promise<readonly LoadedListener[]> {
  // Errors of built listeners are to name the lines people wrote, at run time as well.
  if (built.some(({ source, module }) => source !== module)) process.setSourceMapsEnabled(true);
  const loaded: LoadedListener[] = [];
  for (const listener of built) {
    try {
      loaded.push({ ...listener, records: await recordsOf(listener.module), problems: [] });
    } catch (error) {
      loaded.push({ ...listener, records: [], problems: await importProblems(error, listener.source, root) });
    }
  }
  return loaded;
}

async function recordsOf(module: string): Promise<readonly DecoratorRecord[]> {
  const known = remembered.get(module);
  if (known !== undefined) return known;
  const records = await recordedDuring(() => nativeImport(module));
  remembered.set(module, records);
  return records;
}
